mod window;

use super::*;
use crate::catalog::Catalog;
use crate::needs::Operation;
use crate::resolve::{NameRequest, resolve};
use crate::snapshot::Provider;
use crate::snapshot::{Defaults, Route};
use polyroute_wire::surface::Surface;

fn snapshot(targets: &[&str]) -> Snapshot {
    let targets = targets.iter().map(|target| {
        let (provider, model) = target.split_once('/').unwrap();
        Target::new(provider, model)
    });
    let mut openai = Provider::new("openai", Dialect::OpenAi, true);
    openai.credentials = 3;
    Snapshot {
        providers: vec![
            openai,
            Provider::new("anthropic", Dialect::Anthropic, true),
            Provider::new("gemini", Dialect::Gemini, true),
            Provider::new("house", Dialect::OpenAi, false),
        ],
        targets: Vec::new(),
        routes: vec![Route::new("route", targets.collect())],
        catalog: Catalog::embedded(),
        defaults: Defaults::default(),
    }
}

fn plan_of(snapshot: &Snapshot, needs: RequestNeeds) -> Result<Plan, NoTarget> {
    let request = NameRequest {
        model: "route",
        ..NameRequest::default()
    };
    let resolved = resolve(snapshot, &request).unwrap();
    plan(
        snapshot,
        &resolved,
        &PlanInput {
            needs,
            ..PlanInput::default()
        },
    )
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.targets.iter().map(PlannedTarget::name).collect()
}

#[test]
fn targets_keep_their_order_and_carry_what_translation_needs() {
    let mut snapshot = snapshot(&["anthropic/claude-3-haiku", "openai/gpt-4o"]);
    snapshot.providers[1].api_version = Some("2026-10-21".into());
    let plan = plan_of(&snapshot, RequestNeeds::default()).unwrap();
    assert_eq!(names(&plan), ["anthropic/claude-3-haiku", "openai/gpt-4o"]);
    let claude = &plan.targets[0];
    assert_eq!(claude.wire.model, "claude-3-haiku-20240307");
    assert_eq!(claude.model(), "claude-3-haiku");
    assert_eq!(
        claude.wire.endpoint.api_version.as_deref(),
        Some("2026-10-21")
    );
    assert_eq!(claude.wire.capabilities.max_output, Some(4_096));
    assert_eq!(
        (plan.attempts_max, plan.deadline),
        (4, Duration::from_secs(120))
    );
    assert_eq!(plan.describe(), "anthropic/claude-3-haiku → openai/gpt-4o");
}

#[test]
fn a_pin_goes_upstream_with_what_it_takes() {
    let mut snapshot = snapshot(&["openai/gpt-4o", "openai/gpt-4o"]);
    snapshot.routes[0].targets[0].pin = Some("gpt-4o-2024-05-13".into());
    snapshot.routes[0].targets[1].pin = Some("our-own-tuning".into());
    let plan = plan_of(&snapshot, RequestNeeds::default()).unwrap();
    let window = |target: &PlannedTarget| target.wire.capabilities.max_output;
    assert_eq!(
        (
            plan.targets[0].wire.model.as_str(),
            plan.targets[0].is_pinned()
        ),
        ("gpt-4o-2024-05-13", true)
    );
    assert_eq!(window(&plan.targets[0]), Some(4_096));
    assert_eq!(plan.targets[1].wire.model, "our-own-tuning");
    assert_eq!(window(&plan.targets[1]), Some(16_384));
}

#[test]
fn a_target_that_cannot_is_left_out_with_its_reason() {
    for (needs, left_out, reason) in [
        (
            RequestNeeds {
                audio: true,
                ..RequestNeeds::default()
            },
            "openai/gpt-4o",
            ExcludeReason::Audio,
        ),
        (
            RequestNeeds {
                video: true,
                ..RequestNeeds::default()
            },
            "openai/gpt-4o",
            ExcludeReason::Video,
        ),
        (
            RequestNeeds {
                choices: 200,
                ..RequestNeeds::default()
            },
            "openai/gpt-4o",
            ExcludeReason::Choices { max: 128 },
        ),
    ] {
        let plan = plan_of(&snapshot(&["openai/gpt-4o", "house/any"]), needs).unwrap();
        assert_eq!(names(&plan), ["house/any"]);
        assert_eq!(plan.excluded, [Excluded::new(left_out, reason)]);
    }
}

