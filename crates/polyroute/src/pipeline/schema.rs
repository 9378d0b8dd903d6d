//! JSON schemas, compiled once and kept for the next request that brings the same one: compiling
//! costs more than all the checking of an answer.

use std::sync::Arc;

use moka::sync::Cache;
use polyroute_wire::structured::{CHECKS_MAX, Order, checks};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Longest schema that is compiled, in bytes of its JSON.
const SCHEMA_BYTES_MAX: usize = 1024 * 1024;
/// Most memory of all compiled schemas together, by [`weight`].
const MEMORY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Steps that one regular expression may take back on one string: about a millisecond.
#[cfg(feature = "structured-output")]
const BACKTRACKS_MAX: usize = 100_000;
/// Memory of one compiled regular expression, in bytes.
#[cfg(feature = "structured-output")]
const PATTERN_BYTES_MAX: usize = 2 * 1024 * 1024;

/// The schemas of recent requests.
#[derive(Debug, Clone)]
pub struct Schemas {
    compiled: Cache<[u8; 32], Arc<Schema>>,
}

impl Schemas {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let compiled = Cache::builder()
            .weigher(|_, schema: &Arc<Schema>| weight(schema.bytes))
            .max_capacity(MEMORY_BYTES_MAX)
            .build();
        Self { compiled }
    }

    /// The compiled form of a schema.
    ///
    /// # Errors
    /// Why it is no schema that answers can be checked by, in words for whoever wrote it.
    pub fn get(&self, schema: &Value) -> Result<Arc<Schema>, String> {
        // The order of its keys is part of a schema: it is the order of the answer's.
        let text = schema.to_string();
        let key: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        if let Some(found) = self.compiled.get(&key) {
            return Ok(found);
        }
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(format!("it is longer than {SCHEMA_BYTES_MAX} bytes"));
        }
        if checks(schema) > CHECKS_MAX {
            return Err(format!(
                "its references and alternatives ask for more than {CHECKS_MAX} checks of one value"
            ));
        }
        let compiled = Arc::new(Schema::compile(schema, text.len())?);
        self.compiled.insert(key, Arc::clone(&compiled));
        Ok(compiled)
    }
}

impl Default for Schemas {
    fn default() -> Self {
        Self::new()
    }
}

/// What a compiled schema may take, in bytes: a node of the validator for every few bytes of text.
fn weight(schema_bytes: usize) -> u32 {
    u32::try_from(schema_bytes.saturating_mul(32).saturating_add(8 * 1024)).unwrap_or(u32::MAX)
}

/// A schema that answers are checked and written by.
#[derive(Debug)]
pub struct Schema {
    /// Length of its JSON.
    bytes: usize,
    order: Order,
    #[cfg(feature = "structured-output")]
    validator: jsonschema::Validator,
}

/// Where and how a value does not fit. It holds no word of the value but its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Misfit {
    /// The place, as a JSON pointer; empty for the top.
    pub(super) at: String,
    /// The keyword of the schema that it breaks.
    pub(super) keyword: String,
    /// The same in words, for the model that wrote it.
    pub(super) words: String,
}

impl Schema {
    /// The order that it gives to keys.
    pub(super) const fn order(&self) -> &Order {
        &self.order
    }
}

#[cfg(feature = "structured-output")]
impl Schema {
    fn compile(schema: &Value, bytes: usize) -> Result<Self, String> {
        let patterns = jsonschema::PatternOptions::fancy_regex()
            .backtrack_limit(BACKTRACKS_MAX)
            .size_limit(PATTERN_BYTES_MAX)
            .dfa_size_limit(PATTERN_BYTES_MAX);
        let validator = jsonschema::options()
            .with_pattern_options(patterns)
            .build(schema)
            .map_err(|error| error.masked().to_string())?;
        Ok(Self {
            bytes,
            order: Order::new(schema),
            validator,
        })
    }

