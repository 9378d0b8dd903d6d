//! Requests: parameters, turns, media, tools, formats, thinking, marks.

use serde_json::{Value, json};

use super::{CLAUDE, NOVA, encode, encode_for, messages, request, target, try_encode};
use crate::adapter::Adapter as _;
use crate::capability::{ForcedToolChoice, JsonSchemaSupport, Reasoning, Sampling};
use crate::chat::Effort;
use crate::dialect::bedrock::Bedrock;
use crate::error::EncodeErrorCode;
use crate::media::{Media, MediaStore};

const PNG: &str = "iVBORw0KGgo=";

fn named(encoded: &crate::adapter::Encoded, field: &str) -> bool {
    let mut notes = encoded.dropped.iter().chain(&encoded.changed);
    notes.any(|note| note == field || note.starts_with(&format!("{field}=")))
}

#[test]
fn section_4_parameters_under_their_names() {
    let (body, encoded) = encode(json!({
        "max_tokens": 100, "temperature": 1.5, "top_p": 0.5, "stop": ["END"],
        "metadata": {"team": "a", "note": "ü"}, "service_tier": "flex",
        "seed": 1, "user": "u", "logprobs": true, "parallel_tool_calls": false,
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }));
    assert_eq!(
        body["inferenceConfig"],
        json!({"maxTokens": 100, "temperature": 1, "topP": 0.5, "stopSequences": ["END"]})
    );
    assert_eq!(body["requestMetadata"], json!({"team": "a"}));
    assert_eq!(body["serviceTier"], json!({"type": "flex"}));
    for field in [
        "temperature",
        "metadata",
        "seed",
        "user",
        "logprobs",
        "parallel_tool_calls",
    ] {
        assert!(named(&encoded, field), "{field}: {encoded:?}");
    }
    assert_eq!(encoded.path, "/model/us.anthropic.claude-test/converse");
    let (body, streamed) = encode(json!({"stream": true, "n": 1}));
    assert_eq!(
        body,
        json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]})
    );
    assert_eq!(
        streamed.path,
        "/model/us.anthropic.claude-test/converse-stream"
    );
    assert_eq!(streamed.headers[0].1, "application/vnd.amazon.eventstream");
    let several = try_encode(json!({"n": 2}), &target(CLAUDE)).unwrap_err();
    assert_eq!(several.param.as_deref(), Some("n"));
}

#[test]
fn section_4_note_5_top_k_stands_among_the_vendors_own_fields() {
    let of = |model: &str| {
        let (body, encoded) = encode_for(json!({"top_k": 7}), &target(model));
        (body["additionalModelRequestFields"].clone(), encoded)
    };
    assert_eq!(of(CLAUDE).0, json!({"top_k": 7}));
    assert_eq!(of(NOVA).0, json!({"inferenceConfig": {"topK": 7}}));
    assert_eq!(of("us.mistral.large").0, json!({"top_k": 7}));
    assert_eq!(of("cohere.command-r-v1:0").0, json!({"k": 7}));
    let (fields, encoded) = of("us.meta.llama4-x");
    assert!(fields.is_null() && named(&encoded, "top_k"));
}

#[test]
fn section_4_note_2_sampling_that_a_model_refuses_is_left_out_and_named() {
    let mut newer = target(CLAUDE);
    newer.capabilities.sampling = Sampling::Never;
    let (body, encoded) = encode_for(json!({"temperature": 0.2, "top_k": 3}), &newer);
    assert_eq!(body.get("inferenceConfig"), None);
    assert!(named(&encoded, "temperature") && named(&encoded, "top_k"));
    newer.policy.strict_params = true;
    let error = try_encode(json!({"temperature": 0.2}), &newer).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnsupportedParameter);
}

