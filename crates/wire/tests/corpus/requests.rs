//! Every recorded OpenAI chat request goes out in all three dialects, with what was left out
//! named, and the simulator takes it as the provider would.

use http::{HeaderMap, HeaderName, HeaderValue};
use polyroute_engine::catalog::Catalog;
use polyroute_sim::dialect as sim;
use polyroute_wire::adapter::{Encoded, Endpoint, Target, TranslationPolicy};
use polyroute_wire::chat::{ChatRequest, MediaSource, Part};
use polyroute_wire::dialect::openai::{edit_chat, parse_chat};
use polyroute_wire::json::RawObject;
use polyroute_wire::media::{Media, MediaStore};
use serde_json::Value;

use crate::entry::{Dialect, Entry};
use crate::leaves;
use crate::report::Report;

/// A dialect and a model of it that takes most of what a request may hold.
const TARGETS: [(Dialect, &str, &str, &str); 3] = [
    (Dialect::OpenAi, "openai", "", "to-openai"),
    (
        Dialect::Anthropic,
        "anthropic",
        "claude-sonnet-4-5",
        "to-anthropic",
    ),
    (Dialect::Gemini, "gemini", "gemini-2.5-flash", "to-gemini"),
];

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
    for (dialect, provider, model, check) in TARGETS {
        let Some(adapter) = dialect.adapter() else {
            report.skip();
            continue;
        };
        let target = target(provider, if model.is_empty() { own } else { model });
        let media = fetched(&adapter.media_to_fetch(&request, &target));
        let result = match adapter.encode_chat(&request, &target, &media) {
            Ok(encoded) => accepted(entry, dialect, provider, body, &request, &encoded, report),
            // A file that only its issuer holds can't go to another provider: a refusal that says
            // so is the right answer.
            Err(error) if names_a_file(&request) && dialect != Dialect::OpenAi => {
                let told = error.param.is_some() && error.message.contains("file");
                if told {
                    Ok(())
                } else {
                    Err(format!("{error:?}"))
                }
            }
            Err(error) => Err(format!("{error:?}")),
        };
        report.case(entry, check, result);
    }
    report.case(entry, "pass-through", passed_on(&raw, body, own));
}

fn target(provider: &str, model: &str) -> Target {
    let capabilities = Catalog::embedded()
        .lookup(provider, model)
        .map(|known| known.capabilities.clone())
        .unwrap_or_default();
    Target {
        endpoint: Endpoint {
            provider: provider.to_owned(),
            api_version: None,
            first_party: true,
        },
        model: model.to_owned(),
        capabilities,
        policy: TranslationPolicy::default(),
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

fn names_a_file(request: &ChatRequest) -> bool {
    request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .any(|part| {
            matches!(
                part,
                Part::File {
                    source: MediaSource::FileId(_),
                    ..
                }
            )
        })
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

/// Has the simulator judge a request as strictly as the real API does.
fn simulator_takes(dialect: Dialect, encoded: &Encoded, stream: bool) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    for (name, value) in &encoded.headers {
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        headers.insert(HeaderName::from_static(name), value);
    }
    let body = &encoded.body;
    let verdict = match dialect {
        Dialect::OpenAi => sim::openai::accept::accept_chat(&headers, body),
        Dialect::Anthropic => sim::anthropic::accept::accept_messages(&headers, body),
        Dialect::Gemini => {
            sim::gemini::accept::accept_generate(&encoded.context.model, stream, &headers, body)
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

/// Every text of the messages, and every parameter's value, is in what is sent, or is named as
/// left out or changed.
fn nothing_lost(body: &Value, sent: &Value, encoded: &Encoded) -> Result<(), String> {
    let held: Vec<String> = leaves::of(sent)
        .iter()
        .map(|leaf| {
            leaf.value
                .as_str()
                .map_or_else(|| leaf.value.to_string(), ToOwned::to_owned)
        })
        .collect();
    let joined = held.join("\u{0}");
    let named = |key: &str| {
        encoded.dropped.iter().any(|name| name.starts_with(key))
            || encoded.changed.iter().any(|name| name.starts_with(key))
    };
    for message in body["messages"].as_array().into_iter().flatten() {
        let content = leaves::of(&message["content"]);
        let calls = leaves::of(&message["tool_calls"]);
        for leaf in content.iter().chain(&calls) {
            let is_text = matches!(leaf.path.as_str(), "" | "[].text" | "[].function.name");
            let text = leaf.value.as_str().unwrap_or_default();
            // Trailing white space of an assistant's turn is refused by some.
            if is_text && !joined.contains(text.trim_end()) {
                return Err(format!("lost from the messages: {text}"));
            }
        }
    }
    for (key, value) in body.as_object().into_iter().flatten() {
        if says_nothing(key, value) || named(key) {
            continue;
        }
        let lost = leaves::of(value).into_iter().find(|leaf| {
            let shown = leaf
                .value
                .as_str()
                .map_or_else(|| leaf.value.to_string(), ToOwned::to_owned);
            let key = format!("{key}.{}", leaf.path);
            // A schema's own name, strictness and type word have no place elsewhere.
            let wrapper = [
                "response_format.type",
                "response_format.json_schema.name",
                "response_format.json_schema.strict",
                "response_format.json_schema.description",
                "tool_choice.type",
            ];
            let number = leaf.value.as_f64();
            let same = |other: &String| {
                other == &shown || (number.is_some() && other.parse().ok() == number)
            };
            !wrapper.contains(&key.as_str()) && !held.iter().any(same) && !joined.contains(&shown)
        });
        if let Some(leaf) = lost {
            // Words that are mapped to the dialect's own.
            let mapped = matches!(
                key.as_str(),
                "tool_choice"
                    | "reasoning_effort"
                    | "parallel_tool_calls"
                    | "service_tier"
                    | "function_call"
            );
            if !mapped {
                return Err(format!(
                    "`{key}` is lost without a word: {} = {}",
                    leaf.path, leaf.value
                ));
            }
        }
    }
    Ok(())
}

/// Passed on, the body is the same but for what must change, and the simulator takes it.
fn passed_on(raw: &RawObject<'_>, body: &Value, model: &str) -> Result<(), String> {
    let target = target("openai", model);
    let edited = edit_chat(raw, &target).map_err(|error| format!("{error:?}"))?;
    simulator_takes(Dialect::OpenAi, &edited.encoded, false)?;
    let sent: Value =
        serde_json::from_slice(&edited.encoded.body).map_err(|error| error.to_string())?;
    for (key, value) in body.as_object().into_iter().flatten() {
        let same = sent.get(key) == Some(value)
            || (key == "max_tokens" && sent.get("max_completion_tokens") == Some(value));
        let named = edited
            .encoded
            .dropped
            .iter()
            .chain(&edited.encoded.changed)
            .any(|name| name.starts_with(key.as_str()));
        let may = matches!(
            key.as_str(),
            "stream_options" | "tool_choice" | "parallel_tool_calls" | "messages"
        );
        if !same && !named && !may {
            return Err(format!("`{key}` changed without a word"));
        }
    }
    Ok(())
}
