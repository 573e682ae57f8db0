//! A scripted tenant in memory: executes requests at once, late or never, answers or not, and
//! notices what must not happen.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::pending,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::{Arc, Mutex, atomic::Ordering::Relaxed},
    time::{Duration, SystemTime},
};

use mfaferry::{
    api::{Answer, Api, CreatedMethod, Meter, NotExecuted, Page, SetMethod, Update, Verdict},
    auth0::ServerClock,
    model::{ClockSkew, Code, Credential, Factor, Method, Millis, Reason, UserId},
};
use tokio::time::sleep;

use crate::{clock, world::World};

/// A client waits this long for an answer.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);
/// A request is executed this long after it was sent at the latest (the settle time holds for
/// what comes after the client gave up; a crash gives up at once).
const LATEST_WRITE: Millis = 110_000;

/// Behaviour of a tenant; each share is of requests.
#[expect(clippy::struct_excessive_bools, reason = "switches, each by itself")]
#[derive(Debug, Clone, Default)]
pub(crate) struct Manners {
    pub(crate) throttled: f64,
    pub(crate) not_sent: f64,
    pub(crate) lost_before: f64,
    pub(crate) lost_after: f64,
    pub(crate) late_write: f64,
    pub(crate) list_fails: f64,
    pub(crate) list_stale: f64,
    pub(crate) enrols: f64,
    /// The user enrols a TOTP under the very name of the factor that was just sent.
    pub(crate) enrols_same: f64,
    pub(crate) refused_users: f64,
    /// Rows of whose user there is, since before the import, what looks like theirs in a masked
    /// list: the same name, and a contact that shows the same.
    pub(crate) alikes: f64,
    /// Rows whose users enrol such a thing while the import runs, before their row is sent.
    pub(crate) alikes_meanwhile: f64,
    /// Lead of the tenant's clocks over true time: that of its `Date`, and that of its
    /// `created_at`.
    pub(crate) clocks: (Millis, Millis),
    /// Lead of one front end of many over the others.
    pub(crate) odd_front_end: Millis,
    /// Largest error of our clock, either way; it is set anew for each process.
    pub(crate) our_error: Millis,
    /// Requests at which our clock is set while a process runs.
    pub(crate) our_clock_is_set: f64,
    /// A token that was not asked for: nothing is known of the tenant's clock at the first POST.
    pub(crate) ready_token: bool,
    /// The user whose record is broken: lists fail, and POSTs are executed and not answered.
    pub(crate) broken_user: Option<&'static str>,
    pub(crate) masks: bool,
    pub(crate) conflicts: bool,
    /// Requests a token lives.
    pub(crate) token_life: u64,
    /// True times (ms) between which nothing is answered.
    pub(crate) outages: Vec<(Millis, Millis)>,
    /// The mutant that believes a list that is not whole.
    pub(crate) partial_lists: bool,
    /// The mutant that takes what is in doubt for not executed.
    pub(crate) doubt_is_no: bool,
    /// The mutant that believes its own clock: the tenant's is said to show the same.
    pub(crate) own_clock: bool,
    /// The mutant that takes what was there before for its own: all is listed as just created.
    pub(crate) ageless: bool,
    /// The mutant without lanes: the user of a factor is told apart by what follows `#`.
    pub(crate) split_users: bool,
}

impl Manners {
    /// Returns the fate of a POST: 0 not sent, 1 throttled, 2 lost before and 3 after it was
    /// executed, 4 executed late; none: all goes well.
    fn fate(&self, rng: f64) -> Option<usize> {
        let shares =
            [self.not_sent, self.throttled, self.lost_before, self.lost_after, self.late_write];
        let upto = shares.into_iter().scan(0.0, |sum, share| {
            *sum += share;
            Some(*sum)
        });
        upto.into_iter().position(|upto| rng < upto)
    }
}

