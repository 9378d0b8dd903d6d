//! From a request to the play that answers it: routing, checks, the answer, the fault.

mod plain;

use serde_json::Value;

use crate::answer::cache::Hit;
use crate::answer::{Answer, compose};
use crate::auth;
use crate::clock;
use crate::cloud::vertex;
use crate::dialect::bedrock::signature::{Signed, is_signed};
use crate::dialect::{anthropic, bedrock, cohere, gemini, openai};
use crate::errors::{self, About, reply};
use crate::fault::rules::Subject;
use crate::fault::{self, Fault, Filtered, apply, blocked};
use crate::headers;
use crate::latency::{Latency, Pace};
use crate::models::{self, Dialect, Known, Purpose};
use crate::play::Play;
use crate::prompt::{Prompt, Refusal};
use crate::route::Operation;
use crate::script::{Scripted, raw_stream};
use crate::seed::{Dice, hash};
use crate::service::Asked;
use crate::state::Shared;
use crate::vendor::Meter;
use crate::vendor::desk::bearer;
use crate::vendor::route::Call;
use crate::wire::{Body, Context, Framing, Reply};

mod counts;
mod legacy;
mod lists;

/// What became of a request.
#[derive(Debug)]
pub struct Answered {
    /// The model as the caller named it.
    pub model: Option<String>,
    /// The fault that was put in.
    pub fault: Option<Fault>,
    /// The answer.
    pub play: Play,
}

/// Answers a request.
pub fn respond(shared: &Shared, asked: &Asked) -> Answered {
    let dialect = asked.route.operation.dialect();
    let seed = shared.config.seed;
    let id_seed = hash(seed, &["request", &asked.seq.to_string()]);
    let vendor = asked.route.operation.vendor();
    let request_id = match vendor {
        Some(vendor) => vendor.request_id(id_seed),
        None => headers::request_id(dialect, id_seed),
    };
    let parsed: Option<Value> = match &asked.route.operation {
        Operation::OpenaiChat
        | Operation::OpenaiEmbeddings
        | Operation::OpenaiResponses
        | Operation::OpenaiCount
        | Operation::OpenaiCompletions
        | Operation::OpenaiModerations
        | Operation::AnthropicMessages
        | Operation::AnthropicCount
        | Operation::CohereChat
        | Operation::CohereEmbed
        | Operation::CohereRerank
        | Operation::CohereChatV1
        | Operation::CohereEmbedV1
        | Operation::CohereRerankV1
        | Operation::Vendor(..) => asked
            .body
            .as_deref()
            .and_then(|body| serde_json::from_slice(body).ok()),
        _ => None,
    };
    let called = called_model(&asked.route.operation, parsed.as_ref());
    let (model, suffix) = fault::split_model(called.as_deref().unwrap_or(""));
    let about = About {
        dialect,
        vendor,
        model,
        request_id: &request_id,
        retry: None,
    };
    let desk = Desk {
        shared,
        asked,
        about,
        id_seed,
        parsed: parsed.as_ref(),
        suffixed: suffix.is_some(),
    };
    let chosen = desk.fault(suffix);
    let (mut answer, mut pace) = match chosen {
        Err(ref bad) => (reply(400, desk.unreadable_fault(bad)), Pace::still()),
        // The answer is not even composed, so that no scripted one is lost.
        Ok(Some(ref fault)) if fault.comes_first() => (reply(200, Value::Null), Pace::still()),
        Ok(ref fault) => match desk.checked() {
            Err(refused) => (refused, Pace::still()),
            Ok(()) => (desk.answer(fault.as_ref()), desk.pace()),
        },
    };
    desk.head(&mut answer);
    if dialect == Dialect::Bedrock {
        let date = clock::http_date(desk.aws_now_s());
        answer.headers.push(("date".to_owned(), date));
    }
    let fault = chosen.unwrap_or_default();
    let mut play = apply::apply(answer, fault.as_ref(), about, &mut pace);
    if let Some(vendor) = vendor {
        vendor.lead(&mut play);
    }
    Answered {
        model: called.clone(),
        fault,
        play,
    }
}

