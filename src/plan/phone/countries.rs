//! Lengths of the numbers of each country, and whether they may begin with a zero.
//!
//! Generated from the metadata of libphonenumber (Apache-2.0,
//! <https://github.com/google/libphonenumber>) as the Python package `phonenumbers` 9.0.43 carries
//! it: of each country calling code the possible lengths of the national numbers of fixed lines,
//! mobile phones, internet telephony and personal numbers (of codes without a country: of all
//! numbers) that keep to E.164's 15 digits; the national prefix; and whether any of these numbers
//! begins with a zero.

/// Meaning of a zero after the country code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zero {
    /// The national prefix: dialled inside the country only, and no number begins with it.
    Trunk,
    /// A part of the number, perhaps.
    Kept,
    /// Neither.
    None,
}

/// A country calling code, by what its numbers are like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Country {
    /// Number of digits that the country code has.
    pub(super) code_len: usize,
    lengths: u16,
    /// Meaning of a zero after the code.
    pub(super) zero: Zero,
}

impl Country {
    /// The country whose code `digits` begin with. No code is the beginning of another.
    pub(super) fn of(digits: &[u8]) -> Option<Self> {
        let mut code = 0;
        for (index, digit) in digits.iter().take(3).enumerate() {
            code = code * 10 + usize::from(digit.wrapping_sub(b'0'));
            if let Some(&(lengths, zero)) = TABLE.get(code)
                && lengths != 0
            {
                return Some(Self { code_len: index + 1, lengths, zero });
            }
        }
        None
    }

    /// Returns true if a number of the country may have so many digits after the code.
    pub(super) fn has_length(self, national: usize) -> bool {
        national < 16 && self.lengths >> national & 1 == 1
    }

    /// These lengths, for people.
    pub(super) fn lengths(self) -> String {
        let all: Vec<usize> = (0..16).filter(|len| self.has_length(*len)).collect();
        match all.as_slice() {
            [one] => one.to_string(),
            [first, .., last] if last - first + 1 == all.len() => format!("{first} to {last}"),
            [init @ .., last] => {
                let init: Vec<_> = init.iter().map(ToString::to_string).collect();
                format!("{} or {last}", init.join(", "))
            }
            [] => String::new(),
        }
    }
}

/// Countries, by calling code.
static TABLE: [(u16, Zero); 1000] = {
    let mut table = [(0, Zero::None); 1000];
    let mut group = 0;
    while group < GROUPS.len() {
        let (lengths, zero, codes) = GROUPS[group];
        let (mut bits, mut at) = (0, 0);
        while at < lengths.len() {
            bits |= 1 << lengths[at];
            at += 1;
        }
        at = 0;
        while at < codes.len() {
            table[codes[at]] = (bits, zero);
            at += 1;
        }
        group += 1;
    }
    table
};

