//! `polyroute models import`: LiteLLM's price file held against the catalog. Writes nothing unless
//! told to; then one file a provider, in the catalog's own format, for `catalog:` of the
//! configuration.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use polyroute_engine::catalog::{Catalog, Kind, Match, ModelEntry};
use polyroute_engine::money::TokenPrice;
use serde_json::{Map, Value, json};

use super::Screen;
use super::litellm::{self, Figures, Model};
use super::table::{self, Tone};

/// Largest file that is read: the public one has 1.5 MB.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// Lines of the table; the rest is counted.
const LINES_MAX: usize = 60;

/// Which file, and what to do with it.
#[derive(Debug, Clone, Args)]
pub(super) struct ImportArgs {
    /// LiteLLM's `model_prices_and_context_window.json`
    file: PathBuf,
    /// Only of these providers
    #[arg(long, short, value_name = "NAME", value_delimiter = ',')]
    provider: Vec<String>,
    /// Only changes of these kinds
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Change>,
    /// Show every line
    #[arg(long)]
    all: bool,
    /// Write what is new and what changed as catalog files into this folder, one a provider
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// What the file says of a model that the catalog does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
enum Change {
    /// The catalog does not list it.
    New,
    /// Another price, or a price where none was known.
    Price,
    /// Another window or longest answer.
    Window,
    /// The catalog lists it and the file does not.
    Gone,
}

impl Change {
    const fn word(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Price => "price",
            Self::Window => "window",
            Self::Gone => "gone",
        }
    }
}

/// A line of the table.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    change: Change,
    provider: String,
    id: String,
    figure: &'static str,
    ours: Option<String>,
    theirs: Option<String>,
    /// It costs more, or is smaller, than the catalog says.
    worse: bool,
}

pub(super) fn run(
    args: &ImportArgs,
    catalog: &Catalog,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let size = std::fs::metadata(&args.file)
        .with_context(|| format!("can't read {}", args.file.display()))?
        .len();
    if size > FILE_BYTES_MAX {
        bail!(
            "{} has {size} bytes; at most {FILE_BYTES_MAX} are read",
            args.file.display()
        );
    }
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("can't read {}", args.file.display()))?;
    let mut file = litellm::read(&text, catalog)
        .with_context(|| format!("{} is no price file of LiteLLM's", args.file.display()))?;
    if !args.provider.is_empty() {
        let wanted: Vec<&str> = args
            .provider
            .iter()
            .map(|name| {
                catalog
                    .entry(name)
                    .map_or(name.as_str(), |entry| &entry.name)
            })
            .collect();
        file.models
            .retain(|model| wanted.contains(&model.provider.as_str()));
    }
    let mut found = differences(&file.models, catalog, screen.now);
    if !args.only.is_empty() {
        found.retain(|difference| args.only.contains(&difference.change));
    }
    if screen.json {
        let lines: Vec<Value> = found.iter().map(as_json).collect();
        writeln!(screen.out, "{:#}", Value::Array(lines))?;
    } else {
        let shown = if args.all { found.len() } else { LINES_MAX };
        print(&found, shown, &file, screen)?;
    }
    if let Some(folder) = &args.write {
        let written = write(folder, &file.models, &found, catalog, screen.now)?;
        for path in written {
            writeln!(screen.out, "wrote {}", path.display())?;
        }
    }
    Ok(())
}

/// Everything in which the file differs, by kind of change and provider.
fn differences(models: &[Model], catalog: &Catalog, now: u64) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut met: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for model in models {
        let ids = met.entry(&model.provider).or_default();
        let known = catalog
            .listed(&model.provider, &model.id)
            .filter(|known| known.matched == Match::Listed);
        match known.and_then(|known| known.entry) {
            Some(entry) => {
                ids.insert(&entry.id);
                compare(model, entry, now, &mut found);
            }
            None => {
                let theirs = Some(summary(&model.figures));
                found.push(Difference::new(Change::New, model, "", None, theirs));
            }
        }
    }
    for (provider, ids) in met {
        let ours = catalog.models(provider);
        let gone = ours.filter(|model| {
            model.kind == Kind::Chat && model.taken_from.is_none() && !ids.contains(&*model.id)
        });
        found.extend(gone.map(|model| Difference {
            change: Change::Gone,
            provider: provider.to_owned(),
            id: model.id.clone(),
            figure: "",
            ours: Some("listed".to_owned()),
            theirs: None,
            worse: false,
        }));
    }
    found.sort_by(|a, b| (a.change, &a.provider, &a.id).cmp(&(b.change, &b.provider, &b.id)));
    found
}

