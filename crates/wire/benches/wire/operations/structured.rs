//! Structured output: 20 KB of JSON in canonical form.

use polyroute_measure::Operation;
use polyroute_wire::structured::{Order, canonical};
use serde_json::{Value, json};

/// Entries that make about 20 KB.
const ENTRIES: usize = 120;

pub(super) fn operations() -> Vec<Operation> {
    let plain = document().to_string();
    let wrapped = format!(
        "<think>Let me see.</think>Here it is:\n```json\n{:#}\n```\n",
        document()
    );
    let schema = schema();
    let order = Order::new(&schema);
    let mut all = vec![Operation::new("canonical form/the order of a schema", {
        move || Order::new(&schema)
    })];
    let written = canonical(&plain, &order, fits).expect("JSON");
    assert_eq!(
        written,
        canonical(&wrapped, &order, fits).expect("JSON"),
        "the same data is the same bytes"
    );
    for (name, text) in [
        ("20 KB", plain),
        ("20 KB, indented in a code fence", wrapped),
    ] {
        let (size, order) = (text.len(), order.clone());
        let write = move || canonical(&text, &order, fits);
        all.push(Operation::new(format!("canonical form/{name}"), write).of(size));
    }
    all
}

fn fits(_: &Value) -> Result<(), ()> {
    Ok(())
}

fn document() -> Value {
    let entry = |at: usize| {
        json!({"price": 1.50, "name": format!("Entry number {at}"), "id": at,
            "tags": ["new", "blue", "of the harbour"], "extra": {"z": null, "a": true},
            "note": "Nobody had asked why the lamp was \"still\" burning."})
    };
    json!({"total": ENTRIES, "entries": (0..ENTRIES).map(entry).collect::<Vec<_>>()})
}

fn schema() -> Value {
    json!({"type": "object", "properties": {
        "entries": {"type": "array", "items": {"$ref": "#/$defs/entry"}},
        "total": {"type": "integer"},
    }, "$defs": {"entry": {"type": "object", "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string"},
        "price": {"type": "number"},
        "note": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    }}}})
}
