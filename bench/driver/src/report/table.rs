//! The table for people: under 100 columns, colours only where they say how a ratio stands to its
//! goal (green reached, yellow missed by less than a fifth, red by more), and the same in words.

use comfy_table::{Attribute, Cell, CellAlignment, Color, LineStyle, Table, TableStyle};

use super::figures::{DIRECT, Goal, REFERENCE, Row, Summary, Verdict};

/// Rules around the header and at the end, none between rows.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// Draws the whole report: what ran, then the table.
pub(super) fn draw(summary: &Summary, colour: bool) -> String {
    let facts = summary
        .facts
        .iter()
        .map(|(name, value)| format!("{name} {value}"));
    let facts: Vec<String> = facts.collect();
    let mut text = format!("{}\n{}\n", summary.machine, facts.join(" · "));
    let compared: Vec<&String> = summary
        .targets
        .iter()
        .filter(|target| ![DIRECT, REFERENCE].contains(&target.as_str()))
        .filter(|target| {
            summary
                .rows
                .iter()
                .any(|row| row.ratios.contains_key(*target))
        })
        .collect();
    let mut table = Table::new();
    table.load_style(STYLE);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let mut header = vec![String::new()];
    header.extend(summary.targets.iter().cloned());
    header.extend(
        compared
            .iter()
            .map(|target| format!("{target} ÷ {REFERENCE}")),
    );
    if !compared.is_empty() {
        header.push("goal".to_owned());
    }
    table.set_header(header.iter().map(|name| right(name)));
    let mut scenario = "";
    for row in &summary.rows {
        if row.scenario != scenario {
            scenario = &row.scenario;
            table.add_row([Cell::new(scenario).add_attribute(Attribute::Bold)]);
        }
        table.add_row(cells(row, &summary.targets, &compared));
    }
    text.push_str(&table.to_string());
    text.push_str(
        "\nMedians over the rounds. Ratios are taken within a round: median (lowest–highest).",
    );
    text
}

/// A row's cells: name, a figure for each target, a ratio for each that is compared, the goal.
fn cells(row: &Row, targets: &[String], compared: &[&String]) -> Vec<Cell> {
    let mut cells = vec![Cell::new(format!("  {}", row.measure))];
    for target in targets {
        let value = row.values.get(target);
        cells.push(right(
            &value.map_or_else(|| "–".to_owned(), |value| figure(*value)),
        ));
    }
    let mut verdicts = Vec::new();
    for target in compared {
        let Some(ratio) = row.ratios.get(*target) else {
            cells.push(right("–"));
            continue;
        };
        let cell = right(&format!(
            "{:.2} ({:.2}–{:.2})",
            ratio.median, ratio.min, ratio.max
        ));
        if row.noisy && row.goal.is_some() {
            verdicts.push("noisy");
            cells.push(cell);
            continue;
        }
        let Some(verdict) = row.goal.map(|goal| goal.judge(ratio.median)) else {
            cells.push(cell);
            continue;
        };
        verdicts.push(match verdict {
            Verdict::Met => "met",
            Verdict::Near => "near",
            Verdict::Missed => "missed",
        });
        cells.push(cell.fg(match verdict {
            Verdict::Met => Color::Green,
            Verdict::Near => Color::Yellow,
            Verdict::Missed => Color::Red,
        }));
    }
    let goal = match row.goal {
        None => String::new(),
        Some(_) if compared.is_empty() => String::new(),
        Some(Goal::AtLeast(bound)) => format!("≥ {bound:.2} {}", verdicts.join(" ")),
        Some(Goal::AtMost(bound)) => format!("≤ {bound:.2} {}", verdicts.join(" ")),
    };
    cells.push(Cell::new(goal));
    cells
}

/// A cell that is aligned to the right, as figures are.
fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// Three significant digits or so; thousands apart.
fn figure(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
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
mod tests {
    use super::super::figures::tests::run;
    use super::*;
    use crate::record::Mode;

    fn summary() -> Summary {
        let mut records = Vec::new();
        for mode in [Mode::Requests, Mode::Latency, Mode::Chunks, Mode::First] {
            for (target, p50_us) in [("direct", 40.0), ("nginx", 80.0), ("polyroute", 123_456.7)] {
                records.push(run(target, 1, mode, p50_us));
            }
        }
        let facts = [("nginx".to_owned(), "1.22.1".to_owned())];
        Summary::new("2 × a CPU".to_owned(), &facts, records)
    }

    #[test]
    fn the_table_fits_100_columns_and_names_every_target() {
        let text = draw(&summary(), false);
        for line in text.lines() {
            assert!(
                line.chars().count() <= 100,
                "{} columns: {line}",
                line.chars().count()
            );
        }
        for word in [
            "direct",
            "nginx",
            "polyroute ÷ nginx",
            "requests/s",
            "met",
            "missed",
        ] {
            assert!(text.contains(word), "`{word}` is missing in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "colours where none were wanted");
    }

    #[test]
    fn colours_only_where_wanted() {
        assert!(draw(&summary(), true).contains('\u{1b}'));
    }

    #[test]
    fn figures_have_their_thousands_apart() {
        assert_eq!(figure(12_345_678.4), "12,345,678");
        assert_eq!(figure(123.4), "123");
        assert_eq!(figure(-1234.0), "-1,234");
        assert_eq!(figure(9.96), "10.0");
    }
}
