//! Citations: `groundingMetadata` and `citationMetadata` as annotations (wire-protocols §11.3).

use serde_json::{Map, Value, json};

use super::read::{field, list, member, text};
use crate::chat::Annotation;

/// Searches that the provider ran for one candidate.
pub(super) fn searches(metadata: &Map<String, Value>) -> u64 {
    member(metadata, "groundingMetadata")
        .map(|grounding| list(grounding, "webSearchQueries").len())
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(0)
}

/// The citations of one candidate, whose content text is `said`.
pub(super) fn annotations(metadata: &Map<String, Value>, said: &str) -> Vec<Annotation> {
    let mut found = Vec::new();
    if metadata.is_empty() {
        return found;
    }
    let said = &Said::new(said);
    if let Some(grounding) = member(metadata, "groundingMetadata") {
        let chunks = list(grounding, "groundingChunks");
        for support in list(grounding, "groundingSupports") {
            let Some(segment) = field(support, "segment") else {
                continue;
            };
            let (start_index, end_index) = span(segment, said);
            for at in list(support, "groundingChunkIndices") {
                let chunk = at
                    .as_u64()
                    .and_then(|at| usize::try_from(at).ok())
                    .and_then(|at| chunks.get(at));
                let Some(chunk) = chunk else { continue };
                let source = ["web", "retrievedContext", "maps", "image"]
                    .iter()
                    .find_map(|name| field(chunk, name))
                    .unwrap_or(&Value::Null);
                found.push(Annotation {
                    url: text(source, "uri").to_owned(),
                    title: text(source, "title").to_owned(),
                    start_index,
                    end_index,
                    native: json!({"groundingSupport": support, "groundingChunk": chunk}),
                });
            }
        }
    }
    if let Some(citations) = member(metadata, "citationMetadata") {
        let sources = ["citations", "citationSources"]
            .iter()
            .flat_map(|name| list(citations, name));
        for source in sources {
            let (start_index, end_index) = span(source, said);
            found.push(Annotation {
                url: text(source, "uri").to_owned(),
                title: text(source, "title").to_owned(),
                start_index,
                end_index,
                native: source.clone(),
            });
        }
    }
    found
}

/// A segment's place in characters. Its offsets are bytes of UTF-8, and a start of 0 is left out.
/// Where the segment names its text and the offsets (which may count from its own part) do not
/// give that text, the text's place decides.
fn span(segment: &Value, said: &Said<'_>) -> (usize, usize) {
    let offset = |name| {
        field(segment, name)
            .and_then(Value::as_u64)
            .and_then(|offset| usize::try_from(offset).ok())
    };
    let mut start = offset("startIndex").unwrap_or(0);
    let mut end = offset("endIndex").unwrap_or(said.text.len());
    let words = text(segment, "text");
    if !words.is_empty()
        && said.text.get(start..end) != Some(words)
        && let Some(at) = said.text.find(words)
    {
        start = at;
        end = at + words.len();
    }
    let start = said.chars_before(start);
    (start, said.chars_before(end).max(start))
}

/// A text and where each of its characters starts, so that many offsets cost one walk.
struct Said<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Said<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            starts: text.char_indices().map(|(at, _)| at).collect(),
        }
    }

    fn chars_before(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start < offset)
    }
}

/// Joins a later piece of an object into what is known. A list that repeats and extends the known
/// one replaces it; another one (or any, if `always_append`) is appended.
pub(super) fn join(known: &mut Value, later: &Value, always_append: bool) {
    match (known, later) {
        (Value::Object(known), Value::Object(later)) => {
            for (key, value) in later {
                match known.get_mut(key) {
                    Some(known) => join(known, value, always_append),
                    None => {
                        known.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        (Value::Array(known), Value::Array(later)) => {
            if always_append || !later.starts_with(known) {
                if always_append || !known.ends_with(later) {
                    known.extend(later.iter().cloned());
                }
            } else {
                known.clone_from(later);
            }
        }
        (_, Value::Null) => {}
        (known, later) => *known = later.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    /// §11.3: segment indexes are bytes; Vertex AI alike.
    #[test]
    fn case_28_byte_offsets_become_characters_and_a_missing_start_is_zero() {
        let said = "Zürich 😀 ist schön.";
        let metadata = map(&json!({"groundingMetadata": {
            "webSearchQueries": ["a", "b"],
            "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}},
                                {"retrievedContext": {"title": "doc"}}],
            "groundingSupports": [
                {"segment": {"endIndex": 7, "text": "Zürich"}, "groundingChunkIndices": [0, 1, 9]},
                {"segment": {"startIndex": 8, "endIndex": 12}, "groundingChunkIndices": [0]}]}}));
        let found = annotations(&metadata, said);
        let spans: Vec<_> = found
            .iter()
            .map(|found| (found.start_index, found.end_index, found.title.as_str()))
            .collect();
        assert_eq!(spans, [(0, 6, "A"), (0, 6, "doc"), (7, 8, "A")]);
        assert_eq!(found[1].url, "");
        assert_eq!(searches(&metadata), 2);
    }

    #[test]
    fn offsets_that_count_from_a_later_part_are_found_by_their_text() {
        let segment = json!({"startIndex": 0, "endIndex": 3, "text": "two"});
        assert_eq!(span(&segment, &Said::new("one two")), (4, 7));
        assert_eq!(
            span(
                &json!({"startIndex": 90, "endIndex": 99}),
                &Said::new("short")
            ),
            (5, 5)
        );
    }

    #[test]
    fn pieces_are_joined() {
        let mut known = json!({"a": ["x"], "b": [1], "c": {}});
        join(
            &mut known,
            &json!({"a": ["x", "y"], "b": [2], "c": {"d": 1}}),
            false,
        );
        join(&mut known, &json!({"c": {}}), false);
        assert_eq!(known, json!({"a": ["x", "y"], "b": [1, 2], "c": {"d": 1}}));
        join(&mut known, &json!({"b": [1, 2]}), true);
        assert_eq!(known["b"], json!([1, 2, 1, 2]));
    }
}
