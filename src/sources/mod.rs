//! Other systems' exports, each read in its own format: a file for each system's dialect, which
//! knows where the factors are, how they are encoded, and what cannot be imported. Dialects are
//! pure: no I/O, no clock, no state between two elements.
//!
//! Encodings are fixed by the dialect and never guessed: a wrong guess is a valid secret that locks
//! its user out. The dialects' own files document formats, traps and the origin of each rule.

mod aspnet;
mod auth0_export;
mod auth0_secrets;
mod auth0_users;
mod authelia;
mod authentik;
mod clerk;
mod cognito;
mod columns;
mod django;
mod export;
mod firebase;
mod fusionauth;
mod keycloak;
mod kratos;
mod migration;
mod notes;
mod otpauth;
mod privacyidea;
mod recognise;
mod rows;
mod spki;
mod supabase;
mod system;
mod totp;
mod values;
mod webauthn;
mod written;
mod zitadel;

pub use export::{Export, ExportedRow};
pub use notes::Notes;
pub use recognise::system_of;
pub use rows::{FactorDraft, Rows};
pub use system::{About, SYSTEMS, System};

use crate::input::{Digests, SelectionCodes};

/// Flags that change how a dialect reads an element.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Relying party id of credentials for which the export names none: `--rp-id`.
    pub rp_id: Option<String>,
    /// Reads verified phones and addresses of profiles as factors, too: `--include-profile-phone`.
    pub includes_profile_phone: bool,
    /// Collector of the files' digests, if anybody wants them.
    pub digests: Option<Digests>,
    /// Collector of the codes of a selection of another export's elements.
    pub selection: SelectionCodes,
}

#[cfg(test)]
mod tests;
