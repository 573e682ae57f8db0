//! `check --prove`: asks for the codes that apps show, and reports what they prove about the
//! input's secrets.

mod answers;
mod kept;

use std::path::PathBuf;

use serde::Serialize;
use tokio::runtime::Builder;

use self::{
    answers::{AnswerLine, AnswerSource, Answers},
    kept::{Kept, Shelf, keeping},
};
use super::{now, print, reading::StdinUse, run::runtime::block_on};
use crate::{
    cli::Check,
    error::{Error, Exit},
    input::RowReader,
    ledger::{LedgerKind, Reader, record_proofs},
    model::{Factor, Field, Lines, ProofVerdict, SecretEncoding, UserId},
    proof::{AfterCode, AppCode, Proof, Trial},
    text::{escape, file_name},
};

/// Proofs that were asked for.
#[derive(Debug)]
pub(super) struct Proving {
    users: Vec<String>,
    secrets: Option<SecretEncoding>,
    /// Name of the system whose export INPUT is.
    system: Option<&'static str>,
    ledger: Option<PathBuf>,
    found: AnswerSource,
    shelf: Shelf,
    show: ProofDisplay,
}

/// Extent to which each proof is shown when it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProofDisplay {
    /// A sentence.
    All,
    /// A sentence if something is not right.
    Wrong,
    /// Nothing: programs get all proofs at the end.
    Nothing,
}

impl ProofDisplay {
    /// Returns what is shown, given the output format and `--quiet`.
    pub(super) fn of(is_json: bool, is_quiet: bool) -> Self {
        match (is_json, is_quiet) {
            (true, _) => Self::Nothing,
            (false, true) => Self::Wrong,
            (false, false) => Self::All,
        }
    }
}

/// A proof, as a program reads it.
#[derive(Debug, Serialize)]
pub(super) struct ShownProof {
    /// File of the row, where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    line: u64,
    /// Path of the row inside of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<Box<str>>,
    name: Option<String>,
    verdict: &'static str,
    flag: Option<String>,
    off_seconds: Option<i64>,
}

/// Proofs that were made, and what ended it.
#[derive(Debug, Default)]
struct MadeProofs {
    shown: Vec<ShownProof>,
    /// Factors that were proved, for the ledger.
    proved: Vec<(Factor, ProofVerdict)>,
    has_wrong: bool,
    is_stopped: bool,
}

impl Proving {
    /// Prepares the proofs that a command line asks for, if any. Obstacles to making or recording
    /// them are reported before INPUT is read.
    pub(super) fn of(check: &Check, show: ProofDisplay) -> Result<Option<Self>, Error> {
        if check.prove.is_empty() {
            return Ok(None);
        }
        if let Some(path) = &check.ledger {
            if path.symlink_metadata().is_err() {
                return Err(Error::Ledger {
                    path: escape(&file_name(path)),
                    message: "it is not there".into(),
                    hint: "give the ledger of an import, or leave --ledger out: then nothing is recorded".into(),
                });
            }
            let ledger = Reader::open(path)?;
            ledger.check_kind(LedgerKind::Factors)?;
            ledger.fault()?.map_or(Ok(()), Err)?;
        }
        Ok(Some(Self {
            users: check.prove.clone(),
            secrets: check.secret_encoding,
            system: check.system.system().map(|system| system.title),
            ledger: check.ledger.clone(),
            found: AnswerSource::find(StdinUse::of(&check.reading.inputs))?,
            shelf: Shelf::default(),
            show,
        }))
    }

    /// Returns a reader that keeps the rows to be proved.
    pub(super) fn keeping(&self, source: Box<dyn RowReader>) -> Box<dyn RowReader> {
        keeping(source, self.users.clone(), self.secrets, self.shelf.clone())
    }

    /// Asks for the codes of the kept rows, reports what they prove, and records that.
    pub(super) fn run(self, lines: Lines) -> Result<(Vec<ShownProof>, Exit), Error> {
        let kept = self.shelf.take();
        self.require_all(&kept)?;
        let Self { found, secrets, system, ledger, show, .. } = self;
        let asking = Asking { secrets, system, show, lines };
        let (made, ended) = block_on(Builder::new_current_thread(), async move {
            let mut made = MadeProofs::default();
            let ended = match found.begin() {
                Ok(mut answers) => asking.ask_all(kept, &mut answers, &mut made).await,
                Err(error) => Err(error),
            };
            Ok((made, ended))
        })?;
        // Proofs made before an error stay valid.
        if let Some(path) = ledger.filter(|_| !made.proved.is_empty()) {
            record_proofs(&path, &made.proved, now())?;
        }
        ended?;
        let exit = match (made.is_stopped, made.has_wrong) {
            (true, _) => Exit::Stopped,
            (false, true) => Exit::NeedsAttention,
            (false, false) => Exit::Good,
        };
        Ok((made.shown, exit))
    }

