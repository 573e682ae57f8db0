//! The questions, in the order in which they are asked: later ones use the answers to earlier ones.

mod cap;
mod conflict;
mod delays;
mod limit_headers;
mod long_name;
mod masking;
mod page_size;
mod passkey;
mod rename;
mod retry_after;
mod secrets;
mod switched_off;
mod unknown_user;

use super::{
    ProbeTerms,
    asker::{Asker, TenantAnswer, Unanswered},
};
use crate::{api::RawApi, model::TenantFacts};

/// A question about a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Creation of a factor that is switched off.
    SwitchedOff,
    /// Reasons for a 409.
    Conflict,
    /// Time until a new method is shown.
    Delays,
    /// Treatment of names that are too long.
    LongName,
    /// Secrets that are refused.
    Secrets,
    /// Masking of phone numbers and addresses.
    Masking,
    /// Fields that a passkey needs.
    Passkey,
    /// Types whose methods can be renamed.
    Rename,
    /// Answers about a user who does not exist.
    UnknownUser,
    /// Headers of the rate limit.
    LimitHeaders,
    /// Number of methods that a user may have.
    Cap,
    /// Size of pages, asked while the methods of the cap exist.
    PageSize,
    /// Contents of a 429.
    RetryAfter,
}

impl Question {
    /// All questions, in order.
    pub const ALL: [Self; 13] = [
        Self::SwitchedOff,
        Self::Passkey,
        Self::Conflict,
        Self::Delays,
        Self::LongName,
        Self::Secrets,
        Self::Masking,
        Self::Rename,
        Self::UnknownUser,
        Self::LimitHeaders,
        Self::Cap,
        Self::PageSize,
        Self::RetryAfter,
    ];

    /// Returns the question's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SwitchedOff => "switched_off",
            Self::Conflict => "conflict",
            Self::Delays => "delays",
            Self::LongName => "long_name",
            Self::Secrets => "secrets",
            Self::Masking => "masking",
            Self::Passkey => "passkey",
            Self::Rename => "rename",
            Self::UnknownUser => "unknown_user",
            Self::PageSize => "page_size",
            Self::LimitHeaders => "limit_headers",
            Self::Cap => "cap",
            Self::RetryAfter => "retry_after",
        }
    }

    /// Returns the question in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::SwitchedOff => "Can a factor that is switched off be created?",
            Self::Conflict => "What is a conflict (409)?",
            Self::Delays => "When is a new method shown?",
            Self::LongName => "What becomes of a name of 21 characters?",
            Self::Secrets => "Which TOTP secrets are refused?",
            Self::Masking => "Are numbers and addresses masked?",
            Self::Passkey => "Which fields does a passkey need?",
            Self::Rename => "Of which types can a method be renamed?",
            Self::UnknownUser => "What do PUT and DELETE answer for an unknown user?",
            Self::PageSize => "How large may a page be?",
            Self::LimitHeaders => "What do the headers of the limit say?",
            Self::Cap => "How many methods may a user have?",
            Self::RetryAfter => "Does a 429 say how long to wait?",
        }
    }

    /// Returns true if the methods that it creates are left for the next question.
    pub(super) const fn leaves_methods(self) -> bool {
        matches!(self, Self::Cap)
    }

    /// Asks the question, records the facts that follow, and returns the answer in words.
    pub(super) async fn ask<A: RawApi>(
        self,
        asker: &mut Asker<A>,
        terms: &ProbeTerms,
        facts: &mut TenantFacts,
    ) -> Result<String, Unanswered> {
        match self {
            Self::SwitchedOff => switched_off::ask(asker, facts).await,
            Self::Conflict => conflict::ask(asker, facts).await,
            Self::Delays => delays::ask(asker, facts).await,
            Self::LongName => long_name::ask(asker, facts).await,
            Self::Secrets => secrets::ask(asker, facts).await,
            Self::Masking => masking::ask(asker, facts).await,
            Self::Passkey => passkey::ask(asker, facts).await,
            Self::Rename => rename::ask(asker, facts).await,
            Self::UnknownUser => unknown_user::ask(asker, facts).await,
            Self::PageSize => page_size::ask(asker, facts).await,
            Self::LimitHeaders => limit_headers::ask(asker, facts).await,
            Self::Cap => cap::ask(asker, terms, facts).await,
            Self::RetryAfter => retry_after::ask(asker, terms, facts).await,
        }
    }
}

/// Returns true if a request was refused for its contents. Other refusals, such as for a user who
/// is gone or a plan without this type, say nothing about the contents.
fn is_invalid(told: &TenantAnswer) -> bool {
    told.status == 400
}

/// Joins words: `a, b`, or `nothing` where there is none.
fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
