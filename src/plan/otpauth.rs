//! `otpauth` URIs, as QR codes hold them. The API has no fields for hash, digits and period: it
//! would accept any secret and the user's codes would be wrong for ever, so only the common profile
//! is accepted.
//!
//! The query is parsed by hand: what a URL parser silently ignores (a second `?`, a `#` in an
//! issuer, `&amp;`) may be what changes the codes.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::{draft::Rule, text::in_ascii};
use crate::model::Code;

const SCHEME: &str = "otpauth:";

/// Most parameters: more than any QR code has. Bounds the search for repeated ones.
const MAX_PARAMETERS: usize = 32;

/// Parameters that do not affect codes, in lower case and without separators: the Key URI format's
/// `issuer`, and those that apps add for people.
const HARMLESS: [&str; 24] = [
    "issuer",
    "image",
    "imageurl",
    "icon",
    "iconurl",
    "logo",
    "logourl",
    "color",
    "colour",
    "backgroundcolor",
    "foregroundcolor",
    "textcolor",
    "account",
    "accountname",
    "name",
    "label",
    "user",
    "username",
    "email",
    "domain",
    "tags",
    "group",
    "note",
    "lock",
];

/// Spellings of `&` that templates for HTML and JSON write.
const ESCAPED_AMPERSANDS: [&str; 5] = ["&amp;", "&#38;", "&#038;", "&#x26;", "\\u0026"];

/// Content of a URI.
#[derive(Debug)]
pub(super) struct Read {
    /// The secret, where there is one.
    pub(super) secret: Option<Zeroizing<String>>,
    /// Every fault around it.
    pub(super) faults: Vec<Rule>,
    /// True if there is a parameter that is not known.
    pub(super) has_unknown: bool,
}

/// Returns true if `text` is meant to be a URI rather than a secret.
pub(super) fn is_uri(text: &str) -> bool {
    text.trim_start().get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// Reads the secret in a URI, and every fault around it.
pub(super) fn read(uri: &str) -> Read {
    let uri = Zeroizing::new(unescaped(&Zeroizing::new(in_ascii(uri))));
    let mut read = Read { secret: None, faults: Vec::new(), has_unknown: false };
    read.check_kind(&uri);
    let pairs = pairs(&uri);
    read.check_count(&pairs);
    for (index, (key, value)) in pairs.iter().enumerate() {
        let again = |(other, _): &(String, Zeroizing<String>)| other == key;
        let is_harmless = HARMLESS.contains(&key.as_str());
        if !is_harmless && pairs.iter().take(index.min(MAX_PARAMETERS)).any(again) {
            read.fault(Code::OtpauthRepeated, "repeats a parameter in its `otpauth` URI");
        }
        match key.as_str() {
            "secret" => read.secret = Some(value.clone()),
            _ if is_harmless => {}
            key => match Effect::of(key) {
                Some(effect) if effect.is_common(value) => {}
                Some(effect) => read.faults.push(effect.fault()),
                None => read.has_unknown = true,
            },
        }
    }
    if read.secret.as_ref().is_none_or(|secret| secret.trim().is_empty()) {
        read.fault(Code::OtpauthNoSecret, "has no `secret` in its `otpauth` URI");
        read.secret = None;
    }
    read
}

impl Read {
    /// Adds a fault once.
    fn fault(&mut self, code: Code, text: impl Into<Cow<'static, str>>) {
        if !self.faults.iter().any(|fault| fault.code == code) {
            self.faults.push(Rule::new(code, text));
        }
    }

    fn check_kind(&mut self, uri: &str) {
        let rest = uri.get(SCHEME.len()..).unwrap_or("");
        let kind = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?']).next());
        match kind {
            Some(kind) if kind.eq_ignore_ascii_case("totp") => {}
            Some(kind) if kind.eq_ignore_ascii_case("hotp") => self.fault(
                Code::OtpauthKind,
                "is a counter-based secret (`hotp`), which the API does not support",
            ),
            Some(kind) if kind.eq_ignore_ascii_case("steam") => self.fault(
                Code::OtpauthKind,
                "is a Steam secret, whose codes use other characters than the API's",
            ),
            _ => self.fault(Code::OtpauthInvalid, "must begin with `otpauth://totp/`"),
        }
    }

    fn check_count(&mut self, pairs: &[(String, Zeroizing<String>)]) {
        if pairs.len() > MAX_PARAMETERS {
            self.fault(
                Code::OtpauthInvalid,
                format!("has more than {MAX_PARAMETERS} parameters in its `otpauth` URI"),
            );
        }
    }
}

/// Property of codes that a parameter changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Algorithm,
    Digits,
    Period,
    Counter,
    Kind,
}

