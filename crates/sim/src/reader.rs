//! From a request's body to a [`Prompt`], one function an operation.
//!
//! Lenient: it takes what it understands and refuses only a body that is no JSON object or names
//! no model. The strict judges of `dialect/*/accept.rs` take its place one function at a time.

use http::HeaderMap;
use serde_json::{Value, json};

use crate::dialect::{anthropic, gemini, openai};
use crate::models::{self, Dialect};
use crate::prompt::{Prompt, Refusal, ToolChoice, ToolOffer};

/// Reads a chat completion request.
pub fn openai_chat(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = object(body).map_err(|why| refused_openai(&why))?;
    let model = model(&body).ok_or_else(|| refused_openai("you must provide a model parameter"))?;
    let mut prompt = Prompt {
        model,
        stream: flag(&body, "/stream"),
        include_usage: flag(&body, "/stream_options/include_usage"),
        choices: number(&body, "/n")
            .and_then(|n| u32::try_from(n).ok())
            .unwrap_or(1),
        max_output_tokens: number(&body, "/max_completion_tokens")
            .or_else(|| number(&body, "/max_tokens")),
        parallel_tools: body.get("parallel_tool_calls") != Some(&Value::Bool(false)),
        stop: strings(body.get("stop")),
        json_mode: body.pointer("/response_format/type") == Some(&json!("json_object")),
        schema: body.pointer("/response_format/json_schema/schema").cloned(),
        thinking: body
            .get("reasoning_effort")
            .is_some_and(|effort| effort != "none"),
        logprobs: flag(&body, "/logprobs").then(|| {
            number(&body, "/top_logprobs")
                .and_then(|top| u32::try_from(top).ok())
                .unwrap_or(0)
        }),
        ..Prompt::default()
    };
    for tool in list(&body, "/tools") {
        let (part, custom) = match tool.get("custom") {
            Some(custom) => (custom, true),
            None => (tool.get("function").unwrap_or(tool), false),
        };
        prompt.tools.push(offer(part, &["parameters"], custom));
    }
    prompt.tool_choice = openai_choice(&body);
    let mut names: Vec<(String, String)> = Vec::new();
    for message in list(&body, "/messages") {
        let said = parts_text(message.get("content"), &mut prompt.media);
        for call in list(message, "/tool_calls") {
            names.push((text_at(call, "/id"), text_at(call, "/function/name")));
        }
        match message.get("role").and_then(Value::as_str) {
            Some("user") => {
                prompt.last_user_text.clone_from(&said);
                prompt.tool_results.clear();
            }
            Some("tool") => {
                let id = text_at(message, "/tool_call_id");
                let name = names.iter().rev().find(|(known, _)| *known == id);
                let name = name.map(|(_, name)| name.clone()).unwrap_or_default();
                prompt.tool_results.push((name, said.clone()));
            }
            _ => prompt.tool_results.clear(),
        }
        prompt.texts.push(said);
    }
    Ok(prompt)
}

fn openai_choice(body: &Value) -> ToolChoice {
    match body.get("tool_choice") {
        Some(Value::String(word)) if word == "none" => ToolChoice::None,
        Some(Value::String(word)) if word == "required" => ToolChoice::Required,
        Some(choice @ Value::Object(_)) => {
            let named = choice
                .pointer("/function/name")
                .or_else(|| choice.pointer("/custom/name"));
            let named = named.and_then(Value::as_str).map(str::to_owned);
            ToolChoice::Named(named.into_iter().collect())
        }
        _ => ToolChoice::Auto,
    }
}

/// Reads an embeddings request.
pub fn openai_embeddings(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = object(body).map_err(|why| refused_openai(&why))?;
    let model = model(&body).ok_or_else(|| refused_openai("you must provide a model parameter"))?;
    let inputs = match body.get("input") {
        Some(Value::Array(items)) if items.iter().all(Value::is_number) => {
            vec![Value::from(items.clone()).to_string()]
        }
        Some(Value::Array(items)) => items.iter().map(plain).collect(),
        Some(one) => vec![plain(one)],
        None => return Err(refused_openai("you must provide an input")),
    };
    Ok(Prompt {
        model,
        texts: inputs.clone(),
        inputs,
        dimensions: number(&body, "/dimensions").and_then(|wanted| u32::try_from(wanted).ok()),
        base64: body.get("encoding_format") == Some(&json!("base64")),
        ..Prompt::default()
    })
}

