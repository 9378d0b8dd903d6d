//! Reads a whole v1 answer, through the machine that reads v2's.

use serde_json::{Map, Value, json};

use super::super::errors;
use super::super::machine::Machine;
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, ChatResponse, Fold};
use crate::error::UpstreamError;
use crate::reply::{malformed, read_json};

/// Members of an answer that have a place of their own in the hub, or repeat the request
/// (`chat_history` is the caller's, and the answer once more).
const KNOWN_MEMBERS: [&str; 10] = [
    "text",
    "id",
    "generation_id",
    "generations",
    "finish_reason",
    "tool_calls",
    "citations",
    "chat_history",
    "meta",
    "prompt",
];
/// Members of its `meta` that are counts.
const COUNTS: [&str; 3] = ["billed_units", "tokens", "cached_tokens"];

/// Decodes the body of a 2xx answer.
pub(in super::super) fn decode(
    body: &[u8],
    context: &DecodeContext,
) -> Result<ChatResponse, UpstreamError> {
    let answer = read_json(body)?;
    let mut fold = Fold::new();
    for event in events(&answer, context)? {
        fold.push(event);
    }
    fold.push(ChatEvent::End);
    fold.finish()
}

/// A whole answer as events, without `End`.
///
/// # Errors
/// The failure that stands there instead, or a value that is no answer.
pub(super) fn events(
    answer: &Value,
    context: &DecodeContext,
) -> Result<Vec<ChatEvent>, UpstreamError> {
    if !is_answer(answer) {
        return Err(if errors::is_error(answer) {
            errors::in_band(answer)
        } else {
            malformed("it has no `text`")
        });
    }
    let mut out = Vec::new();
    let mut machine = Machine::new(context);
    machine.start(id_of(answer), &mut out);
    if let Some(generations) = answer.get("generations").and_then(Value::as_array) {
        return generated(answer, generations, machine, out);
    }
    close(&mut machine, answer, &Value::Null, &[], &mut out)?;
    Ok(out)
}

/// Whether a value is an answer, of chat or of `/v1/generate`.
pub(super) fn is_answer(value: &Value) -> bool {
    value.get("text").is_some_and(Value::is_string)
        || value.get("tool_calls").is_some_and(Value::is_array)
        || value.get("generations").is_some_and(Value::is_array)
}

/// The id of the generation, which a stream begins with, too; the answer's own where there is none.
fn id_of(answer: &Value) -> &str {
    let text = |key: &str| answer.get(key).and_then(Value::as_str);
    text("generation_id")
        .or_else(|| text("response_id"))
        .or_else(|| text("id"))
        .unwrap_or_default()
}

/// What is left of an answer: text, calls and citations that were not streamed before, what else it
/// holds, and its end. `end` is the event that carries it in a stream; `cited` was streamed.
pub(super) fn close(
    machine: &mut Machine,
    answer: &Value,
    end: &Value,
    cited: &[Value],
    out: &mut Vec<ChatEvent>,
) -> Result<(), UpstreamError> {
    let list = |key: &str| {
        let list = answer.get(key).and_then(Value::as_array);
        list.map(Vec::as_slice).unwrap_or_default()
    };
    if !machine.wrote() {
        let text = answer.get("text").and_then(Value::as_str);
        machine.text(0, text.unwrap_or_default(), out);
    }
    calls(machine, list("tool_calls"), out)?;
    let cited = match list("citations") {
        [] => cited,
        all => all,
    };
    for citation in cited {
        machine.cite(&with_sources(citation, list("documents")), out);
    }
    let meta = answer.get("meta").unwrap_or(&Value::Null);
    machine.metadata(None, answer, &KNOWN_MEMBERS, out);
    machine.metadata(None, meta, &COUNTS, out);
    machine.finish(&ending(answer, end), out)
}

/// Whole calls: those that were streamed end here, the others begin here as well.
pub(super) fn calls(
    machine: &mut Machine,
    calls: &[Value],
    out: &mut Vec<ChatEvent>,
) -> Result<(), UpstreamError> {
    for (index, call) in (0_u64..).zip(calls) {
        machine.settle_call(index, &call_of(call), out)?;
    }
    Ok(())
}

/// A call in v2's words, as the machine reads them; it has no id.
pub(super) fn call_of(call: &Value) -> Value {
    let part = |key: &str| call.get(key).cloned().unwrap_or_default();
    json!({"function": {"name": part("name"), "arguments": part("parameters")}})
}

/// A citation with the documents that it names by their ids.
fn with_sources(citation: &Value, documents: &[Value]) -> Value {
    let ids = citation.get("document_ids").and_then(Value::as_array);
    let sources: Vec<Value> = ids
        .into_iter()
        .flatten()
        .map(|id| {
            let document = documents.iter().find(|one| one.get("id") == Some(id));
            match document {
                Some(document) => json!({"id": id, "document": document}),
                None => json!({ "id": id }),
            }
        })
        .collect();
    let mut citation = citation.clone();
    if let Some(members) = citation.as_object_mut() {
        members.insert("sources".to_owned(), sources.into());
    }
    citation
}

/// The end as v2 says it.
fn ending(answer: &Value, end: &Value) -> Value {
    let either = |key: &str| end.get(key).or_else(|| answer.get(key)).cloned();
    let mut said = Map::new();
    for key in ["finish_reason", "error"] {
        said.extend(either(key).map(|value| (key.to_owned(), value)));
    }
    let counts: Map<String, Value> = answer
        .get("meta")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter(|(key, _)| COUNTS.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    said.insert("usage".to_owned(), counts.into());
    Value::Object(said)
}

/// The answer of `/v1/generate`, which chat took the place of: `generations`, one a choice.
fn generated(
    answer: &Value,
    generations: &[Value],
    mut machine: Machine,
    mut out: Vec<ChatEvent>,
) -> Result<Vec<ChatEvent>, UpstreamError> {
    let [only] = generations else {
        return Err(malformed(
            "it has not one generation, which is what is asked for",
        ));
    };
    let mut whole = answer.clone();
    if let (Some(whole), Some(only)) = (whole.as_object_mut(), only.as_object()) {
        let own = only.iter().filter(|(key, _)| *key != "id");
        whole.extend(own.map(|(key, value)| (key.clone(), value.clone())));
    }
    let id = json!({"generation_id": only.get("id")});
    machine.metadata(None, &id, &[], &mut out);
    close(&mut machine, &whole, &Value::Null, &[], &mut out)?;
    Ok(out)
}
