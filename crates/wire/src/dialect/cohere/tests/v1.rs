//! Requests as v1 says them.

use serde_json::{Value, json};

use super::{request, try_encode};
use crate::adapter::{Adapter as _, Encoded, Target};
use crate::capability::Reasoning;
use crate::dialect::cohere::Cohere;
use crate::embedding::{EmbeddingInput, EmbeddingRequest};
use crate::error::EncodeErrorCode;
use crate::media::{Media, MediaStore};
use crate::rerank::{RerankDocument, RerankRequest};

/// A model that can do all that v2 knows, asked over v1.
fn target() -> Target {
    let mut target = super::target();
    target.endpoint.api_version = Some("v1".into());
    target.capabilities.image_input = true;
    target.capabilities.reasoning = Reasoning::Budget {
        min: 1,
        max: 1_000,
        can_disable: true,
    };
    target
}

fn encode_for(body: Value, target: &Target) -> (Value, Encoded) {
    let encoded = try_encode(body, target).unwrap();
    (serde_json::from_slice(&encoded.body).unwrap(), encoded)
}

fn encode(body: Value) -> (Value, Encoded) {
    encode_for(body, &target())
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "description": "D",
        "parameters": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}}})
}

fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[test]
fn the_last_message_stands_apart_from_its_history() {
    let (body, encoded) = encode(json!({"stream": true, "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello."},
        {"role": "system", "content": "Speak French."},
        {"role": "user", "content": [{"type": "text", "text": "How are "}, {"type": "text", "text": "you?"}]},
    ]}));
    assert_eq!(encoded.path, "/v1/chat");
    assert_eq!(encoded.context.api_version.as_deref(), Some("v1"));
    assert_eq!(
        body,
        json!({"model": "command-test", "stream": true, "message": "How are you?",
        "preamble": "Be brief.\n\nBe kind.", "chat_history": [
            {"role": "USER", "message": "Hi"},
            {"role": "CHATBOT", "message": "Hello."},
            {"role": "SYSTEM", "message": "Speak French."},
        ]})
    );
    assert_eq!((encoded.dropped.len(), encoded.changed.len()), (0, 0));
    // Without a version, or with `v2`, it is v2 as ever.
    for version in [None, Some("v2".to_owned())] {
        let mut second = target();
        second.endpoint.api_version = version;
        let (body, encoded) = encode_for(json!({}), &second);
        assert_eq!(encoded.path, "/v2/chat");
        assert!(body["messages"].is_array() && encoded.context.api_version.is_none());
    }
}

#[test]
fn instructions_alone_or_at_the_end_are_what_is_asked() {
    let (body, encoded) = encode(json!({"messages": [
        {"role": "system", "content": "One."}, {"role": "system", "content": "Two."}]}));
    assert_eq!(
        (&body["preamble"], &body["message"]),
        (&json!("One."), &json!("Two."))
    );
    assert_eq!(encoded.changed, ["messages[].role=user"]);
    let (body, encoded) = encode(json!({"messages": [
        {"role": "user", "content": "Hi"}, {"role": "system", "content": "Shout."}]}));
    assert_eq!(body["message"], "<system>\nShout.\n</system>");
    assert_eq!(
        body["chat_history"],
        json!([{"role": "USER", "message": "Hi"}])
    );
    assert_eq!(encoded.changed, ["messages[].role=user"]);
}

#[test]
fn a_trailing_assistant_message_is_refused_or_rewritten() {
    let messages =
        json!([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hel"}]);
    let error = try_encode(json!({"messages": messages}), &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("messages[1]"));
    let mut rewrites = target();
    rewrites.policy.rewrite_prefill = true;
    let (body, encoded) = encode_for(json!({"messages": messages}), &rewrites);
    assert_eq!(
        body["chat_history"][1],
        json!({"role": "CHATBOT", "message": "Hel"})
    );
    assert!(body["message"].as_str().unwrap().starts_with("Continue"));
    assert_eq!(encoded.changed, ["messages[]=continue_request_added"]);
}

#[test]
fn results_that_are_to_be_answered_stand_beside_an_empty_message() {
    let (body, encoded) = encode(json!({"tools": [tool("f"), tool("g.h")], "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "I will look.", "tool_calls": [
            call("1", "f", "{\"a\": \"x\"}"), call("2", "g.h", "")]},
        // Results come in any order and go out in that of the calls.
        {"role": "tool", "tool_call_id": "2", "content": "sunny"},
        {"role": "tool", "tool_call_id": "1", "content": "{\"sky\": \"blue\"}"},
    ]}));
    let g = body["tools"][1]["name"].clone();
    let calls = json!([{"name": "f", "parameters": {"a": "x"}}, {"name": g, "parameters": {}}]);
    assert_eq!(body["message"], "");
    assert_eq!(
        body["chat_history"],
        json!([{"role": "USER", "message": "Hi"},
            {"role": "CHATBOT", "message": "I will look.", "tool_calls": calls}])
    );
    assert_eq!(
        body["tool_results"],
        json!([{"call": calls[0], "outputs": [{"sky": "blue"}]},
            {"call": calls[1], "outputs": [{"output": "sunny"}]}])
    );
    assert_eq!(
        body["tools"][0],
        json!({"name": "f", "description": "D", "parameter_definitions": {
            "a": {"type": "str", "required": true}}})
    );
    assert!(encoded.changed.is_empty(), "{:?}", encoded.changed);
}

