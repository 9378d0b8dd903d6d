//! The one reader of `GenerateContentResponse`s: a whole answer is a stream of one chunk, so both
//! end in the same shape. Owns what must be known across chunks; [`super::parts`] reads the parts.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::parts::Candidate;
use super::read::{epoch_seconds, field, is_spelling_of, list, text};
use super::{errors, finish, grounding, usage};
use crate::adapter::DecodeContext;
use crate::chat::{ChatEvent, FinishReason};
use crate::error::{ErrorKind, UpstreamError};
use crate::reply::malformed;

/// Candidates that one answer may have; the API allows 8.
const CANDIDATES_MAX: u64 = 64;

/// Metadata of a candidate that comes in pieces over several chunks; other keys are said anew.
const PIECEWISE: [&str; 4] = [
    "groundingMetadata",
    "citationMetadata",
    "urlContextMetadata",
    "logprobsResult",
];

/// What was read so far of one answer.
pub(super) struct AnswerReader {
    context: DecodeContext,
    model: String,
    seen: bool,
    candidates: BTreeMap<u32, State>,
    usage: Map<String, Value>,
    metadata: Map<String, Value>,
}

#[derive(Default)]
struct State {
    candidate: Candidate,
    finish: Option<String>,
    metadata: Map<String, Value>,
}

impl AnswerReader {
    pub(super) fn new(context: &DecodeContext) -> Self {
        Self {
            context: context.clone(),
            model: context.model.clone(),
            seen: false,
            candidates: BTreeMap::new(),
            usage: Map::new(),
            metadata: Map::new(),
        }
    }

    /// Takes one chunk.
    ///
    /// # Errors
    /// The failure that the chunk says, or what makes it no chunk.
    pub(super) fn feed(
        &mut self,
        chunk: &Value,
        out: &mut Vec<ChatEvent>,
    ) -> Result<(), UpstreamError> {
        if let Some(error) = errors::error_object(chunk) {
            return Err(errors::in_band(error));
        }
        if let Value::Array(chunks) = chunk {
            return chunks.iter().try_for_each(|chunk| self.feed(chunk, out));
        }
        let Some(object) = chunk.as_object() else {
            return Err(malformed("an event is no JSON object"));
        };
        self.identity(chunk, out);
        let mut counts_changed = false;
        for (key, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            match key.as_str() {
                "candidates" | "modelVersion" | "model_version" | "responseId" | "response_id" => {}
                "usageMetadata" | "usage_metadata" => {
                    let before = self.usage.clone();
                    usage::merge(&mut self.usage, value);
                    counts_changed = self.usage != before;
                }
                _ => {
                    self.metadata.insert(key.clone(), value.clone());
                }
            }
        }
        if counts_changed && let Some(usage) = usage::read(&self.usage, 0) {
            out.push(ChatEvent::Usage(usage));
        }
        let candidates = list(chunk, "candidates");
        if candidates.is_empty() && self.candidates.is_empty() {
            blocked(chunk)?;
        }
        candidates
            .iter()
            .try_for_each(|candidate| self.candidate(candidate, out))
    }

    fn identity(&mut self, chunk: &Value, out: &mut Vec<ChatEvent>) {
        if self.seen {
            return;
        }
        self.seen = true;
        let version = text(chunk, "modelVersion");
        if !version.is_empty() {
            version.clone_into(&mut self.model);
        }
        let id = text(chunk, "responseId");
        // The answer's own id keeps made call ids apart over the turns of a conversation.
        self.context.id_seed.push_str(id);
        out.push(ChatEvent::Start {
            id: id.to_owned(),
            model: self.model.clone(),
            created: epoch_seconds(text(chunk, "createTime")),
        });
    }

    fn candidate(&mut self, value: &Value, out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        let index = field(value, "index").and_then(Value::as_u64).unwrap_or(0);
        let index = u32::try_from(index)
            .ok()
            .filter(|_| index < CANDIDATES_MAX)
            .ok_or_else(|| malformed("a candidate has an index out of range"))?;
        let Some(object) = value.as_object() else {
            return Err(malformed("a candidate is no JSON object"));
        };
        let state = self.candidates.entry(index).or_default();
        if let Some(content) = field(value, "content") {
            for part in list(content, "parts") {
                state
                    .candidate
                    .part(part, index, &self.context, &self.model, out)?;
            }
        }
        if let Some(reason) = field(value, "finishReason") {
            let word = finish::native_word(reason);
            // The zero value of the enum means that it is not set.
            if !matches!(word.as_str(), "" | "FINISH_REASON_UNSPECIFIED" | "0") {
                state.finish = Some(word);
            }
        }
        if let Some(result) = field(value, "logprobsResult")
            && let Some(logprobs) = openai_logprobs(result)
        {
            out.push(ChatEvent::Logprobs {
                choice: index,
                logprobs,
            });
        }
        for (key, value) in object {
            let taken = ["content", "index", "finishReason"]
                .iter()
                .any(|name| is_spelling_of(key, name));
            if taken || value.is_null() {
                continue;
            }
            let piecewise = PIECEWISE.iter().find(|name| is_spelling_of(key, name));
            match (piecewise, state.metadata.get_mut(key)) {
                (Some(name), Some(known)) => {
                    grounding::join(known, value, *name == "logprobsResult");
                }
                _ => {
                    state.metadata.insert(key.clone(), value.clone());
                }
            }
        }
        Ok(())
    }

