//! Files that callers name by URL, for a provider that can't fetch them (row S7).

use std::net::TcpListener;
use std::time::{Duration, Instant};

use base64::Engine as _;
use http::StatusCode;
use serde_json::{Value, json};

use crate::support::{Answer, Lab};
use crate::tls::web;

const MODEL: &str = "gemini/gemini-2.5-flash";
/// A picture of one pixel.
const PNG: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0,
    0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60, 0x82,
];

fn image(url: &str) -> Value {
    json!({"model": MODEL, "messages": [{"role": "user", "content": [
        {"type": "text", "text": "echo: seen"}, {"type": "image_url", "image_url": {"url": url}}]}]})
}

fn reply(status: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: image/png\r\ncontent-length: {}\r\nconnection: close\r\n{more}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

fn refused(answer: &Answer, url: &str, words: &str) {
    assert_eq!(
        answer.status,
        StatusCode::BAD_REQUEST,
        "{url}: {}",
        answer.text()
    );
    assert_eq!(answer.code(), "invalid_value", "{url}: {}", answer.text());
    assert!(answer.text().contains(words), "{url}: {}", answer.text());
    assert!(answer.text().contains("inline"), "{url}: {}", answer.text());
}

#[tokio::test]
async fn s7_urls_that_lead_inside_are_refused_without_a_connection() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let trap6 = TcpListener::bind("[::1]:0").ok();
    let port = trap.local_addr().unwrap().port();
    let port6 = trap6.as_ref().map_or(9, |trap| {
        trap.set_nonblocking(true).unwrap();
        trap.local_addr().unwrap().port()
    });
    let lab = Lab::start().await;
    for url in [
        format!("http://127.0.0.1:{port}/a.png"),
        format!("http://localhost:{port}/a.png"),
        format!("http://LOCALHOST:{port}/a.png"),
        format!("http://127.1:{port}/a.png"),
        format!("http://2130706433:{port}/a.png"),
        format!("http://0x7f000001:{port}/a.png"),
        format!("http://0177.0.0.1:{port}/a.png"),
        format!("http://0.0.0.0:{port}/a.png"),
        format!("http://[::ffff:127.0.0.1]:{port}/a.png"),
        format!("http://[::ffff:7f00:1]:{port}/a.png"),
        format!("http://[::1]:{port6}/a.png"),
        format!("http://someone@127.0.0.1:{port}/a.png"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/latest/meta-data/".to_owned(),
        "http://10.0.0.1/a.png".to_owned(),
        "http://192.168.1.1/a.png".to_owned(),
        "http://172.16.0.1/a.png".to_owned(),
        "http://100.64.0.1/a.png".to_owned(),
        "https://127.0.0.1/a.png".to_owned(),
    ] {
        let answer = lab.chat(&image(&url)).await;
        refused(&answer, &url, "not public");
        assert!(
            !answer.text().contains("Connection refused"),
            "{}",
            answer.text()
        );
        let record = lab.record(&answer).await;
        assert_eq!(record["end"], "failed", "{record}");
    }
    assert!(trap.accept().is_err(), "somebody connected to the trap");
    assert!(
        trap6.is_none_or(|trap| trap.accept().is_err()),
        "somebody connected to the trap"
    );
    assert_eq!(lab.attempts().len(), 0);
    let answer = lab
        .chat(&json!({"model": MODEL, "messages": [{"role": "user", "content": "echo: fine"}]}))
        .await;
    assert_eq!(answer.content(), "fine", "{}", answer.text());
}

#[tokio::test]
async fn s7_other_schemes_are_refused() {
    let lab = Lab::with("media: { allow_private_networks: true }\n", "").await;
    for url in [
        "file:///etc/passwd",
        "ftp://example.com/a.png",
        "gopher://127.0.0.1:70/",
        "/etc/passwd",
    ] {
        let answer = lab.chat(&image(url)).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{url}: {}",
            answer.text()
        );
        assert!(!answer.text().contains("root:"), "{}", answer.text());
    }
    assert_eq!(lab.attempts().len(), 0);
}

