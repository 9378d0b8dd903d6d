//! Passing a chat request on to an OpenAI-compatible provider: only the bytes that must change do.

use std::borrow::Cow;
use std::sync::OnceLock;

use memchr::memmem::{self, Finder};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::params::FewParams;
use super::policy::{self, Notes, PARAMS};
use super::strip;
use super::vendor;
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::capability::SystemRole;
use crate::error::{EncodeError, EncodeErrorCode};
use crate::json::{Edit, RawObject, quote};
use crate::names::NameRule;
use crate::options;
use crate::profile::{Profile, StrictTools, ToolNames};

/// Edits that a request seldom has more of.
const CHANGES_USUAL: usize = 6;

/// A request that is passed on.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// What to send.
    pub encoded: Encoded,
    /// The caller asked for the usage chunk (it is always asked for upstream): for [`super::Tap`].
    pub usage_asked: bool,
}

/// Edits a caller's chat request for `target`: the model's upstream id, our own members out, and
/// what the capability table says the model refuses. Every other byte stays as it was written.
///
/// # Errors
/// What this target can't be sent.
pub fn edit_chat(raw: &RawObject<'_>, target: &Target) -> Result<Edited, EncodeError> {
    edit_found(raw, target, words_of(raw))
}

/// As [`edit_chat`], unless edits are not enough ([`needs_translation`]): the messages are looked
/// through once for both.
///
/// # Errors
/// What this target can't be sent.
pub fn pass_chat(raw: &RawObject<'_>, target: &Target) -> Result<Option<Edited>, EncodeError> {
    let found = words_of(raw);
    if found_needs_translation(raw, target, found) {
        return Ok(None);
    }
    edit_found(raw, target, found).map(Some)
}

fn words_of(raw: &RawObject<'_>) -> strip::Words {
    strip::Words::of(raw.get("messages").unwrap_or_default().as_bytes())
}

fn edit_found(
    raw: &RawObject<'_>,
    target: &Target,
    found: strip::Words,
) -> Result<Edited, EncodeError> {
    let mut params = params_of(raw, target)?;
    let has_tools = has_tools(raw);
    let messages = raw.get("messages").unwrap_or("[]");
    let mut notes = policy::apply(
        &mut params,
        has_tools,
        || policy::says_json(messages.as_bytes()),
        target,
    )?;
    let mut body = changes(&params, &target.endpoint.profile);
    body.push(("model".into(), Some(quote(&target.model))));
    // What is no list is the provider's to refuse.
    if raw.get("tools").is_some_and(is_nothing) {
        body.push(("tools".into(), None));
    }
    own_members(raw, target, &mut notes, &mut body);
    let mut path = vendor::CHAT_PATH;
    if edit_messages(raw, (messages, found), target, &mut notes, &mut body)? {
        let (other, members) = vendor::prefill(target);
        path = other;
        body.extend(
            members
                .iter()
                .map(|(key, value)| ((*key).into(), Some(value.to_string()))),
        );
    }
    merge_options(raw, target, &mut notes, &mut body)?;
    drop_twins(raw, &mut notes, &mut body);
    // A limit under its older name keeps its place and bytes.
    let renamed = rename(raw, &mut body);
    let edits = last_words(&body, renamed);
    notes.close(target)?;
    Ok(Edited {
        usage_asked: notes.usage_asked,
        encoded: Encoded {
            dropped: notes.dropped,
            changed: notes.changed,
            ..Encoded::post(
                target.endpoint.openai_path(&target.model, path)?,
                raw.edited(&edits),
                DecodeContext {
                    model: target.model.clone(),
                    stream: notes.stream,
                    stream_turned: notes.stream_turned,
                    schema_to_validate: notes.schema,
                    think_tags: target.endpoint.profile.reasoning.tags,
                    ..DecodeContext::default()
                },
            )
        },
    })
}

