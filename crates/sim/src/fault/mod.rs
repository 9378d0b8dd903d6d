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
pub mod rules;

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

use crate::errors::Flavour;

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

/// A fault's text can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault `{0}`: GET /_sim/faults/catalogue lists them")]
pub struct UnknownFault(String);

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

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, rest) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
        parse(name, rest).ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

fn parse(name: &str, rest: &str) -> Option<Fault> {
    let (first, second) = rest.split_once(':').unwrap_or((rest, ""));
    let fault = match name {
        "slow_first_token" => {
            return Some(Fault::SlowFirstToken {
                wait_ms: number(rest, 1_000)?,
            });
        }
        "cut" => {
            let how = match second {
                "" | "close" => CutHow::Close,
                "reset" => CutHow::Reset,
                "end" => CutHow::End,
                _ => return None,
            };
            return Some(Fault::Cut {
                after: count(first, 3)?,
                how,
            });
        }
        "stall" => {
            return Some(Fault::Stall {
                after: count(rest, 3)?,
            });
        }
        "malformed_event" => {
            return Some(Fault::MalformedEvent {
                after: count(rest, 1)?,
            });
        }
        "error_after" => {
            return Some(Fault::ErrorAfter {
                after: count(rest, 3)?,
            });
        }
        "wrong_content_type" => Fault::WrongContentType(match rest {
            "" | "html" => WrongType::Html,
            "swap" => WrongType::Swap,
            _ => return None,
        }),
        "usage_odd" => Fault::UsageOdd(match rest {
            "" | "null" => OddUsage::Null,
            "negative" => OddUsage::Negative,
            "huge" => OddUsage::Huge,
            "text" => OddUsage::Text,
            _ => return None,
        }),
        "status" => return parse_status(first, second),
        "slow_drip" => Fault::SlowDrip {
            bytes_per_s: number(rest, 10)?.max(1),
        },
        "redirect" => Fault::Redirect {
            location: if rest.is_empty() {
                "http://elsewhere.invalid/".into()
            } else {
                rest.into()
            },
        },
        "comments_flood" => Fault::CommentsFlood {
            count: count(rest, 200)?.min(100_000),
        },
        "big_event" => Fault::BigEvent {
            bytes: count(rest, 1 << 20)?.min(1 << 30),
        },
        "ping_only" => Fault::PingOnly {
            gap_ms: number(first, 100)?,
            count: count(second, 10)?.min(100_000),
        },
        plain if rest.is_empty() => return parse_plain(plain),
        _ => return None,
    };
    Some(fault)
}

fn parse_plain(name: &str) -> Option<Fault> {
    Some(match name {
        "reset_before_headers" => Fault::ResetBeforeHeaders,
        "hang" => Fault::Hang,
        "head_then_hang" => Fault::HeadThenHang,
        "missing_done" => Fault::MissingDone,
        "missing_finish" => Fault::MissingFinish,
        "garbage_json" => Fault::GarbageJson,
        "half_json" => Fault::HalfJson,
        "error_200" => Fault::Error200,
        "error_first_event" => Fault::ErrorFirstEvent,
        "gzip_error" => Fault::GzipError,
        "empty_body" => Fault::EmptyBody,
        "one_byte_chunks" => Fault::OneByteChunks,
        "crlf" => Fault::Crlf,
        "usage_missing" => Fault::UsageMissing,
        "double_done" => Fault::DoubleDone,
        "no_final_newline" => Fault::NoFinalNewline,
        "length_too_long" => Fault::LengthTooLong,
        _ => return None,
    })
}

fn parse_status(code: &str, rest: &str) -> Option<Fault> {
    let code: u16 = code.parse().ok().filter(|code| (400..600).contains(code))?;
    let (retry, flavour) = match rest.strip_suffix("quota") {
        Some(retry) => (retry.strip_suffix(':').unwrap_or(retry), true),
        None => (rest, false),
    };
    let retry = match retry {
        "" | "none" => RetryAfter::None,
        raw if raw.starts_with("raw=") => {
            RetryAfter::Raw(raw.trim_start_matches("raw=").to_owned())
        }
        date if date.starts_with("date") => {
            RetryAfter::Date(number(date.trim_start_matches("date"), 7)?)
        }
        wait => match wait.strip_suffix("ms") {
            Some(millis) => RetryAfter::Millis(millis.parse().ok()?),
            None => RetryAfter::Seconds(wait.trim_end_matches('s').parse().ok()?),
        },
    };
    Some(Fault::Status {
        code,
        retry,
        quota: flavour,
    })
}

fn number(text: &str, usual: u64) -> Option<u64> {
    if text.is_empty() {
        Some(usual)
    } else {
        text.parse().ok()
    }
}

fn count(text: &str, usual: usize) -> Option<usize> {
    if text.is_empty() {
        Some(usual)
    } else {
        text.parse().ok()
    }
}

