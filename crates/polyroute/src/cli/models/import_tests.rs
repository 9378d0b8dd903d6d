use super::*;

/// 2026-11-20.
const NOW: u64 = 1_795_170_000;

const FILE: &str = r#"{
    "gpt-4o-mini": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 128000,
        "max_output_tokens": 16384, "input_cost_per_token": 3e-07, "output_cost_per_token": 6e-07},
    "gpt-4o": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 64000,
        "max_output_tokens": 16384, "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05},
    "gpt-99-luna": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 2000000,
        "input_cost_per_token": 1e-06, "output_cost_per_token": 4e-06, "source": "https://example.com"},
    "gpt-99-free": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 0,
        "output_cost_per_token": 0}
}"#;

fn found() -> Vec<Difference> {
    let catalog = Catalog::embedded();
    let file = litellm::read(FILE, &catalog).unwrap();
    differences(&file.models, &catalog, NOW)
}

#[test]
fn new_changed_and_gone_models_are_told_apart() {
    let found = found();
    let of = |id: &str| {
        let of: Vec<_> = found.iter().filter(|it| it.id == id).collect();
        of.iter()
            .map(|it| {
                (
                    it.change,
                    it.figure,
                    it.ours.as_deref(),
                    it.theirs.as_deref(),
                )
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of("gpt-4o-mini"),
        [(Change::Price, "input", Some("0.15"), Some("0.3"))]
    );
    assert_eq!(
        of("gpt-4o"),
        [(Change::Window, "window", Some("128000"), Some("64000"))]
    );
    assert_eq!(of("gpt-99-luna")[0].0, Change::New);
    assert_eq!(of("gpt-4.1"), [(Change::Gone, "", Some("listed"), None)]);
    // Only of providers that the file has anything of.
    assert!(found.iter().all(|it| it.provider == "openai"));
}

#[test]
fn a_price_of_zero_is_unknown_and_never_free() {
    let found = found();
    let free = found.iter().find(|it| it.id == "gpt-99-free").unwrap();
    assert_eq!(free.theirs.as_deref(), Some("? in, ? out, window ?"));
}

#[test]
fn what_is_written_is_a_layer_that_the_catalog_reads() {
    let catalog = Catalog::embedded();
    let file = litellm::read(FILE, &catalog).unwrap();
    let folder = std::env::temp_dir().join(format!("polyroute-import-{}", std::process::id()));
    let written = write(&folder, &file.models, &found(), &catalog, NOW).unwrap();
    assert_eq!(written.len(), 1);
    let text = std::fs::read_to_string(&written[0]).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let layered = Catalog::clone(&catalog).with_file(&text).unwrap();
    let input = |id: &str| {
        let known = layered.lookup("openai", id).unwrap();
        known
            .prices_at(NOW)
            .map(|(prices, _)| prices.input.to_string())
    };
    assert_eq!(input("gpt-4o-mini").as_deref(), Some("0.3"));
    assert_eq!(input("gpt-99-luna").as_deref(), Some("1"));
    assert_eq!(input("gpt-99-free"), None);
    let mini = layered.lookup("openai", "gpt-4o-mini").unwrap();
    // What the file does not say stays.
    assert_eq!(
        mini.prices_at(NOW)
            .unwrap()
            .0
            .cached_input
            .unwrap()
            .to_string(),
        "0.075"
    );
    // Read again, nothing but what it lacks differs.
    let again = differences(&file.models, &layered, NOW);
    assert!(
        again.iter().all(|it| it.change == Change::Gone),
        "{again:?}"
    );
}

#[test]
fn a_file_that_is_no_price_file_is_refused() {
    let catalog = Catalog::embedded();
    assert!(litellm::read("no JSON", &catalog).is_err());
    assert!(litellm::read(r#"{"gpt-4o": {"mode": 7}}"#, &catalog).is_err());
}
