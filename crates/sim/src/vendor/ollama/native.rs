//! Ollama's own API: `/api/chat` as JSON or as one JSON object a line, embeddings, the list of
//! models, and what a model can do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::{OLLAMA, go_words, prompt_tokens};
use crate::answer::{Finish, Turn, text as words};
use crate::clock::rfc3339;
use crate::dialect::openai::accept::prompt;
use crate::models::{Known, Model, Purpose, Thinking};
use crate::prompt::{Prompt, Refusal};
use crate::seed::Dice;
use crate::strict::{
    self, Field, Finding, Shape, Step, list, may, null, set, text, whole as number,
};
use crate::wire::{Context, Event, Kind};

/// Words that `think` takes beside `true` and `false`.
const LEVELS: [&str; 4] = ["low", "medium", "high", "max"];
const NUMBER: Shape = Shape::Num(f64::MIN, f64::MAX);

static CHAT: &[Field] = &[
    may!("model", Shape::Text),
    null!("messages", Shape::List(&Shape::Object)),
    null!("stream", Shape::Bool),
    null!("tools", Shape::List(&Shape::Object)),
    null!("options", Shape::Object),
    null!("truncate", Shape::Bool),
    null!("shift", Shape::Bool),
    null!("logprobs", Shape::Bool),
    null!("top_logprobs", NUMBER),
];
static MESSAGE: &[Field] = &[
    may!("role", Shape::Text),
    may!("content", Shape::Text),
    null!("thinking", Shape::Text),
    null!("images", Shape::List(&Shape::Text)),
    null!("tool_calls", Shape::List(&Shape::Object)),
    may!("tool_name", Shape::Text),
    may!("tool_call_id", Shape::Text),
];
static OPTIONS: &[Field] = &[
    null!("num_ctx", NUMBER),
    null!("num_predict", NUMBER),
    null!("temperature", NUMBER),
    null!("top_p", NUMBER),
    null!("top_k", NUMBER),
    null!("seed", NUMBER),
    null!("stop", Shape::List(&Shape::Text)),
    null!("min_p", NUMBER),
    null!("repeat_penalty", NUMBER),
    null!("frequency_penalty", NUMBER),
    null!("presence_penalty", NUMBER),
];
static TOOL: &[Field] = &[may!("type", Shape::Text), may!("function", Shape::Object)];
static FUNCTION: &[Field] = &[
    may!("name", Shape::Text),
    may!("description", Shape::Text),
    may!("parameters", Shape::Object),
];
static PARAMETERS: &[Field] = &[
    may!("type", Shape::Text),
    null!("required", Shape::List(&Shape::Text)),
    null!("properties", Shape::Object),
];

pub(super) fn refuse(status: u16, words: impl Into<String>) -> Refusal {
    Refusal {
        status,
        body: json!({"error": words.into()}),
    }
}

pub(super) fn fits(
    members: &Map<String, Value>,
    fields: &'static [Field],
    at: &[Step],
) -> Result<(), Refusal> {
    for field in fields {
        let Some(value) = members.get(field.name).filter(|value| !value.is_null()) else {
            continue;
        };
        let mut path = at.to_vec();
        path.push(Step::Key(field.name.to_owned()));
        strict::look(value, &field.shape, path)
            .map_err(|finding: Finding| refuse(400, go_words("ChatRequest", &finding)))?;
    }
    Ok(())
}

/// Accepts a native chat body, or refuses it.
///
/// # Errors
/// Status and `{"error": "text"}`.
pub(in super::super) fn accept_chat(body: &[u8]) -> Result<Prompt, Refusal> {
    let members = object(body)?;
    fits(&members, CHAT, &[])?;
    let body = Value::Object(members);
    tools_fit(&body)?;
    for message in list(&body, "messages") {
        if let Some(members) = message.as_object() {
            fits(members, MESSAGE, &[Step::Key("messages".to_owned())])?;
        }
        images_fit(message)?;
        calls_fit(message)?;
    }
    let model = text(&body, "model");
    if model.is_empty() {
        return Err(refuse(400, "model is required"));
    }
    if model == "llama3" && !list(&body, "tools").is_empty() {
        let words = format!("registry.ollama.ai/library/{model}:latest does not support tools");
        return Err(refuse(400, words));
    }
    let options = body.get("options").cloned().unwrap_or_default();
    let mut prompt = prompt(&translated(&body, &options));
    settings(&body, &options, &mut prompt)?;
    Ok(prompt)
}

/// A body that must be an object.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(refuse(
            400,
            "invalid character 'x' looking for beginning of value",
        )),
    }
}

