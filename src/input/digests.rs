//! Digests of input files, computed from the very bytes that rows are read from.

use std::{
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::{model::FileRead, sync::lock, text::file_name};

/// Names, lengths and digests of the files read so far; shared with their readers.
#[derive(Debug, Clone, Default)]
pub struct Digests(Arc<Mutex<Vec<FileRead>>>);

impl Digests {
    /// Returns the files in the order in which they were opened. Those that were not read to their
    /// end have no digest.
    pub fn files(&self) -> Vec<FileRead> {
        self.lock().clone()
    }

    /// Makes a reader of a regular file that records what is read. A file that is opened again is
    /// recorded anew.
    pub fn reader<R: Read>(&self, path: &Path, reader: R) -> impl Read + use<R> {
        let name = file_name(path);
        let mut files = self.lock();
        let place = files.iter().position(|file| file.name == name).unwrap_or(files.len());
        let file = FileRead { name, ..FileRead::default() };
        match files.get_mut(place) {
            Some(before) => *before = file,
            None => files.push(file),
        }
        Digesting { reader, hash: Sha256::new(), n_read: 0, place, digests: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<FileRead>> {
        lock(&self.0)
    }
}

/// Reader that digests what is read.
pub(super) struct Digesting<R> {
    reader: R,
    hash: Sha256,
    n_read: u64,
    place: usize,
    digests: Digests,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let n = self.reader.read(into)?;
        if let Some(read) = into.get(..n) {
            self.hash.update(read);
        }
        self.n_read += n as u64;
        // Reading into an empty buffer is not the end.
        if n == 0 && !into.is_empty() {
            let sha256 = HEXLOWER.encode(&self.hash.clone().finalize());
            if let Some(file) = self.digests.lock().get_mut(self.place) {
                (file.bytes, file.sha256) = (self.n_read, Some(sha256));
            }
        }
        Ok(n)
    }
}

impl<R> Drop for Digesting<R> {
    fn drop(&mut self) {
        if let Some(file) = self.digests.lock().get_mut(self.place)
            && file.sha256.is_none()
        {
            file.bytes = self.n_read;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use flate2::{Compression, write::GzEncoder};

    use super::*;
    use crate::input::{Dialect, RowReader, Shape, Source};

    #[test]
    fn a_file_is_known_by_the_bytes_that_its_rows_were_read_from() {
        let folder = tempfile::tempdir().unwrap();
        let text = "user_id,type,email\n".to_owned() + &"auth0|1,email,a@b.example\n".repeat(9_000);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        let jsonl = "{\"user_id\":\"auth0|1\",\"type\":\"email\",\"email\":\"a@b.example\"}";
        let mut paths = Vec::new();
        for (name, bytes) in [
            ("a.csv", text.clone().into_bytes()),
            ("b.csv.gz", gzip.finish().unwrap()),
            ("c.jsonl", jsonl.into()),
            ("d.json", format!("[{jsonl}]\n\n").into_bytes()),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            paths.push(path);
        }
        let digests = Digests::default();
        let dialect = Dialect { digests: Some(digests.clone()), ..Dialect::default() };
        let mut source = Source::open_all(&paths, &dialect, Shape::Factors).unwrap();
        source.next_row().unwrap();
        assert!(digests.files().iter().all(|file| file.sha256.is_none()), "nothing is at its end");
        while source.next_row().unwrap().is_some() {}
        for (path, file) in paths.iter().zip(digests.files()) {
            let bytes = fs::read(path).unwrap();
            assert_eq!(file.name, file_name(path));
            assert_eq!(file.bytes, bytes.len() as u64, "{}", file.name);
            let digest = HEXLOWER.encode(&Sha256::digest(&bytes));
            assert_eq!(file.sha256, Some(digest), "{}", file.name);
        }
        // One that is left before its end is not known.
        let mut source = Source::open_all(&paths[..1], &dialect, Shape::Factors).unwrap();
        source.next_row().unwrap();
        drop(source);
        let first = digests.files().remove(0);
        assert!(first.sha256.is_none() && first.bytes > 0 && first.bytes < text.len() as u64);
    }
}
