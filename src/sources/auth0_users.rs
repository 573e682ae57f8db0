//! Auth0's format for the bulk import of users, with their `mfa_factors`; also the list of users
//! that such a job could not import.
//!
//! Read in Auth0's schema of bulk imports: `mfa_factors` has 1 to 10 items, each with one of
//! `totp.secret` (`^[A-Z2-7]+$`), `phone.value` and `email.value`.

use super::{About, FactorDraft, Rows, System, totp};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "auth0-users",
    title: "Auth0 bulk import",
    // In a job's list of failed users, each user is next to its errors.
    forms: &[Form::Json(Places { elements: &["", "user"], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "The file that was made for Auth0's bulk import, as it is.",
            "Or the errors of such a job: GET /api/v2/jobs/JOB_ID/errors",
        ],
        carries: &["totp: `totp.secret`", "phone: `phone.value`", "email: `email.value`"],
        leaves: &["security keys and passkeys: the format has no place for them"],
        traps: &[
            "A `user_id` in it has no connection in front: `abc` becomes the user `auth0|abc`.",
            "A user without `user_id` got a new id at import: use a map by `email`.",
            "Auth0's export of users looks the same, but has no factors.",
        ],
        flags: &["--user-id 'auth0|{id}', if the file has ids; --users MAP otherwise"],
        no_factors: "no user in it has `mfa_factors`: Auth0's export of users never has, and lists users \
                     alone",
    },
    recognises,
    read,
};

/// Keys that users of other systems have, and rows of ours.
const KEYS_OF_OTHERS: [&str; 9] = [
    "id",
    "localId",
    "traits",
    "authentication_methods",
    "authenticators",
    "type",
    "factor_type",
    "fields",
    "confirmed",
];

fn recognises(user: &Node) -> bool {
    let is_user = ["user_id", "email", "username", "phone_number"].iter().any(|key| user.has(key));
    let is_other = || {
        let is_device =
            user.has("user_id") && ["key", "credential_id"].iter().any(|key| user.has(key));
        is_device || KEYS_OF_OTHERS.iter().any(|key| user.has(key))
    };
    user.has("mfa_factors") || is_user && !is_other()
}

fn read(user: &Node, rows: &mut Rows<'_>) {
    rows.person = Person {
        id: user.get("user_id").scalar().map(Into::into),
        email: user.get("email").text().map(Into::into),
        username: user.get("username").text().map(Into::into),
        is_email_verified: user.get("email_verified").flag(),
        is_disabled: user.get("blocked").flag() == Some(true),
    };
    let factors = user.get("mfa_factors");
    if !matches!(factors, Node::Null | Node::List(_)) {
        rows.reject("mfa_factors", None, "", Code::InvalidRow, "is no list");
    }
    for (index, item) in factors.items().iter().enumerate() {
        let at = format!("mfa_factors[{index}]");
        if item.entries().is_empty() {
            rows.reject(at, None, "", Code::InvalidRow, "is no object with a factor");
            continue;
        }
        for (kind, value) in item.entries() {
            factor(&at, kind, value, rows);
        }
    }
}

