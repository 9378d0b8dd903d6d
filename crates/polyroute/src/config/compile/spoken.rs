//! Which of a provider's APIs is spoken, and what goes with it.

use polyroute_engine::catalog::ProviderEntry;
use polyroute_engine::snapshot::ApiChoice;
use polyroute_wire::dialect::cohere::API_VERSIONS;
use polyroute_wire::think_tags::ThinkTags;

use super::Context;
use crate::config::file::{self, Dialect};
use crate::config::path::KeyPath;
use crate::config::problem::Origin;

/// The context of a server that cuts what exceeds it.
pub(super) fn num_ctx(
    file: &file::Provider,
    dialect: Dialect,
    rules: Option<&ProviderEntry>,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<u64> {
    let tokens = file.num_ctx?;
    let is_ollama = |row: &ProviderEntry| row.connection.dialect == Dialect::Ollama;
    let path = path.key("num_ctx");
    if dialect != Dialect::Ollama && !rules.is_some_and(is_ollama) {
        let reason = "`num_ctx` means something to Ollama only";
        context.problems.advise(path, reason, "remove it");
    } else if tokens == 0 {
        let hint = "write tokens, such as `32768`, or remove it";
        context
            .problems
            .advise(path, "a context holds something", hint);
    }
    Some(tokens)
}

/// A provider's second API where its own is better: said, since callers would not notice.
pub(super) fn note_worse(
    rules: Option<&ProviderEntry>,
    dialect: Dialect,
    origin: Origin,
    context: &mut Context<'_>,
) {
    let Some(connection) = rules.map(|row| &row.connection) else {
        return;
    };
    if let Some(also) = connection
        .also
        .as_ref()
        .filter(|also| also.dialect == dialect)
    {
        let api = match also.dialect {
            Dialect::OpenAi => "OpenAI-compatible",
            other => other.as_str(),
        };
        let reason = format!("{}'s {api} API {}", connection.title, also.worse);
        let hint = format!("end the URL before `{}` to use its own API", also.path);
        context.problems.warn(origin, reason, hint);
    }
}

/// The API that the file names, which only a provider of OpenAI's dialect has a choice of.
pub(super) fn api(
    file: &file::Provider,
    dialect: Dialect,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> ApiChoice {
    if file.api.is_some() && dialect != Dialect::OpenAi {
        let reason = "`api` chooses between OpenAI's two APIs, and this provider speaks another";
        context
            .problems
            .advise(path.key("api"), reason, "remove it");
    }
    match file.api {
        None | Some(file::Api::Auto) => ApiChoice::Auto,
        Some(file::Api::Chat) => ApiChoice::Chat,
        Some(file::Api::Responses) => ApiChoice::Responses,
    }
}

/// The version that the file names; Cohere's are known, and another one is a slip.
pub(super) fn api_version(
    file: &file::Provider,
    dialect: Dialect,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Option<String> {
    let version = file.api_version.as_deref()?;
    if dialect == Dialect::Cohere && !API_VERSIONS.contains(&version) {
        let reason = "Cohere's API has no such version";
        let hint = "write `v1` for a deployment that serves nothing newer, or `v2`, which is the \
                    default";
        context
            .problems
            .advise(path.key("api_version"), reason, hint);
    }
    Some(version.to_owned())
}

/// What the file says of thoughts that stand in the text.
pub(super) const fn think_tags(written: file::ThinkTags) -> ThinkTags {
    match written {
        file::ThinkTags::Off => ThinkTags::Off,
        file::ThinkTags::Split => ThinkTags::Split,
        file::ThinkTags::Opened => ThinkTags::Opened,
    }
}
