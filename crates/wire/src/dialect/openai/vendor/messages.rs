//! Messages and tools under a vendor's rules (wire-protocols §5, §7, §9).

use serde_json::{Map, Value, json};

use crate::adapter::Target;
use crate::classify::nine_characters;
use crate::error::{EncodeError, EncodeErrorCode};
use crate::profile::{
    Documents, MessageName, MessageRules, Prefill, ReasoningReplay, SameRole, SilentAssistant,
    StrictTools, SystemPlace, ToolIds,
};
use crate::turn_text::CONTINUE;

/// Where chat requests go, below the base URL.
pub(in super::super) const CHAT_PATH: &str = "/chat/completions";

/// What was done to messages.
#[derive(Debug, Default)]
pub(in super::super) struct Fitted {
    /// Something was changed.
    pub(in super::super) any: bool,
    /// What the model loses, by path.
    pub(in super::super) dropped: Vec<String>,
    /// What it gets in another form.
    pub(in super::super) changed: Vec<String>,
    /// The last message is one to go on with, and the vendor wants that said.
    pub(in super::super) prefill: bool,
    /// The last message is one to go on with, and the model does not: its index.
    pub(in super::super) refused_prefill: Option<usize>,
}

impl Fitted {
    /// Whether what was found can be sent at all.
    ///
    /// # Errors
    /// A trailing assistant message that the model does not go on from.
    pub(in super::super) fn check(&self, target: &Target) -> Result<(), EncodeError> {
        let Some(at) = self.refused_prefill else {
            return Ok(());
        };
        Err(EncodeError::new(
            EncodeErrorCode::UnsupportedContent,
            format!("messages[{at}]"),
            format!(
                "The model `{}` does not continue a trailing assistant message. End the \
                 conversation with a user message.",
                target.model
            ),
        ))
    }
}

/// Whether [`fit`] may have something to do at this target.
pub(in super::super) fn needs_fitting(target: &Target) -> bool {
    let profile = &target.endpoint.profile;
    profile.messages != MessageRules::default()
        || profile.reasoning.replay != ReasoningReplay::AsSent
        || !target.capabilities.user_after_tool
}

/// Edits messages in place as the target's profile wants them.
pub(in super::super) fn fit(list: &mut Vec<Value>, target: &Target) -> Fitted {
    let mut fit = Fit {
        target,
        rules: &target.endpoint.profile.messages,
        done: Fitted::default(),
    };
    if !needs_fitting(target) {
        return fit.done;
    }
    let mut opening = true;
    for message in list.iter_mut().filter_map(Value::as_object_mut) {
        fit.system(message, &mut opening);
        fit.name(message);
        fit.reasoning(message);
        fit.ids(message);
        fit.silence(message);
        fit.documents(message);
        fit.members(message);
    }
    fit.same_role(list);
    fit.user_after_tool(list);
    fit.prefill(list);
    fit.done
}

/// Takes out of `tools` what the vendor does not know; `true` if anything changed.
pub(in super::super) fn tools(
    list: &mut Value,
    target: &Target,
    dropped: &mut Vec<String>,
) -> bool {
    if target.endpoint.profile.strict_tools == StrictTools::Pass {
        return false;
    }
    let mut lost = false;
    let mut changed = false;
    for tool in list.as_array_mut().into_iter().flatten() {
        if let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut) {
            let strict = function.remove("strict");
            changed |= strict.is_some();
            lost |= strict == Some(Value::Bool(true));
        }
    }
    if lost {
        dropped.push("tools[].function.strict".to_owned());
    }
    changed
}

/// What a trailing assistant message changes outside the messages: the path, and members of the
/// body.
pub(in super::super) fn prefill(target: &Target) -> (&str, &'static [(&'static str, bool)]) {
    match &target.endpoint.profile.messages.prefill {
        Prefill::Plain | Prefill::Prefix { path: None } => (CHAT_PATH, &[]),
        Prefill::Prefix { path: Some(path) } => (path, &[]),
        Prefill::ContinueFinalMessage => (
            CHAT_PATH,
            &[
                ("continue_final_message", true),
                ("add_generation_prompt", false),
            ],
        ),
    }
}

struct Fit<'a> {
    target: &'a Target,
    rules: &'a MessageRules,
    done: Fitted,
}

