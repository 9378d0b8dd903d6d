//! What every dialect's error reading shares: the status fallback, context-length wording, and ids
//! for calls that come without one.

use crate::error::ErrorKind;
use crate::json::stable_hash;

/// The kind that a status alone says (end of wire-protocols §13.3). For a body that says more, the
/// dialect decides.
#[must_use]
pub const fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Auth,
        402 => ErrorKind::QuotaExhausted,
        403 => ErrorKind::Permission,
        404 => ErrorKind::NotFound,
        408 | 504 => ErrorKind::Timeout,
        413 => ErrorKind::PayloadTooLarge,
        429 => ErrorKind::RateLimited,
        // 498 is Groq's capacity_exceeded, 529 Anthropic's overloaded_error; 503 says by its name
        // that the service is unavailable for now.
        498 | 503 | 529 => ErrorKind::Overloaded,
        400..=499 => ErrorKind::InvalidRequest,
        // A status that no error answer should have is a provider's fault as well.
        _ => ErrorKind::ServerError,
    }
}

/// Wordings that say that input (and output) exceed the model's window (wire-protocols §13.4), in
/// lower case. Each inner list must occur in order.
const CONTEXT_WORDINGS: &[&[&str]] = &[
    &["context_length_exceeded"],
    &["maximum context length"],
    &["exceeds the context window"],
    &["prompt is too long"],
    &["prompt too long", "context"],
    &["total length of all messages is too long"],
    &["number of input tokens exceeds maximum length"],
    &["input length and", "exceed context limit"],
    &["input is too long for requested model"],
    &["input token count", "exceeds the maximum"],
    &["maximum prompt length is"],
    &["reduce the length of the messages"],
    &["too many tokens"],
    &["too many input tokens"],
    &["range of input length should be"],
    &["`inputs` tokens + `max_new_tokens` must be"],
    &["input tokens and requested", "output tokens"],
    &["max_tokens must be at least 1, got -"],
    &["exceeds the available context size"],
    &["longer than the context length"],
    &["input length exceeds the context length"],
];

