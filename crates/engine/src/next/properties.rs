//! Bounds that hold for every plan and every run of failures.

use proptest::prelude::*;

use super::tests::{failure, plan, target};
use super::*;

/// Any end of an attempt: a kind, a wait, and flags.
fn any_end() -> impl Strategy<Value = AttemptEnd> {
    let waits = proptest::option::of(0_u64..5_000);
    (0..ErrorKind::ALL.len(), waits, any::<bool>(), 0..20_u8).prop_map(
        |(kind, wait, forbidden, roll)| {
            let retry_after = wait.map(Duration::from_millis);
            match roll {
                0 => AttemptEnd::Succeeded,
                1 => AttemptEnd::Refused(EncodeErrorCode::UnsupportedContent),
                roll => AttemptEnd::Failed(Failure {
                    retry_after,
                    retry_forbidden: forbidden && roll > 10,
                    content_sent: roll == 2,
                    taught: roll % 3 == 0
                        && ErrorKind::ALL[kind] == ErrorKind::UnsupportedParameter,
                    repairable: roll < 6 && ErrorKind::ALL[kind] == ErrorKind::MalformedReply,
                    ..failure(ErrorKind::ALL[kind])
                }),
            }
        },
    )
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let window = proptest::option::of(1_u64..4);
    let targets = proptest::collection::vec((0..3_u8, window, 1..4_usize), 1..6);
    let numbers = (1..7_u32, 0..10_000_u64, any::<u64>(), any::<bool>());
    (targets, numbers).prop_map(|(targets, (attempts_max, deadline, seed, repair))| {
        let counts = [1, 2, 3];
        let targets = targets.into_iter().map(|(provider, window, _)| {
            target(
                &format!("p{provider}"),
                window,
                counts[usize::from(provider)],
            )
        });
        Plan {
            attempts_max,
            deadline: Duration::from_millis(deadline),
            seed,
            repair,
            ..plan(targets.collect())
        }
    })
}

proptest! {
    #[test]
    fn every_run_keeps_its_bounds(
        plan in any_plan(),
        ends in proptest::collection::vec((any_end(), 0_u64..3_000), 12),
    ) {
        let mut history: Vec<Attempt> = Vec::new();
        let mut repaired = false;
        let mut now_ms = plan.started_ms;
        let deadline_ms = plan.started_ms + u64::try_from(plan.deadline.as_millis()).unwrap();
        for (end, took) in &ends {
            let decision = next(&plan, &history, now_ms);
            prop_assert_eq!(decision, next(&plan, &history, now_ms));
            let (target, credential, after) = match decision {
                Next::Try { target, credential, after } => (target, credential, after),
                Next::Repair { target, credential } => {
                    // Where the bad answer came from, and never twice.
                    prop_assert!(plan.repair && !repaired);
                    repaired = true;
                    let last = history.last().unwrap();
                    prop_assert_eq!((last.target, last.credential), (target, credential));
                    (target, credential, Duration::ZERO)
                }
                Next::Stop(_) => return Ok(()),
            };
            // Never beyond the budget, the list, the credentials or the deadline.
            let sent = history.iter().filter(|attempt| was_sent(attempt)).count();
            prop_assert!(sent < usize::try_from(plan.attempts_max).unwrap());
            prop_assert!(credential < plan.targets[target].credentials.count);
            now_ms += u64::try_from(after.as_millis()).unwrap();
            prop_assert!(now_ms < deadline_ms);
            prop_assert!(after <= WAIT_MAX);
            if let Some(Attempt { end: AttemptEnd::Failed(last), .. }) = history.last() {
                prop_assert!(!last.content_sent);
                prop_assert!(last.taught || !matches!(
                    last.kind,
                    ErrorKind::InvalidRequest | ErrorKind::ContentFiltered | ErrorKind::UnsupportedParameter
                ));
            }
            // A credential that was refused is not used again.
            let provider = plan.targets[target].provider();
            let refused = history.iter().any(|attempt| {
                attempt.credential == credential
                    && plan.targets[attempt.target].provider() == provider
                    && matches!(attempt.end, AttemptEnd::Failed(failure) if matches!(failure.kind, ErrorKind::Auth | ErrorKind::QuotaExhausted))
            });
            prop_assert!(!refused);
            // A wait only where there was nothing else to try.
            if !after.is_zero() {
                prop_assert!(history.iter().any(|attempt| attempt.target == target));
            }
            let started_ms = now_ms;
            now_ms += took;
            history.push(Attempt { target, credential, started_ms, ended_ms: now_ms, end: end.clone() });
        }
        prop_assert!(false, "no end after {} attempts", history.len());
    }
}
