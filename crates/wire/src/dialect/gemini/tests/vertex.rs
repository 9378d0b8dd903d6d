//! The same dialect on Vertex AI: other paths, and what each API has that the other lacks.

use serde_json::{Value, json};

use super::*;
use crate::embedding::{EmbeddingInput, EmbeddingRequest};
use crate::surface::Surface;

fn on_vertex(model: &str, generation: u32) -> Target {
    let mut target = target(generation);
    target.model = model.into();
    target.endpoint.provider = "vertex".into();
    target.endpoint.surface = Surface::Vertex {
        project: Some("p".into()),
        location: "us-central1".into(),
    };
    target
}

const MODELS: &str = "/v1beta1/projects/p/locations/us-central1/publishers/google/models";

#[test]
fn section_1_vertex_paths_whole_and_streamed() {
    let target = on_vertex("google/gemini-2.5-flash", 2);
    let (_, whole) = encode_for(json!({}), &target);
    assert_eq!(
        whole.path,
        format!("{MODELS}/gemini-2.5-flash:generateContent")
    );
    let (_, streamed) = encode_for(json!({"stream": true}), &target);
    assert_eq!(
        streamed.path,
        format!("{MODELS}/gemini-2.5-flash:streamGenerateContent?alt=sse")
    );
}

#[test]
fn section_4_metadata_becomes_labels_on_vertex_only() {
    let asked =
        json!({"metadata": {"team": "search-1", "Team": "x", "note": "two words", "9": "a"}});
    let (body, encoded) = encode_for(asked.clone(), &on_vertex("gemini-x", 2));
    assert_eq!(body["labels"], json!({"team": "search-1"}));
    assert_eq!(
        encoded.dropped,
        ["metadata.9", "metadata.Team", "metadata.note"]
    );
    let (body, encoded) = encode(asked);
    assert_eq!(body.get("labels"), None);
    assert_eq!(encoded.dropped, ["metadata"]);
    let mut strict = on_vertex("gemini-x", 2);
    strict.policy.strict_params = true;
    assert!(try_encode(json!({"metadata": {"a": "b"}}), &strict).is_ok());
    assert!(try_encode(json!({"metadata": {"a": "B"}}), &strict).is_err());
}

/// The body's `serviceTier` is the Gemini API's: Vertex AI answers 400 to its words, and reads a
/// header.
#[test]
fn section_4_note_16_a_tier_is_a_header_on_vertex() {
    let name = "x-vertex-ai-llm-shared-request-type";
    for (asked, header, word) in [
        ("flex", Some("flex"), "FLEX"),
        ("priority", Some("priority"), "PRIORITY"),
        ("fast", Some("priority"), "PRIORITY"),
        ("default", None, "STANDARD"),
    ] {
        let body = json!({"service_tier": asked});
        let (sent, encoded) = encode_for(body.clone(), &on_vertex("gemini-x", 2));
        assert_eq!(sent.get("serviceTier"), None, "{asked}");
        let headers: Vec<_> = header
            .map(|value| (name, value.to_owned()))
            .into_iter()
            .collect();
        assert_eq!(encoded.headers, headers, "{asked}");
        assert!(encoded.dropped.is_empty(), "{asked}");
        let (sent, encoded) = encode(body);
        assert_eq!(sent["serviceTier"], word);
        assert!(encoded.headers.is_empty(), "{asked}");
    }
}

/// What Vertex AI may not fetch is the request's fault, and no other target's business.
#[test]
fn section_6_a_url_that_robots_may_not_read_is_refused() {
    let body = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
        "Cannot fetch content from the provided URL. Please ensure the URL is valid and accessible \
         by Vertex AI. Vertex AI respects robots.txt rules, so confirm the URL is allowed to be \
         crawled. Status: URL_ROBOTED-ROBOTED_DENIED"}});
    let headers = std::collections::BTreeMap::new();
    let head = crate::adapter::ReplyHead {
        status: 400,
        headers: &headers,
        now: std::time::Duration::ZERO,
    };
    let error = Gemini.classify(&head, body.to_string().as_bytes());
    assert_eq!(error.kind, crate::error::ErrorKind::InvalidRequest);
    assert!(error.message.contains("URL_ROBOTED"), "{}", error.message);
}

/// The caller's own query may have asked for numbers in the place of words.
#[test]
fn section_15_enums_in_answers_may_be_numbers() {
    for (number, finish) in [
        (1, crate::chat::FinishReason::Stop),
        (2, crate::chat::FinishReason::Length),
        (3, crate::chat::FinishReason::ContentFilter),
    ] {
        let answer = json!({"candidates": [{"finishReason": number,
            "content": {"role": "model", "parts": [{"text": "a"}]}}],
            "usageMetadata": {"promptTokenCount": 1, "promptTokensDetails":
                [{"modality": 1, "tokenCount": 1}], "trafficType": 1}});
        let answer = Gemini.decode_chat(answer.to_string().as_bytes(), &DecodeContext::default());
        let choice = answer.unwrap().choices.remove(0);
        assert_eq!(choice.finish_reason, Some(finish));
        assert_eq!(choice.native_finish_reason, Some(number.to_string()));
    }
}

