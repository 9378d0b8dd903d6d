//! Whose key it is, and what its look-up tells (S2, S3, S21).

use std::hint::black_box;
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use polyroute::config::env::Environment;
use polyroute::config::{self, Input};
use polyroute::pipeline::KeyRing;
use serde_json::json;

use crate::kit::{CHAT, OPENAI, honest_beside, scaled};
use crate::program::Program;
use crate::raw::{Raw, head};
use crate::support::{CALLER, Lab, Plan, ask};

/// The key ring of a configuration with these keys, named `k0`, `k1` ...
fn ring(secrets: &[&str]) -> KeyRing {
    let list: Vec<String> = secrets
        .iter()
        .enumerate()
        .map(|(at, secret)| format!("  - {{ name: k{at}, secret: \"{secret}\" }}\n"))
        .collect();
    let text = format!(
        "providers:\n  openai: {{ base_url: \"http://127.0.0.1:9/v1\", credentials: [\"key-of-the-provider\"] }}\nkeys:\n{}",
        list.concat()
    );
    let environment: Environment = std::iter::empty::<(&str, &str)>().collect();
    let input = Input {
        file: None,
        listen: None,
        admin: None,
        environment: &environment,
    };
    let loaded = config::load_text(Some("test.yaml"), &text, std::path::Path::new(""), &input);
    let loaded = loaded.unwrap_or_else(|report| panic!("{}", report.to_text(false)));
    KeyRing::new(&loaded.settings.keys)
}

fn bearer(key: &[u8]) -> HeaderMap {
    let value = HeaderValue::from_bytes(&[b"Bearer ", key].concat()).unwrap();
    HeaderMap::from_iter([(header::AUTHORIZATION, value)])
}

