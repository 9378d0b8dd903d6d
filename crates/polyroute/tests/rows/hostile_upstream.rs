//! Providers whose bytes lie (F15 to F27), where the simulator is too polite. What it can play is in
//! `tests/gateway/faults.rs`, what they write oddly in `hostile_streams.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use http::StatusCode;

use crate::grid::{Due, PROMPT, judge};
use crate::kit::{CLAUDE, GEMINI, OPENAI, honest_beside, lab_before, lab_with, scaled, serves};
use crate::program::Program;
use crate::provider::{
    DONE, Provider, chunk, claude_begins, claude_ends, claude_says, finish, head, json_answer,
    stream_answer, whole,
};
use crate::support::{ask, ask_streamed, until};

const LIES: &[(u16, &str)] = &[
    (502, "upstream_truncated"),
    (502, "upstream_malformed"),
    (502, "upstream_connection"),
];
const BROKEN: &[&str] = &[
    "upstream_truncated",
    "upstream_connection",
    "upstream_malformed",
];

/// OpenAI is this provider: alone it fails, and with another target behind it that one answers.
async fn fails(
    provider: &Provider,
    stream: bool,
    told: &'static [(u16, &'static str)],
    said: &str,
) {
    let lab = lab_before(Some(provider), None).await;
    for (model, due) in [(OPENAI, Due::Error(told)), ("next-openai", Due::Served)] {
        let body = if stream {
            ask_streamed(model, PROMPT)
        } else {
            ask(model, PROMPT)
        };
        let answer = lab.chat(&body).await;
        judge(
            &lab,
            &answer,
            stream,
            due,
            &format!("{said} {model} {stream}"),
        )
        .await;
    }
}

fn chunked(content_type: &str, pieces: &str) -> String {
    head(content_type, "transfer-encoding: chunked\r\n") + pieces
}

#[tokio::test]
async fn row_f15_a_length_that_lies_is_never_a_success() {
    let body = whole("hello");
    let with = |length: &str| head("application/json", &format!("{length}\r\n")) + &body;
    let cut = format!("{:x}\r\n{}", body.len(), body.split_at(body.len() / 2).0);
    let cases = [
        ("longer than the body", with("content-length: 5000")),
        ("negative", with("content-length: -5")),
        ("no number", with("content-length: many")),
        (
            "beyond 2^64",
            with("content-length: 99999999999999999999999"),
        ),
        (
            "two of them",
            with("content-length: 5\r\ncontent-length: 6"),
        ),
        ("a chunk is cut", chunked("application/json", &cut)),
        (
            "a chunk of no length",
            chunked("application/json", &format!("zz\r\n{body}\r\n0\r\n\r\n")),
        ),
        (
            "a chunk beyond 2^64",
            chunked("application/json", &format!("ffffffffffffffffff\r\n{body}")),
        ),
        (
            "no last chunk",
            chunked(
                "application/json",
                &format!("{:x}\r\n{body}\r\n", body.len()),
            ),
        ),
        ("no HTTP at all", format!("{body}\r\n\r\n")),
        (
            "a status of no number",
            "HTTP/1.1 abc OK\r\n\r\n".to_owned(),
        ),
    ];
    join_all(cases.into_iter().map(|(said, bytes)| async move {
        let provider = Provider::says(bytes).await;
        fails(&provider, false, LIES, said).await;
    }))
    .await;
}

