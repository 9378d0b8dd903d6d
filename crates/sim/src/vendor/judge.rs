//! The shape of a chat request, judged by a vendor's table of members and words.
//!
//! [`TYPES`] knows the type of every member that any vendor takes; a [`Form`] says which of them
//! this one takes and what it does about the rest. All that is wrong is collected, since some
//! vendors name it all.

use serde_json::{Map, Value};

use crate::strict::{self, Fault, Field, Finding, Kind, Need, Shape, Step, must, null};

use Shape::{Any, Bool, Int, List, MapOf, Num, Object, Text, Union};

/// A request as rules look at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    /// The body.
    pub(crate) body: &'a Value,
    /// The model that it names.
    pub(crate) model: &'a str,
    /// The base path that it came to.
    pub(crate) base: &'a str,
}

impl Asking<'_> {
    /// Whether a member is there and not null.
    pub(crate) fn has(&self, key: &str) -> bool {
        strict::set(self.body, key).is_some()
    }

    /// A member that is text.
    pub(crate) fn text(&self, key: &str) -> &str {
        strict::text(self.body, key)
    }

    /// A member that is `true`.
    pub(crate) fn flag(&self, key: &str) -> bool {
        self.body.get(key) == Some(&Value::Bool(true))
    }

    /// The messages.
    pub(crate) fn messages(&self) -> &[Value] {
        strict::list(self.body, "messages")
    }

    /// Whether tools are offered.
    pub(crate) fn offers_tools(&self) -> bool {
        !strict::list(self.body, "tools").is_empty()
    }

    /// The type of the response format.
    pub(crate) fn format(&self) -> &str {
        let format = self.body.get("response_format").unwrap_or(&Value::Null);
        strict::text(format, "type")
    }
}

/// What a vendor's chat request may hold.
#[derive(Debug)]
pub(crate) struct Form {
    /// The names of its members, in groups.
    pub(crate) params: &'static [&'static [&'static str]],
    /// Types and ranges that differ from [`TYPES`].
    pub(crate) types: &'static [Field],
    /// Whether a member that is not listed is refused, at the top and further in.
    pub(crate) closed: bool,
    /// The roles; where there are none, any role is taken.
    pub(crate) roles: &'static [Role],
    /// Whether `type` may be left out of tools and calls, and arguments may be objects.
    pub(crate) loose_tools: bool,
    /// Kinds of tools beside functions, by the start of their name.
    pub(crate) other_tools: &'static [&'static str],
    /// Members of parts and tools that are taken beside the usual ones.
    pub(crate) extras: &'static [&'static str],
    /// Words of `tool_choice`.
    pub(crate) choices: &'static [&'static str],
    /// Types of `response_format`.
    pub(crate) formats: &'static [&'static str],
}

/// One role of a message.
#[derive(Debug)]
pub(crate) struct Role {
    pub(crate) name: &'static str,
    /// Its members beside `role` and `content`.
    pub(crate) members: &'static [&'static str],
    /// The kinds of parts in its content.
    pub(crate) parts: &'static [&'static str],
}

/// A role of a message.
pub(crate) const fn role(
    name: &'static str,
    members: &'static [&'static str],
    parts: &'static [&'static str],
) -> Role {
    Role {
        name,
        members,
        parts,
    }
}

/// The members that nearly everybody takes.
pub(super) const COMMON: &[&str] = &[
    "messages",
    "model",
    "stream",
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "tools",
    "tool_choice",
    "response_format",
];
/// Words of `tool_choice` that nearly everybody takes.
pub(super) const CHOICES: &[&str] = &["none", "auto", "required"];
/// Formats that nearly everybody takes.
pub(super) const FORMATS: &[&str] = &["text", "json_object", "json_schema"];

const NUMBER: Shape = Num(f64::MIN, f64::MAX);
const WHOLE: Shape = Int(i64::MIN, i64::MAX);
const COUNT: Shape = Int(1, i64::MAX);

/// The type of every member that has one everywhere. What is not listed may be anything.
static TYPES: &[Field] = &[
    must!("messages", List(&Object)),
    must!("model", Text),
    null!("stream", Bool),
    null!("temperature", Num(0.0, 2.0)),
    null!("top_p", Num(0.0, 1.0)),
    null!("top_k", WHOLE),
    null!("min_p", Num(0.0, 1.0)),
    null!("max_tokens", COUNT),
    null!("max_completion_tokens", COUNT),
    null!("n", COUNT),
    null!("stop", Union(&[Text, List(&Text)])),
    null!("seed", WHOLE),
    null!("random_seed", WHOLE),
    null!("frequency_penalty", Num(-2.0, 2.0)),
    null!("presence_penalty", Num(-2.0, 2.0)),
    null!("repetition_penalty", NUMBER),
    null!("logit_bias", MapOf(&NUMBER)),
    null!("logprobs", Bool),
    null!("top_logprobs", Int(0, 20)),
    null!("user", Text),
    null!("metadata", Object),
    null!("parallel_tool_calls", Bool),
    null!("stream_options", Object),
    null!("prediction", Object),
    null!("prompt_cache_key", Text),
    null!("reasoning_effort", Text),
    null!("reasoning_format", Text),
    null!("include_reasoning", Bool),
    null!("enable_thinking", Bool),
    null!("thinking_budget", WHOLE),
    null!("thinking", Object),
    null!("reasoning", Object),
    null!("safe_prompt", Bool),
    null!("response_format", Object),
    null!("tools", List(&Object)),
];

