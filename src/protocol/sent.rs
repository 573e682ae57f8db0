//! The time at which an attempt in doubt left, by the tenant's clock, and which methods are older.
//! Pure.
//!
//! Three kinds of clock are involved, and each may be wrong: ours, which dated the intent; those of
//! the tenant's front ends, which write `Date`; and that of its store, which writes `created_at`.

use crate::model::{ClockSkew, History, LocalTime, Millis, TenantTime};

/// Difference between our wall clock and the monotonic one above which the wall clock must have
/// been set.
const WAS_SET: Millis = 3_000;

/// Tolerance between clocks: `Date` has whole seconds and front ends have clocks of their own, so a
/// method created up to this long before the intent may still be ours.
pub(crate) const CLOCK_TOLERANCE: Millis = 2_000;

/// Age above which a method is not ours: it was created this much before the earliest time at which
/// the first attempt in doubt can have left.
///
/// That time is already the lowest that any clock gives ([`Sent::new`]). This is added for clocks
/// of the tenant that differ from those that answered, which was never seen. NTP keeps them within
/// fractions of a second; a thousand times that is safe, and costs nothing, since what users
/// enrolled before a migration is days older.
pub(crate) const WELL_BEFORE: Millis = 600_000;

/// Earliest credible creation time, 2013-01-01: no Auth0 tenant is older. An earlier time (an empty
/// date, a clock that lost its battery) says nothing about when a method was created.
pub(crate) const FIRST_TENANT: TenantTime = TenantTime::from_millis(1_356_998_400_000);

/// The time at which the first attempt in doubt was sent, by the tenant's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Lower bound of that time, whichever clock is wrong; `None` when too little is known.
    earliest: Option<TenantTime>,
    /// Best estimate of that time; `None` when nothing is known.
    likely: Option<TenantTime>,
}

/// Creation of a method, relative to the first attempt in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// The method was not created before the first attempt in doubt.
    Newer,
    /// The method was perhaps created before it.
    Older,
    /// The method was created so long before it that no error of a clock accounts for it.
    WellBefore,
    /// Nothing is known of the clocks.
    Unknown,
}

impl Sent {
    /// Works out when the first attempt in doubt of that history left. Our clock shows `now`, the
    /// tenant's is `skew` ahead, and the slowest of its clocks only `least`.
    pub fn of(
        history: &History,
        now: LocalTime,
        skew: Option<ClockSkew>,
        least: Option<ClockSkew>,
    ) -> Self {
        // What the tenant's clock shows now only tells what it showed then if ours was neither set
        // nor asleep in between: then the wall clock and the monotonic one have advanced alike.
        let steady = history.left.is_some_and(|left| {
            let passed = now - history.intent_at;
            let truly = Millis::try_from(left.elapsed().as_millis()).unwrap_or(Millis::MAX);
            passed.abs_diff(truly) <= WAS_SET.unsigned_abs()
        });
        Self::new(history.intent_at, [history.skew, skew.filter(|_| steady)], least)
    }

    /// Dates an attempt that left at `intent_at` by our clock. `skews` are the leads of the
    /// tenant's clock over ours: as known at the time, and as known since if ours was not set in
    /// between. `least` is the lowest lead that any of the tenant's clocks shows now.
    ///
    /// Taking our own method for an older one would double it, so the earliest time is the one that
    /// the slowest clock gives:
    /// - `intent_at` as it is: `Date` may come from a front end, or a proxy, that is ahead of the
    ///   clock of `created_at`, and ours may be right;
    /// - with each of `skews`;
    /// - with `least`, for front ends that differ, for the `created_at` of what was created in this
    ///   run, and for a tenant's clock that was set back since. (When ours was set forward since,
    ///   this is too early, and a little more is left to a person.)
    ///
    /// All of them, and `WELL_BEFORE` with them, would have to be wrong in the same direction.
    /// Where one is missing nothing is old.
    pub fn new(
        intent_at: LocalTime,
        skews: [Option<ClockSkew>; 2],
        least: Option<ClockSkew>,
    ) -> Self {
        let skews = || skews.into_iter().flatten();
        let likely = skews().max().map(|skew| intent_at.at_tenant(skew));
        let none = ClockSkew::default();
        let behind = skews().chain(least).chain([none]).min().filter(|_| least.is_some());
        let earliest = behind.map(|skew| intent_at.at_tenant(skew));
        Self { earliest: earliest.filter(|_| likely.is_some()), likely }
    }

