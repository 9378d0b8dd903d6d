//! What a caller is told when a request fails: one error object in OpenAI's shape, with a status,
//! a stable code, and whether and when to try again (wire-protocols §13.1).
//!
//! Every code stands in [`CODES`], from which `docs/errors.md` is written.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::error::{EncodeError, ErrorKind, ParseError, UpstreamError};

/// An error as the caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// OpenAI's `type`: the family of the error.
    pub kind: &'static str,
    /// Stable code; one of [`CODES`].
    pub code: &'static str,
    /// What failed, on what, and what to do.
    pub message: String,
    /// The request field to blame.
    pub param: Option<String>,
    /// How long to wait before another try, where waiting helps.
    pub retry_after: Option<Duration>,
    /// What `x-should-retry` says; `None` leaves it to the client's own rule.
    pub should_retry: Option<bool>,
}

/// One documented error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeEntry {
    /// The code.
    pub code: &'static str,
    /// HTTP status that it comes with.
    pub status: u16,
    /// OpenAI's `type` that it comes with.
    pub kind: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub action: &'static str,
    /// Whether another try of the same request may succeed.
    pub retry: bool,
}

const INVALID: &str = "invalid_request_error";
const API: &str = "api_error";

const fn entry(
    code: &'static str,
    status: u16,
    kind: &'static str,
    retry: bool,
    meaning: &'static str,
    action: &'static str,
) -> CodeEntry {
    CodeEntry {
        code,
        status,
        kind,
        meaning,
        action,
        retry,
    }
}

