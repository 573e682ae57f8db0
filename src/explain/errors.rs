//! Errors that stop a command.

use super::Explanation;

/// Explanations.
pub(super) const TABLE: &[Explanation] = &[
    Explanation::of(
        "usage",
        "The flags or arguments cannot be used (exit code 2).",
        "A flag is misspelt, lacks its value, or contradicts another.",
        "Read the message, and the command's `--help`.",
    ),
    Explanation::of(
        "unreadable_input",
        "The input cannot be read as a whole (exit code 2).",
        "It is another format, cut off, or damaged.",
        "Read the message: it names the line.",
    ),
    Explanation::of(
        "unusable_identity",
        "The template of `--user-id` or the map of `--users` cannot be used (exit code 2).",
        "A field or a column is misspelt, or the map is damaged.",
        "Read the message: it names the place.",
    ),
    Explanation::of(
        "configuration",
        "A setting is missing or wrong (exit code 3).",
        "A file, a variable or a flag has an invalid value.",
        "Read the message: it names the setting and where it comes from.",
    ),
    Explanation::of(
        "no_tenant",
        "Nothing says which tenant is meant (exit code 3).",
        "Neither `--domain` nor `AUTH0_DOMAIN` is set.",
        "Set one of them, or try `--sandbox`.",
    ),
    Explanation::of(
        "no_credentials",
        "Credentials are missing (exit code 3).",
        "Neither client credentials nor a token are set.",
        "Set `AUTH0_CLIENT_ID` and `AUTH0_CLIENT_SECRET`, or `AUTH0_API_TOKEN`.",
    ),
    Explanation::of(
        "credentials_refused",
        "The tenant refuses the client credentials (exit code 3).",
        "The secret or the client id is wrong, or the application may not use the Management API.",
        "Check both, and the application's grant for the Management API.",
    ),
    Explanation::of(
        "token_refused",
        "The tenant refuses the token (exit code 3).",
        "It has expired, or was taken at another domain.",
        "Check `--domain` and `--audience`, or get a new token.",
    ),
    Explanation::of(
        "feature_not_enabled",
        "The subscription of the tenant does not include what was asked for (exit code 3).",
        "Some factors need a paid plan.",
        "Ask Auth0 about the plan.",
    ),
    Explanation::of(
        "not_the_tenant",
        "Something other than the tenant answered (exit code 3).",
        "The domain is wrong, or a proxy answered.",
        "Check `--domain`, and what is between this machine and the tenant.",
    ),
    Explanation::of(
        "tenant_never_answered",
        "The tenant has never answered (exit code 3).",
        "The domain is wrong, or the network does not reach it.",
        "Check `--domain`, the proxy settings and the network.",
    ),
    Explanation::of(
        "everybody_refused",
        "The tenant refuses the same request for every user (exit code 3).",
        "A setting of the tenant forbids it.",
        "Read the message for the tenant's answer. No row was marked for it.",
    ),
    Explanation::of(
        "preflight_stop",
        "The tenant is not ready for INPUT (exit code 3).",
        "People would be locked out, as the message says.",
        "Mend it, or import all the same with `--accept CODE`. Nothing was sent.",
    ),
    Explanation::of(
        "user_has_methods",
        "The user of `probe --user-id` has methods already (exit code 3).",
        "It is not a throw-away user, or an earlier probe was killed.",
        "Make a user for this alone, or pass `--clean` or `--allow-existing`. Nothing was created.",
    ),
    Explanation::of(
        "ledger_unusable",
        "The ledger cannot be used (exit code 6).",
        "It is in use, damaged, or of another tenant.",
        "Read the message. Never delete a ledger to get on: it is what keeps factors from being created twice.",
    ),
    Explanation::of(
        "outage",
        "The tenant gave no usable answer for too long (exit code 5).",
        "It is down, or the network is.",
        "Run the same command again when it is back.",
    ),
    Explanation::of(
        "io",
        "Reading, writing or the machine failed (exit code 1).",
        "A disk is full, or a file cannot be read.",
        "Read the message. The ledger is intact, and the same command goes on.",
    ),
    Explanation::of(
        "internal",
        "A bug of mfaferry (exit code 1).",
        "Please report it.",
        "The ledger is intact, and the same command goes on.",
    ),
];
