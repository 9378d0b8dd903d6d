//! `polyroute models compare`: models side by side, with what a request would cost.

use anyhow::bail;
use clap::Args;
use comfy_table::Cell;
use polyroute_engine::catalog::{Catalog, Match};
use polyroute_engine::money::{Money, TokenPrice};
use polyroute_engine::price::{Cost, Prices, cost};
use polyroute_wire::usage::Usage;
use serde_json::{Value, json};

use super::list::Row;
use super::table::{self, Tone};
use super::{Need, Screen};

/// Most models of one comparison: a terminal has no room for more.
const MODELS_MAX: usize = 8;

/// Which models, and for which requests.
#[derive(Debug, Clone, Args)]
pub(super) struct CompareArgs {
    /// The models, like gpt-4o-mini or anthropic/claude-haiku-4-5
    #[arg(required = true, value_name = "MODEL", num_args = 1..=MODELS_MAX)]
    models: Vec<String>,
    /// Input tokens of a request, cached ones included
    #[arg(long, value_name = "TOKENS", value_parser = table::count, default_value = "10k")]
    input: u64,
    /// How many of them come from the prompt cache
    #[arg(long, value_name = "TOKENS", value_parser = table::count, default_value = "0")]
    cached: u64,
    /// Output tokens of a request
    #[arg(long, value_name = "TOKENS", value_parser = table::count, default_value = "1k")]
    output: u64,
    /// How many such requests
    #[arg(long, value_name = "COUNT", value_parser = table::count, default_value = "1000")]
    requests: u64,
}

/// A model and what the requests cost on it.
struct Column<'a> {
    row: Row<'a>,
    cost: Cost,
}

pub(super) fn run(
    args: &CompareArgs,
    catalog: &Catalog,
    screen: &mut Screen<'_>,
) -> anyhow::Result<()> {
    let columns = columns(args, catalog, screen.now)?;
    if screen.json {
        let columns: Vec<Value> = columns.iter().map(|column| json(args, column)).collect();
        writeln!(screen.out, "{:#}", Value::Array(columns))?;
        return Ok(());
    }
    writeln!(screen.out, "{}", render(args, &columns, screen.colour))?;
    writeln!(screen.out, "\nprices in USD for a million tokens")?;
    let notes = columns.iter().filter_map(|column| {
        let note = column.row.model.note.as_ref()?;
        Some((&column.row.model.id, note))
    });
    for (id, note) in notes {
        writeln!(screen.out, "{id}: {note}")?;
    }
    Ok(())
}

fn columns<'a>(
    args: &CompareArgs,
    catalog: &'a Catalog,
    now: u64,
) -> anyhow::Result<Vec<Column<'a>>> {
    let usage = Usage {
        input: args.input,
        cache_read: args.cached.min(args.input),
        output: args.output,
        ..Usage::default()
    };
    let mut columns = Vec::with_capacity(args.models.len());
    for name in &args.models {
        let row = find(catalog, name, now)?;
        columns.push(Column {
            cost: cost(&usage, row.prices, None),
            row,
        });
    }
    Ok(columns)
}

/// The model of a name: `provider/model`, or a bare name of the first provider that lists it.
fn find<'a>(catalog: &'a Catalog, name: &str, now: u64) -> anyhow::Result<Row<'a>> {
    let listed = |provider: &str, model: &str| {
        let known = catalog.listed(provider, model)?;
        // Of a version that is not listed, the price is not known.
        (known.matched == Match::Listed)
            .then(|| {
                known
                    .entry
                    .map(|entry| Row::new(known.provider, entry, now))
            })
            .flatten()
    };
    let qualified = name.split_once('/').and_then(|(provider, model)| {
        let provider = catalog
            .entry(provider)
            .map_or(provider, |entry| &entry.name);
        listed(provider, model)
    });
    let bare = || {
        catalog
            .providers()
            .find_map(|provider| listed(provider, name))
    };
    if let Some(row) = qualified.or_else(bare) {
        return Ok(row);
    }
    let word = name.to_lowercase();
    let mut near: Vec<(f64, String)> = catalog
        .providers()
        .flat_map(|provider| catalog.models(provider).map(move |model| (provider, model)))
        .filter(|(_, model)| model.taken_from.is_none())
        .map(|(provider, model)| {
            let qualified = format!("{provider}/{}", model.id);
            let bare = strsim::jaro_winkler(&word, &model.id.to_lowercase());
            (bare.max(strsim::jaro_winkler(&word, &qualified)), qualified)
        })
        .filter(|(likeness, _)| *likeness > 0.9)
        .collect();
    near.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let near: Vec<String> = near.into_iter().map(|(_, name)| name).take(3).collect();
    if near.is_empty() {
        bail!("the catalog lists no model `{name}`; `polyroute models --search …` finds names");
    }
    bail!(
        "the catalog lists no model `{name}`; near it are {}",
        near.join(", ")
    )
}

