//! Bad requests to the vendors of OpenAI-compatible APIs: each rule has a request that breaks it,
//! refused with the vendor's own status and body.

mod others;
mod strict_ones;

use polyroute_sim::prompt::{Prompt, Refusal};
use polyroute_sim::vendor::accept::{accept_chat, accept_embeddings};
use polyroute_sim::vendor::{ALL, Vendor};
use serde_json::{Value, json};

use crate::kit::with;

pub(crate) fn vendor(name: &str) -> &'static Vendor {
    Vendor::find(name).unwrap()
}

pub(crate) fn model(name: &str) -> &'static str {
    match name {
        "azure" => "grok-4-1-fast-non-reasoning",
        other => vendor(other).models()[0].name,
    }
}

pub(crate) fn base(name: &str) -> Value {
    json!({"model": model(name), "messages": [{"role": "user", "content": "Name a river."}]})
}

pub(crate) fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "tide", "description": "The tide",
        "parameters": {"type": "object", "properties": {"port": {"type": "string"}}}}}])
}

/// A call and its result, with this id.
pub(crate) fn looped(name: &str, id: &str) -> Value {
    let call = json!({"id": id, "type": "function",
        "function": {"name": "tide", "arguments": "{\"port\":\"Brest\"}"}});
    with(
        &base(name),
        &[
            ("/tools", tools()),
            (
                "/messages",
                json!([
                    {"role": "user", "content": "High water?"},
                    {"role": "assistant", "content": "", "tool_calls": [call]},
                    {"role": "tool", "tool_call_id": id, "content": "06:10"},
                ]),
            ),
        ],
    )
}

pub(crate) fn path(name: &str) -> &'static str {
    match name {
        "azure" => "/models",
        "deepseek" | "perplexity" => "",
        "groq" => "/openai/v1",
        _ => "/v1",
    }
}

pub(crate) fn judge(name: &str, body: &Value) -> Result<Prompt, Refusal> {
    accept_chat(vendor(name), path(name), &serde_json::to_vec(body).unwrap())
}

pub(crate) fn edited(name: &str, edits: &[(&str, Value)]) -> Value {
    with(&base(name), edits)
}

/// Checks status and the text at a pointer; a text that starts with `~` must only be contained.
pub(crate) fn said(what: &str, verdict: Result<Prompt, Refusal>, status: u16, at: &[(&str, &str)]) {
    let Err(refusal) = verdict else {
        panic!("`{what}` was accepted");
    };
    assert_eq!(refusal.status, status, "{what}: {}", refusal.body);
    for (pointer, wanted) in at {
        let found = match refusal.body.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => "absent".to_owned(),
        };
        let fits = match wanted.strip_prefix('~') {
            Some(part) => found.contains(part),
            None => found == *wanted,
        };
        assert!(fits, "{what}: {pointer} is `{found}`, not `{wanted}`");
    }
}

/// Name, edits, part of the message.
pub(crate) type Row = (&'static str, Vec<(&'static str, Value)>, &'static str);

/// Rows of `name: [(pointer, value), …] => part of the message;`.
macro_rules! rows {
    ($($what:literal: $edits:tt => $words:expr;)+) => {
        vec![$(($what, vec! $edits, $words)),+]
    };
}

pub(crate) use rows;

pub(crate) fn each(name: &str, status: u16, pointer: &str, more: &[(&str, &str)], rows: Vec<Row>) {
    for (what, edits, words) in rows {
        let fragment = format!("~{words}");
        let mut at = vec![(pointer, fragment.as_str())];
        at.extend_from_slice(more);
        let what = format!("{name}: {what}");
        said(&what, judge(name, &edited(name, &edits)), status, &at);
    }
}

#[test]
fn good_requests_are_accepted_everywhere() {
    for vendor in ALL {
        let name = vendor.name();
        let tooled = [("/tools", tools()), ("/tool_choice", json!("auto"))];
        for body in [
            base(name),
            edited(name, &tooled),
            edited(
                name,
                &[("/temperature", json!(0.5)), ("/stream", json!(true))],
            ),
            looped(name, "aB3dE6gH9"),
        ] {
            let body = if name == "deepseek" {
                with(&body, &[("/thinking", json!({"type": "disabled"}))])
            } else {
                body
            };
            let verdict = judge(name, &body);
            assert!(verdict.is_ok(), "{name}: {body}: {verdict:?}");
        }
    }
}

#[test]
fn the_prompt_says_what_was_asked() {
    let any = [("/tools", tools()), ("/tool_choice", json!("any"))];
    let prompt = judge("mistral", &edited("mistral", &any)).unwrap();
    assert_eq!(
        prompt.tool_choice,
        polyroute_sim::prompt::ToolChoice::Required
    );
    let results = judge("mistral", &looped("mistral", "aB3dE6gH9")).unwrap();
    assert_eq!(
        results.tool_results,
        [("tide".to_owned(), "06:10".to_owned())]
    );
    // Fireworks answers with few tokens unless asked for more.
    let short = judge("fireworks", &base("fireworks")).unwrap();
    assert_eq!(short.max_output_tokens, Some(2_048));
    let file = json!([{"type": "text", "text": "x"},
        {"type": "document_url", "document_url": "https://example.com/a.pdf"}]);
    let media = judge(
        "mistral",
        &edited("mistral", &[("/messages/0/content", file)]),
    )
    .unwrap();
    assert_eq!(media.media, 1);
}

/// wire-protocols §7: letters, digits, `_` and `-`, 64 at most.
#[test]
fn section_7_tool_names() {
    for (name, status) in [
        ("mistral", 400),
        ("deepseek", 400),
        ("groq", 400),
        ("cerebras", 400),
        ("fireworks", 400),
        ("xai", 400),
        ("qwen", 400),
    ] {
        for odd in ["a.b/c", "", &"x".repeat(65)] {
            let edits = [("/tools", tools()), ("/tools/0/function/name", json!(odd))];
            said(name, judge(name, &edited(name, &edits)), status, &[]);
        }
        let long = "x".repeat(64);
        let edits = [("/tools", tools()), ("/tools/0/function/name", json!(long))];
        assert!(judge(name, &edited(name, &edits)).is_ok(), "{name}");
    }
    let alone = edited("xai", &[("/tool_choice", json!("auto"))]);
    let words = [("/error", "~no tools were specified")];
    said("xai", judge("xai", &alone), 400, &words);
    let empty = edited("qwen", &[("/tools", json!([]))]);
    let words = [("/error/message", "[] is too short - 'tools'")];
    said("qwen", judge("qwen", &empty), 400, &words);
}

#[test]
fn embeddings_are_judged_too() {
    let judge = |name: &str, body: Value| {
        accept_embeddings(vendor(name), &serde_json::to_vec(&body).unwrap())
    };
    let good = json!({"model": "mistral-embed", "input": ["a", "b"], "output_dimension": 16});
    let prompt = judge("mistral", good.clone()).unwrap();
    assert_eq!((prompt.inputs.len(), prompt.dimensions), (2, Some(16)));
    let unknown = with(&good, &[("/dimensions", json!(8))]);
    said(
        "mistral",
        judge("mistral", unknown),
        422,
        &[("/message/detail/0/loc/1", "dimensions")],
    );
    let none = judge("together", json!({"model": "m"}));
    said(
        "together",
        none,
        422,
        &[("/error/message", "~Field required")],
    );
    let numbers = judge("mistral", with(&good, &[("/input", json!([1, 2]))]));
    said(
        "token ids",
        numbers,
        422,
        &[("/message/detail/0/type", "string_type")],
    );
}
