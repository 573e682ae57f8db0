//! Sends the requests of a probe one after another, repeats those without an answer, and keeps
//! track of the methods that it has created.

use std::{collections::HashSet, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    Evidence, ProbeTerms, There,
    cleanup::{Lost, MadeMethod},
    patience::{Patience, Tries},
    samples::Samples,
    sent::SentValues,
};
use crate::{
    api::{NotExecuted, RawAnswer, RawApi, RawRequest, RawVerb, Verdict},
    auth0::NOT_ENABLED,
    engine::gateway::{Gateway, PageAnswer},
    error::Error,
    model::{FactorType, Grant, Method, UserId},
    protocol::pages::{AfterPage, Pages},
};

pub(super) use super::told::{TenantAnswer, Unanswered, none_created};

/// Shortest and longest pause between two looks for a new method. Each pause is twice as long as
/// the one before; together they take half a minute.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LAST_LOOK: Duration = Duration::from_secs(13);

/// A type whose methods can be created.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usable {
    pub(super) factor_type: FactorType,
    /// True if a user can have a second one.
    pub(super) takes_two: bool,
}

/// Meaning of an answer for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sorted {
    /// The answer is the tenant's own.
    Told,
    /// The request must be sent again, when the pacer gives a permit.
    Throttled,
    /// There is no usable answer.
    Silence,
}

/// The sender of a probe's requests.
#[derive(Debug)]
pub(super) struct Asker<A> {
    pub(super) gateway: Gateway<A>,
    pub(super) user: UserId,
    pub(super) samples: Samples,
    /// Scopes of the token.
    pub(super) grant: Grant,
    /// The user's methods at the start.
    pub(super) before: Vec<Method>,
    /// Types that can be created; empty until that is known.
    pub(super) usable: Vec<Usable>,
    /// Answers to the current question so far.
    pub(super) evidence: Vec<Evidence>,
    pub(super) names: HashSet<String>,
    pub(super) made: Vec<MadeMethod>,
    /// Methods of the probe that were deleted.
    pub(super) gone: Vec<MadeMethod>,
    pub(super) lost: Vec<Lost>,
    pub(super) there: There,
    pub(super) patience: Patience,
    sent: SentValues,
    /// True if the last request may have been executed, but no answer confirms it.
    in_doubt: bool,
    rng: fastrand::Rng,
}

impl<A: RawApi> Asker<A> {
    pub(super) fn new(gateway: Gateway<A>, terms: &ProbeTerms) -> Self {
        Self {
            gateway,
            samples: Samples::new(&terms.user, terms.host.clone()),
            user: terms.user.clone(),
            there: terms.there.clone(),
            grant: Grant::default(),
            before: Vec::new(),
            usable: Vec::new(),
            evidence: Vec::new(),
            names: HashSet::new(),
            made: Vec::new(),
            gone: Vec::new(),
            lost: Vec::new(),
            patience: Patience::new(terms.max_outage),
            sent: SentValues::default(),
            in_doubt: false,
            rng: fastrand::Rng::new(),
        }
    }

    /// Returns the number of times that a question may be asked.
    pub(super) fn tries(&self) -> u32 {
        self.gateway.policy.max_attempts
    }

    /// Fails if the token states its scopes and lacks this one.
    pub(super) fn needs(&self, scope: &str) -> Result<(), Unanswered> {
        match self.grant.has(scope) {
            Some(false) => Err(Unanswered::lacking(scope)),
            Some(true) | None => Ok(()),
        }
    }

    /// Sends a request until the tenant answers it. Does not repeat a POST that may have been
    /// executed.
    pub(super) async fn send(
        &mut self,
        what: &str,
        request: RawRequest<'_>,
    ) -> Result<TenantAnswer, Unanswered> {
        let mut tries = Tries::default();
        self.in_doubt = false;
        self.sent.add(request.user, request.body);
        loop {
            self.permit().await?;
            let sent = Instant::now();
            // A request in flight is finished, even when the probe is stopping.
            let raw = self.gateway.api.ask(request).await;
            self.gateway.note(&raw.answer);
            let RawAnswer { answer, body, code, message, limit } = raw;
            let status = answer.status;
            match self.sort(what, request.verb, status, answer.verdict)? {
                Sorted::Told => {}
                Sorted::Throttled if self.patience.is_told(request.verb, status, tries.bounces) => {
                }
                sorted => {
                    self.again(&mut tries, sorted).await?;
                    continue;
                }
            }
            self.patience.answered(&self.gateway);
            let code = code.and_then(|code| self.sent.code(code));
            self.note(what, status, code.clone());
            return Ok(TenantAnswer {
                status: status.unwrap_or_default(),
                code,
                message: message.map(|message| self.sent.hide(&message)),
                body,
                limit,
                bounces: tries.bounces,
                sent,
                came: Instant::now(),
            });
        }
    }

