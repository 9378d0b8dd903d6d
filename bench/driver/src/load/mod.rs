//! The load driver: sends one kind of load to one address for a fixed time and prints one
//! [`Record`]. `busy` keeps many connections at work, `steady` sends on one connection at a fixed
//! rate. Both check every answer.

mod busy;
mod steady;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;

use crate::machine::{self, CpuTimes};
use crate::payload::{self, Wanted};
use crate::record::{Mode, Quantiles, Record};

/// Room for a read: several streamed chunks, or a small answer in one piece.
const READ_BYTES: usize = 16 * 1024;
/// How long an answer may take before it counts as lost.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// What to send where, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is measured.
    #[arg(long, value_enum)]
    mode: Mode,
    /// The address to call.
    #[arg(long)]
    address: SocketAddr,
    /// What is called, for the record.
    #[arg(long)]
    target: String,
    /// The scenario's name, for the record.
    #[arg(long)]
    scenario: String,
    /// The round, for the record.
    #[arg(long, default_value_t = 1)]
    round: u32,
    /// The bearer key to send.
    #[arg(long, default_value = "bench")]
    key: String,
    /// Connections; `latency` always has one.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Length of the measured window, in seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Load before the window, in seconds.
    #[arg(long, default_value_t = 0.5)]
    warm_up_seconds: f64,
    /// Requests per second in the mode `latency`.
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Size of the request's body.
    #[arg(long, default_value_t = 460)]
    request_bytes: usize,
    /// Size of a whole answer's body.
    #[arg(long, default_value_t = 460)]
    answer_bytes: usize,
    /// Content chunks of a streamed answer.
    #[arg(long, default_value_t = 200)]
    chunks: usize,
    /// Time between the chunks of a streamed answer; 0 is as fast as they can be written.
    #[arg(long, default_value_t = 0)]
    pace_ms: u64,
    /// Root of the gateway's process tree.
    #[arg(long)]
    gateway_pid: Option<u32>,
    /// The upstream's process, which is not "other work".
    #[arg(long)]
    upstream_pid: Option<u32>,
}

impl Options {
    /// The answer to ask for.
    fn wanted(&self) -> Wanted {
        match self.mode {
            Mode::Requests | Mode::Latency => Wanted::Whole {
                body_bytes: self.answer_bytes,
            },
            Mode::Chunks | Mode::First => Wanted::Stream {
                chunks: self.chunks,
                pace_ms: self.pace_ms,
                usage: true,
            },
        }
    }

    /// The bytes of the request.
    fn request(&self) -> Vec<u8> {
        let host = self.address.to_string();
        payload::request(self.wanted(), self.request_bytes, &host, &self.key)
    }

    /// CPU times at this moment.
    fn cpu_times(&self) -> CpuTimes {
        CpuTimes::now(self.gateway_pid, self.upstream_pid.as_slice())
    }
}

/// What a measured window gave.
struct Window {
    seconds: f64,
    requests: u64,
    chunks: u64,
    errors: u64,
    first_error: Option<String>,
    latency: Histogram<u64>,
    first_chunk: Histogram<u64>,
    before: CpuTimes,
    after: CpuTimes,
}

/// Runs the load and prints the record.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(
        options.seconds > 0.0 && options.warm_up_seconds >= 0.0,
        "a time below zero"
    );
    ensure!(
        options.rate > 0 && options.connections > 0,
        "a load of nothing"
    );
    let whole = steady::Connection::open(options.address)
        .and_then(|mut connection| connection.exchange(&options.request(), options.wanted()));
    whole.with_context(|| format!("{} at {} answers wrongly", options.target, options.address))?;
    let window = match options.mode {
        Mode::Latency => steady::run(options)?,
        Mode::Requests | Mode::Chunks | Mode::First => busy::run(options)?,
    };
    let record = Record {
        target: options.target.clone(),
        scenario: options.scenario.clone(),
        mode: options.mode,
        round: options.round,
        connections: if options.mode == Mode::Latency {
            1
        } else {
            options.connections
        },
        seconds: window.seconds,
        requests: window.requests,
        chunks: window.chunks,
        errors: window.errors,
        first_error: window.first_error,
        latency: Quantiles::from(&window.latency),
        first_chunk: Quantiles::from(&window.first_chunk),
        gateway_cpu_us: window.after.gateway_since(&window.before),
        gateway_memory_kib: options.gateway_pid.and_then(machine::memory_kib),
        other_work: window.after.other_work_since(&window.before),
    };
    println!("{}", serde_json::to_string(&record)?);
    Ok(())
}