/// Reads a messages request.
pub fn anthropic_messages(_headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = object(body).map_err(|why| refused_anthropic(&why))?;
    let model = model(&body).ok_or_else(|| refused_anthropic("model: Field required"))?;
    let kind = body.pointer("/thinking/type").and_then(Value::as_str);
    let choice = body.pointer("/tool_choice/type").and_then(Value::as_str);
    let schema = body.pointer("/output_config/format/schema");
    let display = body.pointer("/thinking/display").and_then(Value::as_str);
    let known = models::find(Dialect::Anthropic, &model, false);
    let hides = known.is_some_and(|known| known.model.hides_thoughts);
    let mut prompt = Prompt {
        model,
        stream: flag(&body, "/stream"),
        choices: 1,
        max_output_tokens: number(&body, "/max_tokens"),
        parallel_tools: !flag(&body, "/tool_choice/disable_parallel_tool_use"),
        stop: strings(body.get("stop_sequences")),
        schema: schema
            .or_else(|| body.pointer("/output_format/schema"))
            .cloned(),
        thinking: kind.is_some_and(|kind| kind != "disabled"),
        show_thoughts: display.map_or(!hides, |display| display != "omitted"),
        cache_marked: body.get("cache_control").is_some(),
        tool_choice: match choice {
            Some("none") => ToolChoice::None,
            Some("any") => ToolChoice::Required,
            Some("tool") => ToolChoice::Named(vec![text_at(&body, "/tool_choice/name")]),
            _ => ToolChoice::Auto,
        },
        ..Prompt::default()
    };
    for tool in list(&body, "/tools") {
        prompt.cache_marked |= tool.get("cache_control").is_some();
        // Hosted tools have a dated type and run on the provider's side.
        if tool.get("input_schema").is_some() {
            prompt.tools.push(offer(tool, &["input_schema"], false));
        }
    }
    let system = parts_text(body.get("system"), &mut prompt.media);
    prompt.cache_marked |= marked(body.get("system"));
    if !system.is_empty() {
        prompt.texts.push(system);
    }
    let mut names: Vec<(String, String)> = Vec::new();
    for message in list(&body, "/messages") {
        let content = message.get("content");
        prompt.cache_marked |= marked(content);
        let said = parts_text(content, &mut prompt.media);
        prompt.tool_results.clear();
        for block in content.and_then(Value::as_array).into_iter().flatten() {
            match block.get("type").and_then(Value::as_str) {
                Some("tool_use") => names.push((text_at(block, "/id"), text_at(block, "/name"))),
                Some("tool_result") => {
                    let id = text_at(block, "/tool_use_id");
                    let name = names.iter().rev().find(|(known, _)| *known == id);
                    let result = parts_text(block.get("content"), &mut prompt.media);
                    let name = name.map(|(_, name)| name.clone()).unwrap_or_default();
                    prompt.texts.push(result.clone());
                    prompt.tool_results.push((name, result));
                }
                _ => {}
            }
        }
        if message.get("role") == Some(&json!("user")) && !said.is_empty() {
            prompt.last_user_text.clone_from(&said);
        }
        prompt.texts.push(said);
    }
    Ok(prompt)
}

/// Reads a token count request.
pub fn anthropic_count(headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    anthropic_messages(headers, body)
}

