//! `fields` and `include_fields`: the keys of an answer that a query selects.

use super::wire::query_error;

/// Keys to show or to leave out; all are shown if none is named.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) names: Vec<String>,
    pub(super) leave_out: bool,
}

impl Fields {
    /// Takes in a parameter of the query; false if it is another.
    pub(super) fn take(&mut self, key: &str, value: &str) -> Result<bool, String> {
        match (key, value) {
            ("fields", list) => {
                let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
                self.names = names.map(str::to_owned).collect();
            }
            ("include_fields", "true") => self.leave_out = false,
            ("include_fields", "false") => self.leave_out = true,
            ("include_fields", _) => {
                return Err(query_error("Expected type boolean", "include_fields"));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns whether a key is shown.
    pub(super) fn show(&self, key: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == key) != self.leave_out
    }
}
