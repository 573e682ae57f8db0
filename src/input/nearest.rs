//! "Did you mean": the known name that an unknown one is close to.

use crate::model::Field;

/// Longer names than this are not close to anything known; also bounds the work.
const MAX_NAME: usize = 48;

/// The field of `known` whose name is nearest to `name`, if one is near at all.
pub(super) fn nearest(name: &str, known: &[Field]) -> Option<Field> {
    let name = name.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    if name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    let near = known.iter().map(|field| (distance(&name, field.name()), *field));
    let (distance, field) = near.min_by_key(|(distance, _)| *distance)?;
    if distance <= 1 + field.name().len() / 4 {
        return Some(field);
    }
    // `phone`, `secret`, `rp_id` and such: part of exactly one name.
    let mut whole =
        known.iter().copied().filter(|field| name.len() >= 4 && field.name().contains(&name));
    whole.next().filter(|_| whole.next().is_none())
}

/// Levenshtein's, over bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_recognised() {
        for (name, expected) in [
            ("userid", Some(Field::UserId)),
            ("user id", Some(Field::UserId)),
            ("phone", Some(Field::PhoneNumber)),
            ("Phone-Number", Some(Field::PhoneNumber)),
            ("phonenumber", Some(Field::PhoneNumber)),
            ("e-mail", Some(Field::Email)),
            ("secret", Some(Field::TotpSecret)),
            ("relying_party_id", Some(Field::RelyingPartyIdentifier)),
            ("credential", None),
            ("comment", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &Field::FACTOR), expected, "{name}");
        }
    }

    #[test]
    fn distances_are_those_of_levenshtein() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }
}
