//! The vendors of OpenAI-compatible APIs over real sockets: what is odd about their streams,
//! errors and headers, and faults and scripts in front of them.

mod errors;

use polyroute_sim::Sim;
use polyroute_sim::vendor::ALL;
use serde_json::{Value, json};

use crate::client::{Answer, End, send, sim};

/// Vendor, path of chat, plain model, a model that thinks.
#[rustfmt::skip]
const VENDORS: &[(&str, &str, &str, &str)] = &[
    ("azure", "/openai/v1/chat/completions", "gpt-4o", ""),
    ("cerebras", "/v1/chat/completions", "llama-3.3-70b", "gpt-oss-120b"),
    ("deepseek", "/chat/completions", "deepseek-chat", "deepseek-reasoner"),
    ("fireworks", "/inference/v1/chat/completions", "accounts/fireworks/models/llama-v3p3-70b-instruct", "accounts/fireworks/models/gpt-oss-120b"),
    ("groq", "/openai/v1/chat/completions", "llama-3.3-70b-versatile", "openai/gpt-oss-120b"),
    ("mistral", "/v1/chat/completions", "mistral-small-latest", "magistral-medium-latest"),
    ("ollama", "/v1/chat/completions", "llama3.1", "qwen3"),
    ("openrouter", "/api/v1/chat/completions", "anthropic/claude-haiku-4.5", "openai/gpt-oss-120b"),
    ("perplexity", "/chat/completions", "sonar", "sonar-reasoning-pro"),
    ("qwen", "/compatible-mode/v1/chat/completions", "qwen-plus", "qwq-plus"),
    ("together", "/v1/chat/completions", "meta-llama/Llama-3.3-70B-Instruct-Turbo", "openai/gpt-oss-120b"),
    ("vllm", "/v1/chat/completions", "meta-llama/Llama-3.3-70B-Instruct", "Qwen/Qwen3-32B"),
    ("xai", "/v1/chat/completions", "grok-3", "grok-3-mini"),
];

const KEY: (&str, &str) = ("authorization", "Bearer sk-sim");

struct Ask {
    path: String,
    body: Value,
    headers: Vec<(&'static str, &'static str)>,
}

impl Ask {
    /// A user's text to the vendor's plain model.
    fn new(name: &str, text: &str) -> Self {
        let row = VENDORS.iter().find(|row| row.0 == name).unwrap();
        Self {
            path: format!("/{}{}", row.0, row.1),
            body: json!({"model": row.2, "messages": [{"role": "user", "content": text}]}),
            headers: vec![KEY],
        }
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.body[name] = value;
        self
    }

    fn streamed(self) -> Self {
        self.with("stream", json!(true))
    }

    fn key(mut self, key: &'static str) -> Self {
        self.headers = vec![("authorization", key)];
        self
    }

    fn fault(mut self, fault: &'static str) -> Self {
        self.headers.push(("x-sim-fault", fault));
        self
    }

    fn two_tools(self) -> Self {
        let tool = |name: &str| {
            json!({"type": "function", "function": {"name": name, "description": "x",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}},
                    "required": ["city"]}}})
        };
        self.with("tools", json!([tool("get_weather"), tool("get_time")]))
    }

    async fn send(&self, sim: &Sim) -> Answer {
        send(
            sim,
            "POST",
            &self.path,
            &self.headers,
            &self.body.to_string(),
        )
        .await
    }
}

/// What the deltas of a stream say, thinking chunks left out.
fn text(answer: &Answer) -> String {
    let chunks = answer.event_values();
    let deltas = chunks
        .iter()
        .map(|chunk| &chunk["choices"][0]["delta"]["content"]);
    deltas.filter_map(Value::as_str).collect()
}

/// The chunk with the (first) finish reason.
fn finish(answer: &Answer) -> Value {
    let chunks = answer.event_values();
    let ended = |chunk: &&Value| chunk["choices"][0]["finish_reason"].is_string();
    chunks.iter().find(ended).unwrap().clone()
}

