use data_encoding::HEXLOWER;

use super::*;

#[track_caller]
fn check(cbor: &[u8], expected: Result<(), Code>) {
    let text = BASE64.encode(cbor);
    let outcome = public_key(&text).map_err(|rule| rule.code);
    assert_eq!(outcome, expected.map(|()| text), "{cbor:02x?}");
}

/// A value of a COSE key.
#[derive(Clone)]
enum V {
    Int(i64),
    Bytes(Vec<u8>),
    Bool(bool),
}

fn hex(digits: &str) -> V {
    V::Bytes(HEXLOWER.decode(digits.as_bytes()).unwrap())
}

fn sevens(len: usize) -> V {
    V::Bytes(vec![7; len])
}

/// An odd number of so many bytes, the highest bit set.
fn modulus(len: usize) -> V {
    V::Bytes(vec![0x87; len])
}

fn key(params: &[(i64, V)]) -> Vec<u8> {
    let params = params.iter().map(|(label, value)| {
        let value = match value.clone() {
            V::Int(number) => Value::from(number),
            V::Bytes(bytes) => Value::Bytes(bytes),
            V::Bool(bit) => Value::Bool(bit),
        };
        (Value::from(*label), value)
    });
    Value::Map(params.collect()).to_vec().unwrap()
}

/// The base points.
fn p256() -> (V, V) {
    (
        hex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
        hex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
    )
}

fn p384() -> (V, V) {
    (
        hex("aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a38\
             5502f25dbf55296c3a545e3872760ab7"),
        hex("3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c0\
             0a60b1ce1d7e819d7a431d7c90ea0e5f"),
    )
}

/// RFC 8032, 7.1.
fn ed25519() -> V {
    hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
}

fn ec(alg: i64, crv: i64, (x, y): (V, V)) -> Vec<(i64, V)> {
    vec![(1, V::Int(2)), (3, V::Int(alg)), (-1, V::Int(crv)), (-2, x), (-3, y)]
}

fn okp(alg: i64, crv: i64, x: V) -> Vec<(i64, V)> {
    vec![(1, V::Int(1)), (3, V::Int(alg)), (-1, V::Int(crv)), (-2, x)]
}

fn rsa(alg: i64, n: V, e: V) -> Vec<(i64, V)> {
    vec![(1, V::Int(3)), (3, V::Int(alg)), (-1, n), (-2, e)]
}

fn akp(alg: i64, len: usize) -> Vec<(i64, V)> {
    vec![(1, V::Int(7)), (3, V::Int(alg)), (-1, sevens(len))]
}

fn f4() -> V {
    V::Bytes(vec![1, 0, 1])
}

#[test]
fn keys_that_can_verify_a_signature_pass() {
    for params in [
        ec(-7, 1, p256()),
        ec(-9, 1, p256()),
        ec(-35, 2, p384()),
        okp(-8, 6, ed25519()),
        okp(-19, 6, ed25519()),
        rsa(-257, modulus(256), f4()),
        rsa(-37, modulus(512), V::Bytes(vec![3])),
        akp(-48, 1312),
        akp(-49, 1952),
        akp(-50, 2592),
    ] {
        check(&key(&params), Ok(()));
    }
}

