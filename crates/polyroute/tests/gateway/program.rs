//! The program itself, as its users start it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::raw::resident_kib_of;
use crate::support::{CALLER, CANARY, providers};
use crate::tls::Folder;

/// The program itself, with its output.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
    pub admin: SocketAddr,
    stderr: Option<std::thread::JoinHandle<String>>,
    _folder: Folder,
}

impl Program {
    /// Starts it before a simulator, with more keys under `server:`.
    pub fn start(sim: &str, more: &str) -> Self {
        Self::with(sim, more, "")
    }

    /// The same with more sections beside `server` and `providers`.
    pub fn with(sim: &str, more: &str, sections: &str) -> Self {
        let folder = Folder::new();
        let text = format!(
            "server: {{ listen: \"127.0.0.1:0\", admin: \"127.0.0.1:0\"{more} }}\n{}{sections}",
            providers(sim)
        );
        let file = folder.write("polyroute.yaml", &text);
        let mut child = Command::new(env!("CARGO_BIN_EXE_polyroute"))
            .args(["serve", "--config"])
            .arg(file)
            .current_dir(folder.path())
            .env_clear()
            .env("KEY", CANARY)
            .env("CALLER", CALLER)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let (address, admin) = loop {
            let mut line = String::new();
            assert!(
                lines.read_line(&mut line).unwrap() > 0,
                "it did not start: {said}"
            );
            said.push_str(&line);
            if let Some((_, rest)) = line.split_once("listening on http://") {
                let (address, rest) = rest.split_once("/v1").unwrap();
                let (_, admin) = rest.split_once("http://").unwrap();
                let (admin, _) = admin.split_once(';').unwrap();
                break (address.parse().unwrap(), admin.parse().unwrap());
            }
        };
        let stderr = std::thread::spawn(move || {
            let _ = lines.read_to_string(&mut said);
            said
        });
        Self {
            child,
            address,
            admin,
            stderr: Some(stderr),
            _folder: folder,
        }
    }

    /// Its resident memory in KiB.
    pub fn resident_kib(&self) -> u64 {
        resident_kib_of(&self.child.id().to_string())
    }

    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end: exit code, standard output and standard error.
    pub async fn ended(mut self, seconds: u64) -> (Option<i32>, String, String) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("it did not end");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let mut stdout = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut stdout)
            .unwrap();
        (
            status.code(),
            stdout,
            self.stderr.take().unwrap().join().unwrap(),
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
