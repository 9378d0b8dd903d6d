//! What a caller may ask for, each as the least request that asks for it.

use serde_json::{Value, json};

/// Where a feature stands in the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Members of the body.
    Parameters,
    /// Tools and what is said of them.
    Tools,
    /// What the answer must be.
    Output,
    /// Parts of messages.
    Content,
    /// Roles and turns.
    Messages,
}

impl Group {
    /// All of them, in the order of the tables.
    pub const ALL: &'static [Self] = &[
        Self::Parameters,
        Self::Tools,
        Self::Output,
        Self::Content,
        Self::Messages,
    ];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Parameters => "Parameters",
            Self::Tools => "Tools",
            Self::Output => "Output",
            Self::Content => "Content",
            Self::Messages => "Messages",
        }
    }
}

/// Something that a caller may ask for.
#[derive(Debug, Clone, Copy)]
pub struct Feature {
    /// Its name: that of the parameter where it is one.
    pub name: &'static str,
    /// Where it stands.
    pub group: Group,
    /// The member of the body that says it, as notes on dropped and changed members name it.
    pub member: &'static str,
    /// The request without it.
    pub base: fn() -> Value,
    /// Turns that request into one that asks for it.
    pub ask: fn(&mut Value),
}

/// A picture of one pixel.
const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

fn plain() -> Value {
    json!({"messages": [{"role": "user", "content": "Hi"}]})
}

fn streamed() -> Value {
    json!({"messages": [{"role": "user", "content": "Hi"}], "stream": true})
}

fn with_tools() -> Value {
    json!({
        "messages": [{"role": "user", "content": "Hi"}],
        "tools": [function("first"), function("second")],
    })
}

fn function(name: &str) -> Value {
    json!({"type": "function", "function": {
        "name": name,
        "description": "A tool.",
        "parameters": {"type": "object", "properties": {"x": {"type": "string"}}},
    }})
}

fn schema() -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": {
        "type": "object",
        "properties": {"answer": {"type": "string"}},
        "required": ["answer"],
        "additionalProperties": false,
    }}})
}

/// Sets a member of the body.
macro_rules! sets {
    ($name:literal, $group:ident, $base:ident, $value:expr) => {
        Feature {
            name: $name,
            group: Group::$group,
            member: $name,
            base: $base,
            ask: |body| put(body, $name, $value),
        }
    };
}

/// Says something under a name of its own.
macro_rules! says {
    ($name:literal, $group:ident, $member:literal, $base:ident, $ask:expr) => {
        Feature {
            name: $name,
            group: Group::$group,
            member: $member,
            base: $base,
            ask: $ask,
        }
    };
}

fn put(body: &mut Value, key: &str, value: Value) {
    if let Some(body) = body.as_object_mut() {
        body.insert(key.to_owned(), value);
    }
}

fn messages(body: &mut Value, messages: Value) {
    put(body, "messages", messages);
}

fn part(body: &mut Value, part: Value) {
    let text = json!({"type": "text", "text": "Hi"});
    messages(body, json!([{"role": "user", "content": [text, part]}]));
}

