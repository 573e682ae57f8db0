//! Clerk: the CSV of its dashboard's user export, or the same as an array of JSON.
//!
//! Read in `clerk/migration-tool`: `samples/clerk.csv`, `samples/clerk.json`,
//! `src/migrate/functions.ts` (lists in a cell are cut at `|` and `,`); and in
//! `workos/workos-migrations`: `transformers/__tests__/clerk.test.ts` (the order of the columns
//! varies).

use super::{About, FactorDraft, Rows, System, totp};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Node, Person, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "clerk",
    title: "Clerk",
    // The first line of its CSV may be a remark.
    forms: &[Form::Csv(Some('#')), Form::Json(Places { elements: &[""], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "Clerk Dashboard, Settings, User exports: a CSV with the column `totp_secret`.",
            "An array of JSON with the same names, as Clerk's support writes it, is read, too.",
        ],
        carries: &[
            "totp: `totp_secret`, in Base32",
            "phone: only with `--include-profile-phone`, the primary number and the verified ones",
        ],
        leaves: &[
            "backup codes: Auth0 has no import for them, and the CSV does not hold them",
            "phones, unless `--include-profile-phone`: the export does not say which are second factors",
            "passkeys: no export of Clerk's holds them",
        ],
        traps: &[
            "The API and the command-line tool leave out `totp_secret`: use the Dashboard's export.",
            "Unverified phones are never taken.",
        ],
        flags: &[
            "--user-id or --users: Clerk knows no Auth0 ids; `{id}` is Clerk's (`user_…`)",
            "--include-profile-phone: takes the phones of profiles for factors, too",
        ],
        no_factors: "no user has a `totp_secret`: the API and the command-line tool leave it out. Export from \
                     the Dashboard (Settings, User exports)",
    },
    recognises,
    read,
};

fn recognises(user: &Node) -> bool {
    let keys = [
        "primary_email_address",
        "primary_phone_number",
        "primary_email_address_id",
        "verified_email_addresses",
        "email_addresses",
        "phone_numbers",
        "totp_secret",
    ];
    user.has("id") && keys.iter().any(|key| user.has(key))
}

fn read(user: &Node, rows: &mut Rows<'_>) {
    let email = primary_email(user);
    rows.person = Person {
        id: user.get("id").text().map(Into::into),
        email: email.map(Into::into),
        username: user.get("username").text().map(Into::into),
        is_email_verified: email.and_then(|email| is_verified(user, email)),
        is_disabled: user.get("banned").flag() == Some(true),
    };
    totp(user, rows);
    let has_codes = match user.get("backup_codes") {
        Node::Null => false,
        Node::Text(text) => !text.trim().is_empty(),
        Node::List(codes) => !codes.is_empty(),
        _ => true,
    };
    let says_so = |key| user.get(key).flag() == Some(true);
    if has_codes || says_so("backup_codes_enabled") || says_so("backup_code_enabled") {
        rows.recovery_codes("backup_codes");
    }
    phones(user, rows);
}

fn totp(user: &Node, rows: &mut Rows<'_>) {
    let at = "totp_secret";
    let is_blank = match user.get(at) {
        Node::Null => true,
        Node::Text(text) => text.trim().is_empty(),
        _ => false,
    };
    if !is_blank {
        let text = user.get(at).text().unwrap_or_default();
        let factor = FactorDraft::new(FactorType::Totp);
        rows.push(at, totp::set_secret(factor, text, SecretEncoding::Base32));
    } else if user.get("totp_enabled").flag() == Some(true) {
        let rule = "is not in this export, which the API or the command-line tool has made: export from the \
                    Dashboard (Settings, User exports)";
        rows.not_carried(at, Some(FactorType::Totp), Code::SecretNotExported, rule);
    }
}

fn phones(user: &Node, rows: &mut Rows<'_>) {
    for (index, phone) in user.get("phone_numbers").items().iter().enumerate() {
        if matches!(phone, Node::Object(_)) {
            phone_of_api(phone, format!("phone_numbers[{index}]"), rows);
        }
    }
    let unverified = listed(user.get("unverified_phone_numbers"));
    for column in ["primary_phone_number", "verified_phone_numbers", "phone_numbers"] {
        for number in listed(user.get(column)) {
            if !unverified.contains(&number) {
                rows.profile_phone(column, number);
            }
        }
    }
}

