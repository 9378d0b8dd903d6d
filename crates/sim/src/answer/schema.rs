//! Makes a JSON value that fits a JSON schema.
//!
//! Covers what tools and structured outputs use: types (lower or upper case), type lists, `enum`,
//! `const`, nested objects, arrays, `$ref`, `anyOf`/`oneOf`/`allOf`, bounds and common formats.
//! `pattern` is not solved. A schema that can't be read gives `{}`.

use serde_json::{Map, Value, json};

use crate::seed::Dice;

/// Below this depth only what a schema requires is made, so recursion ends.
const DEPTH_FULL: u32 = 5;
/// Below this depth nothing more is made at all.
const DEPTH_MAX: u32 = 24;

/// A value for this schema. `topic` is text that strings may draw on.
pub fn instance(schema: &Value, topic: &str, dice: &mut Dice) -> Value {
    Maker {
        root: schema,
        topic,
        dice,
    }
    .make(schema, "", 0)
}

struct Maker<'a> {
    root: &'a Value,
    topic: &'a str,
    dice: &'a mut Dice,
}

impl Maker<'_> {
    fn make(&mut self, schema: &Value, name: &str, depth: u32) -> Value {
        if depth > DEPTH_MAX {
            return Value::Null;
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
            let found = target
                .strip_prefix('#')
                .and_then(|path| self.root.pointer(path));
            return match found.cloned() {
                Some(found) => self.make(&found, name, depth + 1),
                None => json!({}),
            };
        }
        if let Some(fixed) = schema.get("const") {
            return fixed.clone();
        }
        if let Some(Value::Array(values)) = schema.get("enum") {
            return self.dice.pick(values);
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(Value::Array(options)) = schema.get(key) {
                return self.one_of(options, name, depth);
            }
        }
        if let Some(Value::Array(parts)) = schema.get("allOf") {
            return self.all_of(schema, parts, name, depth);
        }
        self.by_type(schema, name, depth)
    }

    fn by_type(&mut self, schema: &Value, name: &str, depth: u32) -> Value {
        match kind(schema).as_str() {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, name, depth),
            "integer" => self.number(schema, true),
            "number" => self.number(schema, false),
            "boolean" => Value::Bool(self.dice.below(2) == 1),
            "null" => Value::Null,
            _ => Value::String(self.string(schema, name)),
        }
    }

    fn one_of(&mut self, options: &[Value], name: &str, depth: u32) -> Value {
        let null = options.iter().any(|option| kind(option) == "null");
        if null && depth >= DEPTH_FULL {
            return Value::Null;
        }
        let solid: Vec<Value> = options
            .iter()
            .filter(|option| kind(option) != "null")
            .cloned()
            .collect();
        let chosen = if depth >= DEPTH_FULL {
            // Deep down the plainest option ends a recursion.
            solid
                .iter()
                .find(|option| option.get("$ref").is_none())
                .cloned()
                .unwrap_or_default()
        } else {
            self.dice.pick(&solid)
        };
        self.make(&chosen, name, depth + 1)
    }

    fn all_of(&mut self, schema: &Value, parts: &[Value], name: &str, depth: u32) -> Value {
        let mut merged = Map::new();
        let own = schema.get("properties").map(|_| self.object(schema, depth));
        for made in parts
            .iter()
            .map(|part| self.make(part, name, depth + 1))
            .chain(own)
        {
            match made {
                Value::Object(members) => merged.extend(members),
                plain => return plain,
            }
        }
        Value::Object(merged)
    }

    fn object(&mut self, schema: &Value, depth: u32) -> Value {
        let required: Vec<&str> = match schema.get("required") {
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let mut made = Map::new();
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                if depth < DEPTH_FULL || required.contains(&name.as_str()) {
                    made.insert(name.clone(), self.make(property, name, depth + 1));
                }
            }
        }
        let wanted = schema
            .get("minProperties")
            .and_then(Value::as_u64)
            .unwrap_or(0)
            .min(100);
        let filler = schema
            .get("additionalProperties")
            .filter(|extra| extra.is_object())
            .cloned();
        let at_least = if made.is_empty() && filler.is_some() {
            wanted.max(1)
        } else {
            wanted
        };
        let filler = filler.unwrap_or_else(|| json!({"type": "string"}));
        for at in 0..at_least {
            if (made.len() as u64) < at_least {
                let name = format!("key_{at}");
                let value = self.make(&filler, &name, depth + 1);
                made.insert(name, value);
            }
        }
        for name in required {
            if !made.contains_key(name) {
                made.insert(
                    name.to_owned(),
                    Value::String(self.string(&json!({}), name)),
                );
            }
        }
        Value::Object(made)
    }

    fn array(&mut self, schema: &Value, name: &str, depth: u32) -> Value {
        let mut made = Vec::new();
        if let Some(Value::Array(fixed)) = schema.get("prefixItems") {
            for item in fixed {
                made.push(self.make(item, name, depth + 1));
            }
        }
        let least = schema.get("minItems").and_then(bound).unwrap_or(0);
        let most = schema.get("maxItems").and_then(bound).unwrap_or(u64::MAX);
        let usual = if depth < DEPTH_FULL {
            1 + self.dice.below(2)
        } else {
            0
        };
        let wanted = usual.max(least).min(most).min(1_000);
        let item = match schema.get("items") {
            Some(item @ Value::Object(_)) => item.clone(),
            _ => json!({"type": "string"}),
        };
        while (made.len() as u64) < wanted {
            made.push(self.make(&item, name, depth + 1));
        }
        Value::Array(made)
    }

    fn number(&mut self, schema: &Value, whole: bool) -> Value {
        let at = |key: &str| schema.get(key).and_then(Value::as_f64);
        let step = at("multipleOf").filter(|step| *step > 0.0);
        let above =
            at("exclusiveMinimum").map(|low| if whole { low.floor() + 1.0 } else { low + 0.5 });
        let below =
            at("exclusiveMaximum").map(|high| if whole { high.ceil() - 1.0 } else { high - 0.5 });
        let low = at("minimum")
            .into_iter()
            .chain(above)
            .fold(f64::NEG_INFINITY, f64::max);
        let high = at("maximum")
            .into_iter()
            .chain(below)
            .fold(f64::INFINITY, f64::min);
        let mut value = 1.0 + self.dice.below(40) as f64;
        if !whole {
            value += 0.5;
        }
        if low.is_finite() && value < low {
            value = low;
        }
        if value > high {
            value = if low.is_finite() { low } else { high };
        }
        if let Some(step) = step {
            value = (value / step).ceil() * step;
            if value > high {
                value = (high / step).floor() * step;
            }
        }
        if whole {
            json!(value.ceil() as i64)
        } else {
            json!(value)
        }
    }

    fn string(&mut self, schema: &Value, name: &str) -> String {
        let format = schema.get("format").and_then(Value::as_str).unwrap_or("");
        let mut made = match format {
            "date-time" => "2026-11-21T12:00:00Z".to_owned(),
            "date" => "2026-11-21".to_owned(),
            "time" => "12:00:00Z".to_owned(),
            "duration" => "PT1H".to_owned(),
            "email" => "someone@example.com".to_owned(),
            "hostname" => "example.com".to_owned(),
            "uri" | "url" => "https://example.com/".to_owned(),
            "ipv4" => "192.0.2.1".to_owned(),
            "ipv6" => "2001:db8::1".to_owned(),
            "uuid" => "0b9f1c52-6f6d-4a3e-8f7e-2d1a5c3b9e70".to_owned(),
            _ => self.word(name),
        };
        let least = schema
            .get("minLength")
            .and_then(bound)
            .unwrap_or(0)
            .min(100_000);
        while (made.chars().count() as u64) < least {
            made.push('x');
        }
        match schema.get("maxLength").and_then(bound).map(usize::try_from) {
            Some(Ok(most)) => made.chars().take(most).collect(),
            _ => made,
        }
    }

    /// A word that suits a property of this name.
    fn word(&mut self, name: &str) -> String {
        const WORDS: &[&str] = &["amber", "birch", "cedar", "delta", "ember", "fjord"];
        let name = name.to_ascii_lowercase();
        if ["city", "location", "place", "town"]
            .iter()
            .any(|cue| name.contains(cue))
        {
            return place(self.topic).unwrap_or_else(|| "Paris".to_owned());
        }
        if ["query", "question", "text", "prompt", "message"]
            .iter()
            .any(|cue| name.contains(cue))
        {
            return self.topic.chars().take(120).collect();
        }
        self.dice.pick(WORDS).to_owned()
    }
}

