//! Faults: one table of what can go wrong, and their notation (`close-after=1%`).
//!
//! A fault is a moment and an effect, nothing more; `http` implements the effects without knowing
//! any fault. To add a fault, add a row.

pub(in crate::sandbox) mod inject;

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use thiserror::Error;

use super::{
    answer::{self, Answer},
    call::Verb,
};

/// A kind of fault. [`FaultKind::all`] says what each does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "`about` describes each, from the table below")]
pub enum FaultKind {
    TooMany,
    TooManyBare,
    ExpiredToken,
    Entitlement,
    Redirect,
    ErrorBefore,
    ErrorAfter,
    GatewayHtmlBefore,
    GatewayHtmlAfter,
    UnavailableBefore,
    UnavailableAfter,
    TimeoutBefore,
    TimeoutAfter,
    CloseBefore,
    CloseAfter,
    ResetBefore,
    ResetAfter,
    Late,
    LateWrite,
    Hang,
    Cut,
    NotJson,
    Empty,
    Drip,
    Endless,
}

/// Moment at which the effect occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Moment {
    /// Nothing is executed.
    Before,
    /// The request is executed before the effect.
    After,
    /// The request is executed `late_by_ms` after the effect.
    LongAfter,
}

/// Effect on the client, in place of the answer.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) enum Effect {
    /// Another answer.
    Answer(fn() -> Answer),
    /// The connection closed (FIN).
    Close,
    /// The connection reset (RST).
    Reset,
    /// The answer, delayed by `late_by_ms`.
    Late,
    /// Nothing, for as long as the client waits.
    Hang,
    /// The answer without its second half.
    Cut,
    /// The status with a body that is not JSON.
    Garbage,
    /// The status with no body.
    Empty,
    /// The answer, a byte a second.
    Drip,
    /// The status with a body that does not end.
    Endless,
}

struct FaultRow {
    kind: FaultKind,
    name: &'static str,
    moment: Moment,
    effect: Effect,
    about: &'static str,
}

/// Every fault, in the order of the enum.
#[rustfmt::skip] // A table is read in columns.
const TABLE: &[FaultRow] = {
    use Effect as E;
    use FaultKind as K;
    use Moment::{After, Before, LongAfter};
    const fn row(kind: K, name: &'static str, moment: Moment, effect: E, about: &'static str) -> FaultRow {
        FaultRow { kind, name, moment, effect, about }
    }
    &[
        row(K::TooMany, "429", Before, E::Answer(answer::too_many), "a 429 with rate-limit headers, not executed"),
        row(K::TooManyBare, "429-bare", Before, E::Answer(answer::too_many_bare), "a 429 without any rate-limit header, not executed"),
        row(K::ExpiredToken, "401", Before, E::Answer(answer::expired_token), "a 401 as for an expired token, not executed"),
        row(K::Entitlement, "403-plan", Before, E::Answer(answer::entitlement), "a 403 `insufficient_entitlement`, not executed"),
        row(K::Redirect, "307-before", Before, E::Answer(answer::redirect), "a 307 to another host, not executed"),
        row(K::ErrorBefore, "500-before", Before, E::Answer(answer::internal_error), "a 500, not executed"),
        row(K::ErrorAfter, "500-after", After, E::Answer(answer::internal_error), "a 500, though executed"),
        row(K::GatewayHtmlBefore, "502-html-before", Before, E::Answer(answer::bad_gateway_html), "a 502 with an HTML page, not executed"),
        row(K::GatewayHtmlAfter, "502-html-after", After, E::Answer(answer::bad_gateway_html), "a 502 with an HTML page, though executed"),
        row(K::UnavailableBefore, "503-before", Before, E::Answer(answer::unavailable), "a 503, not executed"),
        row(K::UnavailableAfter, "503-after", After, E::Answer(answer::unavailable), "a 503, though executed"),
        row(K::TimeoutBefore, "408-before", Before, E::Answer(answer::request_timeout), "a 408, not executed"),
        row(K::TimeoutAfter, "408-after", After, E::Answer(answer::request_timeout), "a 408, though executed"),
        row(K::CloseBefore, "close-before", Before, E::Close, "the connection is closed, not executed"),
        row(K::CloseAfter, "close-after", After, E::Close, "the connection is closed, though executed"),
        row(K::ResetBefore, "reset-before", Before, E::Reset, "the connection is reset, not executed"),
        row(K::ResetAfter, "reset-after", After, E::Reset, "the connection is reset, though executed"),
        row(K::Late, "late", After, E::Late, "executed at once, answered late"),
        row(K::LateWrite, "late-write", LongAfter, E::Close, "the connection is closed at once, executed late"),
        row(K::Hang, "hang", Before, E::Hang, "never answered, not executed"),
        row(K::Cut, "cut", After, E::Cut, "executed, the answer ends in the middle of its body"),
        row(K::NotJson, "not-json", After, E::Garbage, "executed, the true status with a body that is no JSON"),
        row(K::Empty, "empty-201", After, E::Empty, "executed, the true status with an empty body"),
        row(K::Drip, "drip", After, E::Drip, "executed, the answer comes a byte a second"),
        row(K::Endless, "endless", After, E::Endless, "executed, the true status with a body of 10 GiB"),
    ]
};

