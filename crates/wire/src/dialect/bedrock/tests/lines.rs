//! Lines of the protocol's tables that no other test speaks of, section by section.

use serde_json::{Value, json};

use super::{
    CLAUDE, NOVA, context, decode, delta, encode, encode_for, ending, event, messages, request,
    start, stop, stream, target, try_encode,
};
use crate::adapter::{Adapter as _, DecodeContext, Encoded};
use crate::capability::{ForcedToolChoice, JsonSchemaSupport, Reasoning};
use crate::chat::{ChatEvent, Effort, FinishReason, Fold};
use crate::dialect::bedrock::Bedrock;
use crate::error::EncodeErrorCode;
use crate::media::MediaStore;
use crate::names::{NameMap, NameRule};

fn named(encoded: &Encoded, field: &str) -> bool {
    let mut notes = encoded.dropped.iter().chain(&encoded.changed);
    notes.any(|note| note == field || note.starts_with(&format!("{field}=")))
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}})
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn thinking_in_tokens(max: u64) -> crate::adapter::Target {
    let mut target = target(CLAUDE);
    target.capabilities.reasoning = Reasoning::Budget {
        min: 1024,
        max,
        can_disable: true,
    };
    target.capabilities.max_output = Some(max);
    target
}

/// Each cell "D" of the column Bd, and those that say nothing.
#[test]
fn section_4_column_bd_what_the_api_lacks_is_named() {
    let lacking = json!({
        "seed": 1, "frequency_penalty": 0.5, "presence_penalty": 0.5, "logit_bias": {"1": 1},
        "logprobs": true, "top_logprobs": 2, "user": "u", "safety_identifier": "s",
        "prediction": {"type": "content", "content": "x"}, "verbosity": "low",
        "prompt_cache_key": "k", "store": true, "moderation": {"model": "m"},
        "stream_options": {"include_obfuscation": true}, "frobnicate": 1, "stream": true,
    });
    let (body, encoded) = encode(lacking.clone());
    assert_eq!(
        body,
        json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]})
    );
    for field in lacking.as_object().unwrap().keys() {
        let field = match field.as_str() {
            "stream" => continue,
            "stream_options" => "stream_options.include_obfuscation",
            field => field,
        };
        assert!(named(&encoded, field), "{field}: {:?}", encoded.dropped);
    }
    let mut strict = target(CLAUDE);
    strict.policy.strict_params = true;
    for (field, value) in lacking.as_object().unwrap() {
        let refused = try_encode(json!({ field.as_str(): value }), &strict).is_err();
        assert_eq!(refused, field != "stream", "{field}");
    }
    let nothing = json!({"n": 1, "frequency_penalty": 0, "logit_bias": {}, "logprobs": false,
        "store": false, "stream": true, "stream_options": {"include_usage": true}});
    let (_, encoded) = encode(nothing);
    assert!(encoded.dropped.is_empty(), "{:?}", encoded.dropped);
}

#[test]
fn section_4_note_16_service_tiers() {
    for (tier, wire) in [
        ("priority", json!({"type": "priority"})),
        ("default", json!({"type": "default"})),
        ("flex", json!({"type": "flex"})),
        ("reserved", json!({"type": "reserved"})),
        ("fast", json!({"type": "priority"})),
        ("auto", Value::Null),
        ("scale", Value::Null),
    ] {
        let (body, encoded) = encode(json!({"service_tier": tier}));
        assert_eq!(body["serviceTier"], wire, "{tier}");
        let is_changed = tier == "fast" || tier == "scale";
        assert_eq!(named(&encoded, "service_tier"), is_changed, "{tier}");
    }
}

#[test]
fn section_5_system_in_place_where_a_model_takes_it() {
    let mut newer = target(CLAUDE);
    newer.capabilities.mid_conversation_system = true;
    let list = json!({"messages": [
        {"role": "system", "content": "A"}, {"role": "user", "content": "one"},
        {"role": "developer", "content": "Be brief."}, {"role": "assistant", "content": "ok"},
        {"role": "assistant", "content": "then"}, {"role": "user", "content": "two", "name": "kim"}]});
    let (body, encoded) = encode_for(list, &newer);
    assert_eq!(
        body["messages"],
        json!([
            {"role": "user", "content": [{"text": "one"}]},
            {"role": "system", "content": [{"text": "Be brief."}]},
            {"role": "assistant", "content": [{"text": "ok"}, {"text": "then"}]},
            {"role": "user", "content": [{"text": "two"}]},
        ])
    );
    assert_eq!(encoded.dropped, ["messages[].name"]);
}

