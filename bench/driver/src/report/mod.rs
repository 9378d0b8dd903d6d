//! The report: reads the runs' JSON lines, makes rows of them, prints the table, writes the summary
//! for other programs. `figures` computes, `table` draws; this module reads, writes and warns.

mod figures;
mod table;

use std::fs;
use std::io::IsTerminal;
use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::machine;
use crate::record::{Mode, Record};
use figures::Summary;

/// What to read and write.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The runs, one JSON object a line.
    #[arg(long)]
    input: PathBuf,
    /// Where the summary goes, as JSON.
    #[arg(long)]
    output: PathBuf,
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
    let summary = Summary::new(machine::description(), &options.facts, records);
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    println!("{}", table::draw(&summary, colour));
    for note in notes(&summary.records) {
        println!("{note}");
    }
    if let Some(folder) = options.output.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(
        &options.output,
        serde_json::to_string_pretty(&summary)? + "\n",
    )
    .with_context(|| format!("can't write {}", options.output.display()))?;
    let errors: u64 = summary.records.iter().map(|record| record.errors).sum();
    ensure!(
        errors == 0,
        "{errors} answers were wrong or missing: these figures don't count"
    );
    Ok(())
}

/// What a reader must know before believing the table.
fn notes(records: &[Record]) -> Vec<String> {
    let mut notes = Vec::new();
    for record in records.iter().filter(|record| record.errors > 0) {
        notes.push(format!(
            "WRONG  {} in `{}`, round {}: {} failed; the first: {}",
            record.target,
            record.scenario,
            record.round,
            record.errors,
            record.first_error.as_deref().unwrap_or("unknown")
        ));
    }
    let mut slack: Vec<String> = Vec::new();
    for record in records {
        let saturates = matches!(record.mode, Mode::Requests | Mode::Chunks);
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
            "note   these did not fill the gateway's core; driver and upstream set the pace, so \
             compare\n       CPU rather than rates: "
                .to_owned()
                + &slack.join(",\n       "),
        );
    }
    let other = figures::mean(records.iter().filter_map(|record| record.other_work));
    if let Some(share) = other.filter(|share| *share > OTHER_WORK_MAX) {
        notes.push(format!(
            "note   other work took {:.0} % of this machine during the runs: expect noise; goals \
             marked\n       `noisy` are not judged",
            share * 100.0
        ));
    }
    notes
}

/// From this share of its core on, the gateway is what limits a rate.
const SATURATED: f64 = 0.9;
/// Up to this share of the machine, other work is taken for granted.
const OTHER_WORK_MAX: f64 = 0.04;
