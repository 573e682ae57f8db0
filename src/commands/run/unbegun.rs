//! The result of a run that a signal stopped while its input was still being read: no ledger is
//! open, and nothing was sent.

use super::{
    after_import::ReadInput,
    ledger::place,
    session::{CommandSpec, SessionOpening, show},
    signals::Stoppable,
};
use crate::{
    cli::Output,
    commands::advice::next::Ended,
    config::Config,
    engine::{End, Stop, intake::Remarks},
    error::{Error, Exit},
    ledger::Counts,
    model::Lines,
    report::{Figures, Status, Summary, Waits},
    text::file_name,
};

/// Reports it as the run itself would have, with the ledger that it would have opened.
pub(in crate::commands) fn stopped(
    config: &Config,
    opening: &SessionOpening<'_>,
    stoppable: &Stoppable,
    output: Option<Output>,
) -> Result<Exit, Error> {
    let (_scratch, path) = place(config, opening)?;
    let SessionOpening { spec, inputs, .. } = *opening;
    let CommandSpec { name, own, dry_run, .. } = spec;
    let end = End::Stopped(Stop::Asked);
    let ended = Ended {
        typed: &config.typed,
        end: &end,
        reasons: Vec::new(),
        is_bad: false,
        ledger: &path,
        is_dry_run: dry_run,
        is_in_sandbox: config.is_in_sandbox(),
    };
    let input = || ReadInput::of(inputs, Lines::default());
    let input = match name {
        "import" => Some(input().importing(None)),
        "replace" => Some(input()),
        _ => None,
    };
    let (status, cause) = Status::of(&end);
    let summary = Summary {
        schema: Summary::SCHEMA,
        status,
        cause,
        first_users: None,
        rows: 0,
        figures: Figures { counts: Counts::default(), own },
        dry_run,
        requests: 0,
        throttled: 0,
        elapsed_seconds: stoppable.began.elapsed(),
        waits: Waits::default(),
        shard: config.part(),
        ledger: file_name(&path),
        files: [].into(),
        ledger_totals: None,
        after_import: input.map(|input| input.end(&ended, None)),
        reasons: Vec::new(),
        skipped_reasons: Vec::new(),
        next: ended.next(),
    };
    show(&summary, &Remarks::default(), &[], output)?;
    Ok(Exit::Stopped)
}
