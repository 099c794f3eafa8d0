//! What people said: the configuration file, the variables of the environment, the flags; later ones win.

use super::keys::{self, KEYS, VARIABLE_PREFIX};
use super::nearest::nearest;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// Variables with these beginnings belong to tests and to the choice of the file.
const VARIABLES_APART: [&str; 3] = ["BONDED_TEST_", "BONDED_SAMPLE_", "BONDED_CONFIG"];

/// A value before it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// One word; numbers come as their digits.
    Text(String),
    /// Several; a variable holds them with commas between.
    List(Vec<String>),
}

impl Value {
    /// Whether nothing was said with it.
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(items) => items.is_empty(),
        }
    }
}

/// Who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The configuration file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(flag) => write!(f, "--{flag}"),
        }
    }
}

/// Everything that was said, by key.
#[derive(Clone, Debug, Default)]
pub struct Given {
    values: BTreeMap<&'static str, (Value, Source)>,
    /// What is wrong already: unknown keys, values of a shape that no key has.
    pub complaints: Vec<String>,
    /// Variables that look like ours and are none. Not refused: some platforms set such for their own ends.
    pub strangers: Vec<String>,
    /// Where the file lies, if there is one; default paths start from there.
    pub home: PathBuf,
}

impl Given {
    /// Nothing said yet; default paths start from this directory.
    pub fn at(home: &Path) -> Self {
        Self { home: home.to_owned(), ..Self::default() }
    }

    /// What was said for a key.
    pub fn get(&self, key: &str) -> Option<&(Value, Source)> {
        self.values.get(key)
    }

    /// A flag. Empty ones were not given.
    pub fn flag(&mut self, key: &'static str, flag: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.values.insert(key, (Value::Text(value), Source::Flag(flag)));
        }
    }

    /// Reads a configuration file's text.
    pub fn read_file(&mut self, path: &Path, text: &str) {
        self.home = path.parent().map(Path::to_owned).unwrap_or_default();
        let table: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(error) => {
                // The parser's own picture of the place could show a secret.
                let line = error
                    .span()
                    .and_then(|span| text.get(..span.start))
                    .map_or(1, |before| before.lines().count().max(1));
                self.complaints.push(format!("{} line {line}: {}", path.display(), error.message()));
                return;
            }
        };
        for (name, value) in table {
            match value {
                toml::Value::Table(section) => {
                    for (inner, value) in section {
                        self.one(path, &format!("{name}.{inner}"), value);
                    }
                }
                value => self.one(path, &name, value),
            }
        }
    }

    fn one(&mut self, path: &Path, name: &str, value: toml::Value) {
        let Some(key) = keys::named(name) else {
            let meant = nearest(name, KEYS.iter().map(|key| key.name));
            let hint = meant.map_or_else(String::new, |meant| format!("; did you mean `{meant}`?"));
            self.complaints.push(format!("{}: there is no key `{name}`{hint}", path.display()));
            return;
        };
        let text = |value: toml::Value| match value {
            toml::Value::String(text) => Some(text),
            toml::Value::Integer(number) => Some(number.to_string()),
            toml::Value::Boolean(truth) => Some(truth.to_string()),
            _ => None,
        };
        let value = match value {
            toml::Value::Array(items) => items.into_iter().map(text).collect::<Option<Vec<_>>>().map(Value::List),
            value => text(value).map(Value::Text),
        };
        match value {
            Some(value) => {
                self.values.insert(key.name, (value, Source::File(path.to_owned())));
            }
            None => {
                self.complaints.push(format!("{}: `{name}` takes a text, a number or a list of texts", path.display()));
            }
        }
    }

    /// Reads the variables of the environment.
    pub fn read_variables(&mut self, variables: impl IntoIterator<Item = (String, String)>) {
        let known: BTreeMap<String, &'static str> = KEYS.iter().map(|key| (key.variable(), key.name)).collect();
        for (variable, value) in variables {
            if !variable.starts_with(VARIABLE_PREFIX) || VARIABLES_APART.iter().any(|apart| variable.starts_with(apart))
            {
                continue;
            }
            if let Some(&key) = known.get(&variable) {
                self.values.insert(key, (Value::Text(value), Source::Variable(variable)));
            } else {
                let meant = nearest(&variable, known.keys().map(String::as_str));
                let hint = meant.map_or_else(String::new, |meant| format!("; did you mean {meant}?"));
                self.strangers.push(format!("the variable {variable} means nothing here{hint}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Given {
        let mut given = Given::default();
        given.read_file(Path::new("/etc/bonded/bonded.toml"), text);
        given
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest() {
        let given = said("enviroment = \"staging\"\n[public]\nlisten = \"x\"\nports = 3\n");
        assert_eq!(given.complaints.len(), 2, "{:?}", given.complaints);
        assert!(given.complaints[0].ends_with("no key `enviroment`; did you mean `environment`?"));
        assert!(given.complaints[1].contains("`public.ports`"));
    }

    #[test]
    fn a_broken_file_is_told_by_line_without_its_text() {
        let given = said("data = \"x\"\n\n[database]\nurl = postgres://u:hunter2@h/d\n");
        assert_eq!(given.complaints.len(), 1);
        assert!(given.complaints[0].contains("bonded.toml line 4"), "{:?}", given.complaints);
        assert!(!given.complaints[0].contains("hunter2"));
    }

    #[test]
    fn flags_win_over_variables_and_these_over_the_file() {
        let mut given = said("data = \"from-file\"\norigin = \"o\"\nthreads = 3\n");
        given.read_variables([
            ("BONDED_DATA".into(), "from-variable".into()),
            ("BONDED_ORIGIN".into(), "v".into()),
            ("PATH".into(), "/bin".into()),
        ]);
        given.flag(keys::DATA, "data", Some("from-flag".into()));
        let text = |key| match given.get(key) {
            Some((Value::Text(text), _)) => text.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!([text(keys::DATA), text(keys::ORIGIN), text(keys::THREADS)], ["from-flag", "v", "3"]);
        assert_eq!(given.home, Path::new("/etc/bonded"));
    }

    #[test]
    fn a_strange_variable_is_told_not_refused() {
        let mut given = Given::default();
        given.read_variables([
            ("BONDED_DATABASE_URI".into(), "x".into()),
            ("BONDED_SERVICE_HOST".into(), "10.0.0.1".into()),
            ("BONDED_TEST_POSTGRES".into(), "x".into()),
        ]);
        assert!(given.complaints.is_empty());
        assert_eq!(given.strangers.len(), 2);
        assert!(given.strangers[0].ends_with("did you mean BONDED_DATABASE_URL?"), "{:?}", given.strangers);
    }
}