    /// Returns the meaning of a verdict for the request that got it.
    fn sort(
        &mut self,
        what: &str,
        verb: RawVerb,
        status: Option<u16>,
        verdict: Verdict<()>,
    ) -> Result<Sorted, Unanswered> {
        match verdict {
            Verdict::Done(()) | Verdict::Present | Verdict::Refused(_) => Ok(Sorted::Told),
            Verdict::Stop(error) => match *error {
                Error::MissingScope { scope } => Err(Unanswered::lacking(&scope)),
                // A tenant's plan without this type of method is an answer, too.
                _ if error.code() == NOT_ENABLED => Ok(Sorted::Told),
                error => Err(Unanswered::Fatal(Box::new(error))),
            },
            Verdict::StopInDoubt(error) => {
                self.in_doubt = true;
                Err(Unanswered::Fatal(error))
            }
            // The pacer holds the next permit, and the next request gets a new token.
            Verdict::NotExecuted(NotExecuted::Throttled | NotExecuted::Unauthorized) => {
                Ok(Sorted::Throttled)
            }
            Verdict::InDoubt(reason) if verb == RawVerb::Post => {
                self.note(what, status, Some(reason.to_string()));
                self.in_doubt = true;
                Err(Unanswered::Lost(reason))
            }
            Verdict::NotExecuted(NotExecuted::NotSent) | Verdict::InDoubt(_) => Ok(Sorted::Silence),
        }
    }

    /// Waits before the next try. Fails if there were too many.
    async fn again(&mut self, tries: &mut Tries, sorted: Sorted) -> Result<(), Unanswered> {
        let wait = if sorted == Sorted::Throttled {
            tries.bounces += 1;
            Duration::ZERO
        } else {
            tries.silent += 1;
            self.delay(tries.silent)
        };
        self.patience.unanswered(&self.gateway, *tries)?;
        self.pause(wait).await
    }

    /// Creates an ordinary method of a type, under a new name.
    pub(super) async fn create(
        &mut self,
        what: &str,
        factor_type: FactorType,
    ) -> Result<TenantAnswer, Unanswered> {
        let body = self.body(factor_type)?;
        self.create_as(what, body).await
    }

    /// Returns the body of an ordinary method of a type.
    pub(super) fn body(&mut self, factor_type: FactorType) -> Result<Value, Unanswered> {
        self.samples.body(factor_type).ok_or_else(|| {
            let error = Error::Internal("the system gives no randomness".into());
            Unanswered::Fatal(Box::new(error))
        })
    }

    /// Creates a method with that body, under a new name if the body has none.
    pub(super) async fn create_as(
        &mut self,
        what: &str,
        mut body: Value,
    ) -> Result<TenantAnswer, Unanswered> {
        match body["name"].as_str() {
            Some(name) => drop(self.names.insert(name.to_owned())),
            None => body["name"] = self.new_name().into(),
        }
        let type_name = body["type"].as_str().unwrap_or_default().to_owned();
        self.tell(Some(&type_name));
        let user = self.user.clone();
        let request = RawRequest { body: Some(&body), ..RawRequest::all(RawVerb::Post, &user) };
        let told = self.send(&format!("POST {type_name}{what}"), request).await;
        if self.in_doubt {
            self.lost.push(Lost { type_name, at: Instant::now() });
        } else if let Ok(told) = &told {
            let id = told.created().map(str::to_owned);
            self.made.extend(id.map(|id| MadeMethod { id: Some(id), type_name, is_own: true }));
        }
        self.tell(None);
        told
    }

    /// Returns a new name, and remembers it as one of the probe's.
    pub(super) fn new_name(&mut self) -> String {
        let name = self.samples.name();
        self.names.insert(name.clone());
        name
    }

    /// Creates a method of the first type that can be created.
    pub(super) async fn create_any(
        &mut self,
        what: &str,
    ) -> Result<(FactorType, TenantAnswer), Unanswered> {
        let mut refused = Vec::new();
        let types: Vec<_> = self.usable.iter().map(|usable| usable.factor_type).collect();
        let types = if types.is_empty() { FactorType::ALL.into() } else { types };
        for factor_type in types {
            let told = self.create(what, factor_type).await?;
            if told.created().is_some() {
                return Ok((factor_type, told));
            }
            refused.push((factor_type, told.short()));
        }
        Err(none_created(refused))
    }

