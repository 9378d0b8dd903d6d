//! JSON answers as each vendor takes the request for them (wire-protocols §8).

use serde_json::{Value, json};

use super::{FILES, Sent, request, sent_to, target};
use crate::adapter::Target;
use crate::capability::{Capabilities, JsonSchemaSupport, Reasoning};

fn ask(target: &Target, format: &Value, more: &Value) -> Sent {
    let mut members = json!({ "response_format": format });
    let all = members.as_object_mut().unwrap();
    all.extend(more.as_object().unwrap().clone());
    sent_to(target, &request(&members)).unwrap()
}

fn strict(schema: &Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": schema}})
}

/// A strict schema as Groq gets it, and what the answer is checked against.
fn at_groq(schema: &Value) -> Sent {
    ask(&target("groq"), &strict(schema), &json!({}))
}

/// One key of the schema, given and sent.
fn property(given: &Value) -> (Value, bool) {
    let schema = json!({"type": "object", "properties": {"a": given}, "required": ["a"]});
    let sent = at_groq(&schema);
    let named = &sent.body["response_format"]["json_schema"];
    assert_eq!(named["strict"], true, "{given}");
    if let Some(checked) = &sent.checked {
        assert_eq!(checked, &schema);
    }
    (
        named["schema"]["properties"]["a"].clone(),
        sent.checked.is_some(),
    )
}

/// Every row of §8.1's column for Groq. What the schema says and Groq does not enforce is told to
/// the model and checked on the answer.
#[test]
fn section_8_1_groq_each_keyword() {
    for (given, wanted) in [
        (json!({"const": "x"}), json!({"const": "x"})),
        (
            json!({"enum": ["a", 1, null]}),
            json!({"enum": ["a", 1, null]}),
        ),
        (
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ),
        (
            json!({"oneOf": [{"type": "string"}, {"type": "null"}]}),
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ),
        (
            json!({"type": ["string", "null"]}),
            json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        ),
        (
            json!({"type": "string", "format": "date-time", "title": "T", "default": "d"}),
            json!({"type": "string", "format": "date-time", "title": "T", "default": "d"}),
        ),
        (
            json!({"type": "string", "$schema": "s", "$id": "i", "strict": true}),
            json!({"type": "string"}),
        ),
        (json!({"$ref": "#/$defs/b"}), json!({"$ref": "#/$defs/b"})),
    ] {
        assert_eq!(property(&given), (wanted, false), "{given}");
    }
    for (key, value) in [
        ("format", json!("iban")),
        ("exclusiveMinimum", json!(1)),
        ("multipleOf", json!(2)),
        ("not", json!({"type": "null"})),
        ("if", json!({"const": 1})),
        ("uniqueItems", json!(true)),
        ("propertyNames", json!({"pattern": "a"})),
        ("patternProperties", json!({"a": {}})),
        ("dependentRequired", json!({"a": ["b"]})),
        ("examples", json!([1])),
        ("minimum", json!(1)),
        ("pattern", json!("a")),
        ("maxItems", json!(3)),
    ] {
        let (sent, checked) = property(&json!({"type": "string", key: value}));
        assert!(sent.get(key).is_none() && checked, "{key}: {sent}");
        let told = sent["description"].as_str().unwrap();
        assert!(told.starts_with(&format!("({key}: ")), "{told}");
    }
    // A property that is named like a keyword is none.
    let named = json!({"type": "object", "required": ["not", "format"], "properties": {
        "not": {"type": "string"}, "format": {"type": "string"}}});
    let sent = at_groq(&named);
    let schema = &sent.body["response_format"]["json_schema"]["schema"];
    assert_eq!(schema["properties"], named["properties"]);
    assert!(sent.checked.is_none() && sent.changed.is_empty());
}

