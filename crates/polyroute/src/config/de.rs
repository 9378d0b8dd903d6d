//! The tree → our types, by serde, and still every problem at once.
//!
//! serde stops at its first error. So [`read`] notes that error with its path, hides the value
//! that caused it, and reads again, until the rest reads clean: each pass costs microseconds, and
//! the section types stay plain `#[derive(Deserialize)]`. A key that went missing only because its
//! own value was hidden is not reported a second time.
//!
//! Reading is by the type that is asked for: `name: 123` is the text `123`, `"30"` is no number.
//! Texts from the file are never repeated in a message; they may be secrets.

use std::collections::HashSet;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use super::later;
use super::path::{KeyPath, Segment};
use super::problem::{Origin, Problems, Severity, did_you_mean, nearest};
use super::render::{holds_secret, looks_secret};
use super::tree::{Entry, Kind, Node, Scalar, Span};

/// After so many errors the rest is not looked for.
const ERRORS_MAX: usize = 100;
/// Parts the reason from the advice inside a custom serde message.
const ADVICE_MARK: char = '\u{1f}';

/// A custom error with a suggestion of its own.
pub(crate) fn advice<E: serde::de::Error>(reason: &str, suggestion: &str) -> E {
    E::custom(format_args!("{reason}{ADVICE_MARK}{suggestion}"))
}

/// Reads the tree into `T`, and notes every problem. Nodes in `hidden` are
/// treated as not written; those that can't be read join them.
pub(crate) fn read<T: DeserializeOwned>(
    root: &Node,
    hidden: &mut HashSet<usize>,
    problems: &mut Problems,
) -> Option<T> {
    for _ in 0..ERRORS_MAX {
        let error = match T::deserialize(Value { node: root, hidden }) {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        let (id, span) = error.at?;
        note(
            error.what,
            KeyPath::from_reversed(error.outward),
            span,
            problems,
        );
        if !hidden.insert(id) {
            return None;
        }
    }
    problems.error(
        Origin::File,
        format!("more than {ERRORS_MAX} errors: the rest is not shown"),
    );
    None
}

/// Turns what serde said into a problem.
fn note(what: What, mut path: KeyPath, span: Span, problems: &mut Problems) {
    let (reason, suggestion) = match what {
        What::Silent => return,
        What::Missing(key) => (
            format!("`{key}` is missing"),
            Some(format!("add `{key}: …` here")),
        ),
        What::Unknown(key, known) if is_misplaced_secret(&key, known, &path) => {
            path = path.parent();
            let reason = "this is not how a secret is written";
            (
                reason.to_owned(),
                Some("write `{ env: NAME }` or `{ file: PATH }`".to_owned()),
            )
        }
        What::Unknown(key, known) => match later::reason(&path) {
            Some((reason, suggestion)) => (reason, Some(suggestion)),
            None => {
                let hint = did_you_mean(&key, known.iter().copied(), "keys here");
                (format!("`{key}` is not a key that Polyroute knows"), hint)
            }
        },
        What::Other(message) => match message.split_once(ADVICE_MARK) {
            Some((reason, suggestion)) => (reason.to_owned(), Some(suggestion.to_owned())),
            None => (message, None),
        },
    };
    problems.push(
        Severity::Error,
        Origin::Spot(path, span),
        reason,
        suggestion,
    );
}

/// Whether somebody may have put a secret where a key belongs: then it is not repeated.
fn is_misplaced_secret(key: &str, known: &[&str], path: &KeyPath) -> bool {
    let foreign = nearest(key, known.iter().copied()).is_none();
    foreign && (looks_secret(key) || holds_secret(&path.parent()))
}

/// serde's error, with the place that it happened.
#[derive(Debug)]
pub(crate) struct Wrong {
    what: What,
    /// The node to hide and the place to show.
    at: Option<(usize, Span)>,
    /// Steps from the node up to the root.
    outward: Vec<Segment>,
}

#[derive(Debug)]
enum What {
    Unknown(String, &'static [&'static str]),
    Missing(&'static str),
    Other(String),
    /// A follow-up of an error that was noted already.
    Silent,
}

impl Wrong {
    fn new(what: What) -> Self {
        Self {
            what,
            at: None,
            outward: Vec::new(),
        }
    }

    /// Ties the error to a node unless it knows a deeper one.
    fn at(mut self, value: Value<'_>) -> Self {
        if self.at.is_some() {
            return self;
        }
        if self.follows(value) {
            self.what = What::Silent;
        }
        self.at = Some((value.node.id, value.node.span));
        self
    }

    /// Whether a mapping is incomplete only because parts of it were noted and hidden before.
    fn follows(&self, value: Value<'_>) -> bool {
        let Kind::Map(entries) = &value.node.kind else {
            return false;
        };
        let mut hidden = entries
            .iter()
            .filter(|entry| value.hidden.contains(&entry.value.id));
        match self.what {
            What::Missing(key) => hidden
                .any(|it| nearest(&it.key, [key]).is_some() || later::stands_for(&it.key, key)),
            What::Other(_) => hidden.next().is_some(),
            What::Unknown(..) | What::Silent => false,
        }
    }

    /// Adds the step from the parent, and points at the key for a value that has no text itself.
    fn below(mut self, segment: Segment, pointer: Span) -> Self {
        if let (true, Some((_, span))) = (self.outward.is_empty(), &mut self.at) {
            *span = pointer;
        }
        self.outward.push(segment);
        self
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.what)
    }
}

