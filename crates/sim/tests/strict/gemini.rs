//! Bad Gemini requests of our own, and good ones that must stay good.

use http::HeaderMap;
use polyroute_sim::dialect::gemini::accept::{
    accept_count, accept_embed, accept_generate, accept_vertex_generate,
};
use polyroute_sim::prompt::{Prompt, Refusal, ToolChoice};
use serde_json::{Value, json};

use crate::kit::{cases, refused, with, without};

const MODEL: &str = "gemini-2.5-flash";
/// Base64 of `skip_thought_signature_validator`, which the API documents for foreign calls.
const SKIP: &str = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=";

fn judge_for(model: &str, body: &Value) -> Result<Prompt, Refusal> {
    accept_generate(
        model,
        false,
        &HeaderMap::new(),
        &serde_json::to_vec(body).unwrap(),
    )
}

fn judge(body: &Value) -> Result<Prompt, Refusal> {
    judge_for(MODEL, body)
}

fn base() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "Name a river."}]}]})
}

fn config(config: Value) -> Value {
    with(&base(), &[("/generationConfig", config)])
}

fn function(parameters: Value) -> Value {
    json!([{"functionDeclarations": [{"name": "tide", "parameters": parameters}]}])
}

fn offered() -> Value {
    let parameters = json!({"type": "OBJECT", "properties": {"port": {"type": "STRING"}}});
    with(&base(), &[("/tools", function(parameters))])
}

fn schema(parameters: Value) -> Value {
    with(&base(), &[("/tools", function(parameters))])
}

fn looped() -> Value {
    with(
        &offered(),
        &[(
            "/contents",
            json!([
                {"role": "user", "parts": [{"text": "High water at Brest and Cork?"}]},
                {"role": "model", "parts": [
                    {"functionCall": {"name": "tide", "args": {"port": "Brest"}}, "thoughtSignature": SKIP},
                    {"functionCall": {"name": "tide", "args": {"port": "Cork"}}},
                ]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "tide", "response": {"result": "04:42"}}},
                    {"functionResponse": {"name": "tide", "response": {"result": "06:10"}}},
                ]},
            ]),
        )],
    )
}

fn part(part: Value) -> Value {
    with(&base(), &[("/contents/0/parts/0", part)])
}

/// Name, body, part of the message.
type Case = (&'static str, Value, &'static str);

fn hold_for(model: &str, cases: Vec<Case>) {
    for (name, body, message) in cases {
        let fragment = format!("~{message}");
        let expected = [
            ("/error/code", "400"),
            ("/error/status", "INVALID_ARGUMENT"),
            ("/error/message", fragment.as_str()),
        ];
        refused(name, judge_for(model, &body), &expected);
    }
}

fn hold(cases: Vec<Case>) {
    hold_for(MODEL, cases);
}

#[test]
fn good_requests_are_accepted() {
    let snake = json!({
        "contents": [{"role": "user", "parts": [{"inline_data": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}, {"text": "?"}]}],
        "system_instruction": {"parts": {"text": "Be brief."}},
        "generation_config": {"max_output_tokens": 40.0, "topK": 3, "stopSequences": ["a"]},
        "toolConfig": {"function_calling_config": {"mode": "any"}},
        "tools": [{"function_declarations": [{"name": "t:a.b-c", "parametersJsonSchema": {"$schema": "x", "type": "object", "oneOf": []}}]}],
    });
    let good = [
        base(),
        looped(),
        snake,
        without(
            &with(
                &base(),
                &[("/contents/0", json!({"parts": [{"text": "a"}]}))],
            ),
            "tools",
        ),
        config(json!({"thinkingConfig": {"thinkingBudget": -1, "includeThoughts": true}})),
        config(json!({"seed": "7", "responseModalities": ["text"], "temperature": null})),
        schema(
            json!({"type": "object", "properties": {"default": {"type": "STRING", "nullable": true, "title": "D"}}, "required": ["default"]}),
        ),
        part(json!({"fileData": {"fileUri": "https://www.youtube.com/watch?v=abc"}})),
    ];
    for body in good {
        assert!(judge(&body).is_ok(), "{body}: {:?}", judge(&body));
    }
    assert!(judge_for("gemini-3-flash", &looped()).is_ok());
}

