//! Whether to call tools, which ones, and with what arguments.

use serde_json::Value;

use super::{Call, schema};
use crate::prompt::{Prompt, ToolChoice, ToolOffer};
use crate::seed::Dice;

/// The calls that the model makes now; empty where it answers in text.
///
/// It calls when the caller forces it, when the user's text names a tool, or when a telling word
/// of a tool's name is in the text (`weather` for `get_weather`). "both" or "parallel" gives one
/// call for each tool that may be called, or two calls of a lone one. JSON objects in the text
/// become the arguments, in order.
pub fn calls(prompt: &Prompt, dice: &mut Dice) -> Vec<Call> {
    let (allowed, forced): (Vec<&ToolOffer>, bool) = match &prompt.tool_choice {
        ToolChoice::None => return Vec::new(),
        ToolChoice::Auto => (prompt.tools.iter().collect(), false),
        ToolChoice::Required => (prompt.tools.iter().collect(), true),
        ToolChoice::Named(names) => (
            prompt
                .tools
                .iter()
                .filter(|tool| names.contains(&tool.name))
                .collect(),
            true,
        ),
    };
    let Some(first) = allowed.first() else {
        return Vec::new();
    };
    if !forced && !prompt.tool_results.is_empty() {
        return Vec::new();
    }
    let text = prompt.last_user_text.to_lowercase();
    let named = allowed.iter().find(|tool| names_tool(&text, &tool.name));
    let hinted = allowed.iter().find(|tool| hints_at_tool(&text, &tool.name));
    let several = prompt.parallel_tools && (text.contains("both") || text.contains("parallel"));
    let chosen: Vec<&ToolOffer> = match (several, named.or(hinted), forced) {
        (false, None, false) => Vec::new(),
        (false, Some(tool), _) => vec![tool],
        (false, None, true) => vec![first],
        (true, None, false) if allowed.len() > 1 && !text.contains("parallel") => Vec::new(),
        (true, _, _) if allowed.len() == 1 => vec![first, first],
        (true, _, _) => allowed.clone(),
    };
    let mut given = objects_in(&prompt.last_user_text).into_iter();
    chosen
        .into_iter()
        .map(|tool| call(tool, prompt, given.next(), dice))
        .collect()
}

fn call(tool: &ToolOffer, prompt: &Prompt, given: Option<Value>, dice: &mut Dice) -> Call {
    let arguments = if tool.custom {
        prompt.last_user_text.clone()
    } else {
        given
            .unwrap_or_else(|| schema::instance(&tool.schema, &prompt.last_user_text, dice))
            .to_string()
    };
    Call {
        name: tool.name.clone(),
        arguments,
        custom: tool.custom,
    }
}

fn names_tool(text: &str, name: &str) -> bool {
    let name = name.to_lowercase();
    text.contains(&name) || text.contains(&name.replace(['_', '-'], " "))
}

fn hints_at_tool(text: &str, name: &str) -> bool {
    const COMMON: &[&str] = &[
        "tool", "call", "find", "list", "from", "with", "current", "function",
    ];
    name.to_lowercase()
        .split(|sign: char| !sign.is_alphanumeric())
        .filter(|word| word.len() >= 4 && !COMMON.contains(word))
        .any(|word| text.contains(word))
}

/// The JSON objects that stand in a text.
pub(super) fn objects_in(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, tail)) = rest.split_once('{') {
        let Some(candidate) = rest
            .len()
            .checked_sub(tail.len() + 1)
            .and_then(|at| rest.get(at..))
        else {
            break;
        };
        let mut values = serde_json::Deserializer::from_str(candidate).into_iter::<Value>();
        match values.next() {
            Some(Ok(value @ Value::Object(_))) => {
                found.push(value);
                rest = candidate.get(values.byte_offset()..).unwrap_or("");
            }
            _ => rest = tail,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prompt(text: &str, tools: &[&str]) -> Prompt {
        let offer = |name: &&str| ToolOffer {
            name: (*name).to_owned(),
            schema: json!({"type": "object", "properties": {"city": {"type": "string"}}}),
            custom: false,
        };
        Prompt {
            last_user_text: text.to_owned(),
            tools: tools.iter().map(offer).collect(),
            parallel_tools: true,
            ..Prompt::default()
        }
    }

    fn called(prompt: &Prompt) -> Vec<String> {
        calls(prompt, &mut Dice::new(1, &[]))
            .into_iter()
            .map(|call| call.name)
            .collect()
    }

    #[test]
    fn text_decides_unless_forced() {
        let tools = ["get_weather", "get_time"];
        assert!(called(&prompt("tell me a story", &tools)).is_empty());
        assert_eq!(
            called(&prompt("what is the weather?", &tools)),
            ["get_weather"]
        );
        assert_eq!(called(&prompt("call get_time now", &tools)), ["get_time"]);
        let mut forced = prompt("tell me a story", &tools);
        forced.tool_choice = ToolChoice::Required;
        assert_eq!(called(&forced), ["get_weather"]);
        forced.tool_choice = ToolChoice::Named(vec!["get_time".to_owned()]);
        assert_eq!(called(&forced), ["get_time"]);
        forced.tool_choice = ToolChoice::None;
        assert!(called(&forced).is_empty());
    }

    #[test]
    fn parallel_needs_leave() {
        let mut both = prompt("weather and time, both", &["get_weather", "get_time"]);
        assert_eq!(called(&both), ["get_weather", "get_time"]);
        both.parallel_tools = false;
        assert_eq!(called(&both), ["get_weather"]);
        assert_eq!(
            called(&prompt("weather in both", &["get_weather"])).len(),
            2
        );
    }

    #[test]
    fn results_end_the_calling() {
        let mut done = prompt("what is the weather?", &["get_weather"]);
        done.tool_results = vec![("get_weather".to_owned(), "sunny".to_owned())];
        assert!(called(&done).is_empty());
    }

    #[test]
    fn json_in_the_text_becomes_arguments() {
        let asked = prompt(
            r#"get_weather {"city": "Rome"} {oops} {"city":"Oslo"} both"#,
            &["get_weather"],
        );
        let made = calls(&asked, &mut Dice::new(1, &[]));
        let arguments: Vec<&str> = made.iter().map(|call| call.arguments.as_str()).collect();
        assert_eq!(arguments, [r#"{"city":"Rome"}"#, r#"{"city":"Oslo"}"#]);
    }
}
