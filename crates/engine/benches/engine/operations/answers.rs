//! What is looked up for an answer: the catalog, the price, the model that answered.

use polyroute_engine::catalog::Catalog;
use polyroute_engine::pin::{Asked, Served, Verdict, compare};
use polyroute_engine::price::cost;
use polyroute_measure::Operation;
use polyroute_wire::usage::Usage;

/// When the prices are asked for, in seconds since the Unix epoch (2026-06-01).
const NOW: u64 = 1_780_272_000;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = look_ups();
    all.extend(prices());
    all.extend(pins());
    all
}

fn look_ups() -> Vec<Operation> {
    let names = [
        ("a listed name", "openai", "gpt-4o-mini", true),
        ("a dated version", "openai", "gpt-4o-mini-2099-01-01", true),
        ("an unknown name", "openai", "gpt-99-ultra", false),
    ];
    let mut all = Vec::new();
    for (name, provider, model, listed) in names {
        let look = move || {
            let catalog = Catalog::embedded();
            catalog.listed(provider, model).is_some()
        };
        assert_eq!(look(), listed, "{model}");
        all.push(Operation::new(format!("listed/{name}"), look));
        let know = move || {
            let catalog = Catalog::embedded();
            let known = catalog.lookup(provider, model);
            known.map_or(0, |known| known.capabilities.choices_max)
        };
        all.push(Operation::new(format!("look up/{name}"), know));
    }
    for (name, model, owner) in [
        ("a listed name", "claude-sonnet-4-5", Some("anthropic")),
        ("an unknown name", "nobodys-model", None),
    ] {
        let own = move || Catalog::embedded().owner(model) == owner;
        assert!(own(), "{model}");
        all.push(Operation::new(format!("owner of/{name}"), own));
    }
    all
}

fn prices() -> Vec<Operation> {
    let usage = Usage {
        input: 12_000,
        cache_read: 9_000,
        cache_write: 1_000,
        output: 800,
        reasoning: 300,
        ..Usage::default()
    };
    let plain = Usage {
        input: 90,
        output: 400,
        ..Usage::default()
    };
    let counts = [("plain counts", plain), ("cached and thought", usage)];
    counts
        .into_iter()
        .map(|(name, usage)| {
            let price = move || {
                let catalog = Catalog::embedded();
                let known = catalog.listed("anthropic", "claude-sonnet-4-5");
                let (prices, _) = known?.prices_at(NOW)?;
                cost(&usage, Some(prices), None).amount
            };
            assert!(price().is_some());
            Operation::new(format!("price/{name}"), price)
        })
        .collect()
}

fn pins() -> Vec<Operation> {
    let cases = [
        ("the same name", "gpt-4o-mini", false, Verdict::Within),
        (
            "a version of it",
            "gpt-4o-mini-2024-07-18",
            false,
            Verdict::Within,
        ),
        ("another model", "gpt-4.1", true, Verdict::Drift),
    ];
    let catalog = Catalog::embedded();
    catalog.read("openai");
    cases
        .into_iter()
        .map(|(name, model, pinned, verdict)| {
            let asked = Asked {
                section: Some("openai".to_owned()),
                model: "gpt-4o-mini".to_owned(),
                pinned,
                fingerprint: None,
            };
            let catalog = Catalog::embedded();
            let hold = move || {
                let served = Served {
                    model,
                    fingerprint: Some("fp_0123456789"),
                };
                compare(&catalog, &asked, served)
            };
            assert_eq!(hold(), verdict, "{name}");
            Operation::new(format!("compare with what answered/{name}"), hold)
        })
        .collect()
}