impl std::error::Error for Wrong {}

impl serde::de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(What::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(What::Other(format!(
            "expected {expected}, found {}",
            describe(found)
        )))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        let choice: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        advice(
            "this is not one of the choices",
            &format!("write {}", choice.join(" or ")),
        )
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(What::Unknown(field.to_owned(), known))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(What::Missing(field))
    }
}

/// What was found, without its content.
fn describe(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "`true` or `false`",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a mapping",
        _ => "something else",
    }
}

/// A node, as serde reads it.
#[derive(Clone, Copy)]
struct Value<'t> {
    node: &'t Node,
    hidden: &'t HashSet<usize>,
}

impl<'t> Value<'t> {
    fn scalar<E: serde::de::Error>(&self, expected: &dyn Expected) -> Result<&'t Scalar, E> {
        match &self.node.kind {
            Kind::Scalar(scalar) if !scalar.is_null() => Ok(scalar),
            Kind::Scalar(_) => Err(E::invalid_type(Unexpected::Unit, expected)),
            Kind::List(_) => Err(E::invalid_type(Unexpected::Seq, expected)),
            Kind::Map(_) => Err(E::invalid_type(Unexpected::Map, expected)),
        }
    }

    fn entries(self) -> Entries<'t> {
        let written = match &self.node.kind {
            Kind::Map(entries) => entries.as_slice(),
            Kind::Scalar(_) | Kind::List(_) => &[],
        };
        Entries {
            rest: written.iter(),
            hidden: self.hidden,
            current: None,
        }
    }

    fn items(self) -> Items<'t> {
        let written = match &self.node.kind {
            Kind::List(items) => items.as_slice(),
            Kind::Scalar(_) | Kind::Map(_) => &[],
        };
        Items {
            rest: written.iter().enumerate(),
            hidden: self.hidden,
        }
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let scalar = self.scalar::<Wrong>(&visitor)?;
        if scalar.plain {
            let digits = scalar.text.replace('_', "");
            if let Ok(number) = digits.parse::<u64>() {
                return visitor.visit_u64(number);
            }
            if let Ok(number) = digits.parse::<i64>() {
                return visitor.visit_i64(number);
            }
        }
        Err(<Wrong as serde::de::Error>::invalid_type(
            Unexpected::Str(""),
            &visitor,
        ))
    }
}

/// Methods that all read a whole number.
macro_rules! numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            self.number(visitor).map_err(|error| error.at(self))
        }
    )*};
}

