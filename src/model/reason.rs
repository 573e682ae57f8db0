//! Reasons why a row was refused, failed, kept or left to a person.

use std::{borrow::Cow, fmt};

use super::{Code, Field};

/// A code and, for some codes, one detail. Its text appears in ledgers and reports, and scripts
/// compare it. It never holds a value from the input, or anything of an answer but a method's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    code: Code,
    detail: Option<Box<str>>,
}

impl From<Code> for Reason {
    fn from(code: Code) -> Self {
        Self { code, detail: None }
    }
}

impl Reason {
    /// Returns `http_STATUS`, for a status without a meaning of its own.
    pub fn http(status: u16) -> Self {
        Self::with(Code::Http, &status.to_string())
    }

    /// Returns a reason that is about one field, if that is known.
    pub fn of_field(code: Code, field: Option<Field>) -> Self {
        Self { code, detail: field.map(|field| field.name().into()) }
    }

    /// Returns a reason with a detail: ids of methods, or a type of method.
    pub fn with(code: Code, detail: &str) -> Self {
        Self { code, detail: Some(detail.into()) }
    }

    /// Returns the code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns whether it says that there is no such user or method.
    pub fn is_not_found(&self) -> bool {
        matches!(self.code, Code::UserNotFound | Code::MethodNotFound)
    }

    /// Returns the text for ledgers and reports.
    pub fn text(&self) -> Cow<'_, str> {
        match (self.code, self.detail.as_deref()) {
            (code, None) => code.name().into(),
            (Code::Unknown, Some(text)) => text.into(),
            (Code::Http, Some(status)) => format!("{}_{status}", Code::Http.name()).into(),
            (code, Some(detail)) => format!("{}:{detail}", code.name()).into(),
        }
    }

    /// Parses a text. One that this version would not write becomes [`Code::Unknown`], and keeps
    /// its text.
    pub fn parse(text: &str) -> Self {
        let (name, detail) = match text.split_once(':') {
            Some((name, detail)) => (name, Some(detail)),
            None => match text.strip_prefix("http_") {
                Some(status) => (Code::Http.name(), Some(status)),
                None => (text, None),
            },
        };
        Code::from_name(name)
            .map(|code| Self { code, detail: detail.map(Into::into) })
            .filter(|reason| reason.code != Code::Unknown && reason.text() == text)
            .unwrap_or_else(|| Self::with(Code::Unknown, text))
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_is_read_back_from_its_text() {
        let plain = Code::ALL.iter().filter(|code| **code != Code::Unknown);
        let mut all: Vec<Reason> = plain.map(|code| (*code).into()).collect();
        all.extend((100..=999).map(Reason::http));
        for code in [Code::InvalidBody, Code::InvalidUri, Code::BadRequest] {
            all.extend(Field::ALL.map(|field| Reason::of_field(code, Some(field))));
        }
        for id in ["phone|dev_x", "", "a:b c", "http_1"] {
            all.extend([Code::IdGivenTwice, Code::AlsoThere].map(|code| Reason::with(code, id)));
        }
        for reason in all {
            assert_eq!(Reason::parse(&reason.text()), reason, "{reason}");
        }
    }

    #[test]
    fn texts_are_those_that_scripts_compare() {
        for (reason, text) in [
            (Code::UserNotFound.into(), "user_not_found"),
            (Reason::http(500), "http_500"),
            (
                Reason::of_field(Code::InvalidBody, Some(Field::PhoneNumber)),
                "invalid_body:phone_number",
            ),
            (Reason::of_field(Code::InvalidBody, None), "invalid_body"),
            (Reason::with(Code::IdGivenTwice, "phone|dev_x"), "id_given_twice:phone|dev_x"),
            (Reason::with(Code::AlsoThere, "a b"), "also_there:a b"),
            (Reason::with(Code::WouldDestroy, "passkey"), "would_destroy:passkey"),
        ] {
            assert_eq!(reason.text(), text);
        }
    }

    #[test]
    fn a_text_of_another_version_is_kept_as_it_is() {
        for text in ["", "unknown", "unknown:x", "new_reason", "new_reason:x", "http_x_y:z", ":"] {
            let reason = Reason::parse(text);
            assert_eq!((reason.code(), reason.text().as_ref()), (Code::Unknown, text));
        }
        // Whatever it is taken for, not a byte of it changes.
        for text in ["http_", "http_0500", "http:500", "http", "user_not_found:", "HTTP_500"] {
            assert_eq!(Reason::parse(text).text(), text);
        }
    }
}