    /// Returns true if methods of a type can be created, or if that is not known yet.
    pub(super) fn can_create(&self, factor_type: FactorType) -> bool {
        self.usable.is_empty() || self.usable.iter().any(|usable| usable.factor_type == factor_type)
    }

    /// Gets one method.
    pub(super) async fn get(&mut self, what: &str, id: &str) -> Result<TenantAnswer, Unanswered> {
        let user = self.user.clone();
        self.send(&format!("GET one{what}"), RawRequest::one(RawVerb::Get, &user, id)).await
    }

    /// Lists all methods, page by page.
    pub(super) async fn list(&mut self) -> Result<Vec<Method>, Unanswered> {
        let (user, mut pages) = (self.user.clone(), Pages::default());
        let mut tries = Tries::default();
        loop {
            self.permit().await?;
            let PageAnswer { after, status, .. } =
                self.gateway.page(&user, None, &mut pages, &mut self.rng).await;
            let sorted = match after {
                AfterPage::More(wait) => {
                    self.pause(wait).await?;
                    continue;
                }
                AfterPage::Whole(Verdict::Done(methods)) => {
                    self.patience.answered(&self.gateway);
                    self.note("GET list", status, None);
                    return Ok(methods);
                }
                AfterPage::Whole(Verdict::Refused(reason)) => {
                    self.note("GET list", status, Some(reason.to_string()));
                    return Err(Unanswered::Unclear(format!("the list is refused: {reason}")));
                }
                AfterPage::Whole(Verdict::Stop(error) | Verdict::StopInDoubt(error)) => {
                    return Err(Unanswered::Fatal(error));
                }
                AfterPage::Whole(Verdict::NotExecuted(
                    NotExecuted::Throttled | NotExecuted::Unauthorized,
                )) => Sorted::Throttled,
                AfterPage::Whole(_) => Sorted::Silence,
            };
            self.again(&mut tries, sorted).await?;
        }
    }

    /// Waits until GET shows a method.
    pub(super) async fn got(&mut self, id: &str) -> Result<TenantAnswer, Unanswered> {
        let mut pause = FIRST_LOOK;
        loop {
            let told = self.get("", id).await?;
            if told.status == 200 {
                return Ok(told);
            }
            if pause > LAST_LOOK || told.status != 404 {
                let why = format!("GET does not show a method that was created ({})", told.short());
                return Err(Unanswered::Unclear(why));
            }
            self.pause(pause).await?;
            pause *= 2;
        }
    }

    /// Waits until the list shows a method.
    pub(super) async fn shown(&mut self, id: &str) -> Result<Method, Unanswered> {
        self.shown_as(id, |_| true).await
    }

    /// Waits until the list shows a method that satisfies a condition.
    pub(super) async fn shown_as(
        &mut self,
        id: &str,
        is_so: impl Fn(&Method) -> bool,
    ) -> Result<Method, Unanswered> {
        let mut pause = FIRST_LOOK;
        loop {
            let listed = self.list().await?;
            let found = listed.into_iter().find(|method| method.id == id && is_so(method));
            if let Some(method) = found {
                return Ok(method);
            }
            if pause > LAST_LOOK {
                let why = "the list does not show a method as it was created or named".to_owned();
                return Err(Unanswered::Unclear(why));
            }
            self.pause(pause).await?;
            pause *= 2;
        }
    }

    /// Waits, unless the probe is stopping.
    pub(super) async fn pause(&self, time: Duration) -> Result<(), Unanswered> {
        tokio::select! {
            biased;
            () = self.gateway.stop.cancelled() => Err(Unanswered::Stopped),
            () = sleep(time) => Ok(()),
        }
    }

    pub(super) async fn permit(&self) -> Result<(), Unanswered> {
        tokio::select! {
            biased;
            () = self.gateway.stop.cancelled() => Err(Unanswered::Stopped),
            () = self.gateway.pacer.permit() => Ok(()),
        }
    }

    fn delay(&mut self, tries: u32) -> Duration {
        self.gateway.policy.delay(tries, &mut self.rng)
    }

    /// Adds an answer to the evidence.
    pub(super) fn note(&mut self, request: &str, status: Option<u16>, code: Option<String>) {
        self.evidence.push(Evidence { request: request.to_owned(), status, code });
    }
}
