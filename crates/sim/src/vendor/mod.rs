//! The vendors of OpenAI-compatible APIs, each as strict and as peculiar as its own.
//!
//! One vendor is one file: a [`Vendor`], which is a table of facts that the shared parts read
//! (`judge` requests, [`errors`], `say` answers, [`route`] paths), and small functions for what
//! is truly its own. A new vendor is a file and a line in [`ALL`].
//!
//! Facts come from the providers' documents, their SDKs' types, issue reports and recordings.

pub mod accept;
mod azure;
mod cerebras;
mod deepseek;
pub mod desk;
pub mod errors;
mod fireworks;
mod groq;
mod judge;
mod mistral;
mod models;
mod ollama;
mod openrouter;
mod perplexity;
mod qwen;
pub mod route;
mod rules;
mod say;
mod together;
mod vllm;
mod wording;
mod xai;

use std::fmt;

use http::HeaderMap;
use serde_json::Value;

use crate::models::{Known, Model};
use crate::prompt::Prompt;
use crate::seed::Dice;
use crate::strict::Finding;
use crate::wire::Event;

use errors::{Complaint, Errors};
use judge::{Asking, Form};
use route::Own;
use say::Voice;

pub use azure::AZURE;
pub use cerebras::CEREBRAS;
pub use deepseek::DEEPSEEK;
pub use fireworks::FIREWORKS;
pub use groq::GROQ;
pub use mistral::MISTRAL;
pub use ollama::OLLAMA;
pub use openrouter::OPENROUTER;
pub use perplexity::PERPLEXITY;
pub use qwen::QWEN;
pub use together::TOGETHER;
pub use vllm::VLLM;
pub use xai::XAI;

/// Every vendor.
pub static ALL: &[&Vendor] = &[
    &AZURE,
    &CEREBRAS,
    &DEEPSEEK,
    &FIREWORKS,
    &GROQ,
    &MISTRAL,
    &OLLAMA,
    &OPENROUTER,
    &PERPLEXITY,
    &QWEN,
    &TOGETHER,
    &VLLM,
    &XAI,
];

/// A rule between members of a request.
type Rule = fn(&Asking<'_>) -> Result<(), Complaint>;

/// One vendor's API as data.
pub struct Vendor {
    /// Its name, which is its path prefix, and further prefixes.
    pub(crate) names: &'static [&'static str],
    /// What its base URLs have as path, longest first; the SDKs append `/chat/completions`.
    pub(crate) bases: &'static [&'static str],
    /// The base under which embeddings are, where they are.
    pub(crate) embeddings: Option<&'static str>,
    /// Another API of its own under paths that start so.
    pub(crate) beside: Option<(&'static str, &'static Vendor)>,
    /// Endpoints of its own: method, path, meaning.
    pub(crate) own: &'static [(&'static str, &'static str, Own)],
    /// Which credentials it reads.
    pub(crate) door: Door,
    /// The members, types and words of a chat request.
    pub(crate) form: &'static Form,
    /// The members of an embeddings request beside `model` and `input`.
    pub(crate) embedding_members: &'static [&'static str],
    /// Rules between members, in the order of the API's checks.
    pub(crate) rules: &'static [Rule],
    /// Whether the model thinks about this request, where it can.
    pub(crate) thinks: fn(&Asking<'_>) -> bool,
    /// How it words what is wrong with the shape of a request.
    pub(crate) found: fn(&[Finding]) -> Complaint,
    /// Its errors.
    pub(crate) errors: &'static Errors,
    /// How its answers to this request look.
    pub(crate) voice: fn(&Asking<'_>) -> &'static Voice,
    /// A comment that keeps its streams alive.
    pub(crate) heartbeat: &'static str,
    /// What stands before the JSON of a whole answer.
    pub(crate) before_json: &'static str,
    /// The headers of an answer: request id, rate limits.
    pub(crate) headers: fn(&Meter<'_>) -> Vec<(&'static str, String)>,
    /// Its models.
    pub(crate) models: &'static [Model],
    /// Output tokens where the request sets no limit.
    pub(crate) output_default: Option<u64>,
    /// The context beyond which it cuts prompts in silence instead of refusing them.
    pub(crate) truncates: Option<u64>,
    /// Whether requests to this base path are judged as OpenAI judges them.
    pub(crate) openai_at: fn(&str) -> bool,
    /// How it lists its models.
    pub(crate) listed: fn(&[Model]) -> Value,
    /// How it answers embeddings: request, model, vectors, tokens.
    pub(crate) embedded: fn(&Prompt, &Known, &[Vec<f32>], u64) -> Value,
}

/// Which credentials a vendor reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// `Authorization: Bearer`.
    Bearer,
    /// `api-key`, or `Authorization: Bearer` (Azure).
    ApiKey,
    /// A bearer token is looked at where there is one; none is needed.
    Open,
}

