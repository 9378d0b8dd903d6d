//! Protocols and the way out: TLS, HTTP/2, company certificate authorities, proxies, and the
//! faults F01 to F04 of the way to a provider.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use polyroute_sim::{Sim, SimConfig};
use tokio::net::TcpStream;

use crate::grid::{Due, QUICK, judge};
use crate::raw::Raw;
use crate::support::{Answer, Lab, Plan, ask, ask_streamed, server, within};
use crate::tls::{Authority, Folder, Good, listen, proxy, tls_in_front};

const MODEL: &str = "openai/gpt-4o-mini";
const ROUTES: &str = "  fallback: [openai/gpt-4o-mini, anthropic/claude-haiku-4-5]\n";

/// OpenAI at this address, the others in order.
fn openai_at(base_url: &str, more: &str) -> String {
    format!(
        "{more}{QUICK}providers:\n  openai: {{ base_url: \"{base_url}\", credentials: [\"${{KEY}}\"] }}\n  \
         anthropic: {{ base_url: \"$SIM/anthropic\", credentials: [\"${{KEY}}\"] }}\n  \
         gemini: {{ base_url: \"$SIM/gemini\", credentials: [\"${{KEY}}\"] }}\n"
    )
}

/// Whole and streamed, alone and with a fallback.
async fn unreachable(lab: &Lab, told: &'static [(u16, &'static str)], attempts_max: usize) {
    let cells = [
        (MODEL, false),
        (MODEL, true),
        ("fallback", false),
        ("fallback", true),
    ];
    let cells = cells.map(|(model, stream)| async move {
        let cell = format!("{model} stream={stream}");
        let body = if stream {
            ask_streamed(model, "words:80")
        } else {
            ask(model, "words:80")
        };
        let answer = lab.chat(&body).await;
        let due = if model == MODEL {
            Due::Error(told)
        } else {
            Due::Served
        };
        let record = judge(lab, &answer, stream, due, &cell).await;
        let attempts = record["attempts"].as_array().unwrap();
        if model == MODEL {
            assert!(attempts.len() <= attempts_max, "{cell}: {record}");
        } else {
            assert_eq!(attempts.len(), 2, "{cell}: {record}");
        }
    });
    futures_util::future::join_all(cells).await;
}

/// A port on which nobody listens.
fn closed_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

#[tokio::test]
async fn f01_a_refused_connection_goes_to_the_next_target_at_once() {
    let more = openai_at(&format!("http://127.0.0.1:{}/v1", closed_port()), "");
    let lab = Lab::with(&more, ROUTES).await;
    unreachable(&lab, &[(502, "upstream_connection")], 2).await;
    let begun = Instant::now();
    lab.chat(&ask("fallback", "hello")).await;
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn f02_a_connection_that_never_stands_runs_into_its_timeout() {
    // A full queue of connections: the system drops what comes.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        held.push(stream.unwrap());
        assert!(held.len() < 50);
    }
    let lab = Lab::with(&openai_at(&format!("http://{address}/v1"), ""), ROUTES).await;
    unreachable(&lab, &[(504, "upstream_timeout")], 2).await;
}

#[tokio::test]
async fn f03_a_name_that_does_not_exist_is_no_connection() {
    let lab = Lab::with(&openai_at("http://provider.invalid/v1", ""), ROUTES).await;
    // Where there is no name server at all, the answer is silence.
    unreachable(
        &lab,
        &[(502, "upstream_connection"), (504, "upstream_timeout")],
        2,
    )
    .await;
}

