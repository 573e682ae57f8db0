//! One request over HTTP: outage, limit, fault, execution, delay.

mod in_flight;
mod inspect;
mod link;
pub(in crate::sandbox) mod listen;
mod payload;
mod reply;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::{Request, Response, StatusCode};
use thiserror::Error;
use tokio::time::sleep;

use super::{
    answer::{self, Answer, HTML, Media},
    call::{self, Call, Route, Verb},
    faults::{Effect, FaultKind, Moment, inject::Injector},
    http::{
        in_flight::{InFlight, Lanes},
        link::ConnectionEnd,
        payload::Payload,
        reply::ResponseHeaders,
    },
    limit::{Admission, Limiter, bucket::BucketState},
    rng::{RngPurpose, rng},
    settings::{OutageKind, Settings},
    stats::{Arrival, Counters, Stats},
    tenant::{api::Api, body::RequestBody, wire},
};
use crate::sync::lock;

/// Auth0's limit for a request body (auth0-api.md 1.4).
const MAX_BODY: usize = 1 << 20;

/// The connection is to end without an answer: hyper drops it when it meets an error.
#[derive(Debug, Error)]
#[error("the connection ends here on purpose")]
pub(in crate::sandbox) struct Dropped;

/// Everything that is needed to answer.
#[derive(Debug)]
pub(in crate::sandbox) struct Server {
    settings: Settings,
    api: Api,
    limiter: Limiter,
    injector: Injector,
    lanes: Arc<Lanes>,
    counters: Counters,
    arrivals: Mutex<Vec<Arrival>>,
    /// The outage that was switched on, beside those of the settings.
    outage: Mutex<Option<OutageKind>>,
    response_headers: ResponseHeaders,
    api_requests: AtomicU64,
    token_requests: AtomicU64,
}

impl Server {
    pub(in crate::sandbox) fn new(mut settings: Settings) -> Self {
        let api = Api::new(&settings);
        let phase = api.clock().unix(Duration::ZERO);
        let neighbours = settings.neighbours_per_s;
        Self {
            limiter: Limiter::new(settings.limit, &settings.change_limit_at, neighbours, phase),
            injector: Injector::new(settings.seed, std::mem::take(&mut settings.faults)),
            response_headers: ResponseHeaders {
                limit_headers: settings.limit_headers,
                retry_after: std::mem::take(&mut settings.retry_after),
                reset_rounding: settings.reset_rounding,
            },
            api,
            settings,
            lanes: Arc::new(Lanes::new()),
            counters: Counters::default(),
            arrivals: Mutex::default(),
            outage: Mutex::default(),
            api_requests: AtomicU64::new(0),
            token_requests: AtomicU64::new(0),
        }
    }

    pub(in crate::sandbox) fn api(&self) -> &Api {
        &self.api
    }

