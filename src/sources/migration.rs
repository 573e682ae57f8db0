//! Transfer codes, which Google Authenticator shows for "Transfer accounts":
//! `otpauth-migration://offline?data=…`.
//!
//! The data is a protobuf message in Base64, percent-encoded; its schema was never published, and
//! all decoders agree on it:
//!
//! ```text
//! MigrationPayload { repeated OtpParameters = 1;
//!                    int32 version = 2, batch_size = 3, batch_index = 4, batch_id = 5 }
//! OtpParameters { bytes secret = 1; string name = 2, issuer = 3;
//!                 enum algorithm = 4, digits = 5, type = 6;
//!                 int64 counter = 7; string unique_id = 8 }
//! ```
//!
//! The secret is raw bytes. A period is nowhere: the app has 30 seconds. Many accounts make several
//! codes, the parts of a batch; whoever scans them by hand misses one easily.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::values::{self, Bytes};

/// Begins such a URI.
const SCHEME: &str = "otpauth-migration:";

/// The largest number of batches, and of parts of one, that are kept in mind; a phone makes a
/// handful.
const MAX_PARTS: usize = 1000;

/// The largest number of accounts that are read from one URI; a QR code holds some ten.
const MAX_ACCOUNTS: usize = 1000;

/// Content of one URI.
#[derive(Debug)]
pub(super) struct Batch {
    /// Accounts, in their order.
    pub(super) accounts: Vec<Account>,
    /// The part that it is of a batch.
    pub(super) part: Part,
}

/// A part of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Part {
    /// The batch.
    pub(super) batch: u64,
    /// Number of this part, from 0.
    pub(super) index: u64,
    /// Number of parts.
    pub(super) size: u64,
}

/// An account in such a URI.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// The key itself.
    pub(super) secret: Bytes,
    /// Label: who it is for.
    pub(super) name: Zeroizing<String>,
    /// Service that issued it.
    pub(super) issuer: Zeroizing<String>,
    /// 0 or 1 is SHA-1.
    pub(super) algorithm: u64,
    /// 0 or 1 is six.
    pub(super) digits: u64,
    /// 0 or 2 is time-based, 1 counter-based.
    pub(super) kind: u64,
}

/// Returns true if `text` is meant to be such a URI.
pub(super) fn is_uri(text: &str) -> bool {
    let start = text.trim_start().get(..SCHEME.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(SCHEME))
}

/// Reads a URI. The error is a sentence without its subject.
pub(super) fn read(uri: &str) -> Result<Batch, &'static str> {
    let (_, query) = uri.split_once('?').ok_or("has no `data`: was it cut off?")?;
    let data = query.split('&').find_map(|pair| pair.strip_prefix("data="));
    let data = data.ok_or("has no `data`: was it cut off?")?;
    // A plus is a plus: some programs leave it as it is in Base64.
    let data = percent_decode_str(data).decode_utf8().map(|data| Zeroizing::new(data.into_owned()));
    let not_base64 = "is not whole Base64 in its `data`: was it cut off?";
    let data = data.map_err(|_| not_base64)?;
    let bytes = values::base64(&data).ok_or(not_base64)?;
    payload(&bytes).ok_or("is not whole in its `data`: was it cut off?")
}

fn payload(bytes: &[u8]) -> Option<Batch> {
    let mut batch = Batch { accounts: Vec::new(), part: Part::default() };
    let mut rest = bytes;
    while !rest.is_empty() {
        let (number, value) = field(&mut rest)?;
        match (number, value) {
            (1, Value::Bytes(bytes)) if batch.accounts.len() < MAX_ACCOUNTS => {
                batch.accounts.push(account(bytes)?);
            }
            (1, _) => return None,
            (3, Value::Number(size)) => batch.part.size = size,
            (4, Value::Number(index)) => batch.part.index = index,
            (5, Value::Number(id)) => batch.part.batch = id,
            _ => {}
        }
    }
    Some(batch)
}

