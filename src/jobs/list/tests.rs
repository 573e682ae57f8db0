//! Questions and answers against a scripted tenant, on a paused clock.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{verify::Group, *};
use crate::{
    api::{Answer, CreatedMethod, NotExecuted, Page, SetMethod, Update, Verdict},
    engine::{Concurrency, IntakeEvent, Stop, in_order::QUESTIONS_AHEAD},
    error::Error,
    model::{ClockSkew, Contact, Credential, Factor, LocalTime, Method, UserId},
    pacer::{Pacer, Rate},
    protocol::RetryPolicy,
    stats::RunStats,
};

/// Says of a user, on being asked for so many times, what the answer is.
type Script = fn(&str, u32) -> Verdict<Vec<Method>>;

struct Scripted {
    script: Script,
    latency: fn(u32) -> Duration,
    /// Pages with a method each that come before the end of every list.
    pages: u64,
    asked: Mutex<HashMap<String, u32>>,
    /// Threads that have asked.
    threads: Mutex<HashSet<ThreadId>>,
    in_flight: AtomicUsize,
    most: AtomicUsize,
}

impl Api for Scripted {
    async fn prepare(&self) -> Answer<()> {
        Answer::bare(Verdict::Done(()))
    }

    async fn create(&self, _: &Factor, _: &str) -> Answer<CreatedMethod> {
        unreachable!("verify creates nothing")
    }

    async fn page(&self, user: &UserId, page: u64) -> Answer<Page> {
        let times = {
            let mut asked = self.asked.lock().unwrap();
            let times = asked.entry(user.to_string()).or_default();
            *times += 1;
            *times
        };
        self.threads.lock().unwrap().insert(thread::current().id());
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        sleep((self.latency)(number_of(user.as_str()))).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let part = |_| Page {
            methods: vec![Method { id: page.to_string(), ..Method::default() }],
            start: Some(page),
            size: 1,
            total: None,
        };
        let verdict = (self.script)(user.as_str(), times);
        let verdict =
            if page < self.pages { verdict.map(part) } else { verdict.map(|list| end(list, page)) };
        Answer { requests: 1, ..Answer::bare(verdict) }
    }

    async fn get(&self, _: &UserId, _: &str) -> Answer<Method> {
        unreachable!("this survey asks for lists only")
    }

    async fn replace(&self, _: &UserId, _: &[Factor], _: &str) -> Answer<Vec<SetMethod>> {
        unreachable!("this survey asks for lists only")
    }

    async fn update(&self, _: &UserId, _: &str, _: Update<'_>, _: &str) -> Answer<()> {
        unreachable!("this survey asks for lists only")
    }

    async fn delete(&self, _: &UserId, _: Option<&str>, _: &str) -> Answer<()> {
        unreachable!("this survey asks for lists only")
    }

    fn clock_skew(&self) -> Option<ClockSkew> {
        None
    }
}

/// The last page of a list that has so many methods before it.
fn end(methods: Vec<Method>, before: u64) -> Page {
    if before == 0 {
        return Page::whole(methods);
    }
    Page { methods, start: Some(before), size: 50, total: None }
}

fn number_of(user: &str) -> u32 {
    // Nobody, whom a health check may ask about, is none of them.
    user.rsplit('|').next().unwrap().parse().unwrap_or(u32::MAX)
}

fn group(number: u64) -> Group {
    let user = UserId::parse(&format!("auth0|{number}")).unwrap();
    let credential = Credential::Email { address: Contact::new("a@example.com".into()) };
    let factor = Factor { line: number, at: None, user: user.clone(), name: None, credential };
    Group { user: Some(user), factors: vec![factor], ..Group::default() }
}

/// Later ones are answered sooner.
fn ever_sooner(number: u32) -> Duration {
    Duration::from_millis(u64::from(1000 - number % 500))
}

