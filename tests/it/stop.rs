//! Exit codes 3, 5 and 6: what stops a run, and what it leaves.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::PermissionsExt},
};

use mfaferry::sandbox::{Settings, Users, Verb};

use crate::support::{Bench, around, factors, read, run, side_by_side, signal, spawn, until};

#[test]
fn a_signal_finishes_what_is_in_flight_and_exits_5_and_the_next_run_goes_on() {
    // At the lowest rate one thread does everything, and at the highest several send.
    let all = [("-INT", "2000"), ("-INT", "400"), ("-TERM", "50000"), ("-HUP", "2000")];
    side_by_side(&all, |(name, rate)| {
        // A user's three factors are sent one after the other, so no run ends before the signal
        // comes.
        let bench = Bench::new(Settings { latency_ms: (200, 300), ..Settings::default() });
        let (csv, wanted, users) = factors(120);
        bench.write("in.csv", csv);
        // What is in flight is answered in time, however long that takes on a busy machine.
        let mut command = bench.import("in.csv");
        command.args(["--rate", rate, "--timeout", "20s"]);
        if cfg!(target_os = "linux") {
            // Also where the tests run under `nohup`.
            command = around("env", &["--default-signal=HUP"], &command);
        }
        let child = spawn(&mut command);
        until("some are under way", || bench.tenant().stats().requests(Verb::Post) > 20);
        signal(&child, name);
        let stopped = read(&child.wait_with_output().unwrap());
        assert_eq!(stopped.code, Some(5), "{name}: {stopped:?}");
        let summary = stopped.summary();
        assert_eq!(summary["status"], "stopped");
        assert_eq!(summary["in_flight"], 0, "{name}: what was in flight has finished");
        assert_eq!(summary["created"].as_u64().unwrap(), bench.tenant().stats().created);
        assert!(summary["created"].as_u64().unwrap() < 120);
        let done = run(&mut bench.import("in.csv"));
        assert_eq!(done.code, Some(0), "{done:?}");
        bench.audit("in.csv.ledger", &wanted, &users);
    });
}

#[test]
fn a_second_signal_exits_at_once_and_the_ledger_is_sound() {
    side_by_side(&["2000", "400", "50000"], |rate| {
        let bench = Bench::new(Settings { latency_ms: (600, 700), ..Settings::default() });
        let (csv, wanted, users) = factors(24);
        bench.write("in.csv", csv);
        let mut command = bench.import("in.csv");
        command.args(["--timeout", "20s", "--rate", rate, "--log-file", "run.log"]);
        let child = spawn(&mut command);
        until("some are under way", || bench.tenant().stats().requests(Verb::Post) > 5);
        signal(&child, "-INT");
        let log = || fs::read_to_string(bench.path("run.log")).unwrap();
        until("the first signal is heeded", || log().contains("stopping: requests in flight"));
        signal(&child, "-INT");
        let stopped = read(&child.wait_with_output().unwrap());
        assert_eq!(stopped.code, Some(5), "{stopped:?}");
        until("the tenant is quiet", || bench.tenant().stats().in_flight == 0);
        let done = run(bench.import("in.csv").args(["--timeout", "20s", "--settle", "500ms"]));
        assert_eq!(done.code, Some(0), "{done:?}");
        bench.audit("in.csv.ledger", &wanted, &users);
    });
}

#[test]
fn a_stopped_run_does_not_wait_for_what_is_in_doubt() {
    let bench = Bench::new(Settings {
        faults: mfaferry::sandbox::Fault::parse_list("close-after=100%x3").unwrap(),
        ..Settings::default()
    });
    bench.write("in.csv", factors(9).0);
    let child = spawn(bench.import("in.csv").args(["--settle", "1h"]));
    until("all were sent", || bench.tenant().stats().requests(Verb::Post) >= 3);
    signal(&child, "-INT");
    let stopped = read(&child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(5), "{stopped:?}");
    assert_eq!(stopped.summary()["in_flight"], 3);
    assert_eq!(bench.states("in.csv.ledger")["in_flight"], 3);
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
}

