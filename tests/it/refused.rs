//! Refusals that the tenant gives everybody, whatever the rows say.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
};

use mfaferry::sandbox::Settings;

use crate::{
    between::{Between, reply},
    support::{Bench, Done, run_bounded},
};

/// A tenant that answers every POST of a phone the same, while it does.
struct Refusing {
    bench: Bench,
    between: Between,
    on: Arc<AtomicBool>,
    phones: Arc<AtomicUsize>,
}

impl Refusing {
    /// With an input of so many users who have a phone and an email each.
    fn new(users: usize, status: &'static str, answer: &'static str) -> Self {
        let settings = Settings { static_tokens: vec!["ready".into()], ..Settings::default() };
        let bench = Bench::new(settings);
        let mut csv = String::from("user_id,type,phone_number,email\n");
        for number in 0..users {
            csv += &format!("auth0|{number},email,,u{number}@example.com\n");
            csv += &format!("auth0|{number},phone,+1415{:07},\n", 5_550_000 + number);
        }
        bench.write("in.csv", csv);
        let (on, phones) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicUsize::new(0)));
        let (is_on, count) = (Arc::clone(&on), Arc::clone(&phones));
        let between = Between::start_with(bench.tenant().addr(), move |request| {
            let is_phone = request.verb == "POST" && request.text().contains("\"phone\"");
            if !is_phone || !is_on.load(SeqCst) {
                return request.pass();
            }
            count.fetch_add(1, SeqCst);
            reply(status, "content-type: application/json\r\n", answer)
        });
        Self { bench, between, on, phones }
    }

    fn import(&self, flags: &[&str]) -> Done {
        let mut command = self.bench.import("in.csv");
        command.args(["--base-url", &format!("http://{}", self.between.address)]).args(flags);
        command.args(["--output", "text", "--concurrency", "4"]).env("AUTH0_API_TOKEN", "ready");
        run_bounded(&mut command)
    }
}

#[test]
fn what_is_refused_to_everybody_stops_the_run_whatever_goes_well_besides() {
    let answer = r#"{"statusCode":403,"error":"Forbidden","message":"CANARY is not enabled","errorCode":"feature_not_enabled"}"#;
    let tenant = Refusing::new(200, "403 Forbidden", answer);
    let done = tenant.import(&[]);
    let phones = tenant.phones.load(SeqCst);
    assert_eq!(done.code, Some(3), "{done:?}");
    // Those in flight are waited for.
    assert!((20..=24).contains(&phones), "{phones} were asked for");
    let told = "error: the tenant refuses a factor of type `phone` to everybody: 20 different users \
                were answered alike (403, forbidden), and no user differently\n";
    assert!(done.stderr.contains(told), "{done:?}");
    assert!(!done.stderr.contains("CANARY"), "{done:?}");
    let states = tenant.bench.states("in.csv.ledger");
    assert_eq!(states["rejected"], phones, "{states:?}");
    assert!(states["created"] >= 20 && !states.contains_key("in_flight"), "{states:?}");
    // What is refused stays so, and the rest is not lost.
    tenant.on.store(false, SeqCst);
    let done = tenant.import(&[]);
    assert_eq!(done.code, Some(4), "{done:?}");
    assert_eq!(tenant.bench.states("in.csv.ledger")["created"], 400 - phones);
    let done = tenant.import(&["--retry", "rejected"]);
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn what_may_be_every_rows_own_fault_is_told_in_the_summary_and_stops_nothing() {
    let answer = r#"{"statusCode":400,"error":"Bad Request","message":"Payload validation error: 'x' on property phone_number","errorCode":"invalid_body"}"#;
    let tenant = Refusing::new(30, "400 Bad Request", answer);
    let done = tenant.import(&[]);
    assert_eq!((done.code, tenant.phones.load(SeqCst)), (Some(4), 30), "{done:?}");
    let told = "hint: a factor of type `phone` was refused to everybody with the same answer (400, \
                invalid_body:phone_number)";
    assert!(done.stdout.contains(told), "{done:?}");
}
