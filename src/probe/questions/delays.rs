//! Question: how soon do GET and the list show a new method? Each time is an upper bound: from the
//! POST to the first answer that has the method.

use std::time::Duration;

use tokio::time::Instant;

use super::super::asker::{Asker, Unanswered};
use crate::{api::RawApi, model::TenantFacts, text::human};

/// Bounds of the pause between two looks, which is a twentieth of the time since the POST.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
const PAUSES: u32 = 20;
/// Longest time to look for the method.
const LONGEST_SEARCH: Duration = Duration::from_secs(60);

pub(super) async fn ask<A: RawApi>(
    asker: &mut Asker<A>,
    facts: &mut TenantFacts,
) -> Result<String, Unanswered> {
    let (_, told) = asker.create_any("").await?;
    let id = told.created().unwrap_or_default().to_owned();
    let (mut read, mut list) = (Visibility::default(), Visibility::default());
    loop {
        if read.is_open() {
            let looked = told.came.elapsed();
            let found = asker.get(" right after POST", &id).await?;
            match found.status {
                200 => read.found(told.sent),
                404 => read.missed(looked),
                _ => {
                    let why = format!("GET is refused ({})", found.short());
                    return Err(Unanswered::Unclear(why));
                }
            }
        }
        if list.is_open() {
            let looked = told.came.elapsed();
            let listed = asker.list().await?;
            if listed.iter().any(|method| method.id == id) {
                list.found(told.sent);
            } else {
                list.missed(looked);
            }
        }
        let is_over = told.came.elapsed() >= LONGEST_SEARCH;
        if is_over || !(read.is_open() || list.is_open()) {
            break;
        }
        let pause = told.came.elapsed() / PAUSES;
        asker.pause(pause.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await?;
    }
    facts.read_delay_ms = read.millis();
    facts.list_delay_ms = list.millis();
    Ok(format!("by GET {}, in the list {}", read.told(), list.told()))
}

/// Time at which one kind of request has shown the method.
#[derive(Debug, Default)]
struct Visibility {
    /// Time from the POST's answer to the last look that did not find the method.
    missed: Option<Duration>,
    after: Option<Duration>,
}

impl Visibility {
    fn is_open(&self) -> bool {
        self.after.is_none()
    }

    fn missed(&mut self, looked: Duration) {
        self.missed = Some(looked);
    }

    fn found(&mut self, sent: Instant) {
        self.after = Some(sent.elapsed());
    }

    /// Returns the delay in milliseconds: 0 if the first look found the method.
    fn millis(&self) -> Option<u64> {
        let after = self.after?;
        let after = if self.missed.is_some() { after } else { Duration::ZERO };
        u64::try_from(after.as_millis()).ok()
    }

    fn told(&self) -> String {
        match (self.after, self.missed) {
            (Some(after), Some(missed)) => {
                format!("after {} at most, and not yet after {}", human(after), human(missed))
            }
            (Some(after), None) => format!("at once ({})", human(after)),
            (None, _) => format!("not within {}", human(LONGEST_SEARCH)),
        }
    }
}
