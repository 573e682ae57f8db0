//! Refusals of the tenant, which hold for one row.

use super::Explanation;

/// Explanations.
pub(super) const TABLE: &[Explanation] = &[
    Explanation::of(
        "user_not_found",
        "The tenant has no such user.",
        "The user was not imported yet, was deleted, or has another id. In a map: no user has the address.",
        "Create the users, then run the import again with `--retry rejected`.",
    ),
    Explanation::of(
        "method_not_found",
        "The user has no such method.",
        "It was deleted since the list was made.",
        "Export the user's methods again.",
    ),
    Explanation::of(
        "not_found",
        "The tenant answered 404 and named neither user nor method.",
        "The id holds a character that the API does not take, or something in between answered.",
        "Look at the user in the tenant's dashboard, then run again with `--retry rejected`.",
    ),
    Explanation::of(
        "entity_limit",
        "The user has as many methods of this type as the tenant allows.",
        "The user enrolled factors there already, or INPUT holds many for the same user.",
        "Remove old methods of the user, then run again with `--retry rejected`.",
    ),
    Explanation::of(
        "user_has_passkey",
        "The tenant refuses this for a user who has a passkey.",
        "Auth0 does not replace or delete whole sets that hold a passkey.",
        "List the user's methods with `mfaferry export`, and change them one by one.",
    ),
    Explanation::of(
        "too_many_user_identifiers",
        "The user would have more identifiers than the tenant allows.",
        "Phone and email can also be identifiers for login, which are limited.",
        "Look at the user's identifiers in the dashboard.",
    ),
    Explanation::of(
        "forbidden",
        "The tenant answered 403 for a reason that is not known.",
        "A setting of the tenant forbids it.",
        "Look at the tenant's log for the request (`correlation_id` in the report).",
    ),
    Explanation::of(
        "invalid_uri",
        "The tenant refused the path of the request, most likely its user id.",
        "The id holds characters that Auth0 does not take.",
        "Correct the user id.",
    ),
    Explanation::of(
        "invalid_query_string",
        "The tenant refused the query of the request.",
        "The address of a person holds something that the API does not take.",
        "Correct the address at the source.",
    ),
    Explanation::of(
        "invalid_body",
        "The tenant refused the body of the request; the field is named where the tenant said it.",
        "The API has a rule that this version of mfaferry does not know.",
        "Correct the field. Please report the rule, so that `check` can find it.",
    ),
    Explanation::of(
        "bad_request",
        "The tenant answered 400 for a reason that is not known.",
        "The API has a rule that this version of mfaferry does not know.",
        "Look at the tenant's log for the request (`correlation_id` in the report).",
    ),
    Explanation::of(
        "conflict",
        "The tenant says that the factor is there already, but no list shows it.",
        "Another user may have it, or the list is behind.",
        "Run `mfaferry verify INPUT`, and look at the user in the dashboard.",
    ),
    Explanation::of(
        "second_of_type",
        "The tenant takes one method of this type of a user, by --tenant-facts, and the user has one.",
        "The user has enrolled another one, or the same: lists may not show which.",
        "Look at the user in the dashboard; delete the old method if the row's is to replace it, then run the import again with `--retry rejected`.",
    ),
    Explanation::of(
        "http",
        "The tenant answered with a status that has no other meaning; the status is named.",
        "Something between this machine and the tenant may have answered.",
        "Run the import again with `--retry rejected,failed`.",
    ),
];
