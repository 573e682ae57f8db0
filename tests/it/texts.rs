//! Every text a person reads, as the real binary prints it: help, errors, summaries. Read the
//! snapshots when they change; `INSTA_UPDATE=always cargo test --test it texts` writes them anew.

use std::process::Command;

use clap::CommandFactory;
use mfaferry::{cli::Cli, sandbox::Settings};

use crate::support::{Bench, COMMANDS, Done, binary, factors, run, samples};

/// Takes out what differs from run to run: folders, ports, times.
fn stable(text: &str, bench: &Bench) -> String {
    let folder = bench.folder.path().to_str().unwrap();
    let port = format!(":{}", bench.tenant().addr().port());
    let text = text.replace(folder, "FOLDER").replace(&port, ":PORT");
    let mut lines = Vec::new();
    for line in text.lines() {
        // A slow machine waits for permits now and then.
        let line = line.split(", held ").next().unwrap_or(line);
        let mut words: Vec<String> = Vec::new();
        for word in line.split(' ') {
            let digits = word.trim_end_matches([',', ';']);
            let is_time = digits.parse::<f64>().is_ok() && digits.contains('.');
            let is_moment = word.starts_with("20") && word.ends_with('Z');
            words.push(if is_moment {
                "MOMENT".to_owned()
            } else if is_time {
                word.replace(digits, "N.N")
            } else {
                word.to_owned()
            });
        }
        lines.push(words.join(" "));
    }
    lines.join("\n")
}

fn shown(done: &Done, bench: &Bench) -> String {
    let code = done.code.map_or("none".to_owned(), |code| code.to_string());
    let (out, err) = (stable(&done.stdout, bench), stable(&done.stderr, bench));
    format!("exit code {code}\n--- stdout\n{out}\n--- stderr\n{err}")
}

#[test]
fn help_of_every_command() {
    let mut all = run(binary().arg("--help")).stdout;
    for command in COMMANDS {
        let help = run(binary().args([command, "--help"])).stdout;
        all += &format!("\n=== mfaferry {command} --help\n{help}");
    }
    let version = env!("CARGO_PKG_VERSION");
    insta::assert_snapshot!(all.replace(version, "VERSION"));
}

/// Flags that stand under a heading of their own; all others stand under "Options".
const GROUPS: &[(&str, &[&str])] = &[
    ("Another system's export", &["from", "user-id", "users", "rp-id", "include-profile-phone"]),
    ("HTML", &["verify", "hide-user-ids", "out"]),
    ("Output", &["quiet", "verbose", "log-format", "log-file"]),
    (
        "Rate and timeouts",
        &[
            "rate",
            "burst",
            "rate-plan",
            "timezone",
            "max-duration",
            "reserve",
            "concurrency",
            "timeout",
            "settle",
            "max-attempts",
            "max-errors",
            "max-outage",
        ],
    ),
    (
        "Tenant",
        &[
            "tenant",
            "domain",
            "base-url",
            "audience",
            "client-id",
            "client-secret-file",
            "client-key-file",
            "client-signing-alg",
            "token-file",
            "sandbox",
            "config",
            "tenant-facts",
        ],
    ),
];

#[test]
fn only_the_flags_of_a_group_stand_under_its_heading() {
    let program = Cli::command();
    for command in program.get_subcommands().chain([&program]) {
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            let Some(heading) = arg.get_help_heading() else { continue };
            let group = GROUPS.iter().find(|(name, _)| *name == heading);
            let (_, flags) = group.unwrap_or_else(|| panic!("{heading}: --{long}"));
            assert!(flags.contains(&long), "{}: {heading}: --{long}", command.get_name());
        }
    }
}

#[test]
fn help_fills_the_width_of_the_terminal_and_its_lists_need_no_more_than_80_columns() {
    for command in Cli::command().get_subcommands() {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        for line in help.lines().filter(|line| line.starts_with(' ')) {
            assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
        }
    }
    for width in [60, 80, 100] {
        for command in COMMANDS {
            let mut asked = binary();
            let help =
                run(asked.env("COLUMNS", width.to_string()).args([command, "--help"])).stdout;
            let lines: Vec<_> = help.lines().collect();
            for pair in lines.windows(2) {
                let [line, next] = pair else { continue };
                let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
                if is_prose(line) && is_prose(next) && !line.ends_with(['.', ':']) {
                    let word = next.split(' ').next().unwrap().chars().count();
                    let length = line.chars().count() + 1 + word;
                    assert!(length > width, "{command} at {width}:\n{line}\n{next}");
                }
            }
        }
    }
}

/// A command without a tenant of its own, in the bench's folder.
fn plain(bench: &Bench, arguments: &[&str]) -> Command {
    let mut command = binary();
    command.current_dir(bench.folder.path()).args(arguments);
    command
}