fn json(args: &CompareArgs, column: &Column<'_>) -> Value {
    let mut value = column.row.json();
    if let Value::Object(fields) = &mut value {
        let total = column
            .cost
            .amount
            .map(|amount| times(amount, args.requests));
        fields.insert("request_usd".to_owned(), json!(column.cost.amount));
        fields.insert("total_usd".to_owned(), json!(total));
        fields.insert("cost_unknown".to_owned(), json!(column.cost.unknown));
        fields.insert("cost_lacks".to_owned(), json!(column.cost.missing));
    }
    value
}

fn times(amount: Money, count: u64) -> Money {
    Money::from_pico_usd(amount.pico_usd().saturating_mul(u128::from(count)))
}

fn render(args: &CompareArgs, columns: &[Column<'_>], colour: bool) -> String {
    let mut header = vec![String::new()];
    header.extend(
        columns
            .iter()
            .map(|column| format!("{}/{}", column.row.provider, column.row.model.id)),
    );
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let mut sheet = Sheet {
        table: table::new(&header),
        columns,
        colour,
    };
    sheet.count("window", |column| {
        column.row.model.capabilities.context_window
    });
    // Where nothing is said of it, the window is the only limit.
    sheet.fact("longest answer", |column| {
        let most = column.row.model.capabilities.max_output;
        (
            most.map_or_else(|| "-".to_owned(), table::tokens),
            Tone::Plain,
        )
    });
    sheet.price("input", |prices| Some(prices.input));
    sheet.price("cached input", |prices| prices.cached_input);
    sheet.price("cache write", |prices| prices.cache_write);
    sheet.price("output", |prices| prices.output);
    sheet.fact("long requests", |column| (long(column), Tone::Plain));
    sheet.fact("batch", |column| (batch(column), Tone::Plain));
    sheet.fact("takes", |column| {
        (Need::met(column.row.model).join(" "), Tone::Plain)
    });
    sheet.fact("regions", |column| {
        (or_dash(&column.row.model.regions.join(" ")), Tone::Plain)
    });
    sheet.fact("released", |column| {
        let day = column.row.model.released.as_deref();
        (or_dash(day.unwrap_or_default()), Tone::Plain)
    });
    sheet.fact("state", |column| column.row.state());
    sheet.fact("price as of", |column| {
        let figure = &column.row.model.sources.prices;
        match column.row.prices {
            Some(_) => (format!("{}, {}", figure.as_of, figure.title), Tone::Plain),
            None => ("unknown".to_owned(), Tone::Careful),
        }
    });
    let (input, output) = (table::tokens(args.input), table::tokens(args.output));
    let cached = match args.cached {
        0 => String::new(),
        cached => format!(" ({} cached)", table::tokens(cached)),
    };
    let what = format!("{} × {input}{cached} in, {output} out", args.requests);
    sheet.line(&what, costs(args, columns, colour));
    sheet.table.trim_fmt()
}

/// The table while its lines are added.
struct Sheet<'a> {
    table: comfy_table::Table,
    columns: &'a [Column<'a>],
    colour: bool,
}

impl Sheet<'_> {
    fn line(&mut self, name: &str, cells: Vec<Cell>) {
        let mut row = vec![Cell::new(name)];
        row.extend(cells);
        self.table.add_row(row);
    }

    /// Counts of tokens, of which the largest is best.
    fn count(&mut self, name: &str, value: fn(&Column<'_>) -> Option<u64>) {
        let best = self.columns.iter().filter_map(value).max();
        let cell = |column: &Column<'_>| {
            let value = value(column);
            let tone = tone(value, best, self.columns);
            table::figure(value.map(table::tokens), tone, self.colour)
        };
        let cells = self.columns.iter().map(cell).collect();
        self.line(name, cells);
    }

    /// Prices, of which the lowest is best.
    fn price(&mut self, name: &str, value: fn(&Prices) -> Option<TokenPrice>) {
        let of = |column: &Column<'_>| column.row.prices.and_then(value);
        let best = self.columns.iter().filter_map(of).min();
        let cell = |column: &Column<'_>| match (column.row.prices, of(column)) {
            (Some(_), None) => table::figure(Some("-"), Tone::Plain, self.colour),
            (_, value) => table::figure(value, tone(value, best, self.columns), self.colour),
        };
        let cells = self.columns.iter().map(cell).collect();
        self.line(name, cells);
    }

    fn fact(&mut self, name: &str, value: fn(&Column<'_>) -> (String, Tone)) {
        let cell = |column: &Column<'_>| {
            let (words, tone) = value(column);
            table::text(words, tone, self.colour)
        };
        let cells = self.columns.iter().map(cell).collect();
        self.line(name, cells);
    }
}

