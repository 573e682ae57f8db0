//! The fault matrix (reliability.md 2), row by row: what goes wrong, how it is made to, and how a
//! run must end. A row is made here, or held by another test, or it is said why it is not.
//!
//! `cargo test --test it matrix -- --nocapture` prints the table; `MFAFERRY_TEST_ROW=33` runs one
//! row alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::{TcpListener, TcpStream},
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    process::{Child, Command},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use mfaferry::sandbox::{Conflict, Fault, Kind, Limit, Method, RetryAfter, Settings, Users, Verb};
use serde_json::{Value, json};

use crate::{
    between::{Answer, Between, Request, Reset, replace, reply},
    door::Door,
    support::{Bench, around, binary, factors, read, run_bounded, signal, spawn, until},
    tls,
};

/// Factors of each run, of eight users.
const FACTORS: usize = 24;
/// Of every tenant here.
const SEED: u64 = 23;
/// Cases side by side: most of a case is waiting.
const LANES: usize = 8;

/// A row of the matrix.
struct Row {
    number: usize,
    fault: &'static str,
    cover: Vec<Cover>,
}

/// What holds it.
enum Cover {
    /// A run, made here.
    Case(Box<Case>),
    /// Something that is not quite a run, made here.
    Check(&'static str, fn()),
    /// Tests elsewhere.
    Tests(&'static [&'static str]),
    /// Nothing, and why.
    Nothing(&'static str),
}

/// One way to make a fault, and what must come of it.
#[expect(clippy::struct_excessive_bools, reason = "a row of a table")]
struct Case {
    what: String,
    tenant: Settings,
    path: Path,
    /// A ready token, so that not even a token has to be asked for.
    token: bool,
    flags: Vec<&'static str>,
    /// Before the run.
    before: fn(&Bench),
    /// During the run.
    during: fn(&Bench, &Child),
    /// How the first run may end; any way at all, if there is none.
    exits: &'static [i32],
    /// Rows that the ledger must have after it.
    first: &'static [(&'static str, RangeInclusive<usize>)],
    /// After the first run the tenant is a healthy one, which knows nothing of the first.
    mended: bool,
    /// Where the rows must stand in the end, after as many runs as it takes.
    end: BTreeMap<String, usize>,
    /// POSTs in all.
    posts: RangeInclusive<u64>,
    /// GETs and tokens in all.
    gets: RangeInclusive<u64>,
    tokens: RangeInclusive<u64>,
    /// Whether the tenant holds what was asked for and nothing else.
    audited: bool,
    /// Whether another run gets further.
    finishes: bool,
}

/// How the binary reaches the tenant, or does not.
#[derive(Clone, Copy)]
enum Path {
    Straight,
    Through(Reset, Answer),
    /// In a shell that does something first.
    Shell(&'static str),
    /// At first this is where the tenant should be.
    Away(fn() -> Door),
}

/// A case of a tenant with these faults, which never says 409: what is sent twice is there twice.
fn tenant(faults: &str) -> Case {
    Case {
        what: if faults.is_empty() { "no other fault".into() } else { faults.into() },
        tenant: Settings {
            faults: Fault::parse_list(faults).unwrap(),
            conflict: Conflict::OFF,
            static_tokens: vec!["ready".into()],
            late_by_ms: 900,
            seed: SEED,
            ..Settings::default()
        },
        path: Path::Straight,
        token: false,
        flags: vec!["--timeout", "500ms", "--settle", "250ms", "--concurrency", "4"],
        before: |_| {},
        during: |_, _| {},
        exits: &[0],
        first: &[],
        mended: false,
        end: BTreeMap::from([("created".into(), FACTORS)]),
        posts: 0..=u64::MAX,
        gets: 0..=u64::MAX,
        tokens: 0..=u64::MAX,
        audited: true,
        finishes: true,
    }
}

/// A case with somebody between, who passes on nothing but what `answer` says.
fn through(what: &str, faults: &str, answer: Answer) -> Case {
    let path = Path::Through(|_| false, answer);
    Case { path, ..tenant(faults) }.called(what)
}

/// Closes what descriptors bash was given but the standard ones, so that a limit on them means the
/// same whoever runs the tests. (`sh` may not be able to name one above 9.)
const DISINHERIT: &str =
    "for fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd < 3)) || eval \"exec $fd>&-\"; done";

#[test]
fn a_case_in_a_shell_has_no_descriptors_of_those_who_run_the_tests() {
    let script = format!("{DISINHERIT}; echo /proc/$$/fd/*");
    let mut listing = Command::new("bash");
    listing.args(["-c", &script]);
    let given = "exec 3</dev/null 9</dev/null 12</dev/null; exec \"$0\" \"$@\"";
    let done = run_bounded(&mut around("bash", &["-c", given], &listing));
    let left: Vec<_> =
        done.stdout.split_whitespace().map(|path| path.rsplit('/').next().unwrap()).collect();
    // The last is bash's own, for as long as it lists them.
    assert_eq!(left, ["0", "1", "2", "3"], "{done:?}");
}

/// A case in a shell.
fn shell(what: &str, script: &'static str) -> Case {
    Case { path: Path::Shell(script), ..tenant("") }.called(what)
}

impl Case {
    fn called(mut self, what: &str) -> Self {
        what.clone_into(&mut self.what);
        self
    }

    /// Every factor was sent once, and only once.
    fn once(mut self) -> Self {
        self.posts = FACTORS as u64..=FACTORS as u64;
        self
    }

    fn flags(mut self, flags: &[&'static str]) -> Self {
        self.flags.extend(flags);
        self
    }

    fn exits(mut self, exits: &'static [i32]) -> Self {
        self.exits = exits;
        self
    }

    fn first(mut self, first: &'static [(&'static str, RangeInclusive<usize>)]) -> Self {
        self.first = first;
        self
    }

