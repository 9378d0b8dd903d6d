//! Everything beside chat: embeddings, lists, counts, keys, unknown names and paths, limits.

use polyroute_sim::models::Dialect;
use serde_json::{Value, json};

use crate::client::{Answer, Chat, send, sim};

const OPENAI: &[(&str, &str)] = &[("authorization", "Bearer k")];
const ANTHROPIC: &[(&str, &str)] = &[("x-api-key", "k"), ("anthropic-version", "2023-06-01")];
const GEMINI: &[(&str, &str)] = &[("x-goog-api-key", "k")];

fn floats(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part.as_f64().unwrap())
        .collect()
}

#[tokio::test]
async fn openai_embeddings_as_floats_and_base64() {
    use base64::Engine as _;
    let sim = sim().await;
    let ask = |format: &str| {
        json!({"model": "text-embedding-3-small", "input": ["one", "two"], "dimensions": 16,
            "encoding_format": format})
        .to_string()
    };
    let plain = send(&sim, "POST", "/v1/embeddings", OPENAI, &ask("float"))
        .await
        .json();
    let packed = send(&sim, "POST", "/v1/embeddings", OPENAI, &ask("base64"))
        .await
        .json();
    assert_eq!(plain["data"][1]["index"], 1);
    assert_ne!(plain["data"][0]["embedding"], plain["data"][1]["embedding"]);
    let text = packed["data"][0]["embedding"].as_str().unwrap();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap();
    let unpacked: Vec<f32> = bytes
        .chunks(4)
        .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
        .collect();
    let floats = floats(&plain["data"][0]["embedding"]);
    assert_eq!(floats.len(), 16);
    assert!(
        floats
            .iter()
            .zip(&unpacked)
            .all(|(one, two)| (one - f64::from(*two)).abs() < 1e-6)
    );
    assert!(plain["usage"]["prompt_tokens"].as_u64().unwrap() > 0);
}

#[tokio::test]
async fn gemini_embeddings_single_and_batch() {
    let sim = sim().await;
    let content = json!({"parts": [{"text": "one"}]});
    let single = json!({"content": content, "outputDimensionality": 8}).to_string();
    let path = "/v1beta/models/gemini-embedding-001:embedContent";
    let single = send(&sim, "POST", path, GEMINI, &single).await.json();
    assert_eq!(floats(&single["embedding"]["values"]).len(), 8);
    let request = json!({"model": "models/gemini-embedding-2", "content": content});
    let batch = json!({"requests": [request, request]}).to_string();
    let path = "/v1beta/models/gemini-embedding-2:batchEmbedContents";
    let batch = send(&sim, "POST", path, GEMINI, &batch).await.json();
    assert_eq!(batch["embeddings"].as_array().unwrap().len(), 2);
    assert!(batch["usageMetadata"]["promptTokenCount"].is_u64());
}

