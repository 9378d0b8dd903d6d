//! Chat requests: read, passed on, translated.

use polyroute_measure::Operation;
use polyroute_wire::chat::ChatRequest;
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::{parse_chat, pass_chat};
use polyroute_wire::json::{Edit, RawObject};
use polyroute_wire::media::MediaStore;
use serde_json::{Value, json};

use super::{prose, target};

pub(super) fn operations() -> Vec<Operation> {
    let bodies = [
        ("0.5 KB", plain(500)),
        ("20 KB", plain(20_000)),
        ("1,000 KB", plain(1_000_000)),
        ("8 tools", with_tools(8)),
        ("100 turns", conversation(100)),
        ("a stream", streamed()),
    ];
    let mut all = Vec::new();
    for (name, body) in &bodies {
        let body: &'static [u8] = body.clone().leak();
        all.push(
            Operation::new(format!("parse the top level/{name}"), move || top(body)).of(body.len()),
        );
        all.push(
            Operation::new(format!("parse to the hub/{name}"), move || hub(body)).of(body.len()),
        );
        for (to, first_party) in [("OpenAI", true), ("a compatible server", false)] {
            let mut target = target(Dialect::OpenAi);
            target.endpoint.first_party = first_party;
            target.capabilities.max_completion_tokens = first_party;
            let raw = top(body);
            let passes = move || pass_chat(&raw, &target).expect("an edited request");
            assert!(passes().is_some(), "{name} is passed on");
            all.push(Operation::new(format!("pass on to {to}/{name}"), passes).of(body.len()));
        }
    }
    let body: &'static [u8] = plain(20_000).leak();
    let layout = top(body).layout(body);
    let opens = move || RawObject::open(body, &layout).expect("its own layout");
    all.push(Operation::new("open a parsed body/20 KB", opens).of(body.len()));
    let raw = top(body);
    let edits = [Edit::Set("model", "\"other\"".into())];
    all.push(Operation::new("edit one member/20 KB", move || raw.edited(&edits)).of(body.len()));
    all.extend(translations());
    all
}

/// Two conversations to every dialect: one short question, and one of 20 turns with tools.
fn translations() -> Vec<Operation> {
    let bodies = [
        ("0.5 KB", plain(500)),
        ("20 turns with tools", with_calls(20)),
    ];
    let mut all = Vec::new();
    for dialect in Dialect::ALL {
        for (name, body) in &bodies {
            let (request, target) = (hub(body), target(*dialect));
            let translate = move || {
                let media = MediaStore::default();
                dialect.adapter().encode_chat(&request, &target, &media)
            };
            assert!(translate().is_ok(), "{}: {name}", dialect.as_str());
            let name = format!("translate to {}/{name}", dialect.as_str());
            all.push(Operation::new(name, translate).of(body.len()));
        }
    }
    all
}

fn top(body: &[u8]) -> RawObject<'_> {
    RawObject::parse(body).expect("a JSON object")
}

fn hub(body: &[u8]) -> ChatRequest {
    parse_chat(&top(body)).expect("a chat request")
}

/// A question of about that many bytes, as SDKs send it.
fn plain(bytes: usize) -> Vec<u8> {
    let body = json!({
        "model": "gpt-measured",
        "messages": [
            {"role": "system", "content": "You are a terse assistant."},
            {"role": "user", "content": prose(bytes.saturating_sub(180))},
        ],
        "temperature": 0.2,
        "max_tokens": 100,
    });
    body.to_string().into_bytes()
}

fn streamed() -> Vec<u8> {
    let body = json!({
        "model": "gpt-measured",
        "messages": [{"role": "user", "content": prose(300)}],
        "stream": true,
        "temperature": 0.2,
    });
    body.to_string().into_bytes()
}

/// A definition of a function tool, some 700 bytes.
fn tool(at: usize) -> Value {
    json!({"type": "function", "function": {
        "name": format!("look_up_{at}"),
        "description": prose(240),
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": "string", "description": "What to look for."},
                "limit": {"type": "integer", "minimum": 1, "maximum": 50},
                "order": {"type": "string", "enum": ["newest", "oldest", "best"]},
                "filter": {"type": "object", "properties": {
                    "from": {"type": "string"}, "until": {"type": "string"}}},
            },
            "required": ["query"],
        },
    }})
}

fn with_tools(count: usize) -> Vec<u8> {
    let body = json!({
        "model": "gpt-measured",
        "messages": [{"role": "user", "content": prose(300)}],
        "tools": (0..count).map(tool).collect::<Vec<_>>(),
        "tool_choice": "auto",
        "max_tokens": 1_000,
    });
    body.to_string().into_bytes()
}

/// Turns of about 400 bytes, caller and model in turn.
fn conversation(turns: usize) -> Vec<u8> {
    let turn = |at: usize| {
        let role = if at.is_multiple_of(2) {
            "user"
        } else {
            "assistant"
        };
        json!({"role": role, "content": prose(400)})
    };
    let body = json!({
        "model": "gpt-measured",
        "messages": (0..=turns).map(turn).collect::<Vec<_>>(),
        "temperature": 0.2,
    });
    body.to_string().into_bytes()
}

/// Turns in which the model calls a tool and gets its result.
fn with_calls(turns: usize) -> Vec<u8> {
    let turn = |at: usize| {
        let id = format!("call_{at}");
        [
            json!({"role": "user", "content": prose(200)}),
            json!({"role": "assistant", "content": null, "tool_calls": [{"id": id,
                "type": "function", "function": {"name": "look_up_1",
                "arguments": "{\"query\":\"the harbour\",\"limit\":5}"}}]}),
            json!({"role": "tool", "tool_call_id": id, "content": prose(600)}),
            json!({"role": "assistant", "content": prose(200)}),
        ]
    };
    let mut messages = vec![json!({"role": "system", "content": "You are a terse assistant."})];
    messages.extend((0..turns).flat_map(turn));
    messages.push(json!({"role": "user", "content": "And now?"}));
    let body = json!({
        "model": "gpt-measured",
        "messages": messages,
        "tools": (0..4).map(tool).collect::<Vec<_>>(),
        "tool_choice": "auto",
        "max_tokens": 1_000,
    });
    body.to_string().into_bytes()
}
