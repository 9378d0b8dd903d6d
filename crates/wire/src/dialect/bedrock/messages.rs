//! The conversation as Converse turns: roles merged, results first, instructions at their place
//! (wire-protocols §5).

use serde_json::{Value, json};

use super::assistant::{self, is_thought};
use super::content::{self, Context, mark};
use super::id::fields;
use super::media::DocumentNames;
use crate::capability::ConverseFields;
use crate::chat::{ChatRequest, Message, Part, Role};
use crate::error::{EncodeError, EncodeErrorCode};
use crate::names::NameMap;
use crate::notes::{Notes, invalid, unsupported, unsupported_content};
use crate::pairing::{IdRule, NO_RESULT, Pairing, Unanswered};
use crate::turn_text::{CONTINUE, OPENING};

/// Stands beside documents that come without a word: the API wants a text with them.
const ATTACHED: &str = "(See the attached document.)";
/// Says what a failed tool did not say: the API wants words with an error.
const FAILED: &str = "The tool failed and said nothing.";

/// `[A-Za-z0-9_.:-]{1,64}`.
const CALL_IDS: IdRule = IdRule {
    bytes_max: 64,
    allows: |character| character.is_ascii_alphanumeric() || "_.:-".contains(character),
};

/// Who speaks a turn on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    User,
    Assistant,
    System,
}

/// One entry of the wire's `messages`.
#[derive(Debug)]
struct Turn {
    speaker: Speaker,
    /// Index of the request's message that began it.
    at: usize,
    /// Tool results with the ranks of their calls: nothing may stand before them. A mark follows
    /// its result.
    results: Vec<(usize, Vec<Value>)>,
    blocks: Vec<Value>,
}

/// System blocks and turns.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// Blocks of the leading system messages, a list a message.
    system: Vec<Vec<Value>>,
    turns: Vec<Turn>,
}

/// Builds the turns of a request.
pub(super) fn build(
    request: &ChatRequest,
    context: Context<'_>,
    names: &NameMap,
    notes: &mut Notes,
) -> Result<Conversation, EncodeError> {
    let mut builder = Builder {
        conversation: Conversation::default(),
        pairing: Pairing::new(CALL_IDS),
        documents: DocumentNames::default(),
        context,
        names,
        notes,
    };
    for (at, message) in request.messages.iter().enumerate() {
        builder.take(at, message)?;
    }
    builder.settle(request.messages.len())?;
    let mut conversation = builder.conversation;
    conversation.start_with_user(notes)?;
    if let Some(empty) = conversation.turns.iter().find(|turn| turn.is_empty()) {
        return Err(invalid(
            format!("messages[{}].content", empty.at),
            "The user message is empty. Send text, or leave the message out.",
        ));
    }
    for turn in &mut conversation.turns {
        turn.put_words_to_documents(notes);
    }
    Ok(conversation)
}

impl Turn {
    const fn new(speaker: Speaker, at: usize) -> Self {
        Self {
            speaker,
            at,
            results: Vec::new(),
            blocks: Vec::new(),
        }
    }

    fn is_empty(&self) -> bool {
        self.results.is_empty() && self.blocks.is_empty()
    }

    fn put_words_to_documents(&mut self, notes: &mut Notes) {
        let has = |kind: &str| self.blocks.iter().any(|block| block.get(kind).is_some());
        if has("document") && !has("text") {
            self.blocks.push(json!({ "text": ATTACHED }));
            notes.change("messages[].content", "text_added");
        }
    }

    /// White space at the end of a prefill is refused by the API.
    fn trim_end(&mut self) {
        if let Some(text) = self.blocks.last_mut().and_then(|last| last.get_mut("text")) {
            let trimmed = text.as_str().unwrap_or_default().trim_end().to_owned();
            *text = trimmed.into();
        }
    }

    fn into_wire(mut self) -> Value {
        let role = match self.speaker {
            Speaker::User => "user",
            Speaker::Assistant => "assistant",
            Speaker::System => "system",
        };
        // In the order of the calls, so that tools that end in another order change no byte.
        self.results.sort_by_key(|(rank, _)| *rank);
        let results = self.results.into_iter().flat_map(|(_, blocks)| blocks);
        let content: Vec<Value> = results.chain(self.blocks).collect();
        json!({"role": role, "content": content})
    }
}

impl Conversation {
    /// Adds a line of ours at the end of the instructions.
    pub(super) fn instruct(&mut self, text: &str) {
        self.system.push(vec![json!({ "text": text })]);
    }

    /// The wire's `system` and `messages`.
    pub(super) fn into_wire(self) -> (Vec<Value>, Vec<Value>) {
        (
            self.system.into_iter().flatten().collect(),
            self.turns.into_iter().map(Turn::into_wire).collect(),
        )
    }

    /// Whether calls or results stand anywhere: the API then wants a `toolConfig`.
    pub(super) fn speaks_of_tools(&self) -> bool {
        let is_tool =
            |block: &Value| block.get("toolUse").is_some() || block.get("toolResult").is_some();
        self.turns
            .iter()
            .any(|turn| !turn.results.is_empty() || turn.blocks.iter().any(is_tool))
    }

