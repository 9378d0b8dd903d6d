//! Whole answers: wire-protocols §7, §11, §12.1.

use super::*;
use crate::chat::FinishReason;

#[test]
fn section_11_text_thinking_and_counts() {
    let mut answer = end("stop");
    answer["message"] = json!({"role": "assistant", "content": "Hello", "thinking": "Hm"});
    let read = decode(&answer);
    assert_eq!(read.model, "qwen-test");
    assert_eq!(read.created, Some(1_772_445_601));
    let choice = &read.choices[0];
    assert_eq!(choice.message.text, "Hello");
    assert_eq!(choice.message.reasoning, "Hm");
    assert_eq!(choice.finish_reason, Some(FinishReason::Stop));
    let usage = read.usage.unwrap();
    assert_eq!((usage.input, usage.output), (11, 7));
    assert_eq!(choice.metadata["eval_duration"], 3);
    assert!(!choice.metadata.contains_key("eval_count"));
}

#[test]
fn section_12_1_a_prompt_without_a_count_is_not_counted_as_nothing() {
    let mut answer = end("stop");
    answer.as_object_mut().unwrap().remove("prompt_eval_count");
    let read = decode(&answer);
    assert_eq!(read.usage, None);
    assert_eq!(read.choices[0].metadata["eval_count"], 7);
}

#[test]
fn section_7_calls_with_and_without_ids() {
    let mut answer = end("stop");
    answer["message"] = json!({"role": "assistant", "content": "", "tool_calls": [
        {"id": "call_1", "function": {"index": 0, "name": "a", "arguments": {"x": [1]}}},
        {"function": {"name": "b", "arguments": {}}},
        {"function": {"name": "c"}},
    ]});
    let read = decode(&answer);
    let choice = &read.choices[0];
    let calls: Vec<(&str, &str)> = choice
        .message
        .tool_calls
        .iter()
        .map(|call| (call.name.as_str(), call.arguments.as_str()))
        .collect();
    assert_eq!(calls, [("a", "{\"x\":[1]}"), ("b", "{}"), ("c", "{}")]);
    assert_eq!(choice.message.tool_calls[0].id, "call_1");
    assert!(choice.message.tool_calls[1].id.starts_with("call_"));
    assert_ne!(
        choice.message.tool_calls[1].id,
        choice.message.tool_calls[2].id
    );
    // Derived from the calls: the server says `stop`.
    assert_eq!(choice.finish_reason, Some(FinishReason::ToolCalls));
    assert_eq!(choice.native_finish_reason.as_deref(), Some("stop"));
}

#[test]
fn section_11_1_reasons_of_the_end() {
    assert_eq!(
        decode(&end("length")).choices[0].finish_reason,
        Some(FinishReason::Length)
    );
    // Older servers say none.
    let mut silent = end("stop");
    silent.as_object_mut().unwrap().remove("done_reason");
    assert_eq!(
        decode(&silent).choices[0].finish_reason,
        Some(FinishReason::Stop)
    );
    for word in ["load", "unload"] {
        let failed = try_decode(&end(word)).unwrap_err();
        assert!(failed.message.contains(word), "{}", failed.message);
    }
}

#[test]
fn custom_tools_are_unwrapped() {
    let mut answer = end("stop");
    answer["message"] = json!({"role": "assistant", "content": "", "tool_calls": [
        {"function": {"name": "sh", "arguments": {"input": "ls"}}}]});
    let context = DecodeContext {
        custom_tools: vec!["sh".into()],
        ..DecodeContext::default()
    };
    let read = Ollama
        .decode_chat(answer.to_string().as_bytes(), &context)
        .unwrap();
    let call = &read.choices[0].message.tool_calls[0];
    assert_eq!((call.arguments.as_str(), call.custom), ("ls", true));
}

#[test]
fn logprobs_are_openais() {
    let mut answer = end("stop");
    answer["logprobs"] = json!([{"token": "a", "logprob": -0.5, "bytes": [97],
        "top_logprobs": [{"token": "a", "logprob": -0.5}]}, {"token": "b", "logprob": -1.0}]);
    let read = decode(&answer);
    let content = &read.choices[0].logprobs.as_ref().unwrap()["content"];
    assert_eq!(content[0]["top_logprobs"][0]["token"], "a");
    assert_eq!(
        content[1],
        json!({"token": "b", "logprob": -1.0, "bytes": null, "top_logprobs": []})
    );
}

/// The older `/api/generate`, whose answers are read alike.
#[test]
fn generated_text_is_read_too() {
    let read = decode(
        &json!({"model": "m", "created_at": "2024-05-24T21:02:00Z", "response": "Hi",
        "thinking": "Hm", "done": true, "done_reason": "stop", "context": [1, 2], "eval_count": 2,
        "prompt_eval_count": 3}),
    );
    assert_eq!(read.choices[0].message.text, "Hi");
    assert_eq!(read.choices[0].message.reasoning, "Hm");
    assert_eq!(read.choices[0].metadata["context"], json!([1, 2]));
}