#[tokio::test]
async fn all_vendors_are_asked_here() {
    let names: Vec<&str> = ALL.iter().map(|vendor| vendor.name()).collect();
    let asked: Vec<&str> = VENDORS.iter().map(|row| row.0).collect();
    assert_eq!(names, asked);
}

#[tokio::test]
async fn text_and_calls_whole_and_streamed() {
    let sim = sim().await;
    for (name, ..) in VENDORS {
        let whole = Ask::new(name, "echo: a b c").send(&sim).await;
        assert_eq!(whole.status, 200, "{name}: {}", whole.text());
        assert_eq!(
            whole.json()["choices"][0]["message"]["content"],
            "a b c",
            "{name}"
        );
        let streamed = Ask::new(name, "echo: a b c").streamed().send(&sim).await;
        assert_eq!(text(&streamed), "a b c", "{name}");
        assert_eq!(streamed.end, End::Complete, "{name}");
        let done = streamed.events().last().map(String::as_str) == Some("[DONE]");
        assert_eq!(done, *name != "perplexity", "{name}");
        let asked = Ask::new(name, "get_weather and get_time, both, in Oslo").two_tools();
        let whole = asked.send(&sim).await.json();
        let calls = whole["choices"][0]["message"]["tool_calls"].clone();
        assert_eq!(calls.as_array().map(Vec::len), Some(2), "{name}: {whole}");
        let streamed = asked.streamed().send(&sim).await;
        let mut arguments = [String::new(), String::new()];
        for chunk in streamed.event_values() {
            let calls = chunk["choices"][0]["delta"]["tool_calls"].clone();
            for call in calls.as_array().into_iter().flatten() {
                let at = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
                arguments[at].push_str(call["function"]["arguments"].as_str().unwrap());
            }
        }
        for (at, arguments) in arguments.iter().enumerate() {
            let whole = calls[at]["function"]["arguments"].as_str().unwrap();
            assert_eq!(arguments, whole, "{name}");
        }
        assert_eq!(
            finish(&streamed)["choices"][0]["finish_reason"],
            "tool_calls",
            "{name}"
        );
    }
}

#[tokio::test]
async fn thoughts_come_back_where_each_vendor_puts_them() {
    let sim = sim().await;
    for (name, _, _, model) in VENDORS.iter().filter(|row| !row.3.is_empty()) {
        let asked = Ask::new(name, "echo: hi")
            .with("model", json!(model))
            .streamed();
        let chunks = asked.send(&sim).await.event_values();
        let thought: String = chunks
            .iter()
            .map(|chunk| {
                let delta = &chunk["choices"][0]["delta"];
                let members = ["reasoning", "reasoning_content"].map(|key| delta[key].as_str());
                let inner = delta["content"][0]["thinking"][0]["text"].as_str();
                members
                    .into_iter()
                    .flatten()
                    .chain(inner)
                    .collect::<String>()
            })
            .collect();
        if *name == "perplexity" {
            let said = chunks.last().unwrap()["choices"][0]["message"]["content"].clone();
            assert!(said.as_str().unwrap().starts_with("<think>\n"), "{said}");
        } else {
            assert!(thought.contains("The user asks"), "{name}: {chunks:?}");
        }
    }
    // The same turn whole, where the vendor can.
    let mistral = Ask::new("mistral", "echo: hi").with("reasoning_effort", json!("high"));
    let content = mistral.send(&sim).await.json()["choices"][0]["message"]["content"].clone();
    assert_eq!(
        (&content[0]["type"], &content[1]["text"]),
        (&json!("thinking"), &json!("hi"))
    );
    let raw = Ask::new("groq", "echo: hi")
        .with("model", json!("qwen/qwen3-32b"))
        .with("reasoning_format", json!("raw"));
    let said = raw.send(&sim).await.json()["choices"][0]["message"]["content"].clone();
    assert!(said.as_str().unwrap().starts_with("<think>\n"));
}

