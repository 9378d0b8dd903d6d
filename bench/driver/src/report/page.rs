//! The report as a page that needs nothing else, and as a part of the documentation.

use std::fmt::Write as _;

use anyhow::Context;

use super::figures::Summary;
use super::grid::{self, Grid, Line};
use super::measures::Verdict;
use super::plots::Plot;
use super::svg::escape;

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1f2328;--muted:#59636e;--line:#d1d9e0;--back:#fff;\
--band:#f6f8fa;--met:#1a7f37;--near:#9a6700;--missed:#cf222e}\
@media(prefers-color-scheme:dark){:root{--text:#e6edf3;--muted:#9198a1;--line:#3d444d;\
--back:#0d1117;--band:#151b23;--met:#3fb950;--near:#d29922;--missed:#f85149}}\
body{margin:2rem auto;max-width:62rem;padding:0 1rem;background:var(--back);color:var(--text);\
font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}\
h1{font-size:1.6rem;margin:0 0 .3rem}h2{font-size:1.15rem;margin:2.2rem 0 .6rem}\
p.muted,li{color:var(--muted)}figure{margin:0 0 1rem}svg{max-width:100%;height:auto}\
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{padding:.22rem .7rem;text-align:right;white-space:nowrap}\
th{border-bottom:1px solid var(--line);font-weight:600}\
td:first-child,th:first-child{text-align:left;padding-left:1.2rem}\
tr.scenario td{background:var(--band);font-weight:600;padding-left:.7rem}\
.met{color:var(--met)}.near{color:var(--near)}.missed{color:var(--missed)}";

/// The page.
pub(super) fn html(summary: &Summary, plots: &[Plot], notes: &[String]) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>What {} costs</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>What {} costs</h1>\n",
        escape(&summary.gateway),
        escape(&summary.gateway)
    );
    // Writing to a string can't fail, here and below.
    let _ = writeln!(
        page,
        "<p>{}</p>\n<p class=\"muted\">{}<br>{}</p>",
        escape(&verdicts(summary)),
        escape(&summary.machine),
        escape(&facts(summary))
    );
    for plot in plots {
        let _ = writeln!(page, "<figure>{}</figure>", plot.svg.trim_end());
    }
    for (heading, grid) in [
        ("Ratios and goals", grid::ratios(summary)),
        ("Figures", grid::figures(summary)),
    ] {
        if !grid.lines.is_empty() {
            let _ = writeln!(page, "<h2>{heading}</h2>\n{}", html_table(&grid));
        }
    }
    let _ = writeln!(
        page,
        "<p class=\"muted\">{}</p>\n<ul>",
        escape(&grid::legend(summary))
    );
    for note in notes {
        let _ = writeln!(page, "<li>{}</li>", escape(note));
    }
    page + "</ul>\n</body>\n</html>\n"
}

