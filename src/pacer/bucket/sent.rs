//! Record of the requests sent recently.

use std::collections::VecDeque;

use super::super::SHORTEST_WAIT;

/// Time for which requests are remembered, in seconds; an answer that took longer says nothing
/// about the level. Bounds the memory at one entry per [`SHORTEST_WAIT`].
const MEMORY: f64 = 10.0;

/// Counts what was sent.
#[derive(Debug, Default)]
pub(super) struct SentRequests {
    /// Moments, and the number sent up to then; those within [`SHORTEST_WAIT`] share an entry.
    times: VecDeque<(f64, f64)>,
    given: f64,
    /// Number of requests that were refused, and so took nothing from the bucket.
    refused: f64,
}

impl SentRequests {
    /// Returns how many requests have taken, or will take, something out of the bucket.
    pub(super) fn taken(&self) -> f64 {
        self.given - self.refused
    }

    /// Notes that a request is sent now.
    pub(super) fn record(&mut self, now: f64) {
        self.given += 1.0;
        match self.times.back_mut() {
            Some((at, count)) if now - *at < SHORTEST_WAIT.as_secs_f64() => *count = self.given,
            _ => self.times.push_back((now, self.given)),
        }
        while self.times.get(1).is_some_and(|(at, _)| *at < now - MEMORY) {
            self.times.pop_front();
        }
    }

    /// Notes that one of the requests was refused.
    pub(super) fn record_refused(&mut self) {
        self.refused += 1.0;
    }

    /// Returns how many requests had been granted by the time a request sent `at` was, as a lower
    /// and an upper bound: the order of requests sent together is unknown. `None` if that is too
    /// long ago.
    pub(super) fn until(&self, at: f64) -> Option<(f64, f64)> {
        let index = self.times.partition_point(|(time, _)| *time <= at).checked_sub(1)?;
        let (_, most) = self.times.get(index)?;
        let before = index.checked_sub(1).and_then(|index| self.times.get(index));
        let least = before.map_or(*most, |(_, count)| count + 1.0);
        Some((least - self.refused, most - self.refused))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_of_what_was_sent_is_bounded() {
        let mut sent = SentRequests::default();
        for number in 0..500_000 {
            sent.record(f64::from(number) * 0.000_2);
        }
        assert!(sent.times.len() <= 10_100, "{}", sent.times.len());
        assert_eq!(sent.until(50.0), None);
        assert!(sent.until(99.0).is_some_and(|(least, most)| most - least <= 6.0));
    }
}
