//! Judges what a tenant's list says about factors that should be there. Pure.
//!
//! The list may mask phones and addresses and never shows a TOTP secret (auth0-api.md 1.5), so
//! `present` means "nothing visible speaks against it", and a value that is not visible at all is
//! called `unverifiable`. The comparison of values is [`crate::protocol::reconcile`]'s; one listed
//! method never stands for two factors.

use std::borrow::Cow;

mod account;
mod bound;
mod cohort;
mod group;
mod pairing;
mod rows;
mod sample;
mod usage;

pub use account::{Account, Counts, Extra, Judged};
pub use bound::{Bound, CONFIDENCE};
pub use cohort::Cohort;
pub use group::Group;
pub use rows::Groups;
pub use sample::Sample;
pub use usage::{Usage, Use, Used};

use crate::{
    jobs::list::Listed,
    model::{Credential, Factor, FactorType, Field, Method, Reason},
};

/// State of an input's factor in the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerifyState {
    /// It exists, as far as the list shows.
    Present,
    /// It does not exist.
    Missing,
    /// It exists under another name, or with another preferred channel.
    Differs,
    /// Something of that type and name exists, but its value is not visible.
    Unverifiable,
    /// The tenant gave no usable list of this user: nothing is known.
    Unanswered,
}

impl VerifyState {
    /// Name of the state of a method that is in the tenant and not in the input.
    pub const EXTRA: &str = "extra";

    /// The name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Missing => "missing",
            Self::Differs => "differs",
            Self::Unverifiable => "unverifiable",
            Self::Unanswered => "unanswered",
        }
    }

    /// Returns whether it needs attention: such a run ends with exit code 4.
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Missing | Self::Differs | Self::Unanswered)
    }
}

/// Comparison of one factor with what the tenant lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Physical line of its row.
    pub line: u64,
    /// Its path inside of a document, where that says more than a line.
    pub at: Option<Box<str>>,
    /// The kind of factor.
    pub factor_type: FactorType,
    /// State of the row.
    pub state: VerifyState,
    /// The tenant's id of the method that stands for it.
    pub method_id: Option<String>,
    /// Fields in which that method differs.
    pub differing: Vec<Field>,
    /// Use of that method, where it was asked for.
    pub usage: Option<Use>,
    /// Reason why nothing is known.
    pub error: Option<Reason>,
}

/// Compares `factors` of one user with everything that the tenant lists for that user. `taken`
/// returns whether a method, by its id, already stands for another factor of the input.
pub fn compare(
    factors: &[Factor],
    listed: &Listed,
    taken: impl Fn(&str) -> bool,
) -> Vec<Comparison> {
    let list = match listed {
        Ok(list) => list,
        Err(reason) => {
            let unanswered = |factor| Comparison {
                error: Some(reason.clone()),
                ..finding(factor, VerifyState::Unanswered, None)
            };
            return factors.iter().map(unanswered).collect();
        }
    };
    let free: Vec<&Method> = list.iter().filter(|method| !taken(&method.id)).collect();
    let pairs = pairing::pair(factors, &free);
    let judged = |(factor, method): (&Factor, Option<usize>)| {
        let Some(method) = method.and_then(|at| free.get(at)) else {
            return finding(factor, VerifyState::Missing, None);
        };
        let usage = Some(Use::of(method, pairing::equals(factor, method, list)));
        if is_unseen(factor, method) {
            return Comparison {
                usage,
                ..finding(factor, VerifyState::Unverifiable, Some(method))
            };
        }
        let differing = differing(factor, method);
        let state = if differing.is_empty() { VerifyState::Present } else { VerifyState::Differs };
        Comparison { differing, usage, ..finding(factor, state, Some(method)) }
    };
    factors.iter().zip(pairs).map(judged).collect()
}

fn finding(factor: &Factor, state: VerifyState, method: Option<&Method>) -> Comparison {
    Comparison {
        line: factor.line,
        at: factor.at.clone(),
        factor_type: factor.factor_type(),
        state,
        method_id: method.map(|method| method.id.clone()),
        usage: None,
        differing: Vec::new(),
        error: None,
    }
}

/// Returns whether the list shows nothing of the value, as is always so for a TOTP.
fn is_unseen(factor: &Factor, method: &Method) -> bool {
    match factor.credential {
        Credential::Totp { .. } => true,
        Credential::Phone { .. } | Credential::Email { .. } => method.contact.is_none(),
        Credential::WebauthnRoaming(_) | Credential::Passkey(..) => method.key_id.is_none(),
    }
}

/// Returns the fields in which the tenant differs. A channel that is not shown does not differ.
fn differing(factor: &Factor, method: &Method) -> Vec<Field> {
    let mut fields = Vec::new();
    if factor.name.is_some() && factor.name != method.name {
        fields.push(Field::Name);
    }
    if let Credential::Phone { preferred: Some(wanted), .. } = factor.credential
        && method.preferred.is_some_and(|channel| channel != wanted)
    {
        fields.push(Field::PreferredAuthenticationMethod);
    }
    fields
}

/// Returns the type of a listed method in the tenant's own word.
fn type_of(method: &Method) -> Cow<'static, str> {
    match method.factor_type {
        Some(known) => known.name().into(),
        None => method.type_name.clone().into(),
    }
}

#[cfg(test)]
mod tests;
