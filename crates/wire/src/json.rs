//! Raw JSON: the few fields we read, and edits that leave every other byte as it was.

mod members;
pub(crate) mod scan;

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use serde::de::Deserialize;

use self::members::{parsed, scanned};
use crate::error::ParseError;

/// Deepest nesting of objects and arrays in a request body (row S15).
pub const NESTING_MAX: usize = 128;

/// Most members of a request body at its top level (row S15). Real requests have some ten; what reads
/// them looks through the list for each.
pub const MEMBERS_MAX: usize = 1_000;

/// Up to so many keys are compared each with each, which is cheaper than any set of them.
const COMPARED_MAX: usize = 24;

/// FNV-1a, 64 bits: a hash that is the same on every machine and in every release. For ids and
/// names, never for security.
#[must_use]
pub fn stable_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The top level of a JSON object: keys, and values as the bytes that they were written in.
#[derive(Debug)]
pub struct RawObject<'a> {
    text: &'a str,
    members: Vec<(Cow<'a, str>, &'a str)>,
}

/// Where the members of one body stand: what [`RawObject::parse`] found, without borrowing the body.
#[derive(Debug, Clone)]
pub struct RawLayout {
    /// Bytes in front of the text (a BOM).
    skipped: usize,
    members: Vec<(KeySpan, Range<usize>)>,
}

#[derive(Debug, Clone)]
enum KeySpan {
    /// Written without escapes: its place in the text.
    Plain(Range<usize>),
    /// Written with escapes: what they mean.
    Escaped(String),
}

impl<'a> RawObject<'a> {
    /// Reads the top level of a request body. Values are checked to be JSON and not parsed.
    ///
    /// # Errors
    /// `invalid_json` if it is no UTF-8, no JSON, no object, nests deeper than [`NESTING_MAX`], has
    /// more members than [`MEMBERS_MAX`] (row S15), or names a key twice, be it in another case: what
    /// we checked must be what the provider reads, and some read `Model` as `model` (row S14).
    pub fn parse(body: &'a [u8]) -> Result<Self, ParseError> {
        let text = text_of(body).map_err(|error| {
            invalid_json(format!(
                "The request body is not valid UTF-8 (at byte {}). Send JSON encoded as UTF-8.",
                error.valid_up_to()
            ))
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let members = match scanned(text) {
            Some(members) => members,
            None => {
                // What is wrong: too deep, or as serde says.
                check_nesting(text.as_bytes(), NESTING_MAX)?;
                parsed(text).map_err(|error| invalid_json(explain(text, &error)))?
            }
        };
        if members.len() > MEMBERS_MAX {
            return Err(invalid_json(format!(
                "The request body has more than {MEMBERS_MAX} members. Send those that the API knows."
            )));
        }
        match repeated(&members) {
            Some(twice) => Err(ParseError {
                code: "invalid_json",
                message: format!(
                    "The key `{twice}` stands twice in the request body. Send it once."
                ),
                param: Some(twice.to_owned()),
            }),
            None => Ok(Self { text, members }),
        }
    }

    /// Where the members stand, to open the same body again without reading it again.
    #[must_use]
    pub fn layout(&self, body: &[u8]) -> RawLayout {
        let base = self.text.as_ptr() as usize;
        let place = |part: &str| {
            let start = part.as_ptr() as usize - base;
            start..start + part.len()
        };
        let members = self.members.iter().map(|(key, value)| {
            let key = match key {
                Cow::Borrowed(key) => KeySpan::Plain(place(key)),
                Cow::Owned(key) => KeySpan::Escaped(key.clone()),
            };
            (key, place(value))
        });
        RawLayout {
            skipped: body.len() - self.text.len(),
            members: members.collect(),
        }
    }

    /// Opens a body whose layout is known. `None` if the layout is that of another body.
    #[must_use]
    pub fn open(body: &'a [u8], layout: &RawLayout) -> Option<Self> {
        let text = text_of(body.get(layout.skipped..)?).ok()?;
        let members = layout.members.iter().map(|(key, value)| {
            let key = match key {
                KeySpan::Plain(place) => Cow::Borrowed(text.get(place.clone())?),
                KeySpan::Escaped(key) => Cow::Owned(key.clone()),
            };
            Some((key, text.get(value.clone())?))
        });
        let members = members.collect::<Option<Vec<_>>>()?;
        Some(Self { text, members })
    }

    /// The bytes of a member's value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.members
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| *value)
    }