fn account(bytes: &[u8]) -> Option<Account> {
    let text =
        |bytes: &[u8]| str::from_utf8(bytes).ok().map(|text| Zeroizing::new(text.to_owned()));
    let mut account = Account::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (number, value) = field(&mut rest)?;
        match (number, value) {
            (1, Value::Bytes(secret)) => account.secret = Zeroizing::new(secret.to_vec()),
            (2, Value::Bytes(name)) => account.name = text(name)?,
            (3, Value::Bytes(issuer)) => account.issuer = text(issuer)?,
            (4, Value::Number(algorithm)) => account.algorithm = algorithm,
            (5, Value::Number(digits)) => account.digits = digits,
            (6, Value::Number(kind)) => account.kind = kind,
            (1..=6, _) => return None,
            _ => {}
        }
    }
    Some(account)
}

/// A value of a field, as far as its form on the wire tells.
#[derive(Debug)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// A value of fixed length, which none of the known fields has.
    Fixed,
}

/// Takes one field from the front of a message: its number and its value.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Value<'a>)> {
    let take = |rest: &mut &'a [u8], len: u64| -> Option<&'a [u8]> {
        let (taken, left) = rest.split_at_checked(usize::try_from(len).ok()?)?;
        *rest = left;
        Some(taken)
    };
    let tag = varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Number(varint(rest)?),
        1 => take(rest, 8).map(|_| Value::Fixed)?,
        2 => {
            let len = varint(rest)?;
            Value::Bytes(take(rest, len)?)
        }
        5 => take(rest, 4).map(|_| Value::Fixed)?,
        // Groups, which protobuf had already deprecated.
        _ => return None,
    };
    match tag >> 3 {
        0 => None,
        number => Some((number, value)),
    }
}

/// Takes a number with seven bits per byte: ten bytes at most, as for a negative number.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..70).step_by(7) {
        let (byte, left) = rest.split_first()?;
        *rest = left;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has one bit of the sixty-four.
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// Batches of an input, of which all parts should be there.
#[derive(Debug, Default)]
pub(super) struct Batches {
    /// Numbers of the parts that were there, by batch and its size.
    parts: BTreeMap<(u64, u64), BTreeSet<u64>>,
}

impl Batches {
    /// Notes a part.
    pub(super) fn note(&mut self, part: Part) {
        let batch = (part.batch, part.size);
        if self.parts.len() < MAX_PARTS || self.parts.contains_key(&batch) {
            let parts = self.parts.entry(batch).or_default();
            if parts.len() < MAX_PARTS {
                parts.insert(part.index);
            }
        }
    }

