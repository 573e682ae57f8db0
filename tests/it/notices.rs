//! Notices of what is linked in, which its licences ask for.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

/// Packages and their versions.
type Packages = BTreeSet<(String, String)>;

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

/// Returns the packages that are linked into the program as it is built here.
fn linked() -> Packages {
    let mut tree = Command::new(env!("CARGO"));
    tree.current_dir(env!("CARGO_MANIFEST_DIR"));
    tree.args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none"]);
    let tree = tree.output().unwrap();
    assert!(tree.status.success(), "{tree:?}");
    let lines = String::from_utf8(tree.stdout).unwrap();
    let package = |line: &str| {
        let (name, rest) = line.split_once(" v").unwrap();
        (name.to_owned(), rest.split(' ').next().unwrap().to_owned())
    };
    lines.lines().skip(1).map(package).collect()
}

/// Returns the packages in Cargo.lock, for whatever machine.
fn locked() -> Packages {
    let lock = read("Cargo.lock");
    let value = |line: Option<&str>, key: &str| {
        line.unwrap().strip_prefix(key).unwrap().trim_matches([' ', '=', '"']).to_owned()
    };
    let packages = lock.split("[[package]]\n").skip(1).map(|package| {
        let mut lines = package.lines();
        (value(lines.next(), "name"), value(lines.next(), "version"))
    });
    packages.collect()
}

/// Returns the packages in the notices: indented, between the name of a licence and its text.
fn named() -> Packages {
    let notices = read("samples/deploy/THIRD-PARTY-NOTICES.txt");
    let licences = notices.split("\n=====").skip(1);
    let heads = licences.map(|licence| licence.split("\n-----").next().unwrap());
    let packages = heads.flat_map(|head| head.lines().filter_map(|line| line.strip_prefix("    ")));
    let package = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        (words.next().unwrap(), words.next().unwrap())
    };
    packages.map(package).collect()
}

#[test]
fn all_that_is_linked_in_is_named_in_the_notices_and_nothing_that_has_gone() {
    let (linked, named, locked) = (linked(), named(), locked());
    assert!(linked.len() > 50, "{}", linked.len());
    let again = "make the notices anew: their second line says how";
    let missing: Vec<_> = linked.difference(&named).collect();
    assert!(missing.is_empty(), "{missing:?}: {again}");
    let gone: Vec<_> = named.difference(&locked).collect();
    assert!(gone.is_empty(), "{gone:?}: {again}");
}
