//! One request to the API with its token, and what its answer means.

use bytes::Bytes;
use reqwest::{
    Method as Verb,
    header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue},
};
use url::Url;

use super::{
    Client,
    contact::{ContactFault, Side},
    foreign, shape,
    token::{self, Token},
    transport::{AnswerHead, Exchange},
    verdict::{self, Class},
};
use crate::{
    api::{Answer, Meter, NotExecuted, Verdict},
    model::{Code, Reason},
};

/// Shown in the tenant's log as `references.correlation_id` (auth0-api.md 6).
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");

/// Contents of an answer.
pub(super) struct Contents {
    pub(super) body: Option<Bytes>,
    pub(super) head: AnswerHead,
}

/// An answer, of which the body may be missing.
struct Received<'a> {
    side: Side,
    status: u16,
    body: Option<&'a Bytes>,
    meter: &'a Meter,
    head: &'a AnswerHead,
}

impl Received<'_> {
    /// Returns the words shown of an answer that is not the API's.
    fn shown(&self) -> String {
        foreign::show(self.status, self.head, self.body)
    }
}

impl Client {
    /// Makes one exchange with a bearer token. `read` reads the body of a success; it returns
    /// `None` for a body that the API would not send.
    pub(super) async fn call<T>(
        &self,
        verb: Verb,
        url: Url,
        scope: &'static str,
        fill: impl FnOnce(&mut reqwest::Request),
        read: impl FnOnce(u16, &Bytes) -> Option<T>,
    ) -> Answer<T> {
        self.exchange(verb, url, scope, fill, read).await.0
    }

    /// Makes the same exchange, and also returns what the API's answer said.
    pub(super) async fn exchange<T>(
        &self,
        verb: Verb,
        url: Url,
        scope: &'static str,
        fill: impl FnOnce(&mut reqwest::Request),
        read: impl FnOnce(u16, &Bytes) -> Option<T>,
    ) -> (Answer<T>, Option<Contents>) {
        let (token, asked) = match self.tokens.get().await {
            Ok(had) => had,
            Err(answer) => return (answer.map(Verdict::without_result), None),
        };
        let side = if verb == Verb::GET { Side::Read } else { Side::Write };
        let mut request = self.transport.request(verb, url);
        *request.headers_mut() = token::headers(&token);
        if let Some(host) = &self.host {
            request.headers_mut().insert(HOST, host.clone());
        }
        fill(&mut request);
        self.contact.tries();
        let requests = asked + 1;
        match self.transport.send(request).await {
            Exchange::NotSent(not_sent) => {
                let verdict = self.contact.not_sent(side, not_sent);
                (Answer { requests: asked, ..Answer::bare(verdict) }, None)
            }
            Exchange::Lost(code, fault) => {
                let verdict = self.in_doubt(side, fault, code.into());
                (Answer { requests, ..Answer::bare(verdict) }, None)
            }
            Exchange::Answered { status, body, meter, head } => {
                let received =
                    Received { side, status, body: body.as_ref(), meter: &meter, head: &head };
                let verdict = self.judge(&received, scope, &token, read);
                // The rate-limit headers of a foreign answer are not the tenant's.
                let is_foreign = match &verdict {
                    Verdict::InDoubt(reason) => reason.code() == Code::ForeignAnswer,
                    Verdict::StopInDoubt(_) => true,
                    _ => false,
                };
                let meter = if is_foreign { meter.of_foreign_answer() } else { meter };
                let contents = (!is_foreign).then_some(Contents { body, head });
                (Answer { verdict, status: Some(status), meter, requests }, contents)
            }
        }
    }

