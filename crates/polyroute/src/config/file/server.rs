//! The `server` section.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::config::de::advice;
use crate::config::value::{ByteSize, TimeSpan};

/// Where Polyroute listens, and what it bounds.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// The address that applications call. One that is not loopback needs at least one gateway
    /// key. `--listen` and `POLYROUTE_LISTEN` win over it.
    #[schemars(extend("default" = "127.0.0.1:8080"))]
    pub listen: Option<ListenAddress>,
    /// The address of `/metrics` and the admin API: never the public one.
    #[schemars(extend("default" = "127.0.0.1:9090"))]
    pub admin: Option<ListenAddress>,
    /// Serve HTTPS on `listen`.
    pub tls: Option<Tls>,
    /// Bounds on what a caller may send.
    pub limits: Limits,
    /// How long open answers may go on after SIGTERM.
    #[schemars(extend("default" = "30s"))]
    pub drain: Option<TimeSpan>,
    /// How often a caller whose answer is slow hears from us on a stream.
    #[schemars(extend("default" = "15s"))]
    pub heartbeat: Option<TimeSpan>,
    /// How long our own 200 is held back while a stream has no content: until then a failure can
    /// still become another target's answer, or a clean error status.
    #[schemars(extend("default" = "15s"))]
    pub head_commit: Option<TimeSpan>,
    /// Where one JSON line a request goes: `stdout`, `stderr` or `off`.
    #[schemars(extend("default" = "stdout"))]
    pub access_log: Option<AccessLog>,
    /// How often the providers' lists of models are read again.
    #[schemars(extend("default" = "10m"))]
    pub models_refresh: Option<TimeSpan>,
}

/// Certificate and key of the listener.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain, PEM. A relative path starts at the configuration file's folder.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
}

/// Bounds on what a caller may send.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest request body.
    #[schemars(extend("default" = "64MiB"))]
    pub body: Option<ByteSize>,
    /// Largest request head: request line and headers together.
    #[schemars(extend("default" = "64KiB"))]
    pub head: Option<ByteSize>,
    /// Most connections open at once.
    #[schemars(extend("default" = 20000))]
    pub connections: Option<u32>,
    /// Most requests under way at once, from their heads to the ends of their answers. What comes
    /// above it is refused with 503 and `retry-after` before its body is read.
    #[schemars(extend("default" = 15000))]
    pub requests: Option<u32>,
    /// Most bytes of request bodies in memory at once, `body` at least. A request whose body does
    /// not fit is refused with 503 and `retry-after`.
    #[schemars(extend("default" = "1GiB"))]
    pub bodies: Option<ByteSize>,
    /// Most headers of one request.
    #[schemars(extend("default" = 100))]
    pub header_count: Option<u32>,
    /// Deepest nesting of a request's JSON.
    #[schemars(extend("default" = 128))]
    pub nesting: Option<u32>,
    /// Longest wait for a whole request head, and for a TLS handshake. A connection that asks
    /// nothing for so long is closed.
    #[schemars(extend("default" = "10s"))]
    pub head_timeout: Option<TimeSpan>,
    /// Longest wait for the next piece of a request body. A body that comes at less than 1 KiB a
    /// second has so long in all.
    #[schemars(extend("default" = "30s"))]
    pub body_timeout: Option<TimeSpan>,
    /// How long a connection stays open between two requests. The default is above the 60 s of
    /// common load balancers, so that theirs is never closed under a request.
    #[schemars(extend("default" = "75s"))]
    pub idle_timeout: Option<TimeSpan>,
    /// How long a caller may take nothing of an answer that waits for it. Then its connection is
    /// closed (HTTP/1.1) or its stream reset (HTTP/2).
    #[schemars(extend("default" = "60s"))]
    pub send_timeout: Option<TimeSpan>,
}

/// Where the access log goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AccessLog {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// Nowhere.
    Off,
}

/// An address to listen on: `127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:8080`, `localhost:8080`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(transparent)]
pub struct ListenAddress(
    #[schemars(
        with = "String",
        regex(pattern = r"^(localhost|[0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]+$|\$\{")
    )]
    pub SocketAddr,
);

impl ListenAddress {
    /// Reads an address. `localhost` is 127.0.0.1; no name is looked up.
    ///
    /// # Errors
    ///
    /// A reason and what to write instead.
    pub fn parse(text: &str) -> Result<Self, (String, String)> {
        let text = text.trim();
        if let Some(port) = text.strip_prefix("localhost:")
            && let Ok(port) = port.parse::<u16>()
        {
            return Ok(Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Ok(Self(address));
        }
        let digits = text.trim_start_matches(':');
        let hint = if digits.parse::<u16>().is_ok() {
            format!(
                "write `127.0.0.1:{digits}` for this machine only, or `0.0.0.0:{digits}` for all"
            )
        } else {
            "write an IP address and a port, such as `127.0.0.1:8080` or `[::1]:8080`".to_owned()
        };
        Err(("this is not an address to listen on".to_owned(), hint))
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = ListenAddress;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as `127.0.0.1:8080`")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<ListenAddress, E> {
                ListenAddress::parse(text).map_err(|(reason, hint)| advice(&reason, &hint))
            }
        }
        deserializer.deserialize_str(Reader)
    }
}
