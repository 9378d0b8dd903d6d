//! The fault catalogue: every way in which the simulator can misbehave, and how to name one.
//!
//! A fault is written `<name>[:<argument>[:<argument>]]`, such as `cut:3:reset` or
//! `status:429:7`. It is chosen by
//!
//! * the model's name: `gpt-4o!cut:3` (`gpt-4o!fault=cut:3` is the same; `!` and `:` may stand in
//!   a URL's path, so Gemini's model in the path works too),
//! * the request header `x-sim-fault: cut:3`,
//! * a [`rules::Rule`]: for the first n requests, each n-th, with a probability, or in a window of time.
//!
//! The first of these that names one wins. Faults act on answers of status 200 only, but for
//! those that act on the connection or replace the whole answer.

pub mod apply;
pub mod blocked;
mod edit;
mod gzip;
mod parse;
pub mod rules;

use serde_json::{Value, json};

pub use parse::UnknownFault;
pub use rules::Rule;

/// One way to misbehave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Close the connection with RST and send nothing.
    ResetBeforeHeaders,
    /// Accept the request and never send a head.
    Hang,
    /// Send the head of a 200 and then nothing.
    HeadThenHang,
    /// Wait this long before the first token, or before the head of a whole answer.
    SlowFirstToken {
        /// The wait.
        wait_ms: u64,
    },
    /// End after this many events; a whole answer after half of its bytes.
    Cut {
        /// Events of any kind that still go out.
        after: usize,
        /// How it ends.
        how: CutHow,
    },
    /// Stop sending after this many events and keep the connection open.
    Stall {
        /// Events of any kind that still go out.
        after: usize,
    },
    /// Put an event of broken JSON after this many events and go on.
    MalformedEvent {
        /// Events before it.
        after: usize,
    },
    /// Leave the end marker out (`[DONE]`, `message_stop`; Gemini has none).
    MissingDone,
    /// Leave out the reason why the answer ended, and all that follows it.
    MissingFinish,
    /// A 200 whose body is no JSON; in a stream each event is none.
    GarbageJson,
    /// A 200 whose body ends in the middle of the JSON, in good order otherwise.
    HalfJson,
    /// A 200 with the wrong content type.
    WrongContentType(WrongType),
    /// A 200 with an error as its JSON body, streamed or not.
    Error200,
    /// A 200 stream whose first event is an error.
    ErrorFirstEvent,
    /// An error event after this many events, then the end.
    ErrorAfter {
        /// Events before it.
        after: usize,
    },
    /// An error status with the dialect's own body (502: an HTML page).
    Status {
        /// 400 to 599.
        code: u16,
        /// The `retry-after` that goes with it.
        retry: RetryAfter,
        /// Rate limit or quota.
        quota: bool,
    },
    /// A 500 whose body is gzip, though nobody asked for it.
    GzipError,
    /// A 200 with an empty body.
    EmptyBody,
    /// Send the body at this pace.
    SlowDrip {
        /// Bytes a second.
        bytes_per_s: u64,
    },
    /// A 307 to this address.
    Redirect {
        /// The `location`.
        location: String,
    },
    /// Send each byte in a write of its own.
    OneByteChunks,
    /// Send the stream with CRLF line ends.
    Crlf,
    /// Send this many comment lines before each event.
    CommentsFlood {
        /// Comments before each event.
        count: usize,
    },
    /// Send one content event whose text is this long.
    BigEvent {
        /// Bytes of text.
        bytes: usize,
    },
    /// Send only pings, this far apart, and after that many nothing more.
    PingOnly {
        /// Between two pings.
        gap_ms: u64,
        /// Pings in all.
        count: usize,
    },
    /// Leave usage out.
    UsageMissing,
    /// Send usage that makes no sense.
    UsageOdd(OddUsage),
    /// Send the end marker twice and a comment after it.
    DoubleDone,
    /// Leave out the blank line after the last event.
    NoFinalNewline,
    /// Declare a content length that is larger than the body.
    LengthTooLong,
    /// A content filter steps in.
    Filtered(Filtered),
    /// Send this many headers more than usual.
    ManyHeaders {
        /// Headers of about 50 bytes each.
        count: usize,
    },
    /// Send head and body at this pace, byte by byte, and all that follows on the connection.
    SlowHead {
        /// Bytes a second.
        bytes_per_s: u64,
    },
}

/// Where a content filter steps in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Filtered {
    /// At the prompt: OpenAI refuses with 400, Gemini answers without candidate, Anthropic with a
    /// refusal and no content.
    Prompt,
    /// In the middle of the output, which ends there.
    #[default]
    Output,
}

/// How a cut answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CutHow {
    /// The connection closes in the middle of the body (FIN).
    #[default]
    Close,
    /// The connection is reset (RST).
    Reset,
    /// The body ends in good order, as if it were complete.
    End,
}

