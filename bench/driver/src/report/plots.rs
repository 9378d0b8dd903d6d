//! The report's pictures: ratios against their goals, rates and costs of all targets, latency,
//! memory.

use super::figures::{Row, Summary, median};
use super::grid::{figure, goal_text, ratio_text};
use super::measures::Verdict;
use super::svg::{Anchor, Canvas, Scale, WIDTH};
use crate::record::{Mode, Quantiles, Record};

/// A picture: the name of its file without extension, what it shows, and itself.
pub(super) struct Plot {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) svg: String,
}

/// Where labels end and bars begin.
const LEFT: f64 = 216.0;
/// Where bars end, and the figures beside them may begin.
const RIGHT: f64 = WIDTH - 130.0;
/// Height of a title, and of a line.
const TITLE: f64 = 44.0;
const LINE: f64 = 24.0;

/// All pictures that the run has figures for.
pub(super) fn plots(summary: &Summary) -> Vec<Plot> {
    let plots = [
        ratios(summary),
        rates(summary),
        latency(summary),
        memory(summary),
    ];
    plots.into_iter().flatten().collect()
}

/// The gateway's ratios with their goals.
fn ratios(summary: &Summary) -> Option<Plot> {
    let gateway = summary.gateway.as_str();
    let rows: Vec<&Row> = summary
        .rows
        .iter()
        .filter(|row| row.goal.is_some_and(|goal| !goal.absolute))
        .filter(|row| row.ratios.contains_key(gateway))
        .collect();
    let highest = rows
        .iter()
        .flat_map(|row| Some([row.ratios.get(gateway)?.median, row.goal?.bound.value()]))
        .flatten()
        .fold(0.0, f64::max);
    if rows.is_empty() {
        return None;
    }
    let title = format!("{gateway}: ratios to nginx (to its own where translated), and goals");
    let scale = Scale::linear((highest * 1.05).min(4.0), (LEFT, RIGHT));
    let mut canvas = Canvas::default();
    canvas.text((12.0, 24.0), Anchor::Start, "title", &title);
    let (mut y, mut scenario) = (TITLE, "");
    let top = y;
    for row in rows {
        if row.scenario != scenario {
            scenario = &row.scenario;
            canvas.text((12.0, y + 18.0), Anchor::Start, "muted", scenario);
            y += LINE;
        }
        let (Some(ratio), Some(goal)) = (row.ratios.get(gateway), row.goal) else {
            continue;
        };
        canvas.text((LEFT - 10.0, y + 16.0), Anchor::End, "", row.measure);
        let class = match row.verdict(gateway) {
            Some(Verdict::Met) => "met",
            Some(Verdict::Near) => "near",
            Some(Verdict::Missed) => "missed",
            None => "unjudged",
        };
        let end = scale.place(ratio.median);
        canvas.bar((LEFT, y + 4.0), (end - LEFT, 15.0), class);
        let middle = y + 11.5;
        canvas.line(
            (scale.place(ratio.min), middle),
            (scale.place(ratio.max), middle),
            "range",
        );
        let bound = scale.place(goal.bound.value());
        canvas.line((bound, y + 1.0), (bound, y + 22.0), "goal");
        let text = format!("{}  ({})", ratio_text(ratio.median), goal_text(goal));
        canvas.text((WIDTH - 12.0, y + 16.0), Anchor::End, "", &text);
        y += LINE;
    }
    axis(&mut canvas, scale, (top, y));
    y += 40.0;
    for note in [
        "Bar: median over the rounds; thin line: lowest to highest; tick: goal.",
        "Green: reached; yellow: missed by less than a fifth; red: by more; grey: not judged (noise).",
    ] {
        canvas.text((12.0, y), Anchor::Start, "muted", note);
        y += 18.0;
    }
    Some(Plot {
        name: "ratios",
        svg: canvas.finish(y, &title),
        title,
    })
}

/// Rates and CPU time of all targets, each on a scale of its own.
fn rates(summary: &Summary) -> Option<Plot> {
    let wanted = [
        "requests/s",
        "CPU, s per 10,000 requests",
        "chunks/s",
        "CPU, s per million chunks",
    ];
    let mut rows: Vec<&Row> = Vec::new();
    for measure in wanted {
        // The first scenario that has it is the plainest.
        rows.extend(summary.rows.iter().find(|row| row.measure == measure));
    }
    let groups = rows.iter().map(|row| {
        let bars = summary.targets.iter().enumerate();
        let bars = bars.filter_map(|(at, target)| {
            let value = *row.values.get(target)?;
            Some(Bar {
                label: target.clone(),
                value,
                class: format!("t{at} solid"),
            })
        });
        (
            format!("{} — {}", row.measure, row.scenario),
            bars.collect(),
        )
    });
    let title = "Rates and CPU time (logarithmic scales)".to_owned();
    bars("rates", title, groups.collect())
}

/// Memory of all targets.
fn memory(summary: &Summary) -> Option<Plot> {
    let rows = summary.rows.iter().filter(|row| {
        row.measure.starts_with("memory idle") || row.measure.starts_with("memory after")
    });
    let groups = rows.map(|row| {
        let bars = summary.targets.iter().enumerate();
        let bars = bars.filter_map(|(at, target)| {
            Some(Bar {
                label: target.clone(),
                value: *row.values.get(target)?,
                class: format!("t{at} solid"),
            })
        });
        (row.measure.to_owned(), bars.collect())
    });
    let title = "Memory (logarithmic scales)".to_owned();
    bars("memory", title, groups.collect())
}

/// A bar of [`bars`].
struct Bar {
    label: String,
    value: f64,
    class: String,
}