/// wire-protocols §12.1: where each stream has its usage, and what frames it.
#[tokio::test]
async fn section_12_usage_and_framing() {
    let sim = sim().await;
    let streamed = |name: &str| Ask::new(name, "echo: a b").streamed();
    for name in ["mistral", "deepseek", "together", "fireworks"] {
        let chunk = finish(&streamed(name).send(&sim).await);
        assert!(chunk["usage"]["total_tokens"].is_u64(), "{name}: {chunk}");
    }
    let mistral = streamed("mistral").send(&sim).await;
    let last = finish(&mistral);
    assert_eq!(
        last["choices"][0]["delta"]["content"], " b",
        "the finish chunk has text"
    );
    assert!(
        last["p"]
            .as_str()
            .is_some_and(|padding| padding.starts_with('a'))
    );
    let calls = Ask::new("mistral", "get_weather and get_time, both")
        .two_tools()
        .streamed();
    let last = finish(&calls.send(&sim).await);
    let together = last["choices"][0]["delta"]["tool_calls"]
        .as_array()
        .unwrap();
    assert_eq!(together.len(), 2, "all calls on the finish chunk");
    assert!(together.iter().all(|call| call.get("type").is_none()));
    let groq = finish(&streamed("groq").send(&sim).await);
    assert!(groq.get("usage").is_none() && groq["x_groq"]["usage"]["total_tokens"].is_u64());
    let perplexity = streamed("perplexity").send(&sim).await;
    assert!(perplexity.text().ends_with("\r\n\r\n"));
    let chunks = perplexity.event_values();
    assert!(
        chunks
            .iter()
            .all(|chunk| chunk["usage"].is_object() && chunk["citations"].is_array())
    );
    assert_eq!(chunks.last().unwrap()["object"], "chat.completion.done");
    assert!(chunks[0]["usage"]["cost"].get("request_cost").is_none());
    let router = streamed("openrouter").send(&sim).await;
    assert!(router.text().starts_with(": OPENROUTER PROCESSING\n\n"));
    let chunks = router.event_values();
    let (finish, repeated) = (&chunks[chunks.len() - 2], &chunks[chunks.len() - 1]);
    assert_eq!(finish["choices"], repeated["choices"]);
    assert!(finish.get("usage").is_none() && repeated["usage"]["cost"].is_f64());
    assert_eq!(repeated["choices"][0]["native_finish_reason"], "end_turn");
    let deepseek = Ask::new("deepseek", "echo: hi").send(&sim).await;
    assert!(
        deepseek.text().starts_with("\n\n"),
        "blank lines before the JSON"
    );
    assert_eq!(deepseek.json()["choices"][0]["message"]["content"], "hi");
    for name in ["xai", "qwen", "vllm", "ollama", "cerebras", "azure"] {
        let counted = |answer: &Answer| {
            let chunks = answer.event_values();
            chunks
                .iter()
                .any(|chunk| chunk["usage"]["total_tokens"].is_u64())
        };
        assert!(
            !counted(&streamed(name).send(&sim).await),
            "{name}: not asked for"
        );
        let asked = streamed(name).with("stream_options", json!({"include_usage": true}));
        let asked = asked.send(&sim).await;
        assert!(counted(&asked), "{name}");
        let last = asked.event_values().pop().unwrap();
        assert_eq!(last["choices"], json!([]), "{name}");
    }
}

