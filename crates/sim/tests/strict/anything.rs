//! No body makes an accept function panic, and every refusal is a 400 in its dialect's shape.

use http::{HeaderMap, HeaderValue};
use polyroute_sim::dialect::{anthropic, cohere, gemini, openai};
use polyroute_sim::prompt::{Prompt, Refusal};
use polyroute_sim::vendor::accept::{accept_chat, accept_embeddings, accept_native_chat};
use polyroute_sim::vendor::{self, Vendor};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Words that steer arbitrary JSON into the depths of the checks.
const WORDS: &[&str] = &[
    "model",
    "messages",
    "role",
    "content",
    "type",
    "text",
    "user",
    "assistant",
    "system",
    "tool",
    "tools",
    "function",
    "functions",
    "name",
    "parameters",
    "tool_calls",
    "tool_call_id",
    "id",
    "arguments",
    "tool_use",
    "tool_result",
    "tool_use_id",
    "input",
    "input_schema",
    "thinking",
    "signature",
    "image",
    "image_url",
    "url",
    "source",
    "base64",
    "data",
    "media_type",
    "cache_control",
    "ephemeral",
    "ttl",
    "max_tokens",
    "contents",
    "parts",
    "inlineData",
    "functionCall",
    "functionResponse",
    "function_response",
    "response",
    "args",
    "generationConfig",
    "thinkingConfig",
    "thinkingBudget",
    "responseSchema",
    "properties",
    "required",
    "items",
    "anyOf",
    "enum",
    "OBJECT",
    "object",
    "array",
    "requests",
    "strict",
    "response_format",
    "json_schema",
    "schema",
    "gpt-4o",
    "gpt-5.6",
    "claude-sonnet-4-5",
    "claude-opus-5-5",
    "data:image/png;base64,",
    "é",
];

fn json_value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(WORDS).prop_map(str::to_owned);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        word.clone().prop_map(Value::String),
        ".{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(5, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A body whose outer members are right, so that the inner rules run.
fn plausible() -> impl Strategy<Value = Value> {
    let member = prop::sample::select(WORDS).prop_map(str::to_owned);
    let others = prop::collection::vec((member, json_value()), 0..3);
    (json_value(), json_value(), others).prop_map(|(first, second, others)| {
        let mut body = json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 64,
            "messages": [
                {"role": "user", "content": first},
                {"role": "assistant", "content": [second]},
            ],
            "contents": [{"role": "user", "parts": [second]}],
        });
        for (key, value) in others {
            body[key.as_str()] = value;
        }
        body
    })
}

fn all(body: &[u8]) -> [(&'static str, Result<Prompt, Refusal>); 15] {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    let model = "gemini-3-flash";
    [
        ("cohere", cohere::accept::accept_chat(&headers, body)),
        ("cohere", cohere::accept::accept_embed(&headers, body)),
        ("cohere", cohere::accept::accept_rerank(&headers, body)),
        ("cohere", cohere::v1::accept::accept_chat(&headers, body)),
        ("cohere", cohere::v1::accept::accept_embed(&headers, body)),
        ("cohere", cohere::v1::accept::accept_rerank(&headers, body)),
        ("openai", openai::accept::accept_chat(&headers, body)),
        ("openai", openai::accept::accept_embeddings(&headers, body)),
        (
            "anthropic",
            anthropic::accept::accept_messages(&headers, body),
        ),
        (
            "anthropic",
            anthropic::accept::accept_count_tokens(&headers, body),
        ),
        (
            "gemini",
            gemini::accept::accept_generate(model, false, &headers, body),
        ),
        (
            "gemini",
            gemini::accept::accept_vertex_generate(model, true, &headers, body),
        ),
        (
            "gemini",
            gemini::accept::accept_embed(model, false, &headers, body),
        ),
        (
            "gemini",
            gemini::accept::accept_embed(model, true, &headers, body),
        ),
        (
            "gemini",
            gemini::accept::accept_count(model, &headers, body),
        ),
    ]
}

fn well_shaped(body: &[u8]) -> Result<(), TestCaseError> {
    for (dialect, verdict) in all(body) {
        let Err(refusal) = verdict else {
            continue;
        };
        prop_assert_eq!(refusal.status, 400);
        if dialect == "cohere" {
            let said = refusal.body["message"].as_str();
            prop_assert!(said.is_some_and(|text| !text.is_empty()));
            continue;
        }
        let error = &refusal.body["error"];
        prop_assert!(
            error["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
        let kind = match dialect {
            "gemini" => &error["status"],
            _ => &error["type"],
        };
        let expected = match dialect {
            "gemini" => "INVALID_ARGUMENT",
            _ => "invalid_request_error",
        };
        prop_assert_eq!(kind, expected);
    }
    Ok(())
}

/// Every vendor refuses with an error status and some words, or accepts.
fn vendors_answer(body: &[u8]) -> Result<(), TestCaseError> {
    let mut verdicts = vec![accept_native_chat(body)];
    for vendor in vendor::ALL {
        let vendor: &Vendor = vendor;
        verdicts.push(accept_chat(vendor, "/v1", body));
        verdicts.push(accept_embeddings(vendor, body));
    }
    for refusal in verdicts.into_iter().filter_map(Result::err) {
        prop_assert!((400..500).contains(&refusal.status), "{}", refusal.status);
        prop_assert!(refusal.body.is_object());
        prop_assert!(refusal.body.to_string().len() > 20);
    }
    Ok(())
}

proptest! {
    #[test]
    fn vendors_never_panic(body in json_value(), plausible in plausible()) {
        vendors_answer(&serde_json::to_vec(&body).unwrap())?;
        vendors_answer(&serde_json::to_vec(&plausible).unwrap())?;
    }

    #[test]
    fn bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        well_shaped(&body)?;
    }

    #[test]
    fn json_never_panics(body in json_value()) {
        well_shaped(&serde_json::to_vec(&body).unwrap())?;
    }

    #[test]
    fn plausible_bodies_never_panic(body in plausible()) {
        well_shaped(&serde_json::to_vec(&body).unwrap())?;
    }
}