impl<'de> Deserializer<'de> for Value<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.kind {
            Kind::Scalar(scalar) if scalar.is_null() => visitor.visit_unit(),
            Kind::Scalar(scalar) => visitor.visit_str(&scalar.text),
            Kind::List(_) => visitor.visit_seq(self.items()),
            Kind::Map(_) => visitor.visit_map(self.entries()),
        }
        .map_err(|error: Wrong| error.at(self))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let read = self
            .scalar(&visitor)
            .and_then(|scalar| visitor.visit_str(&scalar.text));
        read.map_err(|error: Wrong| error.at(self))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let read = self
            .scalar(&visitor)
            .and_then(|scalar| match scalar.text.as_str() {
                "true" | "True" | "TRUE" if scalar.plain => visitor.visit_bool(true),
                "false" | "False" | "FALSE" if scalar.plain => visitor.visit_bool(false),
                _ => Err(advice(
                    "this is neither true nor false",
                    "write `true` or `false`",
                )),
            });
        read.map_err(|error: Wrong| error.at(self))
    }

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
        deserialize_f32 deserialize_f64
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.kind {
            Kind::Scalar(scalar) if scalar.is_null() => visitor.visit_none(),
            Kind::Scalar(_) | Kind::List(_) | Kind::Map(_) => visitor.visit_some(self),
        }
    }

    /// An empty value is an empty mapping: `openai:` is `openai: {}`.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let read = match &self.node.kind {
            Kind::Map(_) => visitor.visit_map(self.entries()),
            Kind::Scalar(scalar) if scalar.is_null() => visitor.visit_map(self.entries()),
            Kind::Scalar(_) => Err(advice(
                "expected a mapping, found text",
                "write `key: value`",
            )),
            Kind::List(_) => Err(advice(
                "expected a mapping, found a list",
                "write `key: value` without `-`",
            )),
        };
        read.map_err(|error: Wrong| error.at(self))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let read = match &self.node.kind {
            Kind::List(_) => visitor.visit_seq(self.items()),
            Kind::Scalar(scalar) if scalar.is_null() => visitor.visit_seq(self.items()),
            Kind::Scalar(_) => Err(advice(
                "expected a list, found text",
                "write `[…]` around it",
            )),
            Kind::Map(_) => Err(advice(
                "expected a list, found a mapping",
                "begin each entry with `- `",
            )),
        };
        read.map_err(|error: Wrong| error.at(self))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let read = self
            .scalar(&visitor)
            .and_then(|scalar| visitor.visit_enum(Choice(scalar)));
        read.map_err(|error: Wrong| error.at(self))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// A word out of a list of choices.
struct Choice<'t>(&'t Scalar);

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Wrong;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Wrong> {
        let word: StrDeserializer<'_, Wrong> = StrDeserializer::new(&self.0.text);
        Ok((seed.deserialize(word)?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Wrong> {
        Err(<Wrong as serde::de::Error>::custom("expected one word"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Wrong> {
        Err(<Wrong as serde::de::Error>::custom("expected one word"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Wrong> {
        Err(<Wrong as serde::de::Error>::custom("expected one word"))
    }
}

struct Entries<'t> {
    rest: std::slice::Iter<'t, Entry>,
    hidden: &'t HashSet<usize>,
    current: Option<&'t Entry>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Wrong> {
        let hidden = self.hidden;
        let Some(entry) = self.rest.find(|entry| !hidden.contains(&entry.value.id)) else {
            return Ok(None);
        };
        self.current = Some(entry);
        let key: StrDeserializer<'_, Wrong> = StrDeserializer::new(&entry.key);
        let read = seed.deserialize(key).map_err(|mut error| {
            error.at = Some((entry.value.id, entry.key_span));
            error.below(Segment::Key(entry.key.clone()), entry.key_span)
        });
        read.map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Wrong> {
        let Some(entry) = self.current else {
            return Err(<Wrong as serde::de::Error>::custom("a value without a key"));
        };
        let value = Value {
            node: &entry.value,
            hidden: self.hidden,
        };
        let read = seed.deserialize(value);
        read.map_err(|error| {
            error
                .at(value)
                .below(Segment::Key(entry.key.clone()), entry.pointer())
        })
    }
}

struct Items<'t> {
    rest: std::iter::Enumerate<std::slice::Iter<'t, Node>>,
    hidden: &'t HashSet<usize>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Wrong> {
        let hidden = self.hidden;
        let Some((index, node)) = self.rest.find(|(_, node)| !hidden.contains(&node.id)) else {
            return Ok(None);
        };
        let value = Value { node, hidden };
        let read = seed.deserialize(value);
        read.map(Some)
            .map_err(|error| error.at(value).below(Segment::Index(index), node.span))
    }
}
