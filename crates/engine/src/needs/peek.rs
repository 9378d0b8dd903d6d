//! The needs of a chat request that is passed on as it came, read from its JSON.
//!
//! Only types and lengths are looked at; texts and media are skipped over where they stand.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use polyroute_wire::chat::MediaSource;
use polyroute_wire::media::image_size;

use super::RequestNeeds;
use crate::estimate::Form;

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
    parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
    #[serde(borrow)]
    response_format: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_effort: Option<&'a RawValue>,
    n: Option<u32>,
    max_completion_tokens: Option<u64>,
    max_tokens: Option<u64>,
}

impl<'a> Body<'a> {
    /// `function_call`, the older word for `tool_choice`; it wins, as for the reader.
    fn legacy_choice(&self) -> Option<&'a str> {
        let choice = self.function_call.map(RawValue::get);
        choice.filter(|choice| *choice != "null")
    }

    /// Whether a call is forced.
    fn forces(&self) -> bool {
        match self.legacy_choice() {
            Some(choice) => choice.starts_with('{'),
            None => self.tool_choice.is_some_and(forces),
        }
    }
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Option<Cow<'a, str>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow)]
    provider_blocks: Option<&'a RawValue>,
}

/// A block of a provider's own.
#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    block: Option<Sealed<'a>>,
    span: Option<Span>,
}

/// Where a block stood.
#[derive(Deserialize)]
struct Span {
    call_len: Option<u64>,
}

/// Thinking that only its provider can read.
#[derive(Deserialize)]
struct Sealed<'a> {
    #[serde(borrow, rename = "thoughtSignature")]
    signature: Option<&'a RawValue>,
    #[serde(borrow)]
    encrypted_content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
    #[serde(borrow)]
    custom: Option<Function<'a>>,
}

/// A tool's definition, or a call of one.
#[derive(Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    description: Option<&'a RawValue>,
    #[serde(borrow)]
    parameters: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    file: Option<File<'a>>,
    #[serde(borrow)]
    image_url: Option<Image<'a>>,
    #[serde(borrow)]
    input_audio: Option<Sound<'a>>,
}

#[derive(Deserialize)]
struct Image<'a> {
    #[serde(borrow)]
    url: Option<&'a RawValue>,
    #[serde(borrow)]
    detail: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Sound<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
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
struct Format<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    json_schema: Option<NamedSchema<'a>>,
}