fn factor(at: &str, kind: &str, value: &Node, rows: &mut Rows<'_>) {
    let factor = match kind {
        "totp" => {
            let factor = FactorDraft::new(FactorType::Totp);
            totp::set_secret_of(factor, value.get("secret"), SecretEncoding::Base32)
        }
        "phone" => {
            FactorDraft::new(FactorType::Phone).set_cell(Field::PhoneNumber, value.get("value"))
        }
        "email" => FactorDraft::new(FactorType::Email).set_cell(Field::Email, value.get("value")),
        _ => {
            let rule = "is neither `totp` nor `phone` nor `email`, the only ones of this format";
            rows.not_carried(at, None, Code::FactorTypeUnsupported, rule);
            return;
        }
    };
    rows.push(at, factor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::from_json,
        sources::tests::{read_all, told},
    };

    fn user(factors: &str) -> String {
        format!(
            r#"{{"user_id":"66f0c1d2","email":"mara@example.org","email_verified":true,"blocked":true,
                "password_hash":"x","mfa_factors":{factors}}}"#
        )
    }

    #[test]
    fn each_item_is_a_factor_or_says_why_not() {
        let factors = user(
            r#"[{"totp":{"secret":"7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7"}},{"phone":{"value":"+493012345678"}},
                {"email":{"value":"mara@example.org"}},{"totp":{"secret":"7RIVQLOBYZPQ6J1T"}},{"totp":{}},
                {"totp":null},{"phone":{"value":"030 12345678"}},{"phone":{"value":493012345678}},
                {"phone":{}},{"email":{"value":"m***@example.org"}},{"webauthn":{}},{},7,
                {"totp":{"secret":"7RIVQLOBYZPQ6JJT"},"phone":{"value":"+493012345679"}}]"#,
        );
        let (person, rows) = read_all(&SYSTEM, &factors, None);
        assert_eq!(person.id.as_deref(), Some("66f0c1d2"));
        assert_eq!((person.is_email_verified, person.is_disabled), (Some(true), true));
        insta::assert_snapshot!(told((person, rows)).join("\n"), @r#"
        mfa_factors[0] totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7
        mfa_factors[1] phone phone_number=+493012345678
        mfa_factors[2] email email=mara@example.org
        mfa_factors[3] totp rejected totp_secret_invalid (totp_secret)
        mfa_factors[4] totp rejected totp_secret_invalid (totp_secret)
        mfa_factors[5] totp rejected totp_secret_invalid (totp_secret)
        mfa_factors[6] phone rejected phone_not_e164 (phone_number)
        mfa_factors[7] phone rejected not_a_string (phone_number)
        mfa_factors[8] phone rejected required (phone_number)
        mfa_factors[9] email rejected masked_value (email)
        mfa_factors[10]  not_carried factor_type_unsupported
        mfa_factors[11]  rejected invalid_row
        mfa_factors[12]  rejected invalid_row
        mfa_factors[13] totp totp_secret=7RIVQLOBYZPQ6JJT
        mfa_factors[13] phone phone_number=+493012345679
        "#);
    }

    #[test]
    fn a_list_of_factors_is_a_list_and_may_be_missing() {
        for (factors, expected) in [
            ("[]", None),
            ("null", None),
            ("{}", Some("mfa_factors  rejected invalid_row")),
            ("7", Some("mfa_factors  rejected invalid_row")),
        ] {
            let found = told(read_all(&SYSTEM, &user(factors), None));
            assert_eq!(found.first().map(String::as_str), expected, "{factors}");
        }
        let without = r#"{"email":"mara@example.org"}"#;
        let (person, rows) = read_all(&SYSTEM, without, None);
        assert!(rows.is_empty());
        assert_eq!(person.id, None, "a user without `user_id` has none, whatever else they have");
    }

    #[test]
    fn users_of_other_systems_are_no_users_for_bulk_import() {
        for (user, expected) in [
            (r#"{"email":"a@example.org"}"#, true),
            (r#"{"username":"a","app_metadata":{}}"#, true),
            (r#"{"user_id":"1","mfa_factors":[]}"#, true),
            (r#"{"id":"1","email":"a@example.org","twoFactor":{}}"#, false),
            (r#"{"id":"1","username":"a","credentials":[]}"#, false),
            (r#"{"localId":"1","email":"a@example.org"}"#, false),
            (r#"{"user_id":"1","type":"otp","tenant":"a"}"#, false),
            (r#"{"user_id":"auth0|1","authentication_methods":[]}"#, false),
            (r#"{"user_id":"1","email":"a@example.org","factor_type":"totp"}"#, false),
            (r#"{"user_id":"1","email":"a@example.org","key":"ab"}"#, false),
            (r#"{"Username":"a","UserAttributes":[]}"#, false),
            (r#"{"userId":"a","user":{}}"#, false),
        ] {
            assert_eq!(recognises(&from_json(user).unwrap()), expected, "{user}");
        }
    }
}
