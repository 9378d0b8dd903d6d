//! Writes a chat model's answer as a text completion (wire-protocols §3.5).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{ReplyIdentity, finish_extras};
use crate::chat::{ChatEvent, ChatResponse, FinishReason};
use crate::json::quote;
use crate::sse::write_event;
use crate::usage::Usage;

/// The finish words that completions have.
const fn finish_word(reason: FinishReason) -> &'static str {
    match reason {
        FinishReason::Length => "length",
        FinishReason::ContentFilter => "content_filter",
        _ => "stop",
    }
}

/// Body of a whole text completion, from the answers to its prompts in order. The choices of each
/// follow those of the one before.
#[must_use]
pub fn completion(answers: &[ChatResponse], identity: &ReplyIdentity) -> Vec<u8> {
    let mut choices: Vec<Value> = Vec::new();
    let mut usage: Option<Usage> = None;
    for answer in answers {
        for choice in &answer.choices {
            let reason = choice.finish_reason.unwrap_or(FinishReason::Stop);
            let message = &choice.message;
            let text = if message.text.is_empty() {
                message.refusal.clone().unwrap_or_default()
            } else {
                message.text.clone()
            };
            let mut out = Map::new();
            out.insert("text".to_owned(), text.into());
            out.insert("index".to_owned(), choices.len().into());
            out.insert("logprobs".to_owned(), Value::Null);
            out.insert("finish_reason".to_owned(), finish_word(reason).into());
            if !message.reasoning.is_empty() {
                let reasoning = message.reasoning.clone();
                out.insert("reasoning_content".to_owned(), reasoning.into());
            }
            let native = choice.native_finish_reason.as_deref();
            let stop = choice.stop_sequence.as_deref();
            finish_extras(&mut out, native, stop, choice.metadata.clone());
            choices.push(Value::Object(out));
        }
        if let Some(counts) = &answer.usage {
            match &mut usage {
                Some(sum) => sum.add(counts),
                None => usage = Some(counts.clone()),
            }
        }
    }
    let mut body = json!({
        "id": identity.id,
        "object": "text_completion",
        "created": identity.created,
        "model": identity.model,
        "choices": choices,
    });
    if let (Some(usage), Some(body)) = (usage, body.as_object_mut()) {
        body.insert("usage".to_owned(), usage.to_openai());
    }
    body.to_string().into_bytes()
}

/// Turns events into completion chunks. Finishes are held until the end, so that a failure is never
/// preceded by a finish reason.
#[derive(Debug)]
pub struct CompletionEncoder {
    /// `{"id":…,"object":"text_completion","created":…,"model":…`, without the closing brace.
    head: String,
    include_usage: bool,
    finishes: BTreeMap<u32, FinishReason>,
    usage: Option<Usage>,
    ended: bool,
}

impl CompletionEncoder {
    /// An encoder at the start of a stream. `include_usage`: the caller asked for the usage chunk.
    #[must_use]
    pub fn new(identity: &ReplyIdentity, include_usage: bool) -> Self {
        Self {
            head: format!(
                "{{\"id\":{},\"object\":\"text_completion\",\"created\":{},\"model\":{}",
                quote(&identity.id),
                identity.created,
                quote(&identity.model)
            ),
            include_usage,
            finishes: BTreeMap::new(),
            usage: None,
            ended: false,
        }
    }

