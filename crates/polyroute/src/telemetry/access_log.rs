//! One JSON line a request. JSON escapes every line end that ASCII has, and we what else a reader or a
//! terminal could take for one or for a command, so that no value can forge a line (row S18).

use std::io::{self, BufWriter, Write};

use polyroute_engine::money::Money;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

use super::Record;

/// Where lines go.
#[derive(Debug)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere.
    Off,
}

/// Writes the access log.
#[derive(Debug)]
pub(super) struct AccessLog {
    out: Option<BufWriter<Sink>>,
}

#[derive(Debug)]
enum Sink {
    Stdout(io::Stdout),
    Stderr(io::Stderr),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Stderr(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Stderr(out) => out.flush(),
        }
    }
}

/// A line. A record is flattened: one level is what log tools search best.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(serialize_with = "super::record::rfc3339")]
    time: jiff::Timestamp,
    level: &'static str,
    event: &'static str,
    request_id: &'a str,
    operation: &'static str,
    principal: &'a str,
    requested_model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    stream: bool,
    status: u16,
    end: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    attempts: usize,
    input_tokens: u64,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<Money>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    price_unknown: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pin_drift: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    floating_alias: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttft_ms: Option<f64>,
    total_ms: f64,
    overhead_ms: f64,
    #[serde(skip_serializing_if = "is_empty")]
    tags: &'a std::collections::BTreeMap<String, String>,
}

/// JSON as it is usual, but for characters that end lines, command terminals or turn text round:
/// those are escaped.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W>(&mut self, out: &mut W, fragment: &str) -> io::Result<()>
    where
        W: ?Sized + Write,
    {
        if fragment.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) {
            return out.write_all(fragment.as_bytes());
        }
        let mut utf8 = [0; 4];
        for c in fragment.chars() {
            if is_odd(c) {
                write!(out, "\\u{:04x}", u32::from(c))?;
            } else {
                out.write_all(c.encode_utf8(&mut utf8).as_bytes())?;
            }
        }
        Ok(())
    }
}

/// Controls of any kind, line and paragraph separators, and marks of direction.
const fn is_odd(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
    )
}

fn is_empty(tags: &std::collections::BTreeMap<String, String>) -> bool {
    tags.is_empty()
}

impl AccessLog {
    pub(super) fn new(target: LogTarget) -> Self {
        let sink = match target {
            LogTarget::Stdout => Some(Sink::Stdout(io::stdout())),
            LogTarget::Stderr => Some(Sink::Stderr(io::stderr())),
            LogTarget::Off => None,
        };
        Self {
            out: sink.map(|sink| BufWriter::with_capacity(64 * 1024, sink)),
        }
    }

    pub(super) fn write(&mut self, record: &Record) {
        let Some(out) = &mut self.out else { return };
        let line = Line {
            time: record.time,
            level: if record.status >= 500 {
                "error"
            } else {
                "info"
            },
            event: "request",
            request_id: &record.request_id,
            operation: record.operation,
            principal: &record.principal,
            requested_model: &record.requested_model,
            route: record.route.as_deref(),
            provider: record.provider.as_deref(),
            model: record.model.as_deref(),
            stream: record.stream,
            status: record.status,
            end: record.end.as_str(),
            error_code: record.error_code.as_deref(),
            attempts: record.attempts.len(),
            input_tokens: record.tokens.input,
            output_tokens: record.tokens.output,
            cost_usd: record.cost.usd,
            price_unknown: record.cost.price_unknown,
            pin_drift: record.pin_drift,
            floating_alias: record.floating_alias,
            ttft_ms: record.ttft_ms,
            total_ms: record.total_ms,
            overhead_ms: record.overhead_ms,
            tags: &record.tags,
        };
        // A log that can't be written must not stop the gateway; the record is still in the admin
        // API and the metrics.
        let mut json = Serializer::with_formatter(&mut *out, OneLine);
        if line.serialize(&mut json).is_ok() {
            let _ = out.write_all(b"\n");
        }
    }

    pub(super) fn flush(&mut self) {
        if let Some(out) = &mut self.out {
            let _ = out.flush();
        }
    }
}