#[test]
fn max_errors_stops_early_with_5() {
    for (most, at_most) in [("3", 60), ("5%", 200)] {
        let bench = Bench::new(Settings {
            users: Users::AnyBut(vec!["auth0|".into()]),
            ..Settings::default()
        });
        bench.write("in.csv", factors(900).0);
        let done = run(bench.import("in.csv").args(["--max-errors", most, "--rate", "500"]));
        assert_eq!(done.code, Some(5), "{done:?}");
        assert!(done.summary()["rejected"].as_u64().unwrap() <= at_most, "{done:?}");
    }
}

#[test]
fn missing_permission_and_bad_credentials_exit_3_and_burn_no_row() {
    let scopes = ["read:authentication_methods".to_owned()];
    let bench = Bench::new(Settings {
        scopes: scopes.to_vec(),
        client_id: Some("tester".into()),
        client_secret: Some("right".into()),
        static_tokens: vec!["ready".into()],
        ..Settings::default()
    });
    bench.write("in.csv", factors(30).0);
    // The token endpoint names the scopes granted: nothing needs to be sent to know.
    let done = run(bench.import("in.csv").env("AUTH0_CLIENT_SECRET", "right"));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("create:authentication_methods"), "{done:?}");
    assert_eq!(bench.tenant().stats().requests(Verb::Post), 0);
    // A ready token that says nothing of its scopes: the tenant's 403 stops the run.
    let done = run(bench.import("in.csv").env("AUTH0_API_TOKEN", "ready"));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("create:authentication_methods"), "{done:?}");
    // Credentials and tokens that are refused.
    let done = run(bench.import("in.csv").env("AUTH0_CLIENT_SECRET", "wrong"));
    assert_eq!(done.code, Some(3), "{done:?}");
    let done = run(bench.import("in.csv").env("AUTH0_API_TOKEN", "unknown"));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert_eq!(done.summary()["rows"], 0);
    assert!(bench.rows("in.csv.ledger").is_empty(), "no row is burnt");
}

#[test]
fn missing_configuration_exits_3_with_a_hint() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    for remove in ["AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET"] {
        let done = run(bench.import("in.csv").env_remove(remove));
        assert_eq!(done.code, Some(3), "{done:?}");
        assert!(done.stderr.contains("hint: set AUTH0_CLIENT_ID"), "{done:?}");
    }
    let mut command = crate::support::binary();
    let done = run(command.current_dir(bench.folder.path()).args(["import", "in.csv"]));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("--sandbox"), "{done:?}");
    let garbled = OsStr::from_bytes(b"\xff7");
    let done = run(bench.import("in.csv").env("MFAFERRY_RESERVE", garbled));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(done.stderr.contains("MFAFERRY_RESERVE is not valid UTF-8"), "{done:?}");
}

#[test]
fn a_second_process_on_one_ledger_exits_6_and_sends_nothing() {
    let bench = Bench::new(Settings { latency_ms: (200, 300), ..Settings::default() });
    bench.write("in.csv", factors(60).0);
    // So slow that it is there for as long as the others take.
    let first = spawn(bench.import("in.csv").args(["--concurrency", "4", "--rate", "2"]));
    until("it runs", || bench.tenant().stats().requests(Verb::Post) > 0);
    let tokens = bench.tenant().stats().requests(Verb::Token);
    for _ in 0..5 {
        let second = run(&mut bench.import("in.csv"));
        assert_eq!(second.code, Some(6), "{second:?}");
        assert!(second.stderr.contains("in use"), "{second:?}");
    }
    assert_eq!(bench.tenant().stats().requests(Verb::Token), tokens);
    signal(&first, "-KILL");
    drop(first.wait_with_output());
    // The lock goes with its holder.
    let third = run(bench.import("in.csv").args(["--settle", "400ms"]));
    assert_eq!(third.code, Some(0), "{third:?}");
}

