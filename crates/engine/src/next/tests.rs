use polyroute_wire::adapter::{Endpoint, Target as WireTarget};
use polyroute_wire::capability::Capabilities;

use super::*;
use crate::plan::{CredentialPick, PlannedTarget};
use crate::snapshot::{Dialect, Timeouts};

/// A target: provider, window, credentials.
pub(super) fn target(provider: &str, window: Option<u64>, credentials: usize) -> PlannedTarget {
    PlannedTarget {
        name: format!("{provider}/m"),
        dialect: Dialect::OpenAi,
        wire: WireTarget {
            endpoint: Endpoint {
                provider: provider.into(),
                ..Endpoint::default()
            },
            model: "m".into(),
            capabilities: Capabilities {
                context_window: window,
                ..Capabilities::default()
            },
            ..WireTarget::default()
        },
        model: "m".into(),
        pinned: false,
        fingerprint: None,
        native_completions: false,
        cuts_prompts: false,
        family: crate::estimate::Family::Other,
        timeouts: Timeouts::default(),
        credentials: CredentialPick::new(credentials, 0),
    }
}

pub(super) fn plan(targets: Vec<PlannedTarget>) -> Plan {
    Plan {
        route: None,
        targets,
        excluded: Vec::new(),
        attempts_max: 4,
        deadline: Duration::from_secs(30),
        started_ms: 1_000,
        seed: 7,
        repair: false,
    }
}

pub(super) fn failure(kind: ErrorKind) -> Failure {
    Failure::from(&UpstreamError::new(kind, ""))
}

/// Runs the plan against scripted ends and gives the targets and credentials tried, and why it
/// stopped. The clock stands still but for waits.
fn run(plan: &Plan, ends: &[AttemptEnd]) -> (Vec<(usize, usize)>, Stop) {
    let mut history = Vec::new();
    let mut now_ms = plan.started_ms;
    let mut ends = ends.iter();
    loop {
        match next(plan, &history, now_ms) {
            Next::Repair { .. } => panic!("nothing here is to be repaired"),
            Next::Stop(stop) => {
                let tried = history
                    .iter()
                    .map(|a: &Attempt| (a.target, a.credential))
                    .collect();
                return (tried, stop);
            }
            Next::Try {
                target,
                credential,
                after,
            } => {
                now_ms += u64::try_from(after.as_millis()).unwrap();
                let end = ends.next().expect("more attempts than scripted").clone();
                history.push(Attempt {
                    target,
                    credential,
                    started_ms: now_ms,
                    ended_ms: now_ms,
                    end,
                });
            }
        }
    }
}

fn fails(kinds: &[ErrorKind]) -> Vec<AttemptEnd> {
    kinds
        .iter()
        .map(|kind| AttemptEnd::Failed(failure(*kind)))
        .collect()
}

const NOTHING: Stop = Stop::NothingLeft { retry_after: None };

#[test]
fn the_next_target_answers_what_the_first_could_not() {
    let two = plan(vec![target("a", None, 1), target("b", None, 1)]);
    for kind in [
        ErrorKind::RateLimited,
        ErrorKind::QuotaExhausted,
        ErrorKind::Overloaded,
        ErrorKind::ServerError,
        ErrorKind::Timeout,
        ErrorKind::Connection,
        ErrorKind::Auth,
        ErrorKind::Permission,
        ErrorKind::NotFound,
        ErrorKind::Truncated,
        ErrorKind::MalformedReply,
        ErrorKind::PayloadTooLarge,
    ] {
        let ends = [AttemptEnd::Failed(failure(kind)), AttemptEnd::Succeeded];
        assert_eq!(
            run(&two, &ends),
            (vec![(0, 0), (1, 0)], Stop::Answered),
            "{kind:?}"
        );
    }
}

#[test]
fn the_callers_own_mistake_goes_nowhere_else() {
    let two = plan(vec![target("a", None, 2), target("b", None, 1)]);
    for kind in [
        ErrorKind::InvalidRequest,
        ErrorKind::ContentFiltered,
        ErrorKind::UnsupportedParameter,
    ] {
        assert_eq!(
            run(&two, &fails(&[kind])),
            (vec![(0, 0)], Stop::RequestAtFault),
            "{kind:?}"
        );
    }
    let refused = [AttemptEnd::Refused(EncodeErrorCode::UnpairedToolCall)];
    assert_eq!(run(&two, &refused).1, Stop::RequestAtFault);
}

#[test]
fn what_a_target_cannot_be_sent_costs_no_attempt() {
    let mut three = plan(vec![
        target("a", None, 1),
        target("b", None, 1),
        target("c", None, 1),
    ]);
    three.attempts_max = 1;
    let ends = [
        AttemptEnd::Refused(EncodeErrorCode::UnsupportedContent),
        AttemptEnd::Refused(EncodeErrorCode::UnsupportedParameter),
        AttemptEnd::Succeeded,
    ];
    assert_eq!(
        run(&three, &ends),
        (vec![(0, 0), (1, 0), (2, 0)], Stop::Answered)
    );
}

