//! How an input is taken apart: a head of choices, and the bytes behind it.

/// Length of the head.
pub(crate) const HEAD_BYTES: usize = 4;

/// An input: flags, where to cut, a choice, and the rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    /// What varies in how the rest is used; each target says what.
    pub(crate) flags: u8,
    /// Seed of the cuts.
    cuts: u16,
    /// A choice among several of a kind.
    pub(crate) choice: u8,
    /// The bytes themselves.
    pub(crate) rest: &'a [u8],
}

impl<'a> Input<'a> {
    /// Takes the head off; what is missing of it is zero.
    pub(crate) fn new(data: &'a [u8]) -> Self {
        let at = |index: usize| data.get(index).copied().unwrap_or_default();
        Self {
            flags: at(0),
            cuts: u16::from_le_bytes([at(1), at(2)]),
            choice: at(3),
            rest: data.get(HEAD_BYTES..).unwrap_or_default(),
        }
    }

    /// Whether a flag is set.
    pub(crate) const fn flag(self, bit: u8) -> bool {
        self.flags & (1 << bit) != 0
    }

    /// One of these, by the choice.
    pub(crate) fn pick<T>(self, list: &[T]) -> &T {
        &list[usize::from(self.choice) % list.len()]
    }

    /// A body cut into pieces of uneven length, empty ones among them; all of them are the body.
    pub(crate) fn pieces(self, body: &[u8]) -> Vec<&[u8]> {
        let mut state = u32::from(self.cuts) | 0x1_0000;
        let mut pieces = Vec::new();
        let mut rest = body;
        while !rest.is_empty() {
            // Xorshift: small pieces mostly, a large one now and then.
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let wanted = match state % 8 {
                0 => 0,
                1 | 2 => 1,
                3 => 2,
                4 => 7,
                5 => 64,
                _ => (state >> 8) as usize % 512,
            };
            let (piece, behind) = rest.split_at(wanted.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces
    }
}
