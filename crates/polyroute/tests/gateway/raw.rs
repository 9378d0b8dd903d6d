//! A caller that writes bytes as it likes, and a certificate authority of its own.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A connection without any manners.
pub struct Raw {
    pub stream: TcpStream,
}

/// What was read, and whether the other side closed.
#[derive(Debug)]
pub struct Read {
    pub text: String,
    pub closed: bool,
}

impl Raw {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads what comes next, within so much time.
    pub async fn read_some(&mut self, wait: Duration) -> Read {
        let mut piece = vec![0; 64 * 1024];
        let read = tokio::time::timeout(wait, self.stream.read(&mut piece)).await;
        let length = read.map_or(0, |read| read.unwrap_or(0));
        Read {
            text: String::from_utf8_lossy(&piece[..length]).into_owned(),
            closed: length == 0,
        }
    }

    /// Reads until the other side closes or so much time has passed.
    pub async fn read_for(&mut self, wait: Duration) -> Read {
        let mut bytes = Vec::new();
        let mut piece = vec![0; 64 * 1024];
        let closed = tokio::time::timeout(wait, async {
            loop {
                match self.stream.read(&mut piece).await {
                    Ok(0) | Err(_) => return,
                    Ok(length) => bytes.extend_from_slice(&piece[..length]),
                }
            }
        })
        .await
        .is_ok();
        Read {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            closed,
        }
    }
}

/// A chat request's head for a body of this length.
pub fn head(length: usize, more: &str) -> String {
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{more}\r\n"
    )
}

/// Resident memory of this process, in KiB.
pub fn resident_kib() -> u64 {
    resident_kib_of("self")
}

/// Resident memory of a process, in KiB.
pub fn resident_kib_of(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
