//! Callers' requests: what the parser takes, every provider's dialect can be sent or refuses by the
//! place, the same each time, as JSON, and not much larger.

use std::sync::LazyLock;

use arbitrary::Unstructured;
use polyroute_engine::catalog::Catalog;
use polyroute_engine::needs::RequestNeeds;
use polyroute_wire::adapter::{Adapter, Encoded, Endpoint, Target, TranslationPolicy};
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai::{
    completion_as_chats, edit_completion, edit_embeddings, edit_moderation, parse_chat,
    parse_embeddings, parse_rerank,
};
use polyroute_wire::error::{EncodeError, ParseError};
use polyroute_wire::json::{NESTING_MAX, RawObject, check_nesting};
use polyroute_wire::media::{Media, MediaStore};
use polyroute_wire::surface::Surface;
use serde_json::Value;

use crate::input::Input;
use crate::templates;

/// A request for a provider is at most so many times as long as the caller's, and a little more.
const GROWTH_MAX: usize = 24;
const GROWTH_FREE: usize = 400 << 10;
/// Models of each provider that stand for all: the first ones of families that differ.
const MODELS_OF_EACH: usize = 3;

/// A model at its provider, and the dialect that it is spoken to in.
pub(crate) struct Spoken {
    pub(crate) dialect: Dialect,
    pub(crate) target: Target,
}

impl Spoken {
    pub(crate) fn adapter(&self) -> &'static dyn Adapter {
        self.dialect.adapter()
    }

    pub(crate) fn with(&self, policy: TranslationPolicy) -> Target {
        Target {
            policy,
            ..self.target.clone()
        }
    }
}

/// Every provider of the catalog, with a few models each.
pub(crate) static SPOKEN: LazyLock<Vec<Spoken>> = LazyLock::new(|| {
    let catalog = Catalog::embedded();
    let mut all = Vec::new();
    for entry in catalog.entries() {
        let mut families: Vec<&str> = Vec::new();
        for model in catalog.models(&entry.name) {
            if families.len() >= MODELS_OF_EACH {
                break;
            }
            if families.contains(&model.family.as_str()) {
                continue;
            }
            families.push(&model.family);
            let is_vertex = entry.name.contains("vertex");
            let surface = match is_vertex {
                true => Surface::Vertex {
                    project: Some("p".to_owned()),
                    location: "global".to_owned(),
                },
                false => Surface::Direct,
            };
            let target = Target {
                endpoint: Endpoint {
                    provider: entry.name.clone(),
                    first_party: entry.connection.first_party,
                    profile: entry.profile.clone(),
                    surface,
                    ..Endpoint::default()
                },
                model: model.id.clone(),
                capabilities: model.capabilities.clone(),
                ..Target::default()
            };
            let dialect = entry.connection.dialect;
            all.push(Spoken {
                dialect,
                target: target.clone(),
            });
            if dialect == Dialect::Cohere {
                let mut target = target.clone();
                target.endpoint.api_version = Some("v1".to_owned());
                all.push(Spoken { dialect, target });
            }
            if dialect == Dialect::OpenAi {
                let dialect = Dialect::Responses;
                all.push(Spoken { dialect, target });
            }
            // Claude on Vertex AI is spoken to in its own dialect.
            if is_vertex {
                let dialect = Dialect::Anthropic;
                let target = all.last().map(|spoken| spoken.target.clone());
                all.extend(target.map(|target| Spoken { dialect, target }));
            }
        }
    }
    all
});

/// Flag 0: the body is made of templates.
pub(crate) fn body(kind: &str, input: Input<'_>) -> Vec<u8> {
    if !input.flag(0) {
        return input.rest.to_vec();
    }
    let made = templates::requests().one(kind, &mut Unstructured::new(input.rest));
    made.unwrap_or_default().to_string().into_bytes()
}

fn judge_parse(error: &ParseError, body: &[u8]) {
    assert!(!error.code.is_empty() && !error.message.is_empty());
    let length = error.message.len() + error.param.as_ref().map_or(0, String::len);
    assert!(length <= 4 * body.len() + 1_024, "a long complaint");
}

fn judge_encode(error: &EncodeError, body: &[u8]) {
    assert!(!error.message.is_empty());
    assert!(
        error.message.len() <= 4 * body.len() + 1_024,
        "a long complaint"
    );
}

fn policy(input: Input<'_>) -> TranslationPolicy {
    TranslationPolicy {
        strict_params: input.flag(1),
        repair_orphans: input.flag(2),
        rewrite_prefill: input.flag(3),
        downgrade_forced_tool_choice: input.flag(4),
    }
}

