//! Judges Gemini requests as strictly as the API does: first protobuf's JSON mapping, where one
//! unknown name refuses the whole request, then the rules of the service.
//!
//! Vertex AI knows fields that the Gemini API does not (`labels`, `modelArmorConfig`, …) and
//! fetches public URLs; [`accept_vertex_generate`] takes those. Authentication and the model's
//! existence are the server's business. Start at [`accept_generate`].

mod config;
mod contents;
mod model;
mod proto;
mod schema;
mod settings;
mod shape;
mod tools;
mod wording;

use http::HeaderMap;
use serde_json::Value;

use crate::prompt::{Prompt, Refusal};
use crate::strict::{list, set, text, whole};

use model::Traits;
use wording::{refuse, violated};

/// Accepts a `:generateContent` or `:streamGenerateContent` body, or refuses it.
///
/// `model` is the path's model id without `models/`; `stream` says which of the two methods it is.
///
/// # Errors
/// A 400 in the shape `{"error":{code,message,status,details}}`.
pub fn accept_generate(
    model: &str,
    stream: bool,
    _headers: &HeaderMap,
    body: &[u8],
) -> Result<Prompt, Refusal> {
    generate(model, stream, body, false)
}

/// As [`accept_generate`], with the fields that only Vertex AI has.
///
/// # Errors
/// A 400 in the shape `{"error":{code,message,status,details}}`.
pub fn accept_vertex_generate(
    model: &str,
    stream: bool,
    _headers: &HeaderMap,
    body: &[u8],
) -> Result<Prompt, Refusal> {
    generate(model, stream, body, true)
}

/// Accepts an `:embedContent` body, or with `batch` a `:batchEmbedContents` body.
///
/// # Errors
/// A 400 in the shape `{"error":{code,message,status,details}}`.
pub fn accept_embed(
    model: &str,
    batch: bool,
    _headers: &HeaderMap,
    body: &[u8],
) -> Result<Prompt, Refusal> {
    let message = if batch {
        &shape::EMBED_BATCH
    } else {
        &shape::EMBED
    };
    let body = read(body, message, false)?;
    let lone = [body.clone()];
    let requests: &[Value] = if batch {
        list(&body, "requests")
    } else {
        &lone
    };
    if requests.is_empty() {
        return Err(refuse(
            "* BatchEmbedContentsRequest.requests: at least one request is required\n",
        ));
    }
    let mut inputs = Vec::with_capacity(requests.len());
    for (index, request) in requests.iter().enumerate() {
        inputs.push(embed_input(request, model, batch.then_some(index))?);
    }
    let dimensions = requests
        .first()
        .and_then(|request| set(request, "outputDimensionality"));
    Ok(Prompt {
        model: model.to_owned(),
        choices: 1,
        texts: inputs.clone(),
        media: requests
            .iter()
            .filter_map(|request| set(request, "content").cloned())
            .map(|content| contents::media_count(&[content]))
            .sum(),
        inputs,
        dimensions: dimensions
            .and_then(whole)
            .and_then(|n| u32::try_from(n).ok()),
        ..Prompt::default()
    })
}

/// Accepts a `:countTokens` body: `contents`, or a whole `generateContentRequest`. Vertex AI's
/// spelling with `tools` and `systemInstruction` beside `contents` is taken too.
///
/// # Errors
/// A 400 in the shape `{"error":{code,message,status,details}}`.
pub fn accept_count(model: &str, _headers: &HeaderMap, body: &[u8]) -> Result<Prompt, Refusal> {
    let body = read(body, &shape::COUNT, true)?;
    let inner = set(&body, "generateContentRequest");
    if inner.is_some() && set(&body, "contents").is_some() {
        return Err(refuse(
            "* CountTokensRequest: only one of contents and generate_content_request may be set.\n",
        ));
    }
    judge(inner.unwrap_or(&body), model, false, true)
}

fn generate(model: &str, stream: bool, body: &[u8], vertex: bool) -> Result<Prompt, Refusal> {
    let body = read(body, &shape::GENERATE, vertex)?;
    if let (true, Some(tier)) = (vertex, set(&body, "serviceTier")) {
        return Err(refuse(&format!(
            "Invalid value at 'service_tier' \
             (type.googleapis.com/google.cloud.aiplatform.v1beta1.ServiceTier), {tier}"
        )));
    }
    judge(&body, model, stream, vertex)
}

