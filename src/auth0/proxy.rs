//! The proxy to the tenant: which hosts bypass it, and what it says when it opens no tunnel.

use std::{net::IpAddr, time::Duration};

use data_encoding::BASE64;
use percent_encoding::percent_decode_str;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;
use zeroize::Zeroizing;

use super::{contact::ContactFault, transport::NotSent};
use crate::error::Error;

/// Time in which the proxy has to repeat its answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Number of bytes of its answer that are read: enough for a status line.
const ANSWER: u64 = 64;

/// Settings of a proxy for https. Its URL may hold a password, so `Debug` does not show it.
#[derive(Clone)]
pub struct Proxy {
    /// `https_proxy`.
    pub url: String,
    /// `no_proxy`: hosts that are reached without it.
    pub except: Option<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("except", &self.except).finish_non_exhaustive()
    }
}

impl Proxy {
    /// Returns the proxy in the HTTP client's form.
    pub(super) fn rule(&self) -> Result<reqwest::Proxy, Error> {
        reqwest::Proxy::https(&self.url)
            .map_err(|_| Error::config("`https_proxy` is not a URL", "correct it, or unset it"))
    }

    /// Returns true if `no_proxy` names the host of that URL.
    pub(super) fn spares(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else { return false };
        let host = host.trim_matches(['[', ']']);
        let port = url.port_or_known_default();
        let entries = self.except.as_deref().unwrap_or_default().split([',', ' ']);
        entries.filter(|entry| !entry.is_empty()).any(|entry| names(entry, host, port))
    }

    /// Returns the reason why there is no tunnel to a host. The HTTP client only reports that the
    /// proxy answered neither 200 nor 407, so the proxy is asked once more for its status.
    pub(super) async fn no_tunnel(&self, host: &str, port: u16) -> NotSent {
        let status = timeout(ANSWER_TIMEOUT, self.ask(host, port)).await.ok().flatten();
        match status {
            // The proxy is overloaded or cannot reach the host: that may pass.
            Some(status @ (300..=407 | 409..=424 | 426..=428 | 430..=499)) => {
                NotSent::Fatal(refused(status))
            }
            status => NotSent::Passing(ContactFault::no_tunnel(status)),
        }
    }

