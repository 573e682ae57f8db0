//! Rows about existing methods: `update` and `delete`.

use crate::{
    engine::intake::{JobBuilder, PlannedRow, PlannedRows, RowPlanner, RowWarning},
    input,
    jobs::{
        ask_about,
        change::{ChangeJob, ChangeRequest},
        plan_record,
    },
    ledger::{Admission, Asked, Key, Row},
    model::{Operation, Record, Rejection},
    plan::{self, Naming, Warning},
};

/// Plans rows that change or delete methods.
#[derive(Debug)]
pub struct ChangeRows {
    key: Key,
    what: What,
}

#[derive(Debug)]
enum What {
    Changes,
    Targets(Naming),
}

impl ChangeRows {
    /// Makes a planner for `update`, with the ledger's key.
    pub fn changes(key: Key) -> Self {
        Self { key, what: What::Changes }
    }

    /// Makes a planner for `delete`: of single methods, or of all of a user's.
    pub fn targets(key: Key, naming: Naming) -> Self {
        Self { key, what: What::Targets(naming) }
    }

    fn planned(
        &self,
        record: Record,
        warnings: &mut Vec<Warning>,
    ) -> Result<PlannedRow<ChangeRequest>, Box<Rejection>> {
        let (asked, request) = match self.what {
            What::Changes => {
                let planned = plan::change(record);
                warnings.extend(planned.warnings);
                let change = planned.change?;
                let asked = Asked {
                    operation: Operation::Update,
                    fingerprint: self.key.of_change(&change),
                    as_written: None,
                    line: change.line,
                    at: None,
                    user: change.user.clone(),
                    factor_type: None,
                    name: None,
                    method_id: Some(change.method.clone()),
                };
                (asked, ChangeRequest::Update(change))
            }
            What::Targets(naming) => {
                let target = plan::target(record, naming)?;
                let asked = ask_about(&target, Operation::Delete, &self.key);
                (asked, ChangeRequest::Delete(target))
            }
        };
        Ok((Row::Asked(asked), Some(request)))
    }
}

impl RowPlanner for ChangeRows {
    type Planned = PlannedRow<ChangeRequest>;

    fn plan(&mut self, row: input::Row, out: &mut PlannedRows<PlannedRow<ChangeRequest>>) {
        let line = row.line();
        let mut warnings = Vec::new();
        plan_record(row, out, |record| self.planned(record, &mut warnings));
        out.warnings.extend(warnings.into_iter().map(|warning| RowWarning {
            line,
            at: None,
            warning,
        }));
    }
}

/// Makes a job of each admitted row.
#[derive(Debug)]
pub struct ChangeJobs;

impl JobBuilder for ChangeJobs {
    type Payload = ChangeRequest;
    type Job = ChangeJob;

    fn build(&mut self, admission: Admission, request: ChangeRequest) -> Option<ChangeJob> {
        match admission {
            Admission::Todo(seq, history) | Admission::InDoubt(seq, history) => {
                Some(ChangeJob::new(vec![seq], request, history))
            }
            Admission::Unfinished(..) | Admission::Done => None,
        }
    }
}
