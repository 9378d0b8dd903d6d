//! What is measured, for time here and for allocations in `tests/allocations`. Every input is made
//! here, of our own words: no traffic was recorded for it.

#![expect(
    clippy::expect_used,
    reason = "an input that can't be made has no measurement"
)]

mod answers;
mod frames;
mod requests;
mod streams;
mod structured;

use polyroute_measure::Operation;
use polyroute_wire::adapter::{DecodeContext, Target};
use polyroute_wire::capability::Reasoning;
use polyroute_wire::chat::Effort;
use polyroute_wire::dialect::Dialect;

/// All of them.
pub(crate) fn all() -> Vec<Operation> {
    let mut all = requests::operations();
    all.extend(answers::operations());
    all.extend(streams::operations());
    all.extend(frames::operations());
    all.extend(structured::operations());
    all
}

/// A model that is much like each provider's usual one.
fn target(dialect: Dialect) -> Target {
    let mut target = Target::default();
    target.endpoint.provider = dialect.as_str().to_owned();
    target.endpoint.first_party = dialect != Dialect::Ollama;
    target.capabilities.context_window = Some(200_000);
    target.capabilities.max_output = Some(32_000);
    target.capabilities.max_completion_tokens = dialect == Dialect::OpenAi;
    target.model = match dialect {
        Dialect::OpenAi | Dialect::Responses => "gpt-measured",
        Dialect::Anthropic => "claude-measured",
        Dialect::Gemini => "gemini-measured",
        Dialect::Bedrock => "us.anthropic.claude-measured",
        Dialect::Cohere => "command-measured",
        Dialect::Ollama => "qwen-measured",
    }
    .to_owned();
    if dialect == Dialect::Responses {
        let levels = vec![Effort::Low, Effort::Medium, Effort::High];
        target.capabilities.reasoning = Reasoning::Effort { levels };
    }
    target
}

fn context(dialect: Dialect) -> DecodeContext {
    DecodeContext {
        provider: dialect.as_str().to_owned(),
        model: target(dialect).model,
        id_seed: "req_measured".to_owned(),
        ..DecodeContext::default()
    }
}

/// About that many bytes of plain English, no quote or control character among them.
fn prose(bytes: usize) -> String {
    const SENTENCES: [&str; 4] = [
        "The harbour was quiet when the first boats came back with the tide. ",
        "Nobody had asked why the lamp above the door was still burning at noon. ",
        "Seven letters lay on the table, and the last of them had no address. ",
        "She counted the steps twice; there were forty-one, as there had always been. ",
    ];
    let mut text: String = SENTENCES
        .iter()
        .cycle()
        .take(bytes.div_ceil(60) + 1)
        .copied()
        .collect();
    text.truncate(bytes);
    text
}