/// What is wrong with the content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WrongType {
    /// An HTML page with `text/html`, as a captive portal sends it.
    #[default]
    Html,
    /// The right body, but SSE labelled as JSON and JSON labelled as SSE.
    Swap,
}

/// What is wrong with usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OddUsage {
    /// Counts are null.
    #[default]
    Null,
    /// Counts are negative.
    Negative,
    /// Counts are 2^63.
    Huge,
    /// Counts are strings.
    Text,
}

/// The `retry-after` of an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum RetryAfter {
    /// None.
    #[default]
    None,
    /// Whole seconds.
    Seconds(u64),
    /// `retry-after-ms`.
    Millis(u64),
    /// An HTTP date this many seconds ahead.
    Date(u64),
    /// This text as it is.
    Raw(String),
}

/// One line of the catalogue: name, arguments, meaning.
type Line = (&'static str, &'static str, &'static str);

const CATALOGUE: &[Line] = &[
    (
        "reset_before_headers",
        "",
        "close the connection with RST, no head",
    ),
    ("hang", "", "accept and never send a head"),
    ("head_then_hang", "", "send the head of a 200, then nothing"),
    (
        "slow_first_token",
        "[ms=1000]",
        "wait before the first token, or before the head",
    ),
    (
        "cut",
        "[events=3][:close|reset|end]",
        "break off after so many events, or half of a whole body",
    ),
    (
        "stall",
        "[events=3]",
        "stop sending after so many events, stay connected",
    ),
    (
        "malformed_event",
        "[events=1]",
        "one event of broken JSON after so many",
    ),
    ("missing_done", "", "no end marker"),
    (
        "missing_finish",
        "",
        "no finish reason and nothing after it",
    ),
    ("garbage_json", "", "200 with a body that is no JSON"),
    (
        "half_json",
        "",
        "200 with a JSON body that stops in the middle",
    ),
    (
        "wrong_content_type",
        "[html|swap]",
        "an HTML page, or SSE and JSON with each other's label",
    ),
    ("error_200", "", "200 with an error as JSON body"),
    (
        "error_first_event",
        "",
        "200 stream whose first event is an error",
    ),
    (
        "error_after",
        "[events=3]",
        "an error event after so many events",
    ),
    (
        "status",
        "code[:none|7|20ms|date7|raw=text][:quota]",
        "an error status with the real body",
    ),
    ("gzip_error", "", "500 with a gzip body nobody asked for"),
    ("empty_body", "", "200 with an empty body"),
    ("slow_drip", "[bytes_per_s=10]", "the body at this pace"),
    ("redirect", "[url]", "307 to another host"),
    ("one_byte_chunks", "", "each byte in a write of its own"),
    ("crlf", "", "SSE with CRLF line ends"),
    (
        "comments_flood",
        "[comments=200]",
        "so many comments before each event",
    ),
    (
        "big_event",
        "[bytes=1048576]",
        "one event with so long a text",
    ),
    (
        "ping_only",
        "[ms=100][:pings=10]",
        "only pings, then silence",
    ),
    ("usage_missing", "", "no usage"),
    (
        "usage_odd",
        "[null|negative|huge|text]",
        "usage that makes no sense",
    ),
    (
        "double_done",
        "",
        "two end markers and a comment after them",
    ),
    ("no_final_newline", "", "no blank line after the last event"),
    (
        "length_too_long",
        "",
        "a content length larger than the body",
    ),
    ("filtered", "[prompt|output]", "a content filter steps in"),
    ("many_headers", "[headers=200]", "so many more headers"),
    (
        "slow_head",
        "[bytes_per_s=100]",
        "head and body byte by byte",
    ),
];

/// The catalogue as the admin API lists it.
pub fn catalogue() -> Value {
    let line = |(name, arguments, meaning): &Line| json!({"name": name, "arguments": arguments, "meaning": meaning});
    Value::Array(CATALOGUE.iter().map(line).collect())
}

/// Splits a fault off a model's name: `gpt-4o!cut:3` → `gpt-4o` and the fault's text.
pub fn split_model(model: &str) -> (&str, Option<&str>) {
    match model.split_once('!') {
        Some((name, fault)) => (name, Some(fault.strip_prefix("fault=").unwrap_or(fault))),
        None => (model, None),
    }
}

impl Fault {
    /// Whether it replaces or prevents the answer, so that it acts even where the request itself
    /// would have been refused.
    pub fn comes_first(&self) -> bool {
        matches!(
            self,
            Self::ResetBeforeHeaders
                | Self::Hang
                | Self::Status { .. }
                | Self::GzipError
                | Self::Redirect { .. }
        )
    }
}
