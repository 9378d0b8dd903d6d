//! Tokens estimated: texts by the kilobyte, tools, and a whole request looked through.

use polyroute_engine::estimate::{Family, Form, InputSize};
use polyroute_engine::needs::{ApiNeeds, RequestNeeds};
use polyroute_measure::Operation;
use polyroute_wire::json::RawObject;
use serde_json::{Value, json};

use super::repeated;

pub(super) fn operations() -> Vec<Operation> {
    let family = Family::of("openai", "gpt-4o-mini");
    let mut all = Vec::new();
    for (name, sentence) in [
        (
            "prose",
            "The harbour was quiet when the first boats came back. ",
        ),
        (
            "German",
            "Grüße aus München, wo es gestern heftig schneite. ",
        ),
        (
            "Chinese",
            "港口很安静，第一批船只随着潮水回来了。七封信放在桌上。",
        ),
        (
            "code",
            "if (items[i].count > 0) { total += items[i].count * 2; }\n",
        ),
        (
            "numbers",
            "1048576, 3.14159265, 0x1f, 2026-01-31T10:00:00Z; ",
        ),
    ] {
        let text = repeated(sentence, 1_000);
        let bytes = text.len();
        let count = move || {
            let mut size = InputSize::default();
            size.text(&text, Form::Plain);
            size.tokens(family)
        };
        assert!(count() > 50, "{name}");
        all.push(Operation::new(format!("tokens of a text/1 KB of {name}"), count).of(bytes));
    }
    let (description, schema) = (repeated("What it is for. ", 240), schema().to_string());
    let bytes = description.len() + schema.len();
    let tools = move || {
        let mut size = InputSize::default();
        size.tool("look_up", &description, &schema, Form::Plain);
        size.tokens(family)
    };
    all.push(Operation::new("tokens of a tool/with 5 parameters", tools).of(bytes));
    for (name, body) in [
        ("0.5 KB", body(300, 0)),
        ("20 KB", body(20_000, 0)),
        ("8 tools", body(300, 8)),
    ] {
        let size = body.len();
        let peek = move || RequestNeeds::peek(body.as_bytes());
        assert!(peek().is_some(), "{name}");
        all.push(Operation::new(format!("needs of a request/{name}"), peek).of(size));
    }
    let body: &'static str = body(300, 8).leak();
    let raw = RawObject::parse(body.as_bytes()).expect("a JSON object");
    all.push(Operation::new("needs of a request/which API", move || {
        ApiNeeds::peek(&raw)
    }));
    all
}

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "query": {"type": "string", "description": "What to look for."},
        "limit": {"type": "integer", "minimum": 1, "maximum": 50},
        "order": {"type": "string", "enum": ["newest", "oldest", "best"]},
        "from": {"type": "string"},
        "until": {"type": "string"},
    }, "required": ["query"]})
}

fn body(bytes: usize, tools: usize) -> String {
    let text = repeated("Seven letters lay on the table. ", bytes);
    let tool = |at: usize| {
        json!({"type": "function", "function": {"name": format!("look_up_{at}"),
            "description": "Looks something up.", "parameters": schema()}})
    };
    json!({
        "model": "eight",
        "messages": [{"role": "user", "content": text}],
        "tools": (0..tools).map(tool).collect::<Vec<_>>(),
        "max_tokens": 100,
    })
    .to_string()
}
