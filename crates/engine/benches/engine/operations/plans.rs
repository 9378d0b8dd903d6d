//! From a name to the target that is asked: names, plans, what comes next.

use std::collections::HashMap;
use std::sync::Arc;

use polyroute_engine::facts::Facts;
use polyroute_engine::needs::{ApiNeeds, RequestNeeds};
use polyroute_engine::next::{Attempt, AttemptEnd, Failure, Next, next};
use polyroute_engine::plan::{Plan, PlanInput, plan};
use polyroute_engine::resolve::{NameRequest, resolve};
use polyroute_engine::snapshot::{Snapshot, Target};
use polyroute_measure::Operation;
use polyroute_wire::error::{ErrorKind, UpstreamError};

use super::snapshot;

pub(super) fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    let shared = Arc::new(snapshot());
    for (name, model, exists) in [
        ("a listed model", "claude-sonnet-4-5", true),
        ("a provider's model", "openai/gpt-4o-mini", true),
        ("a model that nobody lists", "openai/gpt-99", true),
        ("a route of 8 targets", "eight", true),
        ("a name that means nothing", "cluade-sonet-4-5", false),
    ] {
        let snapshot = Arc::clone(&shared);
        let ask = move || resolve(&snapshot, &named(model)).is_ok();
        assert_eq!(ask(), exists, "{model}");
        all.push(Operation::new(format!("resolve/{name}"), ask));
    }
    for (name, model, targets, keeps) in [
        ("1 target, facts kept", "openai/gpt-4o-mini", 1, true),
        ("1 target, facts made anew", "openai/gpt-4o-mini", 1, false),
        ("8 targets, facts kept", "eight", 8, true),
        ("8 targets, facts made anew", "eight", 8, false),
    ] {
        let snapshot = Arc::clone(&shared);
        let facts = keeps.then(|| kept(&snapshot, model));
        let make = move || planned(&snapshot, model, facts.as_ref());
        assert_eq!(make().targets.len(), targets, "{model}");
        all.push(Operation::new(format!("plan/{name}"), make));
    }
    all.extend(nexts(&shared));
    all
}

fn nexts(snapshot: &Snapshot) -> Vec<Operation> {
    let one = planned(snapshot, "openai/gpt-4o-mini", None);
    let eight = planned(snapshot, "eight", None);
    let failed: Vec<Attempt> = (0..3)
        .map(|target| Attempt {
            target,
            credential: 0,
            started_ms: 10,
            ended_ms: 20,
            end: AttemptEnd::Failed(Failure::from(&UpstreamError::new(
                ErrorKind::Overloaded,
                "busy",
            ))),
        })
        .collect();
    let first = move || next(&one, &[], 5);
    let fourth = move || next(&eight, &failed, 30);
    assert!(matches!(first(), Next::Try { target: 0, .. }));
    assert!(matches!(fourth(), Next::Try { target: 3, .. }));
    vec![
        Operation::new("next/the first attempt", first),
        Operation::new("next/after 3 failures, of 8 targets", fourth),
    ]
}

fn named(model: &str) -> NameRequest<'_> {
    NameRequest {
        model,
        ..NameRequest::default()
    }
}

/// Facts by the names of targets, as a program keeps them between requests.
type Kept = HashMap<String, Arc<Facts>>;

fn kept(snapshot: &Snapshot, model: &str) -> Kept {
    let resolved = resolve(snapshot, &named(model)).expect("a known name");
    let facts = |target: &Target| {
        let facts = Facts::of(snapshot, target).expect("a provider that is on");
        (target.name.clone(), Arc::new(facts))
    };
    resolved.targets.iter().map(facts).collect()
}

/// The plan for a name, its resolution included.
fn planned(snapshot: &Snapshot, model: &str, facts: Option<&Kept>) -> Plan {
    let resolved = resolve(snapshot, &named(model)).expect("a known name");
    let known = |target: &Target| facts?.get(&target.name).cloned();
    let input = PlanInput {
        needs: RequestNeeds::default(),
        api: ApiNeeds::default(),
        seed: 7,
        facts: facts.is_some().then_some(&known),
        ..PlanInput::default()
    };
    plan(snapshot, &resolved, &input).expect("a plan")
}