/// What chats and single texts are asked for alike.
pub(super) fn settings(body: &Value, options: &Value, prompt: &mut Prompt) -> Result<(), Refusal> {
    if let Some(options) = options.as_object() {
        fits(options, OPTIONS, &[Step::Key("options".to_owned())])?;
    }
    if set(body, "top_logprobs").and_then(number).unwrap_or(0) > 20 {
        return Err(refuse(400, "top_logprobs must be between 0 and 20"));
    }
    let model = text(body, "model");
    let known = OLLAMA.model(model, false);
    let thinking = known.as_ref().map(|known| known.model.thinking);
    let asked = match body.get("think") {
        Some(Value::Bool(asked)) => Some(*asked),
        Some(Value::String(level)) if LEVELS.contains(&level.as_str()) => Some(true),
        Some(Value::String(level)) => {
            return Err(refuse(
                400,
                format!(
                    "invalid think value: {level:?} (must be \"high\", \"medium\", \"low\", \"max\", true, or false)"
                ),
            ));
        }
        _ => None,
    };
    if asked == Some(true) && thinking == Some(Thinking::Never) {
        return Err(refuse(400, format!("{model:?} does not support thinking")));
    }
    // Native streams unless told not to.
    prompt.stream = body.get("stream") != Some(&Value::Bool(false));
    prompt.thinking = asked.unwrap_or(thinking != Some(Thinking::Never));
    prompt.show_thoughts = asked != Some(false);
    prompt.context_size = set(options, "num_ctx").and_then(number);
    prompt.refuses_to_be_cut = body.get("truncate") == Some(&Value::Bool(false));
    match body.get("format") {
        Some(Value::String(word)) if word == "json" => prompt.json_mode = true,
        Some(schema @ Value::Object(_)) => prompt.schema = Some(schema.clone()),
        Some(Value::String(word)) if word.is_empty() => {}
        Some(Value::Null) | None => {}
        Some(other) => {
            return Err(refuse(
                400,
                format!("invalid format: {other}; expected \"json\" or a valid JSON Schema object"),
            ));
        }
    }
    Ok(())
}

/// Pictures are bare base64 of a format that the server decodes.
fn images_fit(message: &Value) -> Result<(), Refusal> {
    for image in list(message, "images") {
        let text = image.as_str().unwrap_or_default();
        let bytes = STANDARD.decode(text).map_err(|error| match error {
            base64::DecodeError::InvalidByte(at, _) => {
                refuse(400, format!("illegal base64 data at input byte {at}"))
            }
            _ => refuse(
                400,
                format!("illegal base64 data at input byte {}", text.len()),
            ),
        })?;
        let is_known = bytes.starts_with(b"\x89PNG")
            || bytes.starts_with(b"\xff\xd8\xff")
            || bytes.get(8..12) == Some(b"WEBP");
        if !is_known {
            return Err(refuse(500, "Failed to load image or audio file"));
        }
    }
    Ok(())
}

/// Tools are typed there: parameters are an object's, and each property is one of its own.
fn tools_fit(body: &Value) -> Result<(), Refusal> {
    let at = |rest: &[&str]| -> Vec<Step> {
        let path = ["tools"].iter().chain(rest);
        path.map(|key| Step::Key((*key).to_owned())).collect()
    };
    for tool in list(body, "tools") {
        let members = |path: &str| tool.pointer(path).and_then(Value::as_object);
        for (path, fields, place) in [
            ("", TOOL, at(&[])),
            ("/function", FUNCTION, at(&["function"])),
            (
                "/function/parameters",
                PARAMETERS,
                at(&["function", "parameters"]),
            ),
        ] {
            if let Some(members) = members(path) {
                fits(members, fields, &place)?;
            }
        }
        let properties = members("/function/parameters/properties");
        for (name, property) in properties.into_iter().flatten() {
            let place = at(&["function", "parameters", "properties", name]);
            strict::look(property, &Shape::Object, place)
                .map_err(|finding: Finding| refuse(400, go_words("ChatRequest", &finding)))?;
        }
    }
    Ok(())
}

/// What a request without messages or prompt does to the model instead of asking it.
pub(in super::super) fn idles(body: &Value) -> Option<&'static str> {
    let asks = !list(body, "messages").is_empty() || !text(body, "prompt").is_empty();
    let zero = match body.get("keep_alive") {
        Some(Value::String(duration)) => matches!(duration.as_str(), "0" | "0s" | "0m"),
        Some(seconds) => seconds
            .as_f64()
            .is_some_and(|seconds| seconds.abs() < f64::EPSILON),
        None => false,
    };
    match (asks, zero) {
        (true, _) => None,
        (false, true) => Some("unload"),
        (false, false) => Some("load"),
    }
}

