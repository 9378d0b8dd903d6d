//! Events, answers and requests that we wrote, one of each kind that matters, and what makes new
//! ones of them: an input chooses, changes and orders.

use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use polyroute_wire::dialect::Dialect;
use serde_json::{Map, Value, json};

/// Most events of one stream.
const EVENTS_MAX: usize = 48;
/// Most changes of one template.
const CHANGES_MAX: usize = 4;

/// The templates of one wire format, or of requests.
#[derive(Debug)]
pub struct Templates {
    kinds: Map<String, Value>,
    /// Every key and text in them.
    words: Vec<String>,
    /// Every value in them that is no container's only content.
    values: Vec<Value>,
}

impl Templates {
    fn new(text: &str) -> Self {
        let kinds: Map<String, Value> = serde_json::from_str(text).expect("templates are JSON");
        let (mut words, mut values) = (Vec::new(), Vec::new());
        for value in kinds.values() {
            collect(value, &mut words, &mut values);
        }
        words.sort_unstable();
        words.dedup();
        Self {
            kinds,
            words,
            values,
        }
    }

    /// The templates of a kind (`stream`, `whole`, `errors`, …); empty if there are none.
    #[must_use]
    pub fn of(&self, kind: &str) -> &[Value] {
        let list = self.kinds.get(kind).and_then(Value::as_array);
        list.map_or(&[], Vec::as_slice)
    }

    /// Every key and text in them, sorted: what dictionaries are made of.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.words
    }

    /// One of a kind, changed in a few places.
    ///
    /// # Errors
    /// If the input is used up.
    pub fn one(&self, kind: &str, input: &mut Unstructured<'_>) -> Result<Value> {
        let mut value = match self.of(kind) {
            [] => json!({}),
            list => input.choose(list)?.clone(),
        };
        for _ in 0..input.int_in_range(0..=CHANGES_MAX)? {
            self.change(&mut value, input)?;
        }
        Ok(value)
    }

    /// A stream of them: mostly in order, some left out, repeated or moved.
    #[must_use]
    pub fn stream(&self, input: &mut Unstructured<'_>) -> Vec<Value> {
        let list = self.of("stream");
        let mut events = Vec::new();
        let mut next = 0_usize;
        while events.len() < EVENTS_MAX && !input.is_empty() {
            let Ok(step) = input.arbitrary::<u8>() else {
                break;
            };
            // Three quarters of all steps go on to one of the next few.
            next = match step {
                0..192 => next + usize::from(step % 4),
                _ => usize::from(step),
            } % list.len();
            let mut event = list[next].clone();
            if step % 5 == 0 && self.change(&mut event, input).is_err() {
                break;
            }
            events.push(event);
        }
        events
    }

    fn change(&self, value: &mut Value, input: &mut Unstructured<'_>) -> Result<()> {
        let count = nodes(value);
        let mut place = input.int_in_range(0..=count.saturating_sub(1))?;
        let op: u8 = input.arbitrary()?;
        let new = match op % 8 {
            0 => Value::Null,
            1 => number(input)?,
            2 => input.choose(&self.words)?.clone().into(),
            3 | 4 => input.choose(&self.values)?.clone(),
            5 => Value::String(input.arbitrary::<&str>()?.chars().take(64).collect()),
            6 => json!([]),
            _ => Value::Bool(op & 8 == 0),
        };
        let key = input.choose(&self.words)?.clone();
        if let Some(node) = nth(value, &mut place) {
            match (op >> 4, node) {
                // Into a container, or out of it; else in the place of what stands there.
                (0..=3, Value::Object(members)) => {
                    members.insert(key, new);
                }
                (4..=6, Value::Object(members)) => {
                    let gone = members.keys().nth(usize::from(op) % members.len().max(1));
                    if let Some(gone) = gone.cloned() {
                        members.shift_remove(&gone);
                    }
                }
                (0..=3, Value::Array(items)) if items.len() < 16 => items.push(new),
                (4..=6, Value::Array(items)) => {
                    items.pop();
                }
                (7..=9, Value::String(text)) => text.push_str(&key),
                (_, node) => *node = new,
            }
        }
        Ok(())
    }
}

fn number(input: &mut Unstructured<'_>) -> Result<Value> {
    let known = [
        json!(-1),
        json!(0),
        json!(1),
        json!(7),
        json!(128),
        json!(4_294_967_296_u64),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.5),
        json!(1e300),
    ];
    Ok(input.choose(&known)?.clone())
}