/// How many goals are reached.
fn verdicts(summary: &Summary) -> String {
    let judged = summary
        .rows
        .iter()
        .filter(|row| row.judged(&summary.gateway).is_some());
    let mut counts = [0_usize; 4];
    for row in judged {
        let at = match row.verdict(&summary.gateway) {
            Some(Verdict::Met) => 0,
            Some(Verdict::Near) => 1,
            Some(Verdict::Missed) => 2,
            None => 3,
        };
        if let Some(count) = counts.get_mut(at) {
            *count += 1;
        }
    }
    let [met, near, missed, noisy] = counts;
    let mut text = format!("Goals: {met} met");
    for (count, word) in [
        (near, "missed by less than a fifth"),
        (missed, "missed by more"),
        (
            noisy,
            "not judged, since the machine was busy with other work",
        ),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text + "."
}

/// What the run says of itself.
fn facts(summary: &Summary) -> String {
    let facts = summary.facts.iter();
    let facts: Vec<String> = facts
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    facts.join(" · ")
}

/// A table in HTML.
fn html_table(grid: &Grid) -> String {
    let mut text = String::from("<div class=\"wide\"><table>\n<tr>");
    for name in &grid.header {
        let _ = write!(text, "<th>{}</th>", escape(name));
    }
    text += "</tr>\n";
    for line in &grid.lines {
        match line {
            Line::Scenario(name) => {
                let _ = writeln!(
                    text,
                    "<tr class=\"scenario\"><td colspan=\"{}\">{}</td></tr>",
                    grid.header.len(),
                    escape(name)
                );
            }
            Line::Cells(name, cells) => {
                let _ = write!(text, "<tr><td>{}</td>", escape(name));
                for cell in cells {
                    let class = match cell.verdict {
                        None => "",
                        Some(Verdict::Met) => " class=\"met\"",
                        Some(Verdict::Near) => " class=\"near\"",
                        Some(Verdict::Missed) => " class=\"missed\"",
                    };
                    let _ = write!(text, "<td{class}>{}</td>", escape(&cell.text));
                }
                text += "</tr>\n";
            }
        }
    }
    text + "</table></div>"
}

/// Where the documentation's part that a run writes begins and ends.
const BEGIN: &str = "<!-- bench:begin (written by `bench/run --write-docs`) -->";
const END: &str = "<!-- bench:end -->";

/// The documentation with this run's part in place of the last one's. `folder` is where the
/// pictures are, as a link from the document.
pub(super) fn into_document(
    document: &str,
    summary: &Summary,
    plots: &[Plot],
    notes: &[String],
    folder: &str,
) -> anyhow::Result<String> {
    let (before, rest) = document
        .split_once(BEGIN)
        .with_context(|| format!("the document has no line `{BEGIN}`"))?;
    let (_, after) = rest
        .split_once(END)
        .with_context(|| format!("the document has no line `{END}`"))?;
    let mut text = format!(
        "{before}{BEGIN}\n\n{}\n\n{}. {}\n",
        verdicts(summary),
        summary.machine,
        facts(summary)
    );
    for plot in plots {
        let _ = writeln!(text, "\n![{}]({folder}/{}.svg)", plot.title, plot.name);
    }
    for grid in [grid::ratios(summary), grid::figures(summary)] {
        if !grid.lines.is_empty() {
            let _ = write!(text, "\n{}", markdown_table(&grid));
        }
    }
    let _ = writeln!(text, "\n{}", grid::legend(summary));
    for note in notes {
        let _ = writeln!(text, "\n- {note}");
    }
    Ok(format!("{text}\n{END}{after}"))
}

/// A table in Markdown.
fn markdown_table(grid: &Grid) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = row(&grid.header);
    let rule = (0..grid.header.len()).map(|at| if at == 0 { "---" } else { "--:" }.to_owned());
    text += &row(&rule.collect::<Vec<_>>());
    for line in &grid.lines {
        match line {
            Line::Scenario(name) => {
                let mut cells = vec![String::new(); grid.header.len()];
                if let Some(first) = cells.first_mut() {
                    *first = format!("**{name}**");
                }
                text += &row(&cells);
            }
            Line::Cells(name, cells) => {
                let mut texts = vec![name.clone()];
                texts.extend(cells.iter().map(|cell| cell.text.clone()));
                text += &row(&texts);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::grid::tests::summary;
    use super::super::plots::plots;
    use super::*;

    #[test]
    fn the_page_holds_pictures_tables_and_notes_and_loads_nothing() {
        let summary = summary();
        let page = html(&summary, &plots(&summary), &["a <note>".to_owned()]);
        assert_eq!(page.matches("<svg").count(), 4);
        assert_eq!(page.matches("<table>").count(), 2);
        assert!(page.contains("a &lt;note&gt;"));
        assert!(!page.contains("src=") && !page.contains("href="));
        assert!(page.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn the_documents_part_is_written_anew_and_the_rest_stays() {
        let summary = summary();
        let document = format!("# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n");
        let write = |document: &str| {
            into_document(document, &summary, &plots(&summary), &[], "performance").unwrap()
        };
        let once = write(&document);
        assert!(once.starts_with("# Title\n\n") && once.ends_with("\n\nThe end.\n"));
        assert!(!once.contains("\nold\n"));
        assert!(once.contains("(performance/ratios.svg)") && once.contains("| requests/s |"));
        assert_eq!(write(&once), once);
        assert!(into_document("# No marks", &summary, &[], &[], "x").is_err());
    }

    #[test]
    fn goals_are_counted() {
        // Requests and chunks at nginx's rate, added latency far more, memory under its bound.
        let text = verdicts(&summary());
        assert!(text.starts_with("Goals: "), "{text}");
        assert!(text.contains("missed"), "{text}");
    }
}
