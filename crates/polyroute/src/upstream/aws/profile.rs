//! What a profile of AWS's shared files leads to (AWS SDKs and Tools Reference Guide, "Shared config
//! and credentials files"). Pure.

use std::fmt;

use aws_credential_types::Credentials;

use super::read::keys;

/// Most roles that are taken one after the other.
const ROLES_MAX: usize = 8;
/// The session's name in AWS's logs where nobody gave one.
const SESSION: &str = "polyroute";

/// How to come by a profile's credentials.
#[derive(Debug)]
pub(super) struct Chain {
    /// The first credentials.
    pub(super) base: Base,
    /// Roles to take with them, each with the credentials of the one before it.
    pub(super) roles: Vec<Role>,
}

/// Where a chain begins.
#[derive(Debug)]
pub(super) enum Base {
    /// Keys.
    Keys(Credentials),
    /// What another source than the shared files has (`credential_source`).
    Named(NamedSource),
    /// A role to take with a token of somebody else's.
    WebIdentity {
        arn: String,
        token_file: String,
        session: String,
    },
    /// A role of a person who signed in.
    Sso(Sso),
    /// A program that prints them.
    Process(Command),
}

/// Values of `credential_source`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NamedSource {
    /// `Environment`
    Environment,
    /// `EcsContainer`
    Container,
    /// `Ec2InstanceMetadata`
    Instance,
}

/// A role to take with other credentials.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session: String,
    pub(super) external_id: Option<String>,
    pub(super) duration_s: Option<u32>,
}

/// A role at IAM Identity Center.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sso {
    /// The profile, to tell how to sign in.
    pub(super) profile: String,
    /// What the token's file is named after: the session, else the start URL.
    pub(super) key: String,
    pub(super) region: String,
    pub(super) account: String,
    pub(super) role: String,
}

/// A command line, which may hold a secret.
pub(super) struct Command(pub(super) String);

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Command")
    }
}

/// Reads a profile out of the texts of `credentials` and `config`. `Ok(None)`: neither has credentials
/// for it.
pub(super) fn resolve(
    credentials: &str,
    config: &str,
    name: &str,
) -> Result<Option<Chain>, String> {
    let files = Files {
        credentials,
        config,
    };
    let about = |why: String| format!("the AWS profile `{name}`: {why}");
    let Some(first) = files.profile(name) else {
        let is_missing = name != "default" && !(credentials.is_empty() && config.is_empty());
        return if is_missing {
            Err(about("neither of the shared files has it".to_owned()))
        } else {
            Ok(None)
        };
    };
    files.chain(first).map_err(about)
}

/// The two shared files.
struct Files<'a> {
    credentials: &'a str,
    config: &'a str,
}

impl Files<'_> {
    /// A profile's settings; those of `credentials` win. `None`: neither file names it.
    fn profile(&self, name: &str) -> Option<Profile> {
        let in_config = if name == "default" {
            name.to_owned()
        } else {
            format!("profile {name}")
        };
        let mut settings = section(self.config, &in_config);
        let more = section(self.credentials, name);
        if settings.is_none() && more.is_none() {
            return None;
        }
        let mut values = settings.take().unwrap_or_default();
        values.extend(more.unwrap_or_default());
        Some(Profile {
            name: name.to_owned(),
            values,
        })
    }

    /// Follows source profiles to where credentials are.
    fn chain(&self, first: Profile) -> Result<Option<Chain>, String> {
        let mut roles: Vec<Role> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let mut profile = first;
        let base = loop {
            seen.push(profile.name.clone());
            // A profile that another one draws on gives the keys that it has.
            if let (Some(keys), true) = (profile.keys(), seen.len() > 1) {
                break Some(Base::Keys(keys));
            }
            let Some(role) = profile.role()? else {
                break profile.base(self)?;
            };
            if roles.len() >= ROLES_MAX {
                return Err(format!("it takes more than {ROLES_MAX} roles in a row"));
            }
            let source = match (
                profile.get("source_profile"),
                profile.get("credential_source"),
            ) {
                (Some(_), Some(_)) => {
                    return Err(profile.says("has both `source_profile` and `credential_source`"));
                }
                (Some(source), None) => source.to_owned(),
                (None, Some(named)) => {
                    roles.push(role);
                    break Some(Base::Named(profile.named(named)?));
                }
                (None, None) => {
                    return Err(profile.says(
                        "has a `role_arn` without `source_profile`, `credential_source` or \
                         `web_identity_token_file`",
                    ));
                }
            };
            roles.push(role);
            if source == profile.name {
                let keys = profile.keys();
                let why = || profile.says("is its own `source_profile` and has no keys");
                break Some(Base::Keys(keys.ok_or_else(why)?));
            }
            if seen.contains(&source) {
                let names = seen.join("`, `");
                return Err(format!(
                    "its source profiles lead back to `{source}`: `{names}`"
                ));
            }
            let Some(next) = self.profile(&source) else {
                return Err(format!(
                    "neither of the shared files has its source profile `{source}`"
                ));
            };
            profile = next;
        };
        let Some(base) = base else {
            return if roles.is_empty() {
                Ok(None)
            } else {
                Err(profile.says("is a source profile and has no credentials"))
            };
        };
        roles.reverse();
        Ok(Some(Chain { base, roles }))
    }
}

