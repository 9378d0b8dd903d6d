//! What each mode measures: the rows' names, how a record gives their figures, and the goals that
//! Polyroute is held to.

use serde::Serialize;

use super::figures::DIRECT;
use crate::record::{Mode, Record};

/// A bound, and what it binds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Goal {
    /// The bound.
    pub(super) bound: Bound,
    /// Whether it binds the figure itself rather than its ratio.
    pub(super) absolute: bool,
}

/// A bound.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Bound {
    /// At least: rates.
    AtLeast(f64),
    /// At most: costs.
    AtMost(f64),
}

/// How a figure stands to its goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Reached.
    Met,
    /// Missed by less than a fifth.
    Near,
    /// Missed by more.
    Missed,
}

impl Bound {
    /// Judges a figure or a ratio.
    pub(super) fn judge(self, figure: f64) -> Verdict {
        // How much of the goal is reached, 1 and more being all of it.
        let reached = match self {
            Self::AtLeast(bound) => figure / bound,
            // What adds less than nothing (in noise) has reached any bound.
            Self::AtMost(_) if figure <= 0.0 => 1.0,
            Self::AtMost(bound) => bound / figure,
        };
        match reached {
            reached if reached >= 1.0 => Verdict::Met,
            reached if reached >= 0.8 => Verdict::Near,
            _ => Verdict::Missed,
        }
    }

    /// The number.
    pub(super) fn value(self) -> f64 {
        match self {
            Self::AtLeast(bound) | Self::AtMost(bound) => bound,
        }
    }
}

/// A figure that a mode gives: its name, its goal, and how to take it from a record (and from the
/// direct one of the same round).
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) goal: Option<Goal>,
    /// From this share of the machine on, other work makes the figure worthless.
    pub(super) noisy_from: f64,
    pub(super) take: Take,
}

/// Rates and times measure who gets the core as soon as there is other work.
const NOISY_TIMES: f64 = 0.1;
/// CPU time hardly depends on it, until caches are never warm.
const NOISY_CPU: f64 = 0.5;

type Take = fn(&Record, Option<&Record>) -> Option<f64>;

impl Measure {
    /// A rate or a time.
    fn timed(name: &'static str, take: Take) -> Self {
        Self {
            name,
            goal: None,
            noisy_from: NOISY_TIMES,
            take,
        }
    }

    /// CPU time: what was used, however long it took.
    fn cpu(name: &'static str, take: Take) -> Self {
        Self {
            noisy_from: NOISY_CPU,
            ..Self::timed(name, take)
        }
    }

    /// Memory, which is what it is.
    fn memory(name: &'static str, take: Take) -> Self {
        Self {
            noisy_from: f64::INFINITY,
            ..Self::timed(name, take)
        }
    }

    /// Binds the ratio.
    fn goal(self, bound: Option<Bound>) -> Self {
        Self {
            goal: bound.map(|bound| Goal {
                bound,
                absolute: false,
            }),
            ..self
        }
    }

    /// Binds the figure itself.
    fn absolute(self, bound: Bound) -> Self {
        Self {
            goal: Some(Goal {
                bound,
                absolute: true,
            }),
            ..self
        }
    }
}

/// Up to so many bytes a body is small.
const SMALL_BYTES: usize = 1_000;
/// Up to so many bytes there are goals: what bodies beyond this cost is mostly copying.
const MEDIUM_BYTES: usize = 100_000;

/// The figures of the runs that are like `run`, in the order of the table.
pub(super) fn measures(run: &Record) -> Vec<Measure> {
    use Bound::{AtLeast, AtMost};
    let own = run.compared_with.is_some();
    match run.mode {
        Mode::Requests => requests(run),
        Mode::Latency => vec![
            Measure::timed("p50, µs", |run, _| Some(run.latency.p50_us)),
            Measure::timed("added p50, µs", |run, direct| {
                added(run, direct, |run| run.latency.p50_us)
            })
            .goal(Some(AtMost(1.5))),
            Measure::timed("added p99, µs", |run, direct| {
                added(run, direct, |run| run.latency.p99_us)
            }),
        ],
        Mode::Chunks => vec![
            Measure::timed("chunks/s", |run, _| per_second(run, run.chunks))
                .goal(Some(AtLeast(if own { 0.6 } else { 1.1 }))),
            Measure::cpu("CPU, s per million chunks", |run, _| {
                cpu_per(run, run.chunks)
            }),
        ],
        Mode::First => vec![
            Measure::timed("first chunk p50, µs", |run, _| {
                Some(run.first_chunk.p50_us)
            }),
            Measure::timed("added to first p50, µs", |run, direct| {
                added(run, direct, |run| run.first_chunk.p50_us)
            })
            .goal(Some(AtMost(2.0))),
            Measure::cpu("CPU, s per million chunks", |run, _| {
                cpu_per(run, run.chunks)
            }),
        ],
        Mode::CrossCheck => vec![Measure::timed("requests/s by wrk", |run, _| {
            per_second(run, run.requests)
        })],
        Mode::StartUp => vec![
            Measure::timed("start to first answer, ms", |run, _| {
                Some(run.latency.p50_us / 1000.0)
            })
            .absolute(AtMost(20.0)),
        ],
        Mode::Idle => {
            vec![
                Measure::memory("memory idle, MiB", |run, _| memory_mib(run))
                    .absolute(AtMost(15.0)),
            ]
        }
        Mode::After => vec![
            Measure::memory("memory after all load, MiB", |run, _| memory_mib(run))
                .absolute(AtMost(30.0)),
        ],
        Mode::IdleStreams => {
            vec![Measure::memory("KiB for an idle one", |run, _| held(run)).absolute(AtMost(20.0))]
        }
        Mode::StalledReaders => vec![
            Measure::memory("KiB for a stalled reader", |run, _| held(run)).absolute(AtMost(128.0)),
        ],
    }
}

