//! Serves a vendor's calls, with the steps that all dialects share.

use http::HeaderMap;
use serde_json::{Value, json};

use super::accept::{accept_chat, accept_embeddings};
use super::errors::{Facts, When};
use super::judge::Asking;
use super::route::{At, Call, DEPLOYMENTS, Own};
use super::{Meter, Vendor, azure, ollama, say};
use crate::answer::compose;
use crate::clock;
use crate::dialect::openai::responses;
use crate::errors::{self, reply};
use crate::fault::Fault;
use crate::models::{Known, Purpose};
use crate::play::{Play, Step};
use crate::prompt::{Prompt, Refusal};
use crate::respond::Desk;
use crate::route::query;
use crate::strict::text;
use crate::wire::{Body, Context, Framing, Reply};

impl Desk<'_> {
    /// Answers a vendor's call.
    pub(crate) fn vendor(
        &self,
        vendor: &'static Vendor,
        call: &Call,
        fault: Option<&Fault>,
    ) -> Result<Reply, Reply> {
        match call {
            Call::Chat(at) => {
                self.dated(vendor, at)?;
                self.chat(accept_chat(vendor, at.base, &self.deployed(at)), fault)
            }
            Call::Embeddings(at) => {
                self.dated(vendor, at)?;
                self.embed(accept_embeddings(vendor, &self.deployed(at)), false)
            }
            Call::Models => Ok(reply(200, (vendor.listed)(vendor.models))),
            Call::Model(name) => {
                let missing = || errors::unknown_model(self.about, false);
                let model = vendor.models.iter().find(|model| model.name == *name);
                let one = model.map(|model| (vendor.listed)(std::slice::from_ref(model)));
                let listed = one.ok_or_else(missing)?;
                // A list with one model in it: the model is what its list holds.
                let held = listed.get("data").unwrap_or(&listed).get(0).cloned();
                Ok(reply(200, held.unwrap_or_default()))
            }
            Call::Own(own) => self.own(vendor, *own, fault),
            Call::WrongMethod => Err(self.no_such_path(true)),
            Call::Unknown => Err(self.no_such_path(false)),
        }
    }

    /// Azure looks at tokens.
    pub(crate) fn admitted(
        &self,
        vendor: &Vendor,
        admits: impl Fn(&str, &[&str]) -> bool,
    ) -> Result<(), Reply> {
        if vendor.name() != "azure" || self.asked.headers.contains_key("api-key") {
            return Ok(());
        }
        azure::admitted(self.asked.uri.path(), bearer(&self.asked.headers), admits)
            .map_err(|complaint| vendor.reply(&complaint, self.about.request_id))
    }

    /// Azure's older surfaces want a version in the query.
    fn dated(&self, vendor: &Vendor, at: &At) -> Result<(), Reply> {
        let wants = at.base == DEPLOYMENTS || at.base == "/models";
        if vendor.name() == "azure" && wants && query(&self.asked.uri, "api-version").is_none() {
            return Err(vendor.refuse(When::NoPath, self.about, Facts::default()));
        }
        Ok(())
    }

    /// The body, with the deployment of the path as its model.
    fn deployed(&self, at: &At) -> Vec<u8> {
        let body = self.body();
        if at.deployment.is_none() {
            return body;
        }
        match serde_json::from_slice::<Value>(&body) {
            Ok(Value::Object(mut members)) => {
                members.insert("model".to_owned(), json!(self.about.model));
                Value::Object(members).to_string().into_bytes()
            }
            _ => body,
        }
    }

    fn own(
        &self,
        vendor: &'static Vendor,
        own: Own,
        fault: Option<&Fault>,
    ) -> Result<Reply, Reply> {
        match own {
            Own::Responses => {
                let version = query(&self.asked.uri, "api-version");
                azure::has_responses(self.asked.uri.path(), version.as_deref())
                    .map_err(|complaint| vendor.reply(&complaint, self.about.request_id))?;
                let read = responses::accept::accept_response(&self.asked.headers, &self.body());
                self.chat(read, fault)
            }
            Own::OllamaChat => self.asked_natively(ollama::accept_chat(&self.body()), fault),
            Own::OllamaGenerate => {
                self.asked_natively(ollama::accept_generate(&self.body()), fault)
            }
            Own::OllamaEmbed => self.embed_natively(ollama::accept_embed(&self.body())),
            Own::OllamaEmbeddings => self.embed_natively(ollama::accept_embeddings(&self.body())),
            Own::OllamaTags => Ok(reply(200, ollama::tags())),
            Own::OllamaVersion => Ok(reply(200, ollama::version())),
            Own::OllamaShow => {
                let body = self.parsed.unwrap_or(&Value::Null);
                let named = match text(body, "model") {
                    "" => text(body, "name"),
                    name => name,
                };
                let known = vendor.model(named, false);
                match known {
                    Some(known) => Ok(reply(200, ollama::show(&known.model))),
                    None => Err(self.unknown(vendor)),
                }
            }
            Own::Balance => Ok(reply(
                200,
                json!({"is_available": true, "balance_infos": [{"currency": "USD",
                    "total_balance": "100.00", "granted_balance": "0.00",
                    "topped_up_balance": "100.00"}]}),
            )),
            Own::Key => Ok(reply(
                200,
                json!({"data": {"label": "sim", "limit": null, "usage": 0, "is_free_tier": false,
                    "limit_remaining": null, "is_provisioning_key": false}}),
            )),
            Own::Health => Ok(reply(200, json!({}))),
            Own::Tokenize => {
                let tokens = match self.parsed.map(|body| text(body, "prompt")) {
                    Some(said) if !said.is_empty() => crate::answer::tokens(said),
                    _ => {
                        let read = accept_chat(vendor, "/v1", &self.body());
                        compose::input_tokens(&read.map_err(|refusal| self.refused(refusal))?)
                    }
                };
                let ids: Vec<u64> = (0..tokens).collect();
                let known = self.known(self.about.model, false)?;
                Ok(reply(
                    200,
                    json!({"count": tokens, "max_model_len": known.model.window, "tokens": ids}),
                ))
            }
        }
    }

    /// An answer of Ollama's own API, or what it does to the model where nothing is asked.
    fn asked_natively(
        &self,
        read: Result<Prompt, Refusal>,
        fault: Option<&Fault>,
    ) -> Result<Reply, Reply> {
        let word = self.parsed.and_then(ollama::idles);
        if let (Ok(prompt), Some(word)) = (&read, word) {
            let known = self.known(&prompt.model, false)?;
            let chats = self.native() == Some(Own::OllamaChat);
            let answer = ollama::idle(&known.served_as, clock::now_s(), word, chats);
            return Ok(reply(200, answer));
        }
        self.chat(read, fault)
    }

    /// Texts longer than the model's window are cut, unless that is forbidden.
    fn embed_natively(&self, read: Result<Prompt, Refusal>) -> Result<Reply, Reply> {
        if let Ok(prompt) = &read
            && prompt.refuses_to_be_cut
        {
            let window = self.known(&prompt.model, true)?.model.window;
            let longest = prompt.inputs.iter().map(|text| crate::answer::tokens(text));
            if longest.max().unwrap_or(0) > window {
                let words = "the input length exceeds the context length";
                return Err(reply(400, json!({ "error": words })));
            }
        }
        self.embed(read, false)
    }

    /// No such model.
    pub(crate) fn unknown(&self, vendor: &Vendor) -> Reply {
        vendor.refuse(When::NoModel, self.about, Facts::default())
    }

    /// What Ollama's own API was asked for.
    fn native(&self) -> Option<Own> {
        use crate::route::Operation;
        match &self.asked.route.operation {
            Operation::Vendor(
                _,
                Call::Own(
                    own @ (Own::OllamaChat
                    | Own::OllamaGenerate
                    | Own::OllamaEmbed
                    | Own::OllamaEmbeddings
                    | Own::OllamaShow),
                ),
            ) => Some(*own),
            _ => None,
        }
    }

    /// Whether the Responses API was asked.
    fn is_responses(&self) -> bool {
        use crate::route::Operation;
        let operation = &self.asked.route.operation;
        matches!(operation, Operation::Vendor(_, Call::Own(Own::Responses)))
    }

    /// How this vendor frames its streams.
    pub(crate) fn vendor_framing(&self, vendor: &Vendor) -> Framing {
        if self.native().is_some() {
            return Framing::Lines;
        }
        let crlf = (vendor.voice)(&self.asking()).flow.crlf;
        Framing::Sse { crlf }
    }

    /// An answer in this vendor's voice.
    pub(crate) fn vendor_answer(&self, vendor: &Vendor, context: &Context<'_>) -> Body {
        let framing = self.vendor_framing(vendor);
        let voice = (vendor.voice)(&self.asking());
        if self.is_responses() {
            return if context.prompt.stream {
                Body::Stream {
                    framing,
                    events: responses::stream::events(context, azure::filtered),
                }
            } else {
                Body::Json(azure::filtered(responses::render::response(context)))
            };
        }
        match (self.native(), context.prompt.stream) {
            (Some(Own::OllamaGenerate), false) => Body::Json(ollama::generated(context)),
            (Some(Own::OllamaGenerate), true) => Body::Stream {
                framing,
                events: ollama::generating(context),
            },
            (Some(_), false) => Body::Json(ollama::whole(context)),
            (Some(_), true) => Body::Stream {
                framing,
                events: ollama::events(context),
            },
            (None, false) => Body::Json(say::completion(voice, context)),
            (None, true) => Body::Stream {
                framing,
                events: say::events(voice, vendor.heartbeat, context),
            },
        }
    }

    /// Embeddings in this vendor's shape.
    pub(crate) fn vendor_vectors(
        &self,
        vendor: &Vendor,
        prompt: &Prompt,
        known: &Known,
        vectors: &[Vec<f32>],
        tokens: u64,
    ) -> Value {
        match self.native() {
            Some(Own::OllamaEmbeddings) => ollama::embedded_one(vectors),
            Some(_) => ollama::embedded(known, vectors, tokens),
            None => (vendor.embedded)(prompt, known, vectors, tokens),
        }
    }

    fn asking(&self) -> Asking<'_> {
        use crate::route::Operation;
        let base = match &self.asked.route.operation {
            Operation::Vendor(_, Call::Chat(at) | Call::Embeddings(at)) => at.base,
            _ => "",
        };
        Asking {
            body: self.parsed.unwrap_or(&Value::Null),
            model: self.about.model,
            base,
        }
    }
}

