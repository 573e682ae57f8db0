//! Pacing, simulated on a paused clock against the sandbox's own limiter: every file in
//! `scenarios/` describes a tenant, its other traffic, and the bounds that the outcome must keep. A
//! case is added by adding a file.
//!
//! `cargo test --test pacing -- --nocapture` prints the table of all outcomes, the start of each
//! run included; a request takes 100 to 200 ms where the scenario says nothing else. The share used
//! is of all that the tenant could have granted and others did not take, its full bucket at the
//! start included. `MFAFERRY_TEST_SCENARIO=noisy` runs the scenarios with that in their name, and
//! `MFAFERRY_TEST_SEED=7` uses another seed. `random` draws tenants that no file describes.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test, and its table")]

mod estimate;
mod in_flight;
mod random;
mod scenario;
mod world;

use std::{fs, path::Path, thread};

use scenario::Scenario;

/// Reads every scenario; returns it with the name of its file.
fn scenarios() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pacing/scenarios");
    let mut found: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let read = toml::from_str(&fs::read_to_string(&path).unwrap());
            let scenario = read.unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, scenario)
        })
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[test]
fn every_scenario_comes_out_as_its_file_expects() {
    let only = variable("MFAFERRY_TEST_SCENARIO").unwrap_or_default();
    let given = variable("MFAFERRY_TEST_SEED").and_then(|seed| seed.parse().ok());
    let runs: Vec<_> = scenarios()
        .into_iter()
        .filter(|(name, _)| name.contains(&only))
        .map(|(name, scenario)| {
            thread::spawn(move || {
                let seed = given.unwrap_or(scenario.seed);
                let outcome = world::run(&scenario, seed);
                let name = format!("{name}, seed {seed}");
                (scenario.line(&outcome), scenario.judge(&outcome, &name))
            })
        })
        .collect();
    assert!(!runs.is_empty());
    let (lines, faults): (Vec<_>, Vec<_>) = runs.into_iter().map(|run| run.join().unwrap()).unzip();
    println!("\n{}{}", scenario::HEAD, lines.concat());
    let faults = faults.concat();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[expect(clippy::disallowed_methods, reason = "for whoever looks into one of them")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
