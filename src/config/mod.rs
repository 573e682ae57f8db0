//! Checked settings of a run, from flags, environment, file and defaults. No message shows a value
//! that may be a secret.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

mod credentials;
mod facts;
mod file;
mod profile;
mod resolve;
mod secret;
mod table;

use tokio::runtime::Handle;

use crate::{
    auth0::{BaseUrl, Credentials, Proxy},
    cli::{self, CommandLine, Given, settings, variable, warn_of_unknown_variables},
    engine::{Concurrency, MaxErrors},
    error::Error,
    model::{Shard, TenantFacts},
    pacer::{Plan, Rate},
    progress::Meter,
    text::path_of,
};
pub use facts::parse_facts;
use file::{FILE, read_file};
use resolve::{GivenSettings, resolve};

/// Checked settings of a run against a tenant.
#[derive(Debug)]
pub struct Config {
    /// Tenant to talk to.
    pub target: Target,
    /// Origin of the tenant and of the credentials, for people.
    pub source: Source,
    /// Form of the tenant's announcement; `None` if it is not announced.
    pub announce: Option<Announce>,
    /// Command line that was typed.
    pub typed: CommandLine,
    /// `--ledger`.
    pub ledger: Option<String>,
    /// `https_proxy` and `no_proxy`.
    pub proxy: Option<Proxy>,
    /// `--rate`.
    pub rate: Rate,
    /// `--burst`, 1 to 10,000.
    pub burst: u32,
    /// `--rate-plan`, in the time zone of `--timezone`.
    pub rate_plan: Option<Plan>,
    /// `--max-duration`.
    pub max_duration: Option<Duration>,
    /// `--reserve`, 0 to [`crate::pacer::MAX_RESERVE`].
    pub reserve: f64,
    /// `--concurrency`, up to 4,096.
    pub concurrency: Concurrency,
    /// `--timeout`.
    pub timeout: Duration,
    /// `--settle`.
    pub settle: Duration,
    /// True if `--settle` is not the default.
    is_settle_given: bool,
    /// `--max-attempts`, at least 1.
    pub max_attempts: u32,
    /// `--max-errors`.
    pub max_errors: Option<MaxErrors>,
    /// `--max-outage`.
    pub max_outage: Duration,
    /// `--skip-existing`.
    pub skip_existing: bool,
    /// `--name-marker`.
    pub name_marker: bool,
    /// `--shard`; `None` for a command that does not have it.
    pub shard: Option<Shard>,
    /// `--metrics-file`.
    pub metrics_file: Option<PathBuf>,
    /// The metrics file, once it has been started.
    pub meter: Option<Meter>,
    /// Runtimes that take a share of the workers, once they have been started.
    pub runtimes: Vec<Handle>,
    /// File of facts that the settings file names.
    facts_file: Option<Given<String>>,
    /// Facts about the tenant, for a command that uses them.
    pub facts: TenantFacts,
}

/// Form of the tenant's announcement.
#[derive(Debug, Clone, Copy)]
pub struct Announce {
    /// `--log-format`.
    pub format: cli::LogFormat,
    /// True if the log goes to a file, which then gets the announcement, too.
    pub is_logged_elsewhere: bool,
}

/// Origin of the settings that a run announces.
#[derive(Debug)]
pub struct Source {
    /// The flag, variable or file that names the tenant.
    pub tenant: String,
    /// Client that asks for the token; `None` in the sandbox.
    pub client: Option<Named>,
    /// The settings file that was read.
    pub file: Option<String>,
    /// The chosen table of that file.
    pub profile: Option<Named>,
}

/// A client id or a name, and where it comes from.
#[derive(Debug)]
pub struct Named {
    /// The client id, or `None` where a ready-made token is used; or the name.
    pub value: Option<String>,
    /// The flag, variable or file.
    pub from: String,
}

