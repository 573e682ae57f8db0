//! Reasons why a ledger cannot be used, for people.

use std::path::Path;

use super::seq::Seq;
use crate::{error::Error, text::file_name};

/// Reason why a ledger cannot be used; becomes an [`Error`] where its path is known.
#[derive(Debug, Clone)]
pub struct LedgerFault {
    message: String,
    hint: String,
}

impl LedgerFault {
    /// Makes a fault from what is wrong and what to do.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    pub(super) fn cannot(what: &str, error: &std::io::Error) -> Self {
        let hint = if error.kind() == std::io::ErrorKind::NotFound {
            "check the path, and that its folder exists; an import without --ledger keeps its ledger \
             beside INPUT, as INPUT.ledger"
        } else {
            "check the folder, its permissions and its space; only a first run may have its \
             --ledger elsewhere"
        };
        Self::new(format!("cannot {what}: {error}"), hint)
    }

    /// It belongs to `tenant`; nothing was ever sent with it if `is_unused`.
    pub(super) fn of_other_tenant(tenant: &str, is_unused: bool) -> Self {
        let hint = if is_unused {
            "if that was a slip, remove the ledger with its `-seal`, `-wal` and `-shm`, and run the \
             same command again: nothing was ever sent with it. Otherwise check --tenant, --domain \
             and --base-url"
        } else {
            "check --tenant, --domain and --base-url: if this is the same tenant under another of its \
             names, use the name that the ledger has, since a second ledger would send every \
             factor again. Only another tenant takes a --ledger of its own"
        };
        Self::new(format!("it belongs to another tenant ({})", crate::text::escape(tenant)), hint)
    }

    pub(super) fn in_use() -> Self {
        Self::new(
            "it is in use by another mfaferry",
            "wait for that run to end, then run this command again: a second ledger would not know \
             what that run has sent, and factors could be doubled",
        )
    }

    /// The file does not begin like a SQLite file.
    pub(super) fn no_ledger() -> Self {
        Self::new(
            "it is not a ledger, or its beginning is lost",
            "give the ledger that the import wrote (INPUT.ledger, unless --ledger named another), or \
             restore it, and the files beside it, from a copy made since the last run; a lost ledger \
             cannot protect against doubled factors, so it is never simply replaced. If there is \
             no copy, begin a new --ledger with `--skip-existing`, which asks what is there",
        )
    }

    pub(super) fn damaged(message: impl Into<String>) -> Self {
        let message = message.into();
        Self::new(
            format!("it is damaged: {message}"),
            "restore it, and the files beside it, from a copy made since the last run; a damaged \
             ledger cannot protect against doubled factors, so nothing is sent. If there is no \
             copy, begin a new --ledger with `--skip-existing`, which asks what is there",
        )
    }

    pub(super) fn gone_row(seq: Seq) -> Self {
        Self::damaged(format!("row {} has gone", seq.0))
    }

    pub(super) fn lost() -> Self {
        Self::damaged(
            "less is in it than was written; a part of it, or of the `-wal` file beside it, is lost",
        )
    }

    /// Another program wrote to the ledger's files during a run.
    pub(super) fn overwritten() -> Self {
        Self::damaged(
            "it, or the `-wal` or `-seal` file beside it, was cut short or overwritten by another \
             program during the run",
        )
    }

    /// The ledger and its seal belong to different ledgers, or are from different times.
    pub(super) fn apart(message: &str) -> Self {
        Self::new(
            message,
            "put back the ledger and all files beside it as the last run left them: they belong \
             together, and without them factors could be doubled, so nothing is sent. If they are \
             lost, begin a new --ledger with `--skip-existing`, which asks what is there",
        )
    }

    /// A file beside the ledger exists, but the ledger itself does not.
    pub(super) fn gone(side: &str) -> Self {
        Self::new(
            format!("it is missing, but a `{side}` file of it is there"),
            "put the ledger back beside it; only if you know that nothing is in it, delete the \
             side files",
        )
    }

    pub(super) fn full() -> Self {
        Self::new(
            "it holds as many factors as it can",
            "put the rows that are not in it into an input of their own, with a --ledger of its own",
        )
    }

    pub(super) fn bug(message: &str) -> Self {
        Self::new(format!("internal error: {message}"), "please report this")
    }

    pub(super) fn at(self, path: &Path) -> Error {
        let path = crate::text::escape(&file_name(path));
        Error::Ledger { path, message: self.message, hint: self.hint }
    }
}

impl From<rusqlite::Error> for LedgerFault {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::no_ledger(),
            Some(ErrorCode::DatabaseCorrupt) => Self::damaged("SQLite cannot read it"),
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::in_use(),
            Some(ErrorCode::DiskFull) => Self::new(
                "the disk is full",
                "make room, then run the same command again: it resumes where it stopped",
            ),
            Some(ErrorCode::ReadOnly) => Self::new(
                "it cannot be written",
                "make it writable, then run the same command again: a second ledger would not \
                     know what this one has",
            ),
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => Self::new(
                "reading or writing it failed",
                "check the disk, then run the same command again",
            ),
            // By `sqlite::distrust`.
            Some(ErrorCode::OperationInterrupted) => {
                Self::damaged("to read it takes far longer than its size explains")
            }
            // The types do not fit, although only this program writes rows.
            _ => Self::damaged("it holds what it should not"),
        }
    }
}
