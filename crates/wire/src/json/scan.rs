//! Reads JSON by its places: nothing is built, and what nobody asks for is only checked.
//!
//! serde_json looks at the texts of a body eight bytes at a time; prompts and answers are mostly
//! text, so that was the largest part of passing a large one on. Here they are looked through by
//! SIMD. What this refuses is left to serde_json, whose message says why; what it takes, serde_json
//! takes too (RFC 8259).

use std::borrow::Cow;

use memchr::memchr2;

/// Deepest nesting that is read here.
pub(crate) const DEPTH_MAX: usize = super::NESTING_MAX;

/// A place in a JSON text. What finds something else than it was asked for gives `None`.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) const fn new(text: &'a str) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
        }
    }

    /// Nothing but white space is left.
    pub(crate) fn end(&mut self) -> Option<()> {
        self.next().is_none().then_some(())
    }

    /// The value that stands here, as it was written.
    pub(crate) fn value(&mut self) -> Option<&'a str> {
        let first = self.next()?;
        let start = self.at;
        self.skip(first)?;
        self.text.get(start..self.at)
    }

    /// The string that stands here; borrowed unless it holds escapes.
    pub(crate) fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take(b'"')?;
        let start = self.at;
        let escaped = self.skip_text()?;
        if escaped {
            let written = self.text.get(start - 1..self.at)?;
            return serde_json::from_str(written).ok().map(Cow::Owned);
        }
        self.text.get(start..self.at - 1).map(Cow::Borrowed)
    }

    /// Whether `null` stands here, which is then read.
    pub(crate) fn is_null(&mut self) -> bool {
        self.next() == Some(b'n') && self.word("null").is_some()
    }

    /// The members of the object that stands here: `each` is given a key and has to read the value.
    pub(crate) fn members(
        &mut self,
        mut each: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>,
    ) -> Option<()> {
        self.list(b'{', b'}', |scanner| {
            scanner.next();
            let key = scanner.string()?;
            scanner.take(b':')?;
            each(scanner, key)
        })
    }

    /// The elements of the array that stands here: `each` has to read one.
    pub(crate) fn elements(&mut self, each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.list(b'[', b']', each)
    }

    fn list(
        &mut self,
        open: u8,
        close: u8,
        mut each: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.take(open)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        if self.take(close).is_none() {
            loop {
                each(self)?;
                if self.take(close).is_some() {
                    break;
                }
                self.take(b',')?;
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// The byte after white space, which is passed over.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = self.byte()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Reads this byte, if it comes next.
    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then(|| self.at += 1)
    }

    fn skip(&mut self, first: u8) -> Option<()> {
        match first {
            b'"' => {
                self.at += 1;
                self.skip_text().map(|_| ())
            }
            b'{' => self.members(|scanner, _| {
                let first = scanner.next()?;
                scanner.skip(first)
            }),
            b'[' => self.elements(|scanner| {
                let first = scanner.next()?;
                scanner.skip(first)
            }),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let is_there = self
            .text
            .as_bytes()
            .get(self.at..)?
            .starts_with(word.as_bytes());
        is_there.then(|| self.at += word.len())
    }

    /// Past the closing quote of the string whose first byte stands here; whether it holds escapes.
    fn skip_text(&mut self) -> Option<bool> {
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let stop = plain_bytes(rest)?;
            self.at += stop + 1;
            if rest.get(stop) == Some(&b'"') {
                return Some(escaped);
            }
            escaped = true;
            self.at += match rest.get(stop + 1)? {
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 1,
                b'u' => {
                    let digits = rest.get(stop + 2..stop + 6)?;
                    digits.iter().all(u8::is_ascii_hexdigit).then_some(5)?
                }
                _ => return None,
            };
        }
    }

    fn number(&mut self) -> Option<()> {
        if self.byte()? == b'-' {
            self.at += 1;
        }
        match self.byte()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while self.byte().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }
}

/// How many bytes of a string come before its end or an escape. `None` if it has none, or a control
/// character among them, which had to be escaped.
fn plain_bytes(rest: &[u8]) -> Option<usize> {
    /// Keys and ids are not worth a search.
    const SHORT: usize = 20;
    for (at, byte) in rest.iter().take(SHORT).enumerate() {
        match byte {
            b'"' | b'\\' => return Some(at),
            0..0x20 => return None,
            _ => {}
        }
    }
    let rest = rest.get(SHORT..)?;
    let stop = memchr2(b'"', b'\\', rest)?;
    // The least byte is found many at a time.
    let least = rest
        .get(..stop)?
        .iter()
        .fold(u8::MAX, |least, byte| least.min(*byte));
    (least >= 0x20).then_some(SHORT + stop)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;
    use serde_json::value::RawValue;

    use super::*;

    fn whole(text: &str) -> Option<&str> {
        let mut scanner = Scanner::new(text);
        let value = scanner.value()?;
        scanner.end()?;
        Some(value)
    }

    fn by_serde(text: &str) -> Option<&str> {
        serde_json::from_str::<&RawValue>(text)
            .ok()
            .map(RawValue::get)
    }

    #[test]
    fn takes_what_serde_takes_and_refuses_what_it_refuses() {
        for text in [
            "{}",
            " {} ",
            "[]",
            "[ ]",
            "{\"a\":1}",
            "{\"a\" : [1, 2.5e-3, -0, true, null, \"x\"] }",
            "\"\"",
            "\"a\\n\\u00e9\\\\\"",
            "\"ü\"",
            "0",
            "-1",
            "1e5",
            "1E+5",
            "0.5",
            "",
            " ",
            "{",
            "[",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\"1}",
            "[1 2]",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "\"\\x\"",
            "\"\\u12\"",
            "\"\\u12G4\"",
            "\"a\nb\"",
            "\"a\tb\"",
            "\"a",
            "tru",
            "truee",
            "nul",
            "NaN",
            "[1]]",
            "{}{}",
            "\"\\",
            "\"\u{7f}\"",
            "\u{feff}{}",
            "{,}",
            "[,]",
            "1 2",
            "'a'",
            "//\n1",
            "\"\0\"",
        ] {
            assert_eq!(whole(text), by_serde(text), "{text:?}");
        }
    }

    #[test]
    fn reads_members_and_elements_in_order() {
        let mut keys = Vec::new();
        let mut numbers = Vec::new();
        let mut scanner = Scanner::new(" {\"a\": [1, 2 ,3], \"b\\u0021\":{\"c\":[]}, \"d\":null} ");
        scanner
            .members(|scanner, key| {
                keys.push(key.clone().into_owned());
                match key.as_ref() {
                    "a" => scanner.elements(|scanner| {
                        numbers.push(scanner.value()?);
                        Some(())
                    }),
                    "d" => scanner.is_null().then_some(()),
                    _ => scanner.value().map(|_| ()),
                }
            })
            .unwrap();
        scanner.end().unwrap();
        assert_eq!(keys, ["a", "b!", "d"]);
        assert_eq!(numbers, ["1", "2", "3"]);
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(whole(&nested(DEPTH_MAX)).is_some());
        assert!(whole(&nested(DEPTH_MAX + 1)).is_none());
        assert!(whole(&"[".repeat(1_000_000)).is_none());
    }

    /// Any JSON.
    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn agrees_with_serde_on_any_json(value in json(), pretty: bool) {
            let text = if pretty {
                serde_json::to_string_pretty(&value).unwrap()
            } else {
                value.to_string()
            };
            prop_assert_eq!(whole(&text), Some(text.as_str()));
            if let Value::String(string) = &value {
                let read = Scanner::new(&text).string();
                prop_assert_eq!(read.as_deref(), Some(string.as_str()));
            }
        }

        #[test]
        fn agrees_with_serde_on_broken_json(
            value in json(),
            at in any::<prop::sample::Index>(),
            other in prop::sample::select(vec!["", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "-", ".", "e", "\n", "\u{1}", "u", " ", "t"]),
        ) {
            let mut text: Vec<char> = value.to_string().chars().collect();
            let at = at.index(text.len());
            text.splice(at..=at, other.chars());
            let text: String = text.into_iter().collect();
            prop_assert_eq!(whole(&text), by_serde(&text));
        }

        #[test]
        fn agrees_with_serde_on_any_signs(text in "[\\[\\]{}:,\"\\\\ntrue0-9.eE+ \\n-]{0,24}") {
            prop_assert_eq!(whole(&text), by_serde(&text));
        }
    }
}
