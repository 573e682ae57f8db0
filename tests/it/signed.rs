//! Private key JWT: a tenant that takes no secret, and what a key may be wrong with.

use std::os::unix::fs::PermissionsExt;

use mfaferry::sandbox::Settings;

use crate::support::{Bench, Done, factors, run};

const KEY: &str = include_str!("keys/client.pem");
const PKCS1: &str = include_str!("keys/client-pkcs1.pem");
const PUBLIC: &str = include_str!("keys/client.pub.pem");
const OTHER: &str = include_str!("keys/other.pem");
const CURVE: &str = include_str!("keys/elliptic-curve.pem");
const SMALL: &str = include_str!("keys/1024-bits.pem");

/// A tenant that takes only assertions of the client's key.
fn bench(settings: Settings) -> Bench {
    let bench = Bench::new(Settings {
        client_id: Some("tester".into()),
        client_public_key: Some(PUBLIC.into()),
        ..settings
    });
    let (csv, ..) = factors(5);
    bench.write("in.csv", csv);
    bench
}

fn key(bench: &Bench, name: &str, text: &str, mode: u32) {
    let path = bench.write(name, text);
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// An import with these flags and variables, and without a client secret.
fn import(bench: &Bench, flags: &[&str], variables: &[(&str, &str)]) -> Done {
    let mut command = bench.import("in.csv");
    command.args(flags).env_remove("AUTH0_CLIENT_SECRET").envs(variables.iter().copied());
    let done = run(&mut command);
    for text in [&done.stdout, &done.stderr] {
        assert!(!text.contains("MII") && !text.contains("eyJ"), "a key or an assertion is shown");
    }
    done
}

/// Number of requests that the tenant has met; all of them were for a token if no row was sent.
fn asked(bench: &Bench) -> u64 {
    bench.tenant().stats().requests.values().sum()
}

#[test]
fn a_client_with_a_key_imports_where_no_secret_is_taken() {
    for (algorithm, text) in [(None, KEY), (Some("RS384"), PKCS1), (Some("PS256"), KEY)] {
        let bench = bench(Settings::default());
        key(&bench, "key.pem", text, 0o600);
        let algorithm: Vec<_> =
            algorithm.iter().map(|name| ("AUTH0_CLIENT_ASSERTION_SIGNING_ALG", *name)).collect();
        let done = import(&bench, &["--client-key-file", "key.pem"], &algorithm);
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(!done.stderr.contains("others can read the file of"), "{done:?}");
        assert_eq!(asked(&bench), 1 + 5);
    }
    // As Terraform's provider names it, and as build servers write it.
    for text in [KEY.to_owned(), KEY.replace('\n', "\\n")] {
        let bench = bench(Settings::default());
        let done = import(&bench, &[], &[("AUTH0_CLIENT_ASSERTION_PRIVATE_KEY", &text)]);
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let bench = bench(Settings::default());
    let mut command = bench.import("in.csv");
    let done = run(&mut command);
    assert_eq!(done.code, Some(3), "a secret is refused: {done:?}");
}

#[test]
fn a_clock_that_is_wrong_costs_one_more_request_and_no_credentials() {
    for skew in [-7200, -30, 30, 7200] {
        let bench = bench(Settings { clock_skew_s: skew, ..Settings::default() });
        key(&bench, "key.pem", KEY, 0o600);
        let done = import(&bench, &["--client-key-file", "key.pem"], &[]);
        assert_eq!(done.code, Some(0), "{skew}: {done:?}");
        // An assertion of a minute is good for one that is half a minute ahead.
        let expected = if skew == 30 { 1 } else { 2 };
        assert_eq!(asked(&bench), expected + 5, "{skew}");
        let side = if skew > 0 { "behind the tenant's" } else { "ahead of the tenant's" };
        assert_eq!(done.stderr.contains(side), expected == 2, "{skew}: {done:?}");
    }
}

#[test]
fn a_key_that_is_not_the_clients_is_refused_once_with_a_hint() {
    let bench = bench(Settings::default());
    key(&bench, "key.pem", OTHER, 0o640);
    let done = import(&bench, &["--client-key-file", "key.pem"], &[]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("the public half of the key is registered"), "{done:?}");
    assert!(done.stderr.contains("others can read the file of"), "{done:?}");
    assert_eq!(asked(&bench), 1, "nothing is learnt from the refusal, so nothing is tried again");
    assert!(!done.stderr.contains("clock"), "{done:?}");

    let bench = self::bench(Settings { clock_skew_s: -3600, ..Settings::default() });
    key(&bench, "key.pem", OTHER, 0o600);
    let done = import(&bench, &["--client-key-file", "key.pem"], &[]);
    assert_eq!((done.code, asked(&bench)), (Some(3), 2), "{done:?}");
    assert!(done.stderr.contains("ahead of the tenant's, which was allowed for"), "{done:?}");
}

#[test]
fn a_file_that_is_no_such_key_is_named_before_anything_is_sent() {
    let bench = bench(Settings::default());
    for (text, said) in [
        (PUBLIC, "holds a public key, and not a private RSA key"),
        (CURVE, "holds an elliptic curve key"),
        (SMALL, "2,048 to 4,096 bits are needed"),
        ("hunter2\n", "is no private key in PEM"),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n", "is encrypted with a pass phrase"),
    ] {
        key(&bench, "key.pem", text, 0o600);
        let done = import(&bench, &["--client-key-file", "key.pem"], &[]);
        assert_eq!(done.code, Some(3), "{done:?}");
        assert!(done.stderr.contains("the file of --client-key-file"), "{done:?}");
        assert!(done.stderr.contains(said), "{said}: {done:?}");
    }
    let der: &[u8] = &[0x30, 0x82, 0x04, 0xbd, 0x02, 0x01, 0x00, 0xff];
    for (bytes, said, hint) in [
        (der, "is a key or certificate in DER", "openssl pkey -inform DER -in KEY -out PEM"),
        (b" \n", "is empty", "write the private key to it"),
        (b"\xff\xfe-\0", "is not UTF-8 text", "UTF-16"),
    ] {
        std::fs::write(bench.path("key.pem"), bytes).unwrap();
        let done = import(&bench, &["--client-key-file", "key.pem"], &[]);
        assert_eq!(done.code, Some(3), "{done:?}");
        assert!(done.stderr.contains(said) && done.stderr.contains(hint), "{said}: {done:?}");
    }
    let done = import(&bench, &["--client-key-file", "."], &[]);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("Is a directory") && !done.stderr.contains("chmod"), "{done:?}");
    key(&bench, "key.pem", KEY, 0o600);
    for (flags, variables, said) in [
        (&["--client-key-file", "none.pem"][..], &[][..], "cannot be read"),
        (
            &["--client-key-file", "key.pem", "--client-signing-alg", "HS256"],
            &[],
            "give one of RS256, RS384, PS256",
        ),
        (
            &[],
            &[
                ("AUTH0_CLIENT_SECRET", "CANARYclientsecret"),
                ("MFAFERRY_CLIENT_KEY_FILE", "key.pem"),
            ],
            "AUTH0_CLIENT_SECRET gives a client secret, and MFAFERRY_CLIENT_KEY_FILE a private key",
        ),
        (&[], &[], "the client secret is missing"),
        // A name in the place of the key.
        (
            &[],
            &[("AUTH0_CLIENT_ASSERTION_PRIVATE_KEY", "key.pem")],
            "--client-key-file takes the name",
        ),
    ] {
        let done = import(&bench, flags, variables);
        assert_eq!(done.code, Some(3), "{done:?}");
        assert!(done.stderr.contains(said), "{said}: {done:?}");
    }
    assert_eq!(asked(&bench), 0);
}