    async fn ask(&self, host: &str, port: u16) -> Option<u16> {
        let url = match Url::parse(&self.url) {
            Ok(url) if url.has_host() => url,
            _ => Url::parse(&format!("http://{}", self.url)).ok()?,
        };
        if url.scheme() != "http" {
            return None;
        }
        let address = (url.host_str()?.trim_matches(['[', ']']), url.port_or_known_default()?);
        let mut stream = TcpStream::connect(address).await.ok()?;
        let mut head =
            Zeroizing::new(format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"));
        if !url.username().is_empty() {
            let decode = |text: &str| Zeroizing::new(percent_decode_str(text).collect::<Vec<_>>());
            let password = decode(url.password().unwrap_or_default());
            let pair = Zeroizing::new([&*decode(url.username()), &b":"[..], &*password].concat());
            let pair = Zeroizing::new(BASE64.encode(&pair));
            head.push_str("Proxy-Authorization: Basic ");
            head.push_str(&pair);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.take(ANSWER).read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8_lossy(&answer);
        answer.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.get(..3)?.parse().ok()
    }
}

/// Returns the error for a proxy that answers CONNECT with that status.
pub(super) fn refused(status: u16) -> Error {
    let (what, hint) = match status {
        407 => (
            "the proxy wants credentials (407)".to_owned(),
            "write them into the URL, `https_proxy=http://USER:PASSWORD@HOST:PORT`, or name the \
             tenant's host in `no_proxy` if it is reached without the proxy",
        ),
        300..=399 => (
            format!("the proxy sends us elsewhere ({status}) instead of opening a connection"),
            "log in at the network's portal, or check `https_proxy`; redirects are not followed",
        ),
        _ => (
            format!("the proxy refuses to open a connection to the tenant ({status})"),
            "have the tenant's host allowed there, or name it in `no_proxy` if it is reached \
             without the proxy",
        ),
    };
    Error::config(what, hint)
}

/// Returns true if an entry of `no_proxy` names a host: `*`, a domain with everything below it, an
/// address or a network; each but the first may have a port.
fn names(entry: &str, host: &str, port: Option<u16>) -> bool {
    if entry == "*" {
        return true;
    }
    // An IPv6 address contains colons, so only one in brackets can have a port.
    let with_port = entry
        .rsplit_once(':')
        .filter(|(name, _)| !name.contains(':') || name.ends_with(']'))
        .and_then(|(name, number)| Some((name, number.parse::<u16>().ok()?)));
    let name = match with_port {
        Some((_, number)) if Some(number) != port => return false,
        Some((name, _)) => name,
        None => entry,
    };
    let name = name.trim_matches(['[', ']']);
    if let Ok(address) = host.parse::<IpAddr>() {
        return holds(name, address);
    }
    let name = name.trim_start_matches('*').trim_matches('.').to_ascii_lowercase();
    let host = host.to_ascii_lowercase();
    let below = host.strip_suffix(&name);
    !name.is_empty() && below.is_some_and(|below| below.is_empty() || below.ends_with('.'))
}

/// Returns true if a network (`10.0.0.0/8`) or a single address contains an address.
fn holds(network: &str, address: IpAddr) -> bool {
    let (network, length) = match network.split_once('/') {
        Some((network, length)) => (network, length.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let (Ok(network), Some(length)) = (network.parse(), length) else {
        return false;
    };
    let ((network, family), (address, other)) = (bits(network), bits(address));
    let rest = 128 - length.min(family);
    family == other && (rest == 128 || network >> rest == address >> rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_names_hosts_what_is_below_them_addresses_and_networks() {
        for (list, url, spared) in [
            ("", "https://tenant.example", false),
            ("*", "https://tenant.example", true),
            ("*", "https://10.1.2.3", true),
            ("tenant.example", "https://tenant.example", true),
            ("TENANT.Example", "https://tenant.example", true),
            ("example", "https://tenant.example", true),
            (".example", "https://tenant.example", true),
            ("*.example", "https://tenant.example", true),
            (".tenant.example", "https://tenant.example", true),
            ("nant.example", "https://tenant.example", false),
            ("tenant.example.com", "https://tenant.example", false),
            ("tenant", "https://tenant.example", false),
            (".", "https://tenant.example", false),
            (",,", "https://tenant.example", false),
            ("localhost, .example", "https://tenant.example", true),
            ("localhost .example", "https://tenant.example", true),
            ("tenant.example:443", "https://tenant.example", true),
            ("tenant.example:8443", "https://tenant.example", false),
            ("tenant.example:8443", "https://tenant.example:8443", true),
            ("10.1.2.3", "https://10.1.2.3", true),
            ("10.1.2.3:443", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://10.1.2.3", true),
            ("10.0.0.0/8", "https://11.1.2.3", false),
            ("0.0.0.0/0", "https://11.1.2.3", true),
            ("10.0.0.0/99", "https://10.1.2.3", false),
            ("10.0.0.0/x", "https://10.1.2.3", false),
            ("2.3", "https://10.1.2.3", false),
            ("fd00::/8", "https://[fd12::1]", true),
            ("[fd12::1]:443", "https://[fd12::1]", true),
            ("fd12::1", "https://[fd12::1]", true),
            ("::/0", "https://10.1.2.3", false),
        ] {
            let proxy = Proxy { url: String::new(), except: Some(list.into()) };
            assert_eq!(proxy.spares(&url.parse().unwrap()), spared, "{list}: {url}");
        }
    }

    #[test]
    fn a_password_of_the_proxy_is_not_printed() {
        let proxy = Proxy { url: "http://u:CANARY@proxy".into(), except: None };
        assert!(!format!("{proxy:?}").contains("CANARY"));
    }
}
