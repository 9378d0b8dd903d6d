//! Answers in JSON: held to a schema, written in one form, put right once, or refused.

use http::StatusCode;
use polyroute_sim::{Latency, SimConfig};
use serde_json::{Value, json};

use crate::support::{Answer, Lab, MODELS, Plan, ask, server};

/// What every provider means, in canonical form.
const CANONICAL: &str =
    r#"{"name":"Zoë \"Z\"","age":41,"score":0.25,"tags":["a","b"],"extra":{"x":1,"y":2}}"#;

/// What each of them writes.
const WRITTEN: [(&str, &str); 3] = [
    (
        "openai",
        r#"{"name":"Zoë \"Z\"","age":41,"score":0.25,"tags":["a","b"],"extra":{"x":1,"y":2}}"#,
    ),
    (
        "anthropic",
        "Here is the JSON:\n\n```json\n{\n  \"tags\": [\n    \"a\",\n    \"b\"\n  ],\n  \"score\": 2.5e-1,\n  \
         \"extra\": {\"y\": 2.0, \"x\": 1},\n  \"age\": 41.0,\n  \"name\": \"Zo\\u00eb \\u0022Z\\u0022\"\n}\n```\n\n\
         I hope that helps [as asked].",
    ),
    (
        "gemini",
        "\u{feff}```\n{\"age\": 4.1e1, \"extra\": {\"y\":2,\"x\":1.0}, \"name\":\"Zoë \\\"Z\\\"\",\
         \"score\":0.250, \"tags\":[ \"a\", \"b\" ]}\n```",
    ),
];

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "score": {"type": "number"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["name", "age"],
    })
}

fn format(schema: &Value) -> Value {
    json!({"type": "json_schema", "json_schema": {"name": "person", "schema": schema}})
}

/// A request that asks for the schema.
fn person(model: &str, stream: bool) -> Value {
    let mut body = ask(model, "Who?");
    body["response_format"] = format(&schema());
    body["stream"] = json!(stream);
    body
}

/// A lab with a route for each mode over all three providers, and one for each provider alone.
async fn lab(more: &str) -> Lab {
    let [openai, anthropic, gemini] = MODELS.map(|(_, model)| model);
    let mut routes = String::new();
    for mode in ["pass", "validate", "canonical"] {
        routes.push_str(&format!(
            "  {mode}: {{ targets: [{openai}, {anthropic}, {gemini}], structured_output: {{ mode: {mode} }} }}\n  \
             {mode}-repair: {{ targets: [{openai}, {anthropic}], structured_output: {{ mode: {mode}, repair: true }} }}\n"
        ));
        for (provider, model) in MODELS {
            routes.push_str(&format!(
                "  {mode}-{provider}: {{ targets: [{model}], structured_output: {{ mode: {mode} }} }}\n"
            ));
        }
    }
    Lab::with(more, &routes).await
}

/// The next answers of a provider.
fn script(lab: &Lab, provider: &str, turns: &[Value]) {
    let replies: Vec<Value> = turns.iter().map(|turn| json!({"turn": turn})).collect();
    let script = json!({"match": {"prefix": provider}, "replies": replies});
    lab.sim.add_script(serde_json::from_value(script).unwrap());
}

fn says(lab: &Lab, provider: &str, text: &str) {
    script(lab, provider, &[json!({"text": text})]);
}

/// The content of an answer, whole or streamed; a stream must have ended well.
fn content(answer: &Answer, stream: bool) -> String {
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    if !stream {
        return answer.content();
    }
    let (text, ended) = answer.streamed();
    assert!(ended, "{}", answer.text());
    text
}

#[tokio::test]
async fn the_same_json_whichever_provider_answered() {
    let lab = lab("").await;
    for stream in [false, true] {
        for (provider, text) in WRITTEN {
            says(&lab, provider, text);
            let route = format!("canonical-{provider}");
            let answer = lab.chat(&person(&route, stream)).await;
            assert_eq!(content(&answer, stream), CANONICAL, "{provider}");
            let record = lab.record(&answer).await;
            assert_eq!(record["end"], "complete", "{record}");
            assert_eq!(record["finish_reason"], "stop", "{record}");
            assert_eq!(record["tokens"]["provenance"], "reported", "{record}");
        }
    }
}

