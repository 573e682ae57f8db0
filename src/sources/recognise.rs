//! Recognises the form of a file by its name, and the system that wrote it by its first element.

use std::path::{Path, PathBuf};

use super::{Export, SYSTEMS, System};
use crate::{
    input::{Content, Elements, Files, Form, InputError},
    model::Node,
};

/// Bytes at the beginning of a file that are enough to recognise its system.
const BYTES_EXAMINED: u64 = 1 << 20;

/// Returns the error for a file that is not that system's, with the system that it looks like.
pub(super) fn not_this(line: u64, system: &System, other: Option<&System>) -> InputError {
    let other = other.map(|other| (other.title, other.name));
    InputError::NotThisSystem { line, system: system.title, other }
}

/// Returns the other system whose export a file looks like.
pub(super) fn other_system(path: &Path, system: &System) -> Option<&'static System> {
    system_of(path).filter(|other| other.name != system.name)
}

/// Returns the system whose export a file looks like, by its first element.
pub fn system_of(path: &Path) -> Option<&'static System> {
    SYSTEMS.iter().copied().find(|system| {
        let extension = Form::of(path);
        let is_possible = |form: &&Form| extension.is_none_or(|extension| form.is_like(extension));
        let form = system.forms.iter().find(is_possible);
        let first = form.and_then(|form| first_element(path, *form));
        first.is_some_and(|first| (system.recognises)(&first))
    })
}

/// Returns the first element of a file, if it is near the beginning.
pub(super) fn first_element(path: &Path, form: Form) -> Option<Node> {
    let mut elements = Elements::open_beginning(path, form, BYTES_EXAMINED).ok()?;
    while let Some(element) = elements.next_element().ok()? {
        if let Content::Value(value) = element.content {
            return Some(value);
        }
    }
    None
}

/// Returns the form of a file: the one that a flag names, or the one of the system's forms that its
/// extension picks.
pub(super) fn form_of(
    path: &Path,
    system: &System,
    given: Option<Form>,
) -> Result<Form, InputError> {
    let extension = given.or_else(|| Form::of(path));
    let has = |form: &&Form| extension.is_some_and(|extension| form.is_like(extension));
    let is_json = |form: &Form| matches!(form, Form::Json(_));
    let usual = system.forms.first().copied().ok_or(InputError::UnknownFormat)?;
    match (system.forms.iter().find(has), extension) {
        (Some(form), _) => Ok(*form),
        // Many text files have this extension, whatever they hold.
        (None, None | Some(Form::Lines)) => Ok(usual),
        // A document may hold any number of values, including one a line.
        (None, Some(Form::JsonLines)) if system.forms.iter().any(is_json) => {
            Ok(system.forms.iter().copied().find(|form| is_json(form)).unwrap_or(usual))
        }
        (None, Some(_)) => {
            let forms: Vec<_> = system.forms.iter().map(Form::extension).collect();
            let forms = forms.join(", ");
            Err(match other_system(path, system) {
                Some(other) => not_this(1, system, Some(other)),
                None => InputError::OtherForm { system: system.title, forms },
            })
        }
    }
}

impl Export {
    /// Reads the first element of each file that can be read again: a mistake in a name or in
    /// `--from` is commoner than one in the settings, and is reported first.
    pub fn glance(
        paths: &[PathBuf],
        system: &'static System,
        form: Option<Form>,
    ) -> Result<(), InputError> {
        let files = Files::of(paths, system.forms, system.has_folders)?;
        if files.len.is_none() {
            return Ok(());
        }
        let is_one = files.paths.len() == 1;
        for path in &files.paths {
            let form = form_of(path, system, form)?;
            let first = first_element(path, form);
            if first.is_some_and(|first| !(system.recognises)(&first)) {
                let fault = not_this(1, system, other_system(path, system));
                return Err(if is_one { fault } else { fault.of_file(path) });
            }
        }
        Ok(())
    }
}
