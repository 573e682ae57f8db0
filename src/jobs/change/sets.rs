//! `replace`: users' whole sets. A user's rows have to be consecutive; an incomplete set is
//! refused.

use crate::{
    engine::intake::{JobBuilder, PlannedRow, PlannedRows, RowPlanner, RowWarning, plan_row},
    input::{self, Ending, Shape},
    jobs::{
        SecretCount,
        change::{ChangeJob, ChangeRequest},
    },
    ledger::{Admission, Asked, Key, Row, Seen, Seq},
    model::{
        Code, Factor, Fault, Field, Fingerprint, History, Lines, Operation, Planned, Refusal,
        Rejection, SecretEncoding, Set, UserId,
    },
    plan::Plan,
};

/// Most factors of one user: far above what a tenant allows, and a bound on memory.
const MAX_FACTORS: usize = 100;

/// Collects a user's rows.
#[derive(Debug)]
pub struct Sets {
    key: Key,
    shape: Shape,
    secrets: Option<SecretEncoding>,
    /// Counts the secrets of the rows.
    secret_count: SecretCount,
    open: Option<Open>,
    /// Users whose rows have ended.
    met: Seen,
}

/// The user whose rows are being read.
#[derive(Debug)]
struct Open {
    user: UserId,
    rows: Vec<Planned>,
    /// Reason why none of the set can be used.
    spoilt: Option<(Code, &'static str)>,
}

/// One row of a set.
#[derive(Debug)]
pub struct SetRow {
    factor: Box<Factor>,
    /// Number of rows of the set that come after this one.
    left: usize,
}

impl Sets {
    /// Makes a planner for an input of that shape, whose secrets are encoded as declared, with the
    /// ledger's key.
    pub fn new(key: Key, shape: Shape, secrets: Option<SecretEncoding>) -> Self {
        let secret_count = SecretCount::default();
        Self { key, shape, secrets, secret_count, open: None, met: Seen::default() }
    }

    /// Counts the secrets of the rows.
    #[must_use]
    pub fn counting(self, secret_count: SecretCount) -> Self {
        Self { secret_count, ..self }
    }

    fn take(&mut self, planned: Planned, out: &mut PlannedRows<PlannedRow<SetRow>>) {
        let user = match &planned {
            Planned::Factor(factor) => Some(factor.user.clone()),
            Planned::Rejected(rejection) => rejection.user.clone(),
        };
        // A row without a user may belong to anybody, including the set that it stands in or after,
        // which would then be incomplete.
        let user = user.or_else(|| self.open.as_ref().map(|open| open.user.clone()));
        let Some(user) = user else {
            self.close(out);
            if let Planned::Rejected(rejection) = planned {
                out.reject(rejection);
            }
            return;
        };
        if self.open.as_ref().is_none_or(|open| open.user != user) {
            self.close(out);
            let again = !self.met.insert(&user);
            let spoilt = again.then_some((
                Code::ScatteredSet,
                "this user's rows are not consecutive: sort the input by user, or use one line a \
                 user",
            ));
            self.open = Some(Open { user, rows: Vec::new(), spoilt });
        }
        let Some(open) = &mut self.open else { return };
        if matches!(planned, Planned::Rejected(_)) {
            open.spoilt = open.spoilt.or(Some((
                Code::IncompleteSet,
                "another row of this user is bad, and a set that is not whole would take away what \
                 that row stands for: mend it",
            )));
        }
        if open.rows.len() >= MAX_FACTORS {
            open.spoilt = open.spoilt.or(Some((Code::TooMany, "the user has more than 100 rows")));
            Self::settle_spoilt(open, out);
        }
        open.rows.push(planned);
    }

    /// Refuses the collected rows of a set that cannot be used.
    fn settle_spoilt(open: &mut Open, out: &mut PlannedRows<PlannedRow<SetRow>>) {
        let rule = open.spoilt.unwrap_or((Code::IncompleteSet, ""));
        for planned in open.rows.drain(..) {
            out.reject(match planned {
                Planned::Rejected(rejection) => rejection,
                Planned::Factor(factor) => Box::new(refuse(&factor, Field::UserId, rule)),
            });
        }
    }