fn scripted(script: Script, latency: fn(u32) -> Duration) -> Arc<Scripted> {
    let (asked, threads) = Default::default();
    let (in_flight, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Arc::new(Scripted { script, latency, pages: 0, asked, threads, in_flight, most })
}

fn groups(users: u64) -> JobReceiver<Group> {
    let (send, groups) = mpsc::channel(4);
    tokio::spawn(async move {
        for number in 0..users {
            if send.send(IntakeEvent::More(vec![group(number)])).await.is_err() {
                return;
            }
        }
        drop(send.send(IntakeEvent::End).await);
    });
    groups
}

/// Runs a survey. Returns each line with the reason why it has no list, how the run ended, and the
/// tenant.
async fn survey(
    script: Script,
    users: u64,
    max_outage: Duration,
) -> (Vec<(u64, Option<String>)>, End, Arc<Scripted>) {
    let api = scripted(script, ever_sooner);
    let line = gateway(&api, 1000.0);
    let limits = limits(8, max_outage);
    let mut told = Told::<false>::default();
    let end = run(line, limits, groups(users), &mut told).await;
    (told.lines, end, api)
}

fn gateway<A>(api: &Arc<A>, rate: f64) -> Gateway<A> {
    Gateway {
        api: Arc::clone(api),
        pacer: Arc::new(Pacer::new(Rate::PerSecond(rate), 0.2)),
        policy: RetryPolicy::new(3, Duration::from_secs(1)),
        stop: CancellationToken::new(),
        stats: Arc::new(RunStats::default()),
        refusals: Arc::default(),
        now: LocalTime::default,
    }
}

fn limits(concurrency: usize, max_outage: Duration) -> Limits {
    Limits {
        concurrency: Concurrency::Fixed(concurrency),
        window: 8192,
        ahead_above: f64::INFINITY,
        max_outage,
        max_errors: None,
        seed: 7,
        runtimes: Vec::new(),
    }
}

/// Each line, and why there was no list; and when each was told.
#[derive(Default)]
struct Told<const GAPS: bool> {
    lines: Vec<(u64, Option<String>)>,
    at: Vec<Instant>,
}

impl<const GAPS: bool> Collector<Answered<Group>> for Told<GAPS> {
    const GAPS: bool = GAPS;

    async fn take(&mut self, answered: Answered<Group>) -> Result<(), Error> {
        let Answered { question: group, listed } = answered;
        self.lines.push((group.factors[0].line, listed.err().map(|why| why.to_string())));
        self.at.push(Instant::now());
        Ok(())
    }
}

const LONG: Duration = Duration::from_secs(1800);

#[tokio::test(start_paused = true)]
async fn answers_are_told_in_input_order_and_no_more_are_in_flight_than_allowed() {
    let script: Script = |user, times| match (number_of(user) + times) % 4 {
        1 => Verdict::InDoubt(Reason::http(503)),
        2 => Verdict::NotExecuted(NotExecuted::Throttled),
        3 => Verdict::NotExecuted(NotExecuted::NotSent),
        _ => Verdict::Done(Vec::new()),
    };
    let (told, end, api) = survey(script, 300, LONG).await;
    assert!(end.is_complete(), "{end:?}");
    assert_eq!(told, (0..300).map(|line| (line, None)).collect::<Vec<_>>());
    assert!(api.most.load(Ordering::SeqCst) <= 8);
}

#[tokio::test(start_paused = true)]
async fn a_user_whose_list_never_comes_is_unanswered_even_as_the_last_one() {
    for poisoned in ["auth0|0", "auth0|49"] {
        let script: Script = match poisoned {
            "auth0|0" => |user, _| bad_if(user == "auth0|0"),
            _ => |user, _| bad_if(user == "auth0|49"),
        };
        let (told, end, api) = survey(script, 50, LONG).await;
        assert!(end.is_complete(), "{end:?}");
        let (good, bad): (Vec<_>, Vec<_>) = told.into_iter().partition(|(_, why)| why.is_none());
        assert_eq!((good.len(), bad.len()), (49, 1));
        assert_eq!(bad[0].1.as_deref(), Some("no_usable_list"));
        assert_eq!(format!("auth0|{}", bad[0].0), poisoned);
        assert_eq!(api.asked.lock().unwrap()[poisoned], 3);
    }
}

/// Runs a survey of sixty users, four at a time, with workers on two runtimes besides this one.
async fn survey_on_three_threads(script: Script) -> (usize, End, Arc<Scripted>) {
    let api = scripted(script, |_| Duration::from_millis(20));
    let runtimes: Vec<_> = (0..2)
        .map(|_| {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1).thread_name("elsewhere").enable_all().build().unwrap()
        })
        .collect();
    let handles = runtimes.iter().map(|runtime| runtime.handle().clone()).collect();
    let limits = Limits { runtimes: handles, ..limits(4, LONG) };
    let mut told = Told::<false>::default();
    let end = run(gateway(&api, 1000.0), limits, groups(60), &mut told).await;
    runtimes.into_iter().for_each(Runtime::shutdown_background);
    (told.lines.len(), end, api)
}

