//! Tools and tool choice (wire-protocols §7).

use serde_json::{Map, Value, json};

use super::schema::sanitise;
use crate::adapter::Target;
use crate::capability::{ForcedToolChoice, Reasoning, SchemaDialect};
use crate::chat::{ChatRequest, Tool, ToolChoice};
use crate::error::EncodeError;
use crate::names::{NameMap, NameRule};
use crate::notes::{NO_EQUIVALENT, Notes, unsupported, unsupported_content};

/// Tools that Google runs and whose names no other provider uses.
const HOSTED: [&str; 5] = [
    "google_search",
    "google_search_retrieval",
    "google_maps",
    "code_execution",
    "url_context",
];

/// What goes into the body for tools.
#[derive(Default)]
pub(super) struct Tools {
    /// `functionDeclarations`.
    pub(super) functions: Vec<Value>,
    /// Tools that Google runs (`googleSearch` and so on).
    pub(super) hosted: Vec<Value>,
    /// `functionCallingConfig`.
    pub(super) calling: Option<Value>,
    /// Words for the system instruction that stand for a forced choice that was downgraded.
    pub(super) instruction: Option<String>,
}

/// Every tool name that the request uses, mapped to what the wire takes.
pub(super) fn names(request: &ChatRequest) -> NameMap {
    let declared = request.tools.iter().filter_map(|tool| match tool {
        Tool::Function { name, .. } | Tool::Custom { name, .. } => Some(name.as_str()),
        Tool::Unknown { .. } => None,
    });
    let called = request
        .messages
        .iter()
        .flat_map(|message| &message.tool_calls)
        .map(|call| call.name.as_str());
    let chosen = match &request.tool_choice {
        Some(ToolChoice::Named(name)) => std::slice::from_ref(name),
        Some(ToolChoice::Allowed { names, .. }) => names.as_slice(),
        _ => &[],
    };
    let chosen = chosen.iter().map(String::as_str);
    NameMap::new(declared.chain(called).chain(chosen), &NameRule::GEMINI)
}

