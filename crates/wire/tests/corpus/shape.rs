//! OpenAI's answer shapes by rules of our own, so that a clone without Python tests them too.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use polyroute_wire::embedding::EmbeddingResponse;
use serde_json::Value;

type Checked = Result<(), String>;

fn ensure(holds: bool, what: &str) -> Checked {
    if holds {
        Ok(())
    } else {
        Err(format!("not so: {what}"))
    }
}

fn text(value: &Value) -> bool {
    value.as_str().is_some_and(|text| !text.is_empty())
}

fn text_or_null(value: &Value) -> bool {
    value.is_null() || value.is_string()
}

const TIERS: [&str; 5] = ["auto", "default", "flex", "scale", "priority"];
const FINISHES: [&str; 4] = ["stop", "length", "tool_calls", "content_filter"];

fn common(body: &Value, object: &str) -> Checked {
    ensure(text(&body["id"]), "`id` is a text")?;
    ensure(body["object"] == object, "`object` is as it must be")?;
    ensure(body["created"].is_i64(), "`created` is an integer")?;
    ensure(text(&body["model"]), "`model` is a text")?;
    let tier = &body["service_tier"];
    let known = tier.is_null() || tier.as_str().is_some_and(|tier| TIERS.contains(&tier));
    ensure(known, "`service_tier` is one of OpenAI's")
}

/// A `chat.completion`.
pub(crate) fn completion(body: &Value) -> Checked {
    common(body, "chat.completion")?;
    let choices = body["choices"].as_array().ok_or("`choices` is no list")?;
    ensure(!choices.is_empty(), "there is a choice")?;
    let mut indexes = BTreeSet::new();
    for choice in choices {
        let index = choice["index"].as_u64().ok_or("`index` is no integer")?;
        ensure(indexes.insert(index), "each choice has its own index")?;
        let finish = choice["finish_reason"].as_str().unwrap_or_default();
        ensure(
            FINISHES.contains(&finish),
            "`finish_reason` is one of OpenAI's",
        )?;
        message(&choice["message"], finish)?;
    }
    usage(&body["usage"])
}

fn message(message: &Value, finish: &str) -> Checked {
    ensure(message["role"] == "assistant", "the assistant speaks")?;
    ensure(message.get("content").is_some(), "`content` is there")?;
    ensure(
        text_or_null(&message["content"]),
        "`content` is text or null",
    )?;
    ensure(
        text_or_null(&message["refusal"]),
        "`refusal` is text or null",
    )?;
    let mut ids = BTreeSet::new();
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        ensure(text(&call["id"]), "a call has an id")?;
        ensure(ids.insert(call["id"].to_string()), "call ids differ")?;
        if call["type"] == "custom" {
            ensure(text(&call["custom"]["name"]), "a custom call has a name")?;
            ensure(
                call["custom"]["input"].is_string(),
                "a custom call has input",
            )?;
            continue;
        }
        ensure(call["type"] == "function", "a call is of a known type")?;
        ensure(text(&call["function"]["name"]), "a call has a name")?;
        let arguments = call["function"]["arguments"].as_str();
        let arguments = arguments.ok_or("arguments are no text")?;
        let is_json = serde_json::from_str::<Value>(arguments).is_ok();
        ensure(is_json || finish == "length", "arguments are JSON")?;
    }
    ensure(
        ids.is_empty() || finish != "stop",
        "an answer with calls does not say `stop`",
    )?;
    for annotation in message["annotations"].as_array().into_iter().flatten() {
        let cited = &annotation["url_citation"];
        ensure(
            cited["url"].is_string() && cited["title"].is_string(),
            "a citation has its source",
        )?;
        ensure(
            cited["start_index"].as_u64() <= cited["end_index"].as_u64(),
            "a citation has its span",
        )?;
    }
    Ok(())
}

fn usage(usage: &Value) -> Checked {
    if usage.is_null() {
        return Ok(());
    }
    let count = |path: &str| usage.pointer(path).and_then(Value::as_u64);
    let (Some(input), Some(output), Some(total)) = (
        count("/prompt_tokens"),
        count("/completion_tokens"),
        count("/total_tokens"),
    ) else {
        return Err("usage has its three counts".to_owned());
    };
    ensure(input + output == total, "the total is the sum")?;
    let parts = [
        ("/prompt_tokens_details/cached_tokens", input),
        ("/completion_tokens_details/reasoning_tokens", output),
    ];
    for (path, parent) in parts {
        ensure(
            count(path).unwrap_or(0) <= parent,
            "a part is no more than its whole",
        )?;
    }
    Ok(())
}

/// The chunks of a whole stream in order.
pub(crate) fn chunks(stream: &str) -> Result<Vec<Value>, String> {
    let mut events: Vec<&str> = stream
        .split("\n\n")
        .filter(|event| !event.is_empty())
        .collect();
    ensure(
        events.pop() == Some("data: [DONE]"),
        "the stream ends in [DONE]",
    )?;
    let chunks = events
        .iter()
        .map(|event| {
            let data = event
                .strip_prefix("data: ")
                .ok_or("an event has one data line")?;
            serde_json::from_str(data).map_err(|error| error.to_string())
        })
        .collect::<Result<Vec<Value>, String>>()?;
    let mut finished: BTreeMap<u64, bool> = BTreeMap::new();
    let mut calls: BTreeSet<(u64, u64)> = BTreeSet::new();
    for (at, chunk) in chunks.iter().enumerate() {
        common(chunk, "chat.completion.chunk")?;
        let list = chunk["choices"].as_array().ok_or("`choices` is no list")?;
        if list.is_empty() {
            ensure(at + 1 == chunks.len(), "the usage chunk is the last")?;
            usage(&chunk["usage"])?;
        }
        for choice in list {
            let index = choice["index"].as_u64().ok_or("`index` is no integer")?;
            let delta = choice["delta"].as_object().ok_or("`delta` is no object")?;
            let first = !finished.contains_key(&index);
            ensure(
                delta.contains_key("role") == first,
                "the role comes first and once",
            )?;
            let over = finished.insert(index, choice["finish_reason"].is_string());
            ensure(over != Some(true), "nothing follows a finish")?;
            for call in choice["delta"]["tool_calls"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let call_at = call["index"].as_u64().ok_or("a call has no index")?;
                let new = calls.insert((index, call_at));
                ensure(
                    call.get("id").is_some() == new,
                    "a call's id comes first and once",
                )?;
            }
        }
    }
    ensure(finished.values().all(|over| *over), "every choice finishes")?;
    Ok(chunks)
}

