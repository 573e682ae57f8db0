//! `probe`: what the API's documentation leaves open, asked of a test tenant (auth0-api.md 10).
//!
//! One user, one request after another, each with a permit of the pacer. A question is a file in
//! `questions`: its requests, and what follows from their answers. One that fails leaves the others.
//! Methods that a question creates are deleted before the next, so that neither caps nor conflicts of one
//! disturb another, and at the end once more, whatever the end is.
//!
//! Only what this probe has created is deleted: known by the id in the answer, or, where none came,
//! by its name in a list, if it was not there at the start. No request replaces or deletes all methods of the
//! user: those two are asked about a user who does not exist.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

mod asker;
mod cleanup;
mod patience;
mod questions;
mod rounding;
mod samples;
mod sent;
mod told;

use crate::{
    api::{RawApi, Setup, Verdict},
    engine::{End, Stop, gateway::Gateway},
    error::Error,
    model::{TenantFacts, UserId},
};
use asker::{Asker, Unanswered};
use cleanup::{Made, is_marked};

pub use questions::Question;
pub use samples::MARKER;

/// Methods of the probe's own at this moment.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    /// Those that may be there.
    pub left: Vec<LeftBehind>,
    /// Ids of those that are deleted.
    pub removed: Vec<String>,
}

/// Place where a probe tells of its methods, for those who end it at once.
#[derive(Debug, Clone, Default)]
pub struct There(Arc<Mutex<Traces>>);

impl There {
    /// Returns what it has told last.
    pub fn now(&self) -> Traces {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, there: Traces) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = there;
    }
}

/// Terms of a probe.
#[derive(Debug, Clone)]
pub struct Terms {
    /// User whose methods are created and deleted.
    pub user: UserId,
    /// Host that security keys are said to be for.
    pub host: String,
    /// True if the user may have methods already.
    pub allows_existing: bool,
    /// Methods of one type that are created at most to find the cap.
    pub max_methods: u32,
    /// True if the limit may be exceeded to see what a 429 says.
    pub provokes_limit: bool,
    /// Longest time without an answer.
    pub max_outage: Duration,
    /// Place to tell what is there.
    pub there: There,
}

/// Result of a probe.
#[derive(Debug)]
pub struct Probed {
    /// Reason of its end.
    pub end: End,
    /// Facts that are known now.
    pub facts: TenantFacts,
    /// Questions that were asked, or not, in order.
    pub questions: Vec<Answered>,
    /// Methods of the probe's own that may still be there.
    pub left_behind: Vec<LeftBehind>,
}

/// A question with its answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The question.
    pub question: Question,
    /// Outcome of asking it.
    pub outcome: Outcome,
    /// The answer, or why there is none.
    pub answer: String,
    /// Answers of the tenant that it rests on.
    pub evidence: Vec<Evidence>,
}

/// Outcome of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is answered.
    Answered,
    /// It was not asked, since nobody wanted it, or the token may not.
    NotAsked,
    /// It was asked in vain.
    Failed,
}

/// An answer of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The request, in short.
    pub request: String,
    /// Its status; `None` where no answer came.
    pub status: Option<u16>,
    /// `errorCode` of the body, or what is wrong with the answer.
    pub code: Option<String>,
}

/// A method that a probe could not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftBehind {
    /// Its id; `None` if it is not even known whether it is there.
    pub id: Option<String>,
    /// Its type.
    pub type_name: String,
    /// False if it is new, and nothing tells that it is the probe's: it was not deleted.
    pub is_own: bool,
}

/// Result of cleaning up after an earlier probe.
#[derive(Debug)]
pub struct Cleaned {
    /// Reason of its end.
    pub end: End,
    /// Ids of the methods that are gone.
    pub removed: Vec<String>,
    /// Methods that are not.
    pub left: Vec<LeftBehind>,
}

impl From<Made> for LeftBehind {
    fn from(Made { id, type_name, is_own }: Made) -> Self {
        Self { id, type_name, is_own }
    }
}

/// Asks every question, and cleans up. `done` counts them.
///
/// # Errors
/// Nothing was created: the user cannot be asked about, or has methods that nobody has allowed for.
pub async fn probe<A: RawApi>(
    gateway: Gateway<A>,
    terms: &Terms,
    done: &Arc<AtomicU64>,
) -> Result<Probed, End> {
    let mut asker = begin(gateway, terms).await?;
    if !asker.before.is_empty() && !terms.allows_existing {
        let marked = asker.before.iter().filter(|method| is_marked(method)).count();
        return Err(End::Failed(has_methods(asker.before.len(), marked)));
    }
    let mut facts = TenantFacts::default();
    let (mut answered, mut end) = (Vec::<Answered>::new(), End::Complete);
    let mut is_silent = false;
    for (number, question) in Question::ALL.into_iter().enumerate() {
        tracing::info!("question {} of {}: {}", number + 1, Question::ALL.len(), question.text());
        match answer(&mut asker, question, terms, &mut facts).await {
            // One question in vain is its own; two in a row are an outage.
            Ok((one, true)) if is_silent => {
                answered.push(one);
                end = End::Failed(asker.patience.outage(&asker.gateway));
                break;
            }
            Ok((one, silent)) => {
                is_silent = silent;
                answered.push(one);
            }
            Err(ended) => {
                end = ended;
                break;
            }
        }
        done.fetch_add(1, Ordering::Relaxed);
    }
    let left_behind = asker.finish().await.into_iter().map(Into::into).collect();
    Ok(Probed { end, facts, questions: answered, left_behind })
}

