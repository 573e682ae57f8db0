//! An export that is being read: its files one after the other, their elements through the dialect,
//! and the rows of each with their person.

use std::{
    cell::RefCell,
    collections::{HashSet, VecDeque},
    io::Read,
    path::PathBuf,
    sync::{Arc, atomic::AtomicU64},
};

use super::{
    Notes, Options, Rows, System,
    migration::Batches,
    recognise::{form_of, not_this, other_system},
    rows::{RowPosition, SourceRow},
};
use crate::{
    input::{Content, Element, Elements, Ending, Files, Form, InputError, Remark, Row, Written},
    model::{Code, Lines, Node, Person, Record},
    text::file_name,
};

/// Most unreadable elements at the beginning of a file before the file is given up.
const MAX_UNREADABLE: usize = 1000;

/// Most bytes of these, if they are kept.
const MAX_UNREADABLE_BYTES: usize = 16 << 20;

/// A row of an export, and its person.
#[derive(Debug)]
pub struct ExportedRow {
    /// The person, as the source knows them.
    pub person: Arc<Person>,
    /// Row without a user id, unless the source's ids are the tenant's.
    pub row: Row,
    /// Record of a refused TOTP, as far as it was read.
    pub refused: Option<Box<Record>>,
}

/// An export that is being read.
#[derive(Debug)]
pub struct Export {
    pub(super) system: &'static System,
    /// Form of all files, where a flag says it.
    form: Option<Form>,
    options: Options,
    files: Vec<PathBuf>,
    /// Number of the present file, and its reader.
    pub(super) file: usize,
    pub(super) elements: Option<Elements>,
    pub(super) notes: Notes,
    batches: Batches,
    pub(super) pending: VecDeque<ExportedRow>,
    pub(super) written: Option<Written>,
    /// Line of the last row, and the number of rows it has had.
    numbered: (u64, u32),
    /// Number of lines in the files before this one.
    before: u64,
    lines: Lines,
    open_lines: Vec<u64>,
    len: Option<u64>,
    bytes_read: Arc<AtomicU64>,
    /// Notes that were requested before they came.
    missed: RefCell<HashSet<((usize, u64), &'static str)>>,
    remarks: Vec<Remark>,
    n_people: u64,
    n_rows: u64,
    is_first: bool,
    is_finished: bool,
}

impl Export {
    /// Opens an export of that system: files, a folder if the system writes one, or standard input
    /// for `-`. Anything about all files that must be known before the first row is read now, if
    /// possible. `form` overrides the extensions of the files.
    pub fn open(
        paths: &[PathBuf],
        system: &'static System,
        form: Option<Form>,
        options: Options,
    ) -> Result<Self, InputError> {
        let files = Files::of(paths, system.forms, system.has_folders)?;
        let mut export = Self::of(files, system, form, options);
        if export.len.is_some() {
            export.read_notes()?;
        }
        export.begin(0)?;
        Ok(export)
    }

    /// Begins the same export again; it must be readable again.
    pub fn again(self) -> Result<Self, InputError> {
        let files = Files { paths: self.files, len: self.len };
        let mut export = Self::of(files, self.system, self.form, self.options);
        export.notes = self.notes;
        export.begin(0)?;
        Ok(export)
    }

    /// Reads from anything, in one of the system's forms.
    pub fn from_reader(
        reader: Box<dyn Read + Send>,
        system: &'static System,
        form: Form,
        options: Options,
    ) -> Self {
        let stdin = Files { paths: vec![PathBuf::from("-")], len: None };
        let mut export = Self::of(stdin, system, Some(form), options);
        export.elements = Some(Elements::new(reader, form));
        export
    }

    fn of(files: Files, system: &'static System, form: Option<Form>, options: Options) -> Self {
        let Files { paths: files, len } = files;
        let lines = if files.len() > 1 { Lines::several() } else { Lines::default() };
        Self {
            system,
            form,
            options,
            files,
            file: 0,
            elements: None,
            notes: Notes::default(),
            batches: Batches::default(),
            pending: VecDeque::new(),
            written: None,
            numbered: (0, 0),
            before: 0,
            lines,
            open_lines: Vec::new(),
            len,
            bytes_read: Arc::default(),
            missed: RefCell::default(),
            remarks: Vec::new(),
            n_people: 0,
            n_rows: 0,
            is_first: true,
            is_finished: false,
        }
    }

