//! One call: what was asked, by whom, and how it is said to each target and back.
//!
//! This is the only place that knows that an OpenAI-shaped target gets the caller's own bytes and
//! any other a translation.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::future::try_join_all;
use polyroute_engine::estimate;
use polyroute_engine::pin::Asked;
use polyroute_engine::plan::{Plan, PlannedTarget};
use polyroute_engine::snapshot::Dialect;
use polyroute_wire::adapter::{Adapter, DecodeContext, Encoded, Target};
use polyroute_wire::api_error::ApiError;
use polyroute_wire::chat::{ChatRequest, ChatResponse, Fold};
use polyroute_wire::dialect::openai::encode::{ChunkEncoder, ChunkOptions, ReplyIdentity};
use polyroute_wire::dialect::openai::{self, Tap};
use polyroute_wire::embedding::EmbeddingRequest;
use polyroute_wire::error::{EncodeError, EncodeErrorCode, ErrorKind, ParseError, UpstreamError};
use polyroute_wire::json::{Edit, RawLayout, RawObject, quote};
use polyroute_wire::media::MediaStore;
use polyroute_wire::profile::Answers;
use polyroute_wire::rerank::RerankRequest;
use polyroute_wire::usage::Usage;

use super::Principal;
use super::output::{Check, Rejected, Repair, Rule};
use super::reader::{Reader, Summary, Translate};
use super::settle::Priced;
use super::turn::TurnMemory;
use crate::gateway::{Gateway, ProviderState};
use crate::upstream::TraceContext;

/// Files fetched for one request.
const MEDIA_FILES_MAX: usize = 20;
/// What a model is told whose answer does not fit, after what is wrong with it.
const REPAIR_WORDS: &str = "Answer the request above again, with nothing but one JSON value that \
                            fits the schema: no explanation, no code fence.";

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `POST /v1/chat/completions`
    Chat,
    /// `POST /v1/embeddings`
    Embeddings,
    /// `POST /v1/rerank`
    Rerank,
}

impl Operation {
    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
        }
    }
}

/// One call, from ingress to settle.
pub(super) struct Call {
    /// The gateway.
    pub(super) gateway: Arc<Gateway>,
    /// Who calls.
    pub(super) principal: Arc<Principal>,
    /// What is asked for.
    pub(super) operation: Operation,
    /// Our id of the request.
    pub(super) request_id: String,
    /// The caller's trace.
    pub(super) trace: TraceContext,
    /// The body as it came.
    pub(super) body: Bytes,
    /// Where its members stand.
    pub(super) layout: RawLayout,
    /// Whether the answer is streamed.
    pub(super) stream: bool,
    /// Whether the caller asked for the usage chunk.
    pub(super) include_usage: bool,
    /// Where it may go, in order.
    pub(super) plan: Plan,
    /// What its answer is held to, by its route.
    pub(super) rule: Option<Rule>,
    /// The body as the hub reads it, once somebody needs that.
    pub(super) hub: OnceLock<Result<ChatRequest, ParseError>>,
}

/// A request as one target gets it.
pub(super) struct Encoding {
    pub(super) encoded: Encoded,
    pub(super) kind: Kind,
    /// What the answer is held to.
    pub(super) rule: Option<Rule>,
}

/// How the answer is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The caller's own bytes went out, and the answer's go back.
    Pass {
        /// The caller asked for the usage chunk of a stream.
        usage_asked: bool,
    },
    /// Translated both ways.
    Translate,
}

/// What a whole answer said, as far as the record wants it.
#[derive(Debug, Default)]
pub(super) struct WholeSummary {
    pub(super) usage: Option<Usage>,
    pub(super) finish_reason: Option<String>,
    pub(super) model: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) service_tier: Option<String>,
}

impl Call {
    /// The provider of a target.
    pub(super) fn provider(&self, target: &PlannedTarget) -> Option<&ProviderState> {
        self.gateway.providers.get(target.provider())
    }

    /// Whether configuration, catalog or the provider's list name the target's model.
    pub(super) fn is_known(&self, target: &PlannedTarget) -> bool {
        let (snapshot, model) = (&self.gateway.snapshot, &target.model);
        let configured = |known: &polyroute_engine::snapshot::Target| {
            known.provider == target.provider() && known.model == *model
        };
        let provider = snapshot.provider(target.provider());
        provider.is_some_and(|provider| snapshot.lists(provider, model))
            || snapshot.targets.iter().any(configured)
            || snapshot
                .routes
                .iter()
                .any(|route| route.targets.iter().any(configured))
            || self.gateway.live_models.lists(target.provider(), model)
    }

