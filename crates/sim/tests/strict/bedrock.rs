//! Bad Converse requests of our own, and good ones that must stay good.

use polyroute_sim::dialect::bedrock::accept::{accept_converse, accept_count};
use polyroute_sim::prompt::{Prompt, Refusal, ToolChoice};
use serde_json::{Value, json};

use crate::kit::{cases, refused, with, without};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const CLAUDE: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NEWER: &str = "us.anthropic.claude-opus-5-5";
const NOVA: &str = "us.amazon.nova-2-lite-v1:0";
const LLAMA: &str = "us.meta.llama4-maverick-17b-instruct-v1:0";
const MISTRAL: &str = "us.mistral.pixtral-large-2502-v1:0";

fn judge(model: &str, body: &Value) -> Result<Prompt, Refusal> {
    accept_converse(model, false, &serde_json::to_vec(body).unwrap())
}

fn user(content: Value) -> Value {
    json!({"role": "user", "content": content})
}

fn assistant(content: Value) -> Value {
    json!({"role": "assistant", "content": content})
}

fn base() -> Value {
    json!({"messages": [user(json!([{"text": "Name a river."}]))]})
}

fn saying(messages: Value) -> Value {
    with(&base(), &[("/messages", messages)])
}

fn holding(block: Value) -> Value {
    saying(json!([user(json!([{"text": "Look."}, block]))]))
}

fn tool(name: &str) -> Value {
    json!({"toolSpec": {"name": name, "inputSchema": {"json": {"type": "object", "properties": {}}}}})
}

fn offered() -> Value {
    with(
        &base(),
        &[("/toolConfig", json!({"tools": [tool("tide")]}))],
    )
}

fn choosing(choice: Value) -> Value {
    with(&offered(), &[("/toolConfig/toolChoice", choice)])
}

fn call(id: &str) -> Value {
    json!({"toolUse": {"toolUseId": id, "name": "tide", "input": {}}})
}

fn result(id: &str) -> Value {
    json!({"toolResult": {"toolUseId": id, "content": [{"text": "06:10"}]}})
}

fn looped(calls: Value, results: Value) -> Value {
    let turns = json!([
        user(json!([{"text": "Tides?"}])),
        assistant(calls),
        user(results)
    ]);
    with(&offered(), &[("/messages", turns)])
}

fn image(format: &str, bytes: &str) -> Value {
    json!({"image": {"format": format, "source": {"bytes": bytes}}})
}

fn document(name: &str) -> Value {
    json!({"document": {"format": "txt", "name": name, "source": {"bytes": "aGk="}}})
}

fn extra(fields: Value) -> Value {
    with(&base(), &[("/additionalModelRequestFields", fields)])
}

fn thinking(config: Value) -> Value {
    extra(json!({ "thinking": config }))
}

fn said(model: &str, cases: Vec<(&str, Value, &str)>) {
    for (name, body, words) in cases {
        refused(name, judge(model, &body), &[("/message", words)]);
    }
}

