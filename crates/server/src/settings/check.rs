//! From what was said to what holds: every value parsed, every mistake told in a sentence.

mod backup;
mod hsm;
mod identity;
mod mail;
mod outbound;
mod shopify;
mod stripe;

pub use backup::BackupSettings;
pub use stripe::StripeSettings;

use super::given::{Given, Source, Value};
use super::{CertificateFiles, Door, EngineChoice, Identity, LogFormat, Settings, keys};
use bonded_base::Secret;
use bonded_vault::Environment;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZero;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// The longest wait for a stop, in seconds.
const DRAIN_SECONDS_MAX: u64 = 600;

/// Worker threads at most.
const THREADS_MAX: usize = 512;

/// Connections at most, on either door.
const CONNECTIONS_MAX: usize = 1_000_000;

/// Requests of one key at most, a second or at once.
const REQUESTS_MAX: u32 = 1_000_000;

/// Bits of a file's mode that let others than its owner in.
const MODE_OF_OTHERS: u32 = 0o077;

/// Checks everything; on failure, every mistake there is.
pub(super) fn settings(given: Given) -> Result<Settings, Vec<String>> {
    let mut check = Check { complaints: given.complaints.clone(), given };
    let settings = check.all();
    if check.complaints.is_empty() { Ok(settings) } else { Err(check.complaints) }
}

struct Check {
    given: Given,
    complaints: Vec<String>,
}

impl Check {
    fn all(&mut self) -> Settings {
        let environment = self.environment();
        let data = self.path(keys::DATA).unwrap_or_else(|| self.given.home.join("bonded-data"));
        let public =
            self.door(keys::PUBLIC_LISTEN, [keys::PUBLIC_CERTIFICATE, keys::PUBLIC_KEY], keys::PUBLIC_CONNECTIONS);
        let private =
            self.door(keys::PRIVATE_LISTEN, [keys::PRIVATE_CERTIFICATE, keys::PRIVATE_KEY], keys::PRIVATE_CONNECTIONS);
        let inside = self.stays_inside(&private);
        let names = self.list(keys::PUBLIC_NAMES).unwrap_or_else(|| vec!["localhost".to_owned()]);
        self.are_names(&names);
        let name = self.name(&names);
        let keys_primary = self.path(keys::KEYS_PRIMARY).unwrap_or_else(|| beside(&data, "-keys"));
        let keys_replicas = self.paths(keys::KEYS_REPLICAS);
        self.are_apart(&keys_primary, &keys_replicas);
        Settings {
            origin: self.origin(keys::ORIGIN),
            private_origin: self.origin(keys::PRIVATE_ORIGIN),
            mail: self.mail(&name),
            outbound: self.outbound(environment),
            stripe: self.stripe(environment),
            backup: self.backup(environment),
            shopify: self.shopify(environment),
            shopify_app: self.shopify_app(),
            name,
            threads: self.number(keys::THREADS, 1, THREADS_MAX).unwrap_or_else(cores),
            drain: Duration::from_secs(self.number(keys::DRAIN_SECONDS, 0, DRAIN_SECONDS_MAX).unwrap_or(30)),
            engine: self.engine(),
            unseal_with: self.unseal_with(environment),
            hsm: self.hsm(),
            log_format: self.one_of(keys::LOG_FORMAT, &[("text", LogFormat::Text), ("json", LogFormat::Json)]),
            log_level: self.level(),
            limits: self.limits(),
            // An address that is wrong anyway is complained of once.
            identity: if inside { self.identity(&private) } else { Identity::Off },
            warnings: self.given.strangers.clone(),
            environment,
            data,
            public,
            private,
            names,
            keys_primary,
            keys_replicas,
        }
    }

    fn complain(&mut self, key: &str, what: impl AsRef<str>) {
        let from = self.given.get(key).map(|(_, source)| format!(" (from {source})")).unwrap_or_default();
        self.complaints.push(format!("{key}{from}: {}", what.as_ref()));
    }

    /// The one text of a key; an empty one counts as not given.
    fn text(&mut self, key: &str) -> Option<String> {
        match &self.given.get(key)?.0 {
            Value::Text(text) if text.is_empty() => None,
            Value::Text(text) => Some(text.clone()),
            Value::List(_) => {
                self.complain(key, "takes one value, not a list");
                None
            }
        }
    }

    /// The texts of a key; as variable or flag they stand with commas between.
    fn list(&self, key: &str) -> Option<Vec<String>> {
        match &self.given.get(key)?.0 {
            Value::List(items) => Some(items.clone()),
            Value::Text(text) => {
                Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
            }
        }
    }

