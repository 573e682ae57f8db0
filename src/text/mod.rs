//! Text for people: what is safe to print, times in words, names that are close; and the rule for
//! host names. Pure.

use std::{borrow::Cow, str::Utf8Chunk, time::Duration};

pub(crate) mod canary;
mod host;
mod names;
mod nearest;

pub(crate) use host::{MAX_HOST, is_host_name};
pub use names::{file_argument, file_name, is_utf8, path_of};
pub(crate) use nearest::nearest;

/// Makes text safe for a terminal: control characters, and those that reorder or hide their
/// surroundings, become `\u{…}`, and bytes of a file name that are not UTF-8 become `\xff`.
pub fn escape(text: &str) -> String {
    if !text.chars().any(is_hazard) {
        return text.to_owned();
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match names::stray_byte(character) {
            Some(byte) => push_byte(&mut safe, byte),
            None if is_hazard(character) => safe.extend(character.escape_unicode()),
            None => safe.push(character),
        }
    }
    safe
}

fn push_byte(text: &mut String, byte: u8) {
    let digit = |half: u8| char::from_digit(half.into(), 16).unwrap_or_default();
    text.extend(['\\', 'x', digit(byte >> 4), digit(byte & 15)]);
}

/// Makes JSON safe for a terminal: the same characters become JSON's own escapes. Outside strings
/// there must be none of them. JSON has no bytes: a name that is not UTF-8 has `\xff` in it as
/// text.
pub fn escape_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if let Some(byte) = names::stray_byte(character) {
            safe.push('\\');
            push_byte(&mut safe, byte);
        } else if is_hazard(character) {
            let units = character.encode_utf16(&mut [0; 2]).to_vec();
            safe.extend(units.into_iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            safe.push(character);
        }
    }
    safe
}

fn is_hazard(character: char) -> bool {
    character.is_control()
        || names::stray_byte(character).is_some()
        || matches!(character,
            '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Quotes an argument for a shell, so that a command can be copied from a message. An argument that
/// a message cannot show is written in `$'…'`, for bash and zsh.
pub fn shell_quote(argument: &str) -> String {
    if argument.chars().any(is_hazard) {
        let bytes = path_of(argument).into_os_string().into_encoded_bytes();
        let quoted: String = bytes.utf8_chunks().map(|chunk| ansi_c_quoted(&chunk)).collect();
        return format!("$'{quoted}'");
    }
    // Only a NUL cannot be quoted, and no argument has one.
    shlex::try_quote(argument).map_or_else(|_| escape(argument), Cow::into_owned)
}

fn ansi_c_quoted(chunk: &Utf8Chunk<'_>) -> String {
    let mut text = String::new();
    for character in chunk.valid().chars() {
        match character {
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\'' | '\\' => text.extend(['\\', character]),
            _ if is_hazard(character) => {
                character
                    .encode_utf8(&mut [0; 4])
                    .bytes()
                    .for_each(|byte| push_byte(&mut text, byte));
            }
            _ => text.push(character),
        }
    }
    chunk.invalid().iter().for_each(|byte| push_byte(&mut text, *byte));
    text
}

/// Formats a command for a shell: its arguments, the program first.
pub fn shell_line(arguments: &[String]) -> String {
    arguments.iter().map(|argument| shell_quote(argument)).collect::<Vec<_>>().join(" ")
}

/// Formats `1 row`, `1,010 rows`: a number with what it counts, named by a word that takes an `s`.
pub fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// Formats `1,010,000`.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats `41 s`, `3 min 20 s`, `2 h 5 min`.
pub fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0..10) => format!("{:.1} s", time.as_secs_f64()),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

/// Longest flag value that an error quotes, in characters. Flags are not secret, but a secret that
/// was pasted into the wrong one is, and none is as short as this.
const LONGEST_NAMED: usize = 12;

/// Formats the error that a setting has an invalid value, and quotes a short one.
pub fn invalid_value(value: &str, setting: &str) -> String {
    let value = value.trim();
    if value.chars().count() > LONGEST_NAMED {
        format!("invalid value for {setting}")
    } else {
        format!("invalid value `{}` for {setting}", escape(value))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn what_could_take_over_a_terminal_is_shown_not_sent() {
        let stray = file_name(std::ffi::OsString::from_vec(b"\xff\n.csv".to_vec()));
        assert_eq!(escape("auth0|zoë"), "auth0|zoë");
        assert_eq!(escape("a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}"), r"a\u{1b}]0;x\u{7}b\u{202e}c\u{9b}");
        assert_eq!(escape(&stray), r"\xff\u{a}.csv");
        assert_eq!(escape_json(&serde_json::to_string(&stray).unwrap()), r#""\\xff\n.csv""#);
        let json = serde_json::to_string("a\u{1b}\u{202e}\u{9b}é").unwrap();
        assert_eq!(escape_json(&json), "\"a\\u001b\\u202e\\u009bé\"");
    }

    #[test]
    fn an_argument_can_be_pasted_into_a_shell_and_is_safe_on_a_terminal() {
        for (argument, quoted) in [
            (&b"a.csv"[..], "a.csv"),
            (b"a b.csv", "'a b.csv'"),
            (b"it's", "\"it's\""),
            (b"a\nb'c\\\xffd\xc3\xab", r"$'a\nb\'c\\\xffdë'"),
            ("\u{1b}]0;\u{202e}".as_bytes(), r"$'\x1b]0;\xe2\x80\xae'"),
        ] {
            let text = file_name(std::ffi::OsString::from_vec(argument.to_vec()));
            assert_eq!(shell_quote(&text), quoted);
            assert_eq!(escape(quoted), quoted);
        }
    }

    #[test]
    fn a_number_has_its_thousands_apart_and_its_word_agrees_with_it() {
        for (number, expected) in [
            (0, "0 rows"),
            (1, "1 row"),
            (999, "999 rows"),
            (1_000, "1,000 rows"),
            (1_010_000, "1,010,000 rows"),
        ] {
            assert_eq!(counted(number, "row"), expected);
        }
    }
}
