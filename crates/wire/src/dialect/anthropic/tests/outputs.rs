//! `response_format`: native, emulated, refused; and thinking carried back.

use serde_json::{Value, json};

use super::*;
use crate::capability::{ForcedToolChoice, JsonSchemaSupport, Reasoning};
use crate::chat::{BlockSpan, FinishReason, Message, Part, ProviderBlock, Role, ToolCall};

fn schema() -> Value {
    json!({"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}, "required": ["a"]})
}

fn format(strict: bool) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "my answer", "schema": schema(), "strict": strict}})
}

fn without_schemas() -> Target {
    let mut target = target();
    target.capabilities.json_schema = JsonSchemaSupport::No;
    target
}

fn a_tool() -> Value {
    json!([{"type": "function", "function": {"name": "f"}}])
}

/// §8.2, row Anthropic; Claude on Vertex AI alike.
#[test]
fn case_19_a_schema_with_tools_and_streaming_is_native_where_it_can_be() {
    let (body, encoded) =
        encode(json!({"response_format": format(true), "tools": a_tool(), "stream": true}));
    assert_eq!(
        body["output_config"]["format"],
        json!({"type": "json_schema", "schema": {
            "type": "object",
            "properties": {"a": {"type": "string", "description": "(minLength: 2)"}},
            "required": ["a"], "additionalProperties": false,
        }})
    );
    assert_eq!(body["stream"], true);
    assert_eq!(encoded.context.schema_tool, None);
    // The API does not enforce the length: strict callers get the answer checked.
    assert_eq!(encoded.context.schema_to_validate, Some(schema()));
    let (_, encoded) = encode(json!({"response_format": format(false)}));
    assert_eq!(encoded.context.schema_to_validate, None);
}

/// §8.2, emulation; Claude on Vertex AI alike.
#[test]
fn a_schema_is_emulated_by_a_forced_tool_that_the_caller_never_sees() {
    let (body, encoded) = encode_for(json!({"response_format": format(true)}), &without_schemas());
    let name = body["tools"][0]["name"].as_str().unwrap();
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": name, "disable_parallel_tool_use": true})
    );
    assert_eq!(body["tools"][0]["input_schema"], schema());
    assert_eq!(encoded.context.schema_tool.as_deref(), Some(name));
    assert_eq!(encoded.context.schema_to_validate, Some(schema()));
    assert_eq!(encoded.changed, ["response_format=emulated"]);

    let answer = decode_with(
        json!({"content": [{"type": "tool_use", "id": "t", "name": name, "input": {"a": "xy"}}], "stop_reason": "tool_use"}),
        &encoded.context,
    );
    let choice = &answer.choices[0];
    assert_eq!(choice.message.text, "{\"a\":\"xy\"}");
    assert!(choice.message.tool_calls.is_empty() && choice.message.blocks.is_empty());
    assert_eq!(choice.finish_reason, Some(FinishReason::Stop));

    let body = sse(&[
        start(),
        block_start(
            0,
            json!({"type": "tool_use", "id": "t", "name": name, "input": {}}),
        ),
        delta(0, json!({"type": "input_json_delta", "partial_json": ""})),
        delta(
            0,
            json!({"type": "input_json_delta", "partial_json": "{\"a\":"}),
        ),
        delta(
            0,
            json!({"type": "input_json_delta", "partial_json": "\"xy\"}"}),
        ),
        block_stop(0),
        message_delta("tool_use"),
        message_stop(),
    ]);
    let streamed = fold(stream_in(body.as_bytes(), 9, &encoded.context)).unwrap();
    assert_eq!(streamed.choices[0].message, choice.message);
    assert_eq!(streamed.choices[0].finish_reason, choice.finish_reason);
}

/// §8.2, emulation ladder; Claude on Vertex AI alike.
#[test]
fn a_schema_is_an_instruction_where_a_tool_can_not_be_forced() {
    let mut never = without_schemas();
    never.capabilities.forced_tool_choice = ForcedToolChoice::Never;
    let array =
        json!({"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array"}}});
    for (body, target) in [
        (json!({"response_format": format(true)}), &never),
        (json!({"response_format": array}), &without_schemas()),
        (
            json!({"response_format": format(true), "tools": a_tool()}),
            &without_schemas(),
        ),
    ] {
        let (wire, encoded) = encode_for(body, target);
        assert!(encoded.context.schema_tool.is_none());
        assert!(encoded.context.schema_to_validate.is_some());
        assert!(wire["system"].as_str().unwrap().contains("JSON schema"));
    }
    let both =
        json!({"response_format": format(true), "tools": a_tool(), "tool_choice": "required"});
    let error = try_encode(both, &without_schemas()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("response_format"));
}

/// §8.2, json_object; Claude on Vertex AI alike.
#[test]
fn case_18_json_mode_is_asked_for_in_words() {
    let (body, _) = encode(json!({
        "response_format": {"type": "json_object"},
        "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "q"}],
    }));
    assert_eq!(body["system"][0]["text"], "S");
    assert!(
        body["system"][1]["text"]
            .as_str()
            .unwrap()
            .contains("JSON object")
    );
}

fn block(index: u32, span: BlockSpan, block: Value) -> ProviderBlock {
    ProviderBlock {
        index,
        issuer: "anthropic".into(),
        model: "claude-test".into(),
        span,
        block,
    }
}

