//! Vertex AI: Gemini's and Anthropic's APIs under `/vertex/{version}/projects/…`, with bearer
//! tokens of [`super::identity`].
//!
//! A call is turned into the vendor's own one, after what only Vertex AI asks for was checked; the
//! same judges and renderers then serve it.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use crate::dialect::{anthropic, gemini};
use crate::errors::reply;
use crate::prompt::{Prompt, Refusal};
use crate::route::{Operation, Route, query};
use crate::wire::{Body, Reply};

/// The prefix of its paths.
pub const PREFIX: &str = "vertex";
/// The values of `anthropic_version`, each with the version of Anthropic's own API whose rules hold
/// for it. The second one is what the vendor's newest SDK sends.
const CLAUDE_VERSIONS: [(&str, &str); 2] = [
    ("vertex-2023-10-16", "2023-06-01"),
    ("2026-10-21", "2026-10-21"),
];

/// A call of Vertex AI's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    model: String,
    kind: Kind,
    /// Without a project, an API key is the only way in.
    has_project: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Generate,
    Embed { batch: bool },
    Predict,
    Count,
    Claude { stream: bool },
    ClaudeCount,
}

impl Call {
    /// Reads a path; `None` if it is none of Vertex AI's.
    pub fn read(method: &Method, uri: &Uri) -> Option<(Route, Self)> {
        let mut path = uri.path();
        let mut instance = None;
        if let Some(rest) = path.strip_prefix("/p/") {
            let (name, _) = rest.split_once('/')?;
            instance = Some(name.to_owned());
            path = rest.strip_prefix(name)?;
        }
        let path = path.strip_prefix("/vertex/")?;
        let path = path
            .strip_prefix("v1beta1/")
            .or_else(|| path.strip_prefix("v1/"))?;
        let (has_project, path) = match path.strip_prefix("projects/") {
            None => (false, path),
            Some(rest) => {
                let (_, rest) = rest.split_once("/locations/")?;
                (true, rest.split_once('/')?.1)
            }
        };
        let (publisher, call) = path.strip_prefix("publishers/")?.split_once("/models/")?;
        let (model, call) = call.rsplit_once(':')?;
        let model = percent_decode_str(model).decode_utf8_lossy().into_owned();
        let sse = query(uri, "alt").as_deref() == Some("sse");
        let (kind, operation) = operation(publisher, &model, call, sse)?;
        let operation = if method == Method::POST {
            operation
        } else {
            Operation::WrongMethod(operation.dialect())
        };
        let route = Route {
            instance,
            prefix: Some(PREFIX.to_owned()),
            operation,
        };
        Some((
            route,
            Self {
                model,
                kind,
                has_project,
            },
        ))
    }

    /// Turns headers and body into those of the vendor's own API, or refuses the call.
    pub fn turn(
        &self,
        headers: &mut HeaderMap,
        body: Option<Bytes>,
        holds: impl Fn(&str) -> bool,
    ) -> Result<Option<Bytes>, Reply> {
        self.authorized(headers, holds)?;
        let Some(body) = body else { return Ok(None) };
        // What is no object, the judge says.
        let Ok(Value::Object(mut members)) = serde_json::from_slice::<Value>(&body) else {
            return Ok(Some(body));
        };
        match self.kind {
            Kind::Generate | Kind::Predict | Kind::Count => return Ok(Some(body)),
            Kind::Embed { batch } => flatten(&mut members, batch, &self.model)?,
            Kind::Claude { stream } => {
                let rules = claude(&mut members)?;
                let streams = members.get("stream") == Some(&Value::Bool(true));
                if streams != stream {
                    return Err(claude_refusal(
                        "stream: does not go with this method: use streamRawPredict with it and \
                         rawPredict without",
                    ));
                }
                members.insert("model".to_owned(), anthropics(&self.model).into());
                headers.insert("anthropic-version", HeaderValue::from_static(rules));
            }
            Kind::ClaudeCount => {
                let rules = claude_version(&mut members)?;
                if let Some(Value::String(model)) = members.get_mut("model") {
                    *model = anthropics(model);
                }
                headers.insert("anthropic-version", HeaderValue::from_static(rules));
            }
        }
        Ok(Some(Value::Object(members).to_string().into()))
    }

