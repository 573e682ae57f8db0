//! `schema`: what other programs read is what its schema says. Every output of every test goes
//! through here ([`hold`]), so that a key that nobody described is found where it is first written.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Mutex, OnceLock, PoisonError},
};

use boon::{Compiler, SchemaIndex};
use clap::CommandFactory;
use mfaferry::{
    cli::{Cli, settings},
    sandbox::Settings,
    schema::{SCHEMAS, Schema},
};
use serde_json::Value;

use crate::support::{Bench, Done, binary, factors, run, side_by_side};

/// Lines of an output that are held against a schema; the others are like them.
const LINES: usize = 200;

/// The validator, with every schema.
struct Validator {
    schemas: boon::Schemas,
    of: BTreeMap<&'static str, SchemaIndex>,
}

impl Validator {
    /// Compiles every schema, each against the meta-schema that it names.
    fn new() -> Self {
        let (mut compiler, mut schemas) = (Compiler::new(), boon::Schemas::new());
        compiler.enable_format_assertions();
        let mut of = BTreeMap::new();
        for Schema { name, id, text, .. } in SCHEMAS {
            let place = format!("mem:///{name}");
            compiler.add_resource(&place, serde_json::from_str(text).unwrap()).unwrap();
            let index = compiler.compile(&place, &mut schemas);
            of.insert(*id, index.unwrap_or_else(|error| panic!("{name}: {error:#}")));
        }
        Self { schemas, of }
    }
}

/// Says what of `value` is not as the schema `id` has it.
fn fault(id: &str, value: &Value) -> Option<String> {
    static VALIDATOR: OnceLock<Mutex<Validator>> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| Mutex::new(Validator::new()));
    let validator = validator.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(index) = validator.of.get(id) else { return Some(format!("no schema is `{id}`")) };
    validator.schemas.validate(value, *index).err().map(|error| format!("{error:#}"))
}

/// Forms of output that a command prints for other programs.
#[derive(Debug, PartialEq, Eq)]
enum Printed {
    /// One object, which names its schema.
    Object,
    /// Objects of that schema, one a line.
    Lines(&'static str),
    /// Something else.
    Other,
}

impl Printed {
    fn by(command: &Command) -> Self {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let has = |name: &str| words.iter().any(|word| word == name);
        // The last one counts.
        let value = |flag: &str| {
            let mut pairs = words.windows(2).rev();
            pairs.find(|pair| pair[0] == flag).map(|pair| &*pair[1]).unwrap_or_default()
        };
        match (value("--output"), value("--format")) {
            (_, "json") if has("report") => Self::Object,
            (_, "jsonl") if has("report") => Self::Lines("mfaferry/report-row/1"),
            ("jsonl", _) if has("verify") => Self::Lines("mfaferry/verify-row/1"),
            // Without a file of their own the methods are the result.
            ("json", _) if !has("export") && !has("report") => Self::Object,
            _ => Self::Other,
        }
    }
}

/// Holds what the program has printed against its schema.
pub(crate) fn hold(command: &Command, done: &Done) {
    // What was cut off is no object.
    if done.signal.is_some() || done.stdout.is_empty() {
        return;
    }
    let (id, lines) = match Printed::by(command) {
        Printed::Object => (None, 1),
        Printed::Lines(id) => (Some(id), LINES),
        Printed::Other => return,
    };
    for line in done.stdout.lines().take(lines) {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{done:?}"));
        let own = value["schema"].as_str();
        let id = own.or(id).unwrap_or_else(|| panic!("an object without a schema: {done:?}"));
        if let Some(fault) = fault(id, &value) {
            panic!("{fault}\n{value:#}\nof {:?}", command.get_args().collect::<Vec<_>>());
        }
    }
}

/// Change that makes an object another one.
type Change = fn(&mut Value);

#[test]
fn an_object_that_its_schema_does_not_describe_is_found() {
    let error = serde_json::json!({
        "schema": "mfaferry/error/1", "status": "error", "exit_code": 2, "code": "usage", "error": "x",
    });
    assert_eq!(fault("mfaferry/error/1", &error), None);
    let cases: [(&str, Change); 5] = [
        ("a key too many", |it| it["more"] = 1.into()),
        ("a key too few", |it| drop(it.as_object_mut().unwrap().remove("code"))),
        ("another type", |it| it["exit_code"] = "2".into()),
        ("another value", |it| it["status"] = "complete".into()),
        ("another schema", |it| it["schema"] = "mfaferry/error/2".into()),
    ];
    for (what, change) in cases {
        let mut changed = error.clone();
        change(&mut changed);
        assert!(fault("mfaferry/error/1", &changed).is_some(), "{what}");
    }
    assert!(fault("mfaferry/none/1", &error).is_some());
}

#[test]
fn each_schema_is_printed_as_it_is_and_all_are_listed() {
    let list = run(binary().arg("schema"));
    assert_eq!(list.code, Some(0), "{list:?}");
    for Schema { name, id, text, .. } in SCHEMAS {
        assert!(list.stdout.lines().any(|line| line.starts_with(name)), "{name}: {list:?}");
        for given in [name, id] {
            let done = run(binary().args(["schema", given]));
            assert_eq!((done.code, done.stdout.as_str()), (Some(0), *text), "{given}");
        }
        let schema: Value = serde_json::from_str(text).unwrap();
        // Editors take no relative one, and there is no host to name.
        let urn = format!("urn:{}", id.replace('/', ":"));
        assert_eq!((&schema["$id"], &schema["title"]), (&urn.into(), &(*id).into()), "{name}");
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
    }
    let done = run(binary().args(["schema", "sumary"]));
    assert_eq!(done.code, Some(2), "{done:?}");
    assert!(done.stderr.contains("a similar value exists: 'summary'"), "{done:?}");
}

/// Calls `visit` with every object of a schema that describes something, and its path.
fn described(schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &Value)) {
    visit(path, schema);
    let Some(map) = schema.as_object() else { return };
    for (key, inner) in map {
        let path = format!("{path}/{key}");
        match (key.as_str(), inner) {
            ("properties" | "$defs", Value::Object(named)) => {
                for (name, inner) in named {
                    described(inner, &format!("{path}/{name}"), visit);
                }
            }
            ("items" | "additionalProperties", inner) => described(inner, &path, visit),
            ("oneOf", Value::Array(all)) => all.iter().for_each(|it| described(it, &path, visit)),
            _ => {}
        }
    }
}

