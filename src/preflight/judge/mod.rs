//! Findings that follow from what INPUT needs and what the tenant answered, except those about
//! time. Pure.

mod factors;
mod parties;
mod people;
mod servable;

use super::{Asked, Census, Facts, Finding, FindingCode, Severity, census::Tally};
use crate::{model::TenantFacts, text::counted};

/// Circumstances of an import besides its INPUT.
#[derive(Debug, Clone, Copy)]
pub struct JudgeTerms<'a> {
    /// Scopes that the import needs.
    pub scopes: &'a [&'static str],
    /// Host name at which the tenant is reached; it also serves logins.
    pub host: Option<&'a str>,
    /// Facts about the tenant besides its answers.
    pub known: &'a TenantFacts,
}

/// Returns the findings, the most serious first.
pub fn judge(census: &Census, facts: &Facts, terms: &JudgeTerms<'_>) -> Vec<Finding> {
    let mut found = scopes(facts, terms);
    found.extend(factors::findings(census, facts, terms.known));
    found.extend(parties::findings(census, facts, terms.host));
    found.extend(people::findings(census, facts, terms.known));
    found.sort_by_key(|finding| finding.severity);
    found
}

/// Finds what the token does not allow.
fn scopes(facts: &Facts, terms: &JudgeTerms<'_>) -> Vec<Finding> {
    let of = |scope: &'static str| {
        let (severity, message) = match facts.grant.has(scope) {
            Some(true) => return None,
            Some(false) => (
                Severity::Stop,
                format!("the token lacks the scope `{scope}`, which `import` needs"),
            ),
            None => (
                Severity::Unknown,
                format!(
                    "the token does not say whether it has the scope `{scope}`, which `import` needs"
                ),
            ),
        };
        let finding = Finding::new(FindingCode::ScopeMissing, severity, message, grant(scope));
        Some(Finding { scope: Some(scope), ..finding })
    };
    terms.scopes.iter().copied().filter_map(of).collect()
}

/// Describes how the token gets a scope.
fn grant(scope: &str) -> String {
    format!(
        "grant `{scope}` to the application under Applications > APIs > Auth0 Management API, and take \
         a new token"
    )
}

impl Finding {
    /// Adds the numbers of users and rows concerned.
    fn with(self, tally: Tally) -> Self {
        Self { users: tally.users, rows: Some(tally.rows), ..self }
    }
}

/// Returns an answer, or adds the finding that `what` is unknown.
fn known<'a, T>(
    asked: &'a Asked<T>,
    (code, what): (FindingCode, &str),
    tally: Option<Tally>,
    found: &mut Vec<Finding>,
) -> Option<&'a T> {
    let (why, action, scope) = match asked {
        Asked::Known(answer) => return Some(answer),
        Asked::NotNeeded => return None,
        Asked::NotAllowed(scope) => {
            (format!("the token lacks the scope `{scope}`"), grant(scope), Some(*scope))
        }
        Asked::Unanswered => (
            "the tenant gave no usable answer".into(),
            "run it again, or look for yourself".into(),
            None,
        ),
    };
    let message = format!("not known: {what} ({why})");
    let unknown = Finding { scope, ..Finding::new(code, Severity::Unknown, message, action) };
    // Some findings are about no row in particular.
    found.push(match tally {
        Some(tally) => unknown.with(tally),
        None => unknown,
    });
    None
}

/// Formats `14 rows of 12 users`, or `14 rows` if users were not counted.
fn rows_of(tally: Tally) -> String {
    let rows = counted(tally.rows, "row");
    match tally.users {
        Some(users) => format!("{rows} of {}", counted(users, "user")),
        None => rows,
    }
}

#[cfg(test)]
mod tests;
