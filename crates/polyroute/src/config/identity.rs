//! Who we are at a cloud, where that is more than a key: the accounts whose tokens are fetched and
//! renewed while the program runs (`upstream::identity` does that).

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

use super::secret::Secret;

/// An account at a cloud.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Google Cloud.
    Google(Google),
    /// Microsoft Entra ID.
    Entra(Entra),
}

/// Google's application default credentials.
#[derive(Debug, Clone)]
pub struct Google {
    /// Where tokens come from.
    pub source: GoogleSource,
    /// The project that pays for calls, where it is not the one called (`x-goog-user-project`).
    pub quota_project: Option<String>,
}

/// Where Google's tokens come from.
#[derive(Debug, Clone)]
pub enum GoogleSource {
    /// A service account's own key: it signs a claim and trades it for a token.
    ServiceAccount {
        /// Who it is.
        email: String,
        /// Which of its keys.
        key_id: Option<String>,
        /// The key, PKCS #8 in PEM.
        private_key: Secret,
        /// Where claims are traded.
        token_url: String,
    },
    /// A person's grant, as `gcloud auth application-default login` leaves it.
    AuthorizedUser {
        /// The program that was granted it.
        client_id: String,
        /// That program's secret.
        client_secret: Secret,
        /// The grant.
        refresh_token: Secret,
        /// Where it is traded.
        token_url: String,
    },
    /// Another issuer's token, traded for Google's (workload identity federation).
    External {
        /// The pool and provider.
        audience: String,
        /// What the other token is.
        subject_token_type: String,
        /// Where it is traded.
        token_url: String,
        /// Where the other token is.
        subject: Subject,
    },
    /// A service account that another credential speaks for.
    Impersonated {
        /// Its `generateAccessToken`.
        url: String,
        /// The other credential.
        source: Box<Self>,
    },
    /// The metadata server of the machine that we run on.
    Metadata {
        /// Its host, with a port where it is not 80.
        host: String,
    },
}

/// Where another issuer's token is.
#[derive(Debug, Clone)]
pub enum Subject {
    /// In a file, read anew each time.
    File {
        /// Its path.
        path: PathBuf,
        /// The member that holds it, if the file is JSON.
        field: Option<String>,
    },
    /// Behind a URL.
    Url {
        /// The URL.
        url: String,
        /// Headers that it wants.
        headers: Vec<(String, Secret)>,
        /// The member that holds it, if the answer is JSON.
        field: Option<String>,
    },
}

/// An application or machine in Microsoft Entra ID.
#[derive(Debug, Clone)]
pub struct Entra {
    /// Where tokens come from.
    pub source: EntraSource,
    /// What they are for, such as `https://ai.azure.com/.default`.
    pub scope: String,
}

/// Where Entra's tokens come from.
#[derive(Debug, Clone)]
pub enum EntraSource {
    /// An application with a secret (client credentials flow).
    Application {
        /// `{authority}/{tenant}/oauth2/v2.0/token`.
        token_url: String,
        /// The application's id.
        client_id: String,
        /// How it proves itself.
        proof: Proof,
    },
    /// The managed identity of an App Service, Function or Container App.
    AppService {
        /// `IDENTITY_ENDPOINT`.
        endpoint: String,
        /// `IDENTITY_HEADER`.
        header: Secret,
        /// Which identity, if the machine has several.
        client_id: Option<String>,
    },
    /// The managed identity of a virtual machine, from its metadata service.
    Machine {
        /// Where the service is, without a path.
        url: String,
        /// Which identity, if the machine has several.
        client_id: Option<String>,
    },
}

/// How an application proves itself.
#[derive(Debug, Clone)]
pub enum Proof {
    /// By its secret.
    Secret(Secret),
    /// By a token of a federated issuer in a file, read anew each time (AKS workload identity).
    FederatedToken(PathBuf),
}

/// Google's own trade of claims and grants.
const GOOGLE_TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// Credentials that speak for others may do so this often in a row.
const IMPERSONATIONS_MAX: usize = 3;

/// A credentials file of Google's: what it holds, and the project that it belongs to.
#[derive(Debug)]
pub(crate) struct GoogleFile {
    pub(crate) google: Google,
    pub(crate) project: Option<String>,
}

