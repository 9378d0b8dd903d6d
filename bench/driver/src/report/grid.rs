//! The report's two tables as text in cells, for whoever draws them: terminal, Markdown, HTML.

use super::figures::{REFERENCE, Row, Summary};
use super::measures::{Bound, Goal, Verdict};

/// A table.
pub(super) struct Grid {
    /// What the columns are; the first has no name.
    pub(super) header: Vec<String>,
    /// The lines.
    pub(super) lines: Vec<Line>,
}

/// A line of a table.
pub(super) enum Line {
    /// A scenario's name, over the lines that belong to it.
    Scenario(String),
    /// A measure's name, and a cell for every other column.
    Cells(String, Vec<Cell>),
}

/// A cell.
#[derive(Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// How what it says stands to its goal.
    pub(super) verdict: Option<Verdict>,
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self {
            text,
            verdict: None,
        }
    }
}

/// What stands where there is no figure.
const NONE: &str = "–";

/// Every figure of every target.
pub(super) fn figures(summary: &Summary) -> Grid {
    let mut header = vec![String::new()];
    header.extend(summary.targets.iter().cloned());
    grid(header, &summary.rows, |row| {
        let value = |target| row.values.get(target).copied();
        let text = |target| value(target).map_or_else(|| NONE.to_owned(), figure);
        let targets = summary.targets.iter();
        Some(targets.map(|target| text(target).into()).collect())
    })
}

/// The ratios, and the figures that have goals of their own; with the goals.
pub(super) fn ratios(summary: &Summary) -> Grid {
    let compared = summary.compared();
    let mut header = vec!["÷ nginx".to_owned()];
    let mut names = compared.iter().map(|name| (*name).clone());
    header.extend(names.next());
    header.extend(["goal".to_owned(), String::new()]);
    header.extend(names);
    grid(header, &summary.rows, |row| {
        let absolute = row.goal.is_some_and(|goal| goal.absolute);
        if !absolute && !compared.iter().any(|name| row.ratios.contains_key(*name)) {
            return None;
        }
        let (gateway, peers) = compared.split_first()?;
        let mut cells = vec![Cell {
            text: judged_text(row, gateway, absolute),
            verdict: row.verdict(gateway),
        }];
        cells.push(row.goal.map(goal_text).unwrap_or_default().into());
        cells.push(verdict_text(row, gateway).to_owned().into());
        cells.extend(peers.iter().map(|peer| {
            let ratio = row.ratios.get(*peer).map(|ratio| ratio_text(ratio.median));
            let value = row.values.get(*peer).copied().map(figure);
            let text = if absolute { value } else { ratio };
            text.unwrap_or_else(|| NONE.to_owned()).into()
        }));
        Some(cells)
    })
}

/// Lines of the rows that have cells, under their scenarios' names.
fn grid(header: Vec<String>, rows: &[Row], cells: impl Fn(&Row) -> Option<Vec<Cell>>) -> Grid {
    let (mut lines, mut scenario) = (Vec::new(), "");
    for row in rows {
        let Some(cells) = cells(row) else {
            continue;
        };
        if row.scenario != scenario {
            scenario = &row.scenario;
            let own = row.compared_with.as_ref().map(|_| " ÷ own");
            lines.push(Line::Scenario(
                scenario.to_owned() + own.unwrap_or_default(),
            ));
        }
        lines.push(Line::Cells(row.measure.to_owned(), cells));
    }
    Grid { header, lines }
}

/// The ratio with its range, or the figure itself.
fn judged_text(row: &Row, gateway: &str, absolute: bool) -> String {
    if absolute {
        let value = row.values.get(gateway).copied();
        return value.map_or_else(|| NONE.to_owned(), figure);
    }
    row.ratios.get(gateway).map_or_else(
        || NONE.to_owned(),
        |ratio| {
            let range = (ratio_text(ratio.min), ratio_text(ratio.max));
            let median = ratio_text(ratio.median);
            if range.0 == range.1 {
                median
            } else {
                format!("{median} ({}–{})", range.0, range.1)
            }
        },
    )
}

/// The verdict in a word.
pub(super) fn verdict_text(row: &Row, gateway: &str) -> &'static str {
    match row.verdict(gateway) {
        Some(Verdict::Met) => "met",
        Some(Verdict::Near) => "near",
        Some(Verdict::Missed) => "missed",
        None if row.noisy && row.goal.is_some() => "noisy",
        None => "",
    }
}