/// Takes out what the caller wrote in another case than a member that is set: some providers read both
/// as one (row S14).
fn drop_twins<'a>(raw: &'a RawObject<'_>, notes: &mut Notes, body: &mut Changes<'a>) {
    // Of two that are set, the later one counts, as it does where they are spelt alike.
    let mut at = 0;
    while let Some((key, value)) = body.get(at) {
        let mut later = body.iter().skip(at + 1);
        let is_twin = |(other, value): &(Cow<'_, str>, Option<String>)| {
            value.is_some() && other != key && other.eq_ignore_ascii_case(key)
        };
        if value.is_some() && later.any(is_twin) {
            notes.dropped.push(key.to_string());
            body.remove(at);
        } else {
            at += 1;
        }
    }
    let set = body.iter().filter(|(_, value)| value.is_some());
    let twins: Vec<&str> = set
        .flat_map(|(set, _)| {
            let is_twin = move |key: &&str| key != set && key.eq_ignore_ascii_case(set);
            raw.keys().filter(is_twin)
        })
        .collect();
    for key in twins {
        notes.dropped.push(key.to_owned());
        body.push((key.into(), None));
    }
}

/// The parameters that rules may be about.
fn params_of(raw: &RawObject<'_>, target: &Target) -> Result<FewParams, EncodeError> {
    let profile = &target.endpoint.profile;
    let mut known = [None; PARAMS.len()];
    let mut others = Vec::new();
    for (key, text) in raw.members() {
        let place = PARAMS.iter().position(|param| *param == key);
        // `provider` is ours as a name.
        let is_ours = || key == "provider" && text.starts_with('"');
        if let Some(known) = place.and_then(|place| known.get_mut(place)) {
            *known = Some(text);
        } else if vendor::concerns(profile, key) && !is_ours() {
            others.push((key, text));
        }
    }
    let mut params = FewParams::with_room_for(known.iter().flatten().count() + others.len());
    // In the order of the rules, whatever the caller's is.
    for (key, text) in PARAMS.into_iter().zip(known) {
        if let Some(text) = text {
            params.sent(key.into(), value_of(key, text)?);
        }
    }
    for (key, text) in others {
        params.sent(key.to_owned().into(), value_of(key, text)?);
    }
    Ok(params)
}

/// What became of parameters under the rules. `null` says nothing and stays as it was written, but
/// for names that the vendor may refuse.
fn changes(params: &FewParams, profile: &Profile) -> Changes<'static> {
    let set = params
        .changed()
        .map(|(key, value)| (key.clone(), Some(value.to_string())));
    let gone = params
        .gone()
        .filter(|(key, value)| !value.is_null() || vendor::concerns(profile, key))
        .map(|(key, _)| (key.clone(), None));
    let mut changes = Vec::with_capacity(CHANGES_USUAL);
    changes.extend(set.chain(gone));
    changes
}

/// The last word on a key counts, and a key is added once only.
fn last_words<'b>(body: &'b Changes<'_>, renamed: Option<Edit<'b>>) -> Vec<Edit<'b>> {
    let mut edits = Vec::with_capacity(body.len() + 1);
    let last = body
        .iter()
        .enumerate()
        .filter(|(at, (key, _))| !body.iter().skip(at + 1).any(|(later, _)| later == key))
        .map(|(_, change)| change)
        .map(|(key, value)| match value {
            Some(json) => Edit::Set(key, Cow::Borrowed(json)),
            None => Edit::Remove(key),
        });
    edits.extend(last);
    edits.extend(renamed);
    edits
}

/// Whether edits are not enough for this request, so that it must be read and written anew: OpenAI
/// refuses a tool's name (its calls must be named back in the answer), calls without results are to
/// be mended, a part is to be refused by its place, or another provider has no free-form tools.
#[must_use]
pub fn needs_translation(raw: &RawObject<'_>, target: &Target) -> bool {
    found_needs_translation(raw, target, words_of(raw))
}

fn found_needs_translation(raw: &RawObject<'_>, target: &Target, found: strip::Words) -> bool {
    let words = Words::get();
    let holds = |key: &str, word: &Finder<'_>| {
        raw.get(key)
            .is_some_and(|text| word.find(text.as_bytes()).is_some())
    };
    let strict_names =
        target.endpoint.first_party || target.endpoint.profile.tool_names == ToolNames::Strict;
    // Only OpenAI itself has these; elsewhere they go out in another form.
    let openais_own = || {
        holds("tool_choice", &words.allowed_tools)
            || ["tools", "tool_choice", "messages"]
                .iter()
                .any(|key| holds(key, &words.custom))
    };
    (target.policy.repair_orphans && holds("messages", &words.tool_call))
        || (!target.endpoint.first_party && openais_own())
        || strip::holds_refused_media(found, target)
        || (strict_names && raw.get("tools").is_some_and(names_refused))
}

