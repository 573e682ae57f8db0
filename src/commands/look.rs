//! The look of an import at the whole of its input before anything is sent: can all of it be read, is
//! anything odd about it, what does it need of the tenant, and is it proved how its secrets are read?

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{prove::Suggestion, reading::Opener};
use crate::{
    engine::scan::scan_readable,
    error::Error,
    input::{Digests, RowReader},
    jobs::create::{OnTheWay, tell},
    ledger::Reader,
    model::{Planned, SecretEncoding},
    plan::{Sight, Whole},
    preflight::{Census, Gatherer},
};

/// An input that is about to be read for the last time.
pub(super) struct Opened {
    pub(super) source: Box<dyn RowReader>,
    /// Needs of its rows.
    pub(super) needs: Needs,
    /// Look at it on the way, where none has been taken before.
    pub(super) on_the_way: Option<OnTheWay>,
    /// Digests of what is read of it.
    pub(super) digests: Digests,
}

/// Needs of an input's rows, as far as they are known.
#[derive(Debug)]
pub(super) enum Needs {
    /// It can be read only once.
    Piped,
    /// The look is still to be taken, if there is anything to send.
    Unseen(Box<Look>),
    /// It was taken.
    Known(Box<Looked>),
}

/// Result of the look.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) census: Census,
    /// Advice to prove a secret, where that is due.
    pub(super) suggestion: Option<Suggestion>,
}

impl Needs {
    /// Returns the number of rows, where it is known.
    pub(super) fn rows(&self) -> Option<u64> {
        match self {
            Self::Known(looked) => Some(looked.census.rows),
            Self::Piped | Self::Unseen(_) => None,
        }
    }

    /// Advises to prove a secret, where that is known to be due.
    pub(super) fn advise(&self) {
        if let Self::Known(looked) = self {
            looked.suggestion.iter().for_each(Suggestion::give);
        }
    }
}

/// The look, before it is taken.
#[derive(Debug)]
pub(super) struct Look {
    input: Opener,
    secrets: Option<SecretEncoding>,
    suggestion: Suggestion,
    /// True once what is odd about the input as a whole is told.
    told: Arc<AtomicBool>,
}

impl Look {
    /// Prepares the look at an input whose secrets are written as declared.
    pub(super) fn new(
        input: Opener,
        secrets: Option<SecretEncoding>,
        suggestion: Suggestion,
    ) -> Self {
        Self { input, secrets, suggestion, told: Arc::default() }
    }

    /// Opens the input. One that can be read again is looked at first, but for one that an earlier run has
    /// begun: most often nothing of it is left to send, and the look would take longer than the run.
    pub(super) fn open(mut self, ledger: Option<&Path>) -> Result<Opened, Error> {
        let digests = Digests::default();
        let source = self.input.open()?;
        let whole = Whole::default();
        if source.len().is_none() {
            let advice = self.suggestion.proved().is_none().then(|| self.suggestion.late());
            let on_the_way = Some(OnTheWay { whole, told: self.told, advice });
            return Ok(Opened { source, needs: Needs::Piped, on_the_way, digests });
        }
        // What is wrong with the ledger is told by whoever opens it to write.
        let reader = ledger.and_then(|path| Reader::open(path).ok());
        let is_begun = reader.is_some_and(|reader| reader.has_rows().unwrap_or(false));
        let looked = if is_begun { None } else { Some(self.take_at(source)?) };
        // Of what is sent, not of what is only looked at, before or later.
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

    /// Reads the input to its end: what makes it unreadable is an error, what is odd about it as a whole is
    /// told.
    pub(super) fn take(&self) -> Result<Looked, Error> {
        self.take_at(self.input.open()?)
    }

    fn take_at(&self, source: Box<dyn RowReader>) -> Result<Looked, Error> {
        let Self { input, secrets, suggestion, told } = self;
        let secrets = *secrets;
        let mut whole = Whole::default();
        let lines = source.lines();
        let eye = whole.eye();
        // Users would have to be told apart by all their rows: only `preflight` takes the time.
        let (mut gatherer, mut marker) = Gatherer::of_rows();
        let mut proved = suggestion.proved();
        let look = move |planned| {
            let mark = marker.mark(&planned);
            let is_proved = match &planned {
                // One is enough.
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
            tell(&whole.findings(ending, &lines));
        }
        let is_needed = has_totp && !has_proof && !is_proved_beyond(input, secrets, suggestion)?;
        let suggestion = is_needed.then(|| suggestion.clone());
        let failed = |source| Error::Io { what: "counting the rows of the input".into(), source };
        let (census, _) = counted.and_then(|()| gatherer.finish()).map_err(failed)?;
        Ok(Looked { census, suggestion })
    }
}

/// Returns true if the ledger's proofs are of users whom `--max-users` or `--shard` leaves out: they are
/// asked about the input, whoever comes first.
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