#[tokio::test]
async fn workers_are_spread_over_all_runtimes() {
    let (told, end, api) = survey_on_three_threads(|_, _| Verdict::Done(Vec::new())).await;
    assert!(end.is_complete(), "{end:?}");
    assert_eq!(told, 60);
    assert_eq!(api.threads.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_worker_that_panics_on_another_runtime_ends_the_run() {
    let script: Script = |_, _| {
        assert_ne!(thread::current().name(), Some("elsewhere"), "as it should");
        Verdict::Done(Vec::new())
    };
    let (told, end, _) = survey_on_three_threads(script).await;
    let End::Failed(Error::Internal(why)) = end else { panic!("{end:?}") };
    assert_eq!(why, "a worker panicked");
    assert!(told < 60, "{told}");
}

fn bad_if(bad: bool) -> Verdict<Vec<Method>> {
    if bad { Verdict::InDoubt(Reason::http(500)) } else { Verdict::Done(Vec::new()) }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_to_everybody_stops_the_run_before_all_are_asked() {
    let script: Script = |_, _| Verdict::Refused(Code::Forbidden.into());
    let (_, end, api) = survey(script, 200, LONG).await;
    let End::Failed(error) = end else { panic!("{end:?}") };
    assert_eq!(error.code(), "everybody_refused");
    let asked = api.asked.lock().unwrap().len();
    assert!((20..=28).contains(&asked), "{asked}");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer_and_is_told() {
    let script: Script = |user, _| {
        Verdict::Refused(if user == "auth0|0" {
            Code::InvalidUri.into()
        } else {
            Code::Forbidden.into()
        })
    };
    let (told, _, _) = survey(script, 2, LONG).await;
    assert_eq!(told, [(0, Some("invalid_uri".into())), (1, Some("forbidden".into()))]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_checked_ever_more_rarely_and_ends_the_run_when_it_is_too_long() {
    let began = Instant::now();
    let (told, end, api) = survey(|_, _| bad_if(true), 1000, LONG).await;
    let End::Failed(Error::Outage { lasted, .. }) = end else { panic!("{end:?}") };
    assert!(lasted >= LONG && began.elapsed() < LONG + Duration::from_secs(60));
    assert_eq!(told, []);
    let requests: u32 = api.asked.lock().unwrap().values().sum();
    assert!(requests < 100, "{requests} requests in half an hour");
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_before_all_that_was_asked_ahead_of_it() {
    let began = Instant::now();
    let script: Script = |user, times| bad_if(user == "auth0|0" && times == 1);
    let api = scripted(script, |_| Duration::from_millis(200));
    let mut told = Told::<false>::default();
    let end = run(gateway(&api, 100.0), limits(50, LONG), groups(300), &mut told).await;
    assert!(end.is_complete(), "{end:?}");
    // Two answers, and the longest first delay of the schedule between them. All 300 take 3 s.
    let head = Duration::from_millis(200 + 500 + 200 + 50);
    for (line, at) in (0..).zip(&told.at) {
        let by = head.max(Duration::from_millis(line * 10 + 200 + 50));
        assert!(*at - began <= by, "line {line} was told after {:?}", *at - began);
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_is_asked_ahead_of_an_answer_that_takes_long_than_is_allowed() {
    let latency = |number| Duration::from_secs(if number == 0 { 600 } else { 1 });
    let api = scripted(|_, _| bad_if(false), latency);
    let asked = Arc::clone(&api);
    let look = tokio::spawn(async move {
        sleep(Duration::from_secs(599)).await;
        asked.asked.lock().unwrap().len()
    });
    let mut told = Told::<false>::default();
    let end = run(gateway(&api, 1000.0), limits(8, LONG), groups(300), &mut told).await;
    assert!(end.is_complete(), "{end:?}");
    assert_eq!((look.await.unwrap(), told.lines.len()), (8 * QUESTIONS_AHEAD, 300));
}

/// The lines that are told when the run is stopped while the first answer has not come.
async fn told_when_stopped<const GAPS: bool>() -> Vec<u64> {
    let script: Script = |user, _| bad_if(user == "auth0|0");
    let api = scripted(script, |number| Duration::from_millis(if number == 0 { 900 } else { 100 }));
    let line = gateway(&api, 1000.0);
    let stop = line.stop.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(1)).await;
        stop.cancel();
    });
    let mut told = Told::<GAPS>::default();
    let end = run(line, limits(8, LONG), groups(20), &mut told).await;
    assert!(matches!(end, End::Stopped(Stop::Asked)), "{end:?}");
    told.lines.into_iter().map(|(line, _)| line).collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_stopped_tells_what_it_knows_behind_a_gap_only_where_that_is_allowed() {
    assert_eq!(told_when_stopped::<true>().await, (1..20).collect::<Vec<_>>());
    assert_eq!(told_when_stopped::<false>().await, [] as [u64; 0]);
}

#[tokio::test(start_paused = true)]
async fn each_page_of_a_list_has_a_permit_of_its_own_and_only_the_one_that_fails_is_asked_again() {
    let began = Instant::now();
    // The second page of the first user fails once.
    let script: Script = |user, times| bad_if(user == "auth0|0" && times == 2);
    let scripted = scripted(script, |_| Duration::from_millis(1));
    let scripted = Scripted { pages: 2, ..Arc::into_inner(scripted).unwrap() };
    let api = Arc::new(scripted);
    let mut told = Told::<false>::default();
    let end = run(gateway(&api, 10.0), limits(8, LONG), groups(4), &mut told).await;
    assert!(end.is_complete(), "{end:?}");
    assert_eq!(told.lines, (0..4).map(|line| (line, None)).collect::<Vec<_>>());
    let requests: u32 = api.asked.lock().unwrap().values().sum();
    assert_eq!(requests, 4 * 3 + 1);
    assert!(began.elapsed() >= Duration::from_millis(1200), "{:?}", began.elapsed());
}
