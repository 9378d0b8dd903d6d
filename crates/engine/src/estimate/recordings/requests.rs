//! The recorded requests of each API, walked from the providers' documentation.

use serde_json::Value;

use polyroute_wire::media::image_size;

use super::read::{LeftOut, Walk, Walked, json, list, text};
use crate::estimate::{Family, Form};

/// Where a provider's documentation tells the tokens of a picture by its width and height.
const fn has_picture_rule(family: Family) -> bool {
    use Family::{
        Gemini, Gemini2, Gemini3, Gpt4, Gpt4o, Gpt5, Gpt5Responses, Gpt41Mini, Gpt41Nano,
    };
    use Family::{Mistral, Qwen, Vertex, Vertex3};
    let is_openai = matches!(
        family,
        Gpt4 | Gpt4o | Gpt41Mini | Gpt41Nano | Gpt5 | Gpt5Responses
    );
    let is_google = matches!(family, Gemini2 | Gemini | Gemini3 | Vertex | Vertex3);
    family.is_claude() || is_openai || is_google || matches!(family, Mistral | Qwen)
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

    /// A picture by its base64, or by an address that tells nothing of its size.
    fn picture(&mut self, data: &str, low_detail: bool, family: Family) -> Result<(), LeftOut> {
        let data = data.split_once(";base64,").map_or(data, |(_, data)| data);
        let Some(size) = image_size(data) else {
            return Err(LeftOut("picture whose size the request does not tell"));
        };
        if !has_picture_rule(family) {
            return Err(LeftOut(
                "picture at a provider that documents no rule for it",
            ));
        }
        self.size.picture(Some(size), low_detail);
        Ok(())
    }

    fn message(&mut self) {
        self.size.message();
    }

    /// The user says something: what was thought before it is no longer sent to the model.
    fn turn(&mut self) {
        self.size.turn();
    }

    /// Thinking that only its provider can read.
    fn sealed(&mut self, data: &str) {
        self.size.sealed(u64::try_from(data.len()).unwrap());
    }

    fn json(&mut self) {
        self.size.json();
    }

    fn result(&mut self) {
        self.size.result();
    }

    fn add_text(&mut self, words: &str) {
        self.size.text(words, Form::Plain);
    }

    fn reasoning(&mut self, words: &str) {
        self.size.reasoning(words, Form::Plain);
    }

    fn call(&mut self, name: &Value, arguments: &Value) {
        let arguments = json(arguments);
        self.size.call(text(name), &arguments, Form::Plain);
    }

    fn answer_schema(&mut self, schema: &Value) {
        self.size.answer_schema(&schema.to_string());
    }

    fn forced(&mut self) {
        self.size.forced();
    }

    fn uncallable(&mut self) {
        self.size.uncallable();
    }
}

