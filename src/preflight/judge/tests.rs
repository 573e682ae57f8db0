//! Each fault of a tenant by itself, and what is said of it.

use super::*;
use crate::{
    model::{
        Channel, Contact, Credential, CustomDomain, Factor, FactorSwitches, FactorType, Grant,
        MessageTypes, Planned, PublicKeyCredential, Sampled, TenantFacts, UserId,
    },
    preflight::{Gatherer, SampleSize},
};

const SCOPES: &[&str] = &["create:authentication_methods", "read:authentication_methods"];

/// Census of users with a phone, a TOTP, an email, a security key and a passkey each; users from 5
/// on have an email only.
fn census(users: u8) -> Census {
    let (mut gatherer, mut marker) = Gatherer::of_users(SampleSize::Users(0), 1);
    for number in 0..users {
        let key = |id: &str| PublicKeyCredential {
            key_id: format!("key{number}"),
            public_key: String::new(),
            relying_party_identifier: Some(id.into()),
        };
        let all = [
            Credential::Email { address: Contact::new("a@b.example".into()) },
            Credential::Totp { secret: "SECRET".into() },
            Credential::Phone {
                number: Contact::new("+14155550100".into()),
                preferred: (number == 0).then_some(Channel::Voice),
            },
            Credential::WebauthnRoaming(key("login.example.com")),
            Credential::Passkey(key("example.com"), Box::default()),
        ];
        for credential in all.into_iter().take(if number < 5 { 5 } else { 1 }) {
            let user = UserId::parse(&format!("auth0|{number}")).unwrap();
            let factor = Factor { line: 1, at: None, user, name: None, credential };
            gatherer.add(marker.mark(&Planned::Factor(Box::new(factor)))).unwrap();
        }
    }
    gatherer.finish().unwrap().0
}

/// A tenant with nothing to find.
fn good() -> Facts {
    let on = [FactorType::Phone, FactorType::Email, FactorType::Totp, FactorType::WebauthnRoaming];
    Facts {
        grant: Grant {
            scopes: Some(SCOPES.iter().map(|scope| (*scope).into()).collect()),
            ..Grant::default()
        },
        switches: Asked::Known(FactorSwitches { switches: on.map(|of| (of, true)).to_vec() }),
        message_types: Asked::Known(MessageTypes { sms: true, voice: true }),
        policies: Asked::Known(vec!["all-applications".into()]),
        domains: Asked::Known(vec![domain("login.example.com", true)]),
        masks_lists: Asked::Known(false),
        sample: Asked::Known(Sampled { users: 5, ..Sampled::default() }),
        skew: None,
        requests: 0,
    }
}

fn domain(name: &str, is_ready: bool) -> CustomDomain {
    CustomDomain { domain: name.into(), relying_party: None, is_ready }
}

fn found(census: &Census, facts: &Facts) -> Vec<Finding> {
    judge(
        census,
        facts,
        &JudgeTerms {
            scopes: SCOPES,
            host: Some("acme.eu.auth0.com"),
            known: &TenantFacts::default(),
        },
    )
}

/// Code, severity, users and rows of a finding.
type Told = (&'static str, &'static str, Option<u64>, Option<u64>);
/// A fault of a tenant.
type Fault = fn(&mut Facts);

fn told(users: u8, facts: &Facts) -> Vec<Told> {
    let found = found(&census(users), facts);
    found.iter().map(|one| (one.code.name(), one.severity.name(), one.users, one.rows)).collect()
}

#[test]
fn nothing_is_found_of_a_tenant_that_is_ready_or_was_not_asked() {
    assert_eq!(told(5, &good()), []);
    let unasked = Facts { grant: good().grant, ..Facts::default() };
    assert_eq!(told(5, &unasked), []);
    assert_eq!(told(0, &good()), []);
}

#[track_caller]
fn check(faults: &[(Fault, &[Told])]) {
    for (fault, expected) in faults {
        let mut facts = good();
        fault(&mut facts);
        assert_eq!(told(5, &facts), *expected, "{facts:?}");
    }
}

