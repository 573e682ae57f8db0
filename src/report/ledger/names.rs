//! Names of input files, or numbers in their place if user ids are hidden: a path may contain an
//! id.

use std::collections::BTreeMap;

use crate::ledger::RunRecord;

/// Names of the files of a ledger's inputs.
#[derive(Debug, Clone, Default)]
pub struct FileNames {
    /// Number of each name, in the order in which runs read them; `None` if names are shown.
    numbers: Option<BTreeMap<String, usize>>,
}

impl FileNames {
    /// Numbers the files that these runs read.
    pub fn numbered(runs: &[RunRecord]) -> Self {
        let mut numbers = BTreeMap::new();
        for run in runs {
            for name in files(run) {
                let next = numbers.len() + 1;
                numbers.entry(name.to_owned()).or_insert(next);
            }
        }
        Self { numbers: Some(numbers) }
    }

    /// Returns a file's name or number.
    pub fn of(&self, name: &str) -> String {
        match self.numbers.as_ref().map(|numbers| numbers.get(name)) {
            None => name.to_owned(),
            Some(Some(number)) => format!("input {number}"),
            Some(None) => "an input".into(),
        }
    }

    /// Returns the name or number of a run's input.
    pub fn of_run(&self, run: &RunRecord) -> String {
        if self.numbers.is_none() {
            return run.input.clone();
        }
        let names: Vec<_> = files(run).into_iter().map(|name| self.of(name)).collect();
        names.join(", ")
    }

    /// Returns true if numbers replace the names.
    pub fn are_hidden(&self) -> bool {
        self.numbers.is_some()
    }
}

/// Returns the names of a run's files, as far as they were recorded.
fn files(run: &RunRecord) -> Vec<&str> {
    match &run.about {
        Some(about) if !about.files.is_empty() => {
            about.files.iter().map(|file| file.name.as_str()).collect()
        }
        _ => vec![run.input.as_str()],
    }
}
