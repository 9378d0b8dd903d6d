//! A provider's address: absolute, http or https, without credentials, query or fragment.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Uri;

/// Where a provider's API begins. Never ends with a slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    text: String,
    host: String,
    port: u16,
    https: bool,
}

impl BaseUrl {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// A reason and what to write instead. Neither repeats the text: it may hold a password.
    pub fn parse(text: &str) -> Result<Self, (&'static str, &'static str)> {
        const EXAMPLE: &str = "write it like `https://api.example.com/v1`";
        let text = text.trim();
        if !text.contains("://") {
            return Err((
                "the URL needs a scheme",
                "begin with `https://` (or `http://`)",
            ));
        }
        if text.contains(['?', '#']) {
            return Err(("the URL has a query or a fragment", "end it with the path"));
        }
        let Ok(uri) = text.parse::<Uri>() else {
            return Err(("this is not a URL", EXAMPLE));
        };
        let (https, default_port) = match uri.scheme_str() {
            Some("https") => (true, 443),
            Some("http") => (false, 80),
            _ => return Err(("only http and https are supported", EXAMPLE)),
        };
        let Some(authority) = uri.authority() else {
            return Err(("the URL has no host", EXAMPLE));
        };
        if authority.as_str().contains('@') {
            return Err((
                "the URL holds a user or password",
                "move it to `credentials`",
            ));
        }
        let host = authority
            .host()
            .trim_matches(['[', ']'])
            .to_ascii_lowercase();
        let written_port = authority
            .as_str()
            .strip_prefix(authority.host())
            .unwrap_or_default();
        let port = match written_port.strip_prefix(':') {
            Some(digits) => digits.parse::<u16>().ok().filter(|port| *port > 0),
            None => Some(default_port),
        };
        let Some(port) = port.filter(|_| !host.is_empty()) else {
            return Err(("the URL has no valid host and port", EXAMPLE));
        };
        Ok(Self {
            text: text.trim_end_matches('/').to_owned(),
            host,
            port,
            https,
        })
    }

    /// The URL, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host: a lower-case name or an IP address (IPv6 without brackets).
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, that of the scheme where none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether it is reached by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Whether it leads to a listener on `listen`: any spelling of this machine counts where the
    /// listener hears it. No name is looked up, so another name for this machine goes unnoticed.
    #[must_use]
    pub fn points_at(&self, listen: SocketAddr) -> bool {
        if self.port != listen.port() {
            return false;
        }
        let name = self.host.trim_end_matches('.');
        if name == "localhost" || name.ends_with(".localhost") {
            return listen.ip().is_loopback() || listen.ip().is_unspecified();
        }
        let Ok(ip) = name.parse::<IpAddr>() else {
            return false;
        };
        let ip = ip.to_canonical();
        let here = listen.ip().to_canonical();
        let local = ip.is_loopback() || ip.is_unspecified();
        ip == here || (local && (here.is_loopback() || here.is_unspecified()))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        let url = BaseUrl::parse("https://API.example.com/v1/").unwrap();
        assert_eq!(url.as_str(), "https://API.example.com/v1");
        assert_eq!(
            (url.host(), url.port(), url.is_https()),
            ("api.example.com", 443, true)
        );
        let url = BaseUrl::parse("http://[::1]:8000").unwrap();
        assert_eq!(
            (url.host(), url.port(), url.is_https()),
            ("::1", 8000, false)
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "api.example.com/v1",
            "ftp://x",
            "https://",
            "https:///v1",
            "https://u:p@x/v1",
            "https://x/v1?key=1",
            "https://x/#f",
            "https://x:0/v1",
            "https://x:99999/v1",
            "https://x y/",
            "https://:8080",
        ] {
            assert!(BaseUrl::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_spelling_of_ourselves_is_seen() {
        let loopback: SocketAddr = "127.0.0.1:8080".parse().unwrap();
        let all: SocketAddr = "0.0.0.0:8080".parse().unwrap();
        let v6: SocketAddr = "[::1]:8080".parse().unwrap();
        for host in [
            "localhost",
            "127.0.0.1",
            "[::1]",
            "0.0.0.0",
            "[::]",
            "127.0.0.2",
            "LOCALHOST",
        ] {
            let url = BaseUrl::parse(&format!("http://{host}:8080/v1")).unwrap();
            for listen in [loopback, all, v6] {
                assert!(url.points_at(listen), "{host} {listen}");
            }
        }
        let mapped = BaseUrl::parse("http://[::ffff:127.0.0.1]:8080").unwrap();
        assert!(mapped.points_at(loopback));
        let other_port = BaseUrl::parse("http://localhost:8081/v1").unwrap();
        assert!(!other_port.points_at(loopback));
        let elsewhere = BaseUrl::parse("http://10.0.0.9:8080/v1").unwrap();
        assert!(!elsewhere.points_at(all));
        assert!(elsewhere.points_at("10.0.0.9:8080".parse().unwrap()));
    }
}
