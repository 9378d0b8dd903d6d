//! Seeded randomness: the same seed and the same words give the same answer on every machine.
//!
//! Not for secrets. SplitMix64 over an FNV-1a hash: tiny, portable and good enough to pick words.

/// A seeded generator.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A generator for these words under this seed.
    pub fn new(seed: u64, words: &[&str]) -> Self {
        Self(hash(seed, words))
    }

    /// The next 64 random bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `end`; 0 where `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.roll() % end }
    }

    /// A number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        // 53 bits fit a float exactly.
        let bits = self.roll() >> 11;
        bits as f64 / (1_u64 << 53) as f64
    }

    /// One of the items; the default where there is none.
    pub fn pick<T: Clone + Default>(&mut self, items: &[T]) -> T {
        let at = self.below(items.len() as u64);
        usize::try_from(at)
            .ok()
            .and_then(|at| items.get(at))
            .cloned()
            .unwrap_or_default()
    }

    /// Letters and digits, as provider ids have them.
    pub fn base62(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..length)
            .map(|_| char::from(self.pick(ALPHABET)))
            .collect()
    }

    /// Lower-case hexadecimal digits.
    pub fn hex(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"0123456789abcdef";
        (0..length)
            .map(|_| char::from(self.pick(ALPHABET)))
            .collect()
    }

    /// Random bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| (self.roll() & 0xff) as u8).collect()
    }
}

/// A 64-bit hash of these words under this seed; the borders between words count.
pub fn hash(seed: u64, words: &[&str]) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ mix(seed);
    for word in words {
        for byte in word.as_bytes() {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        state = mix(state ^ word.len() as u64);
    }
    state
}

fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_and_words_give_same_rolls() {
        let mut one = Dice::new(7, &["a", "b"]);
        let mut two = Dice::new(7, &["a", "b"]);
        assert_eq!(one.base62(40), two.base62(40));
    }

    #[test]
    fn seed_words_and_their_borders_all_matter() {
        assert_ne!(hash(1, &["ab"]), hash(2, &["ab"]));
        assert_ne!(hash(1, &["ab", "c"]), hash(1, &["a", "bc"]));
    }

    #[test]
    fn unit_stays_below_one() {
        let mut dice = Dice::new(3, &[]);
        assert!(
            (0..1000)
                .map(|_| dice.unit())
                .all(|roll| (0.0..1.0).contains(&roll))
        );
    }
}