#[test]
fn shape_and_turns() {
    said(
        CLAUDE,
        cases![
            "no messages": without(&base(), "messages") => "~'messages' failed to satisfy constraint: Member must not be null";
            "unknown key": with(&base(), &[("/maxTokens", json!(1))]) => "~extraneous key [maxTokens]";
            "unknown block": holding(json!({"picture": {}})) => "~extraneous key [messages.1.member.content.2.member.picture]";
            "two members": holding(json!({"text": "a", "cachePoint": {"type": "default"}})) => "~exactly one union member";
            "temperature of 2": with(&base(), &[("/inferenceConfig/temperature", json!(1.5))]) => "~less than or equal to 1";
            "no tokens": with(&base(), &[("/inferenceConfig/maxTokens", json!(0))]) => "~greater than or equal to 1";
            "string content": saying(json!([{"role": "user", "content": "hi"}])) => "~Member must be of type list";
            "assistant first": saying(json!([assistant(json!([{"text": "Hi"}]))])) => "~must start with a user message";
            "two users": saying(json!([user(json!([{"text": "a"}])), user(json!([{"text": "b"}]))])) => "~must alternate";
            "empty content": saying(json!([user(json!([]))])) => "~content field in the Message object at messages.0 is empty";
            "blank text": saying(json!([user(json!([{"text": " "}]))])) => "~at messages.0.content.0 is blank";
            "empty system": with(&base(), &[("/system", json!([{"text": ""}]))]) => "~'system.1.member.text'";
            "system turn": saying(json!([user(json!([{"text": "a"}])), {"role": "system", "content": [{"text": "b"}]}])) => "~'system' is not supported";
            "picture of the assistant": saying(json!([user(json!([{"text": "a"}])), assistant(json!([image("png", PNG)]))])) => "~not allowed in a message with the assistant role";
            "prefill with a space": saying(json!([user(json!([{"text": "a"}])), assistant(json!([{"text": "I say "}]))])) => "~trailing whitespace";
        ],
    );
    let refuses = saying(json!([
        user(json!([{"text": "a"}])),
        assistant(json!([{"text": "I"}]))
    ]));
    said(
        NEWER,
        cases!["prefill": refuses.clone() => "~assistant message prefill";],
    );
    assert!(judge(CLAUDE, &refuses).is_ok());
    assert!(judge(CLAUDE, &with(&base(), &[("/system", json!([]))])).is_ok());
}

#[test]
fn section_7_calls_and_results() {
    let two = json!([call("a"), call("b")]);
    said(
        CLAUDE,
        cases![
            "no toolConfig": without(&looped(json!([call("a")]), json!([result("a")])), "toolConfig") => "~toolConfig field must be defined";
            "missing result": looped(two.clone(), json!([result("a")])) => "~Expected toolResult blocks at messages.2.content for the following Ids: b";
            "unknown result": looped(json!([call("a")]), json!([result("a"), result("z")])) => "~exceeds the number of toolUse blocks";
            "unanswered": with(&offered(), &[("/messages", json!([user(json!([{"text": "a"}])), assistant(json!([call("a")]))]))]) => "~Expected toolResult";
            "words before results": looped(json!([call("a")]), json!([{"text": "so"}, result("a")])) => "~Expected toolResult";
            "text behind calls": looped(json!([call("a"), {"text": "I look."}]), json!([result("a")])) => "~must come before the toolUse blocks";
            "bad id": looped(json!([call("a b")]), json!([result("a b")])) => "~pattern: [a-zA-Z0-9_.:-]+";
            "long id": looped(json!([call(&"x".repeat(65))]), json!([result(&"x".repeat(65))])) => "~pattern: [a-zA-Z0-9_.:-]+";
            "ids twice": looped(json!([call("a"), call("a")]), json!([result("a")])) => "~duplicate Ids";
            "no tools": with(&base(), &[("/toolConfig", json!({"tools": []}))]) => "~'toolConfig.tools' failed";
            "empty description": with(&offered(), &[("/toolConfig/tools/0/toolSpec/description", json!(""))]) => "~toolSpec.description";
            "bad name": with(&base(), &[("/toolConfig", json!({"tools": [tool("a.b")]}))]) => "~pattern: [a-zA-Z0-9_-]+";
            "no object": with(&offered(), &[("/toolConfig/tools/0/toolSpec/inputSchema/json", json!({"type": "string"}))]) => "~must be one of the following: object";
            "unknown choice": choosing(json!({"tool": {"name": "sun"}})) => "~is not among the tools";
            "no such choice": choosing(json!({"none": {}})) => "~extraneous key [toolConfig.toolChoice.none]";
            "error without words": looped(json!([call("a")]), json!([{"toolResult": {"toolUseId": "a", "status": "error", "content": [{"text": ""}]}}])) => "~status error and no content";
        ],
    );
    let any = choosing(json!({"any": {}}));
    said(
        LLAMA,
        cases!["any": any.clone() => "~doesn't support the toolConfig.toolChoice.any field";],
    );
    let named = choosing(json!({"tool": {"name": "tide"}}));
    said(
        MISTRAL,
        cases!["named": named.clone() => "~doesn't support the toolConfig.toolChoice.tool field";],
    );
    assert!(judge(MISTRAL, &any).is_ok());
    assert_eq!(
        judge(CLAUDE, &any).unwrap().tool_choice,
        ToolChoice::Required
    );
    // Ids with `:` and `.`, results in another order, a mark behind them.
    let good = looped(
        json!([{"text": "I look."}, call("a:1.x"), call("b")]),
        json!([result("b"), result("a:1.x"), {"cachePoint": {"type": "default"}}, {"text": "Briefly."}]),
    );
    let prompt = judge(CLAUDE, &good).unwrap();
    assert_eq!(prompt.tool_results.len(), 2);
    assert!(prompt.cache_marked);
    // Case 52: a pair of the provider's own inside one assistant turn.
    let served = looped(
        json!([
            {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}},
            {"toolResult": {"toolUseId": "s", "content": [{"text": "x"}], "type": "nova_grounding_result"}},
            call("a"),
        ]),
        json!([result("a")]),
    );
    assert!(judge(NOVA, &served).is_ok());
}

