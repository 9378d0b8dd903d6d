//! Encodes a chat request.

use serde_json::{Map, Value, json};

use super::form::{Converse, is_tool};
use super::params::Controls;
use super::{ISSUER, id, params, tools};
use crate::adapter::{Encoded, Target};
use crate::chat::{ChatRequest, ToolChoice};
use crate::dialect::block_turns::tools::Tools;
use crate::dialect::block_turns::{self, Context, Conversation};
use crate::error::EncodeError;
use crate::function;
use crate::media::MediaStore;
use crate::names::{NameMap, NameRule};
use crate::notes::Notes;
use crate::options;
use crate::sampling;
use crate::sampling::Thinks;
use crate::schema_format::{self, Format};
use crate::unsent::without_equivalent;

/// What the provider's event streams are called.
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// Translates a request to `POST /model/{id}/converse` or `…/converse-stream`.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    media: &MediaStore,
) -> Result<Encoded, EncodeError> {
    let path = id::path(&target.model, request.stream)?;
    let mut notes = Notes::new(target.policy.strict_params);
    let mut options = options::members(
        &request.provider_options,
        ISSUER,
        target,
        &["modelId", "model", "stream"],
        &mut notes,
    )?;

    without_equivalent(request, "Bedrock", &params::PLACED, &mut notes)?;
    not_taken(request, &mut notes)?;
    let names = function::names(request, &NameRule::STRICT);
    let context = Context { target, media };
    let mut conversation = block_turns::build::<Converse>(request, context, &names, &mut notes)?;
    let lacks = conversation.loop_lacks_thinking();
    let controls = Controls::plan(request, &mut options, target, lacks, &mut notes)?;
    let tools = tools::definitions(request, target, &names, &mut notes)?;
    let has_tools = !tools.list.is_empty() || options.contains_key("toolConfig");
    let has_budget = controls.thinks == Thinks::WithBudget;
    let can_force = target.capabilities.forced_tool_choice.holds(has_budget);
    let format = schema_format::plan(request, target, can_force, has_tools, &mut notes)?;
    let (choice, forced) =
        tools::choice(request, target, &names, can_force, has_tools, &mut notes)?;
    conversation.instruct([forced.as_deref(), format.instruction.as_deref()]);
    // With thinking on Claude refuses a prefill.
    let prefills = target.capabilities.prefill && controls.thinks == Thinks::No;
    conversation.settle_prefill(prefills, target.policy.rewrite_prefill, &mut notes)?;

    let context = tools.decode_context(request, target, names, &format);
    let parts = Parts {
        controls,
        tools,
        format,
        choice,
    };
    let mut body = body(request, target, conversation, parts, &mut notes)?;
    options::merge(&mut body, &options);
    Ok(Encoded {
        headers: if request.stream {
            vec![("accept", EVENT_STREAM.to_owned())]
        } else {
            Vec::new()
        },
        ..Encoded::post(path, Value::Object(body).to_string(), context).noted(notes)
    })
}

/// What was decided before the body is put together.
struct Parts {
    controls: Controls,
    tools: Tools,
    format: Format,
    choice: Option<Value>,
}

/// Fields that this API lacks beside those that Anthropic lacks too (§4, column Bd).
fn not_taken(request: &ChatRequest, notes: &mut Notes) -> Result<(), EncodeError> {
    for (field, is_set) in [
        ("user", request.user.is_some()),
        ("safety_identifier", request.safety_identifier.is_some()),
        (
            "parallel_tool_calls",
            request.parallel_tool_calls == Some(false)
                && !request.tools.is_empty()
                && request.tool_choice != Some(ToolChoice::None),
        ),
        ("cache_control", request.cache_control.is_some()),
    ] {
        if is_set {
            notes.drop(field, "the API has no equivalent")?;
        }
    }
    Ok(())
}

