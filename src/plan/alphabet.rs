//! Which alphabet a text is really in. Encodings overlap: hexadecimal digits are letters of Base32
//! and of Base64, too, and a value in the wrong one of them is imported as other bytes, which locks
//! its user out for good.

use super::{text::is_separator, uuid};

/// An alphabet, the narrower ones first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alphabet {
    /// Hexadecimal digits in a UUID's groups.
    Uuid,
    /// Digits.
    Decimal,
    /// Hexadecimal digits.
    Hex,
    /// RFC 4648, 6, in any one case.
    Base32,
    /// RFC 4648, 5.
    Base64url,
    /// RFC 4648, 4.
    Base64,
    /// Anything.
    Text,
}

/// So many characters of each narrower alphabet come together by chance less than once in a million
/// times in a text of the wider one (a test does the sums).
const IN_BASE32: [(Alphabet, usize); 2] = [(Alphabet::Decimal, 9), (Alphabet::Hex, 15)];
const IN_BASE64: [(Alphabet, usize); 3] =
    [(Alphabet::Decimal, 8), (Alphabet::Hex, 13), (Alphabet::Base32, 21)];
/// Text that is shorter says nothing of its alphabet.
const IN_TEXT: [(Alphabet, usize); 5] = [
    (Alphabet::Decimal, 8),
    (Alphabet::Hex, 13),
    (Alphabet::Base32, 16),
    (Alphabet::Base64url, 16),
    (Alphabet::Base64, 16),
];

/// No decimal number that anybody keeps is as long.
const LONG: usize = 32;

/// The alphabet that `text` is really in, where `expected` is asked for: that one, unless a narrower
/// one holds all of it and would do so by chance less than once in a million times; and if it is not
/// in that one at all, the narrowest that holds it. Separators and padding are not counted.
pub(super) fn of(text: &str, expected: Alphabet) -> Alphabet {
    if uuid::has_groups(text) {
        return Alphabet::Uuid;
    }
    let text = text.trim_end_matches(['=', ' ']);
    let narrower: &[(Alphabet, usize)] = match expected {
        Alphabet::Base32 if expected.holds(text) => &IN_BASE32,
        Alphabet::Base64url | Alphabet::Base64 if expected.holds(text) => &IN_BASE64,
        _ => &IN_TEXT,
    };
    let is_dashed = matches!(expected, Alphabet::Base64url);
    let n_chars = text.chars().filter(|c| !is_separator(*c) || is_dashed && *c == '-').count();
    let found = narrower.iter().find(|(alphabet, least)| {
        n_chars >= *least
            && alphabet.holds(text)
            && (*alphabet != Alphabet::Base32 || !has_both_cases(text))
    });
    match found {
        // So many digits that go in pairs are ASCII digits in hexadecimal.
        Some((Alphabet::Decimal, _)) if n_chars >= LONG && n_chars % 2 == 0 => Alphabet::Hex,
        Some((alphabet, _)) => *alphabet,
        // Nobody types Base32 in capital and small letters mixed; Base64 always is.
        None if expected == Alphabet::Base32 && expected.holds(text) && is_mixed_case(text) => {
            Alphabet::Base64
        }
        None if expected.holds(text) => expected,
        None => Alphabet::Text,
    }
}

impl Alphabet {
    /// Whether all of `text` is in this alphabet.
    fn holds(self, text: &str) -> bool {
        let all = |test: fn(char) -> bool| text.chars().all(|c| is_separator(c) || test(c));
        let bare = |test: fn(char) -> bool| text.chars().all(test);
        match self {
            Self::Uuid => uuid::has_groups(text),
            Self::Decimal => all(|c| c.is_ascii_digit()),
            Self::Hex => all(|c| c.is_ascii_hexdigit()),
            Self::Base32 => all(is_base32),
            Self::Base64url => bare(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')),
            Self::Base64 => bare(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/')),
            Self::Text => true,
        }
    }
}

pub(super) fn is_base32(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '2'..='7')
}

fn has_both_cases(text: &str) -> bool {
    let has = |test: fn(&u8) -> bool| text.as_bytes().iter().any(test);
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase)
}

