//! Reading Google's proto-JSON: camelCase by the book, `snake_case` tolerated, and enums that may be
//! integers.

use serde_json::{Map, Value};

/// The member of that camelCase name, in either spelling. `null` counts as absent.
pub(crate) fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    member(object.as_object()?, name)
}

/// As [`field`], of a map.
pub(crate) fn member<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name)
        .or_else(|| {
            map.iter()
                .find(|(key, _)| is_spelling_of(key, name))
                .map(|(_, value)| value)
        })
        .filter(|value| !value.is_null())
}

/// The text of a member; empty if absent or no text.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    field(object, name)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The elements of a member; none if absent or no list.
pub(crate) fn list<'a>(object: &'a Value, name: &str) -> &'a [Value] {
    field(object, name)
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

/// Whether a member is `true`.
pub(crate) fn flag(object: &Value, name: &str) -> bool {
    field(object, name)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// Whether `key` is the camelCase `name` or its `snake_case` spelling.
pub(crate) fn is_spelling_of(key: &str, name: &str) -> bool {
    if key == name {
        return true;
    }
    let mut key = key.bytes();
    for byte in name.bytes() {
        if byte.is_ascii_uppercase() {
            if key.next() != Some(b'_') || key.next() != Some(byte.to_ascii_lowercase()) {
                return false;
            }
        } else if key.next() != Some(byte) {
            return false;
        }
    }
    key.next().is_none()
}

/// Seconds since the Unix epoch of an RFC 3339 time in UTC (`2026-03-05T22:50:32.281553Z`).
pub(crate) fn epoch_seconds(time: &str) -> Option<i64> {
    let (date, clock) = time.split_once(['T', 't'])?;
    let clock = clock.strip_suffix(['Z', 'z'])?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let mut clock = clock.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    if !in_range {
        return None;
    }
    // Days since the epoch by the civil calendar, with the year starting in March.
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(days * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_spellings_are_one_name() {
        let object = json!({"finish_reason": "STOP", "index": null});
        assert_eq!(text(&object, "finishReason"), "STOP");
        assert!(field(&object, "index").is_none());
        assert!(!is_spelling_of("finishreason", "finishReason"));
        assert!(!is_spelling_of("finish_reasons", "finishReason"));
    }

    #[test]
    fn times_become_seconds() {
        assert_eq!(epoch_seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(epoch_seconds("2024-02-29T12:30:15.5Z"), Some(1_709_209_815));
        assert_eq!(epoch_seconds("2024-02-29"), None);
        assert_eq!(epoch_seconds("2024-13-01T00:00:00Z"), None);
        assert_eq!(epoch_seconds("x-y-zT0:0:0Z"), None);
    }
}
