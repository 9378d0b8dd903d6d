use proptest::prelude::*;

use super::*;
use crate::catalog::Catalog;
use crate::snapshot::{Defaults, Dialect};

fn snapshot(providers: Vec<Provider>) -> Snapshot {
    Snapshot {
        providers,
        targets: Vec::new(),
        routes: Vec::new(),
        catalog: Catalog::embedded(),
        defaults: Defaults::default(),
    }
}

fn three() -> Snapshot {
    let mut gemini = Provider::new("gemini", Dialect::Gemini, true);
    gemini.aliases.push("google".into());
    let mut snapshot = snapshot(vec![
        Provider::new("openai", Dialect::OpenAi, true),
        Provider::new("anthropic", Dialect::Anthropic, true),
        gemini,
        Provider::new("house", Dialect::OpenAi, false),
    ]);
    let mut pinned = Target::new("gemini", "gemini-2.5-pro");
    pinned.name = "large".into();
    snapshot.targets.push(pinned);
    snapshot.routes.push(Route::new(
        "gpt-4o-mini",
        vec![
            Target::new("anthropic", "claude-haiku-4-5"),
            Target::new("gemini", "gemini-2.5-flash"),
        ],
    ));
    snapshot
        .routes
        .push(Route::new("chat", vec![Target::new("openai", "gpt-4o")]));
    snapshot
}

fn ask<'a>(model: &'a str) -> NameRequest<'a> {
    NameRequest {
        model,
        ..NameRequest::default()
    }
}

fn first(snapshot: &Snapshot, model: &str) -> Result<(How, String), ResolveError> {
    resolve(snapshot, &ask(model)).map(|found| (found.how, found.targets[0].name.clone()))
}

#[test]
fn names_mean_what_the_order_says() {
    let snapshot = three();
    for (name, how, target) in [
        ("gpt-4o-mini", How::Route, "anthropic/claude-haiku-4-5"),
        ("large", How::Target, "large"),
        (
            "openai/gpt-4o-mini",
            How::ProviderPrefix,
            "openai/gpt-4o-mini",
        ),
        ("OpenAI/gpt-4o", How::ProviderPrefix, "openai/gpt-4o"),
        (
            "anthropic/claude-next",
            How::ProviderPrefix,
            "anthropic/claude-next",
        ),
        (
            "google/gemini-2.5-pro",
            How::ProviderPrefix,
            "gemini/gemini-2.5-pro",
        ),
        (
            "models/gemini-2.5-pro",
            How::ProviderPrefix,
            "gemini/gemini-2.5-pro",
        ),
        (
            "gemini/models/gemini-2.5-pro",
            How::ProviderPrefix,
            "gemini/gemini-2.5-pro",
        ),
        (
            "house/org/model-7b",
            How::ProviderPrefix,
            "house/org/model-7b",
        ),
        (
            "claude-sonnet-4-5",
            How::Catalog,
            "anthropic/claude-sonnet-4-5",
        ),
        (
            "gpt-4o-2024-11-20",
            How::Catalog,
            "openai/gpt-4o-2024-11-20",
        ),
        (
            "gpt-4o-2031-01-01",
            How::Catalog,
            "openai/gpt-4o-2031-01-01",
        ),
    ] {
        assert_eq!(
            first(&snapshot, name),
            Ok((how, target.to_owned())),
            "{name}"
        );
    }
}

#[test]
fn a_bare_name_of_two_providers_goes_to_the_first() {
    let mut second = Provider::new("openai-eu", Dialect::OpenAi, true);
    second.credentials = 2;
    let both = snapshot(vec![second, Provider::new("openai", Dialect::OpenAi, true)]);
    assert_eq!(first(&both, "gpt-4o").unwrap().1, "openai-eu/gpt-4o");
}

#[test]
fn what_a_provider_lists_live_is_known() {
    let snapshot = three();
    let listed = |provider: &str, model: &str| provider == "house" && model == "org/llama-9b";
    let request = NameRequest {
        listed: Some(&listed),
        ..ask("org/llama-9b")
    };
    let found = resolve(&snapshot, &request).unwrap();
    assert_eq!(
        (found.how, found.targets[0].name.as_str()),
        (How::LiveList, "house/org/llama-9b")
    );
}

#[test]
fn the_only_provider_takes_what_is_left() {
    let house = snapshot(vec![Provider::new("house", Dialect::OpenAi, false)]);
    for name in ["anything", "org/model", "openai/gpt-oss-20b", "gpt-4o"] {
        let (how, target) = first(&house, name).unwrap();
        assert_eq!((how, target), (How::OnlyProvider, format!("house/{name}")));
    }
    let openai = snapshot(vec![Provider::new("openai", Dialect::OpenAi, true)]);
    for name in [
        "gpt-99",
        "meta-llama/llama-9",
        "ft:gpt-4o-2024-08-06:org::id",
    ] {
        assert_eq!(first(&openai, name).unwrap().0, How::OnlyProvider, "{name}");
    }
    assert!(matches!(
        first(&openai, "claude-opus-5"),
        Err(ResolveError::ProviderOff { .. })
    ));
    assert!(matches!(
        first(&openai, "antropic/claude"),
        Err(ResolveError::NotFound { .. })
    ));
}

