//! Credentials: how the file names them, and the type that holds them without showing them.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::de::advice;

/// A credential in memory. `Debug` never shows it; it is wiped when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes the credential over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// The credential itself: for the header that carries it, or the hash that stands for it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Where a credential comes from: `{ env: NAME }`, `{ file: PATH }`, or text (which should be
/// `${NAME}`: a secret does not belong into the file).
#[derive(Clone)]
pub enum SecretRef {
    /// The value of an environment variable.
    Env(String),
    /// The content of a file, without its last line end. A relative path starts at the
    /// configuration file's folder.
    File(PathBuf),
    /// Written in the file, or put there from `${NAME}`.
    Literal(Secret),
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => f.debug_tuple("Env").field(name).finish(),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Literal(secret) => f.debug_tuple("Literal").field(secret).finish(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    env: Option<String>,
    file: Option<PathBuf>,
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = SecretRef;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`{ env: NAME }` or `{ file: PATH }`")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<SecretRef, E> {
                Ok(SecretRef::Literal(Secret::new(text.to_owned())))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretRef, A::Error> {
                let form = Form::deserialize(MapAccessDeserializer::new(map))?;
                match (form.env, form.file) {
                    (Some(name), None) => Ok(SecretRef::Env(name)),
                    (None, Some(path)) => Ok(SecretRef::File(path)),
                    (None, None) | (Some(_), Some(_)) => Err(advice(
                        "a secret comes from one place",
                        "write `{ env: NAME }` or `{ file: PATH }`",
                    )),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Where a credential comes from: `{ env: NAME }`, `{ file: PATH }`, or \
                            `${NAME}`.",
            "anyOf": [
                {
                    "type": "object",
                    "properties": {
                        "env": {
                            "type": "string",
                            "description": "The name of an environment variable.",
                        },
                    },
                    "required": ["env"],
                    "additionalProperties": false,
                },
                {
                    "type": "object",
                    "properties": {
                        "file": {
                            "type": "string",
                            "description": "The path of a file that holds only the secret.",
                        },
                    },
                    "required": ["file"],
                    "additionalProperties": false,
                },
                { "type": "string", "minLength": 1 },
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_a_secret() {
        let secret = Secret::new("sk-canary-7".to_owned());
        let reference = SecretRef::Literal(secret.clone());
        assert_eq!(
            format!("{secret:?} {reference:?}"),
            "[secret] Literal([secret])"
        );
        assert_eq!(secret.expose(), "sk-canary-7");
    }
}