#[tokio::test]
async fn row_f15_a_stream_whose_chunks_lie_ends_in_an_error_event() {
    let first = chunk("one ");
    let first = format!("{:x}\r\n{first}\r\n", first.len());
    let cases = [
        ("cut within a chunk", format!("{first}400\r\ndata: {{")),
        ("no length", format!("{first}zz\r\n")),
        ("no last chunk", first.clone()),
        (
            "a length beyond 2^64",
            format!("{first}ffffffffffffffffff\r\n"),
        ),
    ];
    join_all(cases.into_iter().map(|(said, pieces)| async move {
        let provider = Provider::start(move |mut peer| {
            let pieces = pieces.clone();
            async move {
                if peer.request().await.is_some() {
                    // The first content goes out before the lie comes.
                    let (begin, lie) = pieces.split_at(first_length(&pieces));
                    peer.send(chunked("text/event-stream", begin)).await;
                    peer.rest(Duration::from_millis(150)).await;
                    peer.send(lie).await;
                }
            }
        })
        .await;
        let lab = lab_before(Some(&provider), None).await;
        let answer = lab.chat(&ask_streamed(OPENAI, PROMPT)).await;
        judge(&lab, &answer, true, Due::Broken(BROKEN), said).await;
        assert_eq!(answer.streamed().0, "one ", "{said}");
    }))
    .await;
}

fn first_length(pieces: &str) -> usize {
    pieces.find("\n\n\r\n").unwrap() + 4
}

#[tokio::test]
async fn row_f16_reset_after_k_events() {
    for k in [0, 1, 5, 20] {
        let provider = Provider::start(move |mut peer| async move {
            if peer.request().await.is_some() {
                let events: String = (0..k).map(|at| chunk(&format!("w{at} "))).collect();
                peer.send(stream_answer(&events)).await;
                peer.rest(Duration::from_millis(150)).await;
                peer.reset();
            }
        })
        .await;
        let lab = lab_before(Some(&provider), None).await;
        let answer = lab.chat(&ask_streamed(OPENAI, PROMPT)).await;
        let due = if k == 0 {
            Due::Error(LIES)
        } else {
            Due::Broken(BROKEN)
        };
        judge(&lab, &answer, true, due, &format!("k = {k}")).await;
        assert_eq!(answer.streamed().0.split_whitespace().count(), k);
        let answer = lab.chat(&ask_streamed("next-openai", PROMPT)).await;
        let due = if k == 0 { Due::Served } else { due };
        judge(&lab, &answer, true, due, &format!("k = {k}, next")).await;
    }
}

/// The stated rule: what is passed on is passed on event by event, unread; what is translated must
/// be understood.
#[tokio::test]
async fn row_f18_a_broken_event_passes_in_the_same_dialect_and_ends_a_translation() {
    let events = [
        &chunk("one "),
        "data: {\"choices\": [{\n\n",
        &chunk("two"),
        &finish(),
        DONE,
    ];
    let openai = Provider::says(stream_answer(&events.concat())).await;
    let broken =
        "event: content_block_delta\ndata: {\"type\": \"content_block_delta\", \"index\n\n";
    let events = [
        &claude_begins(),
        &claude_says("one "),
        broken,
        &claude_says("two"),
        &claude_ends(),
    ];
    let claude = Provider::start({
        let events = events.map(ToOwned::to_owned);
        move |mut peer| {
            let events = events.clone();
            async move {
                if peer.request().await.is_some() {
                    peer.send(stream_answer(&events[..2].concat())).await;
                    peer.rest(Duration::from_millis(150)).await;
                    peer.send(events[2..].concat()).await;
                }
            }
        }
    })
    .await;
    let lab = lab_before(Some(&openai), Some(&claude)).await;
    let answer = lab.chat(&ask_streamed(OPENAI, PROMPT)).await;
    assert_eq!(
        answer.streamed(),
        ("one two".to_owned(), true),
        "{}",
        answer.text()
    );
    let answer = lab.chat(&ask_streamed(CLAUDE, PROMPT)).await;
    judge(&lab, &answer, true, Due::Broken(BROKEN), "claude").await;
    assert_eq!(
        answer.streamed(),
        ("one ".to_owned(), false),
        "{}",
        answer.text()
    );
}

