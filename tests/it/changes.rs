//! The report of an import on what was there before it: factors that tonight's input no longer has,
//! those whose value changed, and files that still hold secrets.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use mfaferry::sandbox::Settings;
use serde_json::{Value, json};

use crate::support::{Bench, Done, binary, read, run, spawn};

const HEADER: &str = "user_id,type,name,phone_number,totp_secret\n";

fn phone(user: &str, name: &str, number: u32) -> String {
    format!("auth0|{user},phone,{name},+1415555{number:04},\n")
}

fn totp(user: &str, seed: u32) -> String {
    let secret = data_encoding::BASE32_NOPAD.encode(format!("{seed:020}").as_bytes());
    format!("auth0|{user},totp,App,,{secret}\n")
}

fn write(bench: &Bench, name: &str, rows: &[String]) {
    bench.write(name, format!("{HEADER}{}", rows.concat()));
}

/// Imports into the one ledger of all nights.
fn import(bench: &Bench, name: &str, flags: &[&str]) -> Done {
    run(bench.import(name).args(["--ledger", "n.ledger"]).args(flags))
}

fn changes(done: &Done) -> (Value, Value) {
    let summary = done.summary();
    (summary["no_longer_in_input"].clone(), summary["changed"].clone())
}

fn plain(bench: &Bench, arguments: &[&str]) -> Command {
    let mut command = binary();
    command.current_dir(bench.folder.path()).args(arguments);
    command
}

/// Rows of `report`, as user and line.
fn listed(bench: &Bench, flags: &[&str]) -> Vec<(String, u64)> {
    let done =
        run(plain(bench, &["report", "--ledger", "n.ledger", "--format", "jsonl"]).args(flags));
    assert_eq!(done.code, Some(0), "{done:?}");
    let rows = done.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| {
        let user = row["user_id"].as_str().unwrap_or_default();
        (user.trim_start_matches("auth0|").to_owned(), row["line"].as_u64().unwrap())
    })
    .collect()
}

/// The first night: lines 2 to 9 of the ledger.
fn first_night() -> Vec<String> {
    vec![
        phone("left", "P", 100),
        totp("left", 1),
        phone("phone", "P", 101),
        totp("phone", 2),
        phone("totp", "P", 102),
        totp("totp", 3),
        phone("named", "P", 103),
        phone("same", "P", 104),
    ]
}

/// The second: one user has left, a phone and a secret are others, one factor has another name, one
/// factor and one user are new.
fn second_night() -> Vec<String> {
    vec![
        phone("new", "P", 105),
        phone("phone", "P", 201),
        totp("phone", 2),
        phone("totp", "P", 102),
        totp("totp", 4),
        phone("named", "Q", 103),
        phone("same", "P", 104),
        totp("same", 5),
        // Not the factor that has left under this type: it had another name.
        phone("same", "P", 104),
    ]
}

#[test]
fn three_nights_say_what_has_left_the_input_and_what_changed() {
    let bench = Bench::new(Settings::default());
    write(&bench, "night-1.csv", &first_night());
    write(&bench, "night-2.csv", &second_night());
    let first = import(&bench, "night-1.csv", &[]);
    assert_eq!((first.code, changes(&first)), (Some(0), (json!(0), json!(0))), "{first:?}");

    let second = import(&bench, "night-2.csv", &[]);
    assert_eq!((second.code, changes(&second)), (Some(0), (json!(4), json!(2))), "{second:?}");
    assert_eq!((&second.json()["created"], &second.json()["duplicates"]), (&json!(4), &json!(1)));

    // The same again: what changed has changed before, and what has left is still there.
    let third = import(&bench, "night-2.csv", &["--output", "text", "-v"]);
    let said = "no longer in the input: 4 factors that earlier runs created; nothing was removed\n\
                list them: mfaferry report --not-in night-2.csv --ledger n.ledger --state created\n";
    assert!(third.code == Some(0) && third.stdout.contains(said), "{}", third.stdout);
    // In `report`, that flag says how the output is written.
    let third = import(&bench, "night-2.csv", &["--output", "text", "--format", "csv"]);
    assert!(third.stdout.contains("no longer in") && !third.stdout.contains("list them"));
    let third = import(&bench, "night-2.csv", &[]);
    assert_eq!(changes(&third), (json!(4), json!(0)));
    assert_eq!(third.json()["requests"], 0);

    let gone = [("left", 2), ("left", 3), ("phone", 4), ("totp", 7)];
    let gone = gone.map(|(user, line)| (user.to_owned(), line)).to_vec();
    let choice = ["--state", "created", "--not-in", "night-2.csv"];
    assert_eq!(listed(&bench, &choice), gone);
    let csv = run(plain(&bench, &["report", "n.ledger", "--format", "csv"]).args(choice));
    assert_eq!(csv.stdout.lines().count(), 1 + gone.len(), "{csv:?}");
    let json = run(plain(&bench, &["report", "n.ledger", "--format", "json"]).args(choice)).json();
    assert_eq!((&json["rows"], &json["selected"]["rows"]), (&json!(12), &json!(4)), "{json}");
    assert_eq!(json["selected"]["first"][3]["line"], 7, "{json}");
    // What the summary names works as it stands.
    let command = "report --not-in night-2.csv --ledger n.ledger --state created";
    let text = run(&mut plain(&bench, &command.split(' ').collect::<Vec<_>>())).stdout;
    let listing = "4 created, not in night-2.csv:\n  line 2  auth0|left  phone\n  \
                   line 3  auth0|left  totp\n  line 4  auth0|phone  phone\n  \
                   line 7  auth0|totp  totp\n";
    assert!(text.contains(listing), "{text}");
    // What the first night does not have is what the second has brought.
    assert_eq!(listed(&bench, &["--not-in", "night-1.csv"]).len(), 4);
}

