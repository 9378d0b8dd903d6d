//! What each vendor is sent, by its own data, on both ways: bytes passed on and full translation.

mod answers;
mod formats;
mod messages;
mod models;
mod search;
mod thinking;

use serde_json::{Map, Value, json};

use crate::adapter::{Adapter, Endpoint, Target, TranslationPolicy};
use crate::dialect::openai::{OpenAi, edit_chat, parse_chat};
use crate::error::EncodeError;
use crate::json::RawObject;
use crate::media::MediaStore;
use crate::think_tags::ThinkTags;

const FILES: &[(&str, &str)] = &[
    (
        "cerebras",
        include_str!("../../../../../../catalog/cerebras.json"),
    ),
    (
        "deepseek",
        include_str!("../../../../../../catalog/deepseek.json"),
    ),
    (
        "fireworks",
        include_str!("../../../../../../catalog/fireworks.json"),
    ),
    ("groq", include_str!("../../../../../../catalog/groq.json")),
    (
        "mistral",
        include_str!("../../../../../../catalog/mistral.json"),
    ),
    (
        "ollama",
        include_str!("../../../../../../catalog/ollama.json"),
    ),
    (
        "openrouter",
        include_str!("../../../../../../catalog/openrouter.json"),
    ),
    (
        "perplexity",
        include_str!("../../../../../../catalog/perplexity.json"),
    ),
    ("qwen", include_str!("../../../../../../catalog/qwen.json")),
    (
        "together",
        include_str!("../../../../../../catalog/together.json"),
    ),
    ("vllm", include_str!("../../../../../../catalog/vllm.json")),
    ("xai", include_str!("../../../../../../catalog/xai.json")),
];

fn target(vendor: &str) -> Target {
    let (_, text) = FILES.iter().find(|(name, _)| *name == vendor).unwrap();
    let file: Value = serde_json::from_str(text).unwrap();
    let profile = serde_json::from_value(file["profile"].clone()).unwrap();
    Target {
        endpoint: Endpoint {
            provider: vendor.to_owned(),
            profile: std::sync::Arc::new(profile),
            ..Endpoint::default()
        },
        model: "m".to_owned(),
        ..Target::default()
    }
}

/// A request with members of the caller's beside model and messages.
fn request(members: &Value) -> Value {
    let mut body = json!({"model": "x", "messages": [{"role": "user", "content": "Hi"}]});
    let all = body.as_object_mut().unwrap();
    all.extend(members.as_object().unwrap().clone());
    body
}

struct Sent {
    path: String,
    body: Map<String, Value>,
    dropped: Vec<String>,
    changed: Vec<String>,
    think_tags: ThinkTags,
    /// The schema that the answer is checked against.
    checked: Option<Value>,
}

/// The request as the vendor gets it, the same both ways.
fn sent_to(target: &Target, body: &Value) -> Result<Sent, EncodeError> {
    let text = body.to_string();
    let raw = RawObject::parse(text.as_bytes()).unwrap();
    let passed = edit_chat(&raw, target).map(|edited| edited.encoded);
    let hub = parse_chat(&raw).unwrap();
    let translated = OpenAi.encode_chat(&hub, target, &MediaStore::default());
    let read = |bytes: &[u8]| serde_json::from_slice::<Map<String, Value>>(bytes).unwrap();
    match (passed, translated) {
        (Ok(passed), Ok(translated)) => {
            let sent = Sent {
                path: passed.path,
                body: read(&passed.body),
                dropped: passed.dropped,
                changed: passed.changed,
                think_tags: passed.context.think_tags,
                checked: passed.context.schema_to_validate,
            };
            assert_eq!(
                sent.checked, translated.context.schema_to_validate,
                "{body}"
            );
            assert_eq!(sent.think_tags, translated.context.think_tags, "{body}");
            assert_eq!(sent.body, read(&translated.body), "{body}");
            assert_eq!(sent.path, translated.path, "{body}");
            assert_eq!(sent.dropped, translated.dropped, "{body}");
            assert_eq!(sent.changed, translated.changed, "{body}");
            Ok(sent)
        }
        (Err(passed), Err(translated)) => {
            assert_eq!(passed.param, translated.param);
            Err(passed)
        }
        (passed, translated) => panic!("{body}: {passed:?} but {translated:?}"),
    }
}

fn sent(vendor: &str, members: &Value) -> Sent {
    sent_to(&target(vendor), &request(members)).unwrap()
}

