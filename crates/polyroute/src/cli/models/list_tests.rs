use clap::Parser;

use super::*;

/// 2026-11-20.
const NOW: u64 = 1_795_170_000;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    list: ListArgs,
}

fn listed(line: &str) -> Vec<String> {
    let words = std::iter::once("models").chain(line.split_whitespace());
    let args = Line::try_parse_from(words).unwrap().list;
    let catalog = Catalog::embedded();
    let rows = rows(&args, &catalog, NOW).unwrap();
    rows.iter()
        .map(|row| format!("{}/{}", row.provider, row.model.id))
        .collect()
}

#[test]
fn filters_narrow_and_combine() {
    let all = listed("--all");
    let usual = listed("");
    assert!(all.len() > 900 && usual.len() > 400 && usual.len() < all.len());
    let narrow =
        listed("--provider openai,anthropic --needs tools,vision --min-context 200k --max-price 5");
    assert!(
        narrow.contains(&"anthropic/claude-haiku-4-5".to_owned()),
        "{narrow:?}"
    );
    assert!(!narrow.contains(&"openai/gpt-3.5-turbo".to_owned()));
    assert!(narrow.iter().all(|name| usual.contains(name)));
}

#[test]
fn retired_models_are_shown_when_asked_for() {
    let retired = listed("--retired");
    assert!(retired.len() > 30);
    let usual = listed("");
    assert!(retired.iter().all(|name| !usual.contains(name)));
}

#[test]
fn what_a_provider_takes_over_is_shown_where_it_is_asked_for() {
    assert!(!listed("").contains(&"azure/gpt-5-mini".to_owned()));
    assert!(listed("--provider azure").contains(&"azure/gpt-5-mini".to_owned()));
}

#[test]
fn a_search_finds_other_names_of_a_model() {
    assert!(
        listed("--search mistral-large-latest").contains(&"mistral/mistral-large-2512".to_owned())
    );
    assert!(listed("--search dashscope-of-nobody").is_empty());
}

#[test]
fn an_order_by_price_puts_unknown_prices_last() {
    let catalog = Catalog::embedded();
    let args = Line::try_parse_from(["models", "--sort", "price", "--all"])
        .unwrap()
        .list;
    let rows = rows(&args, &catalog, NOW).unwrap();
    let known = rows.iter().take_while(|row| row.prices.is_some()).count();
    assert!(rows[known..].iter().all(|row| row.prices.is_none()));
    assert!(rows[..known].is_sorted_by_key(Row::price));
}

#[test]
fn an_unknown_price_is_a_question_mark_and_a_flag_and_never_zero() {
    let catalog = Catalog::embedded();
    let model = catalog
        .lookup("vllm", "openai/gpt-oss-120b")
        .unwrap()
        .entry
        .unwrap();
    let row = Row::new("vllm", model, NOW);
    assert!(render(std::slice::from_ref(&row), false).contains(" ? "));
    let json = row.json();
    assert_eq!(json["price_unknown"], true);
    assert!(json["prices_usd_per_million"].is_null());
}

#[test]
fn an_unknown_provider_is_told_the_known_ones() {
    let args = Line::try_parse_from(["models", "-p", "opnai"])
        .unwrap()
        .list;
    let Err(error) = rows(&args, &Catalog::embedded(), NOW) else {
        panic!("there is no such provider");
    };
    assert!(error.to_string().contains("openai, anthropic"));
}
