//! Row S23: what HTTP/2 lets a caller ask of a server for nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::SendRequest;

use crate::http2::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Frame, GOAWAY, H2, HEADERS, PING, PRIORITY,
    RST_STREAM, SETTINGS, WINDOW_UPDATE, frame, head, setting,
};
use crate::kit::{CHAT, GEMINI, OPENAI, honest_beside, lab_with, metric, serves};
use crate::program::Program;
use crate::provider::{Provider, chunk, json_answer, stream_answer, whole};
use crate::support::{Lab, ask, ask_streamed, server, until};

/// Sends `flood(n)` for n = 0, 1, 2 ... until the connection is closed, reading what comes, or gives
/// up after so many. How many it took.
async fn flood(connection: &mut H2, most: usize, frames: impl Fn(u32) -> Vec<u8>) -> Option<usize> {
    for nth in 0..most {
        let sent = connection.send(&frames(u32::try_from(nth).unwrap())).await;
        // Reading keeps the other side from waiting for us.
        let (_, closed) = if nth % 50 == 0 {
            connection.read_for(Duration::from_millis(1)).await
        } else {
            (Vec::new(), false)
        };
        if !sent || closed {
            return Some(nth);
        }
    }
    let (_, closed) = connection.read_for(Duration::from_secs(3)).await;
    closed.then_some(most)
}

const INITIAL_WINDOW_SIZE: u16 = 4;

