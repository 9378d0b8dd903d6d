//! Writes what fuzzing starts from: `seeds write` the seeds that we wrote into `corpus/` (those that
//! are there stay) and the words of `dictionaries/`; `seeds recordings FROM TO` makes inputs of
//! recorded traffic, for a run alone: they are never checked in.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use polyroute_fuzz::TARGETS;
use polyroute_fuzz::templates::{Templates, frame, framed, of, of_cohere_v1, requests};
use polyroute_wire::dialect::Dialect;
use serde_json::Value;

/// Longest word of a dictionary: the fuzzing engine takes no longer ones.
const WORD_BYTES_MAX: usize = 60;

type Seed = (String, Vec<u8>);

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["write"] => write(Path::new(env!("CARGO_MANIFEST_DIR"))),
        ["recordings", from, to] => recordings(Path::new(from), Path::new(to)),
        _ => {
            eprintln!("usage: seeds write | seeds recordings FROM TO");
            Ok(())
        }
    }
}

fn write(root: &Path) -> std::io::Result<()> {
    for target in TARGETS {
        let folder = root.join("corpus").join(target.name);
        fs::create_dir_all(&folder)?;
        for (name, bytes) in seeds(target.name) {
            fs::write(folder.join(name), bytes)?;
        }
    }
    let folder = root.join("dictionaries");
    fs::create_dir_all(&folder)?;
    for dialect in Dialect::ALL {
        let name = format!("{}.dict", dialect.as_str());
        fs::write(folder.join(name), dictionary(of(*dialect)))?;
    }
    fs::write(folder.join("cohere_v1.dict"), dictionary(of_cohere_v1()))?;
    fs::write(folder.join("requests.dict"), dictionary(requests()))?;
    fs::write(folder.join("config.dict"), config_dictionary())
}

/// A head (see `input.rs`) and what follows it.
fn with_head(flags: u8, choice: u8, rest: &[u8]) -> Vec<u8> {
    [&[flags, 7, 1, choice], rest].concat()
}

fn seeds(target: &str) -> Vec<Seed> {
    let dialect = target.strip_prefix("decode_").and_then(Dialect::parse);
    match (target, dialect) {
        (_, Some(dialect)) => streams(dialect, of(dialect)),
        ("decode_cohere_v1", _) => streams(Dialect::Cohere, of_cohere_v1()),
        ("tap", _) => streams(Dialect::OpenAi, of(Dialect::OpenAi)),
        ("sse", _) => named(
            "text",
            [
                "\u{feff}: hi\nevent: ping\ndata:{}\n\ndata: a\ndata: b\n\ndata: [DONE]\n\n",
                "data: {\"a\":1}\r\ndata: {\"b\":2}\r\n\r\nevent: x\r\n\r\nid: 1\r\n",
                "data\rdata: \rretry: 3\r\r:\r",
            ]
            .map(|text| with_head(0, 0, text.as_bytes())),
        ),
        ("event_stream", _) => event_streams(),
        ("answers", _) => answers(),
        ("errors", _) => errors(),
        ("chat_request" | "chat_edit", _) => chats(),
        ("endpoint_requests", _) => endpoints(),
        ("json_edit", _) => json_edits(),
        ("structured", _) => structured(),
        ("schema", _) => schemas(),
        ("config", _) => configs(),
        ("credentials", _) => named("headers", [vec![0; 4], (0..40).collect(), vec![3; 32]]),
        ("words", _) => words(),
        ("growth", _) => growths(),
        _ => Vec::new(),
    }
}

fn named(stem: &str, seeds: impl IntoIterator<Item = Vec<u8>>) -> Vec<Seed> {
    let seeds = seeds.into_iter().enumerate();
    seeds
        .map(|(at, bytes)| (format!("{stem}-{at}"), bytes))
        .collect()
}

/// Each kind of event, a whole stream, choices among templates, and whole answers.
fn streams(dialect: Dialect, known: &Templates) -> Vec<Seed> {
    let events = known.of("stream");
    let mut seeds = named(
        "stream",
        [0, 1, 3].map(|style| with_head(style << 4, 0, &framed(dialect, events, style))),
    );
    let halves = events
        .chunks(6)
        .map(|part| with_head(0, 0, &framed(dialect, part, 0)));
    seeds.extend(named("part", halves));
    // Step by step, with changes now and then.
    let steps: [&[u8]; 3] = [
        &[1; 40],
        &[1, 1, 1, 5, 1, 1, 1, 1, 10, 0, 3, 1, 9, 1, 1, 1],
        &[2; 16],
    ];
    seeds.extend(named("steps", steps.map(|steps| with_head(1, 0, steps))));
    seeds.extend(named("cut", [with_head(3, 200, &[1; 40])]));
    seeds.extend(whole(known, "whole", 8));
    seeds
}

