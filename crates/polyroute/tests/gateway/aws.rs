//! Where AWS credentials come from: instances, containers, tokens, profiles of the shared files with
//! their roles, sessions and programs. Bedrock takes no request whose signature it can't verify, so
//! each answer shows that the credentials were the right ones.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use polyroute_sim::SimConfig;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::bedrock::{NOVA, lab, lab_with};
use crate::support::{Lab, ask};

/// An HTTP server that answers by method, path and body, and remembers what was asked.
struct Fake {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    /// `answers`: `GET /path` to a body, of which the first counts whose request also has the words
    /// behind a line end; anything else is 404.
    async fn start(answers: Vec<(&'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
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
                let fits = |key: &str| {
                    let (wanted, words) = key.split_once('\n').unwrap_or((key, ""));
                    wanted == line && text.contains(words)
                };
                let (status, body) = match answers.iter().find(|(key, _)| fits(key)) {
                    Some((_, body)) => ("200 OK", body.as_str()),
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

/// The two shared files, named after a test, and what leads to them.
fn shared(name: &str, credentials: &str, config: &str) -> Vec<(&'static str, String)> {
    let path = |kind: &str, text: &str| {
        let path = file(&format!("{name}-{kind}"), text);
        path.to_str().unwrap().to_owned()
    };
    vec![
        (
            "AWS_SHARED_CREDENTIALS_FILE",
            path("credentials", credentials),
        ),
        ("AWS_CONFIG_FILE", path("config", config)),
    ]
}

/// A lab that signs in by the profile `x` of such files; the metadata service is off.
async fn by_profile(environment: &[(&'static str, String)]) -> Lab {
    let mut pairs: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    pairs.push(("AWS_EC2_METADATA_DISABLED", "true"));
    lab_with(", aws: { profile: x }", &pairs, SimConfig::default()).await
}

/// What the operator is told of a call that could not be signed.
async fn refusal(lab: &Lab) -> String {
    let answer = lab.chat(&ask(NOVA, "hi")).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::BAD_GATEWAY, "upstream_auth"),
        "{}",
        answer.text()
    );
    assert!(!answer.text().contains("CANARY"), "{}", answer.text());
    let record = lab.record(&answer).await;
    assert!(!record.to_string().contains("CANARY"), "{record}");
    record["attempts"][0]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// The answer of the token service to `AssumeRole`.
fn assumed(id: &str, lasting_s: u64) -> String {
    let expiry = SystemTime::now() + Duration::from_secs(lasting_s);
    let expiry = expiry.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    json!({"AssumeRoleResponse": {"AssumeRoleResult": {"Credentials": {
        "AccessKeyId": id, "SecretAccessKey": format!("sim-secret-of-{id}"),
        "SessionToken": format!("sim-session-of-{id}"), "Expiration": expiry.as_secs_f64()}}}})
    .to_string()
}

const STATIC: &str = "[base]\naws_access_key_id = AKIASIM7\n\
                      aws_secret_access_key = sim-secret-of-AKIASIM7\n";

#[tokio::test]
async fn roles_are_taken_one_with_the_other() {
    let sts = Fake::start(vec![
        ("POST /\nrole%2Ffirst", assumed("ASIASIM1", 3_600)),
        ("POST /\nrole%2Fsecond", assumed("ASIASIM2", 120)),
    ])
    .await;
    let config = "[profile x]\nrole_arn = arn:aws:iam::1:role/second\nsource_profile = y\n\
                  external_id = e/1\nrole_session_name = me\nduration_seconds = 900\n\
                  [profile y]\nrole_arn = arn:aws:iam::1:role/first\nsource_profile = base\n";
    let mut environment = shared("roles", STATIC, config);
    environment.push(("AWS_ENDPOINT_URL_STS", sts.url.clone()));
    let lab = by_profile(&environment).await;
    assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    let asked = sts.asked();
    assert_eq!(asked.len(), 2, "{asked:?}");
    // Each is signed by the one before, for the token service of the region.
    for (request, id, token) in [
        (&asked[0], "AKIASIM7", None),
        (&asked[1], "ASIASIM1", Some("sim-session-of-ASIASIM1")),
    ] {
        let signed = format!("AWS4-HMAC-SHA256 Credential={id}/");
        assert!(request.contains(&signed), "{request}");
        assert!(
            request.contains("/eu-central-1/sts/aws4_request"),
            "{request}"
        );
        let said = request
            .lines()
            .find_map(|line| line.strip_prefix("x-amz-security-token: "));
        assert_eq!(said, token, "{request}");
    }
    let form = asked[1].rsplit("\r\n").next().unwrap();
    let wanted = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fsecond\
                  &RoleSessionName=me&ExternalId=e%2F1&DurationSeconds=900";
    assert_eq!(form, wanted);
    // They end soon: the next ones are fetched while these serve.
    assert_eq!(lab.chat(&ask(NOVA, "echo: b")).await.content(), "b");
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while sts.asked().len() < 4 {
        assert!(std::time::Instant::now() < deadline, "{:?}", sts.asked());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_role_with_the_credentials_of_another_source() {
    let sts = Fake::start(vec![("POST /", assumed("ASIASIM3", 3_600))]).await;
    let container = Fake::start(vec![("GET /creds", temporary(3_600))]).await;
    let instance = metadata(3_600).await;
    for (source, id, more) in [
        (
            "Environment",
            "AKIASIM5",
            vec![
                ("AWS_ACCESS_KEY_ID", "AKIASIM5".to_owned()),
                ("AWS_SECRET_ACCESS_KEY", "sim-secret-of-AKIASIM5".to_owned()),
            ],
        ),
        (
            "EcsContainer",
            "ASIASIM9",
            vec![(
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                format!("{}/creds", container.url),
            )],
        ),
        (
            "Ec2InstanceMetadata",
            "ASIASIM9",
            vec![("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url.clone())],
        ),
    ] {
        let config = format!("[profile x]\nrole_arn = r\ncredential_source = {source}\n");
        let mut environment = shared(source, "", &config);
        environment.push(("AWS_ENDPOINT_URL_STS", sts.url.clone()));
        environment.extend(more);
        let pairs: Vec<(&str, &str)> = environment
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let lab = lab_with(", aws: { profile: x }", &pairs, SimConfig::default()).await;
        assert_eq!(
            lab.chat(&ask(NOVA, "echo: a")).await.content(),
            "a",
            "{source}"
        );
        let asked = sts.asked().pop().unwrap();
        assert!(
            asked.contains(&format!("Credential={id}/")),
            "{source}: {asked}"
        );
        // Without what it names there is nothing.
        let lab = by_profile(&shared(source, "", &config)).await;
        let why = refusal(&lab).await;
        assert!(why.contains(&format!("`{source}`")), "{why}");
    }
}

#[tokio::test]
async fn roles_that_can_not_be_taken_are_told() {
    let sts = Fake::start(Vec::new()).await;
    let config = "[profile x]\nrole_arn = arn:r\nsource_profile = base\n";
    let mut environment = shared("refused", STATIC, config);
    environment.push(("AWS_ENDPOINT_URL_STS", sts.url.clone()));
    let why = refusal(&by_profile(&environment).await).await;
    assert!(
        why.contains("`arn:r`") && why.contains("status 404"),
        "{why}"
    );
    assert!(!why.contains("sim-secret"), "{why}");
    let round = "[profile x]\nrole_arn = a\nsource_profile = y\n\
                 [profile y]\nrole_arn = b\nsource_profile = x\n";
    let why = refusal(&by_profile(&shared("round", "", round)).await).await;
    assert!(why.contains("lead back to `x`"), "{why}");
    let why = refusal(&by_profile(&shared("gone", STATIC, "")).await).await;
    assert!(
        why.contains("`x`: neither of the shared files has it"),
        "{why}"
    );
}

/// A home folder with the token of an SSO session in it, which ends so many seconds from now.
fn home_with_token(name: &str, key_sha1: &str, lasting_s: i64) -> String {
    let home = std::env::temp_dir().join(format!("polyroute-home-{}-{name}", std::process::id()));
    let cache = home.join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(lasting_s);
    let ends = ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let token = json!({"accessToken": "CANARY-token", "expiresAt": ends, "region": "us-east-1"});
    std::fs::write(cache.join(format!("{key_sha1}.json")), token.to_string()).unwrap();
    home.to_str().unwrap().to_owned()
}

/// `printf %s corp | sha1sum`
const CORP: &str = "ee0bfd2552fbd840c02cc48b6e823320543c450f";
/// `printf %s https://corp.awsapps.example/start | sha1sum`
const START: &str = "1667e2e8d0e47b926b6e3048caee923410901ca4";
const SESSION: &str = "[profile x]\nsso_session = corp\nsso_account_id = 123456789012\n\
                       sso_role_name = Use Bedrock\n[sso-session corp]\nsso_region = us-east-1\n\
                       sso_start_url = https://corp.awsapps.example/start\n";
const START_URL: &str = "[profile x]\nsso_start_url = https://corp.awsapps.example/start\n\
                         sso_region = us-east-1\nsso_account_id = 123456789012\n\
                         sso_role_name = Use Bedrock\n";
const PORTAL: &str = "GET /federation/credentials?account_id=123456789012&role_name=Use%20Bedrock";

fn role_credentials() -> String {
    json!({"roleCredentials": {"accessKeyId": "ASIASIM6",
        "secretAccessKey": "sim-secret-of-ASIASIM6", "sessionToken": "sim-session-of-ASIASIM6",
        "expiration": 4_000_000_000_000_u64}})
    .to_string()
}

#[tokio::test]
async fn a_signed_in_person_s_role() {
    let portal = Fake::start(vec![(PORTAL, role_credentials())]).await;
    for (name, config, key) in [("session", SESSION, CORP), ("start-url", START_URL, START)] {
        let mut environment = shared(name, "", config);
        environment.push(("HOME", home_with_token(name, key, 600)));
        environment.push(("AWS_ENDPOINT_URL_SSO", portal.url.clone()));
        let lab = by_profile(&environment).await;
        let answer = lab.chat(&ask(NOVA, "echo: a")).await;
        assert_eq!(answer.content(), "a", "{name}: {}", answer.text());
        let asked = portal.asked().pop().unwrap();
        assert!(
            asked.contains("x-amz-sso_bearer_token: CANARY-token"),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn who_is_not_signed_in_is_told_how() {
    let portal = Fake::start(Vec::new()).await;
    let login = "run `aws sso login --profile x`";
    let mut environment = shared("expired", "", SESSION);
    environment.push(("AWS_ENDPOINT_URL_SSO", portal.url.clone()));
    environment.push(("HOME", home_with_token("expired", CORP, -1)));
    let why = refusal(&by_profile(&environment).await).await;
    assert!(why.contains("has expired") && why.contains(login), "{why}");
    // The token of another session is none of this one's.
    environment.pop();
    environment.push(("HOME", home_with_token("other", START, 600)));
    let why = refusal(&by_profile(&environment).await).await;
    assert!(
        why.contains("nobody has signed in") && why.contains(login),
        "{why}"
    );
    assert!(portal.asked().is_empty());
    // It is there, and the portal knows better.
    environment.pop();
    environment.push(("HOME", home_with_token("revoked", CORP, 600)));
    let why = refusal(&by_profile(&environment).await).await;
    assert!(why.contains("IAM Identity Center: status 404"), "{why}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_s_credentials_are_fetched_again_before_they_end() {
    let count = file("runs", "");
    let until = |seconds: i64| {
        let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        ends.to_string()
    };
    let script = format!(
        "echo run >> {}\nprintf '%s' '{}'\n",
        count.display(),
        json!({"Version": 1, "AccessKeyId": "ASIASIM8", "SecretAccessKey": "sim-secret-of-ASIASIM8",
            "SessionToken": "sim-session-of-ASIASIM8", "Expiration": until(120)})
    );
    let script = file("program.sh", &script);
    let config = format!(
        "[profile x]\ncredential_process = /bin/sh \"{}\"\n",
        script.display()
    );
    let lab = by_profile(&shared("program", "", &config)).await;
    for _ in 0..2 {
        assert_eq!(lab.chat(&ask(NOVA, "echo: a")).await.content(), "a");
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while std::fs::read_to_string(&count).unwrap().lines().count() < 2 {
        assert!(std::time::Instant::now() < deadline, "it did not run again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let config = "[profile x]\ncredential_process = /bin/sh -c 'echo CANARY >&2 && exit 3'\n";
    let why = refusal(&by_profile(&shared("failing", "", config)).await).await;
    assert!(
        why.contains("`x`") && why.contains("exit status: 3"),
        "{why}"
    );
}

#[tokio::test]
async fn a_source_that_is_there_and_fails_is_the_last_one() {
    let instance = metadata(3_600).await;
    let environment = shared(
        "first",
        "",
        "[profile x]\ncredential_process = /nowhere/tool\n",
    );
    let mut pairs: Vec<(&str, &str)> = environment
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    pairs.push(("AWS_PROFILE", "x"));
    pairs.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", &instance.url));
    let why = refusal(&lab(&pairs).await).await;
    assert!(why.contains("/nowhere/tool"), "{why}");
    assert!(
        instance.asked().is_empty(),
        "another identity would have answered"
    );
}
