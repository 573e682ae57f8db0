//! `select`: writes the rows of an input that are in given states, unchanged.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    outputs::names::{ledger_of, ledgers_of_shards},
    print,
    reading::{Opener, UserIdMapping, try_open_factors},
    report::refused,
};
use crate::{
    cli::Select,
    engine::scan::{Scanned, scan_written},
    error::{Error, Exit},
    files::NewFile,
    ledger::Reader,
    select::{Criteria, RowState, Selection, Totals, noter},
    text::{counted, escape, file_name, grouped, path_of},
};

/// Most ledgers of shards that are named.
const LEDGERS_NAMED: usize = 5;

/// Runs the command.
pub(super) fn run(select: &Select) -> Result<Exit, Error> {
    let path = ledger_path(select)?;
    if let Some(out) = out(select).filter(|out| out.symlink_metadata().is_ok()) {
        return Err(is_there(out));
    }
    try_open_factors(&select.reading, &select.system)?;
    let input = Opener::of(
        &select.reading,
        &select.system,
        select.secret_encoding,
        UserIdMapping::Required,
    )?;
    input.check_same_heads()?;
    let ledger = Reader::open(&path)?;
    if let Some(fault) = ledger.fault()? {
        tracing::warn!("this may not be all, and an import will refuse it: {fault}");
    }
    let criteria = Criteria {
        states: select.state.clone(),
        codes: select.code.clone(),
        types: select.r#type.clone(),
        with_reason: select.with_reason,
    };
    let mut selection = Selection::new(criteria, ledger.known()?);
    let mut source = input.open_whole()?;
    source.keep_written();
    let secrets = select.secret_encoding;
    let note = noter(ledger.key().clone(), ledger.shard());
    let work = |out: &mut dyn Write| {
        let scanned = scan_written(source, secrets, note, |rows, written| {
            selection.take(rows, &written, out)
        })?;
        Ok((Some(scanned), selection.finish()))
    };
    let totals = match out(select) {
        None => checked(print(work)?, &path)?,
        Some(out) => to_file(out, &path, work)?,
    };
    if let Some(totals) = totals {
        report_totals(select, &totals);
    }
    Ok(Exit::Good)
}

/// Returns `--out`; `-` means standard output, as everywhere.
fn out(select: &Select) -> Option<&Path> {
    select.out.as_deref().filter(|out| *out != Path::new("-"))
}

/// Returns `INPUT.ledger`, unless there are ledgers of shards instead.
fn default_ledger(input: &Path) -> Result<PathBuf, Error> {
    let path = ledger_of(input, None);
    let shards = ledgers_of_shards(input);
    if shards.is_empty() || path.symlink_metadata().is_ok() {
        return Ok(path);
    }
    let names: Vec<_> =
        shards.iter().take(LEDGERS_NAMED).map(|name| format!("`{}`", escape(name))).collect();
    let more = if shards.len() > LEDGERS_NAMED { ", …" } else { "" };
    Err(Error::Ledger {
        path: escape(&file_name(&path)),
        message: format!(
            "it is not there; INPUT was imported in shards, which have {}{more}",
            names.join(", ")
        ),
        hint: "select from each of them with --ledger, into a file of its own".into(),
    })
}

/// Returns `--ledger`, or `INPUT.ledger`.
fn ledger_path(select: &Select) -> Result<PathBuf, Error> {
    match (&select.ledger, select.reading.inputs.as_slice()) {
        (Some(path), _) => Ok(path.clone()),
        (None, [input]) if input != "-" => default_ledger(&path_of(input)),
        (None, _) => Err(Error::usage(
            "the ledger of several inputs or of standard input has no default name",
            "pass --ledger FILE: the one that the import used",
        )),
    }
}

/// Writes a new file, which exists only if everything went well.
fn to_file(
    path: &Path,
    ledger: &Path,
    work: impl FnOnce(&mut dyn Write) -> io::Result<(Option<Scanned>, Totals)>,
) -> Result<Option<Totals>, Error> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => is_there(path),
        _ => refused(path, source),
    };
    let mut file = NewFile::create(path).map_err(failed)?;
    let totals = checked(work(&mut file).map_err(failed)?, ledger)?;
    file.place().map_err(failed)?;
    Ok(totals)
}

fn is_there(path: &Path) -> Error {
    Error::usage(
        format!("`{}` exists already", escape(&file_name(path))),
        "give --out a new name: no file is ever overwritten",
    )
}

/// Checks that the input was read to its end, and that it is an input of the ledger. Nothing has
/// been read if the reader of the output has gone.
fn checked(
    (scanned, totals): (Option<Scanned>, Totals),
    ledger: &Path,
) -> Result<Option<Totals>, Error> {
    let Some(scanned) = scanned else { return Ok(None) };
    if let Some(error) = scanned.unreadable {
        return Err(error.into());
    }
    if totals.rows > 0 && !totals.is_known {
        return Err(Error::Ledger {
            path: escape(&file_name(ledger)),
            message: format!("it knows none of INPUT's {}", counted(totals.rows, "row")),
            hint: "give the --ledger with which INPUT was imported, and the flags that say how INPUT is \
                   read (--from, --user-id, --users, --map, --secret-encoding)"
                .into(),
        });
    }
    Ok(Some(totals))
}

/// Reports what was written, and how to read it again.
fn report_totals(select: &Select, totals: &Totals) {
    let by_state = |counts: &std::collections::BTreeMap<RowState, u64>| {
        let parts = counts.iter().map(|(state, n)| format!("{} {}", grouped(*n), state.name()));
        parts.collect::<Vec<_>>().join(", ")
    };
    let (selected, rows) = (grouped(totals.n_selected()), counted(totals.rows, "row"));
    let to = out(select).map(|out| format!(" to `{}`", escape(&file_name(out))));
    let states = match by_state(&totals.selected) {
        states if states.is_empty() => states,
        states => format!(": {states}"),
    };
    let along = match totals.along {
        0 => String::new(),
        along => format!("; {} more on the same lines", grouped(along)),
    };
    tracing::info!("{selected} of {rows} written{}{states}{along}", to.unwrap_or_default());
    if totals.n_selected() == 0 && !totals.other_states.is_empty() {
        tracing::info!(
            "rows in other states: {}; --state selects them",
            by_state(&totals.other_states)
        );
    }
    warn(totals);
    if totals.without_code > 0 {
        tracing::info!(
            "{} without mf_code, because they are not JSON objects",
            counted(totals.without_code, "line")
        );
    }
    if let Some(system) = select.system.system().filter(|_| totals.is_json) {
        tracing::info!(
            "written as lines of JSON: read them with `--from {} --format jsonl`",
            system.name
        );
    }
}

/// Warns of rows that an import would judge differently on their own than among the others.
fn warn(totals: &Totals) {
    let (all, wanted) = totals.colliding;
    if wanted > 0 && wanted < all {
        tracing::warn!(
            "{} of {} with user_collision written: without the others, an import cannot see that two \
             people share a user",
            grouped(wanted),
            counted(all, "row")
        );
    }
    if totals.is_cut_off {
        tracing::warn!(
            "the last row seems to be cut off: mend it before it is imported, since among fewer rows \
             that cannot be seen"
        );
    }
    if totals.left_out > 0 {
        tracing::warn!(
            "{} left out: longer than 1 MiB, which no import reads",
            counted(totals.left_out, "row")
        );
    }
}