/// The model that a request names, fault suffix included.
fn called_model(operation: &Operation, parsed: Option<&Value>) -> Option<String> {
    match operation {
        Operation::GeminiGenerate { model, .. }
        | Operation::GeminiEmbed { model, .. }
        | Operation::GeminiCount { model }
        | Operation::VertexPredict { model }
        | Operation::BedrockConverse { model, .. }
        | Operation::BedrockCount { model }
        | Operation::Model(_, model)
        | Operation::Vendor(_, Call::Model(model)) => Some(model.clone()),
        Operation::Vendor(_, Call::Chat(at) | Call::Embeddings(at)) if at.deployment.is_some() => {
            at.deployment.clone()
        }
        _ => parsed?.get("model")?.as_str().map(str::to_owned),
    }
}

/// One request on the desk.
pub(crate) struct Desk<'a> {
    shared: &'a Shared,
    pub(crate) asked: &'a Asked,
    pub(crate) about: About<'a>,
    id_seed: u64,
    pub(crate) parsed: Option<&'a Value>,
    /// Whether the model's name carries a fault; such a name is always known.
    suffixed: bool,
}

impl Desk<'_> {
    fn subject(&self) -> Subject<'_> {
        Subject {
            instance: self.asked.route.instance.as_deref(),
            prefix: self.asked.route.prefix.as_deref(),
            model: self.about.model,
            dialect: self.about.dialect,
        }
    }

    /// The fault for this request: by model, by header, by rule. `Err` is text that names none.
    fn fault(&self, suffix: Option<&str>) -> Result<Option<Fault>, String> {
        let header = self
            .asked
            .headers
            .get("x-sim-fault")
            .and_then(|value| value.to_str().ok());
        if let Some(text) = suffix.or(header) {
            return text
                .parse()
                .map(Some)
                .map_err(|why: fault::UnknownFault| why.to_string());
        }
        let now_ms = self.shared.log.now_ms();
        Ok(self.shared.moving().rules.choose(&self.subject(), now_ms))
    }

    fn unreadable_fault(&self, why: &str) -> Value {
        let mut body = errors::by_status(self.about, 400, errors::Flavour::Usual);
        for path in ["/error/message", "/message"] {
            if let Some(message) = body.pointer_mut(path) {
                *message = Value::from(why);
            }
        }
        body
    }

    /// What is checked before the request is understood: its size and its key.
    fn checked(&self) -> Result<(), Reply> {
        if let Some(refused) = &self.asked.refused {
            return Err(refused.clone());
        }
        if self.about.dialect == Dialect::Bedrock && is_signed(&self.asked.headers) {
            auth::check_signature(&Signed {
                method: &self.asked.method,
                uri: &self.asked.uri,
                headers: &self.asked.headers,
                body: self.asked.body.as_deref().unwrap_or_default(),
                now_s: self.aws_now_s(),
            })?;
        } else {
            let key = self.credential();
            auth::check(self.about, key.as_deref())?;
            if let Some(vendor) = self.about.vendor {
                let tokens = &self.shared.moving().tokens;
                self.admitted(vendor, |token, audiences| tokens.admits(token, audiences))?;
            }
        }
        if self.asked.body.is_none() {
            let body = errors::by_status(self.about, 413, errors::Flavour::Usual);
            return Err(reply(413, body));
        }
        Ok(())
    }

    /// The clock by which signatures are judged.
    fn aws_now_s(&self) -> u64 {
        clock::now_s().saturating_add_signed(self.shared.config.aws_clock_ahead_s)
    }

    fn credential(&self) -> Option<String> {
        let headers = &self.asked.headers;
        match self.about.vendor {
            Some(vendor) => vendor.credential(headers, bearer(headers)),
            None => auth::credential(self.about.dialect, headers, &self.asked.uri),
        }
    }

    /// Puts the provider's headers onto the answer.
    fn head(&self, answer: &mut Reply) {
        let (about, seq, now_s) = (self.about, self.asked.seq, clock::now_s());
        let Some(vendor) = about.vendor else {
            headers::add(answer, about.dialect, about.request_id, seq, now_s);
            return;
        };
        let key = self.credential().unwrap_or_default();
        let meter = Meter {
            ok: answer.status == 200,
            status: answer.status,
            used: seq % 100,
            now_s,
            request_id: about.request_id,
            model: about.model,
            quota: key.starts_with("sim-quota"),
        };
        vendor.add_headers(answer, &meter);
    }

    /// The pace of this model, unless the request's headers say otherwise.
    fn latency(&self) -> Latency {
        let config = &self.shared.config;
        let by_model = config.latency_by_model.get(self.about.model);
        let mut latency = *by_model.unwrap_or(&config.latency);
        let header = |name: &str| {
            let value = self.asked.headers.get(name)?;
            value.to_str().ok()?.parse().ok()
        };
        latency.ttft_ms = header("x-sim-ttft-ms").unwrap_or(latency.ttft_ms);
        latency.itl_ms = header("x-sim-itl-ms").unwrap_or(latency.itl_ms);
        latency
    }

    fn pace(&self) -> Pace {
        let cold = self.shared.moving().warm.is_cold(self.about.model);
        Pace::new(self.latency(), cold, Dice::new(self.id_seed, &["pace"]))
    }

    fn answer(&self, fault: Option<&Fault>) -> Reply {
        self.try_answer(fault).unwrap_or_else(|refused| refused)
    }

    fn try_answer(&self, fault: Option<&Fault>) -> Result<Reply, Reply> {
        let headers = &self.asked.headers;
        let body = self.body();
        let model = self.about.model;
        match &self.asked.route.operation {
            Operation::OpenaiChat => self.chat(openai::accept::accept_chat(headers, &body), fault),
            Operation::OpenaiEmbeddings => {
                self.embed(openai::accept::accept_embeddings(headers, &body), false)
            }
            Operation::OpenaiResponses => self.chat(
                openai::responses::accept::accept_response(headers, &body),
                fault,
            ),
            Operation::OpenaiCompletions => {
                self.complete(openai::accept::accept_completions(headers, &body))
            }
            Operation::OpenaiModerations => {
                self.moderate(openai::accept::accept_moderations(headers, &body))
            }
            Operation::AnthropicMessages => {
                self.chat(anthropic::accept::accept_messages(headers, &body), fault)
            }
            Operation::GeminiGenerate { stream, .. } => {
                let accept = match self.asked.route.prefix.as_deref() {
                    Some(vertex::PREFIX) => gemini::accept::accept_vertex_generate,
                    _ => gemini::accept::accept_generate,
                };
                self.chat(accept(model, *stream, headers, &body), fault)
            }
            Operation::VertexPredict { .. } => self.predict(&body),
            Operation::GeminiEmbed { batch, .. } => self.embed(
                gemini::accept::accept_embed(model, *batch, headers, &body),
                *batch,
            ),
            Operation::BedrockConverse { stream, .. } => {
                self.profiled()?;
                self.chat(
                    bedrock::accept::accept_converse(model, *stream, &body),
                    fault,
                )
            }
            Operation::OpenaiCount
            | Operation::AnthropicCount
            | Operation::GeminiCount { .. }
            | Operation::BedrockCount { .. } => self.counts(&body),
            Operation::BedrockProfiles => Ok(reply(200, self.profiles())),
            Operation::CohereChat => self.chat(cohere::accept::accept_chat(headers, &body), fault),
            Operation::CohereEmbed => {
                self.embed(cohere::accept::accept_embed(headers, &body), false)
            }
            Operation::CohereRerank => self.rerank(cohere::accept::accept_rerank(headers, &body)),
            Operation::CohereChatV1 => {
                self.chat(cohere::v1::accept::accept_chat(headers, &body), fault)
            }
            Operation::CohereEmbedV1 => {
                self.embed(cohere::v1::accept::accept_embed(headers, &body), false)
            }
            Operation::CohereRerankV1 => {
                self.rerank(cohere::v1::accept::accept_rerank(headers, &body))
            }
            Operation::CohereKeyCheck => Ok(reply(200, serde_json::json!({"valid": true}))),
            Operation::Vendor(vendor, call) => self.vendor(vendor, call, fault),
            Operation::Models(_) => self.models(),
            Operation::Model(dialect, _) => self.model(*dialect),
            Operation::WrongMethod(_) => Err(self.no_such_path(true)),
            Operation::Unknown(_) => Err(self.no_such_path(false)),
        }
    }

    /// The body, with the fault suffix taken off the model's name: the judges know real names.
    pub(crate) fn body(&self) -> Vec<u8> {
        let sent = self.asked.body.clone().unwrap_or_default();
        let named = self
            .parsed
            .and_then(|body| body.get("model"))
            .and_then(Value::as_str);
        match (self.parsed, named) {
            (Some(parsed), Some(named)) if named.contains('!') => {
                let mut parsed = parsed.clone();
                if let Some(slot) = parsed.get_mut("model") {
                    *slot = Value::from(self.about.model);
                }
                parsed.to_string().into_bytes()
            }
            _ => sent.to_vec(),
        }
    }

    pub(crate) fn no_such_path(&self, wrong_method: bool) -> Reply {
        let method = self.asked.method.as_str();
        errors::no_such_path(self.about, method, self.asked.uri.path(), wrong_method)
    }

    pub(crate) fn known(&self, model: &str, embeddings: bool) -> Result<Known, Reply> {
        if let Some(vendor) = self.about.vendor {
            let known = vendor.known(model, embeddings, self.suffixed);
            return known.ok_or_else(|| self.unknown(vendor));
        }
        let dialect = self.about.dialect;
        let known = models::find(dialect, model, embeddings);
        known
            .or_else(|| {
                self.suffixed
                    .then(|| models::stand_in(dialect, model, embeddings))?
            })
            .filter(|known| match known.model.purpose {
                Purpose::Embedding { .. } => embeddings,
                Purpose::Chat => !embeddings,
                Purpose::Rerank => false,
            })
            .ok_or_else(|| match self.asked.route.operation {
                Operation::OpenaiResponses => errors::unknown_responses_model(model),
                _ => errors::unknown_model(self.about, embeddings),
            })
    }

    pub(crate) fn chat(
        &self,
        read: Result<Prompt, Refusal>,
        fault: Option<&Fault>,
    ) -> Result<Reply, Reply> {
        let prompt = read.map_err(|refusal| self.refused(refusal))?;
        let known = self.known(&prompt.model, false)?;
        let input = compose::input_tokens(&prompt);
        let window = known.model.window;
        let most = match self.about.vendor.and_then(|vendor| vendor.truncates) {
            None => Some(window),
            Some(usual) => prompt
                .refuses_to_be_cut
                .then(|| prompt.context_size.unwrap_or(usual).min(window)),
        };
        if let Some(most) = most.filter(|most| input > *most) {
            return Err(errors::too_long(self.about, input, most));
        }
        let hit = self.cache_hit(&prompt);
        let mut answer = match self.composed(&prompt, &known, hit) {
            Ok(answer) => answer,
            Err(scripted) => return Ok(scripted),
        };
        match fault {
            Some(Fault::Filtered(Filtered::Prompt)) => {
                return Ok(blocked::prompt(
                    self.about,
                    &prompt,
                    &known,
                    &answer,
                    self.framing(),
                ));
            }
            Some(Fault::Filtered(Filtered::Output)) => blocked::output(&mut answer),
            _ => {}
        }
        Ok(self.render(&prompt, &known, &answer))
    }

    /// What the model answers: as scripted, else of its own. The error is a scripted reply that goes
    /// out as it is.
    fn composed(&self, prompt: &Prompt, known: &Known, hit: Hit) -> Result<Answer, Reply> {
        let scripted = self.shared.moving().scripts.take(&self.subject());
        match scripted {
            Some(Scripted::Json {
                status,
                headers,
                body,
            }) => Err(Reply {
                status,
                headers,
                tokens: 0,
                body: Body::Json(body),
            }),
            Some(Scripted::Sse(chunks)) => Err(raw_stream(&chunks, self.about.dialect)),
            Some(Scripted::Turn(turn)) => {
                Ok(compose::finish(prompt, known, vec![turn.turn()], hit))
            }
            None => Ok(compose::answer(prompt, known, self.shared.config.seed, hit)),
        }
    }

    fn cache_hit(&self, prompt: &Prompt) -> Hit {
        let dialect = self.about.dialect;
        if matches!(dialect, Dialect::Anthropic | Dialect::Bedrock) && !prompt.cache_marked {
            return Hit::default();
        }
        self.shared
            .moving()
            .cache
            .look_up(dialect, self.about.model, &prompt.texts)
    }

    /// How this dialect frames its streams.
    fn framing(&self) -> Framing {
        if let Some(vendor) = self.about.vendor {
            return self.vendor_framing(vendor);
        }
        match (self.about.dialect, &self.asked.route.operation) {
            (Dialect::Gemini, Operation::GeminiGenerate { sse: false, .. }) => Framing::JsonArray,
            (Dialect::Gemini, _) => Framing::Sse { crlf: true },
            (Dialect::Bedrock, _) => Framing::AwsFrames,
            (Dialect::Cohere, Operation::CohereChatV1) => {
                cohere::v1::render::framing(&self.asked.headers)
            }
            (Dialect::Openai | Dialect::Anthropic | Dialect::Cohere, _) => {
                Framing::Sse { crlf: false }
            }
        }
    }

    fn render(&self, prompt: &Prompt, known: &Known, answer: &Answer) -> Reply {
        let padded = self
            .parsed
            .and_then(|body| body.pointer("/stream_options/include_obfuscation"));
        let context = Context {
            prompt,
            known,
            answer,
            id_seed: self.id_seed,
            created_s: clock::now_s(),
            words_per_event: self.latency().words_per_event,
            obfuscate: padded != Some(&Value::Bool(false)),
        };
        let framing = self.framing();
        let responds = self.asked.route.operation == Operation::OpenaiResponses;
        let is_v1 = self.asked.route.operation == Operation::CohereChatV1;
        let tokens = answer.usage.output_total();
        if let Some(vendor) = self.about.vendor {
            return Reply {
                status: 200,
                headers: Vec::new(),
                tokens,
                body: self.vendor_answer(vendor, &context),
            };
        }
        let body = match (self.about.dialect, prompt.stream) {
            (Dialect::Openai, false) if responds => {
                Body::Json(openai::responses::render::response(&context))
            }
            (Dialect::Openai, true) if responds => Body::Stream {
                framing,
                events: openai::responses::stream::events(&context, |response| response),
            },
            (Dialect::Openai, false) => Body::Json(openai::render::completion(&context)),
            (Dialect::Anthropic, false) => Body::Json(anthropic::render::message(&context)),
            (Dialect::Gemini, false) => Body::Json(gemini::render::generated(&context)),
            (Dialect::Bedrock, false) => Body::Json(bedrock::render::message(&context)),
            (Dialect::Bedrock, true) => Body::Stream {
                framing,
                events: bedrock::stream::events(&context),
            },
            (Dialect::Cohere, false) if is_v1 => Body::Json(cohere::v1::render::chat(&context)),
            (Dialect::Cohere, true) if is_v1 => Body::Stream {
                framing,
                events: cohere::v1::render::events(&context),
            },
            (Dialect::Cohere, false) => Body::Json(cohere::render::chat(&context)),
            (Dialect::Cohere, true) => Body::Stream {
                framing,
                events: cohere::stream::events(&context),
            },
            (Dialect::Openai, true) => Body::Stream {
                framing,
                events: openai::stream::events(&context),
            },
            (Dialect::Anthropic, true) => Body::Stream {
                framing,
                events: anthropic::stream::events(&context),
            },
            (Dialect::Gemini, true) => Body::Stream {
                framing,
                events: gemini::stream::events(&context),
            },
        };
        Reply {
            status: 200,
            headers: Vec::new(),
            tokens,
            body,
        }
    }

    /// A judge's refusal, under this request's id.
    pub(crate) fn refused(&self, mut refusal: Refusal) -> Reply {
        if let Some(id) = refusal.body.get_mut("request_id") {
            *id = Value::from(self.about.request_id);
        }
        reply(refusal.status, refusal.body)
    }
}
