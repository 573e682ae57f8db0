//! Oddities that do not prevent anything from being sent.

use super::Explanation;

/// Explanations.
pub(super) const TABLE: &[Explanation] = &[
    Explanation::of(
        "weak_secret",
        "The TOTP secret has fewer than 128 bits.",
        "Older systems made secrets of 80 bits.",
        "It is imported. Have the user enrol again some time.",
    ),
    Explanation::of(
        "long_secret",
        "The TOTP secret has more bits than HMAC-SHA-1 uses.",
        "The value may be in another encoding than declared.",
        "Prove it with `mfaferry check INPUT --prove USER_ID`.",
    ),
    Explanation::of(
        "one_character",
        "The TOTP secret is one character again and again.",
        "It is a placeholder or test data.",
        "Remove the row if it is: anyone can guess its codes.",
    ),
    Explanation::of(
        "null_word",
        "A cell holds a word such as `NULL`, and counts as empty.",
        "The export of a database writes empty values that way.",
        "Nothing to do if the cell is meant to be empty.",
    ),
    Explanation::of(
        "name_cut",
        "The name has more than 20 characters, and is cut.",
        "The API takes no more.",
        "Nothing to do, or shorten the name at the source.",
    ),
    Explanation::of(
        "no_connection_prefix",
        "The user id has no `|`.",
        "Auth0's ids are `connection|id`, such as `auth0|5f7c…`; this may be the source's own id.",
        "Check one user in the tenant. With `--from`, `--user-id 'auth0|{id}'` adds the prefix.",
    ),
    Explanation::of(
        "otpauth_parameter",
        "The `otpauth` URI has an unknown parameter.",
        "The app that wrote it has parameters of its own.",
        "Prove one such secret with `mfaferry check INPUT --prove USER_ID`.",
    ),
    Explanation::of(
        "backed_up_single_device",
        "A passkey that is bound to one device is said to be backed up.",
        "Two columns contradict each other.",
        "Compare them with the source.",
    ),
    Explanation::of(
        "shared_secret",
        "Different users have the same TOTP secret.",
        "A placeholder, test data, or a copied account. Anyone who has it can compute the codes of all of them.",
        "Look at the rows, and leave out what is no real secret.",
    ),
    Explanation::of(
        "shared_key_id",
        "Different users have the same `key_id`.",
        "A credential belongs to one user: an account was copied, or rows were mixed up.",
        "Find out at the source which user it belongs to.",
    ),
    Explanation::of(
        "more_shared_values",
        "More rows share a secret or key id with other users.",
        "There are too many to name each.",
        "Look at the rows that are named; the rest is likely to have the same cause.",
    ),
    Explanation::of(
        "not_all_compared",
        "Not every secret and key id was compared with every other.",
        "The table of compared values is bounded, and the file is longer.",
        "Nothing to do. Some shared values may go unnoticed.",
    ),
    Explanation::of(
        "column_looks_otherwise",
        "Many values of a column are refused for the same reason, so the others may only look valid.",
        "The whole column is in another encoding than declared.",
        "Prove one secret with `mfaferry check INPUT --prove USER_ID` before you import any.",
    ),
    Explanation::of(
        "spreadsheet_damage",
        "A spreadsheet has rewritten values in the file.",
        "The file was opened and saved: values that look right may have lost digits or zeros, too.",
        "Export the data again, and do not save it from a spreadsheet.",
    ),
    Explanation::of(
        "no_final_line_ending",
        "The last line of the file has no line ending.",
        "The file may be cut off. Some programs never write one.",
        "Compare the number of rows with the source.",
    ),
    Explanation::of(
        "missing_part",
        "A file that belongs to the export is missing.",
        "Only a part of the export was given.",
        "Give all files of the export, or their folder; `mfaferry sources NAME` lists them.",
    ),
    Explanation::of(
        "disabled_people",
        "People are disabled at the source.",
        "Their factors are carried all the same.",
        "Decide at the tenant whether they may log in.",
    ),
    Explanation::of(
        "hash_not_exported",
        "The export does not say which hash its TOTP tokens use, and SHA-1 is taken.",
        "privacyIDEA's CSV does not hold it.",
        "Ask privacyIDEA for tokens of another hash, or export YAML, which says it.",
    ),
];
