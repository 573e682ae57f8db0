//! A proof in progress: the candidates that the codes so far have left.

use std::fmt;

use data_encoding::BASE32_NOPAD;

use super::code::{App, AppCode, Profile};
use crate::{
    model::{Credential, ProofVerdict, Record, SecretEncoding},
    plan::{Standing, readings},
};

/// Steps either side of the present one that are tried.
const EITHER_SIDE: i64 = 2;
/// Steps that a clock may be wrong: a tenant accepts these codes, too.
const FORGIVEN: i64 = 1;
/// Most steps that a code may be later than expected: an hour of the shortest ones.
const MAX_LATE: u64 = 120;
/// Most codes that may match nothing: one is easily mistyped, before a match and after it.
const MAX_MISSES: u8 = 2;

/// Code to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeRequest {
    /// The code that the app shows now.
    Now,
    /// The code after the given one.
    Next,
    /// Another code: the given one matches nothing.
    Another,
    /// Another code: the given one does not follow the one that matched.
    Again,
}

/// Consequence of a code.
#[derive(Debug)]
pub enum AfterCode {
    /// One more code is needed.
    Ask(CodeRequest),
    /// It is proved or disproved.
    Said(Proof),
}

/// Reason why a tenant could not check the codes of an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It makes codes of another kind.
    Kind,
    /// The codes are the usual ones, but the row declares others, and is refused for it.
    Declared,
    /// The key is too short.
    TooShort,
}

/// Result of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// The outcome itself.
    pub verdict: ProofVerdict,
    /// Encoding with which the secret yields the codes.
    pub encoding: Option<SecretEncoding>,
    /// Relation of that reading to what an import does.
    pub standing: Option<Standing>,
    /// Codes that the app makes.
    pub profile: Option<Profile>,
    /// Reason why the tenant could not check the codes, if so.
    pub why: Option<Why>,
    /// Seconds by which the app's clock is ahead of this machine's.
    pub off_seconds: Option<i64>,
    /// Index of the reading in [`readings`].
    pub reading: Option<usize>,
    /// True if the row has a secret that can be read at all.
    pub had_secret: bool,
}

/// A way in which the codes may be computed.
struct Candidate {
    reading: usize,
    encoding: SecretEncoding,
    standing: Standing,
    app: App,
}

/// A candidate that shows the last code in that step.
#[derive(Debug, Clone, Copy)]
struct Match {
    candidate: usize,
    step: u64,
    /// Steps by which the app's clock is ahead.
    off: i64,
    /// Time when the code was given.
    at: u64,
}

/// A proof that is going on.
pub struct Trial {
    candidates: Vec<Candidate>,
    /// True if an import refuses the row whatever its secret is.
    is_refused: bool,
    /// Matches of all codes so far.
    matches: Vec<Match>,
    /// Codes that matched nothing; since the first match, codes that did not follow it.
    n_misses: u8,
}

impl Trial {
    /// Begins with a TOTP row, for an import with that `--secret-encoding`.
    pub fn new(record: &Record, secrets: Option<SecretEncoding>) -> Self {
        let readings = readings(record, secrets);
        let mut candidates = Vec::new();
        for (index, reading) in readings.all.iter().enumerate() {
            candidates.extend(Profile::all().map(|profile| Candidate {
                reading: index,
                encoding: reading.encoding,
                standing: reading.standing,
                app: App::new(&reading.key, profile),
            }));
        }
        let is_refused = readings.is_other_profile;
        Self { candidates, is_refused, matches: Vec::new(), n_misses: 0 }
    }

    /// Makes it the trial of a row that its reader has refused.
    #[must_use]
    pub fn of_refused_row(self) -> Self {
        Self { is_refused: true, ..self }
    }

    /// Returns the first question; `None` if no code can prove anything, because there is no
    /// secret.
    pub fn first(&self) -> Option<CodeRequest> {
        (!self.candidates.is_empty()).then_some(CodeRequest::Now)
    }