#[test]
fn section_5_case_1_no_content_beside_calls_is_no_block() {
    for content in [json!(null), json!(""), json!([]), json!(" \n")] {
        let body = json!({"tools": [tool("f")], "messages": [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": content, "tool_calls": [call("c", "f", "{}")]},
            {"role": "tool", "tool_call_id": "c", "content": "r"}]});
        let (body, _) = encode(body);
        let blocks = body["messages"][1]["content"].as_array().unwrap();
        assert_eq!(blocks.len(), 1, "{content}");
        assert!(blocks[0].get("toolUse").is_some());
    }
    let missing = json!({"tools": [tool("f")], "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [call("c", "f", "{}")]},
        {"role": "tool", "tool_call_id": "c", "content": "r"}]});
    assert_eq!(encode(missing).0["messages"].as_array().unwrap().len(), 3);
}

#[test]
fn section_5_case_8_a_result_without_its_call_is_refused_by_its_id() {
    let body = json!({"tools": [tool("f")], "messages": [
        {"role": "user", "content": "a"}, {"role": "tool", "tool_call_id": "lost", "content": "r"}]});
    let error = try_encode(body.clone(), &target(CLAUDE)).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
    assert!(error.message.contains("`lost`"), "{}", error.message);
    let mut lenient = target(CLAUDE);
    lenient.policy.repair_orphans = true;
    let (body, encoded) = encode_for(body, &lenient);
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [{"text": "a"}]}])
    );
    assert_eq!(encoded.dropped, ["messages[].tool_call_id"]);
}

