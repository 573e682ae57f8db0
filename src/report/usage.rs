//! `verify --usage`: factors that people have logged in with.

use std::fmt;

use serde::{
    Serialize,
    ser::{SerializeMap, Serializer},
};

use super::rfc3339;
use crate::{
    jobs::list::verify::{Usage, Use, Used},
    model::LocalTime,
    text::grouped,
};

/// Numbers of existing and of used factors, and the share that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsageSummary {
    /// The numbers.
    pub usage: Usage,
    /// `--fail-if-unused`, in percent.
    pub at_least: Option<f64>,
}

impl UsageSummary {
    /// Returns whether fewer factors are used than was asked for.
    pub fn is_too_small(&self) -> bool {
        self.at_least.is_some_and(|percent| !self.usage.in_all().is_at_least(percent))
    }
}

impl fmt::Display for UsageSummary {
    /// Formats `used since created: 812 of 1,000 (81 %); totp 640/700, phone 172/300; 3 cannot be
    /// told apart from another of the same user`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.usage.in_all();
        let (used, there) = (grouped(all.used), grouped(all.there));
        write!(f, "used since created: {used} of {there}")?;
        if let Some(share) = all.share() {
            // Rounded down: 99.9 % must not look like all.
            write!(f, " ({:.0} %)", (share * 100.0 + 1e-9).floor())?;
        }
        let mut before = "; ";
        for (factor_type, Used { there, used, .. }) in self.usage.by_type() {
            if there > 0 {
                write!(f, "{before}{factor_type} {}/{}", grouped(used), grouped(there))?;
                before = ", ";
            }
        }
        if all.unclear > 0 {
            let unclear = grouped(all.unclear);
            write!(f, "; {unclear} cannot be told apart from another of the same user")?;
        }
        match self.at_least {
            Some(percent) if self.is_too_small() => {
                write!(f, "; --fail-if-unused asks for {percent} %")
            }
            _ => Ok(()),
        }
    }
}

impl Serialize for UsageSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all = self.usage.in_all();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("there", &all.there)?;
        map.serialize_entry("used", &all.used)?;
        map.serialize_entry("unclear", &all.unclear)?;
        map.serialize_entry("percent_required", &self.at_least)?;
        map.serialize_entry("types", &ByType(&self.usage))?;
        map.end()
    }
}

/// Serialises an object for each type.
struct ByType<'a>(&'a Usage);

impl Serialize for ByType<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct UseCounts {
            there: u64,
            used: u64,
            unclear: u64,
        }
        let types = self.0.by_type();
        serializer.collect_map(types.map(|(factor_type, Used { there, used, unclear })| {
            (factor_type.name(), UseCounts { there, used, unclear })
        }))
    }
}

/// Use of a factor, as fields of its row.
#[derive(Debug, Serialize)]
pub(super) struct RowUse {
    /// Null if it was never used, as far as the list says.
    last_auth_at: Option<String>,
    /// Null if the list does not tell it from another method that was not used.
    used: Option<bool>,
}

impl RowUse {
    pub(super) fn of(one: Use) -> Self {
        let moment = |at: crate::model::TenantTime| rfc3339(LocalTime::from_millis(at.as_millis()));
        Self { last_auth_at: one.last_auth_at.map(moment), used: one.is_since_created }
    }
}
