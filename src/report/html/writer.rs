//! HTML, element by element: every element is closed, and every text is escaped. There is no other
//! way to write.

use std::fmt::Display;

use crate::text::escape;

/// A page, or a part of one, that is being written.
#[derive(Debug, Default)]
pub(super) struct Html(String);

/// Names and values of attributes. Names are ours; values are escaped.
type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    /// Writes an element with content.
    pub(super) fn tag(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) {
        self.begin(name, attributes);
        inside(self);
        self.raw("</");
        self.raw(name);
        self.raw(">");
    }

    /// Writes an element that holds a text.
    pub(super) fn leaf(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        text: impl Display,
    ) {
        self.tag(name, attributes, |html| html.text(text));
    }

    /// Writes an element that cannot have content.
    pub(super) fn void(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.begin(name, attributes);
    }

    /// Writes an element of a drawing, which holds nothing.
    pub(super) fn shape(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.tag(name, attributes, |_| {});
    }

    /// Writes a text. Control characters, and those that reorder or hide their surroundings, become
    /// `\u{…}`.
    pub(super) fn text(&mut self, text: impl Display) {
        for character in escape(&text.to_string()).chars() {
            match character {
                '&' => self.raw("&amp;"),
                '<' => self.raw("&lt;"),
                '>' => self.raw("&gt;"),
                '"' => self.raw("&quot;"),
                '\'' => self.raw("&#39;"),
                other => self.0.push(other),
            }
        }
    }

    /// Writes an element with a sentence of our own, in which `code` is marked by backticks.
    pub(super) fn prose(&mut self, name: &'static str, attributes: Attributes<'_>, text: &str) {
        self.tag(name, attributes, |html| {
            for (number, part) in text.split('`').enumerate() {
                if number % 2 == 0 { html.text(part) } else { html.leaf("code", &[], part) }
            }
        });
    }

    /// Writes constant markup: the document type and the style.
    pub(super) fn raw(&mut self, own: &'static str) {
        self.0.push_str(own);
    }

    /// Returns the number of bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }

    fn begin(&mut self, name: &'static str, attributes: Attributes<'_>) {
        self.raw("<");
        self.raw(name);
        for (name, value) in attributes {
            self.raw(" ");
            self.raw(name);
            self.raw("=\"");
            self.text(value);
            self.raw("\"");
        }
        self.raw(">");
    }
}

/// Path of a drawing.
#[derive(Debug, Default)]
pub(super) struct Path(String);

impl Path {
    /// Moves to a point, drawing a line unless it is the first.
    pub(super) fn to(&mut self, x: f64, y: f64) {
        let command = if self.0.is_empty() { 'M' } else { 'L' };
        self.0.push(command);
        let point = format!("{x:.1} {y:.1}");
        self.0.push_str(&point);
    }

    /// Returns the path, closed to an area.
    pub(super) fn closed(mut self) -> String {
        self.0.push('Z');
        self.0
    }

    /// Returns the path as a line.
    pub(super) fn open(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_ever_a_part_of_the_page() {
        for (text, expected) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\" onload=\"x", "&quot; onload=&quot;x"),
            ("' x='", "&#39; x=&#39;"),
            ("]]>&amp;", "]]&gt;&amp;amp;"),
            ("a\u{202e}b\u{0}\u{1b}", "a\\u{202e}b\\u{0}\\u{1b}"),
            ("zoë ☃", "zoë ☃"),
        ] {
            let mut html = Html::default();
            html.tag("p", &[("title", text)], |html| html.text(text));
            assert_eq!(html.into_string(), format!("<p title=\"{expected}\">{expected}</p>"));
        }
    }
}
