//! Everything that stops a run, what its reader can do about it, and the exit codes.

use std::process::ExitCode;

use crate::{identity::IdentityError, input::InputError};

/// Code of an import that did not begin, because its tenant is not ready.
pub const NOT_READY: &str = "preflight_stop";

/// An error that stops a run. Faults of single rows are data, not errors.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Flags or settings that do not fit together or do not parse.
    #[error("{message}")]
    Usage {
        /// Sentence that says what is wrong.
        message: String,
        /// Sentence that says what to do next.
        hint: String,
    },
    /// The input cannot be read as a whole.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A template or a map of people cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Configuration or credentials are missing or refused.
    #[error("{message}")]
    Config {
        /// Stable name of the error.
        code: &'static str,
        /// Sentence that says what is wrong.
        message: String,
        /// Sentence that says what to do next.
        hint: String,
    },
    /// An import did not begin, because its tenant is not ready for it.
    #[error("{message}")]
    NotReady {
        /// Sentence that says what is wrong.
        message: String,
        /// Sentence that says what to do next.
        hint: String,
        /// Codes of the findings, including those accepted before: with these, the import goes on.
        accept: String,
    },
    /// The token lacks a scope that is needed.
    #[error("the tenant refuses this token: the scope `{scope}` is missing")]
    MissingScope {
        /// The scope that is needed.
        scope: String,
    },
    /// The ledger cannot be used.
    #[error("ledger `{path}`: {message}")]
    Ledger {
        /// Path of the file.
        path: String,
        /// Sentence that says what is wrong.
        message: String,
        /// Sentence that says what to do next.
        hint: String,
    },
    /// The tenant could not be reached for longer than allowed.
    #[error(
        "the tenant has not given a usable answer for {}{}",
        crate::text::human(*.lasted),
        .cause.as_ref().map(|cause| format!("; last: {cause}")).unwrap_or_default()
    )]
    Outage {
        /// Length of the outage.
        lasted: std::time::Duration,
        /// Description of what went wrong last, if that is known.
        cause: Option<String>,
    },
    /// Reading, printing or the machine failed.
    #[error("{what}: {source}")]
    Io {
        /// Operation that failed.
        what: String,
        /// Error of the operating system.
        source: std::io::Error,
    },
    /// A bug of ours.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Error {
    /// Makes a usage error.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// Makes a configuration error.
    pub fn config(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::refused("configuration", message, hint)
    }

    /// Makes a configuration error with a code of its own, for programs.
    pub fn refused(
        code: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Config { code, message: message.into(), hint: hint.into() }
    }

    /// Returns whether the reader of the output has gone (`| head`), which is no fault.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// Returns the stable name of the error, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Usage { .. } => "usage",
            Self::Input(_) => "unreadable_input",
            Self::Identity(_) => "unusable_identity",
            Self::Config { code, .. } => code,
            Self::NotReady { .. } => NOT_READY,
            Self::MissingScope { .. } => "scope_missing",
            Self::Ledger { .. } => "ledger_unusable",
            Self::Outage { .. } => "outage",
            Self::Io { .. } => "io",
            Self::Internal(_) => "internal",
        }
    }

    /// Returns advice on what to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. }
            | Self::Config { hint, .. }
            | Self::NotReady { hint, .. }
            | Self::Ledger { hint, .. } => (!hint.is_empty()).then(|| hint.clone()),
            Self::Input(error) => Some(error.hint()).filter(|hint| !hint.is_empty()),
            Self::Identity(error) => Some(error.hint()),
            Self::MissingScope { scope } => Some(format!(
                "grant `{scope}` to the application under Applications > APIs > Auth0 Management \
                 API, then run the same command again"
            )),
            Self::Outage { .. } => {
                Some("run the same command again when the tenant is back".into())
            }
            Self::Internal(_) => Some(
                "please report this. Run the same command again: what a ledger has recorded is not done \
                 twice"
                    .into(),
            ),
            Self::Io { .. } => None,
        }
    }

    /// Returns the exit code for this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Identity(error) if error.is_of_the_machine() => Exit::Unexpected,
            Self::Usage { .. } | Self::Input(_) | Self::Identity(_) => Exit::Usage,
            Self::Config { .. } | Self::NotReady { .. } | Self::MissingScope { .. } => Exit::Config,
            Self::Ledger { .. } => Exit::Ledger,
            Self::Outage { .. } => Exit::Stopped,
            Self::Io { .. } | Self::Internal(_) => Exit::Unexpected,
        }
    }
}

/// The exit codes, as the README explains them to operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Exit {
    /// Everything settled well.
    Good = 0,
    /// Unexpected: a bug, or the machine failed.
    Unexpected = 1,
    /// Wrong flags, or an input that cannot be read as a whole.
    Usage = 2,
    /// Configuration, credentials or permission.
    Config = 3,
    /// Finished, and some rows are rejected, failed or need review, or a check found something.
    NeedsAttention = 4,
    /// Stopped before the end; running the same command again resumes.
    Stopped = 5,
    /// The ledger is unusable, in use, or belongs to another tenant.
    Ledger = 6,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
