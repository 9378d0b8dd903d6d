//! Rows from records: one figure for each target and round, medians over the rounds, and ratios to
//! nginx taken within a round, so that what slows the machine down for a while slows both sides.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::record::{Mode, Record};

/// The target without a gateway.
pub(super) const DIRECT: &str = "direct";
/// The target that the others are held against.
pub(super) const REFERENCE: &str = "nginx";

/// Everything that a run gave.
#[derive(Serialize)]
pub(super) struct Summary {
    /// What it was measured on.
    pub(super) machine: String,
    /// What the run was told about itself: versions, rounds, seconds.
    pub(super) facts: BTreeMap<String, String>,
    /// What was called, in order of first call.
    pub(super) targets: Vec<String>,
    /// The figures.
    pub(super) rows: Vec<Row>,
    /// The runs behind them.
    pub(super) records: Vec<Record>,
}

/// One figure of one scenario, for every target.
#[derive(Serialize)]
pub(super) struct Row {
    /// The scenario it comes from.
    pub(super) scenario: String,
    /// What it is, with its unit.
    pub(super) measure: &'static str,
    /// Medians over the rounds by target.
    pub(super) values: BTreeMap<String, f64>,
    /// Ratios to nginx by target.
    pub(super) ratios: BTreeMap<String, Ratio>,
    /// What the ratio should be.
    pub(super) goal: Option<Goal>,
    /// Whether so much other work ran that this figure says little: rates and times then measure
    /// who got the core. CPU per request stays.
    pub(super) noisy: bool,
}

/// From this share of the machine on, other work makes rates and times worthless.
const NOISY: f64 = 0.1;

/// A ratio to nginx over the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Ratio {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// A bound on a ratio.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    /// At least: rates.
    AtLeast(f64),
    /// At most: costs.
    AtMost(f64),
}

/// How a ratio stands to its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Reached.
    Met,
    /// Missed by less than a fifth.
    Near,
    /// Missed by more.
    Missed,
}

impl Goal {
    /// Judges a ratio.
    pub(super) fn judge(self, ratio: f64) -> Verdict {
        // How much of the goal is reached, 1 and more being all of it.
        let reached = match self {
            Self::AtLeast(bound) => ratio / bound,
            // What adds less than nothing (in noise) has reached any bound.
            Self::AtMost(_) if ratio <= 0.0 => 1.0,
            Self::AtMost(bound) => bound / ratio,
        };
        match reached {
            reached if reached >= 1.0 => Verdict::Met,
            reached if reached >= 0.8 => Verdict::Near,
            _ => Verdict::Missed,
        }
    }
}

/// A figure that a mode gives: its name, its goal, and how to take it from a record (and from the
/// direct one of the same round).
struct Measure {
    name: &'static str,
    goal: Option<Goal>,
    /// Whether it depends on who else wants the core.
    timed: bool,
    take: fn(&Record, Option<&Record>) -> Option<f64>,
}

/// A mode's figures, in the order of the table.
fn measures(mode: Mode) -> Vec<Measure> {
    let measure = |name, goal, take| Measure {
        name,
        goal,
        timed: true,
        take,
    };
    let cost = |name, goal, take| Measure {
        timed: false,
        ..measure(name, goal, take)
    };
    match mode {
        Mode::Requests => vec![
            measure("requests/s", Some(Goal::AtLeast(0.6)), |run, _| {
                Some(run.requests as f64 / run.seconds)
            }),
            cost("CPU per request, µs", Some(Goal::AtMost(2.0)), |run, _| {
                cpu_per(run, run.requests)
            }),
            measure("p50 under load, µs", None, |run, _| {
                Some(run.latency.p50_us)
            }),
            measure("p99 under load, µs", None, |run, _| {
                Some(run.latency.p99_us)
            }),
            cost("memory after, MiB", None, |run, _| {
                Some(run.gateway_memory_kib? as f64 / 1024.0)
            }),
        ],
        Mode::Latency => vec![
            measure("p50, µs", None, |run, _| Some(run.latency.p50_us)),
            measure("added p50, µs", Some(Goal::AtMost(1.5)), |run, direct| {
                added(run, direct, |run| run.latency.p50_us)
            }),
            measure("added p99, µs", None, |run, direct| {
                added(run, direct, |run| run.latency.p99_us)
            }),
        ],
        Mode::Chunks => vec![
            measure("chunks/s", Some(Goal::AtLeast(1.1)), |run, _| {
                Some(run.chunks as f64 / run.seconds)
            }),
            cost("CPU per chunk, µs", None, |run, _| {
                cpu_per(run, run.chunks)
            }),
        ],
        Mode::First => vec![
            measure("first chunk p50, µs", None, |run, _| {
                Some(run.first_chunk.p50_us)
            }),
            measure(
                "added to first p50, µs",
                Some(Goal::AtMost(2.0)),
                |run, direct| added(run, direct, |run| run.first_chunk.p50_us),
            ),
            cost("CPU per chunk, µs", None, |run, _| {
                cpu_per(run, run.chunks)
            }),
        ],
    }
}

