//! Counting the tokens of a chat request before it is answered (wire-protocols §14): what the
//! providers' calls for it have in common.

use serde_json::{Map, Value};

use crate::adapter::{DecodeContext, Encoded};
use crate::error::{ErrorKind, UpstreamError};

/// A chat request as the body of the call that counts it: exactly what would be sent to be
/// answered, without the members that no input is made of and that such a call refuses.
pub(crate) fn of_chat(
    chat: Encoded,
    path: String,
    not_counted: &[&str],
    wrap: impl FnOnce(Map<String, Value>) -> Map<String, Value>,
) -> Encoded {
    let mut body: Map<String, Value> = serde_json::from_slice(&chat.body).unwrap_or_default();
    body.retain(|key, _| !not_counted.contains(&key.as_str()));
    Encoded {
        path,
        body: Value::Object(wrap(body)).to_string().into(),
        context: DecodeContext {
            model: chat.context.model,
            ..DecodeContext::default()
        },
        ..chat
    }
}

/// The number under a name in the answer.
///
/// # Errors
/// There is none.
pub(crate) fn read(body: &[u8], member: &str) -> Result<u64, UpstreamError> {
    let answer: Option<Value> = serde_json::from_slice(body).ok();
    let count = answer.as_ref().and_then(|answer| answer.get(member));
    count.and_then(Value::as_u64).ok_or_else(|| {
        UpstreamError::new(
            ErrorKind::MalformedReply,
            format!("the provider's answer has no `{member}`"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_the_number_is_a_failure() {
        assert_eq!(read(br#"{"totalTokens": 7}"#, "totalTokens"), Ok(7));
        for body in ["{}", "[]", "7", "", r#"{"n": "7"}"#, r#"{"n": -1}"#] {
            let error = read(body.as_bytes(), "n").unwrap_err();
            assert_eq!(error.kind, ErrorKind::MalformedReply, "{body}");
        }
    }
}
