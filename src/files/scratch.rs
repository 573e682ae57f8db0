//! Bytes that are written once and read from anywhere, too many for memory: in an unnamed file of
//! mode 0600, so that nothing is left of it however the process ends.

use std::{
    fs::{File, Permissions},
    io::{self, Write},
    os::unix::fs::{FileExt, PermissionsExt},
};

use crate::text::{escape, file_name};

/// Bytes that are kept in memory and written together.
const BYTES_BUFFERED: usize = 1 << 20;

/// Bytes in the order in which they were added. There is no file as long as they are few. `Debug`
/// shows none of them.
#[derive(Default)]
pub struct Scratch {
    /// The last bytes, which are not in the file yet.
    tail: Vec<u8>,
    file: Option<File>,
    /// Number of bytes in the file.
    n_written: u64,
}

impl Scratch {
    /// Adds bytes, and returns their position.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<u64> {
        if self.tail.len() + bytes.len() > BYTES_BUFFERED {
            self.write_tail().map_err(|error| located(&error))?;
        }
        let at = self.len();
        self.tail.extend_from_slice(bytes);
        Ok(at)
    }

    fn write_tail(&mut self) -> io::Result<()> {
        let mut file = if let Some(file) = &self.file {
            file
        } else {
            let file = tempfile::tempfile()?;
            file.set_permissions(Permissions::from_mode(0o600))?;
            self.file.insert(file)
        };
        file.write_all(&self.tail)?;
        self.n_written += self.tail.len() as u64;
        self.tail.clear();
        Ok(())
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> u64 {
        self.n_written + self.tail.len() as u64
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the bytes from `at` on, and returns their number: fewer than asked for only at the
    /// end.
    pub fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<usize> {
        let mut n = 0;
        while let Some(rest) = into.get_mut(n..).filter(|rest| !rest.is_empty()) {
            let at = at + n as u64;
            let more = match (&self.file, self.n_written.checked_sub(at)) {
                (Some(file), Some(left)) if left > 0 => {
                    let most = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    let (rest, _) = rest.split_at_mut(most);
                    match file.read_at(rest, at) {
                        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        read => read.map_err(|error| located(&error))?,
                    }
                }
                _ => {
                    let from = usize::try_from(at - self.n_written).unwrap_or(usize::MAX);
                    let left = self.tail.get(from..).unwrap_or_default();
                    let most = left.len().min(rest.len());
                    let (rest, _) = rest.split_at_mut(most);
                    rest.copy_from_slice(left.split_at(most).0);
                    if most == 0 {
                        return Ok(n);
                    }
                    most
                }
            };
            n += more;
        }
        Ok(n)
    }
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scratch").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Names the folder: it may be on another, smaller disk than the input or the ledger.
fn located(error: &io::Error) -> io::Error {
    let folder = std::env::temp_dir();
    let message =
        format!("a temporary file in `{}` ($TMPDIR): {error}", escape(&file_name(&folder)));
    io::Error::new(error.kind(), message)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn what_was_written_is_read_from_anywhere_in_memory_and_on_disk() {
        let all: Vec<u8> = (0_u32..700_000).flat_map(u32::to_le_bytes).collect();
        let mut scratch = Scratch::default();
        let mut at = 0;
        for piece in all.chunks(9_973) {
            assert_eq!(scratch.append(piece).unwrap(), at as u64);
            at += piece.len();
            assert_eq!(scratch.file.is_some(), at > BYTES_BUFFERED, "after {at}");
        }
        let boundary = usize::try_from(scratch.n_written).unwrap();
        assert!(boundary > 0 && boundary < all.len());
        for at in [0, 1, boundary - 7, boundary - 1, boundary, boundary + 3, all.len() - 2] {
            for len in [0, 1, 6, 20_000] {
                let mut into = vec![0; len];
                let n = scratch.read_at(&mut into, at as u64).unwrap();
                assert_eq!(n, len.min(all.len() - at));
                assert!(into[..n] == all[at..at + n], "{len} from {at}");
            }
        }
        assert_eq!(scratch.read_at(&mut [0; 4], u64::MAX).unwrap(), 0);
        let meta = scratch.file.unwrap().metadata().unwrap();
        assert_eq!((meta.nlink(), meta.mode() & 0o777), (0, 0o600), "it has a name, or readers");
    }

    #[test]
    fn a_full_disk_is_told_with_its_folder() {
        let mut scratch =
            Scratch { file: Some(File::create("/dev/full").unwrap()), ..Scratch::default() };
        scratch.append(&vec![0; BYTES_BUFFERED]).unwrap();
        let error = scratch.append(b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(error.to_string().contains(std::env::temp_dir().to_str().unwrap()), "{error}");
    }
}
