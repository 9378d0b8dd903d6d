//! Every recorded request of the three dialects, judged as its provider judged it.
//!
//! The folder is `$POLYROUTE_CORPUS`, or `../shared/corpus` beside the workspace.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use http::{HeaderMap, HeaderValue};
use polyroute_sim::dialect::{anthropic, bedrock, cohere, gemini, openai};
use polyroute_sim::prompt::{Prompt, Refusal};
use polyroute_sim::vendor::accept::{
    accept_chat, accept_embeddings, accept_native_chat, accept_native_embeddings,
    accept_native_generate,
};
use polyroute_sim::vendor::{AZURE, Vendor};
use serde_json::Value;

/// Recorded verdicts that today's API would not repeat, by entry id, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[(
    "dd-trace-py-f372eda231a4",
    "a result for a call id that no turn holds: served in 2024, refused by the API since",
)];

/// Refusals that are no fact of the request, by what the provider said.
const OUT_OF_REACH: &[(&str, &str)] = &[
    (
        "Error while downloading",
        "the network between provider and image",
    ),
    (
        "Cannot fetch content from the provided URL",
        "robots.txt of the site",
    ),
    (
        "Your input exceeds the context window",
        "context length, which the server counts",
    ),
    (
        "The file type you uploaded is not supported",
        "what is in an uploaded file",
    ),
    (
        "The input token count",
        "context length, which the server counts",
    ),
    (
        "maximum context length is",
        "context length, which the server counts",
    ),
    (
        "The total length of all messages is too long",
        "context length, which the server counts",
    ),
    (
        "ool call validation failed",
        "what the model wrote, not what was asked",
    ),
    (
        "model did not call a tool",
        "what the model wrote, not what was asked",
    ),
];

/// The folders whose requests are judged.
const PROVIDERS: &[&str] = &[
    "openai",
    "azure",
    "anthropic",
    "gemini",
    "vertex",
    "bedrock",
    "cohere",
    "cerebras",
    "crusoe",
    "dashscope",
    "deepseek",
    "groq",
    "mistral",
    "ollama",
    "openrouter",
    "perplexity",
    "together",
    "xai",
];

type Verdict = Result<Prompt, Refusal>;

#[test]
fn recorded_requests_get_the_recorded_verdict() {
    let Some(folder) = folder() else {
        return;
    };
    let (mut passed, mut skipped, mut failures) = (0, 0, Vec::new());
    for (file, entry) in entries(&folder) {
        let Some(verdict) = judge(&entry) else {
            continue;
        };
        if out_of_reach(&entry) {
            skipped += 1;
            continue;
        }
        match compare(&entry, &verdict) {
            Ok(()) => passed += 1,
            Err(why) => failures.push(format!("{file}: {why}")),
        }
    }
    for failure in &failures {
        tell(failure);
    }
    tell(&format!(
        "{passed} passed, {} failed, {skipped} skipped",
        failures.len()
    ));
    assert!(failures.is_empty(), "{} entries failed", failures.len());
    assert!(passed > 0, "no entry was judged");
    assert!(skipped * 100 <= passed, "more than 1 % are exceptions");
}

