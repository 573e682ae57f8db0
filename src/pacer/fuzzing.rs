//! A pacer that is shown arbitrary answers.

use std::time::Duration;

use tokio::time::Instant;

use super::{LONGEST_HOLD, Pacer, Rate, SHORTEST_WAIT};
use crate::api::{LimitDecision, Meter};

/// Asks for a permit, shows an answer that took that long and may be a 429, and so on: whatever the
/// answers say, permits come in bounded time.
pub(crate) fn endure(reserve: f64, answers: impl Iterator<Item = (Meter, bool, Duration)>) {
    let pacer = Pacer::new(Rate::Auto, reserve);
    let mut now = pacer.began;
    for (meter, throttled, took) in answers {
        now = permit(&pacer, now);
        let meter = Meter { sent: Some(now), ..meter };
        now += took;
        let mut state = pacer.state();
        let decision = if throttled { LimitDecision::Throttled } else { LimitDecision::Admitted };
        state.observe(&meter, decision, pacer.began, now);
        let until = state.hold.until(now).unwrap_or(now);
        assert!(until - now <= LONGEST_HOLD, "held for {:?}", until - now);
        let (level, limit) = state.fullness(pacer.began, now);
        assert!(limit >= 0.0 && limit.is_finite() && level <= limit, "{level} of {limit}");
    }
    permit(&pacer, now);
}

/// Returns the time at which the next permit comes.
fn permit(pacer: &Pacer, asked: Instant) -> Instant {
    // A hold, the time after which what answers said about the limit is forgotten, and the slowest
    // pace.
    let longest = LONGEST_HOLD + Duration::from_secs(90);
    let mut now = asked;
    while let Some(wait) = pacer.state().next(pacer.began, now) {
        now = wait.until.max(now + SHORTEST_WAIT);
        assert!(now - asked <= longest, "no permit within {:?}", now - asked);
    }
    now
}
