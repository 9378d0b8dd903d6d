//! Clouds: Vertex AI with Gemini and Claude under tokens of every kind of Google account, and Azure
//! under Entra's.

use std::path::PathBuf;
use std::time::Duration;

use http::StatusCode;
use polyroute_sim::cloud::identity;
use polyroute_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::support::{Answer, Lab, Plan, ask, ask_streamed, get, providers};

const GEMINI: &str = "vertex/gemini-2.5-flash";
const CLAUDE: &str = "vertex/claude-sonnet-4-5-20250929";

/// A folder of a test's own that goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("polyroute-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The file of the simulator's service account.
async fn account(sim: &Sim) -> Value {
    get(sim.addr(), "/_sim/google/credentials", &[])
        .await
        .json()
}

/// A lab whose `vertex` signs in with that file, or with what the environment says.
async fn vertex(name: &str, file: Option<&Value>, environment: &[(&str, &str)]) -> (Lab, Folder) {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let folder = Folder::new(name);
    let file = match file {
        None => None,
        Some(Value::Null) => Some(account(&sim).await.to_string()),
        Some(file) => Some(file.to_string().replace("$SIM", &sim.url())),
    };
    let credentials = file
        .map(|text| folder.write("credentials.json", &text))
        .map(|path| format!(", credentials_file: \"{path}\""))
        .unwrap_or_default();
    let more = format!(
        "{}  vertex: {{ base_url: \"$SIM/vertex\", project: sim-project, location: us-central1{credentials} }}\n",
        providers(&sim.url())
    );
    let plan = Plan {
        more: &more,
        routes: "  safe: [vertex/gemini-2.5-flash, openai/gpt-4o-mini]\n",
        environment,
        ..Plan::default()
    };
    (Lab::before(sim, &plan).await, folder)
}

/// A lab with the simulator's service account.
async fn with_account(name: &str) -> (Lab, Folder) {
    vertex(name, Some(&Value::Null), &[]).await
}

