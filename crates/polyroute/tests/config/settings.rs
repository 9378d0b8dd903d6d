//! What a sound configuration becomes.

use std::time::Duration;

use polyroute::config::settings::{AccessLog, ProxyChoice, Timeouts};

use crate::cases::{KEYS, settings};

const DEFAULTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    first_content: Duration::from_secs(60),
    inter_token: Duration::from_secs(60),
    total: Duration::from_secs(600),
};

#[test]
fn nothing_written_gives_the_documented_defaults() {
    let settings = settings("", KEYS);
    let server = &settings.server;
    assert_eq!(server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(server.admin.to_string(), "127.0.0.1:9090");
    assert_eq!(server.limits.body_bytes_max, 64 << 20);
    assert_eq!(server.limits.bodies_bytes_max, 1 << 30);
    assert_eq!(server.limits.requests_max, 15_000);
    assert_eq!(server.drain, Duration::from_secs(30));
    assert_eq!(server.access_log, AccessLog::Stdout);
    assert_eq!(settings.resilience.attempts_max, 4);
    assert_eq!(settings.resilience.deadline, Duration::from_secs(120));
    assert_eq!(settings.resilience.timeouts, DEFAULTS);
    assert!(!settings.translation.strict_params);
    assert!(!settings.media.allow_private_networks);
    assert_eq!(settings.log, "info");
}

#[test]
fn routes_and_targets_resolve_in_the_order_of_the_file() {
    let settings = settings(
        "targets:\n  steady: { use: openai/gpt-4o, pin: gpt-4o-2024-11-20, timeouts: { total: 12s } \
         }\nroutes:\n  z: gemini/gemini-2.5-flash\n  chat: [steady, anthropic/claude-x]\n  long: { \
         strategy: ordered, targets: [{ use: openai/gpt-5.6, timeouts: { first_content: 90s } }, \
         google/gemini-x] }\n",
        KEYS,
    );
    let names: Vec<&str> = settings
        .routes
        .iter()
        .map(|route| route.name.as_str())
        .collect();
    assert_eq!(names, ["z", "chat", "long"]);
    let chat = &settings.route("chat").unwrap().targets;
    assert_eq!(
        (chat[0].name.as_str(), chat[0].upstream_model()),
        ("steady", "gpt-4o-2024-11-20")
    );
    assert_eq!(
        (chat[0].provider.as_str(), chat[0].model.as_str()),
        ("openai", "gpt-4o")
    );
    assert_eq!(
        (chat[1].name.as_str(), chat[1].upstream_model()),
        ("anthropic/claude-x", "claude-x")
    );
    let long = &settings.route("long").unwrap().targets;
    assert_eq!(long[0].timeouts.first_content, Duration::from_secs(90));
    assert_eq!(long[1].provider, "gemini");
    assert_eq!(settings.target("steady"), Some(&chat[0]));
}

#[test]
fn timeouts_merge_target_over_resilience_over_defaults() {
    let settings = settings(
        "resilience: { timeouts: { connect: 5s, inter_token: 20s } }\ntargets:\n  a: { use: \
         openai/x, timeouts: { inter_token: 9s } }\n  b: { use: openai/x, timeouts: { total: 12s } \
         }\nroutes: { r: openai/x }\n",
        KEYS,
    );
    let inherited = Timeouts {
        connect: Duration::from_secs(5),
        inter_token: Duration::from_secs(20),
        ..DEFAULTS
    };
    assert_eq!(settings.routes[0].targets[0].timeouts, inherited);
    let own = Timeouts {
        inter_token: Duration::from_secs(9),
        ..inherited
    };
    assert_eq!(settings.targets[0].timeouts, own);
    // What is inherited never outlasts the total that is written.
    let twelve = Duration::from_secs(12);
    let short = Timeouts {
        first_content: twelve,
        inter_token: twelve,
        total: twelve,
        ..inherited
    };
    assert_eq!(settings.targets[1].timeouts, short);
}

#[test]
fn models_keep_their_slashes() {
    let text = "providers: { openrouter: { credentials: [{ env: OPENAI_API_KEY }] } }\nroutes: { \
                r: openrouter/anthropic/claude-x:beta }\n";
    let settings = settings(text, KEYS);
    let target = &settings.routes[0].targets[0];
    assert_eq!(
        (target.provider.as_str(), target.model.as_str()),
        ("openrouter", "anthropic/claude-x:beta")
    );
}

#[test]
fn a_provider_carries_what_was_written() {
    let text = "providers:\n  house:\n    base_url: http://vllm.internal:8000/v1/\n    headers: { \
                X-Team: payments }\n    region: eu\n    agreements: [gdpr]\n    http2: true\n    \
                proxy: off\n    models: false\n    api_version: v9\n";
    let settings = settings(text, KEYS);
    let house = settings.provider("house").unwrap();
    assert_eq!(house.base_url.as_str(), "http://vllm.internal:8000/v1");
    assert_eq!(house.headers[0].0, "x-team");
    assert_eq!(house.headers[0].1.expose(), "payments");
    assert_eq!(house.region.as_deref(), Some("eu"));
    assert!(house.http2 && !house.models && house.credentials.is_empty());
    assert!(matches!(house.proxy, ProxyChoice::Direct));
    assert_eq!(house.api_version.as_deref(), Some("v9"));
}

#[test]
fn keys_carry_tags_and_routes() {
    let text = "keys: [{ name: a, secret: { env: GATE }, tags: { team: 7 }, routes: [chat, \
                openai/x] }]\nroutes: { chat: openai/x }\n";
    let settings = settings(text, &[("GATE", "g"), ("OPENAI_API_KEY", "k")]);
    let key = &settings.keys[0];
    assert_eq!(key.tags.get("team").map(String::as_str), Some("7"));
    assert_eq!(key.routes.as_ref().unwrap().len(), 2);
}

#[test]
fn values_take_variables_after_parsing() {
    let pairs = [
        ("HOST", "127.0.0.1"),
        ("N", "7"),
        ("OPENAI_API_KEY", "k"),
        ("EVIL", "x, y: ["),
    ];
    let text = "server: { listen: '${HOST}:81', drain: '${DRAIN:-9s}' }\nresilience:\n  \
                attempts_max: ${N}\nkeys: [{ name: '${EVIL}', secret: '$${literal}' }]\n";
    let loaded = crate::cases::load(text, &pairs).unwrap();
    let settings = loaded.settings;
    assert_eq!(settings.server.listen.to_string(), "127.0.0.1:81");
    assert_eq!(settings.server.drain, Duration::from_secs(9));
    assert_eq!(settings.resilience.attempts_max, 7);
    assert_eq!(settings.keys[0].name, "x, y: [");
    assert_eq!(settings.keys[0].secret.expose(), "${literal}");
}

#[test]
fn json_and_a_byte_order_mark_are_read() {
    let text =
        "\u{feff}{\"server\": {\"listen\": \"127.0.0.1:81\"}, \"routes\": {\"a\": [\"openai/x\"]}}";
    assert_eq!(settings(text, KEYS).routes.len(), 1);
}
