//! The plain types that represent a row on its way through the program. No I/O, and of the
//! provider's words only those for its settings (`setup`).

#[macro_use]
mod coded;

mod account;
mod change;
mod code;
mod export_line;
mod factor;
mod facts;
mod fingerprint;
mod lines;
mod method;
mod node;
mod outcome;
mod person;
mod planned;
mod proof;
mod reason;
mod reasons;
mod record;
mod run_note;
mod setup;
mod shard;
mod spread;
mod state;
mod tenant_facts;
mod time;
mod timeline;

pub use account::Account;
pub use change::{Change, Set, Target};
pub use code::Code;
pub use export_line::export_line;
pub use factor::{
    Channel, Contact, Credential, Factor, FactorType, PasskeyDetails, PublicKeyCredential, UserId,
};
pub use facts::{Asked, Facts, Sampled};
pub use fingerprint::{Fingerprint, NameTag};
pub use lines::{Lines, Place};
pub use method::{Method, Raw};
pub use node::{Node, from_json};
pub use outcome::{Audit, Completion, Finding, History, How, Settlement};
pub use person::Person;
pub use planned::{CodeCounts, Fault, Planned, Refusal, Rejection};
pub use proof::ProofVerdict;
pub use reason::Reason;
pub use reasons::{ReasonGroup, Reasons, Spot};
pub use record::{Cell, Field, Record, SecretEncoding};
pub use run_note::{FileRead, RunAbout, RunSums};
pub use setup::{CustomDomain, FactorSwitches, Grant, MessageTypes};
pub use shard::Shard;
pub use spread::Spread;
pub use state::{Operation, State};
pub use tenant_facts::{
    CapRefusal, ComparedValue, Conflict, FactsError, LongName, PROBE_SCHEMA, PageSizeAbove,
    PasskeyField, ProbedTenant, ResetRounding, RetryAfter, SecretForm, TenantFacts,
};
pub use time::{ClockSkew, LocalTime, Millis, TenantTime};
pub use timeline::{PaceSample, Timeline};