impl Difference {
    fn new(
        change: Change,
        model: &Model,
        figure: &'static str,
        ours: Option<String>,
        theirs: Option<String>,
    ) -> Self {
        Self {
            change,
            provider: model.provider.clone(),
            id: model.id.clone(),
            figure,
            ours,
            theirs,
            worse: false,
        }
    }
}

/// What the file says of a listed model. What it does not say, it does not change.
fn compare(model: &Model, entry: &ModelEntry, now: u64, found: &mut Vec<Difference>) {
    let prices = entry.prices_at(now);
    let theirs = &model.figures;
    let figures = [
        ("input", prices.map(|it| it.input), theirs.input),
        (
            "cached input",
            prices.and_then(|it| it.cached_input),
            theirs.cached_input,
        ),
        (
            "cache write",
            prices.and_then(|it| it.cache_write),
            theirs.cache_write,
        ),
        (
            "cache write 1h",
            prices.and_then(|it| it.cache_write_1h),
            theirs.cache_write_1h,
        ),
        ("output", prices.and_then(|it| it.output), theirs.output),
    ];
    for (figure, ours, theirs) in figures {
        if theirs.is_some() && theirs != ours {
            let show = |price: Option<TokenPrice>| price.map(|price| price.to_string());
            let worse = ours.is_some() && theirs > ours;
            let new = Difference::new(Change::Price, model, figure, show(ours), show(theirs));
            found.push(Difference { worse, ..new });
        }
    }
    let takes = &entry.capabilities;
    let limits = [
        ("window", takes.context_window, theirs.context_window),
        ("longest answer", takes.max_output, theirs.max_output),
    ];
    for (figure, ours, theirs) in limits {
        if theirs.is_some() && theirs != ours {
            let show = |count: Option<u64>| count.map(|count| count.to_string());
            let worse = theirs < ours;
            let new = Difference::new(Change::Window, model, figure, show(ours), show(theirs));
            found.push(Difference { worse, ..new });
        }
    }
}

fn summary(figures: &Figures) -> String {
    let price =
        |price: Option<TokenPrice>| price.map_or_else(|| "?".to_owned(), |price| price.to_string());
    let window = figures
        .context_window
        .map_or_else(|| "?".to_owned(), table::tokens);
    format!(
        "{} in, {} out, window {window}",
        price(figures.input),
        price(figures.output)
    )
}

fn as_json(difference: &Difference) -> Value {
    json!({
        "change": difference.change.word(),
        "provider": difference.provider,
        "model": difference.id,
        "figure": difference.figure,
        "ours": difference.ours,
        "theirs": difference.theirs,
    })
}

fn print(
    found: &[Difference],
    shown: usize,
    file: &litellm::File,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let colour = screen.colour;
    let mut table = table::new(&["change", "model", "figure", "catalog", "file"]);
    for difference in found.iter().take(shown) {
        let tone = match difference.change {
            Change::New => Tone::Good,
            Change::Gone => Tone::Careful,
            Change::Price | Change::Window if difference.worse => Tone::Bad,
            Change::Price | Change::Window => Tone::Plain,
        };
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.add_row([
            table::text(difference.change.word(), tone, colour),
            table::text(
                format!("{}/{}", difference.provider, difference.id),
                Tone::Plain,
                colour,
            ),
            table::text(difference.figure, Tone::Plain, colour),
            table::text(or_dash(&difference.ours), Tone::Plain, colour),
            table::text(or_dash(&difference.theirs), tone, colour),
        ]);
    }
    if !found.is_empty() {
        writeln!(screen.out, "{}", table.trim_fmt())?;
    }
    if found.len() > shown {
        writeln!(
            screen.out,
            "… and {} more: --all shows them",
            found.len() - shown
        )?;
    }
    let count = |change| found.iter().filter(|it| it.change == change).count();
    writeln!(
        screen.out,
        "\n{} models read: {} new, {} prices and {} limits differ, {} of ours are not in the file",
        file.models.len(),
        count(Change::New),
        count(Change::Price),
        count(Change::Window),
        count(Change::Gone)
    )?;
    let foreign: usize = file.foreign.values().sum();
    writeln!(
        screen.out,
        "not read: {foreign} of {} providers that the catalog has no section for, {} that are \
         neither chat nor embeddings",
        file.foreign.len(),
        file.other_kinds
    )?;
    Ok(())
}

