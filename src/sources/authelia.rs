//! Authelia: what `authelia storage user totp export` and `… webauthn export` write.
//!
//! Read in `authelia/authelia`: `internal/model/totp_configuration.go` (in YAML the secret is
//! Base64 of the Base32 text, in CSV the Base32 text itself), `internal/model/webauthn.go`
//! (`UpdateSignInInfo`: rows of old U2F keys have an origin for a relying party),
//! `internal/commands/storage_run.go`. Lists of URIs are read by `otpauth`.

use super::{About, FactorDraft, Rows, System, spki, totp, values, webauthn};
use crate::{
    input::Form,
    model::{Code, FactorType, Field, Node, SecretEncoding},
};

const TOTP: &str = "totp_configurations";
const WEBAUTHN: &str = "webauthn_credentials";

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "authelia",
    title: "Authelia",
    // What `select` writes of YAML is JSON.
    forms: &[Form::Yaml(&[TOTP, WEBAUTHN]), Form::Csv(None), Form::JsonLines],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "authelia storage user totp export yaml --file totp.yml",
            "authelia storage user webauthn export --file webauthn.yml",
            "Both want the storage's encryption key, and write secrets in plain text.",
        ],
        carries: &[
            "totp: SHA1, 6 digits, 30 s",
            "webauthn-roaming: all WebAuthn credentials, since their user handles are not exported",
        ],
        leaves: &[
            "credentials that are built into a device (`attachment: platform`, or transports of `internal` \
             alone)",
            "credentials that Authelia takes for copies (`clone_warning`)",
        ],
        traps: &[
            "The secret is Base64 of Base32 in YAML, and plain Base32 in CSV: the file's form decides.",
            "The CSV is not quoted, so an issuer with a comma breaks its rows: use YAML.",
            "Users may have chosen SHA256, SHA512, 8 digits or another period, which cannot be moved.",
            "Rows of old U2F keys may have an origin URL for a relying party, which cannot be moved.",
            "`… totp export uri` writes a list that `--from otpauth` reads.",
        ],
        flags: &["--user-id or --users: Authelia knows user names only, no ids and no addresses"],
        no_factors: "the file has no entries: is the storage the one that Authelia uses?",
    },
    recognises,
    read,
};

fn recognises(element: &Node) -> bool {
    let is_csv = |key| element.has(key);
    element.has(TOTP)
        || element.has(WEBAUTHN)
        || ["issuer", "username", "algorithm", "digits", "period", "secret"].into_iter().all(is_csv)
}

fn read(element: &Node, rows: &mut Rows<'_>) {
    let (element, encoding) = match element.get(TOTP) {
        Node::Null => (element, SecretEncoding::Base32),
        yaml => (yaml, SecretEncoding::Base64OfBase32),
    };
    let key = element.get(WEBAUTHN);
    let own = if key.is_null() { element } else { key };
    rows.person.username = own.get("username").text().map(Into::into);
    if key.is_null() {
        rows.push("", one_time_password(element, encoding));
    } else {
        credential(key, rows);
    }
}

fn one_time_password(row: &Node, encoding: SecretEncoding) -> FactorDraft {
    let mut factor = FactorDraft::new(FactorType::Totp);
    totp::check_algorithm(&mut factor, row.get("algorithm"));
    totp::check_digits(&mut factor, row.get("digits"));
    totp::check_period(&mut factor, row.get("period"));
    totp::set_secret(factor, row.get("secret").text().unwrap_or(""), encoding)
}

