//! Takes out of messages and tools what an OpenAI-compatible endpoint refuses: our extension
//! fields, cache marks, roles, and content that it has no place for.

use std::sync::OnceLock;

use memchr::memmem::Finder;
use serde_json::{Map, Value, json};

use super::vendor::{self, Fitted};
use crate::adapter::Target;
use crate::capability::SystemRole;
use crate::classify::synthetic_call_id;

/// Longest tool call id that OpenAI takes, in bytes.
pub(super) const ID_BYTES_MAX: usize = 40;

/// Extension members of messages that no OpenAI-shaped wire but ours knows.
const EXTENSIONS: [&str; 4] = ["provider_blocks", "thinking_blocks", "is_error", "images"];
/// Members that OpenAI's SDKs add on their side to the answers that they parse, and send back with
/// the message: the API refuses them (`parsed` on messages, `parsed_arguments` on functions).
const SDK_ONLY: [&str; 2] = ["parsed", "parsed_arguments"];
/// Members of messages that compatible servers know and OpenAI itself does not.
const COMPATIBLE_ONLY: [&str; 3] = ["reasoning_content", "reasoning", "reasoning_details"];

/// Kinds of parts that a tool result may hold beside text.
const MEDIA: [&str; 4] = ["image_url", "file", "input_audio", "video_url"];