fn whole(known: &Templates, kind: &str, flags: u8) -> Vec<Seed> {
    let bodies = known.of(kind).iter();
    named(
        kind,
        bodies.map(|body| with_head(flags, 0, body.to_string().as_bytes())),
    )
}

fn event_streams() -> Vec<Seed> {
    let one = frame(
        &[(":event-type", "messageStart"), (":message-type", "event")],
        b"{\"role\":\"assistant\"}",
    );
    let two = frame(
        &[
            (":exception-type", "throttlingException"),
            (":message-type", "exception"),
        ],
        b"{\"message\":\"slow\"}",
    );
    let both = [one.clone(), two.clone()].concat();
    let mut seeds = named(
        "frames",
        [one, two, both].map(|body| with_head(0, 0, &body)),
    );
    let choices = b"0name and payload1another one2\x05\x04\x03";
    seeds.extend(named(
        "made",
        [1, 3, 5].map(|flags| with_head(flags, 9, choices)),
    ));
    seeds
}

fn answers() -> Vec<Seed> {
    let kinds = [
        "embeddings",
        "rerank",
        "count",
        "models",
        "moderation",
        "completion",
    ];
    let mut seeds = Vec::new();
    for (choice, kind) in (0_u8..).zip(kinds) {
        for dialect in Dialect::ALL {
            let bodies = of(*dialect).of(kind).iter();
            let bodies = bodies.map(|body| with_head(32, choice, body.to_string().as_bytes()));
            seeds.extend(named(&format!("{kind}-{}", dialect.as_str()), bodies));
        }
    }
    seeds
}

fn errors() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for (dialect, wait) in Dialect::ALL.iter().zip(
        ["3", "1m2.5s", "Fri, 31 Dec 2027 23:59:59 GMT"]
            .iter()
            .cycle(),
    ) {
        let bodies = of(*dialect).of("errors").iter();
        let bodies = bodies.map(|body| with_head(0, 1, format!("{wait}\n{body}").as_bytes()));
        seeds.extend(named(dialect.as_str(), bodies));
    }
    seeds.extend(named(
        "page",
        [with_head(
            0,
            3,
            b"false\n<html><title>502 Bad Gateway</title></html>",
        )],
    ));
    seeds
}

fn chats() -> Vec<Seed> {
    let mut seeds = whole(requests(), "chat", 0);
    let steps =
        (0_u8..24).map(|choice| with_head(1, choice * 5, &[choice, 1, choice, 9, 2, 200, 7, 1]));
    seeds.extend(named("made", steps));
    seeds
}

fn endpoints() -> Vec<Seed> {
    let kinds = ["completions", "embeddings", "rerank", "moderation"];
    let kinds = (0_u8..).zip(kinds);
    kinds
        .flat_map(|(at, kind)| whole(requests(), kind, at << 5))
        .collect()
}

