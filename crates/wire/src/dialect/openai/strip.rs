//! Takes out of messages and tools what an OpenAI-compatible endpoint refuses: our extension
//! fields, cache marks, roles, and content that it has no place for.

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

/// Which of the words that rules are about stand in the bytes of messages, as whole keys or values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Words {
    extension: bool,
    sdk_only: bool,
    compatible_only: bool,
    cache_control: bool,
    cache_breakpoint: bool,
    developer: bool,
    system: bool,
    tool: bool,
    long_call_id: bool,
    original: bool,
    /// In the order of [`MEDIA`].
    media: [bool; 4],
}

impl Words {
    /// Looks once through JSON text. In it a quoted word stands only where it is a whole key or
    /// value, between one quote and the next: within a longer string its quotes would be escaped.
    pub(super) fn of(text: &[u8]) -> Self {
        const LENGTH_MIN: usize = "tool".len();
        const LENGTH_MAX: usize = "prompt_cache_breakpoint".len();
        let mut found = Self::default();
        let mut quotes = memchr::memchr_iter(b'"', text);
        let Some(mut open) = quotes.next() else {
            return found;
        };
        // Pieces between quotes up to a call's id: a colon, then the id.
        let mut until_id = 0_u8;
        for close in quotes {
            let word = text.get(open + 1..close).unwrap_or_default();
            open = close;
            if until_id > 0 {
                until_id -= 1;
                found.long_call_id |= until_id == 0 && word.len() > ID_BYTES_MAX;
            }
            if word.len() < LENGTH_MIN || word.len() > LENGTH_MAX {
                continue;
            }
            match word {
                b"tool" => found.tool = true,
                b"system" => found.system = true,
                b"developer" => found.developer = true,
                b"tool_call_id" => until_id = 2,
                b"cache_control" => found.cache_control = true,
                b"prompt_cache_breakpoint" => found.cache_breakpoint = true,
                b"original" => found.original = true,
                b"extra_content" => found.extension = true,
                _ if holds(&EXTENSIONS, word) => found.extension = true,
                _ if holds(&SDK_ONLY, word) => found.sdk_only = true,
                _ if holds(&COMPATIBLE_ONLY, word) => found.compatible_only = true,
                _ => {
                    for (seen, kind) in found.media.iter_mut().zip(MEDIA) {
                        *seen |= word == kind.as_bytes();
                    }
                }
            }
        }
        found
    }
}

fn holds(words: &[&str], word: &[u8]) -> bool {
    words.iter().any(|known| known.as_bytes() == word)
}

/// Whether messages with these words may hold something that [`messages`] would change. Errs on the
/// side of yes.
pub(super) fn may_need(found: Words, target: &Target) -> bool {
    let first_party = target.endpoint.first_party;
    let takes = &target.capabilities;
    found.extension
        || found.sdk_only
        || (!first_party && found.original)
        || (first_party && found.compatible_only)
        || (!takes.cache_control && found.cache_control)
        || (!takes.cache_breakpoints && found.cache_breakpoint)
        || (maps_developer(target) && found.developer)
        || (takes.system_role == SystemRole::User && (found.system || found.developer))
        || (!takes.tool_result_media && found.tool && found.media.contains(&true))
        || (first_party && found.long_call_id)
        || vendor::needs_fitting(target)
}

/// Whether messages with these words hold a kind of part that the model does not take.
pub(super) fn holds_refused_media(found: Words, target: &Target) -> bool {
    let takes = &target.capabilities;
    let taken = [
        takes.image_input,
        takes.pdf_input,
        takes.audio_input,
        takes.video_input,
    ];
    found
        .media
        .iter()
        .zip(taken)
        .any(|(found, taken)| *found && !taken)
}

fn maps_developer(target: &Target) -> bool {
    target.capabilities.system_role == SystemRole::System && !target.endpoint.first_party
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts and keys that hold the words, whole, within others, quoted and with escapes.
    fn word() -> impl Strategy<Value = String> {
        let words = [
            "tool",
            "tool_call_id",
            "system",
            "cache_control",
            "images",
            "parsed",
            "reasoning",
            "file",
            "extra_content",
            "developer",
            "prompt_cache_breakpoint",
            "role",
            "",
        ];
        let known = proptest::sample::select(words.to_vec());
        prop_oneof![
            3 => known.clone().prop_map(ToOwned::to_owned),
            1 => known.prop_map(|word| format!("a \"{word}\" \\ \"{word}\\")),
            1 => "[a-z\"\\\\: ,]{0,60}",
        ]
    }

    fn messages() -> impl Strategy<Value = Value> {
        let members = proptest::collection::vec((word(), word()), 0..8);
        let message = members.prop_map(|members| {
            let members = members
                .into_iter()
                .map(|(key, text)| (key, Value::from(text)));
            Value::Object(members.collect())
        });
        proptest::collection::vec(message, 0..4).prop_map(Value::Array)
    }

    proptest! {
        #[test]
        fn words_are_found_where_they_are_whole_keys_or_values(messages in messages(), pretty: bool) {
            let text = if pretty {
                serde_json::to_string_pretty(&messages).unwrap()
            } else {
                messages.to_string()
            };
            let found = Words::of(text.as_bytes());
            let stands = |word: &str| {
                let members = messages.as_array().into_iter().flatten().filter_map(Value::as_object);
                members.flatten().any(|(key, value)| key == word || value == word)
            };
            prop_assert_eq!(found.tool, stands("tool"));
            prop_assert_eq!(found.system, stands("system"));
            prop_assert_eq!(found.developer, stands("developer"));
            prop_assert_eq!(found.cache_control, stands("cache_control"));
            prop_assert_eq!(found.cache_breakpoint, stands("prompt_cache_breakpoint"));
            prop_assert_eq!(found.extension, stands("images") || stands("extra_content"));
            prop_assert_eq!(found.sdk_only, stands("parsed"));
            prop_assert_eq!(found.compatible_only, stands("reasoning"));
            prop_assert_eq!(found.media, [false, stands("file"), false, false]);
        }
    }

    #[test]
    fn a_long_call_id_is_found_by_its_key() {
        let with = |id: &str| {
            let text = json!([{"role": "tool", "tool_call_id": id, "content": "x".repeat(80)}]);
            Words::of(text.to_string().as_bytes()).long_call_id
        };
        assert!(with(&"i".repeat(41)) && with(&format!(":{}", "i".repeat(40))));
        assert!(!with(&"i".repeat(40)) && !with(""));
    }
}
