//! How long a gateway takes from the start of its process to its first answer.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::expected::Expected;
use crate::load::{Connection, histogram, record};
use crate::payload::Wanted;
use crate::record::{Mode, Quantiles, Record};
use crate::subject::Subject;

/// Between two tries to connect: a thirtieth of what is a fast start.
const TRY_EVERY: Duration = Duration::from_micros(500);

/// What to start, and how often.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    subject: Subject,
    /// How many starts.
    #[arg(long, default_value_t = 10)]
    times: u32,
    /// How long one may take, in seconds.
    #[arg(long, default_value_t = 60)]
    timeout_seconds: u64,
    /// The program and its arguments, which must become the gateway's own process.
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// How long a gateway has to end.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// A started gateway, which ends with its owner.
struct Started(Child);

impl Drop for Started {
    fn drop(&mut self) {
        // Asked first: nginx's master would leave its worker behind. Gone already is as good.
        let pid = self.0.id().to_string();
        drop(Command::new("kill").args(["-TERM", &pid]).status());
        let asked = Instant::now();
        while matches!(self.0.try_wait(), Ok(None)) && asked.elapsed() < END_TIMEOUT {
            rest();
        }
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Rests for a moment.
fn rest() {
    #[expect(clippy::disallowed_methods, reason = "no runtime here")]
    std::thread::sleep(TRY_EVERY);
}

/// Starts it so many times and prints the record.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    ensure!(options.times > 0, "no start to measure");
    let mut latency = histogram()?;
    let began = Instant::now();
    for _ in 0..options.times {
        record(&mut latency, start(options)?);
    }
    let figures = Record {
        connections: 1,
        seconds: began.elapsed().as_secs_f64(),
        requests: options.times.into(),
        latency: Quantiles::from(&latency),
        ..Record::new(&options.subject, Mode::StartUp)
    };
    println!("{}", serde_json::to_string(&figures)?);
    Ok(())
}

/// One start: the time to the first right answer.
fn start(options: &Options) -> anyhow::Result<Duration> {
    let (program, arguments) = options.command.split_first().context("no command")?;
    let timeout = Duration::from_secs(options.timeout_seconds);
    let wanted = Wanted::Whole { body_bytes: 460 };
    let (request, expected) = (options.subject.request(wanted, 460), Expected::of(wanted));
    let begin = Instant::now();
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("can't start {program}"))?;
    let mut started = Started(child);
    loop {
        let answered = Connection::open(options.subject.address, timeout)
            .and_then(|mut connection| connection.exchange(&request, &expected));
        let Err(error) = answered else {
            return Ok(begin.elapsed());
        };
        if let Some(status) = started.0.try_wait()? {
            bail!("{program} ended with {status} before its first answer: {error:#}");
        }
        if begin.elapsed() > timeout {
            return Err(error.context(format!("no answer in {} s", timeout.as_secs())));
        }
        rest();
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn options(address: std::net::SocketAddr, command: &[&str]) -> Options {
        Options {
            subject: Subject {
                target: "x".to_owned(),
                scenario: "start-up".to_owned(),
                round: 1,
                address,
                key: "k".to_owned(),
                model_prefix: String::new(),
                headers: Vec::new(),
            },
            times: 1,
            timeout_seconds: 1,
            command: command.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn a_start_takes_until_the_first_answer() {
        // What answers is a thread that begins to listen late; the process only has to live.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        std::thread::spawn(move || {
            #[expect(clippy::disallowed_methods, reason = "a thread of its own")]
            std::thread::sleep(Duration::from_millis(100));
            crate::upstream::listen(TcpListener::bind(address).unwrap())
        });
        let took = start(&options(address, &["sleep", "5"])).unwrap();
        assert!(took >= Duration::from_millis(100), "{took:?}");
    }

    #[test]
    fn a_gateway_that_ends_or_never_answers_is_an_error() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let ended = start(&options(address, &["false"])).unwrap_err();
        assert!(format!("{ended:#}").contains("before its first answer"));
        let silent = start(&options(address, &["sleep", "9"])).unwrap_err();
        assert!(format!("{silent:#}").contains("no answer in 1 s"));
    }
}