/// Groups of bars, each group on a logarithmic scale of its own.
fn bars(name: &'static str, title: String, groups: Vec<(String, Vec<Bar>)>) -> Option<Plot> {
    let groups: Vec<_> = groups
        .into_iter()
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    if groups.is_empty() {
        return None;
    }
    let left = 120.0;
    let mut canvas = Canvas::default();
    canvas.text((12.0, 24.0), Anchor::Start, "title", &title);
    let mut y = TITLE;
    for (caption, bars) in &groups {
        let scale = Scale::logarithmic(bars.iter().map(|bar| bar.value), (left, RIGHT));
        canvas.text((12.0, y + 16.0), Anchor::Start, "muted", caption);
        y += LINE;
        let top = y;
        for bar in bars {
            canvas.text((left - 10.0, y + 16.0), Anchor::End, "", &bar.label);
            let end = scale.place(bar.value);
            canvas.bar((left, y + 4.0), (end - left, 15.0), &bar.class);
            canvas.text((end + 8.0, y + 16.0), Anchor::Start, "", &figure(bar.value));
            y += LINE;
        }
        axis(&mut canvas, scale, (top, y));
        y += 36.0;
    }
    Some(Plot {
        name,
        svg: canvas.finish(y, &title),
        title,
    })
}

/// Latency of one connection: p50, p90 and p99 of each target.
fn latency(summary: &Summary) -> Option<Plot> {
    let of = |target: &str, take: fn(&Quantiles) -> f64| {
        let runs = summary.records.iter();
        let runs = runs.filter(|run| run.mode == Mode::Latency && run.target == target);
        median(runs.map(|run: &Record| take(&run.latency)))
    };
    let lines: Vec<_> = summary
        .targets
        .iter()
        .enumerate()
        .filter_map(|(at, target)| {
            let quantiles = [
                of(target, |latency| latency.p50_us)?,
                of(target, |latency| latency.p90_us)?,
                of(target, |latency| latency.p99_us)?,
            ];
            Some((at, target, quantiles))
        })
        .collect();
    if lines.is_empty() {
        return None;
    }
    let title = "Latency of one connection on one core, µs (logarithmic scale)".to_owned();
    let all = lines.iter().flat_map(|(.., quantiles)| *quantiles);
    let left = 120.0;
    let scale = Scale::logarithmic(all, (left, WIDTH - 190.0));
    let mut canvas = Canvas::default();
    canvas.text((12.0, 24.0), Anchor::Start, "title", &title);
    let mut y = TITLE;
    for (at, target, quantiles) in &lines {
        let middle = y + 14.0;
        canvas.text((left - 10.0, middle + 4.0), Anchor::End, "", target);
        let [p50, p90, p99] = quantiles.map(|quantile| scale.place(quantile));
        canvas.line((p50, middle), (p99, middle), &format!("t{at} thin"));
        canvas.dot((p50, middle), 6.0, &format!("t{at}"));
        canvas.dot((p90, middle), 4.0, &format!("t{at}"));
        canvas.dot((p99, middle), 4.0, &format!("t{at} pale"));
        let text: Vec<String> = quantiles.iter().map(|quantile| figure(*quantile)).collect();
        canvas.text(
            (WIDTH - 12.0, middle + 4.0),
            Anchor::End,
            "",
            &text.join(" · "),
        );
        y += 30.0;
    }
    axis(&mut canvas, scale, (TITLE, y));
    y += 40.0;
    let note = "Large dot: p50; then p90 and p99. The figures at the right are these three.";
    canvas.text((12.0, y), Anchor::Start, "muted", note);
    Some(Plot {
        name: "latency",
        svg: canvas.finish(y + 14.0, &title),
        title,
    })
}

/// Marks a scale's ticks between two heights and names them below.
fn axis(canvas: &mut Canvas, scale: Scale, (top, bottom): (f64, f64)) {
    for tick in scale.ticks() {
        let x = scale.place(tick);
        canvas.ground_line((x, top), (x, bottom + 4.0));
        let name = if tick == 0.0 {
            "0".to_owned()
        } else {
            short(tick)
        };
        canvas.text((x, bottom + 18.0), Anchor::Middle, "muted", &name);
    }
}

/// A tick's name: no more digits than it needs.
fn short(tick: f64) -> String {
    if tick >= 1000.0 {
        return figure(tick);
    }
    let text = format!("{tick:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::grid::tests::summary;
    use super::*;

    #[test]
    fn there_is_a_picture_of_everything_and_each_names_what_it_shows() {
        let plots = plots(&summary());
        let names: Vec<_> = plots.iter().map(|plot| plot.name).collect();
        assert_eq!(names, ["ratios", "rates", "latency", "memory"]);
        for plot in &plots {
            assert!(plot.svg.contains(&plot.title), "{}", plot.name);
            assert!(!plot.svg.contains("NaN") && !plot.svg.contains("inf"));
            assert!(plot.svg.len() < 20_000, "{} is large", plot.name);
        }
        assert!(plots.iter().all(|plot| plot.svg.contains("polyroute")));
        assert!(plots[1].svg.contains("litellm"));
    }

    #[test]
    fn what_was_not_measured_has_no_picture() {
        let nothing = Summary::new(String::new(), "polyroute", &[], Vec::new());
        assert!(plots(&nothing).is_empty());
    }

    #[test]
    fn ticks_have_no_digits_that_say_nothing() {
        assert_eq!(
            (short(0.5), short(10.0), short(10_000.0)),
            ("0.5".into(), "10".into(), "10,000".into())
        );
    }
}
