//! Messages of the hub in OpenAI's shape.

use serde_json::{Map, Value, json};

use super::policy::Notes;
use crate::adapter::Target;
use crate::chat::{ChatRequest, MediaSource, Message, Part, Role, ToolCall};
use crate::error::{EncodeError, EncodeErrorCode};
use crate::json::set_member;
use crate::media::{MediaStore, effective_type};
use crate::names::NameMap;

/// URLs that OpenAI's wire can't name, or that this target does not fetch.
pub(super) fn media_to_fetch(request: &ChatRequest, target: &Target) -> Vec<String> {
    let mut urls = Vec::new();
    for part in request.messages.iter().flat_map(|message| &message.parts) {
        let url = match part {
            Part::Image {
                source: MediaSource::Url(url),
                ..
            } if !target.capabilities.fetches_urls => url,
            // There is no member for a URL of sound or of a file.
            Part::Audio {
                source: MediaSource::Url(url),
                ..
            }
            | Part::File {
                source: MediaSource::Url(url),
                ..
            } => url,
            _ => continue,
        };
        if !urls.contains(url) {
            urls.push(url.clone());
        }
    }
    urls
}

/// What the policy let us mend in calls and results.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// A result without its call was left out.
    pub(super) left_out: bool,
    /// A call without its result got one.
    pub(super) added: bool,
}

impl Repairs {
    /// Names what was mended.
    pub(super) fn tell(&self, notes: &mut Notes) {
        if self.left_out {
            notes.dropped.push("messages[].tool_call_id".to_owned());
        }
        if self.added {
            let repair = "messages[].tool_calls=error_result_added";
            notes.changed.push(repair.to_owned());
        }
    }
}

/// All messages, with the extension members that [`super::strip`] then fits to the target.
pub(super) fn messages(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
    names: &NameMap,
    repairs: &mut Repairs,
) -> Result<Value, EncodeError> {
    let mut out: Vec<Value> = Vec::with_capacity(request.messages.len());
    let mut open: Vec<String> = Vec::new();
    for (at, message) in request.messages.iter().enumerate() {
        if message.role == Role::Tool {
            if !answer(message, &mut open, at, target)? {
                repairs.left_out = true;
                continue;
            }
        } else {
            repairs.added |= close(&mut open, at, target, &mut out)?;
            open.extend(message.tool_calls.iter().map(|call| call.id.clone()));
        }
        let encoder = Encoder { target, media, at };
        out.push(encoder.message(message, names)?);
    }
    repairs.added |= close(&mut open, request.messages.len(), target, &mut out)?;
    Ok(Value::Array(out))
}

/// Strikes the call that a result answers; `false` if the result is to be left out.
fn answer(
    message: &Message,
    open: &mut Vec<String>,
    at: usize,
    target: &Target,
) -> Result<bool, EncodeError> {
    let id = message.tool_call_id.as_deref().unwrap_or_default();
    if let Some(found) = open.iter().position(|call| call == id) {
        open.remove(found);
        return Ok(true);
    }
    if target.policy.repair_orphans {
        return Ok(false);
    }
    Err(EncodeError::new(
        EncodeErrorCode::UnpairedToolCall,
        format!("messages[{at}].tool_call_id"),
        format!(
            "`{id}` answers no tool call of the turn before. Send the call, or leave this out."
        ),
    ))
}

/// Every call of a turn must be answered before the next turn; `true` if one had to be mended.
fn close(
    open: &mut Vec<String>,
    at: usize,
    target: &Target,
    out: &mut Vec<Value>,
) -> Result<bool, EncodeError> {
    let lacks = !open.is_empty();
    for id in open.drain(..) {
        if !target.policy.repair_orphans {
            return Err(EncodeError::new(
                EncodeErrorCode::UnpairedToolCall,
                format!("messages[{}].tool_calls", at.saturating_sub(1)),
                format!("The tool call `{id}` has no result. Send a `tool` message for it."),
            ));
        }
        out.push(json!({
            "role": "tool",
            "tool_call_id": id,
            "content": "The tool gave no result.",
        }));
    }
    Ok(lacks)
}

struct Encoder<'a> {
    target: &'a Target,
    media: &'a MediaStore,
    at: usize,
}