    pub(in crate::sandbox) fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.arrivals).clone()
    }

    pub(in crate::sandbox) fn switch_outage(&self, outage: Option<OutageKind>) {
        *lock(&self.outage) = outage;
    }

    pub(in crate::sandbox) fn stats(&self) -> Stats {
        let neighbours = self.limiter.neighbours(self.api.clock().elapsed());
        Stats {
            created: self.api.tenant().created(),
            overlaps: self.lanes.overlaps(),
            in_flight: self.lanes.in_flight(),
            most_in_flight: self.lanes.most_in_flight(),
            neighbour_requests: neighbours.requests,
            neighbours_throttled: neighbours.throttled,
            ..self.counters.snapshot()
        }
    }

    /// Executes a request that was left behind by a connection that ended.
    pub(in crate::sandbox) async fn execute_late(&self, call: &Call) {
        sleep(self.late_by()).await;
        self.api.execute(call);
    }

    fn late_by(&self) -> Duration {
        Duration::from_millis(self.settings.late_by_ms)
    }

    /// Answers one request, or ends its connection.
    pub(in crate::sandbox) async fn serve(
        &self,
        request: Request<Incoming>,
        connection_end: &ConnectionEnd,
    ) -> Result<Response<Payload>, Dropped> {
        if !call::is_for_us(&request) {
            return Ok(self.response(answer::misdirected(), None));
        }
        let (head, body) = request.into_parts();
        if body.size_hint().lower() > MAX_BODY as u64 {
            return Ok(self.refuse_size());
        }
        let body = match Limited::new(body, MAX_BODY).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Ok(self.refuse_size()),
            // The client has gone in the middle of the request: nobody is left to answer.
            Err(_) => return Err(Dropped),
        };
        let call = Call::new(head, body);
        match call.route {
            Route::Stats => Ok(self.response(inspect::stats(&self.stats()), None)),
            Route::State => Ok(self.response(inspect::state(self.api.tenant()), None)),
            Route::Unknown => Ok(self.response(answer::not_found(), None)),
            Route::Token => self.serve_token(call, connection_end).await,
            Route::Operation(..)
            | Route::BadId(..)
            | Route::UsersByEmail
            | Route::Question(_)
            | Route::UnknownApi => self.serve_api(call, connection_end).await,
        }
    }

    async fn serve_token(
        &self,
        call: Call,
        connection_end: &ConnectionEnd,
    ) -> Result<Response<Payload>, Dropped> {
        self.counters.arrived(Verb::Token);
        if let Some(outage) = self.outage() {
            return self.fall_into(outage);
        }
        let ordinal = self.token_requests.fetch_add(1, Ordering::Relaxed);
        let fault = self.injector.draw(Verb::Token, ordinal);
        self.execute(call, fault, None, connection_end).await
    }

    async fn serve_api(
        &self,
        call: Call,
        connection_end: &ConnectionEnd,
    ) -> Result<Response<Payload>, Dropped> {
        let verb = call.route.verb();
        if let Some(verb) = verb {
            self.counters.arrived(verb);
        }
        match call.route {
            Route::UsersByEmail => self.counters.looked_up(),
            Route::Question(_) => self.counters.questioned(),
            _ => {}
        }
        let in_flight = self.note(&call);
        if let Some(outage) = self.outage() {
            return self.fall_into(outage);
        }
        let reading = match self.limiter.admit(self.api.clock().elapsed()) {
            Admission::Free => None,
            Admission::Granted(reading) => Some(reading),
            Admission::Refused(reading) => {
                return Ok(self.response(answer::limit_reached(), Some(reading)));
            }
        };
        // Only requests that are let through are numbered, so that a schedule of faults does not
        // depend on how often a client runs into the limit.
        let ordinal = self.api_requests.fetch_add(1, Ordering::Relaxed);
        let fault = verb.and_then(|verb| self.injector.draw(verb, ordinal));
        let response = self.execute(call, fault, reading, connection_end).await;
        self.take_time(ordinal).await;
        drop(in_flight);
        response
    }

    /// Counts the request as in flight for its user until the guard is dropped.
    fn note(&self, call: &Call) -> Option<InFlight> {
        let address;
        let (verb, user_id, method_id) = match &call.route {
            Route::Operation(verb, target) => (*verb, &target.user_id, target.method_id.clone()),
            Route::UsersByEmail => {
                address = call.query_value("email").unwrap_or_default();
                (Verb::Get, &address, None)
            }
            Route::BadId(..)
            | Route::Question(_)
            | Route::UnknownApi
            | Route::Unknown
            | Route::Token
            | Route::Stats
            | Route::State => return None,
        };
        if self.settings.journal {
            let body = RequestBody::of(call).filter(|_| verb == Verb::Post);
            let wanted = body.and_then(|body| wire::create(body, self.api.post_rules()).ok());
            lock(&self.arrivals).push(Arrival {
                at: self.api.clock().elapsed(),
                verb,
                user_id: user_id.clone(),
                method_id,
                digest: wanted.map(|method| method.digest()),
                correlation_id: call.correlation_id().map(str::to_owned),
            });
        }
        Some(self.lanes.enter(user_id))
    }

    fn outage(&self) -> Option<OutageKind> {
        let switched = *lock(&self.outage);
        if switched.is_some() || self.settings.outages.is_empty() {
            return switched;
        }
        let now = self.api.clock().elapsed().as_secs_f64();
        self.settings
            .outages
            .iter()
            .find(|outage| outage.from_s <= now && now < outage.to_s)
            .map(|outage| outage.kind)
    }

    fn fall_into(&self, outage: OutageKind) -> Result<Response<Payload>, Dropped> {
        self.counters.fell_into_outage();
        match outage {
            OutageKind::Refuse503 => Ok(self.response(answer::unavailable(), None)),
            OutageKind::Drop => Err(Dropped),
        }
    }

    /// Executes a request and answers it, or not, as its fault says.
    async fn execute(
        &self,
        call: Call,
        fault: Option<FaultKind>,
        reading: Option<BucketState>,
        connection_end: &ConnectionEnd,
    ) -> Result<Response<Payload>, Dropped> {
        let Some(fault) = fault else {
            return Ok(self.response(self.api.execute(&call), reading));
        };
        self.counters.struck(fault);
        // A request that is not executed has no answer; the effects of such faults do not need one.
        let answer = match fault.moment() {
            Moment::Before => Answer::empty(StatusCode::OK),
            Moment::After => self.api.execute(&call),
            Moment::LongAfter => {
                connection_end.leave(call);
                Answer::empty(StatusCode::OK)
            }
        };
        match fault.effect() {
            Effect::Answer(instead) => Ok(self.response(instead(), reading)),
            Effect::Close => Err(Dropped),
            Effect::Reset => {
                connection_end.reset();
                Err(Dropped)
            }
            Effect::Late => {
                sleep(self.late_by()).await;
                Ok(self.response(answer, reading))
            }
            Effect::Hang => std::future::pending().await,
            Effect::Cut => {
                connection_end.cut(answer.body.len().div_ceil(2));
                Ok(self.response(answer, reading))
            }
            Effect::Garbage => {
                let body = if answer.body.is_empty() { Bytes::new() } else { HTML.into() };
                Ok(self.response(Answer { body, media: Media::Html, ..answer }, reading))
            }
            Effect::Empty => Ok(self.response(Answer { body: Bytes::new(), ..answer }, reading)),
            Effect::Drip => {
                let body = Payload::drip(answer.body.clone());
                Ok(self.response(answer, reading).map(|_| body))
            }
            Effect::Endless => Ok(self.response(answer, reading).map(|_| Payload::endless())),
        }
    }

    /// Waits for the configured latency.
    async fn take_time(&self, ordinal: u64) {
        let (least, most) = self.settings.latency_ms;
        if most > 0 {
            let millis =
                rng(self.settings.seed, RngPurpose::Latency, ordinal).u64(least.min(most)..=most);
            sleep(Duration::from_millis(millis)).await;
        }
    }

    /// A body over the limit is left unread, so the connection cannot be used again.
    fn refuse_size(&self) -> Response<Payload> {
        let mut response = self.response(answer::too_large(MAX_BODY), None);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        response
    }

    fn response(&self, answer: Answer, reading: Option<BucketState>) -> Response<Payload> {
        self.counters.answered(answer.status);
        self.response_headers.response(answer, reading, self.api.clock())
    }
}
