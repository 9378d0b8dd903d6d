//! Streams as each vendor frames them (wire-protocols §12.1, §12.4).

use serde_json::json;

use super::tests::{DONE, chunk, decode, fold};
use super::*;
use crate::chat::ChatResponse;

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// Text, finish word of the provider, tokens in and out.
fn told(answer: &ChatResponse) -> (&str, &str, u64, u64) {
    let choice = &answer.choices[0];
    let usage = answer.usage.as_ref().unwrap();
    let native = choice.native_finish_reason.as_deref().unwrap_or_default();
    (&choice.message.text, native, usage.input, usage.output)
}

#[test]
fn section_12_1_mistral_ends_with_text_usage_and_padding_in_one_chunk() {
    let mut last = json!({"id": "a", "model": "m", "p": "abcdefgh", "choices": [{"index": 0,
        "delta": {"content": " two"}, "finish_reason": "length"}]});
    last["usage"] = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5});
    let body =
        chunk(json!({"role": "assistant", "content": "one"}), json!(null)) + &data(&last) + DONE;
    let answer = fold(&body).unwrap();
    assert_eq!(told(&answer), ("one two", "length", 3, 2));
    assert!(!answer.metadata.contains_key("p"));
}

/// Case 60: all parallel calls at once, on the finish chunk, without `type`.
#[test]
fn section_15_mistrals_calls_come_together_at_the_end() {
    let calls = json!([
        {"id": "AbCdEf123", "index": 0, "function": {"name": "f", "arguments": "{\"a\": 1}"}},
        {"id": "AbCdEf124", "index": 1, "function": {"name": "g", "arguments": ""}},
    ]);
    let body = chunk(json!({"role": "assistant", "content": ""}), json!(null))
        + &chunk(json!({"content": "", "tool_calls": calls}), json!("stop"))
        + DONE;
    let answer = fold(&body).unwrap();
    let choice = &answer.choices[0];
    // Old models say `stop` where they call.
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
    let calls = &choice.message.tool_calls;
    assert_eq!(
        (calls[0].id.as_str(), calls[0].arguments.as_str()),
        ("AbCdEf123", "{\"a\": 1}")
    );
    assert_eq!(
        (calls[1].id.as_str(), calls[1].arguments.as_str()),
        ("AbCdEf124", "{}")
    );
}

/// Mistral's content is a list while it thinks and a text afterwards.
#[test]
fn section_9_mistrals_content_turns_from_list_to_text() {
    let thought = |text: &str| json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]});
    let closed = json!({"content": [{"type": "thinking", "thinking": [], "closed": true}]});
    let body = [
        chunk(thought("Hm"), json!(null)),
        chunk(thought("."), json!(null)),
        chunk(closed, json!(null)),
        chunk(json!({"content": "Yes."}), json!("stop")),
        DONE.to_owned(),
    ]
    .concat();
    let message = &fold(&body).unwrap().choices[0].message;
    assert_eq!(
        (message.reasoning.as_str(), message.text.as_str()),
        ("Hm.", "Yes.")
    );
    assert!(message.blocks.is_empty());
}

/// A tag cut across chunks, and whatever else the chunks hold beside it.
#[test]
fn section_9_think_tags_part_a_stream() {
    let streamed = |tags, pieces: &[&str], finish: &str| {
        let context = DecodeContext {
            think_tags: tags,
            ..DecodeContext::default()
        };
        let chunks = pieces
            .iter()
            .map(|text| chunk(json!({ "content": text }), json!(null)));
        let body = chunks.collect::<String>() + &chunk(json!({}), json!(finish)) + DONE;
        let mut decoder = Decoder::new(&context);
        let mut events = Vec::new();
        decoder.push(body.as_bytes(), &mut events);
        decoder.finish(&mut events);
        let mut fold = crate::chat::Fold::new();
        events.into_iter().for_each(|event| fold.push(event));
        let message = fold.finish().unwrap().choices.remove(0).message;
        (message.reasoning, message.text)
    };
    let pair = |reasoning: &str, text: &str| (reasoning.to_owned(), text.to_owned());
    use ThinkTags::{Off, Opened, Split};
    for (tags, pieces, wanted) in [
        (
            Split,
            ["<thi", "nk>so</thi", "nk", ">yes"].as_slice(),
            pair("so", "yes"),
        ),
        (Split, &["<", "b>yes"], pair("", "<b>yes")),
        (Split, &["<thi"], pair("", "<thi")),
        (Split, &["<think>so", "</thin"], pair("so</thin", "")),
        (Opened, &["so</", "think>", "yes"], pair("so", "yes")),
        (
            Off,
            &["<think>so</think>yes"],
            pair("", "<think>so</think>yes"),
        ),
    ] {
        assert_eq!(
            streamed(tags, pieces, "stop"),
            wanted,
            "{tags:?} {pieces:?}"
        );
    }
    // What was held back is said before the end, not after it or never.
    assert_eq!(streamed(Split, &["a", "<"], "length"), pair("", "a<"));
}