/// What timing could tell is not there to be told: keys are found by a digest under a salt of the
/// process, so that no compare ever sees two keys with a common beginning.
#[test]
fn row_s2_keys_are_looked_up_by_a_salted_digest() {
    let (first, second) = (ring(&[CALLER]), ring(&[CALLER]));
    for ring in [&first, &second] {
        assert_eq!(
            ring.authenticate(&bearer(CALLER.as_bytes())).unwrap().name,
            "k0"
        );
        // Neither the key nor a plain hash of it is in memory that `Debug` shows.
        let shown = format!("{ring:?}");
        assert!(!shown.contains(CALLER), "{shown}");
    }
    // The same key has another digest in the next process: nobody can aim at a bucket.
    let (shown, other) = (format!("{first:?}"), format!("{second:?}"));
    assert_ne!(shown, other);
    let source = include_str!("../../src/pipeline/authenticate.rs");
    for word in ["Sha256", "chain_update(salt)", "ct_eq(&digest)"] {
        assert!(source.contains(word), "the look-up has no {word} any more");
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The mean, and the square of its own error.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let (count, mean) = (values.len() as f64, mean(values));
    let squares = values.iter().map(|value| (value - mean).powi(2));
    (mean, squares.sum::<f64>() / (count - 1.0) / count)
}

/// Welch's t of two lists of measurements.
fn welch(left: &[f64], right: &[f64]) -> f64 {
    let (mean, error) = mean_and_error(left);
    let (other_mean, other_error) = mean_and_error(right);
    (mean - other_mean) / (error + other_error).sqrt()
}

#[test]
fn welch_s_t_tells_two_speeds_apart() {
    let around = |mean: f64| {
        (0..1_000)
            .map(move |at| mean + f64::from(at % 7))
            .collect::<Vec<_>>()
    };
    assert!(welch(&around(100.0), &around(100.0)).abs() < 1e-9);
    assert!(welch(&around(101.0), &around(100.0)) > 4.5);
}

/// How long a look-up of either takes, in nanoseconds: the mean of each block of 250.
///
/// In one block a digest may by chance fall beside that of a key, or a header lie across two cache
/// lines. That is the same for each sample of the block, so that its samples are one observation; and
/// each block has a salt and buffers of its own, so that blocks are many.
fn look_ups(key: &str, wrong: [&[u8]; 2]) -> [Vec<f64>; 2] {
    const SAMPLES: usize = 250;
    const WARM: usize = 25;
    let mut blocks = [Vec::new(), Vec::new()];
    for block in 0..scaled(200) {
        let ring = ring(&[key]);
        // Which of them is made first changes too, and which of the two places it has.
        let second = (block % 2 == 1).then(|| bearer(wrong[1]));
        let first = bearer(wrong[0]);
        let mut headers = [first, second.unwrap_or_else(|| bearer(wrong[1]))];
        let swapped = block / 4 % 2 == 1;
        if swapped {
            headers.reverse();
        }
        let mut times = [Vec::new(), Vec::new()];
        for round in 0..WARM + SAMPLES {
            // In turns, and which goes first changes too: the machine's mood hits both.
            for at in [(round + block / 2) % 2, (round + block / 2 + 1) % 2] {
                let begun = Instant::now();
                let _ = black_box(ring.authenticate(black_box(&headers[at])));
                times[at].push(begun.elapsed().as_nanos() as f64);
            }
        }
        if swapped {
            times.reverse();
        }
        for (blocks, mut times) in blocks.iter_mut().zip(times) {
            times.drain(..WARM);
            // Interrupts are no property of the look-up.
            times.sort_by(f64::total_cmp);
            times.truncate(SAMPLES * 9 / 10);
            blocks.push(mean(&times));
        }
    }
    blocks
}

/// A measurement: `cargo test --release -p polyroute --test rows row_s2 -- --ignored --nocapture`, with
/// `POLYROUTE_ROWS_SCALE=100` for 2 x 5 million samples.
#[test]
#[ignore = "a measurement: wants a quiet machine"]
fn row_s2_a_wrong_first_byte_takes_as_long_as_a_wrong_last_one() {
    let key = "k".repeat(40);
    let (mut first, mut last) = (key.clone().into_bytes(), key.clone().into_bytes());
    first[0] = b'x';
    last[39] = b'x';
    let mut worst: f64 = 0.0;
    // The same twice says what the measurement itself makes of no difference.
    for (said, wrong) in [
        ("first and last", [&first, &last]),
        ("last and first", [&last, &first]),
        ("first and first", [&first, &first]),
    ] {
        let [left, right] = look_ups(&key, wrong.map(Vec::as_slice));
        let differences: Vec<f64> = left.iter().zip(&right).map(|(a, b)| a - b).collect();
        let (by, error) = mean_and_error(&differences);
        let (t, paired) = (welch(&left, &right), by / error.sqrt());
        println!(
            "{said}: Welch's t {t:.2}, in pairs {paired:.2} (below 4.5 is no difference); \
             {by:.3} ns of {:.1} ns, {} blocks",
            mean(&left),
            left.len()
        );
        worst = worst.max(t.abs()).max(paired.abs());
    }
    assert!(worst < 4.5, "{worst}");
}

#[tokio::test]
async fn row_s3_a_key_is_nobody_else_s_however_alike_they_are() {
    let alike = [
        "team-key-0000000000",
        "team-key-00000000000",
        "team-key-0000000001",
        "eam-key-0000000000",
        "TEAM-KEY-0000000000",
    ];
    let names = ["A", "B", "C", "D", "E"];
    let keys: String = names
        .iter()
        .map(|name| {
            format!(
                "  - {{ name: of-{name}, secret: \"${{{name}}}\", tags: {{ owner: {name} }} }}\n"
            )
        })
        .collect();
    let environment: Vec<(&str, &str)> = names.into_iter().zip(alike).collect();
    let lab = Lab::build(Plan {
        more: &format!("keys:\n{keys}"),
        environment: &environment,
        ..Plan::default()
    })
    .await;
    let body = ask(OPENAI, "echo: in").to_string();
    // All at once, so that nothing that is kept between requests is one caller's alone.
    let asked = (0..scaled(100)).map(|at| {
        let (name, key) = environment[at % environment.len()];
        let (lab, body) = (&lab, body.clone());
        async move {
            let answer = lab.post_bytes(CHAT, body, &[("x-api-key", key)]).await;
            assert_eq!(answer.content(), "in", "{}", answer.text());
            let record = lab.record(&answer).await;
            assert_eq!(record["principal"], format!("of-{name}"), "{record}");
            assert_eq!(record["tags"], json!({"owner": name}), "{record}");
        }
    });
    futures_util::future::join_all(asked).await;
    // Every beginning, every end, one byte more, one byte less, another case, blanks within.
    let key = alike[0];
    let mut wrong: Vec<String> = (1..key.len())
        .flat_map(|at| {
            let (begin, end) = key.split_at(at);
            [begin.to_owned(), end.to_owned()]
        })
        .collect();
    wrong.retain(|key| !alike.contains(&key.as_str()));
    wrong.extend([
        format!("{key}x"),
        format!("x{key}"),
        key.replace('t', "T"),
        key.replace("-k", "- k"),
        format!("{key},{key}"),
        format!("{key} {key}"),
    ]);
    for key in wrong {
        let answer = lab
            .post_bytes(
                CHAT,
                body.clone(),
                &[("authorization", &format!("Bearer {key}"))],
            )
            .await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{key:?}: {}",
            answer.text()
        );
    }
    // Two keys of two people are nobody.
    let both = [("x-api-key", alike[0]), ("api-key", alike[2])];
    let answer = lab.post_bytes(CHAT, body, &both).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s21_a_flood_of_unknown_keys_costs_no_memory_and_holds_nobody_up() {
    let lab = Lab::start().await;
    let keys = "keys: [{ name: checkout, secret: \"${CALLER}\" }]\n";
    let program = Program::with(&lab.sim.url(), ", access_log: off", keys);
    let address = program.address;
    let flood = async |from: usize, count: usize| {
        let lanes = (0..8).map(|lane| async move {
            let mut raw = Raw::open(address).await;
            let body = ask(OPENAI, "hello").to_string();
            for at in 0..count / 8 {
                let more = format!("x-api-key: unknown-{}\r\n", from + at * 8 + lane);
                raw.write(head(body.len(), &more) + &body).await;
                let mut text = String::new();
                while !text.ends_with('}') {
                    let read = raw.read_some(Duration::from_secs(20)).await;
                    assert!(!read.closed, "{text}");
                    text.push_str(&read.text);
                }
                assert!(text.starts_with("HTTP/1.1 401"), "{text}");
            }
        });
        futures_util::future::join_all(lanes).await;
    };
    flood(0, 1_600).await;
    let before = program.resident_kib();
    let key = format!("x-api-key: {CALLER}\r\n");
    let attack = flood(1_600, scaled(8_000));
    let begun = Instant::now();
    let (_, honest, slowest) = honest_beside(address, OPENAI, &key, attack).await;
    let grown = program.resident_kib().saturating_sub(before);
    println!(
        "{} unknown keys in {:?}; {honest} honest answers, the slowest in {slowest:?}; {grown} KiB more",
        scaled(8_000),
        begun.elapsed()
    );
    assert!(grown < 10 * 1024, "{grown} KiB");
    // Nothing of it went upstream but what was honest.
    // The last one may have been given up with the flood.
    let sent = lab.attempts().len();
    assert!(sent == honest || sent == honest + 1, "{sent} of {honest}");
}