#[test]
fn every_key_is_described_and_no_object_may_have_others() {
    for Schema { name, text, .. } in SCHEMAS {
        let schema: Value = serde_json::from_str(text).unwrap();
        described(&schema, name, &mut |path, inner| {
            if let Some(properties) = inner["properties"].as_object() {
                // That of `config` is of a setting each, and each tenant's are the same.
                assert!(inner["additionalProperties"] == false, "{path}");
                for (key, of) in properties {
                    let text = of["description"].as_str().or(of["$ref"].as_str());
                    assert!(text.is_some_and(|text| !text.is_empty()), "{path}: {key}");
                }
                let required = inner["required"].as_array().into_iter().flatten();
                for key in required.map(|key| key.as_str().unwrap()) {
                    assert!(properties.contains_key(key), "{path}: {key}");
                }
            }
        });
    }
}

#[test]
fn definitions_of_one_name_are_the_same_everywhere() {
    let mut known: BTreeMap<String, Value> = BTreeMap::new();
    for Schema { name, text, .. } in SCHEMAS {
        let schema: Value = serde_json::from_str(text).unwrap();
        for (of, definition) in schema["$defs"].as_object().into_iter().flatten() {
            let first = known.entry(of.clone()).or_insert_with(|| definition.clone());
            assert_eq!(first, definition, "{of} in {name}");
        }
    }
}

