//! Asks one thing after another, repeats what was not answered, and knows which methods are its own.

use std::{collections::HashSet, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    Evidence, Terms, There,
    cleanup::{Lost, Made},
    samples::Samples,
    sent::Sent,
};
use crate::{
    api::{NotExecuted, RawApi, RawLimit, RawRequest, RawVerb, Verdict},
    engine::gateway::{Gateway, PageAnswer},
    error::Error,
    model::{FactorType, Grant, Method, Reason, UserId},
    protocol::pages::{AfterPage, Pages},
};

/// Tries of one request. With the pauses between them they bridge half a minute.
const MOST_TRIES: u32 = 8;
/// Times that one request is refused for the limit: the pacer waits in between.
const MOST_BOUNCES: u32 = 40;

/// Pauses until a list shows a method, doubled each time: half a minute in all.
const FIRST_LOOK: Duration = Duration::from_millis(100);
const LAST_LOOK: Duration = Duration::from_secs(13);

/// Reason why there is no answer to a question.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// The probe is stopping.
    Stopped,
    /// It was not asked, for the reason given.
    NotAsked(String),
    /// It was asked, and what came of it tells nothing.
    Unclear(String),
    /// A POST was sent, and what became of it is not known.
    Lost(Reason),
    /// The tenant gives no usable answer.
    Silent,
    /// Nothing more can be asked.
    Fatal(Box<Error>),
}

/// The tenant's own answer to a request.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) body: Value,
    pub(super) limit: RawLimit,
    pub(super) sent: Instant,
    pub(super) came: Instant,
}

impl Unanswered {
    /// Tells that a question takes a scope that the token lacks.
    pub(super) fn lacking(scope: &str) -> Self {
        Self::NotAsked(format!("needs the scope {scope}"))
    }
}

impl Told {
    /// Returns the id of the method that it says was created.
    pub(super) fn created(&self) -> Option<&str> {
        self.body["id"].as_str().filter(|_| self.status == 201)
    }

    /// Returns true if it was refused for what was sent: not because it is there already.
    pub(super) fn is_refusal(&self) -> bool {
        (400..500).contains(&self.status) && self.status != 409
    }

    /// Says it in short: `400 invalid_body`.
    pub(super) fn short(&self) -> String {
        let code = self.code.as_ref().map(|code| format!(" {code}"));
        format!("{}{}", self.status, code.unwrap_or_default())
    }
}

/// A type of which methods could be created.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usable {
    pub(super) factor_type: FactorType,
    /// True if a second one could be there beside the first.
    pub(super) takes_two: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Asker<A> {
    pub(super) gateway: Gateway<A>,
    pub(super) user: UserId,
    pub(super) samples: Samples,
    /// Scopes of the token.
    pub(super) grant: Grant,
    /// The user's methods at the start.
    pub(super) before: Vec<Method>,
    /// Types that can be created, once that was asked.
    pub(super) usable: Vec<Usable>,
    /// Answers for the question that is being asked.
    pub(super) evidence: Vec<Evidence>,
    pub(super) names: HashSet<String>,
    pub(super) made: Vec<Made>,
    /// Methods of the probe that are deleted.
    pub(super) gone: Vec<Made>,
    pub(super) lost: Vec<Lost>,
    pub(super) there: There,
    sent: Sent,
    /// True if the last request may have been executed without an answer that says so.
    in_doubt: bool,
    rng: fastrand::Rng,
}

