//! Counts cases and closes the run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::entry::Entry;
use crate::exceptions::EXCEPTIONS;

/// Most exceptions, as a share of the entries.
const EXCEPTIONS_SHARE_MAX: f64 = 0.01;

/// What was found of one provider's recordings of a kind.
#[derive(Default)]
struct Source {
    entries: BTreeSet<String>,
    checks: usize,
    failed: usize,
    excepted: usize,
}

/// What the run found.
pub(crate) struct Report {
    passed: usize,
    failed: usize,
    skipped: usize,
    by_check: BTreeMap<&'static str, [usize; 3]>,
    /// Entries and failed checks, by provider and kind.
    by_source: BTreeMap<(String, String), Source>,
    excepted: BTreeSet<String>,
    used: BTreeSet<(&'static str, &'static str)>,
    answers: fs::File,
    requests: fs::File,
}

impl Report {
    pub(crate) fn new() -> Self {
        fs::create_dir_all(target()).expect("the target folder can be made");
        let create = |name: &str| fs::File::create(target().join(name)).expect("a file in target");
        Self {
            passed: 0,
            failed: 0,
            skipped: 0,
            by_check: BTreeMap::new(),
            by_source: BTreeMap::new(),
            excepted: BTreeSet::new(),
            used: BTreeSet::new(),
            answers: create("corpus-answers.jsonl"),
            requests: create("corpus-requests.jsonl"),
        }
    }

    /// Counts one check of one entry. A named exception is skipped, and must indeed fail.
    pub(crate) fn case(&mut self, entry: &Entry, check: &'static str, result: Result<(), String>) {
        let exception = EXCEPTIONS
            .iter()
            .find(|(name, of, _)| *name == entry.name && *of == check);
        let counts = self.by_check.entry(check).or_default();
        let [passed, failed, skipped] = counts;
        let source = self
            .by_source
            .entry((entry.provider.clone(), entry.kind.clone()))
            .or_default();
        source.entries.insert(entry.name.clone());
        source.checks += 1;
        source.failed += usize::from(result.is_ok() == exception.is_some());
        source.excepted += usize::from(result.is_err() && exception.is_some());
        match (result, exception) {
            (Ok(()), None) => {
                self.passed += 1;
                *passed += 1;
            }
            (Ok(()), Some((name, of, _))) => {
                self.failed += 1;
                *failed += 1;
                self.used.insert((name, of));
                println!(
                    "FAILED {} {check}: listed as an exception, yet it passes",
                    entry.name
                );
            }
            (Err(_), Some((name, of, reason))) => {
                self.skipped += 1;
                *skipped += 1;
                self.used.insert((name, of));
                self.excepted.insert(entry.name.clone());
                println!("exception {} {check}: {reason}", entry.name);
            }
            (Err(why), None) => {
                self.failed += 1;
                *failed += 1;
                let why: String = why.chars().take(600).collect();
                println!("FAILED {} {check}: {why}", entry.name);
            }
        }
    }

    /// Counts a check that can't hold for this entry by its nature: an exception by rule.
    pub(crate) fn except(&mut self, entry: &Entry, check: &'static str, reason: &str) {
        self.skipped += 1;
        let [_, _, skipped] = self.by_check.entry(check).or_default();
        *skipped += 1;
        self.excepted.insert(entry.name.clone());
        println!("exception {} {check}: {reason}", entry.name);
    }

    /// Nothing to read: one skipped case.
    pub(crate) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Keeps an answer to be read by the official SDK.
    pub(crate) fn answer(&mut self, entry: &Entry, kind: &str, body: &Value) {
        let line = json!({"entry": entry.name, "kind": kind, "body": body});
        writeln!(self.answers, "{line}").expect("the disk takes a line");
    }

    /// Keeps an encoded request.
    pub(crate) fn request(&mut self, entry: &Entry, dialect: &str, path: &str, body: &Value) {
        let line = json!({"entry": entry.name, "dialect": dialect, "path": path, "body": body});
        writeln!(self.requests, "{line}").expect("the disk takes a line");
    }

    /// Judges the exceptions as a whole.
    pub(crate) fn close(&mut self, entries: usize, complete: bool) {
        if !complete {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of a few thousand")]
        let share = self.excepted.len() as f64 / entries.max(1) as f64;
        if share > EXCEPTIONS_SHARE_MAX {
            self.failed += 1;
            println!(
                "FAILED: {:.2} % of the entries are exceptions",
                share * 100.0
            );
        }
        for (name, check, _) in EXCEPTIONS {
            if !self.used.contains(&(name, check)) {
                // Another folder need not hold every entry that ours holds.
                println!("note: the exception {name} {check} was not met");
            }
        }
    }

    /// Prints and writes the counts.
    pub(crate) fn finish(self) -> ExitCode {
        let checks: serde_json::Map<String, Value> = self
            .by_check
            .iter()
            .map(|(check, [passed, failed, skipped])| {
                let counts = json!({"passed": passed, "failed": failed, "skipped": skipped});
                ((*check).to_owned(), counts)
            })
            .collect();
        self.table();
        for (check, counts) in &checks {
            println!("{check}: {counts}");
        }
        let counts = json!({
            "passed": self.passed,
            "failed": self.failed,
            "skipped": self.skipped,
            "excepted_entries": self.excepted,
            "checks": checks,
        });
        fs::write(target().join("corpus-counts.json"), format!("{counts:#}\n"))
            .expect("the counts can be written");
        println!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        );
        if self.failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl Report {
    /// What was read, by provider and kind.
    fn table(&self) {
        println!(
            "{:<16} {:<24} {:>9} {:>7} {:>7} {:>10}",
            "provider", "kind", "exchanges", "checks", "failed", "exceptions"
        );
        for ((provider, kind), source) in &self.by_source {
            println!(
                "{provider:<16} {kind:<24} {:>9} {:>7} {:>7} {:>10}",
                source.entries.len(),
                source.checks,
                source.failed,
                source.excepted
            );
        }
    }
}

/// Where the run leaves its files.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target")),
        PathBuf::from,
    )
}
