//! Small parsers: delays, data URLs, pictures' heads, model names in paths, tool names, estimates.

use std::collections::BTreeSet;

use polyroute_engine::estimate::{Form, units};
use polyroute_wire::adapter::Endpoint;
use polyroute_wire::classify::{is_context_length, nine_characters, synthetic_call_id};
use polyroute_wire::delay::{parse_duration, parse_http_date, parse_rfc3339};
use polyroute_wire::media::{effective_type, image_size, parse_data_url, sniff};
use polyroute_wire::names::{NameMap, NameRule};
use polyroute_wire::surface::{Surface, VertexModel};
use polyroute_wire::url::percent_encode;

use crate::input::Input;

/// Any text, and bytes.
pub(crate) fn run(data: &[u8]) {
    let input = Input::new(data);
    let text = String::from_utf8_lossy(input.rest);
    for seconds in [parse_http_date(&text), parse_rfc3339(&text)] {
        assert!(seconds.is_none_or(f64::is_finite));
    }
    let _ = parse_duration(&text);
    let _ = (
        sniff(input.rest),
        is_context_length(&text),
        nine_characters(&text),
    );
    assert!(!synthetic_call_id(&text, 0, 1).is_empty());
    if let Some((kind, data)) = parse_data_url(&text) {
        assert!(kind.len() + data.len() <= 2 * text.len() + 4);
        let _ = effective_type(&kind, &data);
    }
    for data in [text.as_ref(), &encoded(input.rest)] {
        let _ = (image_size(data), effective_type("", data));
    }
    let escaped = percent_encode(&text);
    assert!(escaped.len() <= 3 * text.len());
    assert!(
        escaped
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"/?#".contains(&byte))
    );
    paths(&text);
    names(&text);
    for form in [Form::Plain, Form::Escaped, Form::Structure] {
        // A byte is never more than a few tokens: an estimate can't run away.
        let milli = units(input.rest, form);
        assert!(milli <= 4_000 * input.rest.len() as u64 + 1_000, "{milli}");
    }
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A model's name never leaves its place in a path.
fn paths(model: &str) {
    let _ = VertexModel::read(model).wire_id();
    let vertex = Surface::Vertex {
        project: Some("p".to_owned()),
        location: "l".to_owned(),
    };
    for surface in [
        Surface::Direct,
        vertex,
        Surface::AzureV1,
        Surface::AzureDeployments,
    ] {
        let endpoint = Endpoint {
            surface,
            ..Endpoint::default()
        };
        let paths = [
            endpoint.openai_path(model, "/chat/completions").map(Some),
            endpoint.vertex_path(model, "generateContent"),
        ];
        for path in paths.into_iter().flatten().flatten() {
            assert!(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(!path.contains('#') && path.matches('?').count() <= 1);
            let is_dots = |segment: &str| matches!(segment, "." | ".." | "");
            assert!(!path.split(['/', '?']).skip(1).any(is_dots), "{path}");
        }
    }
}

/// Tool names fit the wire's rule, and lead back.
fn names(text: &str) {
    let names: BTreeSet<&str> = text
        .split([' ', '\n'])
        .filter(|name| !name.is_empty())
        .take(64)
        .collect();
    for rule in [NameRule::STRICT, NameRule::GEMINI] {
        let map = NameMap::new(names.iter().copied(), &rule);
        let mut sent = BTreeSet::new();
        for name in &names {
            let wire = map.to_wire(name);
            assert!(rule.fits(wire), "{wire}");
            assert!(sent.insert(wire), "two names became {wire}");
            assert_eq!(map.to_caller(wire), *name);
        }
    }
}