#[test]
fn older_results_are_a_turn_of_the_history() {
    let (body, encoded) = encode(json!({"tools": [tool("f")], "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": null, "tool_calls": [call("1", "f", "{}")]},
        {"role": "tool", "tool_call_id": "1", "content": "[{\"n\": 1}, {\"n\": 2}]"},
        {"role": "user", "content": "And now?"},
    ]}));
    assert_eq!(
        body["chat_history"],
        json!([{"role": "USER", "message": "Hi"},
            // "all elements in history must have a message"
            {"role": "CHATBOT", "message": "I will use f.", "tool_calls": [
                {"name": "f", "parameters": {}}]},
            {"role": "TOOL", "tool_results": [
                {"call": {"name": "f", "parameters": {}}, "outputs": [{"n": 1}, {"n": 2}]}]},
            // "cannot specify message if the last entry in chat history contains tool results"
            {"role": "CHATBOT", "message": "Understood."}])
    );
    assert_eq!(body["message"], "And now?");
    assert_eq!(
        encoded.changed,
        [
            "messages[].content=tool_plan_added",
            "messages[].role=assistant_turn_added"
        ]
    );
}

#[test]
fn results_of_every_kind_are_lists_of_objects() {
    let outputs = |content: Value| {
        let (body, _) = encode(json!({"tools": [tool("f")], "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "P", "tool_calls": [call("1", "f", "{}")]},
            {"role": "tool", "tool_call_id": "1", "content": content},
        ]}));
        body["tool_results"][0]["outputs"].clone()
    };
    for (content, wire) in [
        (json!("12"), json!([{"output": "12"}])),
        (json!(""), json!([{"output": ""}])),
        (json!("[]"), json!([{"output": "[]"}])),
        (json!("[1, {}]"), json!([{"output": "[1, {}]"}])),
        (
            json!([{"type": "text", "text": "a"}, {"type": "document", "document": {"data": {"b": 1}}}]),
            json!([{"output": "a"}, {"b": 1}]),
        ),
        (
            json!([{"type": "document", "document": {"data": {"b": 1}}}]),
            json!([{"b": 1}]),
        ),
    ] {
        assert_eq!(outputs(content.clone()), wire, "{content}");
    }
}

#[test]
fn orphans_are_refused_or_repaired_and_odd_arguments_kept() {
    let messages = json!([{"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "P", "tool_calls": [call("1", "f", "[1]"), call("2", "f", "{")]},
        {"role": "tool", "tool_call_id": "2", "content": "two"},
        {"role": "user", "content": "Go on."}]);
    let body = json!({"tools": [tool("f")], "messages": messages});
    let error = try_encode(body.clone(), &target()).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnpairedToolCall);
    let mut repairs = target();
    repairs.policy.repair_orphans = true;
    let (body, encoded) = encode_for(body, &repairs);
    let results = &body["chat_history"][2]["tool_results"];
    assert_eq!(results[0]["call"]["parameters"], json!({"_raw": "[1]"}));
    assert!(results[0]["outputs"][0]["error"].is_string());
    assert_eq!(results[1]["call"]["parameters"], json!({"_raw": "{"}));
    assert_eq!(results[1]["outputs"], json!([{"output": "two"}]));
    assert!(
        encoded
            .changed
            .contains(&"messages[].tool_calls=error_result_added".to_owned())
    );
    assert!(
        encoded
            .changed
            .contains(&"messages[].tool_calls[].function.arguments=_raw".to_owned())
    );
}

#[test]
fn results_are_never_sent_without_tools() {
    let (body, _) = encode(
        json!({"tools": [tool("f")], "tool_choice": "none", "messages": [
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "P", "tool_calls": [call("1", "f", "{}"), call("2", "f", "{}")]},
            {"role": "tool", "tool_call_id": "1", "content": "1"},
            {"role": "tool", "tool_call_id": "2", "content": "2"},
        ]}),
    );
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["tools"][0]["name"], "f");
    assert!(
        body["tools"][0]["description"]
            .as_str()
            .unwrap()
            .ends_with("Never call it.")
    );
    // Where no result is to be answered, `none` shows no tool at all: v1 has no word for it.
    let (body, encoded) = encode(json!({"tools": [tool("f")], "tool_choice": "none"}));
    assert_eq!(body.get("tools"), None);
    assert_eq!(encoded.changed, ["tools=0 of 1"]);
}

