//! `--sample`: which users are asked about, and what their answers prove of all. Pure.
//!
//! A user is picked by a hash of seed and id, so the same seed picks the same users wherever they
//! stand and however often it is run, and another seed picks others. Each user is picked with the
//! same chance and independently, so the picked ones are a random sample of the users (not of the
//! factors: those of a user come together). What is bounded is therefore the share of *users* who
//! have a missing factor.

use sha2::{Digest, Sha256};

use crate::model::UserId;

/// Confidence of a bound.
pub const CONFIDENCE: f64 = 0.95;

/// A share of the users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    share: f64,
    seed: u64,
}

/// Statement of a sample: at most this share of all users has a missing factor, with a
/// [`CONFIDENCE`] of 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// Upper bound of the share, from 0 to 1.
    pub at_most: f64,
    /// Statistical method of the bound.
    pub method: &'static str,
}

impl Sample {
    /// Reads a share such as `5%` or `0.1%`; `None` for what is not above 0 and up to 100.
    pub fn parse(text: &str, seed: u64) -> Option<Self> {
        let percent: f64 = text.trim().trim_end_matches('%').trim_end().parse().ok()?;
        (percent > 0.0 && percent <= 100.0).then_some(Self { share: percent / 100.0, seed })
    }

    /// The share, in percent.
    pub fn percent(&self) -> f64 {
        // 7 % is 7.000000000000001 otherwise.
        (self.share * 1e8).round() / 1e6
    }

    /// Returns the seed that picks the users.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns whether a user is in it.
    pub fn picks(&self, user: &UserId) -> bool {
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(user.as_str().as_bytes());
        let digest = hash.finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        #[expect(clippy::cast_precision_loss, reason = "a share of all hashes")]
        let place = u64::from_be_bytes(first) as f64 / u64::MAX as f64;
        self.share >= 1.0 || place < self.share
    }

    /// Bounds the share of all users from `users` of the sample, `bad` of whom have a missing
    /// factor: the rule of three (3/n) where there is none, and else the one-sided bound of Clopper
    /// and Pearson. Both hold for an endless number of users and so, all the more, for those of a
    /// file.
    pub fn bound(&self, users: u64, bad: u64) -> Bound {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let (n, k) = (users as f64, bad as f64);
        if users == 0 {
            return Bound { at_most: 1.0, method: "nobody was picked" };
        }
        if self.share >= 1.0 {
            return Bound { at_most: k / n, method: "everybody was asked" };
        }
        if bad == 0 {
            return Bound { at_most: (3.0 / n).min(1.0), method: "rule of three" };
        }
        Bound { at_most: clopper_pearson(n, k), method: "Clopper-Pearson" }
    }
}

/// The share at which `k` or fewer of `n` would come by chance with 5 % only.
fn clopper_pearson(n: f64, k: f64) -> f64 {
    let (mut low, mut high) = (k / n, 1.0);
    for _ in 0..60 {
        let share = f64::midpoint(low, high);
        if lower_tail(n, k, share) > 1.0 - CONFIDENCE {
            low = share;
        } else {
            high = share;
        }
    }
    high
}

/// P(X <= k) of a binomial distribution, for `share` above k/n: from the greatest term down.
fn lower_tail(n: f64, k: f64, share: f64) -> f64 {
    let greatest = (ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
        + k * share.ln()
        + (n - k) * (1.0 - share).ln())
    .exp();
    let (mut term, mut sum, mut at) = (1.0, 1.0, k);
    while at > 0.0 && term > sum * 1e-17 {
        term *= at / (n - at + 1.0) * (1.0 - share) / share;
        sum += term;
        at -= 1.0;
    }
    greatest * sum
}

/// ln(n!), by Stirling's series from where that is exact to a double.
fn ln_factorial(n: f64) -> f64 {
    let (mut x, mut small) = (n + 1.0, 0.0);
    while x < 16.0 {
        small += x.ln();
        x += 1.0;
    }
    let series = 1.0 / (12.0 * x) - 1.0 / (360.0 * x.powi(3)) + 1.0 / (1260.0 * x.powi(5));
    (x - 0.5).mul_add(x.ln(), -x) + (2.0 * std::f64::consts::PI).ln() / 2.0 + series - small
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(sample: Sample) -> Vec<u32> {
        (0..20_000)
            .filter(|n| sample.picks(&UserId::parse(&format!("auth0|{n}")).unwrap()))
            .collect()
    }

    #[test]
    fn a_seed_picks_its_share_of_the_users_and_always_the_same() {
        for (text, share) in [("5%", 0.05), ("0.5 %", 0.005), ("40", 0.4), ("100%", 1.0)] {
            let one = picked(Sample::parse(text, 1).unwrap());
            assert_eq!(one, picked(Sample::parse(text, 1).unwrap()));
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let got = one.len() as f64 / 20_000.0;
            assert!((got - share).abs() < 0.012, "{text}: {got}");
            assert_eq!(share >= 1.0, one == picked(Sample::parse(text, 2).unwrap()));
        }
        // A smaller share is part of a greater one of that seed: a check can be widened.
        let wide = picked(Sample::parse("10%", 1).unwrap());
        assert!(picked(Sample::parse("5%", 1).unwrap()).iter().all(|user| wide.contains(user)));
        for bad in ["", "%", "0%", "-5%", "101%", "NaN", "inf", "5%5"] {
            assert!(Sample::parse(bad, 1).is_none(), "{bad}");
        }
        assert_eq!(Sample::parse("7%", 1).unwrap().percent().to_string(), "7");
    }

    #[test]
    fn the_bound_is_the_rule_of_three_or_clopper_and_pearsons() {
        let sample = Sample::parse("5%", 1).unwrap();
        // Tables: one-sided, 95 %.
        for (users, bad, expected) in [
            (0, 0, 1.0),
            (2, 0, 1.0),
            (100, 0, 0.03),
            (3000, 0, 0.001),
            (10, 2, 0.506_901),
            (20, 5, 0.455_582),
            (100, 1, 0.046_560),
            (10, 10, 1.0),
            (1_000_000, 100, 0.000_118_1),
        ] {
            let got = sample.bound(users, bad).at_most;
            assert!((got - expected).abs() <= expected * 2e-3, "{bad} of {users}: {got}");
        }
        let all = Sample::parse("100%", 1).unwrap();
        assert!((all.bound(200, 3).at_most - 0.015).abs() < 1e-12);
    }

    #[test]
    fn one_more_bad_user_never_lowers_the_bound() {
        let sample = Sample::parse("5%", 1).unwrap();
        for users in [1, 7, 50, 400] {
            let bounds: Vec<_> = (0..=users).map(|bad| sample.bound(users, bad).at_most).collect();
            assert!(bounds.windows(2).all(|pair| pair[0] <= pair[1]), "{users}: {bounds:?}");
        }
    }
}
