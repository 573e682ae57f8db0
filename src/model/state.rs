//! Operation and state of a ledger's row.

coded! {
    /// Operation of a ledger's row. `undo` is recorded in the rows of the import.
    Operation {
        /// A factor to be created.
        Import = 0 => "import",
        /// A user's methods, or one of them, to be written out.
        Export = 1 => "export",
        /// A factor of a user's whole set.
        Replace = 2 => "replace",
        /// A method to be changed.
        Update = 3 => "update",
        /// A method, or a user's methods, to be deleted.
        Delete = 4 => "delete",
        /// A person to be found among the tenant's users.
        Resolve = 5 => "resolve",
    }
}

coded! {
    /// State of a row; the names are the contract's (section 1) and those of the other operations.
    State {
        /// Known not to be there and still to do. Never shown: no intent is open.
        Pending = 0 => "pending",
        /// Intent recorded, outcome not yet known.
        InFlight = 1 => "in_flight",
        /// This tool created it.
        Created = 2 => "created",
        /// It was there before.
        AlreadyPresent = 3 => "already_present",
        /// Refused for good.
        Rejected = 4 => "rejected",
        /// Provably not created, and tried as often as allowed. Of what may be repeated at will: not
        /// known to be done.
        Failed = 5 => "failed",
        /// It could not be established whether it exists.
        NeedsReview = 6 => "needs_review",
        /// It is in its user's whole set now.
        Replaced = 7 => "replaced",
        /// It has its new name or channel.
        Updated = 8 => "updated",
        /// It is no longer there.
        Deleted = 9 => "deleted",
        /// It was no longer there.
        AlreadyGone = 10 => "already_gone",
        /// This tool created it, and has taken it away again.
        Undone = 11 => "undone",
        /// This tool created it, and has left it when asked to take it away.
        Kept = 12 => "kept",
        /// It is written out.
        Exported = 13 => "exported",
        /// This tool created it; it is being taken away. Shown as in flight.
        Undoing = 14 => "in_flight",
        /// The source has it, but no API can create it, or the source does not hand it out.
        NotCarried = 15 => "not_carried",
        /// The person is known as a user of the tenant.
        Resolved = 16 => "resolved",
    }
}

impl State {
    /// Returns whether a request may be under way whose outcome is not known.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::InFlight | Self::Undoing)
    }

    /// Returns whether a later run leaves it alone.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::InFlight | Self::Undoing)
    }

    /// Returns whether it needs attention: such a run ends with exit code 4.
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Rejected | Self::Failed | Self::NeedsReview)
    }

    /// Returns whether every row in it has a reason for it.
    pub const fn has_reason(self) -> bool {
        self.needs_attention() || matches!(self, Self::NotCarried | Self::Kept)
    }
}
