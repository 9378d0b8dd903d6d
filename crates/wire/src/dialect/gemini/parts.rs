//! The parts of one candidate: text, thoughts, calls, pictures, and everything else verbatim.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::partial;
use super::read::{field, flag, is_spelling_of, list, text};
use crate::adapter::DecodeContext;
use crate::chat::{BlockSpan, ChatEvent, ProviderBlock};
use crate::error::UpstreamError;
use crate::reply::malformed;

/// What one candidate has said so far.
#[derive(Default)]
pub(super) struct Candidate {
    text: String,
    chars: usize,
    calls: u32,
    blocks: u32,
    media: bool,
    audio: Audio,
    open: Option<OpenCall>,
}

/// A call whose arguments are still coming (`streamFunctionCallArguments`).
struct OpenCall {
    name: String,
    args: Value,
}

/// Joins sound that comes in pieces, each padded base64 of its own, into one base64 text: bytes
/// that do not fill a group of three wait for the next piece.
#[derive(Default)]
struct Audio {
    carry: Vec<u8>,
}

impl Audio {
    fn take(&mut self, piece: &str) -> String {
        let Ok(bytes) = STANDARD.decode(piece) else {
            return self.finish() + piece;
        };
        self.carry.extend_from_slice(&bytes);
        let rest = self.carry.split_off(self.carry.len() / 3 * 3);
        STANDARD.encode(std::mem::replace(&mut self.carry, rest))
    }

    fn finish(&mut self) -> String {
        STANDARD.encode(std::mem::take(&mut self.carry))
    }
}

/// Where a part belongs.
struct Place<'a> {
    choice: u32,
    context: &'a DecodeContext,
    model: &'a str,
}

impl Candidate {
    /// All content text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Client calls so far.
    pub(super) const fn calls(&self) -> u32 {
        self.calls
    }

    /// Whether a call's arguments are not complete.
    pub(super) const fn has_open_call(&self) -> bool {
        self.open.is_some()
    }

    /// Whether the caller has got anything of use.
    pub(super) const fn has_output(&self) -> bool {
        !self.text.is_empty() || self.calls > 0 || self.media
    }

    /// What is left of the sound at the end.
    pub(super) fn sound_left(&mut self) -> Option<Value> {
        let data = self.audio.finish();
        (!data.is_empty()).then(|| json!({ "data": data }))
    }

    /// Reads one part.
    ///
    /// # Errors
    /// A streamed argument that has no place.
    pub(super) fn part(
        &mut self,
        part: &Value,
        choice: u32,
        context: &DecodeContext,
        model: &str,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        let place = Place {
            choice,
            context,
            model,
        };
        let Some(object) = part.as_object() else {
            return Err(malformed("a part is no JSON object"));
        };
        if let Some(call) = field(part, "functionCall") {
            return self.call(call, object, &place, out);
        }
        if let Some(inline) = field(part, "inlineData") {
            self.inline(inline, object, &place, out);
        } else if let Some(said) = field(part, "text").and_then(Value::as_str) {
            self.said(said, flag(part, "thought"), object, &place, out);
        } else if !object.is_empty() {
            self.block(Value::Object(object.clone()), 0, 0, &place, out);
        }
        Ok(())
    }

    fn said(
        &mut self,
        said: &str,
        thought: bool,
        object: &Map<String, Value>,
        place: &Place<'_>,
        out: &mut Vec<ChatEvent>,
    ) {
        let choice = place.choice;
        let text = said.to_owned();
        if thought {
            out.push(ChatEvent::Reasoning { choice, text });
            if object.len() > 2 {
                // A signed thought can only be replayed as a whole.
                self.block(Value::Object(object.clone()), 0, 0, place, out);
            }
            return;
        }
        // What stands beside the text: a signature, mostly.
        let rest = without(object, &["text", "thought"]);
        let length = said.chars().count();
        if !said.is_empty() {
            out.push(ChatEvent::Text { choice, text });
        }
        if !rest.is_empty() {
            self.block(Value::Object(rest), length, 0, place, out);
        }
        self.text.push_str(said);
        self.chars += length;
    }

