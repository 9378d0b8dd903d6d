//! One fault in every cell of the grid: each provider × {whole, streamed} × {alone, with fallback},
//! and the rules that hold in each (I1 to I8).

use futures_util::future::join_all;
use http::StatusCode;
use polyroute_sim::{Latency, SimConfig};
use serde_json::Value;

use crate::support::{Answer, CANARY, Lab, MODELS, Plan, ask, ask_streamed};

/// Attempts and time of a lab whose faults end by themselves: a healthy provider is in time even on
/// a busy machine.
pub const QUICK: &str = "resilience: { attempts_max: 4, deadline: 20s, timeouts: { connect: 1s, first_content: 5s, inter_token: 5s, total: 20s } }\n";
/// For each provider a route that begins with it and goes on to a healthy one.
pub const ROUTES: &str = "  openai-first: [openai/gpt-4o-mini, anthropic/claude-haiku-4-5]\n  \
    anthropic-first: [anthropic/claude-haiku-4-5, openai/gpt-4o-mini]\n  \
    gemini-first: [gemini/gemini-2.5-flash, openai/gpt-4o-mini]\n";
/// What is asked: long enough that a fault can come within the answer.
pub const PROMPT: &str = "words:80";

/// How an answer must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// A whole answer.
    Served,
    /// An error status before anything else, with one of these pairs of status and code.
    Error(&'static [(u16, &'static str)]),
    /// Content, then an error event with one of these codes.
    Broken(&'static [&'static str]),
    /// Any one of the ends above.
    Any,
}

/// What a fault must come to.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub whole: Due,
    pub streamed: Due,
    /// Another target answers where there is one, but for what broke after content.
    pub falls_back: bool,
    /// Most attempts where there is no other target.
    pub attempts_max: usize,
}

impl Row {
    /// An error both whole and streamed, served by another target where there is one.
    pub const fn fails(told: &'static [(u16, &'static str)], attempts_max: usize) -> Self {
        Self {
            whole: Due::Error(told),
            streamed: Due::Error(told),
            falls_back: true,
            attempts_max,
        }
    }
}

/// The same for faults that only time can end. Who is to answer in their place has time.
const HASTY: &str = "resilience: { attempts_max: 4, deadline: 15s, timeouts: { connect: 1s, first_content: 800ms, inter_token: 800ms, total: 1500ms } }
targets:
  patient-openai: { use: openai/gpt-4o-mini, timeouts: { first_content: 5s, inter_token: 5s, total: 20s } }
  patient-anthropic: { use: anthropic/claude-haiku-4-5, timeouts: { first_content: 5s, inter_token: 5s, total: 20s } }
";
const HASTY_ROUTES: &str = "  openai-first: [openai/gpt-4o-mini, patient-anthropic]\n  \
    anthropic-first: [anthropic/claude-haiku-4-5, patient-openai]\n  \
    gemini-first: [gemini/gemini-2.5-flash, patient-openai]\n";
const SLOW: [&str; 4] = ["hang", "stall", "slow_head", "slow_drip"];

/// A lab in which tokens come one by one.
pub async fn lab() -> Lab {
    paced(QUICK, ROUTES, 4).await
}

/// A lab that soon runs out of patience.
pub async fn hasty() -> Lab {
    paced(HASTY, HASTY_ROUTES, 1).await
}

async fn paced(more: &str, routes: &str, itl_ms: u64) -> Lab {
    let latency = Latency {
        itl_ms,
        words_per_event: 1,
        ..Latency::ZERO
    };
    Lab::build(Plan {
        more,
        routes,
        sim: SimConfig {
            latency,
            ..SimConfig::default()
        },
        ..Plan::default()
    })
    .await
}

/// Plays these faults at each provider and judges every cell.
pub async fn play(faults: &[&str], row: Row) {
    for fault in faults {
        let providers = MODELS.map(|(provider, model)| at_provider(provider, model, fault, row));
        join_all(providers).await;
    }
}

/// The same at one provider only.
pub async fn at_provider(provider: &str, model: &str, fault: &str, row: Row) {
    let lab = if SLOW.iter().any(|slow| fault.contains(slow)) {
        hasty().await
    } else {
        lab().await
    };
    lab.fault(provider, fault);
    let route = format!("{provider}-first");
    let names = [model, &route];
    let cells = names
        .iter()
        .flat_map(|name| [(name, false), (name, true)])
        .map(|(name, stream)| cell(&lab, (provider, fault), name, stream, row));
    let attempts: usize = join_all(cells).await.iter().sum();
    assert_eq!(lab.attempts().len(), attempts, "{provider} {fault}");
}

