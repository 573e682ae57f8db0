//! The architecture rules that a reader of the source can check: the floors of the house, the home
//! of each third-party crate, and what may print, exit or read the environment.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use crate::support::COMMANDS;

/// The rooms of `src/` from the ground up. A room imports itself and rooms named before it, nothing
/// else; so no two rooms import each other, and there are no circles.
const FLOORS: &[&str] = &[
    "text",
    "schema",
    "sync",
    "model",
    "files",
    "input",
    "sources",
    "identity",
    "plan",
    "proof",
    "assertion",
    "error",
    "api",
    "protocol",
    "pacer",
    "stats",
    "ledger",
    "auth0",
    "engine",
    "jobs",
    "preflight",
    "probe",
    "explain",
    "select",
    "report",
    "progress",
    "sandbox",
    "cli",
    "config",
    "commands",
    "fuzzing",
    "main",
    "lib",
];

/// Rooms in which each dependency may be named. An empty list: everywhere, since it is vocabulary.
const HOMES: &[(&str, &[&str])] = &[
    ("backoff", &["protocol"]),
    ("bytes", &["auth0", "plan", "sandbox"]),
    ("clap", &["cli", "commands"]),
    ("clap_complete", &["cli", "commands"]),
    ("clap_mangen", &["commands"]),
    ("coset", &["plan"]),
    ("crc32fast", &["ledger"]),
    ("crypto_bigint", &["plan"]),
    ("csv", &["input", "report"]),
    ("data_encoding", &[]),
    ("email_address", &["plan"]),
    ("fastrand", &[]),
    ("flate2", &["input"]),
    ("getrandom", &["ledger", "sandbox"]),
    ("governor", &["pacer"]),
    ("hashbrown", &["ledger"]),
    ("hmac", &["ledger", "sandbox"]),
    ("http_body_util", &["sandbox"]),
    ("httpdate", &["auth0", "sandbox"]),
    ("hyper", &["sandbox"]),
    ("hyper_util", &["sandbox"]),
    ("indicatif", &["progress"]),
    ("jiff", &[]),
    ("memchr", &["input", "jobs", "plan"]),
    ("mimalloc", &["main"]),
    ("percent_encoding", &["auth0", "ledger", "plan", "sandbox", "sources"]),
    ("psl", &["preflight"]),
    ("reqwest", &["auth0"]),
    ("ring", &["assertion"]),
    ("rusqlite", &["ledger"]),
    ("rustix", &["commands", "config", "files"]),
    ("rustls", &["auth0"]),
    ("ruzstd", &["input"]),
    ("saphyr_parser", &["input"]),
    ("secrecy", &[]),
    ("serde", &[]),
    ("serde_json", &[]),
    ("sha2", &["input", "jobs", "ledger", "model", "sandbox"]),
    ("statrs", &["jobs"]),
    ("strsim", &["text"]),
    ("shlex", &["text"]),
    ("tempfile", &["commands", "files", "ledger"]),
    ("thiserror", &[]),
    ("tokio", &[]),
    ("tokio_util", &[]),
    ("toml", &["config"]),
    ("totp_rs", &["proof"]),
    ("tracing", &[]),
    ("tracing_subscriber", &["commands"]),
    ("url", &["auth0", "sandbox"]),
    ("zeroize", &[]),
];

/// The folders of `src/commands/` that commands share, from the ground up.
const SHARED: &[&str] = &["outputs", "advice", "reading", "run"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every source file, by its path.
fn files() -> Vec<PathBuf> {
    let found = files_in(&["src"]);
    assert!(found.len() > 100, "only {} source files were found", found.len());
    found
}

/// Returns every Rust file in these folders.
fn files_in(folders: &[&str]) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.ends_with("target") {
                // cargo-fuzz builds there.
            } else if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut found);
    }
    found
}

/// Every source file outside of `tests` folders: its path below `src/`, and its code without
/// comments and unit tests.
pub(crate) fn sources() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for path in files() {
        let name = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap();
        // Cargo runs that one; it is no part of the program.
        if !name.contains("tests") && name != "build.rs" {
            found.push((name.to_owned(), code(&fs::read_to_string(&path).unwrap())));
        }
    }
    found
}