    /// A path in the file starts from the file's directory, any other from the working directory.
    fn placed(&self, key: &str, path: &str) -> PathBuf {
        match self.given.get(key) {
            Some((_, Source::File(_))) => self.given.home.join(path),
            _ => PathBuf::from(path),
        }
    }

    fn path(&mut self, key: &str) -> Option<PathBuf> {
        let text = self.text(key)?;
        Some(self.placed(key, &text))
    }

    fn paths(&self, key: &str) -> Vec<PathBuf> {
        self.list(key).unwrap_or_default().iter().map(|path| self.placed(key, path)).collect()
    }

    fn number<N: FromStr + PartialOrd + std::fmt::Display + Copy>(&mut self, key: &str, min: N, max: N) -> Option<N> {
        let number = self.text(key)?.parse().ok().filter(|number| (min..=max).contains(number));
        if number.is_none() {
            self.complain(key, format!("takes a whole number from {min} to {max}"));
        }
        number
    }

    /// One of a few words; the first is the default.
    fn one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T); 2]) -> T {
        let [first, second] = words;
        match self.text(key) {
            None => first.1,
            Some(text) if text == first.0 => first.1,
            Some(text) if text == second.0 => second.1,
            Some(_) => {
                self.complain(key, format!("takes `{}` or `{}`", first.0, second.0));
                first.1
            }
        }
    }

    fn environment(&mut self) -> Environment {
        let Some(text) = self.text(keys::ENVIRONMENT) else { return Environment::Production };
        text.parse().unwrap_or_else(|_| {
            self.complain(keys::ENVIRONMENT, "takes `production`, `staging` or `development`");
            Environment::Production
        })
    }

    fn level(&mut self) -> tracing::Level {
        let known = ["error", "warn", "info", "debug", "trace"];
        let text = self.text(keys::LOG_LEVEL).unwrap_or_else(|| "info".to_owned());
        if !known.contains(&text.as_str()) {
            self.complain(keys::LOG_LEVEL, "takes `error`, `warn`, `info`, `debug` or `trace`");
        }
        text.parse().unwrap_or(tracing::Level::INFO)
    }

    fn door(&mut self, listen: &str, [certificate, key]: [&str; 2], connections: &str) -> Door {
        let default = keys::named(listen).map_or("", |key| key.default);
        let said = self.text(listen);
        let address = said.as_deref().unwrap_or(default).parse().unwrap_or_else(|_| {
            self.complain(listen, "takes an address and a port: 0.0.0.0:443, 127.0.0.1:8443 or [::1]:8443");
            SocketAddr::from(([127, 0, 0, 1], 0))
        });
        let files = match (self.path(certificate), self.path(key)) {
            (Some(certificate), Some(key)) => Some(CertificateFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                self.complain(certificate, format!("needs `{key}` beside it"));
                None
            }
            (None, Some(_)) => {
                self.complain(key, format!("needs `{certificate}` beside it"));
                None
            }
        };
        let default = keys::named(connections).and_then(|key| key.default.parse().ok()).unwrap_or(1);
        let connections_max = self.number(connections, 1, CONNECTIONS_MAX).unwrap_or(default);
        Door { listen: address, files, connections_max }
    }

    fn limits(&mut self) -> bonded_web::Limits {
        let default = bonded_web::Limits::default();
        let mut number = |key| self.number(key, 1, REQUESTS_MAX);
        bonded_web::Limits {
            requests_per_second: number(keys::PUBLIC_REQUESTS_PER_SECOND).unwrap_or(default.requests_per_second),
            requests_at_once: number(keys::PUBLIC_REQUESTS_AT_ONCE).unwrap_or(default.requests_at_once),
        }
    }

    /// The private door must not open to the internet, nor to every interface of the machine.
    fn stays_inside(&mut self, door: &Door) -> bool {
        let inside = match door.listen.ip() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        };
        if !inside {
            self.complain(
                keys::PRIVATE_LISTEN,
                "takes a loopback or private address (127.0.0.1, 10.…, 192.168.…, ::1, fd…), since figures of the inside are served there",
            );
        }
        inside
    }

    fn are_names(&mut self, names: &[String]) {
        if names.is_empty() || !names.iter().all(|name| is_host(name)) {
            self.complain(keys::PUBLIC_NAMES, "takes one or more host names: api.example.com");
        }
    }

    fn are_apart(&mut self, primary: &Path, replicas: &[PathBuf]) {
        let mut seen = vec![primary];
        for replica in replicas {
            if seen.contains(&replica.as_path()) {
                self.complain(
                    keys::KEYS_REPLICAS,
                    format!("{} is named twice; a copy needs a place of its own", replica.display()),
                );
            }
            seen.push(replica);
        }
    }

    fn origin(&mut self, key: &str) -> Option<String> {
        let origin = self.text(key)?;
        let host = origin.strip_prefix("https://").unwrap_or_default();
        let plain = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
        if host.is_empty() || !plain {
            self.complain(key, "takes https://, a host and perhaps a port, nothing behind: https://api.example.com");
        }
        Some(origin)
    }

    fn name(&mut self, names: &[String]) -> String {
        let Some(name) = self.text(keys::NAME) else { return names.first().cloned().unwrap_or_default() };
        if !is_host(&name) {
            self.complain(keys::NAME, "takes a name as hosts have it: bonded.example");
        }
        name
    }

    fn engine(&mut self) -> EngineChoice {
        let postgres = self.one_of(keys::DATABASE_ENGINE, &[("sqlite", false), ("postgres", true)]);
        let (url, file) = (self.text(keys::DATABASE_URL), self.path(keys::DATABASE_URL_FILE));
        let root_certificate = self.path(keys::DATABASE_ROOT_CERTIFICATE);
        if !postgres {
            for (key, given) in [(keys::DATABASE_URL, url.is_some()), (keys::DATABASE_URL_FILE, file.is_some())] {
                if given {
                    self.complain(key, "is for `database.engine = \"postgres\"`, and the engine is sqlite");
                }
            }
            return EngineChoice::Sqlite;
        }
        let url = match (url, file) {
            (Some(url), None) => self.open_url(url),
            (None, Some(file)) => self.secret_file(keys::DATABASE_URL_FILE, &file),
            (Some(_), Some(_)) => {
                self.complain(keys::DATABASE_URL, "and `database.url_file` are both given; one is enough");
                String::new()
            }
            (None, None) => {
                self.complain(
                    keys::DATABASE_ENGINE,
                    "postgres needs `database.url_file` or the variable BONDED_DATABASE_URL",
                );
                String::new()
            }
        };
        if !url.is_empty() && !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            let key =
                if self.given.get(keys::DATABASE_URL).is_some() { keys::DATABASE_URL } else { keys::DATABASE_URL_FILE };
            self.complain(key, "takes a URL that begins with postgres://");
        }
        EngineChoice::Postgres { url: Secret::new(url), root_certificate }
    }

    /// A URL from the file must not hold a password: the file may be read by many.
    fn open_url(&mut self, url: String) -> String {
        let authority = url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
        let has_password =
            authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')) || url.contains("password=");
        let from_file = matches!(self.given.get(keys::DATABASE_URL), Some((_, Source::File(_))));
        if has_password && from_file {
            self.complain(
                keys::DATABASE_URL,
                "must not hold a password here: use `database.url_file` or BONDED_DATABASE_URL",
            );
        }
        url
    }

    /// The first line of a file that its owner alone may read.
    fn secret_file(&mut self, key: &str, path: &Path) -> String {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.complain(key, format!("{} cannot be read: {error}", path.display()));
                return String::new();
            }
        };
        if metadata.mode() & MODE_OF_OTHERS != 0 {
            self.complain(key, format!("{} can be read by others: chmod 600 it", path.display()));
            return String::new();
        }
        match std::fs::read_to_string(path) {
            Ok(text) => text.lines().next().unwrap_or_default().trim().to_owned(),
            Err(error) => {
                self.complain(key, format!("{} cannot be read: {error}", path.display()));
                String::new()
            }
        }
    }

    fn unseal_with(&mut self, environment: Environment) -> Option<PathBuf> {
        let file = self.path(keys::KEYS_UNSEAL_WITH)?;
        if environment == Environment::Production {
            self.complain(
                keys::KEYS_UNSEAL_WITH,
                "is refused in production, where an officer unseals by hand: `bonded keys unseal`",
            );
        }
        Some(file)
    }
}