/// Deletes what an earlier probe of this user has left behind.
///
/// # Errors
/// The user's methods cannot be listed.
pub async fn clean<A: RawApi>(gateway: Gateway<A>, terms: &Terms) -> Result<Cleaned, End> {
    let mut asker = begin(gateway, terms).await?;
    let cleaning = asker.clean_older().await;
    let end = match cleaning.ended {
        None => End::Complete,
        Some(Unanswered::Fatal(error)) => End::Failed(*error),
        Some(Unanswered::Silent) => End::Failed(asker.patience.outage(&asker.gateway)),
        Some(_) => End::Stopped(Stop::Asked),
    };
    Ok(Cleaned {
        end,
        removed: cleaning.removed.into_iter().filter_map(|made| made.id).collect(),
        left: cleaning.left.into_iter().map(Into::into).collect(),
    })
}

/// Learns what the token may do and what the user has. Nothing is created yet.
async fn begin<A: RawApi>(gateway: Gateway<A>, terms: &Terms) -> Result<Asker<A>, End> {
    let mut asker = Asker::new(gateway, terms);
    match asker.list().await {
        Ok(methods) => asker.before = methods,
        Err(Unanswered::Unclear(why)) => return Err(End::Failed(no_list(&why))),
        Err(Unanswered::Stopped) => return Err(End::Stopped(Stop::Asked)),
        Err(Unanswered::Fatal(error)) => return Err(End::Failed(*error)),
        Err(Unanswered::NotAsked(_) | Unanswered::Lost(_) | Unanswered::Silent) => {
            return Err(End::Failed(asker.patience.outage(&asker.gateway)));
        }
    }
    // There is a token by now.
    if let Verdict::Done(grant) = Setup::grant(&*asker.gateway.api).await.verdict {
        asker.grant = grant;
    }
    Ok(asker)
}

/// Asks a question, again if an answer was lost, and deletes what it has created. Returns true beside it if
/// the tenant gave no usable answer.
async fn answer<A: RawApi>(
    asker: &mut Asker<A>,
    question: Question,
    terms: &Terms,
    facts: &mut TenantFacts,
) -> Result<(Answered, bool), End> {
    let mut tries = 0;
    loop {
        asker.evidence.clear();
        tries += 1;
        asker.patience.doubts_429 = question == Question::Cap;
        let reply = question.ask(asker, terms, facts).await;
        asker.patience.doubts_429 = false;
        let evidence = std::mem::take(&mut asker.evidence);
        // One that comes late would be taken for an answer.
        let cleared = match &reply {
            Err(Unanswered::Lost(_)) => asker.settle().await,
            Ok(_) if question.leaves_methods() => Ok(()),
            _ => asker.clear().await,
        };
        for ended in [reply.as_ref().err(), cleared.as_ref().err()].into_iter().flatten() {
            if matches!(ended, Unanswered::Stopped) {
                return Err(End::Stopped(Stop::Asked));
            }
        }
        let is_silent = matches!(reply, Err(Unanswered::Silent));
        let (outcome, answer) = match (reply, cleared) {
            (Err(Unanswered::Fatal(error)), _) | (_, Err(Unanswered::Fatal(error))) => {
                return Err(End::Failed(*error));
            }
            (_, Err(Unanswered::Silent)) => {
                return Err(End::Failed(asker.patience.outage(&asker.gateway)));
            }
            (Err(Unanswered::Lost(_)), _) if tries < asker.tries() => continue,
            (Ok(answer), _) => (Outcome::Answered, answer),
            (Err(Unanswered::NotAsked(why)), _) => (Outcome::NotAsked, format!("not asked: {why}")),
            (Err(Unanswered::Unclear(why)), _) => (Outcome::Failed, why),
            (Err(Unanswered::Lost(reason)), _) => {
                (Outcome::Failed, format!("it is not known if a POST was executed ({reason})"))
            }
            (Err(Unanswered::Silent | Unanswered::Stopped), _) => {
                (Outcome::Failed, "the tenant gave no usable answer".to_owned())
            }
        };
        return Ok((Answered { question, outcome, answer, evidence }, is_silent));
    }
}

fn no_list(why: &str) -> Error {
    let hint = "give --user-id the id of a user of this tenant, such as `auth0|…`: one that nobody logs in as";
    if why.contains("user_not_found") {
        return Error::refused("user_not_found", "the user of --user-id does not exist", hint);
    }
    Error::refused(
        "user_not_found",
        format!("the user of --user-id cannot be asked about: {why}"),
        hint,
    )
}

fn has_methods(count: usize, marked: usize) -> Error {
    let methods = crate::text::counted(count as u64, "method");
    let message = format!("the user of --user-id has {methods} already");
    let hint = if marked > 0 {
        format!(
            "{} left by an earlier probe: delete what is left with --clean",
            if marked == count { "they were".into() } else { format!("{marked} of them were") }
        )
    } else {
        "make a user for this alone; or pass --allow-existing: existing methods are not touched, but the \
         answers may be about them"
            .into()
    };
    Error::refused("user_has_methods", message, hint)
}