#[test]
fn section_5_turns_alternate_start_with_the_user_and_hold_no_blank_text() {
    assert_eq!(
        messages(json!([
            {"role": "system", "content": "A"},
            {"role": "assistant", "content": "Hello."},
            {"role": "user", "content": "one"},
            {"role": "user", "content": [{"type": "text", "text": " "}, {"type": "text", "text": "two"}]},
            {"role": "system", "content": "Be brief."},
        ])),
        json!([
            {"role": "user", "content": [{"text": "(The assistant speaks first.)"}]},
            {"role": "assistant", "content": [{"text": "Hello."}]},
            {"role": "user", "content": [
                {"text": "one"}, {"text": "two"}, {"text": "<system>\nBe brief.\n</system>"}]},
        ])
    );
    let (body, _) = encode(json!({"messages": [
        {"role": "system", "content": "A"}, {"role": "developer", "content": "B"},
        {"role": "user", "content": "Hi"}]}));
    assert_eq!(body["system"], json!([{"text": "A"}, {"text": "B"}]));
    let (body, encoded) = encode(json!({"messages": [{"role": "system", "content": "Sing."}]}));
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [{"text": "Sing."}]}])
    );
    assert!(body.get("system").is_none() && named(&encoded, "messages[].role"));
    let empty = json!({"messages": [{"role": "user", "content": " "}]});
    assert!(try_encode(empty, &target(CLAUDE)).is_err());
}

#[test]
fn section_5_prefill_by_capability() {
    let list = json!({"messages": [
        {"role": "user", "content": "Say"}, {"role": "assistant", "content": "I say "}]});
    let (body, _) = encode(list.clone());
    assert_eq!(body["messages"][1]["content"], json!([{"text": "I say"}]));
    let mut newer = target(CLAUDE);
    newer.capabilities.prefill = false;
    assert!(try_encode(list.clone(), &newer).is_err());
    newer.policy.rewrite_prefill = true;
    let (body, _) = encode_for(list, &newer);
    assert_eq!(body["messages"][2]["role"], "user");
}

#[test]
fn section_5_case_8_orphans_are_refused_or_repaired() {
    let list = json!({"messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": null, "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "user", "content": "b"}]});
    let error = try_encode(list.clone(), &target(CLAUDE)).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
    let mut lenient = target(CLAUDE);
    lenient.policy.repair_orphans = true;
    let (body, _) = encode_for(list, &lenient);
    assert_eq!(
        body["messages"][2]["content"][0]["toolResult"]["status"],
        "error"
    );
}

#[test]
fn section_6_media_go_as_bytes() {
    let url = "https://example.com/a.png";
    let body = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
        {"type": "image_url", "image_url": {"url": "s3://bucket/b.webp"}},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,iVBORw0KGgo="}},
        {"type": "file", "file": {"filename": "Q3_plan.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQ="}},
        {"type": "file", "file": {"filename": "Q3_plan.md", "file_data": "data:text/plain;base64,aGk="}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAA"}},
    ]}]});
    let hub = request(body);
    let target = target(NOVA);
    assert_eq!(Bedrock.media_to_fetch(&hub, &target), [url]);
    let mut media = MediaStore::default();
    media.insert(
        url.into(),
        Media {
            media_type: "image/png".into(),
            data: PNG.into(),
        },
    );
    let encoded = Bedrock.encode_chat(&hub, &target, &media).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    let png = json!({"image": {"format": "png", "source": {"bytes": PNG}}});
    let content = &body["messages"][0]["content"];
    assert_eq!(content[0], png);
    assert_eq!(
        content[1],
        json!({"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://bucket/b.webp"}}}})
    );
    assert_eq!(content[2], png, "case 16: the bytes say what it is");
    assert_eq!(content[3]["document"]["name"], "Q3-plan");
    assert_eq!(content[3]["document"]["format"], "pdf");
    assert_eq!(content[4]["document"]["name"], "Q3-plan (2)");
    assert_eq!(content[4]["document"]["format"], "md");
    assert_eq!(content[5]["audio"]["format"], "mp3");
    assert_eq!(content[6]["video"]["format"], "mp4");
    assert!(
        content[7]["text"].is_string(),
        "documents want a text beside them"
    );
    assert!(named(&encoded, "messages[].content[].image_url.detail"));
    let not_fetched = Bedrock.encode_chat(&hub, &target, &MediaStore::default());
    assert_eq!(not_fetched.unwrap_err().code, EncodeErrorCode::InvalidValue);
}

