//! Checks an answer against the JSON schema that the caller asked for, where the provider does not
//! enforce it (wire-protocols §8.2).

use polyroute_wire::chat::{ChatEvent, ChatResponse, FinishReason};
use polyroute_wire::error::{ErrorKind, UpstreamError};
use serde_json::Value;

/// Most answer text kept for the check, in bytes; a longer answer fails it.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Gathers the text of a streamed answer and checks it at the end.
#[derive(Debug)]
pub(super) struct SchemaCheck {
    schema: Value,
    text: String,
    /// Ended by a limit, a filter or a tool call: no JSON is due then.
    excused: bool,
}

impl SchemaCheck {
    /// A check against this schema.
    #[must_use]
    pub(super) const fn new(schema: Value) -> Self {
        Self {
            schema,
            text: String::new(),
            excused: false,
        }
    }

    /// Takes an event of the first choice.
    pub(super) fn push(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Text { choice: 0, text } if self.text.len() <= ANSWER_BYTES_MAX => {
                self.text.push_str(text)
            }
            ChatEvent::Refusal { choice: 0, .. } | ChatEvent::ToolStart { choice: 0, .. } => {
                self.excused = true
            }
            ChatEvent::Finish {
                choice: 0, reason, ..
            } => self.excused |= *reason != FinishReason::Stop,
            _ => {}
        }
    }

    /// What is wrong with the answer, if anything.
    #[must_use]
    pub(super) fn finish(self) -> Option<UpstreamError> {
        if self.excused {
            return None;
        }
        check_text(&self.schema, &self.text).err()
    }
}

/// Checks a whole answer.
///
/// # Errors
/// Kind `malformed_reply` with code `structured_output_invalid`, saying where it does not fit.
pub(super) fn check(schema: &Value, response: &ChatResponse) -> Result<(), UpstreamError> {
    for choice in &response.choices {
        if choice.finish_reason == Some(FinishReason::Stop) && choice.message.refusal.is_none() {
            check_text(schema, &choice.message.text)?;
        }
    }
    Ok(())
}

fn check_text(schema: &Value, text: &str) -> Result<(), UpstreamError> {
    let invalid = |message: String| {
        let mut error = UpstreamError::new(ErrorKind::MalformedReply, message);
        error.code = Some("structured_output_invalid".to_owned());
        error
    };
    let answer: Value = serde_json::from_str(text).map_err(|error| {
        invalid(format!(
            "the model's answer is no JSON, though a schema was asked for: {error}"
        ))
    })?;
    violations(schema, &answer).map_or(Ok(()), |violation| Err(invalid(violation)))
}

#[cfg(feature = "structured-output")]
fn violations(schema: &Value, answer: &Value) -> Option<String> {
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => return Some(format!("the JSON schema can't be used: {error}")),
    };
    // The path, not the value: an answer's text belongs in no log.
    validator.iter_errors(answer).next().map(|error| {
        let at = error.instance_path().to_string();
        let at = if at.is_empty() {
            "its top level".to_owned()
        } else {
            format!("`{at}`")
        };
        format!("the model's answer does not fit the JSON schema at {at}")
    })
}

#[cfg(not(feature = "structured-output"))]
fn violations(_: &Value, _: &Value) -> Option<String> {
    None
}

#[cfg(all(test, feature = "structured-output"))]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(text: &str, reason: FinishReason) -> Option<UpstreamError> {
        let mut check = SchemaCheck::new(json!({"type": "object", "required": ["a"]}));
        check.push(&ChatEvent::Text {
            choice: 0,
            text: text.to_owned(),
        });
        check.push(&ChatEvent::Finish {
            choice: 0,
            reason,
            native: String::new(),
            stop_sequence: None,
        });
        check.finish()
    }

    #[test]
    fn an_answer_that_does_not_fit_is_an_error_and_a_cut_one_is_not_judged() {
        assert_eq!(checked("{\"a\":1}", FinishReason::Stop), None);
        assert!(
            checked("{\"b\":1}", FinishReason::Stop)
                .unwrap()
                .message
                .contains("does not fit")
        );
        assert!(
            checked("Sure! {}", FinishReason::Stop)
                .unwrap()
                .message
                .contains("no JSON")
        );
        assert_eq!(checked("{\"a\"", FinishReason::Length), None);
    }
}
