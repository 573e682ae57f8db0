//! Reproducible randomness: every draw depends only on the seed, its purpose and its number, so
//! that one request's draws do not depend on what others did in between.

use fastrand::Rng;

/// Purpose of a draw.
#[derive(Clone, Copy, Debug)]
pub(super) enum RngPurpose {
    Fault,
    TokenFault,
    Latency,
    MethodId,
    Token,
    Use,
}

/// The generator for draw `ordinal` of a purpose.
pub(super) fn rng(seed: u64, purpose: RngPurpose, ordinal: u64) -> Rng {
    Rng::with_seed(mix(mix(mix(seed) ^ purpose as u64) ^ ordinal))
}

/// `length` letters and digits.
pub(super) fn letters(mut rng: Rng, length: usize) -> String {
    (0..length).map(|_| rng.alphanumeric()).collect()
}

/// The finaliser of `SplitMix64`: neighbouring numbers must not give similar draws.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_and_differ_by_seed_purpose_and_number() {
        let draw = |seed, purpose, ordinal| letters(rng(seed, purpose, ordinal), 16);
        let first = draw(1, RngPurpose::MethodId, 0);
        assert_eq!(first, draw(1, RngPurpose::MethodId, 0));
        for other in [
            draw(2, RngPurpose::MethodId, 0),
            draw(1, RngPurpose::Token, 0),
            draw(1, RngPurpose::MethodId, 1),
        ] {
            assert_ne!(first, other);
        }
    }
}