/// A method, whole.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) id: String,
    pub(crate) value: String,
    pub(crate) listed: Method,
    /// True if a request of ours made it.
    pub(crate) ours: bool,
    /// Moment at which it came into being, by true time.
    born: Millis,
}

#[derive(Debug)]
struct Due {
    at: Millis,
    user: String,
    held: Held,
}

/// Methods and observations of the tenant.
#[derive(Debug, Default)]
pub(crate) struct Books {
    pub(crate) users: BTreeMap<String, Vec<Held>>,
    due: Vec<Due>,
    next_id: u64,
    token_uses: u64,
    in_flight: HashSet<String>,
    /// Until when an earlier request for this value may still be executed.
    unsettled: HashMap<(String, String), Millis>,
    /// Users and values of rows that were sent.
    sent: HashSet<(String, String)>,
    /// Those of rows that have had a look-alike before they were sent.
    pub(crate) alike: HashSet<(String, String)>,
    pub(crate) violations: Vec<String>,
}

/// The tenant.
#[derive(Debug)]
pub(crate) struct Tenant {
    pub(crate) manners: Manners,
    pub(crate) books: Mutex<Books>,
    pub(crate) world: Arc<World>,
    /// The process's estimate of the tenant's clocks.
    clock: Mutex<ServerClock>,
}

/// The user as the tenant knows it.
pub(crate) fn real_user(user: &str) -> &str {
    user.split('#').next().unwrap_or(user)
}

impl Tenant {
    pub(crate) fn new(manners: Manners, world: Arc<World>) -> Self {
        let clock = Mutex::new(ServerClock::new(clock::wall));
        Self { manners, books: Mutex::default(), world, clock }
    }

    /// A new process: what the last one had in flight is nobody's any more, and what it knew of
    /// clocks is gone. Somebody may have set ours.
    pub(crate) fn begin(&self) {
        self.books.lock().unwrap().in_flight.clear();
        self.set_our_clock();
        *self.clock.lock().unwrap() = ServerClock::new(clock::wall);
    }

    fn set_our_clock(&self) {
        let most = self.manners.our_error;
        clock::set_ahead(self.world.roll(|rng| rng.i64(-most..=most)));
    }

    /// An answer has come with its `Date`.
    fn dated(&self) {
        let odd = self.manners.odd_front_end != 0 && self.world.chance(0.05);
        let shown = clock::server() + if odd { self.manners.odd_front_end } else { 0 };
        let seconds = Duration::from_secs(u64::try_from(shown.as_millis() / 1000).unwrap());
        self.clock.lock().unwrap().observe(SystemTime::UNIX_EPOCH + seconds);
    }

    /// Gives the users what they had before the import.
    pub(crate) fn settle_in(&self, factors: &[Factor]) {
        for factor in factors {
            if self.world.chance(self.manners.alikes) {
                // From ten minutes to three years, as many in each stretch of so many times.
                let age = self.world.roll(|rng| 600_000.0 * 160_000_f64.powf(rng.f64()));
                #[expect(clippy::cast_possible_truncation, reason = "below 2^53")]
                self.resemble(factor, age as Millis);
            }
        }
    }

    /// Some users enrol something of the kind just before their row is sent for the first time.
    fn anticipate(&self, factor: &Factor) {
        let value = format!("{}|{}", factor.factor_type(), factor.identity());
        let key = (real_user(factor.user.as_str()).to_owned(), value);
        let is_first = self.books.lock().unwrap().sent.insert(key);
        if is_first && self.world.chance(self.manners.alikes_meanwhile) {
            let age = self.world.roll(|rng| rng.i64(5_000..3_600_000));
            self.resemble(factor, age);
        }
    }