fn thought(signature: &str) -> Value {
    json!({"type": "thinking", "thinking": "hm", "signature": signature})
}

/// A tool loop whose assistant turn carries these blocks.
fn tool_loop(blocks: Vec<ProviderBlock>) -> ChatRequest {
    let mut request = request(json!({"reasoning_effort": "low"}));
    let mut turn = Message::new(Role::Assistant);
    turn.parts.push(Part::Text {
        text: "Let me see.".into(),
        cache_control: None,
    });
    turn.tool_calls.push(ToolCall {
        id: "t1".into(),
        name: "f".into(),
        arguments: "{}".into(),
        custom: false,
    });
    turn.blocks = blocks;
    let mut result = Message::new(Role::Tool);
    result.tool_call_id = Some("t1".into());
    request.messages.extend([turn, result]);
    request
}

fn budget() -> Target {
    let mut target = target();
    target.capabilities.reasoning = Reasoning::Budget {
        min: 1_024,
        max: 32_000,
        can_disable: true,
    };
    target
}

fn turn_of(request: &ChatRequest, target: &Target) -> (Value, Encoded) {
    let encoded = Anthropic
        .encode_chat(request, target, &MediaStore::default())
        .unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

/// §9, replay; Claude on Vertex AI alike.
#[test]
fn case_21_23_thinking_is_replayed_first_and_only_to_its_issuer() {
    let mut foreign = block(1, BlockSpan::default(), json!({"thoughtSignature": "g"}));
    foreign.issuer = "gemini".into();
    let redacted = json!({"type": "redacted_thinking", "data": "enc"});
    let own = vec![
        block(0, BlockSpan::default(), thought("sig")),
        foreign,
        block(2, BlockSpan::default(), redacted.clone()),
    ];
    let (body, encoded) = turn_of(&tool_loop(own), &budget());
    assert_eq!(
        body["messages"][1]["content"],
        json!([
            thought("sig"), redacted, {"type": "text", "text": "Let me see."},
            {"type": "tool_use", "id": "t1", "name": "f", "input": {}},
        ])
    );
    assert_eq!(body["thinking"]["type"], "enabled");
    assert!(encoded.dropped.is_empty() && encoded.changed.is_empty());
}

/// §9, a loop of another vendor's; Claude on Vertex AI alike.
#[test]
fn case_21_a_loop_begun_elsewhere_runs_without_thinking() {
    // Unsigned thinking is none of the API's. An instruction behind the results changes nothing.
    for blocks in [vec![], vec![block(0, BlockSpan::default(), thought(""))]] {
        let mut request = tool_loop(blocks);
        let mut instruction = Message::new(Role::System);
        instruction.parts.push(Part::Text {
            text: "Be quick.".into(),
            cache_control: None,
        });
        request.messages.push(instruction);
        let (body, encoded) = turn_of(&request, &budget());
        assert!(body.get("thinking").is_none());
        assert_eq!(body["messages"][1]["content"][0]["type"], "text");
        assert_eq!(encoded.changed, ["reasoning_effort=none"]);
    }
}

/// §9: display omitted; Claude on Vertex AI alike.
#[test]
fn case_22_a_signature_without_text_is_kept() {
    let signed = json!({"type": "thinking", "thinking": "", "signature": "sig"});
    let answer = decode(json!({"content": [signed.clone(), {"type": "text", "text": "A"}]}));
    let message = &answer.choices[0].message;
    assert_eq!(message.reasoning, "");
    assert_eq!(message.blocks[0].block, signed);
    let (body, _) = turn_of(&tool_loop(message.blocks.clone()), &budget());
    assert_eq!(body["messages"][1]["content"][0], signed);
}

/// §7, server-run pairs; Claude on Vertex AI alike.
#[test]
fn case_52_server_tool_pairs_and_cited_text_go_back_where_they_stood() {
    let content = json!([
        {"type": "text", "text": "Ich süche. "},
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text", "text": "Cited.", "citations": [{"type": "web_search_result_location", "url": "https://e.com", "title": "E", "encrypted_index": "i", "cited_text": "c"}]},
        {"type": "text", "text": " End."},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}},
    ]);
    let answer = decode(json!({"content": content.clone(), "stop_reason": "tool_use"}));
    let said = &answer.choices[0].message;
    assert_eq!(said.text, "Ich süche. Cited. End.");
    assert_eq!(said.tool_calls.len(), 1);
    assert_eq!(
        (
            said.annotations[0].start_index,
            said.annotations[0].end_index
        ),
        (11, 17)
    );

    let mut request = tool_loop(said.blocks.clone());
    request.messages[1].parts = vec![Part::Text {
        text: said.text.clone(),
        cache_control: None,
    }];
    request.messages[1].tool_calls = said.tool_calls.clone();
    let (body, _) = turn_of(&request, &target());
    let mut want = content;
    // An empty list says nothing and is as it was.
    want[2]["content"] = json!([]);
    assert_eq!(body["messages"][1]["content"], want);

    // The caller changed the text: then the text counts, and the cited block is void.
    request.messages[1].parts = vec![Part::Text {
        text: "Ich süche. Edited.".into(),
        cache_control: None,
    }];
    let (body, _) = turn_of(&request, &target());
    assert_eq!(
        body["messages"][1]["content"][3],
        json!({"type": "text", "text": "Edited."})
    );
}