/// wire-protocols §§1, 12.1, 13.3: Azure's three surfaces.
#[tokio::test]
async fn section_1_azure_surfaces() {
    let sim = sim().await;
    let body = json!({"messages": [{"role": "user", "content": "echo: hi"}], "stream": true});
    let ask = async |path: &str, headers: &[(&str, &str)]| {
        send(&sim, "POST", path, headers, &body.to_string()).await
    };
    let key = [("api-key", "k")];
    let dated = "/azure/openai/deployments/gpt-4o/chat/completions";
    let answer = ask(&format!("{dated}?api-version=2024-10-21"), &key).await;
    let first = answer.event_values()[0].clone();
    assert_eq!(
        (&first["choices"], &first["id"], &first["model"]),
        (&json!([]), &json!(""), &json!(""))
    );
    assert!(first["prompt_filter_results"][0]["content_filter_results"]["hate"].is_object());
    assert_eq!(text(&answer), "hi");
    assert_eq!(answer.header("x-ratelimit-reset-requests"), Some("500"));
    let undated = ask(dated, &key).await;
    assert_eq!(
        (undated.status, &undated.json()["error"]["code"]),
        (404, &json!("404"))
    );
    let missing = "/azure/openai/deployments/nobody/chat/completions?api-version=2024-10-21";
    let missing = ask(missing, &key).await;
    assert_eq!(missing.json()["error"]["code"], "DeploymentNotFound");
    let wrong = ask(
        &format!("{dated}?api-version=2024-10-21"),
        &[("api-key", "bad")],
    )
    .await;
    assert_eq!(
        (wrong.status, &wrong.json()["error"]["code"]),
        (401, &json!("401"))
    );
    let mut grok =
        Ask::new("azure", "echo: hi").with("model", json!("grok-4-1-fast-non-reasoning"));
    grok.path = "/azure/models/chat/completions?api-version=2024-05-01-preview".to_owned();
    let usage = grok.send(&sim).await.json()["usage"].clone();
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
    assert!(
        cached > usage["prompt_tokens"].as_u64(),
        "more is cached than there is"
    );
    let filtered = Ask::new("azure", "hi")
        .fault("filtered:prompt")
        .send(&sim)
        .await;
    let error = filtered.json()["error"].clone();
    assert_eq!(
        (filtered.status, &error["code"]),
        (400, &json!("content_filter"))
    );
    assert_eq!(error["innererror"]["code"], "ResponsibleAIPolicyViolation");
    let cut = Ask::new("azure", "hi")
        .fault("filtered:output")
        .send(&sim)
        .await
        .json();
    assert!(
        cut["choices"][0].get("message").is_none(),
        "no message at all"
    );
}

/// wire-protocols §1: OpenAI's Responses API on Azure, whose filters speak there too.
#[tokio::test]
async fn section_1_azure_responses() {
    let sim = sim().await;
    let key = [("api-key", "k")];
    let ask =
        async |path: &str, body: &Value| send(&sim, "POST", path, &key, &body.to_string()).await;
    let mut body = json!({"model": "gpt-5.6", "input": "echo: hi"});
    let dated = "/azure/openai/responses?api-version=2025-04-01-preview";
    for path in ["/azure/openai/v1/responses", dated] {
        let answer = ask(path, &body).await.json();
        assert_eq!(answer["output"][1]["content"][0]["text"], "hi", "{answer}");
        assert_eq!(answer["content_filters"][0]["source_type"], "prompt");
    }
    body["stream"] = json!(true);
    let streamed = ask("/azure/openai/v1/responses", &body).await;
    let events = streamed.event_values();
    assert!(events[0]["response"]["content_filters"].is_null());
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(
        last["response"]["content_filters"][1]["source_type"],
        "completion"
    );
    for (path, status, code) in [
        ("/azure/openai/responses", 404, "404"),
        (
            "/azure/openai/responses?api-version=2024-10-21",
            400,
            "BadRequest",
        ),
        ("/azure/openai/v1/responses/input_tokens", 404, "404"),
    ] {
        let refused = ask(path, &body).await;
        let told = (refused.status, refused.json()["error"]["code"].clone());
        assert_eq!(told, (status, json!(code)), "{path}");
    }
    body["model"] = json!("nobody");
    let missing = ask("/azure/openai/v1/responses", &body).await;
    assert_eq!(missing.json()["error"]["code"], "DeploymentNotFound");
}

/// wire-protocols §1: a token is for one audience, and the dated API knows the older one only.
#[tokio::test]
async fn section_1_azure_looks_at_tokens() {
    let sim = sim().await;
    let form =
        "grant_type=client_credentials&client_id=sim-app&client_secret=sim-app-secret&scope=";
    let issuer = "/entra/sim-tenant/oauth2/v2.0/token";
    let body = json!({"model": "gpt-4o", "messages": [{"role": "user", "content": "echo: hi"}]});
    let v1 = "/azure/openai/v1/chat/completions";
    let dated = "/azure/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
    for (scope, statuses) in [
        ("ai.azure.com", [200, 401]),
        ("cognitiveservices.azure.com", [200, 200]),
    ] {
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        let asked = format!("{form}https%3A%2F%2F{scope}%2F.default");
        let token = send(&sim, "POST", issuer, &kind, &asked).await.json();
        let header = format!("Bearer {}", token["access_token"].as_str().unwrap());
        for (path, status) in [v1, dated].into_iter().zip(statuses) {
            let bearer = [("authorization", header.as_str())];
            let answer = send(&sim, "POST", path, &bearer, &body.to_string()).await;
            assert_eq!(answer.status, status, "{scope} {path}");
        }
    }
    let forged = [("authorization", "Bearer eyJ0.nobody")];
    let answer = send(&sim, "POST", v1, &forged, &body.to_string()).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (401, &json!("401"))
    );
}

