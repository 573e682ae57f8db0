//! URLs of requests: the tenant's base URL, and paths in which a user id is one segment.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use reqwest::header::HeaderValue;
use url::{Host, Url};

use crate::{error::Error, model::UserId, text::is_host_name};

/// Everything but RFC 3986's unreserved characters is encoded, so that nothing in an id (`|`, `/`,
/// `%`) can change where a request goes. Segments of dots alone are refused instead.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The tenant's base URL, checked.
#[derive(Debug, Clone)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Makes `https://DOMAIN` of a plain host name.
    pub fn from_domain(domain: &str) -> Result<Self, Error> {
        let hint = "give the tenant's host name only, like `tenant.eu.auth0.com`";

        let last = domain.rsplit('.').next().unwrap_or_default();
        // The text is checked before a URL is made of it: `tenant.auth0.com@evil.example` is a URL,
        // too. A last label of digits, or `0x…`, would be read as an IP address.
        let sound = is_host_name(domain)
            && domain.contains('.')
            && last.starts_with(|c: char| c.is_ascii_alphabetic());
        if !sound {
            return Err(Error::config("the domain is not a plain host name", hint));
        }
        Self::parse(&format!("https://{domain}"))
    }

    /// Parses a whole base URL: https, or http for loopback; without path, query or credentials.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let refuse = |message: &str| {
            Err(Error::config(message, "give a base URL like `https://tenant.eu.auth0.com`"))
        };
        let Ok(url) = Url::parse(url) else {
            return refuse("the base URL is not a URL");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("the base URL has credentials in it");
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return refuse("the base URL has more than a host and a port");
        }
        let loopback = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return refuse("the base URL has no host"),
        };
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if loopback => Ok(Self(url)),
            "http" => refuse("plain http is accepted for loopback only: secrets would be readable"),
            _ => refuse("the base URL is neither https nor http"),
        }
    }

    /// Returns the URL without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// Returns the audience that a token for this base needs, unless another is given: right for
    /// Auth0's own names, wrong for a custom domain.
    pub fn default_audience(&self) -> String {
        format!("{}/api/v2/", self.as_str())
    }

    /// Returns whether the base is on this machine.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    /// Returns the host name.
    pub fn host(&self) -> Option<&str> {
        self.0.host_str()
    }

    /// Returns host and port, for messages about a tenant that does not answer.
    pub(super) fn place(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        let port = self.0.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{host}{port}")
    }

    /// Returns the `Host` header, which the HTTP stack would otherwise build anew for each request.
    /// It is leaked once a run, since any value but a constant would be reference-counted by each
    /// request.
    pub(super) fn host_header(&self) -> Option<HeaderValue> {
        let host = self.place();
        HeaderValue::from_str(&host).ok().map(|_| HeaderValue::from_static(host.leak()))
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }

    /// Returns the token endpoint.
    pub(super) fn token(&self) -> Url {
        self.at("/oauth/token")
    }

    /// Returns the URL of one of a user's methods; `None` for an id that cannot be a path segment:
    /// `.` and `..` mean something else in a path, encoded or not.
    pub(super) fn method(&self, user: &UserId, method: &str) -> Option<Url> {
        let is_segment = !matches!(method, "" | "." | "..");
        let (user, method) = (segment(user.as_str()), segment(method));
        is_segment
            .then(|| self.at(&format!("/api/v2/users/{user}/authentication-methods/{method}")))
    }

    /// Returns the URL of a user's methods.
    pub(super) fn methods(&self, user: &UserId) -> Url {
        let user = segment(user.as_str());
        self.at(&format!("/api/v2/users/{user}/authentication-methods"))
    }

    /// Returns the URL of the users with an address, limited to the fields that tell who they are.
    /// The address is encoded like a segment, since a `+` in a query would be read as a space.
    pub(super) fn users_by_email(&self, address: &str) -> Url {
        let mut url = self.at("/api/v2/users-by-email");
        let fields = "user_id,email,identities";
        url.set_query(Some(&format!("email={}&fields={fields}", segment(address))));
        url
    }

    /// Returns the URL of a question about the tenant as a whole: `asked` is its path below the
    /// API's, with its query.
    pub(super) fn question(&self, asked: &'static str) -> Url {
        let (path, query) = asked.split_once('?').map_or((asked, None), |(p, q)| (p, Some(q)));
        let mut url = self.at(&format!("/api/v2/{path}"));
        url.set_query(query);
        url
    }

    /// Returns the base with that path. Its host, the expensive part of a URL, is not parsed again.
    fn at(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        url.set_path(path);
        url
    }
}

