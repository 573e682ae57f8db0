//! Resolves flags, environment and file into checked settings.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::{
    Announce, Config, Named, Source, Target, credentials::credentials, profile::check_place,
    table::SettingsFile,
};
use crate::{
    auth0::{BaseUrl, Proxy},
    cli::{
        CommandLine, Creating, Given, Origin, PaceFlags, Recording, TenantFlags, Value, variable,
    },
    error::Error,
    model::TenantFacts,
    pacer::Plan,
    text::path_of,
};

/// Settings from flags and environment.
pub(super) struct GivenSettings<'a> {
    pub(super) tenant: &'a TenantFlags,
    pub(super) pace: &'a PaceFlags,
    pub(super) recording: Option<&'a Recording>,
    pub(super) creating: Option<&'a Creating>,
    pub(super) typed: &'a CommandLine,
}

/// Returns the value that is nearer to the user.
pub(super) fn nearest<'a, T>(
    given: Option<&'a Given<T>>,
    file: Option<&'a Given<T>>,
) -> Option<&'a Given<T>> {
    [given, file].into_iter().flatten().min_by_key(|given| given.origin)
}

/// Resolves flags, environment and file.
pub(super) fn resolve(
    given: &GivenSettings<'_>,
    file: &SettingsFile,
    announce: Option<Announce>,
) -> Result<Config, Error> {
    let (target, source) = target(given.tenant, file)?;
    let PaceFlags { rate, burst, max_duration, reserve, concurrency, .. } = given.pace;
    let PaceFlags { timeout, settle, max_attempts, max_errors, max_outage, .. } = given.pace;
    let recording = given.recording.and_then(|recording| recording.ledger.as_ref());
    let ledger = nearest(recording, file.recording.ledger.as_ref());
    let skip_existing = given.creating.and_then(|creating| creating.skip_existing.as_ref());
    let name_marker = given.creating.and_then(|creating| creating.name_marker.as_ref());
    Ok(Config {
        target,
        source,
        announce,
        typed: given.typed.clone(),
        ledger: ledger.map(|ledger| ledger.value.clone()),
        proxy: proxy()?,
        rate: value(rate.as_ref(), file.pace.rate.as_ref())?,
        burst: value(burst.as_ref(), file.pace.burst.as_ref())?.0,
        rate_plan: rate_plan(given.pace, file)?,
        max_duration: nearest(max_duration.as_ref(), file.pace.max_duration.as_ref())
            .map(|given| given.value),
        reserve: value(reserve.as_ref(), file.pace.reserve.as_ref())?.0,
        concurrency: value(concurrency.as_ref(), file.pace.concurrency.as_ref())?,
        timeout: value(timeout.as_ref(), file.pace.timeout.as_ref())?,
        settle: value(settle.as_ref(), file.pace.settle.as_ref())?,
        is_settle_given: nearest(settle.as_ref(), file.pace.settle.as_ref())
            .is_some_and(|given| given.origin != Origin::Default),
        max_attempts: value(max_attempts.as_ref(), file.pace.max_attempts.as_ref())?.0,
        max_errors: value(max_errors.as_ref(), file.pace.max_errors.as_ref())?.0,
        max_outage: value(max_outage.as_ref(), file.pace.max_outage.as_ref())?,
        name_marker: is_on(name_marker, file.creating.name_marker.as_ref()),
        skip_existing: is_on(skip_existing, file.creating.skip_existing.as_ref()),
        shard: None,
        metrics_file: metrics_file(given.tenant, file),
        meter: None,
        runtimes: Vec::new(),
        facts_file: file.knowing.tenant_facts.clone(),
        facts: TenantFacts::default(),
    })
}

/// Returns the value of a setting that has a default.
fn value<T: Value>(given: Option<&Given<T>>, file: Option<&Given<T>>) -> Result<T, Error> {
    let found = nearest(given, file).map(|given| given.value.clone());
    found.ok_or_else(|| Error::Internal("a setting has no default".into()))
}

fn is_on(given: Option<&Given<bool>>, file: Option<&Given<bool>>) -> bool {
    nearest(given, file).is_some_and(|given| given.value)
}