/// What the headers of an answer are made from.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    /// Whether the answer is a 200.
    pub(crate) ok: bool,
    /// The status of the answer.
    pub(crate) status: u16,
    /// Requests used up in this window, 0 to 99.
    pub(crate) used: u64,
    /// Seconds since 1970.
    pub(crate) now_s: u64,
    /// The request's id.
    pub(crate) request_id: &'a str,
    /// The model that was asked for.
    pub(crate) model: &'a str,
    /// Whether the error means that no quota is left.
    pub(crate) quota: bool,
}

impl Vendor {
    /// Its name: the first of its path prefixes.
    pub fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }

    /// The vendor that has this path prefix.
    pub fn find(prefix: &str) -> Option<&'static Self> {
        ALL.iter()
            .copied()
            .find(|vendor| vendor.names.contains(&prefix))
    }

    /// The API that a path of this vendor belongs to: this one, or the one beside it.
    pub(crate) fn at(&'static self, path: &str) -> &'static Self {
        match self.beside {
            Some((start, other)) if path.starts_with(start) => other,
            _ => self,
        }
    }

    /// The models that it lists.
    pub fn models(&self) -> &'static [Model] {
        self.models
    }

    /// Finds a model by its name or dated name; any name with `sim-` in it is known.
    pub fn model(&self, name: &str, embeddings: bool) -> Option<Known> {
        models::find(self, name, embeddings)
    }

    /// An invented model of this name with the figures of the vendor's first one.
    pub fn stand_in(&self, name: &str, embeddings: bool) -> Option<Known> {
        models::stand_in(self, name, embeddings)
    }

    /// The id of a request as this vendor writes it.
    pub(crate) fn request_id(&self, id_seed: u64) -> String {
        let mut dice = Dice::new(id_seed, &["request id"]);
        match self.name() {
            "groq" => format!("req_01{}", dice.hex(24)),
            _ => say::uuid(&mut dice),
        }
    }

    /// The key that a request carries.
    pub(crate) fn credential(&self, headers: &HeaderMap, bearer: Option<&str>) -> Option<String> {
        let own = headers.get("api-key").and_then(|value| value.to_str().ok());
        match self.door {
            Door::ApiKey => own.or(bearer).map(str::to_owned),
            Door::Bearer => bearer.map(str::to_owned),
            Door::Open => Some(bearer.unwrap_or("none").to_owned()),
        }
    }

    /// An event that keeps a stream alive.
    pub(crate) fn ping(&self) -> Event {
        Event::raw(crate::wire::Kind::Ping, format!(": {}\n\n", self.heartbeat))
    }
}

impl fmt::Debug for Vendor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Vendor({})", self.name())
    }
}

impl PartialEq for Vendor {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Vendor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_no_dialects() {
        let mut names: Vec<&str> = ALL
            .iter()
            .flat_map(|vendor| vendor.names)
            .copied()
            .collect();
        names.extend(crate::models::Dialect::ALL.map(|dialect| dialect.name()));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn every_vendor_serves_models_that_fit_their_window() {
        for vendor in ALL {
            assert!(!vendor.models.is_empty(), "{vendor:?}");
            for model in vendor.models {
                assert!(
                    model.output_max <= model.window,
                    "{vendor:?} {}",
                    model.name
                );
                let embeds = matches!(model.purpose, crate::models::Purpose::Embedding { .. });
                assert!(vendor.model(model.name, embeds).is_some(), "{}", model.name);
            }
            assert!(vendor.model("no-such-model", false).is_none(), "{vendor:?}");
            assert!(vendor.model("sim-anything", false).is_some(), "{vendor:?}");
        }
        let dated = MISTRAL.model("mistral-large-2512", false).unwrap();
        assert_eq!(dated.served_as, "mistral-large-2512");
    }
}
