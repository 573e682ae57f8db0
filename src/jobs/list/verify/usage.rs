//! Factors that people have logged in with, as the tenant's lists show it. Pure.

use crate::model::{FactorType, Method, TenantTime};

/// Use of an existing factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Time of the last login with it, where that is known.
    pub last_auth_at: Option<TenantTime>,
    /// True if that was after its creation: only then has somebody logged in with it. `None` where
    /// it may as well be another method, which was not used.
    pub is_since_created: Option<bool>,
}

impl Use {
    /// Returns the use of a factor that `method` stands for, where any of `equals` could stand for
    /// it as well.
    pub(super) fn of<'a>(method: &Method, mut equals: impl Iterator<Item = &'a Method>) -> Self {
        let is_used = method.is_used_since_created();
        if equals.any(|other| other.is_used_since_created() != is_used) {
            return Self { last_auth_at: None, is_since_created: None };
        }
        Self { last_auth_at: method.last_auth_at, is_since_created: Some(is_used) }
    }
}

/// Numbers of factors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// Those that exist.
    pub there: u64,
    /// Those that were used since they were created.
    pub used: u64,
    /// Those whose use is unknown, because another of the user's methods looks the same.
    pub unclear: u64,
}

impl Used {
    /// Returns the share that was used, 0 to 1; `None` if there are none.
    pub fn share(self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share to look at")]
        (self.there > 0).then(|| self.used as f64 / self.there as f64)
    }

    /// Returns whether at least that percentage was used; false if there are none.
    pub fn is_at_least(self, percent: f64) -> bool {
        // A decimal percentage has no exact binary form.
        self.share().unwrap_or_default() * 100.0 >= percent - 1e-9
    }
}

/// Numbers of existing and of used factors, by type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage([Used; FactorType::ALL.len()]);

impl Usage {
    /// Counts an existing factor.
    pub(super) fn count(&mut self, factor_type: FactorType, one: Use) {
        let slot = FactorType::ALL.iter().position(|other| *other == factor_type);
        if let Some(counted) = slot.and_then(|slot| self.0.get_mut(slot)) {
            counted.there += 1;
            counted.used += u64::from(one.is_since_created == Some(true));
            counted.unclear += u64::from(one.is_since_created.is_none());
        }
    }

    /// Returns the numbers of each type, always in the same order.
    pub fn by_type(&self) -> impl Iterator<Item = (FactorType, Used)> + '_ {
        FactorType::ALL.into_iter().zip(self.0)
    }

    /// Returns the numbers of all types together.
    pub fn in_all(&self) -> Used {
        self.0.iter().fold(Used::default(), |sum, one| Used {
            there: sum.there + one.there,
            used: sum.used + one.used,
            unclear: sum.unclear + one.unclear,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_enough_from_the_very_percentage_on_and_nothing_is_no_use() {
        for (used, there, percent, expected) in [
            (812, 1000, 81.2, true),
            (812, 1000, 81.3, false),
            (811, 1000, 81.2, false),
            (1, 3, 33.4, false),
            (1, 3, 33.3, true),
            (7, 7, 100.0, true),
            (6, 7, 100.0, false),
            (0, 7, 0.0, true),
            (0, 0, 0.0, true),
            (0, 0, 0.1, false),
        ] {
            let counted = Used { there, used, unclear: 0 };
            assert_eq!(counted.is_at_least(percent), expected, "{used} of {there}, {percent} %");
        }
    }

    #[test]
    fn only_a_login_after_the_creation_is_a_use() {
        let created_at = TenantTime::from_millis(1_000);
        for (last_auth_at, expected) in
            [(None, false), (Some(999), false), (Some(1_000), false), (Some(1_001), true)]
        {
            let last_auth_at = last_auth_at.map(TenantTime::from_millis);
            let method = Method { created_at, last_auth_at, used: true, ..Method::default() };
            let found = Use::of(&method, [&method].into_iter());
            let expected = Use { last_auth_at, is_since_created: Some(expected) };
            assert_eq!(found, expected);
        }
    }
}
