//! The report: reads the runs' JSON lines, makes rows of them, prints the tables, writes the summary
//! for other programs, a page, and the documentation's part. `measures` says what there is, `figures`
//! computes, `grid` words; `table`, `plots` and `page` draw; this module reads, writes and warns.

mod figures;
mod grid;
mod measures;
mod page;
mod plots;
mod svg;
mod table;

use std::fs;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::machine;
use crate::record::{Mode, Record};
use figures::{DIRECT, REFERENCE, Summary};

/// What to read and write.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The runs, one JSON object a line.
    #[arg(long)]
    input: PathBuf,
    /// Where the summary goes, as JSON.
    #[arg(long)]
    output: PathBuf,
    /// The target that the goals are for.
    #[arg(long, default_value = "polyroute")]
    gateway: String,
    /// Where the page goes, as HTML.
    #[arg(long)]
    page: Option<PathBuf>,
    /// The document whose part between the marks is written anew. Its pictures go into a folder
    /// beside it that has its name without extension.
    #[arg(long)]
    document: Option<PathBuf>,
    /// A fact about the run to print and keep, such as `nginx=1.22.1`; may be repeated.
    #[arg(long = "fact", value_parser = fact)]
    facts: Vec<(String, String)>,
}

/// Splits `name=value`.
fn fact(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a fact is `name=value`")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Prints the table and writes the summary. Fails if any answer was wrong.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let text = fs::read_to_string(&options.input)
        .with_context(|| format!("can't read {}", options.input.display()))?;
    let records = text
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Record>, _>>()?;
    ensure!(!records.is_empty(), "nothing was measured");
    let summary = Summary::new(
        machine::description(),
        &options.gateway,
        &options.facts,
        records,
    );
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    println!("{}", table::draw(&summary, colour));
    let notes = notes(&summary);
    for note in &notes {
        println!("{note}");
    }
    write(
        &options.output,
        &(serde_json::to_string_pretty(&summary)? + "\n"),
    )?;
    let plots = plots::plots(&summary);
    if let Some(path) = &options.page {
        write(path, &page::html(&summary, &plots, &notes))?;
    }
    if let Some(path) = &options.document {
        let document =
            fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
        let folder = path.with_extension("");
        for plot in &plots {
            write(&folder.join(plot.name).with_extension("svg"), &plot.svg)?;
        }
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let document = page::into_document(&document, &summary, &plots, &notes, &name)?;
        write(path, &document)?;
    }
    let errors = summary.records.iter().filter(|run| counts(run, &summary));
    let errors: u64 = errors.map(|run| run.errors).sum();
    ensure!(
        errors == 0,
        "{errors} answers were wrong or missing: these figures don't count"
    );
    Ok(())
}

/// Writes a file and the folders that it needs.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

/// Whether a run's wrong answers make the whole benchmark wrong: what other gateways do under a load
/// that they can't carry is told, and theirs.
fn counts(run: &Record, summary: &Summary) -> bool {
    [DIRECT, REFERENCE, summary.gateway.as_str()].contains(&run.target.as_str())
}

/// What a reader must know before believing the table.
fn notes(summary: &Summary) -> Vec<String> {
    let records = &summary.records;
    let mut notes = Vec::new();
    for record in records.iter().filter(|record| record.errors > 0) {
        notes.push(format!(
            "WRONG: {} in `{}`, round {}: {} failed; the first: {}",
            record.target,
            record.scenario,
            record.round,
            record.errors,
            record.first_error.as_deref().unwrap_or("unknown")
        ));
    }
    let mut slack: Vec<String> = Vec::new();
    for record in records {
        let saturates =
            matches!(record.mode, Mode::Requests | Mode::Chunks) && record.compared_with.is_none();
        let name = format!("{} in `{}`", record.target, record.scenario);
        if saturates
            && figures::gateway_busy(record).is_some_and(|busy| busy < SATURATED)
            // Else the core may have been full of other work, of which there is a note as well.
            && record.other_work.is_some_and(|share| share <= OTHER_WORK_MAX)
            && !slack.contains(&name)
        {
            slack.push(name);
        }
    }
    if !slack.is_empty() {
        notes.push(
            "These did not fill the gateway's core; driver and upstream set the pace, so compare CPU \
             rather than rates: "
                .to_owned()
                + &slack.join(", ")
                + ".",
        );
    }
    let other = figures::mean(records.iter().filter_map(|record| record.other_work));
    if let Some(share) = other.filter(|share| *share > OTHER_WORK_MAX) {
        notes.push(format!(
            "Other work took {:.0} % of this machine during the runs: expect noise; goals marked \
             `noisy` are not judged.",
            share * 100.0
        ));
    }
    notes
}

/// From this share of its core on, the gateway is what limits a rate.
const SATURATED: f64 = 0.9;
/// Up to this share of the machine, other work is taken for granted.
const OTHER_WORK_MAX: f64 = 0.04;