/// Reads a phone as the API has it.
fn phone_of_api(phone: &Node, at: String, rows: &mut Rows<'_>) {
    let is_verified = phone.get("verification").get("status").text() == Some("verified");
    if let Some(number) = phone.get("phone_number").scalar().filter(|_| is_verified) {
        rows.profile_phone(at, number);
    }
}

/// Returns the address that people log in with, by whichever name it is there.
fn primary_email(user: &Node) -> Option<&str> {
    let of_api = || {
        let id = user.get("primary_email_address_id").text()?;
        let mut addresses = user.get("email_addresses").items().iter();
        let primary = addresses.find(|address| address.get("id").text() == Some(id))?;
        primary.get("email_address").text()
    };
    user.get("primary_email_address").text().or_else(of_api)
}

/// Returns whether an address is known to be the person's, where it is in one of the columns.
fn is_verified(user: &Node, email: &str) -> Option<bool> {
    let has =
        |column| listed(user.get(column)).iter().any(|other| other.eq_ignore_ascii_case(email));
    let found = has("verified_email_addresses");
    (found || has("unverified_email_addresses")).then_some(found)
}

/// Returns the values of a list, or of a cell that holds some.
fn listed(cell: &Node) -> Vec<&str> {
    let values = match cell {
        Node::List(items) => items.iter().filter_map(Node::scalar).collect::<Vec<_>>(),
        cell => cell.scalar().into_iter().collect(),
    };
    let parts = values.into_iter().flat_map(|value| value.split(['|', ',']));
    parts.map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{all_flags, read_all, read_with, told, told_sample};
    use crate::{model::from_json, sources::Options};

    fn read_user(fields: &str, options: &Options) -> Vec<String> {
        let user = from_json(&format!(r#"{{"id":"user_1"{fields}}}"#)).unwrap();
        told(read_with(&SYSTEM, &user, options, &[]))
    }

    #[test]
    fn a_secret_is_base32_or_a_row_that_says_why_not() {
        for (fields, expected) in [
            (
                r#","totp_secret":"7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7""#,
                &["totp_secret totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7"][..],
            ),
            (
                r#","totp_secret":"JBSWY3DPEHPK3PX""#,
                &["totp_secret totp rejected totp_secret_invalid (totp_secret)"],
            ),
            (
                r#","totp_secret":2345672345672345"#,
                &["totp_secret totp rejected totp_secret_invalid (totp_secret)"],
            ),
            (
                r#","totp_secret":"gAAAAABsynthetic""#,
                &["totp_secret totp rejected secret_encrypted (totp_secret)"],
            ),
            (r#","totp_enabled":true"#, &["totp_secret totp not_carried secret_not_exported"]),
            (r#","totp_secret":" ","totp_enabled":false"#, &[]),
            (r#","totp_secret":null,"backup_codes_enabled":false,"backup_codes":null"#, &[]),
            (
                r#","backup_codes":["synthetic-1","synthetic-2"],"backup_codes_enabled":true"#,
                &["backup_codes  not_carried recovery_codes_not_importable"],
            ),
            (
                r#","backup_codes":"a|b""#,
                &["backup_codes  not_carried recovery_codes_not_importable"],
            ),
            (
                r#","backup_code_enabled":true"#,
                &["backup_codes  not_carried recovery_codes_not_importable"],
            ),
        ] {
            assert_eq!(read_user(fields, &Options::default()), expected, "{fields}");
        }
    }

    #[test]
    fn phones_of_a_profile_are_factors_only_with_the_flag_each_once_and_never_unverified() {
        let number = |n: &str| format!("+49301234567{n}");
        let one = number("1");
        for (fields, expected) in [
            (
                format!(r#""primary_phone_number":"{one}","verified_phone_numbers":"{one}""#),
                &["1"][..],
            ),
            (
                format!(
                    r#""primary_phone_number":"{one}","verified_phone_numbers":"{}|{one}""#,
                    number("2")
                ),
                &["1", "2"],
            ),
            (format!(r#""verified_phone_numbers":"{one}, {}""#, number("2")), &["1", "2"]),
            (format!(r#""phone_numbers":["{one}","{}"]"#, number("2")), &["1", "2"]),
            (format!(r#""phone_numbers":"{one}|{}""#, number("2")), &["1", "2"]),
            (format!(r#""unverified_phone_numbers":"{one}""#), &[]),
            (format!(r#""primary_phone_number":"{one}","unverified_phone_numbers":"{one}""#), &[]),
            (r#""primary_phone_number":"","phone_numbers":null"#.to_owned(), &[]),
        ] {
            let fields = format!(",{fields}");
            let found = read_user(&fields, &all_flags());
            let numbers =
                found.iter().map(|row| row.split_once("phone_number=").unwrap().1.to_owned());
            let expected: Vec<_> = expected.iter().map(|n| number(n)).collect();
            assert_eq!(numbers.collect::<Vec<_>>(), expected, "{fields}");
            assert_eq!(read_user(&fields, &Options::default()), [""; 0], "{fields}");
        }
    }

    #[test]
    fn a_phone_of_the_api_is_one_of_the_profile_whatever_it_is_reserved_for() {
        let phone = |status: &str| {
            format!(
                r#","phone_numbers":[{{"phone_number":"+493012345678","reserved_for_second_factor":true,"verification":{{"status":"{status}"}}}}]"#
            )
        };
        for (status, with) in [("verified", 1), ("unverified", 0)] {
            assert_eq!(read_user(&phone(status), &Options::default()), [""; 0], "{status}");
            assert_eq!(read_user(&phone(status), &all_flags()).len(), with, "{status}");
        }
    }

    #[test]
    fn an_address_is_verified_where_a_column_says_so() {
        let person =
            |fields: &str| read_all(&SYSTEM, &format!(r#"{{"id":"user_1"{fields}}}"#), None).0;
        let primary = r#","username":"mara","primary_email_address":"mara@example.org""#;
        for (fields, expected) in [
            (String::new(), None),
            (
                r#","verified_email_addresses":"m@example.org|Mara@example.org""#.to_owned(),
                Some(true),
            ),
            (r#","unverified_email_addresses":"mara@example.org""#.to_owned(), Some(false)),
        ] {
            let person = person(&format!("{primary}{fields}"));
            assert_eq!(person.is_email_verified, expected);
            assert_eq!(person.email.as_deref(), Some("mara@example.org"));
            assert_eq!(person.username.as_deref(), Some("mara"));
        }
        let of_api = r#","banned":true,"primary_email_address_id":"idn_2","email_addresses":
            [{"id":"idn_1","email_address":"m@example.org"},{"id":"idn_2","email_address":"mara@example.org"}]"#;
        assert_eq!(person(of_api).email.as_deref(), Some("mara@example.org"));
        assert!(person(of_api).is_disabled);
    }

    #[test]
    fn the_sample_holds_each_kind_of_row() {
        insta::assert_snapshot!(told_sample("clerk.csv", &SYSTEM), @r#"
        3 user_2synthM totp_secret totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7
        3 user_2synthM primary_phone_number phone phone_number=+493012345678
        4 user_2synthN totp_secret totp totp_secret=WSHJRCBHEYJYEKDYEEJIWIIDQHRF65PU
        4 user_2synthN primary_phone_number phone phone_number=+493012345679
        4 user_2synthN verified_phone_numbers phone phone_number=+493012345680
        6 user_2synthI totp_secret totp rejected totp_secret_invalid (totp_secret)
        6 user_2synthI verified_phone_numbers phone phone_number=+493012345683
        6 user_2synthI verified_phone_numbers phone phone_number=+493012345684
        7 user_2synthB totp_secret totp totp_secret=RBLLIL6FIZ3XAWEC
        7 user_2synthB primary_phone_number phone rejected phone_not_e164 (phone_number)
        "#);
    }
}
