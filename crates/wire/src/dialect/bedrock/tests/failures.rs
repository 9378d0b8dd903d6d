//! Errors: by name, by text, within streams; and streams that end too early.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::{delta, ending, event, start, stop, stream, stream_in};
use crate::adapter::{Adapter as _, ReplyHead};
use crate::chat::ChatEvent;
use crate::dialect::bedrock::Bedrock;
use crate::error::{ErrorKind, UpstreamError};
use crate::event_stream::tests::frame;

fn classify(status: u16, name: &str, message: &str) -> UpstreamError {
    let mut headers = BTreeMap::new();
    if !name.is_empty() {
        let address = "http://internal.amazon.com/coral/com.amazon.bedrock/";
        headers.insert("x-amzn-errortype".to_owned(), format!("{name}:{address}"));
    }
    let reply = ReplyHead {
        status,
        headers: &headers,
        now: Duration::from_secs(1_790_000_000),
    };
    Bedrock.classify(&reply, json!({ "message": message }).to_string().as_bytes())
}

#[test]
fn section_13_3_exceptions_by_name() {
    for (status, name, message, kind) in [
        (
            429,
            "ThrottlingException",
            "Too many requests, please wait before trying again.",
            ErrorKind::RateLimited,
        ),
        (
            429,
            "ThrottlingException",
            "Too many tokens per day, please wait before trying again.",
            ErrorKind::QuotaExhausted,
        ),
        (
            429,
            "ModelNotReadyException",
            "Model is not ready for inference.",
            ErrorKind::Overloaded,
        ),
        (
            503,
            "ServiceUnavailableException",
            "x",
            ErrorKind::Overloaded,
        ),
        (500, "InternalServerException", "x", ErrorKind::ServerError),
        (408, "ModelTimeoutException", "x", ErrorKind::Timeout),
        (424, "ModelErrorException", "x", ErrorKind::ServerError),
        (400, "ValidationException", "x", ErrorKind::InvalidRequest),
        (
            403,
            "AccessDeniedException",
            "You don't have access to the model.",
            ErrorKind::Permission,
        ),
        (
            403,
            "AccessDeniedException",
            "Authentication failed: Please make sure your API Key is valid.",
            ErrorKind::Auth,
        ),
        (404, "ResourceNotFoundException", "x", ErrorKind::NotFound),
        (
            400,
            "ServiceQuotaExceededException",
            "x",
            ErrorKind::QuotaExhausted,
        ),
        (403, "ExpiredTokenException", "x", ErrorKind::Auth),
        (403, "UnrecognizedClientException", "x", ErrorKind::Auth),
        (403, "InvalidSignatureException", "x", ErrorKind::Auth),
        (
            403,
            "MissingAuthenticationTokenException",
            "x",
            ErrorKind::Auth,
        ),
    ] {
        let error = classify(status, name, message);
        assert_eq!(error.kind, kind, "{name}: {message}");
        assert_eq!(error.code.as_deref(), Some(name), "cut at the colon");
        assert_eq!(error.status, Some(status));
    }
}

#[test]
fn section_13_3_texts_where_the_name_is_missing() {
    for (status, message, kind, param) in [
        (
            400,
            "The provided model identifier is invalid.",
            ErrorKind::NotFound,
            None,
        ),
        (
            400,
            "Invocation of model ID x with on-demand throughput isn\u{2019}t supported. Retry",
            ErrorKind::NotFound,
            None,
        ),
        (
            400,
            "This model doesn't support the s3Uri field. Remove s3Uri and try again.",
            ErrorKind::UnsupportedParameter,
            Some("s3Uri"),
        ),
        (
            400,
            "This model doesn't support the video content block that you provided.",
            ErrorKind::UnsupportedParameter,
            None,
        ),
        (
            400,
            "The model returned the following errors: `temperature` is deprecated for this model.",
            ErrorKind::UnsupportedParameter,
            Some("temperature"),
        ),
        (
            403,
            "The security token included in the request is expired",
            ErrorKind::Auth,
            None,
        ),
        (
            403,
            "Signature expired: 20261121T000000Z is now earlier than",
            ErrorKind::Auth,
            None,
        ),
        (424, "x", ErrorKind::ServerError, None),
        (
            429,
            "Too many tokens, please wait before trying again.",
            ErrorKind::RateLimited,
            None,
        ),
    ] {
        let error = classify(status, "", message);
        assert_eq!(error.kind, kind, "{message}");
        assert_eq!(error.param.as_deref(), param, "{message}");
    }
}

#[test]
fn section_13_6_only_what_steers_is_named_as_left_out_next_time() {
    let refused = "The model returned the following errors: ";
    for (message, learnt) in [
        (
            "`temperature` is deprecated for this model.",
            Some("temperature"),
        ),
        ("topP: Extra inputs are not permitted", Some("top_p")),
        ("tools.0.strict: Extra inputs are not permitted", None),
    ] {
        let error = classify(400, "ValidationException", &format!("{refused}{message}"));
        assert_eq!(error.kind, ErrorKind::UnsupportedParameter, "{message}");
        assert!(error.unsupported.iter().copied().eq(learnt), "{message}");
    }
}

