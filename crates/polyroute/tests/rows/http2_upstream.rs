//! Providers of HTTP/2 that do what no server should (F16, F22, F23, F25, F26), frame by frame over TLS.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::Value;

use crate::http2::{
    CONTINUATION, DATA, EARLY_HINTS, END_HEADERS, END_STREAM, GOAWAY, H2, HEADERS, PING,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, answer_head, frame, setting,
};
use crate::kit::{GEMINI, OPENAI, honest_beside};
use crate::provider::{DONE, chunk, finish, whole};
use crate::raw::resident_kib;
use crate::support::{Answer, Lab, Plan, ask, ask_streamed, until};
use crate::tls::{Authority, Folder, Good, listen, tls_in_front_for};

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
const HASTY: &str = "resilience: { attempts_max: 2, deadline: 5s, timeouts: { connect: 1s, first_content: 1s, inter_token: 1s, total: 2s } }\n";

const NO_ERROR: u32 = 0;
const INTERNAL_ERROR: u32 = 2;
const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;

/// What a provider saw: the connection and the stream of each request.
type Seen = Arc<Mutex<Vec<(usize, u32)>>>;

/// A lab whose OpenAI speaks HTTP/2 as it likes; the route `next` goes on to a simulated Gemini.
struct Hostile {
    lab: Lab,
    seen: Seen,
    _folder: Folder,
}

/// A connection of the gateway's.
struct Peer {
    h2: H2,
    nth: usize,
    seen: Seen,
}

impl Peer {
    async fn request(&mut self) -> Option<u32> {
        let stream = self.h2.request().await?;
        self.seen.lock().unwrap().push((self.nth, stream));
        Some(stream)
    }

    /// Sends a flood until the other side closes, reading what it says; how many pieces it took.
    async fn flood(&mut self, piece: &[u8], most: usize) -> Option<usize> {
        for nth in 0..most {
            let sent = self.h2.send(piece).await;
            let (_, closed) = match nth % 50 {
                0 => self.h2.read_for(Duration::from_millis(1)).await,
                _ => (Vec::new(), false),
            };
            if !sent || closed {
                return Some(nth);
            }
        }
        None
    }

    /// Waits until the other side closes.
    async fn closed(&mut self) {
        while self.h2.frame().await.is_some() {}
    }
}

impl Hostile {
    async fn start<H, F>(settings: Vec<u8>, serve: H) -> Self
    where
        H: Fn(Peer) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let seen = Seen::default();
        let (all, count) = (Arc::clone(&seen), Arc::new(AtomicUsize::new(0)));
        let plain = listen(move |stream| {
            let (seen, nth) = (Arc::clone(&all), count.fetch_add(1, Ordering::Relaxed));
            let (settings, serve) = (settings.clone(), serve.clone());
            async move {
                if let Some(h2) = H2::accept(stream, &settings).await {
                    serve(Peer { h2, nth, seen }).await;
                }
            }
        })
        .await;
        let authority = Authority::new();
        let (certificate, key) = authority.sign("localhost", Good::Now);
        let address = tls_in_front_for(plain, &certificate, &key, &["h2"]).await;
        let folder = Folder::new();
        let file = folder.write("ca.pem", &authority.pem);
        let more = format!(
            "{HASTY}providers:\n  \
             openai: {{ base_url: \"https://localhost:{}/v1\", credentials: [\"${{KEY}}\"], models: false, http2: true }}\n  \
             anthropic: {{ base_url: \"$SIM/anthropic\", credentials: [\"${{KEY}}\"] }}\n  \
             gemini: {{ base_url: \"$SIM/gemini\", credentials: [\"${{KEY}}\"] }}\n",
            address.port()
        );
        let lab = Lab::build(Plan {
            more: &more,
            routes: &format!("  next: [{OPENAI}, {GEMINI}]\n"),
            environment: &[("SSL_CERT_FILE", file.to_str().unwrap())],
            ..Plan::default()
        })
        .await;
        Self {
            lab,
            seen,
            _folder: folder,
        }
    }

    async fn asks(&self, model: &str, stream: bool) -> (Answer, Value) {
        let body = match stream {
            true => ask_streamed(model, "echo: fine"),
            false => ask(model, "echo: fine"),
        };
        let answer = self.lab.chat(&body).await;
        let record = self.lab.record(&answer).await;
        (answer, record)
    }

    fn requests(&self) -> Vec<(usize, u32)> {
        self.seen.lock().unwrap().clone()
    }

    /// Alone it fails with one of these codes, and with another target behind it that one answers.
    async fn fails(&self, codes: &[&str], said: &str) {
        for stream in [false, true] {
            let (answer, record) = self.asks(OPENAI, stream).await;
            let text = answer.text();
            assert_ne!(
                answer.status,
                StatusCode::OK,
                "{said} {stream}: {text} {record}"
            );
            let code = answer.code();
            assert!(codes.contains(&code.as_str()), "{said} {stream}: {text}");
            assert!(text.len() < 1_000, "{said}: {text}");
            assert_eq!(record["end"], "failed", "{said}: {record}");
            let (answer, record) = self.asks("next", stream).await;
            let text = answer.text();
            assert_eq!(answer.status, StatusCode::OK, "{said} {stream}: {text}");
            assert!(text.contains("fine"), "{said} {stream}: {text}");
            assert_eq!(record["attempts"].as_array().unwrap().len(), 2, "{said}");
        }
    }
}

