//! From flags, environment, file and defaults to checked settings. The only room that reads the
//! environment; no message shows a value that may be a secret.

use std::{collections::HashMap, env, fs, io::Read, path::Path, time::Duration};

use jiff::tz::TimeZone;
use secrecy::{SecretString, zeroize::Zeroizing};

use crate::{
    auth0::{BaseUrl, Credentials},
    cli,
    engine::MaxErrors,
    error::Error,
    pacer::{Plan, Rate},
};

/// Read when it is there.
const FILE: &str = "mfaferry.toml";
/// No secret is longer than this.
const LONGEST_SECRET: u64 = 64 * 1024;

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
    /// Which tenant.
    pub target: Target,
    /// `--ledger`.
    pub ledger: Option<String>,
    /// `https_proxy`.
    pub https_proxy: Option<String>,
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

impl Target {
    /// What it is called, for people.
    pub fn name(&self) -> &str {
        match self {
            Self::Sandbox => "the sandbox",
            Self::Tenant { base, .. } => base.as_str(),
        }
    }
}

/// Which tenant.
#[derive(Debug)]
pub enum Target {
    /// The built-in one.
    Sandbox,
    /// A real one, or one that is simulated elsewhere.
    Tenant {
        /// Where.
        base: BaseUrl,
        /// Who asks.
        credentials: Credentials,
    },
}

impl Config {
    /// Resolves the settings of a command that talks to a tenant.
    pub fn resolve(
        tenant: &cli::Tenant,
        pace: &cli::Pace,
        ledger: Option<&String>,
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
        let layers = Layers { flags, file: read_file(tenant.config.as_deref())? };
        layers.resolve()
    }
}

/// Where settings come from, the first one that has one winning.
struct Layers {
    flags: HashMap<&'static str, String>,
    file: HashMap<String, String>,
}

/// The layers, nearest to the user first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Flag,
    Environment,
    File,
    Nowhere,
}

impl Layers {
    fn resolve(&self) -> Result<Config, Error> {
        let sandbox =
            self.parse("sandbox", "false", "`true` or `false`", |text| text.parse().ok())?;
        // What is said nearer to the user counts: `--domain` against a sandbox in the file.
        let named = self.origin("domain").min(self.origin("base-url"));
        let sandbox = sandbox && self.origin("sandbox") <= named;
        let target = if sandbox { Target::Sandbox } else { self.tenant()? };
        let duration = |name, default| {
            let example = "a time such as `30s`, `2m` or `1h 30m`";
            self.parse(name, default, example, parse_duration)
        };
        Ok(Config {
            target,
            ledger: self.text("ledger").map(|(text, _)| text),
            https_proxy: variable("https_proxy")?.or(variable("HTTPS_PROXY")?),
            rate: self.parse(
                "rate",
                "auto",
                "`auto`, or requests a second such as `10`",
                parse_rate,
            )?,
            burst: self.parse("burst", "1", "a number from 1 to 10000", |text| {
                text.parse().ok().filter(|number| (1..=10_000).contains(number))
            })?,
            rate_plan: self.rate_plan()?,
            max_duration: match self.text("max-duration") {
                Some(_) => Some(duration("max-duration", "")?),
                None => None,
            },
            reserve: self.parse("reserve", "20%", "a share from `0%` to `95%`", |text| {
                let percent: f64 = text.trim_end_matches('%').trim().parse().ok()?;
                (0.0..=95.0).contains(&percent).then_some(percent / 100.0)
            })?,
            concurrency: self.parse("concurrency", "32", "a number from 1 to 1024", |text| {
                text.parse().ok().filter(|number| (1..=1024).contains(number))
            })?,
            timeout: duration("timeout", "30s")?,
            settle: duration("settle", "120s")?,
            max_attempts: self.parse("max-attempts", "3", "a number from 1 to 100", |text| {
                text.parse().ok().filter(|number| (1..=100).contains(number))
            })?,
            max_errors: self.parse(
                "max-errors",
                "none",
                "a number of rows such as `100`, or a share such as `5%`",
                parse_max_errors,
            )?,
            max_outage: duration("max-outage", "30m")?,
            name_marker: self
                .parse("name-marker", "false", "`true` or `false`", |text| text.parse().ok())?,
            skip_existing: self
                .parse("skip-existing", "false", "`true` or `false`", |text| text.parse().ok())?,
        })
    }

