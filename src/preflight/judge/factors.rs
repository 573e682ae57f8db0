//! Findings about switches of the tenant: factors, channels to phones, policies, masks.

use super::{Asked, Census, Facts, Finding, FindingCode, Severity, Tally, counted, known, rows_of};
use crate::model::{FactorType, MessageTypes, TenantFacts};

pub(super) fn findings(census: &Census, facts: &Facts, about: &TenantFacts) -> Vec<Finding> {
    let mut found = Vec::new();
    switches(census, facts, about, &mut found);
    channels(census, facts, &mut found);
    policies(facts, &mut found);
    masks(census, facts, about, &mut found);
    found
}

/// Name of a Guardian factor; a passkey is none.
const fn guardian(of: FactorType) -> Option<&'static str> {
    match of {
        FactorType::Phone => Some("sms"),
        FactorType::Email => Some("email"),
        FactorType::Totp => Some("otp"),
        FactorType::WebauthnRoaming => Some("webauthn-roaming"),
        FactorType::Passkey => None,
    }
}

fn switches(census: &Census, facts: &Facts, about: &TenantFacts, found: &mut Vec<Finding>) {
    let concerned = || census.types().into_iter().filter_map(|of| Some((of, guardian(of)?)));
    let rows = concerned().map(|(of, _)| census.rows(of)).sum();
    if rows == 0 {
        return;
    }
    let tally = Tally { rows, users: None };
    let what = (FindingCode::FactorOff, "whether the factors of INPUT are switched on");
    let Some(switches) = known(&facts.switches, what, Some(tally), found) else { return };
    let off: Vec<_> =
        concerned().map(|(of, _)| of).filter(|of| switches.is_on(*of) == Some(false)).collect();
    // A passkey is not a second factor, and an email not one by itself: neither spares a user the
    // enrolment.
    let no_help = [FactorType::Passkey, FactorType::Email];
    let others: Vec<_> = off.iter().copied().chain(no_help).collect();
    for (of, name) in concerned() {
        let tally = census.of(of);
        match switches.is_on(of) {
            Some(true) => {}
            Some(false) => {
                let left = left_with(census.users_with_only(of, &others));
                let refused = if about.refuses_disabled_factor == Some(true) {
                    "; and the tenant refuses to create what is off (--tenant-facts)"
                } else {
                    ""
                };
                let message = format!(
                    "the factor `{name}` is switched off, and INPUT has {} of this type: {left}{refused}",
                    rows_of(tally)
                );
                let action = format!(
                    "switch it on before the import (Security > Multi-factor Auth), or leave {of} out"
                );
                let command =
                    format!("auth0 api put guardian/factors/{name} --data '{{\"enabled\": true}}'");
                let stop = Finding::new(FindingCode::FactorOff, Severity::Stop, message, action);
                found.push(stop.with(tally).doing(command));
            }
            None => {
                let message = format!(
                    "not known: whether the factor `{name}` is switched on (the tenant \
                                       does not name it)"
                );
                let action = "look for it under Security > Multi-factor Auth";
                found.push(
                    Finding::new(FindingCode::FactorOff, Severity::Unknown, message, action)
                        .with(tally),
                );
            }
        }
    }
}

/// Describes how many users have no factor left that is on.
fn left_with(users: Option<u64>) -> String {
    let have = match users {
        Some(0) => return "all of these users have another factor that is on".into(),
        Some(1) => "1 user has".into(),
        Some(users) => format!("{} have", counted(users, "user")),
        None => "users with".into(),
    };
    format!(
        "{have} no other factor that is on{} would be asked to enrol anew with a password alone",
        if users.is_some() { ", and" } else { "" }
    )
}

fn channels(census: &Census, facts: &Facts, found: &mut Vec<Finding>) {
    for (code, tally, is_on, words) in [
        (
            FindingCode::SmsOff,
            census.sms,
            (|types| types.sms) as fn(&MessageTypes) -> bool,
            ("text messages", "sms"),
        ),
        (FindingCode::VoiceOff, census.voice, |types| types.voice, ("calls", "voice")),
    ] {
        if tally.rows == 0 {
            continue;
        }
        let (channel, name) = words;
        let what = format!("whether {channel} to phones are switched on");
        let answer = known(&facts.message_types, (code, &what), Some(tally), found);
        if let Some(types) = answer.filter(|types| !is_on(types)) {
            let message = format!(
                "{channel} to phones are switched off, and {} {} them{}",
                rows_of(tally),
                if tally.rows == 1 { "prefers" } else { "prefer" },
                if name == "sms" { " (or name no channel, which means text messages)" } else { "" }
            );
            // All channels that INPUT needs or that are on already: the call replaces the whole
            // list.
            let channels = [("sms", types.sms, census.sms), ("voice", types.voice, census.voice)];
            let wanted =
                channels.into_iter().filter(|(_, is_on, needed)| *is_on || needed.rows > 0);
            let on: Vec<_> = wanted.map(|(one, ..)| format!("\"{one}\"")).collect();
            let command = format!(
                "auth0 api put guardian/factors/phone/message-types --data '{{\"message_types\": [{}]}}'",
                on.join(", ")
            );
            let action = format!(
                "switch {channel} on; otherwise these phones get their codes through another channel"
            );
            found.push(
                Finding::new(code, Severity::Warn, message, action).with(tally).doing(command),
            );
        }
    }
}

fn policies(facts: &Facts, found: &mut Vec<Finding>) {
    let what = (FindingCode::NoPolicy, "whether a policy asks for a factor at login");
    let answer = known(&facts.policies, what, None, found);
    if answer.is_some_and(Vec::is_empty) {
        let message = "no MFA policy is set: no login will ask for a factor unless an Action does";
        let action = "set a policy when the import is done, or make sure that an Action asks";
        let command = "auth0 api put guardian/policies --data '[\"all-applications\"]'";
        let warning = Finding::new(FindingCode::NoPolicy, Severity::Warn, message.into(), action);
        found.push(warning.doing(command));
    }
}

fn masks(census: &Census, facts: &Facts, about: &TenantFacts, found: &mut Vec<Finding>) {
    let [phone, email] = [FactorType::Phone, FactorType::Email].map(|of| census.rows(of));
    let tally = Tally { rows: phone + email, users: None };
    if tally.rows == 0 || facts.masks_lists == Asked::NotNeeded {
        return;
    }
    let what = (FindingCode::ListsMasked, "whether lists show phone numbers and addresses masked");
    let masks_lists = match (&facts.masks_lists, about.masking) {
        // The tenant's own answer takes precedence.
        (Asked::NotAllowed(_) | Asked::Unanswered, Some(masking)) => Asked::Known(masking),
        (asked, _) => asked.clone(),
    };
    if let Some(true) = known(&masks_lists, what, Some(tally), found) {
        let message = format!(
            "lists are masked: `verify` can find {} of phones and addresses consistent, but not equal",
            counted(tally.rows, "row")
        );
        let action = "nothing has to be done; to have phone numbers compared exactly, switch masking off \
                      until `verify` is done";
        let command = "auth0 api patch tenants/settings --data \
                       '{\"flags\": {\"disable_management_api_sms_obfuscation\": true}}'";
        let note = Finding::new(FindingCode::ListsMasked, Severity::Note, message, action);
        found.push(note.with(tally).doing(command));
    }
}