#[tokio::test]
async fn a_wrong_answer_goes_to_the_next_target_and_is_paid_for() {
    let lab = lab("").await;
    for mode in ["validate", "canonical"] {
        for stream in [false, true] {
            says(&lab, "openai", "{\"name\": \"Ann\"}");
            says(&lab, "anthropic", "I am not sure.");
            says(&lab, "gemini", CANONICAL);
            let answer = lab.chat(&person(mode, stream)).await;
            assert_eq!(content(&answer, stream), CANONICAL, "{mode}");
            assert_eq!(answer.header("x-polyroute-attempts"), "3");
            let record = lab.record(&answer).await;
            let outcomes: Vec<&str> = record["attempts"]
                .as_array()
                .unwrap()
                .iter()
                .map(|attempt| attempt["outcome"].as_str().unwrap())
                .collect();
            assert_eq!(outcomes, ["malformed_reply", "malformed_reply", "ok"]);
            // The record holds no word of an answer, and every token of all three.
            assert!(!record.to_string().contains("Ann"), "{record}");
            let alone = told_of_gemini(&lab, mode, stream).await;
            let tokens = |record: &Value| record["tokens"]["input"].as_u64().unwrap();
            assert!(tokens(&record) > tokens(&alone), "{record} {alone}");
            let usd = |record: &Value| {
                let usd = record["cost"]["usd"].as_str().unwrap();
                usd.parse::<f64>().unwrap()
            };
            assert!(usd(&record) > usd(&alone), "{record} {alone}");
        }
    }
}

/// The record of the same answer, had the last target been the only one.
async fn told_of_gemini(lab: &Lab, mode: &str, stream: bool) -> Value {
    says(lab, "gemini", CANONICAL);
    let answer = lab.chat(&person(&format!("{mode}-gemini"), stream)).await;
    assert_eq!(content(&answer, stream), CANONICAL);
    lab.record(&answer).await
}

#[tokio::test]
async fn where_no_target_gives_the_right_shape_the_caller_gets_none() {
    let lab = lab("").await;
    for mode in ["pass", "validate", "canonical"] {
        for (provider, _) in MODELS {
            says(&lab, provider, "{\"name\": \"Ann\"}");
            let route = format!("{mode}-{provider}");
            let answer = lab.chat(&person(&route, false)).await;
            assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{}", answer.text());
            assert_eq!(answer.code(), "structured_output_invalid");
            assert!(!answer.text().contains("Ann"), "{}", answer.text());
            let record = lab.record(&answer).await;
            assert!(record["tokens"]["output"].as_u64().unwrap() > 0, "{record}");
            assert!(record["cost"]["usd"].is_string(), "{record}");

            // Many words: a stream in mode `pass` has begun before anything is found wrong.
            says(&lab, provider, &"words, words and no JSON. ".repeat(40));
            let answer = lab.chat(&person(&route, true)).await;
            assert_eq!(answer.code(), "structured_output_invalid", "{mode}");
            let (text, ended) = answer.streamed();
            assert!(!ended && answer.finishes().is_empty(), "{}", answer.text());
            if mode == "pass" {
                assert_eq!(answer.status, StatusCode::OK);
                assert!(text.starts_with("words, words"), "{text}");
                assert_eq!(lab.record(&answer).await["end"], "truncated");
            } else {
                assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
                assert_eq!(text, "");
            }
        }
    }
}

#[tokio::test]
async fn valid_answers_pass_as_they_came_where_nobody_asked_for_one_form() {
    let lab = lab("").await;
    let text = "{ \"age\": 41.0, \"name\": \"Ann\" }";
    for mode in ["pass", "validate"] {
        for (provider, _) in MODELS {
            for stream in [false, true] {
                says(&lab, provider, text);
                let answer = lab
                    .chat(&person(&format!("{mode}-{provider}"), stream))
                    .await;
                assert_eq!(content(&answer, stream), text, "{mode} {provider}");
            }
        }
    }
}