#[test]
fn errors_of_usage_and_configuration() {
    let bench = Bench::new(Settings::default());
    bench.write("good.csv", "user_id,type,phone_number\nauth0|1,phone,+14155550100\n");
    let realm =
        r#"{"id":"acme","realm":"acme","users":[{"id":"1","username":"mara","credentials":[]}]}"#;
    bench.write("realm.json", realm);
    bench.write("other.toml", "rate = \"10\"\nratee = \"11\"\n");
    let mut all = String::new();
    for arguments in [
        &["import"][..],
        &["import", "good.csv"],
        &["import", "missing.csv", "--sandbox"],
        &["import", "good.csv", "--sandbox", "--rate", "fast"],
        &["import", "good.csv", "--sandbox", "--reserve", "120%"],
        &["import", "good.csv", "--sandbox", "--settle", "-1s"],
        &["import", "good.csv", "--sandbox", "--concurrency", "0"],
        &["import", "good.csv", "--sandbox", "--max-errors", "x"],
        &["import", "good.csv", "--sandbox", "--rate-plan", "25:00-26:00=1"],
        &["import", "good.csv", "--sandbox", "--timezone", "Nowhere/Town"],
        &["import", "good.csv", "--sandbox", "--config", "other.toml"],
        &["import", "good.csv", "--sandbox", "--config", "missing.toml"],
        &["import", "good.csv", "--domain", "https://tenant.example"],
        &["import", "good.csv", "--domain", "tenant.example"],
        &["import", "good.csv", "--base-url", "http://tenant.example"],
        &["import", "-", "--sandbox"],
        &["import", "good.txt", "--sandbox"],
        &["import", ".", "--sandbox", "--format", "csv"],
        &["report", "missing.ledger"],
        &["report"],
        &["undo", "--sandbox"],
        &["delete", "good.csv", "--sandbox"],
        &["verify", "good.csv", "--sandbox", "--sample", "0%"],
        &["sandbox", "--limit", "x"],
        &["sandbox", "--faults", "nonsense=1%"],
        &["frobnicate"],
        &["import", "good.csv", "--dry-run"],
        &["import", "realm.json", "--sandbox"],
        &["explain", "needs_review"],
    ] {
        let done = run(&mut plain(&bench, arguments));
        all += &format!("$ mfaferry {}\n{}\n\n", arguments.join(" "), shown(&done, &bench));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn errors_of_inputs() {
    let bench = Bench::new(Settings::default());
    let mut all = String::new();
    for (name, file, text) in [
        ("empty", "a.csv", &b""[..]),
        ("no header", "a.csv", b"auth0|1,phone,+14155550100\n"),
        ("unknown column", "a.csv", b"user_id,type,phone_nmber\nauth0|1,phone,+14155550100\n"),
        ("repeated column", "a.csv", b"user_id,type,type\nauth0|1,phone,email\n"),
        ("missing column", "a.csv", b"user_id,phone_number\nauth0|1,+14155550100\n"),
        ("unclosed quote", "a.csv", b"user_id,type,email\nauth0|1,email,\"a@b.example\n"),
        ("json as csv", "a.csv", b"{\"user_id\":\"auth0|1\"}\n"),
        ("csv as jsonl", "a.jsonl", b"user_id,type,email\n"),
        ("nul", "a.csv", b"user_id,type,email\nauth0|1,email,a\0b\n"),
        ("latin-1", "a.csv", b"user_id,type,name,email\nauth0|1,email,J\xf6rg,a@b.example\n"),
        ("zip", "a.csv", b"PK\x03\x04aaaaaaaaaaaaaaaa"),
        ("broken json", "a.jsonl", b"{\"user_id\": \"auth0|1\", \"type\": }\n"),
        ("unknown key", "a.jsonl", b"{\"user_id\":\"auth0|1\",\"type\":\"email\",\"mail\":\"x\"}\n"),
        (
            "bad rows",
            "a.csv",
            b"user_id,type,name,phone_number,email,totp_secret\n\
              auth0|1,phone,,0151 23456,,\n\
              auth0|2,email,,,nobody,\n\
              auth0|3,totp,,,,JBSW\n\
              auth0|4,sms,,+14155550100,,\n\
              ,phone,,+14155550100,,\n\
              auth0|6,phone,,XXXXXXX5044,,\n\
              auth0|7,totp,,,,\"otpauth://totp/A?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&digits=8\"\n",
        ),
    ] {
        bench.write(file, text);
        let done = run(&mut plain(&bench, &["check", file]));
        all += &format!("# {name}\n{}\n\n", shown(&done, &bench));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn summaries() {
    let bench = Bench::new(Settings::default());
    bench.write("sample.csv", std::fs::read(samples().join("factors.csv")).unwrap());
    bench.write("factors.csv", factors(30).0);
    let text = |name: &str, arguments: &[&str]| {
        let mut command = bench.command(name);
        command.args(arguments).args(["--output", "text", "--settle", "200ms"]);
        shown(&run(&mut command), &bench)
    };
    let mut all = String::new();
    let mut show = |title: &str, text: String| all += &format!("# {title}\n{text}\n\n");
    show("an import with rejected rows", text("import", &["sample.csv"]));
    show("the same again", text("import", &["sample.csv"]));
    show("another name beside the first", text("import", &["factors.csv"]));
    show("an import that goes well", text("import", &["factors.csv", "--new-ledger"]));
    bench.write("canary.csv", factors(60).0.replace("+1415", "+1212"));
    let first = ["canary.csv", "--new-ledger", "--max-users", "2"];
    show("an import of the first users", text("import", &first));
    show("those verified", text("verify", &["canary.csv", "--max-users", "2"]));
    let report = |arguments: &[&str]| shown(&run(&mut plain(&bench, arguments)), &bench);
    show("report", report(&["report", "sample.csv.ledger"]));
    show("check", report(&["check", "sample.csv", "--show", "3"]));
    insta::assert_snapshot!(all);
}
