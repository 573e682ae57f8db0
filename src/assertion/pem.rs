//! PEM: the kind of key in a text, and its bytes.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::KeyFault;

/// Private RSA key, as in PEM.
pub(super) enum PrivateKey {
    /// PKCS#1: `RSA PRIVATE KEY`.
    Pkcs1(Zeroizing<Vec<u8>>),
    /// PKCS#8: `PRIVATE KEY`.
    Pkcs8(Zeroizing<Vec<u8>>),
}

/// Reads the first private key of a text, or returns what is there instead.
pub(super) fn private_key(text: &str) -> Result<PrivateKey, KeyFault> {
    let text = unfolded(text);
    let (label, body) = block(&text).ok_or(KeyFault::NotPem)?;
    match label {
        "RSA PRIVATE KEY" if body.contains("DEK-Info:") => Err(KeyFault::Encrypted),
        "RSA PRIVATE KEY" => Ok(PrivateKey::Pkcs1(decoded(label, body)?)),
        "PRIVATE KEY" => Ok(PrivateKey::Pkcs8(decoded(label, body)?)),
        "ENCRYPTED PRIVATE KEY" => Err(KeyFault::Encrypted),
        "EC PRIVATE KEY" => Err(KeyFault::OtherKind("an elliptic curve key")),
        "DSA PRIVATE KEY" => Err(KeyFault::OtherKind("a DSA key")),
        "OPENSSH PRIVATE KEY" => Err(KeyFault::OtherKind("a key of OpenSSH")),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => Err(KeyFault::OtherKind("a public key")),
        "CERTIFICATE" => Err(KeyFault::OtherKind("a certificate")),
        _ => Err(KeyFault::NotPem),
    }
}

/// Restores line ends in a text as variables of build servers often hold it: in quotes, or with
/// `\n` or `\r\n` for line ends.
fn unfolded(text: &str) -> Zeroizing<String> {
    let is_folded = !text.trim().contains('\n') && text.contains("\\n");
    let text =
        if is_folded { text.replace("\\r\\n", "\n").replace("\\n", "\n") } else { text.to_owned() };
    Zeroizing::new(text)
}

/// Returns the label of the first block that is a private key, or else of the first block, and the
/// text after it. Anything before it, such as a certificate or a byte order mark, is skipped.
fn block(text: &str) -> Option<(&str, &str)> {
    let mut blocks = text.split("-----BEGIN ").skip(1).filter_map(|it| it.split_once("-----"));
    let first = blocks.clone().next();
    blocks.find(|(label, _)| label.ends_with("PRIVATE KEY")).or(first)
}

/// Returns the bytes of a block, whose lines may be separated by spaces.
fn decoded(label: &str, body: &str) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
    let (body, end) = body.split_once("-----END ").ok_or(KeyFault::Damaged)?;
    let rest = end.strip_prefix(label).ok_or(KeyFault::Damaged)?;
    let body: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
    let bytes = BASE64.decode(body.as_bytes()).ok().filter(|_| rest.starts_with("-----"));
    bytes.map(Zeroizing::new).ok_or(KeyFault::Damaged)
}
