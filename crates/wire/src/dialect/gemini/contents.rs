//! The conversation as `systemInstruction` and `contents` (wire-protocols §5, §7).

use std::collections::{HashMap, HashSet, VecDeque};

use serde_json::{Map, Value, json};

use super::{ISSUER, assistant, media};
use crate::adapter::Target;
use crate::chat::{ChatRequest, Message, Part, Role, ToolCall};
use crate::error::{EncodeError, EncodeErrorCode};
use crate::media::MediaStore;
use crate::names::NameMap;
use crate::notes::{NO_EQUIVALENT, Notes, unsupported_content};

/// A message and its place in the request.
type Placed<'m> = (usize, &'m Message);

/// What the translation of messages needs to know.
pub(super) struct Context<'a> {
    pub(super) target: &'a Target,
    pub(super) media: &'a MediaStore,
    pub(super) names: &'a NameMap,
    /// The model refuses a step whose first call has no thought signature (Gemini 3 and later).
    pub(super) needs_signatures: bool,
    /// Call ids that Gemini gave, each used by one call only.
    issued: HashSet<&'a str>,
}

/// The conversation translated.
pub(super) struct Conversation {
    /// Texts of the leading system messages.
    pub(super) system: Vec<String>,
    /// `contents`.
    pub(super) contents: Vec<Value>,
}

impl<'a> Context<'a> {
    pub(super) fn new(
        request: &'a ChatRequest,
        target: &'a Target,
        media: &'a MediaStore,
        names: &'a NameMap,
    ) -> Self {
        use crate::capability::Reasoning;
        Self {
            target,
            media,
            names,
            needs_signatures: matches!(target.capabilities.reasoning, Reasoning::Effort { .. }),
            issued: issued_ids(request),
        }
    }

    /// Whether the provider itself gave that id. Gemini pairs by order where there is none, so only
    /// its own ids are sent back.
    pub(super) fn is_issued(&self, id: &str) -> bool {
        self.issued.contains(&id)
    }
}

/// Translates the messages.
pub(super) fn encode(
    request: &ChatRequest,
    context: &Context<'_>,
    notes: &mut Notes,
) -> Result<Conversation, EncodeError> {
    let messages: Vec<Placed<'_>> = request.messages.iter().enumerate().collect();
    let is_system = |message: &Message| matches!(message.role, Role::System | Role::Developer);
    let leading = messages
        .iter()
        .take_while(|(_, message)| is_system(message))
        .count();
    let (leading, rest) = messages
        .split_at_checked(leading)
        .unwrap_or((&messages, &[]));
    let mut system = Vec::new();
    for (at, message) in leading {
        marks(message, notes)?;
        let text = system_text(message, *at)?;
        if !text.is_empty() {
            system.push(text);
        }
    }
    let mut contents = turns(rest, context, notes)?;
    if contents.is_empty() {
        // A conversation of instructions only: the last of them is what is asked.
        let Some(asked) = system.pop() else {
            return Err(EncodeError::new(
                EncodeErrorCode::InvalidValue,
                "messages",
                "The conversation is empty. Send at least one message with content.",
            ));
        };
        contents.push(turn("user", vec![json!({ "text": asked })]));
    }
    if is_model(contents.first()) {
        notes.change("messages[0]", "user");
        let opening = json!({"text": "(The conversation begins.)"});
        contents.insert(0, turn("user", vec![opening]));
    }
    if is_model(contents.last()) && !context.target.capabilities.prefill {
        if !context.target.policy.rewrite_prefill {
            return Err(unsupported_content(
                format!("messages[{}]", request.messages.len().saturating_sub(1)),
                format!(
                    "The model `{}` does not continue an assistant message. End with a user \
                     message.",
                    context.target.model
                ),
            ));
        }
        notes.change("messages[-1]", "user");
        let go_on = json!({"text": "Continue exactly where you stopped."});
        contents.push(turn("user", vec![go_on]));
    }
    Ok(Conversation { system, contents })
}