    fn rate_plan(&self) -> Result<Option<Plan>, Error> {
        let zone = match self.text("timezone") {
            Some((name, origin)) => Some(TimeZone::get(name.trim()).map_err(|_| {
                Error::usage(
                    format!("{origin} is not the name of a time zone"),
                    "give an IANA name such as `Europe/Berlin`, or `UTC`",
                )
            })?),
            None => None,
        };
        let Some((text, origin)) = self.text("rate-plan") else {
            return Ok(None);
        };
        let zone = match zone {
            Some(zone) => zone,
            None => TimeZone::try_system().map_err(|_| {
                Error::usage(
                    "the system does not say its time zone",
                    "give --timezone with an IANA name such as `Europe/Berlin`, or `UTC`",
                )
            })?,
        };
        Plan::parse(&text, zone, parse_rate).map(Some).map_err(|error| {
            Error::usage(
                format!("{origin}: {error}"),
                "write ranges as `08:00-20:00=5,20:00-08:00=auto`: times of day up to `24:00` and \
                 `auto`, or requests a second; they may cross midnight and must not overlap, and \
                 --rate holds wherever there is none",
            )
        })
    }

    fn tenant(&self) -> Result<Target, Error> {
        let by_url = self.origin("base-url") <= self.origin("domain");
        let base = match (self.text("base-url"), self.text("domain")) {
            (Some((url, _)), _) if by_url => BaseUrl::parse(&url)?,
            (_, Some((domain, _))) => BaseUrl::from_domain(&domain)?,
            _ => {
                return Err(Error::config(
                    "no tenant is named",
                    "give --domain HOST (or AUTH0_DOMAIN), or try it without an account: --sandbox",
                ));
            }
        };
        let token = self.secret("token-file", "AUTH0_API_TOKEN")?;
        let client_secret = self.secret("client-secret-file", "AUTH0_CLIENT_SECRET")?;
        // A flag that names a client secret beats a token that lies about in the environment.
        let by_secret = self.origin("client-secret-file") < self.origin("token-file")
            && self.origin("client-secret-file") == Origin::Flag;
        let token = token.filter(|_| !by_secret);
        let credentials = match (token, self.text("client-id"), client_secret) {
            (Some(token), _, _) => Credentials::Token(token),
            (None, Some((id, _)), Some(secret)) => {
                let audience = self.text("audience").map(|(text, _)| text);
                let audience = audience.unwrap_or_else(|| base.default_audience());
                Credentials::Client { id, secret, audience }
            }
            (None, id, secret) => {
                let missing = match (id, secret) {
                    (Some(_), None) => "the client secret is missing",
                    (None, Some(_)) => "the client id is missing",
                    _ => "there are no credentials",
                };
                return Err(Error::config(
                    missing,
                    "set AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET (or --client-secret-file), or \
                     AUTH0_API_TOKEN (or --token-file)",
                ));
            }
        };
        Ok(Target::Tenant { base, credentials })
    }

    /// Which layer has a setting.
    fn origin(&self, name: &str) -> Origin {
        let variable_name = SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, var)| *var);
        if self.flags.contains_key(name) {
            Origin::Flag
        } else if variable_name.is_some_and(|name| matches!(variable(name), Ok(Some(_)))) {
            Origin::Environment
        } else if self.file.contains_key(name) {
            Origin::File
        } else {
            Origin::Nowhere
        }
    }

    /// The text of a setting, and where it comes from.
    fn text(&self, name: &str) -> Option<(String, String)> {
        if let Some(text) = self.flags.get(name) {
            return Some((text.clone(), format!("--{name}")));
        }
        let variable_name = SETTINGS.iter().find(|(known, _)| *known == name).map(|(_, var)| *var);
        if let Some(name) = variable_name
            && let Ok(Some(text)) = variable(name)
        {
            return Some((text, name.to_owned()));
        }
        self.file.get(name).map(|text| (text.clone(), format!("`{name}` in the settings file")))
    }

    fn parse<T>(
        &self,
        name: &str,
        default: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, Error> {
        let (text, origin) = self.text(name).unwrap_or((default.into(), format!("--{name}")));
        parse(text.trim()).ok_or_else(|| {
            Error::usage(
                format!("{origin} has a value that cannot be used"),
                format!("give {expected}"),
            )
        })
    }

    /// A secret: the file that a flag names, or else the variable that holds it.
    fn secret(&self, file: &str, name: &str) -> Result<Option<SecretString>, Error> {
        if let Some((path, origin)) = self.text(file) {
            return read_secret(Path::new(&path), &origin).map(Some);
        }
        Ok(variable(name)?.map(|text| SecretString::from(text.trim().to_owned())))
    }
}