    /// Requires a row to prove for every user, before anybody is asked.
    fn require_all(&self, kept: &[Kept]) -> Result<(), Error> {
        let is_there = |user: &&String| {
            kept.iter().any(|kept| kept.text(Field::UserId) == Some(user.as_str()))
        };
        let Some(user) = self.users.iter().find(|user| !is_there(user)) else { return Ok(()) };
        let hint = if self.system.is_some() {
            "name a user who has an authenticator app in it, by the id that `--user-id` or `--users` gives \
             them; without these, as `SYSTEM|ID`"
        } else {
            "name a user who has a `totp` row in it, by the `user_id` there"
        };
        Err(Error::usage(format!("INPUT has no TOTP of the user `{}`", escape(user)), hint))
    }
}

/// Facts that all questions share.
#[derive(Debug)]
struct Asking {
    secrets: Option<SecretEncoding>,
    system: Option<&'static str>,
    show: ProofDisplay,
    lines: Lines,
}

impl Asking {
    /// Proves one row after the other.
    async fn ask_all(
        &self,
        rows: Vec<Kept>,
        answers: &mut Answers,
        made: &mut MadeProofs,
    ) -> Result<(), Error> {
        for row in rows {
            let trial = Trial::new(&row.record, self.secrets);
            let mut trial = if row.is_refused { trial.of_refused_row() } else { trial };
            let place = self.lines.describe(row.record.line, row.path().as_deref());
            let name = row.text(Field::Name);
            let proof = if row.is_encrypted {
                Some(Proof::no_secret())
            } else {
                ask_about(&mut trial, &place, name, answers).await?
            };
            let Some(proof) = proof else {
                made.is_stopped = true;
                return Ok(());
            };
            let (verdict, sentence) = (proof.verdict, proof.sentence(self.system));
            let is_shown = match self.show {
                ProofDisplay::All => true,
                ProofDisplay::Wrong => !verdict.is_right(),
                ProofDisplay::Nothing => false,
            };
            if is_shown {
                let name = name.map(|name| format!(", \"{}\"", escape(name))).unwrap_or_default();
                let verdict = verdict.name();
                print(|out| writeln!(out, "{verdict}: {place}{name}: {sentence}"))?;
            }
            made.has_wrong |= !verdict.is_right();
            let line = self.lines.place(row.record.line).line;
            let factor = factor(&row, &trial, &proof).map(|factor| Factor { line, ..factor });
            made.proved.extend(factor.map(|factor| (factor, verdict)));
            made.shown.push(self.shown(&row, &proof));
        }
        Ok(())
    }

    fn shown(&self, row: &Kept, proof: &Proof) -> ShownProof {
        let place = self.lines.place(row.record.line);
        ShownProof {
            file: place.file.map(|file| file.to_string()),
            line: place.line,
            at: row.path().map(Into::into),
            name: row.text(Field::Name).map(Into::into),
            verdict: proof.verdict.name(),
            flag: proof.flag(),
            off_seconds: proof.off_seconds,
        }
    }
}

/// Asks about one row until it is proved; `None` where a signal came first.
async fn ask_about(
    trial: &mut Trial,
    place: &str,
    name: Option<&str>,
    answers: &mut Answers,
) -> Result<Option<Proof>, Error> {
    let Some(mut wanted) = trial.first() else { return Ok(Some(Proof::no_secret())) };
    let mut remark = "";
    loop {
        let question = format!("{remark}{}", wanted.question(place, name));
        let typed = match answers.ask(&question).await? {
            AnswerLine::Given(typed) => typed,
            AnswerLine::Stopped => return Ok(None),
            AnswerLine::End => {
                return Err(Error::usage(
                    format!("{place}: a code is needed, and there is none left to read"),
                    "type the codes at a terminal, or write one a line to standard input: a second one, and \
                     at most two more, for what the first does not prove to be right",
                ));
            }
        };
        let code = AppCode::parse(&typed);
        if code.is_none() && answers.is_terminal() {
            remark = AppCode::NONE;
            continue;
        }
        remark = "";
        let seconds = u64::try_from(now().as_millis() / 1000).unwrap_or_default();
        match trial.answer(code.as_ref(), seconds) {
            AfterCode::Ask(next) => wanted = next,
            AfterCode::Said(proof) => return Ok(Some(proof)),
        }
    }
}

/// Returns the factor that was proved: with the secret as the app has it, or else as an import
/// reads it.
fn factor(row: &Kept, trial: &Trial, proof: &Proof) -> Option<Factor> {
    let user = UserId::parse(row.text(Field::UserId)?)?;
    let credential = trial.credential(proof).filter(|_| proof.had_secret)?;
    Some(Factor { line: row.record.line, at: None, user, name: None, credential })
}