    /// Judges an answer, and notes what it shows about token, clock and tenant.
    fn judge<T>(
        &self,
        received: &Received<'_>,
        scope: &'static str,
        token: &Token,
        read: impl FnOnce(u16, &Bytes) -> Option<T>,
    ) -> Verdict<T> {
        let Received { side, status, body, head, .. } = *received;
        let class = verdict::classify(status, body, scope);
        let class = match &self.cap_refusal {
            Some(cap) => verdict::known_as_cap(class, cap, status, body),
            None => class,
        };
        let verdict = match (class, body) {
            (Class::Success, Some(whole)) => match read(status, whole) {
                Some(result) => Verdict::Done(result),
                None => self.foreign(received),
            },
            (class, _) => self.sort(class, token, received),
        };
        if matches!(verdict, Verdict::Done(_) | Verdict::Present | Verdict::Refused(_)) {
            tracing::trace!("{side}: {status} from the API");
            self.tokens.accepted(token.generation);
            self.transport.believe(head);
            self.contact.met(side);
        }
        verdict
    }

    /// Makes one exchange that changes something.
    pub(super) async fn change<T>(
        &self,
        verb: Verb,
        url: Url,
        scope: &'static str,
        body: Option<Bytes>,
        correlation: &str,
        read: impl FnOnce(u16, &Bytes) -> Option<T>,
    ) -> Answer<T> {
        let fill = |request: &mut reqwest::Request| {
            let headers = request.headers_mut();
            if let Ok(id) = HeaderValue::from_str(correlation) {
                headers.insert(CORRELATION, id);
            }
            if let Some(body) = body {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                *request.body_mut() = Some(body.into());
            }
        };
        self.call(verb, url, scope, fill, read).await
    }

    /// Returns the verdict for an answer that carries no result.
    fn sort<T>(&self, class: Class, token: &Token, received: &Received<'_>) -> Verdict<T> {
        let stop = |error| Verdict::Stop(Box::new(error));
        match class {
            Class::Present => Verdict::Present,
            Class::Refused(reason) => Verdict::Refused(reason),
            Class::Stop(error) => {
                tracing::trace!("{}: {} from the API", received.side, received.status);
                stop(error)
            }
            Class::Foreign => self.foreign(received),
            Class::Success => {
                let fault = ContactFault::broken_off(received.status);
                self.in_doubt(received.side, fault, Code::UnreadableAnswer.into())
            }
            Class::InDoubt(reason) => self.in_doubt(received.side, self.fault(received), reason),
            Class::Throttled => {
                let fault = self.fault(received).asking(received.meter.retry_after);
                let failed = self.contact.failed(received.side, fault);
                failed.map_or_else(stop, |()| Verdict::NotExecuted(NotExecuted::Throttled))
            }
            Class::Unauthorized => {
                // The 401 is noted as a fault, but the token decides what it means.
                let failed = self.contact.failed(received.side, self.fault(received));
                let refused = failed.and_then(|()| self.tokens.refused(token.generation));
                refused.map_or_else(stop, |()| Verdict::NotExecuted(NotExecuted::Unauthorized))
            }
        }
    }

    /// Describes an answer that cannot be used. If it has the shape of the API's own, it is the
    /// tenant's.
    fn fault(&self, received: &Received<'_>) -> ContactFault {
        if shape::is_error(received.status, received.body) {
            self.contact.answers();
            ContactFault::of_the_api(received.status)
        } else {
            ContactFault::of_foreign_answer(&received.shown())
        }
    }

    /// Returns the verdict for a request that was sent and got no usable answer.
    fn in_doubt<T>(&self, side: Side, fault: ContactFault, reason: Reason) -> Verdict<T> {
        match self.contact.failed(side, fault) {
            Ok(()) => Verdict::InDoubt(reason),
            Err(error) => Verdict::StopInDoubt(Box::new(error)),
        }
    }

    /// Returns the verdict for an answer that is not the API's: it proves nothing. More foreign
    /// answers may wait on its connection, so kept connections are given up.
    fn foreign<T>(&self, received: &Received<'_>) -> Verdict<T> {
        self.transport.distrust();
        match self.contact.met_foreign_answer(received.side, &received.shown()) {
            Ok(()) => Verdict::InDoubt(Code::ForeignAnswer.into()),
            Err(error) => Verdict::StopInDoubt(Box::new(error)),
        }
    }
}