    /// Keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(key, _)| key.as_ref())
    }

    /// Reads a member as `T`; `null` and absence are `None`.
    ///
    /// # Errors
    /// `invalid_type`, naming the key and what was expected.
    pub fn read<T: Deserialize<'a>>(
        &self,
        key: &str,
        expected: &str,
    ) -> Result<Option<T>, ParseError> {
        match self.get(key) {
            None | Some("null") => Ok(None),
            Some(text) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| ParseError {
                    code: "invalid_type",
                    message: format!("Invalid type for `{key}`: expected {expected}."),
                    param: Some(key.to_owned()),
                }),
        }
    }

    /// Members in order: key, and the bytes of the value.
    pub fn members(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.members
            .iter()
            .map(|(key, value)| (key.as_ref(), *value))
    }

    /// The body with these edits and every other byte as it was. A later edit of the same key
    /// wins.
    #[must_use]
    pub fn edited(&self, edits: &[Edit<'_>]) -> Vec<u8> {
        let part = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default().as_bytes();
        let base = self.text.as_ptr() as usize;
        let mut out = Vec::with_capacity(self.length_with(edits));
        let start = self.text.find('{').map_or(0, |brace| brace + 1);
        // What is kept is copied in runs: `from..at` is due.
        let (mut from, mut at) = (0, start);
        let mut kept = 0_usize;
        for (key, value) in &self.members {
            let value_start = value.as_ptr() as usize - base;
            let value_end = value_start + value.len();
            let edit = edits.iter().rev().find(|edit| edit.key() == key);
            let stays = !matches!(edit, Some(Edit::Remove(_)));
            if stays && kept == 0 && at > start {
                // The first that is left takes no comma over from those that are gone.
                let lead = self.text.get(at..value_start).unwrap_or_default();
                let bare = lead.trim_start().strip_prefix(',').unwrap_or(lead);
                from = value_start - bare.len();
            }
            match edit {
                None => {}
                Some(Edit::Set(_, json)) => {
                    out.extend_from_slice(part(from, value_start));
                    out.extend_from_slice(json.as_bytes());
                    from = value_end;
                }
                Some(Edit::Remove(_)) => {
                    out.extend_from_slice(part(from, at));
                    from = value_end;
                }
                Some(Edit::Rename(_, name)) => {
                    out.extend_from_slice(part(from, at));
                    add_key(name, kept > 0, &mut out);
                    out.extend_from_slice(value.as_bytes());
                    from = value_end;
                }
            }
            kept += usize::from(stays);
            at = value_end;
        }
        out.extend_from_slice(part(from, at));
        for (key, json) in self.added(edits) {
            add_key(key, kept > 0, &mut out);
            out.extend_from_slice(json.as_bytes());
            kept += 1;
        }
        out.extend_from_slice(part(at, self.text.len()));
        out
    }

    /// What is set and not there yet.
    fn added<'e>(&self, edits: &'e [Edit<'e>]) -> impl Iterator<Item = (&'e str, &'e str)> {
        let missing = |key: &str| !self.members.iter().any(|(name, _)| name == key);
        edits
            .iter()
            .enumerate()
            .filter_map(move |(at, edit)| match edit {
                Edit::Set(key, json) if missing(key) => {
                    let is_last = edits.iter().skip(at + 1).all(|later| later.key() != *key);
                    is_last.then_some((*key, json.as_ref()))
                }
                _ => None,
            })
    }

    /// About how long the body is with these edits; never much too short.
    fn length_with(&self, edits: &[Edit<'_>]) -> usize {
        /// Quotes, colon and comma of a member, and an escape or two of its key.
        const MEMBER_BYTES: usize = 8;
        edits
            .iter()
            .fold(self.text.len(), |length, edit| match edit {
                Edit::Set(key, json) => {
                    let before = self.get(key).map_or(0, str::len);
                    (length + key.len() + json.len() + MEMBER_BYTES).saturating_sub(before)
                }
                Edit::Rename(_, name) => length + name.len() + MEMBER_BYTES,
                Edit::Remove(_) => length,
            })
    }
}

/// Writes a key and its colon, behind a comma unless it is the first.
fn add_key(key: &str, comma: bool, out: &mut Vec<u8>) {
    if comma {
        out.push(b',');
    }
    out.extend_from_slice(quote(key).as_bytes());
    out.push(b':');
}

/// One edit of a top-level member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit<'a> {
    /// Sets the member to this JSON text, adding it at the end if it is not there.
    Set(&'a str, Cow<'a, str>),
    /// Takes the member out.
    Remove(&'a str),
    /// Gives the member another key.
    Rename(&'a str, &'a str),
}

impl Edit<'_> {
    fn key(&self) -> &str {
        match self {
            Self::Set(key, _) | Self::Remove(key) | Self::Rename(key, _) => key,
        }
    }
}

/// A JSON string literal.
#[must_use]
pub fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| serde_json::Value::from(text).to_string())
}