#[tokio::test]
async fn f04_tls_is_never_skipped_nor_tried_again() {
    let behind = Sim::start(SimConfig::default()).await.unwrap();
    let ours = Authority::new();
    let theirs = Authority::new();
    let folder = Folder::new();
    let file = folder.write("ca.pem", &ours.pem);
    let file = file.to_str().unwrap();
    let (unknown, unknown_key) = theirs.sign("localhost", Good::Now);
    let (expired, expired_key) = ours.sign("localhost", Good::Once);
    let (other, other_key) = ours.sign("other.example", Good::Now);
    let cases = [
        (
            "unknown CA",
            tls_in_front(behind.addr(), &unknown, &unknown_key).await,
        ),
        (
            "expired",
            tls_in_front(behind.addr(), &expired, &expired_key).await,
        ),
        (
            "wrong name",
            tls_in_front(behind.addr(), &other, &other_key).await,
        ),
        ("plain HTTP", behind.addr()),
    ];
    for (case, address) in cases {
        let more = openai_at(
            &format!("https://localhost:{}/openai/v1", address.port()),
            "",
        );
        let lab = Lab::build(Plan {
            more: &more,
            routes: ROUTES,
            environment: &[("SSL_CERT_FILE", file)],
            ..Plan::default()
        })
        .await;
        unreachable(&lab, &[(502, "upstream_tls")], 1).await;
        let answer = lab.chat(&ask(MODEL, "hello")).await;
        assert_eq!(answer.header("x-should-retry"), "false", "{case}");
        let seen = behind.log_since(0);
        assert!(
            seen.iter().all(|entry| entry.method != "POST"),
            "{case}: {seen:?}"
        );
    }
    // A reset within the handshake.
    let address = listen(|stream| async move { drop(stream) }).await;
    let more = openai_at(&format!("https://localhost:{}/v1", address.port()), "");
    let lab = Lab::with(&more, ROUTES).await;
    unreachable(
        &lab,
        &[(502, "upstream_tls"), (502, "upstream_connection")],
        2,
    )
    .await;
}

#[tokio::test]
async fn a_company_authority_is_trusted_by_ssl_cert_file() {
    let behind = Sim::start(SimConfig::default()).await.unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.sign("localhost", Good::Now);
    let address = tls_in_front(behind.addr(), &certificate, &key).await;
    let folder = Folder::new();
    let file = folder.write("ca.pem", &authority.pem);
    let more = openai_at(
        &format!("https://localhost:{}/openai/v1", address.port()),
        "",
    );
    let lab = Lab::build(Plan {
        more: &more,
        environment: &[("SSL_CERT_FILE", file.to_str().unwrap())],
        ..Plan::default()
    })
    .await;
    for body in [ask(MODEL, "echo: safe"), ask_streamed(MODEL, "echo: safe")] {
        let answer = lab.chat(&body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert!(answer.text().contains("safe"), "{}", answer.text());
    }
}

#[tokio::test]
async fn https_proxy_and_no_proxy_are_heeded() {
    let behind = Sim::start(SimConfig::default()).await.unwrap();
    let authority = Authority::new();
    let (certificate, key) = authority.sign("localhost", Good::Now);
    let address = tls_in_front(behind.addr(), &certificate, &key).await;
    let folder = Folder::new();
    let file = folder.write("ca.pem", &authority.pem);
    let (proxy, heads) = proxy().await;
    let url = format!("http://agent:secret-word@{proxy}");
    let more = openai_at(
        &format!("https://localhost:{}/openai/v1", address.port()),
        "",
    );
    for (no_proxy, connects) in [("", true), ("localhost", false), ("other.example", true)] {
        heads.lock().unwrap().clear();
        let lab = Lab::build(Plan {
            more: &more,
            environment: &[
                ("SSL_CERT_FILE", file.to_str().unwrap()),
                ("HTTPS_PROXY", &url),
                ("NO_PROXY", no_proxy),
            ],
            ..Plan::default()
        })
        .await;
        let answer = lab.chat(&ask(MODEL, "echo: around")).await;
        assert_eq!(
            answer.content(),
            "around",
            "{no_proxy:?}: {}",
            answer.text()
        );
        let heads = heads.lock().unwrap().clone();
        assert_eq!(!heads.is_empty(), connects, "{no_proxy:?}: {heads:?}");
        for head in &heads {
            assert!(
                head.starts_with(&format!("CONNECT localhost:{} ", address.port())),
                "{head}"
            );
            // The proxy's own credential, and none of the provider's.
            let lower = head.to_ascii_lowercase();
            assert!(
                lower.contains("proxy-authorization: basic ywdlbnq6c2vjcmv0lxdvcmq="),
                "{head}"
            );
            assert!(
                !lower.contains("\r\nauthorization") && !lower.contains("x-api-key"),
                "{head}"
            );
        }
        // Plain HTTP to the others is not what HTTPS_PROXY is for.
        let answer = lab
            .chat(&ask("anthropic/claude-haiku-4-5", "echo: straight"))
            .await;
        assert_eq!(answer.content(), "straight", "{}", answer.text());
    }
    // A proxy that is down is a connection that does not come about, and names no secret.
    let url = format!("http://agent:secret-word@127.0.0.1:{}", closed_port());
    let lab = Lab::build(Plan {
        more: &more,
        environment: &[("HTTPS_PROXY", &url)],
        ..Plan::default()
    })
    .await;
    let answer = lab.chat(&ask(MODEL, "hello")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.code().as_str()),
        (502, "upstream_connection")
    );
    let record = lab.record(&answer).await.to_string();
    assert!(!answer.text().contains("secret-word") && !record.contains("secret-word"));
}

