//! The same dialect on Vertex AI (wire-protocols §1, row Vertex (Claude)).

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::adapter::ReplyHead;
use crate::chat::{MediaSource, Part};
use crate::error::ErrorKind;
use crate::surface::Surface;

fn on_vertex() -> Target {
    let mut target = target();
    target.model = "claude-sonnet-4-5-20250929".into();
    target.endpoint.provider = "vertex".into();
    target.endpoint.first_party = false;
    target.capabilities.fetches_urls = true;
    target.endpoint.surface = Surface::Vertex {
        project: Some("p".into()),
        location: "europe-west1".into(),
    };
    target
}

#[test]
fn section_1_vertex_names_the_model_in_the_path_and_the_version_in_the_body() {
    let (body, encoded) = encode_for(json!({}), &on_vertex());
    let models = "/v1/projects/p/locations/europe-west1/publishers/anthropic/models";
    assert_eq!(
        encoded.path,
        format!("{models}/claude-sonnet-4-5@20250929:rawPredict")
    );
    assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
    assert_eq!(body.get("model"), None);
    assert_eq!(body.get("stream"), None);
    assert_eq!(encoded.headers, []);
    let (body, encoded) = encode_for(json!({"stream": true}), &on_vertex());
    assert!(encoded.path.ends_with(":streamRawPredict"));
    // The vendor's own SDK leaves it in the body.
    assert_eq!(body["stream"], true);
}

#[test]
fn section_1_vertex_takes_betas_as_a_header_and_no_tier() {
    let asked = json!({"provider_options": {"anthropic": {"betas": ["context-1m-2025-08-07"],
        "anthropic_version": "mine"}}, "service_tier": "priority"});
    let (body, encoded) = encode_for(asked, &on_vertex());
    assert_eq!(
        encoded.headers,
        [("anthropic-beta", "context-1m-2025-08-07".to_owned())]
    );
    assert_eq!(body["anthropic_version"], "vertex-2023-10-16");
    assert_eq!(body.get("service_tier"), None);
    assert_eq!(
        encoded.dropped,
        [
            "provider_options.anthropic.anthropic_version",
            "service_tier"
        ]
    );
}

#[test]
fn section_6_vertex_takes_pictures_as_bytes_only() {
    let asked = json!({"messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://a.example/x.png"}}]}]});
    let request = request(asked);
    assert!(matches!(
        request.messages[0].parts[0],
        Part::Image {
            source: MediaSource::Url(_),
            ..
        }
    ));
    assert_eq!(
        Anthropic.media_to_fetch(&request, &on_vertex()),
        ["https://a.example/x.png"]
    );
    let mut own = target();
    own.capabilities.fetches_urls = true;
    assert!(Anthropic.media_to_fetch(&request, &own).is_empty());
}

#[test]
fn section_13_3_the_hosting_clouds_own_errors_are_read_too() {
    let of = |status, body: serde_json::Value| {
        let headers = BTreeMap::new();
        let head = ReplyHead {
            status,
            headers: &headers,
            now: Duration::ZERO,
        };
        Anthropic.classify(&head, body.to_string().as_bytes())
    };
    let google = |status: u16, word: &str, message: &str| json!([{"error": {"code": status, "status": word, "message": message}}]);
    for (status, word, message, kind) in [
        (
            401,
            "UNAUTHENTICATED",
            "Request had invalid credentials.",
            ErrorKind::Auth,
        ),
        (
            403,
            "PERMISSION_DENIED",
            "Permission denied.",
            ErrorKind::Permission,
        ),
        (
            404,
            "NOT_FOUND",
            "Publisher Model was not found.",
            ErrorKind::NotFound,
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded for base model",
            ErrorKind::RateLimited,
        ),
        (503, "UNAVAILABLE", "busy", ErrorKind::Overloaded),
    ] {
        let error = of(status, google(status, word, message));
        assert_eq!((error.kind, error.status), (kind, Some(status)), "{word}");
        assert_eq!(error.message, message);
    }
    let own =
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}});
    assert_eq!(of(529, own).kind, ErrorKind::Overloaded);
}

#[test]
fn section_1_vertex_counts_where_a_model_stands() {
    let asked = request(json!({"temperature": 0.5}));
    let media = MediaStore::default();
    let encoded = Anthropic
        .encode_count(&asked, &on_vertex(), &media)
        .unwrap();
    assert_eq!(
        encoded.path,
        "/v1/projects/p/locations/europe-west1/publishers/anthropic/models/count-tokens:rawPredict"
    );
    let sent: Value = serde_json::from_slice(&encoded.body).unwrap();
    assert_eq!(sent["model"], "claude-sonnet-4-5@20250929");
    assert_eq!(sent["anthropic_version"], "vertex-2023-10-16");
    assert_eq!(sent.as_object().unwrap().len(), 3, "{sent}");
}
