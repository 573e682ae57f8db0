//! E-mail addresses.

use email_address::{EmailAddress, Options};

use super::{
    draft::{Draft, Rule},
    text::is_invisible,
};
use crate::model::{Code, Contact, Credential, Field};

/// RFC 5321, 4.5.3.1: a path is 256 octets with its angle brackets.
const MAX_ADDRESS: usize = 254;
/// RFC 5321, 4.5.3.1.1.
const MAX_LOCAL: usize = 64;

pub(super) fn credential(draft: &mut Draft) -> Option<Credential> {
    let address = draft.required(Field::Email, address)?;
    Some(Credential::Email { address })
}

fn address(text: String) -> Result<Contact, Rule> {
    let address = Contact::new(text);
    let trimmed = address.expose().trim();
    match fault(trimmed) {
        Some(rule) => Err(rule),
        None if trimmed.len() == address.expose().len() => Ok(address),
        None => Ok(Contact::new(trimmed.to_owned())),
    }
}

fn fault(address: &str) -> Option<Rule> {
    if address.contains('*') {
        return Some(Rule::new(Code::Masked, "is masked: export the whole address"));
    }
    if address.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:")) {
        let rule = "must be the address alone, without `mailto:`";
        return Some(Rule::new(Code::NotAnAddress, rule));
    }
    let is_unseen = |c: char| c.is_control() || is_invisible(c);
    // Nearly all are plain.
    let is_plain = address.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain && let Some(at) = address.chars().position(is_unseen) {
        let rule = format!("has an invisible character at position {}", at + 1);
        return Some(Rule::new(Code::InvisibleCharacter, rule));
    }
    if address.len() > MAX_ADDRESS {
        let rule = format!("has {} bytes; at most {MAX_ADDRESS} are allowed", address.len());
        return Some(Rule::new(Code::TooLong, rule));
    }
    let Some((local, _)) = address.rsplit_once('@') else {
        return Some(Rule::new(Code::NotAnAddress, "must have an `@`"));
    };
    if local.len() > MAX_LOCAL {
        let n_bytes = local.len();
        let rule = format!("has {n_bytes} bytes before the `@`; at most {MAX_LOCAL} are allowed");
        return Some(Rule::new(Code::TooLong, rule));
    }
    let options =
        Options::default().with_required_tld().without_display_text().without_domain_literal();
    EmailAddress::parse_with_options(address, options).is_err().then(|| {
        let rule = "must be an address such as `name@example.com`, with a domain that has a dot";
        Rule::new(Code::NotAnAddress, rule)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let outcome = match address(text.to_owned()) {
            Ok(address) => address.expose().to_owned(),
            Err(rule) => rule.text.into_owned(),
        };
        assert!(outcome.starts_with(expected), "{text:?}: {outcome}");
    }

    #[test]
    fn case_is_kept_and_white_space_around_is_not() {
        check(" Ann.Lee+mfa@Example.COM\t", "Ann.Lee+mfa@Example.COM");
        check("åsa@exämple.example", "åsa@exämple.example");
        check("\"a b\"@example.com", "\"a b\"@example.com");
    }

    #[test]
    fn anything_but_an_address_is_refused() {
        let shape = "must be an address such as";
        check("chuc****@exam*******", "is masked");
        check("MAILTO:ann@example.com", "must be the address alone");
        check("ann\u{200b}@example.com", "has an invisible character at position 4");
        check("ann\n@example.com", "has an invisible character at position 4");
        check("ann.example.com", "must have an `@`");
        for text in [
            "ann@localhost",
            "ann@example.com.",
            "ann@@example.com",
            "a b@example.com",
            "Ann <ann@example.com>",
            "ann@[192.0.2.1]",
            "@example.com",
            "ann@",
            ".ann@example.com",
            "ann@-example.com",
            "ann@example..com",
            "a@b.example, c@d.example",
        ] {
            check(text, shape);
        }
        check(&format!("{}@example.com", "a".repeat(64)), "aaaa");
        check(&format!("{}@example.com", "a".repeat(65)), "has 65 bytes before the `@`");
        // 4 labels of 60 with their dots are 244 bytes, the `@` and `io` 3 more.
        let domain = format!("{}io", format!("{}.", "b".repeat(60)).repeat(4));
        check(&format!("{}@{domain}", "a".repeat(7)), "aaaaaaa@");
        check(&format!("{}@{domain}", "a".repeat(8)), "has 255 bytes; at most 254 are allowed");
    }
}
