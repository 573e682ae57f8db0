//! Findings before a run.

use super::Explanation;

/// Explanations.
pub(super) const TABLE: &[Explanation] = &[
    Explanation::of(
        "scope_missing",
        "The token lacks a scope that `import` needs.",
        "The application was not granted the scope for the Management API.",
        "Grant it under Applications > APIs > Auth0 Management API.",
    ),
    Explanation::of(
        "factor_off",
        "INPUT has factors of a type that is switched off at the tenant.",
        "These users would be asked to enrol anew with a password alone.",
        "Switch the factor on under Security > Multi-factor Auth before anybody logs in.",
    ),
    Explanation::of(
        "no_policy",
        "The tenant has no policy that asks for a factor at login.",
        "An Action may ask for it instead.",
        "Set a policy under Security > Multi-factor Auth, or check that an Action does it.",
    ),
    Explanation::of(
        "rp_id_unservable",
        "INPUT has keys or passkeys of a relying party that the tenant cannot serve.",
        "They work only if logins run on that host or below it.",
        "Set up a custom domain that fits, or its `relying_party_identifier`; otherwise these users must enrol again.",
    ),
    Explanation::of(
        "users_missing",
        "Users of INPUT do not exist at the tenant.",
        "They were not imported yet, or have other ids there.",
        "Import the users first, or correct the ids (`--user-id`, `--users`).",
    ),
    Explanation::of(
        "users_have_methods",
        "Users of INPUT already hold methods.",
        "They enrolled at the tenant, or an earlier import created them.",
        "Use the ledger of the earlier import, or `--skip-existing`.",
    ),
    Explanation::of(
        "sms_off",
        "Phones are to get text messages, which are switched off at the tenant.",
        "The phone factor delivers by voice only.",
        "Switch on SMS under Security > Multi-factor Auth > Phone.",
    ),
    Explanation::of(
        "voice_off",
        "Phones are to get calls, which are switched off at the tenant.",
        "The phone factor delivers by SMS only.",
        "Switch on voice under Security > Multi-factor Auth > Phone.",
    ),
    Explanation::of(
        "email_only",
        "The only factor of users is email.",
        "Email is a dependent factor: Auth0 offers it only beside another one.",
        "Let these users enrol another factor.",
    ),
    Explanation::of(
        "many_per_user",
        "Users have more factors than the tenant is known to take.",
        "Auth0 limits the methods of a user.",
        "Leave out what the user no longer needs.",
    ),
    Explanation::of(
        "passkey_fields",
        "Passkeys of INPUT lack fields that the tenant requires, by --tenant-facts.",
        "The source did not keep them, or they are under another name in INPUT.",
        "Add the fields (`--map` renames columns), or expect these rows to be rejected.",
    ),
    Explanation::of(
        "lists_masked",
        "The tenant's lists show phone numbers and addresses masked.",
        "It is the tenant's default.",
        "Nothing to do. `verify` can find masked values consistent, but not equal.",
    ),
    Explanation::of(
        "no_recovery_codes",
        "Recovery codes cannot be carried over.",
        "Auth0 makes its own.",
        "Tell these users that their old codes end.",
    ),
    Explanation::of(
        "clock_off",
        "The clock of this machine differs from the tenant's.",
        "The machine is not synchronised.",
        "Synchronise it (NTP): what is in doubt is judged by time.",
    ),
    Explanation::of(
        "token_short",
        "The token ends before the run would.",
        "A token lives a day at most by default.",
        "Give client credentials, which renew it.",
    ),
    Explanation::of(
        "many_hours",
        "The run takes longer than `--max-duration`.",
        "It stops in good order then, and the same command goes on.",
        "Plan several runs, or give it more time.",
    ),
];