    /// Whether the conversation stands inside a tool loop whose assistant turn does not begin with
    /// a thought: with a thinking budget Claude refuses it.
    pub(super) fn loop_lacks_thinking(&self) -> bool {
        let asked = self
            .turns
            .iter()
            .rposition(|turn| turn.speaker == Speaker::Assistant);
        let Some((call, answers)) = asked.and_then(|at| self.turns.get(at..)?.split_first()) else {
            return false;
        };
        answers.iter().any(|turn| !turn.results.is_empty())
            && !call.blocks.first().is_some_and(is_thought)
    }

    /// Lets the model continue its trailing message, or asks it to in a user turn, or refuses.
    pub(super) fn settle_prefill(
        &mut self,
        taken: bool,
        rewrite: bool,
        notes: &mut Notes,
    ) -> Result<(), EncodeError> {
        let Some(last) = self.turns.last_mut() else {
            return Ok(());
        };
        // A turn that ends with a server tool's block is a paused one and may always go on.
        let is_prefill = last.speaker == Speaker::Assistant
            && last.blocks.last().is_some_and(|block| {
                block.get("text").is_some() || block.get("cachePoint").is_some()
            });
        if !is_prefill {
            return Ok(());
        }
        let at = last.at;
        if taken {
            last.trim_end();
            return Ok(());
        }
        if !rewrite {
            return Err(unsupported(
                format!("messages[{at}]"),
                "This model does not continue a trailing assistant message. End the conversation \
                 with a user message.",
            ));
        }
        let mut turn = Turn::new(Speaker::User, at);
        turn.blocks.push(json!({ "text": CONTINUE }));
        self.turns.push(turn);
        notes.change("messages[]", "continue_request_added");
        Ok(())
    }

    fn start_with_user(&mut self, notes: &mut Notes) -> Result<(), EncodeError> {
        if self.turns.is_empty() {
            // Instructions alone: the last of them is what is asked (wire-protocols §5).
            let blocks = self.system.pop().unwrap_or_default();
            if blocks.is_empty() {
                return Err(invalid(
                    "messages",
                    "There is no message with content. Send at least one user message.",
                ));
            }
            let mut turn = Turn::new(Speaker::User, 0);
            turn.blocks = blocks;
            self.turns.push(turn);
            notes.change("messages[].role", "user");
        } else if let Some(first) = self.turns.first()
            && first.speaker == Speaker::Assistant
        {
            let mut turn = Turn::new(Speaker::User, first.at);
            turn.blocks.push(json!({ "text": OPENING }));
            self.turns.insert(0, turn);
            notes.change("messages[]", "user_turn_added");
        }
        Ok(())
    }
}

struct Builder<'a> {
    conversation: Conversation,
    pairing: Pairing,
    documents: DocumentNames,
    context: Context<'a>,
    names: &'a NameMap,
    notes: &'a mut Notes,
}