#[test]
fn a_choice_of_tools_is_refused_or_said_in_words_and_strictness_is_named() {
    let forced = json!({"tools": [tool("f"), tool("g")],
        "tool_choice": {"type": "function", "function": {"name": "g"}}});
    let error = try_encode(forced.clone(), &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("tool_choice"));
    assert!(error.message.contains("v1"), "{}", error.message);
    let mut downgrades = target();
    downgrades.policy.downgrade_forced_tool_choice = true;
    let (body, encoded) = encode_for(forced, &downgrades);
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body.get("tool_choice"), None);
    assert!(body["preamble"].as_str().unwrap().contains("`g`"));
    assert_eq!(encoded.changed, ["tool_choice=auto", "tools=1 of 2"]);
    let mut strict = tool("f");
    strict["function"]["strict"] = json!(true);
    let (_, encoded) = encode(json!({"tools": [strict]}));
    assert_eq!(encoded.dropped, ["tools[].function.strict"]);
}

#[test]
fn formats_are_native_and_emulated_beside_tools_results_documents_and_connectors() {
    let schema =
        json!({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}});
    let asked = json!({"type": "json_schema", "json_schema": {"name": "n", "schema": schema}});
    let (body, encoded) = encode(json!({"response_format": asked}));
    assert_eq!(
        body["response_format"],
        json!({"type": "json_object", "schema": schema})
    );
    assert!(encoded.changed.is_empty() && encoded.context.schema_to_validate.is_none());
    let (body, _) = encode(json!({"response_format": {"type": "json_object"}}));
    assert_eq!(body["response_format"], json!({"type": "json_object"}));
    assert!(body["preamble"].as_str().unwrap().contains("JSON"));
    let answered = json!([{"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "P", "tool_calls": [call("1", "f", "{}")]},
        {"role": "tool", "tool_call_id": "1", "content": "1"}]);
    for beside in [
        json!({"tools": [tool("f")]}),
        json!({"messages": answered}),
        json!({"provider_options": {"cohere": {"documents": [{"text": "T"}]}}}),
        json!({"provider_options": {"cohere": {"connectors": [{"id": "web-search"}]}}}),
    ] {
        let mut body = beside.clone();
        body["response_format"] = asked.clone();
        let (body, encoded) = encode(body);
        assert_eq!(body.get("response_format"), None, "{beside}");
        assert!(
            body["preamble"].as_str().unwrap().contains("JSON schema"),
            "{beside}"
        );
        assert_eq!(encoded.context.schema_to_validate, Some(schema.clone()));
        assert!(
            encoded
                .changed
                .contains(&"response_format=emulated".to_owned())
        );
    }
}

#[test]
fn documents_are_flat_texts_and_the_callers_own_words_pass() {
    let file = json!({"type": "file", "file": {"filename": "a.txt", "file_data": "data:text/plain;base64,SGk="}});
    let (body, encoded) = encode(json!({
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Q"}, file]}],
        "provider_options": {"cohere": {
            "documents": ["bare", {"id": "d", "data": {"t": "x", "n": 1}}, {"data": "text", "id": "e"},
                {"id": "f", "snippet": "as it is"}],
            "connectors": [{"id": "wiki", "options": {"site": "x"}}],
            "prompt_truncation": "AUTO", "safety_mode": "STRICT", "chat_history": [], "preamble": "P",
        }},
    }));
    assert_eq!(
        body["documents"],
        json!([{"title": "a.txt", "text": "Hi"}, {"text": "bare"}, {"id": "d", "t": "x", "n": "1"},
            {"id": "e", "text": "text"}, {"id": "f", "snippet": "as it is"}])
    );
    assert_eq!(
        body["connectors"],
        json!([{"id": "wiki", "options": {"site": "x"}}])
    );
    assert_eq!(
        (&body["prompt_truncation"], &body["safety_mode"]),
        (&json!("AUTO"), &json!("STRICT"))
    );
    // What the messages say is not said twice.
    assert_eq!(
        (body.get("preamble"), body.get("chat_history")),
        (None, None)
    );
    assert_eq!(
        encoded.dropped,
        [
            "provider_options.cohere.chat_history",
            "provider_options.cohere.preamble"
        ]
    );
}

