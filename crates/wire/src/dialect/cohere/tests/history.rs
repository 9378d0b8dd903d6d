//! Messages and content: wire-protocols §5, §6, §7.

use serde_json::json;

use super::*;
use crate::capability::Reasoning;
use crate::error::EncodeErrorCode;
use crate::media::Media;

/// The PNG signature in base64.
const PNG: &str = "iVBORw0KGgo=";

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[test]
fn section_5_case_12_13_leading_instructions_are_one_and_later_ones_are_a_user_turn() {
    let (body, encoded) = encode(json!({"messages": [
        {"role": "system", "content": "One."},
        {"role": "developer", "content": [{"type": "text", "text": "Two."}]},
        {"role": "user", "content": "Hi"},
        {"role": "system", "content": "Three."},
    ]}));
    assert_eq!(
        body["messages"],
        json!([
            {"role": "system", "content": "One.\n\nTwo."},
            {"role": "user", "content": "Hi"},
            {"role": "user", "content": "<system>\nThree.\n</system>"},
        ])
    );
    assert_eq!(encoded.changed, ["messages[].role=user"]);
}

#[test]
fn section_5_case_11_instructions_alone_are_what_is_asked() {
    let sent = messages(json!([
        {"role": "system", "content": "Be brief."}, {"role": "system", "content": "Say hi."},
    ]));
    assert_eq!(
        sent,
        json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hi."}])
    );
    let error = try_encode(
        json!({"messages": [{"role": "user", "content": ""}]}),
        &target(),
    );
    assert_eq!(
        error.unwrap_err().param.as_deref(),
        Some("messages[0].content")
    );
}

#[test]
fn section_5_case_14_same_roles_stay_apart_and_names_are_named() {
    let (body, encoded) = encode(json!({"messages": [
        {"role": "user", "content": "a", "name": "Ann"}, {"role": "user", "content": "b"},
        {"role": "assistant", "content": "c"}, {"role": "assistant", "content": ""},
        {"role": "assistant", "content": "d"}, {"role": "user", "content": "e"},
    ]}));
    let roles: Vec<_> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["content"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["a", "b", "c", "d", "e"]);
    assert_eq!(encoded.dropped, ["messages[].name"]);
}

#[test]
fn section_5_case_15_a_trailing_assistant_message_is_refused_or_rewritten() {
    let body = json!({"messages": [
        {"role": "user", "content": "Count"}, {"role": "assistant", "content": "1, 2 "}]});
    let error = try_encode(body.clone(), &target()).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnsupportedParameter);
    assert_eq!(error.param.as_deref(), Some("messages[1]"));
    let mut rewriting = target();
    rewriting.policy.rewrite_prefill = true;
    let (body, encoded) = encode_for(body, &rewriting);
    assert_eq!(body["messages"][2]["role"], "user");
    assert_eq!(encoded.changed, ["messages[]=continue_request_added"]);
}

#[test]
fn section_7_case_1_text_before_calls_is_the_plan_and_empty_content_is_left_out() {
    let sent = messages(json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "I will look.", "tool_calls": [call("f_1", "f", "{\"a\":1}")]},
        {"role": "tool", "tool_call_id": "f_1", "content": "{\"ok\":true}"},
        {"role": "assistant", "content": null, "tool_calls": [call("f_2", "f", "")]},
        {"role": "tool", "tool_call_id": "f_2", "content": ""},
    ]));
    assert_eq!(
        sent,
        json!([
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "tool_plan": "I will look.",
                "tool_calls": [call("f_1", "f", "{\"a\":1}")]},
            {"role": "tool", "tool_call_id": "f_1", "content": "{\"ok\":true}"},
            {"role": "assistant", "tool_calls": [call("f_2", "f", "{}")]},
            {"role": "tool", "tool_call_id": "f_2", "content": "{}"},
        ])
    );
}

#[test]
fn section_7_case_2_arguments_are_json_whatever_a_model_wrote() {
    let (body, encoded) = encode(json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call("a", "f", "not json")]},
        {"role": "tool", "tool_call_id": "a", "content": "x"},
    ]}));
    assert_eq!(
        body["messages"][1]["tool_calls"][0]["function"]["arguments"],
        "{\"_raw\":\"not json\"}"
    );
    assert_eq!(
        encoded.changed,
        ["messages[].tool_calls[].function.arguments=_raw"]
    );
}