/// The answer to that.
pub(in super::super) fn idle(model: &str, created_s: u64, word: &str, chats: bool) -> Value {
    let mut answer = json!({"model": model, "created_at": rfc3339(created_s), "done": true,
        "done_reason": word});
    let (key, value) = if chats {
        ("message", json!({"role": "assistant", "content": ""}))
    } else {
        ("response", json!(""))
    };
    if let Some(members) = answer.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
    answer
}

/// Arguments are objects here, not text.
fn calls_fit(message: &Value) -> Result<(), Refusal> {
    let calls = list(message, "tool_calls").iter();
    let mut arguments = calls.filter_map(|call| call.pointer("/function/arguments"));
    if arguments.any(|arguments| !arguments.is_object()) {
        return Err(refuse(
            400,
            "json: cannot unmarshal string into Go struct field \
             ChatRequest.messages.tool_calls.function.arguments of type \
             api.ToolCallFunctionArguments",
        ));
    }
    Ok(())
}

/// The body in the words that the shared reading of a request knows.
fn translated(body: &Value, options: &Value) -> Value {
    let mut made = 0_usize;
    let mut waiting: Vec<String> = Vec::new();
    let messages: Vec<Value> = list(body, "messages")
        .iter()
        .map(|message| {
            let mut message = message.clone();
            if let Some(calls) = message.get_mut("tool_calls").and_then(Value::as_array_mut) {
                for call in calls.iter_mut().filter_map(Value::as_object_mut) {
                    made += 1;
                    let id = format!("call_{made}");
                    call.insert("id".to_owned(), json!(id));
                    call.insert("type".to_owned(), json!("function"));
                    waiting.push(id);
                    let arguments = call
                        .get_mut("function")
                        .and_then(|it| it.get_mut("arguments"));
                    if let Some(arguments) = arguments {
                        *arguments = json!(arguments.to_string());
                    }
                }
            }
            if text(&message, "role") == "tool" && !waiting.is_empty() {
                let id = waiting.remove(0);
                if let Some(members) = message.as_object_mut() {
                    members.insert("tool_call_id".to_owned(), json!(id));
                }
            }
            let images = list(&message, "images").len();
            if images > 0 {
                let mut parts = vec![json!({"type": "text", "text": text(&message, "content")})];
                parts.extend((0..images).map(|_| json!({"type": "image_url"})));
                if let Some(members) = message.as_object_mut() {
                    members.insert("content".to_owned(), Value::Array(parts));
                }
            }
            message
        })
        .collect();
    let mut tools = list(body, "tools").to_vec();
    for tool in tools.iter_mut().filter_map(Value::as_object_mut) {
        tool.insert("type".to_owned(), json!("function"));
    }
    json!({"model": body.get("model"), "messages": messages, "tools": tools,
        "max_tokens": set(options, "num_predict").and_then(number),
        "stop": set(options, "stop"), "logprobs": body.get("logprobs"),
        "top_logprobs": body.get("top_logprobs")})
}

/// Accepts a native embeddings body, or refuses it.
pub(in super::super) fn accept_embed(body: &[u8]) -> Result<Prompt, Refusal> {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let inputs: Option<Vec<String>> = match body.get("input") {
        Some(Value::String(one)) => Some(vec![one.clone()]),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    };
    let inputs = inputs.ok_or_else(|| refuse(400, "invalid input type"))?;
    Ok(Prompt {
        refuses_to_be_cut: body.get("truncate") == Some(&Value::Bool(false)),
        model: text(&body, "model").to_owned(),
        choices: 1,
        texts: inputs.clone(),
        inputs,
        dimensions: set(&body, "dimensions")
            .and_then(number)
            .and_then(|wanted| u32::try_from(wanted).ok()),
        ..Prompt::default()
    })
}

/// A native embeddings answer.
pub(in super::super) fn embedded(known: &Known, vectors: &[Vec<f32>], tokens: u64) -> Value {
    json!({"model": known.served_as, "embeddings": vectors, "total_duration": 14_143_917,
        "load_duration": 1_019_500, "prompt_eval_count": tokens})
}

fn calls(context: &Context<'_>, turn: &Turn) -> Vec<Value> {
    let mut dice = Dice::new(context.id_seed, &["calls"]);
    let calls = turn.calls.iter().enumerate().map(|(index, call)| {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let id = format!("call_{}", dice.base62(8).to_lowercase());
        json!({"id": id, "function": {"index": index, "name": call.name, "arguments": arguments}})
    });
    calls.collect()
}

