use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt as _;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::proxy::matcher::Matcher;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::upstream::client_config;

const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
const CLOSING: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok";
const EMPTY: &str = "HTTP/1.1 204 No Content\r\n\r\n";
const ENDLESS: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";

/// A provider that answers each request with the next of these texts, and closes its connection after
/// every `per_connection` of them.
struct Provider {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    /// Heads of the requests that came.
    heads: mpsc::UnboundedReceiver<String>,
    /// Connections that were closed by the other side.
    left: mpsc::UnboundedReceiver<()>,
}

impl Provider {
    async fn start(answer: &'static str, per_connection: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (said, heads) = mpsc::unbounded_channel();
        let (leaves, left) = mpsc::unbounded_channel();
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (said, leaves) = (said.clone(), leaves.clone());
                tokio::spawn(async move {
                    for _ in 0..per_connection {
                        let mut head = Vec::new();
                        while !head.ends_with(b"\r\n\r\n") {
                            let Ok(byte) = stream.read_u8().await else {
                                let _ = leaves.send(());
                                return;
                            };
                            head.push(byte);
                        }
                        let _ = said.send(String::from_utf8(head).unwrap());
                        let _ = stream.write_all(answer.as_bytes()).await;
                    }
                });
            }
        });
        Self {
            address,
            connections,
            heads,
            left,
        }
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn pool(idle_max: usize, idle_age_max: Duration) -> Pool {
    let proxies = Arc::new(Matcher::builder().build());
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(client_config(None).unwrap())
        .https_or_http()
        .enable_http1()
        .wrap_connector(Connector::new(proxies, Duration::from_secs(5)));
    Pool::new(connector, Builder::new(), idle_max, idle_age_max)
}

async fn get(pool: &Pool, provider: &Provider) -> Response<PooledBody> {
    let uri = format!("http://{}/v1?a=b", provider.address);
    let request = Request::get(uri).body(Full::default()).unwrap();
    let answer = pool.request(request).await;
    answer.unwrap_or_else(|_| panic!("no answer"))
}

async fn read(answer: Response<PooledBody>) -> Bytes {
    answer.into_body().collect().await.unwrap().to_bytes()
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_connection_carries_one_answer_after_the_other() {
    for (answer, text) in [(WHOLE, "ok"), (CHUNKED, "ok"), (EMPTY, "")] {
        let mut provider = Provider::start(answer, usize::MAX).await;
        let pool = pool(8, LONG);
        for _ in 0..5 {
            assert_eq!(read(get(&pool, &provider).await).await, text);
        }
        assert_eq!(provider.connections(), 1, "{answer}");
        let head = provider.heads.recv().await.unwrap();
        let host = format!("host: {}\r\n", provider.address);
        assert!(head.starts_with("GET /v1?a=b HTTP/1.1\r\n"), "{head}");
        assert!(head.contains(&host), "{head}");
    }
}

#[tokio::test]
async fn an_answer_that_is_still_read_has_its_connection_for_itself() {
    let provider = Provider::start(WHOLE, usize::MAX).await;
    let pool = pool(8, LONG);
    let first = get(&pool, &provider).await;
    assert_eq!(read(get(&pool, &provider).await).await, "ok");
    assert_eq!(provider.connections(), 2);
    assert_eq!(read(first).await, "ok");
    // Both are kept.
    let (one, two) = (get(&pool, &provider).await, get(&pool, &provider).await);
    assert_eq!(
        (read(one).await, read(two).await),
        ("ok".into(), "ok".into())
    );
    assert_eq!(provider.connections(), 2);
}

#[tokio::test]
async fn a_connection_that_closed_meanwhile_costs_no_answer() {
    for (answer, per_connection) in [(WHOLE, 1), (CLOSING, usize::MAX)] {
        let provider = Provider::start(answer, per_connection).await;
        let pool = pool(8, LONG);
        for _ in 0..3 {
            assert_eq!(read(get(&pool, &provider).await).await, "ok");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(provider.connections(), 3, "{answer}");
    }
}

#[tokio::test]
async fn an_answer_that_nobody_wants_closes_its_connection() {
    let mut provider = Provider::start(ENDLESS, usize::MAX).await;
    let pool = pool(8, LONG);
    let mut body = get(&pool, &provider).await.into_body();
    assert_eq!(
        body.frame().await.unwrap().unwrap().into_data().unwrap(),
        "ok"
    );
    drop(body);
    let left = tokio::time::timeout(Duration::from_secs(10), provider.left.recv()).await;
    assert_eq!(left.unwrap(), Some(()));
}

#[tokio::test]
async fn no_more_are_kept_than_allowed_and_none_for_too_long() {
    let mut provider = Provider::start(WHOLE, usize::MAX).await;
    let few = pool(1, LONG);
    let (one, two) = (get(&few, &provider).await, get(&few, &provider).await);
    assert_eq!(
        (read(one).await, read(two).await),
        ("ok".into(), "ok".into())
    );
    let left = tokio::time::timeout(Duration::from_secs(10), provider.left.recv()).await;
    assert_eq!(left.unwrap(), Some(()));
    let short = pool(8, Duration::from_millis(10));
    for _ in 0..2 {
        read(get(&short, &provider).await).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(provider.connections(), 4);
    // Nobody asks any more: it is closed all the same.
    assert!(!short.shelves.sweep());
}

#[tokio::test]
async fn an_origin_is_named_without_its_default_port() {
    for (url, host) in [
        ("http://api.test/x", "api.test"),
        ("http://api.test:80/x", "api.test"),
        ("https://api.test:443/x", "api.test"),
        ("https://api.test:8443/x", "api.test:8443"),
        ("http://user:word@api.test/x", "api.test"),
        ("http://[::1]:9/x", "[::1]:9"),
    ] {
        let mut request = Request::get(url).body(Full::default()).unwrap();
        let Ok((_, named)) = address(&mut request) else {
            panic!("{url}");
        };
        assert_eq!(named, host, "{url}");
        assert_eq!(request.uri(), "/x", "{url}");
    }
}
