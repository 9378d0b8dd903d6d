//! Reads error answers (wire-protocols §13.3, row Bedrock): `{"message"}` with the exception's name in
//! the header `x-amzn-errortype`, and exceptions within a stream.

use serde_json::Value;

use crate::adapter::ReplyHead;
use crate::classify::{is_context_length, kind_of_status, optional_param};
use crate::delay::retry_after;
use crate::error::{ErrorKind, ErrorScope, UpstreamError};
use crate::reply::message_or_status;

/// Names the exception in the head of an answer.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// What begins the request, session token and all, that a refused signature is answered with.
const QUOTED_REQUEST: &str = "The Canonical String for this request";

/// Exceptions that say that the credential or its signature is refused.
const AUTH: [&str; 10] = [
    "expiredtoken",
    "unrecognizedclient",
    "invalidsignature",
    "signaturedoesnotmatch",
    "incompletesignature",
    "invalidclienttokenid",
    "missingauthenticationtoken",
    "requestexpired",
    "requesttimetooskewed",
    "notauthorized",
];

/// What a refused credential is told where the exception's name is missing.
const AUTH_TEXTS: [&str; 5] = [
    "the security token included in the request is",
    "the request signature we calculated does not match",
    "signature expired",
    "signature not yet current",
    "authentication failed",
];

/// An error answer: status other than 2xx.
pub(super) fn classify(reply: &ReplyHead<'_>, body: &[u8]) -> UpstreamError {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let said = reply.headers.get(ERROR_TYPE).map(String::as_str);
    let report = Report::read(said.unwrap_or_default(), &parsed);
    let kind = report
        .kind()
        .unwrap_or_else(|| report.kind_by_status(reply.status));
    let message = message_or_status(report.message, reply.status);
    let mut error = report.build(kind, message).with_status(reply.status);
    error.retry_after = retry_after(reply, report.message);
    error
}

/// An exception frame of a stream.
pub(super) fn exception(name: &str, payload: &[u8]) -> UpstreamError {
    let parsed: Value = serde_json::from_slice(payload).unwrap_or_default();
    Report::read(name, &parsed).in_band()
}

/// An error frame of a stream, which has no payload.
pub(super) fn in_stream(name: &str, message: &str) -> UpstreamError {
    let report = Report {
        name: name.to_owned(),
        message,
        original_status: None,
    };
    report.in_band()
}

/// An error that stands where an answer was due. `None` if it is none.
pub(super) fn in_body(value: &Value) -> Option<UpstreamError> {
    let report = Report::read("", value);
    (!report.message.is_empty() || !report.name.is_empty()).then(|| report.in_band())
}

/// What an error says.
#[derive(Debug)]
struct Report<'a> {
    /// The exception's name; empty if none.
    name: String,
    message: &'a str,
    /// The status that the model itself answered with.
    original_status: Option<u16>,
}

