//! Operation and state of a ledger's row.

/// Operation of a ledger's row. `undo` is recorded in the rows of the import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Operation {
    /// A factor to be created.
    Import = 0,
    /// A user's methods, or one of them, to be written out.
    Export = 1,
    /// A factor of a user's whole set.
    Replace = 2,
    /// A method to be changed.
    Update = 3,
    /// A method, or a user's methods, to be deleted.
    Delete = 4,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 5] =
        [Self::Import, Self::Export, Self::Replace, Self::Update, Self::Delete];

    /// The name in reports; the command's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::Export => "export",
            Self::Replace => "replace",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The operation of that number in a ledger.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| *operation as u8 == code)
    }
}

/// State of a row; the names are the contract's (section 1) and those of the other operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum State {
    /// Known not to be there and still to do. Never shown: no intent is open.
    Pending = 0,
    /// Intent recorded, outcome not yet known.
    InFlight = 1,
    /// This tool created it.
    Created = 2,
    /// It was there before.
    AlreadyPresent = 3,
    /// Refused for good.
    Rejected = 4,
    /// Provably not created, and tried as often as allowed. Of what may be repeated at will: not
    /// known to be done.
    Failed = 5,
    /// It could not be established whether it exists.
    NeedsReview = 6,
    /// It is in its user's whole set now.
    Replaced = 7,
    /// It has its new name or channel.
    Updated = 8,
    /// It is no longer there.
    Deleted = 9,
    /// It was no longer there.
    AlreadyGone = 10,
    /// This tool created it, and has taken it away again.
    Undone = 11,
    /// This tool created it, and has left it when asked to take it away.
    Kept = 12,
    /// It is written out.
    Exported = 13,
    /// This tool created it; it is being taken away. Shown as in flight.
    Undoing = 14,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 15] = [
        Self::Pending,
        Self::InFlight,
        Self::Created,
        Self::AlreadyPresent,
        Self::Rejected,
        Self::Failed,
        Self::NeedsReview,
        Self::Replaced,
        Self::Updated,
        Self::Deleted,
        Self::AlreadyGone,
        Self::Undone,
        Self::Kept,
        Self::Exported,
        Self::Undoing,
    ];

    /// The name in reports and summaries.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight | Self::Undoing => "in_flight",
            Self::Created => "created",
            Self::AlreadyPresent => "already_present",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
            Self::NeedsReview => "needs_review",
            Self::Replaced => "replaced",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::AlreadyGone => "already_gone",
            Self::Undone => "undone",
            Self::Kept => "kept",
            Self::Exported => "exported",
        }
    }

    /// The state of that number in a ledger.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == code)
    }

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
}
