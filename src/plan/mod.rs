//! A record to a factor, or to every fault it has. Pure: no I/O, no clock, no state.
//!
//! - Values are normalised, then checked; a [`Factor`] holds exactly what is sent, and planning it
//!   again gives the same.
//! - Damage is recognised in every cell, before the field's own rule looks at it.
//! - All faults of a row are collected, each with field and rule. A rule says what to do and never
//!   quotes a value or a piece of one: at most lengths, positions and classes of characters.

mod alphabet;
mod bytes;
mod catalogue;
mod change;
mod common;
mod curve;
mod damage;
mod draft;
mod email;
mod encrypted;
mod label;
mod otpauth;
mod passkey;
mod phone;
mod preview;
mod public_key;
mod readings;
mod secret;
mod text;
mod totp;
mod uuid;
mod warning;
mod webauthn;
mod whole;

pub use change::{Naming, PlannedChange, change, target};
pub use common::user_of;
use draft::Draft;
pub use preview::preview;
pub use readings::{Reading, Readings, Standing, readings};
pub use warning::Warning;
pub use whole::{Eye, Finding, Sight, Whole};

use crate::model::{Factor, FactorType, Planned, Record, SecretEncoding};

/// Outcome of planning a record.
#[derive(Debug)]
pub struct Plan {
    /// The factor, or why there is none.
    pub planned: Planned,
    /// Warnings about the factor; empty (and unallocated) nearly always.
    pub warnings: Vec<Warning>,
}

/// Normalises and checks one record, whose secret is written as `secrets` declares.
pub fn plan(record: impl Into<Box<Record>>, secrets: Option<SecretEncoding>) -> Plan {
    plan_all_but(record.into(), secrets, Draft::refuse_rest)
}

/// Does the same for a record that `export` wrote: fields that the API lists for a method but does
/// not accept (the model of a security key, say) are ignored.
pub fn plan_exported(record: impl Into<Box<Record>>, secrets: Option<SecretEncoding>) -> Plan {
    plan_all_but(record.into(), secrets, |_, _| ())
}

fn plan_all_but(
    record: Box<Record>,
    secrets: Option<SecretEncoding>,
    rest: impl Fn(&mut Draft, FactorType),
) -> Plan {
    let line = record.line;
    let secrets = record.encoding.or(secrets);
    let mut draft = Draft::new(record, secrets);

    let user = common::user(&mut draft);
    let factor_type = common::factor_type(&mut draft);
    let name = common::name(&mut draft);
    let credential = factor_type.and_then(|factor_type| {
        let credential = match factor_type {
            FactorType::Phone => phone::credential(&mut draft),
            FactorType::Email => email::credential(&mut draft),
            FactorType::Totp => totp::credential(&mut draft, secrets),
            FactorType::WebauthnRoaming => webauthn::credential(&mut draft),
            FactorType::Passkey => passkey::credential(&mut draft),
        };
        rest(&mut draft, factor_type);
        credential
    });

    let warnings = draft.take_warnings();
    let planned = match (user, credential) {
        (Some(user), Some(credential)) if draft.is_sound() => {
            Planned::Factor(Box::new(Factor { line, at: draft.take_at(), user, name, credential }))
        }
        (user, _) => Planned::Rejected(Box::new(draft.reject(user, factor_type))),
    };
    Plan { planned, warnings }
}

#[cfg(test)]
mod tests;