fn turns(
    messages: &[Placed<'_>],
    context: &Context<'_>,
    notes: &mut Notes,
) -> Result<Vec<Value>, EncodeError> {
    let mut contents = Vec::new();
    let mut rest = messages;
    while !rest.is_empty() {
        let (steps, after) = split_run(rest, |message| message.role == Role::Assistant);
        let (replies, after) = split_run(after, |message| message.role != Role::Assistant);
        rest = after;
        let mut calls = Vec::new();
        for (at, message) in steps {
            marks(message, notes)?;
            if message.name.is_some() {
                notes.drop("messages[].name", NO_EQUIVALENT)?;
            }
            let parts = assistant::parts(message, *at, context, notes)?;
            if !parts.is_empty() {
                contents.push(turn("model", parts));
            }
            for (call_at, call) in message.tool_calls.iter().enumerate() {
                calls.push((*at, call_at, call));
            }
        }
        if let Some(results) = results(&calls, replies, context, notes)? {
            contents.push(results);
        }
        for (at, message) in replies {
            if message.role == Role::Tool {
                continue;
            }
            marks(message, notes)?;
            if message.name.is_some() {
                notes.drop("messages[].name", NO_EQUIVALENT)?;
            }
            let parts = match message.role {
                Role::System | Role::Developer => {
                    let text = system_text(message, *at)?;
                    // There is no system turn here: a marked block says what it is.
                    vec![json!({"text": format!("<system>\n{text}\n</system>")})]
                }
                Role::User | Role::Assistant | Role::Tool => user_parts(message, *at, context)?,
            };
            contents.push(turn("user", parts));
        }
    }
    Ok(contents)
}

/// Results that no call has taken yet.
struct Given<'a> {
    by_id: HashMap<&'a str, VecDeque<Placed<'a>>>,
    /// Legacy results, which name the function only.
    by_name: HashMap<&'a str, VecDeque<Placed<'a>>>,
}

impl<'a> Given<'a> {
    fn new(replies: &[Placed<'a>]) -> Self {
        let mut given = Self {
            by_id: HashMap::new(),
            by_name: HashMap::new(),
        };
        for (at, message) in replies {
            if message.role != Role::Tool {
                continue;
            }
            let results = match &message.tool_call_id {
                Some(id) => given.by_id.entry(id),
                None => given
                    .by_name
                    .entry(message.name.as_deref().unwrap_or_default()),
            };
            results.or_default().push_back((*at, *message));
        }
        given
    }

    /// The nth call of an id takes the nth result of it.
    fn take(&mut self, call: &ToolCall) -> Option<Placed<'a>> {
        self.by_id
            .get_mut(call.id.as_str())
            .and_then(VecDeque::pop_front)
            .or_else(|| self.by_name.get_mut(call.name.as_str())?.pop_front())
    }

    /// The first result that is left.
    fn orphan(&self) -> Option<Placed<'a>> {
        self.by_id
            .values()
            .chain(self.by_name.values())
            .filter_map(VecDeque::front)
            .min_by_key(|(at, _)| *at)
            .copied()
    }
}

/// All results of one batch of calls, in the order of the calls, in one user turn.
fn results(
    calls: &[(usize, usize, &ToolCall)],
    replies: &[Placed<'_>],
    context: &Context<'_>,
    notes: &mut Notes,
) -> Result<Option<Value>, EncodeError> {
    let mut given = Given::new(replies);
    let may_repair = context.target.policy.repair_orphans;
    let mut responses = Vec::new();
    let mut media_after = Vec::new();
    for (at, call_at, call) in calls {
        let result = given.take(call);
        if result.is_none() && !may_repair {
            return Err(EncodeError::new(
                EncodeErrorCode::UnpairedToolCall,
                format!("messages[{at}].tool_calls[{call_at}]"),
                format!(
                    "The tool call `{}` has no result. Send a `tool` message with this \
                     `tool_call_id` right after it.",
                    call.id
                ),
            ));
        }
        if result.is_none() {
            notes.change(
                &format!("messages[{at}].tool_calls[{call_at}]"),
                "no result",
            );
        }
        responses.push(response(call, result, context, notes, &mut media_after)?);
    }
    if let Some((at, orphan)) = given.orphan() {
        if !may_repair {
            return Err(EncodeError::new(
                EncodeErrorCode::UnpairedToolCall,
                format!("messages[{at}].tool_call_id"),
                format!(
                    "The tool result `{}` answers no call of the assistant message before it.",
                    orphan.tool_call_id.as_deref().unwrap_or_default()
                ),
            ));
        }
        notes.forget("messages[].tool_call_id");
    }
    responses.extend(media_after);
    Ok((!responses.is_empty()).then(|| turn("user", responses)))
}

fn response(
    call: &ToolCall,
    result: Option<Placed<'_>>,
    context: &Context<'_>,
    notes: &mut Notes,
    media_after: &mut Vec<Value>,
) -> Result<Value, EncodeError> {
    let name = context.names.to_wire(&call.name);
    let mut out = Map::new();
    if context.is_issued(&call.id) {
        out.insert("id".into(), call.id.clone().into());
    }
    out.insert("name".into(), name.into());
    let Some((at, message)) = result else {
        out.insert(
            "response".into(),
            json!({"error": "The call has no result."}),
        );
        return Ok(json!({ "functionResponse": out }));
    };
    marks(message, notes)?;
    let said = message.text();
    out.insert("response".into(), wrapped(&said, message.is_error));
    let media = media_parts(message, at, context)?;
    if !media.is_empty() {
        if context.target.capabilities.tool_result_media {
            out.insert("parts".into(), media.into());
        } else {
            let label = format!("(What the tool `{name}` returned besides its text:)");
            media_after.push(json!({ "text": label }));
            media_after.extend(media);
        }
    }
    Ok(json!({ "functionResponse": out }))
}

/// `response` must be an object.
fn wrapped(said: &str, is_error: bool) -> Value {
    let value = match serde_json::from_str::<Value>(said) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
        _ => said.into(),
    };
    match value {
        value if is_error => json!({ "error": value }),
        value @ Value::Object(_) => value,
        value => json!({ "result": value }),
    }
}

