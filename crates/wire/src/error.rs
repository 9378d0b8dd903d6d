//! One error taxonomy (wire-protocols §13): what an upstream said went wrong, and what our caller
//! is told.

use std::time::Duration;

/// What kind of failure an attempt ended in. The engine decides on it; no other code matches on
/// provider texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Too many requests or tokens for now.
    RateLimited,
    /// No credit or quota left: waiting minutes does not help.
    QuotaExhausted,
    /// The provider is short of capacity.
    Overloaded,
    /// The provider failed.
    ServerError,
    /// The provider, or a deadline of ours, ran out of time.
    Timeout,
    /// No connection, a reset, a TLS failure.
    Connection,
    /// Input (and output) exceed the model's window.
    ContextLengthExceeded,
    /// The body is larger than the provider takes.
    PayloadTooLarge,
    /// The model does not take a parameter; `param` names it.
    UnsupportedParameter,
    /// The caller's mistake.
    InvalidRequest,
    /// The prompt or answer was blocked by a filter.
    ContentFiltered,
    /// The provider refused our credential.
    Auth,
    /// The credential may not use this model or feature.
    Permission,
    /// No such model or deployment there.
    NotFound,
    /// The answer ended before its end.
    Truncated,
    /// The answer could not be read as its dialect says.
    MalformedReply,
}

impl ErrorKind {
    /// Every kind, for tables and metric labels.
    pub const ALL: [Self; 16] = [
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::Overloaded,
        Self::ServerError,
        Self::Timeout,
        Self::Connection,
        Self::ContextLengthExceeded,
        Self::PayloadTooLarge,
        Self::UnsupportedParameter,
        Self::InvalidRequest,
        Self::ContentFiltered,
        Self::Auth,
        Self::Permission,
        Self::NotFound,
        Self::Truncated,
        Self::MalformedReply,
    ];

    /// Stable name, used in logs, metrics and outcome records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RateLimited => "rate_limited",
            Self::QuotaExhausted => "quota_exhausted",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::ContextLengthExceeded => "context_length_exceeded",
            Self::PayloadTooLarge => "payload_too_large",
            Self::UnsupportedParameter => "unsupported_parameter",
            Self::InvalidRequest => "invalid_request",
            Self::ContentFiltered => "content_filtered",
            Self::Auth => "auth",
            Self::Permission => "permission",
            Self::NotFound => "not_found",
            Self::Truncated => "truncated",
            Self::MalformedReply => "malformed_reply",
        }
    }
}

/// What a failure is about, and so what to bench: the request only, or something that others use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorScope {
    /// This request only.
    Request,
    /// The credential.
    Credential,
    /// The whole account behind the credential.
    Account,
    /// This model at this provider.
    Target,
    /// The whole provider.
    Provider,
}

/// How an attempt failed, read from status, headers and body of the provider's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct UpstreamError {
    /// The kind.
    pub kind: ErrorKind,
    /// What it is about.
    pub scope: ErrorScope,
    /// HTTP status of the answer; `None` if there was none (connection, in-band).
    pub status: Option<u16>,
    /// The provider's message, or ours where it gave none. Bounded in length; never a raw body.
    pub message: String,
    /// The provider's own code or type word.
    pub code: Option<String>,
    /// The request parameter that it names.
    pub param: Option<String>,
    /// Caller's parameters, by OpenAI's names, that the provider says its model does not take at
    /// all: from its own field or template only, never from a text that may quote the request
    /// (wire-protocols §13.6).
    pub unsupported: Vec<&'static str>,
    /// How long the provider asks us to wait.
    pub retry_after: Option<Duration>,
    /// The provider forbade a retry (`x-should-retry: false`).
    pub retry_forbidden: bool,
}

impl UpstreamError {
    /// Longest message kept, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 2_000;
    /// A rate limit that asks for a longer wait is a quota that is used up (wire-protocols §13.2).
    pub const RATE_WAIT_MAX: Duration = Duration::from_secs(3_600);

