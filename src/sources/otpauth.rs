//! Lists of `otpauth` URIs, one a line, and Google Authenticator's transfer URIs: what
//! authenticator apps, helpdesk tools and Authelia write.
//!
//! The form is the Key URI Format of the google-authenticator wiki. Read in lists of Aegis
//! (`steam`, a plus for a space in the query and `%20` in the path, `algorithm=sha512`, parameters
//! that nobody knows) and of `scito/extract_otp_secrets` (comments, transfer URIs with a plus in
//! their Base64).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::{About, FactorDraft, Rows, System, migration, totp};
use crate::{
    input::Form,
    model::{Code, FactorType, Field, Node, Person, SecretEncoding},
};

const SCHEME: &str = "otpauth:";

/// The dialect.
pub(super) static SYSTEM: System = System {
    name: "otpauth",
    title: "otpauth",
    forms: &[Form::Lines],
    has_folders: false,
    has_user_ids: false,
    realm: None,
    about: About {
        export: &[
            "A text file with one `otpauth://` or `otpauth-migration://` URI a line (`.txt`).",
            "authelia storage user totp export uri > totp.txt",
            "Google Authenticator: \"Transfer accounts\", and the texts of all its QR codes.",
        ],
        carries: &["totp: SHA1, 6 digits, 30 s; the issuer becomes the name"],
        leaves: &["blank lines, lines that begin with `#`, and sentences"],
        traps: &[
            "The person is known by the label only: `{username}` is its part after the last colon, `{email}` \
             the same if it is an address.",
            "A transfer of many accounts is several QR codes; missing ones are reported.",
            "hotp and steam, SHA256, SHA512, 8 digits and other periods cannot be moved.",
        ],
        flags: &["--user-id or --users: labels are no Auth0 ids"],
        no_factors: "there is no line with a URI",
    },
    recognises,
    read,
};

/// Any sentence may stand above such a list, but not what other systems write.
fn recognises(element: &Node) -> bool {
    let Node::Text(text) = element else { return element.is_null() };
    let line = line(text);
    let is_sentence = line.contains(char::is_whitespace) && line.starts_with(char::is_alphabetic);
    line.is_empty()
        || line.starts_with('#')
        || is_uri(line)
        || migration::is_uri(line)
        || is_sentence
}

fn line(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

fn read(element: &Node, rows: &mut Rows<'_>) {
    let line = element.text().map_or("", line);
    if line.is_empty() || line.starts_with('#') {
        return;
    }
    if migration::is_uri(line) {
        transfer(line, rows);
    } else if is_uri(line) {
        let Uri { account, factor } = of_uri(line);
        rows.person = person(&account);
        rows.push("", factor);
    } else if let Some((code, rule)) = no_sentence(line) {
        rows.reject("", None, "", code, rule);
    }
}

/// Returns why a line that is no such URI is not passed over as a sentence either.
fn no_sentence(line: &str) -> Option<(Code, &'static str)> {
    let lower = line.to_ascii_lowercase();
    if lower.contains("otpauth:") || lower.contains("otpauth-migration:") {
        return Some((Code::OtpauthInvalid, "has something in front of its URI: one URI a line"));
    }
    let scheme = lower.split_once("://").map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| !scheme.contains(char::is_whitespace)) {
        return Some((Code::OtherScheme, "is a URI of another scheme than `otpauth`"));
    }
    let is_one_word = !line.contains(char::is_whitespace);
    is_one_word.then_some((Code::OtpauthInvalid, "is neither an `otpauth` URI nor a sentence"))
}

/// Returns true if `text` is meant to be such a URI.
pub(super) fn is_uri(text: &str) -> bool {
    let start = text.trim_start().get(..SCHEME.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// A URI, taken apart.
#[derive(Debug)]
pub(super) struct Uri {
    /// The person: the label after its last colon.
    pub(super) account: String,
    /// The factor.
    pub(super) factor: FactorDraft,
}

/// Reads a URI. What else may change its codes, under whatever name, is checked with all URIs,
/// later.
pub(super) fn of_uri(uri: &str) -> Uri {
    let uri = uri.trim();
    let rest = uri.get(SCHEME.len()..).unwrap_or("").trim_start_matches('/');
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, label) = path.split_once('/').unwrap_or((path, ""));
    let label = decoded(label);
    let (prefix, account) = label.rsplit_once(':').unwrap_or(("", &label));
    let parameter = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut named = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| form_decoded(value))
    };
    let node = |name| parameter(name).map_or(Node::Null, |value| Node::of(&value));
    let issuer = parameter("issuer");
    let issuer = issuer.as_deref().map(|issuer| issuer.trim()).filter(|issuer| !issuer.is_empty());
    let mut factor =
        FactorDraft::new(FactorType::Totp).set(Field::Name, issuer.or(Some(prefix.trim())));
    totp::check_kind(&mut factor, &Node::of(kind));
    totp::check_algorithm(&mut factor, &node("algorithm"));
    totp::check_digits(&mut factor, &node("digits"));
    totp::check_period(&mut factor, &node("period"));
    let account = account.trim().to_owned();
    let Some(secret) = parameter("secret").filter(|secret| !secret.trim().is_empty()) else {
        let rule = "has no `secret` in its `otpauth` URI: was it cut off?";
        factor.fault(Field::TotpSecret, Code::OtpauthNoSecret, rule);
        return Uri { account, factor };
    };
    // The URI goes on as it is, to be checked as one.
    let factor = totp::set_secret(factor, &secret, SecretEncoding::Base32);
    let factor = factor.set(Field::TotpSecret, Some(uri));
    Uri { account, factor }
}

