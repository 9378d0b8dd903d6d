//! Messages, calls and results on their way out.

use serde_json::{Value, json};

use super::*;
use crate::adapter::TranslationPolicy;
use crate::error::EncodeErrorCode;

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// §5, §7: no part for no content, `{}` for no arguments; Vertex AI alike.
#[test]
fn case_1_and_2_null_content_and_empty_arguments() {
    let sent = contents(
        2,
        json!([user("q"),
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "look", "arguments": ""}}]},
            {"role": "tool", "tool_call_id": "a", "content": "ok"}]),
    );
    assert_eq!(
        sent,
        json!([
            {"role": "user", "parts": [{"text": "q"}]},
            {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
            {"role": "user", "parts": [
                {"functionResponse": {"name": "look", "response": {"result": "ok"}}}]}])
    );
}

/// §7: all results of a batch in one content, in the order of the calls; Vertex AI alike.
#[test]
fn case_4_and_10_results_follow_the_order_of_the_calls_and_text_comes_after() {
    let sent = contents(
        2,
        json!([user("q"),
            {"role": "assistant", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "one", "arguments": "{}"}},
                {"id": "b", "type": "function", "function": {"name": "two", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "b", "content": "{\"v\":2}"},
            user("hurry"),
            {"role": "tool", "tool_call_id": "a", "content": "[1]"}]),
    );
    assert_eq!(
        sent[2]["parts"],
        json!([{"functionResponse": {"name": "one", "response": {"result": [1]}}},
               {"functionResponse": {"name": "two", "response": {"v": 2}}}])
    );
    assert_eq!(
        sent[3],
        json!({"role": "user", "parts": [{"text": "hurry"}]})
    );
}

/// §7, duplicate ids; Vertex AI alike.
#[test]
fn case_5_equal_ids_pair_by_occurrence() {
    let turn = |result: &str| {
        vec![
            json!({"role": "assistant", "tool_calls": [call("abcd1234"), call("abcd1234")]}),
            json!({"role": "tool", "tool_call_id": "abcd1234", "content": format!("{result}1")}),
            json!({"role": "tool", "tool_call_id": "abcd1234", "content": format!("{result}2")}),
        ]
    };
    let mut messages = vec![user("q")];
    messages.extend(turn("x"));
    messages.extend(turn("y"));
    let sent = contents(2, messages.into());
    let result = |turn: usize, at: usize| {
        let response = &sent[turn]["parts"][at]["functionResponse"];
        assert!(
            response.get("id").is_none(),
            "an id used twice pairs nothing"
        );
        response["response"]["result"].clone()
    };
    assert_eq!(
        [result(2, 0), result(2, 1), result(4, 0), result(4, 1)],
        ["x1", "x2", "y1", "y2"]
    );
}

/// §7: ids are usually absent; Vertex AI alike.
#[test]
fn ids_go_back_only_where_gemini_gave_them() {
    let answer = json!({"candidates": [{"content": {"parts": [
        {"functionCall": {"id": "given-by-gemini", "name": "look", "args": {}}}]},
        "finishReason": "STOP"}]});
    let response = Gemini
        .decode_chat(answer.to_string().as_bytes(), &DecodeContext::default())
        .unwrap();
    let blocks = serde_json::to_value(&response.choices[0].message.blocks).unwrap();
    for (id, blocks, goes) in [
        ("given-by-gemini", blocks, true),
        ("x8i00o1q", json!([]), true),
        ("call_0123456789abcdef01234567", json!([]), false),
        ("toolu_01", json!([]), false),
    ] {
        let sent = contents(
            2,
            json!([user("q"),
                {"role": "assistant", "tool_calls": [call(id)], "provider_blocks": blocks},
                {"role": "tool", "tool_call_id": id, "content": "ok"}]),
        );
        let expected = if goes { Value::from(id) } else { Value::Null };
        assert_eq!(sent[1]["parts"][0]["functionCall"]["id"], expected, "{id}");
        assert_eq!(
            sent[2]["parts"][0]["functionResponse"]["id"], expected,
            "{id}"
        );
    }
}

