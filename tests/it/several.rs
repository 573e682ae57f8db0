//! Several input files at once, through the binary.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use mfaferry::sandbox::{Settings, Verb};
use serde_json::{Value, json};

use crate::support::{Bench, Done, binary, run};

const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// Three files, each written in its own way, with a bad row each and a secret that two share.
fn write_files(bench: &Bench) {
    bench.write(
        "a.csv",
        format!(
            "user_id,type,phone_number,totp_secret\nauth0|1,phone,+14155550100,\n\
             auth0|2,phone,4155550100,\nauth0|3,totp,,{SECRET}\n\n"
        ),
    );
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    let text = format!(
        "type;totp_secret;user_id;name\ntotp;{SECRET};auth0|4;a name that is far too long\n\
         totp;short;auth0|5;\ntype;totp_secret;user_id;name\nphone;;auth0|6;"
    );
    packed.write_all(text.as_bytes()).unwrap();
    bench.write("b.csv.gz", packed.finish().unwrap());
    bench.write(
        "c.jsonl",
        "{\"user_id\":\"auth0|7\",\"type\":\"email\",\"email\":\"x@example.com\"}\n{\"user_id\":1}\n\
         {\"user_id\":\"auth0|1\",\"type\":\"phone\",\"phone_number\":\"+1 415 555 0100\"}\n",
    );
}

const FILES: [&str; 3] = ["a.csv", "b.csv.gz", "c.jsonl"];

fn check(bench: &Bench, arguments: &[&str]) -> Done {
    run(binary().current_dir(bench.folder.path()).arg("check").args(arguments))
}

#[test]
fn what_is_told_of_several_files_names_file_and_line() {
    let bench = Bench::new(Settings::default());
    write_files(&bench);
    let done = check(&bench, &["a.csv", "b.csv.gz", "c.jsonl", "--show", "3"]);
    assert_eq!(done.code, Some(4), "{done:?}");
    let note = done.stderr.split_once(" INFO ").unwrap().1;
    insta::assert_snapshot!(format!("{}--- stderr\n{note}", done.stdout));

    let done = check(&bench, &["a.csv", "b.csv.gz", "c.jsonl", "--output", "json"]);
    let found: Value = serde_json::from_str(&done.stdout).unwrap();
    let whole = &found["whole_file"];
    assert_eq!(whole[0]["code"], "shared_secret", "{found}");
    assert_eq!(
        (&whole[0]["files"], &whole[0]["lines"]),
        (&json!(["a.csv", "b.csv.gz"]), &json!([4, 2]))
    );
    // With one file nothing is said of files.
    let done = check(&bench, &["a.csv", "--output", "json"]);
    assert!(!done.stdout.contains("file\":[\"") && !done.stdout.contains("a.csv"), "{done:?}");
    assert!(check(&bench, &["a.csv"]).stdout.contains("rejected: line 3, "));
}

#[test]
fn several_files_are_one_import_in_whatever_order() {
    let bench = Bench::new(Settings::default());
    write_files(&bench);
    let import = |files: &[&str]| {
        let mut command = bench.command("import");
        run(command.args(["--ledger", "all.ledger", "--settle", "200ms"]).args(files))
    };
    let done = import(&FILES);
    assert_eq!(done.code, Some(4), "{done:?}");
    let summary = done.summary();
    assert_eq!(
        (&summary["created"], &summary["rejected"], &summary["duplicates"]),
        (&json!(4), &json!(4), &json!(1)),
        "{done:?}"
    );
    assert!(done.stderr.contains("a.csv line 4, b.csv.gz line 2"), "the secret: {done:?}");
    assert!(done.stderr.contains("the last line of b.csv.gz (5) has no line ending"), "{done:?}");
    let states = bench.states("all.ledger");
    // The ledger names file and line, too, and goes by the run that met a row first.
    let places = |rows: Vec<Value>| -> Vec<_> {
        rows.iter().map(|row| format!("{}:{}", row["file"], row["line"])).collect()
    };
    let first = places(bench.rows("all.ledger"));
    assert!(first.contains(&"\"b.csv.gz\":2".to_owned()), "{first:?}");
    assert!(first.contains(&"\"c.jsonl\":2".to_owned()), "a rejected row: {first:?}");
    for files in [["c.jsonl", "a.csv", "b.csv.gz"], ["b.csv.gz", "./a.csv", "c.jsonl"]] {
        let done = import(&files);
        assert_eq!(done.summary()["skipped"], 4, "{done:?}");
        assert_eq!(bench.states("all.ledger"), states, "{files:?}");
        let mut again = places(bench.rows("all.ledger"));
        let mut before = first.clone();
        if files.contains(&"./a.csv") {
            // A rejected row is this run's again, under the name that it was given.
            before = before.iter().map(|place| place.replace("./", "")).collect();
            again = again.iter().map(|place| place.replace("./", "")).collect();
        }
        again.sort();
        before.sort();
        assert_eq!(again, before, "{files:?}");
    }
    assert_eq!(bench.tenant().stats().created, 4);
}

