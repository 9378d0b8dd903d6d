//! JSON schemas as Gemini takes them (wire-protocols §8.1): one unknown keyword makes it refuse the
//! whole request. Recursive and deterministic; meaning that has no keyword moves into
//! `description`. Names of properties are never touched.

use std::collections::HashSet;

use serde_json::{Map, Value};

use crate::capability::SchemaDialect;

/// Deepest schema and most schema objects after inlining; what is beyond is cut to "anything".
const DEPTH_MAX: usize = 48;
const NODES_MAX: usize = 5_000;
/// Most bytes that references are replaced by, all together: one definition may stand in the place
/// of thousands of references. Those beyond are named and not spelt out.
const INLINED_BYTES_MAX: usize = 256 * 1024;

/// Keywords that both languages take as they are.
const PLAIN: [&str; 13] = [
    "title",
    "description",
    "nullable",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "propertyOrdering",
];

/// Keywords that say something to the model; they become words where they are not taken.
const MEANT: [&str; 15] = [
    "default",
    "examples",
    "example",
    "multipleOf",
    "uniqueItems",
    "propertyNames",
    "patternProperties",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "contains",
    "exclusiveMaximum",
];

/// A schema that a Gemini model of that language takes.
pub(super) fn sanitise(schema: &Value, dialect: SchemaDialect) -> Value {
    // References stay only where the wire's form of them is used; else they are inlined.
    let references_stay = dialect == SchemaDialect::JsonSchema && only_defs(schema, 0);
    let mut walker = Walker {
        root: schema,
        json: dialect == SchemaDialect::JsonSchema,
        references_stay,
        open: Vec::new(),
        nodes: 0,
        inlined_bytes: 0,
    };
    walker.schema(schema, 0)
}

struct Walker<'a> {
    root: &'a Value,
    json: bool,
    references_stay: bool,
    /// References that are being inlined: meeting one again is recursion.
    open: Vec<&'a str>,
    nodes: usize,
    /// What was put in the place of references so far.
    inlined_bytes: usize,
}

/// One schema being built.
#[derive(Default)]
struct Out {
    map: Map<String, Value>,
    notes: Vec<String>,
}

