//! Pairs tool calls with their results and gives each pair an id that the wire takes
//! (wire-protocols §7). One machine for the dialects that order or rename their pairs.

use std::collections::{BTreeSet, VecDeque};

use crate::chat::Message;
use crate::classify::synthetic_call_id;
use crate::error::{EncodeError, EncodeErrorCode};
use crate::json::stable_hash;
use crate::notes::Notes;

/// The result of a call that was given none, where the policy is to repair that.
pub(crate) const NO_RESULT: &str = "No result was given for this call.";

/// What a wire takes as the id of a call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IdRule {
    /// Longest id in bytes.
    pub(crate) bytes_max: usize,
    /// Whether a character may stand in an id.
    pub(crate) allows: fn(char) -> bool,
}

/// Calls of the last assistant turn that wait for a result, and ids used so far.
#[derive(Debug)]
pub(crate) struct Pairing {
    rule: IdRule,
    pending: VecDeque<Pending>,
    used: BTreeSet<String>,
}

/// A call that got no result, where the policy is to give it one.
#[derive(Debug)]
pub(crate) struct Unanswered {
    /// How many calls stand before it.
    pub(crate) rank: usize,
    /// Its id on the wire.
    pub(crate) wire: String,
}

#[derive(Debug)]
struct Pending {
    /// The id as the caller gave it.
    given: String,
    /// The id on the wire.
    wire: String,
    name: String,
    /// Where the call stands in the request.
    at: String,
    /// How many calls stand before it: results go out in the order of their calls.
    rank: usize,
}

impl Pairing {
    /// No calls yet.
    pub(crate) const fn new(rule: IdRule) -> Self {
        Self {
            rule,
            pending: VecDeque::new(),
            used: BTreeSet::new(),
        }
    }

    /// The wire id of a call. Ids are rewritten only where the API refuses them or where they
    /// repeat: the nth call of an id pairs with the nth result.
    pub(crate) fn call(&mut self, given: &str, name: &str, message: usize, call: usize) -> String {
        let base = self.sanitised(given, name, message, call);
        let wire = (1_usize..)
            .map(|nth| match nth {
                1 => base.clone(),
                _ => self.rule.cut(&base, &format!("_{nth}")),
            })
            .find(|id| !self.used.contains(id))
            .unwrap_or_else(|| base.clone());
        let rank = self.used.len();
        self.used.insert(wire.clone());
        self.pending.push_back(Pending {
            rank,
            given: given.to_owned(),
            wire: wire.clone(),
            name: name.to_owned(),
            at: format!("messages[{message}].tool_calls[{call}].id"),
        });
        wire
    }

    /// Rank and wire id of the call that a result answers. Results without an id (legacy function
    /// messages) answer the first waiting call of that name.
    fn result(&mut self, given: Option<&str>, name: Option<&str>) -> Option<(usize, String)> {
        let at = match given.filter(|id| !id.is_empty()) {
            Some(id) => self.pending.iter().position(|call| call.given == id),
            None => self
                .pending
                .iter()
                .position(|call| name.is_none_or(|name| call.name == name)),
        }?;
        self.pending.remove(at).map(|call| (call.rank, call.wire))
    }

    /// Rank and wire id of the call that a tool message answers; `None` for one that answers no call
    /// and is left out, where the policy is to repair that.
    ///
    /// # Errors
    /// A result without a call, where it is not.
    pub(crate) fn answered(
        &mut self,
        at: usize,
        message: &Message,
        repair: bool,
        notes: &mut Notes,
    ) -> Result<Option<(usize, String)>, EncodeError> {
        let given = message.tool_call_id.as_deref();
        let found = self.result(given, message.name.as_deref());
        if found.is_none() {
            if !repair {
                return Err(EncodeError::new(
                    EncodeErrorCode::UnpairedToolCall,
                    format!("messages[{at}].tool_call_id"),
                    format!(
                        "The tool result `{}` answers no call of the assistant message before it. \
                         Send it right after the message that made the call.",
                        given.unwrap_or_default()
                    ),
                ));
            }
            notes.forget("messages[].tool_call_id");
        }
        Ok(found)
    }