/// The body, its members in a fixed order.
fn body(
    request: &ChatRequest,
    target: &Target,
    conversation: Conversation<Converse>,
    parts: Parts,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let Parts {
        mut controls,
        tools,
        format,
        choice,
    } = parts;
    let mut body = Map::new();
    let mut put = |key: &str, value: Map<String, Value>| {
        if !value.is_empty() {
            body.insert(key.to_owned(), Value::Object(value));
        }
    };
    let inference = inference(request, target, &mut controls, notes)?;
    put("inferenceConfig", inference);
    let speaks_of_tools = conversation.speaks_of_tools(is_tool);
    put(
        "toolConfig",
        tool_config(tools, &format, choice, speaks_of_tools, notes),
    );
    let mut output = Map::new();
    if let Some(native) = format.native {
        output.insert("textFormat".to_owned(), text_format(&native));
    }
    if let Some(effort) = controls.effort {
        output.insert("effort".to_owned(), effort.as_str().into());
    }
    put("outputConfig", output);
    put("additionalModelRequestFields", controls.extra);
    put("requestMetadata", params::request_metadata(request, notes)?);
    if let Some(tier) = params::service_tier(request, notes)? {
        put(
            "serviceTier",
            Map::from_iter([("type".to_owned(), Value::from(tier))]),
        );
    }
    let (system, turns) = conversation.into_wire();
    let mut whole = Map::from_iter([("messages".to_owned(), Value::from(turns))]);
    if !system.is_empty() {
        whole.insert("system".to_owned(), system.into());
    }
    whole.extend(body);
    Ok(whole)
}

/// `inferenceConfig`; `top_k` goes to the vendor's own fields.
fn inference(
    request: &ChatRequest,
    target: &Target,
    controls: &mut Controls,
    notes: &mut Notes,
) -> Result<Map<String, Value>, EncodeError> {
    let mut out = Map::new();
    if let Some(max) = controls.max_tokens {
        out.insert("maxTokens".to_owned(), max.into());
    }
    let rule = if controls.unbounded {
        crate::capability::Sampling::Never
    } else {
        target.capabilities.sampling
    };
    let sampled = sampling::sampling(request, target, rule, controls.thinks, notes)?;
    for (key, value) in [
        ("temperature", sampled.temperature),
        ("topP", sampled.top_p),
    ] {
        if let Some(value) = value {
            out.insert(key.to_owned(), value);
        }
    }
    if let Some(top_k) = sampled.top_k {
        controls.set_top_k(top_k, target, notes)?;
    }
    let stops = sampling::stop_sequences(request, target, notes)?;
    if !stops.is_empty() {
        out.insert("stopSequences".to_owned(), stops.into());
    }
    Ok(out)
}

fn tool_config(
    tools: Tools,
    format: &Format,
    choice: Option<Value>,
    speaks_of_tools: bool,
    notes: &mut Notes,
) -> Map<String, Value> {
    let mut config = Map::new();
    let mut list = tools.list;
    let mut choice = choice;
    if let Some(tool) = &format.tool {
        list.push(tools::schema_tool(tool));
        // It stands alone, so any tool is this one; not every model takes a name.
        choice = Some(json!({"any": {}}));
    }
    if list.is_empty() && speaks_of_tools {
        list.push(tools::placeholder());
        notes.change("tools", "placeholder_added");
    }
    if list.is_empty() {
        return config;
    }
    config.insert("tools".to_owned(), list.into());
    if let Some(choice) = choice {
        config.insert("toolChoice".to_owned(), choice);
    }
    config
}

/// `outputConfig.textFormat`: the schema goes as text (§8.2).
fn text_format(native: &schema_format::NamedSchema) -> Value {
    let mut schema =
        Map::from_iter([("schema".to_owned(), Value::from(native.schema.to_string()))]);
    if !native.name.is_empty() {
        let names = NameMap::new([native.name.as_str()], &NameRule::STRICT);
        schema.insert("name".to_owned(), names.to_wire(&native.name).into());
    }
    if let Some(description) = native
        .description
        .as_deref()
        .filter(|text| !text.is_empty())
    {
        schema.insert("description".to_owned(), description.into());
    }
    json!({"type": "json_schema", "structure": {"jsonSchema": schema}})
}
