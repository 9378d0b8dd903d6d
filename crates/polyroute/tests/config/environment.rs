//! No file: what the environment switches on, and what wins over what.

use std::path::Path;

use polyroute::config::settings::{Dialect, Scheme, Settings};
use polyroute::config::{Input, find_file, load};

use crate::cases::{KEYS, environment, findings, lines, settings};

fn names(settings: &Settings) -> Vec<&str> {
    settings
        .providers
        .iter()
        .map(|provider| provider.name.as_str())
        .collect()
}

#[test]
fn providers_whose_variable_is_set_are_on() {
    let settings = settings("", KEYS);
    assert_eq!(names(&settings), ["openai", "anthropic", "gemini"]);
    let anthropic = settings.provider("anthropic").unwrap();
    assert_eq!(anthropic.dialect, Dialect::Anthropic);
    assert_eq!(anthropic.base_url.as_str(), "https://api.anthropic.com");
    assert_eq!(anthropic.credentials[0].secret.expose(), "anthropic-key-1");
    assert_eq!(anthropic.credentials[0].label, "env:ANTHROPIC_API_KEY");
    assert_eq!(settings.provider("google").unwrap().name, "gemini");
    assert!(settings.provider("mistral").is_none());
    assert!(settings.keys.is_empty());
}

#[test]
fn the_sdks_variables_are_heard() {
    let settings = settings(
        "",
        &[
            ("OPENAI_API_KEY", "k"),
            ("OPENAI_BASE_URL", "https://proxy.example/openai/v1/"),
            ("OPENAI_ORG_ID", "org-1"),
            ("OPENAI_PROJECT_ID", "proj-1"),
            ("ANTHROPIC_AUTH_TOKEN", "t"),
            ("GEMINI_API_KEY", "loses"),
            ("GOOGLE_API_KEY", "wins"),
            ("GOOGLE_GEMINI_BASE_URL", "http://10.1.1.1:7000"),
        ],
    );
    let openai = settings.provider("openai").unwrap();
    assert_eq!(openai.base_url.as_str(), "https://proxy.example/openai/v1");
    assert_eq!(openai.organization.as_deref(), Some("org-1"));
    assert_eq!(openai.project.as_deref(), Some("proj-1"));
    let anthropic = settings.provider("anthropic").unwrap();
    assert_eq!(anthropic.credentials[0].scheme, Scheme::Bearer);
    let gemini = settings.provider("gemini").unwrap();
    assert_eq!(gemini.credentials[0].secret.expose(), "wins");
    assert_eq!(gemini.credentials[0].scheme, Scheme::Dialect);
    assert_eq!(gemini.base_url.as_str(), "http://10.1.1.1:7000");
}

#[test]
fn the_prefix_convention_makes_a_provider() {
    let pairs = [
        ("ACME_API_KEY", "k"),
        ("ACME_BASE_URL", "https://acme.example/v1"),
    ];
    let settings = settings("", &pairs);
    let acme = settings.provider("acme").unwrap();
    assert_eq!(acme.dialect, Dialect::OpenAi);
    assert_eq!(acme.base_url.as_str(), "https://acme.example/v1");
    assert_eq!(acme.credentials[0].secret.expose(), "k");
}

#[test]
fn a_base_url_variable_that_is_ourselves_is_refused() {
    let pairs = [
        ("OPENAI_API_KEY", "k"),
        ("OPENAI_BASE_URL", "http://localhost:8080/v1"),
    ];
    let found = findings("", &pairs);
    assert_eq!(found.len(), 1);
    assert!(
        found[0].starts_with("OPENAI_BASE_URL: this is Polyroute's own address"),
        "{found:?}"
    );
    let moved = [pairs[0], pairs[1], ("POLYROUTE_LISTEN", "127.0.0.1:8081")];
    assert_eq!(settings("", &moved).providers.len(), 1);
}

#[test]
fn variables_of_something_else_do_not_stop_us() {
    let pairs = [
        ("OPENAI_API_KEY", "k"),
        ("MYAPP_API_KEY", "x"),
        ("MYAPP_BASE_URL", "http://localhost:8080"),
        ("OTHER_API_KEY", "x"),
        ("OTHER_BASE_URL", "other.internal"),
        ("POLYROUTE_ADMINLISTEN", "127.0.0.1:1"),
    ];
    let loaded = crate::cases::load("", &pairs).unwrap();
    assert_eq!(names(&loaded.settings), ["openai"]);
    let found = lines(&loaded.warnings);
    assert_eq!(found.len(), 3, "{found:?}");
    assert_eq!(
        found[0],
        "warning POLYROUTE_ADMINLISTEN: Polyroute reads no variable of this name | did you mean \
         `POLYROUTE_ADMIN_LISTEN`?"
    );
    assert!(found[1].starts_with("warning MYAPP_BASE_URL: this is Polyroute's own address"));
    assert!(
        found[2].contains("`other` is not used as a provider"),
        "{found:?}"
    );
}

