//! Keyed stand-ins for values: how a factor is known again without holding what it is.

/// 128 bits that stand for one factor of one user: type and identifying value, not its name,
/// line or preferred channel. Keyed, so that a phone number cannot be found by trying them all
/// without the ledger's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The part that the index in memory holds.
    pub fn tag(self) -> u32 {
        u32::from_le_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}

/// 32 bits that stand for a name: enough to tell that a method no longer has the one it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameTag(pub u32);
