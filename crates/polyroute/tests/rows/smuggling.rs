//! Row S8: bytes that two readers could take for different requests.

use std::time::Duration;

use http::StatusCode;

use crate::kit::{OPENAI, serves};
use crate::raw::Raw;
use crate::support::{Lab, ask};

/// The request within the request.
fn inner() -> String {
    let body = ask(OPENAI, "echo: smuggled").to_string();
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: smuggled\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The begin of a request with these header lines.
fn begin(lines: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: outer\r\n\
         content-type: application/json\r\n{lines}\r\n"
    )
}

/// How many answers there are in what was read.
fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count() + text.matches("HTTP/1.0 ").count()
}

/// What is sent, by name: header lines, and what follows the head. `<inner>` stands where a careless
/// reader sees a second request; of length and chunks one counts, and nothing is read after it.
const CORPUS: [(&str, &str, &str); 35] = [
    (
        "CL, then TE",
        "content-length: <both>\r\ntransfer-encoding: chunked\r\n",
        "<chunks><inner>",
    ),
    (
        "TE, then CL",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "<chunks><inner>",
    ),
    (
        "TE and keep-alive",
        "connection: keep-alive\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n",
        "<chunks><inner>",
    ),
    (
        "two CL",
        "content-length: <length>\r\ncontent-length: <both>\r\n",
        "<body><inner>",
    ),
    (
        "CL as a list",
        "content-length: <length>, <both>\r\n",
        "<body><inner>",
    ),
    (
        "CL with a sign",
        "content-length: +<length>\r\n",
        "<body><inner>",
    ),
    ("CL in hex", "content-length: 0x<hex>\r\n", "<body><inner>"),
    (
        "CL with a space",
        "content-length: <length> 0\r\n",
        "<body><inner>",
    ),
    (
        "CL beyond 2^64",
        "content-length: 1844674407370955161<length>\r\n",
        "<body><inner>",
    ),
    (
        "a space before the colon",
        "content-length : <length>\r\n",
        "<body><inner>",
    ),
    (
        "a folded CL",
        "content-length:\r\n <length>\r\n",
        "<body><inner>",
    ),
    (
        "a folded header",
        "x-fold: a\r\n content-length: 0\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE xchunked",
        "transfer-encoding: xchunked\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE chunked, identity",
        "transfer-encoding: chunked, identity\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE identity",
        "transfer-encoding: identity\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE chunked and a tab",
        "transfer-encoding: chunked\x0b\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE  and a tabchunked",
        "transfer-encoding: \x0bchunked\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE chunk",
        "transfer-encoding: chunk\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE chunked;q=1",
        "transfer-encoding: chunked;q=1\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE gzip, chunked, gzip",
        "transfer-encoding: gzip, chunked, gzip\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE \"chunked\"",
        "transfer-encoding: \"chunked\"\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "TE with a tab and a list",
        "transfer-encoding:\tchunked , chunked\r\n",
        "<chunks><inner>",
    ),
    (
        "TE twice",
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n",
        "<chunks><inner>",
    ),
    (
        "a folded TE",
        "transfer-encoding:\r\n chunked\r\ncontent-length: 4\r\n",
        "<chunks><inner>",
    ),
    (
        "no chunk length",
        "transfer-encoding: chunked\r\n",
        "\r\n<body>\r\n0\r\n\r\n<inner>",
    ),
    (
        "a negative chunk",
        "transfer-encoding: chunked\r\n",
        "-1\r\n<body>\r\n0\r\n\r\n<inner>",
    ),
    (
        "a chunk of 2^64",
        "transfer-encoding: chunked\r\n",
        "10000000000000000\r\n<body>\r\n0\r\n\r\n<inner>",
    ),
    (
        "a chunk in 0x",
        "transfer-encoding: chunked\r\n",
        "0x<hex>\r\n<body>\r\n0\r\n\r\n<inner>",
    ),
    (
        "bytes after a chunk",
        "transfer-encoding: chunked\r\n",
        "<hex>\r\n<body>junk\r\n0\r\n\r\n<inner>",
    ),
    (
        "an extension with a line end",
        "transfer-encoding: chunked\r\n",
        "<hex>;a=\n<inner>\r\n<body>\r\n0\r\n\r\n<inner>",
    ),
    (
        "a bare LF in a chunk's head",
        "transfer-encoding: chunked\r\n",
        "<hex>\n<body>\r\n0\r\n\r\n<inner>",
    ),
    (
        "a header with NUL",
        "x-nul: a\0b\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "a header with CR",
        "x-cr: a\rb\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "a header without a name",
        ": a\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
    (
        "a header without a colon",
        "smuggle\r\ncontent-length: <length>\r\n",
        "<body><inner>",
    ),
];

/// Request lines that are none, or of a version that keeps no connection.
const LINES: [(&str, &str); 7] = [
    ("two spaces", "POST  /v1/chat/completions HTTP/1.1"),
    ("HTTP/1.2", "POST /v1/chat/completions HTTP/1.2"),
    ("HTTP/11", "POST /v1/chat/completions HTTP/11"),
    ("no version", "POST /v1/chat/completions"),
    (
        "a space in the path",
        "POST /v1/chat/completions x HTTP/1.1",
    ),
    ("a control character", "POST /v1/\x01chat HTTP/1.1"),
    (
        "HTTP/1.0 keeps nothing",
        "POST /v1/chat/completions HTTP/1.0",
    ),
];

/// The texts to send, by name.
fn corpus() -> Vec<(&'static str, String)> {
    let (inner, body) = (inner(), ask(OPENAI, "echo: outer").to_string());
    let hex = format!("{:x}", body.len());
    let chunks = format!("{hex}\r\n{body}\r\n0\r\n\r\n");
    let both = body.len() + inner.len();
    let filled = |text: &str| {
        text.replace("<length>", &body.len().to_string())
            .replace("<both>", &both.to_string())
            .replace("<hex>", &hex)
            .replace("<body>", &body)
            .replace("<chunks>", &chunks)
            .replace("<inner>", &inner)
    };
    let framed = CORPUS
        .iter()
        .map(|(said, lines, rest)| (*said, filled(&begin(lines)) + &filled(rest)));
    let plain = begin("content-length: <length>\r\n");
    let usual = "POST /v1/chat/completions HTTP/1.1";
    let lined = LINES.iter().map(|(said, line)| {
        let text = plain.replace(usual, line) + "<body><inner>";
        (*said, filled(&text))
    });
    let old = begin("transfer-encoding: chunked\r\n").replace("HTTP/1.1", "HTTP/1.0");
    let get = "GET /v1/models HTTP/1.1\r\nhost: x\r\ncontent-length: ";
    let get = format!("{get}{}\r\n\r\n{inner}", inner.len());
    let others = [
        ("HTTP/1.0 and TE", filled(&(old + "<chunks><inner>"))),
        ("GET with a body", get),
    ];
    framed.chain(lined).chain(others).collect()
}

#[tokio::test]
async fn row_s8_a_request_within_a_request_is_never_seen() {
    let lab = Lab::start().await;
    for (said, bytes) in corpus() {
        lab.sim.clear_log();
        let mut raw = Raw::open(lab.gateway.address).await;
        let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.stream, bytes.as_bytes()).await;
        let read = raw.read_for(Duration::from_millis(1500)).await;
        let seen: Vec<String> = lab.attempts().into_iter().map(|entry| entry.body).collect();
        assert!(
            !seen.iter().any(|body| body.contains("smuggled")),
            "{said}: {seen:?}\n{}",
            read.text
        );
        assert!(seen.len() <= 1, "{said}: {seen:?}");
        assert!(answers(&read.text) <= 1, "{said}: {}", read.text);
        let refused = read.text.starts_with("HTTP/1.1 4")
            || read.text.starts_with("HTTP/1.1 5")
            || read.text.is_empty();
        let outer = read.text.starts_with("HTTP/1.1 200") || read.text.starts_with("HTTP/1.0 200");
        assert!(refused || outer, "{said}: {}", read.text);
        // What is not understood ends the connection.
        assert!(
            read.closed || said == "GET with a body",
            "{said}: {}",
            read.text
        );
        let id = lab.admin("/v1/admin/requests/smuggled").await;
        assert_eq!(id.status, StatusCode::NOT_FOUND, "{said}");
    }
    serves(&lab).await;
}

