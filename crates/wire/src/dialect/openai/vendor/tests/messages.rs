//! Messages as each vendor wants them.

use serde_json::{Value, json};

use super::{FILES, Sent, sent, sent_to, target};
use crate::adapter::{Adapter, Target};
use crate::dialect::openai::{OpenAi, edit_chat, needs_translation, parse_chat};
use crate::json::RawObject;
use crate::media::MediaStore;

fn messages(vendor: &str, messages: &Value) -> Sent {
    sent_to(
        &target(vendor),
        &json!({"model": "x", "messages": messages}),
    )
    .unwrap()
}

#[test]
fn section_5_names_of_messages() {
    let named = json!([{"role": "user", "name": "Ann", "content": "Hi"}]);
    for vendor in ["groq", "perplexity", "mistral"] {
        let sent = messages(vendor, &named);
        assert!(sent.body["messages"][0].get("name").is_none(), "{vendor}");
        assert_eq!(sent.dropped, ["messages[].name"], "{vendor}");
    }
    assert_eq!(
        messages("openrouter", &named).body["messages"][0]["name"],
        "Ann"
    );
}

#[test]
fn section_5_developer_becomes_system_everywhere_but_at_openai() {
    let body =
        json!([{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Hi"}]);
    for (vendor, _) in FILES {
        let role = messages(vendor, &body).body["messages"][0]["role"].clone();
        assert_eq!(role, "system", "{vendor}");
    }
}

/// Cases 11, 12, 14: Perplexity wants instructions first, then turns that alternate.
#[test]
fn section_5_perplexity_turns_alternate() {
    let sent = messages(
        "perplexity",
        &json!([
            {"role": "system", "content": "A"},
            {"role": "user", "content": "one"},
            {"role": "user", "content": "two"},
            {"role": "assistant", "content": "three"},
            {"role": "assistant", "content": "four"},
            {"role": "system", "content": "B"},
            {"role": "user", "content": "five"},
        ]),
    );
    assert_eq!(
        sent.body["messages"],
        json!([
            {"role": "system", "content": "A"},
            {"role": "user", "content": "one\n\ntwo"},
            {"role": "assistant", "content": "three\n\nfour"},
            {"role": "user", "content": "B\n\nfive"},
        ])
    );
    assert_eq!(sent.changed, ["messages[].role=user"]);
    let only = messages("perplexity", &json!([{"role": "system", "content": "Hi"}]));
    assert_eq!(
        only.body["messages"],
        json!([{"role": "user", "content": "Hi"}])
    );
}

fn calls(id: &str, more: &Value) -> Value {
    let mut assistant = json!({"role": "assistant", "content": null, "tool_calls": [
        {"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ]});
    let all = assistant.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    json!([
        {"role": "user", "content": "Hi"},
        assistant,
        {"role": "tool", "tool_call_id": id, "content": "1"},
    ])
}

/// Case 6: Mistral takes exactly nine letters and digits; both sides of a pair agree, and the same
/// id gives the same nine in every later turn.
#[test]
fn section_7_mistral_tool_ids() {
    let sent = messages("mistral", &calls("call_:weird.id-that-is-long", &json!({})));
    let turns = &sent.body["messages"];
    let id = turns[1]["tool_calls"][0]["id"].as_str().unwrap();
    assert_eq!(id.len(), 9);
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_eq!(turns[2]["tool_call_id"], id);
    let kept = messages("mistral", &calls("AbCdEf123", &json!({})));
    assert_eq!(kept.body["messages"][1]["tool_calls"][0]["id"], "AbCdEf123");
}

#[test]
fn section_5_user_after_tool_is_parted_where_the_model_refuses_it() {
    let mut turns = calls("AbCdEf123", &json!({}));
    turns
        .as_array_mut()
        .unwrap()
        .push(json!({"role": "user", "content": "And?"}));
    let body = json!({"model": "x", "messages": turns});
    let roles = |target: &Target| {
        let sent = sent_to(target, &body).unwrap();
        let turns = sent.body["messages"].as_array().unwrap().clone();
        let roles: Vec<String> = turns
            .iter()
            .map(|turn| turn["role"].as_str().unwrap().to_owned())
            .collect();
        (roles.join(" "), sent.changed)
    };
    let mut old = target("mistral");
    assert_eq!(roles(&old).0, "user assistant tool user");
    old.capabilities.user_after_tool = false;
    let (order, changed) = roles(&old);
    assert_eq!(order, "user assistant tool assistant user");
    assert_eq!(changed, ["messages[].role=assistant_turn_added"]);
}

/// Case 15.
#[test]
fn section_5_a_trailing_assistant_turn_is_marked_as_each_vendor_wants() {
    let turns =
        json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Well"}]);
    let mistral = messages("mistral", &turns);
    assert_eq!(mistral.body["messages"][1]["prefix"], true);
    assert_eq!(mistral.path, "/chat/completions");
    let deepseek = messages("deepseek", &turns);
    assert_eq!(deepseek.body["messages"][1]["prefix"], true);
    assert_eq!(deepseek.path, "/beta/chat/completions");
    let vllm = messages("vllm", &turns);
    assert_eq!(vllm.body["continue_final_message"], true);
    assert_eq!(vllm.body["add_generation_prompt"], false);
    assert!(vllm.body["messages"][1].get("prefix").is_none());
    let plain = messages("deepseek", &json!([{"role": "user", "content": "Hi"}]));
    assert_eq!(plain.path, "/chat/completions");
}

/// Case 25: a tool turn of DeepSeek's must carry `reasoning_content`, if only as `""`.
#[test]
fn case_25_section_9_replay_of_thinking() {
    let thought = json!({"reasoning_content": "I think"});
    let turn = |vendor: &str, more: &Value| {
        messages(vendor, &calls("AbCdEf123", more)).body["messages"][1].clone()
    };
    assert_eq!(turn("deepseek", &json!({}))["reasoning_content"], "");
    assert_eq!(turn("deepseek", &thought)["reasoning_content"], "I think");
    let without_calls = json!([
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yo", "reasoning_content": "I think"},
        {"role": "user", "content": "Hi"},
    ]);
    let plain = messages("deepseek", &without_calls);
    assert!(plain.body["messages"][1].get("reasoning_content").is_none());
    for vendor in ["groq", "xai", "qwen", "perplexity", "vllm"] {
        assert!(
            turn(vendor, &thought).get("reasoning_content").is_none(),
            "{vendor}"
        );
    }
    for vendor in ["cerebras", "ollama"] {
        assert_eq!(turn(vendor, &thought)["reasoning"], "I think", "{vendor}");
    }
    assert_eq!(
        messages("mistral", &without_calls).body["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": [{"type": "text", "text": "I think"}], "closed": true},
            {"type": "text", "text": "Yo"},
        ])
    );
    let details = json!([{"type": "reasoning.text", "text": "t", "signature": "s"}]);
    assert_eq!(
        turn("openrouter", &json!({"reasoning_details": details}))["reasoning_details"],
        details
    );
}

#[test]
fn section_7_strict_tools_where_they_are_known() {
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}, "strict": true}}]});
    for vendor in ["groq", "cerebras", "openrouter", "deepseek"] {
        assert_eq!(
            sent(vendor, &tools).body["tools"][0]["function"]["strict"],
            true,
            "{vendor}"
        );
    }
    for vendor in [
        "mistral",
        "together",
        "fireworks",
        "qwen",
        "ollama",
        "vllm",
        "xai",
        "perplexity",
    ] {
        let sent = sent(vendor, &tools);
        assert!(
            sent.body["tools"][0]["function"].get("strict").is_none(),
            "{vendor}"
        );
        assert_eq!(sent.dropped, ["tools[].function.strict"], "{vendor}");
    }
}

