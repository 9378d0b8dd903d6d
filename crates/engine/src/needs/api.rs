//! What of a chat request decides which of OpenAI's two APIs it goes to. Cheap enough to be looked
//! up where there is only one target: nothing but a few members of the top level is read.

use polyroute_wire::chat::Effort;
use polyroute_wire::json::RawObject;
use serde::Deserialize;
use serde_json::Value;

/// What a request has to do with the choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApiNeeds {
    /// There are tools.
    pub tools: bool,
    /// The effort that the caller asks for.
    pub effort: Option<Effort>,
    /// It asks for something that only chat completions have: several choices, or an answer in
    /// sound.
    pub chat_only: bool,
}

#[derive(Deserialize)]
struct Reasoning {
    effort: Option<String>,
}

impl ApiNeeds {
    /// Of the top level of a request's body. What can't be read counts as absent: its reader will
    /// say what is wrong with it.
    #[must_use]
    pub fn peek(raw: &RawObject<'_>) -> Self {
        let filled = |key: &str| {
            let list = raw.get(key).and_then(|text| text.strip_prefix('['));
            list.is_some_and(|rest| !rest.trim_start().starts_with(']'))
        };
        let word = |key: &str| serde_json::from_str::<String>(raw.get(key)?).ok();
        let nested = || {
            let text = raw.get("reasoning")?;
            serde_json::from_str::<Reasoning>(text).ok()?.effort
        };
        let effort = word("reasoning_effort").or_else(nested);
        let choices = raw.get("n").and_then(|text| text.parse::<u32>().ok());
        let speaks = raw.get("modalities").is_some_and(|text| {
            let modes: Value = serde_json::from_str(text).unwrap_or_default();
            let is_other = |mode: &Value| mode != "text";
            modes
                .as_array()
                .is_some_and(|modes| modes.iter().any(is_other))
        });
        Self {
            tools: filled("tools") || filled("functions"),
            effort: effort.as_deref().and_then(Effort::parse),
            chat_only: choices.is_some_and(|choices| choices > 1) || speaks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peek(body: &str) -> ApiNeeds {
        ApiNeeds::peek(&RawObject::parse(body.as_bytes()).unwrap())
    }

    #[test]
    fn case_46_tools_and_effort_are_found_in_each_spelling() {
        let tools = r#""tools": [{"type": "function"}]"#;
        for (body, effort) in [
            (
                format!(r#"{{{tools}, "reasoning_effort": "high"}}"#),
                Some(Effort::High),
            ),
            (
                format!(r#"{{{tools}, "reasoning": {{"effort": "low"}}}}"#),
                Some(Effort::Low),
            ),
            (format!(r#"{{{tools}, "reasoning_effort": null}}"#), None),
            (format!(r#"{{{tools}, "reasoning_effort": 7}}"#), None),
            (r#"{"functions": [{}]}"#.to_owned(), None),
        ] {
            let needs = peek(&body);
            assert!(needs.tools, "{body}");
            assert_eq!(needs.effort, effort, "{body}");
            assert!(!needs.chat_only, "{body}");
        }
        for body in [r#"{"tools": [ ]}"#, r#"{"tools": null}"#, "{}"] {
            assert_eq!(peek(body), ApiNeeds::default(), "{body}");
        }
    }

    #[test]
    fn what_only_chat_completions_have_is_noticed() {
        assert!(peek(r#"{"n": 2}"#).chat_only);
        assert!(peek(r#"{"modalities": ["text", "audio"]}"#).chat_only);
        assert!(!peek(r#"{"n": 1, "modalities": ["text"]}"#).chat_only);
    }
}
