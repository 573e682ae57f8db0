//! Findings about relying parties: the domains that security keys and passkeys are bound to, and
//! where they work.

use super::{
    Census, Facts, Finding, FindingCode, Severity, known, rows_of,
    servable::{is_registrable, serves},
};
use crate::model::CustomDomain;

/// Most ids that are named.
const IDS_NAMED: usize = 5;

pub(super) fn findings(census: &Census, facts: &Facts, host: Option<&str>) -> Vec<Finding> {
    let mut found = Vec::new();
    if census.parties.is_empty() {
        return found;
    }
    // The tenant's own name is not a custom domain, but it serves logins all the same.
    let is_foreign = |id: Option<&str>| id.is_none() || id != host;
    let what = (
        FindingCode::RpIdUnservable,
        "whether the relying parties of INPUT can be served by a custom domain",
    );
    let (_, foreign) = census.parties.select(is_foreign);
    if foreign.rows == 0 {
        return found;
    }
    let Some(domains) = known(&facts.domains, what, Some(foreign), &mut found) else {
        return found;
    };
    let is_served = |id: &str| domains.iter().any(|domain| domain.is_ready && serves(domain, id));
    let (ids, tally) = census.parties.select(|id| is_foreign(id) && !id.is_some_and(is_served));
    if tally.rows == 0 {
        return found;
    }
    let mut told: Vec<_> = ids
        .iter()
        .take(IDS_NAMED)
        .map(|(id, tally)| format!("{} ({})", id.unwrap_or("further ones"), rows_of(*tally)))
        .collect();
    if ids.len() > IDS_NAMED {
        told.push(format!("and {} more", ids.len() - IDS_NAMED));
    }
    let message = format!(
        "the tenant cannot serve the relying parties that {} {} bound to: {}; no browser offers these \
         keys at another domain",
        rows_of(tally),
        if tally.rows == 1 { "is" } else { "are" },
        told.join(", ")
    );
    let first = ids.iter().find_map(|(id, _)| *id);
    let pending = first.and_then(|id| domains.iter().find(|domain| serves(domain, id)));
    let stop = Finding::new(FindingCode::RpIdUnservable, Severity::Stop, message, action(pending));
    // A public suffix, such as `co.uk`, cannot be anybody's domain.
    let own = ids.iter().filter_map(|(id, _)| *id).find(|id| is_registrable(id));
    let command = own.filter(|_| pending.is_none());
    let command = command.map(|id| format!("auth0 domains create --domain {id}"));
    found.push(Finding { command, ..stop.with(tally) });
    found
}

/// Describes what can be done; `pending` is a domain that would serve the first id once it is
/// ready.
fn action(pending: Option<&CustomDomain>) -> String {
    let first = match pending {
        Some(domain) => format!("finish the verification of the custom domain `{}`", domain.domain),
        None => "serve logins at a custom domain that is one of these ids or a subdomain of one, or set the \
                 custom domain's `relying_party_identifier` to the id where it is a suffix of the domain"
            .into(),
    };
    format!("{first}; or leave these rows out, and have their users enrol a new key")
}
