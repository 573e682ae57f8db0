//! The command line as the contract has it, and as its user meets it.

use mfaferry::sandbox::Settings;

use crate::support::{Bench, binary, factors, run};

#[test]
fn import_knows_every_flag_of_the_contract() {
    let help = run(binary().args(["import", "--help"])).stdout;
    for flag in [
        "--tenant",
        "--domain",
        "--base-url",
        "--audience",
        "--client-secret-file",
        "--token-file",
        "--sandbox",
        "--ledger",
        "--rate",
        "--burst",
        "--rate-plan",
        "--timezone",
        "--max-duration",
        "--reserve",
        "--concurrency",
        "--timeout",
        "--settle",
        "--max-attempts",
        "--max-errors",
        "--max-outage",
        "--output",
        "--quiet",
        "--verbose",
        "--log-format",
        "--log-file",
        "--metrics-file",
        "--format",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
}

#[test]
fn wrong_usage_exits_2_and_help_exits_0() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["import", "--help"], 0),
        (&["--version"], 0),
        (&[], 2),
        (&["import"], 2),
        (&["import", "x.csv", "--no-such-flag"], 2),
        (&["import", "x.csv", "--sandbox", "--rate", "fast"], 2),
        (&["import", "x.csv", "--sandbox", "--settle", "-1s"], 2),
        (&["import", "x.csv", "--sandbox", "--concurrency", "0"], 2),
        (&["import", "x.unknown", "--sandbox"], 2),
    ] {
        let done = run(binary().args(arguments));
        assert_eq!(done.code, Some(code), "{arguments:?}: {done:?}");
        if code == 2 && !arguments.is_empty() {
            assert!(done.stderr.starts_with("error: "), "{arguments:?}: {done:?}");
        }
    }
}

#[test]
fn a_flag_beats_the_environment_which_beats_the_file() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    bench.write("mfaferry.toml", "ledger = \"from-file\"\nmax_attempts = 2\n");
    for (ledger, environment, flag) in [
        ("from-file", None, None),
        ("from-environment", Some("from-environment"), None),
        ("from-flag", Some("from-environment"), Some("from-flag")),
    ] {
        let mut command = bench.import("in.csv");
        command.args(flag.map(|name| format!("--ledger={name}")));
        command.envs(environment.map(|name| ("MFAFERRY_LEDGER", name)));
        let done = run(&mut command);
        assert_eq!((done.code, &done.summary()["ledger"]), (Some(0), &ledger.into()), "{done:?}");
    }
    bench.write("mfaferry.toml", "client_secret = \"CANARY\"\n");
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(3), "{done:?}");
    bench.write("mfaferry.toml", "ledger = \"CANARY\nrate=");
    let done = run(&mut bench.import("in.csv"));
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(!done.stderr.contains("CANARY"), "{done:?}");
}

