//! UUIDs in the forms that programs write them in (RFC 9562, 4): with and without dashes, in
//! braces, as a URN.

/// The UUID that `text` is: lower-case, in groups of 8-4-4-4-12.
pub(super) fn parse(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.get(..9) {
        Some(scheme) if scheme.eq_ignore_ascii_case("urn:uuid:") => text.get(9..)?,
        _ => text,
    };
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let is_grouped = match text.len() {
        36 => true,
        32 => false,
        _ => return None,
    };
    let mut uuid = String::with_capacity(36);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'-' if is_grouped && matches!(at, 8 | 13 | 18 | 23) => {}
            b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' => {
                if matches!(uuid.len(), 8 | 13 | 18 | 23) {
                    uuid.push('-');
                }
                uuid.push(char::from(byte.to_ascii_lowercase()));
            }
            _ => return None,
        }
    }
    (uuid.len() == 36).then_some(uuid)
}

/// Returns true if `text` is a UUID in its usual form, with dashes.
pub(super) fn has_groups(text: &str) -> bool {
    text.contains('-') && parse(text).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usual_form_is_the_same_uuid() {
        let uuid = "7216fe24-7230-4eaa-8fc9-ed7867f8657f";
        for text in [
            uuid,
            "7216FE24-7230-4EAA-8FC9-ED7867F8657F",
            "7216fe2472304eaa8fc9ed7867f8657f",
            "{7216fe24-7230-4eaa-8fc9-ed7867f8657f}",
            "{7216fe2472304eaa8fc9ed7867f8657f}",
            "urn:uuid:7216fe24-7230-4eaa-8fc9-ed7867f8657f",
            " URN:UUID:7216fe24-7230-4eaa-8fc9-ed7867f8657f ",
        ] {
            assert_eq!(parse(text).as_deref(), Some(uuid), "{text}");
        }
        for text in [
            "",
            "7216fe24-7230-4eaa-8fc9-ed7867f8657",
            "7216fe24-7230-4eaa-8fc9-ed7867f8657g",
            "7216fe2-47230-4eaa-8fc9-ed7867f8657f",
            "7216fe24-72304eaa-8fc9-ed7867f8657f-",
            "{7216fe24-7230-4eaa-8fc9-ed7867f8657f",
            "7216fe24_7230_4eaa_8fc9_ed7867f8657f",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
