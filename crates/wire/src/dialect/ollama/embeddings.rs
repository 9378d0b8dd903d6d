//! `POST /api/embed` (wire-protocols §3.6).

use serde_json::{Map, Value};

use super::machine::malformed;
use super::response::read_json;
use super::{ISSUER, errors};
use crate::adapter::{DecodeContext, Encoded, Target};
use crate::embedding::{EmbeddingInput, EmbeddingRequest, EmbeddingResponse, vector_of};
use crate::error::{EncodeError, UpstreamError};
use crate::notes::{NO_EQUIVALENT, Notes, unsupported_content};
use crate::options;
use crate::usage::{Usage, count};

/// Members of an answer that have a place of their own.
const KNOWN: [&str; 4] = ["model", "embeddings", "embedding", "prompt_eval_count"];

/// Translates an embeddings request. `provider_options.ollama` (`options`, `keep_alive`,
/// `truncate`) goes into the body.
pub(super) fn encode(request: &EmbeddingRequest, target: &Target) -> Result<Encoded, EncodeError> {
    let mut notes = Notes::new(target.policy.strict_params);
    let mut texts: Vec<Value> = Vec::with_capacity(request.input.len());
    for (at, input) in request.input.iter().enumerate() {
        let EmbeddingInput::Text(text) = input else {
            return Err(unsupported_content(
                format!("input[{at}]"),
                "Ollama takes no token ids, which belong to another tokeniser. Send the text \
                 itself.",
            ));
        };
        texts.push(text.as_str().into());
    }
    let mut body = Map::new();
    body.insert("model".to_owned(), target.model.as_str().into());
    body.insert("input".to_owned(), texts.into());
    // Left to itself the server embeds the beginning of a text that is too long, without a word.
    body.insert("truncate".to_owned(), false.into());
    if let Some(dimensions) = request.dimensions {
        body.insert("dimensions".to_owned(), dimensions.into());
    }
    if request.user.is_some() {
        notes.drop("user", NO_EQUIVALENT)?;
    }
    for name in &request.unread {
        notes.drop(name, NO_EQUIVALENT)?;
    }
    let set = ["model", "input"];
    let own = options::members(&request.provider_options, ISSUER, target, &set, &mut notes)?;
    options::merge(&mut body, &own);
    let (dropped, changed) = notes.finish();
    Ok(Encoded {
        get: false,
        path: "/api/embed".to_owned(),
        headers: Vec::new(),
        body: Value::Object(body).to_string().into(),
        dropped,
        changed,
        context: DecodeContext {
            model: target.model.clone(),
            embedding_inputs: request.input.iter().map(EmbeddingInput::tokens).collect(),
            ..DecodeContext::default()
        },
    })
}

/// Reads an answer of `/api/embed`, or of the older `/api/embeddings` with its one vector.
pub(super) fn decode(
    body: &[u8],
    context: &DecodeContext,
) -> Result<EmbeddingResponse, UpstreamError> {
    let answer = read_json(body)?;
    if errors::is_error(&answer) {
        return Err(errors::in_band(&answer));
    }
    let rows: Vec<&Value> = match (answer.get("embeddings"), answer.get("embedding")) {
        (Some(Value::Array(rows)), _) => rows.iter().collect(),
        (_, Some(row)) => vec![row],
        _ => return Err(malformed("it has no `embeddings`")),
    };
    let vectors = rows
        .into_iter()
        .map(vector_of)
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| malformed("an embedding is no list of numbers"))?;
    let asked = context.embedding_inputs.len();
    if vectors.is_empty()
        || vectors.iter().any(Vec::is_empty)
        || (asked > 0 && vectors.len() != asked)
    {
        return Err(malformed(
            "the number of embeddings is not that of the inputs",
        ));
    }
    let usage = answer.get("prompt_eval_count").map(|tokens| {
        let mut clamped = false;
        Usage {
            input: count(Some(tokens), &mut clamped),
            clamped,
            native: [("prompt_eval_count".to_owned(), tokens.clone())]
                .into_iter()
                .collect(),
            ..Usage::default()
        }
    });
    let metadata = answer
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| !KNOWN.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let model = answer.get("model").and_then(Value::as_str);
    Ok(EmbeddingResponse {
        model: model.unwrap_or_default().to_owned(),
        vectors,
        usage,
        metadata,
    })
}
