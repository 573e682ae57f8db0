//! `--rate-plan`: different rates at different times of day.
//!
//! Times of day are civil times in one time zone, and the rate is looked up again each minute: so
//! neither daylight saving nor a clock that was set needs a rule of its own.

use std::time::Duration;

use jiff::{Timestamp, civil::Time, tz::TimeZone};

use super::Rate;
use crate::model::LocalTime;

/// Rates by time of day.
#[derive(Debug, Clone)]
pub struct Plan {
    ranges: Vec<Range>,
    zone: TimeZone,
}

/// Range from one time of day up to another; it crosses midnight if the second is earlier.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Range {
    from: Time,
    to: Time,
    rate: Rate,
}

/// The plan at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Phase {
    /// The rate; `None` if the plan says nothing.
    pub rate: Option<Rate>,
    /// Time until the plan has to be consulted again.
    pub look_in: Duration,
}

/// An error in a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The range of this number, counted from 1, cannot be read.
    #[error("range {0} of the rate plan cannot be read")]
    Unreadable(usize),
    /// The range of this number begins where it ends.
    #[error("range {0} of the rate plan begins where it ends")]
    Empty(usize),
    /// The ranges of these numbers have times in common.
    #[error("ranges {0} and {1} of the rate plan overlap")]
    Overlap(usize, usize),
}

impl Plan {
    /// Reads `08:00-20:00=5,20:00-08:00=auto`; `rate` reads the part after `=`.
    pub fn parse(
        text: &str,
        zone: TimeZone,
        rate: impl Fn(&str) -> Option<Rate>,
    ) -> Result<Self, PlanError> {
        let mut ranges: Vec<Range> = Vec::new();
        for (number, part) in (1..).zip(text.split(',')) {
            let range = parse_range(part, &rate).ok_or(PlanError::Unreadable(number))?;
            if range.from == range.to {
                return Err(PlanError::Empty(number));
            }
            for (before, other) in (1..).zip(&ranges) {
                if range.overlaps(other) {
                    return Err(PlanError::Overlap(before, number));
                }
            }
            ranges.push(range);
        }
        Ok(Self { ranges, zone })
    }

    /// Returns what the plan says about a moment.
    pub fn at(&self, now: LocalTime) -> Phase {
        let now = Timestamp::from_millisecond(now.as_millis()).unwrap_or_default();
        let time = self.zone.to_datetime(now).time();
        let range = self.ranges.iter().find(|range| range.holds_at(time));
        let into_minute = time.duration_since(Time::constant(time.hour(), time.minute(), 0, 0));
        Phase {
            rate: range.map(|range| range.rate),
            look_in: Duration::from_secs(60).saturating_sub(into_minute.unsigned_abs()),
        }
    }
}

impl Range {
    fn holds_at(&self, time: Time) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&time)
        } else {
            time >= self.from || time < self.to
        }
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.holds_at(other.from) || other.holds_at(self.from)
    }
}

fn parse_range(text: &str, rate: impl Fn(&str) -> Option<Rate>) -> Option<Range> {
    let (times, value) = text.split_once('=')?;
    let (from, to) = times.split_once('-')?;
    // 24:00 is only ever the end of a day.
    let to = if to.trim() == "24:00" { Time::midnight() } else { parse_time(to)? };
    Some(Range { from: parse_time(from)?, to, rate: rate(value.trim())? })
}

