//! Proofs in words, with what to do about them.

use super::{AppCode, CodeRequest, Proof, Why, code::Profile};
use crate::{
    model::{ProofVerdict, SecretEncoding},
    plan::Standing,
    text::escape,
};

impl CodeRequest {
    /// Returns the question for a code, about the row at `place`, which may have a name.
    pub fn question(self, place: &str, name: Option<&str>) -> String {
        let row = match name {
            Some(name) => format!("{place}, \"{}\"", escape(name)),
            None => format!("{place}, which has no name"),
        };
        match self {
            Self::Now => format!("{row}: which code does the app show now? "),
            Self::Next => {
                format!("{row}: which code does the app show next, once that one has gone? ")
            }
            Self::Another => format!(
                "{row}: that code does not follow from the secret. Which code does the app show now? "
            ),
            Self::Again => format!(
                "{row}: that code does not come after the first, which fitted. Which code does the app show now? "
            ),
        }
    }
}

impl AppCode {
    /// Reply to text that is not a code.
    pub const NONE: &str = "A code has 6 or 8 digits, and nothing else but spaces.\n";
}

impl Proof {
    /// Returns the flag that makes an import read the secret as the app does, where one is missing.
    pub fn flag(&self) -> Option<String> {
        match (self.verdict, self.standing) {
            (ProofVerdict::OtherEncoding, Some(Standing::WithFlag(encoding))) => {
                Some(format!("--secret-encoding {}", encoding.name()))
            }
            _ => None,
        }
    }

    /// Describes the result and what to do about it. `system` wrote the row's export, if it is from
    /// one.
    pub fn sentence(&self, system: Option<&str>) -> String {
        let secret = "the app's codes follow from the secret";
        match self.verdict {
            ProofVerdict::Right => format!("{secret} as `import` reads it"),
            ProofVerdict::RightButClock => {
                let off = self.off_seconds.unwrap_or_default();
                let side = if off < 0 { "behind" } else { "ahead of" };
                format!(
                    "{secret} as `import` reads it, but the app's clock is about {} s {side} this \
                     machine's: set whichever is wrong, or the tenant will refuse the user's codes",
                    off.unsigned_abs()
                )
            }
            ProofVerdict::OtherEncoding => self.encoding_sentence(system),
            ProofVerdict::OtherProfile => self.profile_sentence(),
            ProofVerdict::NoMatch if !self.had_secret => {
                "the row holds no secret that can be read, so there is nothing to prove".into()
            }
            ProofVerdict::NoMatch => {
                "the app's codes follow from no reading of the secret. Is it the app of another row, or the \
                 export older than the user's last enrolment? Is the column encrypted? If a code was \
                 mistyped, try again"
                    .into()
            }
        }
    }

    fn encoding_sentence(&self, system: Option<&str>) -> String {
        let encoding = self.encoding.unwrap_or(SecretEncoding::Base32);
        let read = words(encoding);
        match (self.flag(), system) {
            (Some(flag), _) if encoding == SecretEncoding::Base32 => format!(
                "the app's codes follow from the secret read as Base32, which is not how `import` reads it \
                 with these flags: give `{flag}`, if all secrets of INPUT are written this way"
            ),
            (Some(flag), _) => format!(
                "the app's codes follow from the secret read as {read}: give `{flag}`, if all secrets of INPUT \
                 are written this way"
            ),
            (None, Some(system)) => format!(
                "the app's codes follow from the secret read as {read}, but {system} never writes it so, \
                 and `--from` reads what the system writes: find out what has changed the export. If it \
                 cannot be exported anew, write the factors as a CSV with `totp_secret` and import that \
                 with `--secret-encoding {}` instead of `--from`",
                encoding.name()
            ),
            (None, None) => format!(
                "the app's codes follow from the secret read as {read}, but in an `otpauth` URI it must be \
                 Base32: put the secret alone into `totp_secret`, and give `--secret-encoding {}`",
                encoding.name()
            ),
        }
    }

    fn profile_sentence(&self) -> String {
        let usual = Profile::USUAL;
        match (self.why, self.profile) {
            (Some(Why::TooShort), _) => {
                "the app's codes follow from the secret, but it is shorter than 80 bits, and `import` refuses \
                 it: such users must enrol anew"
                    .into()
            }
            (Some(Why::Declared), _) => format!(
                "the app's codes are those of {usual}, which the tenant checks, but the row does not say so, and \
                 `import` refuses it: correct what the row declares, if the apps of all such users do the \
                 same, or let them enrol anew"
            ),
            (_, profile) => format!(
                "the app's codes are those of {}, and the tenant checks only those of {usual}: such users \
                 must enrol anew",
                profile.unwrap_or(usual)
            ),
        }
    }
}

/// Returns an encoding in words.
const fn words(encoding: SecretEncoding) -> &'static str {
    match encoding {
        SecretEncoding::Base32 => "Base32",
        SecretEncoding::Text => "the text itself",
        SecretEncoding::Hex => "hexadecimal",
        SecretEncoding::Base64 => "Base64",
        SecretEncoding::Base64OfBase32 => "Base64 of Base32",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_names_the_row_without_harm_to_the_terminal() {
        let asked = CodeRequest::Now.question("line 3", Some("Authenticator"));
        assert_eq!(asked, "line 3, \"Authenticator\": which code does the app show now? ");
        let asked = CodeRequest::Next.question("a.csv line 3", Some("\u{1b}[2J\u{202e}x"));
        assert!(!asked.contains('\u{1b}') && !asked.contains('\u{202e}'), "{asked}");
        let asked = CodeRequest::Now.question("line 3", None);
        assert_eq!(asked, "line 3, which has no name: which code does the app show now? ");
    }
}
