//! The one table of systems: what `--from` accepts, and what `mfaferry sources` says about each.

use super::{
    Rows, aspnet, auth0_export, auth0_secrets, auth0_users, authelia, authentik, clerk, cognito,
    django, firebase, fusionauth, keycloak, kratos, otpauth, privacyidea, supabase, zitadel,
};
use crate::{input::Form, model::Node};

/// A system whose exports can be read.
#[derive(Debug)]
pub struct System {
    /// Name for `--from`.
    pub name: &'static str,
    /// Name of the product, for people.
    pub title: &'static str,
    /// Forms that its exports have, the usual one first; the extension of a file picks one.
    pub forms: &'static [Form],
    /// True if the source may write a folder of files.
    pub has_folders: bool,
    /// True if users are named by their Auth0 ids, so that no template or map is needed.
    pub has_user_ids: bool,
    /// Note with the name of a document's realm, whose other notes may be in another file.
    pub realm: Option<&'static str>,
    /// Text for people.
    pub about: About,
    /// Returns whether an element looks like one of this system's.
    pub recognises: fn(&Node) -> bool,
    /// Reads an element (a person, or a row of a table) into rows.
    pub read: fn(&Node, &mut Rows<'_>),
}

/// Text about a system, as plain sentences.
#[derive(Debug)]
pub struct About {
    /// Ways to make the export: commands and queries, a line each.
    pub export: &'static [&'static str],
    /// Contents of the export that Auth0 accepts.
    pub carries: &'static [&'static str],
    /// Contents that cannot be imported, with the reason.
    pub leaves: &'static [&'static str],
    /// Traps, a sentence each.
    pub traps: &'static [&'static str],
    /// Flags that it needs, with the reason.
    pub flags: &'static [&'static str],
    /// Advice for an export without any factor.
    pub no_factors: &'static str,
}

/// All systems, in the order of the contract.
pub static SYSTEMS: &[&System] = &[
    &keycloak::SYSTEM,
    &supabase::SYSTEM,
    &kratos::SYSTEM,
    &clerk::SYSTEM,
    &firebase::SYSTEM,
    &cognito::SYSTEM,
    &fusionauth::SYSTEM,
    &authentik::SYSTEM,
    &authelia::SYSTEM,
    &zitadel::SYSTEM,
    &privacyidea::SYSTEM,
    &auth0_secrets::SYSTEM,
    &auth0_users::SYSTEM,
    &auth0_export::SYSTEM,
    &otpauth::SYSTEM,
    &aspnet::SYSTEM,
    &django::SYSTEM,
];

impl System {
    /// Returns the system with that name.
    pub fn of_name(name: &str) -> Option<&'static Self> {
        SYSTEMS.iter().copied().find(|system| system.name == name)
    }
}