impl Vendor {
    /// Finds the model of a request, which must be for this purpose.
    pub(crate) fn known(&self, name: &str, embeddings: bool, suffixed: bool) -> Option<Known> {
        let known = self.model(name, embeddings);
        known
            .or_else(|| suffixed.then(|| self.stand_in(name, embeddings))?)
            .filter(|known| matches!(known.model.purpose, Purpose::Embedding { .. }) == embeddings)
    }

    /// Puts this vendor's headers onto an answer.
    pub(crate) fn add_headers(&self, reply: &mut Reply, meter: &Meter<'_>) {
        let headers = (self.headers)(meter);
        let headers = headers.into_iter();
        reply
            .headers
            .extend(headers.map(|(name, value)| (name.to_owned(), value)));
        if reply.status != 200 {
            let kind = self.errors.content_type.to_owned();
            reply.headers.push(("content-type".to_owned(), kind));
        }
    }

    /// Puts what this vendor sends before the JSON in front of a whole answer.
    pub(crate) fn lead(&self, play: &mut Play) {
        let first = play
            .steps
            .iter()
            .position(|step| matches!(step, Step::Send { .. }));
        let (Some(at), Some(length), 200) = (first, play.length, play.status) else {
            return;
        };
        if self.before_json.is_empty() {
            return;
        }
        let bytes = bytes::Bytes::from_static(self.before_json.as_bytes());
        play.length = Some(length + bytes.len() as u64);
        let event = false;
        play.steps.insert(at, Step::Send { bytes, event });
    }
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