#[test]
fn vertex_knows_more() {
    let only_there = [
        with(&base(), &[("/labels", json!({"team": "a"}))]),
        part(
            json!({"fileData": {"mimeType": "image/png", "fileUri": "https://example.com/a.png"}}),
        ),
        with(
            &base(),
            &[("/modelArmorConfig", json!({"promptTemplateName": "p"}))],
        ),
    ];
    for body in only_there {
        let bytes = serde_json::to_vec(&body).unwrap();
        assert!(
            accept_vertex_generate(MODEL, true, &HeaderMap::new(), &bytes).is_ok(),
            "{body}"
        );
        assert!(judge(&body).is_err(), "{body}");
    }
    // And reads the tier from a header.
    let tiered = with(&base(), &[("/serviceTier", json!("PRIORITY"))]);
    assert!(judge(&tiered).is_ok());
    let bytes = serde_json::to_vec(&tiered).unwrap();
    assert!(accept_vertex_generate(MODEL, true, &HeaderMap::new(), &bytes).is_err());
}

#[test]
fn the_prompt_says_what_was_asked() {
    let body = with(
        &looped(),
        &[
            (
                "/generationConfig",
                json!({"candidateCount": 2, "maxOutputTokens": "64", "stopSequences": ["END"],
                "responseLogprobs": true, "logprobs": 3, "responseMimeType": "application/json",
                "responseSchema": {"type": "OBJECT", "properties": {"at": {"type": "STRING", "nullable": true}}}}),
            ),
            (
                "/toolConfig",
                json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["tide"]}}),
            ),
        ],
    );

    let bytes = serde_json::to_vec(&body).unwrap();
    let prompt = accept_generate(MODEL, true, &HeaderMap::new(), &bytes).unwrap();

    assert!(prompt.stream && prompt.thinking && !prompt.show_thoughts && !prompt.json_mode);
    assert_eq!(
        (prompt.choices, prompt.max_output_tokens, prompt.logprobs),
        (2, Some(64), Some(3))
    );
    assert_eq!(
        prompt.tool_choice,
        ToolChoice::Named(vec!["tide".to_owned()])
    );
    let wanted = json!({"type": "object", "properties": {"at": {"type": ["string", "null"]}}});
    assert_eq!(prompt.schema, Some(wanted));
    assert_eq!(prompt.tool_results.len(), 2);
    assert_eq!(
        prompt.tool_results[0],
        ("tide".to_owned(), "{\"result\":\"04:42\"}".to_owned())
    );
}

#[test]
fn unknown_names_are_refused_with_their_place() {
    let verdict = judge(&with(
        &base(),
        &[("/contents/0/name", json!("a")), ("/seed", json!(1))],
    ));
    let both = "Invalid JSON payload received. Unknown name \"name\" at 'contents[0]': Cannot find field.\n\
                Invalid JSON payload received. Unknown name \"seed\": Cannot find field.";
    let violation = "/error/details/0/fieldViolations/0";
    refused(
        "two names",
        verdict,
        &[
            ("/error/message", both),
            (
                "/error/details/0/@type",
                "type.googleapis.com/google.rpc.BadRequest",
            ),
            (&format!("{violation}/field"), "contents[0]"),
            (
                &format!("{violation}/description"),
                "~Unknown name \"name\" at 'contents[0]'",
            ),
            ("/error/details/0/fieldViolations/1/field", "absent"),
        ],
    );
    hold(cases! {
        "setting": config(json!({"max_tokens": 3}))
            => "Unknown name \"max_tokens\" at 'generation_config': Cannot find field.";
        "part": part(json!({"image_url": {}}))
            => "Unknown name \"image_url\" at 'contents[0].parts[0]'";
        "schema keyword": schema(json!({"type": "OBJECT", "additionalProperties": false}))
            => "Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters'";
        "nested keyword": schema(json!({"type": "OBJECT", "properties": {"a": {"type": "STRING", "const": "x"}}}))
            => "Unknown name \"const\" at 'tools[0].function_declarations[0].parameters.properties[a]'";
        "response schema keyword": config(json!({"responseMimeType": "application/json", "responseSchema": {"oneOf": []}}))
            => "Unknown name \"oneOf\" at 'generation_config.response_schema'";
        "strict function": with(&offered(), &[("/tools/0/functionDeclarations/0/strict", json!(true))])
            => "Unknown name \"strict\"";
        "labels": with(&base(), &[("/labels", json!({}))])
            => "Unknown name \"labels\": Cannot find field.";
    });
}

