//! The embedded data is sound and says what wire-protocols §4 to §9 says.

use polyroute_wire::capability::{
    ForcedToolChoice, JsonSchemaSupport, Reasoning, Sampling, SystemRole,
};
use polyroute_wire::chat::Effort;

use super::*;

fn capabilities(provider: &str, id: &str) -> Capabilities {
    Catalog::embedded()
        .lookup(provider, id)
        .unwrap()
        .capabilities
        .clone()
}

/// All models, read.
pub(super) fn sections(catalog: &Catalog) -> impl Iterator<Item = &Section> {
    catalog.parts.iter().filter_map(|part| part.section())
}

#[test]
fn every_embedded_file_parses() {
    let parsed = Catalog::parse(FILES).unwrap();
    assert_eq!(parsed.parts.len(), FILES.len());
    assert_eq!(sections(&Catalog::embedded()).count(), FILES.len());
    for section in sections(&parsed) {
        let own = ["openai", "anthropic", "gemini"].contains(&section.provider.as_str());
        assert!(!own || section.models.len() > 25, "{}", section.provider);
    }
}

/// Google's page of model versions names the day for Vertex AI; of the Gemini API it is only known
/// that they are gone.
#[test]
fn gemini_1_5_is_retired_where_the_day_is_documented() {
    let catalog = Catalog::embedded();
    let of = |provider: &str, id: &str| {
        let section = sections(&catalog).find(|it| it.provider == provider);
        let models = section.map(|section| &section.models).unwrap();
        models.iter().find(|model| model.id == id).unwrap().clone()
    };
    for id in ["gemini-1.5-pro", "gemini-1.5-flash"] {
        let vertex = of("vertex", id);
        assert_eq!(vertex.retires.as_deref(), Some("2025-09-24"), "{id}");
        assert_eq!(vertex.sources.dates.key, "lifecycle", "{id}");
        // What Vertex takes differently holds for them too.
        assert!(
            vertex.capabilities.fetches_urls && vertex.capabilities.penalties,
            "{id}"
        );
        assert_eq!(of("gemini", id).retires, None, "{id}");
        assert!(of("gemini", id).deprecated, "{id}");
    }
    assert!(of("gemini", "gemini-1.5-flash-8b").deprecated);
}

#[test]
fn every_model_is_sound() {
    for section in sections(&Catalog::embedded()) {
        for model in &section.models {
            let id = &model.id;
            for date in model.released.iter().chain(&model.retires) {
                assert_eq!(date.len(), 10, "{id}");
            }
            assert!(
                !model.prices.is_empty() || model.note.is_some() || model.kind == Kind::Other,
                "{id}: an unknown price says why"
            );
            // A longest answer is left out where the window is the only limit.
            if model.kind == Kind::Chat && !model.prices.is_empty() {
                let said = |what: &str| model.note.as_ref().is_some_and(|it| it.contains(what));
                let takes = &model.capabilities;
                assert!(takes.context_window.is_some() || said("window"), "{id}");
            }
            for period in &model.prices {
                let prices = &period.prices;
                match model.kind {
                    Kind::Embedding => {}
                    Kind::Rerank => assert!(prices.searches.is_some(), "{id}"),
                    _ => assert!(prices.output.is_some(), "{id}"),
                }
                assert!(
                    prices.cached_input.is_none_or(|read| read <= prices.input),
                    "{id}"
                );
                assert!(prices.tiers.is_sorted_by_key(|tier| tier.above), "{id}");
                for tier in &prices.tiers {
                    assert!(
                        tier.input >= Some(prices.input) && tier.output >= prices.output,
                        "{id}"
                    );
                    // A part that has a price of its own has one in each tier, else long requests
                    // would keep the short ones' price.
                    assert_eq!(
                        tier.cached_input.is_some(),
                        prices.cached_input.is_some(),
                        "{id}"
                    );
                    assert_eq!(
                        tier.cache_write.is_some(),
                        prices.cache_write.is_some(),
                        "{id}"
                    );
                }
            }
        }
    }
}

