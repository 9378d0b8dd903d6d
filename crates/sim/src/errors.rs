//! Error answers as each provider words them, by status.

use std::time::Duration;

use serde_json::{Value, json};

use crate::dialect::{anthropic, bedrock, cohere, gemini, openai};
use crate::headers::error_type;
use crate::models::Dialect;
use crate::vendor::Vendor;
use crate::vendor::errors::{Facts, When};
use crate::wire::{Body, Reply};

/// Which of two errors with the same status is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flavour {
    /// The usual one; for 429 the rate limit.
    #[default]
    Usual,
    /// 429: the quota or the money is used up.
    Quota,
}

/// What an error answer is about.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The dialect that words it.
    pub dialect: Dialect,
    /// The vendor that words it, where it is one.
    pub vendor: Option<&'static Vendor>,
    /// The model that was asked for.
    pub model: &'a str,
    /// The request's id.
    pub request_id: &'a str,
    /// The wait that a 429 asks for in its text or details.
    pub retry: Option<Duration>,
}

/// The error that this provider answers with this status.
pub fn by_status(about: About<'_>, status: u16, flavour: Flavour) -> Value {
    if let Some(vendor) = about.vendor {
        return vendor.by_status(about, status, flavour);
    }
    match about.dialect {
        Dialect::Openai => openai_error(about, status, flavour),
        Dialect::Anthropic => anthropic_error(about, status, flavour),
        Dialect::Gemini => gemini_error(about, status, flavour),
        Dialect::Bedrock => bedrock::render::error(bedrock_text(status, flavour)),
        Dialect::Cohere => cohere_error(about, status, flavour),
    }
}

/// A JSON error reply.
pub fn reply(status: u16, body: Value) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        tokens: 0,
        body: Body::Json(body),
    }
}

/// No such model.
pub fn unknown_model(about: About<'_>, embeddings: bool) -> Reply {
    if let Some(vendor) = about.vendor {
        return vendor.refuse(When::NoModel, about, Facts::default());
    }
    let model = about.model;
    let body = match about.dialect {
        Dialect::Openai | Dialect::Cohere => by_status(about, 404, Flavour::Usual),
        Dialect::Anthropic => anthropic::render::error(
            "not_found_error",
            &format!("model: {model}"),
            about.request_id,
        ),
        Dialect::Gemini => {
            let call = if embeddings {
                "embedContent"
            } else {
                "generateContent"
            };
            let message = format!(
                "models/{model} is not found for API version v1beta, or is not supported for {call}. \
                 Call ListModels to see the list of available models and their supported methods."
            );
            gemini::render::error(404, "NOT_FOUND", &message, None)
        }
        Dialect::Bedrock => {
            let message = "The provided model identifier is invalid.";
            return reply(400, bedrock::render::error(message));
        }
    };
    reply(404, body)
}

/// The Responses API says 400 where chat completions say 404 (recorded).
pub fn unknown_responses_model(model: &str) -> Reply {
    let message = format!("The requested model '{model}' does not exist.");
    let kind = "invalid_request_error";
    let body = openai::render::error(&message, kind, Some("model"), Some("model_not_found"));
    reply(400, body)
}

/// The prompt is longer than the model's window.
pub fn too_long(about: About<'_>, tokens: u64, window: u64) -> Reply {
    if let Some(vendor) = about.vendor {
        let tokens = (tokens, window);
        let facts = Facts {
            tokens,
            ..Facts::default()
        };
        return vendor.refuse(When::TooLong, about, facts);
    }
    let body = match about.dialect {
        Dialect::Openai => openai::render::error(
            &format!(
                "This model's maximum context length is {window} tokens. However, your messages \
                 resulted in {tokens} tokens. Please reduce the length of the messages."
            ),
            "invalid_request_error",
            Some("messages"),
            Some("context_length_exceeded"),
        ),
        Dialect::Anthropic => anthropic::render::error(
            "invalid_request_error",
            &format!("prompt is too long: {tokens} tokens > {window} maximum"),
            about.request_id,
        ),
        Dialect::Cohere => cohere::render::error(
            &format!(
                "too many tokens: total number of tokens in the prompt cannot exceed {window} - \
                 received {tokens}. Try using a shorter prompt, or enabling prompt truncating."
            ),
            about.request_id,
        ),
        Dialect::Gemini => gemini::render::error(
            400,
            "INVALID_ARGUMENT",
            &format!(
                "The input token count ({tokens}) exceeds the maximum number of tokens allowed ({window})."
            ),
            None,
        ),
        Dialect::Bedrock => bedrock::render::error("Input is too long for requested model."),
    };
    reply(400, body)
}

