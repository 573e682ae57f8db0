//! The corpus of the fuzz targets, and what fuzzers have found before, through the same checks.

use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

use mfaferry::fuzzing::TARGETS;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz")
}

#[test]
fn the_corpus_holds() {
    for (name, target) in TARGETS {
        let seeds = fs::read_dir(folder().join("corpus").join(name)).unwrap();
        let mut seeds: Vec<_> = seeds.map(|seed| seed.unwrap().path()).collect();
        seeds.sort();
        assert!(seeds.len() > 2, "{name} has no corpus");
        target(b"");
        for seed in seeds {
            let bytes = fs::read(&seed).unwrap();
            assert!(catch_unwind(|| target(&bytes)).is_ok(), "{}", seed.display());
        }
    }
}

#[test]
fn every_entry_point_has_its_target() {
    let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is no target");
        let target = fs::read_to_string(folder().join(format!("targets/{name}.rs"))).unwrap();
        assert!(target.contains(&format!("mfaferry::fuzzing::{name}(data)")), "{name}");
    }
    assert_eq!(manifest.matches("[[bin]]").count(), TARGETS.len());
}