/// One row of §4 a vendor: what it does not take, of the parameters below.
const NOT_TAKEN: &[(&str, &str)] = &[
    (
        "mistral",
        "logit_bias user safety_identifier service_tier verbosity store",
    ),
    (
        "groq",
        "top_k frequency_penalty presence_penalty logit_bias logprobs safety_identifier prediction verbosity prompt_cache_key store",
    ),
    (
        "cerebras",
        "top_k safety_identifier metadata verbosity store",
    ),
    ("fireworks", "safety_identifier metadata verbosity store"),
    (
        "xai",
        "top_k logit_bias safety_identifier metadata prediction verbosity store",
    ),
    ("openrouter", "store"),
    (
        "perplexity",
        "seed logit_bias user safety_identifier metadata service_tier prediction verbosity prompt_cache_key store",
    ),
    (
        "together",
        "user safety_identifier metadata service_tier prediction verbosity prompt_cache_key store",
    ),
    (
        "qwen",
        "frequency_penalty logit_bias user safety_identifier metadata service_tier prediction verbosity prompt_cache_key store",
    ),
    (
        "ollama",
        "top_k logit_bias user safety_identifier metadata service_tier prediction verbosity prompt_cache_key store",
    ),
    (
        "vllm",
        "user safety_identifier metadata service_tier prediction verbosity prompt_cache_key store",
    ),
    (
        "deepseek",
        "top_k seed logit_bias user safety_identifier metadata service_tier prediction verbosity prompt_cache_key store",
    ),
];

/// Every parameter of the matrix that is dropped at a vendor is gone, named, and refused where the
/// policy is strict; every other one is there.
#[test]
fn section_4_the_parameter_matrix() {
    let all = [
        ("temperature", json!(0.5)),
        ("top_p", json!(0.5)),
        ("top_k", json!(5)),
        ("seed", json!(7)),
        ("frequency_penalty", json!(0.5)),
        ("presence_penalty", json!(0.5)),
        ("logit_bias", json!({"1": 1})),
        ("logprobs", json!(true)),
        ("user", json!("u")),
        ("safety_identifier", json!("s")),
        ("metadata", json!({"a": "b"})),
        ("service_tier", json!("flex")),
        ("prediction", json!({"type": "content", "content": "x"})),
        ("verbosity", json!("low")),
        ("prompt_cache_key", json!("k")),
        ("store", json!(true)),
    ];
    for (vendor, lost) in NOT_TAKEN {
        let lost: Vec<&str> = lost.split(' ').collect();
        for (key, value) in &all {
            let one = json!({ *key: value });
            let sent = sent(vendor, &one);
            assert_eq!(
                sent.dropped == [*key],
                lost.contains(key),
                "{vendor} {key}: {:?}",
                sent.dropped
            );
            let mut strict = target(vendor);
            strict.policy = TranslationPolicy {
                strict_params: true,
                ..TranslationPolicy::default()
            };
            let refused = sent_to(&strict, &request(&one)).err();
            assert_eq!(refused.is_some(), lost.contains(key), "{vendor} {key}");
            if let Some(error) = refused {
                assert_eq!(error.param.as_deref(), Some(*key));
            }
        }
    }
}

#[test]
fn section_4_names_and_forms_of_parameters() {
    assert_eq!(sent("mistral", &json!({"seed": 7})).body["random_seed"], 7);
    assert_eq!(
        sent("mistral", &json!({"random_seed": 8})).body["random_seed"],
        8
    );
    assert_eq!(
        sent("together", &json!({"stop": "a"})).body["stop"],
        json!(["a"])
    );
    let likely = sent("together", &json!({"logprobs": true, "top_logprobs": 3}));
    assert_eq!(likely.body["logprobs"], 3);
    assert!(!likely.body.contains_key("top_logprobs"));
    assert_eq!(
        sent("together", &json!({"logprobs": true})).body["logprobs"],
        1
    );
    for vendor in [
        "mistral",
        "perplexity",
        "deepseek",
        "qwen",
        "ollama",
        "together",
    ] {
        let sent = sent(vendor, &json!({"max_completion_tokens": 9}));
        assert_eq!(sent.body["max_tokens"], 9, "{vendor}");
        assert!(!sent.body.contains_key("max_completion_tokens"), "{vendor}");
    }
    let hot = sent("qwen", &json!({"temperature": 2.0}));
    assert_eq!(hot.body["temperature"], 1.99);
    assert_eq!(hot.changed, ["temperature=1.99"]);
    // Note 16: the words of Groq's tiers.
    assert_eq!(
        sent("groq", &json!({"service_tier": "default"})).body["service_tier"],
        "on_demand"
    );
    let own = sent("groq", &json!({"service_tier": "performance"}));
    assert_eq!(own.body["service_tier"], "performance");
    assert_eq!(
        sent("groq", &json!({"service_tier": "scale"})).dropped,
        ["service_tier"]
    );
}

