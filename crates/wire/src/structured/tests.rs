use std::convert::Infallible;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn anything(_: &Value) -> Result<(), Infallible> {
    Ok(())
}

fn order() -> Order {
    Order::new(&json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}}
        },
        "$defs": {"tag": {"properties": {"z": {}, "a": {}}}}
    }))
}

/// Fits when it is an object with a `name`.
fn named(value: &Value) -> Result<(), &'static str> {
    value.get("name").map(|_| ()).ok_or("no name")
}

fn taken(text: &str) -> Result<String, Unfit<&'static str>> {
    canonical(text, &order(), named)
}

const ANN: &str = r#"{"name":"Ann","age":41,"tags":[{"z":1,"a":2}]}"#;

#[test]
fn the_same_json_in_any_wrapping_is_the_same_bytes() {
    let pretty = "{\n  \"age\": 41.0,\n  \"tags\": [ { \"a\": 2e0, \"z\": 1 } ],\n  \"name\": \"A\\u006en\"\n}";
    let wrapped = [
        ANN.to_owned(),
        pretty.to_owned(),
        format!("\u{feff} \r\n{pretty}\n"),
        format!("```json\n{pretty}\n```"),
        format!("```\n{pretty}```\n"),
        format!(
            "Sure! Here is [the JSON] you asked for:\n\n```json\n{pretty}\n```\n\nAnything else?"
        ),
        format!("As {{requested}}: {pretty}. It's done [1]."),
        format!("<think>Maybe {{\"name\":\"Bob\"}}?</think>\n{pretty}"),
        format!("{pretty}\n\nFor comparison, an empty one: {{}} and a list: [1, 2]"),
        format!("{pretty}\nOr on one line: {ANN}"),
        serde_json::to_string(pretty).unwrap(),
    ];
    for text in wrapped {
        assert_eq!(taken(&text).as_deref(), Ok(ANN), "{text}");
    }
}