/// Searchers for the words that keep a request from being passed on, made once: making one costs
/// more than searching a short request.
struct Words {
    allowed_tools: Finder<'static>,
    custom: Finder<'static>,
    tool_call: Finder<'static>,
}

impl Words {
    fn get() -> &'static Self {
        static WORDS: OnceLock<Words> = OnceLock::new();
        WORDS.get_or_init(|| Self {
            allowed_tools: Finder::new("\"allowed_tools\""),
            custom: Finder::new("\"custom\""),
            tool_call: Finder::new("\"tool_call"),
        })
    }
}

/// Whether a list of tools holds a name that OpenAI refuses. A list that can't be read is passed on
/// for the provider to judge.
fn names_refused(tools: &str) -> bool {
    // Within an option only a type of its own is borrowed.
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow, default)]
        name: Option<Name<'a>>,
    }
    #[derive(Deserialize)]
    struct Tool<'a> {
        #[serde(borrow, default)]
        function: Option<Named<'a>>,
        #[serde(borrow, default)]
        custom: Option<Named<'a>>,
    }
    impl Tool<'_> {
        fn is_refused(&self) -> bool {
            let named = self.function.as_ref().or(self.custom.as_ref());
            named
                .and_then(|named| named.name.as_ref())
                .is_some_and(|Name(name)| !name.is_empty() && !NameRule::STRICT.fits(name))
        }
    }
    let tools: Vec<Tool<'_>> = serde_json::from_str(tools).unwrap_or_default();
    tools.iter().any(Tool::is_refused)
}

type Changes<'a> = Vec<(Cow<'a, str>, Option<String>)>;

/// Takes out what is Polyroute's own.
fn own_members<'a>(
    raw: &'a RawObject<'_>,
    target: &Target,
    notes: &mut Notes,
    body: &mut Changes<'a>,
) {
    for key in raw.keys() {
        // `provider` is ours as a name; OpenRouter's object of that name is for it alone.
        let is_name = raw.get(key).is_some_and(|text| text.starts_with('"'));
        let is_foreign = key == "provider" && !is_name;
        if is_foreign && target.endpoint.first_party {
            notes.dropped.push(key.to_owned());
        }
        let is_ours = key == "provider" || key == "provider_options" || key.starts_with("x-");
        if is_ours && (!is_foreign || target.endpoint.first_party) {
            body.push((key.into(), None));
        }
    }
}

/// Turns "remove `max_tokens`, add the same value as `max_completion_tokens`" into one rename.
fn rename(raw: &RawObject<'_>, body: &mut Changes<'_>) -> Option<Edit<'static>> {
    let old = raw.get("max_tokens")?;
    let added = body
        .iter()
        .position(|(key, value)| key == "max_completion_tokens" && value.as_deref() == Some(old))?;
    let removed = body
        .iter()
        .position(|(key, value)| key == "max_tokens" && value.is_none())?;
    raw.get("max_completion_tokens").is_none().then(|| {
        body.swap_remove(added.max(removed));
        body.swap_remove(added.min(removed));
        Edit::Rename("max_tokens", "max_completion_tokens")
    })
}

fn has_tools(raw: &RawObject<'_>) -> bool {
    let filled = |key: &str| {
        raw.get(key)
            .is_some_and(|text| text.starts_with('[') && !is_nothing(text))
    };
    filled("tools") || filled("functions")
}

/// Whether a list is empty, or `null` in its place.
fn is_nothing(list: &str) -> bool {
    let inside = list.strip_prefix('[');
    list == "null" || inside.is_some_and(|rest| rest.trim_start().starts_with(']'))
}

fn value_of(key: &str, text: &str) -> Result<Value, EncodeError> {
    serde_json::from_str(text).map_err(|error| {
        EncodeError::new(
            EncodeErrorCode::InvalidValue,
            key,
            format!("`{key}` can't be read: {error}."),
        )
    })
}