#[test]
fn an_invalid_value_is_named_with_the_place_that_gives_it() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(1).0);
    let import = || {
        let mut command = binary();
        command.current_dir(bench.folder.path()).args(["import", "in.csv"]);
        command
    };
    for (key, value, expected) in [
        ("rate", "fast", "`auto`, or requests a second"),
        ("burst", "0", "1 to 10000"),
        ("timezone", "Mars/Base", "IANA"),
        ("max_duration", "soon", "`30s`"),
        ("reserve", "96%", "`95%`"),
        ("concurrency", "4097", "`auto`, or a number from 1 to 4096"),
        ("timeout", "0", "`30s`"),
        ("settle", "x", "`30s`"),
        ("max_attempts", "101", "1 to 100"),
        ("max_errors", "0%", "a share such as"),
        ("max_outage", "8d", "`30s`"),
        ("sandbox", "1", "`true` or `false`"),
        ("skip_existing", "yes", "`true` or `false`"),
        ("name_marker", "on", "`true` or `false`"),
    ] {
        let flag = format!("--{}", key.replace('_', "-"));
        let variable = format!("MFAFERRY_{}", key.to_ascii_uppercase());
        bench.write("some.toml", format!("ledger = \"x\"\n{key} = \"{value}\"\n"));
        let mut places = vec![
            (variable.clone(), import()),
            (format!("`{key}` in `some.toml` line 2"), import()),
        ];
        places[0].1.env(&variable, value);
        places[1].1.args(["--config", "some.toml"]);
        if !expected.contains("true") {
            // What stands nearer to the user is what counts, so what is wrong further off is
            // hidden.
            let mut command = import();
            command.args([&flag, value]).env(&variable, "also wrong");
            places.push((flag, command));
        }
        for (place, mut command) in places {
            let done = run(&mut command);
            assert_eq!(done.code, Some(2), "{place}: {done:?}");
            let wanted = format!("error: invalid value `{value}` for {place}\n\nhint: give ");
            assert!(done.stderr.starts_with(&wanted), "{place}: {done:?}");
            assert!(done.stderr.contains(expected), "{place}: {done:?}");
        }
        // A secret that was pasted into the wrong place is no value to name.
        let mut command = import();
        let done = run(command.env(&variable, "CANARY-much-longer-than-values"));
        assert!(done.code == Some(2) && !done.stderr.contains("CANARY"), "{done:?}");
    }
}

#[test]
fn a_variable_that_is_empty_counts_as_unset_and_none_shows_in_help() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(1).0);
    let garbled = std::os::unix::ffi::OsStringExt::from_vec(vec![0xff]);
    let garbled: std::ffi::OsString = garbled;
    let help = run(binary().args(["import", "--help"])).stdout;
    let variables: Vec<_> = help
        .split("[env: ")
        .skip(1)
        .map(|rest| rest.split(']').next().unwrap().to_owned())
        .collect();
    assert_eq!(variables.len(), 27, "{variables:?}");
    let mut import = bench.import("in.csv");
    import.envs(variables.iter().filter(|name| *name != "AUTH0_CLIENT_ID").map(|name| (name, " ")));
    assert_eq!(run(&mut import).code, Some(0));
    for variable in &variables {
        let done = run(binary().args(["import", "--help"]).env(variable, "CANARY"));
        assert_eq!((done.code, &done.stdout), (Some(0), &help), "{variable}");
        // Who does not need it does not mind.
        let mut check = binary();
        check.current_dir(bench.folder.path()).args(["check", "in.csv"]);
        assert_eq!(run(check.env(variable, &garbled)).code, Some(0), "{variable}");
        let done = run(bench.import("in.csv").env(variable, &garbled));
        let fault = format!("{variable} is not valid UTF-8");
        // The name of a file is bytes.
        let is_of_a_file = help.contains(&format!("<FILE> [env: {variable}]"))
            || variable.ends_with("_FILE")
            || ["MFAFERRY_LEDGER", "MFAFERRY_TENANT_FACTS"].contains(&&**variable);
        assert_eq!(done.stderr.contains(&fault), !is_of_a_file, "{variable}: {done:?}");
        assert!(done.code == Some(3) || is_of_a_file, "{variable}: {done:?}");
    }
}

#[test]
fn a_variable_may_name_a_file_whose_name_is_not_utf8() {
    let garbled = |number: u8| {
        let name: std::ffi::OsString =
            std::os::unix::ffi::OsStringExt::from_vec(vec![b'0' + number, 0xff]);
        name
    };
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(1).0);
    let at = |number| bench.folder.path().join(garbled(number));
    std::fs::write(at(0), "CANARYclientsecret").unwrap();
    let mut import = binary();
    import.current_dir(bench.folder.path()).args(["import", "in.csv", "--base-url"]);
    import.arg(bench.tenant().base_url()).env("AUTH0_CLIENT_ID", "tester");
    let variables = ["CLIENT_SECRET_FILE", "LEDGER", "METRICS_FILE"];
    for (number, name) in (0..).zip(variables) {
        import.env(format!("MFAFERRY_{name}"), garbled(number));
    }
    let done = run(&mut import);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(at(1).exists() && at(2).exists());
    for name in ["TOKEN_FILE", "CLIENT_KEY_FILE"] {
        let mut import = bench.import("in.csv");
        import.env_remove("AUTH0_CLIENT_SECRET").env(format!("MFAFERRY_{name}"), garbled(9));
        let done = run(&mut import);
        assert!(done.code == Some(3) && done.stderr.contains("cannot be read"), "{name}: {done:?}");
    }
}