/// One cell; how many attempts it took.
async fn cell(
    lab: &Lab,
    (provider, fault): (&str, &str),
    name: &str,
    stream: bool,
    row: Row,
) -> usize {
    let cell = format!("{provider} {fault} {name} stream={stream}");
    let alone = name.contains('/');
    let body = if stream {
        ask_streamed(name, PROMPT)
    } else {
        ask(name, PROMPT)
    };
    let answer = lab.chat(&body).await;
    let own = if stream { row.streamed } else { row.whole };
    let due = match own {
        Due::Error(_) if !alone && row.falls_back => Due::Served,
        other => other,
    };
    let record = judge(lab, &answer, stream, due, &cell).await;
    let attempts = record["attempts"].as_array().unwrap().len();
    let most = if alone { row.attempts_max } else { 4 };
    assert!((1..=most).contains(&attempts), "{cell}: {record}");
    if due == Due::Served && own != Due::Served {
        assert_eq!(record["attempts"][0]["provider"], provider, "{cell}");
        assert_ne!(record["provider"], provider, "{cell}");
    }
    attempts
}

/// The rules that hold whatever went wrong. Gives the request's record.
pub async fn judge(lab: &Lab, answer: &Answer, stream: bool, due: Due, cell: &str) -> Value {
    let text = answer.text();
    let said = format!("{cell}: {} {text}", answer.status);
    // I1 and I2: one end, in the caller's dialect.
    let end = if answer.status != StatusCode::OK {
        let error = &answer.json()["error"];
        assert!(
            error["message"].is_string() && error["type"].is_string(),
            "{said}"
        );
        Due::Error(&[])
    } else if stream {
        streamed_end(answer, &said)
    } else {
        assert!(answer.json()["choices"][0]["message"].is_object(), "{said}");
        Due::Served
    };
    match due {
        Due::Any => {}
        Due::Served => {
            assert_eq!(end, Due::Served, "{said}");
            let content = if stream {
                answer.streamed().0
            } else {
                answer.content()
            };
            // I8: whole, and nothing twice.
            assert_eq!(content.split_whitespace().count(), 80, "{said}");
        }
        Due::Error(told) => {
            let code = answer.code();
            assert!(
                told.iter()
                    .any(|(status, one)| *status == answer.status.as_u16() && *one == code),
                "not {told:?}: {said}"
            );
        }
        Due::Broken(codes) => {
            assert_eq!(end, Due::Broken(&[]), "{said}");
            assert!(
                codes.contains(&answer.code().as_str()),
                "not {codes:?}: {said}"
            );
        }
    }
    let record = one_record(lab, answer, &said).await;
    let told = match end {
        Due::Served => "complete",
        Due::Broken(_) => "truncated",
        Due::Error(_) | Due::Any => "failed",
    };
    assert_eq!(record["end"], told, "{said}\n{record}");
    if end != Due::Served {
        assert_eq!(record["error_code"], answer.code(), "{said}\n{record}");
    }
    // I3: attempts and time have a bound.
    assert!(
        record["attempts"].as_array().unwrap().len() <= 4,
        "{said}\n{record}"
    );
    assert!(
        record["total_ms"].as_f64().unwrap() < 25_000.0,
        "{said}\n{record}"
    );
    // I5: nothing of ours leaks.
    for shown in [&text, &format!("{:?}", answer.headers), &record.to_string()] {
        assert!(!shown.contains(CANARY), "{said}");
        assert!(!shown.contains(&lab.sim.addr().to_string()), "{said}");
    }
    // I7: the provider's 401 and 403 are not the caller's.
    assert!(!matches!(answer.status.as_u16(), 401 | 403), "{said}");
    record
}

/// How a stream ended: in one way, exactly once.
fn streamed_end(answer: &Answer, said: &str) -> Due {
    let events = answer.events();
    let done = events.iter().filter(|event| *event == "[DONE]").count();
    let is_error = |event: &String| {
        serde_json::from_str::<Value>(event).is_ok_and(|event| event.get("error").is_some())
    };
    let errors = events.iter().filter(|event| is_error(event)).count();
    assert_eq!(done + errors, 1, "{said}");
    let last = events.last().unwrap();
    if done == 1 {
        assert_eq!(last, "[DONE]", "{said}");
        assert_eq!(answer.finishes().len(), 1, "{said}");
        return Due::Served;
    }
    assert!(is_error(last), "{said}");
    Due::Broken(&[])
}

/// I4: exactly one record.
async fn one_record(lab: &Lab, answer: &Answer, said: &str) -> Value {
    assert!(!answer.header("x-request-id").is_empty(), "{said}");
    let record = lab.record(answer).await;
    let all = lab.admin("/v1/admin/requests?limit=1000").await.json();
    let same = all["data"].as_array().unwrap().iter();
    let count = same
        .filter(|one| one["request_id"] == record["request_id"])
        .count();
    assert_eq!(count, 1, "{said}");
    record
}