/// Case 15, where nobody goes on from it: refused by its place, or asked for in words.
#[test]
fn case_15_section_5_a_trailing_assistant_turn_that_no_model_goes_on_from() {
    let body = json!({"model": "x", "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Well"},
    ]});
    let mut perplexity = target("perplexity");
    perplexity.capabilities.prefill = false;
    let error = sent_to(&perplexity, &body).err().unwrap();
    assert_eq!(error.param.as_deref(), Some("messages[1]"));
    perplexity.policy.rewrite_prefill = true;
    let sent = sent_to(&perplexity, &body).unwrap();
    assert_eq!(sent.body["messages"][2]["role"], "user");
    assert_eq!(sent.changed, ["messages[].role=user_turn_added"]);
}

/// §6: each vendor's part for a document, by URL and as bytes.
#[test]
fn section_6_documents_in_each_vendors_part() {
    let file = |members: Value| json!([{"role": "user", "content": [{"type": "file", "file": members}, {"type": "text", "text": "Hi"}]}]);
    let inline =
        file(json!({"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}));
    let part = |vendor: &str, list: &Value| {
        messages(vendor, list).body["messages"][0]["content"][0].clone()
    };
    assert_eq!(
        part("mistral", &inline),
        json!({"type": "document_url", "document_url": "data:application/pdf;base64,JVBERg==", "document_name": "a.pdf"})
    );
    assert_eq!(
        part("perplexity", &inline),
        json!({"type": "file_url", "file_url": {"url": "JVBERg=="}, "file_name": "a.pdf"})
    );
    assert_eq!(part("openrouter", &inline), inline[0]["content"][0]);
    let linked = file(json!({"file_url": "https://a.example/b.pdf"}));
    let text = json!({"model": "x", "messages": linked}).to_string();
    let raw = RawObject::parse(text.as_bytes()).unwrap();
    for (vendor, wanted) in [
        (
            "perplexity",
            json!({"type": "file_url", "file_url": {"url": "https://a.example/b.pdf"}}),
        ),
        (
            "mistral",
            json!({"type": "document_url", "document_url": "https://a.example/b.pdf"}),
        ),
    ] {
        let passed = edit_chat(&raw, &target(vendor)).unwrap().encoded;
        let body: Value = serde_json::from_slice(&passed.body).unwrap();
        assert_eq!(body["messages"][0]["content"][0], wanted, "{vendor}");
    }
    // Pictures and sound are OpenAI's parts everywhere; video those of Qwen, Fireworks and OpenRouter.
    let picture = json!({"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "low"}});
    let sound = json!({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}});
    let video = json!({"type": "video_url", "video_url": {"url": "https://a.example/b.mp4"}});
    for (vendor, given) in [
        ("mistral", &picture),
        ("groq", &picture),
        ("mistral", &sound),
        ("qwen", &video),
        ("fireworks", &video),
        ("openrouter", &video),
        ("perplexity", &video),
    ] {
        let list = json!([{"role": "user", "content": [given]}]);
        assert_eq!(part(vendor, &list), *given, "{vendor}");
    }
}

/// §6: `original` is OpenAI's alone.
#[test]
fn section_6_detail_original_is_high_elsewhere() {
    let list = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png", "detail": "original"}}]}]);
    for (vendor, _) in FILES {
        let sent = messages(vendor, &list);
        let detail = &sent.body["messages"][0]["content"][0]["image_url"]["detail"];
        assert_eq!(detail, "high", "{vendor}");
        assert_eq!(
            sent.changed,
            ["messages[].content[].image_url.detail=high"],
            "{vendor}"
        );
    }
}

/// §7: free-form tools and `allowed_tools` are OpenAI's alone, so such a request is written anew.
#[test]
fn section_7_custom_tools_and_allowed_tools_are_told_in_functions() {
    let custom = json!({"type": "custom", "custom": {"name": "f"}});
    let function = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}});
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "g"}}]}});
    for (vendor, _) in FILES {
        for members in [
            json!({ "tools": [custom] }),
            json!({"tools": [function("f"), function("g")], "tool_choice": allowed}),
        ] {
            let text = super::request(&members).to_string();
            let raw = RawObject::parse(text.as_bytes()).unwrap();
            let target = target(vendor);
            assert!(needs_translation(&raw, &target), "{vendor}");
            let hub = parse_chat(&raw).unwrap();
            let sent = OpenAi
                .encode_chat(&hub, &target, &MediaStore::default())
                .unwrap();
            let body: Value = serde_json::from_slice(&sent.body).unwrap();
            let names: Vec<&str> = body["tools"]
                .as_array()
                .unwrap()
                .iter()
                .map(|tool| tool["function"]["name"].as_str().unwrap())
                .collect();
            if members["tool_choice"].is_null() {
                assert_eq!(names, ["f"], "{vendor}");
                assert_eq!(sent.context.custom_tools, ["f"], "{vendor}");
            } else {
                assert_eq!(names, ["g"], "{vendor}");
                assert_eq!(body["tool_choice"], "required", "{vendor}");
            }
        }
    }
}

/// §5: what some server wants in place of `null` is data.
#[test]
fn section_5_a_silent_assistant_turn_as_the_profile_says() {
    let list = calls("AbCdEf123", &json!({}));
    assert!(messages("groq", &list).body["messages"][1]["content"].is_null());
    let profile = json!({"messages": {"silent_assistant": "empty"}});
    let mut made_up = Target::default();
    made_up.endpoint.profile = std::sync::Arc::new(serde_json::from_value(profile).unwrap());
    let sent = sent_to(&made_up, &json!({"model": "x", "messages": list})).unwrap();
    assert_eq!(sent.body["messages"][1]["content"], "");
}
