//! Whole runs against the simulated tenant over HTTP, with a ledger and a map on disk.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::SecretString;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{map::HEADER, people::*, *};
use crate::{
    auth0::{self, BaseUrl, Client, Credentials, READ_USERS},
    engine::{Concurrency, Stop},
    input::InputError,
    jobs::output::Output,
    ledger::{self, ByState, Ledger, LedgerKind, Reader},
    model::{Lines, LocalTime, Person, State},
    pacer::{Pacer, Rate},
    protocol::RetryPolicy,
    sandbox::{Sandbox, Settings, Stats, Verb},
    stats::RunStats,
};

/// People in memory.
#[derive(Debug)]
struct List(std::vec::IntoIter<Person>, u64);

impl PeopleReader for List {
    fn next_person(&mut self) -> Result<Option<Met>, InputError> {
        self.1 += 1;
        Ok(self
            .0
            .next()
            .map(|person| Met::Person(FirstRow { line: self.1, at: None }, Arc::new(person))))
    }

    fn length(&self) -> Option<u64> {
        Some(1)
    }

    fn lines(&self) -> Lines {
        Lines::default()
    }
}

fn person(id: usize, email: &str) -> Person {
    Person { id: Some(id.to_string()), email: Some(email.to_owned()), ..Person::default() }
}

fn people(emails: &[&str]) -> Vec<Person> {
    emails.iter().enumerate().map(|(id, email)| person(id, email)).collect()
}

fn settings(more: &serde_json::Value) -> Settings {
    let mut all = json!({"static_tokens": ["ready"], "journal": true, "users": [
        {"user_id": "auth0|ann", "email": "ann@corp.test", "email_verified": true},
        {"user_id": "auth0|plus", "email": "a+b@corp.test", "email_verified": true},
        {"user_id": "auth0|db", "email": "two@corp.test", "email_verified": true, "identities": [
            {"connection": "db", "user_id": "db", "provider": "auth0", "isSocial": false},
            {"connection": "google", "user_id": "g", "provider": "google-oauth2", "isSocial": true}
        ]},
        {"user_id": "samlp|two", "email": "two@corp.test", "email_verified": true},
        {"user_id": "auth0|new", "email": "new@corp.test", "email_verified": false},
        {"user_id": "auth0|Case", "email": "Case@corp.test", "email_verified": true},
    ]});
    all.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
    serde_json::from_value(all).unwrap()
}

/// Result of a run.
struct Done {
    end: End,
    /// Lines of the map after its header; none if there is no map.
    map: Option<Vec<String>>,
    totals: ByState,
    stats: Stats,
    asked: Vec<String>,
}

/// Folder, tenant, and what the runs in them share.
struct Bench {
    folder: tempfile::TempDir,
    attempts: u32,
    max_outage: Duration,
    rules: Rules,
    /// Stops the run once so many look-ups have arrived.
    stop_after: Option<u64>,
}

impl Bench {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            attempts: 3,
            max_outage: Duration::from_secs(5),
            rules: Rules::default(),
            stop_after: None,
        }
    }

    fn map(&self) -> PathBuf {
        self.folder.path().join("map.csv")
    }

    fn known(path: &Path) -> u64 {
        Reader::open(path).map_or(0, |reader| reader.taken_up().unwrap().sum())
    }

    fn limits(&self) -> Limits {
        Limits {
            concurrency: Concurrency::Fixed(4),
            window: 64,
            ahead_above: f64::INFINITY,
            max_outage: self.max_outage,
            max_errors: None,
            seed: 7,
            runtimes: Vec::new(),
        }
    }

    async fn run(&self, more: serde_json::Value, people: Vec<Person>) -> Done {
        let sandbox = Sandbox::start(settings(&more), 0).await.unwrap();
        let path = self.folder.path().join("ledger");
        let opening = ledger::Opening {
            tenant: "test",
            command: "resolve",
            kind: LedgerKind::People,
            input: "people",
            retry: vec![State::Failed],
            shard: None,
            now: LocalTime::default,
        };
        let known = if path.exists() { Self::known(&path) } else { 0 };
        let opened = Ledger::open(&path, opening).unwrap();
        let owner = tokio::task::spawn_blocking(|| opened.owner.block());
        let output = Output::file(&self.map(), if known > 0 { known + 1 } else { 0 }).unwrap();
        let pacer = Arc::new(Pacer::new(Rate::PerSecond(2_000.0), 0.2));
        let (stop, limits) = (CancellationToken::new(), self.limits());
        let gateway = Gateway {
            api: Arc::new(client(&sandbox, &pacer)),
            pacer,
            policy: RetryPolicy::new(self.attempts, Duration::from_secs(1)),
            stop: stop.clone(),
            stats: Arc::new(RunStats::default()),
            refusals: Arc::default(),
            now: LocalTime::default,
        };
        let ledger = opened.ledger;
        let reader = Box::new(List(people.into_iter(), 0));
        let questions = start(reader, opened.key, ledger.clone(), Arc::default()).unwrap();
        let mut map = MapWriter::new(ledger.clone(), output, known);
        let rules = self.rules.clone();
        let run = run(gateway, limits, questions, rules, ledger.tally(), &mut map);
        let stopping = async {
            while self.stop_after.is_none_or(|most| sandbox.stats().users_by_email < most) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            stop.cancel();
            std::future::pending::<()>().await;
        };
        let end = tokio::select! {
            end = run => end,
            () = stopping => unreachable!("it never ends"),
        };
        map.finish(&end).await.unwrap();
        ledger.end_run(end.completion()).await.unwrap();
        drop(ledger);
        owner.await.unwrap().unwrap();
        let stats = sandbox.stats();
        let asked = sandbox.arrivals().into_iter().map(|arrival| arrival.user_id).collect();
        sandbox.stop().await;
        let totals = Reader::open(&path).unwrap().totals().unwrap();
        let map = fs::read_to_string(self.map()).ok().map(|text| {
            let lines = text.strip_prefix(HEADER).expect("a header");
            lines.lines().map(str::to_owned).collect()
        });
        Done { end, map, totals, stats, asked }
    }
}