#[test]
fn check_shows_what_would_be_sent_with_contacts_masked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("in.csv"),
        "user_id,type,phone_number,totp_secret\nauth0|1,phone,+1 415 555 0100,\n\
         auth0|1,totp,,jbsw y3dp ehpk 3pxp jbsw y3dp ehpk 3pxp\nauth0|1,phone,+1-415-555-0100,\n\
         auth0|1,totp,,short\n",
    )
    .unwrap();
    let mut command = binary();
    let done = run(command.current_dir(&folder).args(["check", "in.csv", "--show", "5"]));
    assert_eq!(done.code, Some(4), "{done:?}");
    assert!(done.stdout.contains("0100") && done.stdout.contains("160 bits"), "{done:?}");
    assert!(!done.stdout.contains("415") && !done.stdout.contains("JBSW"), "{done:?}");
    assert!(done.stdout.contains("rejected: line 5, totp_secret: "), "{done:?}");
    assert!(done.stdout.contains("2 factors to import, 1 rejected, 1 duplicate"), "{done:?}");
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let done = run(binary().args(["completions", shell]));
        assert!(done.code == Some(0) && done.stdout.contains("mfaferry"), "{shell}: {done:?}");
    }
}

#[test]
fn no_output_is_what_the_command_reads_or_another_output() {
    let bench = Bench::new(Settings::default());
    let text = "user_id\nauth0|one\n";
    bench.write("users.csv", text);
    let linked = |name: &str, link: fn(&std::path::Path, &std::path::Path)| {
        link(&bench.path("users.csv"), &bench.path(name));
    };
    linked("soft.csv", |from, to| std::os::unix::fs::symlink(from, to).unwrap());
    linked("hard.csv", |from, to| std::fs::hard_link(from, to).unwrap());
    for (command, flags) in [
        ("export", &["--out", "users.csv"][..]),
        ("export", &["--out", "./users.csv"]),
        ("export", &["--out", "soft.csv"]),
        ("export", &["--out", "hard.csv"]),
        ("export", &["--ledger", "users.csv"]),
        ("export", &["--log-file", "hard.csv"]),
        ("export", &["--out", "new", "--log-file", "./new"]),
        ("export", &["--out", "new", "--ledger", "new"]),
        ("delete", &["--all-methods", "--yes", "--backup", "soft.csv"]),
        ("replace", &["--backup", "users.csv"]),
        ("verify", &["--log-file", "users.csv"]),
    ] {
        let done = run(bench.command(command).arg("users.csv").args(flags));
        assert_eq!(done.code, Some(2), "{command} {flags:?}: {done:?}");
        assert!(done.stderr.starts_with("error: "), "{command} {flags:?}: {done:?}");
        assert!(done.stderr.contains(flags[flags.len() - 2]), "{command} {flags:?}: {done:?}");
        assert_eq!(std::fs::read_to_string(bench.path("users.csv")).unwrap(), text);
        assert!(!bench.path("new").exists(), "{command} {flags:?}");
    }
    assert_eq!(bench.tenant().stats().requests.values().sum::<u64>(), 0);
}

