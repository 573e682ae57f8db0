//! Answers to the five questions about the tenant as a whole, as in the API's description.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{fields::Fields, wire::query_error};
use crate::sandbox::{
    answer::{self, Answer},
    call::TenantResource,
    settings::Settings,
    setup::{CustomDomain, DomainStatus, GuardianFactor, GuardianFactors, MfaPolicy},
    tenant::method::Channel,
};

/// State of the tenant that no operation changes.
#[derive(Debug)]
pub(in crate::sandbox) struct TenantSetup {
    factors: GuardianFactors,
    message_types: Vec<Channel>,
    policies: Vec<MfaPolicy>,
    domains: Vec<CustomDomain>,
    masking: bool,
}

impl TenantSetup {
    pub(in crate::sandbox) fn new(settings: &Settings) -> Self {
        Self {
            factors: settings.guardian_factors.clone(),
            message_types: settings.message_types.clone(),
            policies: settings.mfa_policies.clone(),
            domains: settings.custom_domains.clone(),
            masking: settings.masking,
        }
    }

    pub(in crate::sandbox) fn answer(&self, question: TenantResource, query: &str) -> Answer {
        // Other parameters of the query are unknown to the question.
        let mut fields = Fields::default();
        for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let taken = match question {
                TenantResource::Settings => fields.take(&key, &value),
                TenantResource::Factors
                | TenantResource::MessageTypes
                | TenantResource::Policies
                | TenantResource::Domains => Ok(false),
            };
            match taken {
                Ok(true) => {}
                Ok(false) => {
                    let message = query_error("Additional properties not allowed", &key);
                    return answer::invalid_query(&message);
                }
                Err(message) => return answer::invalid_query(&message),
            }
        }
        let body = match question {
            TenantResource::Factors => self.factors(),
            TenantResource::MessageTypes => json!({"message_types": self.message_types}),
            TenantResource::Policies => json!(self.policies),
            TenantResource::Domains => self.domains.iter().enumerate().map(domain).collect(),
            TenantResource::Settings => self.settings(&fields),
        };
        Answer::json(StatusCode::OK, &body)
    }

    fn factors(&self) -> Value {
        let factor = |factor: GuardianFactor| {
            let enabled = self.factors.get(&factor).copied().unwrap_or(true);
            json!({"name": factor, "enabled": enabled, "trial_expired": false})
        };
        GuardianFactor::ALL.into_iter().map(factor).collect()
    }

    fn settings(&self, fields: &Fields) -> Value {
        let mut settings = json!({
            "flags": {
                "enable_client_connections": false,
                "disable_management_api_sms_obfuscation": !self.masking,
            },
            "friendly_name": "Sandbox",
            "enabled_locales": ["en"],
        });
        if let Value::Object(map) = &mut settings {
            map.retain(|key, _| fields.show(key));
        }
        settings
    }
}

/// A domain with the fields that its description requires.
fn domain((number, domain): (usize, &CustomDomain)) -> Value {
    let is_ready = domain.status == DomainStatus::Ready;
    let mut shown = json!({
        "custom_domain_id": format!("cd_{:016}", number + 1),
        "domain": domain.domain,
        "primary": number == 0,
        "status": domain.status,
        "type": "auth0_managed_certs",
        "verification": {"methods": [], "status": if is_ready { "verified" } else { "pending" }},
        "tls_policy": "recommended",
    });
    if let Some(relying_party) = &domain.relying_party_identifier {
        shown["relying_party_identifier"] = relying_party.as_str().into();
    }
    shown
}
