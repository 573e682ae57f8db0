//! The hold: after a 429, no request is sent until a point in time, whichever request was refused.

use std::time::Duration;

use tokio::time::Instant;

use super::JITTER;

/// Longest hold; a longer hint from the tenant is shortened, with a warning.
pub const LONGEST_HOLD: Duration = Duration::from_secs(15 * 60);
/// First hold without any hint; it doubles up to 32 s, as the official SDKs do from 1 s.
const UNHINTED: Duration = Duration::from_secs(1);
/// Shortest hold that is logged at the normal level, and not only at debug level.
const SHORTEST_LOGGED_HOLD: Duration = Duration::from_secs(5);

/// The wait that a 429 asks for, in its various forms.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Throttling {
    /// Time at which the refused request was sent.
    pub(super) sent: Option<Instant>,
    /// `Retry-After`.
    pub(super) retry_after: Option<Duration>,
    /// Time until one token is due, as far as it can be predicted.
    pub(super) one_token: Option<Duration>,
    /// Time until the bucket is full, which is always long enough.
    pub(super) full_in: Option<Duration>,
}

/// The hold: a point in time and not a duration, so that later requests wait less.
#[derive(Debug, Default)]
pub(super) struct Hold {
    until: Option<Instant>,
    /// Start of the present or last hold.
    began: Option<Instant>,
    /// Consecutive refusals, each of a request that was sent after the one before had been
    /// answered.
    in_a_row: u32,
}

impl Hold {
    /// Returns when the hold ends, if there is one.
    pub(super) fn until(&mut self, now: Instant) -> Option<Instant> {
        self.until = self.until.filter(|until| *until > now);
        self.until
    }

    /// Takes in an answer that is no 429. An answer to a request sent before the hold is ignored.
    pub(super) fn answered(&mut self, sent: Option<Instant>) {
        if !self.before(sent) {
            self.in_a_row = 0;
        }
    }

    /// Takes in a 429.
    pub(super) fn throttled(&mut self, refusal: &Throttling, now: Instant) {
        // Requests sent before the hold began are part of the same refusal.
        let holding = self.until(now).is_some();
        if !holding && !self.before(refusal.sent) {
            self.in_a_row += 1;
            self.began = Some(now);
        }
        // A hint of no time at all must not become a busy loop.
        let shortest = Duration::from_secs_f64(JITTER);
        let again = 1_u32 << self.in_a_row.saturating_sub(1).min(5);
        // One token is due soon; but each further refusal makes the hold longer, up to the time at
        // which the bucket is full.
        let token = refusal.one_token.map(|wait| {
            let longest = refusal.full_in.unwrap_or(LONGEST_HOLD).max(UNHINTED);
            wait.max(shortest).saturating_mul(again).min(longest.max(wait))
        });
        let hint = refusal.retry_after.or(token).unwrap_or(UNHINTED * again);
        let held = hint.clamp(shortest, LONGEST_HOLD);
        let until = now + held;
        if self.until.is_none_or(|before| before < until) {
            self.until = Some(until);
            if hint > LONGEST_HOLD {
                // The log must not repeat arbitrary contents of a header.
                tracing::warn!(
                    "the tenant asks for a pause of more than {} minutes; waiting for that long and \
                     asking again",
                    LONGEST_HOLD.as_secs() / 60
                );
            } else if held >= SHORTEST_LOGGED_HOLD {
                tracing::info!("waiting after a 429 for {} s", held.as_secs());
            } else {
                tracing::debug!("waiting after a 429 for {} ms", held.as_millis());
            }
        }
    }

