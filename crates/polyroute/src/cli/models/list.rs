//! `polyroute models`: the table of models.

use anyhow::bail;
use clap::{Args, ValueEnum};
use polyroute_engine::catalog::{Catalog, Kind, ModelEntry};
use polyroute_engine::money::TokenPrice;
use polyroute_engine::price::Prices;
use serde_json::{Value, json};

use super::table::{self, Tone};
use super::{Need, Screen};

/// Which models, in which order.
#[derive(Debug, Clone, Args)]
pub(super) struct ListArgs {
    /// Only of these providers
    #[arg(long, short, value_name = "NAME", value_delimiter = ',')]
    provider: Vec<String>,
    /// Only those whose name holds this text
    #[arg(long, short, value_name = "TEXT")]
    search: Option<String>,
    /// Only those that take all of these
    #[arg(long, short, value_enum, value_delimiter = ',')]
    needs: Vec<Need>,
    /// Only those with a window of so many tokens, like 200k
    #[arg(long, value_name = "TOKENS", value_parser = table::count)]
    min_context: Option<u64>,
    /// Only those whose price is known and at most this for a million tokens of output (of input
    /// where there is no output), in USD
    #[arg(long, value_name = "USD")]
    max_price: Option<TokenPrice>,
    /// Only retired and deprecated ones
    #[arg(long, conflicts_with = "all")]
    retired: bool,
    /// Retired, deprecated and non-chat ones too, and what a provider takes over from another
    #[arg(long)]
    all: bool,
    /// The order
    #[arg(long, value_enum, default_value_t = Sort::Provider)]
    sort: Sort,
}

/// Orders of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// As the provider's file has them, newest first as a rule.
    Provider,
    /// By name.
    Name,
    /// Cheapest output first, unknown prices last.
    Price,
    /// Widest window first.
    Context,
    /// Newest first.
    Released,
}

/// A line of the table.
pub(super) struct Row<'a> {
    pub(super) provider: &'a str,
    pub(super) model: &'a ModelEntry,
    pub(super) prices: Option<&'a Prices>,
    pub(super) retired: bool,
}

impl<'a> Row<'a> {
    pub(super) fn new(provider: &'a str, model: &'a ModelEntry, now: u64) -> Self {
        Self {
            provider,
            model,
            prices: model.prices_at(now),
            retired: model.retired_at(now),
        }
    }

    /// What a million tokens of output cost, or of input where there is no output.
    fn price(&self) -> Option<TokenPrice> {
        let prices = self.prices?;
        Some(prices.output.unwrap_or(prices.input))
    }

    /// What is to be said of it, and how.
    pub(super) fn state(&self) -> (String, Tone) {
        let model = self.model;
        match (&model.retires, self.retired) {
            (Some(day), true) => (format!("retired {day}"), Tone::Bad),
            (Some(day), false) => (format!("retires {day}"), Tone::Careful),
            (None, _) if model.deprecated => ("deprecated".to_owned(), Tone::Careful),
            (None, _) => match model.kind {
                Kind::Chat => (String::new(), Tone::Plain),
                Kind::Embedding => ("embeddings".to_owned(), Tone::Plain),
                Kind::Rerank => ("reranking".to_owned(), Tone::Plain),
                Kind::Moderation => ("moderations".to_owned(), Tone::Plain),
                Kind::Responses => ("responses only".to_owned(), Tone::Plain),
                Kind::Completion => ("completions".to_owned(), Tone::Plain),
                Kind::Other => ("no chat".to_owned(), Tone::Plain),
            },
        }
    }

    pub(super) fn json(&self) -> Value {
        let model = self.model;
        let figure = |figure: &polyroute_engine::catalog::Figure| json!({"source": figure.title, "url": figure.url, "as_of": figure.as_of});
        json!({
            "provider": self.provider,
            "model": model.id,
            "aliases": model.aliases,
            "kind": model.kind,
            "context_window": model.capabilities.context_window,
            "max_output": model.capabilities.max_output,
            "input": model.input,
            "output": model.output,
            "takes": Need::met(model),
            "regions": model.regions,
            "prices_usd_per_million": self.prices,
            "price_unknown": self.prices.is_none(),
            "released": model.released,
            "retires": model.retires,
            "retired": self.retired,
            "deprecated": model.deprecated,
            "note": model.note,
            "sources": {
                "prices": figure(&model.sources.prices),
                "limits": figure(&model.sources.limits),
                "modalities": figure(&model.sources.modalities),
                "dates": figure(&model.sources.dates),
            },
        })
    }
}