fn segment(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, SEGMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_one_path_segment_whatever_is_in_it() {
        let base = BaseUrl::from_domain("tenant.eu.auth0.com").unwrap();
        for (id, segment) in [
            ("auth0|1", "auth0%7C1"),
            ("samlp|acme|user+1@corp.example", "samlp%7Cacme%7Cuser%2B1%40corp.example"),
            ("a/../b", "a%2F..%2Fb"),
            ("auth0|..", "auth0%7C.."),
            ("100%7C", "100%257C"),
            ("line\nbreak\r\t", "line%0Abreak%0D%09"),
            ("a?b#c d\\e", "a%3Fb%23c%20d%5Ce"),
            ("zoë|ü", "zo%C3%AB%7C%C3%BC"),
            ("~-_.", "~-_."),
        ] {
            let url = base.methods(&UserId::parse(id).unwrap());
            let path = format!("/api/v2/users/{segment}/authentication-methods");
            assert_eq!(url.as_str(), format!("https://tenant.eu.auth0.com{path}"));
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            assert_eq!(segments, ["api", "v2", "users", segment, "authentication-methods"]);
            assert_eq!(Url::parse(url.as_str()).unwrap(), url, "nothing is normalised away");
        }
        for id in ["", ".", ".."] {
            assert_eq!(UserId::parse(id), None);
            assert_eq!(base.method(&UserId::nobody(), id), None);
        }
    }

    #[test]
    fn an_address_is_one_value_of_a_query_whatever_is_in_it() {
        let base = BaseUrl::from_domain("tenant.eu.auth0.com").unwrap();
        for address in
            ["ann+x@corp.example", "a&fields=b=c%2B#d@e.f", "\"a b\"@c.d", "zoë@ü.example"]
        {
            let url = base.users_by_email(address);
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            assert_eq!(pairs[0], ("email".to_owned(), address.to_owned()));
            assert_eq!((pairs.len(), pairs[1].0.as_str(), url.fragment()), (2, "fields", None));
            assert!(!url.as_str().contains('+'), "{url}");
        }
    }

    #[test]
    fn a_domain_is_a_host_name_and_nothing_else() {
        for bad in [
            "",
            "tenant",
            "https://tenant.auth0.com",
            "tenant.auth0.com/",
            "tenant.auth0.com:443",
            "tenant.auth0.com@evil.example",
            "tenant.auth0.com%2eevil.example",
            "0x7f.1",
            "127.0.0.1",
            "[::1]",
            "tenant..auth0.com",
            "tenant.auth0.com.",
            "-a.example",
            "a b.example",
            "tenant.auth0.com#x",
            "tenant.auth0.com\\x",
            "tenänt.auth0.com",
        ] {
            assert!(BaseUrl::from_domain(bad).is_err(), "{bad}");
        }
        assert_eq!(
            BaseUrl::from_domain("tenant.eu.auth0.com").unwrap().default_audience(),
            "https://tenant.eu.auth0.com/api/v2/"
        );
    }

    #[test]
    fn the_host_of_a_request_has_a_port_unless_it_is_the_usual_one() {
        for (url, host) in [
            ("https://tenant.eu.auth0.com", "tenant.eu.auth0.com"),
            ("https://tenant.eu.auth0.com:443", "tenant.eu.auth0.com"),
            ("https://Tenant.example:8443", "tenant.example:8443"),
            ("http://127.0.0.1:80", "127.0.0.1"),
            ("http://localhost:3000", "localhost:3000"),
            ("http://[::1]:1", "[::1]:1"),
        ] {
            assert_eq!(BaseUrl::parse(url).unwrap().host_header().unwrap(), host, "{url}");
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in
            ["http://127.0.0.1:80", "http://localhost:3000", "http://[::1]:1", "https://a.b"]
        {
            assert!(BaseUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "http://tenant.auth0.com",
            "http://10.0.0.1",
            "http://127.0.0.1.evil.example",
            "ftp://a.b",
            "https://u:p@a.b",
            "https://a.b/api/v2",
            "https://a.b/?x",
            "a.b",
        ] {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
