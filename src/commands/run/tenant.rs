//! The tenant that a command talks to: a real one, or the simulated one in this process.

use std::sync::Arc;

use secrecy::SecretString;

use crate::{
    auth0::{self, BaseUrl, Client, ClientProof, Credentials},
    commands::{now, pacer},
    config::{Config, SANDBOX, Target},
    error::Error,
    pacer::Pacer,
    probe::MARKER,
    sandbox::{Limit, Sandbox, Settings, Users},
};

/// A client of the tenant, and the tenant itself where it is the sandbox.
pub(in crate::commands) struct Tenant {
    pub(in crate::commands) client: Client,
    /// Name that a ledger is bound to.
    pub(in crate::commands) name: String,
    /// The sandbox, in a `--sandbox` run.
    pub(in crate::commands) sandbox: Option<Sandbox>,
    /// The one pacer of the run, which also grants permits for the client's requests for tokens.
    pub(in crate::commands) pacer: Arc<Pacer>,
}

/// Scopes of a command.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands) struct Scopes {
    /// Scopes that its requests use, if the token has them.
    pub(in crate::commands) used: &'static [&'static str],
    /// Scopes that the token must have.
    pub(in crate::commands) required: &'static [&'static str],
}

impl Tenant {
    /// Makes the client of a command. Starts the sandbox where that is the tenant; it allows all
    /// scopes of the command. Nothing is sent yet.
    pub(in crate::commands) async fn with(config: &Config, scopes: Scopes) -> Result<Self, Error> {
        let (base, credentials, sandbox) = match &config.target {
            Target::Tenant { base, credentials } => (base.clone(), credentials.clone(), None),
            Target::Sandbox => {
                let limit = Limit::smallest_plan();
                let mut settings = Settings { limit, latency_ms: (20, 60), ..Settings::default() };
                settings = settings.with_facts(&config.facts);
                settings.scopes.extend(scopes.used.iter().map(|scope| (*scope).to_owned()));
                // The user whom `probe` asks about as one who does not exist.
                settings.users = Users::AnyBut(vec![MARKER.into()]);
                let sandbox = Sandbox::start(settings, 0)
                    .await
                    .map_err(|source| Error::Io { what: "starting the sandbox".into(), source })?;
                let base = BaseUrl::parse(&sandbox.base_url())?;
                let credentials = Credentials::Client {
                    id: SANDBOX.into(),
                    proof: ClientProof::Secret(SecretString::from(SANDBOX)),
                    audience: base.default_audience(),
                };
                (base, credentials, Some(sandbox))
            }
        };
        let name = if sandbox.is_some() { SANDBOX.into() } else { base.as_str().to_owned() };
        let pacer = pacer(config);
        let client = Client::new(auth0::Settings {
            base,
            credentials,
            scopes: scopes.required,
            proxy: config.proxy.clone(),
            timeout: config.timeout,
            concurrency: config.concurrency.most(),
            now,
            pacer: Arc::clone(&pacer),
        })?
        .knowing(&config.facts);
        Ok(Self { client, name, sandbox, pacer })
    }
}