/// A variable of the environment; empty counts as unset.
#[expect(clippy::disallowed_methods, reason = "this is the room that reads the environment")]
fn variable(name: &str) -> Result<Option<String>, Error> {
    match env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            Err(Error::config(format!("{name} is not valid UTF-8"), "set it again, or unset it"))
        }
    }
}

fn read_secret(path: &Path, origin: &str) -> Result<SecretString, Error> {
    use std::os::unix::fs::PermissionsExt;
    let failed = |error: std::io::Error| {
        Error::config(
            format!("the file of {origin} cannot be read: {error}"),
            "check its path and permissions",
        )
    };
    let file = fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!("the file of {origin} can be read by others: `chmod 600` it");
    }
    let mut text = Zeroizing::new(String::new());
    file.take(LONGEST_SECRET).read_to_string(&mut text).map_err(failed)?;
    if text.trim().is_empty() {
        return Err(Error::config(
            format!("the file of {origin} is empty"),
            "write the secret to it",
        ));
    }
    Ok(SecretString::from(text.trim().to_owned()))
}

/// The settings file: one flat table, values as in flags.
fn read_file(path: Option<&Path>) -> Result<HashMap<String, String>, Error> {
    let (path, required) = path.map_or((Path::new(FILE), false), |path| (path, true));
    let name = crate::report::escape(&path.display().to_string());
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !required => {
            return Ok(HashMap::new());
        }
        Err(error) => {
            return Err(Error::config(
                format!("`{name}` cannot be read: {error}"),
                "check --config",
            ));
        }
    };
    // The parser's own message shows the line, and so whatever stands in it.
    let table: toml::Table = toml::from_str(&text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Error::config(
            format!("`{name}` line {line} is not TOML"),
            "write settings as `rate = \"10\"`",
        )
    })?;
    let mut settings = HashMap::new();
    for (number, (key, value)) in (1..).zip(table) {
        let key = key.replace('_', "-");
        if !SETTINGS.iter().any(|(known, _)| *known == key) {
            let known: Vec<_> = SETTINGS.iter().map(|(known, _)| *known).collect();
            return Err(Error::config(
                format!(
                    "`{name}` has a key that is not a setting (key {number} in order of names)"
                ),
                format!(
                    "known are: {}; secrets come from files or the environment",
                    known.join(", ")
                ),
            ));
        }
        let text = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(truth) => truth.to_string(),
            _ => {
                return Err(Error::config(
                    format!("`{key}` in `{name}` is neither text nor a number"),
                    "write it as on the command line",
                ));
            }
        };
        settings.insert(key, text);
    }
    Ok(settings)
}

fn parse_rate(text: &str) -> Option<Rate> {
    if text == "auto" {
        return Some(Rate::Auto);
    }
    text.parse().ok().filter(|rate| (0.01..=100_000.0).contains(rate)).map(Rate::PerSecond)
}

fn parse_duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u32>() {
        return (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    }
    let duration: jiff::SignedDuration = text.parse().ok()?;
    let duration = Duration::try_from(duration).ok()?;
    (Duration::from_millis(1)..=Duration::from_secs(7 * 24 * 3600))
        .contains(&duration)
        .then_some(duration)
}

#[expect(clippy::option_option, reason = "`none` is a value, and another than none at all")]
fn parse_max_errors(text: &str) -> Option<Option<MaxErrors>> {
    if text == "none" {
        return Some(None);
    }
    match text.strip_suffix('%') {
        Some(percent) => {
            let percent =
                percent.trim().parse().ok().filter(|percent| *percent > 0.0 && *percent <= 100.0);
            percent.map(|percent| Some(MaxErrors::Percent(percent)))
        }
        None => text.parse().ok().filter(|rows| *rows > 0).map(|rows| Some(MaxErrors::Rows(rows))),
    }
}
