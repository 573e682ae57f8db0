//! JSON Schemas (draft 2020-12) of every object that the program prints for other programs, and of
//! its settings file. Each is a hand-written file beside this one; tests check every output that
//! they see against it, and the settings file's keys against the program's own.

/// A schema, and what it describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// Name in `mfaferry schema NAME`.
    pub name: &'static str,
    /// Value of the key `schema` in the objects it describes; its title.
    pub id: &'static str,
    /// Output that it describes.
    pub of: &'static str,
    /// The schema itself, as JSON.
    pub text: &'static str,
}

/// Declares the schemas, each in the file of its name.
macro_rules! schemas {
    ($($name:literal in $file:literal: $of:literal,)+) => {
        /// Every schema.
        pub const SCHEMAS: &[Schema] = &[$(Schema {
            name: $name,
            id: concat!("mfaferry/", $name, "/1"),
            of: $of,
            text: include_str!($file),
        },)+];
    };
}

schemas! {
    "summary" in "summary.json": "import, resolve, export, replace, update, delete, undo: --output json",
    "error" in "error.json": "any of these commands that is stopped before it has a result",
    "check" in "check.json": "check --output json",
    "preflight" in "preflight.json": "preflight --output json",
    "probe" in "probe.json": "probe --output json, and the file of probe --out",
    "probe-clean" in "probe_clean.json": "probe --clean --output json",
    "verify" in "verify.json": "verify --output json",
    "verify-row" in "verify_row.json": "verify --output jsonl, each line",
    "report" in "report.json": "report --format json",
    "report-row" in "report_row.json": "report --format jsonl, each line",
    "explain" in "explain.json": "explain --output json",
    "config" in "config.json": "mfaferry.toml, for editors",
}

impl Schema {
    /// Finds a schema by its name, or by the value of `schema` in an object.
    pub fn find(name: &str) -> Option<&'static Self> {
        SCHEMAS.iter().find(|schema| schema.name == name || schema.id == name)
    }
}
