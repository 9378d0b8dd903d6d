//! One call: what was asked, by whom, and how it is said to each target and back.
//!
//! [`super::encode`] says it to a target, [`super::decode`] says the answer to the caller.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use polyroute_engine::estimate::{self, CORRECTIONS_MAX, Form, InputSize};
use polyroute_engine::needs::RequestNeeds;
use polyroute_engine::plan::{Plan, PlannedTarget};
use polyroute_engine::price::Prices;
use polyroute_wire::adapter::Adapter;
use polyroute_wire::api_error::ApiError;
use polyroute_wire::chat::ChatRequest;
use polyroute_wire::dialect::openai;
use polyroute_wire::error::{EncodeError, ErrorKind, ParseError, UpstreamError};
use polyroute_wire::json::{Edit, RawLayout, RawObject, quote, stable_hash};
use polyroute_wire::usage::Usage;

use super::Principal;
use super::admission::Share;
use super::encode::from_parse;
use super::output::{Repair, Rule};
use crate::gateway::{Gateway, ProviderState};
use crate::telemetry::{Counted, TargetLabels};
use crate::upstream::TraceContext;

/// How many requests there are to one whose token count teaches, of a target that is known.
const COUNTED_ONE_IN: u64 = 16;

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
    /// `POST /v1/completions`
    Completions,
    /// `POST /v1/moderations`
    Moderations,
    /// `POST /v1/chat/completions/input_tokens`
    InputTokens,
}

impl Operation {
    /// The word in records and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Embeddings => "embeddings",
            Self::Rerank => "rerank",
            Self::Completions => "completions",
            Self::Moderations => "moderations",
            Self::InputTokens => "input_tokens",
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
    /// When it came, in seconds since the Unix epoch.
    pub(super) unix_seconds: u64,
    /// The caller's trace.
    pub(super) trace: TraceContext,
    /// The body as it came.
    pub(super) body: Bytes,
    /// The room that it takes.
    pub(super) _room: Share,
    /// Where its members stand.
    pub(super) layout: RawLayout,
    /// Whether the answer is streamed.
    pub(super) stream: bool,
    /// The caller wants our own estimate of its tokens, and no call.
    pub(super) estimate_only: bool,
    /// Whether the caller asked for the usage chunk.
    pub(super) include_usage: bool,
    /// Where it may go, in order.
    pub(super) plan: Plan,
    /// What its answer is held to, by its route.
    pub(super) rule: Option<Rule>,
    /// The body as the hub reads it, once somebody needs that.
    pub(super) hub: OnceLock<Result<Box<ChatRequest>, ParseError>>,
    /// How large its input is, once somebody needs that.
    pub(super) size: OnceLock<InputSize>,
}

impl Call {
    /// The provider of a target.
    pub(super) fn provider(&self, target: &PlannedTarget) -> Option<&ProviderState> {
        self.gateway.providers.get(target.provider())
    }

    /// Whether configuration, catalog or the provider's list name the target's model.
    pub(super) fn is_known(&self, target: &PlannedTarget) -> bool {
        let live_models = &self.gateway.live_models;
        target.facts.listed || live_models.lists(target.provider(), target.model())
    }

