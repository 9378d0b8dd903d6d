//! Request shapes as data, and one walk that finds the first place where a body breaks them.
//!
//! A dialect declares [`Record`]s once (which keys, which types, which ranges) and words each
//! [`Finding`] as its own API does. Rules between fields live with the dialect, not here. The type
//! to read first is [`Shape`].

use serde_json::{Map, Value};

/// What a JSON value must look like.
#[derive(Debug)]
pub(crate) enum Shape {
    /// Anything at all.
    Any,
    /// An object with any members.
    Object,
    /// A string.
    Text,
    /// `true` or `false`.
    Bool,
    /// A whole number between two bounds, both included.
    Int(i64, i64),
    /// A number between two bounds, both included.
    Num(f64, f64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// An object with these members and no others.
    Rec(&'static Record),
    /// An object whose every value has one shape.
    MapOf(&'static Shape),
    /// A list of one shape.
    List(&'static Shape),
    /// An object whose record is chosen by one of its members.
    Tagged(&'static Tagged),
    /// Any of these, told apart by their JSON type.
    Union(&'static [Shape]),
}

/// The members that an object may have.
#[derive(Debug)]
pub(crate) struct Record {
    /// Every member that the API knows.
    pub(crate) fields: &'static [Field],
}

/// One member of a [`Record`].
#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) need: Need,
    pub(crate) shape: Shape,
}

/// Whether a member may be missing or null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// It must be there.
    Must,
    /// It may be missing.
    May,
    /// It may be missing or null.
    Null,
}

/// Records chosen by the value of one member.
#[derive(Debug)]
pub(crate) struct Tagged {
    /// The member that chooses.
    pub(crate) tag: &'static str,
    /// The value taken when that member is missing or null.
    pub(crate) absent: Option<&'static str>,
    /// Which record each value chooses. The tag itself is not listed in the record.
    pub(crate) variants: &'static [(&'static str, &'static Record)],
}

/// One step from the body's root to a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A member of an object.
    Key(String),
    /// An element of a list.
    Index(usize),
    /// The variant of a tagged object that is being read (some APIs name it in their paths).
    Tag(&'static str),
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// The API knows no such member.
    Unknown,
    /// A required member is missing.
    Missing,
    /// The value has the wrong JSON type.
    Type { expected: Vec<Kind>, got: Value },
    /// The word is not one of those allowed.
    Word {
        allowed: Vec<&'static str>,
        got: String,
    },
    /// A tag has a value that chooses no record.
    Variant {
        tag: &'static str,
        allowed: Vec<&'static str>,
        got: String,
    },
    /// The number is below its bound.
    Below { whole: bool, bound: f64, got: Value },
    /// The number is above its bound.
    Above { whole: bool, bound: f64, got: Value },
}

/// A JSON type, as the wordings tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A string.
    Text,
    /// A boolean.
    Bool,
    /// A whole number.
    Int,
    /// Any number.
    Num,
    /// An object.
    Object,
    /// A list of strings.
    Texts,
    /// A list of objects or of anything else.
    List,
}

/// The first fault of a body and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) path: Vec<Step>,
    pub(crate) fault: Fault,
}

/// Walks `value` along `record`; the first fault ends the walk.
pub(crate) fn check(value: &Map<String, Value>, record: &'static Record) -> Result<(), Finding> {
    let mut path = Vec::new();
    walk_record(value, record, None, &mut path).map_err(|fault| Finding { path, fault })
}

/// Walks a single value that stands at `path`.
pub(crate) fn look(
    value: &Value,
    shape: &'static Shape,
    mut path: Vec<Step>,
) -> Result<(), Finding> {
    walk(value, shape, &mut path).map_err(|fault| Finding { path, fault })
}

fn walk(value: &Value, shape: &'static Shape, path: &mut Vec<Step>) -> Result<(), Fault> {
    match (shape, value) {
        (Shape::Any, _)
        | (Shape::Object, Value::Object(_))
        | (Shape::Text, Value::String(_))
        | (Shape::Bool, Value::Bool(_)) => Ok(()),
        (Shape::Int(low, high), Value::Number(_)) if is_whole(value) => {
            in_range(value, true, *low as f64, *high as f64)
        }
        (Shape::Num(low, high), Value::Number(_)) => in_range(value, false, *low, *high),
        (Shape::Word(words), Value::String(word)) => {
            if words.contains(&word.as_str()) {
                return Ok(());
            }
            Err(Fault::Word {
                allowed: words.to_vec(),
                got: word.clone(),
            })
        }
        (Shape::Rec(record), Value::Object(members)) => walk_record(members, record, None, path),
        (Shape::MapOf(inner), Value::Object(members)) => {
            for (key, member) in members {
                path.push(Step::Key(key.clone()));
                walk(member, inner, path)?;
                path.pop();
            }
            Ok(())
        }
        (Shape::List(inner), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                path.push(Step::Index(index));
                walk(item, inner, path)?;
                path.pop();
            }
            Ok(())
        }
        (Shape::Tagged(tagged), Value::Object(members)) => walk_tagged(members, tagged, path),
        (Shape::Union(shapes), _) => match shapes.iter().find(|shape| same_type(shape, value)) {
            Some(shape) => walk(value, shape, path),
            None => Err(wrong_type(shape, value)),
        },
        _ => Err(wrong_type(shape, value)),
    }
}

fn walk_record(
    members: &Map<String, Value>,
    record: &'static Record,
    tag: Option<&'static str>,
    path: &mut Vec<Step>,
) -> Result<(), Fault> {
    for key in members.keys() {
        let known = Some(key.as_str()) == tag || record.fields.iter().any(|f| f.name == key);
        if !known {
            path.push(Step::Key(key.clone()));
            return Err(Fault::Unknown);
        }
    }
    for field in record.fields {
        let found = members.get(field.name);
        if found.is_none() && field.need != Need::Must {
            continue;
        }
        path.push(Step::Key(field.name.to_owned()));
        match found {
            None => return Err(Fault::Missing),
            Some(Value::Null) if field.need == Need::Null => {}
            Some(value) => walk(value, &field.shape, path)?,
        }
        path.pop();
    }
    Ok(())
}

fn walk_tagged(
    members: &Map<String, Value>,
    tagged: &'static Tagged,
    path: &mut Vec<Step>,
) -> Result<(), Fault> {
    let word = match (members.get(tagged.tag), tagged.absent) {
        (Some(Value::String(word)), _) => word.as_str(),
        (None | Some(Value::Null), Some(default)) => default,
        (None, None) => {
            path.push(Step::Key(tagged.tag.to_owned()));
            return Err(Fault::Missing);
        }
        (Some(other), _) => {
            path.push(Step::Key(tagged.tag.to_owned()));
            return Err(wrong_type(&Shape::Text, other));
        }
    };
    let Some((name, record)) = tagged.variants.iter().find(|(name, _)| *name == word) else {
        return Err(Fault::Variant {
            tag: tagged.tag,
            allowed: tagged.variants.iter().map(|(name, _)| *name).collect(),
            got: word.to_owned(),
        });
    };
    path.push(Step::Tag(name));
    walk_record(members, record, Some(tagged.tag), path)?;
    path.pop();
    Ok(())
}

fn in_range(value: &Value, whole: bool, low: f64, high: f64) -> Result<(), Fault> {
    let number = value.as_f64().unwrap_or(f64::NAN);
    if number < low {
        return Err(Fault::Below {
            whole,
            bound: low,
            got: value.clone(),
        });
    }
    if number > high {
        return Err(Fault::Above {
            whole,
            bound: high,
            got: value.clone(),
        });
    }
    Ok(())
}

/// Whether a number has no fraction (`40.0` counts as whole in all three APIs).
pub(crate) fn is_whole(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn same_type(shape: &Shape, value: &Value) -> bool {
    match shape {
        Shape::Any => true,
        Shape::Text | Shape::Word(_) => value.is_string(),
        Shape::Bool => value.is_boolean(),
        Shape::Int(..) => value.is_number() && is_whole(value),
        Shape::Num(..) => value.is_number(),
        Shape::Object | Shape::Rec(_) | Shape::MapOf(_) | Shape::Tagged(_) => value.is_object(),
        Shape::List(inner) => match value.as_array() {
            // Lists in a union (texts, token ids, lists of token ids) differ by their elements.
            Some(items) => items.first().is_none_or(|first| same_type(inner, first)),
            None => false,
        },
        Shape::Union(shapes) => shapes.iter().any(|inner| same_type(inner, value)),
    }
}

fn wrong_type(shape: &Shape, value: &Value) -> Fault {
    let mut expected = Vec::new();
    kinds(shape, &mut expected);
    Fault::Type {
        expected,
        got: value.clone(),
    }
}

fn kinds(shape: &Shape, into: &mut Vec<Kind>) {
    let kind = match shape {
        Shape::Any => return,
        Shape::Union(shapes) => {
            shapes.iter().for_each(|inner| kinds(inner, into));
            return;
        }
        Shape::Text | Shape::Word(_) => Kind::Text,
        Shape::Bool => Kind::Bool,
        Shape::Int(..) => Kind::Int,
        Shape::Num(..) => Kind::Num,
        Shape::Object | Shape::Rec(_) | Shape::MapOf(_) | Shape::Tagged(_) => Kind::Object,
        Shape::List(Shape::Text | Shape::Word(_)) => Kind::Texts,
        Shape::List(_) => Kind::List,
    };
    if !into.contains(&kind) {
        into.push(kind);
    }
}

/// A required member.
macro_rules! must {
    ($name:literal, $shape:expr) => {
        $crate::strict::Field {
            name: $name,
            need: $crate::strict::Need::Must,
            shape: $shape,
        }
    };
}

/// A member that may be missing.
macro_rules! may {
    ($name:literal, $shape:expr) => {
        $crate::strict::Field {
            name: $name,
            need: $crate::strict::Need::May,
            shape: $shape,
        }
    };
}

/// A member that may be missing or null.
macro_rules! null {
    ($name:literal, $shape:expr) => {
        $crate::strict::Field {
            name: $name,
            need: $crate::strict::Need::Null,
            shape: $shape,
        }
    };
}

pub(crate) use {may, must, null};

/// The text member `key` of an object, or `""`.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The list member `key` of an object, or an empty list.
pub(crate) fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value
        .get(key)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// A member that is there and not null.
pub(crate) fn set<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    value.get(key).filter(|found| !found.is_null())
}

/// A whole number written as an integer or as `40.0`.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    let as_float = || {
        let number = value.as_f64()?;
        (number >= 0.0 && number.fract() == 0.0 && number < 9.0e15).then_some(number as u64)
    };
    value.as_u64().or_else(as_float)
}

/// The image type that the first bytes of base64 data show, if it is one that the APIs take.
pub(crate) fn sniff_image(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("image/webp"),
        _ => None,
    }
}

/// Decodes standard or URL-safe base64, padded or not, ignoring line breaks.
pub(crate) fn decode_base64(data: &str) -> Option<Vec<u8>> {
    use base64::Engine as _;
    use base64::alphabet::STANDARD;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let engine = GeneralPurpose::new(&STANDARD, config);
    let plain: String = data
        .chars()
        .filter(|c| !c.is_ascii_whitespace())
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    engine.decode(plain).ok()
}