#[test]
fn a_ledger_of_another_tenant_or_kind_or_format_exits_6() {
    let bench = Bench::new(Settings::default());
    let other = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));

    let mut command = other.import("in.csv");
    let done = run(command.current_dir(bench.folder.path()));
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(done.stderr.contains("another tenant"), "{done:?}");
    assert!(done.stderr.contains("a second ledger would send every factor again"), "{done:?}");

    // One that no request was ever recorded in holds nothing to keep.
    bench.write("bad.csv", "user_id,type,phone_number\nauth0|1,phone,12\n");
    let bad = &["--ledger", "bad.ledger"];
    assert_eq!(run(bench.import("bad.csv").args(bad)).code, Some(4));
    let mut command = other.import("bad.csv");
    let done = run(command.args(bad).current_dir(bench.folder.path()));
    assert_eq!(done.code, Some(6), "{done:?}");
    assert!(done.stderr.contains("nothing was ever sent with it"), "{done:?}");
    // One that has lost its rows is not like that.
    let ledger = rusqlite::Connection::open(bench.path("in.csv.ledger")).unwrap();
    let rows: i64 = ledger.query_row("SELECT count(*) FROM factors", [], |row| row.get(0)).unwrap();
    assert_eq!(rows, 3);
    fs::copy(bench.path("in.csv.ledger"), bench.path("kept")).unwrap();
    ledger.execute("DELETE FROM factors", []).unwrap();
    drop(ledger);
    let mut command = other.import("in.csv");
    let done = run(command.current_dir(bench.folder.path()));
    assert!(done.stderr.contains("a second ledger would send every factor again"), "{done:?}");
    fs::copy(bench.path("kept"), bench.path("in.csv.ledger")).unwrap();

    bench.write("not-a-ledger", "user_id,type\n");
    bench.write("empty", "");
    fs::create_dir(bench.path("folder")).unwrap();
    std::os::unix::fs::symlink(bench.path("in.csv.ledger"), bench.path("link")).unwrap();
    fs::hard_link(bench.path("in.csv.ledger"), bench.path("hard")).unwrap();
    for ledger in ["not-a-ledger", "empty", "folder", "link", "hard", "no/such/folder/x"] {
        let done = run(bench.import("in.csv").args(["--ledger", ledger]));
        assert_eq!(done.code, Some(6), "{ledger}: {done:?}");
        assert!(done.stderr.contains("hint: "), "{ledger}: {done:?}");
    }
    fs::remove_file(bench.path("hard")).unwrap();
    assert_eq!(fs::read(bench.path("not-a-ledger")).unwrap(), b"user_id,type\n", "left alone");

    for format in [1, 99] {
        let other = rusqlite::Connection::open(bench.path("in.csv.ledger")).unwrap();
        other.pragma_update(None, "user_version", format).unwrap();
        drop(other);
        let done = run(&mut bench.import("in.csv"));
        assert_eq!(done.code, Some(6), "{done:?}");
        assert!(done.stderr.contains(&format!("format is {format}")), "{done:?}");
    }
}

#[test]
fn a_damaged_ledger_exits_6_and_nothing_is_sent() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(60).0);
    assert_eq!(run(&mut bench.import("in.csv")).code, Some(0));
    let sound = fs::read(bench.path("in.csv.ledger")).unwrap();
    let posts = bench.tenant().stats().requests(Verb::Post);
    let mut rng = fastrand::Rng::with_seed(5);
    let (mut refused, mut harmless) = (0, 0);
    for number in 0..60 {
        let mut damaged = sound.clone();
        if number % 3 == 0 {
            damaged.truncate(rng.usize(0..sound.len()));
        } else {
            let at = rng.usize(0..sound.len());
            damaged[at] ^= 1 << rng.u8(0..8);
        }
        bench.write("in.csv.ledger", damaged);
        for side in ["in.csv.ledger-wal", "in.csv.ledger-shm"] {
            drop(fs::remove_file(bench.path(side)));
        }
        let done = run(&mut bench.import("in.csv"));
        match done.code {
            Some(6) => refused += 1,
            // A bit that nothing depends on.
            Some(0) => harmless += 1,
            _ => panic!("{done:?}"),
        }
        assert_eq!(bench.tenant().stats().requests(Verb::Post), posts, "{done:?}");
    }
    assert!(refused >= 20, "{refused} refused, {harmless} harmless");
}