#[test]
fn prices_are_exact() {
    let price = |provider, id: &str| {
        let catalog = Catalog::embedded();
        let known = catalog.lookup(provider, id).unwrap();
        known.prices_at(1_795_000_000).unwrap().0.clone()
    };
    assert_eq!(
        price("openai", "gpt-4o-mini")
            .cached_input
            .unwrap()
            .to_string(),
        "0.075"
    );
    assert_eq!(
        price("openai", "gpt-4o-2024-08-06").input.to_string(),
        "2.5"
    );
    assert_eq!(price("openai", "gpt-4o-2024-05-13").input.to_string(), "5");
    assert_eq!(
        price("anthropic", "claude-haiku-5-5").tiers[0].above,
        100_000
    );
    assert_eq!(
        price("anthropic", "claude-opus-5-5")
            .cache_write_1h
            .unwrap()
            .to_string(),
        "8"
    );
    assert_eq!(
        price("gemini", "models/gemini-2.5-pro").tiers[0]
            .output
            .unwrap()
            .to_string(),
        "15"
    );
}

#[test]
fn a_price_changes_on_its_day() {
    let catalog = Catalog::embedded();
    let flash = catalog.lookup("gemini", "gemini-3.8-flash").unwrap();
    let input = |at| flash.prices_at(at).unwrap().0.input.to_string();
    assert_eq!(
        (input(1_798_761_599), input(1_798_761_600)),
        ("0.75".to_owned(), "1.5".to_owned())
    );
}

#[test]
fn names_are_known_as_well_as_they_can_be() {
    let catalog = Catalog::embedded();
    for (provider, id, matched, family) in [
        ("openai", "gpt-4o", Match::Listed, Some("gpt-4o")),
        (
            "openai",
            "gpt-5.4-2026-12-24",
            Match::Dated,
            Some("gpt-5.4"),
        ),
        (
            "anthropic",
            "claude-sonnet-5-20260701",
            Match::Dated,
            Some("claude-5"),
        ),
        (
            "anthropic",
            "claude-haiku-4-5@20991001",
            Match::Dated,
            Some("claude-4.5"),
        ),
        (
            "gemini",
            "gemini-3.5-flash-007",
            Match::Dated,
            Some("gemini-3-flash"),
        ),
        ("openai", "gpt-9-luna", Match::Family, None),
        ("anthropic", "claude-opus-7", Match::Family, None),
        ("openai", "my-deployment", Match::Fallback, None),
    ] {
        let known = catalog.lookup(provider, id).unwrap();
        assert_eq!(known.matched, matched, "{id}");
        assert_eq!(
            known.entry.map(|entry| entry.family.as_str()),
            family,
            "{id}"
        );
        assert_eq!(
            known.prices_at(0).is_some(),
            matched == Match::Listed,
            "{id}"
        );
    }
    assert!(catalog.lookup("house", "gpt-4o").is_none());
    // Azure has it too.
    assert_eq!(catalog.owner("gpt-4o"), Some("openai"));
}

#[test]
fn what_people_write_goes_upstream_as_the_provider_knows_it() {
    let catalog = Catalog::embedded();
    for (written, upstream) in [
        ("claude-3-haiku", "claude-3-haiku-20240307"),
        ("claude-sonnet-4.5", "claude-sonnet-4-5"),
        ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5-20250929"),
    ] {
        let entry = catalog.lookup("anthropic", written).unwrap().entry.unwrap();
        assert_eq!(entry.upstream_name(written), upstream);
    }
}

#[test]
fn case_44_sampling_of_claude_by_generation() {
    for (id, sampling, prefill, mid) in [
        ("claude-haiku-4-5", Sampling::UnlessThinking, true, false),
        ("claude-sonnet-4-6", Sampling::UnlessThinking, false, false),
        ("claude-opus-4-7", Sampling::Never, false, false),
        ("claude-opus-4-8", Sampling::Never, false, true),
        ("claude-fable-5-1", Sampling::Never, false, true),
    ] {
        let takes = capabilities("anthropic", id);
        assert_eq!(takes.sampling, sampling, "{id}");
        assert_eq!(
            (takes.prefill, takes.mid_conversation_system),
            (prefill, mid),
            "{id}"
        );
    }
}