#[test]
fn section_6_what_a_model_can_not_see_is_refused() {
    let mut blind = target(CLAUDE);
    blind.capabilities.image_input = false;
    for url in [
        "data:image/png;base64,iVBORw0KGgo=",
        "data:image/svg+xml;base64,PHN2Zz4=",
    ] {
        let part = json!({"type": "image_url", "image_url": {"url": url}});
        let body = json!({"messages": [{"role": "user", "content": [part]}]});
        assert_eq!(
            try_encode(body.clone(), &blind).unwrap_err().code,
            EncodeErrorCode::UnsupportedContent
        );
        assert_eq!(
            try_encode(body, &target(CLAUDE)).is_ok(),
            url.contains("png")
        );
    }
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "d",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}})
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[test]
fn section_7_definitions_choices_and_names() {
    let (body, encoded) = encode(json!({
        "tools": [tool("fs.read"), {"type": "function", "function": {"name": "plain", "description": ""}},
            {"type": "custom", "custom": {"name": "sql"}}],
        "tool_choice": {"type": "function", "function": {"name": "fs.read"}},
    }));
    let tools = body["toolConfig"]["tools"].as_array().unwrap();
    let name = tools[0]["toolSpec"]["name"].as_str().unwrap();
    assert_ne!(name, "fs.read");
    assert_eq!(encoded.context.names.to_caller(name), "fs.read");
    assert_eq!(
        body["toolConfig"]["toolChoice"],
        json!({"tool": {"name": name}})
    );
    assert_eq!(
        tools[1]["toolSpec"],
        json!({"name": "plain", "inputSchema": {"json": {"type": "object", "properties": {}}}})
    );
    assert_eq!(encoded.context.custom_tools, ["sql"]);
    let choice = |choice: Value| {
        encode(json!({"tools": [tool("a"), tool("b")], "tool_choice": choice})).0["toolConfig"]
            .clone()
    };
    assert_eq!(choice(json!("required"))["toolChoice"], json!({"any": {}}));
    assert_eq!(choice(json!("auto")).get("toolChoice"), None);
    assert!(choice(json!("none")).is_null());
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [
        {"type": "function", "function": {"name": "b"}}]}});
    let allowed = choice(allowed);
    assert_eq!(allowed["tools"].as_array().unwrap().len(), 1);
    assert_eq!(allowed["toolChoice"], json!({"any": {}}));
    // Mistral can only be made to call any of its tools: then there is only the one.
    let mut mistral = target("us.mistral.large");
    mistral.capabilities.named_tool_choice = false;
    let named = json!({"tools": [tool("a"), tool("b")],
        "tool_choice": {"type": "function", "function": {"name": "b"}}});
    let config = encode_for(named.clone(), &mistral).0["toolConfig"].clone();
    assert_eq!(config["tools"].as_array().unwrap().len(), 1);
    assert_eq!(config["toolChoice"], json!({"any": {}}));
    let mut llama = target("us.meta.llama4-x");
    llama.capabilities.forced_tool_choice = ForcedToolChoice::Never;
    assert!(try_encode(named, &llama).is_err());
}

#[test]
fn section_7_calls_results_and_their_ids() {
    let odd = "call/1".to_owned() + &"x".repeat(70);
    let list = messages_with_tools(json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "I look.", "tool_calls": [
            call(&odd, "f", ""), call("b:2.x", "f", "not json")]},
        {"role": "tool", "tool_call_id": "b:2.x", "content": ""},
        {"role": "tool", "tool_call_id": odd, "content": [
            {"type": "text", "text": "seen"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]},
        {"role": "user", "content": "So?"},
    ]));
    let calls = &list[1]["content"];
    assert_eq!(calls[0], json!({"text": "I look."}));
    let id = calls[1]["toolUse"]["toolUseId"].as_str().unwrap();
    assert!(id.len() <= 64 && !id.contains('/'), "{id}");
    assert_eq!(calls[1]["toolUse"]["input"], json!({}));
    assert_eq!(calls[2]["toolUse"]["toolUseId"], "b:2.x");
    assert_eq!(calls[2]["toolUse"]["input"], json!({"_raw": "not json"}));
    // In the order of the calls, before the user's words; nothing is sent as blank.
    let answers = &list[2]["content"];
    assert_eq!(answers[0]["toolResult"]["toolUseId"], id);
    assert_eq!(
        answers[0]["toolResult"]["content"][1]["image"]["format"],
        "png"
    );
    assert_eq!(answers[1]["toolResult"]["content"], json!([{"text": " "}]));
    assert_eq!(answers[2], json!({"text": "So?"}));
}

