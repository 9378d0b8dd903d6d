//! Reads error answers (wire-protocols §13.3): `{"message", "id", "error_type"?}`. The texts are
//! those of Cohere's page of error messages.

use serde_json::Value;

use crate::adapter::ReplyHead;
use crate::classify::{is_context_length, kind_of_status};
use crate::delay::retry_after;
use crate::error::{ErrorKind, UpstreamError};
use crate::reply::message_or_status;

/// An error answer: status other than 2xx.
pub(super) fn classify(reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let report = Report::read(&parsed);
    let kind = report.kind(reply.status);
    let message = message_or_status(report.message, reply.status);
    let mut error = report.build(kind, message).with_status(reply.status);
    error.retry_after = retry_after(reply, report.message);
    error
}

/// Whether a JSON value is an error's: its `message` is a text, or it has an `error`.
pub(super) fn is_error(value: &Value) -> bool {
    value.get("message").is_some_and(Value::is_string)
        || value.get("error").is_some_and(|error| !error.is_null())
}

/// An error object in a 200: the body of it, or an event of its stream.
pub(super) fn in_band(value: &Value) -> UpstreamError {
    let report = Report::read(value);
    let kind = if report.is_too_long() {
        ErrorKind::ContextLengthExceeded
    } else {
        ErrorKind::ServerError
    };
    let message = if report.message.is_empty() {
        "the provider reported an error without a message".to_owned()
    } else {
        report.message.to_owned()
    };
    report.build(kind, message)
}

/// The failure that the end of an answer says: an `error` text, or the finish reasons `ERROR`,
/// `USER_CANCEL` and `TIMEOUT` where nothing was said that the caller could use (wire-protocols §11.1).
pub(super) fn at_end(end: &Value, native: &str, spoke: bool) -> Option<UpstreamError> {
    if end.get("error").is_some_and(|error| !error.is_null()) {
        return Some(in_band(end));
    }
    let kind = match native {
        // v1 says `USER_CANCEL` as well: not ours, who wait for the answer.
        "ERROR" | "USER_CANCEL" => ErrorKind::ServerError,
        "TIMEOUT" => ErrorKind::Timeout,
        _ => return None,
    };
    (!spoke).then(|| {
        UpstreamError::new(
            kind,
            format!("the provider ended its answer with `{native}` and no content"),
        )
    })
}

/// What an error body says.
#[derive(Debug, Default)]
struct Report<'a> {
    message: &'a str,
    kind: Option<&'a str>,
}

impl<'a> Report<'a> {
    /// Tolerant: the text may be `message`, `error`, the `message` of an `error` object, or the `err`
    /// of v1's `stream-error`.
    fn read(body: &'a Value) -> Self {
        let text = |value: &'a Value, key: &str| value.get(key).and_then(Value::as_str);
        let error = body.get("error").unwrap_or(&Value::Null);
        Self {
            message: error
                .as_str()
                .or_else(|| text(error, "message"))
                .or_else(|| text(body, "message"))
                .or_else(|| text(body, "err"))
                .unwrap_or_default(),
            kind: text(body, "error_type").or_else(|| text(error, "type")),
        }
    }

    fn kind(&self, status: u16) -> ErrorKind {
        match status {
            400 | 422 => self.invalid_kind(),
            // v1: the model is there, and one of the request's own connectors is not.
            404 if self.said().starts_with("connector '") => ErrorKind::InvalidRequest,
            // The trial key's monthly cap: waiting for a minute does not help.
            429 if self.is_monthly() => ErrorKind::QuotaExhausted,
            // "a request or response contains a deny-listed token"
            498 => ErrorKind::ContentFiltered,
            // "a request is cancelled by the user": not by us, who wait for the answer.
            499 => ErrorKind::ServerError,
            // "the requested feature is not implemented": there, for this model.
            501 => ErrorKind::NotFound,
            _ => kind_of_status(status),
        }
    }

    fn is_too_long(&self) -> bool {
        self.kind == Some("TOO_MANY_TOKENS") || is_context_length(self.message)
    }

    /// What a refused request was refused for. Texts are matched only as the API's own templates,
    /// which stand at the start.
    fn invalid_kind(&self) -> ErrorKind {
        let said = self.said();
        if self.is_too_long() {
            ErrorKind::ContextLengthExceeded
        } else if self.unsupported_param().is_some() {
            ErrorKind::UnsupportedParameter
        } else if said.starts_with("model '") && said.contains("' is not supported by the ") {
            ErrorKind::NotFound
        } else {
            ErrorKind::InvalidRequest
        }
    }

    /// The message without the words that all refusals begin with.
    fn said(&self) -> &'a str {
        self.message
            .strip_prefix("invalid request: ")
            .unwrap_or(self.message)
    }

    fn is_monthly(&self) -> bool {
        let text = self.message.to_ascii_lowercase();
        ["/ month", "per month", "monthly"]
            .iter()
            .any(|words| text.contains(words))
    }

    /// The field that a message of a template says the model does not take.
    fn unsupported_param(&self) -> Option<&'a str> {
        let said = self.said();
        if let Some(rest) = said.strip_prefix("unknown field: parameter ") {
            let (field, _) = rest.split_once(" is not a valid field")?;
            return Some(field.trim_matches(['\'', '"', '`']));
        }
        let both = "cannot specify both frequency_penalty and presence_penalty";
        let one_of = "only one of 'presence_penalty' and 'frequency_penalty'";
        if said.starts_with(both) || said.starts_with(one_of) {
            return Some("presence_penalty");
        }
        let (field, _) = said.split_once(" is not supported ")?;
        let named = matches!(
            field,
            "response_format" | "tool_choice" | "strict_tools" | "thinking" | "safety_mode"
        );
        named.then_some(field)
    }

    /// The field that a refusal names first: `temperature must be between 0 and 1.0 inclusive.`
    fn named_field(&self) -> Option<&'a str> {
        let (field, _) = self.said().split_once(" must be ")?;
        let is_field = !field.is_empty()
            && field
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        is_field.then_some(field)
    }

    fn build(&self, kind: ErrorKind, message: String) -> UpstreamError {
        let mut error = UpstreamError::new(kind, message);
        error.code = self.kind.map(ToOwned::to_owned);
        if matches!(
            kind,
            ErrorKind::InvalidRequest | ErrorKind::UnsupportedParameter
        ) {
            let param = self.unsupported_param().or_else(|| self.named_field());
            error.param = param.map(ToOwned::to_owned);
        }
        error
    }
}
