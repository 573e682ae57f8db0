//! The pace of a run over its duration, in a bounded number of samples, however long it is. Pure.

use serde::{Deserialize, Serialize};

/// Samples that are kept at most.
const MAX_SAMPLES: usize = 240;
/// First interval between two samples.
const FIRST_MS: u64 = 1_000;

/// Declares the sample, which ledgers hold as a list of its numbers in this order.
macro_rules! sample {
    ($($(#[$doc:meta])+ $field:ident,)+) => {
        /// Numbers of a run at one moment, all counted from its start; times in milliseconds.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(from = "Numbers", into = "Numbers")]
        pub struct PaceSample {
            $($(#[$doc])+ pub $field: u64,)+
        }

        type Numbers = [u64; [$(stringify!($field)),+].len()];

        impl From<Numbers> for PaceSample {
            fn from([$($field),+]: Numbers) -> Self {
                Self { $($field),+ }
            }
        }

        impl From<PaceSample> for Numbers {
            fn from(sample: PaceSample) -> Self {
                [$(sample.$field),+]
            }
        }
    };
}

sample! {
    /// The moment.
    at_ms,
    /// HTTP requests.
    requests,
    /// Answers with 429.
    throttled,
    /// Rows settled by requests of this run.
    settled,
    /// Time held by the tenant's limit.
    limit_ms,
    /// Time held to leave the reserve to others.
    reserve_ms,
    /// Time held by `--rate`.
    rate_ms,
    /// Time held by `--rate-plan`.
    plan_ms,
    /// Time held by a 429.
    throttling_ms,
    /// Time held by the limit on requests in flight.
    concurrency_ms,
    /// Time during which the tenant did not answer.
    outage_ms,
}

/// Samples of a run. The longer it gets, the further they are apart, and they always reach from its
/// start to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    every_ms: u64,
    samples: Vec<PaceSample>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { every_ms: FIRST_MS, samples: Vec::new() }
    }
}

impl Timeline {
    /// Adds the present numbers, if it is time for another sample; the last sample is always the
    /// newest.
    pub fn add(&mut self, sample: PaceSample) {
        // The second-last sample stays; the last is replaced until the next one is due.
        let is_due = match self.samples.as_slice() {
            [.., before, last] => last.at_ms >= before.at_ms.saturating_add(self.every_ms),
            _ => true,
        };
        if !is_due {
            self.samples.pop();
        }
        self.samples.push(sample);
        if self.samples.len() > MAX_SAMPLES {
            // The first sample and every second one after it stay. As they are totals, no time
            // between them is lost.
            let mut number = 0;
            self.samples.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.every_ms = self.every_ms.saturating_mul(2);
        }
    }

    /// Returns the samples in order, without any that go backwards: a ledger may hold anything.
    pub fn samples(&self) -> &[PaceSample] {
        let in_order = |pair: &[PaceSample]| {
            let [before, after] = [pair[0], pair[1]].map(<[u64; 11]>::from);
            before.iter().zip(after).all(|(before, after)| *before <= after) && before[0] < after[0]
        };
        let samples = &self.samples[..self.samples.len().min(MAX_SAMPLES)];
        let sound = samples.windows(2).position(|pair| !in_order(pair));
        &samples[..sound.map_or(samples.len(), |last| last + 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> PaceSample {
        PaceSample { at_ms: seconds * 1000, requests: seconds * 7, ..PaceSample::default() }
    }

    #[test]
    fn a_run_of_any_length_has_few_samples_from_its_beginning_to_its_end() {
        for seconds in [0, 1, 2, 239, 240, 241, 1_000, 36_000, 700_000] {
            let mut line = Timeline::default();
            (0..=seconds).for_each(|second| line.add(at(second)));
            let samples = line.samples();
            assert_eq!(samples.len(), line.samples.len(), "all are in order");
            assert!(samples.len() <= MAX_SAMPLES, "{seconds}: {}", samples.len());
            assert!(samples.len() as u64 > seconds.min(MAX_SAMPLES as u64) / 2, "{seconds}");
            assert_eq!((samples[0], samples[samples.len() - 1]), (at(0), at(seconds)));
            let apart = samples.windows(2).map(|pair| pair[1].at_ms - pair[0].at_ms);
            let (least, most) = (apart.clone().min(), apart.max());
            assert!(most.unwrap_or(0) <= 2 * line.every_ms, "{seconds}: {least:?} {most:?}");
            let json = serde_json::to_string(&line).unwrap();
            assert!(json.len() < 32_768, "{}", json.len());
            assert_eq!(serde_json::from_str::<Timeline>(&json).unwrap(), line);
        }
    }

    #[test]
    fn samples_that_go_back_are_not_believed() {
        let mut line = Timeline::default();
        line.samples.extend([at(0), at(1), at(2), PaceSample { requests: 3, ..at(3) }, at(4)]);
        assert_eq!(line.samples(), [at(0), at(1), at(2)]);
        line.samples = vec![at(1); 3];
        assert_eq!(line.samples(), [at(1)]);
        line.samples.clear();
        assert_eq!(line.samples(), []);
    }
}
