//! Both ways of reading the needs must agree.

use polyroute_wire::chat::{Effort, ToolCall};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn peek(body: &serde_json::Value) -> RequestNeeds {
    RequestNeeds::peek(body.to_string().as_bytes()).unwrap()
}

fn parsed(body: &serde_json::Value) -> ChatRequest {
    let text = body.to_string();
    let raw = polyroute_wire::json::RawObject::parse(text.as_bytes()).unwrap();
    polyroute_wire::dialect::openai::parse_chat(&raw).unwrap()
}

fn user(parts: Vec<Part>) -> Message {
    let mut message = Message::new(Role::User);
    message.parts = parts;
    message
}

fn file(filename: &str, media_type: &str) -> Part {
    let source = MediaSource::Inline {
        media_type: media_type.into(),
        data: "AAAA".into(),
    };
    Part::File {
        source,
        filename: Some(filename.into()),
        cache_control: None,
    }
}

#[test]
fn media_are_found_in_hub_and_body() {
    let url = || MediaSource::Url("https://example.com/a".into());
    let request = ChatRequest {
        messages: vec![user(vec![
            Part::Image {
                source: url(),
                detail: None,
                cache_control: None,
            },
            Part::Audio {
                source: url(),
                format: None,
            },
            Part::Video {
                source: url(),
                settings: None,
            },
            file("a.pdf", "application/pdf"),
        ])],
        ..ChatRequest::default()
    };
    let body = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "https://example.com/a"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}},
    ]}]});
    for needs in [RequestNeeds::of_chat(&request), peek(&body)] {
        assert!(
            needs.image && needs.audio && needs.video && needs.pdf,
            "{needs:?}"
        );
    }
}

#[test]
fn a_file_is_what_its_type_or_name_says() {
    for (name, media_type, pdf, image) in [
        ("a.PDF", "", true, false),
        ("notes.txt", "text/plain", false, false),
        ("scan.png", "image/png", false, true),
        ("data.bin", "application/octet-stream", false, false),
    ] {
        let request = ChatRequest {
            messages: vec![user(vec![file(name, media_type)])],
            ..ChatRequest::default()
        };
        let body = json!({"messages": [{"role": "user", "content": [{"type": "file",
            "file": {"filename": name, "file_data": format!("data:{media_type};base64,AAAA")}}]}]});
        for needs in [RequestNeeds::of_chat(&request), peek(&body)] {
            assert_eq!((needs.pdf, needs.image), (pdf, image), "{name} {needs:?}");
        }
    }
}

#[test]
fn tools_and_how_far_they_are_forced() {
    let tool = json!({"type": "function", "function": {"name": "f"}});
    for (choice, forced) in [
        (json!(null), false),
        (json!("auto"), false),
        (json!("required"), true),
        (json!("any"), true),
        (json!({"type": "function", "function": {"name": "f"}}), true),
        (json!({"function": {"name": "f"}}), true),
        (json!({"type": "any"}), true),
        (
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": []}}),
            true,
        ),
        (
            json!({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": []}}),
            false,
        ),
    ] {
        let needs = peek(&json!({"messages": [], "tools": [tool], "tool_choice": choice}));
        assert!(needs.tools);
        assert_eq!(needs.forced_tool, forced, "{choice}");
    }
    for (call, forced) in [
        (json!({"name": "f"}), true),
        (json!("auto"), false),
        (json!(null), false),
    ] {
        let needs =
            peek(&json!({"messages": [], "functions": [{"name": "f"}], "function_call": call}));
        assert_eq!(needs.forced_tool, forced, "{call}");
    }
    assert!(!peek(&json!({"messages": [], "tools": []})).tools);
    assert!(!peek(&json!({"messages": [], "tools": null})).tools);
    assert!(peek(&json!({"messages": [], "functions": [{"name": "f"}]})).tools);
    let request = ChatRequest {
        tool_choice: Some(ToolChoice::Named("f".into())),
        reasoning_effort: Some(Effort::Low),
        ..ChatRequest::default()
    };
    assert!(RequestNeeds::of_chat(&request).forced_tool);
}

#[test]
fn a_trailing_assistant_is_a_prefill_unless_it_calls() {
    let mut last = Message::new(Role::Assistant);
    let hub = |last: &Message| {
        let request = ChatRequest {
            messages: vec![last.clone()],
            ..ChatRequest::default()
        };
        RequestNeeds::of_chat(&request).prefill
    };
    assert!(hub(&last));
    let call = ToolCall {
        id: "c".into(),
        name: "f".into(),
        arguments: "{}".into(),
        custom: false,
    };
    last.tool_calls.push(call);
    assert!(!hub(&last));
    let body = json!({"messages": [{"role": "assistant", "content": "So"}]});
    assert!(peek(&body).prefill);
}

#[test]
fn texts_and_media_are_counted_alike_in_hub_and_body() {
    let body = json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "x".repeat(4_000)},
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{}", "A".repeat(90_000))}},
    ]}], "n": 2, "max_tokens": 77});
    let needs = peek(&body);
    // One word of 4,000 letters; the broken picture counts as one of unknown size.
    let tokens = needs.size.tokens(Family::Gpt4o);
    assert!((2_100..2_200).contains(&tokens), "{tokens} {needs:?}");
    assert_eq!((needs.choices, needs.max_output), (2, Some(77)));
}

