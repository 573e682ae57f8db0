//! authentik: its tables of devices joined with the users, one table a file. Which table it is, its
//! columns say.
//!
//! Read in `goauthentik/authentik`: `lifecycle/system_migrations/otp_merge.py` (names of tables)
//! and `authentik/stages/authenticator_{totp,sms,static,webauthn,duo}/models.py`. Keys of WebAuthn
//! are COSE in Base64url; the user handle is in no table. The table of TOTP devices is
//! django-otp's.

use super::{About, FactorDraft, Rows, System, columns, django, spki, values, webauthn};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "authentik",
    title: "authentik",
    forms: &[Form::Csv(None), Form::JsonLines, Form::Json(Places { elements: &[""], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "One file for each table, with psql --csv -c \"QUERY\" > FILE.csv; give all files at once.",
            "select d.id, d.name, d.confirmed, d.key, d.step, d.t0, d.digits, d.tolerance, d.drift, d.last_t, \
             u.uuid as user_id, u.username, u.email from authentik_stages_authenticator_totp_totpdevice d join \
             authentik_core_user u on u.id = d.user_id",
            "select d.id, d.name, d.confirmed, d.credential_id, d.public_key, d.sign_count, d.rp_id, d.aaguid, \
             u.uuid as user_id, u.username, u.email from \
             authentik_stages_authenticator_webauthn_webauthndevice d join authentik_core_user u on u.id = \
             d.user_id",
            "select d.id, d.name, d.confirmed, d.phone_number, u.uuid as user_id, u.username, u.email from \
             authentik_stages_authenticator_sms_smsdevice d join authentik_core_user u on u.id = d.user_id",
            "select d.id, d.name, d.confirmed, u.uuid as user_id, u.username, u.email from \
             authentik_stages_authenticator_static_staticdevice d join authentik_core_user u on u.id = \
             d.user_id",
        ],
        carries: &[
            "totp: confirmed devices, whose key is hexadecimal",
            "webauthn-roaming: WebAuthn devices",
            "phone: SMS devices",
        ],
        leaves: &[
            "static devices: they are recovery codes, and Auth0 has no import for them",
            "Duo devices",
            "passkeys as such: the tables have no user handle, so they become security keys",
        ],
        traps: &[
            "8 digits, other steps than 30 s and another `t0` than 0 cannot be moved.",
            "SMS stages that only verify keep a hash of the number, which cannot be reversed.",
            "Join the users' `uuid`, not their `id`.",
        ],
        flags: &[
            "--user-id or --users: authentik knows no Auth0 ids",
            "--rp-id HOST: for WebAuthn devices, if the file has no `rp_id`",
        ],
        no_factors: "are the files those of the documented queries?",
    },
    recognises,
    read,
};

fn recognises(row: &Node) -> bool {
    let is_other =
        || ["type", "factor_type", "backup_eligible", "fields"].iter().any(|key| row.has(key));
    let is_device = if columns::has(row, "key") {
        django::is_totp_device(row) && columns::is_of_uuid(row)
    } else {
        columns::has(row, "confirmed") || columns::has(row, "rp_id")
    };
    columns::has(row, "user_id") && is_device && !is_other()
}

fn read(row: &Node, rows: &mut Rows<'_>) {
    rows.person = columns::person(row);
    let has = |column| columns::has(row, column);
    if has("credential_id") {
        security_key(row, rows);
    } else if has("phone_number") {
        phone(row, rows);
    } else if has("key") || has("digits") {
        django::totp_device(row, rows);
    } else if has("duo_user_id") {
        let rule = "is a device of Duo: the user must enrol again";
        rows.not_carried("", None, Code::FactorTypeUnsupported, rule);
    } else if has("valid_until") {
        let rule = "is a device of a kind that this version does not read";
        rows.not_carried("", None, Code::FactorTypeUnsupported, rule);
    } else {
        // A static device, or a code of one.
        rows.recovery_codes("");
    }
}

fn security_key(device: &Node, rows: &mut Rows<'_>) {
    let factor_type = FactorType::WebauthnRoaming;
    if !columns::is_confirmed(device, factor_type, rows) {
        return;
    }
    let text = |column| columns::cell(device, column).text();
    let factor = FactorDraft::new(factor_type).set(Field::Name, text("name"));
    let factor = webauthn::set_rp_id(factor, text("rp_id"), rows.options);
    let factor = webauthn::set_key_id(factor, text("credential_id").and_then(values::base64));
    let key = spki::from_base64(text("public_key").unwrap_or_default());
    rows.push("", webauthn::set_public_key(factor, key));
}