/// The formats of the row "image data URI"; a wrong type is corrected by the bytes.
#[test]
fn section_6_pictures_of_every_format() {
    for (said, bytes, format) in [
        ("image/png", "iVBORw0KGgo=", "png"),
        ("image/png", "/9j/4AAQSkY=", "jpeg"),
        ("image/gif", "R0lGODlhAQA=", "gif"),
        ("image/jpeg", "UklGRhoAAABXRUJQVlA4", "webp"),
    ] {
        let url = format!("data:{said};base64,{bytes}");
        let list = json!([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": url}}]}]);
        let block = &messages(list)[0]["content"][0];
        let wanted = json!({"image": {"format": format, "source": {"bytes": bytes}}});
        assert_eq!(*block, wanted, "{said}");
    }
}

/// Nova answers `extraneous key [toolResult]` to a document in a result.
#[test]
fn section_6_documents_of_results_go_beside_where_results_hold_text_only() {
    let pdf = "data:application/pdf;base64,JVBERi0xLjQ=";
    let body = json!({"tools": [tool("f")], "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [call("c", "f", "{}"), call("d", "f", "{}")]},
        {"role": "tool", "tool_call_id": "c", "content": [
            {"type": "text", "text": "see"},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": pdf}}]},
        {"role": "tool", "tool_call_id": "d", "content": "two"}]});
    let mut nova = target(NOVA);
    nova.capabilities.tool_result_media = false;
    let content = encode_for(body.clone(), &nova).0["messages"][2]["content"].clone();
    assert_eq!(
        content[0]["toolResult"]["content"],
        json!([{"text": "see"}])
    );
    assert_eq!(
        content[1]["toolResult"]["content"],
        json!([{"text": "two"}])
    );
    assert_eq!(content[2]["document"]["format"], "pdf");
    let inside = encode(body).0["messages"][2]["content"][0]["toolResult"]["content"].clone();
    assert_eq!(inside[1]["document"]["name"], "a");
}

#[test]
fn section_7_strict_system_tools_and_long_names() {
    let strict = json!({"type": "function", "function": {"name": "f", "strict": true, "parameters": {
        "type": "object", "properties": {"a": {"type": "string"}}}}});
    let (body, encoded) = encode(json!({"tools": [strict,
        {"type": "systemTool", "systemTool": {"name": "nova_code_interpreter"}}]}));
    let tools = &body["toolConfig"]["tools"];
    assert_eq!(tools[0]["toolSpec"]["strict"], true);
    let schema = &tools[0]["toolSpec"]["inputSchema"]["json"];
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        tools[1],
        json!({"systemTool": {"name": "nova_code_interpreter"}})
    );
    assert!(encoded.dropped.is_empty());
    let mut older = target(CLAUDE);
    older.capabilities.json_schema = JsonSchemaSupport::No;
    let (body, encoded) = encode_for(json!({ "tools": [strict] }), &older);
    assert_eq!(
        body["toolConfig"]["tools"][0]["toolSpec"].get("strict"),
        None
    );
    assert_eq!(encoded.dropped, ["tools[].function.strict"]);
    let error = try_encode(json!({"tools": [{"type": "web_search"}]}), &older).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tools[0]"));
    // Case 7: 70 characters, dots and slashes; in history and choice as in the definition.
    let long = format!("a/b.{}", "x".repeat(66));
    let (body, _) = encode(json!({"tools": [tool(&long)],
        "tool_choice": {"type": "function", "function": {"name": long}},
        "messages": [{"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [call("c", &long, "{}")]},
            {"role": "tool", "tool_call_id": "c", "content": "r"}]}));
    let name = body["toolConfig"]["tools"][0]["toolSpec"]["name"]
        .as_str()
        .unwrap();
    assert!(name.len() <= 64 && !name.contains(['/', '.']), "{name}");
    assert_eq!(body["toolConfig"]["toolChoice"]["tool"]["name"], name);
    assert_eq!(body["messages"][1]["content"][0]["toolUse"]["name"], name);
}

#[test]
fn section_7_a_choice_without_tools_says_nothing() {
    let (body, encoded) = encode(json!({"tools": [], "tool_choice": "required"}));
    assert_eq!(body.get("toolConfig"), None);
    assert_eq!(encoded.dropped, ["tool_choice"]);
    let (body, encoded) = encode(json!({"tools": [], "tool_choice": "auto"}));
    assert_eq!(body.get("toolConfig"), None);
    assert!(encoded.dropped.is_empty());
    let lost = json!({"tools": [tool("a")],
        "tool_choice": {"type": "function", "function": {"name": "b"}}});
    assert_eq!(
        try_encode(lost, &target(CLAUDE))
            .unwrap_err()
            .param
            .as_deref(),
        Some("tool_choice")
    );
}

/// Claude with a budget refuses it, and the newest Claude always.
#[test]
fn section_7_case_45_forced_choices_where_they_are_refused() {
    let forced = json!({"tools": [tool("f")], "tool_choice": "required",
        "reasoning_effort": "medium", "max_tokens": 9000});
    let mut budget = thinking_in_tokens(30_000);
    budget.capabilities.forced_tool_choice = ForcedToolChoice::UnlessThinking;
    let mut newest = target(CLAUDE);
    newest.capabilities.forced_tool_choice = ForcedToolChoice::Never;
    for mut target in [budget, newest] {
        let error = try_encode(forced.clone(), &target).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("tool_choice"));
        target.policy.downgrade_forced_tool_choice = true;
        let (body, encoded) = encode_for(forced.clone(), &target);
        assert_eq!(body["toolConfig"].get("toolChoice"), None);
        let said = body["system"].as_array().unwrap().last().unwrap()["text"].clone();
        assert!(said.as_str().unwrap().contains("calling"), "{said}");
        assert!(named(&encoded, "tool_choice"));
    }
}

#[test]
fn section_7_case_5_repeated_ids_are_told_apart_by_occurrence() {
    let list = json!({"tools": [tool("f")], "messages": [
        {"role": "user", "content": "a"},
        {"role": "assistant", "tool_calls": [call("call_0", "f", "{\"n\":1}")]},
        {"role": "tool", "tool_call_id": "call_0", "content": "one"},
        {"role": "assistant", "tool_calls": [call("call_0", "f", "{\"n\":2}")]},
        {"role": "tool", "tool_call_id": "call_0", "content": "two"}]});
    let turns = encode(list).0["messages"].clone();
    let id = |turn: usize, kind: &str| turns[turn]["content"][0][kind]["toolUseId"].clone();
    assert_eq!(id(1, "toolUse"), id(2, "toolResult"));
    assert_eq!(id(3, "toolUse"), id(4, "toolResult"));
    assert_ne!(id(1, "toolUse"), id(3, "toolUse"));
    assert_eq!(
        turns[4]["content"][0]["toolResult"]["content"][0]["text"],
        "two"
    );
}

/// The answer of a whole body in that context.
fn whole(context: &DecodeContext, content: Value, reason: &str) -> crate::chat::ChatResponse {
    let answer = json!({"output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reason});
    let answer = Bedrock.decode_chat(answer.to_string().as_bytes(), context);
    answer.unwrap()
}

/// The answer of a stream in that context.
fn streamed(context: &DecodeContext, frames: &[Vec<u8>]) -> crate::chat::ChatResponse {
    let mut decoder = Bedrock.chat_decoder(context);
    let mut events: Vec<ChatEvent> = Vec::new();
    decoder.push(&frames.concat(), &mut events);
    decoder.finish(&mut events);
    let mut fold = Fold::new();
    events.into_iter().for_each(|event| fold.push(event));
    fold.finish().unwrap()
}

#[test]
fn section_7_names_and_custom_tools_are_as_the_caller_knows_them() {
    let names = NameMap::new(["fs.read"], &NameRule::STRICT);
    let wire = names.to_wire("fs.read").to_owned();
    let context = DecodeContext {
        names,
        custom_tools: vec!["sql".into()],
        ..context()
    };
    let whole = whole(
        &context,
        json!([{"toolUse": {"toolUseId": "a", "name": wire, "input": {}}},
            {"toolUse": {"toolUseId": "b", "name": "sql", "input": {"input": "select 1"}}}]),
        "tool_use",
    );
    let live = streamed(
        &context,
        &[
            start(0, json!({"toolUse": {"toolUseId": "a", "name": wire}})),
            stop(0),
            start(1, json!({"toolUse": {"toolUseId": "b", "name": "sql"}})),
            delta(1, json!({"toolUse": {"input": "{\"input\":\"sel"}})),
            delta(1, json!({"toolUse": {"input": "ect 1\"}"}})),
            stop(1),
            ending("tool_use"),
        ],
    );
    for answer in [&whole, &live] {
        let calls = answer.choices[0].message.tool_calls.iter();
        let calls: Vec<_> = calls
            .map(|call| (call.name.as_str(), call.arguments.as_str(), call.custom))
            .collect();
        assert_eq!(calls, [("fs.read", "{}", false), ("sql", "select 1", true)]);
    }
}

#[test]
fn section_7_case_56_a_call_without_an_id_gets_one() {
    let calls = json!([{"toolUse": {"toolUseId": "", "name": "f", "input": {}}},
        {"toolUse": {"name": "f", "input": {}}}]);
    let answer = decode(calls, "tool_use").unwrap();
    let calls = &answer.choices[0].message.tool_calls;
    assert!(calls.iter().all(|call| !call.id.is_empty()), "{calls:?}");
    assert_ne!(calls[0].id, calls[1].id);
}

/// The tool that stands for a schema is the content, whole and in pieces; the caller sees no call.
#[test]
fn section_8_2_the_emulating_tool_is_hidden() {
    let context = DecodeContext {
        schema_tool: Some("city".into()),
        ..context()
    };
    let whole = whole(
        &context,
        json!([{"toolUse": {"toolUseId": "a", "name": "city", "input": {"n": "Oslo"}}}]),
        "tool_use",
    );
    let live = streamed(
        &context,
        &[
            start(0, json!({"toolUse": {"toolUseId": "a", "name": "city"}})),
            delta(0, json!({"toolUse": {"input": "{\"n\":"}})),
            delta(0, json!({"toolUse": {"input": "\"Oslo\"}"}})),
            stop(0),
            ending("tool_use"),
        ],
    );
    for answer in [&whole, &live] {
        let choice = &answer.choices[0];
        assert_eq!(choice.message.text, "{\"n\":\"Oslo\"}");
        assert!(choice.message.tool_calls.is_empty());
        assert_eq!(choice.finish_reason, Some(FinishReason::Stop));
    }
    // Beside tools of the caller's nothing is forced.
    let format = json!({"type": "json_schema", "json_schema": {"name": "city", "schema": {"type": "object"}}});
    let mut older = target(CLAUDE);
    older.capabilities.json_schema = JsonSchemaSupport::No;
    let (body, encoded) = encode_for(
        json!({"response_format": format, "tools": [tool("f")]}),
        &older,
    );
    assert_eq!(body["toolConfig"].get("toolChoice"), None);
    assert_eq!(encoded.context.schema_tool, None);
    assert!(encoded.context.schema_to_validate.is_some());
}

/// `$ref` and `const` go out as they are, a bound in words; nothing of a native schema is lost.
#[test]
fn section_8_1_a_native_schema_loses_nothing_in_silence() {
    let schema = json!({"type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"$ref": "#/$defs/a"}, "const": {"const": "x"}},
        "$defs": {"a": {"type": "string", "minLength": 2}}});
    let format = json!({"type": "json_schema",
        "json_schema": {"name": "n", "strict": true, "schema": schema}});
    let (body, _) = encode(json!({ "response_format": format }));
    let text = &body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"];
    let wire: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
    assert_eq!(wire["properties"]["a"]["$ref"], "#/$defs/a");
    assert_eq!(
        wire["properties"]["const"]["const"], "x",
        "a property of that name"
    );
    // What is not enforced is told to the model.
    let told = wire["$defs"]["a"]["description"].as_str().unwrap();
    assert!(told.contains("minLength: 2"), "{wire}");
}

#[test]
fn section_9_a_budget_stays_below_the_limit_and_out_of_loops_begun_without() {
    let target = thinking_in_tokens(30_000);
    let (body, encoded) = encode_for(
        json!({"reasoning_effort": "medium", "max_tokens": 500}),
        &target,
    );
    let thinking = &body["additionalModelRequestFields"]["thinking"];
    assert_eq!(thinking["budget_tokens"], 8192);
    assert_eq!(body["inferenceConfig"]["maxTokens"], 8692);
    assert!(named(&encoded, "max_completion_tokens"));
    let (body, encoded) = encode_for(
        json!({"reasoning_effort": "none", "max_tokens": 500}),
        &target,
    );
    assert_eq!(body.get("additionalModelRequestFields"), None);
    assert!(encoded.changed.is_empty(), "{:?}", encoded.changed);
    // Case 21: the turn of another vendor has no thought to begin with.
    let elsewhere = json!({"reasoning_effort": "medium", "max_tokens": 9000, "tools": [tool("f")],
        "messages": [{"role": "user", "content": "a"},
            {"role": "assistant", "tool_calls": [call("c", "f", "{}")]},
            {"role": "tool", "tool_call_id": "c", "content": "r"}]});
    let (body, encoded) = encode_for(elsewhere, &target);
    assert_eq!(body.get("additionalModelRequestFields"), None);
    assert_eq!(encoded.changed, ["reasoning_effort=none"]);
    let mut always = target.clone();
    always.capabilities.reasoning = Reasoning::Adaptive {
        levels: vec![Effort::Low, Effort::High],
        can_disable: false,
        budget_accepted: false,
    };
    let (body, encoded) = encode_for(json!({"reasoning_effort": "none"}), &always);
    assert_eq!(
        body["additionalModelRequestFields"]["output_config"]["effort"],
        "low"
    );
    assert!(named(&encoded, "reasoning_effort"));
}

#[test]
fn section_10_a_lifetime_that_is_none_is_named() {
    let marked = |ttl: &str| {
        json!({"messages": [{"role": "user", "content": [{"type": "text", "text": "Long.",
            "cache_control": {"type": "ephemeral", "ttl": ttl}}]}]})
    };
    let (body, encoded) = encode(marked("30m"));
    let plain = json!({"cachePoint": {"type": "default"}});
    assert_eq!(body["messages"][0]["content"][1], plain);
    assert_eq!(encoded.dropped, ["messages[].content[].cache_control.ttl"]);
    let (body, encoded) = encode(marked("5m"));
    assert_eq!(body["messages"][0]["content"][1]["cachePoint"]["ttl"], "5m");
    assert!(encoded.dropped.is_empty());
}

#[test]
fn section_11_1_calls_decide_and_what_ended_the_turn_is_kept() {
    let calls = json!([{"toolUse": {"toolUseId": "a", "name": "f", "input": {}}}]);
    for (reason, wanted) in [
        ("tool_use", FinishReason::ToolCalls),
        ("end_turn", FinishReason::ToolCalls),
        ("stop_sequence", FinishReason::ToolCalls),
        ("max_tokens", FinishReason::Length),
        ("guardrail_intervened", FinishReason::ContentFilter),
        ("malformed_tool_use", FinishReason::Error),
    ] {
        let answer = decode(calls.clone(), reason).unwrap();
        assert_eq!(answer.choices[0].finish_reason, Some(wanted), "{reason}");
    }
    // Case 55: a choice without `message`, or a message without `content`, is an empty one.
    for output in [json!({}), json!({"message": {"role": "assistant"}})] {
        let answer = json!({"output": output, "stopReason": "end_turn"});
        let answer = Bedrock
            .decode_chat(answer.to_string().as_bytes(), &context())
            .unwrap();
        assert_eq!(answer.choices.len(), 1);
        assert_eq!(answer.choices[0].message.text, "");
    }
}

/// A guardrail's own text stands in the answer's place, in streams too.
#[test]
fn section_15_case_39_guardrails_answer_in_the_models_place() {
    let whole = decode(
        json!([{"text": "I can't help with that."}]),
        "guardrail_intervened",
    )
    .unwrap();
    let live = stream(&[
        delta(0, json!({"text": "I can't help with that."})),
        stop(0),
        ending("guardrail_intervened"),
    ])
    .unwrap();
    for answer in [&whole, &live] {
        let choice = &answer.choices[0];
        assert_eq!(choice.message.text, "I can't help with that.");
        assert_eq!(choice.finish_reason, Some(FinishReason::ContentFilter));
        assert_eq!(
            choice.native_finish_reason.as_deref(),
            Some("guardrail_intervened")
        );
    }
}

/// Text between calls, an empty `start`, and news: a fixture has each.
#[test]
fn section_12_2_odd_starts_and_unknown_events() {
    let answer = stream(&[
        event("messageStart", json!({"role": "assistant", "p": "abcdef"})),
        start(0, json!({})),
        delta(0, json!({"text": "a"})),
        stop(0),
        event("somethingNew", json!({"x": 1})),
        // Empty argument text, then none at all.
        start(1, json!({"toolUse": {"toolUseId": "t", "name": "f"}})),
        delta(1, json!({"toolUse": {"input": ""}})),
        stop(1),
        stop(9),
        ending("tool_use"),
    ])
    .unwrap();
    let message = &answer.choices[0].message;
    assert_eq!(message.text, "a");
    assert_eq!(message.tool_calls[0].arguments, "{}");
}

/// One delta a block, then the finish: what a whole answer is to the caller of a stream.
#[test]
fn section_12_3_a_whole_answer_is_said_as_events() {
    let body = json!({"output": {"message": {"role": "assistant", "content": [
            {"text": "a"}, {"toolUse": {"toolUseId": "t", "name": "f", "input": {"a": 1}}}]}},
        "stopReason": "tool_use", "usage": {"inputTokens": 1, "outputTokens": 2, "totalTokens": 3}});
    let answer = stream(&[body.to_string().into_bytes()]).unwrap();
    let whole = Bedrock
        .decode_chat(body.to_string().as_bytes(), &context())
        .unwrap();
    assert_eq!(answer, whole);
}

/// The model's longest answer where the caller names none, as far as it is known (§14).
#[test]
fn section_14_claude_without_a_limit_may_say_all_that_it_can() {
    let mut known = target(CLAUDE);
    known.capabilities.max_output = Some(64_000);
    assert_eq!(
        encode_for(json!({}), &known).0["inferenceConfig"]["maxTokens"],
        64_000
    );
    let (body, encoded) = encode_for(json!({"max_tokens": 90_000}), &known);
    assert_eq!(body["inferenceConfig"]["maxTokens"], 64_000);
    assert_eq!(encoded.changed, ["max_completion_tokens=64000"]);
    // Others have a default of their own.
    let mut nova = target(NOVA);
    nova.capabilities.max_output = Some(10_000);
    assert_eq!(encode_for(json!({}), &nova).0.get("inferenceConfig"), None);
}

#[test]
fn section_15_betas_stand_among_the_vendors_own_fields() {
    let (body, _) = encode(
        json!({"reasoning_effort": "low", "provider_options": {"bedrock": {
        "additionalModelRequestFields": {"anthropic_beta": ["context-1m-2025-08-07"]}}}}),
    );
    let fields = &body["additionalModelRequestFields"];
    assert_eq!(fields["anthropic_beta"], json!(["context-1m-2025-08-07"]));
    assert!(fields.get("thinking").is_some(), "both: {fields}");
}

#[test]
fn section_2_5_the_same_request_gives_the_same_bytes() {
    let body = json!({"metadata": {"b": "1", "a": "2"}, "tools": [tool("z"), tool("a")],
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]});
    let bytes = || {
        let target = target(CLAUDE);
        let encoded = Bedrock.encode_chat(&request(body.clone()), &target, &MediaStore::default());
        encoded.unwrap().body
    };
    assert_eq!(bytes(), bytes());
}