#[tokio::test]
async fn models_lists_have_their_own_shapes() {
    let sim = sim().await;
    let openai = send(&sim, "GET", "/v1/models", OPENAI, "").await.json();
    assert_eq!(openai["object"], "list");
    assert!(
        openai["data"]
            .as_array()
            .unwrap()
            .iter()
            .any(|model| model["id"] == "gpt-4o")
    );
    let anthropic = send(&sim, "GET", "/v1/models?limit=3", ANTHROPIC, "")
        .await
        .json();
    assert_eq!(anthropic["data"].as_array().unwrap().len(), 3);
    assert_eq!(anthropic["has_more"], true);
    assert!(anthropic["data"][0]["max_input_tokens"].is_u64());
    let gemini = send(&sim, "GET", "/v1beta/models?pageSize=2", GEMINI, "")
        .await
        .json();
    let token = gemini["nextPageToken"].as_str().unwrap();
    let next = format!("/v1beta/models?pageSize=2&pageToken={token}");
    let next = send(&sim, "GET", &next, GEMINI, "").await.json();
    assert_ne!(gemini["models"][0]["name"], next["models"][0]["name"]);
    assert!(next["models"][0]["inputTokenLimit"].is_u64());
    let one = send(&sim, "GET", "/v1/models/gpt-4o", OPENAI, "")
        .await
        .json();
    assert_eq!(one["id"], "gpt-4o");
    let one = send(
        &sim,
        "GET",
        "/anthropic/v1/models/claude-opus-4-8",
        ANTHROPIC,
        "",
    )
    .await
    .json();
    assert_eq!(one["display_name"], "Claude Opus 4.8");
    let none = send(&sim, "GET", "/v1/models/gpt-0", OPENAI, "").await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn token_counts_match_usage() {
    let sim = sim().await;
    let text = "count these words, please";
    let message = Chat::new(Dialect::Anthropic, text).send(&sim).await.json();
    let body =
        json!({"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": text}]});
    let path = "/v1/messages/count_tokens";
    let counted = send(&sim, "POST", path, ANTHROPIC, &body.to_string())
        .await
        .json();
    assert_eq!(counted["input_tokens"], message["usage"]["input_tokens"]);
    let answer = Chat::new(Dialect::Gemini, text).send(&sim).await.json();
    let body = json!({"contents": [{"role": "user", "parts": [{"text": text}]}]}).to_string();
    let path = "/v1/models/gemini-2.5-flash:countTokens";
    let counted = send(&sim, "POST", path, GEMINI, &body).await.json();
    assert_eq!(
        counted["totalTokens"],
        answer["usageMetadata"]["promptTokenCount"]
    );
    let body = json!({"model": "gpt-4.1", "input": text}).to_string();
    let answer = send(&sim, "POST", "/v1/responses", OPENAI, &body)
        .await
        .json();
    let path = "/v1/responses/input_tokens";
    let counted = send(&sim, "POST", path, OPENAI, &body).await.json();
    assert_eq!(counted["object"], "response.input_tokens");
    assert_eq!(counted["input_tokens"], answer["usage"]["input_tokens"]);
    let stored = json!({"model": "gpt-4.1", "input": text, "store": false}).to_string();
    let refused = send(&sim, "POST", path, OPENAI, &stored).await;
    assert_eq!(refused.status, 400, "{}", refused.text());
}

/// The word by which a dialect's error is told: OpenAI's code, Anthropic's type, Gemini's status.
fn word(dialect: Dialect, answer: &Answer) -> String {
    let body = answer.json();
    let error = &body["error"];
    let member = match dialect {
        Dialect::Openai => &error["code"],
        Dialect::Anthropic => &error["type"],
        Dialect::Gemini => &error["status"],
        Dialect::Bedrock | Dialect::Cohere => &body["message"],
    };
    member.as_str().unwrap_or("").to_owned()
}

/// Dialect, header, key, status, and the error's word.
const KEYS: &[(Dialect, &str, &str, u16, &str)] = &[
    (
        Dialect::Openai,
        "authorization",
        "Bearer sim-bad",
        401,
        "invalid_api_key",
    ),
    (
        Dialect::Openai,
        "authorization",
        "Bearer sim-quota-1",
        429,
        "insufficient_quota",
    ),
    (
        Dialect::Openai,
        "authorization",
        "Bearer sim-forbidden",
        403,
        "insufficient_permissions",
    ),
    (Dialect::Openai, "authorization", "", 401, ""),
    (
        Dialect::Anthropic,
        "x-api-key",
        "bad-key",
        401,
        "authentication_error",
    ),
    (Dialect::Anthropic, "authorization", "Bearer good", 200, ""),
    (
        Dialect::Anthropic,
        "x-api-key",
        "",
        401,
        "authentication_error",
    ),
    (
        Dialect::Gemini,
        "x-goog-api-key",
        "sim-bad",
        400,
        "INVALID_ARGUMENT",
    ),
    (
        Dialect::Gemini,
        "x-goog-api-key",
        "sim-quota",
        429,
        "RESOURCE_EXHAUSTED",
    ),
    (
        Dialect::Gemini,
        "x-goog-api-key",
        "",
        403,
        "PERMISSION_DENIED",
    ),
];

#[tokio::test]
async fn keys_are_judged_in_each_dialect() {
    let sim = sim().await;
    for (dialect, name, key, status, wanted) in KEYS {
        let answer = Chat::new(*dialect, "hi").header(name, key).send(&sim).await;
        assert_eq!(answer.status, *status, "{dialect} {key}");
        if *status != 200 {
            assert_eq!(word(*dialect, &answer), *wanted, "{dialect} {key}");
        }
    }
    let entries = sim.log_since(0);
    assert!(
        !format!("{entries:?}").contains("sim-bad"),
        "no key is in the log"
    );
}

