//! State of the tenant, and its refusals. No HTTP.

pub(in crate::sandbox) mod api;
pub(in crate::sandbox) mod body;
mod check;
mod fields;
mod mask;
pub(in crate::sandbox) mod method;
pub(in crate::sandbox) mod post_rules;
mod setup;
mod token;
mod users;
mod view;
pub(in crate::sandbox) mod wire;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

use super::{
    directory::User,
    rng::{RngPurpose, letters, rng},
    settings::{Settings, Users},
    tenant::{
        method::{Kind, Method},
        wire::Update,
    },
};
use crate::{
    model::{Conflict, FactorType},
    sync::lock,
};

/// Locks to spread the users over; a few per core are enough.
const SHARDS: usize = 64;

/// Every user's methods, in the order of their creation.
#[derive(Debug)]
pub(in crate::sandbox) struct Tenant {
    users: Users,
    cap: Option<u32>,
    conflict: Conflict,
    /// Types of which no method may be created.
    off: Vec<Kind>,
    /// Types that PATCH does not take.
    patch_refused: BTreeSet<FactorType>,
    seed: u64,
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<String, Vec<Method>>>>,
    made: AtomicU64,
    /// Share of new methods that are used in a login.
    used_share: f64,
    created: AtomicU64,
}

/// Reason why nothing was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sandbox) enum Refusal {
    NoUser,
    FactorOff,
    NoMethod,
    Cap,
    Conflict,
    Passkey,
    NotUpdatable(Kind),
    NotAPhone,
}

impl Tenant {
    pub(in crate::sandbox) fn new(settings: &Settings) -> Self {
        let is_off = |kind: &Kind| {
            let factor = kind.guardian_factor();
            factor.is_some_and(|of| settings.guardian_factors.get(&of) == Some(&false))
        };
        let off = if settings.refuses_disabled_factor {
            Kind::CREATABLE.into_iter().filter(is_off).collect()
        } else {
            Vec::new()
        };
        Self {
            users: settings.users.clone(),
            cap: settings.cap_per_user,
            conflict: settings.conflict.clone(),
            off,
            patch_refused: settings.patch_refused.clone(),
            seed: settings.seed,
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            made: AtomicU64::new(0),
            used_share: settings.used_share,
            created: AtomicU64::new(0),
        }
    }

    /// POST: adds one method and shows it.
    pub(in crate::sandbox) fn create(
        &self,
        user_id: &str,
        draft: Method,
        now: Timestamp,
    ) -> Result<Method, Refusal> {
        let mut shard = lock(self.shard(user_id));
        self.known(&shard, user_id)?;
        if self.off.contains(&draft.kind) {
            return Err(Refusal::FactorOff);
        }
        let held = shard.get(user_id).map_or(&[][..], Vec::as_slice);
        self.fits(held, &draft)?;
        let method = self.made(draft, now);
        shard.entry(user_id.to_owned()).or_default().push(method.clone());
        self.created.fetch_add(1, Ordering::Relaxed);
        Ok(method)
    }

    /// PUT: these methods and no others.
    pub(in crate::sandbox) fn replace(
        &self,
        user_id: &str,
        drafts: Vec<Method>,
        now: Timestamp,
    ) -> Result<Vec<Method>, Refusal> {
        let mut shard = lock(self.shard(user_id));
        self.known(&shard, user_id)?;
        refuse_passkeys(shard.get(user_id))?;
        let mut methods: Vec<Method> = Vec::with_capacity(drafts.len());
        for draft in drafts {
            self.fits(&methods, &draft)?;
            methods.push(self.made(draft, now));
        }
        shard.insert(user_id.to_owned(), methods.clone());
        Ok(methods)
    }

    /// GET list: what `show` makes of the user's methods.
    pub(in crate::sandbox) fn list<T>(
        &self,
        user_id: &str,
        show: impl FnOnce(&[Method]) -> T,
    ) -> Result<T, Refusal> {
        let shard = lock(self.shard(user_id));
        self.known(&shard, user_id)?;
        Ok(show(shard.get(user_id).map_or(&[][..], Vec::as_slice)))
    }

    /// GET users by address.
    pub(in crate::sandbox) fn at(&self, address: &str) -> Vec<User> {
        self.users.at(address)
    }

    /// GET one.
    pub(in crate::sandbox) fn get(
        &self,
        user_id: &str,
        method_id: &str,
    ) -> Result<Method, Refusal> {
        self.list(user_id, |methods| methods.iter().find(|method| method.id == method_id).cloned())?
            .ok_or(Refusal::NoMethod)
    }

    /// PATCH.
    pub(in crate::sandbox) fn update(
        &self,
        user_id: &str,
        method_id: &str,
        update: Update,
    ) -> Result<Method, Refusal> {
        let mut shard = lock(self.shard(user_id));
        self.known(&shard, user_id)?;
        let methods = shard.get_mut(user_id).ok_or(Refusal::NoMethod)?;
        let method =
            methods.iter_mut().find(|method| method.id == method_id).ok_or(Refusal::NoMethod)?;
        let creatable = method.kind.creatable();
        if creatable.is_none_or(|of| self.patch_refused.contains(&of)) {
            return Err(Refusal::NotUpdatable(method.kind));
        }
        if update.preferred.is_some() && method.kind != Kind::Phone {
            return Err(Refusal::NotAPhone);
        }
        method.preferred = update.preferred.or(method.preferred);
        method.name = update.name.or(method.name.take());
        Ok(method.clone())
    }

