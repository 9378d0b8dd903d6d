//! Counting before a call (wire-protocols §14).

use super::*;

#[test]
fn section_14_claude_is_counted_by_its_base_model() {
    let asked = request(json!({
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "max_tokens": 9, "temperature": 0.5, "stream": true,
    }));
    let media = MediaStore::default();
    let encoded = Bedrock
        .encode_count(&asked, &target(CLAUDE), &media)
        .unwrap();
    assert_eq!(encoded.path, "/model/anthropic.claude-test/count-tokens");
    assert!(!encoded.context.stream);
    assert_eq!(encoded.headers, []);
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let converse = sent["input"]["converse"].as_object().unwrap();
    let mut keys: Vec<&String> = converse.keys().collect();
    keys.sort();
    assert_eq!(keys, ["messages", "system", "toolConfig"], "{sent}");
    let refused = Bedrock
        .encode_count(&asked, &target(NOVA), &media)
        .unwrap_err();
    assert_eq!(refused.code.as_str(), "endpoint_not_offered");
    assert_eq!(Bedrock.decode_count(br#"{"inputTokens": 18}"#), Ok(18));
}
