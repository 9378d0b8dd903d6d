//! Arguments of a call that come piece by piece: `{jsonPath, stringValue, …}` put into the object
//! that they describe (wire-protocols §12.2).

use serde_json::{Map, Value};

use super::read::{field, text};

/// Longest list that a path may build, and deepest path: bounds against a hostile upstream.
const LIST_MAX: usize = 100_000;
const DEPTH_MAX: usize = 100;

/// Puts one piece in its place. A further text of the same place is appended.
///
/// # Errors
/// Why the piece has no place.
pub(super) fn apply(root: &mut Value, piece: &Value) -> Result<(), &'static str> {
    let steps =
        steps(text(piece, "jsonPath")).ok_or("a partial argument has an unreadable path")?;
    if steps.len() > DEPTH_MAX {
        return Err("a partial argument is nested too deeply");
    }
    let mut place = root;
    for step in &steps {
        place = match step {
            Step::Key(key) => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                match place {
                    Value::Object(map) => map.entry(key.clone()).or_insert(Value::Null),
                    _ => return Err("a partial argument has no place"),
                }
            }
            Step::Index(index) => {
                if *index >= LIST_MAX {
                    return Err("a partial argument has an index out of range");
                }
                if !place.is_array() {
                    *place = Value::Array(Vec::new());
                }
                let Value::Array(list) = place else {
                    return Err("a partial argument has no place");
                };
                if list.len() <= *index {
                    list.resize(index + 1, Value::Null);
                }
                list.get_mut(*index)
                    .ok_or("a partial argument has no place")?
            }
        };
    }
    put(place, piece);
    Ok(())
}

fn put(place: &mut Value, piece: &Value) {
    if let Some(more) = field(piece, "stringValue").and_then(Value::as_str) {
        match place {
            Value::String(known) => known.push_str(more),
            _ => *place = Value::String(more.to_owned()),
        }
        return;
    }
    let value = ["numberValue", "boolValue"]
        .iter()
        .find_map(|name| field(piece, name));
    if let Some(value) = value {
        *place = whole(value);
    }
    // `nullValue`, or a bare path: the place stays null.
}

/// `3.0` for an integer argument is proto's way; the whole-answer form says `3`.
fn whole(value: &Value) -> Value {
    let Some(float) = value.as_f64().filter(|_| value.is_f64()) else {
        return value.clone();
    };
    if float.fract() == 0.0 && float.abs() < 9e15 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "checked to be whole and in range"
        )]
        let integer = float as i64;
        return integer.into();
    }
    value.clone()
}

enum Step {
    Key(String),
    Index(usize),
}

/// Reads `$.recipe.items[0]['odd key']`.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (key, tail) = after.split_at_checked(end)?;
            if key.is_empty() {
                return None;
            }
            steps.push(Step::Key(key.to_owned()));
            rest = tail;
        } else {
            let after = rest.strip_prefix('[')?;
            if let Some(quote @ ('\'' | '"')) = after.chars().next() {
                let (key, tail) = quoted(after.get(1..)?, quote)?;
                steps.push(Step::Key(key));
                rest = tail.strip_prefix(']')?;
            } else {
                let (index, tail) = after.split_once(']')?;
                steps.push(Step::Index(index.parse().ok()?));
                rest = tail;
            }
        }
    }
    Some(steps)
}

fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut key = String::new();
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if escaped {
            key.push(character);
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == quote {
            return Some((key, text.get(at + 1..)?));
        } else {
            key.push(character);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn case_62_pieces_build_the_object() {
        let mut root = json!({});
        for piece in [
            json!({"jsonPath": "$.order.items[0].name", "stringValue": "nu", "willContinue": true}),
            json!({"jsonPath": "$.order.items[0].name", "stringValue": "ts"}),
            json!({"jsonPath": "$.order.items[1].count", "numberValue": 3.0}),
            json!({"jsonPath": "$['odd.key']", "boolValue": true}),
            json!({"jsonPath": "$.nothing", "nullValue": "NULL_VALUE"}),
        ] {
            apply(&mut root, &piece).unwrap();
        }
        assert_eq!(
            root,
            json!({"order": {"items": [{"name": "nuts"}, {"count": 3}]},
                   "odd.key": true, "nothing": null})
        );
    }

    #[test]
    fn hostile_paths_are_refused() {
        for path in [
            "",
            "x",
            "$.",
            "$[9999999999]",
            "$[99999999]",
            "$['open",
            "$[x]",
        ] {
            let piece = json!({"jsonPath": path, "stringValue": "x"});
            assert!(apply(&mut json!({}), &piece).is_err(), "{path}");
        }
        let deep = format!("${}", ".a".repeat(500));
        let piece = json!({"jsonPath": deep, "stringValue": "x"});
        assert!(apply(&mut json!({}), &piece).is_err());
    }
}