#[derive(Deserialize)]
struct NamedSchema<'a> {
    #[serde(borrow)]
    schema: Option<&'a RawValue>,
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
        let format = body.response_format.and_then(|format| {
            let typed = serde_json::from_str::<Format<'_>>(format.get()).ok()?;
            Some((typed, format))
        });
        let schema = format
            .as_ref()
            .filter(|(format, _)| format.kind.as_deref() == Some("json_schema"))
            .map(|(typed, format)| {
                typed
                    .json_schema
                    .as_ref()
                    .and_then(|inner| inner.schema)
                    .unwrap_or(format)
            });
        let mut needs = Self {
            tools: given(body.functions),
            forced_tool: body.forces(),
            json_schema: schema.is_some(),
            prefill: body.messages.last().is_some_and(|last| {
                last.role.as_deref() == Some("assistant") && !given(last.tool_calls)
            }),
            choices: body.n.unwrap_or(1),
            max_output: body.max_completion_tokens.or(body.max_tokens),
            ..Self::default()
        };
        for tools in [body.tools, body.functions].into_iter().flatten() {
            needs.tools(tools);
        }
        match body.legacy_choice().or(body.tool_choice.map(RawValue::get)) {
            Some("\"none\"") => needs.size.uncallable(),
            _ if needs.forced_tool => needs.size.forced(),
            _ => {}
        }
        if body.parallel_tool_calls == Some(false) {
            needs.size.sequential();
        }
        if let Some(schema) = schema {
            needs.size.answer_schema(schema.get());
        }
        if format.is_some_and(|(format, _)| format.kind.as_deref() == Some("json_object")) {
            needs.size.json();
        }
        let effort = body.reasoning_effort.map(RawValue::get);
        if effort.is_some_and(|effort| !matches!(effort, "null" | "\"none\"")) {
            needs.size.thinks();
        }
        for message in &body.messages {
            needs.size.message();
            match message.role.as_deref() {
                Some("user") => needs.size.turn(),
                Some("tool") => needs.size.result(),
                _ => {}
            }
            if let Some(blocks) = message.provider_blocks {
                needs.blocks(blocks);
            }
            if let Some(calls) = message.tool_calls {
                needs.calls(calls);
            }
            let reasoning = inner(message.reasoning_content);
            needs.size.reasoning(reasoning, Form::Escaped);
            needs.content(message.content)?;
        }
        Some(needs)
    }

    fn tools(&mut self, tools: &RawValue) {
        // What is no list of tools is judged by who reads it in full.
        let tools: Vec<&RawValue> = serde_json::from_str(tools.get()).unwrap_or_default();
        for tool in tools {
            // What the provider runs itself is no tool that the caller has to be called for.
            let call = serde_json::from_str::<Call<'_>>(tool.get()).ok();
            let kind = call.as_ref().and_then(|call| call.kind);
            if !matches!(
                kind.map(RawValue::get),
                None | Some("null" | "\"function\"" | "\"custom\"")
            ) {
                continue;
            }
            self.tools = true;
            let Some(tool) = call.and_then(|call| named(call, tool)) else {
                continue;
            };
            let schema = tool.parameters.map_or("", RawValue::get);
            let (name, description) = (inner(tool.name), inner(tool.description));
            self.size.tool(name, description, schema, Form::Escaped);
        }
    }

    fn calls(&mut self, calls: &RawValue) {
        let calls: Vec<&RawValue> = serde_json::from_str(calls.get()).unwrap_or_default();
        for call in calls {
            let Some(call) = function(call) else { continue };
            let arguments = inner(call.arguments.or(call.input));
            self.size.call(inner(call.name), arguments, Form::Escaped);
        }
    }

    fn blocks(&mut self, blocks: &RawValue) {
        let blocks: Vec<Block<'_>> = serde_json::from_str(blocks.get()).unwrap_or_default();
        for block in blocks {
            let Some(sealed) = block.block else { continue };
            let is_call = block.span.and_then(|span| span.call_len).unwrap_or(0) > 0;
            let (reasoning, signature) = (sealed.encrypted_content, sealed.signature);
            self.sealed(inner(reasoning), inner(signature), is_call);
        }
    }

    /// Notes what the content of a message needs and how large it is.
    fn content(&mut self, content: Option<&RawValue>) -> Option<()> {
        let Some(content) = content else {
            return Some(());
        };
        if !content.get().starts_with('[') {
            self.size.text(inner(Some(content)), Form::Escaped);
            return Some(());
        }
        let parts: Vec<Part<'_>> = serde_json::from_str(content.get()).ok()?;
        for part in parts {
            self.size.text(inner(part.text), Form::Escaped);
            match part.kind.as_deref() {
                Some("image_url") => {
                    self.image = true;
                    let low = part
                        .image_url
                        .as_ref()
                        .is_some_and(|image| image.detail.as_deref() == Some("low"));
                    let url = inner(part.image_url.and_then(|image| image.url));
                    let data = url
                        .strip_prefix("data:")
                        .and_then(|url| url.split_once(','));
                    let size = data.and_then(|(_, data)| image_size(data));
                    self.size.picture(size, low);
                }
                Some("input_audio") => {
                    self.audio = true;
                    let data = inner(part.input_audio.and_then(|sound| sound.data));
                    self.size.sound(decoded(data));
                }
                Some("video_url") => self.video = true,
                Some("file") => self.peeked_file(part.file),
                _ => {}
            }
        }
        Some(())
    }

    fn peeked_file(&mut self, file: Option<File<'_>>) {
        let Some(file) = file.filter(|file| file.file_id.is_none()) else {
            self.size.document(0);
            return;
        };
        self.size.document(decoded(inner(file.file_data)));
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

/// What stands between the quotes of a JSON string; nothing of another value.
fn inner(value: Option<&RawValue>) -> &str {
    let text = value.map_or("", RawValue::get);
    let inner = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or_default()
}

/// Bytes behind so much base64.
fn decoded(base64: &str) -> u64 {
    u64::try_from(base64.len()).unwrap_or(u64::MAX) / 4 * 3
}

/// The function of a tool or call, in its wrapping or (the legacy form) without.
fn function(value: &RawValue) -> Option<Function<'_>> {
    named(serde_json::from_str(value.get()).ok()?, value)
}

fn named<'a>(call: Call<'a>, value: &'a RawValue) -> Option<Function<'a>> {
    call.function
        .or(call.custom)
        .or_else(|| serde_json::from_str(value.get()).ok())
}

/// Whether a tool choice leaves the model no choice but to call.
fn forces(choice: &RawValue) -> bool {
    let text = choice.get();
    if !text.starts_with('{') {
        return matches!(text, "\"required\"" | "\"any\"");
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
        // Some clients leave the type of a named function out.
        None | Some("function" | "custom" | "required" | "any") => true,
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