fn judge(body: &Value, model: &str, stream: bool, vertex: bool) -> Result<Prompt, Refusal> {
    let traits = Traits::of(model);
    if set(body, "cachedContent").is_some() {
        let resent = ["systemInstruction", "tools", "toolConfig"];
        if resent.iter().any(|key| set(body, key).is_some()) {
            return Err(refuse(
                "CachedContent can not be used with GenerateContent request setting \
                 system_instruction, tools or tool_config.\n\nProposed fix: move those values to \
                 CachedContent from GenerateContent request.",
            ));
        }
    }
    config::check(body.get("generationConfig").unwrap_or(&Value::Null), traits)?;
    tools::check(body)?;
    contents::check(body, traits, vertex)?;
    Ok(prompt(body, model, stream, traits))
}

/// Parses the body and brings it into canonical form.
fn read(body: &[u8], message: &'static proto::Message, vertex: bool) -> Result<Value, Refusal> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|fault| refuse(&format!("Invalid JSON payload received. {fault}")))?;
    let Some(members) = body.as_object() else {
        return Err(refuse(
            "Invalid JSON payload received. Root element must be a message.",
        ));
    };
    let mut violations = Vec::new();
    let canonical = proto::read(members, message, vertex, &mut violations);
    if violations.is_empty() {
        return Ok(canonical);
    }
    Err(violated(&violations))
}

fn embed_input(request: &Value, model: &str, index: Option<usize>) -> Result<String, Refusal> {
    let path = index.map_or("EmbedContentRequest".to_owned(), |index| {
        format!("BatchEmbedContentsRequest.requests[{index}]")
    });
    let named = text(request, "model");
    if index.is_some() && named.trim_start_matches("models/") != model {
        return Err(refuse(&format!(
            "* {path}.model: unexpected model name format or a model other than models/{model}\n"
        )));
    }
    let Some(content) = set(request, "content") else {
        return Err(refuse(&format!("* {path}.content: content is required\n")));
    };
    contents::parts(content, "content", true)?;
    let wanted = set(request, "outputDimensionality").and_then(Value::as_f64);
    if wanted.is_some_and(|wanted| !(1.0..=3072.0).contains(&wanted)) {
        return Err(refuse(&format!(
            "* {path}.output_dimensionality: output_dimensionality must be between 1 and 3072\n"
        )));
    }
    let input = contents::text_of(content);
    if input.is_empty() && contents::media_count(std::slice::from_ref(content)) == 0 {
        return Err(refuse(&format!("* {path}.content: content is empty\n")));
    }
    Ok(input)
}

fn prompt(body: &Value, model: &str, stream: bool, traits: Traits) -> Prompt {
    let settings = body.get("generationConfig").unwrap_or(&Value::Null);
    let thinking = settings.get("thinkingConfig").unwrap_or(&Value::Null);
    let history = list(body, "contents");
    let schema = set(settings, "responseJsonSchema")
        .cloned()
        .or_else(|| set(settings, "responseSchema").map(tools::json_schema));
    let number = |key: &str| set(settings, key).and_then(whole);
    let small = |key: &str| number(key).and_then(|n| u32::try_from(n).ok());
    let mut texts: Vec<String> = list(body, "tools").iter().map(Value::to_string).collect();
    texts.extend(set(body, "systemInstruction").map(contents::text_of));
    texts.extend(history.iter().map(contents::text_of));
    let budget = set(thinking, "thinkingBudget").and_then(Value::as_f64);
    Prompt {
        model: model.to_owned(),
        stream,
        include_usage: true,
        choices: small("candidateCount").unwrap_or(1),
        texts,
        last_user_text: contents::last_user_text(history),
        media: contents::media_count(history),
        tools: tools::offers(body),
        tool_choice: tools::choice(body),
        parallel_tools: true,
        tool_results: contents::results(history),
        json_mode: schema.is_none() && text(settings, "responseMimeType") == "application/json",
        schema,
        max_output_tokens: number("maxOutputTokens"),
        stop: list(settings, "stopSequences")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        thinking: budget.map_or(traits.thinks_by_default(), |budget| budget != 0.0),
        show_thoughts: thinking.get("includeThoughts") == Some(&Value::Bool(true)),
        logprobs: (settings.get("responseLogprobs") == Some(&Value::Bool(true)))
            .then(|| small("logprobs").unwrap_or_default()),
        cache_marked: set(body, "cachedContent").is_some(),
        ..Prompt::default()
    }
}
