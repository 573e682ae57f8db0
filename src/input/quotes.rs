//! Checks the position of quotes in CSV: around a whole cell, and doubled inside one. The csv crate
//! silently forgives everything else, which turns a typing error into another value.

use memchr::{memchr, memchr_iter};

/// State of the quotes at the end of a physical line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Outside quotes: the record ends with the line.
    Closed,
    /// Inside quotes: the record goes on.
    Open {
        /// True if the open quote is on this line.
        reopened: bool,
    },
    /// There is a quote inside an unquoted cell, or text after a closing quote.
    Misplaced,
}

/// Scans one physical line (without LF) of a record; `open` is the state after the line before.
pub(super) fn scan(line: &[u8], delimiter: u8, mut open: bool) -> Quotes {
    let mut reopened = false;
    let mut at = 0;
    while let Some(found) = memchr(b'"', &line[at..]) {
        let quote = at + found;
        at = quote + 1;
        if open {
            match &line[at..] {
                [b'"', ..] => at += 1,
                [] | [b'\r'] => open = false,
                [next, ..] if *next == delimiter => open = false,
                _ => return Quotes::Misplaced,
            }
        } else if quote == 0 || line[quote - 1] == delimiter {
            open = true;
            reopened = true;
        } else {
            return Quotes::Misplaced;
        }
    }
    if open { Quotes::Open { reopened } } else { Quotes::Closed }
}

/// Returns whether a well quoted record holds a carriage return outside quotes.
pub(super) fn has_bare_cr(record: &[u8]) -> bool {
    memchr(b'\r', record).is_some() && {
        let mut outside = true;
        let mut from = 0;
        let ends = memchr_iter(b'"', record).chain([record.len()]);
        ends.into_iter().any(|end| {
            let found = outside && memchr(b'\r', &record[from..end]).is_some();
            outside = !outside;
            from = end + 1;
            found
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_stand_around_whole_cells_or_doubled_inside_one() {
        use Quotes::{Closed, Misplaced, Open};
        for (line, expected) in [
            ("", Closed),
            ("a,b", Closed),
            ("\"a\",\"b,c\"", Closed),
            ("\"\",\"\"", Closed),
            ("\"a \"\"b\"\"\"\r", Closed),
            ("\"", Open { reopened: true }),
            ("a,\"b\"\"", Open { reopened: true }),
            ("a\"b", Misplaced),
            (" \"a\"", Misplaced),
            ("\"a\"b", Misplaced),
            ("\"a\" ,b", Misplaced),
            ("\"a\"\rb", Misplaced),
            ("5\",6\"", Misplaced),
        ] {
            assert_eq!(scan(line.as_bytes(), b',', false), expected, "{line}");
            let other = line.replace(',', ";");
            assert_eq!(scan(other.as_bytes(), b';', false), expected, "{other}");
        }
    }

    #[test]
    fn a_line_goes_on_where_the_one_before_left_off() {
        use Quotes::{Closed, Misplaced, Open};
        for (line, expected) in [
            ("a", Open { reopened: false }),
            ("a\"", Closed),
            ("a\",\"b", Open { reopened: true }),
            ("\",b", Closed),
            ("\"\"", Open { reopened: false }),
            ("\"b", Misplaced),
        ] {
            assert_eq!(scan(line.as_bytes(), b',', true), expected, "{line}");
        }
    }

    #[test]
    fn a_carriage_return_is_bare_outside_quotes_only() {
        for (record, expected) in [
            ("a,b", false),
            ("a\rb", true),
            ("\"a\rb\"", false),
            ("\"a\r\nb\",c\r", true),
            ("\"a\"\"\r\",c", false),
            ("\"a\",\r\"b\"", true),
        ] {
            assert_eq!(has_bare_cr(record.as_bytes()), expected, "{record:?}");
        }
    }
}
