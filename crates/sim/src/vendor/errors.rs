//! Errors as a vendor words and shapes them.
//!
//! A vendor lists what it says in which case (`Said`) and how such words become a body
//! (`Errors::shape`); what it does not list is said in OpenAI's words, in the vendor's shape.

use serde_json::{Map, Value, json};

use super::Vendor;
use crate::errors::{About, Flavour, reply};
use crate::prompt::Refusal;
use crate::wire::{Event, Kind, Reply};

/// Something that a vendor complains about, before it has its shape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Complaint {
    /// HTTP status.
    pub(crate) status: u16,
    /// `type`.
    pub(crate) kind: &'static str,
    /// `code`; empty where there is none.
    pub(crate) code: &'static str,
    /// The words.
    pub(crate) message: String,
    /// JSON in the words' place (Mistral's list of findings).
    pub(crate) details: Option<Box<Value>>,
    /// The member at fault.
    pub(crate) param: Option<String>,
}

impl Complaint {
    /// A complaint with a type and words.
    pub(crate) fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            code: "",
            message: message.into(),
            details: None,
            param: None,
        }
    }

    /// A 400 `invalid_request_error`.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// The complaint with a code.
    pub(crate) fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// The complaint with the member at fault.
    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// `code`, or null.
    pub(crate) fn code_or_null(&self) -> Value {
        if self.code.is_empty() {
            Value::Null
        } else {
            json!(self.code)
        }
    }
}

/// The cases in which a vendor has words of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// No credential.
    NoKey,
    /// A wrong one.
    BadKey,
    /// It may not use this.
    Forbidden,
    /// No money or quota is left.
    Quota,
    /// Too many requests or tokens.
    Limited,
    /// No capacity.
    Overloaded,
    /// It took too long.
    Timeout,
    /// The body is too large.
    TooLarge,
    /// The body is no JSON.
    NoJson,
    /// The request is wrong in some way.
    Bad,
    /// No such model.
    NoModel,
    /// The prompt is longer than the window.
    TooLong,
    /// No such path.
    NoPath,
    /// Not with this method.
    WrongMethod,
    /// A content filter blocked the prompt.
    Filtered,
    /// The server broke.
    Broken,
}

/// What a vendor says in one case. `{model}`, `{tokens}`, `{window}`, `{method}`, `{path}` and
/// `{wait}` stand for the request's own.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) when: When,
    pub(crate) status: u16,
    pub(crate) kind: &'static str,
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
}

/// One line of a vendor's list.
pub(crate) const fn said(
    when: When,
    status: u16,
    kind: &'static str,
    code: &'static str,
    text: &'static str,
) -> Said {
    Said {
        when,
        status,
        kind,
        code,
        text,
    }
}

/// How a vendor complains.
#[derive(Debug)]
pub(crate) struct Errors {
    /// Its own words.
    pub(crate) said: &'static [Said],
    /// The body of a complaint; the second is the request's id.
    pub(crate) shape: fn(&Complaint, &str) -> Value,
    /// How an error looks within a stream.
    pub(crate) streamed: Streamed,
    /// The content type of error bodies.
    pub(crate) content_type: &'static str,
}

/// How an error looks within a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Streamed {
    /// The body as an event.
    Plain,
    /// The body as an event with the line `event: error`.
    Named,
    /// A chunk that has the error beside a choice with the finish reason `error` (OpenRouter).
    Chunk,
}

