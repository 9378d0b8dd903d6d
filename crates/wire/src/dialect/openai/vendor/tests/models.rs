//! What depends on the model as well, by the families of each vendor's file (wire-protocols §4, §7).

use serde_json::{Map, Value, json};

use super::{FILES, request, sent_to, target};
use crate::adapter::Target;

fn of_family(vendor: &str, family: &str) -> Target {
    let (_, text) = FILES.iter().find(|(name, _)| *name == vendor).unwrap();
    let file: Value = serde_json::from_str(text).unwrap();
    let families = file["families"].as_array().unwrap();
    let mut chain = Vec::new();
    let mut next = Some(family.to_owned());
    while let Some(name) = next {
        let found = families.iter().find(|row| row["name"] == *name).unwrap();
        chain.push(found["capabilities"].as_object().unwrap().clone());
        next = found["inherits"].as_str().map(ToOwned::to_owned);
    }
    let mut said = Map::new();
    chain.into_iter().rev().for_each(|more| said.extend(more));
    let mut target = target(vendor);
    target.capabilities = serde_json::from_value(said.into()).unwrap();
    target
}

fn stops(count: usize) -> Value {
    json!({ "stop": vec!["x"; count] })
}

#[test]
fn section_4_stop_sequences_by_vendor() {
    for (vendor, family) in [
        ("groq", "groq"),
        ("cerebras", "cerebras"),
        ("fireworks", "fireworks"),
    ] {
        let at = of_family(vendor, family);
        assert!(
            sent_to(&at, &request(&stops(4)))
                .unwrap()
                .dropped
                .is_empty(),
            "{vendor}"
        );
        let error = sent_to(&at, &request(&stops(5))).err().unwrap();
        assert_eq!(error.param.as_deref(), Some("stop"), "{vendor}");
    }
    for (vendor, family) in [
        ("mistral", "mistral"),
        ("deepseek", "deepseek"),
        ("perplexity", "sonar"),
        ("qwen", "qwen"),
        ("vllm", "vllm"),
        ("openrouter", "openrouter"),
    ] {
        let sent = sent_to(&of_family(vendor, family), &request(&stops(5))).unwrap();
        assert_eq!(sent.body["stop"].as_array().unwrap().len(), 5, "{vendor}");
    }
}

#[test]
fn section_4_note_8_xai_reasoning_models() {
    let asked = json!({"stop": ["x"], "presence_penalty": 0.5, "frequency_penalty": 0.5});
    for family in ["grok-reasoning", "grok-3-mini", "grok-4.5"] {
        let sent = sent_to(&of_family("xai", family), &request(&asked)).unwrap();
        assert_eq!(
            sent.dropped,
            ["frequency_penalty", "presence_penalty", "stop"],
            "{family}"
        );
    }
    let plain = sent_to(&of_family("xai", "grok-plain"), &request(&asked)).unwrap();
    assert!(plain.dropped.is_empty());
    // And some refuse an effort at any value (§9).
    let effort = json!({"reasoning_effort": "low"});
    for family in ["grok-reasoning", "grok-plain"] {
        let sent = sent_to(&of_family("xai", family), &request(&effort)).unwrap();
        assert_eq!(sent.dropped, ["reasoning_effort"], "{family}");
    }
    let mini = sent_to(
        &of_family("xai", "grok-3-mini"),
        &request(&json!({"reasoning_effort": "medium"})),
    )
    .unwrap();
    assert_eq!(
        (&mini.body["reasoning_effort"], &*mini.changed),
        (&json!("low"), &["reasoning_effort=low".to_owned()][..])
    );
}

#[test]
fn section_4_note_13_parallel_calls_by_vendor() {
    let tools = json!([{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]);
    let asked = json!({"tools": tools, "parallel_tool_calls": false});
    for (vendor, family, taken) in [
        ("mistral", "mistral", true),
        ("groq", "groq", true),
        ("cerebras", "cerebras", true),
        ("fireworks", "fireworks", true),
        ("xai", "grok", true),
        ("qwen", "qwen", true),
        ("openrouter", "openrouter", true),
        ("vllm", "vllm", true),
        ("deepseek", "deepseek", false),
        ("together", "together", false),
        ("ollama", "ollama", false),
    ] {
        let at = of_family(vendor, family);
        let sent = sent_to(&at, &request(&asked)).unwrap();
        assert_eq!(
            sent.body.contains_key("parallel_tool_calls"),
            taken,
            "{vendor}"
        );
        assert_eq!(sent.dropped.is_empty(), taken, "{vendor}");
        // Only where there are tools, and what holds anyway loses nothing.
        for members in [
            json!({"parallel_tool_calls": false}),
            json!({"tools": tools, "parallel_tool_calls": true}),
        ] {
            let sent = sent_to(&at, &request(&members)).unwrap();
            assert!(sent.dropped.is_empty(), "{vendor} {members}");
        }
    }
}

#[test]
fn section_15_qwen_and_ollama_are_not_forced_to_call() {
    let asked = json!({"tool_choice": "required", "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]});
    for vendor in ["qwen", "ollama"] {
        let mut at = of_family(vendor, vendor);
        let error = sent_to(&at, &request(&asked)).err().unwrap();
        assert_eq!(error.param.as_deref(), Some("tool_choice"), "{vendor}");
        at.policy.downgrade_forced_tool_choice = true;
        let sent = sent_to(&at, &request(&asked)).unwrap();
        assert_eq!(sent.body["tool_choice"], "auto", "{vendor}");
        assert_eq!(sent.changed, ["tool_choice=auto"], "{vendor}");
    }
}