    fn inline(
        &mut self,
        inline: &Value,
        object: &Map<String, Value>,
        place: &Place<'_>,
        out: &mut Vec<ChatEvent>,
    ) {
        let choice = place.choice;
        let media_type = text(inline, "mimeType");
        let data = text(inline, "data");
        let is_thought = object.get("thought").and_then(Value::as_bool) == Some(true);
        if media_type.starts_with("image/") && !is_thought {
            self.media = true;
            let url = format!("data:{media_type};base64,{data}");
            out.push(ChatEvent::Image {
                choice,
                image: json!({"type": "image_url", "image_url": {"url": url}}),
            });
        } else if media_type.starts_with("audio/") && !is_thought {
            self.media = true;
            let data = self.audio.take(data);
            out.push(ChatEvent::Audio {
                choice,
                audio: json!({"data": data, "mime_type": media_type}),
            });
        } else {
            self.block(Value::Object(object.clone()), 0, 0, place, out);
            return;
        }
        // The bytes are not told twice: the block says where the picture stood, and its signature.
        let mut rest = without(object, &["inlineData"]);
        let bare = inline.as_object().map(|inline| without(inline, &["data"]));
        rest.insert("inlineData".into(), bare.unwrap_or_default().into());
        self.block(Value::Object(rest), 0, 0, place, out);
    }

    fn call(
        &mut self,
        call: &Value,
        object: &Map<String, Value>,
        place: &Place<'_>,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        let name = text(call, "name");
        if !name.is_empty() || self.open.is_none() {
            if self.open.is_some() {
                self.close(place, out);
            }
            self.start(call, object, place, out);
        }
        let Some(open) = self.open.as_mut() else {
            return Ok(());
        };
        for argument in list(call, "partialArgs") {
            partial::apply(&mut open.args, argument).map_err(malformed)?;
        }
        if !flag(call, "willContinue") {
            self.close(place, out);
        }
        Ok(())
    }

    fn start(
        &mut self,
        call: &Value,
        object: &Map<String, Value>,
        place: &Place<'_>,
        out: &mut Vec<ChatEvent>,
    ) {
        let wire_name = text(call, "name");
        self.open = Some(OpenCall {
            name: wire_name.to_owned(),
            args: field(call, "args")
                .cloned()
                .unwrap_or_else(|| Value::Object(Map::new())),
        });
        let mut block = without(object, &["functionCall"]);
        if place.context.schema_tool.as_deref() == Some(wire_name) {
            // The caller never sees this tool: its arguments become the content text.
            if !block.is_empty() {
                self.block(Value::Object(block), 0, 0, place, out);
            }
            return;
        }
        let choice = place.choice;
        let own_id = text(call, "id");
        let (start, _) = place
            .context
            .tool_start(choice, self.calls, own_id, wire_name);
        out.push(start);
        // The id is kept here too: it is sent back only where the provider gave one.
        let rest = call
            .as_object()
            .map(|call| without(call, &["name", "args", "partialArgs", "willContinue"]))
            .unwrap_or_default();
        if !rest.is_empty() {
            block.insert("functionCall".into(), rest.into());
        }
        if !block.is_empty() {
            self.block(Value::Object(block), 0, 1, place, out);
        }
    }

    fn close(&mut self, place: &Place<'_>, out: &mut Vec<ChatEvent>) {
        let Some(open) = self.open.take() else {
            return;
        };
        let choice = place.choice;
        let arguments = open.args.to_string();
        if place.context.schema_tool.as_deref() == Some(&*open.name) {
            self.chars += arguments.chars().count();
            self.text.push_str(&arguments);
            out.push(ChatEvent::Text {
                choice,
                text: arguments,
            });
            return;
        }
        let name = place.context.names.to_caller(&open.name);
        let is_custom = place.context.custom_tools.iter().any(|tool| tool == name);
        let free_text = field(&open.args, "input")
            .and_then(Value::as_str)
            .filter(|_| is_custom);
        out.push(ChatEvent::ToolArguments {
            choice,
            call: self.calls,
            fragment: free_text.map_or(arguments, ToOwned::to_owned),
        });
        self.calls += 1;
    }

    fn block(
        &mut self,
        block: Value,
        text_len: usize,
        call_len: usize,
        place: &Place<'_>,
        out: &mut Vec<ChatEvent>,
    ) {
        out.push(ChatEvent::Block {
            choice: place.choice,
            block: ProviderBlock {
                index: self.blocks,
                issuer: super::ISSUER.to_owned(),
                model: place.model.to_owned(),
                span: BlockSpan {
                    text: self.chars,
                    text_len,
                    calls: usize::try_from(self.calls).unwrap_or(usize::MAX),
                    call_len,
                },
                block,
            },
        });
        self.blocks += 1;
    }
}

fn without(object: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    object
        .iter()
        .filter(|(key, value)| {
            !value.is_null() && !names.iter().any(|name| is_spelling_of(key, name))
        })
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}