/// The figures of whole answers, whose goals depend on their size.
fn requests(run: &Record) -> Vec<Measure> {
    use Bound::{AtLeast, AtMost};
    let bytes = run.body_bytes.unwrap_or_default();
    let (rate, cost) = if run.compared_with.is_some() {
        (Some(AtLeast(0.6)), None)
    } else if bytes <= SMALL_BYTES {
        (Some(AtLeast(0.6)), Some(AtMost(2.0)))
    } else if bytes <= MEDIUM_BYTES {
        (Some(AtLeast(0.6)), Some(AtMost(2.1)))
    } else {
        (None, None)
    };
    let mut measures = vec![
        Measure::timed("requests/s", |run, _| per_second(run, run.requests)).goal(rate),
        Measure::cpu("CPU, s per 10,000 requests", |run, _| {
            Some(cpu_per(run, run.requests)? / 100.0)
        })
        .goal(cost),
    ];
    if run.compared_with.is_none() {
        measures.extend([
            Measure::timed("p50 under load, µs", |run, _| Some(run.latency.p50_us)),
            Measure::timed("p99 under load, µs", |run, _| Some(run.latency.p99_us)),
            Measure::memory("memory at the end, MiB", |run, _| memory_mib(run)),
        ]);
    }
    measures
}

/// So many in each second of the window.
fn per_second(run: &Record, count: u64) -> Option<f64> {
    (run.seconds > 0.0).then(|| count as f64 / run.seconds)
}

/// What a gateway adds to what the same call takes without it.
fn added(run: &Record, direct: Option<&Record>, of: fn(&Record) -> f64) -> Option<f64> {
    let direct = direct.filter(|_| run.target != DIRECT)?;
    Some(of(run) - of(direct))
}

/// The gateway's CPU time for each of `count`, in microseconds: as many seconds per million.
fn cpu_per(run: &Record, count: u64) -> Option<f64> {
    (count > 0).then_some(run.gateway_cpu_us? as f64 / count as f64)
}

/// The gateway's memory.
fn memory_mib(run: &Record) -> Option<f64> {
    Some(run.gateway_memory_kib? as f64 / 1024.0)
}

/// What each held stream takes, in KiB. Memory that was there already and is used again counts as
/// nothing, so it is measured on a gateway that has just been started. Where some did not begin,
/// nobody knows by what number to divide.
fn held(run: &Record) -> Option<f64> {
    if run.errors > 0 {
        return None;
    }
    let grown = run.gateway_memory_kib? as f64 - run.gateway_memory_before_kib? as f64;
    (run.requests > 0).then(|| grown / run.requests as f64)
}

/// Where a run's scenario stands in the table.
pub(super) fn rank(run: &Record) -> u8 {
    match run.mode {
        _ if run.compared_with.is_some() => 4,
        Mode::Requests | Mode::CrossCheck => 0,
        Mode::Latency => 1,
        Mode::Chunks => 2,
        Mode::First => 3,
        Mode::StartUp | Mode::Idle | Mode::After => 5,
        Mode::IdleStreams | Mode::StalledReaders => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::figures::tests::run;

    fn goal(run: &Record, name: &str) -> Option<Goal> {
        let mut measures = measures(run).into_iter();
        measures.find(|measure| measure.name == name).unwrap().goal
    }

    #[test]
    fn goals_bind_in_their_direction() {
        assert_eq!(Bound::AtLeast(0.6).judge(0.7), Verdict::Met);
        assert_eq!(Bound::AtLeast(0.6).judge(0.5), Verdict::Near);
        assert_eq!(Bound::AtMost(2.0).judge(1.9), Verdict::Met);
        assert_eq!(Bound::AtMost(2.0).judge(3.0), Verdict::Missed);
        assert_eq!(Bound::AtMost(2.0).judge(-0.1), Verdict::Met);
    }

    #[test]
    fn goals_of_whole_answers_depend_on_their_size() {
        let bound = |bytes, name| {
            let run = Record {
                body_bytes: Some(bytes),
                ..run("x", 1, Mode::Requests, 1.0)
            };
            goal(&run, name).map(|goal| goal.bound)
        };
        let cpu = "CPU, s per 10,000 requests";
        assert_eq!(bound(460, cpu), Some(Bound::AtMost(2.0)));
        assert_eq!(bound(20_000, cpu), Some(Bound::AtMost(2.1)));
        assert_eq!(bound(20_000, "requests/s"), Some(Bound::AtLeast(0.6)));
        assert_eq!(bound(1_000_000, "requests/s"), None);
    }

    #[test]
    fn what_is_compared_with_its_own_has_goals_of_its_own() {
        let streamed = Record {
            compared_with: Some("64 streams".to_owned()),
            ..run("x", 1, Mode::Chunks, 1.0)
        };
        let bound = goal(&streamed, "chunks/s").unwrap().bound;
        assert_eq!(bound, Bound::AtLeast(0.6));
    }

    #[test]
    fn what_a_held_stream_takes_is_growth_by_number() {
        let run = Record {
            requests: 100,
            gateway_memory_before_kib: Some(10_000),
            gateway_memory_kib: Some(11_500),
            ..run("x", 1, Mode::IdleStreams, 1.0)
        };
        assert_eq!(held(&run), Some(15.0));
        assert_eq!(held(&Record { errors: 1, ..run }), None);
    }
}
