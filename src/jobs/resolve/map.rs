//! The map from people to users: one line each, in the order of the input.
//!
//! A person counts as settled once their line is durable. Lines are written in the order in which
//! people are admitted, so the number of a line is that of its row in the ledger. For that reason a
//! person who could not be looked up gets a line, too; a later run corrects it in place, as it does
//! for people who are to be looked up again.

use super::people::PersonQuestion;
use crate::{
    engine::{End, in_order::Collector},
    error::Error,
    jobs::{
        durable::{DurableLines, MendedLines},
        output::Output,
    },
    ledger::Ledger,
    model::{How, Person, Reason, Settlement, State, UserId},
};

/// First line of a map.
pub const HEADER: &str = "user_id,id,email,username,mf_code\n";
/// Most lines that are corrected together: each time, the file is rewritten.
const MAX_CORRECTIONS: usize = 65_536;

/// Result of a question.
#[derive(Debug)]
pub enum Resolution {
    /// The person is this user of the tenant.
    Found(UserId),
    /// The tenant does not know the person, or it is not clear who they are; they are not looked up
    /// again.
    NotFound(Reason),
    /// No usable answer came.
    Failed(Reason),
}

/// A question with its answer.
#[derive(Debug)]
pub struct Resolved {
    /// The question.
    pub question: PersonQuestion,
    /// The answer.
    pub outcome: Resolution,
}

/// Writes the map and records what is written.
#[derive(Debug)]
pub struct MapWriter {
    lines: DurableLines,
    /// Lines that earlier runs have written, not counting the header.
    known: u64,
    has_header: bool,
    mended: MendedLines,
}

impl MapWriter {
    /// Makes a writer to `output`, of which earlier runs have written `known` lines besides the
    /// header.
    pub fn new(ledger: Ledger, output: Output, known: u64) -> Self {
        Self {
            lines: DurableLines::new(ledger, output),
            known,
            has_header: known > 0,
            mended: MendedLines::default(),
        }
    }

    /// Makes everything durable; gives the map its final name if the run is complete.
    pub async fn finish(mut self, end: &End) -> Result<(), Error> {
        self.lines.mend(&mut self.mended).await?;
        if end.is_complete() {
            self.write("")?;
            self.lines.complete()?;
        }
        Ok(())
    }

    fn write(&mut self, line: &str) -> Result<(), Error> {
        if !self.has_header {
            self.lines.write(HEADER)?;
            self.has_header = true;
        }
        if line.is_empty() { Ok(()) } else { self.lines.write(line) }
    }
}

impl Collector<Resolved> for MapWriter {
    /// Lines of a map stand in the order of the input.
    const GAPS: bool = false;

    async fn take(&mut self, resolved: Resolved) -> Result<(), Error> {
        let Resolved { question, outcome } = resolved;
        let (line, settlement) = (line(&question.person, &outcome), settlement(outcome));
        let number = u64::from(question.seq.0);
        if number < self.known {
            self.mended.lines.insert(number + 1, line);
            self.mended.rows.push((question.seq, settlement));
            if self.mended.lines.len() >= MAX_CORRECTIONS {
                self.lines.mend(&mut self.mended).await?;
            }
            return Ok(());
        }
        self.write(&line)?;
        self.lines.settle_later(question.seq, settlement).await
    }
}

fn settlement(outcome: Resolution) -> Settlement {
    let (state, error) = match outcome {
        Resolution::Found(_) => (State::Resolved, None),
        Resolution::NotFound(reason) => (State::Rejected, Some(reason)),
        Resolution::Failed(reason) => (State::Failed, Some(reason)),
    };
    Settlement { state, how: How::Response, method_id: None, status: None, error }
}

/// Returns a person's line.
fn line(person: &Person, outcome: &Resolution) -> String {
    let (user, code) = match outcome {
        Resolution::Found(user) => (user.as_str(), ""),
        Resolution::NotFound(reason) | Resolution::Failed(reason) => ("", reason.code().name()),
    };
    let key = |key: &'_ Option<String>| cell(key.as_deref().unwrap_or_default());
    // Several realms may share a user name, and an id says more than both.
    let username = person.username.as_ref().filter(|_| person.id.is_none()).cloned();
    let cells = [cell(user), key(&person.id), key(&person.email), key(&username), cell(code)];
    cells.join(",") + "\n"
}

/// Formats a value as a CSV cell. A value with line breaks or the like is left out, so nobody is
/// found by it; resuming goes by line numbers.
fn cell(value: &str) -> String {
    if value.chars().any(char::is_control) {
        return String::new();
    }
    let is_plain = !value.contains([',', '"', ';', '\''])
        && !value.starts_with(char::is_whitespace)
        && !value.ends_with(char::is_whitespace);
    if is_plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Code;

    #[test]
    fn a_line_is_one_line_of_five_cells_whatever_is_in_it() {
        let person = |id: &str, email: Option<&str>, username: &str| Person {
            id: (!id.is_empty()).then(|| id.to_owned()),
            email: email.map(str::to_owned),
            username: Some(username.to_owned()),
            ..Person::default()
        };
        let found = Resolution::Found(UserId::parse("samlp|a,b|c").unwrap());
        let not = Resolution::NotFound(Code::UserNotFound.into());
        let failed = Resolution::Failed(Reason::http(500));
        for (person, outcome, expected) in [
            (person("1", Some("a+b@c.d"), "ann"), &found, "\"samlp|a,b|c\",1,a+b@c.d,,\n"),
            (person("", None, "say \"hi\""), &not, ",,,\"say \"\"hi\"\"\",user_not_found\n"),
            (person(" 1", None, "a\nb"), &failed, ",\" 1\",,,http\n"),
            (Person::default(), &not, ",,,,user_not_found\n"),
        ] {
            assert_eq!(line(&person, outcome), expected);
        }
        assert_eq!(HEADER.matches(',').count(), 4);
    }
}
