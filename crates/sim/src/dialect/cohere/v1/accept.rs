//! Judges Cohere v1 requests. The words of refusals are those of Cohere's page of error messages and
//! of reports by its users (cohere-python#525, langchain-oracle#9).

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::shape;
use crate::dialect::cohere::accept::{read, rules, wording};
use crate::prompt::{Prompt, Refusal, ToolChoice, ToolOffer};
use crate::strict::{list, set, text, whole};

use wording::refuse;

/// The model that answers where none is named.
const DEFAULT_MODEL: &str = "command-r-plus-08-2024";
const ROLES: [&str; 4] = ["USER", "CHATBOT", "SYSTEM", "TOOL"];

/// Accepts a `/v1/chat` body, or refuses it with the API's own wording.
///
/// # Errors
/// A 400 in the shape `{"id", "message"}`; 404 for a connector.
pub fn accept_chat(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = read(body, &shape::CHAT)?;
    rules::sampling(&body)?;
    conversation(&body)?;
    tools(&body)?;
    format(&body)?;
    if let Some(connector) = list(&body, "connectors").first() {
        // None is deployed here.
        let message = format!("connector '{}' not found.", text(connector, "id"));
        let status = 404;
        return Err(Refusal {
            status,
            ..refuse(&message)
        });
    }
    Ok(prompt(&body))
}

/// Accepts a `/v1/embed` body, or refuses it.
///
/// # Errors
/// A 400 in the shape `{"id", "message"}`.
pub fn accept_embed(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = read(body, &shape::EMBED)?;
    rules::embed(&body)?;
    let model = text(&body, "model");
    if set(&body, "input_type").is_none() && !model.ends_with("v2.0") {
        return Err(refuse(
            "invalid request: valid input_type must be provided with the provided model",
        ));
    }
    let texts = list(&body, "texts").iter().filter_map(Value::as_str);
    let inputs: Vec<String> = texts
        .map(str::to_owned)
        .chain(list(&body, "images").iter().map(Value::to_string))
        .collect();
    Ok(Prompt {
        model: model.to_owned(),
        choices: 1,
        texts: inputs.clone(),
        inputs,
        ..Prompt::default()
    })
}

