//! Messages, calls, results, and items that go back to their issuer.

use serde_json::{Value, json};

use super::*;
use crate::error::EncodeErrorCode;

const PNG: &str = "iVBORw0KGgo=";

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}})
}

fn result(id: &str, content: Value) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": content})
}

fn block(index: u32, issuer: &str, span: Value, block: Value) -> Value {
    json!({"index": index, "issuer": issuer, "span": span, "block": block})
}

fn thought(text: usize, calls: usize) -> Value {
    let item =
        json!({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "seal"});
    block(
        0,
        "responses/openai",
        json!({"text": text, "calls": calls}),
        item,
    )
}

#[test]
fn section_3_3_messages_become_items() {
    let wire = items(json!([
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        user("q"),
        {"role": "assistant", "content": "a"},
        {"role": "assistant", "content": null, "refusal": "no"},
        {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]},
    ]));
    assert_eq!(
        wire,
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": "Be kind."},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [{"type": "output_text", "text": "a"}]},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
            {"role": "user", "content": [
                {"type": "input_text", "text": "x"}, {"type": "input_text", "text": "y"}]},
        ])
    );
}

#[test]
fn section_6_pictures_and_files_stand_in_messages_and_results() {
    let url = format!("data:image/png;base64,{PNG}");
    let wire = items(json!([
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
            {"type": "file", "file": {"file_id": "file_1"}},
        ]},
        {"role": "assistant", "tool_calls": [call("c1")]},
        result("c1", json!([{"type": "text", "text": "see"}, {"type": "image_url", "image_url": {"url": url}}])),
    ]));
    assert_eq!(
        wire[0]["content"],
        json!([
            {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "low"},
            {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
            {"type": "input_file", "file_id": "file_1"},
        ])
    );
    assert_eq!(
        wire[2]["output"],
        json!([{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": url}])
    );
    let sound = json!({"messages": [{"role": "user", "content": [
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}]}]});
    let error = try_encode(sound, &target()).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnsupportedContent);
    // What the target does not fetch is fetched for it.
    let mut blind = target();
    blind.capabilities.fetches_urls = false;
    let asked = request(json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]}]}));
    assert_eq!(
        Responses.media_to_fetch(&asked, &blind),
        ["https://a.example/b.png"]
    );
}

#[test]
fn case_47_calls_have_no_item_id_and_pair_by_call_id() {
    let long = "x".repeat(70);
    let wire = items(json!([
        user("q"),
        {"role": "assistant", "content": "Let me see.", "tool_calls": [call("toolu_1"), call(&long)]},
        result(&long, json!("B")),
        result("toolu_1", json!("")),
    ]));
    assert_eq!(wire[1]["content"][0]["text"], "Let me see.");
    assert_eq!(
        wire[2],
        json!({"type": "function_call", "call_id": "toolu_1", "name": "f", "arguments": "{}"})
    );
    let short = wire[3]["call_id"].as_str().unwrap();
    assert!(short.len() <= 64);
    assert_eq!(
        wire[4],
        json!({"type": "function_call_output", "call_id": short, "output": "B"})
    );
    assert_eq!(wire[5]["output"], "");
}

#[test]
fn case_5_8_repeated_ids_are_told_apart_and_orphans_refused() {
    // bedrock-mantle begins at `call_0` in every response.
    let again = json!([
        user("q"),
        {"role": "assistant", "tool_calls": [call("call_0")]}, result("call_0", json!("one")),
        {"role": "assistant", "tool_calls": [call("call_0")]}, result("call_0", json!("two")),
    ]);
    let wire = items(again);
    assert_eq!(wire[1]["call_id"], wire[2]["call_id"]);
    assert_eq!(wire[3]["call_id"], wire[4]["call_id"]);
    assert_ne!(wire[1]["call_id"], wire[3]["call_id"]);
    assert_eq!(
        (&wire[2]["output"], &wire[4]["output"]),
        (&json!("one"), &json!("two"))
    );

    let unanswered = json!({"messages": [user("q"), {"role": "assistant", "tool_calls": [call("a")]}, user("and?")]});
    let unasked = json!({"messages": [user("q"), result("b", json!("x"))]});
    for body in [&unanswered, &unasked] {
        let error = try_encode(body.clone(), &target()).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
    }
    let mut mending = target();
    mending.policy.repair_orphans = true;
    let (wire, encoded) = encode_for(unanswered, &mending);
    assert_eq!(wire["input"][3]["output"], "The tool gave no result.");
    assert_eq!(
        encoded.changed,
        ["messages[].tool_calls=error_result_added"]
    );
    let (wire, encoded) = encode_for(unasked, &mending);
    assert_eq!(wire["input"].as_array().unwrap().len(), 1);
    assert_eq!(encoded.dropped, ["messages[].tool_call_id"]);
}

