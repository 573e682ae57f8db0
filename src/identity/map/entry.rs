//! A line of a map, as it is kept on disk.

use std::io;

use super::{BEFORE_KEYS, COLUMNS};
use crate::{
    files::Scratch,
    identity::PersonKey,
    input::{ColumnsRow, InputError},
    model::{Code, Reason, UserId},
};

/// The user id that a line assigns to its person, or the reason why it assigns none.
pub(super) type Owner<T> = Result<T, Code>;

/// A line by which somebody can be found. Lengths of 16 bits are enough for cells of 16 KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) owner: Owner<&'a str>,
    pub(super) keys: [Option<&'a str>; PersonKey::ALL.len()],
}

/// Bytes of the lengths of four texts.
const HEAD: usize = 8;
/// Bytes that are read at once: nearly all entries are shorter.
const GUESS: usize = 256;
/// Character before the code if there is no user id: no user id begins with it.
const CODED: char = '\0';

impl<'a> Entry<'a> {
    /// Checks a line; `shortest` has the shortest value of each column so far.
    pub(super) fn of(
        row: &'a ColumnsRow<'_>,
        shortest: &mut [usize; COLUMNS.len()],
    ) -> Result<Self, InputError> {
        let bad = |rule: String| InputError::BadRow { line: row.line, rule };
        let cell = |index: usize| row.cells.get(index).and_then(|cell| cell.as_deref());
        for (index, (name, shortest)) in COLUMNS.iter().zip(shortest).enumerate() {
            let Some(value) = cell(index) else { continue };
            if row.open_cell == Some(index) && value.len() < *shortest && *shortest < usize::MAX {
                return Err(bad(format!(
                    "`{name}` ends the file without a line ending, and is shorter than every other: \
                     was the file cut off? If not, add a line ending"
                )));
            }
            *shortest = value.len().min(*shortest);
        }
        let owner = match (cell(0), cell(1)) {
            (Some(user_id), _) => {
                let is_odd = user_id.trim() != user_id || user_id.contains(char::is_control);
                if is_odd || UserId::parse(user_id).is_none() {
                    let rule = "`user_id` has white space at its ends, or a control character, or is \
                                dots alone: no user id is like that";
                    return Err(bad(rule.to_owned()));
                }
                Ok(user_id)
            }
            (None, Some(code)) => match Reason::parse(code.trim()).code() {
                Code::Unknown => {
                    let rule = "`mf_code` is no code of this tool's, and there is no `user_id`";
                    return Err(bad(rule.to_owned()));
                }
                code => Err(code),
            },
            (None, None) => Err(Code::UserNotMapped),
        };
        Ok(Self { owner, keys: PersonKey::ALL.map(|key| cell(BEFORE_KEYS + key as usize)) })
    }

    /// Appends the entry to bytes.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let coded = self.owner.err().map(|code| format!("{CODED}{}", code.name()));
        let owner = coded.as_deref().or(self.owner.ok());
        let [id, email, username] = self.keys;
        let texts = [owner, id, email, username].map(Option::unwrap_or_default);
        for text in texts {
            bytes.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
        }
        for text in texts {
            bytes.extend(text.as_bytes());
        }
    }

    /// Reads the entry at the start of `bytes`, which may go on after it.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let lengths = lengths(bytes)?;
        let mut rest = bytes.get(HEAD..)?;
        let mut texts = [""; 4];
        for (text, length) in texts.iter_mut().zip(lengths) {
            let (this, after) = rest.split_at_checked(length)?;
            (*text, rest) = (str::from_utf8(this).ok()?, after);
        }
        let [owner, id, email, username] = texts;
        let owner =
            owner.strip_prefix(CODED).map_or(Ok(owner), |code| Err(Reason::parse(code).code()));
        let keys = [id, email, username].map(|text| Some(text).filter(|text| !text.is_empty()));
        Some(Self { owner, keys })
    }
}

fn lengths(bytes: &[u8]) -> Option<[usize; 4]> {
    let head = bytes.first_chunk::<HEAD>()?;
    let mut lengths = [0; 4];
    for (length, bytes) in lengths.iter_mut().zip(head.as_chunks().0) {
        *length = usize::from(u16::from_le_bytes(*bytes));
    }
    Some(lengths)
}

/// Reads the bytes of the entry that begins at `at`, and perhaps more.
pub(super) fn bytes(entries: &Scratch, at: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; GUESS];
    let n = entries.read_at(&mut bytes, at)?;
    bytes.truncate(n);
    let lengths = lengths(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
    let len = HEAD + lengths.iter().sum::<usize>();
    if len > n {
        bytes.resize(len, 0);
        if entries.read_at(&mut bytes, at)? < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn entries_are_read_as_they_were_written(
            texts in prop::collection::vec((r"\PC{1,9}", r"\PC{0,9}", r"\PC{0,400}", r"\PC{0,9}"), 1..9),
        ) {
            let mut scratch = Scratch::default();
            let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
            let mut written = Vec::new();
            for (index, (owner, id, email, username)) in texts.into_iter().enumerate() {
                let [owner, id, email, username] =
                    [owner, id, email, username].map(|text| &*text.leak());
                let owner = if index % 3 == 0 { Err(Code::UserAmbiguous) } else { Ok(owner) };
                let entry = Entry { owner, keys: [some(id), some(email), some(username)] };
                let mut bytes = Vec::new();
                entry.write(&mut bytes);
                written.push((scratch.append(&bytes).unwrap(), entry));
            }
            for (at, entry) in written {
                let bytes = bytes(&scratch, at).unwrap();
                prop_assert_eq!(Entry::read(&bytes), Some(entry));
            }
        }
    }
}
