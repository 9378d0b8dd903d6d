//! What an estimate costs on the request path.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};

use crate::estimate::Family;
use crate::needs::RequestNeeds;

/// A conversation of English text and code, and one with many tools.
fn requests() -> [(&'static str, Value); 2] {
    let mut text = String::new();
    for at in 0..1_500 {
        let _ = writeln!(
            text,
            "{at}. The quick brown fox wouldn't jump over `lazy_dog({at})` before 12:30."
        );
    }
    let turn = |role: &str| json!({"role": role, "content": text});
    let messages = json!([turn("user"), turn("assistant"), turn("user")]);
    let tools: Vec<Value> = (0..100)
        .map(|at| {
            json!({"type": "function", "function": {
                "name": format!("look_up_{at}"),
                "description": "Looks an order up by its number and the customer's name.",
                "parameters": {"type": "object", "additionalProperties": false, "properties": {
                    "number": {"type": "string", "description": "Order number, such as A-1234"},
                    "customer": {"type": "object", "properties": {
                        "name": {"type": "string"}, "country": {"enum": ["de", "fr"]}}}},
                    "required": ["number", "customer"]}}})
        })
        .collect();
    let short = json!([{"role": "user", "content": "Where is A-1234?"}]);
    [
        ("text", json!({"model": "m", "messages": messages})),
        (
            "tools",
            json!({"model": "m", "messages": short, "tools": tools}),
        ),
    ]
}

#[test]
#[ignore = "a measurement: run it with --release --nocapture"]
fn cost_per_kilobyte() {
    for (name, request) in requests() {
        let body = serde_json::to_vec(&request).unwrap();
        let mut best = u128::MAX;
        for _ in 0..200 {
            let start = Instant::now();
            let needs = RequestNeeds::peek(black_box(&body)).unwrap();
            black_box(needs.size.tokens(Family::Claude));
            best = best.min(start.elapsed().as_nanos());
        }
        let kilobytes = body.len() as u128 / 1_000;
        println!("{name}: {kilobytes} kB, {} ns per kB", best / kilobytes);
    }
}