#[test]
fn what_is_broken_or_not_clear_is_never_guessed() {
    let no_json = |fault| Err(Unfit::NoJson(fault));
    for (text, expected) in [
        ("", no_json(Fault::Empty)),
        (" \u{feff}\n", no_json(Fault::Empty)),
        ("I can't help with that.", no_json(Fault::NotJson)),
        // Cut off; the inner object alone would fit.
        (r#"{"person": {"name": "Ann"}, "#, no_json(Fault::NotJson)),
        (
            r#"Here: {"person": {"name": "Ann"}, "#,
            no_json(Fault::NotJson),
        ),
        // Trailing comma, comment, single quotes, bare word.
        (r#"{"name": "Ann",}"#, no_json(Fault::NotJson)),
        ("{\"name\": \"Ann\" // hi\n}", no_json(Fault::NotJson)),
        (r#"{'person': {"name": "Ann"}}"#, no_json(Fault::NotJson)),
        (r#"{person: {"name": "Ann"}}"#, no_json(Fault::NotJson)),
        (r#"{"name": NaN}"#, no_json(Fault::NotJson)),
        (r#"{"name": "a", "x": 1e999}"#, no_json(Fault::NumberRange)),
        (
            r#"{"name": "Ann", "name": "Bob"}"#,
            no_json(Fault::RepeatedKey),
        ),
        (
            r#"Two: {"name": "a", "n\u0061me": "b"}"#,
            no_json(Fault::RepeatedKey),
        ),
        // A draft and a broken last word.
        (
            r#"Draft: {"name":"a"}. Better: {"name":"b",}"#,
            no_json(Fault::NotJson),
        ),
        (
            r#"Draft: {"name":"a"}. Better: {"name":"#,
            no_json(Fault::NotJson),
        ),
        (r#"{"name":"a"} or {"name":"b"}"#, Err(Unfit::Ambiguous)),
        (r#"{"age": 1}"#, Err(Unfit::Misfit("no name"))),
        (r#"Only [1] and {"age": 1}"#, Err(Unfit::Misfit("no name"))),
        // Half a surrogate pair is no character.
        (r#"{"name": "\ud83d"}"#, no_json(Fault::NotJson)),
    ] {
        assert_eq!(taken(text), expected, "{text}");
    }
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    assert_eq!(taken(&deep), no_json(Fault::TooDeep));
    let many = "{\"name\":1} ".repeat(100);
    assert_eq!(taken(&many), no_json(Fault::TooMany));
}

#[test]
fn scalars_are_taken_whole_or_fenced_and_not_out_of_prose() {
    for (text, expected) in [
        ("42.0", Some("42")),
        ("```json\n42\n```", Some("42")),
        (" true ", Some("true")),
        ("\"a\\/b\"", Some("\"a/b\"")),
        ("The answer is 42", None),
    ] {
        let found = canonical(text, &Order::new(&json!({})), anything).ok();
        assert_eq!(found.as_deref(), expected, "{text}");
    }
}

#[test]
fn keys_stand_in_the_order_of_every_schema_that_may_hold() {
    let order = Order::new(&json!({
        "properties": {"kind": {}, "next": {"$ref": "#"}},
        "anyOf": [
            {"properties": {"width": {}, "height": {}}},
            {"$ref": "#/$defs/circle"}
        ],
        "additionalProperties": {"properties": {"y": {}, "x": {}}},
        "$defs": {"circle": {"properties": {"radius": {}, "kind": {}}}}
    }));
    let text = r#"{"b":{"x":1,"y":2},"a":1,"radius":3,"height":1,"width":2,"next":{"a":1,"radius":1,"kind":"c"},"kind":"r"}"#;
    assert_eq!(
        Json::parse(text).unwrap().canonical(&order),
        r#"{"kind":"r","next":{"kind":"c","radius":1,"a":1},"width":2,"height":1,"radius":3,"a":1,"b":{"y":2,"x":1}}"#
    );
    let tuple = Order::new(&json!({
        "prefixItems": [{"properties": {"b": {}, "a": {}}}],
        "items": {"properties": {"d": {}, "c": {}}}
    }));
    let text = r#"[{"a":1,"b":2},{"c":1,"d":2}]"#;
    assert_eq!(
        Json::parse(text).unwrap().canonical(&tuple),
        r#"[{"b":2,"a":1},{"d":2,"c":1}]"#
    );
}

#[test]
fn a_schema_that_refers_to_itself_comes_to_an_end() {
    for schema in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#/allOf/0"}]}),
        json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#/properties/a"}}}),
        json!(true),
        json!({"$ref": "https://example.com/schema", "properties": {"b": {}, "a": {}}}),
    ] {
        let order = Order::new(&schema);
        let written = Json::parse(r#"{"a":{"a":1}}"#).unwrap().canonical(&order);
        assert_eq!(written, r#"{"a":{"a":1}}"#, "{schema}");
    }
}

fn arb_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "[a-zé\\\\\"\n\u{1}😀/{}\\[\\]`]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-f{\"]{1,2}", inner, 0..6)
                .prop_map(|map| map.into_iter().collect::<Value>()),
        ]
    })
}

/// The same value, said differently: keys turned around, white space, other forms of numbers and
/// characters.
fn said_differently(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            out.push_str("{ ");
            for (index, (key, value)) in map.iter().rev().enumerate() {
                if index > 0 {
                    out.push_str("\n, ");
                }
                said_differently(&Value::from(key.as_str()), out);
                out.push_str("\t: ");
                said_differently(value, out);
            }
            out.push('}');
        }
        Value::Array(list) => {
            out.push('[');
            for (index, value) in list.iter().enumerate() {
                if index > 0 {
                    out.push_str(" ,");
                }
                said_differently(value, out);
            }
            out.push_str(" ]");
        }
        Value::String(text) => {
            out.push('"');
            for unit in text.encode_utf16() {
                out.push_str(&format!("\\u{unit:04X}"));
            }
            out.push('"');
        }
        Value::Number(number) if number.is_i64() => out.push_str(&format!("{number}.00e+0")),
        Value::Number(number) => out.push_str(&format!("{:E}", number.as_f64().unwrap())),
        other => out.push_str(&other.to_string()),
    }
}

proptest! {
    #[test]
    fn the_form_depends_on_the_value_alone(value in arb_json(), wrap in 0..4) {
        let order = Order::new(&json!({"properties": {"c": {"properties": {"b": {}}}, "a": {}}}));
        let plain = value.to_string();
        let form = Json::parse(&plain).unwrap().canonical(&order);
        let mut other = String::new();
        said_differently(&value, &mut other);
        let wrapped = match wrap {
            0 => other,
            1 => format!("```json\n{other}\n```"),
            2 if other.starts_with(['{', '[']) => format!("Well (that's {{it}}):\n{other}\n[sic]"),
            _ => format!("\u{feff}{other}\n"),
        };
        let taken = canonical(&wrapped, &order, anything);
        prop_assert_eq!(taken, Ok(form.clone()), "{}", wrapped);
        // It is its own form, and means what was said.
        prop_assert_eq!(canonical(&form, &order, anything), Ok(form.clone()));
        prop_assert!(serde_json::from_str::<Value>(&form).is_ok(), "{}", form);
        let read = Json::parse(&form).unwrap().to_value();
        let said: Value = Json::parse(&plain).unwrap().to_value();
        prop_assert!(same(&read, &said), "{} {}", form, plain);
    }

    #[test]
    fn the_parser_takes_what_serde_json_takes(text in "[ \\[\\]{}\",:0-9eE.+\\-\\\\untrfalse😀\u{1}]{0,24}") {
        let ours = Json::parse(&text);
        let theirs: Result<Value, _> = serde_json::from_str(&text);
        match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours.to_value(), theirs), "{}", text),
            (Err(Fault::RepeatedKey), Ok(_)) | (Err(_), Err(_)) => {}
            _ => prop_assert!(false, "{:?} {:?} {}", ours, theirs, text),
        }
    }

    #[test]
    fn no_text_panics(text in "(\\PC|[\\[\\]{}\"\\\\`\n]|```json\n|<think>|</think>){0,60}") {
        let _ = canonical(&text, &order(), named);
    }
}

/// Whether two values are equal, `1` and `1.0` being one. `serde_json` rounds a double's last digit
/// as it likes.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (a, b) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            one == other || (a - b).abs() <= a.abs() * f64::EPSILON
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(key, value)| other.get(key).is_some_and(|it| same(value, it)))
        }
        _ => one == other,
    }
}
