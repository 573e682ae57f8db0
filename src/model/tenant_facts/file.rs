//! A file of facts: the one that `probe` writes, or bare facts.

use serde::Deserialize;
use thiserror::Error;

use super::TenantFacts;

/// Schema of the file that `probe` writes.
pub const PROBE_SCHEMA: &str = "mfaferry/probe/1";

/// Largest file of facts.
const MAX_BYTES: usize = 1 << 20;

/// Facts about a tenant, and which tenant it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbedTenant {
    /// Host name of the tenant that was asked, if the file states it.
    pub tenant: Option<String>,
    /// Time of asking, if the file states it.
    pub probed_at: Option<String>,
    /// The facts.
    pub facts: TenantFacts,
}

/// Error in a file of facts. Says what is wrong and where, and never quotes a value.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FactsError {
    /// No file of facts is that large.
    #[error("it is larger than 1 MiB")]
    TooLarge,
    /// It is not JSON, or something in it is not valid.
    #[error("line {line}, column {column}: {what}")]
    At {
        /// Line, counted from 1.
        line: usize,
        /// Column in it.
        column: usize,
        /// The fault, without a value.
        what: String,
    },
}

/// The file of `probe`. Only the facts are read; everything else in it is for people.
#[derive(Deserialize)]
struct ProbeFile {
    #[serde(default)]
    tenant: Option<String>,
    #[serde(default)]
    probed_at: Option<String>,
    facts: TenantFacts,
}

#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    schema: Option<String>,
}

impl ProbedTenant {
    /// Returns true if the file states that `probe` wrote it.
    pub fn is_probe_file(bytes: &[u8]) -> bool {
        serde_json::from_slice::<Head>(bytes)
            .is_ok_and(|head| head.schema.as_deref() == Some(PROBE_SCHEMA))
    }

    /// Reads the file of `probe`, or a bare object of facts.
    ///
    /// # Errors
    ///
    /// If it is neither, or too large.
    pub fn read(bytes: &[u8]) -> Result<Self, FactsError> {
        if bytes.len() > MAX_BYTES {
            return Err(FactsError::TooLarge);
        }
        if Self::is_probe_file(bytes) {
            let file: ProbeFile = serde_json::from_slice(bytes).map_err(|error| place(&error))?;
            let ProbeFile { tenant, probed_at, facts } = file;
            return Ok(Self { tenant, probed_at, facts });
        }
        let facts = serde_json::from_slice(bytes).map_err(|error| place(&error))?;
        Ok(Self { facts, ..Self::default() })
    }
}