    /// Tells which parts are missing, in a sentence for each batch.
    pub(super) fn missing(&self) -> Vec<String> {
        let told = self.parts.iter().filter_map(|((_, size), parts)| {
            let mut missing = (0..*size).filter(|index| !parts.contains(index)).peekable();
            missing.peek()?;
            let named: Vec<_> = missing.by_ref().take(5).map(|index| (index + 1).to_string()).collect();
            let more = if missing.next().is_some() { ", …" } else { "" };
            Some(format!(
                "a transfer of {size} QR codes is not whole: number {}{more} is missing, and so are its \
                 accounts; add the text of that code",
                named.join(", ")
            ))
        });
        told.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test vector: mara (SHA-1) and otto (SHA-256).
    const URI: &str = "otpauth-migration://offline?data=CjQKFPxRWC3Bxl8PJTPZizgbkK%2FupxcfEhBtYXJhQGV4YW1wbGUub3JnGgRBY21lIAEoATACCjQKFHI3R20yUXhWdDlMd1o0S2RZcDBzEhBvdHRvQGV4YW1wbGUub3JnGgRBY21lIAIoATACEAEYASAAKLlg";

    fn uri(payload: &[u8]) -> String {
        let data = values::to_base64(payload).replace('+', "%2B").replace('=', "%3D");
        format!("otpauth-migration://offline?data={data}")
    }

    #[test]
    fn the_test_vector_holds_two_accounts() {
        let batch = read(URI).unwrap();
        let [mara, otto] = batch.accounts.as_slice() else { panic!("{}", batch.accounts.len()) };
        assert_eq!(
            Some(mara.secret.clone()),
            values::hex("fc51582dc1c65f0f2533d98b381b90afeea7171f")
        );
        assert_eq!(otto.secret.as_slice(), b"r7Gm2QxVt9LwZ4KdYp0s");
        for (account, name, algorithm) in
            [(mara, "mara@example.org", 1), (otto, "otto@example.org", 2)]
        {
            assert_eq!(account.name.as_str(), name);
            assert_eq!(account.issuer.as_str(), "Acme");
            assert_eq!((account.algorithm, account.digits, account.kind), (algorithm, 1, 2));
        }
        assert_eq!(batch.part, Part { batch: 12345, index: 0, size: 1 });
        assert!(is_uri(URI) && !is_uri("otpauth://totp/x"));
    }

    #[test]
    fn a_plus_is_no_space_whether_or_not_it_is_encoded() {
        let payload = [0x0a, 0x07, 0x0a, 0x05, 0, 0, 0xfb, 0xef, 0xbe];
        let data = values::to_base64(&payload);
        assert!(data.contains('+'), "{data}");
        for data in [data.replace('+', "%2B"), data] {
            let batch = read(&format!("otpauth-migration://offline?data={data}")).unwrap();
            assert_eq!(batch.accounts[0].secret.as_slice(), [0, 0, 0xfb, 0xef, 0xbe]);
        }
    }

    #[test]
    fn fields_of_newer_versions_are_passed_over_and_negative_ids_read() {
        let negative = [0xff, 0xff, 0xff, 0xff, 0xf7, 0xff, 0xff, 0xff, 0xff, 0x01];
        let mut payload =
            vec![0x0a, 0x0f, 0x0a, 0x02, 0xab, 0xcd, 0x42, 0x02, b'i', b'd', 0x38, 0x07];
        payload.extend([0x4d, 1, 2, 3, 4]);
        payload.extend([0x18, 0x03, 0x20, 0x02, 0x28]);
        payload.extend(negative);
        payload.extend([0x31, 1, 2, 3, 4, 5, 6, 7, 8]);
        let batch = read(&uri(&payload)).unwrap();
        assert_eq!(batch.accounts[0].secret.as_slice(), [0xab, 0xcd]);
        assert_eq!((batch.part.size, batch.part.index), (3, 2));
        assert_eq!(batch.part.batch, u64::MAX - (1 << 31));
    }

    #[test]
    fn whatever_is_cut_or_no_such_message_is_refused() {
        let whole = values::base64(&read_data(URI)).unwrap();
        // Where a field ends, a message may end; the first two are the accounts.
        let ends = [0, 54, 108, 110, 112, 114, whole.len()];
        for len in 0..whole.len() {
            let found = payload(&whole[..len]).is_some();
            assert_eq!(found, ends.contains(&len), "cut to {len} bytes");
        }
        let hostile: [&[u8]; 8] = [
            &[0x80; 11],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            &[0x0a, 0x05, 0x0a],
            &[0x08, 0x01],
            &[0x0a, 0x02, 0x08, 0x01],
            &[0x0b, 0x0c],
            &[0x02, 0x00],
        ];
        for bytes in hostile {
            assert!(payload(bytes).is_none(), "{bytes:x?}");
        }
        for text in [
            "otpauth-migration://offline",
            "otpauth-migration://offline?data=C*",
            "otpauth-migration:?data=C",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let many = [0x0a, 0x00].repeat(MAX_ACCOUNTS + 1);
        assert!(payload(&many).is_none());
    }

    #[test]
    fn parts_that_are_missing_are_told_by_batch() {
        let mut batches = Batches::default();
        for (batch, index, size) in
            [(1, 0, 3), (1, 2, 3), (2, 1, 2), (2, 0, 2), (3, 0, 1), (4, 0, 0)]
        {
            batches.note(Part { batch, index, size });
        }
        let told = batches.missing();
        assert_eq!(told.len(), 1);
        assert!(
            told[0].starts_with("a transfer of 3 QR codes is not whole: number 2 is"),
            "{told:?}"
        );
        batches.note(Part { batch: 5, index: 0, size: u64::MAX });
        assert!(batches.missing()[1].contains("number 2, 3, 4, 5, 6, … is missing"));
    }

    fn read_data(uri: &str) -> String {
        uri.split_once("data=").unwrap().1.replace("%2F", "/")
    }
}
