//! Rows from records: one figure for each target and round, medians over the rounds, and ratios to
//! nginx taken within a round, so that what slows the machine down for a while slows both sides.

use std::collections::BTreeMap;

use serde::Serialize;

use super::measures::{Goal, Measure, Verdict, measures, rank};
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
    /// What was called: direct, nginx, the gateway, then the others in order of first call.
    pub(super) targets: Vec<String>,
    /// The target that the goals are for.
    pub(super) gateway: String,
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
    /// Ratios by target: to nginx, or to the target's own figure in the scenario `compared_with`.
    pub(super) ratios: BTreeMap<String, Ratio>,
    /// The scenario of the same target that the ratios are to.
    pub(super) compared_with: Option<String>,
    /// What the figure or the ratio should be.
    pub(super) goal: Option<Goal>,
    /// Whether so much other work ran that this figure says little.
    pub(super) noisy: bool,
}

/// A ratio to nginx over the rounds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Ratio {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Row {
    /// What the goal binds: the gateway's ratio, or its figure.
    pub(super) fn judged(&self, gateway: &str) -> Option<f64> {
        if self.goal?.absolute {
            self.values.get(gateway).copied()
        } else {
            self.ratios.get(gateway).map(|ratio| ratio.median)
        }
    }

    /// How the gateway stands to the goal; none where noise forbids to say.
    pub(super) fn verdict(&self, gateway: &str) -> Option<Verdict> {
        let figure = self.judged(gateway).filter(|_| !self.noisy)?;
        Some(self.goal?.bound.judge(figure))
    }
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
    pub(super) fn new(
        machine: String,
        gateway: &str,
        facts: &[(String, String)],
        records: Vec<Record>,
    ) -> Self {
        let mut targets: Vec<String> = Vec::new();
        let mut scenarios: Vec<(u8, &str, Vec<Mode>)> = Vec::new();
        for record in &records {
            if !targets.contains(&record.target) {
                targets.push(record.target.clone());
            }
            let known = scenarios
                .iter_mut()
                .find(|(_, name, _)| *name == record.scenario);
            match known {
                None => scenarios.push((rank(record), &record.scenario, vec![record.mode])),
                Some((_, _, modes)) if !modes.contains(&record.mode) => modes.push(record.mode),
                Some(_) => {}
            }
        }
        scenarios.sort_by_key(|(rank, ..)| *rank);
        // Each is held against those before it.
        targets.sort_by_key(|target| match target.as_str() {
            DIRECT => 0,
            REFERENCE => 1,
            name if name == gateway => 2,
            _ => 3,
        });
        let mut rows = Vec::new();
        for (_, scenario, modes) in &scenarios {
            for mode in modes {
                let like = |run: &&Record| run.scenario == *scenario && run.mode == *mode;
                let Some(first) = records.iter().find(like) else {
                    continue;
                };
                let of = |measure| row(first, &measure, &records, &targets);
                rows.extend(measures(first).into_iter().map(of));
            }
        }
        Self {
            machine,
            facts: facts.iter().cloned().collect(),
            targets,
            gateway: gateway.to_owned(),
            rows,
            records,
        }
    }

    /// The targets whose ratios are shown: the gateway first.
    pub(super) fn compared(&self) -> Vec<&String> {
        let others = self
            .targets
            .iter()
            .filter(|target| ![DIRECT, REFERENCE, &self.gateway].contains(&target.as_str()));
        let gateway = self
            .targets
            .iter()
            .filter(|target| **target == self.gateway);
        gateway.chain(others).collect()
    }
}

/// Figures by round for one target in one scenario.
fn by_round(
    measure: &Measure,
    records: &[Record],
    (scenario, mode, target): (&str, Mode, &str),
) -> BTreeMap<u32, f64> {
    let of = |target: &str, round: Option<u32>| {
        let target = target.to_owned();
        records.iter().filter(move |run| {
            run.scenario == scenario
                && run.mode == mode
                && run.target == target
                && round.is_none_or(|round| run.round == round)
        })
    };
    of(target, None)
        .filter_map(|run| {
            let direct = of(DIRECT, Some(run.round)).next();
            Some((run.round, (measure.take)(run, direct)?))
        })
        .collect()
}

