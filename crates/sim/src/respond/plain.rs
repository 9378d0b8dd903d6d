//! Answers that are one JSON object whatever is asked: embeddings, reranking, counts, moderation and
//! lists of models.

use serde_json::Value;

use super::Desk;
use crate::answer::{compose, tokens, vectors};
use crate::cloud::vertex;
use crate::dialect::{anthropic, cohere, gemini, openai};
use crate::errors::{self, reply};
use crate::models::{self, Dialect, Purpose};
use crate::prompt::{Prompt, Refusal};
use crate::route::query;
use crate::wire::Reply;

impl Desk<'_> {
    pub(super) fn moderate(&self, body: &[u8]) -> Result<Reply, Reply> {
        let prompt = openai::accept::accept_moderations(&self.asked.headers, body)
            .map_err(|refusal| self.refused(refusal))?;
        if !prompt.model.is_empty() && !openai::legacy::moderates(&prompt.model) {
            return Err(errors::unknown_model(self.about, false));
        }
        let answer = openai::legacy::moderation(&prompt, self.id_seed);
        Ok(reply(200, answer))
    }

    /// Embeddings of Vertex AI's older models.
    pub(super) fn predict(&self, body: &[u8]) -> Result<Reply, Reply> {
        let read = vertex::accept_predict(self.about.model, body);
        let inputs = read.as_ref().map(|prompt| prompt.inputs.clone());
        let inputs = inputs.unwrap_or_default();
        let tokens: Vec<u64> = inputs.iter().map(|text| tokens(text)).collect();
        let answer = self.embed(read, true)?;
        Ok(vertex::as_predictions(answer, &tokens))
    }

    pub(crate) fn embed(&self, read: Result<Prompt, Refusal>, batch: bool) -> Result<Reply, Reply> {
        let prompt = read.map_err(|refusal| self.refused(refusal))?;
        let known = self.known(&prompt.model, true)?;
        let full = match known.model.purpose {
            Purpose::Embedding { dimensions } => dimensions,
            Purpose::Chat | Purpose::Rerank => 0,
        };
        let wanted = prompt.dimensions.unwrap_or(full).min(full);
        let name = known.model.name;
        let inputs = prompt.inputs.iter();
        let vectors: Vec<_> = inputs
            .map(|input| vectors::vector(name, input, wanted))
            .collect();
        let tokens: u64 = prompt.inputs.iter().map(|input| tokens(input)).sum();
        if let Some(vendor) = self.about.vendor {
            let body = self.vendor_vectors(vendor, &prompt, &known, &vectors, tokens);
            return Ok(reply(200, body));
        }
        let body = match self.about.dialect {
            Dialect::Gemini => gemini::render::embeddings(batch, name, &vectors, tokens),
            Dialect::Cohere => cohere::render::embeddings(&prompt, self.id_seed, &vectors, tokens),
            Dialect::Openai | Dialect::Anthropic => {
                openai::render::embeddings(&prompt, &known, &vectors, tokens)
            }
        };
        Ok(reply(200, body))
    }

    pub(super) fn rerank(&self, read: Result<Prompt, Refusal>) -> Result<Reply, Reply> {
        let prompt = read.map_err(|refusal| self.refused(refusal))?;
        let known = models::find(self.about.dialect, &prompt.model, false);
        if !self.suffixed && known.is_none_or(|known| known.model.purpose != Purpose::Rerank) {
            return Err(errors::unknown_model(self.about, false));
        }
        Ok(reply(200, cohere::render::rerank(&prompt, self.id_seed)))
    }

    pub(super) fn count(
        &self,
        read: Result<Prompt, Refusal>,
        render: impl Fn(u64) -> Value,
    ) -> Result<Reply, Reply> {
        let prompt = read.map_err(|refusal| self.refused(refusal))?;
        self.known(&prompt.model, false)?;
        Ok(reply(200, render(compose::input_tokens(&prompt))))
    }

    pub(super) fn models(&self) -> Result<Reply, Reply> {
        let member = |name: &str| query(&self.asked.uri, name);
        let size = |name: &str| member(name).and_then(|size| size.parse::<usize>().ok());
        let page = match self.about.dialect {
            Dialect::Openai => Some(openai::render::models()),
            Dialect::Anthropic => {
                let limit = size("limit").unwrap_or(20).clamp(1, 1_000);
                let (after, before) = (member("after_id"), member("before_id"));
                anthropic::render::models(limit, after.as_deref(), before.as_deref())
            }
            Dialect::Cohere => {
                let limit = size("page_size").unwrap_or(20).clamp(1, 1_000);
                cohere::render::models(limit, member("page_token").as_deref())
            }
            Dialect::Gemini => {
                let limit = size("pageSize").unwrap_or(50).clamp(1, 1_000);
                gemini::render::models(limit, member("pageToken").as_deref())
            }
        };
        let bad_cursor = || {
            reply(
                400,
                errors::by_status(self.about, 400, errors::Flavour::Usual),
            )
        };
        page.map(|page| reply(200, page)).ok_or_else(bad_cursor)
    }

    pub(super) fn model(&self, dialect: Dialect) -> Result<Reply, Reply> {
        let embeddings = self.about.model.contains("embedding");
        let known = models::find(dialect, self.about.model, embeddings)
            .ok_or_else(|| errors::unknown_model(self.about, embeddings))?;
        Ok(reply(
            200,
            match dialect {
                Dialect::Openai => openai::render::model(&known.model),
                Dialect::Anthropic => anthropic::render::model(&known.model),
                Dialect::Gemini => gemini::render::model(&known.model),
                Dialect::Cohere => cohere::render::model(&known.model),
            },
        ))
    }
}
