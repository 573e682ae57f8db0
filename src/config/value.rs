//! Texts of settings, read as what they mean; `None`: they cannot be.

use std::time::Duration;

use crate::{engine::MaxErrors, pacer::Rate};

pub(super) fn parse_rate(text: &str) -> Option<Rate> {
    if text == "auto" {
        return Some(Rate::Auto);
    }
    text.parse().ok().filter(|rate| (0.01..=100_000.0).contains(rate)).map(Rate::PerSecond)
}

pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u32>() {
        return (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    }
    let duration: jiff::SignedDuration = text.parse().ok()?;
    let duration = Duration::try_from(duration).ok()?;
    (Duration::from_millis(1)..=Duration::from_secs(7 * 24 * 3600))
        .contains(&duration)
        .then_some(duration)
}

#[expect(clippy::option_option, reason = "`none` is a value, and another than none at all")]
pub(super) fn parse_max_errors(text: &str) -> Option<Option<MaxErrors>> {
    if text == "none" {
        return Some(None);
    }
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent =
                percent.trim().parse().ok().filter(|percent| *percent > 0.0 && *percent <= 100.0);
            percent.map(|percent| Some(MaxErrors::Percent(percent)))
        }
        None => text.parse().ok().filter(|rows| *rows > 0).map(|rows| Some(MaxErrors::Rows(rows))),
    }
}