impl Fault {
    /// The flavour of a status fault.
    pub fn flavour(quota: bool) -> Flavour {
        if quota {
            Flavour::Quota
        } else {
            Flavour::Usual
        }
    }

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

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResetBeforeHeaders => out.write_str("reset_before_headers"),
            Self::Hang => out.write_str("hang"),
            Self::HeadThenHang => out.write_str("head_then_hang"),
            Self::SlowFirstToken { wait_ms } => write!(out, "slow_first_token:{wait_ms}"),
            Self::Cut { after, how } => write!(
                out,
                "cut:{after}:{}",
                match how {
                    CutHow::Close => "close",
                    CutHow::Reset => "reset",
                    CutHow::End => "end",
                }
            ),
            Self::Stall { after } => write!(out, "stall:{after}"),
            Self::MalformedEvent { after } => write!(out, "malformed_event:{after}"),
            Self::MissingDone => out.write_str("missing_done"),
            Self::MissingFinish => out.write_str("missing_finish"),
            Self::GarbageJson => out.write_str("garbage_json"),
            Self::HalfJson => out.write_str("half_json"),
            Self::WrongContentType(WrongType::Html) => out.write_str("wrong_content_type:html"),
            Self::WrongContentType(WrongType::Swap) => out.write_str("wrong_content_type:swap"),
            Self::Error200 => out.write_str("error_200"),
            Self::ErrorFirstEvent => out.write_str("error_first_event"),
            Self::ErrorAfter { after } => write!(out, "error_after:{after}"),
            Self::Status { code, retry, quota } => {
                write!(
                    out,
                    "status:{code}:{retry}{}",
                    if *quota { ":quota" } else { "" }
                )
            }
            Self::GzipError => out.write_str("gzip_error"),
            Self::EmptyBody => out.write_str("empty_body"),
            Self::SlowDrip { bytes_per_s } => write!(out, "slow_drip:{bytes_per_s}"),
            Self::Redirect { location } => write!(out, "redirect:{location}"),
            Self::OneByteChunks => out.write_str("one_byte_chunks"),
            Self::Crlf => out.write_str("crlf"),
            Self::CommentsFlood { count } => write!(out, "comments_flood:{count}"),
            Self::BigEvent { bytes } => write!(out, "big_event:{bytes}"),
            Self::PingOnly { gap_ms, count } => write!(out, "ping_only:{gap_ms}:{count}"),
            Self::UsageMissing => out.write_str("usage_missing"),
            Self::UsageOdd(odd) => write!(
                out,
                "usage_odd:{}",
                match odd {
                    OddUsage::Null => "null",
                    OddUsage::Negative => "negative",
                    OddUsage::Huge => "huge",
                    OddUsage::Text => "text",
                }
            ),
            Self::DoubleDone => out.write_str("double_done"),
            Self::NoFinalNewline => out.write_str("no_final_newline"),
            Self::LengthTooLong => out.write_str("length_too_long"),
        }
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => out.write_str("none"),
            Self::Seconds(wait_s) => write!(out, "{wait_s}"),
            Self::Millis(wait_ms) => write!(out, "{wait_ms}ms"),
            Self::Date(ahead_s) => write!(out, "date{ahead_s}"),
            Self::Raw(text) => write!(out, "raw={text}"),
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_catalogue_parses_and_prints_back() {
        for (name, _, _) in CATALOGUE {
            let text = if *name == "status" {
                "status:429".to_owned()
            } else {
                (*name).to_owned()
            };
            let fault: Fault = text.parse().unwrap();
            let printed = fault.to_string();
            assert!(printed.starts_with(name), "{printed}");
            assert_eq!(printed.parse::<Fault>().unwrap(), fault);
        }
    }

    #[test]
    fn arguments_are_read() {
        let cut = Fault::Cut {
            after: 20,
            how: CutHow::Reset,
        };
        assert_eq!("cut:20:reset".parse(), Ok(cut));
        let status = |retry, quota| {
            Ok(Fault::Status {
                code: 429,
                retry,
                quota,
            })
        };
        assert_eq!(
            "status:429:7".parse(),
            status(RetryAfter::Seconds(7), false)
        );
        assert_eq!(
            "status:429:20ms".parse(),
            status(RetryAfter::Millis(20), false)
        );
        assert_eq!(
            "status:429:date30:quota".parse(),
            status(RetryAfter::Date(30), true)
        );
        assert_eq!("status:429:quota".parse(), status(RetryAfter::None, true));
        assert_eq!(
            "status:429:raw=-1".parse(),
            status(RetryAfter::Raw("-1".into()), false)
        );
        let redirect = Fault::Redirect {
            location: "http://127.0.0.1:1/x".into(),
        };
        assert_eq!("redirect:http://127.0.0.1:1/x".parse(), Ok(redirect));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "nope",
            "cut:x",
            "cut:1:maybe",
            "status",
            "status:200",
            "hang:3",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn model_suffix_is_split_off() {
        assert_eq!(
            split_model("gpt-4o!cut:3:reset"),
            ("gpt-4o", Some("cut:3:reset"))
        );
        assert_eq!(split_model("gpt-4o!fault=hang"), ("gpt-4o", Some("hang")));
        assert_eq!(split_model("gpt-4o"), ("gpt-4o", None));
    }
}
