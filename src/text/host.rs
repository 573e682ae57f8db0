//! The rule for host names.

/// Longest host name: RFC 1035, 2.3.4, without the root.
pub(crate) const MAX_HOST: usize = 253;
/// Longest label of a host name: RFC 1035, 2.3.4.
const MAX_LABEL: usize = 63;

/// Returns true if a text is a host name in ASCII: labels of letters, digits and inner hyphens,
/// separated by dots, without the dot of the root. Most addresses of IPv4 are, too.
pub(crate) fn is_host_name(text: &str) -> bool {
    text.len() <= MAX_HOST && text.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_labels_of_letters_digits_and_inner_hyphens() {
        let labels = |last: &str| format!("{}{last}", "a.".repeat(126));
        let longest = [labels("a"), format!("{}.example", "a".repeat(63))];
        for good in ["localhost", "Login.Example.org", "xn--bcher-kva.example", "4you.a-1.example"]
            .into_iter()
            .chain(longest.iter().map(String::as_str))
        {
            assert!(is_host_name(good), "{good}");
        }
        let too_long = [labels("aa"), format!("{}.example", "a".repeat(64))];
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a.b",
            "a-.b",
            "a_b.c",
            "a b",
            "a:1",
            "a/b",
            "a@b",
            "https://a",
            "b\u{fc}cher.example",
            "[::1]",
        ]
        .into_iter()
        .chain(too_long.iter().map(String::as_str))
        {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
