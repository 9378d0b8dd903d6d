//! Lines of the protocol's tables that no other test speaks of, section by section.

use serde_json::{Value, json};

use super::*;
use crate::capability::SystemRole;
use crate::chat::FinishReason;
use crate::error::{EncodeErrorCode, ErrorKind};

fn function(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name}})
}

/// A provider of this API that is not OpenAI itself.
fn elsewhere() -> Target {
    let mut target = target();
    target.endpoint.provider = "xai".into();
    target.endpoint.first_party = false;
    target
}

/// Each cell "P" of the column OAI that this API has too.
#[test]
fn section_4_column_oai_what_passes() {
    let passed = json!({
        "temperature": 0.5, "top_p": 0.5, "user": "u", "safety_identifier": "s",
        "metadata": {"a": "b"}, "service_tier": "flex", "prompt_cache_key": "k",
        "moderation": {"model": "m"}, "store": true,
    });
    let (body, encoded) = encode(passed.clone());
    for (field, value) in passed.as_object().unwrap() {
        assert_eq!(body[field], *value, "{field}");
    }
    assert!(encoded.dropped.is_empty(), "{:?}", encoded.dropped);
    // Usage comes with the end of every stream; padding is asked for or not.
    let (body, encoded) = encode(json!({"stream": true,
        "stream_options": {"include_usage": true, "include_obfuscation": false}}));
    assert_eq!(
        body["stream_options"],
        json!({"include_obfuscation": false})
    );
    assert!(encoded.dropped.is_empty());
    let mut logless = target();
    logless.capabilities.logprobs = false;
    let (body, encoded) = encode_for(json!({"logprobs": true}), &logless);
    assert_eq!(body["include"], json!(["reasoning.encrypted_content"]));
    assert_eq!(encoded.dropped, ["logprobs"]);
}

#[test]
fn section_4_note_6_either_limit_and_never_more_than_the_model_has() {
    for field in ["max_tokens", "max_completion_tokens"] {
        assert_eq!(encode(json!({ field: 77 })).0["max_output_tokens"], 77);
    }
    let mut small = target();
    small.capabilities.max_output = Some(100);
    let (body, encoded) = encode_for(json!({"max_tokens": 500}), &small);
    assert_eq!(body["max_output_tokens"], 100);
    assert_eq!(encoded.changed, ["max_completion_tokens=100"]);
    // All of it went on thinking: an empty answer that says so.
    let mut cut = response(json!([{"type": "reasoning", "id": "rs_1", "summary": []}]));
    cut["status"] = json!("incomplete");
    cut["incomplete_details"] = json!({"reason": "max_output_tokens"});
    let answer = try_decode(&cut).unwrap();
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Length));
    assert_eq!(answer.choices[0].message.text, "");
}

#[test]
fn section_5_roles_by_provider_and_model() {
    let list = json!({"messages": [
        {"role": "developer", "content": "A"}, {"role": "system", "content": "B"},
        {"role": "user", "content": "one"}, {"role": "user", "content": "two"},
        {"role": "system", "content": "C"}]});
    let roles = |target: &Target| {
        let (body, _) = encode_for(list.clone(), target);
        let items = body["input"].as_array().unwrap().clone();
        let role = |item: Value| item["role"].as_str().unwrap().to_owned();
        items.into_iter().map(role).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(roles(&target()), "developer system user user system");
    assert_eq!(roles(&elsewhere()), "system system user user system");
    let mut mini = target();
    mini.capabilities.system_role = SystemRole::User;
    assert_eq!(roles(&mini), "user user user user user");
    // Instructions alone are taken; a trailing turn of the model's is one more item.
    let (body, _) = encode(json!({"messages": [{"role": "system", "content": "Sing."}]}));
    assert_eq!(
        body["input"],
        json!([{"role": "system", "content": "Sing."}])
    );
}

#[test]
fn section_5_case_1_no_content_beside_calls_is_no_item() {
    for content in [json!(null), json!(""), json!([])] {
        let wire = items(json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": content, "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ]));
        assert_eq!(wire.as_array().unwrap().len(), 3, "{content}: {wire}");
        // Case 2: an empty text is no JSON.
        assert_eq!(wire[1]["arguments"], "{}");
    }
}

