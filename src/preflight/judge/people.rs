//! Findings about users: those of the sample, and those whose factors are not enough.

use super::{Census, Facts, Finding, FindingCode, Severity, Tally, counted, known, rows_of};
use crate::{
    jobs::list::verify::Bound,
    model::{Sampled, TenantFacts},
    text::grouped,
};

/// Denominator of the share of missing users in the sample that stops the import.
const STOP_SHARE: u64 = 20;

pub(super) fn findings(census: &Census, facts: &Facts, about: &TenantFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    sample(census, facts, &mut found);
    email_only(census.email_only, &mut found);
    too_many(census.too_many, about, &mut found);
    incomplete_passkeys(census, &mut found);
    recovery_codes(census.recovery_codes, &mut found);
    found
}

fn sample(census: &Census, facts: &Facts, found: &mut Vec<Finding>) {
    let what = (FindingCode::UsersMissing, "whether the users of INPUT exist");
    if let Some(sampled) = known(&facts.sample, what, None, found) {
        missing(census, sampled, found);
        with_methods(sampled, found);
    } else {
        let what = (FindingCode::UsersHaveMethods, "whether users of INPUT hold methods already");
        known(&facts.sample, what, None, found);
    }
}

fn missing(census: &Census, sampled: &Sampled, found: &mut Vec<Finding>) {
    let Sampled { users, missing, unanswered, .. } = *sampled;
    if unanswered > 0 {
        let message = format!(
            "not known: whether {} of the sample {} (the tenant gave no usable answer)",
            counted(unanswered, "user"),
            if unanswered == 1 { "exists" } else { "exist" },
        );
        let unknown = Finding::new(
            FindingCode::UsersMissing,
            Severity::Unknown,
            message,
            "run it again when the tenant answers",
        );
        found.push(Finding { users: Some(unanswered), ..unknown });
    }
    if missing == 0 {
        return;
    }
    let severity = if missing * STOP_SHARE >= users { Severity::Stop } else { Severity::Warn };
    let all = census.users.unwrap_or(users);
    let at_most = if users >= all { missing } else { bound(users, missing, all) };
    let of_all = if users >= all {
        String::new()
    } else {
        format!(" (so, with 95 % confidence, at most {} of all {})", grouped(at_most), grouped(all))
    };
    let message = format!(
        "{} of the {} looked up {} not exist in this tenant{of_all}: their rows would be rejected",
        counted(missing, "user"),
        grouped(users),
        if missing == 1 { "does" } else { "do" },
    );
    let action = "import the users first; or, if they exist, check whether this is the right tenant and \
                  the ids of INPUT (with --from: of --user-id or --users) match it exactly";
    let finding = Finding::new(FindingCode::UsersMissing, severity, message, action);
    found.push(Finding { users: Some(missing), upper_bound_users: Some(at_most), ..finding });
}

/// Returns an upper bound of the missing users among `all`.
fn bound(users: u64, missing: u64, all: u64) -> u64 {
    let share = Bound::of(users, missing).at_most;
    #[expect(clippy::cast_precision_loss, reason = "a share of the users")]
    let most = (share * all as f64).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a number of users"
    )]
    let most = most as u64;
    most.min(all)
}

fn with_methods(sampled: &Sampled, found: &mut Vec<Finding>) {
    let Sampled { users, with_methods, .. } = *sampled;
    if with_methods > 0 {
        let message = format!(
            "{} of the {} looked up already {} methods of types that INPUT has",
            counted(with_methods, "user"),
            grouped(users),
            if with_methods == 1 { "holds" } else { "hold" }
        );
        let action = "if an earlier import created them, go on with its ledger; otherwise give `import \
                      --skip-existing`, which lists each user first and passes over what is there";
        let warning = Finding::new(FindingCode::UsersHaveMethods, Severity::Warn, message, action);
        found.push(Finding { users: Some(with_methods), ..warning });
    }
}

fn email_only(tally: Tally, found: &mut Vec<Finding>) {
    if tally.rows > 0 {
        let message = format!(
            "email is the only factor of {}: Auth0 takes email as a dependent factor, which counts only \
             beside another one",
            counted(tally.users.unwrap_or(tally.rows), "user")
        );
        let action = "import another factor for them, or expect them to be asked to enrol one";
        found.push(
            Finding::new(FindingCode::EmailOnly, Severity::Warn, message, action).with(tally),
        );
    }
}

fn too_many(tally: Tally, about: &TenantFacts, found: &mut Vec<Finding>) {
    if tally.rows > 0 {
        let one_of: Vec<_> = about.conflict.iter().flat_map(|rule| &rule.second_of_type).collect();
        let message = match about.cap_per_user {
            _ if !one_of.is_empty() => {
                let names: Vec<_> = one_of.iter().map(|of| of.name()).collect();
                let cap = about.cap_per_user.map(|cap| {
                    format!(", and {} of any other type", counted(cap.into(), "method"))
                });
                format!(
                    "{} are more than this tenant is known to take: of {} one per user{} (--tenant-facts)",
                    rows_of(tally),
                    names.join(", "),
                    cap.unwrap_or_default()
                )
            }
            Some(cap) => format!(
                "{} would be rejected (`entity_limit`): this tenant takes {} of a type from a user \
                 (--tenant-facts)",
                rows_of(tally),
                counted(cap.into(), "method")
            ),
            None => format!(
                "{} with more than 10 factors or 20 passkeys: no tenant is known to accept so many",
                rows_of(tally)
            ),
        };
        let action =
            "remove the rows of factors they no longer use, or expect the tenant to refuse some";
        found.push(
            Finding::new(FindingCode::ManyPerUser, Severity::Warn, message, action).with(tally),
        );
    }
}

fn incomplete_passkeys(census: &Census, found: &mut Vec<Finding>) {
    let tally = census.incomplete_passkeys;
    if tally.rows > 0 {
        let fields: Vec<_> = census.lacking.iter().map(|field| field.name()).collect();
        let message = format!(
            "passkeys of {} lack fields that this tenant requires ({}; --tenant-facts): they would be rejected \
             (`invalid_body`)",
            rows_of(tally),
            fields.join(", ")
        );
        let action =
            "add the fields to INPUT; if they are there under other names, --map renames them";
        let warning = Finding::new(FindingCode::PasskeyFields, Severity::Warn, message, action);
        found.push(warning.with(tally));
    }
}

fn recovery_codes(tally: Tally, found: &mut Vec<Finding>) {
    if tally.rows > 0 {
        let message = format!(
            "recovery codes cannot be carried: {} will have none",
            counted(tally.users.unwrap_or(tally.rows), "user")
        );
        let action = "tell these users that their old codes no longer work; Auth0 shows a new one when a \
                      user enrols a factor by themselves";
        found.push(
            Finding::new(FindingCode::NoRecoveryCodes, Severity::Note, message, action).with(tally),
        );
    }
}
