//! Rerank requests, in the shape that Cohere and Jina share and most servers copy.

use serde_json::{Map, Value};

use super::fields::{Fields, invalid_type, invalid_value, missing};
use crate::error::ParseError;
use crate::json::RawObject;
use crate::rerank::{RerankDocument, RerankRequest};

/// Most documents of one request: Cohere's own limit on what it splits them into.
const DOCUMENTS_MAX: usize = 10_000;

/// Reads a rerank request.
///
/// # Errors
/// The first thing wrong in it, with its path and what to change.
pub fn parse_rerank(raw: &RawObject<'_>) -> Result<RerankRequest, ParseError> {
    let mut fields = Fields::of_raw(raw)?;
    let model = super::model(&mut fields)?;
    let query = fields.required_string("query", "Send the text to look for.")?;
    if query.trim().is_empty() {
        return Err(invalid_value(
            "query",
            "`query` is empty. Send the text to look for.",
        ));
    }
    let rank_fields = rank_fields(&mut fields)?;
    let documents = fields
        .list("documents")?
        .ok_or_else(|| missing("documents", "Send a list of texts."))?;
    if documents.is_empty() || documents.len() > DOCUMENTS_MAX {
        return Err(invalid_value(
            "documents",
            &format!(
                "`documents` holds {} documents. Send 1 to {DOCUMENTS_MAX}.",
                documents.len()
            ),
        ));
    }
    let documents = documents
        .into_iter()
        .enumerate()
        .map(|(at, item)| document(item, &rank_fields, &format!("documents[{at}]")))
        .collect::<Result<Vec<_>, _>>()?;
    let mut request = RerankRequest {
        model,
        query,
        documents,
        top_n: fields.small("top_n", 1, u32::MAX)?,
        return_documents: fields.boolean("return_documents")?.unwrap_or(false),
        max_tokens_per_doc: fields.small("max_tokens_per_doc", 1, u32::MAX)?,
        provider_options: super::provider_options(&mut fields)?,
        unread: Vec::new(),
    };
    // The caller's tags: read by the gateway, no provider takes them here.
    fields.take("metadata");
    super::own_members(&mut fields);
    fields.rest(&mut request.unread);
    request.unread.sort_unstable();
    Ok(request)
}

/// The fields of structured documents that count, in order; empty for the text, or all of them.
fn rank_fields(fields: &mut Fields) -> Result<Vec<String>, ParseError> {
    let Some(names) = fields.list("rank_fields")? else {
        return Ok(Vec::new());
    };
    let names: Option<Vec<String>> = names
        .iter()
        .map(|name| name.as_str().map(ToOwned::to_owned))
        .collect();
    names
        .filter(|names| !names.is_empty())
        .ok_or_else(|| invalid_type("rank_fields", "a list of at least one field name"))
}

/// A text, or an object with `text` or with fields of its own.
fn document(item: Value, ranked: &[String], path: &str) -> Result<RerankDocument, ParseError> {
    let (text, object) = match item {
        Value::String(text) => (text, None),
        Value::Object(object) => {
            let text = match (ranked, object.get("text")) {
                ([], Some(Value::String(text))) => text.clone(),
                ([], _) => lines(&object, object.keys().map(String::as_str)),
                (ranked, _) => lines(&object, ranked.iter().map(String::as_str)),
            };
            (text, Some(object))
        }
        _ => return Err(invalid_type(path, "a text or an object with `text`")),
    };
    if text.trim().is_empty() {
        return Err(invalid_value(
            path,
            &format!("`{path}` has no text to rank. Send text, or leave it out."),
        ));
    }
    Ok(RerankDocument { text, object })
}

/// `name: value` lines of those fields that are there and not null.
fn lines<'a>(object: &Map<String, Value>, names: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<String> = names
        .filter_map(|name| match object.get(name)? {
            Value::Null => None,
            Value::String(text) => Some(format!("{name}: {text}")),
            other => Some(format!("{name}: {other}")),
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<RerankRequest, ParseError> {
        let text = body.to_string();
        parse_rerank(&RawObject::parse(text.as_bytes()).unwrap())
    }

    #[test]
    fn texts_objects_and_ranked_fields_become_text() {
        let request = parse(&json!({"model": "r", "query": "q", "top_n": 2,
            "documents": ["one", {"text": "two", "id": 7}, {"title": "T", "n": 3, "x": null}],
            "return_documents": true, "metadata": {"team": "a"}, "extra": 1}))
        .unwrap();
        assert_eq!(request.texts(), ["one", "two", "title: T\nn: 3"]);
        assert_eq!((request.top_n, request.return_documents), (Some(2), true));
        assert_eq!(request.unread, ["extra"]);
        let ranked = parse(
            &json!({"model": "r", "query": "q", "rank_fields": ["n", "title"],
            "documents": [{"title": "T", "n": 3, "text": "left out"}]}),
        )
        .unwrap();
        assert_eq!(ranked.texts(), ["n: 3\ntitle: T"]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (body, param) in [
            (json!({"model": "r", "documents": ["a"]}), "query"),
            (
                json!({"model": "r", "query": " ", "documents": ["a"]}),
                "query",
            ),
            (json!({"model": "r", "query": "q"}), "documents"),
            (
                json!({"model": "r", "query": "q", "documents": []}),
                "documents",
            ),
            (
                json!({"model": "r", "query": "q", "documents": ["a", 3]}),
                "documents[1]",
            ),
            (
                json!({"model": "r", "query": "q", "documents": [{"a": null}]}),
                "documents[0]",
            ),
            (
                json!({"model": "r", "query": "q", "documents": ["a"], "top_n": 0}),
                "top_n",
            ),
            (
                json!({"model": "r", "query": "q", "documents": ["a"], "rank_fields": []}),
                "rank_fields",
            ),
        ] {
            let error = parse(&body).unwrap_err();
            assert_eq!(error.param.as_deref(), Some(param), "{body}");
        }
    }
}