/// wire-protocols §12.1: Ollama's own API speaks in lines.
#[tokio::test]
async fn section_12_ollama_lines() {
    let sim = sim().await;
    let body = json!({"model": "qwen3", "messages": [{"role": "user", "content": "echo: a b"}]});
    let answer = send(&sim, "POST", "/ollama/api/chat", &[], &body.to_string()).await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    let text = answer.text();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: String = lines
        .iter()
        .filter_map(|line| line["message"]["content"].as_str())
        .collect();
    assert_eq!(said, "a b");
    assert!(
        lines
            .iter()
            .any(|line| line["message"]["thinking"].is_string())
    );
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["done"], &last["done_reason"]),
        (&json!(true), &json!("stop"))
    );
    let missing = json!({"model": "nobody", "messages": []}).to_string();
    let missing = send(&sim, "POST", "/ollama/api/chat", &[], &missing).await;
    assert_eq!(
        (missing.status, missing.json()),
        (404, json!({"error": "model 'nobody' not found"}))
    );
    let failed = send(
        &sim,
        "POST",
        "/ollama/api/chat",
        &[("x-sim-fault", "status:503")],
        &body.to_string(),
    )
    .await;
    assert!(failed.json()["error"].is_string());
    // The head of a long prompt is cut off without a word.
    let long = "word ".repeat(20_000);
    let long = Ask::new("ollama", &long).send(&sim).await;
    assert_eq!(
        (long.status, &long.json()["usage"]["prompt_tokens"]),
        (200, &json!(4_096))
    );
    for (path, member) in [
        ("/ollama/api/tags", "models"),
        ("/ollama/api/version", "version"),
    ] {
        let answer = send(&sim, "GET", path, &[], "").await;
        assert!(answer.json().get(member).is_some(), "{path}");
    }
}