/// Strips an error of the file's contents. `serde_json` quotes them; our own messages, which begin
/// with the name of a fact, do not.
fn place(error: &serde_json::Error) -> FactsError {
    let said = error.to_string();
    let what = match said.rsplit_once(" at line ") {
        Some((ours, _)) if ours.starts_with('`') => ours.to_owned(),
        _ if error.is_data() => "this is not what `probe` writes".to_owned(),
        _ => "this is not JSON".to_owned(),
    };
    FactsError::At { line: error.line(), column: error.column(), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Conflict, FactorType, SecretForm};

    #[test]
    fn what_is_written_is_read_again_and_equal_rules_are_written_equally() {
        for (text, expect) in [
            (r#"{"conflict":"off"}"#, r#"{"conflict":"off"}"#),
            (r#"{"conflict":"same_value"}"#, r#"{"conflict":"same_value"}"#),
            (r#"{"conflict":{}}"#, r#"{"conflict":"off"}"#),
            (
                r#"{"conflict":{"same":["totp_secret","key_id","phone_number","email"]}}"#,
                r#"{"conflict":"same_value"}"#,
            ),
            (
                r#"{"conflict":{"second_of_type":["totp","phone"],"same":["email"]}}"#,
                r#"{"conflict":{"same":["email"],"second_of_type":["phone","totp"]}}"#,
            ),
            (
                r#"{"refused_secrets":["spaced","short","short"],"retry_after":{"literal":"soon"}}"#,
                r#"{"refused_secrets":["short","spaced"],"retry_after":{"literal":"soon"}}"#,
            ),
            (
                r#"{"cap_refusal":{"status":400,"error_code":"e","message":"m"},"masking":false}"#,
                r#"{"cap_refusal":{"status":400,"error_code":"e","message":"m"},"masking":false}"#,
            ),
            ("{}", "{}"),
        ] {
            let read = ProbedTenant::read(text.as_bytes()).unwrap();
            let written = serde_json::to_string(&read.facts).unwrap();
            let sorted = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
            assert_eq!(sorted(&written), sorted(expect), "{text}");
            assert_eq!(ProbedTenant::read(written.as_bytes()).unwrap(), read);
        }
    }

    #[test]
    fn a_file_of_probe_is_read_with_its_tenant() {
        let text = r#"{"schema": "mfaferry/probe/1", "tenant": "t.example", "probed_at": "2026-11-29T10:00:00Z",
            "facts": {"conflict": {"second_of_type": ["totp"]}, "refused_secrets": ["padded"]},
            "questions": [{"anything": 1}], "left_behind": []}"#;
        let read = ProbedTenant::read(text.as_bytes()).unwrap();
        assert_eq!(read.tenant.as_deref(), Some("t.example"));
        let conflict = read.facts.conflict.unwrap();
        assert!(conflict.of_second(FactorType::Totp) && conflict.of_same(FactorType::Totp));
        assert_eq!(conflict.second_of_type.len(), 1);
        assert_ne!(conflict, Conflict::OFF);
        assert_eq!(read.facts.refused_secrets, Some([SecretForm::Padded].into()));
    }

    #[test]
    fn errors_say_where_and_which_and_never_what_stands_there() {
        let probe =
            |facts: &str| format!("{{\"schema\":\"mfaferry/probe/1\",\n\"facts\":{facts}}}");
        for (text, line, expect) in [
            ("{\n\"conflict\": \"hush\"}".into(), 2, "`conflict` has no such value"),
            ("{\"conflict\": {\"same\": [\"hush\"]}}".into(), 1, "`conflict` has no such value"),
            ("{\"conflict\": {\"hush\": []}}".into(), 1, "`conflict` has no such value"),
            ("{\"masking\": \"hush\"}".into(), 1, "`masking` has no such value"),
            ("{\"put_unknown_user\": 99999}".into(), 1, "`put_unknown_user` has no such value"),
            ("{\"cap_refusal\": {\"hush\": 1}}".into(), 1, "`cap_refusal` has no such value"),
            ("{\"masking\": true,\n\"masking\": true}".into(), 2, "`masking` is there twice"),
            ("{\"maskin\": true}".into(), 1, "`maskin` is no fact about a tenant; did you mean"),
            (probe("{\"long_name\": \"hush\"}"), 2, "`long_name` has no such value"),
            (probe("[\"hush\"]"), 2, "this is not what `probe` writes"),
            ("{\"schema\":\"mfaferry/probe/1\",\"hush\":1}".into(), 1, "this is not what `probe`"),
            ("{\"schema\":\"mfaferry/probe/1\"}".into(), 1, "this is not what `probe` writes"),
            ("[]".into(), 1, "this is not what `probe` writes"),
            ("{\"masking\": hush".into(), 1, "`masking` has no such value"),
            ("hush".into(), 1, "this is not JSON"),
            (String::new(), 1, "this is not JSON"),
        ] {
            let error = ProbedTenant::read(text.as_bytes()).unwrap_err();
            let FactsError::At { line: at, what, .. } = &error else { panic!("{error}") };
            assert!(what.starts_with(expect), "{text}: {what}");
            assert!(
                (*at == line || text.is_empty()) && !error.to_string().contains("hush"),
                "{error}"
            );
        }
        let large = vec![b' '; MAX_BYTES + 1];
        assert_eq!(ProbedTenant::read(&large), Err(FactsError::TooLarge));
    }
}
