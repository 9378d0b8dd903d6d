//! The estimates against what providers counted, in every recorded exchange that tells it.
//!
//! The constants of [`super::family`] were fitted on one half of these exchanges; this measures the
//! other. The halves alternate over the distinct requests of a family, sorted by model, shape and
//! size, so that repeats of a request are never in both. An error is relative to the reported count,
//! or to 100 tokens where it was less: below that the provider's hidden prompt decides, and nothing
//! depends on it; the share without that floor is printed beside it.

mod read;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Corrections, Family};
use read::{Recorded, read};

/// Fewer held-out exchanges than this show nothing: the family is printed, not held to the bound.
const ENOUGH: usize = 20;
/// The bound of the error that nine of ten estimates keep, in thousandths.
const P90_MAX: u64 = 150;
/// The floor of the count that an error is relative to.
const FLOOR: u64 = 100;

/// Families whose recordings come from servers with templates of their own, so that the same
/// request counts differently from one to the next: held to this bound instead, and to
/// [`P90_MAX`] only by what is learned from each.
const BY_SERVER: [(Family, u64); 3] = [
    // Ollama counts a second, hidden pass for JSON answers; GPUStack's tool prompt is its own.
    (Family::Qwen, 600),
    // Groq, Bedrock and Hugging Face each write Llama's tools their own way.
    (Family::Llama, 250),
    // The documents and citations of Cohere's requests are not in what the hub knows.
    (Family::Command, 400),
];

fn corpus() -> PathBuf {
    std::env::var_os("POLYROUTE_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    )
}

fn error(estimate: u64, reported: u64, floor: u64) -> u64 {
    estimate.abs_diff(reported) * 1_000 / reported.max(floor)
}

fn quantile(errors: &[u64], percent: usize) -> u64 {
    let mut sorted = errors.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted[at]
}

/// The half that nothing was fitted on.
fn held_out(recorded: &[Recorded]) -> Vec<&Recorded> {
    let distinct: BTreeSet<_> = recorded.iter().map(Recorded::key).collect();
    let odd: BTreeSet<_> = distinct.into_iter().skip(1).step_by(2).collect();
    recorded
        .iter()
        .filter(|one| odd.contains(&one.key()))
        .collect()
}

#[test]
fn nine_of_ten_estimates_are_within_fifteen_percent() {
    let Some((recorded, left_out)) = read(&corpus()) else {
        eprintln!("SKIPPED: no recordings at {}", corpus().display());
        return;
    };
    let mut families: BTreeMap<String, Vec<Recorded>> = BTreeMap::new();
    for one in recorded {
        families
            .entry(format!("{:?}", one.family))
            .or_default()
            .push(one);
    }
    println!("left out: {left_out:?}");
    println!(
        "{:<10} {:>5} {:>8} | {:>5} {:>5} {:>6} | {:>8} | {:>12}",
        "family", "all", "held out", "p50 %", "p90 %", "bias %", "no floor", "learned p90 %"
    );
    let mut broken = Vec::new();
    let mut held = 0;
    for (name, all) in &families {
        let out = held_out(all);
        if out.is_empty() {
            println!("{name:<10} {:>5} {:>8} |", all.len(), 0);
            continue;
        }
        let row = Row::of(&out);
        let bound = BY_SERVER
            .iter()
            .find(|(family, _)| *family == all[0].family)
            .map_or(P90_MAX, |(_, bound)| *bound);
        let verdict = if out.len() < ENOUGH {
            "too few"
        } else if row.p90 > bound {
            broken.push(format!(
                "{name}: p90 {} ‰, the worst {:?}",
                row.p90,
                worst(&out)
            ));
            "BROKEN"
        } else if bound > P90_MAX {
            held += 1;
            "by server"
        } else {
            held += 1;
            ""
        };
        println!(
            "{name:<10} {:>5} {:>8} | {:>5.1} {:>5.1} {:>+6.1} | {:>8.1} | {:>12.1} {verdict}",
            all.len(),
            out.len(),
            percent(row.p50),
            percent(row.p90),
            row.bias,
            percent(row.p90_plain),
            percent(row.p90_learned),
        );
    }
    assert_eq!(broken, Vec::<String>::new());
    assert!(held >= 8, "only {held} families have enough recordings");
}

/// The exchanges that are furthest off: estimate, reported count, file.
fn worst<'a>(out: &[&'a Recorded]) -> Vec<(u64, u64, &'a str)> {
    let mut all: Vec<_> = out
        .iter()
        .map(|one| {
            let estimate = one.size.tokens(one.family);
            (error(estimate, one.reported, FLOOR), estimate, *one)
        })
        .collect();
    all.sort_by_key(|(error, ..)| std::cmp::Reverse(*error));
    all.into_iter()
        .take(6)
        .map(|(_, estimate, one)| (estimate, one.reported, one.file.as_str()))
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "small numbers for a table")]
fn percent(thousandths: u64) -> f64 {
    thousandths as f64 / 10.0
}

struct Row {
    p50: u64,
    p90: u64,
    p90_plain: u64,
    p90_learned: u64,
    bias: f64,
}

impl Row {
    fn of(out: &[&Recorded]) -> Self {
        let mut corrections = Corrections::default();
        let (mut errors, mut plain, mut learned) = (Vec::new(), Vec::new(), Vec::new());
        let mut bias = 0.0;
        for one in out {
            let estimate = one.size.tokens(one.family);
            errors.push(error(estimate, one.reported, FLOOR));
            plain.push(error(estimate, one.reported, 1));
            let (target, shape) = (one.target(), one.size.shape());
            let corrected = corrections.corrected(&target, shape, estimate);
            learned.push(error(corrected, one.reported, FLOOR));
            corrections.observe(&target, shape, estimate, one.reported);
            let sign = if estimate < one.reported { -1.0 } else { 1.0 };
            bias += sign * percent(error(estimate, one.reported, FLOOR));
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers for a table")]
        let count = out.len() as f64;
        Self {
            p50: quantile(&errors, 50),
            p90: quantile(&errors, 90),
            p90_plain: quantile(&plain, 90),
            p90_learned: quantile(&learned, 90),
            bias: bias / count,
        }
    }
}
