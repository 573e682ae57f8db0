//! One HTTP exchange: sent once, never followed elsewhere, read up to a bound.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use reqwest::{
    Method, Request, Response, Url,
    header::{DATE, HeaderMap, HeaderName, RETRY_AFTER},
};
use tokio::time::Instant;

use super::{
    clock::ServerClock,
    contact::ContactFault,
    endpoint::BaseUrl,
    pool::{Pool, Recipe},
    proxy::Proxy,
    unsent::{self, Cause},
};
use crate::{api::Meter, error::Error, model::Code};

/// Longest body that is read; no answer of these endpoints comes near it.
const LONGEST_BODY: usize = 256 * 1024;
/// Time to establish a connection, TLS included. Exceeding it leaves nothing in doubt.
const CONNECT: Duration = Duration::from_secs(10);

/// Longest pause that an answer is believed to ask for.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest credible time to fill a bucket: the slowest one recorded takes a day (auth0-api.md 3.3).
pub(super) const SLOWEST_FILL: u64 = 2 * 24 * 60 * 60 * 1000;
/// Largest age of a credible reset, in milliseconds: it may lie in the past, since clocks differ.
const FILLED_BEFORE: u64 = 5 * 60 * 1000;

pub(super) const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
pub(super) const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
pub(super) const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Result of an exchange.
#[derive(Debug)]
pub(super) enum Exchange {
    /// A status and, as far as it could be read, a body. It is not known yet whose they are.
    Answered {
        /// The status.
        status: u16,
        /// The body; `None` when it broke off or was too long.
        body: Option<Bytes>,
        /// Rate-limit headers.
        meter: Meter,
        /// Its headers.
        head: AnswerHead,
    },
    /// No byte of the request was written.
    NotSent(NotSent),
    /// The request was sent, at least in part, and no answer could be read.
    Lost(Code, ContactFault),
}

/// Head of an answer.
#[derive(Debug, Default)]
pub(super) struct AnswerHead {
    /// Headers.
    pub(super) headers: HeaderMap,
    /// `Date`: the tenant's clock, if it was the tenant that answered.
    pub(super) date: Option<SystemTime>,
}