#[test]
fn case_45_forced_tool_choice_of_claude() {
    for (id, forced) in [
        ("claude-sonnet-4-5", ForcedToolChoice::UnlessThinking),
        ("claude-opus-4-6", ForcedToolChoice::Yes),
        ("claude-opus-5", ForcedToolChoice::Yes),
        ("claude-opus-5-5", ForcedToolChoice::Never),
        ("claude-fable-5-1", ForcedToolChoice::Never),
    ] {
        assert_eq!(
            capabilities("anthropic", id).forced_tool_choice,
            forced,
            "{id}"
        );
    }
}

#[test]
fn case_46_effort_and_tools_of_openai_by_generation() {
    for (id, together, system) in [
        ("gpt-4.1", true, SystemRole::Developer),
        ("gpt-3.5-turbo", true, SystemRole::System),
        ("gpt-5.2", true, SystemRole::Developer),
        ("gpt-5.4-nano", false, SystemRole::Developer),
        ("gpt-5.6-luna", false, SystemRole::Developer),
        ("o1-mini", true, SystemRole::User),
    ] {
        let takes = capabilities("openai", id);
        assert_eq!(
            (takes.tools_with_effort, takes.system_role),
            (together, system),
            "{id}"
        );
        assert!(takes.max_completion_tokens, "{id}");
    }
}

#[test]
fn thinking_is_controlled_as_each_generation_wants_it() {
    let budget = |id: &str, provider| match capabilities(provider, id).reasoning {
        Reasoning::Budget {
            min,
            max,
            can_disable,
        } => (min, max, can_disable),
        other => panic!("{id}: {other:?}"),
    };
    assert_eq!(
        budget("claude-sonnet-4-5", "anthropic"),
        (1_024, 63_999, true)
    );
    assert_eq!(budget("gemini-2.5-pro", "gemini"), (128, 32_768, false));
    let levels = |id: &str, provider| match capabilities(provider, id).reasoning {
        Reasoning::Effort { levels } | Reasoning::Adaptive { levels, .. } => levels,
        other => panic!("{id}: {other:?}"),
    };
    assert!(!levels("gemini-3.8-flash", "gemini").contains(&Effort::Minimal));
    assert!(levels("gemini-3-flash-preview", "gemini").contains(&Effort::Minimal));
    assert!(!levels("claude-opus-4-6", "anthropic").contains(&Effort::XHigh));
    assert!(!levels("gpt-5", "openai").contains(&Effort::None));
    assert_eq!(capabilities("openai", "gpt-4o").reasoning, Reasoning::None);
    assert!(matches!(
        capabilities("anthropic", "claude-sonnet-4-6").reasoning,
        Reasoning::Adaptive {
            can_disable: true,
            budget_accepted: true,
            ..
        }
    ));
    assert!(matches!(
        capabilities("anthropic", "claude-opus-5-5").reasoning,
        Reasoning::Adaptive {
            can_disable: false,
            budget_accepted: false,
            ..
        }
    ));
}

#[test]
fn schemas_and_media_by_family() {
    let schema = |provider, id| capabilities(provider, id).json_schema;
    assert_eq!(
        schema("anthropic", "claude-3-7-sonnet-latest"),
        JsonSchemaSupport::No
    );
    assert_eq!(
        schema("anthropic", "claude-haiku-4-5"),
        JsonSchemaSupport::Yes
    );
    assert_eq!(
        schema("gemini", "gemini-2.5-flash"),
        JsonSchemaSupport::WithoutTools
    );
    assert_eq!(
        schema("gemini", "gemini-3-flash-preview"),
        JsonSchemaSupport::Yes
    );
    assert_eq!(schema("openai", "gpt-4-turbo"), JsonSchemaSupport::No);
    assert!(!capabilities("openai", "gpt-4o").audio_input);
    assert!(capabilities("openai", "gpt-audio").audio_input);
    assert!(!capabilities("openai", "gpt-3.5-turbo").image_input);
    assert!(capabilities("gemini", "gemini-2.5-pro").video_input);
}

