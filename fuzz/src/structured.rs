//! Structured output: JSON found in what a model wrote, in its one form.

use polyroute_wire::structured::{Fault, Json, Order, canonical, find};
use serde_json::Value;

use crate::input::Input;
use crate::templates;

fn anything(_: &Value) -> Result<(), ()> {
    Ok(())
}

/// Text of an answer; the choice is the schema.
pub(crate) fn run(data: &[u8]) {
    let input = Input::new(data);
    let text = String::from_utf8_lossy(input.rest);
    let schema = input.pick(templates::requests().of("schemas"));
    let order = Order::new(schema);
    agrees(&text);
    match find(&text) {
        Ok(found) => assert!(!found.is_empty() && found.len() <= text.len()),
        Err(_) => assert!(canonical(&text, &order, anything).is_err()),
    }
    let Ok(form) = canonical(&text, &order, anything) else {
        return;
    };
    // Whole numbers are written out up to 64 digits.
    assert!(form.len() <= 64 + 16 * text.len(), "it grew: {form}");
    assert_eq!(
        canonical(&form, &order, anything),
        Ok(form.clone()),
        "no fixed point"
    );
    let value: Value = serde_json::from_str(&form).expect("the form is JSON");
    if value.is_object() || value.is_array() {
        for wrapped in [
            format!("\u{feff}<think>{{}}</think>\n{form} "),
            format!("```json\n{form}\n```"),
        ] {
            assert_eq!(
                canonical(&wrapped, &order, anything),
                Ok(form.clone()),
                "{wrapped}"
            );
        }
        // Two that differ are ambiguous, whichever comes first.
        let other = "{\"other one\":1}";
        if form != other {
            for both in [format!("{form} or {other}"), format!("{other} or {form}")] {
                assert!(canonical(&both, &order, anything).is_err(), "{both}");
            }
        }
    }
}

/// Our parser takes what any reader takes, and reads the same.
fn agrees(text: &str) {
    let ours = Json::parse(text);
    let theirs: Result<Value, _> = serde_json::from_str(text);
    match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => assert!(same(&ours.to_value(), theirs), "{text}"),
        (Err(Fault::RepeatedKey | Fault::TooDeep | Fault::NumberRange), _) | (Err(_), Err(_)) => {}
        // Theirs nests less deep by one.
        (Ok(_), Err(error)) if error.to_string().contains("recursion limit") => {}
        _ => panic!("{ours:?} {theirs:?} {text}"),
    }
}

/// Equality, `1` and `1.0` being one and the last digit of a double free.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (a, b) = (one.as_f64().unwrap_or(0.0), other.as_f64().unwrap_or(0.0));
            one == other || (a - b).abs() <= a.abs() * f64::EPSILON
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let holds =
                |(key, value): (&String, &Value)| other.get(key).is_some_and(|it| same(value, it));
            one.len() == other.len() && one.iter().all(holds)
        }
        _ => one == other,
    }
}