static TOOL: &[Field] = &[must!("type", Text), must!("function", Object)];
static FUNCTION: &[Field] = &[
    must!("name", Text),
    null!("description", Text),
    null!("parameters", Object),
    null!("strict", Bool),
];
static CALL: &[Field] = &[
    must!("id", Text),
    must!("type", Text),
    must!("function", Object),
];
static CALLED: &[Field] = &[must!("name", Text), must!("arguments", Text)];
static CALLED_LOOSELY: &[Field] = &[
    must!("name", Text),
    must!("arguments", Union(&[Text, Object])),
];
static MESSAGE: &[Field] = &[
    null!("name", Text),
    null!("tool_call_id", Text),
    null!("prefix", Bool),
    null!("reasoning_content", Text),
    null!("refusal", Text),
];

/// The members of each kind of part.
static PARTS: &[(&str, &[Field])] = &[
    ("text", &[must!("text", Text)]),
    ("image_url", &[must!("image_url", Union(&[Text, Object]))]),
    (
        "input_audio",
        &[must!("input_audio", Union(&[Text, Object]))],
    ),
    ("video_url", &[must!("video_url", Union(&[Text, Object]))]),
    ("file", &[must!("file", Object)]),
    ("file_url", &[must!("file_url", Union(&[Text, Object]))]),
    ("pdf_url", &[must!("pdf_url", Union(&[Text, Object]))]),
    (
        "document_url",
        &[must!("document_url", Text), null!("document_name", Text)],
    ),
    ("reference", &[must!("reference_ids", List(&Any))]),
    (
        "thinking",
        &[
            must!("thinking", List(&Object)),
            null!("closed", Bool),
            null!("signature", Text),
        ],
    ),
    ("refusal", &[must!("refusal", Text)]),
];

/// Everything that is wrong with the shape of a body.
pub(super) fn check(form: &'static Form, body: &Map<String, Value>) -> Vec<Finding> {
    let mut walk = Walk {
        form,
        path: Vec::new(),
        found: Vec::new(),
    };
    walk.top(body);
    walk.found
}

struct Walk {
    form: &'static Form,
    path: Vec<Step>,
    found: Vec<Finding>,
}

impl Walk {
    fn top(&mut self, body: &Map<String, Value>) {
        let form = self.form;
        let known = |key: &str| form.params.iter().any(|group| group.contains(&key));
        self.unknown(body, known);
        for field in TYPES {
            let own = form.types.iter().find(|own| own.name == field.name);
            if known(field.name) {
                self.field(body, own.unwrap_or(field));
            }
        }
        let more = form.types.iter();
        for field in more.filter(|own| !TYPES.iter().any(|field| field.name == own.name)) {
            self.field(body, field);
        }
        self.each(body, "messages", Self::message);
        self.each(body, "tools", Self::tool);
        self.choice(body);
        self.format(body);
    }

    fn note(&mut self, key: Option<&str>, fault: Fault) {
        let mut path = self.path.clone();
        path.extend(key.map(|key| Step::Key(key.to_owned())));
        self.found.push(Finding { path, fault });
    }

    fn unknown(&mut self, members: &Map<String, Value>, known: impl Fn(&str) -> bool) {
        if !self.form.closed {
            return;
        }
        for key in members.keys().filter(|key| !known(key)) {
            self.note(Some(key), Fault::Unknown);
        }
    }

    fn field(&mut self, members: &Map<String, Value>, field: &'static Field) {
        match members.get(field.name) {
            None if field.need == Need::Must => self.note(Some(field.name), Fault::Missing),
            None => {}
            Some(Value::Null) if field.need == Need::Null => {}
            Some(value) => {
                self.path.push(Step::Key(field.name.to_owned()));
                if let Err(finding) = strict::look(value, &field.shape, self.path.clone()) {
                    self.found.push(finding);
                }
                self.path.pop();
            }
        }
    }

    /// Members with these fields; others are unknown but for the form's extras.
    fn members(&mut self, members: &Map<String, Value>, fields: &'static [Field]) {
        let extras = self.form.extras;
        let known = |key: &str| {
            key == "index" || extras.contains(&key) || fields.iter().any(|field| field.name == key)
        };
        self.unknown(members, known);
        let loose = self.form.loose_tools;
        for field in fields {
            let left_out = loose && ["type", "id"].contains(&field.name);
            if !left_out || members.contains_key(field.name) {
                self.field(members, field);
            }
        }
    }

