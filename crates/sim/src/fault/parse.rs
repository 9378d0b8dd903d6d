//! Faults as text, both ways.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{CutHow, Fault, Filtered, OddUsage, RetryAfter, WrongType};

/// A fault's text can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown fault `{0}`: GET /_sim/faults/catalogue lists them")]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let (name, rest) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
        parse(name, rest).ok_or_else(|| UnknownFault(text.to_owned()))
    }
}

fn parse(name: &str, rest: &str) -> Option<Fault> {
    if rest.is_empty()
        && let Some(plain) = parse_plain(name)
    {
        return Some(plain);
    }
    let (first, second) = rest.split_once(':').unwrap_or((rest, ""));
    let fault = match name {
        "slow_first_token" => Fault::SlowFirstToken {
            wait_ms: number(rest, 1_000)?,
        },
        "stall" => Fault::Stall {
            after: count(rest, 3)?,
        },
        "malformed_event" => Fault::MalformedEvent {
            after: count(rest, 1)?,
        },
        "error_after" => Fault::ErrorAfter {
            after: count(rest, 3)?,
        },
        "status" => return parse_status(first, second),
        "many_headers" => Fault::ManyHeaders {
            count: count(rest, 200)?.min(20_000),
        },
        "slow_head" => Fault::SlowHead {
            bytes_per_s: number(rest, 100)?.clamp(1, 1_000),
        },
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
        _ => return parse_kinds(name, first, second),
    };
    Some(fault)
}

/// The faults with a word among their arguments.
fn parse_kinds(name: &str, first: &str, second: &str) -> Option<Fault> {
    Some(match name {
        "cut" => {
            let how = match second {
                "" | "close" => CutHow::Close,
                "reset" => CutHow::Reset,
                "end" => CutHow::End,
                _ => return None,
            };
            Fault::Cut {
                after: count(first, 3)?,
                how,
            }
        }
        "wrong_content_type" => Fault::WrongContentType(match first {
            "" | "html" => WrongType::Html,
            "swap" => WrongType::Swap,
            _ => return None,
        }),
        "usage_odd" => Fault::UsageOdd(match first {
            "" | "null" => OddUsage::Null,
            "negative" => OddUsage::Negative,
            "huge" => OddUsage::Huge,
            "text" => OddUsage::Text,
            _ => return None,
        }),
        "filtered" => Fault::Filtered(match first {
            "prompt" => Filtered::Prompt,
            "" | "output" => Filtered::Output,
            _ => return None,
        }),
        _ => return None,
    })
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
            Self::Filtered(Filtered::Prompt) => out.write_str("filtered:prompt"),
            Self::Filtered(Filtered::Output) => out.write_str("filtered:output"),
            Self::ManyHeaders { count } => write!(out, "many_headers:{count}"),
            Self::SlowHead { bytes_per_s } => write!(out, "slow_head:{bytes_per_s}"),
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
    use super::super::{CATALOGUE, split_model};
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
