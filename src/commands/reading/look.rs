//! Reads the whole input of an import before anything is sent. This first pass finds out if all of
//! the input can be read, if anything about it is odd, what it needs from the tenant, and if it has
//! been proved that its secrets are decoded correctly.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::Opener;
use crate::{
    commands::advice::suggest::Suggestion,
    engine::scan::scan_readable,
    error::Error,
    input::{Digests, RowReader},
    jobs::create::{OnTheWay, log_findings},
    ledger::Reader,
    model::{Planned, SecretEncoding},
    plan::{Sight, Whole},
    preflight::{Census, Gatherer},
};

/// An input that is about to be read for sending, which is the last time it is read.
pub(in crate::commands) struct Opened {
    pub(in crate::commands) source: Box<dyn RowReader>,
    /// Needs of its rows.
    pub(in crate::commands) needs: Needs,
    /// The checks of the input as a whole, if no first pass has made them.
    pub(in crate::commands) on_the_way: Option<OnTheWay>,
    /// Digests of its files, filled in as they are read.
    pub(in crate::commands) digests: Digests,
}

/// Needs of an input's rows, where they are known.
#[derive(Debug)]
pub(in crate::commands) enum Needs {
    /// The input can be read only once.
    Piped,
    /// There was no first pass yet; it happens only if there is anything to send.
    Unseen(Box<Look>),
    /// The first pass has been made.
    Known(Box<Looked>),
}

/// Result of the first pass.
#[derive(Debug, Default)]
pub(in crate::commands) struct Looked {
    pub(in crate::commands) census: Census,
    /// Advice to prove a secret, if the user should.
    pub(in crate::commands) suggestion: Option<Suggestion>,
}

impl Needs {
    /// Returns the number of rows, if it is known.
    pub(in crate::commands) fn rows(&self) -> Option<u64> {
        match self {
            Self::Known(looked) => Some(looked.census.rows),
            Self::Piped | Self::Unseen(_) => None,
        }
    }

    /// Advises the user to prove a secret, if the first pass has shown that they should.
    pub(in crate::commands) fn advise(&self) {
        if let Self::Known(looked) = self {
            looked.suggestion.iter().for_each(Suggestion::give);
        }
    }
}

/// The first pass, before it is made.
#[derive(Debug)]
pub(in crate::commands) struct Look {
    input: Opener,
    secrets: Option<SecretEncoding>,
    suggestion: Suggestion,
    /// True once the findings about the input as a whole are logged.
    told: Arc<AtomicBool>,
}

impl Look {
    /// Prepares the first pass over an input whose secrets are encoded as declared in `secrets`.
    pub(in crate::commands) fn new(
        input: Opener,
        secrets: Option<SecretEncoding>,
        suggestion: Suggestion,
    ) -> Self {
        Self { input, secrets, suggestion, told: Arc::default() }
    }

    /// Opens the input for sending. An input that can be read twice gets its first pass now, unless
    /// an earlier run has begun with it: then there is mostly nothing left to send, and the pass
    /// would take longer than the run.
    pub(in crate::commands) fn open(mut self, ledger: Option<&Path>) -> Result<Opened, Error> {
        let digests = Digests::default();
        let source = self.input.open()?;
        let whole = Whole::default();
        if source.len().is_none() {
            let advice = self.suggestion.proved().is_none().then(|| self.suggestion.late());
            let on_the_way = Some(OnTheWay { whole, told: self.told, advice });
            return Ok(Opened { source, needs: Needs::Piped, on_the_way, digests });
        }
        // A fault of the ledger is reported when it is opened for writing.
        let reader = ledger.and_then(|path| Reader::open(path).ok());
        let is_begun = reader.is_some_and(|reader| reader.has_rows().unwrap_or(false));
        let looked = if is_begun { None } else { Some(self.take_at(source)?) };
        // Only the reading that is sent counts, not a first pass before or after it.
        self.input.noting(Some(digests.clone()));
        let source = self.input.open()?;
        self.input.noting(None);
        let (needs, on_the_way) = if let Some(looked) = looked {
            (Needs::Known(Box::new(looked)), None)
        } else {
            let told = Arc::clone(&self.told);
            let on_the_way = OnTheWay { whole, told, advice: None };
            (Needs::Unseen(Box::new(self)), Some(on_the_way))
        };
        Ok(Opened { source, needs, on_the_way, digests })
    }

    /// Reads the input to its end, and logs the findings about it as a whole. Fails if some of it
    /// cannot be read.
    pub(in crate::commands) fn take(&self) -> Result<Looked, Error> {
        self.take_at(self.input.open()?)
    }

    fn take_at(&self, source: Box<dyn RowReader>) -> Result<Looked, Error> {
        let Self { input, secrets, suggestion, told } = self;
        let secrets = *secrets;
        let mut whole = Whole::default();
        let lines = source.lines();
        let eye = whole.eye();
        // By rows, not by users: to count users takes all their rows, and only `preflight` has the
        // time for that.
        let (mut gatherer, mut marker) = Gatherer::of_rows();
        let mut proved = suggestion.proved();
        let look = move |planned| {
            let mark = marker.mark(&planned);
            let is_proved = match &planned {
                // One proved factor is enough.
                Planned::Factor(factor) => proved.take_if(|proved| proved.holds(factor)).is_some(),
                Planned::Rejected(_) => false,
            };
            let is_about = Suggestion::is_about(&planned);
            let sight = match planned {
                Planned::Factor(factor) => eye.look(&factor),
                Planned::Rejected(rejection) => Sight::Rejected(rejection),
            };
            (sight, mark, (is_about, is_proved))
        };
        let (mut counted, mut has_totp, mut has_proof) = (Ok(()), false, false);
        let ending =
            scan_readable(source, secrets, look, |(sight, mark, (is_about, is_proved))| {
                has_totp |= is_about;
                has_proof |= is_proved;
                whole.add(&sight);
                counted = std::mem::replace(&mut counted, Ok(())).and(gatherer.add(mark));
            })?;
        if !told.swap(true, Ordering::Relaxed) {
            log_findings(&whole.findings(ending, &lines));
        }
        let is_needed = has_totp && !has_proof && !is_proved_beyond(input, secrets, suggestion)?;
        let suggestion = is_needed.then(|| suggestion.clone());
        let failed = |source| Error::Io { what: "counting the rows of the input".into(), source };
        let (census, _) = counted.and_then(|()| gatherer.finish()).map_err(failed)?;
        Ok(Looked { census, suggestion })
    }
}

/// Returns true if the ledger's proofs concern users whom `--max-users` or `--shard` leaves out.
/// Proofs are about the whole input, no matter which of its users this run takes.
fn is_proved_beyond(
    input: &Opener,
    secrets: Option<SecretEncoding>,
    suggestion: &Suggestion,
) -> Result<bool, Error> {
    let proved = suggestion.proved().filter(|_| input.leaves_out());
    let Some(proved) = proved else { return Ok(false) };
    let mut is_proved = false;
    let note = move |planned| matches!(planned, Planned::Factor(factor) if proved.holds(&factor));
    scan_readable(input.open_whole()?, secrets, note, |holds| is_proved |= holds)?;
    Ok(is_proved)
}