fn json_edits() -> Vec<Seed> {
    let mut seeds = named(
        "text",
        [
            "{ \"model\" : \"a\",\n \"big\": 12345678901234567890123, \"x\":1.0e2 }",
            "\u{feff}{\"mod\\u0065l\": [\"},{\"], \"n\":{}}",
            "{}",
        ]
        .map(|text| with_head(0, 0, text.as_bytes())),
    );
    let made: Vec<Vec<u8>> = (0_u8..8)
        .map(|seed| {
            with_head(
                1,
                0,
                &(0..48)
                    .map(|at: u8| at.wrapping_mul(seed * 2 + 1))
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    seeds.extend(named("made", made));
    seeds
}

fn structured() -> Vec<Seed> {
    let texts = [
        "{\"a\": \"é\", \"b\": 1.0e0}",
        "\u{feff}<think>{}</think> ```json\n[1, -0.0, \"\\u00e9\\ud83d\\ude00\"]\n```",
        "Sure [sic]: {\"b\":1} and {\"b\": 1}.",
        "\"{\\\"a\\\":1}\"",
        "{\"a\":1,\"a\":2}",
        "[[[[]]],{}",
    ];
    let texts = texts.iter().enumerate();
    named(
        "text",
        texts.map(|(at, text)| with_head(0, at as u8, text.as_bytes())),
    )
}

fn schemas() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for choice in [0_u8, 20, 40, 60, 80] {
        for (at, schema) in requests().of("schemas").iter().enumerate() {
            let flags = (choice % 4) << 1;
            let bytes = with_head(flags, choice, schema.to_string().as_bytes());
            seeds.push((format!("schema-{at}-{choice}"), bytes));
        }
    }
    seeds
}

fn configs() -> Vec<Seed> {
    let texts = [
        polyroute::config::EXAMPLE,
        "server: {listen: 127.0.0.1:8080}\nproviders:\n  openai: {credentials: [{secret: \"${A}\"}]}\nroutes:\n  - {name: fast, use: [openai/gpt-5.6-mini]}\n",
        "keys:\n  - name: a\n    secret: {env: A}\n    routes: [fast]\nresilience: {timeouts: {total: 5s}}\n",
        "x: &a [1]\ny: *a\n? z\n: |\n  text\n",
    ];
    named("text", texts.map(|text| text.as_bytes().to_vec()))
}

fn words() -> Vec<Seed> {
    let texts = [
        "6m0.5s",
        "Fri, 31 Dec 2027 23:59:59 GMT",
        "2027-12-31T23:59:59.5+02:00",
        "data:image/png;base64,iVBORw0KGgo=",
        "publishers/anthropic/models/claude-sonnet-4-5@20250929",
        "get.weather ä-b 0x __ f:g",
        "projects/p/../../x?y#z",
        "This model's maximum context length is 8192 tokens",
    ];
    let mut seeds = named("text", texts.map(|text| with_head(0, 0, text.as_bytes())));
    let heads: [&[u8]; 4] = [
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x20",
        b"GIF89a\x10\0\x20\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\xff\xc0\0\x11\x08\0\x10\0\x20",
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x0f\0\0\x1f\0\0",
    ];
    seeds.extend(named("picture", heads.map(|head| with_head(0, 0, head))));
    seeds
}

/// What stands in front, what is repeated, what stands behind: for each reader something that is
/// long in one way.
fn growths() -> Vec<Seed> {
    let shapes: [(u8, u8, &str); 16] = [
        (0, 0, "data: {\"a\":\"x\0xxxxxxxx\0\"}\n\n"),
        (0, 0, "data: {\"a\":[{}\n\0data: {}\n\0\n"),
        (
            1,
            0,
            "\0data: {\"choices\":[{\"index\":§,\"delta\":{\"content\":\"a\"}}]}\n\n\0data: [DONE]\n\n",
        ),
        (
            1,
            0,
            "\0data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":§,\"id\":\"c§\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}]}}]}\n\n\0data: [DONE]\n\n",
        ),
        (1, 0, "\0data: {\"choices\":[],\"x_groq\":{\"k§\":1}}\n\n\0"),
        (
            1,
            1,
            "data: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"content\":[]}}\n\n\0data: {\"type\":\"content_block_start\",\"index\":§,\"content_block\":{\"type\":\"tool_use\",\"id\":\"t§\",\"name\":\"f\",\"input\":{}}}\n\n\0",
        ),
        (
            1,
            2,
            "\0data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"},{\"functionCall\":{\"name\":\"f\",\"args\":{}}}]}}]}\n\n\0",
        ),
        (
            1,
            5,
            "\0data: {\"type\":\"response.output_item.added\",\"output_index\":§,\"item\":{\"type\":\"function_call\",\"call_id\":\"c§\",\"name\":\"f\",\"arguments\":\"\"}}\n\n\0",
        ),
        (
            2,
            0,
            "{\"choices\":[{\"message\":{\"content\":\"\0[1] é \0\"}}],\"citations\":[\"u\"]}",
        ),
        (
            2,
            2,
            "{\"candidates\":[{\"content\":{\"parts\":[\0{\"text\":\"a\"},\0{}]}}]}",
        ),
        (
            3,
            0,
            "{\"model\":\"m\",\"messages\":[\0{\"role\":\"user\",\"content\":\"a\"},\0{\"role\":\"user\",\"content\":\"b\"}]}",
        ),
        (
            3,
            0,
            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]\0,\"x-§\":1\0}",
        ),
        (
            3,
            0,
            "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"tools\":[\0{\"type\":\"function\",\"function\":{\"name\":\"f.§\"}},\0{}]}",
        ),
        (
            3,
            0,
            "{\"model\":\"m\",\"messages\":[\0{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c§\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"c§\",\"content\":\"1\"},\0{\"role\":\"user\",\"content\":\"b\"}]}",
        ),
        (4, 0, "Text \0[sic] { \0{\"a\":1}"),
        (
            5,
            0,
            "\0data: {\"id\":\"a\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n\0data: [DONE]\n\n",
        ),
    ];
    named(
        "shape",
        shapes.map(|(kind, choice, text)| with_head(choice, kind, text.as_bytes())),
    )
}

fn dictionary(known: &Templates) -> String {
    lines(known.words().iter().map(String::as_str))
}

/// The keys of the configuration's example, and what YAML is made of.
fn config_dictionary() -> String {
    let mut keys = Vec::new();
    keys_of(&polyroute::config::schema::schema(), &mut keys);
    keys.extend(
        [
            "${A}", "${A:-b}", "$${", "- ", "&x", "*x", "!t", "<<: ", "---\n", "5s", "64MiB",
        ]
        .map(str::to_owned),
    );
    keys.sort_unstable();
    keys.dedup();
    lines(keys.iter().map(String::as_str))
}

fn keys_of(schema: &Value, keys: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                keys.extend(properties.keys().cloned());
            }
            members.values().for_each(|value| keys_of(value, keys));
        }
        Value::Array(items) => items.iter().for_each(|item| keys_of(item, keys)),
        _ => {}
    }
}

