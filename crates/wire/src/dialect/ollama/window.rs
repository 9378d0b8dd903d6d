//! The context that the server loads the model with (`options.num_ctx`), so that a prompt is never
//! cut in silence (wire-protocols §13.4, §15).
//!
//! Left alone the server takes a default that nobody can ask for (4,096 tokens on small machines)
//! and drops the oldest messages of a prompt that is longer. Three things prevent that: `num_ctx`
//! says how much is needed; `truncate: false` has a server refuse what does not fit (Ollama 0.12.4
//! and later); `shift: false` has it end an answer with `length` where the context is full instead
//! of forgetting the prompt's head.

use serde_json::{Map, Value};

use crate::adapter::Target;
use crate::chat::ChatRequest;
use crate::error::EncodeError;
use crate::notes::invalid;

/// The least context that a server of today loads a model with by default, in tokens.
const SERVER_DEFAULT: u64 = 4_096;
/// Room for the answer where the caller sets no limit, in tokens.
const ANSWER_USUAL: u64 = 2_048;
/// Most room for the answer: a limit is not an intention, and memory is taken for all of it. A
/// longer answer ends with `length`.
const ANSWER_MAX: u64 = 8_192;
/// Where the caller's own number stands.
const OWN_FIELD: &str = "provider_options.ollama.options.num_ctx";

/// The `num_ctx` to send; `None` where the server's default is enough, or the caller sends one.
///
/// Each new number has the server load the model anew, so the operator's one (`num_ctx` of the
/// provider) is sent with every request, and without it the powers of two are enough.
///
/// # Errors
/// A number of the caller's that the prompt does not fit, by our estimate.
pub(super) fn num_ctx(
    request: &ChatRequest,
    own: &Map<String, Value>,
    target: &Target,
) -> Result<Option<u64>, EncodeError> {
    if let Some(asked) = own
        .get("options")
        .and_then(|options| options.get("num_ctx"))
    {
        return match (asked.as_u64(), target.input_tokens) {
            (Some(asked), Some(tokens)) if tokens > asked => Err(invalid(
                OWN_FIELD,
                format!(
                    "The prompt is about {tokens} tokens, more than `num_ctx` of {asked}: its head \
                     would be lost. Raise `num_ctx`, leave it out, or send less."
                ),
            )),
            _ => Ok(None),
        };
    }
    if target.endpoint.num_ctx.is_some() {
        return Ok(target.endpoint.num_ctx);
    }
    let Some(tokens) = target.input_tokens else {
        return Ok(None);
    };
    let answer = request.max_output_tokens.unwrap_or(ANSWER_USUAL);
    // An estimate may be low by a fifth.
    let needed = tokens
        .saturating_add(tokens / 4)
        .saturating_add(answer.min(ANSWER_MAX));
    if needed <= SERVER_DEFAULT {
        return Ok(None);
    }
    let enough = needed.checked_next_power_of_two().unwrap_or(u64::MAX);
    // A prompt that exceeds the window that we know of is for the server to judge, which knows the
    // weights: it takes no more than they have, and refuses what does not fit.
    let window = target.capabilities.context_window;
    let most = window.filter(|window| needed <= *window);
    Ok(Some(enough.min(most.unwrap_or(u64::MAX))))
}
