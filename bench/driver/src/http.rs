//! HTTP/1.1 message framing without sockets: heads by `httparse`, bodies by length or by chunks.
//! Bytes come from a [`BytesMut`] that the caller fills; what is not complete stays in it. Used on
//! both sides: the upstream reads requests, the driver reads answers.

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BytesMut};

/// Headers of one message at most; a gateway that adds more than this is worth an error.
const HEADERS_MAX: usize = 100;
/// A chunk-size line at most, extensions included.
const CHUNK_LINE_BYTES_MAX: usize = 256;

/// How the rest of a message is delimited, and how far it is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// `Content-Length`: bytes still to come.
    Length(u64),
    /// `Transfer-Encoding: chunked`, at a chunk-size line.
    ChunkSize,
    /// Inside a chunk: bytes still to come.
    ChunkData(u64),
    /// After a chunk's data: its CRLF.
    ChunkEnd,
    /// After the last chunk: trailer lines up to an empty one.
    Trailer,
    /// Read to its end.
    Done,
}

impl Body {
    /// Takes as much of the body as `buffer` holds, in pieces to `sink`. True once it is complete.
    pub(crate) fn take(
        &mut self,
        buffer: &mut BytesMut,
        mut sink: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<bool> {
        loop {
            *self = match self {
                Self::Done => return Ok(true),
                Self::Length(0) => Self::Done,
                Self::ChunkData(0) => Self::ChunkEnd,
                Self::Length(left) | Self::ChunkData(left) => {
                    if buffer.is_empty() {
                        return Ok(false);
                    }
                    let size = buffer
                        .len()
                        .min(usize::try_from(*left).unwrap_or(usize::MAX));
                    sink(buffer.get(..size).unwrap_or_default())?;
                    buffer.advance(size);
                    *left -= size as u64;
                    continue;
                }
                Self::ChunkSize => match line(buffer)? {
                    None => return Ok(false),
                    Some(size) => match chunk_size(&size)? {
                        0 => Self::Trailer,
                        size => Self::ChunkData(size),
                    },
                },
                Self::ChunkEnd => match line(buffer)? {
                    None => return Ok(false),
                    Some(rest) => {
                        ensure!(rest.is_empty(), "a chunk is longer than its size line says");
                        Self::ChunkSize
                    }
                },
                Self::Trailer => match line(buffer)? {
                    None => return Ok(false),
                    Some(trailer) if trailer.is_empty() => Self::Done,
                    Some(_) => Self::Trailer,
                },
            };
        }
    }
}

/// The next line without its CRLF, or nothing if it isn't there in full.
fn line(buffer: &mut BytesMut) -> anyhow::Result<Option<BytesMut>> {
    let Some(end) = memchr::memchr(b'\n', buffer) else {
        ensure!(
            buffer.len() <= CHUNK_LINE_BYTES_MAX,
            "a chunk-size line does not end"
        );
        return Ok(None);
    };
    let mut line = buffer.split_to(end + 1);
    line.truncate(end);
    if line.last() == Some(&b'\r') {
        line.truncate(end - 1);
    }
    Ok(Some(line))
}

/// The size that a chunk's first line gives.
fn chunk_size(line: &[u8]) -> anyhow::Result<u64> {
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits)?.trim();
    u64::from_str_radix(digits, 16).with_context(|| format!("`{digits}` is no chunk size"))
}

/// The delimiting that a message's headers announce.
fn body_of(headers: &[httparse::Header<'_>]) -> anyhow::Result<Option<Body>> {
    let mut length = None;
    for header in headers {
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            ensure!(
                header.value.eq_ignore_ascii_case(b"chunked"),
                "a transfer coding not known"
            );
            return Ok(Some(Body::ChunkSize));
        }
        if header.name.eq_ignore_ascii_case("content-length") {
            length = Some(std::str::from_utf8(header.value)?.trim().parse()?);
        }
    }
    Ok(length.map(Body::Length))
}