pub(super) fn openai(body: &Value, family: Family) -> Walked {
    let mut walk = Walk::default();
    for message in list(&body["messages"]) {
        walk.message();
        match text(&message["role"]) {
            "user" => walk.turn(),
            "tool" => walk.result(),
            _ => {}
        }
        walk.add_text(text(&message["content"]));
        for part in list(&message["content"]) {
            match (part.as_str(), text(&part["type"])) {
                (Some(words), _) => walk.add_text(words),
                (None, "text") => walk.add_text(text(&part["text"])),
                (None, "refusal") => walk.add_text(text(&part["refusal"])),
                (None, "thinking") => {
                    for piece in list(&part["thinking"]) {
                        walk.reasoning(text(&piece["text"]));
                    }
                }
                (None, "image_url") => {
                    let image = &part["image_url"];
                    let url = image.as_str().unwrap_or_else(|| text(&image["url"]));
                    walk.picture(url, image["detail"] == "low", family)?;
                }
                _ => return Err(LeftOut("document, sound or unknown part")),
            }
        }
        let legacy = [&message["function_call"]];
        let calls = list(&message["tool_calls"]).iter();
        for call in calls.map(|call| &call["function"]).chain(legacy) {
            if !call.is_null() {
                walk.call(&call["name"], &call["arguments"]);
            }
        }
        // Some clients send both names of the one thing.
        let thoughts = ["reasoning_content", "reasoning"].map(|key| text(&message[key]));
        let thought = thoughts.iter().find(|words| !words.is_empty());
        walk.reasoning(thought.unwrap_or(&""));
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
    openai_options(&mut walk, body, family)?;
    Ok(walk)
}

fn openai_options(walk: &mut Walk, body: &Value, family: Family) -> Result<(), LeftOut> {
    let format = &body["response_format"];
    if format["type"] == "json_schema" {
        walk.answer_schema(&format["json_schema"]["schema"]);
    }
    // Cohere's schema stands in its JSON object.
    if !format["json_schema"].is_null() && format["type"] == "json_object" {
        walk.answer_schema(&format["json_schema"]);
    } else if format["type"] == "json_object" {
        walk.json();
    }
    // Ollama lets Qwen 3 think first, then asks it again with the thinking and the form.
    if family == Family::QwenOllama && !format.is_null() {
        return Err(LeftOut(
            "several passes, whose thinking is counted as input",
        ));
    }
    if body["tool_choice"] == "none" {
        walk.uncallable();
    }
    // Cohere writes `REQUIRED`.
    let is_required = text(&body["tool_choice"]).eq_ignore_ascii_case("required");
    if is_required || body["tool_choice"].is_object() {
        walk.forced();
    }
    if body["parallel_tool_calls"] == false {
        walk.size.sequential();
    }
    let adds = ["web_search_options", "plugins", "audio", "documents"];
    if adds.iter().any(|key| !body[*key].is_null()) {
        return Err(LeftOut("search, documents or sound"));
    }
    if !body["preset"].is_null() {
        return Err(LeftOut("content that the server keeps"));
    }
    Ok(())
}

pub(super) fn responses(body: &Value, family: Family) -> Walked {
    let kept = [
        "previous_response_id",
        "conversation",
        "prompt",
        "context_management",
    ];
    if kept.iter().any(|key| !body[*key].is_null()) {
        return Err(LeftOut("content that the server keeps"));
    }
    if body["reasoning"]["mode"] == "pro" {
        return Err(LeftOut(
            "several passes, whose thinking is counted as input",
        ));
    }
    let mut walk = Walk::default();
    if body["instructions"].is_string() {
        walk.message();
        walk.add_text(text(&body["instructions"]));
    }
    if body["input"].is_string() {
        walk.message();
        walk.add_text(text(&body["input"]));
    }
    for item in list(&body["input"]) {
        match text(&item["type"]) {
            "" | "message" => responses_message(&mut walk, item, family)?,
            "function_call" => walk.call(&item["name"], &item["arguments"]),
            "function_call_output" => {
                walk.message();
                walk.result();
                if !item["output"].is_string() {
                    responses_parts(&mut walk, &item["output"], family)?;
                }
                walk.add_text(text(&item["output"]));
            }
            "reasoning" => {
                for part in list(&item["content"]) {
                    walk.reasoning(text(&part["text"]));
                }
                walk.sealed(text(&item["encrypted_content"]));
            }
            _ => return Err(LeftOut("server-run tools")),
        }
    }
    for tool in list(&body["tools"]) {
        if tool["type"] != "function" || tool["defer_loading"] == true {
            return Err(LeftOut("server-run tools"));
        }
        walk.tool(tool, &tool["parameters"]);
    }
    let format = &body["text"]["format"];
    if format["type"] == "json_schema" {
        walk.answer_schema(&format["schema"]);
    }
    if format["type"] == "json_object" {
        walk.json();
    }
    if body["tool_choice"] == "none" {
        walk.uncallable();
    }
    if body["parallel_tool_calls"] == false {
        walk.size.sequential();
    }
    if body["tool_choice"] == "required" || body["tool_choice"]["type"] == "function" {
        walk.forced();
    }
    Ok(walk)
}

fn responses_message(walk: &mut Walk, item: &Value, family: Family) -> Result<(), LeftOut> {
    walk.message();
    if item["role"] == "user" {
        walk.turn();
    }
    walk.add_text(text(&item["content"]));
    responses_parts(walk, &item["content"], family)
}

fn responses_parts(walk: &mut Walk, parts: &Value, family: Family) -> Result<(), LeftOut> {
    for part in list(parts) {
        match text(&part["type"]) {
            "input_text" | "output_text" => walk.add_text(text(&part["text"])),
            "refusal" => walk.add_text(text(&part["refusal"])),
            "input_image" => {
                let is_low = part["detail"] == "low";
                walk.picture(text(&part["image_url"]), is_low, family)?;
            }
            _ => return Err(LeftOut("document, sound or unknown part")),
        }
    }
    Ok(())
}

pub(super) fn anthropic(body: &Value, family: Family) -> Walked {
    fn parts(walk: &mut Walk, content: &Value, family: Family) -> Result<(), LeftOut> {
        walk.add_text(text(content));
        for part in list(content) {
            match text(&part["type"]) {
                "text" => walk.add_text(text(&part["text"])),
                "image" => walk.picture(text(&part["source"]["data"]), false, family)?,
                "tool_use" => {
                    walk.call(&part["name"], &part["input"]);
                }
                "tool_result" => {
                    walk.result();
                    parts(walk, &part["content"], family)?;
                }
                "thinking" => walk.reasoning(text(&part["thinking"])),
                "redacted_thinking" => {}
                _ => return Err(LeftOut("document, sound or unknown part")),
            }
        }
        Ok(())
    }
    let mut walk = Walk::default();
    parts(&mut walk, &body["system"], family)?;
    for message in list(&body["messages"]) {
        walk.message();
        let is_result = |part: &Value| part["type"] == "tool_result";
        if message["role"] == "user" && !list(&message["content"]).iter().any(is_result) {
            walk.turn();
        }
        parts(&mut walk, &message["content"], family)?;
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
        walk.answer_schema(schema);
    }
    if matches!(text(&body["tool_choice"]["type"]), "any" | "tool") {
        walk.forced();
    }
    if body["tool_choice"]["disable_parallel_tool_use"] == true {
        walk.size.sequential();
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

pub(super) fn gemini(body: &Value, family: Family) -> Walked {
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
        let parts = one_or_more(&content["parts"]);
        let is_result =
            |part: &Value| !either(part, "functionResponse", "function_response").is_null();
        if content["role"] == "user" && !parts.iter().any(is_result) {
            walk.turn();
        }
        for part in one_or_more(&content["parts"]) {
            gemini_part(&mut walk, part, family)?;
        }
    }
    for tool in one_or_more(&body["tools"]) {
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
    let calling = either(body, "toolConfig", "tool_config");
    let calling = either(calling, "functionCallingConfig", "function_calling_config");
    match text(&calling["mode"]) {
        "ANY" => walk.forced(),
        "NONE" => walk.uncallable(),
        _ => {}
    }
    let config = either(body, "generationConfig", "generation_config");
    let schema = ["responseSchema", "responseJsonSchema", "response_schema"];
    if let Some(schema) = schema
        .iter()
        .map(|key| &config[*key])
        .find(|schema| !schema.is_null())
    {
        walk.answer_schema(schema);
    }
    if !body["cachedContent"].is_null() {
        return Err(LeftOut("content that the server keeps"));
    }
    Ok(walk)
}

fn gemini_part(walk: &mut Walk, part: &Value, family: Family) -> Result<(), LeftOut> {
    let call = either(part, "functionCall", "function_call");
    let result = either(part, "functionResponse", "function_response");
    let signature = text(either(part, "thoughtSignature", "thought_signature"));
    let inline = either(part, "inlineData", "inline_data");
    match () {
        () if part["thought"] == true => walk.reasoning(text(&part["text"])),
        () if part["text"].is_string() => walk.add_text(text(&part["text"])),
        () if !call.is_null() => {
            walk.size.signature(signature);
            walk.call(&call["name"], &call["args"]);
        }
        () if !result.is_null() && result["parts"].is_null() => {
            walk.result();
            walk.add_text(&json(&result["response"]));
        }
        () if !inline.is_null() => walk.picture(text(&inline["data"]), false, family)?,
        () => return Err(LeftOut("document, sound or unknown part")),
    }
    Ok(())
}

pub(super) fn converse(body: &Value, family: Family) -> Walked {
    let mut walk = Walk::default();
    for words in list(&body["system"]) {
        walk.add_text(text(&words["text"]));
    }
    for message in list(&body["messages"]) {
        walk.message();
        let is_result = |part: &Value| !part["toolResult"].is_null();
        if message["role"] == "user" && !list(&message["content"]).iter().any(is_result) {
            walk.turn();
        }
        for piece in list(&message["content"]) {
            converse_part(&mut walk, piece, family)?;
        }
    }
    for tool in list(&body["toolConfig"]["tools"]) {
        let tool = &tool["toolSpec"];
        if !tool.is_null() {
            walk.tool(tool, &tool["inputSchema"]["json"]);
        }
    }
    let choice = &body["toolConfig"]["toolChoice"];
    if !choice["any"].is_null() || !choice["tool"].is_null() {
        walk.forced();
    }
    let format = &body["outputConfig"]["textFormat"];
    if !format.is_null() {
        walk.answer_schema(format);
    }
    if !body["guardrailConfig"].is_null() {
        return Err(LeftOut("content that the server keeps"));
    }
    Ok(walk)
}

fn converse_part(walk: &mut Walk, part: &Value, family: Family) -> Result<(), LeftOut> {
    let (call, result) = (&part["toolUse"], &part["toolResult"]);
    let thinking = &part["reasoningContent"];
    match () {
        () if part["text"].is_string() => walk.add_text(text(&part["text"])),
        () if !part["json"].is_null() => walk.add_text(&part["json"].to_string()),
        () if !call.is_null() => {
            walk.call(&call["name"], &call["input"]);
        }
        () if !result.is_null() => {
            walk.result();
            for inner in list(&result["content"]) {
                converse_part(walk, inner, family)?;
            }
        }
        () if !thinking.is_null() => {
            let words = text(&thinking["reasoningText"]["text"]);
            walk.reasoning(words);
        }
        () if !part["image"].is_null() => {
            walk.picture(text(&part["image"]["source"]["bytes"]), false, family)?;
        }
        () if !part["cachePoint"].is_null() => {}
        () => return Err(LeftOut("document, sound or unknown part")),
    }
    Ok(())
}
