//! `polyroute models`: what the catalog knows, as a table; two and more models side by side; and
//! what LiteLLM's price file would change.

mod compare;
mod import;
mod list;
mod litellm;
mod table;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use polyroute_engine::catalog::{Catalog, Kind, ModelEntry};
use polyroute_wire::capability::{JsonSchemaSupport, Reasoning};

use crate::config::env::{self, Environment};
use crate::config::{self, Input};

/// Options of `polyroute models`.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
        polyroute models --needs tools,vision --min-context 200k --max-price 5 --sort price\n  \
        polyroute models --provider mistral --all\n  \
        polyroute models compare gpt-4o-mini claude-haiku-4-5 gemini/gemini-2.5-flash\n  \
        polyroute models import model_prices_and_context_window.json --only price\n\n\
        A price that nobody knows is shown as `?`, never as zero: answers of such a model count \
        in `polyroute_unpriced_answers_total`. Name your own prices in a file of `catalog:`."
)]
pub struct ModelsArgs {
    /// What to do instead of listing.
    #[command(subcommand)]
    command: Option<ModelsCommand>,
    /// Which models
    #[command(flatten)]
    list: list::ListArgs,
    /// The configuration whose `catalog` files count too
    /// [default: POLYROUTE_CONFIG, else polyroute.yaml, if there is one]
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
}

/// What can be done besides listing.
#[derive(Debug, Clone, Subcommand)]
enum ModelsCommand {
    /// Put models side by side, with what a request would cost
    Compare(compare::CompareArgs),
    /// Show what LiteLLM's price file would change; writes nothing unless told to
    Import(import::ImportArgs),
}

/// Where it prints, and how.
struct Screen<'a> {
    out: &'a mut dyn Write,
    colour: bool,
    json: bool,
    /// Seconds since the Unix epoch: which prices hold and which models are retired.
    now: u64,
}

/// Runs the subcommand. `is_terminal` says whether `out` is one, and so may get colours.
pub fn run(
    args: &ModelsArgs,
    environment: &Environment,
    out: &mut dyn Write,
    is_terminal: bool,
) -> ExitCode {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    let mut screen = Screen {
        out,
        colour: is_terminal && environment.get(env::NO_COLOR).is_none(),
        json: args.json,
        now: now.as_secs(),
    };
    match execute(args, environment, &mut screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The reader of a pipe that has seen enough is no failure of ours.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn execute(
    args: &ModelsArgs,
    environment: &Environment,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let catalog = catalog(args.config.as_deref(), environment)?;
    match &args.command {
        None => list::run(&args.list, &catalog, screen),
        Some(ModelsCommand::Compare(args)) => compare::run(args, &catalog, screen),
        Some(ModelsCommand::Import(args)) => import::run(args, &catalog, screen),
    }
}

/// The built-in catalog with the files that the configuration adds. A configuration that nobody
/// named and that does not hold is left to `config check`.
fn catalog(
    named: Option<&std::path::Path>,
    environment: &Environment,
) -> anyhow::Result<Arc<Catalog>> {
    let Some(file) = config::find_file(named, environment) else {
        return Ok(Catalog::embedded());
    };
    let input = Input {
        file: Some(&file),
        listen: None,
        admin: None,
        environment,
    };
    match config::load(&input) {
        Ok(loaded) => Ok(loaded.settings.catalog),
        Err(report) if named.is_some() => {
            Err(anyhow::anyhow!("{}", report.to_text(false).trim_end()))
                .with_context(|| format!("{} does not hold", file.display()))
        }
        Err(_) => {
            let _ = writeln!(
                io::stderr(),
                "{} has mistakes (`polyroute config check` shows them): its `catalog` files are \
                 left out",
                file.display()
            );
            Ok(Catalog::embedded())
        }
    }
}

/// Something that a request can ask of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Need {
    /// Function tools.
    Tools,
    /// A JSON schema that the provider enforces.
    Schema,
    /// Thinking.
    Reasoning,
    /// Pictures as input.
    #[value(alias = "image")]
    Vision,
    /// Sound as input.
    Audio,
    /// PDF documents as input.
    Pdf,
    /// Video as input.
    Video,
}

impl Need {
    const ALL: [Self; 7] = [
        Self::Tools,
        Self::Schema,
        Self::Reasoning,
        Self::Vision,
        Self::Audio,
        Self::Pdf,
        Self::Video,
    ];

    const fn word(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Schema => "schema",
            Self::Reasoning => "reasoning",
            Self::Vision => "vision",
            Self::Audio => "audio",
            Self::Pdf => "pdf",
            Self::Video => "video",
        }
    }

    fn is_met(self, model: &ModelEntry) -> bool {
        let takes = &model.capabilities;
        let chat = matches!(model.kind, Kind::Chat | Kind::Responses);
        chat && match self {
            Self::Tools => takes.tools,
            Self::Schema => takes.json_schema != JsonSchemaSupport::No,
            Self::Reasoning => takes.reasoning != Reasoning::None,
            Self::Vision => takes.image_input,
            Self::Audio => takes.audio_input,
            Self::Pdf => takes.pdf_input,
            Self::Video => takes.video_input,
        }
    }

    /// What a model takes, in words.
    fn met(model: &ModelEntry) -> Vec<&'static str> {
        let met = Self::ALL.into_iter().filter(|need| need.is_met(model));
        met.map(Self::word).collect()
    }
}
