//! `--log-file`: appended to, cut off in place by whoever rotates it, and known to be writable before
//! anything is sent.

use std::fs;

use mfaferry::sandbox::Settings;
use serde_json::Value;

use crate::{
    support::{Bench, binary, factors, read, run, spawn, until},
    trust::make_pipe,
};

fn bench(rows: usize) -> Bench {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(rows).0);
    bench
}

#[test]
fn a_log_that_cannot_be_written_stops_a_command_before_anything_is_sent() {
    let bench = bench(3);
    fs::create_dir(bench.path("folder")).unwrap();
    std::os::unix::fs::symlink("elsewhere", bench.path("link")).unwrap();
    make_pipe(&bench.path("pipe"));
    let long = "x".repeat(300);
    for log in ["none/log", "in.csv/log", "folder", "link", "pipe", "/proc/log", &long] {
        for name in ["import", "verify", "export"] {
            let done = run(bench.command(name).args(["in.csv", "--log-file", log]));
            assert_eq!(done.code, Some(2), "{name} {log}: {done:?}");
            assert!(done.stderr.starts_with("error: the log `"), "{name} {log}: {done:?}");
            assert!(done.stderr.contains("hint: give --log-file "), "{name} {log}: {done:?}");
            assert!(name == "export" || done.json()["exit_code"] == 2, "{name} {log}");
        }
        let mut check = binary();
        check.current_dir(bench.folder.path()).args(["check", "in.csv", "--log-file", log]);
        assert_eq!(run(&mut check).code, Some(2), "{log}");
    }
    assert_eq!(bench.tenant().stats().requests.values().sum::<u64>(), 0);
    assert!(!bench.path("in.csv.ledger").exists());
}

#[test]
fn no_output_is_a_file_that_settings_or_credentials_are_read_from() {
    let bench = bench(1);
    let at = bench.tenant().base_url();
    let other = "base_url = \"http://127.0.0.1:9\"\nclient_key_file = \"table-key\"\n";
    let settings = format!(
        "base_url = \"{at}\"\nclient_secret_file = \"top-secret\"\ntenant_facts = \"facts\"\n\
         [tenant.other]\n{other}"
    );
    bench.write("settings.toml", settings);
    bench.write("mfaferry.toml", "rate = 100\n");
    for name in ["secret", "key", "token", "top-secret", "table-key", "facts", "users", "ledger"] {
        bench.write(name, "untouched");
    }
    let config = "--config=settings.toml";
    let cases: [(&[&str], &str); 9] = [
        (&[config], "settings.toml"),
        (&[], "mfaferry.toml"),
        (&["--client-secret-file=secret"], "secret"),
        (&["--client-key-file=key"], "key"),
        (&["--token-file=token"], "token"),
        (&[config], "top-secret"),
        (&[config, "--tenant=other"], "table-key"),
        (&[config], "facts"),
        (&["--from=keycloak", "--users=users"], "users"),
    ];
    // Nor one of the ledger, be it there or not.
    for file in ["in.csv.ledger", "in.csv.ledger-seal"] {
        let done = run(bench.import("in.csv").args(["--log-file", file]));
        assert_eq!(done.code, Some(2), "{file}: {done:?}");
        assert!(done.stderr.contains("a file of the ledger"), "{file}: {done:?}");
        assert!(!bench.path(file).exists(), "{file}");
    }
    for (flags, file) in cases {
        let before = fs::read(bench.path(file)).unwrap();
        for output in ["--log-file", "--ledger", "--metrics-file"] {
            let mut import = binary();
            import.current_dir(bench.folder.path()).args(["import", "in.csv"]).args(flags);
            let done = run(import.arg(format!("{output}=./{file}")));
            assert_eq!(done.code, Some(2), "{output} {file}: {done:?}");
            assert!(done.stderr.contains("that this command reads"), "{output} {file}: {done:?}");
            assert_eq!(fs::read(bench.path(file)).unwrap(), before, "{output} {file}");
        }
    }
}

#[test]
fn a_log_is_appended_to() {
    let bench = bench(3);
    let log = || fs::read_to_string(bench.path("log")).unwrap_or_default();
    for _ in 0..3 {
        let before = log();
        let done = run(bench.import("in.csv").args(["-v", "--log-file=log"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        let after = log();
        assert!(after.len() > before.len() && after.starts_with(&before), "{before}\n---\n{after}");
    }
}

/// `logrotate` with `copytruncate` copies the file and then cuts it off in place, under a program that has
/// it open: without `O_APPEND` what comes next would stand behind a hole as large as what was there.
#[test]
fn a_log_that_is_cut_off_during_a_run_goes_on_at_its_new_end() {
    let bench = bench(300);
    let mut import = bench.import("in.csv");
    // The later one of a flag holds.
    import.args(["--rate=100", "-vv", "--log-format=json", "--log-file=log"]);
    let path = bench.path("log");
    let length = || fs::metadata(&path).map_or(0, |meta| meta.len());
    let mut child = spawn(&mut import);
    let mut rotated = Vec::new();
    for _ in 0..3 {
        until("something is logged", || length() > 4096 || child.try_wait().unwrap().is_some());
        assert!(child.try_wait().unwrap().is_none(), "it has ended before it was rotated");
        rotated.push(fs::read_to_string(&path).unwrap());
        let log = fs::OpenOptions::new().write(true).open(&path).unwrap();
        log.set_len(0).unwrap();
    }
    let done = read(&child.wait_with_output().unwrap());
    assert_eq!(done.code, Some(0), "{done:?}");
    rotated.push(fs::read_to_string(&path).unwrap());
    for (number, text) in rotated.iter().enumerate() {
        assert!(!text.is_empty() && !text.contains('\0'), "{number}: a hole");
        for line in text.lines() {
            assert!(serde_json::from_str::<Value>(line).is_ok(), "{number}: {line}");
        }
    }
    let last = rotated.last().unwrap();
    assert!(last.contains("finished") || last.lines().count() > 1, "{last}");
    assert_eq!(bench.tenant().stats().created, 300);
}