fn rate_plan(given: &PaceFlags, file: &SettingsFile) -> Result<Option<Plan>, Error> {
    let zone = nearest(given.timezone.as_ref(), file.pace.timezone.as_ref());
    let Some(plan) = nearest(given.rate_plan.as_ref(), file.pace.rate_plan.as_ref()) else {
        return Ok(None);
    };
    let zone = match zone {
        Some(zone) => zone.value.clone(),
        None => TimeZone::try_system().map_err(|_| {
            Error::usage(
                "cannot determine the system's time zone",
                "give --timezone with an IANA name such as `Europe/Berlin`, or `UTC`",
            )
        })?,
    };
    Plan::parse(&plan.value, zone, Value::read).map(Some).map_err(|error| {
        let origin = match plan.origin {
            Origin::File => format!("`rate-plan` in `{}`", file.name),
            _ => plan.from.clone(),
        };
        Error::usage(
            format!("{origin}: {error}"),
            "write ranges as `08:00-20:00=5,20:00-08:00=auto`: times of day up to `24:00` and \
             `auto`, or requests a second; they may cross midnight and must not overlap, and \
             --rate applies at all other times",
        )
    })
}

/// Returns the proxy for https. `http_proxy` would see secrets in the clear and is ignored.
fn proxy() -> Result<Option<Proxy>, Error> {
    let url = variable("https_proxy")?.or(variable("HTTPS_PROXY")?);
    let except = variable("no_proxy")?.or(variable("NO_PROXY")?);
    Ok(url.map(|url| Proxy { url, except }))
}

/// `--metrics-file`.
pub(super) fn metrics_file(given: &TenantFlags, file: &SettingsFile) -> Option<PathBuf> {
    file.nearest(given, |tenant| &tenant.metrics_file).map(|file| path_of(&file.value))
}

/// Returns the tenant's base URL, `None` for the sandbox, and where it was set.
pub(super) fn place(
    given: &TenantFlags,
    file: &SettingsFile,
) -> Result<(Option<BaseUrl>, String), Error> {
    let sandbox = file.nearest(given, |tenant| &tenant.sandbox);
    let domain = file.nearest(given, |tenant| &tenant.domain);
    let url = file.nearest(given, |tenant| &tenant.base_url);
    let origin =
        |given: Option<&Given<String>>| given.map_or(Origin::Default, |given| given.origin);
    // The nearer layer wins: `--domain` over a sandbox in the file.
    let named = origin(domain).min(origin(url));
    if let Some(sandbox) = sandbox.filter(|sandbox| sandbox.value && sandbox.origin <= named) {
        let typed = [("--domain", domain), ("--base-url", url)];
        let typed = typed.iter().find(|(_, given)| origin(*given) == Origin::Flag);
        if let Some((flag, _)) = typed.filter(|_| sandbox.origin == Origin::Flag) {
            return Err(Error::usage(
                format!("--sandbox and {flag} cannot be used together"),
                "remove one of them: --sandbox begins a tenant of its own in this process",
            ));
        }
        let from = file.place(sandbox);
        check_place(file, None, sandbox.origin, &from)?;
        return Ok((None, from));
    }
    let (base, place) = match (url.filter(|_| origin(url) <= origin(domain)), domain) {
        (Some(url), _) => (placed(BaseUrl::parse(&url.value), file, url)?, url),
        (None, Some(domain)) => {
            (placed(BaseUrl::from_domain(&domain.value), file, domain)?, domain)
        }
        (None, None) => return Err(no_tenant(file)),
    };
    let from = file.place(place);
    check_place(file, Some(&base), place.origin, &from)?;
    Ok((Some(base), from))
}

/// Adds to an error where the tenant was named.
fn placed(
    base: Result<BaseUrl, Error>,
    file: &SettingsFile,
    given: &Given<String>,
) -> Result<BaseUrl, Error> {
    base.map_err(|error| match error {
        Error::Config { code, message, hint } => {
            let message = format!("{message} ({})", file.place(given));
            Error::Config { code, message, hint }
        }
        other => other,
    })
}

fn no_tenant(file: &SettingsFile) -> Error {
    let hint = if file.profile.is_none() && !file.profiles.is_empty() {
        let names = file.profiles.join(", ");
        format!("choose one of the tenants in `{}` with --tenant NAME: {names}", file.name)
    } else {
        "pass --domain HOST (or set AUTH0_DOMAIN), or try --sandbox, which needs no account".into()
    };
    Error::refused("no_tenant", "no tenant given", hint)
}

fn target(given: &TenantFlags, file: &SettingsFile) -> Result<(Target, Source), Error> {
    let settings = (!file.name.is_empty()).then(|| file.name.clone());
    let profile = file.profile.as_ref();
    let profile = profile.map(|it| Named { value: Some(it.name.clone()), from: it.from.clone() });
    let (base, tenant) = place(given, file)?;
    let Some(base) = base else {
        return Ok((Target::Sandbox, Source { tenant, client: None, file: settings, profile }));
    };
    let (credentials, client) = credentials(given, file, &base)?;
    let source = Source { tenant, client: Some(client), file: settings, profile };
    Ok((Target::Tenant { base, credentials }, source))
}
