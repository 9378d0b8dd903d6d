//! Judges a Responses request: members and types first, then what the model refuses, then the
//! rules between members and between items.

use http::HeaderMap;
use serde_json::{Value, json};

use super::super::accept::model::Traits;
use super::super::accept::wording::{
    enumerate, long_array, missing, refuse, unsupported_parameter, unsupported_value,
};
use super::super::accept::{flag, object, schema, shaped, tools};
use super::{items, shape};
use crate::prompt::{Prompt, Refusal, ToolChoice, ToolOffer};
use crate::strict::{Record, list, set, text, whole};

/// What asks for reasoning that can be sent back.
const ENCRYPTED: &str = "reasoning.encrypted_content";
const TOOLS_MAX: usize = 128;

/// Accepts a Responses body, or refuses it with the API's own status, code, `param` and wording.
///
/// # Errors
/// A 400 in the shape `{"error":{message,type,param,code}}`.
pub fn accept_response(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    // With a stored prompt the model may come from there.
    let body = match serde_json::from_slice::<Value>(body) {
        Ok(parsed) if parsed.get("prompt").is_some_and(Value::is_object) => parsed,
        _ => object(body)?,
    };
    judged(&body, &shape::RESPONSE)
}

/// Accepts a `/v1/responses/input_tokens` body, or refuses it.
///
/// # Errors
/// A 400 in the shape `{"error":{message,type,param,code}}`.
pub fn accept_count(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    judged(&object(body)?, &shape::COUNT)
}

fn judged(body: &Value, record: &'static Record) -> Result<Prompt, Refusal> {
    shaped(body, record)?;
    let traits = Traits::of(text(body, "model"));
    given(body)?;
    unsupported(body, &traits)?;
    offered(body)?;
    format(body)?;
    items::check(body, &traits)?;
    Ok(prompt(body, &traits))
}

/// There is something to answer, and members that need others have them.
fn given(body: &Value) -> Result<(), Refusal> {
    let sources = ["input", "previous_response_id", "prompt", "conversation"];
    if sources.iter().all(|key| set(body, key).is_none()) {
        return Err(refuse(
            "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation' must be \
             provided.",
            None,
            Some("missing_required_parameter"),
        ));
    }
    if set(body, "stream_options").is_some() && flag(body, "stream") != Some(true) {
        return Err(refuse(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            Some("stream_options"),
            None,
        ));
    }
    if flag(body, "background") == Some(true) && flag(body, "store") == Some(false) {
        return Err(refuse(
            "Background mode requires store=true.",
            Some("background"),
            None,
        ));
    }
    Ok(())
}

/// What the model does not take.
fn unsupported(body: &Value, traits: &Traits) -> Result<(), Refusal> {
    let effort = body
        .pointer("/reasoning/effort")
        .filter(|word| !word.is_null());
    let includes = |wanted: &str| list(body, "include").iter().any(|entry| entry == wanted);
    if !traits.reasons() {
        if effort.is_some() && !traits.knows_effort() {
            return Err(unsupported_parameter("reasoning.effort", None));
        }
        if includes(ENCRYPTED) && !traits.knows_effort() {
            return Err(refuse(
                "Encrypted content is not supported with this model.",
                Some("include"),
                None,
            ));
        }
        return Ok(());
    }
    if let (Some(Value::String(word)), Some(allowed)) = (effort, traits.efforts())
        && !allowed.contains(&word.as_str())
    {
        let rest = format!(" Supported values are: {}.", enumerate(allowed));
        return Err(unsupported_value("reasoning.effort", &json!(word), &rest));
    }
    let thinks = match effort.and_then(Value::as_str) {
        None => traits.thinks_by_default(),
        Some("none") => !traits.reasoning_can_be_off(),
        Some(_) => true,
    };
    for param in ["temperature", "top_p"] {
        let is_off = set(body, param)
            .and_then(Value::as_f64)
            .is_some_and(|given| given != 1.0);
        if thinks && is_off {
            return Err(unsupported_parameter(param, None));
        }
    }
    if thinks && (set(body, "top_logprobs").is_some() || includes("message.output_text.logprobs")) {
        return Err(refuse(
            "logprobs are not supported with reasoning models.",
            Some("include"),
            None,
        ));
    }
    Ok(())
}