    /// An error of that kind with the scope that the kind usually has.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let scope = match kind {
            ErrorKind::RateLimited | ErrorKind::Auth => ErrorScope::Credential,
            ErrorKind::QuotaExhausted => ErrorScope::Account,
            ErrorKind::Overloaded
            | ErrorKind::ServerError
            | ErrorKind::Timeout
            | ErrorKind::Permission
            | ErrorKind::NotFound
            | ErrorKind::Truncated
            | ErrorKind::MalformedReply => ErrorScope::Target,
            ErrorKind::Connection => ErrorScope::Provider,
            ErrorKind::ContextLengthExceeded
            | ErrorKind::PayloadTooLarge
            | ErrorKind::UnsupportedParameter
            | ErrorKind::InvalidRequest
            | ErrorKind::ContentFiltered => ErrorScope::Request,
        };
        let mut message = message.into();
        if message.len() > Self::MESSAGE_BYTES_MAX {
            let end = (0..=Self::MESSAGE_BYTES_MAX)
                .rev()
                .find(|at| message.is_char_boundary(*at));
            message.truncate(end.unwrap_or(0));
        }
        Self {
            kind,
            scope,
            status: None,
            message,
            code: None,
            param: None,
            unsupported: Vec::new(),
            retry_after: None,
            retry_forbidden: false,
        }
    }

    /// The same with the HTTP status it came with.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// The same, as a used-up quota where it is a rate limit that lasts longer than
    /// [`UpstreamError::RATE_WAIT_MAX`].
    #[must_use]
    pub fn quota_if_lasting(mut self) -> Self {
        let lasts = self
            .retry_after
            .is_some_and(|wait| wait > Self::RATE_WAIT_MAX);
        if lasts && self.kind == ErrorKind::RateLimited {
            self.kind = ErrorKind::QuotaExhausted;
            self.scope = ErrorScope::Account;
        }
        self
    }
}

/// Why a request can't be sent to a target as it is. The caller's mistake (400), unless another
/// target can take it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EncodeError {
    /// Stable code: see [`EncodeErrorCode`].
    pub code: EncodeErrorCode,
    /// What to change, in words.
    pub message: String,
    /// The request field, in OpenAI's notation (`messages[2].content[0]`).
    pub param: Option<String>,
}

impl EncodeError {
    /// An error about the field `param`.
    #[must_use]
    pub fn new(
        code: EncodeErrorCode,
        param: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            param: Some(param.into()),
        }
    }
}

/// Stable codes of [`EncodeError`]; documented in `docs/errors.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EncodeErrorCode {
    /// A value is wrong in itself, whichever target (`invalid_value`).
    InvalidValue,
    /// The target's model can't take a parameter and `strict_params` is on, or leaving it out
    /// would change the meaning (`unsupported_parameter`).
    UnsupportedParameter,
    /// The target can't take this kind of content (`unsupported_content`).
    UnsupportedContent,
    /// Tool calls and results do not pair up (`unpaired_tool_call`).
    UnpairedToolCall,
    /// The provider has no endpoint for what is asked (`endpoint_not_offered`).
    NotOffered,
}

impl EncodeErrorCode {
    /// The `code` of the error object.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidValue => "invalid_value",
            Self::UnsupportedParameter => "unsupported_parameter",
            Self::UnsupportedContent => "unsupported_content",
            Self::UnpairedToolCall => "unpaired_tool_call",
            Self::NotOffered => "endpoint_not_offered",
        }
    }
}

/// A request body that can't be read as its dialect says: the caller's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    /// Stable code: `invalid_json`, `invalid_type`, `missing_required_parameter`, `invalid_value`.
    pub code: &'static str,
    /// What to change, in words.
    pub message: String,
    /// The field, if one is to blame.
    pub param: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_35_a_rate_limit_of_ten_hours_is_a_quota() {
        let kind = |kind: ErrorKind, wait_s: Option<u64>| {
            let mut error = UpstreamError::new(kind, "wait");
            error.retry_after = wait_s.map(Duration::from_secs);
            error.quota_if_lasting().kind
        };
        let rate = ErrorKind::RateLimited;
        assert_eq!(kind(rate, Some(36_000)), ErrorKind::QuotaExhausted);
        assert_eq!(kind(rate, Some(3_600)), rate);
        assert_eq!(kind(rate, None), rate);
        let overloaded = ErrorKind::Overloaded;
        assert_eq!(kind(overloaded, Some(36_000)), overloaded);
    }
}