/// An embeddings list.
pub(crate) fn embeddings(body: &Value, answer: &EmbeddingResponse, base64: bool) -> Checked {
    ensure(body["object"] == "list", "`object` is `list`")?;
    ensure(body["model"].is_string(), "`model` is a text")?;
    ensure(body["usage"]["prompt_tokens"].is_u64(), "usage is there")?;
    let data = body["data"].as_array().ok_or("`data` is no list")?;
    ensure(
        data.len() == answer.vectors.len(),
        "there is one row a vector",
    )?;
    for (at, (row, vector)) in data.iter().zip(&answer.vectors).enumerate() {
        ensure(
            row["index"].as_u64() == u64::try_from(at).ok(),
            "rows are in order",
        )?;
        ensure(
            row["embedding"].is_string() == base64,
            "the encoding is as asked for",
        )?;
        ensure(
            &read_vector(&row["embedding"])? == vector,
            "the vector is unchanged",
        )?;
    }
    Ok(())
}

fn read_vector(value: &Value) -> Result<Vec<f32>, String> {
    if let Some(text) = value.as_str() {
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text)
            .map_err(|error| error.to_string())?;
        let (numbers, _) = bytes.as_chunks::<4>();
        return Ok(numbers
            .iter()
            .map(|bytes| f32::from_le_bytes(*bytes))
            .collect());
    }
    #[expect(clippy::cast_possible_truncation, reason = "vectors are float32")]
    let numbers = value
        .as_array()
        .ok_or("a vector is no list")?
        .iter()
        .map(|number| number.as_f64().unwrap_or(f64::NAN) as f32)
        .collect();
    Ok(numbers)
}

/// Whether a vector of unit length points where the recorded one of signed bytes does.
fn same_direction(recorded: &Value, vector: &[f32]) -> Result<bool, String> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(recorded.as_str().unwrap_or_default())
        .map_err(|error| error.to_string())?;
    let pairs = || {
        let bytes = bytes.iter().map(|byte| f64::from(byte.cast_signed()));
        bytes.zip(vector.iter().copied().map(f64::from))
    };
    let (dot, recorded, held) = pairs().fold((0.0, 0.0, 0.0), |(dot, left, right), (a, b)| {
        (dot + a * b, left + a * a, right + b * b)
    });
    let cosine = dot / f64::sqrt(recorded * held);
    let close = |number: f64| (number - 1.0).abs() < 1e-5;
    Ok(bytes.len() == vector.len() && close(cosine) && close(held))
}

/// Whether the hub holds the recorded vectors, model and token counts.
pub(crate) fn same_vectors(recorded: &Value, answer: &EmbeddingResponse, int8: bool) -> Checked {
    // OpenAI's list, Vertex AI's predictions, Gemini's batch, Cohere's lists by type, Gemini's
    // single one; Ollama's of bare vectors.
    let predictions = recorded["predictions"].as_array();
    let rows: Vec<&Value> = match (&recorded["data"], &recorded["embeddings"]) {
        _ if predictions.is_some() => predictions
            .into_iter()
            .flatten()
            .map(|row| &row["embeddings"]["values"])
            .collect(),
        (_, Value::Object(by_type)) => by_type
            .values()
            .filter_map(Value::as_array)
            .flatten()
            .collect(),
        (Value::Array(rows), _) => rows.iter().map(|row| &row["embedding"]).collect(),
        (_, Value::Array(rows)) => rows
            .iter()
            .map(|row| row.get("values").unwrap_or(row))
            .collect(),
        _ => {
            let one = &recorded["embedding"];
            vec![one.get("values").unwrap_or(one)]
        }
    };
    ensure(rows.len() == answer.vectors.len(), "every vector is there")?;
    for (row, vector) in rows.iter().zip(&answer.vectors) {
        let same = if int8 {
            same_direction(row, vector)?
        } else {
            &read_vector(row)? == vector
        };
        ensure(same, "a vector is as recorded")?;
    }
    if let Some(model) = recorded["model"].as_str() {
        ensure(answer.model == model, "the model is kept")?;
    }
    let counted: Option<u64> = predictions.map(|rows| {
        let tokens = |row: &Value| row.pointer("/embeddings/statistics/token_count")?.as_u64();
        rows.iter().filter_map(tokens).sum()
    });
    if let Some(counted) = counted {
        let usage = answer.usage.as_ref();
        ensure(
            usage.is_some_and(|usage| usage.input == counted),
            "tokens are summed",
        )?;
    }
    let usage = recorded.get("usage").or(recorded.get("usageMetadata"));
    if let Some(usage) = usage {
        let native = answer
            .usage
            .as_ref()
            .map(|usage| Value::from(usage.native.clone()));
        ensure(native.as_ref() == Some(usage), "usage is kept")?;
    }
    Ok(())
}
