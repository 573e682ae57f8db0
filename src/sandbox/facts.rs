//! Conversion between settings and facts about a tenant: facts that a probe of another tenant has
//! found, and those that a probe of this one should find.

use super::settings::Settings;
use crate::model::TenantFacts;

impl Settings {
    /// Applies facts about another tenant.
    #[must_use]
    pub fn with_facts(self, facts: &TenantFacts) -> Self {
        // Destructured, so that no fact can be forgotten.
        let TenantFacts {
            conflict,
            cap_per_user,
            cap_refusal,
            refuses_disabled_factor,
            long_name,
            refused_secrets,
            masking,
            masking_of_one,
            passkey_required,
            passkey_relying_party,
            patch_refused,
            put_unknown_user,
            delete_unknown_user,
            read_delay_ms,
            list_delay_ms,
            retry_after,
            limit_headers,
            reset_rounding,
            page_size_cap,
            page_size_above,
        } = facts.clone();
        Self {
            conflict: conflict.unwrap_or(self.conflict),
            cap_per_user: cap_per_user.or(self.cap_per_user),
            cap_refusal: cap_refusal.unwrap_or(self.cap_refusal),
            refuses_disabled_factor: refuses_disabled_factor
                .unwrap_or(self.refuses_disabled_factor),
            long_name: long_name.unwrap_or(self.long_name),
            refused_secrets: refused_secrets.unwrap_or(self.refused_secrets),
            masking: masking.unwrap_or(self.masking),
            masking_of_one: masking_of_one.or(self.masking_of_one),
            passkey_required: passkey_required.unwrap_or(self.passkey_required),
            passkey_relying_party: passkey_relying_party.unwrap_or(self.passkey_relying_party),
            patch_refused: patch_refused.unwrap_or(self.patch_refused),
            put_unknown_user: put_unknown_user.unwrap_or(self.put_unknown_user),
            delete_unknown_user: delete_unknown_user.unwrap_or(self.delete_unknown_user),
            read_delay_ms: read_delay_ms.unwrap_or(self.read_delay_ms),
            list_delay_ms: list_delay_ms.unwrap_or(self.list_delay_ms),
            retry_after: retry_after.unwrap_or(self.retry_after),
            limit_headers: limit_headers.unwrap_or(self.limit_headers),
            reset_rounding: reset_rounding.unwrap_or(self.reset_rounding),
            page_size_cap: page_size_cap.unwrap_or(self.page_size_cap),
            page_size_above: page_size_above.unwrap_or(self.page_size_above),
            ..self
        }
    }

    /// Returns the facts about this tenant.
    pub fn facts(&self) -> TenantFacts {
        let settings = self.clone();
        TenantFacts {
            conflict: Some(settings.conflict),
            cap_per_user: settings.cap_per_user,
            cap_refusal: Some(settings.cap_refusal),
            refuses_disabled_factor: Some(settings.refuses_disabled_factor),
            long_name: Some(settings.long_name),
            refused_secrets: Some(settings.refused_secrets),
            masking: Some(settings.masking),
            masking_of_one: Some(settings.masking_of_one.unwrap_or(settings.masking)),
            passkey_required: Some(settings.passkey_required),
            passkey_relying_party: Some(settings.passkey_relying_party),
            patch_refused: Some(settings.patch_refused),
            put_unknown_user: Some(settings.put_unknown_user),
            delete_unknown_user: Some(settings.delete_unknown_user),
            read_delay_ms: Some(settings.read_delay_ms),
            list_delay_ms: Some(settings.list_delay_ms),
            retry_after: Some(settings.retry_after),
            limit_headers: Some(settings.limit_headers),
            reset_rounding: Some(settings.reset_rounding),
            page_size_cap: Some(settings.page_size_cap),
            page_size_above: Some(settings.page_size_above),
        }
    }
}