/// One row, for the runs that are like `first`.
fn row(first: &Record, measure: &Measure, records: &[Record], targets: &[String]) -> Row {
    let scenario = first.scenario.as_str();
    let figures = |scenario, target| by_round(measure, records, (scenario, first.mode, target));
    let reference = figures(scenario, REFERENCE);
    let (mut values, mut ratios) = (BTreeMap::new(), BTreeMap::new());
    for target in targets {
        let rounds = figures(scenario, target);
        if let Some(value) = median(rounds.values().copied()) {
            values.insert(target.clone(), value);
        }
        let ratio = match &first.compared_with {
            Some(own) => ratio(&rounds, &figures(own, target)),
            None if [DIRECT, REFERENCE].contains(&target.as_str()) => None,
            None => ratio(&rounds, &reference),
        };
        if let Some(ratio) = ratio {
            ratios.insert(target.clone(), ratio);
        }
    }
    let other_work = |like: &dyn Fn(&&Record) -> bool| {
        mean(records.iter().filter(like).filter_map(|run| run.other_work))
    };
    // Where a run can't say, such as a start, the whole benchmark does.
    let noise = other_work(&|run| run.scenario == scenario).or_else(|| other_work(&|_| true));
    Row {
        scenario: scenario.to_owned(),
        measure: measure.name,
        values,
        ratios,
        compared_with: first.compared_with.clone(),
        goal: measure.goal,
        noisy: noise.is_some_and(|share| share > measure.noisy_from),
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
            compared_with: None,
            connections: 1,
            body_bytes: None,
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
            gateway_memory_before_kib: None,
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
        let summary = Summary::new(String::new(), "polyroute", &[], records.collect());
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
        let summary = Summary::new(String::new(), "polyroute", &[], records.into());
        assert_eq!(row_of(&summary, "requests/s").values["polyroute"], 500.0);
        assert_eq!(
            row_of(&summary, "CPU, s per 10,000 requests").values["nginx"],
            10.0
        );
        assert_eq!(
            row_of(&summary, "requests/s").ratios["polyroute"].median,
            1.0
        );
    }

    #[test]
    fn without_nginx_there_are_figures_and_no_ratios() {
        let records = ["direct", "polyroute"].map(|target| run(target, 1, Mode::Requests, 9.0));
        let summary = Summary::new(String::new(), "polyroute", &[], records.into());
        assert!(summary.rows.iter().all(|row| row.ratios.is_empty()));
        assert_eq!(summary.targets, ["direct", "polyroute"]);
    }

    #[test]
    fn on_a_busy_machine_only_costs_are_judged() {
        let noisy = |other_work, measure| {
            let records = ["nginx", "polyroute"].map(|target| Record {
                other_work: Some(other_work),
                ..run(target, 1, Mode::Requests, 9.0)
            });
            let summary = Summary::new(String::new(), "polyroute", &[], records.into());
            row_of(&summary, measure).noisy
        };
        let cpu = "CPU, s per 10,000 requests";
        assert!(!noisy(0.05, "requests/s") && !noisy(0.05, cpu));
        assert!(noisy(0.4, "requests/s") && !noisy(0.4, cpu));
        assert!(noisy(0.7, cpu) && !noisy(0.7, "memory at the end, MiB"));
    }

    #[test]
    fn translated_runs_are_held_against_the_same_targets_own() {
        let own = |target, requests, compared_with: Option<&str>| Record {
            scenario: compared_with.map_or("whole", |_| "translated").to_owned(),
            compared_with: compared_with.map(str::to_owned),
            requests,
            ..run(target, 1, Mode::Requests, 9.0)
        };
        let records = vec![
            own("nginx", 4000, None),
            own("polyroute", 2000, None),
            own("polyroute", 1500, Some("whole")),
        ];
        let summary = Summary::new(String::new(), "polyroute", &[], records);
        let row = summary.rows.iter().rfind(|row| row.measure == "requests/s");
        let row = row.unwrap();
        assert_eq!(row.scenario, "translated");
        assert_eq!(row.ratios["polyroute"].median, 0.75);
        assert_eq!(row.verdict("polyroute"), Some(Verdict::Met));
    }

    #[test]
    fn figures_with_goals_of_their_own_are_judged_without_nginx() {
        let records = vec![Record {
            gateway_memory_kib: Some(31 * 1024),
            ..run("polyroute", 1, Mode::After, 0.0)
        }];
        let summary = Summary::new(String::new(), "polyroute", &[], records);
        assert_eq!(summary.rows[0].values["polyroute"], 31.0);
        assert_eq!(summary.rows[0].verdict("polyroute"), Some(Verdict::Near));
        assert_eq!(summary.rows[0].verdict("litellm"), None);
    }

    #[test]
    fn the_gateway_stands_first_and_reference_and_direct_are_not_compared() {
        let targets = ["nginx", "litellm", "polyroute", "direct"];
        let records = targets.map(|target| run(target, 1, Mode::Requests, 9.0));
        let summary = Summary::new(String::new(), "polyroute", &[], records.into());
        assert_eq!(summary.targets, ["direct", "nginx", "polyroute", "litellm"]);
        assert_eq!(summary.compared(), ["polyroute", "litellm"]);
    }

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_the_middle() {
        assert_eq!(median([4.0, 1.0, 2.0, 100.0]), Some(3.0));
        assert_eq!(median([]), None);
    }
}
