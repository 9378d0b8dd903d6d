//! Embeddings on Vertex AI (wire-protocols §3.6): `embedContent` and `batchEmbedContents` of the
//! Gemini models with their options apart, `predict` of the older text models.

use serde_json::{Map, Value, json};

use super::read::{field, is_spelling_of, list};
use crate::error::EncodeError;
use crate::notes::unsupported;
use crate::usage::count;

/// Method and body for these inputs.
///
/// # Errors
/// Several inputs for a model that takes one a call.
pub(super) fn encode(
    model: &str,
    inputs: &[&str],
    dimensions: Option<u32>,
    options: &[&Map<String, Value>],
) -> Result<(&'static str, Value), EncodeError> {
    let mut settings = Map::new();
    if let Some(dimensions) = dimensions {
        settings.insert("outputDimensionality".into(), dimensions.into());
    }
    // What does not fit is an error, as OpenAI's callers expect, and no vector of half the text.
    settings.insert("autoTruncate".into(), false.into());
    for options in options {
        super::merge::into(&mut settings, options);
    }
    let is_hosted = model.contains("maas");
    if !model.contains("gemini") && !is_hosted {
        return Ok(("predict", predict(inputs, settings)));
    }
    let content = |text: &&str| json!({"role": "user", "parts": [{"text": text}]});
    match inputs {
        [only] => {
            let body = json!({"content": content(only), "embedContentConfig": settings});
            Ok(("embedContent", body))
        }
        _ if is_hosted => Err(unsupported(
            "input",
            format!(
                "The model `{model}` embeds one input a call on Vertex AI. Send them one by one."
            ),
        )),
        several => {
            let requests: Vec<Value> = several
                .iter()
                .map(|text| json!({"content": content(text), "embedContentConfig": settings}))
                .collect();
            Ok(("batchEmbedContents", json!({ "requests": requests })))
        }
    }
}

/// `instances` with what belongs to each, `parameters` with the rest.
fn predict(inputs: &[&str], settings: Map<String, Value>) -> Value {
    let (mut each, mut parameters) = (Map::new(), Map::new());
    for (key, value) in settings {
        if is_spelling_of(&key, "taskType") {
            each.insert("task_type".into(), value);
        } else if key == "title" {
            each.insert(key, value);
        } else {
            parameters.insert(key, value);
        }
    }
    let instances: Vec<Value> = inputs
        .iter()
        .map(|text| {
            let mut instance = Map::new();
            instance.insert("content".into(), (*text).into());
            instance.extend(each.clone());
            Value::Object(instance)
        })
        .collect();
    json!({"instances": instances, "parameters": parameters})
}

/// The embeddings of a `predict` answer; `None` if it is none.
pub(super) fn predictions(answer: &Value) -> Option<Vec<&Value>> {
    let predictions = field(answer, "predictions")?.as_array()?;
    Some(
        predictions
            .iter()
            .filter_map(|prediction| field(prediction, "embeddings"))
            .collect(),
    )
}

/// Input tokens of a `predict` answer: the sum over its inputs; `None` if it does not count.
pub(super) fn tokens(answer: &Value, clamped: &mut bool) -> Option<u64> {
    let mut sum = None;
    for prediction in list(answer, "predictions") {
        let counted = field(prediction, "embeddings")
            .and_then(|embedding| field(embedding, "statistics"))
            .and_then(|statistics| field(statistics, "tokenCount"))?;
        sum = Some(
            sum.unwrap_or(0_u64)
                .saturating_add(count(Some(counted), clamped)),
        );
    }
    sum
}
