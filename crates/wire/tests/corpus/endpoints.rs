//! Checks of answers beside chat and embeddings: text completions, moderations, reranking, counts of
//! tokens.

use polyroute_wire::adapter::Target;
use polyroute_wire::dialect::openai::{
    Tap, TapSummary, edit_completion, edit_moderation, encode, tap_completion, tap_moderation,
};
use polyroute_wire::json::RawObject;
use polyroute_wire::rerank::RerankRequest;
use serde_json::Value;

use crate::checks::Random;
use crate::entry::{Body, Entry};
use crate::report::Report;

/// A rerank answer: every result as recorded, in the decoder's own words and in ours.
pub(crate) fn rerank(entry: &Entry) -> Result<(), String> {
    let adapter = entry.dialect.adapter();
    let answer = adapter
        .decode_rerank(&entry.bytes(), &entry.context())
        .map_err(|error| format!("{error:?}"))?;
    let Body::Json(recorded) = &entry.body else {
        return Err("the answer is no JSON".to_owned());
    };
    let body = encode::rerank(&answer, &RerankRequest::default(), "rerank-1", "model");
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let pairs = |value: &Value| -> Vec<(Option<u64>, Option<f64>)> {
        let list = value["results"].as_array().or(value["data"].as_array());
        list.into_iter()
            .flatten()
            .map(|one| (one["index"].as_u64(), one["relevance_score"].as_f64()))
            .collect()
    };
    if pairs(&body) != pairs(recorded) || answer.results.is_empty() {
        return Err(format!("the results are {body}"));
    }
    let units = "/meta/billed_units/search_units";
    let id = recorded["id"].as_str().unwrap_or("rerank-1");
    if recorded.pointer(units) == body.pointer(units) && body["id"] == id {
        Ok(())
    } else {
        Err(format!("identity or search units are lost: {body}"))
    }
}

/// A text completion is passed on: what was noticed of it is what is recorded, and its request goes
/// out as it came.
pub(crate) fn completion(entry: &Entry, report: &mut Report) {
    let noticed = match &entry.body {
        Body::Stream { bytes, events } => completion_stream(entry, bytes, events),
        Body::Json(recorded) => tap_completion(&entry.bytes())
            .map_err(|error| format!("{error:?}"))
            .and_then(|summary| noticed(&summary, std::slice::from_ref(recorded))),
        Body::Text(_) => Err("the answer is no JSON".to_owned()),
    };
    report.case(entry, "decode", noticed);
    request(entry, report, |raw, target| {
        edit_completion(raw, target)
            .map(|edited| edited.encoded.body.to_vec())
            .map_err(|error| format!("{error:?}"))
    });
}

fn completion_stream(entry: &Entry, bytes: &[u8], events: &[Value]) -> Result<(), String> {
    let mut random = Random::new(&entry.name);
    let (mut tap, mut out) = (Tap::new(true), Vec::new());
    for piece in random.pieces(bytes) {
        tap.push(piece, &mut out);
    }
    let summary = tap.finish(&mut out).map_err(|error| format!("{error:?}"))?;
    if out.trim_ascii_end() != bytes.trim_ascii_end() {
        return Err("the bytes were changed".to_owned());
    }
    noticed(&summary, events)
}

/// The summary says what the recorded answer, or the events of its stream, say.
fn noticed(summary: &TapSummary, recorded: &[Value]) -> Result<(), String> {
    let last = |path: &str| {
        let mut found = recorded
            .iter()
            .rev()
            .filter_map(|value| value.pointer(path));
        found.find(|value| !value.is_null())
    };
    let text = |path: &str| last(path).and_then(Value::as_str).unwrap_or_default();
    let tokens = |path: &str| last(path).and_then(Value::as_u64);
    let usage = summary.usage.as_ref();
    let finish = summary.native_finish_reason.as_deref().unwrap_or_default();
    let same = summary.model == text("/model")
        && summary.id == text("/id")
        && finish == text("/choices/0/finish_reason")
        && usage.map(|usage| usage.input) == tokens("/usage/prompt_tokens")
        && usage.map(|usage| usage.output)
            == tokens("/usage/completion_tokens").or(usage.map(|_| 0));
    if same {
        Ok(())
    } else {
        Err(format!("noticed {summary:?}"))
    }
}

/// A moderations answer, of which the model is noticed.
pub(crate) fn moderation(entry: &Entry, report: &mut Report) {
    let noticed = match (tap_moderation(&entry.bytes()), &entry.body) {
        (Ok((model, _)), Body::Json(recorded)) if recorded["model"] == model => Ok(()),
        (noticed, _) => Err(format!("noticed {noticed:?}")),
    };
    report.case(entry, "decode", noticed);
    request(entry, report, |raw, target| {
        edit_moderation(raw, target)
            .map(|encoded| encoded.body.to_vec())
            .map_err(|error| format!("{error:?}"))
    });
}

/// Passed on, a recorded request is the same but for what must change.
fn request(
    entry: &Entry,
    report: &mut Report,
    edit: impl Fn(&RawObject<'_>, &Target) -> Result<Vec<u8>, String>,
) {
    let Some(recorded) = &entry.request else {
        return;
    };
    let text = recorded.to_string();
    let target = Target {
        model: recorded["model"].as_str().unwrap_or("m").to_owned(),
        ..Target::default()
    };
    let result = RawObject::parse(text.as_bytes())
        .map_err(|error| error.to_string())
        .and_then(|raw| edit(&raw, &target))
        .and_then(|sent| {
            let sent: Value = serde_json::from_slice(&sent).map_err(|error| error.to_string())?;
            let members = recorded.as_object().into_iter().flatten();
            let mut changed =
                members.filter(|(key, value)| *key != "stream_options" && sent[*key] != **value);
            match changed.next() {
                Some((key, _)) => Err(format!("`{key}` changed without a word")),
                None => Ok(()),
            }
        });
    report.case(entry, "pass-through", result);
}

/// The count is the recorded one.
pub(crate) fn count(entry: &Entry) -> Result<(), String> {
    let Body::Json(recorded) = &entry.body else {
        return Err("the answer is no JSON".to_owned());
    };
    let names = ["input_tokens", "inputTokens", "totalTokens"];
    let wanted = names.iter().find_map(|name| recorded[*name].as_u64());
    let counted = entry.dialect.adapter().decode_count(&entry.bytes());
    match counted {
        Ok(counted) if Some(counted) == wanted => Ok(()),
        other => Err(format!("read {other:?}")),
    }
}