fn person(account: &str) -> Person {
    let address = Some(account).filter(|account| is_address(account));
    Person {
        email: address.map(Into::into),
        username: Some(account).filter(|account| !account.is_empty()).map(Into::into),
        ..Person::default()
    }
}

/// Returns true if a label is plainly an address; whether it is anyone's, only the tenant knows.
fn is_address(account: &str) -> bool {
    let is_plain = !account.contains(|c: char| c.is_whitespace() || c == ',' || c == '/');
    let parts = account.split_once('@');
    is_plain
        && parts.is_some_and(|(local, host)| {
            !local.is_empty() && !host.contains('@') && !host.is_empty()
        })
}

fn transfer(uri: &str, rows: &mut Rows<'_>) {
    let batch = match migration::read(uri) {
        Ok(batch) => batch,
        Err(rule) => {
            rows.reject("", None, "", Code::OtpauthInvalid, rule);
            return;
        }
    };
    rows.part = Some(batch.part);
    for (index, account) in batch.accounts.iter().enumerate() {
        let name = account.name.as_str();
        let (prefix, label) = name.rsplit_once(':').unwrap_or(("", name));
        rows.next_person(person(label.trim()));
        let issuer = [account.issuer.trim(), prefix.trim()];
        let issuer = issuer.into_iter().find(|issuer| !issuer.is_empty());
        let factor = FactorDraft::new(FactorType::Totp).set(Field::Name, issuer);
        rows.push(format!("[{index}]"), with_account(factor, account));
    }
}

/// Checks what an account of a transfer declares, and sets its secret.
fn with_account(mut factor: FactorDraft, account: &migration::Account) -> FactorDraft {
    let declared = |number: u64, usual: &[u64]| {
        let is_usual = usual.contains(&number);
        if is_usual { Node::Null } else { Node::of("other") }
    };
    if account.kind == 1 {
        totp::refuse_counter(&mut factor);
    } else {
        totp::check_kind(&mut factor, &declared(account.kind, &[0, 2]));
    }
    totp::check_algorithm(&mut factor, &declared(account.algorithm, &[0, 1]));
    totp::check_digits(&mut factor, &declared(account.digits, &[0, 1]));
    let base32 = Zeroizing::new(data_encoding::BASE32_NOPAD.encode(&account.secret));
    totp::set_secret(factor, &base32, SecretEncoding::Base32)
}

