//! `--tenant-facts`: what a probe has found out about the tenant, or about one like it.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
    time::Duration,
};

use super::{Config, resolve::nearest};
use crate::{
    cli::Knowing,
    error::Error,
    model::{ProbedTenant, TenantFacts},
    text::{escape, file_name, human, path_of},
};

/// Longest file of facts.
const LONGEST_FILE: u64 = 1 << 20;

/// Smallest ratio of the settle time to the delay of lists: a probe has measured the delay of a
/// quiet tenant.
const SETTLE_PER_DELAY: u32 = 2;

impl Config {
    /// Takes in what is known about the tenant, if the command line or the settings file names a
    /// file of facts.
    ///
    /// # Errors
    ///
    /// If that file cannot be read or holds something else, or `--settle` is too short for this
    /// tenant.
    pub fn knowing(mut self, given: &Knowing) -> Result<Self, Error> {
        let Some(file) = nearest(given.tenant_facts.as_ref(), self.facts_file.as_ref()) else {
            return Ok(self);
        };
        let probed = read_facts(&path_of(&file.value))?;
        self.warn_of_another(&probed);
        if probed.facts == TenantFacts::default() {
            tracing::warn!(
                "the file of --tenant-facts holds no facts: nothing is assumed about this tenant"
            );
        }
        self.facts = probed.facts;
        self.settle_for_lists()?;
        Ok(self)
    }

    /// Warns that the facts are about another tenant: a test tenant's are meant to be used, but a
    /// mix-up is not.
    fn warn_of_another(&self, probed: &ProbedTenant) {
        let label = self.target.label();
        let of_another = |tenant: &&String| {
            let name = tenant.trim_start_matches("https://").trim_end_matches('/');
            name != label && !self.is_in_sandbox()
        };
        if let Some(tenant) = probed.tenant.as_ref().filter(of_another) {
            tracing::warn!(
                "the facts of --tenant-facts are those of {}, and this is {}: they apply only if both tenants \
                 behave alike",
                escape(tenant),
                escape(label)
            );
        }
    }

    /// Extends the settle time to cover the delay of the tenant's lists: before that, a list that
    /// does not show a factor proves nothing.
    fn settle_for_lists(&mut self) -> Result<(), Error> {
        let delay = Duration::from_millis(self.facts.list_delay_ms.unwrap_or_default());
        let least = delay.saturating_mul(SETTLE_PER_DELAY);
        if self.settle >= least {
            return Ok(());
        }
        if self.is_settle_given {
            return Err(Error::usage(
                format!(
                    "--settle is {}, and this tenant's lists show a new method only after {}",
                    human(self.settle),
                    human(delay)
                ),
                format!("give {} or more, or leave --settle out", human(least)),
            ));
        }
        tracing::info!(
            "waiting {} before a list counts as evidence: this tenant's show a new method only after {}",
            human(least),
            human(delay)
        );
        self.settle = least;
        Ok(())
    }
}

/// Reads a file of facts, `probe`'s or a bare object.
fn read_facts(path: &Path) -> Result<ProbedTenant, Error> {
    let name = escape(&file_name(path));
    let unreadable = |error: io::Error| {
        Error::usage(format!("`{name}` cannot be read: {error}"), "check --tenant-facts")
    };
    // A pipe that nobody writes to would block.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a file")));
    }
    let mut bytes = Vec::new();
    let read = |file: File| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes);
    File::open(path).and_then(read).map_err(unreadable)?;
    parse_facts(&name, &bytes)
}

/// Reads the contents of a file of facts, whose name is safe to print.
///
/// # Errors
///
/// If it is too large, or holds something else.
pub fn parse_facts(name: &str, bytes: &[u8]) -> Result<ProbedTenant, Error> {
    ProbedTenant::read(bytes).map_err(|error| {
        Error::usage(
            format!("`{name}` holds no facts about a tenant: {error}"),
            "give a file that `mfaferry probe --out` has written",
        )
    })
}
