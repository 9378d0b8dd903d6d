//! OpenAI's legacy completions, and moderations.

use super::Desk;
use crate::answer::cache::Hit;
use crate::clock;
use crate::dialect::openai;
use crate::errors::{self, reply};
use crate::models::{self, Dialect};
use crate::prompt::{Prompt, Refusal};
use crate::wire::{Body, Context, Framing, Reply};

impl Desk<'_> {
    /// Legacy completions.
    pub(super) fn complete(&self, read: Result<Prompt, Refusal>) -> Result<Reply, Reply> {
        let prompt = read.map_err(|refusal| self.refused(refusal))?;
        let Some(known) = openai::legacy::known(&prompt.model) else {
            if models::find(Dialect::Openai, &prompt.model, false).is_some() {
                return Err(reply(404, openai::render::chat_model_only()));
            }
            return Err(errors::unknown_model(self.about, false));
        };
        let answer = match self.composed(&prompt, &known, Hit::default()) {
            Ok(answer) => answer,
            Err(scripted) => return Ok(scripted),
        };
        let context = Context {
            prompt: &prompt,
            known: &known,
            answer: &answer,
            id_seed: self.id_seed,
            created_s: clock::now_s(),
            words_per_event: self.latency().words_per_event,
            obfuscate: false,
        };
        let body = if prompt.stream {
            Body::Stream {
                framing: Framing::Sse { crlf: false },
                events: openai::legacy::events(&context),
            }
        } else {
            Body::Json(openai::legacy::completion(&context))
        };
        Ok(Reply {
            status: 200,
            headers: Vec::new(),
            tokens: answer.usage.output_total(),
            body,
        })
    }

    /// Moderations.
    pub(super) fn moderate(&self, read: Result<Prompt, Refusal>) -> Result<Reply, Reply> {
        let prompt = read.map_err(|refusal| self.refused(refusal))?;
        if !prompt.model.is_empty() && !openai::legacy::moderates(&prompt.model) {
            return Err(errors::unknown_model(self.about, false));
        }
        Ok(reply(
            200,
            openai::legacy::moderation(&prompt, self.id_seed),
        ))
    }
}
