//! Bedrock through the gateway: Converse behind OpenAI's shape, signatures that the simulator
//! verifies, and where AWS credentials come from.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use polyroute_sim::SimConfig;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Lab, Plan, ask, ask_streamed, server};

const CLAUDE: &str = "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0";
const NOVA: &str = "bedrock/us.amazon.nova-2-lite-v1:0";
const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIASIM1"),
    ("AWS_SECRET_ACCESS_KEY", "sim-secret-of-AKIASIM1"),
];

/// Bedrock with more keys, beside the usual three.
fn providers(more: &str) -> String {
    let usual = "providers:\n  openai: { base_url: \"$SIM/openai/v1\", credentials: [\"${KEY}\"] }\n  \
                 anthropic: { base_url: \"$SIM/anthropic\", credentials: [\"${KEY}\"] }\n  \
                 gemini: { base_url: \"$SIM/gemini\", credentials: [\"${KEY}\"] }\n";
    format!("{usual}  bedrock: {{ base_url: \"$SIM/bedrock\", region: eu-central-1{more} }}\n")
}

async fn lab_with(more: &str, environment: &[(&str, &str)], sim: SimConfig) -> Lab {
    Lab::build(Plan {
        more: &providers(more),
        routes: "  both: [bedrock/us.amazon.nova-2-lite-v1:0, openai/gpt-4o-mini]\n",
        environment,
        sim,
    })
    .await
}

async fn lab(environment: &[(&str, &str)]) -> Lab {
    lab_with("", environment, SimConfig::default()).await
}

fn tool(name: &str) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}})
}

fn with(mut body: Value, members: Value) -> Value {
    for (key, value) in members.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

#[tokio::test]
async fn text_and_streams_are_signed_and_translated() {
    let lab = lab(&KEYS).await;
    for model in [CLAUDE, NOVA] {
        let answer = lab.chat(&ask(model, "echo: Grüße 👋")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.content(), "Grüße 👋");
        let body = answer.json();
        assert_eq!(body["choices"][0]["finish_reason"], "stop");
        assert!(body["usage"]["prompt_tokens"].as_u64() > Some(0));
        let streamed = lab.chat(&ask_streamed(model, "echo: Grüße 👋")).await;
        assert_eq!(streamed.streamed(), ("Grüße 👋".to_owned(), true));
        let record = lab.record(&streamed).await;
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1);
        assert!(
            record["attempts"][0]["upstream_request_id"].is_string(),
            "{record}"
        );
    }
    let entry = lab.attempts().remove(0);
    assert!(
        entry
            .path
            .starts_with("/bedrock/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/")
    );
}

#[tokio::test]
async fn tools_schemas_and_pictures() {
    let lab = lab(&KEYS).await;
    let tools = json!([tool("get_weather"), tool("get_time")]);
    let asked = with(
        ask(CLAUDE, "What is the weather in Oslo?"),
        json!({ "tools": tools }),
    );
    let single = lab.chat(&asked).await.json();
    let message = &single["choices"][0]["message"];
    let call = &message["tool_calls"][0];
    assert_eq!(call["function"]["name"], "get_weather");
    assert_eq!(single["choices"][0]["finish_reason"], "tool_calls");
    let result = with(
        asked,
        json!({"messages": [
        {"role": "user", "content": "What is the weather in Oslo?"}, message,
        {"role": "tool", "tool_call_id": call["id"], "content": "4 degrees"}]}),
    );
    let told = lab.chat(&result).await;
    assert!(told.content().contains("4 degrees"), "{}", told.text());
    let both = with(
        ask_streamed(CLAUDE, "use both get_weather and get_time"),
        json!({ "tools": tools }),
    );
    let parallel = lab.chat(&both).await;
    assert_eq!(parallel.finishes(), ["tool_calls"]);
    assert!(parallel.text().contains("get_weather") && parallel.text().contains("get_time"));
    let schema = json!({"type": "json_schema", "json_schema": {"name": "city", "strict": true, "schema": {
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false}}});
    for model in [CLAUDE, NOVA] {
        let answer = lab
            .chat(&with(
                ask(model, "A city"),
                json!({"response_format": schema}),
            ))
            .await;
        let city: Value = serde_json::from_str(&answer.content()).unwrap();
        assert!(city["city"].is_string(), "{}", answer.text());
    }
    let png = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let seen = lab.chat(&json!({"model": CLAUDE, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "echo: seen"}, {"type": "image_url", "image_url": {"url": png}}]}]})).await;
    assert_eq!(seen.content(), "seen", "{}", seen.text());
}

#[tokio::test]
async fn section_14_claude_is_counted_and_others_are_estimated() {
    let lab = lab(&KEYS).await;
    for (model, estimated) in [(CLAUDE, false), (NOVA, true)] {
        let mut body = ask(model, "What is the weather in Oslo?");
        let usage = lab.chat(&body).await.json()["usage"].clone();
        let calls = lab.attempts().len();
        body["stream"] = json!(true);
        body["temperature"] = json!(0.5);
        let answer = lab.post("/v1/chat/completions/input_tokens", &body).await;
        let counted = answer.json();
        assert_eq!(counted["estimated"], estimated, "{counted}");
        if estimated {
            assert_eq!(lab.attempts().len(), calls, "nobody was asked");
        } else {
            assert_eq!(counted["input_tokens"], usage["prompt_tokens"]);
            let entry = lab.attempts().pop().unwrap();
            assert!(entry.path.ends_with("/count-tokens"), "{}", entry.path);
        }
    }
}