/// Every code that a caller may see, in the order of the documentation.
#[rustfmt::skip]
pub const CODES: &[CodeEntry] = &[
    entry("invalid_json", 400, INVALID, false, "The body is no JSON object in UTF-8, names a key twice, or nests too deeply.", "Mend the body where the message says."),
    entry("invalid_type", 400, INVALID, false, "A field has the wrong JSON type.", "Send the type that the message names."),
    entry("missing_required_parameter", 400, INVALID, false, "A field that must be there is missing or empty.", "Send the field in `param`."),
    entry("invalid_value", 400, INVALID, false, "A field has a value that no target takes.", "Send a value that the message allows."),
    entry("response_format_conflict", 400, INVALID, false, "The route holds answers to a JSON schema of its own, and the request asks for another.", "Leave `response_format` out, send the route's own schema, or ask the operator to set `caller_schema: allow`."),
    entry("unsupported_parameter", 400, INVALID, false, "The model does not take a parameter, and leaving it out would change the meaning or `strict_params` is on.", "Leave the parameter out, or choose another model."),
    entry("unsupported_content", 400, INVALID, false, "The model can't take this kind of content.", "Send another kind of content, or choose another model."),
    entry("unpaired_tool_call", 400, INVALID, false, "A tool call has no result, or a result has no call.", "Send one `tool` message for each call, with its `tool_call_id`."),
    entry("invalid_request", 400, INVALID, false, "The provider refused the request as wrong.", "Change what the provider's message says."),
    entry("provider_not_supported", 400, INVALID, false, "The gateway does not speak this provider's API.", "Use a provider that the message names."),
    entry("wrong_model_kind", 400, INVALID, false, "The model answers another kind of request: an embedding model was asked to chat, or the reverse.", "Use a model of the right kind."),
    entry("endpoint_not_offered", 400, INVALID, false, "The model's provider has no endpoint for this kind of request.", "Use a model of a provider that has one."),
    entry("context_length_exceeded", 400, INVALID, false, "Input and output together are longer than the model's window.", "Shorten the messages, ask for fewer output tokens, or choose a model with a larger window."),
    entry("content_filter", 400, INVALID, false, "The provider's filter blocked the request.", "Change the content."),
    entry("invalid_api_key", 401, "authentication_error", false, "The gateway key is missing or unknown.", "Send a valid gateway key as `Authorization: Bearer`."),
    entry("conflicting_api_keys", 401, "authentication_error", false, "Two headers hold different gateway keys.", "Send one key."),
    entry("model_not_allowed", 403, "permission_error", false, "The gateway key may not use this model, route or provider.", "Use another key, or ask the operator."),
    entry("provider_not_on", 404, INVALID, false, "The model's provider is known and has no credential here.", "Choose another model, or ask the operator to configure the provider."),
    entry("model_not_found", 404, INVALID, false, "No route, provider or catalog entry has this model name.", "Use one of the names that the message suggests, or list them with `GET /v1/models`."),
    entry("not_found", 404, INVALID, false, "There is nothing at this path.", "Check the path."),
    entry("method_not_allowed", 405, INVALID, false, "The path does not take this method.", "Use the method that the message names."),
    entry("request_timeout", 408, INVALID, true, "The request did not arrive in time.", "Send it again."),
    entry("payload_too_large", 413, INVALID, false, "The body is larger than the gateway or the provider takes.", "Send less."),
    entry("unsupported_encoding", 415, INVALID, false, "The body is compressed.", "Send the JSON without `content-encoding`."),
    entry("rate_limit_exceeded", 429, "rate_limit_error", true, "Too many requests or tokens for now.", "Wait for `retry-after`, then send it again."),
    entry("insufficient_quota", 429, "insufficient_quota", false, "The provider account has no credit or quota left.", "Top up the account, raise its limit, or use another provider."),
    entry("internal_error", 500, API, true, "The gateway failed; this is a bug.", "Report it with the `x-request-id`."),
    entry("upstream_error", 502, API, true, "The provider failed.", "Send it again, or use another provider."),
    entry("upstream_connection", 502, API, true, "No connection to the provider, or it broke.", "Send it again; the operator checks the network."),
    entry("upstream_tls", 502, API, false, "The provider's certificate is not trusted, or TLS failed in another way.", "The operator checks the provider's address and the certificate authorities."),
    entry("upstream_malformed", 502, API, true, "The provider's answer could not be read.", "Send it again, or use another provider."),
    entry("structured_output_invalid", 502, API, true, "The model's answer does not fit the JSON schema that was asked for.", "Send it again, loosen the schema, or use a model that enforces it."),
    entry("structured_output_truncated", 502, API, false, "The model ran into its token limit before its JSON was whole.", "Raise `max_completion_tokens`, or ask for less."),
    entry("upstream_truncated", 502, API, true, "The provider's answer ended before its end.", "Send it again."),
    entry("upstream_auth", 502, API, false, "The provider refused the gateway's credential. Your own key is fine.", "The operator checks the provider's key."),
    entry("upstream_permission", 502, API, false, "The gateway's credential may not use this model or feature.", "The operator checks the provider account's rights."),
    entry("upstream_not_found", 502, API, false, "The provider does not have the configured model or deployment.", "The operator checks the target's model id."),
    entry("server_is_overloaded", 503, "server_error", true, "The provider is short of capacity, or the gateway is at its limit.", "Wait for `retry-after`, then send it again."),
    entry("shutting_down", 503, "server_error", true, "This gateway process is stopping.", "Send it again; another process answers."),
    entry("upstream_timeout", 504, API, true, "The provider, or a deadline, ran out of time.", "Send it again, or allow more time."),
];