impl Builder<'_> {
    fn take(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        if message.name.is_some() && message.role != Role::Tool {
            self.notes
                .drop("messages[].name", "the API has no names of speakers")?;
        }
        match message.role {
            Role::System | Role::Developer => self.system(at, message),
            Role::User => self.user(at, message),
            Role::Tool => self.tool(at, message),
            Role::Assistant => self.assistant(at, message),
        }
    }

    /// The last turn if that speaker has it, else a new one: the API wants speakers to alternate.
    fn turn(&mut self, speaker: Speaker, at: usize) -> &mut Turn {
        let turns = &mut self.conversation.turns;
        if turns.last().is_none_or(|turn| turn.speaker != speaker) {
            turns.push(Turn::new(speaker, at));
        }
        let last = turns.len().saturating_sub(1);
        #[expect(
            clippy::indexing_slicing,
            reason = "there is a last turn: one was pushed if there was none"
        )]
        &mut turns[last]
    }

    fn system(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        for (index, part) in message.parts.iter().enumerate() {
            let is_instruction = match part {
                Part::Text { .. } => true,
                Part::Unknown { kind, .. } => kind == "guardContent" || kind == "cachePoint",
                _ => false,
            };
            if !is_instruction {
                return Err(unsupported_content(
                    format!("messages[{at}].content[{index}]"),
                    "System messages hold text only. Move other content to a user message.",
                ));
            }
        }
        let blocks = self.blocks(at, message)?;
        if blocks.is_empty() {
            return Ok(());
        }
        let Some(last) = self.conversation.turns.last() else {
            self.conversation.system.push(blocks);
            return Ok(());
        };
        let in_place = self.context.target.capabilities.mid_conversation_system
            && last.speaker != Speaker::Assistant
            && !self.pairing.is_waiting();
        if in_place {
            self.turn(Speaker::System, at).blocks.extend(blocks);
        } else {
            let folded = blocks.into_iter().map(marked_as_system);
            self.turn(Speaker::User, at).blocks.extend(folded);
        }
        Ok(())
    }

    fn user(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let blocks = self.blocks(at, message)?;
        self.turn(Speaker::User, at).blocks.extend(blocks);
        Ok(())
    }

    fn assistant(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        self.settle(at)?;
        let target = self.context.target;
        let blocks = assistant::blocks(
            message,
            at,
            target,
            self.names,
            &mut self.pairing,
            self.notes,
        )?;
        if !blocks.is_empty() {
            self.turn(Speaker::Assistant, at).blocks.extend(blocks);
        }
        Ok(())
    }

    fn tool(&mut self, at: usize, message: &Message) -> Result<(), EncodeError> {
        let given = message.tool_call_id.as_deref();
        let Some((rank, id)) = self.pairing.result(given, message.name.as_deref()) else {
            if self.context.target.policy.repair_orphans {
                self.notes.forget("messages[].tool_call_id");
                return Ok(());
            }
            return Err(EncodeError::new(
                EncodeErrorCode::UnpairedToolCall,
                format!("messages[{at}].tool_call_id"),
                format!(
                    "The tool result `{}` answers no call of the assistant message before it. \
                     Send it right after the message that made the call.",
                    given.unwrap_or_default()
                ),
            ));
        };
        let target = self.context.target;
        let (mut content, mut media) = (Vec::new(), Vec::new());
        for (index, part) in message.parts.iter().enumerate() {
            match part {
                // Blank text is taken here.
                Part::Text { text, .. } => content.push(json!({ "text": text })),
                part => {
                    let place = format!("messages[{at}].content[{index}]");
                    let into = if target.capabilities.tool_result_media {
                        &mut content
                    } else {
                        &mut media
                    };
                    let names = &mut self.documents;
                    content::push(part, &place, self.context, names, into, self.notes)?;
                }
            }
        }
        // Marks inside a result are no blocks of a result: one behind the result stands for them.
        let mut cache_control = message.cache_control.as_ref();
        for part in &message.parts {
            if let Part::Text {
                cache_control: Some(mark),
                ..
            }
            | Part::Image {
                cache_control: Some(mark),
                ..
            }
            | Part::File {
                cache_control: Some(mark),
                ..
            } = part
            {
                cache_control = cache_control.or(Some(mark));
            }
        }
        content.retain(|block| block.get("cachePoint").is_none());
        let mut blocks = vec![result(&id, content, message.is_error, self.context)];
        let field = "messages[].cache_control";
        mark(&mut blocks, cache_control, field, target, self.notes)?;
        let turn = self.turn(Speaker::User, at);
        turn.results.push((rank, blocks));
        // Where results hold text only, pictures follow the whole group of results.
        turn.blocks.extend(media);
        Ok(())
    }

    /// Before the next assistant turn or the end: every call must have its result.
    fn settle(&mut self, at: usize) -> Result<(), EncodeError> {
        let repair = self.context.target.policy.repair_orphans;
        let missing = self.pairing.settle(repair, self.notes)?;
        let context = self.context;
        for Unanswered { rank, wire } in missing {
            let block = result(&wire, vec![json!({ "text": NO_RESULT })], true, context);
            self.turn(Speaker::User, at)
                .results
                .push((rank, vec![block]));
        }
        Ok(())
    }

    /// The parts of a message, with the mark of the message behind them.
    fn blocks(&mut self, at: usize, message: &Message) -> Result<Vec<Value>, EncodeError> {
        let mut blocks = Vec::with_capacity(message.parts.len());
        for (index, part) in message.parts.iter().enumerate() {
            let place = format!("messages[{at}].content[{index}]");
            let names = &mut self.documents;
            content::push(part, &place, self.context, names, &mut blocks, self.notes)?;
        }
        let (field, target) = ("messages[].cache_control", self.context.target);
        mark(
            &mut blocks,
            message.cache_control.as_ref(),
            field,
            target,
            self.notes,
        )?;
        Ok(blocks)
    }
}

/// A `toolResult` block. Only Claude and Nova take its `status`; others are told in words.
fn result(id: &str, mut content: Vec<Value>, is_error: bool, context: Context<'_>) -> Value {
    let has_status = matches!(
        fields(context.target),
        ConverseFields::Anthropic | ConverseFields::Nova
    );
    let says_nothing = content.iter().all(|block| {
        let text = block.get("text").and_then(Value::as_str);
        text.is_some_and(|text| text.trim().is_empty())
    });
    if says_nothing {
        content = vec![json!({ "text": if is_error { FAILED } else { " " } })];
    } else if is_error && !has_status {
        content.insert(0, json!({"text": "The tool failed:"}));
    }
    let mut block = json!({"toolUseId": id, "content": content});
    if is_error
        && has_status
        && let Some(members) = block.as_object_mut()
    {
        members.insert("status".to_owned(), "error".into());
    }
    json!({ "toolResult": block })
}

/// An instruction inside a user turn, marked as what it is.
fn marked_as_system(mut block: Value) -> Value {
    if let Some(text) = block.get_mut("text") {
        let said = text.as_str().unwrap_or_default();
        *text = format!("<system>\n{said}\n</system>").into();
    }
    block
}
