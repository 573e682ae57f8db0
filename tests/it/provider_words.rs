//! Words of the provider's API may be used in `src/auth0/`, and elsewhere only in listed places.

use std::collections::BTreeSet;

use crate::tidy::sources;

/// Words of the provider: its domain, and its API's paths, scopes, headers, settings and codes.
const PROVIDER_WORDS: [&str; 20] = [
    "auth0.com",
    "/api/v2",
    "/oauth/token",
    "users-by-email",
    "authentication-methods",
    "authenticators",
    "guardian/",
    "custom-domains",
    "tenants/settings",
    ":authentication_methods",
    ":guardian_factors",
    ":mfa_policies",
    ":custom_domains",
    ":tenant_settings",
    "read:users",
    "x-ratelimit-",
    "x-correlation-id",
    "disable_management_api",
    "feature_not_enabled",
    "too_many_requests",
];

/// Rooms and files besides `auth0/` that use such words, each with its reason.
const PROVIDER_SPEAKERS: [(&str, &str); 9] = [
    ("cli/", "help names the scopes that a token needs, and a domain as an example"),
    ("commands/export.rs", "names the setting that masks what was exported"),
    ("explain/", "says which scope or plan is missing"),
    ("plan/phone/mod.rs", "names the setting that masks what was exported"),
    ("probe/questions/page_size.rs", "measures lists as they come"),
    ("preflight/judge/factors.rs", "shows commands of the provider's own CLI"),
    ("sandbox/", "answers as the provider does"),
    ("sources/auth0_export.rs", "reads exports of the provider's own"),
    ("sources/auth0_users.rs", "reads exports of the provider's own"),
];

#[test]
fn the_words_of_the_provider_stand_in_its_room_and_where_people_need_them() {
    let mut speakers = BTreeSet::new();
    for (file, code) in sources().into_iter().filter(|(file, _)| !file.starts_with("auth0/")) {
        let code = code.to_ascii_lowercase();
        for word in PROVIDER_WORDS.into_iter().filter(|word| code.contains(word)) {
            let speaker = PROVIDER_SPEAKERS.iter().find(|(place, _)| file.starts_with(place));
            let (place, _) = speaker.unwrap_or_else(|| panic!("{file} has `{word}`"));
            speakers.insert(*place);
        }
    }
    let listed: BTreeSet<_> = PROVIDER_SPEAKERS.iter().map(|(place, _)| *place).collect();
    assert_eq!(speakers, listed, "PROVIDER_SPEAKERS lists places without such a word");
}
