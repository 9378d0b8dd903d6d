//! Refusals in Google's words: `INVALID_ARGUMENT`, with field violations for broken JSON.

use serde_json::{Value, json};

use crate::prompt::Refusal;

/// One place where the JSON does not fit the message type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Violation {
    field: String,
    description: String,
}

impl Violation {
    /// A name that the message does not have.
    pub(super) fn unknown(key: &str, path: &str) -> Self {
        Self::at(
            path,
            &format!("Unknown name \"{key}\"{}: Cannot find field.", place(path)),
        )
    }

    /// A list where one value is due.
    pub(super) fn not_repeating(key: &str, path: &str) -> Self {
        Self::at(
            path,
            &format!(
                "Unknown name \"{key}\"{}: Proto field is not repeating, cannot start list.",
                place(path)
            ),
        )
    }

    /// A second member of a group that takes one.
    pub(super) fn second_of(group: &str, key: &str, path: &str) -> Self {
        Self {
            field: path.to_owned(),
            description: format!(
                "Invalid value{} (oneof), oneof field '{group}' is already set. Cannot set '{key}'",
                place(path)
            ),
        }
    }

    /// A value of the wrong type.
    pub(super) fn value(path: &str, expected: &str, got: &Value) -> Self {
        Self {
            field: path.to_owned(),
            description: format!("Invalid value{} ({expected}), {got}", place(path)),
        }
    }

    /// Bytes that are no base64.
    pub(super) fn base64(path: &str, got: &str) -> Self {
        let start: String = got.chars().take(40).collect();
        Self {
            field: path.to_owned(),
            description: format!(
                "Invalid value{} (TYPE_BYTES), Base64 decoding failed for \"{start}\"",
                place(path)
            ),
        }
    }

    fn at(path: &str, rest: &str) -> Self {
        Self {
            field: path.to_owned(),
            description: format!("Invalid JSON payload received. {rest}"),
        }
    }
}

fn place(path: &str) -> String {
    if path.is_empty() {
        String::new()
    } else {
        format!(" at '{path}'")
    }
}

/// A 400 `INVALID_ARGUMENT` with one message.
pub(super) fn refuse(message: &str) -> Refusal {
    Refusal {
        status: 400,
        body: json!({"error": {
            "code": 400,
            "message": message,
            "status": "INVALID_ARGUMENT",
        }}),
    }
}

/// A 400 for the violations of the JSON mapping, all at once as the API does.
pub(super) fn violated(violations: &[Violation]) -> Refusal {
    let lines: Vec<&str> = violations
        .iter()
        .map(|one| one.description.as_str())
        .collect();
    let mut refusal = refuse(&lines.join("\n"));
    let details: Vec<Value> = violations
        .iter()
        .map(|one| {
            if one.field.is_empty() {
                json!({"description": one.description})
            } else {
                json!({"field": one.field, "description": one.description})
            }
        })
        .collect();
    if let Some(error) = refusal.body.get_mut("error") {
        error["details"] = json!([{
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "fieldViolations": details,
        }]);
    }
    refusal
}
