//! Commands that talk to a tenant.

use super::{Command, TenantFlags};
use crate::model::Shard;

/// A command that talks to a tenant.
#[derive(Debug, Clone)]
pub struct Talking {
    /// Its name.
    pub name: &'static str,
    /// Tenant to talk to, as flags and environment give it.
    pub tenant: TenantFlags,
    /// True if nothing is changed or recorded.
    pub is_dry_run: bool,
    /// Part of its input that it takes; `None` for all of it.
    pub shard: Option<Shard>,
}

impl Command {
    /// Returns the command, if it talks to a tenant.
    pub fn talking(&self) -> Option<Talking> {
        let (name, tenant, is_dry_run) = match self {
            Self::Import(it) => ("import", &it.bulk.run.tenant, false),
            Self::Resolve(it) => ("resolve", &it.run.tenant, false),
            Self::Preflight(it) => ("preflight", &it.tenant, false),
            Self::Verify(it) => ("verify", &it.tenant, false),
            Self::Probe(it) => ("probe", &it.run.tenant, false),
            Self::Export(it) => ("export", &it.bulk.run.tenant, false),
            Self::Replace(it) => ("replace", &it.bulk.run.tenant, false),
            Self::Update(it) => ("update", &it.bulk.run.tenant, false),
            Self::Delete(it) => ("delete", &it.bulk.run.tenant, it.deleting.dry_run),
            Self::Undo(it) => ("undo", &it.run.tenant, it.deleting.dry_run),
            Self::Check(_)
            | Self::Explain(_)
            | Self::Sources { .. }
            | Self::Report(_)
            | Self::Select(_)
            | Self::Sandbox(_)
            | Self::Completions { .. }
            | Self::Man(_)
            | Self::Schema(_) => return None,
        };
        Some(Talking { name, tenant: tenant.clone(), is_dry_run, shard: self.shard() })
    }
}
