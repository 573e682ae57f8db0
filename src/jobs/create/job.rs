//! The job that creates one factor, and its next step.

use std::sync::Arc;

use crate::{
    engine::Job,
    ledger::Seq,
    model::{Factor, History, Method, UserId},
    pacer::breaker::RequestKind,
    protocol::{Step, marker::Mark, pages::Pages, reconcile},
};

/// A factor on its way.
#[derive(Debug)]
pub struct CreateJob {
    /// Its row in the ledger.
    pub seq: Seq,
    /// Factor to create.
    pub factor: Box<Factor>,
    /// Attempts so far.
    pub history: History,
    /// Next step.
    pub step: Step,
    /// The pages of the list that its step asks for, if there are several: few lists have.
    pub pages: Option<Box<Pages>>,
    /// The user's methods before the first POST of this import, where they were asked for.
    pub listed: Option<Arc<Vec<Method>>>,
    /// The method id that the ledger has, once it is settled.
    pub own: Option<Arc<str>>,
    /// The mark that its name bears while it is in doubt, if names are marked.
    pub mark: Mark,
}

impl CreateJob {
    /// Makes a job whose next step is `step`.
    pub fn new(seq: Seq, factor: Box<Factor>, history: History, step: Step, mark: Mark) -> Self {
        Self { seq, factor, history, step, pages: None, listed: None, own: None, mark }
    }

    pub(super) fn marked(&self) -> reconcile::Marked<'_> {
        reconcile::Marked { mark: &self.mark, always: self.history.marked }
    }
}

impl Job for CreateJob {
    fn user(&self) -> &UserId {
        &self.factor.user
    }

    fn kind(&self) -> RequestKind {
        match self.step {
            Step::Send | Step::Restore => RequestKind::Change,
            Step::CheckExisting | Step::LookUp | Step::Audit => RequestKind::Read,
        }
    }

    fn is_in_doubt(&self) -> bool {
        self.step == Step::LookUp
    }

    fn is_for_the_end(&self) -> bool {
        self.step == Step::Audit
    }

    fn follow(&mut self, before: &Self) {
        // One list before a user's first POST serves all that follow.
        self.listed.clone_from(&before.listed);
    }
}