fn pair(stream: u32) -> Vec<u8> {
    let begin = frame(HEADERS, END_HEADERS, stream, &head(CHAT));
    [begin, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s23_floods_of_frames_that_carry_nothing_close_the_connection() {
    let lab = Lab::start().await;
    let address = lab.gateway.address;
    let most = 50_000;
    let whole = |stream| {
        let begin = frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            stream,
            &head("/health/live"),
        );
        [begin, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    };
    type Flood<'a> = (&'a str, Box<dyn Fn(u32) -> Vec<u8> + 'a>);
    let floods: [Flood<'_>; 9] = [
        ("rapid reset", Box::new(|nth| pair(1 + 2 * nth))),
        (
            "rapid reset of whole requests",
            Box::new(|nth| whole(1 + 2 * nth)),
        ),
        (
            "many resets in one write",
            Box::new(|nth| {
                (0..50)
                    .flat_map(|at| pair(1 + 2 * (50 * nth + at)))
                    .collect()
            }),
        ),
        ("PING", Box::new(|_| frame(PING, 0, 0, &[0; 8]))),
        (
            "PING acknowledged",
            Box::new(|_| frame(PING, 1, 0, &[7; 8])),
        ),
        ("SETTINGS", Box::new(|_| frame(SETTINGS, 0, 0, &[]))),
        (
            "PRIORITY",
            Box::new(|_| frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ),
        (
            "WINDOW_UPDATE",
            Box::new(|_| frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())),
        ),
        ("unknown frames", Box::new(|_| frame(0xfa, 0, 0, b"x"))),
    ];
    for (said, frames) in floods {
        let mut connection = H2::open(address, &[]).await;
        let attack = flood(&mut connection, most, frames);
        let (took, honest, slowest) = honest_beside(address, GEMINI, "", attack).await;
        println!(
            "{said}: closed after {took:?}; {honest} honest answers, the slowest in {slowest:?}"
        );
        assert!(took.is_some_and(|took| took < most), "{said}: still open");
    }
    let text = lab.admin("/metrics").await.text();
    assert!(
        metric(&text, "polyroute_bounds_hit_total{bound=\"http2_frames\"}") >= 3,
        "{text}"
    );
    serves(&lab).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_s23_a_head_that_never_ends_closes_the_connection_and_takes_no_memory() {
    let lab = Lab::start().await;
    let program = Program::start(&lab.sim.url(), ", access_log: off");
    let before = program.resident_kib();
    // A literal header that is not indexed, again and again; and frames with nothing in them.
    let piece: Vec<u8> = [
        &[0x00, 0x06],
        &b"x-many"[..],
        &[0x7f, 0x81, 0x01],
        &[b'a'; 256],
    ]
    .concat();
    let piece = piece.repeat(60);
    for payload in [&piece[..], &[]] {
        let mut connection = H2::open(program.address, &[]).await;
        connection.send(&frame(HEADERS, 0, 1, &head(CHAT))).await;
        let took = flood(&mut connection, 50_000, |_| {
            frame(CONTINUATION, 0, 1, payload)
        })
        .await;
        assert!(took.is_some_and(|took| took < 50_000), "{took:?}");
        println!(
            "closed after {took:?} CONTINUATION frames of {} bytes",
            payload.len()
        );
    }
    let grown = program.resident_kib().saturating_sub(before);
    assert!(grown < 32 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn row_s23_a_head_over_its_bound_is_refused_and_the_connection_goes_on() {
    let lab = Lab::with(&server(", limits: { head: 16KiB }"), "").await;
    let mut connection = H2::open(lab.gateway.address, &[]).await;
    let large: Vec<u8> = [
        &[0x00, 0x06],
        &b"x-many"[..],
        &[0x7f, 0x81, 0x01],
        &[b'a'; 256],
    ]
    .concat();
    let block = [head(CHAT), large.repeat(50)].concat();
    connection
        .send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block))
        .await;
    let (frames, closed) = connection.read_for(Duration::from_secs(1)).await;
    assert!(!closed, "{frames:?}");
    let answered = frames
        .iter()
        .any(|frame| frame.stream == 1 && [HEADERS, RST_STREAM].contains(&frame.kind));
    assert!(answered, "{frames:?}");
    assert!(lab.attempts().is_empty());
    connection
        .post(3, CHAT, &ask(OPENAI, "echo: fine").to_string())
        .await;
    let (frames, _) = connection.read_for(Duration::from_secs(2)).await;
    let text: Vec<u8> = frames
        .iter()
        .filter(|frame| frame.kind == DATA)
        .flat_map(|frame| frame.payload.clone())
        .collect();
    assert!(
        String::from_utf8_lossy(&text).contains("fine"),
        "{frames:?}"
    );
}

#[tokio::test]
async fn row_s23_more_streams_than_allowed_are_refused_one_by_one() {
    let lab = Lab::start().await;
    lab.fault("openai", "hang");
    let mut connection = H2::open(lab.gateway.address, &[]).await;
    let body = ask_streamed(OPENAI, "hello").to_string();
    for nth in 0..300 {
        assert!(connection.post(1 + 2 * nth, CHAT, &body).await);
    }
    let (frames, closed) = connection.read_for(Duration::from_secs(2)).await;
    let mut refused: Vec<u32> = frames
        .iter()
        .filter(|frame| frame.kind == RST_STREAM)
        .map(|frame| frame.stream)
        .collect();
    refused.sort_unstable();
    refused.dedup();
    assert!(
        !closed && refused.len() == 100,
        "{} refused: {:?}",
        refused.len(),
        frames.last()
    );
    assert!(lab.attempts().len() <= 200, "{}", lab.attempts().len());
    drop(connection);
    until(10, "requests are open upstream", || {
        lab.attempts()
            .iter()
            .all(|entry| entry.ended_ms.is_some())
            .then_some(())
    })
    .await;
}

/// A provider whose stream never ends, and whether it was left.
async fn endless() -> (Provider, Arc<AtomicBool>) {
    let closed = Arc::new(AtomicBool::new(false));
    let left = Arc::clone(&closed);
    let provider = Provider::start(move |mut peer| {
        let left = Arc::clone(&left);
        async move {
            if peer.request().await.is_some() {
                peer.send(stream_answer("")).await;
                // Drop by drop: a caller has a second more for each KiB that it was given.
                while peer.send(chunk("x")).await {
                    peer.rest(Duration::from_millis(10)).await;
                }
                left.store(true, Ordering::Relaxed);
            }
        }
    })
    .await;
    (provider, closed)
}

#[tokio::test]
async fn row_s23_a_window_that_stays_shut_holds_no_provider() {
    let (provider, closed) = endless().await;
    let limits = server(", limits: { send_timeout: 700ms, idle_timeout: 1s }");
    let lab = lab_with(Some(&provider), None, &limits).await;
    let mut connection = H2::open(lab.gateway.address, &setting(INITIAL_WINDOW_SIZE, 0)).await;
    connection
        .post(1, CHAT, &ask_streamed(OPENAI, "hello").to_string())
        .await;
    connection
        .post(3, CHAT, &ask(GEMINI, "words:20").to_string())
        .await;
    // The provider of the stream is let go, and the record says who left.
    until(10, "the stream is still open upstream", || {
        closed.load(Ordering::Relaxed).then_some(())
    })
    .await;
    // The record comes on a thread of its own.
    let mut all = lab.admin("/v1/admin/requests").await.json();
    let streams = |all: &serde_json::Value| -> Vec<serde_json::Value> {
        let data = all["data"].as_array().unwrap().iter();
        data.filter(|record| record["stream"] == true)
            .cloned()
            .collect()
    };
    for _ in 0..100 {
        if !streams(&all).is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        all = lab.admin("/v1/admin/requests").await.json();
    }
    let left = streams(&all);
    assert_eq!(left.len(), 1, "{all}");
    assert_eq!(left[0]["end"], "client_closed", "{all}");
    let text = lab.admin("/metrics").await.text();
    assert!(
        metric(&text, "polyroute_bounds_hit_total{bound=\"send_time\"}") >= 1,
        "{text}"
    );
    // The whole answer waits in the connection: with nothing else going on it is closed.
    let begun = Instant::now();
    let (_, closed) = connection.read_for(Duration::from_secs(10)).await;
    assert!(
        closed,
        "the connection is still open after {:?}",
        begun.elapsed()
    );
    serves(&lab).await;
}

#[tokio::test]
async fn row_s23_a_window_that_opens_slowly_gets_the_whole_answer() {
    let limits = ", limits: { send_timeout: 1s, idle_timeout: 1s }";
    let lab = Lab::with(&server(limits), "").await;
    let mut connection = H2::open(lab.gateway.address, &setting(INITIAL_WINDOW_SIZE, 2_000)).await;
    connection
        .post(1, CHAT, &ask_streamed(OPENAI, "words:100").to_string())
        .await;
    let mut text = String::new();
    let begun = Instant::now();
    while !text.contains("[DONE]") {
        let (frames, closed) = connection.read_for(Duration::from_millis(150)).await;
        assert!(
            !closed && begun.elapsed() < Duration::from_secs(40),
            "{text}"
        );
        for frame in frames {
            assert!(
                frame.kind != RST_STREAM && frame.kind != GOAWAY,
                "{frame:?}"
            );
            if frame.kind == DATA {
                text.push_str(&String::from_utf8_lossy(&frame.payload));
            }
        }
        let more = frame(WINDOW_UPDATE, 0, 1, &1_500_u32.to_be_bytes());
        let all = frame(WINDOW_UPDATE, 0, 0, &1_500_u32.to_be_bytes());
        connection.send(&[more, all].concat()).await;
    }
    assert!(
        begun.elapsed() > Duration::from_secs(1),
        "it was not slow: {:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn row_s23_a_connection_that_only_answers_pings_is_idle() {
    let limits = ", limits: { idle_timeout: 1s }";
    let lab = Lab::with(&server(limits), "").await;
    let mut connection = H2::open(lab.gateway.address, &[]).await;
    for stream in [1, 3, 5] {
        connection
            .post(stream, CHAT, &ask(OPENAI, "echo: fine").to_string())
            .await;
        let (frames, closed) = connection.read_for(Duration::from_millis(400)).await;
        assert!(!closed, "{frames:?}");
        assert!(
            frames
                .iter()
                .any(|frame| frame.kind == HEADERS && frame.stream == stream),
            "{frames:?}"
        );
    }
    let begun = Instant::now();
    loop {
        let sent = connection.send(&frame(PING, 0, 0, &[1; 8])).await;
        let (_, closed) = connection.read_for(Duration::from_millis(100)).await;
        if closed || !sent {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(8), "it is still open");
    }
}

/// A client of the library's, connected and ready.
async fn client(address: std::net::SocketAddr) -> (SendRequest<Bytes>, Connected) {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connected = tokio::spawn(connection);
    (client.ready().await.unwrap(), connected)
}

type Connected = tokio::task::JoinHandle<Result<(), h2::Error>>;

/// Asks with a client of the library's; the answer, whole.
async fn asks(client: &mut SendRequest<Bytes>, body: String) -> Result<String, h2::Error> {
    let request = http::Request::post(format!("http://x{CHAT}"))
        .body(())
        .unwrap();
    let (answer, mut sending) = client.send_request(request, false)?;
    sending.send_data(body.into(), true)?;
    let mut body = answer.await?.into_body();
    let mut text = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        let _ = body.flow_control().release_capacity(data.len());
        text.extend_from_slice(&data);
    }
    Ok(String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn row_s23_an_idle_connection_is_taken_leave_of() {
    let limits = ", limits: { idle_timeout: 1s }";
    let lab = Lab::with(&server(limits), "").await;
    let (mut client, connected) = client(lab.gateway.address).await;
    for _ in 0..2 {
        let text = asks(&mut client, ask(OPENAI, "echo: fine").to_string()).await;
        assert!(text.unwrap().contains("fine"));
        tokio::time::sleep(Duration::from_millis(600)).await;
        client = client.ready().await.unwrap();
    }
    // It ends as it should, which a connection that is only closed does not, and the client knows
    // that nothing it sends is taken.
    let ended = tokio::time::timeout(Duration::from_secs(8), connected).await;
    let ended = ended.unwrap().unwrap();
    assert!(ended.is_ok(), "{ended:?}");
    let refused = client.ready().await.unwrap_err();
    assert!(
        refused.is_go_away() && refused.is_remote() || refused.is_io(),
        "{refused:?}"
    );
    // In frames: an announcement, then the last request that was taken.
    let mut connection = H2::open(lab.gateway.address, &[]).await;
    connection
        .post(1, CHAT, &ask(OPENAI, "echo: fine").to_string())
        .await;
    let (frames, closed) = connection.read_for(Duration::from_secs(10)).await;
    assert!(closed, "{frames:?}");
    let last = frames.iter().rfind(|frame| frame.kind == GOAWAY);
    let last = last.unwrap_or_else(|| panic!("no GOAWAY: {frames:?}"));
    // NO_ERROR.
    assert_eq!(last.payload[4..8], [0; 4], "{last:?}");
}

#[tokio::test]
async fn row_s23_a_request_that_crosses_the_leave_is_answered() {
    let limits = ", limits: { idle_timeout: 1s }";
    let provider = Provider::start(|mut peer| async move {
        while peer.request().await.is_some() {
            peer.rest(Duration::from_secs(3)).await;
            peer.send(json_answer(&whole("late"))).await;
        }
    })
    .await;
    let lab = lab_with(Some(&provider), None, &server(limits)).await;
    let mut connection = H2::open(lab.gateway.address, &[]).await;
    let body = ask(GEMINI, "echo: fine").to_string();
    connection.post(1, CHAT, &body).await;
    let mut all = Vec::new();
    let begun = Instant::now();
    while !all.iter().any(|frame: &Frame| frame.kind == GOAWAY) {
        assert!(begun.elapsed() < Duration::from_secs(10), "no GOAWAY");
        let (frames, closed) = connection.read_for(Duration::from_millis(50)).await;
        assert!(!closed, "{frames:?}");
        all.extend(frames);
    }
    // Our ping is not answered: for all that the gateway knows we have not read it yet.
    connection
        .post(3, CHAT, &ask(OPENAI, "echo: late").to_string())
        .await;
    let (frames, closed) = connection.read_for(Duration::from_secs(20)).await;
    let text: Vec<u8> = frames
        .iter()
        .filter(|frame| frame.kind == DATA && frame.stream == 3)
        .flat_map(|frame| frame.payload.clone())
        .collect();
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("late"), "{text}: {frames:?}");
    // And then it is closed, whether we take leave or not.
    assert!(closed);
}

#[tokio::test]
async fn row_s23_a_caller_that_reads_no_pongs_is_closed() {
    let lab = Lab::with(&server(", limits: { send_timeout: 700ms }"), "").await;
    let mut connection = H2::open(lab.gateway.address, &[]).await;
    let pings = frame(PING, 0, 0, &[0; 8]).repeat(1_000);
    let begun = Instant::now();
    // Nothing is read: what we have to say piles up in the socket.
    while tokio::time::timeout(Duration::from_secs(3), connection.send(&pings)).await == Ok(true) {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "it still takes more"
        );
    }
    serves(&lab).await;
}
