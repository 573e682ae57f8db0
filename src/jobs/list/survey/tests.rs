//! The driver against a scripted tenant, on a paused clock.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    api::{Answer, CreatedMethod, NotExecuted, Page, SetMethod, Update, Verdict},
    model::{Code, Contact, Credential, Factor, Method, Millis, Reason, UserId},
    pacer::{Pacer, Rate},
    protocol::RetryPolicy,
    stats::Vitals,
};

/// Says of a user, on being asked for so many times, what the answer is.
type Script = fn(&str, u32) -> Verdict<Vec<Method>>;

struct Scripted {
    script: Script,
    asked: Mutex<HashMap<String, u32>>,
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

    async fn page(&self, user: &UserId, _: u64) -> Answer<Page> {
        let times = {
            let mut asked = self.asked.lock().unwrap();
            let times = asked.entry(user.to_string()).or_default();
            *times += 1;
            *times
        };
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        // Later ones are answered sooner.
        let number = u64::from(number_of(user.as_str()));
        sleep(Duration::from_millis(1000 - number % 500)).await;
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        let verdict = (self.script)(user.as_str(), times).map(Page::whole);
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

    fn clock_skew(&self) -> Option<Millis> {
        None
    }
}

fn number_of(user: &str) -> u32 {
    // Nobody, whom a probe may ask about, is none of them.
    user.rsplit('|').next().unwrap().parse().unwrap_or(u32::MAX)
}

fn group(number: u64) -> Group {
    let user = UserId::parse(&format!("auth0|{number}")).unwrap();
    let credential = Credential::Email { address: Contact::new("a@example.com".into()) };
    let factor = Factor { line: number, user: user.clone(), name: None, credential };
    Group { user: Some(user), factors: vec![factor], ..Group::default() }
}

/// What came of it: each line and why there was no list, how it ended, and the tenant.
async fn survey(
    script: Script,
    users: u64,
    max_outage: Duration,
) -> (Vec<(u64, Option<String>)>, End, Arc<Scripted>) {
    let (asked, in_flight, most) = (Mutex::default(), AtomicUsize::new(0), AtomicUsize::new(0));
    let api = Arc::new(Scripted { script, asked, in_flight, most });
    let survey = Arc::new(Survey::new(
        Arc::clone(&api),
        Arc::new(Pacer::new(Rate::PerSecond(1000.0), 0.2)),
        RetryPolicy::new(3, Duration::from_secs(1)),
        Arc::new(Vitals::default()),
        (8, max_outage),
        CancellationToken::new(),
        7,
    ));
    let (send, groups) = mpsc::channel(4);
    tokio::spawn(async move {
        for number in 0..users {
            if send.send(Feed::More(vec![group(number)])).await.is_err() {
                return;
            }
        }
        drop(send.send(Feed::End).await);
    });
    let mut told = Told::default();
    let end = run(survey, groups, &mut told).await;
    (told.0, end, api)
}

/// Each line, and why there was no list.
#[derive(Default)]
struct Told(Vec<(u64, Option<String>)>);

impl Listener<Group> for Told {
    async fn hear(&mut self, group: &Group, listed: &Listed) -> Result<(), Error> {
        self.0.push((group.factors[0].line, listed.as_ref().err().map(ToString::to_string)));
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
    assert!(matches!(end, End::Complete), "{end:?}");
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
        assert!(matches!(end, End::Complete), "{end:?}");
        let (good, bad): (Vec<_>, Vec<_>) = told.into_iter().partition(|(_, why)| why.is_none());
        assert_eq!((good.len(), bad.len()), (49, 1));
        assert_eq!(bad[0].1.as_deref(), Some("no_usable_list"));
        assert_eq!(format!("auth0|{}", bad[0].0), poisoned);
        assert_eq!(api.asked.lock().unwrap()[poisoned], 3);
    }
}

fn bad_if(bad: bool) -> Verdict<Vec<Method>> {
    if bad { Verdict::InDoubt(Reason::http(500)) } else { Verdict::Done(Vec::new()) }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_an_answer_and_is_told() {
    let script: Script = |user, _| {
        let code = if user == "auth0|0" { Code::InvalidUri } else { Code::Forbidden };
        Verdict::Refused(code.into())
    };
    let (told, _, _) = survey(script, 2, LONG).await;
    assert_eq!(told, [(0, Some("invalid_uri".into())), (1, Some("forbidden".into()))]);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_probed_ever_more_rarely_and_ends_the_run_when_it_is_too_long() {
    let began = Instant::now();
    let (told, end, api) = survey(|_, _| bad_if(true), 1000, LONG).await;
    let End::Failed(Error::Outage { lasted, .. }) = end else { panic!("{end:?}") };
    assert!(lasted >= LONG && began.elapsed() < LONG + Duration::from_secs(60));
    assert_eq!(told, []);
    let requests: u32 = api.asked.lock().unwrap().values().sum();
    assert!(requests < 100, "{requests} requests in half an hour");
}