#[test]
fn types_are_refused() {
    hold(cases! {
        "contents as text": with(&base(), &[("/contents", json!("hi"))])
            => "Invalid value at 'contents' (type.googleapis.com/google.ai.generativelanguage.v1beta.Content), \"hi\"";
        "text as number": part(json!({"text": 4}))
            => "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING), 4";
        "temperature as text": config(json!({"temperature": "hot"}))
            => "Invalid value at 'generation_config.temperature' (TYPE_FLOAT), \"hot\"";
        "fraction of a token": config(json!({"maxOutputTokens": 1.5}))
            => "Invalid value at 'generation_config.max_output_tokens' (TYPE_INT32), 1.5";
        "role as list": with(&base(), &[("/contents/0/role", json!(["user"]))])
            => "Unknown name \"role\" at 'contents[0]': Proto field is not repeating, cannot start list.";
        "enum": schema(json!({"type": "TUPLE"}))
            => "Invalid value at 'tools[0].function_declarations[0].parameters.type' (type.googleapis.com/google.ai.generativelanguage.v1beta.Type), \"TUPLE\"";
        "type list": schema(json!({"type": ["STRING", "NULL"]}))
            => "Proto field is not repeating, cannot start list.";
        "enum of numbers": schema(json!({"type": "OBJECT", "properties": {"a": {"type": "INTEGER", "enum": [1]}}}))
            => "(TYPE_STRING), 1";
        "bytes": part(json!({"inlineData": {"mimeType": "image/png", "data": "@@@"}}))
            => "Invalid value at 'contents[0].parts[0].inline_data.data' (TYPE_BYTES), Base64 decoding failed for \"@@@\"";
        "bare skip literal as bytes": with(&looped(), &[("/contents/1/parts/0/thoughtSignature", json!("not base64!"))])
            => "(TYPE_BYTES)";
        "two kinds of data": part(json!({"text": "a", "inlineData": {"mimeType": "image/png", "data": "AAAA"}}))
            => "oneof field 'data' is already set. Cannot set 'inlineData'";
        "response as text": with(&looped(), &[("/contents/2/parts/0/functionResponse/response", json!("ok"))])
            => "(type.googleapis.com/google.protobuf.Struct), \"ok\"";
        "args as text": with(&looped(), &[("/contents/1/parts/0/functionCall/args", json!("{}"))])
            => "(type.googleapis.com/google.protobuf.Struct), \"{}\"";
    });
    for body in [&b"{\"contents\":"[..], b"[]", b"\xff", b""] {
        let verdict = accept_generate(MODEL, false, &HeaderMap::new(), body);
        refused(
            "syntax",
            verdict,
            &[("/error/message", "~Invalid JSON payload received.")],
        );
    }
}