/// Whether a group of letters has both cases without being a capitalised word.
fn is_mixed_case(text: &str) -> bool {
    text.split(is_separator).any(|group| {
        let mut letters = group.bytes().filter(u8::is_ascii_alphabetic);
        let small_first = letters.next().is_some_and(|first| first.is_ascii_lowercase());
        let (mut capital, mut small) = (false, small_first);
        for letter in letters {
            capital |= letter.is_ascii_uppercase();
            small |= letter.is_ascii_lowercase();
        }
        capital && small
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrower_alphabet_is_believed_from_one_in_a_million_on() {
        // Symbols of the narrower alphabet that the wider one has, of all of the wider one's.
        for (table, symbols) in [
            (&IN_BASE32[..], &[(6.0, 32.0), (12.0, 32.0)][..]),
            (&IN_BASE64, &[(10.0, 64.0), (22.0, 64.0), (32.0, 64.0)]),
        ] {
            for ((alphabet, least), (narrow, wide)) in table.iter().zip(symbols) {
                let chance = |n: usize| f64::powi(narrow / wide, i32::try_from(n).unwrap());
                // In capital or in small letters: two chances.
                let ways = if *alphabet == Alphabet::Base32 { 2.0 } else { 1.0 };
                assert!(ways * chance(*least) < 1e-6, "{alphabet:?}");
                assert!(ways * chance(least - 1) > 1e-6, "{alphabet:?}");
            }
        }
    }

    #[test]
    fn the_narrowest_alphabet_that_is_no_accident_is_named() {
        use Alphabet::{Base32, Base64, Base64url, Decimal, Hex, Text, Uuid};
        for (text, expected, really) in [
            ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Base32, Base32),
            ("gezd gnbv gy3t qojq", Base32, Base32),
            ("Gezd Gnbv Gy3t Qojq", Base32, Base32),
            ("Gezdgnbvgy3tqojq", Base32, Base32),
            ("gEzDgnbVgy3tqoJq", Base32, Base64),
            ("c2a7d4e6b3f5a2d7c4e6b2f7a3d5c7e2b4f6a2d3", Base32, Hex),
            ("BEEF2345CAFE6723DEAD4567FACE2745", Base32, Hex),
            ("BEEF 2345 CAFE 6723 DEAD 4567 FACE 2745", Base32, Hex),
            ("BEEF2345CAFE67", Base32, Base32),
            ("2345672345672345", Base32, Decimal),
            ("3132333435363738393031323334353637383930", Base32, Hex),
            ("7216fe24-7230-4eaa-8fc9-ed7867f8657f", Base32, Uuid),
            ("r7Gm2QxVt9LwZ4KdYp0s", Base32, Base64url),
            ("r7Gm2QxVt9LwZ4KdYp/s", Base32, Base64),
            ("no secret at all!", Base32, Text),
            ("frLPC97RAMqmPQTbsQb1cg", Base64url, Base64url),
            ("5d0c9f0e-3b0a-4c7e-9a53-0f6c1f1a7d21", Base64url, Uuid),
            ("5d0c9f0e3b0a4c7e9a530f6c1f1a7d21", Base64url, Hex),
            ("5d0c9f0e3b0a4c7e9a530f6c1f1a7d2155", Base64url, Hex),
            ("12345678", Base64url, Decimal),
            ("1234567", Base64url, Base64url),
            ("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", Base64url, Base32),
            ("gEZDgnbvGY3TqojqGEZdgnbvgy3tQOJQ", Base64url, Base64url),
            ("gezdgnbvgy3tqojqgezdgnbvgy3tqojq", Base64url, Base32),
            ("someone@example.com", Base64url, Text),
        ] {
            let found = of(text, expected);
            assert_eq!(found, really, "{text}");
        }
    }
}