#[test]
fn section_7_case_4_5_6_ids_stay_as_they_are_unless_they_repeat() {
    let sent = messages(json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call("call:1.a", "f", "{}"), call("b", "g", "{}")]},
        {"role": "tool", "tool_call_id": "b", "content": "B"},
        {"role": "tool", "tool_call_id": "call:1.a", "content": "A"},
        {"role": "assistant", "tool_calls": [call("b", "g", "{}")]},
        {"role": "tool", "tool_call_id": "b", "content": "B2"},
    ]));
    assert_eq!(sent[1]["tool_calls"][0]["id"], "call:1.a");
    assert_eq!(
        (&sent[2]["tool_call_id"], &sent[2]["content"]),
        (&json!("b"), &json!("B"))
    );
    assert_eq!(sent[4]["tool_calls"][0]["id"], "b_2");
    assert_eq!(sent[5]["tool_call_id"], "b_2");
}

#[test]
fn section_5_case_8_orphans_are_refused_or_repaired() {
    let lost = json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call("a", "f", "{}")]},
        {"role": "user", "content": "and?"},
    ]});
    let error = try_encode(lost.clone(), &target()).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
    let stray = json!({"messages": [
        {"role": "user", "content": "Hi"}, {"role": "tool", "tool_call_id": "z", "content": "x"}]});
    let error = try_encode(stray.clone(), &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("messages[1].tool_call_id"));
    let mut repairing = target();
    repairing.policy.repair_orphans = true;
    let (body, encoded) = encode_for(lost, &repairing);
    assert_eq!(body["messages"][2]["tool_call_id"], "a");
    // The question waits until the call has its result.
    assert_eq!(body["messages"][3]["content"], "and?");
    assert_eq!(
        encoded.changed,
        ["messages[].tool_calls=error_result_added"]
    );
    let (body, encoded) = encode_for(stray, &repairing);
    assert_eq!(body["messages"].as_array().unwrap().len(), 1);
    assert_eq!(encoded.dropped, ["messages[].tool_call_id"]);
}

#[test]
fn section_7_case_9_10_results_failed_pictured_and_interrupted() {
    let picture = format!("data:image/png;base64,{PNG}");
    let (body, encoded) = encode(json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call("a", "f", "{}"), call("b", "g", "{}")]},
        {"role": "tool", "tool_call_id": "a", "is_error": true, "content": "boom"},
        {"role": "user", "content": "meanwhile"},
        {"role": "tool", "tool_call_id": "b", "content": [
            {"type": "text", "text": "one"}, {"type": "text", "text": "two"},
            {"type": "document", "document": {"id": "d", "data": {"text": "three"}}},
            {"type": "image_url", "image_url": {"url": picture}},
        ]},
    ]}));
    assert_eq!(
        body["messages"].as_array().unwrap()[2..],
        [
            json!({"role": "tool", "tool_call_id": "a", "content": "{\"error\":\"boom\"}"}),
            json!({"role": "tool", "tool_call_id": "b", "content": [
                {"type": "text", "text": "one"}, {"type": "text", "text": "two"},
                {"type": "document", "document": {"id": "d", "data": {"text": "three"}}},
            ]}),
            json!({"role": "user", "content": "meanwhile"}),
            json!({"role": "user", "content": [
                {"type": "image_url", "image_url": {"url": picture}}]}),
        ]
    );
    assert_eq!(encoded.changed, ["messages[].content[].image_url=user"]);
}

#[test]
fn section_9_thoughts_go_back_to_models_that_think() {
    let body = json!({"messages": [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": "4", "reasoning_content": "Add."},
        {"role": "user", "content": "And 3+3?"},
    ]});
    let mut thinker = target();
    thinker.capabilities.reasoning = Reasoning::Budget {
        min: 1,
        max: 100,
        can_disable: true,
    };
    let (sent, _) = encode_for(body.clone(), &thinker);
    assert_eq!(
        sent["messages"][1]["content"],
        json!([{"type": "thinking", "thinking": "Add."}, {"type": "text", "text": "4"}])
    );
    let (sent, encoded) = encode(body);
    assert_eq!(sent["messages"][1]["content"], "4");
    assert_eq!(encoded.dropped, ["messages[].reasoning_content"]);
}

#[test]
fn section_2_2_the_state_of_other_issuers_stays_here() {
    let (body, encoded) = encode(json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "text", "text": "Hello"}],
         "provider_blocks": [{"index": 0, "issuer": "anthropic", "span": {"text": 0, "calls": 0},
            "block": {"type": "thinking", "thinking": "hm", "signature": "c2ln"}}]},
        {"role": "user", "content": "Go on"},
    ]}));
    assert!(!body.to_string().contains("c2ln"));
    assert_eq!(
        encoded.dropped,
        ["messages[].provider_blocks", "messages[].reasoning_content"]
    );
}