#[tokio::test]
async fn failures_fall_back_and_streams_that_break_say_so() {
    let lab = lab(&KEYS).await;
    lab.fault("bedrock", "status:503");
    let answer = lab.chat(&ask("both", "echo: here")).await;
    assert_eq!(answer.content(), "here");
    assert_eq!(
        answer.header("x-polyroute-provider"),
        "openai",
        "{:?}",
        answer.headers
    );
    let lab = self::lab(&KEYS).await;
    lab.fault("bedrock", "error_first_event");
    let answer = lab.chat(&ask_streamed("both", "echo: here")).await;
    assert_eq!(answer.streamed(), ("here".to_owned(), true));
    for fault in ["error_after:4", "half_json", "cut:4:reset"] {
        let lab = self::lab(&KEYS).await;
        lab.fault("bedrock", fault);
        let broken = lab.chat(&ask_streamed(NOVA, "words:60")).await;
        let clean = broken.status == StatusCode::OK && broken.streamed().1;
        assert!(!clean, "{fault}: {}", broken.text());
        assert!(!broken.code().is_empty(), "{fault}: {}", broken.text());
    }
    let lab = self::lab(&KEYS).await;
    let missing = lab.chat(&ask("bedrock/us.vendor.nothing", "hi")).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND, "{}", missing.text());
}

#[tokio::test]
async fn a_bearer_key_goes_instead_of_a_signature() {
    let lab = lab(&[("AWS_BEARER_TOKEN_BEDROCK", "sim-bearer-key")]).await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    let seen = format!("{:?}", lab.attempts()[0].headers);
    assert!(!seen.contains("AWS4-HMAC"), "{seen}");
    let bad = lab_with(
        "",
        &[("AWS_BEARER_TOKEN_BEDROCK", "sim-bad")],
        SimConfig::default(),
    )
    .await;
    let refused = bad.chat(&ask(NOVA, "hi")).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_auth")
    );
    assert!(!refused.text().contains("sim-bad"));
}

#[tokio::test]
async fn wrong_keys_are_told_without_the_keys() {
    let environment = [KEYS[0], ("AWS_SECRET_ACCESS_KEY", "wrong-secret-canary")];
    let lab = lab(&environment).await;
    let refused = lab.chat(&ask(NOVA, "hi")).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_auth")
    );
    assert!(!refused.text().contains("canary"), "{}", refused.text());
    assert_eq!(
        lab.chat(&ask("both", "echo: b")).await.content(),
        "b",
        "another provider answers"
    );
}

#[tokio::test]
async fn section_15_a_clock_that_differs_is_made_up_for_once() {
    let config = SimConfig {
        aws_clock_ahead_s: -3_600,
        ..SimConfig::default()
    };
    let lab = lab_with(", models: false", &KEYS, config).await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    assert_eq!(
        lab.attempts().len(),
        2,
        "refused, and sent again by AWS's clock"
    );
    assert_eq!(lab.chat(&ask(NOVA, "echo: b")).await.content(), "b");
    assert_eq!(lab.attempts().len(), 3, "the difference is remembered");
}