fn credential(key: &Node, rows: &mut Rows<'_>) {
    let factor_type = FactorType::WebauthnRoaming;
    let transports = key.get("transports");
    if key.get("attachment").text() == Some("platform") || webauthn::is_platform(transports) {
        let code = Code::WebauthnPlatformUnsupported;
        rows.not_carried("", Some(factor_type), code, webauthn::PLATFORM);
        return;
    }
    if key.get("clone_warning").flag() == Some(true) {
        rows.reject("", Some(factor_type), "", Code::ClonedFlag, webauthn::CLONED);
        return;
    }
    // Authelia uses the origin as the relying party of such a key.
    if key.get("attestation_type").text() == Some("fido-u2f") && key.get("rpid").text().is_none() {
        let rule = "is a key of U2F, bound to an application id and not to a relying party: the user must \
                    enrol again";
        rows.reject("", Some(factor_type), "", Code::U2fAppidCredential, rule);
        return;
    }
    let factor = FactorDraft::new(factor_type).set(Field::Name, key.get("description").text());
    let factor = webauthn::set_rp_id(factor, key.get("rpid").text(), rows.options);
    let factor = webauthn::set_key_id(factor, key.get("kid").text().and_then(values::base64));
    let cose = spki::from_base64(key.get("public_key").text().unwrap_or(""));
    rows.push("", webauthn::set_public_key(factor, cose));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::tests::{read_all, told};

    const BASE64: &str = "N1JJVlFMT0JZWlBRNkpKVDNHRlRRRzRRVjdYS09GWTc=";
    const BASE32: &str = "7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";
    const KEY: &str = "pQECAyYgASFYILtNmokG61K3b2xV/n+YJyhAYReuk8KXHlfErxpt8YcVIlggQfH43A26IA79mA4w2+1PoT6rgYfRXmVhyDRFFD3QI1w=";

    /// An element with those values, all text as in YAML and CSV.
    fn of(list: &str, row: &[(&str, &str)]) -> String {
        let pairs = row.iter().map(|(key, value)| match *value {
            "null" => format!("\"{key}\":null"),
            list if list.starts_with('[') => format!("\"{key}\":{list}"),
            text => format!("\"{key}\":\"{text}\""),
        });
        let row = format!("{{{}}}", pairs.collect::<Vec<_>>().join(","));
        if list.is_empty() { row } else { format!("{{\"{list}\":{row}}}") }
    }

    fn totp_row<'a>(change: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let row = [
            ("issuer", "Acme"),
            ("username", "mara"),
            ("algorithm", "SHA1"),
            ("digits", "6"),
            ("period", "30"),
            ("secret", BASE64),
        ];
        changed(&row, change)
    }

    fn key_row<'a>(change: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let row = [
            ("rpid", "example.org"),
            ("username", "mara"),
            ("description", "Blue key"),
            ("kid", "mUAcqMr9cYkH2O+ZX2Dx5VfQEUA="),
            ("aaguid", "00000000-0000-0000-0000-000000000000"),
            ("attestation_type", "none"),
            ("attachment", "cross-platform"),
            ("transports", "[\"usb\"]"),
            ("clone_warning", "false"),
            ("discoverable", "true"),
            ("public_key", KEY),
        ];
        changed(&row, change)
    }

    fn changed<'a>(
        row: &[(&'a str, &'a str)],
        change: &[(&'a str, &'a str)],
    ) -> Vec<(&'a str, &'a str)> {
        let of = |key: &str| change.iter().find(|(changed, _)| *changed == key);
        row.iter().map(|pair| *of(pair.0).unwrap_or(pair)).collect()
    }

    #[track_caller]
    fn check(element: &str, expected: &str) {
        let (person, rows) = read_all(&SYSTEM, element, Some("flag.example"));
        assert_eq!(person.username.as_deref(), Some("mara"));
        assert_eq!((person.id.as_deref(), person.email.as_deref()), (None, None));
        assert_eq!(told((person, rows)), [expected]);
    }

    #[test]
    fn the_form_of_the_file_decides_how_a_secret_is_written() {
        let sent = format!(" totp totp_secret={BASE32}");
        check(&of(TOTP, &totp_row(&[])), &sent);
        check(&of("", &totp_row(&[("secret", BASE32)])), &sent);
        let wrong = " totp rejected totp_secret_invalid (totp_secret)";
        check(&of(TOTP, &totp_row(&[("secret", BASE32)])), wrong);
        check(&of("", &totp_row(&[("secret", BASE64)])), wrong);
        check(&of(TOTP, &totp_row(&[("secret", "null")])), wrong);
    }

    #[test]
    fn what_users_may_choose_and_the_api_does_not_know_is_refused() {
        for (key, value, code) in [
            ("algorithm", "SHA256", "totp_algorithm_unsupported"),
            ("digits", "8", "totp_digits_unsupported"),
            ("period", "60", "totp_period_unsupported"),
        ] {
            let expected = format!(" totp rejected {code} (totp_secret)");
            check(&of(TOTP, &totp_row(&[(key, value)])), &expected);
            check(&of("", &totp_row(&[(key, value), ("secret", BASE32)])), &expected);
        }
    }

    #[test]
    fn a_credential_is_a_security_key_of_its_own_relying_party() {
        let sent = format!(
            " webauthn-roaming name=Blue key key_id=mUAcqMr9cYkH2O-ZX2Dx5VfQEUA public_key={KEY} \
             relying_party_identifier="
        );
        check(&of(WEBAUTHN, &key_row(&[])), &format!("{sent}example.org"));
        check(&of(WEBAUTHN, &key_row(&[("transports", "[]")])), &format!("{sent}example.org"));
        check(&of(WEBAUTHN, &key_row(&[("rpid", "")])), &format!("{sent}flag.example"));
        for (key, value, expected) in [
            ("attachment", "platform", "not_carried webauthn_platform_unsupported"),
            ("transports", "[\"internal\"]", "not_carried webauthn_platform_unsupported"),
            ("clone_warning", "true", "rejected cloned_flag"),
            ("rpid", "https://example.org", "rejected rp_id_invalid (relying_party_identifier)"),
            ("public_key", "pQEC*", "rejected public_key_not_cose (public_key)"),
            ("kid", "null", "rejected not_base64 (key_id)"),
        ] {
            let expected = format!(" webauthn-roaming {expected}");
            check(&of(WEBAUTHN, &key_row(&[(key, value)])), &expected);
        }
        let u2f = ("attestation_type", "fido-u2f");
        check(&of(WEBAUTHN, &key_row(&[u2f])), &format!("{sent}example.org"));
        let without = " webauthn-roaming rejected u2f_appid_credential";
        check(&of(WEBAUTHN, &key_row(&[u2f, ("rpid", "")])), without);
    }
}
