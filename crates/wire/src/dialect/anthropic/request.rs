//! Encodes a chat request.

use serde_json::{Map, Value, json};

use super::content::takes_marks;
use super::form::Messages;
use super::{ISSUER, params, tools, version};
use crate::adapter::{Encoded, Target};
use crate::chat::{CacheControl, ChatRequest, MediaSource, Part};
use crate::claude_thinking::Thinking;
use crate::dialect::block_turns::tools::Tools;
use crate::dialect::block_turns::{self, BlockForm as _, Context, Conversation};
use crate::error::EncodeError;
use crate::function;
use crate::media::MediaStore;
use crate::names::NameRule;
use crate::notes::Notes;
use crate::options;
use crate::sampling::{self, Sampled};
use crate::schema_format::{self, Format};
use crate::unsent::without_equivalent;

/// Lets requests name files that were uploaded before.
const FILES_BETA: &str = "files-api-2025-04-14";

/// Members that are not the caller's to set.
const OURS: [&str; 3] = ["model", "stream", "anthropic_version"];

/// `anthropic_version` of bodies on Vertex AI, the only one there is.
const VERTEX_VERSION: &str = "vertex-2023-10-16";

/// Translates a request to `POST /v1/messages`.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    let mut options =
        options::members(&request.provider_options, ISSUER, target, &OURS, &mut notes)?;
    let betas = betas(request, target, &mut options);

    without_equivalent(request, "an Anthropic model", &params::PLACED, &mut notes)?;
    if request.metadata.as_ref().is_some_and(|map| !map.is_empty()) {
        notes.drop("metadata", "the API has no equivalent")?;
    }
    let names = function::names(request, &NameRule::STRICT);
    let context = Context { target, media };
    let mut conversation = block_turns::build::<Messages>(request, context, &names, &mut notes)?;
    let lacks = conversation.loop_lacks_thinking();
    let thinking = Thinking::plan(request, &mut options, target, lacks, &mut notes)?;
    let tools = tools::definitions(request, target, &names, &mut notes)?;
    let has_tools = !tools.list.is_empty() || options.contains_key("tools");
    let can_force = tools::can_force(target, thinking.has_budget());
    let format = schema_format::plan(request, target, can_force, has_tools, &mut notes)?;
    let (mut choice, forced) =
        tools::choice(request, target, &names, can_force, has_tools, &mut notes)?;
    conversation.instruct([forced.as_deref(), format.instruction.as_deref()]);
    // With thinking on the API refuses a prefill.
    let prefills = target.capabilities.prefill && !thinking.is_on();
    conversation.settle_prefill(prefills, target.policy.rewrite_prefill, &mut notes)?;

    if let Some(tool) = &format.tool {
        // One call, as its arguments are the whole answer.
        choice =
            Some(json!({"type": "tool", "name": tool.name, "disable_parallel_tool_use": true}));
    }
    let context = tools.decode_context(request, target, names, &format);
    let mut body = body(
        request,
        target,
        conversation,
        Parts {
            thinking,
            tools,
            format,
            choice,
        },
        &mut notes,
    )?;
    options::merge(&mut body, &options);
    let (path, version) = path(request, target)?;
    let mut headers: Vec<_> = version
        .map(|version| ("anthropic-version", version))
        .into_iter()
        .collect();
    if !betas.is_empty() {
        headers.push(("anthropic-beta", betas.join(",")));
    }
    Ok(Encoded {
        headers,
        ..Encoded::post(path, Value::Object(body).to_string(), context).noted(notes)
    })
}

/// The path, and the `anthropic-version` header where the version goes there.
fn path(request: &ChatRequest, target: &Target) -> Result<(String, Option<String>), EncodeError> {
    let method = if request.stream {
        "streamRawPredict"
    } else {
        "rawPredict"
    };
    Ok(match target.endpoint.vertex_path(&target.model, method)? {
        Some(path) => (path, None),
        None => (
            "/v1/messages".to_owned(),
            Some(version(&target.endpoint).to_owned()),
        ),
    })
}

/// What was decided before the body is put together.
struct Parts {
    thinking: Thinking,
    tools: Tools,
    format: Format,
    choice: Option<Value>,
}

