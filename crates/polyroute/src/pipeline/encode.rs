//! One call as a target gets it: the caller's own bytes with a few edits where both speak OpenAI,
//! a translation otherwise, in several parts where a provider takes no more at once.

use std::borrow::Cow;

use futures_util::future::try_join_all;
use polyroute_engine::plan::PlannedTarget;
use polyroute_wire::adapter::{Encoded, Target};
use polyroute_wire::chat::ChatRequest;
use polyroute_wire::dialect::Dialect;
use polyroute_wire::dialect::openai;
use polyroute_wire::embedding::{BATCHES_MAX, EmbeddingRequest};
use polyroute_wire::error::{EncodeError, EncodeErrorCode, ParseError};
use polyroute_wire::json::{Edit, RawObject};
use polyroute_wire::media::MediaStore;
use polyroute_wire::rerank::RerankRequest;

use super::call::{Call, Operation};
use super::output::Rule;

/// Files fetched for one request.
const MEDIA_FILES_MAX: usize = 20;

/// A request as one target gets it.
pub(super) struct Encoding {
    /// The call, or the first of several.
    pub(super) encoded: Encoded,
    /// The others, in order.
    pub(super) rest: Vec<Encoded>,
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
        /// The caller wants vectors as base64.
        base64: bool,
    },
    /// Translated both ways.
    Translate,
}

impl Kind {
    const PASS: Self = Self::Pass {
        usage_asked: false,
        base64: false,
    };
}

impl Encoding {
    const fn one(encoded: Encoded, kind: Kind) -> Self {
        Self {
            encoded,
            rest: Vec::new(),
            kind,
            rule: None,
        }
    }

    /// Several calls that are answered together. There is at least one.
    fn parts(mut parts: Vec<Encoded>) -> Result<Self, EncodeError> {
        if parts.is_empty() {
            return Err(EncodeError::new(
                EncodeErrorCode::InvalidValue,
                "input",
                "The request holds nothing to send.",
            ));
        }
        let encoded = parts.remove(0);
        Ok(Self {
            encoded,
            rest: parts,
            kind: Kind::Translate,
            rule: None,
        })
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Encoded> {
        std::iter::once(&mut self.encoded).chain(&mut self.rest)
    }
}

/// The top level of the body, as a target may be sent it.
struct Body<'a> {
    raw: RawObject<'a>,
    /// It is the caller's own, nothing taken out.
    whole: bool,
}

impl Call {
    /// The request as a target gets it; `None` where our own estimate of its tokens is the answer.
    pub(super) async fn encode_unless_estimated(
        &self,
        target: &PlannedTarget,
    ) -> Result<Option<Encoding>, EncodeError> {
        if !self.estimate_only {
            match self.encode(target).await {
                // Another model's provider would count by its own tokeniser: ours is nearer.
                Err(error)
                    if self.operation == Operation::InputTokens
                        && error.code == EncodeErrorCode::NotOffered => {}
                encoding => return encoding.map(Some),
            }
        }
        // Nobody else reads what is wrong with it.
        self.chat_request().map(|_| None)
    }

