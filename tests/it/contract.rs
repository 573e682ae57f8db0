//! The command line as the contract has it, and as its user meets it.

use mfaferry::sandbox::Settings;

use crate::support::{Bench, binary, factors, run};

#[test]
fn import_knows_every_flag_of_the_contract() {
    let help = run(binary().args(["import", "--help"])).stdout;
    for flag in [
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
    assert!(done.stdout.contains("2 factors to import, 1 rejected, 1 duplicates"), "{done:?}");
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "zsh", "fish"] {
        let done = run(binary().args(["completions", shell]));
        assert!(done.code == Some(0) && done.stdout.contains("mfaferry"), "{shell}: {done:?}");
    }
}