#[test]
fn a_night_that_is_interrupted_counts_what_changed_once_it_comes_to_its_end() {
    let bench = Bench::new(Settings::default());
    write(&bench, "night-1.csv", &first_night());
    write(&bench, "night-2.csv", &second_night());
    assert_eq!(import(&bench, "night-1.csv", &[]).code, Some(0));
    let stopped = import(&bench, "night-2.csv", &["--max-users", "3"]);
    assert_eq!((stopped.code, changes(&stopped)), (Some(5), (Value::Null, Value::Null)));
    assert_eq!(stopped.json()["secrets_in"], Value::Null);
    assert_eq!(changes(&import(&bench, "night-2.csv", &[])), (json!(4), json!(2)));
    assert_eq!(changes(&import(&bench, "night-2.csv", &[])), (json!(4), json!(0)));
    // With more users than there are, the input is whole.
    let whole = import(&bench, "night-2.csv", &["--max-users", "30"]);
    assert_eq!((whole.code, changes(&whole)), (Some(0), (json!(4), json!(0))), "{whole:?}");
}

#[test]
fn a_mended_part_is_no_alarm() {
    let bench = Bench::new(Settings::default());
    let mut rows = first_night();
    rows.push("auth0|bad,phone,P,nonsense,\n".into());
    write(&bench, "night.csv", &rows);
    assert_eq!(import(&bench, "night.csv", &[]).code, Some(4));
    write(&bench, "mend.csv", &[phone("bad", "P", 300)]);
    let mended = import(&bench, "mend.csv", &["--output", "text"]);
    assert_eq!(mended.code, Some(0), "{mended:?}");
    let said = "the ledger also holds 8 created factors that are not in this input\n";
    assert!(mended.stdout.contains(said), "{}", mended.stdout);
    assert!(!mended.stdout.contains("no longer"), "{}", mended.stdout);
    assert_eq!(changes(&import(&bench, "mend.csv", &[])), (json!(8), json!(0)));

    // A factor of a rejected row is not there; the text says so, and so does `report`.
    rows[0] = "auth0|left,phone,P,nonsense,\n".into();
    write(&bench, "night.csv", &rows);
    let night = import(&bench, "night.csv", &["--output", "text"]);
    let said = "no longer in the input, or only in rejected rows of it: 2 factors that earlier runs \
                created; nothing was removed";
    assert!(night.stdout.contains(said), "{}", night.stdout);
    let choice = ["--state", "created", "--not-in", "night.csv"];
    let report = run(plain(&bench, &["report", "n.ledger"]).args(choice));
    assert!(report.stderr.contains("2 rows of INPUT cannot be read"), "{report:?}");
    // Of the rejected ones nobody has asked.
    let chosen =
        "2 created, not in night.csv:\n  line 2  auth0|left  phone\n  line 2  auth0|bad  phone\n";
    assert!(report.stdout.ends_with(chosen), "{report:?}");
    assert_eq!(report.stdout.lines().count(), 5, "{report:?}");
    assert_eq!(listed(&bench, &choice), [("left".into(), 2), ("bad".into(), 2)]);
}