/// Takes out of the messages what this endpoint refuses, and puts instructions in front; `true` if
/// the last one is to be gone on with and the vendor wants that said. The messages are parsed only if a probe of their bytes says that there may be something to do.
fn edit_messages<'a>(
    raw: &RawObject<'_>,
    (text, found): (&str, strip::Words),
    target: &Target,
    notes: &mut Notes,
    body: &mut Changes<'a>,
) -> Result<bool, EncodeError> {
    let mut edited: Option<String> = None;
    let mut prefill = false;
    if strip::may_need(found, target) {
        let mut value = value_of("messages", text)?;
        let fitted = strip::messages(&mut value, target);
        fitted.check(target)?;
        if fitted.any {
            edited = Some(value.to_string());
        }
        notes.dropped.extend(fitted.dropped);
        notes.changed.extend(fitted.changed);
        prefill = fitted.prefill;
    }
    if let Some(tools) = raw.get("tools")
        && tools_may_need(tools, target)
    {
        let mut value = value_of("tools", tools)?;
        if strip::tools(&mut value, target, &mut notes.dropped) {
            body.push(("tools".into(), Some(value.to_string())));
        }
    }
    if raw.get("cache_control").is_some() && !target.capabilities.cache_control {
        body.push(("cache_control".into(), None));
        notes.dropped.push("cache_control".to_owned());
    }
    if !notes.instructions.is_empty() {
        let current = edited.as_deref().unwrap_or(text);
        if let Some(rest) = current.strip_prefix('[') {
            let role = instruction_role(current, target);
            let line = quote(&notes.instructions.join("\n"));
            let comma = if rest.trim_start().starts_with(']') {
                ""
            } else {
                ","
            };
            edited = Some(format!(
                "[{{\"role\":\"{role}\",\"content\":{line}}}{comma}{rest}"
            ));
        }
    }
    if let Some(edited) = edited {
        body.push(("messages".into(), Some(edited)));
    }
    Ok(prefill)
}

fn tools_may_need(tools: &str, target: &Target) -> bool {
    let holds = |word: &str| memmem::find(tools.as_bytes(), word.as_bytes()).is_some();
    (!target.capabilities.cache_control && holds("cache_control"))
        || (target.endpoint.profile.strict_tools == StrictTools::Drop && holds("\"strict\""))
}

/// The role of an added instruction: `system` and `developer` are better not mixed.
pub(super) fn instruction_role(messages: &str, target: &Target) -> &'static str {
    match target.capabilities.system_role {
        SystemRole::User => "user",
        SystemRole::Developer if memmem::find(messages.as_bytes(), b"\"developer\"").is_some() => {
            "developer"
        }
        SystemRole::System | SystemRole::Developer => "system",
    }
}

/// Merges `provider_options.openai`, then `.<provider>`, into the body.
fn merge_options(
    raw: &RawObject<'_>,
    target: &Target,
    notes: &mut Notes,
    body: &mut Changes<'_>,
) -> Result<(), EncodeError> {
    let Some(text) = raw.get("provider_options") else {
        return Ok(());
    };
    let options = value_of("provider_options", text)?;
    let (options, lost) = own_options(options.as_object(), target);
    notes.dropped.extend(lost);
    for (key, value) in options {
        let current = match body.iter().rev().find(|(name, _)| *name == key) {
            Some((_, json)) => json.clone(),
            None => raw.get(&key).map(ToOwned::to_owned),
        };
        let mut member = Map::new();
        if let Some(current) = current {
            member.insert(key.clone(), value_of(&key, &current)?);
        }
        options::merge(&mut member, &Map::from_iter([(key.clone(), value)]));
        let merged = member.get(&key).map(ToString::to_string);
        body.push((key.into(), merged));
    }
    Ok(())
}

/// The `provider_options` that are meant for this endpoint, and the paths of those that are left
/// out: which model answers and whether it streams is said by the request itself.
pub(super) fn own_options(
    options: Option<&Map<String, Value>>,
    target: &Target,
) -> (Map<String, Value>, Vec<String>) {
    options::free(options, "openai", target, &["model", "stream"])
}

#[cfg(test)]
mod tests;
