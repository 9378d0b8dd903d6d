//! Cache marks, search and routing preferences by vendor (wire-protocols §10, §15).

use serde_json::{Value, json};

use super::{FILES, request, sent, sent_to, target};
use crate::dialect::openai::edit_chat;
use crate::json::RawObject;

/// Marks are stripped and named before any wire that has no place for them; part, message, tool and
/// request alike.
#[test]
fn section_10_cache_marks_of_each_vendor() {
    let mark = json!({"type": "ephemeral"});
    let body = json!({"model": "x", "cache_control": mark,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": mark}]}],
        "tools": [{"type": "function", "cache_control": mark, "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]});
    for (vendor, _) in FILES {
        let plain = sent_to(&target(vendor), &body).unwrap();
        let text = Value::Object(plain.body).to_string();
        assert!(!text.contains("cache_control"), "{vendor}: {text}");
        assert_eq!(
            plain.dropped,
            [
                "cache_control",
                "messages[].content[].cache_control",
                "tools[].cache_control"
            ],
            "{vendor}"
        );
        let mut strict = target(vendor);
        strict.policy.strict_params = true;
        assert!(sent_to(&strict, &body).is_err(), "{vendor}");
    }
    // Qwen takes them on all its models, OpenRouter on those of Claude, Gemini and Qwen.
    for vendor in ["qwen", "openrouter"] {
        let mut takes = target(vendor);
        takes.capabilities.cache_control = true;
        let kept = sent_to(&takes, &body).unwrap();
        assert_eq!(kept.body["messages"], body["messages"], "{vendor}");
        assert_eq!(kept.body["cache_control"], mark, "{vendor}");
        assert!(kept.dropped.is_empty(), "{vendor}");
    }
}

/// OpenAI's explicit breakpoints are nobody else's.
#[test]
fn section_10_breakpoints_and_cache_options_are_openais() {
    let body = json!({"model": "x", "messages": [{"role": "user", "content": [
        {"type": "text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}}]}]});
    let text = body.to_string();
    let raw = RawObject::parse(text.as_bytes()).unwrap();
    for (vendor, _) in FILES {
        let sent = edit_chat(&raw, &target(vendor)).unwrap().encoded;
        let bytes = String::from_utf8(sent.body.to_vec()).unwrap();
        assert!(!bytes.contains("breakpoint"), "{vendor}");
        assert_eq!(
            sent.dropped,
            ["messages[].content[].prompt_cache_breakpoint"],
            "{vendor}"
        );
        if *vendor != "openrouter" {
            let options = json!({"prompt_cache_options": {"mode": "explicit"}});
            let dropped = self::sent(vendor, &options).dropped;
            assert_eq!(dropped, ["prompt_cache_options"], "{vendor}");
        }
    }
}

/// `web_search_options` goes where something does the same; elsewhere an answer without a search
/// would be another answer, so it is refused, whatever the policy.
#[test]
fn section_10_search_is_mapped_or_refused_never_dropped() {
    let asked = json!({"web_search_options": {"search_context_size": "high"}});
    for vendor in ["perplexity", "openrouter"] {
        let sent = sent(vendor, &asked);
        assert_eq!(
            sent.body["web_search_options"], asked["web_search_options"],
            "{vendor}"
        );
        assert!(sent.dropped.is_empty(), "{vendor}");
    }
    let qwen = sent("qwen", &asked);
    assert_eq!(qwen.body["enable_search"], true);
    assert_eq!(qwen.body["search_options"], json!({"forced_search": true}));
    assert!(!qwen.body.contains_key("web_search_options"));
    assert_eq!(qwen.dropped, ["web_search_options.search_context_size"]);
    let bare = sent("qwen", &json!({"web_search_options": {}}));
    assert!(bare.dropped.is_empty() && bare.body["enable_search"] == true);
    // Its own settings are more exact.
    let own = json!({"web_search_options": {}, "search_options": {"search_strategy": "max"}});
    let kept = sent("qwen", &own);
    assert_eq!(kept.body["search_options"], own["search_options"]);
    for (vendor, _) in FILES {
        if !["perplexity", "openrouter", "qwen"].contains(vendor) {
            let error = sent_to(&target(vendor), &request(&asked)).err();
            let param = error.and_then(|error| error.param);
            assert_eq!(param.as_deref(), Some("web_search_options"), "{vendor}");
            let none = sent(vendor, &json!({ "web_search_options": null }));
            assert!(!none.body.contains_key("web_search_options"), "{vendor}");
        }
    }
}

/// Each vendor's own words for a search pass to it.
#[test]
fn section_10_a_vendors_own_search_settings_pass() {
    for (vendor, own) in [
        (
            "perplexity",
            json!({"search_domain_filter": ["a.example"], "search_recency_filter": "week", "disable_search": true}),
        ),
        ("qwen", json!({"enable_search": true})),
        ("openrouter", json!({"plugins": [{"id": "web"}]})),
        (
            "groq",
            json!({"search_settings": {"include_domains": ["a.example"]}}),
        ),
        ("xai", json!({"search_parameters": {"mode": "auto"}})),
    ] {
        let sent = sent(vendor, &own);
        for (key, value) in own.as_object().unwrap() {
            assert_eq!(&sent.body[key], value, "{vendor}");
        }
        assert!(sent.dropped.is_empty(), "{vendor}");
    }
}

/// OpenRouter's preferences are for it alone; as a name `provider` is ours and goes nowhere.
#[test]
fn section_15_openrouters_provider_preferences() {
    let wanted = json!({"order": ["anthropic"], "only": ["anthropic"], "ignore": ["x"],
        "allow_fallbacks": false, "require_parameters": true, "data_collection": "deny", "zdr": true,
        "sort": "price", "max_price": {"prompt": 1}});
    let asked = json!({ "provider": wanted });
    let kept = sent("openrouter", &asked);
    assert_eq!(kept.body["provider"], wanted);
    assert!(kept.dropped.is_empty());
    for (vendor, _) in FILES {
        if *vendor != "openrouter" {
            let lost = sent(vendor, &asked);
            assert!(!lost.body.contains_key("provider"), "{vendor}");
            assert_eq!(lost.dropped, ["provider"], "{vendor}");
        }
        let named = sent(vendor, &json!({"provider": "groq"}));
        assert!(!named.body.contains_key("provider"), "{vendor}");
        assert!(named.dropped.is_empty(), "{vendor}");
    }
}

/// A host behind OpenRouter that leaves out what it does not know is of no use to a request that
/// depends on it.
#[test]
fn section_15_openrouter_is_told_which_parameters_matter() {
    let schema =
        json!({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}});
    let demand = json!({"require_parameters": true});
    for more in [
        json!({"response_format": schema}),
        json!({"logprobs": true}),
    ] {
        assert_eq!(sent("openrouter", &more).body["provider"], demand, "{more}");
    }
    for more in [
        json!({}),
        json!({"temperature": 0.5, "seed": 7}),
        json!({"response_format": {"type": "text"}}),
        json!({"logprobs": false}),
    ] {
        assert!(
            !sent("openrouter", &more).body.contains_key("provider"),
            "{more}"
        );
    }
    // The caller's own preferences stay, and its word on this one counts.
    let own = json!({"response_format": schema, "provider": {"sort": "price"}});
    assert_eq!(
        sent("openrouter", &own).body["provider"],
        json!({"sort": "price", "require_parameters": true})
    );
    let own = json!({"response_format": schema, "provider": {"require_parameters": false}});
    assert_eq!(sent("openrouter", &own).body["provider"], own["provider"]);
}
