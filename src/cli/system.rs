//! Flags about an input that is another system's export.

use std::path::PathBuf;

use clap::{Args, builder::PossibleValuesParser};

use crate::sources::{SYSTEMS, System};

/// Heading of these flags.
const SYSTEM: &str = "Another system's export";

/// Flags that say which system wrote an input, and whose its people are.
#[derive(Debug, Default, Args)]
pub struct FromSystem {
    /// Read INPUT as an export of the system NAME; `mfaferry sources` lists them
    #[arg(long, value_name = "NAME", hide_possible_values = true, value_parser = names(), help_heading = SYSTEM)]
    pub from: Option<String>,
    /// Build each person's user id from their {id}, {email} or {username} in the export, as in
    /// 'auth0|{id}'
    #[arg(long, value_name = "TEMPLATE", requires = "from", conflicts_with = "users", help_heading = SYSTEM)]
    pub user_id: Option<String>,
    /// Look up each person's user id in MAP: a CSV with `user_id` and one or more of id, email and
    /// username, or the file of an Auth0 user export job
    #[arg(long, value_name = "MAP", requires = "from", help_heading = SYSTEM)]
    pub users: Option<PathBuf>,
    /// Relying party id of security keys and passkeys for which the export names none
    #[arg(long, value_name = "HOST", requires = "from", help_heading = SYSTEM)]
    pub rp_id: Option<String>,
    /// Take verified phone numbers from profiles as factors, too, though the source does not use
    /// them as second factors
    #[arg(long, requires = "from", help_heading = SYSTEM)]
    pub include_profile_phone: bool,
}

impl FromSystem {
    /// Returns the system that is named. The parser knows the names.
    pub fn system(&self) -> Option<&'static System> {
        self.from.as_deref().and_then(System::of_name)
    }
}

pub(super) fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(SYSTEMS.iter().map(|system| system.name))
}
