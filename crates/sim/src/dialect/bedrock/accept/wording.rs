//! Refusals in the words of AWS: `{"message"}`, status 400.

use crate::dialect::bedrock::render::error;
use crate::prompt::Refusal;
use crate::strict::{Fault, Finding, Kind, Step};

/// A 400 `ValidationException`.
pub(super) fn refuse(message: &str) -> Refusal {
    Refusal {
        status: 400,
        body: error(message),
    }
}

/// What the model behind the service refuses.
pub(super) fn model_refuses(message: &str) -> Refusal {
    refuse(&format!(
        "The model returned the following errors: {message}"
    ))
}

/// A finding of the shape check.
pub(super) fn found(finding: &Finding) -> Refusal {
    let path = path(&finding.path);
    let constraint = match &finding.fault {
        // The service skips what it does not know; a caller who sends it believes otherwise.
        Fault::Unknown => {
            return refuse(&format!(
                "Malformed input request: extraneous key [{path}] is not permitted, please \
                 reformat your input and try again."
            ));
        }
        Fault::Missing => "Member must not be null".to_owned(),
        Fault::Type { expected, .. } => format!("Member must be of type {}", noun(expected)),
        Fault::Word { allowed, .. } | Fault::Variant { allowed, .. } => {
            format!(
                "Member must satisfy enum value set: [{}]",
                allowed.join(", ")
            )
        }
        Fault::Below { bound, .. } => {
            format!("Member must have value greater than or equal to {bound}")
        }
        Fault::Above { bound, .. } => {
            format!("Member must have value less than or equal to {bound}")
        }
    };
    refuse(&format!(
        "1 validation error detected: Value at '{path}' failed to satisfy constraint: {constraint}"
    ))
}

fn noun(expected: &[Kind]) -> &'static str {
    match expected.first() {
        Some(Kind::Text) | None => "string",
        Some(Kind::Bool) => "boolean",
        Some(Kind::Int) => "integer",
        Some(Kind::Num) => "float",
        Some(Kind::Object) => "structure",
        Some(Kind::Texts | Kind::List) => "list",
    }
}

/// `messages.1.member.content`: the service counts list members from 1.
fn path(steps: &[Step]) -> String {
    let words = steps.iter().filter_map(|step| match step {
        Step::Key(key) => Some(key.clone()),
        Step::Index(index) => Some(format!("{}.member", index + 1)),
        Step::Tag(_) => None,
    });
    words.collect::<Vec<_>>().join(".")
}
