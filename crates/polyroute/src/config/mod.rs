//! Configuration: text → [`File`] (what was written) → [`Settings`]
//! (what runs).
//!
//! All problems of a configuration are found in one go, each with file, line, key, reason and
//! suggestion ([`problem::Finding`]). The environment is an argument; the only I/O is reading the
//! file, the files that hold secrets, and looking whether TLS files are there. Read [`load`] first.

pub mod base_url;
mod compile;
mod de;
pub mod env;
pub mod file;
pub mod identity;
mod interpolate;
mod later;
pub mod path;
pub mod problem;
mod render;
mod resolve;
pub mod schema;
pub mod secret;
pub mod settings;
mod tree;
pub mod value;

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use compile::Context;
use env::Environment;
use file::File;
use polyroute_engine::catalog::Catalog;
use problem::{Finding, Origin, Problem, Problems, Report};
use render::Excerpts;
use settings::Settings;
use tree::Node;

/// The configuration file that is read where none is named and it is there.
pub const DEFAULT_FILE: &str = "polyroute.yaml";
/// A commented configuration of one screen, to start from.
pub const EXAMPLE: &str = include_str!("example.yaml");
/// A configuration file is no larger than this.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What a load goes by.
#[derive(Debug, Clone, Copy)]
pub struct Input<'i> {
    /// The configuration file; `None`: the environment alone.
    pub file: Option<&'i Path>,
    /// `--listen`: wins over variable and file.
    pub listen: Option<&'i str>,
    /// `--admin`: wins over variable and file.
    pub admin: Option<&'i str>,
    /// The environment.
    pub environment: &'i Environment,
}

/// A configuration that holds.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What runs.
    pub settings: Settings,
    /// What could be better; no errors.
    pub warnings: Report,
}

/// The file to read: the flag, else `POLYROUTE_CONFIG`, else `polyroute.yaml` if it is there.
#[must_use]
pub fn find_file(flag: Option<&Path>, environment: &Environment) -> Option<PathBuf> {
    let named = flag.map(Path::to_path_buf);
    let named = named.or_else(|| environment.get(env::CONFIG).map(PathBuf::from));
    named.or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.is_file()))
}

/// Loads and checks a configuration.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the file.
pub fn load(input: &Input<'_>) -> Result<Loaded, Report> {
    let Some(path) = input.file else {
        return load_text(None, "", Path::new(""), input);
    };
    let name = path.display().to_string();
    match read_file(path) {
        Ok(text) => {
            let folder = path.parent().unwrap_or(Path::new(""));
            load_text(Some(&name), &text, folder, input)
        }
        Err((reason, hint)) => {
            let mut problems = Problems::default();
            problems.advise(Origin::File, reason, hint);
            Err(report(Some(&name), "", None, problems))
        }
    }
}

fn read_file(path: &Path) -> Result<String, (String, &'static str)> {
    let unreadable = |error: std::io::Error| {
        let reason = format!("the configuration file can't be read: {error}");
        (
            reason,
            "check the path, or write one: `polyroute config example > polyroute.yaml`",
        )
    };
    let file = resolve::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err((
            "the file is larger than 4 MiB".to_owned(),
            "is this the right file?",
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error
            .as_bytes()
            .iter()
            .take(error.utf8_error().valid_up_to());
        let line = valid
            .filter(|byte| **byte == b'\n')
            .count()
            .saturating_add(1);
        (
            format!("line {line} is not UTF-8 text"),
            "save the file as UTF-8",
        )
    })
}

/// Loads a configuration from text. `name` is what findings call it, `folder` is where relative
/// paths start.
///
/// # Errors
///
/// Everything that is wrong with it, in the order of the file.
pub fn load_text(
    name: Option<&str>,
    text: &str,
    folder: &Path,
    input: &Input<'_>,
) -> Result<Loaded, Report> {
    let mut problems = Problems::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut root, flaws) = tree::parse(text);
    let is_yaml = root.is_some() || flaws.is_empty();
    for flaw in flaws {
        problems.push(
            problem::Severity::Error,
            Origin::Spot(flaw.path, flaw.span),
            flaw.reason,
            flaw.suggestion,
        );
    }
    if !is_yaml {
        return Err(report(name, text, None, problems));
    }
    let mut hidden = match &mut root {
        Some(root) => interpolate::interpolate(root, input.environment, &mut problems),
        None => HashSet::new(),
    };
    let file = match &root {
        Some(root) => de::read::<File>(root, &mut hidden, &mut problems),
        None => Some(File::default()),
    };
    let settings = file.and_then(|file| {
        let mut context = Context {
            catalog: Catalog::embedded(),
            root: root.as_ref(),
            hidden: &hidden,
            environment: input.environment,
            folder,
            listen_flag: input.listen,
            admin_flag: input.admin,
            problems: &mut problems,
        };
        context.read_catalog(&file.catalog);
        compile::compile(&file, context)
    });
    let warnings = report(name, text, root.as_ref(), problems);
    match settings {
        Some(settings) => Ok(Loaded { settings, warnings }),
        None => Err(warnings),
    }
}

/// Ties the problems to the text, in its order; what is not about the text comes first.
fn report(name: Option<&str>, text: &str, root: Option<&Node>, problems: Problems) -> Report {
    let excerpts = Excerpts::new(text, root);
    let finding = |problem: Problem| finding(problem, name, root, &excerpts);
    let mut findings: Vec<Finding> = problems.0.into_iter().map(finding).collect();
    findings.sort_by_key(|finding| finding.place.map(|place| (place.line, place.column)));
    findings.dedup();
    Report { findings }
}

fn finding(
    problem: Problem,
    name: Option<&str>,
    root: Option<&Node>,
    excerpts: &Excerpts<'_>,
) -> Finding {
    let (in_file, key, span) = match problem.origin {
        Origin::Spot(path, span) => (true, path.to_string(), Some(span)),
        Origin::Path(path) => {
            let span = root.and_then(|root| root.find(&path)).map(|(_, span)| span);
            (true, path.to_string(), span)
        }
        Origin::File => (true, String::new(), None),
        Origin::Variable(variable) => (false, variable, None),
        Origin::Flag(flag) => (false, flag.to_owned(), None),
    };
    Finding {
        severity: problem.severity,
        file: name.filter(|_| in_file).map(str::to_owned),
        place: span.map(Into::into),
        key,
        reason: problem.reason,
        suggestion: problem.suggestion,
        excerpt: span.and_then(|span| excerpts.line(span.line)),
    }
}