#[tokio::test]
async fn section_1_models_are_listed_by_the_control_plane() {
    let lab = Lab::build(Plan {
        more: &format!("{}{}", server(""), providers("")),
        environment: &KEYS,
        ..Plan::default()
    })
    .await;
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        let models = lab.get("/v1/models", &[]).await.text();
        let profile = models.contains("bedrock/us.anthropic.claude-sonnet-4-6");
        if profile && models.contains("bedrock/amazon.nova-pro-v1:0") {
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{models}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// An HTTP server that answers by method and path, and remembers what was asked.
struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// `answers`: `GET /path` to a body; anything else is 404.
    async fn start(answers: Vec<(&'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: HashMap<&str, String> = answers.into_iter().collect();
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0_u8; 64 * 1024];
                let mut length = 0;
                while let Ok(count) = socket.read(&mut request[length..]).await {
                    length += count;
                    let text = String::from_utf8_lossy(&request[..length]).into_owned();
                    let Some((head, body)) = text.split_once("\r\n\r\n") else {
                        if count == 0 {
                            break;
                        }
                        continue;
                    };
                    let size = head.lines().find_map(|line| {
                        let (name, value) = line.split_once(": ")?;
                        name.eq_ignore_ascii_case("content-length")
                            .then(|| value.parse().ok())?
                    });
                    if body.len() >= size.unwrap_or(0) || count == 0 {
                        break;
                    }
                }
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let line = text.split(" HTTP").next().unwrap_or_default().to_owned();
                let (status, body) = match answers.get(line.as_str()) {
                    Some(body) => ("200 OK", body.as_str()),
                    None => ("404 Not Found", ""),
                };
                log.lock().unwrap().push(text);
                let answer = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Temporary credentials that the simulator knows, good for so many seconds.
fn temporary(lasting_s: u64) -> String {
    let expiry = SystemTime::now() + Duration::from_secs(lasting_s);
    let expiry = jiff::Timestamp::try_from(expiry).unwrap();
    json!({"Code": "Success", "AccessKeyId": "ASIASIM9", "SecretAccessKey": "sim-secret-of-ASIASIM9",
        "Token": "sim-session-of-ASIASIM9", "Expiration": expiry.to_string()}).to_string()
}

/// A file of this test's own.
fn file(name: &str, text: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("polyroute-bedrock-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

const ROLE: &str = "/latest/meta-data/iam/security-credentials/";

async fn metadata(lasting_s: u64) -> Fake {
    Fake::start(vec![
        ("PUT /latest/api/token", "meta-token".to_owned()),
        (
            "GET /latest/meta-data/iam/security-credentials/",
            "my-role\n".to_owned(),
        ),
        (
            "GET /latest/meta-data/iam/security-credentials/my-role",
            temporary(lasting_s),
        ),
    ])
    .await
}

#[tokio::test]
async fn credentials_of_the_instance_are_fetched_once_and_used_again() {
    let fake = metadata(3_600).await;
    let lab = lab(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &fake.url)]).await;
    let asks = (0..5).map(|_| async { lab.chat(&ask(NOVA, "echo: a")).await.content() });
    let said = futures_util::future::join_all(asks).await;
    assert!(said.iter().all(|said| said == "a"), "{said:?}");
    let asked = fake.asked();
    assert_eq!(asked.len(), 3, "one renewal serves everybody: {asked:?}");
    assert!(asked[0].contains("x-aws-ec2-metadata-token-ttl-seconds: 21600"));
    assert!(asked[2].contains("x-aws-ec2-metadata-token: meta-token") && asked[2].contains(ROLE));
}

#[tokio::test]
async fn credentials_are_renewed_before_they_expire_while_the_old_ones_serve() {
    let fake = metadata(120).await;
    let lab = lab(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &fake.url)]).await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    assert_eq!(lab.chat(&ask(NOVA, "echo: b")).await.content(), "b");
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while fake.asked().len() < 6 {
        assert!(std::time::Instant::now() < deadline, "{:?}", fake.asked());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn credentials_of_a_container_with_its_token() {
    let fake = Fake::start(vec![("GET /creds", temporary(3_600))]).await;
    let token = file("container-token", "tok-1\n");
    let lab = lab(&[
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            &format!("{}/creds", fake.url),
        ),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
            token.to_str().unwrap(),
        ),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ])
    .await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    assert!(
        fake.asked()[0].contains("authorization: tok-1"),
        "{:?}",
        fake.asked()
    );
}

#[tokio::test]
async fn credentials_by_web_identity() {
    let sts = json!({"AssumeRoleWithWebIdentityResponse": {"AssumeRoleWithWebIdentityResult": {
        "Credentials": {"AccessKeyId": "ASIASIM9", "SecretAccessKey": "sim-secret-of-ASIASIM9",
            "SessionToken": "sim-session-of-ASIASIM9", "Expiration": 4.0e9}}}});
    let fake = Fake::start(vec![("POST /", sts.to_string())]).await;
    let token = file("web-token", "web.identity/token\n");
    let lab = lab(&[
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_ENDPOINT_URL_STS", &fake.url),
    ])
    .await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    let asked = fake.asked();
    assert!(
        asked[0].contains("WebIdentityToken=web%2Eidentity%2Ftoken"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn credentials_of_a_profile() {
    let path = file(
        "credentials",
        "[team]\naws_access_key_id = AKIASIM7\naws_secret_access_key = sim-secret-of-AKIASIM7\n",
    );
    let environment = [
        ("AWS_SHARED_CREDENTIALS_FILE", path.to_str().unwrap()),
        ("AWS_CONFIG_FILE", "/none"),
    ];
    let lab = lab_with(
        ", aws: { profile: team }",
        &environment,
        SimConfig::default(),
    )
    .await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
}

#[tokio::test]
async fn without_credentials_the_caller_hears_why_and_another_provider_answers() {
    let lab = lab(&[("AWS_EC2_METADATA_DISABLED", "true")]).await;
    let refused = lab.chat(&ask(NOVA, "hi")).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_auth")
    );
    assert_eq!(lab.chat(&ask("both", "echo: b")).await.content(), "b");
    let dead = Fake::start(Vec::new()).await;
    let lab = self::lab(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &dead.url)]).await;
    let refused = lab.chat(&ask(NOVA, "hi")).await;
    assert_eq!(refused.code(), "upstream_auth");
    for _ in 0..5 {
        lab.chat(&ask(NOVA, "hi")).await;
    }
    assert!(
        dead.asked().len() < 4,
        "a dead issuer is not stormed: {}",
        dead.asked().len()
    );
}
