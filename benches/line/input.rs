//! Files of factors: half phones, the rest addresses, authenticators and security keys.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

/// Length of the user ids below, which the ledger holds as they are.
pub(crate) const USER_ID: u64 = 30;

const HEADER: &str = "user_id,type,name,phone_number,preferred_authentication_method,email,\
                      totp_secret,key_id,public_key,relying_party_identifier\n";
/// An ES256 key.
const PUBLIC_KEY: &str = "pQECAyYgASFYIMxj177g0IdVFwVuq/kia+vUZIoHt03C/I24+z/9urcsIlgg4RjDUyohl/c82sbey201D9dJPbbeqZ3QuXfU8ydCatQ=";

/// Writes the factors `from..to`; with a header if they are the first.
pub(crate) fn write(path: &Path, from: u64, to: u64) {
    let file = File::options().create(true).append(true).open(path).expect("the folder is ours");
    let mut out = BufWriter::with_capacity(1 << 20, file);
    if from == 0 {
        out.write_all(HEADER.as_bytes()).expect("the disk has room");
    }
    for row in from..to {
        write_row(&mut out, row).expect("the disk has room");
    }
    out.flush().expect("the disk has room");
}

fn write_row(out: &mut impl Write, row: u64) -> std::io::Result<()> {
    match row % 20 {
        0..10 => {
            let number = 2_000_000_000 + row;
            writeln!(out, "auth0|{row:024x},phone,Work phone,+1{number:010},sms,,,,,")
        }
        10..14 => writeln!(out, "auth0|{row:024x},email,Mail,,,user{row}@example.com,,,,"),
        14..19 => {
            // 32 characters of Base32: 160 bits. The first two keep it from looking like
            // hexadecimal.
            let secret = (0..30_u32).map(|place| {
                let digit = (row.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (place % 12 * 5)) & 31;
                char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[usize::try_from(digit).unwrap_or(0)])
            });
            let secret: String = "QX".chars().chain(secret).collect();
            writeln!(out, "auth0|{row:024x},totp,Authenticator,,,,{secret},,,")
        }
        _ => writeln!(
            out,
            "auth0|{row:024x},webauthn-roaming,Key,,,,,Y3JlZGVudGlhbC{row:014},{PUBLIC_KEY},login.example.com"
        ),
    }
}