#[test]
fn contents_are_refused() {
    let turns = |contents: Value| with(&offered(), &[("/contents", contents)]);
    let call = json!({"role": "model", "parts": [{"functionCall": {"name": "tide"}}]});
    let answer =
        json!({"role": "user", "parts": [{"functionResponse": {"name": "tide", "response": {}}}]});
    let said = json!({"role": "user", "parts": [{"text": "a"}]});
    hold(cases! {
        "no contents": json!({}) => "contents is not specified";
        "empty contents": json!({"contents": []}) => "contents is not specified";
        "role": with(&base(), &[("/contents/0/role", json!("assistant"))])
            => "Please use a valid role: user, model.";
        "function role": with(&base(), &[("/contents/0/role", json!("function"))])
            => "Please use a valid role";
        "no parts": with(&base(), &[("/contents/0/parts", json!([]))])
            => "contents.parts must not be empty.";
        "empty part": part(json!({}))
            => "required oneof field 'data' must have one initialized field";
        "ends with the model": turns(json!([said, {"role": "model", "parts": [{"text": "b"}]}]))
            => "multiturn requests ends with a user role";
        "unanswered": turns(json!([said, call, said])) => "number of function response parts";
        "orphan": turns(json!([answer]))
            => "function response turn comes immediately after a function call turn";
        "one answer for two calls": with(&looped(), &[("/contents/2", answer.clone())])
            => "number of function response parts is equal to the number of function call parts";
        "nameless response": turns(json!([said, call, {"role": "user", "parts": [{"functionResponse": {"response": {}}}]}]))
            => "function_response.name: Name cannot be empty.";
        "https file": part(json!({"fileData": {"fileUri": "https://example.com/a.png"}}))
            => "Invalid or unsupported file uri";
        "no media type": part(json!({"inlineData": {"data": "AAAA"}}))
            => "inline_data.mime_type: mime_type must be set.";
        "cached twice": with(&offered(), &[("/cachedContent", json!("cachedContents/a"))])
            => "CachedContent can not be used with GenerateContent request setting";
    });
    let unsigned = |at: &str| with(&looped(), &[(at, Value::Null)]);
    hold_for(
        "gemini-3-flash-preview",
        cases! {
            "no signature": unsigned("/contents/1/parts/0/thoughtSignature")
                => "Function call is missing a thought_signature in functionCall parts.";
        },
    );
    assert!(judge(&unsigned("/contents/1/parts/0/thoughtSignature")).is_ok());
}

#[test]
fn earlier_turns_need_no_signature() {
    let mut body = with(
        &looped(),
        &[("/contents/1/parts/0/thoughtSignature", Value::Null)],
    );
    let contents = body["contents"].as_array_mut().unwrap();
    contents.push(json!({"role": "model", "parts": [{"text": "04:42 and 06:10"}]}));
    contents.push(json!({"role": "user", "parts": [{"text": "Thanks."}]}));

    assert!(judge_for("gemini-3-flash-preview", &body).is_ok());
}

#[test]
fn settings_are_refused() {
    let thinking = |thinking: Value| config(json!({"thinkingConfig": thinking}));
    hold(cases! {
        "hot": config(json!({"temperature": 2.1})) => "temperature must be in the range [0, 2]";
        "top_p": config(json!({"topP": 1.1})) => "top_p must be in the range [0, 1]";
        "no candidates": config(json!({"candidateCount": 0}))
            => "candidate_count must be in the range [1, 8]";
        "no output": config(json!({"maxOutputTokens": 0})) => "max_output_tokens";
        "six stops": config(json!({"stopSequences": ["a", "b", "c", "d", "e", "f"]}))
            => "at most 5 stop sequences";
        "logprobs alone": config(json!({"logprobs": 2}))
            => "Logprobs should not be set when response_logprobs is not enabled.";
        "budget and level": thinking(json!({"thinkingBudget": 5, "thinkingLevel": "LOW"}))
            => "only one of thinking budget and thinking level";
        "level on 2.5": thinking(json!({"thinkingLevel": "low"}))
            => "Thinking level is not supported for this model.";
        "huge budget": thinking(json!({"thinkingBudget": 99_999}))
            => "The thinking budget 99999 is invalid.";
        "modality": config(json!({"responseModalities": ["SMELL"]})) => "GenerationConfig.Modality";
        "schema without type": config(json!({"responseSchema": {"type": "OBJECT"}}))
            => "response_mime_type: must be";
        "two schemas": config(json!({"responseMimeType": "application/json", "responseSchema": {"type": "OBJECT"}, "responseJsonSchema": {}}))
            => "only one of response_schema and response_json_schema";
        "media type": config(json!({"responseMimeType": "text/html"})) => "allowed mimetypes are";
    });
    hold_for(
        "gemini-2.0-flash",
        cases! {
            "budget": thinking(json!({"thinkingBudget": 5}))
                => "Thinking is not enabled for this model.";
        },
    );
    hold_for(
        "gemini-2.5-pro",
        cases! {
            "off": thinking(json!({"thinkingBudget": 0})) => "This model only works in thinking mode.";
        },
    );
    hold_for(
        "gemini-3.7-flash",
        cases! {
            "minimal": thinking(json!({"thinkingLevel": "MINIMAL"})) => "MINIMAL is not supported";
        },
    );
}

