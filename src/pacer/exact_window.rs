//! The promise of `--rate N`: no window of a second or more holds more permits than
//! N·window + burst.
//!
//! Permits are numbered. From number j at one time to number k at another there are k - j + 1, so
//! the promise is that k - N·time grows by no more than burst - 1 from any permit that is a second
//! old, and that the last second holds no more than N + burst.
//!
//! Pure; times are seconds.

use std::collections::VecDeque;

use super::SHORTEST_WAIT;

/// Permits granted within [`SHORTEST_WAIT`] of each other.
#[derive(Debug, Clone, Copy)]
struct Grants {
    first: f64,
    last: f64,
    /// Number of the first one.
    number: f64,
}

/// Counts permits by window.
#[derive(Debug)]
pub(super) struct Window {
    rate: f64,
    burst: f64,
    count: f64,
    /// The permits of the last second.
    recent: VecDeque<Grants>,
    /// Lowest value of number - N·time among all older permits.
    least: f64,
}

impl Window {
    pub(super) fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, count: 0.0, recent: VecDeque::new(), least: f64::INFINITY }
    }

    /// Returns whether a permit may be granted now, or else when to ask again.
    pub(super) fn may(&mut self, now: f64) -> Result<(), f64> {
        while let Some(given) = self.recent.front().filter(|given| now - given.first >= 1.0) {
            self.least = self.least.min(self.rate.mul_add(-given.last, given.number));
            self.recent.pop_front();
        }
        let number = self.count + 1.0;
        let due = (number - self.least - self.burst + 1.0) / self.rate;
        if due > now {
            return Err(due);
        }
        match self.recent.front() {
            Some(oldest) if number - oldest.number + 1.0 > self.rate + self.burst => {
                Err(oldest.first + 1.0)
            }
            _ => Ok(()),
        }
    }

    /// Notes that a permit is granted.
    pub(super) fn record(&mut self, now: f64) {
        self.count += 1.0;
        match self.recent.back_mut() {
            Some(given) if now - given.first < SHORTEST_WAIT.as_secs_f64() => given.last = now,
            _ => self.recent.push_back(Grants { first: now, last: now, number: self.count }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_late_is_made_good_within_a_second_and_not_beyond() {
        let mut window = Window::new(10.0, 1.0);
        for tenth in 0..=20 {
            let now = f64::from(tenth) / 10.0;
            assert_eq!(window.may(now), Ok(()), "{now}");
            window.record(now);
        }
        // Half a second late: five may go at once, but not a sixth.
        for _ in 0..5 {
            assert_eq!(window.may(2.51), Ok(()));
            window.record(2.51);
        }
        assert!(window.may(2.51).is_err_and(|due| (2.59..2.61).contains(&due)));
        // A minute late: what a second and the burst allow, and no more.
        let mut count = 0;
        while window.may(62.0).is_ok() {
            window.record(62.0);
            count += 1;
        }
        assert_eq!(count, 11);
        assert_eq!(window.may(62.0), Err(63.0));
    }

    #[test]
    fn it_remembers_a_second_only() {
        let mut window = Window::new(100_000.0, 1.0);
        let mut count = 0_u32;
        for number in 0..300_000 {
            let now = f64::from(number) / 100_000.0;
            if window.may(now).is_ok() {
                window.record(now);
                count += 1;
            }
        }
        assert!(count > 298_000, "{count}");
        assert!(window.recent.len() <= 1100, "{}", window.recent.len());
    }
}