#[test]
fn if_none_can_the_best_reason_is_the_answer() {
    let needs = RequestNeeds {
        image: true,
        ..RequestNeeds::default()
    };
    let mut snapshot = snapshot(&[
        "gemini/gemini-2.5-pro",
        "openai/gpt-3.5-turbo",
        "openai/o3-mini",
    ]);
    snapshot.providers[2].on = false;
    let refusal = plan_of(&snapshot, needs).unwrap_err();
    assert_eq!(
        (refusal.status, refusal.code, refusal.param),
        (400, "unsupported_content", Some("messages"))
    );
    assert_eq!(refusal.excluded.len(), 3);
    assert!(
        refusal
            .message
            .contains("`openai/gpt-3.5-turbo` (it takes no pictures)"),
        "{refusal}"
    );
    snapshot.routes[0].targets.truncate(1);
    let refusal = plan_of(&snapshot, needs).unwrap_err();
    assert_eq!((refusal.status, refusal.code), (404, "provider_not_on"));
}

#[test]
fn case_45_forced_tool_choice_goes_to_a_target_that_takes_it() {
    let needs = RequestNeeds {
        tools: true,
        forced_tool: true,
        ..RequestNeeds::default()
    };
    let mut snapshot = snapshot(&["anthropic/claude-opus-5-5", "anthropic/claude-opus-5"]);
    assert_eq!(
        names(&plan_of(&snapshot, needs).unwrap()),
        ["anthropic/claude-opus-5"]
    );
    snapshot.routes[0].policy = Some(TranslationPolicy {
        downgrade_forced_tool_choice: true,
        ..TranslationPolicy::default()
    });
    assert_eq!(plan_of(&snapshot, needs).unwrap().targets.len(), 2);
    snapshot.routes[0].policy = None;
    snapshot.routes[0].targets.truncate(1);
    let refusal = plan_of(&snapshot, needs).unwrap_err();
    assert_eq!((refusal.status, refusal.param), (400, Some("tool_choice")));
}

#[test]
fn a_model_of_another_kind_is_refused() {
    let embed = RequestNeeds {
        operation: Operation::Embedding,
        ..RequestNeeds::default()
    };
    for (model, needs, fits) in [
        ("openai/text-embedding-3-small", embed, true),
        (
            "openai/text-embedding-3-small",
            RequestNeeds::default(),
            false,
        ),
        ("openai/gpt-4o", embed, false),
        ("openai/o3-pro", RequestNeeds::default(), true),
        ("openai/o3-pro", embed, false),
        ("openai/not-in-the-catalog", embed, true),
        ("house/anything", embed, true),
    ] {
        assert_eq!(plan_of(&snapshot(&[model]), needs).is_ok(), fits, "{model}");
    }
}

/// Which API a chat request to `model` goes over.
fn api_of(snapshot: &Snapshot, needs: ApiNeeds) -> Result<Dialect, NoTarget> {
    let request = NameRequest {
        model: "route",
        ..NameRequest::default()
    };
    let resolved = resolve(snapshot, &request).unwrap();
    let input = PlanInput {
        api: needs,
        ..PlanInput::default()
    };
    plan(snapshot, &resolved, &input).map(|plan| plan.targets[0].dialect)
}