const HASTY: &str = "resilience: { attempts_max: 2, deadline: 4s, timeouts: { connect: 1s, first_content: 1s, inter_token: 1s, total: 2s } }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f22_drips_end_at_the_deadline_and_hold_nobody_up() {
    let provider = Provider::start(|mut peer| async move {
        let nth = peer.nth;
        if peer.request().await.is_some() {
            let answer = json_answer(&whole("slow"));
            // In the head, in the body, or with heads that never become an answer.
            let bytes = match nth % 3 {
                0 => answer,
                1 => {
                    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
                    peer.send(format!("{head}\r\n\r\n")).await;
                    body.to_owned()
                }
                _ => "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100),
            };
            for byte in bytes.bytes() {
                if !peer.send([byte]).await {
                    return;
                }
                peer.rest(Duration::from_millis(100)).await;
            }
        }
    })
    .await;
    let lab = lab_with(Some(&provider), None, HASTY).await;
    let attack = join_all((0..scaled(30)).map(|_| async {
        let answer = lab.chat(&ask(OPENAI, PROMPT)).await;
        let due = Due::Error(&[(504, "upstream_timeout")]);
        judge(&lab, &answer, false, due, "drip").await;
    }));
    let (_, honest, slowest) = honest_beside(lab.gateway.address, GEMINI, "", attack).await;
    println!("{honest} honest answers beside drips, the slowest in {slowest:?}");
    assert!(honest > 3, "{honest}");
}

/// Sends what `piece` gives until the other side has enough; counts the bytes.
async fn endless(head: String, piece: String) -> (Provider, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let piece = Arc::new(piece);
    let provider = Provider::start(move |mut peer| {
        let (head, piece, sent) = (head.clone(), Arc::clone(&piece), Arc::clone(&counted));
        async move {
            if peer.request().await.is_none() || !peer.send(&head).await {
                return;
            }
            // A GiB is as good as endless.
            for _ in 0..(1 << 30) / piece.len() {
                if !peer.send(&*piece).await {
                    return;
                }
                sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            }
        }
    })
    .await;
    (provider, sent)
}