/// Sets a member of a JSON object; nothing if it is none.
pub(crate) fn set_member(
    object: &mut serde_json::Value,
    key: &str,
    member: impl Into<serde_json::Value>,
) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), member.into());
    }
}

/// Refuses nesting deeper than `nesting_max` without recursion.
///
/// # Errors
/// `invalid_json` with the depth that is allowed.
pub fn check_nesting(bytes: &[u8], nesting_max: usize) -> Result<(), ParseError> {
    // Most bodies have fewer brackets in all than the limit: counting them is far cheaper than
    // tracking strings.
    if memchr::memchr2_iter(b'{', b'[', bytes)
        .take(nesting_max.saturating_add(1))
        .count()
        <= nesting_max
    {
        return Ok(());
    }
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    for byte in bytes {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'{' | b'[') => {
                depth += 1;
                if depth > nesting_max {
                    return Err(invalid_json(format!(
                        "The request body nests deeper than {nesting_max} levels. Flatten it."
                    )));
                }
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// A key that stands twice.
fn repeated<'m>(members: &'m [(Cow<'_, str>, &str)]) -> Option<&'m str> {
    let mut keys = members.iter().map(|(key, _)| key.as_ref());
    if members.len() <= COMPARED_MAX {
        return keys.enumerate().find_map(|(at, key)| {
            let before = members.get(..at).unwrap_or_default();
            let same = |(other, _): &(Cow<'_, str>, _)| other.eq_ignore_ascii_case(key);
            before.iter().any(same).then_some(key)
        });
    }
    let mut seen = HashSet::with_capacity(members.len());
    keys.find(|key| !seen.insert(key.to_ascii_lowercase()))
}

fn invalid_json(message: String) -> ParseError {
    ParseError {
        code: "invalid_json",
        message,
        param: None,
    }
}

fn explain(text: &str, error: &serde_json::Error) -> String {
    if text.trim().is_empty() {
        return "The request body is empty. Send a JSON object.".to_owned();
    }
    // The rest of the message is serde's "… at line L column C", which never quotes the body.
    format!(
        "The request body is not a JSON object: {error}. Check quotes, commas and brackets there."
    )
}

/// Bytes as text, checked by SIMD.
///
/// # Errors
/// They are no UTF-8; where.
pub fn text_of(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    // The quick check doesn't say where.
    simdutf8::basic::from_utf8(bytes).or_else(|_| std::str::from_utf8(bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn edit(body: &str, edits: &[Edit<'_>]) -> String {
        String::from_utf8(RawObject::parse(body.as_bytes()).unwrap().edited(edits)).unwrap()
    }

    #[test]
    fn an_edit_leaves_every_other_byte() {
        let body = "{ \"model\" : \"a\",\n \"big\": 12345678901234567890123, \"x\":1.0e2 }";
        assert_eq!(edit(body, &[]), body);
        assert_eq!(
            edit(body, &[Edit::Set("model", "\"b\"".into())]),
            body.replace("\"a\"", "\"b\"")
        );
        assert_eq!(
            edit(body, &[Edit::Remove("model")]),
            "{\n \"big\": 12345678901234567890123, \"x\":1.0e2 }"
        );
        assert_eq!(
            edit(
                "{\"a\":1}",
                &[Edit::Remove("a"), Edit::Set("b", "2".into())]
            ),
            "{\"b\":2}"
        );
        assert_eq!(
            edit(
                "{\"max_tokens\":1,\"z\":0}",
                &[Edit::Rename("max_tokens", "n")]
            ),
            "{\"n\":1,\"z\":0}"
        );
        assert_eq!(edit("{}", &[Edit::Set("a", "1".into())]), "{\"a\":1}");
    }

    #[test]
    fn of_edits_of_a_key_that_is_not_there_the_last_one_counts() {
        fn set(value: &str) -> Edit<'_> {
            Edit::Set("a", value.into())
        }
        assert_eq!(edit("{}", &[set("1"), set("2")]), "{\"a\":2}");
        assert_eq!(edit("{}", &[set("1"), Edit::Remove("a")]), "{}");
        assert_eq!(edit("{}", &[Edit::Remove("a"), set("1")]), "{\"a\":1}");
    }

    #[test]
    fn s15_a_body_has_no_more_members_than_any_real_one() {
        let members = |count: usize| {
            let members: Vec<String> = (0..count).map(|key| format!("\"k{key}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(RawObject::parse(members(MEMBERS_MAX).as_bytes()).is_ok());
        for count in [MEMBERS_MAX + 1, 50_000] {
            let error = RawObject::parse(members(count).as_bytes()).unwrap_err();
            assert!(
                error.message.contains("more than 1000 members"),
                "{error:?}"
            );
        }
    }

    #[test]
    fn s14_a_key_that_stands_twice_is_refused() {
        let error = RawObject::parse(br#"{"model":"a","model":"b"}"#).unwrap_err();
        assert_eq!(error.param.as_deref(), Some("model"));
        // The same key in another spelling is the same key to the provider, in another case to some.
        assert!(RawObject::parse(br#"{"model":"a","Model":"b"}"#).is_err());
        assert!(RawObject::parse(b"{\"model\":1,\"mode\\u006c\":2}").is_err());
        for keys in [3, COMPARED_MAX, COMPARED_MAX + 1, 200] {
            let members: Vec<String> = (1..keys).map(|key| format!("\"k{key}\":0")).collect();
            let members = members.join(",");
            assert!(RawObject::parse(format!("{{{members}}}").as_bytes()).is_ok());
            let error = RawObject::parse(format!("{{{members},\"k1\":1}}").as_bytes()).unwrap_err();
            assert_eq!(error.param.as_deref(), Some("k1"), "{keys}");
        }
    }

    #[test]
    fn s15_deep_nesting_is_refused_and_brackets_in_text_are_not() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(
            RawObject::parse(deep.as_bytes())
                .unwrap_err()
                .message
                .contains("128")
        );
        let text = format!("{{\"a\":\"{}\"}}", "[".repeat(10_000));
        assert!(RawObject::parse(text.as_bytes()).is_ok());
        let at_limit = format!("{{\"a\":{}{}}}", "[".repeat(127), "]".repeat(127));
        assert!(RawObject::parse(at_limit.as_bytes()).is_ok());
    }

    #[test]
    fn a_layout_survives_a_bom_and_escapes_and_fits_no_shorter_body() {
        let body = "\u{feff}{\"mod\\u0065l\": \"a\", \"n\":1}".as_bytes();
        let layout = RawObject::parse(body).unwrap().layout(body);
        let again = RawObject::open(body, &layout).unwrap();
        assert_eq!(
            (again.get("model"), again.get("n")),
            (Some("\"a\""), Some("1"))
        );
        assert!(RawObject::open(&body[..8], &layout).is_none());
        assert!(RawObject::open(b"", &layout).is_none());
    }

    #[test]
    fn bad_bodies_are_named() {
        for (body, part) in [
            (&b""[..], "empty"),
            (b"[1]", "not a JSON object"),
            (b"{\"a\":", "line 1 column 5"),
            (b"{\"a\":\xff}", "UTF-8"),
        ] {
            assert!(
                RawObject::parse(body).unwrap_err().message.contains(part),
                "{part}"
            );
        }
    }

    fn arb_object() -> impl Strategy<Value = Map<String, Value>> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
            Just(Value::Null),
            Just(json!([{"a": "},{"}, "]"])),
        ];
        proptest::collection::btree_map("[a-d\\\\\"é]{1,3}", leaf, 0..6)
            .prop_map(|map| map.into_iter().collect())
    }

    proptest! {
        #[test]
        fn edits_do_what_editing_the_parsed_object_does(object in arb_object(), steps in proptest::collection::vec(("[a-d]{1}", 0..3), 0..4), pretty: bool) {
            let body = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
            let mut expected = object.clone();
            // The last edit of a key counts, and a key is added or renamed once.
            let steps: std::collections::BTreeMap<String, i32> = steps.into_iter().collect();
            let renamed: Vec<String> = steps.keys().map(|key| format!("{key}\"2")).collect();
            let edits: Vec<Edit<'_>> = steps.iter().zip(&renamed).map(|((key, kind), name)| match kind {
                0 => { expected.insert(key.clone(), json!("new")); Edit::Set(key, "\"new\"".into()) }
                1 => { expected.remove(key); Edit::Remove(key) }
                _ => {
                    if let Some(value) = expected.remove(key) { expected.insert(name.clone(), value); }
                    Edit::Rename(key, name)
                }
            }).collect();
            let out = edit(&body, &edits);
            let parsed: Map<String, Value> = serde_json::from_str(&out).unwrap();
            prop_assert_eq!(Value::from(parsed), Value::from(expected));
            if edits.is_empty() { prop_assert_eq!(&out, &body); }
            // Opened again by its layout, the body is the same to the byte.
            let raw = RawObject::parse(body.as_bytes()).unwrap();
            let again = RawObject::open(body.as_bytes(), &raw.layout(body.as_bytes())).unwrap();
            prop_assert_eq!(again.edited(&edits), out.as_bytes());
            prop_assert!(again.keys().eq(raw.keys()));
            for key in raw.keys() { prop_assert_eq!(again.get(key), raw.get(key)); }
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = RawObject::parse(&bytes);
        }
    }
}