fn decoded(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Decodes a value of a query, where a plus is a space.
fn form_decoded(text: &str) -> Zeroizing<String> {
    let spaced = Zeroizing::new(text.replace('+', " "));
    Zeroizing::new(decoded(&spaced).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::from_json,
        sources::tests::{read_all, told},
    };

    const SECRET: &str = "7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7";
    const TRANSFER: &str = "otpauth-migration://offline?data=CjQKFPxRWC3Bxl8PJTPZizgbkK%2FupxcfEhBtYXJhQGV4YW1wbGUub3JnGgRBY21lIAEoATACCjQKFHI3R20yUXhWdDlMd1o0S2RZcDBzEhBvdHRvQGV4YW1wbGUub3JnGgRBY21lIAIoATACEAEYASAAKLlg";

    fn read_line(line: &str) -> (Person, Vec<String>) {
        let json = serde_json::to_string(line).unwrap();
        let (person, rows) = read_all(&SYSTEM, &json, None);
        (person.clone(), told((person, rows)))
    }

    #[test]
    fn the_label_says_who_it_is_and_the_issuer_what_it_is_for() {
        for (uri, username, email, name) in [
            ("totp/Acme:mara%40example.org?secret=S&issuer=Acme", "mara@example.org", true, "Acme"),
            ("totp/Acme%3A%20mara?secret=S", "mara", false, "Acme"),
            ("totp/Air%20Canada:mara?secret=S&issuer=Air+Canada", "mara", false, "Air Canada"),
            ("totp/a:b:mara?issuer=X&secret=S&codeDisplay=3", "mara", false, "X"),
            ("totp/mara?secret=S", "mara", false, ""),
            ("totp/mara@?secret=S", "mara@", false, ""),
            ("totp/m+x@example.org?secret=S&image=a%2Fb", "m+x@example.org", true, ""),
        ] {
            let (person, rows) = read_line(&format!("otpauth://{}", uri.replace('S', SECRET)));
            assert_eq!(person.username.as_deref(), Some(username), "{uri}");
            assert_eq!(person.email.as_deref(), email.then_some(username), "{uri}");
            let name = if name.is_empty() { String::new() } else { format!(" name={name}") };
            assert_eq!(rows, [format!(" totp{name} totp_secret={SECRET}")], "{uri}");
        }
        let (person, _) = read_line(&format!("otpauth://totp/?secret={SECRET}"));
        assert_eq!(person, Person::default());
    }

    #[test]
    fn the_common_profile_passes_however_it_is_spelt_and_every_other_has_its_row() {
        let whole = format!(" totp totp_secret={SECRET}");
        for parameters in [
            "secret=7riv%20qlob%20yzpq%206jjt%203gft%20qg4q%20v7xk%20ofy7",
            "secret=7RIV+QLOB+YZPQ+6JJT+3GFT+QG4Q+V7XK+OFY7",
            "secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7%3D%3D",
            "secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7&algorithm=HmacSHA1&digits=6&period=30",
            "algorithm=sha-1&secret=7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7",
        ] {
            assert_eq!(read_line(&format!("otpauth://totp/mara?{parameters}")).1, [whole.as_str()]);
        }
        for (uri, codes) in [
            ("otpauth://hotp/mara?secret=S&counter=0", "hotp_unsupported"),
            ("otpauth://steam/mara?secret=S", "factor_type_unsupported"),
            ("otpauth://totp/mara?secret=S&algorithm=sha512", "totp_algorithm_unsupported"),
            ("otpauth://totp/mara?secret=S&digits=8", "totp_digits_unsupported"),
            ("otpauth://totp/mara?secret=S&period=60", "totp_period_unsupported"),
            ("otpauth://totp/mara?issuer=Acme", "otpauth_no_secret"),
            ("otpauth://totp/mara?secret=", "otpauth_no_secret"),
            ("otpauth://totp/mara", "otpauth_no_secret"),
            ("otpauth://totp/mara?secret=7RIVQLOB0189", "totp_secret_invalid"),
            ("otpauth://totp/mara?secret=7RIVQLOBYZPQ6JJT3", "totp_secret_invalid"),
        ] {
            let (person, rows) = read_line(&uri.replace('S', SECRET));
            assert_eq!(person.username.as_deref(), Some("mara"), "{uri}");
            assert_eq!(rows, [format!(" totp rejected {codes} (totp_secret)")], "{uri}");
        }
        // Under a name that only the check of all URIs knows.
        let (_, rows) = read_line(&format!("otpauth://totp/mara?secret={SECRET}&interval=60"));
        assert!(rows[0].contains("rejected"), "{rows:?}");
    }

    #[test]
    fn lines_without_a_uri_are_passed_over_if_they_are_blank_comments_or_sentences() {
        for line in
            ["", "  ", "# otpauth://totp/x?secret=A", "Successfully exported 3 secrets as URIs."]
        {
            assert_eq!(read_line(line).1, [""; 0], "{line}");
            assert!(recognises(&Node::of(line)), "{line}");
        }
        for (line, code) in [
            ("mara otpauth://totp/mara?secret=S", "otpauth_invalid"),
            ("JBSWY3DPEHPK3PXP", "otpauth_invalid"),
            ("motp://x:mara?secret=00", "other_scheme"),
            ("otpauth-migration://offline?data=C*", "otpauth_invalid"),
            ("otpauth-migration://offline", "otpauth_invalid"),
        ] {
            assert_eq!(read_line(line).1, [format!("  rejected {code}")], "{line}");
        }
        for other in ["{\"users\":[", "id,email", "<xml>", "JBSWY3DPEHPK3PXP"] {
            assert!(!recognises(&Node::of(other)), "{other}");
        }
        assert!(!recognises(&from_json("{}").unwrap()));
    }

    #[test]
    fn a_transfer_has_a_row_and_a_person_for_each_account() {
        let note = |_| None;
        let options = crate::sources::Options::default();
        let mut rows = Rows::new(&options, &note);
        read(&Node::of(TRANSFER), &mut rows);
        assert_eq!(rows.part, Some(migration::Part { batch: 12345, index: 0, size: 1 }));
        let people: Vec<_> =
            rows.finish().into_iter().map(|(person, found)| (person.email, found.len())).collect();
        let person = |name: &str| (Some(name.to_owned()), 1);
        assert_eq!(people, [person("mara@example.org"), person("otto@example.org")]);
        let (_, rows) = read_line(TRANSFER);
        assert_eq!(rows, ["[1] totp rejected totp_algorithm_unsupported (totp_secret)"]);
    }
}
