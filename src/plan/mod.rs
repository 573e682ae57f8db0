//! A record to a factor, or to every fault it has. Pure: no I/O, no clock, no state.
//!
//! - Values are normalised, then checked; a [`Factor`] holds exactly what is sent, and planning it
//!   again gives the same.
//! - All faults of a row are collected, each with field and rule. A rule tells what to do and never
//!   holds a value or a piece of one: lengths, positions and classes of characters at most.

mod change;
mod common;
mod draft;
mod email;
mod otpauth;
mod passkey;
mod phone;
mod preview;
mod public_key;
mod totp;
mod webauthn;

use std::fmt;

pub use change::{Naming, change, target};
use draft::Draft;
pub use preview::preview;

use crate::model::{Factor, FactorType, Planned, Record};

/// What came of a record.
#[derive(Debug)]
pub struct Plan {
    /// The factor, or why there is none.
    pub planned: Planned,
    /// What is odd about the factor; empty (and unallocated) nearly always.
    pub warnings: Vec<Warning>,
}

/// Something odd that does not keep a factor from being sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// A TOTP secret shorter than RFC 4226 asks for.
    WeakSecret {
        /// Its length.
        bits: usize,
    },
    /// A TOTP secret longer than the hash uses; some apps do not take it.
    LongSecret {
        /// Its length.
        bits: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WeakSecret { bits } => write!(
                f,
                "`totp_secret` has only {bits} bits, and 128 are the least that is advised: \
                 enrol the user anew some time"
            ),
            Self::LongSecret { bits } => {
                write!(
                    f,
                    "`totp_secret` has {bits} bits, more than the 512 that HMAC-SHA-1 makes use of"
                )
            }
        }
    }
}

/// Normalises and checks one record.
pub fn plan(record: Record) -> Plan {
    plan_all_but(record, Draft::refuse_rest)
}

/// The same for a record that `export` wrote: what the API lists of a method and takes of no such
/// one (the model of a security key, say) is passed over.
pub fn plan_exported(record: Record) -> Plan {
    plan_all_but(record, |_, _| ())
}

fn plan_all_but(record: Record, rest: impl Fn(&mut Draft, FactorType)) -> Plan {
    let line = record.line;
    let mut draft = Draft::new(record);
    let mut warnings = Vec::new();

    let user = common::user(&mut draft);
    let factor_type = common::factor_type(&mut draft);
    let name = common::name(&mut draft);
    let credential = factor_type.and_then(|factor_type| {
        let credential = match factor_type {
            FactorType::Phone => phone::credential(&mut draft),
            FactorType::Email => email::credential(&mut draft),
            FactorType::Totp => totp::credential(&mut draft, &mut warnings),
            FactorType::WebauthnRoaming => webauthn::credential(&mut draft),
            FactorType::Passkey => passkey::credential(&mut draft),
        };
        rest(&mut draft, factor_type);
        credential
    });

    let planned = match (user, credential) {
        (Some(user), Some(credential)) if draft.is_sound() => {
            Planned::Factor(Box::new(Factor { line, user, name, credential }))
        }
        (user, _) => Planned::Rejected(Box::new(draft.reject(user, factor_type))),
    };
    Plan { planned, warnings }
}

#[cfg(test)]
mod tests;
