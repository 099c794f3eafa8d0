//! The maker's own schema and samples, as its packages on npm have them, kept below `target`.
//!
//! The schema comes as the answer to an introspection query. It is written out once as schema language, which is quick
//! to read again; what it says is not changed: types, fields, arguments, defaults, deprecations.

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The versions of the API that tests know, the older one first.
pub const VERSIONS: [&str; 2] = ["2026-04", "2026-07"];

/// Where the packages' data lie, from the root of the workspace; `cargo xtask needs` puts them there.
pub const DIRECTORY: &str = "target/shopify";

const FETCH: &str = include_str!("fetch.sh");

/// The schema of one of the [`VERSIONS`]; `None`, and said on standard output, where it cannot be had.
///
/// Panics in a build that must not skip tests (`CI` is set), or for a version that is not known.
#[expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up must fail, and only tests ask")]
pub fn schema(version: &str) -> Option<&'static Valid<Schema>> {
    static READ: [OnceLock<Option<Valid<Schema>>>; 2] = [const { OnceLock::new() }; 2];
    let place = VERSIONS.iter().position(|known| *known == version).expect("a known version");
    let lock = READ.get(place).unwrap_or_else(|| panic!("a place for {version}"));
    let read = || {
        let directory = directory()?;
        let written = directory.join(format!("admin_{version}.graphql"));
        let text = fs::read_to_string(&written).unwrap_or_else(|_| {
            let answer = fs::read(directory.join(format!("admin_{version}.json"))).expect("the maker's schema");
            let answer: Value = serde_json::from_slice(&answer).expect("JSON");
            let text = schema_language(answer.pointer("/data/__schema").expect("an introspection"));
            // Another test may do the same at the same time: the file is whole under its name, or not there.
            let fresh = directory.join(format!("admin_{version}.{}", std::process::id()));
            fs::write(&fresh, &text).and_then(|()| fs::rename(&fresh, &written)).expect("a place for the schema");
            text
        });
        let schema = Schema::parse(text, written).unwrap_or_else(|bad| panic!("{}", bad.errors));
        Some(Valid::assume_valid(schema))
    };
    lock.get_or_init(read).as_ref()
}

/// The documented sample of a webhook's body, as the maker gives it: `orders/create`. Its ids were rounded by JavaScript.
pub fn sample(topic: &str) -> Option<Value> {
    let text = fs::read(directory()?.join("samples").join(format!("{topic}.json"))).ok()?;
    serde_json::from_slice::<Value>(&text).ok()?.get("response").cloned()
}

/// Where the data lie, fetched if they are not there yet.
fn directory() -> Option<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(DIRECTORY);
    if directory.join("done").is_file() {
        return Some(directory);
    }
    // Tests run as many processes; one of them fetches.
    let lock = directory.with_extension("lock");
    let fetched = Command::new("flock").arg(lock).args(["sh", "-c", FETCH, "fetch"]).arg(&directory).status();
    if fetched.is_ok_and(|status| status.success()) {
        return Some(directory);
    }
    assert!(std::env::var_os("CI").is_none(), "Shopify's schema cannot be had: npm is needed");
    println!("skipped: Shopify's schema cannot be had, for which npm is needed (`cargo xtask needs`)");
    None
}

/// The introspected schema as schema language.
fn schema_language(schema: &Value) -> String {
    let mut text = String::with_capacity(4 << 20);
    text.push_str("directive @idempotent(key: String!) on FIELD\ndirective @oneOf on INPUT_OBJECT\nschema {");
    for (word, root) in [("query", "queryType"), ("mutation", "mutationType")] {
        let _ = write!(text, " {word}: {}", name(schema.get(root).unwrap_or(&Value::Null)));
    }
    text.push_str(" }\n");
    for kind in list(schema, "types").filter(|kind| !is_built_in(name(kind))) {
        write_type(&mut text, kind);
    }
    text
}

fn is_built_in(name: &str) -> bool {
    name.starts_with("__") || matches!(name, "String" | "Int" | "Float" | "Boolean" | "ID")
}

fn write_type(text: &mut String, kind: &Value) {
    let name = name(kind);
    let members = |list_name: &str| list(kind, list_name).map(self::name).collect::<Vec<_>>();
    let joined = |before: &str, with: &str, names: Vec<&str>| {
        if names.is_empty() { String::new() } else { format!("{before}{}", names.join(with)) }
    };
    match kind.get("kind").and_then(Value::as_str).unwrap_or_default() {
        "SCALAR" => drop(writeln!(text, "scalar {name}")),
        "UNION" => drop(writeln!(text, "union {name} = {}", members("possibleTypes").join(" | "))),
        "ENUM" => {
            let _ = writeln!(text, "enum {name} {{");
            for value in list(kind, "enumValues") {
                let _ = writeln!(text, "  {}{}", self::name(value), deprecation(value));
            }
            text.push_str("}\n");
        }
        "INPUT_OBJECT" => {
            let one_of = if kind.get("isOneOf") == Some(&Value::Bool(true)) { " @oneOf" } else { "" };
            let _ = writeln!(text, "input {name}{one_of} {{");
            for field in list(kind, "inputFields") {
                let _ = writeln!(text, "  {}", input(field));
            }
            text.push_str("}\n");
        }
        object => {
            let word = if object == "INTERFACE" { "interface" } else { "type" };
            let _ = writeln!(text, "{word} {name}{} {{", joined(" implements ", " & ", members("interfaces")));
            for field in list(kind, "fields") {
                let arguments = list(field, "args").map(input).collect::<Vec<_>>();
                let arguments =
                    if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
                let _ = writeln!(
                    text,
                    "  {}{arguments}: {}{}",
                    self::name(field),
                    type_of(field.get("type")),
                    deprecation(field)
                );
            }
            text.push_str("}\n");
        }
    }
}

/// An argument or a field of an input, with its default.
fn input(field: &Value) -> String {
    let default = field.get("defaultValue").and_then(Value::as_str).map(|default| format!(" = {default}"));
    let default = default.unwrap_or_default();
    format!("{}: {}{default}{}", name(field), type_of(field.get("type")), deprecation(field))
}

fn deprecation(of: &Value) -> &'static str {
    if of.get("isDeprecated") == Some(&Value::Bool(true)) { " @deprecated" } else { "" }
}

fn type_of(kind: Option<&Value>) -> String {
    let Some(kind) = kind else { return String::new() };
    let inner = || type_of(kind.get("ofType"));
    match kind.get("kind").and_then(Value::as_str) {
        Some("NON_NULL") => format!("{}!", inner()),
        Some("LIST") => format!("[{}]", inner()),
        _ => name(kind).to_owned(),
    }
}

fn name(of: &Value) -> &str {
    of.get("name").and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}
