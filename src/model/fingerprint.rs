//! Keyed stand-ins for values, by which a factor is recognised without being stored.

/// 128 bits that stand for one factor of one user: for its type and identifying value, not for its
/// name, line or preferred channel. They are keyed, so that without the ledger's key a phone number
/// cannot be found by trying all numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// Returns the part that the index in memory holds.
    pub fn tag(self) -> u32 {
        u32::from_le_bytes([self.0[0], self.0[1], self.0[2], self.0[3]])
    }
}

/// 32 bits that stand for a name: enough to notice that a method no longer has the name it was
/// given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameTag(pub u32);
