//! `bonded doctor`: looks at everything a server needs, changes nothing, and says what is not as it should be.

mod backup;
mod engine;
mod identity;
mod machine;
mod mail;
mod outbound;
mod own;

use crate::cli::Choices;
use crate::ending::{Code, Ending};
use crate::settings;
use crate::terminal::{has_colour, say};
use serde::Serialize;

/// How well something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It works, but not as well or as safely as it could.
    Warn,
    /// A server would not start, or would soon stop.
    Fail,
}

/// What was found about one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The thing.
    pub about: &'static str,
    /// How well it stands.
    pub level: Level,
    /// What was seen.
    pub said: String,
    /// What would help, where something would.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn ok(about: &'static str, said: impl Into<String>) -> Self {
        Self { about, level: Level::Ok, said: said.into(), hint: None }
    }

    /// It could be better.
    pub fn warn(about: &'static str, said: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { about, level: Level::Warn, said: said.into(), hint: Some(hint.into()) }
    }

    /// It must be mended.
    pub fn fail(about: &'static str, said: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { about, level: Level::Fail, said: said.into(), hint: Some(hint.into()) }
    }

    /// What an ending would say.
    pub fn failed(about: &'static str, ending: Ending) -> Self {
        Self { about, level: Level::Fail, said: ending.sentence, hint: ending.next }
    }
}

/// Looks, tells, and ends with 1 when something must be mended.
pub async fn run(choices: &Choices, as_json: bool) -> Result<(), Ending> {
    let findings = look(choices).await;
    if as_json {
        say!("{}", serde_json::to_string(&serde_json::json!({"checks": findings})).map_err(Ending::internal)?);
    } else {
        tell(&findings);
    }
    match findings.iter().filter(|finding| finding.level == Level::Fail).count() {
        0 => Ok(()),
        1 => Err(Ending::new(Code::Bad, "one thing must be mended")),
        many => Err(Ending::new(Code::Bad, format!("{many} things must be mended"))),
    }
}

async fn look(choices: &Choices) -> Vec<Finding> {
    let file = settings::find_file(choices.config.as_deref());
    let settings = match choices.settings_of(file.as_deref()) {
        Ok(settings) => settings,
        // Nothing else can be looked at as long as nobody knows where it is.
        Err(ending) => return vec![Finding::failed("configuration", ending)],
    };
    let mut findings = vec![own::configuration(file.as_deref(), &settings)];
    findings.extend(
        settings
            .warnings
            .iter()
            .map(|warning| Finding::warn("configuration", warning.as_str(), "unset it, or correct its name")),
    );
    findings.push(own::data(&settings));
    findings.push(own::server(&settings).await);
    findings.extend(engine::database(&settings).await);
    findings.extend(own::vault(&settings).await);
    findings.extend(own::certificates(&settings));
    findings.extend(identity::identity(&settings).await);
    findings.push(mail::mail(&settings).await);
    findings.push(outbound::outbound(&settings));
    findings.extend(backup::backups(&settings).await);
    findings.push(machine::clock(&settings));
    findings.extend(machine::disks(&settings));
    findings.push(machine::core_dumps());
    findings.push(machine::swap());
    findings.push(machine::open_files(&settings));
    findings
}

fn tell(findings: &[Finding]) {
    let colour = has_colour(&std::io::stdout());
    for Finding { about, level, said, hint } in findings {
        let (word, code) = match level {
            Level::Ok => ("ok  ", "32"),
            Level::Warn => ("warn", "33"),
            Level::Fail => ("fail", "31"),
        };
        let word = if colour { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() };
        say!("{word}  {about:14} {said}");
        if let Some(hint) = hint {
            say!("      {:14} -> {hint}", "");
        }
    }
}