/// The code of a file: no comments, no unit tests.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The room of a file: its folder below `src/`, or its own name.
fn room(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

/// The rooms that `code` imports or names: the first name of each path from `crate::`.
fn imports(code: &str) -> BTreeSet<String> {
    names_behind("crate::", code)
}

/// The name behind `path` wherever `code` has it; all names where a tree is behind it.
fn names_behind(path: &str, code: &str) -> BTreeSet<String> {
    let first = |path: &str| -> String {
        path.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut rooms = BTreeSet::new();
    for (at, prefix) in code.match_indices(path) {
        let (_, rest) = code.split_at(at + prefix.len());
        let Some(tree) = rest.strip_prefix('{') else {
            rooms.insert(first(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (index, character) in tree.char_indices() {
            match character {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    rooms.insert(first(tree.get(start..index).unwrap()));
                    start = index + 1;
                    if character == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    rooms.retain(|room| !room.is_empty());
    rooms
}

/// Returns true if `code` names the crate `name`, and not something of ours with the same name.
fn names(code: &str, name: &str) -> bool {
    let path = format!("{name}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code.split_at(at).0.chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
    })
}

#[test]
fn imports_point_downwards() {
    let floor = |room: &str| FLOORS.iter().position(|floor| *floor == room);
    let mut upwards = Vec::new();
    for (file, code) in sources() {
        let here = room(&file);
        let own = floor(here).unwrap_or_else(|| panic!("{file}: add the room `{here}` to FLOORS"));
        for import in imports(&code) {
            // `crate::visible` in `pub(in crate::room)` is a room, too.
            let other = floor(&import).unwrap_or_else(|| panic!("{file} imports `{import}`"));
            if other > own {
                upwards.push(format!("{file} imports `{import}`, which is above `{here}`"));
            }
        }
    }
    assert!(upwards.is_empty(), "{}", upwards.join("\n"));
}

#[test]
fn parts_that_commands_share_import_downwards_and_no_command() {
    for (file, code) in sources() {
        let own =
            file.split('/').nth(1).and_then(|folder| SHARED.iter().position(|it| *it == folder));
        let Some(own) = own.filter(|_| file.starts_with("commands/")) else { continue };
        assert!(!code.contains("super::super"), "{file}: write `commands::`");
        let of_a_folder = if file.ends_with("/mod.rs") { "super::" } else { "commands::" };
        let both = ["commands::", of_a_folder].map(|path| names_behind(path, &code));
        for import in both.into_iter().flatten() {
            let is_file = |name: &str| root().join(format!("src/commands/{name}")).exists();
            let is_module = is_file(&format!("{import}.rs")) || is_file(&import);
            let other = SHARED.iter().position(|it| *it == import);
            let is_below = other.is_some_and(|other| other < own);
            assert!(is_below || !is_module, "{file} imports `{import}`");
        }
    }
}

#[test]
fn an_import_is_read_from_every_form_of_path() {
    let code = "use crate::{\n    api::{Api, model},\n    error::Error,\n    line,\n};\n\
                use crate::plan::Plan;\nfn f() { crate::text::human(x) }";
    let expected = ["api", "error", "line", "plan", "text"].map(String::from);
    assert_eq!(imports(code), BTreeSet::from(expected));
}

#[test]
fn each_third_party_name_lives_where_it_is_said_to() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
    let dependencies = dependencies.split("\n[").next().unwrap();
    let listed: BTreeSet<String> = dependencies
        .lines()
        .filter_map(|line| line.split_once('=').filter(|_| !line.starts_with('#')))
        .map(|(name, _)| name.trim().replace('-', "_"))
        .collect();
    let known: BTreeSet<String> = HOMES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(listed, known, "HOMES lists exactly the dependencies of Cargo.toml");
    let sources = sources();
    for (name, homes) in HOMES {
        let using: BTreeSet<&str> = sources
            .iter()
            .filter(|(_, code)| names(code, name))
            .map(|(file, _)| room(file))
            // Fuzz targets reach everywhere, and the program does not use them.
            .filter(|room| *room != "fuzzing")
            .collect();
        if !homes.is_empty() {
            let homes: BTreeSet<&str> = homes.iter().copied().collect();
            assert_eq!(using, homes, "`{name}` is named in other rooms than HOMES says");
        }
    }
}

#[test]
fn pure_rooms_do_no_input_or_output() {
    let pure = [
        "text/",
        "model/",
        "plan/",
        "proof/",
        "protocol/",
        "pacer/breaker.rs",
        "jobs/list/verify/",
        "jobs/change/judge.rs",
    ];
    let words = [
        "std::fs",
        "std::io",
        "std::net::Tcp",
        "std::net::Udp",
        "std::env",
        "tokio::net",
        "tracing::",
        "async fn",
    ];
    for (file, code) in sources() {
        if pure.iter().any(|room| file.starts_with(room)) {
            for word in words {
                assert!(!code.contains(word), "{file} has {word}");
            }
        }
    }
}

#[test]
fn below_commands_nothing_prints_exits_or_reads_the_environment() {
    for (file, code) in sources() {
        let may_print = ["main.rs", "commands/", "progress/mod.rs"];
        if !may_print.iter().any(|room| file.starts_with(room)) {
            for word in ["println!", "eprintln!", "io::stdout", "io::stderr", "process::exit"] {
                assert!(!code.contains(word), "{file} has {word}");
            }
        }
        if file != "cli/environment.rs" {
            assert!(!code.contains("env::var"), "{file} reads the environment");
        }
        // Settings are declared with their variables, which clap reads.
        let may_declare = file == "cli/shared.rs";
        assert!(may_declare || !code.contains("env = "), "{file} declares a variable");
    }
}

#[test]
fn no_hint_about_a_ledger_sends_people_to_a_second_one_that_doubles_factors() {
    for (file, code) in sources().into_iter().filter(|(file, _)| file.starts_with("ledger/")) {
        for words in ["another --ledger", "this one a --ledger"] {
            assert!(!code.contains(words), "{file} has {words}");
        }
        // What begins a new one beside a lost one asks the tenant first.
        for hint in code.split("begin a new --ledger").skip(1) {
            assert!(hint.trim_start().starts_with("with `--skip-existing`"), "{file}");
        }
    }
}

#[test]
fn private_files_are_opened_in_one_room() {
    for (file, code) in sources() {
        // The configuration file is one that its user may share.
        let home = file.starts_with("files/") || file == "config/file.rs";
        assert!(home || !code.contains("OFlags::"), "{file} opens files by itself");
    }
}

#[test]
fn no_file_is_longer_than_400_lines_without_its_tests() {
    for (file, _) in sources() {
        let text = fs::read_to_string(root().join("src").join(&file)).unwrap();
        let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines().count();
        assert!(lines <= 400, "{file} has {lines} lines");
    }
}

/// Folders whose comments are held to their form.
const COMMENTED: [&str; 3] = ["src", "tests", "benches"];

/// rustfmt leaves comments as they are.
#[test]
fn comments_are_at_most_100_columns_wide() {
    let mut bad = Vec::new();
    for path in files_in(&COMMENTED) {
        let text = fs::read_to_string(&path).unwrap();
        for (line, text) in (1..).zip(text.lines()) {
            let is_comment = text.trim_start().starts_with("//");
            // Rows of tables and diagrams, and addresses, cannot be wrapped.
            let is_one_piece = ["| ", "->", "://"].iter().any(|piece| text.contains(piece));
            if is_comment && !is_one_piece && text.chars().count() > 100 {
                bad.push(format!("{}:{line}", path.display()));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[test]
fn the_readme_names_every_command_and_exit_code() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for word in COMMANDS.into_iter().chain(["backoff", "cargo test"]) {
        assert!(readme.contains(word), "{word}");
    }
    for code in 0..=6 {
        assert!(readme.contains(&format!("| {code} |")), "exit code {code}");
    }
    let lines = readme.lines().count();
    assert!(lines <= 150, "README.md has {lines} lines");
}

/// First line of each doc comment in `text`, with its number.
fn docs(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_doc = false;
    for (index, line) in text.lines().map(str::trim_start).enumerate() {
        let doc = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
        if let Some(doc) = doc.filter(|_| !in_doc) {
            found.push((index + 1, doc.trim_start()));
        }
        in_doc = doc.is_some();
    }
    found
}

/// A comment is read alone, in a list or beside a name: one that begins with such a word finishes a
/// sentence that nobody has begun.
#[test]
fn doc_comments_begin_with_a_verb_or_a_noun() {
    let clauses = [
        "As", "At", "By", "For", "From", "How", "If", "In", "Not", "Of", "On", "So", "That", "To",
        "What", "When", "Where", "Whether", "Which", "Who", "Whom", "Whose", "Why",
    ];
    let mut bad = Vec::new();
    for path in files_in(&COMMENTED) {
        let text = fs::read_to_string(&path).unwrap();
        for (line, doc) in docs(&text) {
            let first = doc.split(|c: char| !c.is_alphanumeric()).next().unwrap();
            if clauses.contains(&first) {
                bad.push(format!("{}:{line}: {doc}", path.display()));
            }
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