/// Writes a layer for each provider that something differs of. Gives the paths.
fn write(
    folder: &Path,
    models: &[Model],
    found: &[Difference],
    catalog: &Catalog,
    now: u64,
) -> anyhow::Result<Vec<PathBuf>> {
    let changed: BTreeSet<(&str, &str)> = found
        .iter()
        .filter(|difference| difference.change != Change::Gone)
        .map(|difference| (difference.provider.as_str(), difference.id.as_str()))
        .collect();
    let mut layers: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
    for model in models {
        if changed.contains(&(model.provider.as_str(), model.id.as_str())) {
            let (id, entry) = entry(model, catalog, now);
            layers
                .entry(&model.provider)
                .or_default()
                .entry(id)
                .or_insert(entry);
        }
    }
    std::fs::create_dir_all(folder).with_context(|| format!("can't make {}", folder.display()))?;
    let seconds = i64::try_from(now).unwrap_or_default();
    let today = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    let today = today.strftime("%Y-%m-%d").to_string();
    let mut written = Vec::new();
    for (provider, entries) in layers {
        let text = layer(provider, &today, entries.into_values());
        // What is written must be readable, or nothing is written.
        Catalog::clone(catalog)
            .with_file(&text)
            .with_context(|| format!("what the file says of {provider} does not fit"))?;
        let path = folder.join(format!("{provider}.json"));
        std::fs::write(&path, text).with_context(|| format!("can't write {}", path.display()))?;
        written.push(path);
    }
    Ok(written)
}

/// A catalog file over the built-in one, a line a model.
fn layer(provider: &str, today: &str, entries: impl Iterator<Item = Value>) -> String {
    let source = json!({
        "title": "LiteLLM, model_prices_and_context_window.json",
        "url": "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json",
        "read": today,
    });
    let lines: Vec<String> = entries.map(|entry| format!("    {entry}")).collect();
    format!(
        "{{\n  \"format\": 1,\n  \"provider\": \"{provider}\",\n  \"as_of\": \"{today}\",\n  \
         \"sources\": {{\"litellm\": {source}}},\n  \"source\": \"litellm\",\n  \
         \"extends\": [{{\"provider\": \"{provider}\"}}],\n  \"models\": [\n{}\n  ]\n}}\n",
        lines.join(",\n")
    )
}

/// A model as a catalog file writes it, under the name that the catalog lists it by.
fn entry(model: &Model, catalog: &Catalog, now: u64) -> (String, Value) {
    let known = catalog
        .listed(&model.provider, &model.id)
        .filter(|known| known.matched == Match::Listed)
        .and_then(|known| known.entry);
    let mut fields = Map::new();
    let mut set = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    let id = known.map_or(&model.id, |entry| &entry.id).clone();
    set("id", json!(id));
    if known.is_none() {
        let family = catalog.family(&model.provider, &model.id);
        set("family", json!(family));
        set("kind", json!(model.kind));
    }
    let figures = &model.figures;
    for (key, value) in [
        ("context_window", figures.context_window),
        ("max_output", figures.max_output),
    ] {
        if let Some(value) = value {
            set(key, json!(value));
        }
    }
    // Tiers, searches and the like, which this file is not read for, stay as they are.
    let mut prices = known
        .and_then(|entry| entry.prices_at(now))
        .and_then(|prices| serde_json::to_value(prices).ok())
        .unwrap_or(Value::Null);
    if let Some(input) = figures.input {
        if prices.is_null() {
            prices = json!({});
        }
        for (key, value) in [
            ("input", Some(input)),
            ("cached_input", figures.cached_input),
            ("cache_write", figures.cache_write),
            ("cache_write_1h", figures.cache_write_1h),
            ("output", figures.output),
        ] {
            if let (Some(value), Value::Object(prices)) = (value, &mut prices) {
                prices.insert(key.to_owned(), json!(value));
            }
        }
    }
    if !prices.is_null() || known.is_none() {
        set("prices", prices);
    }
    if let Some(source) = &model.source {
        set("note", json!(format!("the price file names {source}")));
    }
    (id, Value::Object(fields))
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