#[test]
fn each_fault_of_a_token_a_switch_or_a_domain_has_its_finding_alone() {
    check(&[
        (
            |facts| facts.grant.scopes = Some(vec![SCOPES[1].into()]),
            &[("scope_missing", "stop", None, None)],
        ),
        (
            |facts| facts.grant.scopes = None,
            &[("scope_missing", "unknown", None, None), ("scope_missing", "unknown", None, None)],
        ),
        (
            |facts| {
                let off = vec![(FactorType::Totp, false)];
                facts.switches = Asked::Known(FactorSwitches { switches: off });
            },
            &[
                ("factor_off", "stop", Some(5), Some(5)),
                ("factor_off", "unknown", Some(5), Some(5)),
                ("factor_off", "unknown", Some(5), Some(5)),
                ("factor_off", "unknown", Some(5), Some(5)),
            ],
        ),
        (|facts| facts.policies = Asked::Known(Vec::new()), &[("no_policy", "warn", None, None)]),
        (
            |facts| facts.domains = Asked::Known(Vec::new()),
            &[("rp_id_unservable", "stop", Some(5), Some(10))],
        ),
        (
            |facts| facts.domains = Asked::Known(vec![domain("example.com", true)]),
            &[("rp_id_unservable", "stop", Some(5), Some(5))],
        ),
        (
            |facts| facts.domains = Asked::Known(vec![domain("login.example.com", false)]),
            &[("rp_id_unservable", "stop", Some(5), Some(10))],
        ),
    ]);
}

#[test]
fn each_fault_of_channels_lists_and_users_has_its_finding_alone() {
    check(&[
        (
            |facts| {
                let types = MessageTypes { sms: false, voice: true };
                facts.message_types = Asked::Known(types);
            },
            &[("sms_off", "warn", Some(4), Some(4))],
        ),
        (
            |facts| {
                let types = MessageTypes { sms: true, voice: false };
                facts.message_types = Asked::Known(types);
            },
            &[("voice_off", "warn", Some(1), Some(1))],
        ),
        (
            |facts| facts.masks_lists = Asked::Known(true),
            &[("lists_masked", "note", None, Some(10))],
        ),
        (
            |facts| {
                let sampled = Sampled { users: 5, with_methods: 2, ..Sampled::default() };
                facts.sample = Asked::Known(sampled);
            },
            &[("users_have_methods", "warn", Some(2), None)],
        ),
        (
            |facts| {
                let sampled = Sampled { users: 3, unanswered: 2, ..Sampled::default() };
                facts.sample = Asked::Known(sampled);
            },
            &[("users_missing", "unknown", Some(2), None)],
        ),
    ]);
    assert_eq!(told(7, &good()), [("email_only", "warn", Some(2), Some(2))]);
}

#[test]
fn a_twentieth_of_the_sample_missing_is_a_stop_and_fewer_are_a_warning() {
    for (users, missing, severity, at_most) in [
        (200, 9, Severity::Warn, 200),
        (200, 10, Severity::Stop, 200),
        (100, 1, Severity::Warn, 12),
        (250, 4, Severity::Warn, 4),
    ] {
        let mut facts = good();
        facts.sample = Asked::Known(Sampled { users, missing, ..Sampled::default() });
        let mut census = census(5);
        census.users = Some(250);
        let finding = found(&census, &facts).remove(0);
        assert_eq!(finding.code, FindingCode::UsersMissing);
        assert_eq!((finding.severity, finding.users), (severity, Some(missing)));
        let upper = finding.upper_bound_users.unwrap();
        assert!((missing..=at_most).contains(&upper), "{users} {missing}: {upper}");
        assert!(finding.message.contains("looked up do"), "{}", finding.message);
    }
}

#[test]
fn what_could_not_be_asked_is_unknown_and_names_its_scope() {
    let facts = Facts {
        grant: good().grant,
        switches: Asked::NotAllowed("read:guardian_factors"),
        message_types: Asked::NotAllowed("read:guardian_factors"),
        policies: Asked::NotAllowed("read:mfa_policies"),
        domains: Asked::NotAllowed("read:custom_domains"),
        masks_lists: Asked::NotAllowed("read:tenant_settings"),
        sample: Asked::Unanswered,
        skew: None,
        requests: 0,
    };
    let found = found(&census(5), &facts);
    let told: Vec<_> = found.iter().map(|one| (one.code.name(), one.scope)).collect();
    assert_eq!(
        told,
        [
            ("factor_off", Some("read:guardian_factors")),
            ("sms_off", Some("read:guardian_factors")),
            ("voice_off", Some("read:guardian_factors")),
            ("no_policy", Some("read:mfa_policies")),
            ("lists_masked", Some("read:tenant_settings")),
            ("rp_id_unservable", Some("read:custom_domains")),
            ("users_missing", None),
            ("users_have_methods", None),
        ]
    );
    assert!(found.iter().all(|one| one.severity == Severity::Unknown && !one.action.is_empty()));
}

