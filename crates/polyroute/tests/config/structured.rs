//! `structured_output` of a route: schemas in place and in files, and what is wrong with them.

use polyroute::config::settings::{OutputMode, StructuredOutput};
use serde_json::json;

use crate::cases::{KEYS, findings, settings};

fn read(text: &str) -> StructuredOutput {
    let text = format!("routes:\n  r:\n    targets: [openai/o3]\n    structured_output: {text}\n");
    let settings = settings(&text, KEYS);
    settings
        .route("r")
        .unwrap()
        .structured_output
        .clone()
        .unwrap()
}

/// The findings without their place.
fn wrong(text: &str) -> Vec<String> {
    let text = format!("routes: {{ r: {{ targets: [openai/o3], structured_output: {text} }} }}\n");
    let found = findings(&text, KEYS);
    found
        .iter()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let read = read("{ mode: validate }");
    assert_eq!(
        read,
        StructuredOutput {
            mode: OutputMode::Validate,
            schema: None,
            strict: false,
            callers_own: false,
            repair: false,
        }
    );
}

#[test]
fn a_schema_in_place_is_json_whatever_it_is_written_as() {
    let read = read(
        "\n      mode: canonical\n      caller_schema: allow\n      repair: true\n      strict: true\n      schema:\n        type: object\n        \
         additionalProperties: false\n        required: [b]\n        properties:\n          b: { enum: [1, -2.5, true, null, \
         'true', '1', yes] }\n          a: { type: string, pattern: '^a+$', maxLength: 10 }\n",
    );
    let schema = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["b"],
        "properties": {
            "b": {"enum": [1, -2.5, true, null, "true", "1", "yes"]},
            "a": {"type": "string", "pattern": "^a+$", "maxLength": 10},
        },
    });
    let found = read.schema.unwrap();
    assert_eq!(*found, schema);
    // The order of its keys is the order of the answer's.
    assert_eq!(found.to_string(), schema.to_string());
    assert!(read.callers_own && read.repair && read.strict);
}

#[test]
fn a_schema_may_stand_in_a_file_of_its_own() {
    let path = format!("{}/structured-schema.json", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&path, "{\"type\": \"array\"}").unwrap();
    let found = read(&format!("{{ mode: pass, schema_file: '{path}' }}"));
    assert_eq!(*found.schema.unwrap(), json!({"type": "array"}));
    assert_eq!(
        wrong(&format!(
            "{{ mode: pass, schema_file: '{path}', schema: {{}} }}"
        )),
        [
            "routes.r.structured_output.schema_file: `schema` and `schema_file` exclude each other | remove one of them"
        ]
    );
    std::fs::write(&path, "{\"type\": ").unwrap();
    let found = wrong(&format!("{{ mode: pass, schema_file: '{path}' }}"));
    assert!(found[0].contains("is no JSON"), "{found:?}");
    let found = wrong("{ mode: pass, schema_file: nowhere.json }");
    assert!(
        found[0].contains("`nowhere.json` can't be read"),
        "{found:?}"
    );
}

#[test]
fn what_can_not_be_checked_by_is_found_when_the_configuration_is_read() {
    for (schema, part) in [
        (
            "{ type: 5 }",
            "this is no JSON schema that answers can be checked by",
        ),
        ("[1]", "it is no object"),
        ("{ pattern: '(' }", "this is no JSON schema"),
        (
            "{ $ref: 'https://example.com/x' }",
            "this is no JSON schema",
        ),
    ] {
        let found = wrong(&format!("{{ mode: pass, schema: {schema} }}"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].starts_with("routes.r.structured_output.schema: "),
            "{found:?}"
        );
        assert!(found[0].contains(part), "{found:?}");
    }
    assert_eq!(
        wrong("{ mode: perfect }"),
        [
            "routes.r.structured_output.mode: this is not one of the choices | write `pass` or `validate` or `canonical`"
        ]
    );
    assert_eq!(
        wrong("{ repair: true }"),
        ["routes.r.structured_output: `mode` is missing | add `mode: …` here"]
    );
    for lone in ["strict: true", "caller_schema: allow"] {
        let found = wrong(&format!("{{ mode: pass, {lone} }}"));
        assert!(found[0].contains("there is none"), "{found:?}");
    }
}
