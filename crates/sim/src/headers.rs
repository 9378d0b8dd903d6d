//! The headers that each provider puts on its answers: request ids, rate limits, timings.

use crate::clock::rfc3339;
use crate::errors::{Flavour, bedrock_exception};
use crate::models::Dialect;
use crate::seed::Dice;
use crate::wire::Reply;

/// Names the exception that a Bedrock error is.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// The header that names an exception, with the service's address behind it.
pub fn error_type(exception: &str) -> (String, String) {
    let address = "http://internal.amazon.com/coral/com.amazon.bedrock/";
    (ERROR_TYPE.to_owned(), format!("{exception}:{address}"))
}

/// The id of a request as its provider writes it.
pub fn request_id(dialect: Dialect, id_seed: u64) -> String {
    let mut dice = Dice::new(id_seed, &["request id"]);
    match dialect {
        Dialect::Openai => format!("req_{}", dice.hex(32)),
        Dialect::Anthropic => format!("req_011C{}", dice.base62(20)),
        Dialect::Gemini => dice.hex(16),
        Dialect::Bedrock => {
            let hex = dice.hex(32);
            let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
            format!(
                "{}-{}-{}-{}-{}",
                part(0, 8),
                part(8, 12),
                part(12, 16),
                part(16, 20),
                part(20, 32)
            )
        }
        Dialect::Cohere => dice.hex(32),
    }
}

/// Adds the provider's headers. Limits count down with the requests seen and start over.
pub fn add(reply: &mut Reply, dialect: Dialect, request_id: &str, seq: u64, now_s: u64) {
    let ok = reply.status == 200;
    let mut put = |name: &str, value: String| reply.headers.push((name.to_owned(), value));
    let used = seq % 100;
    match dialect {
        Dialect::Openai => {
            put("x-request-id", request_id.to_owned());
            put("openai-processing-ms", (20 + used).to_string());
            put("openai-version", "2020-10-01".to_owned());
            put("openai-organization", "org-simulated".to_owned());
            if ok {
                put("x-ratelimit-limit-requests", "10000".to_owned());
                put("x-ratelimit-limit-tokens", "2000000".to_owned());
                put("x-ratelimit-remaining-requests", (9_999 - used).to_string());
                put(
                    "x-ratelimit-remaining-tokens",
                    (1_999_900 - 100 * used).to_string(),
                );
                put(
                    "x-ratelimit-reset-requests",
                    format!("{}ms", 6 * (1 + used)),
                );
                put("x-ratelimit-reset-tokens", format!("{used}ms"));
            }
        }
        Dialect::Anthropic => {
            put("request-id", request_id.to_owned());
            put(
                "anthropic-organization-id",
                "00000000-0000-4000-8000-000000000000".to_owned(),
            );
            if ok {
                let limits = [
                    ("requests", 10_000, used + 1),
                    ("tokens", 12_000_000, 1_000 * used),
                    ("input-tokens", 10_000_000, 1_000 * used),
                    ("output-tokens", 2_000_000, 100 * used),
                ];
                for (name, limit, taken) in limits {
                    let name = format!("anthropic-ratelimit-{name}");
                    put(&format!("{name}-limit"), limit.to_string());
                    put(&format!("{name}-remaining"), (limit - taken).to_string());
                    put(&format!("{name}-reset"), rfc3339(now_s + 1));
                }
            }
        }
        Dialect::Gemini => {
            put("server", "scaffolding on HTTPServer2".to_owned());
            put("server-timing", format!("gfet4t7; dur={}", 20 + used));
            put("x-content-type-options", "nosniff".to_owned());
        }
        Dialect::Bedrock => {
            put("x-amzn-requestid", request_id.to_owned());
            let named = reply.headers.iter().any(|(name, _)| name == ERROR_TYPE);
            if !ok && !named {
                let name = bedrock_exception(reply.status, Flavour::Usual);
                reply.headers.push(error_type(name));
            }
        }
        Dialect::Cohere => {
            put("x-debug-trace-id", request_id.to_owned());
            put("x-endpoint-monthly-call-limit", "1000".to_owned());
            put("x-trial-endpoint-call-limit", "40".to_owned());
            put(
                "x-trial-endpoint-call-remaining",
                (39 - used % 40).to_string(),
            );
        }
    }
}
