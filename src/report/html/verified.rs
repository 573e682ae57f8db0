//! Findings of `verify`, and what they prove about all users.

use super::{
    super::{LedgerAccount, Verified, verified::is_asked},
    facts::short,
    writer::Html,
};
use crate::{
    jobs::list::verify::CONFIDENCE,
    model::State,
    text::{counted, grouped},
};

pub(super) fn write(
    verified: Option<&Verified>,
    account: &LedgerAccount,
    most: usize,
    html: &mut Html,
) {
    html.leaf("h2", &[], "Asked again: verify");
    let Some(verified) = verified else {
        html.prose(
            "p",
            &[("class", "none")],
            "No result was given. `mfaferry verify INPUT --output jsonl > FILE.jsonl`, then this report \
             with `--verify FILE.jsonl`, shows what the tenant holds.",
        );
        return;
    };
    html.prose("p", &[], &verified.sentence());
    html.prose("p", &[], &statement(verified));
    let states = &account.digest.states;
    let there = grouped(states[State::Created] + states[State::AlreadyPresent]);
    let text = format!("By this ledger, the tenant should hold factors of {there} rows.");
    html.leaf("p", &[("class", "soft small")], text);
    figures(verified, html);
    rows(verified, most, html);
    html.tag("p", &[("class", "soft small")], |html| {
        html.text(format!(
            "{}, {}, SHA-256 ",
            if account.files.are_hidden() { "The file".into() } else { short(&verified.file.name) },
            counted(verified.file.bytes, "byte")
        ));
        html.leaf("code", &[], verified.file.sha256.as_deref().unwrap_or("unknown"));
    });
}

/// Writes the rows by state; those that were asked about come first, with their sum.
fn figures(verified: &Verified, html: &mut Html) {
    let of = |asked: bool| {
        let states = verified.states.iter().map(|(state, count)| (*state, *count));
        states.filter(move |(state, _)| is_asked(state) == asked)
    };
    html.tag("div", &[("class", "wide")], |html| {
        html.tag("table", &[], |html| {
            html.tag("tbody", &[], |html| {
                of(true).for_each(|state| figure(state, html));
                sum(verified.asked(), "Sum of the rows that were asked about", html);
                if of(false).next().is_some() {
                    of(false).for_each(|state| figure(state, html));
                    sum(verified.states.values().sum(), "Sum of all lines of the result", html);
                }
            });
        });
    });
}

fn figure((state, count): (&str, u64), html: &mut Html) {
    html.tag("tr", &[], |html| {
        html.leaf("td", &[("class", "n")], grouped(count));
        html.leaf("td", &[], state.replace('_', " "));
        html.leaf("td", &[("class", "soft")], meaning(state));
    });
}

fn sum(count: u64, name: &str, html: &mut Html) {
    html.tag("tr", &[("class", "sum")], |html| {
        html.leaf("td", &[("class", "n")], grouped(count));
        html.leaf("td", &[("colspan", "2")], name);
    });
}

/// Describes what is known about the users who were asked about, and about all.
fn statement(verified: &Verified) -> String {
    let Verified { users, users_with_missing: missing, users_of_ledger: all, .. } = *verified;
    if users == 0 {
        return "Nobody was asked about.".into();
    }
    let were = if users == 1 { "was" } else { "were" };
    let found = match missing {
        0 => {
            format!("Of {} who {were} asked about, nobody lacks a factor.", counted(users, "user"))
        }
        _ => format!(
            "Of {} who {were} asked about, {} a factor or got no answer.",
            counted(users, "user"),
            if missing == 1 { "1 lacks".into() } else { format!("{} lack", grouped(missing)) }
        ),
    };
    if verified.is_of_others() {
        return format!("{found} None of them is a user of this ledger.");
    }
    // If all users were asked about, nothing has to be inferred.
    if users >= all {
        return found;
    }
    let bound = verified.bound();
    format!(
        "{found} They are a sample of the {} of this ledger. If it was drawn by chance (`--sample`), then \
         with {:.0} % confidence at most {} % of all of them lack one ({}).",
        counted(all, "user"),
        CONFIDENCE * 100.0,
        percent(bound.at_most * 100.0),
        bound.method
    )
}

/// Formats `3`, `0.3`, `0.003`: rounded up.
fn percent(share: f64) -> String {
    let text = format!("{:.3}", (share * 1000.0).ceil() / 1000.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn meaning(state: &str) -> &'static str {
    match state {
        "present" => "the tenant holds it, as far as its list shows",
        "missing" => "the tenant does not hold it",
        "differs" => "held under another name, or with another preferred channel",
        "unverifiable" => "one of that type and name is held; its value is never shown",
        "unanswered" => "the tenant gave no usable list of this user",
        "rejected" => "the row is no factor, so nobody was asked",
        "not_carried" => "no import can bring it into the tenant",
        _ => "held by the tenant, and not in the input",
    }
}

fn rows(verified: &Verified, most: usize, html: &mut Html) {
    let shown = verified.rows.get(..most).unwrap_or(&verified.rows);
    if shown.is_empty() {
        return;
    }
    let all = verified.bad() + verified.of("rejected");
    let more = all.saturating_sub(shown.len() as u64);
    html.tag("details", if shown.len() <= 10 { &[("open", "")] } else { &[] }, |html| {
        let first = counted(shown.len() as u64, "row");
        let summary = match more {
            0 => format!("{first} to look at, rejected ones last"),
            more => {
                format!(
                    "the first {first} to look at, rejected ones last, and {} more",
                    grouped(more)
                )
            }
        };
        html.leaf("summary", &[], summary);
        html.tag("div", &[("class", "wide")], |html| {
            html.tag("table", &[("class", "rows stack")], |html| {
                html.tag("tbody", &[], |html| {
                    for row in shown {
                        html.tag("tr", &[], |html| {
                            let line = row.line.map(|line| line.to_string()).unwrap_or_default();
                            html.leaf("td", &[("class", "n")], line);
                            html.leaf("td", &[], row.state);
                            html.leaf("td", &[("class", "id")], &row.user);
                            html.leaf("td", &[], &row.factor_type);
                            html.leaf("td", &[("class", "id")], &row.details);
                        });
                    }
                });
            });
        });
    });
}
