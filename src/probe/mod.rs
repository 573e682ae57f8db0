//! `probe`: asks a test tenant the questions that the API's documentation leaves open
//! (auth0-api.md 10).
//!
//! A probe sends one request at a time, about one user, each with a permit of the pacer. Each
//! question is a file in `questions` that holds its requests and draws the conclusions from their
//! answers. If a question fails, the others are still asked. The methods that a question creates
//! are deleted before the next one, so that caps and conflicts of one question do not disturb
//! another, and once more at the end, however the probe ends.
//!
//! A probe deletes only methods that it has created: those whose id was in the answer, or, if no
//! answer came, those that a list shows under a name of the probe and that were not there at the
//! start. No request replaces or deletes all methods of the user: the requests that do so are tried
//! on a user who does not exist.

use std::{
    sync::{
        Arc, Mutex,
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
    sync::lock,
};
use asker::{Asker, Unanswered};
use cleanup::{MadeMethod, is_marked};

pub use questions::Question;
pub use samples::MARKER;

/// Methods that the probe has created, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Traces {
    /// Methods that may still exist.
    pub left: Vec<LeftBehind>,
    /// Ids of the methods that were deleted.
    pub removed: Vec<String>,
}

/// Shared record of a probe's methods, read by the handler of a second signal, which ends the
/// program at once.
#[derive(Debug, Clone, Default)]
pub struct There(Arc<Mutex<Traces>>);

impl There {
    /// Returns the latest record.
    pub fn now(&self) -> Traces {
        lock(&self.0).clone()
    }

    fn set(&self, there: Traces) {
        *lock(&self.0) = there;
    }
}

/// Settings of a probe.
#[derive(Debug, Clone)]
pub struct ProbeTerms {
    /// User whose methods are created and deleted.
    pub user: UserId,
    /// Host that is given as the relying party of security keys.
    pub host: String,
    /// True if the user may have methods already.
    pub allows_existing: bool,
    /// Most methods of one type that are created to find the cap.
    pub max_methods: u32,
    /// True if the rate limit may be exceeded to see the headers of a 429.
    pub provokes_limit: bool,
    /// Longest time without an answer.
    pub max_outage: Duration,
    /// Record of the probe's methods.
    pub there: There,
}

/// Result of a probe.
#[derive(Debug)]
pub struct Probed {
    /// Reason of its end.
    pub end: End,
    /// Facts that the probe has found out.
    pub facts: TenantFacts,
    /// Questions with their answers, in order, also those that were not asked.
    pub questions: Vec<Answered>,
    /// Methods of the probe that may still exist.
    pub left_behind: Vec<LeftBehind>,
}

/// A question with its answer.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The question.
    pub question: Question,
    /// Outcome of asking it.
    pub outcome: QuestionOutcome,
    /// The answer, or why there is none.
    pub answer: String,
    /// Answers of the tenant on which it rests.
    pub evidence: Vec<Evidence>,
}

/// Outcome of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuestionOutcome {
    /// The question is answered.
    Answered,
    /// The question was not asked: the flags do not allow it, the token lacks a scope, or the
    /// tenant does not fit.
    NotAsked,
    /// The question was asked, and no answer follows.
    Failed,
}

/// An answer of the tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The request, in short.
    pub request: String,
    /// Its status; `None` where no answer came.
    pub status: Option<u16>,
    /// `errorCode` of the body, or the fault of the answer.
    pub code: Option<String>,
}

/// A method that a probe could not delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftBehind {
    /// Id of the method; `None` if it is not even known that it exists.
    pub id: Option<String>,
    /// Type of the method.
    pub type_name: String,
    /// False if the method is new, but nothing shows that the probe has created it. It was not
    /// deleted.
    pub is_own: bool,
}

/// Result of cleaning up after an earlier probe.
#[derive(Debug)]
pub struct Cleaned {
    /// Reason of its end.
    pub end: End,
    /// Ids of the methods that were deleted.
    pub removed: Vec<String>,
    /// Methods that may still exist.
    pub left: Vec<LeftBehind>,
}

impl From<MadeMethod> for LeftBehind {
    fn from(MadeMethod { id, type_name, is_own }: MadeMethod) -> Self {
        Self { id, type_name, is_own }
    }
}

/// Asks every question, and cleans up. `done` counts the questions.
///
/// # Errors
/// Fails before anything is created if the user's methods cannot be listed, or if the user has
/// methods and the settings do not allow that.
pub async fn probe<A: RawApi>(
    gateway: Gateway<A>,
    terms: &ProbeTerms,
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
            // One question without an answer may be to blame itself; two in a row are an outage.
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

/// Deletes the methods that an earlier probe of this user has left behind.
///
/// # Errors
/// Fails if the user's methods cannot be listed.
pub async fn clean<A: RawApi>(gateway: Gateway<A>, terms: &ProbeTerms) -> Result<Cleaned, End> {
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

/// Finds out the scopes of the token and the methods of the user. Creates nothing yet.
async fn begin<A: RawApi>(gateway: Gateway<A>, terms: &ProbeTerms) -> Result<Asker<A>, End> {
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
    // The list has fetched a token, so this sends nothing.
    if let Verdict::Done(grant) = Setup::grant(&*asker.gateway.api).await.verdict {
        asker.grant = grant;
    }
    Ok(asker)
}

/// Asks a question, again if the answer to a POST was lost, and deletes the methods that it has
/// created. Returns the answer, and true if the tenant gave no usable answer.
async fn answer<A: RawApi>(
    asker: &mut Asker<A>,
    question: Question,
    terms: &ProbeTerms,
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
        // A method that shows up late would be taken for an answer to the next question.
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
            (Ok(answer), _) => (QuestionOutcome::Answered, answer),
            (Err(Unanswered::NotAsked(why)), _) => {
                (QuestionOutcome::NotAsked, format!("not asked: {why}"))
            }
            (Err(Unanswered::Unclear(why)), _) => (QuestionOutcome::Failed, why),
            (Err(Unanswered::Lost(reason)), _) => (
                QuestionOutcome::Failed,
                format!("it is not known if a POST was executed ({reason})"),
            ),
            (Err(Unanswered::Silent | Unanswered::Stopped), _) => {
                (QuestionOutcome::Failed, "the tenant gave no usable answer".to_owned())
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
