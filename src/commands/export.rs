//! `export`: the tenant's methods of the listed users, as the API gives them.

use std::io;

use super::{
    blocking,
    run::{
        session::{CommandSpec, Session, SessionOpening, open_input},
        signals::Stoppable,
        unbegun,
    },
};
use crate::{
    auth0,
    cli::Export,
    config::Config,
    engine::{End, intake},
    error::{Error, Exit},
    input::Shape,
    jobs::{
        list::{
            self, ExportRows, UserRows,
            export::{ExportCounts, Exporter},
        },
        output::Output,
    },
    ledger::{LedgerKind, Reader},
    model::State,
    progress::Show,
    text::file_name,
};

/// Runs the command.
pub(super) async fn run(export: Export, config: Config, show: Show) -> Result<Exit, Error> {
    let Export { bulk, out } = export;
    let spec = CommandSpec {
        name: "export",
        kind: LedgerKind::Factors,
        own: &[State::Exported],
        scopes: &[auth0::READ],
        dry_run: false,
    };
    let stoppable = Stoppable::start()?;
    let opened = stoppable.unless_stopped(open_input(&bulk, &config, Shape::Users)).await?;
    let opening =
        SessionOpening { spec, inputs: &bulk.reading.inputs, retry: &bulk.retry, ledger: None };
    let told = out.as_ref().map(|_| bulk.run.output);
    let Some((source, extent)) = opened else {
        return unbegun::stopped(&config, &opening, &stoppable, told);
    };
    let mut session = Session::open(config, opening, stoppable.stop.clone()).await?;
    let output = match &out {
        None => Output::stream(Box::new(io::BufWriter::new(io::stdout()))),
        Some(path) => {
            session.files.insert("out", file_name(path));
            let ledger = session.path.clone();
            let written = blocking(move || Reader::open(&ledger)?.totals()).await?;
            Output::file(path, written[State::Exported])?
        }
    };
    session.watch(extent, show);
    let asks = intake::start(
        source,
        UserRows::new(session.key.clone()),
        ExportRows,
        session.ledger.clone(),
        session.remarks(),
    )?;
    let mut exporter = Exporter::new(session.ledger.clone(), output);
    let end = list::run(session.gateway(), session.limits(), asks, &mut exporter).await;
    let (end, written) = match exporter.finish(&end).await {
        Ok(written) => (end, written),
        Err(error) => (End::Failed(error), ExportCounts::default()),
    };
    warn_of_losses(written);
    if end.is_complete() && session.ledger.tally().get().rows() > 0 {
        log_if_nothing_new(&session);
    }
    session.close(end, told).await
}

/// Warns about methods that cannot be imported again.
fn warn_of_losses(written: ExportCounts) {
    if written.masked > 0 {
        tracing::warn!(
            "{} of {} methods came with a masked number or address, which cannot be imported again \
             (tenant flag `disable_management_api_sms_obfuscation`)",
            written.masked,
            written.methods
        );
    }
    if written.totps > 0 {
        tracing::warn!(
            "{} are authenticator apps: the API never gives out their secrets",
            written.totps
        );
    }
}

fn log_if_nothing_new(session: &Session) {
    let counts = session.ledger.tally().get();
    if counts.skipped == counts.rows() {
        tracing::info!(
            "nothing was asked: an earlier run has exported all of it; to export anew, give another \
             --ledger"
        );
    }
}
