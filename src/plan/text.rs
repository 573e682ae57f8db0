//! Characters as written in other scripts and by other programs.

/// Returns true for the characters that people put into numbers and secrets to make them readable:
/// spaces and dashes.
pub(super) fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
        || matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}')
}

/// Returns the ASCII character that means the same: for full-width forms, Arabic and Indian digits.
pub(super) fn to_ascii(c: char) -> char {
    let from = |first: char, to: char| {
        u32::from(c).checked_sub(u32::from(first)).and_then(|at| char::from_u32(u32::from(to) + at))
    };
    let same = match c {
        '\u{ff01}'..='\u{ff5e}' => from('\u{ff01}', '!'),
        '\u{660}'..='\u{669}' => from('\u{660}', '0'),
        '\u{6f0}'..='\u{6f9}' => from('\u{6f0}', '0'),
        '\u{966}'..='\u{96f}' => from('\u{966}', '0'),
        '\u{fe62}' => Some('+'),
        _ => None,
    };
    same.unwrap_or(c)
}

/// Returns a copy with such characters in ASCII. It is never reallocated, which would leave a piece
/// of a secret behind.
pub(super) fn in_ascii(text: &str) -> String {
    let mut copy = String::with_capacity(text.len());
    copy.extend(text.chars().map(to_ascii));
    copy
}

/// Returns true for characters that no keyboard types and no screen shows: zero-width characters,
/// marks of direction and order, variation selectors, fillers, tags.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns true for characters that do harm in words, because they reorder or hide their
/// surroundings. Joiners, variation selectors and tags are not among them: they belong to emoji and
/// to some scripts.
pub(super) fn is_hazard(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Returns true if text looks like UTF-8 that was read as Windows-1252 (`BÃ¼ro`), or has lost
/// characters.
pub(super) fn is_garbled(text: &str) -> bool {
    let mut before = ' ';
    text.chars().any(|c| {
        let is_lead = matches!(before, '\u{c2}'..='\u{c3}' | '\u{c5}' | '\u{e2}');
        before = c;
        let is_trail = matches!(c, '\u{80}'..='\u{bf}' | '\u{20ac}' | '\u{201a}'..='\u{201e}');
        c == '\u{fffd}' || is_lead && is_trail
    })
}
