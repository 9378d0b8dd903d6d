//! The request: a chat completion as an OpenAI SDK asks for it. The model's name says which answer is
//! wanted (`bench-460`: so many bytes; `bench-200x10`: so many chunks, so many milliseconds apart),
//! so that a run can mix sizes behind one upstream and any gateway that passes the model on will do.

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
        let asked = memmem::find(body, br#""include_usage""#).is_some();
        Some(match Self::from_model(body)? {
            Self::Stream {
                chunks, pace_ms, ..
            } => Self::Stream {
                chunks,
                pace_ms,
                usage: asked,
            },
            whole @ Self::Whole { .. } => whole,
        })
    }

    /// Reads it off the first model name in `text`, usage included, as other APIs than OpenAI's
    /// always do.
    pub(crate) fn from_model(text: &[u8]) -> Option<Self> {
        let at = memmem::find(text, MODEL_MARK)?;
        let (first, rest) = number(text.get(at + MODEL_MARK.len()..)?)?;
        let Some(pace) = rest.strip_prefix(b"x") else {
            return Some(Self::Whole { body_bytes: first });
        };
        let (pace_ms, _) = number(pace)?;
        Some(Self::Stream {
            chunks: first,
            pace_ms: pace_ms as u64,
            usage: true,
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
pub(crate) fn filler(size: usize) -> String {
    FILLER.chars().cycle().take(size).collect()
}

/// How the caller asks, apart from what for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller {
    /// What stands before the model's name, such as `anthropic/`.
    pub(crate) model_prefix: String,
    /// The bearer key.
    pub(crate) key: String,
    /// More headers, each `Name: value`.
    pub(crate) headers: Vec<String>,
}

/// A chat request of `body_bytes` (or a little more, if that is too few), head included.
pub(crate) fn request(wanted: Wanted, body_bytes: usize, host: &str, caller: &Caller) -> Vec<u8> {
    let body = request_body(wanted, body_bytes, &caller.model_prefix);
    let mut head = format!("POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\n");
    for (name, value) in headers(wanted, caller) {
        head += &format!("{name}: {value}\r\n");
    }
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// The headers of a request, apart from `Host` and its length.
pub(crate) fn headers(wanted: Wanted, caller: &Caller) -> Vec<(String, String)> {
    let accept = match wanted {
        Wanted::Whole { .. } => "application/json",
        Wanted::Stream { .. } => "text/event-stream",
    };
    let fixed = [
        ("Accept", accept),
        ("Content-Type", "application/json"),
        ("User-Agent", "OpenAI/Python 1.99.0"),
        ("X-Stainless-Lang", "python"),
        ("X-Stainless-Package-Version", "1.99.0"),
        ("X-Stainless-OS", "Linux"),
        ("X-Stainless-Arch", "x64"),
        ("X-Stainless-Runtime", "CPython"),
        ("X-Stainless-Retry-Count", "0"),
    ];
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let mut headers = vec![("Authorization".to_owned(), format!("Bearer {}", caller.key))];
    headers.extend(fixed.map(owned));
    let more = caller.headers.iter();
    headers.extend(more.filter_map(|line| line.split_once(": ").map(owned)));
    headers
}

/// The body of a request.
pub(crate) fn request_body(wanted: Wanted, body_bytes: usize, model_prefix: &str) -> String {
    let stream = match wanted {
        Wanted::Whole { .. } => "",
        Wanted::Stream { .. } => r#""stream":true,"stream_options":{"include_usage":true},"#,
    };
    let body = |words: &str| {
        format!(
            concat!(
                r#"{{"model":"{}{}",{}"temperature":0.2,"max_tokens":512,"messages":["#,
                r#"{{"role":"system","content":"You answer in one short paragraph."}},"#,
                r#"{{"role":"user","content":"{}"}}]}}"#
            ),
            model_prefix,
            wanted.model(),
            stream,
            words
        )
    };
    body(&filler(body_bytes.saturating_sub(body("").len())))
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
            let caller = Caller {
                model_prefix: "openai/".to_owned(),
                key: "k".to_owned(),
                headers: vec!["x-extra: 1".to_owned()],
            };
            let message = request(wanted, 20_000, "127.0.0.1:1", &caller);
            let head = memmem::find(&message, b"\r\nx-extra: 1\r\n");
            assert!(head.is_some(), "the extra header is missing");
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
}