impl FaultKind {
    /// Every kind, in the order `--help` shows them.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.kind)
    }

    /// Returns its name, as in `close-after=1%`.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Describes what it does, in one line.
    pub fn about(self) -> &'static str {
        self.row().about
    }

    pub(in crate::sandbox) fn moment(self) -> Moment {
        self.row().moment
    }

    pub(in crate::sandbox) fn effect(self) -> Effect {
        self.row().effect
    }

    fn row(self) -> &'static FaultRow {
        &TABLE[self as usize]
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Requests that may have a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// Every request under `/api/v2`, written `any`.
    Any,
    /// Those of one verb, or the token endpoint.
    Only(Verb),
}

impl On {
    pub(in crate::sandbox) fn covers(self, verb: Verb) -> bool {
        match self {
            Self::Any => verb != Verb::Token,
            Self::Only(only) => only == verb,
        }
    }
}

/// A kind of fault, how often it occurs, and in which requests. Written
/// `KIND[@VERB]=SHARE[xTIMES]`: `close-after=1%`, `503-before@any=0.02`, `late=100%x1` (only the
/// first POST), `503-before@token=100%x2`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub struct Fault {
    /// Kind of fault.
    pub kind: FaultKind,
    /// Share of the requests that have it, 0 to 1.
    pub share: f64,
    /// Requests that may have it.
    pub on: On,
    /// Maximum number of occurrences; unlimited when unset.
    pub times: Option<u64>,
}

/// Reason why a fault could not be read.
#[derive(Debug, Error, PartialEq)]
pub enum FaultError {
    /// There is no `=`.
    #[error("`{0}` says no share: write it as `{0}=1%`")]
    NoShare(String),
    /// No such kind.
    #[error("unknown fault `{0}`; there are: {known}", known = known())]
    Kind(String),
    /// No such verb.
    #[error("a fault cannot be on `{0}`: it is one of any, post, get, put, patch, delete, token")]
    Verb(String),
    /// The share cannot be read.
    #[error("`{0}` is no share: it is a percentage such as `2%`, or a number from 0 to 1")]
    Share(String),
    /// The count cannot be read.
    #[error("`{0}` is no number of times: it is a whole number, as in `late=100%x1`")]
    Times(String),
    /// More than every request.
    #[error("the faults on {0} add up to more than 100%")]
    TooMany(Verb),
}

fn known() -> String {
    FaultKind::all().map(FaultKind::name).collect::<Vec<_>>().join(", ")
}

impl Fault {
    /// Makes a fault of POST requests, without a maximum.
    pub fn new(kind: FaultKind, share: f64) -> Self {
        Self { kind, share, on: On::Only(Verb::Post), times: None }
    }

    /// Applies it to other requests.
    #[must_use]
    pub fn on(self, on: On) -> Self {
        Self { on, ..self }
    }