#[test]
fn a_file_without_providers_leaves_them_to_the_environment() {
    let settings = settings("server: { drain: 1s }\nproviders:\n", KEYS);
    assert_eq!(names(&settings), ["openai", "anthropic", "gemini"]);
}

#[test]
fn a_file_s_word_counts_and_an_unused_variable_is_named() {
    let pairs = [
        ("OPENAI_API_KEY", "k"),
        ("OPENAI_BASE_URL", "https://other.example/v1"),
    ];
    assert_eq!(
        findings("providers:\n  openai: {}\n", &pairs),
        [
            "warning 2:3 providers.openai: `OPENAI_BASE_URL` is set, and the file's word counts: it \
          is not used | write `base_url: ${OPENAI_BASE_URL}` to use it, or unset it"
        ]
    );
    let text = "providers:\n  openai: { base_url: '${OPENAI_BASE_URL}' }\n";
    let settings = settings(text, &pairs);
    assert_eq!(
        settings.providers[0].base_url.as_str(),
        "https://other.example/v1"
    );
}

#[test]
fn gateway_keys_come_from_a_variable_too() {
    let pairs = [
        ("OPENAI_API_KEY", "k"),
        ("POLYROUTE_API_KEYS", "app:s1, s2 ,batch:a:b"),
    ];
    let settings = settings(
        "keys: [{ name: file, secret: { env: OPENAI_API_KEY } }]",
        &pairs,
    );
    let keys: Vec<(&str, &str)> = settings
        .keys
        .iter()
        .map(|key| (key.name.as_str(), key.secret.expose()))
        .collect();
    assert_eq!(
        keys,
        [
            ("file", "k"),
            ("app", "s1"),
            ("env-2", "s2"),
            ("batch", "a:b")
        ]
    );
    let bad = [
        ("OPENAI_API_KEY", "k"),
        ("POLYROUTE_API_KEYS", "a:s,,b:s,a:t,c:"),
    ];
    let found = findings("", &bad);
    assert_eq!(
        found,
        [
            "POLYROUTE_API_KEYS: entry 2 is empty | write `name:secret,name:secret`",
            "POLYROUTE_API_KEYS: the key `a` has the same secret | give each caller a key of its \
             own",
            "POLYROUTE_API_KEYS: another key is named `a` already | give each caller a key of its \
             own",
            "POLYROUTE_API_KEYS: entry 5: the secret is empty | write it there, or remove this",
        ]
    );
}

#[test]
fn flag_wins_over_variable_wins_over_file() {
    let environment = environment(&[
        ("OPENAI_API_KEY", "k"),
        ("POLYROUTE_LISTEN", "127.0.0.1:2"),
        ("POLYROUTE_ADMIN_LISTEN", "127.0.0.1:3"),
    ]);
    let flag = Input {
        file: None,
        listen: Some("[::1]:1"),
        admin: None,
        environment: &environment,
    };
    let settings = load(&flag).unwrap().settings;
    assert_eq!(settings.server.listen.to_string(), "[::1]:1");
    assert_eq!(settings.server.admin.to_string(), "127.0.0.1:3");
    let none = Input {
        listen: None,
        ..flag
    };
    assert_eq!(
        load(&none).unwrap().settings.server.listen.to_string(),
        "127.0.0.1:2"
    );
    let bad = Input {
        listen: Some("x"),
        ..flag
    };
    let report = load(&bad).unwrap_err();
    assert!(
        lines(&report)[0].starts_with("--listen: this is not an address"),
        "{report}"
    );
}

#[test]
fn the_way_out_comes_from_the_environment() {
    let settings = settings(
        "",
        &[
            ("OPENAI_API_KEY", "k"),
            ("https_proxy", "http://user:pw@proxy.example:3128"),
            ("NO_PROXY", "localhost, .internal"),
            ("SSL_CERT_FILE", "/etc/ca.pem"),
        ],
    );
    let proxy = settings.egress.https_proxy.as_ref().unwrap();
    assert_eq!(proxy.expose(), "http://user:pw@proxy.example:3128");
    assert_eq!(settings.egress.no_proxy, ["localhost", ".internal"]);
    assert_eq!(
        settings.egress.ca_file.as_deref(),
        Some(Path::new("/etc/ca.pem"))
    );
    let found = findings("", &[("OPENAI_API_KEY", "k"), ("HTTPS_PROXY", "ftp://x")]);
    assert!(
        found[0].starts_with("HTTPS_PROXY: only http and https proxies"),
        "{found:?}"
    );
}

#[test]
fn the_file_is_found_by_flag_then_variable() {
    let environment = environment(&[("POLYROUTE_CONFIG", "b.yaml")]);
    let flag = Path::new("a.yaml");
    assert_eq!(find_file(Some(flag), &environment).as_deref(), Some(flag));
    assert_eq!(
        find_file(None, &environment).as_deref(),
        Some(Path::new("b.yaml"))
    );
    assert_eq!(find_file(None, &crate::cases::environment(&[])), None);
}