#[test]
fn unknown_names_are_404_with_the_nearest() {
    let snapshot = three();
    let error = first(&snapshot, "claude-sonet-4-5").unwrap_err();
    assert_eq!((error.status(), error.code()), (404, "model_not_found"));
    let ResolveError::NotFound { nearest, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(nearest[0], "claude-sonnet-4-5");
    assert!(nearest.len() <= SUGGESTIONS_MAX);
    assert!(
        error
            .to_string()
            .contains("did you mean `claude-sonnet-4-5`"),
        "{error}"
    );
    assert_eq!(first(&snapshot, "  ").unwrap_err(), ResolveError::Empty);
    let long = first(&snapshot, &"x".repeat(1_000_000)).unwrap_err();
    assert!(long.to_string().len() < 500);
}

#[test]
fn providers_that_are_off_or_to_come_say_so() {
    let mut snapshot = three();
    snapshot.providers[0].on = false;
    for (name, status, code) in [
        ("openai/gpt-4o", 404, "provider_not_on"),
        ("vertex_ai/gemini-2.5-pro", 404, "provider_not_on"),
        ("azure/my-deployment", 404, "provider_not_on"),
        ("sagemaker/my-endpoint", 400, "provider_not_supported"),
        ("gpt-4o", 404, "model_not_found"),
    ] {
        let error = first(&snapshot, name).unwrap_err();
        assert_eq!(
            (error.status(), error.code()),
            (status, code),
            "{name}: {error}"
        );
    }
    snapshot
        .providers
        .push(Provider::new("azure", Dialect::OpenAi, false));
    assert_eq!(
        first(&snapshot, "azure/my-deployment").unwrap().1,
        "azure/my-deployment"
    );
}

#[test]
fn an_explicit_provider_wins() {
    let snapshot = three();
    let with = |provider, model| {
        let request = NameRequest {
            provider: Some(provider),
            ..ask(model)
        };
        resolve(&snapshot, &request).map(|found| found.targets[0].name.clone())
    };
    assert_eq!(with("openai", "gpt-4o-mini").unwrap(), "openai/gpt-4o-mini");
    assert_eq!(with("House", "gpt-4o").unwrap(), "house/gpt-4o");
    assert_eq!(
        with("google", "gemini/gemini-2.5-pro").unwrap(),
        "gemini/gemini-2.5-pro"
    );
    assert_eq!(
        with("house", "openai/gpt-oss-20b").unwrap(),
        "house/openai/gpt-oss-20b"
    );
    assert_eq!(with("", "chat").unwrap(), "openai/gpt-4o");
    assert_eq!(with("opnai", "gpt-4o").unwrap_err().status(), 404);
}

#[test]
fn a_key_may_use_what_its_entries_name() {
    let snapshot = three();
    for (entries, provider, model, allowed) in [
        (&["chat"][..], None, "chat", true),
        (&["chat"], None, "gpt-4o", false),
        (&["chat"], Some("openai"), "gpt-4o", false),
        (&["gpt-4o"], None, "gpt-4o", true),
        (&["gpt-4o"], None, "openai/gpt-4o", true),
        (&["gpt-4o"], None, "house/gpt-4o", false),
        // The name of a route is the route, not the model of that name.
        (&["gpt-4o-mini"], None, "gpt-4o-mini", true),
        (&["gpt-4o-mini"], None, "openai/gpt-4o-mini", false),
        (&["gpt-4o-mini"], Some("openai"), "gpt-4o-mini", false),
        (&["openai/*"], None, "openai/gpt-4o-mini", true),
        (&["openai/*"], None, "gpt-4o", true),
        (&["openai/*"], None, "chat", false),
        (&["openai/*"], None, "claude-opus-5", false),
        (&["anthropic/claude-*"], None, "claude-opus-5", true),
        (&["large"], None, "large", true),
        (&["gemini/gemini-2.5-pro"], None, "large", true),
        (&["*"], None, "chat", true),
        (&[], None, "chat", false),
    ] {
        let entries: Vec<String> = entries.iter().map(ToString::to_string).collect();
        let request = NameRequest {
            provider,
            allowed: Some(&entries),
            ..ask(model)
        };
        let result = resolve(&snapshot, &request);
        assert_eq!(
            result.is_ok(),
            allowed,
            "{entries:?} {provider:?} {model} {result:?}"
        );
        if let Err(error) = result {
            assert_eq!((error.status(), error.code()), (403, "model_not_allowed"));
        }
    }
}

#[test]
fn a_key_learns_no_name_that_it_may_not_use() {
    let snapshot = three();
    let entries: Vec<String> = (0..30).map(|index| format!("route-{index}")).collect();
    let request = NameRequest {
        allowed: Some(&entries),
        ..ask("chta")
    };
    let error = resolve(&snapshot, &request).unwrap_err();
    assert_eq!(
        error,
        ResolveError::NotFound {
            name: "chta".into(),
            nearest: Vec::new()
        }
    );
    let denied = resolve(
        &snapshot,
        &NameRequest {
            allowed: Some(&entries),
            ..ask("chat")
        },
    );
    let ResolveError::Denied { allowed, more, .. } = denied.unwrap_err() else {
        panic!()
    };
    assert_eq!((allowed.len(), more), (SHOWN_MAX, 20));
    assert!(permitted(&snapshot, "chat", None));
}

#[test]
fn references_of_the_configuration() {
    let snapshot = three();
    assert_eq!(
        reference(&snapshot, "large").unwrap().model,
        "gemini-2.5-pro"
    );
    assert_eq!(
        reference(&snapshot, "openai/gpt-4o").unwrap().name,
        "openai/gpt-4o"
    );
    assert!(reference(&snapshot, "gpt-4o").is_err());
}

proptest! {
    #[test]
    fn any_name_is_resolved_or_refused(name in ".{0,60}", provider in proptest::option::of(".{0,10}")) {
        let snapshot = three();
        let request = NameRequest { provider: provider.as_deref(), ..ask(&name) };
        match resolve(&snapshot, &request) {
            Ok(found) => prop_assert!(!found.targets.is_empty()),
            Err(error) => prop_assert!(error.to_string().len() < 2_000),
        }
    }
}
