//! Export of the tenant's methods: one line per row, in the order of the input.
//!
//! A row counts as exported once its line is durable. Lines are written in the order in which rows
//! are settled, so an interrupted output has as many good lines as the ledger has exported rows;
//! anything after them is written anew.

use crate::{
    engine::{End, in_order::Collector},
    error::Error,
    jobs::{
        durable::DurableLines,
        list::{Answered, ExportRow, Listed},
        output::Output,
    },
    ledger::Ledger,
    model::{Code, FactorType, How, Method, Reason, Settlement, State, export_line},
    protocol::reconcile::is_masked_by_tenant,
};

/// Numbers of what was written, for people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportCounts {
    /// Methods.
    pub methods: u64,
    /// Phone numbers and addresses that came masked.
    pub masked: u64,
    /// TOTPs, whose secrets never come.
    pub totps: u64,
}

/// Writes answers out and records them.
#[derive(Debug)]
pub struct Exporter {
    lines: DurableLines,
    written: ExportCounts,
}

impl Exporter {
    /// Makes an exporter to `output` that records in `ledger`.
    pub fn new(ledger: Ledger, output: Output) -> Self {
        Self { lines: DurableLines::new(ledger, output), written: ExportCounts::default() }
    }

    async fn write(&mut self, ask: &ExportRow, listed: Listed) -> Result<(), Error> {
        let settlement = match listed {
            Ok(methods) => {
                self.lines.write(&export_line(&ask.target.user, &methods))?;
                for method in &methods {
                    self.count(method);
                }
                settled(ask, State::Exported, None)
            }
            Err(reason) if matches!(reason.code(), Code::NoUsableList | Code::TooManyMethods) => {
                settled(ask, State::Failed, Some(reason))
            }
            Err(reason) => settled(ask, State::Rejected, Some(reason)),
        };
        self.lines.settle_later(ask.seq, settlement).await
    }

    /// Makes everything durable; gives the output its final name if the run is complete.
    pub async fn finish(mut self, end: &End) -> Result<ExportCounts, Error> {
        self.lines.sync().await?;
        if end.is_complete() {
            self.lines.complete()?;
        }
        Ok(self.written)
    }

    fn count(&mut self, method: &Method) {
        let masked = method.contact.as_deref().is_some_and(is_masked_by_tenant);
        self.written.methods += 1;
        self.written.masked += u64::from(masked);
        self.written.totps += u64::from(method.factor_type == Some(FactorType::Totp));
    }
}

impl Collector<Answered<ExportRow>> for Exporter {
    /// Lines of an output stand in the order of the input.
    const GAPS: bool = false;

    async fn take(&mut self, answered: Answered<ExportRow>) -> Result<(), Error> {
        self.write(&answered.question, answered.listed).await
    }
}

fn settled(ask: &ExportRow, state: State, error: Option<Reason>) -> Settlement {
    Settlement {
        state,
        how: How::Response,
        method_id: ask.target.method.as_deref().map(Into::into),
        status: None,
        error,
    }
}
