//! Answers that are one JSON object whatever is asked: embeddings, reranking, counts, moderation and
//! lists of models.

use super::Desk;
use crate::answer::{tokens, vectors};
use crate::cloud::vertex;
use crate::dialect::{cohere, gemini, openai};
use crate::errors::{self, reply};
use crate::models::{self, Dialect, Purpose};
use crate::prompt::{Prompt, Refusal};
use crate::route::Operation;
use crate::wire::Reply;

impl Desk<'_> {
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
            Dialect::Cohere => {
                let version = self.cohere_version();
                cohere::render::embeddings(&prompt, version, self.id_seed, &vectors, tokens)
            }
            Dialect::Openai | Dialect::Anthropic | Dialect::Bedrock => {
                openai::render::embeddings(&prompt, &known, &vectors, tokens)
            }
        };
        Ok(reply(200, body))
    }

    fn cohere_version(&self) -> &'static str {
        match self.asked.route.operation {
            Operation::CohereEmbedV1 | Operation::CohereRerankV1 => "1",
            _ => "2",
        }
    }

    pub(super) fn rerank(&self, read: Result<Prompt, Refusal>) -> Result<Reply, Reply> {
        let prompt = read.map_err(|refusal| self.refused(refusal))?;
        let known = models::find(self.about.dialect, &prompt.model, false);
        if !self.suffixed && known.is_none_or(|known| known.model.purpose != Purpose::Rerank) {
            return Err(errors::unknown_model(self.about, false));
        }
        let version = self.cohere_version();
        Ok(reply(
            200,
            cohere::render::rerank(&prompt, version, self.id_seed),
        ))
    }
}
