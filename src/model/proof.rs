//! Results of proving, by an app's codes, how a secret is read.

coded! {
    /// Result of a proof, best first.
    ProofVerdict {
        /// An import reads the secret as the app does.
        Right = 1 => "right",
        /// An import reads the secret as the app does, but one of the two clocks is wrong.
        RightButClock = 2 => "right_but_clock",
        /// The secret is in a different encoding than an import assumes.
        OtherEncoding = 3 => "other_encoding",
        /// The tenant cannot check the app's codes.
        OtherProfile = 4 => "other_profile",
        /// No reading of the secret yields the app's codes.
        NoMatch = 5 => "no_match",
    }
}

impl ProofVerdict {
    /// Returns true if an import reads the secret as the app does.
    pub const fn is_right(self) -> bool {
        matches!(self, Self::Right | Self::RightButClock)
    }
}
