//! File names that are no plain text: not UTF-8, or with what a shell or a terminal would heed.

use std::{
    ffi::{OsStr, OsString},
    fs,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
    process::Command,
};

use mfaferry::{
    sandbox::Settings,
    text::{file_name, shell_quote},
};

use crate::support::{Bench, Done, around, binary, factors, run, samples, side_by_side};

/// Beginnings of names, and how a message shows them.
const NAMES: [(&[u8], &str); 5] = [
    (b"caf\xe9 \xf0\x9f", r"caf\xe9 \xf0\x9f"),
    (b"line\nend\t\x1b[31m", r"line\u{a}end\u{9}\u{1b}[31m"),
    (b"it's \"$HOME\" `x` \\xff", "it's \"$HOME\" `x` \\xff"),
    (b"-dash", "-dash"),
    (b"--rate=1\xff", r"--rate=1\xff"),
];

fn with(name: &[u8], end: &str) -> OsString {
    OsString::from_vec([name, end.as_bytes()].concat())
}

fn is_utf8(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok()
}

struct Names<'a> {
    bench: Bench,
    name: &'a [u8],
}

impl Names<'_> {
    fn path(&self, end: &str) -> PathBuf {
        self.bench.folder.path().join(with(self.name, end))
    }

    fn exists(&self, end: &str) -> bool {
        self.path(end).symlink_metadata().is_ok()
    }

    /// A command about INPUT, with files of this name behind flags.
    fn command(&self, command: &str, flags: &[&str], files: &[(&str, &str)]) -> Command {
        let talks = !["check", "select", "report", "man"].contains(&command);
        let mut line = if talks { self.bench.command(command) } else { binary() };
        if !talks {
            line.current_dir(self.bench.folder.path()).arg(command);
        }
        line.args(flags);
        for (flag, end) in files {
            let mut argument = OsString::from(format!("--{flag}="));
            argument.push(with(self.name, end));
            line.arg(argument);
        }
        line
    }

    fn run(
        &self,
        command: &str,
        flags: &[&str],
        files: &[(&str, &str)],
        input: Option<&str>,
    ) -> Done {
        let mut line = self.command(command, flags, files);
        if let Some(end) = input {
            line.arg("--").arg(with(self.name, end));
        }
        let done = run(&mut line);
        let all = format!("{}{}", done.stdout, done.stderr);
        let name = String::from_utf8_lossy(self.name).into_owned();
        assert!(!all.contains('\u{fffd}') && !all.contains('\u{1b}'), "{command} {name}: {all}");
        assert!(all.chars().all(|c| u32::from(c) < 0x10_0000), "{command} {name}: {all}");
        done
    }

    /// Runs a command of a text as who has pasted it into a shell.
    fn pasted(&self, line: &str) -> Done {
        let script = format!("mfaferry() {{ \"$0\" \"$@\"; }}; {line}");
        let mut inner = binary();
        inner.current_dir(self.bench.folder.path());
        inner.env("AUTH0_CLIENT_ID", "tester").env("AUTH0_CLIENT_SECRET", "CANARYclientsecret");
        run(&mut around("bash", &["-c", &script], &inner))
    }

    fn files(&self) -> Vec<OsString> {
        let entries = fs::read_dir(self.bench.folder.path()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    }
}

fn each(test: impl Fn(&Names<'_>, &str) + Sync) {
    side_by_side(&NAMES, |(name, shown)| {
        let bench = Bench::of(Settings::default());
        let (mut csv, ..) = factors(3);
        csv += "auth0|bad,phone,,12,\n";
        fs::write(bench.folder.path().join(with(name, ".csv")), csv).unwrap();
        fs::write(bench.folder.path().join(with(name, ".good.csv")), factors(3).0).unwrap();
        test(&Names { bench, name }, shown);
    });
}

fn next_of<'a>(done: &'a Done, label: &str) -> &'a str {
    let line = done.stdout.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("{label}: {done:?}")).trim()
}