fn user_parts(
    message: &Message,
    at: usize,
    context: &Context<'_>,
) -> Result<Vec<Value>, EncodeError> {
    let mut out = Vec::new();
    for (part_at, part) in message.parts.iter().enumerate() {
        let param = format!("messages[{at}].content[{part_at}]");
        match part {
            Part::Text { text, .. } | Part::Refusal { text } => {
                // An empty text is no part to Gemini.
                if !text.is_empty() {
                    out.push(json!({ "text": text }));
                }
            }
            Part::Unknown { kind, .. } => return Err(unknown_part(&param, kind)),
            part => out.extend(media::part(part, context.target, context.media, &param)?),
        }
    }
    if out.is_empty() {
        return Err(EncodeError::new(
            EncodeErrorCode::InvalidValue,
            format!("messages[{at}].content"),
            "The message is empty, which Gemini refuses. Send some content, or leave it out.",
        ));
    }
    Ok(out)
}

fn media_parts(
    message: &Message,
    at: usize,
    context: &Context<'_>,
) -> Result<Vec<Value>, EncodeError> {
    let mut out = Vec::new();
    for (part_at, part) in message.parts.iter().enumerate() {
        let param = format!("messages[{at}].content[{part_at}]");
        if let Part::Unknown { kind, .. } = part {
            return Err(unknown_part(&param, kind));
        }
        out.extend(media::part(part, context.target, context.media, &param)?);
    }
    Ok(out)
}

fn system_text(message: &Message, at: usize) -> Result<String, EncodeError> {
    let odd = message
        .parts
        .iter()
        .position(|part| !matches!(part, Part::Text { .. } | Part::Refusal { .. }));
    match odd {
        None => Ok(message.text()),
        Some(part_at) => Err(unsupported_content(
            format!("messages[{at}].content[{part_at}]"),
            "A system message takes text only. Put other content into a user message.",
        )),
    }
}

pub(super) fn unknown_part(param: &str, kind: &str) -> EncodeError {
    unsupported_content(
        param,
        format!("Content of type `{kind}` can't be sent to Gemini."),
    )
}

/// Prompt-cache marks have no equivalent: the API caches by itself.
fn marks(message: &Message, notes: &mut Notes) -> Result<(), EncodeError> {
    if message.cache_control.is_some() {
        notes.drop("messages[].cache_control", NO_EQUIVALENT)?;
    }
    let mut parts = message.parts.iter();
    let marked = parts.any(|part| part.cache_control().is_some());
    if marked {
        notes.drop("messages[].content[].cache_control", NO_EQUIVALENT)?;
    }
    Ok(())
}

fn turn(role: &str, parts: Vec<Value>) -> Value {
    json!({"role": role, "parts": parts})
}

fn is_model(content: Option<&Value>) -> bool {
    content.and_then(|content| content.get("role")?.as_str()) == Some("model")
}

fn split_run<'s, 'm>(
    messages: &'s [Placed<'m>],
    belongs: impl Fn(&Message) -> bool,
) -> (&'s [Placed<'m>], &'s [Placed<'m>]) {
    let length = messages
        .iter()
        .take_while(|(_, message)| belongs(message))
        .count();
    messages.split_at_checked(length).unwrap_or((messages, &[]))
}

/// Ids that Gemini issued: a block of the call says so, or they have its form (eight lower-case
/// letters and digits). An id used twice pairs nothing, so it is not among them.
fn issued_ids(request: &ChatRequest) -> HashSet<&str> {
    let mut issued = HashSet::new();
    let mut seen = HashSet::new();
    for message in &request.messages {
        for (at, call) in message.tool_calls.iter().enumerate() {
            let id = call.id.as_str();
            if !seen.insert(id) {
                issued.remove(id);
                continue;
            }
            let has_form = id.len() == 8
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
            let is_said = message.blocks.iter().any(|block| {
                block.issuer == ISSUER
                    && block.span.call_len > 0
                    && block.span.calls == at
                    && super::read::field(&block.block, "functionCall")
                        .is_some_and(|call| super::read::text(call, "id") == id)
            });
            if has_form || is_said {
                issued.insert(id);
            }
        }
    }
    issued
}
