//! Reasons why there was no connection, in plain words, and whether waiting can help.

use std::{
    error::Error as _,
    io::{self, ErrorKind},
};

use rustls::{AlertDescription, CertificateError};

use super::{contact::ContactFault, proxy};
use crate::error::Error;

const CHECK_HOST: &str = "check the host and the port of --domain or --base-url, and whether a firewall is in the way \
     (`https_proxy` names a proxy)";

/// Unlike glibc's resolver, musl's goes on asking a name server that it cannot reach.
const CHECK_HOST_AND_NAMES: &str = "check the host and the port of --domain or --base-url, that this machine resolves names, and \
     whether a firewall is in the way (`https_proxy` names a proxy)";

/// Reason why a connection could not be made.
#[derive(Debug)]
pub(super) enum Cause {
    /// Will fail again in the same way.
    Fatal(Error),
    /// The proxy did not open a tunnel, and the error does not say what it answered.
    NoTunnel,
    /// Anything else, which may differ next time.
    Passing(ContactFault),
}

/// Finds the cause of a failure to connect, by the errors below it.
pub(super) fn cause(error: &reqwest::Error) -> Cause {
    let (mut source, mut by_proxy, mut system) = (error.source(), false, None);
    while let Some(error) = source {
        system = error.downcast_ref::<io::Error>().or(system);
        // The source of an I/O error is the source of the error inside it: the inner error has to
        // be asked for separately, and may be an I/O error again.
        let mut held = error;
        while let Some(inner) = held.downcast_ref().and_then(io::Error::get_ref) {
            held = inner;
        }
        if let Some(error) = held.downcast_ref() {
            return tls(error);
        }
        // hyper-util's types are private; tests hold their words.
        match held.to_string().as_str() {
            "tunnel error: proxy authorization required" => {
                return Cause::Fatal(proxy::refused(407));
            }
            "tunnel error: unsuccessful" => return Cause::NoTunnel,
            "dns error" => {
                let fault = unknown_name();
                return Cause::Passing(if by_proxy { fault.at_the_proxy() } else { fault });
            }
            told => by_proxy |= told.starts_with("tunnel error: "),
        }
        source = error.source();
    }
    let fault = match system {
        Some(system) => no_connection(system),
        None if error.is_timeout() => {
            ContactFault::new("no connection in time", CHECK_HOST_AND_NAMES)
        }
        None => ContactFault::new("no connection", CHECK_HOST),
    };
    Cause::Passing(if by_proxy { fault.at_the_proxy() } else { fault })
}

fn unknown_name() -> ContactFault {
    ContactFault::new(
        "its name is not found",
        "check --domain or --base-url for a slip, and that this machine resolves names",
    )
}

/// Describes an error of the operating system.
fn no_connection(error: &io::Error) -> ContactFault {
    let told = match (error.kind(), error.raw_os_error()) {
        (ErrorKind::ConnectionRefused, _) => "connection refused".into(),
        (ErrorKind::TimedOut, _) => "no connection in time".into(),
        (ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset, _) => {
            "the connection is closed while it is being made".into()
        }
        (_, Some(number)) => io::Error::from_raw_os_error(number).to_string(),
        (kind, None) => format!("no connection: {kind}"),
    };
    ContactFault::new(told, CHECK_HOST)
}

/// Describes a TLS error, and whether it will be the same next time.
fn tls(error: &rustls::Error) -> Cause {
    let fatal = match error {
        rustls::Error::InvalidCertificate(fault) => certificate(fault),
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity,
        ) => Error::config(
            "the host's TLS is too old: it offers neither TLS 1.2 nor 1.3 with a safe cipher",
            "check --domain, and whether something in between (a proxy, a load balancer) ends TLS \
             there",
        ),
        rustls::Error::InvalidMessage(_) => {
            return Cause::Passing(ContactFault::new(
                "the server there does not speak TLS",
                "check the host and the port of --domain or --base-url; a server on this machine \
                 may need http://",
            ));
        }
        _ => {
            return Cause::Passing(ContactFault::new(
                "TLS cannot be agreed on",
                "check --domain or --base-url, and what stands between here and there",
            ));
        }
    };
    Cause::Fatal(fatal)
}

/// Returns the error for a certificate that is not accepted. There is no way around the check.
fn certificate(error: &CertificateError) -> Error {
    let (why, hint) = match error {
        CertificateError::UnknownIssuer => (
            "it is signed by a CA this machine does not know",
            "if the CA is your own, or that of a proxy that looks into TLS, name a file with its \
             certificate in SSL_CERT_FILE: only the certificates in SSL_CERT_FILE and \
             SSL_CERT_DIR are trusted then. Otherwise check --domain; there is no way around the \
             check",
        ),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "it has expired",
            "check --domain and the machine's clock; there is no way around the check",
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("it is not valid yet", "check the machine's clock; there is no way around the check")
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            "it is for another host",
            "check --domain or --base-url: another server answers there; there is no way around \
             the check",
        ),
        // rustls' verifier has no error kind of its own for this.
        other if format!("{other:?}").contains("CaUsedAsEndEntity") => (
            "it is a CA's own, and not made for a server",
            "give the server a certificate that its CA has signed, instead of the CA's own; there is no way \
             around the check",
        ),
        other => {
            return Error::config(
                format!("the tenant's TLS certificate is not accepted ({other:?})"),
                "check --domain, and the server's certificate; there is no way around the check",
            );
        }
    };
    Error::config(format!("the tenant's TLS certificate is not accepted: {why}"), hint)
}