#[test]
fn an_import_works_with_every_name_and_so_do_the_commands_that_it_suggests() {
    each(|names, shown| {
        let check = names.run("check", &[], &[], Some(".csv"));
        assert_eq!(check.code, Some(4), "{shown}: {check:?}");
        let done = names.run("import", &["--output", "text"], &[], Some(".csv"));
        assert_eq!(done.code, Some(4), "{shown}: {done:?}");
        assert!(names.exists(".csv.ledger"), "{shown}: {:?}", names.files());
        assert!(done.stdout.contains(&format!("ledger: {shown}.csv.ledger")), "{shown}: {done:?}");
        assert!(done.stderr.contains(&format!("ledger {shown}.csv.ledger (new)")), "{done:?}");
        // Each command of the text, in a shell.
        let select = names.pasted(next_of(&done, "mend them:"));
        assert_eq!(select.code, Some(0), "{shown}: {select:?}");
        let mended = fs::read_to_string(names.bench.path("mend.csv")).unwrap();
        assert!(mended.lines().any(|line| line.starts_with("auth0|bad,")), "{shown}: {mended}");
        let mended = mended.replace(",12,", ",+14155550199,");
        fs::write(names.bench.path("mend.csv"), mended).unwrap();
        let import = names.pasted(next_of(&done, "then:"));
        assert_eq!(import.code, Some(0), "{shown}: {import:?}");
        let rows = names.pasted(next_of(&done, "every row:"));
        assert_eq!((rows.code, rows.stdout.lines().count()), (Some(0), 4), "{shown}: {rows:?}");
        let prove = done.stderr.lines().find(|line| line.contains("--prove USER_ID")).unwrap();
        let prove = format!("mfaferry{}", prove.split_once("mfaferry").unwrap().1);
        let proved = names.pasted(&prove.replace("USER_ID", "'auth0|user0'"));
        assert!(proved.stderr.contains("codes") || proved.code != Some(2), "{shown}: {proved:?}");

        // The same again sends nothing.
        let again = names.run("import", &[], &[], Some(".csv"));
        let (skipped, rejected) = (&again.summary()["skipped"], &again.summary()["rejected"]);
        assert_eq!((skipped, rejected), (&3.into(), &1.into()), "{shown}: {again:?}");
        let report = names.run("report", &[], &[("ledger", ".csv.ledger")], None);
        assert_eq!(report.code, Some(0), "{shown}: {report:?}");
        let verify = names.pasted(next_of(
            &names.run(
                "import",
                &["--output", "text"],
                &[("ledger", ".second")],
                Some(".good.csv"),
            ),
            "next:",
        ));
        assert_eq!(verify.code, Some(0), "{shown}: {verify:?}");
        // No name was made up.
        let own =
            [".csv", ".csv.ledger", ".csv.ledger-seal", ".good.csv", ".second", ".second-seal"];
        let mut expected: Vec<_> = own.iter().map(|end| with(names.name, end)).collect();
        expected.push("mend.csv".into());
        expected.sort();
        let mut files = names.files();
        files.retain(|file| {
            !file.as_bytes().ends_with(b"-wal") && !file.as_bytes().ends_with(b"-shm")
        });
        assert_eq!(files, expected, "{shown}");
    });
}

#[test]
fn json_holds_a_name_as_text_and_no_command_that_would_name_another_file() {
    each(|names, shown| {
        let done = names.run("import", &[], &[], Some(".good.csv"));
        let summary = done.summary();
        let ledger = summary["ledger"].as_str().unwrap();
        let next = summary["next"].as_array().unwrap();
        if is_utf8(names.name) {
            assert_eq!(ledger.as_bytes(), with(names.name, ".good.csv.ledger").as_bytes());
            let words: Vec<_> =
                next[0].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
            assert!(
                words
                    .iter()
                    .any(|word| word.as_bytes() == with(names.name, ".good.csv").as_bytes())
            );
            let mut verify = binary();
            verify.current_dir(names.bench.folder.path()).args(&words[1..]);
            verify
                .env("AUTH0_CLIENT_ID", "tester")
                .env("AUTH0_CLIENT_SECRET", "CANARYclientsecret");
            assert_eq!(run(&mut verify).code, Some(0), "{shown}");
        } else {
            assert_eq!(ledger, format!("{shown}.good.csv.ledger"));
            assert!(next.is_empty(), "{shown}: {next:?}");
        }
        let error = names.run("import", &["--ledger=x"], &[], Some(".none.csv"));
        assert_eq!(error.code, Some(2), "{shown}: {error:?}");
        assert!(error.stderr.contains(&format!("`{shown}.none.csv`")), "{shown}: {error:?}");
        assert_eq!(error.json()["code"], "unreadable_input");
    });
}

