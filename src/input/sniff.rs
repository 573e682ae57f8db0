//! Recognises an input by its first bytes: compressed files, documents, other encodings.

use super::InputError;

/// Number of bytes looked at: the longest signature below.
pub(super) const LEN: usize = 8;

/// UTF-8's byte order mark, which is passed over.
pub(super) const BOM: &[u8] = b"\xef\xbb\xbf";

const DECOMPRESS: &str = "decompress it first";
const EXPORT: &str = "export it as `CSV UTF-8` first";

/// First bytes, what they mean, what to do.
const SIGNATURES: [(&[u8], &str, &str); 8] = [
    (b"\x1f\x8b", "a gzip file", "decompress it first, for example `gzip -dc INPUT > factors.csv`"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", DECOMPRESS),
    (b"\xfd7zXZ\0", "an xz file", DECOMPRESS),
    (b"BZh", "a bzip2 file", DECOMPRESS),
    (
        b"PK\x03\x04",
        "a zip archive or a spreadsheet",
        "unpack it, or export the sheet as `CSV UTF-8`",
    ),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or document", EXPORT),
    (b"%PDF-", "a PDF", EXPORT),
    (b"PAR1", "a Parquet file", EXPORT),
];

/// Says why the input cannot be text that this tool reads.
pub(super) fn check(first: &[u8]) -> Result<(), InputError> {
    for (signature, kind, hint) in SIGNATURES {
        if first.starts_with(signature) {
            return Err(InputError::Binary { kind, hint });
        }
    }
    match encoding(first) {
        Some(encoding) => Err(InputError::Encoding { encoding }),
        None => Ok(()),
    }
}

/// By byte order mark, or by where the NULs of plain ASCII would be.
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
            (b"PK\x03\x04\x14", "the input is a zip archive or a spreadsheet, not text"),
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