/// What a gateway adds to what the same call takes without it.
fn added(run: &Record, direct: Option<&Record>, of: fn(&Record) -> f64) -> Option<f64> {
    let direct = direct.filter(|_| run.target != DIRECT)?;
    Some(of(run) - of(direct))
}

/// The gateway's CPU time for each of `count`.
fn cpu_per(run: &Record, count: u64) -> Option<f64> {
    (count > 0).then_some(run.gateway_cpu_us? as f64 / count as f64)
}

/// The share of one core that the gateway used.
pub(super) fn gateway_busy(run: &Record) -> Option<f64> {
    Some(run.gateway_cpu_us? as f64 / 1e6 / run.seconds)
}

/// The value in the middle, or the mean of the two there.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

impl Summary {
    /// Makes the rows.
    pub(super) fn new(machine: String, facts: &[(String, String)], records: Vec<Record>) -> Self {
        let mut targets: Vec<String> = Vec::new();
        let mut scenarios: Vec<(String, Mode)> = Vec::new();
        for record in &records {
            if !targets.contains(&record.target) {
                targets.push(record.target.clone());
            }
            if !scenarios.iter().any(|(name, _)| *name == record.scenario) {
                scenarios.push((record.scenario.clone(), record.mode));
            }
        }
        let rows = scenarios
            .iter()
            .flat_map(|(scenario, mode)| {
                let runs: Vec<_> = records
                    .iter()
                    .filter(|record| record.scenario == *scenario)
                    .collect();
                let row = |measure| row(scenario, &measure, &runs, &targets);
                measures(*mode).into_iter().map(row).collect::<Vec<_>>()
            })
            .collect();
        Self {
            machine,
            facts: facts.iter().cloned().collect(),
            targets,
            rows,
            records,
        }
    }
}

/// One row.
fn row(scenario: &str, measure: &Measure, runs: &[&Record], targets: &[String]) -> Row {
    let direct_of = |round| {
        runs.iter()
            .copied()
            .find(|run| run.target == DIRECT && run.round == round)
    };
    // Figures by round for each target.
    let figures: BTreeMap<&str, BTreeMap<u32, f64>> = targets
        .iter()
        .map(|target| {
            let runs = runs.iter().filter(|run| run.target == *target);
            let figure =
                |run: &&Record| Some((run.round, (measure.take)(run, direct_of(run.round))?));
            (target.as_str(), runs.filter_map(figure).collect())
        })
        .collect();
    let values = figures.iter().filter_map(|(target, rounds)| {
        Some(((*target).to_owned(), median(rounds.values().copied())?))
    });
    let ratios = figures
        .iter()
        .filter(|(target, _)| ![DIRECT, REFERENCE].contains(*target))
        .filter_map(|(target, rounds)| {
            Some((
                (*target).to_owned(),
                ratio(rounds, figures.get(REFERENCE)?)?,
            ))
        });
    Row {
        scenario: scenario.to_owned(),
        measure: measure.name,
        values: values.collect(),
        ratios: ratios.collect(),
        goal: measure.goal,
        noisy: measure.timed
            && mean(runs.iter().filter_map(|run| run.other_work))
                .is_some_and(|share| share > NOISY),
    }
}

