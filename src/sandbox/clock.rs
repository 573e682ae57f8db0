//! The tenant's clock: tokio's time since the start, shown as wall time with the skew.

use std::time::{Duration, UNIX_EPOCH};

use jiff::Timestamp;
use tokio::time::Instant;

/// The last second an HTTP date can show, with a year to spare: 9998-12-31.
const LAST_SECOND: u64 = 253_370_764_800;

/// Tells the time since the start, and what a wall clock would show.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
    unix_at_start: Duration,
}

impl Clock {
    pub(super) fn new(skew_s: i64) -> Self {
        let real = Duration::try_from(Timestamp::now().as_duration()).unwrap_or_default();
        let skew = Duration::from_secs(skew_s.unsigned_abs());
        let skewed = if skew_s < 0 { real.saturating_sub(skew) } else { real.saturating_add(skew) };
        Self {
            started: Instant::now(),
            unix_at_start: skewed.min(Duration::from_secs(LAST_SECOND)),
        }
    }

    /// Time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Unix time at a moment counted from the start.
    pub(super) fn unix(&self, at: Duration) -> Duration {
        self.unix_at_start.saturating_add(at).min(Duration::from_secs(LAST_SECOND))
    }

    /// Now, to the millisecond, as in `created_at`.
    pub(super) fn timestamp(&self) -> Timestamp {
        let millis = self.unix(self.elapsed()).as_millis();
        i64::try_from(millis)
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or_default()
    }

    /// A moment counted from the start as an HTTP date.
    pub(super) fn http_date(&self, at: Duration) -> String {
        httpdate::fmt_http_date(UNIX_EPOCH + self.unix(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skew_shifts_dates_and_absurd_skew_is_bounded() {
        let hour = Clock::new(3600).unix(Duration::ZERO).as_secs()
            - Clock::new(0).unix(Duration::ZERO).as_secs();
        assert!((3599..=3601).contains(&hour), "{hour}");
        assert_eq!(Clock::new(i64::MIN).unix(Duration::ZERO), Duration::ZERO);
        assert!(
            Clock::new(i64::MAX).http_date(Duration::from_secs(9)).ends_with("9999 00:00:00 GMT")
        );
    }
}
