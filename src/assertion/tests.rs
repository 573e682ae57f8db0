use secrecy::ExposeSecret;

use super::*;

const CLIENT: &str = include_str!("../../tests/it/keys/client.pem");
const CLIENT_PKCS1: &str = include_str!("../../tests/it/keys/client-pkcs1.pem");
const PUBLIC: &str = include_str!("../../tests/it/keys/client.pub.pem");
const PUBLIC_PKCS1: &str = include_str!("../../tests/it/keys/client-pkcs1.pub.pem");
const OTHER: &str = include_str!("../../tests/it/keys/other.pem");
const SMALL: &str = include_str!("../../tests/it/keys/1024-bits.pem");
const BITS_2047: &str = include_str!("../../tests/it/keys/2047-bits.pem");
const EXPONENT_3: &str = include_str!("../../tests/it/keys/exponent-3.pem");
const CURVE: &str = include_str!("../../tests/it/keys/elliptic-curve.pem");
const ED25519: &str = include_str!("../../tests/it/keys/ed25519.pem");
const TENANT: &str = "https://acme.eu.auth0.com/";
const NOW: i64 = 1_800_000_000;

fn verifier() -> Verifier {
    Verifier::new(PublicKey::read(PUBLIC).unwrap())
}

fn signed(pem: &str, algorithm: Algorithm, now: i64) -> String {
    let key = SigningKey::read(pem, algorithm).unwrap();
    key.sign("client", TENANT, now).unwrap().expose_secret().to_owned()
}

fn verify(assertion: &str) -> Result<(), AssertionFault> {
    verifier().verify(assertion, "client", &[TENANT], NOW)
}

#[test]
fn each_algorithm_and_each_form_of_a_key_is_verified() {
    for pem in [CLIENT, CLIENT_PKCS1] {
        for algorithm in Algorithm::ALL {
            assert_eq!(verify(&signed(pem, algorithm, NOW)), Ok(()), "{algorithm:?}");
        }
    }
    assert_eq!(PublicKey::read(PUBLIC), PublicKey::read(PUBLIC_PKCS1));
    let key = SigningKey::read(CLIENT, Algorithm::Rs256).unwrap();
    assert_eq!(PublicKey::read(PUBLIC), Some(PublicKey::of_pkcs1(key.public())));
}

#[test]
fn a_key_is_read_with_its_line_ends_written_out_and_whatever_stands_around_it() {
    let folded = CLIENT.replace('\n', "\\n");
    let windows = CLIENT.replace('\n', "\r\n");
    let around = format!("Key of the migration\n\n{CLIENT}\n\n");
    let folded_windows = windows.replace("\r\n", "\\r\\n");
    let quoted = format!("\"{}\"", CLIENT.trim());
    let quoted_folded = format!("'{folded}'");
    let words = CLIENT.replace('\n', " ");
    let marked = format!("\u{feff}{CLIENT}");
    let certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let behind = format!("{certificate}{CLIENT}{certificate}");
    for text in
        [folded, windows, around, folded_windows, quoted, quoted_folded, words, marked, behind]
    {
        assert!(SigningKey::read(&text, Algorithm::Rs256).is_ok());
    }
}

#[test]
fn a_text_that_is_no_private_rsa_key_is_named_for_what_it_is() {
    let block = |label: &str| format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
    let (cut, _) = CLIENT.split_at(CLIENT.len() / 2);
    let torn = format!("{cut}\n-----END PRIVATE KEY-----\n");
    let with_phrase = CLIENT_PKCS1.replacen(
        "KEY-----\n",
        "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n",
        1,
    );
    // With an identifier that nobody has.
    let of_another_kind = ED25519.replace("AwBQYDK2Vw", "AwBQYDK2V/");
    assert_ne!(of_another_kind, ED25519);
    for (text, fault) in [
        (String::new(), "no private key in PEM"),
        ("hunter2".into(), "no private key in PEM"),
        (block("SOMETHING ELSE"), "no private key in PEM"),
        (block("ENCRYPTED PRIVATE KEY"), "pass phrase"),
        (with_phrase, "pass phrase"),
        (block("EC PRIVATE KEY"), "an elliptic curve key"),
        (block("OPENSSH PRIVATE KEY"), "a key of OpenSSH"),
        (block("CERTIFICATE"), "a certificate"),
        (PUBLIC.into(), "a public key"),
        (CURVE.into(), "an elliptic curve key"),
        (ED25519.into(), "an Ed25519 key"),
        (of_another_kind, "a key of another kind"),
        (SMALL.into(), "of 1024 bits: 2,048 to 4,096 bits"),
        (BITS_2047.into(), "of 2047 bits: 2,048 to 4,096 bits"),
        (EXPONENT_3.into(), "the public exponent 3"),
        (cut.into(), "damaged"),
        (torn, "damaged"),
        (block("PRIVATE KEY"), "damaged"),
        (block("RSA PRIVATE KEY"), "damaged"),
    ] {
        let said = SigningKey::read(&text, Algorithm::Rs256).unwrap_err();
        assert!(said.to_string().contains(fault), "{fault}: {said}");
        assert!(!said.hint().is_empty());
    }
}

#[test]
fn only_the_registered_key_signs_and_no_byte_of_an_assertion_can_be_changed() {
    assert_eq!(verify(&signed(OTHER, Algorithm::Rs256, NOW)), Err(AssertionFault::Signature));
    let good = signed(CLIENT, Algorithm::Rs256, NOW);
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify(&changed).is_err(), "byte {at}");
    }
    let (cut, _) = good.split_at(good.len() - 4);
    for text in ["", "a.b", "a.b.c", "..", "e30.e30.", cut] {
        assert!(verify(text).is_err(), "{text}");
    }
    // A JWT that says it is not signed.
    let claims = good.split('.').nth(1).unwrap();
    let none = data_encoding::BASE64URL_NOPAD.encode(br#"{"alg":"none"}"#);
    assert_eq!(verify(&format!("{none}.{claims}.")), Err(AssertionFault::Signature));
}

#[test]
fn an_assertion_is_good_for_one_client_one_tenant_one_minute_and_once() {
    let verifier = verifier();
    let verify = |assertion: &str, client: &str, tenant: &str, now: i64| {
        verifier.verify(assertion, client, &[tenant], now)
    };
    let one = signed(CLIENT, Algorithm::Rs256, NOW);
    assert_eq!(verify(&one, "other", TENANT, NOW), Err(AssertionFault::Claims));
    assert_eq!(
        verify(&one, "client", TENANT.trim_end_matches('/'), NOW),
        Err(AssertionFault::Claims)
    );
    for (later, expected) in [
        (-60, Err(AssertionFault::Time)),
        (-15, Err(AssertionFault::Time)),
        (65, Err(AssertionFault::Time)),
        // Dated back by five seconds, besides the ten that the tenant allows for.
        (-14, Ok(())),
        (64, Err(AssertionFault::Replayed)),
    ] {
        assert_eq!(verify(&one, "client", TENANT, NOW + later), expected, "{later}");
    }
    for later in [0, 54, 64] {
        let another = signed(CLIENT, Algorithm::Rs256, NOW);
        assert_eq!(verify(&another, "client", TENANT, NOW + later), Ok(()), "{later}");
    }
}

#[test]
fn a_signing_key_shows_nothing_of_itself() {
    let key = SigningKey::read(CLIENT, Algorithm::Ps256).unwrap();
    assert_eq!(format!("{key:?}"), "SigningKey { algorithm: Ps256, .. }");
}
