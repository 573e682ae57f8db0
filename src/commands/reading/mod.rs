//! Turns the flags about an input into the dialect, identity and source that read it.

mod head;
pub(super) mod look;
pub(super) mod repeats;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use crate::{
    cli::{FromSystem, Given, InputFormat, Reading, SecretEncoding, UserLimit},
    engine::{first_users::first_users, shard::of_shard},
    error::Error,
    identity::{Collisions, Identity, IdentityError, Map, People, Template, survey},
    input::{
        Dialect, Digests, Form, Format, InputError, Places, RenameFault, Row, RowReader,
        SelectionCodes, Shape, Source, may_delimit,
    },
    model::Shard,
    progress::Extent,
    sources::{Export, Options, System, system_of},
    text::{escape, file_name, invalid_value, is_host_name},
};

/// Returns the dialect that the flags give an input.
pub(super) fn dialect(reading: &Reading) -> Result<Dialect, Error> {
    let mut dialect = Dialect {
        format: reading.format.map(Into::into),
        delimiter: reading.delimiter.as_deref().map(delimiter).transpose()?,
        ignored: reading.ignore_columns.clone(),
        renamed: Vec::new(),
        digests: None,
        selection: SelectionCodes::default(),
    };
    for pair in &reading.map {
        dialect.rename(pair).map_err(unusable)?;
    }
    Ok(dialect)
}

/// Opens an input as its flags say. It can do so again and again, except for a pipe.
#[derive(Debug)]
pub(super) struct Opener {
    paths: Vec<PathBuf>,
    kind: InputKind,
    /// `--shard`.
    shard: Shard,
    n_passed: Arc<AtomicU64>,
    /// `--max-users`.
    max_users: Option<usize>,
    is_cut: Arc<AtomicBool>,
}

/// The two kinds of input.
#[derive(Debug)]
enum InputKind {
    /// An input with our own columns or keys.
    Own(Dialect),
    /// Another system's export.
    Export {
        system: &'static System,
        form: Option<Form>,
        options: Options,
        people: Arc<Mutex<Identity>>,
        /// Known once the input has been opened.
        collisions: OnceLock<Arc<Mutex<Collisions>>>,
    },
}

/// Need of a command for the user ids of the people in another system's export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UserIdMapping {
    /// The flags must say how people map to user ids.
    Required,
    /// The flags may leave it out, since nothing is sent.
    Optional,
}

/// Use that a command makes of standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StdinUse {
    /// It is INPUT.
    Input,
    /// Answers to the command's questions may come from it.
    Answers,
}

impl StdinUse {
    /// Returns the use of a command with these inputs.
    pub(super) fn of(inputs: &[String]) -> Self {
        if inputs.iter().any(|input| input == "-") { Self::Input } else { Self::Answers }
    }
}

impl Opener {
    /// Makes the opener of an input of factors.
    pub(super) fn of(
        reading: &Reading,
        from: &FromSystem,
        secrets: Option<SecretEncoding>,
        user_ids: UserIdMapping,
    ) -> Result<Self, Error> {
        let Some(system) = from.system() else {
            return Ok(Self::new(reading, InputKind::Own(dialect(reading)?)));
        };
        refuse_own_flags(reading, secrets)?;
        let rp_id = from.rp_id.clone();
        if let Some(host) = rp_id.as_deref().filter(|host| !is_host_name(host)) {
            return Err(Error::usage(
                invalid_value(host, "--rp-id"),
                "give a host name alone, such as `login.example.org`: no `https://`, port or path",
            ));
        }
        let includes_profile_phone = from.include_profile_phone;
        let options = Options { rp_id, includes_profile_phone, ..Options::default() };
        let people = Arc::new(Mutex::new(identity(from, system, user_ids)?));
        let form = form(reading.format);
        let kind = InputKind::Export { system, form, options, people, collisions: OnceLock::new() };
        Ok(Self::new(reading, kind))
    }

    fn new(reading: &Reading, kind: InputKind) -> Self {
        let (max_users, shard) = (None, Shard::WHOLE);
        let (n_passed, is_cut) = (Arc::default(), Arc::default());
        Self { paths: reading.paths(), kind, shard, n_passed, max_users, is_cut }
    }

    /// Keeps only the rows of that shard's users.
    pub(super) fn sharded(self, shard: Shard) -> Self {
        Self { shard, ..self }
    }