fn lines<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut out = String::new();
    for word in words.filter(|word| !word.is_empty() && word.len() <= WORD_BYTES_MAX) {
        let mut quoted = String::new();
        for byte in word.bytes() {
            match byte {
                b'"' | b'\\' => _ = write!(quoted, "\\{}", char::from(byte)),
                0x20..0x7f => quoted.push(char::from(byte)),
                _ => _ = write!(quoted, "\\x{byte:02x}"),
            }
        }
        _ = writeln!(out, "\"{quoted}\"");
    }
    out
}

/// Recorded bodies as inputs of the targets that read such: for a run alone.
fn recordings(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut count = 0;
    for provider in fs::read_dir(from)?
        .flatten()
        .filter(|it| it.path().is_dir())
    {
        let name = provider.file_name().to_string_lossy().into_owned();
        for file in fs::read_dir(provider.path())?.flatten() {
            let Ok(text) = fs::read_to_string(file.path()) else {
                continue;
            };
            let Ok(recorded) = serde_json::from_str::<Value>(&text) else {
                continue;
            };
            for (target, bytes) in inputs(&name, &recorded) {
                let folder: PathBuf = to.join(target);
                fs::create_dir_all(&folder)?;
                let stem = file
                    .path()
                    .file_stem()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                fs::write(folder.join(format!("{name}-{stem}")), bytes)?;
                count += 1;
            }
        }
    }
    println!("{count} inputs of recorded traffic");
    Ok(())
}

fn inputs(provider: &str, recorded: &Value) -> Vec<(String, Vec<u8>)> {
    let api = recorded["api"].as_str().unwrap_or_default();
    let response = &recorded["response"];
    let dialect = match (provider, api) {
        (_, "responses") => Dialect::Responses,
        ("anthropic", "messages") => Dialect::Anthropic,
        (_, "gemini") => Dialect::Gemini,
        ("bedrock", "converse") => Dialect::Bedrock,
        ("cohere", _) => Dialect::Cohere,
        _ => Dialect::OpenAi,
    };
    let target = format!("decode_{}", dialect.as_str());
    let mut found = Vec::new();
    if let Some(text) = response["sse"].as_str() {
        found.push((target.clone(), with_head(0, 0, text.as_bytes())));
        if dialect == Dialect::OpenAi {
            found.push(("tap".to_owned(), with_head(0, 0, text.as_bytes())));
        }
    }
    if response["body_kind"] == "json" {
        let body = response["body"].to_string();
        let failed = response["status"]
            .as_u64()
            .is_some_and(|status| status >= 400);
        let (target, head) = match (api, failed) {
            (_, true) => (
                "errors".to_owned(),
                with_head(0, 0, format!("3\n{body}").as_bytes()),
            ),
            ("embeddings" | "predict", _) => {
                ("answers".to_owned(), with_head(0, 0, body.as_bytes()))
            }
            ("rerank", _) => ("answers".to_owned(), with_head(0, 1, body.as_bytes())),
            ("models", _) => ("answers".to_owned(), with_head(0, 3, body.as_bytes())),
            _ => (target, with_head(8, 0, body.as_bytes())),
        };
        found.push((target, head));
    }
    if api == "chat.completions" && recorded["request"]["body"].is_object() {
        let body = recorded["request"]["body"].to_string();
        for target in ["chat_request", "chat_edit"] {
            found.push((target.to_owned(), with_head(0, 0, body.as_bytes())));
        }
    }
    found
}
