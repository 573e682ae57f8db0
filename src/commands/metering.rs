//! `--metrics-file` from the start of a command to its end, whatever the end is.

use std::sync::OnceLock;

use super::now;
use crate::{
    cli::{Cli, Talking},
    config::Config,
    error::Exit,
    progress::{Measured, Meter},
};

/// The metrics file of a command, once it has one.
#[derive(Debug, Default)]
pub(super) struct Metering {
    /// `None` for a command that talks to no tenant, or may write no such file.
    talking: Option<Talking>,
    meter: OnceLock<Meter>,
}

impl Metering {
    /// Nothing is written yet.
    pub(super) fn of(cli: &Cli) -> Self {
        Self { talking: cli.command.talking(), meter: OnceLock::new() }
    }

    /// Begins the file, where the settings name one.
    pub(super) fn start(&self, config: &mut Config) {
        let label = config.target.label().to_owned();
        let path = config.metrics_file.clone();
        config.meter = path.and_then(|path| self.meter((path, label)));
    }

    /// Ends it. A command that failed before its settings were known has one all the same, if file and
    /// tenant are known.
    pub(super) fn end(&self, exit: Exit) {
        let late = || {
            let talking = self.talking.as_ref().filter(|_| exit != Exit::Good)?;
            self.meter(Config::metrics(&talking.tenant)?)
        };
        if let Some(meter) = self.meter.get().cloned().or_else(late) {
            meter.end(exit);
        }
    }

    fn meter(&self, (path, tenant): (std::path::PathBuf, String)) -> Option<Meter> {
        let Talking { name: command, is_dry_run, .. } = *self.talking.as_ref()?;
        let start = || Meter::start(Measured { path, command, tenant, is_dry_run }, now);
        Some(self.meter.get_or_init(start).clone())
    }
}
