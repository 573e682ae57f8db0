//! The access token: one for all requests, renewed before it expires and after a 401.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;
use url::Url;
use zeroize::Zeroizing;

use super::{
    contact::{Contact, ContactFault, Side},
    foreign,
    grant::{ClientProof, Granted, Own, Request, is_refusal, refusal},
    scopes::{Stated, check_scopes},
    shape,
    transport::{AnswerHead, Exchange, Transport},
};
use crate::{
    api::{Answer, NotExecuted, Verdict},
    assertion::ASSERTION_TYPE,
    error::Error,
    model::{ClockSkew, Grant, Millis},
    pacer::Pacer,
    sync::lock,
    text::human,
};

/// A token is renewed this long before it expires, or a twentieth of its life, whichever is longer.
const RENEWED_BEFORE_EXPIRY: Duration = Duration::from_secs(60);

/// Difference below which two readings of the tenant's clock are equal: `Date` has whole seconds,
/// and an answer takes time. An assertion is dated back by more than that.
const CLOCK_TOLERANCE: Millis = 1_500;

/// Credentials for an access token.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A ready-made token.
    Token(SecretString),
    /// The client credentials grant.
    Client {
        /// Client id.
        id: String,
        /// Proof that it is this client that asks.
        proof: ClientProof,
        /// Audience of the token.
        audience: String,
    },
}

/// A token with the number of its generation, so that a 401 only counts against the token that it
/// answered.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) header: HeaderValue,
    pub(super) generation: u64,
}

/// See the module.
#[derive(Debug)]
pub(super) struct TokenSource {
    credentials: Credentials,
    /// Scopes that a token must have.
    scopes: &'static [&'static str],
    url: Url,
    transport: Transport,
    contact: Arc<Contact>,
    pacer: Arc<Pacer>,
    state: Mutex<TokenState>,
    /// Held while a token is being requested, so that one request serves everybody.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct TokenState {
    current: Option<Current>,
    generation: u64,
    /// Consecutive tokens that were refused without ever having worked: one may be bad luck, three
    /// are not.
    stillborn: u32,
    /// Time at which requesting a token last failed.
    failed_at: Option<Instant>,
}

#[derive(Debug)]
struct Current {
    token: Token,
    renew_at: Option<Instant>,
    proven: bool,
    stated: Stated,
}