/// Case 61: CRLF, no `[DONE]`, the whole message beside each delta, usage that grows, finish
/// reasons that are absent, and sources by number.
#[test]
fn section_12_1_perplexity_ends_without_done() {
    let part = |text: &str, so_far: &str, tokens: u64, object: &str, finish: Option<&str>| {
        let mut choice = json!({"index": 0, "delta": {"role": "assistant", "content": text},
            "message": {"role": "assistant", "content": so_far}});
        if let Some(finish) = finish {
            choice["finish_reason"] = json!(finish);
        }
        let mut chunk = json!({"id": "a", "model": "sonar", "object": object, "created": 7,
            "search_results": [{"title": "A", "url": "https://a.example"}],
            "citations": ["https://a.example"], "choices": [choice],
            "usage": {"prompt_tokens": 8, "completion_tokens": tokens, "total_tokens": 8 + tokens}});
        if finish.is_some() {
            chunk["usage"]["cost"] = json!({"total_cost": 0.006});
        }
        data(&chunk).replace('\n', "\r\n")
    };
    let body = [
        part("Rome [", "Rome [", 2, "chat.completion.chunk", None),
        part("1]", "Rome [1]", 4, "chat.completion.chunk", None),
        part("", "Rome [1]", 5, "chat.completion.done", Some("stop")),
    ]
    .concat();
    let answer = fold(&body).unwrap();
    assert_eq!(told(&answer), ("Rome [1]", "stop", 8, 5));
    assert_eq!(
        answer.usage.as_ref().unwrap().native["cost"]["total_cost"],
        0.006
    );
    let found = &answer.choices[0].message.annotations;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].start_index, found[0].end_index), (5, 8));
    assert_eq!(
        (found[0].url.as_str(), found[0].title.as_str()),
        ("https://a.example", "A")
    );
    assert!(answer.metadata.contains_key("citations"));
    // Without its last chunk the stream was cut.
    let (cut, _) = body.rsplit_once("data: ").unwrap();
    assert_eq!(fold(cut).unwrap_err().kind, ErrorKind::Truncated);
}

#[test]
fn section_12_1_openrouter_opens_with_comments_and_repeats_the_finish() {
    let comment = ": OPENROUTER PROCESSING\n\n";
    let mut last = json!({"id": "chatcmpl-1", "model": "m", "choices": [{"index": 0,
        "delta": {"role": "assistant", "content": ""}, "finish_reason": "stop",
        "native_finish_reason": "end_turn"}]});
    last["usage"] = json!({"prompt_tokens": 3, "completion_tokens": 2, "cost": 0.01});
    let body = [
        comment.to_owned(),
        comment.to_owned(),
        chunk(json!({"role": "assistant", "content": "x"}), json!(null)),
        chunk(json!({"content": ""}), json!("stop")),
        data(&last),
        DONE.to_owned(),
    ]
    .concat();
    let events = decode(&body);
    assert_eq!(events[..2], [ChatEvent::Ping, ChatEvent::Ping]);
    let finishes = events
        .iter()
        .filter(|event| matches!(event, ChatEvent::Finish { .. }));
    assert_eq!(finishes.count(), 1);
    assert_eq!(told(&fold(&body).unwrap()), ("x", "stop", 3, 2));
}

#[test]
fn section_12_1_deepseek_keeps_alive_and_counts_unasked() {
    let mut last = json!({"id": "a", "model": "m", "choices": [{"index": 0,
        "delta": {"content": "", "reasoning_content": null}, "finish_reason": "stop"}]});
    last["usage"] = json!({"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5,
        "prompt_cache_hit_tokens": 2, "prompt_cache_miss_tokens": 1});
    let mut first = json!({"id": "a", "model": "m", "usage": null, "choices": [{"index": 0,
        "delta": {"role": "assistant", "content": null, "reasoning_content": "Hm"}, "finish_reason": null}]});
    let second = json!({"id": "a", "model": "m", "usage": null, "choices": [{"index": 0,
        "delta": {"content": "x", "reasoning_content": null}, "finish_reason": null}]});
    let body = [
        ": keep-alive\n\n: keep-alive\n\n".to_owned(),
        data(&first),
        data(&second),
        data(&last),
        DONE.to_owned(),
    ]
    .concat();
    let answer = fold(&body).unwrap();
    assert_eq!(told(&answer), ("x", "stop", 3, 2));
    assert_eq!(answer.choices[0].message.reasoning, "Hm");
    assert_eq!(answer.usage.unwrap().cache_read, 2);
    // Only comments are no answer.
    assert!(fold(": keep-alive\n\n: keep-alive\n\n").is_err());
    first["choices"] = json!([]);
    assert!(fold(&data(&first)).is_err());
}

