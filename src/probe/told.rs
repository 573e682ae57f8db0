//! Outcome of a request: the tenant's own answer, or the reason for not having one.

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
    /// The question was not asked, for the reason given.
    NotAsked(String),
    /// The question was asked, but nothing follows from the outcome.
    Unclear(String),
    /// A POST was sent, and it is not known if it was executed.
    Lost(Reason),
    /// The tenant gives no usable answer.
    Silent,
    /// An error after which no question can be asked.
    Fatal(Box<Error>),
}

/// The tenant's own answer to a request.
#[derive(Debug)]
pub(super) struct TenantAnswer {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) body: Value,
    pub(super) limit: RawLimit,
    /// Number of earlier refusals of the same request by the rate limit.
    pub(super) bounces: u32,
    pub(super) sent: Instant,
    pub(super) came: Instant,
}

impl Unanswered {
    /// Makes the reason for a question that needs a scope which the token lacks.
    pub(super) fn lacking(scope: &str) -> Self {
        Self::NotAsked(format!("needs the scope {scope}"))
    }
}

impl TenantAnswer {
    /// Returns the id of the created method, if the answer confirms one.
    pub(super) fn created(&self) -> Option<&str> {
        self.body["id"].as_str().filter(|_| self.status == 201)
    }

    /// Returns true if the request was refused for its contents, not because of a conflict.
    pub(super) fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status) && self.status != 409
    }

    /// Returns the answer in short: `400 invalid_body`.
    pub(super) fn short(&self) -> String {
        let code = self.code.as_ref().map(|code| format!(" {code}"));
        format!("{}{}", self.status, code.unwrap_or_default())
    }
}

/// Makes the reason for a question without an answer because no method could be created. It names
/// each refusal with its types.
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
