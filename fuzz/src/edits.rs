//! Edits of JSON that is passed on: the same as parsing, editing and writing it anew, and every other
//! byte as it was.

use arbitrary::{Result, Unstructured};
use polyroute_wire::adapter::{Encoded, TranslationPolicy};
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::{edit_chat, needs_translation};
use polyroute_wire::json::{Edit, RawObject};
use serde_json::{Map, Value};

use crate::input::Input;
use crate::requests::{SPOKEN, body, sound};

/// Keys as they are written; some are the same key in another spelling.
const KEYS: [(&str, &str); 8] = [
    ("\"a\"", "a"),
    ("\"\\u0061\"", "a"),
    ("\"b\"", "b"),
    ("\"model\"", "model"),
    ("\"m\\u006fdel\"", "model"),
    ("\"\\\"é\\\\\"", "\"é\\"),
    ("\"\"", ""),
    ("\"},{\"", "},{"),
];
const VALUES: [&str; 12] = [
    "1",
    "-0.0e1",
    "12345678901234567890123",
    "\"\"",
    "\"}],{[\\\"\\\\\"",
    "\"\\ud83d\\ude00\"",
    "null",
    "[ ]",
    "[{\"a\" : \",\"} ,2]",
    "{ }",
    "{\"model\":\"x\"}",
    "true",
];
const SPACES: [&str; 4] = ["", " ", "\n\t", "\r\n  "];

/// Flag 0: an object made of pieces, and edits of it. Else any bytes.
pub(crate) fn json(data: &[u8]) {
    let input = Input::new(data);
    if !input.flag(0) {
        return any_bytes(input.rest);
    }
    let mut choices = Unstructured::new(input.rest);
    let _ = made(&mut choices);
}

/// Whatever bytes: what we take is what any reader of JSON takes, and a layout opens the same.
fn any_bytes(bytes: &[u8]) {
    let Ok(raw) = RawObject::parse(bytes) else {
        return;
    };
    let text = std::str::from_utf8(bytes).expect("it was read as UTF-8");
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let keys: Vec<&str> = raw.keys().collect();
    // The reader of values nests less deep by one than ours.
    if let Ok(value) = serde_json::from_str::<Map<String, Value>>(text) {
        assert!(keys.iter().copied().eq(value.keys().map(String::as_str)));
        for (key, value) in &value {
            let part: Value =
                serde_json::from_str(raw.get(key).expect("it is a key")).expect("JSON");
            assert_eq!(part, *value);
        }
    }
    assert_eq!(
        raw.edited(&[]),
        text.as_bytes(),
        "an edit that is none changed something"
    );
    let again = RawObject::open(bytes, &raw.layout(bytes)).expect("its own layout");
    assert!(again.keys().eq(raw.keys()));
    if let Some(first) = keys.first() {
        let edits = [Edit::Set(first, "7".into())];
        assert_eq!(again.edited(&edits), raw.edited(&edits));
    }
}

fn made(input: &mut Unstructured<'_>) -> Result<()> {
    let mut text = String::from("{");
    let mut members: Vec<(&str, &str)> = Vec::new();
    for _ in 0..input.int_in_range(0..=6)? {
        let (written, key) = *input.choose(&KEYS)?;
        if members.iter().any(|(known, _)| *known == key) {
            continue;
        }
        let value = *input.choose(&VALUES)?;
        if !members.is_empty() {
            text.push(',');
        }
        for part in [written, ":", value] {
            text.push_str(input.choose(&SPACES)?);
            text.push_str(part);
        }
        text.push_str(input.choose(&SPACES)?);
        members.push((key, value));
    }
    text.push('}');
    let mut edits = Vec::new();
    // Renames go to keys that are not there: two of a kind are the editor's own fault.
    let mut fresh = ["n1", "n2", "n3"].into_iter();
    for _ in 0..input.int_in_range(0..=5)? {
        let (_, key) = *input.choose(&KEYS)?;
        edits.push(match input.int_in_range(0..=2)? {
            0 => Edit::Set(key, (*input.choose(&VALUES)?).into()),
            1 => Edit::Remove(key),
            _ => match fresh.next() {
                Some(name) => Edit::Rename(key, name),
                None => Edit::Remove(key),
            },
        });
    }
    let raw = RawObject::parse(text.as_bytes()).expect("a well-formed object");
    let out = String::from_utf8(raw.edited(&edits)).expect("text");
    let read = |text: &str| -> Map<String, Value> {
        let raw = RawObject::parse(text.as_bytes());
        let raw = raw.unwrap_or_else(|error| panic!("{error:?}: {edits:?} of {text}"));
        let value = |key: &str| serde_json::from_str(raw.get(key).expect("a key")).expect("JSON");
        raw.keys().map(|key| (key.to_owned(), value(key))).collect()
    };
    assert_eq!(
        Value::from(read(&out)),
        Value::from(expected(&read(&text), &edits)),
        "{edits:?} of {text} gave {out}"
    );
    // What no edit is about keeps its bytes.
    for (key, value) in members {
        if !edits.iter().any(|edit| key_of(edit) == key) {
            let kept = RawObject::parse(out.as_bytes())
                .expect("JSON")
                .get(key)
                .map(str::to_owned);
            assert_eq!(kept.as_deref(), Some(value));
        }
    }
    Ok(())
}