#[test]
fn hub_and_body_have_the_same_size() {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "You are \"helpful\".\nBe brief: \u{e9}\u{65e5}."},
            {"role": "user", "content": [{"type": "text", "text": "Weather in Paris?"},
                {"type": "input_audio", "input_audio": {"data": "AAAA".repeat(900), "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf",
                    "file_data": "data:application/pdf;base64,".to_owned() + &"A".repeat(9_000)}}]},
            {"role": "assistant", "content": null, "reasoning_content": "Let me see",
             "tool_calls": [{"id": "c", "type": "function", "function":
                {"name": "weather", "arguments": "{\"city\": \"Paris\"}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "{\"sun\": true}"}],
        "tools": [{"type": "function", "function":
            {"name": "weather", "description": "Tells the weather", "parameters": schema}}],
        "tool_choice": "required", "reasoning_effort": "low",
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
    });
    let (hub, peeked) = (RequestNeeds::of_chat(&parsed(&body)), peek(&body));
    assert_eq!(hub.size.shape(), peeked.size.shape());
    for family in [Family::Claude, Family::Gpt5, Family::Gemini] {
        assert_eq!(hub.size.tokens(family), peeked.size.tokens(family));
    }
}

#[test]
fn an_embeddings_input_counts_by_its_longest() {
    let request = EmbeddingRequest {
        input: vec![
            EmbeddingInput::Text("x".repeat(40)),
            EmbeddingInput::Tokens(vec![1; 25]),
        ],
        ..EmbeddingRequest::default()
    };
    let needs = RequestNeeds::of_embeddings(&request);
    assert_eq!(
        (needs.operation, needs.size.plain_tokens(Family::Other)),
        (Operation::Embedding, 25)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = RequestNeeds::peek(&bytes);
    }

    #[test]
    fn any_content_is_read_or_not(content in r#"[\[\]{}":,a-z0-9\\ ]{0,60}"#) {
        let _ = RequestNeeds::peek(format!(r#"{{"messages":[{{"content":{content}}}]}}"#).as_bytes());
    }
}

/// wire-protocols §14: what a signature or encrypted reasoning stands for is counted by some.
#[test]
fn sealed_thinking_counts_where_its_provider_counts_it() {
    let block = |of_call: u8| {
        json!({"index": 0, "issuer": "gemini", "model": "",
            "span": {"text": 0, "calls": 0, "call_len": of_call},
            "block": {"thoughtSignature": "s".repeat(1_000)}})
    };
    let user = json!({"role": "user", "content": "Go on"});
    let unsealed = json!({"role": "assistant", "content": "Yes"});
    let mut turn = unsealed.clone();
    turn["provider_blocks"] = json!([block(1)]);
    let mut text_turn = unsealed.clone();
    text_turn["provider_blocks"] = json!([block(0)]);
    let size = |turns: serde_json::Value| {
        let body = json!({"model": "m", "messages": turns});
        let peeked = peek(&body).size;
        assert_eq!(peeked, RequestNeeds::of_chat(&parsed(&body)).size);
        peeked
    };
    let (with, without) = (size(json!([user, turn])), size(json!([user, unsealed])));
    // That of a text stands for thinking that is not sent to the model again.
    assert_eq!(size(json!([user, text_turn])), without);
    let more = |family| with.tokens(family) - without.tokens(family);
    assert!(more(Family::Gemini3) > 100, "{}", more(Family::Gemini3));
    assert_eq!(more(Family::Claude), 0);
    // OpenAI drops the reasoning of earlier turns.
    let sealed = size(json!([user, turn, user])).tokens(Family::Gpt5Responses);
    let plain = size(json!([user, unsealed, user])).tokens(Family::Gpt5Responses);
    assert_eq!(sealed, plain);
}

#[test]
fn the_form_of_the_answer_is_measured_alike_in_hub_and_body() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    for (format, is_schema) in [
        (
            json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}),
            true,
        ),
        (json!({"type": "json_object"}), false),
        (json!({"type": "text"}), false),
    ] {
        let messages = json!([{"role": "user", "content": "Hi"}]);
        let body = json!({"model": "m", "messages": messages, "response_format": format});
        let (peeked, hub) = (peek(&body), RequestNeeds::of_chat(&parsed(&body)));
        assert_eq!(peeked.size, hub.size, "{format}");
        assert_eq!(
            (peeked.json_schema, hub.json_schema),
            (is_schema, is_schema)
        );
    }
}