#[test]
fn section_6_media() {
    let s3 = json!({"image": {"format": "png", "source": {"s3Location": {"uri": "s3://b/k"}}}});
    let alone = saying(json!([user(json!([document("a")]))]));
    let twice = saying(json!([user(
        json!([{"text": "a"}, document("a"), document("a")])
    )]));
    said(
        CLAUDE,
        cases![
            "wrong format": holding(image("jpeg", PNG)) => "~appears to be a image/png image";
            "no picture": holding(image("png", "aGk=")) => "~Could not process image";
            "no bytes": holding(image("png", "")) => "~image.source.bytes";
            "svg": holding(image("svg", PNG)) => "~enum value set: [png, jpeg, gif, webp]";
            "bucket": holding(s3) => "This model doesn't support the s3Uri field. Remove s3Uri and try again.";
            "video": holding(json!({"video": {"format": "mp4", "source": {"bytes": "aGk="}}})) => "~doesn't support the video content block";
            "name": holding(document("a.b")) => "~The document file name can only contain";
            "spaces": holding(document("a  b")) => "~more than one consecutive whitespace";
            "names twice": twice => "~Duplicate document names";
            "document alone": alone => "~A text block is required";
        ],
    );
    let inside = json!([{"toolResult": {"toolUseId": "a", "content": [document("x")]}}]);
    let result = looped(json!([call("a")]), inside);
    said(
        NOVA,
        cases!["document in a result": result.clone() => "~extraneous key [toolResult] is not permitted";],
    );
    assert!(judge(CLAUDE, &result).is_ok());
    assert_eq!(judge(CLAUDE, &holding(image("png", PNG))).unwrap().media, 1);
}

#[test]
fn section_9_thinking_and_the_vendors_own_fields() {
    let budget = |tokens: u64| thinking(json!({"type": "enabled", "budget_tokens": tokens}));
    let warm = with(
        &budget(2000),
        &[(
            "/inferenceConfig",
            json!({"maxTokens": 4000, "temperature": 0.5}),
        )],
    );
    let small = with(
        &budget(2000),
        &[("/inferenceConfig", json!({"maxTokens": 1000}))],
    );
    let forced = with(
        &budget(2000),
        &[
            (
                "/toolConfig",
                json!({"tools": [tool("tide")], "toolChoice": {"any": {}}}),
            ),
            ("/inferenceConfig", json!({"maxTokens": 4000})),
        ],
    );
    let unsigned = saying(json!([
        user(json!([{"text": "a"}])),
        assistant(json!([{"reasoningContent": {"reasoningText": {"text": "hm"}}}, {"text": "b"}])),
        user(json!([{"text": "c"}])),
    ]));
    let thoughtless = with(
        &looped(json!([call("a")]), json!([result("a")])),
        &[
            (
                "/additionalModelRequestFields",
                json!({"thinking": {"type": "enabled", "budget_tokens": 2000}}),
            ),
            ("/inferenceConfig", json!({"maxTokens": 4000})),
        ],
    );
    said(
        CLAUDE,
        cases![
            "unknown field": extra(json!({"top_q": 1})) => "~top_q: Extra inputs are not permitted";
            "temperature": warm => "~may only be set to 1 when thinking is enabled";
            "budget": small => "~budget_tokens";
            "forced": forced => "~Thinking may not be enabled when tool_choice forces tool use";
            "unsigned": unsigned => "~thinking.signature: Field required";
            "thoughtless loop": thoughtless => "~Expected `thinking`";
            "both": with(&base(), &[("/inferenceConfig", json!({"temperature": 0.5, "topP": 0.9}))]) => "~cannot both be specified";
        ],
    );
}

