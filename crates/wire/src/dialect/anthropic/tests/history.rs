//! Messages, parts, calls and results.

use serde_json::{Value, json};

use super::*;
use crate::error::EncodeErrorCode;
use crate::media::Media;

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn asked(calls: &[Value]) -> Value {
    json!({"role": "assistant", "content": null, "tool_calls": calls})
}

fn result(id: &str, content: Value) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": content})
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

/// §5, §7; Claude on Vertex AI alike.
#[test]
fn case_1_2_a_call_without_content_and_with_empty_arguments() {
    assert_eq!(
        messages(json!([
            user("q"),
            asked(&[call("c1", "now", "")]),
            result("c1", json!("12:00"))
        ])),
        json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "c1", "name": "now", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c1", "content": "12:00"},
            ]},
        ])
    );
}

/// §7, arguments; Claude on Vertex AI alike.
#[test]
fn arguments_that_are_no_object_are_wrapped_and_named() {
    let (body, encoded) = encode(json!({"messages": [
        user("q"), asked(&[call("c1", "f", "{\"cut\": ")]), result("c1", json!("x")),
    ]}));
    assert_eq!(
        body["messages"][1]["content"][0]["input"],
        json!({"_raw": "{\"cut\": "})
    );
    assert_eq!(
        encoded.changed,
        ["messages[].tool_calls[].function.arguments=_raw"]
    );
}

/// §7: nothing precedes the results; Claude on Vertex AI alike.
#[test]
fn case_4_10_results_come_first_and_pair_by_id_whatever_stands_between() {
    let wire = messages(json!([
        user("q"),
        asked(&[call("a", "f", "{}"), call("b", "g", "{}")]),
        result("b", json!("B")),
        user("meanwhile"),
        result("a", json!("A")),
        user("go on"),
    ]));
    assert_eq!(
        wire[2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": "a", "content": "A"},
            {"type": "tool_result", "tool_use_id": "b", "content": "B"},
            {"type": "text", "text": "meanwhile"},
            {"type": "text", "text": "go on"},
        ])
    );
    assert_eq!(wire.as_array().unwrap().len(), 3);
}

/// §7, duplicate ids; Claude on Vertex AI alike.
#[test]
fn case_5_repeated_ids_are_told_apart_by_occurrence() {
    let wire = messages(json!([
        user("q"),
        asked(&[call("call_0", "f", "{}"), call("call_0", "g", "{}")]),
        result("call_0", json!("first")),
        result("call_0", json!("second")),
        asked(&[call("call_0", "f", "{}")]),
        result("call_0", json!("third")),
    ]));
    let id = |turn: usize, block: usize, key: &str| wire[turn]["content"][block][key].clone();
    assert_eq!(id(1, 0, "id"), "call_0");
    assert_eq!(id(1, 1, "id"), "call_0_2");
    assert_eq!(id(2, 1, "tool_use_id"), "call_0_2");
    assert_eq!(wire[2]["content"][1]["content"], "second");
    assert_eq!(id(3, 0, "id"), "call_0_3");
    assert_eq!(id(4, 0, "tool_use_id"), "call_0_3");
}

/// §7, id rule; Claude on Vertex AI alike.
#[test]
fn case_6_ids_that_the_api_refuses_are_rewritten_alike_on_both_sides() {
    let long = "x".repeat(80);
    let wire = messages(json!([
        user("q"),
        asked(&[
            call("fc:1.2", "f", "{}"),
            call("fc.1:2", "f", "{}"),
            call(&long, "f", "{}")
        ]),
        result("fc:1.2", json!("1")),
        result("fc.1:2", json!("2")),
        result(&long, json!("3")),
    ]));
    for index in 0..3 {
        let id = wire[1]["content"][index]["id"].as_str().unwrap();
        assert!(
            id.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b)),
            "{id}"
        );
        assert_eq!(wire[2]["content"][index]["tool_use_id"], id);
    }
    assert_ne!(wire[1]["content"][0]["id"], wire[1]["content"][1]["id"]);
    assert_eq!(wire[1]["content"][2]["id"], long);
}