#[test]
fn case_46_section_9_tools_and_effort_choose_the_responses_api() {
    use crate::snapshot::ApiChoice;
    use polyroute_wire::chat::Effort;

    let tools = |effort| ApiNeeds {
        tools: true,
        effort,
        chat_only: false,
    };
    let (high, none) = (Some(Effort::High), Some(Effort::None));
    let (chat, responses) = (Dialect::OpenAi, Dialect::Responses);
    for (model, needs, expected) in [
        // Asked to think beside tools, which chat completions refuse.
        ("openai/gpt-5.4", tools(high), responses),
        ("openai/gpt-5.4", tools(none), chat),
        // Thinks only if asked to.
        ("openai/gpt-5.4", tools(None), chat),
        (
            "openai/gpt-5.4",
            ApiNeeds {
                effort: high,
                ..ApiNeeds::default()
            },
            chat,
        ),
        // Thinks unless told not to.
        ("openai/gpt-5.6", tools(None), responses),
        ("openai/gpt-5.6", tools(none), chat),
        ("openai/gpt-6.1-sol", tools(high), responses),
        ("openai/gpt-6-sol", ApiNeeds::default(), chat),
        // Several choices are for chat completions alone.
        (
            "openai/gpt-5.6",
            ApiNeeds {
                chat_only: true,
                ..tools(None)
            },
            chat,
        ),
        // No trouble with tools there.
        ("openai/gpt-5", tools(high), chat),
        ("openai/gpt-4o", tools(None), chat),
        // Served nowhere else.
        ("openai/o3-pro", ApiNeeds::default(), responses),
        (
            "openai/o3-pro",
            ApiNeeds {
                chat_only: true,
                ..ApiNeeds::default()
            },
            responses,
        ),
        // A compatible server is what it is.
        ("house/gpt-5.6", tools(high), chat),
        ("anthropic/claude-opus-5", tools(high), Dialect::Anthropic),
    ] {
        let found = api_of(&snapshot(&[model]), needs).unwrap();
        assert_eq!(found, expected, "{model} {needs:?}");
    }
    let configured = |model, api| {
        let mut snapshot = snapshot(&[model]);
        snapshot.providers[0].api = api;
        api_of(&snapshot, tools(high))
    };
    let always = configured("openai/gpt-4o", ApiChoice::Responses);
    assert_eq!(always.unwrap(), responses);
    let never = configured("openai/gpt-5.6", ApiChoice::Chat);
    assert_eq!(never.unwrap(), chat);
    let nowhere = configured("openai/o3-pro", ApiChoice::Chat).unwrap_err();
    assert_eq!(nowhere.code, "wrong_model_kind");
}

#[test]
fn section_14_tokens_are_counted_over_the_api_that_counts() {
    use crate::snapshot::ApiChoice;

    let counted = |api, chat_only, first_party| {
        let mut snapshot = snapshot(&["openai/gpt-4o"]);
        snapshot.providers[0].api = api;
        snapshot.providers[0].first_party = first_party;
        let request = NameRequest {
            model: "route",
            ..NameRequest::default()
        };
        let resolved = resolve(&snapshot, &request).unwrap();
        let input = PlanInput {
            needs: RequestNeeds {
                operation: Operation::InputTokens,
                ..RequestNeeds::default()
            },
            api: ApiNeeds {
                chat_only,
                ..ApiNeeds::default()
            },
            ..PlanInput::default()
        };
        plan(&snapshot, &resolved, &input).unwrap().targets[0].dialect
    };
    let (chat, responses) = (Dialect::OpenAi, Dialect::Responses);
    assert_eq!(counted(ApiChoice::Auto, false, true), responses);
    assert_eq!(counted(ApiChoice::Auto, true, true), chat);
    assert_eq!(counted(ApiChoice::Auto, false, false), chat);
    assert_eq!(counted(ApiChoice::Chat, false, true), chat);
}

#[test]
fn section_15_xai_prefers_the_responses_api() {
    let mut snapshot = snapshot(&["xai/grok-4.3"]);
    let mut xai = Provider::new("xai", Dialect::OpenAi, false);
    xai.catalog = Some("xai".into());
    snapshot.providers.push(xai);
    let plain = ApiNeeds::default();
    assert_eq!(api_of(&snapshot, plain).unwrap(), Dialect::Responses);
    let several = ApiNeeds {
        chat_only: true,
        ..plain
    };
    assert_eq!(api_of(&snapshot, several).unwrap(), Dialect::OpenAi);
}