/// wire-protocols §13.4: told not to cut, the server refuses.
#[tokio::test]
async fn section_13_4_ollama_refuses_a_long_prompt_if_it_is_told_not_to_cut() {
    let sim = sim().await;
    let chat = |more: Value| {
        let mut body = json!({"model": "llama3.1", "stream": false, "messages": [
            {"role": "user", "content": "word ".repeat(5_000)}]});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body.to_string()
    };
    let post = async |path: &str, body: &str| send(&sim, "POST", path, &[], body).await;
    let cut = post("/ollama/api/chat", &chat(json!({}))).await;
    assert_eq!(
        (cut.status, &cut.json()["prompt_eval_count"]),
        (200, &json!(4_096))
    );
    let refused = post("/ollama/api/chat", &chat(json!({"truncate": false}))).await;
    assert_eq!(refused.status, 400);
    let words = refused.json()["error"].as_str().unwrap().to_owned();
    assert!(words.contains("longer than the context length"), "{words}");
    let sized = json!({"truncate": false, "options": {"num_ctx": 8_192}});
    let whole = post("/ollama/api/chat", &chat(sized)).await;
    assert_eq!(whole.status, 200);
    assert!(whole.json()["prompt_eval_count"].as_u64().unwrap() > 6_000);
    for (truncate, status) in [(true, 200), (false, 400)] {
        let body = json!({"model": "nomic-embed-text", "input": ["word ".repeat(5_000)],
            "truncate": truncate});
        let answer = post("/ollama/api/embed", &body.to_string()).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn ollama_generates_embeds_and_loads() {
    let sim = sim().await;
    let post =
        async |path: &str, body: Value| send(&sim, "POST", path, &[], &body.to_string()).await;
    let asked = json!({"model": "qwen3", "prompt": "echo: a b", "stream": false});
    let whole = post("/ollama/api/generate", asked.clone()).await.json();
    assert_eq!(
        (&whole["response"], &whole["done_reason"]),
        (&json!("a b"), &json!("stop"))
    );
    assert!(whole["thinking"].is_string() && whole["context"][0].is_u64());
    let mut asked = asked;
    asked["stream"] = json!(true);
    let streamed = post("/ollama/api/generate", asked).await.text();
    let lines: Vec<Value> = streamed
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said: String = lines
        .iter()
        .filter_map(|line| line["response"].as_str())
        .collect();
    assert_eq!(
        (said.as_str(), &lines.last().unwrap()["done"]),
        ("a b", &json!(true))
    );
    let one = post(
        "/ollama/api/embeddings",
        json!({"model": "nomic-embed-text", "prompt": "a"}),
    );
    assert_eq!(one.await.json()["embedding"].as_array().unwrap().len(), 768);
    for (keep_alive, word) in [
        (json!("5m"), "load"),
        (json!(0.0), "unload"),
        (json!("0"), "unload"),
    ] {
        let body = json!({"model": "qwen3", "messages": [], "keep_alive": keep_alive});
        let idle = post("/ollama/api/chat", body).await.json();
        assert_eq!(
            (&idle["done_reason"], &idle["done"]),
            (&json!(word), &json!(true))
        );
    }
    // Calls carry ids and places.
    let tool = json!({"type": "function", "function": {"name": "tide", "parameters":
        {"type": "object", "properties": {"port": {"type": "string"}}}}});
    let body = json!({"model": "llama3.1", "stream": false, "tools": [tool],
        "messages": [{"role": "user", "content": "call tide in parallel"}]});
    let calls = post("/ollama/api/chat", body).await.json()["message"]["tool_calls"].clone();
    assert_eq!(calls.as_array().unwrap().len(), 2);
    assert!(
        calls[0]["id"].as_str().unwrap().starts_with("call_") && calls[0]["id"] != calls[1]["id"]
    );
    assert_eq!(calls[1]["function"]["index"], 1);
    assert!(calls[1]["function"]["arguments"].is_object());
}

#[tokio::test]
async fn lists_and_other_endpoints() {
    let sim = sim().await;
    let get = async |path: &str| send(&sim, "GET", path, &[KEY], "").await;
    let together = get("/together/v1/models").await.json();
    assert!(
        together[0]["context_length"].is_u64(),
        "a bare array: {together}"
    );
    let mistral = get("/mistral/v1/models").await.json();
    assert!(mistral["data"][0]["max_context_length"].is_u64());
    let router = get("/openrouter/api/v1/models").await.json();
    assert!(router["data"][0]["supported_parameters"].is_array());
    let one = get("/groq/openai/v1/models/llama-3.3-70b-versatile")
        .await
        .json();
    assert_eq!(one["context_window"], 131_072);
    assert!(get("/deepseek/user/balance").await.json()["is_available"].is_boolean());
    assert_eq!(get("/vllm/health").await.status, 200);
    let tokens = json!({"model": "Qwen/Qwen3-32B", "prompt": "four words are here"}).to_string();
    let counted = send(&sim, "POST", "/vllm/tokenize", &[KEY], &tokens)
        .await
        .json();
    assert_eq!(counted["max_model_len"], 40_960);
    let inputs =
        json!({"model": "pplx-embed-v1-0.6b", "input": ["a"], "dimensions": 16}).to_string();
    let packed = send(&sim, "POST", "/perplexity/v1/embeddings", &[KEY], &inputs)
        .await
        .json();
    // 16 signed bytes are 24 signs of base64.
    assert_eq!(
        packed["data"][0]["embedding"].as_str().map(str::len),
        Some(24)
    );
    let long = "word ".repeat(200_000);
    let long = Ask::new("perplexity", &long).send(&sim).await;
    assert_eq!(
        (long.status, &long.json()["error"]["type"]),
        (400, &json!("too_many_prompt_tokens"))
    );
}
