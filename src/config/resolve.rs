//! Resolves the layers into checked settings.

use jiff::tz::TimeZone;

use super::{
    Announce, Config, Source, Target,
    credentials::credentials,
    layers::{Layers, variable},
    value::{parse_duration, parse_max_errors, parse_rate},
};
use crate::{
    auth0::{BaseUrl, Proxy},
    error::Error,
    pacer::Plan,
};

/// Resolves flags, environment and file.
pub(super) fn resolve(layers: &Layers, announce: Option<Announce>) -> Result<Config, Error> {
    let sandbox =
        layers.parse("sandbox", "false", "`true` or `false`", |text| text.parse().ok())?;
    // What is said nearer to the user counts: `--domain` against a sandbox in the file.
    let named = layers.origin("domain").min(layers.origin("base-url"));
    let sandbox = sandbox && layers.origin("sandbox") <= named;
    let (target, source) = if sandbox { in_sandbox(layers) } else { tenant(layers)? };
    let duration = |name, default| {
        let example = "a time such as `30s`, `2m` or `1h 30m`";
        layers.parse(name, default, example, parse_duration)
    };
    Ok(Config {
        target,
        source,
        announce,
        ledger: layers.text("ledger").map(|(text, _)| text),
        proxy: proxy()?,
        rate: layers.parse(
            "rate",
            "auto",
            "`auto`, or requests a second such as `10`",
            parse_rate,
        )?,
        burst: layers.parse("burst", "1", "a number from 1 to 10000", |text| {
            text.parse().ok().filter(|number| (1..=10_000).contains(number))
        })?,
        rate_plan: rate_plan(layers)?,
        max_duration: match layers.text("max-duration") {
            Some(_) => Some(duration("max-duration", "")?),
            None => None,
        },
        reserve: layers.parse("reserve", "20%", "a share from `0%` to `95%`", |text| {
            let percent: f64 = text.trim_end_matches('%').trim().parse().ok()?;
            (0.0..=95.0).contains(&percent).then_some(percent / 100.0)
        })?,
        concurrency: layers.parse("concurrency", "32", "a number from 1 to 1024", |text| {
            text.parse().ok().filter(|number| (1..=1024).contains(number))
        })?,
        timeout: duration("timeout", "30s")?,
        settle: duration("settle", "120s")?,
        max_attempts: layers.parse("max-attempts", "3", "a number from 1 to 100", |text| {
            text.parse().ok().filter(|number| (1..=100).contains(number))
        })?,
        max_errors: layers.parse(
            "max-errors",
            "none",
            "a number of rows such as `100`, or a share such as `5%`",
            parse_max_errors,
        )?,
        max_outage: duration("max-outage", "30m")?,
        name_marker: layers
            .parse("name-marker", "false", "`true` or `false`", |text| text.parse().ok())?,
        skip_existing: layers
            .parse("skip-existing", "false", "`true` or `false`", |text| text.parse().ok())?,
    })
}

fn rate_plan(layers: &Layers) -> Result<Option<Plan>, Error> {
    let zone = match layers.text("timezone") {
        Some((name, origin)) => Some(TimeZone::get(name.trim()).map_err(|_| {
            Error::usage(
                format!("{origin} is not a known time zone"),
                "give an IANA name such as `Europe/Berlin`, or `UTC`",
            )
        })?),
        None => None,
    };
    let Some((text, origin)) = layers.text("rate-plan") else {
        return Ok(None);
    };
    let zone = match zone {
        Some(zone) => zone,
        None => TimeZone::try_system().map_err(|_| {
            Error::usage(
                "cannot determine the system's time zone",
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

/// The proxy for https. `http_proxy` would see secrets in the clear and is not honoured.
fn proxy() -> Result<Option<Proxy>, Error> {
    let url = variable("https_proxy")?.or(variable("HTTPS_PROXY")?);
    let except = variable("no_proxy")?.or(variable("NO_PROXY")?);
    Ok(url.map(|url| Proxy { url, except }))
}

fn in_sandbox(layers: &Layers) -> (Target, Source) {
    let tenant = layers.find("sandbox").map(|given| given.from).unwrap_or_default();
    (Target::Sandbox, Source { tenant, client: None, file: layers.file().map(Into::into) })
}

fn tenant(layers: &Layers) -> Result<(Target, Source), Error> {
    let by_url = layers.origin("base-url") <= layers.origin("domain");
    let (base, from) = match (layers.find("base-url"), layers.find("domain")) {
        (Some(url), _) if by_url => (BaseUrl::parse(&url.text)?, url.from),
        (_, Some(domain)) => (BaseUrl::from_domain(&domain.text)?, domain.from),
        _ => {
            return Err(Error::config(
                "no tenant given",
                "pass --domain HOST (or set AUTH0_DOMAIN), or try --sandbox, which needs no account",
            ));
        }
    };
    let (credentials, client) = credentials(layers, &base)?;
    let file = layers.file().map(Into::into);
    let source = Source { tenant: from, client: Some(client), file };
    Ok((Target::Tenant { base, credentials }, source))
}