    /// Limits the number of occurrences.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Reads one fault.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let text = text.trim();
        let (what, how_much) =
            text.split_once('=').ok_or_else(|| FaultError::NoShare(text.to_owned()))?;
        let (name, verb) = what.split_once('@').unwrap_or((what, "post"));
        let (share, times) = match how_much.split_once('x') {
            Some((share, times)) => (share, Some(parse_times(times)?)),
            None => (how_much, None),
        };
        let kind = FaultKind::all()
            .find(|kind| kind.name() == name.trim())
            .ok_or_else(|| FaultError::Kind(name.trim().to_owned()))?;
        Ok(Self { kind, share: parse_share(share)?, on: parse_on(verb)?, times })
    }

    /// Reads faults separated by commas: `close-after=1%,500-before=2%`. Empty text is no fault.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, FaultError> {
        let pieces = text.split(',').filter(|piece| !piece.trim().is_empty());
        let faults = pieces.map(Self::parse).collect::<Result<Vec<_>, _>>()?;
        for verb in Verb::ALL {
            let sum: f64 =
                faults.iter().filter(|fault| fault.on.covers(verb)).map(|fault| fault.share).sum();
            // The tolerance is for sums such as 0.1 + 0.2 + 0.7.
            if sum > 1.0 + 1e-9 {
                return Err(FaultError::TooMany(verb));
            }
        }
        Ok(faults)
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for Fault {
    type Error = FaultError;

    fn try_from(text: String) -> Result<Self, FaultError> {
        Self::parse(&text)
    }
}

fn parse_share(text: &str) -> Result<f64, FaultError> {
    let text = text.trim();
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    number
        .trim()
        .parse::<f64>()
        .map(|number| number / whole)
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| FaultError::Share(text.to_owned()))
}

fn parse_on(text: &str) -> Result<On, FaultError> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("any") {
        return Ok(On::Any);
    }
    let verb = Verb::ALL.into_iter().find(|verb| verb.as_str().eq_ignore_ascii_case(text));
    verb.map(On::Only).ok_or_else(|| FaultError::Verb(text.to_owned()))
}

fn parse_times(text: &str) -> Result<u64, FaultError> {
    text.trim().parse().map_err(|_| FaultError::Times(text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_stands_in_the_order_of_the_enum() {
        for (at, kind) in FaultKind::all().enumerate() {
            assert_eq!(at, kind as usize, "{kind}");
        }
    }

    #[test]
    fn every_fault_is_read_by_its_name() {
        for kind in FaultKind::all() {
            assert_eq!(Fault::parse(&format!("{kind}=2%")), Ok(Fault::new(kind, 0.02)));
            assert!(!kind.about().is_empty());
        }
    }

    #[test]
    fn verb_share_and_times_are_read() {
        let fault = Fault::new(FaultKind::Late, 1.0);
        assert_eq!(Fault::parse(" late = 100% "), Ok(fault));
        assert_eq!(Fault::parse("late=1x3"), Ok(fault.times(3)));
        assert_eq!(Fault::parse("late@ANY=1"), Ok(fault.on(On::Any)));
        assert_eq!(Fault::parse("late@token=1"), Ok(fault.on(On::Only(Verb::Token))));
        assert_eq!(Fault::parse_list("late=1%, 429=2%,").map(|faults| faults.len()), Ok(2));
        assert_eq!(Fault::parse_list(""), Ok(vec![]));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |text: &str, expect: &str| {
            let message = Fault::parse_list(text).unwrap_err().to_string();
            assert!(message.starts_with(expect), "{text}: {message}");
        };
        check("late", "`late` says no share");
        check("lately=1%", "unknown fault `lately`; there are: 429, 429-bare,");
        check("late@head=1%", "a fault cannot be on `head`");
        check("late=2", "`2` is no share");
        check("late=NaN", "`NaN` is no share");
        check("late=-1%", "`-1%` is no share");
        check("late=1%xy", "`y` is no number of times");
        check("late=60%,429@any=60%", "the faults on POST add up to more than 100%");
    }
}
