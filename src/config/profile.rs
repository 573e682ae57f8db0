//! The table of the settings file that `--tenant` names, and the settings that contradict it: a
//! variable left over from another tenant's work would write its people into the wrong tenant.

use super::table::SettingsFile;
use crate::{
    auth0::BaseUrl,
    cli::{CommandLine, Given, Origin, TenantFlags, settings, variable},
    error::Error,
    text::{escape, nearest},
};

/// `--tenant`, as flag or environment gives it.
pub(super) type Choice<'a> = &'a Given<String>;

/// Settings that decide which tenant it is and who asks. If the environment contradicts the table
/// in one of them, nothing is sent.
const IDENTITY: [&str; 8] = [
    "domain",
    "base-url",
    "audience",
    "client-id",
    "client-secret-file",
    "client-key-file",
    "token-file",
    "sandbox",
];

/// The chosen table.
#[derive(Debug)]
pub(super) struct Profile {
    pub(super) name: String,
    /// The flag or variable that names it.
    pub(super) from: String,
    pub(super) tenant: TenantFlags,
    /// All its settings as they are written.
    texts: Vec<(String, String)>,
}

impl Profile {
    /// Returns the chosen table, if it was found in the file.
    pub(super) fn of(
        choice: Choice<'_>,
        found: Option<(TenantFlags, Vec<(String, String)>)>,
        names: &[String],
        file: &str,
    ) -> Result<Self, Error> {
        let (name, from) = (choice.value.clone(), choice.from.clone());
        if let Some((tenant, texts)) = found {
            return Ok(Self { name, from, tenant, texts });
        }
        if name.is_empty() {
            return Err(Error::config(format!("{from} is empty"), listed(names)));
        }
        let near = nearest(&name, names.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("did you mean `{near}`? {}", listed(names)),
            None => listed(names),
        };
        let name = escape(&name);
        Err(Error::config(format!("`{file}` has no table `[tenant.{name}]` ({from})"), hint))
    }

    /// Returns its name, for people.
    pub(super) fn place(&self) -> String {
        format!("[tenant.{}]", self.name)
    }
}

/// Lists the existing tables, in words.
pub(super) fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "it has no `[tenant.NAME]`: write one, with the settings of that tenant below it"
            .into();
    }
    format!("the tenants in it are: {}", names.join(", "))
}

/// Returns the error for a table chosen without a named file.
pub(super) fn without_file(choice: Choice<'_>) -> Error {
    let name = "name the file that has it with --config FILE";
    let hint = match choice.origin {
        Origin::Environment => format!("{name}, or unset {}", choice.from),
        _ => name.to_owned(),
    };
    Error::config(
        format!(
            "{} names the table `[tenant.{}]`, and there is no settings file",
            choice.from,
            escape(&choice.value)
        ),
        hint,
    )
}

/// Returns the tenant that one layer names; `None` for the sandbox, and if it names none.
fn place_of(tenant: &TenantFlags) -> Result<Option<BaseUrl>, Error> {
    match (&tenant.base_url, &tenant.domain) {
        (Some(url), _) => BaseUrl::parse(&url.value).map(Some),
        (None, Some(domain)) => BaseUrl::from_domain(&domain.value).map(Some),
        (None, None) => Ok(None),
    }
}

fn is_same(one: &BaseUrl, other: &BaseUrl) -> bool {
    one.as_str() == other.as_str()
}

/// Refuses a tenant from the environment (`None` for the sandbox) if the table names another.
pub(super) fn check_place(
    file: &SettingsFile,
    base: Option<&BaseUrl>,
    origin: Origin,
    from: &str,
) -> Result<(), Error> {
    let Some(profile) = file.profile.as_ref().filter(|_| origin == Origin::Environment) else {
        return Ok(());
    };
    let Some(own) = place_of(&profile.tenant)? else { return Ok(()) };
    if base.is_some_and(|base| is_same(base, &own)) {
        return Ok(());
    }
    Err(contradicts(from, profile, "names another tenant than"))
}

/// Refuses credentials of a table or of the file, `owner`, that names another tenant than the one
/// they would be sent to.
pub(super) fn check_owner(tenant: &TenantFlags, owner: &str, base: &BaseUrl) -> Result<(), Error> {
    match place_of(tenant)? {
        Some(own) if !is_same(&own, base) => Err(Error::config(
            format!("the credentials of `{owner}` would be sent to a tenant that it does not name"),
            "choose the table of the tenant that is meant, or write its credentials there",
        )),
        _ => Ok(()),
    }
}

/// Refuses a setting above the tables if it belongs to the tenant named there, which is not the
/// chosen table's. `own` is what to write in the table instead.
pub(super) fn check_top(
    file: &SettingsFile,
    key: &str,
    own: &str,
    base: &BaseUrl,
) -> Result<(), Error> {
    let Some(profile) = &file.profile else { return Ok(()) };
    match place_of(&file.tenant)? {
        Some(top) if !is_same(&top, base) => {
            let (name, place) = (&file.name, escape(&profile.place()));
            Err(Error::config(
                format!(
                    "`{key}` above the tables of `{name}` belongs to the tenant that is named there, and \
                     `{place}` names another"
                ),
                format!("write `{key} = \"{own}\"` below `{place}`"),
            ))
        }
        _ => Ok(()),
    }
}

/// Refuses an audience from the environment that is not the one of the table's tenant.
pub(super) fn check_audience(
    profile: &Profile,
    given: &Given<String>,
    base: &BaseUrl,
) -> Result<(), Error> {
    let own = match &profile.tenant.audience {
        Some(own) => own.value.clone(),
        None if place_of(&profile.tenant)?.is_some() => base.default_audience(),
        None => return Ok(()),
    };
    if own == given.value {
        return Ok(());
    }
    Err(contradicts(&given.from, profile, "names another audience than"))
}

/// Returns the error for an environment that contradicts the table.
pub(super) fn contradicts(from: &str, profile: &Profile, how: &str) -> Error {
    Error::config(
        format!("{from} {how} `{}`, which {} chooses", profile.place(), profile.from),
        format!("unset {from}, or choose the table of the tenant that is meant"),
    )
}

/// Warns of other settings that both the environment and the table have: the environment wins, but
/// may be meant for another tenant.
pub(super) fn warn_of_environment(file: &SettingsFile, typed: &CommandLine) -> Result<(), Error> {
    let Some(profile) = &file.profile else { return Ok(()) };
    let settings = settings();
    for (key, text) in profile.texts.iter().filter(|(key, _)| !IDENTITY.contains(&&**key)) {
        let name = settings.iter().find(|(known, _)| known == key).map(|(_, name)| name);
        let Some(name) = name.filter(|_| !typed.has(key) && typed.takes(key)) else { continue };
        if variable(name)?.is_some_and(|value| value.trim() != text.trim()) {
            let (key, place) = (key.replace('-', "_"), escape(&profile.place()));
            tracing::warn!("{name} is set and overrides `{key}` of `{place}`");
        }
    }
    Ok(())
}