impl TokenSource {
    pub(super) fn new(
        credentials: Credentials,
        scopes: &'static [&'static str],
        url: Url,
        transport: Transport,
        contact: Arc<Contact>,
        pacer: Arc<Pacer>,
    ) -> Self {
        Self {
            credentials,
            scopes,
            url,
            transport,
            contact,
            pacer,
            state: Mutex::default(),
            flight: tokio::sync::Mutex::default(),
        }
    }

    /// Returns a token that is good for a while and the number of requests that it took, or why
    /// there is none.
    pub(super) async fn get(&self) -> Result<(Token, u32), Answer<()>> {
        if let Some(token) = self.fresh() {
            return Ok((token, 0));
        }
        let asked = Instant::now();
        let _flight = self.flight.lock().await;
        // Meanwhile another task may have obtained a token, or found out that there is none.
        if let Some(token) = self.fresh() {
            return Ok((token, 0));
        }
        if self.state().failed_at.is_some_and(|at| at >= asked) {
            return Err(Answer::bare(Verdict::NotExecuted(NotExecuted::NotSent)));
        }
        let (secret, granted, requests) = match &self.credentials {
            Credentials::Token(token) => (token.clone(), None, 0),
            Credentials::Client { id, proof, audience } => {
                let granted = self.take(id, proof, audience).await;
                let (granted, requests) = granted.inspect_err(|_| {
                    self.state().failed_at = Some(Instant::now());
                })?;
                (granted.access_token.clone(), Some(granted), requests)
            }
        };
        let stated = Stated::of(&secret, granted.as_ref(), self.transport.clock.wall());
        check_scopes(stated.scopes.as_deref(), self.scopes).map_err(stop)?;
        let bearer = Zeroizing::new(format!("Bearer {}", secret.expose_secret()));
        let Ok(mut header) = HeaderValue::from_str(&bearer) else {
            return Err(stop(Error::config(
                "the token contains characters that are not allowed in a token",
                "check the file or variable it comes from for line breaks and quotes",
            )));
        };
        header.set_sensitive(true);
        let mut state = self.state();
        state.generation += 1;
        let token = Token { header, generation: state.generation };
        let renew_at = granted.map(|granted| {
            let life = granted.life();
            let leeway = RENEWED_BEFORE_EXPIRY.max(life / 20).min(life / 2);
            Instant::now() + life.saturating_sub(leeway)
        });
        state.current = Some(Current { token: token.clone(), renew_at, proven: false, stated });
        Ok((token, requests))
    }

    /// Returns what the present token allows, and until when by our clock; nothing where there is
    /// none.
    pub(super) fn grant(&self) -> Grant {
        let skew = self.transport.clock.date_skew().unwrap_or_default();
        let grant = self.state().current.as_ref().map(|current| current.stated.grant(skew));
        let is_renewable = matches!(self.credentials, Credentials::Client { .. });
        Grant { is_renewable, ..grant.unwrap_or_default() }
    }

    /// Notes that one of the API's own answers other than 401 came for a token.
    pub(super) fn accepted(&self, generation: u64) {
        let mut state = self.state();
        if let Some(current) = &mut state.current
            && current.token.generation == generation
            && !current.proven
        {
            current.proven = true;
            state.stillborn = 0;
        }
    }

    /// Notes a 401 for a token. Returns an error if another token would not help.
    pub(super) fn refused(&self, generation: u64) -> Result<(), Error> {
        if matches!(self.credentials, Credentials::Token(_)) {
            return Err(Error::refused(
                "token_refused",
                "the tenant refuses the token (401)",
                "it may have expired, or belong to another tenant: get a new one, or give client \
                 credentials, which renew theirs; then run the same command again",
            ));
        }
        let mut state = self.state();
        let Some(current) = state.current.take_if(|now| now.token.generation == generation) else {
            return Ok(());
        };
        if current.proven {
            return Ok(());
        }
        state.stillborn += 1;
        if state.stillborn < 3 {
            return Ok(());
        }
        Err(Error::refused(
            "token_refused",
            "the tenant refuses newly granted tokens (401)",
            "check --domain and --audience: a token for one domain is refused at another",
        ))
    }

    fn fresh(&self) -> Option<Token> {
        let state = self.state();
        let current = state.current.as_ref()?;
        let due = current.renew_at.is_some_and(|at| at <= Instant::now());
        (!due).then(|| current.token.clone())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, TokenState> {
        lock(&self.state)
    }

    /// Requests a token, and a second time if an assertion was refused and the tenant's clock turns
    /// out to differ from the time it was made for.
    async fn take(
        &self,
        id: &str,
        proof: &ClientProof,
        audience: &str,
    ) -> Result<(Granted, u32), Answer<()>> {
        let clock = &self.transport.clock;
        let assumed = clock.now().ahead_of(clock.wall());
        let refused = match self.ask(id, proof, audience).await {
            Ok(granted) => return Ok((granted, 1)),
            Err(refused) => refused,
        };
        if !(matches!(proof, ClientProof::Key(_)) && matches!(refused.verdict, Verdict::Stop(_))) {
            return Err(refused);
        }
        let shown = clock.now().ahead_of(clock.wall());
        if (shown - assumed).unsigned_abs() <= CLOCK_TOLERANCE.unsigned_abs() {
            return Err(with_clock(refused, clock.date_skew()));
        }
        match self.ask(id, proof, audience).await {
            Ok(granted) => {
                let off = off_by(shown - ClockSkew::default());
                tracing::warn!("{off}: the token was granted by the tenant's clock; set this one");
                Ok((granted, 2))
            }
            Err(refused) => {
                let refused = Answer { requests: refused.requests + 1, ..refused };
                Err(with_clock(refused, clock.date_skew()))
            }
        }
    }

    /// Builds the request for a token; an error if this machine cannot sign it.
    fn asked<'a>(
        &self,
        client_id: &'a str,
        proof: &'a ClientProof,
        audience: &'a str,
    ) -> Result<Request<'a>, Answer<()>> {
        let own = match proof {
            ClientProof::Secret(secret) => Own::Secret { client_secret: secret.clone() },
            ClientProof::Key(key) => {
                let tenant = self.url.as_str().trim_end_matches("oauth/token");
                let now = self.transport.clock.now().as_millis().div_euclid(1_000);
                let signed = key.sign(client_id, tenant, now);
                let client_assertion = signed.ok_or_else(|| {
                    stop(Error::Internal("the request for a token cannot be signed".into()))
                })?;
                Own::Assertion { client_assertion_type: ASSERTION_TYPE, client_assertion }
            }
        };
        Ok(Request { grant_type: "client_credentials", client_id, own, audience })
    }

    async fn ask(
        &self,
        id: &str,
        proof: &ClientProof,
        audience: &str,
    ) -> Result<Granted, Answer<()>> {
        let asked = self.asked(id, proof, audience)?;
        let body = serde_json::to_vec(&asked).unwrap_or_default();
        let mut request = self.transport.request(reqwest::Method::POST, self.url.clone());
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(body.into());
        self.pacer.permit().await;
        self.contact.tries();
        match self.transport.send(request).await {
            Exchange::NotSent(not_sent) => {
                Err(Answer::bare(self.contact.not_sent(Side::Write, not_sent)))
            }
            Exchange::Lost(_, fault) => Err(self.failed(fault, NotExecuted::NotSent)),
            Exchange::Answered { status: 200, body: Some(body), head, .. } => {
                if let Some(granted) = Granted::read(&body) {
                    tracing::trace!("token: 200, granted");
                    self.contact.answers();
                    self.transport.believe(&head);
                    return Ok(granted);
                }
                Err(self.failed(self.no_grant(200, &head, Some(&body)), NotExecuted::NotSent))
            }
            Exchange::Answered { status: 429, meter, .. } => {
                let fault =
                    ContactFault::no_more_tokens().asking(meter.retry_after.or(meter.full_in));
                Err(Answer { meter, ..self.failed(fault, NotExecuted::Throttled) })
            }
            Exchange::Answered { status: status @ 300..=499, body, head, .. } if status != 408 => {
                let body = body.unwrap_or_default();
                if is_refusal(&body) {
                    self.transport.believe(&head);
                }
                let refused = stop(refusal(status, &body, proof));
                Err(Answer { requests: 1, ..refused })
            }
            Exchange::Answered { status, body, head, .. } => {
                let fault = self.no_grant(status, &head, body.as_ref());
                Err(self.failed(fault, NotExecuted::NotSent))
            }
        }
    }

    /// Describes an answer that neither grants a token nor refuses it.
    fn no_grant(&self, status: u16, head: &AnswerHead, body: Option<&Bytes>) -> ContactFault {
        if shape::is_error(status, body) || body.is_some_and(|body| is_refusal(body)) {
            self.contact.answers();
            return ContactFault::of_the_api(status);
        }
        // A page names its owner; nothing is shown of any other body, which may hold a token.
        let is_page = body.is_some_and(|body| body.trim_ascii_start().starts_with(b"<"));
        let shown = foreign::show(status, head, body.filter(|_| is_page));
        ContactFault::of_foreign_answer(&format!("{shown}, instead of a token"))
    }

    /// Returns the answer for a token endpoint that answered without a token, which may differ next
    /// time.
    fn failed(&self, fault: ContactFault, why: NotExecuted) -> Answer<()> {
        let failed = self.contact.failed(Side::Write, fault);
        let answer = failed.map_or_else(stop, |()| Answer::bare(Verdict::NotExecuted(why)));
        Answer { requests: 1, ..answer }
    }
}

