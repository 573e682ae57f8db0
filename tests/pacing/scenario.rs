//! One scenario: its file, what may come of it, and its line in the table.

use serde::Deserialize;

use mfaferry::{
    model::LocalTime,
    pacer::{Pacing, Rate},
    sandbox::Limit,
};

/// A tenant, its other traffic, how we go about it, and what has to come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// Name in the table.
    about: String,
    /// Duration.
    #[serde(default = "minute")]
    pub(crate) seconds: f64,
    pub(crate) limit: Limit,
    #[serde(default)]
    pub(crate) change_limit_at: Vec<(f64, Limit)>,
    /// True if answers say the limit.
    #[serde(default = "yes")]
    pub(crate) headers: bool,
    /// Rounding of the reset to whole seconds.
    #[serde(default)]
    pub(crate) reset: Reset,
    /// True if a 429 says when to come again.
    #[serde(default)]
    pub(crate) retry_after: bool,
    /// Offset of the tenant's clock from ours.
    #[serde(default)]
    pub(crate) clock_skew_s: i64,
    /// Milliseconds, shortest and longest, from a permit to the bucket, and from there back.
    #[serde(default)]
    pub(crate) way_there_ms: (f64, f64),
    #[serde(default = "latency")]
    pub(crate) way_back_ms: (f64, f64),
    /// Others, at even distances.
    #[serde(default)]
    pub(crate) neighbours_per_s: f64,
    /// Others, at random, so many at once.
    #[serde(default)]
    pub(crate) noise_per_s: f64,
    #[serde(default = "one")]
    pub(crate) noise_at_once: u32,
    /// `--reserve`, in percent.
    #[serde(default)]
    pub(crate) reserve: f64,
    /// Start of each of our runs.
    #[serde(default = "at_once")]
    pub(crate) runs_begin_at: Vec<f64>,
    /// `--rate`, if it is given.
    pub(crate) rate: Option<f64>,
    #[serde(default = "in_flight")]
    pub(crate) concurrency: u32,
    /// Seed where no other is given: with many, a rare case does not come about.
    #[serde(default = "first")]
    pub(crate) seed: u64,
    expect: Expect,
}

/// Rounding of the reset to whole seconds.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reset {
    #[default]
    RoundedUp,
    RoundedDown,
    Absent,
}

/// Bounds of the outcome.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// Least and largest share of what others leave, in percent.
    share: (f64, f64),
    /// 429s a thousand answers, at most.
    throttled: f64,
    /// Most refused requests among a thousand of others'.
    refused: Option<f64>,
    /// The greatest part of any run over the least, once all have begun.
    unfair: Option<f64>,
}

/// Outcome of a scenario.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Requests granted to all runs, and those that could have been.
    pub(crate) granted: f64,
    pub(crate) offered: f64,
    /// 429s of all runs.
    pub(crate) throttled: f64,
    /// Requests of others, and those of them that were refused.
    pub(crate) others: f64,
    pub(crate) refused: f64,
    /// Requests granted to each run in the last half.
    pub(crate) parts: Vec<f64>,
}

fn minute() -> f64 {
    60.0
}
fn yes() -> bool {
    true
}
fn one() -> u32 {
    1
}
fn latency() -> (f64, f64) {
    (100.0, 200.0)
}
fn at_once() -> Vec<f64> {
    vec![0.0]
}
fn first() -> u64 {
    1
}
fn in_flight() -> u32 {
    32
}

impl Outcome {
    /// Percentage of what others left that was used.
    pub(crate) fn share(&self) -> f64 {
        self.granted * 100.0 / self.offered
    }

    fn throttled(&self) -> f64 {
        self.throttled * 1000.0 / (self.granted + self.throttled)
    }

    fn refused(&self) -> f64 {
        self.refused * 1000.0 / self.others.max(1.0)
    }

    fn unfair(&self) -> f64 {
        let least = self.parts.iter().copied().fold(f64::INFINITY, f64::min);
        self.parts.iter().copied().fold(0.0, f64::max) / least.max(1.0)
    }
}

pub(crate) const HEAD: &str = "\
| tenant | reserve | share used | 429s per 1,000 | others refused per 1,000 |
| --- | --- | --- | --- | --- |
";

impl Scenario {
    /// A tenant of that limit, with all else as it is by default.
    pub(crate) fn of(limit: Limit, reserve: f64) -> Self {
        Self {
            about: String::new(),
            seconds: minute(),
            limit,
            change_limit_at: Vec::new(),
            headers: true,
            reset: Reset::default(),
            retry_after: false,
            clock_skew_s: 0,
            way_there_ms: (0.0, 0.0),
            way_back_ms: latency(),
            neighbours_per_s: 0.0,
            noise_per_s: 0.0,
            noise_at_once: one(),
            reserve,
            runs_begin_at: at_once(),
            rate: None,
            concurrency: in_flight(),
            seed: first(),
            expect: Expect { share: (0.0, 100.0), throttled: 1000.0, refused: None, unfair: None },
        }
    }

    /// The settings of a run.
    pub(crate) fn pacing(&self) -> Pacing {
        Pacing {
            rate: self.rate.map_or(Rate::Auto, Rate::PerSecond),
            burst: 1,
            reserve: self.reserve / 100.0,
            plan: None,
            now: LocalTime::default,
        }
    }

    pub(crate) fn line(&self, outcome: &Outcome) -> String {
        let others =
            if outcome.others > 0.0 { format!("{:.1}", outcome.refused()) } else { String::new() };
        let parts = if outcome.parts.len() > 1 {
            format!("; most to least {:.2}", outcome.unfair())
        } else {
            String::new()
        };
        format!(
            "| {} | {} % | {:.1} %{parts} | {:.1} | {others} |\n",
            self.about,
            self.reserve,
            outcome.share(),
            outcome.throttled(),
        )
    }

    /// Returns what is not as the scenario in a file expects it.
    pub(crate) fn judge(&self, outcome: &Outcome, name: &str) -> Vec<String> {
        let expect = &self.expect;
        let mut faults = Vec::new();
        let share = outcome.share();
        if !(expect.share.0..=expect.share.1).contains(&share) {
            faults.push(format!("{share:.1} % used, not {:?}", expect.share));
        }
        for (what, found, most) in [
            ("429s per 1,000", outcome.throttled(), Some(expect.throttled)),
            ("others refused per 1,000", outcome.refused(), expect.refused),
            ("most to least", outcome.unfair(), expect.unfair),
        ] {
            if let Some(most) = most.filter(|most| found > *most) {
                faults.push(format!("{found:.2} {what}, more than {most}"));
            }
        }
        faults.into_iter().map(|fault| format!("{name}: {fault}")).collect()
    }
}
