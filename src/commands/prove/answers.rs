//! Answers of the person who holds the app: typed at the terminal without being shown, or read line
//! by line. They are wiped after use.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal, Read, Write},
    os::fd::AsFd,
};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::{
    commands::{blocking, reading::StdinUse, run::signals::Signals},
    error::Error,
};

/// Bytes of a line that are examined; no code is longer.
const MAX_BYTES_READ: usize = 64;

/// Source of the answers.
#[derive(Debug)]
pub(super) enum Answers {
    /// Somebody types them.
    Terminal(Terminal),
    /// Standard input has one line for each answer.
    Lines(File),
}

/// A terminal at which somebody is asked.
#[derive(Debug)]
pub(super) struct Terminal {
    input: File,
    questions: File,
    signals: Signals,
    /// Shows typed text again, once it is dropped.
    _hidden: Hidden,
}

/// A line that was given, or why there is none.
#[derive(Debug)]
pub(super) enum AnswerLine {
    /// Its first bytes.
    Given(Zeroizing<Vec<u8>>),
    /// There are no more.
    End,
    /// A signal asks to stop.
    Stopped,
}

/// Source of the answers, found but not used yet.
#[derive(Debug)]
pub(super) enum AnswerSource {
    /// Somebody will type them.
    Terminal {
        /// The terminal to read from.
        input: File,
        /// The terminal to ask at; standard error if there is no other.
        questions: Option<File>,
    },
    /// Standard input will have a line for each.
    Lines(File),
}

impl AnswerSource {
    /// Finds where answers will come from. Nothing is changed or read before
    /// [`AnswerSource::begin`].
    pub(super) fn find(stdin_use: StdinUse) -> Result<Self, Error> {
        if stdin_use == StdinUse::Input {
            let input = open_terminal().map_err(|_| {
                Error::usage(
                    "--prove cannot ask for codes: INPUT is standard input, and there is no terminal",
                    "run it at a terminal, or give INPUT as a file and the codes on standard input, one \
                     a line",
                )
            })?;
            return Ok(Self::Terminal { questions: input.try_clone().ok(), input });
        }
        let stdin = io::stdin();
        let input = File::from(stdin.as_fd().try_clone_to_owned().map_err(failed)?);
        Ok(if stdin.is_terminal() {
            Self::Terminal { questions: open_terminal().ok(), input }
        } else {
            Self::Lines(input)
        })
    }

    /// Begins to ask. From now on typed text is not shown, until the answers are dropped.
    pub(super) fn begin(self) -> Result<Answers, Error> {
        let (input, questions) = match self {
            Self::Lines(file) => return Ok(Answers::Lines(file)),
            Self::Terminal { input, questions } => (input, questions),
        };
        let stderr = || io::stderr().as_fd().try_clone_to_owned().map(File::from);
        let questions = questions.map_or_else(stderr, Ok).map_err(failed)?;
        // Signals come first: none may leave the terminal without echo.
        let signals = Signals::take()?;
        let hidden = Hidden::new(&input).map_err(failed)?;
        Ok(Answers::Terminal(Terminal { input, questions, signals, _hidden: hidden }))
    }
}

impl Answers {
    /// Returns true if a person reads the questions, and can be asked again.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// Asks, and waits for the answer.
    pub(super) async fn ask(&mut self, question: &str) -> Result<AnswerLine, Error> {
        let Terminal { input, questions, signals, .. } = match self {
            Self::Lines(file) => return read_line(file).map_err(failed),
            Self::Terminal(terminal) => terminal,
        };
        questions.write_all(question.as_bytes()).map_err(failed)?;
        let mut input = input.try_clone().map_err(failed)?;
        // After a signal the thread goes on reading, but the program ends.
        let read = blocking(move || read_line(&mut input).map_err(failed));
        let line = tokio::select! {
            line = read => line?,
            () = signals.recv() => AnswerLine::Stopped,
        };
        if !matches!(line, AnswerLine::Given(_)) {
            questions.write_all(b"\n").map_err(failed)?;
        }
        Ok(line)
    }
}

/// Opens the terminal that this process belongs to, whatever its standard input is.
fn open_terminal() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

fn failed(source: io::Error) -> Error {
    Error::Io { what: "asking for a code".into(), source }
}

/// Reads a line, byte by byte: no buffer keeps what was typed, and nothing after the line is
/// consumed.
fn read_line(input: &mut File) -> io::Result<AnswerLine> {
    let mut line = Zeroizing::new(Vec::with_capacity(MAX_BYTES_READ));
    let mut byte = Zeroizing::new([0]);
    loop {
        match input.read(&mut *byte) {
            Ok(0) if line.is_empty() => return Ok(AnswerLine::End),
            Ok(0) => return Ok(AnswerLine::Given(line)),
            Ok(_) if *byte == [b'\n'] => return Ok(AnswerLine::Given(line)),
            // A longer line is no code, however it goes on.
            Ok(_) if line.len() < MAX_BYTES_READ => line.push(byte[0]),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A terminal that does not show what is typed, until dropped.
#[derive(Debug)]
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn new(terminal: &File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        // The end of a line still moves the cursor to the next one.
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(terminal, OptionalActions::Now, &hidden)?;
        Ok(Self { terminal: terminal.try_clone()?, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        if tcsetattr(&self.terminal, OptionalActions::Now, &self.before).is_err() {
            // The terminal has gone.
        }
    }
}