/// §7, name rule; Vertex AI alike.
#[test]
fn case_7_names_are_mangled_everywhere_and_undone() {
    let name = "fs/read file";
    let (body, encoded) = encode(json!({
        "messages": [user("q"),
            {"role": "assistant", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": name, "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "a", "content": "ok"}],
        "tools": [function(name)],
        "tool_choice": {"type": "function", "function": {"name": name}}}));
    let wire = body["tools"][0]["functionDeclarations"][0]["name"].clone();
    assert_ne!(wire, name);
    assert_eq!(
        body["contents"][1]["parts"][0]["functionCall"]["name"],
        wire
    );
    assert_eq!(
        body["contents"][2]["parts"][0]["functionResponse"]["name"],
        wire
    );
    assert_eq!(
        body["toolConfig"]["functionCallingConfig"],
        json!({"mode": "ANY", "allowedFunctionNames": [wire]})
    );
    let answer = json!({"candidates": [{"content": {"parts": [
        {"functionCall": {"name": wire, "args": {}}}]}, "finishReason": "STOP"}]});
    let response = Gemini
        .decode_chat(answer.to_string().as_bytes(), &encoded.context)
        .unwrap();
    assert_eq!(response.choices[0].message.tool_calls[0].name, name);
}

/// §5, orphans; Vertex AI alike.
#[test]
fn case_8_orphans_are_refused_or_repaired() {
    let lost_result = json!([user("q"), {"role": "assistant", "tool_calls": [call("a")]},
        user("go on")]);
    let lost_call = json!([user("q"), {"role": "tool", "tool_call_id": "z", "content": "x"}]);
    for (messages, param) in [
        (lost_result.clone(), "messages[1].tool_calls[0]"),
        (lost_call.clone(), "messages[1].tool_call_id"),
    ] {
        let error = try_encode(json!({ "messages": messages }), &target(2)).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
        assert_eq!(error.param.as_deref(), Some(param));
    }
    let mut lenient = target(2);
    lenient.policy = TranslationPolicy {
        repair_orphans: true,
        ..TranslationPolicy::default()
    };
    let (body, _) = encode_for(json!({ "messages": lost_result }), &lenient);
    assert!(body["contents"][2]["parts"][0]["functionResponse"]["response"]["error"].is_string());
    let (body, encoded) = encode_for(json!({ "messages": lost_call }), &lenient);
    assert_eq!(body["contents"].as_array().unwrap().len(), 1);
    assert_eq!(encoded.dropped, ["messages[].tool_call_id"]);
}

/// §6, §7: `response` is an object, pictures in `parts`; Vertex AI alike.
#[test]
fn case_9_empty_failed_and_picture_results() {
    let picture = json!([{"type": "image_url", "image_url":
        {"url": "data:image/png;base64,iVBORw0KGgo="}}]);
    let messages = json!([user("q"),
        {"role": "assistant", "tool_calls": [call("a"), call("b"), call("c")]},
        {"role": "tool", "tool_call_id": "a", "content": ""},
        {"role": "tool", "tool_call_id": "b", "content": "no disk", "is_error": true},
        {"role": "tool", "tool_call_id": "c", "content": picture}]);
    let old = contents(2, messages.clone());
    let parts = old[2]["parts"].as_array().unwrap();
    assert_eq!(
        parts[0]["functionResponse"]["response"],
        json!({"result": ""})
    );
    assert_eq!(
        parts[1]["functionResponse"]["response"],
        json!({"error": "no disk"})
    );
    assert_eq!(parts.len(), 5, "a label and the picture follow the results");
    assert_eq!(parts[4]["inlineData"]["mimeType"], "image/png");
    let new = contents(3, messages);
    assert_eq!(
        new[2]["parts"][2]["functionResponse"]["parts"][0]["inlineData"]["mimeType"],
        "image/png"
    );
}