#[tokio::test]
async fn section_1_vertex_serves_gemini_and_claude_by_the_models_name() {
    let (lab, _folder) = with_account("both").await;
    for (model, path) in [
        (GEMINI, "google/models/gemini-2.5-flash:generateContent"),
        (
            CLAUDE,
            "anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
        (
            "vertex/publishers/anthropic/models/claude-sonnet-4-5@20250929",
            "anthropic/models/claude-sonnet-4-5@20250929:rawPredict",
        ),
        (
            "vertex/google/gemini-2.5-flash",
            "google/models/gemini-2.5-flash:generateContent",
        ),
    ] {
        let answer = lab.chat(&ask(model, "echo: over there")).await;
        assert_eq!(answer.status, StatusCode::OK, "{model}: {}", answer.text());
        assert_eq!(answer.content(), "over there", "{model}");
        let entry = lab.attempts().pop().unwrap();
        assert!(entry.path.ends_with(path), "{model}: {}", entry.path);
        let start = "/projects/sim-project/locations/us-central1/publishers/";
        assert!(entry.path.contains(start), "{}", entry.path);
        let record = lab.record(&answer).await;
        assert_eq!(record["provider"], "vertex");
        assert!(record["cost"]["usd"].is_string(), "{record}");
    }
    assert_eq!(lab.sim.tokens_issued("service_account"), 1);
}

#[tokio::test]
async fn section_1_vertex_counts_for_both_publishers() {
    let (lab, _folder) = with_account("counts").await;
    for (model, path) in [
        (GEMINI, "google/models/gemini-2.5-flash:countTokens"),
        (CLAUDE, "anthropic/models/count-tokens:rawPredict"),
    ] {
        let mut body = ask(model, "echo: over there");
        let usage = lab.chat(&body).await.json()["usage"].clone();
        body["stream"] = json!(true);
        let counted = lab
            .post("/v1/chat/completions/input_tokens", &body)
            .await
            .json();
        assert_eq!(counted["estimated"], false, "{counted}");
        assert_eq!(counted["input_tokens"], usage["prompt_tokens"], "{model}");
        let entry = lab.attempts().pop().unwrap();
        assert!(entry.path.ends_with(path), "{model}: {}", entry.path);
    }
}

#[tokio::test]
async fn section_1_vertex_streams_and_calls_tools() {
    let (lab, _folder) = with_account("streams").await;
    for model in [GEMINI, CLAUDE] {
        let answer = lab.chat(&ask_streamed(model, "echo: one two three")).await;
        assert_eq!(
            answer.streamed(),
            ("one two three".to_owned(), true),
            "{model}"
        );
        let mut body = ask(model, "weather {\"city\": \"Paris\"}");
        body["tools"] = json!([{"type": "function", "function": {"name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]);
        let answer = lab.chat(&body).await;
        let call = answer.json()["choices"][0]["message"]["tool_calls"][0].clone();
        assert_eq!(
            call["function"]["name"],
            "weather",
            "{model}: {}",
            answer.text()
        );
        body["messages"].as_array_mut().unwrap().extend([
            answer.json()["choices"][0]["message"].clone(),
            json!({"role": "tool", "tool_call_id": call["id"], "content": "sunny"}),
        ]);
        let answer = lab.chat(&body).await;
        assert!(
            answer.content().contains("sunny"),
            "{model}: {}",
            answer.text()
        );
    }
}

#[tokio::test]
async fn section_6_vertex_gets_a_picture_by_url_for_gemini_only() {
    let (lab, _folder) = with_account("pictures").await;
    let mut body = ask(GEMINI, "");
    body["messages"][0]["content"] = json!([{"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}]);
    let answer = lab.chat(&body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    body["model"] = json!(CLAUDE);
    let answer = lab.chat(&body).await;
    // Nobody is at that address: what Claude must be sent, we could not fetch.
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.text().contains("could not be fetched"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn section_3_6_vertex_embeddings_by_embed_content_and_predict() {
    let (lab, _folder) = with_account("embeddings").await;
    for (model, inputs, call) in [
        ("vertex/gemini-embedding-2", json!(["one"]), ":embedContent"),
        (
            "vertex/gemini-embedding-2",
            json!(["one", "two"]),
            ":batchEmbedContents",
        ),
        (
            "vertex/text-embedding-004",
            json!(["one", "two"]),
            ":predict",
        ),
    ] {
        let body = json!({"model": model, "input": inputs, "dimensions": 64});
        let answer = lab.post("/v1/embeddings", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{model}: {}", answer.text());
        let data = answer.json()["data"].as_array().cloned().unwrap();
        assert_eq!(data.len(), inputs.as_array().unwrap().len());
        assert_eq!(data[0]["embedding"].as_array().map(Vec::len), Some(64));
        assert!(answer.json()["usage"]["prompt_tokens"].as_u64() > Some(0));
        assert!(
            lab.attempts().pop().unwrap().path.ends_with(call),
            "{model}"
        );
    }
}

#[tokio::test]
async fn every_kind_of_google_account_gets_its_token() {
    let user = json!({"type": "authorized_user", "client_id": "sim-client",
        "client_secret": "sim-client-secret", "refresh_token": "sim-refresh-token",
        "token_uri": "$SIM/oauth2/token", "quota_project_id": "payer"});
    let folder = Folder::new("subject");
    let subject = folder.write("token.json", r#"{"t": "sim-subject-token"}"#);
    let federated = json!({"type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "$SIM/sts/v1/token", "credential_source": {"file": subject,
            "format": {"type": "json", "subject_token_field_name": "t"}}});
    let mut impersonating = federated.clone();
    impersonating["service_account_impersonation_url"] =
        json!("$SIM/iamcredentials/v1/projects/-/serviceAccounts/a:generateAccessToken");
    let metadata = [("GCE_METADATA_HOST", "$HOST")];
    for (issuer, file, environment) in [
        ("authorized_user", Some(&user), [].as_slice()),
        ("federated", Some(&federated), &[]),
        ("impersonated", Some(&impersonating), &[]),
        ("metadata", None, &metadata),
    ] {
        let (lab, _folder) = vertex(issuer, file, environment).await;
        let answer = lab.chat(&ask(GEMINI, "echo: in")).await;
        assert_eq!(answer.content(), "in", "{issuer}: {}", answer.text());
        assert_eq!(lab.sim.tokens_issued(issuer), 1, "{issuer}");
        let payer = lab.attempts().swap_remove(0).headers;
        let payer = payer
            .into_iter()
            .find(|(name, _)| name == "x-goog-user-project");
        let wanted = (issuer == "authorized_user").then(|| "payer".to_owned());
        assert_eq!(payer.map(|(_, value)| value), wanted, "{issuer}");
    }
}

#[tokio::test]
async fn tokens_are_shared_renewed_and_fetched_anew_once_revoked() {
    let (lab, _folder) = with_account("renewal").await;
    // So short a life is over at once: each call needs a token of its own.
    lab.sim.set_identity(identity::Plan {
        lifetime_s: 5,
        ..identity::Plan::default()
    });
    for _ in 0..2 {
        assert_eq!(lab.chat(&ask(GEMINI, "hello")).await.status, StatusCode::OK);
    }
    assert_eq!(lab.sim.tokens_issued("service_account"), 2);
    // One that is due in a moment serves on while the next one is fetched.
    lab.sim.set_identity(identity::Plan {
        lifetime_s: 14,
        ..identity::Plan::default()
    });
    lab.chat(&ask(GEMINI, "hello")).await;
    let before = lab.sim.tokens_issued("service_account");
    let both = futures_util::future::join_all(
        (0..8).map(async |_| lab.chat(&ask(GEMINI, "hello")).await.status),
    );
    assert!(both.await.iter().all(|status| *status == StatusCode::OK));
    assert_eq!(lab.sim.tokens_issued("service_account"), before);
}

/// What the operator is told of the first attempt.
async fn failure(lab: &Lab, answer: &Answer) -> String {
    let record = lab.record(answer).await;
    let message = record["attempts"][0]["message"].as_str();
    message.unwrap_or_default().to_owned()
}

#[tokio::test]
async fn an_issuer_that_fails_is_told_apart_and_another_target_answers() {
    let (lab, _folder) = with_account("failing").await;
    let fail = |status, failures| {
        lab.sim.set_identity(identity::Plan {
            failures,
            status,
            ..identity::Plan::default()
        });
    };
    // It refuses: the credential is no good, and the operator must look.
    fail(400, 2);
    let answer = lab.chat(&ask(GEMINI, "hello")).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_auth")
    );
    let why = failure(&lab, &answer).await;
    assert!(why.contains("temporarily_unavailable"), "{why}");
    let answer = lab.chat(&ask("safe", "echo: elsewhere")).await;
    assert_eq!(answer.content(), "elsewhere");
    let record = lab.record(&answer).await;
    assert_eq!(record["attempts"][0]["outcome"], "auth", "{record}");
    assert_eq!(record["provider"], "openai");
    // It stumbles once: asked again, it answers.
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    fail(503, 1);
    let answer = lab.chat(&ask(GEMINI, "echo: again")).await;
    assert_eq!(answer.content(), "again");
}

#[tokio::test]
async fn an_issuer_that_is_gone_leaves_the_other_targets() {
    let gone = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s",
        "refresh_token": "r", "token_uri": "http://127.0.0.1:1/token"});
    let (lab, _folder) = vertex("gone", Some(&gone), &[]).await;
    let answer = lab.chat(&ask(GEMINI, "hello")).await;
    assert_eq!(answer.code(), "upstream_connection", "{}", answer.text());
    assert!(
        answer.text().contains("issuer of access tokens"),
        "{}",
        answer.text()
    );
    assert_eq!(lab.chat(&ask("safe", "echo: here")).await.content(), "here");
}

#[tokio::test]
async fn a_revoked_token_costs_one_answer_at_most() {
    let (lab, _folder) = with_account("revoked").await;
    lab.chat(&ask(GEMINI, "hello")).await;
    lab.sim.revoke_tokens();
    let answer = lab.chat(&ask("safe", "echo: still")).await;
    assert_eq!(answer.content(), "still");
    let record = lab.record(&answer).await;
    assert_eq!(record["attempts"][0]["status"], 401, "{record}");
}

#[tokio::test]
async fn no_token_is_seen_by_a_caller() {
    let (lab, _folder) = with_account("canary").await;
    lab.fault("vertex", "status:500");
    let answer = lab.chat(&ask(GEMINI, "hello")).await;
    let record = lab.record(&answer).await.to_string();
    for text in [answer.text(), record, format!("{:?}", answer.headers)] {
        assert!(!text.contains("ya29."), "{text}");
    }
}

/// A lab whose `azure` signs in as the environment and these keys say.
async fn azure(keys: &str, environment: &[(&str, &str)]) -> Lab {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let more = format!("{}  azure: {{ {keys} }}\n", providers(&sim.url()));
    let plan = Plan {
        more: &more,
        environment,
        ..Plan::default()
    };
    Lab::before(sim, &plan).await
}

#[tokio::test]
async fn every_kind_of_entra_account_gets_its_token() {
    let folder = Folder::new("federated");
    let token = folder.write("token", "sim-federated-token\n");
    let app = [
        ("AZURE_TENANT_ID", "sim-tenant"),
        ("AZURE_CLIENT_ID", "sim-app"),
        ("AZURE_AUTHORITY_HOST", "$SIM/entra/"),
    ];
    let with = |more: (&'static str, &str)| -> Vec<(&'static str, String)> {
        let own = app.iter().map(|(name, value)| (*name, (*value).to_owned()));
        own.chain([(more.0, more.1.to_owned())]).collect()
    };
    for environment in [
        with(("AZURE_CLIENT_SECRET", "sim-app-secret")),
        with(("AZURE_FEDERATED_TOKEN_FILE", &token)),
        vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", "$SIM".to_owned())],
        vec![
            ("IDENTITY_ENDPOINT", "$SIM/entra/app-service".to_owned()),
            ("IDENTITY_HEADER", "sim-identity-header".to_owned()),
        ],
    ] {
        let pairs: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        // The dated surface wants a token for the older audience.
        for (version, path) in [
            ("", "/azure/openai/v1/chat/completions"),
            (
                ", api_version: \"2024-10-21\"",
                "/azure/openai/deployments/gpt-4o-sim-prod/chat/completions?api-version=2024-10-21",
            ),
        ] {
            let keys = "base_url: \"$SIM/azure\", deployments: { gpt-4o-sim-prod: gpt-4o-mini }";
            let lab = azure(&format!("{keys}{version}"), &pairs).await;
            let answer = lab.chat(&ask("azure/gpt-4o-mini", "echo: in")).await;
            assert_eq!(answer.content(), "in", "{pairs:?}: {}", answer.text());
            let streamed = lab
                .chat(&ask_streamed("azure/gpt-4o-mini", "echo: in"))
                .await;
            assert_eq!(streamed.streamed(), ("in".to_owned(), true));
            assert_eq!(lab.sim.tokens_issued("entra"), 1, "{pairs:?}");
            let sent = lab.attempts().swap_remove(0);
            assert_eq!(sent.path, path);
            assert!(sent.headers.iter().all(|(name, _)| name != "api-key"));
            // The deployment goes out in the model's place, and the model's price holds.
            let body: Value = serde_json::from_str(&sent.body).unwrap();
            assert_eq!(body["model"], "gpt-4o-sim-prod");
            let record = lab.record(&answer).await;
            assert!(record["cost"]["usd"].is_string(), "{record}");
        }
    }
}

/// A token that Azure takes no more is its operator's matter, and another target's chance.
#[tokio::test]
async fn section_13_3_a_refused_token_of_entras_is_not_the_callers() {
    let keys = "base_url: \"$SIM/azure\", entra: { tenant: sim-tenant, client: sim-app, secret: \
                \"${SECRET}\", authority: \"$SIM/entra\", scope: \"https://ai.azure.com/.default\" }, \
                api_version: \"2024-10-21\"";
    let lab = azure(keys, &[("SECRET", "sim-app-secret")]).await;
    let answer = lab.chat(&ask("azure/gpt-4o-sim-prod", "hello")).await;
    let told = (answer.status, answer.code());
    assert_eq!(told, (StatusCode::BAD_GATEWAY, "upstream_auth".to_owned()));
    let why = failure(&lab, &answer).await;
    assert!(why.contains("audience is incorrect"), "{why}");
}

/// A question with a tool, and how hard to think about it.
fn thinking(model: &str, effort: &str) -> Value {
    let mut body = ask(model, "weather {\"city\": \"Paris\"}");
    body["tools"] = json!([{"type": "function", "function": {"name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]);
    body["reasoning_effort"] = json!(effort);
    body
}

/// The last body that the simulator was sent.
fn sent(lab: &Lab) -> Value {
    serde_json::from_str(&lab.attempts().pop().unwrap().body).unwrap()
}

/// Tools together with thinking, which GPT-5.6 takes on the Responses API only.
#[tokio::test]
async fn section_9_a_model_that_needs_responses_has_it_on_azure() {
    let deployments = "deployments: { gpt-5.6-sim-eu: gpt-5.6 }";
    for (version, path) in [
        ("", "/azure/openai/v1/responses"),
        (
            ", api_version: \"2025-04-01-preview\"",
            "/azure/openai/responses?api-version=2025-04-01-preview",
        ),
    ] {
        let keys = format!(
            "base_url: \"$SIM/azure\", credentials: [\"${{KEY}}\"], {deployments}{version}"
        );
        let lab = azure(&keys, &[]).await;
        for stream in [false, true] {
            let mut body = thinking("azure/gpt-5.6", "high");
            body["stream"] = json!(stream);
            let answer = lab.chat(&body).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            assert_eq!(answer.header("x-polyroute-api"), "responses");
            assert_eq!(answer.header("x-polyroute-changed-params"), "");
            assert_eq!(lab.attempts().pop().unwrap().path, path);
            assert_eq!(sent(&lab)["model"], "gpt-5.6-sim-eu");
            assert_eq!(sent(&lab)["reasoning"]["effort"], "high");
            let record = lab.record(&answer).await;
            assert_eq!(record["tokens"]["provenance"], "reported", "{record}");
            assert!(record["cost"]["usd"].is_string(), "{record}");
            assert_eq!(record["finish_reason"], "tool_calls", "{record}");
            if stream {
                continue;
            }
            // The loop goes on with what the model thought.
            let message = answer.json()["choices"][0]["message"].clone();
            let call = message["tool_calls"][0].clone();
            assert_eq!(call["function"]["name"], "weather", "{message}");
            body["messages"].as_array_mut().unwrap().extend([
                message,
                json!({"role": "tool", "tool_call_id": call["id"], "content": "sunny"}),
            ]);
            let answer = lab.chat(&body).await;
            assert!(answer.content().contains("sunny"), "{}", answer.text());
            let upstream = sent(&lab);
            let kinds: Vec<&str> = upstream["input"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|item| item["type"].as_str())
                .collect();
            let place = |kind| kinds.iter().position(|known| *known == kind);
            assert!(
                place("reasoning") < place("function_call") && place("reasoning").is_some(),
                "{kinds:?}"
            );
        }
    }
    // Where the API is too old for that, the model does not think, and the caller hears it.
    let keys = format!(
        "base_url: \"$SIM/azure\", credentials: [\"${{KEY}}\"], {deployments}, api_version: \"2024-10-21\""
    );
    let lab = azure(&keys, &[]).await;
    let answer = lab.chat(&thinking("azure/gpt-5.6", "high")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        answer.header("x-polyroute-changed-params"),
        "reasoning_effort=none"
    );
}

/// Azure's errors, each as what it is: a blocked prompt, a deployment that is not there, no capacity.
#[tokio::test]
async fn section_13_3_azures_errors() {
    let keys = "base_url: \"$SIM/azure\", credentials: [\"${KEY}\"], deployments: { gpt-5.6-sim-eu: gpt-5.6 }";
    let lab = azure(keys, &[]).await;
    // Over chat completions, and over Responses.
    for body in [
        ask("azure/gpt-4o-sim-prod", "hello"),
        thinking("azure/gpt-5.6", "low"),
    ] {
        for (fault, status, code) in [
            ("filtered:prompt", 400, "content_filter"),
            ("status:429:5", 429, "rate_limit_exceeded"),
            ("status:503:none", 503, "server_is_overloaded"),
            // The caller has named the deployment, so it is its own mistake.
            ("status:404", 404, "model_not_found"),
        ] {
            lab.sim.clear_faults();
            lab.fault("azure", fault);
            let answer = lab.chat(&body).await;
            let told = (answer.status.as_u16(), answer.code());
            assert_eq!(
                told,
                (status, code.to_owned()),
                "{fault}: {}",
                answer.text()
            );
        }
    }
    lab.sim.clear_faults();
    let answer = lab.chat(&ask("azure/nobody", "hello")).await;
    let record = lab.record(&answer).await;
    assert_eq!(record["attempts"][0]["outcome"], "not_found", "{record}");
    // A filter that ends the answer: what was said counts, and the finish says why.
    lab.fault("azure", "filtered:output");
    let answer = lab.chat(&ask("azure/gpt-4o-sim-prod", "words:20")).await;
    let choice = answer.json()["choices"][0].clone();
    assert_eq!(choice["finish_reason"], "content_filter", "{choice}");
    assert_eq!(choice["message"]["role"], "assistant", "{choice}");
    let streamed = lab
        .chat(&ask_streamed("azure/gpt-4o-sim-prod", "words:20"))
        .await;
    assert_eq!(streamed.finishes(), ["content_filter"]);
}

#[tokio::test]
async fn section_1_azure_by_key_on_every_surface() {
    for (keys, model, path) in [
        ("", "gpt-4o-sim-prod", "/azure/openai/v1/chat/completions"),
        (
            ", api_version: \"2024-10-21\"",
            "gpt-4o-sim-prod",
            "/azure/openai/deployments/gpt-4o-sim-prod/chat/completions?api-version=2024-10-21",
        ),
        (
            ", surface: inference",
            "grok-sim-4",
            "/azure/models/chat/completions?api-version=2024-05-01-preview",
        ),
    ] {
        let keys = format!("base_url: \"$SIM/azure\", credentials: [\"${{KEY}}\"]{keys}");
        let lab = azure(&keys, &[]).await;
        let answer = lab
            .chat(&ask(&format!("azure/{model}"), "echo: on azure"))
            .await;
        assert_eq!(answer.content(), "on azure", "{path}: {}", answer.text());
        let mut streamed = ask_streamed(&format!("azure/{model}"), "echo: on azure");
        streamed["stream_options"] = json!({"include_usage": true});
        let answer = lab.chat(&streamed).await;
        assert_eq!(answer.streamed(), ("on azure".to_owned(), true), "{path}");
        let sent = lab.attempts().swap_remove(0);
        assert_eq!(sent.path, path);
        let has = |wanted: &str| sent.headers.iter().any(|(name, _)| name == wanted);
        assert!(
            has("api-key") && !has("authorization"),
            "{:?}",
            sent.headers
        );
        let body: Value = serde_json::from_str(&sent.body).unwrap();
        assert_eq!(body["model"], model);
    }
}

#[tokio::test]
async fn an_application_with_a_wrong_secret_is_told_in_entras_words() {
    let keys = "base_url: \"$SIM\", entra: { tenant: sim-tenant, client: sim-app, secret: \
                \"${KEY}\", authority: \"$SIM/entra\" }";
    let lab = azure(keys, &[]).await;
    let answer = lab.chat(&ask("azure/prod", "hello")).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_auth")
    );
    let why = failure(&lab, &answer).await;
    assert!(why.contains("AADSTS7000215"), "{why}");
    assert!(!answer.text().contains(crate::support::CANARY));
}

#[tokio::test]
async fn section_11_2_a_filtered_choice_without_message_is_written_anew() {
    let lab = Lab::start().await;
    lab.sim.add_script(
        serde_json::from_value(json!({"match": {"prefix": "openai"}, "replies": [{"json": {
            "status": 200, "body": {"id": "c", "object": "chat.completion", "created": 1,
            "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": "content_filter"}],
            "usage": {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}}}}]}))
        .unwrap(),
    );
    let answer = lab.chat(&ask("openai/gpt-4o", "hello")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let choice = answer.json()["choices"][0].clone();
    assert_eq!(choice["message"]["role"], "assistant", "{choice}");
    assert_eq!(choice["finish_reason"], "content_filter");
}