    /// Sends on the set that is being collected.
    fn close(&mut self, out: &mut PlannedRows<PlannedRow<SetRow>>) {
        let Some(mut open) = self.open.take() else {
            return;
        };
        if open.spoilt.is_some() {
            Self::settle_spoilt(&mut open, out);
            return;
        }
        let mut factors: Vec<Factor> = Vec::new();
        for planned in open.rows {
            if let Planned::Factor(factor) = planned {
                factors.push(*factor);
            }
        }
        let prints = self.key.of_set(&factors);
        let count = factors.len();
        for (index, (factor, print)) in factors.into_iter().zip(prints).enumerate() {
            out.rows.push(prepare(Box::new(factor), print, count - index - 1));
        }
    }
}

fn prepare(factor: Box<Factor>, fingerprint: Fingerprint, left: usize) -> PlannedRow<SetRow> {
    let asked = Asked {
        operation: Operation::Replace,
        fingerprint,
        as_written: None,
        line: factor.line,
        at: factor.at.as_deref().map(Into::into),
        user: factor.user.clone(),
        factor_type: Some(factor.factor_type()),
        name: None,
        method_id: None,
    };
    (Row::Asked(asked), Some(SetRow { factor, left }))
}

fn refuse(factor: &Factor, field: Field, (code, rule): (Code, &str)) -> Rejection {
    Rejection {
        line: factor.line,
        index: None,
        at: factor.at.clone(),
        user: Some(factor.user.clone()),
        factor_type: Some(factor.factor_type()),
        refusal: Refusal::Rejected,
        faults: vec![Fault::new(field.name(), code, rule)],
    }
}

impl RowPlanner for Sets {
    type Planned = PlannedRow<SetRow>;

    fn plan(&mut self, row: input::Row, out: &mut PlannedRows<PlannedRow<SetRow>>) {
        let line = row.line();
        let Plan { planned, warnings } = plan_row(row, self.shape, self.secrets);
        self.secret_count.see(&planned);
        out.warnings.extend(warnings.into_iter().map(|warning| RowWarning {
            line,
            at: None,
            warning,
        }));
        let planned = match planned {
            Planned::Factor(factor) if !factor.factor_type().is_settable() => {
                let rule = "cannot be row of a set: PUT takes `phone`, `email` and `totp` only; \
                            use `import` for it";
                Planned::Rejected(Box::new(refuse(&factor, Field::Type, (Code::NotSettable, rule))))
            }
            planned => planned,
        };
        self.take(planned, out);
    }

    fn end(&mut self, _: Ending, _: &Lines, out: &mut PlannedRows<PlannedRow<SetRow>>) {
        self.close(out);
    }
}

/// Makes a job of the rows of a set, once all of them are admitted.
#[derive(Debug, Default)]
pub struct SetJobs {
    factors: Vec<Factor>,
    todo: Vec<Seq>,
    history: History,
}

impl JobBuilder for SetJobs {
    type Payload = SetRow;
    type Job = ChangeJob;

    fn build(&mut self, admission: Admission, row: SetRow) -> Option<ChangeJob> {
        let SetRow { factor, left } = row;
        let user = factor.user.clone();
        let again = |other: &Factor| {
            other.factor_type() == factor.factor_type()
                && other.folded_identity() == factor.folded_identity()
        };
        let again = self.factors.iter().any(again);
        if !again {
            self.factors.push(*factor);
        }
        if let Admission::Todo(seq, history) | Admission::InDoubt(seq, history) = admission {
            self.todo.push(seq);
            self.history = history;
        }
        if left > 0 {
            return None;
        }
        let Self { factors, todo, history } = std::mem::take(self);
        // If an earlier run has settled some of its rows, the whole set is sent all the same.
        (!todo.is_empty())
            .then(|| ChangeJob::new(todo, ChangeRequest::Replace(Set { user, factors }), history))
    }
}
