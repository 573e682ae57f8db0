//! Auth0's own export of MFA secrets, which support makes: a line of JSON for each factor.
//!
//! Auth0 documents how to ask for it, and nothing of its content. The one public sample is in the
//! history of `workos/migrate-auth0-users` (`example-mfa.json`): `otp` and `recovery-code`, and no
//! line ending after the last.

use super::{About, FactorDraft, Rows, System, totp};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Node, Person, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "auth0-secrets",
    title: "Auth0's MFA secrets",
    forms: &[Form::JsonLines, Form::Json(Places { elements: &[""], notes: &[] })],
    has_folders: false,
    has_user_ids: true,
    realm: None,
    about: About {
        export: &[
            "Ask Auth0's support for the password hashes and MFA secrets (not on the free plan).",
            "gpg --decrypt FILE.pgp > secrets.ndjson",
        ],
        carries: &["totp: lines of type `otp`"],
        leaves: &[
            "recovery codes: they are hashed, and Auth0 has no import for them",
            "lines of other types: nobody has documented what they hold; use `auth0-export` for phones, \
             addresses, security keys and passkeys",
        ],
        traps: &[
            "User ids are those of the old tenant: users must have the same ids in the new one.",
            "It holds what was enrolled when support made it, and nothing later.",
        ],
        flags: &["none: user ids are in the file"],
        no_factors: "is it the file with the MFA secrets? Support hands out password hashes in a file of \
                     their own",
    },
    recognises,
    read,
};

fn recognises(line: &Node) -> bool {
    let is_one = line.has("tenant")
        || line.has("otp_secret")
        || line.has("recovery_code")
        || matches!(line.get("type").text(), Some("otp" | "recovery-code"));
    line.has("user_id") && line.has("type") && is_one && !line.has("authentication_methods")
}

fn read(line: &Node, rows: &mut Rows<'_>) {
    let id = line.get("user_id").text().map(Into::into);
    rows.person = Person { id, ..Person::default() };
    match line.get("type").text() {
        Some("otp") => otp(line.get("otp_secret"), rows),
        Some("recovery-code") => rows.recovery_codes(""),
        Some(_) => rows.not_carried(
            "",
            None,
            Code::FactorTypeUnsupported,
            "is of a type whose export Auth0 does not document: if it is a phone, an address, a security \
             key or a passkey, carry it with `mfaferry export` and `--from auth0-export`",
        ),
        None => rows.reject("", None, "", Code::InvalidRow, "has no `type` that is a text"),
    }
}

fn otp(secret: &Node, rows: &mut Rows<'_>) {
    let factor_type = FactorType::Totp;
    let is_blank = |text: &Node| matches!(text, Node::Text(text) if text.trim().is_empty());
    if secret.is_null() || is_blank(secret) {
        let rule = "has no `otp_secret`: ask support for the export with secrets, or the user must enrol \
                    again";
        rows.not_carried("", Some(factor_type), Code::SecretNotExported, rule);
        return;
    }
    let factor = FactorDraft::new(factor_type);
    rows.push("", totp::set_secret_of(factor, secret, SecretEncoding::Base32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::from_json,
        sources::tests::{read_all, told},
    };

    const SECRET: &str = "7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";

    fn line(rest: &str) -> String {
        format!(r#"{{"user_id":"auth0|66f0c1d2a3b4c5d6e7f80912","tenant":"acme-old",{rest}}}"#)
    }

    #[test]
    fn each_line_is_a_factor_or_says_why_not() {
        let otp = "totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";
        let unknown = "not_carried factor_type_unsupported";
        for (rest, expected) in [
            (format!(r#""type":"otp","otp_secret":"{SECRET}""#), format!(" totp {otp}")),
            (
                r#""type":"recovery-code","recovery_code":"$2b$10$synthetic.hash.value""#
                    .to_owned(),
                "  not_carried recovery_codes_not_importable".to_owned(),
            ),
            (r#""type":"otp""#.to_owned(), " totp not_carried secret_not_exported".to_owned()),
            (
                r#""type":"otp","otp_secret":null"#.to_owned(),
                " totp not_carried secret_not_exported".to_owned(),
            ),
            (
                r#""type":"otp","otp_secret":" ""#.to_owned(),
                " totp not_carried secret_not_exported".to_owned(),
            ),
            (
                r#""type":"otp","otp_secret":7"#.to_owned(),
                " totp rejected totp_secret_invalid (totp_secret)".to_owned(),
            ),
            (
                r#""type":"otp","otp_secret":"fc51582dc1c65f0f2533d98b381b90afeea7171f""#
                    .to_owned(),
                " totp rejected totp_secret_invalid (totp_secret)".to_owned(),
            ),
            (r#""type":"phone","phone_number":"+493012345678""#.to_owned(), format!("  {unknown}")),
            (r#""type":"push""#.to_owned(), format!("  {unknown}")),
            (r#""type":7"#.to_owned(), "  rejected invalid_row".to_owned()),
        ] {
            let line = line(&rest);
            assert!(recognises(&from_json(&line).unwrap()), "{rest}");
            let (person, rows) = read_all(&SYSTEM, &line, None);
            assert_eq!(person.id.as_deref(), Some("auth0|66f0c1d2a3b4c5d6e7f80912"));
            assert_eq!(told((person, rows)), [expected], "{rest}");
        }
    }

    #[test]
    fn lines_of_our_own_formats_are_no_secrets() {
        for line in [
            r#"{"user_id":"auth0|1","type":"totp","totp_secret":"A"}"#,
            r#"{"user_id":"auth0|1","authentication_methods":[]}"#,
            r#"{"user_id":"1","email":"mara@example.org","mfa_factors":[]}"#,
        ] {
            assert!(!recognises(&from_json(line).unwrap()), "{line}");
        }
    }
}