impl Effect {
    /// Returns the property that a parameter of that name changes, under any of the names that apps
    /// use for it.
    fn of(key: &str) -> Option<Self> {
        let has = |words: &[&str]| words.iter().any(|word| key.contains(word));
        let ends = |words: &[&str]| words.iter().any(|word| key.ends_with(word));
        if has(&["algo", "hash", "hmac", "digest", "sha1", "sha2", "sha5"]) || key == "alg" {
            Some(Self::Algorithm)
        } else if has(&["digit", "length"]) || key == "len" {
            Some(Self::Digits)
        } else if has(&["period", "interval", "step", "validity", "refresh", "duration"])
            || matches!(key, "x" | "ttl" | "time" | "secs" | "seconds")
        {
            Some(Self::Period)
        } else if has(&["counter", "offset", "epoch", "drift", "skew", "starttime"])
            || matches!(key, "t0" | "start")
        {
            Some(Self::Counter)
        } else if has(&["encod", "prefix", "suffix", "charset", "alphabet", "truncat", "steam"])
            || ends(&["type", "kind", "mode", "variant", "format"])
            || matches!(key, "pin" | "base" | "method")
        {
            Some(Self::Kind)
        } else {
            None
        }
    }

    /// Returns true if the value is the one that the API assumes.
    fn is_common(self, value: &str) -> bool {
        let value = value.trim().to_ascii_lowercase();
        if matches!(value.as_str(), "" | "null" | "undefined" | "default") {
            return true;
        }
        match self {
            Self::Algorithm => {
                let name: String = value.chars().filter(char::is_ascii_alphanumeric).collect();
                matches!(name.as_str(), "sha1" | "hmacsha1" | "hmacwithsha1")
            }
            Self::Digits => is_number(&value, 6.0),
            Self::Period => {
                let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
                let unit = value.get(number.len()..).unwrap_or("").trim();
                matches!(unit, "" | "s" | "sec" | "secs" | "second" | "seconds")
                    && is_number(number, 30.0)
            }
            Self::Counter => is_number(&value, 0.0),
            Self::Kind => matches!(value.as_str(), "totp" | "base32" | "otp" | "otpauth"),
        }
    }

    fn fault(self) -> Rule {
        let (code, rule) = match self {
            Self::Algorithm => (
                Code::OtpauthAlgorithm,
                "uses an `algorithm` other than SHA-1: the API only supports SHA-1, so every code \
                 would be rejected",
            ),
            Self::Digits => (
                Code::OtpauthDigits,
                "uses a number of `digits` other than 6: the API only supports 6, so every code \
                 would be rejected",
            ),
            Self::Period => (
                Code::OtpauthPeriod,
                "uses a `period` other than 30 seconds: the API only supports 30 seconds, so every \
                 code would be rejected",
            ),
            Self::Counter => (
                Code::OtpauthChangesCodes,
                "counts from a time other than 1970, or uses a counter: the API supports neither, \
                 so every code would be rejected",
            ),
            Self::Kind => (
                Code::OtpauthChangesCodes,
                "has a parameter for another kind of code or secret: the API does not support it, \
                 so every code would be rejected",
            ),
        };
        Rule::new(code, rule)
    }
}