/// §5, orphans; Claude on Vertex AI alike.
#[test]
fn case_8_orphans_are_refused_by_id_or_repaired_if_asked() {
    let missing = json!({"messages": [user("q"), asked(&[call("c9", "f", "{}")]), user("well?")]});
    let stray = json!({"messages": [user("q"), result("c7", json!("x")), user("well?")]});
    for (body, id) in [(&missing, "c9"), (&stray, "c7")] {
        let error = try_encode(body.clone(), &target()).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
        assert!(error.message.contains(id), "{}", error.message);
    }
    let mut repair = target();
    repair.policy.repair_orphans = true;
    let (body, encoded) = encode_for(missing, &repair);
    let results = &body["messages"][2]["content"];
    assert_eq!(results[0]["tool_use_id"], "c9");
    assert_eq!(results[0]["is_error"], true);
    assert_eq!(results[1]["text"], "well?");
    assert_eq!(
        encoded.changed,
        ["messages[].tool_calls=error_result_added"]
    );
    let (body, encoded) = encode_for(stray, &repair);
    assert_eq!(body["messages"].as_array().unwrap().len(), 1);
    assert_eq!(encoded.dropped, ["messages[].tool_call_id"]);
}

/// §6, §7, results; Claude on Vertex AI alike.
#[test]
fn case_9_tool_results_empty_image_only_and_failed() {
    let picture =
        json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]);
    let mut failed = result("c", json!("boom"));
    failed["is_error"] = true.into();
    let wire = messages(json!([
        user("q"),
        asked(&[
            call("a", "f", "{}"),
            call("b", "f", "{}"),
            call("c", "f", "{}")
        ]),
        result("a", json!("")),
        result("b", picture),
        failed,
    ]));
    assert_eq!(
        wire[2]["content"],
        json!([
            {"type": "tool_result", "tool_use_id": "a"},
            {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "image", "source": {
                "type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo=",
            }}]},
            {"type": "tool_result", "tool_use_id": "c", "content": "boom", "is_error": true},
        ])
    );
}

/// §5, system-only; Claude on Vertex AI alike.
#[test]
fn case_11_system_only_becomes_a_user_turn() {
    let (body, encoded) = encode(json!({"messages": [
        {"role": "system", "content": "Be brief."}, {"role": "system", "content": "Name a colour."},
    ]}));
    assert_eq!(body["system"], "Be brief.");
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": "Name a colour."}])
    );
    assert_eq!(encoded.changed, ["messages[].role=user"]);
}

/// §5, rows System and `developer`; Claude on Vertex AI alike.
#[test]
fn case_12_13_system_and_developer_messages_leading_and_in_the_middle() {
    let list = json!([
        {"role": "system", "content": "One."}, {"role": "developer", "content": "Two."},
        user("q"), {"role": "system", "content": "Three."}, {"role": "assistant", "content": "a"},
        {"role": "system", "content": "Four."}, user("r"),
    ]);
    let (body, _) = encode(json!({"messages": list.clone()}));
    assert_eq!(
        body["system"],
        json!([{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}])
    );
    // In place behind a user turn; never behind the assistant.
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": "q"},
            {"role": "system", "content": "Three."},
            {"role": "assistant", "content": "a"},
            {"role": "user", "content": [
                {"type": "text", "text": "<system>\nFour.\n</system>"},
                {"type": "text", "text": "r"},
            ]},
        ])
    );
    let mut older = target();
    older.capabilities.mid_conversation_system = false;
    let (body, _) = encode_for(json!({"messages": list}), &older);
    assert_eq!(
        body["messages"][0]["content"][1]["text"],
        "<system>\nThree.\n</system>"
    );
    assert_eq!(body["messages"][1]["role"], "assistant");
}

#[test]
fn an_instruction_between_calls_and_results_goes_behind_the_results() {
    let wire = messages(json!([
        user("q"), asked(&[call("a", "f", "{}")]),
        {"role": "system", "content": "Careful."}, result("a", json!("A")),
    ]));
    assert_eq!(wire[2]["content"][0]["type"], "tool_result");
    assert_eq!(
        wire[2]["content"][1]["text"],
        "<system>\nCareful.\n</system>"
    );
}

