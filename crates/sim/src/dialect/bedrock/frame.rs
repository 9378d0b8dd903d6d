//! AWS event-stream frames: lengths, two checksums, string headers, payload; all big-endian.

use crate::crc32::crc32;

/// Both lengths and their checksum.
const PRELUDE_BYTES: usize = 12;
/// The type byte of a header whose value is a string.
const STRING: u8 = 7;

/// An event of that name.
pub fn event(name: &str, payload: &[u8]) -> Vec<u8> {
    frame(
        &[
            (":event-type", name),
            (":content-type", "application/json"),
            (":message-type", "event"),
        ],
        payload,
    )
}

/// An exception of that name.
pub fn exception(name: &str, payload: &[u8]) -> Vec<u8> {
    frame(
        &[
            (":exception-type", name),
            (":content-type", "application/json"),
            (":message-type", "exception"),
        ],
        payload,
    )
}

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        block.extend(name.as_bytes());
        block.push(STRING);
        block.extend(u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        block.extend(value.as_bytes());
    }
    let size = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX).to_be_bytes();
    let total = PRELUDE_BYTES + block.len() + payload.len() + 4;
    let mut out = Vec::with_capacity(total);
    out.extend(size(total));
    out.extend(size(block.len()));
    out.extend(crc32(&out).to_be_bytes());
    out.extend(block);
    out.extend(payload);
    out.extend(crc32(&out).to_be_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The empty message of the test vectors that AWS publishes with its SDKs.
    #[test]
    fn an_empty_message_is_the_published_test_vector() {
        let wanted = [
            0, 0, 0, 0x10, 0, 0, 0, 0, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
        ];
        assert_eq!(frame(&[], b""), wanted);
    }

    #[test]
    fn lengths_say_where_headers_and_payload_end() {
        let bytes = event("messageStart", b"{}");
        let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        assert_eq!(number(0) as usize, bytes.len());
        let payload = PRELUDE_BYTES + number(4) as usize;
        assert_eq!(&bytes[payload..bytes.len() - 4], b"{}");
    }
}
