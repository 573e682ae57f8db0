//! The flag that takes a part of an input's users.

use clap::Args;

use super::{
    Command,
    setting::{Given, Value},
};
use crate::model::Shard;

/// The flag of commands that may take a part of their input's users.
#[derive(Debug, Args)]
pub struct Sharding {
    /// Process only the users of shard I of N (1/N to N/N), chosen by a hash of the user id; for
    /// several operators or hosts on one tenant
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Given<Shard>>,
}

impl Sharding {
    /// Returns the shard; the whole, if none is given.
    pub fn of(&self) -> Shard {
        self.shard.as_ref().map(|given| given.value).unwrap_or_default()
    }
}

impl Command {
    /// Returns the part of its input that it takes, where that is not all of it.
    pub fn shard(&self) -> Option<Shard> {
        let sharding = match self {
            Self::Import(it) => &it.sharding,
            Self::Resolve(it) => &it.sharding,
            Self::Verify(it) => &it.sharding,
            _ => return None,
        };
        Some(sharding.of()).filter(|shard| !shard.is_whole())
    }
}

impl Value for Shard {
    const EXPECTED: &'static str = "a shard from `1/N` to `N/N`, such as `2/4`, with N up to 1000";

    fn read(text: &str) -> Option<Self> {
        Self::parse(text.trim())
    }
}