#[test]
fn the_last_target_is_tried_again_once_for_a_passing_failure() {
    let one = plan(vec![target("a", None, 1)]);
    for kind in [
        ErrorKind::ServerError,
        ErrorKind::Connection,
        ErrorKind::Timeout,
    ] {
        assert_eq!(
            run(&one, &fails(&[kind, kind])),
            (vec![(0, 0), (0, 0)], NOTHING),
            "{kind:?}"
        );
    }
    assert_eq!(run(&one, &fails(&[ErrorKind::Overloaded; 3])).0.len(), 3);
    for kind in [
        ErrorKind::Auth,
        ErrorKind::NotFound,
        ErrorKind::QuotaExhausted,
        ErrorKind::MalformedReply,
    ] {
        assert_eq!(
            run(&one, &fails(&[kind])),
            (vec![(0, 0)], NOTHING),
            "{kind:?}"
        );
    }
    let forbidden = Failure {
        retry_forbidden: true,
        ..failure(ErrorKind::ServerError)
    };
    assert_eq!(run(&one, &[AttemptEnd::Failed(forbidden)]).1, NOTHING);
}

#[test]
fn case_35_a_short_wait_is_waited_and_a_long_one_is_passed_on() {
    let limited = |wait| {
        let retry_after = Some(Duration::from_millis(wait));
        AttemptEnd::Failed(Failure {
            retry_after,
            ..failure(ErrorKind::RateLimited)
        })
    };
    let one = plan(vec![target("a", None, 1)]);
    let attempt = |end| Attempt {
        target: 0,
        credential: 0,
        started_ms: 1_000,
        ended_ms: 1_100,
        end,
    };
    let decided = next(&one, &[attempt(limited(1_500))], 1_100);
    assert_eq!(
        decided,
        Next::Try {
            target: 0,
            credential: 0,
            after: Duration::from_millis(1_500)
        }
    );
    // Time that passed since counts.
    let Next::Try { after, .. } = next(&one, &[attempt(limited(1_500))], 2_000) else {
        panic!()
    };
    assert_eq!(after, Duration::from_millis(600));
    let long = Stop::NothingLeft {
        retry_after: Some(Duration::from_millis(36_000_000)),
    };
    assert_eq!(run(&one, &[limited(36_000_000)]).1, long);
    // Another target is better than waiting.
    let two = plan(vec![target("a", None, 1), target("b", None, 1)]);
    let Next::Try { target, after, .. } = next(&two, &[attempt(limited(1_500))], 1_100) else {
        panic!()
    };
    assert_eq!((target, after), (1, Duration::ZERO));
}

#[test]
fn case_38_a_context_error_goes_to_larger_windows_only() {
    let targets = || {
        vec![
            target("a", Some(100), 1),
            target("b", Some(100), 1),
            target("c", None, 1),
            target("d", Some(200), 1),
        ]
    };
    let ends = [
        AttemptEnd::Failed(failure(ErrorKind::ContextLengthExceeded)),
        AttemptEnd::Succeeded,
    ];
    assert_eq!(run(&plan(targets()), &ends).0, [(0, 0), (3, 0)]);
    let too_small = plan(targets().into_iter().take(3).collect());
    assert_eq!(run(&too_small, &ends).1, NOTHING);
    // A failure of the larger one does not bring the smaller ones back.
    let then = fails(&[
        ErrorKind::ContextLengthExceeded,
        ErrorKind::ServerError,
        ErrorKind::ServerError,
    ]);
    assert_eq!(run(&plan(targets()), &then).0, [(0, 0), (3, 0), (3, 0)]);
}

#[test]
fn a_bad_credential_is_followed_by_the_next_one() {
    let two = plan(vec![
        target("a", None, 2),
        target("a", None, 2),
        target("b", None, 1),
    ]);
    let ends = |kind| {
        [
            AttemptEnd::Failed(failure(kind)),
            AttemptEnd::Failed(failure(kind)),
            AttemptEnd::Succeeded,
        ]
    };
    for kind in [ErrorKind::Auth, ErrorKind::QuotaExhausted] {
        // Both credentials are bad, so the other target of this provider is too.
        assert_eq!(
            run(&two, &ends(kind)).0,
            [(0, 0), (0, 1), (2, 0)],
            "{kind:?}"
        );
    }
    // A rate is that of one model.
    assert_eq!(
        run(&two, &ends(ErrorKind::RateLimited)).0,
        [(0, 0), (0, 1), (1, 0)]
    );
    // What is not about the credential goes on to the next target.
    assert_eq!(
        run(&two, &ends(ErrorKind::ServerError)).0,
        [(0, 0), (1, 0), (2, 0)]
    );
}

#[test]
fn a_credential_that_was_refused_since_is_not_waited_for() {
    let two = plan(vec![target("a", None, 1), target("a", None, 1)]);
    let ends = fails(&[ErrorKind::RateLimited, ErrorKind::Auth]);
    assert_eq!(run(&two, &ends), (vec![(0, 0), (1, 0)], NOTHING));
}