/// A line but for what is said on it: `message`, or the `response` of `/api/generate`.
pub(super) fn line(context: &Context<'_>, said: Value, done: bool) -> Map<String, Value> {
    let mut line = Map::new();
    line.insert("model".to_owned(), json!(context.known.served_as));
    let created = rfc3339(context.created_s).replace('Z', ".314639Z");
    line.insert("created_at".to_owned(), json!(created));
    if let Value::Object(said) = said {
        line.extend(said);
    }
    line.insert("done".to_owned(), json!(done));
    line
}

/// The last line, with the counts.
pub(super) fn last(context: &Context<'_>, turn: &Turn, said: Value) -> Value {
    let mut line = line(context, said, true);
    let output = context.answer.usage.output_total();
    let reason = if turn.finish == Finish::Length {
        "length"
    } else {
        "stop"
    };
    let more = json!({"done_reason": reason, "total_duration": 3_722_518_334_u64,
        "load_duration": 1_534_053_125, "prompt_eval_count": prompt_tokens(context),
        "prompt_eval_duration": 179_676_000, "eval_count": output,
        "eval_duration": 32_000_000 * output});
    if let Value::Object(more) = more {
        line.extend(more);
    }
    Value::Object(line)
}

pub(super) fn thought<'a>(context: &Context<'_>, turn: &'a Turn) -> Option<&'a str> {
    turn.thinking
        .as_deref()
        .filter(|_| context.prompt.show_thoughts)
}

/// A whole native answer.
pub(in super::super) fn whole(context: &Context<'_>) -> Value {
    let Some(turn) = context.answer.turns.first() else {
        return Value::Null;
    };
    let said = turn.text.as_deref().unwrap_or_default();
    let mut message = json!({"role": "assistant", "content": said});
    if let Some(members) = message.as_object_mut() {
        if let Some(thought) = thought(context, turn) {
            members.insert("thinking".to_owned(), json!(thought));
        }
        if !turn.calls.is_empty() {
            members.insert("tool_calls".to_owned(), json!(calls(context, turn)));
        }
    }
    last(context, turn, json!({ "message": message }))
}

/// A native stream: one JSON object a line.
pub(in super::super) fn events(context: &Context<'_>) -> Vec<Event> {
    let Some(turn) = context.answer.turns.first() else {
        return Vec::new();
    };
    let each = context.words_each(1);
    let mut events = Vec::new();
    let mut put = |message: Value| {
        let line = Value::Object(line(context, json!({ "message": message }), false));
        events.push(Event::json(Kind::Content, line));
    };
    for piece in words::pieces(thought(context, turn).unwrap_or_default(), each) {
        put(json!({"role": "assistant", "content": "", "thinking": piece}));
    }
    for piece in words::pieces(turn.text.as_deref().unwrap_or_default(), each) {
        put(json!({"role": "assistant", "content": piece}));
    }
    for call in calls(context, turn) {
        put(json!({"role": "assistant", "content": "", "tool_calls": [call]}));
    }
    let silent = json!({"message": {"role": "assistant", "content": ""}});
    let end = last(context, turn, silent);
    events.push(Event::json(Kind::Finish, end));
    events
}

fn details(model: &Model) -> Value {
    let family = model.name.split([':', '.']).next().unwrap_or_default();
    json!({"parent_model": "", "format": "gguf", "family": family, "families": [family],
        "parameter_size": "8.0B", "quantization_level": "Q4_K_M"})
}

/// `/api/tags`
pub(in super::super) fn tags() -> Value {
    let one = |model: &Model| {
        let name = if model.name.contains(':') {
            model.name.to_owned()
        } else {
            format!("{}:latest", model.name)
        };
        json!({"name": name, "model": name, "modified_at": rfc3339(model.released_s),
            "size": 4_661_224_676_u64, "digest": "46e0c10c039e", "details": details(model)})
    };
    json!({"models": OLLAMA.models.iter().map(one).collect::<Vec<Value>>()})
}

/// `/api/show`
pub(in super::super) fn show(model: &Model) -> Value {
    let mut able = match model.purpose {
        Purpose::Chat | Purpose::Rerank => vec!["completion"],
        Purpose::Embedding { .. } => vec!["embedding"],
    };
    if model.purpose == Purpose::Chat && model.name != "llama3" {
        able.push("tools");
    }
    if model.thinking != Thinking::Never {
        able.push("thinking");
    }
    json!({"modelfile": "", "parameters": "", "template": "", "details": details(model),
        "model_info": {"general.architecture": "llama", "llama.context_length": model.window},
        "capabilities": able, "modified_at": rfc3339(model.released_s)})
}

/// `/api/version`
pub(in super::super) fn version() -> Value {
    json!({"version": "0.13.4"})
}