fn collect(value: &Value, words: &mut Vec<String>, values: &mut Vec<Value>) {
    values.push(value.clone());
    match value {
        Value::String(text) => words.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect(item, words, values)),
        Value::Object(members) => {
            for (key, value) in members {
                words.push(key.clone());
                collect(value, words, values);
            }
        }
        _ => {}
    }
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum(),
        _ => 0,
    }
}

/// The node of that number, the outermost first.
fn nth<'v>(value: &'v mut Value, place: &mut usize) -> Option<&'v mut Value> {
    if *place == 0 {
        return Some(value);
    }
    *place -= 1;
    match value {
        Value::Array(items) => items.iter_mut().find_map(|item| nth(item, place)),
        Value::Object(members) => members.values_mut().find_map(|item| nth(item, place)),
        _ => None,
    }
}

/// The templates of a dialect's answers.
#[must_use]
pub fn of(dialect: Dialect) -> &'static Templates {
    macro_rules! templates {
        ($name:literal) => {{
            static KNOWN: LazyLock<Templates> = LazyLock::new(|| {
                Templates::new(include_str!(concat!("../templates/", $name, ".json")))
            });
            &KNOWN
        }};
    }
    match dialect {
        Dialect::OpenAi => templates!("openai"),
        Dialect::Anthropic => templates!("anthropic"),
        Dialect::Gemini => templates!("gemini"),
        Dialect::Bedrock => templates!("bedrock"),
        Dialect::Cohere => templates!("cohere"),
        Dialect::Responses => templates!("responses"),
        Dialect::Ollama => templates!("ollama"),
    }
}

/// Those of Cohere's first version.
#[must_use]
pub fn of_cohere_v1() -> &'static Templates {
    static KNOWN: LazyLock<Templates> =
        LazyLock::new(|| Templates::new(include_str!("../templates/cohere_v1.json")));
    &KNOWN
}

/// The templates of callers' requests.
#[must_use]
pub fn requests() -> &'static Templates {
    static KNOWN: LazyLock<Templates> =
        LazyLock::new(|| Templates::new(include_str!("../templates/requests.json")));
    &KNOWN
}

/// Events as the dialect's streams bring them. `style` varies line ends, Gemini's list in place of
/// events, and Cohere's lines of the first version.
#[must_use]
pub fn framed(dialect: Dialect, events: &[Value], style: u8) -> Vec<u8> {
    if dialect == Dialect::Bedrock {
        return event_stream(events);
    }
    if dialect == Dialect::Ollama || (dialect == Dialect::Cohere && style % 4 == 3) {
        return events
            .iter()
            .map(|event| format!("{event}\n"))
            .collect::<String>()
            .into_bytes();
    }
    if dialect == Dialect::Gemini && style % 4 == 3 {
        return Value::from(events.to_vec()).to_string().into_bytes();
    }
    let mut text = String::new();
    for event in events {
        let kind = event.get("type").or_else(|| event.get("event_type"));
        if let Some(kind) = kind.and_then(Value::as_str) {
            let kind: String = kind.chars().filter(|c| !c.is_control()).collect();
            text.push_str(&format!("event: {kind}\n"));
        }
        match event {
            // `[DONE]` and the like.
            Value::String(plain) => text.push_str(&format!("data: {plain}\n\n")),
            event => text.push_str(&format!("data: {event}\n\n")),
        }
    }
    match style % 4 {
        1 => text = text.replace('\n', "\r\n"),
        2 => text = text.replace('\n', "\r"),
        _ => {}
    }
    text.into_bytes()
}

/// AWS frames of events that each stand under their own name, exceptions behind a `!`.
fn event_stream(events: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, payload) in events.iter().filter_map(Value::as_object).flatten() {
        let name: String = name.chars().take(200).collect();
        let (kind, head, name) = match name.strip_prefix('!') {
            Some(name) => ("exception", ":exception-type", name.to_owned()),
            None => ("event", ":event-type", name),
        };
        let payload = payload.to_string();
        out.extend(frame(
            &[(head, &name), (":message-type", kind)],
            payload.as_bytes(),
        ));
    }
    out
}

/// One AWS frame with text headers.
#[must_use]
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut message = Message::new(payload.to_vec());
    for (name, value) in headers {
        let value = HeaderValue::String((*value).to_owned().into());
        message = message.add_header(Header::new((*name).to_owned(), value));
    }
    let mut out = Vec::new();
    aws_smithy_eventstream::frame::write_message_to(&message, &mut out)
        .expect("a small frame can be written");
    out
}