/// Reads a generateContent request.
pub fn gemini_generate(
    model: &str,
    stream: bool,
    _headers: &HeaderMap,
    body: &[u8],
) -> Result<Prompt, Refusal> {
    let body = object(body).map_err(|why| refused_gemini(&why))?;
    let config = any(&body, &["generationConfig", "generation_config"]).unwrap_or(&Value::Null);
    let thinking = any(config, &["thinkingConfig", "thinking_config"]).unwrap_or(&Value::Null);
    let calling = any(&body, &["toolConfig", "tool_config"])
        .and_then(|config| {
            any(
                config,
                &["functionCallingConfig", "function_calling_config"],
            )
        })
        .unwrap_or(&Value::Null);
    let whole = |keys: &[&str]| any(config, keys).and_then(Value::as_u64);
    let mime = any(config, &["responseMimeType", "response_mime_type"]);
    let schema_keys = [
        "responseJsonSchema",
        "response_json_schema",
        "responseSchema",
        "response_schema",
    ];
    let schema = any(config, &schema_keys).cloned();
    let budget = any(thinking, &["thinkingBudget", "thinking_budget"]).and_then(Value::as_i64);
    let allowed = strings(any(
        calling,
        &["allowedFunctionNames", "allowed_function_names"],
    ));
    let mut prompt = Prompt {
        model: model.to_owned(),
        stream,
        choices: whole(&["candidateCount", "candidate_count"])
            .and_then(|count| u32::try_from(count).ok())
            .unwrap_or(1),
        max_output_tokens: whole(&["maxOutputTokens", "max_output_tokens"]),
        parallel_tools: true,
        stop: strings(any(config, &["stopSequences", "stop_sequences"])),
        json_mode: mime == Some(&json!("application/json")) && schema.is_none(),
        schema,
        thinking: budget != Some(0) && !thinking.is_null(),
        show_thoughts: any(thinking, &["includeThoughts", "include_thoughts"])
            == Some(&Value::Bool(true)),
        cache_marked: any(&body, &["cachedContent", "cached_content"]).is_some(),
        logprobs: any(config, &["responseLogprobs", "response_logprobs"])
            .is_some_and(|wanted| wanted == true)
            .then(|| {
                whole(&["logprobs"])
                    .and_then(|top| u32::try_from(top).ok())
                    .unwrap_or(0)
            }),
        tool_choice: match text_at(calling, "/mode").to_ascii_uppercase().as_str() {
            "NONE" => ToolChoice::None,
            "ANY" if allowed.is_empty() => ToolChoice::Required,
            "ANY" => ToolChoice::Named(allowed),
            _ => ToolChoice::Auto,
        },
        ..Prompt::default()
    };
    gemini_contents(&body, &mut prompt);
    Ok(prompt)
}

/// Tools, system text and turns.
fn gemini_contents(body: &Value, prompt: &mut Prompt) {
    for tool in list(body, "/tools") {
        let offers = any(tool, &["functionDeclarations", "function_declarations"]);
        for declared in offers.and_then(Value::as_array).into_iter().flatten() {
            let keys = [
                "parametersJsonSchema",
                "parameters_json_schema",
                "parameters",
            ];
            prompt.tools.push(offer(declared, &keys, false));
        }
    }
    if let Some(system) = any(body, &["systemInstruction", "system_instruction"]) {
        let said = parts_text(system.get("parts"), &mut prompt.media);
        prompt.texts.push(said);
    }
    for content in list(body, "/contents") {
        let parts = content.get("parts");
        let said = parts_text(parts, &mut prompt.media);
        prompt.tool_results.clear();
        for part in parts.and_then(Value::as_array).into_iter().flatten() {
            if let Some(result) = any(part, &["functionResponse", "function_response"]) {
                let response = result
                    .get("response")
                    .map(Value::to_string)
                    .unwrap_or_default();
                prompt.texts.push(response.clone());
                prompt
                    .tool_results
                    .push((text_at(result, "/name"), response));
            }
        }
        if content.get("role") != Some(&json!("model")) && !said.is_empty() {
            prompt.last_user_text.clone_from(&said);
        }
        prompt.texts.push(said);
    }
}

/// Reads an embedContent or batchEmbedContents request.
pub fn gemini_embed(
    model: &str,
    batch: bool,
    _headers: &HeaderMap,
    body: &[u8],
) -> Result<Prompt, Refusal> {
    let body = object(body).map_err(|why| refused_gemini(&why))?;
    let requests: Vec<&Value> = if batch {
        list(&body, "/requests").collect()
    } else {
        vec![&body]
    };
    let mut prompt = Prompt {
        model: model.to_owned(),
        ..Prompt::default()
    };
    for request in requests {
        let parts = request.pointer("/content/parts");
        prompt.inputs.push(parts_text(parts, &mut prompt.media));
        let wanted = any(request, &["outputDimensionality", "output_dimensionality"]);
        let wanted = wanted
            .and_then(Value::as_u64)
            .and_then(|wanted| u32::try_from(wanted).ok());
        prompt.dimensions = wanted.or(prompt.dimensions);
    }
    prompt.texts.clone_from(&prompt.inputs);
    Ok(prompt)
}

/// Reads a countTokens request.
pub fn gemini_count(model: &str, headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let parsed = object(body).map_err(|why| refused_gemini(&why))?;
    match any(
        &parsed,
        &["generateContentRequest", "generate_content_request"],
    ) {
        Some(inner) => gemini_generate(model, false, headers, inner.to_string().as_bytes()),
        None => gemini_generate(model, false, headers, body),
    }
}

