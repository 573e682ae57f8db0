//! The kinds of job that the engine runs: create factors, change existing methods, list them, find
//! people among the tenant's users, and ask how the tenant is set up.

pub mod change;
pub mod create;
mod durable;
pub mod list;
pub mod output;
pub mod resolve;
mod secrets;
pub mod setup;

pub use secrets::SecretCount;

use crate::{
    engine::intake::{PlannedRow, PlannedRows},
    input::Row,
    ledger::{Asked, Key},
    model::{Operation, Record, Rejection, Target},
};

/// Plans a row with `plan`, or passes on why it could not be read.
fn plan_record<T>(
    row: Row,
    out: &mut PlannedRows<PlannedRow<T>>,
    plan: impl FnOnce(Record) -> Result<PlannedRow<T>, Box<Rejection>>,
) {
    let planned = match row {
        Row::Record(record) => plan(*record),
        Row::Rejected(rejection) => Err(Box::new(rejection)),
    };
    match planned {
        Ok(planned) => out.rows.push(planned),
        Err(rejection) => out.reject(rejection),
    }
}

/// Returns the ledger's question about a method, or about all of a user's.
fn ask_about(target: &Target, operation: Operation, key: &Key) -> Asked {
    Asked {
        operation,
        fingerprint: key.of_target(operation, target),
        as_written: None,
        line: target.line,
        at: None,
        user: target.user.clone(),
        factor_type: None,
        name: None,
        method_id: target.method.clone(),
    }
}
