//! Reads the recorded requests of each API into sizes, and the answers' usage. Written from the
//! providers' documentation, without the dialects: it measures them as well.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use polyroute_wire::media::image_size;

use crate::estimate::{Family, Form, InputSize};

/// One exchange.
pub(super) struct Recorded {
    pub(super) file: String,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) family: Family,
    pub(super) size: InputSize,
    pub(super) messages: usize,
    pub(super) reported: u64,
}

impl Recorded {
    /// What repeats of a request share.
    pub(super) fn key(&self) -> (String, bool, bool, bool, usize, u64) {
        let shape = self.size.shape();
        (
            self.model.clone(),
            shape.tools,
            shape.thinking,
            shape.answer_schema,
            self.messages,
            self.reported,
        )
    }

    pub(super) fn target(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }
}

/// A request that no estimate from its own text can fit, and why.
struct LeftOut(&'static str);

type Walked = Result<Walk, LeftOut>;

#[derive(Default)]
struct Walk {
    size: InputSize,
    messages: usize,
}

/// All exchanges with a count, by file; and how many were left out for what. `None` without a
/// corpus.
pub(super) fn read(corpus: &Path) -> Option<(Vec<Recorded>, BTreeMap<&'static str, usize>)> {
    let mut all = Vec::new();
    let mut left_out = BTreeMap::new();
    for folder in std::fs::read_dir(corpus).ok()? {
        let folder = folder.unwrap().path();
        if !folder.is_dir() || folder.ends_with("LICENSES") {
            continue;
        }
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let Ok(entry) = serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()) else {
                continue;
            };
            match recorded(&entry) {
                Ok(Some(mut one)) => {
                    one.file = path.display().to_string();
                    all.push(one);
                }
                Ok(None) => {}
                Err(LeftOut(why)) => *left_out.entry(why).or_default() += 1,
            }
        }
    }
    all.sort_by(|left, right| left.file.cmp(&right.file));
    Some((all, left_out))
}

