//! `export`: users whose methods, or single methods, are to be written.

use crate::{
    engine::intake::{JobBuilder, PlannedRow, PlannedRows, RowPlanner},
    input,
    jobs::{ask_about, list::ListQuestion, plan_record},
    ledger::{Admission, Key, Row, Seq},
    model::{Operation, Target, UserId},
    plan::{self, Naming},
};

/// Plans rows of users.
#[derive(Debug)]
pub struct UserRows {
    key: Key,
}

impl UserRows {
    /// Makes a planner with the ledger's key.
    pub fn new(key: Key) -> Self {
        Self { key }
    }
}

impl RowPlanner for UserRows {
    type Planned = PlannedRow<Target>;

    fn plan(&mut self, row: input::Row, out: &mut PlannedRows<PlannedRow<Target>>) {
        plan_record(row, out, |record| {
            let target = plan::target(record, Naming::Some)?;
            let asked = ask_about(&target, Operation::Export, &self.key);
            Ok((Row::Asked(asked), Some(target)))
        });
    }
}

/// An admitted row: what the tenant has to be asked.
#[derive(Debug)]
pub struct ExportRow {
    /// Its row in the ledger.
    pub seq: Seq,
    /// User, or method, to list.
    pub target: Target,
}

impl ListQuestion for ExportRow {
    fn about(&self) -> Option<(&UserId, Option<&str>)> {
        Some((&self.target.user, self.target.method.as_deref()))
    }
}

/// Makes a question of each admitted row.
#[derive(Debug)]
pub struct ExportRows;

impl JobBuilder for ExportRows {
    type Payload = Target;
    type Job = ExportRow;

    fn build(&mut self, admission: Admission, target: Target) -> Option<ExportRow> {
        match admission {
            Admission::Todo(seq, _) | Admission::InDoubt(seq, _) => Some(ExportRow { seq, target }),
            Admission::Unfinished(..) | Admission::Done => None,
        }
    }
}
