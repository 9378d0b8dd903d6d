//! The bytes on the wire: a chat request as an OpenAI SDK sends it, and the answers, whole and
//! streamed. The request's model name says which answer is wanted (`bench-460`: so many bytes;
//! `bench-200x10`: so many chunks, so many milliseconds apart), so that a run can mix sizes behind
//! one upstream and any gateway that passes the model on will do.

use std::fmt::Write as _;

use memchr::memmem;

/// What content chunks carry: this letter and the chunk's number, which the driver checks.
pub(crate) const CONTENT_MARK: &[u8] = br#""content":"w"#;
/// What a model name starts with, a provider's prefix aside.
const MODEL_MARK: &[u8] = br"bench-";
/// A paragraph to fill bodies with: plain words, so that no escapes are needed.
const FILLER: &str =
    "The gateway passes words along and should not read more of them than it must. ";

/// The answer that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wanted {
    /// One JSON body of about so many bytes.
    Whole {
        /// Size of the body.
        body_bytes: usize,
    },
    /// A stream of events.
    Stream {
        /// Content chunks; role, finish and usage chunks and `[DONE]` come on top.
        chunks: usize,
        /// Time between content chunks; 0 is as fast as they can be written.
        pace_ms: u64,
        /// Whether `stream_options.include_usage` was asked for.
        usage: bool,
    },
}

impl Wanted {
    /// The model name that asks for it.
    pub(crate) fn model(self) -> String {
        match self {
            Self::Whole { body_bytes } => format!("bench-{body_bytes}"),
            Self::Stream {
                chunks, pace_ms, ..
            } => format!("bench-{chunks}x{pace_ms}"),
        }
    }

    /// Reads it off a request's body, by search: the upstream must cost as little as it can.
    pub(crate) fn from_request(body: &[u8]) -> Option<Self> {
        let at = memmem::find(body, MODEL_MARK)?;
        let (first, rest) = number(body.get(at + MODEL_MARK.len()..)?)?;
        let Some(pace) = rest.strip_prefix(b"x") else {
            return Some(Self::Whole { body_bytes: first });
        };
        let (pace_ms, _) = number(pace)?;
        let usage = memmem::find(body, br#""include_usage""#).is_some();
        Some(Self::Stream {
            chunks: first,
            pace_ms: pace_ms as u64,
            usage,
        })
    }
}

/// The number that `bytes` start with, and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let size = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let value = std::str::from_utf8(bytes.get(..size)?).ok()?.parse().ok()?;
    Some((value, bytes.get(size..)?))
}

/// Words of exactly so many bytes.
fn filler(size: usize) -> String {
    FILLER.chars().cycle().take(size).collect()
}