/// What everybody says who has no words of its own: OpenAI's.
#[rustfmt::skip]
static USUAL: &[Said] = &[
    said(When::NoKey, 401, "invalid_request_error", "invalid_api_key", "You didn't provide an API key."),
    said(When::BadKey, 401, "invalid_request_error", "invalid_api_key", "Invalid API key provided."),
    said(When::Forbidden, 403, "permission_error", "forbidden", "You do not have access to this resource."),
    said(When::Quota, 402, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details."),
    said(When::Limited, 429, "rate_limit_error", "rate_limit_exceeded", "Rate limit reached for {model}.{wait}"),
    said(When::Overloaded, 503, "service_unavailable", "service_unavailable", "The service is overloaded. Please try again later."),
    said(When::Timeout, 504, "timeout", "timeout", "Request timed out."),
    said(When::TooLarge, 413, "invalid_request_error", "request_too_large", "Request Entity Too Large"),
    said(When::NoJson, 400, "invalid_request_error", "", "We could not parse the JSON body of your request."),
    said(When::Bad, 400, "invalid_request_error", "", "Invalid request."),
    said(When::NoModel, 404, "invalid_request_error", "model_not_found", "The model `{model}` does not exist or you do not have access to it."),
    said(When::TooLong, 400, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is {window} tokens. However, your messages resulted in {tokens} tokens. Please reduce the length of the messages."),
    said(When::NoPath, 404, "invalid_request_error", "unknown_url", "Unknown request URL: {method} {path}. Please check the URL for typos."),
    said(When::WrongMethod, 405, "invalid_request_error", "method_not_allowed", "Method Not Allowed"),
    said(When::Filtered, 400, "invalid_request_error", "content_filter", "The prompt was flagged by the content filter."),
    said(When::Broken, 500, "internal_server_error", "internal_server_error", "Internal server error"),
];

/// Facts that an error text may name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Facts<'a> {
    /// Tokens of the prompt and of the window.
    pub(crate) tokens: (u64, u64),
    /// Method and path.
    pub(crate) asked: (&'a str, &'a str),
}

impl Vendor {
    /// What this vendor complains about in this case.
    pub(crate) fn complaint(&self, when: When, about: About<'_>, facts: Facts<'_>) -> Complaint {
        let own = self.errors.said.iter().chain(USUAL);
        let Some(said) = own.into_iter().find(|said| said.when == when) else {
            return Complaint::new(500, "internal_server_error", "Internal server error");
        };
        let wait = about
            .retry
            .map(|wait| format!(" Please try again in {wait:?}."));
        let text = said
            .text
            .replace("{model}", about.model)
            .replace("{tokens}", &facts.tokens.0.to_string())
            .replace("{window}", &facts.tokens.1.to_string())
            .replace("{method}", facts.asked.0)
            .replace("{path}", facts.asked.1)
            .replace("{wait}", wait.as_deref().unwrap_or_default());
        Complaint::new(said.status, said.kind, text).code(said.code)
    }

    /// The error body for this status.
    pub(crate) fn by_status(&self, about: About<'_>, status: u16, flavour: Flavour) -> Value {
        let when = match (status, flavour) {
            (402, _) | (_, Flavour::Quota) => When::Quota,
            (429, Flavour::Usual) => When::Limited,
            (401, _) => When::BadKey,
            (403, _) => When::Forbidden,
            (404, _) => When::NoModel,
            (408 | 504, _) => When::Timeout,
            (413, _) => When::TooLarge,
            (498 | 503 | 529, _) => When::Overloaded,
            (400 | 422, _) => When::Bad,
            _ => When::Broken,
        };
        let complaint = Complaint {
            status,
            ..self.complaint(when, about, Facts::default())
        };
        (self.errors.shape)(&complaint, about.request_id)
    }

    /// The reply in this case.
    pub(crate) fn refuse(&self, when: When, about: About<'_>, facts: Facts<'_>) -> Reply {
        self.reply(&self.complaint(when, about, facts), about.request_id)
    }

    /// A complaint as a reply.
    pub(crate) fn reply(&self, complaint: &Complaint, request_id: &str) -> Reply {
        reply(complaint.status, (self.errors.shape)(complaint, request_id))
    }

    /// A complaint as a judge's refusal.
    pub(crate) fn refusal(&self, complaint: &Complaint) -> Refusal {
        Refusal {
            status: complaint.status,
            body: (self.errors.shape)(complaint, ""),
        }
    }

    /// An error within a stream.
    pub(crate) fn error_event(&self, about: About<'_>) -> Event {
        let when = When::Overloaded;
        let complaint = self.complaint(when, about, Facts::default());
        let body = (self.errors.shape)(&complaint, about.request_id);
        match self.errors.streamed {
            Streamed::Plain => Event::json(Kind::Error, body),
            Streamed::Named => Event {
                name: Some("error"),
                ..Event::json(Kind::Error, body)
            },
            Streamed::Chunk => {
                let mut chunk = json!({"id": "gen-error", "object": "chat.completion.chunk",
                    "model": about.model, "provider": "Simulated", "choices": [{"index": 0,
                        "delta": {"content": ""}, "finish_reason": "error",
                        "native_finish_reason": "error"}]});
                if let (Some(members), Value::Object(body)) = (chunk.as_object_mut(), body) {
                    members.extend(body);
                }
                Event::json(Kind::Error, chunk)
            }
        }
    }
}

/// `{"error": {message, type, param, code}}`.
pub(crate) fn openai_shape(complaint: &Complaint, _: &str) -> Value {
    let error = json!({"message": complaint.message, "type": complaint.kind,
        "param": complaint.param, "code": complaint.code_or_null()});
    json!({"error": error})
}

/// `{"error": {message, type, code: <status>}}`.
pub(crate) fn numbered_shape(complaint: &Complaint, _: &str) -> Value {
    let error = json!({"message": complaint.message, "type": complaint.kind,
        "code": complaint.status});
    json!({"error": error})
}

/// `{message, type, param, code}` at the top.
pub(crate) fn flat_shape(complaint: &Complaint, _: &str) -> Value {
    let error = json!({"message": complaint.message, "type": complaint.kind,
        "param": complaint.param.as_deref().unwrap_or_default(), "code": complaint.code});
    error
}

/// `{"error": "text"}`.
pub(crate) fn text_shape(complaint: &Complaint, _: &str) -> Value {
    let mut members = Map::new();
    members.insert("error".to_owned(), json!(complaint.message));
    Value::Object(members)
}
