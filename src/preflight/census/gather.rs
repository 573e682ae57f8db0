//! Gathers a census while an input is read, in memory that does not grow with it.
//!
//! A user's rows may be anywhere, so each factor becomes a pair of numbers (a hash of its user; a
//! hash of its value, with its kind), and if there are many pairs they are sorted on disk.

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    io,
};

use super::{
    Census, Parties, SampleSize, TYPES, bit,
    kind::{RowKind, party_of},
    parties::PartyNumbers,
    sample::{Picked, Scout},
};
use crate::{
    files::Runs,
    ledger::{FactorHasher, Seen},
    model::{
        Channel, Code, Credential, Factor, FactorType, PasskeyField, Planned, Refusal, UserId,
    },
};

/// Most factors of a user that a tenant is known to accept: Auth0's bulk import has no more
/// (auth0-api.md 4).
const MAX_FACTORS: u64 = 10;
/// Most passkeys of a user that a tenant accepts.
const MAX_PASSKEYS: u64 = 20;

/// The parts of a row that matter here. Holds no value of a factor.
#[derive(Debug)]
pub struct Mark {
    refusal: Option<Refusal>,
    /// Hash of the user; hash of the value, with its kind in the lowest byte.
    pair: Option<[u64; 2]>,
    /// Relying party that is new.
    party: Option<Box<str>>,
    /// User who may be picked.
    picked: Option<(u64, UserId)>,
    /// Fields of a passkey that the tenant requires and that are missing.
    lacking: Vec<PasskeyField>,
}

/// Marks rows on whichever thread plans them.
#[derive(Debug)]
pub struct Marker {
    /// Keys that are new in each process; `None` if only rows are counted.
    keys: Option<(RandomState, FactorHasher)>,
    numbers: PartyNumbers,
    scout: Option<Scout>,
    /// Fields of a passkey that the tenant is known to require.
    required: BTreeSet<PasskeyField>,
}

impl Marker {
    /// Sets the fields of a passkey that the tenant is known to require.
    #[must_use]
    pub fn requiring(self, fields: Option<BTreeSet<PasskeyField>>) -> Self {
        Self { required: fields.unwrap_or_default(), ..self }
    }

    /// Marks a row.
    pub fn mark(&mut self, planned: &Planned) -> Mark {
        let mut mark =
            Mark { refusal: None, pair: None, party: None, picked: None, lacking: Vec::new() };
        match planned {
            Planned::Rejected(rejection) => {
                mark.refusal = Some(rejection.refusal);
                if rejection.code() == Code::RecoveryCodesNotImportable {
                    let user = rejection.user.as_ref();
                    // Recovery codes without a user count as those of a person of their own.
                    let person = user.map_or(rejection.line, |user| self.hash(user));
                    mark.pair = Some(pair(person, rejection.line << 8, RowKind::RecoveryCodes));
                }
            }
            Planned::Factor(factor) => {
                let number = party_of(factor).map(|id| {
                    let (number, is_new) = self.numbers.of(id);
                    mark.party = is_new.then(|| id.into());
                    number
                });
                let value = self.keys.as_ref().map_or(0, |(_, hasher)| hasher.hash(factor));
                let kind = RowKind::of(factor, number);
                mark.pair = Some(pair(self.hash(&factor.user), value, kind));
                mark.lacking = lacking(factor, &self.required);
                mark.picked = self.scout.as_mut().and_then(|scout| scout.look(&factor.user));
            }
        }
        mark
    }

    fn hash(&self, user: &UserId) -> u64 {
        self.keys.as_ref().map_or(0, |(key, _)| key.hash_one(user.as_str()))
    }
}

/// Returns the required fields that a passkey lacks.
fn lacking(factor: &Factor, required: &BTreeSet<PasskeyField>) -> Vec<PasskeyField> {
    let Credential::Passkey(key, details) = &factor.credential else { return Vec::new() };
    let has = |field: PasskeyField| match field {
        PasskeyField::KeyId | PasskeyField::PublicKey => true,
        PasskeyField::RelyingPartyIdentifier => key.relying_party_identifier.is_some(),
        PasskeyField::Aaguid => details.aaguid.is_some(),
        PasskeyField::CredentialDeviceType => details.credential_device_type.is_some(),
        PasskeyField::CredentialBackedUp => details.credential_backed_up.is_some(),
        PasskeyField::IdentityUserId => details.identity_user_id.is_some(),
        PasskeyField::UserAgent => details.user_agent.is_some(),
        PasskeyField::UserHandle => details.user_handle.is_some(),
        PasskeyField::Transports => !details.transports.is_empty(),
    };
    required.iter().copied().filter(|field| !has(*field)).collect()
}

