//! Facts that link a page to other documents: tenant, input, ledger, versions, runs.

use super::{super::LedgerAccount, words, writer::Html};
use crate::{
    ledger::RunRecord,
    model::{FileRead, LocalTime},
    text::{counted, grouped, human},
};

/// Runs that are shown.
const MAX_RUNS: usize = 40;
/// Digests of a run that are shown in the list of runs.
const MAX_DIGESTS: usize = 8;
/// Longest name that is shown in full, in characters.
const LONGEST_NAME: usize = 300;

pub(super) fn identity(account: &LedgerAccount, html: &mut Html) {
    html.leaf("h2", &[], "What this is about");
    html.tag("dl", &[("class", "facts")], |html| {
        fact("Tenant", html, |html| html.text(short(&account.tenant)));
        fact("Input", html, |html| input(account, html));
        if !account.shard.is_whole() {
            let text = format!(
                "{}: a part of the input's users alone; each of the other shards has a page of its own",
                account.shard
            );
            fact("Shard", html, |html| html.text(text));
        }
        fact("Time", html, |html| html.text(span(account)));
        fact("Ledger", html, |html| {
            if let Some(name) = &account.name {
                html.text(short(name));
                html.text(", ");
            }
            html.text("id ");
            html.leaf("code", &[], &account.id);
        });
        fact("Seal", html, |html| html.text(seal(account)));
        fact("Written by", html, |html| html.text(versions(account)));
    });
}

fn fact(name: &str, html: &mut Html, inside: impl FnOnce(&mut Html)) {
    html.leaf("dt", &[], name);
    html.tag("dd", &[], inside);
}

/// Writes the input of the last run, file by file.
fn input(account: &LedgerAccount, html: &mut Html) {
    // The input of an undo is the ledger itself.
    let is_of_input = |run: &&RunRecord| run.command != "undo";
    let Some(last) = account.runs.iter().rfind(is_of_input).or(account.runs.last()) else {
        html.text("none: no run was recorded");
        return;
    };
    let about = last.about.clone().unwrap_or_default();
    if about.files.is_empty() {
        html.text(short(&account.files.of_run(last)));
        html.leaf("div", &[("class", "soft small")], "No digest of it was recorded.");
        return;
    }
    for file in &about.files {
        html.tag("div", &[], |html| write_file(file, account, html));
    }
    let more = about.more_files;
    if more > 0 {
        html.leaf("div", &[("class", "soft small")], format!("and {}", counted(more, "more file")));
    }
    if account.runs.len() > 1 {
        let text = format!("as run {} read it; every run is listed below", last.id);
        html.leaf("div", &[("class", "soft small")], text);
    }
}

fn write_file(file: &FileRead, account: &LedgerAccount, html: &mut Html) {
    html.text(short(&account.files.of(&file.name)));
    let Some(sha256) = &file.sha256 else {
        let text = "not read to its end, so its digest is not known";
        html.leaf("div", &[("class", "soft small")], text);
        return;
    };
    html.text(format!(", {}", counted(file.bytes, "byte")));
    html.tag("div", &[], |html| {
        html.leaf("span", &[("class", "soft small")], "SHA-256 ");
        html.leaf("code", &[], short(sha256));
    });
}

/// Returns the time from the first run to the end of the last.
fn span(account: &LedgerAccount) -> String {
    let (Some(first), Some(last)) = (account.runs.first(), account.runs.last()) else {
        return "no run was recorded".into();
    };
    let count = account.runs.len() as u64 + account.runs_before;
    let (began, runs) = (words::time(first.started_at), counted(count, "run"));
    match last.ended_at {
        Some(end) => format!("{began} to {}, {runs}", words::time(end)),
        None => format!("began {began}, {runs}; the end of the last was not noted"),
    }
}

fn seal(account: &LedgerAccount) -> String {
    let writes = grouped(account.digest.writes);
    match (account.sealed, &account.fault) {
        (None, _) => format!("missing or damaged; the ledger has {writes} row writes"),
        (Some(sealed), Some(_)) => {
            format!("broken: {} row writes are sealed, and {writes} are there", grouped(sealed))
        }
        (Some(sealed), None) => format!(
            "whole: {} row writes are sealed, {writes} are there, and every row matches its checksum",
            grouped(sealed)
        ),
    }
}