    /// The request as a target gets it.
    async fn encode(&self, target: &PlannedTarget) -> Result<Encoding, EncodeError> {
        let raw = self.raw().map_err(|error| from_parse(&error))?;
        let refused = self.refused_here(&raw, target);
        let mut encoding = if refused.is_empty() {
            let body = Body { raw, whole: true };
            self.encode_body(&body, target).await?
        } else {
            let edits: Vec<_> = refused.iter().map(|param| Edit::Remove(param)).collect();
            let bytes = raw.edited(&edits);
            let raw = RawObject::parse(&bytes).map_err(|error| from_parse(&error))?;
            let body = Body { raw, whole: false };
            self.encode_body(&body, target).await?
        };
        let first = &mut encoding.encoded;
        first
            .dropped
            .extend(refused.iter().map(ToString::to_string));
        first.dropped.sort_unstable();
        first.dropped.dedup();
        for encoded in encoding.all() {
            encoded.context.stream = self.stream != encoded.context.stream_turned;
            encoded.context.id_seed.clone_from(&self.request_id);
        }
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

    /// Parameters of this request that the target's model was seen to refuse.
    fn refused_here(&self, raw: &RawObject<'_>, target: &PlannedTarget) -> Vec<&'static str> {
        let mut learned = self.gateway.learned.params(&target.wire);
        learned.retain(|param| raw.get(param).is_some_and(|value| value != "null"));
        learned
    }

    async fn encode_body(
        &self,
        body: &Body<'_>,
        target: &PlannedTarget,
    ) -> Result<Encoding, EncodeError> {
        let passes = target.dialect == Dialect::OpenAi;
        match self.operation {
            Operation::Chat => match passes.then(|| pass_chat(body, &target.wire)) {
                Some(passed) => match passed? {
                    Some(encoding) => Ok(encoding),
                    None => self.translate_chat(body, target).await,
                },
                None => self.translate_chat(body, target).await,
            },
            Operation::Completions if target.facts.native_completions => {
                let edited = openai::edit_completion(&body.raw, &target.wire)?;
                let kind = Kind::Pass {
                    usage_asked: edited.usage_asked,
                    base64: false,
                };
                Ok(Encoding::one(edited.encoded, kind))
            }
            Operation::Completions => self.completions_as_chats(body, target),
            Operation::Moderations => {
                let encoded = openai::edit_moderation(&body.raw, &target.wire)?;
                Ok(Encoding::one(encoded, Kind::PASS))
            }
            Operation::InputTokens => self.translate_chat(body, target).await,
            Operation::Embeddings => self.embeddings(body, target, passes),
            Operation::Rerank => {
                let request = parse_rerank(&body.raw)?;
                let encoded = self.adapter(target).encode_rerank(&request, &target.wire)?;
                Ok(Encoding::one(encoded, Kind::Translate))
            }
        }
    }

    fn embeddings(
        &self,
        body: &Body<'_>,
        target: &PlannedTarget,
        passes: bool,
    ) -> Result<Encoding, EncodeError> {
        let peek = openai::peek_embeddings(&body.raw, &target.wire);
        if passes && peek.passes {
            let encoded = openai::edit_embeddings(&body.raw, &target.wire)?;
            let kind = Kind::Pass {
                usage_asked: false,
                base64: peek.base64,
            };
            return Ok(Encoding::one(encoded, kind));
        }
        let request = parse_embeddings(&body.raw)?;
        let rules = &target.wire.endpoint.profile.embeddings;
        let batches = request.batches(rules.inputs_max, rules.tokens_max);
        if batches.len() > BATCHES_MAX {
            self.gateway
                .telemetry
                .metrics
                .bound_hit("embedding_batches");
            return Err(EncodeError::new(
                EncodeErrorCode::InvalidValue,
                "input",
                format!(
                    "`input` would take {} calls of `{}`; at most {BATCHES_MAX} are made for one \
                     request. Send fewer inputs.",
                    batches.len(),
                    target.provider()
                ),
            ));
        }
        let adapter = self.adapter(target);
        let parts = batches
            .iter()
            .map(|batch| adapter.encode_embeddings(batch, &target.wire))
            .collect::<Result<_, _>>()?;
        Encoding::parts(parts)
    }

    /// A chat model asked in place of a completions model: one call a prompt.
    fn completions_as_chats(
        &self,
        body: &Body<'_>,
        target: &PlannedTarget,
    ) -> Result<Encoding, EncodeError> {
        let adapter = self.adapter(target);
        let parts = openai::completion_as_chats(&body.raw)?
            .iter()
            .map(|chat| adapter.encode_chat(chat, &target.wire, &MediaStore::default()))
            .collect::<Result<_, _>>()?;
        Encoding::parts(parts)
    }

    async fn translate_chat(
        &self,
        body: &Body<'_>,
        target: &PlannedTarget,
    ) -> Result<Encoding, EncodeError> {
        let adapter = self.adapter(target);
        let counts = self.operation == Operation::InputTokens;
        let request = self.hub_request(body)?;
        let mut media = MediaStore::default();
        let urls = adapter.media_to_fetch(&request, &target.wire);
        // Nothing is fetched for a call that there is not.
        if counts
            && !urls.is_empty()
            && let Err(error) = adapter.encode_count(&request, &target.wire, &media)
            && error.code == EncodeErrorCode::NotOffered
        {
            return Err(error);
        }
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
                        target.name()
                    ),
                )),
            }
        });
        for (url, fetched) in try_join_all(fetches).await? {
            media.insert(url, fetched);
        }
        let encoded = if counts {
            adapter.encode_count(&request, &target.wire, &media)?
        } else {
            adapter.encode_chat(&request, &target.wire, &media)?
        };
        Ok(Encoding::one(encoded, Kind::Translate))
    }

    /// The chat request as the hub reads it: once for the caller's own body.
    fn hub_request(&self, body: &Body<'_>) -> Result<Cow<'_, ChatRequest>, EncodeError> {
        if body.whole {
            return self.chat_request().map(Cow::Borrowed);
        }
        let mut request = openai::parse_chat(&body.raw).map_err(|error| from_parse(&error))?;
        self.gateway
            .turns
            .restore(&self.principal.name, &mut request);
        Ok(Cow::Owned(request))
    }

    pub(super) fn rerank_request(&self) -> Result<RerankRequest, EncodeError> {
        let raw = self.raw().map_err(|error| from_parse(&error))?;
        parse_rerank(&raw)
    }

    pub(super) fn embedding_request(&self) -> Result<EmbeddingRequest, EncodeError> {
        let raw = self.raw().map_err(|error| from_parse(&error))?;
        parse_embeddings(&raw)
    }
}

/// The caller's own bytes, edited; `None` where an edit is not enough.
fn pass_chat(body: &Body<'_>, target: &Target) -> Result<Option<Encoding>, EncodeError> {
    let Some(edited) = openai::pass_chat(&body.raw, target)? else {
        return Ok(None);
    };
    let turned = edited.encoded.context.stream_turned;
    let kind = if turned || target.endpoint.profile.rewrites_answers() {
        Kind::Translate
    } else {
        Kind::Pass {
            usage_asked: edited.usage_asked,
            base64: false,
        }
    };
    Ok(Some(Encoding::one(edited.encoded, kind)))
}

fn parse_rerank(raw: &RawObject<'_>) -> Result<RerankRequest, EncodeError> {
    openai::parse_rerank(raw).map_err(|error| from_parse(&error))
}

fn parse_embeddings(raw: &RawObject<'_>) -> Result<EmbeddingRequest, EncodeError> {
    openai::parse_embeddings(raw).map_err(|error| from_parse(&error))
}

pub(super) fn from_parse(error: &ParseError) -> EncodeError {
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