    fn end(mut self, end: &[(&str, usize)]) -> Self {
        self.end = end.iter().map(|(state, count)| ((*state).to_owned(), *count)).collect();
        self
    }

    /// This tenant never comes round: no row is burnt, and that is all.
    fn never(mut self) -> Self {
        self.finishes = false;
        self.first = &[("created", 0..=0), ("rejected", 0..=0), ("failed", 0..=0)];
        self
    }

    fn with(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.tenant);
        self
    }

    fn set(mut self, set: impl FnOnce(&mut Self)) -> Self {
        set(&mut self);
        self
    }

    /// The one function that runs every case.
    #[expect(clippy::too_many_lines, reason = "the one function that runs every case")]
    fn run(&self) {
        let what = &self.what;
        let mut bench = Bench::new(self.tenant.clone());
        let (csv, wanted, users) = factors(FACTORS);
        bench.write("in.csv", csv);
        (self.before)(&bench);
        let address = bench.tenant().addr();
        let between = match self.path {
            Path::Through(reset, answer) => Some(Between::start(address, reset, answer)),
            Path::Straight | Path::Shell(_) | Path::Away(_) => None,
        };
        let mut door = match self.path {
            Path::Away(door) => Some(door()),
            _ if self.mended => Some(Door::open(address)),
            _ => None,
        };
        let place = door.as_ref().map(|door| door.address);
        let place = place.or(between.as_ref().map(|one| one.address)).unwrap_or(address);
        let url = format!("http://{place}");
        let import = || {
            let mut command = binary();
            command.current_dir(bench.folder.path()).args(["import", "in.csv", "--base-url", &url]);
            command.args(["--rate", "2000", "--output", "json"]).args(&self.flags);
            command.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "secret");
            if self.token {
                command.env("AUTH0_API_TOKEN", "ready");
            }
            command
        };
        let mut command = match self.path {
            Path::Shell(script) => {
                around("bash", &["-c", &format!("{DISINHERIT}; {script}")], &import())
            }
            Path::Straight | Path::Through(..) | Path::Away(_) => import(),
        };
        let plain = import();
        let child = spawn(&mut command);
        (self.during)(&bench, &child);
        until("the run ends", || !alive(&child));
        let first = read(&child.wait_with_output().unwrap());
        let expected = first.code.is_some_and(|code| self.exits.contains(&code));
        assert!(expected || self.exits.is_empty(), "{what}: {first:?}");
        assert!(!first.stderr.contains("internal error"), "{what}: {first:?}");
        if !self.first.is_empty() {
            let states = bench.states("in.csv.ledger");
            for (state, range) in self.first {
                let count = states.get(*state).copied().unwrap_or_default();
                assert!(range.contains(&count), "{what}: {states:?} after {first:?}");
            }
        }
        if !self.finishes {
            return;
        }
        if self.mended {
            bench.replace_tenant(Settings { faults: vec![], ..self.tenant.clone() });
        }
        if let Some(door) = &mut door {
            door.lead_to(bench.tenant().addr());
        }
        let mut last = first;
        let mut again = plain;
        // With `--max-errors 5` a run may settle no more than five of the 24 rows.
        for _ in 0..5 {
            if !matches!(last.code, Some(0 | 4)) {
                last = run_bounded(&mut again);
            }
        }
        assert!(matches!(last.code, Some(0 | 4)), "{what}: {last:?}");
        assert_eq!(bench.states("in.csv.ledger"), self.end, "{what}: {last:?}");
        if self.audited {
            bench.audit("in.csv.ledger", &wanted, &users);
        }
        let stats = bench.tenant().stats();
        for (verb, range) in
            [(Verb::Post, &self.posts), (Verb::Get, &self.gets), (Verb::Token, &self.tokens)]
        {
            let count = stats.requests(verb);
            assert!(range.contains(&count), "{what}: {count} {verb:?} and not {range:?}; {last:?}");
        }
        assert_eq!(stats.overlaps, 0, "{what}");
    }
}

/// Whether a process is there and no zombie.
fn alive(child: &Child) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    status.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

fn case(case: Case) -> Cover {
    Cover::Case(Box::new(case))
}

/// Four of the first POSTs: what is sent again later goes through, and nobody is struck three times.
fn struck(request: &Request) -> bool {
    request.verb == "POST" && [0, 4, 8, 12].contains(&request.nth)
}

fn stop_once_refused(bench: &Bench, child: &Child) {
    until("the tenant has refused a request", || bench.tenant().stats().throttled > 0);
    assert!(alive(child), "it should wait for the tenant");
    signal(child, "-INT");
}

