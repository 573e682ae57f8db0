//! Django with django-otp: its table of TOTP devices joined with the users, or `dumpdata`.
//!
//! Read in `django-otp/django-otp`: `src/django_otp/plugins/otp_totp/models.py`. `key` is always
//! hexadecimal, also where it could be read as Base32.

use super::{About, FactorDraft, Rows, System, columns, totp};
use crate::{
    input::{Form, Places},
    model::{Code, FactorType, Field, Node, Person, SecretEncoding},
};

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "django",
    title: "Django (django-otp)",
    forms: &[Form::Csv(None), Form::JsonLines, Form::Json(Places { elements: &[""], notes: &[] })],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "psql --csv -c \"select d.id, d.name, d.confirmed, d.key, d.step, d.t0, d.digits, d.tolerance, \
             d.drift, d.last_t, d.user_id, u.username, u.email from otp_totp_totpdevice d join auth_user u on \
             u.id = d.user_id\" > totp.csv",
            "Or: manage.py dumpdata otp_totp.totpdevice > totp.json",
        ],
        carries: &["totp: confirmed devices, whose key is hexadecimal"],
        leaves: &[
            "static devices: they are recovery codes, and Auth0 has no import for them",
            "devices of other plugins",
        ],
        traps: &[
            "A file of `dumpdata` has the keys of users alone, neither names nor addresses: use a template or \
             a map by `id`.",
            "8 digits, other steps than 30 s and another `t0` than 0 cannot be moved.",
        ],
        flags: &["--user-id or --users: Django knows no Auth0 ids"],
        no_factors: "is it the table `otp_totp_totpdevice`?",
    },
    recognises,
    read,
};

fn recognises(row: &Node) -> bool {
    let is_dumped = row.has("model") && row.has("fields");
    // Sites whose users have UUIDs look like authentik, which is named for what it is without this
    // flag.
    is_dumped || is_totp_device(row)
}

fn read(row: &Node, rows: &mut Rows<'_>) {
    if row.has("fields") {
        return read_dumped(row, rows);
    }
    rows.person = columns::person(row);
    totp_device(row, rows);
}

/// Returns whether a row is one of a table of TOTP devices; authentik's has the same columns.
pub(super) fn is_totp_device(row: &Node) -> bool {
    let is_totp =
        ["digits", "step", "t0", "confirmed"].iter().any(|column| columns::has(row, column));
    is_totp && columns::has(row, "key") && columns::has(row, "user_id")
}

/// Reads a row of a table of TOTP devices.
pub(super) fn totp_device(device: &Node, rows: &mut Rows<'_>) {
    if !columns::is_confirmed(device, FactorType::Totp, rows) {
        return;
    }
    let cell = |column| columns::cell(device, column);
    let mut factor = FactorDraft::new(FactorType::Totp).set(Field::Name, cell("name").text());
    totp::check_digits(&mut factor, cell("digits"));
    totp::check_period(&mut factor, cell("step"));
    totp::check_t0(&mut factor, cell("t0"));
    rows.push("", totp::set_secret_of(factor, cell("key"), SecretEncoding::Hex));
}

