//! Every recorded OpenAI chat request goes out in all three dialects, with what was left out
//! named, and the simulator takes it as the provider would.

use http::{HeaderMap, HeaderName, HeaderValue};
use polyroute_engine::catalog::Catalog;
use polyroute_sim::dialect as sim;
use polyroute_wire::adapter::{Encoded, Endpoint, Target, TranslationPolicy};
use polyroute_wire::chat::{ChatRequest, MediaSource, Part};
use polyroute_wire::dialect::openai::{edit_chat, parse_chat};
use polyroute_wire::error::{EncodeError, EncodeErrorCode};
use polyroute_wire::json::RawObject;
use polyroute_wire::media::{Media, MediaStore};
use serde_json::Value;

use crate::entry::{Dialect, Entry};
use crate::leaves;
use crate::report::Report;

/// Dialect, provider, model (empty for the recorded one) and check: for each dialect an older model
/// that takes much, and a newer one that refuses more.
const TARGETS: [(Dialect, &str, &str, &str); 14] = [
    (Dialect::OpenAi, "openai", "", "to-openai"),
    (Dialect::OpenAi, "openai", "gpt-5.4", "to-openai-newer"),
    (Dialect::Responses, "openai", "gpt-4.1", "to-responses"),
    (
        Dialect::Responses,
        "openai",
        "gpt-6.1-sol",
        "to-responses-newer",
    ),
    (
        Dialect::Anthropic,
        "anthropic",
        "claude-sonnet-4-5",
        "to-anthropic",
    ),
    (
        Dialect::Anthropic,
        "anthropic",
        "claude-opus-5-5",
        "to-anthropic-newer",
    ),
    (Dialect::Gemini, "gemini", "gemini-2.5-flash", "to-gemini"),
    (
        Dialect::Gemini,
        "gemini",
        "gemini-3.8-flash",
        "to-gemini-newer",
    ),
    (
        Dialect::Bedrock,
        "bedrock",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
        "to-bedrock-claude-newer",
    ),
    (
        Dialect::Bedrock,
        "bedrock",
        "us.anthropic.claude-opus-5-5",
        "to-bedrock-opus-newer",
    ),
    (
        Dialect::Bedrock,
        "bedrock",
        "us.amazon.nova-2-lite-v1:0",
        "to-bedrock",
    ),
    (
        Dialect::Cohere,
        "cohere",
        "command-a-plus-05-2026",
        "to-cohere",
    ),
    // The version that older deployments serve.
    (
        Dialect::Cohere,
        "cohere",
        "command-r-plus-08-2024",
        TO_COHERE_V1,
    ),
    (Dialect::Ollama, "ollama", "qwen3.5:397b", "to-ollama-newer"),
];

const TO_COHERE_V1: &str = "to-cohere-v1-newer";