/// The table. `close-after` makes doubt where a row is about what is read to settle it.
#[rustfmt::skip] // A table is read in columns.
#[expect(clippy::too_many_lines, reason = "a table of 62 rows")]
fn table() -> Vec<Row> {
    use Cover::{Check, Nothing, Tests};
    let row = |number, fault, cover| Row { number, fault, cover };
    let outage = ["--max-outage", "1s"];
    vec![
        // Network
        row(1, "connect refused", vec![
            case(tenant("").called("nothing listens, a token is asked for").flags(&outage).exits(&[3])
                .set(|case| case.path = Path::Away(Door::closed)).once()),
            case(tenant("").called("nothing listens, the POST itself is refused").flags(&outage).exits(&[3])
                .set(|case| { case.path = Path::Away(Door::closed); case.token = true; })
                .first(&[("in_flight", 0..=0), ("failed", 0..=0)]).once()),
        ]),
        row(2, "connect hangs", vec![
            case(tenant("").called("full backlog, a token is asked for").flags(&outage).exits(&[3])
                .set(|case| case.path = Path::Away(Door::full)).once()),
            case(tenant("").called("full backlog, the POST itself hangs").flags(&outage).exits(&[3])
                .set(|case| { case.path = Path::Away(Door::full); case.token = true; })
                .first(&[("in_flight", 0..=0), ("failed", 0..=0)]).once()),
        ]),
        row(3, "DNS failure", vec![Check("a name nobody knows, in a network namespace without a network", no_such_name)]),
        row(4, "TLS certificate wrong", vec![Check("self-signed, expired, wrong host; and a good one", certificates)]),
        row(5, "TLS handshake stalls or breaks", vec![Check("a server that is silent, closes, or talks nonsense", broken_handshakes)]),
        row(6, "reset before the request is read", vec![
            case(tenant("").called("four connections are reset unread").set(|case| case.path = Path::Through(|number| [2, 5, 8, 11].contains(&number), Request::pass))),
        ]),
        row(7, "read, not executed, closed", vec![case(tenant("close-before=25%x5")), case(tenant("reset-before=25%x5"))]),
        row(8, "executed, then FIN", vec![
            case(tenant("close-after=30%").once()),
            case(tenant("close-after=30%").called("close-after=30%, one connection used again").flags(&["--concurrency", "1"]).once()),
        ]),
        row(9, "executed, then RST", vec![case(tenant("reset-after=30%").once())]),
        row(10, "executed, never answered", vec![case(tenant("late=15%").flags(&["--timeout", "300ms"]).once())]),
        row(11, "executed, half an answer", vec![
            case(tenant("cut=30%").once()),
            case(through("half a header", "", |request| {
                let answer = request.pass();
                if struck(request) { answer[..30].to_vec() } else { answer }
            }).once()),
        ]),
        row(12, "a byte a second", vec![case(tenant("drip=15%").once())]),
        row(13, "an endless answer", vec![
            case(tenant("endless=15%").once()),
            case(through("endless headers", "", |request| {
                let answer = request.pass();
                let endless = format!("\r\n{}", "x-more: and more\r\n".repeat(60_000));
                if struck(request) { replace(&answer, "\r\ndate", &format!("{endless}date")) } else { answer }
            }).once()),
        ]),
        row(14, "an idle connection is closed", vec![
            case(through("each connection is closed after its first answer, and nothing says so", "", |request| {
                replace(&request.pass(), "connection: close\r\n", "")
            })),
        ]),
        row(15, "a late commit within the settle time", vec![
            case(tenant("late-write=20%").with(|tenant| tenant.late_by_ms = 100).once()),
        ]),
        row(16, "a late commit after the settle time", vec![
            Tests(&["a_write_that_lands_after_the_settle_time_is_found_at_the_end_with_both_ids"]),
        ]),
        row(17, "HTTP/2 GOAWAY, REFUSED_STREAM, RST_STREAM", vec![
            Check("cannot happen: HTTP/2 is not compiled in", http_2_is_not_there),
        ]),
        row(18, "1xx noise, broken chunks", vec![
            case(through("100 and 103 before each answer", "", |request| {
                let noise = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";
                [&noise[..], &request.pass()].concat()
            }).once()),
            case(through("chunks that are none", "", |request| {
                let answer = request.pass();
                let chunks = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nnonsense\r\n";
                if struck(request) { chunks.to_vec() } else { answer }
            }).once()),
            case(through("no HTTP at all", "", |request| {
                let answer = request.pass();
                if struck(request) { b"220 smtp.example ESMTP\r\n".to_vec() } else { answer }
            }).once()),
        ]),
        row(19, "the network is gone for a while", vec![Tests(&[
            "an_outage_of_seconds_leaves_a_handful_in_doubt_and_is_probed_with_get",
            "a_long_outage_stops_the_run_with_5_and_the_next_run_finishes",
            "two_days_of_outages_expiries_and_crashes_lose_and_double_nothing",
        ])]),
        // API
        row(20, "429 with any Retry-After", vec![
            case(tenant("429=100%x2").called("no Retry-After")),
            case(tenant("429-bare=100%x2").called("no header at all")),
            case(tenant("429=100%x2").called("seconds").with(|tenant| tenant.retry_after = RetryAfter::Seconds)),
            case(tenant("429=100%x2").called("a date").with(|tenant| tenant.retry_after = RetryAfter::Date)),
            case(tenant("429=100%x2").called("0").with(|tenant| tenant.retry_after = RetryAfter::Literal("0".into()))),
            case(tenant("429=100%x2").called("-1").with(|tenant| tenant.retry_after = RetryAfter::Literal("-1".into()))),
            case(tenant("429=100%x2").called("garbage").with(|tenant| tenant.retry_after = RetryAfter::Literal("soon, très".into()))),
            // Cut down to 15 minutes; the next process asks anew.
            case(tenant("429=100%x1").called("1000000000").flags(&["--concurrency", "1"]).with(|tenant| tenant.retry_after = RetryAfter::Literal("1000000000".into()))
                .set(|case| case.during = stop_once_refused).exits(&[5]).first(&[("created", 0..=0)])),
        ]),
        row(21, "429 with an odd x-ratelimit-reset", vec![
            case(through("long past", "429=100%x2", |request| {
                odd_reset(&request.pass(), "1000")
            })),
            case(through("far in the future", "429=100%x1", |request| {
                odd_reset(&request.pass(), "99999999999")
            }).flags(&["--concurrency", "1"]).set(|case| case.during = stop_once_refused).exits(&[5]).first(&[("created", 0..=0)])),
            case(through("no number", "429=100%x2", |request| {
                odd_reset(&request.pass(), "tomorrow")
            })),
        ]),
        row(22, "a storm of 429", vec![
            // Four at most are under way when the window is empty.
            case(tenant("").called("ten requests a second").with(|tenant| {
                tenant.limit = Limit::FixedWindow { rate: 10, window_s: 1, burst: 10 };
            }).set(|case| case.posts = 24..=24 + 4 * 4)),
        ]),
        row(23, "5xx, not executed", vec![
            case(tenant("500-before=25%x5")), case(tenant("502-html-before=25%x5")), case(tenant("503-before=25%x5")),
            case(through("504", "", |request| {
                if struck(request) { reply("504 Gateway Timeout", "", "<html>") } else { request.pass() }
            })),
        ]),
        row(24, "5xx, though executed", vec![
            case(tenant("500-after=25%").once()), case(tenant("502-html-after=25%").once()), case(tenant("503-after=25%").once()),
            case(through("504", "", |request| {
                let answer = request.pass();
                if struck(request) { reply("504 Gateway Timeout", "", "<html>") } else { answer }
            }).once()),
        ]),
        row(25, "408", vec![case(tenant("408-before=25%x5")), case(tenant("408-after=25%").once())]),
        row(26, "401", vec![
            case(tenant("401=100%x1").called("once, sixteen at a time").flags(&["--concurrency", "16"])
                .set(|case| { case.tokens = 2..=2; case.posts = 25..=25; })),
            case(tenant("401=100%").called("always").exits(&[3]).first(&[("created", 0..=0), ("in_flight", 0..=0), ("failed", 0..=0)])
                .set(|case| case.mended = true)),
            case(tenant("401=100%").called("always, for a ready token").exits(&[3]).first(&[("created", 0..=0), ("in_flight", 0..=0)])
                .set(|case| { case.mended = true; case.token = true; })),
            Tests(&["tokens_are_renewed_once_for_everybody_when_they_die"]),
        ]),
        row(27, "the token endpoint fails", vec![
            case(tenant("503-before@token=100%x2").once()),
            case(tenant("429@token=100%x2").once()),
            case(tenant("not-json@token=100%x2").once()),
            case(tenant("empty-201@token=100%x2").once()),
            case(tenant("cut@token=100%x2").once()),
            case(tenant("close-after@token=100%x2").once()),
            case(tenant("hang@token=100%x1").flags(&["--timeout", "300ms"]).once()),
            case(tenant("drip@token=100%x1").once()),
            case(tenant("503-before@token=100%").called("503, always").flags(&outage).exits(&[5]).set(|case| case.mended = true).once()),
            case(tenant("not-json@token=100%").called("no JSON, always").flags(&outage).exits(&[3]).set(|case| case.mended = true).once()),
            case(tenant("hang@token=100%").called("no answer, always").flags(&outage).exits(&[3]).set(|case| case.mended = true).once()),
            case(tenant("307-before@token=100%").called("a redirect").exits(&[3]).set(|case| case.mended = true).once()),
        ]),
        row(28, "403", vec![
            case(tenant("").called("limit of entities").with(|tenant| tenant.cap_per_user = Some(1)).exits(&[4])
                .end(&[("created", 16), ("rejected", 8)]).once().set(|case| case.audited = true)),
            case(tenant("403-plan=100%").called("not in the plan").exits(&[3]).first(&[("rejected", 0..=0), ("in_flight", 0..=0)])
                .set(|case| case.mended = true)),
            Tests(&["missing_permission_and_bad_credentials_exit_3_and_burn_no_row"]),
        ]),
        row(29, "404", vec![
            case(tenant("").called("one user is not there").with(|tenant| tenant.users = Users::AnyBut(vec!["user3".into()]))
                .exits(&[4]).end(&[("created", 21), ("rejected", 3)]).once()),
            // The contract's breaker is --max-errors: off unless asked for.
            case(tenant("").called("no user is there").with(|tenant| tenant.users = Users::AnyBut(vec!["user".into()]))
                .exits(&[4]).end(&[("rejected", 24)]).once()),
            case(tenant("").called("no user is there, --max-errors").with(|tenant| tenant.users = Users::AnyBut(vec!["user".into()]))
                .flags(&["--max-errors", "5"]).exits(&[5]).first(&[("rejected", 5..=12)]).end(&[("rejected", 24)]).once()),
            case(through("404 for everything, and not Auth0's", "", |request| {
                if request.verb == "TOKEN" { request.pass() } else { reply("404 Not Found", "", "<html>") }
            }).exits(&[3]).never()),
        ]),
        row(30, "409", vec![
            case(tenant("").called("the same factor was there before").with(|tenant| tenant.conflict = Conflict::same_value())
                .set(|case| {
                    case.before = |bench| bench.tenant().seed("auth0|user0", vec![Method::new(Kind::Phone, "+14155000000")]);
                }).end(&[("created", 23), ("already_present", 1)]).once()),
            // Executed, answered 409 by somebody who repeats requests on his own.
            case(through("409 for one of ours", "", |request| {
                let answer = request.pass();
                if struck(request) { request.pass() } else { answer }
            }).with(|tenant| tenant.conflict = Conflict::same_value()).end(&[("already_present", 4), ("created", 20)])),
        ]),
        row(31, "a redirect to another host", vec![Check("301, 302, 303, 307, 308", redirects)]),
        row(32, "200 with HTML, truncated JSON", vec![
            case(tenant("not-json=25%").once()),
            case(tenant("close-after=25%,not-json@get=30%").once()),
            case(tenant("close-after=25%,cut@get=30%").once()),
            case(through("a captive portal answers for the tenant", "", |request| {
                if struck(request) { reply("200 OK", "content-type: text/html\r\n", "<html>Sign in</html>") } else { request.pass() }
            })),
            case(through("202, and it was executed", "", |request| {
                let answer = request.pass();
                if struck(request) { reply("202 Accepted", "", "") } else { answer }
            }).once()),
        ]),
        row(33, "a list that cannot be believed", vec![
            case(through("stale once", "close-after=25%", |request| {
                if request.verb != "GET" || request.nth > 0 { return request.pass(); }
                request.with_body(|mut list| { list["authenticators"] = json!([]); list["total"] = json!(0); list })
            }).once()),
            case(through("an item twice", "close-after=25%", |request| {
                list_at_first(request, |mut list| {
                    let twice = [items(&list), items(&list)].concat();
                    list["total"] = json!(twice.len());
                    list["authenticators"] = json!(twice);
                    list
                })
            }).once()),
            case(through("a page is missing", "close-after=25%", |request| {
                list_at_first(request, |mut list| { list["authenticators"] = json!([]); list })
            }).once()),
            case(through("endless pages", "close-after=100%x1", |request| {
                if request.verb != "GET" || request.nth >= 1 { return request.pass(); }
                let first = format!("{}?page=0", request.path.split('?').next().unwrap());
                let page = request.ask("GET", &first, "", b"");
                let at = page.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
                let list: Value = serde_json::from_slice(&page[at..]).unwrap();
                let endless = json!({"total": 1_000_000, "authenticators": list});
                reply("200 OK", "content-type: application/json\r\n", &endless.to_string())
            }).set(|case| case.gets = 3..=6).once()),
            case(tenant("close-after=25%,503-before@get=30%").called("a page fails").once()),
            case(through("items without a name, and of a type nobody knows", "close-after=25%", |request| {
                if request.verb != "GET" { return request.pass(); }
                request.with_body(|mut list| {
                    let mut all = items(&list);
                    all.push(json!({"id": "new|1", "type": "telepathy", "created_at": "2030-01-01T00:00:00.000Z"}));
                    list["total"] = json!(all.len());
                    list["authenticators"] = json!(all);
                    list
                })
            }).once()),
            case(through("no list in it", "close-after=25%", |request| list_at_first(request, |_| json!({"error": "?"}))).once()),
        ]),
        row(34, "a list as array or object", vec![
            case(through("an array", "close-after=25%", |request| {
                if request.verb == "GET" { request.with_body(|list| json!(items(&list))) } else { request.pass() }
            }).once()),
            case(through("no total", "close-after=25%", |request| {
                if request.verb != "GET" { return request.pass(); }
                request.with_body(|mut list| { list.as_object_mut().unwrap().remove("total"); list })
            }).set(|case| case.posts = 24..=u64::MAX)),
        ]),
        row(35, "the user changes factors meanwhile", vec![
            case(through("deletes the one in doubt", "close-after=100%x1", |request| {
                if request.verb == "GET" && request.nth == 0 {
                    request.ask("DELETE", request.path.split('?').next().unwrap(), "", b"");
                }
                request.pass()
            }).set(|case| case.posts = 25..=25)),
            case(through("enrols one that looks the same", "close-after=100%x1", |request| {
                if request.verb == "GET" && request.nth == 0 {
                    let body = br#"{"type":"phone","phone_number":"+442075000000"}"#;
                    request.ask("POST", request.path.split('?').next().unwrap(), "application/json", body);
                }
                request.pass()
            }).flags(&["--concurrency", "1"]).exits(&[4]).end(&[("created", 23), ("needs_review", 1)]).set(|case| case.audited = false)),
            case(through("renames the one in doubt", "close-after=100%x1", |request| {
                if request.verb != "GET" { return request.pass(); }
                request.with_body(|mut list| {
                    for item in list["authenticators"].as_array_mut().unwrap() { item["name"] = json!("Mine"); }
                    list
                })
            }).exits(&[4]).end(&[("created", 23), ("needs_review", 1)])),
        ]),
        // Process
        row(36, "SIGKILL at a random time", vec![Tests(&[
            "killed_again_and_again_it_still_creates_everything_once",
            "killed_again_and_again_under_faults_it_loses_and_doubles_nothing",
            "killed_a_thousand_times_under_faults_it_loses_and_doubles_nothing",
        ])]),
        row(37, "SIGKILL at every system call", vec![Tests(&[
            "killed_at_calls_spread_over_a_run_it_resumes_and_creates_everything_once",
            "every_call_killed_or_failed_loses_and_doubles_nothing",
        ])]),
        row(38, "SIGKILL during recovery", vec![Tests(&[
            "killed_at_calls_spread_over_a_run_it_resumes_and_creates_everything_once",
            "killed_again_and_again_it_still_creates_everything_once",
        ])]),
        row(39, "SIGINT once, twice, SIGTERM, SIGHUP", vec![Tests(&[
            "a_signal_finishes_what_is_in_flight_and_exits_5_and_the_next_run_goes_on",
            "a_second_signal_exits_at_once_and_the_ledger_is_sound",
        ])]),
        row(40, "SIGSTOP, SIGCONT", vec![
            case(tenant("").called("three seconds, longer than any answer is waited for").with(|tenant| tenant.latency_ms = (60, 120))
                .set(|case| case.during = |bench, child| {
                    until("some are under way", || bench.tenant().stats().created > 4);
                    signal(child, "-STOP");
                    #[expect(clippy::disallowed_methods, reason = "another process is kept waiting")]
                    std::thread::sleep(Duration::from_secs(3));
                    signal(child, "-CONT");
                }).once()),
            case(tenant("").called("the token dies meanwhile").with(|tenant| { tenant.latency_ms = (60, 120); tenant.token_lifetime_s = 2; })
                .set(|case| case.during = |bench, child| {
                    until("some are under way", || bench.tenant().stats().created > 4);
                    signal(child, "-STOP");
                    #[expect(clippy::disallowed_methods, reason = "another process is kept waiting")]
                    std::thread::sleep(Duration::from_secs(3));
                    signal(child, "-CONT");
                })),
        ]),
        row(41, "stdout closed, stderr full", vec![
            case(shell("stdout is closed", "exec \"$0\" \"$@\" >&-").once()),
            case(shell("nobody reads stdout", "{ \"$0\" \"$@\"; echo $? >code; } | true; exit $(cat code)").once()),
            case(shell("stdout is full", "exec \"$0\" \"$@\" >/dev/full").exits(&[1]).first(&[("created", 24..=24)]).once()),
            case(shell("stderr is full, and there is much to say", "exec \"$0\" \"$@\" -vv 2>/dev/full").once()),
            case(shell("stderr is closed", "exec \"$0\" \"$@\" -vv 2>&-").once()),
            case(shell("nobody reads stderr", "{ \"$0\" \"$@\" -vv; echo $? >code; } 2>&1 >/dev/null | true; exit $(cat code)").once()),
            case(shell("the log file is full", "exec \"$0\" \"$@\" -vv --log-file /dev/full").once()),
        ]),
        row(42, "no memory", vec![
            case(shell("60 MiB of address space", "ulimit -v 61440; exec \"$0\" \"$@\"").exits(&[])),
            case(shell("150 MiB of address space", "ulimit -v 153600; exec \"$0\" \"$@\"").exits(&[])),
            case(shell("400 MiB of address space", "ulimit -v 409600; exec \"$0\" \"$@\"").exits(&[])),
        ]),
        // Without a descriptor for the input, 2 is a right answer, too.
        row(43, "no file descriptors", vec![
            case(shell("10", "ulimit -n 10; exec \"$0\" \"$@\" --max-outage 1s").exits(&[0, 1, 2, 3, 5, 6])),
            case(shell("14", "ulimit -n 14; exec \"$0\" \"$@\" --max-outage 1s").exits(&[0, 1, 2, 3, 5, 6])),
            case(shell("16", "ulimit -n 16; exec \"$0\" \"$@\" --max-outage 1s").exits(&[0, 1, 2, 3, 5, 6])),
            case(shell("20, and 64 connections wanted", "ulimit -n 20; exec \"$0\" \"$@\" --concurrency 64 --max-outage 3s").exits(&[0, 5, 6])
                .with(|tenant| tenant.latency_ms = (20, 40))),
        ]),
        row(44, "a worker panics", vec![Nothing("the product has no failpoints; a panic ends the engine as an internal error, and the intent stays as after a kill (36, 37)")]),
        // Disk
        row(45, "ENOSPC for an intent or an outcome", vec![Tests(&[
            "an_error_of_any_call_is_said_and_the_next_run_finishes",
            "every_call_killed_or_failed_loses_and_doubles_nothing",
            "on_a_full_disk_it_stops_with_6_and_the_next_run_finishes",
        ])]),
        row(46, "EIO of a write or a sync", vec![Tests(&[
            "an_error_of_any_call_is_said_and_the_next_run_finishes",
            "every_call_killed_or_failed_loses_and_doubles_nothing",
        ])]),
        row(47, "EINTR, short writes", vec![Tests(&[
            "an_error_of_any_call_is_said_and_the_next_run_finishes",
            "a_file_that_may_not_grow_is_an_error_and_no_death_and_the_next_run_finishes",
        ])]),
        row(48, "SIGXFSZ, EFBIG", vec![Tests(&["a_file_that_may_not_grow_is_an_error_and_no_death_and_the_next_run_finishes"])]),
        row(49, "power loss", vec![Tests(&[
            "at_any_crash_and_under_any_fault_nothing_is_lost_and_nothing_doubled",
            "a_damaged_ledger_wal_or_seal_is_refused_or_says_what_is_true",
            "a_wal_that_is_damaged_after_a_kill_in_a_checkpoint_is_found_out",
        ])]),
        row(50, "a bit flips in the middle", vec![Tests(&[
            "a_damaged_ledger_exits_6_and_nothing_is_sent",
            "a_crashed_ledger_whose_file_is_damaged_is_refused_or_harmless",
            "a_crashed_ledger_whose_wal_is_damaged_never_doubles_a_factor",
        ])]),
        row(51, "read-only, quota, missing folder", vec![Tests(&[
            "a_read_only_ledger_or_folder_exits_6_and_nothing_is_sent",
            "a_ledger_of_another_tenant_or_kind_or_format_exits_6",
            "on_a_full_disk_it_stops_with_6_and_the_next_run_finishes",
        ])]),
        row(52, "the report cannot be written", vec![Check("each format to /dev/full, and then again", reports)]),
        // Concurrency
        row(53, "a second process, the same ledger", vec![Tests(&["a_second_process_on_one_ledger_exits_6_and_sends_nothing"])]),
        row(54, "the lock's holder is killed", vec![Tests(&["a_second_process_on_one_ledger_exits_6_and_sends_nothing"])]),
        row(55, "the ledger is replaced or unlinked", vec![Tests(&["a_ledger_that_is_taken_away_during_a_run_stops_it_with_6"])]),
        row(56, "two ledgers, the same tenant and file", vec![
            Check("two processes at once, of a tenant that says 409", two_ledgers),
            Tests(&["without_its_old_ledger_skip_existing_creates_nothing_twice"]),
        ]),
        row(57, "200 workers, a user's rows scattered", vec![
            case(tenant("close-after=10%").flags(&["--concurrency", "200"]).with(|tenant| tenant.latency_ms = (1, 20)).once()),
            Tests(&["a_users_factors_go_one_after_the_other_in_input_order_while_others_go_on"]),
        ]),
        row(58, "single-flight token, pause gate, group commit", vec![Nothing("neither loom nor shuttle is a dependency; the simulator drives the three with seeds, not all interleavings")]),
        // Time
        row(59, "the wall clock jumps", vec![
            Tests(&["at_any_crash_and_under_any_fault_nothing_is_lost_and_nothing_doubled"]),
            Nothing("of the real binary: setting the machine's clock needs root and would hit everybody; the simulator jumps 10 minutes either way at a crash"),
        ]),
        row(60, "the monotonic clock jumps", vec![Nothing("CLOCK_MONOTONIC stands still in suspend and cannot be made to jump without a kernel of one's own; 40 is the nearest")]),
        row(61, "the tenant's clock is an hour off", vec![
            case(tenant("close-after=30%").called("an hour ahead").with(|tenant| tenant.clock_skew_s = 3600).once()),
            case(tenant("close-after=30%").called("an hour behind").with(|tenant| tenant.clock_skew_s = -3600).once()),
            case(tenant("429=100%x2").called("an hour ahead, Retry-After is a date").with(|tenant| { tenant.clock_skew_s = 3600; tenant.retry_after = RetryAfter::Date; })),
            case(tenant("429=100%x2").called("an hour behind, Retry-After is a date").with(|tenant| { tenant.clock_skew_s = -3600; tenant.retry_after = RetryAfter::Date; })),
        ]),
        row(62, "a token is valid for a second", vec![
            case(tenant("").called("1 s").with(|tenant| tenant.token_lifetime_s = 1).flags(&["--rate", "12"]).set(|case| case.tokens = 2..=8)),
            case(tenant("").called("2 s").with(|tenant| tenant.token_lifetime_s = 2).flags(&["--rate", "12"]).set(|case| case.tokens = 1..=8)),
            case(tenant("").called("0 s").with(|tenant| tenant.token_lifetime_s = 0).exits(&[3]).never()),
        ]),
    ]
}

