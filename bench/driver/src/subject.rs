//! What is measured: which target, under which name, and how it is asked.

use std::net::SocketAddr;

use crate::payload::{self, Caller, Wanted};

/// What is measured and how it is asked.
#[derive(clap::Args)]
pub(crate) struct Subject {
    /// What is called, for the record.
    #[arg(long)]
    pub(crate) target: String,
    /// The scenario's name, for the record.
    #[arg(long)]
    pub(crate) scenario: String,
    /// The round, for the record.
    #[arg(long, default_value_t = 1)]
    pub(crate) round: u32,
    /// The address to call.
    #[arg(long)]
    pub(crate) address: SocketAddr,
    /// The bearer key to send.
    #[arg(long, default_value = "bench")]
    pub(crate) key: String,
    /// What to write before the model's name, such as `anthropic/`.
    #[arg(long, default_value = "")]
    pub(crate) model_prefix: String,
    /// One more header, `Name: value`; may be repeated.
    #[arg(long = "header", value_parser = header)]
    pub(crate) headers: Vec<String>,
}

/// Takes a header that has a name and a value.
fn header(text: &str) -> Result<String, String> {
    match text.split_once(": ") {
        Some((name, _)) if !name.is_empty() && !text.contains(['\r', '\n']) => Ok(text.to_owned()),
        _ => Err("a header is `Name: value`".to_owned()),
    }
}

impl Subject {
    /// How the requests are asked.
    pub(crate) fn caller(&self) -> Caller {
        Caller {
            model_prefix: self.model_prefix.clone(),
            key: self.key.clone(),
            headers: self.headers.clone(),
        }
    }

    /// The bytes of a request for `wanted`.
    pub(crate) fn request(&self, wanted: Wanted, body_bytes: usize) -> Vec<u8> {
        let host = self.address.to_string();
        payload::request(wanted, body_bytes, &host, &self.caller())
    }
}

#[cfg(test)]
mod tests {
    use super::header;

    #[test]
    fn headers_have_a_name_and_a_value_and_stay_on_their_line() {
        assert!(header("x-portkey-provider: openai").is_ok());
        assert!(header("x-portkey-provider").is_err());
        assert!(header(": openai").is_err());
        assert!(header("a: b\r\nc: d").is_err());
    }
}
