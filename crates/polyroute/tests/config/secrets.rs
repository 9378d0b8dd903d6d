//! No secret in `Debug`, in a finding, or in the line that a finding shows.

use std::path::Path;

use polyroute::config::{Input, load};

use crate::cases::{environment, load as load_text};

/// Stands for every secret; no output may hold it.
const CANARY: &str = "canary-7f3a9c";

fn everything(text: &str, pairs: &[(&str, &str)]) -> String {
    match load_text(text, pairs) {
        Ok(loaded) => {
            let report = &loaded.warnings;
            format!("{loaded:?} {} {}", report.to_text(true), report.to_json())
        }
        Err(report) => format!("{report:?} {} {}", report.to_text(true), report.to_json()),
    }
}

#[test]
fn secrets_of_a_sound_configuration_are_not_shown() {
    let text = format!(
        "keys: [{{ name: a, secret: {CANARY}-1 }}]\nproviders:\n  openai:\n    credentials: \
         [{CANARY}-2, '${{V}}', {{ env: V2 }}]\n    headers: {{ x-extra: {CANARY} }}\n    proxy: \
         http://u:{CANARY}@p:1\n"
    );
    let (one, two) = (format!("{CANARY}-3"), format!("{CANARY}-4"));
    let keys = format!("k:{CANARY}-5");
    let proxy = format!("http://u:{CANARY}@proxy:1");
    let pairs = [
        ("V", one.as_str()),
        ("V2", two.as_str()),
        ("POLYROUTE_API_KEYS", keys.as_str()),
        ("HTTPS_PROXY", proxy.as_str()),
    ];
    let loaded = load_text(&text, &pairs).unwrap();
    assert_eq!(loaded.settings.providers[0].credentials.len(), 3);
    let shown = everything(&text, &pairs);
    assert!(shown.contains("a secret is written in the file"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn secrets_in_a_wrong_place_are_not_shown() {
    for text in [
        "keys: [{ name: a, secret: CANARY, x: 1 }]",
        "keys: [{ name: a, secret: [CANARY] }]",
        "keys: [{ name: a, scret: CANARY }]",
        "keys: [{ name: a, secret: { env: sk-CANARY } }]",
        "keys: [{ name: a, secret: { file: sk-CANARY } }]",
        "keys: [{ name: a, secret: { CANARY } }]",
        "keys: [{ name: a, sk-CANARY: b }]",
        "keys: [{ name: a, secret: \"CANARY${OPENAI_API_KEY}\", x: 1 }]",
        "keys: [{ name: a, secret: \"${NO:-CANARY}\", x: 1 }]",
        "providers: { openai: { credentials: [{ CANARY: x }, { CANARY }] } }",
        "credentials: { openai: CANARY }",
        "providers: { openai: CANARY }",
        "keys: [CANARY]",
        "keys: CANARY",
        "routes: 1 # CANARY",
        "providers: { openai: { credentials: CANARY } }",
        "providers: { openai: { api_key: CANARY } }",
        "providers: { openai: { credentials: [{ key: CANARY }] } }",
        "providers: { openai: { credentials: [\"CANARY\", \"CANARY\"] } }",
        "providers: { openai: { credentials: [\"CANARY with space\"] } }",
        "providers: { openai: { headers: { Authorization: Bearer CANARY } } }",
        "providers: { openai: { headers: [CANARY] } }",
        "providers: { a: { base_url: 'https://user:CANARY@x/' } }",
        "providers: { openai: { proxy: 'socks://user:CANARY@x' } }",
        "providers: { openai: { credentials: [\"CANARY\n   CANARY\", { bad: 1 }] } }",
        "keys:\n  - name: a\n    secret: |\n      CANARY\n    bad: 1\n",
        "providers:\n  openai:\n    credentials: [CANARY\nroutes: 1\n",
        "keys: [{ name: a, secret: \"CANARY }]",
    ] {
        let text = text.replace("CANARY", CANARY);
        let shown = everything(&text, &[("OPENAI_API_KEY", "k")]);
        assert!(shown.contains("error"), "{shown}");
        assert!(!shown.contains("canary"), "{text}\n{shown}");
    }
}

#[test]
fn a_variable_s_value_is_not_shown() {
    let text = "server: { listen: '${V}' }\nproviders: { a: { base_url: '${V}' }, '${V}': {} }\n\
                routes: { r: '${V}', s: 'x${V}/y' }\n";
    let shown = everything(text, &[("V", CANARY), ("OPENAI_BASE_URL", CANARY)]);
    assert!(shown.contains("there is no target …"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

#[test]
fn secrets_from_files_lose_their_line_end_and_stay_hidden() {
    let folder = std::env::temp_dir().join(format!("polyroute-config-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("key"), format!("{CANARY}\r\n")).unwrap();
    std::fs::write(folder.join("empty"), "\n").unwrap();
    let config = folder.join("p.yaml");
    let text = "providers: { openai: { credentials: [{ file: key }] } }\n";
    std::fs::write(&config, text).unwrap();
    let environment = environment(&[]);
    let input = Input {
        file: Some(&config),
        listen: None,
        admin: None,
        environment: &environment,
    };

    let loaded = load(&input).unwrap();
    let credential = &loaded.settings.providers[0].credentials[0];
    assert_eq!(credential.secret.expose(), CANARY);
    assert!(credential.label.starts_with("file:") && credential.label.ends_with("key"));
    assert!(!format!("{loaded:?}").contains("canary-"));

    std::fs::write(&config, text.replace("file: key", "file: empty")).unwrap();
    let report = load(&input).unwrap_err();
    assert!(
        report.to_string().contains("the secret is empty"),
        "{report}"
    );

    std::fs::write(&config, b"server: {}\n# \xff\xfe\n").unwrap();
    let report = load(&input).unwrap_err();
    assert!(
        report.to_string().contains("line 2 is not UTF-8 text"),
        "{report}"
    );

    let missing = folder.join("none.yaml");
    let input = Input {
        file: Some(Path::new(&missing)),
        ..input
    };
    let report = load(&input).unwrap_err();
    assert!(report.to_string().contains("can't be read"), "{report}");
    std::fs::remove_dir_all(&folder).unwrap();
}
