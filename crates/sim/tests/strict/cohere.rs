//! Bad Cohere requests of our own, and good ones that must stay good.

use http::HeaderMap;
use polyroute_sim::dialect::cohere::accept::{accept_chat, accept_embed, accept_rerank};
use polyroute_sim::prompt::{Prompt, Refusal, ToolChoice};
use serde_json::{Value, json};

use crate::kit::{cases, refused, with, without};

fn judge(body: &Value) -> Result<Prompt, Refusal> {
    accept_chat(&HeaderMap::new(), &serde_json::to_vec(body).unwrap())
}

fn base() -> Value {
    json!({"model": "command-a-03-2025", "messages": [{"role": "user", "content": "Name a river."}]})
}

fn set(pointer: &str, value: Value) -> Value {
    with(&base(), &[(pointer, value)])
}

fn tool(name: &str, parameters: Value) -> Value {
    json!([{"type": "function", "function": {"name": name, "parameters": parameters}}])
}

fn tide() -> Value {
    tool(
        "tide",
        json!({"type": "object", "properties": {"port": {"type": "string"}}, "required": ["port"]}),
    )
}

fn call(id: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": "tide", "arguments": "{\"port\":\"Brest\"}"}})
}

fn looped() -> Value {
    with(
        &set("/tools", tide()),
        &[(
            "/messages",
            json!([
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "High water?"},
                {"role": "assistant", "tool_plan": "I will look.", "tool_calls": [call("tide_1"), call("tide_2")]},
                {"role": "tool", "tool_call_id": "tide_2", "content": "noon"},
                {"role": "tool", "tool_call_id": "tide_1", "content": [
                    {"type": "document", "document": {"data": {"high": "six"}}}]},
            ]),
        )],
    )
}

fn format(format: Value) -> Value {
    set("/response_format", format)
}

fn schema(schema: Value) -> Value {
    format(json!({"type": "json_object", "json_schema": schema}))
}

#[test]
fn bad_chat_requests_are_refused_in_the_apis_words() {
    let system_last = json!([{"role": "user", "content": "a"}, {"role": "system", "content": "b"},
        {"role": "user", "content": "c"}]);
    let rows = cases![
        "no model": without(&base(), "model") => "a model parameter is required for this endpoint.";
        "model of the wrong type": set("/model", json!(3)) => "~invalid type: parameter model is of type number";
        "no messages": without(&base(), "messages") => "~required 'messages' param";
        "empty messages": set("/messages", json!([])) => "~list of messages must not be empty";
        "unknown field": set("/top_p", json!(0.5)) => "unknown field: parameter 'top_p' is not a valid field";
        "unknown member of a message": set("/messages/0/name", json!("Ann")) => "~parameter 'messages.name' is not a valid field";
        "unknown role": set("/messages/0/role", json!("developer")) => "~messages.role must be one of";
        "no content": set("/messages/0", json!({"role": "user"})) => "~required 'messages.content'";
        "empty content": set("/messages/0/content", json!("")) => "message must not be empty in a turn";
        "empty list of content": set("/messages/0/content", json!([])) => "message must not be empty in a turn";
        "unknown item": set("/messages/0/content", json!([{"type": "file", "file": {}}])) => "~messages.content.type must be one of";
        "sound": set("/messages/0/content", json!([{"type": "input_audio", "input_audio": {}}])) => "~must be one of 'text', 'image_url'";
        "unknown detail": set("/messages/0/content", json!([{"type": "image_url", "image_url": {"url": "https://e.example", "detail": "original"}}])) => "~detail must be one of";
        "picture over http": set("/messages/0/content", json!([{"type": "image_url", "image_url": {"url": "http://e.example/a.png"}}])) => "~must be a valid url";
        "picture that is none": set("/messages/0/content", json!([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}])) => "~following formats";
        "late system turn": set("/messages", system_last) => "system turn must be the first in the list";
        "trailing assistant": set("/messages/1", json!({"role": "assistant", "content": "A"})) => "~last message must be";
        "empty assistant": with(&base(), &[("/messages/1", json!({"role": "assistant"})), ("/messages/2", json!({"role": "user", "content": "b"}))]) => "message must not be empty in a turn";
        "too warm": set("/temperature", json!(1.5)) => "invalid request: temperature must be between 0 and 1.0 inclusive.";
        "p of one": set("/p", json!(1)) => "~p must be between 0.01 and 0.99";
        "k too large": set("/k", json!(501)) => "~k must be between 0 and 500";
        "k with a fraction": set("/k", json!(1.5)) => "~parameter k is of type number";
        "seed below zero": set("/seed", json!(-1)) => "~seed must be at least 0";
        "penalty too large": set("/presence_penalty", json!(1.5)) => "invalid request: presence_penalty must be between 0 and 1 inclusive.";
        "both penalties": with(&base(), &[("/presence_penalty", json!(0.5)), ("/frequency_penalty", json!(0.5))]) => "~only one of 'presence_penalty' and 'frequency_penalty'";
        "six stops": set("/stop_sequences", json!(["1", "2", "3", "4", "5", "6"])) => "~at most 5 elements";
        "log probabilities by number": set("/logprobs", json!(3)) => "~parameter logprobs is of type number but should be of type bool";
        "unknown priority": set("/priority", json!(1000)) => "~priority must be between 0 and 999";
        "unknown safety mode": set("/safety_mode", json!("NONE")) => "~safety_mode must be one of";
        "thinking without type": set("/thinking", json!({"token_budget": 5})) => "~required 'thinking.type'";
        "empty budget": set("/thinking", json!({"type": "enabled", "token_budget": 0})) => "~thinking.token_budget must be at least 1";
        "no documents": set("/documents", json!([])) => "invalid request: list of documents must not be empty";
        "document without data": set("/documents", json!([{"text": "a"}])) => "~parameter 'documents.text'";
    ];
    for (name, body, said) in rows {
        refused(name, judge(&body), &[("/message", said)]);
    }
}