/// A histogram of nanoseconds up to a minute, within a thousandth.
fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

/// Adds a duration; more than the histogram holds counts as its bound.
fn record(histogram: &mut Histogram<u64>, duration: Duration) {
    histogram.saturating_record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
}

/// Checks a whole answer: its status, and that the body is not much shorter than the upstream's (a
/// gateway may write it anew, so its length may differ a little).
fn check_whole(status: u16, body_bytes: usize, wanted_bytes: usize) -> anyhow::Result<()> {
    ensure!(status == 200, "status {status}");
    ensure!(
        body_bytes * 10 >= wanted_bytes * 9,
        "a body of {body_bytes} bytes is cut short"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A short load of the mode given.
    fn options(mode: Mode, address: SocketAddr) -> Options {
        Options {
            mode,
            address,
            target: "direct".to_owned(),
            scenario: "test".to_owned(),
            round: 1,
            key: "k".to_owned(),
            connections: 4,
            seconds: 0.5,
            warm_up_seconds: 0.1,
            rate: 1000,
            request_bytes: 460,
            answer_bytes: 460,
            chunks: 10,
            pace_ms: 0,
            gateway_pid: None,
            upstream_pid: None,
        }
    }

    /// The upstream in a thread of its own, which ends with the test's process.
    fn upstream() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || crate::upstream::listen(listener));
        address
    }

    #[test]
    fn connections_are_kept_busy_and_every_answer_is_right() {
        let window = busy::run(&options(Mode::Requests, upstream())).unwrap();
        assert_eq!((window.errors, window.first_error), (0, None));
        assert!(window.requests > 10, "{} requests", window.requests);
        assert!(!window.latency.is_empty());
    }

    #[test]
    fn streams_are_counted_by_chunk() {
        for (mode, pace_ms) in [(Mode::Chunks, 0), (Mode::First, 5)] {
            let options = Options {
                pace_ms,
                ..options(mode, upstream())
            };
            let window = busy::run(&options).unwrap();
            assert_eq!((window.errors, window.first_error), (0, None));
            assert!(
                window.chunks >= 10 * (window.requests - 4),
                "{} chunks",
                window.chunks
            );
            assert!(!window.first_chunk.is_empty());
        }
    }

    #[test]
    fn a_wrong_answer_counts_as_an_error() {
        // The upstream refuses streams that are too long, with a 404.
        let options = Options {
            chunks: 10_000_000,
            ..options(Mode::Chunks, upstream())
        };
        let window = busy::run(&options).unwrap();
        assert!(window.errors > 0);
        assert_eq!(window.first_error.as_deref(), Some("status 404"));
        assert_eq!(window.requests, 0);
    }

    #[test]
    fn requests_due_during_a_stall_count_from_when_they_were_due() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || stall_once(&listener));
        let window = steady::run(&options(Mode::Latency, address)).unwrap();
        let slow_ns = 50_000_000;
        let slow = window.latency.count_between(slow_ns, u64::MAX);
        // One request waits 200 ms; of the 200 due meanwhile, 150 come more than 50 ms late. (With
        // coordinated omission it would be the one.)
        assert!(slow >= 100, "{slow} slow ones");
    }

    /// Answers every request at once but one, which takes 200 ms.
    fn stall_once(listener: &TcpListener) {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut requests, mut scratch) = (0, [0; 4096]);
        let answer = payload::answer(460);
        while stream.read(&mut scratch).is_ok_and(|size| size > 0) {
            requests += 1;
            if requests == 200 {
                #[expect(clippy::disallowed_methods, reason = "a thread of its own")]
                std::thread::sleep(Duration::from_millis(200));
            }
            stream.write_all(&answer).unwrap();
        }
    }
}
