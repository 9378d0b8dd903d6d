//! Strict JSON (RFC 8259) with what a canonical form needs and a `serde_json::Value` loses: the
//! digits of numbers, keys that stand twice, and where a value ends within other text.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::number;
use crate::json::NESTING_MAX;

/// Up to so many keys are compared each with each, which is cheaper than any set of them.
const COMPARED_MAX: usize = 16;

/// Why a text is not the JSON that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is empty.
    #[error("it is empty")]
    Empty,
    /// It is no JSON, or holds none.
    #[error("it holds no whole JSON value")]
    NotJson,
    /// An object has a key twice: readers differ in which one they take.
    #[error("an object in it has the same key twice")]
    RepeatedKey,
    /// It nests deeper than [`NESTING_MAX`].
    #[error("it nests deeper than {NESTING_MAX} levels")]
    TooDeep,
    /// A number is beyond what a double can hold, or a readable exponent.
    #[error("a number in it is out of range")]
    NumberRange,
    /// There are more pieces of JSON in it than are looked at.
    #[error("there are too many pieces of JSON in it")]
    TooMany,
}

/// A JSON value as it was written.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, digit by digit.
    Number(&'a str),
    /// A string, escapes resolved.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object, members in their order.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl<'a> Json<'a> {
    /// Reads a text that is one JSON value, with white space around it.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        let (value, end) = Self::parse_prefix(text)?;
        let rest = text.get(end..).unwrap_or_default();
        if rest.bytes().all(is_space) {
            Ok(value)
        } else {
            Err(Fault::NotJson)
        }
    }

    /// Reads the JSON value that a text begins with, and says where it ends.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn parse_prefix(text: &'a str) -> Result<(Self, usize), Fault> {
        let mut parser = Parser { text, at: 0 };
        let value = parser.value(0)?;
        Ok((value, parser.at))
    }

    /// The same for a validator. Numbers become what `serde_json` makes of them.
    #[must_use]
    pub fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(digits) => number_value(digits),
            Self::String(text) => Value::String(text.as_ref().to_owned()),
            Self::Array(items) => items.iter().map(Self::to_value).collect(),
            Self::Object(members) => {
                let mut map = Map::with_capacity(members.len());
                for (key, value) in members {
                    map.insert(key.as_ref().to_owned(), value.to_value());
                }
                Value::Object(map)
            }
        }
    }
}

fn number_value(digits: &str) -> Value {
    if let Ok(whole) = digits.parse::<i64>() {
        return Value::from(whole);
    }
    if let Ok(whole) = digits.parse::<u64>() {
        return Value::from(whole);
    }
    // The parser has seen that it is finite.
    digits
        .parse::<f64>()
        .ok()
        .and_then(Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

pub(super) const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Takes a byte if it is the next one.
    fn takes(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        self.takes(byte).then_some(()).ok_or(Fault::NotJson)
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word) {
            return Err(Fault::NotJson);
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Json<'a>, Fault> {
        self.skip_space();
        match self.peek().ok_or(Fault::NotJson)? {
            b'{' => self.object(depth + 1),
            b'[' => self.array(depth + 1),
            b'"' => {
                self.at += 1;
                self.string().map(Json::String)
            }
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            _ => Err(Fault::NotJson),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, Fault> {
        if depth > NESTING_MAX {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.takes(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_space();
            if self.takes(b']') {
                return Ok(Json::Array(items));
            }
            self.expect(b',')?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, Fault> {
        if depth > NESTING_MAX {
            return Err(Fault::TooDeep);
        }
        self.at += 1;
        let mut members: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        self.skip_space();
        if self.takes(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            self.skip_space();
            self.expect(b'"')?;
            let key = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            members.push((key, self.value(depth)?));
            self.skip_space();
            if self.takes(b'}') {
                break;
            }
            self.expect(b',')?;
        }
        if has_repeated(&members) {
            return Err(Fault::RepeatedKey);
        }
        Ok(Json::Object(members))
    }

    fn number(&mut self) -> Result<Json<'a>, Fault> {
        let start = self.at;
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            self.digits()?;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        if !number::is_in_range(digits) {
            return Err(Fault::NumberRange);
        }
        Ok(Json::Number(digits))
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(()).ok_or(Fault::NotJson)
    }

    /// A string whose opening quote was taken.
    fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let plain = self.plain()?;
        if self.takes(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            if self.takes(b'"') {
                return Ok(Cow::Owned(text));
            }
            self.expect(b'\\')?;
            text.push(self.escape()?);
            text.push_str(self.plain()?);
        }
    }

    /// Characters up to a quote or an escape.
    fn plain(&mut self) -> Result<&'a str, Fault> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = memchr::memchr2(b'"', b'\\', rest.as_bytes()).ok_or(Fault::NotJson)?;
        let plain = rest.get(..end).unwrap_or_default();
        if plain.bytes().any(|byte| byte < 0x20) {
            return Err(Fault::NotJson);
        }
        self.at += end;
        Ok(plain)
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let byte = self.peek().ok_or(Fault::NotJson)?;
        self.at += 1;
        Ok(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(Fault::NotJson),
        })
    }

    /// `\uXXXX`, or a pair of them. Half a pair is no character.
    fn unicode(&mut self) -> Result<char, Fault> {
        let first = self.hex()?;
        let code = match first {
            0xd800..=0xdbff => {
                self.expect(b'\\')?;
                self.expect(b'u')?;
                let second = self.hex()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return Err(Fault::NotJson);
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        char::from_u32(code).ok_or(Fault::NotJson)
    }

    fn hex(&mut self) -> Result<u32, Fault> {
        let digits = self.text.get(self.at..self.at + 4).ok_or(Fault::NotJson)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Fault::NotJson);
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).map_err(|_| Fault::NotJson)
    }
}

fn has_repeated(members: &[(Cow<'_, str>, Json<'_>)]) -> bool {
    let mut keys = members.iter().map(|(key, _)| key.as_ref());
    if members.len() <= COMPARED_MAX {
        return keys.enumerate().any(|(at, key)| {
            let before = members.get(..at).unwrap_or_default();
            before.iter().any(|(other, _)| other == key)
        });
    }
    let mut seen = HashSet::with_capacity(members.len());
    keys.any(|key| !seen.insert(key))
}
