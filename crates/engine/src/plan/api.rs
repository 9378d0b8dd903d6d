//! Which of OpenAI's two APIs a request goes to at a provider that has both: the caller speaks chat
//! completions either way.

use polyroute_wire::capability::{Capabilities, ResponsesUse};
use polyroute_wire::chat::Effort;
use polyroute_wire::dialect::Dialect;

use super::ExcludeReason;
use crate::catalog::Kind;
use crate::facts::Speaks;
use crate::needs::{ApiNeeds, Operation};
use crate::snapshot::ApiChoice;

/// The dialect in which a request goes to a provider.
///
/// # Errors
/// A model that does not answer such requests, or only over the API that the configuration rules
/// out.
pub(super) fn choose(
    speaks: Speaks,
    kind: Kind,
    takes: &Capabilities,
    operation: Operation,
    needs: ApiNeeds,
) -> Result<Dialect, ExcludeReason> {
    let chats = matches!(operation, Operation::Chat | Operation::InputTokens);
    let has_both = speaks.both && speaks.dialect == Dialect::OpenAi && chats;
    match (kind, operation) {
        (Kind::Responses, Operation::Chat | Operation::InputTokens)
            if speaks.dialect == Dialect::Responses => {}
        (Kind::Responses, _) if has_both && speaks.choice != ApiChoice::Chat => {
            return Ok(Dialect::Responses);
        }
        (Kind::Chat, Operation::Chat | Operation::Completions | Operation::InputTokens)
        | (Kind::Embedding, Operation::Embedding)
        | (Kind::Completion, Operation::Completions)
        | (Kind::Moderation, Operation::Moderations)
        | (Kind::Rerank | Kind::Other, Operation::Rerank) => {}
        (kind, _) => return Err(ExcludeReason::WrongKind(kind)),
    }
    if !has_both {
        return Ok(speaks.dialect);
    }
    let responds = match speaks.choice {
        ApiChoice::Chat => false,
        ApiChoice::Responses => true,
        // Only that one counts (wire-protocols §14).
        ApiChoice::Auto if operation == Operation::InputTokens && speaks.counts => !needs.chat_only,
        ApiChoice::Auto => !needs.chat_only && is_better(takes.responses, needs),
    };
    Ok(if responds {
        Dialect::Responses
    } else {
        Dialect::OpenAi
    })
}

fn is_better(when: ResponsesUse, needs: ApiNeeds) -> bool {
    match when {
        ResponsesUse::Never => false,
        ResponsesUse::ToolsWithEffort => {
            needs.tools && needs.effort.is_some_and(|effort| effort > Effort::None)
        }
        ResponsesUse::ToolsUnlessOff => needs.tools && needs.effort != Some(Effort::None),
        ResponsesUse::Preferred => true,
    }
}
