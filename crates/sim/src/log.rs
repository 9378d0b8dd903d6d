//! The log of every attempt that the simulator saw. Tests read it to prove what a gateway sent,
//! how often, and whether it hung up in time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use crate::models::Dialect;
use crate::seed::hash;

/// Entries that are kept; the oldest go first.
const ENTRIES_MAX: usize = 10_000;
/// Bytes of a request body that are kept.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of all bodies that are kept; entries go, oldest first, while there are more.
const BODIES_BYTES_MAX: usize = 128 * 1024 * 1024;

/// One attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up from 1; never reused.
    pub seq: u64,
    /// When the request's head had come, in milliseconds since the simulator started.
    pub at_ms: u64,
    /// The wire format, where the path told it.
    pub dialect: Option<Dialect>,
    /// The named instance (`/p/<name>/`).
    pub instance: Option<String>,
    /// The dialect prefix (`/openai`), where one was used.
    pub prefix: Option<String>,
    /// The model as named by the caller, fault suffix included.
    pub model: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path and query as sent; a `key` in the query is hidden.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// The status that was answered; none where no head was sent.
    pub status: Option<u16>,
    /// The fault that was played, in its text form.
    pub fault: Option<String>,
    /// Request headers. Credentials are shown as `…<hash of the last four characters>`.
    pub headers: Vec<(String, String)>,
    /// The start of the request's body, as text.
    pub body: String,
    /// Length of the request's body.
    pub body_bytes: u64,
    /// Bytes of the answer's body handed to the connection.
    pub sent_bytes: u64,
    /// Events of the answer's stream handed to the connection.
    pub sent_events: u64,
    /// Whether all that was meant to be sent was sent.
    pub finished: bool,
    /// Whether the caller hung up before that.
    pub closed_early: bool,
    /// When it ended, in milliseconds since the simulator started; none while it runs.
    pub ended_ms: Option<u64>,
}

/// The bounded log.
#[derive(Debug)]
pub struct Log {
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    entries: VecDeque<Entry>,
    next_seq: u64,
    bodies_bytes: usize,
}

impl Inner {
    fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bodies_bytes = self.bodies_bytes.saturating_sub(entry.body.len());
        }
    }

    /// The entry of this number. They stand without gaps, so its place is known.
    fn entry(&mut self, seq: u64) -> Option<&mut Entry> {
        let first = self.entries.front()?.seq;
        let at = usize::try_from(seq.checked_sub(first)?).ok()?;
        self.entries.get_mut(at)
    }
}

