//! Holds the translation against recorded provider traffic.
//!
//! The folder is `$POLYROUTE_CORPUS`, or `../shared/corpus` beside the workspace; where it is
//! missing the run says so and counts as skipped. Every recorded exchange of a known dialect goes through each check that fits it; see [`checks`]. Ends with `N passed, N failed,
//! N skipped` and leaves `target/corpus-counts.json` beside the encoded answers
//! (`corpus-answers.jsonl`), which `tests/clients/corpus_parse.py` has the official SDK read.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod checks;
mod endpoints;
mod entry;
mod errors;
mod exceptions;
mod hub;
mod ignored;
mod leaves;
mod report;
mod requests;
mod shape;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::entry::Entry;
use crate::report::Report;

fn main() -> ExitCode {
    // `cargo test` passes the test harness's own options through: only a name filter is heard.
    let filter = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    if std::env::args().any(|word| word == "--list") {
        return ExitCode::SUCCESS;
    }
    let folder = std::env::var_os("POLYROUTE_CORPUS").map_or_else(
        || {
            PathBuf::from(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../../shared/corpus"
            ))
        },
        PathBuf::from,
    );
    let mut report = Report::new();
    if folder.is_dir() {
        let entries = entry::load(&folder, filter.as_deref());
        println!(
            "{} recorded exchanges from {}",
            entries.len(),
            folder.display()
        );
        for entry in &entries {
            check(entry, &mut report);
        }
        // A filter looks at a part of the entries, so the share of exceptions says nothing.
        report.close(entries.len(), filter.is_none());
    } else {
        println!(
            "SKIPPED: no recorded traffic at {}. Set POLYROUTE_CORPUS to the folder.",
            folder.display()
        );
        report.skip();
    }
    report.finish()
}

fn check(entry: &Entry, report: &mut Report) {
    if entry.is_error() {
        report.case(entry, "error", errors::classified(entry));
    } else if entry.is_models() {
        report.case(entry, "decode", checks::models(entry));
    } else if entry.is_rerank() {
        report.case(entry, "decode", endpoints::rerank(entry));
    } else if entry.is_completion() {
        endpoints::completion(entry, report);
    } else if entry.is_moderation() {
        endpoints::moderation(entry, report);
    } else if entry.is_count() {
        report.case(entry, "decode", endpoints::count(entry));
    } else if entry.is_embeddings() {
        checks::embeddings(entry, report);
    } else {
        checks::answer(entry, report);
    }
    if entry.is_openai_chat() && entry.status < 300 {
        requests::all(entry, report);
    }
}
