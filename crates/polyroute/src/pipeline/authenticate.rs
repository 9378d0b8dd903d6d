//! Credential → principal: gateway keys, hashed in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use http::{HeaderMap, header};
use polyroute_wire::api_error::ApiError;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::config::settings::GatewayKey;

/// Who a request stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The key's name; `anonymous` where no key is configured.
    pub name: String,
    /// The key's tags. They win over tags of the request.
    pub tags: BTreeMap<String, String>,
    /// The names that it may ask for; `None` for all.
    pub allowed: Option<Vec<String>>,
}

/// The gateway keys of one configuration. Holds digests only.
#[derive(Debug)]
pub struct KeyRing {
    /// Per-process salt: an attacker can't aim at a bucket.
    salt: [u8; 16],
    principals: HashMap<[u8; 32], ([u8; 32], Arc<Principal>)>,
    /// Who calls when there are no keys.
    open: Option<Arc<Principal>>,
}

impl KeyRing {
    /// Keys of a configuration. With none, every caller is `anonymous` (the config refuses that on
    /// an address that is not loopback).
    #[must_use]
    pub fn new(keys: &[GatewayKey]) -> Self {
        let salt = *uuid::Uuid::new_v4().as_bytes();
        let principals = keys
            .iter()
            .map(|key| {
                let digest = digest(&salt, key.secret.expose().as_bytes());
                let principal = Principal {
                    name: key.name.clone(),
                    tags: key.tags.clone(),
                    allowed: key
                        .routes
                        .as_ref()
                        .map(|routes| routes.iter().cloned().collect()),
                };
                (digest, (digest, Arc::new(principal)))
            })
            .collect();
        let anonymous = || Principal {
            name: "anonymous".to_owned(),
            tags: BTreeMap::new(),
            allowed: None,
        };
        Self {
            salt,
            principals,
            open: keys.is_empty().then(|| Arc::new(anonymous())),
        }
    }

    /// Whom the credential in these headers stands for.
    ///
    /// # Errors
    /// 401 if there is none, if two differ, or if it is no key of ours.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Principal>, ApiError> {
        if let Some(open) = &self.open {
            return Ok(Arc::clone(open));
        }
        let bearer = headers.get(header::AUTHORIZATION).map(|value| {
            let bytes = value.as_bytes();
            match bytes.split_at_checked(7) {
                Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
                    rest.trim_ascii()
                }
                _ => bytes,
            }
        });
        let named =
            ["x-api-key", "api-key"].map(|name| headers.get(name).map(http::HeaderValue::as_bytes));
        let mut given = [bearer]
            .into_iter()
            .chain(named)
            .flatten()
            .filter(|value| !value.is_empty());
        let Some(credential) = given.next() else {
            return Err(unauthorized(
                "invalid_api_key",
                "No API key was sent. Send a Polyroute key as `Authorization: Bearer …`, `x-api-key` or `api-key`.",
            ));
        };
        if given.any(|other| !bool::from(other.ct_eq(credential))) {
            return Err(unauthorized(
                "conflicting_api_keys",
                "Two different API keys were sent in different headers. Send one.",
            ));
        }
        let digest = digest(&self.salt, credential);
        match self.principals.get(&digest) {
            Some((known, principal)) if bool::from(known.ct_eq(&digest)) => {
                Ok(Arc::clone(principal))
            }
            _ => Err(unauthorized(
                "invalid_api_key",
                "The API key is not known to this gateway. Send a Polyroute key, not a provider's.",
            )),
        }
    }
}

fn digest(salt: &[u8], secret: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(secret)
        .finalize()
        .into()
}

fn unauthorized(code: &'static str, message: &str) -> ApiError {
    ApiError::new(code, message)
}