fn phone(device: &Node, rows: &mut Rows<'_>) {
    let factor_type = FactorType::Phone;
    if !columns::is_confirmed(device, factor_type, rows) {
        return;
    }
    let number = columns::cell(device, "phone_number");
    let factor =
        FactorDraft::new(factor_type).set(Field::Name, columns::cell(device, "name").text());
    if number.text().is_some_and(|number| number.starts_with("hash:")) {
        let rule = "is kept as a hash, which cannot be reversed: the user must enrol again";
        rows.reject("", Some(factor_type), Field::PhoneNumber.name(), Code::MaskedValue, rule);
        return;
    }
    let factor = factor.set_cell(Field::PhoneNumber, number);
    rows.push("", factor);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::from_json,
        sources::tests::{read_all, told},
    };

    const ID: &str = "5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21";
    const KEY: &str = r#""credential_id":"mUAcqMr9cYkH2O-ZX2Dx5VfQEUA","public_key":"pQECAyYgASFYILtNmokG61K3b2xV_n-YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2-1PoT6rgYfRXmVhyDRFFD3QI1w","aaguid":"00000000-0000-0000-0000-000000000000""#;

    fn row(rest: &str) -> String {
        format!(
            r#"{{"id":"1","name":"Pixel","user_id":"{ID}","username":"mara","email":"mara@example.org",{rest}}}"#
        )
    }

    #[test]
    fn each_row_is_a_device_of_its_table_or_says_why_not() {
        let totp = r#""key":"fc51582dc1c65f0f2533d98b381b90afeea7171f","step":"30","t0":"0""#;
        let rows: Vec<String> = [
            format!(r#""confirmed":"t",{totp},"digits":"6""#),
            format!(r#""confirmed":"t",{totp},"digits":"8""#),
            format!(r#""confirmed":"f",{totp},"digits":"6""#),
            format!("{totp},\"digits\":\"6\""),
            format!(r#""confirmed":"t",{KEY},"rp_id":"login.example.org""#),
            format!(r#""confirmed":"t",{KEY},"rp_id":"https://login.example.org""#),
            format!(r#""confirmed":"t",{KEY},"rp_id":null"#),
            format!(r#""confirmed":"f",{KEY},"rp_id":"login.example.org""#),
            r#""confirmed":"t","credential_id":"_","public_key":"x","rp_id":"a.example""#
                .to_owned(),
            r#""confirmed":"t","phone_number":"+493012345678","token":"123456""#.to_owned(),
            r#""confirmed":"t","phone_number":"hash:0123456789abcdef""#.to_owned(),
            r#""confirmed":"t","phone_number":"030 12345678""#.to_owned(),
            r#""confirmed":"t","phone_number":null"#.to_owned(),
            r#""confirmed":"f","phone_number":"+493012345678""#.to_owned(),
            r#""confirmed":"t""#.to_owned(),
            r#""confirmed":"t","token":"abcdef""#.to_owned(),
            r#""confirmed":"t","duo_user_id":"DU1""#.to_owned(),
            r#""confirmed":"t","valid_until":"2026-01-01","token":"1""#.to_owned(),
        ]
        .into_iter()
        .flat_map(|rest| {
            let row = row(&rest);
            assert!(recognises(&from_json(&row).unwrap()), "{rest}");
            told(read_all(&SYSTEM, &row, None))
        })
        .collect();
        insta::assert_snapshot!(rows.join("\n"), @r#"
         totp name=Pixel totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7
         totp rejected totp_digits_unsupported (totp_secret)
         totp not_carried unconfirmed
         totp rejected invalid_row
         webauthn-roaming name=Pixel key_id=mUAcqMr9cYkH2O-ZX2Dx5VfQEUA public_key=pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w= relying_party_identifier=login.example.org
         webauthn-roaming rejected rp_id_invalid (relying_party_identifier)
         webauthn-roaming rejected rp_id_missing (relying_party_identifier)
         webauthn-roaming not_carried unconfirmed
         webauthn-roaming rejected not_base64 (key_id), public_key_not_cose (public_key)
         phone name=Pixel phone_number=+493012345678
         phone rejected masked_value (phone_number)
         phone rejected phone_not_e164 (phone_number)
         phone rejected required (phone_number)
         phone not_carried unconfirmed
          not_carried recovery_codes_not_importable
          not_carried recovery_codes_not_importable
          not_carried factor_type_unsupported
          not_carried factor_type_unsupported
        "#);
    }

    #[test]
    fn the_flag_gives_a_relying_party_where_the_row_has_none() {
        let read = |rest: &str| {
            told(read_all(
                &SYSTEM,
                &row(&format!(r#""confirmed":"t",{KEY}{rest}"#)),
                Some("b.example"),
            ))
        };
        assert!(read("")[0].ends_with("relying_party_identifier=b.example"));
        assert!(read(r#","rp_id":"a.example""#)[0].ends_with("relying_party_identifier=a.example"));
    }

    #[test]
    fn a_user_is_named_by_their_uuid() {
        let (person, _) = read_all(&SYSTEM, &row(r#""confirmed":"t""#), None);
        assert_eq!(person.id.as_deref(), Some(ID));
        assert_eq!(person.username.as_deref(), Some("mara"));
        assert_eq!(person.email.as_deref(), Some("mara@example.org"));
    }

    #[test]
    fn rows_of_other_tables_are_not_authentiks() {
        for other in [
            r#"{"user_id":"17","key":"ab","confirmed":"t","digits":"6"}"#.to_owned(),
            format!(
                r#"{{"user_id":"{ID}","factor_type":"totp","status":"verified","secret":"A"}}"#
            ),
            format!(r#"{{"user_id":"{ID}","credential_id":"\\xab","backup_eligible":"t"}}"#),
            r#"{"user_id":"auth0|1","type":"phone","phone_number":"+1","confirmed":true}"#
                .to_owned(),
            r#"{"model":"otp_totp.totpdevice","pk":1,"fields":{}}"#.to_owned(),
            r#"{"credentialId":"a","relyingPartyId":"a.example","userId":"1"}"#.to_owned(),
        ] {
            assert!(!recognises(&from_json(&other).unwrap()), "{other}");
        }
    }
}