#[test]
fn the_settings_file_has_exactly_the_keys_and_defaults_of_its_schema() {
    let text = Schema::find("config").unwrap().text;
    let schema: Value = serde_json::from_str(text).unwrap();
    let described = schema["properties"].as_object().unwrap();
    let of_file = || {
        // `tenant` is a flag that chooses a table, and in the file the tables.
        let keys = settings().into_iter().map(|(key, _)| key.replace('-', "_"));
        keys.filter(|key| key != "tenant")
    };
    let known: Vec<_> = of_file().collect();
    let mut keys: Vec<_> = described.keys().filter(|key| *key != "tenant").cloned().collect();
    keys.sort();
    assert_eq!(keys, known);
    let dashed = of_file().filter(|key| key.contains('_')).map(|key| {
        let same = serde_json::json!({ "$ref": format!("#/properties/{key}") });
        (format!("^{}$", key.replace('_', "-")), same)
    });
    assert_eq!(schema["patternProperties"], Value::Object(dashed.collect()));
    let program = Cli::command();
    let args: Vec<_> = program.get_subcommands().flat_map(clap::Command::get_arguments).collect();
    for key in of_file() {
        let flag = key.replace('_', "-");
        let arg = args.iter().find(|arg| arg.get_long() == Some(&flag)).unwrap();
        let default = arg.get_default_values().first().and_then(|value| value.to_str());
        let said = match &described[&key]["default"] {
            Value::Null | Value::Bool(false) => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        // A switch is off by itself.
        let default = default.filter(|default| *default != "false");
        assert_eq!(said.as_deref(), default, "{key}");
    }
}

/// Lines of a settings file, and whether they may stand there.
#[rustfmt::skip]
const LINES_OF_SETTINGS: &[(&str, bool)] = &[
    ("rate = \"auto\"", true),
    ("rate = 10", true),
    ("rate = 0.5", true),
    ("rate = \"10\"", true),
    ("rate = 0", false),
    ("rate = \"fast\"", false),
    ("burst = 3", true),
    ("burst = \"3\"", true),
    ("burst = 0", false),
    ("burst = \"many\"", false),
    ("concurrency = \"auto\"", true),
    ("concurrency = 4096", true),
    ("concurrency = 4097", false),
    ("reserve = \"10%\"", true),
    ("reserve = 10", true),
    ("reserve = 96", false),
    ("max_attempts = 100", true),
    ("max_attempts = 101", false),
    ("max_errors = \"none\"", true),
    ("max_errors = \"5%\"", true),
    ("max_errors = 100", true),
    ("max_errors = 0", false),
    ("max_errors = \"some\"", false),
    ("timeout = \"30s\"", true),
    ("timeout = 30", true),
    ("max_duration = \"1h 30m\"", true),
    ("settle = \"soon\"", false),
    ("max_outage = 0", false),
    ("timezone = \"Europe/Berlin\"", true),
    ("rate_plan = \"08:00-20:00=5\"", true),
    ("sandbox = true", true),
    ("skip_existing = \"true\"", true),
    ("name_marker = false", true),
    ("sandbox = \"yes\"", false),
    ("skip_existing = 1", false),
    ("ratee = 1", false),
    ("client_signing_alg = \"PS256\"", true),
    ("client_secret = \"x\"", false),
    ("burst = 5.0", true),
    ("burst = 1e3", true),
    ("burst = 5.5", false),
    ("burst = \"10000\"", true),
    ("burst = \"10001\"", false),
    ("burst = \"0\"", false),
    ("concurrency = \"4096\"", true),
    ("concurrency = \"4097\"", false),
    ("concurrency = \"0\"", false),
    ("concurrency = 1.0", true),
    ("max_attempts = \"100\"", true),
    ("max_attempts = \"101\"", false),
    ("max_attempts = 3.0", true),
    ("rate = 5.0", true),
    ("rate = \"100000\"", true),
    ("rate = \"100001\"", false),
    ("rate = \"0\"", false),
    ("rate = \"0.001\"", false),
    ("rate = inf", false),
    ("rate = nan", false),
    ("reserve = \"95%\"", true),
    ("reserve = \"95.5%\"", false),
    ("reserve = \"96%\"", false),
    ("reserve = \"12.5 %\"", true),
    ("reserve = \"100%\"", false),
    ("reserve = nan", false),
    ("max_errors = \"0\"", false),
    ("max_errors = \"0%\"", false),
    ("max_errors = \"0.0%\"", false),
    ("max_errors = \"0.5%\"", true),
    ("max_errors = \"100%\"", true),
    ("max_errors = \"101%\"", false),
    ("max_errors = \"7\"", true),
    ("max_errors = 5.0", true),
    ("timeout = \"0s\"", false),
    ("timeout = \"500ms\"", true),
    ("timeout = \"-3s\"", false),
    ("timeout = \"x3\"", false),
    ("timeout = \"30\"", true),
    ("timeout = 30.5", false),
    ("timeout = 5000000000", false),
    ("settle = \"99999s\"", true),
    ("settle = \"7d\"", false),
    ("max_duration = \"1d\"", false),
    ("max_duration = \"3weeks\"", false),
    ("max_duration = \"167h 59m 59s\"", true),
    ("max_duration = \"169h\"", false),
    ("max_duration = \"1h30m\"", true),
    ("max_duration = \"9999m\"", true),
    ("max_duration = \"99999999h\"", false),
    ("timezone = \"\"", false),
    ("rate_plan = \"\"", false),
    ("rate_plan = \"x\"", false),
    ("rate_plan = \"08:00-20:00=5,20:00-08:00=auto\"", true),
    ("rate_plan = \"20:00-24:00=0\"", false),
    ("rate_plan = \"24:00-08:00=5\"", false),
    ("rate_plan = \"08:00-25:00=5\"", false),
    ("max-errors = 5", true),
    ("max-errors = \"x\"", false),
    ("rate-plan = \"08:00-20:00=5\"", true),
    ("max--errors = 5", false),
];

#[test]
fn the_schema_of_the_settings_file_takes_what_the_program_takes() {
    let bench = Bench::new(Settings::default());
    // No row has to be sent to know what is taken.
    bench.write("in.csv", factors(0).0);
    let numbered: Vec<_> = LINES_OF_SETTINGS.iter().enumerate().collect();
    side_by_side(&numbered, |(number, &(line, is_good))| {
        let value: Value = toml::from_str(line).unwrap();
        let fault = fault("mfaferry/config/1", &value);
        assert_eq!(fault.is_none(), is_good, "{line}: {fault:?}");
        let file = bench.write(&format!("{number}.toml"), line);
        let mut command = binary();
        command.current_dir(bench.folder.path()).args(["import", "in.csv", "--sandbox"]);
        let done = run(command.arg("--config").arg(file));
        assert_eq!(done.code == Some(0), is_good, "{line}: {done:?}");
    });
    let tenants = "rate = 5\n[tenant.acme]\ndomain = \"acme.eu.auth0.com\"\nclient-id = \"x\"";
    let tenants: Value = toml::from_str(tenants).unwrap();
    assert_eq!(fault("mfaferry/config/1", &tenants), None);
    for bad in [
        "[tenant.acme]\ndomian = \"x\"",
        "[tenant.acme]\nmax-errors = 0",
        "[tenant.acme.tenant.x]\nrate = 1",
        "tenant = 1",
    ] {
        assert!(fault("mfaferry/config/1", &toml::from_str(bad).unwrap()).is_some(), "{bad}");
    }
}