impl Log {
    /// An empty log whose clock starts now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
            inner: Mutex::default(),
        }
    }

    /// Milliseconds since the start.
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Entries with a sequence number above `since`, oldest first.
    pub fn since(&self, since: u64) -> Vec<Entry> {
        self.lock()
            .entries
            .iter()
            .filter(|entry| entry.seq > since)
            .cloned()
            .collect()
    }

    /// Forgets the entries; sequence numbers go on.
    pub fn clear(&self) {
        let mut inner = self.lock();
        inner.entries.clear();
        inner.bodies_bytes = 0;
    }

    /// Opens an entry; the attempt that comes back closes it.
    pub fn open(self: &Arc<Self>, mut entry: Entry) -> Attempt {
        entry.at_ms = self.now_ms();
        let mut inner = self.lock();
        inner.next_seq += 1;
        let seq = inner.next_seq;
        entry.seq = seq;
        inner.entries.push_back(entry);
        while inner.entries.len() > ENTRIES_MAX {
            inner.pop();
        }
        Attempt {
            log: Arc::clone(self),
            seq,
            ended: false,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change leaves the entries whole, so a poisoned lock is still good.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Log {
    fn default() -> Self {
        Self::new()
    }
}

/// An open entry. Dropped before [`Attempt::finish`], it records that the caller hung up.
#[derive(Debug)]
pub struct Attempt {
    log: Arc<Log>,
    seq: u64,
    ended: bool,
}

impl Attempt {
    /// The entry's sequence number.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Changes the entry, where the log still has it.
    pub fn note(&self, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.log.lock().entry(self.seq) {
            change(entry);
        }
    }

    /// Records the request's body.
    pub fn note_body(&self, body: &[u8]) {
        let kept = body.get(..BODY_BYTES_MAX).unwrap_or(body);
        let text = String::from_utf8_lossy(kept).into_owned();
        let mut inner = self.log.lock();
        let length = text.len();
        let Some(entry) = inner.entry(self.seq) else {
            return;
        };
        entry.body = text;
        entry.body_bytes = body.len() as u64;
        inner.bodies_bytes += length;
        while inner.bodies_bytes > BODIES_BYTES_MAX {
            inner.pop();
        }
    }

    /// Closes the entry: all that was meant to be sent was handed over.
    pub fn finish(&mut self) {
        self.end(true);
    }

    /// Closes the entry: a fault cut the answer off.
    pub fn cut(&mut self) {
        self.end(false);
    }

    fn end(&mut self, finished: bool) {
        if self.ended {
            return;
        }
        self.ended = true;
        let now_ms = self.log.now_ms();
        self.note(|entry| {
            entry.finished = finished;
            entry.ended_ms = Some(now_ms);
        });
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.ended {
            self.end(false);
            self.note(|entry| entry.closed_early = true);
        }
    }
}

/// The headers with their credentials hidden.
pub fn shown_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    const SECRET: &[&str] = &[
        "authorization",
        "x-api-key",
        "api-key",
        "x-goog-api-key",
        "cookie",
    ];
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let shown = if SECRET.contains(&name.as_str()) {
                hidden(&value)
            } else {
                value.into_owned()
            };
            (name.as_str().to_owned(), shown)
        })
        .collect()
}

/// A credential as the log shows it: enough to tell two apart, too little to use.
pub fn hidden(secret: &str) -> String {
    let last: String = secret.chars().rev().take(4).collect();
    format!("…{:08x}", hash(0, &[&last]) >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_attempt_is_a_hang_up_and_finished_one_is_not() {
        let log = Arc::new(Log::new());
        drop(log.open(Entry::default()));
        let mut whole = log.open(Entry::default());
        whole.finish();
        drop(whole);
        let entries = log.since(0);
        assert!(entries[0].closed_early && !entries[0].finished);
        assert!(entries[1].finished && !entries[1].closed_early);
        assert_eq!(log.since(1).len(), 1);
    }

    #[test]
    fn log_is_bounded_and_keeps_counting() {
        let log = Arc::new(Log::new());
        for _ in 0..ENTRIES_MAX + 5 {
            log.open(Entry::default()).finish();
        }
        let entries = log.since(0);
        assert_eq!(entries.len(), ENTRIES_MAX);
        assert_eq!(entries[0].seq, 6);
    }

    #[test]
    fn large_bodies_push_old_entries_out() {
        let log = Arc::new(Log::new());
        let body = vec![b'x'; BODY_BYTES_MAX];
        for _ in 0..BODIES_BYTES_MAX / BODY_BYTES_MAX + 3 {
            let mut attempt = log.open(Entry::default());
            attempt.note_body(&body);
            attempt.finish();
        }
        let entries = log.since(0);
        assert_eq!(entries.len(), BODIES_BYTES_MAX / BODY_BYTES_MAX);
        assert_eq!(entries[0].seq, 4);
    }

    #[test]
    fn credentials_do_not_show() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer sk-secret-1234".parse().unwrap());
        headers.insert("accept", "*/*".parse().unwrap());
        let shown = format!("{:?}", shown_headers(&headers));
        assert!(!shown.contains("1234") && shown.contains("*/*"));
        assert_ne!(hidden("aaaa1"), hidden("aaaa2"));
    }
}
