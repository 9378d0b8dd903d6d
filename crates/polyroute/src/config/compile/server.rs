//! The `server` section: addresses, TLS, bounds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::Context;
use super::tuning::{bytes, count, time};
use crate::config::env;
use crate::config::file::{self, ListenAddress};
use crate::config::path::KeyPath;
use crate::config::problem::Origin;
use crate::config::resolve;
use crate::config::settings::{Limits, Server, Tls};

const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9090);

/// The deepest nesting that a reader of JSON bears on its stack.
const NESTING_MAX: usize = 128;

pub(super) fn compile(file: &file::Server, has_keys: bool, context: &mut Context<'_>) -> Server {
    let section = KeyPath::of("server");
    let flag = context.listen_flag.map(|text| ("--listen", text));
    let (listen, listen_from) = address(
        flag,
        env::LISTEN,
        file.listen,
        section.key("listen"),
        LISTEN,
        context,
    );
    let flag = context.admin_flag.map(|text| ("--admin", text));
    let (admin, admin_from) = address(
        flag,
        env::ADMIN_LISTEN,
        file.admin,
        section.key("admin"),
        ADMIN,
        context,
    );
    check_addresses(listen, listen_from, admin, admin_from, has_keys, context);
    let span = |value, name, default, context: &mut Context<'_>| {
        time(
            value,
            Duration::from_secs(default),
            &section.key(name),
            context,
        )
    };
    Server {
        listen,
        admin,
        tls: file
            .tls
            .as_ref()
            .map(|tls| self::tls(tls, &section.key("tls"), context)),
        limits: limits(&file.limits, &section.key("limits"), context),
        drain: file.drain.map_or(Duration::from_secs(30), |drain| drain.0),
        heartbeat: span(file.heartbeat, "heartbeat", 15, context),
        head_commit: span(file.head_commit, "head_commit", 15, context),
        access_log: file.access_log.unwrap_or_default(),
        models_refresh: span(file.models_refresh, "models_refresh", 600, context),
    }
}

/// Flag, else variable, else file, else default; and where it came from.
fn address(
    flag: Option<(&'static str, &str)>,
    variable: &str,
    written: Option<ListenAddress>,
    path: KeyPath,
    default: SocketAddr,
    context: &mut Context<'_>,
) -> (SocketAddr, Origin) {
    let from_flag = flag.map(|(name, text)| (Origin::Flag(name), text));
    let from_variable = || {
        let text = context.environment.get(variable)?;
        Some((Origin::Variable(variable.to_owned()), text))
    };
    let Some((origin, text)) = from_flag.or_else(from_variable) else {
        return (
            written.map_or(default, |address| address.0),
            Origin::Path(path),
        );
    };
    match ListenAddress::parse(text) {
        Ok(address) => (address.0, origin),
        Err((reason, hint)) => {
            context.problems.advise(origin.clone(), reason, hint);
            (default, origin)
        }
    }
}

fn check_addresses(
    listen: SocketAddr,
    listen_from: Origin,
    admin: SocketAddr,
    admin_from: Origin,
    has_keys: bool,
    context: &mut Context<'_>,
) {
    if !listen.ip().to_canonical().is_loopback() && !has_keys {
        let reason = format!(
            "{listen} can be reached from other machines, and no gateway key is configured: \
             everybody could spend your credentials"
        );
        let hint = "add a key under `keys`, set `POLYROUTE_API_KEYS`, or listen on 127.0.0.1";
        context.problems.advise(listen_from, reason, hint);
    }
    let overlap = listen.ip().to_canonical() == admin.ip().to_canonical()
        || listen.ip().is_unspecified()
        || admin.ip().is_unspecified();
    if listen.port() == admin.port() && listen.port() != 0 && overlap {
        let reason = "the admin address is the public one: metrics and the admin API would be \
                      open to every caller";
        let hint = "give `server.admin` a port of its own, such as `127.0.0.1:9090`";
        context.problems.advise(admin_from, reason, hint);
    } else if !admin.ip().to_canonical().is_loopback() {
        let reason = format!("{admin} shows metrics and request records to whoever reaches it");
        let hint = "use 127.0.0.1, or make sure that only your own network reaches it";
        context.problems.warn(admin_from, reason, hint);
    }
}

fn tls(file: &file::Tls, path: &KeyPath, context: &mut Context<'_>) -> Tls {
    let mut check = |name: &str, written: &std::path::Path| {
        let found = resolve::beside(written, context.folder);
        if let Err(error) = resolve::open(&found) {
            let reason = format!("`{}` can't be read: {error}", found.display());
            context
                .problems
                .advise(path.key(name), reason, "write the path of a PEM file");
        }
        found
    };
    Tls {
        cert: check("cert", &file.cert),
        key: check("key", &file.key),
    }
}

fn limits(file: &file::Limits, path: &KeyPath, context: &mut Context<'_>) -> Limits {
    let nesting_max = count(file.nesting, NESTING_MAX, &path.key("nesting"), context);
    if nesting_max > NESTING_MAX {
        let hint = format!("write {NESTING_MAX} or less");
        context.problems.advise(
            path.key("nesting"),
            "this is deeper than JSON is read",
            hint,
        );
    }
    let span = |value, name, default, context: &mut Context<'_>| {
        time(
            value,
            Duration::from_secs(default),
            &path.key(name),
            context,
        )
    };
    let body_bytes_max = bytes(file.body, 64 << 20, &path.key("body"), context);
    let default = (1 << 30).max(body_bytes_max as u64);
    let bodies_bytes_max = bytes(file.bodies, default, &path.key("bodies"), context);
    if bodies_bytes_max < body_bytes_max {
        context.problems.advise(
            path.key("bodies"),
            "this is less than one request body may have (`body`): the largest could never be taken",
            "write as much as `body` or more, or make `body` smaller",
        );
    }
    Limits {
        body_bytes_max,
        head_bytes_max: bytes(file.head, 64 << 10, &path.key("head"), context),
        connections_max: count(file.connections, 20_000, &path.key("connections"), context),
        requests_max: count(file.requests, 15_000, &path.key("requests"), context),
        bodies_bytes_max,
        header_count_max: count(file.header_count, 100, &path.key("header_count"), context),
        nesting_max,
        head_timeout: span(file.head_timeout, "head_timeout", 10, context),
        body_timeout: span(file.body_timeout, "body_timeout", 30, context),
        idle_timeout: span(file.idle_timeout, "idle_timeout", 75, context),
        send_timeout: span(file.send_timeout, "send_timeout", 60, context),
    }
}
