//! Contact with the tenant: who has answered so far, what went wrong last, and when a run gives up
//! on a tenant that has never answered. A failure from the very start is rarely an outage; it is
//! usually a wrong setting.
//!
//! The tenant has answered once a token was granted or anything came in the API's own shape, even
//! an error that it is out of order. From then on every failure may pass.

use std::{
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::transport::NotSent;
use crate::{
    api::{NotExecuted, Verdict},
    error::Error,
    sync::lock,
    text::human,
};

/// Number of foreign answers in a row, from the start, that rules out a stray page.
const FOREIGN_ANSWERS_TO_GIVE_UP: u32 = 3;
/// A tenant that has never answered is given up on at the first failure after this long: time for
/// several tries with growing pauses, and short enough to wait for.
const TIME_TO_GIVE_UP: Duration = Duration::from_secs(5);
/// One failure by itself, however long it took, may be a lost packet.
const FAILURES_TO_GIVE_UP: u32 = 2;

/// Code of the error where something else answers in the tenant's place.
pub const NOT_THE_TENANT: &str = "not_the_tenant";

const WHICH_SERVER: &str = "a firewall, a proxy, a login page or another server: check --domain or --base-url, and what \
     stands between here and the Management API; then run the same command again";

/// Kind of request that something in between may treat differently: a firewall may block writes and
/// let reads pass, so an answered read proves nothing about writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Only asks.
    Read = 0,
    /// Changes something.
    Write = 1,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

/// Description of what went wrong with a request, in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ContactFault {
    description: String,
    /// Advice on what to check, if it has been so from the start.
    hint: &'static str,
    /// Time that the answer asks to wait.
    wait: Duration,
}

impl ContactFault {
    pub(super) fn new(description: impl Into<String>, hint: &'static str) -> Self {
        Self { description: description.into(), hint, wait: Duration::ZERO }
    }

    /// The API itself says that it cannot answer.
    pub(super) fn of_the_api(status: u16) -> Self {
        Self::new(format!("{status} from the API"), "")
    }

    /// Something else answers in the tenant's place, as the answer shows.
    pub(super) fn of_foreign_answer(shown: &str) -> Self {
        Self::new(format!("something other than the tenant answered: {shown}"), WHICH_SERVER)
    }

    /// An answer began and broke off.
    pub(super) fn broken_off(status: u16) -> Self {
        Self::new(
            format!("the rest of an answer ({status}) did not come"),
            "check what stands between here and the Management API",
        )
    }

    /// A request was sent and not answered in time.
    pub(super) fn no_answer(timeout: Duration) -> Self {
        Self::new(
            format!("no answer within {}", human(timeout)),
            "something accepts the connection and never answers: check the host and the port of \
             --domain or --base-url, and --timeout",
        )
    }

    /// A request was sent, and the connection closed.
    pub(super) fn connection_lost() -> Self {
        Self::new(
            "the connection was closed before an answer",
            "the server there does not speak HTTP: check the host and the port of --domain or \
             --base-url",
        )
    }

    /// The proxy answered CONNECT with that status: it cannot reach the tenant.
    pub(super) fn no_tunnel(status: Option<u16>) -> Self {
        let status = status.map(|status| format!(" ({status})")).unwrap_or_default();
        Self::new(
            format!("the proxy opens no connection to the tenant{status}"),
            "check --domain for a slip, `https_proxy`, and whether the proxy reaches the tenant; a \
             host in `no_proxy` is reached without it",
        )
    }

    /// The token endpoint grants no more tokens for now.
    pub(super) fn no_more_tokens() -> Self {
        Self::new(
            "the token endpoint answers 429",
            "the tenant's limit or quota of tokens is used up: run the same command again later, or \
             pass a token that is still good in AUTH0_API_TOKEN or --token-file",
        )
    }

    /// Blames the proxy instead of the tenant.
    pub(super) fn at_the_proxy(self) -> Self {
        Self {
            description: format!("cannot reach the proxy: {}", self.description),
            hint: "check `https_proxy`; a host in `no_proxy` is reached without it",
            ..self
        }
    }