/// The settings of a profile, the last one of a name counts.
struct Profile {
    name: String,
    values: Vec<(String, String)>,
}

impl Profile {
    fn get(&self, key: &str) -> Option<&str> {
        lookup(&self.values, key)
    }

    fn need(&self, key: &str) -> Result<String, String> {
        let value = self.get(key).map(ToOwned::to_owned);
        value.ok_or_else(|| self.says(&format!("has no `{key}`")))
    }

    fn says(&self, what: &str) -> String {
        format!("`{}` {what}", self.name)
    }

    fn keys(&self) -> Option<Credentials> {
        let (id, secret) = (
            self.get("aws_access_key_id")?,
            self.get("aws_secret_access_key")?,
        );
        let token = self.get("aws_session_token").map(ToOwned::to_owned);
        Some(keys(id, secret, token))
    }

    /// The role that is to be taken with credentials of another place.
    fn role(&self) -> Result<Option<Role>, String> {
        let Some(arn) = self.get("role_arn") else {
            return Ok(None);
        };
        if self.get("web_identity_token_file").is_some() {
            return Ok(None);
        }
        if self.get("mfa_serial").is_some() {
            let why = "wants a code of a person's (`mfa_serial`), which a server can't ask for";
            return Err(self.says(why));
        }
        let duration_s = match self.get("duration_seconds") {
            None => None,
            Some(text) => Some(text.parse().map_err(|_| {
                self.says(&format!(
                    "has `duration_seconds = {text}`, which is no number"
                ))
            })?),
        };
        Ok(Some(Role {
            arn: arn.to_owned(),
            session: self.session(),
            external_id: self.get("external_id").map(ToOwned::to_owned),
            duration_s,
        }))
    }

    fn session(&self) -> String {
        self.get("role_session_name").unwrap_or(SESSION).to_owned()
    }

    fn named(&self, source: &str) -> Result<NamedSource, String> {
        match source {
            "Environment" => Ok(NamedSource::Environment),
            "EcsContainer" => Ok(NamedSource::Container),
            "Ec2InstanceMetadata" => Ok(NamedSource::Instance),
            other => Err(self.says(&format!(
                "has `credential_source = {other}`, which is none of `Environment`, \
                 `EcsContainer`, `Ec2InstanceMetadata`"
            ))),
        }
    }

    /// Credentials of the profile's own.
    fn base(&self, files: &Files<'_>) -> Result<Option<Base>, String> {
        if let Some(keys) = self.keys() {
            return Ok(Some(Base::Keys(keys)));
        }
        if let (Some(arn), Some(token_file)) =
            (self.get("role_arn"), self.get("web_identity_token_file"))
        {
            return Ok(Some(Base::WebIdentity {
                arn: arn.to_owned(),
                token_file: token_file.to_owned(),
                session: self.session(),
            }));
        }
        if self.get("sso_session").is_some() || self.get("sso_start_url").is_some() {
            return self.sso(files).map(|sso| Some(Base::Sso(sso)));
        }
        let process = self.get("credential_process");
        Ok(process.map(|line| Base::Process(Command(line.to_owned()))))
    }

