//! Checks what security keys and passkeys share: the credential's id, its public key, its host.

use std::net::IpAddr;

use super::{
    bytes::{base64url, is_encoded_again},
    draft::{Draft, Rule},
    public_key::public_key,
};
use crate::{
    model::{Code, Credential, Field, PublicKeyCredential},
    text::{MAX_HOST, is_host_name},
};

/// WebAuthn, 5.1.3: a credential id has 1023 bytes at most.
const MAX_KEY_ID: usize = 1023;

/// A security key.
pub(super) fn credential(draft: &mut Draft) -> Option<Credential> {
    let key_id = draft.required(Field::KeyId, |text| key_id(&text));
    let public_key = draft.required(Field::PublicKey, |text| public_key(&text));
    let host = draft.required(Field::RelyingPartyIdentifier, |text| host(&text));
    Some(Credential::WebauthnRoaming(PublicKeyCredential {
        key_id: key_id?,
        public_key: public_key?,
        relying_party_identifier: Some(host?),
    }))
}

/// The same for a passkey, whose host may be left out.
pub(super) fn passkey_credential(draft: &mut Draft) -> Option<PublicKeyCredential> {
    let key_id = draft.required(Field::KeyId, |text| key_id(&text));
    let public_key = draft.required(Field::PublicKey, |text| public_key(&text));
    let relying_party_identifier =
        draft.optional(Field::RelyingPartyIdentifier, |text| host(&text));
    Some(PublicKeyCredential { key_id: key_id?, public_key: public_key?, relying_party_identifier })
}

fn key_id(text: &str) -> Result<String, Rule> {
    let (id, bytes) = base64url(text)?;
    if is_encoded_again(&bytes) {
        let rule = "contains Base64 inside its Base64url: it is encoded twice, decode it once";
        return Err(Rule::new(Code::EncodedTwice, rule));
    }
    match bytes.len() {
        1..=MAX_KEY_ID => Ok(id),
        n_bytes => {
            let rule = format!("decodes to {n_bytes} bytes; 1 to {MAX_KEY_ID} are allowed");
            Err(Rule::new(Code::WrongSize, rule))
        }
    }
}

fn host(text: &str) -> Result<String, Rule> {
    let host = text.trim().to_ascii_lowercase();
    // Looking for one character is cheaper, and none has it.
    let rule = if host.contains(':') && host.contains("://") {
        "must be the host name alone, without `https://`"
    } else if host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        "must be a host name, not an IP address"
    } else if host.contains(['/', '?', '#', '@']) {
        "must be the host name alone, without a path or user"
    } else if host.contains(':') {
        "must be the host name alone, without a port"
    } else if host.ends_with('.') {
        "must not end with a dot"
    } else if !host.is_ascii() {
        "must be in its ASCII form (`xn--…`)"
    } else if host.len() > MAX_HOST {
        let rule = format!("has {} characters; at most {MAX_HOST} are allowed", host.len());
        return Err(Rule::new(Code::TooLong, rule));
    } else if !is_host_name(&host) {
        "must be a host name: labels of letters, digits and inner hyphens, separated by dots"
    } else if host
        .rsplit('.')
        .next()
        .is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()))
    {
        "must be a host name, which does not end in a number"
    } else {
        return Ok(host);
    };
    Err(Rule::new(Code::NotAHost, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(outcome: Result<String, Rule>, expected: &str) {
        let outcome = outcome.unwrap_or_else(|rule| rule.text.into_owned());
        assert!(outcome.starts_with(expected), "{outcome}");
    }

    #[test]
    fn a_key_id_holds_the_bytes_of_a_credential_once_encoded() {
        check(key_id("aGVsbG8"), "aGVsbG8");
        check(key_id("+/8="), "-_8");
        check(key_id("="), "decodes to 0 bytes");
        check(key_id(&"-_".repeat(682)), "-_-_");
        check(key_id(&"-_".repeat(684)), "decodes to 1026 bytes; 1 to 1023 are allowed");
        check(key_id("Wm5KTVVFTTVOMUpCVFhGdFVGRT0"), "contains Base64 inside its Base64url");
    }

    #[test]
    fn a_relying_party_is_a_host_name() {
        check(host(" Login.Example.COM "), "login.example.com");
        check(host("localhost"), "localhost");
        check(host("xn--bcher-kva.example"), "xn--bcher-kva.example");
        check(host("https://example.com"), "must be the host name alone, without `https://`");
        check(host("example.com/login"), "must be the host name alone, without a path");
        check(host("example.com:8443"), "must be the host name alone, without a port");
        check(host("example.com."), "must not end with a dot");
        check(host("192.0.2.1"), "must be a host name, not an IP address");
        check(host("[2001:db8::1]"), "must be a host name, not an IP address");
        check(host("bücher.example"), "must be in its ASCII form");
        check(host("192.0.2"), "must be a host name, which does not end in a number");
        for bad in
            ["a_b.example", "-a.example", "a-.example", "a..example", ".example", "a b.example"]
        {
            check(host(bad), "must be a host name: labels");
        }
        check(host(&format!("{}.example", "a".repeat(64))), "must be a host name: labels");
        check(host(&"a.".repeat(126)), "must not end");
        check(host(&format!("{}a", "a.".repeat(126))), "a.a.");
        check(host(&format!("{}aa", "a.".repeat(126))), "has 254 characters");
    }
}