    /// Adds the time that the answer asks to wait.
    pub(super) fn asking(self, wait: Option<Duration>) -> Self {
        Self { wait: wait.unwrap_or_default(), ..self }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Contact {
    /// Host and port.
    place: String,
    /// True once the tenant has answered in any way; read before the lock is taken.
    answered: AtomicBool,
    seen: Mutex<ContactState>,
}

#[derive(Debug, Default)]
struct ContactState {
    /// True once the tenant itself has done what was asked, by [`Side`].
    known: [bool; 2],
    /// Number of consecutive foreign answers, by [`Side`].
    strange: [u32; 2],
    /// Last fault, by [`Side`], while nothing has succeeded since; and the side of the later one.
    last: [Option<ContactFault>; 2],
    latest: usize,
    /// Start of the first try, and number of failures, while the tenant has not answered.
    began: Option<Instant>,
    failures: u32,
    /// Description of the last foreign answer that was logged.
    warned: Option<String>,
}

impl Contact {
    pub(super) fn new(place: String) -> Self {
        Self { place, answered: AtomicBool::new(false), seen: Mutex::default() }
    }

    /// Notes that a request is about to be sent.
    pub(super) fn tries(&self) {
        if !self.has_answered() {
            self.seen().began.get_or_insert_with(Instant::now);
        }
    }

    /// Takes in an answer that is the tenant's own and unusable, or a token.
    pub(super) fn answers(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }

    /// Takes in a good answer of the tenant's own.
    pub(super) fn met(&self, side: Side) {
        self.answers();
        let mut seen = self.seen();
        seen.known[side as usize] = true;
        // A tenant that executes our writes would answer our reads as well.
        seen.known[Side::Read as usize] = true;
        seen.strange[side as usize] = 0;
        seen.last[side as usize] = None;
    }

    /// Takes in a failure. Returns an error if the tenant has never answered and was tried for long
    /// enough.
    pub(super) fn failed(&self, side: Side, fault: ContactFault) -> Result<(), Error> {
        tracing::trace!("{side}: {}", fault.description);
        let mut seen = self.seen();
        let tried = seen.began.map_or(Duration::ZERO, |began| began.elapsed());
        let wait = fault.wait;
        seen.last[side as usize] = Some(fault);
        seen.latest = side as usize;
        if self.has_answered() {
            return Ok(());
        }
        seen.failures += 1;
        let enough = wait > TIME_TO_GIVE_UP
            || (seen.failures >= FAILURES_TO_GIVE_UP && tried + wait >= TIME_TO_GIVE_UP);
        drop(seen);
        if enough { self.never_met().map_or(Ok(()), Err) } else { Ok(()) }
    }

    /// Takes in a foreign answer. Returns an error if nothing else has come since the start.
    pub(super) fn met_foreign_answer(&self, side: Side, shown: &str) -> Result<(), Error> {
        let mut seen = self.seen();
        seen.strange[side as usize] += 1;
        let strange =
            seen.strange[side as usize] >= FOREIGN_ANSWERS_TO_GIVE_UP && !seen.known[side as usize];
        let told = format!("something other than the tenant answered: {shown}");
        if seen.warned.as_ref() != Some(&told) {
            tracing::warn!("{told}");
            seen.warned = Some(told.clone());
        }
        drop(seen);
        if strange {
            return Err(Error::refused(NOT_THE_TENANT, told, WHICH_SERVER));
        }
        self.failed(side, ContactFault::of_foreign_answer(shown))
    }

    /// Returns the verdict for a request that was not sent.
    pub(super) fn not_sent<T>(&self, side: Side, not_sent: NotSent) -> Verdict<T> {
        let failed = match not_sent {
            NotSent::Fatal(error) => Err(error),
            NotSent::Passing(fault) => self.failed(side, fault),
        };
        match failed {
            Ok(()) => Verdict::NotExecuted(NotExecuted::NotSent),
            Err(error) => Verdict::Stop(Box::new(error)),
        }
    }

    /// Returns what went wrong last, if nothing has succeeded since.
    pub(super) fn last(&self) -> Option<String> {
        self.seen().latest().map(|fault| fault.description.clone())
    }

    /// Returns the error of a tenant that has never answered.
    pub(super) fn never_met(&self) -> Option<Error> {
        let seen = self.seen();
        let fault = seen.latest().filter(|_| !self.has_answered())?;
        Some(Error::refused(
            "tenant_never_answered",
            format!("no usable answer from the tenant `{}`: {}", self.place, fault.description),
            fault.hint,
        ))
    }

    /// Returns whether the tenant has answered in any way.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    fn seen(&self) -> MutexGuard<'_, ContactState> {
        lock(&self.seen)
    }
}

impl ContactState {
    fn latest(&self) -> Option<&ContactFault> {
        let [read, write] = &self.last;
        if self.latest == Side::Write as usize {
            write.as_ref().or(read.as_ref())
        } else {
            read.as_ref().or(write.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;
    use crate::error::Exit;

    fn contact() -> Contact {
        Contact::new("tenant.example".into())
    }

    fn refused() -> ContactFault {
        ContactFault::new("connection refused", "check it")
    }

    #[test]
    fn a_run_stops_when_foreign_answers_come_three_times_from_the_start_and_not_later() {
        let (foreign, known) = (contact(), contact());
        for contact in [&foreign, &known] {
            for _ in 1..FOREIGN_ANSWERS_TO_GIVE_UP {
                assert!(contact.met_foreign_answer(Side::Write, "a page").is_ok());
            }
        }
        // That reads are answered is no excuse for writes.
        foreign.met(Side::Read);
        let stopped = foreign.met_foreign_answer(Side::Write, "a page").unwrap_err();
        assert_eq!(stopped.exit(), Exit::Config);
        assert!(stopped.to_string().ends_with("answered: a page"), "{stopped}");
        known.met(Side::Write);
        for side in [Side::Write, Side::Read] {
            for _ in 0..50 {
                assert!(known.met_foreign_answer(side, "a page").is_ok());
            }
        }
        assert_eq!(
            known.last().as_deref(),
            Some("something other than the tenant answered: a page")
        );
        known.met(Side::Write);
        known.met(Side::Read);
        assert_eq!(known.last(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_never_answered_is_given_up_on_after_some_tries_and_some_seconds() {
        // Failures at these milliseconds, and whether the run stops with the last.
        for (failures, stops) in [
            (&[0][..], false),
            (&[20_000], false),
            (&[0, 0, 0, 0, 0, 0], false),
            (&[0, 500, 1500, 3500], false),
            (&[0, 500, 1500, 3500, 7500], true),
            (&[10_000, 20_000], true),
        ] {
            let (contact, mut now) = (contact(), 0);
            contact.tries();
            let mut last = Ok(());
            for at in failures {
                assert!(last.is_ok(), "{failures:?}");
                advance(Duration::from_millis(at - now)).await;
                now = *at;
                last = contact.failed(Side::Write, refused());
            }
            assert_eq!(last.is_err(), stops, "{failures:?}");
            if let Err(error) = last {
                assert_eq!(error.exit(), Exit::Config);
                let expected =
                    "no usable answer from the tenant `tenant.example`: connection refused";
                assert_eq!(error.to_string(), expected);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_to_wait_for_longer_than_is_tried_is_not_waited_for() {
        let contact = contact();
        contact.tries();
        let asking = |seconds| refused().asking(Some(Duration::from_secs(seconds)));
        assert!(contact.failed(Side::Write, asking(5)).is_ok());
        assert!(contact.failed(Side::Write, asking(4)).is_ok());
        assert!(contact.failed(Side::Write, asking(6)).is_err());
        contact.answers();
        assert!(contact.failed(Side::Write, asking(6)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_given_up_on_once_the_tenant_has_answered_in_any_way() {
        let answer: [fn(&Contact); 3] = [
            Contact::answers,
            |contact| contact.met(Side::Read),
            |contact| contact.met(Side::Write),
        ];
        for answer in answer {
            let contact = contact();
            contact.tries();
            answer(&contact);
            for _ in 0..20 {
                advance(TIME_TO_GIVE_UP).await;
                assert!(contact.failed(Side::Write, refused()).is_ok());
            }
            assert!(contact.never_met().is_none());
            assert_eq!(contact.last().as_deref(), Some("connection refused"));
        }
    }
}
