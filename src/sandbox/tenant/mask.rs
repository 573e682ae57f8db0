//! Masks phone numbers and email addresses as the Management API does (auth0-api.md 1.5).
//!
//! The rule that fits every recorded value:
//! - a phone number keeps its last four characters, and each one before them, the plus sign
//!   included, becomes an `X`;
//! - in an address the part before the last `@` and the part after it are hidden alike: the first
//!   four characters stay and each further one becomes a `*`; a part of four characters or fewer
//!   becomes `****`, whatever its length.

/// Characters that stay readable, in a number at the end and in an address at the beginning.
const READABLE_CHARACTERS: usize = 4;

/// `+44207183875044` becomes `XXXXXXXXXXX5044`.
pub(in crate::sandbox) fn phone(number: &str) -> String {
    let hidden = number.chars().count().saturating_sub(READABLE_CHARACTERS);
    number.chars().enumerate().map(|(at, c)| if at < hidden { 'X' } else { c }).collect()
}

/// `chuck334@example.com` becomes `chuc****@exam*******`.
pub(in crate::sandbox) fn email(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", part(local), part(domain)),
        None => part(address),
    }
}

fn part(text: &str) -> String {
    if text.chars().count() <= READABLE_CHARACTERS {
        return "*".repeat(READABLE_CHARACTERS);
    }
    text.chars().enumerate().map(|(at, c)| if at < READABLE_CHARACTERS { c } else { '*' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phone_numbers_are_masked_as_recorded() {
        assert_eq!(phone("+44207183875044"), "XXXXXXXXXXX5044");
        assert_eq!(phone("+123"), "+123");
        assert_eq!(phone(""), "");
    }

    #[test]
    fn addresses_are_masked_as_recorded() {
        assert_eq!(email("chuck334@example.com"), "chuc****@exam*******");
        assert_eq!(email("foo@example.com"), "****@exam*******");
        assert_eq!(email("abcd@x.io"), "****@****");
        assert_eq!(email("\"a@b\"@example.com"), "\"a@b*@exam*******");
        assert_eq!(email("åäöüß@exämple.com"), "åäöü*@exäm*******");
    }
}
