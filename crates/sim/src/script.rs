//! Scripted answers: exact replies, queued for the requests that match.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{Call, Finish, Turn};
use crate::fault::rules::{Match, Subject};
use crate::models::Dialect;
use crate::wire::{Body, Event, Framing, Kind, Reply};

/// Replies for the requests that match, one each, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Which requests take them; all where this is empty.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// The replies.
    pub replies: Vec<Scripted>,
    /// Start over after the last one.
    #[serde(default)]
    pub repeat: bool,
}

/// One exact reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scripted {
    /// What the model says, rendered in the dialect that asks, streamed where that asks so.
    Turn(ScriptedTurn),
    /// An SSE stream byte for byte.
    Sse(Vec<Chunk>),
    /// A JSON body as it is.
    Json {
        /// HTTP status.
        #[serde(default = "ok")]
        status: u16,
        /// Further headers.
        #[serde(default)]
        headers: Vec<(String, String)>,
        /// The body.
        body: Value,
    },
}

/// What the model says in a scripted turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScriptedTurn {
    /// Its thoughts.
    pub thinking: Option<String>,
    /// Its text.
    pub text: Option<String>,
    /// Its tool calls.
    pub calls: Vec<ScriptedCall>,
    /// Why it ends; by default `stop`, or `tool_calls` where there are calls.
    pub finish: Option<Finish>,
}

/// A scripted tool call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments: JSON, or a string that is sent as it is (broken JSON, say).
    #[serde(default)]
    pub arguments: Value,
}

/// Bytes of a scripted stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// The text, framing included.
    pub data: String,
    /// Wait before it.
    #[serde(default)]
    pub wait_ms: u64,
}

fn ok() -> u16 {
    200
}

impl ScriptedTurn {
    /// The turn as the renderers take it.
    pub fn turn(&self) -> Turn {
        let call = |call: &ScriptedCall| Call {
            name: call.name.clone(),
            arguments: match &call.arguments {
                Value::Null => "{}".to_owned(),
                Value::String(text) => text.clone(),
                value => value.to_string(),
            },
            custom: false,
        };
        let usual = if self.calls.is_empty() {
            Finish::Stop
        } else {
            Finish::ToolCalls
        };
        Turn {
            thinking: self.thinking.clone(),
            text: self.text.clone(),
            calls: self.calls.iter().map(call).collect(),
            finish: self.finish.clone().unwrap_or(usual),
        }
    }
}

/// A stream of these chunks, byte for byte.
pub fn raw_stream(chunks: &[Chunk], dialect: Dialect) -> Reply {
    let event = |chunk: &Chunk| Event {
        wait_ms: Some(chunk.wait_ms),
        ..Event::raw(Kind::Content, Bytes::from(chunk.data.clone()))
    };
    let framing = Framing::Sse {
        crlf: dialect == Dialect::Gemini,
    };
    let events = chunks.iter().map(event).collect();
    Reply {
        status: 200,
        headers: Vec::new(),
        tokens: 0,
        body: Body::Stream { framing, events },
    }
}

/// The scripts that are on.
#[derive(Debug, Default)]
pub struct Scripts(Vec<Queue>);

#[derive(Debug)]
struct Queue {
    script: Script,
    next: usize,
}

impl Scripts {
    /// Adds a script behind those that are on.
    pub fn add(&mut self, script: Script) {
        self.0.push(Queue { script, next: 0 });
    }

    /// Forgets all scripts.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The reply for a request: the next one of the first script that matches and has one left.
    pub fn take(&mut self, subject: &Subject<'_>) -> Option<Scripted> {
        for queue in &mut self.0 {
            if !queue.script.matching.takes(subject) {
                continue;
            }
            if queue.script.repeat && queue.next >= queue.script.replies.len() {
                queue.next = 0;
            }
            if let Some(reply) = queue.script.replies.get(queue.next) {
                queue.next += 1;
                return Some(reply.clone());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(model: &str) -> Subject<'_> {
        Subject {
            instance: None,
            prefix: None,
            model,
            dialect: Dialect::Openai,
        }
    }

    #[test]
    fn replies_come_in_order_and_end_or_repeat() {
        let text =
            r#"{"match":{"model":"m"},"replies":[{"turn":{"text":"a"}},{"json":{"body":1}}]}"#;
        let mut script: Script = serde_json::from_str(text).unwrap();
        let mut scripts = Scripts::default();
        scripts.add(script.clone());
        assert_eq!(scripts.take(&subject("other")), None);
        assert!(matches!(
            scripts.take(&subject("m")),
            Some(Scripted::Turn(_))
        ));
        assert!(matches!(
            scripts.take(&subject("m")),
            Some(Scripted::Json { status: 200, .. })
        ));
        assert_eq!(scripts.take(&subject("m")), None);
        script.repeat = true;
        scripts.add(script);
        assert!((0..5).all(|_| scripts.take(&subject("m")).is_some()));
    }

    #[test]
    fn string_arguments_stay_as_they_are() {
        let text =
            r#"{"calls":[{"name":"a","arguments":"{\"broken"},{"name":"b","arguments":{"x":1}}]}"#;
        let turn = serde_json::from_str::<ScriptedTurn>(text).unwrap().turn();
        let arguments: Vec<_> = turn
            .calls
            .iter()
            .map(|call| call.arguments.as_str())
            .collect();
        assert_eq!(arguments, ["{\"broken", "{\"x\":1}"]);
        assert_eq!(turn.finish, Finish::ToolCalls);
    }
}
