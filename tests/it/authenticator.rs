//! An authenticator app, written for these tests alone, so that codes are held against another
//! implementation: RFC 2104, 3174, 4226 and 6238.

use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256, Sha512};

/// Hash of the codes of an app.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

impl Hash {
    fn of(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha1 => sha1(bytes),
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn block(self) -> usize {
        if matches!(self, Self::Sha512) { 128 } else { 64 }
    }
}

/// An app that holds a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct App<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) hash: Hash,
    pub(crate) digits: u32,
    pub(crate) period: u64,
}

impl<'a> App<'a> {
    pub(crate) fn new(key: &'a [u8]) -> Self {
        Self { key, hash: Hash::Sha1, digits: 6, period: 30 }
    }

    /// The code that it shows at that second.
    pub(crate) fn code(self, second: u64) -> String {
        let counter = (second / self.period).to_be_bytes();
        let mut key = self.key.to_vec();
        if key.len() > self.hash.block() {
            key = self.hash.of(&key);
        }
        key.resize(self.hash.block(), 0);
        let padded = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<_>>();
        let inner = self.hash.of(&[&padded(0x36)[..], &counter].concat());
        let mac = self.hash.of(&[&padded(0x5c)[..], &inner].concat());
        let at = usize::from(mac[mac.len() - 1] & 15);
        let bytes: [u8; 4] = mac[at..at + 4].try_into().unwrap();
        let number = (u32::from_be_bytes(bytes) & 0x7FFF_FFFF) % 10u32.pow(self.digits);
        format!("{number:0width$}", width = self.digits as usize)
    }

    /// The codes of now and of the steps after it, `ahead` seconds on.
    pub(crate) fn codes(self, ahead: i64) -> Vec<String> {
        let second = now().checked_add_signed(ahead).unwrap();
        (0..3).map(|step| self.code(second + step * self.period)).collect()
    }
}

/// Seconds since 1970.
#[expect(clippy::disallowed_methods, reason = "an app shows the codes of this very moment")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

fn sha1(bytes: &[u8]) -> Vec<u8> {
    let mut state: [u32; 5] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0];
    let mut message = bytes.to_vec();
    message.push(0x80);
    message.resize((message.len() + 8).next_multiple_of(64) - 8, 0);
    message.extend((bytes.len() as u64 * 8).to_be_bytes());
    for block in message.chunks(64) {
        let mut words = [0u32; 80];
        for (word, bytes) in words.iter_mut().zip(block.chunks(4)) {
            *word = u32::from_be_bytes(bytes.try_into().unwrap());
        }
        for at in 16..80 {
            let word = words[at - 3] ^ words[at - 8] ^ words[at - 14] ^ words[at - 16];
            words[at] = word.rotate_left(1);
        }
        let mut work = state;
        for (at, word) in words.into_iter().enumerate() {
            let [_, x, y, z, _] = work;
            let (choice, constant) = match at {
                0..20 => ((x & y) | (!x & z), 0x5A82_7999),
                20..40 => (x ^ y ^ z, 0x6ED9_EBA1),
                40..60 => ((x & y) | (x & z) | (y & z), 0x8F1B_BCDC),
                _ => (x ^ y ^ z, 0xCA62_C1D6_u32),
            };
            let sum = [work[0].rotate_left(5), choice, work[4], constant, word];
            let first = sum.into_iter().fold(0, u32::wrapping_add);
            work = [first, work[0], x.rotate_left(30), y, z];
        }
        for (word, add) in state.iter_mut().zip(work) {
            *word = word.wrapping_add(add);
        }
    }
    state.into_iter().flat_map(u32::to_be_bytes).collect()
}

#[test]
fn the_authenticator_of_the_tests_shows_the_codes_of_rfc_6238() {
    let key = |length| b"1234567890".iter().copied().cycle().take(length).collect::<Vec<u8>>();
    for (hash, length, codes) in [
        (Hash::Sha1, 20, ["94287082", "07081804", "65353130"]),
        (Hash::Sha256, 32, ["46119246", "68084774", "77737706"]),
        (Hash::Sha512, 64, ["90693936", "25091201", "47863826"]),
    ] {
        let key = key(length);
        let app = App { hash, digits: 8, ..App::new(&key) };
        let shown = [59, 1_111_111_109, 20_000_000_000].map(|second| app.code(second));
        assert_eq!(shown, codes, "{hash:?}");
    }
}