/// Searchers for what the bytes of messages are probed for, made once: making one costs more than
/// searching a short conversation.
struct Probes {
    extensions: [Finder<'static>; 4],
    sdk_only: [Finder<'static>; 2],
    compatible_only: [Finder<'static>; 3],
    media: [Finder<'static>; 4],
    extra_content: Finder<'static>,
    cache_control: Finder<'static>,
    cache_breakpoint: Finder<'static>,
    developer: Finder<'static>,
    system: Finder<'static>,
    tool: Finder<'static>,
    tool_call_id: Finder<'static>,
    original: Finder<'static>,
}

impl Probes {
    fn get() -> &'static Self {
        // In JSON text a quoted word stands only where it is a whole key or value: within a longer
        // string its quotes would be escaped.
        let quoted = |word: &str| Finder::new(&format!("\"{word}\"")).into_owned();
        static PROBES: OnceLock<Probes> = OnceLock::new();
        PROBES.get_or_init(|| Self {
            extensions: EXTENSIONS.map(quoted),
            sdk_only: SDK_ONLY.map(quoted),
            compatible_only: COMPATIBLE_ONLY.map(quoted),
            media: MEDIA.map(quoted),
            extra_content: quoted("extra_content"),
            cache_control: quoted("cache_control"),
            cache_breakpoint: quoted("prompt_cache_breakpoint"),
            developer: quoted("developer"),
            system: quoted("system"),
            tool: quoted("tool"),
            tool_call_id: quoted("tool_call_id"),
            original: quoted("original"),
        })
    }
}

/// Whether the bytes of `messages` may hold something that [`messages`] would change. Errs on the
/// side of yes.
pub(super) fn may_need(text: &[u8], target: &Target) -> bool {
    let probes = Probes::get();
    let holds = |word: &Finder<'_>| word.find(text).is_some();
    let first_party = target.endpoint.first_party;
    let takes = &target.capabilities;
    probes.extensions.iter().any(holds)
        || probes.sdk_only.iter().any(holds)
        || holds(&probes.extra_content)
        || (!first_party && holds(&probes.original))
        || (first_party && probes.compatible_only.iter().any(holds))
        || (!takes.cache_control && holds(&probes.cache_control))
        || (!takes.cache_breakpoints && holds(&probes.cache_breakpoint))
        || (maps_developer(target) && holds(&probes.developer))
        || (takes.system_role == SystemRole::User
            && (holds(&probes.system) || holds(&probes.developer)))
        || (!takes.tool_result_media && holds(&probes.tool) && probes.media.iter().any(holds))
        || (first_party && has_long_id(text, &probes.tool_call_id))
        || vendor::needs_fitting(target)
}

/// Whether messages hold a kind of part that the model does not take.
pub(super) fn holds_refused_media(text: &[u8], target: &Target) -> bool {
    let takes = &target.capabilities;
    let taken = [
        takes.image_input,
        takes.pdf_input,
        takes.audio_input,
        takes.video_input,
    ];
    let probes = &Probes::get().media;
    let refused = probes.iter().zip(taken).filter(|(_, taken)| !taken);
    refused
        .into_iter()
        .any(|(probe, _)| probe.find(text).is_some())
}

fn maps_developer(target: &Target) -> bool {
    target.capabilities.system_role == SystemRole::System && !target.endpoint.first_party
}

fn has_long_id(text: &[u8], key: &Finder<'_>) -> bool {
    key.find_iter(text).any(|at| {
        let rest = text.get(at + key.needle().len()..).unwrap_or_default();
        let mut quotes = memchr::memchr_iter(b'"', rest);
        match (quotes.next(), quotes.next()) {
            (Some(open), Some(close)) => close - open - 1 > ID_BYTES_MAX,
            _ => false,
        }
    })
}

/// Edits a `messages` value in place. What the model loses is named.
pub(super) fn messages(value: &mut Value, target: &Target) -> Fitted {
    let Some(list) = value.as_array_mut() else {
        return Fitted::default();
    };
    let mut strip = Strip {
        target,
        dropped: Vec::new(),
        changed: false,
        details_changed: false,
    };
    for message in list.iter_mut().filter_map(Value::as_object_mut) {
        strip.message(message);
    }
    if !target.capabilities.tool_result_media {
        strip.lift_media(list);
    }
    let mut fitted = vendor::fit(list, target);
    if strip.details_changed {
        let note = "messages[].content[].image_url.detail=high";
        fitted.changed.push(note.to_owned());
    }
    fitted.any |= strip.changed;
    fitted.dropped.splice(0..0, strip.dropped);
    fitted
}

/// Takes cache marks and what the vendor does not know out of `tools`; `true` if anything changed.
pub(super) fn tools(value: &mut Value, target: &Target, dropped: &mut Vec<String>) -> bool {
    let changed = vendor::tools(value, target, dropped);
    !target.capabilities.cache_control && tool_marks(value, dropped) || changed
}

fn tool_marks(value: &mut Value, dropped: &mut Vec<String>) -> bool {
    let mut changed = false;
    for tool in value.as_array_mut().into_iter().flatten() {
        let Some(tool) = tool.as_object_mut() else {
            continue;
        };
        changed |= tool.remove("cache_control").is_some();
        if let Some(function) = tool.get_mut("function").and_then(Value::as_object_mut) {
            changed |= function.remove("cache_control").is_some();
        }
    }
    if changed {
        dropped.push("tools[].cache_control".to_owned());
    }
    changed
}

struct Strip<'a> {
    target: &'a Target,
    dropped: Vec<String>,
    changed: bool,
    /// A picture goes out in another detail.
    details_changed: bool,
}

impl Strip<'_> {
    fn message(&mut self, message: &mut Map<String, Value>) {
        self.restore_details(message);
        for key in EXTENSIONS {
            if message.remove(key).is_some() {
                self.changed = true;
                // Opaque blocks belong to other issuers: leaving them out loses nothing here.
                if key == "is_error" || key == "images" {
                    self.dropped.push(format!("messages[].{key}"));
                }
            }
        }
        self.sdk_members(message);
        if self.target.endpoint.first_party {
            for key in COMPATIBLE_ONLY {
                self.changed |= message.remove(key).is_some();
            }
        }
        self.cache_marks(message, "messages[]");
        self.role(message);
        for part in parts(message) {
            if let Some(part) = part.as_object_mut() {
                self.cache_marks(part, "messages[].content[]");
                self.detail(part);
            }
        }
        if let Some(calls) = message.get_mut("tool_calls").and_then(Value::as_array_mut) {
            for call in calls.iter_mut().filter_map(Value::as_object_mut) {
                self.changed |= call.remove("extra_content").is_some();
                if let Some(function) = call.get_mut("function").and_then(Value::as_object_mut) {
                    self.sdk_members(function);
                }
                self.shorten(call, "id");
            }
        }
        self.shorten(message, "tool_call_id");
    }

    fn sdk_members(&mut self, object: &mut Map<String, Value>) {
        for key in SDK_ONLY {
            self.changed |= object.remove(key).is_some();
        }
    }

    /// Puts `reasoning_details` back where a compatible server (OpenRouter) had given them.
    fn restore_details(&mut self, message: &mut Map<String, Value>) {
        if self.target.endpoint.first_party || message.contains_key("reasoning_details") {
            return;
        }
        let details = message
            .get("provider_blocks")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|block| block.get("issuer").and_then(Value::as_str) == Some("openai"))
            .find_map(|block| block.pointer("/block/reasoning_details").cloned());
        if let Some(details) = details {
            message.insert("reasoning_details".to_owned(), details);
            self.changed = true;
        }
    }