/// One request over this connection.
async fn over<S>(stream: S, http2: bool) -> (Version, Answer)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let body = Full::new(Bytes::from(ask_streamed(MODEL, "echo: both").to_string()));
    let request =
        Request::post("https://localhost/v1/chat/completions").header("host", "localhost");
    let io = TokioIo::new(stream);
    let response = if http2 {
        let request = Request::post("https://localhost/v1/chat/completions")
            .body(body)
            .unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io)
                .await
                .unwrap();
        tokio::spawn(connection);
        within(10, sender.send_request(request)).await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
        tokio::spawn(connection);
        within(10, sender.send_request(request.body(body).unwrap()))
            .await
            .unwrap()
    };
    let version = response.version();
    let (head, body) = response.into_parts();
    let answer = Answer {
        status: head.status,
        headers: head.headers,
        body: within(10, body.collect()).await.unwrap().to_bytes(),
    };
    (version, answer)
}

#[tokio::test]
async fn tls_on_the_listener_speaks_http_1_and_2() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("localhost", Good::Now);
    let folder = Folder::new();
    let cert = folder.write("tls.crt", &certificate);
    let key = folder.write("tls.key", &key);
    let more = server(&format!(
        ", limits: {{ head_timeout: 1s }}, tls: {{ cert: \"{}\", key: \"{}\" }}",
        cert.display(),
        key.display()
    ));
    let lab = Lab::with(&more, "").await;
    let address = lab.gateway.address;
    for (alpn, http2) in [
        (vec!["h2", "http/1.1"], true),
        (vec!["http/1.1"], false),
        (vec![], false),
    ] {
        let stream = authority.connect(address, &alpn).await;
        let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
        let due = alpn.first().map(|name| name.as_bytes().to_vec());
        assert_eq!(agreed, due);
        let (version, answer) = over(stream, http2).await;
        assert_eq!(version == Version::HTTP_2, http2);
        assert_eq!(
            answer.streamed(),
            ("both".to_owned(), true),
            "{}",
            answer.text()
        );
    }
    // Row S22: one that never begins the handshake, and one that asks nothing after it.
    let mut silent = Raw::open(address).await;
    let read = silent.read_for(Duration::from_secs(8)).await;
    assert!(read.closed);
    let mut idle = authority.connect(address, &[]).await;
    let mut byte = [0];
    let read = within(8, tokio::io::AsyncReadExt::read(&mut idle, &mut byte)).await;
    assert!(read.is_err() || read.is_ok_and(|length| length == 0));
    // Plain HTTP gets no plain answer.
    let mut plain = Raw::open(address).await;
    plain
        .write("GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
        .await;
    let read = plain.read_for(Duration::from_secs(8)).await;
    assert!(!read.text.contains("live"), "{read:?}");
}

#[tokio::test]
async fn http_2_without_tls_works_with_prior_knowledge() {
    let lab = Lab::start().await;
    let stream = TcpStream::connect(lab.gateway.address).await.unwrap();
    let (version, answer) = over(stream, true).await;
    assert_eq!(version, Version::HTTP_2);
    assert_eq!(
        answer.streamed(),
        ("both".to_owned(), true),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_on_http_2_too() {
    let lab = Lab::with(&server(", limits: { body: 100KiB }"), "").await;
    let stream = TcpStream::connect(lab.gateway.address).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    for _ in 0..2 {
        let body = Full::new(Bytes::from(vec![b' '; 300_000]));
        let request = Request::post("http://x/v1/chat/completions")
            .body(body)
            .unwrap();
        let response = within(10, sender.send_request(request)).await.unwrap();
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    // The connection goes on: others use it too.
    let body = Full::new(Bytes::from(ask(MODEL, "echo: fine").to_string()));
    let request = Request::post("http://x/v1/chat/completions")
        .body(body)
        .unwrap();
    let response = within(10, sender.send_request(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}
