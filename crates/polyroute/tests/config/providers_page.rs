//! `docs/providers.md` is what the translation does.

use polyroute::providers::{FEATURES, Outcome, reference, sheets};

#[test]
fn the_committed_page_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/providers.md");
    let page = reference();
    if std::env::var_os("POLYROUTE_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == page,
        "docs/providers.md is not what the code does: run with POLYROUTE_BLESS=1"
    );
}

/// Each known provider has a sheet, and each can be asked for the least: text and tools.
#[test]
fn every_known_provider_is_on_it() {
    let sheets = sheets();
    let catalog = polyroute_engine::catalog::Catalog::embedded();
    for entry in catalog.entries() {
        let sheet = sheets.iter().find(|sheet| sheet.provider == entry.name);
        let sheet = sheet.unwrap_or_else(|| panic!("{} has no sheet", entry.name));
        assert_eq!(sheet.outcomes.len(), FEATURES.len());
        let limit = FEATURES
            .iter()
            .position(|feature| feature.name == "max_completion_tokens")
            .unwrap();
        let sent = &sheet.outcomes[limit];
        assert!(
            matches!(sent, Outcome::Passes | Outcome::Maps(_)),
            "{}: {sent:?}",
            entry.name
        );
    }
}
