//! A provider's answer as the caller gets it.

use bytes::Bytes;
use polyroute_engine::plan::PlannedTarget;
use polyroute_wire::adapter::{Adapter, DecodeContext};
use polyroute_wire::chat::{ChatResponse, FinishReason, Fold};
use polyroute_wire::dialect::openai::encode::{
    self, ChunkEncoder, ChunkOptions, CompletionEncoder, ReplyIdentity,
};
use polyroute_wire::dialect::openai::{self, Tap, TapSummary};
use polyroute_wire::embedding::EmbeddingResponse;
use polyroute_wire::error::UpstreamError;
use polyroute_wire::usage::Usage;

use super::call::{Call, Operation};
use super::encode::Kind;
use super::output::{Check, Rejected, Rule};
use super::reader::{Encoder, Reader, Summary, Translate};
use super::turn::TurnMemory;

/// What a whole answer said, as far as the record wants it.
#[derive(Debug, Default)]
pub(super) struct WholeSummary {
    pub(super) usage: Option<Usage>,
    pub(super) finish_reason: Option<&'static str>,
    pub(super) model: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) service_tier: Option<String>,
}

impl WholeSummary {
    fn new(model: String, usage: Option<Usage>) -> Self {
        Self {
            usage,
            model: Some(model).filter(|model| !model.is_empty()),
            ..Self::default()
        }
    }
}

impl From<TapSummary> for WholeSummary {
    fn from(tapped: TapSummary) -> Self {
        Self {
            usage: tapped.usage,
            finish_reason: tapped.finish_reason.map(FinishReason::as_str),
            model: Some(tapped.model).filter(|model| !model.is_empty()),
            fingerprint: tapped.system_fingerprint,
            service_tier: tapped.service_tier,
        }
    }
}

impl From<&ChatResponse> for WholeSummary {
    fn from(response: &ChatResponse) -> Self {
        let finish = response
            .choices
            .first()
            .and_then(|choice| choice.finish_reason);
        Self {
            usage: response.usage.clone(),
            finish_reason: finish.map(FinishReason::as_str),
            model: Some(response.model.clone()).filter(|model| !model.is_empty()),
            fingerprint: response.system_fingerprint.clone(),
            service_tier: response.service_tier.clone(),
        }
    }
}

/// The answer to one of the calls of a request.
pub(super) struct Part {
    pub(super) bytes: Bytes,
    pub(super) context: DecodeContext,
}

impl Call {
    /// A whole answer as the caller gets it.
    pub(super) fn decode_whole(
        &self,
        target: &PlannedTarget,
        kind: Kind,
        rule: Option<&Rule>,
        part: Part,
    ) -> Result<(Bytes, WholeSummary), Box<Rejected>> {
        // What is written anew is so from the hub, whoever answers.
        let rewrites = rule.is_some_and(Rule::rewrites);
        let base64 = match kind {
            Kind::Pass { base64, .. } if !rewrites => base64,
            Kind::Pass { .. } | Kind::Translate => {
                return self.decode_parts(target, rule, &[part]);
            }
        };
        let Part { bytes, context } = part;
        match self.operation {
            Operation::Chat => {
                let summary = openai::tap_whole(&bytes)?;
                if summary.lacks_message {
                    return self.decode_parts(target, rule, &[Part { bytes, context }]);
                }
                if let Some(rule) = rule {
                    let mut response = self.adapter(target).decode_chat(&bytes, &context)?;
                    held_to(rule, &mut response, bytes.len())?;
                }
                Ok((bytes, summary.into()))
            }
            Operation::Completions => {
                let summary = openai::tap_completion(&bytes)?;
                Ok((bytes, summary.into()))
            }
            Operation::Moderations => {
                let (model, usage) = openai::tap_moderation(&bytes)?;
                // Moderation counts no tokens where it bills none.
                let usage = Some(usage.unwrap_or_default());
                Ok((bytes, WholeSummary::new(model, usage)))
            }
            // These are always translated.
            Operation::Rerank | Operation::InputTokens => {
                let part = Part { bytes, context };
                self.decode_parts(target, rule, &[part])
            }
            Operation::Embeddings => {
                let (model, usage) = openai::tap_embeddings(&bytes)?;
                let summary = WholeSummary::new(model, usage);
                if openai::needs_reencoding(&bytes, base64) {
                    let answer = self.adapter(target).decode_embeddings(&bytes, &context)?;
                    return Ok((encode::embeddings(&answer, base64).into(), summary));
                }
                Ok((bytes, summary))
            }
        }
    }

