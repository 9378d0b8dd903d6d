//! What the JSON schema of a tool holds. Providers render it anew in the prompt (OpenAI as
//! TypeScript, others as JSON or XML), each with other parts of it: counted apart here.

use super::scan::{Form, Milli, units};

/// A value that is no string: `true`, `5`.
const SCALAR: Milli = 1_000;

/// The parts of a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SchemaUnits {
    /// Names of properties, descriptions and values: what every provider shows the model.
    pub(super) free: Milli,
    /// Titles and the list of required properties, which repeat names.
    pub(super) repeated: Milli,
    /// Keywords such as `type` and `properties`, types twice.
    pub(super) keywords: u64,
    /// Properties.
    pub(super) properties: u64,
    /// Properties that must be given.
    pub(super) required: u64,
    /// Descriptions.
    pub(super) described: u64,
    /// Objects inside of others, and references to such.
    pub(super) nested: u64,
}

impl SchemaUnits {
    /// Properties that need not be given.
    pub(super) const fn optional(&self) -> u64 {
        self.properties.saturating_sub(self.required)
    }

    pub(super) const fn add(&mut self, other: Self) {
        self.free = self.free.saturating_add(other.free);
        self.repeated = self.repeated.saturating_add(other.repeated);
        self.keywords = self.keywords.saturating_add(other.keywords);
        self.properties = self.properties.saturating_add(other.properties);
        self.required = self.required.saturating_add(other.required);
        self.described = self.described.saturating_add(other.described);
        self.nested = self.nested.saturating_add(other.nested);
    }
}

/// Where the scan is.
#[derive(Default)]
struct Place {
    found: SchemaUnits,
    /// One bit for each object or list that is open, the innermost last: its keys are names.
    names: u128,
    key: Key,
}

/// The last key, as far as it says what its value is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Key {
    /// Its value is an object whose keys are names.
    Names,
    /// Its value repeats names.
    Repeats,
    /// Its value lists names of properties.
    Required,
    /// Its value is one of few words, counted with the keyword.
    Type,
    #[default]
    Other,
}

/// The parts of a schema by its JSON text, in one pass. What is no JSON gives some count, too.
pub(super) fn schema_units(text: &str) -> SchemaUnits {
    let mut place = Place::default();
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        match byte {
            b'"' => {
                let end = end_of_string(tail);
                let (string, after) = tail.split_at_checked(end).unwrap_or((tail, &[]));
                rest = after.get(1..).unwrap_or_default();
                let is_key = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
                place.string(string, is_key);
            }
            b'{' | b'[' => {
                let are_names = *byte == b'{' && place.key == Key::Names;
                place.names = place.names << 1 | u128::from(are_names);
                if *byte == b'{' {
                    place.key = Key::Other;
                }
            }
            b'}' | b']' => {
                place.names >>= 1;
                place.key = Key::Other;
            }
            b'0'..=b'9' | b'a'..=b'z' | b'-' => {
                let end = tail
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}' | b']'))
                    .unwrap_or(tail.len());
                rest = tail.get(end..).unwrap_or_default();
                place.value(SCALAR);
            }
            _ => {}
        }
    }
    place.found
}

/// Bytes up to the quote that ends a string.
fn end_of_string(text: &[u8]) -> usize {
    let mut is_escaped = false;
    let end = text.iter().position(|byte| match byte {
        _ if is_escaped => {
            is_escaped = false;
            false
        }
        b'\\' => {
            is_escaped = true;
            false
        }
        byte => *byte == b'"',
    });
    end.unwrap_or(text.len())
}

impl Place {
    fn string(&mut self, string: &[u8], is_key: bool) {
        if !is_key {
            return self.value(units(string, Form::Escaped));
        }
        if self.names & 1 == 1 {
            self.found.free += units(string, Form::Escaped);
            self.found.properties += 1;
            self.key = Key::Other;
            return;
        }
        self.found.keywords += if string == b"type" { 2 } else { 1 };
        if string == b"$ref" || (string == b"properties" && self.names >> 1 != 0) {
            self.found.nested += 1;
        }
        self.found.described += u64::from(string == b"description");
        self.key = match string {
            b"properties" | b"$defs" | b"definitions" => Key::Names,
            b"title" => Key::Repeats,
            b"required" => Key::Required,
            b"type" => Key::Type,
            _ => Key::Other,
        };
    }

    fn value(&mut self, milli: Milli) {
        match self.key {
            Key::Repeats => self.found.repeated += milli,
            Key::Required => {
                self.found.repeated += milli;
                self.found.required += 1;
            }
            Key::Type => {}
            Key::Names | Key::Other => self.found.free += milli,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_keywords_are_told_apart() {
        let schema = r#"{"type": "object", "title": "Args", "properties": {
            "title": {"type": "string", "description": "What \"it\" is called"},
            "type": {"enum": ["a", "b"], "default": null}},
            "required": ["title", "type"], "additionalProperties": false}"#;
        let found = schema_units(schema);
        // type (twice each), title, properties, description, enum, default, required,
        // additionalProperties.
        assert_eq!(found.keywords, 2 + 1 + 1 + 2 + 1 + 1 + 1 + 1 + 1);
        assert_eq!(found.repeated, 3_000);
        assert_eq!(
            (found.properties, found.required, found.described),
            (2, 2, 1)
        );
        assert_eq!((found.optional(), found.nested), (0, 0));
        let described = units(br#"What \"it\" is called"#, Form::Escaped);
        // Two names, two values of the enum, null and false.
        assert_eq!(found.free, 2_000 + described + 2_000 + 2 * SCALAR);
    }

    #[test]
    fn objects_inside_of_others_and_references_are_nested() {
        let schema = r##"{"properties": {
            "a": {"type": "object", "properties": {"b": {"type": "string"}}},
            "properties": {"type": "array", "items": {"$ref": "#/$defs/C"}}},
            "required": ["a"], "$defs": {"C": {"properties": {}}}}"##;
        let found = schema_units(schema);
        // That of `a`, the reference and `C`. A definition is counted as a property.
        assert_eq!((found.nested, found.properties), (3, 4));
        assert_eq!(found.optional(), 3);
    }

    #[test]
    fn an_object_behind_another_is_no_list_of_names() {
        let schema = r#"{"anyOf": [{"properties": {}}, {"type": "null"}]}"#;
        let found = schema_units(schema);
        assert_eq!((found.keywords, found.free), (4, 0));
    }

    proptest! {
        #[test]
        fn any_text_is_scanned(text in ".{0,200}", json in "[\\[\\]{}\":,a-z\\\\ ]{0,80}") {
            schema_units(&text);
            schema_units(&json);
        }
    }
}