fn messages_with_tools(list: Value) -> Value {
    encode(json!({"messages": list, "tools": [tool("f")]})).0["messages"].clone()
}

#[test]
fn section_7_case_9_failed_results_say_so() {
    let body = json!({"tools": [tool("f")], "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [call("c", "f", "{}")]},
        {"role": "tool", "tool_call_id": "c", "content": "", "is_error": true}]});
    let result = |model: &str| {
        encode_for(body.clone(), &target(model)).0["messages"][2]["content"][0]["toolResult"]
            .clone()
    };
    assert_eq!(result(CLAUDE)["status"], "error");
    assert!(
        !result(CLAUDE)["content"][0]["text"]
            .as_str()
            .unwrap()
            .trim()
            .is_empty()
    );
    assert_eq!(result("us.meta.llama4-x").get("status"), None);
}

#[test]
fn section_6_pictures_of_results_go_beside_where_results_hold_text_only() {
    let mut nova = target(NOVA);
    nova.capabilities.tool_result_media = false;
    let body = json!({"tools": [tool("f")], "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [call("c", "f", "{}")]},
        {"role": "tool", "tool_call_id": "c", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}]}]});
    let content = encode_for(body, &nova).0["messages"][2]["content"].clone();
    assert_eq!(content[0]["toolResult"]["content"], json!([{"text": " "}]));
    assert_eq!(content[1]["image"]["format"], "png");
}

#[test]
fn section_7_a_history_with_calls_always_has_a_tool_config() {
    let history = json!([
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [call("c", "f", "{}")]},
        {"role": "tool", "tool_call_id": "c", "content": "b"}]);
    let (body, encoded) = encode(json!({ "messages": history }));
    assert_eq!(body["toolConfig"]["tools"].as_array().unwrap().len(), 1);
    assert!(named(&encoded, "tools"));
    // `none`: the real tools are withheld, which the model then can't call.
    let (body, _) =
        encode(json!({"messages": history, "tools": [tool("f")], "tool_choice": "none"}));
    assert_ne!(body["toolConfig"]["tools"][0]["toolSpec"]["name"], "f");
}

#[test]
fn section_8_2_schemas_native_or_by_a_tool() {
    let format = json!({"type": "json_schema", "json_schema": {"name": "city", "strict": true,
        "description": "A city.", "schema": {"type": "object", "properties": {"n": {"type": "string"}}}}});
    let (body, _) = encode(json!({ "response_format": format }));
    let schema = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"];
    assert_eq!(schema["name"], "city");
    assert_eq!(schema["description"], "A city.");
    let text = schema["schema"].as_str().unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(text).unwrap()["additionalProperties"],
        false
    );
    let mut older = target(CLAUDE);
    older.capabilities.json_schema = JsonSchemaSupport::No;
    let (body, encoded) = encode_for(json!({ "response_format": format }), &older);
    assert_eq!(body["toolConfig"]["toolChoice"], json!({"any": {}}));
    assert_eq!(encoded.context.schema_tool.as_deref(), Some("city"));
    assert!(encoded.context.schema_to_validate.is_some());
    let (body, _) = encode(json!({"response_format": {"type": "json_object"}}));
    assert!(body["system"][0]["text"].as_str().unwrap().contains("JSON"));
}