#[test]
fn prompts_hold_the_facts_of_the_request() {
    let Some(folder) = folder() else {
        return;
    };
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (file, entry) in entries(&folder) {
        let Some(Ok(prompt)) = judge(&entry) else {
            continue;
        };
        let body = &entry["request"]["body"];
        let path = entry["request"]["path"].as_str().unwrap();
        let streams = body["stream"] == true
            || path.contains(":streamGenerateContent")
            || path.ends_with("/converse-stream");
        let counted = &body["input"]["converse"];
        let body = if counted.is_object() { counted } else { body };
        if body["input"]["invokeModel"].is_object() {
            continue;
        }
        assert_eq!(prompt.stream, streams, "{file}: stream");
        assert_eq!(prompt.tools.len(), tools_in(body), "{file}: tools");
        assert!(!prompt.model.is_empty(), "{file}: model");
        assert!(prompt.choices >= 1, "{file}: choices");
        for (name, _) in &prompt.tool_results {
            // The call may be in what the API remembers.
            let remembered =
                !body["previous_response_id"].is_null() || !body["conversation"].is_null();
            assert!(
                calls_in(body).contains(name) || remembered,
                "{file}: result of `{name}` has no call"
            );
        }
        let tagged = entry["tags"]
            .as_array()
            .is_some_and(|tags| tags.iter().any(|tag| tag == "tool-result"));
        let ends = ends_with_results(body);
        assert_eq!(prompt.tool_results.is_empty(), !ends, "{file}: results");
        if tagged && ends {
            *seen.entry("tool results").or_default() += 1;
        }
        if prompt.stream {
            *seen.entry("streams").or_default() += 1;
        }
        if !prompt.tools.is_empty() {
            *seen.entry("tools").or_default() += 1;
        }
        if !prompt.inputs.is_empty() {
            *seen.entry("embeddings").or_default() += 1;
        }
        if prompt.media > 0 {
            *seen.entry("media").or_default() += 1;
        }
        if prompt.schema.is_some() {
            *seen.entry("schemas").or_default() += 1;
        }
    }
    tell(&format!("facts checked: {seen:?}"));
    for fact in [
        "streams",
        "tools",
        "tool results",
        "embeddings",
        "media",
        "schemas",
    ] {
        assert!(seen.contains_key(fact), "no entry showed {fact}");
    }
}

fn out_of_reach(entry: &Value) -> bool {
    // A shortened request is not what the provider judged.
    let shortened = entry["request"]["note"].is_string();
    let said = entry["response"]["body"]["error"]["message"].as_str();
    let known = |(fragment, _): &(&str, &str)| said.is_some_and(|said| said.contains(fragment));
    shortened
        || EXCEPTIONS.iter().any(|(id, _)| entry["id"] == *id)
        || OUT_OF_REACH.iter().any(known)
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("POLYROUTE_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    tell(&format!(
        "SKIPPED: no corpus at `{}` (set POLYROUTE_CORPUS)",
        folder.display()
    ));
    None
}

/// Writes a line that shows even when the test passes (`println!` would be captured).
fn tell(line: &str) {
    let line = format!("{line}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

fn entries(folder: &Path) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for provider in PROVIDERS {
        let Ok(files) = fs::read_dir(folder.join(provider)) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let entry: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            found.push((format!("{provider}/{name}"), entry));
        }
    }
    found.sort_by(|left, right| left.0.cmp(&right.0));
    found
}

/// The verdict of the accept function that serves the entry's endpoint, if there is one.
fn judge(entry: &Value) -> Option<Verdict> {
    let request = &entry["request"];
    if !request["body"].is_object() {
        return None;
    }
    let body = serde_json::to_vec(&request["body"]).unwrap();
    let headers = headers(&request["headers"]);
    let path = request["path"].as_str().unwrap();
    let provider = entry["provider"].as_str().unwrap();
    let api = entry["api"].as_str().unwrap();
    let model = model_in(path);
    if provider == "azure" && path.starts_with("/models/") {
        return Some(accept_chat(&AZURE, "/models", &body));
    }
    match (provider, api) {
        ("openai" | "azure", "chat.completions") => Some(openai::accept::accept_chat(
            &headers,
            &deployed(&body, path),
        )),
        ("openai" | "azure", "embeddings") => Some(openai::accept::accept_embeddings(
            &headers,
            &deployed(&body, path),
        )),
        // Which models there are is the server's business, not the judge's.
        (_, "responses") if entry["response"]["body"]["error"]["code"] == "model_not_found" => None,
        // Without a model of its own the request takes that of a stored prompt.
        ("openai" | "azure", "responses") if request["body"]["model"].is_string() => {
            Some(openai::responses::accept::accept_response(&headers, &body))
        }
        ("anthropic", "messages") => Some(anthropic::accept::accept_messages(&headers, &body)),
        ("openai", "count-tokens") => {
            Some(openai::responses::accept::accept_count(&headers, &body))
        }
        ("anthropic", "count-tokens") => {
            Some(anthropic::accept::accept_count_tokens(&headers, &body))
        }
        ("gemini", "gemini") => {
            let stream = path.contains(":streamGenerateContent");
            Some(gemini::accept::accept_generate(
                model, stream, &headers, &body,
            ))
        }
        ("vertex", "gemini") => {
            let stream = path.contains(":streamGenerateContent");
            Some(gemini::accept::accept_vertex_generate(
                model, stream, &headers, &body,
            ))
        }
        ("bedrock", "converse") => Some(bedrock::accept::accept_converse(
            &bedrock_model(path),
            path.ends_with("/converse-stream"),
            &body,
        )),
        ("bedrock", "count-tokens") => {
            Some(bedrock::accept::accept_count(&bedrock_model(path), &body))
        }
        ("gemini" | "vertex", "embeddings") => {
            let batch = path.contains(":batchEmbedContents");
            Some(gemini::accept::accept_embed(model, batch, &headers, &body))
        }
        ("cohere", _) => judge_cohere(api, path, &headers, &body),
        ("gemini" | "vertex", "count-tokens") => {
            Some(gemini::accept::accept_count(model, &headers, &body))
        }
        _ => judge_vendor(provider, api, path, &body),
    }
}

