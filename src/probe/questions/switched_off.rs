//! Question: can a factor that is switched off be created? A probe never changes a switch, so the
//! tenant must have a factor that is off.

use super::super::asker::{Asker, Unanswered};
use crate::{
    api::{RawApi, Setup, Verdict},
    auth0::READ_FACTORS,
    error::Error,
    model::{FactorSwitches, FactorType, TenantFacts},
};

/// Most tries to read the switches.
const MAX_TRIES: u32 = 5;

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    asker.needs(READ_FACTORS)?;
    let switches = switches(asker).await?;
    let off: Vec<FactorType> =
        FactorType::ALL.into_iter().filter(|one| switches.is_on(*one) == Some(false)).collect();
    if off.is_empty() {
        let why = "every factor is switched on, and no switch is touched";
        return Err(Unanswered::NotAsked(why.into()));
    }
    let (mut refused, mut created) = (Vec::new(), Vec::new());
    for factor_type in off {
        let told = asker.create(" (off)", factor_type).await?;
        if told.created().is_some() {
            created.push(factor_type.name());
        } else if told.is_refusal() {
            refused.push(factor_type.name());
        }
        asker.clear().await?;
    }
    match (refused.is_empty(), created.is_empty()) {
        (true, true) => Err(Unanswered::Unclear("neither created nor refused".into())),
        (false, false) => Ok(format!(
            "it depends: {} can be created, {} not",
            super::listed(created),
            super::listed(refused)
        )),
        (is_created, _) => {
            facts.refuses_disabled_factor = Some(!is_created);
            let types = super::listed(if is_created { created } else { refused });
            Ok(format!("{}: {types}", if is_created { "yes" } else { "no" }))
        }
    }
}

/// Gets the switches of all factors.
async fn switches<A: RawApi>(asker: &mut Asker<A>) -> Result<FactorSwitches, Unanswered> {
    for _ in 0..MAX_TRIES {
        asker.permit().await?;
        let answer = Setup::factor_switches(&*asker.gateway.api).await;
        asker.gateway.note(&answer);
        let status = answer.status;
        match answer.verdict {
            Verdict::Done(switches) => {
                asker.note("GET factors", status, None);
                return Ok(switches);
            }
            Verdict::Stop(error) | Verdict::StopInDoubt(error) => match *error {
                Error::MissingScope { scope } => return Err(Unanswered::lacking(&scope)),
                error => return Err(Unanswered::Fatal(Box::new(error))),
            },
            Verdict::Refused(reason) => {
                let why = format!("the tenant does not say which factors are off ({reason})");
                return Err(Unanswered::Unclear(why));
            }
            Verdict::Present | Verdict::NotExecuted(_) | Verdict::InDoubt(_) => {}
        }
    }
    Err(Unanswered::Silent)
}