impl AnswerHead {
    /// Returns a header, where it is text.
    pub(super) fn text(&self, name: &HeaderName) -> Option<&str> {
        text(&self.headers, name)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// Reason why a request was not sent.
#[derive(Debug)]
pub(super) enum NotSent {
    /// May succeed next time.
    Passing(ContactFault),
    /// Will fail the same way next time.
    Fatal(Error),
}

/// Sends requests, one wire attempt each.
#[derive(Debug, Clone)]
pub(super) struct Transport {
    pool: Arc<Pool>,
    proxy: Option<Proxy>,
    timeout: Duration,
    pub(super) clock: ServerClock,
}

impl Transport {
    pub(super) fn new(
        base: &BaseUrl,
        proxy: Option<Proxy>,
        timeout: Duration,
        concurrency: usize,
        clock: ServerClock,
    ) -> Result<Self, Error> {
        // Only the first call has an effect.
        drop(rustls::crypto::ring::default_provider().install_default());
        let proxy = proxy.filter(|proxy| !base.is_loopback() && !proxy.spares(base.url()));
        let pool = Pool::new(Recipe {
            proxy: proxy.as_ref().map(Proxy::rule).transpose()?,
            // Well before the timeout of the request itself, which would leave it in doubt.
            connect_timeout: CONNECT.min(timeout / 2),
            concurrency,
            https_only: base.url().scheme() == "https",
        })?;
        Ok(Self { pool: Arc::new(pool), proxy, timeout, clock })
    }

    pub(super) fn request(&self, method: Method, url: Url) -> Request {
        let mut request = Request::new(method, url);
        *request.timeout_mut() = Some(self.timeout);
        request
    }

    /// Gives up all kept connections after something that cannot be the answer to a request: more
    /// of it may be waiting on them.
    pub(super) fn distrust(&self) {
        self.pool.distrust();
    }

    pub(super) async fn send(&self, request: Request) -> Exchange {
        let lease = self.pool.lease(&request);
        let sent = Instant::now();
        let mut response = match lease.client.execute(request).await {
            Ok(response) => response,
            Err(error) => {
                let exchange = self.sort(&error).await;
                if matches!(exchange, Exchange::Lost(..)) {
                    self.pool.lost(&lease);
                }
                return exchange;
            }
        };
        let status = response.status().as_u16();
        let date = response.headers().get(DATE).and_then(|value| value.to_str().ok());
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        let meter = read_meter(response.headers(), date.map(unix_seconds), &self.clock);
        let meter = Meter { sent: Some(sent), ..meter };
        let head = AnswerHead { headers: std::mem::take(response.headers_mut()), date };
        let body = read(&mut response).await;
        if body.is_some() {
            self.pool.answered(&lease);
        } else {
            self.pool.lost(&lease);
            self.distrust();
        }
        Exchange::Answered { status, body, meter, head }
    }

    /// Takes in the clock of an answer that is the tenant's.
    pub(super) fn believe(&self, head: &AnswerHead) {
        if let Some(date) = head.date {
            self.clock.observe(date);
        }
    }

    /// reqwest's own messages hold URLs, and so user ids: only their kind is used.
    async fn sort(&self, error: &reqwest::Error) -> Exchange {
        if error.is_connect() {
            let not_sent = match unsent::cause(error) {
                Cause::Fatal(error) => NotSent::Fatal(error),
                Cause::NoTunnel => self.no_tunnel(error.url()).await,
                Cause::Passing(fault) => NotSent::Passing(fault),
            };
            return Exchange::NotSent(not_sent);
        }
        if error.is_builder() {
            return Exchange::NotSent(NotSent::Fatal(Error::Internal(
                "a request could not be built".into(),
            )));
        }
        if error.is_timeout() {
            Exchange::Lost(Code::Timeout, ContactFault::no_answer(self.timeout))
        } else {
            Exchange::Lost(Code::ConnectionLost, ContactFault::connection_lost())
        }
    }

    /// Returns the reason why the proxy opens no tunnel to the host of that URL.
    async fn no_tunnel(&self, url: Option<&Url>) -> NotSent {
        let place = url.and_then(|url| Some((url.host_str()?, url.port_or_known_default()?)));
        match (&self.proxy, place) {
            (Some(proxy), Some((host, port))) => proxy.no_tunnel(host, port).await,
            _ => NotSent::Passing(ContactFault::no_tunnel(None)),
        }
    }
}

/// Reads the whole body; `None` when it breaks off or is too long. Nearly all bodies come in one
/// piece, which is taken as it is.
async fn read(response: &mut Response) -> Option<Bytes> {
    let first = response.chunk().await.ok()?.unwrap_or_default();
    let mut length = first.len();
    let mut whole = Vec::new();
    while let Some(more) = response.chunk().await.ok()? {
        length += more.len();
        if length > LONGEST_BODY {
            return None;
        }
        if whole.is_empty() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&more);
    }
    let body = if whole.is_empty() { first } else { whole.into() };
    (body.len() <= LONGEST_BODY).then_some(body)
}

pub(super) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Reads the rate-limit headers. `reset` is an instant of the tenant's clock: it only means
/// something against the `Date` of the same answer (auth0-api.md 3.3), or else against what earlier
/// answers said of that clock, which also tell how far into its second that `Date` was.
pub(super) fn read_meter(headers: &HeaderMap, date: Option<u64>, clock: &ServerClock) -> Meter {
    let number =
        |name: &HeaderName| text(headers, name).and_then(|value| value.parse::<u64>().ok());
    let count =
        |name: &HeaderName| number(name).map(|value| u32::try_from(value).unwrap_or(u32::MAX));
    let clock = || u64::try_from(clock.now().as_millis()).unwrap_or_default();
    let now = || match date.map(|date| date.saturating_mul(1000)) {
        Some(date) => clock().clamp(date, date.saturating_add(999)),
        None => clock(),
    };
    let until = |instant: u64| Duration::from_secs(instant.saturating_sub(now() / 1000));
    let full_in = |instant: u64| {
        let now = now();
        reset(instant, now).map(|at| Duration::from_millis(at.saturating_sub(now)))
    };
    let retry_after = text(headers, &RETRY_AFTER).and_then(|value| match value.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(value).ok().map(|at| until(unix_seconds(at))),
    });
    Meter {
        limit: count(&LIMIT),
        remaining: count(&REMAINING),
        full_in: number(&RESET).and_then(full_in),
        retry_after: retry_after.map(|pause| pause.min(LONGEST_PAUSE)),
        sent: None,
    }
}