impl<'a> Report<'a> {
    /// Tolerant: the name may be a member, the message's first letter may be upper case.
    fn read(name: &str, body: &'a Value) -> Self {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let name = match name {
            "" => text("__type").or_else(|| text("code")).unwrap_or_default(),
            name => name,
        };
        // `ThrottlingException:http://…`, `com.amazon.coral#ThrottlingException`.
        let name = name.split(':').next().unwrap_or_default();
        let name = name.rsplit('#').next().unwrap_or_default().trim();
        Self {
            name: name.to_owned(),
            message: text("message")
                .or_else(|| text("Message"))
                .or_else(|| text("originalMessage"))
                .and_then(|message| message.split(QUOTED_REQUEST).next())
                .unwrap_or_default()
                .trim_end(),
            original_status: body
                .get("originalStatusCode")
                .and_then(Value::as_u64)
                .and_then(|status| u16::try_from(status).ok()),
        }
    }

    /// The name in small letters without `Exception`: streams begin it with a small letter.
    fn key(&self) -> String {
        let name = self.name.to_ascii_lowercase();
        name.strip_suffix("exception").unwrap_or(&name).to_owned()
    }

    fn kind(&self) -> Option<ErrorKind> {
        let key = self.key();
        Some(match key.as_str() {
            "throttling" | "toomanyrequests" => self.throttled(),
            "modelnotready" | "serviceunavailable" => ErrorKind::Overloaded,
            "internalserver" | "internalfailure" => ErrorKind::ServerError,
            "modeltimeout" => ErrorKind::Timeout,
            "modelerror" | "modelstreamerror" => self.model_failed(),
            "validation" => self.invalid(),
            "accessdenied" if self.is_about_credential() => ErrorKind::Auth,
            "accessdenied" => ErrorKind::Permission,
            "resourcenotfound" => ErrorKind::NotFound,
            "servicequotaexceeded" => ErrorKind::QuotaExhausted,
            key if AUTH.contains(&key) => ErrorKind::Auth,
            _ => return None,
        })
    }

    /// For an answer without a name that we know.
    fn kind_by_status(&self, status: u16) -> ErrorKind {
        match status {
            400 => self.invalid(),
            403 if self.is_about_credential() => ErrorKind::Auth,
            424 => self.model_failed(),
            429 => self.throttled(),
            status => kind_of_status(status),
        }
    }

    fn is_about_credential(&self) -> bool {
        let message = self.message.to_ascii_lowercase();
        AUTH_TEXTS.iter().any(|text| message.starts_with(text))
    }

    fn throttled(&self) -> ErrorKind {
        if self.message.to_ascii_lowercase().contains("per day") {
            ErrorKind::QuotaExhausted
        } else {
            ErrorKind::RateLimited
        }
    }

    /// The model failed behind the service: its own status says how.
    fn model_failed(&self) -> ErrorKind {
        match self.original_status {
            Some(status) if status != 424 => kind_of_status(status),
            _ => ErrorKind::ServerError,
        }
    }

    /// What a refused request was refused for. Texts are matched only as the API's own templates.
    fn invalid(&self) -> ErrorKind {
        let message = self.message;
        let lower = message.to_ascii_lowercase();
        if is_context_length(message) {
            ErrorKind::ContextLengthExceeded
        } else if lower.starts_with("the provided model identifier is invalid")
            || lower.contains("on-demand throughput isn\u{2019}t supported")
            || lower.contains("on-demand throughput isn't supported")
        {
            ErrorKind::NotFound
        } else if self.is_about_credential() {
            ErrorKind::Auth
        } else if lower.starts_with("this model doesn't support") || self.unsupported().is_some() {
            ErrorKind::UnsupportedParameter
        } else {
            ErrorKind::InvalidRequest
        }
    }

    /// The field that the model does not take, as the service or Claude behind it names it.
    fn unsupported(&self) -> Option<&'a str> {
        if let Some(rest) = self.message.strip_prefix("This model doesn't support the ") {
            let (field, rest) = rest.split_once(' ')?;
            return rest.starts_with("field").then_some(field);
        }
        let text = "The model returned the following errors: ";
        let message = self.message.strip_prefix(text).unwrap_or(self.message);
        let message = message.strip_prefix('`').unwrap_or(message);
        let end = message.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.')))?;
        let (field, rest) = message.split_at_checked(end)?;
        let rest = rest.trim_start_matches(['`', ':', ' ']);
        let is_field = field.starts_with(|c: char| c.is_ascii_lowercase());
        (is_field
            && (rest.starts_with("Extra inputs are not permitted")
                || rest.starts_with("is deprecated for this model")))
        .then_some(field)
    }

    fn in_band(self) -> UpstreamError {
        let kind = self.kind().unwrap_or(ErrorKind::ServerError);
        let message = if self.message.is_empty() {
            "the provider reported an error without a message".to_owned()
        } else {
            self.message.to_owned()
        };
        self.build(kind, message)
    }

    fn build(&self, kind: ErrorKind, message: String) -> UpstreamError {
        let mut error = UpstreamError::new(kind, message);
        error.code = Some(self.name.clone()).filter(|name| !name.is_empty());
        if kind == ErrorKind::UnsupportedParameter {
            let named = self.unsupported();
            error.param = named.map(ToOwned::to_owned);
            error.unsupported = named.and_then(optional_param).into_iter().collect();
        }
        if kind == ErrorKind::QuotaExhausted {
            error.scope = ErrorScope::Account;
        }
        error
    }
}