    /// Returns true if rows of the input are left out: those of other shards, or, among the rows
    /// read so far, those of users beyond `--max-users`.
    pub(super) fn leaves_out(&self) -> bool {
        !self.shard.is_whole() || self.is_cut.load(Ordering::Relaxed)
    }

    /// Keeps only the rows of the shard's first users, where `--max-users` is given.
    pub(super) fn limited(self, max_users: Option<&Given<UserLimit>>) -> Self {
        Self { max_users: max_users.map(|given| given.value.0), ..self }
    }

    /// Returns the flag that says if `--max-users` has left out rows. It is final once the input
    /// has been read to its end.
    pub(super) fn is_cut(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_cut)
    }

    /// Returns the counter of the rows of other shards among those read so far.
    pub(super) fn n_passed(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.n_passed)
    }

    /// Opens the input, with the rows of the users that the flags select.
    pub(super) fn open(&self) -> Result<Box<dyn RowReader>, InputError> {
        self.n_passed.store(0, Ordering::Relaxed);
        let source = of_shard(self.open_whole()?, self.shard, self.n_passed());
        Ok(match self.max_users {
            Some(most) => first_users(source, most, self.is_cut()),
            None => source,
        })
    }

    /// Makes inputs that are opened from now on record the digest of each file they read.
    pub(super) fn noting(&mut self, digests: Option<Digests>) {
        match &mut self.kind {
            InputKind::Own(dialect) => dialect.digests = digests,
            InputKind::Export { options, .. } => options.digests = digests,
        }
    }

    /// Returns the collector for the codes of a selection, if the input can be one: `select` writes
    /// a single file.
    pub(super) fn selection(&self) -> Option<SelectionCodes> {
        let codes = match &self.kind {
            InputKind::Own(dialect) => &dialect.selection,
            InputKind::Export { options, .. } => &options.selection,
        };
        matches!(self.paths.as_slice(), [path] if !path.is_dir()).then(|| codes.clone())
    }

    /// Opens the input with the rows of all users.
    pub(super) fn open_whole(&self) -> Result<Box<dyn RowReader>, InputError> {
        Ok(match &self.kind {
            InputKind::Own(dialect) => {
                Box::new(Source::open_all(&self.paths, dialect, Shape::Factors)?)
            }
            InputKind::Export { system, form, options, people, collisions } => {
                let export = Export::open(&self.paths, system, *form, options.clone())?;
                let (export, known) = if let Some(known) = collisions.get() {
                    (export, known)
                } else {
                    let (export, found) = survey(export, people)?;
                    (export, collisions.get_or_init(|| Arc::new(Mutex::new(found))))
                };
                Box::new(People::new(export, Arc::clone(people), Arc::clone(known)))
            }
        })
    }
}

/// Returns the rule that maps the people of an export to users of the tenant. Reads a `--users` map
/// to its end.
fn identity(
    from: &FromSystem,
    system: &System,
    user_ids: UserIdMapping,
) -> Result<Identity, Error> {
    if let Some(template) = &from.user_id {
        return Ok(Identity::Template(Template::parse(template).map_err(IdentityError::from)?));
    }
    if let Some(map) = &from.users {
        return Ok(Identity::Map(Map::open(map)?));
    }
    match (system.has_user_ids, user_ids) {
        (true, _) => Ok(Identity::Known),
        (false, UserIdMapping::Optional) => Ok(Identity::Unsaid(system.name)),
        (false, UserIdMapping::Required) => Err(Error::usage(
            format!("{} has no Auth0 user ids: say which user each person is", system.title),
            "give `--user-id 'auth0|{id}'` if the users were imported with their old ids, or `--users \
             MAP.csv`; `mfaferry resolve` writes such a map",
        )),
    }
}