#[test]
fn credentials_take_turns() {
    let order = |rotation| CredentialPick::new(3, rotation).order().collect::<Vec<_>>();
    assert_eq!(
        (order(0), order(1), order(5)),
        (vec![0, 1, 2], vec![1, 2, 0], vec![2, 0, 1])
    );
    assert_eq!(CredentialPick::new(0, 7).order().collect::<Vec<_>>(), [0]);
    let snapshot = snapshot(&["openai/gpt-4o"]);
    let resolved = resolve(
        &snapshot,
        &NameRequest {
            model: "route",
            ..NameRequest::default()
        },
    )
    .unwrap();
    let input = PlanInput {
        rotation: 4,
        ..PlanInput::default()
    };
    let plan = plan(&snapshot, &resolved, &input).unwrap();
    assert_eq!(
        plan.targets[0].credentials,
        CredentialPick { first: 1, count: 3 }
    );
}

#[test]
fn a_route_may_have_its_own_bounds() {
    let mut snapshot = snapshot(&["openai/gpt-4o"]);
    snapshot.routes[0].attempts_max = Some(0);
    snapshot.routes[0].deadline = Some(Duration::from_secs(5));
    snapshot.routes[0].targets[0].timeouts.first_content = Some(Duration::from_secs(2));
    let plan = plan_of(&snapshot, RequestNeeds::default()).unwrap();
    assert_eq!((plan.attempts_max, plan.deadline.as_secs()), (1, 5));
    let timeouts = plan.targets[0].facts.timeouts;
    assert_eq!(timeouts.first_content, Some(Duration::from_secs(2)));
    assert_eq!(timeouts.connect, snapshot.defaults.timeouts.connect);
}

/// A cloud that hosts what other sections describe.
fn cloud(name: &str, dialect: Dialect, surface: Surface) -> Snapshot {
    let mut snapshot = snapshot(&[]);
    snapshot.providers = vec![Provider {
        catalog: Some(name.to_owned()),
        surface,
        ..Provider::new(name, dialect, false)
    }];
    snapshot
}

#[test]
fn the_publisher_of_a_vertex_model_decides_what_is_spoken() {
    let surface = Surface::Vertex {
        project: Some("p".to_owned()),
        location: "global".to_owned(),
    };
    let snapshot = cloud("vertex", Dialect::Gemini, surface);
    for (name, dialect, known_as) in [
        ("gemini-2.5-flash", Dialect::Gemini, "gemini-2.5-flash"),
        (
            "publishers/google/models/gemini-2.5-flash",
            Dialect::Gemini,
            "gemini-2.5-flash",
        ),
        (
            "claude-sonnet-4-5@20250929",
            Dialect::Anthropic,
            "claude-sonnet-4-5",
        ),
        (
            "anthropic/claude-sonnet-4-5",
            Dialect::Anthropic,
            "claude-sonnet-4-5",
        ),
    ] {
        let asked = NameRequest {
            model: name,
            provider: Some("vertex"),
            ..NameRequest::default()
        };
        let resolved = resolve(&snapshot, &asked).unwrap();
        let plan = plan(&snapshot, &resolved, &PlanInput::default()).unwrap();
        let target = &plan.targets[0];
        assert_eq!(
            (target.dialect, target.wire.model.as_str()),
            (dialect, name)
        );
        let provider = snapshot.provider("vertex").unwrap();
        let known = snapshot.listed(provider, name).unwrap().entry.unwrap();
        assert_eq!(known.id, known_as);
        assert_eq!(
            target.wire.capabilities.context_window,
            known.capabilities.context_window
        );
    }
    let provider = snapshot.provider("vertex").unwrap();
    assert_eq!(provider.dialect_of("meta/llama-4-maas"), Dialect::OpenAi);
    assert_eq!(provider.dialect_of("endpoints/42"), Dialect::Gemini);
}