#[tokio::test]
async fn unknown_models_and_long_prompts_are_refused() {
    let sim = sim().await;
    let long = "x".repeat(40_000);
    let too_long = Chat::new(Dialect::Openai, &long)
        .model("gpt-4")
        .send(&sim)
        .await;
    assert_eq!(
        (too_long.status, word(Dialect::Openai, &too_long).as_str()),
        (400, "context_length_exceeded")
    );
    for (dialect, wanted) in [
        (Dialect::Openai, "model_not_found"),
        (Dialect::Anthropic, "not_found_error"),
        (Dialect::Gemini, "NOT_FOUND"),
    ] {
        let answer = Chat::new(dialect, "hi")
            .model("no-such-model")
            .send(&sim)
            .await;
        assert_eq!(
            (answer.status, word(dialect, &answer).as_str()),
            (404, wanted)
        );
        let invented = Chat::new(dialect, "hi")
            .model("sim-anything")
            .send(&sim)
            .await;
        assert_eq!(invented.status, 200, "{}", invented.text());
    }
}

#[tokio::test]
async fn bad_input_gets_an_error_in_the_dialects_shape() {
    let sim = sim().await;
    let deep = "[".repeat(10_000);
    for body in ["", "{", "[]", "null", "{\"model\":7}", deep.as_str()] {
        for (path, headers) in [
            ("/v1/chat/completions", OPENAI),
            ("/v1/embeddings", OPENAI),
            ("/v1/messages", ANTHROPIC),
            ("/v1beta/models/gemini-2.5-flash:generateContent", GEMINI),
        ] {
            let answer = send(&sim, "POST", path, headers, body).await;
            let gemini_object =
                path.starts_with("/v1beta") && body.starts_with('{') && body.len() > 1;
            if !gemini_object {
                assert_eq!(answer.status, 400, "{path} {body:.20}");
                assert!(answer.json()["error"]["message"].is_string());
            }
        }
    }
    let wrong = send(&sim, "GET", "/v1/chat/completions", OPENAI, "").await;
    assert_eq!(wrong.status, 405);
    let unknown = send(&sim, "POST", "/anthropic/v1/nothing", ANTHROPIC, "{}").await;
    assert_eq!(
        (unknown.status, word(Dialect::Anthropic, &unknown).as_str()),
        (404, "not_found_error")
    );
}

#[tokio::test]
async fn answers_carry_the_providers_headers() {
    let sim = sim().await;
    let openai = Chat::new(Dialect::Openai, "hi").send(&sim).await;
    assert!(openai.header("x-request-id").unwrap().starts_with("req_"));
    assert!(openai.header("x-ratelimit-remaining-tokens").is_some());
    assert!(openai.header("openai-processing-ms").is_some());
    let anthropic = Chat::new(Dialect::Anthropic, "hi").send(&sim).await;
    assert!(
        anthropic
            .header("request-id")
            .unwrap()
            .starts_with("req_011C")
    );
    let reset = anthropic
        .header("anthropic-ratelimit-requests-reset")
        .unwrap();
    assert!(reset.ends_with('Z') && reset.len() == 20, "{reset}");
    let stream = Chat::new(Dialect::Gemini, "hi").streamed().send(&sim).await;
    assert_eq!(stream.header("content-type"), Some("text/event-stream"));
    assert!(
        stream.text().contains("}\r\n\r\n"),
        "Gemini ends its lines with CRLF"
    );
}

