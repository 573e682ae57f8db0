//! The plain types a row is made of on its way through the program. No I/O, no provider words.

mod factor;
mod planned;
mod record;
mod state;

pub use factor::{
    Channel, Contact, Credential, Factor, FactorType, PasskeyDetails, PublicKeyCredential, UserId,
};
pub use planned::{Fault, Planned, Rejection};
pub use record::{Cell, Field, Record};
pub use state::{Operation, State};