#[test]
fn a_deployment_is_known_and_priced_by_its_model() {
    let mut snapshot = cloud("azure", Dialect::OpenAi, Surface::AzureV1);
    let deployments = [("prod-eu", "gpt-4o"), ("small", "gpt-4o-mini")];
    snapshot.providers[0].deployments = deployments
        .map(|(name, model)| (name.to_owned(), model.to_owned()))
        .into();
    for (asked, sent) in [
        ("prod-eu", "prod-eu"),
        ("gpt-4o", "prod-eu"),
        ("other", "other"),
    ] {
        let asked = NameRequest {
            model: asked,
            provider: Some("azure"),
            ..NameRequest::default()
        };
        let resolved = resolve(&snapshot, &asked).unwrap();
        let plan = plan(&snapshot, &resolved, &PlanInput::default()).unwrap();
        assert_eq!(plan.targets[0].wire.model, sent);
    }
    let price = |model| {
        let facts = Facts::of(&snapshot, &Target::new("azure", model)).unwrap();
        facts.prices_at(1_790_000_000).map(|it| it.0.clone())
    };
    assert!(price("prod-eu").is_some());
    assert_eq!(price("prod-eu"), price("gpt-4o"));
    assert_eq!(price("other"), None);
    let provider = snapshot.provider("azure").unwrap();
    assert!(snapshot.lists(provider, "small") && !snapshot.lists(provider, "gpt-4.1"));
    let offered: Vec<_> = snapshot.offered(provider).map(|(name, _)| name).collect();
    assert_eq!(offered, ["prod-eu", "small"]);
}

#[test]
fn a_cloud_is_called_over_the_responses_api_only_where_its_surface_has_it() {
    use polyroute_wire::chat::Effort;

    let needs = ApiNeeds {
        tools: true,
        effort: Some(Effort::High),
        chat_only: false,
    };
    let (chat, responses) = (Dialect::OpenAi, Dialect::Responses);
    let of = |surface, api_version: Option<&str>, model: &str| {
        let mut snapshot = cloud("azure", Dialect::OpenAi, surface);
        snapshot.providers[0].api_version = api_version.map(ToOwned::to_owned);
        snapshot.providers[0].deployments = [("dep".to_owned(), model.to_owned())].into();
        snapshot.routes = vec![Route::new("route", vec![Target::new("azure", "dep")])];
        api_of(&snapshot, needs)
    };
    for (surface, version, expected) in [
        (Surface::AzureV1, None, responses),
        (
            Surface::AzureDeployments,
            Some("2025-04-01-preview"),
            responses,
        ),
        (Surface::AzureDeployments, Some("2024-10-21"), chat),
        (Surface::AzureInference, None, chat),
    ] {
        let found = of(surface.clone(), version, "gpt-5.6").unwrap();
        assert_eq!(found, expected, "{surface:?} {version:?}");
    }
    assert_eq!(of(Surface::AzureV1, None, "o3-pro").unwrap(), responses);
    let nowhere = of(Surface::AzureInference, None, "o3-pro").unwrap_err();
    assert_eq!(nowhere.code, "wrong_model_kind");
}

#[test]
fn a_pinned_deployment_is_compared_as_the_model_that_it_is() {
    use crate::pin::{Asked, Served, Verdict, compare};

    let mut snapshot = cloud("azure", Dialect::OpenAi, Surface::AzureV1);
    snapshot.providers[0].deployments =
        [("prod-eu".to_owned(), "gpt-4o-2024-08-06".to_owned())].into();
    let provider = snapshot.provider("azure").unwrap();
    for (named, served, verdict) in [
        ("prod-eu", "gpt-4o-2024-08-06", Verdict::Within),
        ("prod-eu", "gpt-4o-2024-11-20", Verdict::Drift),
        ("gpt-4o-2024-08-06", "gpt-4o-2024-11-20", Verdict::Drift),
        // Nobody says which model this is.
        ("unexplained", "gpt-4o-2024-11-20", Verdict::Unproven),
        ("unexplained", "a-model-of-ours", Verdict::Unproven),
    ] {
        let asked = Asked {
            section: provider.catalog.clone(),
            model: provider.model_of(named).to_owned(),
            pinned: snapshot.places(provider, named),
            fingerprint: None,
        };
        let served = Served {
            model: served,
            fingerprint: None,
        };
        assert_eq!(
            compare(&snapshot.catalog, &asked, served),
            verdict,
            "{named}"
        );
    }
}