/// Whether an error text of a status 400 or 413 speaks of the context window. Never ask it on a
/// 429: there `too many tokens` is a rate.
#[must_use]
pub fn is_context_length(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    CONTEXT_WORDINGS.iter().any(|wording| {
        let mut rest = text.as_str();
        wording.iter().all(|piece| match rest.split_once(piece) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    })
}

/// Parameters of chat and completions that may be left out without another answer being given than
/// was asked for: they steer how, not what. OpenAI's name, then what providers call it.
const OPTIONAL: &[(&str, &[&str])] = &[
    ("temperature", &[]),
    ("top_p", &[]),
    ("top_k", &[]),
    ("min_p", &[]),
    ("frequency_penalty", &[]),
    ("presence_penalty", &[]),
    ("logit_bias", &[]),
    ("logprobs", &["response_logprobs"]),
    ("top_logprobs", &[]),
    ("seed", &["random_seed"]),
    ("user", &["metadata.user_id"]),
    ("safety_identifier", &[]),
    ("metadata", &[]),
    ("store", &[]),
    ("service_tier", &[]),
    ("prediction", &[]),
    ("verbosity", &[]),
    ("parallel_tool_calls", &[]),
    ("reasoning_effort", &[]),
    ("prompt_cache_key", &[]),
    ("prompt_cache_options", &[]),
    ("prompt_cache_retention", &[]),
    ("stream_options", &[]),
];

/// OpenAI's name of an optional parameter by a provider's name for it, in whatever case and under
/// whichever configuration object. `None` for what must not be left out (`messages`, `tools`,
/// `response_format`, `n`, `stop`, `max_tokens`, `modalities`, …) and for what nobody knows.
#[must_use]
pub fn optional_param(name: &str) -> Option<&'static str> {
    let mut snake = String::with_capacity(name.len() + 4);
    for character in name.chars().take(80) {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    let snake = snake.strip_prefix("body.").unwrap_or(&snake);
    let snake = snake.strip_prefix("generation_config.").unwrap_or(snake);
    OPTIONAL
        .iter()
        .find(|(openai, others)| *openai == snake || others.contains(&snake))
        .map(|(openai, _)| *openai)
}

/// An id for a tool call that the provider sent without one: `call_` and 24 hexadecimal digits.
/// The same seed and place give the same id, so that a replayed decoding agrees with the first.
#[must_use]
pub fn synthetic_call_id(seed: &str, choice: u32, call: u32) -> String {
    let key = format!("{seed}\u{0}{choice}\u{0}{call}");
    let first = stable_hash(key.as_bytes());
    let second = stable_hash(format!("{key}\u{0}{first}").as_bytes());
    format!("call_{first:016x}{:08x}", second >> 32)
}

/// Nine letters and digits that stand for a tool call id which is not of that form, the only one
/// that Mistral takes; `None` for one that is.
#[must_use]
pub fn nine_characters(id: &str) -> Option<String> {
    const DIGITS: [u8; 36] = *b"0123456789abcdefghijklmnopqrstuvwxyz";
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let mut rest = stable_hash(id.as_bytes());
    let mut out = String::with_capacity(9);
    for _ in 0..9 {
        let digit = usize::try_from(rest % 36).unwrap_or(0);
        out.push(DIGITS.get(digit).copied().map_or('0', char::from));
        rest /= 36;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// wire-protocols §13.4: every wording, in a sentence of the provider that says it.
    #[test]
    fn section_13_4_case_38_context_wordings_of_the_providers() {
        for text in [
            "context_length_exceeded",
            "This model's maximum context length is 8192 tokens. However, you asked for 9000.",
            "Your input exceeds the context window of this model.",
            // Anthropic and Fireworks, Ollama's cloud, Perplexity.
            "prompt is too long: 210000 tokens > 200000 maximum",
            "prompt too long; exceeded max context length by 10 tokens",
            "The total length of all messages is too long.",
            // Bedrock, Gemini.
            "The number of input tokens exceeds maximum length",
            "Input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
            "Input is too long for requested model.",
            "The input token count (1200000) exceeds the maximum number of tokens allowed",
            // xAI, Groq and Cerebras, Cohere, Mistral.
            "This model's maximum prompt length is 131072 but the request contains 200000 tokens.",
            "Please reduce the length of the messages or completion.",
            "too many tokens: size limit exceeded by 41 tokens",
            "Prompt contains 33000 tokens, too large for model with 32768 maximum context length",
            // Qwen, Together, vLLM, llama.cpp.
            "<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 30720]",
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 9000",
            "You passed 5000 input tokens and requested 100 output tokens.",
            "max_tokens must be at least 1, got -7.",
            "the request exceeds the available context size, try increasing it",
            // Ollama's own API, told not to cut.
            "the prompt is longer than the context length currently available to the model",
            "the input length exceeds the context length",
        ] {
            assert!(is_context_length(text), "{text}");
            assert!(is_context_length(&text.to_uppercase()), "{text}");
        }
        for text in [
            "",
            "The maximum number of images is 20.",
            "max_tokens is too large: 100000. This model supports at most 16384 completion tokens.",
            "exceeds the maximum; input token count unknown",
            "max_tokens must be at least 1",
        ] {
            assert!(!is_context_length(text), "{text}");
        }
    }

    #[test]
    fn case_56_ids_are_stable_and_differ_by_place() {
        let id = synthetic_call_id("req_1", 0, 0);
        assert_eq!(id, synthetic_call_id("req_1", 0, 0));
        assert_eq!(id.len(), 29);
        assert!(id.bytes().skip(5).all(|byte| byte.is_ascii_hexdigit()));
        let mut ids = vec![id];
        for (choice, call) in [(0, 1), (1, 0), (1, 1), (11, 0), (0, 11)] {
            ids.push(synthetic_call_id("req_1", choice, call));
        }
        ids.push(synthetic_call_id("req_2", 0, 0));
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 7);
    }

    #[test]
    fn section_13_6_only_what_steers_may_be_left_out() {
        assert_eq!(optional_param("temperature"), Some("temperature"));
        assert_eq!(optional_param("random_seed"), Some("seed"));
        assert_eq!(
            optional_param("generationConfig.frequencyPenalty"),
            Some("frequency_penalty")
        );
        for meaning in [
            "model",
            "messages",
            "messages[0].role",
            "input",
            "prompt",
            "tools",
            "tool_choice",
            "functions",
            "function_call",
            "response_format",
            "output_config.format",
            "n",
            "stop",
            "stream",
            "max_tokens",
            "max_completion_tokens",
            "modalities",
            "audio",
            "web_search_options",
            "suffix",
            "echo",
            "best_of",
            "dimensions",
            "encoding_format",
            "a field that nobody knows",
            "",
        ] {
            assert_eq!(optional_param(meaning), None, "{meaning}");
        }
    }

    #[test]
    fn every_status_has_a_kind() {
        assert_eq!(kind_of_status(429), ErrorKind::RateLimited);
        assert_eq!(kind_of_status(502), ErrorKind::ServerError);
        assert_eq!(kind_of_status(529), ErrorKind::Overloaded);
        assert_eq!(kind_of_status(422), ErrorKind::InvalidRequest);
        assert_eq!(kind_of_status(302), ErrorKind::ServerError);
    }
}
