//! `polyroute providers check`: what works of a set-up, said in a table, by real calls.

use std::process::{Command, Output};

use polyroute_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::support::{CANARY, providers};
use crate::tls::Folder;

/// Runs the program before a simulator with these keys.
async fn check(sim: &Sim, arguments: &[&str]) -> Output {
    let folder = Folder::new();
    let file = folder.write("polyroute.yaml", &providers(&sim.url()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_polyroute"));
    command
        .args(["providers", "check", "--config"])
        .arg(file)
        .args(arguments)
        .env_clear()
        .env("KEY", CANARY);
    // The simulator answers from this process: the program must not stop it.
    tokio::task::spawn_blocking(move || {
        let output = command.output().unwrap();
        drop(folder);
        output
    })
    .await
    .unwrap()
}

fn rows(output: &Output) -> Vec<Value> {
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_configured_target_is_called_and_what_works_is_said() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let output = check(&sim, &["--json"]).await;
    assert!(output.status.success(), "{output:?}");
    let rows = rows(&output);
    assert_eq!(rows.len(), 3);
    for row in &rows {
        for what in ["auth", "model", "streaming", "tools", "schema"] {
            assert_eq!(row[what]["works"], true, "{row}");
        }
        assert!(row["output_tokens"].as_u64().unwrap() > 0, "{row}");
    }
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!said.contains(CANARY));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_there_is_told_from_a_key_that_is_wrong() {
    let sim = Sim::start(SimConfig::default()).await.unwrap();
    let gone = ["--json", "--model", "openai/no-such-model-anywhere"];
    let output = check(&sim, &gone).await;
    assert_eq!(output.status.code(), Some(1));
    let row = &rows(&output)[0];
    assert_eq!(row["auth"]["works"], true, "{row}");
    assert_eq!(row["model"]["works"], false, "{row}");
    assert!(row["streaming"].is_null(), "{row}");

    let rule = json!({"match": {"prefix": "openai"}, "fault": "status:401"});
    sim.add_fault(serde_json::from_value(rule).unwrap());
    let output = check(&sim, &["--only", "openai"]).await;
    assert_eq!(output.status.code(), Some(1));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(
        table.contains("openai") && table.contains("upstream_auth"),
        "{table}"
    );
}
