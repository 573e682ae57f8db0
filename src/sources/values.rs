//! Encodings in which exports write bytes. The dialect knows which one is used.

use data_encoding::{BASE32_NOPAD, BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

/// Bytes of an export, wiped on drop.
pub(super) type Bytes = Zeroizing<Vec<u8>>;

/// Reads Base64 in either alphabet, with or without padding: systems mix them within one object.
pub(super) fn base64(text: &str) -> Option<Bytes> {
    let bare = text.trim().trim_end_matches('=');
    let mut standard = Zeroizing::new(String::with_capacity(bare.len()));
    standard.extend(bare.chars().map(|c| match c {
        '-' => '+',
        '_' => '/',
        c => c,
    }));
    BASE64_NOPAD.decode(standard.as_bytes()).ok().map(Zeroizing::new)
}

/// Reads Base32 as people keep it: in any case, with spaces, hyphens and padding.
pub(super) fn base32(text: &str) -> Option<Bytes> {
    let mut bare = Zeroizing::new(String::with_capacity(text.len()));
    bare.extend(text.trim().trim_end_matches('=').chars().filter(|c| !matches!(c, ' ' | '-')));
    bare.make_ascii_uppercase();
    BASE32_NOPAD.decode(bare.as_bytes()).ok().map(Zeroizing::new)
}

/// Reads hexadecimal digits.
pub(super) fn hex(text: &str) -> Option<Bytes> {
    HEXLOWER_PERMISSIVE.decode(text.trim().as_bytes()).ok().map(Zeroizing::new)
}

/// Reads bytes as `PostgreSQL` prints them: `\x` and hexadecimal digits.
pub(super) fn bytea(text: &str) -> Option<Bytes> {
    hex(text.trim().strip_prefix("\\x")?)
}

/// Returns Base64url without padding: what the API takes for a key id and a user handle.
pub(super) fn to_base64url(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// Returns standard Base64 with padding: what the API takes for a public key.
pub(super) fn to_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Returns the text of a UUID of 16 bytes.
pub(super) fn to_uuid(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut uuid = data_encoding::HEXLOWER.encode(bytes);
    for at in [20, 16, 12, 8] {
        uuid.insert(at, '-');
    }
    Some(uuid)
}

/// Returns true if the text is a UUID of zeros: authenticators that do not tell their model.
pub(super) fn is_zero_uuid(text: &str) -> bool {
    let is_zero = |byte| matches!(byte, b'0' | b'-');
    text.contains('0') && text.trim().bytes().all(is_zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector of one secret in every form.
    const KEY: &str = "fc51582dc1c65f0f2533d98b381b90afeea7171f";

    #[test]
    fn one_secret_in_every_form_is_the_same_bytes() {
        let key = hex(KEY).unwrap();
        for text in ["/FFYLcHGXw8lM9mLOBuQr+6nFx8=", "_FFYLcHGXw8lM9mLOBuQr-6nFx8"] {
            assert_eq!(base64(text).as_ref(), Some(&key), "{text}");
        }
        for text in [
            "7RIVQLOBYZPQ6JJT3GFTQG4QV7XKOFY7",
            " 7riv qlob yzpq 6jjt 3gft qg4q v7xk ofy7 ",
            "7RIV-QLOB-YZPQ-6JJT-3GFT-QG4Q-V7XK-OFY7====",
        ] {
            assert_eq!(base32(text).as_ref(), Some(&key), "{text}");
        }
        assert_eq!(bytea(&format!("\\x{KEY}")).as_ref(), Some(&key));
        assert_eq!(hex(&KEY.to_uppercase()).as_ref(), Some(&key));
        assert_eq!(to_base64(&key), "/FFYLcHGXw8lM9mLOBuQr+6nFx8=");
        assert_eq!(to_base64url(&key), "_FFYLcHGXw8lM9mLOBuQr-6nFx8");
    }

    #[test]
    fn what_is_cut_or_of_another_alphabet_is_nothing() {
        for text in ["/FFYLcHGX", "/FFY*", "/FFYLcHGXw9"] {
            assert_eq!(base64(text), None, "{text}");
        }
        for text in ["7RIVQLOBY", "7RIV0", "7RIV18", "7RIVQLOBYZPQ6JJ9"] {
            assert_eq!(base32(text), None, "{text}");
        }
        for text in ["abc", "zz", "\\xab"] {
            assert_eq!(hex(text), None, "{text}");
        }
        assert_eq!(bytea(KEY), None);
    }

    #[test]
    fn a_uuid_has_sixteen_bytes_and_may_be_zeros() {
        let bytes = base64("chb+JHIwTqqPye14Z/hlfw==").unwrap();
        assert_eq!(to_uuid(&bytes).as_deref(), Some("7216fe24-7230-4eaa-8fc9-ed7867f8657f"));
        assert_eq!(to_uuid(&bytes[..15]), None);
        assert!(is_zero_uuid("00000000-0000-0000-0000-000000000000"));
        assert!(is_zero_uuid(&"0".repeat(32)));
        for text in ["", "-", "7216fe24-7230-4eaa-8fc9-ed7867f8657f"] {
            assert!(!is_zero_uuid(text), "{text}");
        }
    }
}
