//! Values for the methods that a probe creates: new for each method, and belonging to no person.

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD};
use serde_json::{Value, json};

use crate::{
    assertion::fresh_public_key,
    model::{FactorType, UserId},
};

/// Prefix of the name of every method that a probe creates: short enough to survive where names are
/// cut.
pub const MARKER: &str = "mfaferry-probe-";
/// Characters after the prefix, which make twenty in all.
const TAG: usize = 5;
/// Bytes of an ordinary TOTP secret.
pub(super) const SECRET_BYTES: usize = 20;

/// Letters of which the tag is made.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Returns true if a name is one that a probe gives: the prefix and a random tag, with one letter
/// more in the name that is too long on purpose.
pub(super) fn is_given(name: &str) -> bool {
    let Some(tag) = name.strip_prefix(MARKER).map(str::as_bytes) else { return false };
    let tag = if tag.len() == TAG + 1 { tag.strip_suffix(b"x").unwrap_or(tag) } else { tag };
    tag.len() == TAG && tag.iter().all(|letter| LETTERS.contains(letter))
}

/// Area codes. In each, 555-0100 to 555-0199 are reserved for fiction.
const AREAS: [u16; 10] = [202, 212, 305, 312, 404, 415, 503, 602, 617, 713];

/// Generator of values, which never returns one twice.
#[derive(Debug)]
pub(super) struct Samples {
    rng: fastrand::Rng,
    /// Number of the next phone.
    phone: usize,
    /// Part of the user id that is not the connection.
    identity: String,
    /// Host that is given as the relying party of security keys.
    host: String,
    /// True if the host is given as the relying party of passkeys, too.
    pub(super) binds_passkeys: bool,
}

impl Samples {
    pub(super) fn new(user: &UserId, host: String) -> Self {
        let mut rng = fastrand::Rng::new();
        let phone = rng.usize(..AREAS.len() * 100);
        let identity = user.as_str().split_once('|').map_or(user.as_str(), |(_, own)| own);
        Self { rng, phone, identity: identity.to_owned(), host, binds_passkeys: false }
    }

    /// Returns a name that marks a method as one of a probe.
    pub(super) fn name(&mut self) -> String {
        format!("{MARKER}{}", self.word(TAG))
    }

    /// Returns two ids of users of the same connection who cannot exist: one that a reader
    /// recognises as the probe's, and one in the form that Auth0 gives ids.
    pub(super) fn unknown_users(&mut self, user: &UserId) -> Option<[UserId; 2]> {
        let connection =
            user.as_str().split_once('|').map_or("auth0", |(connection, _)| connection);
        let own: String = (0..24)
            .map(|_| char::from(self.rng.choice(*b"0123456789abcdef").unwrap_or(b'0')))
            .collect();
        let told = UserId::parse(&format!("{connection}|{MARKER}{}", self.word(16)))?;
        Some([told, UserId::parse(&format!("{connection}|{own}"))?])
    }

    /// Returns the body for a method of that type, without a name; `None` if no key can be made.
    pub(super) fn body(&mut self, factor_type: FactorType) -> Option<Value> {
        let mut body = match factor_type {
            FactorType::Phone => json!({ "phone_number": self.phone() }),
            FactorType::Email => {
                json!({ "email": format!("{MARKER}{}@example.com", self.word(8)) })
            }
            FactorType::Totp => json!({ "totp_secret": self.secret(SECRET_BYTES) }),
            FactorType::WebauthnRoaming => json!({
                "key_id": self.base64url(32),
                "public_key": public_key()?,
                "relying_party_identifier": self.host,
            }),
            FactorType::Passkey => json!({
                "key_id": self.base64url(32),
                "public_key": public_key()?,
                "aaguid": "00000000-0000-0000-0000-000000000000",
                "credential_device_type": "multi_device",
                "credential_backed_up": true,
                "identity_user_id": self.identity,
                "user_agent": "mfaferry-probe",
                "user_handle": self.base64url(16),
                "transports": ["internal"],
            }),
        };
        if factor_type == FactorType::Passkey && self.binds_passkeys {
            body["relying_party_identifier"] = self.host.clone().into();
        }
        body["type"] = factor_type.name().into();
        Some(body)
    }

