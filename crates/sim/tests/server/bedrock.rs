//! What only Bedrock has: signatures, event-stream frames, exceptions, the control plane's lists.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use polyroute_sim::models::Dialect;
use polyroute_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::client::{Answer, Chat, End, frames, send, sim};

const PATH: &str = "/bedrock/model/us.amazon.nova-2-lite-v1%3A0/converse";

/// Whose signature, and what is wrong with it.
#[derive(Clone, Copy)]
struct Signing<'a> {
    key_id: &'a str,
    secret: &'a str,
    token: Option<&'a str>,
    service: &'a str,
    at: SystemTime,
}

impl Signing<'_> {
    fn good() -> Signing<'static> {
        Signing {
            key_id: "AKIASIM1",
            secret: "sim-secret-of-AKIASIM1",
            token: None,
            service: "bedrock",
            at: SystemTime::now(),
        }
    }

    /// Sends `sent` with the signature of `signed`.
    async fn send(&self, sim: &Sim, path: &str, signed: &str, sent: &str) -> Answer {
        let token = self.token.map(str::to_owned);
        let identity = Credentials::new(self.key_id, self.secret, token, None, "test").into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region("eu-central-1")
            .name(self.service)
            .time(self.at)
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let url = format!("http://sim{path}");
        let headers = [("host", "sim")].into_iter();
        let body = SignableBody::Bytes(signed.as_bytes());
        let request = SignableRequest::new("POST", url, headers, body).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let headers: Vec<(&str, &str)> = instructions.headers().collect();
        send(sim, "POST", path, &headers, sent).await
    }
}

fn exception(answer: &Answer) -> String {
    let header = answer.header("x-amzn-errortype").unwrap_or_default();
    header.split(':').next().unwrap_or_default().to_owned()
}

/// A case's name, who signs, what, and the refusal.
type Bad = (
    &'static str,
    Signing<'static>,
    &'static str,
    &'static str,
    &'static str,
);

const BODY: &str = r#"{"messages":[{"role":"user","content":[{"text":"echo: hi"}]}]}"#;

#[rustfmt::skip]
fn bad_signatures(good: Signing<'static>, temporary: Signing<'static>) -> Vec<Bad> {
    const REFUSED: &str = "InvalidSignatureException";
    const UNKNOWN: &str = "UnrecognizedClientException";
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let old_token = Signing { token: Some("sim-session-expired"), ..temporary };
    vec![
        ("another body", good, "{}", REFUSED, "does not match"),
        ("wrong secret", Signing { secret: "x", ..good }, BODY, REFUSED, "does not match"),
        ("unknown key", Signing { key_id: "AKIAOTHER", ..good }, BODY, UNKNOWN, "is invalid"),
        ("no token", Signing { token: None, ..temporary }, BODY, UNKNOWN, "is invalid"),
        ("old token", old_token, BODY, "ExpiredTokenException", "is expired"),
        ("service", Signing { service: "s3", ..good }, BODY, REFUSED, "'bedrock'"),
        ("old", Signing { at: good.at - minutes(6), ..good }, BODY, REFUSED, "Signature expired"),
        ("ahead", Signing { at: good.at + minutes(6), ..good }, BODY, REFUSED, "not yet current"),
    ]
}

#[tokio::test]
async fn section_15_signatures_are_recomputed() {
    let sim = sim().await;
    let good = Signing::good();
    let answer = good.send(&sim, PATH, BODY, BODY).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let temporary = Signing {
        key_id: "ASIASIM2",
        secret: "sim-secret-of-ASIASIM2",
        token: Some("sim-session-of-ASIASIM2"),
        ..good
    };
    assert_eq!(temporary.send(&sim, PATH, BODY, BODY).await.status, 200);
    for (name, signing, signed, wanted, words) in bad_signatures(good, temporary) {
        let answer = signing.send(&sim, PATH, signed, BODY).await;
        assert_eq!(
            (answer.status, exception(&answer)),
            (403, wanted.to_owned()),
            "{name}"
        );
        assert!(answer.text().contains(words), "{name}: {}", answer.text());
    }
}

#[tokio::test]
async fn the_clock_may_run_ahead_and_says_so() {
    let config = SimConfig {
        aws_clock_ahead_s: 3_600,
        ..SimConfig::default()
    };
    let sim = Sim::start(config).await.unwrap();
    let signing = Signing::good();
    let answer = signing.send(&sim, PATH, BODY, BODY).await;
    assert_eq!(exception(&answer), "InvalidSignatureException");
    let date = httpdate::parse_http_date(answer.header("date").unwrap()).unwrap();
    let again = Signing {
        at: date,
        ..signing
    };
    assert_eq!(again.send(&sim, PATH, BODY, BODY).await.status, 200);
}

