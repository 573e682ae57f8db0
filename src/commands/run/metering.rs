//! `--metrics-file`, from the start of a command to its end, however it ends.

use std::{path::PathBuf, sync::OnceLock};

use crate::{
    cli::{NamedFiles, Talking},
    commands::{now, outputs::keep_metrics_apart},
    config::Config,
    error::{Error, Exit},
    progress::{Measured, Meter},
    text::path_of,
};

/// The metrics file of a command, once it has one.
#[derive(Debug, Default)]
pub(in crate::commands) struct Metering {
    /// `None` for a command that talks to no tenant, or may write no such file.
    talking: Option<Talking>,
    files: NamedFiles,
    meter: OnceLock<Meter>,
}

impl Metering {
    /// Nothing is written yet.
    pub(in crate::commands) fn new(talking: Option<Talking>, files: NamedFiles) -> Self {
        Self { talking, files, meter: OnceLock::new() }
    }

    /// Starts the file, if the settings name one; refuses one that the command needs for something
    /// else.
    pub(in crate::commands) fn start(&self, config: &mut Config) -> Result<(), Error> {
        let Some(path) = config.metrics_file.clone() else { return Ok(()) };
        let ledger = config.ledger.as_deref().map(path_of);
        keep_metrics_apart(&path, &self.files, ledger.as_deref())?;
        config.meter = self.meter(path, config.target.label().to_owned());
        Ok(())
    }

    /// Finishes the file. A command that failed before its settings were known gets one all the
    /// same, if file and tenant are known.
    pub(in crate::commands) fn end(&self, exit: Exit) {
        let late = || {
            let talking = self.talking.as_ref().filter(|_| exit != Exit::Good)?;
            let (path, label, ledger) = Config::metrics(&talking.tenant)?;
            keep_metrics_apart(&path, &self.files, ledger.as_deref()).ok()?;
            self.meter(path, label)
        };
        if let Some(meter) = self.meter.get().cloned().or_else(late) {
            meter.end(exit);
        }
    }

    fn meter(&self, path: PathBuf, tenant: String) -> Option<Meter> {
        let Talking { name: command, is_dry_run, shard, .. } = *self.talking.as_ref()?;
        let start = || Meter::start(Measured { path, command, tenant, is_dry_run, shard }, now);
        Some(self.meter.get_or_init(start).clone())
    }
}
