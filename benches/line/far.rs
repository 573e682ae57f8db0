//! Over TLS, and far away: what that costs, and how much of a hidden limit is used all the same.

use super::{
    Options,
    blocking::Manner,
    modes::{Place, UNPACED, expect, import, import_by_default, summary},
    numbers::{Spread, at_least, micros, one},
    process::{Server, measure},
};

/// Hidden limits, in requests a second; and for how long each is used.
const HIDDEN: [u32; 4] = [40, 250, 500, 1500];
const HIDDEN_SECONDS: u64 = 60;
/// Milliseconds that an answer takes from another continent.
const FAR: u64 = 200;
/// Certificate of the CA that signed the server's certificate.
const AUTHORITY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/authority.pem");

pub(crate) fn tls(options: &Options) {
    let place = Place::new(options);
    println!("tls, {} rounds", options.rounds);
    tls_cost(options, &place);
    for limit in HIDDEN {
        let rows = u64::from(limit) * (HIDDEN_SECONDS + 1);
        place.fill(rows);
        let server = Server::blocking(Manner { tls: true, limit, latency: FAR });
        let mut command = import_by_default(&options.program, &place, &server.url);
        let cost = measure(command.args(["--reserve", "0%"]).env("SSL_CERT_FILE", AUTHORITY));
        expect(&cost, "created", rows);
        // The bucket is full at the start. The last answer is under way when all is sent.
        let seconds = summary(&cost, "elapsed_seconds").as_f64().expect("a number");
        let could = f64::from(limit) * (seconds - FAR as f64 / 1e3 + 1.0);
        let throttled = summary(&cost, "throttled").as_f64().expect("a number");
        let name = format!("hidden limit of {limit}/s at {FAR} ms: share of it used");
        at_least(&name, 0.97, &one(rows as f64 / could));
        println!("    {throttled} of {rows} refused, {:.0} MiB", cost.peak);
    }
}

/// The same requests to the same server, over TLS and not.
fn tls_cost(options: &Options, place: &Place) {
    let rows = options.rows.unwrap_or(50_000);
    place.fill(rows);
    let servers = [false, true].map(|tls| Server::blocking(Manner { tls, ..Manner::default() }));
    let (mut speed, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let [plain, over_tls] = servers.each_ref().map(|server| {
            place.forget();
            let mut command = import(&options.program, place, &server.url, UNPACED);
            let cost = measure(command.env("SSL_CERT_FILE", AUTHORITY));
            expect(&cost, "created", rows);
            cost
        });
        speed.push(micros(plain.wall) / micros(over_tls.wall));
        cpu.push(micros(over_tls.cpu) / micros(plain.cpu));
    }
    at_least("speed over TLS against without", 0.7, &speed.into_iter().collect());
    println!("  CPU over TLS against without: {}", cpu.into_iter().collect::<Spread>());
}