#[test]
fn a_choice_of_rows_that_cannot_be_made_is_refused() {
    let bench = Bench::new(Settings::default());
    write(&bench, "night.csv", &first_night());
    write(&bench, "other.csv", &[phone("other", "P", 1)]);
    write(&bench, "unread.csv", &["auth0|left,phone,P,nonsense,\n".into()]);
    assert_eq!(import(&bench, "night.csv", &[]).code, Some(0));
    for (flags, code, said) in [
        (&["--state", "creatd"][..], 2, "did you mean `created`?"),
        (&["--state", "created,pending"], 2, "no row has this state"),
        (&["--not-in", "missing.csv"], 2, "missing.csv"),
        (&["--not-in", "night.txt"], 2, "night.txt"),
        (&["--from", "keycloak"], 2, "--not-in"),
        (&["--map", "name=label"], 2, "--not-in"),
        (&["--not-in", "night.csv", "--from", "keycloak"], 2, "--user-id"),
        (&["--not-in", "other.csv"], 6, "it has no factor of INPUT"),
        // Each person is somebody else there.
        (&["--not-in", "night.csv", "--map", "user_id=name,name=user_id"], 6, "no factor of INPUT"),
    ] {
        let done = run(plain(&bench, &["report", "n.ledger"]).args(flags));
        assert_eq!(done.code, Some(code), "{flags:?} {done:?}");
        assert!(done.stderr.contains(said) && done.stdout.is_empty(), "{flags:?} {done:?}");
    }
    // Where the input has no factor at all, none of the ledger's is in it: everybody has left.
    bench.write("empty.csv", HEADER);
    for (input, said) in
        [("empty.csv", "INPUT has no factor"), ("unread.csv", "1 row of INPUT cannot be read")]
    {
        let choice = ["--state", "created", "--not-in", input];
        let done = run(plain(&bench, &["report", "n.ledger"]).args(choice));
        assert!(done.code == Some(0) && done.stderr.contains(said), "{input} {done:?}");
        assert!(done.stderr.contains("INPUT has no factor"), "{input} {done:?}");
        assert_eq!(listed(&bench, &choice).len(), 8, "{input}");
    }
    assert_eq!(listed(&bench, &["--state", "created,rejected"]).len(), 8);
    assert_eq!(listed(&bench, &["--state", "in_flight"]), []);
    // Several files are one input.
    write(&bench, "half.csv", &first_night()[..5]);
    write(&bench, "rest.csv", &first_night()[6..]);
    let halves = ["--not-in", "half.csv", "--not-in", "rest.csv"];
    assert_eq!(listed(&bench, &halves), [("totp".to_owned(), 7)]);
}

/// The files that an import says still hold secrets.
fn secrets_in(bench: &Bench, inputs: &[&str], flags: &[&str]) -> Value {
    let mut import = bench.import(inputs[0]);
    let done = run(import.args(&inputs[1..]).args(["--ledger", "n.ledger"]).args(flags));
    assert!(matches!(done.code, Some(0 | 4)), "{done:?}");
    done.json()["secrets_in"].clone()
}

#[test]
fn files_that_still_hold_secrets_are_named_with_how_many() {
    let bench = Bench::new(Settings::default());
    let uri =
        "auth0|u,totp,App,,otpauth://totp/a?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&digits=8\n";
    let rows = [
        totp("a", 1),
        phone("a", "P", 1),
        // The same again.
        totp("a", 1),
        // Refused, and a secret all the same.
        uri.into(),
        "auth0|short,totp,App,,JBSW\n".into(),
        totp("", 2).replace("auth0|", ""),
        // None.
        "auth0|none,totp,App,,\n".into(),
        "auth0|none,totp,App,,otpauth://totp/a?issuer=a\n".into(),
        "auth0|none,totp,App,,********\n".into(),
    ];
    write(&bench, "a.csv", &rows);
    write(&bench, "b.csv", &[totp("b", 3)]);
    write(&bench, "phones.csv", &[phone("c", "P", 3)]);
    let a = json!({"file": "a.csv", "totp_secrets": 5});
    let b = json!({"file": "b.csv", "totp_secrets": 1});
    assert_eq!(secrets_in(&bench, &["a.csv"], &[]), json!([a]));
    assert_eq!(secrets_in(&bench, &["phones.csv", "b.csv", "a.csv"], &[]), json!([b, a]));
    assert_eq!(secrets_in(&bench, &["phones.csv"], &[]), json!([]));
    // Twice the same file, by whatever name.
    assert_eq!(secrets_in(&bench, &["a.csv", "a.csv", "b.csv", "./a.csv"], &[]), json!([a, b]));
    let jsonl = r#"{"user_id":"auth0|j","authentication_methods":[
        {"type":"totp","totp_secret":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"},
        {"type":"totp","totp_secret":"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"},{"type":"totp"}]}"#;
    bench.write("j.jsonl", jsonl.replace('\n', "") + "\n");
    let j = json!({"file": "j.jsonl", "totp_secrets": 2});
    assert_eq!(secrets_in(&bench, &["j.jsonl"], &[]), json!([j]));

    // A folder of another system's export, and one file of it.
    std::fs::create_dir(bench.path("realm")).unwrap();
    let credential = json!({"type": "otp",
        "secretData": "{\"value\":\"12345678901234567890\"}",
        "credentialData": "{\"subType\":\"totp\",\"digits\":6,\"period\":30,\"algorithm\":\"HmacSHA1\"}"});
    let user = |id: &str| json!({"id": id, "username": id, "credentials": [credential]});
    let realm = |users: &[Value]| json!({"realm": "r", "users": users}).to_string();
    bench.write("realm/r-users-0.json", realm(&[user("k1"), user("k2")]));
    let flags = ["--from", "keycloak", "--user-id", "auth0|{id}"];
    let folder = json!([{"file": "realm", "totp_secrets": 2}]);
    assert_eq!(secrets_in(&bench, &["realm"], &flags), folder);
    bench.write("realm/r-users-1.json", realm(&[user("k3")]));
    let files = json!([{"file": "realm/r-users-0.json", "totp_secrets": 2},
        {"file": "realm/r-users-1.json", "totp_secrets": 1}]);
    assert_eq!(secrets_in(&bench, &["realm"], &flags), files);
}