/// The most memory that the program held until `done`, in KiB.
async fn most_resident<T>(program: &Program, done: impl Future<Output = T>) -> (T, u64) {
    tokio::pin!(done);
    let mut most = 0;
    loop {
        tokio::select! {
            value = &mut done => return (value, most.max(program.resident_kib())),
            () = tokio::time::sleep(Duration::from_millis(10)) => most = most.max(program.resident_kib()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f23_what_a_provider_sends_too_much_of_is_bounded_in_memory() {
    const MIB: u64 = 1024;
    let x = "x".repeat(64 * 1024);
    let text = head("application/json", "content-length: 1073741824\r\n");
    let line = head("text/event-stream", "connection: close\r\n") + &chunk("one ");
    let open = "HTTP/1.1 200 OK\r\nx-long: ".to_owned();
    // What is sent, how much of it is read, and how much memory it may take.
    for (said, begin, piece, streamed, read_mib, kib_max) in [
        (
            "1 GiB of body",
            text.clone(),
            x.clone(),
            false,
            64,
            (64 + 40) * MIB,
        ),
        (
            "1 GiB in one SSE line",
            format!("{line}data: "),
            x.clone(),
            true,
            8,
            48 * MIB,
        ),
        ("1 GiB in a head", open, x.clone(), false, 1, 24 * MIB),
        (
            "headers without end",
            "HTTP/1.1 200 OK\r\n".to_owned(),
            "x-many: 1\r\n".repeat(1_000),
            false,
            1,
            24 * MIB,
        ),
    ] {
        let (provider, sent) = endless(begin, piece).await;
        let program = Program::with(&provider.url(), ", access_log: off", "");
        let models = if streamed || said.contains("body") {
            vec![OPENAI, CLAUDE]
        } else {
            vec![OPENAI]
        };
        for model in models {
            sent.store(0, Ordering::Relaxed);
            let before = program.resident_kib();
            let body = if streamed {
                ask_streamed(model, "hello")
            } else {
                ask(model, "hello")
            };
            let asked = crate::kit::post(program.address, "", &body, Duration::from_secs(60));
            let (read, most) = most_resident(&program, asked).await;
            let broken = read.text.starts_with("HTTP/1.1 502") || read.text.contains("\"error\"");
            assert!(read.closed && broken, "{said} {model}: {:.400}", read.text);
            assert!(!read.text.contains("[DONE]"), "{said} {model}");
            let grown = most.saturating_sub(before);
            println!(
                "{said}, {model}: {grown} KiB more, {} bytes sent",
                sent.load(Ordering::Relaxed)
            );
            assert!(grown < kib_max, "{said} {model}: {grown} KiB");
            // Two attempts, and what lies in the sockets.
            let sent = sent.load(Ordering::Relaxed) >> 20;
            assert!(
                sent <= 2 * (read_mib + 12),
                "{said} {model}: {sent} MiB were read"
            );
        }
    }
}

#[tokio::test]
async fn row_f24_no_encoding_is_undone_that_was_not_asked_for() {
    for encoding in [
        "gzip",
        "br",
        "zstd",
        "deflate",
        "x-gzip",
        "gzip, gzip",
        "GZIP",
    ] {
        let answer = json_answer(&whole("hello")).replacen(
            "\r\n\r\n",
            &format!("\r\ncontent-encoding: {encoding}\r\n\r\n"),
            1,
        );
        let provider = Provider::says(answer).await;
        fails(&provider, false, LIES, encoding).await;
        assert!(
            provider.seen.requests()[0]
                .to_ascii_lowercase()
                .contains("accept-encoding: identity"),
            "{encoding}"
        );
        let events = [&chunk("one"), &finish(), DONE].concat();
        let answer = String::from_utf8(stream_answer(&events)).unwrap();
        let answer = answer.replacen(
            "\r\n\r\n",
            &format!("\r\ncontent-encoding: {encoding}\r\n\r\n"),
            1,
        );
        let provider = Provider::says(answer).await;
        fails(&provider, true, LIES, encoding).await;
    }
}

#[tokio::test]
async fn row_f25_a_kept_connection_that_closes_costs_no_answer_and_no_second_run() {
    // It closes after each answer, and does not say so.
    let provider = Provider::says(json_answer(&whole("hello"))).await;
    let lab = lab_before(Some(&provider), None).await;
    for _ in 0..100 {
        let answer = lab.chat(&ask(OPENAI, "hello")).await;
        assert_eq!(answer.content(), "hello", "{}", answer.text());
        let record = lab.record(&answer).await;
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1, "{record}");
    }
    // Nothing was sent twice: the requests that met a closed connection never left.
    assert_eq!(provider.seen.requests().len(), 100);

    // It takes the second request of a connection and closes without a byte: whether it ran nobody
    // knows, so that it is an attempt like any other.
    let provider = Provider::start(|mut peer| async move {
        if peer.request().await.is_some() {
            peer.send(json_answer(&whole("hello"))).await;
            peer.request().await;
        }
    })
    .await;
    let lab = lab_before(Some(&provider), None).await;
    let mut attempts = 0;
    for _ in 0..20 {
        let answer = lab.chat(&ask(OPENAI, "hello")).await;
        assert_eq!(answer.content(), "hello", "{}", answer.text());
        let record = lab.record(&answer).await;
        let made = record["attempts"].as_array().unwrap();
        assert!(made.len() <= 2, "{record}");
        if made.len() == 2 {
            assert_eq!(made[0]["outcome"], "connection", "{record}");
        }
        attempts += made.len();
    }
    assert_eq!(provider.seen.requests().len(), attempts);
    assert!(attempts > 20, "no connection was closed under a request");
}

#[tokio::test]
async fn row_f26_interim_heads_trailers_and_old_versions_leave_nothing_behind() {
    let body = whole("hello");
    let (first, second) = body.split_at(20);
    let pieces = format!(
        "14\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\nx-trailer: of-the-trailer\r\ncontent-length: 3\r\n\r\n",
        second.len()
    );
    let answer = json_answer(&body);
    let cases = [
        ("100", format!("HTTP/1.1 100 Continue\r\n\r\n{answer}")),
        (
            "103",
            format!(
                "HTTP/1.1 103 Early Hints\r\nlink: </of-the-hint>\r\nx-request-id: of-the-hint\r\n\r\n{answer}"
            ),
        ),
        (
            "100 and 103",
            format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n{answer}"),
        ),
        ("trailers", chunked("application/json", &pieces)),
        (
            "HTTP/1.0",
            format!("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{body}"),
        ),
        (
            "connection: close",
            head(
                "application/json",
                &format!("connection: close\r\ncontent-length: {}\r\n", body.len()),
            ) + &body,
        ),
    ];
    for (said, bytes) in cases {
        // The connection stays open wherever the answer allows it.
        let closes = said == "HTTP/1.0";
        let provider = Provider::start(move |mut peer| {
            let bytes = bytes.clone();
            async move {
                while peer.request().await.is_some() {
                    peer.send(&bytes).await;
                    if closes {
                        return;
                    }
                }
            }
        })
        .await;
        let lab = lab_before(Some(&provider), None).await;
        for _ in 0..5 {
            let answer = lab.chat(&ask(OPENAI, "hello")).await;
            assert_eq!(answer.content(), "hello", "{said}: {}", answer.text());
            let record = lab.record(&answer).await;
            assert_eq!(record["end"], "complete", "{said}: {record}");
            let shown = format!("{:?}{record}", answer.headers);
            assert!(!shown.contains("of-the-"), "{said}: {shown}");
        }
        assert_eq!(provider.seen.requests().len(), 5, "{said}");
    }
    // Heads alone are no answer.
    let provider = Provider::says("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(5_000)).await;
    fails(&provider, false, LIES, "heads alone").await;
}

#[tokio::test]
async fn row_f27_bytes_after_an_answer_are_nobody_s_answer() {
    let first = json_answer(&whole("first"));
    for (said, rest) in [
        ("a second answer", json_answer(&whole("forged"))),
        ("garbage", "forged\r\n\r\n".to_owned()),
        (
            "half a head",
            "HTTP/1.1 200 OK\r\ncontent-type: forged".to_owned(),
        ),
    ] {
        for late in [false, true] {
            let bytes = (first.clone(), rest.clone());
            let told = Arc::new(AtomicUsize::new(0));
            let done = Arc::clone(&told);
            let provider = Provider::start(move |mut peer| {
                let ((first, rest), told) = (bytes.clone(), Arc::clone(&done));
                async move {
                    while peer.request().await.is_some() {
                        if late {
                            peer.send(&first).await;
                            peer.rest(Duration::from_millis(3)).await;
                            peer.send(&rest).await;
                        } else {
                            peer.send(format!("{first}{rest}")).await;
                        }
                        told.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
            .await;
            let lab = lab_before(Some(&provider), None).await;
            // Several at once, and the next ones on the same connections if those were kept. What
            // comes while a request is under way is its answer: nobody could tell otherwise.
            for round in 1..=scaled(20) {
                let answers = (0..3).map(|_| async { lab.chat(&ask(OPENAI, "hello")).await });
                for answer in join_all(answers).await {
                    assert_eq!(
                        answer.content(),
                        "first",
                        "{said}, late = {late}: {}",
                        answer.text()
                    );
                }
                until(5, "the provider did not say all", || {
                    (told.load(Ordering::Relaxed) >= 3 * round).then_some(())
                })
                .await;
            }
        }
    }
}

#[tokio::test]
async fn row_f16_the_gateway_serves_after_all_of_it() {
    let provider = Provider::start(|mut peer| async move {
        peer.request().await;
        peer.reset();
    })
    .await;
    let lab = lab_before(Some(&provider), None).await;
    let asked = (0..scaled(100)).map(|_| async { lab.chat(&ask(OPENAI, "hello")).await });
    for answer in join_all(asked).await {
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{}", answer.text());
    }
    serves(&lab).await;
    until(3, "streams are open", || {
        (lab.gateway.gateway.telemetry.metrics.open_streams.get() == 0).then_some(())
    })
    .await;
}