impl<A: RawApi> Asker<A> {
    pub(super) fn new(gateway: Gateway<A>, terms: &Terms) -> Self {
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
            sent: Sent::default(),
            in_doubt: false,
            rng: fastrand::Rng::new(),
        }
    }

    /// Returns the number of tries that a question is worth.
    pub(super) fn tries(&self) -> u32 {
        self.gateway.policy.max_attempts
    }

    /// Refuses to go on without a scope that the token says it lacks.
    pub(super) fn needs(&self, scope: &str) -> Result<(), Unanswered> {
        match self.grant.has(scope) {
            Some(false) => Err(Unanswered::lacking(scope)),
            Some(true) | None => Ok(()),
        }
    }

    /// Sends a request until the tenant answers it. A POST that may have been executed is not repeated.
    pub(super) async fn send(
        &mut self,
        what: &str,
        request: RawRequest<'_>,
    ) -> Result<Told, Unanswered> {
        let (mut tries, mut bounces) = (0, 0);
        self.in_doubt = false;
        self.sent.add(request.user, request.body);
        loop {
            self.permit().await?;
            let sent = Instant::now();
            // What is in flight comes to its end, also when the probe is stopping.
            let raw = self.gateway.api.ask(request).await;
            self.gateway.note(&raw.answer);
            let status = raw.answer.status;
            let (is_told, wait) = match raw.answer.verdict {
                Verdict::Done(()) | Verdict::Present | Verdict::Refused(_) => (true, None),
                Verdict::Stop(error) => match *error {
                    Error::MissingScope { scope } => return Err(Unanswered::lacking(&scope)),
                    // A plan without this type of method is an answer.
                    _ if error.code() == "feature_not_enabled" => (true, None),
                    error => return Err(Unanswered::Fatal(Box::new(error))),
                },
                Verdict::StopInDoubt(error) => {
                    self.in_doubt = true;
                    return Err(Unanswered::Fatal(error));
                }
                Verdict::NotExecuted(NotExecuted::NotSent) => (false, Some(self.delay(tries + 1))),
                // The pacer holds everybody; the token is renewed.
                Verdict::NotExecuted(_) => (false, None),
                Verdict::InDoubt(reason) if request.verb == RawVerb::Post => {
                    self.note(what, status, Some(reason.to_string()));
                    self.in_doubt = true;
                    return Err(Unanswered::Lost(reason));
                }
                Verdict::InDoubt(_) => (false, Some(self.delay(tries + 1))),
            };
            if is_told {
                let code = raw.code.and_then(|code| self.sent.code(code));
                self.note(what, status, code.clone());
                return Ok(Told {
                    status: status.unwrap_or_default(),
                    code,
                    message: raw.message.map(|message| self.sent.hide(&message)),
                    body: raw.body,
                    limit: raw.limit,
                    sent,
                    came: Instant::now(),
                });
            }
            if wait.is_some() {
                tries += 1;
            } else {
                bounces += 1;
            }
            if tries >= MOST_TRIES || bounces >= MOST_BOUNCES {
                return Err(Unanswered::Silent);
            }
            self.pause(wait.unwrap_or_default()).await?;
        }
    }

    /// Creates an ordinary method of that type, under a name of its own.
    pub(super) async fn create(
        &mut self,
        what: &str,
        factor_type: FactorType,
    ) -> Result<Told, Unanswered> {
        let body = self.body(factor_type)?;
        self.create_as(what, body).await
    }

    /// Returns the body for an ordinary method of that type.
    pub(super) fn body(&mut self, factor_type: FactorType) -> Result<Value, Unanswered> {
        self.samples.body(factor_type).ok_or_else(|| {
            let error = Error::Internal("the system gives no randomness".into());
            Unanswered::Fatal(Box::new(error))
        })
    }

    /// Creates a method with that body, under a name of its own where it has none.
    pub(super) async fn create_as(
        &mut self,
        what: &str,
        mut body: Value,
    ) -> Result<Told, Unanswered> {
        let name = match body["name"].as_str() {
            Some(name) => name.to_owned(),
            None => self.samples.name(),
        };
        body["name"] = name.clone().into();
        let type_name = body["type"].as_str().unwrap_or_default().to_owned();
        self.names.insert(name);
        self.tell(Some(&type_name));
        let user = self.user.clone();
        let request = RawRequest { body: Some(&body), ..RawRequest::all(RawVerb::Post, &user) };
        let told = self.send(&format!("POST {type_name}{what}"), request).await;
        if self.in_doubt {
            self.lost.push(Lost { type_name, at: Instant::now() });
        } else if let Ok(told) = &told {
            let id = told.created().map(str::to_owned);
            self.made.extend(id.map(|id| Made { id: Some(id), type_name, is_own: true }));
        }
        self.tell(None);
        told
    }

    /// Creates a method of the first type that can be created.
    pub(super) async fn create_any(
        &mut self,
        what: &str,
    ) -> Result<(FactorType, Told), Unanswered> {
        let mut refused = Vec::new();
        let types: Vec<_> = self.usable.iter().map(|usable| usable.factor_type).collect();
        let types = if types.is_empty() { FactorType::ALL.into() } else { types };
        for factor_type in types {
            let told = self.create(what, factor_type).await?;
            if told.created().is_some() {
                return Ok((factor_type, told));
            }
            refused.push(format!("{}: {}", factor_type.name(), told.short()));
        }
        Err(Unanswered::Unclear(format!("no method could be created ({})", refused.join(", "))))
    }

    /// Returns true if methods of that type can be created, as far as is known.
    pub(super) fn can_create(&self, factor_type: FactorType) -> bool {
        self.usable.is_empty() || self.usable.iter().any(|usable| usable.factor_type == factor_type)
    }

    /// Asks for one method.
    pub(super) async fn get(&mut self, what: &str, id: &str) -> Result<Told, Unanswered> {
        let user = self.user.clone();
        self.send(&format!("GET one{what}"), RawRequest::one(RawVerb::Get, &user, id)).await
    }

    /// Asks for all methods, page by page.
    pub(super) async fn list(&mut self) -> Result<Vec<Method>, Unanswered> {
        let (user, mut pages) = (self.user.clone(), Pages::default());
        let (mut tries, mut bounces) = (0, 0);
        loop {
            self.permit().await?;
            let PageAnswer { after, status, .. } =
                self.gateway.page(&user, None, &mut pages, &mut self.rng).await;
            let wait = match after {
                AfterPage::More(wait) => {
                    self.pause(wait).await?;
                    continue;
                }
                AfterPage::Whole(Verdict::Done(methods)) => {
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
                )) => {
                    bounces += 1;
                    Duration::ZERO
                }
                AfterPage::Whole(_) => {
                    tries += 1;
                    self.delay(tries)
                }
            };
            if tries >= MOST_TRIES || bounces >= MOST_BOUNCES {
                return Err(Unanswered::Silent);
            }
            self.pause(wait).await?;
        }
    }

    /// Waits until GET shows a method.
    pub(super) async fn got(&mut self, id: &str) -> Result<Told, Unanswered> {
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
        let mut pause = FIRST_LOOK;
        loop {
            let listed = self.list().await?;
            if let Some(method) = listed.into_iter().find(|method| method.id == id) {
                return Ok(method);
            }
            if pause > LAST_LOOK {
                let why = "the list does not show a method that was created".to_owned();
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

    /// Takes down an answer.
    pub(super) fn note(&mut self, request: &str, status: Option<u16>, code: Option<String>) {
        self.evidence.push(Evidence { request: request.to_owned(), status, code });
    }
}