fn versions(account: &LedgerAccount) -> String {
    let mut versions: Vec<_> =
        account.runs.iter().filter_map(|run| Some(run.about.as_ref()?.version.clone())).collect();
    versions.dedup();
    let unknown = account.runs.iter().any(|run| run.about.is_none());
    versions.truncate(5);
    let mut named: Vec<_> =
        versions.iter().map(|version| format!("mfaferry {}", short(version))).collect();
    if unknown || named.is_empty() {
        named.push("a version that did not note its number".into());
    }
    words::list(&named)
}

pub(super) fn runs(account: &LedgerAccount, now: LocalTime, html: &mut Html) {
    html.leaf("h2", &[], "Runs");
    let skipped = account.runs.len().saturating_sub(MAX_RUNS);
    let before = account.runs_before + skipped as u64;
    if before > 0 {
        let text = format!("The last {MAX_RUNS} runs; {} went before.", counted(before, "run"));
        html.leaf("p", &[("class", "soft")], text);
    }
    html.tag("div", &[("class", "wide")], |html| {
        html.tag("table", &[("class", "rows stack")], |html| {
            html.tag("thead", &[], |html| {
                html.tag("tr", &[], |html| {
                    html.leaf("th", &[("class", "n"), ("scope", "col")], "Run");
                    for name in ["Command", "Began", "End", "Input"] {
                        html.leaf("th", &[("scope", "col")], name);
                    }
                });
            });
            html.tag("tbody", &[], |html| {
                account
                    .runs
                    .iter()
                    .skip(skipped)
                    .for_each(|run| write_run(run, account, now, html));
            });
        });
    });
}

fn write_run(run: &RunRecord, account: &LedgerAccount, now: LocalTime, html: &mut Html) {
    html.tag("tr", &[], |html| {
        html.leaf("td", &[("class", "n")], run.id);
        html.leaf("td", &[], short(&run.command));
        html.leaf("td", &[], words::time(run.started_at));
        html.leaf("td", &[], end(run, account, now));
        html.tag("td", &[("class", "id")], |html| {
            html.text(short(&account.files.of_run(run)));
            let sums = run.about.as_ref().and_then(|about| about.sums);
            if let Some(sums) = sums {
                let text = format!(
                    " · {}, {}, {} throttled",
                    counted(sums.rows, "row"),
                    counted(sums.requests, "request"),
                    grouped(sums.throttled)
                );
                html.leaf("span", &[("class", "soft")], text);
            }
            let files = run.about.as_ref().map_or(&[][..], |about| &about.files);
            let digests = files.iter().filter_map(|file| file.sha256.as_deref());
            for sha256 in digests.take(MAX_DIGESTS) {
                html.tag("div", &[("class", "soft")], |html| {
                    html.text("SHA-256 ");
                    html.leaf("code", &[], short(sha256));
                });
            }
            let more = files.len().saturating_sub(MAX_DIGESTS) as u64;
            if more > 0 {
                let text = format!("and {}", counted(more, "more file"));
                html.leaf("div", &[("class", "soft")], text);
            }
        });
    });
}

fn end(run: &RunRecord, account: &LedgerAccount, now: LocalTime) -> String {
    let is_last = account.runs.last().is_some_and(|last| last.id == run.id);
    let lasted = |until: LocalTime| {
        let millis = u64::try_from(until - run.started_at).unwrap_or(0);
        human(std::time::Duration::from_millis(millis))
    };
    match (run.ended_at, run.is_complete) {
        (Some(end), true) => format!("complete after {}", lasted(end)),
        (Some(end), false) => format!("stopped after {}", lasted(end)),
        (None, _) if account.is_running && is_last => {
            format!("a run is going on since {}, for {}", words::time(run.started_at), lasted(now))
        }
        (None, _) => format!("none noted: was killed or is still running, after {}", lasted(now)),
    }
}

/// Truncates a text that is longer than any real name.
pub(super) fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST_NAME) {
        Some(_) => text.chars().take(LONGEST_NAME).chain(['…']).collect(),
        None => text.to_owned(),
    }
}