/// Why a credentials file can't be used: reason and suggestion. Neither repeats its text.
type Refusal = (String, String);

/// The members that any kind of credentials file may have.
#[derive(Deserialize)]
struct Written {
    r#type: String,
    project_id: Option<String>,
    quota_project_id: Option<String>,
    client_email: Option<String>,
    private_key_id: Option<String>,
    private_key: Option<String>,
    token_uri: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    refresh_token: Option<String>,
    audience: Option<String>,
    subject_token_type: Option<String>,
    token_url: Option<String>,
    service_account_impersonation_url: Option<String>,
    credential_source: Option<Value>,
    source_credentials: Option<Value>,
}

impl GoogleFile {
    /// Reads the JSON of a service account, of application default credentials, or of workload
    /// identity federation.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let value: Value = serde_json::from_str(text).map_err(|_| {
            (
                "the credentials file is no JSON".to_owned(),
                "name the JSON file that Google Cloud made for the service account".to_owned(),
            )
        })?;
        let (source, written) = source(value, 0)?;
        Ok(Self {
            google: Google {
                source,
                quota_project: written.quota_project_id,
            },
            project: written.project_id,
        })
    }
}

fn source(value: Value, depth: usize) -> Result<(GoogleSource, Written), Refusal> {
    let hint = || "make it anew with `gcloud` or in the console of Google Cloud".to_owned();
    let mut written: Written = serde_json::from_value(value).map_err(|_| {
        (
            "the credentials file is none of Google's: it has no `type`".to_owned(),
            hint(),
        )
    })?;
    let lacking = |key: &str| {
        let reason = format!("the credentials file has no `{key}`");
        (reason, hint())
    };
    macro_rules! take {
        ($key:ident) => {
            written
                .$key
                .take()
                .ok_or_else(|| lacking(stringify!($key)))?
        };
    }
    let found = match written.r#type.as_str() {
        "service_account" => GoogleSource::ServiceAccount {
            email: take!(client_email),
            key_id: written.private_key_id.take(),
            private_key: Secret::new(take!(private_key)),
            token_url: safe_url(token_url(written.token_uri.take()))?,
        },
        "authorized_user" => GoogleSource::AuthorizedUser {
            client_id: take!(client_id),
            client_secret: Secret::new(take!(client_secret)),
            refresh_token: Secret::new(take!(refresh_token)),
            token_url: safe_url(token_url(written.token_uri.take()))?,
        },
        "external_account" => {
            let external = GoogleSource::External {
                audience: take!(audience),
                subject_token_type: take!(subject_token_type),
                token_url: safe_url(take!(token_url))?,
                subject: subject(&take!(credential_source))?,
            };
            match written.service_account_impersonation_url.take() {
                None => external,
                Some(url) => GoogleSource::Impersonated {
                    url: safe_url(url)?,
                    source: Box::new(external),
                },
            }
        }
        "impersonated_service_account" if depth < IMPERSONATIONS_MAX => {
            let (inner, _) = source(take!(source_credentials), depth + 1)?;
            GoogleSource::Impersonated {
                url: safe_url(take!(service_account_impersonation_url))?,
                source: Box::new(inner),
            }
        }
        other => {
            let shown: String = other.chars().take(40).collect();
            return Err((
                format!("credentials of type `{shown}` are not supported"),
                "use a service account, application default credentials, or workload identity \
                 federation with a file or URL"
                    .to_owned(),
            ));
        }
    };
    Ok((found, written))
}

fn token_url(written: Option<String>) -> String {
    written.unwrap_or_else(|| GOOGLE_TOKEN_URL.to_owned())
}

/// Secrets go there: it is reached by TLS, or is this machine.
pub(crate) fn safe_url(url: String) -> Result<String, Refusal> {
    let uri: Option<http::Uri> = url.parse().ok();
    let host = uri
        .as_ref()
        .and_then(http::Uri::host)
        .map(|host| host.trim_matches(['[', ']']));
    let is_here = host.is_some_and(|host| {
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    });
    let scheme = uri.as_ref().and_then(http::Uri::scheme_str);
    if scheme == Some("https") || (scheme == Some("http") && is_here) {
        return Ok(url);
    }
    Err((
        "tokens would be fetched without TLS, or from no URL at all".to_owned(),
        "begin the URL with `https://`".to_owned(),
    ))
}

