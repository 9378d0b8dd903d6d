//! Counting before a call (wire-protocols §14).

use serde_json::json;

use super::*;

#[test]
fn section_14_what_is_read_is_counted_and_nothing_else_is_sent() {
    let asked = request(json!({
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": "auto",
        "max_tokens": 9, "temperature": 0.5, "stop": ["x"], "user": "u", "stream": true,
        "service_tier": "auto",
        "provider_options": {"anthropic": {"top_k": 4}},
    }));
    let media = MediaStore::default();
    let mut target = target();
    target.endpoint.first_party = true;
    let encoded = Anthropic.encode_count(&asked, &target, &media).unwrap();
    assert_eq!(encoded.path, "/v1/messages/count_tokens");
    assert!(!encoded.context.stream);
    assert_eq!(encoded.headers[0].0, "anthropic-version");
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let keys: Vec<&String> = sent.as_object().unwrap().keys().collect();
    let wanted = ["model", "system", "messages", "tools", "tool_choice"];
    assert_eq!(keys, wanted, "{sent}");
    target.endpoint.first_party = false;
    let refused = Anthropic.encode_count(&asked, &target, &media).unwrap_err();
    assert_eq!(refused.code.as_str(), "endpoint_not_offered");
    assert_eq!(Anthropic.decode_count(br#"{"input_tokens": 14}"#), Ok(14));
}