/// Tools and tool choice.
fn offered(body: &Value) -> Result<(), Refusal> {
    let given = list(body, "tools");
    if given.len() > TOOLS_MAX {
        return Err(long_array("tools", TOOLS_MAX, given.len()));
    }
    for (index, tool) in given.iter().enumerate() {
        let path = format!("tools[{index}]");
        let kind = text(tool, "type");
        if !matches!(kind, "function" | "custom") {
            continue;
        }
        tools::name(text(tool, "name"), &format!("{path}.name"))?;
        if kind == "function" && tool.get("parameters").is_none() {
            return Err(missing(&format!("{path}.parameters")));
        }
        let strict = flag(tool, "strict") == Some(true);
        if let Some(parameters) = set(tool, "parameters") {
            schema::check(parameters, strict).map_err(|fault| {
                let name = text(tool, "name");
                refuse(
                    &format!("Invalid schema for function '{name}': {fault}"),
                    Some(&format!("{path}.parameters")),
                    Some("invalid_function_parameters"),
                )
            })?;
        }
    }
    let offers = offers(body);
    match choice(body) {
        ToolChoice::Required if given.is_empty() => Err(refuse(
            "Tool choice 'required' must be specified with 'tools' parameter.",
            Some("tool_choice"),
            None,
        )),
        ToolChoice::Named(wanted) => {
            let missing = |name: &&String| !offers.iter().any(|offer| offer.name == **name);
            match wanted.iter().find(missing) {
                Some(name) => Err(refuse(
                    &format!("Tool choice '{name}' not found in 'tools' parameter."),
                    Some("tool_choice"),
                    None,
                )),
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

fn format(body: &Value) -> Result<(), Refusal> {
    let Some(format) = body.pointer("/text/format") else {
        return Ok(());
    };
    match text(format, "type") {
        "json_object" => {
            let says = |said: &String| said.to_ascii_lowercase().contains("json");
            if items::texts(body).iter().any(says) {
                return Ok(());
            }
            Err(refuse(
                "Response input messages must contain the word 'json' in some form to use \
                 'text.format' of type 'json_object'.",
                Some("input"),
                None,
            ))
        }
        "json_schema" => {
            let name = text(format, "name");
            tools::name(name, "text.format.name")?;
            let strict = flag(format, "strict") == Some(true);
            let wanted = format.get("schema").unwrap_or(&Value::Null);
            schema::check(wanted, strict).map_err(|fault| {
                refuse(
                    &format!("Invalid schema for response_format '{name}': {fault}"),
                    Some("text.format.schema"),
                    Some("invalid_json_schema"),
                )
            })
        }
        _ => Ok(()),
    }
}

fn offers(body: &Value) -> Vec<ToolOffer> {
    let is_client_tool = |tool: &&Value| matches!(text(tool, "type"), "function" | "custom");
    list(body, "tools")
        .iter()
        .filter(is_client_tool)
        .map(|tool| ToolOffer {
            name: text(tool, "name").to_owned(),
            schema: set(tool, "parameters")
                .cloned()
                .unwrap_or_else(|| json!({"type": "object"})),
            custom: text(tool, "type") == "custom",
        })
        .collect()
}

fn choice(body: &Value) -> ToolChoice {
    let Some(given) = set(body, "tool_choice") else {
        return ToolChoice::Auto;
    };
    match (given.as_str(), text(given, "type"), text(given, "mode")) {
        (Some("none"), ..) => ToolChoice::None,
        (Some("required"), ..) => ToolChoice::Required,
        (None, "function" | "custom", _) => ToolChoice::Named(vec![text(given, "name").to_owned()]),
        (None, "allowed_tools", "required") => {
            let names = list(given, "tools")
                .iter()
                .map(|tool| text(tool, "name").to_owned());
            ToolChoice::Named(names.collect())
        }
        _ => ToolChoice::Auto,
    }
}

fn prompt(body: &Value, traits: &Traits) -> Prompt {
    let format = body.pointer("/text/format").unwrap_or(&Value::Null);
    let mut texts: Vec<String> = list(body, "tools").iter().map(Value::to_string).collect();
    texts.extend(items::texts(body));
    let logprobs = list(body, "include")
        .iter()
        .any(|entry| entry == "message.output_text.logprobs");
    let alternatives = set(body, "top_logprobs").and_then(whole).unwrap_or(0);
    Prompt {
        model: text(body, "model").to_owned(),
        stream: flag(body, "stream").unwrap_or_default(),
        include_usage: true,
        choices: 1,
        texts,
        last_user_text: items::last_user_text(body),
        media: items::media(body),
        tools: offers(body),
        tool_choice: choice(body),
        parallel_tools: flag(body, "parallel_tool_calls").unwrap_or(true),
        tool_results: items::results(body),
        json_mode: text(format, "type") == "json_object",
        schema: set(format, "schema").cloned(),
        max_output_tokens: set(body, "max_output_tokens").and_then(whole),
        thinking: match body.pointer("/reasoning/effort").and_then(Value::as_str) {
            None => traits.thinks_by_default(),
            Some(word) => word != "none",
        },
        show_thoughts: body
            .pointer("/reasoning/summary")
            .is_some_and(|summary| !summary.is_null()),
        seal_thoughts: list(body, "include").iter().any(|entry| entry == ENCRYPTED),
        logprobs: logprobs.then(|| u32::try_from(alternatives).unwrap_or(0)),
        ..Prompt::default()
    }
}
