//! Cases of the schema sanitiser.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn open_api(schema: &Value) -> Value {
    sanitise(schema, SchemaDialect::OpenApiSubset)
}

fn json_schema(schema: &Value) -> Value {
    sanitise(schema, SchemaDialect::JsonSchema)
}

/// §8.1, `$ref`, both Gemini columns; Vertex AI alike.
#[test]
fn case_17_recursion_is_inlined_once_and_cut() {
    let schema = json!({
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {"type": "object", "properties": {
            "value": {"type": "string"},
            "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}}}}
    });
    assert_eq!(
        open_api(&schema),
        json!({"type": "OBJECT", "properties": {
            "value": {"type": "STRING"},
            "next": {"nullable": true, "type": "OBJECT",
                     "description": "Has the shape of the enclosing Node."}}})
    );
    // JSON Schema models take references as they are.
    assert_eq!(json_schema(&schema)["$ref"], "#/$defs/Node");
    assert_eq!(
        json_schema(&schema)["$defs"]["Node"]["properties"]["next"]["anyOf"][1],
        json!({"type": "null"})
    );
}

/// §8.1: properties that are named like keywords; Vertex AI alike.
#[test]
fn one_long_definition_is_not_put_in_the_place_of_every_reference() {
    let long = "é".repeat(20_000);
    let references: serde_json::Map<String, Value> = (0..2_000)
        .map(|at| (format!("p{at}"), json!({"$ref": "#/$defs/long"})))
        .collect();
    let schema = json!({"type": "object", "properties": references,
        "$defs": {"long": {"type": "string", "description": long}}});
    let sent = open_api(&schema);
    assert_eq!(sent["properties"]["p0"]["description"], long);
    assert_eq!(
        sent["properties"]["p1999"],
        json!({"type": "OBJECT", "description": "Has the shape of long."})
    );
    // Some 40 kB of it in each of 2,000 places would be 80 MB.
    assert!(sent.to_string().len() < 2 * INLINED_BYTES_MAX);
}

#[test]
fn case_17_property_names_are_never_touched() {
    let schema = json!({"type": "object", "strict": true, "additionalProperties": false,
        "properties": {"default": {"type": "string"}, "const": {"type": "integer"},
            "title": {"type": "object", "properties": {"$ref": {"type": "boolean"}}},
            "strict": {"type": "string", "strict": true}},
        "required": ["default", "const", "gone"]});
    for (clean, word) in [
        (open_api(&schema), "STRING"),
        (json_schema(&schema), "string"),
    ] {
        let names: Vec<_> = clean["properties"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["default", "const", "title", "strict"]);
        assert_eq!(clean["properties"]["strict"], json!({"type": word}));
        assert_eq!(clean["required"], json!(["default", "const"]));
        assert!(clean.get("strict").is_none());
    }
}

/// §8.1, keyword by keyword, both Gemini columns; Vertex AI alike.
#[test]
#[expect(clippy::too_many_lines, reason = "one snapshot of one schema")]
fn case_17_const_type_lists_and_bounds() {
    let schema = json!({"type": "object", "properties": {
        "kind": {"const": "circle"},
        "level": {"const": 3},
        "name": {"type": ["string", "null"], "format": "email", "default": "x"},
        "either": {"type": ["string", "integer"]},
        "count": {"type": "integer", "exclusiveMinimum": 2, "exclusiveMaximum": 9},
        "ratio": {"type": "number", "exclusiveMinimum": 0.5},
        "size": {"enum": [1, 2, null]},
        "tags": {"type": "array", "uniqueItems": true},
        "pair": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        "map": {"type": "object", "additionalProperties": {"type": "string"}}}});
    let clean = open_api(&schema);
    insta::assert_json_snapshot!(clean["properties"], @r#"
    {
      "kind": {
        "type": "STRING",
        "enum": [
          "circle"
        ]
      },
      "level": {
        "type": "INTEGER",
        "description": "(one of: [3])"
      },
      "name": {
        "nullable": true,
        "type": "STRING",
        "description": "(format: \"email\"; default: \"x\")"
      },
      "either": {
        "anyOf": [
          {
            "type": "STRING"
          },
          {
            "type": "INTEGER"
          }
        ]
      },
      "count": {
        "type": "INTEGER",
        "minimum": 3,
        "maximum": 8
      },
      "ratio": {
        "type": "NUMBER",
        "description": "(exclusiveMinimum: 0.5)"
      },
      "size": {
        "nullable": true,
        "type": "INTEGER",
        "description": "(one of: [1,2])"
      },
      "tags": {
        "type": "ARRAY",
        "items": {
          "type": "STRING"
        },
        "description": "(uniqueItems: true; items may be of any type)"
      },
      "pair": {
        "type": "ARRAY",
        "items": {
          "anyOf": [
            {
              "type": "STRING"
            },
            {
              "type": "INTEGER"
            }
          ]
        },
        "description": "(items in order: [{\"type\":\"string\"},{\"type\":\"integer\"}])"
      },
      "map": {
        "type": "OBJECT",
        "description": "(values of any further property: {\"type\":\"string\"})"
      }
    }
    "#);
    let rich = json_schema(&schema);
    assert_eq!(rich["properties"]["kind"], json!({"enum": ["circle"]}));
    assert_eq!(
        rich["properties"]["name"]["type"],
        json!(["string", "null"])
    );
    assert_eq!(rich["properties"]["count"]["minimum"], 3);
    assert_eq!(
        rich["properties"]["pair"]["prefixItems"][1],
        json!({"type": "integer"})
    );
}

/// §8.1, type arrays; Vertex AI alike.
#[test]
fn nullable_is_said_in_the_words_of_each_language() {
    let schema = json!({"type": "string", "nullable": true});
    assert_eq!(json_schema(&schema), json!({"type": ["string", "null"]}));
    assert_eq!(
        open_api(&schema),
        json!({"type": "STRING", "nullable": true})
    );
}

/// §8.1, `anyOf`, `oneOf`, `allOf`; Vertex AI alike.
#[test]
fn all_of_is_joined_and_one_of_becomes_any_of() {
    let schema = json!({"allOf": [
            {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
            {"properties": {"b": {"oneOf": [{"type": "string"}, {"type": "integer"}]}},
             "required": ["b"]}],
        "description": "both"});
    assert_eq!(
        open_api(&schema),
        json!({"type": "OBJECT",
            "properties": {"a": {"type": "STRING"},
                "b": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}},
            "required": ["a", "b"], "description": "both"})
    );
}

#[test]
fn a_schema_that_doubles_at_each_level_is_bounded() {
    let mut definitions = serde_json::Map::new();
    for level in 0..40 {
        let next = format!("#/$defs/L{}", level + 1);
        definitions.insert(
            format!("L{level}"),
            json!({"properties": {"a": {"$ref": next}, "b": {"$ref": next}}}),
        );
    }
    let schema = json!({"$ref": "#/$defs/L0", "$defs": definitions});
    assert!(open_api(&schema).to_string().len() < 1_000_000);
}

fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "string"})),
        Just(json!({"const": 1, "$id": "x", "examples": [1]})),
        Just(json!({"type": ["null"], "enum": []})),
        Just(json!({"$ref": "#"})),
        Just(json!(true)),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        (
            prop_oneof![
                Just("items"),
                Just("not"),
                Just("anyOf"),
                Just("allOf"),
                Just("properties"),
                Just("prefixItems"),
                Just("additionalProperties"),
                Just("patternProperties")
            ],
            inner,
        )
            .prop_map(|(key, inner)| match key {
                "anyOf" | "allOf" | "prefixItems" => json!({ key: [inner] }),
                "properties" | "patternProperties" => json!({ key: {"const": inner} }),
                key => json!({ key: inner }),
            })
    })
}

fn keywords(schema: &Value, found: &mut Vec<String>) {
    let Some(map) = schema.as_object() else {
        return;
    };
    for (key, value) in map {
        found.push(key.clone());
        match key.as_str() {
            "properties" => value
                .as_object()
                .into_iter()
                .flatten()
                .for_each(|(_, member)| keywords(member, found)),
            "anyOf" => value
                .as_array()
                .into_iter()
                .flatten()
                .for_each(|member| keywords(member, found)),
            "items" => keywords(value, found),
            _ => {}
        }
    }
}

proptest! {
    #[test]
    fn only_known_keywords_remain(schema in any_schema()) {
        let clean = open_api(&schema);
        let mut found = Vec::new();
        keywords(&clean, &mut found);
        for key in found {
            prop_assert!(
                PLAIN.contains(&key.as_str())
                    || ["type", "enum", "format", "items", "properties", "required", "anyOf"]
                        .contains(&key.as_str()),
                "{key} in {clean}"
            );
        }
    }
}