/// What is left of so many bytes after a value; `None` if it is larger. Nesting is bounded by the
/// body's.
fn fits_in(value: &Value, left: usize) -> Option<usize> {
    let left = left.checked_sub(8)?;
    match value {
        Value::String(text) => left.checked_sub(text.len()),
        Value::Array(items) => items
            .iter()
            .try_fold(left, |left, item| fits_in(item, left)),
        Value::Object(members) => members.iter().try_fold(left, |left, (key, member)| {
            fits_in(member, left.checked_sub(key.len())?)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(left),
    }
}

impl<'a> Walker<'a> {
    fn schema(&mut self, schema: &'a Value, depth: usize) -> Value {
        self.nodes += 1;
        let Some(object) = schema.as_object() else {
            return Value::Object(Map::new());
        };
        if depth > DEPTH_MAX || self.nodes > NODES_MAX {
            return Value::Object(Map::new());
        }
        if let Some(reference) = object.get("$ref").and_then(Value::as_str)
            && !self.references_stay
        {
            return self.inlined(reference, object, depth);
        }
        let mut out = Out::default();
        self.types(object, &mut out, depth);
        for (key, value) in object {
            self.keyword(key, value, object, &mut out, depth);
        }
        self.finish(out)
    }

    fn keyword(
        &mut self,
        key: &str,
        value: &'a Value,
        object: &'a Map<String, Value>,
        out: &mut Out,
        depth: usize,
    ) {
        match key {
            "$ref" | "$anchor" if self.references_stay => {
                out.map.insert(key.to_owned(), value.clone());
            }
            "$defs" if self.references_stay => {
                let definitions = self.members(value, depth);
                out.map.insert(key.to_owned(), definitions);
            }
            "properties" => {
                let mut one = Map::new();
                one.insert(key.to_owned(), self.members(value, depth));
                absorb(&mut out.map, Value::Object(one));
            }
            "required" => {
                let mut one = Map::new();
                one.insert(key.to_owned(), value.clone());
                absorb(&mut out.map, Value::Object(one));
            }
            "items" => self.items(value, out, depth),
            "prefixItems" => self.tuple(value, out, depth),
            "anyOf" | "oneOf" => self.alternatives(key, value, object, out, depth),
            "allOf" => {
                for part in value.as_array().into_iter().flatten() {
                    let part = self.schema(part, depth + 1);
                    absorb(&mut out.map, part);
                }
            }
            "const" => self.choices(std::slice::from_ref(value), out),
            "enum" => self.choices(value.as_array().map_or(&[], Vec::as_slice), out),
            "format" => self.format(value, out),
            "exclusiveMinimum" | "exclusiveMaximum" => bound(key, value, object, out),
            "additionalProperties" => self.additional(value, out, depth),
            "uniqueItems" | "default" if self.json => {
                out.map.insert(key.to_owned(), value.clone());
            }
            key if PLAIN.contains(&key) => {
                // `allOf` may have put one there; the schema's own word is nearer.
                out.map.insert(key.to_owned(), value.clone());
            }
            key if MEANT.contains(&key) => out.note(key, value),
            // `type` is done; `strict`, `$schema`, `$id`, `$comment` and unknown ones mean nothing
            // to the model.
            _ => {}
        }
    }

    fn inlined(
        &mut self,
        reference: &'a str,
        object: &'a Map<String, Value>,
        depth: usize,
    ) -> Value {
        let found = reference
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(&pointer.replace("%25", "%")));
        let name = reference.rsplit('/').next().unwrap_or_default();
        let mut out = match found {
            Some(found) if !self.open.contains(&reference) && self.affords(found) => {
                self.open.push(reference);
                let inlined = self.schema(found, depth + 1);
                self.open.pop();
                inlined.as_object().cloned().unwrap_or_default()
            }
            _ => {
                let mut cut = Map::new();
                cut.insert("type".into(), self.type_word("object"));
                let why = if self.open.contains(&reference) {
                    format!("Has the shape of the enclosing {name}.")
                } else {
                    format!("Has the shape of {name}.")
                };
                cut.insert("description".into(), why.into());
                cut
            }
        };
        // Words beside a reference speak of this use of it.
        for key in ["title", "description"] {
            if let Some(value) = object.get(key) {
                out.insert(key.into(), value.clone());
            }
        }
        Value::Object(out)
    }

    /// Whether a definition may be put in the place of one more reference.
    fn affords(&mut self, definition: &Value) -> bool {
        let left = INLINED_BYTES_MAX.saturating_sub(self.inlined_bytes);
        let fits = fits_in(definition, left);
        // Once one is too large, none is measured again: measuring is work too.
        self.inlined_bytes = fits.map_or(INLINED_BYTES_MAX, |left| INLINED_BYTES_MAX - left);
        fits.is_some()
    }

    /// A map of names to schemas: the names stay, whatever they are.
    fn members(&mut self, value: &'a Value, depth: usize) -> Value {
        let members = value
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, member)| (name.clone(), self.schema(member, depth + 1)))
            .collect();
        Value::Object(members)
    }

    fn types(&mut self, object: &'a Map<String, Value>, out: &mut Out, depth: usize) {
        match object.get("type") {
            Some(Value::String(word)) => {
                let word = if word == "null" && !self.json {
                    out.map.insert("nullable".into(), true.into());
                    out.notes.push("always null".into());
                    "string"
                } else {
                    word
                };
                out.map.insert("type".into(), self.type_word(word));
            }
            Some(Value::Array(words)) if self.json => {
                out.map.insert("type".into(), Value::Array(words.clone()));
            }
            Some(Value::Array(words)) => self.type_list(words, out),
            _ if self.json || depth > DEPTH_MAX => {}
            _ if object.contains_key("properties") => {
                out.map.insert("type".into(), self.type_word("object"));
            }
            _ if object.contains_key("items") => {
                out.map.insert("type".into(), self.type_word("array"));
            }
            _ => {}
        }
    }

    fn type_list(&self, words: &[Value], out: &mut Out) {
        let mut words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
        if words.contains(&"null") {
            words.retain(|word| *word != "null");
            out.map.insert("nullable".into(), true.into());
        }
        match words.as_slice() {
            [] => {}
            [word] => {
                out.map.insert("type".into(), self.type_word(word));
            }
            // A schema of several types takes no keyword of any of them.
            [..] => {
                let types = words.iter().map(|word| {
                    let mut one = Map::new();
                    one.insert("type".into(), self.type_word(word));
                    Value::Object(one)
                });
                out.map.insert("anyOf".into(), types.collect());
            }
        }
    }

    fn type_word(&self, word: &str) -> Value {
        if self.json {
            word.into()
        } else {
            word.to_ascii_uppercase().into()
        }
    }

    fn items(&mut self, value: &'a Value, out: &mut Out, depth: usize) {
        if value.is_array() {
            return self.tuple(value, out, depth);
        }
        let items = self.schema(value, depth + 1);
        out.map.insert("items".into(), items);
    }

    fn tuple(&mut self, value: &'a Value, out: &mut Out, depth: usize) {
        let items: Vec<Value> = value
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| self.schema(item, depth + 1))
            .collect();
        if self.json {
            out.map.insert("prefixItems".into(), items.into());
            return;
        }
        out.note("items in order", value);
        let mut kinds: Vec<Value> = Vec::new();
        for item in items {
            if !kinds.contains(&item) {
                kinds.push(item);
            }
        }
        let one = match kinds.len() {
            1 => kinds.pop().unwrap_or_default(),
            _ => {
                let mut any = Map::new();
                any.insert("anyOf".into(), kinds.into());
                Value::Object(any)
            }
        };
        out.map.insert("items".into(), one);
    }

    fn alternatives(
        &mut self,
        key: &str,
        value: &'a Value,
        object: &'a Map<String, Value>,
        out: &mut Out,
        depth: usize,
    ) {
        let listed = value.as_array().map_or(&[][..], Vec::as_slice);
        if self.json {
            let branches = listed.iter().map(|branch| self.schema(branch, depth + 1));
            let branches: Value = branches.collect();
            out.map.insert(key.to_owned(), branches);
            return;
        }
        let is_null = |branch: &&Value| branch.get("type").and_then(Value::as_str) == Some("null");
        if listed.iter().any(|branch| is_null(&branch)) {
            out.map.insert("nullable".into(), true.into());
        }
        let mut branches: Vec<Value> = listed
            .iter()
            .filter(|branch| !is_null(branch))
            .map(|branch| self.schema(branch, depth + 1))
            .collect();
        if object.contains_key("properties") || object.contains_key("enum") {
            // Conditions on what stands beside them: `anyOf` may not have such company.
            out.note(key, value);
        } else if branches.len() == 1 {
            let branch = branches.pop().unwrap_or_default();
            absorb(&mut out.map, branch);
        } else if !branches.is_empty() {
            out.map.insert("anyOf".into(), branches.into());
        }
    }

    fn choices(&self, values: &[Value], out: &mut Out) {
        if self.json {
            out.map.insert("enum".into(), values.into());
            return;
        }
        let words: Vec<Value> = values
            .iter()
            .filter(|value| !value.is_null())
            .cloned()
            .collect();
        if words.len() < values.len() {
            out.map.insert("nullable".into(), true.into());
        }
        let is_text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
        let other_type = out
            .map
            .get("type")
            .is_some_and(|word| word.as_str() != Some("STRING"));
        if !words.is_empty() && words.iter().all(is_text) && !other_type {
            out.map
                .entry("type")
                .or_insert_with(|| self.type_word("string"));
            out.map.insert("enum".into(), words.into());
            return;
        }
        let kind = match words.first() {
            Some(Value::Number(number)) if number.is_f64() => Some("number"),
            Some(Value::Number(_)) => Some("integer"),
            Some(Value::Bool(_)) => Some("boolean"),
            Some(Value::String(_)) => Some("string"),
            _ => None,
        };
        if let Some(kind) = kind {
            out.map
                .entry("type")
                .or_insert_with(|| self.type_word(kind));
        }
        out.note("one of", &words.into());
    }

    fn format(&self, value: &Value, out: &mut Out) {
        let known: &[&str] = match out.map.get("type").and_then(Value::as_str) {
            Some("STRING") => &["date-time", "enum"],
            Some("NUMBER") => &["float", "double"],
            Some("INTEGER") => &["int32", "int64"],
            _ => &[],
        };
        if self.json || value.as_str().is_some_and(|word| known.contains(&word)) {
            out.map.insert("format".into(), value.clone());
        } else {
            out.note("format", value);
        }
    }

    fn additional(&mut self, value: &'a Value, out: &mut Out, depth: usize) {
        if self.json {
            let value = match value {
                Value::Bool(_) => value.clone(),
                schema => self.schema(schema, depth + 1),
            };
            out.map.insert("additionalProperties".into(), value);
        } else if value.is_object() {
            out.note("values of any further property", value);
        }
    }

    fn finish(&self, mut out: Out) -> Value {
        self.required(&mut out.map);
        self.nullable(&mut out.map);
        let is_list = out
            .map
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|word| word.eq_ignore_ascii_case("array"));
        // The OpenAPI form has no list of just anything.
        if !self.json && is_list && !out.map.contains_key("items") {
            let mut text = Map::new();
            text.insert("type".into(), self.type_word("string"));
            out.map.insert("items".into(), text.into());
            out.notes.push("items may be of any type".into());
        }
        if !out.notes.is_empty() {
            let said = out.map.get("description").and_then(Value::as_str);
            let notes = out.notes.join("; ");
            let description = match said {
                Some(said) if !said.is_empty() => format!("{said} ({notes})"),
                _ => format!("({notes})"),
            };
            out.map.insert("description".into(), description.into());
        }
        Value::Object(out.map)
    }
}

