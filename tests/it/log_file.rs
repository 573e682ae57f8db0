//! `--log-file`: appended to, cut off in place by whoever rotates it, and known to be writable
//! before anything is sent.

use std::fs;

use mfaferry::sandbox::Settings;
use serde_json::Value;

use crate::{
    support::{Bench, around, binary, factors, read, run, spawn, until},
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

/// `logrotate` with `copytruncate` copies the file and then cuts it off in place, under a program
/// that has it open: without `O_APPEND` what comes next would stand behind a hole as large as what
/// was there.
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

/// A limit on the size of files stands for a disk that fills up during a run: it cuts a line in two
/// as well.
#[test]
fn a_log_that_can_no_longer_be_written_is_told_of_once_and_stops_nothing() {
    for (format, told) in
        [("text", "warning: the log `log` cannot be written: "), ("json", "\"level\":\"WARN\"")]
    {
        let bench = bench(60);
        let log = || fs::read_to_string(bench.path("log")).unwrap_or_default();
        let log_format = format!("--log-format={format}");
        let import = |flags: &[&str]| {
            let mut import = bench.import("in.csv");
            import.args(["--log-file=log", &log_format]).args(flags);
            import
        };
        // Larger than the ledger may become: what is limited is the log alone.
        let size = 2 << 20;
        bench.write("log", vec![b'\n'; size - 700]);
        fs::set_permissions(bench.path("log"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let limited = ["-c", "ulimit -f \"$0\"; exec \"$@\"", &(size / 512).to_string()];
        let done = run(&mut around("sh", &limited, &import(&["-vv"])));
        assert_eq!((done.code, bench.tenant().stats().created), (Some(0), 60), "{done:?}");
        assert_eq!(
            done.stderr.matches(told).count(),
            if format == "json" { 2 } else { 1 },
            "{done:?}"
        );
        assert_eq!(done.stderr.matches("the command goes on").count(), 1, "{done:?}");
        assert!(done.stderr.contains("lines of the log `log` could not be written"), "{done:?}");
        assert_eq!(log().len(), size, "it is filled to the last byte");
        // Whoever asks for nothing but errors is told nothing else.
        let quiet = run(&mut around("sh", &limited, &import(&["-q", "--output=text"])));
        assert_eq!((quiet.code, &*quiet.stderr, &*quiet.stdout), (Some(0), "", ""), "{quiet:?}");
        // A command that sends nothing takes no signals over, and outlives the limit all the same.
        let mut select = binary();
        select.current_dir(bench.folder.path());
        select.args(["select", "in.csv", "--log-file=log", &log_format]);
        let full = run(import(&[]).arg("--log-file=/dev/full"));
        for done in [run(&mut around("sh", &limited, &select)), full] {
            assert_eq!(done.code, Some(0), "{done:?}");
            assert_eq!(done.stderr.matches("the command goes on").count(), 1, "{done:?}");
        }
    }
}

#[test]
fn a_line_behind_a_part_of_one_stands_on_its_own() {
    let bench = bench(90);
    let size = 2 << 20;
    bench.write("log", vec![b'\n'; size - 500]);
    let path = bench.path("log");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut import = bench.import("in.csv");
    import.args(["--rate=30", "-vv", "--log-format=json", "--log-file=log"]);
    let limited = ["-c", "ulimit -f \"$0\"; exec \"$@\"", &(size / 512).to_string()];
    let child = spawn(&mut around("sh", &limited, &import));
    let length = || fs::metadata(&path).map_or(0, |meta| meta.len());
    until("it is full", || length() == size as u64);
    // Whoever makes room leaves the part of a line that stands at its end.
    let text = fs::read(&path).unwrap();
    let log = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let (torn, _) = text.split_at(size - 100);
    let begin = torn.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    std::os::unix::fs::FileExt::write_all_at(&log, &text[begin..], 0).unwrap();
    log.set_len((size - begin) as u64).unwrap();
    let done = read(&child.wait_with_output().unwrap());
    assert_eq!(done.code, Some(0), "{done:?}");
    let text = fs::read_to_string(&path).unwrap();
    let is_broken = |line: &&str| serde_json::from_str::<Value>(line).is_err();
    let broken: Vec<_> = text.lines().filter(is_broken).collect();
    // None, if the last line that had room happened to end there.
    assert!(broken.len() <= 1, "{text}");
    assert!(broken.iter().all(|line| line.matches("timestamp").count() <= 1), "{text}");
    assert!(text.lines().count() > 3, "{text}");
}
