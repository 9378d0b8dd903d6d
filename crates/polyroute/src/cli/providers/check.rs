//! `polyroute providers check`: real calls through a gateway of one's own configuration.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use comfy_table::{Cell, Color, Table};
use polyroute_engine::catalog::{Catalog, Kind};
use serde_json::{Value, json};

use super::CheckArgs;
use super::sheet;
use crate::boot::Running;
use crate::cli::client::{self, Seen};
use crate::config::env::Environment;
use crate::config::secret::Secret;
use crate::config::settings::{AccessLog, GatewayKey, Settings};
use crate::config::{self, Input};

/// Most output tokens of one call: enough for a thinking model to say a word.
const OUTPUT_TOKENS: u64 = 512;

/// What one call showed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    Works,
    Fails(String),
    /// Something before it failed already.
    Untried,
}

/// What is known of one target afterwards.
struct Row {
    target: String,
    auth: Verdict,
    model: Verdict,
    streaming: Verdict,
    tools: Verdict,
    schema: Verdict,
    first_ms: Option<u128>,
    tokens: (u64, u64),
}

impl Row {
    fn columns(&self) -> [(&'static str, &Verdict); 5] {
        [
            ("auth", &self.auth),
            ("model", &self.model),
            ("streaming", &self.streaming),
            ("tools", &self.tools),
            ("schema", &self.schema),
        ]
    }
}

/// Checks the targets; `true` if everything works.
pub(super) fn run(
    args: &CheckArgs,
    environment: &Environment,
    colour: bool,
) -> anyhow::Result<bool> {
    let file = config::find_file(args.config.as_deref(), environment);
    let input = Input {
        file: file.as_deref(),
        listen: Some("127.0.0.1:0"),
        admin: Some("127.0.0.1:0"),
        environment,
    };
    let mut settings = match config::load(&input) {
        Ok(loaded) => loaded.settings,
        Err(report) => anyhow::bail!("the configuration has errors:\n{}", report.to_text(colour)),
    };
    let targets = targets(&settings, args)?;
    let key = uuid::Uuid::new_v4().to_string();
    closed_to_others(&mut settings, &key);
    let rows = crate::cli::runtime()?.block_on(async {
        let running = Running::start(settings).await?;
        let mut rows = Vec::with_capacity(targets.len());
        for (at, target) in targets.iter().enumerate() {
            // Each call may take seconds: say where we are.
            let _ = writeln!(std::io::stderr(), "[{}/{}] {target}", at + 1, targets.len());
            rows.push(check(running.address, target, &key).await);
        }
        running.drain().await;
        anyhow::Ok(rows)
    })?;
    let mut out = std::io::stdout();
    if args.json {
        let _ = writeln!(out, "{:#}", as_json(&rows));
    } else {
        let _ = writeln!(out, "{}", as_table(&rows, colour));
    }
    let works = |row: &Row| row.columns().iter().all(|(_, it)| **it == Verdict::Works);
    Ok(rows.iter().all(works))
}

/// Only this program may call the gateway that it starts, and nothing is logged.
fn closed_to_others(settings: &mut Settings, key: &str) {
    settings.server.listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    settings.server.admin = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    settings.server.tls = None;
    settings.server.access_log = AccessLog::Off;
    settings.keys = vec![GatewayKey {
        name: "providers-check".to_owned(),
        secret: Secret::new(key.to_owned()),
        tags: std::collections::BTreeMap::new(),
        routes: None,
    }];
}

/// The names to ask for: what is given, else what is configured, else the cheapest model of each
/// provider that is on.
fn targets(settings: &Settings, args: &CheckArgs) -> anyhow::Result<Vec<String>> {
    let mut names: Vec<String> = args.model.clone();
    if names.is_empty() {
        let named = settings.targets.iter();
        let routed = settings.routes.iter().flat_map(|route| &route.targets);
        for target in named.chain(routed) {
            if args
                .only
                .as_ref()
                .is_none_or(|only| *only == target.provider)
            {
                names.push(target.name.clone());
            }
        }
        for provider in &settings.providers {
            let wanted = args.only.as_ref().is_none_or(|only| *only == provider.name);
            let has = settings
                .targets
                .iter()
                .chain(settings.routes.iter().flat_map(|route| &route.targets))
                .any(|target| target.provider == provider.name);
            if wanted && !has {
                let section = provider.kind.as_deref().unwrap_or(&provider.name);
                match cheapest(&settings.catalog, section) {
                    Some(model) => names.push(format!("{}/{model}", provider.name)),
                    None => anyhow::bail!(
                        "no model of `{}` is known; name one with `--model {}/MODEL`",
                        provider.name,
                        provider.name
                    ),
                }
            }
        }
        names.dedup();
    }
    anyhow::ensure!(
        !names.is_empty(),
        "no target is configured; set a provider's key, such as OPENAI_API_KEY, or write a configuration"
    );
    Ok(names)
}

/// The cheapest chat model of a provider that is still offered and takes tools.
fn cheapest(catalog: &Catalog, provider: &str) -> Option<String> {
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
    let offered = catalog.models(provider).filter(|model| {
        model.kind == Kind::Chat
            && model.capabilities.tools
            && !model.deprecated
            && model.retires.as_ref().is_none_or(|day| *day > today)
    });
    let priced = offered.filter_map(|model| {
        let (prices, _) = model.prices.first().map(|period| (&period.prices, ()))?;
        Some((prices.output, model.id.clone()))
    });
    priced
        .min_by_key(|(price, _)| *price)
        .map(|(_, id)| id)
        .or_else(|| {
            let first = catalog
                .models(provider)
                .find(|model| model.kind == Kind::Chat);
            first.map(|model| model.id.clone())
        })
}

async fn check(gateway: SocketAddr, target: &str, key: &str) -> Row {
    let mut row = Row {
        target: target.to_owned(),
        auth: Verdict::Untried,
        model: Verdict::Untried,
        streaming: Verdict::Untried,
        tools: Verdict::Untried,
        schema: Verdict::Untried,
        first_ms: None,
        tokens: (0, 0),
    };
    let text = ask(gateway, target, key, &json!({}), &mut row).await;
    match &text {
        Ok(_) => (row.auth, row.model) = (Verdict::Works, Verdict::Works),
        Err((code, message)) if is_auth(code) => {
            row.auth = Verdict::Fails(message.clone());
            return row;
        }
        Err((_, message)) => {
            row.auth = Verdict::Works;
            row.model = Verdict::Fails(message.clone());
            return row;
        }
    }
    let streamed = json!({"stream": true});
    row.streaming = match ask(gateway, target, key, &streamed, &mut row).await {
        Ok(seen) if seen.whole && !seen.text.is_empty() => {
            row.first_ms = seen.first_ms;
            Verdict::Works
        }
        Ok(_) => Verdict::Fails("the stream brought no text, or did not end".to_owned()),
        Err((_, message)) => Verdict::Fails(message),
    };
    row.tools = match ask(gateway, target, key, &with_tool(), &mut row).await {
        Ok(seen) if seen.called => Verdict::Works,
        Ok(_) => Verdict::Fails("the model answered in words and called no tool".to_owned()),
        Err((_, message)) => Verdict::Fails(message),
    };
    row.schema = match ask(gateway, target, key, &with_schema(), &mut row).await {
        Ok(seen) if fits(&seen.text) => Verdict::Works,
        Ok(_) => Verdict::Fails("the answer does not fit the schema".to_owned()),
        Err((_, message)) => Verdict::Fails(message),
    };
    row
}

/// One call: what was seen, or code and message of the failure.
async fn ask(
    gateway: SocketAddr,
    target: &str,
    key: &str,
    members: &Value,
    row: &mut Row,
) -> Result<Seen, (String, String)> {
    let mut body = json!({
        "model": target,
        "messages": [{"role": "user", "content": "Say OK."}],
        "max_completion_tokens": OUTPUT_TOKENS,
    });
    if let (Some(body), Some(members)) = (body.as_object_mut(), members.as_object()) {
        body.extend(members.clone());
    }
    let seen = client::send_as(gateway, "/v1/chat/completions", &body, Some(key)).await;
    let seen = seen.map_err(|error| ("timeout".to_owned(), error.to_string()))?;
    if let Some((input, output)) = seen.tokens {
        row.tokens.0 += input;
        row.tokens.1 += output;
    }
    match &seen.code {
        Some(code) => Err((code.clone(), format!("{code}: {}", seen.text))),
        None if seen.status != 200 => Err((seen.status.to_string(), seen.text)),
        None => Ok(seen),
    }
}

fn is_auth(code: &str) -> bool {
    matches!(code, "upstream_auth" | "upstream_permission")
}

fn with_tool() -> Value {
    json!({
        "messages": [{"role": "user", "content": "What is the weather in Bonn? Call the tool `weather`."}],
        "tools": [{"type": "function", "function": {
            "name": "weather",
            "description": "The weather in a town.",
            "parameters": {
                "type": "object",
                "properties": {"town": {"type": "string"}},
                "required": ["town"],
            },
        }}],
    })
}

fn with_schema() -> Value {
    json!({
        "messages": [{"role": "user", "content": "Answer in JSON: is the sky blue by day?"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": {
            "type": "object",
            "properties": {"blue": {"type": "boolean"}},
            "required": ["blue"],
            "additionalProperties": false,
        }}},
    })
}

