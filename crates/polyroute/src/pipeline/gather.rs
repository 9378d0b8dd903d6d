//! Pieces of a body → one run of bytes, without the copies of a buffer that doubles: what is refused for
//! its size has never taken more than its bound (rows S16, F23).

use bytes::{Bytes, BytesMut};

/// What is asked of memory at once.
const BLOCK_BYTES: usize = 1 << 20;

/// Bodies up to here are copied out of the buffer that they were read into: it is free for the next
/// read, in place of a new one.
const SMALL_BYTES: usize = 4 * 1024;

/// A body that comes piece by piece.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// The only piece so far: most bodies come in one, which is not copied.
    first: Option<Bytes>,
    full: Vec<BytesMut>,
    open: BytesMut,
    length: usize,
}

impl Gather {
    /// Bytes so far.
    pub(super) const fn length(&self) -> usize {
        self.length
    }

    /// Takes the next piece. `announced`: how long the body will be, if that was said.
    pub(super) fn push(&mut self, piece: Bytes, announced: Option<usize>) {
        self.length += piece.len();
        if self.length == piece.len() {
            self.first = Some(piece);
            return;
        }
        if let Some(first) = self.first.take() {
            let length = announced.unwrap_or(0).max(self.length).min(BLOCK_BYTES);
            self.open.reserve(length);
            self.append(&first);
        }
        self.append(&piece);
    }

    fn append(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            let room = BLOCK_BYTES.saturating_sub(self.open.len());
            let (now, later) = piece.split_at(room.min(piece.len()));
            self.open.extend_from_slice(now);
            piece = later;
            if self.open.len() >= BLOCK_BYTES {
                let next = BytesMut::with_capacity(BLOCK_BYTES);
                self.full.push(std::mem::replace(&mut self.open, next));
            }
        }
    }

    /// All of it.
    pub(super) fn finish(mut self) -> Bytes {
        if let Some(first) = self.first {
            return match first.len() {
                ..SMALL_BYTES => Bytes::copy_from_slice(&first),
                _ => first,
            };
        }
        if self.full.is_empty() {
            return self.open.freeze();
        }
        let mut whole = BytesMut::with_capacity(self.length);
        self.full.push(self.open);
        // Each block goes as soon as it was copied.
        for block in self.full {
            whole.extend_from_slice(&block);
        }
        whole.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_what_its_pieces_were() {
        for (length, piece) in [
            (0, 1),
            (1, 1),
            (10, 10),
            (10, 3),
            (BLOCK_BYTES, 7_000),
            (BLOCK_BYTES + 1, BLOCK_BYTES),
            (3 * BLOCK_BYTES + 5, 2 * BLOCK_BYTES),
            (3 * BLOCK_BYTES + 5, 65_536),
        ] {
            let body: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            for announced in [None, Some(length), Some(usize::MAX)] {
                let mut gather = Gather::default();
                for piece in body.chunks(piece) {
                    gather.push(Bytes::copy_from_slice(piece), announced);
                }
                assert_eq!(gather.length(), length);
                assert!(gather.finish() == body, "{length} in pieces of {piece}");
            }
        }
    }
}