/// The capitalised words after "in", "for" or "at".
fn place(text: &str) -> Option<String> {
    let mut words = text
        .split_whitespace()
        .skip_while(|word| !matches!(*word, "in" | "for" | "at"));
    words.next()?;
    let named: Vec<&str> = words
        .map(|word| word.trim_end_matches(|sign: char| !sign.is_alphanumeric()))
        .take_while(|word| word.chars().next().is_some_and(char::is_uppercase))
        .collect();
    if named.is_empty() {
        None
    } else {
        Some(named.join(" "))
    }
}

/// A bound as a number or, as Gemini's int64 has it, a string.
fn bound(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The first type that is not null, in lower case; "object" where only properties say so.
fn kind(schema: &Value) -> String {
    let named = match schema.get("type") {
        Some(Value::String(kind)) => Some(kind.as_str()),
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds
                .clone()
                .find(|kind| *kind != "null")
                .or_else(|| kinds.next())
        }
        _ => None,
    };
    match named {
        Some(kind) => kind.to_ascii_lowercase(),
        None if schema.get("items").is_some() || schema.get("prefixItems").is_some() => {
            "array".into()
        }
        None if schema.as_object().is_some_and(|schema| schema.is_empty()) => "string".into(),
        None => "object".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(schema: Value) -> Value {
        instance(
            &schema,
            "What is the weather in New York?",
            &mut Dice::new(5, &[]),
        )
    }

    #[test]
    fn nested_objects_arrays_and_places() {
        let value = made(
            json!({"type": "object", "required": ["city", "days"], "properties": {
            "city": {"type": "string"},
            "days": {"type": "array", "minItems": 3, "items": {"type": "integer", "minimum": 50}},
            "unit": {"type": ["string", "null"], "enum": ["c"]},
            "deep": {"properties": {"const": {"const": 7}}}}}),
        );
        assert_eq!(value["city"], "New York");
        assert_eq!(value["days"], json!([50, 50, 50]));
        assert_eq!(value["unit"], "c");
        assert_eq!(value["deep"], json!({"const": 7}));
    }

    #[test]
    fn recursive_reference_ends() {
        let value = made(
            json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object",
            "required": ["name"], "properties": {"name": {"type": "string"},
            "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}}}),
        );
        assert!(value["name"].is_string());
        assert!(value.to_string().contains("null"));
    }

    #[test]
    fn endless_required_recursion_ends_too() {
        let value = made(json!({"type": "object", "required": ["me"],
            "properties": {"me": {"$ref": "#"}}}));
        assert!(value.is_object());
    }

    #[test]
    fn bounds_are_kept() {
        let value = made(json!({"type": "OBJECT", "properties": {
            "a": {"type": "INTEGER", "minimum": 3, "maximum": 4},
            "b": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "c": {"type": "integer", "multipleOf": 7},
            "d": {"type": "string", "minLength": 40},
            "e": {"type": "string", "maxLength": "2"},
            "f": {"type": "array", "maxItems": 0, "items": {"type": "string"}}}}));
        assert!([3, 4].contains(&value["a"].as_i64().unwrap()), "{value}");
        assert!(
            (0.0..=1.0).contains(&value["b"].as_f64().unwrap()),
            "{value}"
        );
        assert_eq!(value["c"].as_i64().unwrap() % 7, 0);
        assert_eq!(value["d"].as_str().unwrap().len(), 40);
        assert_eq!(value["e"].as_str().unwrap().len(), 2);
        assert_eq!(value["f"], json!([]));
    }

    #[test]
    fn unreadable_schemas_do_no_harm() {
        for schema in [
            json!(null),
            json!(true),
            json!({"$ref": "#/nowhere"}),
            json!({"enum": []}),
        ] {
            made(schema);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_json_as_schema_ends(text in "[\\[\\]{}:,\"a-z0-9]{0,80}", seed in 0_u64..50) {
            if let Ok(schema) = serde_json::from_str(&text) {
                instance(&schema, "topic", &mut Dice::new(seed, &[]));
            }
        }

        #[test]
        fn integers_keep_their_bounds(low in -1_000_i64..1_000, span in 0_i64..50, seed in 0_u64..50) {
            let schema = json!({"type": "integer", "minimum": low, "maximum": low + span});
            let value = instance(&schema, "", &mut Dice::new(seed, &[])).as_i64().unwrap();
            proptest::prop_assert!((low..=low + span).contains(&value));
        }
    }
}
