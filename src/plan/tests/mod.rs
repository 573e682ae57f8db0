//! Facts that hold for rows of every type.

use proptest::prelude::*;
use secrecy::ExposeSecret;

use super::*;
use crate::model::{Cell, Channel, Credential, Factor, Field, PublicKeyCredential, UserId};

mod kinds;

const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
/// An Ed25519 key: `{1: 1, 3: -8, -1: 6, -2: 32 bytes}`.
const PUBLIC_KEY: &str = "pAEBAycgBiFYIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

fn record(cells: &[(Field, &str)]) -> Record {
    let mut record = Record::new(7);
    for (field, text) in cells {
        record.set(*field, Cell::Text((*text).to_owned()));
    }
    record
}

fn faults(record: Record) -> Vec<(String, String)> {
    match plan(record, None).planned {
        Planned::Factor(_) => Vec::new(),
        Planned::Rejected(rejection) => {
            rejection.faults.into_iter().map(|f| (f.field, f.rule)).collect()
        }
    }
}

fn factor(record: Record) -> Factor {
    match plan(record, None).planned {
        Planned::Factor(factor) => *factor,
        Planned::Rejected(rejection) => panic!("{rejection:?}"),
    }
}

/// One good row of each type, with every field that it may have.
fn good() -> Vec<Vec<(Field, &'static str)>> {
    let key = [
        (Field::KeyId, "AQIDBAUGBwg="),
        (Field::PublicKey, PUBLIC_KEY),
        (Field::RelyingPartyIdentifier, "Login.Example.com"),
    ];
    let with = |name, rest: &[(Field, &'static str)]| {
        let common = [(Field::UserId, "auth0|1"), (Field::Type, name), (Field::Name, "Büro")];
        common.iter().chain(rest).copied().collect()
    };
    vec![
        with(
            " Phone",
            &[
                (Field::PhoneNumber, "+1 (202) 555-0123"),
                (Field::PreferredAuthenticationMethod, "SMS"),
            ],
        ),
        with("email", &[(Field::Email, " Ann@example.com ")]),
        with(
            "TOTP",
            &[(Field::TotpSecret, "otpauth://totp/x?secret=jbswy3dpehpk3pxpjbswy3dpehpk3pxp")],
        ),
        with("webauthn_roaming", &key),
        with(
            "passkey",
            &[
                key[0],
                key[1],
                key[2],
                (Field::Aaguid, "EA9B8D66-4D01-1D21-3CE4-B6B48CB575D4"),
                (Field::CredentialDeviceType, "multi_device"),
                (Field::CredentialBackedUp, "TRUE"),
                (Field::IdentityUserId, "1"),
                (Field::UserAgent, "Browser/1.0"),
                (Field::UserHandle, "aGFuZGxl"),
                (Field::Transports, "internal hybrid internal"),
            ],
        ),
    ]
}

/// The record that a factor is planned from again: exactly what is sent.
fn as_record(factor: &Factor) -> Record {
    let mut record = Record::new(factor.line);
    let mut set = |field, text: Option<&str>| {
        if let Some(text) = text {
            record.set(field, Cell::Text(text.to_owned()));
        }
    };
    set(Field::UserId, Some(factor.user.as_str()));
    set(Field::Type, Some(factor.factor_type().name()));
    set(Field::Name, factor.name.as_deref());
    let mut set_key = |key: &PublicKeyCredential| {
        set(Field::KeyId, Some(&key.key_id));
        set(Field::PublicKey, Some(&key.public_key));
        set(Field::RelyingPartyIdentifier, key.relying_party_identifier.as_deref());
    };
    match &factor.credential {
        Credential::Phone { number, preferred } => {
            set(Field::PhoneNumber, Some(number.expose()));
            set(Field::PreferredAuthenticationMethod, preferred.map(Channel::name));
        }
        Credential::Email { address } => set(Field::Email, Some(address.expose())),
        Credential::Totp { secret } => set(Field::TotpSecret, Some(secret.expose_secret())),
        Credential::WebauthnRoaming(key) => set_key(key),
        Credential::Passkey(key, details) => {
            set_key(key);
            set(Field::Aaguid, details.aaguid.as_deref());
            set(Field::CredentialDeviceType, details.credential_device_type);
            set(Field::IdentityUserId, details.identity_user_id.as_deref());
            set(Field::UserAgent, details.user_agent.as_deref());
            set(Field::UserHandle, details.user_handle.as_deref());
            if let Some(value) = details.credential_backed_up {
                record.set(Field::CredentialBackedUp, Cell::Bool(value));
            }
            if !details.transports.is_empty() {
                record.set(Field::Transports, Cell::List(details.transports.clone()));
            }
        }
    }
    record
}

/// Everything a factor holds, as text, to compare by.
fn whole(factor: &Factor) -> String {
    let details = match &factor.credential {
        Credential::Passkey(_, details) => format!("{details:?}"),
        Credential::Phone { preferred, .. } => format!("{preferred:?}"),
        Credential::WebauthnRoaming(key) => format!("{key:?}"),
        Credential::Email { .. } | Credential::Totp { .. } => String::new(),
    };
    format!("{:?} {} {} {details}", factor, factor.user, factor.identity())
}

#[test]
fn a_good_row_of_each_type_becomes_what_is_sent() {
    let shown: Vec<_> = good().iter().map(|cells| preview(&factor(record(cells)))).collect();
    let text = |row: usize, field| {
        shown[row].iter().find(|(found, _)| *found == field).map(|(_, text)| text.as_str())
    };
    assert_eq!(text(0, Field::PhoneNumber), Some("XXXXXXXX0123"));
    assert_eq!(text(0, Field::PreferredAuthenticationMethod), Some("sms"));
    assert_eq!(text(1, Field::Email), Some("****@exam*******"));
    assert_eq!(text(2, Field::TotpSecret), Some("160 bits"));
    assert_eq!(text(3, Field::Type), Some("webauthn-roaming"));
    assert_eq!(text(3, Field::KeyId), Some("AQIDBAUGBwg"));
    assert_eq!(text(3, Field::RelyingPartyIdentifier), Some("login.example.com"));
    assert_eq!(text(4, Field::Aaguid), Some("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"));
    assert_eq!(text(4, Field::CredentialBackedUp), Some("true"));
    assert_eq!(text(4, Field::Transports), Some("internal hybrid"));
    assert_eq!(text(4, Field::Name), Some("Büro"));
}

#[test]
fn planning_what_is_sent_gives_the_same_again() {
    for cells in good() {
        let first = factor(record(&cells));
        let second = factor(as_record(&first));
        assert_eq!(whole(&first), whole(&second));
    }
}

#[test]
fn every_fault_of_a_row_is_reported() {
    let found = faults(record(&[
        (Field::Type, "phone"),
        (Field::PreferredAuthenticationMethod, "fax"),
        (Field::TotpSecret, SECRET),
    ]));
    let found: Vec<_> = found.iter().map(|(field, rule)| (field.as_str(), rule.as_str())).collect();
    assert_eq!(
        found,
        [
            ("user_id", "is required"),
            ("phone_number", "is required"),
            ("preferred_authentication_method", "must be `sms` or `voice`"),
            ("totp_secret", "does not belong to a phone: leave it empty"),
        ]
    );
}

#[test]
fn without_a_type_id_and_name_are_still_checked() {
    for cells in [&[(Field::Type, "sms")][..], &[]] {
        let mut record = record(cells);
        record.set(Field::Name, Cell::Text("a\tb".into()));
        record.set(Field::PhoneNumber, Cell::Text("no number".into()));
        let fields: Vec<_> = faults(record).into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["user_id", "type", "name"]);
    }
}

