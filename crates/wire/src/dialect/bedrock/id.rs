//! Model ids: base models, inference profiles and ARNs (wire-protocols §1).

use crate::adapter::Target;
use crate::capability::ConverseFields;
use crate::error::EncodeError;
use crate::notes::invalid;
use crate::url::percent_encode;

/// Longest id that the API takes (`ConversationalModelId` of its service model).
const ID_BYTES_MAX: usize = 2_048;

/// What the ids of system-defined inference profiles begin with: where the call may be served.
const PROFILES: [&str; 12] = [
    "us", "us-gov", "eu", "apac", "ap", "jp", "au", "ca", "sa", "me", "af", "global",
];

/// The base model's id behind an inference profile or an ARN, for look-ups:
/// `anthropic.claude-sonnet-4-6` of `eu.anthropic.claude-sonnet-4-6`. An id that hides its model (an
/// application profile, provisioned throughput) stays as it is.
#[must_use]
pub fn base_model(id: &str) -> &str {
    let name = match id.strip_prefix("arn:") {
        Some(arn) => arn.rsplit_once('/').map_or(id, |(_, name)| name),
        None => id,
    };
    match name.split_once('.') {
        Some((profile, model)) if PROFILES.contains(&profile) && model.contains('.') => model,
        _ => name,
    }
}

/// The vendor that an id names (`anthropic`, `amazon`, `meta`), if it names one.
pub(super) fn vendor(id: &str) -> Option<&str> {
    base_model(id).split_once('.').map(|(vendor, _)| vendor)
}

/// Whose own fields the model takes.
pub(super) fn fields(target: &Target) -> ConverseFields {
    let said = target.capabilities.converse_fields;
    if said != ConverseFields::ByVendor {
        return said;
    }
    match base_model(&target.model).split_once('.') {
        Some(("anthropic", _)) => ConverseFields::Anthropic,
        Some(("amazon", model)) if model.starts_with("nova") => ConverseFields::Nova,
        Some(("openai", _)) => ConverseFields::OpenAi,
        Some(("qwen", _)) => ConverseFields::Qwen,
        Some(("mistral", _)) => ConverseFields::Mistral,
        Some(("cohere", _)) => ConverseFields::Cohere,
        _ => ConverseFields::None,
    }
}

/// `/model/{id}/converse` or `/model/{id}/converse-stream`, the id as one encoded segment.
///
/// # Errors
/// A name that is no model id.
pub(super) fn path(model: &str, stream: bool) -> Result<String, EncodeError> {
    let fits = !model.is_empty()
        && model.len() <= ID_BYTES_MAX
        && !model.bytes().all(|byte| byte == b'.')
        && model
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !b"\\?#%".contains(&byte))
        && (model.starts_with("arn:") || !model.contains('/'));
    if !fits {
        return Err(invalid(
            "model",
            format!(
                "`{model}` is no model id of Bedrock. Use one such as \
                 `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, or an ARN."
            ),
        ));
    }
    let call = if stream {
        "converse-stream"
    } else {
        "converse"
    };
    Ok(format!("/model/{}/{call}", percent_encode(model)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_1_bedrock_ids_are_one_encoded_segment() {
        for (model, segment) in [
            ("us.amazon.nova-2-lite-v1:0", "us.amazon.nova-2-lite-v1%3A0"),
            (
                "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-x",
                "arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2Feu.anthropic.claude-x",
            ),
        ] {
            assert_eq!(
                path(model, false).unwrap(),
                format!("/model/{segment}/converse")
            );
            assert_eq!(
                path(model, true).unwrap(),
                format!("/model/{segment}/converse-stream")
            );
        }
    }

    #[test]
    fn a_model_name_never_leaves_its_segment() {
        for model in [
            "", ".", "..", "a/b", "../x", "a?b", "a#b", "a%2Fb", "a b", "a\nb", "é",
        ] {
            assert_eq!(
                path(model, false).unwrap_err().param.as_deref(),
                Some("model"),
                "{model}"
            );
        }
    }

    #[test]
    fn section_1_inference_profiles_lead_to_their_base_model() {
        let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.meta.llama4-x-v1:0";
        for (id, base) in [
            ("anthropic.claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"),
            (
                "us.anthropic.claude-sonnet-4-6",
                "anthropic.claude-sonnet-4-6",
            ),
            ("us-gov.anthropic.claude-x", "anthropic.claude-x"),
            ("global.anthropic.claude-x", "anthropic.claude-x"),
            ("eu.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                "amazon.nova-lite-v1:0",
            ),
            (arn, "meta.llama4-x-v1:0"),
            (
                "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc123",
                "abc123",
            ),
            ("us.model", "us.model"),
        ] {
            assert_eq!(base_model(id), base);
        }
        assert_eq!(vendor(arn), Some("meta"));
        assert_eq!(vendor("abc123"), None);
    }
}
