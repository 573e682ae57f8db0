//! Stand-ins for values that must never be shown, and assertions that a message shows none. Only
//! the fuzz targets use them.

/// Stand-ins for secret values: one as text, one as a number.
const CANARIES: [(u8, &str); 2] = [(b'$', "CaNaRy"), (b'~', "8472650917")];
/// Longest message.
const LONGEST_MESSAGE: usize = 512;

/// Returns the bytes, with canaries where the fuzzer has put marks.
pub(crate) fn with_canaries(data: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(data.len());
    for byte in data {
        match CANARIES.into_iter().find(|(sign, _)| sign == byte) {
            Some((_, canary)) => text.extend_from_slice(canary.as_bytes()),
            None => text.push(*byte),
        }
    }
    text
}

/// Asserts that a message contains no canary, in upper or lower case.
pub(crate) fn assert_discreet(message: &str) {
    let lower = message.to_ascii_lowercase();
    for (_, canary) in CANARIES {
        assert!(!lower.contains(&canary.to_ascii_lowercase()), "a value is told: {message}");
    }
}

/// Asserts that a message is also fit for people: bounded, and without anything that takes over a
/// terminal.
pub(crate) fn assert_presentable(message: &str) {
    assert_discreet(message);
    assert!(message.len() <= LONGEST_MESSAGE, "it is {} bytes long", message.len());
    assert_eq!(message, super::escape(message), "a terminal would heed it");
}

/// Returns the item of a list that a byte chooses; `0` chooses the first.
pub(crate) fn choose<T: Copy>(list: &[T], byte: u8) -> T {
    list[usize::from(byte.wrapping_sub(b'0')) % list.len()]
}
