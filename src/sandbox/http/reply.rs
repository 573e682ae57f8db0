//! Answers as HTTP responses: their headers, above all those of the rate limit.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, DATE, HeaderValue, LOCATION, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::payload::Payload;
use crate::model::{ResetRounding, RetryAfter};
use crate::sandbox::{
    answer::{Answer, BucketHeaders},
    clock::Clock,
    limit::bucket::BucketState,
};

/// Rate-limit headers of the answers.
#[derive(Debug)]
pub(in crate::sandbox) struct ResponseHeaders {
    pub(in crate::sandbox) limit_headers: bool,
    pub(in crate::sandbox) retry_after: RetryAfter,
    pub(in crate::sandbox) reset_rounding: ResetRounding,
}

impl ResponseHeaders {
    /// Makes the response of an answer, with the bucket as its request found it.
    pub(in crate::sandbox) fn response(
        &self,
        answer: Answer,
        reading: Option<BucketState>,
        clock: &Clock,
    ) -> Response<Payload> {
        let media = (!answer.body.is_empty()).then_some(answer.media);
        let mut response = Response::new(Payload::Whole(answer.body));
        *response.status_mut() = answer.status;
        let now = clock.elapsed();
        let headers = response.headers_mut();
        headers.insert(DATE, text(clock.http_date(now)));
        if let Some(media) = media {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(media.content_type()));
        }
        if let Some(location) = answer.location {
            headers.insert(LOCATION, HeaderValue::from_static(location));
        }
        let shown = match answer.bucket {
            BucketHeaders::True => reading,
            BucketHeaders::Empty => Some(emptied(reading)),
            BucketHeaders::Omitted => None,
        };
        if let Some(reading) = shown {
            self.show_bucket(&mut response, reading, clock, now);
        }
        response
    }

    fn show_bucket(
        &self,
        response: &mut Response<Payload>,
        reading: BucketState,
        clock: &Clock,
        now: Duration,
    ) {
        let throttled = response.status() == StatusCode::TOO_MANY_REQUESTS;
        let headers = response.headers_mut();
        if self.limit_headers {
            headers.insert("x-ratelimit-limit", reading.limit.into());
            headers.insert("x-ratelimit-remaining", reading.remaining.into());
            let full_at = rounded(clock.unix(now + reading.full_in), self.reset_rounding);
            headers.insert("x-ratelimit-reset", full_at.into());
        }
        let seconds = up(reading.next_in).max(1);
        let retry_after = match &self.retry_after {
            RetryAfter::Off => return,
            RetryAfter::Seconds => seconds.into(),
            RetryAfter::Date => text(clock.http_date(now + Duration::from_secs(seconds))),
            RetryAfter::Literal(literal) => text(literal.clone()),
        };
        if throttled {
            headers.insert(RETRY_AFTER, retry_after);
        }
    }
}

/// The bucket as an injected 429 shows it. Without a limit it has the size of Auth0's smallest
/// production plan (auth0-api.md 3.1) and fills up in a second.
fn emptied(reading: Option<BucketState>) -> BucketState {
    let second = Duration::from_secs(1);
    match reading {
        Some(reading) => {
            BucketState { remaining: 0, full_in: reading.full_in.max(second), ..reading }
        }
        None => BucketState { limit: 10, remaining: 0, full_in: second, next_in: second },
    }
}

/// Whole seconds, rounded up.
fn up(time: Duration) -> u64 {
    rounded(time, ResetRounding::Up)
}

fn rounded(time: Duration, how: ResetRounding) -> u64 {
    let is_up = match how {
        ResetRounding::Up => time.subsec_nanos() > 0,
        ResetRounding::Down => false,
        ResetRounding::Nearest => time.subsec_millis() >= 500,
    };
    time.as_secs() + u64::from(is_up)
}

fn text(value: String) -> HeaderValue {
    // Dates are ASCII; a literal with a line break in it is the only thing this turns away.
    HeaderValue::from_maybe_shared(Bytes::from(value))
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::answer;

    fn retry_after(retry_after: RetryAfter, answer: Answer) -> Option<String> {
        let response_headers =
            ResponseHeaders { limit_headers: true, retry_after, reset_rounding: ResetRounding::Up };
        let next_in = Duration::from_millis(1200);
        let reading = BucketState { limit: 10, remaining: 0, full_in: next_in, next_in };
        let response = response_headers.response(answer, Some(reading), &Clock::new(0));
        response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn retry_after_takes_every_form_and_stands_on_429_only() {
        let check = |form, expect: Option<&str>| {
            assert_eq!(retry_after(form, answer::limit_reached()).as_deref(), expect);
        };
        check(RetryAfter::Off, None);
        check(RetryAfter::Seconds, Some("2"));
        check(RetryAfter::Literal("-1".into()), Some("-1"));
        assert!(retry_after(RetryAfter::Date, answer::limit_reached()).unwrap().ends_with(" GMT"));
        assert_eq!(retry_after(RetryAfter::Seconds, answer::no_user()), None);
        assert_eq!(retry_after(RetryAfter::Seconds, answer::too_many_bare()), None);
    }

    #[test]
    fn seconds_are_rounded_as_told() {
        use ResetRounding::{Down, Nearest, Up};
        for (millis, how, expect) in
            [(1001, Up, 2), (1000, Up, 1), (1999, Down, 1), (1499, Nearest, 1), (1500, Nearest, 2)]
        {
            assert_eq!(rounded(Duration::from_millis(millis), how), expect, "{millis} {how:?}");
        }
    }
}
