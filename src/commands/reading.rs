//! Flags about an input to what reading it needs.

use std::path::{Path, PathBuf};

use crate::{
    cli::{InputFormat, Reading},
    error::Error,
    input::{Dialect, Format, InputError, RenameFault, RowReader, Shape, Source, may_delimit},
    progress::Extent,
    text::invalid_value,
};

/// Returns what is said of an input.
pub(super) fn dialect(reading: &Reading) -> Result<Dialect, Error> {
    let mut dialect = Dialect {
        format: reading.format.map(Into::into),
        delimiter: reading.delimiter.as_deref().map(delimiter).transpose()?,
        ignored: reading.ignore_columns.clone(),
        renamed: Vec::new(),
    };
    for pair in &reading.map {
        dialect.rename(pair).map_err(unusable)?;
    }
    Ok(dialect)
}

/// Opens an input as its flags say, as often as it can be read.
#[derive(Debug)]
pub(super) struct Opener {
    paths: Vec<PathBuf>,
    dialect: Dialect,
    shape: Shape,
}

impl Opener {
    /// Takes what is said of an input.
    pub(super) fn of(reading: &Reading, shape: Shape) -> Result<Self, Error> {
        Ok(Self { paths: reading.paths(), dialect: dialect(reading)?, shape })
    }

    /// Opens it.
    pub(super) fn open(&self) -> Result<Box<dyn RowReader>, InputError> {
        Ok(Box::new(Source::open_all(&self.paths, &self.dialect, self.shape)?))
    }
}

/// Returns what is known of an input's length; `rows` where it was read whole before.
pub(super) fn extent(source: &dyn RowReader, rows: Option<u64>) -> Extent {
    Extent { read: source.bytes_read(), length: source.len(), rows }
}

/// Returns the shape of an input that says what factors there are to be.
pub(super) fn import_shape(from_export: bool) -> Shape {
    if from_export { Shape::Exported } else { Shape::Factors }
}

/// Reads the beginning of each input: a slip in a name or a header is commoner than one in the
/// settings, and is told first. A pipe is left alone: whoever opens it takes from it.
pub(super) fn try_open(reading: &Reading, shape: Shape) -> Result<(), Error> {
    let dialect = dialect(reading)?;
    let is_one = reading.inputs.len() == 1;
    for path in reading.inputs.iter().filter(|input| *input != "-").map(Path::new) {
        let is_pipe = std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir());
        if !is_pipe {
            let row = Source::open(path, &dialect, shape).and_then(|mut source| source.next_row());
            row.map_err(|error| if is_one { error } else { error.of_file(path) })?;
        }
    }
    Ok(())
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
