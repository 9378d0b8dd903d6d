//! The order of keys that a schema gives to its objects.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::growth::unescaped;

/// Most different places of a schema that are told apart; keys below the rest are sorted.
const SHAPES_MAX: usize = 4_096;
/// Most schemas that one place may have to fit at once (`allOf`, `anyOf`, `$ref`, …).
const APPLIED_MAX: usize = 256;

/// Keywords whose schemas hold for the same value, in the order in which they give their keys.
pub(super) const IN_PLACE: [&str; 7] = [
    "allOf",
    "anyOf",
    "oneOf",
    "if",
    "then",
    "else",
    "dependentSchemas",
];

/// The order of keys, for every place of a schema.
///
/// An object's keys come in the order of `properties`: those of its own schema first, then those of
/// `$ref`, `allOf`, `anyOf`, `oneOf`, `if`, `then`, `else` and `dependentSchemas`, whichever branch
/// holds. That way the order depends on nothing but the schema. References are followed within the
/// schema (`#`, `#/…`); what stands behind others is sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    shapes: Vec<Shape>,
}

/// What holds at one place of the schema.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Shape {
    /// Place of a key, and the shape of its value.
    keys: HashMap<String, (usize, Option<usize>)>,
    /// Values of other keys.
    rest: Option<usize>,
    /// First items.
    first: Vec<Option<usize>>,
    /// Other items.
    items: Option<usize>,
}

impl Order {
    /// The order that a schema gives.
    #[must_use]
    pub fn new(schema: &Value) -> Self {
        let mut builder = Builder {
            root: schema,
            known: HashMap::new(),
            due: Vec::new(),
        };
        builder.shape(vec![schema]);
        let mut shapes = Vec::new();
        while let Some(schemas) = builder.due.get(shapes.len()).cloned() {
            shapes.push(builder.build(&schemas));
        }
        Self { shapes }
    }

    pub(super) fn root(&self) -> Option<&Shape> {
        self.shapes.first()
    }

    fn at(&self, shape: Option<usize>) -> Option<&Shape> {
        self.shapes.get(shape?)
    }

    /// Where a key stands among the others of its object; unknown ones behind all others.
    pub(super) fn place(shape: Option<&Shape>, key: &str) -> usize {
        let known = shape.and_then(|shape| shape.keys.get(key));
        known.map_or(usize::MAX, |(place, _)| *place)
    }

    /// The shape of a member's value.
    pub(super) fn member(&self, shape: Option<&Shape>, key: &str) -> Option<&Shape> {
        let shape = shape?;
        match shape.keys.get(key) {
            Some((_, value)) => self.at(*value),
            None => self.at(shape.rest),
        }
    }

    /// The shape of an item.
    pub(super) fn item(&self, shape: Option<&Shape>, index: usize) -> Option<&Shape> {
        let shape = shape?;
        self.at(*shape.first.get(index).unwrap_or(&shape.items))
    }
}

/// Schemas that hold for one value.
type Applied<'a> = Vec<&'a Value>;

struct Builder<'a> {
    root: &'a Value,
    /// Shapes by the addresses of their schemas: a recursive schema comes to an end.
    known: HashMap<Vec<usize>, usize>,
    /// The schemas of each shape.
    due: Vec<Applied<'a>>,
}

impl<'a> Builder<'a> {
    /// The index of the shape of a value for which all these hold.
    fn shape(&mut self, schemas: Applied<'a>) -> Option<usize> {
        let mut all = Vec::new();
        let mut seen = BTreeSet::new();
        for schema in schemas {
            self.apply(schema, &mut all, &mut seen);
        }
        if all.is_empty() {
            return None;
        }
        let addresses: Vec<usize> = all.iter().copied().map(address).collect();
        if let Some(index) = self.known.get(&addresses) {
            return Some(*index);
        }
        if self.due.len() >= SHAPES_MAX {
            return None;
        }
        let index = self.due.len();
        self.known.insert(addresses, index);
        self.due.push(all);
        Some(index)
    }

    /// A schema and all that hold in the same place.
    fn apply(&self, schema: &'a Value, all: &mut Applied<'a>, seen: &mut BTreeSet<usize>) {
        // Boxed up as a list of what is due, since schemas nest as deep as callers write them.
        let mut due = vec![schema];
        while let Some(schema) = due.pop() {
            let Some(object) = schema.as_object() else {
                continue;
            };
            if all.len() >= APPLIED_MAX || !seen.insert(address(schema)) {
                continue;
            }
            all.push(schema);
            let mut next: Vec<&Value> = self.referred(object).into_iter().collect();
            for keyword in IN_PLACE {
                match object.get(keyword) {
                    Some(Value::Array(list)) => next.extend(list),
                    Some(Value::Object(named)) if keyword == "dependentSchemas" => {
                        next.extend(named.values())
                    }
                    Some(one @ Value::Object(_)) => next.push(one),
                    _ => {}
                }
            }
            due.extend(next.into_iter().rev());
        }
    }

    /// What a `$ref` within the schema names.
    fn referred(&self, schema: &Map<String, Value>) -> Option<&'a Value> {
        let pointer = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
        self.root.pointer(&unescaped(pointer))
    }

    fn build(&mut self, schemas: &[&'a Value]) -> Shape {
        let mut names: Vec<&'a str> = Vec::new();
        let mut members: HashMap<&'a str, Applied<'a>> = HashMap::new();
        let (mut rest, mut items): (Applied<'a>, Applied<'a>) = (Vec::new(), Vec::new());
        let mut first: Vec<Applied<'a>> = Vec::new();
        for schema in schemas {
            let part = |keyword: &str| schema.get(keyword);
            for (name, value) in part("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                let here = members.entry(name).or_default();
                if here.is_empty() {
                    names.push(name);
                }
                here.push(value);
            }
            let patterns = part("patternProperties").and_then(Value::as_object);
            rest.extend(patterns.into_iter().flatten().map(|(_, value)| value));
            rest.extend(part("additionalProperties"));
            rest.extend(part("unevaluatedProperties"));
            let list = |keyword| part(keyword).and_then(Value::as_array);
            // Before 2020-12 a list of `items` was what `prefixItems` is now.
            for (at, value) in list("prefixItems")
                .or(list("items"))
                .into_iter()
                .flatten()
                .enumerate()
            {
                if at >= first.len() {
                    first.push(Vec::new());
                }
                if let Some(here) = first.get_mut(at) {
                    here.push(value);
                }
            }
            items.extend(
                ["items", "additionalItems", "unevaluatedItems"]
                    .iter()
                    .filter_map(|it| part(it)),
            );
        }
        let keys = names.iter().enumerate().map(|(place, name)| {
            let value = members.remove(name).and_then(|schemas| self.shape(schemas));
            ((*name).to_owned(), (place, value))
        });
        Shape {
            keys: keys.collect(),
            rest: self.shape(rest),
            first: first
                .into_iter()
                .map(|schemas| self.shape(schemas))
                .collect(),
            items: self.shape(items),
        }
    }
}

/// Where a schema stands in memory, which tells it from every other one.
pub(super) fn address<T>(schema: &T) -> usize {
    std::ptr::from_ref(schema) as usize
}