/// The best of a row is green, if there is a choice and a difference.
fn tone<T: PartialEq>(value: Option<T>, best: Option<T>, columns: &[Column<'_>]) -> Tone {
    if columns.len() > 1 && value.is_some() && value == best {
        Tone::Good
    } else {
        Tone::Plain
    }
}

fn costs(args: &CompareArgs, columns: &[Column<'_>], colour: bool) -> Vec<Cell> {
    let known = |column: &Column<'_>| column.cost.amount.filter(|_| !column.cost.unknown);
    let best = columns.iter().filter_map(known).min();
    let cell = |column: &Column<'_>| {
        let total = column
            .cost
            .amount
            .map(|amount| times(amount, args.requests));
        match (total, column.cost.unknown) {
            (Some(total), true) => {
                let lacks = column.cost.missing.join(", ");
                table::text(
                    format!("{total} USD and more: {lacks}"),
                    Tone::Careful,
                    colour,
                )
            }
            (total, _) => {
                let total = total.map(|total| format!("{total} USD"));
                table::figure(total, tone(known(column), best, columns), colour)
            }
        }
    };
    columns.iter().map(cell).collect()
}

fn long(column: &Column<'_>) -> String {
    let tiers = column.row.prices.map(|prices| prices.tiers.as_slice());
    let tiers = tiers.unwrap_or_default().iter().map(|tier| {
        let show = |price: Option<TokenPrice>| {
            price.map_or_else(|| "-".to_owned(), |price| price.to_string())
        };
        let (input, output) = (show(tier.input), show(tier.output));
        format!(
            "over {}: {input} in, {output} out",
            table::tokens(tier.above)
        )
    });
    or_dash(&tiers.collect::<Vec<_>>().join("; "))
}

fn batch(column: &Column<'_>) -> String {
    let percent = column.row.prices.and_then(|prices| prices.batch_percent);
    percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent} %"))
}

fn or_dash(text: &str) -> String {
    if text.is_empty() {
        "-".to_owned()
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// 2026-11-20.
    const NOW: u64 = 1_795_170_000;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        compare: CompareArgs,
    }

    fn args(line: &str) -> CompareArgs {
        let words = std::iter::once("compare").chain(line.split_whitespace());
        Line::try_parse_from(words).unwrap().compare
    }

    #[test]
    fn models_stand_side_by_side_with_what_the_requests_cost() {
        let args = args("gpt-4o-mini google/gemini-2.5-flash --input 1M --output 1M --requests 2");
        let catalog = Catalog::embedded();
        let columns = columns(&args, &catalog, NOW).unwrap();
        let total = |at: usize| times(columns[at].cost.amount.unwrap(), args.requests).to_string();
        // 0.15 + 0.6 and 0.3 + 2.5, twice.
        assert_eq!((total(0), total(1)), ("1.5".to_owned(), "5.6".to_owned()));
        let shown = render(&args, &columns, false);
        for expected in [
            "openai/gpt-4o-mini",
            "gemini/gemini-2.5-flash",
            "1.5 USD",
            "0.075",
            "128k",
        ] {
            assert!(shown.contains(expected), "{expected} in\n{shown}");
        }
    }

    #[test]
    fn cached_tokens_cost_what_cached_tokens_cost() {
        let args = args("gpt-4o-mini --input 1M --cached 1M --output 0");
        let catalog = Catalog::embedded();
        let columns = columns(&args, &catalog, NOW).unwrap();
        assert_eq!(columns[0].cost.amount.unwrap().to_string(), "0.075");
    }

    #[test]
    fn an_unknown_price_is_no_cost_of_zero_and_never_the_cheapest() {
        let args = args("gpt-4o-mini vllm/openai/gpt-oss-120b sonar");
        let catalog = Catalog::embedded();
        let columns = columns(&args, &catalog, NOW).unwrap();
        assert!(columns[1].cost.unknown && columns[1].cost.amount.is_none());
        // Perplexity charges each request as well.
        assert!(columns[2].cost.unknown && columns[2].cost.missing == ["per_call_fee"]);
        let shown = render(&args, &columns, false);
        assert!(shown.contains("and more: per_call_fee"), "{shown}");
        assert!(json(&args, &columns[1])["total_usd"].is_null());
    }

    #[test]
    fn a_name_that_is_not_listed_is_told_the_nearest() {
        let error = |name: &str| {
            let Err(error) = find(&Catalog::embedded(), name, NOW) else {
                panic!("{name} is listed");
            };
            error.to_string()
        };
        assert!(error("gpt-4o-minni").contains("openai/gpt-4o-mini"));
        assert!(error("xyzzy").contains("--search"));
    }
}
