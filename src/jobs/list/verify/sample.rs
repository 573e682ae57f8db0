//! `--sample`: which users are asked about, and what their answers prove about all users. Pure.
//!
//! The bound is on the share of *users* who have a missing factor: users are picked, not factors.

use super::{Bound, Cohort};
use crate::model::UserId;

/// A share of the users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    share: f64,
    cohort: Cohort,
}

impl Sample {
    /// Reads a share such as `5%` or `0.1%`; `None` unless it is above 0 and at most 100 %.
    pub fn parse(text: &str, seed: u64) -> Option<Self> {
        let percent: f64 = text.trim().trim_end_matches('%').trim_end().parse().ok()?;
        let cohort = Cohort::new(seed);
        (percent > 0.0 && percent <= 100.0).then_some(Self { share: percent / 100.0, cohort })
    }

    /// The share, in percent.
    pub fn percent(&self) -> f64 {
        // Without rounding, 7 % would be 7.000000000000001.
        (self.share * 1e8).round() / 1e6
    }

    /// The share, from 0 to 1.
    pub fn share(&self) -> f64 {
        self.share
    }

    /// Returns the seed that picks the users.
    pub fn seed(&self) -> u64 {
        self.cohort.seed()
    }

    /// Returns whether a user is in the sample.
    pub fn picks(&self, user: &UserId) -> bool {
        Cohort::is_within(self.cohort.rank(user), self.share)
    }

    /// Bounds the share of all users with a missing factor, given `users` in the sample and `bad`
    /// of them with one.
    pub fn bound(&self, users: u64, bad: u64) -> Bound {
        if self.share >= 1.0 && users > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a share")]
            let at_most = bad as f64 / users as f64;
            return Bound { at_most, method: "everybody was asked" };
        }
        Bound::of(users, bad)
    }
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
    fn of_everybody_the_share_is_known() {
        let all = Sample::parse("100%", 1).unwrap();
        assert!((all.bound(200, 3).at_most - 0.015).abs() < 1e-12);
        assert!((all.bound(0, 0).at_most - 1.0).abs() < 1e-12);
        let some = Sample::parse("5%", 1).unwrap();
        assert_eq!(some.bound(200, 3), Bound::of(200, 3));
    }
}