#[tokio::test]
async fn s7_where_private_networks_are_allowed_the_file_is_sent_inline() {
    let (address, heads) = web(|path| match path {
        "/a.png" => reply("200 OK", "", PNG),
        "/moved" => reply("302 Found", "location: /a.png\r\n", b""),
        "/folder/moved" => reply("301 Moved", "location: b.png\r\n", b""),
        "/folder/b.png" => reply("200 OK", "", PNG),
        "/loop" => reply("307 Temporary", "location: /loop\r\n", b""),
        "/inside" => reply("302 Found", "location: file:///etc/passwd\r\n", b""),
        _ => reply("404 Not Found", "", b"nothing"),
    })
    .await;
    let lab = Lab::with("media: { allow_private_networks: true }\n", "").await;
    let inline = base64::engine::general_purpose::STANDARD.encode(PNG);
    for path in ["/a.png", "/moved", "/folder/moved"] {
        let headers = [("authorization", "Bearer the-caller"), ("cookie", "a=b")];
        let body = image(&format!("http://{address}{path}")).to_string();
        let answer = lab.post_bytes("/v1/chat/completions", body, &headers).await;
        assert_eq!(answer.content(), "seen", "{path}: {}", answer.text());
        let sent = lab.attempts().pop().unwrap().body;
        assert!(
            sent.contains(&inline) && sent.contains("image/png"),
            "{path}: {sent}"
        );
    }
    refused(
        &lab.chat(&image(&format!("http://{address}/loop"))).await,
        "/loop",
        "redirects more than 3",
    );
    refused(
        &lab.chat(&image(&format!("http://{address}/none"))).await,
        "/none",
        "404",
    );
    // Each hop is looked at again. (A first hop that is public can't be had here: that the address
    // of a later one is checked the same way is shown by this scheme and by the guard's own tests.)
    refused(
        &lab.chat(&image(&format!("http://{address}/inside"))).await,
        "/inside",
        "http",
    );
    // Nothing of the caller goes along, and a signature in the query is not repeated in errors.
    for head in heads.lock().unwrap().iter() {
        let head = head.to_ascii_lowercase();
        assert!(
            !head.contains("authorization") && !head.contains("cookie"),
            "{head}"
        );
    }
    let answer = lab
        .chat(&image(&format!(
            "http://{address}/none?signature=secret-part"
        )))
        .await;
    assert!(!answer.text().contains("secret-part"), "{}", answer.text());
}

#[tokio::test]
async fn s7_size_and_time_are_bounded() {
    let (address, _) = web(|path| match path {
        "/large" => reply("200 OK", "", &vec![7; 300_000]),
        "/endless" => {
            let mut bytes = b"HTTP/1.1 200 OK\r\ncontent-type: image/png\r\n\r\n".to_vec();
            bytes.resize(400_000, 7);
            bytes
        }
        _ => Vec::new(),
    })
    .await;
    let more = "media: { allow_private_networks: true, max_bytes: 100KiB, timeout: 700ms }\n";
    let lab = Lab::with(more, "").await;
    for path in ["/large", "/endless"] {
        let answer = lab.chat(&image(&format!("http://{address}{path}"))).await;
        refused(&answer, path, "larger than 102400 bytes");
    }
    let begun = Instant::now();
    // Several at once take no longer than one.
    let mut body = image(&format!("http://{address}/silent"));
    let parts = body["messages"][0]["content"].as_array_mut().unwrap();
    for index in 0..5 {
        parts.push(json!({"type": "image_url", "image_url": {"url": format!("http://{address}/silent{index}")}}));
    }
    refused(&lab.chat(&body).await, "/silent", "700 ms");
    assert!(
        begun.elapsed() < Duration::from_millis(2_500),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(lab.attempts().len(), 0);
}

#[tokio::test]
async fn s7_more_files_than_the_bound_are_refused() {
    let lab = Lab::start().await;
    let parts: Vec<Value> = (0..21)
        .map(|index| json!({"type": "image_url", "image_url": {"url": format!("https://example.com/{index}.png")}}))
        .collect();
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": parts}]});
    let answer = lab.chat(&body).await;
    refused(&answer, "many", "at most 20");
}
