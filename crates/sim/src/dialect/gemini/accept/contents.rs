//! Contents: roles, parts, media, the pairing of calls with responses, and thought signatures.

use serde_json::Value;

use super::model::Traits;
use super::wording::refuse;
use crate::prompt::Refusal;
use crate::strict::{list, set, text};

/// Checks the conversation of a canonical request.
pub(super) fn check(body: &Value, traits: Traits, vertex: bool) -> Result<(), Refusal> {
    let contents = list(body, "contents");
    let Some(last) = contents.last() else {
        return Err(refuse(
            "* GenerateContentRequest.contents: contents is not specified\n",
        ));
    };
    for (index, content) in contents.iter().enumerate() {
        if !matches!(text(content, "role"), "user" | "model" | "") {
            return Err(refuse("Please use a valid role: user, model."));
        }
        parts(content, &format!("contents[{index}]"), vertex)?;
    }
    if let Some(system) = set(body, "systemInstruction") {
        parts(system, "system_instruction", vertex)?;
    }
    if text(last, "role") == "model" {
        return Err(refuse(if contents.len() == 1 {
            "Please ensure that single turn requests end with a user role or the role field is \
             empty."
        } else {
            "Please ensure that multiturn requests ends with a user role or a function response."
        }));
    }
    pairs(contents)?;
    signatures(contents, traits)
}

/// Checks the parts of one content.
pub(super) fn parts(content: &Value, path: &str, vertex: bool) -> Result<(), Refusal> {
    let parts = list(content, "parts");
    if parts.is_empty() {
        return Err(refuse(&format!(
            "* GenerateContentRequest.{path}.parts: contents.parts must not be empty.\n"
        )));
    }
    for (at, part) in parts.iter().enumerate() {
        let path = format!("GenerateContentRequest.{path}.parts[{at}]");
        if !has_data(part) {
            return Err(refuse(&format!(
                "* {path}.data: required oneof field 'data' must have one initialized field\n"
            )));
        }
        media(part, &path, vertex)?;
        let named = ["functionCall", "functionResponse"];
        for key in named {
            let unnamed = |call: &&Value| text(call, "name").is_empty();
            if set(part, key).filter(unnamed).is_some() {
                return Err(refuse(&format!(
                    "* {path}.{}.name: Name cannot be empty.\n",
                    super::proto::snake(key)
                )));
            }
        }
        for (inner_at, inner) in response_parts(part).iter().enumerate() {
            let path = format!("{path}.function_response.parts[{inner_at}]");
            media(inner, &path, vertex)?;
        }
    }
    Ok(())
}

fn has_data(part: &Value) -> bool {
    let Some(members) = part.as_object() else {
        return false;
    };
    // A signature may come back on a part of its own.
    members.contains_key("thoughtSignature") || DATA.iter().any(|key| members.contains_key(*key))
}

const DATA: [&str; 9] = [
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
];

fn media(part: &Value, path: &str, vertex: bool) -> Result<(), Refusal> {
    if let Some(blob) = set(part, "inlineData") {
        if text(blob, "mimeType").is_empty() {
            return Err(refuse(&format!(
                "* {path}.inline_data.mime_type: mime_type must be set.\n"
            )));
        }
        if text(blob, "data").is_empty() {
            return Err(refuse(&format!(
                "* {path}.inline_data.data: data must not be empty.\n"
            )));
        }
        if text(blob, "mimeType") == "image/svg+xml" {
            return Err(refuse("Unsupported MIME type: image/svg+xml"));
        }
    }
    let Some(file) = set(part, "fileData") else {
        return Ok(());
    };
    let uri = text(file, "fileUri");
    if uri.is_empty() {
        return Err(refuse(&format!(
            "* {path}.file_data.file_uri: file_uri must be set.\n"
        )));
    }
    if vertex || is_own_file(uri) {
        return Ok(());
    }
    Err(refuse(
        "Invalid or unsupported file uri: the file must be uploaded with the File API.",
    ))
}

/// File API names, Cloud Storage and YouTube; other https addresses are Vertex AI's to fetch.
fn is_own_file(uri: &str) -> bool {
    let prefixes = [
        "https://generativelanguage.googleapis.com/",
        "https://www.youtube.com/",
        "https://youtube.com/",
        "https://m.youtube.com/",
        "https://youtu.be/",
        "gs://",
        "files/",
    ];
    prefixes.iter().any(|prefix| uri.starts_with(prefix))
}

fn response_parts(part: &Value) -> &[Value] {
    part.get("functionResponse")
        .map_or(&[], |response| list(response, "parts"))
}

fn count(content: &Value, key: &str) -> usize {
    let parts = list(content, "parts").iter();
    parts.filter(|part| set(part, key).is_some()).count()
}

