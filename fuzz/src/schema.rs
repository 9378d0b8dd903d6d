//! JSON schemas of callers: every dialect says them its way, bounded, and answers are ordered by them.

use std::sync::LazyLock;

use arbitrary::Unstructured;
use polyroute::pipeline::Schemas;
use polyroute_wire::adapter::TranslationPolicy;
use polyroute_wire::dialect::openai::parse_chat;
use polyroute_wire::json::RawObject;
use polyroute_wire::media::MediaStore;
use polyroute_wire::structured::{CHECKS_MAX, Order, canonical, checks};
use serde_json::{Value, json};

use crate::input::Input;
use crate::requests::{SPOKEN, sound};
use crate::templates;

static SCHEMAS: LazyLock<Schemas> = LazyLock::new(Schemas::new);

/// Flag 0: made of templates, else the rest is the schema. Flag 1: of a tool, else of the answer.
pub(crate) fn run(data: &[u8]) {
    let input = Input::new(data);
    let schema = if input.flag(0) {
        templates::requests()
            .one("schemas", &mut Unstructured::new(input.rest))
            .unwrap_or_default()
    } else {
        let Ok(schema) = serde_json::from_slice::<Value>(input.rest) else {
            return;
        };
        schema
    };
    let order = Order::new(&schema);
    for text in [
        "{\"b\":1,\"a\":[{\"z\":1,\"x\":2}],\"next\":{}}",
        "[1.0,\"x\",null]",
    ] {
        let form = canonical(text, &order, |_| Ok::<(), ()>(())).expect("it is JSON");
        let again = canonical(&form, &order, |_| Ok::<(), ()>(()));
        assert_eq!(again, Ok(form), "no fixed point");
    }
    let is_bounded = checks(&schema) <= CHECKS_MAX;
    if let Ok(_compiled) = SCHEMAS.get(&schema) {
        assert!(is_bounded, "more checks than are allowed");
    }
    let messages = json!([{"role": "user", "content": "json"}]);
    let body = if input.flag(1) {
        let function = json!({"name": "f", "parameters": schema, "strict": input.flag(2)});
        json!({"model": "m", "messages": messages, "tools": [{"type": "function", "function": function}]})
    } else {
        let named = json!({"name": "answer", "schema": schema, "strict": input.flag(2)});
        json!({"model": "m", "messages": messages,
            "response_format": {"type": "json_schema", "json_schema": named}})
    };
    let body = body.to_string();
    let Ok(request) = RawObject::parse(body.as_bytes()).and_then(|raw| parse_chat(&raw)) else {
        return;
    };
    let spoken = input.pick(&SPOKEN);
    let target = spoken.with(TranslationPolicy::default());
    let encode = || {
        spoken
            .adapter()
            .encode_chat(&request, &target, &MediaStore::default())
    };
    if let Ok(encoded) = encode() {
        sound(&encoded, body.as_bytes(), &target);
        assert_eq!(encode(), Ok(encoded), "two encodings differ");
    }
}
