//! The tables for a terminal: under 100 columns, colours only where they say how a figure stands to
//! its goal (green reached, yellow missed by less than a fifth, red by more), and the same in words.

use comfy_table::{Attribute, Cell, CellAlignment, Color, LineStyle, Table, TableStyle};

use super::figures::Summary;
use super::grid::{self, Grid, Line};
use super::measures::Verdict;

/// Rules around the header and at the end, none between rows.
const STYLE: TableStyle = TableStyle::new()
    .top_border(LineStyle::none().fill('─').junction('─'))
    .header_separator(LineStyle::none().fill('─').junction('─'))
    .bottom_border(LineStyle::none().fill('─').junction('─'));

/// Draws the whole report: what ran, the figures, the ratios.
pub(super) fn draw(summary: &Summary, colour: bool) -> String {
    let facts = summary
        .facts
        .iter()
        .map(|(name, value)| format!("{name} {value}"));
    let facts: Vec<String> = facts.collect();
    let mut text = format!("{}\n{}\n", summary.machine, facts.join(" · "));
    text += &table(&grid::figures(summary), colour);
    let ratios = grid::ratios(summary);
    if !ratios.lines.is_empty() {
        text += "\n\n";
        text += &table(&ratios, colour);
    }
    text + "\n" + &grid::legend(summary)
}

/// One table.
fn table(grid: &Grid, colour: bool) -> String {
    let mut table = Table::new();
    table.load_style(STYLE);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(grid.header.iter().map(|name| right(name)));
    for line in &grid.lines {
        match line {
            Line::Scenario(name) => {
                table.add_row([Cell::new(name).add_attribute(Attribute::Bold)]);
            }
            Line::Cells(name, cells) => {
                let mut row = vec![Cell::new(format!("  {name}"))];
                row.extend(cells.iter().map(|cell| {
                    let drawn = right(&cell.text);
                    match cell.verdict {
                        None => drawn,
                        Some(Verdict::Met) => drawn.fg(Color::Green),
                        Some(Verdict::Near) => drawn.fg(Color::Yellow),
                        Some(Verdict::Missed) => drawn.fg(Color::Red),
                    }
                }));
                table.add_row(row);
            }
        }
    }
    table.to_string()
}

/// A cell that is aligned to the right, as figures are.
fn right(text: &str) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

#[cfg(test)]
mod tests {
    use super::super::grid::tests::summary;
    use super::*;

    #[test]
    fn the_tables_fit_100_columns_and_name_every_target() {
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
            "polyroute",
            "litellm",
            "÷ nginx",
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
}
