//! Names that are longer than the API allows. Providers often generate such names, and a factor is
//! worth more than its label.

/// The limit of the API's PUT and GET schemas (`auth0-api.md` 1.3), in characters.
const MAX_NAME: usize = 20;

/// Returns the beginning of a name that is too long; `None` for any other. A visible character is
/// not cut in two.
pub(super) fn cut(name: &str) -> Option<&str> {
    // No character is shorter than a byte.
    if name.len() <= MAX_NAME {
        return None;
    }
    let (limit, next) = name.char_indices().nth(MAX_NAME)?;
    let mut end = limit;
    let mut next = next;
    // Step back to the start of a visible character.
    for (at, c) in name.get(..limit)?.char_indices().rev() {
        if !continues(c, next) {
            break;
        }
        end = at;
        next = c;
    }
    // A single visible character may be longer than a whole name.
    let end = if end == 0 { limit } else { end };
    name.get(..end).map(|name| name.trim_end_matches(' '))
}

/// Returns true if `next` belongs to the same visible character as `c` in front of it.
fn continues(c: char, next: char) -> bool {
    c == '\u{200d}'
        || matches!(next, '\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}')
        || matches!(next, '\u{300}'..='\u{36f}' | '\u{1f3fb}'..='\u{1f3ff}')
        || matches!(next, '\u{e0020}'..='\u{e007f}')
        || is_flag_letter(c) && is_flag_letter(next)
}

fn is_flag_letter(c: char) -> bool {
    matches!(c, '\u{1f1e6}'..='\u{1f1ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_where_a_visible_character_ends() {
        for (name, expected) in [
            ("Work phone", None),
            ("exactly twenty chars", None),
            ("Google Password Manager", Some("Google Password Mana")),
            ("Samsung Galaxy S23 Ultra", Some("Samsung Galaxy S23 U")),
            ("a name of nineteen! of all", Some("a name of nineteen!")),
            ("ÄÖÜäöüßÄÖÜäöüßÄÖÜäöüß", Some("ÄÖÜäöüßÄÖÜäöüßÄÖÜäöü")),
            ("nineteen characters\u{301}\u{302}x", Some("nineteen character")),
            ("nineteen characters👩\u{200d}💻", Some("nineteen characters")),
            ("eighteen letters 👩\u{200d}💻 x", Some("eighteen letters 👩\u{200d}💻")),
            ("nineteen characters🇩🇪", Some("nineteen characters")),
            ("nineteen characters👍🏽", Some("nineteen characters")),
        ] {
            assert_eq!(cut(name), expected, "{name}");
            assert_eq!(expected.and_then(cut), None, "{name}");
        }
        let letters = format!("e{}", "\u{301}".repeat(30));
        assert_eq!(cut(&letters).unwrap().chars().count(), MAX_NAME);
    }
}