/// The verdict of the judge of that version of Cohere's API.
fn judge_cohere(api: &str, path: &str, headers: &HeaderMap, body: &[u8]) -> Option<Verdict> {
    let is_v1 = path.starts_with("/v1/");
    Some(match (api, is_v1) {
        ("cohere-v2", _) => cohere::accept::accept_chat(headers, body),
        ("cohere-v1", _) => cohere::v1::accept::accept_chat(headers, body),
        ("embeddings", false) => cohere::accept::accept_embed(headers, body),
        ("embeddings", true) => cohere::v1::accept::accept_embed(headers, body),
        ("rerank", false) => cohere::accept::accept_rerank(headers, body),
        ("rerank", true) => cohere::v1::accept::accept_rerank(headers, body),
        _ => return None,
    })
}

/// The verdict of the vendor's own judge.
fn judge_vendor(provider: &str, api: &str, path: &str, body: &[u8]) -> Option<Verdict> {
    // Crusoe runs vLLM.
    let name = if provider == "crusoe" {
        "vllm"
    } else {
        provider
    };
    let vendor = Vendor::find(name)?;
    let path = path.split('?').next().unwrap_or(path);
    let base = path.strip_suffix("/chat/completions").unwrap_or_default();
    match api {
        "chat.completions" if path.ends_with("/chat/completions") => {
            Some(accept_chat(vendor, base, body))
        }
        "ollama-chat" => Some(accept_native_chat(body)),
        "ollama-generate" => Some(accept_native_generate(body)),
        "embeddings" if path == "/api/embeddings" => Some(accept_native_embeddings(body)),
        "embeddings" if path.ends_with("/embeddings") && !path.starts_with("/api/") => {
            Some(accept_embeddings(vendor, body))
        }
        _ => None,
    }
}

/// A dated Azure call names its deployment in the path and may leave `model` out of the body; the
/// server puts it there before the body is judged.
fn deployed(body: &[u8], path: &str) -> Vec<u8> {
    let mut body: Value = serde_json::from_slice(body).unwrap();
    if let Some(rest) = path.split("/deployments/").nth(1)
        && body.get("model").is_none()
    {
        body["model"] = rest.split('/').next().unwrap().into();
    }
    serde_json::to_vec(&body).unwrap()
}

/// Many recordings filter request headers; the API demands a version, so it must have been there.
fn headers(recorded: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    for (name, value) in recorded.as_object().into_iter().flatten() {
        let Some(value) = value.as_str() else {
            continue;
        };
        let name: http::HeaderName = name.parse().unwrap();
        headers.insert(name, value.parse().unwrap());
    }
    headers
}

fn model_in(path: &str) -> &str {
    let rest = path.rsplit("/models/").next().unwrap_or_default();
    rest.split([':', '?']).next().unwrap_or_default()
}

fn bedrock_model(path: &str) -> String {
    let model = path
        .trim_start_matches("/model/")
        .split('/')
        .next()
        .unwrap();
    model.replace("%3A", ":").replace("%2F", "/")
}

/// Bedrock says all in one text; the names of models and keys are the server's business.
fn compare_bedrock(entry: &Value, verdict: &Verdict) -> Result<(), String> {
    let status = entry["response"]["status"].as_u64().unwrap();
    let recorded = entry["response"]["body"]["message"]
        .as_str()
        .unwrap_or_default();
    match verdict {
        Ok(_) if status == 400 && !recorded.contains("model identifier is invalid") => {
            Err(format!("accepted, but the API refused it: {recorded}"))
        }
        Ok(_) => Ok(()),
        Err(refusal) if status == 400 && refusal.body["message"] == recorded => Ok(()),
        Err(refusal) => Err(format!(
            "refused as {}, but the API answered {status}: {recorded}",
            refusal.body["message"]
        )),
    }
}