#[test]
fn section_8_1_groq_objects_are_closed_at_every_depth() {
    let open = json!({"type": "object", "required": ["a", "b"], "properties": {
        "a": {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]},
        "b": {"type": "array", "items": {"$ref": "#/$defs/c"}}},
        "$defs": {"c": {"type": "object", "properties": {"y": {"type": "null"}}, "required": ["y"]}}});
    let sent = at_groq(&open);
    let named = &sent.body["response_format"]["json_schema"];
    assert_eq!(named["strict"], true);
    for place in ["", "/properties/a", "/$defs/c"] {
        let object = named["schema"].pointer(place).unwrap();
        assert_eq!(object["additionalProperties"], false, "{place}");
    }
    assert!(sent.changed.is_empty() && sent.checked.is_none());
}

/// Where closing would take away what the schema allows, Groq is not asked to enforce it.
#[test]
fn section_8_1_groq_schemas_that_can_not_be_closed_are_checked_here() {
    let leaf = json!({"type": "string"});
    for schema in [
        // An optional key would have to be there.
        json!({"type": "object", "properties": {"a": leaf, "b": leaf}, "required": ["a"]}),
        json!({"type": "object", "properties": {"a": leaf}}),
        // Keys of any name could not be.
        json!({"type": "object"}),
        json!({"type": "object", "properties": {"a": leaf}, "required": ["a"], "additionalProperties": true}),
        json!({"type": "object", "additionalProperties": leaf}),
        json!({"allOf": [{"type": "object", "properties": {"a": leaf}, "required": ["a"]}]}),
        // Further down.
        json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "object"}}}, "required": ["a"]}),
        json!({"type": "object", "properties": {"a": {"$ref": "#/$defs/b"}}, "required": ["a"],
            "$defs": {"b": {"type": "object", "properties": {"c": leaf}}}}),
        json!({"anyOf": [leaf, {"type": ["object", "null"]}]}),
    ] {
        let sent = at_groq(&schema);
        let named = &sent.body["response_format"]["json_schema"];
        assert_eq!(named["strict"], false, "{schema}");
        assert_eq!(named["schema"], schema);
        assert_eq!(sent.checked.as_ref(), Some(&schema));
        assert_eq!(sent.changed, ["response_format.json_schema.strict=false"]);
    }
    // What was not to be enforced is the caller's business.
    let loose =
        json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}});
    let sent = ask(&target("groq"), &loose, &json!({}));
    assert_eq!(sent.body["response_format"], loose);
    assert!(sent.checked.is_none() && sent.changed.is_empty());
}

/// §8.2, `json_object`: native where the vendor has it; the model is told to answer in JSON where
/// the caller has not spoken of it.
#[test]
fn section_8_2_json_mode_of_each_vendor() {
    let format = json!({"type": "json_object"});
    for (vendor, _) in FILES {
        let mut at = target(vendor);
        // The catalog's word on the vendor's chat models.
        at.capabilities.json_object = *vendor != "perplexity";
        let silent = ask(&at, &format, &json!({}));
        let said = json!({"messages": [{"role": "user", "content": "Answer in JSON."}]});
        let spoken = ask(&at, &format, &said);
        let lines = |sent: &Sent| sent.body["messages"].as_array().unwrap().len();
        assert_eq!(lines(&silent), 2, "{vendor}");
        let told = silent.body["messages"][0]["content"].as_str().unwrap();
        assert_eq!(told, "Answer with a JSON object only.", "{vendor}");
        if *vendor == "perplexity" {
            // There is none: it is asked for in words, whatever else the messages say.
            assert!(!silent.body.contains_key("response_format"));
            assert_eq!(lines(&spoken), 2);
            assert_eq!(silent.changed, ["response_format=instruction"]);
        } else {
            assert_eq!(silent.body["response_format"], format, "{vendor}");
            assert_eq!(lines(&spoken), 1, "{vendor}");
            assert!(
                spoken.changed.is_empty() && spoken.dropped.is_empty(),
                "{vendor}"
            );
        }
    }
}

