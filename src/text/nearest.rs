//! "Did you mean": finds the known name that an unknown one resembles.

/// Longest name that can be close to a known one; also bounds the work.
const MAX_NAME: usize = 48;

/// Returns the one of `known` that is nearest to `name`, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    let known: Vec<_> = known.collect();
    // The first words of exactly one name mean that name, whatever other names resemble it.
    let begun = |known: &&str| {
        let rest = known.strip_prefix(name).filter(|_| name.len() >= 4);
        rest.is_some_and(|rest| rest.starts_with(['-', '_']))
    };
    let mut begun = known.iter().copied().filter(begun);
    if let (Some(known), None) = (begun.next(), begun.next()) {
        return Some(known);
    }
    let near = known.iter().map(|known| (strsim::levenshtein(name, known), *known));
    let (distance, nearest) = near.min_by_key(|(distance, _)| *distance)?;
    if distance <= 1 + nearest.len() / 4 {
        return Some(nearest);
    }
    // `phone`, `secret`, `rp_id` and the like: part of exactly one name.
    let mut whole = known.into_iter().filter(|known| name.len() >= 4 && known.contains(name));
    whole.next().filter(|_| whole.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_recognised() {
        let known =
            ["rate", "rate-plan", "max-attempts", "max-errors", "client-id", "client-key-file"];
        for (name, expected) in [
            ("rat", Some("rate")),
            ("rate-plans", Some("rate-plan")),
            ("max-attempt", Some("max-attempts")),
            ("errors", Some("max-errors")),
            ("speed", None),
            ("max-", None),
            ("", None),
            ("client-key", Some("client-key-file")),
        ] {
            assert_eq!(nearest(name, known.into_iter()), expected, "{name}");
        }
    }
}
