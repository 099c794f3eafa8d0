//! The configuration file that `bonded init` writes: every key with its meaning, set where it was said, else commented.

use super::keys::{KEYS, Key};
use std::fmt::Write as _;

/// The text of a configuration file in which these keys are set.
pub fn sample(set: &[(&str, String)]) -> String {
    let mut text = String::from(
        "# The configuration of Bonded. Each key can also be given as a variable of the environment, which wins over\n\
         # this file: BONDED_ and the section and the key, as BONDED_PUBLIC_LISTEN. Secrets never stand here.\n",
    );
    let mut section = "";
    for key in &KEYS {
        let (of, name) = key.parts();
        if of != section {
            section = of;
            push(&mut text, format_args!("\n[{section}]\n"));
        }
        push(&mut text, format_args!("\n# {}\n", key.about));
        match set.iter().find(|(named, _)| *named == key.name) {
            Some((_, value)) => push(&mut text, format_args!("{name} = {}\n", written(value))),
            None => push(&mut text, format_args!("# {name} = {}\n", example(key))),
        }
    }
    text
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = text.write_fmt(line);
}

/// A number as a number, a truth as a truth, anything else as a TOML string.
fn written(value: &str) -> String {
    if value.parse::<u64>().is_ok() || value.parse::<bool>().is_ok() {
        value.to_owned()
    } else {
        toml::Value::String(value.to_owned()).to_string()
    }
}

fn example(key: &Key) -> String {
    match key.name {
        super::keys::PUBLIC_NAMES => format!("[{}]", written(key.default)),
        super::keys::BACKUP_PLACES
        | super::keys::BACKUP_RECIPIENTS
        | super::keys::KEYS_REPLICAS
        | super::keys::SHOPIFY_OLDER_SECRET_FILES
        | super::keys::STRIPE_WEBHOOK_SECRET_FILES => "[]".to_owned(),
        _ => written(key.default),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check;
    use super::super::given::Given;
    use super::*;
    use std::path::Path;

    fn accepted(text: &str) -> super::super::Settings {
        let mut given = Given::default();
        given.read_file(Path::new("bonded.toml"), text);
        check::settings(given).unwrap_or_else(|complaints| panic!("{complaints:?}\n{text}"))
    }

    #[test]
    fn the_sample_is_accepted_as_it_is() {
        let settings = accepted(&sample(&[("environment", "staging".to_owned()), ("log.level", "debug".to_owned())]));
        assert_eq!(settings.environment.name(), "staging");
        assert_eq!(settings.log_level, tracing::Level::DEBUG);
    }

    #[test]
    fn uncommented_the_sample_s_defaults_are_accepted_too() {
        let text = sample(&[]);
        let uncommented: String = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split(' ').nth(1) == Some("=") => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        assert!(uncommented.contains("\nlisten = \"127.0.0.1:8443\"\n"));
        accepted(&uncommented);
    }

    #[test]
    fn awkward_paths_are_written_so_that_they_are_read_back() {
        let path = "/srv/a \"b\"\\c";
        assert_eq!(accepted(&sample(&[("data", path.to_owned())])).data, Path::new(path));
    }
}
