//! Place of a ledger that is not kept: that of a dry run, or of the sandbox.

use std::{fs::Permissions, os::unix::fs::PermissionsExt};

use crate::error::Error;

/// Makes a folder for a ledger without a name, for its owner only.
pub(in crate::commands) fn scratch() -> Result<tempfile::TempDir, Error> {
    tempfile::Builder::new()
        .prefix("mfaferry-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir()
        .map_err(|error| {
            let hint = "let $TMPDIR name a folder that you can write to, or give --ledger";
            Error::config(format!("a temporary ledger cannot be made: {error}"), hint)
        })
}
