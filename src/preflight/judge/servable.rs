//! Relying party ids that a tenant can serve: a browser hands a credential to a page only if its id
//! is the page's host name, or a registrable suffix of that (WebAuthn Level 3, 5.1.3 and HTML's "is
//! a registrable domain suffix of or is equal to").

use crate::model::CustomDomain;

/// Returns whether a custom domain can serve an id.
pub(super) fn serves(domain: &CustomDomain, id: &str) -> bool {
    domain.relying_party.as_deref() == Some(id) || is_suffix_of(id, &domain.domain)
}

/// Returns whether a name can be registered: `example.co.uk` can, `co.uk` cannot.
pub(super) fn is_registrable(name: &str) -> bool {
    psl::domain_str(name).is_some()
}

/// Returns whether an id is a host name, or a suffix of it that somebody can register:
/// `example.co.uk` of `login.example.co.uk`, but not `co.uk`.
fn is_suffix_of(id: &str, host: &str) -> bool {
    let is_above = || host.strip_suffix(id).is_some_and(|rest| rest.ends_with('.'));
    id == host || (is_above() && is_registrable(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_serves_itself_what_is_configured_and_its_registrable_suffixes() {
        let domain = |domain: &str, relying_party: Option<&str>| CustomDomain {
            domain: domain.into(),
            relying_party: relying_party.map(Into::into),
            is_ready: true,
        };
        for (host, configured, id, expected) in [
            ("login.example.com", None, "login.example.com", true),
            ("login.example.com", None, "example.com", true),
            ("login.example.com", None, "com", false),
            ("login.example.com", None, "ogin.example.com", false),
            ("login.example.com", None, "xample.com", false),
            ("login.example.com", None, "a.login.example.com", false),
            ("login.example.com", None, "example.org", false),
            ("login.example.com", Some("example.org"), "example.org", true),
            ("login.example.com", Some("example.org"), "login.example.com", true),
            ("login.example.co.uk", None, "example.co.uk", true),
            ("login.example.co.uk", None, "co.uk", false),
            ("login.example.co.uk", None, "uk", false),
            ("a.b.kobe.jp", None, "b.kobe.jp", false),
            ("login.a.city.kobe.jp", None, "city.kobe.jp", true),
            ("login.shop.github.io", None, "github.io", false),
            ("login.shop.github.io", None, "shop.github.io", true),
            ("login.corp.example", None, "corp.example", true),
            ("login.corp.example", None, "example", false),
            ("localhost", None, "localhost", true),
        ] {
            let domain = domain(host, configured);
            assert_eq!(serves(&domain, id), expected, "{id} at {host}");
        }
    }
}