/// Accepts a `/v1/rerank` body, or refuses it. The documents are the prompt's inputs, the query its
/// last user text.
///
/// # Errors
/// A 400 in the shape `{"id", "message"}`.
pub fn accept_rerank(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = read(body, &shape::RERANK)?;
    rules::rerank(&body)?;
    let inputs: Vec<String> = list(&body, "documents")
        .iter()
        .map(|document| match document {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
        .collect();
    Ok(Prompt {
        model: text(&body, "model").to_owned(),
        choices: 1,
        texts: inputs.clone(),
        last_user_text: text(&body, "query").to_owned(),
        inputs,
        top_n: body.get("top_n").and_then(whole),
        ..Prompt::default()
    })
}

fn ensure(holds: bool, message: &str) -> Result<(), Refusal> {
    if holds { Ok(()) } else { Err(refuse(message)) }
}

fn role(turn: &Value) -> String {
    text(turn, "role").to_uppercase()
}

/// The history, and what stands apart from it.
fn conversation(body: &Value) -> Result<(), Refusal> {
    let history = list(body, "chat_history");
    for (at, turn) in history.iter().enumerate() {
        let role = role(turn);
        ensure(
            ROLES.contains(&role.as_str()),
            &format!(
                "invalid request: Invalid role in chat_history at index {at}. Role must be one of \
                 the following: User, Chatbot, System, Tool"
            ),
        )?;
        ensure(
            role == "TOOL" || !text(turn, "message").is_empty(),
            "invalid request: all elements in history must have a message.",
        )?;
        ensure(
            role != "TOOL" || !list(turn, "tool_results").is_empty(),
            "invalid request: all tool turns in history must have tool results.",
        )?;
        calls_are_answered(turn, history.get(at + 1), body)?;
    }
    let message = !text(body, "message").is_empty();
    let results = !list(body, "tool_results").is_empty();
    let last_is_tool = history.last().is_some_and(|last| role(last) == "TOOL");
    ensure(
        message || results || last_is_tool,
        "invalid request: message must be at least 1 token long or tool results must be specified.",
    )?;
    let single = body.get("force_single_step") == Some(&Value::Bool(true));
    ensure(
        !(message && results) || single,
        "invalid request: cannot specify both message and tool_results in multistep mode",
    )?;
    ensure(
        !(message && last_is_tool),
        "invalid request: cannot specify message if the last entry in chat history contains tool \
         results",
    )
}

/// Calls are followed by as many results: by a turn of them, or at the end of the history by the
/// request's own.
fn calls_are_answered(turn: &Value, next: Option<&Value>, body: &Value) -> Result<(), Refusal> {
    let calls = list(turn, "tool_calls");
    let results = match next {
        Some(next) => list(next, "tool_results"),
        None => list(body, "tool_results"),
    };
    let answered = |call: &&Value| {
        results
            .iter()
            .any(|result| result.pointer("/call/name") == call.get("name"))
    };
    ensure(
        calls.iter().all(|call| answered(&call)),
        "invalid request: An assistant message with 'tool_calls' must be followed by tool messages \
         responding to each 'tool_call_id'.",
    )
}

fn tools(body: &Value) -> Result<(), Refusal> {
    let tools = list(body, "tools");
    ensure(
        list(body, "tool_results").is_empty() || !tools.is_empty(),
        "invalid request: tools must be specified when tool_results are.",
    )?;
    ensure(
        body.get("raw_prompting") != Some(&Value::Bool(true)) || tools.is_empty(),
        "invalid request: raw prompting is not supported with the following parameter(s): \
         connectors, documents, search_queries_only, tools.",
    )?;
    for tool in tools {
        let name = text(tool, "name");
        rules::tool_name(name)?;
        let parameters = tool.get("parameter_definitions").and_then(Value::as_object);
        ensure(
            !text(tool, "description").is_empty() || parameters.is_some_and(|all| !all.is_empty()),
            &format!(
                "invalid request: the '{name}' tool must have at least a description, input, or \
                 output."
            ),
        )?;
        for name in parameters.into_iter().flatten().map(|(name, _)| name) {
            ensure(
                rules::is_name(name),
                &format!(
                    "invalid request: parameter names can only contain certain characters \
                     (A-Za-z0-9_) and can't begin with a digit (provided name: '{name}')."
                ),
            )?;
        }
    }
    Ok(())
}

fn format(body: &Value) -> Result<(), Refusal> {
    let asked = set(body, "response_format").is_some_and(|it| text(it, "type") == "json_object");
    let is_rag = ["connectors", "documents", "tools", "tool_results"]
        .iter()
        .any(|key| !list(body, key).is_empty());
    ensure(
        !(asked && is_rag),
        "invalid request: response_format is not supported with RAG.",
    )?;
    rules::format(body)
}

fn prompt(body: &Value) -> Prompt {
    let history = list(body, "chat_history");
    let format = body.get("response_format").unwrap_or(&Value::Null);
    let schema = set(format, "schema");
    let mut texts: Vec<String> = list(body, "tools").iter().map(Value::to_string).collect();
    texts.extend(list(body, "documents").iter().map(Value::to_string));
    texts.extend(
        set(body, "preamble")
            .and_then(Value::as_str)
            .map(str::to_owned),
    );
    texts.extend(history.iter().map(said));
    texts.push(text(body, "message").to_owned());
    texts.extend(list(body, "tool_results").iter().map(Value::to_string));
    let last_user = match text(body, "message") {
        "" => {
            let mut turns = history.iter().rev();
            let last = turns.find(|turn| role(turn) == "USER");
            last.map_or("", |turn| text(turn, "message"))
        }
        message => message,
    };
    let results = match (
        list(body, "tool_results"),
        text(body, "message"),
        history.last(),
    ) {
        ([], "", Some(last)) => list(last, "tool_results"),
        (results, ..) => results,
    };
    let model = set(body, "model").and_then(Value::as_str);
    Prompt {
        model: model.unwrap_or(DEFAULT_MODEL).to_owned(),
        stream: body.get("stream") == Some(&Value::Bool(true)),
        include_usage: true,
        choices: 1,
        texts,
        last_user_text: last_user.to_owned(),
        tools: list(body, "tools").iter().map(offer).collect(),
        tool_choice: ToolChoice::Auto,
        parallel_tools: true,
        tool_results: results.iter().map(result).collect(),
        json_mode: text(format, "type") == "json_object" && schema.is_none(),
        schema: schema.cloned(),
        max_output_tokens: body.get("max_tokens").and_then(whole),
        stop: list(body, "stop_sequences")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        ..Prompt::default()
    }
}

/// All text of a turn.
fn said(turn: &Value) -> String {
    let mut out = text(turn, "message").to_owned();
    for part in list(turn, "tool_calls")
        .iter()
        .chain(list(turn, "tool_results"))
    {
        out.push_str(&part.to_string());
    }
    out
}

/// The tool's name and what it returned.
fn result(result: &Value) -> (String, String) {
    let name = result.pointer("/call/name").and_then(Value::as_str);
    let outputs: Vec<String> = list(result, "outputs")
        .iter()
        .map(Value::to_string)
        .collect();
    (name.unwrap_or_default().to_owned(), outputs.join("\n"))
}

/// A tool as the model sees it: its Python types as JSON's.
fn offer(tool: &Value) -> ToolOffer {
    let mut properties = Map::new();
    let mut required: Vec<Value> = Vec::new();
    let parameters = tool.get("parameter_definitions").and_then(Value::as_object);
    for (name, definition) in parameters.into_iter().flatten() {
        properties.insert(name.clone(), json_schema(text(definition, "type")));
        if definition.get("required") == Some(&Value::Bool(true)) {
            required.push(name.as_str().into());
        }
    }
    ToolOffer {
        name: text(tool, "name").to_owned(),
        schema: json!({"type": "object", "properties": properties, "required": required}),
        custom: false,
    }
}

/// The JSON schema of a Python type; that of a text where the type is a class of the caller's.
fn json_schema(kind: &str) -> Value {
    let within = |name: &str| {
        let rest = kind.strip_prefix(name)?;
        rest.strip_prefix('[')?.strip_suffix(']')
    };
    if let Some(inner) = within("Optional") {
        return json_schema(inner);
    }
    if let Some(inner) = within("List").or_else(|| within("list")) {
        return json!({"type": "array", "items": json_schema(inner)});
    }
    match kind {
        "int" => json!({"type": "integer"}),
        "float" => json!({"type": "number"}),
        "bool" => json!({"type": "boolean"}),
        "List" | "list" => json!({"type": "array"}),
        _ if kind.starts_with("Dict") || kind.starts_with("dict") => json!({"type": "object"}),
        _ => json!({"type": "string"}),
    }
}
