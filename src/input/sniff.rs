//! Recognises an input by its first bytes: compressed files, documents, other encodings.

use super::InputError;

/// Number of bytes that are always examined: enough to recognise an encoding.
const LEN: usize = 8;
/// Place of the first name in a zip archive.
const ZIP_NAME: usize = 30;

/// UTF-8's byte order mark, which is skipped.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

const DECOMPRESS: &str = "decompress it first";
const DECRYPT_PGP: &str = "decrypt it first: `gpg -d INPUT | mfaferry … - --format csv`";
const DECRYPT_AGE: &str = "decrypt it first: `age -d INPUT | mfaferry … - --format csv`";
const DECRYPT: &str = "decrypt it first, into a pipe if it must not touch the disk";
const EXPORT: &str = "export it as `CSV UTF-8` first";
const DUMP: &str = "export the result of a query as CSV instead";
const PAGE: &str = "this may be a login page instead of the file: download it again";

/// First bytes, their meaning, and what to do.
const SIGNATURES: [(&[u8], &str, &str); 35] = [
    (b"\x1f\x8b", "a gzip file", "decompress it first, for example `gzip -dc INPUT > factors.csv`"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", DECOMPRESS),
    (b"\xfd7zXZ\0", "an xz file", DECOMPRESS),
    (b"BZh", "a bzip2 file", DECOMPRESS),
    (b"\x04\x22\x4d\x18", "an lz4 file", DECOMPRESS),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first"),
    (b"Rar!\x1a\x07", "a rar archive", "unpack it first"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or document", EXPORT),
    (b"{\\rtf", "a word processor document", EXPORT),
    (b"%PDF-", "a PDF", EXPORT),
    (b"PAR1", "a Parquet file", EXPORT),
    (b"Obj\x01", "an Avro file", EXPORT),
    (b"ORC\x03", "an ORC file", EXPORT),
    (b"SQLite format 3\0", "an SQLite database", DUMP),
    (b"PGDMP", "a PostgreSQL dump", DUMP),
    (b"-- MySQL dump", "a MySQL dump", DUMP),
    (b"--\n-- PostgreSQL database dump", "a PostgreSQL dump", DUMP),
    (b"-----BEGIN PGP", "a PGP file", DECRYPT_PGP),
    // Packets that begin an encrypted message: old and new header, for a key and for a passphrase.
    (b"\x84", "a PGP file", DECRYPT_PGP),
    (b"\x85", "a PGP file", DECRYPT_PGP),
    (b"\x8c", "a PGP file", DECRYPT_PGP),
    (b"\xc1", "a PGP file", DECRYPT_PGP),
    (b"\xc3\x04", "a PGP file", DECRYPT_PGP),
    (b"\xc3\x0d", "a PGP file", DECRYPT_PGP),
    (b"age-encryption.org/", "a file encrypted by age", DECRYPT_AGE),
    (b"-----BEGIN AGE", "a file encrypted by age", DECRYPT_AGE),
    (b"Salted__", "a file encrypted by OpenSSL", DECRYPT),
    (b"U2FsdGVkX1", "a file encrypted by OpenSSL", DECRYPT),
    (b"$ANSIBLE_VAULT;", "a file encrypted by Ansible Vault", DECRYPT),
    (b"\0GITCRYPT", "a file encrypted by git-crypt", DECRYPT),
    (b"version https://git-lfs", "a Git LFS pointer", "fetch the file itself: `git lfs pull`"),
    (b"<!DOCTYPE", "an HTML page", PAGE),
    (b"<!doctype", "an HTML page", PAGE),
    (b"<html", "an HTML page", PAGE),
    (b"<?xml", "an XML file", EXPORT),
];

/// Documents that are zip archives, recognised by the start of the name of their first entry.
const IN_ZIP: [(&[u8], &str, &str); 5] = [
    (b"[Content_Types].xml", "a spreadsheet or document (.xlsx, .docx)", EXPORT),
    (b"_rels/", "a spreadsheet or document (.xlsx, .docx)", EXPORT),
    (b"xl/", "a spreadsheet (.xlsx)", EXPORT),
    (b"docProps/", "a spreadsheet or document (.xlsx, .docx)", EXPORT),
    (b"mimetype", "a spreadsheet or document (.ods, .odt)", EXPORT),
];
const ZIP: &[u8] = b"PK\x03\x04";

/// Returns whether further bytes could tell more than these first ones.
pub(super) fn wants_more(first: &[u8]) -> bool {
    let may_be = |whole: &[u8]| first.len() < whole.len() && whole.starts_with(first);
    let is_short_zip = first.starts_with(ZIP) && first.len() < ZIP_NAME + IN_ZIP[0].0.len();
    first.len() < LEN || is_short_zip || SIGNATURES.iter().any(|(whole, ..)| may_be(whole))
}

/// Returns why the input cannot be text that this tool reads.
pub(super) fn check(first: &[u8]) -> Result<(), InputError> {
    for (signature, kind, hint) in SIGNATURES {
        if first.starts_with(signature) {
            return Err(InputError::Binary { kind, hint });
        }
    }
    if first.starts_with(ZIP) {
        let name = first.get(ZIP_NAME..).unwrap_or_default();
        let known = IN_ZIP.into_iter().find(|(begin, ..)| name.starts_with(begin));
        let (_, kind, hint) = known.unwrap_or((ZIP, "a zip archive", "unpack it first"));
        return Err(InputError::Binary { kind, hint });
    }
    match encoding(first) {
        Some(encoding) => Err(InputError::Encoding { encoding }),
        None => Ok(()),
    }
}

/// Recognises an encoding by its byte order mark, or by where the NULs of plain ASCII would be.
fn encoding(first: &[u8]) -> Option<&'static str> {
    match *first {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [a, 0, 0, 0, ..] | [0, 0, 0, a, ..] if a != 0 => Some("UTF-32"),
        [a, 0, b, 0, ..] | [0, a, 0, b, ..] if a != 0 && b != 0 => Some("UTF-16"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_passes() {
        for (first, expected) in [
            (&b"user_id,"[..], ""),
            (b"", ""),
            (b"\xef\xbb\xbfuser", ""),
            (b"\xef\xbb", ""),
            (b"\x1f\x8b\x08", "the input is a gzip file, not text"),
            (b"PK\x03\x04\x14", "the input is a zip archive, not text"),
            (
                b"PK\x03\x04..........................[Content_Types].xml",
                "the input is a spreadsheet or document (.xlsx, .docx), not text",
            ),
            (
                b"PK\x03\x04..........................mimetypeapplication",
                "the input is a spreadsheet or document (.ods, .odt), not text",
            ),
            (
                b"PK\x03\x04..........................factors.csv",
                "the input is a zip archive, not text",
            ),
            (b"-----BEGIN PGP MESSAGE-----", "the input is a PGP file, not text"),
            (b"\x85\x01\x0c\x03", "the input is a PGP file, not text"),
            (b"\x8c\x0d\x04\x09", "the input is a PGP file, not text"),
            (b"\xc3\x0d\x04\x09", "the input is a PGP file, not text"),
            (b"\xc3\xa9", ""),
            (b"age-encryption.org/v1", "the input is a file encrypted by age, not text"),
            (
                b"-----BEGIN AGE ENCRYPTED FILE-----",
                "the input is a file encrypted by age, not text",
            ),
            (b"<!DOCTYPE html>", "the input is an HTML page, not text"),
            (b"SQLite format 3\0", "the input is an SQLite database, not text"),
            (b"%PDF-1.7", "the input is a PDF, not text"),
            (b"\xff\xfeu\0", "the input is UTF-16, not UTF-8"),
            (b"\xfe\xff\0u", "the input is UTF-16, not UTF-8"),
            (b"u\0s\0e\0", "the input is UTF-16, not UTF-8"),
            (b"\0u\0s\0e", "the input is UTF-16, not UTF-8"),
            (b"\xff\xfe\0\0", "the input is UTF-32, not UTF-8"),
            (b"u\0\0\0s\0", "the input is UTF-32, not UTF-8"),
            (b"\0\0\0\0", ""),
        ] {
            let outcome = check(first).map_or_else(|error| error.to_string(), |()| String::new());
            assert_eq!(outcome, expected, "{first:?}");
        }
    }
}