#[test]
fn an_error_is_an_object_where_a_program_reads_the_result() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(3).0);
    // What was good of them is no result of its own, and leads nowhere.
    bench.write(
        "cut.json",
        r#"[{"user_id":"auth0|a","type":"phone","phone_number":"+12025550101"},"#,
    );
    bench.write("cut.csv", "user_id,type,name\nauth0|a,email,a@b.test\nauth0|b,email,\"b@b.test\n");
    let plain = |arguments: &[&str]| run(binary().current_dir(bench.folder.path()).args(arguments));
    let own = |arguments: &[&str]| plain(&[arguments, &["--output", "json"]].concat());
    let report = |arguments: &[&str]| plain(&[&["report", "--format", "json"], arguments].concat());
    for (done, exit, code) in [
        (own(&["check", "cut.json"]), 2, "unreadable_input"),
        (own(&["check", "cut.csv"]), 2, "unreadable_input"),
        (own(&["check", "in.csv", "--show", "3"]), 2, "usage"),
        (own(&["import", "in.csv", "--sandbox", "--base-url", "http://127.0.0.1:1"]), 2, "usage"),
        (report(&["--bad"]), 2, "usage"),
        (report(&[]), 2, "usage"),
        (report(&["--ledger", "none", "--state", "nonsense"]), 2, "usage"),
        (plain(&["report", "none", "--bad", "--format=json"]), 2, "usage"),
        (own(&["check", "none.csv"]), 2, "unreadable_input"),
        (own(&["check", "in.csv", "--no-such-flag"]), 2, "usage"),
        (own(&["import", "in.csv"]), 3, "no_tenant"),
        (own(&["import", "in.csv", "--domain", "t.example"]), 3, "no_credentials"),
        (run(bench.import("in.csv").args(["--ledger", "in.csv.none/l"])), 6, "ledger_unusable"),
        (run(bench.command("undo").args(["--ledger", "none", "--yes"])), 6, "ledger_unusable"),
    ] {
        assert_eq!(done.code, Some(exit), "{done:?}");
        let error = done.json();
        assert_eq!(error["schema"], "mfaferry/error/1", "{done:?}");
        assert_eq!((&error["status"], &error["code"]), (&"error".into(), &code.into()), "{done:?}");
        assert_eq!(error["exit_code"], exit, "{done:?}");
        let told = error["error"].as_str().unwrap();
        assert!(!told.is_empty() && !told.contains('\n'), "{done:?}");
        assert!(code != "usage" || error["hint"].is_string(), "{done:?}");
        assert!(done.stderr.contains("error: "), "people read standard error: {done:?}");
        assert_eq!(done.stdout.lines().count(), 1, "one object: {done:?}");
    }
    let bad = report(&["--bad"]).json();
    assert_eq!(bad["error"], "unexpected argument '--bad' found");
    // There it is the form of INPUT.
    assert_eq!(plain(&["import", "in.csv", "--bad", "--format", "json"]).stdout, "");
    let cut = plain(&["check", "cut.json"]);
    assert!(cut.stdout.contains("1 row: 1 factor to import") && cut.code == Some(2), "{cut:?}");
    assert!(!cut.stdout.contains("next: "), "{cut:?}");
}

#[test]
fn quiet_with_a_good_end_prints_nothing_and_a_closed_pipe_is_no_error() {
    let bench = Bench::new(Settings::default());
    bench.write("in.csv", factors(300).0);
    let quiet = ["--output", "text", "-q"];
    for done in [
        run(bench.import("in.csv").args(quiet)),
        run(bench.command("verify").arg("in.csv").args(quiet)),
        run(binary().current_dir(bench.folder.path()).args(["check", "in.csv", "-q"])),
    ] {
        assert_eq!(done.code, Some(0), "{done:?}");
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
    }
    for format in ["csv", "jsonl", "text", "json"] {
        let line = format!("\"$0\" report --ledger in.csv.ledger --format {format} | head -c 1");
        let done = run(std::process::Command::new("bash")
            .current_dir(bench.folder.path())
            .args(["-o", "pipefail", "-c", &line])
            .arg(binary().get_program()));
        assert_eq!(done.code, Some(0), "{format}: {done:?}");
        assert_eq!(done.stderr, "", "{format}");
    }
}
