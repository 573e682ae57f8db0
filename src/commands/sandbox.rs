//! `sandbox`: the simulated tenant, served until it is told to stop.

use std::path::Path;

use super::{print, run::signals::Signals};
use crate::{
    cli::SandboxArgs,
    config::parse_facts,
    error::{Error, Exit},
    model::{Conflict, ProbedTenant, TenantFacts},
    probe::MARKER,
    sandbox::{Fault, FaultKind, Limit, Sandbox, Settings, User, Users},
    text::{escape, file_name, invalid_value},
};

/// Runs the command.
pub(super) async fn run(args: SandboxArgs) -> Result<Exit, Error> {
    if args.list_faults {
        print(|out| {
            writeln!(out, "KIND[@VERB]=SHARE[xTIMES], VERB post (default), get, token, any, …\n")?;
            FaultKind::all()
                .try_for_each(|kind| writeln!(out, "{:16} {}", kind.name(), kind.about()))
        })?;
        return Ok(Exit::Good);
    }
    let mut signals = Signals::take()?;
    let sandbox = Sandbox::start(settings(&args)?, args.port).await.map_err(|source| {
        Error::Io { what: format!("listening on 127.0.0.1:{}", args.port), source }
    })?;
    print(|out| writeln!(out, "simulated tenant at {}; Ctrl-C ends it", sandbox.base_url()))?;
    signals.recv().await;
    sandbox.stop().await;
    Ok(Exit::Good)
}

fn settings(args: &SandboxArgs) -> Result<Settings, Error> {
    let mut settings = match &args.settings {
        Some(path) => read(path)?,
        None => Settings::default(),
    };
    if let Some(limit) = &args.limit {
        settings.limit = parse_limit(limit).ok_or_else(|| {
            Error::usage(
                invalid_value(limit, "--limit"),
                "give RATE/BURST such as `16/50`, or RATE/BURST@SECONDS such as `150/10@60`",
            )
        })?;
    }
    if let Some(faults) = &args.faults {
        settings.faults = Fault::parse_list(faults).map_err(|error| {
            Error::usage(error.to_string(), "see `mfaferry sandbox --list-faults`")
        })?;
    }
    if let Some(latency) = &args.latency {
        settings.latency_ms = parse_latency(latency).ok_or_else(|| {
            Error::usage(invalid_value(latency, "--latency"), "give `20` or `20-80`")
        })?;
    }
    if !args.missing_users.is_empty() {
        settings.users = Users::AnyBut(args.missing_users.clone());
    }
    if let Some(path) = &args.users {
        settings.users = Users::Known(read_users(path)?.into());
    }
    if let Some(used) = &args.used {
        settings.used_share = used.value.0 / 100.0;
    }
    settings.seed = args.seed.unwrap_or(settings.seed);
    settings.masking &= !args.no_masking;
    settings.cap_per_user = args.cap.or(settings.cap_per_user);
    settings.token_requests = args.token_requests.or(settings.token_requests);
    if args.no_conflict {
        settings.conflict = Conflict::OFF;
    }
    Ok(settings)
}

fn read(path: &Path) -> Result<Settings, Error> {
    let name = escape(&file_name(path));
    let text = read_file(path)?;
    if ProbedTenant::is_probe_file(&text) {
        let probed = parse_facts(&name, &text)?;
        return Ok(probed_tenant(&probed.facts));
    }
    // The file may hold the bare facts.
    if let Ok(probed) = ProbedTenant::read(&text) {
        return Ok(probed_tenant(&probed.facts));
    }
    // serde's own message quotes the value, which may be a client secret.
    serde_json::from_slice(&text).map_err(|error| {
        Error::usage(
            format!("`{name}` line {}, column {}: not a setting", error.line(), error.column()),
            "see the documentation of `mfaferry::sandbox::Settings`",
        )
    })
}

/// Returns the settings of a tenant that answers as the probed one did; everything that a probe
/// asks about must exist in it.
fn probed_tenant(facts: &TenantFacts) -> Settings {
    let mut settings = Settings::default().with_facts(facts);
    if facts.put_unknown_user.or(facts.delete_unknown_user).is_some() {
        settings.users = Users::AnyBut(vec![MARKER.into()]);
    }
    if facts.limit_headers == Some(true) {
        // Without a limit there would be no rate-limit headers.
        settings.limit = Limit::smallest_plan();
    }
    settings
}

/// Reads users, one JSON object after another.
fn read_users(path: &Path) -> Result<Vec<User>, Error> {
    let text = read_file(path)?;
    let users = serde_json::Deserializer::from_slice(&text).into_iter::<User>();
    // As above: these are addresses.
    users.collect::<Result<_, _>>().map_err(|error| {
        Error::usage(
            format!(
                "`{}` line {}, column {}: not a user",
                escape(&file_name(path)),
                error.line(),
                error.column()
            ),
            "give --users a user export of Auth0 in JSON (NDJSON), with the fields user_id, email, \
             email_verified and identities",
        )
    })
}

fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    let name = escape(&file_name(path));
    std::fs::read(path).map_err(|source| Error::Io { what: format!("reading `{name}`"), source })
}

fn parse_limit(text: &str) -> Option<Limit> {
    let (rate, rest) = text.split_once('/')?;
    match rest.split_once('@') {
        None => {
            let rate: f64 = rate.parse().ok().filter(|rate| *rate > 0.0 && *rate < 1e9)?;
            Some(Limit::TokenBucket { rate, burst: rest.parse().ok().filter(|burst| *burst > 0)? })
        }
        Some((burst, window)) => Some(Limit::FixedWindow {
            rate: rate.parse().ok().filter(|rate| *rate > 0)?,
            window_s: window.parse().ok().filter(|seconds| *seconds > 0)?,
            burst: burst.parse().ok().filter(|burst| *burst > 0)?,
        }),
    }
}

fn parse_latency(text: &str) -> Option<(u64, u64)> {
    let (least, most) = text.split_once('-').unwrap_or((text, text));
    let range = (least.trim().parse().ok()?, most.trim().parse().ok()?);
    (range.0 <= range.1 && range.1 <= 600_000).then_some(range)
}
