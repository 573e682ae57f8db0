//! The plan for people: how long the import takes, and what the estimate is based on.

use std::time::Duration;

use jiff::Timestamp;

use super::{Basis, Estimate, ONE_IN_DOUBT_OF, three_digits};
use crate::{
    model::LocalTime,
    pacer::{Learnt, Rate},
    text::{grouped, human},
};

impl Estimate {
    /// Returns lines for people.
    pub fn lines(&self) -> Vec<String> {
        let requests = grouped(self.requests);
        let Some(takes) = self.duration() else {
            return vec![
                format!("{requests} requests; how long they take is unknown: {}", self.gap()),
                format!("  {}", self.remedy()),
            ];
        };
        if self.requests == 0 {
            return vec!["nothing to send".to_owned()];
        }
        let rate = self.rate_per_second.unwrap_or_default();
        let until = self.ends().and_then(minute);
        let until = until.map(|at| format!(", until {at} if it began now")).unwrap_or_default();
        let average = if self.basis.is_planned { " on average" } else { "" };
        vec![
            format!(
                "about {}: {requests} requests at {rate} a second{average}{until}",
                long(takes)
            ),
            format!("  {}", self.kind()),
            format!("  for {}", self.assumed()),
        ]
    }

    /// Describes the quality of the estimate and its basis.
    fn kind(&self) -> String {
        if !self.is_rough {
            return format!("an estimate, from {}", self.grounds());
        }
        let Learnt { metered, is_rough, .. } = self.basis.learnt;
        let more = "ask about more users with --sample for a better one";
        if is_rough {
            return format!(
                "a rough estimate: what others use of the limit varies too much for {metered} answers \
                 to show it well; {more}"
            );
        }
        let answers = if metered == 1 { "answer" } else { "answers" };
        format!("a rough estimate, from only {metered} {answers}: {more}")
    }

    /// Describes what the pace was estimated from.
    fn grounds(&self) -> String {
        let Basis { rate, is_planned, reserve, in_flight, learnt, .. } = self.basis;
        let mut parts = Vec::new();
        if is_planned {
            parts.push("--rate-plan".to_owned());
        }
        if let Rate::PerSecond(rate) = rate {
            parts.push(format!("--rate {rate}"));
        }
        let refill = learnt.refill.or(learnt.used).filter(|_| !learnt.is_rough);
        if let (Some(limit), Some(refill)) = (learnt.limit, refill) {
            let reserve = reserve * 100.0;
            parts.push(format!(
                "the limit that {} answers showed (up to {limit} requests at once, and {} a second \
                 beyond what others take now), of which --reserve leaves {reserve:.0} % to others",
                learnt.metered,
                three_digits(refill)
            ));
        } else {
            parts.push("a tenant that lets all of that through".to_owned());
        }
        if let Some(number) = in_flight {
            parts.push(format!("--concurrency {number}"));
        }
        let last = parts.pop().unwrap_or_default();
        if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) }
    }

    /// Describes the assumptions about the requests.
    fn assumed(&self) -> String {
        let Basis { name_marker, skip_existing, .. } = self.basis;
        let lists = if skip_existing { ", a list of each user's methods" } else { "" };
        let renames = if name_marker { ", a rename of each factor" } else { "" };
        format!(
            "one request for each factor{lists}{renames}, and a look-up for each of an assumed {} % in \
             doubt",
            100 / ONE_IN_DOUBT_OF
        )
    }

    /// Describes what is missing for an estimate.
    fn gap(&self) -> String {
        let Learnt { answers, metered, limit, .. } = self.basis.learnt;
        match (answers, limit) {
            (0, _) => "the tenant was asked nothing that would show its rate limit".to_owned(),
            (_, None) => "the tenant's answers do not state its rate limit".to_owned(),
            (_, Some(_)) => {
                format!("{metered} answers are too few to learn the tenant's rate limit from")
            }
        }
    }

    fn remedy(&self) -> &'static str {
        match self.basis.learnt {
            Learnt { answers: 1.., limit: None, .. } => {
                "give --rate N for an estimate at that rate; `auto` finds the limit during the run"
            }
            _ => {
                "ask about more users with --sample, or give --rate N for an estimate at that rate"
            }
        }
    }
}

fn minute(at: LocalTime) -> Option<String> {
    let at = Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M UTC").to_string())
}

/// Formats `3 min 20 s`, `14 h 2 min`, `12 days`.
fn long(time: Duration) -> String {
    let days = time.as_secs() / 86_400;
    if days < 4 { human(time) } else { format!("{} days", grouped(days)) }
}