/// A host name, as RFC 1123 section 2.1 has it.
fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// A directory beside another: `/srv/bonded` and `/srv/bonded-keys`.
fn beside(directory: &Path, ending: &str) -> PathBuf {
    let mut name = directory.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    directory.with_file_name(name)
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    pub(super) fn checked(file: &str, variables: &[(&str, &str)]) -> Result<Settings, Vec<String>> {
        let mut given = Given::default();
        given.read_file(Path::new("/etc/bonded/bonded.toml"), file);
        given.read_variables(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        settings(given)
    }

    #[test]
    fn nothing_said_is_a_careful_server() {
        let Ok(settings) = checked("", &[]) else { panic!("refused") };
        assert_eq!(settings.environment, Environment::Production);
        assert_eq!(settings.data, Path::new("/etc/bonded/bonded-data"));
        assert_eq!(settings.keys_primary, Path::new("/etc/bonded/bonded-data-keys"));
        assert_eq!(settings.origin(8443), "https://localhost:8443");
        assert_eq!(settings.origin(443), "https://localhost");
        assert!(settings.public.listen.ip().is_loopback() && settings.private.listen.ip().is_loopback());
        assert!(matches!(settings.engine, EngineChoice::Sqlite));
    }

    #[test]
    fn paths_of_the_file_start_there_and_those_of_variables_here() {
        let settings = checked("data = \"d\"\n[keys]\nprimary = \"/k\"\n", &[("BONDED_KEYS_REPLICAS", "a, /b")]);
        let Ok(settings) = settings else { panic!("refused") };
        assert_eq!(settings.data, Path::new("/etc/bonded/d"));
        assert_eq!(settings.keys_primary, Path::new("/k"));
        assert_eq!(settings.keys_replicas, [Path::new("a"), Path::new("/b")]);
    }

    #[test]
    fn each_mistake_has_its_sentence() {
        for (file, said) in [
            ("environment = \"prod\"", "takes `production`, `staging` or `development`"),
            ("origin = \"http://x\"", "takes https://"),
            ("origin = \"https://x/path\"", "takes https://"),
            ("threads = 0", "from 1 to 512"),
            ("drain_seconds = \"soon\"", "from 0 to 600"),
            ("data = [\"a\", \"b\"]", "not a list"),
            ("[public]\nlisten = \"8443\"", "takes an address and a port"),
            ("[public]\nnames = []", "host names"),
            ("name = \"two words\"", "as hosts have it"),
            ("[public]\nnames = [\"bad name\"]", "host names"),
            ("[public]\ncertificate = \"c.pem\"", "needs `public.key`"),
            ("[private]\nkey = \"k.pem\"", "needs `private.certificate`"),
            ("[private]\nlisten = \"0.0.0.0:8444\"", "loopback or private"),
            ("[private]\nlisten = \"203.0.113.5:8444\"", "loopback or private"),
            ("[private]\nconnections = -1", "from 1 to 1000000"),
            ("[database]\nengine = \"mysql\"", "takes `sqlite` or `postgres`"),
            ("[database]\nengine = \"postgres\"", "needs `database.url_file`"),
            ("[database]\nurl = \"postgres://h/d\"", "the engine is sqlite"),
            ("[database]\nengine = \"postgres\"\nurl = \"postgres://u:p@h/d\"", "must not hold a password"),
            ("[database]\nengine = \"postgres\"\nurl = \"mysql://h/d\"", "begins with postgres://"),
            ("[database]\nengine = \"postgres\"\nurl_file = \"/nonexistent/url\"", "cannot be read"),
            ("[keys]\nprimary = \"/k\"\nreplicas = [\"/k\"]", "named twice"),
            ("[keys]\nunseal_with = \"me.key\"", "refused in production"),
            ("[outbound]\nloopback = true", "refused in production"),
            ("[outbound]\nshopify = \"https://localhost:9443\"", "refused in production"),
            ("[outbound]\nshopify = \"http://localhost:9443\"", "takes an address like"),
            ("[outbound]\nloopback = \"perhaps\"", "takes `false` or `true`"),
            ("[log]\nformat = \"xml\"", "takes `text` or `json`"),
            ("[log]\nlevel = \"loud\"", "takes `error`"),
        ] {
            let complaints = checked(file, &[]).map(|_| ()).expect_err(file);
            assert_eq!(complaints.len(), 1, "{file}: {complaints:?}");
            assert!(complaints[0].contains(said), "{file}: {complaints:?}");
        }
    }

    #[test]
    fn all_mistakes_are_told_at_once_with_who_made_them() {
        let complaints = checked("threads = 0\nbogus = 1\n", &[("BONDED_LOG_LEVEL", "loud")]).map(|_| ()).unwrap_err();
        assert_eq!(complaints.len(), 3);
        assert!(complaints.iter().any(|complaint| complaint.contains("log.level (from BONDED_LOG_LEVEL)")));
    }

    #[test]
    fn the_password_comes_from_a_file_of_the_owner_alone_or_a_variable() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("url");
        std::fs::write(&path, "postgres://u:p@h/d\n").unwrap();
        let file = format!("[database]\nengine = \"postgres\"\nurl_file = \"{}\"", path.display());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(checked(&file, &[]).map(|_| ()).unwrap_err()[0].contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let variable = [("BONDED_DATABASE_URL", "postgres://u:p@h/d")];
        for settings in [checked(&file, &[]), checked("[database]\nengine = \"postgres\"", &variable)] {
            let Ok(Settings { engine: EngineChoice::Postgres { url, .. }, .. }) = settings else { panic!("refused") };
            assert_eq!(url.expose(), "postgres://u:p@h/d");
        }
    }
}