/// A picture of one pixel, standing for whatever a URL would give.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// All checks of one recorded request.
pub(crate) fn all(entry: &Entry, report: &mut Report) {
    let Some(body) = &entry.request else {
        return;
    };
    let text = body.to_string();
    let raw = match RawObject::parse(text.as_bytes()) {
        Ok(raw) => raw,
        Err(error) => return report.case(entry, "parse", Err(error.to_string())),
    };
    let request = match parse_chat(&raw) {
        Ok(request) => {
            report.case(entry, "parse", Ok(()));
            request
        }
        Err(error) => return report.case(entry, "parse", Err(format!("{error:?}"))),
    };
    let own = body["model"].as_str().unwrap_or_default();
    // What is not of OpenAI's own service is written for its vendor, whose own parameters, tools and
    // content OpenAI itself refuses: it goes to that vendor, and translated to other dialects.
    let of_vendor = vendor(&entry.provider);
    for (dialect, provider, model, check) in TARGETS {
        let is_openai_s = matches!(dialect, Dialect::OpenAi | Dialect::Responses);
        if of_vendor.is_some() && is_openai_s {
            continue;
        }
        let adapter = dialect.adapter();
        let is_newer = check.ends_with("-newer");
        let mut target = target(provider, if model.is_empty() { own } else { model });
        target.endpoint.api_version = (check == TO_COHERE_V1).then(|| "v1".to_owned());
        // Newer models refuse a forced choice; the operator may have it replaced.
        target.policy.downgrade_forced_tool_choice = is_newer;
        if is_newer && dialect == Dialect::OpenAi && body.get("web_search_options").is_some() {
            // Only search models take it, and leaving it out would change the answer.
            continue;
        }
        let media = fetched(&adapter.media_to_fetch(&request, &target));
        let result = match adapter.encode_chat(&request, &target, &media) {
            Ok(encoded) => accepted(entry, dialect, provider, body, &request, &encoded, report)
                .and_then(|()| counted(dialect, &request, &target, &media)),
            Err(error) => {
                match refused_rightly(&request, dialect, &target, &error) {
                    // Beside the one model a dialect that is asked for, a refusal that says why
                    // is as good as a translation.
                    Some(_) if is_newer || dialect == Dialect::Cohere => Ok(()),
                    // A vendor's own kinds of tools and content are refused by name.
                    None if of_vendor.is_some() && error.code != EncodeErrorCode::InvalidValue => {
                        Ok(())
                    }
                    Some(reason) => {
                        report.except(entry, check, reason);
                        continue;
                    }
                    None => Err(format!("{error:?}")),
                }
            }
        };
        report.case(entry, check, result);
    }
    let passed = match of_vendor {
        Some(vendor) => passed_to_vendor(&raw, body, own, vendor),
        None => passed_on(&raw, body, own),
    };
    report.case(entry, "pass-through", passed);
}

fn target(provider: &str, model: &str) -> Target {
    let capabilities = Catalog::embedded()
        .lookup(provider, model)
        .map(|known| known.capabilities.clone())
        .unwrap_or_default();
    Target {
        endpoint: Endpoint {
            provider: provider.to_owned(),
            first_party: true,
            ..Endpoint::default()
        },
        model: model.to_owned(),
        capabilities,
        policy: TranslationPolicy::default(),
        input_tokens: None,
    }
}

fn fetched(urls: &[String]) -> MediaStore {
    let mut store = MediaStore::default();
    for url in urls {
        let media = Media {
            media_type: "image/png".to_owned(),
            data: PIXEL.to_owned(),
        };
        store.insert(url.clone(), media);
    }
    store
}

/// Why a request can't go to a dialect at all, if the error says just that. These are exceptions
/// by rule, so that they hold for recordings that this list has not seen.
fn refused_rightly(
    request: &ChatRequest,
    dialect: Dialect,
    target: &Target,
    error: &EncodeError,
) -> Option<&'static str> {
    let mut parts = request.messages.iter().flat_map(|message| &message.parts);
    let param = error.param.as_deref()?;
    match error.code {
        EncodeErrorCode::UnsupportedParameter
            if param == "n"
                && matches!(
                    dialect,
                    Dialect::Anthropic | Dialect::Bedrock | Dialect::Responses
                )
                && request.n > Some(1) =>
        {
            Some("asks for several choices of an API that gives one")
        }
        EncodeErrorCode::UnsupportedParameter
            if param == "web_search_options" && dialect == Dialect::Bedrock =>
        {
            Some("asks for a search of a model that has none on Bedrock")
        }
        EncodeErrorCode::UnsupportedContent if param.starts_with("messages[") => {
            let is_v1 = target.endpoint.api_version.as_deref() == Some("v1");
            let pictured = parts.clone().any(|part| matches!(part, Part::Image { .. }));
            let sound = parts.clone().any(|part| matches!(part, Part::Audio { .. }));
            let holds_files = parts.clone().any(|part| matches!(part, Part::File { .. }));
            let file = parts.any(|part| {
                matches!(
                    part,
                    Part::File {
                        source: MediaSource::FileId(_),
                        ..
                    }
                )
            });
            if sound && !target.capabilities.audio_input {
                Some("holds sound for a model that takes none")
            } else if dialect == Dialect::Cohere && is_v1 && pictured {
                Some("holds a picture for an API that takes none")
            } else if matches!(dialect, Dialect::Cohere | Dialect::Ollama) && holds_files {
                Some("holds a file for an API that takes text and pictures")
            } else if file && !matches!(dialect, Dialect::OpenAi | Dialect::Responses) {
                Some("names a file that only its issuer holds")
            } else {
                None
            }
        }
        EncodeErrorCode::UnsupportedParameter
            if matches!(dialect, Dialect::Cohere | Dialect::Ollama) =>
        {
            match param {
                "n" if request.n > Some(1) => {
                    Some("asks for several choices of an API that gives one")
                }
                "modalities" => Some("asks for sound of a model that writes"),
                "web_search_options" => Some("asks for a search of a model that does not search"),
                "response_format" => Some("asks for a format and a call at once"),
                _ if param.starts_with("messages[") => Some("ends with the assistant's words"),
                _ => None,
            }
        }
        EncodeErrorCode::InvalidValue
        | EncodeErrorCode::UnsupportedParameter
        | EncodeErrorCode::UnsupportedContent
        | EncodeErrorCode::UnpairedToolCall
        | EncodeErrorCode::NotOffered => None,
    }
}

