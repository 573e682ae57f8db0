//! Draws which request has which fault, from the seed and the request's number.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Fault, FaultKind};
use crate::sandbox::{
    call::Verb,
    rng::{RngPurpose, rng},
};

/// Draws faults. A request has at most one.
#[derive(Debug)]
pub(in crate::sandbox) struct Injector {
    seed: u64,
    faults: Vec<(Fault, AtomicU64)>,
}

impl Injector {
    pub(in crate::sandbox) fn new(seed: u64, faults: Vec<Fault>) -> Self {
        let faults = faults.into_iter().map(|fault| (fault, AtomicU64::new(0))).collect();
        Self { seed, faults }
    }

    /// Draws the fault of request `ordinal` of the API, or of the token endpoint.
    pub(in crate::sandbox) fn draw(&self, verb: Verb, ordinal: u64) -> Option<FaultKind> {
        if self.faults.is_empty() {
            return None;
        }
        let purpose = if verb == Verb::Token { RngPurpose::TokenFault } else { RngPurpose::Fault };
        let mut left = rng(self.seed, purpose, ordinal).f64();
        for (fault, struck) in self.faults.iter().filter(|(fault, _)| fault.on.covers(verb)) {
            if left < fault.share {
                let may =
                    fault.times.is_none_or(|times| struck.fetch_add(1, Ordering::Relaxed) < times);
                return may.then_some(fault.kind);
            }
            left -= fault.share;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::faults::On;

    fn drawn(injector: &Injector, verb: Verb) -> Vec<Option<FaultKind>> {
        (0..1000).map(|ordinal| injector.draw(verb, ordinal)).collect()
    }

    #[test]
    fn schedule_repeats_and_shares_are_kept() {
        let faults = Fault::parse_list("close-after=10%,429=20%").unwrap();
        let first = drawn(&Injector::new(7, faults.clone()), Verb::Post);
        assert_eq!(first, drawn(&Injector::new(7, faults.clone()), Verb::Post));
        assert_ne!(first, drawn(&Injector::new(8, faults), Verb::Post));
        let count = |kind| first.iter().filter(|drawn| **drawn == kind).count();
        assert!((70..130).contains(&count(Some(FaultKind::CloseAfter))));
        assert!((160..240).contains(&count(Some(FaultKind::TooMany))));
    }

    #[test]
    fn faults_strike_their_verb_and_stop_after_their_times() {
        let injector = Injector::new(1, vec![Fault::new(FaultKind::Hang, 1.0).times(2)]);
        assert!(drawn(&injector, Verb::Get).iter().all(Option::is_none));
        assert_eq!(drawn(&injector, Verb::Post).iter().flatten().count(), 2);
        let any = Injector::new(1, vec![Fault::new(FaultKind::Hang, 1.0).on(On::Any)]);
        assert!(any.draw(Verb::Patch, 0).is_some() && any.draw(Verb::Token, 0).is_none());
    }
}