    /// DELETE one.
    pub(in crate::sandbox) fn delete(&self, user_id: &str, method_id: &str) -> Result<(), Refusal> {
        let mut shard = lock(self.shard(user_id));
        self.known(&shard, user_id)?;
        let methods = shard.get_mut(user_id).ok_or(Refusal::NoMethod)?;
        let at =
            methods.iter().position(|method| method.id == method_id).ok_or(Refusal::NoMethod)?;
        methods.remove(at);
        Ok(())
    }

    /// DELETE list.
    pub(in crate::sandbox) fn clear(&self, user_id: &str) -> Result<(), Refusal> {
        let mut shard = lock(self.shard(user_id));
        self.known(&shard, user_id)?;
        refuse_passkeys(shard.get(user_id))?;
        if let Some(methods) = shard.get_mut(user_id) {
            methods.clear();
        }
        Ok(())
    }

    /// Adds methods regardless of any rule, and assigns ids and dates to those without.
    pub(in crate::sandbox) fn seed(&self, user_id: &str, methods: Vec<Method>, now: Timestamp) {
        let mut shard = lock(self.shard(user_id));
        let held = shard.entry(user_id.to_owned()).or_default();
        held.extend(methods.into_iter().map(|method| self.made(method, now)));
    }

    /// Changes a user's methods regardless of any rule.
    pub(in crate::sandbox) fn change(&self, user_id: &str, change: impl FnOnce(&mut Vec<Method>)) {
        change(lock(self.shard(user_id)).entry(user_id.to_owned()).or_default());
    }

    /// Returns everything, for checking a run.
    pub(in crate::sandbox) fn snapshot(&self) -> BTreeMap<String, Vec<Method>> {
        let mut all = BTreeMap::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let some = shard.iter().filter(|(_, methods)| !methods.is_empty());
            all.extend(some.map(|(user_id, methods)| (user_id.clone(), methods.clone())));
        }
        all
    }

    /// Returns the number of methods that POST has created, deleted ones included.
    pub(in crate::sandbox) fn created(&self) -> u64 {
        self.created.load(Ordering::Relaxed)
    }

    fn known(&self, shard: &HashMap<String, Vec<Method>>, user_id: &str) -> Result<(), Refusal> {
        let known = self.users.include(user_id) || shard.contains_key(user_id);
        if known { Ok(()) } else { Err(Refusal::NoUser) }
    }

    fn fits(&self, held: &[Method], draft: &Method) -> Result<(), Refusal> {
        let of_its_kind = held.iter().filter(|method| method.kind == draft.kind).count();
        if self.cap.is_some_and(|cap| of_its_kind >= cap as usize) {
            return Err(Refusal::Cap);
        }
        let conflicts = draft.kind.creatable().is_some_and(|of| {
            (self.conflict.of_second(of) && of_its_kind > 0)
                || (self.conflict.of_same(of) && held.iter().any(|method| method.is_same_as(draft)))
        });
        if conflicts { Err(Refusal::Conflict) } else { Ok(()) }
    }

    /// Fills in what the tenant assigns.
    fn made(&self, draft: Method, now: Timestamp) -> Method {
        let ordinal = self.made.fetch_add(1, Ordering::Relaxed);
        let id = if draft.id.is_empty() { self.new_id(draft.kind, ordinal) } else { draft.id };
        let created_at =
            if draft.created_at == Timestamp::UNIX_EPOCH { now } else { draft.created_at };
        let is_used = rng(self.seed, RngPurpose::Use, ordinal).f64() < self.used_share;
        let login = created_at.saturating_add(SignedDuration::from_secs(1)).ok();
        let last_auth_at = draft.last_auth_at.or(login.filter(|_| is_used));
        Method { id, created_at, last_auth_at, ..draft }
    }

    fn new_id(&self, kind: Kind, ordinal: u64) -> String {
        format!(
            "{}|dev_{}",
            kind.as_str(),
            letters(rng(self.seed, RngPurpose::MethodId, ordinal), 16)
        )
    }

    #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
    fn shard(&self, user_id: &str) -> &Mutex<HashMap<String, Vec<Method>>> {
        &self.shards[self.hasher.hash_one(user_id) as usize % SHARDS]
    }
}