impl Target {
    /// Returns its name for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Sandbox => "the sandbox",
            Self::Tenant { base, .. } => base.as_str(),
        }
    }

    /// Returns its name for programs: the host of a real tenant.
    pub fn label(&self) -> &str {
        match self {
            Self::Sandbox => SANDBOX,
            Self::Tenant { base, .. } => label(base),
        }
    }
}

/// Name of the sandbox for programs, to which its ledgers are bound as well, whatever its port.
pub const SANDBOX: &str = "sandbox";

fn label(base: &BaseUrl) -> &str {
    base.as_str().trim_start_matches("https://")
}

/// Tenant to talk to.
#[derive(Debug)]
pub enum Target {
    /// The built-in one.
    Sandbox,
    /// A real one, or one that is simulated elsewhere.
    Tenant {
        /// Base URL.
        base: BaseUrl,
        /// Credentials of the client.
        credentials: Credentials,
    },
}

impl Config {
    /// Returns true if the tenant is a sandbox that ends with the run.
    pub fn is_in_sandbox(&self) -> bool {
        matches!(self.target, Target::Sandbox)
    }

    /// Returns true if the ledger need not outlast the run: that of a sandbox, unless it was named.
    pub fn has_scratch_ledger(&self) -> bool {
        self.ledger.is_none() && self.is_in_sandbox()
    }

    /// Returns the settings for a run over a shard.
    #[must_use]
    pub fn of_shard(self, shard: Shard) -> Self {
        Self { shard: Some(shard), ..self }
    }

    /// Returns the shard, unless it is the whole input.
    pub fn part(&self) -> Option<Shard> {
        self.shard.filter(|shard| !shard.is_whole())
    }

    /// Resolves the settings of a command that talks to a tenant.
    pub fn resolve(
        tenant: &cli::TenantFlags,
        pace: &cli::PaceFlags,
        recording: Option<&cli::Recording>,
        creating: Option<&cli::Creating>,
        output_args: &cli::OutputArgs,
    ) -> Result<Self, Error> {
        warn_of_unknown_variables();
        let file = read_file(tenant.config.as_deref(), tenant.profile.as_ref())?;
        settings().iter().try_for_each(|(_, name)| variable(name).map(drop))?;
        let announce = Announce {
            format: output_args.log_format,
            is_logged_elsewhere: output_args.log_file.is_some(),
        };
        profile::warn_of_environment(&file, &output_args.typed)?;
        let given = GivenSettings { tenant, pace, recording, creating, typed: &output_args.typed };
        resolve(&given, &file, (!output_args.quiet).then_some(announce))
    }

    /// Returns the settings file, if nobody names it, and the files that it names for reading, as
    /// far as they are known before anything is reported about them. A pipe can be read only once,
    /// and is left alone.
    pub fn files_read(tenant: &cli::TenantFlags) -> Vec<PathBuf> {
        let path = tenant.config.as_deref();
        let found = path.unwrap_or(Path::new(FILE));
        if !found.is_file() {
            return Vec::new();
        }
        let mut files = vec![found.to_owned()];
        if let Ok(file) = read_file(path, tenant.profile.as_ref()) {
            let table = file.profile.as_ref().map(|profile| profile.tenant.paths());
            let facts = file.knowing.tenant_facts.iter().map(|facts| path_of(&facts.value));
            files.extend(
                table.unwrap_or_default().into_iter().chain(file.tenant.paths()).chain(facts),
            );
        }
        files
    }

    /// Returns, for a command whose other settings may be wrong, the metrics file and the label of
    /// its tenant, if both are known, and the ledger that the settings file names.
    pub fn metrics(tenant: &cli::TenantFlags) -> Option<(PathBuf, String, Option<PathBuf>)> {
        let file = read_file(tenant.config.as_deref(), tenant.profile.as_ref()).ok()?;
        let (base, _) = resolve::place(tenant, &file).ok()?;
        let label = base.as_ref().map_or(SANDBOX, label).to_owned();
        let ledger = file.recording.ledger.as_ref().map(|ledger| path_of(&ledger.value));
        Some((resolve::metrics_file(tenant, &file)?, label, ledger))
    }
}
