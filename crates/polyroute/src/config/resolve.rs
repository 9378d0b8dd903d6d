//! The only I/O of a load: reading the files that hold secrets, and looking whether TLS files are
//! there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::env::Environment;
use super::problem::nearest;
use super::render::looks_secret;
use super::secret::{Secret, SecretRef};

/// A secret is no longer than this.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// A secret and where it came from.
pub(crate) struct Resolved {
    pub(crate) secret: Secret,
    /// `env:NAME`, `file:PATH` or `config`.
    pub(crate) label: String,
}

/// Why a reference leads nowhere: reason and suggestion.
pub(crate) type Refusal = (String, String);

/// Fetches what a reference names, without the line end behind it.
pub(crate) fn resolve_secret(
    reference: &SecretRef,
    environment: &Environment,
    folder: &Path,
) -> Result<Resolved, Refusal> {
    let (text, label) = match reference {
        SecretRef::Literal(secret) => (secret.expose().to_owned(), "config".to_owned()),
        SecretRef::Env(name) => (variable(name, environment)?, format!("env:{name}")),
        SecretRef::File(path) => {
            let path = beside(path, folder);
            (read(&path)?, format!("file:{}", path.display()))
        }
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err((
            "the secret is empty".to_owned(),
            "write it there, or remove this".to_owned(),
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let reason = "the secret holds a character that no header can carry (a space, a line end, \
                      or a letter beyond ASCII)";
        return Err((
            reason.to_owned(),
            "check that it was copied whole and alone".to_owned(),
        ));
    }
    Ok(Resolved {
        secret: Secret::new(text.to_owned()),
        label,
    })
}

fn variable(name: &str, environment: &Environment) -> Result<String, Refusal> {
    if let Some(value) = environment.get(name) {
        return Ok(value.to_owned());
    }
    if looks_secret(name) {
        let reason = "`env` wants the name of a variable, and this looks like the secret itself";
        return Err((
            reason.to_owned(),
            "put it in a variable and write its name".to_owned(),
        ));
    }
    let hint = match nearest(name, environment.names()) {
        Some(found) => format!("did you mean `{found}`?"),
        None => format!("set it: `export {name}=…`"),
    };
    Err((
        format!("the environment variable `{name}` is not set"),
        hint,
    ))
}

/// The text of a file that holds a secret.
pub(crate) fn read(path: &Path) -> Result<String, Refusal> {
    let hint = || "write the path of a file that holds nothing but the secret".to_owned();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if looks_secret(&name) {
        let reason = "`file` wants the path of a file, and this looks like the secret itself";
        return Err((reason.to_owned(), hint()));
    }
    let unreadable = |error: std::io::Error| {
        (
            format!("`{}` can't be read: {}", path.display(), error),
            hint(),
        )
    };
    let file = open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err((
            format!("`{}` is too long for a secret", path.display()),
            hint(),
        ));
    }
    let not_text = |_| (format!("`{}` is not text (UTF-8)", path.display()), hint());
    String::from_utf8(bytes).map_err(not_text)
}

/// Opens a file for reading; a folder is refused.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(std::io::Error::from(std::io::ErrorKind::IsADirectory));
    }
    Ok(file)
}

/// A path as the configuration file means it.
pub(crate) fn beside(path: &Path, folder: &Path) -> PathBuf {
    folder.join(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(reference: &SecretRef) -> Result<(String, String), String> {
        let environment = [("A_KEY", "abc\n"), ("SPACED", "a b")]
            .into_iter()
            .collect();
        let found = resolve_secret(reference, &environment, Path::new("."));
        found
            .map(|found| (found.secret.expose().to_owned(), found.label))
            .map_err(|(reason, hint)| format!("{reason} | {hint}"))
    }

    #[test]
    fn a_variable_is_read_without_its_line_end() {
        let found = resolved(&SecretRef::Env("A_KEY".to_owned()));
        assert_eq!(found, Ok(("abc".to_owned(), "env:A_KEY".to_owned())));
    }

    #[test]
    fn a_variable_that_is_not_set_gets_the_nearest_name() {
        let error = resolved(&SecretRef::Env("A_KYE".to_owned())).unwrap_err();
        assert_eq!(
            error,
            "the environment variable `A_KYE` is not set | did you mean `A_KEY`?"
        );
    }

    #[test]
    fn a_secret_in_place_of_a_name_is_not_repeated() {
        let error = resolved(&SecretRef::Env("sk-canary-1".to_owned())).unwrap_err();
        assert!(!error.contains("canary"), "{error}");
    }

    #[test]
    fn what_no_header_can_carry_is_refused() {
        let error = resolved(&SecretRef::Env("SPACED".to_owned())).unwrap_err();
        assert!(
            error.contains("no header can carry") && !error.contains("a b "),
            "{error}"
        );
    }

    #[test]
    fn a_missing_file_and_a_folder_are_named() {
        let missing = resolved(&SecretRef::File("no/such/file".into())).unwrap_err();
        assert!(missing.contains("no/such/file"), "{missing}");
        let folder = resolved(&SecretRef::File("src".into())).unwrap_err();
        assert!(folder.contains("src"), "{folder}");
    }
}