    /// The user has had, for that long, what looks like `factor`.
    fn resemble(&self, factor: &Factor, age: Millis) {
        let mut alike = self.hold(factor);
        alike.ours = false;
        alike.value.clone_from(&alike.id);
        alike.listed.created_at = clock::store() - age;
        alike.born = clock::elapsed() - age;
        alike.listed.name = alike.listed.name.map(|name| match name.split_once(" #") {
            Some((plain, _)) => plain.to_owned(),
            None => name,
        });
        if !self.manners.masks {
            alike.listed.contact = alike.listed.contact.map(|contact| format!("{contact}0"));
        }
        alike.listed.key_id = alike.listed.key_id.map(|_| alike.id.clone());
        let user = real_user(factor.user.as_str()).to_owned();
        let value = format!("{}|{}", factor.factor_type(), factor.identity());
        let mut books = self.books.lock().unwrap();
        books.alike.insert((user.clone(), value));
        books.users.entry(user).or_default().push(alike);
    }

    /// Executes what is due by now.
    pub(crate) fn catch_up(&self) {
        let now = clock::elapsed();
        let mut books = self.books.lock().unwrap();
        let (due, later) =
            std::mem::take(&mut books.due).into_iter().partition(|due| due.at <= now);
        books.due = later;
        for Due { user, mut held, at } in due {
            let there = books.users.entry(user).or_default();
            if self.manners.conflicts && there.iter().any(|other| other.value == held.value) {
                continue;
            }
            held.listed.created_at = clock::store() - (now - at);
            held.born = at;
            there.push(held);
        }
    }

    pub(crate) fn refuses(&self, user: &str) -> bool {
        let hash = user.bytes().fold(7_u32, |hash, byte| hash.wrapping_mul(31) + u32::from(byte));
        f64::from(hash % 1000) < self.manners.refused_users * 1000.0
    }

    fn fate(&self, user: &str, rng: f64) -> Option<usize> {
        match self.manners.broken_user {
            _ if self.outage() => Some(2),
            Some(broken) if broken == user => Some(3),
            _ => self.manners.fate(rng),
        }
    }

    fn outage(&self) -> bool {
        let now = clock::elapsed();
        self.manners.outages.iter().any(|(from, to)| (*from..*to).contains(&now))
    }

    /// Now and then a user enrols a factor by themselves, under a name of their own.
    fn enrol(&self, user: &str) {
        if self.world.chance(self.manners.enrols) {
            let mut books = self.books.lock().unwrap();
            books.next_id += 1;
            let id = format!("foreign|{}", books.next_id);
            let factor_type =
                mfaferry::model::FactorType::ALL[self.world.roll(|rng| rng.usize(..3))];
            let listed = Method {
                id: id.clone(),
                factor_type: Some(factor_type),
                name: Some(format!("own {}", books.next_id)),
                contact: Some(format!("+4915{:08}", books.next_id)),
                created_at: clock::store(),
                type_name: factor_type.name().into(),
                ..Method::default()
            };
            let born = clock::elapsed();
            let held = Held { value: id.clone(), id, listed, ours: false, born };
            books.users.entry(user.to_owned()).or_default().push(held);
        }
    }

    /// The user's own TOTP, under the name that the input wants for one of theirs.
    fn imitate(&self, factor: &Factor) {
        if matches!(factor.credential, Credential::Totp { .. })
            && self.world.chance(self.manners.enrols_same)
        {
            let wanted = factor.name.as_deref().and_then(|name| name.split(" #").next());
            let user = real_user(factor.user.as_str()).to_owned();
            let mut own = self.hold(factor);
            own.ours = false;
            own.value.clone_from(&own.id);
            own.listed.name = wanted.map(Into::into);
            own.listed.created_at = clock::store();
            self.books.lock().unwrap().users.entry(user).or_default().push(own);
        }
    }