    /// Whether every candidate that began has ended.
    pub(super) fn is_complete(&self) -> bool {
        !self.candidates.is_empty()
            && self
                .candidates
                .values()
                .all(|state| state.finish.is_some() && !state.candidate.has_open_call())
    }

    /// Says what is only known at the end: citations, metadata, counts, finish reasons.
    ///
    /// # Errors
    /// The answer ended in an error of the model's own and holds nothing to use.
    pub(super) fn finish(&mut self, out: &mut Vec<ChatEvent>) -> Result<(), UpstreamError> {
        if self.candidates.is_empty() {
            return Err(UpstreamError::new(
                ErrorKind::ServerError,
                "the provider answered without a candidate",
            ));
        }
        if let Some(error) = self.failure() {
            return Err(error);
        }
        let mut searches = 0;
        for (&choice, state) in &mut self.candidates {
            if let Some(audio) = state.candidate.sound_left() {
                out.push(ChatEvent::Audio { choice, audio });
            }
            searches += grounding::searches(&state.metadata);
            for annotation in grounding::annotations(&state.metadata, state.candidate.text()) {
                out.push(ChatEvent::Annotation { choice, annotation });
            }
            for (key, value) in std::mem::take(&mut state.metadata) {
                out.push(ChatEvent::Metadata {
                    choice: Some(choice),
                    key,
                    value,
                });
            }
            let native = state.finish.take().unwrap_or_default();
            let reason = match finish::meaning(&native) {
                FinishReason::Stop if state.candidate.calls() > 0 => FinishReason::ToolCalls,
                reason => reason,
            };
            out.push(ChatEvent::Finish {
                choice,
                reason,
                native,
                stop_sequence: None,
            });
        }
        self.top_level(searches, out);
        Ok(())
    }

    fn top_level(&mut self, searches: u64, out: &mut Vec<ChatEvent>) {
        if let Some(tier) = usage::service_tier(&self.usage) {
            self.metadata.insert("service_tier".into(), tier.into());
        }
        match usage::read(&self.usage, searches) {
            Some(usage) => out.push(ChatEvent::Usage(usage)),
            None if self.usage.is_empty() => {}
            None => {
                let usage = std::mem::take(&mut self.usage);
                self.metadata.insert("usageMetadata".into(), usage.into());
            }
        }
        for (key, value) in std::mem::take(&mut self.metadata) {
            out.push(ChatEvent::Metadata {
                choice: None,
                key,
                value,
            });
        }
    }

    /// The failure of an answer in which every candidate ended in an error before it said a thing.
    fn failure(&self) -> Option<UpstreamError> {
        let failed = |state: &State| {
            let native = state.finish.as_deref().unwrap_or_default();
            finish::meaning(native) == FinishReason::Error && !state.candidate.has_output()
        };
        if !self.candidates.values().all(failed) {
            return None;
        }
        let state = self.candidates.values().next()?;
        let native = state.finish.as_deref().unwrap_or_default();
        let said = ["finishMessage", "finish_message"]
            .iter()
            .find_map(|key| state.metadata.get(*key)?.as_str());
        let message = said.map_or_else(
            || format!("the model ended without an answer ({native})"),
            ToOwned::to_owned,
        );
        let mut error = UpstreamError::new(ErrorKind::ServerError, message);
        error.code = Some(native.to_owned());
        Some(error)
    }
}

/// A blocked prompt is an answer without candidates and with the reason.
fn blocked(chunk: &Value) -> Result<(), UpstreamError> {
    let Some(feedback) = field(chunk, "promptFeedback") else {
        return Ok(());
    };
    let Some(reason) = field(feedback, "blockReason").map(finish::native_word) else {
        return Ok(());
    };
    let said = text(feedback, "blockReasonMessage");
    let message = if said.is_empty() {
        format!("the provider blocked the prompt ({reason})")
    } else {
        said.to_owned()
    };
    let mut error = UpstreamError::new(ErrorKind::ContentFiltered, message);
    error.code = Some(reason);
    Err(error)
}

/// `logprobsResult` in OpenAI's shape. The object itself stays in the choice's metadata.
fn openai_logprobs(result: &Value) -> Option<Value> {
    let entry = |candidate: &Value| {
        let token = text(candidate, "token");
        json!({
            "token": token,
            "logprob": field(candidate, "logProbability").cloned().unwrap_or(Value::from(0.0)),
            "bytes": token.as_bytes(),
        })
    };
    let tops = list(result, "topCandidates");
    let content: Vec<Value> = list(result, "chosenCandidates")
        .iter()
        .enumerate()
        .map(|(at, chosen)| {
            let top: Vec<Value> = tops
                .get(at)
                .map(|top| list(top, "candidates"))
                .unwrap_or_default()
                .iter()
                .map(entry)
                .collect();
            let mut chosen = entry(chosen);
            if let Some(chosen) = chosen.as_object_mut() {
                chosen.insert("top_logprobs".into(), top.into());
            }
            chosen
        })
        .collect();
    (!content.is_empty()).then(|| json!({ "content": content }))
}