/// Command, flags, flags with the ends of the files that they name, the end of INPUT, and the ends
/// of what is written.
type Line<'a> = (&'a str, &'a [&'a str], Vec<(&'a str, &'a str)>, Option<&'a str>, &'a [&'a str]);

#[test]
#[expect(clippy::too_many_lines, reason = "a table of commands")]
fn every_flag_that_names_a_file_takes_every_name() {
    each(|names, shown| {
        let at = |end: &str, text: &str| {
            fs::write(names.path(end), text).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(names.path(end), mode).unwrap();
        };
        at(".secret", "CANARYclientsecret");
        at(".toml", "max_attempts = 2\n");
        at(".users.csv", "user_id\nauth0|user0\n");
        let people = fs::read_to_string(samples().join("sources/supabase.jsonl")).unwrap();
        let person: serde_json::Value =
            serde_json::from_str(people.lines().next().unwrap()).unwrap();
        let id = person["user_id"].as_str().unwrap();
        at(".map.csv", &format!("user_id,id\nauth0|one,{id}\n"));
        at(".people.jsonl", people.lines().next().unwrap());
        let good = Some(".good.csv");
        let logs = [("log-file", ".log"), ("config", ".toml"), ("client-secret-file", ".secret")];
        let all = [&logs[..], &[("ledger", ".ledger"), ("metrics-file", ".prom")]].concat();
        let ledger = [("ledger", ".ledger")];
        let html = [("ledger", ".ledger"), ("out", ".html"), ("verify", ".found")];
        let lines: [Line<'_>; 16] = [
            ("preflight", &[], logs.to_vec(), good, &[]),
            ("import", &[], all.clone(), good, &[".ledger", ".log", ".prom"]),
            ("verify", &["--output", "jsonl"], logs.to_vec(), good, &[]),
            (
                "export",
                &[],
                vec![("out", ".jsonl"), ("ledger", ".l1")],
                Some(".users.csv"),
                &[".jsonl"],
            ),
            ("replace", &[], vec![("backup", ".b1"), ("ledger", ".l2")], good, &[".b1", ".l2"]),
            (
                "delete",
                &["--all-methods", "--yes"],
                vec![("backup", ".b2"), ("ledger", ".l3")],
                Some(".users.csv"),
                &[".b2", ".l3"],
            ),
            ("undo", &["--yes", "--dry-run"], ledger.to_vec(), None, &[]),
            ("undo", &["--yes"], vec![("ledger", ".ledger"), ("backup", ".b3")], None, &[".b3"]),
            (
                "select",
                &["--state=undone,kept,already_gone"],
                vec![("ledger", ".ledger"), ("out", ".rows")],
                good,
                &[".rows"],
            ),
            ("report", &["--format", "json"], ledger.to_vec(), None, &[]),
            ("report", &["--format", "csv"], ledger.to_vec(), None, &[]),
            ("report", &["--format", "jsonl"], ledger.to_vec(), None, &[]),
            (
                "report",
                &["--format", "jsonl"],
                vec![("ledger", ".ledger"), ("not-in", ".good.csv")],
                None,
                &[],
            ),
            ("report", &["--format", "html"], html.to_vec(), None, &[".html"]),
            ("check", &[], vec![("log-file", ".log")], good, &[]),
            ("report", &[], vec![], Some(".ledger"), &[]),
        ];
        for (command, flags, files, input, made) in lines {
            let done = names.run(command, flags, &files, input);
            assert_eq!(done.code, Some(0), "{shown} {command} {files:?}: {done:?}");
            for end in made {
                assert!(names.exists(end), "{shown} {command} {end}: {:?}", names.files());
            }
            if command == "verify" {
                at(".found", &done.stdout);
            }
        }
        let people = Some(".people.jsonl");
        for (command, flags, files) in [
            ("check", &[][..], [("users", ".map.csv")]),
            ("import", &["--ledger=x"], [("users", ".map.csv")]),
            ("resolve", &[], [("out", ".resolved.csv")]),
            ("verify", &[], [("users", ".resolved.csv")]),
        ] {
            let flags = [&["--from=supabase"], flags].concat();
            let done = names.run(command, &flags, &files, people);
            let is_good = done.code == Some(if command == "verify" { 4 } else { 0 });
            assert!(is_good, "{shown} {command}: {done:?}");
        }
        assert!(names.exists(".resolved.csv.ledger"), "{shown}: {:?}", names.files());
        let done = names.run("man", &[], &[("out", ".man")], None);
        assert_eq!(done.code, Some(0), "{shown}: {done:?}");
        assert!(names.path(".man").join("mfaferry.1").exists(), "{shown}");
        let done = names.run("man", &[], &[("out", ".log")], None);
        assert!(done.stderr.contains(&format!("{shown}.log")), "{shown}: {done:?}");
        for end in [".log", ".html", ".prom", ".rows", ".jsonl", ".found"] {
            let text = fs::read_to_string(names.path(end)).unwrap();
            assert!(text.chars().all(|c| u32::from(c) < 0x10_0000), "{shown} {end}: {text}");
        }
        // What cannot be used is named as it is.
        for flag in
            ["ledger", "log-file", "metrics-file", "config", "client-secret-file", "token-file"]
        {
            let done = names.run("import", &[], &[(flag, "/none")], good);
            assert!(
                matches!(done.code, Some(2 | 3 | 6)) || flag == "metrics-file",
                "{shown} {flag}: {done:?}"
            );
            let is_named = done.stderr.contains(&format!("{shown}/none"));
            assert!(is_named || flag.ends_with("-file"), "{shown} {flag}: {done:?}");
        }
        let strange = |name: &OsString| {
            let made = name.as_bytes();
            !made.starts_with(names.name) && !made.starts_with(b"x")
        };
        let files = names.files();
        assert!(!files.iter().any(strange), "{shown}: {files:?}");
        assert!(files.iter().any(|name| name == OsStr::new(&with(names.name, ".ledger"))));
    });
}

#[test]
fn names_that_differ_in_bytes_that_are_no_text_are_different_inputs() {
    let bench = Bench::new(Settings::default());
    for name in [&b"\xff.csv"[..], b"\xfe.csv", b"\\xff.csv"] {
        let name = OsStr::from_bytes(name);
        fs::write(bench.folder.path().join(name), "user_id,type,phone_number\na,phone,12\n")
            .unwrap();
        let done = run(bench.command("import").args(["--ledger=l", "--"]).arg(name));
        assert_eq!(done.code, Some(4), "{done:?}");
    }
    assert_eq!(bench.states("l")["rejected"], 3);
}

#[test]
fn bash_reads_a_quoted_argument_as_the_bytes_that_it_is() {
    for argument in
        [&b"a.csv"[..], b"a b.csv", b"it's", b"a\nb'c\\\xffd\xc3\xab", b"\x1b]0;\xe2\x80\xae"]
    {
        let quoted = shell_quote(&file_name(OsStr::from_bytes(argument)));
        let echo = format!("printf %s {quoted}");
        let echoed = Command::new("bash").args(["-c", &echo]).output().unwrap();
        assert_eq!(echoed.stdout, argument, "{quoted}");
    }
}
