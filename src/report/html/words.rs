//! Texts that several parts of the page share.

use crate::model::{LocalTime, State};

/// Formats `2026-11-29 05:00:12 UTC`.
pub(super) fn time(at: LocalTime) -> String {
    jiff::Timestamp::from_millisecond(at.as_millis())
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
        .unwrap_or_default()
}

/// Returns the host of a base URL.
pub(super) fn host(url: &str) -> &str {
    url.trim_start_matches("https://").trim_end_matches('/')
}

/// Returns a state's name for people.
pub(super) fn state(state: State) -> String {
    state.name().replace('_', " ")
}

/// Returns a state's name after a number of rows: `15 need review`.
pub(super) fn state_of(state: State, count: u64) -> String {
    match (state, count) {
        (State::NeedsReview, 2..) => "need review".into(),
        _ => self::state(state),
    }
}

/// Returns the meaning of a state, in a few words.
pub(super) fn meaning(state: State) -> &'static str {
    match state {
        State::Created => "this tool created it, and has its id",
        State::AlreadyPresent => "the tenant had it before",
        State::Rejected => "refused for good: the data is wrong, or the tenant said no",
        State::NotCarried => "nothing is wrong with it, but no API can create it",
        State::Failed => "known not to be there after the allowed attempts",
        State::NeedsReview => "could not be established, so it is never sent again",
        State::InFlight | State::Undoing => "sent, outcome not yet known",
        State::Pending => "still to do",
        State::Replaced => "in its user's whole set now",
        State::Updated => "has its new name or channel",
        State::Deleted => "no longer there",
        State::AlreadyGone => "was no longer there",
        State::Undone => "this tool created it, and has taken it away",
        State::Kept => "this tool created it, and left it when asked to undo",
        State::Exported => "written out",
        State::Resolved => "known as a user of the tenant",
    }
}

/// Formats `a`, `a and b`, `a, b and c`.
pub(super) fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
