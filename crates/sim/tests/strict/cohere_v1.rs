//! Bad Cohere v1 requests of our own, and good ones that must stay good.

use http::HeaderMap;
use polyroute_sim::dialect::cohere::v1::accept::{accept_chat, accept_embed, accept_rerank};
use polyroute_sim::prompt::{Prompt, Refusal};
use serde_json::{Value, json};

use crate::kit::with;

fn judge(body: &Value) -> Result<Prompt, Refusal> {
    accept_chat(&HeaderMap::new(), &serde_json::to_vec(body).unwrap())
}

fn base() -> Value {
    json!({"model": "command-r-08-2024", "message": "Name a river."})
}

fn set(pointer: &str, value: Value) -> Value {
    with(&base(), &[(pointer, value)])
}

fn tide() -> Value {
    json!([{"name": "tide", "description": "D", "parameter_definitions": {
        "port": {"type": "str", "description": "P", "required": true},
        "days": {"type": "List[int]"}}}])
}

fn result() -> Value {
    json!([{"call": {"name": "tide", "parameters": {"port": "Brest"}}, "outputs": [{"high": "noon"}]}])
}

/// A turn whose results are to be answered.
fn answered() -> Value {
    json!({"message": "", "tools": tide(), "tool_results": result(), "chat_history": [
        {"role": "USER", "message": "When?"},
        {"role": "CHATBOT", "message": "I will look.", "tool_calls": [
            {"name": "tide", "parameters": {"port": "Brest"}}]}]})
}

#[test]
fn good_requests_are_understood() {
    let prompt = judge(&base()).unwrap();
    assert_eq!(prompt.last_user_text, "Name a river.");
    // Roles are in any case, and the model may be the account's own.
    let prompt = judge(&json!({"message": "Hi", "chat_history": [
        {"role": "user", "message": "A"}, {"role": "Chatbot", "message": "B"},
        {"role": "System", "message": "C"}]}))
    .unwrap();
    assert!(!prompt.model.is_empty());
    let prompt = judge(&set("/tools", tide())).unwrap();
    assert_eq!(
        prompt.tools[0].schema,
        json!({"type": "object", "required": ["port"], "properties": {
            "port": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}}})
    );
    let prompt = judge(&answered()).unwrap();
    assert_eq!(
        prompt.tool_results[0],
        ("tide".to_owned(), r#"{"high":"noon"}"#.to_owned())
    );
    assert_eq!(prompt.last_user_text, "When?");
    let single = with(
        &answered(),
        &[
            ("/message", json!("When?")),
            ("/force_single_step", json!(true)),
        ],
    );
    judge(&single).unwrap();
    let schema = json!({"type": "json_object", "schema": {"type": "object", "required": ["a"],
        "properties": {"a": {"type": "string"}}}});
    assert!(
        judge(&set("/response_format", schema))
            .unwrap()
            .schema
            .is_some()
    );
    judge(&set(
        "/documents",
        json!([{"id": "d", "text": "T", "_excludes": ["id"]}]),
    ))
    .unwrap();
}

/// Asserts that a request is refused with these words.
#[track_caller]
fn refused(cases: &[(Value, &str)]) {
    for (body, words) in cases {
        let refusal = judge(body).unwrap_err();
        let said = refusal.body["message"].as_str().unwrap();
        assert!(said.contains(words), "{said} for {body}");
        assert_eq!(refusal.status, 400);
    }
}

#[test]
fn bad_conversations_are_refused_in_the_apis_words() {
    let turn = |turn: Value| set("/chat_history", json!([turn]));
    refused(&[
        (
            json!({"model": "m"}),
            "message must be at least 1 token long or tool results must be specified.",
        ),
        (
            with(&answered(), &[("/message", json!("When?"))]),
            "cannot specify both message and tool_results in multistep mode",
        ),
        (
            turn(json!({"role": "TOOL", "tool_results": result()})),
            "cannot specify message if the last entry in chat history contains tool results",
        ),
        (
            turn(json!({"role": "BOT", "message": "x"})),
            "Invalid role in chat_history at index 0.",
        ),
        (
            turn(json!({"role": "CHATBOT", "message": ""})),
            "all elements in history must have a message.",
        ),
        (
            turn(json!({"role": "TOOL"})),
            "tool turns in history must have tool results",
        ),
        (
            turn(
                json!({"role": "CHATBOT", "message": "P", "tool_calls": [{"name": "f", "parameters": {}}]}),
            ),
            "must be followed by tool messages",
        ),
    ]);
}

