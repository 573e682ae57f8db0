//! The end of the page: proofs, what is not proved, and who is responsible.

use std::collections::BTreeSet;

use super::{
    super::{LedgerAccount, Verified},
    facts::short,
    words,
    writer::Html,
};
use crate::{
    ledger::Proved,
    model::ProofVerdict,
    text::{counted, grouped},
};

/// Proofs that are shown one by one.
const MAX_PROOFS: usize = 50;

pub(super) fn proofs(account: &LedgerAccount, html: &mut Html) {
    html.leaf("h2", &[], "Proofs of encoding");
    if account.proofs.is_empty() {
        html.prose(
            "p",
            &[("class", "none")],
            "None was made. `mfaferry check INPUT --prove USER --ledger FILE` holds codes of a real app \
             against a secret: only that shows that secrets are read as they are meant.",
        );
        return;
    }
    let lead = format!(
        "{} by codes of an authenticator app, held against secrets of the input.",
        counted(account.proofs.len() as u64, "proof")
    );
    html.leaf("p", &[], lead);
    html.tag("div", &[("class", "wide")], |html| {
        html.tag("table", &[("class", "rows stack")], |html| {
            html.tag("tbody", &[], |html| {
                let first = account.proofs.len().saturating_sub(MAX_PROOFS);
                for proof in account.proofs.iter().skip(first) {
                    html.tag("tr", &[], |html| {
                        html.leaf("td", &[], words::time(proof.at));
                        let line = proof.line.map(|line| format!("line {line}"));
                        html.leaf("td", &[], line.unwrap_or_default());
                        let user = proof.user.as_deref().unwrap_or_default();
                        let hidden = account.pseudonyms.as_ref().filter(|_| !user.is_empty());
                        let user = hidden.map_or_else(|| short(user), |by| by.of(user));
                        html.leaf("td", &[("class", "id")], user);
                        html.leaf("td", &[], proof_words(proof.verdict));
                    });
                }
            });
        });
    });
}

/// Describes the proofs that show a fault; `None` if there are none.
pub(super) fn wrong(account: &LedgerAccount) -> Option<String> {
    let users = |is_of: fn(ProofVerdict) -> bool| {
        let of: Vec<&Proved> = account.proofs.iter().filter(|proof| is_of(proof.verdict)).collect();
        // Earlier versions recorded no user.
        let named: BTreeSet<_> = of.iter().filter_map(|proof| proof.user.as_ref()).collect();
        named.len() + of.iter().filter(|proof| proof.user.is_none()).count()
    };
    let of_users = |count: usize| match count {
        1 => "1 user".into(),
        count => format!("{} users", grouped(count as u64)),
    };
    let wrong = users(|verdict| !verdict.is_right() && verdict != ProofVerdict::NoMatch);
    let unclear = users(|verdict| verdict == ProofVerdict::NoMatch);
    let mut parts = Vec::new();
    if wrong > 0 {
        parts.push(format!("secrets of {} were proved to be read wrongly", of_users(wrong)));
    }
    if unclear > 0 {
        parts.push(format!("codes of {} match no reading of the secret", of_users(unclear)));
    }
    (!parts.is_empty()).then(|| words::list(&parts))
}

fn proof_words(verdict: ProofVerdict) -> &'static str {
    match verdict {
        ProofVerdict::Right => "right: an import reads the secret as the app does",
        ProofVerdict::RightButClock => "right, and one of the two clocks is wrong",
        ProofVerdict::OtherEncoding => {
            "WRONG: the secret is in another encoding than an import takes"
        }
        ProofVerdict::OtherProfile => "WRONG: the tenant cannot check the codes of this app",
        ProofVerdict::NoMatch => "NO MATCH: no way of reading the secret gives these codes",
    }
}

pub(super) fn limits(account: &LedgerAccount, verified: Option<&Verified>, html: &mut Html) {
    html.leaf("h2", &[], "What this page does not prove");
    let mut limits = vec![
        "That users can log in. It says what the tenant answered when factors were created, not that a \
         code, a key or a phone works; the first real login of a user does.",
        "That each factor belongs to the right person. Whose it is was taken from the input, or from the \
         map or template that the command was given.",
        "That the tenant still holds what was created. Users, administrators and other programs may have \
         changed it since.",
        "That the input was everything. Rows that were never in it, or in files that no run was given, \
         are not here.",
        "That nobody changed this page. It bears no signature of its own: make it again from the ledger, \
         whose seal and checksums say whether that is whole.",
    ];
    if verified.is_none() {
        limits.push(
            "That the tenant was asked again afterwards: no result of `mfaferry verify` was given to \
             this page (`--verify FILE.jsonl`).",
        );
    } else {
        limits.push(
            "That the given result of `verify` is of this tenant and this input, and whole. TOTP secrets \
             are never shown by the tenant, and masked numbers only in part: there, `present` means that \
             nothing that can be seen speaks against it.",
        );
    }
    if account.proofs.is_empty() || account.proofs.iter().any(|proof| !proof.verdict.is_right()) {
        limits.push(
            "That TOTP secrets are read in the right encoding. A wrong reading is a valid secret that \
             locks its user out, and no answer of the tenant shows it.",
        );
    }
    html.tag("ul", &[], |html| limits.iter().for_each(|limit| html.prose("li", &[], limit)));
}

pub(super) fn signatures(html: &mut Html) {
    html.leaf("h2", &[], "Accepted by");
    html.tag("div", &[("class", "sign")], |html| {
        for line in [
            "Name, for the migration",
            "Date and signature",
            "Name, for the tenant",
            "Date and signature",
        ] {
            html.leaf("p", &[], line);
        }
    });
}
