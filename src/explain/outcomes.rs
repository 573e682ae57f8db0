//! Outcomes in doubt, and reasons why a method is not replaced or deleted.

use super::Explanation;

/// Explanations.
pub(super) const TABLE: &[Explanation] = &[
    Explanation::of(
        "timeout",
        "No answer came in time.",
        "The tenant or the network was slow.",
        "A factor that `failed` for this was looked up, and is not there: run again with `--retry failed`.",
    ),
    Explanation::of(
        "connection_lost",
        "The connection broke after the request was sent.",
        "The network, a proxy or the tenant closed it.",
        "A factor that `failed` for this was looked up, and is not there: run again with `--retry failed`.",
    ),
    Explanation::of(
        "no_answer",
        "The request was not executed, as often as it was tried.",
        "The tenant was overloaded or out of reach.",
        "Run again with `--retry failed`.",
    ),
    Explanation::of(
        "unreadable_answer",
        "The body of an answer broke off.",
        "The connection was lost while the answer was read.",
        "Run again with `--retry failed`; what needs review is shown by `mfaferry verify INPUT`.",
    ),
    Explanation::of(
        "foreign_answer",
        "An answer does not look like the API's.",
        "A proxy, a firewall or a login page answered in place of the tenant.",
        "Find out what is between this machine and the tenant, then run again with `--retry failed`.",
    ),
    Explanation::of(
        "unexpected_answer",
        "The tenant returned a result that was not requested.",
        "Something in between may have answered.",
        "Run `mfaferry verify INPUT` to see what is there.",
    ),
    Explanation::of(
        "incomplete_list",
        "A part of the user's list is missing.",
        "The list changed while it was read.",
        "Look at the user's methods in the dashboard, or run `mfaferry verify INPUT`.",
    ),
    Explanation::of(
        "unreadable_list",
        "The pages of the user's list do not fit together.",
        "The list changed while it was read, or something in between answered.",
        "Look at the user's methods in the dashboard, or run `mfaferry verify INPUT`.",
    ),
    Explanation::of(
        "too_many_methods",
        "The user's list is longer than any user's should be.",
        "Another program may be creating methods for this user.",
        "Look at the user's methods in the dashboard.",
    ),
    Explanation::of(
        "list_of_another_user",
        "The list holds a method that was created for another user.",
        "Something in between mixed up answers, such as a cache.",
        "Find out what is between this machine and the tenant.",
    ),
    Explanation::of(
        "no_usable_list",
        "The tenant gave no usable list, even after several requests.",
        "The tenant was overloaded or out of reach.",
        "Run `mfaferry verify INPUT` when the tenant is well.",
    ),
    Explanation::of(
        "list_refused",
        "The tenant refuses to list the user's methods.",
        "The token may lack `read:authentication_methods`, or the user was deleted.",
        "Grant the scope, and run `mfaferry verify INPUT`.",
    ),
    Explanation::of(
        "not_created",
        "Every attempt was lost, and the user's list shows that none has created anything.",
        "The tenant or the network failed again and again.",
        "Run again with `--retry failed`.",
    ),
    Explanation::of(
        "older_candidate",
        "Something like the factor is there, and may be older than the attempt.",
        "The user may have enrolled the same kind under the same name.",
        "Look at the user's methods: compare the time of creation with the ledger's.",
    ),
    Explanation::of(
        "clock_unknown",
        "Something like the factor is there, and it cannot be told whether it is older than the attempt.",
        "No answer has shown the tenant's clock.",
        "Look at the user's methods: compare the time of creation with the ledger's.",
    ),
    Explanation::of(
        "several_candidates",
        "More than one method like the factor is there.",
        "The user may have enrolled the same kind under the same name.",
        "Look at the user's methods, and delete the one too many.",
    ),
    Explanation::of(
        "other_name",
        "Something like the factor is there under another name.",
        "The user or somebody else may have renamed it.",
        "Look at the user's methods.",
    ),
    Explanation::of(
        "id_given_twice",
        "The tenant gave one id for two factors.",
        "Something in between repeated an answer.",
        "Run `mfaferry verify INPUT`: one of the two may be missing.",
    ),
    Explanation::of(
        "also_there",
        "The factor is there more than once; the other ids are named.",
        "A request that had got no answer was executed late.",
        "Delete the ones too many with `mfaferry delete`.",
    ),
    Explanation::of(
        "would_destroy",
        "Replacing the user's set would delete a method that PUT cannot hold; its type is named.",
        "The user has a security key, a passkey, push or recovery codes.",
        "Import the user's factors one by one, or accept the loss with `--allow-loss`.",
    ),
    Explanation::of(
        "other_time",
        "The method was not created at the time of the import.",
        "The user may have deleted the imported one and enrolled again.",
        "Keep it. `undo --force` deletes it all the same.",
    ),
    Explanation::of(
        "used_since",
        "The method was used since the import.",
        "The user logs in with it.",
        "Keep it. `undo --force` deletes it all the same.",
    ),
    Explanation::of(
        "other_type",
        "The method is of another type than the import created.",
        "The id was given to another method since.",
        "Keep it. `undo --force` deletes it all the same.",
    ),
    Explanation::of(
        "renamed",
        "The method was renamed since the import.",
        "The user or somebody else renamed it.",
        "Keep it. `undo --force` deletes it all the same.",
    ),
    Explanation::of(
        "unknown",
        "The ledger holds a reason that this version does not know.",
        "A newer version wrote it.",
        "Read the ledger with the version that wrote it.",
    ),
];
