//! The tenant's answers about itself, or why there are none.

use super::{ClockSkew, CustomDomain, FactorSwitches, Grant, MessageTypes};

/// Answer to a question that may not have been asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Asked<T> {
    /// The tenant answered.
    Known(T),
    /// The tenant was not asked, or refused to answer, because the token lacks this scope.
    NotAllowed(&'static str),
    /// The tenant gave no usable answer.
    Unanswered,
    /// The tenant was not asked, because nothing in INPUT depends on the answer.
    #[default]
    NotNeeded,
}

/// Answers to all questions.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Scopes and end of the token.
    pub grant: Grant,
    /// Switches of the factors.
    pub switches: Asked<FactorSwitches>,
    /// Channels that deliver codes to phones.
    pub message_types: Asked<MessageTypes>,
    /// Policies that ask for a factor at login.
    pub policies: Asked<Vec<String>>,
    /// Custom domains.
    pub domains: Asked<Vec<CustomDomain>>,
    /// True if lists are masked.
    pub masks_lists: Asked<bool>,
    /// Users of the sample and what their lists said.
    pub sample: Asked<Sampled>,
    /// Lead of the tenant's clock over ours; `None` if no answer showed it.
    pub skew: Option<ClockSkew>,
    /// Requests for all of this, not counting those for tokens.
    pub requests: u64,
}

impl<T> Asked<T> {
    /// Returns whether the tenant was asked, whatever it answered.
    pub const fn was_asked(&self) -> bool {
        matches!(self, Self::Known(_) | Self::Unanswered)
    }
}

impl Facts {
    /// Returns whether any question about the tenant was asked.
    pub const fn were_asked(&self) -> bool {
        self.switches.was_asked()
            || self.message_types.was_asked()
            || self.policies.was_asked()
            || self.domains.was_asked()
            || self.masks_lists.was_asked()
    }
}

/// Answers about the users of a sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Users whose list was asked for and answered, those who do not exist included.
    pub users: u64,
    /// Users who do not exist (404).
    pub missing: u64,
    /// Users who already hold methods of a type that INPUT has.
    pub with_methods: u64,
    /// Users who got no usable answer.
    pub unanswered: u64,
}
