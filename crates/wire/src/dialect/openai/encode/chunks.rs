//! Writes a stream of events as chat completion chunks (wire-protocols §12.2).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ReplyIdentity, annotation, finish_extras, finish_word, logprobs, service_tier};
use crate::api_error::ApiError;
use crate::chat::{ChatEvent, FinishReason};
use crate::json::{quote, set_member};
use crate::sse::write_event;
use crate::usage::Usage;

/// How a stream is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChunkOptions {
    /// The caller asked for the usage chunk.
    pub include_usage: bool,
    /// The caller asked with `functions`: calls go out as `function_call`.
    pub legacy_functions: bool,
}

/// Turns events into bytes for the caller. Finishes are held until the end, so that a failure is
/// never preceded by a finish reason.
#[derive(Debug)]
pub struct ChunkEncoder {
    /// `{"id":…,"object":…,"created":…,"model":…`, without the closing brace.
    head: String,
    options: ChunkOptions,
    choices: BTreeMap<u32, ChoiceState>,
    metadata: Map<String, Value>,
    tier: Option<String>,
    usage: Option<Usage>,
    ended: bool,
}

#[derive(Debug, Default)]
struct ChoiceState {
    opened: bool,
    annotations: usize,
    has_calls: bool,
    custom_calls: Vec<u32>,
    metadata: Map<String, Value>,
    finish: Option<(FinishReason, String, Option<String>)>,
}

impl ChunkEncoder {
    /// An encoder at the start of a stream.
    #[must_use]
    pub fn new(identity: &ReplyIdentity, options: ChunkOptions) -> Self {
        Self {
            head: format!(
                "{{\"id\":{},\"object\":\"chat.completion.chunk\",\"created\":{},\"model\":{}",
                quote(&identity.id),
                identity.created,
                quote(&identity.model)
            ),
            options,
            choices: BTreeMap::new(),
            metadata: Map::new(),
            tier: None,
            usage: None,
            ended: false,
        }
    }