#[tokio::test]
async fn section_13_3_keys_models_and_statuses_are_exceptions() {
    let sim = sim().await;
    let chat = Chat::new(Dialect::Bedrock, "hi");
    let nobody = send(&sim, "POST", PATH, &[], BODY).await;
    assert_eq!(exception(&nobody), "MissingAuthenticationTokenException");
    let bad = chat
        .clone()
        .header("authorization", "Bearer sim-bad")
        .send(&sim)
        .await;
    assert_eq!(
        (bad.status, exception(&bad)),
        (403, "AccessDeniedException".to_owned())
    );
    let unknown = chat.clone().model("us.vendor.nothing").send(&sim).await;
    assert_eq!(
        (unknown.status, exception(&unknown)),
        (400, "ValidationException".to_owned())
    );
    assert_eq!(
        unknown.json()["message"],
        "The provided model identifier is invalid."
    );
    let bare = chat
        .clone()
        .model("anthropic.claude-sonnet-4-6")
        .send(&sim)
        .await;
    assert!(
        bare.text().contains("on-demand throughput"),
        "{}",
        bare.text()
    );
    for (fault, status, name) in [
        ("status:429", 429, "ThrottlingException"),
        ("status:503", 503, "ServiceUnavailableException"),
        ("status:500", 500, "InternalServerException"),
        ("status:408", 408, "ModelTimeoutException"),
    ] {
        let answer = chat.clone().header("x-sim-fault", fault).send(&sim).await;
        assert_eq!(
            (answer.status, exception(&answer)),
            (status, name.to_owned())
        );
    }
    let long = "word ".repeat(250_000);
    let long = Chat::new(Dialect::Bedrock, &long).send(&sim).await;
    assert_eq!(
        long.json()["message"],
        "Input is too long for requested model."
    );
}

#[tokio::test]
async fn section_12_2_streams_fail_by_exception_frame_or_within_a_frame() {
    let sim = sim().await;
    let chat = Chat::new(Dialect::Bedrock, "words:60").streamed();
    let failed = chat
        .clone()
        .header("x-sim-fault", "error_after:3")
        .send(&sim)
        .await;
    let failed = frames(&failed.body);
    assert_eq!(failed.len(), 4);
    let header = |name: &str| {
        let headers = &failed[3].headers;
        headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(header(":message-type"), Some("exception"));
    assert_eq!(
        header(":exception-type"),
        Some("serviceUnavailableException")
    );
    assert!(failed[3].value["message"].is_string());
    let cut = chat
        .clone()
        .header("x-sim-fault", "half_json")
        .send(&sim)
        .await;
    assert_eq!(cut.end, End::Complete);
    let length = u32::from_be_bytes(cut.body[..4].try_into().unwrap()) as usize;
    assert!(cut.body.len() > length, "one whole frame and a part");
    let whole = chat.send(&sim).await;
    assert_eq!(
        whole.header("content-type"),
        Some("application/vnd.amazon.eventstream")
    );
    assert!(whole.header("x-amzn-requestid").is_some());
}

#[tokio::test]
async fn thoughts_come_signed_by_claude_only() {
    let sim = sim().await;
    let budget = json!({"thinking": {"type": "enabled", "budget_tokens": 2000}});
    let claude = Chat::new(Dialect::Bedrock, "think")
        .with("additionalModelRequestFields", budget)
        .with("inferenceConfig", json!({"maxTokens": 4000}));
    let nova = Chat::new(Dialect::Bedrock, "think")
        .model("us.amazon.nova-2-lite-v1:0")
        .with(
            "additionalModelRequestFields",
            json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}),
        );
    for (chat, signed) in [(claude, true), (nova, false)] {
        let whole = crate::said::said(Dialect::Bedrock, false, &chat.send(&sim).await);
        assert!(!whole.thinking.is_empty());
        assert_eq!(whole.signed, signed);
        let streamed = chat.streamed().send(&sim).await;
        let streamed = crate::said::said(Dialect::Bedrock, true, &streamed);
        assert_eq!(
            (streamed.thinking, streamed.signed),
            (whole.thinking, signed)
        );
    }
}

#[tokio::test]
async fn section_1_and_14_lists_and_counts() {
    let sim = sim().await;
    let key = [("authorization", "Bearer k")];
    let base = send(&sim, "GET", "/bedrock/foundation-models", &key, "")
        .await
        .json();
    let models = base["modelSummaries"].as_array().unwrap();
    assert!(
        models
            .iter()
            .any(|model| model["modelId"] == "amazon.nova-lite-v1:0")
    );
    let mut path = "/bedrock/inference-profiles?maxResults=3".to_owned();
    let mut ids: Vec<Value> = Vec::new();
    loop {
        let page = send(&sim, "GET", &path, &key, "").await.json();
        let profiles = page["inferenceProfileSummaries"].as_array().unwrap();
        ids.extend(
            profiles
                .iter()
                .map(|profile| profile["inferenceProfileId"].clone()),
        );
        let Some(next) = page["nextToken"].as_str() else {
            break;
        };
        path = format!("/bedrock/inference-profiles?maxResults=3&nextToken={next}");
    }
    assert!(ids.contains(&json!("us.anthropic.claude-sonnet-4-6")));
    ids.dedup();
    assert!(ids.len() > 3);
    let path = "/bedrock/model/anthropic.claude-sonnet-4-6/count-tokens";
    let converse = json!({"input": {"converse": {"messages": [
        {"role": "user", "content": [{"text": "How many?"}]}]}}});
    let counted = send(&sim, "POST", path, &key, &converse.to_string()).await;
    assert!(
        counted.json()["inputTokens"].as_u64().unwrap() > 0,
        "{}",
        counted.text()
    );
}