impl Encoder<'_> {
    fn message(&self, message: &Message, names: &NameMap) -> Result<Value, EncodeError> {
        let role = match message.role {
            Role::System => "system",
            Role::Developer => "developer",
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
        };
        let mut out = Map::new();
        out.insert("role".to_owned(), role.into());
        if let Some(id) = &message.tool_call_id {
            out.insert("tool_call_id".to_owned(), id.clone().into());
        }
        out.insert("content".to_owned(), self.content(message)?);
        if let Some(name) = message.name.as_ref().filter(|_| message.role != Role::Tool) {
            out.insert("name".to_owned(), name.clone().into());
        }
        let refusal: String = message
            .parts
            .iter()
            .filter_map(|part| match part {
                Part::Refusal { text } => Some(text.as_str()),
                _ => None,
            })
            .collect();
        if !refusal.is_empty() {
            out.insert("refusal".to_owned(), refusal.into());
        }
        if let Some(reasoning) = &message.reasoning {
            out.insert("reasoning_content".to_owned(), reasoning.clone().into());
        }
        if !message.tool_calls.is_empty() {
            let calls = message
                .tool_calls
                .iter()
                .map(|call| self.call(call, names))
                .collect();
            out.insert("tool_calls".to_owned(), Value::Array(calls));
        }
        if !message.blocks.is_empty() {
            out.insert("provider_blocks".to_owned(), json!(message.blocks));
        }
        if message.is_error {
            out.insert("is_error".to_owned(), true.into());
        }
        if let Some(mark) = &message.cache_control {
            out.insert("cache_control".to_owned(), mark.0.clone().into());
        }
        Ok(Value::Object(out))
    }

    fn call(&self, call: &ToolCall, names: &NameMap) -> Value {
        let name = names.to_wire(&call.name);
        if call.custom && self.target.endpoint.first_party {
            return json!({
                "id": call.id,
                "type": "custom",
                "custom": {"name": name, "input": call.arguments},
            });
        }
        let arguments = if call.custom {
            json!({ "input": call.arguments }).to_string()
        } else if call.arguments.is_empty() {
            "{}".to_owned()
        } else {
            call.arguments.clone()
        };
        json!({
            "id": call.id,
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        })
    }

    /// A string where all is text, null where an assistant says nothing, else a list.
    fn content(&self, message: &Message) -> Result<Value, EncodeError> {
        let plain = message.parts.iter().all(|part| {
            matches!(
                part,
                Part::Refusal { .. }
                    | Part::Text {
                        cache_control: None,
                        ..
                    }
            )
        });
        if plain {
            let text: String = message
                .parts
                .iter()
                .filter_map(|part| match part {
                    Part::Text { text, .. } => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            let silent = text.is_empty() && message.role == Role::Assistant;
            return Ok(if silent { Value::Null } else { text.into() });
        }
        message
            .parts
            .iter()
            .enumerate()
            .filter(|(_, part)| !matches!(part, Part::Refusal { .. }))
            .map(|(part_at, part)| self.part(part, part_at))
            .collect::<Result<Vec<_>, _>>()
            .map(Value::Array)
    }

    fn part(&self, part: &Part, part_at: usize) -> Result<Value, EncodeError> {
        let (mut value, mark) = match part {
            Part::Text {
                text,
                cache_control,
            } => (json!({"type": "text", "text": text}), cache_control),
            Part::Refusal { text } => (json!({"type": "refusal", "refusal": text}), &None),
            Part::Image {
                source,
                detail,
                cache_control,
            } => {
                self.require(self.target.capabilities.image_input, "pictures", part_at)?;
                let mut image = json!({ "url": self.image_url(source, part_at)? });
                if let Some(detail) = detail {
                    set_member(&mut image, "detail", detail.clone());
                }
                (
                    json!({"type": "image_url", "image_url": image}),
                    cache_control,
                )
            }
            Part::Audio { source, format } => {
                self.require(self.target.capabilities.audio_input, "sound", part_at)?;
                (self.audio(source, format.as_deref(), part_at)?, &None)
            }
            Part::File {
                source,
                filename,
                cache_control,
            } => {
                self.require(self.target.capabilities.pdf_input, "documents", part_at)?;
                (
                    self.file(source, filename.as_deref(), part_at)?,
                    cache_control,
                )
            }
            Part::Video { source, settings } => {
                let taken =
                    self.target.capabilities.video_input && !self.target.endpoint.first_party;
                self.require(taken, "video", part_at)?;
                let mut video = settings.clone().unwrap_or_else(|| json!({}));
                set_member(&mut video, "url", self.image_url(source, part_at)?);
                (json!({"type": "video_url", "video_url": video}), &None)
            }
            Part::Unknown { value, .. } => (value.clone(), &None),
        };
        if let Some(mark) = mark {
            set_member(&mut value, "cache_control", mark.0.clone());
        }
        Ok(value)
    }

    fn require(&self, taken: bool, what: &str, part_at: usize) -> Result<(), EncodeError> {
        if taken {
            return Ok(());
        }
        Err(self.unsupported(
            part_at,
            format!("The model `{}` takes no {what}.", self.target.model),
        ))
    }

    fn unsupported(&self, part_at: usize, message: String) -> EncodeError {
        EncodeError::new(
            EncodeErrorCode::UnsupportedContent,
            format!("messages[{}].content[{part_at}]", self.at),
            message,
        )
    }

    /// MIME type and base64 of a source that must be inline.
    fn inline(
        &self,
        source: &MediaSource,
        part_at: usize,
    ) -> Result<(String, String), EncodeError> {
        match source {
            MediaSource::Inline { media_type, data } => {
                Ok((effective_type(media_type, data), data.clone()))
            }
            MediaSource::Url(url) => match self.media.get(url) {
                Some(media) => Ok((media.media_type.clone(), media.data.clone())),
                None => Err(self.unsupported(
                    part_at,
                    "The URL could not be fetched. Send the data inline.".to_owned(),
                )),
            },
            MediaSource::FileId(id) => Err(self.unsupported(
                part_at,
                format!("The uploaded file `{id}` can't be used here. Send the data inline."),
            )),
        }
    }

    fn image_url(&self, source: &MediaSource, part_at: usize) -> Result<String, EncodeError> {
        if let MediaSource::Url(url) = source
            && self.media.get(url).is_none()
            && self.target.capabilities.fetches_urls
            && !url.starts_with("gs://")
        {
            return Ok(url.clone());
        }
        let (media_type, data) = self.inline(source, part_at)?;
        if media_type == "image/svg+xml" {
            return Err(self.unsupported(
                part_at,
                "SVG pictures are not taken. Send PNG, JPEG, GIF or WebP.".to_owned(),
            ));
        }
        Ok(format!("data:{media_type};base64,{data}"))
    }

    fn audio(
        &self,
        source: &MediaSource,
        format: Option<&str>,
        part_at: usize,
    ) -> Result<Value, EncodeError> {
        let (media_type, data) = self.inline(source, part_at)?;
        let of_type = match media_type.as_str() {
            "audio/wav" | "audio/x-wav" | "audio/wave" => Some("wav"),
            "audio/mpeg" | "audio/mp3" => Some("mp3"),
            other => other.strip_prefix("audio/"),
        };
        let format = of_type.or(format).unwrap_or("wav");
        if self.target.endpoint.first_party && !matches!(format, "wav" | "mp3") {
            return Err(self.unsupported(
                part_at,
                format!("Sound as `{format}` is not taken. Send `wav` or `mp3`."),
            ));
        }
        Ok(json!({"type": "input_audio", "input_audio": {"data": data, "format": format}}))
    }

    fn file(
        &self,
        source: &MediaSource,
        filename: Option<&str>,
        part_at: usize,
    ) -> Result<Value, EncodeError> {
        if let MediaSource::FileId(id) = source {
            return Ok(json!({"type": "file", "file": {"file_id": id}}));
        }
        let (media_type, data) = self.inline(source, part_at)?;
        let media_type = if media_type.is_empty() {
            "application/pdf"
        } else {
            &media_type
        };
        // OpenAI refuses file data without a name.
        let filename = filename.unwrap_or("document.pdf");
        Ok(json!({
            "type": "file",
            "file": {
                "filename": filename,
                "file_data": format!("data:{media_type};base64,{data}"),
            },
        }))
    }
}
