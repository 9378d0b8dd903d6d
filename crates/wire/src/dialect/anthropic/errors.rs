//! Reads error answers (wire-protocols §13.3): `{"type":"error","error":{type,message,details}}`.

use serde_json::Value;

use crate::adapter::ReplyHead;
use crate::classify::{is_context_length, kind_of_status, optional_param};
use crate::delay::retry_after;
use crate::error::{ErrorKind, ErrorScope, UpstreamError};
use crate::google_error;
use crate::reply::message_or_status;

/// An error answer: status other than 2xx.
pub(super) fn classify(reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    if google_error::is_google(&parsed) {
        // The cloud that hosts the model answers for itself in its own words.
        return google_error::classify(reply, body);
    }
    let report = Report::read(&parsed);
    let kind = report
        .kind()
        .unwrap_or_else(|| kind_of_status(reply.status));
    let message = message_or_status(report.message, reply.status);
    let mut error = report.build(kind, message).with_status(reply.status);
    // Some 2xx answers carry `retry-after` too (wire-protocols §13.2): only errors come here.
    error.retry_after = retry_after(reply, report.message);
    error.retry_forbidden = reply
        .headers
        .get("x-should-retry")
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
    error
}

/// An error object in a 200: the body of it, or an event of its stream.
pub(super) fn in_band(value: &Value) -> UpstreamError {
    if google_error::is_google(value)
        && let Some(object) = google_error::error_object(value)
    {
        return google_error::in_band(object);
    }
    let report = Report::read(value);
    let kind = report.kind().unwrap_or(ErrorKind::ServerError);
    let message = if report.message.is_empty() {
        "the provider reported an error without a message".to_owned()
    } else {
        report.message.to_owned()
    };
    report.build(kind, message)
}

/// What an error body says.
#[derive(Debug, Default)]
struct Report<'a> {
    kind: &'a str,
    message: &'a str,
    code: Option<&'a str>,
}

impl<'a> Report<'a> {
    /// Tolerant: `error` may be an object, a text, or missing.
    fn read(body: &'a Value) -> Self {
        let error = body.get("error").unwrap_or(body);
        let text = |value: &'a Value, key: &str| value.get(key).and_then(Value::as_str);
        Self {
            kind: text(error, "type").unwrap_or_default(),
            message: error
                .as_str()
                .or_else(|| text(error, "message"))
                .or_else(|| text(body, "message"))
                .unwrap_or_default(),
            code: error
                .get("details")
                .and_then(|details| text(details, "error_code")),
        }
    }

    fn kind(&self) -> Option<ErrorKind> {
        match self.code {
            Some("enforced_spend_limit_reached" | "contract_spend_limit_reached") => {
                return Some(ErrorKind::QuotaExhausted);
            }
            Some("ramp_limit_exceeded") => return Some(ErrorKind::RateLimited),
            _ => {}
        }
        Some(match self.kind {
            "invalid_request_error" => self.invalid_kind(),
            "authentication_error" => ErrorKind::Auth,
            "billing_error" => ErrorKind::QuotaExhausted,
            "permission_error" => ErrorKind::Permission,
            "not_found_error" => ErrorKind::NotFound,
            "request_too_large" => ErrorKind::PayloadTooLarge,
            "rate_limit_error" => ErrorKind::RateLimited,
            "overloaded_error" => ErrorKind::Overloaded,
            "timeout_error" => ErrorKind::Timeout,
            "api_error" => ErrorKind::ServerError,
            _ => return None,
        })
    }

    /// What a refused request was refused for. Texts are matched only as the API's own templates,
    /// which stand at the start or follow the name of a field.
    fn invalid_kind(&self) -> ErrorKind {
        let message = self.message;
        if is_context_length(message) {
            ErrorKind::ContextLengthExceeded
        } else if message.starts_with("Your credit balance is too low")
            || message.starts_with("You have reached your specified API usage limits")
        {
            ErrorKind::QuotaExhausted
        } else if message.starts_with("Output blocked by content filtering policy") {
            ErrorKind::ContentFiltered
        } else if self.unsupported_param().is_some() {
            ErrorKind::UnsupportedParameter
        } else {
            ErrorKind::InvalidRequest
        }
    }

    /// The field of a message of a template that says that the model does not take it.
    fn unsupported_param(&self) -> Option<&'a str> {
        if self
            .message
            .starts_with("This model does not support effort level")
        {
            return Some("output_config.effort");
        }
        let (field, rest) = self.named_field()?;
        (rest.starts_with("Extra inputs are not permitted")
            || rest.starts_with("is deprecated for this model"))
        .then_some(field)
    }

    /// A field path at the start of the message, as in `messages.0.content: …` or `` `top_k` … ``.
    fn named_field(&self) -> Option<(&'a str, &'a str)> {
        let message = self.message.strip_prefix('`').unwrap_or(self.message);
        let end = message.find(|character: char| {
            !(character.is_ascii_alphanumeric() || matches!(character, '_' | '.'))
        })?;
        let (field, rest) = message.split_at_checked(end)?;
        let names_field = field.starts_with(|first: char| first.is_ascii_lowercase())
            && (rest.starts_with(": ")
                || rest.starts_with('`')
                || rest.starts_with(" is deprecated"));
        names_field.then(|| (field, rest.trim_start_matches(['`', ':', ' '])))
    }

    fn build(&self, kind: ErrorKind, message: String) -> UpstreamError {
        let mut error = UpstreamError::new(kind, message);
        error.code = self
            .code
            .or(Some(self.kind).filter(|kind| !kind.is_empty()))
            .map(ToOwned::to_owned);
        if kind == ErrorKind::UnsupportedParameter {
            let named = self.unsupported_param().and_then(optional_param);
            error.unsupported = named.into_iter().collect();
        }
        let about_request = matches!(
            kind,
            ErrorKind::InvalidRequest | ErrorKind::UnsupportedParameter
        );
        if about_request {
            error.param = self
                .unsupported_param()
                .or_else(|| self.named_field().map(|(field, _)| field))
                .map(ToOwned::to_owned);
        }
        if kind == ErrorKind::QuotaExhausted {
            error.scope = ErrorScope::Account;
        }
        error
    }
}
