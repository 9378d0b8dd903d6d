//! Runs the program that a profile names as `credential_process` (AWS SDKs and Tools Reference Guide,
//! "Process credential provider").

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use tokio::io::AsyncReadExt as _;

use super::profile::Command;
use super::{Held, read};

/// Longest wait for the program.
const PROCESS_WAIT: Duration = Duration::from_secs(10);
/// Most that it may print.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024;

/// Runs the command, without a shell, and reads the credentials that it prints. It is killed when it
/// takes too long or nobody waits any more. What it writes to its standard error goes nowhere.
pub(super) async fn run(line: &Command, now: SystemTime) -> Result<Held, String> {
    run_within(PROCESS_WAIT, line, now).await
}

async fn run_within(wait: Duration, line: &Command, now: SystemTime) -> Result<Held, String> {
    // Elsewhere a backslash quotes; there it parts folders.
    let text = if cfg!(windows) {
        line.0.replace('\\', "\\\\")
    } else {
        line.0.clone()
    };
    let words = shlex::split(&text).ok_or("a quotation mark of `credential_process` is missing")?;
    let (program, arguments) = words.split_first().ok_or("`credential_process` is empty")?;
    // Arguments may be secret.
    let about = |why: String| format!("`credential_process` ({program}): {why}");
    let output = tokio::time::timeout(wait, printed(program, arguments));
    let output = match output.await {
        Ok(output) => output.map_err(about)?,
        Err(_) => return Err(about(format!("it took more than {} s", wait.as_secs()))),
    };
    read::printed(&output, now).map_err(about)
}

/// All that a program prints.
async fn printed(program: &str, arguments: &[String]) -> Result<Vec<u8>, String> {
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it can't be started: {error}"))?;
    let stdout = child.stdout.take().ok_or("it has no output")?;
    let mut output = Vec::new();
    stdout
        .take(OUTPUT_BYTES_MAX + 1)
        .read_to_end(&mut output)
        .await
        .map_err(|error| format!("its output can't be read: {error}"))?;
    if output.len() as u64 > OUTPUT_BYTES_MAX {
        return Err(format!("it printed more than {OUTPUT_BYTES_MAX} bytes"));
    }
    let status = child
        .wait()
        .await
        .map_err(|error| format!("its end can't be told: {error}"))?;
    if !status.success() {
        return Err(format!("it ended with {status}"));
    }
    Ok(output)
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Instant;

    use super::*;

    async fn ran(line: &str) -> Result<Held, String> {
        run(&Command(line.to_owned()), SystemTime::now()).await
    }

    const GOOD: &str = r#"{"Version":1,"AccessKeyId":"A b","SecretAccessKey":"S"}"#;

    #[tokio::test]
    async fn words_are_the_programs_and_no_shell_reads_them() {
        // `printf` gives its argument back as it got it.
        let held = ran(&format!("printf %s '{GOOD}'")).await.unwrap();
        assert_eq!(held.credentials.access_key_id(), "A b");
        assert!(held.expiry.is_none());
        let escaped = GOOD.replace('"', "\\\"");
        let held = ran(&format!("printf \"%s\" \"{escaped}\"")).await.unwrap();
        assert_eq!(held.credentials.secret_access_key(), "S");
        // A shell would end well here.
        let literal = GOOD.replace("A b", "$(id)`id`;|&");
        let held = ran(&format!("printf %s '{literal}' ; true")).await;
        assert!(held.is_err(), "`;` and `true` are arguments");
        let held = ran(&format!("printf %s '{literal}'")).await.unwrap();
        assert_eq!(held.credentials.access_key_id(), "$(id)`id`;|&");
    }

    #[tokio::test]
    async fn failures_name_the_program_and_nothing_that_it_was_told() {
        for (line, what) in [
            ("", "empty"),
            ("a 'b", "quotation mark"),
            ("/nowhere/tool --password CANARY", "can't be started"),
            ("false CANARY", "ended with"),
            ("printf CANARY", "no JSON"),
            ("printf {}", "Version"),
            (r#"printf '{"Version":2,"x":"CANARY"}'"#, "`Version`"),
            (
                r#"printf '{"Version":1,"AccessKeyId":"CANARY"}'"#,
                "no keys",
            ),
            (
                r#"printf '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"CANARY","Expiration":"soon"}'"#,
                "`Expiration`",
            ),
            (
                r#"printf '{"Version":1,"AccessKeyId":"A","SecretAccessKey":"CANARY","Expiration":"2020-01-01T00:00:00Z"}'"#,
                "expired",
            ),
            ("head -c 70000 /dev/zero", "more than 65536 bytes"),
        ] {
            let why = ran(line).await.err().unwrap_or_default();
            assert!(why.contains(what), "{line}: {why}");
            assert!(!why.contains("CANARY"), "{why}");
        }
    }

    #[tokio::test]
    async fn a_program_that_hangs_is_killed() {
        let path = std::env::temp_dir().join(format!("polyroute-hangs-{}", std::process::id()));
        let begun = Instant::now();
        let line = format!("sh -c 'echo $$ > {} ; exec sleep 600'", path.display());
        let (wait, line) = (Duration::from_secs(1), Command(line));
        let why = run_within(wait, &line, SystemTime::now())
            .await
            .err()
            .unwrap();
        assert!(why.contains("more than 1 s"), "{why}");
        assert!(begun.elapsed() < Duration::from_secs(8));
        let pid = std::fs::read_to_string(&path).unwrap();
        let _ = std::fs::remove_file(&path);
        let proc = std::path::PathBuf::from(format!("/proc/{}", pid.trim()));
        let deadline = Instant::now() + Duration::from_secs(5);
        while proc.exists() {
            assert!(Instant::now() < deadline, "it still runs");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