fn recorded(entry: &Value) -> Result<Option<Recorded>, LeftOut> {
    let api = text(&entry["api"]);
    let body = &entry["request"]["body"];
    let walk = match api {
        _ if entry["response"]["status"] != 200 || !body.is_object() => return Ok(None),
        "chat.completions" | "cohere-v2" => openai(body),
        "messages" => anthropic(body),
        "gemini" => gemini(body),
        "converse" => converse(body),
        _ => return Ok(None),
    };
    let answers = answers(&entry["response"]);
    let Some(reported) = usage(api, &answers)? else {
        return Ok(None);
    };
    let mut walk = walk?;
    let told = answers.iter().find_map(|answer| answer["model"].as_str());
    let mut model = text(&entry["model"]);
    if model.is_empty() || model == "openllmetry-testing" || model == "chat" {
        model = told.unwrap_or(model);
    }
    if ["search-preview", "deep-research", "image", ":online"]
        .iter()
        .any(|word| model.contains(word))
    {
        return Err(LeftOut("model that adds content of its own"));
    }
    if model.contains("gemini-2.0") || model.contains("gemini-1.5") {
        return Err(LeftOut("Gemini before 2.5, which is retired"));
    }
    if thinks(body) || model.contains(":thinking") {
        walk.size.thinks();
    }
    let provider = text(&entry["provider"]);
    if provider == "openrouter" && model.contains("gemini") {
        return Err(LeftOut(
            "Gemini from OpenRouter, which uses both of Google's APIs",
        ));
    }
    Ok(Some(Recorded {
        file: String::new(),
        provider: provider.to_owned(),
        model: model.to_owned(),
        family: Family::of(provider, model),
        messages: walk.messages,
        size: walk.size,
        reported,
    }))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn json(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn thinks(body: &Value) -> bool {
    let fields = &body["additionalModelRequestFields"];
    let blocks = [
        &body["thinking"],
        &fields["thinking"],
        &fields["reasoningConfig"],
        &fields["reasoning_config"],
    ];
    blocks
        .iter()
        .any(|block| matches!(text(&block["type"]), "enabled" | "adaptive"))
        || body["reasoning"].is_object()
        || body["reasoning_effort"].is_string()
        || body["prompt_mode"] == "reasoning"
}

/// The bodies of an answer, or the events of a stream.
fn answers(response: &Value) -> Vec<Value> {
    match text(&response["body_kind"]) {
        "json" => vec![response["body"].clone()],
        "json-array-stream" => list(&response["body"]).to_vec(),
        "sse" => text(&response["sse"])
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok())
            .collect(),
        "eventstream" | "events" => list(&response["events"])
            .iter()
            .map(|event| {
                ["body", "payload"]
                    .iter()
                    .map(|key| &event[*key])
                    .find(|value| !value.is_null())
                    .unwrap_or(event)
                    .clone()
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// Input tokens as reported, cached ones included.
fn usage(api: &str, answers: &[Value]) -> Result<Option<u64>, LeftOut> {
    let mut found = None;
    for answer in answers {
        let sum = |usage: &Value, names: &[&str]| {
            names
                .iter()
                .map(|name| usage[*name].as_u64().unwrap_or(0))
                .sum::<u64>()
        };
        let count = match api {
            "messages" => {
                let usage = [&answer["usage"], &answer["message"]["usage"]]
                    .into_iter()
                    .find(|usage| usage["input_tokens"].is_u64());
                let Some(usage) = usage else { continue };
                if usage["server_tool_use"]
                    .as_object()
                    .is_some_and(|used| used.values().any(|count| count.as_u64().unwrap_or(0) > 0))
                {
                    return Err(LeftOut("server-run tools"));
                }
                let names = [
                    "input_tokens",
                    "cache_read_input_tokens",
                    "cache_creation_input_tokens",
                ];
                // The first event of a stream has the input; later ones may repeat it.
                found = found.or(Some(sum(usage, &names)));
                continue;
            }
            "gemini" => {
                let usage = &answer["usageMetadata"];
                if usage["toolUsePromptTokenCount"].as_u64().unwrap_or(0) > 0 {
                    return Err(LeftOut("server-run tools"));
                }
                sum(usage, &["promptTokenCount"])
            }
            "converse" => {
                let usage = [&answer["usage"], &answer["metadata"]["usage"]];
                let names = [
                    "inputTokens",
                    "cacheReadInputTokens",
                    "cacheWriteInputTokens",
                ];
                usage
                    .iter()
                    .map(|usage| sum(usage, &names))
                    .max()
                    .unwrap_or(0)
            }
            "cohere-v2" => [&answer["usage"], &answer["delta"]["usage"]]
                .iter()
                .map(|usage| sum(&usage["billed_units"], &["input_tokens"]))
                .max()
                .unwrap_or(0),
            _ => [&answer["usage"], &answer["x_groq"]["usage"]]
                .iter()
                .map(|usage| sum(usage, &["prompt_tokens"]))
                .max()
                .unwrap_or(0),
        };
        if count > 0 {
            found = Some(count);
        }
    }
    Ok(found.filter(|count| *count > 0))
}

impl Walk {
    fn tool(&mut self, tool: &Value, schema: &Value) {
        let schema = if schema.is_null() {
            String::new()
        } else {
            schema.to_string()
        };
        let (name, description) = (text(&tool["name"]), text(&tool["description"]));
        self.size.tool(name, description, &schema, Form::Plain);
    }

    /// Pictures have tests of their own; here they would only blur the count of the text.
    fn picture(&mut self, data: &str) -> Result<(), LeftOut> {
        match image_size(data) {
            Some(_) => Err(LeftOut("picture")),
            None => Err(LeftOut("picture or file whose size is not there")),
        }
    }

    fn message(&mut self) {
        self.messages += 1;
        self.size.message();
    }

    fn add_text(&mut self, words: &str) {
        self.size.text(words, Form::Plain);
    }
}

fn openai(body: &Value) -> Walked {
    let mut walk = Walk::default();
    for message in list(&body["messages"]) {
        walk.message();
        if message["role"] == "tool" {
            walk.size.result();
        }
        walk.add_text(text(&message["content"]));
        for part in list(&message["content"]) {
            match (part.as_str(), text(&part["type"])) {
                (Some(words), _) => walk.add_text(words),
                (None, "text") => walk.add_text(text(&part["text"])),
                (None, "refusal") => walk.add_text(text(&part["refusal"])),
                (None, "thinking") => {
                    for piece in list(&part["thinking"]) {
                        walk.size.reasoning(text(&piece["text"]), Form::Plain);
                    }
                }
                (None, "image_url") => walk.picture(text(&part["image_url"]["url"]))?,
                _ => return Err(LeftOut("document, sound or unknown part")),
            }
        }
        let legacy = [&message["function_call"]];
        let calls = list(&message["tool_calls"]).iter();
        for call in calls.map(|call| &call["function"]).chain(legacy) {
            if !call.is_null() {
                let arguments = json(&call["arguments"]);
                walk.size.call(text(&call["name"]), &arguments, Form::Plain);
            }
        }
        for key in ["reasoning_content", "reasoning"] {
            walk.size.reasoning(text(&message[key]), Form::Plain);
        }
    }
    for tool in list(&body["tools"]) {
        if tool["function"].is_null() {
            return Err(LeftOut("server-run tools"));
        }
        walk.tool(&tool["function"], &tool["function"]["parameters"]);
    }
    for function in list(&body["functions"]) {
        walk.tool(function, &function["parameters"]);
    }
    let format = &body["response_format"];
    if format["type"] == "json_schema" {
        walk.size.answer_schema(&format["json_schema"].to_string());
    }
    if body["tool_choice"] == "none" {
        walk.size.uncallable();
    }
    if body["tool_choice"] == "required" || body["tool_choice"].is_object() {
        walk.size.forced();
    }
    let adds = ["web_search_options", "plugins", "audio", "documents"];
    if adds.iter().any(|key| !body[*key].is_null()) {
        return Err(LeftOut("search, documents or sound"));
    }
    if !body["preset"].is_null() {
        return Err(LeftOut("content that the server keeps"));
    }
    Ok(walk)
}

fn anthropic(body: &Value) -> Walked {
    fn parts(walk: &mut Walk, content: &Value) -> Result<(), LeftOut> {
        walk.add_text(text(content));
        for part in list(content) {
            match text(&part["type"]) {
                "text" => walk.add_text(text(&part["text"])),
                "image" => walk.picture(text(&part["source"]["data"]))?,
                "tool_use" => {
                    let input = json(&part["input"]);
                    walk.size.call(text(&part["name"]), &input, Form::Plain);
                }
                "tool_result" => {
                    walk.size.result();
                    parts(walk, &part["content"])?;
                }
                "thinking" => walk.size.reasoning(text(&part["thinking"]), Form::Plain),
                "redacted_thinking" => {}
                _ => return Err(LeftOut("document, sound or unknown part")),
            }
        }
        Ok(())
    }
    let mut walk = Walk::default();
    parts(&mut walk, &body["system"])?;
    for message in list(&body["messages"]) {
        walk.message();
        parts(&mut walk, &message["content"])?;
    }
    for tool in list(&body["tools"]) {
        let own = tool["type"].is_null() || tool["type"] == "custom";
        if !own || tool["defer_loading"] == true {
            return Err(LeftOut("server-run tools"));
        }
        walk.tool(tool, &tool["input_schema"]);
    }
    let schema = [
        &body["output_config"]["format"]["schema"],
        &body["output_format"]["schema"],
    ];
    if let Some(schema) = schema.iter().find(|schema| !schema.is_null()) {
        walk.size.answer_schema(&schema.to_string());
    }
    if matches!(text(&body["tool_choice"]["type"]), "any" | "tool") {
        walk.size.forced();
    }
    let kept = ["container", "mcp_servers", "context_management"];
    if kept.iter().any(|key| !body[*key].is_null()) {
        return Err(LeftOut("content that the server keeps"));
    }
    Ok(walk)
}

/// Gemini's members come in two spellings.
fn either<'a>(value: &'a Value, camel: &str, snake: &str) -> &'a Value {
    if value[camel].is_null() {
        &value[snake]
    } else {
        &value[camel]
    }
}

fn gemini(body: &Value) -> Walked {
    fn one_or_more(value: &Value) -> &[Value] {
        value.as_array().map_or_else(
            || {
                if value.is_null() {
                    &[]
                } else {
                    std::slice::from_ref(value)
                }
            },
            Vec::as_slice,
        )
    }
    let mut walk = Walk::default();
    let system = either(body, "systemInstruction", "system_instruction");
    for part in one_or_more(&system["parts"]) {
        walk.add_text(text(&part["text"]));
    }
    for content in one_or_more(&body["contents"]) {
        walk.message();
        for part in one_or_more(&content["parts"]) {
            gemini_part(&mut walk, part)?;
        }
    }
    for tool in list(&body["tools"]) {
        let functions = either(tool, "functionDeclarations", "function_declarations");
        if functions.is_null() {
            return Err(LeftOut("server-run tools"));
        }
        for function in list(functions) {
            let schema = [
                "parameters",
                "parametersJsonSchema",
                "parameters_json_schema",
            ];
            let schema = schema
                .iter()
                .map(|key| &function[*key])
                .find(|schema| !schema.is_null());
            walk.tool(function, schema.unwrap_or(&Value::Null));
        }
    }
    let config = either(body, "generationConfig", "generation_config");
    let schema = ["responseSchema", "responseJsonSchema", "response_schema"];
    if let Some(schema) = schema
        .iter()
        .map(|key| &config[*key])
        .find(|schema| !schema.is_null())
    {
        walk.size.answer_schema(&schema.to_string());
    }
    if !body["cachedContent"].is_null() {
        return Err(LeftOut("content that the server keeps"));
    }
    Ok(walk)
}

fn gemini_part(walk: &mut Walk, part: &Value) -> Result<(), LeftOut> {
    let call = either(part, "functionCall", "function_call");
    let result = either(part, "functionResponse", "function_response");
    if !either(part, "thoughtSignature", "thought_signature").is_null() {
        return Err(LeftOut("signed thinking, whose size its signature hides"));
    }
    match () {
        () if part["thought"] == true => walk.size.reasoning(text(&part["text"]), Form::Plain),
        () if part["text"].is_string() => walk.add_text(text(&part["text"])),
        () if !call.is_null() => {
            let arguments = json(&call["args"]);
            walk.size.call(text(&call["name"]), &arguments, Form::Plain);
        }
        () if !result.is_null() && result["parts"].is_null() => {
            walk.size.result();
            walk.add_text(&json(&result["response"]));
        }
        () => return Err(LeftOut("document, sound or unknown part")),
    }
    Ok(())
}

fn converse(body: &Value) -> Walked {
    let mut walk = Walk::default();
    for words in list(&body["system"]) {
        walk.add_text(text(&words["text"]));
    }
    for message in list(&body["messages"]) {
        walk.message();
        for piece in list(&message["content"]) {
            converse_part(&mut walk, piece)?;
        }
    }
    for tool in list(&body["toolConfig"]["tools"]) {
        let tool = &tool["toolSpec"];
        if !tool.is_null() {
            walk.tool(tool, &tool["inputSchema"]["json"]);
        }
    }
    let format = &body["outputConfig"]["textFormat"];
    if !format.is_null() {
        walk.size.answer_schema(&format.to_string());
    }
    if !body["guardrailConfig"].is_null() {
        return Err(LeftOut("content that the server keeps"));
    }
    Ok(walk)
}

fn converse_part(walk: &mut Walk, part: &Value) -> Result<(), LeftOut> {
    let (call, result) = (&part["toolUse"], &part["toolResult"]);
    let thinking = &part["reasoningContent"];
    match () {
        () if part["text"].is_string() => walk.add_text(text(&part["text"])),
        () if !part["json"].is_null() => walk.add_text(&part["json"].to_string()),
        () if !call.is_null() => {
            let input = json(&call["input"]);
            walk.size.call(text(&call["name"]), &input, Form::Plain);
        }
        () if !result.is_null() => {
            walk.size.result();
            for inner in list(&result["content"]) {
                converse_part(walk, inner)?;
            }
        }
        () if !thinking.is_null() => {
            let words = text(&thinking["reasoningText"]["text"]);
            walk.size.reasoning(words, Form::Plain);
        }
        () if !part["image"].is_null() => {
            walk.picture(text(&part["image"]["source"]["bytes"]))?;
        }
        () if !part["cachePoint"].is_null() => {}
        () => return Err(LeftOut("document, sound or unknown part")),
    }
    Ok(())
}