/// The body's first member. On Vertex AI the path names the model, and the body the version
/// (wire-protocols §1).
fn address(target: &Target) -> (&'static str, &str) {
    if target.endpoint.is_vertex() {
        ("anthropic_version", VERTEX_VERSION)
    } else {
        ("model", &target.model)
    }
}

/// The body, its members in a fixed order.
fn body(
    request: &ChatRequest,
    target: &Target,
    conversation: Conversation<Messages>,
    parts: Parts,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    let Parts {
        thinking,
        tools,
        format,
        choice,
    } = parts;
    let (system, turns) = conversation.into_wire();
    let (key, value) = address(target);
    put(key, value.into());
    put("max_tokens", thinking.max_tokens.into());
    if !system.is_empty() {
        put("system", Messages::content(system));
    }
    put("messages", turns.into());
    let format_tool = format.tool.map(|tool| {
        json!({"name": tool.name, "description": tool.description, "input_schema": tool.schema})
    });
    let list: Vec<Value> = tools.list.into_iter().chain(format_tool).collect();
    if !list.is_empty() {
        put("tools", list.into());
    }
    choice
        .into_iter()
        .for_each(|choice| put("tool_choice", choice));
    if let Some(config) = &thinking.config {
        put("thinking", config.clone());
    }
    let mut output = Map::new();
    if let Some(effort) = thinking.effort {
        output.insert("effort".to_owned(), effort.as_str().into());
    }
    if let Some(native) = format.native {
        let format = json!({"type": "json_schema", "schema": native.described()});
        output.insert("format".to_owned(), format);
    }
    if !output.is_empty() {
        put("output_config", output.into());
    }
    let rule = params::sampling_rule(target);
    let sampled = sampling::sampling(request, target, rule, thinking.as_sampling_sees(), notes)?;
    let mut put = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    for (key, value) in under_their_names(sampled) {
        value.into_iter().for_each(|value| put(key, value));
    }
    let stops = sampling::stop_sequences(request, target, notes)?;
    if !stops.is_empty() {
        put("stop_sequences", stops.into());
    }
    if let Some(user) = params::user_id(request, notes)? {
        put("metadata", json!({ "user_id": user }));
    }
    if let Some(tier) = params::service_tier(request, target, notes)? {
        put("service_tier", tier.into());
    }
    if let Some(mark) = mark(request, target, notes)? {
        put("cache_control", mark);
    }
    if request.stream {
        put("stream", true.into());
    }
    Ok(body)
}

/// The prompt-cache mark of the request as a whole.
fn mark(
    request: &ChatRequest,
    target: &Target,
    notes: &mut Notes,
) -> Result<Option<Value>, EncodeError> {
    let Some(CacheControl(mark)) = &request.cache_control else {
        return Ok(None);
    };
    if takes_marks(target) {
        return Ok(Some(Value::Object(mark.clone())));
    }
    notes.drop("cache_control", "it takes no prompt-cache marks")?;
    Ok(None)
}

fn under_their_names(sampled: Sampled) -> [(&'static str, Option<Value>); 3] {
    [
        ("temperature", sampled.temperature),
        ("top_p", sampled.top_p),
        ("top_k", sampled.top_k.map(Value::from)),
    ]
}

/// Names for the `anthropic-beta` header: `betas` or `anthropic_beta` of the caller's options.
fn betas(request: &ChatRequest, target: &Target, options: &mut Map<String, Value>) -> Vec<String> {
    let mut betas: Vec<String> = Vec::new();
    for key in ["betas", "anthropic_beta"] {
        let names = match options.shift_remove(key) {
            Some(Value::Array(names)) => names,
            Some(name @ Value::String(_)) => vec![name],
            _ => Vec::new(),
        };
        for name in names
            .iter()
            .filter_map(Value::as_str)
            .flat_map(|n| n.split(','))
        {
            let name = name.trim();
            let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
            if fits && !betas.iter().any(|known| known == name) {
                betas.push(name.to_owned());
            }
        }
    }
    let names_file = request
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .any(|part| {
            matches!(
                part,
                Part::Image {
                    source: MediaSource::FileId(_),
                    ..
                } | Part::File {
                    source: MediaSource::FileId(_),
                    ..
                }
            )
        });
    if names_file && target.endpoint.first_party && !betas.iter().any(|name| name == FILES_BETA) {
        betas.push(FILES_BETA.to_owned());
    }
    betas
}
