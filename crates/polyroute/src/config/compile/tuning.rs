//! `resilience`, `translation`, `media`, and the checks of single numbers.

use std::time::Duration;

use super::Context;
use crate::config::file;
use crate::config::path::KeyPath;
use crate::config::settings::{Media, Resilience, Timeouts, Translation};
use crate::config::value::{ByteSize, TimeSpan};

/// The timeouts where nothing is written.
pub(crate) const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(2),
    first_content: Duration::from_secs(60),
    inter_token: Duration::from_secs(60),
    total: Duration::from_secs(600),
};

/// Most attempts that may be asked for.
const ATTEMPTS_MAX: usize = 100;

pub(super) fn resilience(file: &file::Resilience, context: &mut Context<'_>) -> Resilience {
    let path = KeyPath::of("resilience");
    let attempts = count(file.attempts_max, 4, &path.key("attempts_max"), context);
    if attempts > ATTEMPTS_MAX {
        let hint = format!("write {ATTEMPTS_MAX} or less; 4 is plenty");
        context.problems.advise(
            path.key("attempts_max"),
            "these are too many attempts",
            hint,
        );
    }
    let deadline = time(
        file.deadline,
        Duration::from_secs(120),
        &path.key("deadline"),
        context,
    );
    Resilience {
        attempts_max: u32::try_from(attempts).unwrap_or(u32::MAX),
        deadline,
        timeouts: timeouts(&file.timeouts, TIMEOUTS, &path.key("timeouts"), context),
    }
}

/// What is written, over what is inherited. A `total` that is shorter than an inherited part
/// shortens that part; two that contradict each other in one place are an error.
pub(super) fn timeouts(
    file: &file::Timeouts,
    inherited: Timeouts,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Timeouts {
    let mut part = |written: Option<TimeSpan>, name: &str, inherited: Duration| {
        let found = time(written, inherited, &path.key(name), context);
        match (written, file.total) {
            (Some(part), Some(total)) if part > total => {
                let hint = format!("make `{name}` shorter or `total` longer");
                let reason = format!("`{name}` is longer than `total`: it could never pass");
                context.problems.advise(path.key(name), reason, hint);
                found
            }
            (None, Some(total)) => found.min(total.0),
            (_, None) | (Some(_), Some(_)) => found,
        }
    };
    let connect = part(file.connect, "connect", inherited.connect);
    let first_content = part(file.first_content, "first_content", inherited.first_content);
    let inter_token = part(file.inter_token, "inter_token", inherited.inter_token);
    let longest = connect.max(first_content).max(inter_token);
    let total = match file.total {
        Some(_) => time(file.total, inherited.total, &path.key("total"), context),
        None => inherited.total.max(longest),
    };
    Timeouts {
        connect,
        first_content,
        inter_token,
        total,
    }
}

pub(super) fn translation(file: &file::Translation) -> Translation {
    Translation {
        strict_params: file.strict_params.unwrap_or(false),
        repair_orphans: file.repair_orphans.unwrap_or(false),
        rewrite_prefill: file.rewrite_prefill.unwrap_or(false),
        downgrade_forced_tool_choice: file.downgrade_forced_tool_choice.unwrap_or(false),
    }
}

pub(super) fn media(file: &file::Media, context: &mut Context<'_>) -> Media {
    let path = KeyPath::of("media");
    Media {
        allow_private_networks: file.allow_private_networks.unwrap_or(false),
        bytes_max: bytes(file.max_bytes, 20 << 20, &path.key("max_bytes"), context),
        timeout: time(
            file.timeout,
            Duration::from_secs(10),
            &path.key("timeout"),
            context,
        ),
    }
}

/// A duration that must not be zero.
pub(super) fn time(
    written: Option<TimeSpan>,
    default: Duration,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> Duration {
    let found = written.map_or(default, |span| span.0);
    if found.is_zero() {
        context.problems.advise(
            path,
            "this must be longer than nothing",
            "write `1s` or more",
        );
    }
    found
}

/// A size that must not be zero.
pub(super) fn bytes(
    written: Option<ByteSize>,
    default: u64,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> usize {
    let found = written.map_or(default, |size| size.0);
    if found == 0 {
        context.problems.advise(
            path,
            "this must be more than nothing",
            "write `1KiB` or more",
        );
    }
    usize::try_from(found).unwrap_or(usize::MAX)
}

/// A number that must not be zero.
pub(super) fn count(
    written: Option<u32>,
    default: usize,
    path: &KeyPath,
    context: &mut Context<'_>,
) -> usize {
    let found = written.map_or(default, |count| {
        usize::try_from(count).unwrap_or(usize::MAX)
    });
    if found == 0 {
        context
            .problems
            .advise(path, "this must be at least 1", "write `1` or more");
    }
    found
}