impl Walker<'_> {
    /// `nullable` is a word of the OpenAPI form; JSON schema has a second type.
    fn nullable(&self, map: &mut Map<String, Value>) {
        if !self.json || map.remove("nullable") != Some(Value::Bool(true)) {
            return;
        }
        if let Some(kind @ Value::String(_)) = map.get_mut("type") {
            *kind = Value::Array(vec![kind.clone(), "null".into()]);
        }
    }

    /// Gemini refuses a required name that is no property.
    fn required(&self, map: &mut Map<String, Value>) {
        let Some(Value::Array(mut names)) = map.remove("required") else {
            return;
        };
        match map.get("properties").and_then(Value::as_object) {
            Some(known) => {
                names.retain(|name| name.as_str().is_some_and(|name| known.contains_key(name)))
            }
            None if self.json => {}
            None => names.clear(),
        }
        if !names.is_empty() {
            map.insert("required".into(), names.into());
        }
    }
}

impl Out {
    fn note(&mut self, key: &str, value: &Value) {
        self.notes.push(format!("{key}: {value}"));
    }
}

/// `exclusiveMinimum: n` of an integer is `minimum: n + 1`. The old boolean form makes `minimum`
/// exclusive.
fn bound(key: &str, value: &Value, object: &Map<String, Value>, out: &mut Out) {
    let (plain, step) = if key == "exclusiveMinimum" {
        ("minimum", 1)
    } else {
        ("maximum", -1)
    };
    let is_integer = object.get("type").and_then(Value::as_str) == Some("integer");
    match value.as_i64().and_then(|limit| limit.checked_add(step)) {
        Some(limit) if is_integer && !object.contains_key(plain) => {
            out.map.insert(plain.into(), limit.into());
        }
        _ if value == &Value::Bool(false) => {}
        _ => out.note(key, value),
    }
}

/// Takes what `from` says into a schema: properties and required names together, the rest anew.
fn absorb(into: &mut Map<String, Value>, from: Value) {
    let Value::Object(from) = from else { return };
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(known)), Value::Object(more)) if key == "properties" => {
                known.extend(more);
            }
            (Some(Value::Array(known)), Value::Array(more)) if key == "required" => {
                let old: HashSet<Value> = known.iter().cloned().collect();
                known.extend(more.into_iter().filter(|name| !old.contains(name)));
            }
            (Some(_), _) if key == "description" || key == "title" => {}
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Whether every reference is of the form that the API documents.
fn only_defs(value: &Value, depth: usize) -> bool {
    match value {
        Value::Object(map) => map.iter().all(|(key, value)| {
            let reference_fits = key != "$ref"
                || value
                    .as_str()
                    .is_none_or(|reference| reference.starts_with("#/$defs/"));
            reference_fits
                && key != "definitions"
                && depth < 2 * DEPTH_MAX
                && only_defs(value, depth + 1)
        }),
        Value::Array(list) => list.iter().all(|value| only_defs(value, depth + 1)),
        _ => true,
    }
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
