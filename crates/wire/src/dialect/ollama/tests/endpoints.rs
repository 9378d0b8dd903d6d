//! Embeddings and the list of models: wire-protocols §3.6.

use super::*;
use crate::embedding::{EmbeddingInput, EmbeddingRequest};
use crate::error::ErrorKind;

fn asked(input: EmbeddingInput) -> EmbeddingRequest {
    EmbeddingRequest {
        input: vec![input, EmbeddingInput::Text("b".into())],
        dimensions: Some(4),
        user: Some("u".into()),
        ..EmbeddingRequest::default()
    }
}

#[test]
fn section_3_6_texts_are_embedded_whole_or_not_at_all() {
    let encoded = Ollama
        .encode_embeddings(&asked(EmbeddingInput::Text("a".into())), &target())
        .unwrap();
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        sent,
        json!({"model": "qwen-test", "input": ["a", "b"], "truncate": false, "dimensions": 4})
    );
    assert_eq!(
        (encoded.path.as_str(), encoded.dropped),
        ("/api/embed", vec!["user".to_owned()])
    );
    let ids = asked(EmbeddingInput::Tokens(vec![1]));
    assert!(Ollama.encode_embeddings(&ids, &target()).is_err());
}

#[test]
fn section_3_6_vectors_and_their_count() {
    let context = DecodeContext {
        embedding_inputs: vec![1, 1],
        ..DecodeContext::default()
    };
    let read = |body: Value| Ollama.decode_embeddings(body.to_string().as_bytes(), &context);
    let answer = read(json!({"model": "m", "embeddings": [[0.5, 1.0], [2.0, 3.0]],
        "total_duration": 4, "prompt_eval_count": 6}))
    .unwrap();
    assert_eq!(answer.vectors, [[0.5, 1.0], [2.0, 3.0]]);
    assert_eq!(
        (answer.model.as_str(), answer.usage.unwrap().input),
        ("m", 6)
    );
    assert_eq!(answer.metadata["total_duration"], 4);
    for wrong in [
        json!({"embeddings": [[1.0]]}),
        json!({}),
        json!({"embeddings": [["a"], [1]]}),
    ] {
        assert_eq!(read(wrong).unwrap_err().kind, ErrorKind::MalformedReply);
    }
    let failed = read(json!({"error": "no"})).unwrap_err();
    assert_eq!(failed.kind, ErrorKind::ServerError);
}

#[test]
fn section_2_models_are_those_that_were_pulled() {
    let request = Ollama.encode_models(&target().endpoint, None);
    assert_eq!((request.get, request.path.as_str()), (true, "/api/tags"));
    let body = json!({"models": [
        {"name": "qwen3:latest", "model": "qwen3:latest", "modified_at": "2026-03-02T11:00:00+01:00"},
        {"name": "old:1b"},
    ]});
    let (models, next) = Ollama.decode_models(body.to_string().as_bytes()).unwrap();
    let ids: Vec<(&str, Option<i64>)> = models
        .iter()
        .map(|model| (model.id.as_str(), model.created))
        .collect();
    assert_eq!(ids, [("qwen3", Some(1_772_445_600)), ("old:1b", None)]);
    assert_eq!(next, None);
    assert!(Ollama.decode_models(b"{}").is_err());
}