#[test]
fn section_12_1_groqs_usage_is_in_x_groq_and_its_errors_have_a_name() {
    let mut first = json!({"id": "a", "model": "m", "x_groq": {"id": "req_1"}, "choices": [{"index": 0,
        "delta": {"role": "assistant", "reasoning": "Hm", "channel": "analysis"}, "finish_reason": null}]});
    let last = json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
        "x_groq": {"id": "req_1", "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5,
            "queue_time": 0.1}}});
    let text = chunk(json!({"content": "x"}), json!(null));
    let body = data(&first) + &text + &data(&last) + DONE;
    let answer = fold(&body).unwrap();
    assert_eq!(told(&answer), ("x", "stop", 3, 2));
    assert_eq!(answer.choices[0].message.reasoning, "Hm");

    let error = json!({"error": {"message": "Failed to call a function.", "type": "invalid_request_error",
        "code": "tool_use_failed", "failed_generation": "<f", "status_code": 400}});
    let failed = fold(&(text.clone() + &format!("event: error\ndata: {error}\n\n"))).unwrap_err();
    assert_eq!(failed.kind, ErrorKind::ServerError);
    assert_eq!(failed.code.as_deref(), Some("tool_use_failed"));
    first["x_groq"]["error"] = json!({"message": "Over capacity", "code": "capacity_exceeded"});
    assert_eq!(
        fold(&(text + &data(&first))).unwrap_err().kind,
        ErrorKind::Overloaded
    );
}

/// OpenAI says `usage: null` before the last chunk, others leave it out; the last has no choices.
#[test]
fn section_12_1_openais_usage_chunk_comes_last() {
    for earlier in [json!({"usage": null}), json!({})] {
        let mut first = json!({"id": "a", "model": "m", "obfuscation": "xyz", "choices": [{"index": 0,
            "delta": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]});
        let all = first.as_object_mut().unwrap();
        all.extend(earlier.as_object().unwrap().clone());
        let last = json!({"id": "a", "model": "m", "choices": [],
            "usage": {"prompt_tokens": 3, "completion_tokens": 2}});
        let answer = fold(&(data(&first) + &data(&last) + DONE)).unwrap();
        assert_eq!(told(&answer), ("x", "stop", 3, 2));
        assert!(!answer.metadata.contains_key("obfuscation"));
    }
}

#[test]
fn section_12_1_parser_duties() {
    let chunk = |choice: &Value| data(&json!({"id": "a", "model": "m", "choices": [choice]}));
    let say = |text: &str| {
        chunk(&json!({"index": 0, "delta": {"role": "assistant", "content": text}, "text": text}))
    };
    let end = chunk(&json!({"index": 0, "delta": null, "finish_reason": "stop"}));
    let usual = [say("a"), say("b"), end.clone(), DONE.to_owned()].concat();
    for body in [
        usual.clone(),
        usual.replace('\n', "\r\n"),
        usual.replace('\n', "\r"),
        usual.replace("data: ", "data:"),
        // Events that a single line end parts.
        usual.replace("\n\n", "\n"),
        format!("\u{feff}{usual}"),
        usual.replace("[DONE]", "[DONE] thanks"),
        [
            say("a"),
            data(&json!({"id": "a"})),
            say("b"),
            data(&json!({"choices": []})),
            end,
            DONE.to_owned(),
        ]
        .concat(),
    ] {
        let answer = fold(&body).unwrap();
        assert_eq!(answer.choices[0].message.text, "ab", "{body}");
        assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Stop));
    }
    // A page, or an error, where a stream was due.
    let error = json!({"error": {"message": "Busy", "code": "server_is_overloaded"}}).to_string();
    assert_eq!(fold(&error).unwrap_err().kind, ErrorKind::Overloaded);
    assert_eq!(fold("<html>").unwrap_err().kind, ErrorKind::MalformedReply);
}

/// OpenRouter's three ways to fail within a 200.
#[test]
fn section_12_4_openrouters_error_chunks() {
    let failing = json!({"id": "a", "model": "m", "choices": [{"index": 0, "delta": {"content": ""},
        "finish_reason": "error"}],
        "error": {"code": 502, "message": "Lost", "metadata": {"error_type": "provider_overloaded"}}});
    let text = chunk(json!({"content": "x"}), json!(null));
    for body in [data(&failing) + DONE, text.clone() + &data(&failing)] {
        assert_eq!(fold(&body).unwrap_err().kind, ErrorKind::Overloaded);
    }
    // After a normal end it changes nothing: the first finish counts.
    let late = json!({"id": "a", "model": "m", "error": {"code": 502, "message": "Lost"},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": null}]});
    let body = text + &chunk(json!({}), json!("length")) + &data(&late) + DONE;
    let answer = fold(&body).unwrap();
    assert_eq!(answer.choices[0].finish_reason, Some(FinishReason::Length));
    assert_eq!(answer.metadata["error"]["message"], "Lost");
}

/// Case 54: ends that are an error of the model's.
#[test]
fn section_12_4_a_finish_of_error_is_a_failure_before_output_only() {
    for word in ["error", "insufficient_system_resource"] {
        let nothing = chunk(json!({"role": "assistant", "content": ""}), json!(word)) + DONE;
        assert_eq!(
            fold(&nothing).unwrap_err().kind,
            ErrorKind::ServerError,
            "{word}"
        );
        let partial = chunk(json!({"content": "x"}), json!(word)) + DONE;
        let choice = &fold(&partial).unwrap().choices[0];
        assert_eq!(choice.native_finish_reason.as_deref(), Some(word));
    }
}
