//! What the upstream answers, in each provider's API: OpenAI's chat completions, Anthropic's
//! messages, Gemini's `generateContent`. The words and the tokens counted are the same in all three,
//! so that the driver can hold a translated answer to the same content and usage.

use std::fmt::Write as _;

use crate::payload::{self, Wanted};

/// The headers beside framing that answers carry, as many as a provider sends.
const HEADERS: &str = "Server: bench\r\nOpenAI-Organization: bench\r\n\
    OpenAI-Processing-Ms: 12\r\nOpenAI-Version: 2020-10-01\r\n\
    X-Ratelimit-Limit-Requests: 10000\r\nX-Ratelimit-Limit-Tokens: 2000000\r\n\
    X-Ratelimit-Remaining-Requests: 9999\r\nX-Ratelimit-Remaining-Tokens: 1999912\r\n\
    X-Ratelimit-Reset-Requests: 6ms\r\nX-Ratelimit-Reset-Tokens: 2ms\r\n\
    X-Request-Id: req_bench0000000000000000000000000\r\n";
/// Tokens counted in every answer: 88 in, 42 out.
const USAGE: &str = concat!(
    r#"{"prompt_tokens":88,"completion_tokens":42,"total_tokens":130,"#,
    r#""prompt_tokens_details":{"cached_tokens":0},"#,
    r#""completion_tokens_details":{"reasoning_tokens":0}}"#
);

/// The API that the upstream is asked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dialect {
    /// `POST /v1/chat/completions`.
    OpenAi,
    /// `POST /v1/messages`.
    Anthropic,
    /// `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.
    Gemini,
}

/// A rendered answer.
pub(crate) struct Answer {
    /// Its pieces, each written at once.
    pub(crate) pieces: Vec<Vec<u8>>,
    /// How many of them leave at once even if the stream is paced: up to the first content.
    pub(crate) opening: usize,
}

/// Renders the answer that is wanted, head included.
pub(crate) fn render(dialect: Dialect, wanted: Wanted) -> Answer {
    match wanted {
        Wanted::Whole { body_bytes } => Answer {
            pieces: vec![whole(dialect, &words(body_bytes))],
            opening: 1,
        },
        Wanted::Stream { chunks, usage, .. } => {
            let mut pieces = vec![stream_head()];
            pieces.extend(stream_frames(dialect, chunks, usage));
            Answer {
                opening: match dialect {
                    Dialect::OpenAi | Dialect::Anthropic => 3,
                    // No event comes before the first content.
                    Dialect::Gemini => 2,
                },
                pieces,
            }
        }
    }
}

/// OpenAI's whole answer.
fn completion(words: &str) -> String {
    format!(
        concat!(
            r#"{{"id":"chatcmpl-bench00000000","object":"chat.completion","#,
            r#""created":1741569952,"model":"bench","choices":[{{"index":0,"message":"#,
            r#"{{"role":"assistant","content":"{}","refusal":null}},"#,
            r#""finish_reason":"stop"}}],"usage":{}}}"#
        ),
        words, USAGE
    )
}

/// The words of a whole answer: as many as make OpenAI's `body_bytes` long. The other dialects say
/// the same, so a gateway that translates has the same to do whichever it is.
pub(crate) fn words(body_bytes: usize) -> String {
    payload::filler(body_bytes.saturating_sub(completion("").len()))
}

/// A whole answer with its head.
fn whole(dialect: Dialect, words: &str) -> Vec<u8> {
    let body = match dialect {
        Dialect::OpenAi => completion(words),
        Dialect::Anthropic => format!(
            concat!(
                r#"{{"id":"msg_bench000000000000000000","type":"message","role":"assistant","#,
                r#""model":"bench","content":[{{"type":"text","text":"{}"}}],"#,
                r#""stop_reason":"end_turn","stop_sequence":null,"usage":{{"input_tokens":88,"#,
                r#""cache_creation_input_tokens":0,"cache_read_input_tokens":0,"#,
                r#""output_tokens":42,"service_tier":"standard"}}}}"#
            ),
            words
        ),
        Dialect::Gemini => format!(
            concat!(
                r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{}"}}],"role":"model"}},"#,
                r#""finishReason":"STOP","index":0}}],"usageMetadata":{{"promptTokenCount":88,"#,
                r#""candidatesTokenCount":42,"totalTokenCount":130}},"modelVersion":"bench","#,
                r#""responseId":"bench00000000"}}"#
            ),
            words
        ),
    };
    json_response("200 OK", &body)
}

