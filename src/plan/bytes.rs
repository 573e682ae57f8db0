//! Ids of bytes in Base64url: a credential's id, a user's handle.

use data_encoding::{BASE64URL_NOPAD, DecodeKind};

use super::{
    alphabet::{self, Alphabet},
    draft::Rule,
};
use crate::model::Code;

/// Reads an id in Base64url without padding, or in standard Base64, which says the same; what it is
/// and the bytes in it.
pub(super) fn base64url(text: &str) -> Result<(String, Vec<u8>), Rule> {
    let text = text.trim().trim_end_matches('=');
    let has_either = |a, b| memchr::memchr2(a, b, text.as_bytes()).is_some();
    let id = if has_either(b'+', b'/') && !has_either(b'-', b'_') {
        text.replace('+', "-").replace('/', "_")
    } else {
        text.to_owned()
    };
    let looks_like = |code, what| {
        let rule = format!(
            "looks like {what}, not like Base64url: give the Base64url of the bytes that the \
             authenticator knows"
        );
        Err(Rule::new(code, rule))
    };
    match alphabet::of(&id, Alphabet::Base64url) {
        Alphabet::Uuid => return looks_like(Code::LooksLikeUuid, "a UUID"),
        Alphabet::Hex => return looks_like(Code::LooksLikeHex, "hexadecimal"),
        Alphabet::Decimal => return looks_like(Code::LooksLikeDecimal, "a decimal number"),
        Alphabet::Base32 if !id.contains('-') => {
            return looks_like(Code::LooksLikeBase32, "Base32");
        }
        Alphabet::Base32 | Alphabet::Base64url | Alphabet::Base64 | Alphabet::Text => {}
    }
    let bytes = BASE64URL_NOPAD.decode(id.as_bytes()).map_err(|error| match error.kind {
        DecodeKind::Symbol if id.contains('@') => {
            let rule = "must be Base64url, but looks like an e-mail address: give the Base64url of \
                        the bytes that the authenticator knows";
            Rule::new(Code::NotBase64url, rule)
        }
        DecodeKind::Symbol => Rule::new(
            Code::NotBase64url,
            format!("must be Base64url, but byte {} is not", error.position + 1),
        ),
        DecodeKind::Length | DecodeKind::Trailing | DecodeKind::Padding => {
            Rule::new(Code::CutOff, "is not complete Base64url: was it cut off, or never encoded?")
        }
    })?;
    Ok((id, bytes))
}

/// Returns true if the bytes are themselves text of an encoding. So many letters of one come
/// together by chance less than once in a million times.
pub(super) fn is_encoded_again(bytes: &[u8]) -> bool {
    bytes.len() >= 16
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, Code>) {
        let found = base64url(text).map(|(id, _)| id).map_err(|rule| rule.code);
        assert_eq!(found, expected.map(str::to_owned), "{text}");
    }

    #[test]
    fn standard_base64_says_the_same_and_is_converted() {
        check("aGVsbG8", Ok("aGVsbG8"));
        check(" aGVsbG8= ", Ok("aGVsbG8"));
        check("_-8", Ok("_-8"));
        check("+/8=", Ok("-_8"));
        check("frLP+97RAMqmPQ/bsQb1cg==", Ok("frLP-97RAMqmPQ_bsQb1cg"));
    }

    #[test]
    fn what_is_not_base64url_is_named_for_what_it_is() {
        check("+_8", Err(Code::NotBase64url));
        check("aGVs bG8", Err(Code::NotBase64url));
        check("aGVsbG9", Err(Code::CutOff));
        check("a", Err(Code::CutOff));
        check("someone@example.com", Err(Code::NotBase64url));
        check("5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21", Err(Code::LooksLikeUuid));
        check("5d0c9f0e3b0a4c7e9a530f6c1f1a7d21", Err(Code::LooksLikeHex));
        check("CA2B81128A1BBDCAFAC231B39A23DC4D", Err(Code::LooksLikeHex));
        check("1234567890123456", Err(Code::LooksLikeDecimal));
        check("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Err(Code::LooksLikeBase32));
        check("gezdgnbvgy3tqojqgezdgnbvgy3tqojq====", Err(Code::LooksLikeBase32));
    }

    #[test]
    fn an_encoding_inside_of_an_encoding_is_seen() {
        assert!(is_encoded_again(b"ZnJMUEM5N1JBTXFtUFE="));
        assert!(!is_encoded_again(b"short"));
        assert!(!is_encoded_again(&[0x80; 32]));
    }
}
