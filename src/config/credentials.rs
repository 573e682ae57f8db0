//! Choice of the credentials, where several are given.
//!
//! Credentials are a ready-made token, or a client id with its secret or its private key. The layer
//! nearest to the user that has a token, a secret or a key wins as a whole. A secret or a key is
//! paired with the id of its own layer, or with another layer's only if its own has none, and never
//! against an id that is nearer to the user.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::{
    Named,
    file::{read_private, read_secret, text_of},
    profile::{self, Profile},
    secret::clean,
    table::SettingsFile,
};
use crate::{
    assertion::{Algorithm, KeyFault, SigningKey, is_der},
    auth0::{BaseUrl, ClientProof, Credentials},
    cli::{
        CLIENT_ID, CLIENT_KEY_FILE, CLIENT_SECRET_FILE, Given, Origin, TOKEN_FILE, TenantFlags,
        variable,
    },
    error::Error,
    text::{escape, invalid_value, path_of},
};

const HINT: &str = "set AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET (or --client-secret-file, or \
                    --client-key-file for a private key), or AUTH0_API_TOKEN (or --token-file)";

/// A secret that has not been read yet.
struct UnreadSecret {
    from: String,
    place: SecretSource,
}

enum SecretSource {
    /// A file, and the name of the setting that names it.
    File(String, String),
    Variable(SecretString),
}

impl UnreadSecret {
    /// Finds the secret of one layer: in the file that the layer names, or in the variable that
    /// holds it.
    fn at(
        origin: Origin,
        file: Option<(String, String)>,
        key: &str,
        name: &'static str,
    ) -> Result<Option<Self>, Error> {
        if let Some((path, from)) = file {
            let called = match origin {
                Origin::File | Origin::Profile => format!("`{key}` in `{from}`"),
                _ => from.clone(),
            };
            return Ok(Some(Self { from, place: SecretSource::File(path, called) }));
        }
        if origin != Origin::Environment {
            return Ok(None);
        }
        let text = variable(name)?.map(SecretString::from);
        Ok(text.map(|text| Self { from: name.into(), place: SecretSource::Variable(text) }))
    }

    fn read(self) -> Result<SecretString, Error> {
        match self.place {
            SecretSource::File(path, called) => read_secret(&path_of(&path), &called),
            SecretSource::Variable(secret) => clean(secret.expose_secret(), &self.from),
        }
    }

    /// Reads a private key for that algorithm.
    fn read_key(self, algorithm: Algorithm) -> Result<Arc<SigningKey>, Error> {
        let is_variable = matches!(self.place, SecretSource::Variable(_));
        let (key, origin) = match self.place {
            SecretSource::File(path, called) => {
                let bytes = read_private(&path_of(&path), &called, "private key")?;
                let key = if is_der(&bytes) {
                    Err(KeyFault::Der)
                } else {
                    SigningKey::read(text_of(&bytes, &called)?, algorithm)
                };
                (key, format!("the file of {called}"))
            }
            SecretSource::Variable(secret) => {
                (SigningKey::read(secret.expose_secret(), algorithm), self.from)
            }
        };
        key.map(Arc::new).map_err(|fault| {
            let hint = match fault {
                KeyFault::NotPem if is_variable => {
                    "give the key itself, first and last line included; --client-key-file takes the \
                     name of its file"
                }
                fault => fault.hint(),
            };
            Error::config(format!("{origin} {fault}"), hint)
        })
    }
}

/// Proof of who a client is, not read yet.
enum Unread {
    Secret(UnreadSecret),
    Key(UnreadSecret),
}

impl Unread {
    fn from(&self) -> &str {
        let (Self::Secret(found) | Self::Key(found)) = self;
        &found.from
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Secret(_) => "secret",
            Self::Key(_) => "key",
        }
    }
}

/// The settings of credentials, layer by layer: a flag does not hide what the environment says,
/// which clap alone would not reveal.
struct Layers<'a> {
    given: &'a TenantFlags,
    file: &'a SettingsFile,
}

/// A client id and where it was set.
struct Id {
    text: String,
    from: String,
    origin: Origin,
}

