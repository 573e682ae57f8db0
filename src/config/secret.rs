//! Cleans a secret of the leftovers of editors, shells and containers.

use secrecy::SecretString;

use crate::error::Error;

/// Returns the secret in `text`, without white space and marks around it; `origin` names its place.
/// Characters that may be part of it, or that show that there is more than the secret, are refused
/// with a question.
pub(super) fn clean(text: &str, origin: &str) -> Result<SecretString, Error> {
    let secret = text.trim_matches(|c: char| c.is_whitespace() || is_mark(c));
    let refused = |what: &str, hint: &str| Err(Error::config(format!("{origin} {what}"), hint));
    let is_quoted =
        |quote: char| secret.len() > 1 && secret.starts_with(quote) && secret.ends_with(quote);
    if ['"', '\'', '`'].into_iter().any(is_quoted) {
        return refused(
            "begins and ends with a quote: does it belong to the secret?",
            "write the secret without quotes; `docker run --env-file` hands them on as they are",
        );
    }
    if secret.contains(['\n', '\r']) {
        return refused("has more than one line", "write the secret, and nothing else");
    }
    if secret.contains(is_mark) {
        return refused("has an invisible character inside", "type or export the secret anew");
    }
    if secret.starts_with("AUTH0_") && secret.contains('=') {
        return refused("is an assignment", "write what stands behind the `=`, and nothing else");
    }
    if secret.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("bearer ")) {
        return refused("begins with `Bearer`", "write the token alone");
    }
    Ok(SecretString::from(secret.to_owned()))
}

/// Returns true for a byte order mark, or a zero-width character that came along when copying.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn what_is_left_around_a_secret_is_taken_off() {
        for text in [
            "abc_DEF-1",
            "\u{feff}abc_DEF-1\r\n",
            " abc_DEF-1\n\n",
            "\u{200b}abc_DEF-1\u{200e}",
            "\u{feff}\u{feff} abc_DEF-1",
        ] {
            assert_eq!(clean(text, "it").unwrap().expose_secret(), "abc_DEF-1", "{text:?}");
        }
    }

    #[test]
    fn what_may_not_be_the_secret_alone_is_asked_about_and_never_shown() {
        for (text, said) in [
            ("\"abc_DEF-1\"", "a quote"),
            ("'abc_DEF-1'\n", "a quote"),
            ("\u{feff}\"abc_DEF-1\"\r\n", "a quote"),
            ("abc_DEF-1\nabc_DEF-2", "more than one line"),
            ("abc\u{200b}_DEF-1", "invisible"),
            ("AUTH0_CLIENT_SECRET=abc_DEF-1", "an assignment"),
            ("Bearer abc_DEF-1", "`Bearer`"),
        ] {
            let error = clean(text, "the file of --token-file").unwrap_err();
            let message = format!("{error} {error:?}");
            assert!(message.contains(said) && !message.contains("DEF"), "{message}");
        }
    }
}