/// A chat request of `body_bytes` (or a little more, if that is too few), head included.
pub(crate) fn request(wanted: Wanted, body_bytes: usize, host: &str, key: &str) -> Vec<u8> {
    let stream = match wanted {
        Wanted::Whole { .. } => "",
        Wanted::Stream { .. } => r#""stream":true,"stream_options":{"include_usage":true},"#,
    };
    let body = |words: &str| {
        format!(
            concat!(
                r#"{{"model":"{}",{}"temperature":0.2,"max_tokens":512,"messages":["#,
                r#"{{"role":"system","content":"You answer in one short paragraph."}},"#,
                r#"{{"role":"user","content":"{}"}}]}}"#
            ),
            wanted.model(),
            stream,
            words
        )
    };
    let body = body(&filler(body_bytes.saturating_sub(body("").len())));
    let accept = if stream.is_empty() {
        "application/json"
    } else {
        "text/event-stream"
    };
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\
         Accept: {accept}\r\nContent-Type: application/json\r\nUser-Agent: OpenAI/Python 1.99.0\r\n\
         X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 1.99.0\r\n\
         X-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\n\
         X-Stainless-Retry-Count: 0\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The headers beside framing that answers carry, as many as a provider sends.
const ANSWER_HEADERS: &str = "Server: bench\r\nOpenAI-Organization: bench\r\n\
    OpenAI-Processing-Ms: 12\r\nOpenAI-Version: 2020-10-01\r\n\
    X-Ratelimit-Limit-Requests: 10000\r\nX-Ratelimit-Limit-Tokens: 2000000\r\n\
    X-Ratelimit-Remaining-Requests: 9999\r\nX-Ratelimit-Remaining-Tokens: 1999912\r\n\
    X-Ratelimit-Reset-Requests: 6ms\r\nX-Ratelimit-Reset-Tokens: 2ms\r\n\
    X-Request-Id: req_bench0000000000000000000000000\r\n";

/// The usage object that whole answers and usage chunks carry.
const USAGE: &str = concat!(
    r#"{"prompt_tokens":88,"completion_tokens":42,"total_tokens":130,"#,
    r#""prompt_tokens_details":{"cached_tokens":0},"#,
    r#""completion_tokens_details":{"reasoning_tokens":0}}"#
);

/// A whole answer with its head.
pub(crate) fn answer(body_bytes: usize) -> Vec<u8> {
    let body = |words: &str| {
        format!(
            concat!(
                r#"{{"id":"chatcmpl-bench00000000","object":"chat.completion","#,
                r#""created":1741569952,"model":"bench","choices":[{{"index":0,"message":"#,
                r#"{{"role":"assistant","content":"{}","refusal":null}},"#,
                r#""finish_reason":"stop"}}],"usage":{}}}"#
            ),
            words, USAGE
        )
    };
    json_response(
        "200 OK",
        &body(&filler(body_bytes.saturating_sub(body("").len()))),
    )
}

/// A JSON response with the answers' headers.
pub(crate) fn json_response(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{ANSWER_HEADERS}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A streamed answer's head.
pub(crate) fn stream_head() -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
         Cache-Control: no-cache\r\n{ANSWER_HEADERS}Transfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes()
}

/// A streamed answer's body: one HTTP chunk for each write, one event in each but the last, which
/// holds what follows the content (finish, usage, `[DONE]`, the end of the body).
pub(crate) fn stream_frames(chunks: usize, usage: bool) -> Vec<Vec<u8>> {
    let mut frames = vec![frame(&chunk(
        r#"{"role":"assistant","content":""}"#,
        "null",
    ))];
    for sequence in 0..chunks {
        frames.push(frame(&chunk(
            &format!(r#"{{"content":"w{sequence:06} "}}"#),
            "null",
        )));
    }
    let mut last = frame(&chunk("{}", r#""stop""#));
    if usage {
        let chunk = format!(
            concat!(
                r#"{{"id":"chatcmpl-bench00000000","object":"chat.completion.chunk","#,
                r#""created":1741569952,"model":"bench","choices":[],"usage":{}}}"#
            ),
            USAGE
        );
        last.extend_from_slice(&frame(&chunk));
    }
    last.extend_from_slice(&frame("[DONE]"));
    last.extend_from_slice(b"0\r\n\r\n");
    frames.push(last);
    frames
}

/// One chunk object, about 180 bytes once framed.
fn chunk(delta: &str, finish: &str) -> String {
    format!(
        concat!(
            r#"{{"id":"chatcmpl-bench00000000","object":"chat.completion.chunk","#,
            r#""created":1741569952,"model":"bench","choices":[{{"index":0,"delta":{},"#,
            r#""finish_reason":{}}}]}}"#
        ),
        delta, finish
    )
}

/// One event in one HTTP chunk.
fn frame(data: &str) -> Vec<u8> {
    let event = format!("data: {data}\n\n");
    let mut frame = String::with_capacity(event.len() + 8);
    // Writing to a string can't fail.
    let _ = write!(frame, "{:x}\r\n{event}\r\n", event.len());
    frame.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The JSON body of a message.
    fn json(message: &[u8]) -> (usize, serde_json::Value) {
        let at = memmem::find(message, b"\r\n\r\n").unwrap() + 4;
        let body = &message[at..];
        (body.len(), serde_json::from_slice(body).unwrap())
    }

    #[test]
    fn a_request_has_the_size_asked_for_and_names_its_answer() {
        for wanted in [
            Wanted::Whole { body_bytes: 460 },
            Wanted::Stream {
                chunks: 200,
                pace_ms: 10,
                usage: true,
            },
        ] {
            let message = request(wanted, 20_000, "127.0.0.1:1", "k");
            let (size, body) = json(&message);
            assert_eq!(size, 20_000);
            assert_eq!(
                Wanted::from_request(body.to_string().as_bytes()),
                Some(wanted)
            );
        }
    }

    #[test]
    fn a_provider_prefix_before_the_model_does_no_harm() {
        let body = br#"{"model":"openai/bench-12","messages":[]}"#;
        assert_eq!(
            Wanted::from_request(body),
            Some(Wanted::Whole { body_bytes: 12 })
        );
        assert_eq!(Wanted::from_request(br#"{"model":"gpt-4o"}"#), None);
    }

    #[test]
    fn answers_are_json_of_the_size_asked_for() {
        for body_bytes in [460, 20_000] {
            let (size, body) = json(&answer(body_bytes));
            assert_eq!(size, body_bytes);
            assert_eq!(body["usage"]["total_tokens"], 130);
        }
    }

    #[test]
    fn every_content_chunk_is_near_180_bytes_and_valid() {
        let frames = stream_frames(3, true);
        assert_eq!(frames.len(), 5);
        let frame = String::from_utf8(frames[2].clone()).unwrap();
        assert!((160..=200).contains(&frame.len()), "{}", frame.len());
        let data = frame.split("data: ").nth(1).unwrap().trim();
        let chunk: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(chunk["choices"][0]["delta"]["content"], "w000001 ");
    }
}