/// Translates `tools`, `tool_choice`, `parallel_tool_calls` and `web_search_options`.
pub(super) fn encode(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Tools, EncodeError> {
    if !target.capabilities.tools && !request.tools.is_empty() {
        return Err(unsupported(
            "tools",
            format!("The model `{}` takes no tools.", target.model),
        ));
    }
    let mut tools = Tools::default();
    for (at, tool) in request.tools.iter().enumerate() {
        one(tool, at, target, names, notes, &mut tools)?;
    }
    if let Some(options) = request.carried.get("web_search_options") {
        for key in options.as_object().into_iter().flat_map(Map::keys) {
            notes.drop(&format!("web_search_options.{key}"), NO_EQUIVALENT)?;
        }
        if !tools.functions.is_empty() && !mixes_hosted(target) {
            return Err(unsupported(
                "web_search_options",
                format!(
                    "The model `{}` can't search the web while it has function tools. Leave out \
                     one of them.",
                    target.model
                ),
            ));
        }
        tools.hosted.push(json!({"googleSearch": {}}));
    }
    choice(request, target, names, notes, &mut tools)?;
    if request.parallel_tool_calls == Some(false) {
        notes.drop("parallel_tool_calls", NO_EQUIVALENT)?;
    }
    Ok(tools)
}

/// Gemini 3 and later run hosted tools beside functions, on the Gemini API: Vertex AI does not know
/// `includeServerSideToolInvocations`.
pub(super) const fn mixes_hosted(target: &Target) -> bool {
    matches!(target.capabilities.reasoning, Reasoning::Effort { .. })
        && !target.endpoint.is_vertex()
}

fn one(
    tool: &Tool,
    at: usize,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
    out: &mut Tools,
) -> Result<(), EncodeError> {
    let dialect = target.capabilities.json_schema_dialect;
    match tool {
        Tool::Function {
            name,
            description,
            parameters,
            strict,
            cache_control,
        } => {
            if *strict == Some(true) {
                notes.drop("tools[].function.strict", NO_EQUIVALENT)?;
            }
            if cache_control.is_some() {
                notes.drop("tools[].cache_control", NO_EQUIVALENT)?;
            }
            let parameters = parameters
                .as_ref()
                .filter(|schema| schema.as_object().is_some_and(|schema| !schema.is_empty()));
            out.functions.push(declaration(
                names.to_wire(name),
                description.as_deref(),
                parameters,
                dialect,
            ));
        }
        Tool::Custom {
            name,
            description,
            format,
        } => {
            let mut said = description.clone().unwrap_or_default();
            if let Some(grammar) = format
                .as_ref()
                .filter(|format| format.get("type").and_then(Value::as_str) != Some("text"))
            {
                notes.drop("tools[].custom.format", NO_EQUIVALENT)?;
                said = format!("{said}\nThe input must follow this grammar: {grammar}");
            }
            let parameters = json!({"type": "object",
                "properties": {"input": {"type": "string",
                    "description": "The whole input of the tool, as plain text."}},
                "required": ["input"]});
            out.functions.push(declaration(
                names.to_wire(name),
                Some(said.trim()),
                Some(&parameters),
                dialect,
            ));
        }
        Tool::Unknown { kind, value } => {
            let raw = hosted(kind, value).ok_or_else(|| {
                unsupported_content(
                    format!("tools[{at}]"),
                    format!(
                        "The tool type `{kind}` is not known to Gemini. Its own tools are given \
                         as `{{\"type\": \"google_search\"}}`, or in \
                         `provider_options.gemini.tools`."
                    ),
                )
            })?;
            out.hosted.push(raw);
        }
    }
    Ok(())
}

/// A tool that Google runs, as the wire takes it: given so (`{"google_search":{}}`), or by its name
/// as type with the settings beside it.
fn hosted(kind: &str, value: &Value) -> Option<Value> {
    let tool = value.as_object().filter(|tool| !tool.is_empty())?;
    if !tool.contains_key("type") {
        return Some(value.clone());
    }
    let mut settings = tool.clone();
    settings.shift_remove("type");
    if settings.contains_key(kind) {
        return HOSTED.contains(&kind).then(|| settings.into());
    }
    let mut raw = Map::new();
    raw.insert(kind.to_owned(), settings.into());
    HOSTED.contains(&kind).then(|| raw.into())
}

fn declaration(
    name: &str,
    description: Option<&str>,
    parameters: Option<&Value>,
    dialect: SchemaDialect,
) -> Value {
    let mut out = Map::new();
    out.insert("name".into(), name.into());
    if let Some(description) = description.filter(|description| !description.is_empty()) {
        out.insert("description".into(), description.into());
    }
    if let Some(schema) = parameters {
        let key = match dialect {
            SchemaDialect::JsonSchema => "parametersJsonSchema",
            SchemaDialect::OpenApiSubset => "parameters",
        };
        let mut schema = sanitise(schema, dialect);
        if let Some(schema) = schema.as_object_mut()
            && !schema.contains_key("type")
            && !schema.contains_key("$ref")
        {
            schema.insert("type".into(), "object".into());
        }
        out.insert(key.into(), schema);
    }
    out.into()
}

fn choice(
    request: &ChatRequest,
    target: &Target,
    names: &NameMap,
    notes: &mut Notes,
    tools: &mut Tools,
) -> Result<(), EncodeError> {
    let Some(choice) = &request.tool_choice else {
        return Ok(());
    };
    if tools.functions.is_empty() {
        if !matches!(choice, ToolChoice::Auto | ToolChoice::None) {
            notes.drop("tool_choice", NO_EQUIVALENT)?;
        }
        return Ok(());
    }
    let wire =
        |chosen: &[String]| -> Value { chosen.iter().map(|name| names.to_wire(name)).collect() };
    let any = |chosen: &[String]| {
        if chosen.is_empty() {
            json!({"mode": "ANY"})
        } else {
            json!({"mode": "ANY", "allowedFunctionNames": wire(chosen)})
        }
    };
    let (calling, is_forced) = match choice {
        ToolChoice::Auto => return Ok(()),
        ToolChoice::None => (json!({"mode": "NONE"}), false),
        ToolChoice::Required => (any(&[]), true),
        ToolChoice::Named(name) => (any(std::slice::from_ref(name)), true),
        ToolChoice::Allowed {
            names,
            required: true,
        } => (any(names), true),
        // The mode that may call or speak, and still takes a list of names.
        ToolChoice::Allowed { names, .. } => (
            json!({"mode": "VALIDATED", "allowedFunctionNames": wire(names)}),
            false,
        ),
    };
    if !is_forced || target.capabilities.forced_tool_choice != ForcedToolChoice::Never {
        tools.calling = Some(calling);
        return Ok(());
    }
    if !target.policy.downgrade_forced_tool_choice {
        return Err(unsupported(
            "tool_choice",
            format!(
                "The model `{}` can't be forced to call a tool. Use `auto`.",
                target.model
            ),
        ));
    }
    notes.change("tool_choice", "auto");
    tools.instruction = Some(match choice {
        ToolChoice::Named(name) => format!("Call the tool `{}` now.", names.to_wire(name)),
        _ => "Call one of the tools now.".to_owned(),
    });
    Ok(())
}
