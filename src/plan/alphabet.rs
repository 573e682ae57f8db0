//! The alphabet that a text is really in. Encodings overlap: hexadecimal digits are letters of
//! Base32 and of Base64, too, and a value read in the wrong one yields other bytes, which locks its
//! user out for good.

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

/// Lengths from which a text of a wider alphabet is taken for one of a narrower alphabet: that many
/// of its characters occur by chance less than once in a million times (a test does the sums).
const IN_BASE32: [(Alphabet, usize); 2] = [(Alphabet::Decimal, 9), (Alphabet::Hex, 15)];
const IN_BASE64: [(Alphabet, usize); 3] =
    [(Alphabet::Decimal, 8), (Alphabet::Hex, 13), (Alphabet::Base32, 21)];
/// Shortest text that says something about its alphabet.
const IN_TEXT: [(Alphabet, usize); 5] = [
    (Alphabet::Decimal, 8),
    (Alphabet::Hex, 13),
    (Alphabet::Base32, 16),
    (Alphabet::Base64url, 16),
    (Alphabet::Base64, 16),
];

/// Length from which decimal digits may be hexadecimal of ASCII digits.
const LONGEST_DECIMAL: usize = 32;

/// Returns the alphabet of `text` if `expected` is asked for: that one, unless a narrower one
/// contains all of it and would do so by chance less than once in a million times; and if the text
/// is not in that one at all, the narrowest that contains it. Separators and padding are not
/// counted.
pub(super) fn of(text: &str, expected: Alphabet) -> Alphabet {
    if uuid::has_groups(text) {
        return Alphabet::Uuid;
    }
    let text = text.trim_end_matches(['=', ' ']);
    let seen = Characters::of(text);
    let narrower: &[(Alphabet, usize)] = match expected {
        Alphabet::Base32 if seen.are_in(expected) => &IN_BASE32,
        Alphabet::Base64url | Alphabet::Base64 if seen.are_in(expected) => &IN_BASE64,
        _ => &IN_TEXT,
    };
    let n_dashes = if expected == Alphabet::Base64url { seen.n_dashes } else { 0 };
    let n_chars = seen.n_others + n_dashes;
    let found = narrower.iter().find(|(alphabet, least)| {
        n_chars >= *least
            && seen.are_in(*alphabet)
            && (*alphabet != Alphabet::Base32 || !seen.have_both_cases())
    });
    match found {
        // A long run of digits that come in such pairs is ASCII digits in hexadecimal.
        Some((Alphabet::Decimal, _)) if n_chars >= LONGEST_DECIMAL && n_chars.is_multiple_of(2) => {
            Alphabet::Hex
        }
        Some((alphabet, _)) => *alphabet,
        None if !seen.are_in(expected) => Alphabet::Text,
        // Base32 is never typed in mixed case, whereas Base64 always has both cases.
        None if expected == Alphabet::Base32 && seen.have_both_cases() && is_mixed_case(text) => {
            Alphabet::Base64
        }
        None => expected,
    }
}

/// The characters of a text, each looked at once.
struct Characters {
    /// Bits that all of them have: alphabets.
    all: u8,
    /// Bits that any of them has: cases.
    any: u8,
    n_dashes: usize,
    /// Number of characters that are no separators.
    n_others: usize,
}

/// Bits of alphabets; a separator may stand anywhere in the first three.
const DECIMAL: u8 = 1;
const HEX: u8 = 1 << 1;
const BASE32: u8 = 1 << 2;
const BASE64URL: u8 = 1 << 3;
const BASE64: u8 = 1 << 4;
const SEPARATED: u8 = DECIMAL | HEX | BASE32;
/// Bits of cases.
const CAPITAL: u8 = 1 << 5;
const SMALL: u8 = 1 << 6;
/// Bit of a separator.
const SEPARATOR: u8 = 1 << 7;

/// The bits of each character of ASCII.
static ASCII: [u8; 128] = {
    let mut table = [0; 128];
    let mut byte = 0;
    while byte < 128 {
        let letters = BASE32 | BASE64URL | BASE64;
        table[byte as usize] = match byte {
            b'2'..=b'7' => DECIMAL | HEX | letters,
            b'0'..=b'9' => DECIMAL | HEX | BASE64URL | BASE64,
            b'A'..=b'F' => CAPITAL | HEX | letters,
            b'G'..=b'Z' => CAPITAL | letters,
            b'a'..=b'f' => SMALL | HEX | letters,
            b'g'..=b'z' => SMALL | letters,
            b'-' => SEPARATOR | SEPARATED | BASE64URL,
            b' ' => SEPARATOR | SEPARATED,
            b'_' => BASE64URL,
            b'+' | b'/' => BASE64,
            _ => 0,
        };
        byte += 1;
    }
    table
};

impl Characters {
    fn of(text: &str) -> Self {
        let mut seen = Self { all: u8::MAX, any: 0, n_dashes: 0, n_others: 0 };
        for c in text.chars() {
            let bits = match ASCII.get(c as usize) {
                Some(bits) => *bits,
                None if is_separator(c) => SEPARATOR | SEPARATED,
                None => 0,
            };
            seen.all &= bits;
            seen.any |= bits;
            seen.n_dashes += usize::from(c == '-');
            seen.n_others += usize::from(bits & SEPARATOR == 0);
        }
        seen
    }

    /// Returns true if all characters are in this alphabet.
    fn are_in(&self, alphabet: Alphabet) -> bool {
        let bit = match alphabet {
            Alphabet::Decimal => DECIMAL,
            Alphabet::Hex => HEX,
            Alphabet::Base32 => BASE32,
            Alphabet::Base64url => BASE64URL,
            Alphabet::Base64 => BASE64,
            Alphabet::Text => return true,
            // Its groups decide, which `of` has looked at.
            Alphabet::Uuid => return false,
        };
        self.all & bit != 0
    }

    fn have_both_cases(&self) -> bool {
        self.any & (CAPITAL | SMALL) == CAPITAL | SMALL
    }
}

/// Returns true if a character is in Base32, in either case.
pub(super) fn is_base32(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '2'..='7')
}

/// Returns true if a group of letters has both cases without being a capitalised word.
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
    fn the_table_says_of_each_character_what_its_alphabets_have() {
        for c in (0..0x3100).filter_map(char::from_u32) {
            let text = c.to_string();
            let seen = Characters::of(&text);
            for (alphabet, is_in) in [
                (Alphabet::Decimal, is_separator(c) || c.is_ascii_digit()),
                (Alphabet::Hex, is_separator(c) || c.is_ascii_hexdigit()),
                (Alphabet::Base32, is_separator(c) || is_base32(c)),
                (Alphabet::Base64url, c.is_ascii_alphanumeric() || matches!(c, '-' | '_')),
                (Alphabet::Base64, c.is_ascii_alphanumeric() || matches!(c, '+' | '/')),
            ] {
                assert_eq!(seen.are_in(alphabet), is_in, "{alphabet:?} {c:?}");
            }
            assert_eq!(seen.n_others == 0, is_separator(c), "{c:?}");
            assert_eq!(seen.any & CAPITAL != 0, c.is_ascii_uppercase(), "{c:?}");
            assert_eq!(seen.any & SMALL != 0, c.is_ascii_lowercase(), "{c:?}");
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
