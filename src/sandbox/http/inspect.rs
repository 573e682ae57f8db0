//! `/_sandbox/…`: what a rehearsal in another process may see. Values are shown as digests only.

use hyper::StatusCode;
use serde::Serialize;

use crate::sandbox::{
    answer::{Answer, BucketHeaders, Media},
    stats::Stats,
    tenant::Tenant,
};

#[derive(Serialize)]
struct UserSummary<'a> {
    user_id: &'a str,
    methods: Vec<MethodSummary<'a>>,
}

#[derive(Serialize)]
struct MethodSummary<'a> {
    id: &'a str,
    r#type: &'static str,
    name: Option<&'a str>,
    created_at: String,
    digest: String,
}

pub(in crate::sandbox) fn stats(stats: &Stats) -> Answer {
    Answer { bucket: BucketHeaders::Omitted, ..Answer::json(StatusCode::OK, stats) }
}

/// One JSON object a line and user.
pub(in crate::sandbox) fn state(tenant: &Tenant) -> Answer {
    let mut lines = Vec::new();
    for (user_id, methods) in &tenant.snapshot() {
        let methods = methods.iter().map(|method| MethodSummary {
            id: &method.id,
            r#type: method.kind.as_str(),
            name: method.name.as_deref(),
            created_at: format!("{:.3}", method.created_at),
            digest: method.digest(),
        });
        // Structs of text cannot fail to serialize.
        lines.extend(
            serde_json::to_vec(&UserSummary { user_id, methods: methods.collect() })
                .unwrap_or_default(),
        );
        lines.push(b'\n');
    }
    Answer::text(StatusCode::OK, Media::JsonLines, lines)
}