/// Reads an object of `dumpdata`, which may hold any model of a site.
fn read_dumped(object: &Node, rows: &mut Rows<'_>) {
    let fields = object.get("fields");
    let user = fields.get("user");
    rows.person = Person {
        id: user.scalar().map(Into::into),
        // With `--natural-foreign`, users are named by their names.
        username: user.items().first().and_then(Node::text).map(Into::into),
        ..Person::default()
    };
    match object.get("model").text() {
        Some("otp_totp.totpdevice") => totp_device(fields, rows),
        Some("otp_static.staticdevice") => rows.recovery_codes(""),
        Some("otp_hotp.hotpdevice") => {
            let mut factor = FactorDraft::new(FactorType::Totp);
            totp::refuse_counter(&mut factor);
            rows.push("", factor);
        }
        // The codes of a static device, which has a row.
        Some("otp_static.statictoken") => {}
        Some(model) if model.starts_with("otp_") || model.starts_with("two_factor.") => {
            let rule = "is a device of a plugin that this version does not read";
            rows.not_carried("", None, Code::FactorTypeUnsupported, rule);
        }
        // Models of the site that have nothing to do with second factors.
        Some(_) | None => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::from_json,
        sources::tests::{read_all, told},
    };

    fn row(changes: &str) -> Node {
        let row = r#"{"id":"1","name":"Pixel","confirmed":"t","key":"fc51582dc1c65f0f2533d98b381b90afeea7171f",
            "step":"30","t0":"0","digits":"6","tolerance":"1","drift":"0","last_t":"-1","user_id":"17",
            "username":"mara","email":"mara@example.org"}"#;
        let Node::Object(mut entries) = from_json(row).unwrap() else { unreachable!() };
        for (key, value) in from_json(changes).unwrap().entries() {
            entries.retain(|(known, _)| known != key);
            entries.push((key.clone(), value.clone()));
        }
        Node::Object(entries)
    }

    fn read_row(row: &Node) -> Vec<String> {
        told(crate::sources::tests::read_with(
            &SYSTEM,
            row,
            &crate::sources::Options::default(),
            &[],
        ))
    }

    #[test]
    fn a_key_is_hexadecimal_and_its_parameters_are_the_only_ones_that_the_api_checks() {
        let carried = " totp name=Pixel totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";
        let refused = |code: &str| format!(" totp rejected {code} (totp_secret)");
        for (changes, expected) in [
            ("{}", carried.to_owned()),
            (r#"{"confirmed":true,"step":30,"t0":0,"digits":6,"user_id":17}"#, carried.to_owned()),
            (r#"{"confirmed":"1"}"#, carried.to_owned()),
            (
                r#"{"confirmed":"True","name":"NULL","drift":"-3"}"#,
                carried.replace(" name=Pixel", ""),
            ),
            (
                // Also Base32, and read as what it is.
                r#"{"key":"abcdefabcdefabcdefabcdefabcdefab","name":null}"#,
                " totp totp_secret=VPG67K6N56V4335LZXX2XTPPVM".to_owned(),
            ),
            (r#"{"confirmed":"f"}"#, " totp not_carried unconfirmed".to_owned()),
            (r#"{"confirmed":false}"#, " totp not_carried unconfirmed".to_owned()),
            (r#"{"confirmed":null}"#, " totp rejected invalid_row".to_owned()),
            (r#"{"confirmed":[]}"#, " totp rejected invalid_row".to_owned()),
            (r#"{"key":"fc51582"}"#, refused("totp_secret_invalid")),
            (r#"{"key":"7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7"}"#, refused("totp_secret_invalid")),
            (r#"{"key":null}"#, refused("totp_secret_invalid")),
            (r#"{"key":12345678901234567890123456789012}"#, refused("totp_secret_invalid")),
            (r#"{"digits":"8"}"#, refused("totp_digits_unsupported")),
            (r#"{"step":"60"}"#, refused("totp_period_unsupported")),
            (r#"{"t0":"-5"}"#, refused("totp_t0_unsupported")),
        ] {
            let row = row(changes);
            assert!(recognises(&row), "{changes}");
            assert_eq!(read_row(&row), [expected], "{changes}");
        }
    }

    #[test]
    fn a_user_is_known_by_what_the_query_joins() {
        let options = crate::sources::Options::default();
        let read = |row: &Node| crate::sources::tests::read_with(&SYSTEM, row, &options, &[]).0;
        let person = read(&row(r#"{"user_id":17,"is_active":"f"}"#));
        assert_eq!(person.id.as_deref(), Some("17"));
        assert_eq!(person.username.as_deref(), Some("mara"));
        assert_eq!(person.email.as_deref(), Some("mara@example.org"));
        assert!(person.is_disabled);
        assert_eq!(read(&row(r#"{"email":"NULL"}"#)).email, None);
    }

    #[test]
    fn a_dump_has_devices_among_other_models_and_users_by_their_keys() {
        let device = |model: &str, user: &str| {
            format!(
                r#"{{"model":"{model}","pk":1,"fields":{{"user":{user},"name":"Pixel","confirmed":true,
                    "key":"fc51582dc1c65f0f2533d98b381b90afeea7171f","step":30,"t0":0,"digits":6}}}}"#
            )
        };
        for (model, expected) in [
            (
                "otp_totp.totpdevice",
                Some(" totp name=Pixel totp_secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7"),
            ),
            ("otp_static.staticdevice", Some("  not_carried recovery_codes_not_importable")),
            ("otp_static.statictoken", None),
            ("otp_hotp.hotpdevice", Some(" totp rejected hotp_unsupported (totp_secret)")),
            ("otp_email.emaildevice", Some("  not_carried factor_type_unsupported")),
            ("two_factor.phonedevice", Some("  not_carried factor_type_unsupported")),
            ("auth.user", None),
        ] {
            let object = device(model, "17");
            assert!(recognises(&from_json(&object).unwrap()), "{model}");
            let (person, rows) = read_all(&SYSTEM, &object, None);
            assert_eq!(person.id.as_deref(), Some("17"));
            let found = told((person, rows));
            assert_eq!(found.first().map(String::as_str), expected, "{model}");
        }
        let (person, _) = read_all(&SYSTEM, &device("otp_totp.totpdevice", r#"["mara"]"#), None);
        assert_eq!((person.id, person.username.as_deref()), (None, Some("mara")));
    }

    #[test]
    fn users_may_be_named_by_uuids() {
        assert!(recognises(&row(r#"{"user_id":"5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21"}"#)));
        assert!(recognises(&row(r#"{"user_id":"5d0c9f0e3b0a4c7e9a530f6c1f1a7d21"}"#)));
        for other in [
            r#"{"id":"1","user_id":"17","factor_type":"totp","status":"verified","secret":"A"}"#,
            r#"{"id":"1","username":"mara","credentials":[]}"#,
            r#"{"user_id":"17","confirmed":"t","phone_number":"+1"}"#,
        ] {
            assert!(!recognises(&from_json(other).unwrap()), "{other}");
        }
    }
}
