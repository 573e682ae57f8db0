//! Operation and state of a ledger's row.

coded! {
    /// Operation that a ledger's row is for. `undo` is recorded in the rows of the import.
    Operation {
        /// A factor to be created.
        Import = 0 => "import",
        /// The methods of a user, or one of them, to be exported.
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
        /// Known not to exist and still to be done. Never shown: no intent is open.
        Pending = 0 => "pending",
        /// Intent recorded, outcome not known yet.
        InFlight = 1 => "in_flight",
        /// Created by this tool.
        Created = 2 => "created",
        /// It existed before.
        AlreadyPresent = 3 => "already_present",
        /// Refused for good.
        Rejected = 4 => "rejected",
        /// Provably not created, and tried as often as allowed. For operations that may be repeated
        /// at will: not known to be done.
        Failed = 5 => "failed",
        /// It is unknown whether it exists.
        NeedsReview = 6 => "needs_review",
        /// It belongs to its user's whole set now.
        Replaced = 7 => "replaced",
        /// It has its new name or channel.
        Updated = 8 => "updated",
        /// Deleted.
        Deleted = 9 => "deleted",
        /// It had been deleted before.
        AlreadyGone = 10 => "already_gone",
        /// Created by this tool, and deleted again.
        Undone = 11 => "undone",
        /// Created by this tool, and kept when it was to be deleted.
        Kept = 12 => "kept",
        /// Written to the output.
        Exported = 13 => "exported",
        /// Created by this tool, and being deleted. Shown as in flight.
        Undoing = 14 => "in_flight",
        /// The source has it, but no API can create it, or the source does not export it.
        NotCarried = 15 => "not_carried",
        /// The person was found among the tenant's users.
        Resolved = 16 => "resolved",
    }
}

impl State {
    /// Returns whether a request with an unknown outcome may be under way.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::InFlight | Self::Undoing)
    }

    /// Returns whether later runs leave the row alone.
    pub const fn is_settled(self) -> bool {
        !matches!(self, Self::Pending | Self::InFlight | Self::Undoing)
    }

    /// Returns whether the row needs attention: a run with such rows ends with exit code 4.
    pub const fn needs_attention(self) -> bool {
        matches!(self, Self::Rejected | Self::Failed | Self::NeedsReview)
    }

    /// Returns whether every row in this state has a reason.
    pub const fn has_reason(self) -> bool {
        self.needs_attention() || matches!(self, Self::NotCarried | Self::Kept)
    }
}
