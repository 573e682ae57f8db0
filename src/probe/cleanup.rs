//! Deletes the methods that a probe has created, and nothing else.

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

/// Longest time to wait for late methods of an earlier probe. It can be short: the user who runs
/// `--clean` has seen that probe end, so its last request is some time ago.
const QUIET: Duration = Duration::from_secs(10);

/// A method that the probe has created, or may have.
#[derive(Debug, Clone)]
pub(super) struct MadeMethod {
    /// Id of the method; `None` if its POST got no answer, so that it may or may not exist.
    pub(super) id: Option<String>,
    pub(super) type_name: String,
    /// False if the method is new, but nothing shows that the probe has created it. It is not
    /// deleted.
    pub(super) is_own: bool,
}

/// Result of cleaning up after another probe.
#[derive(Debug)]
pub(super) struct Cleaning {
    pub(super) removed: Vec<MadeMethod>,
    pub(super) left: Vec<MadeMethod>,
    /// Reason why the wait for late methods was cut short, if it was.
    pub(super) ended: Option<Unanswered>,
}

/// State of a part of a question that can be asked again by itself.
#[derive(Debug)]
pub(super) struct Anew {
    tries: u32,
    /// Number of pieces of evidence before this part.
    noted: usize,
}

/// Longest pause between two lists while waiting for late methods.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A POST without an answer.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) type_name: String,
    pub(super) at: Instant,
}

impl<A: RawApi> Asker<A> {
    /// Deletes a method of the probe.
    pub(super) async fn delete(&mut self, id: &str) -> Result<(), Unanswered> {
        let (user, noted) = (self.user.clone(), self.evidence.len());
        let told = self.send("DELETE one", RawRequest::one(RawVerb::Delete, &user, id)).await?;
        // Cleaning up is no evidence for the question.
        self.evidence.truncate(noted);
        if !matches!(told.status, 200..=299 | 404) {
            return Err(Unanswered::Unclear(format!("DELETE is refused ({})", told.short())));
        }
        let gone = self.made.extract_if(.., |made| made.id.as_deref() == Some(id));
        // Lists may still show the method for a while.
        self.gone.extend(gone);
        self.tell(None);
        Ok(())
    }

    /// Deletes all known methods of the probe. Those that cannot be deleted now are tried again
    /// later.
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

    /// Deletes all methods of the probe, also those whose POST got no answer: if the list does not
    /// show one after the settle time, it was never created.
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
        // Each lost one is among the adopted now, or was never created.
        self.lost.clear();
        self.tell(None);
        self.clear().await
    }

    /// Begins a part of a question that can be asked again by itself.
    pub(super) fn anew(&self) -> Anew {
        Anew { tries: 1, noted: self.evidence.len() }
    }

    /// Prepares to ask a part of a question again after a POST got no answer, so that the other
    /// parts need not be. Returns any other failure.
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
        // A method that shows up late would be taken for an answer.
        self.settle().await
    }

    /// Records the methods that may exist now, including that of a POST of type `in_flight`, which
    /// is about to be sent.
    pub(super) fn tell(&self, in_flight: Option<&str>) {
        let unknown = self.lost.iter().map(|lost| lost.type_name.as_str()).chain(in_flight);
        let unknown = unknown.map(|type_name| MadeMethod {
            id: None,
            type_name: type_name.to_owned(),
            is_own: true,
        });
        let left = self.made.iter().cloned().chain(unknown).map(Into::into).collect();
        let removed = self.gone.iter().filter_map(|made| made.id.clone()).collect();
        self.there.set(Traces { left, removed });
    }

    /// Returns true if a method was deleted: lists may still show it for a while.
    fn is_gone(&self, id: &str) -> bool {
        self.gone.iter().any(|gone| gone.id.as_deref() == Some(id))
    }

    /// Lists and deletes until nothing new has shown for a while: a POST that was in flight when
    /// the probe was killed may be executed late, and lists may lag as well.
    async fn clear_older(&mut self, quiet: Duration) -> Result<(), Unanswered> {
        let mut quiet_since = Instant::now();
        // Without a limit, this would go on as long as another probe of this user runs.
        let end = quiet_since + quiet * 6;
        loop {
            let left = (quiet_since + quiet).min(end).saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            self.pause(left.min(LONGEST_PAUSE)).await?;
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

    /// Deletes the methods that an earlier probe has left behind.
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
        // If a list fails during the wait, as much is unknown as after a signal.
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

    /// Adopts the listed methods that this probe has created.
    fn adopt(&mut self, listed: Vec<Method>) {
        for method in listed {
            let is_new = self.before.iter().all(|before| before.id != method.id);
            let name = method.name.unwrap_or_default();
            let is_named = name.starts_with(MARKER)
                && self.names.iter().any(|own| own == &name || own.starts_with(&name));
            let is_known = self.made.iter().any(|made| made.id.as_deref() == Some(&method.id));
            if is_new && is_named && !is_known && !self.is_gone(&method.id) {
                let (id, type_name) = (Some(method.id), method.type_name);
                self.made.push(MadeMethod { id, type_name, is_own: true });
            }
        }
    }

    /// Cleans up, however the probe has ended, and returns the methods that may still exist.
    pub(super) async fn finish(&mut self) -> Vec<MadeMethod> {
        // Cleaning up goes on even when the probe is stopping.
        self.gateway.stop = CancellationToken::new();
        // Methods whose deletion fails are among those returned.
        let strange = match self.settle().await {
            // The tenant does not answer, so there is no list to compare.
            Err(Unanswered::Silent | Unanswered::Fatal(_)) => Vec::new(),
            _ => self.strange().await,
        };
        let lost = self.lost.drain(..);
        let lost =
            lost.map(|Lost { type_name, .. }| MadeMethod { id: None, type_name, is_own: true });
        self.made.drain(..).chain(strange).chain(lost).collect()
    }

    /// Returns the new methods of a probe's types that neither an id nor a name marks as the
    /// probe's.
    async fn strange(&mut self) -> Vec<MadeMethod> {
        let Ok(listed) = self.list().await else { return Vec::new() };
        let is_strange = |method: &Method| {
            let is_known = |made: &MadeMethod| made.id.as_deref() == Some(&method.id);
            method.factor_type.is_some()
                && self.before.iter().all(|before| before.id != method.id)
                && !self.made.iter().chain(&self.gone).any(is_known)
        };
        let strange = listed.into_iter().filter(is_strange);
        strange
            .map(|Method { id, type_name, .. }| MadeMethod {
                id: Some(id),
                type_name,
                is_own: false,
            })
            .collect()
    }

    /// Adopts the methods that an earlier probe has left behind. Returns true if there are new
    /// ones.
    fn adopt_older(&mut self, listed: Vec<Method>) -> bool {
        let known = self.made.len();
        for method in listed.into_iter().filter(is_marked) {
            let is_known = self.made.iter().any(|made| made.id.as_deref() == Some(&method.id));
            if !is_known && !self.is_gone(&method.id) {
                let (id, type_name) = (Some(method.id), method.type_name);
                self.made.push(MadeMethod { id, type_name, is_own: true });
            }
        }
        self.tell(None);
        self.made.len() > known
    }
}

/// Returns true if a method has a name as probes give them.
pub(super) fn is_marked(method: &Method) -> bool {
    method.name.as_deref().is_some_and(is_given)
}