#[test]
fn section_6_details_and_what_is_not_taken() {
    let url = "https://a.example/b.png";
    for detail in ["low", "high", "auto", "original"] {
        let part = json!({"type": "image_url", "image_url": {"url": url, "detail": detail}});
        let wire = items(json!([{"role": "user", "content": [part]}]));
        assert_eq!(wire[0]["content"][0]["detail"], detail);
    }
    for url in ["data:video/mp4;base64,AAAA", "https://a.example/v.mp4"] {
        let part = json!({"type": "video_url", "video_url": {"url": url}});
        let body = json!({"messages": [{"role": "user", "content": [part]}]});
        let error = try_encode(body, &target()).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnsupportedContent);
    }
    let svg =
        json!({"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,PHN2Zz4="}});
    let body = json!({"messages": [{"role": "user", "content": [svg]}]});
    assert!(try_encode(body, &target()).is_err());
    // Bytes say what it is.
    let png =
        json!({"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,iVBORw0KGgo="}});
    let wire = items(json!([{"role": "user", "content": [png]}]));
    assert_eq!(
        wire[0]["content"][0]["image_url"],
        "data:image/png;base64,iVBORw0KGgo="
    );
}

#[test]
fn section_7_choices_in_the_same_words() {
    for word in ["auto", "none", "required"] {
        let (body, _) = encode(json!({"tools": [function("f")], "tool_choice": word}));
        assert_eq!(body["tool_choice"], word);
    }
    let (body, encoded) = encode(json!({"tools": [], "tool_choice": "required"}));
    assert_eq!(body.get("tools"), None);
    assert_eq!(body.get("tool_choice"), None);
    assert_eq!(encoded.dropped, ["tool_choice"]);
    let strict = json!({"type": "function", "function": {"name": "f", "strict": true, "parameters": {
        "type": "object", "properties": {}, "required": [], "additionalProperties": false}}});
    let (body, _) = encode(json!({ "tools": [strict] }));
    assert_eq!(body["tools"][0]["strict"], true);
}

/// Arguments are text here: what a model wrote goes back as it was, and nothing is `{}`.
#[test]
fn section_7_arguments_are_text() {
    for (written, sent) in [
        ("not json", "not json"),
        ("", "{}"),
        ("{\"a\": 1}", "{\"a\": 1}"),
    ] {
        let wire = items(json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "f", "arguments": written}}]},
            {"role": "tool", "tool_call_id": "c", "content": "r"},
        ]));
        assert_eq!(wire[1]["arguments"], sent);
    }
}

/// `$ref`, `title`, `default`: served in strict schemas, so nothing is taken out.
#[test]
fn section_8_1_schemas_go_out_as_they_are() {
    let schema = json!({"type": "object", "title": "T", "additionalProperties": false,
        "properties": {"a": {"$ref": "#/$defs/a"}, "b": {"anyOf": [{"type": "null"}, {"const": 1}]},
            "c": {"type": ["string", "null"], "default": null}},
        "required": ["a", "b", "c"], "$defs": {"a": {"type": "string", "enum": ["x"]}}});
    let (body, _) = encode(json!({"response_format": {"type": "json_schema",
        "json_schema": {"name": "t", "strict": true, "schema": schema}}}));
    assert_eq!(body["text"]["format"]["schema"], schema);
    // Case 19: beside tools and in a stream too.
    let (body, _) = encode(json!({"stream": true, "tools": [function("f")],
        "response_format": {"type": "json_schema", "json_schema": {"name": "t", "schema": schema}}}));
    assert_eq!(body["text"]["format"]["name"], "t");
    assert_eq!(body["tools"][0]["name"], "f");
}

#[test]
fn section_10_cache_options_go_where_there_are_breakpoints() {
    let options = json!({"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}});
    let (body, encoded) = encode(options.clone());
    assert_eq!(body.get("prompt_cache_options"), None);
    assert_eq!(encoded.dropped, ["prompt_cache_options"]);
    let mut newer = target();
    newer.capabilities.cache_breakpoints = true;
    let (body, _) = encode_for(options.clone(), &newer);
    assert_eq!(
        body["prompt_cache_options"],
        options["prompt_cache_options"]
    );
}

/// Case 53: more cached than there were, more thought than was said.
#[test]
fn section_11_2_case_53_counts_are_held_to_their_parents() {
    let mut whole = response(json!([text_item("a")]));
    whole["usage"] = json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 40},
        "output_tokens": 3, "output_tokens_details": {"reasoning_tokens": 9}, "total_tokens": 13});
    let usage = try_decode(&whole).unwrap().usage.unwrap();
    assert_eq!((usage.input, usage.cache_read), (10, 10));
    assert_eq!((usage.output, usage.reasoning), (3, 3));
    assert!(usage.clamped);
    whole["usage"] = Value::Null;
    assert!(try_decode(&whole).unwrap().usage.is_none());
}

