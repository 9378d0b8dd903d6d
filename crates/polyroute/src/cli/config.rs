//! `polyroute config check | schema | example | reference`.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

use crate::config::env::{self, Environment};
use crate::config::problem::Report;
use crate::config::settings::Settings;
use crate::config::{self, EXAMPLE, Input, schema};

/// Look at, check and document configurations.
#[derive(Debug, Clone, Args)]
pub struct ConfigArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ConfigCommand,
}

/// What can be done with a configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Find every mistake at once, without starting anything
    Check {
        /// The file [default: POLYROUTE_CONFIG, else polyroute.yaml, else the environment alone]
        file: Option<PathBuf>,
        /// How to print what was found
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Print the JSON schema of the file, for your editor
    Schema,
    /// Print a file to start from
    Example,
    /// Print the reference of every key and environment variable, as Markdown
    Reference,
}

/// How findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Text,
    /// For a program: one JSON object.
    Json,
}

/// Runs the subcommand. Fails where the configuration has errors, or nothing can be written.
/// `is_terminal` says whether `out` is one, and so may get colours.
pub fn run(
    args: &ConfigArgs,
    environment: &Environment,
    out: &mut dyn Write,
    is_terminal: bool,
) -> ExitCode {
    let done = match &args.command {
        ConfigCommand::Check { file, format } => {
            let colour = is_terminal && environment.get(env::NO_COLOR).is_none();
            check(file.clone(), *format, environment, out, colour)
        }
        ConfigCommand::Schema => writeln!(out, "{:#}", schema::schema()).map(|()| true),
        ConfigCommand::Example => out.write_all(EXAMPLE.as_bytes()).map(|()| true),
        ConfigCommand::Reference => out.write_all(schema::reference().as_bytes()).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        // The reader of a pipe that has seen enough is no failure of ours.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Ok(false) | Err(_) => ExitCode::FAILURE,
    }
}

/// Prints what is wrong; whether nothing is.
fn check(
    file: Option<PathBuf>,
    format: Format,
    environment: &Environment,
    out: &mut dyn Write,
    colour: bool,
) -> io::Result<bool> {
    let file = config::find_file(file.as_deref(), environment);
    let input = Input {
        file: file.as_deref(),
        listen: None,
        admin: None,
        environment,
    };
    let (settings, report) = match config::load(&input) {
        Ok(loaded) => (Some(loaded.settings), loaded.warnings),
        Err(report) => (None, report),
    };
    let name = file.map(|path| path.display().to_string());
    match format {
        Format::Json => writeln!(out, "{:#}", as_json(name, settings.as_ref(), &report))?,
        Format::Text => {
            out.write_all(report.to_text(colour).as_bytes())?;
            if let Some(settings) = &settings {
                let name = name.unwrap_or_else(|| "no file, the environment alone".to_owned());
                writeln!(out, "{name}: ok ({})", summary(settings))?;
            }
        }
    }
    Ok(settings.is_some())
}

fn as_json(name: Option<String>, settings: Option<&Settings>, report: &Report) -> Value {
    let mut value = report.to_json();
    if let Value::Object(fields) = &mut value {
        fields.insert("file".to_owned(), json!(name));
        if let Some(settings) = settings {
            let names = |names: Vec<&str>| json!(names);
            let providers = settings
                .providers
                .iter()
                .map(|it| it.name.as_str())
                .collect();
            fields.insert("providers".to_owned(), names(providers));
            let routes = settings.routes.iter().map(|it| it.name.as_str()).collect();
            fields.insert("routes".to_owned(), names(routes));
        }
    }
    value
}

fn summary(settings: &Settings) -> String {
    let providers: Vec<&str> = settings
        .providers
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let (routes, keys) = (settings.routes.len(), settings.keys.len());
    format!(
        "providers: {}; routes: {routes}; gateway keys: {keys}",
        providers.join(", ")
    )
}