fn items(list: &Value) -> Vec<Value> {
    list["authenticators"].as_array().unwrap().clone()
}

/// The first two lists of all are not what they should be.
fn list_at_first(request: &Request, change: fn(Value) -> Value) -> Vec<u8> {
    if request.verb == "GET" && request.nth < 2 {
        request.with_body(change)
    } else {
        request.pass()
    }
}

fn odd_reset(answer: &[u8], reset: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(answer);
    let lines = text.split("\r\n").map(|line| match line.split_once(": ") {
        Some(("x-ratelimit-reset", _)) => format!("x-ratelimit-reset: {reset}"),
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\r\n").into_bytes()
}

/// An import into `url`, with a ready token.
fn import_into(url: &str, bench: &Bench) -> Command {
    let mut command = bench.import("in.csv");
    command.args(["--base-url", url, "--timeout", "500ms", "--max-outage", "1s"]);
    command.env("AUTH0_API_TOKEN", "ready");
    command
}

fn ready_for_three() -> Bench {
    let bench = Bench::new(Settings { static_tokens: vec!["ready".into()], ..Settings::default() });
    bench.write("in.csv", factors(3).0);
    bench
}

fn no_such_name() {
    let bench = ready_for_three();
    let mut import = import_into("https://tenant.invalid", &bench);
    let done = run_bounded(&mut around("unshare", &["-rn"], &import));
    if done.stderr.starts_with("unshare: ") {
        let message = format!("\nNOT TESTED: row 3: {}", done.stderr);
        std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes()).unwrap();
        return;
    }
    assert_eq!(done.code, Some(3), "{done:?}");
    let is_musl = cfg!(target_env = "musl");
    let said = if is_musl { "no connection in time" } else { "its name is not found" };
    assert!(done.stderr.contains(said), "{done:?}");
    assert!(done.stderr.contains("that this machine resolves names"), "{done:?}");
    assert!(bench.rows("in.csv.ledger").is_empty(), "nothing was sent, so nothing is in doubt");
    let done = run_bounded(import.args(["--base-url", "https://nothing.valid.", "--ledger", "x"]));
    assert_eq!(done.code, Some(3), "{done:?}");
}

fn certificates() {
    let bench = ready_for_three();
    bench.write("ca.pem", tls::AUTHORITY);
    for (certificate, exit) in [
        (tls::SELF_SIGNED, 3),
        (tls::EXPIRED, 3),
        (tls::OTHER_HOST, 3),
        // And it is the certificate that made the difference.
        (tls::GOOD, 0),
    ] {
        let between = Between::start_tls(bench.tenant().addr(), tls::server(certificate));
        let mut command = import_into(&format!("https://{}", between.address), &bench);
        let ledger = format!("{}.ledger", between.address.port());
        let done = run_bounded(command.args(["--ledger", &ledger]).env("SSL_CERT_FILE", "ca.pem"));
        assert_eq!(done.code, Some(exit), "{done:?}");
        if exit == 3 {
            assert!(done.stderr.contains("certificate"), "{done:?}");
            assert!(bench.rows(&ledger).is_empty(), "no row is burnt");
            assert!(bench.tenant().stats().requests.values().all(|count| *count == 0));
        }
    }
    assert_eq!(bench.tenant().stats().created, 3);
}

/// What a server does with a connection; it keeps what it gives back.
type Behave = fn(TcpStream) -> Option<TcpStream>;

fn broken_handshakes() {
    let servers: [(&str, Behave); 4] = [
        ("silence", Some),
        ("closed", |_| None),
        ("nonsense", |mut stream| {
            drop(std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n"));
            Some(stream)
        }),
        ("half a record", |mut stream| {
            drop(std::io::Write::write_all(&mut stream, &[22, 3, 3, 0, 90, 2, 0]));
            None
        }),
    ];
    std::thread::scope(|scope| {
        for (what, behave) in servers {
            scope.spawn(move || broken_handshake(what, behave));
        }
    });
}

fn broken_handshake(what: &str, behave: Behave) {
    let bench = ready_for_three();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ending = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&ending);
    let thread = std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            if told.load(Ordering::Relaxed) {
                break;
            }
            kept.push(behave(stream.unwrap()));
        }
        kept.len()
    });
    let done = run_bounded(&mut import_into(&format!("https://{address}"), &bench));
    assert_eq!(done.code, Some(3), "{what}: {done:?}");
    let rows = bench.rows("in.csv.ledger");
    assert!(rows.is_empty(), "{what}: no byte of a request was written: {rows:?}");
    ending.store(true, Ordering::Relaxed);
    drop(TcpStream::connect(address));
    assert!(thread.join().unwrap() > 0, "{what}");
}

