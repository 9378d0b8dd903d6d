//! Embeddings (wire-protocols §3.6), reranking and the model list (§1).

use serde_json::json;

use super::*;
use crate::adapter::Endpoint;
use crate::embedding::{EmbeddingInput, EmbeddingRequest};
use crate::error::{EncodeErrorCode, ErrorKind};
use crate::rerank::{RerankDocument, RerankRequest};

fn options(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().cloned().unwrap()
}

#[test]
fn section_3_6_embeddings_have_an_input_type_and_dimensions() {
    let request = EmbeddingRequest {
        input: vec![
            EmbeddingInput::Text("one".into()),
            EmbeddingInput::Text("two".into()),
        ],
        dimensions: Some(256),
        user: Some("u".into()),
        unread: vec!["extra".into()],
        ..EmbeddingRequest::default()
    };
    let encoded = Cohere.encode_embeddings(&request, &target()).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        body,
        json!({"model": "command-test", "texts": ["one", "two"], "input_type": "search_document",
            "embedding_types": ["float"], "output_dimension": 256})
    );
    assert_eq!(
        (
            encoded.path.as_str(),
            encoded.context.embedding_inputs.len()
        ),
        ("/v2/embed", 2)
    );
    assert_eq!(encoded.dropped, ["extra", "user"]);
    let own = EmbeddingRequest {
        input: vec![EmbeddingInput::Text("q".into())],
        provider_options: options(json!({"cohere": {"input_type": "search_query",
            "embedding_types": ["int8"], "texts": ["no"]}})),
        ..EmbeddingRequest::default()
    };
    let encoded = Cohere.encode_embeddings(&own, &target()).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        (
            &body["input_type"],
            &body["embedding_types"],
            &body["texts"]
        ),
        (&json!("search_query"), &json!(["int8"]), &json!(["q"]))
    );
    assert_eq!(encoded.dropped, ["provider_options.cohere.texts"]);
    let tokens = EmbeddingRequest {
        input: vec![EmbeddingInput::Tokens(vec![1])],
        ..EmbeddingRequest::default()
    };
    let error = Cohere.encode_embeddings(&tokens, &target()).unwrap_err();
    assert_eq!(error.code, EncodeErrorCode::UnsupportedContent);
}

#[test]
fn section_3_6_vectors_of_every_type_are_read() {
    let context = DecodeContext {
        embedding_inputs: vec![1],
        ..DecodeContext::default()
    };
    for embeddings in [
        json!({"float": [[1.0, -0.5]]}),
        json!({"base64": ["AACAPwAAAL8="]}),
        json!([[1.0, -0.5]]),
    ] {
        let body = json!({"id": "e", "texts": ["a"], "embeddings": embeddings,
            "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 7, "image_tokens": 2}}});
        let read = Cohere
            .decode_embeddings(body.to_string().as_bytes(), &context)
            .unwrap();
        assert_eq!(read.vectors, [vec![1.0, -0.5]]);
        assert_eq!(read.usage.unwrap().input, 9);
        assert_eq!(read.metadata["id"], "e");
        assert!(!read.metadata.contains_key("texts"));
    }
    let int8 = json!({"embeddings": {"int8": [[18, -7]]}});
    let read = Cohere
        .decode_embeddings(int8.to_string().as_bytes(), &context)
        .unwrap();
    assert_eq!(read.vectors, [vec![18.0, -7.0]]);
    for broken in [
        json!({"embeddings": {"float": []}}),
        json!({"embeddings": {"float": [[1], [2]]}}),
        json!({"embeddings": {"float": [["a"]]}}),
        json!({"embeddings": {"base64": ["AAA="]}}),
        json!({"embeddings": {"later": [[1]]}}),
    ] {
        let error = Cohere.decode_embeddings(broken.to_string().as_bytes(), &context);
        assert_eq!(
            error.unwrap_err().kind,
            ErrorKind::MalformedReply,
            "{broken}"
        );
    }
}

#[test]
fn rerank_sends_texts_and_reads_scores() {
    let request = RerankRequest {
        query: "ruby".into(),
        documents: ["a", "b"]
            .map(|text| RerankDocument {
                text: text.into(),
                object: None,
            })
            .into(),
        top_n: Some(1),
        return_documents: true,
        max_tokens_per_doc: Some(100),
        provider_options: options(json!({"cohere": {"priority": 3, "query": "no"}})),
        unread: vec!["extra".into()],
        ..RerankRequest::default()
    };
    let encoded = Cohere.encode_rerank(&request, &target()).unwrap();
    let body: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(
        body,
        json!({"model": "command-test", "query": "ruby", "documents": ["a", "b"], "top_n": 1,
            "max_tokens_per_doc": 100, "priority": 3})
    );
    assert_eq!(encoded.path, "/v2/rerank");
    assert_eq!(encoded.dropped, ["extra", "provider_options.cohere.query"]);
    let answer = json!({"id": "r", "results": [{"index": 1, "relevance_score": 0.75}],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}});
    let read = Cohere
        .decode_rerank(answer.to_string().as_bytes(), &encoded.context)
        .unwrap();
    assert_eq!((read.id.as_str(), read.results[0].index), ("r", 1));
    assert_eq!(read.usage.unwrap().searches, 1);
    let stray = json!({"results": [{"index": 2, "relevance_score": 0.75}]});
    let error = Cohere.decode_rerank(stray.to_string().as_bytes(), &encoded.context);
    assert_eq!(error.unwrap_err().kind, ErrorKind::MalformedReply);
}

#[test]
fn section_1_the_model_list_has_pages_and_windows() {
    let first = Cohere.encode_models(&Endpoint::default(), None);
    assert!(first.get);
    assert_eq!(first.path, "/v1/models?page_size=1000");
    let next = Cohere.encode_models(&Endpoint::default(), Some("a/b="));
    assert_eq!(next.path, "/v1/models?page_size=1000&page_token=a%2Fb%3D");
    let page = json!({"models": [{"name": "command-r", "context_length": 128000.0}, {"name": "new"}],
        "next_page_token": "t"});
    let (models, token) = Cohere.decode_models(page.to_string().as_bytes()).unwrap();
    assert_eq!(
        (models[0].id.as_str(), models[0].context_window),
        ("command-r", Some(128_000))
    );
    assert_eq!(
        (models[1].context_window, token.as_deref()),
        (None, Some("t"))
    );
    for broken in ["{}", "[", "{\"models\":3}"] {
        let error = Cohere.decode_models(broken.as_bytes()).unwrap_err();
        assert_eq!(error.kind, ErrorKind::MalformedReply, "{broken}");
    }
}