/// Refuses flags about our own columns, since the dialect of an export is fixed.
fn refuse_own_flags(reading: &Reading, secrets: Option<SecretEncoding>) -> Result<(), Error> {
    let given = [
        ("--map", !reading.map.is_empty()),
        ("--delimiter", reading.delimiter.is_some()),
        ("--ignore-columns", !reading.ignore_columns.is_empty()),
        ("--secret-encoding", secrets.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((flag, _)) => Err(Error::usage(
            format!("{flag} and --from cannot be used together"),
            "remove one of them: an export is read as its system writes it",
        )),
        None => Ok(()),
    }
}

/// Returns the form of an export that `--format` names.
pub(super) fn form(format: Option<InputFormat>) -> Option<Form> {
    format.map(|format| match format {
        InputFormat::Csv => Form::Csv(None),
        InputFormat::Jsonl => Form::JsonLines,
        InputFormat::Json => Form::Json(Places { elements: &[], notes: &[] }),
    })
}

/// Returns the known length of an input; `rows` is given if it was read to its end before.
pub(super) fn extent(source: &dyn RowReader, rows: Option<u64>) -> Extent {
    Extent { read: source.bytes_read(), length: source.len(), rows }
}

/// Returns the shape of an input that lists the factors users should have.
pub(super) fn import_shape(from_export: bool) -> Shape {
    if from_export { Shape::Exported } else { Shape::Factors }
}

/// Reads the beginning of each input, so that a slip in a file name or a header is reported before
/// one in the settings, which is rarer. Skips pipes, since reading from a pipe consumes it. Returns
/// false if the first row of an input cannot be used.
pub(super) fn try_open(reading: &Reading, shape: Shape) -> Result<bool, Error> {
    let dialect = dialect(reading)?;
    let is_one = reading.inputs.len() == 1;
    let mut is_good = true;
    for path in reading.paths().iter().filter(|path| *path != Path::new("-")) {
        let is_pipe = std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
        if !is_pipe {
            let row = Source::open(path, &dialect, shape).and_then(|mut source| source.next_row());
            let row = row.map_err(|error| if is_one { error } else { error.of_file(path) })?;
            is_good &= !matches!(row, Some(Row::Rejected(_)));
        }
    }
    Ok(is_good)
}

/// Returns the error for a file that looks like another system's export, which helps more than the
/// fault of its first row. Auth0's own files look much like ours, so their faults are reported as
/// found.
fn of_other_system(reading: &Reading) -> Option<Error> {
    let mut paths = reading.paths().into_iter().filter(|path| path != Path::new("-"));
    let (path, system) = paths.find_map(|path| {
        let system = system_of(&path)?;
        Some((path, system))
    })?;
    let path = escape(&file_name(path));
    let is_close = system.name.starts_with("auth0-");
    (!is_close).then(|| {
        Error::usage(
            format!("`{path}` looks like an export of {}", system.title),
            format!(
                "give `--from {}`; `mfaferry sources {}` says what it carries",
                system.name, system.name
            ),
        )
    })
}

/// Does the same as [`try_open`] for an input of factors, which may be another system's export.
pub(super) fn try_open_factors(reading: &Reading, from: &FromSystem) -> Result<(), Error> {
    match from.system() {
        None => match try_open(reading, Shape::Factors) {
            Ok(true) => Ok(()),
            Ok(false) => of_other_system(reading).map_or(Ok(()), Err),
            Err(error) => Err(of_other_system(reading).unwrap_or(error)),
        },
        Some(system) => Ok(Export::glance(&reading.paths(), system, form(reading.format))?),
    }
}

fn delimiter(text: &str) -> Result<u8, Error> {
    match *text.as_bytes() {
        [character] if may_delimit(character) => Ok(character),
        _ if text.eq_ignore_ascii_case("tab") || text == "\\t" => Ok(b'\t'),
        _ => Err(Error::usage(
            invalid_value(text, "--delimiter"),
            "give one character that is no letter, digit or quote, such as `'|'`, or `tab`",
        )),
    }
}

fn unusable(fault: RenameFault) -> Error {
    let hint = match fault {
        RenameFault::NoPair => "give pairs OURS=THEIRS, such as `totp_secret=otp_secret`".into(),
        RenameFault::UnknownField(None) => {
            "the name before `=` must be one of this tool's own, such as `totp_secret`; see the \
             README"
                .into()
        }
        RenameFault::UnknownField(Some(field)) => {
            format!("the name before `=` must be one of this tool's own: `{}`?", field.name())
        }
        RenameFault::Twice => "name each column once".into(),
    };
    Error::usage("invalid value for --map", hint)
}

impl From<InputFormat> for Format {
    fn from(format: InputFormat) -> Self {
        match format {
            InputFormat::Csv => Self::Csv,
            InputFormat::Jsonl => Self::Jsonl,
            InputFormat::Json => Self::Json,
        }
    }
}
