//! Puts an answer together: thoughts, text or calls, limits, and the token counts.

use serde_json::json;

use super::cache::Hit;
use super::{Answer, Call, Finish, Turn, Usage, schema, text, tokens, tools};
use crate::models::{Dialect, Known, Thinking};
use crate::prompt::Prompt;
use crate::seed::Dice;

/// Input tokens that an image, clip or file costs.
const MEDIA_TOKENS: u64 = 258;
/// Input tokens that each message costs beside its text.
const MESSAGE_TOKENS: u64 = 3;

/// The seeded answer to a prompt: the same for the same seed, model and texts.
pub fn answer(prompt: &Prompt, known: &Known, seed: u64, hit: Hit) -> Answer {
    let turns = (0..prompt.choices.max(1))
        .map(|choice| turn(prompt, known, seed, choice))
        .collect();
    finish(prompt, known, turns, hit)
}

/// Limits the turns as the request says and counts the tokens.
pub fn finish(prompt: &Prompt, known: &Known, turns: Vec<Turn>, hit: Hit) -> Answer {
    let turns: Vec<Turn> = turns
        .into_iter()
        .map(|turn| limit(turn, prompt, known))
        .collect();
    let usage = usage(prompt, known, &turns, hit);
    Answer { turns, usage }
}

/// Input tokens of a prompt.
pub fn input_tokens(prompt: &Prompt) -> u64 {
    let texts: u64 = prompt
        .texts
        .iter()
        .map(|text| tokens(text) + MESSAGE_TOKENS)
        .sum();
    (texts + u64::from(prompt.media) * MEDIA_TOKENS).max(1)
}

fn turn(prompt: &Prompt, known: &Known, seed: u64, choice: u32) -> Turn {
    let choice = choice.to_string();
    let mut words = vec![
        known.model.name,
        choice.as_str(),
        prompt.last_user_text.as_str(),
    ];
    words.extend(prompt.texts.iter().map(String::as_str));
    let mut dice = Dice::new(seed, &words);
    let thinks = match known.model.thinking {
        Thinking::Never => false,
        Thinking::Asked => prompt.thinking,
        Thinking::Always => true,
    };
    let thinking = thinks.then(|| text::thoughts(&mut dice, &prompt.last_user_text));
    let calls = tools::calls(prompt, &mut dice);
    if !calls.is_empty() {
        return Turn {
            thinking,
            text: None,
            calls,
            finish: Finish::ToolCalls,
        };
    }
    let text = Some(speech(prompt, &mut dice));
    Turn {
        thinking,
        text,
        calls,
        finish: Finish::Stop,
    }
}

fn speech(prompt: &Prompt, dice: &mut Dice) -> String {
    let asked = prompt.last_user_text.as_str();
    if asked.contains("echo:") {
        return text::reply(dice, asked);
    }
    if let Some(wanted) = &prompt.schema {
        return schema::instance(wanted, asked, dice).to_string();
    }
    if prompt.json_mode {
        // A schema that stands in the instructions is followed, as a model would.
        let told = prompt.texts.iter().flat_map(|text| tools::objects_in(text));
        if let Some(told) = told
            .into_iter()
            .find(|told| told.get("properties").is_some())
        {
            return schema::instance(&told, asked, dice).to_string();
        }
        return json!({ "answer": text::reply(dice, asked) }).to_string();
    }
    if !prompt.tool_results.is_empty() {
        return text::about_results(&prompt.tool_results);
    }
    text::reply(dice, asked)
}

fn limit(mut turn: Turn, prompt: &Prompt, known: &Known) -> Turn {
    if let Some(said) = &turn.text
        && let Some((kept, stop)) = text::cut_at_stop(said, &prompt.stop)
    {
        turn.text = Some(kept);
        turn.calls.clear();
        turn.finish = Finish::StopSequence(stop);
    }
    let allowed = known
        .model
        .output_max
        .min(prompt.max_output_tokens.unwrap_or(u64::MAX));
    let thought = turn.thinking.as_deref().map_or(0, tokens);
    let left = allowed.saturating_sub(thought);
    if let Some(cut) = turn
        .thinking
        .as_deref()
        .and_then(|said| text::cut_to_tokens(said, allowed))
    {
        turn.thinking = Some(cut);
        turn.finish = Finish::Length;
    }
    if let Some(cut) = turn
        .text
        .as_deref()
        .and_then(|said| text::cut_to_tokens(said, left))
    {
        turn.text = Some(cut);
        turn.finish = Finish::Length;
    }
    let spoken = turn.text.as_deref().map_or(0, tokens);
    if turn.calls.iter().map(call_tokens).sum::<u64>() + spoken > left {
        // A cut call is no call: what was whole stays.
        turn.calls.clear();
        turn.finish = Finish::Length;
    }
    turn
}