#[test]
fn section_9_newer_claude_and_other_vendors() {
    let budget = |tokens: u64| thinking(json!({"type": "enabled", "budget_tokens": tokens}));
    said(
        NEWER,
        cases![
            "enabled": budget(2000) => "~thinking.type.enabled";
            "temperature": with(&base(), &[("/inferenceConfig/temperature", json!(0.5))]) => "~`temperature` is deprecated for this model";
            "top_k": extra(json!({"top_k": 5})) => "~`top_k` is deprecated for this model";
        ],
    );
    let nova = |effort: &str| {
        extra(json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": effort}}))
    };
    said(
        NOVA,
        cases![
            "Claude's": thinking(json!({"type": "adaptive"})) => "~extraneous key [thinking]";
            "max": nova("max") => "~not a valid reasoning configuration";
            "high and limited": with(&nova("high"), &[("/inferenceConfig/maxTokens", json!(100))]) => "~must be unset";
        ],
    );
    assert!(judge(NOVA, &nova("low")).unwrap().thinking);
    assert!(judge(NOVA, &extra(json!({"inferenceConfig": {"topK": 10}}))).is_ok());
    said(
        LLAMA,
        cases!["any field": extra(json!({"top_k": 1})) => "~extraneous key [top_k]";],
    );
}

#[test]
fn section_10_marks_metadata_and_formats() {
    let mark = json!({"cachePoint": {"type": "default"}});
    let five: Vec<Value> = (0..5)
        .flat_map(|_| [json!({"text": "a"}), mark.clone()])
        .collect();
    let format = |schema: &str| {
        with(
            &base(),
            &[(
                "/outputConfig",
                json!({"textFormat": {"type": "json_schema",
            "structure": {"jsonSchema": {"schema": schema, "name": "a"}}}}),
            )],
        )
    };
    said(
        CLAUDE,
        cases![
            "mark first": saying(json!([user(json!([mark, {"text": "a"}]))])) => "~must follow content";
            "five marks": saying(json!([user(json!(five))])) => "~maximum of 4 blocks";
            "ttl": holding(json!({"cachePoint": {"type": "default", "ttl": "1d"}})) => "~enum value set: [5m, 1h]";
            "metadata": with(&base(), &[("/requestMetadata", json!({"a": "é"}))]) => "~'requestMetadata' failed";
            "schema as object": with(&format("{}"), &[("/outputConfig/textFormat/structure/jsonSchema/schema", json!({}))]) => "~Member must be of type string";
            "no schema": format("nonsense") => "~no valid JSON schema";
            "open schema": format(r#"{"type":"object","properties":{}}"#) => "~'additionalProperties' must be explicitly set to false";
            "tier": with(&base(), &[("/serviceTier", json!({"type": "scale"}))]) => "~priority, default, flex, reserved";
        ],
    );
    let marked = saying(json!([user(json!([{"text": "a"}, mark]))]));
    said(
        LLAMA,
        cases!["marks": marked.clone() => "~did not allow prompt caching";],
    );
    assert!(judge(NOVA, &marked).unwrap().cache_marked);
    let closed = format(r#"{"type":"object","properties":{},"additionalProperties":false}"#);
    assert!(judge(CLAUDE, &closed).unwrap().schema.is_some());
}

#[test]
fn section_14_token_counts() {
    let count = |body: Value| accept_count(CLAUDE, &serde_json::to_vec(&body).unwrap());
    let good = count(json!({"input": {"converse": base()}})).unwrap();
    assert_eq!(good.last_user_text, "Name a river.");
    refused(
        "neither",
        count(json!({"input": {}})),
        &[("/message", "~exactly one of")],
    );
    let bad = json!({"input": {"converse": {"messages": []}}});
    refused(
        "no messages",
        count(bad),
        &[("/message", "~start with a user message")],
    );
}
