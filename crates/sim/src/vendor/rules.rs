//! Rules that several vendors share.

use serde_json::Value;

use super::accept::says;
use super::errors::Complaint;
use super::judge::Asking;
use crate::strict::{list, text};

/// Tool calls that the results after them leave out, and results that no call asked for.
pub(super) struct Unpaired {
    /// The message where it shows.
    pub(super) index: usize,
    /// A call without result; else a result without call.
    pub(super) call: bool,
}

/// The first call or result without its other half.
pub(super) fn unpaired(messages: &[Value]) -> Option<Unpaired> {
    let mut open: Vec<&str> = Vec::new();
    let mut known: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if text(message, "role") == "tool" {
            let id = text(message, "tool_call_id");
            if !known.contains(&id) {
                let call = false;
                return Some(Unpaired { index, call });
            }
            open.retain(|waiting| *waiting != id);
            continue;
        }
        if !open.is_empty() {
            let call = true;
            return Some(Unpaired { index, call });
        }
        open = list(message, "tool_calls")
            .iter()
            .map(|call| text(call, "id"))
            .collect();
        known.clone_from(&open);
    }
    (!open.is_empty()).then_some(Unpaired {
        index: messages.len(),
        call: true,
    })
}

/// OpenAI's words for a call or a result without its other half.
pub(super) fn pairs(asking: &Asking<'_>) -> Result<(), Complaint> {
    match unpaired(asking.messages()) {
        None => Ok(()),
        Some(half) if half.call => Err(Complaint::invalid(
            "An assistant message with 'tool_calls' must be followed by tool messages responding \
             to each 'tool_call_id'. (insufficient tool messages following tool_calls message)",
        )),
        Some(_) => Err(Complaint::invalid(
            "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'",
        )),
    }
}

/// The first offered tool whose name is not of 1 to 64 letters, digits, `_` and `-`: its number and
/// its name.
pub(super) fn odd_name<'a>(asking: &Asking<'a>) -> Option<(usize, &'a str)> {
    let fits = |sign: char| sign.is_ascii_alphanumeric() || "_-".contains(sign);
    let odd = |name: &str| name.is_empty() || name.len() > 64 || !name.chars().all(fits);
    let tools = list(asking.body, "tools").iter().enumerate();
    let names = tools.filter_map(|(at, tool)| {
        let function = tool.get("function")?;
        Some((at, text(function, "name")))
    });
    names.into_iter().find(|(_, name)| odd(name))
}

/// Tool names as OpenAI wants them, in its words.
pub(super) fn tool_names(asking: &Asking<'_>) -> Result<(), Complaint> {
    match odd_name(asking) {
        None => Ok(()),
        Some((at, _)) => Err(Complaint::invalid(format!(
            "Invalid 'tools[{at}].function.name': string does not match pattern. Expected a \
             string that matches the pattern '^[a-zA-Z0-9_-]{{1,64}}$'."
        ))),
    }
}

/// JSON mode asks for the word.
pub(super) fn json_word(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.format() != "json_object" || says(asking, "json") {
        return Ok(());
    }
    Err(Complaint::invalid(
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type \
         'json_object'.",
    ))
}

/// A conversation has messages.
pub(super) fn some_messages(asking: &Asking<'_>) -> Result<(), Complaint> {
    if asking.messages().is_empty() {
        return Err(Complaint::invalid("[] is too short - 'messages'").param("messages"));
    }
    Ok(())
}

/// An effort other than none asks for thoughts.
pub(super) fn by_effort(asking: &Asking<'_>) -> bool {
    !matches!(asking.text("reasoning_effort"), "" | "none")
}

/// Thoughts come where nothing says otherwise.
pub(super) fn unless_off(asking: &Asking<'_>) -> bool {
    asking.text("reasoning_effort") != "none"
}