/// Returns true if `text` is that number, however it is written: `6`, `06`, `6.0`.
fn is_number(text: &str, number: f64) -> bool {
    text.parse::<f64>().is_ok_and(|found| (found - number).abs() < f64::EPSILON)
}

/// Returns a URI with plain ampersands, and without line breaks and tabs, as a URL parser reads it.
fn unescaped(uri: &str) -> String {
    let mut plain = Zeroizing::new(String::with_capacity(uri.len()));
    plain.extend(uri.trim().chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')));
    // Twice escaped is `&amp;amp;`.
    while let Some((at, len)) = ESCAPED_AMPERSANDS.iter().find_map(|escaped| {
        let is_here = |at: &usize| {
            plain.get(*at..at + escaped.len()).is_some_and(|t| t.eq_ignore_ascii_case(escaped))
        };
        (0..plain.len()).find(is_here).map(|at| (at, escaped.len()))
    }) {
        plain.replace_range(at..at + len, "&");
    }
    std::mem::take(&mut *plain)
}

/// Returns every `key=value` of a URI, wherever it is: after `?`, `&`, `;` or `#`. Keys are
/// compared in lower case, without separators.
fn pairs(uri: &str) -> Vec<(String, Zeroizing<String>)> {
    let rest = uri.split_once(['?', '&']).map_or("", |(_, rest)| rest);
    rest.split(['?', '&', ';', '#'])
        .filter_map(|pair| {
            // Text without a `=` is the rest of a value.
            let (key, value) = pair.split_once('=')?;
            let key = decoded(key);
            let key: String = key
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect();
            (!key.is_empty()).then(|| (key, decoded(value)))
        })
        .take(MAX_PARAMETERS + 1)
        .collect()
}

/// Decodes percent signs in a key or value, with a plus as a space.
fn decoded(text: &str) -> Zeroizing<String> {
    let spaced = Zeroizing::new(text.replace('+', " "));
    Zeroizing::new(percent_decode_str(&spaced).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, secret: Option<&str>, codes: &[Code]) {
        let read = read(uri);
        assert_eq!(read.secret.as_ref().map(|found| found.as_str()), secret, "{uri}");
        let found: Vec<_> = read.faults.iter().map(|fault| fault.code).collect();
        assert_eq!(found, codes, "{uri}");
    }

    #[test]
    fn the_common_profile_passes_however_it_is_spelt() {
        check("otpauth://totp/ACME:ann@example.com?secret=JBSW&issuer=ACME", Some("JBSW"), &[]);
        check(
            "OTPAUTH://TOTP/x?SECRET=jb%20sw&algorithm=sha1&digits=6&period=30",
            Some("jb sw"),
            &[],
        );
        for parameters in [
            "algorithm=HmacSHA1",
            "algorithm=HMAC-SHA-1",
            "algorithm=hmac_sha1",
            "algorithm=SHA-1",
            "algorithm=sha%201",
            "period=30.0",
            "period=30s",
            "period=%2030",
            "digits=06",
            "digits=6.0",
            "algorithm=&digits=&period=",
            "algorithm=null",
            "algo=SHA1",
            "interval=30",
            "step=30",
            "type=totp",
            "counter=0",
            "encoding=base32",
            "image=https%3A%2F%2Fexample.com%2Fa.png&issuer=Acme",
            "amp;issuer=Acme",
            "issuer=C#",
            "issuer=A;B",
        ] {
            check(&format!("otpauth://totp/x?secret=JBSW&{parameters}"), Some("JBSW"), &[]);
        }
        assert!(is_uri(" OtpAuth://totp/"));
        assert!(!is_uri("JBSWY3DP"));
    }

    #[test]
    fn whatever_makes_other_codes_is_refused_under_any_name_and_behind_any_mark() {
        use Code::{OtpauthAlgorithm, OtpauthChangesCodes, OtpauthDigits, OtpauthPeriod};
        for (parameters, code) in [
            ("algorithm=SHA256", OtpauthAlgorithm),
            ("algorithm=HmacSHA512", OtpauthAlgorithm),
            ("algo=sha-256", OtpauthAlgorithm),
            ("hash=SHA256", OtpauthAlgorithm),
            ("Hash_Algorithm=sha512", OtpauthAlgorithm),
            ("digest=md5", OtpauthAlgorithm),
            ("digits=8", OtpauthDigits),
            ("digits=7.0", OtpauthDigits),
            ("digit=8", OtpauthDigits),
            ("otpLength=8", OtpauthDigits),
            ("period=60", OtpauthPeriod),
            ("period=30m", OtpauthPeriod),
            ("interval=60", OtpauthPeriod),
            ("timeStep=60", OtpauthPeriod),
            ("counter=5", OtpauthChangesCodes),
            ("t0=100", OtpauthChangesCodes),
            ("offset=30", OtpauthChangesCodes),
            ("encoder=steam", OtpauthChangesCodes),
            ("encoding=hex", OtpauthChangesCodes),
            ("pin=1234", OtpauthChangesCodes),
        ] {
            for mark in ["&", "&amp;", "&AMP;", "&amp;amp;", "&#38;", "\\u0026", ";", "#", "?"] {
                let uri = format!("otpauth://totp/x?secret=JBSW&issuer=Acme{mark}{parameters}");
                check(&uri, Some("JBSW"), &[code]);
            }
            check(&format!("otpauth://totp/x&{parameters}?secret=JBSW"), Some("JBSW"), &[code]);
        }
        check("otpauth://totp/x?secret=JBSW&dig\tits=8", Some("JBSW"), &[OtpauthDigits]);
        check("otpauth://totp/x?secret=JBSW&%64igits=8", Some("JBSW"), &[OtpauthDigits]);
        check(
            "otpauth://totp/x?secret=JBSW&algorithm=SHA256&digits=8&period=60",
            Some("JBSW"),
            &[OtpauthAlgorithm, OtpauthDigits, OtpauthPeriod],
        );
    }

    #[test]
    fn what_is_no_whole_uri_of_the_kind_is_refused() {
        use Code::{OtpauthInvalid, OtpauthKind, OtpauthNoSecret, OtpauthRepeated};
        check(
            "otpauth://hotp/x?secret=JBSW&counter=1",
            Some("JBSW"),
            &[OtpauthKind, Code::OtpauthChangesCodes],
        );
        check("otpauth://steam/x?secret=JBSW", Some("JBSW"), &[OtpauthKind]);
        check("otpauth:totp/x?secret=JBSW", Some("JBSW"), &[OtpauthInvalid]);
        check("otpauth://totp/x?secret=JBSW&Secret=JBSX", Some("JBSX"), &[OtpauthRepeated]);
        check("otpauth://totp/x?issuer=a", None, &[OtpauthNoSecret]);
        check("otpauth://totp/x?secret=&algorithm=", None, &[OtpauthNoSecret]);
        check("otpauth://[", None, &[OtpauthInvalid, OtpauthNoSecret]);
        let many = format!("otpauth://totp/x?secret=JBSW{}", "&a=1".repeat(40));
        check(&many, Some("JBSW"), &[OtpauthInvalid, OtpauthRepeated]);
    }

    #[test]
    fn a_parameter_that_nobody_knows_is_said() {
        assert!(read("otpauth://totp/x?secret=JBSW&flavour=mint").has_unknown);
        for known in ["issuer=mint&digits=6", "issuer=A;B", "issuer=C#", "issuer=a&issuer=b"] {
            let read = read(&format!("otpauth://totp/x?secret=JBSW&{known}"));
            assert!(!read.has_unknown && read.faults.is_empty(), "{known}");
        }
    }
}
