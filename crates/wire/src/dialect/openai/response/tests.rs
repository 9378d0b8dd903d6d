//! Whole answers of the vendors (wire-protocols §11, §12.1, §15).

use serde_json::json;

use super::*;
use crate::think_tags::ThinkTags;

fn read(body: &Value) -> ChatResponse {
    decode(body.to_string().as_bytes(), &DecodeContext::default()).unwrap()
}

/// An answer of one choice.
fn answer(message: Value, finish: Value) -> Value {
    json!({"id": "a", "object": "chat.completion", "created": 7, "model": "m",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}]})
}

fn first(body: &Value) -> Choice {
    read(body).choices.remove(0)
}

#[test]
fn section_11_1_every_word_for_an_end() {
    use FinishReason::{ContentFilter, Length, Stop, ToolCalls};
    let call = json!({"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}});
    // The word, what it is without calls, what it is with one.
    for (word, text, with_call) in [
        (json!("stop"), Stop, ToolCalls),
        (json!("eos"), Stop, ToolCalls),
        (json!(""), Stop, ToolCalls),
        (json!(null), Stop, ToolCalls),
        (json!("tool_calls"), Stop, ToolCalls),
        (json!("function_call"), Stop, ToolCalls),
        (json!("a word of tomorrow"), Stop, ToolCalls),
        (json!("length"), Length, Length),
        (json!("model_length"), Length, Length),
        (json!("content_filter"), ContentFilter, ContentFilter),
    ] {
        let said = first(&answer(json!({"content": "x"}), word.clone()));
        assert_eq!(said.finish_reason, Some(text), "{word}");
        let calls = json!({"content": null, "tool_calls": [call]});
        let called = first(&answer(calls, word.clone()));
        assert_eq!(called.finish_reason, Some(with_call), "{word} with a call");
        let native = word.as_str().filter(|word| !word.is_empty());
        assert_eq!(called.native_finish_reason.as_deref(), native);
    }
    // Mistral, OpenRouter, DeepSeek: an error without output is a failure that may be tried again,
    // with output it is an end, whose own word is kept.
    for word in ["error", "insufficient_system_resource"] {
        let nothing = answer(json!({"content": ""}), json!(word)).to_string();
        let error = decode(nothing.as_bytes(), &DecodeContext::default()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::ServerError, "{word}");
        let partial = first(&answer(json!({"content": "x"}), json!(word)));
        assert_eq!(partial.finish_reason.unwrap().as_str(), "stop", "{word}");
        assert_eq!(partial.native_finish_reason.as_deref(), Some(word));
    }
    // OpenAI's first vision models.
    let mut old = answer(json!({"content": "x"}), json!(null));
    old["choices"][0]["finish_details"] = json!({"type": "max_tokens"});
    assert_eq!(first(&old).finish_reason, Some(Length));
}

/// Case 55.
#[test]
fn section_11_1_a_choice_without_a_message_is_one() {
    let azure = json!({"id": "a", "choices": [{"index": 0, "finish_reason": "content_filter",
        "content_filter_results": {"violence": {"filtered": true}}}]});
    let choice = first(&azure);
    assert_eq!(choice.finish_reason, Some(FinishReason::ContentFilter));
    assert_eq!(choice.message.text, "");
    assert!(choice.metadata.contains_key("content_filter_results"));
}

#[test]
fn section_11_3_perplexitys_numbers_are_annotations() {
    let text = "Öl [1][2], not [x], [9] or [10000]; so [ 1] stays [1].";
    let mut body = answer(json!({"content": text}), json!("stop"));
    body["citations"] = json!(["https://a.example", "https://b.example"]);
    body["search_results"] = json!([{"title": "A", "url": "https://a.example"},
        {"title": "B", "url": "https://b.example"}]);
    let whole = read(&body);
    let found = &whole.choices[0].message.annotations;
    let cited = |annotation: &Annotation| -> String {
        let count = annotation.end_index - annotation.start_index;
        text.chars()
            .skip(annotation.start_index)
            .take(count)
            .collect()
    };
    let seen: Vec<(String, &str, &str)> = found
        .iter()
        .map(|one| (cited(one), &*one.url, &*one.title))
        .collect();
    let a = || ("[1]".to_owned(), "https://a.example", "A");
    assert_eq!(
        seen,
        [a(), ("[2]".to_owned(), "https://b.example", "B"), a()]
    );
    // Its own members stay beside them.
    assert!(whole.metadata.contains_key("citations"));
    assert!(whole.metadata.contains_key("search_results"));
    // URLs alone do as well; without sources a number is a number.
    body.as_object_mut().unwrap().remove("search_results");
    let bare = first(&body).message.annotations;
    assert_eq!((bare.len(), bare[1].url.as_str()), (3, "https://b.example"));
    assert!(
        first(&answer(json!({"content": text}), json!("stop")))
            .message
            .annotations
            .is_empty()
    );
    // A vendor's own annotations (OpenRouter, xAI) are not doubled.
    body["choices"][0]["message"]["annotations"] = json!([{"type": "url_citation",
        "url_citation": {"url": "https://c.example", "start_index": 0, "end_index": 2}}]);
    let own = first(&body).message.annotations;
    assert_eq!((own.len(), own[0].url.as_str()), (1, "https://c.example"));
}

#[test]
fn section_11_3_mistrals_content_list_is_text_and_thinking() {
    let message = json!({"content": [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm. "}], "closed": true},
        {"type": "text", "text": "One"},
        {"type": "text", "text": " two."},
        {"type": "reference", "reference_ids": [3]},
    ]});
    let message = first(&answer(message, json!("stop"))).message;
    assert_eq!(message.text, "One two.");
    assert_eq!(message.reasoning, "Hm. ");
    assert_eq!(message.blocks.len(), 1);
}

#[test]
fn section_9_reasoning_under_either_name() {
    // DeepSeek, Fireworks, Qwen, Z.AI; Groq, Cerebras, Ollama, vLLM; both at once.
    for message in [
        json!({"content": "x", "reasoning_content": "so"}),
        json!({"content": "x", "reasoning": "so"}),
        json!({"content": "x", "reasoning": "so", "reasoning_content": "so"}),
        json!({"content": "x", "reasoning": "so", "reasoning_content": null}),
        json!({"content": "x", "reasoning": "so", "reasoning_content": ""}),
    ] {
        let read = first(&answer(message.clone(), json!("stop"))).message;
        assert_eq!(read.reasoning, "so", "{message}");
    }
}

/// Raw Groq (`groq/text-010`), Perplexity's reasoning models, local servers without a parser.
#[test]
fn section_9_think_tags_part_a_whole_answer() {
    let read = |tags, content: Value| {
        let context = DecodeContext {
            think_tags: tags,
            ..DecodeContext::default()
        };
        let body = answer(json!({ "content": content }), json!("stop")).to_string();
        let message = decode(body.as_bytes(), &context)
            .unwrap()
            .choices
            .remove(0)
            .message;
        (message.reasoning, message.text)
    };
    let parted = ("\nso\n".to_owned(), "\n\nyes".to_owned());
    let tagged = "<think>\nso\n</think>\n\nyes";
    assert_eq!(read(ThinkTags::Split, json!(tagged)), parted);
    assert_eq!(
        read(
            ThinkTags::Opened,
            json!(tagged.trim_start_matches("<think>"))
        ),
        parted
    );
    assert_eq!(
        read(ThinkTags::Off, json!(tagged)),
        (String::new(), tagged.to_owned())
    );
    // A list of parts is one text.
    let parts = json!([{"type": "text", "text": "<think>\nso\n</th"}, {"type": "text", "text": "ink>\n\nyes"}]);
    assert_eq!(read(ThinkTags::Split, parts), parted);
    // Cut off while it thought: nothing was said.
    assert_eq!(
        read(ThinkTags::Split, json!("<think>so")),
        ("so".to_owned(), String::new())
    );
}

/// Cases 2 and 56.
#[test]
fn section_7_calls_of_all_vendors_are_whole() {
    let function = json!({"name": "f", "arguments": "{}"});
    let call = |id: Value, function: &Value| {
        let message = json!({"content": "", "tool_calls": [{"id": id, "function": function}]});
        first(&answer(message, json!("tool_calls")))
            .message
            .tool_calls
            .remove(0)
    };
    for id in [json!(""), json!("0"), json!("null"), json!(null)] {
        let made = call(id.clone(), &function).id;
        assert!(
            made.starts_with("call_") && made.len() == 29,
            "{id}: {made}"
        );
    }
    for id in ["call_1", "AbCdEf123", "call_-7", &"x".repeat(50)] {
        assert_eq!(call(json!(id), &function).id, id);
    }
    // Nothing, nothing there, and an object where a text is due.
    for arguments in [json!(""), json!(null), json!({})] {
        let function = json!({"name": "f", "arguments": arguments});
        assert_eq!(call(json!("c"), &function).arguments, "{}");
    }
    assert_eq!(call(json!("c"), &json!({"name": "f"})).arguments, "{}");
    for none in [json!(null), json!([])] {
        let message = json!({"content": "x", "tool_calls": none});
        let choice = first(&answer(message, json!("stop")));
        assert!(choice.message.tool_calls.is_empty());
        assert_eq!(choice.finish_reason, Some(FinishReason::Stop));
    }
}

#[test]
fn section_12_1_deepseeks_bodies_may_begin_with_blank_lines() {
    let body = answer(json!({"content": "x"}), json!("stop"));
    let body = format!("\n\n\n\r\n  \n{body}");
    let read = decode(body.as_bytes(), &DecodeContext::default()).unwrap();
    assert_eq!(read.choices[0].message.text, "x");
}

#[test]
fn section_12_1_groqs_usage_stands_in_x_groq() {
    let mut body = answer(json!({"content": "x"}), json!("stop"));
    body["x_groq"] = json!({"id": "req_1", "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
    assert_eq!(read(&body).usage.unwrap().total(), 5);
}

#[test]
fn section_15_perplexitys_empty_delta_is_not_said() {
    let mut body = answer(json!({"role": "assistant", "content": "x"}), json!("stop"));
    body["choices"][0]["delta"] = json!({"role": "assistant", "content": ""});
    assert!(first(&body).metadata.is_empty());
}

#[test]
fn section_15_members_that_snowflake_fills_with_nothing_are_absent() {
    let message = json!({"role": "assistant", "content": "x", "audio": {"data": "", "id": ""},
        "refusal": "", "function_call": {"name": "", "arguments": ""}, "annotations": null,
        "tool_calls": [{"id": "c", "type": "function", "custom": {"name": "", "input": ""},
            "function": {"name": "f", "arguments": "{}"}}]});
    let choice = first(&answer(message, json!("")));
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
    let message = choice.message;
    assert_eq!((message.audio, message.refusal), (None, None));
    assert_eq!(message.tool_calls.len(), 1);
    assert!(!message.tool_calls[0].custom);
}

/// Together's seeds, Z.AI's request id, Hugging Face's prompt, Crusoe's and GPUStack's and Cerebras'
/// extra members: kept for who wants them, in nobody's way.
#[test]
fn section_15_what_vendors_add_is_kept_and_does_no_harm() {
    let mut body = answer(json!({"content": "x", "tool_calls": []}), json!("stop"));
    for (key, value) in [
        ("request_id", json!("r")),
        ("prompt", json!([])),
        ("time_info", json!({"queue_time": 0.1})),
        ("kv_transfer_params", json!(null)),
        ("warnings", json!([{"message": "w"}])),
        (
            "usage",
            json!({"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3,
            "prompt_tokens_details": null, "tokens_per_second": 90.5}),
        ),
    ] {
        body[key] = value;
    }
    body["choices"][0]["seed"] = json!(77);
    body["choices"][0]["stop_reason"] = json!(128_001);
    body["choices"][0]["token_ids"] = json!(null);
    let read = read(&body);
    assert_eq!(read.metadata["request_id"], "r");
    assert_eq!(read.metadata["time_info"]["queue_time"], 0.1);
    assert_eq!(read.metadata["warnings"][0]["message"], "w");
    assert!(!read.metadata.contains_key("kv_transfer_params"));
    assert_eq!(read.choices[0].metadata["seed"], 77);
    assert_eq!(read.choices[0].metadata["stop_reason"], 128_001);
    assert_eq!(read.usage.unwrap().total(), 3);
}