fn subject(written: &Value) -> Result<Subject, Refusal> {
    let text = |key: &str| {
        let value = written.get(key).and_then(Value::as_str);
        value.map(ToOwned::to_owned)
    };
    let is_json = written.pointer("/format/type").and_then(Value::as_str) == Some("json");
    let field = written
        .pointer("/format/subject_token_field_name")
        .and_then(Value::as_str)
        .filter(|_| is_json)
        .map(ToOwned::to_owned);
    if written.get("environment_id").is_some() || written.get("executable").is_some() {
        return Err((
            "this kind of workload identity federation is not supported: no program is run, and \
             no AWS request is signed for it"
                .to_owned(),
            "use a `credential_source` with `file` or `url`".to_owned(),
        ));
    }
    match (text("file"), text("url")) {
        (Some(path), None) => Ok(Subject::File {
            path: path.into(),
            field,
        }),
        (None, Some(url)) => {
            let headers = written.get("headers").and_then(Value::as_object);
            let headers = headers.into_iter().flatten().filter_map(|(name, value)| {
                Some((name.clone(), Secret::new(value.as_str()?.to_owned())))
            });
            Ok(Subject::Url {
                // The issuer on a machine (a metadata service) often has no TLS.
                url,
                headers: headers.collect(),
                field,
            })
        }
        _ => Err((
            "the `credential_source` of the credentials file names no file and no URL".to_owned(),
            "make it anew with `gcloud iam workload-identity-pools create-cred-config`".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Result<GoogleFile, String> {
        GoogleFile::read(&value.to_string()).map_err(|(reason, hint)| format!("{reason} | {hint}"))
    }

    #[test]
    fn every_kind_of_file_is_read() {
        let account = json!({"type": "service_account", "project_id": "p", "client_email": "a@b",
            "private_key_id": "1", "private_key": "canary"});
        let file = read(&account).unwrap();
        assert_eq!(file.project.as_deref(), Some("p"));
        let GoogleSource::ServiceAccount { token_url, .. } = &file.google.source else {
            panic!("{file:?}");
        };
        assert_eq!(token_url, GOOGLE_TOKEN_URL);
        assert!(!format!("{file:?}").contains("canary"));
        let user = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s",
            "refresh_token": "r", "quota_project_id": "q"});
        let file = read(&user).unwrap();
        assert_eq!(file.google.quota_project.as_deref(), Some("q"));
        let external = json!({"type": "external_account", "audience": "a",
            "subject_token_type": "t", "token_url": "https://sts.googleapis.com/v1/token",
            "service_account_impersonation_url": "https://iamcredentials.googleapis.com/x",
            "credential_source": {"file": "/token", "format": {"type": "json",
                "subject_token_field_name": "f"}}});
        let GoogleSource::Impersonated { source, .. } = read(&external).unwrap().google.source
        else {
            panic!("not impersonated");
        };
        assert!(matches!(
            *source,
            GoogleSource::External {
                subject: Subject::File { field: Some(_), .. },
                ..
            }
        ));
        let speaks_for = json!({"type": "impersonated_service_account",
            "service_account_impersonation_url": "https://iamcredentials.googleapis.com/x",
            "source_credentials": user});
        assert!(read(&speaks_for).is_ok());
    }

    #[test]
    fn what_can_t_be_used_says_so_without_repeating_secrets() {
        for (value, says) in [
            (json!({"a": "canary"}), "no `type`"),
            (
                json!({"type": "service_account", "client_email": "a"}),
                "no `private_key`",
            ),
            (json!({"type": "gdch_service_account"}), "not supported"),
            (
                json!({"type": "service_account", "client_email": "a", "private_key": "canary",
                    "token_uri": "http://tokens.example/"}),
                "without TLS",
            ),
            (
                json!({"type": "external_account", "audience": "a", "subject_token_type": "t",
                    "token_url": "https://x", "credential_source": {"executable": {}}}),
                "no program is run",
            ),
        ] {
            let error = read(&value).unwrap_err();
            assert!(error.contains(says) && !error.contains("canary"), "{error}");
        }
        assert!(
            GoogleFile::read("canary")
                .unwrap_err()
                .0
                .contains("no JSON")
        );
    }
}
