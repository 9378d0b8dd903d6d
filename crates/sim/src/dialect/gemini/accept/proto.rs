//! Protobuf's JSON mapping: camelCase or snake_case names, enums in any case or as numbers,
//! integers as `40.0` or strings, bytes as base64, a single value where a list is due.
//!
//! [`read`] turns a body into one canonical form (camelCase names, upper-case enums, lists as lists)
//! and collects every violation in the words of the API, so that later rules see one spelling.

use serde_json::{Map, Value};

use super::wording::Violation;
use crate::strict::{decode_base64, is_whole};

/// A message type.
#[derive(Debug)]
pub(super) struct Message {
    /// Its name below `google.ai.generativelanguage.v1beta`.
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of a message, named in camelCase.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Fields with the same group exclude each other.
    pub(super) oneof: &'static str,
    /// Known to Vertex AI only.
    pub(super) vertex: bool,
}

/// A field's type.
#[derive(Debug)]
pub(super) enum Kind {
    Text,
    Bytes,
    Bool,
    Int,
    Float,
    Enum(&'static Enum),
    Message(&'static Message),
    List(&'static Kind),
    Map(&'static Kind),
    /// `google.protobuf.Struct`: any object.
    Struct,
    /// `google.protobuf.Value`: anything.
    Any,
}

/// An enum type with its values in the order of their numbers.
#[derive(Debug)]
pub(super) struct Enum {
    pub(super) name: &'static str,
    pub(super) values: &'static [&'static str],
}

/// Where a value is, and how it is read.
struct Reader<'a> {
    vertex: bool,
    violations: &'a mut Vec<Violation>,
}

/// Reads an object as `message`; violations are added to `violations`.
pub(super) fn read(
    value: &Map<String, Value>,
    message: &'static Message,
    vertex: bool,
    violations: &mut Vec<Violation>,
) -> Value {
    let mut reader = Reader { vertex, violations };
    reader.message(value, message, "")
}

impl Reader<'_> {
    fn message(
        &mut self,
        given: &Map<String, Value>,
        message: &'static Message,
        path: &str,
    ) -> Value {
        let mut canonical = Map::new();
        let mut groups: Vec<&str> = Vec::new();
        for (key, value) in given {
            let known = message.fields.iter().find(|field| {
                (field.name == key || snake(field.name) == *key) && (self.vertex || !field.vertex)
            });
            let Some(field) = known else {
                self.violations.push(Violation::unknown(key, path));
                continue;
            };
            if value.is_null() {
                continue;
            }
            if !field.oneof.is_empty() && groups.contains(&field.oneof) {
                self.violations
                    .push(Violation::second_of(field.oneof, key, path));
                continue;
            }
            groups.push(field.oneof);
            let step = snake(field.name);
            let inner = if path.is_empty() {
                step
            } else {
                format!("{path}.{step}")
            };
            let value = self.field(value, &field.kind, &inner, key, path);
            canonical.insert(field.name.to_owned(), value);
        }
        Value::Object(canonical)
    }

    fn field(
        &mut self,
        value: &Value,
        kind: &'static Kind,
        path: &str,
        key: &str,
        parent: &str,
    ) -> Value {
        match (kind, value) {
            (Kind::List(inner), Value::Array(items)) => {
                let numbered = items.iter().enumerate();
                let read = numbered
                    .map(|(index, item)| self.value(item, inner, &format!("{path}[{index}]")));
                Value::Array(read.collect())
            }
            // A lone value is read as a list of one (`tools: {…}`, `parts: {…}`).
            (Kind::List(inner), lone) => Value::Array(vec![self.value(lone, inner, path)]),
            (Kind::Any, _) => value.clone(),
            (_, Value::Array(_)) => {
                self.violations.push(Violation::not_repeating(key, parent));
                Value::Null
            }
            _ => self.value(value, kind, path),
        }
    }

    fn value(&mut self, value: &Value, kind: &'static Kind, path: &str) -> Value {
        match (kind, value) {
            (Kind::Message(message), Value::Object(members)) => {
                return self.message(members, message, path);
            }
            (Kind::Map(inner), Value::Object(members)) => {
                let read = members.iter().map(|(key, member)| {
                    let path = format!("{path}[{key}]");
                    (key.clone(), self.field(member, inner, &path, key, &path))
                });
                return Value::Object(read.collect());
            }
            (Kind::Enum(kind), _) => {
                if let Some(word) = word(kind, value) {
                    return Value::String(word.to_owned());
                }
            }
            (Kind::Bytes, Value::String(text)) => {
                if decode_base64(text).is_some() {
                    return value.clone();
                }
                self.violations.push(Violation::base64(path, text));
                return Value::Null;
            }
            (Kind::Int | Kind::Float, Value::String(digits)) => {
                // int64 and float may be written as strings.
                if let Ok(number) = digits.parse::<f64>()
                    && (matches!(kind, Kind::Float) || number.fract() == 0.0)
                {
                    return serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number);
                }
            }
            (Kind::Text, Value::String(_))
            | (Kind::Bool, Value::Bool(_))
            | (Kind::Float, Value::Number(_))
            | (Kind::Struct, Value::Object(_))
            | (Kind::Any, _) => return value.clone(),
            (Kind::Int, Value::Number(_)) if is_whole(value) => return value.clone(),
            _ => {}
        }
        self.violations
            .push(Violation::value(path, &type_name(kind), value));
        Value::Null
    }
}

fn word(kind: &Enum, value: &Value) -> Option<&'static str> {
    match value {
        Value::String(given) => kind
            .values
            .iter()
            .find(|known| known.eq_ignore_ascii_case(given))
            .copied(),
        Value::Number(number) => {
            let index = usize::try_from(number.as_u64()?).ok()?;
            // Unknown numbers are kept by protobuf; the zero value stands for them.
            kind.values.get(index).or(kind.values.first()).copied()
        }
        _ => None,
    }
}

fn type_name(kind: &Kind) -> String {
    let package = "type.googleapis.com/google.ai.generativelanguage.v1beta";
    match kind {
        Kind::Text => "TYPE_STRING".to_owned(),
        Kind::Bytes => "TYPE_BYTES".to_owned(),
        Kind::Bool => "TYPE_BOOL".to_owned(),
        Kind::Int => "TYPE_INT32".to_owned(),
        Kind::Float => "TYPE_FLOAT".to_owned(),
        Kind::Enum(kind) => format!("{package}.{}", kind.name),
        Kind::Message(message) => format!("{package}.{}", message.name),
        Kind::Map(_) => "map".to_owned(),
        Kind::List(inner) => type_name(inner),
        Kind::Struct => "type.googleapis.com/google.protobuf.Struct".to_owned(),
        Kind::Any => "type.googleapis.com/google.protobuf.Value".to_owned(),
    }
}

/// `generationConfig` as `generation_config`.
pub(super) fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}
