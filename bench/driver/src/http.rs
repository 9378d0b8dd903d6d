//! HTTP/1.1 message framing without sockets: heads by `httparse`, bodies by length or by chunks.
//! Bytes come from a [`BytesMut`] that the caller fills; what is not complete stays in it. Used on
//! both sides: the upstream reads requests, the driver reads answers.

use anyhow::{Context, bail, ensure};
use bytes::{Buf, BytesMut};

use crate::answer::Dialect;
use crate::payload::Wanted;

/// Headers of one message at most; a gateway that adds more than this is worth an error.
const HEADERS_MAX: usize = 100;
/// A chunk-size line at most, extensions included.
const CHUNK_LINE_BYTES_MAX: usize = 256;

/// Room for a read: several streamed chunks, or a small message in one piece.
const READ_BYTES: usize = 16 * 1024;
/// The same inside a large body.
const READ_BYTES_MAX: usize = 256 * 1024;

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

/// Makes room in `buffer` for what is to be read next, more of it where a large body is known to
/// come.
pub(crate) fn reserve(buffer: &mut BytesMut, body: Option<&Body>) {
    let left = match body {
        Some(Body::Length(left) | Body::ChunkData(left)) => usize::try_from(*left).unwrap_or(0),
        _ => 0,
    };
    buffer.reserve(left.clamp(READ_BYTES, READ_BYTES_MAX));
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

/// Reads a request's head off `buffer`: what it asks for, and its body.
pub(crate) fn request_head(buffer: &mut BytesMut) -> anyhow::Result<Option<(Endpoint, Body)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(size) = head.parse(buffer)? else {
        return Ok(None);
    };
    let endpoint = endpoint(
        head.method.unwrap_or_default(),
        head.path.unwrap_or_default(),
    );
    let body = body_of(head.headers)?.unwrap_or(Body::Done);
    buffer.advance(size);
    Ok(Some((endpoint, body)))
}

/// What the upstream knows how to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// An answer in a dialect, whose request's body says which.
    Answer(Dialect),
    /// Gemini's `generateContent` or `streamGenerateContent`, whose path says which answer.
    Generate(Option<Wanted>),
    /// `GET /v1/models`, as OpenAI and Anthropic have it.
    Models,
    /// `GET /v1beta/models`, as Gemini has it.
    GeminiModels,
    /// Anything else: 404.
    Other,
}

/// What method and path ask for. A query is left out of account: SSE is all that we stream.
fn endpoint(method: &str, path: &str) -> Endpoint {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    match (method, path) {
        ("POST", "/v1/chat/completions") => Endpoint::Answer(Dialect::OpenAi),
        ("POST", "/v1/messages") => Endpoint::Answer(Dialect::Anthropic),
        ("POST", path) => path
            .strip_prefix("/v1beta/models/")
            .and_then(|rest| rest.split_once(':'))
            .map_or(Endpoint::Other, |(model, verb)| {
                let wanted = Wanted::from_model(model.as_bytes());
                Endpoint::Generate(wanted.filter(|wanted| match wanted {
                    Wanted::Whole { .. } => verb == "generateContent",
                    Wanted::Stream { .. } => verb == "streamGenerateContent",
                }))
            }),
        ("GET", "/v1/models") => Endpoint::Models,
        ("GET", "/v1beta/models") => Endpoint::GeminiModels,
        _ => Endpoint::Other,
    }
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
        assert_eq!(head, (Endpoint::Answer(Dialect::OpenAi), Body::Length(2)));
        assert_eq!(&buffer[..], b"{}");
    }

    #[test]
    fn paths_of_gemini_name_the_model_and_the_verb_must_fit_it() {
        let path = |verb: &str| format!("/v1beta/models/bench-{verb}");
        let whole = Wanted::Whole { body_bytes: 460 };
        assert_eq!(
            endpoint("POST", &path("460:generateContent?key=k")),
            Endpoint::Generate(Some(whole))
        );
        let stream = Wanted::Stream {
            chunks: 20,
            pace_ms: 10,
            usage: true,
        };
        assert_eq!(
            endpoint("POST", &path("20x10:streamGenerateContent?alt=sse")),
            Endpoint::Generate(Some(stream))
        );
        assert_eq!(
            endpoint("POST", &path("460:streamGenerateContent")),
            Endpoint::Generate(None)
        );
        assert_eq!(endpoint("POST", "/v1/other"), Endpoint::Other);
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