fn pair(user: u64, value: u64, kind: RowKind) -> [u64; 2] {
    [user, value & !0xff | u64::from(kind.to_byte())]
}

fn kind_of(value: u64) -> RowKind {
    let [byte, ..] = value.to_le_bytes();
    RowKind::from_byte(byte)
}

/// Numbers of methods per user that the tenant is known to accept.
#[derive(Debug, Default)]
struct Caps {
    /// Number of one type, where that is known.
    cap: Option<u32>,
    /// Types of which it accepts one.
    one_of: BTreeSet<FactorType>,
}

/// Gathers marks.
#[derive(Debug)]
pub struct Gatherer {
    census: Census,
    /// Pairs of all rows; `None` where only rows are counted.
    pairs: Option<Runs>,
    picked: Picked,
    caps: Caps,
}

impl Gatherer {
    /// Counts rows and users, and picks a sample of users; returns the marker of rows as well.
    pub fn of_users(size: SampleSize, seed: u64) -> (Self, Marker) {
        let (picked, scout) = Picked::new(size, seed);
        let census = Census { parties: Parties::counting_users(), ..Census::default() };
        let keys = Some((RandomState::new(), Seen::default().hasher()));
        (
            Self { census, pairs: Some(Runs::default()), picked, caps: Caps::default() },
            Marker { keys, numbers: PartyNumbers::default(), scout, required: BTreeSet::new() },
        )
    }

    /// Counts rows only, which costs next to nothing; returns the marker of rows as well.
    pub fn of_rows() -> (Self, Marker) {
        let (picked, scout) = Picked::new(SampleSize::Users(0), 0);
        (
            Self { census: Census::default(), pairs: None, picked, caps: Caps::default() },
            Marker {
                keys: None,
                numbers: PartyNumbers::default(),
                scout,
                required: BTreeSet::new(),
            },
        )
    }

    /// Sets the number of methods of one type that the tenant is known to accept, and the types of
    /// which it accepts one: further methods count as too many.
    #[must_use]
    pub fn capped(self, cap: Option<u32>, one_of: BTreeSet<FactorType>) -> Self {
        Self { caps: Caps { cap, one_of }, ..self }
    }