    fn each(
        &mut self,
        members: &Map<String, Value>,
        key: &str,
        look: fn(&mut Self, &Map<String, Value>),
    ) {
        let Some(Value::Array(items)) = members.get(key) else {
            return;
        };
        self.path.push(Step::Key(key.to_owned()));
        for (index, item) in items.iter().enumerate() {
            self.path.push(Step::Index(index));
            if let Some(item) = item.as_object() {
                look(self, item);
            }
            self.path.pop();
        }
        self.path.pop();
    }

    fn message(&mut self, message: &Map<String, Value>) {
        let said = message.get("role").and_then(Value::as_str);
        let Some(said) = said else {
            self.note(Some("role"), Fault::Missing);
            return;
        };
        let roles = self.form.roles;
        let role = roles.iter().find(|role| role.name == said);
        if role.is_none() && !roles.is_empty() {
            let fault = Fault::Variant {
                tag: "role",
                allowed: roles.iter().map(|role| role.name).collect(),
                got: said.to_owned(),
            };
            self.note(None, fault);
            return;
        }
        self.path.extend(role.map(|role| Step::Tag(role.name)));
        if let Some(role) = role {
            let known =
                |key: &str| matches!(key, "role" | "content") || role.members.contains(&key);
            self.unknown(message, known);
        }
        for field in MESSAGE {
            self.field(message, field);
        }
        self.content(message, role);
        self.each(message, "tool_calls", Self::call);
        if role.is_some() {
            self.path.pop();
        }
    }

    fn content(&mut self, message: &Map<String, Value>, role: Option<&'static Role>) {
        let assistant = role.is_some_and(|role| role.name == "assistant");
        match message.get("content") {
            Some(Value::String(_) | Value::Null) => {}
            Some(Value::Array(parts)) => {
                self.path.push(Step::Key("content".to_owned()));
                for (index, part) in parts.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.part(part, role);
                    self.path.pop();
                }
                self.path.pop();
            }
            Some(other) => {
                let expected = vec![Kind::Text, Kind::List];
                let got = other.clone();
                self.note(Some("content"), Fault::Type { expected, got });
            }
            None if assistant || role.is_none() => {}
            None => self.note(Some("content"), Fault::Missing),
        }
    }

    fn part(&mut self, part: &Value, role: Option<&'static Role>) {
        let kind = strict::text(part, "type");
        let allowed = role.map(|role| role.parts);
        if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&kind)) {
            let fault = Fault::Variant {
                tag: "type",
                allowed: allowed.to_vec(),
                got: kind.to_owned(),
            };
            self.note(None, fault);
            return;
        }
        let row = PARTS.iter().find(|(name, _)| *name == kind);
        let (Some((name, fields)), Some(members)) = (row, part.as_object()) else {
            return;
        };
        self.path.push(Step::Tag(name));
        let mut rest = members.clone();
        rest.remove("type");
        self.members(&rest, fields);
        self.path.pop();
    }

    fn call(&mut self, call: &Map<String, Value>) {
        self.members(call, CALL);
        let fields = if self.form.loose_tools {
            CALLED_LOOSELY
        } else {
            CALLED
        };
        self.inner(call, "function", fields);
    }

    fn tool(&mut self, tool: &Map<String, Value>) {
        let kind = tool
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("function");
        let other = self.form.other_tools.iter();
        if other.into_iter().any(|start| kind.starts_with(start)) {
            return;
        }
        if kind != "function" {
            let fault = Fault::Variant {
                tag: "type",
                allowed: vec!["function"],
                got: kind.to_owned(),
            };
            self.note(None, fault);
            return;
        }
        self.members(tool, TOOL);
        self.inner(tool, "function", FUNCTION);
    }

    fn inner(&mut self, members: &Map<String, Value>, key: &str, fields: &'static [Field]) {
        if let Some(Value::Object(inner)) = members.get(key) {
            self.path.push(Step::Key(key.to_owned()));
            self.members(inner, fields);
            self.path.pop();
        }
    }

    fn choice(&mut self, body: &Map<String, Value>) {
        match body.get("tool_choice") {
            Some(Value::String(word)) if !self.form.choices.contains(&word.as_str()) => {
                let fault = Fault::Word {
                    allowed: self.form.choices.to_vec(),
                    got: word.clone(),
                };
                self.note(Some("tool_choice"), fault);
            }
            Some(Value::Object(_) | Value::String(_) | Value::Null) | None => {}
            Some(other) => {
                let expected = vec![Kind::Text, Kind::Object];
                let got = other.clone();
                self.note(Some("tool_choice"), Fault::Type { expected, got });
            }
        }
    }

    fn format(&mut self, body: &Map<String, Value>) {
        let Some(format) = body
            .get("response_format")
            .filter(|format| format.is_object())
        else {
            return;
        };
        let kind = strict::text(format, "type");
        if self.form.formats.contains(&kind) {
            return;
        }
        self.path.push(Step::Key("response_format".to_owned()));
        let fault = Fault::Variant {
            tag: "type",
            allowed: self.form.formats.to_vec(),
            got: kind.to_owned(),
        };
        self.note(None, fault);
        self.path.pop();
    }
}