    /// Whether the stream's last bytes were written.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        self.ended
    }

    /// Token counts so far.
    #[must_use]
    pub const fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    /// Takes one event and appends what the caller is sent for it. After `End` or `Error` nothing
    /// is written.
    pub fn push(&mut self, event: ChatEvent, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            ChatEvent::Start { .. } => {}
            ChatEvent::Text { choice, text } => self.text(choice, "content", &text, out),
            ChatEvent::Reasoning { choice, text } => {
                self.text(choice, "reasoning_content", &text, out);
            }
            ChatEvent::Refusal { choice, text } => self.text(choice, "refusal", &text, out),
            ChatEvent::ToolStart {
                choice,
                call,
                id,
                name,
                custom,
            } => self.tool_start(choice, call, (&id, &name), custom, out),
            ChatEvent::ToolArguments {
                choice,
                call,
                fragment,
            } => self.tool_arguments(choice, call, &fragment, out),
            ChatEvent::Block { choice, block } => {
                self.delta(choice, &json!({ "provider_blocks": [block] }), out);
            }
            ChatEvent::Annotation {
                choice,
                annotation: source,
            } => {
                let state = self.choices.entry(choice).or_default();
                let mut entry = annotation(&source);
                set_member(&mut entry, "index", state.annotations);
                state.annotations += 1;
                self.delta(choice, &json!({ "annotations": [entry] }), out);
            }
            ChatEvent::Logprobs {
                choice,
                logprobs: value,
            } => {
                self.open(choice, out);
                let tail = format!(
                    "\"delta\":{{}},\"logprobs\":{},\"finish_reason\":null",
                    logprobs(&value)
                );
                self.chunk(choice, &tail, out);
            }
            ChatEvent::Audio { choice, audio } => {
                self.delta(choice, &json!({ "audio": audio }), out);
            }
            ChatEvent::Image { choice, image } => {
                self.delta(choice, &json!({ "images": [image] }), out);
            }
            ChatEvent::Finish {
                choice,
                reason,
                native,
                stop_sequence,
            } => {
                self.choices.entry(choice).or_default().finish =
                    Some((reason, native, stop_sequence));
            }
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::Metadata { choice, key, value } => self.metadata(choice, key, value),
            ChatEvent::Ping => out.extend_from_slice(b": ping\n\n"),
            ChatEvent::Error(error) => {
                self.ended = true;
                out.extend_from_slice(&ApiError::from_upstream(&error).stream_event());
            }
            ChatEvent::End => self.end(out),
        }
    }

    fn metadata(&mut self, choice: Option<u32>, key: String, value: Value) {
        match (choice, key.as_str(), value.as_str()) {
            (None, "service_tier", Some(tier)) => {
                // From now on every chunk says it.
                if let (Some(word), None) = (service_tier(tier), &self.tier) {
                    self.head.push_str(&format!(",\"service_tier\":\"{word}\""));
                }
                self.tier = Some(tier.to_owned());
            }
            (None, "system_fingerprint", Some(print)) => {
                if !self.head.contains("\"system_fingerprint\":") {
                    self.head
                        .push_str(&format!(",\"system_fingerprint\":{}", quote(print)));
                }
            }
            (None, ..) => {
                self.metadata.insert(key, value);
            }
            (Some(choice), ..) => {
                let state = self.choices.entry(choice).or_default();
                state.metadata.insert(key, value);
            }
        }
    }

    /// The first chunk of a choice says who speaks.
    fn open(&mut self, choice: u32, out: &mut Vec<u8>) {
        let state = self.choices.entry(choice).or_default();
        if !state.opened {
            state.opened = true;
            let tail = "\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\
                        \"logprobs\":null,\"finish_reason\":null";
            self.chunk(choice, tail, out);
        }
    }

    /// The path of almost every event: one text member.
    fn text(&mut self, choice: u32, key: &str, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.open(choice, out);
        let tail = format!(
            "\"delta\":{{\"{key}\":{}}},\"logprobs\":null,\"finish_reason\":null",
            quote(text)
        );
        self.chunk(choice, &tail, out);
    }

    fn delta(&mut self, choice: u32, delta: &Value, out: &mut Vec<u8>) {
        self.open(choice, out);
        let tail = format!("\"delta\":{delta},\"logprobs\":null,\"finish_reason\":null");
        self.chunk(choice, &tail, out);
    }

    fn tool_start(
        &mut self,
        choice: u32,
        call: u32,
        (id, name): (&str, &str),
        custom: bool,
        out: &mut Vec<u8>,
    ) {
        self.choices.entry(choice).or_default().has_calls = true;
        if self.options.legacy_functions {
            // One call is all that the legacy shape can say.
            if call == 0 {
                let delta = json!({"function_call": {"name": name, "arguments": ""}});
                self.delta(choice, &delta, out);
            }
            return;
        }
        let mut entry = json!({"index": call, "id": id});
        if custom {
            let state = self.choices.entry(choice).or_default();
            state.custom_calls.push(call);
            set_member(&mut entry, "type", "custom");
            set_member(&mut entry, "custom", json!({"name": name, "input": ""}));
        } else {
            set_member(&mut entry, "type", "function");
            set_member(
                &mut entry,
                "function",
                json!({"name": name, "arguments": ""}),
            );
        }
        self.delta(choice, &json!({ "tool_calls": [entry] }), out);
    }

    fn tool_arguments(&mut self, choice: u32, call: u32, fragment: &str, out: &mut Vec<u8>) {
        if fragment.is_empty() {
            return;
        }
        let delta = if self.options.legacy_functions {
            if call != 0 {
                return;
            }
            json!({"function_call": {"arguments": fragment}})
        } else if self
            .choices
            .get(&choice)
            .is_some_and(|state| state.custom_calls.contains(&call))
        {
            json!({"tool_calls": [{"index": call, "custom": {"input": fragment}}]})
        } else {
            json!({"tool_calls": [{"index": call, "function": {"arguments": fragment}}]})
        };
        self.delta(choice, &delta, out);
    }

    fn chunk(&self, choice: u32, tail: &str, out: &mut Vec<u8>) {
        let usage = if self.options.include_usage {
            ",\"usage\":null"
        } else {
            ""
        };
        let data = format!(
            "{},\"choices\":[{{\"index\":{choice},{tail}}}]{usage}}}",
            self.head
        );
        write_event(out, None, data.as_bytes());
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.ended = true;
        let mut metadata = super::provider_metadata(
            std::mem::take(&mut self.metadata),
            self.usage.as_ref(),
            self.tier.as_deref(),
        );
        let choices = std::mem::take(&mut self.choices);
        let last = choices.keys().next_back().copied();
        for (choice, state) in choices {
            if !state.opened {
                self.choices.insert(choice, ChoiceState::default());
                self.open(choice, out);
            }
            let (reason, native, stop) =
                state
                    .finish
                    .unwrap_or((FinishReason::Stop, String::new(), None));
            let mut entry = Map::new();
            entry.insert("index".to_owned(), choice.into());
            entry.insert("delta".to_owned(), json!({}));
            entry.insert("logprobs".to_owned(), Value::Null);
            let word = finish_word(reason, state.has_calls, self.options.legacy_functions);
            entry.insert("finish_reason".to_owned(), word.into());
            finish_extras(&mut entry, Some(&native), stop.as_deref(), state.metadata);
            let extra = if !self.options.include_usage && Some(choice) == last {
                extension(std::mem::take(&mut metadata))
            } else {
                String::new()
            };
            let usage = if self.options.include_usage {
                ",\"usage\":null"
            } else {
                ""
            };
            let entry = Value::Object(entry);
            let data = format!("{},\"choices\":[{entry}]{usage}{extra}}}", self.head);
            write_event(out, None, data.as_bytes());
        }
        if self.options.include_usage {
            let usage = self
                .usage
                .as_ref()
                .map_or_else(|| Usage::default().to_openai(), Usage::to_openai);
            let extra = extension(metadata);
            let data = format!("{},\"choices\":[],\"usage\":{usage}{extra}}}", self.head);
            write_event(out, None, data.as_bytes());
        }
        write_event(out, None, b"[DONE]");
    }
}

fn extension(metadata: Map<String, Value>) -> String {
    if metadata.is_empty() {
        String::new()
    } else {
        format!(",\"provider_metadata\":{}", Value::Object(metadata))
    }
}
