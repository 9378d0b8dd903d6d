//! CRC-32, as gzip and AWS event streams have it.

/// The checksum of some bytes (polynomial 0xEDB88320), bit by bit.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksum_of_the_standard_check_text() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