/// Reads `HH:MM`; [`Time`] alone reads more forms than that.
fn parse_time(text: &str) -> Option<Time> {
    let text = text.trim();
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(hours) && digits(minutes)).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Option<Rate> {
        if text == "auto" { Some(Rate::Auto) } else { text.parse().ok().map(Rate::PerSecond) }
    }

    fn plan(text: &str, zone: &str) -> Result<Plan, PlanError> {
        Plan::parse(text, TimeZone::get(zone).unwrap(), rate)
    }

    fn moment(time: &str) -> LocalTime {
        LocalTime::from_millis(time.parse::<Timestamp>().unwrap().as_millisecond())
    }

    fn at(plan: &Plan, time: &str) -> Option<Rate> {
        plan.at(moment(time)).rate
    }

    const FIVE: Option<Rate> = Some(Rate::PerSecond(5.0));
    const AUTO: Option<Rate> = Some(Rate::Auto);

    #[test]
    fn ranges_hold_from_their_first_minute_to_before_their_last_and_cross_midnight() {
        let plan = plan("08:00-20:00=5, 22:30-06:00 = auto", "UTC").unwrap();
        for (time, expected) in [
            ("07:59:59.999", None),
            ("08:00:00", FIVE),
            ("19:59:59.999", FIVE),
            ("20:00:00", None),
            ("22:29:59", None),
            ("22:30:00", AUTO),
            ("23:59:59", AUTO),
            ("00:00:00", AUTO),
            ("05:59:59", AUTO),
            ("06:00:00", None),
        ] {
            assert_eq!(at(&plan, &format!("2026-03-10T{time}Z")), expected, "{time}");
        }
    }

    #[test]
    fn a_whole_day_may_be_written_with_24_00() {
        let plan = plan("00:00-12:00=5,12:00-24:00=auto", "UTC").unwrap();
        assert_eq!(at(&plan, "2026-03-10T23:59:59Z"), AUTO);
        assert_eq!(at(&plan, "2026-03-10T00:00:00Z"), FIVE);
    }

    #[test]
    fn times_are_those_of_the_zone_on_days_that_have_23_and_25_hours_too() {
        let plan = plan("02:30-08:00=5,08:00-02:30=auto", "Europe/Berlin").unwrap();
        for (time, expected) in [
            // 29 March 2026: 02:00 to 03:00 is not there, so 02:30 is at 03:00 (01:00 UTC).
            ("2026-03-29T00:59:59Z", AUTO),
            ("2026-03-29T01:00:00Z", FIVE),
            ("2026-03-29T05:59:59Z", FIVE),
            ("2026-03-29T06:00:00Z", AUTO),
            // On 25 October 2026, 02:00 to 03:00 comes twice, and the rate of that hour holds both
            // times.
            ("2026-10-25T00:29:59Z", AUTO),
            ("2026-10-25T00:30:00Z", FIVE),
            ("2026-10-25T01:00:00Z", AUTO),
            ("2026-10-25T01:29:59Z", AUTO),
            ("2026-10-25T01:30:00Z", FIVE),
            ("2026-10-25T07:00:00Z", AUTO),
            // And a plain day in winter.
            ("2026-12-01T06:59:59Z", FIVE),
            ("2026-12-01T07:00:00Z", AUTO),
        ] {
            assert_eq!(at(&plan, time), expected, "{time}");
        }
    }

    #[test]
    fn it_is_looked_at_again_when_the_next_minute_begins() {
        let plan = plan("08:00-20:00=5", "Asia/Kathmandu").unwrap();
        let page = plan.at(moment("2026-03-10T07:59:58.5Z"));
        assert_eq!(page.look_in, Duration::from_millis(1500));
        assert_eq!(plan.at(LocalTime::default()).look_in, Duration::from_secs(60));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_the_range_it_is_in() {
        for (text, expected) in [
            ("", PlanError::Unreadable(1)),
            ("08:00-20:00", PlanError::Unreadable(1)),
            ("08:00-20:00=5,", PlanError::Unreadable(2)),
            ("8:00-20:00=5", PlanError::Unreadable(1)),
            ("08:00-20:60=5", PlanError::Unreadable(1)),
            ("08:00-24:01=5", PlanError::Unreadable(1)),
            ("24:00-08:00=5", PlanError::Unreadable(1)),
            ("08:00-20:00=fast", PlanError::Unreadable(1)),
            ("08:00-08:00=5", PlanError::Empty(1)),
            ("00:00-24:00=5", PlanError::Empty(1)),
            ("08:00-20:00=5,19:59-22:00=auto", PlanError::Overlap(1, 2)),
            ("22:00-06:00=5,08:00-20:00=9,05:00-07:00=auto", PlanError::Overlap(1, 3)),
            ("08:00-20:00=5,08:00-20:00=5", PlanError::Overlap(1, 2)),
            ("10:00-11:00=5,09:00-12:00=5", PlanError::Overlap(1, 2)),
        ] {
            assert_eq!(plan(text, "UTC").err(), Some(expected), "{text}");
        }
    }
}