    /// Returns whether a request was sent before the latest hold began.
    fn before(&self, sent: Option<Instant>) -> bool {
        matches!((sent, self.began), (Some(sent), Some(began)) if sent < began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn held(hold: &mut Hold, refusal: Throttling, now: Instant) -> Duration {
        hold.throttled(&refusal, now);
        hold.until(now).map_or(Duration::ZERO, |until| until - now)
    }

    #[test]
    fn the_tenants_own_hint_comes_first_and_is_cut_down_to_the_longest() {
        let now = Instant::now();
        let asked = |seconds| Throttling {
            retry_after: Some(Duration::from_secs(seconds)),
            one_token: Some(SECOND),
            ..Throttling::default()
        };
        assert_eq!(held(&mut Hold::default(), asked(7), now), 7 * SECOND);
        assert_eq!(held(&mut Hold::default(), asked(0), now), SECOND / 10);
        assert_eq!(held(&mut Hold::default(), asked(1 << 40), now), LONGEST_HOLD);
    }

    #[test]
    fn the_log_never_tells_a_pause_that_is_longer_than_the_longest() {
        use std::io::{Read, Seek};
        let mut log = tempfile::tempfile().unwrap();
        let writer = std::sync::Mutex::new(log.try_clone().unwrap());
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).without_time().with_writer(writer).finish();
        tracing::subscriber::with_default(subscriber, || {
            for seconds in [1_000, 14_155_550_100, u64::MAX] {
                let retry_after = Some(Duration::from_secs(seconds));
                let refusal = Throttling { retry_after, ..Throttling::default() };
                held(&mut Hold::default(), refusal, Instant::now());
            }
        });
        let mut text = String::new();
        log.rewind().unwrap();
        log.read_to_string(&mut text).unwrap();
        assert_eq!(text.matches("a pause of more than 15 minutes").count(), 3, "{text}");
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits, "151515", "{text}");
    }

    #[test]
    fn without_a_hint_it_lasts_until_one_token_is_due_and_not_until_the_bucket_is_full() {
        let refusal = Throttling {
            one_token: Some(Duration::from_millis(120)),
            full_in: Some(4 * SECOND),
            ..Throttling::default()
        };
        let (mut hold, mut now) = (Hold::default(), Instant::now());
        // Refused again and again it grows, and is long enough when the bucket must be full.
        for expected in [120, 240, 480, 960, 1920, 3840, 3840] {
            let waited = held(&mut hold, refusal, now);
            assert_eq!(waited, Duration::from_millis(expected));
            now += waited;
        }
        hold.answered(None);
        assert_eq!(held(&mut hold, refusal, now), Duration::from_millis(120));
    }

    #[test]
    fn with_nothing_known_it_grows_from_a_second_to_32() {
        let (mut hold, mut now) = (Hold::default(), Instant::now());
        for expected in [1, 2, 4, 8, 16, 32, 32] {
            let waited = held(&mut hold, Throttling::default(), now);
            assert_eq!(waited.as_secs(), expected);
            now += waited;
        }
    }

    #[test]
    fn a_volley_is_one_refusal_whenever_its_answers_come() {
        let sent = Instant::now();
        let refusal = |sent| Throttling {
            sent: Some(sent),
            one_token: Some(Duration::from_millis(100)),
            ..Throttling::default()
        };
        let mut hold = Hold::default();
        let first = sent + SECOND;
        hold.throttled(&refusal(sent), first);
        // Long after the hold, but sent before it; and a good answer of before changes nothing.
        let late = first + SECOND;
        hold.answered(Some(sent));
        assert_eq!(held(&mut hold, refusal(sent), late), Duration::from_millis(100));
        let again = late + SECOND;
        assert_eq!(held(&mut hold, refusal(late), again), Duration::from_millis(200));
    }

    #[test]
    fn a_hold_is_prolonged_and_never_cut_short_by_what_comes_in() {
        let now = Instant::now();
        let mut hold = Hold::default();
        let asked = |seconds| Throttling {
            retry_after: Some(Duration::from_secs(seconds)),
            ..Throttling::default()
        };
        assert_eq!(held(&mut hold, asked(9), now), 9 * SECOND);
        assert_eq!(held(&mut hold, asked(3), now + SECOND), 8 * SECOND);
        assert_eq!(held(&mut hold, asked(20), now + SECOND), 20 * SECOND);
    }
}
