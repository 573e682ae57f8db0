//! PEM: which kind of key a text holds, and its bytes.

use rustls::pki_types::{PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, pem::PemObject};
use zeroize::Zeroizing;

use super::KeyFault;

/// Private RSA key, as PEM has it.
pub(super) enum PrivateKey {
    /// PKCS#1: `RSA PRIVATE KEY`.
    Pkcs1(Zeroizing<Vec<u8>>),
    /// PKCS#8: `PRIVATE KEY`.
    Pkcs8(Zeroizing<Vec<u8>>),
}

/// Reads the first block of a text.
pub(super) fn private_key(text: &str) -> Result<PrivateKey, KeyFault> {
    let text = unfolded(text);
    let label = label(&text).ok_or(KeyFault::NotPem)?;
    match label {
        "RSA PRIVATE KEY" if text.contains("DEK-Info:") => Err(KeyFault::Encrypted),
        "RSA PRIVATE KEY" => {
            let key = PrivatePkcs1KeyDer::from_pem_slice(text.as_bytes());
            let key = key.map_err(|_| KeyFault::Damaged)?;
            Ok(PrivateKey::Pkcs1(key.secret_pkcs1_der().to_vec().into()))
        }
        "PRIVATE KEY" => {
            let key = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes());
            let key = key.map_err(|_| KeyFault::Damaged)?;
            Ok(PrivateKey::Pkcs8(key.secret_pkcs8_der().to_vec().into()))
        }
        "ENCRYPTED PRIVATE KEY" => Err(KeyFault::Encrypted),
        "EC PRIVATE KEY" => Err(KeyFault::OtherKind("an elliptic curve key")),
        "DSA PRIVATE KEY" => Err(KeyFault::OtherKind("a DSA key")),
        "OPENSSH PRIVATE KEY" => Err(KeyFault::OtherKind("a key of OpenSSH")),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(KeyFault::OtherKind("a public key")),
        "CERTIFICATE" => Err(KeyFault::OtherKind("a certificate")),
        _ => Err(KeyFault::NotPem),
    }
}

/// Returns a text whose line ends were written as `\n`, as variables of build servers often are, with line
/// ends.
fn unfolded(text: &str) -> Zeroizing<String> {
    let is_folded = !text.trim().contains('\n') && text.contains("\\n");
    let text = if is_folded { text.replace("\\n", "\n") } else { text.to_owned() };
    Zeroizing::new(text)
}

/// Returns the label of the first block.
fn label(text: &str) -> Option<&str> {
    let (_, after) = text.split_once("-----BEGIN ")?;
    after.split_once("-----").map(|(label, _)| label)
}
