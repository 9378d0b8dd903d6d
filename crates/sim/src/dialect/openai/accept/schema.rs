//! The JSON schemas that OpenAI takes: a few rules for every function, many for `strict`.

use serde_json::{Map, Value};

/// Keywords that strict mode refuses wherever they stand.
const BANNED: [&str; 14] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentRequired",
    "dependentSchemas",
    "patternProperties",
    "propertyNames",
    "unevaluatedProperties",
    "unevaluatedItems",
    "uniqueItems",
    "contains",
];
const FORMATS: [&str; 9] = [
    "date-time",
    "time",
    "date",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
];
const DEPTH_MAX: usize = 100;

/// Checks a schema; the error is the tail of the API's message.
///
/// # Errors
/// The first broken rule with its context, as `In context=('properties', 'x'), …`.
pub(in crate::dialect::openai) fn check(schema: &Value, strict: bool) -> Result<(), String> {
    let Some(root) = schema.as_object() else {
        return Ok(());
    };
    if strict && root.contains_key("anyOf") {
        return Err(
            "schema must have type 'object' and not have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at \
             the top level."
                .to_owned(),
        );
    }
    let is_object = root.get("type").and_then(Value::as_str) == Some("object");
    if !is_object && !root.contains_key("$ref") {
        let got = match root.get("type") {
            Some(Value::String(word)) => word.clone(),
            Some(other) => other.to_string(),
            None => "None".to_owned(),
        };
        return Err(format!(
            "schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{got}\"'."
        ));
    }
    let mut walk = Walk {
        root,
        strict,
        context: Vec::new(),
    };
    walk.node(schema)
}

struct Walk<'a> {
    root: &'a Map<String, Value>,
    strict: bool,
    context: Vec<String>,
}

impl Walk<'_> {
    fn fail<T>(&self, rule: &str) -> Result<T, String> {
        let steps: Vec<String> = self
            .context
            .iter()
            .map(|step| format!("'{step}'"))
            .collect();
        // Python's tuple notation, in which the API prints it.
        let comma = if steps.len() == 1 { "," } else { "" };
        Err(format!("In context=({}{comma}), {rule}", steps.join(", ")))
    }

    fn within(&mut self, steps: &[&str], schema: &Value) -> Result<(), String> {
        let depth = self.context.len();
        self.context
            .extend(steps.iter().map(|step| (*step).to_owned()));
        self.node(schema)?;
        self.context.truncate(depth);
        Ok(())
    }

    fn node(&mut self, schema: &Value) -> Result<(), String> {
        let Some(node) = schema.as_object() else {
            return Ok(());
        };
        if self.context.len() > DEPTH_MAX {
            return self.fail("schema is nested too deeply.");
        }
        if self.strict {
            self.keywords(node)?;
        }
        let types = types(node);
        if types.contains(&"array") && !node.contains_key("items") {
            return self.fail("array schema missing items.");
        }
        if types.contains(&"object") {
            self.object(node)?;
        }
        self.children(node)
    }

    fn keywords(&self, node: &Map<String, Value>) -> Result<(), String> {
        if let Some(word) = BANNED.iter().find(|word| node.contains_key(**word)) {
            return self.fail(&format!("'{word}' is not permitted."));
        }
        if let Some(target) = node.get("$ref").and_then(Value::as_str) {
            let known = target == "#"
                || ["#/$defs/", "#/definitions/"].iter().any(|prefix| {
                    let pool = prefix.trim_start_matches("#/").trim_end_matches('/');
                    let name = target.strip_prefix(prefix);
                    let defined = self.root.get(pool).and_then(Value::as_object);
                    name.zip(defined).is_some_and(|(name, defined)| {
                        defined.contains_key(name.split('/').next().unwrap_or_default())
                    })
                });
            if !known {
                return self.fail(
                    "reference can only point to definitions defined at the top level of the \
                     schema.",
                );
            }
            return Ok(());
        }
        let described = ["type", "anyOf", "enum", "const"]
            .iter()
            .any(|key| node.contains_key(*key));
        if !described {
            return self.fail("schema must have a 'type' key.");
        }
        match node.get("format").and_then(Value::as_str) {
            Some(format) if !FORMATS.contains(&format) => {
                self.fail(&format!("'{format}' is not a valid format."))
            }
            _ => Ok(()),
        }
    }

    fn object(&self, node: &Map<String, Value>) -> Result<(), String> {
        let properties = node.get("properties").and_then(Value::as_object);
        if properties.is_none() && self.context.is_empty() && !self.strict {
            return self.fail("object schema missing properties.");
        }
        if !self.strict {
            return Ok(());
        }
        if node.get("additionalProperties") != Some(&Value::Bool(false)) {
            return self.fail("'additionalProperties' is required to be supplied and to be false.");
        }
        let required: Vec<&str> = node
            .get("required")
            .and_then(Value::as_array)
            .map(|keys| keys.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut keys = properties.into_iter().flat_map(Map::keys);
        if let Some(key) = keys.find(|key| !required.contains(&key.as_str())) {
            return self.fail(&format!(
                "'required' is required to be supplied and to be an array including every key in \
                 properties. Missing '{key}'."
            ));
        }
        let extra = |key: &&&str| !properties.is_some_and(|known| known.contains_key(**key));
        match required.iter().find(extra) {
            Some(key) => self.fail(&format!("Extra required key '{key}' supplied.")),
            None => Ok(()),
        }
    }

    fn children(&mut self, node: &Map<String, Value>) -> Result<(), String> {
        for pool in ["properties", "$defs", "definitions"] {
            let Some(members) = node.get(pool).and_then(Value::as_object) else {
                continue;
            };
            for (name, member) in members {
                self.within(&[pool, name], member)?;
            }
        }
        if let Some(items) = node.get("items") {
            self.within(&["items"], items)?;
        }
        let options = node.get("anyOf").and_then(Value::as_array);
        for (index, option) in options.into_iter().flatten().enumerate() {
            self.within(&["anyOf", &index.to_string()], option)?;
        }
        Ok(())
    }
}

fn types(node: &Map<String, Value>) -> Vec<&str> {
    match node.get("type") {
        Some(Value::String(word)) => vec![word.as_str()],
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}
