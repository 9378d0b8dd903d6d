//! The conversation: wire-protocols §3, §5, §6, §7.

use super::*;
use crate::error::EncodeErrorCode;
use crate::media::Media;

const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

#[test]
fn section_5_instructions_are_one_message_in_front() {
    let list = json!([
        {"role": "system", "content": "A"},
        {"role": "developer", "content": "B"},
        {"role": "user", "content": "Hi", "name": "ann"},
        {"role": "system", "content": "C"},
        {"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "text", "text": "y"}]},
    ]);
    let (sent, encoded) = encode(json!({"messages": list}));
    assert_eq!(
        sent["messages"],
        json!([
            {"role": "system", "content": "A\n\nB"},
            {"role": "user", "content": "Hi"},
            {"role": "system", "content": "C"},
            {"role": "user", "content": "x\ny"},
        ])
    );
    assert_eq!(encoded.dropped, ["messages[].name"]);
    // Some templates fail on a later one (ollama/ollama#17774).
    let mut first_only = target();
    first_only.capabilities.mid_conversation_system = false;
    let (sent, encoded) = encode_for(json!({"messages": list}), &first_only);
    assert_eq!(
        sent["messages"][2],
        json!({"role": "user", "content": "<system>\nC\n</system>"})
    );
    assert_eq!(encoded.changed, ["messages[].role=user"]);
}

#[test]
fn section_5_case_11_instructions_alone_are_the_question() {
    let (sent, encoded) = encode(json!({"messages": [{"role": "system", "content": "A"}]}));
    assert_eq!(sent["messages"], json!([{"role": "user", "content": "A"}]));
    assert_eq!(encoded.changed, ["messages[].role=user"]);
    let empty = json!({"messages": [{"role": "user", "content": ""}]});
    assert_eq!(
        try_encode(empty, &target()).unwrap_err().code,
        EncodeErrorCode::InvalidValue
    );
}

#[test]
fn section_5_case_15_a_trailing_assistant_turn_is_gone_on_with_where_the_model_does() {
    let list = json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "He"}]);
    let sent = messages(list.clone());
    assert_eq!(sent[1], json!({"role": "assistant", "content": "He"}));
    let mut without = target();
    without.capabilities.prefill = false;
    let refused = try_encode(json!({"messages": list}), &without).unwrap_err();
    assert_eq!(refused.param.as_deref(), Some("messages[1]"));
    without.policy.rewrite_prefill = true;
    let (sent, encoded) = encode_for(json!({"messages": list}), &without);
    assert_eq!(sent["messages"][2]["role"], "user");
    assert_eq!(encoded.changed, ["messages[]=continue_request_added"]);
}

#[test]
fn section_7_calls_have_object_arguments_and_results_their_names_in_order() {
    let call = |id: &str, name: &str, arguments: &str| {
        json!({"id": id, "type": "function",
            "function": {"name": name, "arguments": arguments}})
    };
    let (sent, encoded) = encode(json!({"messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": null, "reasoning_content": "Hm",
            "tool_calls": [call("1", "a", "{\"x\": 1}"), call("2", "b", ""), call("3", "c", "no")]},
        {"role": "tool", "tool_call_id": "2", "content": "B"},
        {"role": "user", "content": "meanwhile"},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "A"}]},
        {"role": "tool", "tool_call_id": "3", "content": ""},
    ]}));
    assert_eq!(
        sent["messages"],
        json!([
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "", "thinking": "Hm", "tool_calls": [
                {"id": "1", "function": {"name": "a", "arguments": {"x": 1}}},
                {"id": "2", "function": {"name": "b", "arguments": {}}},
                {"id": "3", "function": {"name": "c", "arguments": {"_raw": "no"}}},
            ]},
            {"role": "tool", "content": "A", "tool_name": "a", "tool_call_id": "1"},
            {"role": "tool", "content": "B", "tool_name": "b", "tool_call_id": "2"},
            {"role": "tool", "content": "", "tool_name": "c", "tool_call_id": "3"},
            {"role": "user", "content": "meanwhile"},
        ])
    );
    assert_eq!(
        encoded.changed,
        ["messages[].tool_calls[].function.arguments=_raw"]
    );
}

#[test]
fn section_7_case_8_orphans_are_refused_or_repaired() {
    let call = json!({"id": "1", "type": "function", "function": {"name": "a", "arguments": "{}"}});
    let open = json!([{"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call]}]);
    let stray = json!([{"role": "user", "content": "Hi"},
        {"role": "tool", "tool_call_id": "9", "content": "x"}]);
    let mut repairing = target();
    repairing.policy.repair_orphans = true;
    for list in [open, stray] {
        let refused = try_encode(json!({"messages": list}), &target()).unwrap_err();
        assert_eq!(refused.code, EncodeErrorCode::UnpairedToolCall);
        assert!(try_encode(json!({"messages": list}), &repairing).is_ok());
    }
}

#[test]
fn section_6_pictures_are_bare_base64() {
    let data = format!("data:image/png;base64,{PIXEL}");
    let picture = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});
    let sent = messages(json!([{"role": "user",
        "content": [{"type": "text", "text": "What?"}, picture(&data)]}]));
    assert_eq!(
        sent,
        json!([{"role": "user", "content": "What?", "images": [PIXEL]}])
    );
    // A URL is fetched by us: the server fetches nothing.
    let body = json!({"messages": [{"role": "user",
        "content": [picture("https://example.com/a.png")]}]});
    let asked = request(body);
    assert_eq!(
        Ollama.media_to_fetch(&asked, &target()),
        ["https://example.com/a.png"]
    );
    let mut media = MediaStore::default();
    let fetched = Media {
        media_type: "image/png".into(),
        data: PIXEL.into(),
    };
    media.insert("https://example.com/a.png".into(), fetched);
    let encoded = Ollama.encode_chat(&asked, &target(), &media).unwrap();
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent["messages"][0]["images"], json!([PIXEL]));
    for (url, of) in [
        (
            "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
            true,
        ),
        ("data:application/pdf;base64,JVBERi0xLjQK", true),
        (data.as_str(), false),
    ] {
        let mut target = target();
        target.capabilities.image_input = of;
        let body = json!({"messages": [{"role": "user", "content": [picture(url)]}]});
        let refused = try_encode(body, &target).unwrap_err();
        assert_eq!(refused.code, EncodeErrorCode::UnsupportedContent, "{url}");
    }
}

#[test]
fn section_6_pictures_of_a_result_follow_it() {
    let data = format!("data:image/png;base64,{PIXEL}");
    let call = json!({"id": "1", "type": "function", "function": {"name": "a", "arguments": "{}"}});
    let sent = messages(json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": "seen"},
            {"type": "image_url", "image_url": {"url": data}}]},
    ]));
    assert_eq!(sent[2]["content"], "seen");
    assert_eq!(
        sent[3],
        json!({"role": "user", "content": "", "images": [PIXEL]})
    );
}