/// A JSON response with the answers' headers.
pub(crate) fn json_response(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{HEADERS}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A streamed answer's head.
fn stream_head() -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n\
         Cache-Control: no-cache\r\n{HEADERS}Transfer-Encoding: chunked\r\n\r\n"
    )
    .into_bytes()
}

/// A streamed answer's body: one HTTP chunk for each write, one content event in each; the last
/// holds what follows the content (finish, usage, the API's own end, the end of the body).
pub(crate) fn stream_frames(dialect: Dialect, chunks: usize, usage: bool) -> Vec<Vec<u8>> {
    let (opening, content, closing): (_, fn(usize) -> String, _) = match dialect {
        Dialect::OpenAi => (
            Some(event(&chunk(
                r#"{"role":"assistant","content":""}"#,
                "null",
            ))),
            |sequence| {
                let delta = format!(r#"{{"content":"w{sequence:06} "}}"#);
                event(&chunk(&delta, "null"))
            },
            openai_closing(usage),
        ),
        Dialect::Anthropic => (
            Some(ANTHROPIC_OPENING.to_owned()),
            |sequence| {
                format!(
                    concat!(
                        "event: content_block_delta\n",
                        r#"data: {{"type":"content_block_delta","index":0,"#,
                        r#""delta":{{"type":"text_delta","text":"w{:06} "}}}}"#,
                        "\n\n"
                    ),
                    sequence
                )
            },
            ANTHROPIC_CLOSING.to_owned(),
        ),
        Dialect::Gemini => (
            None,
            |sequence| {
                let text = format!("w{sequence:06} ");
                gemini_event(&gemini_chunk(&text, "", r#""totalTokenCount":88"#))
            },
            gemini_event(&gemini_chunk(
                "",
                r#""finishReason":"STOP","#,
                r#""candidatesTokenCount":42,"totalTokenCount":130"#,
            )),
        ),
    };
    let mut frames: Vec<Vec<u8>> = opening.as_deref().map(frame).into_iter().collect();
    frames.extend((0..chunks).map(|sequence| frame(&content(sequence))));
    let mut last = frame(&closing);
    last.extend_from_slice(b"0\r\n\r\n");
    frames.push(last);
    frames
}

/// What ends a stream of chat completion chunks.
fn openai_closing(usage: bool) -> String {
    let mut closing = event(&chunk("{}", r#""stop""#));
    if usage {
        // Writing to a string can't fail.
        let _ = write!(
            closing,
            concat!(
                r#"data: {{"id":"chatcmpl-bench00000000","object":"chat.completion.chunk","#,
                r#""created":1741569952,"model":"bench","choices":[],"usage":{}}}"#,
                "\n\n"
            ),
            USAGE
        );
    }
    closing + &event("[DONE]")
}

/// One chat completion chunk, about 180 bytes once framed.
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

/// One chunk of `streamGenerateContent`.
fn gemini_chunk(text: &str, finish: &str, usage: &str) -> String {
    format!(
        concat!(
            r#"{{"candidates":[{{"content":{{"parts":[{{"text":"{}"}}],"role":"model"}},{}"#,
            r#""index":0}}],"usageMetadata":{{"promptTokenCount":88,{}}},"#,
            r#""modelVersion":"bench","responseId":"bench00000000"}}"#
        ),
        text, finish, usage
    )
}

const ANTHROPIC_OPENING: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"id":"msg_bench000000000000000000","#,
    r#""type":"message","role":"assistant","model":"bench","content":[],"stop_reason":null,"#,
    r#""stop_sequence":null,"usage":{"input_tokens":88,"cache_creation_input_tokens":0,"#,
    r#""cache_read_input_tokens":0,"output_tokens":1}}}"#,
    "\n\nevent: content_block_start\n",
    r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    "\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
);
const ANTHROPIC_CLOSING: &str = concat!(
    "event: content_block_stop\n",
    r#"data: {"type":"content_block_stop","index":0}"#,
    "\n\nevent: message_delta\n",
    r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"#,
    r#""usage":{"output_tokens":42}}"#,
    "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"
);

/// An event without a name.
fn event(data: &str) -> String {
    format!("data: {data}\n\n")
}

/// The same as Gemini writes it: its lines end in CRLF.
fn gemini_event(data: &str) -> String {
    format!("data: {data}\r\n\r\n")
}

/// One HTTP chunk.
fn frame(events: &str) -> Vec<u8> {
    format!("{:x}\r\n{events}\r\n", events.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use memchr::memmem;
    use serde_json::Value;

    use super::*;

    const DIALECTS: [Dialect; 3] = [Dialect::OpenAi, Dialect::Anthropic, Dialect::Gemini];

    /// The JSON of a whole answer.
    fn json(dialect: Dialect, body_bytes: usize) -> (usize, Value) {
        let answer = render(dialect, Wanted::Whole { body_bytes });
        let message = answer.pieces.concat();
        let at = memmem::find(&message, b"\r\n\r\n").unwrap() + 4;
        let body = &message[at..];
        (body.len(), serde_json::from_slice(body).unwrap())
    }

    /// The data of every event of a stream.
    fn events(dialect: Dialect, chunks: usize) -> Vec<String> {
        let text = String::from_utf8(stream_frames(dialect, chunks, true).concat()).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("data: "));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn answers_of_openai_have_the_size_asked_for() {
        for body_bytes in [460, 20_000, 1_000_000] {
            let (size, body) = json(Dialect::OpenAi, body_bytes);
            assert_eq!(size, body_bytes);
            assert_eq!(body["usage"]["total_tokens"], 130);
        }
    }

    #[test]
    fn whole_answers_say_the_same_words_in_every_dialect() {
        let words = words(460);
        let text = |dialect, pointer: &str| {
            let (_, body) = json(dialect, 460);
            body.pointer(pointer).unwrap().as_str().unwrap().to_owned()
        };
        let openai = text(Dialect::OpenAi, "/choices/0/message/content");
        assert_eq!(openai, words);
        assert_eq!(text(Dialect::Anthropic, "/content/0/text"), words);
        let gemini = text(Dialect::Gemini, "/candidates/0/content/parts/0/text");
        assert_eq!(gemini, words);
    }

    #[test]
    fn usage_is_the_same_in_every_dialect() {
        let (_, anthropic) = json(Dialect::Anthropic, 460);
        assert_eq!(anthropic["usage"]["input_tokens"], 88);
        assert_eq!(anthropic["usage"]["output_tokens"], 42);
        let (_, gemini) = json(Dialect::Gemini, 460);
        assert_eq!(gemini["usageMetadata"]["totalTokenCount"], 130);
        let last = events(Dialect::Gemini, 2).pop().unwrap();
        let last: Value = serde_json::from_str(&last).unwrap();
        assert_eq!(last["usageMetadata"], gemini["usageMetadata"]);
    }

    #[test]
    fn streams_hold_every_content_once_in_order_and_are_json() {
        for dialect in DIALECTS {
            let events = events(dialect, 4);
            let text = events.join("\n");
            let at = |sequence| text.find(&format!("\"w{sequence:06} \"")).unwrap();
            assert!((1..4).all(|sequence| at(sequence) > at(sequence - 1)));
            assert_eq!(text.matches("\"w0").count(), 4, "{dialect:?}");
            for event in events.iter().filter(|event| *event != "[DONE]") {
                serde_json::from_str::<Value>(event).unwrap();
            }
        }
    }

    #[test]
    fn the_opening_ends_with_the_first_content() {
        for dialect in DIALECTS {
            let wanted = Wanted::Stream {
                chunks: 3,
                pace_ms: 5,
                usage: true,
            };
            let answer = render(dialect, wanted);
            let (opening, rest) = answer.pieces.split_at(answer.opening);
            let has =
                |pieces: &[Vec<u8>], word: &[u8]| memmem::find(&pieces.concat(), word).is_some();
            assert!(has(opening, b"w000000") && !has(opening, b"w000001"));
            assert!(has(rest, b"w000001"), "{dialect:?}");
        }
    }

    #[test]
    fn every_content_chunk_of_openai_is_near_180_bytes() {
        let frames = stream_frames(Dialect::OpenAi, 3, true);
        assert_eq!(frames.len(), 5);
        assert!((160..=200).contains(&frames[2].len()));
    }
}