fn call_tokens(call: &Call) -> u64 {
    tokens(&call.name) + tokens(&call.arguments)
}

fn usage(prompt: &Prompt, known: &Known, turns: &[Turn], hit: Hit) -> Usage {
    let input = input_tokens(prompt);
    let marks_only = matches!(known.model.dialect, Dialect::Anthropic | Dialect::Bedrock);
    let hit = if marks_only && !prompt.cache_marked {
        Hit::default()
    } else {
        hit
    };
    let read = hit.read.min(input);
    let written = if marks_only {
        hit.written.min(input - read)
    } else {
        0
    };
    let visible = |turn: &Turn| {
        turn.text.as_deref().map_or(0, tokens) + turn.calls.iter().map(call_tokens).sum::<u64>()
    };
    Usage {
        input_fresh: input - read - written,
        cache_read: read,
        cache_write: written,
        output_visible: turns.iter().map(visible).sum(),
        thinking: turns
            .iter()
            .filter_map(|turn| turn.thinking.as_deref())
            .map(tokens)
            .sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::find;

    fn prompt(text: &str) -> Prompt {
        Prompt {
            model: "gpt-4o".to_owned(),
            choices: 1,
            texts: vec![text.to_owned()],
            last_user_text: text.to_owned(),
            ..Prompt::default()
        }
    }

    fn known(dialect: Dialect, name: &str) -> Known {
        find(dialect, name, false).unwrap()
    }

    #[test]
    fn same_seed_same_answer_other_seed_other_answer() {
        let model = known(Dialect::Openai, "gpt-4o");
        let asked = prompt("tell me about otters");
        let one = answer(&asked, &model, 1, Hit::default());
        assert_eq!(one, answer(&asked, &model, 1, Hit::default()));
        let others = (2..8).map(|seed| answer(&asked, &model, seed, Hit::default()));
        assert!(others.into_iter().any(|other| other != one));
    }

    #[test]
    fn limit_on_a_thinking_model_can_leave_no_text() {
        let mut asked = prompt("hello");
        asked.max_output_tokens = Some(1);
        let made = answer(&asked, &known(Dialect::Openai, "o3"), 1, Hit::default());
        assert_eq!(made.turns[0].text.as_deref(), Some(""));
        assert_eq!(made.turns[0].finish, Finish::Length);
        assert_eq!(made.usage.output_total(), 1);
    }

    #[test]
    fn stop_sequence_cuts_and_is_named() {
        let mut asked = prompt("echo:one END two");
        asked.stop = vec!["END".to_owned()];
        let made = answer(&asked, &known(Dialect::Openai, "gpt-4o"), 1, Hit::default());
        assert_eq!(made.turns[0].text.as_deref(), Some("one "));
        assert_eq!(made.turns[0].finish, Finish::StopSequence("END".to_owned()));
    }

    #[test]
    fn json_mode_follows_a_schema_in_the_instructions() {
        let mut asked = prompt("a city");
        asked.json_mode = true;
        let told = r#"Answer in JSON that fits {"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;
        asked.texts.insert(0, told.to_owned());
        let model = known(Dialect::Openai, "gpt-4o");
        let made = answer(&asked, &model, 1, Hit::default());
        let said: serde_json::Value =
            serde_json::from_str(made.turns[0].text.as_deref().unwrap()).unwrap();
        assert!(said["city"].is_string() && said.get("answer").is_none());
    }

    #[test]
    fn cache_counts_follow_the_dialect() {
        let hit = Hit {
            read: 1_024,
            written: 128,
        };
        let mut asked = prompt(&"x".repeat(8_000));
        let openai = answer(&asked, &known(Dialect::Openai, "gpt-4o"), 1, hit).usage;
        assert_eq!((openai.cache_read, openai.cache_write), (1_024, 0));
        let claude = known(Dialect::Anthropic, "claude-sonnet-4-5");
        assert_eq!(answer(&asked, &claude, 1, hit).usage.cache_read, 0);
        asked.cache_marked = true;
        let marked = answer(&asked, &claude, 1, hit).usage;
        assert_eq!((marked.cache_read, marked.cache_write), (1_024, 128));
        assert_eq!(marked.input_total(), openai.input_total());
    }
}
