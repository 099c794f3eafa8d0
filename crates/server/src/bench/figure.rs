//! Figures: what was measured, what the raw engine does, what was to be reached; as a table and as JSON.

use serde_json::{Value, json};
use std::fmt::Write as _;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// So many a second.
    PerSecond,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Millions of bytes.
    Megabytes,
    /// So many times as much.
    Times,
    /// A part of a whole, of 1.
    Share,
    /// A count.
    Count,
    /// Bytes.
    Bytes,
}

/// What is to be reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// This much or more.
    AtLeast(f64),
    /// This much or less.
    AtMost(f64),
    /// At least this part of what the raw engine does.
    OfRaw(f64),
}

/// One measured figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// For machines.
    pub name: &'static str,
    /// For people.
    pub about: String,
    /// What it counts.
    pub unit: Unit,
    /// What was measured.
    pub measured: f64,
    /// What the raw engine does on the same machine in the same run.
    pub raw: Option<f64>,
    /// What is to be reached; nothing, for a figure that explains others.
    pub targets: &'static [Target],
}

impl Figure {
    /// A figure without a raw one.
    pub fn new(name: &'static str, about: impl Into<String>, (measured, unit): (f64, Unit)) -> Self {
        Self { name, about: about.into(), unit, measured, raw: None, targets: &[] }
    }

    /// The same, beside what the raw engine does.
    #[must_use]
    pub fn beside(self, raw: f64) -> Self {
        Self { raw: Some(raw), ..self }
    }

    /// The same, with what is to be reached.
    #[must_use]
    pub fn target(self, targets: &'static [Target]) -> Self {
        Self { targets, ..self }
    }

    /// The part of the raw engine's figure that was reached.
    pub fn ratio(&self) -> Option<f64> {
        self.raw.map(|raw| self.measured / raw)
    }

    /// Whether every target was reached; `None` without one.
    pub fn reached(&self) -> Option<bool> {
        (!self.targets.is_empty()).then(|| self.targets.iter().all(|target| self.reaches(*target)))
    }

    fn reaches(&self, target: Target) -> bool {
        match target {
            Target::AtLeast(least) => self.measured >= least,
            Target::AtMost(most) => self.measured <= most,
            Target::OfRaw(part) => self.ratio().is_some_and(|ratio| ratio >= part),
        }
    }

    fn verdict(&self) -> &'static str {
        match self.reached() {
            None => "",
            Some(true) => "ok",
            Some(false) => "missed",
        }
    }

    fn wanted(&self) -> String {
        let each = self.targets.iter().map(|target| match target {
            Target::AtLeast(least) => format!("≥ {}", shown(*least, self.unit)),
            Target::AtMost(most) => format!("≤ {}", shown(*most, self.unit)),
            Target::OfRaw(part) => format!("≥ {part} of raw"),
        });
        each.collect::<Vec<_>>().join(", ")
    }

    fn to_json(&self) -> Value {
        let targets: Vec<_> = self
            .targets
            .iter()
            .map(|target| match target {
                Target::AtLeast(least) => json!({"at_least": least}),
                Target::AtMost(most) => json!({"at_most": most}),
                Target::OfRaw(part) => json!({"of_raw": part}),
            })
            .collect();
        json!({
            "name": self.name,
            "about": self.about,
            "unit": self.unit.name(),
            "measured": rounded(self.measured),
            "raw": self.raw.map(rounded),
            "ratio": self.ratio().map(rounded),
            "targets": targets,
            "reached": self.reached(),
        })
    }
}

impl Unit {
    const fn name(self) -> &'static str {
        match self {
            Self::PerSecond => "per_second",
            Self::Millis => "milliseconds",
            Self::Micros => "microseconds",
            Self::Megabytes => "megabytes",
            Self::Times => "times",
            Self::Share => "share",
            Self::Count => "count",
            Self::Bytes => "bytes",
        }
    }
}

/// Everything that one run measured.
pub struct Outcome {
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// State changes of the growth run.
    pub records: u64,
    /// Cores of the machine, which the server, the database and the client share.
    pub cores: usize,
    /// In the order in which they are shown.
    pub figures: Vec<Figure>,
}

