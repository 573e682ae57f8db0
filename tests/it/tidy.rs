//! The house rules that a reader of the source can check.

use std::{fs, path::Path};

/// Every source file with its path below `src/`.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    assert!(found.len() > 20);
    found
}

/// The code of a file: no comments, no unit tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn each_third_party_name_lives_in_one_room() {
    for (name, rooms) in [
        ("reqwest::", &["auth0/"][..]),
        ("rusqlite::", &["ledger/"]),
        ("governor::", &["pacer/"]),
        ("backoff::", &["retry/"]),
        ("indicatif::", &["progress.rs"]),
        ("clap::", &["cli/", "main.rs", "commands/mod.rs"]),
        ("csv::", &["input/", "report/"]),
        ("hyper::", &["sandbox/"]),
        // How a file is opened that nobody else may write to, and one that the user may share.
        ("OFlags::", &["files.rs", "config/file.rs"]),
    ] {
        for (file, text) in sources() {
            let named = code(&text).lines().any(|line| {
                line.match_indices(name).any(|(at, _)| {
                    // `super::csv::` and `report::csv(` are our own.
                    !line
                        .split_at(at)
                        .0
                        .ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                })
            });
            let home = rooms.iter().any(|room| file.starts_with(room));
            assert!(!named || home, "{file} names {name}");
        }
    }
}

#[test]
fn pure_rooms_do_no_input_or_output() {
    for (file, text) in sources() {
        let pure = [
            "model/",
            "order.rs",
            "plan/",
            "retry/",
            "reconcile.rs",
            "sent.rs",
            "breaker.rs",
            "verify/",
            "apply/judge.rs",
        ];
        if !pure.iter().any(|room| file.starts_with(room)) {
            continue;
        }
        for word in [
            "std::fs",
            "std::io",
            "std::net::Tcp",
            "std::net::Udp",
            "std::env",
            "tokio::net",
            "tracing::",
            "async fn",
        ] {
            assert!(!code(&text).contains(word), "{file} has {word}");
        }
    }
}

#[test]
fn below_commands_nothing_prints_exits_or_reads_the_environment() {
    for (file, text) in sources() {
        let code = code(&text);
        let may_print = ["main.rs", "commands/", "progress.rs"];
        if !may_print.iter().any(|room| file.starts_with(room)) {
            for word in ["println!", "eprintln!", "io::stdout", "io::stderr", "process::exit"] {
                assert!(!code.contains(word), "{file} has {word}");
            }
        }
        if file != "config/layers.rs" {
            assert!(!code.contains("env::var"), "{file} reads the environment");
        }
    }
}

#[test]
fn the_readme_names_every_command_and_exit_code() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for word in [
        "import",
        "check",
        "verify",
        "export",
        "replace",
        "update",
        "delete",
        "undo",
        "report",
        "sandbox",
        "completions",
        "backoff",
        "cargo test",
    ] {
        assert!(readme.contains(word), "{word}");
    }
    for code in 0..=6 {
        assert!(readme.contains(&format!("| {code} |")), "exit code {code}");
    }
}