#[test]
fn bad_tools_and_formats_are_refused_in_the_apis_words() {
    let good_schema =
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let rows = cases![
        "choice in lower case": with(&set("/tools", tide()), &[("/tool_choice", json!("auto"))]) => "~tool_choice must be one of 'REQUIRED', 'NONE'";
        "choice without tools": set("/tool_choice", json!("REQUIRED")) => "~tools must be provided";
        "tool without parameters": set("/tools", json!([{"type": "function", "function": {"name": "f"}}])) => "~required 'tools.function.parameters'";
        "strict in a tool": with(&set("/tools", tide()), &[("/tools/0/function/strict", json!(true))]) => "~parameter 'tools.function.strict'";
        "tool name with a dot": set("/tools", tool("fs.read", json!({}))) => "~tool names can only contain certain characters";
        "tool name with a digit first": set("/tools", tool("9lives", json!({}))) => "~(provided name: '9lives')";
        "strict tool without requirements": with(&set("/tools", tool("f", json!({"type": "object"}))), &[("/strict_tools", json!(true))]) => "~at least one required parameter";
        "result without id": with(&looped(), &[("/messages/3", json!({"role": "tool", "content": "x"}))]) => "tool call id must be provided with tool message";
        "stray result": with(&looped(), &[("/messages/3/tool_call_id", json!("tide_9"))]) => "tool call id not found in previous tool calls";
        "two calls of one id": with(&looped(), &[("/messages/2/tool_calls/1/id", json!("tide_1"))]) => "cannot have duplicate tool ids";
        "arguments that are no JSON": with(&looped(), &[("/messages/2/tool_calls/0/function/arguments", json!("{"))]) => "~must be valid JSON";
        "arguments as an object": with(&looped(), &[("/messages/2/tool_calls/0/function/arguments", json!({}))]) => "~arguments is of type object but should be of type string";
        "call of another type": with(&looped(), &[("/messages/2/tool_calls/0/type", json!("custom"))]) => "tool call must be of type function";
        "picture in a result": with(&looped(), &[("/messages/3/content", json!([{"type": "image_url", "image_url": {"url": "https://e.example"}}]))]) => "~messages.content.type must be one of 'text', 'document'";
        "OpenAI's format": format(json!({"type": "json_schema", "json_schema": {}})) => "~response_format.type must be one of";
        "format beside tools": with(&format(json!({"type": "json_object"})), &[("/tools", tide())]) => "~response_format is not supported with tools";
        "format beside documents": with(&format(json!({"type": "json_object"})), &[("/documents", json!(["d"]))]) => "invalid request: response_format is not supported with RAG.";
        "schema of a list": schema(json!({"type": "array"})) => "schema must be an object";
        "schema without requirements": schema(json!({"type": "object", "properties": {"a": {}}})) => "~at least one required field";
        "schema that requires a stranger": with(&schema(good_schema), &[("/response_format/json_schema/required", json!(["b"]))]) => "required field name not found in properties";
    ];
    for (name, body, said) in rows {
        refused(name, judge(&body), &[("/message", said)]);
    }
    let verdict = accept_chat(&HeaderMap::new(), b"{\"a\": }");
    refused("no JSON", verdict, &[("/message", "~invalid json syntax")]);
    let verdict = accept_chat(&HeaderMap::new(), b"[]");
    refused("a list", verdict, &[("/message", "~invalid json syntax")]);
}