/// `model` in the answer is seldom the one that was asked for, and an answer may have none.
#[test]
fn section_11_3_identity_is_the_answers_own() {
    let mut whole = response(json!([text_item("a")]));
    whole["model"] = json!("gpt-test-2026-01-01");
    assert_eq!(try_decode(&whole).unwrap().model, "gpt-test-2026-01-01");
    for created in [json!(1_700_000_000), json!(1_700_000_000.9), Value::Null] {
        whole["created_at"] = created;
        assert!(try_decode(&whole).is_ok());
    }
}

/// Events that say nothing which is not said elsewhere: parts, queues, searches.
#[test]
fn section_12_2_events_that_add_nothing() {
    let silent = [
        "response.queued",
        "response.content_part.added",
        "response.content_part.done",
        "response.output_text.done",
        "response.reasoning_summary_part.added",
        "response.reasoning_summary_part.done",
        "response.mcp_call.in_progress",
        "response.web_search_call.searching",
    ];
    let mut events = vec![created()];
    events.extend(silent.map(|kind| {
        json!({"type": kind, "output_index": 0, "content_index": 0, "text": "NO", "part": {"text": "NO"},
            "item_id": "x"})
    }));
    events.push(delta(0, "output_text", "Hi"));
    events.push(done(0, text_item("Hi")));
    events.push(completed(json!([text_item("Hi")])));
    let answer = streamed(&events).unwrap();
    assert_eq!(answer.choices[0].message.text, "Hi");
}

/// A source is said as it comes and again with its item and with the end: it is one source.
#[test]
fn section_12_2_annotations_are_said_once() {
    let source = json!({"type": "url_citation", "url": "https://a.example", "title": "A",
        "start_index": 0, "end_index": 2});
    let mut item = text_item("Hi");
    item["content"][0]["annotations"] = json!([source]);
    let mut events = vec![created(), delta(0, "output_text", "Hi")];
    events.push(
        json!({"type": "response.output_text.annotation.added", "output_index": 0,
        "content_index": 0, "annotation_index": 0, "annotation": source}),
    );
    events.push(done(0, item.clone()));
    events.push(completed(json!([item])));
    let answer = streamed(&events).unwrap();
    assert_eq!(answer.choices[0].message.annotations.len(), 1);
    assert_eq!(
        answer.choices[0].message.annotations[0].url,
        "https://a.example"
    );
}

/// A refusal in pieces is a refusal, and the answer ends as filtered (§11.1).
#[test]
fn section_12_2_refusals_in_pieces() {
    let refusal = json!({"type": "message", "id": "msg_1", "role": "assistant",
        "content": [{"type": "refusal", "refusal": "I can't."}]});
    let answer = streamed(&[
        created(),
        added(0, json!({"type": "message", "id": "msg_1", "content": []})),
        delta(0, "refusal", "I "),
        delta(0, "refusal", "can't."),
        done(0, refusal.clone()),
        completed(json!([refusal])),
    ])
    .unwrap();
    let choice = &answer.choices[0];
    assert_eq!(choice.message.refusal.as_deref(), Some("I can't."));
    assert_eq!(choice.finish_reason, Some(FinishReason::ContentFilter));
}

/// Each word of §13.3 for a failure within the API, and one that is new.
#[test]
fn section_13_3_words_of_failed_responses() {
    for (code, kind) in [
        ("misalignment_policy_violation", ErrorKind::ContentFiltered),
        ("invalid_image", ErrorKind::InvalidRequest),
        ("image_too_large", ErrorKind::InvalidRequest),
        ("empty_image_file", ErrorKind::InvalidRequest),
        ("something_new", ErrorKind::ServerError),
    ] {
        let failed = json!({"id": "r", "status": "failed", "output": [],
            "error": {"code": code, "message": "Sorry."}});
        assert_eq!(try_decode(&failed).unwrap_err().kind, kind, "{code}");
    }
    let bare = json!({"id": "r", "status": "failed", "output": [], "error": null});
    assert!(try_decode(&bare).is_err());
    let cancelled = json!({"id": "r", "status": "cancelled", "output": []});
    assert!(try_decode(&cancelled).is_err());
}
