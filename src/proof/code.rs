//! Codes of authenticator apps.

use std::fmt;

use secrecy::{ExposeSecret, SecretSlice};
use totp_rs::{Algorithm, Builder, Totp};
use zeroize::Zeroizing;

/// A typed code of 6 or 8 digits. Wiped on drop, and not shown by `Debug`.
pub struct AppCode(Zeroizing<String>);

impl AppCode {
    /// Parses a code, with or without spaces. `None` for text that no app shows.
    pub fn parse(typed: &[u8]) -> Option<Self> {
        let mut digits = Zeroizing::new(String::with_capacity(8));
        for byte in typed {
            match byte {
                b'0'..=b'9' if digits.len() < 8 => digits.push(char::from(*byte)),
                b' ' | b'-' | b'\t' | b'\r' => {}
                _ => return None,
            }
        }
        matches!(digits.len(), 6 | 8).then_some(Self(digits))
    }
}

impl fmt::Debug for AppCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppCode(…)")
    }
}

/// Properties that two apps must share to show the same codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    algorithm: Algorithm,
    digits: u8,
    period: u64,
}

impl Profile {
    /// The only profile that the tenant checks.
    pub const USUAL: Self = Self { algorithm: Algorithm::SHA1, digits: 6, period: 30 };

    /// Returns the profiles of apps, the usual one first.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let algorithms = [Algorithm::SHA1, Algorithm::SHA256, Algorithm::SHA512];
        algorithms.into_iter().flat_map(|algorithm| {
            let of = move |(digits, period)| Self { algorithm, digits, period };
            [(6, 30), (6, 60), (8, 30), (8, 60)].into_iter().map(of)
        })
    }

    /// Returns the number of the step at that time, in seconds since 1970.
    pub(super) fn step(self, now: u64) -> u64 {
        now / self.period
    }

    /// Returns the length of that many steps, in seconds.
    pub(super) fn seconds(self, steps: i64) -> i64 {
        steps.saturating_mul(self.period.cast_signed())
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = match self.algorithm {
            Algorithm::SHA256 => "SHA-256",
            Algorithm::SHA512 => "SHA-512",
            _ => "SHA-1",
        };
        write!(f, "{hash}, {} digits and {} seconds", self.digits, self.period)
    }
}

/// An app that holds a key.
pub(super) struct App {
    totp: Totp,
    profile: Profile,
}

impl App {
    pub(super) fn new(key: &SecretSlice<u8>, profile: Profile) -> Self {
        let Profile { algorithm, digits, period } = profile;
        let totp = Builder::new()
            .with_algorithm(algorithm)
            .with_digits(digits)
            .with_step_duration(period)
            .with_skew(0)
            .with_secret(key.expose_secret())
            // Another rule handles a short key.
            .build_noncompliant();
        Self { totp, profile }
    }

    pub(super) fn key(&self) -> &[u8] {
        self.totp.secret().as_bytes()
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    /// Returns whether the app shows `code` in that step.
    pub(super) fn shows(&self, code: &AppCode, step: u64) -> bool {
        let time = step.checked_mul(self.profile.period);
        time.is_some_and(|time| self.totp.check(&code.0, time).is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        let key = |length: usize| {
            SecretSlice::from("1234567890".bytes().cycle().take(length).collect::<Vec<u8>>())
        };
        for (time, sha1, sha256, sha512) in [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ] {
            for (algorithm, length, code) in [
                (Algorithm::SHA1, 20, sha1),
                (Algorithm::SHA256, 32, sha256),
                (Algorithm::SHA512, 64, sha512),
            ] {
                for digits in [6, 8] {
                    let profile = Profile { algorithm, digits, period: 30 };
                    let app = App::new(&key(length), profile);
                    let shown = &code.as_bytes()[8 - usize::from(digits)..];
                    let shown = AppCode::parse(shown).unwrap();
                    let step = profile.step(time);
                    assert!(app.shows(&shown, step), "{time} {profile}");
                    assert!(!app.shows(&shown, step + 1), "{time} {profile}");
                }
            }
        }
    }

    #[test]
    fn a_code_is_six_or_eight_digits_in_groups_or_not() {
        for (typed, digits) in [
            ("123456", Some("123456")),
            ("123 456", Some("123456")),
            (" 1234-5678\r", Some("12345678")),
            ("000000", Some("000000")),
            ("1234567", None),
            ("123456789", None),
            ("12345a", None),
            ("", None),
            ("\u{661}\u{662}\u{663}\u{664}\u{665}\u{666}", None),
        ] {
            let code = AppCode::parse(typed.as_bytes());
            assert_eq!(code.as_ref().map(|code| code.0.as_str()), digits, "{typed:?}");
            assert!(code.is_none_or(|code| format!("{code:?}") == "AppCode(…)"));
        }
    }
}
