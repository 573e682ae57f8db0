//! Why there was no connection, and whether waiting can help.

use rustls::AlertDescription;

use super::proxy;
use crate::error::Error;

/// Why a connection could not be made.
#[derive(Debug)]
pub(super) enum Cause {
    /// Trying again does not help.
    Fatal(Error),
    /// The proxy did not open a tunnel, and the error does not say what it answered.
    NoTunnel,
    /// Anything else: it may be different next time.
    Passing,
}

/// The cause of a failure to connect, by the errors below it.
pub(super) fn cause(error: &reqwest::Error) -> Cause {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        // An I/O error's source is that of the error it holds: what it holds has to be asked for,
        // and may be an I/O error again.
        let mut held = error;
        while let Some(inner) = held.downcast_ref().and_then(std::io::Error::get_ref) {
            held = inner;
        }
        if let Some(error) = held.downcast_ref().and_then(tls) {
            return Cause::Fatal(error);
        }
        // hyper-util's type is private; a test holds its words.
        match held.to_string().as_str() {
            "tunnel error: proxy authorization required" => {
                return Cause::Fatal(proxy::refused(407));
            }
            "tunnel error: unsuccessful" => return Cause::NoTunnel,
            _ => {}
        }
        source = error.source();
    }
    Cause::Passing
}

/// What TLS says that will not be different next time.
fn tls(error: &rustls::Error) -> Option<Error> {
    match error {
        rustls::Error::InvalidCertificate(_) => Some(Error::config(
            "the tenant's TLS certificate is not accepted",
            "check --domain, the machine's clock and its CA certificates; there is no way around \
             the check",
        )),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity,
        ) => Some(Error::config(
            "the host's TLS is too old: it offers neither TLS 1.2 nor 1.3 with a safe cipher",
            "check --domain, and whether something in between (a proxy, a load balancer) ends TLS \
             there",
        )),
        _ => None,
    }
}