    /// Whether a value fits.
    ///
    /// # Errors
    /// The first place where it does not.
    pub(super) fn fits(&self, value: &Value) -> Result<(), Misfit> {
        self.validator.validate(value).map_err(|error| Misfit {
            at: error.instance_path().to_string(),
            keyword: error.kind().keyword().to_owned(),
            words: error.masked().to_string(),
        })
    }
}

#[cfg(not(feature = "structured-output"))]
impl Schema {
    fn compile(schema: &Value, bytes: usize) -> Result<Self, String> {
        Ok(Self {
            bytes,
            order: Order::new(schema),
        })
    }

    /// Everything fits: this build has no validator, and takes no route that asks for one.
    pub(super) fn fits(&self, _: &Value) -> Result<(), Misfit> {
        Ok(())
    }
}

#[cfg(feature = "structured-output")]
#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_compiled_once_and_its_order_of_keys_is_part_of_it() {
        let schemas = Schemas::new();
        let one = schemas
            .get(&json!({"properties": {"a": {}, "b": {}}}))
            .unwrap();
        let again = schemas
            .get(&json!({"properties": {"a": {}, "b": {}}}))
            .unwrap();
        let turned = schemas
            .get(&json!({"properties": {"b": {}, "a": {}}}))
            .unwrap();
        assert!(Arc::ptr_eq(&one, &again));
        assert!(!Arc::ptr_eq(&one, &turned));
    }

    #[test]
    fn what_is_no_schema_is_said_and_nothing_is_fetched() {
        let schemas = Schemas::new();
        for schema in [
            json!({"type": 12}),
            json!({"$ref": "https://example.com/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"pattern": "("}),
            doubling(40),
            json!({"description": "x".repeat(SCHEMA_BYTES_MAX)}),
        ] {
            assert!(schemas.get(&schema).is_err(), "{schema}");
        }
    }

    #[test]
    fn a_misfit_names_the_place_and_not_the_value() {
        let schema = Schemas::new()
            .get(&json!({"properties": {"a": {"items": {"type": "integer"}}}}))
            .unwrap();
        let misfit = schema.fits(&json!({"a": [1, "secret"]})).unwrap_err();
        assert_eq!(
            (misfit.at.as_str(), misfit.keyword.as_str()),
            ("/a/1", "type")
        );
        assert!(!misfit.words.contains("secret"), "{}", misfit.words);
    }

    /// Each schema of a chain names the next one twice: as many checks as grains of rice.
    fn doubling(length: usize) -> Value {
        let next = |at: usize| json!({"$ref": format!("#/$defs/{at}")});
        let defs = (0..length)
            .map(|at| {
                (
                    at.to_string(),
                    json!({"anyOf": [next(at + 1), next(at + 1)]}),
                )
            })
            .chain([(length.to_string(), json!({"type": "string"}))]);
        json!({"$ref": "#/$defs/0", "$defs": defs.collect::<Value>()})
    }

    #[test]
    fn a_schema_that_refers_to_itself_comes_to_an_end() {
        let schemas = Schemas::new();
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!({"a": [deep]});
        }
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}}),
            json!({"properties": {"a": {"items": {"$ref": "#"}}}}),
        ] {
            if let Ok(schema) = schemas.get(&schema) {
                let _ = schema.fits(&deep);
            }
        }
    }

    #[test]
    fn a_pattern_that_backtracks_without_end_comes_to_one() {
        let schema = Schemas::new()
            .get(&json!({"pattern": "^(?=(a+)+$)(a|aa)+\\1b$"}))
            .unwrap();
        let started = std::time::Instant::now();
        let misfit = schema.fits(&json!("a".repeat(5_000))).unwrap_err();
        assert!(misfit.words.contains("limit"), "{}", misfit.words);
        // Without the limit this takes longer than anybody would wait.
        assert!(started.elapsed().as_secs() < 20);
    }
}