/// A chat completion request to one target. Flags 1 to 4 are the policy; flag 5: count tokens.
pub(crate) fn chat(data: &[u8]) {
    let input = Input::new(data);
    let body = body("chat", input);
    let raw = match RawObject::parse(&body) {
        Ok(raw) => raw,
        Err(error) => return judge_parse(&error, &body),
    };
    let needs = RequestNeeds::peek(&body);
    let request = match parse_chat(&raw) {
        Ok(request) => request,
        Err(error) => return judge_parse(&error, &body),
    };
    let read = RequestNeeds::of_chat(&request);
    let of = |needs: &RequestNeeds| {
        let media = (needs.image, needs.audio, needs.pdf, needs.video);
        let tools = (needs.tools, needs.forced_tool);
        (
            tools,
            media,
            needs.json_schema,
            needs.prefill,
            needs.choices,
            needs.max_output,
        )
    };
    // What can't be peeked at is read in full before a target is chosen.
    if let Some(peeked) = needs {
        assert_eq!(
            of(&peeked),
            of(&read),
            "peeking sees something else than reading: {}",
            String::from_utf8_lossy(&body)
        );
    }
    let spoken = input.pick(&SPOKEN);
    let target = spoken.with(policy(input));
    let adapter = spoken.adapter();
    let mut media = MediaStore::default();
    for url in adapter.media_to_fetch(&request, &target) {
        let pixel = Media {
            media_type: "image/png".to_owned(),
            data: "iVBORw0KGgo=".to_owned(),
        };
        media.insert(url, pixel);
    }
    let encode = || match input.flag(5) {
        true => adapter.encode_count(&request, &target, &media),
        false => adapter.encode_chat(&request, &target, &media),
    };
    match encode() {
        Ok(encoded) => {
            sound(&encoded, &body, &target);
            assert_eq!(encode(), Ok(encoded), "two encodings differ");
        }
        Err(error) => judge_encode(&error, &body),
    }
}

/// What holds for every request that we send.
pub(crate) fn sound(encoded: &Encoded, body: &[u8], target: &Target) {
    assert!(
        encoded.path.starts_with('/') && encoded.path.bytes().all(|byte| byte.is_ascii_graphic())
    );
    assert!(
        encoded.body.len() <= GROWTH_MAX * body.len() + GROWTH_FREE,
        "{} bytes became {}",
        body.len(),
        encoded.body.len()
    );
    // Wrapped, the deepest request may be beyond what our own reader takes.
    if check_nesting(&encoded.body, NESTING_MAX - 2).is_ok() {
        let object = RawObject::parse(&encoded.body);
        object.unwrap_or_else(|error| {
            panic!("{error:?}: {}", String::from_utf8_lossy(&encoded.body))
        });
    }
    for list in [&encoded.dropped, &encoded.changed] {
        let mut sorted = list.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(*list, sorted, "not sorted, or repeated");
    }
    if target.policy.strict_params {
        // Another provider's state in the history is no parameter of the caller's.
        let is_history = |path: &String| path.starts_with("messages");
        assert!(
            encoded.dropped.iter().all(is_history),
            "left out in spite of it: {:?}",
            encoded.dropped
        );
    }
}

/// Text completions, embeddings, reranking and moderations to one target.
pub(crate) fn endpoints(data: &[u8]) {
    let input = Input::new(data);
    let kinds = ["completions", "embeddings", "rerank", "moderation"];
    let kind = kinds[usize::from(input.flags >> 5) % kinds.len()];
    let body = body(kind, input);
    let raw = match RawObject::parse(&body) {
        Ok(raw) => raw,
        Err(error) => return judge_parse(&error, &body),
    };
    // The gateway asks for the key before all else.
    if raw.get("model").is_none() {
        return;
    }
    let spoken = input.pick(&SPOKEN);
    let target = spoken.with(policy(input));
    let check = |encoded: Result<Encoded, EncodeError>| match encoded {
        Ok(encoded) => sound(&encoded, &body, &target),
        Err(error) => judge_encode(&error, &body),
    };
    let passed = |encoded: &Result<Encoded, EncodeError>| {
        // Which model answers is a matter of rights: no option may say another one.
        let Ok(encoded) = encoded else { return };
        let sent: Value = serde_json::from_slice(&encoded.body).expect("JSON");
        assert_eq!(sent["model"], target.model.as_str());
    };
    match kind {
        "completions" => {
            let edited = edit_completion(&raw, &target).map(|edited| edited.encoded);
            passed(&edited);
            check(edited);
            if let Ok(chats) = completion_as_chats(&raw) {
                for request in chats {
                    check(
                        spoken
                            .adapter()
                            .encode_chat(&request, &target, &MediaStore::default()),
                    );
                }
            }
        }
        "embeddings" => {
            let edited = edit_embeddings(&raw, &target);
            passed(&edited);
            check(edited);
            match parse_embeddings(&raw) {
                Ok(request) => {
                    let count = request.input.len();
                    check(spoken.adapter().encode_embeddings(&request, &target));
                    let parts = request.batches(Some(2), Some(8));
                    let sum: usize = parts.iter().map(|part| part.input.len()).sum();
                    assert_eq!(sum, count, "inputs got lost in batches");
                }
                Err(error) => judge_parse(&error, &body),
            }
        }
        "rerank" => match parse_rerank(&raw) {
            Ok(request) => check(spoken.adapter().encode_rerank(&request, &target)),
            Err(error) => judge_parse(&error, &body),
        },
        _ => {
            let edited = edit_moderation(&raw, &target);
            passed(&edited);
            check(edited);
        }
    }
}
