//! The README's command and the samples, so that they cannot rot.

use std::collections::BTreeMap;

use mfaferry::sandbox::Settings;

use crate::support::{Bench, binary, run, samples};

#[test]
fn the_readmes_first_command_runs_the_main_job() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = binary();
    command.current_dir(samples().parent().unwrap()).env("TMPDIR", folder.path());
    let done = run(command.args(["import", "samples/factors.csv", "--sandbox"]));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert!(done.stdout.contains("\n3 rejected\n"), "{done:?}");
    let ledger = done.stdout.lines().find_map(|line| line.strip_prefix("ledger: ")).unwrap();
    assert!(ledger.starts_with(folder.path().to_str().unwrap()), "{ledger}");
    let report = run(binary().args(["report", "--ledger", ledger, "--format", "json"]));
    let report = report.json();
    assert_eq!(report["rejected"], 3);
    assert!(report["created"].as_u64().unwrap() >= 15, "{report}");
}

#[test]
fn all_forms_of_the_sample_make_the_same_tenant() {
    let mut tenants = Vec::new();
    for (name, code) in [("factors.csv", 4), ("factors.jsonl", 0), ("users.jsonl", 0)] {
        let bench = Bench::new(Settings::default());
        bench.write(name, std::fs::read(samples().join(name)).unwrap());
        let done = run(&mut bench.import(name));
        assert_eq!(done.code, Some(code), "{name}: {done:?}");
        let tenant: BTreeMap<_, Vec<_>> = bench
            .tenant()
            .state()
            .into_iter()
            .map(|(user, methods)| {
                let mut held: Vec<_> =
                    methods.iter().map(|one| (one.digest(), one.name.clone())).collect();
                held.sort();
                (user, held)
            })
            .collect();
        tenants.push(tenant);
    }
    assert_eq!(tenants[0], tenants[1]);
    assert_eq!(tenants[0], tenants[2]);
    let users: Vec<_> = tenants[0].keys().collect();
    assert!(users.iter().any(|id| id.as_str() == "samlp|acme|user+1@corp.example"), "{users:?}");
    assert!(users.iter().any(|id| id.contains('/')) && users.iter().any(|id| !id.is_ascii()));
}