#[tokio::test]
async fn row_s8_bytes_that_come_after_an_early_answer_are_no_request() {
    let lab = Lab::start().await;
    // Refused by its announced length: the body that follows holds a request.
    let mut raw = Raw::open(lab.gateway.address).await;
    raw.write(begin(&format!("content-length: {}\r\n", 1_usize << 30)))
        .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.stream, inner().as_bytes()).await;
    let read = raw.read_for(Duration::from_secs(5)).await;
    assert!(read.text.starts_with("HTTP/1.1 413"), "{}", read.text);
    assert_eq!(answers(&read.text), 1, "{}", read.text);
    assert!(read.closed);
    // Told to wait for `100 Continue`, and refused instead.
    let mut raw = Raw::open(lab.gateway.address).await;
    raw.write(begin(&format!(
        "content-length: {}\r\nexpect: 100-continue\r\ncontent-encoding: gzip\r\n",
        inner().len()
    )))
    .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.stream, inner().as_bytes()).await;
    let read = raw.read_for(Duration::from_secs(5)).await;
    assert!(read.text.contains("HTTP/1.1 415"), "{}", read.text);
    assert!(!read.text.contains(" 200 OK"), "{}", read.text);
    assert!(lab.attempts().is_empty());
    serves(&lab).await;
}
