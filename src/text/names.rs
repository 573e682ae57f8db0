//! Names of files as text. A name is bytes, and most names are UTF-8. Those that are not are held
//! in text all the same, with stand-ins for bytes that are not part of any character, so that the
//! original name can be restored.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::PathBuf,
};

/// Stand-in for the byte 0, in a private area of Unicode. Only bytes from 0x80 on have one.
const FIRST_STAND_IN: u32 = 0x0010_f700;

fn stand_in(byte: u8) -> char {
    char::from_u32(FIRST_STAND_IN + u32::from(byte)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Returns the byte that a character stands for, if it is a stand-in.
pub(super) fn stray_byte(character: char) -> Option<u8> {
    let byte = u32::from(character).checked_sub(FIRST_STAND_IN)?;
    u8::try_from(byte).ok().filter(|byte| !byte.is_ascii())
}

/// Returns the name of a file as text that stands for no other name. A UTF-8 name stays as it is.
pub fn file_name(name: impl AsRef<OsStr>) -> String {
    let name = name.as_ref();
    let mut text = String::with_capacity(name.len());
    for chunk in name.as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if stray_byte(character).is_some() {
                let bytes = character.encode_utf8(&mut [0; 4]).as_bytes().to_vec();
                text.extend(bytes.into_iter().map(stand_in));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().map(stand_in));
    }
    text
}

/// Returns the file that such a text names.
pub fn path_of(text: &str) -> PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match stray_byte(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    OsString::from_vec(bytes).into()
}

/// Returns the name of a file as a command's argument: a name that begins with a dash would be
/// taken for a flag, except the dash alone, which is standard input or output.
pub fn file_argument(name: impl AsRef<OsStr>) -> String {
    let name = file_name(name);
    if name.starts_with('-') && name != "-" { format!("./{name}") } else { name }
}

/// Returns false if the text stands for a name that is not UTF-8.
pub fn is_utf8(text: &str) -> bool {
    !text.chars().any(|character| stray_byte(character).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_comes_back_as_it_was_and_no_two_are_the_same_text() {
        let names: [&[u8]; 10] = [
            b"plain.csv",
            "zoë \u{10ffff}.csv".as_bytes(),
            b"\xff\xfe.csv",
            b"\xe2\x82",
            b"a\xe2\x82b",
            b"\xed\xa0\x80",
            b"\\xff",
            "\u{fffd}".as_bytes(),
            "\u{10f7ff}".as_bytes(),
            b"\xf4\x8f\x9f\xbf\xff",
        ];
        let texts: Vec<_> = names.iter().map(|name| file_name(OsStr::from_bytes(name))).collect();
        for (name, text) in names.iter().zip(&texts) {
            assert_eq!(path_of(text).as_os_str().as_bytes(), *name, "{text:?}");
            assert_eq!(texts.iter().filter(|other| *other == text).count(), 1, "{text:?}");
            assert_eq!(is_utf8(text), name[..] == *text.as_bytes(), "{text:?}");
        }
    }
}
