//! Deletes what a probe has created, and nothing else.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    asker::{Asker, Unanswered},
    samples::MARKER,
};
use crate::{
    api::{RawApi, RawRequest, RawVerb},
    model::Method,
    text::human,
};

/// A method of the probe's own.
#[derive(Debug, Clone)]
pub(super) struct Made {
    /// `None` for one that may be there: no answer to its POST has come.
    pub(super) id: Option<String>,
    pub(super) type_name: String,
}

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
        self.made.retain(|made| made.id.as_deref() != Some(id));
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
                tracing::warn!("a POST got no answer: in {left} is looked what became of it");
            }
            self.pause(left).await?;
        }
        let listed = self.list().await?;
        self.adopt(listed);
        // Each is among those now, or has never come.
        self.lost.clear();
        self.clear().await
    }

    /// Takes in those of the listed methods that this probe has made.
    fn adopt(&mut self, listed: Vec<Method>) {
        for method in listed {
            let is_new = self.before.iter().all(|before| before.id != method.id);
            let name = method.name.unwrap_or_default();
            let is_named = name.starts_with(MARKER)
                && self.names.iter().any(|own| own == &name || own.starts_with(&name));
            let is_known = self.made.iter().any(|made| made.id.as_deref() == Some(&method.id));
            if is_new && is_named && !is_known {
                self.made.push(Made { id: Some(method.id), type_name: method.type_name });
            }
        }
    }

    /// Cleans up, whatever has become of the probe, and returns what may still be there.
    pub(super) async fn finish(&mut self) -> Vec<Made> {
        // Also when it is stopping.
        self.gateway.stop = CancellationToken::new();
        // What fails leaves it in what is returned.
        drop(self.settle().await);
        let lost = self.lost.drain(..).map(|lost| Made { id: None, type_name: lost.type_name });
        self.made.drain(..).chain(lost).collect()
    }

    /// Adopts what an earlier probe has left behind; returns how many there are.
    pub(super) fn adopt_older(&mut self, listed: Vec<Method>) -> usize {
        let left = listed.into_iter().filter(is_marked);
        let left = left.map(|method| Made { id: Some(method.id), type_name: method.type_name });
        self.made.extend(left);
        self.made.len()
    }
}

/// Returns true if a method has the name of one that some probe has created.
pub(super) fn is_marked(method: &Method) -> bool {
    method.name.as_deref().is_some_and(|name| name.starts_with(MARKER))
}