/// No such path, or not with this method.
pub fn no_such_path(about: About<'_>, method: &str, path: &str, wrong_method: bool) -> Reply {
    if let Some(vendor) = about.vendor {
        let when = if wrong_method {
            When::WrongMethod
        } else {
            When::NoPath
        };
        let facts = Facts {
            asked: (method, path),
            ..Facts::default()
        };
        return vendor.refuse(when, about, facts);
    }
    let status = if wrong_method { 405 } else { 404 };
    let body = match about.dialect {
        Dialect::Openai if wrong_method => openai::render::error(
            &format!("Not allowed to {method} on {path}."),
            "invalid_request_error",
            None,
            Some("method_not_supported"),
        ),
        Dialect::Openai => openai::render::error(
            &format!("Invalid URL ({method} {path})"),
            "invalid_request_error",
            None,
            None,
        ),
        Dialect::Anthropic => {
            let said = if wrong_method {
                "Method Not Allowed"
            } else {
                "Not Found"
            };
            let kind = if wrong_method {
                "invalid_request_error"
            } else {
                "not_found_error"
            };
            anthropic::render::error(kind, said, about.request_id)
        }
        Dialect::Cohere => {
            let said = format!("{status} page not found");
            cohere::render::error(&said, about.request_id)
        }
        Dialect::Gemini => {
            let said = format!("The requested URL {path} was not found on this server.");
            gemini::render::error(status, "NOT_FOUND", &said, None)
        }
        Dialect::Bedrock => {
            let mut answer = reply(404, bedrock::render::error(""));
            answer.headers.push(error_type("UnknownOperationException"));
            return answer;
        }
    };
    reply(status, body)
}

/// The exception that Bedrock answers with this status.
pub fn bedrock_exception(status: u16, flavour: Flavour) -> &'static str {
    match (status, flavour) {
        (400, Flavour::Quota) => "ServiceQuotaExceededException",
        (401, _) => "UnrecognizedClientException",
        (403, _) => "AccessDeniedException",
        (404, _) => "ResourceNotFoundException",
        (408, _) => "ModelTimeoutException",
        (424, _) => "ModelErrorException",
        (429, _) => "ThrottlingException",
        (503 | 529, _) => "ServiceUnavailableException",
        (500.., _) => "InternalServerException",
        _ => "ValidationException",
    }
}

/// The text of that exception.
fn bedrock_text(status: u16, flavour: Flavour) -> &'static str {
    match (bedrock_exception(status, flavour), flavour) {
        ("ThrottlingException", Flavour::Quota) => {
            "Too many tokens per day, please wait before trying again."
        }
        ("ThrottlingException", Flavour::Usual) => {
            "Too many requests, please wait before trying again."
        }
        ("UnrecognizedClientException", _) => {
            "The security token included in the request is invalid."
        }
        ("AccessDeniedException", _) => {
            "You don't have access to the model with the specified model ID."
        }
        ("ResourceNotFoundException", _) => {
            "Model use case details have not been submitted for this account."
        }
        ("ModelTimeoutException", _) => "Model has timed out in processing the request.",
        ("ModelErrorException", _) => "The system encountered an unexpected error.",
        ("ServiceUnavailableException", _) => "Bedrock is unable to process your request.",
        ("InternalServerException", _) => {
            "The system encountered an unexpected error during processing. Try your request again."
        }
        ("ServiceQuotaExceededException", _) => "The request exceeds the service quota.",
        _ => "Malformed input request, please reformat your input and try again.",
    }
}

