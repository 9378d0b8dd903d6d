//! Refusals in Anthropic's words: paths with dots, one sentence, `invalid_request_error`.

use serde_json::{Value, json};

use crate::prompt::Refusal;
use crate::strict::{Fault, Finding, Kind, Step};

/// What a key that the API does not know is answered with.
pub(super) const EXTRA: &str = "Extra inputs are not permitted";

/// A 400 `invalid_request_error`.
pub(super) fn refuse(message: &str) -> Refusal {
    Refusal {
        status: 400,
        body: json!({
            "type": "error",
            "error": {"type": "invalid_request_error", "message": message},
            "request_id": "req_sim",
        }),
    }
}

/// A finding of the shape check.
pub(super) fn found(finding: &Finding) -> Refusal {
    let path = path(&finding.path);
    let rule = match &finding.fault {
        Fault::Unknown => EXTRA.to_owned(),
        Fault::Missing => "Field required".to_owned(),
        Fault::Type { expected, got } => wrong_type(expected, got),
        Fault::Word { allowed, .. } => format!("Input should be {}", alternatives(allowed)),
        Fault::Variant { tag: "role", .. } => {
            return refuse(&format!(
                "{path}.role: Input should be 'user' or 'assistant'"
            ));
        }
        Fault::Variant { tag, allowed, got } => {
            let tags: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            format!(
                "Input tag '{got}' found using '{tag}' does not match any of the expected tags: {}",
                tags.join(", ")
            )
        }
        Fault::Below { bound, .. } => {
            format!("Input should be greater than or equal to {bound}")
        }
        Fault::Above { bound, .. } => format!("Input should be less than or equal to {bound}"),
    };
    refuse(&format!("{path}: {rule}"))
}

fn wrong_type(expected: &[Kind], got: &Value) -> String {
    let fraction = got.is_number() && expected.contains(&Kind::Int);
    if fraction {
        return "Input should be a valid integer, got a number with a fractional part".to_owned();
    }
    let noun = match expected.first() {
        Some(Kind::Text) | None => "string",
        Some(Kind::Bool) => "boolean",
        Some(Kind::Int) => "integer",
        Some(Kind::Num) => "number",
        Some(Kind::Object) => "dictionary",
        Some(Kind::Texts | Kind::List) => "list",
    };
    format!("Input should be a valid {noun}")
}

fn alternatives(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match quoted.as_slice() {
        [front @ .., last] if !front.is_empty() => format!("{} or {last}", front.join(", ")),
        _ => quoted.concat(),
    }
}

/// `messages.0.content.1.text.cache_control`: variants are part of the path, roles are not.
fn path(steps: &[Step]) -> String {
    let mut words = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        match step {
            Step::Key(key) => words.push(key.clone()),
            Step::Index(index) => words.push(index.to_string()),
            Step::Tag(_) if at == 2 && steps.first() == Some(&Step::Key("messages".into())) => {}
            Step::Tag(tag) => words.push((*tag).to_owned()),
        }
    }
    words.join(".")
}