    fn authorized(&self, headers: &HeaderMap, holds: impl Fn(&str) -> bool) -> Result<(), Reply> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let key = header("x-goog-api-key");
        match (bearer, key) {
            (Some(token), _) if holds(token) => Ok(()),
            (None, Some(_)) => Ok(()),
            (None, None) if !self.has_project => Err(refused(
                403,
                "PERMISSION_DENIED",
                "Method doesn't allow unregistered callers (callers without established identity). \
                 Please use API Key or other form of API consumer identity to call this API.",
            )),
            _ => Err(refused(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, \
                 login cookie or other valid authentication credential. See \
                 https://developers.google.com/identity/sign-in/web/devconsole-project.",
            )),
        }
    }
}

fn operation(publisher: &str, model: &str, call: &str, sse: bool) -> Option<(Kind, Operation)> {
    let model = model.to_owned();
    Some(match (publisher, call) {
        ("google", "generateContent" | "streamGenerateContent") => {
            let stream = call == "streamGenerateContent";
            (
                Kind::Generate,
                Operation::GeminiGenerate { model, stream, sse },
            )
        }
        ("google", "embedContent" | "batchEmbedContents") => {
            let batch = call == "batchEmbedContents";
            (
                Kind::Embed { batch },
                Operation::GeminiEmbed { model, batch },
            )
        }
        ("google", "predict") => (Kind::Predict, Operation::VertexPredict { model }),
        ("google", "countTokens") => (Kind::Count, Operation::GeminiCount { model }),
        ("anthropic", "rawPredict") if model == "count-tokens" => {
            (Kind::ClaudeCount, Operation::AnthropicCount)
        }
        ("anthropic", "rawPredict" | "streamRawPredict") => {
            let stream = call == "streamRawPredict";
            (Kind::Claude { stream }, Operation::AnthropicMessages)
        }
        _ => return None,
    })
}

/// Google's errors of the platform come in a list of one.
fn refused(status: u16, word: &str, message: &str) -> Reply {
    reply(
        status,
        json!([{"error": {"code": status, "message": message, "status": word}}]),
    )
}

/// `embedContentConfig` is where Vertex AI has what the Gemini API has beside `content`.
fn flatten(members: &mut Map<String, Value>, batch: bool, model: &str) -> Result<(), Reply> {
    if !batch {
        return flatten_one(members);
    }
    let requests = members.get_mut("requests").and_then(Value::as_array_mut);
    for request in requests
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        flatten_one(request)?;
        request.insert("model".to_owned(), format!("models/{model}").into());
    }
    Ok(())
}

fn flatten_one(request: &mut Map<String, Value>) -> Result<(), Reply> {
    let unknown = |name: &str| {
        refused(
            400,
            "INVALID_ARGUMENT",
            &format!("Invalid JSON payload received. Unknown name \"{name}\": Cannot find field."),
        )
    };
    if let Some(name) = request
        .keys()
        .find(|key| !["content", "embedContentConfig"].contains(&key.as_str()))
    {
        return Err(unknown(name));
    }
    let Some(Value::Object(config)) = request.remove("embedContentConfig") else {
        return Ok(());
    };
    for (key, value) in config {
        match key.as_str() {
            "taskType" | "title" | "outputDimensionality" => {
                request.insert(key, value);
            }
            "autoTruncate" if value.is_boolean() => {}
            _ => return Err(unknown(&key)),
        }
    }
    Ok(())
}

