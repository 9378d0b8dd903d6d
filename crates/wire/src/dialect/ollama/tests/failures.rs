//! Error answers: wire-protocols §13.3, §13.4.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::adapter::ReplyHead;
use crate::error::ErrorKind::{self, *};

fn classify(status: u16, body: &str) -> UpstreamError {
    let reply = ReplyHead {
        status,
        headers: &BTreeMap::new(),
        now: Duration::from_secs(1_790_000_000),
    };
    Ollama.classify(&reply, body.as_bytes())
}

#[test]
fn section_13_3_texts_of_the_server() {
    let rows: [(u16, &str, ErrorKind, Option<&str>); 12] = [
        (404, "model 'm' not found", NotFound, None),
        (
            404,
            "model \"m\" not found, try pulling it first",
            NotFound,
            None,
        ),
        (
            503,
            "server busy, please try again.  maximum pending requests exceeded",
            Overloaded,
            None,
        ),
        (
            400,
            "\"m\" does not support thinking",
            UnsupportedParameter,
            Some("reasoning_effort"),
        ),
        (
            400,
            "registry.ollama.ai/library/m:latest does not support tools",
            UnsupportedParameter,
            Some("tools"),
        ),
        (400, "invalid format: xml", InvalidRequest, None),
        (401, "unauthorized", Auth, None),
        (
            402,
            "you have reached your usage limit",
            QuotaExhausted,
            None,
        ),
        (429, "too many requests", RateLimited, None),
        (499, "request canceled", ServerError, None),
        (
            500,
            "llama runner process has terminated: exit status 2",
            ServerError,
            None,
        ),
        (
            500,
            "model requires more system memory (9.1 GiB) than is available (7.6 GiB)",
            ServerError,
            None,
        ),
    ];
    for (status, message, kind, param) in rows {
        let error = classify(status, &json!({ "error": message }).to_string());
        assert_eq!(
            (error.kind, error.param.as_deref()),
            (kind, param),
            "{message}"
        );
        assert_eq!(
            (error.status, error.message.as_str()),
            (Some(status), message)
        );
    }
    let page = classify(502, "<html>Bad Gateway</html>");
    assert_eq!(
        (page.kind, page.message.contains("<html>")),
        (ServerError, false)
    );
}

#[test]
fn section_13_4_too_long_in_each_of_its_words() {
    for (status, message) in [
        (
            400,
            "the prompt is longer than the context length currently available to the model; shorten the prompt",
        ),
        (
            400,
            "prompt too long; exceeded max context length by 10 tokens",
        ),
        (400, "the input length exceeds the context length"),
        (
            500,
            "the request exceeds the available context size, try increasing it",
        ),
    ] {
        let error = classify(status, &json!({ "error": message }).to_string());
        assert_eq!(error.kind, ContextLengthExceeded, "{message}");
    }
    let rate = json!({"error": "too many tokens"}).to_string();
    assert_eq!(classify(429, &rate).kind, RateLimited);
}