/// RST_STREAM and GOAWAY, for these reasons.
fn reset(stream: u32, reason: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &reason.to_be_bytes())
}

fn go_away(last: u32, reason: u32, debug: &[u8]) -> Vec<u8> {
    let payload = [&last.to_be_bytes()[..], &reason.to_be_bytes(), debug].concat();
    frame(GOAWAY, 0, 0, &payload)
}

/// What an honest provider does.
async fn honest(mut peer: Peer) {
    while let Some(stream) = peer.request().await {
        peer.h2.answer(stream, JSON, &whole("fine")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f26_http_2_is_spoken_and_interim_heads_are_no_answer() {
    let hostile = Hostile::start(Vec::new(), |mut peer| async move {
        while let Some(stream) = peer.request().await {
            let hints = frame(HEADERS, END_HEADERS, stream, &EARLY_HINTS);
            peer.h2.send(&hints.repeat(3)).await;
            peer.h2.answer(stream, JSON, &whole("fine")).await;
        }
    })
    .await;
    for _ in 0..3 {
        let (answer, record) = hostile.asks(OPENAI, false).await;
        assert_eq!(answer.content(), "fine", "{}", answer.text());
        assert_eq!(record["attempts"].as_array().unwrap().len(), 1, "{record}");
    }
    // All on one connection, so that it was HTTP/2.
    assert_eq!(hostile.requests(), [(0, 1), (0, 3), (0, 5)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f16_a_stream_that_is_reset_is_never_a_success() {
    for reason in [NO_ERROR, CANCEL, INTERNAL_ERROR, REFUSED_STREAM] {
        for words in [0, 3] {
            let hostile = Hostile::start(Vec::new(), move |mut peer| async move {
                while let Some(stream) = peer.request().await {
                    let said: String = (0..words).map(|at| chunk(&format!("w{at} "))).collect();
                    let mut frames = frame(HEADERS, END_HEADERS, stream, &answer_head(EVENTS));
                    if words > 0 {
                        frames.extend(frame(DATA, 0, stream, said.as_bytes()));
                    }
                    peer.h2.send(&frames).await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    peer.h2.send(&reset(stream, reason)).await;
                }
            })
            .await;
            let (answer, record) = hostile.asks(OPENAI, true).await;
            let text = answer.text();
            let said = format!("{reason} {words}: {} {text}", answer.status);
            assert!(!text.contains("[DONE]"), "{said}");
            assert!(!text.contains("\"finish_reason\":\"stop\""), "{said}");
            if words == 0 {
                assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{said}");
                let (answer, _) = hostile.asks("next", true).await;
                assert!(answer.text().contains("fine"), "{}", answer.text());
            } else {
                assert!(text.contains("w2 ") && text.contains("\"error\""), "{said}");
                assert_eq!(record["end"], "truncated", "{said} {record}");
            }
        }
        // A whole answer, cut at half and at its last byte.
        for left_out in [1, 150] {
            let hostile = Hostile::start(Vec::new(), move |mut peer| async move {
                while let Some(stream) = peer.request().await {
                    let body = whole("fine");
                    let cut = &body.as_bytes()[..body.len() - left_out];
                    let frames = [
                        frame(HEADERS, END_HEADERS, stream, &answer_head(JSON)),
                        frame(DATA, 0, stream, cut),
                        reset(stream, reason),
                    ];
                    peer.h2.send(&frames.concat()).await;
                }
            })
            .await;
            let (answer, record) = hostile.asks(OPENAI, false).await;
            let said = format!("{reason} {left_out}: {} {record}", answer.text());
            assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{said}");
            let (answer, _) = hostile.asks("next", false).await;
            assert_eq!(answer.content(), "fine", "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f25_what_a_connection_that_ends_has_not_taken_is_sent_again() {
    // The first connection takes leave before it has taken anything, or refuses what comes.
    type Ends = fn(u32) -> Vec<u8>;
    let cases: [(&str, Ends); 3] = [
        ("GOAWAY", |_| go_away(0, NO_ERROR, b"")),
        ("GOAWAY for an error", |_| go_away(0, INTERNAL_ERROR, b"x")),
        ("REFUSED_STREAM", |stream| reset(stream, REFUSED_STREAM)),
    ];
    for (said, ends) in cases {
        for stream in [false, true] {
            let hostile = Hostile::start(Vec::new(), move |mut peer| async move {
                let mut refused = peer.nth > 0;
                while let Some(asked) = peer.request().await {
                    if !refused {
                        refused = true;
                        peer.h2.send(&ends(asked)).await;
                    } else if stream {
                        let events = [chunk("fine"), finish(), DONE.to_owned()].concat();
                        peer.h2.answer(asked, EVENTS, &events).await;
                    } else {
                        peer.h2.answer(asked, JSON, &whole("fine")).await;
                    }
                }
            })
            .await;
            let (answer, record) = hostile.asks(OPENAI, stream).await;
            let text = answer.text();
            assert!(text.contains("fine"), "{said}: {text}");
            // It is one attempt: the provider has not run anything.
            let attempts = record["attempts"].as_array().unwrap();
            assert_eq!(attempts.len(), 1, "{said}: {record}");
            assert_eq!(hostile.requests().len(), 2, "{said}");
        }
    }
    // What it may have taken is not sent again in secret: it is an attempt that failed.
    let hostile = Hostile::start(Vec::new(), |mut peer| async move {
        if peer.nth > 0 {
            return honest(peer).await;
        }
        if let Some(stream) = peer.request().await {
            peer.h2.send(&go_away(stream, NO_ERROR, b"")).await;
        }
    })
    .await;
    let (answer, record) = hostile.asks(OPENAI, false).await;
    assert_eq!(answer.content(), "fine", "{}", answer.text());
    let attempts = record["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 2, "{record}");
    assert_eq!(attempts[0]["outcome"], "connection", "{record}");
    // One that takes nothing, ever, is not asked for ever; what it says is not passed on at length.
    let words = "z".repeat(10_000);
    let hostile = Hostile::start(Vec::new(), move |mut peer| {
        let last = go_away(0, INTERNAL_ERROR, words.as_bytes());
        async move {
            if peer.request().await.is_some() {
                peer.h2.send(&last).await;
                peer.closed().await;
            }
        }
    })
    .await;
    hostile.fails(&["upstream_connection"], "GOAWAY").await;
    // Alone two attempts, with another target one; each is sent twice at most.
    let sent = hostile.requests().len();
    assert!((4..=12).contains(&sent), "{sent}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f25_answers_go_on_while_their_connection_takes_leave() {
    let hostile = Hostile::start(Vec::new(), |mut peer| async move {
        if peer.nth > 0 {
            return honest(peer).await;
        }
        let Some(stream) = peer.request().await else {
            return;
        };
        let begin = frame(HEADERS, END_HEADERS, stream, &answer_head(EVENTS));
        let said = frame(DATA, 0, stream, chunk("one ").as_bytes());
        let frames = [begin, said, go_away(stream, NO_ERROR, b"")].concat();
        peer.h2.send(&frames).await;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let rest = [chunk("two"), finish(), DONE.to_owned()].concat();
        peer.h2
            .send(&frame(DATA, END_STREAM, stream, rest.as_bytes()))
            .await;
        peer.closed().await;
    })
    .await;
    let long = hostile.asks(OPENAI, true);
    let beside = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        hostile.asks(OPENAI, false).await
    };
    let ((long, _), (beside, record)) = tokio::join!(long, beside);
    assert!(long.text().contains("two") && long.text().contains("[DONE]"));
    assert_eq!(beside.content(), "fine", "{}", beside.text());
    assert_eq!(record["attempts"].as_array().unwrap().len(), 1, "{record}");
    assert_eq!(hostile.requests(), [(0, 1), (1, 1)]);
}

/// A literal header that is not indexed, with a value of 256 bytes.
fn large_header() -> Vec<u8> {
    let name = &b"x-many"[..];
    [&[0x00, 0x06], name, &[0x7f, 0x81, 0x01], &[b'a'; 256]].concat()
}

/// 4,000 bytes that are kept under one number, and that number again and again.
fn bomb() -> Vec<u8> {
    let mut block = vec![0x40, 0x01, b'x', 0x7f, 0xa1, 0x1e];
    block.extend_from_slice(&[b'b'; 4_000]);
    block.extend_from_slice(&[0xbe; 12_000]);
    block
}

/// A head in as many frames as it takes, without its end.
fn pieces(stream: u32, block: &[u8], ends: bool) -> Vec<u8> {
    let count = block.chunks(16_000).count();
    let pieces = block.chunks(16_000).enumerate().map(|(at, piece)| {
        let kind = if at == 0 { HEADERS } else { CONTINUATION };
        let flags = if ends && at + 1 == count {
            END_HEADERS
        } else {
            0
        };
        frame(kind, flags, stream, piece)
    });
    pieces.collect::<Vec<_>>().concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f23_a_head_of_http_2_that_is_too_large_or_never_ends_is_refused() {
    let before = resident_kib();
    type Block = fn() -> Vec<u8>;
    let cases: [(&str, bool, Block); 4] = [
        ("1 MiB", true, || {
            [answer_head(JSON), large_header().repeat(4_000)].concat()
        }),
        ("10,000 headers", true, || {
            let small = [0x00, 0x01, b'x', 0x01, b'y'].repeat(10_000);
            [answer_head(JSON), small].concat()
        }),
        ("a bomb", true, || [answer_head(JSON), bomb()].concat()),
        ("endless", false, || answer_head(JSON)),
    ];
    for (said, ends, block) in cases {
        let took = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&took);
        let hostile = Hostile::start(Vec::new(), move |mut peer| {
            let took = Arc::clone(&all);
            async move {
                let Some(stream) = peer.request().await else {
                    return;
                };
                peer.h2.send(&pieces(stream, &block(), ends)).await;
                if !ends {
                    let piece = frame(CONTINUATION, 0, stream, &large_header().repeat(60));
                    let count = peer.flood(&piece, 20_000).await;
                    took.lock().unwrap().push(count);
                    return;
                }
                peer.h2
                    .send(&frame(DATA, END_STREAM, stream, whole("x").as_bytes()))
                    .await;
                peer.closed().await;
            }
        })
        .await;
        hostile
            .fails(&["upstream_connection", "upstream_malformed"], said)
            .await;
        if !ends {
            // The connection was closed, long before it was through.
            until(10, "a flood goes on", || {
                (took.lock().unwrap().len() >= 4).then_some(())
            })
            .await;
            let took = took.lock().unwrap();
            println!("{said}: closed after {took:?} frames");
            assert!(took.iter().all(Option::is_some), "{took:?}");
        }
    }
    let grown = resident_kib().saturating_sub(before);
    println!("{grown} KiB");
    assert!(grown < 64 * 1024, "{grown} KiB");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f22_a_window_that_stays_shut_ends_at_the_timeout() {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    let hostile = Hostile::start(setting(INITIAL_WINDOW_SIZE, 0), |mut peer| async move {
        // Pings are answered: the connection is well.
        while peer.request().await.is_some() {}
    })
    .await;
    let begun = Instant::now();
    hostile.fails(&["upstream_timeout"], "no window").await;
    assert!(begun.elapsed() < Duration::from_secs(20));
    // What left before the settings were seen, and nothing after it.
    let requests = hostile.requests();
    assert!(
        requests.iter().all(|(_, stream)| *stream == 1),
        "{requests:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_f22_frames_that_carry_nothing_are_no_answer_and_cost_nobody_else() {
    let before = resident_kib();
    type Flood = fn(u32) -> Vec<u8>;
    let cases: [(&str, Flood); 8] = [
        ("PING", |_| frame(PING, 0, 0, &[0; 8])),
        ("SETTINGS", |_| frame(SETTINGS, 0, 0, &[])),
        ("WINDOW_UPDATE", |_| {
            frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())
        }),
        ("RST_STREAM of other streams", |stream| {
            reset(stream + 2, CANCEL)
        }),
        ("103", |stream| {
            frame(HEADERS, END_HEADERS, stream, &EARLY_HINTS)
        }),
        ("large 103", |stream| {
            let block = [&EARLY_HINTS[..], &large_header().repeat(20)].concat();
            frame(HEADERS, END_HEADERS, stream, &block)
        }),
        ("empty DATA", |stream| {
            let mut frames = frame(HEADERS, END_HEADERS, stream, &answer_head(EVENTS));
            frames.extend(frame(DATA, 0, stream, &[]).repeat(100));
            frames
        }),
        ("unknown frames", |_| frame(0xfa, 0, 0, &[1; 100])),
    ];
    for (said, flood) in cases {
        let took = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&took);
        let hostile = Hostile::start(Vec::new(), move |mut peer| {
            let took = Arc::clone(&all);
            async move {
                let Some(stream) = peer.request().await else {
                    return;
                };
                let begun = Instant::now();
                let piece = flood(stream).repeat(20);
                // As fast as it can, far beyond the attempt.
                let mut count = 0;
                while begun.elapsed() < Duration::from_secs(6) {
                    match peer.flood(&piece, 100).await {
                        Some(more) => {
                            count += more;
                            break;
                        }
                        None => count += 100,
                    }
                }
                took.lock().unwrap().push((20 * count, begun.elapsed()));
            }
        })
        .await;
        let attack = hostile.fails(
            &[
                "upstream_timeout",
                "upstream_connection",
                "upstream_malformed",
                "upstream_truncated",
            ],
            said,
        );
        let address = hostile.lab.gateway.address;
        let ((), honest, slowest) = honest_beside(address, GEMINI, "", attack).await;
        println!(
            "{said}: {honest} honest answers, the slowest in {slowest:?}; sent {:?}",
            took.lock().unwrap()
        );
    }
    let grown = resident_kib().saturating_sub(before);
    println!("{grown} KiB");
    assert!(grown < 96 * 1024, "{grown} KiB");
}