impl ApiError {
    /// An error with that code; its status, type and retry rule come from [`CODES`].
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        let known = CODES.iter().find(|entry| entry.code == code);
        debug_assert!(known.is_some(), "undocumented error code {code}");
        let (status, kind, retry) = known.map_or((500, API, false), |entry| {
            (entry.status, entry.kind, entry.retry)
        });
        Self {
            status,
            kind,
            code,
            message: message.into(),
            param: None,
            retry_after: None,
            // A client's own rule is right for 4xx that it never retries; for 429 and 5xx, which
            // it always retries, it must be told where that is of no use.
            should_retry: ((status == 429 || status >= 500) && !retry).then_some(false),
        }
    }

    /// The same, blaming a request field.
    #[must_use]
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// What the caller is told of an upstream failure.
    #[must_use]
    pub fn from_upstream(error: &UpstreamError) -> Self {
        let code = match error.kind {
            ErrorKind::RateLimited => "rate_limit_exceeded",
            ErrorKind::QuotaExhausted => "insufficient_quota",
            ErrorKind::Overloaded => "server_is_overloaded",
            ErrorKind::ServerError => "upstream_error",
            ErrorKind::Timeout => "upstream_timeout",
            ErrorKind::Connection if error.code.as_deref() == Some("upstream_tls") => {
                "upstream_tls"
            }
            ErrorKind::Connection => "upstream_connection",
            ErrorKind::ContextLengthExceeded => "context_length_exceeded",
            ErrorKind::PayloadTooLarge => "payload_too_large",
            ErrorKind::UnsupportedParameter => "unsupported_parameter",
            ErrorKind::InvalidRequest => "invalid_request",
            ErrorKind::ContentFiltered => "content_filter",
            ErrorKind::Auth => "upstream_auth",
            ErrorKind::Permission => "upstream_permission",
            ErrorKind::NotFound => "upstream_not_found",
            ErrorKind::Truncated
                if error.code.as_deref() == Some("structured_output_truncated") =>
            {
                "structured_output_truncated"
            }
            ErrorKind::Truncated => "upstream_truncated",
            ErrorKind::MalformedReply
                if error.code.as_deref() == Some("structured_output_invalid") =>
            {
                "structured_output_invalid"
            }
            ErrorKind::MalformedReply => "upstream_malformed",
        };
        let message = match error.kind {
            // The provider's words may name its key or account, which are not the caller's.
            ErrorKind::Auth => "The provider refused the gateway's credential. Your own key is \
                                fine; tell the operator."
                .to_owned(),
            _ => error.message.clone(),
        };
        let mut told = Self::new(code, message);
        told.param.clone_from(&error.param);
        if matches!(error.kind, ErrorKind::InvalidRequest) && error.status == Some(422) {
            told.status = 422;
        }
        if matches!(
            error.kind,
            ErrorKind::RateLimited
                | ErrorKind::Overloaded
                | ErrorKind::ServerError
                | ErrorKind::Timeout
        ) {
            told.retry_after = error.retry_after;
        }
        if error.retry_forbidden {
            told.should_retry = Some(false);
        }
        told
    }

    /// What the caller is told of a body that can't be read.
    #[must_use]
    pub fn from_parse(error: &ParseError) -> Self {
        let mut told = Self::new(error.code, error.message.clone());
        told.param.clone_from(&error.param);
        told
    }

    /// What the caller is told of a request that the target can't be sent.
    #[must_use]
    pub fn from_encode(error: &EncodeError) -> Self {
        let mut told = Self::new(error.code.as_str(), error.message.clone());
        told.param.clone_from(&error.param);
        told
    }

    /// The error object in OpenAI's shape.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "error": {
                "message": self.message,
                "type": self.kind,
                "param": self.param,
                "code": self.code,
            }
        })
    }

    /// Body of an error answer.
    #[must_use]
    pub fn body(&self) -> Vec<u8> {
        self.to_json().to_string().into_bytes()
    }

    /// The last event of a stream that failed after its head was sent. No `[DONE]` follows.
    #[must_use]
    pub fn stream_event(&self) -> Vec<u8> {
        let mut out = Vec::new();
        crate::sse::write_event(&mut out, None, &self.body());
        out
    }

    /// Headers that say whether and when to try again: `retry-after` in whole seconds rounded up,
    /// `retry-after-ms`, `x-should-retry`.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::new();
        if let Some(delay) = self.retry_after {
            let ms = delay.as_millis();
            headers.push(("retry-after", ms.div_ceil(1_000).to_string()));
            headers.push(("retry-after-ms", ms.to_string()));
        }
        if let Some(retry) = self.should_retry {
            headers.push(("x-should-retry", retry.to_string()));
        }
        headers
    }
}

