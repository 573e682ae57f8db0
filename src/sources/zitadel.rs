//! Zitadel: what the Admin API's `export` writes.
//!
//! Read in `zitadel/zitadel`: `internal/api/grpc/admin/export.go` (`getUsers`) and the messages of
//! `ImportHumanUser`. It is JSON of proto3, so what is false or empty is left out; ids are decimal
//! numbers, not UUIDs. Only TOTP that is ready is exported, decrypted.

use super::{About, FactorDraft, Rows, System, totp};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Node, Person, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "zitadel",
    title: "Zitadel",
    forms: &[Form::Json(Places { elements: &["orgs[].humanUsers[]"], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "POST /admin/v1/export with {\"withOtp\": true, \"timeout\": \"600s\"}",
            "It wants an IAM owner's token, and the answer is the file.",
        ],
        carries: &[
            "totp: secrets that their users have confirmed",
            "phone: with --include-profile-phone",
        ],
        leaves: &[
            "recovery codes: Auth0 has no import for them",
            "passkeys and U2F keys: Zitadel does not export them",
        ],
        traps: &[
            "Without `withOtp` the file holds no secrets.",
            "It does not say who uses codes by SMS: phones are their profiles', so they are taken only with \
             --include-profile-phone, and only verified ones.",
        ],
        flags: &[
            "--user-id or --users: Zitadel knows no Auth0 ids",
            "--include-profile-phone: makes phones of profiles factors, which turns MFA on for their users",
        ],
        no_factors: "export again with `\"withOtp\": true`",
    },
    recognises,
    read,
};

fn recognises(element: &Node) -> bool {
    element.has("userId") && element.has("user")
}

fn read(element: &Node, rows: &mut Rows<'_>) {
    let user = element.get("user");
    let (email, phone) = (user.get("email"), user.get("phone"));
    let address = email.get("email").text();
    rows.person = Person {
        id: element.get("userId").scalar().map(Into::into),
        email: address.map(Into::into),
        username: user.get("userName").text().map(Into::into),
        // False is left out.
        is_email_verified: address.map(|_| email.get("isEmailVerified").flag() == Some(true)),
        is_disabled: false,
    };
    if !matches!(user, Node::Object(_)) {
        rows.reject(
            "user",
            None,
            "",
            Code::InvalidRow,
            "must be an object: nothing in it can be read",
        );
    }
    // Proto3 leaves out what is empty.
    let code = user.get("otpCode");
    if !matches!(code, Node::Null) && code != &Node::of("") {
        let secret = code.text().unwrap_or_default();
        let factor = FactorDraft::new(FactorType::Totp);
        let factor = totp::set_secret(factor, secret, SecretEncoding::Base32);
        rows.push("user.otpCode", factor);
    }
    if !rows.items(user.get("recoveryCodes"), "user.recoveryCodes").is_empty() {
        rows.recovery_codes("user.recoveryCodes");
    }
    let is_verified = phone.get("isPhoneVerified").flag() == Some(true);
    if is_verified {
        rows.profile_phone("user.phone", phone.get("phone").text().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::from_json,
        sources::{
            Options,
            tests::{read_all, read_with, told},
        },
    };

    fn human(user: &str) -> String {
        format!(
            r#"{{"userId":"163840776835432705","user":{{"userName":"mara",
                "email":{{"email":"mara@example.org","isEmailVerified":true}}{user}}}}}"#
        )
    }

    #[test]
    fn a_person_has_a_decimal_id_and_an_address_that_is_verified_only_if_it_says_so() {
        let (person, rows) = read_all(&SYSTEM, &human(""), None);
        assert_eq!(person.id.as_deref(), Some("163840776835432705"));
        assert_eq!(person.username.as_deref(), Some("mara"));
        assert_eq!(person.is_email_verified, Some(true));
        assert!(rows.is_empty());
        let unverified = r#"{"userId":"1","user":{"email":{"email":"otto@example.org"}}}"#;
        assert_eq!(read_all(&SYSTEM, unverified, None).0.is_email_verified, Some(false));
        let without = r#"{"userId":"1","user":{}}"#;
        assert_eq!(read_all(&SYSTEM, without, None).0.is_email_verified, None);
    }

    #[test]
    fn a_code_is_base32_and_recovery_codes_are_one_row() {
        let codes = human(
            r#","otpCode":"7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7","recoveryCodes":["a","b"],
               "hashedPassword":{"value":"x"}"#,
        );
        assert_eq!(
            told(read_all(&SYSTEM, &codes, None)),
            [
                "user.otpCode totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7",
                "user.recoveryCodes  not_carried recovery_codes_not_importable",
            ]
        );
        let cut = human(r#","otpCode":"7RIVQLOBYZPQ6JJT3GFTQG4QV""#);
        assert_eq!(
            told(read_all(&SYSTEM, &cut, None)),
            ["user.otpCode totp rejected totp_secret_invalid (totp_secret)"]
        );
    }

    #[test]
    fn the_phone_of_a_profile_is_a_factor_only_if_verified_and_asked_for() {
        let options = Options { includes_profile_phone: true, ..Options::default() };
        let phone = |is_verified: &str| {
            human(&format!(r#","phone":{{"phone":"+493012345678"{is_verified}}}"#))
        };
        let verified = phone(r#","isPhoneVerified":true"#);
        assert!(read_all(&SYSTEM, &verified, None).1.is_empty());
        let read = |json: &str| told(read_with(&SYSTEM, &from_json(json).unwrap(), &options, &[]));
        assert_eq!(read(&verified), ["user.phone phone phone_number=+493012345678"]);
        assert!(read(&phone("")).is_empty());
    }
}
