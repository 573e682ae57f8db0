//! Other systems' exports, each read as it comes: a file of its own for each system's dialect, which knows
//! where the factors are, how they are encoded, and what cannot be carried. Dialects are pure: no I/O, no
//! clock, no state between two elements.
//!
//! Encodings are fixed by the dialect and never guessed: a wrong guess is a valid secret that locks its
//! user out. Formats, traps and where each rule comes from: the dialects' own files.

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

pub use export::{Export, Found};
pub use notes::Notes;
pub use recognise::system_of;
pub use rows::{FactorDraft, Rows};
pub use system::{About, SYSTEMS, System};

use crate::input::{Digests, SelectionCodes};

/// Flags that change what a dialect makes of an element.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Relying party id of credentials whose export does not hold one: `--rp-id`.
    pub rp_id: Option<String>,
    /// Takes verified phones and addresses of profiles for factors, too: `--include-profile-phone`.
    pub includes_profile_phone: bool,
    /// Takes the digests of files, where somebody wants them.
    pub digests: Option<Digests>,
    /// Takes the codes of a selection of another export's elements.
    pub selection: SelectionCodes,
}

#[cfg(test)]
mod tests;