fn http_2_is_not_there() {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock");
    assert!(!fs::read_to_string(lock).unwrap().contains("name = \"h2\""));
}

fn redirects() {
    for (status, elsewhere) in
        ["301", "302", "303", "307", "308"].map(|status| (status, TcpListener::bind("127.0.0.1:0")))
    {
        let elsewhere = elsewhere.unwrap();
        elsewhere.set_nonblocking(true).unwrap();
        let to = format!("http://{}/api/v2/", elsewhere.local_addr().unwrap());
        let bench = ready_for_three();
        let tenant = bench.tenant().addr();
        let between = Between::start_with(tenant, move |request| {
            let location = format!("location: {to}\r\n");
            if request.verb == "POST" { reply(status, &location, "") } else { request.pass() }
        });
        let done = run_bounded(&mut import_into(&format!("http://{}", between.address), &bench));
        assert_eq!(done.code, Some(3), "{status}: {done:?}");
        let refused = elsewhere.accept().unwrap_err();
        assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock, "{status}: nobody came");
        assert_eq!(bench.tenant().stats().created, 0);
        let states = bench.states("in.csv.ledger");
        assert!(!states.contains_key("rejected") && !states.contains_key("failed"), "{states:?}");
    }
}

fn reports() {
    let bench = ready_for_three();
    assert_eq!(run_bounded(&mut bench.import("in.csv")).code, Some(0));
    for format in ["text", "json", "csv", "jsonl"] {
        let mut report = binary();
        report.current_dir(bench.folder.path()).args(["report", "--ledger", "in.csv.ledger"]);
        report.args(["--format", format]);
        let full =
            run_bounded(&mut around("sh", &["-c", "exec \"$0\" \"$@\" >/dev/full"], &report));
        assert_eq!(full.code, Some(1), "{format}: {full:?}");
        assert!(full.stderr.contains("error: "), "{format}: {full:?}");
        let again = run_bounded(&mut report);
        assert!(again.code == Some(0) && !again.stdout.is_empty(), "{format}: {again:?}");
    }
}