#[test]
fn section_13_6_a_refused_parameter_is_left_out_once_at_the_same_target() {
    let two = plan(vec![target("a", None, 2), target("b", None, 1)]);
    let taught = AttemptEnd::Failed(Failure {
        taught: true,
        ..failure(ErrorKind::UnsupportedParameter)
    });
    // With a second refusal it is the request's fault after all.
    assert_eq!(
        run(&two, &[taught.clone(), taught.clone()]),
        (vec![(0, 0), (0, 0)], Stop::RequestAtFault)
    );
    let untaught = fails(&[ErrorKind::UnsupportedParameter]);
    assert_eq!(run(&two, &untaught), (vec![(0, 0)], Stop::RequestAtFault));
    // What the second try brings is judged as ever.
    let then = fails(&[ErrorKind::ServerError, ErrorKind::InvalidRequest]);
    let ends: Vec<_> = std::iter::once(taught).chain(then).collect();
    assert_eq!(run(&two, &ends).0, [(0, 0), (0, 0), (1, 0)]);
}

#[test]
fn after_content_there_is_no_second_answer() {
    let two = plan(vec![target("a", None, 1), target("b", None, 1)]);
    let cut = Failure {
        content_sent: true,
        ..failure(ErrorKind::Truncated)
    };
    assert_eq!(run(&two, &[AttemptEnd::Failed(cut)]).1, Stop::ContentSent);
}

#[test]
fn attempts_and_time_are_bounded_over_all_targets() {
    let six = plan(
        (0..6)
            .map(|index| target(&format!("p{index}"), None, 1))
            .collect(),
    );
    let (tried, stop) = run(&six, &fails(&[ErrorKind::ServerError; 4]));
    assert_eq!((tried.len(), stop), (4, Stop::AttemptsSpent));
    assert_eq!(
        next(&six, &[], six.started_ms + 30_000),
        Next::Stop(Stop::DeadlineSpent)
    );
    let late = Attempt {
        target: 0,
        credential: 0,
        started_ms: 1_000,
        ended_ms: 30_900,
        end: AttemptEnd::Failed(Failure {
            retry_after: Some(Duration::from_millis(900)),
            ..failure(ErrorKind::RateLimited)
        }),
    };
    let one = plan(vec![target("a", None, 1)]);
    assert_eq!(
        next(&one, std::slice::from_ref(&late), 30_900),
        Next::Stop(Stop::DeadlineSpent)
    );
}

#[test]
fn the_caller_hears_of_what_it_can_act_upon() {
    let history = |kinds: &[ErrorKind]| -> Vec<Attempt> {
        let attempt = |end| Attempt {
            target: 0,
            credential: 0,
            started_ms: 0,
            ended_ms: 0,
            end,
        };
        fails(kinds).into_iter().map(attempt).collect()
    };
    let telling = |kinds: &[ErrorKind]| most_telling(&history(kinds));
    assert_eq!(telling(&[ErrorKind::RateLimited, ErrorKind::Auth]), Some(0));
    assert_eq!(
        telling(&[ErrorKind::ServerError, ErrorKind::Timeout]),
        Some(1)
    );
    assert_eq!(
        telling(&[ErrorKind::Overloaded, ErrorKind::InvalidRequest]),
        Some(1)
    );
    assert_eq!(telling(&[]), None);
}

#[test]
fn an_answer_that_does_not_fit_is_sent_back_once_and_to_whoever_gave_it() {
    let mut two = plan(vec![target("a", None, 1), target("b", None, 1)]);
    let attempt = |target: usize, end: AttemptEnd| Attempt {
        target,
        credential: 0,
        started_ms: 1_000,
        ended_ms: 1_000,
        end,
    };
    let unfit = AttemptEnd::Failed(Failure {
        repairable: true,
        ..failure(ErrorKind::MalformedReply)
    });
    let mut history = vec![attempt(0, unfit.clone())];
    let fallback = Next::Try {
        target: 1,
        credential: 0,
        after: Duration::ZERO,
    };
    assert_eq!(next(&two, &history, 1_000), fallback);
    two.repair = true;
    let repair = Next::Repair {
        target: 0,
        credential: 0,
    };
    assert_eq!(next(&two, &history, 1_000), repair);
    // Within the budget and the deadline of all attempts.
    let late = next(&two, &history, two.started_ms + 30_000);
    assert_eq!(late, Next::Stop(Stop::DeadlineSpent));
    let single = Plan {
        attempts_max: 1,
        ..two.clone()
    };
    let spent = next(&single, &history, 1_000);
    assert_eq!(spent, Next::Stop(Stop::AttemptsSpent));
    // Once in a request, whoever answers.
    history.push(attempt(0, unfit.clone()));
    assert_eq!(next(&two, &history, 1_000), fallback);
    history.push(attempt(1, unfit));
    assert_eq!(next(&two, &history, 1_000), Next::Stop(NOTHING));
}