#[test]
fn good_chat_requests_are_understood() {
    let prompt = judge(&looped()).unwrap();
    assert_eq!(prompt.tools[0].name, "tide");
    assert_eq!(
        prompt.tool_results,
        [
            ("tide".to_owned(), "noon".to_owned()),
            ("tide".to_owned(), "{\"high\":\"six\"}".to_owned())
        ]
    );
    let rich = with(
        &base(),
        &[
            ("/stream", json!(true)),
            ("/temperature", json!(1)),
            ("/p", json!(0.99)),
            ("/k", json!(0)),
            ("/seed", json!(7)),
            ("/max_tokens", json!(50)),
            ("/stop_sequences", json!(["END"])),
            ("/logprobs", json!(true)),
            ("/presence_penalty", json!(0)),
            ("/frequency_penalty", json!(0.5)),
            ("/thinking", json!({"type": "disabled"})),
            (
                "/documents",
                json!(["a", {"id": "b", "data": {"text": "c"}}]),
            ),
            ("/citation_options", json!({"mode": "OFF"})),
            ("/safety_mode", json!("STRICT")),
            ("/priority", json!(999)),
            ("/tools", tide()),
            ("/strict_tools", json!(true)),
            ("/tool_choice", json!("REQUIRED")),
        ],
    );
    let prompt = judge(&rich).unwrap();
    assert!(prompt.stream && !prompt.thinking);
    assert_eq!(prompt.tool_choice, ToolChoice::Required);
    assert_eq!(
        (prompt.max_output_tokens, prompt.logprobs),
        (Some(50), Some(0))
    );
    let shaped = schema(json!({"type": "object", "required": ["a"],
        "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}));
    assert!(judge(&shaped).unwrap().schema.is_some());
    assert!(
        judge(&format(json!({"type": "json_object"})))
            .unwrap()
            .json_mode
    );
    let pictured = set(
        "/messages/0/content",
        json!([{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "https://e.example/a.png"}}]),
    );
    assert_eq!(judge(&pictured).unwrap().media, 1);
}

#[test]
fn bad_embed_requests_are_refused() {
    let base = json!({"model": "embed-v4.0", "input_type": "search_document", "texts": ["a", "b"],
        "embedding_types": ["float"]});
    let rows = cases![
        "no input type": without(&base, "input_type") => "~valid input_type must be provided";
        "unknown input type": with(&base, &[("/input_type", json!("document"))]) => "~input_type must be one of";
        "nothing to embed": without(&base, "texts") => "~exactly one of texts";
        "two things to embed": with(&base, &[("/images", json!(["x"]))]) => "~exactly one of texts";
        "OpenAI's input": with(&base, &[("/input", json!("a"))]) => "~parameter 'input' is not a valid field";
        "a bare text": with(&base, &[("/texts", json!("a"))]) => "~should be of type []string";
        "an empty text": with(&base, &[("/texts", json!(["a", ""]))]) => "~empty string at index 1";
        "too many texts": with(&base, &[("/texts", json!(vec!["a"; 97]))]) => "invalid request: total number of texts must be at most 96 - received 97";
        "unknown embedding type": with(&base, &[("/embedding_types", json!(["double"]))]) => "~embedding_types must be one of";
        "unknown size": with(&base, &[("/output_dimension", json!(300))]) => "~output_dimension must be one of";
    ];
    for (name, body, said) in rows {
        let verdict = accept_embed(&HeaderMap::new(), &serde_json::to_vec(&body).unwrap());
        refused(name, verdict, &[("/message", said)]);
    }
    let verdict = accept_embed(&HeaderMap::new(), &serde_json::to_vec(&base).unwrap());
    assert_eq!(verdict.unwrap().inputs, ["a", "b"]);
}

#[test]
fn bad_rerank_requests_are_refused() {
    let base = json!({"model": "rerank-v3.5", "query": "q", "documents": ["a", "b"], "top_n": 1});
    let rows = cases![
        "no query": without(&base, "query") => "~required 'query' param";
        "an empty query": with(&base, &[("/query", json!(" "))]) => "invalid request: query must not be empty or be only whitespace";
        "no documents": with(&base, &[("/documents", json!([]))]) => "invalid request: list of documents must not be empty";
        "an empty document": with(&base, &[("/documents", json!(["a", ""]))]) => "invalid request: document at index 1 cannot be empty";
        "documents as objects": with(&base, &[("/documents", json!([{"text": "a"}]))]) => "~should be of type";
        "v1's field": with(&base, &[("/return_documents", json!(true))]) => "~parameter 'return_documents' is not a valid field";
        "no results": with(&base, &[("/top_n", json!(0))]) => "~top_n must be at least 1";
    ];
    for (name, body, said) in rows {
        let verdict = accept_rerank(&HeaderMap::new(), &serde_json::to_vec(&body).unwrap());
        refused(name, verdict, &[("/message", said)]);
    }
    let verdict = accept_rerank(&HeaderMap::new(), &serde_json::to_vec(&base).unwrap());
    assert_eq!(verdict.unwrap().top_n, Some(1));
}