#[test]
fn section_9_effort_as_each_vendor_takes_it() {
    let with = |model: &str, reasoning: Reasoning, effort: &str| {
        let mut target = target(model);
        target.capabilities.reasoning = reasoning;
        target.capabilities.max_output = Some(30_000);
        encode_for(
            json!({"reasoning_effort": effort, "temperature": 0.5, "max_tokens": 9000}),
            &target,
        )
    };
    let budget = || Reasoning::Budget {
        min: 1024,
        max: 30_000,
        can_disable: true,
    };
    let (body, encoded) = with(CLAUDE, budget(), "medium");
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"thinking": {"type": "enabled", "budget_tokens": 8192}})
    );
    assert_eq!(body["inferenceConfig"], json!({"maxTokens": 9000}));
    assert!(named(&encoded, "temperature"));
    let adaptive = Reasoning::Adaptive {
        levels: vec![Effort::Low, Effort::High],
        can_disable: true,
        budget_accepted: false,
    };
    let (body, _) = with(CLAUDE, adaptive, "high");
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}})
    );
    let (body, _) = with(NOVA, Reasoning::Unknown, "low");
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}})
    );
    let (body, encoded) = with(NOVA, Reasoning::Unknown, "max");
    assert_eq!(
        body["additionalModelRequestFields"]["reasoningConfig"]["maxReasoningEffort"],
        "high"
    );
    assert_eq!(body.get("inferenceConfig"), None);
    assert!(named(&encoded, "max_completion_tokens") && named(&encoded, "reasoning_effort"));
    let (body, _) = with(NOVA, Reasoning::Unknown, "none");
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"reasoningConfig": {"type": "disabled"}})
    );
    let (body, _) = with("openai.gpt-oss-120b-1:0", Reasoning::Unknown, "xhigh");
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"reasoning_effort": "high"})
    );
    let (body, _) = with("qwen.qwen3-32b-v1:0", Reasoning::Unknown, "high");
    assert_eq!(
        body["additionalModelRequestFields"],
        json!({"reasoning_config": "high"})
    );
    let (body, encoded) = with("us.meta.llama4-x", Reasoning::None, "high");
    assert!(
        body.get("additionalModelRequestFields").is_none() && named(&encoded, "reasoning_effort")
    );
}

#[test]
fn section_10_marks_stand_behind_what_they_mark() {
    let mark = json!({"type": "ephemeral", "ttl": "1h"});
    let (body, _) = encode(json!({
    "tools": [{"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "system", "content": [{"type": "text", "text": "Rules.", "cache_control": mark}]},
        {"role": "user", "content": [
            {"type": "text", "text": "Long.", "cache_control": mark}, {"type": "text", "text": "Short."}]},
    ]}));
    let plain = json!({"cachePoint": {"type": "default"}});
    let hour = json!({"cachePoint": {"type": "default", "ttl": "1h"}});
    assert_eq!(body["toolConfig"]["tools"][1], plain);
    assert_eq!(body["system"][1], hour);
    assert_eq!(
        body["messages"][0]["content"],
        json!([{"text": "Long."}, hour, {"text": "Short."}])
    );
    let mut without = target("us.meta.llama4-x");
    without.capabilities.cache_control = false;
    let marked = json!({"messages": [{"role": "user", "content": [
        {"type": "text", "text": "Long.", "cache_control": mark}]}]});
    let (body, encoded) = encode_for(marked, &without);
    assert_eq!(body["messages"][0]["content"], json!([{"text": "Long."}]));
    assert!(named(&encoded, "messages[].content[].cache_control"));
}

#[test]
fn own_options_are_merged_and_never_change_the_model() {
    let (body, encoded) = encode(json!({"provider_options": {"bedrock": {
        "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"},
        "additionalModelRequestFields": {"anthropic_beta": ["x"]},
        "modelId": "other"}}}));
    assert_eq!(body["guardrailConfig"]["guardrailIdentifier"], "g");
    assert_eq!(
        body["additionalModelRequestFields"]["anthropic_beta"],
        json!(["x"])
    );
    assert_eq!(body.get("modelId"), None);
    assert!(named(&encoded, "provider_options.bedrock.modelId"));
}

#[test]
fn section_10_search_is_novas_own_or_refused() {
    let (body, _) = encode_for(json!({"web_search_options": {}}), &target(NOVA));
    assert_eq!(
        body["toolConfig"]["tools"],
        json!([{"systemTool": {"name": "nova_grounding"}}])
    );
    assert!(try_encode(json!({"web_search_options": {}}), &target(CLAUDE)).is_err());
}
