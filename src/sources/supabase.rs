//! Supabase Auth (`GoTrue`): rows of `auth.mfa_factors` and `auth.webauthn_credentials`, joined
//! with the user, as JSON or as a table.
//!
//! Read in `supabase/auth`: `internal/api/mfa.go` (secrets are Base32, SHA-1, 6 digits, 30 s),
//! `internal/api/phone.go` (numbers are kept without their plus), `internal/crypto/crypto.go`
//! (encrypted secrets), `internal/models` (`WebAuthnID`: the user handle is the UTF-8 of the user's
//! id), the migration `20260302000000_add_passkeys`; and in `go-webauthn/webauthn`:
//! `credential.go`, `authenticator.go`.

use super::{About, FactorDraft, Rows, System, totp, values, webauthn};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person, SecretEncoding, from_json},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "supabase",
    title: "Supabase Auth",
    // Of a dump, which is neither, nothing but the first line is read.
    forms: &[Form::Json(Places { elements: &[""], notes: &[] }), Form::JsonLines, Form::Csv(None)],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "psql \"$DATABASE_URL\" -AtX -c 'select row_to_json(t) from (select f.*, u.email, \
             u.email_confirmed_at, u.phone as user_phone from auth.mfa_factors f join auth.users u on u.id = \
             f.user_id) t' > factors.jsonl",
            "psql \"$DATABASE_URL\" -AtX -c 'select row_to_json(t) from (select c.*, u.email, \
             u.email_confirmed_at from auth.webauthn_credentials c join auth.users u on u.id = c.user_id) t' > \
             passkeys.jsonl",
            "Give both files. The inner queries as CSV with a header are read, too.",
        ],
        carries: &[
            "totp: verified factors of type `totp`, whose secret is Base32",
            "phone: verified factors of type `phone`, with the plus that Supabase leaves out",
            "webauthn-roaming: verified factors of type `webauthn`",
            "passkey: rows of `auth.webauthn_credentials`",
        ],
        leaves: &[
            "factors that are not `verified`: their users never finished enrolling",
            "security keys that are built into a device (`transport` of `internal` alone)",
            "security keys that Supabase takes for copies (`cloneWarning`)",
            "phones of profiles (`user_phone`): they are no second factors",
        ],
        traps: &[
            "The admin API and the client libraries leave the secrets out: run the queries.",
            "A dump (`pg_dump`, `supabase db dump`) is no such export: run the queries.",
            "Secrets that the database encryption of Supabase Auth has encrypted are refused.",
            "`\\copy` in its text format doubles each backslash: use the commands above, or CSV.",
            "Keys of `app.example.com` work on `login.example.com` only if they were made for `example.com`.",
        ],
        flags: &[
            "--user-id or --users: Supabase knows no Auth0 ids; `{id}` is `user_id`",
            "--rp-id HOST: for security keys and passkeys; the tables do not hold it",
        ],
        no_factors: "nobody has enrolled, or the query was of another table: it must be of \
                     `auth.mfa_factors` or `auth.webauthn_credentials`",
    },
    recognises,
    read,
};

fn recognises(row: &Node) -> bool {
    let is_passkey = || row.has("credential_id") && row.has("public_key") && !row.has("rp_id");
    row.has("user_id") && (row.has("factor_type") || is_passkey())
}

fn read(row: &Node, rows: &mut Rows<'_>) {
    let confirmed = "email_confirmed_at";
    rows.person = Person {
        id: row.get("user_id").text().map(Into::into),
        email: row.get("email").text().map(Into::into),
        username: None,
        is_email_verified: row.has(confirmed).then(|| !row.get(confirmed).is_null()),
        is_disabled: false,
    };
    if row.has("factor_type") {
        factor(row, rows);
    } else if row.has("credential_id") {
        passkey(row, rows);
    } else {
        let rule = "is a row of neither `auth.mfa_factors` nor `auth.webauthn_credentials`: check the query";
        rows.reject("", None, "", Code::InvalidRow, rule);
    }
}

fn factor(row: &Node, rows: &mut Rows<'_>) {
    let factor_type = match row.get("factor_type").text() {
        Some("totp") => FactorType::Totp,
        Some("phone") => FactorType::Phone,
        Some("webauthn") => FactorType::WebauthnRoaming,
        Some(_) | None => {
            let rule = "is of a type that no API creates in Auth0";
            rows.not_carried("", None, Code::FactorTypeUnsupported, rule);
            return;
        }
    };
    if !row.has("status") {
        let rule = "has no `status`, so it is unknown whether it is in use: check the query";
        rows.reject("", Some(factor_type), "", Code::InvalidRow, rule);
        return;
    }
    if row.get("status").text() != Some("verified") {
        let rule = "is not `verified`: its user never finished to enrol";
        rows.not_carried("", Some(factor_type), Code::Unconfirmed, rule);
        return;
    }
    match factor_type {
        FactorType::Totp => totp(row, rows),
        FactorType::Phone => phone(row, rows),
        _ => security_key(row, rows),
    }
}