/// Describes how far our clock differs from the tenant's.
fn off_by(lead: Millis) -> String {
    let side = if lead > 0 { "behind" } else { "ahead of" };
    let off = human(Duration::from_millis(lead.unsigned_abs()));
    format!("this machine's clock is {off} {side} the tenant's")
}

/// Adds what is known about the clocks to the hint of a refused assertion, which is valid for a
/// minute only.
fn with_clock(refused: Answer<()>, lead: Option<ClockSkew>) -> Answer<()> {
    let more = match lead.map(|lead| lead - ClockSkew::default()) {
        None => "the answer does not show the tenant's clock: check this machine's, too".into(),
        Some(lead) if lead.unsigned_abs() > CLOCK_TOLERANCE.unsigned_abs() => {
            format!("{}, which was allowed for", off_by(lead))
        }
        Some(_) => return refused,
    };
    let Verdict::Stop(error) = refused.verdict else { return refused };
    let error = match *error {
        Error::Config { code, message, hint } => {
            Error::Config { code, message, hint: format!("{hint}; {more}") }
        }
        other => other,
    };
    Answer { verdict: Verdict::Stop(Box::new(error)), ..refused }
}

fn stop(error: Error) -> Answer<()> {
    Answer::bare(Verdict::Stop(Box::new(error)))
}

/// Returns the headers of a request with this token, with room for those still to come.
pub(super) fn headers(token: &Token) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(AUTHORIZATION, token.header.clone());
    headers
}