#[test]
fn case_21_section_9_reasoning_goes_back_before_its_call_without_an_id() {
    let turn = json!({"role": "assistant", "content": "Hm.", "tool_calls": [call("c1")],
        "reasoning_content": "shown", "provider_blocks": [thought(3, 0)]});
    let messages = json!([user("q"), turn, result("c1", json!("r"))]);
    let (body, encoded) = encode(json!({ "messages": messages }));
    assert_eq!(body["input"][1]["content"][0]["text"], "Hm.");
    assert_eq!(
        body["input"][2],
        json!({"type": "reasoning", "summary": [], "encrypted_content": "seal"})
    );
    assert_eq!(body["input"][3]["call_id"], "c1");
    assert!(encoded.dropped.is_empty(), "{:?}", encoded.dropped);
    // Another provider can't read it, and is told of nothing of it.
    let mut other = target();
    other.endpoint.provider = "azure".into();
    let (body, encoded) = encode_for(json!({ "messages": messages }), &other);
    assert!(!body.to_string().contains("seal"));
    assert_eq!(
        encoded.dropped,
        ["messages[].provider_blocks", "messages[].reasoning_content"]
    );
    // Nor can a model that does not think.
    let mut plain = target();
    plain.capabilities.reasoning = Reasoning::None;
    assert!(
        !encode_for(json!({ "messages": messages }), &plain)
            .0
            .to_string()
            .contains("seal")
    );
}

#[test]
fn section_2_4_reasoning_without_follower_or_content_stays_away() {
    let cut = json!({"role": "assistant", "content": null, "provider_blocks": [thought(0, 0)]});
    let wire = items(json!([user("q"), cut, user("go on")]));
    assert_eq!(wire.as_array().unwrap().len(), 2, "{wire}");
    let bare = json!({"type": "reasoning", "id": "rs_1", "summary": []});
    let stored = block(0, "responses/openai", json!({"text": 0, "calls": 0}), bare);
    let turn = json!({"role": "assistant", "content": "a", "provider_blocks": [stored]});
    let wire = items(json!([user("q"), turn, user("go on")]));
    assert_eq!(wire.as_array().unwrap().len(), 3, "{wire}");
    // DeepSeek's can be read by all, and has an id of its own.
    let open = json!({"type": "reasoning", "id": "2cd8", "summary": [],
        "content": [{"type": "reasoning_text", "text": "We add."}]});
    let open = block(0, "responses/openai", json!({"text": 0, "calls": 0}), open);
    let turn = json!({"role": "assistant", "content": "4", "provider_blocks": [open]});
    let wire = items(json!([user("q"), turn, user("go on")]));
    assert_eq!(wire[1]["id"], "2cd8");
}

#[test]
fn section_3_3_phase_namespace_and_server_run_items_go_back() {
    let issuer = "responses/openai";
    let search = json!({"type": "web_search_call", "id": "ws_1", "status": "completed"});
    let turn = json!({"role": "assistant", "content": "One.\n\nTwo.", "tool_calls": [call("c1")],
    "provider_blocks": [
        block(0, issuer, json!({"text": 0, "text_len": 4, "calls": 0}), json!({"type": "message", "phase": "commentary"})),
        block(1, issuer, json!({"text": 4, "calls": 0}), search),
        block(2, issuer, json!({"text": 6, "text_len": 4, "calls": 0}), json!({"type": "message", "phase": "final_answer"})),
        block(3, issuer, json!({"text": 10, "calls": 0, "call_len": 1}), json!({"type": "function_call", "namespace": "crm"})),
        block(4, issuer, json!({"text": 10, "calls": 1}), json!({"type": "local_shell_call", "call_id": "x"})),
    ]});
    let wire = items(json!([user("q"), turn, result("c1", json!("r"))]));
    assert_eq!(
        wire,
        json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "phase": "commentary", "content": [{"type": "output_text", "text": "One."}]},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"role": "assistant", "phase": "final_answer", "content": [{"type": "output_text", "text": "Two."}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}", "namespace": "crm"},
            {"type": "function_call_output", "call_id": "c1", "output": "r"},
        ])
    );
}

#[test]
fn what_items_have_no_place_for_is_named() {
    let (_, encoded) = encode(json!({"messages": [
        {"role": "user", "name": "kim", "content": [
            {"type": "text", "text": "q", "cache_control": {"type": "ephemeral"}}]},
        {"role": "assistant", "tool_calls": [call("c1")]},
        {"role": "tool", "tool_call_id": "c1", "content": "broken", "is_error": true},
    ]}));
    assert_eq!(
        encoded.dropped,
        [
            "messages[].content[].cache_control",
            "messages[].is_error",
            "messages[].name"
        ]
    );
    let mut marked = target();
    marked.capabilities.cache_breakpoints = true;
    let (body, _) = encode_for(
        json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "q", "cache_control": {"type": "ephemeral"}}]}]}),
        &marked,
    );
    assert_eq!(
        body["input"][0]["content"][0]["prompt_cache_breakpoint"],
        json!({"mode": "explicit"})
    );
    let empty = try_encode(json!({"messages": [user("")]}), &target()).unwrap_err();
    assert_eq!(empty.param.as_deref(), Some("messages[0].content"));
}