#[test]
fn section_13_4_case_38_context_wordings() {
    for message in [
        "Input is too long for requested model.",
        "The model returned the following errors: prompt is too long: 210000 tokens > 200000 maximum",
        "The model returned the following errors: Too many input tokens. Max input tokens: 8192, request input token count: 9000",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    ] {
        let error = classify(400, "ValidationException", message);
        assert_eq!(error.kind, ErrorKind::ContextLengthExceeded, "{message}");
    }
}

#[test]
fn a_refused_signature_does_not_quote_the_request() {
    let message = "The request signature we calculated does not match the signature you provided.\n\n\
                   The Canonical String for this request should have been\n'POST\nx-amz-security-token:SECRET'";
    let error = classify(403, "InvalidSignatureException", message);
    assert!(!error.message.contains("SECRET"), "{}", error.message);
}

#[test]
fn case_50_pages_and_empty_bodies() {
    let headers = BTreeMap::new();
    let reply = |status| ReplyHead {
        status,
        headers: &headers,
        now: Duration::ZERO,
    };
    let page = Bedrock.classify(&reply(502), b"<html>Bad gateway</html>");
    assert_eq!(page.kind, ErrorKind::ServerError);
    assert!(!page.message.contains("html"));
    assert_eq!(
        Bedrock.classify(&reply(503), b"").kind,
        ErrorKind::Overloaded
    );
}

fn failure(frames: &[Vec<u8>]) -> UpstreamError {
    stream(frames).unwrap_err()
}

#[test]
fn section_12_4_exception_frames_end_a_stream_with_their_error() {
    for (name, payload, kind) in [
        (
            "throttlingException",
            json!({"message": "slow down"}),
            ErrorKind::RateLimited,
        ),
        (
            "serviceUnavailableException",
            json!({"message": "x"}),
            ErrorKind::Overloaded,
        ),
        ("internalServerException", json!({}), ErrorKind::ServerError),
        (
            "validationException",
            json!({"message": "Input is too long for requested model."}),
            ErrorKind::ContextLengthExceeded,
        ),
        (
            "modelStreamErrorException",
            json!({"message": "x", "originalStatusCode": 429}),
            ErrorKind::RateLimited,
        ),
        (
            "modelStreamErrorException",
            json!({"message": "x"}),
            ErrorKind::ServerError,
        ),
    ] {
        let headers = [(":message-type", "exception"), (":exception-type", name)];
        let exception = frame(&headers, payload.to_string().as_bytes());
        let error = failure(&[
            delta(0, json!({"text": "a"})),
            exception,
            ending("end_turn"),
        ]);
        assert_eq!(error.kind, kind, "{name}");
        assert_eq!(error.code.as_deref(), Some(name));
    }
    let headers = [
        (":message-type", "error"),
        (":error-code", "InternalFailure"),
        (":error-message", "oh"),
    ];
    assert_eq!(failure(&[frame(&headers, b"")]).message, "oh");
}

#[test]
fn section_12_4_case_33_streams_that_end_too_early() {
    let text = delta(0, json!({"text": "a"}));
    assert_eq!(failure(&[]).kind, ErrorKind::Truncated);
    assert_eq!(
        failure(std::slice::from_ref(&text)).kind,
        ErrorKind::Truncated
    );
    let whole = [text.clone(), stop(0), ending("end_turn")].concat();
    let mut cut = stream_in(&whole[..whole.len() - 9], 7);
    assert!(
        matches!(cut.pop(), Some(ChatEvent::Error(error)) if error.kind == ErrorKind::Truncated)
    );
    let call = start(0, json!({"toolUse": {"toolUseId": "t", "name": "f"}}));
    let half = delta(0, json!({"toolUse": {"input": "{\"a\":"}}));
    let error = failure(&[call, half, ending("tool_use")]);
    assert_eq!(error.kind, ErrorKind::Truncated);
    // Without counts the answer is whole all the same.
    let uncounted = [
        text,
        stop(0),
        event("messageStop", json!({"stopReason": "end_turn"})),
    ];
    assert!(stream(&uncounted).unwrap().usage.is_none());
}

#[test]
fn bodies_that_are_no_event_stream() {
    let error =
        failure(&[br#"{"message":"Too many requests","__type":"ThrottlingException"}"#.to_vec()]);
    assert_eq!(error.kind, ErrorKind::RateLimited);
    assert_eq!(
        failure(&[b"<html></html>".to_vec()]).kind,
        ErrorKind::MalformedReply
    );
    assert_eq!(
        failure(&[b"data: {}\n\n".to_vec()]).kind,
        ErrorKind::MalformedReply
    );
    let mut broken = delta(0, json!({"text": "a"}));
    let last = broken.len() - 1;
    broken[last] ^= 1;
    assert_eq!(failure(&[broken]).kind, ErrorKind::MalformedReply);
    let whole =
        json!({"output": {"message": {"content": [{"text": "a"}]}}, "stopReason": "end_turn"});
    let answer = stream(&[whole.to_string().into_bytes()]).unwrap();
    assert_eq!(answer.choices[0].message.text, "a");
}