#[test]
fn section_8_2_qwen_has_no_json_mode_while_it_thinks() {
    let format = json!({"type": "json_object"});
    let mut thinker = target("qwen");
    thinker.capabilities = Capabilities {
        reasoning: Reasoning::Unknown,
        ..Capabilities::default()
    };
    let sent = ask(&thinker, &format, &json!({"reasoning_effort": "low"}));
    assert!(!sent.body.contains_key("response_format"));
    assert_eq!(sent.body["enable_thinking"], true);
    assert!(
        sent.changed
            .contains(&"response_format=instruction".to_owned())
    );
    assert_eq!(sent.body["messages"].as_array().unwrap().len(), 2);
    // Unasked, it does not think.
    for more in [json!({"reasoning_effort": "none"}), json!({})] {
        let sent = ask(&thinker, &format, &more);
        assert_eq!(sent.body["response_format"], format, "{more}");
    }
    // A schema is then asked for in words as well.
    thinker.capabilities.json_schema = JsonSchemaSupport::No;
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    let sent = ask(
        &thinker,
        &strict(&schema),
        &json!({"reasoning_effort": "low"}),
    );
    assert!(!sent.body.contains_key("response_format"));
    assert_eq!(sent.checked, Some(schema));
}

/// §8.2, `json_schema`: where a vendor does not enforce it, JSON mode and words stand for it, and
/// the answer is checked.
#[test]
fn section_8_2_schemas_that_a_vendor_does_not_enforce() {
    let schema = json!({"type": "object", "properties": {"a": {"type": "string"}}});
    for vendor in ["deepseek", "qwen", "groq"] {
        let mut at = target(vendor);
        at.capabilities.json_schema = JsonSchemaSupport::No;
        let sent = ask(&at, &strict(&schema), &json!({}));
        assert_eq!(
            sent.body["response_format"],
            json!({"type": "json_object"}),
            "{vendor}"
        );
        let told = sent.body["messages"][0]["content"].as_str().unwrap();
        assert!(told.contains(&schema.to_string()), "{told}");
        assert_eq!(sent.checked.as_ref(), Some(&schema), "{vendor}");
        assert_eq!(sent.changed, ["response_format=json_object"], "{vendor}");
    }
    for vendor in [
        "mistral",
        "cerebras",
        "perplexity",
        "fireworks",
        "together",
        "ollama",
        "vllm",
        "xai",
        "openrouter",
    ] {
        let sent = ask(&target(vendor), &strict(&schema), &json!({}));
        assert_eq!(sent.body["response_format"], strict(&schema), "{vendor}");
        assert!(
            sent.checked.is_none() && sent.changed.is_empty(),
            "{vendor}"
        );
    }
    // Forms of their own pass: Perplexity's and Together's regex, Fireworks' grammar.
    for (vendor, format) in [
        (
            "perplexity",
            json!({"type": "regex", "regex": {"regex": "a+"}}),
        ),
        ("together", json!({"type": "regex", "pattern": "a+"})),
        (
            "fireworks",
            json!({"type": "grammar", "grammar": "root ::= \"a\""}),
        ),
    ] {
        let text = request(&json!({ "response_format": format })).to_string();
        let raw = crate::json::RawObject::parse(text.as_bytes()).unwrap();
        let sent = crate::dialect::openai::edit_chat(&raw, &target(vendor)).unwrap();
        let body: Value = serde_json::from_slice(&sent.encoded.body).unwrap();
        assert_eq!(body["response_format"], format, "{vendor}");
    }
}

/// Groq takes a schema beside tools no more than it streams one.
#[test]
fn section_8_2_groq_schema_beside_tools() {
    let schema =
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]});
    let mut at = target("groq");
    at.capabilities.json_schema = JsonSchemaSupport::WithoutTools;
    let sent = ask(&at, &strict(&schema), &tools);
    assert_eq!(sent.body["response_format"], json!({"type": "json_object"}));
    assert_eq!(sent.checked.as_ref(), Some(&schema));
    let alone = ask(&at, &strict(&schema), &json!({}));
    assert_eq!(alone.body["response_format"]["type"], "json_schema");
}