#[test]
fn section_15_what_only_the_gemini_api_knows_is_not_sent() {
    let search = json!({"tools": [function("look")], "web_search_options": {}});
    let (body, _) = encode_for(search.clone(), &target(3));
    assert_eq!(body["toolConfig"]["includeServerSideToolInvocations"], true);
    let error = try_encode(search, &on_vertex("gemini-x", 3)).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("web_search_options"));
    // `store` is dropped on both.
    let (body, encoded) = encode_for(json!({"store": true}), &on_vertex("gemini-x", 3));
    assert_eq!(body.get("store"), None);
    assert_eq!(encoded.dropped, ["store"]);
}

fn embed(model: &str, inputs: &[&str], options: Value) -> (String, Value) {
    let request = EmbeddingRequest {
        input: inputs
            .iter()
            .map(|text| EmbeddingInput::Text((*text).into()))
            .collect(),
        dimensions: Some(256),
        provider_options: options.as_object().cloned().unwrap_or_default(),
        ..EmbeddingRequest::default()
    };
    let encoded = Gemini
        .encode_embeddings(&request, &on_vertex(model, 2))
        .unwrap();
    (encoded.path, serde_json::from_slice(&encoded.body).unwrap())
}

#[test]
fn section_3_6_embeddings_of_gemini_models_go_to_embed_content() {
    let options = json!({"gemini": {"taskType": "RETRIEVAL_QUERY"}});
    let settings = json!({"outputDimensionality": 256, "autoTruncate": false,
        "taskType": "RETRIEVAL_QUERY"});
    let content = |text: &str| json!({"role": "user", "parts": [{"text": text}]});
    let (path, body) = embed("gemini-embedding-2", &["one"], options.clone());
    assert_eq!(path, format!("{MODELS}/gemini-embedding-2:embedContent"));
    assert_eq!(
        body,
        json!({"content": content("one"), "embedContentConfig": settings})
    );
    let (path, body) = embed("gemini-embedding-2", &["one", "two"], options);
    assert_eq!(
        path,
        format!("{MODELS}/gemini-embedding-2:batchEmbedContents")
    );
    assert_eq!(
        body["requests"][1],
        json!({"content": content("two"), "embedContentConfig": settings})
    );
}

#[test]
fn section_3_6_embeddings_of_older_models_go_to_predict() {
    let options = json!({"gemini": {"taskType": "RETRIEVAL_DOCUMENT", "title": "T"},
        "vertex": {"autoTruncate": true}});
    let (path, body) = embed("text-embedding-004", &["one", "two"], options);
    assert_eq!(path, format!("{MODELS}/text-embedding-004:predict"));
    assert_eq!(
        body["instances"][1],
        json!({"content": "two", "task_type": "RETRIEVAL_DOCUMENT", "title": "T"})
    );
    assert_eq!(
        body["parameters"],
        json!({"outputDimensionality": 256, "autoTruncate": true})
    );
    let answer = br#"{"predictions":[
        {"embeddings":{"values":[1.0,0.0],"statistics":{"token_count":3,"truncated":false}}},
        {"embeddings":{"values":[0.0,1.0],"statistics":{"token_count":4.0,"truncated":false}}}],
        "metadata":{"billableCharacterCount":9}}"#;
    let context = DecodeContext {
        embedding_inputs: vec![1, 1],
        ..DecodeContext::default()
    };
    let answer = Gemini.decode_embeddings(answer, &context).unwrap();
    assert_eq!(answer.vectors, [[1.0, 0.0], [0.0, 1.0]]);
    assert_eq!(answer.usage.unwrap().input, 7);
    let fewer = br#"{"predictions":[{"embeddings":{"values":[1.0]}}]}"#;
    assert!(Gemini.decode_embeddings(fewer, &context).is_err());
}

#[test]
fn section_14_vertex_counts_members_side_by_side() {
    let asked = request(json!({
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "tool_choice": "required", "metadata": {"team": "a"}, "temperature": 0.5,
    }));
    let target = on_vertex("gemini-2.5-flash", 2);
    let counted = Gemini.encode_count(&asked, &target, &MediaStore::default());
    let encoded = counted.unwrap();
    assert_eq!(
        encoded.path,
        format!("{MODELS}/gemini-2.5-flash:countTokens")
    );
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    let mut keys: Vec<&String> = sent.as_object().unwrap().keys().collect();
    keys.sort();
    let wanted = ["contents", "generationConfig", "systemInstruction", "tools"];
    assert_eq!(keys, wanted, "{sent}");
}