    fn hold(&self, factor: &Factor) -> Held {
        let mut books = self.books.lock().unwrap();
        books.next_id += 1;
        let id = format!("m|{}", books.next_id);
        let value = format!("{}|{}", factor.factor_type(), factor.identity());
        let contact = match &factor.credential {
            Credential::Phone { number, .. } if self.manners.masks => {
                let number = number.expose();
                Some(format!(
                    "{}{}",
                    "X".repeat(number.len() - 4),
                    &number.get(number.len() - 4..).unwrap()
                ))
            }
            Credential::Phone { number, .. } => Some(number.expose().to_owned()),
            Credential::Email { address } if self.manners.masks => {
                Some(format!("{}****@exam****", address.expose().get(..4).unwrap()))
            }
            Credential::Email { address } => Some(address.expose().to_owned()),
            _ => None,
        };
        let key_id = match &factor.credential {
            Credential::WebauthnRoaming(key) | Credential::Passkey(key, _) => {
                Some(key.key_id.clone())
            }
            _ => None,
        };
        let listed = Method {
            id: id.clone(),
            factor_type: Some(factor.factor_type()),
            name: factor.name.clone(),
            contact,
            key_id,
            type_name: factor.factor_type().name().into(),
            ..Method::default()
        };
        Held { id, value, listed, ours: true, born: clock::elapsed() }
    }

    fn holds(&self, user: &str, value: &str) -> bool {
        let books = self.books.lock().unwrap();
        books.users.get(user).is_some_and(|held| held.iter().any(|held| held.value == value))
    }

    /// Ids of what is there and not ours.
    pub(crate) fn foreign(&self) -> HashSet<String> {
        let books = self.books.lock().unwrap();
        let foreign = books.users.values().flatten().filter(|held| !held.ours);
        foreign.map(|held| held.id.clone()).collect()
    }

    fn violation(&self, what: String) {
        self.books.lock().unwrap().violations.push(what);
    }

    async fn arrive(&self) {
        if self.world.step() || self.world.crashed() {
            // The process is gone: nobody waits for this any more.
            pending::<()>().await;
        }
        if self.world.chance(self.manners.our_clock_is_set) {
            self.set_our_clock();
        }
    }

    /// A request that may be repeated at will: it is executed or not, and answered or not.
    /// `execute` gives nothing where there is no such method.
    async fn repeatable<T>(
        &self,
        user: &UserId,
        execute: impl FnOnce(&mut Vec<Held>) -> Option<T>,
    ) -> Answer<T> {
        self.arrive().await;
        self.catch_up();
        let user = real_user(user.as_str()).to_owned();
        let lost = self.outage() || self.world.chance(self.manners.lost_before);
        let done =
            (!lost).then(|| execute(self.books.lock().unwrap().users.entry(user).or_default()));
        sleep(Duration::from_millis(self.world.roll(|rng| rng.u64(50..300)))).await;
        if self.world.chance(self.manners.lost_after) {
            return Answer::bare(Verdict::InDoubt(Code::Timeout.into()));
        }
        match done {
            None => Answer::bare(Verdict::InDoubt(Reason::http(503))),
            Some(None) => self.answer(Verdict::Refused(Code::MethodNotFound.into()), 404),
            Some(Some(result)) => self.answer(Verdict::Done(result), 200),
        }
    }

    fn answer<T>(&self, verdict: Verdict<T>, status: u16) -> Answer<T> {
        self.dated();
        Answer { verdict, status: Some(status), meter: Meter::default(), requests: 1 }
    }

    fn meter_429<T>(&self) -> Answer<T> {
        let retry_after = Some(Duration::from_secs(self.world.roll(|rng| rng.u64(1..5))));
        let meter = Meter { retry_after, ..Meter::default() };
        Answer { meter, ..self.answer(Verdict::NotExecuted(NotExecuted::Throttled), 429) }
    }
}

/// Takes a user out of flight when its request ends, however it ends.
struct Flight<'a>(&'a Tenant, String);

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.0.books.lock().unwrap().in_flight.remove(&self.1);
    }
}

impl Api for Tenant {
    async fn prepare(&self) -> Answer<()> {
        // The answer that brought the token had a `Date`.
        let unknown = self.clock.lock().unwrap().skew().is_none();
        if unknown && !self.manners.ready_token {
            self.dated();
        }
        Answer::bare(Verdict::Done(()))
    }