    /// The translation of a target's dialect.
    pub(super) fn adapter(&self, target: &PlannedTarget) -> &'static dyn Adapter {
        target.dialect.adapter()
    }

    /// What this call's tokens cost at a target, by the prices of when it came, and the day on
    /// which those were last checked; `None` if nobody knows.
    pub(super) fn prices<'a>(&self, target: &'a PlannedTarget) -> Option<(&'a Prices, &'a str)> {
        target.facts.prices_at(self.unix_seconds)
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

    /// How large the input is.
    fn size(&self) -> &InputSize {
        self.size.get_or_init(|| match self.operation {
            // Read by the hub where a peek does not do.
            Operation::Chat | Operation::InputTokens => RequestNeeds::peek(&self.body)
                .or_else(|| self.chat_request().ok().map(RequestNeeds::of_chat))
                .map(|needs| needs.size)
                .unwrap_or_default(),
            Operation::Embeddings
            | Operation::Completions
            | Operation::Moderations
            | Operation::Rerank => {
                let mut size = InputSize::default();
                let raw = self.raw().ok();
                for key in ["input", "prompt", "query", "documents"] {
                    let input = raw.as_ref().and_then(|raw| raw.get(key));
                    size.text(input.unwrap_or_default(), Form::Escaped);
                }
                size
            }
        })
    }

    /// Input tokens at a target, estimated.
    pub(super) fn input_estimate(&self, target: &PlannedTarget) -> u64 {
        let size = self.size();
        if matches!(
            self.operation,
            Operation::Embeddings | Operation::Moderations
        ) {
            return size.plain_tokens(target.facts.family);
        }
        let corrections = self.gateway.telemetry.corrections.load();
        let estimate = size.tokens(target.facts.family);
        corrections.corrected(&target.facts.counted_as, size.shape(), estimate)
    }

    /// Tokens of an answer that reported none, estimated.
    pub(super) fn estimate(&self, target: &PlannedTarget, answer_bytes: u64) -> Usage {
        let output = match self.operation {
            Operation::Chat | Operation::Completions => {
                estimate::tokens(answer_bytes, target.facts.family)
            }
            Operation::Embeddings
            | Operation::Rerank
            | Operation::Moderations
            | Operation::InputTokens => 0,
        };
        Usage {
            input: self.input_estimate(target),
            output,
            ..Usage::default()
        }
    }

    /// Learns from a refusal which parameters the target's model does not take; whether anything
    /// of this request was among them.
    pub(super) fn learn(&self, target: &PlannedTarget, error: &UpstreamError) -> bool {
        // What a count refuses, an answer may take.
        if error.unsupported.is_empty() || self.operation == Operation::InputTokens {
            return false;
        }
        let Ok(raw) = self.raw() else { return false };
        let sent = |param: &str| raw.get(param).is_some_and(|value| value != "null");
        let params = self.gateway.learned.learn(error, &target.wire, sent);
        if params.is_empty() {
            return false;
        }
        let labels = TargetLabels {
            provider: target.provider().to_owned(),
            model: self
                .gateway
                .telemetry
                .metrics
                .model_label(&target.wire.model)
                .to_owned(),
        };
        let metrics = &self.gateway.telemetry.metrics;
        metrics.parameters_learned.get_or_create(&labels).inc();
        tracing::warn!(
            target = target.name(),
            params = params.join(", "),
            "the model does not take these parameters: they are left out for a day"
        );
        true
    }

    /// What an answer's count is held against, on the few requests of a target that teach: all of
    /// its first ones, and a sample of the others. A scan of the request costs microseconds a
    /// kilobyte.
    pub(super) fn counted(&self, target: &PlannedTarget) -> Option<Counted> {
        if self.operation != Operation::Chat {
            return None;
        }
        let target_name = &target.facts.counted_as;
        let sampled = stable_hash(self.request_id.as_bytes()).is_multiple_of(COUNTED_ONE_IN);
        let known = self.size.get().is_some();
        let new = || {
            let corrections = self.gateway.telemetry.corrections.load();
            corrections.len() < CORRECTIONS_MAX && !corrections.knows(target_name)
        };
        (known || sampled || new()).then(|| Counted {
            shape: self.size().shape(),
            estimate: self.size().tokens(target.facts.family),
            target: target_name.clone(),
        })
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
        let body = Bytes::from(raw.edited(&[Edit::Set("messages", edit.into())]));
        let layout = RawObject::parse(&body).ok()?.layout(&body);
        let mut room = self.gateway.admission.body();
        if !room.grow(body.len()) {
            return None;
        }
        Some(Arc::new(Self {
            gateway: Arc::clone(&self.gateway),
            principal: Arc::clone(&self.principal),
            operation: self.operation,
            request_id: self.request_id.clone(),
            unix_seconds: self.unix_seconds,
            trace: self.trace.clone(),
            body,
            _room: room,
            layout,
            stream: self.stream,
            estimate_only: self.estimate_only,
            include_usage: self.include_usage,
            plan: self.plan.clone(),
            rule: self.rule.clone(),
            hub: OnceLock::new(),
            size: OnceLock::new(),
        }))
    }

    /// The top level of the body, which ingress has read.
    pub(super) fn raw(&self) -> Result<RawObject<'_>, ParseError> {
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
                Ok(Box::new(request))
            })
            .as_deref()
            .map_err(from_parse)
    }
}