    /// The translated answers to the calls of one request, as one answer.
    pub(super) fn decode_parts(
        &self,
        target: &PlannedTarget,
        rule: Option<&Rule>,
        parts: &[Part],
    ) -> Result<(Bytes, WholeSummary), Box<Rejected>> {
        let adapter = self.adapter(target);
        let chats = || -> Result<Vec<ChatResponse>, UpstreamError> {
            parts.iter().map(|part| whole_chat(adapter, part)).collect()
        };
        match self.operation {
            Operation::Embeddings => {
                let answers = parts
                    .iter()
                    .map(|part| adapter.decode_embeddings(&part.bytes, &part.context))
                    .collect::<Result<_, _>>()?;
                let answer = EmbeddingResponse::join(answers);
                let base64 = self.embedding_request().is_ok_and(|request| request.base64);
                let summary = WholeSummary::new(answer.model.clone(), answer.usage.clone());
                Ok((encode::embeddings(&answer, base64).into(), summary))
            }
            Operation::Rerank => {
                let mut answers = Vec::with_capacity(parts.len());
                for part in parts {
                    answers.push(adapter.decode_rerank(&part.bytes, &part.context)?);
                }
                let answer = answers.into_iter().next().unwrap_or_default();
                let request = self.rerank_request().unwrap_or_default();
                let summary = WholeSummary::new(answer.model.clone(), answer.usage.clone());
                let id = format!("rerank-{}", self.request_id.trim_start_matches("req_"));
                let body = encode::rerank(&answer, &request, &id, &target.wire.model);
                Ok((body.into(), summary))
            }
            Operation::InputTokens => {
                let body = parts.first().map(|part| &part.bytes);
                let tokens = adapter.decode_count(body.map_or(&[], |bytes| bytes))?;
                let body = encode::input_tokens(&target.wire.model, tokens, false);
                Ok((body.into(), WholeSummary::default()))
            }
            Operation::Completions => {
                let answers = chats()?;
                let mut summary = answers.first().map(WholeSummary::from).unwrap_or_default();
                for answer in answers.iter().skip(1) {
                    match (&mut summary.usage, &answer.usage) {
                        (Some(sum), Some(usage)) => sum.add(usage),
                        (usage, _) => *usage = None,
                    }
                }
                let identity = self.identity(target, summary.model.as_deref());
                Ok((encode::completion(&answers, &identity).into(), summary))
            }
            // A moderations call is passed on or refused.
            Operation::Chat | Operation::Moderations => {
                let mut response = chats()?.into_iter().next().unwrap_or_default();
                if let Some(rule) = rule {
                    let bytes = parts.iter().map(|part| part.bytes.len()).sum();
                    held_to(rule, &mut response, bytes)?;
                }
                self.gateway.turns.remember(&self.principal.name, &response);
                let summary = WholeSummary::from(&response);
                let identity = self.identity(target, summary.model.as_deref());
                let body = encode::response(&response, &identity, self.legacy_functions());
                Ok((body.into(), summary))
            }
        }
    }

    /// A reader for one streamed answer. `json`: the provider labelled it as JSON.
    pub(super) fn reader(
        &self,
        target: &PlannedTarget,
        kind: Kind,
        context: &DecodeContext,
        rule: Option<&Rule>,
        json: bool,
    ) -> Reader {
        let chat = self.operation == Operation::Chat;
        match kind {
            // A stream that is labelled JSON is an error or a whole answer: the decoder knows both.
            // One that must be checked against a schema is read in full.
            Kind::Pass { usage_asked, .. } if !chat || (!json && rule.is_none()) => {
                Reader::Tap(Box::new(Tap::new(usage_asked)), 0)
            }
            Kind::Pass { .. } | Kind::Translate => Reader::Translate(Box::new(Translate {
                decoder: self.adapter(target).chat_decoder(context),
                encoder: self.encoder(target),
                check: rule.cloned().map(Check::new),
                turn: TurnMemory::new(self.gateway.turns.clone(), self.principal.name.clone()),
                events: Vec::new(),
                summary: Summary::default(),
                received: 0,
            })),
        }
    }

    fn encoder(&self, target: &PlannedTarget) -> Encoder {
        let identity = self.identity(target, None);
        if self.operation == Operation::Completions {
            return Encoder::Completion(CompletionEncoder::new(&identity, self.include_usage));
        }
        let options = ChunkOptions {
            include_usage: self.include_usage,
            legacy_functions: self.legacy_functions(),
        };
        Encoder::Chat(ChunkEncoder::new(&identity, options))
    }

    /// What an answer is called; `model` as the provider named it.
    fn identity(&self, target: &PlannedTarget, model: Option<&str>) -> ReplyIdentity {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let prefix = match self.operation {
            Operation::Completions => "cmpl",
            _ => "chatcmpl",
        };
        ReplyIdentity {
            id: format!("{prefix}-{}", self.request_id.trim_start_matches("req_")),
            created: i64::try_from(now.as_secs()).unwrap_or(0),
            model: model.unwrap_or(&target.wire.model).to_owned(),
        }
    }

    fn legacy_functions(&self) -> bool {
        match self.hub.get() {
            Some(hub) => hub.as_ref().is_ok_and(|request| request.legacy_functions),
            // Passed on unread, and checked against a schema on the way back.
            None => self.raw().is_ok_and(|raw| raw.get("functions").is_some()),
        }
    }
}

/// A whole answer as the hub holds it; a stream is folded.
fn whole_chat(adapter: &dyn Adapter, part: &Part) -> Result<ChatResponse, UpstreamError> {
    if !part.context.stream {
        return adapter.decode_chat(&part.bytes, &part.context);
    }
    let mut decoder = adapter.chat_decoder(&part.context);
    let mut events = Vec::new();
    decoder.push(&part.bytes, &mut events);
    decoder.finish(&mut events);
    let mut fold = Fold::new();
    for event in events {
        fold.push(event);
    }
    fold.finish()
}

/// Holds a whole answer of so many bytes to its rule; one that is thrown away has its price.
fn held_to(rule: &Rule, response: &mut ChatResponse, bytes: usize) -> Result<(), Box<Rejected>> {
    rule.whole(response).map_err(|mut rejected| {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        rejected.spent = Some((response.usage.take(), bytes));
        rejected
    })
}
