//! Outcomes of proving by the codes of an app how a secret is read.

coded! {
    /// Outcome of a proof, the best first.
    ProofVerdict {
        /// An import reads the secret as the app does.
        Right = 1 => "right",
        /// It does, and one of the two clocks is wrong.
        RightButClock = 2 => "right_but_clock",
        /// The secret is in another encoding than an import takes it to be in.
        OtherEncoding = 3 => "other_encoding",
        /// The tenant cannot check the codes of the app.
        OtherProfile = 4 => "other_profile",
        /// The codes of the app follow from no reading of the secret.
        NoMatch = 5 => "no_match",
    }
}

impl ProofVerdict {
    /// Returns true if an import reads the secret as the app does.
    pub const fn is_right(self) -> bool {
        matches!(self, Self::Right | Self::RightButClock)
    }
}