    /// Whether calls wait for their results.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// The turn is over: calls that still wait are refused, or given back to get an error
    /// result each.
    pub(crate) fn settle(
        &mut self,
        repair: bool,
        notes: &mut Notes,
    ) -> Result<Vec<Unanswered>, EncodeError> {
        let mut results = Vec::new();
        for call in std::mem::take(&mut self.pending) {
            if !repair {
                return Err(EncodeError::new(
                    EncodeErrorCode::UnpairedToolCall,
                    call.at,
                    format!(
                        "The tool call `{}` of `{}` has no result. Send a `tool` message with \
                         that `tool_call_id` before the next assistant message.",
                        call.given, call.name
                    ),
                ));
            }
            notes.change("messages[].tool_calls", "error_result_added");
            results.push(Unanswered {
                rank: call.rank,
                wire: call.wire,
            });
        }
        Ok(results)
    }

    fn sanitised(&self, given: &str, name: &str, message: usize, call: usize) -> String {
        if given.is_empty() {
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            return synthetic_call_id(name, place(message), place(call));
        }
        if given.len() > self.rule.bytes_max {
            return synthetic_call_id(given, 0, 0);
        }
        if given.chars().all(self.rule.allows) {
            return given.to_owned();
        }
        let readable: String = given
            .chars()
            .map(|character| {
                if (self.rule.allows)(character) {
                    character
                } else {
                    '_'
                }
            })
            .collect();
        // The hash keeps ids apart that differ only in what was replaced.
        let hash = format!("_{:016x}", stable_hash(given.as_bytes()));
        self.rule.cut(&readable, &hash)
    }
}

impl IdRule {
    /// ASCII text with that behind it, cut so that both fit.
    fn cut(&self, text: &str, suffix: &str) -> String {
        let room = self.bytes_max.saturating_sub(suffix.len());
        let kept = text.get(..text.len().min(room)).unwrap_or(text);
        format!("{kept}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: IdRule = IdRule {
        bytes_max: 64,
        allows: |character| character.is_ascii_alphanumeric() || "_.:-".contains(character),
    };

    #[test]
    fn case_6_long_and_odd_ids_fit_and_stay_apart() {
        let mut pairing = Pairing::new(RULE);
        let long = "x".repeat(80);
        let longer = "x".repeat(81);
        let ids = [
            pairing.call("call:1.a", "t", 0, 0),
            pairing.call("call 1/a", "t", 0, 1),
            pairing.call(&long, "t", 0, 2),
            pairing.call(&longer, "t", 0, 3),
            pairing.call("", "t", 0, 4),
            pairing.call(&format!("{} ", "x".repeat(63)), "t", 0, 5),
        ];
        assert_eq!(ids[0], "call:1.a");
        for id in &ids {
            assert!(
                id.len() <= 64 && id.chars().all(|c| (RULE.allows)(c)),
                "{id}"
            );
        }
        assert!(
            ids.iter()
                .enumerate()
                .all(|(at, id)| !ids[..at].contains(id))
        );
        assert_eq!(pairing.result(Some(&longer), None).unwrap().1, ids[3]);
    }

    #[test]
    fn case_5_repeated_ids_pair_by_occurrence_within_the_length() {
        let mut pairing = Pairing::new(RULE);
        let id = "y".repeat(64);
        let first = pairing.call(&id, "t", 0, 0);
        let second = pairing.call(&id, "t", 0, 1);
        assert_ne!(first, second);
        assert_eq!(second.len(), 64);
        assert_eq!(pairing.result(Some(&id), None).unwrap(), (0, first));
        assert_eq!(pairing.result(Some(&id), None).unwrap(), (1, second));
    }
}
