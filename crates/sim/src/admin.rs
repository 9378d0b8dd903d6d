//! The simulator's own API under `/_sim/`.

use http::{Method, StatusCode, Uri};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::fault::{self, Rule};
use crate::models::{self, Dialect};
use crate::route::query;
use crate::script::Script;
use crate::state::Shared;
use crate::vendor::{self, Vendor};

/// Answers a request to the admin API.
pub fn answer(shared: &Shared, method: &Method, uri: &Uri, body: &[u8]) -> (StatusCode, Value) {
    let path = uri.path().trim_end_matches('/');
    match (method.as_str(), path) {
        ("GET", "/_sim/health") => ok(json!({"status": "ok", "up_ms": shared.log.now_ms()})),
        ("GET", "/_sim/log") => {
            let since = query(uri, "since")
                .and_then(|since| since.parse().ok())
                .unwrap_or(0);
            let entries = shared.log.since(since);
            let last = entries.last().map_or(since, |entry| entry.seq);
            ok(json!({"entries": entries, "last_seq": last}))
        }
        ("DELETE", "/_sim/log") => {
            shared.log.clear();
            ok(json!({"cleared": true}))
        }
        ("GET", "/_sim/faults") => ok(json!({"faults": shared.moving().rules.list()})),
        ("GET", "/_sim/faults/catalogue") => ok(json!({"faults": fault::catalogue()})),
        ("POST", "/_sim/faults") => each(body, |rule: Rule| {
            let now_ms = shared.log.now_ms();
            shared.moving().rules.add(rule, now_ms);
        }),
        ("DELETE", "/_sim/faults") => {
            shared.moving().rules.clear();
            ok(json!({"cleared": true}))
        }
        ("POST", "/_sim/script") => {
            each(body, |script: Script| shared.moving().scripts.add(script))
        }
        ("DELETE", "/_sim/script") => {
            shared.moving().scripts.clear();
            ok(json!({"cleared": true}))
        }
        ("GET", "/_sim/models") => {
            let all: Vec<_> = Dialect::ALL.into_iter().flat_map(models::of).collect();
            let one = |vendor: &&Vendor| (vendor.name().to_owned(), json!(vendor.models()));
            let vendors: Map<String, Value> = vendor::ALL.iter().map(one).collect();
            ok(json!({"models": all, "vendors": vendors}))
        }
        _ => refuse(
            StatusCode::NOT_FOUND,
            format!("no `{method} {path}` in the simulator's API"),
        ),
    }
}

/// Takes one object or a list of them; all are read before the first is used.
fn each<T: DeserializeOwned>(body: &[u8], mut take: impl FnMut(T)) -> (StatusCode, Value) {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(why) => {
            return refuse(
                StatusCode::BAD_REQUEST,
                format!("the body is no JSON: {why}"),
            );
        }
    };
    let items = match value {
        Value::Array(items) => items,
        one => vec![one],
    };
    let read: Result<Vec<T>, _> = items.into_iter().map(serde_json::from_value).collect();
    match read {
        Ok(items) => {
            let count = items.len();
            items.into_iter().for_each(&mut take);
            ok(json!({"added": count}))
        }
        Err(why) => refuse(StatusCode::BAD_REQUEST, why.to_string()),
    }
}

fn ok(value: Value) -> (StatusCode, Value) {
    (StatusCode::OK, value)
}

fn refuse(status: StatusCode, message: String) -> (StatusCode, Value) {
    (status, json!({"error": {"message": message}}))
}
