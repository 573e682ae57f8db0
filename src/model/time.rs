//! The two clocks of a run: ours and the tenant's. Each may be wrong, so that moments of one are
//! never held against moments of the other: a [`ClockSkew`] is the only way between them.
//!
//! ```compile_fail,E0308
//! # use mfaferry::model::{LocalTime, TenantTime};
//! let is_older = TenantTime::from_millis(1) < LocalTime::from_millis(2);
//! ```

use std::ops::{Add, Sub};

/// A length of time in milliseconds.
pub type Millis = i64;

/// Declares milliseconds with one meaning. Their arithmetic saturates: a clock may show anything.
macro_rules! milliseconds {
    ($($(#[$doc:meta])* $name:ident,)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(Millis);

        impl $name {
            /// Wraps a number of milliseconds.
            pub const fn from_millis(millis: Millis) -> Self {
                Self(millis)
            }

            /// Returns the number of milliseconds.
            pub const fn as_millis(self) -> Millis {
                self.0
            }
        }

        impl Add<Millis> for $name {
            type Output = Self;

            fn add(self, length: Millis) -> Self {
                Self(self.0.saturating_add(length))
            }
        }

        impl Sub<Millis> for $name {
            type Output = Self;

            fn sub(self, length: Millis) -> Self {
                Self(self.0.saturating_sub(length))
            }
        }

        impl Sub for $name {
            type Output = Millis;

            fn sub(self, other: Self) -> Millis {
                self.0.saturating_sub(other.0)
            }
        }
    )+};
}

milliseconds! {
    /// A moment by our wall clock, since the Unix epoch.
    LocalTime,
    /// A moment by a clock of the tenant's, since the Unix epoch.
    TenantTime,
    /// Lead of a clock of the tenant's over ours.
    ClockSkew,
}

impl LocalTime {
    /// Returns what a clock of the tenant's with that lead shows at this moment.
    #[must_use]
    pub const fn at_tenant(self, skew: ClockSkew) -> TenantTime {
        TenantTime(self.0.saturating_add(skew.0))
    }
}

impl TenantTime {
    /// Returns how far a clock that shows this is ahead of ours when ours shows `local`.
    #[must_use]
    pub const fn ahead_of(self, local: LocalTime) -> ClockSkew {
        ClockSkew(self.0.saturating_sub(local.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skew_leads_from_one_clock_to_the_other_and_absurd_clocks_do_not_overflow() {
        let (least, most) = (Millis::MIN, Millis::MAX);
        for (local, skew, tenant) in [
            (1_000, 0, 1_000),
            (1_000, 250, 1_250),
            (1_000, -250, 750),
            (most, 1, most),
            (least, -1, least),
        ] {
            let (local, skew) = (LocalTime::from_millis(local), ClockSkew::from_millis(skew));
            assert_eq!(local.at_tenant(skew), TenantTime::from_millis(tenant));
        }
        let shown = TenantTime::from_millis(750);
        assert_eq!(shown.ahead_of(LocalTime::from_millis(1_000)).as_millis(), -250);
        assert_eq!(
            TenantTime::from_millis(most).ahead_of(LocalTime::from_millis(-1)).as_millis(),
            most
        );
        assert_eq!(TenantTime::from_millis(least) - shown, least);
        assert_eq!((shown + most, shown - least), (shown + (most - 750), shown + (most - 750)));
    }
}
