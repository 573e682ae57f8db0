//! People of a source and users of the tenant.

use super::Explanation;

/// Explanations.
pub(super) const TABLE: &[Explanation] = &[
    Explanation::of(
        "user_not_mapped",
        "Neither template nor map gives this person a user id.",
        "The person is not in the map, or the export lacks the field that the template needs.",
        "Add the person to the map, which `mfaferry resolve` makes by asking the tenant, or give a --user-id \
         template that every person has the fields for.",
    ),
    Explanation::of(
        "user_ambiguous",
        "Several users fit this person.",
        "The tenant has several users with the address, one for each connection, or the map has several lines.",
        "Name the connection (`mfaferry resolve … --connection NAME`), or leave one line in the map.",
    ),
    Explanation::of(
        "user_collision",
        "Two people of the source would become one user.",
        "Both have the field that the template uses, or the map gives both the same id.",
        "Decide which of the two it is. Neither is imported, since one would get the other's factors.",
    ),
    Explanation::of(
        "email_not_verified",
        "The source has not verified the address of this person.",
        "The user who signed up at the tenant with this address may be a different person.",
        "Verify the address at the source, or accept the risk with `--trust-unverified-email`.",
    ),
];