fn object(body: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("the body must be a JSON object".to_owned()),
        Err(why) => Err(format!(
            "we could not parse the JSON body of your request: {why}"
        )),
    }
}

fn refused_openai(why: &str) -> Refusal {
    Refusal {
        status: 400,
        body: openai::render::error(why, "invalid_request_error", None, None),
    }
}

fn refused_anthropic(why: &str) -> Refusal {
    let body = anthropic::render::error("invalid_request_error", why, "req_refused");
    Refusal { status: 400, body }
}

fn refused_gemini(why: &str) -> Refusal {
    Refusal {
        status: 400,
        body: gemini::render::error(400, "INVALID_ARGUMENT", why, None),
    }
}

fn model(body: &Value) -> Option<String> {
    body.get("model")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
}

fn any<'a>(value: &'a Value, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().find_map(|key| value.get(key))
}

fn list<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value
        .pointer(path)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn flag(value: &Value, path: &str) -> bool {
    value.pointer(path) == Some(&Value::Bool(true))
}

fn number(value: &Value, path: &str) -> Option<u64> {
    value.pointer(path).and_then(Value::as_u64)
}

fn text_at(value: &Value, path: &str) -> String {
    value
        .pointer(path)
        .and_then(Value::as_str)
        .unwrap_or("")
        .to_owned()
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(many)) => many.iter().map(plain).collect(),
        _ => Vec::new(),
    }
}

fn offer(tool: &Value, schema_keys: &[&str], custom: bool) -> ToolOffer {
    let schema = any(tool, schema_keys)
        .filter(|schema| schema.is_object())
        .cloned();
    let schema = schema.unwrap_or_else(|| json!({"type": "object"}));
    ToolOffer {
        name: text_at(tool, "/name"),
        schema,
        custom,
    }
}

fn marked(content: Option<&Value>) -> bool {
    let blocks = content.and_then(Value::as_array).into_iter().flatten();
    blocks
        .into_iter()
        .any(|block| block.get("cache_control").is_some())
}

/// The text of a content string or of its text parts; other parts count as media where they are.
fn parts_text(content: Option<&Value>, media: &mut u32) -> String {
    const MEDIA: &[&str] = &["image", "image_url", "input_audio", "file", "document"];
    match content {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let mut said = Vec::new();
            for part in parts {
                let kind = part.get("type").and_then(Value::as_str).unwrap_or("");
                let data = any(
                    part,
                    &["inlineData", "inline_data", "fileData", "file_data"],
                );
                if MEDIA.contains(&kind) || (kind.is_empty() && data.is_some()) {
                    *media += 1;
                } else if kind != "thinking"
                    && let Some(text) = part.get("text").and_then(Value::as_str)
                {
                    said.push(text);
                }
            }
            said.join("\n")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::arbitrary::any as anything;
    use proptest::prelude::{Just, Strategy, prop, prop_oneof, proptest};

    use super::*;

    /// JSON that looks like requests: the member names that the readers know, any values.
    fn requestish() -> impl Strategy<Value = Value> {
        const NAMES: &[&str] = &[
            "model",
            "messages",
            "contents",
            "parts",
            "text",
            "role",
            "content",
            "tools",
            "type",
            "tool_calls",
            "function",
            "name",
            "tool_choice",
            "generationConfig",
            "thinking",
            "functionDeclarations",
            "functionResponse",
            "input",
            "requests",
            "system",
            "user",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            anything::<bool>().prop_map(Value::from),
            anything::<i64>().prop_map(Value::from),
            proptest::sample::select(NAMES).prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 60, 6, |inner| {
            let names = proptest::sample::select(NAMES).prop_map(str::to_owned);
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((names, inner), 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn read_all(body: &[u8]) {
        let none = HeaderMap::new();
        let _ = openai_chat(&none, body);
        let _ = openai_embeddings(&none, body);
        let _ = anthropic_messages(&none, body);
        let _ = gemini_generate("m", true, &none, body);
        let _ = gemini_embed("m", true, &none, body);
        let _ = gemini_count("m", &none, body);
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(anything::<u8>(), 0..200)) {
            read_all(&body);
        }

        #[test]
        fn no_odd_request_panics(body in requestish()) {
            read_all(body.to_string().as_bytes());
        }
    }
}