#[test]
fn section_6_case_16_pictures_by_url_and_inline() {
    let (body, encoded) = encode(json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "https://e.example/a.png", "detail": "original"}},
        {"type": "image_url", "image_url": {"url": format!("data:image/jpeg;base64,{PNG}"), "detail": "low"}},
    ]}]}));
    assert_eq!(
        body["messages"][0]["content"],
        json!([
            {"type": "text", "text": "Look"},
            {"type": "image_url", "image_url": {"url": "https://e.example/a.png", "detail": "high"}},
            // The bytes say what it is.
            {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{PNG}"), "detail": "low"}},
        ])
    );
    assert_eq!(
        encoded.changed,
        ["messages[].content[].image_url.detail=high"]
    );
}

#[test]
fn section_6_urls_that_the_api_does_not_fetch_are_fetched() {
    let body = json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": "http://e.example/a"}},
        {"type": "image_url", "image_url": {"url": "https://e.example/b"}},
        {"type": "file", "file": {"file_url": "https://e.example/c.txt"}},
    ]}]});
    let asked = Cohere.media_to_fetch(&request(body.clone()), &target());
    assert_eq!(asked, ["http://e.example/a", "https://e.example/c.txt"]);
    let mut elsewhere = target();
    elsewhere.endpoint.first_party = false;
    let asked = Cohere.media_to_fetch(&request(body.clone()), &elsewhere);
    assert_eq!(asked.len(), 3);
    let mut store = MediaStore::default();
    for (url, media_type, data) in [
        ("http://e.example/a", "image/png", PNG),
        ("https://e.example/c.txt", "text/plain", "YWJj"),
    ] {
        let (media_type, data) = (media_type.to_owned(), data.to_owned());
        store.insert(url.to_owned(), Media { media_type, data });
    }
    let encoded = Cohere.encode_chat(&request(body.clone()), &target(), &store);
    let sent: Value = serde_json::from_slice(&encoded.unwrap().body).unwrap();
    assert_eq!(
        sent["messages"][0]["content"][1]["image_url"]["url"],
        format!("data:image/png;base64,{PNG}")
    );
    assert_eq!(sent["documents"], json!([{"data": {"text": "abc"}}]));
    let unfetched = Cohere.encode_chat(&request(body), &target(), &MediaStore::default());
    assert_eq!(unfetched.unwrap_err().code, EncodeErrorCode::InvalidValue);
}

#[test]
fn section_6_text_files_are_documents() {
    let (body, _) = encode(json!({
        "messages": [{"role": "user", "content": [
            {"type": "text", "text": "Sum up"},
            {"type": "file", "file": {"filename": "notes.txt", "file_data": "data:text/plain;base64,YWJj"}},
        ]}],
        "provider_options": {"cohere": {"documents": ["more"]}},
    }));
    assert_eq!(
        body["documents"],
        json!([{"data": {"title": "notes.txt", "text": "abc"}}, "more"])
    );
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": "Sum up"}])
    );
}

#[test]
fn section_6_content_that_the_api_has_no_place_for_is_refused() {
    for part in [
        json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}),
        json!({"type": "video_url", "video_url": {"url": "https://e.example/v.mp4"}}),
        json!({"type": "file", "file": {"file_id": "file-1"}}),
        json!({"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0="}}),
        json!({"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,PHN2Zz4="}}),
        json!({"type": "later", "x": 1}),
    ] {
        let body = json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "See"}, part]}]});
        let error = try_encode(body, &target()).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnsupportedContent, "{part}");
        assert_eq!(error.param.as_deref(), Some("messages[0].content[1]"));
    }
    let mut blind = target();
    blind.capabilities.image_input = false;
    let body = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://e.example/a.png"}}]}]});
    let error = try_encode(body, &blind).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnsupportedContent);
}

#[test]
fn section_10_cache_marks_are_named() {
    let mark = json!({"type": "ephemeral"});
    let (body, encoded) = encode(json!({
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]}],
        "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": mark}],
        "cache_control": mark,
    }));
    assert!(!body.to_string().contains("ephemeral"));
    assert_eq!(
        encoded.dropped,
        [
            "cache_control",
            "messages[].content[].cache_control",
            "tools[].cache_control"
        ]
    );
}

#[test]
fn section_2_5_the_same_request_gives_the_same_bytes() {
    let body = json!({
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}],
        "tools": [{"type": "function", "function": {"name": "a.b", "parameters": {"type": "object"}}}],
        "temperature": 0.5,
    });
    let first = try_encode(body.clone(), &target()).unwrap();
    assert_eq!(first, try_encode(body, &target()).unwrap());
}