#[test]
fn keys_that_cannot_verify_a_signature_are_refused() {
    use Code::{CoseAlgorithm, CoseCurve, CoseIncomplete, CoseLength, NotOnCurve, WeakRsa};
    let (x, y) = p256();
    let without = |params: Vec<(i64, V)>, label: i64| -> Vec<(i64, V)> {
        params.into_iter().filter(|(found, _)| *found != label).collect()
    };
    let mut even = vec![0x87; 256];
    even[255] = 8;
    for (params, expected) in [
        (without(ec(-7, 1, p256()), 3), CoseAlgorithm),
        (without(okp(-8, 6, ed25519()), 3), CoseAlgorithm),
        (ec(-257, 1, p256()), CoseAlgorithm),
        (ec(-8, 1, p256()), CoseAlgorithm),
        (ec(-25, 1, p256()), CoseAlgorithm),
        (ec(5, 1, p256()), CoseAlgorithm),
        (okp(-7, 6, ed25519()), CoseAlgorithm),
        (okp(-53, 7, sevens(57)), CoseAlgorithm),
        (rsa(-65535, modulus(256), f4()), CoseAlgorithm),
        (ec(-35, 1, p256()), CoseCurve),
        (ec(-7, 2, p384()), CoseCurve),
        (ec(-7, 8, p256()), CoseCurve),
        (ec(-47, 1, p256()), CoseCurve),
        (okp(-8, 4, ed25519()), CoseCurve),
        (ec(-7, 1, (sevens(31), y.clone())), CoseLength),
        (ec(-7, 1, (x.clone(), sevens(33))), CoseLength),
        (ec(-7, 1, (x.clone(), sevens(0))), CoseLength),
        (okp(-8, 6, sevens(31)), CoseLength),
        (akp(-48, 1311), CoseLength),
        (akp(-50, 1952), CoseLength),
        (ec(-7, 1, (x.clone(), x.clone())), NotOnCurve),
        (ec(-7, 1, (sevens(32), sevens(32))), NotOnCurve),
        (ec(-47, 8, p256()), NotOnCurve),
        (ec(-36, 3, (sevens(66), sevens(66))), NotOnCurve),
        (okp(-8, 6, V::Bytes(vec![0xff; 32])), NotOnCurve),
        (ec(-7, 1, (x.clone(), V::Bool(true))), CoseIncomplete),
        (without(ec(-7, 1, p256()), -3), CoseIncomplete),
        (without(ec(-7, 1, p256()), -1), CoseIncomplete),
        (okp(-8, 6, V::Int(32)), CoseIncomplete),
        (without(rsa(-257, modulus(256), f4()), -2), CoseIncomplete),
        (rsa(-257, modulus(128), f4()), WeakRsa),
        (rsa(-257, V::Bytes([vec![0; 200], vec![0x87; 128]].concat()), f4()), WeakRsa),
        (rsa(-257, V::Bytes(even), f4()), WeakRsa),
        (rsa(-257, modulus(256), V::Bytes(vec![1])), WeakRsa),
        (rsa(-257, modulus(256), V::Bytes(vec![2])), WeakRsa),
        (rsa(-257, modulus(256), V::Bytes(vec![])), WeakRsa),
    ] {
        check(&key(&params), Err(expected));
    }
}

#[test]
fn the_same_bytes_in_another_base64_are_the_same_key() {
    let padded = BASE64.encode(&key(&ec(-7, 1, p256())));
    let url = padded.replace('+', "-").replace('/', "_");
    assert!(padded.ends_with('=') && url != padded);
    for text in [format!(" {} ", padded.trim_end_matches('=')), url] {
        assert_eq!(public_key(&text).unwrap(), padded);
    }
}

#[test]
fn private_keys_are_named_as_such() {
    let with = |mut params: Vec<(i64, V)>, label: i64, len: usize| {
        params.push((label, sevens(len)));
        key(&params)
    };
    for private in [
        with(ec(-7, 1, p256()), -4, 32),
        with(okp(-8, 6, ed25519()), -4, 32),
        with(rsa(-257, modulus(256), f4()), -3, 256),
        with(rsa(-257, modulus(256), f4()), -5, 256),
        with(akp(-49, 1952), -2, 32),
        key(&[(1, V::Int(4)), (-1, sevens(32))]),
    ] {
        check(&private, Err(Code::PrivateKey));
    }
    let pem = public_key("-----BEGIN EC PRIVATE KEY-----\nMHc=").unwrap_err();
    assert_eq!(pem.code, Code::PrivateKey);
}

#[test]
fn what_is_no_whole_cose_key_is_refused() {
    let whole = key(&okp(-8, 6, ed25519()));
    for no_key in [
        &[][..],
        &whole[..whole.len() - 1],
        &[whole.as_slice(), &[0]].concat(),
        &key(&[(-1, V::Int(6)), (-2, sevens(32))]),
        &key(&[(1, V::Int(1)), (1, V::Int(1)), (-1, V::Int(6)), (-2, sevens(32))]),
        &[0x80],
        &vec![0x81; 9000],
        &[0x30, 0x59, 0x30, 0x13],
        &[[4].as_slice(), &[7; 64]].concat(),
    ] {
        check(no_key, Err(Code::NotCose));
    }
    check(&key(&[(1, V::Int(5)), (-1, sevens(32))]), Err(Code::CoseKind));
}

#[test]
fn other_encodings_are_named() {
    for (text, expected) in [
        ("-----BEGIN PUBLIC KEY-----", Code::NotCose),
        ("pQE{", Code::NotBase64),
        ("pQEg=A", Code::NotBase64),
        ("a+-b", Code::NotBase64),
        ("pQEgB", Code::CutOff),
        ("a5010203262001215820ce8abb27b678d15542013dc07360ed", Code::LooksLikeHex),
    ] {
        assert_eq!(public_key(text).unwrap_err().code, expected, "{text}");
    }
}