#[test]
fn bad_tools_are_refused_in_the_apis_words() {
    let tool = |tool: Value| set("/tools", json!([tool]));
    refused(&[
        (
            with(&answered(), &[("/tools", json!([]))]),
            "tools must be specified",
        ),
        (
            tool(json!({"name": "f"})),
            "required 'tools.description' param",
        ),
        (
            tool(json!({"name": "f", "description": ""})),
            "must have at least a description, input",
        ),
        (
            tool(json!({"name": "a.b", "description": "D"})),
            "tool names can only contain",
        ),
        (
            tool(
                json!({"name": "f", "description": "D", "parameter_definitions": {"a-b": {"type": "str"}}}),
            ),
            "parameter names can only contain",
        ),
        (
            tool(json!({"name": "f", "description": "D", "parameter_definitions": {"a": {}}})),
            "required 'tools.parameter_definitions.a.type' param",
        ),
        (
            tool(json!({"type": "function", "function": {}})),
            "parameter 'tools.type' is not a valid field",
        ),
        (
            with(&answered(), &[("/tool_results/0/outputs", json!(["noon"]))]),
            "should be of type object",
        ),
        (
            set("/temperature", json!(1.5)),
            "temperature must be between 0 and 1.0 inclusive.",
        ),
    ]);
}

#[test]
fn bad_members_are_refused_in_the_apis_words() {
    refused(&[
        (
            set("/messages", json!([])),
            "parameter 'messages' is not a valid field",
        ),
        (
            set("/tool_choice", json!("REQUIRED")),
            "parameter 'tool_choice' is not a valid field",
        ),
        (
            set("/thinking", json!({})),
            "parameter 'thinking' is not a valid field",
        ),
        (
            set("/documents", json!([{"data": {"text": "T"}}])),
            "documents.data",
        ),
        (
            with(
                &base(),
                &[
                    ("/tools", tide()),
                    ("/response_format", json!({"type": "json_object"})),
                ],
            ),
            "response_format is not supported with RAG.",
        ),
        (
            with(
                &base(),
                &[("/tools", tide()), ("/raw_prompting", json!(true))],
            ),
            "raw prompting is not supported",
        ),
        (
            set(
                "/response_format",
                json!({"type": "json_object", "json_schema": {}}),
            ),
            "response_format.json_schema",
        ),
    ]);
    let refusal = judge(&set("/connectors", json!([{"id": "wiki"}]))).unwrap_err();
    assert_eq!(
        (refusal.status, &refusal.body["message"]),
        (404, &json!("connector 'wiki' not found."))
    );
}

#[test]
fn embed_and_rerank_of_v1() {
    let headers = HeaderMap::new();
    let embed = |body: Value| accept_embed(&headers, body.to_string().as_bytes());
    let good = json!({"model": "embed-v4.0", "texts": ["a"], "input_type": "search_query",
        "embedding_types": ["float"]});
    assert_eq!(embed(good.clone()).unwrap().inputs, ["a"]);
    assert!(embed(json!({"model": "embed-english-v2.0", "texts": ["a"]})).is_ok());
    for bad in [
        with(&good, &[("/output_dimension", json!(256))]),
        with(&good, &[("/texts", json!([]))]),
        json!({"model": "embed-v4.0", "texts": ["a"]}),
    ] {
        assert!(embed(bad.clone()).is_err(), "{bad}");
    }
    let rerank = |body: Value| accept_rerank(&headers, body.to_string().as_bytes());
    let good = json!({"model": "rerank-v3.5", "query": "q", "documents": ["a", {"text": "b"}]});
    assert_eq!(rerank(good.clone()).unwrap().inputs.len(), 2);
    assert!(rerank(with(&good, &[("/max_tokens_per_doc", json!(9))])).is_err());
}