#[test]
fn the_ledger_is_private_whatever_the_umask() {
    let bench = Bench::new(Settings { latency_ms: (20, 30), ..Settings::default() });
    bench.write("in.csv", factors(200).0);
    let import = bench.import("in.csv");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(import.get_program());
    command.args(import.get_args()).current_dir(bench.folder.path()).env_clear();
    for (name, value) in import.get_envs() {
        command.env(name, value.unwrap());
    }
    let child = spawn(&mut command);
    until("it runs", || bench.tenant().stats().created > 20);
    for side in ["", "-wal", "-shm", "-seal"] {
        let file = format!("in.csv.ledger{side}");
        let mode = fs::metadata(bench.path(&file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(read(&child.wait_with_output().unwrap()).code, Some(0));
}

#[test]
fn a_signal_ends_a_run_whose_pipe_is_silent() {
    let bench = Bench::new(Settings::default());
    let mut command = bench.import("-");
    command.args(["--format", "csv", "--ledger", "piped.ledger"]);
    let mut child = spawn(command.stdin(std::process::Stdio::piped()));
    let mut pipe = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, factors(3).0.as_bytes()).unwrap();
    until("what came was sent", || bench.tenant().stats().created >= 2);
    signal(&child, "-TERM");
    let stopped = read(&child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(5), "{stopped:?}");
    drop(pipe);
}

#[test]
#[cfg(target_os = "linux")]
fn the_first_signal_ends_the_wait_for_whoever_is_to_write_to_a_pipe() {
    let bench = Bench::new(Settings::default());
    let pipe = bench.path("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let flags: [(&str, &[&str]); 7] = [
        ("import", &[]),
        ("verify", &["--sample", "5%", "--usage", "--extras"]),
        ("export", &["--out", "out.jsonl"]),
        ("replace", &[]),
        ("update", &[]),
        ("delete", &["--yes"]),
        ("preflight", &[]),
    ];
    for ((name, flags), output) in flags.into_iter().flat_map(|it| [(it, "json"), (it, "text")]) {
        let mut command = bench.command(name);
        command.arg("pipe.csv").args(flags).args(["--output", output]);
        let child = spawn(&mut command);
        let status = format!("/proc/{}/status", child.id());
        // proc(5): a mask of the signals that are caught, SIGINT the second.
        until("it listens for signals", || {
            let status = fs::read_to_string(&status).unwrap();
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
            u64::from_str_radix(mask.trim(), 16).unwrap() & 2 != 0
        });
        signal(&child, "-INT");
        let mut child = child;
        until("it ends", || child.try_wait().unwrap().is_some());
        let stopped = read(&child.wait_with_output().unwrap());
        assert_eq!(stopped.code, Some(5), "{name}: {stopped:?}");
        // Whoever reads the result learns it there, as of a run that was stopped later.
        crate::schemas::hold(&command, &stopped);
        if output == "json" {
            assert_eq!(stopped.json()["status"], "stopped", "{name}: {stopped:?}");
        } else {
            assert!(stopped.stdout.starts_with("Stopped before "), "{name}: {stopped:?}");
        }
    }
    assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), 1, "nothing was written");
}

#[test]
fn a_signal_ends_a_run_that_waits_for_a_token() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(60).0);
    let mut command = bench.import("in.csv");
    command.args(["--base-url", &format!("http://{}", silent.local_addr().unwrap())]);
    let child = spawn(command.args(["--timeout", "25s"]));
    let asked = silent.accept().unwrap();
    signal(&child, "-INT");
    let stopped = read(&child.wait_with_output().unwrap());
    assert_eq!(stopped.code, Some(5), "{stopped:?}");
    assert!(stopped.summary()["elapsed_seconds"].as_f64().unwrap() < 15.0, "{stopped:?}");
    drop(asked);
}

#[test]
fn max_errors_also_stops_a_file_of_nothing_but_bad_rows() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", format!("user_id,type\n{}", "auth0|1,nonsense\n".repeat(3000)));
    let done = run(bench.import("in.csv").args(["--max-errors", "2"]));
    assert_eq!(done.code, Some(5), "{done:?}");
}

#[test]
fn a_flag_that_names_the_tenant_beats_what_environment_and_file_say() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    bench.write("mfaferry.toml", "sandbox = true\n");
    let mut command = bench.import("in.csv");
    let done = run(command.env("AUTH0_DOMAIN", "other.example.com").args(["--ledger", "x.ledger"]));
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(bench.tenant().stats().created, 3, "it went where the flag says");
}
