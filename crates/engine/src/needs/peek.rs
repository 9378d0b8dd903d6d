//! The needs of a chat request that is passed on as it came, read from its JSON.
//!
//! Only types and lengths are looked at; texts and media are skipped over where they stand.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::RequestNeeds;
use crate::estimate;
use polyroute_wire::chat::MediaSource;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    functions: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_choice: Option<&'a RawValue>,
    #[serde(borrow)]
    response_format: Option<Typed<'a>>,
    n: Option<u32>,
    max_completion_tokens: Option<u64>,
    max_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    file: Option<File<'a>>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    filename: Option<Cow<'a, str>>,
    #[serde(borrow)]
    file_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    file_data: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Typed<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mode: Option<Cow<'a, str>>,
    #[serde(borrow)]
    allowed_tools: Option<Mode<'a>>,
}

#[derive(Deserialize)]
struct Mode<'a> {
    #[serde(borrow)]
    mode: Option<Cow<'a, str>>,
}

impl RequestNeeds {
    /// Of the body of a chat request. `None` if it has not the shape of one, which its reader
    /// will explain better.
    #[must_use]
    pub fn peek(body: &[u8]) -> Option<Self> {
        let body: Body<'_> = serde_json::from_slice(body).ok()?;
        let given = |list: Option<&RawValue>| {
            list.is_some_and(|list| !matches!(compact(list).as_str(), "[]" | "null"))
        };
        let mut needs = Self {
            tools: given(body.tools) || given(body.functions),
            forced_tool: body.tool_choice.is_some_and(forces),
            json_schema: body
                .response_format
                .is_some_and(|format| format.kind.as_deref() == Some("json_schema")),
            prefill: body.messages.last().is_some_and(|last| {
                last.role.as_deref() == Some("assistant") && !given(last.tool_calls)
            }),
            choices: body.n.unwrap_or(1),
            max_output: body.max_completion_tokens.or(body.max_tokens),
            ..Self::default()
        };
        let length = |raw: Option<&RawValue>| raw.map_or(0, |raw| raw.get().len());
        let mut bytes = length(body.tools) + length(body.functions);
        for message in &body.messages {
            bytes += length(message.tool_calls) + needs.content(message.content)?;
        }
        needs.estimated_input_tokens =
            estimate::tokens_of_bytes(bytes) + estimate::overhead(body.messages.len());
        Some(needs)
    }

    /// Notes what the content of a message needs; gives the bytes of its text.
    fn content(&mut self, content: Option<&RawValue>) -> Option<usize> {
        let Some(content) = content else {
            return Some(0);
        };
        if !content.get().starts_with('[') {
            return Some(content.get().len());
        }
        let parts: Vec<Part<'_>> = serde_json::from_str(content.get()).ok()?;
        let mut bytes = 0;
        for part in parts {
            bytes += part.text.map_or(0, |text| text.get().len());
            match part.kind.as_deref() {
                Some("image_url") => self.image = true,
                Some("input_audio") => self.audio = true,
                Some("video_url") => self.video = true,
                Some("file") => self.peeked_file(part.file),
                _ => {}
            }
        }
        Some(bytes)
    }

    fn peeked_file(&mut self, file: Option<File<'_>>) {
        let Some(file) = file.filter(|file| file.file_id.is_none()) else {
            return;
        };
        // The head of a data URL has no escapes.
        let data = file.file_data.map(RawValue::get).unwrap_or_default();
        let head = data
            .trim_start_matches('"')
            .strip_prefix("data:")
            .unwrap_or_default();
        let media_type = head.split([';', ',']).next().unwrap_or_default();
        let source = MediaSource::Inline {
            media_type: media_type.to_ascii_lowercase(),
            data: String::new(),
        };
        self.file(&source, file.filename.as_deref());
    }
}

/// Whether a tool choice leaves the model no choice but to call.
fn forces(choice: &RawValue) -> bool {
    let text = choice.get();
    if !text.starts_with('{') {
        return text == "\"required\"";
    }
    let Ok(choice) = serde_json::from_str::<Typed<'_>>(text) else {
        return false;
    };
    let mode = choice
        .allowed_tools
        .and_then(|allowed| allowed.mode)
        .or(choice.mode);
    match choice.kind.as_deref() {
        Some("allowed_tools") => mode.as_deref() == Some("required"),
        Some("function" | "custom") => true,
        _ => false,
    }
}

/// The start of a value without white space: enough to tell an empty list.
fn compact(value: &RawValue) -> String {
    let text = value.get().chars();
    text.filter(|character| !character.is_ascii_whitespace())
        .take(8)
        .collect()
}
