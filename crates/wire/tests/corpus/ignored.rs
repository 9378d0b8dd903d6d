//! Leaves of recorded answers that the hub leaves out on purpose. Reviewed: each has its reason.

use serde_json::Value;

use crate::entry::Dialect;

/// Where an ignored leaf may stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    /// In whole answers and streams.
    Both,
    /// In streams only.
    Streams,
}

/// What a leaf must be for the entry to hold.
type Only = Option<&'static str>;

/// Dialect, path, where, the only text that it holds for, reason.
#[rustfmt::skip]
const IGNORED: &[(Dialect, &str, In, Only, &str)] = &[
    (Dialect::OpenAi, "object", In::Both, None, "constant of the shape"),
    (Dialect::OpenAi, "choices[].message.role", In::Both, Some("assistant"), "always so"),
    (Dialect::OpenAi, "choices[].delta.role", In::Streams, Some("assistant"), "always so"),
    (Dialect::OpenAi, "choices[].message.tool_calls[].type", In::Both, None, "`function`, or the flag `custom`"),
    (Dialect::OpenAi, "choices[].delta.tool_calls[].type", In::Streams, None, "`function`, or the flag `custom`"),
    (Dialect::OpenAi, "choices[].message.tool_calls[].index", In::Both, None, "the order of the calls"),
    (Dialect::OpenAi, "choices[].delta.tool_calls[].index", In::Streams, None, "the order of the calls"),
    (Dialect::OpenAi, "p", In::Streams, None, "padding against traffic analysis (Mistral)"),
    (Dialect::OpenAi, "choices[].delta.role", In::Both, Some("assistant"), "an empty delta beside the message (Perplexity)"),
    (Dialect::OpenAi, "choices[].message.content[].type", In::Both, None, "said by the place: text, or reasoning (Mistral)"),
    (Dialect::OpenAi, "choices[].message.content[].thinking[].type", In::Both, Some("text"), "said by the place: reasoning (Mistral)"),
    (Dialect::OpenAi, "choices[].message.content[].closed", In::Both, None, "a thinking part that is over (Mistral)"),
    (Dialect::OpenAi, "choices[].delta.content[].type", In::Streams, None, "said by the place: text, or reasoning (Mistral)"),
    (Dialect::OpenAi, "choices[].delta.content[].thinking[].type", In::Streams, Some("text"), "said by the place: reasoning (Mistral)"),
    (Dialect::OpenAi, "choices[].delta.content[].closed", In::Streams, None, "a thinking part that is over (Mistral)"),
    (Dialect::OpenAi, "choices[].delta.token_id", In::Streams, None, "the tokeniser's number of a piece (Hugging Face router)"),
    (Dialect::OpenAi, "sla_metrics.ts_us", In::Streams, None, "each chunk's time; the last is kept (Hugging Face router)"),
    (Dialect::OpenAi, "obfuscation", In::Streams, None, "padding against traffic analysis"),
    (Dialect::OpenAi, "created", In::Streams, None, "some servers send each chunk's time; the first is kept"),
    (Dialect::Anthropic, "type", In::Both, None, "constant of the shape, or the event's name"),
    (Dialect::Anthropic, "role", In::Both, Some("assistant"), "always so"),
    (Dialect::Anthropic, "message.type", In::Streams, Some("message"), "constant of the shape"),
    (Dialect::Anthropic, "message.role", In::Streams, Some("assistant"), "always so"),
    (Dialect::Anthropic, "content[].type", In::Both, None, "said by the place in the hub; whole blocks keep theirs"),
    (Dialect::Anthropic, "content_block.type", In::Streams, None, "said by the place in the hub; whole blocks keep theirs"),
    (Dialect::Anthropic, "delta.type", In::Streams, None, "said by the place in the hub"),
    (Dialect::Anthropic, "index", In::Streams, None, "the order of the blocks"),
    (Dialect::Anthropic, "content[].caller.type", In::Both, Some("direct"), "a call of the client's own tools; other callers make whole blocks"),
    (Dialect::Anthropic, "content_block.caller.type", In::Streams, Some("direct"), "a call of the client's own tools; other callers make whole blocks"),
    (Dialect::Bedrock, "output.message.role", In::Both, Some("assistant"), "always so"),
    (Dialect::Bedrock, "role", In::Streams, Some("assistant"), "always so"),
    (Dialect::Bedrock, "output.message.content[].toolUse.type", In::Both, Some("tool_use"), "a call of the client's own tools; the provider's make whole blocks"),
    (Dialect::Bedrock, "start.toolUse.type", In::Streams, Some("tool_use"), "a call of the client's own tools; the provider's make whole blocks"),
    (Dialect::Bedrock, "output.message.content[].type", In::Both, None, "a fixture's name for the kind of a block, which its member says"),
    (Dialect::Bedrock, "p", In::Streams, None, "padding against traffic analysis"),
    (Dialect::Bedrock, "contentBlockIndex", In::Streams, None, "the order of the blocks"),
    (Dialect::Cohere, "message.role", In::Both, Some("assistant"), "always so"),
    (Dialect::Cohere, "message.content[].type", In::Both, None, "said by the place in the hub"),
    (Dialect::Cohere, "message.tool_calls[].type", In::Both, Some("function"), "always so"),
    (Dialect::Cohere, "chat_history[].role", In::Both, None, "v1 repeats the conversation"),
    (Dialect::Cohere, "chat_history[].message", In::Both, None, "v1 repeats the conversation"),
    (Dialect::Cohere, "response.chat_history[].role", In::Streams, None, "v1 repeats the conversation"),
    (Dialect::Cohere, "response.chat_history[].message", In::Streams, None, "v1 repeats the conversation"),
    (Dialect::Cohere, "prompt", In::Both, None, "`/v1/generate` repeats the prompt"),
    (Dialect::Cohere, "event_type", In::Streams, None, "the event's name in v1"),
    (Dialect::Cohere, "is_finished", In::Streams, None, "whether the event is v1's `stream-end`"),
    (Dialect::Cohere, "type", In::Streams, None, "the event's name"),
    (Dialect::Cohere, "index", In::Streams, None, "the order of the items"),
    (Dialect::Cohere, "delta.message.role", In::Streams, Some("assistant"), "always so"),
    (Dialect::Cohere, "delta.message.content.type", In::Streams, None, "said by the place in the hub"),
    (Dialect::Cohere, "delta.message.tool_calls.type", In::Streams, Some("function"), "always so"),
    (Dialect::Ollama, "created_at", In::Both, None, "each object's time: that of the first is kept, in seconds"),
    (Dialect::Ollama, "done", In::Both, None, "whether the answer is over"),
    (Dialect::Ollama, "message.role", In::Both, Some("assistant"), "always so"),
    (Dialect::Gemini, "candidates[].content.role", In::Both, Some("model"), "always so"),
    (Dialect::Gemini, "candidates[].content.parts[].thought", In::Both, None, "said by the place: such text is reasoning"),
    (Dialect::Gemini, "candidates[].finishReason", In::Both, Some("1"), "the word `STOP` where the URL asked for integers"),
    (Dialect::Gemini, "candidates[].content.parts[].functionCall.partialArgs[].jsonPath", In::Streams, None, "where a piece belongs: the arguments are put together"),
    (Dialect::Gemini, "candidates[].content.parts[].functionCall.partialArgs[].willContinue", In::Streams, None, "more pieces follow: the arguments are put together"),
    (Dialect::Gemini, "candidates[].content.parts[].functionCall.willContinue", In::Streams, None, "more pieces follow: the arguments are put together"),
    (Dialect::Responses, "object", In::Both, Some("response"), "constant of the shape"),
    (Dialect::Responses, "status", In::Both, Some("incomplete"), "said by its reason"),
    (Dialect::Responses, "output[].encrypted_content", In::Streams, None, "sealed anew at the end of a stream: that of the item is kept"),
    (Dialect::Responses, "item.content[].logprobs[].logprob", In::Streams, None, "rounded otherwise than where they were streamed"),
    (Dialect::Responses, "output[].content[].logprobs[].logprob", In::Streams, None, "rounded otherwise than where they were streamed"),
    (Dialect::Responses, "type", In::Streams, None, "the event's name"),
    (Dialect::Responses, "part.type", In::Streams, None, "said by the place in the hub"),
    (Dialect::Responses, "output[].content[].type", In::Both, None, "said by the place in the hub; whole items keep theirs"),
    (Dialect::Responses, "item.content[].type", In::Streams, None, "said by the place in the hub; whole items keep theirs"),
    (Dialect::Responses, "sequence_number", In::Streams, None, "the order of the events"),
    (Dialect::Responses, "output_index", In::Streams, None, "the order of the items"),
    (Dialect::Responses, "content_index", In::Streams, None, "the order of the parts"),
    (Dialect::Responses, "summary_index", In::Streams, None, "the order of the parts"),
    (Dialect::Responses, "annotation_index", In::Streams, None, "the order of the citations"),
    (Dialect::Responses, "item_id", In::Streams, None, "which item an event is of"),
    (Dialect::Responses, "obfuscation", In::Streams, None, "padding against traffic analysis"),
];

/// Whether a leaf may be left out.
pub(crate) fn is_ignored(dialect: Dialect, streamed: bool, path: &str, value: &Value) -> bool {
    IGNORED.iter().any(|(of, ignored, place, only, _)| {
        *of == dialect
            && *ignored == path
            && (*place == In::Both || streamed)
            && only.is_none_or(|only| match value {
                Value::String(text) => text == only,
                other => other.as_u64().map(|count| count.to_string()).as_deref() == Some(only),
            })
    })
}
