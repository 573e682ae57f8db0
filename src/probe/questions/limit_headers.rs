//! Question: do answers carry the headers of the rate limit, and how is the time rounded at which
//! the bucket is full again?

use std::time::Duration;

use super::super::{
    asker::{Asker, Unanswered},
    rounding::{LimitSample, rounding},
};
use crate::{
    api::{RawApi, RawLimit, RawRequest, RawVerb},
    model::{ResetRounding, TenantFacts},
};

/// Number of requests, and the interval between them, which spreads them over the parts of a
/// second.
const REQUESTS: u32 = 14;
const INTERVAL: Duration = Duration::from_millis(130);

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    let (user, began) = (asker.user.clone(), tokio::time::Instant::now());
    let mut looks = Vec::new();
    let mut with_headers = 0;
    let mut last = RawLimit::default();
    for _ in 0..REQUESTS {
        let request =
            RawRequest { query: Some("per_page=1"), ..RawRequest::all(RawVerb::Get, &user) };
        let told = asker.send("GET list", request).await?;
        let RawLimit { limit, remaining, reset, date, .. } = told.limit;
        if limit.is_some() && remaining.is_some() && reset.is_some() {
            with_headers += 1;
        }
        if let (Some(limit), Some(remaining), Some(reset), Some(date)) =
            (limit, remaining, reset, date)
        {
            let sent = told.sent.duration_since(began).as_secs_f64();
            let came = told.came.duration_since(began).as_secs_f64();
            looks.push(LimitSample { sent, came, date, limit, remaining, reset });
        }
        asker.pause(INTERVAL.saturating_sub(told.came - told.sent)).await?;
        last = told.limit;
    }
    if with_headers == 0 {
        let some = [last.limit, last.remaining, last.reset];
        if some.iter().any(Option::is_some) {
            return Err(Unanswered::Unclear("only some of the three are there".into()));
        }
        facts.limit_headers = Some(false);
        return Ok("they are not there".into());
    }
    if with_headers < REQUESTS {
        return Err(Unanswered::Unclear("only some answers carry them".into()));
    }
    facts.limit_headers = Some(true);
    facts.reset_rounding = rounding(&looks);
    let rounded = match facts.reset_rounding {
        Some(ResetRounding::Up) => "is rounded up",
        Some(ResetRounding::Down) => "is rounded down",
        Some(ResetRounding::Nearest) => "is rounded to the nearest second",
        None => "is rounded in a way that these answers do not tell",
    };
    Ok(format!("limit {}, remaining, reset; reset {rounded}", last.limit.unwrap_or_default()))
}