#[test]
fn a_replacement_says_which_files_still_hold_secrets_too() {
    let bench = Bench::new(Settings::default());
    write(&bench, "a.csv", &[totp("a", 1), phone("a", "P", 1), totp("", 2).replace("auth0|", "")]);
    let replace = |more: &[&str]| run(bench.command("replace").arg("a.csv").args(more));
    let text = replace(&["--output", "text"]);
    let said = "a.csv still holds 2 TOTP secrets: remove it once the migration is accepted\n";
    assert!(text.stdout.contains(said), "{text:?}");
    let summary = replace(&[]).summary();
    assert_eq!(summary["secrets_in"], json!([{"file": "a.csv", "totp_secrets": 2}]), "{summary}");
    assert_eq!(summary.get("no_longer_in_input"), None, "{summary}");
}

#[test]
fn the_text_says_to_remove_the_files_and_nothing_of_a_pipe() {
    let bench = Bench::new(Settings::default());
    let names = ["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"];
    for (name, seed) in names.into_iter().zip(0..) {
        write(&bench, name, &[totp("a", seed), phone("a", "P", seed)]);
    }
    let text = |inputs: &[&str], flags: &[&str]| {
        let mut import = bench.import(inputs[0]);
        import.args(&inputs[1..]).args(["--ledger", "n.ledger", "--output", "text"]).args(flags);
        run(&mut import).stdout
    };
    let end = "once the migration is accepted\n";
    for (inputs, said) in [
        (&names[..1], "a.csv still holds 1 TOTP secret: remove it "),
        // Once more: nothing is sent, and the file is still there.
        (&names[..1], "a.csv still holds 1 TOTP secret: remove it "),
        (&names[..2], "a.csv and b.csv still hold 2 TOTP secrets: remove them "),
        (&names[..3], "a.csv, b.csv and c.csv still hold 3 TOTP secrets: remove them "),
        (
            &names[..4],
            "a.csv, b.csv, c.csv and one more file still hold 4 TOTP secrets: remove them ",
        ),
        (
            &names[..5],
            "a.csv, b.csv, c.csv and 2 more files still hold 5 TOTP secrets: remove them ",
        ),
    ] {
        let text = text(inputs, &[]);
        assert!(text.contains(&format!("\n{said}{end}")), "{inputs:?} {text}");
    }
    assert_eq!(text(&names[..1], &["-q"]), "", "quiet");
    let stopped = text(&["a.csv"], &["--max-users", "1", "--new-ledger"]);
    assert!(!stopped.contains("still"), "{stopped}");
    let mut pipe = bench.import("-");
    pipe.args(["--format", "csv", "--ledger", "n.ledger"]);
    let done = run(pipe.stdin(std::fs::File::open(bench.path("a.csv")).unwrap()));
    assert_eq!((done.code, &done.json()["secrets_in"]), (Some(0), &json!([])), "{done:?}");
    // Nor of one that has a name.
    let mut pipe = bench.import("/dev/fd/0");
    pipe.args(["--format", "csv", "--ledger", "n.ledger"]).stdin(Stdio::piped());
    let mut child = spawn(&mut pipe);
    let csv = std::fs::read(bench.path("a.csv")).unwrap();
    child.stdin.take().unwrap().write_all(&csv).unwrap();
    let done = read(&child.wait_with_output().unwrap());
    assert_eq!((done.code, &done.json()["secrets_in"]), (Some(0), &json!([])), "{done:?}");

    let rehearsal = run(&mut plain(&bench, &["import", "a.csv", "--sandbox"])).stdout;
    let said = "a.csv still holds 1 TOTP secret: remove it once the real migration is accepted";
    assert!(rehearsal.contains(said), "{rehearsal}");
}