/// A `:predict` body: text embeddings.
pub(crate) fn accept_predict(model: &str, body: &[u8]) -> Result<Prompt, Refusal> {
    let refuse = |message: &str| Refusal {
        status: 400,
        body: gemini::render::error(400, "INVALID_ARGUMENT", message, None),
    };
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let known = |object: &Value, keys: &[&str]| {
        let members = object.as_object();
        members.is_some_and(|members| members.keys().all(|key| keys.contains(&key.as_str())))
    };
    let none = Value::Object(Map::new());
    let parameters = body.get("parameters").unwrap_or(&none);
    if !known(&body, &["instances", "parameters"])
        || !known(parameters, &["outputDimensionality", "autoTruncate"])
    {
        return Err(refuse("Invalid JSON payload received. Unknown name."));
    }
    let instances = body.get("instances").and_then(Value::as_array);
    let inputs: Option<Vec<String>> = instances
        .filter(|instances| !instances.is_empty() && instances.len() <= 250)
        .and_then(|instances| {
            instances
                .iter()
                .map(|instance| {
                    let text = instance.get("content")?.as_str()?;
                    let fits = known(instance, &["content", "task_type", "title"]);
                    (fits && !text.is_empty()).then(|| text.to_owned())
                })
                .collect()
        });
    let Some(inputs) = inputs else {
        return Err(refuse(
            "The text content is empty, or there are not 1 to 250 instances.",
        ));
    };
    let dimensions = parameters
        .get("outputDimensionality")
        .and_then(Value::as_u64);
    Ok(Prompt {
        model: model.to_owned(),
        choices: 1,
        texts: inputs.clone(),
        inputs,
        dimensions: dimensions.and_then(|wanted| u32::try_from(wanted).ok()),
        ..Prompt::default()
    })
}

/// A batch of embeddings as `:predict` words it.
pub(crate) fn as_predictions(mut answer: Reply, prompt_tokens: &[u64]) -> Reply {
    if let Body::Json(body) = &mut answer.body {
        let embeddings = body.get("embeddings").and_then(Value::as_array);
        let predictions: Vec<Value> = embeddings
            .into_iter()
            .flatten()
            .zip(prompt_tokens)
            .map(|(embedding, tokens)| {
                json!({"embeddings": {"values": embedding.get("values"),
                    "statistics": {"truncated": false, "token_count": tokens}}})
            })
            .collect();
        *body = json!({"predictions": predictions,
            "metadata": {"billableCharacterCount": 0}});
    }
    answer
}

/// What Vertex AI asks of a Claude body, and does not take.
fn claude(members: &mut Map<String, Value>) -> Result<&'static str, Reply> {
    let rules = claude_version(members)?;
    for key in ["model", "service_tier"] {
        if members.contains_key(key) {
            return Err(claude_refusal(&format!(
                "{key}: Extra inputs are not permitted"
            )));
        }
    }
    let messages = members.get("messages").map(ToString::to_string);
    if messages.is_some_and(|text| text.contains(r#""source":{"type":"url""#)) {
        return Err(claude_refusal(
            "messages: URL sources are not supported, send base64",
        ));
    }
    Ok(rules)
}

/// Takes the version out; gives the one of Anthropic's own API.
fn claude_version(members: &mut Map<String, Value>) -> Result<&'static str, Reply> {
    let version = members.remove("anthropic_version");
    let Some(version) = version.as_ref().and_then(Value::as_str) else {
        return Err(claude_refusal("anthropic_version: Field required"));
    };
    CLAUDE_VERSIONS
        .iter()
        .find(|(known, _)| *known == version)
        .map(|(_, rules)| *rules)
        .ok_or_else(|| claude_refusal("anthropic_version: Input should be 'vertex-2023-10-16'"))
}

fn claude_refusal(message: &str) -> Reply {
    reply(
        400,
        anthropic::render::error("invalid_request_error", message, "req_vrtx_sim"),
    )
}

/// `claude-sonnet-4-5@20250929` is `claude-sonnet-4-5-20250929` at home.
fn anthropics(model: &str) -> String {
    model.replace('@', "-")
}
