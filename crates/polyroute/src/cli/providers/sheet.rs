//! The tables of `polyroute providers list` and `show`.

use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use polyroute_engine::catalog::{Catalog, Kind};

use crate::config::env::{self, Environment};
use crate::config::problem::nearest;
use crate::providers::{FEATURES, Group, Outcome, Sheet, sheets_of};

/// A table that fits the terminal.
pub(super) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.to_vec());
    table
}

fn cell(text: impl Into<String>, shade: Color, colour: bool) -> Cell {
    let cell = Cell::new(text.into());
    if colour { cell.fg(shade) } else { cell }
}

/// All known providers.
pub(super) fn list(environment: &Environment, colour: bool) -> String {
    let catalog = Catalog::embedded();
    let on: Vec<String> = env::discover(&catalog, environment)
        .into_iter()
        .map(|found| found.name)
        .collect();
    let mut table = table(&["provider", "speaks", "models", "key in", "on"]);
    for entry in catalog.entries() {
        let connection = &entry.connection;
        let is_on = on.contains(&entry.name);
        let chat = catalog
            .models(&entry.name)
            .filter(|model| model.kind == Kind::Chat)
            .count();
        let key = connection.key_variables.first().map_or("-", String::as_str);
        table.add_row([
            Cell::new(&entry.name),
            Cell::new(connection.dialect.as_str()),
            Cell::new(chat),
            Cell::new(key),
            if is_on {
                cell("yes", Color::Green, colour)
            } else {
                Cell::new("-")
            },
        ]);
    }
    format!(
        "{table}\n\nA provider is on when its variable is set, or where the configuration lists it.\n\
         What one is sent: polyroute providers show NAME. Whether yours work: polyroute providers check"
    )
}

/// What becomes of every feature at one provider.
pub(super) fn show(name: &str, model: Option<&str>, colour: bool) -> anyhow::Result<String> {
    let catalog = Catalog::embedded();
    let Some(entry) = catalog.entry(name) else {
        let names = catalog.entries().map(|entry| entry.name.as_str());
        let hint = nearest(name, names).map_or_else(
            || "`polyroute providers list` has their names".to_owned(),
            |found| format!("did you mean `{found}`?"),
        );
        anyhow::bail!("no provider is called `{name}`; {hint}");
    };
    let sheets = sheets_of(&catalog, entry, model);
    let tables: Vec<String> = sheets.iter().map(|sheet| one(sheet, colour)).collect();
    Ok(tables.join("\n\n"))
}

fn one(sheet: &Sheet, colour: bool) -> String {
    let mut table = table(&["", "feature", "what becomes of it"]);
    for group in Group::ALL {
        let rows = FEATURES.iter().zip(&sheet.outcomes);
        for (feature, outcome) in rows.filter(|(feature, _)| feature.group == *group) {
            let shade = match outcome {
                Outcome::Passes | Outcome::Implied => Color::Green,
                Outcome::Maps(_) => Color::Cyan,
                Outcome::Changes(_) | Outcome::LeftOut => Color::Yellow,
                Outcome::Refused(_) => Color::Red,
            };
            table.add_row([
                cell(outcome.sign(), shade, colour),
                Cell::new(feature.name),
                Cell::new(outcome.describe()),
            ]);
        }
    }
    format!(
        "{}/{}{}, spoken: {}\n{table}",
        sheet.provider,
        sheet.model,
        sheet.under(),
        sheet.dialects.join(", ")
    )
}