#[test]
fn pictures_are_refused_and_not_even_fetched() {
    let image = json!({"type": "image_url", "image_url": {"url": "http://example.com/a.png"}});
    let text = json!({"type": "text", "text": "Q"});
    for messages in [
        json!([{"role": "user", "content": [text, image]}]),
        json!([{"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "P", "tool_calls": [call("1", "f", "{}")]},
            {"role": "tool", "tool_call_id": "1", "content": [image]}]),
    ] {
        let body = json!({ "messages": messages });
        assert!(
            Cohere
                .media_to_fetch(&request(body.clone()), &target())
                .is_empty()
        );
        let error = try_encode(body, &target()).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnsupportedContent);
        assert!(error.message.contains("v1"), "{}", error.message);
    }
    // Text files are fetched, as ever.
    let file = json!({"type": "file", "file": {"file_url": "https://example.com/a.txt"}});
    let body = json!({"messages": [{"role": "user", "content": [text, file]}]});
    let urls = Cohere.media_to_fetch(&request(body.clone()), &target());
    let mut media = MediaStore::default();
    for url in urls {
        let (media_type, data) = ("text/plain".to_owned(), "SGk=".to_owned());
        media.insert(url, Media { media_type, data });
    }
    let encoded = Cohere.encode_chat(&request(body), &target(), &media);
    let sent: Value = serde_json::from_slice(&encoded.unwrap().body).unwrap();
    assert_eq!(sent["documents"], json!([{"text": "Hi"}]));
}

#[test]
fn scalars_are_as_in_v2_and_what_v1_lacks_is_named() {
    let (body, encoded) = encode(
        json!({"temperature": 1.5, "top_p": 0.5, "top_k": 9, "seed": 7,
        "max_completion_tokens": 60, "stop": ["a", "b"], "frequency_penalty": 0.5, "presence_penalty": 0.5,
        "reasoning_effort": "high", "logprobs": true, "service_tier": "flex", "user": "u",
        "parallel_tool_calls": true}),
    );
    assert_eq!(
        body,
        json!({"model": "command-test", "message": "Hi", "max_tokens": 60, "temperature": 1, "p": 0.5,
            "k": 9, "frequency_penalty": 0.5, "seed": 7, "stop_sequences": ["a", "b"]})
    );
    assert_eq!(
        encoded.dropped,
        [
            "logprobs",
            "presence_penalty",
            "reasoning_effort",
            "service_tier",
            "user"
        ]
    );
    assert_eq!(encoded.changed, ["temperature=1"]);
    for lacking in [
        json!({"reasoning_effort": "high"}),
        json!({"service_tier": "flex"}),
    ] {
        let mut strict = target();
        strict.policy.strict_params = true;
        let error = try_encode(lacking, &strict).unwrap_err();
        assert_eq!(error.code, EncodeErrorCode::UnsupportedParameter);
    }
}

#[test]
fn embeddings_and_reranking_have_their_own_paths() {
    let mut asked = EmbeddingRequest {
        input: vec![EmbeddingInput::Text("one".into())],
        ..EmbeddingRequest::default()
    };
    let encoded = Cohere.encode_embeddings(&asked, &target()).unwrap();
    assert_eq!(encoded.path, "/v1/embed");
    asked.dimensions = Some(256);
    let error = Cohere.encode_embeddings(&asked, &target()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("dimensions"));
    let asked = RerankRequest {
        query: "q".into(),
        documents: vec![RerankDocument {
            text: "d".into(),
            ..RerankDocument::default()
        }],
        max_tokens_per_doc: Some(9),
        ..RerankRequest::default()
    };
    let encoded = Cohere.encode_rerank(&asked, &target()).unwrap();
    assert_eq!(encoded.path, "/v1/rerank");
    assert_eq!(encoded.dropped, ["max_tokens_per_doc"]);
}
