//! Properties of an input that its owner declares.

use super::{
    CODE_NAME, Digests, Format, SelectionCodes, Shape,
    shape::{Name, nearest_field},
};
use crate::model::Field;

/// Prefix of columns and keys that are notes of this tool, not data.
const OWN_NOTES: &str = "mf_";

/// Declarations of the owner about an input, besides its name. By default there are none:
/// everything is recognised.
#[derive(Debug, Clone, Default)]
pub struct Dialect {
    /// Format, in place of the one that the extension stands for.
    pub format: Option<Format>,
    /// Delimiter, in place of the header's.
    pub delimiter: Option<u8>,
    /// Columns or keys that are ignored.
    pub ignored: Vec<String>,
    /// Fields under other names than their own.
    pub renamed: Vec<(Field, String)>,
    /// Collector of the files' digests, if they are wanted.
    pub digests: Option<Digests>,
    /// Collector of the codes of a selection of another input's rows.
    pub selection: SelectionCodes,
}

impl Dialect {
    /// Adds `OURS=THEIRS`, or returns why that is impossible.
    pub fn rename(&mut self, pair: &str) -> Result<(), RenameFault> {
        let (ours, theirs) = pair.split_once('=').ok_or(RenameFault::NoPair)?;
        let (ours, theirs) = (ours.trim(), theirs.trim());
        if theirs.is_empty() {
            return Err(RenameFault::NoPair);
        }
        let Some(field) = Field::from_name(ours) else {
            return Err(RenameFault::UnknownField(nearest_field(ours)));
        };
        if self.renamed.iter().any(|(known, name)| *known == field || name == theirs) {
            return Err(RenameFault::Twice);
        }
        self.renamed.push((field, theirs.to_owned()));
        Ok(())
    }
}

/// Reason why a pair of `--map` cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenameFault {
    /// It is not two names with `=` between them.
    NoPair,
    /// No field has that name; the nearest one.
    UnknownField(Option<Field>),
    /// A name occurs twice.
    Twice,
}

/// Meaning of the columns and keys of one input.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) shape: Shape,
    ignored: Vec<String>,
    renamed: Vec<(Field, String)>,
    /// Lengths of all names of fields, as bits; more than 63 bytes counts as 63.
    lengths: u64,
    pub(super) selection: SelectionCodes,
}

/// The bit of a length.
fn length_bit(name: &str) -> u64 {
    1 << name.len().min(63)
}

impl Names {
    pub(super) fn new(shape: Shape, dialect: &Dialect) -> Self {
        let renamed = dialect.renamed.iter().map(|(_, theirs)| theirs.trim());
        let names = Field::ALL.iter().map(|field| field.name()).chain(renamed);
        Self {
            shape,
            ignored: dialect.ignored.clone(),
            renamed: dialect.renamed.clone(),
            lengths: names.map(length_bit).fold(0, |lengths, bit| lengths | bit),
            selection: dialect.selection.clone(),
        }
    }

    /// Returns the meaning of a key with exactly that name.
    pub(super) fn key(&self, name: &str) -> Name {
        if let Some((field, _)) = self.renamed.iter().find(|(_, theirs)| theirs == name) {
            return self.shape.field(*field);
        }
        if name.starts_with(OWN_NOTES) {
            return if name == CODE_NAME { Name::Codes } else { Name::Ignored };
        }
        if self.ignored.iter().any(|ignored| ignored == name) {
            return Name::Ignored;
        }
        self.shape.name(name)
    }

    /// Returns the meaning of a column; case and white space around its name do not matter.
    pub(super) fn column(&self, name: &str) -> Name {
        let name = name.trim();
        let is_that = |other: &str| other.trim().eq_ignore_ascii_case(name);
        if let Some((field, _)) = self.renamed.iter().find(|(_, theirs)| is_that(theirs)) {
            return self.shape.field(*field);
        }
        let lower = name.to_ascii_lowercase();
        if lower.starts_with(OWN_NOTES) || self.ignored.iter().any(|ignored| is_that(ignored)) {
            return Name::Ignored;
        }
        self.shape.name(&lower)
    }

    /// Returns whether a column of that name holds a field of any kind of input.
    pub(super) fn is_field(&self, name: &str) -> bool {
        let name = name.trim();
        // Each row's first cell is tested, and nearly all have a length that no name has.
        if self.lengths & length_bit(name) == 0 {
            return false;
        }
        let is_that = |other: &str| other.eq_ignore_ascii_case(name);
        Field::ALL.iter().any(|field| is_that(field.name()))
            || self.renamed.iter().any(|(_, theirs)| is_that(theirs.trim()))
    }
}
