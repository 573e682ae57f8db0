//! Outcome of a request: the tenant's own answer, or why there is none.

use serde_json::Value;
use tokio::time::Instant;

use crate::{
    api::RawLimit,
    error::Error,
    model::{FactorType, Reason},
};

/// Reason why there is no answer to a question.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The probe is stopping.
    Stopped,
    /// It was not asked, for the reason given.
    NotAsked(String),
    /// It was asked, and what came of it tells nothing.
    Unclear(String),
    /// A POST was sent, and what became of it is not known.
    Lost(Reason),
    /// The tenant gives no usable answer.
    Silent,
    /// Nothing more can be asked.
    Fatal(Box<Error>),
}

/// The tenant's own answer to a request.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) body: Value,
    pub(super) limit: RawLimit,
    /// Times that the same request was refused for the limit before.
    pub(super) bounces: u32,
    pub(super) sent: Instant,
    pub(super) came: Instant,
}

impl Unanswered {
    /// Tells that a question takes a scope that the token lacks.
    pub(super) fn lacking(scope: &str) -> Self {
        Self::NotAsked(format!("needs the scope {scope}"))
    }
}

impl Told {
    /// Returns the id of the method that it says was created.
    pub(super) fn created(&self) -> Option<&str> {
        self.body["id"].as_str().filter(|_| self.status == 201)
    }

    /// Returns true if it was refused for what was sent: not because it is there already.
    pub(super) fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status) && self.status != 409
    }

    /// Says it in short: `400 invalid_body`.
    pub(super) fn short(&self) -> String {
        let code = self.code.as_ref().map(|code| format!(" {code}"));
        format!("{}{}", self.status, code.unwrap_or_default())
    }
}

/// Returns why there is no answer where no method could be created: each refusal with its types.
pub(super) fn none_created(refused: Vec<(FactorType, String)>) -> Unanswered {
    let mut kinds: Vec<(String, Vec<&str>)> = Vec::new();
    for (of, refusal) in refused {
        match kinds.iter_mut().find(|(known, _)| *known == refusal) {
            Some((_, types)) => types.push(of.name()),
            None => kinds.push((refusal, vec![of.name()])),
        }
    }
    let kinds =
        kinds.into_iter().map(|(refusal, types)| format!("{refusal}: {}", types.join(", ")));
    let kinds = kinds.collect::<Vec<_>>().join("; ");
    Unanswered::Unclear(format!("no method could be created ({kinds})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_named_once_with_its_types() {
        let refused =
            [(FactorType::Phone, "403"), (FactorType::Totp, "400 x"), (FactorType::Email, "403")];
        let refused = refused.map(|(of, refusal)| (of, refusal.to_owned()));
        let Unanswered::Unclear(why) = none_created(refused.into()) else { unreachable!() };
        assert_eq!(why, "no method could be created (403: phone, email; 400 x: totp)");
    }
}