    /// The translation of a target's dialect.
    pub(super) fn adapter(&self, target: &PlannedTarget) -> &'static dyn Adapter {
        target.dialect.adapter()
    }

    /// What was asked of a target, to hold the answer against.
    pub(super) fn asked(&self, target: &PlannedTarget) -> Asked {
        let provider = self.gateway.snapshot.provider(target.provider());
        Asked {
            section: provider.and_then(|provider| provider.catalog.clone()),
            model: target.wire.model.clone(),
            pinned: target.pinned,
            fingerprint: target.fingerprint.clone(),
        }
    }

    /// What this call's tokens cost at a target; `None` if nobody knows. A pinned version is
    /// priced as itself.
    pub(super) fn prices(&self, target: &PlannedTarget) -> Option<Priced> {
        let section = self
            .gateway
            .snapshot
            .provider(target.provider())?
            .catalog
            .as_deref()?;
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        let catalog = &self.gateway.snapshot.catalog;
        let pin = Some(&target.wire.model).filter(|_| target.pinned);
        let pin = pin.filter(|pin| catalog.listed(section, pin).is_some());
        let priced = pin.unwrap_or(&target.model);
        self.gateway
            .snapshot
            .catalog
            .listed(section, priced)?
            .prices_at(now.as_secs())
            .map(|(prices, as_of)| Box::new((prices.clone(), as_of.to_owned())))
    }

    /// Takes our credentials out of a provider's words: some quote what they refuse.
    pub(super) fn redact(&self, provider: &str, error: &mut UpstreamError) {
        let provider = self.gateway.providers.get(provider);
        for credential in provider
            .iter()
            .flat_map(|provider| &provider.config.credentials)
        {
            let secret = credential.secret.expose();
            if !secret.is_empty() && error.message.contains(secret) {
                error.message = error.message.replace(secret, "[credential]");
            }
        }
    }

    /// What the caller is told of an upstream failure. A model that the provider does not have is
    /// the caller's to change where the caller named it, and the operator's where a route did.
    pub(super) fn told_of(&self, error: &UpstreamError) -> ApiError {
        let mut told = ApiError::from_upstream(error);
        if error.kind == ErrorKind::NotFound && self.plan.route.is_none() {
            told = ApiError::new("model_not_found", told.message).with_param("model");
        }
        told
    }

    /// Input tokens, estimated from the size of the body.
    pub(super) fn input_estimate(&self) -> u64 {
        estimate::tokens_of_bytes(self.body.len())
    }

    /// Tokens of an answer that reported none, estimated.
    pub(super) fn estimate(&self, answer_bytes: u64) -> Usage {
        let output = match self.operation {
            Operation::Chat => {
                estimate::tokens_of_bytes(usize::try_from(answer_bytes).unwrap_or(usize::MAX))
            }
            Operation::Embeddings | Operation::Rerank => 0,
        };
        Usage {
            input: self.input_estimate(),
            output,
            ..Usage::default()
        }
    }

    /// The request as a target gets it.
    pub(super) async fn encode(&self, target: &PlannedTarget) -> Result<Encoding, EncodeError> {
        let passes = target.dialect == Dialect::OpenAi;
        let mut encoding = match (self.operation, passes) {
            (Operation::Chat, true) => match self.pass_chat(&target.wire)? {
                Some(encoding) => encoding,
                None => self.translate_chat(target).await?,
            },
            (Operation::Chat, false) => self.translate_chat(target).await?,
            (Operation::Embeddings, true) => self.pass_embeddings(&target.wire)?,
            (Operation::Embeddings, false) => self.translate_embeddings(target)?,
            (Operation::Rerank, _) => self.translate_rerank(target)?,
        };
        let context = &mut encoding.encoded.context;
        context.stream = self.stream != context.stream_turned;
        encoding
            .encoded
            .context
            .id_seed
            .clone_from(&self.request_id);
        self.hold(target, &mut encoding)?;
        Ok(encoding)
    }

    /// What the answer is held to: the rule of the route, else the schema that this target does
    /// not enforce.
    fn hold(&self, target: &PlannedTarget, encoding: &mut Encoding) -> Result<(), EncodeError> {
        let encoded = &mut encoding.encoded;
        encoding.rule.clone_from(&self.rule);
        if encoding.rule.is_none()
            && let Some(schema) = &encoded.context.schema_to_validate
        {
            let rule = self.gateway.outputs.unenforced(schema);
            encoding.rule = Some(rule.map_err(|why| {
                EncodeError::new(EncodeErrorCode::InvalidValue, "response_format", why)
            })?);
        }
        let rewrites = encoding.rule.as_ref().is_some_and(Rule::rewrites);
        let asks = || {
            self.raw()
                .is_ok_and(|raw| raw.get("logprobs") == Some("true"))
        };
        if rewrites && asks() {
            if target.wire.policy.strict_params {
                return Err(EncodeError::new(
                    EncodeErrorCode::UnsupportedParameter,
                    "logprobs",
                    "This route writes its answers in canonical form: there are no `logprobs` of \
                     a text that the model did not write. Leave `logprobs` out.",
                ));
            }
            encoded.dropped.push("logprobs".to_owned());
            encoded.dropped.sort();
            encoded.dropped.dedup();
        }
        Ok(())
    }

    /// The same call with the model's answer and what is wrong with it at the end of the
    /// conversation. `None` if the messages are no list, which no target takes either.
    pub(super) fn repaired(&self, repair: &Repair) -> Option<Arc<Self>> {
        let raw = self.raw().ok()?;
        let messages = raw.get("messages")?.trim_end().strip_suffix(']')?;
        let mut turns = Vec::new();
        if !repair.answer.trim().is_empty() {
            let answer = quote(&repair.answer);
            turns.push(format!("{{\"role\":\"assistant\",\"content\":{answer}}}"));
        }
        let wrong = quote(&format!("{}\n{REPAIR_WORDS}", repair.wrong));
        turns.push(format!("{{\"role\":\"user\",\"content\":{wrong}}}"));
        let is_empty = messages.trim_end().ends_with('[');
        let comma = if is_empty { "" } else { "," };
        let edit = format!("{messages}{comma}{}]", turns.join(","));
        let body = Bytes::from(raw.edited(&[Edit::Set("messages", edit)]));
        let layout = RawObject::parse(&body).ok()?.layout(&body);
        Some(Arc::new(Self {
            gateway: Arc::clone(&self.gateway),
            principal: Arc::clone(&self.principal),
            operation: self.operation,
            request_id: self.request_id.clone(),
            trace: self.trace.clone(),
            body,
            layout,
            stream: self.stream,
            include_usage: self.include_usage,
            plan: self.plan.clone(),
            rule: self.rule.clone(),
            hub: OnceLock::new(),
        }))
    }

    /// The caller's own bytes, edited; `None` where an edit is not enough.
    fn pass_chat(&self, target: &Target) -> Result<Option<Encoding>, EncodeError> {
        let raw = self.raw().map_err(|error| from_parse(&error))?;
        if openai::needs_translation(&raw, target) {
            return Ok(None);
        }
        let edited = openai::edit_chat(&raw, target)?;
        let turned = edited.encoded.context.stream_turned;
        let kind = if turned || target.endpoint.profile.answers == Answers::Translated {
            Kind::Translate
        } else {
            Kind::Pass {
                usage_asked: edited.usage_asked,
            }
        };
        Ok(Some(Encoding {
            encoded: edited.encoded,
            kind,
            rule: None,
        }))
    }

    fn pass_embeddings(&self, target: &Target) -> Result<Encoding, EncodeError> {
        let raw = self.raw().map_err(|error| from_parse(&error))?;
        let encoded = openai::edit_embeddings(&raw, target)?;
        Ok(Encoding {
            encoded,
            kind: Kind::Pass { usage_asked: false },
            rule: None,
        })
    }

    async fn translate_chat(&self, target: &PlannedTarget) -> Result<Encoding, EncodeError> {
        let adapter = self.adapter(target);
        let request = self.chat_request()?;
        let mut media = MediaStore::default();
        let urls = adapter.media_to_fetch(request, &target.wire);
        if urls.len() > MEDIA_FILES_MAX {
            self.gateway.telemetry.metrics.bound_hit("media_files");
            return Err(EncodeError::new(
                EncodeErrorCode::InvalidValue,
                "messages",
                format!(
                    "The request names {} files by URL; at most {MEDIA_FILES_MAX} are fetched. Send the rest inline.",
                    urls.len()
                ),
            ));
        }
        // All at once: together they may take no longer than one.
        let fetches = urls.into_iter().map(|url| async move {
            match self.gateway.media.fetch(&url).await {
                Ok(fetched) => Ok((url, fetched)),
                Err(error) => Err(EncodeError::new(
                    EncodeErrorCode::InvalidValue,
                    "messages",
                    format!(
                        "The file at `{}` could not be fetched for {}: {error}. Send it inline as a data URL.",
                        shown(&url),
                        target.name
                    ),
                )),
            }
        });
        for (url, fetched) in try_join_all(fetches).await? {
            media.insert(url, fetched);
        }
        let encoded = adapter.encode_chat(request, &target.wire, &media)?;
        Ok(Encoding {
            encoded,
            kind: Kind::Translate,
            rule: None,
        })
    }

    fn translate_embeddings(&self, target: &PlannedTarget) -> Result<Encoding, EncodeError> {
        let request = self.embedding_request()?;
        let encoded = self
            .adapter(target)
            .encode_embeddings(&request, &target.wire)?;
        Ok(Encoding {
            encoded,
            kind: Kind::Translate,
            rule: None,
        })
    }

    fn translate_rerank(&self, target: &PlannedTarget) -> Result<Encoding, EncodeError> {
        let request = self.rerank_request()?;
        let encoded = self.adapter(target).encode_rerank(&request, &target.wire)?;
        Ok(Encoding {
            encoded,
            kind: Kind::Translate,
            rule: None,
        })
    }

    /// The top level of the body, which ingress has read.
    fn raw(&self) -> Result<RawObject<'_>, ParseError> {
        // The layout is this body's own, so that it always opens.
        RawObject::open(&self.body, &self.layout).map_or_else(|| RawObject::parse(&self.body), Ok)
    }

    /// The body as the hub reads it, parsed once.
    pub(super) fn chat_request(&self) -> Result<&ChatRequest, EncodeError> {
        self.hub
            .get_or_init(|| {
                let raw = self.raw()?;
                let mut request = openai::parse_chat(&raw)?;
                self.gateway
                    .turns
                    .restore(&self.principal.name, &mut request);
                Ok(request)
            })
            .as_ref()
            .map_err(from_parse)
    }

    fn embedding_request(&self) -> Result<EmbeddingRequest, EncodeError> {
        self.raw()
            .and_then(|raw| openai::parse_embeddings(&raw))
            .map_err(|error| from_parse(&error))
    }

    fn rerank_request(&self) -> Result<RerankRequest, EncodeError> {
        self.raw()
            .and_then(|raw| openai::parse_rerank(&raw))
            .map_err(|error| from_parse(&error))
    }

    /// A whole rerank answer as the caller gets it.
    fn decode_rerank(
        &self,
        target: &PlannedTarget,
        context: &DecodeContext,
        bytes: &[u8],
    ) -> Result<(Bytes, WholeSummary), UpstreamError> {
        let response = self.adapter(target).decode_rerank(bytes, context)?;
        let request = self.rerank_request().unwrap_or_default();
        let summary = WholeSummary {
            usage: response.usage.clone(),
            model: Some(response.model.clone()).filter(|model| !model.is_empty()),
            ..WholeSummary::default()
        };
        let id = format!("rerank-{}", self.request_id.trim_start_matches("req_"));
        let body = openai::encode::rerank(&response, &request, &id, &target.wire.model);
        Ok((body.into(), summary))
    }

    /// A whole answer as the caller gets it.
    pub(super) fn decode_whole(
        &self,
        target: &PlannedTarget,
        kind: Kind,
        context: &DecodeContext,
        rule: Option<&Rule>,
        bytes: Bytes,
    ) -> Result<(Bytes, WholeSummary), Box<Rejected>> {
        // What is written anew is so from the hub, whoever answers.
        let rewrites = rule.is_some_and(Rule::rewrites);
        match (self.operation, kind) {
            (Operation::Chat, Kind::Pass { .. }) if !rewrites => {
                let summary = openai::tap_whole(&bytes)?;
                if let Some(rule) = rule {
                    let mut response = self.adapter(target).decode_chat(&bytes, context)?;
                    held_to(rule, &mut response, bytes.len())?;
                }
                let summary = WholeSummary {
                    usage: summary.usage,
                    finish_reason: summary
                        .finish_reason
                        .map(|reason| reason.as_str().to_owned()),
                    model: Some(summary.model).filter(|model| !model.is_empty()),
                    fingerprint: summary.system_fingerprint,
                    service_tier: summary.service_tier,
                };
                Ok((bytes, summary))
            }
            (Operation::Chat, Kind::Pass { .. } | Kind::Translate) => {
                let mut response = self.response(target, context, &bytes)?;
                if let Some(rule) = rule {
                    held_to(rule, &mut response, bytes.len())?;
                }
                Ok(self.written(target, &response))
            }
            (Operation::Rerank, _) => Ok(self.decode_rerank(target, context, &bytes)?),
            (Operation::Embeddings, Kind::Pass { .. }) => {
                let (model, usage) = openai::tap_embeddings(&bytes)?;
                let model = Some(model).filter(|model| !model.is_empty());
                let summary = WholeSummary {
                    usage,
                    model,
                    ..WholeSummary::default()
                };
                Ok((bytes, summary))
            }
            (Operation::Embeddings, Kind::Translate) => {
                let response = self.adapter(target).decode_embeddings(&bytes, context)?;
                let base64 = self.embedding_request().is_ok_and(|request| request.base64);
                let summary = WholeSummary {
                    usage: response.usage.clone(),
                    model: Some(response.model.clone()).filter(|model| !model.is_empty()),
                    ..WholeSummary::default()
                };
                Ok((
                    openai::encode::embeddings(&response, base64).into(),
                    summary,
                ))
            }
        }
    }

    /// A whole answer as the hub holds it; a stream is folded.
    fn response(
        &self,
        target: &PlannedTarget,
        context: &DecodeContext,
        bytes: &[u8],
    ) -> Result<ChatResponse, UpstreamError> {
        let adapter = self.adapter(target);
        if !context.stream {
            return adapter.decode_chat(bytes, context);
        }
        let mut decoder = adapter.chat_decoder(context);
        let mut events = Vec::new();
        decoder.push(bytes, &mut events);
        decoder.finish(&mut events);
        let mut fold = Fold::new();
        for event in events {
            fold.push(event);
        }
        fold.finish()
    }

    /// An answer of the hub as the caller gets it.
    fn written(&self, target: &PlannedTarget, response: &ChatResponse) -> (Bytes, WholeSummary) {
        self.gateway.turns.remember(&self.principal.name, response);
        let finish = response
            .choices
            .first()
            .and_then(|choice| choice.finish_reason);
        let summary = WholeSummary {
            usage: response.usage.clone(),
            finish_reason: finish.map(|reason| reason.as_str().to_owned()),
            model: Some(response.model.clone()).filter(|model| !model.is_empty()),
            fingerprint: response.system_fingerprint.clone(),
            service_tier: response.service_tier.clone(),
        };
        let mut identity = self.identity(target);
        if let Some(model) = &summary.model {
            identity.model.clone_from(model);
        }
        let body = openai::encode::response(response, &identity, self.legacy_functions());
        (body.into(), summary)
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
        match kind {
            // A stream that is labelled JSON is an error or a whole answer: the decoder knows both.
            // One that must be checked against a schema is read in full.
            Kind::Pass { usage_asked } if !json && rule.is_none() => {
                Reader::Tap(Box::new(Tap::new(usage_asked)), 0)
            }
            Kind::Pass { .. } | Kind::Translate => Reader::Translate(Box::new(Translate {
                decoder: self.adapter(target).chat_decoder(context),
                encoder: ChunkEncoder::new(&self.identity(target), self.chunk_options()),
                check: rule.cloned().map(Check::new),
                turn: TurnMemory::new(self.gateway.turns.clone(), self.principal.name.clone()),
                events: Vec::new(),
                summary: Summary::default(),
                received: 0,
            })),
        }
    }

    fn identity(&self, target: &PlannedTarget) -> ReplyIdentity {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        ReplyIdentity {
            id: format!("chatcmpl-{}", self.request_id.trim_start_matches("req_")),
            created: i64::try_from(now.as_secs()).unwrap_or(0),
            model: target.wire.model.clone(),
        }
    }

    fn chunk_options(&self) -> ChunkOptions {
        ChunkOptions {
            include_usage: self.include_usage,
            legacy_functions: self.legacy_functions(),
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

/// Holds a whole answer of so many bytes to its rule; one that is thrown away has its price.
fn held_to(rule: &Rule, response: &mut ChatResponse, bytes: usize) -> Result<(), Box<Rejected>> {
    rule.whole(response).map_err(|mut rejected| {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        rejected.spent = Some((response.usage.take(), bytes));
        rejected
    })
}

fn from_parse(error: &ParseError) -> EncodeError {
    EncodeError {
        code: EncodeErrorCode::InvalidValue,
        message: error.message.clone(),
        param: error.param.clone(),
    }
}

/// A URL without its query (which may hold a signature), cut to a readable length.
fn shown(url: &str) -> String {
    url.split(['?', '#'])
        .next()
        .unwrap_or_default()
        .chars()
        .take(120)
        .collect()
}
