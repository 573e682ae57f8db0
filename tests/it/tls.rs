//! Somebody between who speaks TLS, with a good certificate or a bad one. Made once, with openssl,
//! for tests and nothing else; valid from 2020 to 2120 where not said otherwise.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// The one key of all certificates but the authority's.
const KEY: &str = "MC4CAQAwBQYDK2VwBCIEINtQCPP3PBjGEeusQPQdbfsr4NV/ADW5GoWLf4yDu6W6";
/// The CA that signs, as a file of certificates has it; `SSL_CERT_FILE` is to hold it.
pub(crate) const AUTHORITY: &str = include_str!("authority.pem");
/// A certificate for 127.0.0.1, signed by the authority.
pub(crate) const GOOD: &str = "\
    MIIBSzCB/qADAgECAgEQMAUGAytlcDAZMRcwFQYDVQQDDA5tZmFmZXJyeSB0ZXN0czAgFw0yMDAxMDEwMDAwMDBaGA8y\
    MTIwMDEwMTAwMDAwMFowDzENMAsGA1UEAwwEZ29vZDAqMAUGAytlcAMhADZGj0Zq9fSCwfaH+qlUyfV4pISaJcJySyVO\
    t7iYIJNeo3MwcTAPBgNVHREECDAGhwR/AAABMBMGA1UdJQQMMAoGCCsGAQUFBwMBMAkGA1UdEwQCMAAwHQYDVR0OBBYE\
    FMlCZgWZm4RYsTd2zoFijNK/eq1mMB8GA1UdIwQYMBaAFPoBHWnRLRpr1ISmMLu3LjbjWsEEMAUGAytlcANBAGcUEPFS\
    n6ROOR1vUyASb4I2uqBQGDJV+4bFQXSS0nCCdsUS9tBpvPf+HT8zYbs4ydCQmtKZJp7IFCJdzb8rlwI=";
/// The same, until 2021.
pub(crate) const EXPIRED: &str = "\
    MIIBTDCB/6ADAgECAgEQMAUGAytlcDAZMRcwFQYDVQQDDA5tZmFmZXJyeSB0ZXN0czAeFw0yMDAxMDEwMDAwMDBaFw0y\
    MTAxMDEwMDAwMDBaMBIxEDAOBgNVBAMMB2V4cGlyZWQwKjAFBgMrZXADIQA2Ro9GavX0gsH2h/qpVMn1eKSEmiXCcksl\
    Tre4mCCTXqNzMHEwDwYDVR0RBAgwBocEfwAAATATBgNVHSUEDDAKBggrBgEFBQcDATAJBgNVHRMEAjAAMB0GA1UdDgQW\
    BBTJQmYFmZuEWLE3ds6BYozSv3qtZjAfBgNVHSMEGDAWgBT6AR1p0S0aa9SEpjC7ty4241rBBDAFBgMrZXADQQCru6ZF\
    IgHwVqBohThOxBE93lFdbgF09WkzrlpW860hQCyB0kPDOlgEM99f5A3utFUuOzr0/JxrYugn3dbTzD8D";
/// A certificate for other.example, signed by the authority.
pub(crate) const OTHER_HOST: &str = "\
    MIIBVjCCAQigAwIBAgIBEDAFBgMrZXAwGTEXMBUGA1UEAwwObWZhZmVycnkgdGVzdHMwIBcNMjAwMTAxMDAwMDAwWhgP\
    MjEyMDAxMDEwMDAwMDBaMBAxDjAMBgNVBAMMBW90aGVyMCowBQYDK2VwAyEANkaPRmr19ILB9of6qVTJ9XikhJolwnJL\
    JU63uJggk16jfDB6MBgGA1UdEQQRMA+CDW90aGVyLmV4YW1wbGUwEwYDVR0lBAwwCgYIKwYBBQUHAwEwCQYDVR0TBAIw\
    ADAdBgNVHQ4EFgQUyUJmBZmbhFixN3bOgWKM0r96rWYwHwYDVR0jBBgwFoAU+gEdadEtGmvUhKYwu7cuNuNawQQwBQYD\
    K2VwA0EA7jWmcwZxT1AY9Olv+W2l20kZ1yGgwjmtzdBRCZ/RgwUWiNTKzYzoN/kCqhAOEaFrxspIuVCkRI6sKdfx99rE\
    AA==";
/// A certificate for 127.0.0.1, signed by itself.
pub(crate) const SELF_SIGNED: &str = "\
    MIIBCzCBvqADAgECAgESMAUGAytlcDAPMQ0wCwYDVQQDDARzZWxmMCAXDTIwMDEwMTAwMDAwMFoYDzIxMjAwMTAxMDAw\
    MDAwWjAPMQ0wCwYDVQQDDARzZWxmMCowBQYDK2VwAyEANkaPRmr19ILB9of6qVTJ9XikhJolwnJLJU63uJggk16jPTA7\
    MA8GA1UdEQQIMAaHBH8AAAEwCQYDVR0TBAIwADAdBgNVHQ4EFgQUyUJmBZmbhFixN3bOgWKM0r96rWYwBQYDK2VwA0EA\
    /uZgIvC8JdFiSYZEg9dJBbCMa5QZh+USfyeM0hmDQ4fW/D3WkMEiRGS9n9W3Oqq4xVrKMughU7vSTyUZ6xbACQ==";

/// Returns the settings of a server with this certificate.
pub(crate) fn server(certificate: &str) -> Arc<ServerConfig> {
    let der = |base64: &str| data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(der(KEY)));
    let chain = vec![CertificateDer::from(der(certificate))];
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}