fn totp(row: &Node, rows: &mut Rows<'_>) {
    if row.get("secret").is_null() {
        let rule =
            "has no `secret`: APIs leave it out; run the query (`mfaferry sources supabase`)";
        rows.not_carried("", Some(FactorType::Totp), Code::SecretNotExported, rule);
        return;
    }
    let mut factor = named(row, FactorType::Totp);
    let secret = row.get("secret");
    // A cell of a table is a text in any case.
    let factor = if matches!(secret, Node::Object(_)) {
        let rule = "is encrypted: export it decrypted by the system that it comes from";
        factor.fault(Field::TotpSecret, Code::SecretEncrypted, rule);
        factor
    } else {
        totp::set_secret(factor, secret.text().unwrap_or_default(), SecretEncoding::Base32)
    };
    rows.push("", factor);
}

fn phone(row: &Node, rows: &mut Rows<'_>) {
    let number = row.get("phone").scalar().map(str::trim);
    let number =
        number.map(|number| if is_bare(number) { format!("+{number}") } else { number.into() });
    let factor = named(row, FactorType::Phone).set(Field::PhoneNumber, number.as_deref());
    rows.push("", factor);
}

/// Returns true for E.164 without its plus, the only form that is kept (`formatPhoneNumber`).
/// Anything else has been through something that changes numbers.
fn is_bare(number: &str) -> bool {
    number.len() <= 15
        && number.starts_with(|c| matches!(c, '1'..='9'))
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn security_key(row: &Node, rows: &mut Rows<'_>) {
    let kind = Some(FactorType::WebauthnRoaming);
    let Some(credential @ Node::Object(_)) = jsonb(row.get("web_authn_credential")) else {
        let rule = "has a `web_authn_credential` that is no JSON object: was it cut off?";
        rows.reject("", kind, "", Code::InvalidRow, rule);
        return;
    };
    if credential.get("authenticator").get("cloneWarning").flag() == Some(true) {
        rows.reject("", kind, "", Code::ClonedFlag, webauthn::CLONED);
        return;
    }
    if webauthn::is_platform(credential.get("transport")) {
        rows.not_carried("", kind, Code::WebauthnPlatformUnsupported, webauthn::PLATFORM);
        return;
    }
    let bytes = |key| credential.get(key).text().and_then(values::base64);
    let factor = named(row, FactorType::WebauthnRoaming);
    let factor = webauthn::set_rp_id(factor, None, rows.options);
    rows.push("", webauthn::set_key(factor, bytes("id"), bytes("publicKey")));
}

fn passkey(row: &Node, rows: &mut Rows<'_>) {
    let bytes = |key| row.get(key).text().and_then(values::bytea);
    let handle = rows.person.id.as_deref().map(str::as_bytes);
    let transports = jsonb(row.get("transports")).unwrap_or_default();
    let factor = named(row, FactorType::Passkey);
    let factor = webauthn::set_user_handle(factor, handle);
    let factor = webauthn::set_rp_id(factor, None, rows.options);
    let factor = webauthn::set_key(factor, bytes("credential_id"), bytes("public_key"));
    let factor = webauthn::set_backup(factor, row.get("backup_eligible"), row.get("backed_up"))
        .set(Field::Aaguid, webauthn::aaguid(row.get("aaguid").text()))
        .set_list(Field::Transports, webauthn::transports(&transports));
    rows.push("", factor);
}

/// Returns a value of JSON: itself, or what stands in the cell of a table. `None` if that is
/// broken.
fn jsonb(value: &Node) -> Option<Node> {
    match value {
        Node::Text(json) => from_json(json).ok(),
        value => Some(value.clone()),
    }
}

/// Begins a factor with the name that its user gave it.
fn named(row: &Node, factor_type: FactorType) -> FactorDraft {
    FactorDraft::new(factor_type).set(Field::Name, row.get("friendly_name").text())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{all_flags, read_all, read_with, told, told_sample};

    const USER: &str = "5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21";
    /// The public key of the test vectors, as `PostgreSQL` prints a `bytea`, and as it is sent.
    const KEY: &str = "a5010203262001215820bb4d9a8906eb52b76f6c55fe7f982728406117ae93c2971e57c4af1a6df1871522582041f1f8dc0dba200efd980e30dbed4fa13eab8187d15e6561c83445143dd0235c";
    const SENT: &str = "pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w=";
    const HANDLE: &str = "NWQwYzlmMGUtM2IwYS00YzdlLTlhNTMtMGY2YzFmMWE3ZDIx";

    fn read_row(fields: &str) -> String {
        let row = format!(r#"{{"user_id":"{USER}","email":"mara@example.org",{fields}}}"#);
        told(read_all(&SYSTEM, &row, Some("example.org"))).join("; ")
    }

    #[track_caller]
    fn check(table: &[(&str, &str)]) {
        for (fields, expected) in table {
            assert_eq!(read_row(fields), *expected, "{fields}");
        }
    }

    #[test]
    fn a_secret_is_base32_of_a_verified_factor_or_a_row_that_says_why_not() {
        check(&[
            (
                r#""factor_type":"totp","status":"verified","secret":"7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7""#,
                " totp totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7",
            ),
            (
                r#""factor_type":"totp","status":"verified","secret":"JBSWY3DPEHPK3PXP","friendly_name":7"#,
                " totp totp_secret=JBSWY3DPEHPK3PXP",
            ),
            (
                r#""factor_type":"totp","status":"unverified","secret":"OI3UO3JSKF4FM5BZJR3VUNCLMRMXAMDT""#,
                " totp not_carried unconfirmed",
            ),
            (r#""factor_type":"totp","secret":"OI3UO3JSKF4FM5BZ""#, " totp rejected invalid_row"),
            (
                r#""factor_type":"totp","status":"verified""#,
                " totp not_carried secret_not_exported",
            ),
            (
                r#""factor_type":"totp","status":"verified","secret":null"#,
                " totp not_carried secret_not_exported",
            ),
            (
                r#""factor_type":"totp","status":"verified","secret":["JBSWY3DPEHPK3PXP"]"#,
                " totp rejected totp_secret_invalid (totp_secret)",
            ),
            (
                r#""factor_type":"totp","status":"verified","secret":"{\"key_id\":\"k\",\"data\":\"AA==\"}""#,
                " totp rejected secret_encrypted (totp_secret)",
            ),
            (
                r#""factor_type":"totp","status":"verified","secret":{"key_id":"k","data":"AA=="}"#,
                " totp rejected secret_encrypted (totp_secret)",
            ),
        ]);
    }

    #[test]
    fn each_row_is_a_factor_or_says_why_not() {
        check(&[
            (
                r#""factor_type":"phone","status":"verified","phone":"493012345678""#,
                " phone phone_number=+493012345678",
            ),
            (
                r#""factor_type":"phone","status":"verified","phone":493012345678"#,
                " phone phone_number=+493012345678",
            ),
            (
                r#""factor_type":"phone","status":"verified","phone":"+493012345678""#,
                " phone phone_number=+493012345678",
            ),
            (
                r#""factor_type":"webauthn","status":"verified""#,
                " webauthn-roaming rejected invalid_row",
            ),
            (
                r#""factor_type":"webauthn","status":"verified","web_authn_credential":"{\"id\"""#,
                " webauthn-roaming rejected invalid_row",
            ),
            (
                r#""factor_type":"webauthn","status":"verified","web_authn_credential":{"id":"AA==","authenticator":{"cloneWarning":true}}"#,
                " webauthn-roaming rejected cloned_flag",
            ),
            (
                r#""factor_type":"push","status":"verified""#,
                "  not_carried factor_type_unsupported",
            ),
            (r#""factor_type":null"#, "  not_carried factor_type_unsupported"),
            (r#""secret":"JBSWY3DPEHPK3PXP""#, "  rejected invalid_row"),
            (
                r#""credential_id":"ixnxeGT0OqTRz73WyRiGng==","public_key":"\\xa4""#,
                " passkey rejected not_base64 (key_id)",
            ),
        ]);
        for number in [r#""03012345678""#, r#""4.93012E+11""#, "null", "{}"] {
            let fields = format!(r#""factor_type":"phone","status":"verified","phone":{number}"#);
            assert!(read_row(&fields).starts_with(" phone rejected "), "{number}");
        }
    }

    #[test]
    fn a_passkey_has_the_id_of_its_user_for_a_handle() {
        let row = format!(
            r#"{{"user_id":"{USER}","credential_id":"\\x8b19f17864f43aa4d1cfbdd6c918869e","public_key":"\\x{KEY}",
                "aaguid":"00000000-0000-0000-0000-000000000000","transports":["internal"],
                "backup_eligible":true,"backed_up":false,"friendly_name":""}}"#
        );
        let expected = format!(
            " passkey key_id=ixnxeGT0OqTRz73WyRiGng public_key={SENT} relying_party_identifier=example.org \
             credential_device_type=multi_device credential_backed_up=false user_handle={HANDLE} \
             transports=internal"
        );
        assert_eq!(told(read_all(&SYSTEM, &row, Some("example.org"))), [expected]);
        let nobody = row.replace(USER, "");
        assert_eq!(
            told(read_all(&SYSTEM, &nobody, None)),
            [
                " passkey rejected user_handle_missing (user_handle), rp_id_missing (relying_party_identifier)"
            ]
        );
    }

    #[test]
    fn a_row_of_a_table_is_the_same_row() {
        let options = all_flags();
        let read = |cells: &[(&str, &str)]| {
            let cells = cells.iter().chain(&[("user_id", USER)]);
            let cells = cells.map(|(name, text)| ((*name).to_owned(), Node::of(text)));
            told(read_with(&SYSTEM, &Node::Object(cells.collect()), &options, &[])).join("; ")
        };
        let security_key = |transport: &str| {
            let id = "mUAcqMr9cYkH2O+ZX2Dx5VfQEUA=";
            let json =
                format!(r#"{{"id": "{id}", "transport": {transport}, "publicKey": "{SENT}"}}"#);
            let cells = [("factor_type", "webauthn"), ("status", "verified")];
            read(&[&cells[..], &[("web_authn_credential", &json)]].concat())
        };
        let rp_id = "relying_party_identifier=login.example.org";
        let expected = format!(
            " webauthn-roaming key_id=mUAcqMr9cYkH2O-ZX2Dx5VfQEUA public_key={SENT} {rp_id}"
        );
        assert_eq!(security_key(r#"["usb", "nfc"]"#), expected);
        let platform = " webauthn-roaming not_carried webauthn_platform_unsupported";
        assert_eq!(security_key(r#"["internal"]"#), platform);
        let passkey = read(&[
            ("credential_id", "\\x8b19f17864f43aa4d1cfbdd6c918869e"),
            ("public_key", &format!("\\x{KEY}")),
            ("transports", r#"["internal", "hybrid"]"#),
            ("backup_eligible", "f"),
            ("backed_up", "f"),
        ]);
        let expected = format!(
            " passkey key_id=ixnxeGT0OqTRz73WyRiGng public_key={SENT} {rp_id} \
             credential_device_type=single_device credential_backed_up=false user_handle={HANDLE} \
             transports=internal hybrid"
        );
        assert_eq!(passkey, expected);
    }

    #[test]
    fn an_address_is_unverified_only_where_the_export_says_so() {
        let user = |fields| {
            let row = format!(
                r#"{{"user_id":"{USER}","email":"m@example.org","factor_type":"totp"{fields}}}"#
            );
            read_all(&SYSTEM, &row, None).0
        };
        assert_eq!(user("").is_email_verified, None);
        assert_eq!(user(r#","email_confirmed_at":null"#).is_email_verified, Some(false));
        let confirmed = r#","email_confirmed_at":"2025-01-04T09:00:00+00:00""#;
        assert_eq!(user(confirmed).is_email_verified, Some(true));
        assert_eq!(user("").id.as_deref(), Some(USER));
    }

    #[test]
    fn the_sample_holds_each_kind_of_row() {
        insta::assert_snapshot!(told_sample("supabase.jsonl", &SYSTEM), @r#"
        1 6a051250-7a0  totp name=Pixel totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7
        2 6a051250-7a0  phone phone_number=+493012345678
        3 6a051250-7a0  totp not_carried unconfirmed
        4 86b07569-b5a  totp rejected secret_encrypted (totp_secret)
        5 86b07569-b5a  webauthn-roaming name=A security key with key_id=mUAcqMr9cYkH2O-ZX2Dx5VfQEUA public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= relying_party_identifier=login.example.org
        6 e0a1e6cf-21f  webauthn-roaming not_carried webauthn_platform_unsupported
        7 e0a1e6cf-21f  webauthn-roaming rejected cloned_flag
        8 e0a1e6cf-21f  phone rejected phone_not_e164 (phone_number)
        9 ca1825ef-97c  totp rejected totp_secret_invalid (totp_secret)
        10 ca1825ef-97c   not_carried factor_type_unsupported
        11 f3ace225-8bf  passkey name=Laptop key_id=ixnxeGT0OqTRz73WyRiGng public_key=pQECAyYgASFYIJGn36vIrY+Wbk1a1QNJh4B1Ig7wp9U5HvTVZW+UIRdrIlgg6DWHgsZAryJ4LNNyIN30poVSgHRo+jgWdyH4WffbCio= relying_party_identifier=login.example.org aaguid=7216fe24-7230-4eaa-8fc9-ed7867f8657f credential_device_type=multi_device credential_backed_up=true user_handle=ZjNhY2UyMjUtOGJmMi00ODNiLThjYzctYzAwNzg1MmY5MzIw transports=internal hybrid
        12 ca1825ef-97c  passkey key_id=ScuQJcJxG_2yVltkOTSXvA public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= relying_party_identifier=login.example.org credential_device_type=single_device credential_backed_up=false user_handle=Y2ExODI1ZWYtOTdjZC00NjViLTg1MjgtNzg5ZTlmNTRhMmM2
        13 6a051250-7a0  passkey rejected public_key_not_cose (public_key)
        "#);
    }
}
