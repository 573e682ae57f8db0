//! Statements about all users, derived from what was found about a sample of them. Pure.

use statrs::function::beta::checked_beta_reg;

/// Confidence of a bound.
pub const CONFIDENCE: f64 = 0.95;

/// Smallest sample for which the rule of three is close to the exact bound: for 2 users it would
/// allow everybody.
const MIN_FOR_RULE_OF_THREE: u64 = 30;

/// Statement of a sample: at most this share of all users has the fault, with a [`CONFIDENCE`] of
/// 95 %.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// Upper bound of the share, from 0 to 1.
    pub at_most: f64,
    /// Statistical method of the bound.
    pub method: &'static str,
}

impl Bound {
    /// Bounds the share of all users who have the fault from a sample of `users`, `bad` of whom
    /// have it: by the rule of three (3/n) where `bad` is 0 among 30 or more, and else by the exact
    /// one-sided bound of Clopper and Pearson. Both hold for an endless number of users and so, all
    /// the more, for those of a file.
    pub fn of(users: u64, bad: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "a share")]
        let (n, k) = (users as f64, bad as f64);
        match (users, bad) {
            (0, _) => Self { at_most: 1.0, method: "nobody was picked" },
            (MIN_FOR_RULE_OF_THREE.., 0) => {
                Self { at_most: (3.0 / n).min(1.0), method: "rule of three" }
            }
            _ => Self { at_most: clopper_pearson(n, k), method: "Clopper-Pearson" },
        }
    }
}

/// Returns the share at which `k` or fewer of `n` would occur with a chance of only 5 %: the
/// quantile of a beta distribution. `statrs` computes that distribution to 8 digits, but its
/// quantiles of small shares only to 3, so the share is found by halving.
fn clopper_pearson(n: f64, k: f64) -> f64 {
    if k == 0.0 {
        return 1.0 - (1.0 - CONFIDENCE).powf(1.0 / n);
    }
    let (mut low, mut high) = (k / n, 1.0);
    for _ in 0..60 {
        let share = f64::midpoint(low, high);
        match checked_beta_reg(k + 1.0, n - k, share) {
            Ok(more_than_k) if more_than_k >= CONFIDENCE => high = share,
            // If all have the fault, there is no such distribution, and no bound below 1.
            Ok(_) | Err(_) => low = share,
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_the_rule_of_three_or_clopper_and_pearsons() {
        // Tables: one-sided, 95 %.
        for (users, bad, expected) in [
            (0, 0, 1.0),
            (1, 0, 0.95),
            (2, 0, 0.776_393),
            (10, 0, 0.258_866),
            (29, 0, 0.098_144),
            (30, 0, 0.1),
            (100, 0, 0.03),
            (3000, 0, 0.001),
            (10, 2, 0.506_901),
            (20, 5, 0.455_582),
            (100, 1, 0.046_560),
            (10, 10, 1.0),
            (1_000_000, 100, 0.000_118_1),
        ] {
            let got = Bound::of(users, bad).at_most;
            assert!((got - expected).abs() <= expected * 2e-3, "{bad} of {users}: {got}");
        }
    }

    #[test]
    fn one_more_bad_user_never_lowers_the_bound() {
        for users in [1, 7, 50, 400] {
            let bounds: Vec<_> = (0..=users).map(|bad| Bound::of(users, bad).at_most).collect();
            assert!(bounds.windows(2).all(|pair| pair[0] <= pair[1]), "{users}: {bounds:?}");
        }
    }
}