fn client(sandbox: &Sandbox, pacer: &Arc<Pacer>) -> Client {
    Client::new(auth0::Settings {
        base: BaseUrl::parse(&sandbox.base_url()).unwrap(),
        credentials: Credentials::Token(SecretString::from("ready")),
        scopes: &[READ_USERS],
        proxy: None,
        timeout: Duration::from_millis(300),
        concurrency: 4,
        now: LocalTime::default,
        pacer: Arc::clone(pacer),
    })
    .unwrap()
}

#[tokio::test]
async fn people_are_found_and_whoever_is_not_stays_in_the_map_with_the_reason() {
    let mut all = people(&[
        "ann@corp.test",
        "a+b@corp.test",
        "ANN@corp.test",
        "Case@corp.test",
        "case@corp.test",
        "nobody@corp.test",
        "two@corp.test",
        "new@corp.test",
        "no address",
        "ill formed@corp.test",
        "ann@corp.test",
    ]);
    all[10].is_email_verified = Some(false);
    all.push(Person { username: Some("x".to_owned()), ..Person::default() });
    // The same person again, wherever the rows are.
    all.push(all[0].clone());
    let expected = [
        "auth0|ann,0,ann@corp.test,,",
        "auth0|plus,1,a+b@corp.test,,",
        "auth0|ann,2,ANN@corp.test,,",
        "auth0|Case,3,Case@corp.test,,",
        ",4,case@corp.test,,user_not_found",
        ",5,nobody@corp.test,,user_not_found",
        ",6,two@corp.test,,user_ambiguous",
        "auth0|new,7,new@corp.test,,",
        ",8,no address,,not_an_address",
        ",9,ill formed@corp.test,,invalid_query_string",
        ",10,ann@corp.test,,email_not_verified",
        ",,,x,user_not_mapped",
    ];
    let bench = Bench::new();
    let done = bench.run(json!({}), all.clone()).await;
    assert!(done.end.is_complete(), "{:?}", done.end);
    assert_eq!(done.map.unwrap(), expected);
    assert_eq!((done.totals[State::Resolved], done.totals[State::Rejected]), (5, 7));
    // Each spelling once, whoever has it; in lower case only where nobody has it as it is written.
    let mut asked = done.asked;
    asked.sort_unstable();
    let expected_asked = [
        "ANN@corp.test",
        "Case@corp.test",
        "a+b@corp.test",
        "ann@corp.test",
        "case@corp.test",
        "ill formed@corp.test",
        "new@corp.test",
        "nobody@corp.test",
        "two@corp.test",
    ];
    assert_eq!(asked, expected_asked);
    assert_eq!(fs::metadata(bench.map()).unwrap().permissions().mode() & 0o777, 0o600);
    // Again: nobody is asked for, and the map stays as it is.
    let again = bench.run(json!({}), all).await;
    assert_eq!((again.stats.users_by_email, again.map.unwrap().len()), (0, expected.len()));
}

#[tokio::test]
async fn a_connection_chooses_by_any_linked_identity_and_trust_is_asked_for() {
    for (connection, expected) in [
        ("google", "auth0|db,0,two@corp.test,,"),
        ("samlp", "samlp|two,0,two@corp.test,,"),
        ("other", ",0,two@corp.test,,user_not_found"),
    ] {
        let mut bench = Bench::new();
        bench.rules.connection = Some(connection.to_owned());
        let done = bench.run(json!({}), people(&["two@corp.test"])).await;
        assert_eq!(done.map.unwrap(), [expected], "{connection}");
    }
    let mut bench = Bench::new();
    bench.rules.trusts_unverified = true;
    let mut all = people(&["new@corp.test", "ann@corp.test"]);
    all[1].is_email_verified = Some(false);
    let done = bench.run(json!({}), all).await;
    assert_eq!(done.map.unwrap(), ["auth0|new,0,new@corp.test,,", "auth0|ann,1,ann@corp.test,,"]);
}