/// As many responses as calls in the model turn before them; consecutive contents are one turn.
fn pairs(contents: &[Value]) -> Result<(), Refusal> {
    let mut calls = 0;
    let mut responses = 0;
    let mut previous = "";
    if contents
        .first()
        .is_some_and(|first| count(first, "functionCall") > 0)
    {
        return Err(refuse(
            "Please ensure that function call turn comes immediately after a user turn or after a \
             function response turn.",
        ));
    }
    for content in contents {
        let model = text(content, "role") == "model";
        if model && previous != "model" {
            matched(calls, responses)?;
            (calls, responses) = (0, 0);
        }
        if !model && previous != "user" && count(content, "functionResponse") == 0 && calls > 0 {
            return Err(uneven());
        }
        if model {
            calls += count(content, "functionCall");
        } else {
            responses += count(content, "functionResponse");
        }
        previous = if model { "model" } else { "user" };
    }
    matched(calls, responses)
}

fn matched(calls: usize, responses: usize) -> Result<(), Refusal> {
    if calls == responses {
        return Ok(());
    }
    if calls == 0 {
        return Err(refuse(
            "Please ensure that function response turn comes immediately after a function call \
             turn.",
        ));
    }
    Err(uneven())
}

fn uneven() -> Refusal {
    refuse(
        "Please ensure that the number of function response parts is equal to the number of \
         function call parts of the function call turn.",
    )
}

/// On Gemini 3 the first call of every step of the running turn carries its signature.
fn signatures(contents: &[Value], traits: Traits) -> Result<(), Refusal> {
    if !traits.wants_signatures() {
        return Ok(());
    }
    let speaks = |content: &Value| {
        text(content, "role") != "model" && count(content, "functionResponse") == 0
    };
    let start = contents.iter().rposition(speaks).map_or(0, |at| at + 1);
    for (position, content) in contents.iter().enumerate().skip(start) {
        if text(content, "role") != "model" {
            continue;
        }
        let mut parts = list(content, "parts").iter();
        let Some(first) = parts.find(|part| set(part, "functionCall").is_some()) else {
            continue;
        };
        if !text(first, "thoughtSignature").is_empty() {
            continue;
        }
        let name = first
            .get("functionCall")
            .map_or("", |call| text(call, "name"));
        return Err(refuse(&format!(
            "Function call is missing a thought_signature in functionCall parts. This is required \
             for tools to work correctly, and missing thought_signature may lead to degraded model \
             performance. Additional data, function call `default_api:{name}` , position {}. \
             Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more \
             details.",
            position + 1
        )));
    }
    Ok(())
}

/// All text of a content.
pub(super) fn text_of(content: &Value) -> String {
    let mut pieces = Vec::new();
    for part in list(content, "parts") {
        pieces.push(text(part, "text").to_owned());
        for key in ["functionCall", "functionResponse"] {
            let Some(call) = set(part, key) else {
                continue;
            };
            pieces.push(text(call, "name").to_owned());
            let value = set(call, "args").or_else(|| set(call, "response"));
            pieces.extend(value.map(Value::to_string));
        }
        let code = set(part, "executableCode").map(|code| text(code, "code").to_owned());
        pieces.extend(code);
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces.join("\n")
}

/// Text of the last user content.
pub(super) fn last_user_text(contents: &[Value]) -> String {
    let mut from_the_end = contents.iter().rev();
    from_the_end
        .find(|content| text(content, "role") != "model")
        .map(text_of)
        .unwrap_or_default()
}

/// How many media parts there are.
pub(super) fn media_count(contents: &[Value]) -> u32 {
    let parts = contents.iter().flat_map(|content| list(content, "parts"));
    let is_media =
        |part: &Value| set(part, "inlineData").is_some() || set(part, "fileData").is_some();
    let in_part = |part: &Value| {
        usize::from(is_media(part)) + response_parts(part).iter().filter(|p| is_media(p)).count()
    };
    u32::try_from(parts.map(in_part).sum::<usize>()).unwrap_or(u32::MAX)
}

/// The function responses that the conversation ends with: name and response.
pub(super) fn results(contents: &[Value]) -> Vec<(String, String)> {
    let ending = contents
        .iter()
        .rev()
        .take_while(|content| text(content, "role") != "model")
        .collect::<Vec<_>>();
    let parts = ending
        .into_iter()
        .rev()
        .flat_map(|content| list(content, "parts"));
    let responses = parts.filter_map(|part| set(part, "functionResponse"));
    let result = |response: &Value| {
        let value = set(response, "response").map(Value::to_string);
        (text(response, "name").to_owned(), value.unwrap_or_default())
    };
    responses.map(result).collect()
}