fn openai_error(about: About<'_>, status: u16, flavour: Flavour) -> Value {
    const INVALID: &str = "invalid_request_error";
    let model = about.model;
    let missing = format!("The model `{model}` does not exist or you do not have access to it.");
    let hint = about
        .retry
        .map(|wait| format!(" Please try again in {wait:?}."))
        .unwrap_or_default();
    let limited = format!(
        "Rate limit reached for {model} in organization org-simulated on requests per min (RPM): \
         Limit 500, Used 500, Requested 1.{hint}"
    );
    let no_quota = "You exceeded your current quota, please check your plan and billing details.";
    let wrong_key = "Incorrect API key provided: sim-bad-****. You can find your API key at \
                     https://platform.openai.com/account/api-keys.";
    let overloaded =
        "The server is currently overloaded with other requests. Please try again later.";
    let failed = "The server had an error while processing your request. Sorry about that!";
    let (message, kind, code) = match (status, flavour) {
        (429, Flavour::Quota) => (no_quota, "insufficient_quota", Some("insufficient_quota")),
        (429, Flavour::Usual) => (&*limited, "requests", Some("rate_limit_exceeded")),
        (400, _) => (
            "Invalid value for 'messages'.",
            INVALID,
            Some("invalid_value"),
        ),
        (401, _) => (wrong_key, INVALID, Some("invalid_api_key")),
        (402, _) => (
            "No credit is left.",
            "insufficient_quota",
            Some("credit_balance_exhausted"),
        ),
        (403, _) => (
            "You may not use this model.",
            INVALID,
            Some("insufficient_permissions"),
        ),
        (404, _) => (&*missing, INVALID, Some("model_not_found")),
        (408, _) => ("Request timed out.", "timeout", None),
        (409, _) => (
            "Another request changed the resource.",
            "conflict_error",
            None,
        ),
        (413, _) => (
            "Request body is too large.",
            INVALID,
            Some("request_too_large"),
        ),
        (422, _) => ("The request could not be processed.", INVALID, None),
        (503 | 529, _) => (overloaded, "server_error", Some("server_is_overloaded")),
        (504, _) => ("The server took too long to answer.", "server_error", None),
        _ => (failed, "server_error", None),
    };
    let param = if status == 400 {
        Some("messages")
    } else {
        None
    };
    openai::render::error(message, kind, param, code)
}

fn anthropic_error(about: About<'_>, status: u16, flavour: Flavour) -> Value {
    let missing = format!("model: {}", about.model);
    let (kind, message, code) = match (status, flavour) {
        (429, Flavour::Quota) => (
            "rate_limit_error",
            "You have reached your specified API usage limits.",
            Some("enforced_spend_limit_reached"),
        ),
        (400, _) => ("invalid_request_error", "messages: Field required", None),
        (401, _) => ("authentication_error", "invalid x-api-key", None),
        (402, _) => (
            "billing_error",
            "Your credit balance is too low to access the Anthropic API.",
            None,
        ),
        (403, _) => (
            "permission_error",
            "Your API key does not have permission to use the specified resource.",
            None,
        ),
        (404, _) => ("not_found_error", missing.as_str(), None),
        (408 | 504, _) => ("timeout_error", "Request timed out", None),
        (409, _) => (
            "conflict_error",
            "The resource was changed by another request.",
            None,
        ),
        (413, _) => (
            "request_too_large",
            "Request exceeds the maximum size",
            None,
        ),
        (422, _) => (
            "invalid_request_error",
            "The request could not be processed.",
            None,
        ),
        (429, Flavour::Usual) => (
            "rate_limit_error",
            "This request would exceed your organization's rate limit of 50 requests per minute.",
            None,
        ),
        (503 | 529, _) => ("overloaded_error", "Overloaded", None),
        _ => ("api_error", "Internal server error", None),
    };
    let mut body = anthropic::render::error(kind, message, about.request_id);
    if let (Some(code), Some(members)) =
        (code, body.get_mut("error").and_then(Value::as_object_mut))
    {
        members.insert("details".to_owned(), json!({"error_code": code}));
    }
    body
}