fn two_ledgers() {
    let bench = Bench::new(Settings { latency_ms: (5, 25), ..Settings::default() });
    let (csv, wanted, users) = factors(90);
    bench.write("in.csv", csv);
    let both = ["one.ledger", "two.ledger"]
        .map(|ledger| spawn(bench.import("in.csv").args(["--ledger", ledger])));
    for child in both {
        let done = read(&child.wait_with_output().unwrap());
        assert_eq!(done.code, Some(0), "{done:?}");
    }
    let held: BTreeMap<_, _> = bench.tenant().state();
    let mut there: Vec<_> = held
        .iter()
        .flat_map(|(user, methods)| methods.iter().map(|one| (user.clone(), one.digest())))
        .collect();
    let mut asked: Vec<_> = users.into_iter().zip(wanted.iter().map(Method::digest)).collect();
    there.sort();
    asked.sort();
    assert_eq!(there, asked, "each factor is there once");
    let [one, two] = ["one.ledger", "two.ledger"].map(|ledger| bench.states(ledger));
    let created = |states: &BTreeMap<String, usize>| states.get("created").copied().unwrap_or(0);
    assert_eq!(created(&one) + created(&two), 90, "{one:?} {two:?}");
}

#[test]
fn the_table_has_every_row_of_the_matrix_once_and_names_tests_that_exist() {
    let table = table();
    let numbers: Vec<_> = table.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=62).collect::<Vec<_>>());
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let mut source = String::new();
    for folder in ["it", "sim"] {
        for file in fs::read_dir(tests.join(folder)).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() {
                source += &fs::read_to_string(path).unwrap();
            }
        }
    }
    for row in &table {
        assert!(!row.cover.is_empty(), "{}", row.number);
        for cover in &row.cover {
            match cover {
                Cover::Case(case) => println!("{:>2} {}: {}", row.number, row.fault, case.what),
                Cover::Check(what, _) => println!("{:>2} {}: {what}", row.number, row.fault),
                Cover::Tests(names) => {
                    for name in *names {
                        let there = source.contains(&format!("#[test]\nfn {name}()"))
                            || source.contains(&format!("]\nfn {name}()"));
                        assert!(there, "row {}: there is no test `{name}`", row.number);
                        println!("{:>2} {}: see {name}", row.number, row.fault);
                    }
                }
                Cover::Nothing(why) => {
                    println!("{:>2} {}: NOT COVERED: {why}", row.number, row.fault);
                }
            }
        }
    }
    let bare = |row: &&Row| row.cover.iter().all(|cover| matches!(cover, Cover::Nothing(_)));
    let bare: BTreeSet<_> = table.iter().filter(bare).map(|row| row.number).collect();
    assert_eq!(bare, BTreeSet::from([44, 58, 60]), "no row loses its cover unnoticed");
}

#[test]
fn every_fault_of_the_matrix_ends_as_it_must() {
    let table = table();
    #[expect(clippy::disallowed_methods, reason = "one row at a time, to look at a failure")]
    let only: Option<usize> =
        std::env::var("MFAFERRY_TEST_ROW").ok().map(|row| row.parse().unwrap());
    let runs: Vec<_> = table
        .iter()
        .filter(|row| only.is_none_or(|only| only == row.number))
        .flat_map(|row| row.cover.iter().map(move |cover| (row, cover)))
        .filter(|(_, cover)| matches!(cover, Cover::Case(_) | Cover::Check(..)))
        .collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                while let Some((row, cover)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (what, done) = match cover {
                        Cover::Check(what, check) => {
                            ((*what).to_owned(), catch_unwind(AssertUnwindSafe(check)))
                        }
                        Cover::Case(case) => {
                            (case.what.clone(), catch_unwind(AssertUnwindSafe(|| case.run())))
                        }
                        Cover::Tests(_) | Cover::Nothing(_) => continue,
                    };
                    if done.is_err() {
                        let what = format!("{} {}: {what}", row.number, row.fault);
                        wrong.lock().unwrap().push(what);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{} cases of the matrix, {} wrong, seed {SEED}", runs.len(), wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
