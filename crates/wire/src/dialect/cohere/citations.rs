//! Citations as annotations (wire-protocols §11.3): `{start, end, text, sources}`, offsets in
//! characters of the content item (64 of 64 recorded ones).

use serde_json::{Value, json};

use crate::chat::Annotation;

/// One annotation a source of the citation; `base` is where its content item begins in the text,
/// which is `chars` long so far.
pub(super) fn annotations(citation: &Value, base: usize, chars: usize) -> Vec<Annotation> {
    let offset = |key: &str| {
        citation
            .get(key)
            .and_then(Value::as_u64)
            .and_then(|offset| usize::try_from(offset).ok())
            .unwrap_or(0)
    };
    let start_index = base.saturating_add(offset("start")).min(chars);
    let end_index = base
        .saturating_add(offset("end"))
        .clamp(start_index, chars.max(start_index));
    let sources = citation.get("sources").and_then(Value::as_array);
    let sources = sources.map(Vec::as_slice).unwrap_or_default();
    if sources.is_empty() {
        return vec![Annotation {
            url: String::new(),
            title: String::new(),
            start_index,
            end_index,
            native: citation.clone(),
        }];
    }
    sources
        .iter()
        .map(|source| {
            let mut native = citation.clone();
            if let Some(list) = native.get_mut("sources") {
                *list = json!([source]);
            }
            Annotation {
                url: url_of(source),
                title: title_of(source),
                start_index,
                end_index,
                native,
            }
        })
        .collect()
}

/// The fields of the document or tool output that is cited.
fn field<'a>(source: &'a Value, names: &[&str]) -> Option<&'a str> {
    let cited = source.get("document").or_else(|| source.get("tool_output"));
    names
        .iter()
        .find_map(|name| cited?.get(name)?.as_str())
        .filter(|text| !text.is_empty())
}

/// Where the source is: a URL among its fields, or its id if that is one.
fn url_of(source: &Value) -> String {
    let id = source.get("id").and_then(Value::as_str);
    field(source, &["url", "uri", "link"])
        .or_else(|| id.filter(|id| id.starts_with("https://") || id.starts_with("http://")))
        .unwrap_or_default()
        .to_owned()
}

/// The source's title, else its id.
fn title_of(source: &Value) -> String {
    field(source, &["title", "name"])
        .or_else(|| source.get("id").and_then(Value::as_str))
        .unwrap_or_default()
        .to_owned()
}