/// The lines of a v1 stream.
fn lines(answer: &Answer) -> Vec<Value> {
    let text = answer.text();
    let parsed = text.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn cohere_v1_streams_lines_or_events_and_says_the_same_whole() {
    let sim = sim().await;
    let path = "/cohere/v1/chat";
    let tools = json!([
        {"name": "tide", "description": "D", "parameter_definitions": {
            "port": {"type": "str", "required": true}}},
        {"name": "wind", "description": "D"}]);
    for (message, tools) in [("echo: a b c", json!([])), ("call:tide call:wind", tools)] {
        let mut body = json!({"model": "command-r-08-2024", "message": message, "tools": tools});
        let whole = send(&sim, "POST", path, OPENAI, &body.to_string())
            .await
            .json();
        assert_eq!(whole["chat_history"][0]["message"], message);
        assert_eq!(whole["meta"]["api_version"]["version"], "1");
        body["stream"] = true.into();
        let body = body.to_string();
        let answer = send(&sim, "POST", path, OPENAI, &body).await;
        assert_eq!(
            answer.header("content-type"),
            Some("application/stream+json")
        );
        let events = lines(&answer);
        assert_eq!(events[0]["event_type"], "stream-start");
        let end = events.last().unwrap();
        assert_eq!(
            (&end["event_type"], &end["is_finished"]),
            (&json!("stream-end"), &json!(true))
        );
        assert_eq!(end["finish_reason"], "COMPLETE");
        assert_eq!(end["response"]["text"], whole["text"]);
        assert_eq!(end["response"]["meta"], whole["meta"]);
        let said: String = events
            .iter()
            .filter(|event| event["event_type"] != "tool-calls-generation")
            .filter_map(|event| event["text"].as_str())
            .collect();
        assert_eq!(said, whole["text"].as_str().unwrap());
        let mut arguments = vec![String::new(); 2];
        for delta in events.iter().map(|event| &event["tool_call_delta"]) {
            let index = delta["index"].as_u64().unwrap_or(0);
            let piece = delta["parameters"].as_str().unwrap_or_default();
            arguments[usize::try_from(index).unwrap()].push_str(piece);
        }
        for (call, arguments) in whole["tool_calls"]
            .as_array()
            .into_iter()
            .flatten()
            .zip(&arguments)
        {
            let parameters: Value = serde_json::from_str(arguments).unwrap();
            assert_eq!(call["parameters"], parameters);
        }
        assert_eq!(whole["tool_calls"].is_null(), message.starts_with("echo"));
        let headers: Vec<_> = OPENAI
            .iter()
            .copied()
            .chain([("accepts", "text/event-stream")])
            .collect();
        let answer = send(&sim, "POST", path, &headers, &body).await;
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/event-stream")
        );
        assert!(answer.text().contains("event: stream-end\ndata: {"));
    }
}

#[tokio::test]
async fn cohere_v1_fails_in_its_own_words() {
    let sim = sim().await;
    let faulty = async |fault: &str| {
        let headers: Vec<_> = OPENAI
            .iter()
            .copied()
            .chain([("x-sim-fault", fault)])
            .collect();
        let body = json!({"message": "echo: a b c d", "stream": true}).to_string();
        send(&sim, "POST", "/cohere/v1/chat", &headers, &body).await
    };
    let failed = faulty("error_after:3").await;
    let end = lines(&failed).pop().unwrap();
    assert_eq!(
        (&end["event_type"], &end["finish_reason"]),
        (&json!("stream-end"), &json!("ERROR"))
    );
    assert!(end["error"].is_string());
    let cut = lines(&faulty("missing_finish").await);
    assert!(cut.len() > 3 && cut.iter().all(|event| event["event_type"] != "stream-end"));
    let silent = faulty("usage_missing").await;
    assert!(!silent.text().contains("tokens"), "{}", silent.text());
    let long = faulty("big_event:9000").await;
    assert!(long.text().lines().any(|line| line.len() > 9_000));
    let filtered = lines(&faulty("filtered:output").await);
    assert_eq!(filtered.last().unwrap()["finish_reason"], "ERROR_TOXIC");
}

#[tokio::test]
async fn cohere_v1_embeds_and_ranks() {
    let sim = sim().await;
    let ask = async |path: &str, body: Value| {
        let answer = send(&sim, "POST", path, OPENAI, &body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let body = json!({"model": "embed-v4.0", "texts": ["a"], "input_type": "search_query",
        "embedding_types": ["float"]});
    let vectors = ask("/cohere/v1/embed", body).await;
    assert_eq!(vectors["meta"]["api_version"]["version"], "1");
    let body = json!({"model": "rerank-v3.5", "query": "sea", "documents": ["land", "the sea"]});
    let ranked = ask("/cohere/v1/rerank", body).await;
    assert_eq!(ranked["results"][0]["index"], 1);
    assert_eq!(ranked["meta"]["api_version"]["version"], "1");
}