/// A model of a family of the vendor's file, with what the file says of it.
/// The rows of §4 that depend on the model: stop sequences, penalties, parallel calls.
/// Note 8: the reasoning models of xAI refuse penalties and stop sequences, the others take them.
/// §7: a model that is never forced is refused, or asked in words where that was allowed.
/// Note 7: Fireworks takes either name of the limit and never both.
#[test]
fn section_4_note_7_one_name_of_the_output_limit() {
    for (vendor, _) in FILES {
        let both = json!({"max_tokens": 9, "max_completion_tokens": 9});
        let text = request(&both).to_string();
        let raw = RawObject::parse(text.as_bytes()).unwrap();
        let passed = edit_chat(&raw, &target(vendor)).unwrap().encoded;
        let body: Map<String, Value> = serde_json::from_slice(&passed.body).unwrap();
        let names = ["max_tokens", "max_completion_tokens"];
        let there = names.iter().filter(|name| body.contains_key(**name));
        assert_eq!(there.count(), 1, "{vendor}");
        let differ = request(&json!({"max_tokens": 9, "max_completion_tokens": 8})).to_string();
        let raw = RawObject::parse(differ.as_bytes()).unwrap();
        assert!(edit_chat(&raw, &target(vendor)).is_err(), "{vendor}");
    }
}

/// Note 9: one choice does no harm, more than one is refused rather than forgotten.
#[test]
fn section_4_note_9_case_26_n_on_single_choice_providers() {
    for vendor in [
        "deepseek",
        "groq",
        "perplexity",
        "qwen",
        "openrouter",
        "ollama",
    ] {
        assert!(sent(vendor, &json!({"n": 1})).dropped.is_empty());
        let error = sent_to(&target(vendor), &request(&json!({"n": 2})))
            .err()
            .unwrap();
        assert_eq!(error.param.as_deref(), Some("n"), "{vendor}");
    }
    assert_eq!(sent("mistral", &json!({"n": 2})).body["n"], 2);
}

#[test]
fn section_15_mistral_refuses_unknown_fields_so_they_are_named() {
    let sent = sent("mistral", &json!({"frobnicate": 1, "safe_prompt": true}));
    assert_eq!(sent.dropped, ["frobnicate"]);
    assert_eq!(sent.body["safe_prompt"], true);
    assert_eq!(
        self::sent("groq", &json!({"frobnicate": 1})).body["frobnicate"],
        1
    );
}

#[test]
fn section_15_what_vendors_are_always_sent() {
    for vendor in ["together", "fireworks"] {
        assert_eq!(
            sent(vendor, &json!({})).body["context_length_exceeded_behavior"],
            "error"
        );
        let own = json!({"context_length_exceeded_behavior": "truncate"});
        assert_eq!(
            sent(vendor, &own).body["context_length_exceeded_behavior"],
            "truncate"
        );
    }
    let mut fireworks = target("fireworks");
    fireworks.capabilities.max_output = Some(4096);
    let body = |members: Value| sent_to(&fireworks, &request(&members)).unwrap().body;
    assert_eq!(body(json!({}))["max_tokens"], 4096);
    assert_eq!(body(json!({"max_tokens": 5}))["max_tokens"], 5);
}

#[test]
fn section_4_usage_of_streams_is_asked_for_where_it_must_be() {
    let stream = json!({"stream": true});
    for vendor in [
        "groq",
        "openrouter",
        "ollama",
        "vllm",
        "qwen",
        "deepseek",
        "cerebras",
        "together",
        "xai",
    ] {
        assert_eq!(
            sent(vendor, &stream).body["stream_options"],
            json!({"include_usage": true}),
            "{vendor}"
        );
    }
    for vendor in ["mistral", "perplexity", "fireworks"] {
        assert!(
            !sent(vendor, &stream).body.contains_key("stream_options"),
            "{vendor}"
        );
        let asked = json!({"stream": true, "stream_options": {"include_usage": true}});
        assert!(sent(vendor, &asked).dropped.is_empty(), "{vendor}");
    }
}

/// Fireworks takes a number of tokens and a switch as well; for others they are a word.
/// OpenRouter's object is known to it and to those that copy it; what it says is put in others' words.
/// Groq's word for what holds without it is nobody else's.
/// The reasoning models of Perplexity leave their thoughts in the text; Groq is asked not to, and
/// what a local server does is for its operator to say.
/// Raw `<think>` tags are not what a caller wants as content: Groq is told to part them.
/// Note 3: taken without effect while the model thinks.
#[test]
fn section_4_note_3_deepseek_sampling_counts_only_without_thinking() {
    let still = sent(
        "deepseek",
        &json!({"temperature": 0.5, "reasoning_effort": "none"}),
    );
    assert_eq!(still.body["temperature"], 0.5);
    assert!(still.dropped.is_empty());
    let thinking = sent(
        "deepseek",
        &json!({"temperature": 0.5, "reasoning_effort": "low"}),
    );
    assert_eq!(thinking.dropped, ["temperature"]);
}
