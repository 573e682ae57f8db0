//! Preview of a factor for `check`: the values as they would be sent, contact data masked the way
//! Auth0 masks it (`auth0-api.md` 1.5), secrets by their length.

use secrecy::ExposeSecret;

use super::totp;
use crate::model::{Credential, Factor, Field, PublicKeyCredential};

/// Number of characters of a number, or of a part of an address, that stay readable.
const READABLE_CHARACTERS: usize = 4;

/// The fields of a factor that are given, in the order of the contract, fit to be shown.
pub fn preview(factor: &Factor) -> Vec<(Field, String)> {
    let mut shown = vec![
        (Field::UserId, factor.user.to_string()),
        (Field::Type, factor.factor_type().name().to_owned()),
    ];
    shown.extend(factor.name.clone().map(|name| (Field::Name, name)));
    match &factor.credential {
        Credential::Phone { number, preferred } => {
            shown.push((Field::PhoneNumber, masked_number(number.expose())));
            let preferred = preferred.map(|channel| channel.name().to_owned());
            shown.extend(preferred.map(|name| (Field::PreferredAuthenticationMethod, name)));
        }
        Credential::Email { address } => {
            shown.push((Field::Email, masked_address(address.expose())));
        }
        Credential::Totp { secret } => {
            shown.push((Field::TotpSecret, format!("{} bits", totp::bits(secret.expose_secret()))));
        }
        Credential::WebauthnRoaming(key) => shown.extend(public_parts(key)),
        Credential::Passkey(key, details) => {
            let joined = (!details.transports.is_empty()).then(|| details.transports.join(" "));
            let given = [
                (Field::Aaguid, details.aaguid.clone()),
                (Field::CredentialDeviceType, details.credential_device_type.map(str::to_owned)),
                (
                    Field::CredentialBackedUp,
                    details.credential_backed_up.map(|value| value.to_string()),
                ),
                (Field::IdentityUserId, details.identity_user_id.clone()),
                (Field::UserAgent, details.user_agent.clone()),
                (Field::UserHandle, details.user_handle.clone()),
                (Field::Transports, joined),
            ];
            shown.extend(public_parts(key));
            shown.extend(given.into_iter().filter_map(|(field, text)| Some((field, text?))));
        }
    }
    shown
}

fn public_parts(key: &PublicKeyCredential) -> impl Iterator<Item = (Field, String)> {
    let host = key.relying_party_identifier.clone();
    [(Field::KeyId, key.key_id.clone()), (Field::PublicKey, key.public_key.clone())]
        .into_iter()
        .chain(host.map(|host| (Field::RelyingPartyIdentifier, host)))
}

/// `+44207183875044` becomes `XXXXXXXXXXX5044`.
fn masked_number(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(READABLE_CHARACTERS);
    number.chars().enumerate().map(|(at, c)| if at < hidden { 'X' } else { c }).collect()
}

/// `chuck334@example.com` becomes `chuc****@exam*******`.
fn masked_address(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", masked_part(local), masked_part(domain)),
        None => masked_part(address),
    }
}

/// The beginning of a part; a short one is hidden whole, and so is its length.
fn masked_part(part: &str) -> String {
    if part.chars().count() <= READABLE_CHARACTERS {
        return "*".repeat(READABLE_CHARACTERS);
    }
    part.chars().enumerate().map(|(at, c)| if at < READABLE_CHARACTERS { c } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contact_data_is_masked_as_auth0_masks_it() {
        assert_eq!(masked_number("+44207183875044"), "XXXXXXXXXXX5044");
        assert_eq!(masked_address("chuck334@example.com"), "chuc****@exam*******");
        assert_eq!(masked_address("foo@example.com"), "****@exam*******");
    }
}
