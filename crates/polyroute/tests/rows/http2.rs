//! HTTP/2 frames by hand: what no client library would send.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const PRIORITY: u8 = 2;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;

pub const ACK: u8 = 1;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame (RFC 9113 §4.1).
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// A setting (§6.5.1).
pub fn setting(name: u16, value: u32) -> Vec<u8> {
    [&name.to_be_bytes()[..], &value.to_be_bytes()].concat()
}

/// The head of a POST to a path, HPACK without its tables (RFC 7541 §6).
pub fn head(path: &str) -> Vec<u8> {
    let text = |block: &mut Vec<u8>, text: &str| {
        block.push(u8::try_from(text.len()).unwrap());
        block.extend_from_slice(text.as_bytes());
    };
    // :method POST, :scheme http
    let mut block = vec![0x83, 0x86];
    block.push(0x04);
    text(&mut block, path);
    block.push(0x01);
    text(&mut block, "x");
    // content-type
    block.extend_from_slice(&[0x0f, 0x10]);
    text(&mut block, "application/json");
    block
}

/// The head of a 200 of this type.
pub fn answer_head(content_type: &str) -> Vec<u8> {
    let length = u8::try_from(content_type.len()).unwrap();
    // :status 200, content-type
    [&[0x88, 0x0f, 0x10, length], content_type.as_bytes()].concat()
}

/// The head of a 103.
pub const EARLY_HINTS: [u8; 5] = [0x08, 3, b'1', b'0', b'3'];

/// A frame that came.
#[derive(Debug, Clone)]
pub struct Frame {
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A connection without any manners.
pub struct H2 {
    stream: TcpStream,
    left_over: Vec<u8>,
}

impl H2 {
    /// Connects and begins with these settings.
    pub async fn open(address: SocketAddr, settings: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let begin = [
            &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
            &frame(SETTINGS, 0, 0, settings),
            &frame(SETTINGS, 1, 0, &[]),
        ];
        stream.write_all(&begin.concat()).await.unwrap();
        Self {
            stream,
            left_over: Vec::new(),
        }
    }

    /// Takes a connection as a server, with these settings. `None` if it does not speak HTTP/2.
    pub async fn accept(mut stream: TcpStream, settings: &[u8]) -> Option<Self> {
        stream.set_nodelay(true).unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.ok()?;
        let begin = [
            frame(SETTINGS, 0, 0, settings),
            frame(SETTINGS, ACK, 0, &[]),
        ];
        stream.write_all(&begin.concat()).await.ok()?;
        preface.starts_with(b"PRI * HTTP/2.0").then_some(Self {
            stream,
            left_over: Vec::new(),
        })
    }

    /// The next frame; `None` when the other side closed.
    pub async fn frame(&mut self) -> Option<Frame> {
        let mut piece = vec![0; 64 * 1024];
        loop {
            if let Some(frame) = take(&mut self.left_over) {
                return Some(frame);
            }
            match self.stream.read(&mut piece).await {
                Ok(0) | Err(_) => return None,
                Ok(length) => self.left_over.extend_from_slice(&piece[..length]),
            }
        }
    }

    /// Waits for the end of a request; its stream.
    pub async fn request(&mut self) -> Option<u32> {
        loop {
            let frame = self.frame().await?;
            if [HEADERS, DATA].contains(&frame.kind) && frame.flags & END_STREAM != 0 {
                return Some(frame.stream);
            }
            if frame.kind == PING && frame.flags & ACK == 0 {
                self.send(&self::frame(PING, ACK, 0, &frame.payload)).await;
            }
        }
    }

    /// A whole answer of this type.
    pub async fn answer(&mut self, stream: u32, content_type: &str, body: &str) -> bool {
        let begin = frame(HEADERS, END_HEADERS, stream, &answer_head(content_type));
        let rest = frame(DATA, END_STREAM, stream, body.as_bytes());
        self.send(&[begin, rest].concat()).await
    }

    /// Writes; whether the other side still takes it.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// A POST with this body.
    pub async fn post(&mut self, stream: u32, path: &str, body: &str) -> bool {
        let begin = frame(HEADERS, END_HEADERS, stream, &head(path));
        let rest = frame(DATA, END_STREAM, stream, body.as_bytes());
        self.send(&[begin, rest].concat()).await
    }

    /// Reads frames for so long; whether the other side closed within it.
    pub async fn read_for(&mut self, wait: Duration) -> (Vec<Frame>, bool) {
        let mut frames = Vec::new();
        let read = async {
            let mut piece = vec![0; 64 * 1024];
            loop {
                match self.stream.read(&mut piece).await {
                    Ok(0) | Err(_) => return,
                    Ok(length) => self.left_over.extend_from_slice(&piece[..length]),
                }
                while let Some(frame) = take(&mut self.left_over) {
                    frames.push(frame);
                }
            }
        };
        let closed = tokio::time::timeout(wait, read).await.is_ok();
        (frames, closed)
    }
}

fn take(bytes: &mut Vec<u8>) -> Option<Frame> {
    let head = bytes.get(..9)?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    if bytes.len() < 9 + length {
        return None;
    }
    let whole: Vec<u8> = bytes.drain(..9 + length).collect();
    Some(Frame {
        kind: whole[3],
        flags: whole[4],
        stream: u32::from_be_bytes([whole[5], whole[6], whole[7], whole[8]]),
        payload: whole[9..].to_vec(),
    })
}
