//! Reading JSON objects member by member: what is read is taken out, what stays is unread.

use serde_json::{Map, Value};

use crate::chat::CacheControl;
use crate::error::ParseError;
use crate::json::RawObject;

/// A JSON object at a path of the request. `null` members count as absent.
pub(super) struct Fields {
    path: String,
    members: Map<String, Value>,
}

impl Fields {
    /// The request body.
    pub(super) fn of_raw(raw: &RawObject<'_>) -> Result<Self, ParseError> {
        let mut members = Map::new();
        for key in raw.keys() {
            let text = raw.get(key).unwrap_or("null");
            let value = serde_json::from_str(text).map_err(|error| ParseError {
                code: "invalid_json",
                message: format!("`{key}` can't be read: {error}."),
                param: Some(key.to_owned()),
            })?;
            members.insert(key.to_owned(), value);
        }
        Ok(Self {
            path: String::new(),
            members,
        })
    }

    /// The object at `path`.
    pub(super) fn of(value: Value, path: impl Into<String>) -> Result<Self, ParseError> {
        let path = path.into();
        match value {
            Value::Object(members) => Ok(Self { path, members }),
            _ => Err(invalid_type(&path, "an object")),
        }
    }

    /// The path of a member.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Takes a member out; `null` is none.
    pub(super) fn take(&mut self, key: &str) -> Option<Value> {
        self.members.remove(key).filter(|value| !value.is_null())
    }

    /// Takes out and forgets a member whose value fits.
    pub(super) fn take_if(&mut self, key: &str, fits: impl Fn(&Value) -> bool) {
        if self.members.get(key).is_some_and(fits) {
            self.members.remove(key);
        }
    }

    /// Takes out and forgets every member whose key fits.
    pub(super) fn take_matching(&mut self, fits: impl Fn(&str) -> bool) {
        self.members.retain(|key, _| !fits(key));
    }

    /// What was not taken.
    pub(super) const fn members(&self) -> &Map<String, Value> {
        &self.members
    }

    /// What stays.
    pub(super) fn into_members(self) -> Map<String, Value> {
        self.members
    }

    pub(super) fn string(&mut self, key: &str) -> Result<Option<String>, ParseError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(invalid_type(&self.path_of(key), "a string")),
        }
    }

    /// A string that must be there and not empty.
    pub(super) fn required_string(&mut self, key: &str, what: &str) -> Result<String, ParseError> {
        self.string(key)?
            .filter(|text| !text.is_empty())
            .ok_or_else(|| missing(&self.path_of(key), what))
    }

    pub(super) fn boolean(&mut self, key: &str) -> Result<Option<bool>, ParseError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(invalid_type(&self.path_of(key), "`true` or `false`")),
        }
    }

    pub(super) fn float(
        &mut self,
        key: &str,
        min: f64,
        max: f64,
    ) -> Result<Option<f64>, ParseError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let path = self.path_of(key);
        let Some(number) = value.as_f64() else {
            return Err(invalid_type(&path, "a number"));
        };
        if (min..=max).contains(&number) {
            return Ok(Some(number));
        }
        Err(invalid_value(
            &path,
            &format!("`{path}` is {value}. Send a number from {min} to {max}."),
        ))
    }

    pub(super) fn integer(
        &mut self,
        key: &str,
        min: u64,
        max: u64,
    ) -> Result<Option<u64>, ParseError> {
        let Some(value) = self.take(key) else {
            return Ok(None);
        };
        let path = self.path_of(key);
        if !value.is_number() {
            return Err(invalid_type(&path, "an integer"));
        }
        let mut odd = false;
        let number = crate::usage::count(Some(&value), &mut odd);
        if !odd && (min..=max).contains(&number) {
            return Ok(Some(number));
        }
        let range = if max == u64::MAX {
            format!("of at least {min}")
        } else {
            format!("from {min} to {max}")
        };
        Err(invalid_value(
            &path,
            &format!("`{path}` is {value}. Send an integer {range}."),
        ))
    }

    pub(super) fn small(
        &mut self,
        key: &str,
        min: u32,
        max: u32,
    ) -> Result<Option<u32>, ParseError> {
        let number = self.integer(key, u64::from(min), u64::from(max))?;
        Ok(number.and_then(|number| u32::try_from(number).ok()))
    }

    pub(super) fn signed(&mut self, key: &str) -> Result<Option<i64>, ParseError> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => value
                .as_i64()
                .map(Some)
                .ok_or_else(|| invalid_type(&self.path_of(key), "an integer of 64 bits")),
        }
    }

    pub(super) fn map(&mut self, key: &str) -> Result<Option<Map<String, Value>>, ParseError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(map)),
            Some(_) => Err(invalid_type(&self.path_of(key), "an object")),
        }
    }

    pub(super) fn object(&mut self, key: &str) -> Result<Option<Self>, ParseError> {
        let path = self.path_of(key);
        Ok(self.map(key)?.map(|members| Self { path, members }))
    }

    pub(super) fn list(&mut self, key: &str) -> Result<Option<Vec<Value>>, ParseError> {
        let path = self.path_of(key);
        array(self.take(key), &path)
    }

    /// `cache_control`, or OpenAI's `prompt_cache_breakpoint`, which means the same.
    pub(super) fn cache_mark(&mut self) -> Result<Option<CacheControl>, ParseError> {
        let mark = self.map("cache_control")?.map(CacheControl);
        let breakpoint = self.map("prompt_cache_breakpoint")?.map(|_| {
            let mut mark = Map::new();
            mark.insert("type".to_owned(), "ephemeral".into());
            CacheControl(mark)
        });
        Ok(mark.or(breakpoint))
    }

    /// Names what was not taken, indexes left out. Empty values say nothing and are not named.
    pub(super) fn rest(self, unread: &mut Vec<String>) {
        for (key, value) in &self.members {
            let empty = match value {
                Value::Null => true,
                Value::Array(items) => items.is_empty(),
                Value::Object(members) => members.is_empty(),
                Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
            };
            if !empty {
                unread.push(without_indexes(&self.path_of(key)));
            }
        }
    }
}

/// A list, or the complaint that it is none.
pub(super) fn array(value: Option<Value>, path: &str) -> Result<Option<Vec<Value>>, ParseError> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(_) => Err(invalid_type(path, "a list")),
    }
}

/// `messages[2].content[0]` → `messages[].content[]`.
fn without_indexes(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|character| {
            match character {
                '[' => {
                    inside = true;
                    return true;
                }
                ']' => inside = false,
                _ => {}
            }
            !inside
        })
        .collect()
}

pub(super) fn invalid_type(path: &str, expected: &str) -> ParseError {
    ParseError {
        code: "invalid_type",
        message: format!("Invalid type for `{path}`: expected {expected}."),
        param: Some(path.to_owned()),
    }
}

pub(super) fn invalid_value(path: &str, message: &str) -> ParseError {
    ParseError {
        code: "invalid_value",
        message: message.to_owned(),
        param: Some(path.to_owned()),
    }
}

pub(super) fn missing(path: &str, what: &str) -> ParseError {
    ParseError {
        code: "missing_required_parameter",
        message: format!("`{path}` is missing. {what}"),
        param: Some(path.to_owned()),
    }
}