#[test]
fn a_broken_file_is_refused_with_the_reason() {
    let head = r#"{"format":1,"provider":"p","as_of":"d","source":"s","fallback":"f","#;
    let family = r#""families":[{"name":"f","match":["x"],"capabilities":{}}],"#;
    for (rest, expected) in [
        (r#""families":[],"models":[]}"#.to_owned(), "no family `f`"),
        (
            format!(r#"{family}"models":[{{"id":"a","family":"g","prices":null}}]}}"#),
            "no family `g`",
        ),
        (
            format!(r#"{family}"models":[{{"id":"a","family":"f"}}]}}"#),
            "missing field `prices`",
        ),
        (
            format!(
                r#"{family}"models":[{{"id":"a","aliases":["a"],"family":"f","prices":null}}]}}"#
            ),
            "`a` is listed twice",
        ),
        (
            format!(r#"{family}"models":[{{"id":"a","family":"f","prices":{{"input":"1e3"}}}}]}}"#),
            "not a decimal amount",
        ),
        (
            r#""families":[{"name":"f","inherits":"g","capabilities":{}}],"models":[]}"#.to_owned(),
            "not above it",
        ),
        (
            r#""families":[{"name":"f","capabilities":{"toolz":true}}],"models":[]}"#.to_owned(),
            "unknown field `toolz`",
        ),
    ] {
        let error = Catalog::parse(&[("p", &format!("{head}{rest}"))]).unwrap_err();
        let error =
            std::error::Error::source(&error).map_or(error.to_string(), ToString::to_string);
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn every_name_and_variable_belongs_to_one_provider() {
    let catalog = Catalog::embedded();
    let mut names = std::collections::BTreeSet::new();
    let mut variables = std::collections::BTreeSet::new();
    for entry in catalog.entries() {
        let connection = &entry.connection;
        for name in std::iter::once(&entry.name).chain(&connection.aliases) {
            assert!(names.insert(name), "{name} twice");
        }
        let both = connection
            .key_variables
            .iter()
            .chain(&connection.base_url_variables);
        for variable in both {
            assert!(variables.insert(variable), "{variable} twice");
        }
        assert!(
            !connection.base_url.ends_with('/'),
            "{}",
            connection.base_url
        );
    }
}

#[test]
fn providers_are_found_by_alias_and_in_any_case() {
    let catalog = Catalog::embedded();
    let found = |name: &str| catalog.entry(name).map(|entry| entry.name.as_str());
    assert_eq!(found("together_ai"), Some("together"));
    assert_eq!(found("OpenAI"), Some("openai"));
    assert_eq!(found("nobody"), None);
}

#[test]
fn a_file_of_ones_own_adds_a_provider_or_replaces_one() {
    let file = |provider: &str, title: &str| {
        format!(
            r#"{{"format": 1, "provider": "{provider}", "as_of": "2026-11-21", "source": "us",
                "connection": {{"title": "{title}", "docs": "", "dialect": "openai",
                    "base_url": "https://acme.example/v1"}},
                "fallback": "all", "families": [{{"name": "all"}}]}}"#
        )
    };
    let embedded = Catalog::embedded();
    let more = Catalog::clone(&embedded)
        .with_file(&file("acme", "Acme"))
        .unwrap();
    assert_eq!(more.entries().count(), embedded.entries().count() + 1);
    assert_eq!(more.entry("acme").unwrap().connection.title, "Acme");
    let other = more.with_file(&file("groq", "Ours")).unwrap();
    assert_eq!(other.entries().count(), embedded.entries().count() + 1);
    assert_eq!(other.entry("groq").unwrap().connection.title, "Ours");
    assert!(Catalog::clone(&embedded).with_file("{}").is_err());
}
