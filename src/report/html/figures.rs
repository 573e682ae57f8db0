//! Rows by state and type, with their sums.

use super::{super::LedgerAccount, states, words, writer::Html};
use crate::{
    model::{FactorType, RunSums},
    text::{counted, grouped},
};

pub(super) fn write(account: &LedgerAccount, html: &mut Html) {
    let digest = &account.digest;
    html.leaf("h2", &[], "Figures");
    if digest.types.is_empty() {
        html.leaf("p", &[("class", "none")], "No row has come to a state.");
        return;
    }
    let shown: Vec<_> = states().filter(|state| digest.states[*state] > 0).collect();
    html.tag("div", &[("class", "wide")], |html| {
        html.tag("table", &[("class", "figures")], |html| {
            html.tag("thead", &[], |html| {
                html.tag("tr", &[], |html| {
                    html.leaf("th", &[("scope", "col")], "State");
                    for of_type in &digest.types {
                        let name = of_type.factor_type.map_or("no type", FactorType::name);
                        html.leaf("th", &[("class", "n"), ("scope", "col")], name);
                    }
                    html.leaf("th", &[("class", "n"), ("scope", "col")], "All");
                });
            });
            html.tag("tbody", &[], |html| {
                for state in &shown {
                    html.tag("tr", &[], |html| {
                        html.tag("th", &[("scope", "row")], |html| {
                            html.text(words::state(*state));
                            html.tag("span", &[("class", "broad soft small")], |html| {
                                html.text(words::meaning(*state));
                            });
                        });
                        for of_type in &digest.types {
                            number(of_type.states[*state], html);
                        }
                        number(digest.states[*state], html);
                    });
                }
                html.tag("tr", &[("class", "sum")], |html| {
                    html.leaf("th", &[("scope", "row")], "Sum");
                    for of_type in &digest.types {
                        number(of_type.states.sum(), html);
                    }
                    number(digest.rows(), html);
                });
            });
        });
    });
    let parts: Vec<_> = shown.iter().map(|state| grouped(digest.states[*state])).collect();
    if parts.len() > 1 {
        let sum = format!("{} = {}", parts.join(" + "), counted(digest.rows(), "row"));
        html.leaf("p", &[("class", "soft small")], sum);
    }
    if let Some(sums) = account.runs.last().and_then(|run| run.about.as_ref()?.sums) {
        html.leaf("p", &[("class", "soft small")], last_run(sums));
    }
}

/// Describes how the rows that the last run read add up.
fn last_run(sums: RunSums) -> String {
    let RunSums { rows, duplicates, skipped, .. } = sums;
    let own = rows.saturating_sub(duplicates).saturating_sub(skipped);
    format!(
        "The last run read {}: {} came to a state in it + {} settled by earlier runs + {} \
         already met in the input = {}.",
        counted(rows, "row"),
        grouped(own),
        grouped(skipped),
        grouped(duplicates),
        grouped(rows)
    )
}

fn number(count: u64, html: &mut Html) {
    let class = if count == 0 { "n zero" } else { "n" };
    html.leaf("td", &[("class", class)], grouped(count));
}