    /// Returns the age of a method created `at` that time by the tenant's clock.
    pub fn age(self, at: TenantTime) -> Age {
        match self.likely {
            None => Age::Unknown,
            Some(likely) if at >= likely - CLOCK_TOLERANCE => Age::Newer,
            Some(_) => match self.earliest {
                Some(earliest) if at >= FIRST_TENANT && at < earliest - WELL_BEFORE => {
                    Age::WellBefore
                }
                _ => Age::Older,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    const INTENT: LocalTime = LocalTime::from_millis(1_800_000_000_000);
    /// The same by a clock that shows the same.
    const THEIRS: TenantTime = INTENT.at_tenant(ClockSkew::from_millis(0));

    fn skew(ahead: impl Into<Option<Millis>>) -> Option<ClockSkew> {
        ahead.into().map(ClockSkew::from_millis)
    }

    #[test]
    fn an_attempt_left_at_the_earliest_when_the_hindmost_clock_says() {
        let hour = 3_600_000;
        let known = |earliest: Millis, likely: Millis| Sent {
            earliest: Some(THEIRS + earliest),
            likely: Some(THEIRS + likely),
        };
        let unknown = Sent { earliest: None, likely: None };
        for (case, skews, least, expected) in [
            ("right clocks", [Some(0), Some(0)], Some(0), known(0, 0)),
            ("ours is ahead", [Some(-hour), None], Some(-hour), known(-hour, -hour)),
            // Or a proxy is that writes its own `Date`.
            ("ours is behind", [Some(hour), None], Some(hour), known(0, hour)),
            ("a front end is behind", [Some(5), Some(9)], Some(-hour), known(-hour, 9)),
            ("the tenant was set back", [Some(hour), None], Some(-hour), known(-hour, hour)),
            ("ours was set back since", [Some(-9), None], Some(hour), known(-9, -9)),
            ("learnt since", [None, Some(7)], Some(7), known(0, 7)),
            ("nothing known now", [Some(3), None], None, Sent { earliest: None, ..known(0, 3) }),
            ("nothing known then", [None, None], Some(0), unknown),
            ("nothing known", [None, None], None, unknown),
        ] {
            let skews = skews.map(skew);
            assert_eq!(Sent::new(INTENT, skews, skew(least)), expected, "{case}");
        }
        // Absurd clocks do not overflow.
        let absurd = Sent::new(INTENT, [skew(Millis::MAX), None], skew(Millis::MIN));
        assert_eq!(absurd.age(THEIRS), Age::Older);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_learnt_later_tells_about_an_attempt_only_if_our_clock_was_not_set() {
        let at = |skew, left| History { intent_at: INTENT, skew, left, ..History::default() };
        let left = Some(Instant::now());
        tokio::time::advance(Duration::from_secs(120)).await;
        let known = |skews| Sent::new(INTENT, skews, skew(7));
        for (case, history, passed, expected) in [
            ("steady", at(None, left), 120_000, known([None, skew(9)])),
            ("steady and known", at(skew(5), left), 120_000, known([skew(5), skew(9)])),
            ("set forward", at(None, left), 3_720_000, known([None, None])),
            ("set back", at(None, left), -3_600_000, known([None, None])),
            ("set, but known", at(skew(5), left), 3_720_000, known([skew(5), None])),
            ("of an earlier run", at(None, None), 120_000, known([None, None])),
        ] {
            let sent = Sent::of(&history, INTENT + passed, skew(9), skew(7));
            assert_eq!(sent, expected, "{case}");
        }
    }

    #[test]
    fn ages_are_told_at_their_bounds() {
        let sent = Sent { earliest: Some(THEIRS - 5_000), likely: Some(THEIRS) };
        for (at, age) in [
            (THEIRS - CLOCK_TOLERANCE, Age::Newer),
            (THEIRS - CLOCK_TOLERANCE - 1, Age::Older),
            (THEIRS - 5_000 - WELL_BEFORE, Age::Older),
            (THEIRS - 5_000 - WELL_BEFORE - 1, Age::WellBefore),
            (FIRST_TENANT, Age::WellBefore),
            (FIRST_TENANT - 1, Age::Older),
        ] {
            assert_eq!(sent.age(at), age, "{at:?}");
        }
        let nothing_now = Sent { earliest: None, ..sent };
        assert_eq!(nothing_now.age(FIRST_TENANT), Age::Older);
        assert_eq!(Sent { likely: None, ..nothing_now }.age(THEIRS), Age::Unknown);
    }
}
