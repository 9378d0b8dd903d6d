//! What a whole answer says that is passed on as it is: the few members that are looked at, found
//! without building the rest.

use std::borrow::Cow;

use serde_json::Value;

use super::super::response;
use super::super::usage::PlainUsage;
use super::TapSummary;
use crate::adapter::DecodeContext;
use crate::error::UpstreamError;
use crate::json::scan::Scanner;
use crate::json::text_of;

/// Looks at a whole answer that is passed on as it is.
///
/// # Errors
/// The failure that it turned out to be: an error object under a 2xx, no JSON, no choices.
pub fn tap_whole(body: &[u8]) -> Result<TapSummary, UpstreamError> {
    if let Some(summary) = peek(body) {
        return Ok(summary);
    }
    // Anything out of the ordinary is read in full.
    let answer = response::decode(body, &DecodeContext::default())?;
    let first = answer.choices.first();
    Ok(TapSummary {
        finish_reason: first.and_then(|choice| choice.finish_reason),
        native_finish_reason: first.and_then(|choice| choice.native_finish_reason.clone()),
        has_tool_calls: answer
            .choices
            .iter()
            .any(|choice| !choice.message.tool_calls.is_empty()),
        usage: answer.usage,
        model: answer.model,
        id: answer.id,
        service_tier: answer.service_tier,
        system_fingerprint: answer.system_fingerprint,
        done: true,
        lacks_message: lacks_message(body),
    })
}

fn lacks_message(body: &[u8]) -> bool {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let choices = value.get("choices").and_then(Value::as_array);
    choices
        .into_iter()
        .flatten()
        .any(|choice| !choice.get("message").is_some_and(Value::is_object))
}

/// The few members of a whole answer that are looked at, the rest skipped.
#[derive(Default)]
struct Peek<'a> {
    id: Option<Cow<'a, str>>,
    model: Option<Cow<'a, str>>,
    choices: bool,
    finish_reason: Option<Cow<'a, str>>,
    has_tool_calls: bool,
    usage: Option<&'a str>,
    service_tier: Option<Cow<'a, str>>,
    system_fingerprint: Option<Cow<'a, str>>,
}

impl<'a> Peek<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut peek = Self::default();
        let mut scanner = Scanner::new(text);
        scanner.members(|scanner, key| match key.as_ref() {
            "id" => once(&mut peek.id, scanner.string()?),
            "model" => once(&mut peek.model, scanner.string()?),
            "service_tier" if !scanner.is_null() => once(&mut peek.service_tier, scanner.string()?),
            "system_fingerprint" if !scanner.is_null() => {
                once(&mut peek.system_fingerprint, scanner.string()?)
            }
            "usage" if !scanner.is_null() => once(&mut peek.usage, scanner.value()?),
            "error" => scanner.is_null().then_some(()),
            "choices" if !std::mem::replace(&mut peek.choices, true) => {
                scanner.elements(|scanner| peek.choice(scanner))
            }
            "service_tier" | "system_fingerprint" | "usage" => Some(()),
            "choices" => None,
            _ => scanner.value().map(|_| ()),
        })?;
        scanner.end()?;
        Some(peek)
    }

    fn choice(&mut self, scanner: &mut Scanner<'a>) -> Option<()> {
        let (mut finish_reason, mut has_message) = (None, false);
        scanner.members(|scanner, key| match key.as_ref() {
            "finish_reason" => once(&mut finish_reason, scanner.string()?),
            "message" if !std::mem::replace(&mut has_message, true) => self.message(scanner),
            "message" => None,
            _ => scanner.value().map(|_| ()),
        })?;
        let finish_reason = finish_reason?;
        self.finish_reason.get_or_insert(finish_reason);
        has_message.then_some(())
    }

    fn message(&mut self, scanner: &mut Scanner<'a>) -> Option<()> {
        scanner.members(|scanner, key| match key.as_ref() {
            "tool_calls" if !scanner.is_null() => scanner.elements(|scanner| {
                self.has_tool_calls = true;
                scanner.value().map(|_| ())
            }),
            "tool_calls" => Some(()),
            _ => scanner.value().map(|_| ()),
        })
    }
}

/// Keeps what stands once; twice is out of the ordinary.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// A plain good answer; `None` if it is anything else.
fn peek(body: &[u8]) -> Option<TapSummary> {
    let peek = Peek::read(text_of(body).ok()?)?;
    let word = peek.finish_reason.as_deref()?;
    if matches!(word, "" | "error" | "function_call") {
        return None;
    }
    let usage = match peek.usage {
        Some(usage) => Some(serde_json::from_str::<PlainUsage>(usage).ok()?.read()?),
        None => None,
    };
    Some(TapSummary {
        usage,
        finish_reason: Some(response::finish_reason(Some(word), peek.has_tool_calls)),
        native_finish_reason: Some(word.to_owned()),
        model: peek.model?.into_owned(),
        id: peek.id?.into_owned(),
        service_tier: peek.service_tier.map(Cow::into_owned),
        system_fingerprint: peek.system_fingerprint.map(Cow::into_owned),
        has_tool_calls: peek.has_tool_calls,
        done: true,
        lacks_message: false,
    })
}
