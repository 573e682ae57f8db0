//! Rows by reason, each with its meaning, its remedy and its first rows.

use super::{
    super::{Digest, LedgerAccount, LedgerGroup, rows::RowReport},
    words,
    writer::Html,
};
use crate::{
    explain,
    model::{How, State},
    text::{counted, grouped},
};

/// Rows that are visible without unfolding.
const OPEN: usize = 10;

pub(super) fn reasons(account: &LedgerAccount, most: usize, html: &mut Html) {
    let is_bad = |group: &&LedgerGroup| group.state.needs_attention();
    let (bad, others): (Vec<_>, Vec<_>) = account
        .digest
        .reasons
        .iter()
        .filter(|group| group.state != State::NotCarried)
        .partition(is_bad);
    if !bad.is_empty() {
        html.leaf("h2", &[], "To look at");
        let sum: u64 = bad.iter().map(|group| group.count).sum();
        let lead = format!("{}, by reason, the most frequent first.", counted(sum, "row"));
        html.leaf("p", &[], lead);
        for group in bad {
            write(group, most, html);
        }
    }
    if !others.is_empty() {
        html.leaf("h2", &[], "Settled well, and worth a remark");
        for group in others {
            write(group, most, html);
        }
    }
}

pub(super) fn not_carried(account: &LedgerAccount, most: usize, html: &mut Html) {
    let groups = account.digest.reasons.iter();
    let groups: Vec<_> = groups.filter(|group| group.state == State::NotCarried).collect();
    if groups.is_empty() {
        return;
    }
    html.leaf("h2", &[], "Not carried");
    let sum: u64 = groups.iter().map(|group| group.count).sum();
    html.leaf(
        "p",
        &[],
        format!(
            "{} of the source. Nothing is wrong with them, but these users have to be told: what is \
             listed here did not move.",
            counted(sum, "row")
        ),
    );
    for group in groups {
        write(group, most, html);
    }
}

fn write(group: &LedgerGroup, most: usize, html: &mut Html) {
    let explained = explain::find(&group.code).map(|(_, explained)| explained);
    html.tag("section", &[("class", "group")], |html| {
        html.tag("header", &[], |html| {
            html.leaf("span", &[("class", "count")], grouped(group.count));
            html.tag("span", &[], |html| {
                let code = if group.code.is_empty() { "no code" } else { &*group.code };
                html.leaf("code", &[], code);
                html.tag("span", &[("class", "soft")], |html| {
                    html.text(format!(" {}", words::state(group.state)));
                });
            });
        });
        html.tag("div", &[("class", "body")], |html| {
            match explained {
                Some(explained) => {
                    html.prose("p", &[], explained.meaning);
                    html.prose("p", &[("class", "soft")], explained.cause);
                    html.tag("p", &[], |html| {
                        html.leaf("b", &[], "Do: ");
                        html.prose("span", &[], explained.remedy);
                    });
                }
                None => html.leaf("p", &[("class", "soft")], "This version has no words for it."),
            }
            table(&group.rows, group.count, most, html);
        });
    });
}

pub(super) fn doubts(account: &LedgerAccount, most: usize, html: &mut Html) {
    let doubts = &account.digest.doubts;
    if doubts.count == 0 {
        return;
    }
    html.leaf("h2", &[], "In doubt, and how it was settled");
    html.leaf(
        "p",
        &[],
        format!(
            "Of {} the outcome of a request was once unknown: no answer came, or one that says \
             nothing. None was simply sent again; each was looked up in the user's list first.",
            counted(doubts.count, "row")
        ),
    );
    html.tag("div", &[("class", "wide")], |html| {
        html.tag("table", &[], |html| {
            html.tag("tbody", &[], |html| {
                for ((state, how), count) in &doubts.by {
                    html.tag("tr", &[], |html| {
                        html.leaf("td", &[("class", "n")], grouped(*count));
                        html.leaf("td", &[], words::state(*state));
                        html.leaf("td", &[("class", "soft")], evidence(how.map(How::name)));
                    });
                }
                html.tag("tr", &[("class", "sum")], |html| {
                    html.leaf("td", &[("class", "n")], grouped(doubts.count));
                    html.leaf("td", &[("colspan", "2")], "Sum");
                });
            });
        });
    });
    table(&doubts.rows, doubts.count, most, html);
}