/// `docs/errors.md`, written from [`CODES`].
#[must_use]
pub fn documentation() -> String {
    let mut out = String::from(
        "# Errors\n\n\
         Every error is one JSON object in OpenAI's shape, \
         `{\"error\": {\"message\", \"type\", \"param\", \"code\"}}`, with the status below. \
         A stream that fails after its first content ends in one `data:` event with the same \
         object, without `[DONE]`.\n\n\
         `code` is stable. `param` names the request field to blame, if one is. `retry-after` \
         (and `retry-after-ms`) are sent where the wait is known; `x-should-retry: false` where \
         another try is of no use, or the gateway has tried all that there is.\n\n\
         This file is written from the table in `crates/wire/src/api_error.rs`; a test holds the \
         two together.\n\n\
         | Code | Status | Type | Meaning | What to do | Try again |\n\
         | --- | --- | --- | --- | --- | --- |\n",
    );
    for entry in CODES {
        let retry = if entry.retry { "yes" } else { "no" };
        // Writing to a string can't fail.
        let _ = writeln!(
            out,
            "| `{}` | {} | `{}` | {} | {} | {retry} |",
            entry.code, entry.status, entry.kind, entry.meaning, entry.action
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_is_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os("POLYROUTE_WRITE_DOCS").is_some() {
            std::fs::write(path, documentation()).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert_eq!(
            file,
            documentation(),
            "docs/errors.md is stale: run this test with POLYROUTE_WRITE_DOCS=1"
        );
    }

    #[test]
    fn every_kind_has_a_documented_code() {
        for kind in ErrorKind::ALL {
            let told = ApiError::from_upstream(&UpstreamError::new(kind, "words"));
            let entry = CODES.iter().find(|entry| entry.code == told.code).unwrap();
            assert_eq!(entry.status, told.status, "{kind:?}");
        }
        let mut codes: Vec<_> = CODES.iter().map(|entry| entry.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len());
    }

    #[test]
    fn case_40_an_upstream_401_is_our_502_without_the_providers_words() {
        let mut upstream = UpstreamError::new(ErrorKind::Auth, "Incorrect API key: sk-abc");
        upstream.status = Some(401);
        let told = ApiError::from_upstream(&upstream);
        assert_eq!((told.status, told.code), (502, "upstream_auth"));
        assert_eq!(told.should_retry, Some(false));
        assert!(!told.message.contains("sk-abc"));
    }

    #[test]
    fn case_35_a_delay_is_told_in_seconds_rounded_up_and_in_ms() {
        let mut upstream = UpstreamError::new(ErrorKind::RateLimited, "slow");
        upstream.retry_after = Some(Duration::from_millis(1_200));
        let headers = ApiError::from_upstream(&upstream).headers();
        assert_eq!(
            headers,
            [
                ("retry-after", "2".to_owned()),
                ("retry-after-ms", "1200".to_owned())
            ]
        );
    }

    #[test]
    fn quota_is_never_retried_by_the_client() {
        let told = ApiError::from_upstream(&UpstreamError::new(ErrorKind::QuotaExhausted, "empty"));
        assert_eq!(told.headers(), [("x-should-retry", "false".to_owned())]);
        assert_eq!(told.status, 429);
    }

    #[test]
    fn case_32_an_error_in_a_stream_is_one_event() {
        let event = ApiError::new("upstream_truncated", "cut").stream_event();
        assert_eq!(
            String::from_utf8(event).unwrap(),
            "data: {\"error\":{\"message\":\"cut\",\"type\":\"api_error\",\"param\":null,\
             \"code\":\"upstream_truncated\"}}\n\n"
        );
    }
}