/// Everything that is asked of every provider.
pub const FEATURES: &[Feature] = &[
    sets!("temperature", Parameters, plain, json!(0.625)),
    sets!("top_p", Parameters, plain, json!(0.375)),
    sets!("top_k", Parameters, plain, json!(41)),
    sets!("max_completion_tokens", Parameters, plain, json!(1777)),
    sets!("stop", Parameters, plain, json!(["halt"])),
    sets!("n", Parameters, plain, json!(2)),
    sets!("seed", Parameters, plain, json!(424_242)),
    sets!("frequency_penalty", Parameters, plain, json!(0.125)),
    sets!("presence_penalty", Parameters, plain, json!(0.1875)),
    sets!("logit_bias", Parameters, plain, json!({"50256": -7})),
    sets!("logprobs", Parameters, plain, json!(true)),
    sets!("user", Parameters, plain, json!("a-user")),
    sets!("safety_identifier", Parameters, plain, json!("a-hash")),
    sets!("metadata", Parameters, plain, json!({"order": "a-117"})),
    sets!("service_tier", Parameters, plain, json!("flex")),
    sets!(
        "prediction",
        Parameters,
        plain,
        json!({"type": "content", "content": "as before"})
    ),
    sets!("verbosity", Parameters, plain, json!("low")),
    sets!("prompt_cache_key", Parameters, plain, json!("a-cache-key")),
    sets!("store", Parameters, plain, json!(true)),
    sets!("reasoning_effort", Parameters, plain, json!("high")),
    says!(
        "reasoning_effort: none",
        Parameters,
        "reasoning_effort",
        plain,
        |body| {
            put(body, "reasoning_effort", json!("none"));
        }
    ),
    sets!("web_search_options", Parameters, plain, json!({})),
    says!(
        "stream_options.include_usage",
        Parameters,
        "stream_options",
        streamed,
        |body| {
            put(body, "stream_options", json!({"include_usage": true}));
        }
    ),
    says!(
        "a parameter nobody knows",
        Parameters,
        "frobnicate",
        plain,
        |body| {
            put(body, "frobnicate", json!("on"));
        }
    ),
    says!("function tools", Tools, "tools", plain, |body| {
        put(body, "tools", json!([function("first")]));
    }),
    says!(
        "tool_choice: none",
        Tools,
        "tool_choice",
        with_tools,
        |body| {
            put(body, "tool_choice", json!("none"));
        }
    ),
    says!(
        "tool_choice: required",
        Tools,
        "tool_choice",
        with_tools,
        |body| {
            put(body, "tool_choice", json!("required"));
        }
    ),
    says!(
        "tool_choice: one tool",
        Tools,
        "tool_choice",
        with_tools,
        |body| {
            put(
                body,
                "tool_choice",
                json!({"type": "function", "function": {"name": "first"}}),
            );
        }
    ),
    says!(
        "tool_choice: allowed_tools",
        Tools,
        "tool_choice",
        with_tools,
        |body| {
            put(
                body,
                "tool_choice",
                json!({"type": "allowed_tools", "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "first"}}],
                }}),
            );
        }
    ),
    sets!("parallel_tool_calls", Tools, with_tools, json!(false)),
    says!(
        "strict tools",
        Tools,
        "tools[].function.strict",
        with_tools,
        |body| {
            if let Some(function) = body.pointer_mut("/tools/0/function") {
                put(function, "strict", json!(true));
            }
        }
    ),
    says!("custom tools", Tools, "tools", plain, |body| {
        put(
            body,
            "tools",
            json!([{"type": "custom", "custom": {"name": "first"}}]),
        );
    }),
    says!("json_object", Output, "response_format", plain, |body| {
        put(body, "response_format", json!({"type": "json_object"}));
    }),
    says!("json_schema", Output, "response_format", plain, |body| {
        put(body, "response_format", schema());
    }),
    says!(
        "json_schema with tools",
        Output,
        "response_format",
        with_tools,
        |body| {
            put(body, "response_format", schema());
        }
    ),
    says!(
        "json_schema, streamed",
        Output,
        "response_format",
        streamed,
        |body| {
            put(body, "response_format", schema());
        }
    ),
    says!("picture, inline", Content, "messages", plain, |body| {
        part(
            body,
            json!({"type": "image_url", "image_url": {"url": PIXEL}}),
        );
    }),
    says!("picture by URL", Content, "messages", plain, |body| {
        part(
            body,
            json!({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}),
        );
    }),
    says!("sound", Content, "messages", plain, |body| {
        part(
            body,
            json!({"type": "input_audio", "input_audio": {"data": "UklGRiQAAABXQVZF", "format": "wav"}}),
        );
    }),
    says!("PDF", Content, "messages", plain, |body| {
        part(
            body,
            json!({"type": "file", "file": {
                "filename": "a.pdf",
                "file_data": "data:application/pdf;base64,JVBERi0xLjQKJSVFT0YK",
            }}),
        );
    }),
    says!("video", Content, "messages", plain, |body| {
        part(
            body,
            json!({"type": "video_url", "video_url": {"url": "data:video/mp4;base64,AAAAIGZ0eXBpc29t"}}),
        );
    }),
    says!(
        "cache_control on a part",
        Content,
        "messages[].content[].cache_control",
        plain,
        |body| {
            let text =
                json!({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}});
            messages(body, json!([{"role": "user", "content": [text]}]));
        }
    ),
    says!(
        "developer message",
        Messages,
        "messages[].role",
        plain,
        |body| {
            messages(
                body,
                json!([
                    {"role": "developer", "content": "Be brief."},
                    {"role": "user", "content": "Hi"},
                ]),
            );
        }
    ),
    says!(
        "system message in between",
        Messages,
        "messages[].role",
        plain,
        |body| {
            messages(
                body,
                json!([
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Yes?"},
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "Go on"},
                ]),
            );
        }
    ),
    says!(
        "name of a speaker",
        Messages,
        "messages[].name",
        plain,
        |body| {
            messages(
                body,
                json!([{"role": "user", "name": "Ann", "content": "Hi"}]),
            );
        }
    ),
    says!(
        "beginning of the answer (prefill)",
        Messages,
        "messages",
        plain,
        |body| {
            messages(
                body,
                json!([
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": "Well"},
                ]),
            );
        }
    ),
    says!(
        "parallel tool results",
        Messages,
        "messages",
        with_tools,
        |body| {
            let call = |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
            messages(
                body,
                json!([
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": null, "tool_calls": [call("call_1", "first"), call("call_2", "second")]},
                    {"role": "tool", "tool_call_id": "call_1", "content": "one"},
                    {"role": "tool", "tool_call_id": "call_2", "content": "two"},
                ]),
            );
        }
    ),
    says!(
        "picture in a tool result",
        Messages,
        "messages",
        with_tools,
        |body| {
            messages(
                body,
                json!([
                    {"role": "user", "content": "Hi"},
                    {"role": "assistant", "content": null, "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "first", "arguments": "{}"}},
                    ]},
                    {"role": "tool", "tool_call_id": "call_1", "content": [
                        {"type": "image_url", "image_url": {"url": PIXEL}},
                    ]},
                ]),
            );
        }
    ),
];