pub(super) fn in_flight(account: &LedgerAccount, most: usize, html: &mut Html) {
    let Digest { states, in_flight, .. } = &account.digest;
    let count = states[State::InFlight];
    if count == 0 {
        return;
    }
    html.leaf("h2", &[], "In flight");
    let what = if count == 1 { "1 row is".into() } else { format!("{} rows are", grouped(count)) };
    html.leaf(
        "p",
        &[],
        format!(
            "{what} in flight and not yet looked up: a request was about to be sent or was sent, and its \
             outcome is not recorded. The next run of the same command looks each of them up before \
             anything is sent again."
        ),
    );
    table(in_flight, count, most, html);
}

/// Writes which kinds of rows do not occur, since that matters as well.
pub(super) fn nothing(account: &LedgerAccount, html: &mut Html) {
    let Digest { states, doubts, .. } = &account.digest;
    let none: Vec<_> = [
        ("To look at", states.bad() == 0, "Nothing was rejected, failed, or needs review."),
        (
            "Not carried",
            states[State::NotCarried] == 0,
            "The input held nothing that no API can create.",
        ),
        (
            "In doubt",
            doubts.count == 0 && states[State::InFlight] == 0,
            "Every request was answered: none was ever in doubt.",
        ),
    ]
    .into_iter()
    .filter(|(_, is_none, _)| *is_none)
    .collect();
    if none.is_empty() {
        return;
    }
    html.leaf("h2", &[], "Nothing to report");
    html.tag("dl", &[("class", "facts")], |html| {
        for (name, _, text) in none {
            html.leaf("dt", &[], name);
            html.leaf("dd", &[], text);
        }
    });
}

fn evidence(how: Option<&str>) -> &'static str {
    match how {
        Some("response") => "by the answer to a later request, after a list had shown its absence",
        Some("reconciled") => "by the user's list, read after the settle time",
        Some("listed") => "by a list, read before sending, that showed the very value",
        Some("consistent") => "by a list, read before sending, that agreed with the value",
        _ => "not settled yet",
    }
}

/// Writes the first rows of those that `all` counts.
fn table(rows: &[RowReport], all: u64, most: usize, html: &mut Html) {
    let rows = rows.get(..most).unwrap_or(rows);
    let shown = rows.len() as u64;
    if rows.is_empty() {
        return;
    }
    let is_open = if rows.len() <= OPEN { &[("open", "")][..] } else { &[] };
    html.tag("details", is_open, |html| {
        let summary = match all.saturating_sub(shown) {
            0 => counted(all, "row"),
            more => format!("the first {}, and {} more", counted(shown, "row"), grouped(more)),
        };
        html.leaf("summary", &[], summary);
        // What all rows have in common is written once.
        let common = rule(rows.first());
        let is_common = rows.iter().all(|row| rule(Some(row)) == common);
        if let Some(common) = common.as_ref().filter(|_| is_common) {
            html.prose("p", &[("class", "soft small")], common);
        }
        html.tag("div", &[("class", "wide")], |html| {
            html.tag("table", &[("class", "rows stack")], |html| {
                html.tag("thead", &[], |html| {
                    html.tag("tr", &[], |html| {
                        html.leaf("th", &[("class", "n"), ("scope", "col")], "Line");
                        for name in ["User", "Type", "Details"] {
                            html.leaf("th", &[("scope", "col")], name);
                        }
                    });
                });
                html.tag("tbody", &[], |html| {
                    for row in rows {
                        write_row(row, is_common, html);
                    }
                });
            });
        });
    });
}

fn write_row(row: &RowReport, is_common: bool, html: &mut Html) {
    html.tag("tr", &[], |html| {
        html.leaf("td", &[("class", "n")], row.line);
        html.leaf("td", &[("class", "id")], row.user_id.as_deref().unwrap_or("unknown"));
        html.leaf("td", &[], row.r#type.unwrap_or("–"));
        let rule = rule(Some(row)).filter(|_| !is_common);
        // The code is in the heading.
        let error = row
            .error
            .as_ref()
            .filter(|error| row.rule.is_none() && Some(*error) != row.code.as_ref());
        let status = row.status.map(|status| format!("HTTP {status}"));
        let parts = [
            rule.as_deref(),
            error.map(String::as_str),
            row.file.as_deref(),
            row.at.as_deref(),
            row.method_id.as_deref(),
            status.as_deref(),
            row.correlation_id.as_deref(),
        ];
        let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        html.leaf("td", &[("class", "id")], parts.join(" · "));
    });
}

/// Returns the rule that a row breaks, with its field.
fn rule(row: Option<&RowReport>) -> Option<String> {
    let row = row?;
    let rule = row.rule.as_ref()?;
    let field = row.field.as_deref().filter(|field| !field.is_empty());
    Some(field.map_or_else(|| rule.clone(), |field| format!("{field}: {rule}")))
}
