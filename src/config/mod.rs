//! From flags, environment, file and defaults to checked settings; no message shows a value that may
//! be a secret.

use std::{collections::HashMap, time::Duration};

mod credentials;
mod file;
mod layers;
mod resolve;
mod secret;
mod value;

use crate::{
    auth0::{BaseUrl, Credentials, Proxy},
    cli,
    engine::MaxErrors,
    error::Error,
    pacer::{Plan, Rate},
};
use file::read_file;
use layers::{Layers, warn_of_unknown_variables};
use resolve::resolve;

/// Every setting: name of the flag and in the file, and the variable of the environment.
const SETTINGS: [(&str, &str); 22] = [
    ("domain", "AUTH0_DOMAIN"),
    ("base-url", "MFAFERRY_BASE_URL"),
    ("audience", "AUTH0_AUDIENCE"),
    ("client-id", "AUTH0_CLIENT_ID"),
    ("client-secret-file", "MFAFERRY_CLIENT_SECRET_FILE"),
    ("token-file", "MFAFERRY_TOKEN_FILE"),
    ("ledger", "MFAFERRY_LEDGER"),
    ("rate", "MFAFERRY_RATE"),
    ("burst", "MFAFERRY_BURST"),
    ("rate-plan", "MFAFERRY_RATE_PLAN"),
    ("timezone", "MFAFERRY_TIMEZONE"),
    ("reserve", "MFAFERRY_RESERVE"),
    ("max-duration", "MFAFERRY_MAX_DURATION"),
    ("concurrency", "MFAFERRY_CONCURRENCY"),
    ("timeout", "MFAFERRY_TIMEOUT"),
    ("settle", "MFAFERRY_SETTLE"),
    ("max-attempts", "MFAFERRY_MAX_ATTEMPTS"),
    ("max-errors", "MFAFERRY_MAX_ERRORS"),
    ("max-outage", "MFAFERRY_MAX_OUTAGE"),
    ("sandbox", "MFAFERRY_SANDBOX"),
    ("skip-existing", "MFAFERRY_SKIP_EXISTING"),
    ("name-marker", "MFAFERRY_NAME_MARKER"),
];

/// Checked settings of a run against a tenant.
#[derive(Debug)]
pub struct Config {
    /// Tenant to talk to.
    pub target: Target,
    /// Where the tenant and who asks come from, for people.
    pub source: Source,
    /// How the tenant is announced; `None`: not at all.
    pub announce: Option<Announce>,
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
    /// `--reserve`, 0 to 0.95.
    pub reserve: f64,
    /// `--concurrency`, 1 to 1,024.
    pub concurrency: usize,
    /// `--timeout`.
    pub timeout: Duration,
    /// `--settle`.
    pub settle: Duration,
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
}

/// How the tenant is announced.
#[derive(Debug, Clone, Copy)]
pub struct Announce {
    /// `--log-format`.
    pub format: cli::LogFormat,
    /// Whether the log goes to a file, which is to have it, too.
    pub is_logged_elsewhere: bool,
}

/// Where the settings that a run announces come from.
#[derive(Debug)]
pub struct Source {
    /// The flag, variable or file that names the tenant.
    pub tenant: String,
    /// Who asks; `None` in the sandbox.
    pub client: Option<Named>,
    /// The settings file that was read.
    pub file: Option<String>,
}

/// A client id and where it comes from.
#[derive(Debug)]
pub struct Named {
    /// The client id; `None` where a ready token is used.
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
    /// Resolves the settings of a command that talks to a tenant.
    pub fn resolve(
        tenant: &cli::Tenant,
        pace: &cli::Pace,
        ledger: Option<&String>,
        output_args: &cli::OutputArgs,
    ) -> Result<Self, Error> {
        let flags = [
            ("domain", tenant.domain.as_ref()),
            ("base-url", tenant.base_url.as_ref()),
            ("audience", tenant.audience.as_ref()),
            ("client-id", tenant.client_id.as_ref()),
            ("client-secret-file", tenant.client_secret_file.as_ref()),
            ("token-file", tenant.token_file.as_ref()),
            ("ledger", ledger),
            ("rate", pace.rate.as_ref()),
            ("burst", pace.burst.as_ref()),
            ("rate-plan", pace.rate_plan.as_ref()),
            ("timezone", pace.timezone.as_ref()),
            ("reserve", pace.reserve.as_ref()),
            ("max-duration", pace.max_duration.as_ref()),
            ("concurrency", pace.concurrency.as_ref()),
            ("timeout", pace.timeout.as_ref()),
            ("settle", pace.settle.as_ref()),
            ("max-attempts", pace.max_attempts.as_ref()),
            ("max-errors", pace.max_errors.as_ref()),
            ("max-outage", pace.max_outage.as_ref()),
        ];
        let flags = flags.into_iter().filter_map(|(name, flag)| Some((name, flag?.clone())));
        let mut flags: HashMap<_, _> = flags.collect();
        if tenant.sandbox {
            flags.insert("sandbox", "true".into());
        }
        warn_of_unknown_variables();
        let layers = Layers::new(flags, read_file(tenant.config.as_deref())?)?;
        let announce = Announce {
            format: output_args.log_format,
            is_logged_elsewhere: output_args.log_file.is_some(),
        };
        resolve(&layers, (!output_args.quiet).then_some(announce))
    }
}