#[test]
fn several_files_need_a_ledger_with_a_name_and_are_all_there_before_anything_is_sent() {
    let bench = Bench::new(Settings::default());
    write_files(&bench);
    bench.write("bad.csv", "user_id,type,email\nauth0|1,email,\"x@example.com\n");
    bench.write("empty.csv", "");
    bench.write("header.csv", "user_id,email\n");
    bench.write("odd.txt", "user_id,type\n");
    bench.write("names.csv", "user_id,authentication_method_id,name\n");
    bench.write("ids.csv", "user_id,authentication_method_id\n");
    for (command, first) in [
        ("import", "a.csv"),
        ("export", "a.csv"),
        ("replace", "a.csv"),
        ("update", "names.csv"),
        ("delete", "ids.csv"),
    ] {
        let done = run(bench.command(command).args([first, "c.jsonl"]));
        assert_eq!(done.code, Some(2), "{command}: {done:?}");
        let says = "error: a ledger needs a name when there are several inputs";
        assert!(done.stderr.starts_with(says), "{command}: {done:?}");
    }
    for (file, says) in [
        ("missing.csv", "error: `missing.csv` cannot be opened"),
        (".", "error: `.` is a directory"),
        ("-", "error: standard input (`-`) cannot be one of several inputs"),
        ("bad.csv", "error: bad.csv line 2: a quote opened here is never closed"),
        ("empty.csv", "error: empty.csv: the input is empty"),
        ("header.csv", "error: header.csv line 1: the column `type` is missing"),
        ("odd.txt", "error: odd.txt: cannot tell the format of the input"),
    ] {
        for command in ["import", "verify"] {
            let mut command = bench.command(command);
            if command.get_args().next().unwrap() == "import" {
                command.args(["--ledger", "x.ledger"]);
            }
            let done = run(command.args(["a.csv", file, "c.jsonl"]));
            assert_eq!(done.code, Some(2), "{file}: {done:?}");
            assert!(done.stderr.contains(says), "{file}: {done:?}");
        }
        let done = check(&bench, &["a.csv", file]);
        assert!(done.code == Some(2) && done.stderr.contains(says), "{file}: {done:?}");
    }
    assert_eq!(bench.tenant().stats().requests(Verb::Token), 0, "nothing was sent");
    assert!(!bench.path("x.ledger").exists());
}

#[test]
fn verify_says_of_each_factor_which_file_it_is_in() {
    let bench = Bench::new(Settings::default());
    write_files(&bench);
    let verify = |arguments: &[&str]| run(bench.command("verify").args(arguments));
    let done = verify(&["a.csv", "b.csv.gz", "c.jsonl", "--output", "jsonl"]);
    assert_eq!(done.code, Some(4), "{done:?}");
    let places: Vec<_> = done
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| (row["file"].as_str().unwrap().to_owned(), row["line"].as_u64().unwrap()))
        .collect();
    let expected: Vec<_> = [
        ("a.csv", 2),
        ("a.csv", 3),
        ("a.csv", 4),
        ("b.csv.gz", 2),
        ("b.csv.gz", 3),
        ("b.csv.gz", 5),
        ("c.jsonl", 1),
        ("c.jsonl", 2),
    ]
    .map(|(file, line)| (file.to_owned(), line))
    .to_vec();
    assert_eq!(places, expected, "{done:?}");
    let done = verify(&["a.csv", "c.jsonl", "--output", "text"]);
    assert!(done.stdout.contains("missing: c.jsonl line 1, auth0|7, email"), "{done:?}");
    assert!(done.stdout.contains("rejected: c.jsonl line 2, "), "{done:?}");
    let done = verify(&["a.csv", "--output", "jsonl"]);
    assert!(!done.stdout.contains("\"file\""), "{done:?}");
}

#[test]
fn what_is_done_to_existing_methods_takes_several_files_too() {
    let bench = Bench::new(Settings::default());
    for (name, user) in [("a.csv", 1), ("b.csv", 2)] {
        let text = format!("user_id,type,phone_number\nauth0|{user},phone,+1415555010{user}\n");
        bench.write(name, text);
    }
    let command = |name: &str, more: &[&str]| {
        let mut command = bench.command(name);
        command.args(["--ledger", &format!("{name}.ledger")]).args(more);
        run(&mut command)
    };
    let count = |done: &Done, state: &str| {
        assert_eq!(done.code, Some(0), "{done:?}");
        done.summary()[state].as_u64()
    };
    assert_eq!(count(&command("import", &["a.csv", "b.csv"]), "created"), Some(2));
    assert_eq!(count(&command("replace", &["a.csv", "b.csv"]), "replaced"), Some(2));
    let exported = command("export", &["a.csv", "b.csv", "--out", "out.jsonl"]);
    assert_eq!(count(&exported, "exported"), Some(2));
    let (mut updates, mut deletes) = (Vec::new(), Vec::new());
    for (index, (user, methods)) in bench.tenant().state().into_iter().enumerate() {
        let (names, ids) = (format!("names{index}.csv"), format!("ids{index}.csv"));
        let id = &methods[0].id;
        bench.write(&names, format!("user_id,authentication_method_id,name\n{user},{id},New\n"));
        bench.write(&ids, format!("user_id,authentication_method_id\n{user},{id}\n"));
        updates.push(names);
        deletes.push(ids);
    }
    let updates: Vec<_> = updates.iter().map(String::as_str).collect();
    let deletes: Vec<_> = deletes.iter().map(String::as_str).collect();
    assert_eq!(count(&command("update", &updates), "updated"), Some(2));
    assert_eq!(count(&command("delete", &[&["--yes"], &deletes[..]].concat()), "deleted"), Some(2));
}