    /// Takes a code that was given at `now`, in seconds since 1970; `None` for text that is not a
    /// code.
    pub fn answer(&mut self, code: Option<&AppCode>, now: u64) -> AfterCode {
        let fresh = code.map(|code| self.fresh(code, now)).unwrap_or_default();
        // First, because the next code of a clock that is behind or ahead may also be right by
        // itself.
        if let Some(first) = self.gone_on(code, now, 0) {
            return AfterCode::Said(self.proof(first));
        }
        if let Some(right) = fresh.iter().find(|found| self.verdict(found).0 == ProofVerdict::Right)
        {
            return AfterCode::Said(self.proof(right));
        }
        // A person who writes the codes down beforehand uses up one with each question, even for a
        // mistyped one.
        if let Some(first) = self.gone_on(code, now, self.n_misses.into()) {
            return AfterCode::Said(self.proof(first));
        }
        let is_first = self.matches.is_empty() && !fresh.is_empty();
        self.n_misses = if is_first { 0 } else { self.n_misses + 1 };
        if self.n_misses >= MAX_MISSES {
            return AfterCode::Said(Proof::no_match());
        }
        let is_miss = fresh.is_empty();
        self.matches.extend(fresh);
        AfterCode::Ask(match (is_miss, self.matches.is_empty()) {
            (false, _) => CodeRequest::Next,
            (true, true) => CodeRequest::Another,
            (true, false) => CodeRequest::Again,
        })
    }

    /// Returns every candidate that shows the code about now; those that an import would use come
    /// first.
    fn fresh(&self, code: &AppCode, now: u64) -> Vec<Match> {
        let mut found = Vec::new();
        for (candidate, Candidate { app, .. }) in self.candidates.iter().enumerate() {
            let present = app.profile().step(now);
            for off in [0, -1, 1, -EITHER_SIDE, EITHER_SIDE] {
                let step = present.checked_add_signed(off).filter(|step| app.shows(code, *step));
                found.extend(step.map(|step| Match { candidate, step, off, at: now }));
            }
        }
        found
    }

    /// Returns the first match whose candidate shows the code in a later step: later by as much as
    /// time has passed, and by `missed` steps more.
    fn gone_on(&self, code: Option<&AppCode>, now: u64, missed: u64) -> Option<&Match> {
        let code = code?;
        self.matches.iter().find(|found| {
            let app = self.candidates.get(found.candidate).map(|candidate| &candidate.app);
            app.is_some_and(|app| {
                let passed = app.profile().step(now).saturating_sub(app.profile().step(found.at));
                let most = 1 + passed.min(MAX_LATE) + missed;
                (1..=most).any(|later| app.shows(code, found.step + later))
            })
        })
    }

    /// Returns the factor's credential with the key of a proof, or else with an import's, or else
    /// with any.
    pub fn credential(&self, proof: &Proof) -> Option<Credential> {
        let reading = proof.reading.unwrap_or_default();
        let found = self.candidates.iter().find(|candidate| candidate.reading == reading)?;
        let secret = BASE32_NOPAD.encode(found.app.key()).into();
        Some(Credential::Totp { secret })
    }

    /// Returns what a match proves, and why a tenant could not check such codes.
    fn verdict(&self, found: &Match) -> (ProofVerdict, Option<Why>) {
        let Some(Candidate { standing, app, .. }) = self.candidates.get(found.candidate) else {
            return (ProofVerdict::NoMatch, None);
        };
        let other = |why| (ProofVerdict::OtherProfile, Some(why));
        match standing {
            _ if app.profile() != Profile::USUAL => other(Why::Kind),
            Standing::TooShort => other(Why::TooShort),
            Standing::WithFlag(_) | Standing::Fixed => (ProofVerdict::OtherEncoding, None),
            Standing::Taken if self.is_refused => other(Why::Declared),
            Standing::Taken if found.off.abs() <= FORGIVEN => (ProofVerdict::Right, None),
            Standing::Taken => (ProofVerdict::RightButClock, None),
        }
    }

    fn proof(&self, found: &Match) -> Proof {
        let (verdict, why) = self.verdict(found);
        let Some(candidate) = self.candidates.get(found.candidate) else {
            return Proof::no_match();
        };
        let profile = candidate.app.profile();
        Proof {
            verdict,
            encoding: Some(candidate.encoding),
            standing: Some(candidate.standing),
            profile: Some(profile),
            why,
            off_seconds: Some(profile.seconds(found.off)),
            reading: Some(candidate.reading),
            had_secret: true,
        }
    }
}

impl Proof {
    /// Returns the result if no reading of the secret yields the codes.
    pub const fn no_match() -> Self {
        Self { had_secret: true, ..Self::no_secret() }
    }

    /// Returns the result if there is no secret that could be read.
    pub const fn no_secret() -> Self {
        Self {
            verdict: ProofVerdict::NoMatch,
            encoding: None,
            standing: None,
            profile: None,
            why: None,
            off_seconds: None,
            reading: None,
            had_secret: false,
        }
    }
}

impl fmt::Debug for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trial").field("n_misses", &self.n_misses).finish_non_exhaustive()
    }
}
