//! Counting before a call (wire-protocols §14).

use super::*;

#[test]
fn section_14_what_is_read_is_counted_and_nothing_else_is_sent() {
    let asked = request(json!({
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "parallel_tool_calls": true, "reasoning_effort": "low", "verbosity": "low",
        "max_completion_tokens": 99, "temperature": 0.5, "metadata": {"a": "b"}, "stream": true,
        "service_tier": "auto", "prompt_cache_key": "k", "safety_identifier": "s",
    }));
    let media = MediaStore::default();
    let mut target = target();
    let encoded = Responses.encode_count(&asked, &target, &media).unwrap();
    assert_eq!(encoded.path, "/responses/input_tokens");
    assert!(!encoded.context.stream);
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let mut keys: Vec<&String> = sent.as_object().unwrap().keys().collect();
    keys.sort();
    let wanted = [
        "input",
        "model",
        "parallel_tool_calls",
        "reasoning",
        "text",
        "tools",
    ];
    assert_eq!(keys, wanted, "{sent}");
    target.endpoint.first_party = false;
    let refused = Responses.encode_count(&asked, &target, &media).unwrap_err();
    assert_eq!(refused.code.as_str(), "endpoint_not_offered");
    let answer = br#"{"object": "response.input_tokens", "input_tokens": 16}"#;
    assert_eq!(Responses.decode_count(answer), Ok(16));
}
