//! Reads the recorded requests of each API into sizes, and the answers' usage. Written from the
//! providers' documentation, without the dialects: it measures them as well.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use polyroute_wire::dialect::Dialect;
use polyroute_wire::json::stable_hash;

use super::requests;
use crate::estimate::{Family, InputSize};

/// One exchange.
pub(super) struct Recorded {
    /// `provider/kind-NNN`.
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) model: String,
    pub(super) family: Family,
    pub(super) size: InputSize,
    pub(super) reported: u64,
    /// When it was recorded, as far as the recording says.
    pub(super) day: String,
    /// Of the request without its options: what repeats of a request share.
    pub(super) content: u64,
}

impl Recorded {
    /// By which half it is: fitted on if even. Decided before anything was looked at, so that no
    /// choice of the halves can flatter.
    pub(super) fn is_fitted_on(&self) -> bool {
        stable_hash(self.name.as_bytes()).is_multiple_of(2)
    }

    pub(super) fn target(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }
}

/// A request whose input tokens no estimate from its own text can tell, and why:
///
/// * server-run tools and models that search add results and prompts that the request does not
///   show (Anthropic, OpenAI and Google document each);
/// * kept content (`previous_response_id`, containers, stored prompts, Gemini's caches) is not sent;
/// * what asks the model several times (OpenAI's pro mode, Ollama's JSON answers of a thinking model)
///   counts its thinking in between as input;
/// * documents and sound are counted by pages and seconds, which their bytes do not tell;
/// * pictures count where they are inline and their provider documents a rule of width and height.
pub(super) struct LeftOut(pub(super) &'static str);

pub(super) type Walked = Result<Walk, LeftOut>;

#[derive(Default)]
pub(super) struct Walk {
    pub(super) size: InputSize,
}

/// All exchanges with a count, by name; and how many were left out for what. `None` without a
/// corpus.
pub(super) fn read(corpus: &Path) -> Option<(Vec<Recorded>, BTreeMap<&'static str, usize>)> {
    let mut all = Vec::new();
    let mut left_out = BTreeMap::new();
    for folder in std::fs::read_dir(corpus).ok()? {
        let folder = folder.unwrap().path();
        if !folder.is_dir() || folder.ends_with("LICENSES") {
            continue;
        }
        for file in std::fs::read_dir(&folder).unwrap() {
            let path = file.unwrap().path();
            let Ok(entry) = serde_json::from_slice::<Value>(&std::fs::read(&path).unwrap()) else {
                continue;
            };
            match recorded(&entry) {
                Ok(Some(mut one)) => {
                    let stem = |path: &Path| path.file_stem().unwrap().display().to_string();
                    one.name = format!("{}/{}", stem(&folder), stem(&path));
                    all.push(one);
                }
                Ok(None) => {}
                Err(LeftOut(why)) => *left_out.entry(why).or_default() += 1,
            }
        }
    }
    all.sort_by(|left, right| (&left.day, &left.name).cmp(&(&right.day, &right.name)));
    Some((all, left_out))
}

fn recorded(entry: &Value) -> Result<Option<Recorded>, LeftOut> {
    let api = text(&entry["api"]);
    let body = &entry["request"]["body"];
    if entry["response"]["status"] != 200 || !body.is_object() {
        return Ok(None);
    }
    let answers = answers(&entry["response"]);
    let told = answers.iter().find_map(|answer| answer["model"].as_str());
    let mut model = text(&entry["model"]);
    if model.is_empty() || model == "openllmetry-testing" || model == "chat" {
        model = told.unwrap_or(model);
    }
    let provider = text(&entry["provider"]);
    let mut family = Family::of(provider, model);
    if api == "responses" {
        family = family.over(Dialect::Responses);
    }
    let walk = match api {
        "chat.completions" | "cohere-v2" => requests::openai(body, family),
        "responses" => requests::responses(body, family),
        "messages" => requests::anthropic(body, family),
        "gemini" => requests::gemini(body, family),
        "converse" => requests::converse(body, family),
        _ => return Ok(None),
    };
    let Some(reported) = usage(api, &answers)? else {
        return Ok(None);
    };
    let mut walk = walk?;
    if [
        "search-preview",
        "deep-research",
        "image",
        ":online",
        "sonar",
    ]
    .iter()
    .any(|word| model.contains(word))
    {
        return Err(LeftOut("model that adds content of its own"));
    }
    if thinks(body) || model.contains(":thinking") {
        walk.size.thinks();
    }
    let content = [
        "messages",
        "input",
        "contents",
        "system",
        "tools",
        "toolConfig",
    ];
    let content: Vec<_> = content.iter().map(|key| body[*key].to_string()).collect();
    Ok(Some(Recorded {
        name: String::new(),
        provider: provider.to_owned(),
        model: model.to_owned(),
        family,
        size: walk.size,
        content: stable_hash(content.concat().as_bytes()),
        reported,
        day: text(&entry["recorded_at"]).to_owned(),
    }))
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn json(value: &Value) -> String {
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
                .map(|usage| sum(&usage["tokens"], &["input_tokens"]))
                .max()
                .unwrap_or(0),
            "responses" => [&answer["usage"], &answer["response"]["usage"]]
                .iter()
                .map(|usage| sum(usage, &["input_tokens"]))
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
