//! Accepts a vendor's chat and embeddings requests, or refuses them as that vendor does.

use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::Vendor;
use super::errors::{Complaint, Facts, When};
use super::judge::{self, Asking};
use crate::dialect::openai::{self, accept::prompt};
use crate::errors::About;
use crate::models::{Dialect, Thinking};
use crate::prompt::{Prompt, Refusal};
use crate::strict::{list, set, text, whole};

/// Accepts a chat completions body that came to this base path (`/v1`), or refuses it.
///
/// # Errors
/// The status and the body that the vendor answers with.
pub fn accept_chat(vendor: &Vendor, base: &str, body: &[u8]) -> Result<Prompt, Refusal> {
    if (vendor.openai_at)(base) {
        return openai::accept::accept_chat(&HeaderMap::new(), body);
    }
    judged(vendor, base, body).map_err(|complaint| vendor.refusal(&complaint))
}

/// Accepts an embeddings body, or refuses it.
///
/// # Errors
/// The status and the body that the vendor answers with.
pub fn accept_embeddings(vendor: &Vendor, body: &[u8]) -> Result<Prompt, Refusal> {
    embedded(vendor, body).map_err(|complaint| vendor.refusal(&complaint))
}

/// Accepts a chat body of Ollama's own API, or refuses it.
///
/// # Errors
/// The status and the body that Ollama answers with.
pub fn accept_native_chat(body: &[u8]) -> Result<Prompt, Refusal> {
    super::ollama::accept_chat(body)
}

/// Accepts a body of Ollama's `/api/generate`, or refuses it.
///
/// # Errors
/// The status and the body that Ollama answers with.
pub fn accept_native_generate(body: &[u8]) -> Result<Prompt, Refusal> {
    super::ollama::accept_generate(body)
}

/// Accepts a body of Ollama's `/api/embeddings`, or refuses it.
///
/// # Errors
/// The status and the body that Ollama answers with.
pub fn accept_native_embeddings(body: &[u8]) -> Result<Prompt, Refusal> {
    super::ollama::accept_embeddings(body)
}

fn judged(vendor: &Vendor, base: &str, body: &[u8]) -> Result<Prompt, Complaint> {
    let body = object(vendor, body)?;
    let found = judge::check(vendor.form, &body);
    if !found.is_empty() {
        return Err((vendor.found)(&found));
    }
    let body = Value::Object(body);
    let asking = Asking {
        body: &body,
        model: text(&body, "model"),
        base,
    };
    for rule in vendor.rules {
        rule(&asking)?;
    }
    let mut prompt = prompt(&usual(&body));
    let known = vendor.model(asking.model, false);
    let thinks = match known.map(|known| known.model.thinking) {
        Some(Thinking::Always) => true,
        Some(Thinking::Never) => false,
        Some(Thinking::Asked) | None => (vendor.thinks)(&asking),
    };
    prompt.thinking = thinks;
    prompt.show_thoughts = true;
    prompt.max_output_tokens = prompt.max_output_tokens.or(vendor.output_default);
    Ok(prompt)
}

fn embedded(vendor: &Vendor, body: &[u8]) -> Result<Prompt, Complaint> {
    use crate::strict::{Fault, Finding, Kind, Step};
    let members = object(vendor, body)?;
    let body = Value::Object(members);
    let wrong = |key: &str, fault| {
        (vendor.found)(&[Finding {
            path: vec![Step::Key(key.to_owned())],
            fault,
        }])
    };
    for key in ["model", "input"] {
        if set(&body, key).is_none() {
            return Err(wrong(key, Fault::Missing));
        }
    }
    let known =
        |key: &str| matches!(key, "model" | "input") || vendor.embedding_members.contains(&key);
    let keys = body.as_object().into_iter().flat_map(Map::keys);
    if let Some(unknown) = keys
        .into_iter()
        .find(|key| vendor.form.closed && !known(key))
    {
        return Err(wrong(unknown, Fault::Unknown));
    }
    let input = body.get("input").unwrap_or(&Value::Null);
    let inputs: Option<Vec<String>> = match input {
        Value::String(one) => Some(vec![one.clone()]),
        Value::Array(items) if !items.is_empty() => {
            let texts = items.iter().map(|item| item.as_str().map(str::to_owned));
            texts.collect()
        }
        _ => None,
    };
    let inputs = inputs.ok_or_else(|| {
        let expected = vec![Kind::Text, Kind::Texts];
        let got = input.clone();
        wrong("input", Fault::Type { expected, got })
    })?;
    let wanted = ["dimensions", "output_dimension"];
    let dimensions = wanted
        .iter()
        .find_map(|key| set(&body, key))
        .and_then(whole);
    Ok(Prompt {
        model: text(&body, "model").to_owned(),
        choices: 1,
        texts: inputs.clone(),
        inputs,
        dimensions: dimensions.and_then(|wanted| u32::try_from(wanted).ok()),
        base64: text(&body, "encoding_format") == "base64",
        ..Prompt::default()
    })
}

fn object(vendor: &Vendor, body: &[u8]) -> Result<Map<String, Value>, Complaint> {
    let read: Option<Value> = serde_json::from_slice(body).ok();
    match read {
        Some(Value::Object(members)) => Ok(members),
        _ => {
            let about = About {
                dialect: Dialect::Openai,
                vendor: None,
                model: "",
                request_id: "",
                retry: None,
            };
            Err(vendor.complaint(When::NoJson, about, Facts::default()))
        }
    }
}

/// The body in the words that the shared reading of a request knows.
fn usual(body: &Value) -> Value {
    let mut usual = body.clone();
    if text(&usual, "tool_choice") == "any"
        && let Some(choice) = usual.get_mut("tool_choice")
    {
        *choice = json!("required");
    }
    // Tools that the vendor runs are none of the caller's.
    if let Some(Value::Array(tools)) = usual.get_mut("tools") {
        tools.retain(|tool| tool.get("function").is_some());
        tools.iter_mut().for_each(typed);
    }
    let messages = usual.get_mut("messages").and_then(Value::as_array_mut);
    for message in messages.into_iter().flatten() {
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten() {
            typed(call);
            if let Some(arguments) = call.pointer_mut("/function/arguments")
                && arguments.is_object()
            {
                *arguments = json!(arguments.to_string());
            }
        }
        let parts = message.get_mut("content").and_then(Value::as_array_mut);
        for part in parts.into_iter().flatten() {
            if ["video_url", "document_url", "file_url", "pdf_url"].contains(&text(part, "type"))
                && let Some(kind) = part.get_mut("type")
            {
                *kind = json!("file");
            }
        }
    }
    usual
}

fn typed(item: &mut Value) {
    if let Some(members) = item.as_object_mut() {
        members.insert("type".to_owned(), json!("function"));
    }
}

/// Whether the history says a word (JSON mode asks for one).
pub(super) fn says(asking: &Asking<'_>, word: &str) -> bool {
    let said = |value: &Value| value.to_string().to_ascii_lowercase().contains(word);
    list(asking.body, "messages").iter().any(said)
}