/// Reads a response's head off `buffer`: its status and how its body is delimited.
pub(crate) fn response_head(buffer: &mut BytesMut) -> anyhow::Result<Option<(u16, Body)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(size) = head.parse(buffer)? else {
        return Ok(None);
    };
    let status = head.code.unwrap_or_default();
    let Some(body) = body_of(head.headers)? else {
        bail!("a response of status {status} without a length: the connection can't be reused");
    };
    buffer.advance(size);
    Ok(Some((status, body)))
}

/// Reads a request's head off `buffer`: whether it posts a chat completion, and its body.
pub(crate) fn request_head(buffer: &mut BytesMut) -> anyhow::Result<Option<(Endpoint, Body)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(size) = head.parse(buffer)? else {
        return Ok(None);
    };
    let endpoint = match (head.method, head.path) {
        (Some("POST"), Some("/v1/chat/completions")) => Endpoint::Chat,
        (Some("GET"), Some("/v1/models")) => Endpoint::Models,
        _ => Endpoint::Other,
    };
    let body = body_of(head.headers)?.unwrap_or(Body::Done);
    buffer.advance(size);
    Ok(Some((endpoint, body)))
}

/// What the upstream knows how to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// `POST /v1/chat/completions`.
    Chat,
    /// `GET /v1/models`.
    Models,
    /// Anything else: 404.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: 1\r\n\r\nNEXT";

    /// Feeds `bytes` in pieces of `step` bytes; gives status, body and what is left over.
    fn read(bytes: &[u8], step: usize) -> anyhow::Result<(u16, Vec<u8>, Vec<u8>)> {
        let (mut buffer, mut head, mut out) = (BytesMut::new(), None, Vec::new());
        let mut done = false;
        for piece in bytes.chunks(step) {
            buffer.extend_from_slice(piece);
            if head.is_none() {
                head = response_head(&mut buffer)?;
            }
            if let Some((_, body)) = &mut head {
                done = body.take(&mut buffer, |piece| {
                    out.extend_from_slice(piece);
                    Ok(())
                })?;
            }
        }
        ensure!(done, "not complete");
        Ok((head.unwrap().0, out, buffer.to_vec()))
    }

    #[test]
    fn chunked_bodies_read_alike_however_the_bytes_are_cut() {
        for step in 1..=CHUNKED.len() {
            let (status, body, rest) = read(CHUNKED, step).unwrap();
            assert_eq!(
                (status, body.as_slice()),
                (200, b"hello world".as_slice()),
                "step {step}"
            );
            assert_eq!(rest, b"NEXT", "step {step}");
        }
    }

    #[test]
    fn a_length_ends_the_body_and_leaves_the_next_message() {
        let bytes = b"HTTP/1.1 429 Busy\r\ncontent-length: 3\r\n\r\nabcHTTP";
        let (status, body, rest) = read(bytes, 7).unwrap();
        assert_eq!(
            (status, body.as_slice(), rest.as_slice()),
            (429, &b"abc"[..], &b"HTTP"[..])
        );
    }

    #[test]
    fn a_response_without_a_length_is_refused() {
        assert!(read(b"HTTP/1.1 200 OK\r\n\r\nabc", 99).is_err());
    }

    #[test]
    fn a_chunk_longer_than_its_size_is_refused() {
        let bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n";
        assert!(read(bytes, 99).is_err());
    }

    #[test]
    fn a_request_is_known_by_method_and_path() {
        let mut buffer = BytesMut::from(
            &b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}"[..],
        );
        let head = request_head(&mut buffer).unwrap().unwrap();
        assert_eq!(head, (Endpoint::Chat, Body::Length(2)));
        assert_eq!(&buffer[..], b"{}");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), step in 1_usize..50) {
            drop(read(&bytes, step));
            let mut buffer = BytesMut::from(bytes.as_slice());
            drop(Body::ChunkSize.take(&mut buffer, |_| Ok(())));
        }
    }
}
