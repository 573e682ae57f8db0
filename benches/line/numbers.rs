//! Medians, spreads, verdicts.

use std::{fmt, time::Duration};

/// Several measurements of one thing.
#[derive(Debug, Clone)]
pub(crate) struct Spread(Vec<f64>);

impl Spread {
    pub(crate) fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }
}

impl FromIterator<f64> for Spread {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }
}

impl fmt::Display for Spread {
    /// The median, and from where to where it goes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = match self.median() {
            ..0.1 => 4,
            ..10.0 => 2,
            ..100.0 => 1,
            _ => 0,
        };
        write!(f, "{:.digits$}", self.median())?;
        match self.0.as_slice() {
            [least, .., most] => write!(f, " ({least:.digits$} to {most:.digits$})"),
            _ => Ok(()),
        }
    }
}

/// Shows a measurement beside what is to be reached.
pub(crate) fn at_least(what: &str, wanted: f64, got: &Spread) {
    judge(what, "at least", wanted, got, got.median() >= wanted);
}

/// Shows a measurement beside what it may not exceed.
pub(crate) fn at_most(what: &str, wanted: f64, got: &Spread) {
    judge(what, "at most", wanted, got, got.median() <= wanted);
}

fn judge(what: &str, bound: &str, wanted: f64, got: &Spread, reached: bool) {
    let mark = if reached { "reached" } else { "NOT REACHED" };
    println!("  {what}: {got}; wanted {bound} {wanted}: {mark}");
}

pub(crate) fn one(value: f64) -> Spread {
    Spread(vec![value])
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