/// §5, row "consecutive", empty text; Claude on Vertex AI alike.
#[test]
fn case_14_turns_of_one_role_are_merged_and_blank_text_is_left_out() {
    assert_eq!(
        messages(json!([
            user("a"), user("b"),
            {"role": "assistant", "content": "c"}, {"role": "assistant", "content": ""},
            {"role": "assistant", "content": "d"},
            {"role": "user", "content": [{"type": "text", "text": " \n"}, {"type": "text", "text": "e"}]},
        ])),
        json!([
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]},
            {"role": "user", "content": "e"},
        ])
    );
}

/// §5, empty user message; Claude on Vertex AI alike.
#[test]
fn an_empty_user_message_is_refused_with_its_place() {
    let error = try_encode(
        json!({"messages": [user("q"), {"role": "assistant", "content": "a"}, user("")]}),
        &target(),
    )
    .unwrap_err();
    assert_eq!(error.param.as_deref(), Some("messages[2].content"));
}

/// §5, row "must start with user"; Claude on Vertex AI alike.
#[test]
fn a_conversation_that_the_assistant_opens_gets_a_user_turn() {
    let (body, encoded) =
        encode(json!({"messages": [{"role": "assistant", "content": "Welcome!"}, user("q")]}));
    assert_eq!(body["messages"][0]["role"], "user");
    assert_eq!(body["messages"][1]["content"], "Welcome!");
    assert_eq!(encoded.changed, ["messages[]=user_turn_added"]);
}

/// §5, trailing assistant; Claude on Vertex AI alike.
#[test]
fn case_15_a_prefill_is_trimmed_refused_or_rewritten() {
    let body = json!({"messages": [user("q"), {"role": "assistant", "content": "The answer: \n"}]});
    let (wire, _) = encode(body.clone());
    assert_eq!(wire["messages"][1]["content"], "The answer:");

    let mut refuses = target();
    refuses.capabilities.prefill = false;
    let error = try_encode(body.clone(), &refuses).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("messages[1]"));

    refuses.policy.rewrite_prefill = true;
    let (wire, encoded) = encode_for(body, &refuses);
    assert_eq!(wire["messages"][2]["role"], "user");
    assert_eq!(encoded.changed, ["messages[]=continue_request_added"]);
}

/// §6, row "image"; Vertex AI takes no URL (`vertex.rs`).
#[test]
fn case_16_pictures_by_url_base64_wrong_type_and_svg() {
    let ask = |url: &str| {
        json!({"messages": [{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
        ]}]})
    };
    let (body, encoded) = encode(ask("https://example.com/a.png"));
    assert_eq!(
        body["messages"][0]["content"][0]["source"],
        json!({"type": "url", "url": "https://example.com/a.png"})
    );
    assert_eq!(encoded.dropped, ["messages[].content[].image_url.detail"]);

    let (body, _) = encode(ask("data:image/jpeg;base64,iVBORw0KGgo="));
    assert_eq!(
        body["messages"][0]["content"][0]["source"]["media_type"],
        "image/png"
    );
    let svg = try_encode(ask("data:image/svg+xml;base64,PHN2Zz48L3N2Zz4="), &target()).unwrap_err();
    assert_eq!(svg.code, EncodeErrorCode::UnsupportedContent);
    assert_eq!(svg.param.as_deref(), Some("messages[0].content[0]"));
}

#[test]
fn case_16_what_the_target_does_not_fetch_comes_from_the_store() {
    let mut elsewhere = target();
    elsewhere.endpoint.first_party = false;
    let request = request(json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]}]}));
    let wanted = Anthropic.media_to_fetch(&request, &elsewhere);
    assert_eq!(wanted, ["https://example.com/a.png"]);
    assert!(Anthropic.media_to_fetch(&request, &target()).is_empty());

    let missing = Anthropic
        .encode_chat(&request, &elsewhere, &MediaStore::default())
        .unwrap_err();
    assert_eq!(missing.param.as_deref(), Some("messages[0].content[0]"));
    let mut store = MediaStore::default();
    store.insert(
        "https://example.com/a.png".into(),
        Media {
            media_type: "image/gif".into(),
            data: "R0lGODlh".into(),
        },
    );
    let encoded = Anthropic.encode_chat(&request, &elsewhere, &store).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        body["messages"][0]["content"][1]["source"]["data"],
        "R0lGODlh"
    );
}

