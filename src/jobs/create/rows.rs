//! `import`: rows that are factors to create.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::jobs::SecretCount;
use crate::{
    engine::intake::{JobBuilder, PlannedRow, PlannedRows, RowPlanner, RowWarning, plan_row},
    input::{self, Ending, Shape},
    jobs::create::{CreateJob, Step},
    ledger::{Admission, Asked, Key, Remaining, Row},
    model::{Factor, History, Lines, NameTag, Operation, Planned, SecretEncoding},
    plan::{Finding, Plan, Whole},
    protocol::marker::Mark,
};

/// Plans factors.
#[derive(Debug)]
pub struct Factors {
    key: Key,
    secrets: Option<SecretEncoding>,
    /// The last name seen, which most rows share, and its tag.
    last_name: Option<(String, NameTag)>,
    /// The check of the input as a whole, where it is still to be made.
    on_the_way: Option<OnTheWay>,
    /// Counts the secrets of the rows.
    secret_count: SecretCount,
}

/// The check of an input as a whole, made while its rows are imported: for an input that has not
/// been read before.
#[derive(Debug)]
pub struct OnTheWay {
    /// The check.
    pub whole: Whole,
    /// True once its findings are logged; an earlier reading may have logged them.
    pub told: Arc<AtomicBool>,
    /// Advice about rows that is still to be given.
    pub advice: Option<Advice>,
}

/// Advice that is given once, at the first row that it is about.
#[derive(Debug)]
pub struct Advice {
    /// Returns true if it is about a row.
    pub is_about: fn(&Planned) -> bool,
    /// The advice itself.
    pub text: String,
}

/// A factor to create, and the mark that its name may carry.
pub(super) type Payload = (Box<Factor>, Mark);

impl Factors {
    /// Makes a planner for an input whose secrets are encoded as declared, with the ledger's key.
    pub fn new(key: Key, secrets: Option<SecretEncoding>) -> Self {
        let secret_count = SecretCount::default();
        Self { key, secrets, last_name: None, on_the_way: None, secret_count }
    }

    /// Checks the input as a whole while it is read, and logs its findings at the end.
    #[must_use]
    pub fn looking(self, on_the_way: Option<OnTheWay>) -> Self {
        Self { on_the_way, ..self }
    }

    /// Counts the secrets of the rows.
    #[must_use]
    pub fn counting(self, secret_count: SecretCount) -> Self {
        Self { secret_count, ..self }
    }

    /// Returns the ledger's question about a factor, together with its payload.
    pub fn prepare(&mut self, factor: Box<Factor>) -> PlannedRow<Payload> {
        let fingerprint = self.key.fingerprint(&factor);
        let asked = Asked {
            operation: Operation::Import,
            fingerprint,
            as_written: self.key.as_written(&factor),
            line: factor.line,
            at: factor.at.as_deref().map(Into::into),
            user: factor.user.clone(),
            factor_type: Some(factor.factor_type()),
            name: factor.name.as_deref().map(|name| self.name(name)),
            method_id: None,
        };
        (Row::Asked(asked), Some((factor, Mark::of(fingerprint))))
    }

    fn name(&mut self, name: &str) -> NameTag {
        match &self.last_name {
            Some((last, tag)) if last == name => *tag,
            _ => self.last_name.insert((name.into(), self.key.name(name))).1,
        }
    }
}

impl RowPlanner for Factors {
    type Planned = PlannedRow<Payload>;

    fn plan(&mut self, row: input::Row, out: &mut PlannedRows<PlannedRow<Payload>>) {
        let line = row.line();
        let Plan { planned, warnings } = plan_row(row, Shape::Factors, self.secrets);
        out.warnings.extend(warnings.into_iter().map(|warning| RowWarning {
            line,
            at: planned.at().map(Into::into),
            warning,
        }));
        if let Some(look) = &mut self.on_the_way {
            look.see(&planned);
        }
        self.secret_count.see(&planned);
        match planned {
            Planned::Factor(factor) => out.rows.push(self.prepare(factor)),
            Planned::Rejected(rejection) => out.reject(rejection),
        }
    }

    fn end(&mut self, ending: Ending, lines: &Lines, _: &mut PlannedRows<PlannedRow<Payload>>) {
        if let Some(look) = self.on_the_way.take()
            && !look.told.swap(true, Ordering::Relaxed)
        {
            log_findings(&look.whole.findings(ending, lines));
        }
    }
}

impl OnTheWay {
    fn see(&mut self, planned: &Planned) {
        self.whole.see(planned);
        if let Some(advice) = self.advice.take_if(|advice| (advice.is_about)(planned)) {
            tracing::warn!("{}", advice.text);
        }
    }
}

/// Logs what is odd about an input as a whole.
pub fn log_findings(findings: &[Finding]) {
    for finding in findings {
        if finding.is_note {
            tracing::info!("{finding}");
        } else {
            tracing::warn!("{finding}");
        }
    }
}

/// Makes jobs of admitted factors.
#[derive(Debug)]
pub struct CreateJobs {
    /// The first step of each.
    pub first: Step,
}

impl JobBuilder for CreateJobs {
    type Payload = Payload;
    type Job = CreateJob;

    fn build(&mut self, admission: Admission, (factor, mark): Payload) -> Option<CreateJob> {
        let mark = |history: &History| history.print.map_or_else(|| mark.clone(), Mark::of);
        match admission {
            Admission::Todo(seq, history) => {
                let mark = mark(&history);
                Some(CreateJob::new(seq, factor, history, self.first, mark))
            }
            Admission::InDoubt(seq, history) => {
                let mark = mark(&history);
                Some(CreateJob::new(seq, factor, history, Step::LookUp, mark))
            }
            Admission::Unfinished(seq, history, own, rest) => {
                let step = match rest {
                    Remaining::Audit => Step::Audit,
                    Remaining::Restore => Step::Restore,
                };
                let mark = mark(&history);
                Some(CreateJob { own, ..CreateJob::new(seq, factor, history, step, mark) })
            }
            Admission::Done => None,
        }
    }
}