/// Possible lengths, what a zero is, country calling codes.
#[rustfmt::skip]
const GROUPS: &[(&[u8], Zero, &[usize])] = &[
    (&[10], Zero::None, &[1, 7, 30, 52]),
    (&[8, 9, 10], Zero::Trunk, &[20, 60, 64, 856, 964, 976]),
    (&[5, 6, 7, 8, 9], Zero::Trunk, &[27]),
    (&[9, 11], Zero::Trunk, &[31]),
    (&[8, 9], Zero::Trunk, &[32, 51, 66, 213, 264, 355, 377, 385, 387, 593, 855, 962, 963, 970, 971]),
    (&[9], Zero::Trunk, &[33, 41, 61, 93, 94, 211, 212, 218, 233, 249, 251, 255, 256, 260, 261, 262, 380, 590, 594, 596, 966, 994, 995, 996]),
    (&[9], Zero::None, &[34, 56, 221, 237, 240, 244, 351, 375, 420, 979, 998]),
    (&[8, 9], Zero::None, &[36, 224, 258]),
    (&[6, 7, 8, 9, 10, 11, 12], Zero::Kept, &[39]),
    (&[6, 9], Zero::Trunk, &[40, 508]),
    (&[4, 5, 6, 7, 8, 9, 10, 11, 12, 13], Zero::Trunk, &[43]),
    (&[9, 10], Zero::Trunk, &[44, 81, 84, 92, 263]),
    (&[8], Zero::None, &[45, 47, 65, 216, 222, 223, 227, 228, 235, 236, 253, 257, 266, 268, 350, 356, 357, 371, 502, 503, 504, 505, 506, 509, 689, 808, 852, 853, 965, 968, 973, 974, 993]),
    (&[7, 8, 9], Zero::Trunk, &[46, 231, 254, 595, 967]),
    (&[7, 9], Zero::None, &[48, 220, 245, 354]),
    (&[5, 6, 7, 8, 9, 10, 11, 12, 13], Zero::Trunk, &[49]),
    (&[6, 7, 8, 10], Zero::Trunk, &[53]),
    (&[10, 11], Zero::Trunk, &[54, 55]),
    (&[8, 10], Zero::Trunk, &[57, 850, 977]),
    (&[10], Zero::Trunk, &[58, 90, 91, 234]),
    (&[7, 8, 9, 10, 11, 12], Zero::Trunk, &[62, 381]),
    (&[6, 8, 9, 10], Zero::Trunk, &[63]),
    (&[5, 6, 8, 9, 10, 11], Zero::Trunk, &[82]),
    (&[7, 8, 9, 10, 11], Zero::Trunk, &[86]),
    (&[6, 7, 8, 9, 10], Zero::Trunk, &[95, 880]),
    (&[6, 7, 10], Zero::Trunk, &[98]),
    (&[10], Zero::Kept, &[225, 229]),
    (&[8], Zero::Kept, &[226, 800]),
    (&[7, 8], Zero::None, &[230, 267, 372, 507, 599, 670, 675, 975]),
    (&[8], Zero::Trunk, &[232, 370, 373, 374, 382, 386, 389, 591, 598]),
    (&[7], Zero::None, &[238, 239, 246, 248, 269, 297, 501, 592, 673, 674, 679, 680, 691, 692, 960]),
    (&[7, 8], Zero::Kept, &[241]),
    (&[9], Zero::Kept, &[242, 992]),
    (&[7, 8, 9, 10], Zero::Trunk, &[243, 353]),
    (&[5], Zero::None, &[247, 500, 682]),
    (&[8, 9], Zero::Kept, &[250]),
    (&[6, 7, 8, 9], Zero::Trunk, &[252, 359]),
    (&[7, 9], Zero::Trunk, &[265, 423]),
    (&[4, 5], Zero::None, &[290]),
    (&[7], Zero::Trunk, &[291]),
    (&[6], Zero::None, &[298, 299, 672, 681, 687]),
    (&[4, 5, 6, 7, 8, 9, 10, 11], Zero::None, &[352]),
    (&[5, 6, 7, 8, 9, 10], Zero::Trunk, &[358]),
    (&[6, 9], Zero::None, &[376]),
    (&[8, 10], Zero::Kept, &[378]),
    (&[8, 9, 10, 11, 12], Zero::Trunk, &[383]),
    (&[6, 7, 9], Zero::Trunk, &[421]),
    (&[6, 7], Zero::None, &[597]),
    (&[5, 7], Zero::None, &[676, 677, 678]),
    (&[4, 7], Zero::None, &[683]),
    (&[5, 6, 7, 10], Zero::None, &[685]),
    (&[5, 8], Zero::Trunk, &[686]),
    (&[5, 6, 7], Zero::None, &[688]),
    (&[4, 5, 6, 7], Zero::None, &[690]),
    (&[9, 12], Zero::None, &[870]),
    (&[12], Zero::None, &[878]),
    (&[9, 10], Zero::Kept, &[881]),
    (&[7, 8, 9, 10, 11, 12], Zero::None, &[882]),
    (&[8, 9, 10, 11, 12], Zero::None, &[883]),
    (&[8, 9, 10, 11], Zero::Trunk, &[886]),
    (&[11], Zero::Kept, &[888]),
    (&[7, 8], Zero::Trunk, &[961]),
    (&[8, 9, 11, 12], Zero::Trunk, &[972]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_country_code_is_the_beginning_of_another() {
        let codes: Vec<String> =
            GROUPS.iter().flat_map(|group| group.2).map(ToString::to_string).collect();
        assert_eq!(codes.len(), 215);
        for (at, code) in codes.iter().enumerate() {
            assert!(codes.iter().skip(at + 1).all(|other| {
                !other.starts_with(code.as_str()) && !code.starts_with(other.as_str())
            }));
        }
    }

    #[test]
    fn lengths_are_those_of_the_metadata() {
        for (number, possible) in [
            ("12025550123", true),
            ("1202555012", false),
            ("120255501234", false),
            ("442079460123", true),
            ("44207946012", true),
            ("4420794601", false),
            ("390612345678", true),
            ("4915123456789", true),
            ("33123456789", true),
            ("331234567890", false),
            ("2250708123456", true),
        ] {
            let country = Country::of(number.as_bytes()).unwrap();
            assert_eq!(country.has_length(number.len() - country.code_len), possible, "{number}");
        }
        for unknown in ["999123456", "210123456", "0", ""] {
            assert!(Country::of(unknown.as_bytes()).is_none());
        }
        assert_eq!(Country::of(b"39").unwrap().lengths(), "6 to 12");
        assert_eq!(Country::of(b"1").unwrap().lengths(), "10");
        assert_eq!(Country::of(b"31").unwrap().lengths(), "9 or 11");
    }
}
