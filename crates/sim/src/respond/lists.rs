//! What there is: models and Bedrock's inference profiles.

use serde_json::Value;

use super::Desk;
use crate::dialect::{anthropic, bedrock, cohere, gemini, openai};
use crate::errors::{self, reply};
use crate::models::{self, Dialect};
use crate::route::query;
use crate::wire::Reply;

impl Desk<'_> {
    /// The list of models, a page of it.
    pub(super) fn models(&self) -> Result<Reply, Reply> {
        let member = |name: &str| query(&self.asked.uri, name);
        let size = |name: &str| member(name).and_then(|size| size.parse::<usize>().ok());
        let page = match self.about.dialect {
            Dialect::Openai => Some(openai::render::models()),
            Dialect::Bedrock => Some(bedrock::render::foundation_models()),
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

    /// One model.
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
                Dialect::Bedrock => bedrock::render::foundation_models(),
                Dialect::Cohere => cohere::render::model(&known.model),
            },
        ))
    }

    /// Newer models of Bedrock are reached through an inference profile only.
    pub(super) fn profiled(&self) -> Result<(), Reply> {
        let model = self.about.model;
        let bare = models::base_id(model) == model;
        if !(bare && models::needs_profile(model)) {
            return Ok(());
        }
        let message = format!(
            "Invocation of model ID {model} with on-demand throughput isn\u{2019}t supported. Retry \
             your request with the ID or ARN of an inference profile that contains this model."
        );
        Err(reply(400, bedrock::render::error(&message)))
    }

    /// Bedrock's inference profiles, a page of them.
    pub(super) fn profiles(&self) -> Value {
        let number = |name: &str| query(&self.asked.uri, name)?.parse().ok();
        let size = number("maxResults").unwrap_or(100);
        bedrock::render::inference_profiles(size, number("nextToken").unwrap_or(0))
    }
}