fn gemini_error(about: About<'_>, status: u16, flavour: Flavour) -> Value {
    let missing = format!(
        "models/{} is not found for API version v1beta.",
        about.model
    );
    let hint = about.retry.map(|wait| {
        format!(
            "
Please retry in {}s.",
            wait.as_secs_f64()
        )
    });
    let quota_text = format!(
        "You exceeded your current quota, please check your plan and billing details.{}",
        hint.unwrap_or_default()
    );
    let (name, message, details) = match status {
        400 => (
            "INVALID_ARGUMENT",
            "Request contains an invalid argument.",
            None,
        ),
        401 => (
            "UNAUTHENTICATED",
            "Request had invalid authentication credentials.",
            None,
        ),
        402 => (
            "FAILED_PRECONDITION",
            "Billing is not enabled for this project.",
            None,
        ),
        403 => (
            "PERMISSION_DENIED",
            "The caller does not have permission",
            None,
        ),
        404 => ("NOT_FOUND", missing.as_str(), None),
        408 | 504 => (
            "DEADLINE_EXCEEDED",
            "The request timed out. Please try again.",
            None,
        ),
        409 => ("ABORTED", "The operation was aborted.", None),
        413 => (
            "INVALID_ARGUMENT",
            "Request payload size exceeds the limit: 20971520 bytes.",
            None,
        ),
        422 => (
            "INVALID_ARGUMENT",
            "The request could not be processed.",
            None,
        ),
        429 => (
            "RESOURCE_EXHAUSTED",
            quota_text.as_str(),
            Some(quota_details(about, flavour)),
        ),
        502..=503 | 529 => (
            "UNAVAILABLE",
            "The model is overloaded. Please try again later.",
            None,
        ),
        _ => (
            "INTERNAL",
            "An internal error has occurred. Please retry.",
            None,
        ),
    };
    gemini::render::error(status, name, message, details)
}

fn cohere_error(about: About<'_>, status: u16, flavour: Flavour) -> Value {
    let missing = format!(
        "model '{}' not found, make sure the correct model ID was used and that you have access to \
         the model.",
        about.model
    );
    let message = match (status, flavour) {
        (429, Flavour::Quota) => {
            "You are using a Trial key, which is limited to 1000 API calls / month. You can \
             continue to use the Trial key for free or upgrade to a Production key with higher \
             rate limits at 'https://dashboard.cohere.com/api-keys'."
        }
        (429, Flavour::Usual) => {
            "You are past the per minute request limit, please wait and try again later."
        }
        (400, _) => "invalid request: message must not be empty in a turn",
        (401, _) => "invalid api token",
        (402, _) => {
            "Please add or update your payment method at \
             https://dashboard.cohere.com/billing?tab=payment to continue"
        }
        (403, _) => "you do not have access to this model",
        (404, _) => missing.as_str(),
        (413, _) => "request body is too large",
        (422, _) => "the request could not be processed",
        (498, _) => "the request contains a deny-listed token",
        (499, _) => "the request was cancelled",
        (503 | 529, _) => "the service is unavailable, please try again later",
        (408 | 504, _) => "the request timed out",
        _ => "internal server error, this has been reported to our developers.",
    };
    cohere::render::error(message, about.request_id)
}

fn quota_details(about: About<'_>, flavour: Flavour) -> Value {
    let (quota_id, value) = match flavour {
        Flavour::Usual => ("GenerateRequestsPerMinutePerProjectPerModel", "60"),
        Flavour::Quota => ("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "0"),
    };
    let mut details = vec![
        json!({"@type": "type.googleapis.com/google.rpc.Help", "links": [{
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits"}]}),
        json!({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{
            "quotaMetric": "generativelanguage.googleapis.com/generate_content_requests",
            "quotaId": quota_id, "quotaDimensions": {"model": about.model, "location": "global"},
            "quotaValue": value}]}),
    ];
    if flavour == Flavour::Usual {
        let wait_s = about.retry.map_or(7.0, |wait| wait.as_secs_f64());
        details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{wait_s}s")}));
    }
    Value::Array(details)
}

/// The page that a provider's edge sends in place of JSON.
pub const EDGE_HTML: &str = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n\
    <center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>\r\n";
