//! Vertex AI's paths and the issuers of tokens: what they take, and what they refuse as the real
//! ones do.

use polyroute_sim::Sim;
use polyroute_sim::cloud::identity::Plan;
use serde_json::{Value, json};

use crate::client::{Answer, send, sim};

const GEMINI: &str = "/vertex/v1/projects/p/locations/global/publishers/google/models";
const CLAUDE: &str = "/vertex/v1/projects/p/locations/global/publishers/anthropic/models";
const METADATA: &str = "/computeMetadata/v1/instance/service-accounts/default/token";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn token(sim: &Sim) -> String {
    let answer = send(sim, "GET", METADATA, &[("Metadata-Flavor", "Google")], "").await;
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

async fn call(sim: &Sim, token: &str, path: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    send(sim, "POST", path, &headers, &body.to_string()).await
}

fn hello() -> Value {
    json!({"contents": [{"role": "user", "parts": [{"text": "echo: hello"}]}]})
}

fn claude() -> Value {
    json!({"anthropic_version": "vertex-2023-10-16", "max_tokens": 20,
        "messages": [{"role": "user", "content": "echo: hello"}]})
}

#[tokio::test]
async fn both_publishers_answer_a_token_of_ours() {
    let sim = sim().await;
    let token = token(&sim).await;
    let path = format!("{GEMINI}/gemini-2.5-flash:generateContent");
    let mut body = hello();
    body["labels"] = json!({"team": "a"});
    let answer = call(&sim, &token, &path, &body).await;
    assert_eq!(
        answer.json()["candidates"][0]["content"]["parts"][0]["text"],
        "hello"
    );
    let path = format!("{CLAUDE}/claude-sonnet-4-5@20250929:rawPredict");
    let answer = call(&sim, &token, &path, &claude()).await;
    assert_eq!(
        answer.json()["content"][0]["text"],
        "hello",
        "{}",
        answer.text()
    );
    let mut body = claude();
    body["stream"] = json!(true);
    let path = format!("{CLAUDE}/claude-sonnet-4-5@20250929:streamRawPredict");
    let events = call(&sim, &token, &path, &body).await.event_values();
    assert_eq!(events.last().unwrap()["type"], "message_stop");
    let path = format!("{CLAUDE}/count-tokens:rawPredict");
    let body = json!({"anthropic_version": "vertex-2023-10-16", "model": "claude-sonnet-4-5@20250929",
        "messages": [{"role": "user", "content": "hello"}]});
    assert!(call(&sim, &token, &path, &body).await.json()["input_tokens"].as_u64() > Some(0));
}

#[tokio::test]
async fn a_token_that_nobody_gave_or_that_is_over_is_refused() {
    let sim = sim().await;
    let path = format!("{GEMINI}/gemini-2.5-flash:generateContent");
    let answer = call(&sim, "ya29.mine", &path, &hello()).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()[0]["error"]["status"], "UNAUTHENTICATED");
    sim.set_identity(Plan {
        lifetime_s: 0,
        ..Plan::default()
    });
    let over = token(&sim).await;
    assert_eq!(call(&sim, &over, &path, &hello()).await.status, 401);
    // An API key is another way in.
    let key = [("x-goog-api-key", "k")];
    let express = "/vertex/v1/publishers/google/models/gemini-2.5-flash:generateContent";
    let answer = send(&sim, "POST", express, &key, &hello().to_string()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        send(&sim, "POST", express, &[], &hello().to_string())
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn claude_bodies_are_judged_by_vertexs_rules() {
    let sim = sim().await;
    let token = token(&sim).await;
    let path = format!("{CLAUDE}/claude-sonnet-4-5@20250929:rawPredict");
    for (key, value, says) in [
        ("anthropic_version", Value::Null, "anthropic_version"),
        (
            "anthropic_version",
            json!("2023-06-01"),
            "anthropic_version",
        ),
        ("model", json!("claude-sonnet-4-5"), "model: Extra inputs"),
        ("service_tier", json!("auto"), "service_tier: Extra inputs"),
        ("stream", json!(true), "streamRawPredict"),
        ("wrong", json!(1), "wrong: Extra inputs"),
        (
            "messages",
            json!([{"role": "user", "content": [{"type": "image",
                "source": {"type": "url", "url": "https://a.example/x.png"}}]}]),
            "URL sources",
        ),
    ] {
        let mut body = claude();
        body[key] = value;
        let answer = call(&sim, &token, &path, &body).await;
        assert_eq!(answer.status, 400, "{key}");
        let message = answer.json()["error"]["message"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(message.contains(says), "{key}: {message}");
    }
}

#[tokio::test]
async fn embeddings_by_each_of_vertexs_calls() {
    let sim = sim().await;
    let token = token(&sim).await;
    let content = |text: &str| json!({"parts": [{"text": text}]});
    let settings = json!({"outputDimensionality": 8, "autoTruncate": false});
    let one = json!({"content": content("a"), "embedContentConfig": settings});
    let path = format!("{GEMINI}/gemini-embedding-2:embedContent");
    let answer = call(&sim, &token, &path, &one).await.json();
    assert_eq!(
        answer["embedding"]["values"].as_array().map(Vec::len),
        Some(8),
        "{answer}"
    );
    let path = format!("{GEMINI}/gemini-embedding-2:batchEmbedContents");
    let answer = call(&sim, &token, &path, &json!({"requests": [one, one]}))
        .await
        .json();
    assert_eq!(
        answer["embeddings"].as_array().map(Vec::len),
        Some(2),
        "{answer}"
    );
    let path = format!("{GEMINI}/text-embedding-004:predict");
    let body = json!({"instances": [{"content": "a"}], "parameters": {"outputDimensionality": 8}});
    let answer = call(&sim, &token, &path, &body).await.json();
    let first = &answer["predictions"][0]["embeddings"];
    assert_eq!(
        first["values"].as_array().map(Vec::len),
        Some(8),
        "{answer}"
    );
    assert!(first["statistics"]["token_count"].is_u64());
    // The Gemini API's own places are none here.
    let path = format!("{GEMINI}/gemini-embedding-2:embedContent");
    let body = json!({"content": content("a"), "outputDimensionality": 8});
    assert_eq!(call(&sim, &token, &path, &body).await.status, 400);
    let path = format!("{GEMINI}/text-embedding-004:predict");
    for body in [
        json!({"instances": []}),
        json!({"instances": [{"text": "a"}]}),
        json!({"instances": [{"content": "a"}], "parameters": {"dimensions": 8}}),
    ] {
        assert_eq!(call(&sim, &token, &path, &body).await.status, 400, "{body}");
    }
}

#[tokio::test]
async fn issuers_refuse_what_proves_nothing() {
    let sim = sim().await;
    let jwt = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    // A claim without a signature, and one whose algorithm is none.
    let none = "eyJhbGciOiJub25lIn0.e30.";
    let forged = "eyJhbGciOiJSUzI1NiJ9.e30.AAAA";
    for (path, body, says) in [
        ("/oauth2/token", format!("{jwt}x"), "Invalid JWT"),
        ("/oauth2/token", format!("{jwt}{none}"), "must be RS256"),
        (
            "/oauth2/token",
            format!("{jwt}{forged}"),
            "Invalid JWT Signature",
        ),
        (
            "/oauth2/token",
            "grant_type=password".to_owned(),
            "unsupported_grant_type",
        ),
        (
            "/oauth2/token",
            "grant_type=refresh_token&client_id=sim-client&client_secret=sim-client-secret"
                .to_owned(),
            "invalid_grant",
        ),
        (
            "/sts/v1/token",
            "grant_type=x".to_owned(),
            "invalid_request",
        ),
        (
            "/entra/nobody/oauth2/v2.0/token",
            "grant_type=client_credentials".to_owned(),
            "AADSTS90002",
        ),
        (
            "/entra/sim-tenant/oauth2/v2.0/token",
            "grant_type=client_credentials&client_id=other".to_owned(),
            "AADSTS700016",
        ),
        (
            "/entra/sim-tenant/oauth2/v2.0/token",
            "grant_type=client_credentials&client_id=sim-app&scope=https%3A%2F%2Fai.azure.com"
                .to_owned(),
            "invalid_scope",
        ),
        (
            "/entra/sim-tenant/oauth2/v2.0/token",
            "grant_type=client_credentials&client_id=sim-app&client_secret=no&scope=a%2F.default"
                .to_owned(),
            "AADSTS7000215",
        ),
    ] {
        let answer = send(&sim, "POST", path, &[FORM], &body).await;
        assert!((400..500).contains(&answer.status), "{path} {body}");
        assert!(answer.text().contains(says), "{body}: {}", answer.text());
    }
    // Without the header, a page of a browser could ask.
    assert_eq!(send(&sim, "GET", METADATA, &[], "").await.status, 403);
    let imds =
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://ai.azure.com";
    assert_eq!(send(&sim, "GET", imds, &[], "").await.status, 400);
    assert_eq!(
        send(&sim, "GET", imds, &[("metadata", "true")], "")
            .await
            .status,
        200
    );
    assert_eq!(sim.tokens_issued("service_account"), 0);
}

#[tokio::test]
async fn issuers_fail_when_told_to() {
    let sim = sim().await;
    let plan = json!({"failures": 1, "status": 500}).to_string();
    let set = send(&sim, "POST", "/_sim/identity", &[], &plan).await;
    assert_eq!(set.json()["plan"]["failures"], 1);
    let headers = [("Metadata-Flavor", "Google")];
    assert_eq!(send(&sim, "GET", METADATA, &headers, "").await.status, 500);
    assert_eq!(send(&sim, "GET", METADATA, &headers, "").await.status, 200);
    let told = send(&sim, "GET", "/_sim/identity", &[], "").await.json();
    assert_eq!(told["issued"]["metadata"], 1);
    assert_eq!(
        send(&sim, "POST", "/_sim/identity", &[], "{\"x\":1}")
            .await
            .status,
        400
    );
}
