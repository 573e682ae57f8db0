//! Deletes what a probe has created, and nothing else.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Traces,
    asker::{Asker, Unanswered},
    samples::{MARKER, is_given},
};
use crate::{
    api::{RawApi, RawRequest, RawVerb},
    model::Method,
    text::human,
};

/// Longest time without anything new after which an earlier probe counts as cleaned up after. Whoever runs
/// `--clean` has seen that probe end: its last request is not of this moment.
const QUIET: Duration = Duration::from_secs(10);

/// A method of the probe's own.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// `None` for one that may be there: no answer to its POST has come.
    pub(super) id: Option<String>,
    pub(super) type_name: String,
    /// False for one that is new, and of which nothing tells that it is the probe's: it is not deleted.
    pub(super) is_own: bool,
}

/// Result of cleaning up after another probe.
#[derive(Debug)]
pub(super) struct Cleaning {
    pub(super) removed: Vec<Made>,
    pub(super) left: Vec<Made>,
    /// Reason why it was not waited for what may still come, if it was not.
    pub(super) ended: Option<Unanswered>,
}

/// A part of a question, and how often it was asked.
#[derive(Debug)]
pub(super) struct Anew {
    tries: u32,
    /// Evidence before it.
    noted: usize,
}

/// Longest pause between two lists while nothing new shows.
const LOOK: Duration = Duration::from_secs(5);

/// A POST without an answer.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) type_name: String,
    pub(super) at: Instant,
}

impl<A: RawApi> Asker<A> {
    /// Deletes a method of the probe's own.
    pub(super) async fn delete(&mut self, id: &str) -> Result<(), Unanswered> {
        let (user, noted) = (self.user.clone(), self.evidence.len());
        let told = self.send("DELETE one", RawRequest::one(RawVerb::Delete, &user, id)).await?;
        // It proves nothing about what was asked.
        self.evidence.truncate(noted);
        if !matches!(told.status, 200..=299 | 404) {
            return Err(Unanswered::Unclear(format!("DELETE is refused ({})", told.short())));
        }
        let gone = self.made.extract_if(.., |made| made.id.as_deref() == Some(id));
        // Lists may show it for a while.
        self.gone.extend(gone);
        self.tell(None);
        Ok(())
    }

    /// Deletes every method of the probe's own that is known. What could not be deleted is tried again later.
    pub(super) async fn clear(&mut self) -> Result<(), Unanswered> {
        let ids: Vec<_> = self.made.iter().filter_map(|made| made.id.clone()).collect();
        let mut done = Ok(());
        for id in ids.into_iter().rev() {
            match self.delete(&id).await {
                Ok(()) => {}
                Err(why @ Unanswered::Unclear(_)) => done = Err(why),
                Err(why) => return Err(why),
            }
        }
        done
    }

    /// Deletes every method of the probe's own, also those whose POST got no answer: what is not in the list
    /// after the settle time has never come.
    pub(super) async fn settle(&mut self) -> Result<(), Unanswered> {
        match self.clear().await {
            Ok(()) | Err(Unanswered::Unclear(_)) => {}
            Err(why) => return Err(why),
        }
        if let Some(last) = self.lost.iter().map(|lost| lost.at).max() {
            let settled = last + self.gateway.policy.settle;
            let left = settled.saturating_duration_since(Instant::now());
            if left > Duration::from_secs(1) {
                let left = human(left);
                tracing::warn!(
                    "a POST got no answer and may still be executed: waiting {left} (--settle) before \
                     looking what became of it"
                );
            }
            self.pause(left).await?;
        }
        let listed = self.list().await?;
        self.adopt(listed);
        // Each is among those now, or has never come.
        self.lost.clear();
        self.tell(None);
        self.clear().await
    }

    /// Returns the beginning of a part of a question that can be asked anew by itself.
    pub(super) fn anew(&self) -> Anew {
        Anew { tries: 1, noted: self.evidence.len() }
    }

    /// Makes ready to ask a part of a question anew, if what failed is that a POST was lost: the other parts
    /// are not asked again for that.
    pub(super) async fn recover(
        &mut self,
        why: Unanswered,
        anew: &mut Anew,
    ) -> Result<(), Unanswered> {
        if !matches!(why, Unanswered::Lost(_)) || anew.tries >= self.tries() {
            return Err(why);
        }
        anew.tries += 1;
        self.evidence.truncate(anew.noted);
        // One that comes late would be taken for an answer.
        self.settle().await
    }

    /// Tells what may be there now; with the type of a POST that is about to be sent.
    pub(super) fn tell(&self, in_flight: Option<&str>) {
        let unknown = self.lost.iter().map(|lost| lost.type_name.as_str()).chain(in_flight);
        let unknown = unknown.map(|type_name| Made {
            id: None,
            type_name: type_name.to_owned(),
            is_own: true,
        });
        let left = self.made.iter().cloned().chain(unknown).map(Into::into).collect();
        let removed = self.gone.iter().filter_map(|made| made.id.clone()).collect();
        self.there.set(Traces { left, removed });
    }