#[test]
fn keys_of_the_tenants_own_name_need_no_custom_domain_and_those_above_it_do() {
    for (host, expected) in [("login.example.com", 5), ("example.com", 5), ("a.example.com", 10)] {
        let facts = Facts { domains: Asked::Known(Vec::new()), ..good() };
        let terms = JudgeTerms { scopes: SCOPES, host: Some(host), known: &TenantFacts::default() };
        assert_eq!(judge(&census(5), &facts, &terms)[0].rows, Some(expected), "{host}");
    }
}

/// Returns the message and the command of the first finding of a code.
fn said(users: u8, facts: &Facts, code: FindingCode) -> (String, Option<String>) {
    let found = found(&census(users), facts).into_iter().find(|one| one.code == code).unwrap();
    (found.message, found.command)
}

#[test]
fn an_email_beside_what_is_off_is_no_other_factor() {
    let (mut gatherer, mut marker) = Gatherer::of_users(SampleSize::Users(0), 1);
    for credential in [
        Credential::Email { address: Contact::new("a@b.example".into()) },
        Credential::Phone { number: Contact::new("+14155550100".into()), preferred: None },
    ] {
        let user = UserId::parse("auth0|1").unwrap();
        let factor = Factor { line: 1, at: None, user, name: None, credential };
        gatherer.add(marker.mark(&Planned::Factor(Box::new(factor)))).unwrap();
    }
    let census = gatherer.finish().unwrap().0;
    let message = |off| {
        let switches = [FactorType::Phone, FactorType::Email].map(|of| (of, of != off)).to_vec();
        let facts = Facts { switches: Asked::Known(FactorSwitches { switches }), ..good() };
        found(&census, &facts).remove(0).message
    };
    let phone = message(FactorType::Phone);
    assert!(phone.contains("1 user has no other factor that is on"), "{phone}");
    let email = message(FactorType::Email);
    assert!(email.contains("all of these users have another factor that is on"), "{email}");
}

#[test]
fn one_row_and_one_user_take_a_singular() {
    let types = MessageTypes { sms: false, voice: false };
    let sampled = Sampled { users: 1, unanswered: 1, ..Sampled::default() };
    let facts = Facts {
        message_types: Asked::Known(types),
        domains: Asked::Known(vec![domain("example.com", true)]),
        sample: Asked::Known(sampled),
        ..good()
    };
    for (users, code, words) in [
        (1, FindingCode::VoiceOff, "1 row of 1 user prefers them"),
        (3, FindingCode::SmsOff, "2 rows of 2 users prefer them"),
        (1, FindingCode::RpIdUnservable, "that 1 row of 1 user is bound to"),
        (2, FindingCode::RpIdUnservable, "that 2 rows of 2 users are bound to"),
        (1, FindingCode::UsersMissing, "whether 1 user of the sample exists"),
    ] {
        let (message, _) = said(users, &facts, code);
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn no_command_makes_a_domain_of_a_public_suffix() {
    for (id, expected) in [
        ("login.example.com", Some("auth0 domains create --domain login.example.com")),
        ("com", None),
        ("co.uk", None),
        ("github.io", None),
    ] {
        let (mut gatherer, mut marker) = Gatherer::of_users(SampleSize::Users(0), 1);
        let key = PublicKeyCredential {
            key_id: "key".into(),
            public_key: String::new(),
            relying_party_identifier: Some(id.into()),
        };
        let user = UserId::parse("auth0|1").unwrap();
        let credential = Credential::WebauthnRoaming(key);
        let factor = Factor { line: 1, at: None, user, name: None, credential };
        gatherer.add(marker.mark(&Planned::Factor(Box::new(factor)))).unwrap();
        let facts = Facts { domains: Asked::Known(Vec::new()), ..good() };
        let found = found(&gatherer.finish().unwrap().0, &facts).remove(0);
        assert_eq!((found.code, found.command.as_deref()), (FindingCode::RpIdUnservable, expected));
    }
}