    /// Takes in a row.
    pub fn add(&mut self, mark: Mark) -> io::Result<()> {
        self.census.rows += 1;
        match mark.refusal {
            Some(Refusal::Rejected) => self.census.rejected += 1,
            Some(Refusal::NotCarried) => self.census.not_carried += 1,
            None => {}
        }
        if let Some(id) = mark.party {
            self.census.parties.name(id);
        }
        if !mark.lacking.is_empty() {
            self.census.incomplete_passkeys.rows += 1;
            self.census.lacking.extend(mark.lacking);
        }
        if let Some(found) = mark.picked {
            self.picked.add(found);
        }
        match (mark.pair, &mut self.pairs) {
            (Some(pair), Some(pairs)) => pairs.push(pair),
            (Some([_, value]), None) => {
                self.census.add_row(kind_of(value));
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// Returns the census, and the users of the sample.
    pub fn finish(self) -> io::Result<(Census, Vec<UserId>)> {
        let Self { mut census, pairs, picked, caps } = self;
        if let Some(pairs) = pairs {
            census.count_people(pairs, &caps)?;
        }
        Ok((census, picked.into_users()))
    }
}

/// Rows of one user.
#[derive(Debug, Default)]
struct PersonRows {
    user: u64,
    /// The previous value, with its kind: duplicates are adjacent.
    before: Option<u64>,
    /// Bits of the types.
    types: usize,
    /// Bits of the relying parties.
    parties: u128,
    sms: bool,
    voice: bool,
    recovery_codes: bool,
    /// Rows of each type.
    of: [u64; TYPES],
}

impl PersonRows {
    fn add(&mut self, kind: RowKind) {
        if let Some(of) = kind.factor_type() {
            self.types |= bit(of);
            if let Some(rows) = self.of.get_mut(of as usize - 1) {
                *rows += 1;
            }
        }
        match kind {
            RowKind::RecoveryCodes => self.recovery_codes = true,
            RowKind::Phone(Channel::Sms) => self.sms = true,
            RowKind::Phone(Channel::Voice) => self.voice = true,
            RowKind::Key { party: Some(party), .. } => self.parties |= 1 << party,
            RowKind::Email | RowKind::Totp | RowKind::Key { party: None, .. } => {}
        }
    }

    /// Returns the number of rows beyond what the tenant accepts: those above its cap or, if that
    /// is unknown, all rows of a user with more than tenants are known to accept.
    fn too_many(&self, caps: &Caps) -> u64 {
        let rows_of = |of: &FactorType| self.of.get(*of as usize - 1).copied().unwrap_or_default();
        if let Some(cap) = caps.cap {
            let cap_of = |of| if caps.one_of.contains(of) { cap.min(1) } else { cap };
            let above = |of| rows_of(of).saturating_sub(cap_of(of).into());
            return FactorType::ALL.iter().map(above).sum();
        }
        let above: u64 = caps.one_of.iter().map(|of| rows_of(of).saturating_sub(1)).sum();
        let all: u64 = self.of.iter().sum();
        let passkeys = self.of.get(FactorType::Passkey as usize - 1).copied().unwrap_or_default();
        let is_too_many = all - passkeys > MAX_FACTORS || passkeys > MAX_PASSKEYS;
        if is_too_many { all } else { above }
    }
}

impl Census {
    fn add_row(&mut self, kind: RowKind) {
        if let Some(of) = kind.factor_type()
            && let Some(rows) = self.rows_of.get_mut(of as usize - 1)
        {
            *rows += 1;
        }
        match kind {
            RowKind::RecoveryCodes => self.recovery_codes.rows += 1,
            RowKind::Phone(Channel::Sms) => self.sms.rows += 1,
            RowKind::Phone(Channel::Voice) => self.voice.rows += 1,
            RowKind::Key { party: Some(party), .. } => self.parties.add_row(party),
            RowKind::Email | RowKind::Totp | RowKind::Key { party: None, .. } => {}
        }
    }

    fn count_people(&mut self, pairs: Runs, caps: &Caps) -> io::Result<()> {
        let tallies = [
            &mut self.sms,
            &mut self.voice,
            &mut self.email_only,
            &mut self.too_many,
            &mut self.recovery_codes,
        ];
        for tally in tallies {
            tally.users = Some(0);
        }
        self.users = Some(0);
        let mut person = PersonRows::default();
        for pair in pairs.sorted()? {
            let [user, value] = pair?;
            if person.user != user {
                self.add_person(&person, caps);
                person = PersonRows { user, ..PersonRows::default() };
            }
            // The kind is not part of a factor's identity: a phone may occur with two channels.
            if person.before.replace(value).is_some_and(|before| before >> 8 == value >> 8) {
                self.duplicates += 1;
                continue;
            }
            let kind = kind_of(value);
            self.add_row(kind);
            person.add(kind);
        }
        self.add_person(&person, caps);
        Ok(())
    }

    fn add_person(&mut self, person: &PersonRows, caps: &Caps) {
        let count = |users: &mut Option<u64>, is: bool| {
            *users = users.map(|users| users + u64::from(is));
        };
        count(&mut self.users, person.types != 0);
        count(&mut self.sms.users, person.sms);
        count(&mut self.voice.users, person.voice);
        count(&mut self.recovery_codes.users, person.recovery_codes);
        let is_email_only = person.types == bit(FactorType::Email);
        count(&mut self.email_only.users, is_email_only);
        let too_many = person.too_many(caps);
        count(&mut self.too_many.users, too_many > 0);
        self.too_many.rows += too_many;
        if is_email_only {
            self.email_only.rows += person.of.iter().sum::<u64>();
        }
        if let Some(users) = self.users_with.get_mut(person.types).filter(|_| person.types != 0) {
            *users += 1;
        }
        self.parties.add_user(person.parties);
    }
}
