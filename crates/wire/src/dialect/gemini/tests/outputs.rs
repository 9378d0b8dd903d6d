//! `response_format`, native and emulated, out and back.

use serde_json::{Value, json};

use super::*;
use crate::capability::SchemaDialect;
use crate::chat::FinishReason;

fn schema() -> Value {
    json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"],
        "additionalProperties": false})
}

fn wanted() -> Value {
    json!({"type": "json_schema", "json_schema":
        {"name": "number one", "schema": schema(), "strict": true}})
}

/// §8.2, row Gemini; Vertex AI alike.
#[test]
fn case_18_and_19_native_where_the_model_can() {
    let (body, encoded) = encode(json!({"response_format": {"type": "json_object"}}));
    assert_eq!(
        body["generationConfig"],
        json!({"responseMimeType": "application/json"})
    );
    assert_eq!(encoded.context.schema_to_validate, None);
    let (body, encoded) = encode_for(
        json!({"response_format": wanted(), "tools": [function("a")], "stream": true}),
        &target(3),
    );
    assert_eq!(
        body["generationConfig"],
        json!({"responseMimeType": "application/json", "responseJsonSchema": schema()})
    );
    assert_eq!(encoded.context.schema_to_validate, None);
    let mut subset = target(2);
    subset.capabilities.json_schema_dialect = SchemaDialect::OpenApiSubset;
    let (body, encoded) = encode_for(json!({"response_format": wanted()}), &subset);
    assert_eq!(body["generationConfig"]["responseSchema"]["type"], "OBJECT");
    assert_eq!(encoded.context.schema_to_validate, Some(schema()));
}

/// §8.2: with tools on Gemini 3 only; Vertex AI alike.
#[test]
fn case_19_with_tools_on_an_older_model_it_is_an_instruction_and_is_validated() {
    let asked = json!({"response_format": wanted(), "tools": [function("a")]});
    let (body, encoded) = encode(asked);
    assert!(body.get("generationConfig").is_none());
    let instruction = body["systemInstruction"]["parts"][0]["text"]
        .as_str()
        .unwrap();
    assert!(instruction.contains(&schema().to_string()));
    assert_eq!(encoded.context.schema_to_validate, Some(schema()));
    assert_eq!(encoded.changed, ["response_format=instruction"]);
    let (body, _) =
        encode(json!({"response_format": {"type": "json_object"}, "tools": [function("a")]}));
    assert!(body.get("generationConfig").is_none());
    assert!(body["systemInstruction"].is_object());
}

/// §8.2, emulation; Vertex AI alike.
#[test]
fn without_native_schemas_a_forced_tool_carries_the_answer_unseen() {
    let mut plain = target(2);
    plain.capabilities.json_schema = JsonSchemaSupport::No;
    let (body, encoded) = encode_for(json!({"response_format": wanted()}), &plain);
    let name = body["tools"][0]["functionDeclarations"][0]["name"].clone();
    assert_eq!(
        body["toolConfig"]["functionCallingConfig"],
        json!({"mode": "ANY", "allowedFunctionNames": [name]})
    );
    assert_eq!(encoded.context.schema_tool.as_deref(), name.as_str());
    let answer = json!({"candidates": [{"content": {"parts": [
        {"functionCall": {"name": name, "args": {"n": 1}}, "thoughtSignature": "c2ln"}]},
        "finishReason": "STOP"}]});
    let response = Gemini
        .decode_chat(answer.to_string().as_bytes(), &encoded.context)
        .unwrap();
    let choice = &response.choices[0];
    assert_eq!(choice.message.text, r#"{"n":1}"#);
    assert!(choice.message.tool_calls.is_empty());
    assert_eq!(choice.finish_reason, Some(FinishReason::Stop));

    plain.capabilities.tools = false;
    let (body, _) = encode_for(json!({"response_format": wanted()}), &plain);
    assert_eq!(
        body["generationConfig"],
        json!({"responseMimeType": "application/json"})
    );
    assert!(body["systemInstruction"].is_object());
}