fn key_of<'e>(edit: &'e Edit<'_>) -> &'e str {
    match edit {
        Edit::Set(key, _) | Edit::Remove(key) | Edit::Rename(key, _) => key,
    }
}

/// The same edits of the parsed object: of each key the last one counts.
fn expected(object: &Map<String, Value>, edits: &[Edit<'_>]) -> Map<String, Value> {
    let mut out = object.clone();
    for (at, edit) in edits.iter().enumerate() {
        if edits[at + 1..]
            .iter()
            .any(|later| key_of(later) == key_of(edit))
        {
            continue;
        }
        match edit {
            Edit::Set(key, json) => {
                out.insert((*key).to_owned(), serde_json::from_str(json).expect("JSON"));
            }
            Edit::Remove(key) => drop(out.shift_remove(*key)),
            Edit::Rename(key, name) => {
                if let Some(value) = out.shift_remove(*key) {
                    out.insert((*name).to_owned(), value);
                }
            }
        }
    }
    out
}

/// A chat request that is passed on to a vendor of OpenAI's format.
pub(crate) fn chat(data: &[u8]) {
    let input = Input::new(data);
    let body = body("chat", input);
    let Ok(raw) = RawObject::parse(&body) else {
        return;
    };
    let spoken: Vec<_> = SPOKEN
        .iter()
        .filter(|it| it.dialect == Dialect::OpenAi)
        .collect();
    let target = input.pick(&spoken).with(TranslationPolicy {
        strict_params: input.flag(1),
        rewrite_prefill: input.flag(2),
        downgrade_forced_tool_choice: input.flag(3),
        ..TranslationPolicy::default()
    });
    let _ = needs_translation(&raw, &target);
    let Ok(edited) = edit_chat(&raw, &target) else {
        return;
    };
    sound(&edited.encoded, &body, &target);
    let sent = &edited.encoded.body;
    let out = RawObject::parse(sent);
    let out = out.unwrap_or_else(|error| panic!("{error:?}: {}", String::from_utf8_lossy(sent)));
    // Which model answers is a matter of rights: no option may say another one.
    let model = out
        .get("model")
        .and_then(|text| serde_json::from_str::<String>(text).ok());
    assert_eq!(model.as_deref(), Some(target.model.as_str()));
    let streamed = |raw: &RawObject<'_>| raw.get("stream") == Some("true");
    assert_eq!(
        streamed(&out),
        edited.encoded.context.stream != edited.encoded.context.stream_turned,
        "we would read it otherwise than it comes: {}",
        String::from_utf8_lossy(sent)
    );
    assert_eq!(out.get("provider_options"), None);
    named(&raw, &out, &edited.encoded);
}

/// Whether a value says what holds without it: leaving it out loses nothing, and needs no word.
fn is_default(key: &str, value: &str) -> bool {
    match key {
        "n" => value == "1",
        "frequency_penalty" | "presence_penalty" => value.parse() == Ok(0.0),
        "logprobs" | "store" => value == "false",
        "parallel_tool_calls" => value == "true",
        "service_tier" => matches!(value, "\"auto\"" | "\"default\""),
        "verbosity" => value == "\"medium\"",
        _ => false,
    }
}

/// What went is named, ours, or stands under another name.
fn named(raw: &RawObject<'_>, out: &RawObject<'_>, encoded: &Encoded) {
    let is_ours = |key: &str| key.starts_with("x-") || key.starts_with("provider");
    let is_nothing = |text: Option<&str>| {
        text.is_some_and(|text| {
            matches!(text.replace([' ', '\n'], "").as_str(), "null" | "[]" | "{}")
        })
    };
    for key in raw.keys().filter(|key| !is_ours(key)) {
        let is_gone = out.get(key).is_none() && !is_nothing(raw.get(key));
        let is_gone = is_gone && !is_default(key, raw.get(key).unwrap_or_default());
        let tells = |list: &[String]| {
            list.iter().any(|path| {
                let rest = path.strip_prefix(key);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[', '=']))
            })
        };
        let is_told = tells(&encoded.dropped) || tells(&encoded.changed);
        // Some always send the usage chunk, which is passed on or not as the caller asked.
        let is_told = is_told || key == "stream_options";
        // Without tools there is nothing that these speak of.
        let tools = out.get("tools").or(out.get("functions"));
        let has_tools = tools.is_some_and(|tools| tools.starts_with('['));
        let of_tools = ["parallel_tool_calls", "tool_choice", "function_call"].contains(&key);
        let is_told = is_told || (of_tools && !has_tools);
        // Under other names: the output limit, and what each vendor calls thinking and the like.
        let is_new = |key: &str| matches!(raw.get(key), None | Some("null"));
        let is_moved = |(other, value): (&str, &str)| other != key && raw.get(key) == Some(value);
        let is_renamed = out.keys().any(is_new) || out.members().any(is_moved);
        assert!(
            !is_gone || is_told || is_renamed,
            "`{key}` went without a word: {}\n{raw:?}",
            String::from_utf8_lossy(&encoded.body)
        );
    }
}