    #[expect(clippy::too_many_lines, reason = "one request from its arrival to its answer")]
    async fn create(&self, factor: &Factor, _correlation: &str) -> Answer<CreatedMethod> {
        self.arrive().await;
        self.catch_up();
        let manners = &self.manners;
        let user = real_user(factor.user.as_str()).to_owned();
        let value = format!("{}|{}", factor.factor_type(), factor.identity());
        let now = clock::elapsed();
        let rng: f64 = self.world.roll(fastrand::Rng::f64);
        let latency = Duration::from_millis(self.world.roll(|rng| rng.u64(50..400)));
        self.imitate(factor);
        self.anticipate(factor);
        let fate = self.fate(&user, rng);
        if fate == Some(0) {
            self.world.count_fault();
            sleep(latency).await;
            return Answer::bare(Verdict::NotExecuted(NotExecuted::NotSent));
        }
        let key = (user.clone(), value.clone());
        let (overlaps, unsettled, expired) = {
            let mut books = self.books.lock().unwrap();
            let overlaps = !books.in_flight.insert(user.clone());
            let unsettled = books.unsettled.get(&key).is_some_and(|until| *until > now);
            books.token_uses += 1;
            let expired =
                manners.token_life > 0 && books.token_uses.is_multiple_of(manners.token_life);
            (overlaps, unsettled, expired)
        };
        let _flight = Flight(self, user.clone());
        if overlaps {
            self.violation(format!("{user}: two requests in flight"));
        }
        if unsettled {
            self.violation(format!("{user}: sent again while in doubt"));
        }
        if expired || fate == Some(1) {
            self.world.count_fault();
            sleep(latency).await;
            if expired {
                return self.answer(Verdict::NotExecuted(NotExecuted::Unauthorized), 401);
            }
            return self.meter_429();
        }
        if self.refuses(&user) && fate.is_none() {
            sleep(latency).await;
            return self.answer(Verdict::Refused(Code::EntityLimit.into()), 403);
        }
        let held = self.hold(factor);
        let id = held.id.clone();
        let execute = |delay: Millis| {
            if !self.refuses(&user) {
                let mut books = self.books.lock().unwrap();
                books.due.push(Due { at: now + delay, user: user.clone(), held: held.clone() });
                books.unsettled.insert(key.clone(), now + delay);
            }
        };
        let short = Millis::try_from(latency.as_millis()).unwrap() / 2;
        let in_doubt = |reason: Reason| {
            self.world.count_fault();
            self.world.doubts.fetch_add(1, Relaxed);
            if manners.doubt_is_no {
                return Answer::bare(Verdict::NotExecuted(NotExecuted::NotSent));
            }
            Answer::bare(Verdict::InDoubt(reason))
        };
        match fate {
            None => {
                let there = self.holds(&user, &value);
                execute(short);
                sleep(latency).await;
                self.catch_up();
                self.enrol(&user);
                if manners.conflicts && there {
                    return self.answer(Verdict::Present, 409);
                }
                let created_at = clock::store() - (clock::elapsed() - now - short);
                self.clock.lock().unwrap().observe_creation(created_at);
                self.answer(Verdict::Done(CreatedMethod { id }), 201)
            }
            Some(2) => {
                sleep(if self.world.flip() { latency } else { TIMEOUT }).await;
                in_doubt(Reason::http(503))
            }
            Some(3) => {
                execute(short);
                sleep(if self.world.flip() { latency } else { TIMEOUT }).await;
                self.enrol(&user);
                in_doubt(Code::ConnectionLost.into())
            }
            Some(_) => {
                execute(self.world.roll(|rng| rng.i64(1_000..LATEST_WRITE)));
                sleep(if self.world.flip() { latency } else { TIMEOUT }).await;
                in_doubt(Code::Timeout.into())
            }
        }
    }

