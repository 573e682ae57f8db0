//! No value, token or secret in anything that is printed or written.

use std::fs;

use mfaferry::sandbox::{Fault, Settings};

use crate::support::{Bench, binary, run};

const SECRETS: [&str; 7] = [
    "4155559876",
    "canary.person",
    "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU",
    "CANARYclientsecret",
    "CANARYreadytoken",
    "MYbadSecret189MYbadSecret189",
    "wrongcolumn7777777",
];

#[test]
fn no_output_log_or_file_holds_a_secret_at_any_log_level() {
    // With more of them, five people in a row without an answer would be an outage, and minutes of
    // waiting.
    for faults in ["", "500-after=6%,cut=6%,not-json=6%,close-after=6%,403-plan=3%"] {
        let bench = Bench::new(Settings {
            faults: if faults.is_empty() { vec![] } else { Fault::parse_list(faults).unwrap() },
            static_tokens: vec!["CANARYreadytoken".into()],
            ..Settings::default()
        });
        let mut csv = String::from("user_id,type,name,phone_number,email,totp_secret\n");
        for user in 0..20 {
            csv += &format!(
                "auth0|{user},phone,,+1 415-555-9876,,\nauth0|{user},email,,,canary.person@example.com,\n\
                 auth0|{user},totp,,,,KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU\n\
                 auth0|{user},totp,,,,MYbadSecret189MYbadSecret189\nauth0|{user},phone,,wrongcolumn7777777,,\n"
            );
        }
        bench.write("in.csv", csv);
        for token in [None, Some("CANARYreadytoken")] {
            let ledger = if token.is_some() { "b.ledger" } else { "a.ledger" };
            let mut command = bench.import("in.csv");
            command.args(["-vv", "--ledger", ledger, "--output", "text"]);
            command.args(["--log-file", &format!("{ledger}.log")]).env("RUST_BACKTRACE", "1");
            if let Some(token) = token {
                command.env("AUTH0_API_TOKEN", token);
            }
            let done = run(&mut command);
            assert!(matches!(done.code, Some(3 | 4)), "{done:?}");
            let mut all = vec![done.stdout, done.stderr];
            for format in ["text", "json", "csv", "jsonl"] {
                let mut report = binary();
                report.current_dir(bench.folder.path());
                let done = run(report.args(["report", "--ledger", ledger, "--format", format]));
                all.push(done.stdout + &done.stderr);
            }
            for entry in fs::read_dir(bench.folder.path()).unwrap() {
                let path = entry.unwrap().path();
                if !path.ends_with("in.csv") {
                    all.push(String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
                }
            }
            for text in all {
                for secret in SECRETS {
                    assert!(!text.contains(secret), "`{secret}` in: {text}");
                }
            }
        }
    }
}

/// The tenant masks nothing: numbers and addresses are in an export and a backup, which is what
/// these are for, and nowhere else; a TOTP secret is not even there.
#[test]
fn over_the_whole_life_of_a_method_values_are_in_exports_and_backups_only() {
    let bench = Bench::new(Settings {
        masking: false,
        faults: Fault::parse_list("500-after@any=6%,cut@any=6%,not-json@any=6%").unwrap(),
        ..Settings::default()
    });
    let mut csv = String::from("user_id,type,name,phone_number,email,totp_secret\n");
    for user in 0..4 {
        csv += &format!(
            "auth0|{user},phone,,+14155559876,,\nauth0|{user},email,,,canary.person@example.com,\n\
             auth0|{user},totp,,,,KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU\n"
        );
    }
    bench.write("in.csv", csv);
    let mut all = Vec::new();
    for arguments in [
        &["import", "in.csv", "--settle", "200ms"][..],
        &["export", "in.csv", "--ledger", "export", "--out", "out.jsonl"],
        &["undo", "--ledger", "in.csv.ledger", "--yes"],
        &["replace", "in.csv", "--ledger", "replace"],
        &["replace", "in.csv", "--ledger", "again"],
        &["delete", "users.csv", "--all-methods", "--yes", "--ledger", "delete"],
    ] {
        bench.write(
            "users.csv",
            (0..4)
                .map(|n| format!("auth0|{n}\n"))
                .fold(String::from("user_id\n"), |text, row| text + &row),
        );
        let mut command = bench.command(arguments[0]);
        command.args(&arguments[1..]).args(["-vv", "--output", "text", "--log-file", "log"]);
        let done = run(&mut command);
        assert!(matches!(done.code, Some(0 | 4)), "{arguments:?}: {done:?}");
        all.push(done.stdout + &done.stderr);
    }
    assert_eq!(bench.tenant().stats().faults.len(), 3, "each kind of fault has struck");
    let mut told = 0;
    for entry in fs::read_dir(bench.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap()).into_owned();
        assert!(path.ends_with("in.csv") || !text.contains(SECRETS[2]), "{}", path.display());
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("jsonl") => told += usize::from(text.contains(SECRETS[0])),
            _ if path.ends_with("in.csv") => {}
            _ => all.push(text),
        }
    }
    assert!(told >= 4, "an export and three backups: {told}");
    for text in all {
        for secret in SECRETS {
            assert!(!text.contains(secret), "`{secret}` in: {text}");
        }
    }
}

#[test]
fn help_and_usage_errors_show_no_value_of_flag_or_environment() {
    for arguments in [
        &["import", "--help"][..],
        &["import", "x.csv", "--token=CANARYreadytoken"],
        &["import", "x.csv", "--client-secret", "CANARYreadytoken"],
        &["import", "x.csv", "--rate", "CANARYreadytoken", "--sandbox"],
        &["import", "x.csv", "--base-url", "https://user:CANARYreadytoken@example.com"],
        &["--help"],
        &["completions", "bash"],
    ] {
        let done = run(binary()
            .args(arguments)
            .env("AUTH0_CLIENT_SECRET", "CANARYclientsecret")
            .env("AUTH0_API_TOKEN", "CANARYclientsecret"));
        let text = done.stdout + &done.stderr;
        assert!(!text.contains("CANARY"), "{arguments:?}: {text}");
    }
}
