//! A gzip file without compression: enough for a body that nobody asked to have packed.

use crate::crc32::crc32;

/// Wraps the bytes as gzip (RFC 1952), each block stored as it is (RFC 1951, 3.2.4).
pub(super) fn stored(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let blocks: Vec<&[u8]> = bytes.chunks(usize::from(u16::MAX)).collect();
    let last = blocks.len().saturating_sub(1);
    if blocks.is_empty() {
        packed.extend([1, 0, 0, 255, 255]);
    }
    for (at, block) in blocks.into_iter().enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        packed.push(u8::from(at == last));
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    packed.extend(crc32(bytes).to_le_bytes());
    let size = u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or(u32::MAX);
    packed.extend(size.to_le_bytes());
    packed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_block_has_the_text_and_its_length_twice() {
        let packed = stored(b"abc");
        let body = [1, 3, 0, 252, 255, b'a', b'b', b'c'];
        assert_eq!(packed.get(10..18), Some(body.as_slice()));
        assert_eq!(packed.len(), 26);
    }
}
