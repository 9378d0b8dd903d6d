//! Whether every leaf of a recorded answer is in the hub.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use crate::entry::Dialect;
use crate::ignored::is_ignored;

/// A leaf with the path that it stands at, indexes left out (`choices[].message.content`).
pub(crate) struct Leaf<'a> {
    pub(crate) path: String,
    pub(crate) value: &'a Value,
}

/// All leaves of a value that say something: no nulls, no empty text.
pub(crate) fn of(value: &Value) -> Vec<Leaf<'_>> {
    let mut out = Vec::new();
    collect(value, String::new(), &mut out);
    out
}

fn collect<'a>(value: &'a Value, path: String, out: &mut Vec<Leaf<'a>>) {
    match value {
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        Value::Array(items) => {
            for item in items {
                collect(item, format!("{path}[]"), out);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                collect(member, format!("{path}{dot}{key}"), out);
            }
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => out.push(Leaf { path, value }),
    }
}

/// What the hub holds, to be asked for single leaves.
pub(crate) struct Held {
    /// Whole texts.
    texts: HashSet<String>,
    /// All texts, to look for pieces of a stream in.
    joined: String,
    /// Numbers and booleans by the key that they stand under.
    scalars: HashSet<(String, String)>,
}

impl Held {
    pub(crate) fn new(hub: &Value) -> Self {
        let mut held = Self {
            texts: HashSet::new(),
            joined: String::new(),
            scalars: HashSet::new(),
        };
        for leaf in of(hub) {
            match leaf.value {
                Value::String(text) => {
                    held.joined.push_str(text);
                    held.joined.push('\u{0}');
                    held.texts.insert(text.clone());
                }
                other => {
                    held.scalars
                        .insert((key(&leaf.path).to_owned(), scalar(other)));
                }
            }
        }
        held
    }

    /// Whether the hub holds that leaf: text anywhere, a number or boolean under its own key.
    fn holds(&self, leaf: &Leaf<'_>) -> bool {
        match leaf.value {
            Value::String(text) => self.texts.contains(text) || self.joined.contains(text.as_str()),
            other => self
                .scalars
                .contains(&(key(&leaf.path).to_owned(), scalar(other))),
        }
    }
}

/// The last key of a path.
fn key(path: &str) -> &str {
    let end = path.trim_end_matches("[]");
    end.rsplit('.').next().unwrap_or(end)
}

/// One spelling of a number: `1`, `1.0` and `1e0` are the same.
fn scalar(value: &Value) -> String {
    match value.as_f64() {
        Some(number) => number.to_string(),
        None => value.to_string(),
    }
}

/// The leaves of `recorded` that the hub does not hold and that are not ignored.
pub(crate) fn missing(
    recorded: &[Value],
    held: &Held,
    dialect: Dialect,
    streamed: bool,
) -> Result<(), String> {
    let last = last_counts(recorded);
    let mut lost: Vec<String> = Vec::new();
    for (at, value) in recorded.iter().enumerate() {
        for leaf in of(value) {
            let replaced = counted(&leaf.path).is_some_and(|path| last.get(path) != Some(&at));
            if replaced
                || held.holds(&leaf)
                || is_ignored(dialect, streamed, &leaf.path, leaf.value)
            {
                continue;
            }
            let shown: String = leaf.value.to_string().chars().take(80).collect();
            let entry = format!("{} = {shown}", leaf.path);
            if !lost.contains(&entry) {
                lost.push(entry);
            }
        }
    }
    if lost.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{} leaves are not in the hub: {}",
            lost.len(),
            lost.join("; ")
        ))
    }
}

/// The path of a token count, the same for every event of a stream that may say it.
fn counted(path: &str) -> Option<&str> {
    let path = path.strip_prefix("message.").unwrap_or(path);
    (path.starts_with("usage.") || path.starts_with("usageMetadata.")).then_some(path)
}

/// The event that says each token count last: counts are cumulative, so earlier ones are replaced.
fn last_counts(recorded: &[Value]) -> HashMap<String, usize> {
    let mut last = HashMap::new();
    for (at, value) in recorded.iter().enumerate() {
        for leaf in of(value) {
            if let Some(path) = counted(&leaf.path) {
                last.insert(path.to_owned(), at);
            }
        }
    }
    last
}

/// Anthropic and Bedrock stream the input of a call as pieces of JSON text. Puts the pieces of each block
/// together, so that the leaves of the input can be looked for, and leaves out what follows the
/// message's end.
pub(crate) fn joined_inputs(events: &[Value]) -> Vec<Value> {
    let mut out = Vec::new();
    let mut inputs: BTreeMap<u64, String> = BTreeMap::new();
    for event in events {
        let index = event["index"]
            .as_u64()
            .or(event["contentBlockIndex"].as_u64());
        let index = index.unwrap_or_default();
        let piece = event
            .pointer("/delta/partial_json")
            .or_else(|| event.pointer("/delta/toolUse/input"));
        match piece.and_then(Value::as_str) {
            Some(piece) => inputs.entry(index).or_default().push_str(piece),
            None => out.push(event.clone()),
        }
        if event["type"] == "message_stop" {
            break;
        }
    }
    out.extend(inputs.into_values().map(|text| {
        let input = serde_json::from_str(&text).unwrap_or(Value::String(text));
        json!({ "input": input })
    }));
    out
}

/// Members of a response object that repeat the request.
const ECHO: [&str; 24] = [
    "background",
    "frequency_penalty",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// What a Responses answer says: without what it repeats of the request, without the beginnings
/// of responses and items, which their ends say again, and without the item ids and states of
/// messages and calls, which nobody needs (a call's link is its `call_id`).
pub(crate) fn of_response(recorded: Vec<Value>) -> Vec<Value> {
    const BEGINNINGS: [&str; 4] = [
        "response.created",
        "response.in_progress",
        "response.queued",
        "response.output_item.added",
    ];
    let is_end = |event: &Value| {
        event["type"]
            .as_str()
            .is_none_or(|kind| !BEGINNINGS.contains(&kind))
    };
    let mut out: Vec<Value> = recorded.into_iter().filter(is_end).collect();
    for value in &mut out {
        if let Some(response) = value.get_mut("response") {
            let response = response.take();
            *value = response;
        }
        let Some(members) = value.as_object_mut() else {
            continue;
        };
        if members.contains_key("output") {
            members.retain(|key, _| !ECHO.contains(&key.as_str()));
            if let Some(created) = members.remove("created_at") {
                members.insert("created".to_owned(), created);
            }
        }
        if let Some(items) = members.get_mut("output").and_then(Value::as_array_mut) {
            items.iter_mut().for_each(without_ids);
        }
        if let Some(item) = members.get_mut("item") {
            without_ids(item);
        }
    }
    out
}

fn without_ids(item: &mut Value) {
    let kind = item["type"].as_str().unwrap_or_default();
    if !matches!(kind, "message" | "function_call" | "custom_tool_call") {
        return;
    }
    if let Some(members) = item.as_object_mut() {
        const LINKS: [&str; 6] = ["id", "item_id", "output_index", "role", "status", "type"];
        members.retain(|key, _| !LINKS.contains(&key.as_str()));
    }
}