fn role(message: &Value) -> &str {
    message
        .get("role")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

impl Fit<'_> {
    fn system(&mut self, message: &mut Map<String, Value>, opening: &mut bool) {
        let is_system = message.get("role").and_then(Value::as_str) == Some("system");
        if is_system && !*opening && self.rules.system == SystemPlace::First {
            message.insert("role".to_owned(), "user".into());
            self.done.any = true;
            self.done.changed.push("messages[].role=user".to_owned());
        }
        *opening &= is_system;
    }

    fn name(&mut self, message: &mut Map<String, Value>) {
        let is_tool = message.get("role").and_then(Value::as_str) == Some("tool");
        let goes = match self.rules.name {
            MessageName::Pass => false,
            MessageName::ToolOnly => !is_tool,
            MessageName::Drop => true,
        };
        if goes && message.remove("name").is_some() {
            self.done.any = true;
            // A result is known by its id: its name says nothing new.
            if !is_tool {
                self.done.dropped.push("messages[].name".to_owned());
            }
        }
    }

    fn reasoning(&mut self, message: &mut Map<String, Value>) {
        let replay = self.target.endpoint.profile.reasoning.replay;
        let is_assistant = message.get("role").and_then(Value::as_str) == Some("assistant");
        if replay == ReasoningReplay::AsSent || !is_assistant {
            return;
        }
        let mut take = |key: &str| {
            let value = message.remove(key);
            self.done.any |= value.is_some();
            value
        };
        let details = take("reasoning_details");
        let other = take("reasoning");
        let text = take("reasoning_content").or(other);
        let text = text.filter(|text| text.as_str().is_some_and(|text| !text.is_empty()));
        let calls = message.get("tool_calls").and_then(Value::as_array);
        let calls = calls.is_some_and(|calls| !calls.is_empty());
        let back = match replay {
            ReasoningReplay::AsSent | ReasoningReplay::Drop => None,
            ReasoningReplay::Reasoning => text.map(|text| ("reasoning", text)),
            ReasoningReplay::Details => details.map(|details| ("reasoning_details", details)),
            ReasoningReplay::ReasoningContentWithCalls => calls.then(|| {
                let text = text.unwrap_or_else(|| "".into());
                ("reasoning_content", text)
            }),
            ReasoningReplay::ThinkingParts => text.map(|text| {
                let mut parts = vec![json!({
                    "type": "thinking",
                    "thinking": [{"type": "text", "text": text}],
                    "closed": true,
                })];
                match message.remove("content") {
                    Some(Value::String(text)) if !text.is_empty() => {
                        parts.push(json!({"type": "text", "text": text}));
                    }
                    Some(Value::Array(more)) => parts.extend(more),
                    _ => {}
                }
                ("content", Value::Array(parts))
            }),
        };
        if let Some((key, value)) = back {
            message.insert(key.to_owned(), value);
            self.done.any = true;
        }
    }

    /// The same id gives the same nine characters on both sides of a pair and in later turns.
    fn ids(&mut self, message: &mut Map<String, Value>) {
        if self.rules.tool_ids == ToolIds::Any {
            return;
        }
        let mut fit = |object: &mut Map<String, Value>, key: &str| {
            if let Some(id) = object.get_mut(key)
                && let Some(nine) = id.as_str().and_then(nine_characters)
            {
                *id = nine.into();
                self.done.any = true;
            }
        };
        fit(message, "tool_call_id");
        let calls = message.get_mut("tool_calls").and_then(Value::as_array_mut);
        for call in calls.into_iter().flatten().filter_map(Value::as_object_mut) {
            fit(call, "id");
        }
    }

    fn silence(&mut self, message: &mut Map<String, Value>) {
        let is_assistant = message.get("role").and_then(Value::as_str) == Some("assistant");
        let silent = message.get("content").is_none_or(Value::is_null);
        if is_assistant && silent && self.rules.silent_assistant == SilentAssistant::Empty {
            message.insert("content".to_owned(), "".into());
            self.done.any = true;
        }
    }

    fn documents(&mut self, message: &mut Map<String, Value>) {
        let parts = message.get_mut("content").and_then(Value::as_array_mut);
        for part in parts.into_iter().flatten() {
            let url = ["/file/file_data", "/file/file_url"]
                .iter()
                .find_map(|path| part.pointer(path)?.as_str())
                .map(ToOwned::to_owned);
            let Some(url) = url else {
                continue;
            };
            let name = part.pointer("/file/filename").cloned();
            let (sent, name_key) = match self.rules.documents {
                Documents::File => continue,
                Documents::DocumentUrl => (
                    json!({"type": "document_url", "document_url": url}),
                    "document_name",
                ),
                Documents::FileUrl => {
                    let bare = url.split_once(";base64,").map_or(&*url, |(_, bytes)| bytes);
                    (
                        json!({"type": "file_url", "file_url": {"url": bare}}),
                        "file_name",
                    )
                }
            };
            *part = sent;
            if let (Some(part), Some(name)) = (part.as_object_mut(), name) {
                part.insert(name_key.to_owned(), name);
            }
            self.done.any = true;
        }
    }

    fn members(&mut self, message: &mut Map<String, Value>) {
        if self.rules.members.is_empty() {
            return;
        }
        message.retain(|key, value| {
            let known = self.rules.members.iter().any(|member| member == key);
            if !known {
                self.done.any = true;
                let says_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                if !says_nothing {
                    self.done.dropped.push(format!("messages[].{key}"));
                }
            }
            known
        });
    }

    fn same_role(&mut self, list: &mut Vec<Value>) {
        if self.rules.same_role == SameRole::Pass {
            return;
        }
        let mut out: Vec<Value> = Vec::with_capacity(list.len());
        for message in std::mem::take(list) {
            let joins = out.last().is_some_and(|last| {
                role(last) == role(&message)
                    && matches!(role(&message), "user" | "assistant")
                    && last.get("tool_calls").is_none()
                    && message.get("tool_calls").is_none()
            });
            match out.last_mut().filter(|_| joins) {
                Some(last) => {
                    join(last, message);
                    self.done.any = true;
                }
                None => out.push(message),
            }
        }
        // Instructions alone are no conversation: the last of them is what is asked.
        if let Some(last) = out.last_mut()
            && role(last) == "system"
            && let Some(last) = last.as_object_mut()
        {
            last.insert("role".to_owned(), "user".into());
            self.done.any = true;
            self.done.changed.push("messages[].role=user".to_owned());
        }
        *list = out;
    }

    fn user_after_tool(&mut self, list: &mut Vec<Value>) {
        if self.target.capabilities.user_after_tool {
            return;
        }
        let mut out: Vec<Value> = Vec::with_capacity(list.len());
        for message in std::mem::take(list) {
            if role(&message) == "user" && out.last().is_some_and(|last| role(last) == "tool") {
                out.push(json!({"role": "assistant", "content": "Understood."}));
                self.done.any = true;
                let note = "messages[].role=assistant_turn_added";
                self.done.changed.push(note.to_owned());
            }
            out.push(message);
        }
        *list = out;
    }

    fn prefill(&mut self, list: &mut Vec<Value>) {
        if !self.target.capabilities.prefill && list.last().is_some_and(is_prefill) {
            if !self.target.policy.rewrite_prefill {
                self.done.refused_prefill = list.len().checked_sub(1);
                return;
            }
            list.push(json!({"role": "user", "content": CONTINUE}));
            self.done.any = true;
            let note = "messages[].role=user_turn_added";
            self.done.changed.push(note.to_owned());
            return;
        }
        let marks = matches!(self.rules.prefill, Prefill::Prefix { .. });
        let Some(last) = list.last_mut().filter(|last| is_prefill(last)) else {
            return;
        };
        self.done.prefill = self.rules.prefill != Prefill::Plain;
        if let Some(last) = last.as_object_mut().filter(|_| marks) {
            last.entry("prefix").or_insert(Value::Bool(true));
            self.done.any = true;
        }
    }
}

/// Whether a message is the beginning of an answer that the model is to go on with.
fn is_prefill(message: &Value) -> bool {
    role(message) == "assistant" && message.get("tool_calls").is_none_or(Value::is_null)
}

/// Joins two messages of a role with a blank line.
fn join(into: &mut Value, message: Value) {
    let Some(into) = into.as_object_mut() else {
        return;
    };
    let Value::Object(mut message) = message else {
        return;
    };
    let content = match (into.remove("content"), message.remove("content")) {
        (Some(Value::String(first)), Some(Value::String(second))) => {
            Value::String([first, second].join("\n\n"))
        }
        (first, second) => {
            let mut parts = as_parts(first);
            parts.extend(as_parts(second));
            Value::Array(parts)
        }
    };
    into.insert("content".to_owned(), content);
}

fn as_parts(content: Option<Value>) -> Vec<Value> {
    match content {
        Some(Value::Array(parts)) => parts,
        Some(Value::String(text)) => vec![json!({"type": "text", "text": text})],
        _ => Vec::new(),
    }
}