/// Many people, half of whom are there, under whatever happens to the answers.
#[tokio::test]
async fn nobody_is_taken_for_absent_or_left_out_because_an_answer_was_lost() {
    let emails: Vec<String> = (0..60)
        .map(|n| if n % 2 == 0 { format!("p{n}@corp.test") } else { "ann@corp.test".to_owned() })
        .collect();
    let all = || -> Vec<Person> { emails.iter().enumerate().map(|(n, e)| person(n, e)).collect() };
    let under = async |faults: &'static str| {
        let mut bench = Bench::new();
        bench.attempts = 12;
        // Faults can come so close together, above all beside answers that a busy machine is late
        // to read, that they are an outage; it ends, as they are few.
        bench.max_outage = Duration::from_secs(60);
        let done = bench.run(json!({"faults": [faults], "late_by_ms": 600}), all()).await;
        assert!(done.end.is_complete(), "{faults}: {:?}", done.end);
        let map = done.map.unwrap();
        assert_eq!(map.len(), 60, "{faults}");
        for (n, line) in map.iter().enumerate() {
            let expected = if n % 2 == 0 {
                format!(",{n},p{n}@corp.test,,user_not_found")
            } else {
                format!("auth0|ann,{n},ann@corp.test,,")
            };
            assert_eq!(*line, expected, "{faults}");
        }
        assert!(done.stats.faults.values().sum::<u64>() > 0, "{faults} never struck");
    };
    // Each waits most of the time.
    let all_faults = [
        "429@get=20%x8",
        "503-before@get=20%x8",
        "500-after@get=20%x8",
        "cut@get=20%x8",
        "close-after@get=20%x8",
        "502-html-after@get=20%x8",
        "not-json@get=20%x8",
        "empty-201@get=20%x8",
        "late@get=30%x3",
    ];
    futures_util::future::join_all(all_faults.map(under)).await;
}

#[tokio::test]
async fn whoever_got_no_answer_is_asked_for_again_and_their_line_mended_in_its_place() {
    let all = people(&["nobody@corp.test", "ann@corp.test", "a+b@corp.test", "Case@corp.test"]);
    let mut bench = Bench::new();
    bench.attempts = 1;
    // The first two requests that are let through fail.
    let failing = json!({"faults": ["500-after@get=100%x2"]});
    let done = bench.run(failing, all.clone()).await;
    assert!(done.end.is_complete(), "{:?}", done.end);
    assert_eq!((done.totals[State::Failed], done.map.as_ref().unwrap().len()), (2, 4));
    let failed = done.map.unwrap().iter().filter(|line| line.ends_with(",http")).count();
    assert_eq!(failed, 2);
    // One more person has come since.
    let mut more = all;
    more.push(person(4, "two@corp.test"));
    let again = bench.run(json!({}), more).await;
    let expected = [
        ",0,nobody@corp.test,,user_not_found",
        "auth0|ann,1,ann@corp.test,,",
        "auth0|plus,2,a+b@corp.test,,",
        "auth0|Case,3,Case@corp.test,,",
        ",4,two@corp.test,,user_ambiguous",
    ];
    assert_eq!(again.map.unwrap(), expected);
    assert_eq!((again.stats.users_by_email, again.totals[State::Failed]), (3, 0));
}

#[tokio::test]
async fn a_run_that_was_stopped_goes_on_where_it_was() {
    let emails: Vec<String> = (0..200).map(|n| format!("p{n}@corp.test")).collect();
    let all = || -> Vec<Person> { emails.iter().enumerate().map(|(n, e)| person(n, e)).collect() };
    let mut bench = Bench::new();
    bench.stop_after = Some(80);
    let done = bench.run(json!({"latency_ms": [1, 3]}), all()).await;
    assert!(matches!(done.end, End::Stopped(Stop::Asked)), "{:?}", done.end);
    assert!(done.map.is_none(), "a map that is not whole is not in its place");
    let settled = done.totals.sum();
    assert!((70..200).contains(&settled), "{settled}");
    bench.stop_after = None;
    let again = bench.run(json!({}), all()).await;
    assert!(again.end.is_complete(), "{:?}", again.end);
    assert_eq!(again.stats.users_by_email, 200 - settled);
    let expected: Vec<_> =
        (0..200).map(|n| format!(",{n},p{n}@corp.test,,user_not_found")).collect();
    assert_eq!(again.map.unwrap(), expected);
}

#[tokio::test]
async fn an_outage_is_waited_out_and_asked_about_with_the_same_kind_of_request() {
    let emails: Vec<String> = (0..120).map(|n| format!("p{n}@corp.test")).collect();
    let all: Vec<Person> = emails.iter().enumerate().map(|(n, e)| person(n, e)).collect();
    let mut bench = Bench::new();
    bench.max_outage = Duration::from_secs(30);
    let outage = json!({"outages": [{"from_s": 0.02, "to_s": 0.8, "kind": "refuse503"}],
        "latency_ms": [2, 4], "scopes": ["read:users"]});
    let done = bench.run(outage, all).await;
    assert!(done.end.is_complete(), "{:?}", done.end);
    assert_eq!(done.stats.users_by_email, done.stats.requests(Verb::Get));
    assert!(done.stats.outages > 0);
    assert_eq!(done.map.unwrap().len(), 120);
}