/// The mean, if there is anything.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The ratio of two targets over the rounds that both have; a reference of zero or less (an added
/// time lost in noise) has none.
fn ratio(rounds: &BTreeMap<u32, f64>, reference: &BTreeMap<u32, f64>) -> Option<Ratio> {
    let ratios = rounds.iter().filter_map(|(round, value)| {
        reference
            .get(round)
            .filter(|reference| **reference > 0.0)
            .map(|reference| value / reference)
    });
    let ratios: Vec<f64> = ratios.collect();
    Some(Ratio {
        median: median(ratios.iter().copied())?,
        min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
        max: ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::record::Quantiles;

    /// A run of the mode `latency` with the p50 given, and so many requests on half a core.
    pub(in crate::report) fn run(target: &str, round: u32, mode: Mode, p50_us: f64) -> Record {
        Record {
            target: target.to_owned(),
            scenario: format!("{mode:?}"),
            mode,
            round,
            connections: 1,
            seconds: 2.0,
            requests: 1000,
            chunks: 4000,
            errors: 0,
            first_error: None,
            latency: Quantiles {
                count: 1000,
                p50_us,
                ..Quantiles::default()
            },
            first_chunk: Quantiles::default(),
            gateway_cpu_us: (target != DIRECT).then_some(1_000_000),
            gateway_memory_kib: None,
            other_work: Some(0.0),
        }
    }

    fn row_of<'a>(summary: &'a Summary, measure: &str) -> &'a Row {
        summary
            .rows
            .iter()
            .find(|row| row.measure == measure)
            .unwrap()
    }

    #[test]
    fn added_latency_is_taken_within_its_round() {
        let rounds = [
            (1, [50.0, 80.0, 95.0]),
            (2, [150.0, 180.0, 210.0]),
            (3, [50.0, 90.0, 90.0]),
        ];
        let records = rounds.iter().flat_map(|(round, p50)| {
            let targets = ["direct", "nginx", "polyroute"].into_iter().zip(p50);
            targets.map(|(target, p50)| run(target, *round, Mode::Latency, *p50))
        });
        let summary = Summary::new(String::new(), &[], records.collect());
        let added = row_of(&summary, "added p50, µs");
        assert_eq!(
            added.values,
            BTreeMap::from([("nginx".into(), 30.0), ("polyroute".into(), 45.0)])
        );
        assert_eq!(
            added.ratios["polyroute"],
            Ratio {
                median: 1.5,
                min: 1.0,
                max: 2.0
            }
        );
    }

    #[test]
    fn rates_and_cpu_come_from_the_window() {
        let records = ["nginx", "polyroute"].map(|target| run(target, 1, Mode::Requests, 9.0));
        let summary = Summary::new(String::new(), &[], records.into());
        assert_eq!(row_of(&summary, "requests/s").values["polyroute"], 500.0);
        assert_eq!(
            row_of(&summary, "CPU per request, µs").values["nginx"],
            1000.0
        );
        assert_eq!(
            row_of(&summary, "requests/s").ratios["polyroute"].median,
            1.0
        );
    }

    #[test]
    fn without_nginx_there_are_figures_and_no_ratios() {
        let records = ["direct", "polyroute"].map(|target| run(target, 1, Mode::Requests, 9.0));
        let summary = Summary::new(String::new(), &[], records.into());
        assert!(summary.rows.iter().all(|row| row.ratios.is_empty()));
        assert_eq!(summary.targets, ["direct", "polyroute"]);
    }

    #[test]
    fn on_a_busy_machine_only_costs_are_judged() {
        let records = ["nginx", "polyroute"].map(|target| Record {
            other_work: Some(0.4),
            ..run(target, 1, Mode::Requests, 9.0)
        });
        let summary = Summary::new(String::new(), &[], records.into());
        assert!(row_of(&summary, "requests/s").noisy);
        assert!(!row_of(&summary, "CPU per request, µs").noisy);
    }

    #[test]
    fn goals_bind_in_their_direction() {
        assert_eq!(Goal::AtLeast(0.6).judge(0.7), Verdict::Met);
        assert_eq!(Goal::AtLeast(0.6).judge(0.5), Verdict::Near);
        assert_eq!(Goal::AtMost(2.0).judge(1.9), Verdict::Met);
        assert_eq!(Goal::AtMost(2.0).judge(3.0), Verdict::Missed);
        assert_eq!(Goal::AtMost(2.0).judge(-0.1), Verdict::Met);
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle() {
        assert_eq!(median([4.0, 1.0, 2.0, 100.0]), Some(3.0));
        assert_eq!(median([]), None);
    }
}