    fn sso(&self, files: &Files<'_>) -> Result<Sso, String> {
        let (key, region) = match self.get("sso_session") {
            Some(session) => {
                let settings = section(files.config, &format!("sso-session {session}"));
                let Some(settings) = settings else {
                    let why = format!("names the SSO session `{session}`, which `config` has not");
                    return Err(self.says(&why));
                };
                let region = lookup(&settings, "sso_region").map(ToOwned::to_owned);
                (session.to_owned(), region)
            }
            None => (self.need("sso_start_url")?, None),
        };
        let region = region.map_or_else(|| self.need("sso_region"), Ok)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if region.is_empty() || !region.chars().all(fits) {
            return Err(self.says(&format!("has `sso_region = {region}`, which is none")));
        }
        Ok(Sso {
            profile: self.name.clone(),
            key,
            region,
            account: self.need("sso_account_id")?,
            role: self.need("sso_role_name")?,
        })
    }
}

fn lookup<'v>(values: &'v [(String, String)], key: &str) -> Option<&'v str> {
    let found = values.iter().rev().find(|(known, _)| known == key);
    found.map(|(_, value)| value.as_str())
}

/// The keys and values of an INI section; sub-sections are left out. `None`: there is none of that
/// name.
fn section(text: &str, name: &str) -> Option<Vec<(String, String)>> {
    let mut inside = false;
    let mut values = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(head) = trimmed
            .strip_prefix('[')
            .and_then(|rest| rest.split(']').next())
        {
            let words: Vec<&str> = head.split_whitespace().collect();
            inside = words.join(" ") == name;
            if inside {
                values.get_or_insert_with(Vec::new);
            }
        } else if inside
            && !line.starts_with([' ', '\t'])
            && !trimmed.starts_with(['#', ';'])
            && let Some((key, value)) = trimmed.split_once('=')
        {
            // A comment needs white space before it.
            let value = value.split(" #").next().unwrap_or_default();
            let value = value.split(" ;").next().unwrap_or_default();
            let pair = (key.trim().to_ascii_lowercase(), value.trim().to_owned());
            values.get_or_insert_with(Vec::new).push(pair);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "# c\n[default]\naws_access_key_id = A1 # mine\n\
        aws_secret_access_key=S1\n[dev]\naws_access_key_id=A2\naws_secret_access_key=S2\n\
        aws_session_token=T2\n";

    fn read(config: &str, name: &str) -> Result<Option<Chain>, String> {
        resolve(CREDENTIALS, config, name)
    }

    fn chain(config: &str, name: &str) -> Chain {
        read(config, name).unwrap().unwrap()
    }

    fn refusal(config: &str) -> String {
        read(config, "x").unwrap_err()
    }

    /// The ids of the keys that a chain begins with, and the roles' ARNs.
    fn path(chain: &Chain) -> (String, Vec<&str>) {
        let base = match &chain.base {
            Base::Keys(keys) => keys.access_key_id().to_owned(),
            other => format!("{other:?}"),
        };
        let arns = chain.roles.iter().map(|role| role.arn.as_str());
        (base, arns.collect())
    }

    #[test]
    fn keys_of_both_files() {
        let config = "[profile dev]\nregion = eu-west-1\n  s3 =\n    aws_access_key_id = no\n\
                      [profile bare]\nregion = a\n";
        let Base::Keys(keys) = chain(config, "default").base else {
            panic!("no keys");
        };
        assert_eq!(
            (keys.access_key_id(), keys.secret_access_key()),
            ("A1", "S1")
        );
        let Base::Keys(keys) = chain(config, "dev").base else {
            panic!("no keys");
        };
        assert_eq!(
            (keys.access_key_id(), keys.session_token()),
            ("A2", Some("T2"))
        );
        assert!(matches!(read(config, "bare"), Ok(None)));
        assert!(matches!(resolve("", "", "gone"), Ok(None)));
        assert!(matches!(resolve("", config, "default"), Ok(None)));
        assert!(read(config, "gone").unwrap_err().contains("`gone`"));
    }

    #[test]
    fn roles_are_followed_to_their_source() {
        let config = "[profile x]\nrole_arn = r1\nsource_profile = y\nexternal_id = e\n\
                      role_session_name = me\nduration_seconds = 900\n\
                      [profile y]\nrole_arn=r2\nsource_profile=dev\n";
        let found = chain(config, "x");
        assert_eq!(path(&found), ("A2".to_owned(), vec!["r2", "r1"]));
        let last = Role {
            arn: "r1".into(),
            session: "me".into(),
            external_id: Some("e".into()),
            duration_s: Some(900),
        };
        assert_eq!(found.roles[1], last);
        // Its own keys; keys of a source come before its role; keys beside a role of one's own don't.
        let own = "[profile dev]\nrole_arn=r\nsource_profile=dev\n";
        assert_eq!(path(&chain(own, "dev")), ("A2".to_owned(), vec!["r"]));
        let keyed = "[profile x]\nrole_arn=r1\nsource_profile=dev\naws_access_key_id=no\n\
                     aws_secret_access_key=no\n[profile dev]\nrole_arn=r2\nsource_profile=gone\n";
        assert_eq!(path(&chain(keyed, "x")), ("A2".to_owned(), vec!["r1"]));
        let named = "[profile x]\nrole_arn=r\ncredential_source = Ec2InstanceMetadata\n";
        let found = chain(named, "x");
        assert!(matches!(found.base, Base::Named(NamedSource::Instance)));
        assert_eq!(found.roles.len(), 1);
    }

    #[test]
    fn roles_that_lead_nowhere_are_told() {
        let role = "[profile x]\nrole_arn=r\n";
        for (more, what) in [
            ("", "without `source_profile`"),
            ("source_profile=gone\n", "source profile `gone`"),
            ("source_profile=x\n", "is its own"),
            (
                "source_profile=y\n[profile y]\nregion=a\n",
                "`y` is a source profile",
            ),
            (
                "source_profile=y\n[profile y]\nrole_arn=s\nsource_profile=x\n",
                "back to `x`",
            ),
            ("source_profile=y\ncredential_source=Environment\n", "both"),
            ("credential_source=Moon\n", "`credential_source = Moon`"),
            ("source_profile=dev\nmfa_serial=m\n", "`mfa_serial`"),
            ("source_profile=dev\nduration_seconds=1h\n", "no number"),
        ] {
            let why = refusal(&format!("{role}{more}"));
            assert!(why.contains(what), "{more}: {why}");
            assert!(why.starts_with("the AWS profile `x`: "), "{why}");
        }
        let many: String = (0..40)
            .map(|at| format!("[profile x{at}]\nrole_arn=r\nsource_profile=x{}\n", at + 1))
            .collect();
        let why = read(&many, "x0").unwrap_err();
        assert!(why.contains("more than 8 roles"), "{why}");
    }

    #[test]
    fn tokens_sessions_and_programs() {
        let config = "[profile pod]\nrole_arn = arn:r\nweb_identity_token_file = /t\n\
            [profile old]\nsso_start_url = https://u\nsso_region = eu-west-1\n\
            sso_account_id = 1\nsso_role_name = R\n\
            [profile new]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = R\n\
            [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://u\n\
            [profile lost]\nsso_session = none\nsso_account_id = 1\nsso_role_name = R\n\
            [profile odd]\nsso_start_url = u\nsso_region = a.b/c\nsso_account_id = 1\nsso_role_name = R\n\
            [profile half]\nsso_session = corp\nsso_role_name = R\n\
            [profile tool]\ncredential_process = /bin/tool --key \"a b\"\n";
        assert!(
            matches!(chain(config, "pod").base, Base::WebIdentity { arn, .. } if arn == "arn:r")
        );
        let Base::Sso(sso) = chain(config, "old").base else {
            panic!("no session");
        };
        assert_eq!(
            (sso.key.as_str(), sso.region.as_str()),
            ("https://u", "eu-west-1")
        );
        let Base::Sso(sso) = chain(config, "new").base else {
            panic!("no session");
        };
        assert_eq!(
            (sso.key.as_str(), sso.region.as_str()),
            ("corp", "us-east-1")
        );
        for (name, what) in [
            ("lost", "`none`"),
            ("odd", "`sso_region = a.b/c`"),
            ("half", "`sso_account_id`"),
        ] {
            let why = read(config, name).unwrap_err();
            assert!(why.contains(what), "{why}");
        }
        let tool = chain(config, "tool").base;
        assert!(matches!(&tool, Base::Process(line) if line.0 == "/bin/tool --key \"a b\""));
        assert_eq!(format!("{tool:?}"), "Process(Command)");
    }
}