fn fits(text: &str) -> bool {
    serde_json::from_str::<Value>(text)
        .is_ok_and(|value| value.get("blue").is_some_and(Value::is_boolean))
}

fn as_table(rows: &[Row], colour: bool) -> String {
    let mut table: Table = sheet::table(&[
        "target",
        "auth",
        "model",
        "streaming",
        "tools",
        "schema",
        "first word",
        "tokens",
    ]);
    let mut notes = String::new();
    for row in rows {
        let mut cells = vec![Cell::new(&row.target)];
        for (what, verdict) in row.columns() {
            let (sign, shade) = match verdict {
                Verdict::Works => ("\u{2713}", Color::Green),
                Verdict::Fails(_) => ("\u{2717}", Color::Red),
                Verdict::Untried => ("-", Color::DarkGrey),
            };
            let cell = Cell::new(sign);
            cells.push(if colour { cell.fg(shade) } else { cell });
            if let Verdict::Fails(why) = verdict {
                notes.push_str(&format!("\n{} {what}: {why}", row.target));
            }
        }
        let first = row.first_ms.map(|ms| format!("{ms} ms"));
        cells.push(Cell::new(first.unwrap_or_else(|| "-".to_owned())));
        cells.push(Cell::new(format!("{}/{}", row.tokens.0, row.tokens.1)));
        table.add_row(cells);
    }
    format!("{table}{}{notes}", if notes.is_empty() { "" } else { "\n" })
}

fn as_json(rows: &[Row]) -> Value {
    let rows = rows.iter().map(|row| {
        let mut value = json!({
            "target": row.target,
            "first_word_ms": row.first_ms,
            "input_tokens": row.tokens.0,
            "output_tokens": row.tokens.1,
        });
        for (what, verdict) in row.columns() {
            let verdict = match verdict {
                Verdict::Works => json!({"works": true}),
                Verdict::Fails(why) => json!({"works": false, "why": why}),
                Verdict::Untried => json!(null),
            };
            if let Some(value) = value.as_object_mut() {
                value.insert(what.to_owned(), verdict);
            }
        }
        value
    });
    Value::Array(rows.collect())
}