fn compare(entry: &Value, verdict: &Verdict) -> Result<(), String> {
    if entry["provider"] == "bedrock" {
        return compare_bedrock(entry, verdict);
    }
    let status = entry["response"]["status"].as_u64().unwrap();
    let recorded = &entry["response"]["body"]["error"];
    match verdict {
        Ok(_) if status != 400 => Ok(()),
        Ok(_) => Err(format!("accepted, but the API refused it: {recorded}")),
        Err(refusal) if status != 400 => Err(format!(
            "refused, but the API answered {status}: {}",
            refusal.body
        )),
        Err(refusal) => {
            let ours = &refusal.body["error"];
            let same = |key: &str| recorded.get(key).is_none() || recorded[key] == ours[key];
            let agree = u64::from(refusal.status) == status
                && ["code", "type", "status", "param"]
                    .iter()
                    .all(|key| same(key));
            if agree {
                Ok(())
            } else {
                Err(format!("refused as {ours}, but the API said {recorded}"))
            }
        }
    }
}

fn each<'a>(value: &'a Value, keys: &[&str]) -> Vec<&'a Value> {
    let found = keys.iter().find_map(|key| value.get(*key));
    match found {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(other) if !other.is_null() => vec![other],
        _ => Vec::new(),
    }
}

/// Client tools offered, counted without the code under test.
fn tools_in(body: &Value) -> usize {
    let mut count = each(body, &["functions"]).len();
    for tool in each(&body["toolConfig"], &["tools"]) {
        count += usize::from(tool.get("toolSpec").is_some());
    }
    for tool in each(body, &["tools"]) {
        let declarations = each(tool, &["functionDeclarations", "function_declarations"]);
        let anthropic_server_tool = tool
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| !matches!(kind, "custom" | "function"));
        count += match tool {
            _ if !declarations.is_empty() => declarations.len(),
            _ if tool.get("input_schema").is_some() || tool.get("function").is_some() => 1,
            _ if tool["type"] == "custom" || tool["type"] == "function" => 1,
            _ if anthropic_server_tool => usize::from(runs_at_the_client(tool)),
            _ => 0,
        };
    }
    count
}

/// Anthropic's own tools that the caller has to run.
fn runs_at_the_client(tool: &Value) -> bool {
    let kind = tool["type"].as_str().unwrap_or_default();
    ["bash_", "text_editor_", "computer_", "memory_"]
        .iter()
        .any(|prefix| kind.starts_with(prefix))
}

fn calls_in(body: &Value) -> Vec<String> {
    let mut names = Vec::new();
    collect_calls(body, &mut names);
    names
}

fn collect_calls(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_calls(item, names)),
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get("name") {
                names.push(name.clone());
            }
            members
                .values()
                .for_each(|member| collect_calls(member, names));
        }
        _ => {}
    }
}

/// Whether the last turn carries results of client tools.
fn ends_with_results(body: &Value) -> bool {
    let messages = each(body, &["messages"]);
    if let Some(last) = messages.iter().rfind(|message| message["role"] != "system") {
        let blocks = each(last, &["content"]);
        return last["role"] == "tool"
            || last["role"] == "function"
            || blocks.iter().any(|block| block["type"] == "tool_result")
            || blocks
                .iter()
                .any(|block| last["role"] == "user" && block.get("toolResult").is_some());
    }
    // A list of items; embeddings have lists of strings.
    if let Some(last) = each(body, &["input"]).last() {
        let kind = last["type"].as_str().unwrap_or_default();
        return kind.ends_with("_call_output");
    }
    // Consecutive user contents are one turn: media may follow the responses.
    let contents = each(body, &["contents"]);
    let last_turn = contents
        .iter()
        .rev()
        .take_while(|content| content["role"] != "model");
    let mut parts = last_turn.flat_map(|content| each(content, &["parts"]));
    parts.any(|part| {
        part.get("functionResponse").is_some() || part.get("function_response").is_some()
    })
}