/// §6, row "PDF/file"; Claude on Vertex AI alike.
#[test]
fn files_go_as_documents_by_their_kind() {
    let file = |file: Value| {
        try_encode(
            json!({"messages": [{"role": "user", "content": [{"type": "file", "file": file}]}]}),
            &target(),
        )
        .map(|encoded| {
            let body: Value = serde_json::from_slice(&encoded.body).unwrap();
            (body["messages"][0]["content"][0].clone(), encoded)
        })
    };
    // "%PDF-1.7" and "a,b\n1,2" in base64.
    let (pdf, _) =
        file(json!({"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjc="}))
            .unwrap();
    assert_eq!(
        pdf,
        json!({"type": "document", "title": "a.pdf", "source": {
            "type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjc=",
        }})
    );
    let (csv, _) =
        file(json!({"filename": "t.csv", "file_data": "data:text/csv;base64,YSxiCjEsMg=="}))
            .unwrap();
    assert_eq!(
        csv["source"],
        json!({"type": "text", "media_type": "text/plain", "data": "a,b\n1,2"})
    );
    let (uploaded, encoded) = file(json!({"file_id": "file_011x"})).unwrap();
    assert_eq!(
        uploaded["source"],
        json!({"type": "file", "file_id": "file_011x"})
    );
    assert!(
        encoded
            .headers
            .iter()
            .any(|(name, value)| *name == "anthropic-beta" && value.starts_with("files-api"))
    );
    assert!(file(json!({"file_id": "file-abc"})).is_err());
    assert!(
        file(json!({"filename": "a.zip", "file_data": "data:application/zip;base64,UEsDBAD/"}))
            .is_err()
    );
}

/// §6, row "audio"; Claude on Vertex AI alike.
#[test]
fn sound_is_refused_with_the_part_named() {
    let error = try_encode(
        json!({"messages": [{"role": "user", "content": [
            {"type": "text", "text": "hear"},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        ]}]}),
        &target(),
    )
    .unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnsupportedContent);
    assert_eq!(error.param.as_deref(), Some("messages[0].content[1]"));
}

/// §10, row Anthropic; Claude on Vertex AI alike.
#[test]
fn cache_marks_stay_on_their_parts_messages_tools_and_request() {
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let body = json!({
        "cache_control": mark,
        "messages": [
            {"role": "system", "content": [{"type": "text", "text": "S", "cache_control": mark}]},
            {"role": "user", "content": "q", "cache_control": mark},
        ],
        "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": mark}],
    });
    let (wire, encoded) = encode(body.clone());
    for place in [
        "/cache_control",
        "/system/0/cache_control",
        "/messages/0/content/0/cache_control",
        "/tools/0/cache_control",
    ] {
        assert_eq!(wire.pointer(place), Some(&mark), "{place}");
    }
    assert!(encoded.dropped.is_empty());
    let mut without = target();
    without.endpoint.first_party = false;
    let (wire, encoded) = encode_for(body, &without);
    assert!(!wire.to_string().contains("ephemeral"));
    assert_eq!(
        encoded.dropped,
        [
            "cache_control",
            "messages[].cache_control",
            "messages[].content[].cache_control",
            "tools[].cache_control"
        ]
    );
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let body = json!({
        "messages": [user("q"), asked(&[call("a:b", "f.g", "{\"z\":1,\"a\":2}")]), result("a:b", json!("x"))],
        "tools": [{"type": "function", "function": {"name": "f.g", "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}}],
    });
    let (first, second) = (encode(body.clone()).1, encode(body).1);
    assert_eq!(first.body, second.body);
    let text = String::from_utf8(first.body.to_vec()).unwrap();
    assert!(text.contains("\"input\":{\"z\":1,\"a\":2}"), "{text}");
}