impl Outcome {
    /// Whether every target was reached.
    pub fn reached(&self) -> bool {
        self.figures.iter().all(|figure| figure.reached() != Some(false))
    }

    /// For machines.
    pub fn to_json(&self) -> Value {
        json!({
            "engine": self.engine,
            "records": self.records,
            "cores": self.cores,
            "reached": self.reached(),
            "figures": self.figures.iter().map(Figure::to_json).collect::<Vec<_>>(),
        })
    }

    /// For people.
    pub fn to_table(&self) -> String {
        const HEAD: [&str; 6] = ["figure", "measured", "raw", "ratio", "target", ""];
        let rows: Vec<[String; 6]> = self.figures.iter().map(cells).collect();
        let width = |column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain(HEAD.get(column).map(|head| head.len())).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
        let mut text = String::new();
        let head = HEAD.map(str::to_owned);
        let rule = ["─"; 6].map(str::to_owned);
        for (place, row) in [&head, &rule].into_iter().chain(&rows).enumerate() {
            let line: Vec<String> = row
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(at, (cell, width))| match (place == 1, (1..4).contains(&at)) {
                    (true, _) => "─".repeat(*width),
                    (false, true) => format!("{cell:>width$}"),
                    (false, false) => format!("{cell:<width$}"),
                })
                .collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", line.join("  ").trim_end());
        }
        text
    }
}

fn cells(figure: &Figure) -> [String; 6] {
    [
        figure.about.clone(),
        shown(figure.measured, figure.unit),
        figure.raw.map(|raw| shown(raw, figure.unit)).unwrap_or_default(),
        figure.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        figure.wanted(),
        figure.verdict().to_owned(),
    ]
}

fn shown(value: f64, unit: Unit) -> String {
    match unit {
        Unit::PerSecond => format!("{}/s", grouped(value)),
        Unit::Millis if value < 100.0 => format!("{value:.1} ms"),
        Unit::Millis => format!("{} ms", grouped(value)),
        Unit::Micros => format!("{value:.1} µs"),
        Unit::Megabytes => format!("{value:.0} MB"),
        Unit::Times => format!("{value:.2}×"),
        Unit::Share => format!("{value:.2}"),
        Unit::Count => grouped(value),
        Unit::Bytes => format!("{} B", grouped(value)),
    }
}

/// `1,234,567`.
fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// To three places: more would be noise.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let figures = vec![
            Figure::new("batches", "changes in batches", (42_000.0, Unit::PerSecond))
                .beside(60_000.0)
                .target(&[Target::AtLeast(30_000.0), Target::OfRaw(0.6)]),
            Figure::new("p99", "order to supplier, p99", (51.26, Unit::Millis)).target(&[Target::AtMost(50.0)]),
            Figure::new("bytes", "a record, sealed", (480.0, Unit::Bytes)),
        ];
        Outcome { engine: "sqlite", records: 1_000_000, cores: 2, figures }
    }

    #[test]
    fn a_figure_reaches_all_of_its_targets_or_misses() {
        let Outcome { figures, .. } = outcome();
        assert_eq!(figures.iter().map(Figure::reached).collect::<Vec<_>>(), [Some(true), Some(false), None]);
        let slow = Figure { measured: 35_000.0, ..figures[0].clone() };
        assert_eq!(slow.reached(), Some(false), "fast, but less than 0.6 of the raw engine");
        assert!(!outcome().reached());
    }

    #[test]
    fn the_table_is_read_at_a_glance() {
        let table = outcome().to_table();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[2], "changes in batches      42,000/s  60,000/s   0.70  ≥ 30,000/s, ≥ 0.6 of raw  ok");
        assert_eq!(lines[3], "order to supplier, p99   51.3 ms                   ≤ 50.0 ms                 missed");
        assert_eq!(lines[4], "a record, sealed           480 B");
    }

    #[test]
    fn the_json_has_every_figure_with_its_targets() {
        let json = outcome().to_json();
        assert_eq!(json["figures"][0]["ratio"], 0.7);
        assert_eq!(json["figures"][0]["targets"][1]["of_raw"], 0.6);
        assert_eq!(json["figures"][2]["reached"], Value::Null);
        assert_eq!(json["reached"], false);
    }
}
