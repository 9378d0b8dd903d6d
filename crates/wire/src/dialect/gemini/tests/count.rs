//! Counting before a call (wire-protocols §14).

use super::*;

#[test]
fn section_14_the_whole_request_is_counted_as_one_member() {
    let asked = request(json!({
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "stream": true,
    }));
    let counted = Gemini.encode_count(&asked, &target(2), &MediaStore::default());
    let encoded = counted.unwrap();
    assert_eq!(encoded.path, "/v1beta/models/gemini-x:countTokens");
    assert!(!encoded.context.stream);
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent.as_object().unwrap().len(), 1, "{sent}");
    let whole = &sent["generateContentRequest"];
    assert_eq!(whole["model"], "models/gemini-x");
    assert_eq!(whole["systemInstruction"]["parts"][0]["text"], "Be kind.");
    assert_eq!(whole["tools"][0]["functionDeclarations"][0]["name"], "f");
    assert_eq!(whole["contents"][0]["parts"][0]["text"], "Hi");
    assert_eq!(Gemini.decode_count(br#"{"totalTokens": 13}"#), Ok(13));
}