    /// Returns the next row; `None` at the end and after an error.
    pub fn next_found(&mut self) -> Result<Option<ExportedRow>, InputError> {
        while !self.is_finished {
            // Unreadable rows prove nothing until a row is recognised as the system's own.
            if !self.is_first
                && let Some(found) = self.pending.pop_front()
            {
                return Ok(Some(found));
            }
            if let Err(error) = self.advance() {
                self.is_finished = true;
                // Until then, naming the system that the file belongs to is more helpful.
                let other = if self.is_first { self.other_system() } else { None };
                let error = other.map_or(error, |other| not_this(1, self.system, Some(other)));
                return Err(self.located(error));
            }
        }
        Ok(None)
    }

    /// Returns the counter of the bytes read so far of all files.
    pub fn bytes_read(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.bytes_read)
    }

    /// Returns the length of all files, where that is known; such an input can be read again.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a size to measure progress by, not a container"
    )]
    pub fn len(&self) -> Option<u64> {
        self.len
    }

    /// Returns facts about the files read so far as a whole.
    pub fn ending(&self) -> Ending {
        let remark = |message| Remark { code: "missing_part", is_note: false, count: 0, message };
        let missing = self.batches.missing().into_iter().map(remark);
        let remarks = self.remarks.iter().cloned().chain(missing).collect();
        Ending { open_lines: self.open_lines.clone(), remarks }
    }

    /// Returns the object that knows which file a line is in.
    pub fn lines(&self) -> Lines {
        self.lines.clone()
    }

    /// Takes the next element, or goes on with the next file.
    fn advance(&mut self) -> Result<(), InputError> {
        let Some(elements) = &mut self.elements else {
            self.is_finished = true;
            return Ok(());
        };
        let element = elements.next_element()?;
        if let Some(codes) = elements.take_codes() {
            self.options.selection.note(codes.text().unwrap_or_default());
        }
        match element {
            Some(element) => self.take(element),
            None => self.end_file(),
        }
    }

    pub(super) fn take_content(&mut self, element: Element) -> Result<(), InputError> {
        let document = (self.file, element.document);
        let line = self.before + element.line;
        let value = match element.content {
            Content::Note(place, note) => {
                return if self.len.is_none() || !self.notes.has(document) {
                    self.note(document, place, note, line)
                } else {
                    Ok(())
                };
            }
            Content::Unreadable(rule) => {
                let row = SourceRow::unreadable(rule);
                self.keep((Person::default(), vec![row]), line, &element.at);
                let n_bytes = self.written.as_ref().map_or(0, Written::n_bytes);
                let is_too_much = self.is_first
                    && (self.pending.len() > MAX_UNREADABLE || n_bytes > MAX_UNREADABLE_BYTES);
                return if is_too_much { Err(self.foreign(1)) } else { Ok(()) };
            }
            Content::Value(value) => value,
        };
        if self.is_first && !(self.system.recognises)(&value) {
            return Err(self.foreign(element.line));
        }
        self.is_first = false;
        self.options.selection.note_element(&value);
        self.n_people += 1;
        let notes = &self.notes;
        let note = |place| {
            let found = notes.text(document, self.system.realm, place);
            if found.is_none() && self.len.is_none() {
                self.missed.borrow_mut().insert((document, place));
            }
            found
        };
        let mut rows = Rows::new(&self.options, &note);
        (self.system.read)(&value, &mut rows);
        if let Some(part) = rows.part {
            self.batches.note(part);
        }
        let remark = rows.remark;
        if rows.is_empty() && !(self.system.recognises)(&value) {
            let rule = "is not what this system writes here: nothing in it can be read";
            rows.reject("", None, "", Code::InvalidRow, rule);
        }
        let read = rows.finish();
        if let Some((code, message)) = remark {
            self.remark(code, message);
        }
        for (person, found) in read {
            self.keep((person, found), line, &element.at);
        }
        Ok(())
    }

    /// Keeps a note of an input that is read once. A note that comes after the people it is about
    /// is too late: something else may have been sent for them.
    fn note(
        &mut self,
        document: (usize, u64),
        place: &'static str,
        note: Node,
        line: u64,
    ) -> Result<(), InputError> {
        let was_missed =
            note.text().is_some_and(|text| self.options.rp_id.as_deref() != Some(text))
                && self.missed.borrow().contains(&(document, place));
        if was_missed {
            return Err(InputError::LateNote { line, place });
        }
        self.notes.add(document, place, note);
        Ok(())
    }

    /// Counts a remark of a dialect about the export.
    fn remark(&mut self, code: &'static str, message: &'static str) {
        if let Some(remark) = self.remarks.iter_mut().find(|remark| remark.code == code) {
            remark.count += 1;
            return;
        }
        let message = message.to_owned();
        self.remarks.push(Remark { code, is_note: false, count: 1, message });
    }

    /// Keeps the rows of an element until they are asked for.
    fn keep(&mut self, (person, found): (Person, Vec<SourceRow>), line: u64, at: &str) {
        let person = Arc::new(person);
        for row in found {
            if self.numbered.0 != line {
                self.numbered = (line, 0);
            }
            let place = RowPosition { line, index: self.numbered.1, at };
            self.numbered.1 += 1;
            self.n_rows += 1;
            let (row, refused) = row.placed(&place);
            self.pending.push_back(ExportedRow { person: Arc::clone(&person), row, refused });
        }
    }

    fn end_file(&mut self) -> Result<(), InputError> {
        if let Some(elements) = self.elements.take() {
            // In a known place of a document, it is a person without a readable attribute.
            let says_nothing = |found: &ExportedRow| found.row.place().1.is_none();
            let is_unreadable = self.is_first && self.pending.iter().any(says_nothing);
            self.is_first = false;
            if is_unreadable || !elements.has_places() && !self.notes.has_file(self.file) {
                return Err(self.foreign(1));
            }
            self.open_lines.extend(elements.open_line().map(|line| self.before + line));
            self.before += elements.n_lines();
        }
        if self.file + 1 < self.files.len() {
            return self.begin(self.file + 1);
        }
        if self.n_rows == 0 && self.n_people == 0 && self.notes.is_empty() {
            return Err(InputError::Empty);
        }
        if self.n_rows == 0 {
            let (system, people) = (self.system.title, self.n_people);
            return Err(InputError::NoFactors {
                system,
                people,
                hint: self.system.about.no_factors,
            });
        }
        Ok(())
    }

    /// Opens a file.
    fn begin(&mut self, file: usize) -> Result<(), InputError> {
        self.file = file;
        self.is_first = true;
        let Some(path) = self.files.get(file) else {
            return Err(InputError::Empty);
        };
        if self.files.len() > 1 {
            self.lines.begin(self.before, &file_name(path));
        }
        let form = form_of(path, self.system, self.form)?;
        let how = (Arc::clone(&self.bytes_read), self.options.digests.as_ref());
        let mut elements = Elements::open(path, form, how)?;
        if self.written.is_some() {
            elements.keep_written();
        }
        self.elements = Some(elements);
        Ok(())
    }

    /// Reads the notes of all documents: they may come after the people they are about, or in
    /// another file.
    fn read_notes(&mut self) -> Result<(), InputError> {
        for (file, path) in self.files.iter().enumerate() {
            let form = form_of(path, self.system, self.form)?;
            if !matches!(form, Form::Json(places) if !places.notes.is_empty()) {
                continue;
            }
            let mut elements = Elements::open_notes(path, form)?;
            // What cannot be read is reported in its turn.
            while let Ok(Some(element)) = elements.next_element() {
                if let Content::Note(place, note) = element.content {
                    self.notes.add((file, element.document), place, note);
                }
            }
        }
        if let Some(realm) = self.system.realm {
            self.notes.share(realm);
        }
        Ok(())
    }

    /// Returns the error for a file of another system, with the system that it looks like.
    fn foreign(&self, line: u64) -> InputError {
        not_this(line, self.system, self.other_system())
    }

    /// Returns the other system that the present file looks like. A pipe has already been read and
    /// cannot be examined.
    fn other_system(&self) -> Option<&'static System> {
        let path = self.files.get(self.file).filter(|_| self.len.is_some())?;
        other_system(path, self.system)
    }

    /// Adds which file an error is about, if there are several.
    fn located(&self, error: InputError) -> InputError {
        match self.files.get(self.file) {
            Some(file) if self.files.len() > 1 => error.of_file(file),
            _ => error,
        }
    }
}
