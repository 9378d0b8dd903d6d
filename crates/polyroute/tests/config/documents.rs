//! What is printed and committed stays true: example, schema, reference, the subcommand.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use polyroute::cli::config::{ConfigArgs, ConfigCommand, Format, run};
use polyroute::config::{EXAMPLE, schema};
use serde_json::Value;

use crate::cases::{KEYS, environment, load, settings};

/// The example with its optional lines switched on, as its head says.
fn whole_example() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') || rest.starts_with("  ") => format!("{rest}\n"),
        _ => format!("{line}\n"),
    };
    EXAMPLE.lines().map(on).collect()
}

#[test]
fn the_example_is_sound_as_printed() {
    assert!(EXAMPLE.lines().count() <= 45, "one screen");
    let settings = settings(EXAMPLE, KEYS);
    assert_eq!(settings.providers.len(), 3);
}

#[test]
fn the_example_is_sound_with_every_line_on() {
    let text = whole_example();
    let mut pairs = KEYS.to_vec();
    pairs.push(("CHECKOUT_GATEWAY_KEY", "g"));
    let report = load(&text, &pairs).unwrap_err();
    // Only the three files that are not here are missing.
    let keys: Vec<&str> = report
        .findings
        .iter()
        .map(|finding| finding.key.as_str())
        .collect();
    let files = [
        "server.tls.cert",
        "server.tls.key",
        "providers.anthropic.credentials[1]",
    ];
    assert_eq!(keys, files, "{report}");
    let text = text
        .replace("  tls:", "#  tls:")
        .replace(", { file: anthropic-2.key }", "");
    let settings = settings(&text, &pairs);
    assert_eq!((settings.routes.len(), settings.keys.len()), (2, 1));
}

#[test]
fn the_committed_reference_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/config.md");
    if std::env::var_os("POLYROUTE_BLESS").is_some() {
        std::fs::write(path, schema::reference()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap();
    assert!(
        committed == schema::reference(),
        "docs/config.md is out of date: write it anew with `POLYROUTE_BLESS=1 cargo test -p \
         polyroute --test config`"
    );
}

#[test]
fn the_reference_names_every_key_of_the_schema() {
    let reference = schema::reference();
    let schema = schema::schema();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, definition) in definitions {
        let properties = definition["properties"].as_object();
        for key in properties.into_iter().flatten().map(|(key, _)| key) {
            assert!(reference.contains(&format!(".{key}` |")), "{name}.{key}");
        }
    }
}

#[test]
fn every_key_of_the_schema_is_described() {
    fn undescribed(value: &Value, path: &str, found: &mut Vec<String>) {
        let Some(fields) = value.as_object() else {
            return;
        };
        for (name, property) in fields
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            if property.get("description").is_none() {
                found.push(format!("{path}.{name}"));
            }
        }
        fields
            .iter()
            .for_each(|(name, value)| undescribed(value, &format!("{path}.{name}"), found));
    }
    let mut found = Vec::new();
    undescribed(&schema::schema(), "", &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// Writes every default of the schema out as a configuration, and compares with an empty one.
#[test]
fn the_documented_defaults_are_the_real_ones() {
    fn defaults(root: &Value, value: &Value) -> Option<Value> {
        let scalar = |it: &&Value| !(it.is_null() || it.is_array() || it.is_object());
        if let Some(default) = value.get("default").filter(scalar) {
            return Some(default.clone());
        }
        let name = value.get("$ref").and_then(Value::as_str);
        let target = name.and_then(|name| root.pointer(name.trim_start_matches('#')));
        let properties = target.unwrap_or(value).get("properties")?.as_object()?;
        let written: serde_json::Map<String, Value> = properties
            .iter()
            .filter_map(|(key, property)| Some((key.clone(), defaults(root, property)?)))
            .collect();
        (!written.is_empty()).then_some(Value::Object(written))
    }
    let schema = schema::schema();
    let written = defaults(&schema, &schema).unwrap();
    assert!(
        written.pointer("/server/limits/body").is_some(),
        "{written}"
    );
    assert!(written.pointer("/media/timeout").is_some(), "{written}");
    let explicit = settings(&written.to_string(), KEYS);
    assert_eq!(format!("{explicit:?}"), format!("{:?}", settings("", KEYS)));
}

fn ran(command: ConfigCommand, pairs: &[(&str, &str)]) -> (bool, String) {
    let mut out = Vec::new();
    let code = run(
        &ConfigArgs { command },
        &environment(pairs),
        &mut out,
        false,
    );
    (code == ExitCode::SUCCESS, String::from_utf8(out).unwrap())
}

#[test]
fn the_subcommand_reads_its_arguments() {
    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        config: ConfigArgs,
    }
    let parse = |line: &str| Program::try_parse_from(line.split(' ')).map(|it| it.config.command);
    let check = parse("polyroute check a.yaml --format json").unwrap();
    let ConfigCommand::Check { file, format } = check else {
        panic!("{check:?}")
    };
    assert_eq!(
        (file.as_deref(), format),
        (Some(Path::new("a.yaml")), Format::Json)
    );
    assert!(matches!(
        parse("polyroute schema"),
        Ok(ConfigCommand::Schema)
    ));
    assert!(parse("polyroute check --format xml").is_err());
}

#[test]
fn check_prints_what_is_on_or_what_is_wrong() {
    let check = |format| ConfigCommand::Check { file: None, format };
    let (ok, text) = ran(check(Format::Text), KEYS);
    assert!(ok);
    assert_eq!(
        text,
        "no file, the environment alone: ok (providers: openai, anthropic, gemini; routes: 0; \
         gateway keys: 0)\n"
    );
    let (ok, text) = ran(check(Format::Text), &[]);
    assert!(!ok);
    assert!(text.contains("error: no provider is on"), "{text}");
    let (ok, text) = ran(check(Format::Json), &[("NO_COLOR", "1")]);
    assert!(!ok);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["errors"], 1);
    assert_eq!(json["findings"][0]["key"], "providers");
    let missing = ConfigCommand::Check {
        file: Some("none.yaml".into()),
        format: Format::Text,
    };
    let (ok, text) = ran(missing, KEYS);
    assert!(
        !ok && text.contains("--> none.yaml") && text.contains("config example"),
        "{text}"
    );
}

#[test]
fn the_other_subcommands_print_their_document() {
    assert_eq!(ran(ConfigCommand::Example, &[]), (true, EXAMPLE.to_owned()));
    assert_eq!(
        ran(ConfigCommand::Reference, &[]),
        (true, schema::reference())
    );
    let (ok, text) = ran(ConfigCommand::Schema, &[]);
    assert!(ok);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        json["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(json, schema::schema());
}