/// §5, rows System and `developer`; Vertex AI alike.
#[test]
fn case_11_12_and_13_system_messages() {
    let (body, _) = encode(json!({"messages": [
        {"role": "system", "content": "one"}, {"role": "developer", "content": "two"},
        user("q"), {"role": "assistant", "content": "a"},
        {"role": "system", "content": "three"}, user("r")]}));
    assert_eq!(
        body["systemInstruction"],
        json!({"parts": [{"text": "one"}, {"text": "two"}]})
    );
    assert_eq!(
        body["contents"][2]["parts"][0]["text"],
        "<system>\nthree\n</system>"
    );
    let (body, _) = encode(json!({"messages": [{"role": "system", "content": "Sing."}]}));
    assert_eq!(
        body["contents"],
        json!([{"role": "user", "parts": [{"text": "Sing."}]}])
    );
    assert!(body.get("systemInstruction").is_none());
}

/// §5, rows "consecutive" and "must end with"; Vertex AI alike.
#[test]
fn case_14_and_15_runs_of_one_role_and_trailing_assistant() {
    let sent = contents(2, json!([user("a"), user("b")]));
    assert_eq!(sent.as_array().unwrap().len(), 2);
    let trailing = json!({"messages": [user("a"), {"role": "assistant", "content": "x "}]});
    let error = try_encode(trailing.clone(), &target(2)).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("messages[1]"));
    let mut rewriting = target(2);
    rewriting.policy.rewrite_prefill = true;
    let (body, _) = encode_for(trailing, &rewriting);
    assert_eq!(body["contents"][2]["role"], "user");
    let sent = contents(
        2,
        json!([{"role": "assistant", "content": "Hello!"}, user("a")]),
    );
    assert_eq!(sent[0]["role"], "user");
    assert!(try_encode(json!({"messages": [user("")]}), &target(2)).is_err());
}

/// §9, replay of signatures; Vertex AI alike.
#[test]
fn case_21_opaque_state_comes_back_at_its_place() {
    let answer = json!({"modelVersion": "gemini-x", "candidates": [{"content": {"parts": [
        {"text": "Zoë: "},
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
        {"text": "now", "thoughtSignature": "c2ln"},
        {"functionCall": {"id": "abcd1234", "name": "look", "args": {"at": 1}},
         "thoughtSignature": "Y2FsbA=="},
        {"functionCall": {"name": "look", "args": {"at": 2}}},
        {"text": "", "thoughtSignature": "ZW5k"}]}, "finishReason": "STOP"}]});
    let response = Gemini
        .decode_chat(answer.to_string().as_bytes(), &DecodeContext::default())
        .unwrap();
    let message = &response.choices[0].message;
    assert_eq!(message.text, "Zoë: now");
    let calls: Vec<Value> = message
        .tool_calls
        .iter()
        .map(|call| {
            json!({"id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": call.arguments}})
        })
        .collect();
    let results = message
        .tool_calls
        .iter()
        .map(|call| json!({"role": "tool", "tool_call_id": call.id, "content": "ok"}));
    let mut messages = vec![
        user("q"),
        json!({"role": "assistant", "content": message.text, "tool_calls": calls,
            "provider_blocks": message.blocks}),
    ];
    messages.extend(results);
    let sent = contents(3, messages.into());
    assert_eq!(
        sent[1]["parts"],
        answer["candidates"][0]["content"]["parts"]
    );
}

