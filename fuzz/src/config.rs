//! Configuration text to settings, and credentials of callers.

use std::path::Path;
use std::sync::LazyLock;

use arbitrary::Unstructured;
use http::{HeaderMap, HeaderValue};
use polyroute::config::env::Environment;
use polyroute::config::problem::{Report, Severity};
use polyroute::config::secret::Secret;
use polyroute::config::settings::GatewayKey;
use polyroute::config::{Input as ConfigInput, Loaded, load_text};
use polyroute::pipeline::KeyRing;

/// Values that must be nowhere in what a load says.
const SECRETS: [(&str, &str); 3] = [
    ("OPENAI_API_KEY", "zk-Qx7openaiQx7secret"),
    ("ANTHROPIC_API_KEY", "zk-Qx7anthropicQx7secret"),
    ("A", "zk-Qx7otherQx7secret"),
];

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(|| SECRETS.iter().copied().collect());

fn once(text: &str) -> Result<Loaded, Report> {
    let input = ConfigInput {
        file: None,
        listen: None,
        admin: None,
        environment: &ENVIRONMENT,
    };
    load_text(Some("test.yaml"), text, Path::new("/nowhere"), &input)
}

/// The text of a configuration file.
pub(crate) fn load(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Files that it names are opened: none that never end.
    if ["/dev", "/proc", "/sys"].iter().any(|it| text.contains(it)) {
        return;
    }
    let lines = text.matches(['\n', '\r']).count() + 1;
    let report = match once(&text) {
        Ok(loaded) => {
            silent(&text, &format!("{:?}", loaded.settings));
            assert!(!loaded.warnings.has_errors());
            loaded.warnings
        }
        Err(report) => {
            assert!(report.has_errors(), "refused without a reason");
            report
        }
    };
    assert!(report.findings.len() <= 2 * text.len() + 16);
    for finding in &report.findings {
        assert!(!finding.reason.is_empty());
        if let Some(place) = finding.place {
            assert!(place.line >= 1 && place.column >= 1);
            assert!(place.line <= lines, "{finding:?}");
        }
        // An error about the file says where; one about the environment names the variable.
        if finding.severity == Severity::Error {
            let says = finding.place.is_some() || !finding.key.is_empty();
            assert!(
                says || text.trim().is_empty(),
                "neither line nor key: {finding:?}"
            );
        }
    }
    let told = [
        report.to_text(true),
        report.to_text(false),
        report.to_json().to_string(),
    ];
    told.iter().for_each(|told| silent(&text, told));
    let again = match once(&text) {
        Ok(loaded) => loaded.warnings,
        Err(report) => report,
    };
    assert_eq!(again.to_json(), report.to_json(), "two loads differ");
}

/// No secret of the environment is told, unless the text itself holds it.
fn silent(text: &str, told: &str) {
    for (_, secret) in SECRETS {
        assert!(
            !told.contains(secret) || text.contains(secret),
            "a secret was told: {told}"
        );
    }
}

const HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-request-id"];

/// Headers of a caller against two keys.
pub(crate) fn credentials(data: &[u8]) {
    let key = |name: &str, secret: &str| GatewayKey {
        name: name.to_owned(),
        secret: Secret::new(secret.to_owned()),
        tags: Default::default(),
        routes: None,
    };
    let keys = [key("one", "pr-key-one"), key("two", "pr-key-two")];
    let ring = KeyRing::new(&keys);
    let mut input = Unstructured::new(data);
    let mut headers = HeaderMap::new();
    let mut sent: Vec<Vec<u8>> = Vec::new();
    for _ in 0..6 {
        let (Ok(name), Ok(how)) = (input.choose(&HEADERS), input.arbitrary::<u8>()) else {
            break;
        };
        let own = match how % 4 {
            0 => b"pr-key-one".to_vec(),
            1 => b"Bearer pr-key-two".to_vec(),
            2 => b"bEARER  pr-key-one ".to_vec(),
            _ => input.arbitrary::<&[u8]>().unwrap_or_default().to_vec(),
        };
        let Ok(value) = HeaderValue::from_bytes(&own) else {
            continue;
        };
        headers.append(*name, value);
        sent.push(own);
    }
    let id = polyroute::pipeline::request_id(&headers);
    assert!(!id.is_empty() && id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic()));
    if let Ok(principal) = ring.authenticate(&headers) {
        let secret = format!("pr-key-{}", principal.name);
        let is_sent = |value: &Vec<u8>| value.trim_ascii().ends_with(secret.as_bytes());
        assert!(sent.iter().any(is_sent), "let in without its key");
        // The first value of each header counts; one with another key is a conflict.
        for name in ["x-api-key", "api-key"] {
            let value = headers
                .get(name)
                .map(HeaderValue::as_bytes)
                .unwrap_or_default();
            assert!(value.is_empty() || value == secret.as_bytes());
        }
    }
    for (name, secret) in [("one", "pr-key-one"), ("two", "pr-key-two")] {
        let mut headers = HeaderMap::new();
        headers.insert(
            "authorization",
            HeaderValue::from_static(match name {
                "one" => "Bearer pr-key-one",
                _ => "Bearer pr-key-two",
            }),
        );
        headers.insert("x-api-key", HeaderValue::from_static(secret));
        assert_eq!(ring.authenticate(&headers).expect("a known key").name, name);
    }
}