    /// Cache marks become OpenAI's breakpoints where the model has them, else they go.
    fn cache_marks(&mut self, object: &mut Map<String, Value>, path: &str) {
        let capabilities = &self.target.capabilities;
        let mut lost = None;
        if !capabilities.cache_control && object.remove("cache_control").is_some() {
            self.changed = true;
            // Breakpoints stand on parts only.
            if capabilities.cache_breakpoints && path.ends_with("content[]") {
                object.insert(
                    "prompt_cache_breakpoint".to_owned(),
                    json!({ "mode": "explicit" }),
                );
            } else {
                lost = Some("cache_control");
            }
        }
        if !capabilities.cache_breakpoints && object.remove("prompt_cache_breakpoint").is_some() {
            self.changed = true;
            lost = Some("prompt_cache_breakpoint");
        }
        if let Some(key) = lost {
            self.dropped.push(format!("{path}.{key}"));
        }
    }

    /// `original` is a detail of OpenAI's alone; the next lower one is known everywhere.
    fn detail(&mut self, part: &mut Map<String, Value>) {
        let detail = part
            .get_mut("image_url")
            .and_then(|image| image.get_mut("detail"))
            .filter(|detail| detail.as_str() == Some("original"));
        if let Some(detail) = detail
            && !self.target.endpoint.first_party
        {
            *detail = "high".into();
            self.changed = true;
            self.details_changed = true;
        }
    }

    fn role(&mut self, message: &mut Map<String, Value>) {
        let role = match message.get("role").and_then(Value::as_str) {
            Some("system" | "developer")
                if self.target.capabilities.system_role == SystemRole::User =>
            {
                "user"
            }
            Some("developer") if maps_developer(self.target) => "system",
            _ => return,
        };
        message.insert("role".to_owned(), role.into());
        self.changed = true;
    }

    /// A call id that OpenAI refuses becomes a shorter one, the same on both sides of the pair.
    fn shorten(&mut self, object: &mut Map<String, Value>, key: &str) {
        if let Some(id) = object.get_mut(key)
            && self.target.endpoint.first_party
            && let Some(short) = id.as_str().and_then(short_id)
        {
            *id = short.into();
            self.changed = true;
        }
    }

    /// Media in tool results goes into a user message right after the whole group of results:
    /// tool messages are text only (wire-protocols §6).
    fn lift_media(&mut self, list: &mut Vec<Value>) {
        let mut out = Vec::with_capacity(list.len());
        let mut lifted: Vec<Value> = Vec::new();
        for mut message in std::mem::take(list) {
            let is_tool = message.get("role").and_then(Value::as_str) == Some("tool");
            if !is_tool && !lifted.is_empty() {
                out.push(media_message(&mut lifted));
            }
            if is_tool
                && let Some(parts) = message.get_mut("content").and_then(Value::as_array_mut)
                && parts.iter().any(|part| !is_text(part))
            {
                let id = parts.len();
                let (texts, media): (Vec<_>, Vec<_>) =
                    std::mem::take(parts).into_iter().partition(is_text);
                *parts = texts;
                if parts.is_empty() {
                    parts.push(json!({
                        "type": "text",
                        "text": format!("({id} attachments follow in the next message)"),
                    }));
                }
                lifted.extend(media);
                self.changed = true;
            }
            out.push(message);
        }
        if !lifted.is_empty() {
            out.push(media_message(&mut lifted));
        }
        *list = out;
    }
}

/// The id to send in place of one that is too long; the same for the same id.
pub(super) fn short_id(id: &str) -> Option<String> {
    (id.len() > ID_BYTES_MAX).then(|| synthetic_call_id(id, 0, 0))
}

fn is_text(part: &Value) -> bool {
    part.get("type").and_then(Value::as_str) == Some("text")
}

fn media_message(lifted: &mut Vec<Value>) -> Value {
    let mut content = vec![json!({"type": "text", "text": "Attachments of the tool results:"})];
    content.append(lifted);
    json!({"role": "user", "content": content})
}

fn parts(message: &mut Map<String, Value>) -> impl Iterator<Item = &mut Value> {
    message
        .get_mut("content")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
}