    /// Takes one event and appends what the caller is sent for it.
    pub fn push(&mut self, event: ChatEvent, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            ChatEvent::Text { choice, text } | ChatEvent::Refusal { choice, text }
                if !text.is_empty() =>
            {
                self.chunk(choice, &format!("\"text\":{}", quote(&text)), None, out);
            }
            ChatEvent::Reasoning { choice, text } if !text.is_empty() => {
                let text = format!("\"text\":\"\",\"reasoning_content\":{}", quote(&text));
                self.chunk(choice, &text, None, out);
            }
            ChatEvent::Finish { choice, reason, .. } => {
                self.finishes.insert(choice, reason);
            }
            ChatEvent::Usage(usage) => self.usage = Some(usage),
            ChatEvent::End => self.end(out),
            ChatEvent::Error(_) => self.ended = true,
            _ => {}
        }
    }

    fn chunk(&self, choice: u32, text: &str, finish: Option<&str>, out: &mut Vec<u8>) {
        let finish = finish.map_or_else(|| "null".to_owned(), quote);
        let usage = if self.include_usage {
            ",\"usage\":null"
        } else {
            ""
        };
        let data = format!(
            "{},\"choices\":[{{{text},\"index\":{choice},\"logprobs\":null,\"finish_reason\":{finish}}}]{usage}}}",
            self.head
        );
        write_event(out, None, data.as_bytes());
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.ended = true;
        let mut finishes = std::mem::take(&mut self.finishes);
        if finishes.is_empty() {
            finishes.insert(0, FinishReason::Stop);
        }
        for (choice, reason) in finishes {
            self.chunk(choice, "\"text\":\"\"", Some(finish_word(reason)), out);
        }
        if self.include_usage {
            let usage = self.usage.take().unwrap_or_default().to_openai();
            let data = format!("{},\"choices\":[],\"usage\":{usage}}}", self.head);
            write_event(out, None, data.as_bytes());
        }
        write_event(out, None, b"[DONE]");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::Choice;
    use crate::error::{ErrorKind, UpstreamError};

    fn answer(texts: &[&str], input: u64) -> ChatResponse {
        let choice = |text: &&str| {
            let mut choice = Choice {
                finish_reason: Some(FinishReason::Length),
                ..Choice::default()
            };
            choice.message.text = (*text).to_owned();
            choice
        };
        ChatResponse {
            choices: texts.iter().map(choice).collect(),
            usage: Some(Usage {
                input,
                output: 2,
                ..Usage::default()
            }),
            ..ChatResponse::default()
        }
    }

    #[test]
    fn section_3_5_choices_are_numbered_over_prompts() {
        let answers = [answer(&["a", "b"], 3), answer(&["c", "d"], 4)];
        let body = completion(&answers, &ReplyIdentity::default());
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["object"], "text_completion");
        assert_eq!(body["choices"][2]["text"], "c");
        assert_eq!(body["choices"][2]["index"], 2);
        assert_eq!(body["choices"][3]["finish_reason"], "length");
        assert_eq!(body["usage"]["prompt_tokens"], 7);
        assert_eq!(body["usage"]["total_tokens"], 11);
    }

    fn written(events: Vec<ChatEvent>) -> String {
        let identity = ReplyIdentity {
            id: "cmpl-1".into(),
            created: 5,
            model: "m".into(),
        };
        let mut encoder = CompletionEncoder::new(&identity, true);
        let mut out = Vec::new();
        for event in events {
            encoder.push(event, &mut out);
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn section_3_5_chunks_hold_text_and_end_with_finish_usage_and_done() {
        let text = |text: &str| ChatEvent::Text {
            choice: 0,
            text: text.to_owned(),
        };
        let finish = ChatEvent::Finish {
            choice: 0,
            reason: FinishReason::Stop,
            native: String::new(),
            stop_sequence: None,
        };
        let all = written(vec![text("He\n"), finish.clone(), ChatEvent::End]);
        let head = r#"data: {"id":"cmpl-1","object":"text_completion","created":5,"model":"m","choices":["#;
        assert!(all.starts_with(&format!(
            r#"{head}{{"text":"He\n","index":0,"logprobs":null,"finish_reason":null}}],"usage":null}}"#
        )));
        assert!(all.contains(r#"{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}"#));
        assert!(
            all.contains(r#""choices":[],"usage":{"prompt_tokens":0"#),
            "{all}"
        );
        assert!(all.ends_with("data: [DONE]\n\n"));
        let failed = ChatEvent::Error(UpstreamError::new(ErrorKind::ServerError, "x"));
        let cut = written(vec![text("a"), finish, failed, ChatEvent::End]);
        assert!(!cut.contains("\"stop\"") && !cut.contains("[DONE]"));
    }
}