#[tokio::test]
async fn one_repair_at_the_same_target_and_both_answers_are_accounted() {
    let lab = lab("").await;
    for (mode, stream) in [
        ("validate", false),
        ("validate", true),
        ("canonical", false),
        ("canonical", true),
        ("pass", false),
    ] {
        let seen = lab.attempts().len();
        script(
            &lab,
            "openai",
            &[
                json!({"text": "{\"name\": \"An\\\"n\"}"}),
                json!({"text": CANONICAL}),
            ],
        );
        let answer = lab.chat(&person(&format!("{mode}-repair"), stream)).await;
        assert_eq!(content(&answer, stream), CANONICAL, "{mode}");
        let sent = &lab.attempts()[seen..];
        assert_eq!(sent.len(), 2, "{mode}");
        let messages = body_of(&sent[1])["messages"].clone();
        assert_eq!(messages[1]["role"], "assistant");
        assert_eq!(messages[1]["content"], "{\"name\": \"An\\\"n\"}");
        let wrong = messages[2]["content"].as_str().unwrap();
        assert!(wrong.contains("\"age\" is a required property"), "{wrong}");
        assert_eq!(body_of(&sent[1])["response_format"], format(&schema()));

        let record = lab.record(&answer).await;
        let attempts = record["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 2, "{record}");
        assert_eq!(attempts[0].get("repair"), None, "{record}");
        assert_eq!(attempts[1]["repair"], true, "{record}");
        assert_eq!(record["tokens"]["provenance"], "reported", "{record}");
        assert_eq!(record["provider"], "openai");
        // The second call alone has more input than the first: together more than twice that.
        says(&lab, "openai", CANONICAL);
        let alone = lab.chat(&person(&format!("{mode}-repair"), stream)).await;
        let alone = lab.record(&alone).await;
        let input = |record: &Value| record["tokens"]["input"].as_u64().unwrap();
        assert!(input(&record) > 2 * input(&alone), "{record} {alone}");
    }
}

#[tokio::test]
async fn after_one_repair_the_chain_goes_on_and_nothing_is_repaired_again() {
    let lab = lab("").await;
    for stream in [false, true] {
        let seen = lab.attempts().len();
        let wrong = json!({"text": "no"});
        script(&lab, "openai", &[wrong.clone(), wrong.clone()]);
        script(&lab, "anthropic", &[wrong]);
        let answer = lab.chat(&person("canonical-repair", stream)).await;
        assert_eq!(answer.code(), "structured_output_invalid");
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
        assert_eq!(answer.header("x-should-retry"), "false");
        let attempts = lab.attempts();
        let providers: Vec<&str> = attempts[seen..]
            .iter()
            .map(|attempt| attempt.prefix.as_deref().unwrap_or_default())
            .collect();
        assert_eq!(providers, ["openai", "openai", "anthropic"]);
    }
}

#[tokio::test]
async fn a_repair_counts_as_an_attempt() {
    let lab = lab("resilience: { attempts_max: 1 }\n").await;
    says(&lab, "openai", "no");
    let answer = lab.chat(&person("canonical-repair", false)).await;
    assert_eq!(answer.code(), "structured_output_invalid");
    assert_eq!(lab.attempts().len(), 1);
}

#[tokio::test]
async fn refusals_and_calls_pass_as_such_and_a_cut_answer_is_an_error_of_its_own() {
    let lab = lab("").await;
    for mode in ["validate", "canonical", "pass"] {
        for (provider, _) in MODELS {
            let route = format!("{mode}-{provider}");
            for stream in [false, true] {
                let turn = json!({"text": "I can't talk about that.", "finish": "content_filter"});
                script(&lab, provider, &[turn]);
                let answer = lab.chat(&person(&route, stream)).await;
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
                assert!(
                    answer.text().contains("content_filter"),
                    "{}",
                    answer.text()
                );

                let mut body = person(&route, stream);
                body["tools"] = json!([{"type": "function", "function": {"name": "look",
                    "description": "Looks.", "parameters": {"type": "object", "properties": {}}}}]);
                let turn =
                    json!({"text": "Let me look.", "calls": [{"name": "look", "arguments": {}}]});
                script(&lab, provider, &[turn]);
                let answer = lab.chat(&body).await;
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
                assert!(
                    answer.text().contains("\"tool_calls\""),
                    "{}",
                    answer.text()
                );
                assert_eq!(content(&answer, stream), "Let me look.");

                let seen = lab.attempts().len();
                script(
                    &lab,
                    provider,
                    &[json!({"text": "{\"name\": \"An", "finish": "length"})],
                );
                let answer = lab.chat(&person(&route, stream)).await;
                assert_eq!(
                    answer.code(),
                    "structured_output_truncated",
                    "{}",
                    answer.text()
                );
                assert!(answer.finishes().is_empty(), "{}", answer.text());
                assert_eq!(lab.attempts().len(), seen + 1);
            }
        }
    }
    // No repair either: it would be cut as well.
    let turn = json!({"text": "{\"name\": \"An", "finish": "length"});
    script(&lab, "openai", std::slice::from_ref(&turn));
    script(&lab, "anthropic", &[turn]);
    let seen = lab.attempts().len();
    let answer = lab.chat(&person("canonical-repair", false)).await;
    assert_eq!(answer.code(), "structured_output_truncated");
    assert_eq!(lab.attempts().len(), seen + 2);
}

#[tokio::test]
async fn every_choice_is_held_to_the_schema() {
    let lab = lab("").await;
    let choice = |index: u32, text: &str| {
        json!({"index": index, "finish_reason": "stop",
            "message": {"role": "assistant", "content": text, "refusal": null}})
    };
    let answer = |second: &str| {
        json!({"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
            "choices": [choice(0, WRITTEN[1].1), choice(1, second)],
            "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}})
    };
    let mut body = person("canonical-openai", false);
    body["n"] = json!(2);
    for (second, status) in [(WRITTEN[2].1, 200), ("no JSON", 502)] {
        let script =
            json!({"match": {"prefix": "openai"}, "replies": [{"json": {"body": answer(second)}}]});
        lab.sim.add_script(serde_json::from_value(script).unwrap());
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
        if status == 200 {
            for choice in answer.json()["choices"].as_array().unwrap() {
                assert_eq!(choice["message"]["content"], CANONICAL);
            }
        }
    }
}

#[tokio::test]
async fn a_routes_own_schema_goes_upstream_and_holds() {
    let own = json!({"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "string"}},
        "required": ["b", "a"], "additionalProperties": false});
    let [openai, anthropic, gemini] = MODELS.map(|(_, model)| model);
    let routes = format!(
        "  own: {{ targets: [{openai}, {anthropic}, {gemini}], structured_output: {{ mode: canonical, strict: true, schema: {own} }} }}\n  \
         open: {{ targets: [{openai}], structured_output: {{ mode: canonical, caller_schema: allow, schema: {own} }} }}"
    );
    let lab = Lab::with("", &routes).await;
    for stream in [false, true] {
        says(&lab, "openai", "{\"a\": \"x\", \"b\": 1.0}");
        let mut body = ask("own", "Who?");
        body["stream"] = json!(stream);
        let answer = lab.chat(&body).await;
        assert_eq!(content(&answer, stream), r#"{"b":1,"a":"x"}"#);
        let sent = lab.attempts().pop().unwrap();
        let format = &body_of(&sent)["response_format"]["json_schema"];
        assert_eq!((&format["schema"], &format["strict"]), (&own, &json!(true)));
    }
    // Another schema is the operator's to allow.
    let before = lab.attempts().len();
    let answer = lab.chat(&person("own", false)).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert_eq!(answer.code(), "response_format_conflict");
    assert_eq!(answer.json()["error"]["param"], "response_format");
    assert_eq!(lab.attempts().len(), before);
    says(&lab, "openai", CANONICAL);
    let answer = lab.chat(&person("open", false)).await;
    assert_eq!(content(&answer, false), CANONICAL);
}

#[tokio::test]
async fn a_schema_that_is_none_is_the_callers_mistake_and_costs_nothing() {
    let lab = lab("").await;
    // Where a route holds to it, and where a target would not enforce it.
    for model in ["canonical", "gemini/gemini-2.5-flash"] {
        let mut body = person(model, false);
        body["response_format"] =
            format(&json!({"type": "object", "properties": {"a": {"type": 5}}}));
        body["tools"] = json!([{"type": "function", "function": {"name": "look",
            "description": "Looks.", "parameters": {"type": "object", "properties": {}}}}]);
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
        assert_eq!(answer.code(), "invalid_value");
        assert_eq!(answer.json()["error"]["param"], "response_format");
    }
    assert!(lab.attempts().is_empty());
}

#[tokio::test]
async fn a_held_stream_beats_and_falls_back_within_the_json() {
    let more = format!(
        "{}resilience: {{ timeouts: {{ inter_token: 300ms, first_content: 2s }} }}\n",
        server(", head_commit: 200ms, heartbeat: 100ms")
    );
    let [openai, anthropic, _] = MODELS.map(|(_, model)| model);
    let routes = format!(
        "  held: {{ targets: [{openai}, {anthropic}], structured_output: {{ mode: canonical }} }}"
    );
    let lab = Lab::build(Plan {
        more: &more,
        routes: &routes,
        sim: SimConfig {
            latency: Latency {
                itl_ms: 60,
                words_per_event: 1,
                ..Latency::ZERO
            },
            ..SimConfig::default()
        },
        ..Plan::default()
    })
    .await;
    for fault in ["", "cut:4:reset", "stall:4"] {
        lab.sim.clear_faults();
        says(&lab, "openai", WRITTEN[1].1);
        if !fault.is_empty() {
            says(&lab, "anthropic", WRITTEN[1].1);
            lab.fault("openai", fault);
        }
        let answer = lab.chat(&person("held", true)).await;
        assert_eq!(content(&answer, true), CANONICAL, "{fault}");
        let text = answer.text();
        let (ping, said) = (text.find(": ping\n\n"), text.find("\"content\":\"{"));
        assert!(ping.unwrap() < said.unwrap(), "{fault}: {text}");
        let attempts = if fault.is_empty() { 1 } else { 2 };
        let record = lab.record(&answer).await;
        assert_eq!(
            record["attempts"].as_array().unwrap().len(),
            attempts,
            "{record}"
        );
    }
    // What fails after our head was sent is told in the stream.
    lab.sim.clear_faults();
    says(&lab, "openai", &"no JSON ".repeat(20));
    says(&lab, "anthropic", &"no JSON ".repeat(20));
    let answer = lab.chat(&person("held", true)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.code(), "structured_output_invalid");
    assert_eq!(answer.streamed(), (String::new(), false));
}

#[tokio::test]
async fn log_probabilities_of_a_text_that_the_model_did_not_write_are_named_as_dropped() {
    let lab = lab("").await;
    for stream in [false, true] {
        says(&lab, "openai", CANONICAL);
        let mut body = person("canonical-openai", stream);
        body["logprobs"] = json!(true);
        let answer = lab.chat(&body).await;
        assert_eq!(content(&answer, stream), CANONICAL);
        assert_eq!(answer.header("x-polyroute-dropped-params"), "logprobs");
        assert!(!answer.text().contains("\"logprob\""), "{}", answer.text());
    }
}

#[tokio::test]
async fn strict_params_refuse_what_canonical_form_would_leave_out() {
    let lab = lab("translation: { strict_params: true }\n").await;
    let mut body = person("canonical-openai", false);
    body["logprobs"] = json!(true);
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text());
    assert_eq!(answer.code(), "unsupported_parameter");
    assert_eq!(answer.json()["error"]["param"], "logprobs");
}

#[tokio::test]
async fn json_mode_is_held_to_be_an_object_and_plain_text_to_nothing() {
    let lab = lab("").await;
    for (provider, _) in MODELS {
        let route = format!("canonical-{provider}");
        for stream in [false, true] {
            let mut body = ask(&route, "Give me JSON.");
            body["stream"] = json!(stream);
            says(&lab, provider, "Plain {words}.");
            let answer = lab.chat(&body).await;
            assert_eq!(content(&answer, stream), "Plain {words}.");

            body["response_format"] = json!({"type": "json_object"});
            says(&lab, provider, "```json\n{\"b\": 1.0, \"a\": []}\n```");
            let answer = lab.chat(&body).await;
            assert_eq!(content(&answer, stream), r#"{"a":[],"b":1}"#, "{provider}");
            says(&lab, provider, "[1, 2]");
            let answer = lab.chat(&body).await;
            assert_eq!(answer.code(), "structured_output_invalid", "{provider}");
        }
    }
}

/// The body that an attempt was sent with.
fn body_of(attempt: &polyroute_sim::log::Entry) -> Value {
    serde_json::from_str(&attempt.body).unwrap()
}
