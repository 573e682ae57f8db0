//! Destination of log lines: standard error, or a file whose disk may fill up.

use std::{
    fs::File,
    io::{self, IsTerminal, Write},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde::Serialize;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::signals::outlive_limits;
use crate::{
    cli::{LogFormat, OutputArgs},
    error::Error,
    files::{self, FileFault},
    progress::Terminal,
    report::write_json,
    text::{counted, escape, file_name},
};

/// One line of the log with `--log-format json`, on standard error.
#[derive(Debug, Serialize)]
pub(super) struct Logged<F> {
    timestamp: String,
    level: &'static str,
    fields: F,
    target: &'static str,
}

/// File of `--log-file`. A line that cannot be written does not stop the command: it is counted and
/// reported.
#[derive(Debug)]
pub(in crate::commands) struct LogFile {
    file: File,
    /// File name, safe to print.
    name: String,
    format: LogFormat,
    is_quiet: bool,
    n_lost: AtomicU64,
    /// True if the file ends with part of a line.
    is_torn: AtomicBool,
}

impl<F: Serialize> Logged<F> {
    /// Makes a line with the current time.
    pub(in crate::commands) fn of(level: &'static str, fields: F, target: &'static str) -> Self {
        Self { timestamp: jiff::Timestamp::now().to_string(), level, fields, target }
    }
}

/// Starts logging as the flags say; returns the log file, if there is one.
pub(in crate::commands) fn start(output_args: &OutputArgs) -> Result<Option<Arc<LogFile>>, Error> {
    let level = match (output_args.quiet, output_args.verbose) {
        (true, _) => "error",
        (false, 0) => "info",
        (false, 1) => "debug",
        (false, _) => "trace",
    };
    // Only our own events: those of other crates may hold URLs, and so user ids.
    let filter = EnvFilter::new(format!("mfaferry={level}"));
    let Some(path) = &output_args.log_file else {
        let colours = if io::stderr().is_terminal() { Colours::On } else { Colours::Off };
        subscribe(output_args.log_format, filter, || Terminal, colours);
        return Ok(None);
    };
    let log = Arc::new(LogFile::open(path, output_args)?);
    outlive_limits()
        .map_err(|source| Error::Io { what: "listening for signals".into(), source })?;
    subscribe(output_args.log_format, filter, Arc::clone(&log), Colours::Off);
    Ok(Some(log))
}

/// Colours of log lines in the format `text`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colours {
    On,
    Off,
}

fn subscribe(
    format: LogFormat,
    filter: EnvFilter,
    writer: impl for<'a> MakeWriter<'a> + Send + Sync + 'static,
    colours: Colours,
) {
    // `LogFile` reports what is lost; the subscriber's own report would panic on a closed standard
    // error.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .log_internal_errors(false);
    // A second subscriber (in tests) changes nothing.
    drop(match format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => {
            builder.with_target(false).with_ansi(colours == Colours::On).compact().try_init()
        }
    });
}

impl LogFile {
    fn open(path: &Path, output_args: &OutputArgs) -> Result<Self, Error> {
        let name = escape(&file_name(path));
        let file = files::open_log(path).map_err(|fault| match fault {
            FileFault::Io(error) => Error::usage(
                format!("the log `{name}` cannot be opened: {error}"),
                "give --log-file a name in an existing folder that you may write to",
            ),
            fault => Error::usage(
                format!("the log `{name}` {fault}, and it names users"),
                "give --log-file a new name, or that of a file of your own that only you can \
                 read and write (`chmod 600`)",
            ),
        })?;
        Ok(Self {
            file,
            name,
            format: output_args.log_format,
            is_quiet: output_args.quiet,
            n_lost: AtomicU64::default(),
            is_torn: AtomicBool::default(),
        })
    }

    /// Reports how many lines are lost, if any are.
    pub(in crate::commands) fn end(&self) {
        let n_lost = self.n_lost.load(Ordering::Relaxed);
        if n_lost > 0 {
            let lines = counted(n_lost, "line");
            self.warn(&format!("{lines} of the log `{}` could not be written", self.name));
        }
    }

    /// Writes a line, or as much of it as there is room for.
    fn put(&self, line: &[u8]) -> io::Result<()> {
        let mut rest = line;
        while !rest.is_empty() {
            match (&self.file).write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n_bytes) => {
                    rest = rest.get(n_bytes..).unwrap_or_default();
                    self.is_torn.store(!rest.is_empty(), Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Warns on standard error in the log's format.
    fn warn(&self, message: &str) {
        if self.is_quiet {
            return;
        }
        let mut line = Vec::new();
        let written = match self.format {
            LogFormat::Text => writeln!(line, "warning: {message}"),
            LogFormat::Json => {
                let fields = serde_json::json!({ "message": message });
                write_json(&Logged::of("WARN", fields, module_path!()), &mut line)
            }
        };
        // Nobody is left to tell if standard error is gone.
        drop(written.and_then(|()| Terminal.write_all(&line)));
    }
}

impl Write for &LogFile {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // After part of a line, the next one begins on a line of its own.
        let whole = if self.is_torn.load(Ordering::Relaxed) { self.put(b"\n") } else { Ok(()) };
        if let Err(error) = whole.and_then(|()| self.put(line))
            && self.n_lost.fetch_add(1, Ordering::Relaxed) == 0
        {
            self.warn(&format!(
                "the log `{}` cannot be written: {error}; the command goes on, and what cannot be logged \
                 is lost",
                self.name
            ));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