#[test]
fn tools_are_refused() {
    let calling = |config: Value| {
        with(
            &offered(),
            &[("/toolConfig", json!({"functionCallingConfig": config}))],
        )
    };
    hold(cases! {
        "name": with(&offered(), &[("/tools/0/functionDeclarations/0/name", json!("1tide"))])
            => "Invalid function name. Must start with a letter or an underscore.";
        "twice": with(&offered(), &[("/tools/1", offered()["tools"][0].clone())])
            => "Duplicate function declaration found: tide";
        "two schemas": with(&offered(), &[("/tools/0/functionDeclarations/0/parametersJsonSchema", json!({}))])
            => "only one of parameters and parameters_json_schema";
        "not an object": schema(json!({"type": "STRING"}))
            => "schema at top-level must be of type OBJECT";
        "array without items": schema(json!({"type": "OBJECT", "properties": {"a": {"type": "ARRAY"}}}))
            => "parameters.properties[a].items: missing field.";
        "undefined key": schema(json!({"type": "OBJECT", "properties": {}, "required": ["a"]}))
            => "parameters.required[0]: property is not defined";
        "format": schema(json!({"type": "OBJECT", "properties": {"a": {"type": "STRING", "format": "email"}}}))
            => "only 'enum' and 'date-time' are supported for STRING type";
        "enum of integers": schema(json!({"type": "OBJECT", "properties": {"a": {"type": "INTEGER", "enum": ["1"]}}}))
            => "only allowed for STRING type";
        "mode": calling(json!({"mode": "REQUIRED"})) => "FunctionCallingConfig.Mode";
        "names with AUTO": calling(json!({"mode": "AUTO", "allowedFunctionNames": ["tide"]}))
            => "should only be set when the function calling mode is ANY";
        "a stranger": calling(json!({"mode": "ANY", "allowedFunctionNames": ["wind"]}))
            => "`wind` is not among the declared functions.";
        "ANY without functions": with(&base(), &[("/toolConfig", json!({"functionCallingConfig": {"mode": "ANY"}}))])
            => "Function calling config is set without function_declarations.";
    });
}

#[test]
fn embeddings_are_judged() {
    let model = "gemini-embedding-001";
    let judge = |batch: bool, body: Value| {
        accept_embed(
            model,
            batch,
            &HeaderMap::new(),
            &serde_json::to_vec(&body).unwrap(),
        )
    };
    let one = json!({"model": "models/gemini-embedding-001", "taskType": "RETRIEVAL_QUERY",
        "content": {"parts": [{"text": "ebb"}]}, "outputDimensionality": 256});
    let prompt = judge(true, json!({"requests": [one, one]})).unwrap();
    assert_eq!((prompt.inputs.len(), prompt.dimensions), (2, Some(256)));
    assert!(judge(false, one.clone()).is_ok());

    let cases = [
        (
            true,
            json!({"requests": []}),
            "at least one request is required",
        ),
        (
            true,
            json!({"requests": [without(&one, "content")]}),
            "content is required",
        ),
        (
            true,
            json!({"requests": [with(&one, &[("/model", json!("models/other"))])]}),
            "a model other than models/gemini-embedding-001",
        ),
        (
            false,
            with(&one, &[("/outputDimensionality", json!(0))]),
            "must be between 1 and 3072",
        ),
        (
            false,
            with(&one, &[("/taskType", json!("RHYME"))]),
            "TaskType",
        ),
        (
            false,
            json!({"contents": []}),
            "Unknown name \"contents\": Cannot find field.",
        ),
    ];
    for (batch, body, message) in cases {
        refused(
            message,
            judge(batch, body),
            &[("/error/message", &format!("~{message}"))],
        );
    }
}

#[test]
fn token_counts_take_one_spelling_at_a_time() {
    let judge = |body: Value| {
        accept_count(
            MODEL,
            &HeaderMap::new(),
            &serde_json::to_vec(&body).unwrap(),
        )
    };
    assert!(judge(base()).is_ok());
    assert_eq!(
        judge(json!({"generateContentRequest": offered()}))
            .unwrap()
            .tools
            .len(),
        1
    );
    let both = with(&base(), &[("/generateContentRequest", base())]);
    refused(
        "both",
        judge(both),
        &[(
            "/error/message",
            "~only one of contents and generate_content_request",
        )],
    );
}
