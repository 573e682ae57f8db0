//! Behaviour of a tenant where the API's documentation is silent (auth0-api.md 10).
//!
//! `probe` finds it out, the sandbox can imitate it, and `--tenant-facts` lets a run use it. The
//! names are the same in all three.

mod conflict;
mod file;
mod words;

pub use conflict::{ComparedValue, Conflict};
pub use file::{FactsError, PROBE_SCHEMA, ProbedTenant};
pub use words::{
    CapRefusal, LongName, PageSizeAbove, PasskeyField, ResetRounding, RetryAfter, SecretForm,
};

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use crate::{
    model::FactorType,
    text::{escape, nearest},
};

/// Declares the facts: the type, and its parser, which names a wrong fact and never its value.
macro_rules! facts {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident: $type:ty,)+ }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
        pub struct $name {
            $(
                $(#[$doc])*
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )+
        }

        impl $name {
            /// The names of all facts.
            pub const NAMES: &[&str] = &[$(stringify!($field)),+];

            /// Takes in the value of the fact `key`.
            fn take<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
                match key {
                    $(
                        stringify!($field) if self.$field.is_some() => {
                            return Err(A::Error::custom(concat!("`", stringify!($field), "` is there twice")));
                        }
                        stringify!($field) => {
                            // serde's own message would quote the value.
                            let value: $type = map.next_value().map_err(|_| {
                                A::Error::custom(concat!("`", stringify!($field), "` has no such value"))
                            })?;
                            self.$field = Some(value);
                        }
                    )+
                    _ => return Err(A::Error::custom(unknown(key))),
                }
                Ok(())
            }
        }
    };
}

facts! {
    /// Behaviour of a tenant where the documentation is silent. Unknown facts are absent.
    TenantFacts {
        /// Rule for what counts as a conflict (409).
        conflict: Conflict,
        /// Most methods of one type that a user may have.
        cap_per_user: u32,
        /// Refusal of one method more than that.
        cap_refusal: CapRefusal,
        /// True if POST is refused for a type whose factor is switched off.
        refuses_disabled_factor: bool,
        /// Treatment of a `name` of more than 20 characters in POST.
        long_name: LongName,
        /// Forms of TOTP secrets that POST refuses.
        refused_secrets: BTreeSet<SecretForm>,
        /// True if phone numbers and addresses are masked in lists.
        masking: bool,
        /// True if they are masked in GET of one method; absent if that is as in lists, or unknown.
        masking_of_one: bool,
        /// Fields without which POST refuses a passkey.
        passkey_required: BTreeSet<PasskeyField>,
        /// True if POST accepts `relying_party_identifier` for a passkey.
        passkey_relying_party: bool,
        /// Types whose methods PATCH refuses to rename.
        patch_refused: BTreeSet<FactorType>,
        /// Status of PUT (list) for a user who does not exist.
        put_unknown_user: u16,
        /// Status of DELETE (list) for a user who does not exist.
        delete_unknown_user: u16,
        /// Milliseconds until GET of one method shows a new one; 0 if at once.
        read_delay_ms: u64,
        /// Milliseconds until a list shows a new method; 0 if at once.
        list_delay_ms: u64,
        /// Contents of `Retry-After` on a 429.
        retry_after: RetryAfter,
        /// True if answers carry `x-ratelimit-limit`, `-remaining` and `-reset`.
        limit_headers: bool,
        /// Rounding of `x-ratelimit-reset`, the time when the bucket is full again, to whole
        /// seconds.
        reset_rounding: ResetRounding,
        /// Largest `per_page` of a list that is honoured.
        page_size_cap: u32,
        /// Treatment of a `per_page` above that.
        page_size_above: PageSizeAbove,
    }
}

impl<'de> Deserialize<'de> for TenantFacts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Facts;

        impl<'de> Visitor<'de> for Facts {
            type Value = TenantFacts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of facts about a tenant")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<TenantFacts, A::Error> {
                let mut facts = TenantFacts::default();
                while let Some(key) = map.next_key::<String>()? {
                    facts.take(&key, &mut map)?;
                }
                Ok(facts)
            }
        }

        deserializer.deserialize_map(Facts)
    }
}

/// Returns the message for an unknown fact.
fn unknown(key: &str) -> String {
    let name: String = escape(key).chars().take(40).collect();
    let known = nearest(key, TenantFacts::NAMES.iter().copied());
    let near = known.map(|known| format!("; did you mean `{known}`?")).unwrap_or_default();
    format!("`{name}` is no fact about a tenant{near}")
}