/// §9: the first call of a step carries a signature or the documented word; Vertex AI alike.
#[test]
fn case_21_and_24_foreign_first_calls_get_the_skip_word() {
    let messages = json!([user("q"),
        {"role": "assistant", "content": "hm", "tool_calls": [call("a"), call("b")],
         "reasoning_content": "thinking", "thinking_blocks": [
            {"type": "thinking", "thinking": "t", "signature": "s"}]},
        {"role": "tool", "tool_call_id": "a", "content": "1"},
        {"role": "tool", "tool_call_id": "b", "content": "2"}]);
    let sent = contents(3, messages.clone());
    let parts = sent[1]["parts"].as_array().unwrap();
    assert_eq!(parts[0], json!({"text": "hm"}));
    let word = parts[1]["thoughtSignature"].as_str().unwrap();
    let decoded = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, word);
    assert_eq!(decoded.unwrap(), b"skip_thought_signature_validator");
    assert!(parts[2].get("thoughtSignature").is_none());
    assert!(
        !contents(2, messages.clone())
            .to_string()
            .contains("thoughtSignature")
    );
    let (_, encoded) = encode_for(json!({ "messages": messages }), &target(3));
    assert_eq!(
        encoded.dropped,
        ["messages[].provider_blocks", "messages[].reasoning_content"]
    );
    let mut strict = target(3);
    strict.policy.strict_params = true;
    let asked = json!({"messages": [user("q"),
        {"role": "assistant", "content": "a", "reasoning_content": "r"}, user("q")]});
    assert!(
        try_encode(asked, &strict).is_ok(),
        "an echo is no parameter"
    );
}

#[test]
fn a_signature_in_extra_content_goes_back_on_its_call() {
    let mut signed = call("a");
    signed["extra_content"] = json!({"google": {"thought_signature": "c2ln"}});
    let sent = contents(
        3,
        json!([user("q"), {"role": "assistant", "tool_calls": [signed]},
            {"role": "tool", "tool_call_id": "a", "content": "1"}]),
    );
    assert_eq!(sent[1]["parts"][0]["thoughtSignature"], "c2ln");
}

/// §7, arguments; Vertex AI alike.
#[test]
fn arguments_that_are_no_object_are_wrapped_and_said() {
    let (body, encoded) = encode(json!({"messages": [user("q"),
        {"role": "assistant", "tool_calls": [
            {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{\"cut"}}]},
        {"role": "tool", "tool_call_id": "a", "content": "x"}]}));
    assert_eq!(
        body["contents"][1]["parts"][0]["functionCall"]["args"],
        json!({"_raw": "{\"cut"})
    );
    assert_eq!(
        encoded.changed,
        ["messages[].tool_calls[].function.arguments=_raw"]
    );
}

#[test]
fn the_beginning_of_a_conversation_is_the_same_bytes_as_it_grows() {
    let mut messages = vec![
        user("q"),
        json!({"role": "assistant", "tool_calls": [call("a")]}),
        json!({"role": "tool", "tool_call_id": "a", "content": "1"}),
    ];
    let before = contents(3, messages.clone().into());
    messages.push(json!({"role": "assistant", "content": "done"}));
    messages.push(user("thanks"));
    let after = contents(3, messages.into());
    let before = before.as_array().unwrap();
    assert_eq!(
        &after.as_array().unwrap()[..before.len()],
        before.as_slice()
    );
}

proptest::proptest! {
    #[test]
    fn blocks_with_any_span_lose_no_text_and_no_call(
        spans in proptest::collection::vec((0usize..9, 0usize..9, 0usize..4, 0usize..2), 0..5),
    ) {
        let blocks: Vec<Value> = spans
            .iter()
            .enumerate()
            .map(|(index, (text, text_len, calls, call_len))| {
                json!({"index": index, "issuer": "gemini", "block": {"thoughtSignature": "c2ln"},
                    "span": {"text": text, "text_len": text_len * 1_000_000, "calls": calls,
                        "call_len": call_len}})
            })
            .collect();
        let sent = contents(2, json!([user("q"),
            {"role": "assistant", "content": "zwölf 😀", "tool_calls": [call("a"), call("b")],
             "provider_blocks": blocks},
            {"role": "tool", "tool_call_id": "a", "content": "1"},
            {"role": "tool", "tool_call_id": "b", "content": "2"}]));
        let parts = sent[1]["parts"].as_array().unwrap();
        let text: String = parts.iter().filter_map(|part| part["text"].as_str()).collect();
        proptest::prop_assert_eq!(text, "zwölf 😀");
        let calls = parts.iter().filter(|part| part["functionCall"].is_object()).count();
        proptest::prop_assert_eq!(calls, 2);
    }
}