    /// Returns true if a method is among those that were deleted: lists may show it for a while.
    fn is_gone(&self, id: &str) -> bool {
        self.gone.iter().any(|gone| gone.id.as_deref() == Some(id))
    }

    /// Lists again until nothing new has shown for a while: what was in flight when a probe was killed may
    /// come late, and lists may be late, too.
    async fn clear_older(&mut self, quiet: Duration) -> Result<(), Unanswered> {
        let mut quiet_since = Instant::now();
        // Another probe of this user at the same time would have no end.
        let end = quiet_since + quiet * 6;
        loop {
            let left = (quiet_since + quiet).min(end).saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.pause(left.min(LOOK)).await?;
            let listed = self.list().await?;
            if self.adopt_older(listed) {
                quiet_since = Instant::now();
            }
            match self.clear().await {
                Ok(()) | Err(Unanswered::Unclear(_)) => {}
                Err(why) => return Err(why),
            }
        }
    }

    /// Deletes what an earlier probe has left behind.
    pub(super) async fn clean_older(&mut self) -> Cleaning {
        let before = std::mem::take(&mut self.before);
        self.adopt_older(before);
        let first = self.clear().await;
        let quiet = self.gateway.policy.settle.min(QUIET);
        let wait = human(quiet);
        tracing::info!(
            "listing again until nothing new has shown for {wait}: a POST that was in flight when the probe \
             ended may come late"
        );
        // A list that fails in this wait leaves as much unknown as a signal.
        let ended = match first {
            Ok(()) | Err(Unanswered::Unclear(_)) => self.clear_older(quiet).await.err(),
            Err(why) => Some(why),
        };
        self.gateway.stop = CancellationToken::new();
        if !matches!(ended, Some(Unanswered::Silent | Unanswered::Fatal(_))) {
            drop(self.clear().await);
        }
        Cleaning {
            removed: self.gone.drain(..).collect(),
            left: self.made.drain(..).collect(),
            ended,
        }
    }

    /// Takes in those of the listed methods that this probe has made.
    fn adopt(&mut self, listed: Vec<Method>) {
        for method in listed {
            let is_new = self.before.iter().all(|before| before.id != method.id);
            let name = method.name.unwrap_or_default();
            let is_named = name.starts_with(MARKER)
                && self.names.iter().any(|own| own == &name || own.starts_with(&name));
            let is_known = self.made.iter().any(|made| made.id.as_deref() == Some(&method.id));
            if is_new && is_named && !is_known && !self.is_gone(&method.id) {
                let (id, type_name) = (Some(method.id), method.type_name);
                self.made.push(Made { id, type_name, is_own: true });
            }
        }
    }

    /// Cleans up, whatever has become of the probe, and returns what may still be there.
    pub(super) async fn finish(&mut self) -> Vec<Made> {
        // Also when it is stopping.
        self.gateway.stop = CancellationToken::new();
        // What fails leaves it in what is returned.
        let strange = match self.settle().await {
            // There is nobody to be asked.
            Err(Unanswered::Silent | Unanswered::Fatal(_)) => Vec::new(),
            _ => self.strange().await,
        };
        let lost = self.lost.drain(..);
        let lost = lost.map(|Lost { type_name, .. }| Made { id: None, type_name, is_own: true });
        self.made.drain(..).chain(strange).chain(lost).collect()
    }

    /// Returns the methods of a probe's types that are new, and of which neither an id nor a name tells
    /// whose they are.
    async fn strange(&mut self) -> Vec<Made> {
        let Ok(listed) = self.list().await else { return Vec::new() };
        let is_strange = |method: &Method| {
            let is_known = |made: &Made| made.id.as_deref() == Some(&method.id);
            method.factor_type.is_some()
                && self.before.iter().all(|before| before.id != method.id)
                && !self.made.iter().chain(&self.gone).any(is_known)
        };
        let strange = listed.into_iter().filter(is_strange);
        strange
            .map(|Method { id, type_name, .. }| Made { id: Some(id), type_name, is_own: false })
            .collect()
    }

    /// Adopts what an earlier probe has left behind; returns true if something is new.
    fn adopt_older(&mut self, listed: Vec<Method>) -> bool {
        let known = self.made.len();
        for method in listed.into_iter().filter(is_marked) {
            let is_known = self.made.iter().any(|made| made.id.as_deref() == Some(&method.id));
            if !is_known && !self.is_gone(&method.id) {
                let (id, type_name) = (Some(method.id), method.type_name);
                self.made.push(Made { id, type_name, is_own: true });
            }
        }
        self.tell(None);
        self.made.len() > known
    }
}

/// Returns true if a method has the name of one that some probe has created.
pub(super) fn is_marked(method: &Method) -> bool {
    method.name.as_deref().is_some_and(is_given)
}