    /// Returns a TOTP secret in canonical Base32, without padding.
    pub(super) fn secret(&mut self, length: usize) -> String {
        BASE32_NOPAD.encode(&self.bytes(length))
    }

    fn phone(&mut self) -> String {
        self.phone = (self.phone + 1) % (AREAS.len() * 100);
        let area = AREAS.get(self.phone / 100).copied().unwrap_or(202);
        format!("+1{area}55501{:02}", self.phone % 100)
    }

    fn base64url(&mut self, length: usize) -> String {
        BASE64URL_NOPAD.encode(&self.bytes(length))
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.rng.u8(..)).collect()
    }

    fn word(&mut self, length: usize) -> String {
        (0..length).filter_map(|_| self.rng.choice(LETTERS).map(|c| char::from(*c))).collect()
    }
}

/// Returns a fresh P-256 key for ES256 as a COSE key (RFC 9053, 7.1) in Base64.
fn public_key() -> Option<String> {
    let point = fresh_public_key()?;
    let (x, y) = point.get(1..)?.split_at_checked(32)?;
    let head = [0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
    Some(BASE64.encode(&[&head, x, &[0x22, 0x58, 0x20], y].concat()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        model::{Cell, Field, Planned, Record},
        plan::plan,
    };

    fn samples() -> Samples {
        Samples::new(&UserId::nobody(), "login.example.com".into())
    }

    #[test]
    fn names_are_told_by_their_beginning_and_fit_into_a_list() {
        let mut samples = samples();
        for _ in 0..100 {
            let name = samples.name();
            assert!(name.starts_with(MARKER) && name.chars().count() == 20, "{name}");
            assert!(is_given(&name) && is_given(&format!("{name}x")), "{name}");
        }
        for other in ["mfaferry-probe-work", "mfaferry-probe-Abcde", "mfaferry-probe-abcd1"] {
            assert!(!is_given(other), "{other}");
        }
        assert!(!is_given("mfaferry-probe-abcdey") && !is_given("mfaferry-probe-"));
        let user = UserId::parse("google-oauth2|5").unwrap();
        let [told, other] = samples.unknown_users(&user).unwrap();
        assert!(told.as_str().starts_with("google-oauth2|mfaferry-probe-"), "{told}");
        assert!(
            other.as_str().starts_with("google-oauth2|") && other.as_str().len() == 38,
            "{other}"
        );
    }

    #[test]
    fn no_value_is_given_twice_and_no_number_is_anybodys() {
        let mut samples = samples();
        let mut seen = HashSet::new();
        for _ in 0..1_000 {
            let body = samples.body(FactorType::Phone).unwrap();
            let number = body["phone_number"].as_str().unwrap().to_owned();
            assert!(number.len() == 12 && number.get(5..10) == Some("55501"), "{number}");
            assert!(seen.insert(number));
        }
        for factor_type in FactorType::ALL {
            let (one, other) = (samples.body(factor_type), samples.body(factor_type));
            assert_ne!(one.unwrap(), other.unwrap());
        }
    }

    #[test]
    fn a_key_is_one_that_import_would_take() {
        let body = samples().body(FactorType::WebauthnRoaming).unwrap();
        let mut record = Record::new(1);
        record.set(Field::UserId, Cell::Text("auth0|1".into()));
        for field in [Field::Type, Field::KeyId, Field::PublicKey, Field::RelyingPartyIdentifier] {
            record.set(field, Cell::Text(body[field.name()].as_str().unwrap().into()));
        }
        assert!(matches!(plan(record, None).planned, Planned::Factor(_)));
    }
}
