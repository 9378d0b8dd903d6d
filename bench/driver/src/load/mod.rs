//! The load driver: sends one kind of load to one address for a fixed time and prints one
//! [`Record`]. `busy` keeps many connections at work, `steady` sends on one connection at a fixed
//! rate; both check every answer. `held` opens many streams and leaves them alone.

mod busy;
mod held;
mod steady;

use std::time::Duration;

pub(crate) use steady::Connection;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;

use crate::expected::Expected;
use crate::machine::{self, CpuTimes};
use crate::payload::Wanted;
use crate::record::{Mode, Quantiles, Record};
use crate::subject::Subject;

/// What to send where, and for how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// What is measured.
    #[arg(long, value_enum)]
    mode: Mode,
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
    /// How long an answer may take before it counts as lost, in seconds.
    #[arg(long, default_value_t = 5)]
    answer_timeout_seconds: u64,
    /// Cut the answers that are under way at the window's end rather than wait for them and check
    /// them: for gateways that would take minutes. The first answer is always read to its end.
    #[arg(long)]
    cut: bool,
    /// The scenario of the same target that the ratios are to, rather than nginx in this one.
    #[arg(long)]
    compared_with: Option<String>,
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
            Mode::Chunks | Mode::First | Mode::IdleStreams | Mode::StalledReaders => {
                Wanted::Stream {
                    chunks: self.chunks,
                    pace_ms: self.pace_ms,
                    usage: true,
                }
            }
            _ => Wanted::Whole {
                body_bytes: self.answer_bytes,
            },
        }
    }

    /// The bytes of the request.
    fn request(&self) -> Vec<u8> {
        self.subject.request(self.wanted(), self.request_bytes)
    }

    /// How long an answer may take before it counts as lost.
    fn answer_timeout(&self) -> Duration {
        Duration::from_secs(self.answer_timeout_seconds)
    }

    /// CPU times at this moment.
    fn cpu_times(&self) -> CpuTimes {
        CpuTimes::now(self.gateway_pid, self.upstream_pid.as_slice())
    }

    /// Memory of the gateway at this moment.
    fn memory_kib(&self) -> Option<u64> {
        self.gateway_pid.and_then(machine::memory_kib)
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
    /// Memory before and with what is held, where that is what is measured.
    held_kib: Option<(u64, u64)>,
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
    let record = match options.mode {
        Mode::Idle | Mode::After => Record::new(&options.subject, options.mode),
        _ => measure(options)?,
    };
    let record = Record {
        gateway_memory_kib: record.gateway_memory_kib.or_else(|| options.memory_kib()),
        ..record
    };
    println!("{}", serde_json::to_string(&record)?);
    Ok(())
}

/// Tries one request, then puts the load on.
fn measure(options: &Options) -> anyhow::Result<Record> {
    let Subject {
        target, address, ..
    } = &options.subject;
    let held = matches!(options.mode, Mode::IdleStreams | Mode::StalledReaders);
    if !held {
        steady::Connection::open(*address, options.answer_timeout())
            .and_then(|mut connection| {
                connection.exchange(&options.request(), &Expected::of(options.wanted()))
            })
            .with_context(|| format!("{target} at {address} answers wrongly"))?;
    }
    let window = match options.mode {
        Mode::Latency => steady::run(options)?,
        _ if held => held::run(options)?,
        _ => busy::run(options)?,
    };
    let whole = matches!(options.wanted(), Wanted::Whole { .. });
    Ok(Record {
        compared_with: options.compared_with.clone(),
        connections: if options.mode == Mode::Latency {
            1
        } else {
            options.connections
        },
        body_bytes: whole.then_some(options.request_bytes.max(options.answer_bytes)),
        seconds: window.seconds,
        requests: window.requests,
        chunks: window.chunks,
        errors: window.errors,
        first_error: window.first_error,
        latency: Quantiles::from(&window.latency),
        first_chunk: Quantiles::from(&window.first_chunk),
        gateway_cpu_us: window.after.gateway_since(&window.before),
        gateway_memory_before_kib: window.held_kib.map(|(before, _)| before),
        gateway_memory_kib: window.held_kib.map(|(_, with)| with),
        other_work: window.after.other_work_since(&window.before),
        ..Record::new(&options.subject, options.mode)
    })
}

/// A histogram of nanoseconds up to a minute, within a thousandth.
pub(crate) fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000_000, 3)?)
}

/// Adds a duration; more than the histogram holds counts as its bound.
pub(crate) fn record(histogram: &mut Histogram<u64>, duration: Duration) {
    histogram.saturating_record(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener};

    use super::*;
    use crate::answer::{self, Dialect};

    /// A short load of the mode given.
    fn options(mode: Mode, address: SocketAddr) -> Options {
        Options {
            subject: Subject {
                target: "direct".to_owned(),
                scenario: "test".to_owned(),
                round: 1,
                address,
                key: "k".to_owned(),
                model_prefix: String::new(),
                headers: Vec::new(),
            },
            mode,
            connections: 4,
            seconds: 0.5,
            warm_up_seconds: 0.1,
            rate: 1000,
            request_bytes: 460,
            answer_bytes: 460,
            chunks: 10,
            pace_ms: 0,
            answer_timeout_seconds: 5,
            cut: false,
            compared_with: None,
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
    fn what_is_cut_at_the_end_is_no_error() {
        let long = |cut| Options {
            chunks: 1000,
            pace_ms: 100,
            answer_timeout_seconds: 1,
            cut,
            ..options(Mode::Chunks, upstream())
        };
        let window = busy::run(&long(true)).unwrap();
        assert_eq!((window.errors, window.first_error), (0, None));
        assert!(window.chunks > 0);
        assert_eq!(busy::run(&long(false)).unwrap().errors, 1);
    }

    #[test]
    fn held_streams_are_counted_and_their_memory_is_taken() {
        // This process is the gateway, so to speak: a number must come, whichever it is.
        let pid = Some(std::process::id());
        for (mode, chunks, pace_ms) in [
            (Mode::IdleStreams, 3, 60_000),
            (Mode::StalledReaders, 60_000, 0),
        ] {
            let options = Options {
                chunks,
                pace_ms,
                gateway_pid: pid,
                ..options(mode, upstream())
            };
            let window = held::run(&options).unwrap();
            assert_eq!((window.errors, window.first_error), (0, None));
            assert_eq!(window.requests, 4);
            assert!(window.held_kib.is_some());
        }
    }

    #[test]
    fn what_does_not_stream_is_not_held() {
        // The upstream refuses streams that are too long, with a 404.
        let options = Options {
            chunks: 10_000_000,
            gateway_pid: Some(std::process::id()),
            ..options(Mode::IdleStreams, upstream())
        };
        let error = held::run(&options).err().unwrap();
        assert!(format!("{error:#}").contains("status 404"), "{error:#}");
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
        let answer = answer::render(Dialect::OpenAi, Wanted::Whole { body_bytes: 460 });
        let answer = answer.pieces.concat();
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