/// Returns the moment that `x-ratelimit-reset` names, in milliseconds: the API sends seconds, and
/// something in front of a tenant may send milliseconds. A value that is near `now` in neither unit
/// names no moment.
fn reset(value: u64, now: u64) -> Option<u64> {
    let near = now.saturating_sub(FILLED_BEFORE)..=now.saturating_add(SLOWEST_FILL);
    [value.saturating_mul(1000), value].into_iter().find(|at| near.contains(at))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::model::LocalTime;

    fn meter(headers: &[(&'static str, &str)]) -> Meter {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<(HeaderName, HeaderValue)>>()
            .into_iter()
            .collect();
        read_meter(&headers, Some(1_700_000_000), &ServerClock::new(LocalTime::default))
    }

    #[test]
    fn reset_is_measured_against_the_date_of_the_same_answer() {
        let got = meter(&[
            ("x-ratelimit-limit", "50"),
            ("x-ratelimit-remaining", "47"),
            ("x-ratelimit-reset", "1700000003"),
        ]);
        assert_eq!((got.limit, got.remaining), (Some(50), Some(47)));
        assert_eq!(got.full_in, Some(Duration::from_secs(3)));
    }

    #[test]
    fn a_reset_in_milliseconds_is_read_as_such_and_an_absurd_one_is_no_hint() {
        for (value, expected) in [
            ("1700000003", Some(3_000)),
            ("1700000003250", Some(3_250)),
            ("1700086400", Some(86_400_000)),
            ("1699999999", Some(0)),
            ("1699999999000", Some(0)),
            ("0", None),
            ("5", None),
            ("1600000000", None),
            ("1900000000", None),
            ("1900000000000", None),
            ("1700000003250000", None),
            ("18446744073709551615", None),
            ("99999999999999999999", None),
            ("-1", None),
            ("1700000003.5", None),
        ] {
            let got = meter(&[("x-ratelimit-reset", value)]).full_in;
            assert_eq!(got, expected.map(Duration::from_millis), "{value}");
        }
    }

    #[test]
    fn earlier_answers_tell_how_far_into_its_second_a_date_is() {
        let full_in = |clock: &ServerClock| {
            let headers = [("x-ratelimit-reset".parse().unwrap(), "1700000003".parse().unwrap())];
            let headers: HeaderMap = headers.into_iter().collect();
            read_meter(&headers, Some(1_700_000_000), clock).full_in.unwrap().as_millis()
        };
        let at = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        // Ours is ten minutes slow, and shows 250 ms more than a full second.
        let clock = ServerClock::new(|| LocalTime::from_millis(1_699_999_400_250));
        assert_eq!(full_in(&clock), 3000);
        clock.observe(at(1_700_000_000));
        assert_eq!(full_in(&clock), 3000);
        // An answer that was just past a full second of theirs when ours showed the same.
        let exact = ServerClock::new(|| LocalTime::from_millis(1_699_999_400_250));
        exact.observe(at(1_700_000_000) + Duration::from_millis(600));
        assert_eq!(full_in(&exact), 2400);
        // Never more than the second that the answer itself names.
        let wrong = ServerClock::new(|| LocalTime::from_millis(1_699_999_400_250));
        wrong.observe(at(1_700_000_099));
        assert_eq!(full_in(&wrong), 2001);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_garbage_is_no_hint() {
        for (value, expected) in [
            ("7", Some(7)),
            ("0", Some(0)),
            ("14155550100", Some(86_400)),
            ("18446744073709551615", Some(86_400)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(86_400)),
            ("Tue, 14 Nov 2023 22:13:25 GMT", Some(5)),
            ("Tue, 14 Nov 2023 22:13:15 GMT", Some(0)),
            ("-1", None),
            ("soon", None),
            ("1e9", None),
        ] {
            let got = meter(&[("retry-after", value)]).retry_after;
            assert_eq!(got, expected.map(Duration::from_secs), "{value}");
        }
    }
}