    async fn page(&self, user: &UserId, number: u64) -> Answer<Page> {
        self.arrive().await;
        let user = real_user(user.as_str()).to_owned();
        sleep(Duration::from_millis(self.world.roll(|rng| rng.u64(50..300)))).await;
        self.catch_up();
        let manners = &self.manners;
        if manners.broken_user == Some(user.as_str()) {
            return Answer::bare(Verdict::InDoubt(Reason::http(500)));
        }
        if self.outage() || self.world.chance(manners.list_fails) {
            self.world.count_fault();
            return match self.world.roll(|rng| rng.u8(..3)) {
                0 => Answer::bare(Verdict::NotExecuted(NotExecuted::NotSent)),
                1 if !self.outage() => self.meter_429(),
                _ => Answer::bare(Verdict::InDoubt(Code::UnreadableList.into())),
            };
        }
        // A replica may be some seconds behind.
        let stale = if self.world.chance(manners.list_stale) {
            self.world.roll(|rng| rng.i64(0..10_000))
        } else {
            0
        };
        let asof = clock::elapsed() - stale;
        let books = self.books.lock().unwrap();
        let mut list: Vec<Method> = books
            .users
            .get(&user)
            .into_iter()
            .flatten()
            .filter(|held| held.born <= asof)
            .map(|held| held.listed.clone())
            .collect();
        drop(books);
        if manners.ageless {
            for method in &mut list {
                method.created_at = clock::store();
            }
        }
        // In no order that means anything, but the same on each page.
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        list.sort_by_cached_key(|method| hasher.hash_one(&method.id));
        if manners.partial_lists {
            list.truncate(list.len() / 2);
        }
        self.answer(Verdict::Done(nth_page(list, number)), 200)
    }

    async fn get(&self, user: &UserId, method: &str) -> Answer<Method> {
        self.repeatable(user, |held| {
            let found = held.iter().find(|held| held.id == method);
            found.map(|held| held.listed.clone())
        })
        .await
    }

    async fn replace(&self, user: &UserId, factors: &[Factor], _: &str) -> Answer<Vec<SetMethod>> {
        let set: Vec<Held> = factors.iter().map(|factor| self.hold(factor)).collect();
        self.repeatable(user, |held| {
            let method = |held: &Held| SetMethod {
                id: held.id.clone(),
                factor_type: held.listed.factor_type,
            };
            let methods = set.iter().map(method).collect();
            *held = set;
            Some(methods)
        })
        .await
    }

    async fn update(&self, user: &UserId, method: &str, update: Update<'_>, _: &str) -> Answer<()> {
        self.repeatable(user, |held| {
            let found = held.iter_mut().find(|held| held.id == method)?;
            if let Some(name) = update.name {
                found.listed.name = Some(name.to_owned());
            }
            Some(())
        })
        .await
    }

    async fn delete(&self, user: &UserId, method: Option<&str>, _: &str) -> Answer<()> {
        self.repeatable(user, |held| {
            let before = held.len();
            held.retain(|held| method.is_some_and(|method| held.id != method));
            (method.is_none() || held.len() < before).then_some(())
        })
        .await
    }

    fn clock_skew(&self) -> Option<ClockSkew> {
        if self.manners.own_clock {
            Some(ClockSkew::default())
        } else {
            self.clock.lock().unwrap().skew()
        }
    }

    fn least_skew(&self) -> Option<ClockSkew> {
        if self.manners.own_clock {
            Some(ClockSkew::default())
        } else {
            self.clock.lock().unwrap().least_skew()
        }
    }
}

/// Methods on a page of a list.
const PAGE: u64 = 2;

fn nth_page(list: Vec<Method>, number: u64) -> Page {
    let (total, start) = (list.len() as u64, number * PAGE);
    let rest = list.into_iter().skip(usize::try_from(start).unwrap());
    let methods = rest.take(usize::try_from(PAGE).unwrap()).collect();
    Page { methods, start: Some(start), size: PAGE, total: Some(total) }
}