pub(super) fn run(
    args: &ListArgs,
    catalog: &Catalog,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let rows = rows(args, catalog, screen.now)?;
    if screen.json {
        let rows: Vec<Value> = rows.iter().map(Row::json).collect();
        writeln!(screen.out, "{:#}", Value::Array(rows))?;
        return Ok(());
    }
    let unknown = rows.iter().filter(|row| row.prices.is_none()).count();
    if !rows.is_empty() {
        writeln!(screen.out, "{}", render(&rows, screen.colour))?;
    }
    let mut summary = format!("{} models", rows.len());
    if unknown > 0 {
        summary += &format!(", the price of {unknown} unknown (?)");
    }
    writeln!(
        screen.out,
        "\n{summary}; prices in USD for a million tokens"
    )?;
    Ok(())
}

/// The models that were asked for.
fn rows<'a>(args: &ListArgs, catalog: &'a Catalog, now: u64) -> anyhow::Result<Vec<Row<'a>>> {
    let mut wanted = Vec::new();
    for name in &args.provider {
        let known = catalog.entry(name).map(|entry| entry.name.as_str());
        let found = known.or_else(|| {
            catalog
                .providers()
                .find(|provider| provider.eq_ignore_ascii_case(name))
        });
        let Some(provider) = found else {
            let names: Vec<&str> = catalog.providers().collect();
            bail!(
                "the catalog has no provider `{name}`: it has {}",
                names.join(", ")
            );
        };
        wanted.push(provider);
    }
    let search = args.search.as_ref().map(|text| text.to_lowercase());
    let keep = |row: &Row<'_>| {
        let model = row.model;
        let old = row.retired || model.deprecated;
        let shown = if args.retired {
            old
        } else {
            args.all || (!old && model.kind != Kind::Other)
        };
        // What azure takes over from openai is a line of openai's, unless azure is asked for.
        let own = args.all || !wanted.is_empty() || model.taken_from.is_none();
        let names = || std::iter::once(&model.id).chain(&model.aliases);
        let found = |text: &String| {
            format!("{}/{}", row.provider, model.id)
                .to_lowercase()
                .contains(text)
                || names().any(|name| name.to_lowercase().contains(text))
        };
        shown
            && own
            && search.as_ref().is_none_or(found)
            && args.needs.iter().all(|need| need.is_met(model))
            && args.min_context.is_none_or(|least| {
                model
                    .capabilities
                    .context_window
                    .is_some_and(|window| window >= least)
            })
            && args
                .max_price
                .is_none_or(|most| row.price().is_some_and(|price| price <= most))
    };
    let providers = catalog
        .providers()
        .filter(|provider| wanted.is_empty() || wanted.contains(provider));
    let mut rows: Vec<Row<'_>> = providers
        .flat_map(|provider| {
            catalog
                .models(provider)
                .map(move |model| Row::new(provider, model, now))
        })
        .filter(keep)
        .collect();
    match args.sort {
        Sort::Provider => {}
        Sort::Name => rows.sort_by(|a, b| a.model.id.cmp(&b.model.id)),
        Sort::Price => rows.sort_by_key(|row| (row.price().is_none(), row.price())),
        Sort::Context => {
            rows.sort_by_key(|row| std::cmp::Reverse(row.model.capabilities.context_window))
        }
        Sort::Released => rows.sort_by(|a, b| b.model.released.cmp(&a.model.released)),
    }
    Ok(rows)
}

fn render(rows: &[Row<'_>], colour: bool) -> String {
    let header = [
        "model", "window", "longest", "input", "cached", "output", "takes", "released", "",
    ];
    let mut table = table::new(&header);
    for row in rows {
        let (state, tone) = row.state();
        let takes = &row.model.capabilities;
        let plain = |value: Option<String>| table::figure(value, Tone::Plain, colour);
        let price = |price: Option<TokenPrice>| price.map(|price| price.to_string());
        let prices = row.prices;
        // A price that there is none of is no unknown one.
        let part = |value: Option<TokenPrice>| match prices {
            None => plain(None),
            Some(_) => plain(Some(price(value).unwrap_or_else(|| "-".to_owned()))),
        };
        let longest = takes
            .max_output
            .map_or_else(|| "-".to_owned(), table::tokens);
        table.add_row([
            table::text(format!("{}/{}", row.provider, row.model.id), tone, colour),
            plain(takes.context_window.map(table::tokens)),
            plain(Some(longest)),
            part(prices.map(|it| it.input)),
            part(prices.and_then(|it| it.cached_input)),
            part(prices.and_then(|it| it.output)),
            table::text(Need::met(row.model).join(" "), Tone::Plain, colour),
            table::text(
                row.model.released.as_deref().unwrap_or("-"),
                Tone::Plain,
                colour,
            ),
            table::text(state, tone, colour),
        ]);
    }
    table.trim_fmt()
}

#[cfg(test)]
#[path = "list_tests.rs"]
mod tests;