impl Layers<'_> {
    /// The layers that can have credentials, nearest to the user first.
    const ALL: [Origin; 4] = [Origin::Flag, Origin::Environment, Origin::Profile, Origin::File];

    /// Returns the setting of one layer, and the name of its place.
    fn at(
        &self,
        origin: Origin,
        setting: impl Fn(&TenantFlags) -> &Option<Given<String>>,
        name: &str,
    ) -> Result<Option<(String, String)>, Error> {
        let given = match origin {
            Origin::Flag => setting(self.given),
            Origin::Profile => match &self.file.profile {
                Some(profile) => setting(&profile.tenant),
                None => return Ok(None),
            },
            Origin::File => setting(&self.file.tenant),
            Origin::Environment => return Ok(variable(name)?.map(|text| (text, name.to_owned()))),
            Origin::Default => return Ok(None),
        };
        let given = given.as_ref().filter(|given| given.origin == origin);
        Ok(given.map(|given| (given.value.clone(), self.file.place(given))))
    }

    fn id(&self, origin: Origin) -> Result<Option<Id>, Error> {
        let id = self.at(origin, |tenant| &tenant.client_id, CLIENT_ID)?;
        Ok(id.map(|(text, from)| Id { text: text.trim().to_owned(), from, origin }))
    }

    /// Returns the error for credentials of which something is missing, with the places that they
    /// may be in.
    fn without(&self, missing: &str) -> Error {
        let tables = &self.file.profiles;
        let hint = match self.file.profile.as_ref().map(Profile::place) {
            Some(table) => format!(
                "give `{table}` client_id and client_secret_file (or client_key_file, or token_file); or \
                 {HINT}"
            ),
            None if tables.is_empty() => HINT.to_owned(),
            None => format!(
                "choose a tenant of `{}` with --tenant NAME: {}; or {HINT}",
                self.file.name,
                tables.join(", ")
            ),
        };
        Error::refused("no_credentials", missing, hint)
    }

    fn nearest_id(&self) -> Result<Option<Id>, Error> {
        Self::ALL.into_iter().find_map(|origin| self.id(origin).transpose()).transpose()
    }

    fn token(&self, origin: Origin) -> Result<Option<UnreadSecret>, Error> {
        let file = self.at(origin, |tenant| &tenant.token_file, TOKEN_FILE)?;
        UnreadSecret::at(origin, file, "token-file", "AUTH0_API_TOKEN")
    }

    fn secret(&self, origin: Origin) -> Result<Option<UnreadSecret>, Error> {
        let file = self.at(origin, |tenant| &tenant.client_secret_file, CLIENT_SECRET_FILE)?;
        UnreadSecret::at(origin, file, "client-secret-file", "AUTH0_CLIENT_SECRET")
    }

    fn key(&self, origin: Origin) -> Result<Option<UnreadSecret>, Error> {
        let file = self.at(origin, |tenant| &tenant.client_key_file, CLIENT_KEY_FILE)?;
        UnreadSecret::at(origin, file, "client-key-file", "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY")
    }

    fn proof(&self, origin: Origin) -> Result<Option<Unread>, Error> {
        match (self.secret(origin)?, self.key(origin)?) {
            (Some(secret), Some(key)) => Err(Error::config(
                format!("{} gives a client secret, and {} a private key", secret.from, key.from),
                "a client has one or the other: unset the one that is not meant",
            )),
            (secret, key) => Ok(secret.map(Unread::Secret).or(key.map(Unread::Key))),
        }
    }

    /// Returns the algorithm that a private key signs with.
    fn algorithm(&self) -> Result<Algorithm, Error> {
        let given = self.file.nearest(self.given, |tenant| &tenant.client_signing_alg);
        let Some(given) = given else {
            return Ok(Algorithm::default());
        };
        // A variable that the table overrides is warned of with the other settings.
        let profile = self.file.profile.as_ref().filter(|profile| {
            let TenantFlags { client_key_file, client_signing_alg, .. } = &profile.tenant;
            client_key_file.is_some() && client_signing_alg.is_none()
        });
        let of_the_file = self.file.tenant.client_signing_alg.as_ref();
        let own = of_the_file.map_or(Algorithm::default().name(), |own| own.value.trim());
        if let Some(profile) = profile.filter(|_| given.origin == Origin::Environment)
            && given.value.trim() != own
        {
            let (from, place) = (&given.from, escape(&profile.place()));
            tracing::warn!("{from} is set and holds for the key of `{place}`");
        }
        Algorithm::from_name(given.value.trim()).ok_or_else(|| {
            let place = self.file.place(given);
            Error::config(
                invalid_value(&given.value, &place),
                format!("give {}", Algorithm::expected()),
            )
        })
    }

    /// Refuses credentials of a layer that a chosen table contradicts.
    fn check_profile(&self, origin: Origin, base: &BaseUrl) -> Result<(), Error> {
        let Some(profile) = &self.file.profile else { return Ok(()) };
        match origin {
            Origin::Profile => profile::check_owner(&profile.tenant, &profile.place(), base),
            Origin::File => profile::check_owner(&self.file.tenant, &self.file.name, base),
            Origin::Environment => self.check_environment(profile),
            Origin::Flag | Origin::Default => Ok(()),
        }
    }

    /// Refuses credentials of the environment if the table has different ones.
    fn check_environment(&self, profile: &Profile) -> Result<(), Error> {
        let (id, own_id) = (self.id(Origin::Environment)?, self.id(Origin::Profile)?);
        if let (Some(id), Some(own)) = (&id, &own_id)
            && id.text != own.text
        {
            return Err(profile::contradicts(&id.from, profile, "names another client than"));
        }
        let (token, proof) = (self.token(Origin::Environment)?, self.proof(Origin::Environment)?);
        let has_own =
            self.token(Origin::Profile)?.is_some() || self.proof(Origin::Profile)?.is_some();
        let from = match (&token, &proof) {
            (Some(token), _) if has_own || own_id.is_some() => &token.from,
            // With its id it is the same client, and the order of the layers holds.
            (_, Some(proof)) if has_own && (id.is_none() || own_id.is_none()) => proof.from(),
            _ => return Ok(()),
        };
        Err(profile::contradicts(from, profile, "would take the place of the credentials of"))
    }

    /// Returns the audience that a token is requested for.
    fn audience(&self, base: &BaseUrl) -> Result<String, Error> {
        let given = self.file.nearest(self.given, |tenant| &tenant.audience);
        let Some(given) = given else { return Ok(base.default_audience()) };
        if let Some(profile) =
            self.file.profile.as_ref().filter(|_| given.origin == Origin::Environment)
        {
            profile::check_audience(profile, given, base)?;
        }
        let own = base.default_audience();
        if given.origin == Origin::File && given.value != own {
            profile::check_top(self.file, "audience", &own, base)?;
        }
        Ok(given.value.clone())
    }
}