/// The goal in a few characters.
pub(super) fn goal_text(goal: Goal) -> String {
    let (sign, bound) = match goal.bound {
        Bound::AtLeast(bound) => ("≥", bound),
        Bound::AtMost(bound) => ("≤", bound),
    };
    if goal.absolute {
        format!("{sign} {bound}")
    } else {
        format!("{sign} {bound:.2}")
    }
}

/// What is said under the tables.
pub(super) fn legend(summary: &Summary) -> String {
    let mut text =
        "Medians over the rounds. Ratios are taken within a round: median (lowest–highest)."
            .to_owned();
    if summary.rows.iter().any(|row| row.compared_with.is_some()) {
        text += "\n`÷ own`: the ratios are to the same gateway's rate where nothing is translated.";
    }
    if !summary.targets.iter().any(|target| target == REFERENCE) {
        text += " Without nginx there are no ratios to it.";
    }
    text
}

/// A figure in three significant digits or so; thousands apart.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => thousands(value),
    }
}

/// A ratio: two digits that count at least, since peers are far away.
pub(super) fn ratio_text(value: f64) -> String {
    match value.abs() {
        size if size > 0.0 && size < 0.01 => format!("{value:.4}"),
        size if size < 0.1 => format!("{value:.3}"),
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        _ => thousands(value),
    }
}

/// A whole number with its thousands apart.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::figures::tests::run;
    use super::*;
    use crate::record::{Mode, Record};

    /// Runs of many modes for five targets, one of which is far slower.
    pub(in crate::report) fn summary() -> Summary {
        let mut records = Vec::new();
        for mode in [Mode::Requests, Mode::Latency, Mode::Chunks, Mode::First] {
            for (target, p50_us) in [
                ("direct", 40.0),
                ("nginx", 80.0),
                ("polyroute", 123_456.7),
                ("litellm", 9_123_456.7),
                ("portkey", 1234.5),
            ] {
                records.push(run(target, 1, mode, p50_us));
            }
        }
        for mode in [Mode::Idle, Mode::After, Mode::IdleStreams] {
            for target in ["nginx", "polyroute", "litellm", "portkey"] {
                records.push(Record {
                    gateway_memory_before_kib: Some(100),
                    gateway_memory_kib: Some(14_000),
                    ..run(target, 1, mode, 0.0)
                });
            }
        }
        let facts = [("nginx".to_owned(), "1.22.1".to_owned())];
        Summary::new("2 × a CPU".to_owned(), "polyroute", &facts, records)
    }

    #[test]
    fn every_line_has_a_cell_for_every_column() {
        for grid in [figures(&summary()), ratios(&summary())] {
            for line in &grid.lines {
                if let Line::Cells(name, cells) = line {
                    assert_eq!(cells.len() + 1, grid.header.len(), "{name}");
                }
            }
        }
    }

    #[test]
    fn ratios_show_goals_and_only_what_can_be_compared() {
        let grid = ratios(&summary());
        let line = |wanted: &str| {
            grid.lines.iter().find_map(|line| match line {
                Line::Cells(name, cells) if name == wanted => Some(
                    cells
                        .iter()
                        .map(|cell| cell.text.as_str())
                        .collect::<Vec<_>>(),
                ),
                _ => None,
            })
        };
        assert_eq!(
            line("memory idle, MiB"),
            Some(vec!["13.7", "≤ 15", "met", "13.7", "13.7"])
        );
        assert_eq!(
            line("requests/s"),
            Some(vec!["1.00", "≥ 0.60", "met", "1.00", "1.00"])
        );
        assert_eq!(line("missing"), None);
    }

    #[test]
    fn figures_have_their_thousands_apart() {
        assert_eq!(figure(12_345_678.4), "12,345,678");
        assert_eq!(figure(123.4), "123");
        assert_eq!(figure(-1234.0), "-1,234");
        assert_eq!(figure(9.996), "10.0");
        assert_eq!(figure(0.4), "0.40");
        assert_eq!(ratio_text(0.0034), "0.0034");
        assert_eq!(ratio_text(0.034), "0.034");
    }
}