fn refuse_passkeys(held: Option<&Vec<Method>>) -> Result<(), Refusal> {
    let has_passkey =
        held.is_some_and(|methods| methods.iter().any(|method| method.kind == Kind::Passkey));
    if has_passkey { Err(Refusal::Passkey) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "auth0|1";

    fn tenant(cap: Option<u32>, conflict: Conflict) -> Tenant {
        let users = Users::AnyBut(vec!["gone".into()]);
        Tenant::new(&Settings {
            users,
            cap_per_user: cap,
            conflict,
            seed: 1,
            ..Settings::default()
        })
    }

    fn phone(value: &str) -> Method {
        Method::new(Kind::Phone, value)
    }

    fn post(tenant: &Tenant, method: Method) -> Result<Method, Refusal> {
        tenant.create(USER, method, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn same_value_conflicts_unless_switched_off() {
        let strict = tenant(None, Conflict::same_value());
        assert!(post(&strict, phone("+1")).is_ok());
        assert_eq!(post(&strict, phone("+1")), Err(Refusal::Conflict));
        assert!(post(&strict, phone("+2")).is_ok());
        assert!(post(&strict, Method::new(Kind::Email, "+1")).is_ok());
        assert_eq!(strict.created(), 3);
        let lax = tenant(None, Conflict::OFF);
        assert!(post(&lax, phone("+1")).is_ok() && post(&lax, phone("+1")).is_ok());
    }

    #[test]
    fn cap_counts_one_type_and_comes_before_the_conflict() {
        let tenant = tenant(Some(1), Conflict::same_value());
        assert!(post(&tenant, phone("+1")).is_ok());
        assert_eq!(post(&tenant, phone("+1")), Err(Refusal::Cap));
        assert!(post(&tenant, Method::new(Kind::Totp, "A")).is_ok());
    }

    #[test]
    fn ids_are_auth0_shaped_and_repeat_with_the_seed() {
        let ids = || post(&tenant(None, Conflict::OFF), phone("+1")).unwrap().id;
        let id = ids();
        let suffix = id.strip_prefix("phone|dev_").unwrap();
        assert!(suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(id, ids());
    }

    #[test]
    fn unknown_users_have_nothing_unless_seeded() {
        let tenant = tenant(None, Conflict::OFF);
        assert_eq!(
            tenant.create("auth0|gone", phone("+1"), Timestamp::UNIX_EPOCH),
            Err(Refusal::NoUser)
        );
        assert_eq!(tenant.clear("auth0|gone"), Err(Refusal::NoUser));
        tenant.seed("auth0|gone", vec![phone("+1")], Timestamp::UNIX_EPOCH);
        assert_eq!(tenant.list("auth0|gone", <[Method]>::len), Ok(1));
    }

    #[test]
    fn passkeys_forbid_replace_and_clear() {
        let tenant = tenant(None, Conflict::OFF);
        let passkey = post(&tenant, Method::new(Kind::Passkey, "key")).unwrap();
        assert_eq!(tenant.replace(USER, vec![], Timestamp::UNIX_EPOCH), Err(Refusal::Passkey));
        assert_eq!(tenant.clear(USER), Err(Refusal::Passkey));
        assert_eq!(tenant.delete(USER, &passkey.id), Ok(()));
        assert_eq!(tenant.delete(USER, &passkey.id), Err(Refusal::NoMethod));
        assert_eq!(tenant.clear(USER), Ok(()));
    }

    #[test]
    fn replace_is_all_or_nothing() {
        let tenant = tenant(None, Conflict::same_value());
        post(&tenant, phone("+1")).unwrap();
        let doubled = tenant.replace(USER, vec![phone("+2"), phone("+2")], Timestamp::UNIX_EPOCH);
        assert_eq!(doubled, Err(Refusal::Conflict));
        assert_eq!(tenant.snapshot()[USER][0].value, "+1");
        tenant.replace(USER, vec![phone("+2")], Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(tenant.snapshot()[USER].len(), 1);
    }

    #[test]
    fn update_changes_what_is_given_and_no_more() {
        let tenant = tenant(None, Conflict::OFF);
        let method = post(&tenant, Method::new(Kind::Email, "a@b.c").named("old")).unwrap();
        let update =
            |name: Option<&str>, preferred| Update { name: name.map(str::to_owned), preferred };
        assert_eq!(
            tenant.update(USER, &method.id, update(None, None)).unwrap().name.as_deref(),
            Some("old")
        );
        assert_eq!(
            tenant.update(USER, &method.id, update(Some("new"), None)).unwrap().name.as_deref(),
            Some("new")
        );
        let voice = update(None, Some(method::Channel::Voice));
        assert_eq!(tenant.update(USER, &method.id, voice), Err(Refusal::NotAPhone));
        assert_eq!(tenant.get(USER, "email|dev_none"), Err(Refusal::NoMethod));
        for kind in [Kind::Passkey, Kind::Push, Kind::RecoveryCode] {
            tenant.seed(USER, vec![Method::new(kind, "")], Timestamp::UNIX_EPOCH);
            let id = tenant.snapshot()[USER].last().unwrap().id.clone();
            let renamed = tenant.update(USER, &id, update(Some("new"), None));
            assert_eq!(renamed, Err(Refusal::NotUpdatable(kind)), "no word for it in the answer");
            assert_eq!(tenant.get(USER, &id).unwrap().name, None);
        }
    }
}
