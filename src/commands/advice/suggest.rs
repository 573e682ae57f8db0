//! The advice of `import` to prove how secrets are read, if nobody has.

use std::path::PathBuf;

use crate::{
    cli::{FromSystem, Import, Reading},
    jobs::create::Advice,
    ledger::{ProvedRight, Reader},
    model::{Code, FactorType, Fault, Planned, Refusal, Rejection},
    text::{file_argument, shell_line},
};

/// The reason for it.
const NOT_PROVED: &str =
    "it has not been checked that the TOTP secrets are read as the users' apps read them";

/// Advice to prove one secret before a run.
#[derive(Debug, Clone)]
pub(in crate::commands) struct Suggestion {
    command: String,
    /// Ledger of the run, which may not exist yet.
    ledger: Option<PathBuf>,
}

impl Suggestion {
    /// Prepares the advice for an import into that ledger.
    pub(in crate::commands) fn of(import: &Import, ledger: Option<PathBuf>) -> Self {
        let mut words = vec!["mfaferry".to_owned(), "check".to_owned()];
        words.extend(import.bulk.reading.paths().iter().map(file_argument));
        words.extend(of_reading(&import.bulk.reading));
        words.extend(of_system(&import.system));
        if let Some(encoding) = import.secret_encoding {
            words.extend(flag("--secret-encoding", Some(encoding.name())));
        }
        words.extend(flag("--prove", Some("USER_ID")));
        // Named even if it does not exist yet: it will when the command can be run.
        words.extend(flag("--ledger", ledger.as_ref().map(file_argument)));
        Self { command: shell_line(&words), ledger }
    }

    /// Returns true for a row whose secret can be proved.
    pub(in crate::commands) fn is_about(planned: &Planned) -> bool {
        match planned {
            Planned::Factor(factor) => factor.factor_type() == FactorType::Totp,
            Planned::Rejected(row) => row.refusal == Refusal::Rejected && is_totp(row),
        }
    }

    /// Returns the factors that the ledger holds proofs of. They are of this input only if one of
    /// its rows is such a factor, as it is read now.
    pub(in crate::commands) fn proved(&self) -> Option<ProvedRight> {
        // A ledger that cannot be read is reported when it is opened for writing.
        Reader::open(self.ledger.as_deref()?).ok()?.proved_right().ok()?
    }

    /// Logs the advice.
    pub(in crate::commands) fn give(&self) {
        tracing::warn!(
            "{NOT_PROVED}; first prove the secret of a user whose app you can look at: {}",
            self.command
        );
    }

    /// Returns the advice for an input that can be read only once, so that it is not known yet
    /// whether it has a TOTP.
    pub(in crate::commands) fn late(&self) -> Advice {
        let text = format!(
            "{NOT_PROVED}: prove one secret, of a user whose app you can look at. INPUT cannot be read again: \
             give the same at a terminal to: {}",
            self.command
        );
        Advice { is_about: Self::is_about, text }
    }
}

/// Returns true if a refused row is a TOTP: its codes are time-based and made of digits.
pub(in crate::commands) fn is_totp(rejection: &Rejection) -> bool {
    let others = [Code::HotpUnsupported, Code::OtpauthKind, Code::FactorTypeUnsupported];
    let is_other = |fault: &Fault| others.iter().any(|code| fault.code == code.name());
    rejection.factor_type == Some(FactorType::Totp) && !rejection.faults.iter().any(is_other)
}

fn flag(name: &str, value: Option<impl Into<String>>) -> impl Iterator<Item = String> {
    value.map(|value| [name.to_owned(), value.into()]).into_iter().flatten()
}

fn of_reading(reading: &Reading) -> impl Iterator<Item = String> {
    let list = |list: &[String]| Some(list.join(",")).filter(|list| !list.is_empty());
    let format = reading.format.and_then(|format| clap::ValueEnum::to_possible_value(&format));
    flag("--format", format.map(|format| format.get_name().to_owned()))
        .chain(flag("--delimiter", reading.delimiter.clone()))
        .chain(flag("--ignore-columns", list(&reading.ignore_columns)))
        .chain(flag("--map", list(&reading.map)))
}

fn of_system(system: &FromSystem) -> impl Iterator<Item = String> {
    let users = system.users.as_ref().map(file_argument);
    flag("--from", system.from.clone())
        .chain(flag("--user-id", system.user_id.clone()))
        .chain(flag("--users", users))
}
