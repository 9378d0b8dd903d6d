use proptest::prelude::*;

use super::*;

fn prices(json: &str) -> Prices {
    serde_json::from_str(json).unwrap()
}

fn claude() -> Prices {
    prices(
        r#"{"input":"4","cached_input":"0.2","cache_write":"5","cache_write_1h":"8",
                "output":"20","searches":"10"}"#,
    )
}

fn tiered() -> Prices {
    prices(
        r#"{"input":"1.25","cached_input":"0.125","output":"10","audio_input":"2","tiers":
                [{"above":200000,"input":"2.5","cached_input":"0.25","output":"15"}]}"#,
    )
}

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        ..Usage::default()
    }
}

#[test]
fn case_43_cached_tokens_are_charged_once() {
    let usage = Usage {
        input: 1_000,
        cache_read: 600,
        cache_write: 300,
        cache_write_1h: 100,
        output: 50,
        reasoning: 40,
        searches: 2,
        ..Usage::default()
    };
    // 100 plain, 600 read, 200 written for 5 minutes, 100 for an hour, 50 out, 2 searches.
    let micro_usd =
        100 * 4_000_000 + 600 * 200_000 + 200 * 5_000_000 + 100 * 8_000_000 + 50 * 20_000_000;
    let expected = Money::from_pico_usd(micro_usd + 2 * 10_000_000_000);
    let cost = cost(&usage, Some(&claude()), None);
    assert_eq!((cost.amount, cost.unknown), (Some(expected), false));
}

#[test]
fn what_the_provider_invoices_is_charged_and_not_what_its_own_prompt_took() {
    let usage = Usage {
        input: 503,
        cache_read: 448,
        output: 11,
        billed: Some(polyroute_wire::usage::Billed {
            input: 8,
            output: 7,
        }),
        ..Usage::default()
    };
    let cost = cost(&usage, Some(&claude()), None);
    let expected = Money::from_pico_usd(8 * 4_000_000 + 7 * 20_000_000);
    assert_eq!((cost.amount, cost.unknown), (Some(expected), false));
}

#[test]
fn a_long_request_costs_more_from_its_first_token() {
    let at = |input| {
        cost(&usage(input, 1_000), Some(&tiered()), None)
            .amount
            .unwrap()
    };
    assert_eq!(at(200_000).to_string(), "0.26");
    assert_eq!(at(200_001).to_string(), "0.5150025");
}

#[test]
fn sound_has_its_own_price_where_there_is_one() {
    let usage = Usage {
        input_audio: 400,
        ..usage(1_000, 0)
    };
    let cost_at = |prices| cost(&usage, Some(&prices), None).amount.unwrap();
    assert_eq!(cost_at(tiered()).to_string(), "0.00155");
    assert_eq!(cost_at(claude()).to_string(), "0.004");
}

#[test]
fn an_unknown_price_is_said_and_is_not_zero() {
    let unpriced = cost(&usage(5, 5), None, None);
    assert_eq!((unpriced.amount, unpriced.unknown), (None, true));
    let embedding = prices(r#"{"input":"0.02"}"#);
    assert!(!cost(&usage(5, 0), Some(&embedding), None).unknown);
    assert_eq!(
        cost(&usage(5, 1), Some(&embedding), None).missing,
        ["output"]
    );
    let searched = Usage {
        searches: 1,
        ..usage(5, 5)
    };
    assert_eq!(cost(&searched, Some(&tiered()), None).missing, ["searches"]);
    let priority = cost(&usage(5, 5), Some(&claude()), Some("priority"));
    assert_eq!(
        (priority.unknown, priority.missing),
        (true, vec!["service_tier"])
    );
    assert!(!cost(&usage(5, 5), Some(&claude()), Some("ON_DEMAND")).unknown);
}

#[test]
fn who_charges_by_the_search_alone_is_not_free_where_none_is_counted() {
    let rerank = prices(r#"{"input":"0","searches":"2"}"#);
    let two = Usage {
        searches: 2,
        ..usage(900, 0)
    };
    let charged = cost(&two, Some(&rerank), None);
    assert_eq!(
        charged.amount.map(|usd| usd.to_string()).as_deref(),
        Some("0.004")
    );
    assert!(!charged.unknown);
    let uncounted = cost(&usage(900, 0), Some(&rerank), None);
    assert_eq!((uncounted.amount, uncounted.unknown), (None, true));
    assert_eq!(uncounted.missing, ["searches"]);
    // Tokens that are free beside free tokens are.
    let free = prices(r#"{"input":"0","output":"0"}"#);
    assert!(!cost(&usage(9, 9), Some(&free), None).unknown);
}

#[test]
fn a_misspelt_price_is_an_error() {
    assert!(serde_json::from_str::<Prices>(r#"{"input":"1","outptu":"2"}"#).is_err());
    assert!(serde_json::from_str::<Prices>(r#"{"input":1.5}"#).is_err());
}

prop_compose! {
    fn any_usage()(
        input in 0..1_u64 << 40, read in 0..1_u64 << 41, write in 0..1_u64 << 41,
        hour in 0..1_u64 << 41, output in 0..1_u64 << 40, audio in 0..1_u64 << 41,
        spoken in 0..1_u64 << 41, searches in 0..50_u64,
    ) -> Usage {
        Usage {
            input, cache_read: read, cache_write: write, cache_write_1h: hour, output,
            input_audio: audio, output_audio: spoken, searches, ..Usage::default()
        }
    }
}

proptest! {
    #[test]
    fn every_token_is_in_exactly_one_part(usage in any_usage()) {
        let parts = Parts::of(&usage);
        let input = parts.plain + parts.audio_input + parts.cache_read + parts.cache_write
            + parts.cache_write_1h;
        prop_assert_eq!(input, usage.input);
        prop_assert_eq!(parts.output + parts.audio_output, usage.output);
    }

    #[test]
    fn at_one_price_for_all_the_split_does_not_matter(usage in any_usage()) {
        let flat = prices(r#"{"input":"3","output":"3"}"#);
        let expected = u128::from(usage.total()) * 3_000_000;
        let cost = cost(&Usage { searches: 0, ..usage }, Some(&flat), None);
        prop_assert_eq!(cost.amount, Some(Money::from_pico_usd(expected)));
    }

    #[test]
    fn more_tokens_never_cost_less(usage in any_usage(), more in 0..1_u64 << 30) {
        for row in [claude(), tiered()] {
            let amount = |usage: &Usage| cost(usage, Some(&row), None).amount.unwrap();
            let before = amount(&usage);
            let mut longer = usage.clone();
            longer.output += more;
            prop_assert!(amount(&longer) >= before);
            // All parts of the input kept as they were, so that the new tokens are plain.
            let mut wider = usage.clone().checked();
            let parts = Parts::of(&wider);
            wider.cache_read = parts.cache_read;
            wider.cache_write = parts.cache_write + parts.cache_write_1h;
            wider.cache_write_1h = parts.cache_write_1h;
            wider.input_audio = parts.audio_input;
            let base = amount(&wider);
            wider.input += more;
            prop_assert!(amount(&wider) >= base);
        }
    }
}

#[test]
fn an_answer_that_was_thought_for_costs_more_where_the_provider_says_so() {
    let qwen = prices(r#"{"input":"0.4","output":"1.2","thinking_output":"4"}"#);
    let output = |reasoning| {
        let usage = Usage {
            output: 1_000_000,
            reasoning,
            ..Usage::default()
        };
        cost(&usage, Some(&qwen), None).amount.unwrap().to_string()
    };
    assert_eq!(
        (output(0), output(900_000)),
        ("1.2".to_owned(), "4".to_owned())
    );
}
