//! `otpauth` URIs, as QR codes hold them. The API has no fields for hash, digits and period: it would
//! take any secret and the user's codes would be wrong for ever, so only the common profile passes.

use std::borrow::Cow;

use url::Url;
use zeroize::Zeroizing;

use super::draft::Rule;

const SCHEME: &str = "otpauth:";

/// Parameters that change codes, the values that pass, and what the API assumes.
const FIXED: [(&str, &[&str], &str); 3] =
    [("algorithm", &["SHA1", "SHA-1"], "SHA1"), ("digits", &["6"], "6"), ("period", &["30"], "30")];

/// More parameters than any QR code has; bounds the search for repeated ones.
const MAX_PARAMETERS: usize = 32;

/// Whether `text` is meant to be a URI rather than a secret.
pub(super) fn is_uri(text: &str) -> bool {
    text.trim_start().get(..SCHEME.len()).is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// The secret in a URI, and everything that is wrong around it.
pub(super) fn secret(uri: &str) -> (Option<Zeroizing<String>>, Vec<Rule>) {
    let Ok(url) = Url::parse(uri.trim()) else {
        return (None, vec!["must be a valid `otpauth` URI".into()]);
    };
    let mut rules: Vec<Rule> = Vec::new();
    match url.host_str() {
        Some(kind) if kind.eq_ignore_ascii_case("totp") => {}
        Some(kind) if kind.eq_ignore_ascii_case("hotp") => {
            rules.push("is a counter-based secret (`hotp`), which the API cannot hold".into());
        }
        _ => rules.push("must begin with `otpauth://totp/`".into()),
    }

    let pairs: Vec<_> = url.query_pairs().take(MAX_PARAMETERS + 1).collect();
    if pairs.len() > MAX_PARAMETERS {
        rules
            .push(format!("has more than {MAX_PARAMETERS} parameters in its `otpauth` URI").into());
    }
    let same = |a: &Cow<'_, str>, b: &Cow<'_, str>| a.eq_ignore_ascii_case(b);
    let is_again =
        |(at, (key, _)): (usize, &(Cow<'_, str>, _))| pairs[..at].iter().any(|(k, _)| same(k, key));
    if pairs.iter().enumerate().any(is_again) {
        rules.push("has a parameter twice in its `otpauth` URI".into());
    }

    let mut secret = None;
    for (key, value) in pairs {
        if key.eq_ignore_ascii_case("secret") {
            secret = Some(Zeroizing::new(value.into_owned()));
        } else if let Some((name, passing, assumed)) = fixed(&key)
            && !passing.iter().any(|known| known.eq_ignore_ascii_case(value.trim()))
        {
            let why = "the API assumes that, and every code would be wrong";
            rules.push(format!("has another `{name}` than {assumed}: {why}").into());
        }
    }
    if secret.as_ref().is_none_or(|secret| secret.is_empty()) {
        rules.push("has no `secret` in its `otpauth` URI".into());
        secret = None;
    }
    (secret, rules)
}

fn fixed(key: &str) -> Option<(&'static str, &'static [&'static str], &'static str)> {
    FIXED.into_iter().find(|(name, ..)| name.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, secret: Option<&str>, rules: &[&str]) {
        let (found, broken) = super::secret(uri);
        assert_eq!(found.as_ref().map(|found| found.as_str()), secret, "{uri}");
        assert_eq!(broken.len(), rules.len(), "{uri}: {broken:?}");
        for (rule, expected) in broken.iter().zip(rules) {
            assert!(rule.contains(expected), "{uri}: {rule}");
        }
    }

    #[test]
    fn the_common_profile_passes() {
        check("otpauth://totp/ACME:ann@example.com?secret=JBSW&issuer=ACME", Some("JBSW"), &[]);
        check(
            "OTPAUTH://TOTP/x?SECRET=jb%20sw&algorithm=sha1&digits=6&period=30",
            Some("jb sw"),
            &[],
        );
        check(" otpauth://totp/x?secret=JBSW&algorithm=SHA-1 ", Some("JBSW"), &[]);
        assert!(is_uri(" OtpAuth://totp/"));
        assert!(!is_uri("JBSWY3DP"));
    }

    #[test]
    fn whatever_makes_other_codes_is_refused_all_at_once() {
        check(
            "otpauth://totp/x?secret=JBSW&algorithm=SHA256&digits=8&period=60",
            Some("JBSW"),
            &["`algorithm` than SHA1", "`digits` than 6", "`period` than 30"],
        );
        check("otpauth://hotp/x?secret=JBSW&counter=1", Some("JBSW"), &["counter-based"]);
        check("otpauth://steam/x?secret=JBSW", Some("JBSW"), &["must begin with"]);
        check("otpauth:totp/x?secret=JBSW", Some("JBSW"), &["must begin with"]);
        check("otpauth://totp/x?secret=JBSW&Secret=JBSX", Some("JBSX"), &["a parameter twice"]);
        check(
            "otpauth://totp/x?secret=JBSW&digits=6&digits=8",
            Some("JBSW"),
            &["twice", "`digits`"],
        );
        check("otpauth://totp/x?issuer=a", None, &["has no `secret`"]);
        check("otpauth://totp/x?secret=&algorithm=", None, &["`algorithm`", "has no `secret`"]);
        let many = format!("otpauth://totp/x?secret=JBSW{}", "&a=1".repeat(40));
        check(&many, Some("JBSW"), &["more than 32 parameters", "twice"]);
        check("otpauth://[", None, &["must be a valid `otpauth` URI"]);
    }
}