/// Returns the credentials to use at `base`, and a description of them for people.
pub(super) fn credentials(
    given: &TenantFlags,
    file: &SettingsFile,
    base: &BaseUrl,
) -> Result<(Credentials, Named), Error> {
    let layers = Layers { given, file };
    let nearest = layers.nearest_id()?;
    for origin in Layers::ALL {
        let found = (layers.token(origin)?, layers.proof(origin)?);
        if matches!(found, (None, None)) {
            continue;
        }
        layers.check_profile(origin, base)?;
        match found {
            // A named client is meant, even if the environment also has a token.
            (Some(_), Some(proof)) if nearest.as_ref().is_some_and(|id| id.origin < origin) => {
                return client(&layers, base, origin, proof);
            }
            (Some(token), _) => {
                let named = Named { value: None, from: token.from.clone() };
                return Ok((Credentials::Token(token.read()?), named));
            }
            (None, Some(proof)) => return client(&layers, base, origin, proof),
            (None, None) => {}
        }
    }
    let missing = match nearest {
        None => "there are no credentials",
        Some(_) => "the client secret is missing",
    };
    Err(layers.without(missing))
}

/// Returns the client that a layer's secret or key belongs to.
fn client(
    layers: &Layers<'_>,
    base: &BaseUrl,
    origin: Origin,
    proof: Unread,
) -> Result<(Credentials, Named), Error> {
    let (nearest_id, own) = (layers.nearest_id()?, layers.id(origin)?);
    let (Some(nearest_id), Some(id)) = (&nearest_id, own.as_ref().or(nearest_id.as_ref())) else {
        return Err(layers.without("the client id is missing"));
    };
    if nearest_id.text != id.text {
        return Err(Error::config(
            format!(
                "{} names another client than {}, to which the {} of {} belongs",
                nearest_id.from,
                id.from,
                proof.kind(),
                proof.from()
            ),
            "give id and secret (or key) in the same place, or unset the one that is not meant",
        ));
    }
    if id.origin == Origin::File {
        profile::check_top(layers.file, "client_id", "…", base)?;
    }
    let from = if id.origin == origin {
        id.from.clone()
    } else {
        format!("{}, {} {}", id.from, proof.kind(), proof.from())
    };
    let audience = layers.audience(base)?;
    let id = id.text.clone();
    let named = Named { value: Some(id.clone()), from };
    let proof = match proof {
        Unread::Secret(secret) => ClientProof::Secret(secret.read()?),
        Unread::Key(key) => ClientProof::Key(key.read_key(layers.algorithm()?)?),
    };
    Ok((Credentials::Client { id, proof, audience }, named))
}
