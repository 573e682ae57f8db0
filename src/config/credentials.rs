//! Which credentials are used, where several are given.
//!
//! Credentials are a ready token, or a client id with its secret. The layer nearest to the user that
//! has a token or a secret wins as a whole. A secret takes the id of its own layer; that of another
//! layer only if its own has none, and never against an id that stands nearer to the user.

use std::path::Path;

use secrecy::{ExposeSecret, SecretString};

use super::{
    Named,
    file::read_secret,
    layers::{Layers, Origin, variable},
    secret::clean,
};
use crate::{
    auth0::{BaseUrl, Credentials},
    error::Error,
};

const HINT: &str = "set AUTH0_CLIENT_ID and AUTH0_CLIENT_SECRET (or --client-secret-file), or \
                    AUTH0_API_TOKEN (or --token-file)";

/// A secret that is still where it was found.
struct Found {
    from: String,
    place: Place,
}

enum Place {
    /// A file, and what to call the setting that names it.
    File(String, String),
    Variable(SecretString),
}

impl Found {
    /// In one layer: the file that `file` names there, or the variable that holds the secret.
    fn at(
        layers: &Layers,
        origin: Origin,
        file: &str,
        name: &'static str,
    ) -> Result<Option<Self>, Error> {
        if let Some(given) = layers.at(origin, file) {
            let called = match origin {
                Origin::File => format!("`{file}` in `{}`", given.from),
                _ => given.from.clone(),
            };
            return Ok(Some(Self { from: given.from, place: Place::File(given.text, called) }));
        }
        if origin != Origin::Environment {
            return Ok(None);
        }
        let text = variable(name)?.map(SecretString::from);
        Ok(text.map(|text| Self { from: name.into(), place: Place::Variable(text) }))
    }

    fn read(self) -> Result<SecretString, Error> {
        match self.place {
            Place::File(path, called) => read_secret(Path::new(&path), &called),
            Place::Variable(secret) => clean(secret.expose_secret(), &self.from),
        }
    }
}

/// The credentials to use at `base`, and who that is, for people.
pub(super) fn credentials(layers: &Layers, base: &BaseUrl) -> Result<(Credentials, Named), Error> {
    for origin in Origin::ALL {
        let token = Found::at(layers, origin, "token-file", "AUTH0_API_TOKEN")?;
        let secret = Found::at(layers, origin, "client-secret-file", "AUTH0_CLIENT_SECRET")?;
        match (token, secret) {
            // Who names a client means it, also where the environment has a token, too.
            (Some(_), Some(secret)) if layers.origin("client-id") < origin => {
                return client(layers, base, origin, secret);
            }
            (Some(token), _) => {
                let named = Named { value: None, from: token.from.clone() };
                return Ok((Credentials::Token(token.read()?), named));
            }
            (None, Some(secret)) => return client(layers, base, origin, secret),
            (None, None) => {}
        }
    }
    let missing = match layers.origin("client-id") {
        Origin::Nowhere => "there are no credentials",
        _ => "the client secret is missing",
    };
    Err(Error::config(missing, HINT))
}

/// The client that a secret of that layer belongs to.
fn client(
    layers: &Layers,
    base: &BaseUrl,
    origin: Origin,
    secret: Found,
) -> Result<(Credentials, Named), Error> {
    let Some(nearest) = layers.find("client-id") else {
        return Err(Error::config("the client id is missing", HINT));
    };
    let id = layers.at(origin, "client-id").unwrap_or_else(|| nearest.clone());
    if nearest.text.trim() != id.text.trim() {
        return Err(Error::config(
            format!(
                "{} names another client than {}, which the secret of {} belongs to",
                nearest.from, id.from, secret.from
            ),
            "give id and secret in the same place, or unset the one that is not meant",
        ));
    }
    let from =
        if id.origin == origin { id.from } else { format!("{}, secret {}", id.from, secret.from) };
    let audience = layers.text("audience").map(|(text, _)| text);
    let audience = audience.unwrap_or_else(|| base.default_audience());
    let id = id.text.trim().to_owned();
    let named = Named { value: Some(id.clone()), from };
    Ok((Credentials::Client { id, secret: secret.read()?, audience }, named))
}
