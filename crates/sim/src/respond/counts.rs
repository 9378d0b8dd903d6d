//! Counts of tokens before a call, in each dialect's shape.

use serde_json::{Value, json};

use super::Desk;
use crate::answer::compose;
use crate::dialect::{anthropic, bedrock, gemini, openai};
use crate::errors::reply;
use crate::prompt::{Prompt, Refusal};
use crate::route::Operation;
use crate::wire::Reply;

impl Desk<'_> {
    pub(super) fn counts(&self, body: &[u8]) -> Result<Reply, Reply> {
        let headers = &self.asked.headers;
        let model = self.about.model;
        match &self.asked.route.operation {
            Operation::OpenaiCount => self.count(
                openai::responses::accept::accept_count(headers, body),
                openai::responses::render::counted,
            ),
            Operation::AnthropicCount => self.count(
                anthropic::accept::accept_count_tokens(headers, body),
                |tokens| json!({"input_tokens": tokens}),
            ),
            Operation::GeminiCount { .. } => self.count(
                gemini::accept::accept_count(model, headers, body),
                gemini::render::counted,
            ),
            Operation::BedrockCount { .. } => self.count(
                bedrock::accept::accept_count(model, body),
                bedrock::render::counted,
            ),
            _ => Err(self.no_such_path(false)),
        }
    }

    fn count(
        &self,
        read: Result<Prompt, Refusal>,
        render: impl Fn(u64) -> Value,
    ) -> Result<Reply, Reply> {
        let prompt = read.map_err(|refusal| self.refused(refusal))?;
        self.known(&prompt.model, false)?;
        Ok(reply(200, render(compose::input_tokens(&prompt))))
    }
}