#[test]
fn required_fields_are_required() {
    for (name, required) in [
        ("phone", &["phone_number"][..]),
        ("email", &["email"]),
        ("totp", &["totp_secret"]),
        ("webauthn-roaming", &["key_id", "public_key", "relying_party_identifier"]),
        ("passkey", &["key_id", "public_key"]),
    ] {
        let found = faults(record(&[(Field::UserId, "auth0|1"), (Field::Type, name)]));
        let found: Vec<_> =
            found.iter().map(|(field, rule)| (field.as_str(), rule.as_str())).collect();
        let expected: Vec<_> = required.iter().map(|field| (*field, "is required")).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn faults_of_a_users_line_are_reported_by_path() {
    let mut record = record(&[(Field::Type, "email"), (Field::KeyId, "x")]);
    record.index = Some(2);
    let fields: Vec<_> = faults(record).into_iter().map(|(field, _)| field).collect();
    assert_eq!(
        fields,
        ["user_id", "authentication_methods[2].email", "authentication_methods[2].key_id"]
    );
}

#[test]
fn user_ids_may_be_odd_but_must_be_addressable() {
    for (id, expected) in [
        ("auth0|1", ""),
        ("samlp|acme|user+1@corp.example", ""),
        ("adfs|a/b%7C", ""),
        ("waad|jörg", ""),
        ("a\nb", ""),
        ("plain", ""),
        (".", "must be a user id"),
        ("..", "must be a user id"),
        (" auth0|1", "must not begin or end with white"),
        ("auth0|1\u{a0}", "must not begin or end with white"),
        ("auth0|a\0b", "must not contain a NUL"),
        ("auth0%7C1", "is already percent-encoded"),
        ("auth0%7c1", "is already percent-encoded"),
    ] {
        let found = faults(record(&[
            (Field::UserId, id),
            (Field::Type, "email"),
            (Field::Email, "a@example.com"),
        ]));
        let rule = found.first().map_or("", |(_, rule)| rule);
        assert!(
            rule.starts_with(expected) && rule.is_empty() == expected.is_empty(),
            "{id:?}: {rule}"
        );
    }
    let long = "a".repeat(1025);
    assert_eq!(
        faults(record(&[(Field::UserId, &long)]))[0].1,
        "has 1025 bytes; at most 1024 are allowed"
    );
}

#[test]
fn a_rejected_row_names_its_user_only_where_it_looks_like_one() {
    for (id, expected) in
        [("auth0|1", Some("auth0|1")), ("JBSWY3DPEHPK3PXP", None), (" auth0|1", None)]
    {
        let Planned::Rejected(rejection) = plan(record(&[(Field::UserId, id)]), None).planned
        else {
            panic!()
        };
        assert_eq!(rejection.user.as_ref().map(UserId::as_str), expected);
        assert_eq!(rejection.line, 7);
    }
}

#[test]
fn other_shapes_than_text_are_refused_where_text_is_wanted() {
    for (cell, expected) in [
        (Cell::Unusable("a number"), "is a number, but must be a string in quotes: numbers lose"),
        (Cell::Unusable("an object"), "is an object, but must be a string in quotes"),
        (Cell::Bool(true), "is a boolean, but must"),
        (Cell::List(vec!["+12025550123".into()]), "is a list, but must"),
    ] {
        let mut record = record(&[(Field::UserId, "auth0|1"), (Field::Type, "phone")]);
        record.set(Field::PhoneNumber, cell);
        let found = faults(record);
        assert_eq!(found.len(), 1);
        assert!(found[0].1.starts_with(expected), "{}", found[0].1);
    }
}

#[test]
fn fields_of_passkeys_are_checked_one_by_one() {
    let many: Vec<String> = (0..17).map(|n| format!("t{n}")).collect();
    for (field, cell, expected) in [
        (Field::Aaguid, Cell::Text("ea9b8d664d011d213ce4b6b48cb575d".into()), "must be a UUID"),
        (Field::CredentialDeviceType, Cell::Text("single".into()), "must be `single_device`"),
        (Field::CredentialBackedUp, Cell::Text("2".into()), "must be `true` or `false`"),
        (Field::CredentialBackedUp, Cell::Unusable("a number"), "must be `true` or `false`"),
        (Field::UserAgent, Cell::Text("a\nb".into()), "must not contain control"),
        (Field::UserAgent, Cell::Text("x".repeat(1025)), "has 1025 bytes"),
        (
            Field::UserHandle,
            Cell::Text("Zz".repeat(44)),
            "decodes to 66 bytes; 1 to 64 are allowed",
        ),
        (
            Field::Transports,
            Cell::Text("usb n.f.c".into()),
            "must be names such as `usb` or `internal` (letters, digits and hyphens), but entry 2",
        ),
        (Field::Transports, Cell::List(vec!["a b".into()]), "must be names"),
        (Field::Transports, Cell::List(many), "has more than 16"),
        (Field::Transports, Cell::Bool(true), "must be a list of names"),
    ] {
        let mut record = record(&good()[4]);
        record.set(field, cell);
        let found = faults(record);
        assert_eq!((found.len(), found[0].0.as_str()), (1, field.name()));
        assert!(found[0].1.starts_with(expected), "{}", found[0].1);
    }
}

#[test]
fn weak_and_long_secrets_are_warned_about() {
    for (len, expected) in [(16, "only 80 bits"), (128, "has 640 bits")] {
        let secret = SECRET.repeat(4);
        let cells = [
            (Field::UserId, "auth0|1"),
            (Field::Type, "totp"),
            (Field::TotpSecret, secret.get(..len).unwrap()),
        ];
        let warnings = plan(record(&cells), None).warnings;
        assert!(matches!(warnings.as_slice(), [one] if one.to_string().contains(expected)));
    }
}

/// Generates cells that a rule may be confronted with: good values of any field, and anything else.
fn cell() -> impl Strategy<Value = Cell> {
    let known: Vec<&str> = good().concat().into_iter().map(|(_, text)| text).collect();
    let text = prop_oneof![
        prop::sample::select(known).prop_map(str::to_owned),
        "[ -~]{0,40}",
        "\\PC{0,12}",
        "[+]?[0-9 ().-]{0,20}",
        "[A-Za-z2-7= -]{0,40}",
        "otpauth://(totp|hotp)/x[?](&?(secret|digits|period|algorithm)=(6|30|SHA1|[A-Z2-7]{16})){0,4}",
    ];
    prop_oneof![
        3 => Just(Cell::Absent),
        6 => text.clone().prop_map(Cell::Text),
        1 => any::<bool>().prop_map(Cell::Bool),
        1 => prop::collection::vec(text, 0..3).prop_map(Cell::List),
        1 => Just(Cell::Unusable("a number")),
    ]
}

fn any_record() -> impl Strategy<Value = Record> {
    let base = prop::sample::select(good());
    let changes =
        prop::collection::vec((prop::sample::select(Field::FACTOR.to_vec()), cell()), 0..4);
    (base, changes, prop::option::of(0_u32..9)).prop_map(|(base, changes, index)| {
        let mut record = record(&base);
        record.index = index;
        for (field, cell) in changes {
            record.set(field, cell);
        }
        record
    })
}

/// Says what a row came to, in every way that reaches people.
fn messages(plan: &Plan) -> String {
    let warnings: Vec<_> = plan.warnings.iter().map(ToString::to_string).collect();
    let debug = format!(
        "{:?} {:?}",
        plan.warnings,
        match &plan.planned {
            Planned::Factor(_) => Vec::new(),
            Planned::Rejected(rejection) => rejection.faults.clone(),
        }
    );
    format!("{} {debug}", warnings.join(" "))
}

proptest! {
    #[test]
    fn planning_is_idempotent(record in any_record()) {
        if let Planned::Factor(first) = plan(record, None).planned {
            let second = factor(as_record(&first));
            prop_assert_eq!(whole(&first), whole(&second));
        }
    }

    #[test]
    fn a_rejected_row_has_a_fault_and_every_fault_a_field(record in any_record()) {
        if let Planned::Rejected(rejection) = plan(record, None).planned {
            prop_assert!(!rejection.faults.is_empty());
            prop_assert!(rejection.faults.iter().all(|f| !f.field.is_empty() && !f.rule.is_empty()));
        }
    }

    #[test]
    fn no_message_holds_a_piece_of_a_value(
        base in any_record(),
        field in prop::sample::select(Field::FACTOR.to_vec()),
        canary in "[0-9A-Z@+/=*%]{0,3}[0-9a-zA-Z]{0,3}Qq[0-9JKZ]{6,12}[0-9A-Z@+/=%]{0,9}",
        in_list: bool,
    ) {
        let mut record = base;
        let cell = if in_list { Cell::List(vec![canary.clone()]) } else { Cell::Text(canary.clone()) };
        record.set(field, cell);
        let messages = messages(&plan(record, None));
        for window in canary.as_bytes().windows(6) {
            let window = str::from_utf8(window).unwrap();
            prop_assert!(!messages.contains(window), "{} in {}", window, messages);
        }
    }
}
