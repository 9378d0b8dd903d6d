//! How each vendor is asked to think, and where its thoughts come back (wire-protocols §9).

use serde_json::{Value, json};

use super::{FILES, request, sent, sent_to, target};
use crate::capability::{Capabilities, Reasoning};
use crate::dialect::openai::edit_chat;
use crate::json::RawObject;
use crate::think_tags::ThinkTags;

#[test]
fn section_9_how_thinking_is_asked_for() {
    let effort = |vendor: &str, word: &str| sent(vendor, &json!({"reasoning_effort": word})).body;
    assert_eq!(
        effort("deepseek", "none")["thinking"],
        json!({"type": "disabled"})
    );
    assert!(!effort("deepseek", "none").contains_key("reasoning_effort"));
    assert_eq!(
        effort("deepseek", "high")["thinking"],
        json!({"type": "enabled"})
    );
    assert_eq!(effort("deepseek", "high")["reasoning_effort"], "high");
    assert_eq!(effort("qwen", "none")["enable_thinking"], false);
    assert_eq!(effort("qwen", "low")["enable_thinking"], true);
    assert_eq!(effort("qwen", "low")["thinking_budget"], 2048);
    assert_eq!(
        effort("together", "none")["reasoning"],
        json!({"enabled": false})
    );
    assert_eq!(effort("cerebras", "none")["disable_reasoning"], true);
    assert_eq!(effort("cerebras", "low")["reasoning_effort"], "low");
    assert_eq!(effort("openrouter", "low")["reasoning_effort"], "low");
    // The caller's own switch is left alone.
    let own = json!({"reasoning_effort": "high", "thinking": {"type": "disabled"}});
    assert_eq!(
        sent("deepseek", &own).body["thinking"],
        json!({"type": "disabled"})
    );
}

#[test]
fn section_9_fireworks_effort_may_be_a_number_or_a_switch() {
    for form in [json!("high"), json!(5000), json!(true), json!(false)] {
        let sent = sent("fireworks", &json!({ "reasoning_effort": form }));
        assert_eq!(sent.body["reasoning_effort"], form);
        assert!(sent.changed.is_empty() && sent.dropped.is_empty());
    }
    for (form, word) in [
        (json!(1), "minimal"),
        (json!(0), "none"),
        (json!(9000), "medium"),
        (json!(100_000), "max"),
        (json!(true), "medium"),
        (json!(false), "none"),
    ] {
        let sent = sent("openrouter", &json!({ "reasoning_effort": form }));
        assert_eq!(sent.body["reasoning_effort"], word, "{form}");
        assert_eq!(sent.changed, [format!("reasoning_effort={word}")]);
    }
    // In the vendor's own words after that.
    let qwen = sent("qwen", &json!({"reasoning_effort": false}));
    assert_eq!(qwen.body["enable_thinking"], false);
    // History is the caller's (`reasoning_history` says what becomes of it).
    let history = json!({"reasoning_history": "preserved"});
    assert_eq!(
        sent("fireworks", &history).body["reasoning_history"],
        "preserved"
    );
}

#[test]
fn section_9_openrouters_reasoning_object() {
    for object in [
        json!({"effort": "low", "exclude": true}),
        json!({"max_tokens": 2000}),
        json!({"enabled": true}),
    ] {
        let text = request(&json!({ "reasoning": object })).to_string();
        let raw = RawObject::parse(text.as_bytes()).unwrap();
        for vendor in ["openrouter", "together", "ollama"] {
            let passed = edit_chat(&raw, &target(vendor)).unwrap().encoded;
            let body: Value = serde_json::from_slice(&passed.body).unwrap();
            assert_eq!(body["reasoning"], object, "{vendor}");
        }
    }
    let asked = |object: Value| json!({ "reasoning": object });
    for vendor in ["groq", "cerebras", "mistral", "perplexity", "xai", "vllm"] {
        let low = sent(vendor, &asked(json!({"effort": "low", "exclude": true})));
        assert_eq!(low.body["reasoning_effort"], "low", "{vendor}");
        assert!(!low.body.contains_key("reasoning"), "{vendor}");
        assert_eq!(low.dropped, ["reasoning.exclude"], "{vendor}");
        let budget = sent(vendor, &asked(json!({"max_tokens": 2000})));
        assert_eq!(budget.body["reasoning_effort"], "low", "{vendor}");
        assert_eq!(budget.changed, ["reasoning_effort=low"], "{vendor}");
    }
    let fireworks = sent("fireworks", &asked(json!({"max_tokens": 2000})));
    assert_eq!(fireworks.body["reasoning_effort"], 2000);
    let qwen = sent("qwen", &asked(json!({"enabled": false})));
    assert_eq!(qwen.body["enable_thinking"], false);
    let deepseek = sent("deepseek", &asked(json!({"effort": "high"})));
    assert_eq!(deepseek.body["thinking"], json!({"type": "enabled"}));
    // The word beside it is more exact.
    let both = json!({"reasoning_effort": "high", "reasoning": {"effort": "low"}});
    assert_eq!(sent("groq", &both).body["reasoning_effort"], "high");
}

#[test]
fn section_9_an_effort_of_default_is_none_said() {
    for vendor in ["groq", "openrouter", "deepseek"] {
        let sent = sent(vendor, &json!({"reasoning_effort": "default"}));
        assert!(!sent.body.contains_key("reasoning_effort"), "{vendor}");
        assert!(sent.dropped.is_empty() && sent.changed.is_empty());
    }
}

#[test]
fn section_9_which_vendors_leave_reasoning_in_the_text() {
    for (vendor, _) in FILES {
        let tags = target(vendor).endpoint.profile.reasoning.tags;
        let wanted = if *vendor == "perplexity" {
            ThinkTags::Split
        } else {
            ThinkTags::Off
        };
        assert_eq!(tags, wanted, "{vendor}");
        assert_eq!(
            sent_to(&target(vendor), &request(&json!({})))
                .unwrap()
                .think_tags,
            wanted
        );
    }
    // Who asks Groq for the raw text gets it.
    let raw = sent("groq", &json!({"reasoning_format": "raw"}));
    assert_eq!(raw.body["reasoning_format"], "raw");
}

#[test]
fn section_9_groq_parts_reasoning_from_content_on_models_that_think() {
    assert!(
        !sent("groq", &json!({}))
            .body
            .contains_key("reasoning_format")
    );
    let mut thinker = target("groq");
    thinker.capabilities = Capabilities {
        reasoning: Reasoning::Effort {
            levels: vec![crate::chat::Effort::Low],
        },
        ..Capabilities::default()
    };
    let sent = sent_to(&thinker, &request(&json!({}))).unwrap();
    assert_eq!(sent.body["reasoning_format"], "parsed");
}