/// The simulator takes it, and what it does not hold is named.
fn accepted(
    entry: &Entry,
    dialect: Dialect,
    provider: &str,
    body: &Value,
    request: &ChatRequest,
    encoded: &Encoded,
    report: &mut Report,
) -> Result<(), String> {
    let sent: Value = serde_json::from_slice(&encoded.body).map_err(|error| error.to_string())?;
    report.request(entry, provider, &encoded.path, &sent);
    simulator_takes(dialect, encoded, request.stream)?;
    nothing_lost(body, &sent, encoded)
}

/// What can be asked can be counted, where the dialect counts.
fn counted(
    dialect: Dialect,
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<(), String> {
    let encoded = match dialect.adapter().encode_count(request, target, media) {
        Ok(encoded) => encoded,
        Err(error) if error.code == EncodeErrorCode::NotOffered => return Ok(()),
        Err(error) => return Err(format!("{error:?}")),
    };
    let headers = headers(&encoded)?;
    let body = &encoded.body;
    let verdict = match dialect {
        Dialect::Responses => sim::openai::responses::accept::accept_count(&headers, body),
        Dialect::Anthropic => sim::anthropic::accept::accept_count_tokens(&headers, body),
        Dialect::Gemini => sim::gemini::accept::accept_count(&target.model, &headers, body),
        Dialect::Bedrock => sim::bedrock::accept::accept_count(&target.model, body),
        other => return Err(format!("{other:?} counts, and nobody judges it")),
    };
    verdict
        .map(|_| ())
        .map_err(|refusal| format!("the simulator does not count it: {}", refusal.body))
}

fn headers(encoded: &Encoded) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &encoded.headers {
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

/// Has the simulator judge a request as strictly as the real API does.
fn simulator_takes(dialect: Dialect, encoded: &Encoded, stream: bool) -> Result<(), String> {
    let headers = headers(encoded)?;
    let body = &encoded.body;
    let verdict = match dialect {
        Dialect::OpenAi => sim::openai::accept::accept_chat(&headers, body),
        Dialect::Responses => sim::openai::responses::accept::accept_response(&headers, body),
        Dialect::Anthropic => sim::anthropic::accept::accept_messages(&headers, body),
        Dialect::Cohere if encoded.path == "/v1/chat" => {
            sim::cohere::v1::accept::accept_chat(&headers, body)
        }
        Dialect::Cohere => sim::cohere::accept::accept_chat(&headers, body),
        Dialect::Ollama => polyroute_sim::vendor::accept::accept_native_chat(body),
        Dialect::Gemini => {
            sim::gemini::accept::accept_generate(&encoded.context.model, stream, &headers, body)
        }
        Dialect::Bedrock => {
            sim::bedrock::accept::accept_converse(&encoded.context.model, stream, body)
        }
    };
    verdict
        .map(|_| ())
        .map_err(|refusal| format!("the simulator refuses it: {}", refusal.body))
}

/// Parameters that say nothing at their value: the default, or the transport's business.
fn says_nothing(key: &str, value: &Value) -> bool {
    match key {
        "model" | "messages" | "tools" | "functions" | "stream" | "stream_options" => true,
        "n" => value == 1,
        "tool_choice" | "function_call" => value == "auto",
        "temperature" | "top_p" => value.as_f64() == Some(1.0),
        "presence_penalty" | "frequency_penalty" => value.as_f64() == Some(0.0),
        "logprobs" | "store" => value == false,
        "parallel_tool_calls" => value == true,
        "response_format" => value["type"] == "text",

        _ => value.is_null(),
    }
}

/// A leaf as text.
fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Every text of the messages and tools, and every parameter's value, is in what is sent, or is
/// named as left out or changed.
fn nothing_lost(body: &Value, sent: &Value, encoded: &Encoded) -> Result<(), String> {
    let mut held: Vec<String> = leaves::of(sent)
        .iter()
        .map(|leaf| shown(leaf.value))
        .collect();
    // Bedrock takes a schema as text.
    let schema = sent.pointer("/outputConfig/textFormat/structure/jsonSchema/schema");
    let schema = schema.and_then(Value::as_str);
    if let Some(schema) = schema.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
        held.extend(leaves::of(&schema).iter().map(|leaf| shown(leaf.value)));
    }
    let joined = held.join("\u{0}");
    for message in body["messages"].as_array().into_iter().flatten() {
        texts_held(message, &joined)?;
    }
    // Which tools a choice left out is named.
    let narrowed = encoded
        .changed
        .iter()
        .any(|name| name.starts_with("tools="));
    for key in ["/tools", "/functions"].into_iter().filter(|_| !narrowed) {
        for leaf in body.pointer(key).map(leaves::of).unwrap_or_default() {
            // A description of a tool or of one of its arguments; names may be mangled.
            if leaf.path.ends_with(".description") && !joined.contains(&shown(leaf.value)) {
                return Err(format!(
                    "lost from the tools: {} = {}",
                    leaf.path, leaf.value
                ));
            }
        }
    }
    for (key, value) in body.as_object().into_iter().flatten() {
        let mut named = encoded.dropped.iter().chain(&encoded.changed);
        // The hub has one name for the limit.
        let known_as = match key.as_str() {
            "max_tokens" => "max_completion_tokens",
            key => key,
        };
        if !says_nothing(key, value) && !named.any(|name| name.starts_with(known_as)) {
            value_held(key, value, &held, &joined)?;
        }
    }
    Ok(())
}

fn texts_held(message: &Value, joined: &str) -> Result<(), String> {
    let content = leaves::of(&message["content"]);
    let calls = leaves::of(&message["tool_calls"]);
    for leaf in content.iter().chain(&calls) {
        let text = leaf.value.as_str().unwrap_or_default();
        let is_text = matches!(leaf.path.as_str(), "" | "[].text" | "[].function.name");
        if !is_text {
            continue;
        }
        // Gemini takes results as objects: then their leaves must be there.
        let parsed = serde_json::from_str::<Value>(text).unwrap_or_default();
        let held = if message["role"] == "tool" && (parsed.is_object() || parsed.is_array()) {
            joined.contains(text)
                || leaves::of(&parsed)
                    .iter()
                    .all(|leaf| joined.contains(&shown(leaf.value)))
        } else {
            // Trailing white space of an assistant's turn is refused by some.
            joined.contains(text.trim_end())
        };
        if !held {
            return Err(format!("lost from the messages: {text}"));
        }
    }
    Ok(())
}

/// Parameters whose words are mapped to the dialect's own.
const MAPPED: [&str; 6] = [
    "reasoning",
    "tool_choice",
    "function_call",
    "reasoning_effort",
    "parallel_tool_calls",
    "service_tier",
];

/// Members around a schema that have no place elsewhere and say nothing of the answer.
const WRAPPER: [&str; 4] = [
    "response_format.type",
    "response_format.json_schema.name",
    "response_format.json_schema.strict",
    "response_format.json_schema.description",
];

fn value_held(key: &str, value: &Value, held: &[String], joined: &str) -> Result<(), String> {
    if MAPPED.contains(&key) {
        return Ok(());
    }
    for leaf in leaves::of(value) {
        let path = format!("{key}.{}", leaf.path);
        let there = match leaf.value.as_f64() {
            Some(number) => held.iter().any(|other| other.parse().ok() == Some(number)),
            None if leaf.value.is_boolean() => held.contains(&shown(leaf.value)),
            None => joined.contains(&shown(leaf.value)),
        };
        let is_default = path == "web_search_options.search_context_size" && leaf.value == "medium";
        if !there && !is_default && !WRAPPER.contains(&path.as_str()) {
            return Err(format!("`{path}` is lost without a word: {}", leaf.value));
        }
    }
    Ok(())
}

/// The provider of the catalog that a folder of recordings is of; `None` for OpenAI's own service.
fn vendor(folder: &str) -> Option<&str> {
    match folder {
        "openai" | "azure" => None,
        other => Some(other),
    }
}

/// What the vendor itself took, its rules must not take out.
fn passed_to_vendor(
    raw: &RawObject<'_>,
    body: &Value,
    model: &str,
    vendor: &str,
) -> Result<(), String> {
    let catalog = Catalog::embedded();
    let entry = catalog.entry(vendor);
    let mut target = target(entry.map_or(vendor, |entry| &entry.name), model);
    target.endpoint.first_party = false;
    if let Some(entry) = entry {
        target.endpoint.profile = std::sync::Arc::clone(&entry.profile);
    }
    let edited = edit_chat(raw, &target).map_err(|error| format!("{error:?}"))?;
    if !edited.encoded.dropped.is_empty() {
        return Err(format!("left out: {:?}", edited.encoded.dropped));
    }
    let sent: Value =
        serde_json::from_slice(&edited.encoded.body).map_err(|error| error.to_string())?;
    unchanged(body, &sent, &edited.encoded)
}

/// Passed on, the body is the same but for what must change, and the simulator takes it.
fn passed_on(raw: &RawObject<'_>, body: &Value, model: &str) -> Result<(), String> {
    let target = target("openai", model);
    let edited = edit_chat(raw, &target).map_err(|error| format!("{error:?}"))?;
    simulator_takes(Dialect::OpenAi, &edited.encoded, false)?;
    let sent: Value =
        serde_json::from_slice(&edited.encoded.body).map_err(|error| error.to_string())?;
    unchanged(body, &sent, &edited.encoded)
}

fn unchanged(body: &Value, sent: &Value, encoded: &Encoded) -> Result<(), String> {
    const LIMITS: [&str; 2] = ["max_tokens", "max_completion_tokens"];
    for (key, value) in body.as_object().into_iter().flatten() {
        let same = sent.get(key) == Some(value)
            || (LIMITS.contains(&key.as_str())
                && LIMITS.iter().any(|limit| sent.get(limit) == Some(value)));
        let named = encoded
            .dropped
            .iter()
            .chain(&encoded.changed)
            .any(|name| name.starts_with(key.as_str()));
        let may = matches!(
            key.as_str(),
            "stream_options"
                | "tool_choice"
                | "parallel_tool_calls"
                | "messages"
                | "reasoning_effort"
        ) || value.is_null()
            || value.as_array().is_some_and(Vec::is_empty);
        if !same && !named && !may {
            return Err(format!("`{key}` changed without a word"));
        }
    }
    Ok(())
}
