//! Changes: everything that is to happen together in one account, each part with its entry.

use crate::record::{Lookup, LookupName, Record, Stored};
use bonded_base::{Id, Kind, Moment, Secret};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What one entry says about what changed. Sealed in the engine; never holds a consumer field.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The digest of the record as it became: base64 of SHA-256 over the entry's salt and the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Field by field (`state`, `lines/0/state`), from what to what. Empty at a record's birth, which is version 1 in whole.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub set: Map<String, Value>,
    /// Whether the six consumer fields were written with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub consumer: bool,
    /// What a read has shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
}

/// Everything that is to happen together in one account.
#[derive(Default)]
pub struct Change {
    pub(crate) steps: Vec<Step>,
}

/// What happens to one record.
pub(crate) struct Step {
    pub kind: Kind,
    pub id: [u8; 16],
    /// The version that comes of it.
    pub version: u64,
    pub action: &'static str,
    pub said: Said,
    pub becomes: Becomes,
    pub consumer: Option<Secret<Vec<u8>>>,
    /// The sealed consumer that goes with it, or gives way to another: its key is to be destroyed.
    pub spent: Option<Vec<u8>>,
    pub lookups_added: Vec<(LookupName, Vec<u8>)>,
    pub lookups_removed: Vec<(LookupName, Vec<u8>)>,
}

impl Step {
    /// Whether its record is another afterwards, not only held or seen.
    pub(crate) fn changes(&self) -> bool {
        match self.becomes {
            Becomes::Born(_) | Becomes::Gone | Becomes::Forgotten(_) => true,
            Becomes::Changed(_) => !self.said.set.is_empty() || self.consumer.is_some(),
            Becomes::Same => false,
        }
    }
}

pub(crate) enum Becomes {
    Born(Body),
    Changed(Body),
    /// Changed, and its consumer gone.
    Forgotten(Body),
    Gone,
    /// Only witnessed.
    Same,
}

/// A record, ready to be sealed.
pub(crate) struct Body {
    pub json: Result<Vec<u8>, serde_json::Error>,
    pub state: u8,
    pub parent: Option<[u8; 16]>,
    pub sort_at: Moment,
}

impl Change {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self { steps: Vec::new() }
    }

    /// Whether there is nothing to do.
    pub const fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many records it touches.
    pub const fn len(&self) -> usize {
        self.steps.len()
    }

    /// A record is born.
    pub fn create<R: Record>(&mut self, id: Id<R>, record: &R, action: &'static str) {
        self.steps.push(Step {
            kind: R::KIND,
            id: id.bytes(),
            version: 1,
            action,
            said: Said::default(),
            becomes: Becomes::Born(Body::of(id, record)),
            consumer: None,
            spent: None,
            lookups_added: owned(record.lookups()),
            lookups_removed: Vec::new(),
        });
    }

    /// A record is born with the six consumer fields beside it, to be sealed under a key of its own.
    pub fn create_with_consumer<R: Record>(
        &mut self,
        id: Id<R>,
        record: &R,
        consumer: Secret<Vec<u8>>,
        action: &'static str,
    ) {
        self.create(id, record, action);
        if let Some(step) = self.steps.last_mut() {
            step.said.consumer = true;
            step.consumer = Some(consumer);
        }
    }

    /// A record becomes another. Refused as a conflict when it has changed since it was read.
    pub fn update<R: Record>(&mut self, was: &Stored<R>, becomes: &R, action: &'static str) {
        let (before, after) = (owned(was.lookups()), owned(becomes.lookups()));
        let body = Body::of(was.id, becomes);
        let set = match (serde_json::to_vec(&was.value), &body.json) {
            (Ok(was), Ok(becomes)) => difference(&was, becomes),
            // What cannot be written is refused when it is sealed.
            _ => Map::new(),
        };
        self.steps.push(Step {
            kind: R::KIND,
            id: was.id.bytes(),
            version: was.version + 1,
            action,
            said: Said { set, ..Said::default() },
            becomes: Becomes::Changed(body),
            consumer: None,
            spent: None,
            lookups_added: after.iter().filter(|lookup| !before.contains(lookup)).cloned().collect(),
            lookups_removed: before.into_iter().filter(|lookup| !after.contains(lookup)).collect(),
        });
    }

    /// A record becomes another with another consumer beside it; the key of the one before is to be destroyed.
    pub fn update_with_consumer<R: Record>(
        &mut self,
        was: &Stored<R>,
        becomes: &R,
        consumer: Secret<Vec<u8>>,
        action: &'static str,
    ) {
        self.update(was, becomes, action);
        if let Some(step) = self.steps.last_mut() {
            step.said.consumer = true;
            (step.consumer, step.spent) = (Some(consumer), was.consumer.clone());
        }
    }

    /// A record becomes another without its consumer, whose key is to be destroyed: see [`crate::Ledger::destroy_spent`].
    pub fn forget<R: Record>(&mut self, was: &Stored<R>, becomes: &R, action: &'static str) {
        self.update(was, becomes, action);
        if let Some(step) = self.steps.last_mut() {
            step.spent.clone_from(&was.consumer);
            if let Becomes::Changed(body) = std::mem::replace(&mut step.becomes, Becomes::Same) {
                step.becomes = Becomes::Forgotten(body);
            }
        }
    }

    /// A record stays what it is, at its next version: what else happens here counts only while the record is as it was
    /// read, and whoever else has read it and would change it is refused as a conflict, as after any change.
    pub fn hold<R: Record>(&mut self, was: &Stored<R>, action: &'static str) {
        self.update(was, &**was, action);
    }

    /// A record goes, and the key of its consumer is to be destroyed. Refused as a conflict when it has changed since it was
    /// read.
    pub fn remove<R: Record>(&mut self, was: &Stored<R>, action: &'static str) {
        self.steps.push(Step {
            kind: R::KIND,
            id: was.id.bytes(),
            version: was.version + 1,
            action,
            said: Said::default(),
            becomes: Becomes::Gone,
            consumer: None,
            spent: was.consumer.clone(),
            lookups_added: Vec::new(),
            lookups_removed: owned(was.lookups()),
        });
    }

    /// Nothing changes, but the log says that something of this record was seen, or is about to be told to somebody: `seen`
    /// has names, never values. `version` is the one that was seen; 0 where it is about none.
    pub fn witness(&mut self, kind: Kind, id: [u8; 16], version: u64, action: &'static str, seen: Vec<String>) {
        self.steps.push(Step {
            kind,
            id,
            version,
            action,
            said: Said { seen, ..Said::default() },
            becomes: Becomes::Same,
            consumer: None,
            spent: None,
            lookups_added: Vec::new(),
            lookups_removed: Vec::new(),
        });
    }
}

impl Body {
    fn of<R: Record>(id: Id<R>, record: &R) -> Self {
        Self {
            json: serde_json::to_vec(record),
            state: record.state(),
            parent: record.parent(),
            sort_at: record.sort_at().unwrap_or_else(|| id.born_at()),
        }
    }
}

fn owned(lookups: Vec<Lookup<'_>>) -> Vec<(LookupName, Vec<u8>)> {
    lookups.into_iter().map(|lookup| (lookup.name, lookup.value.into_owned())).collect()
}

/// A record's top-level fields, their values as they are written.
type Fields<'a> = BTreeMap<String, &'a RawValue>;

/// The fields that differ between two written records, each as `[from, to]`.
///
/// Most fields are the same, and that shows in how they are written: only the others are read. Of a list of objects
/// that keeps its length (an order's lines) only what differs in each is told, as `lines/0/state`.
fn difference(was: &[u8], becomes: &[u8]) -> Map<String, Value> {
    let fields = |json| serde_json::from_slice::<Fields<'_>>(json);
    let (Ok(mut before), Ok(after)) = (fields(was), fields(becomes)) else { return Map::new() };
    let value = |raw: Option<&RawValue>| raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let mut set = Map::new();
    for (field, to) in after {
        match before.remove(&field) {
            Some(from) if from.get() == to.get() => {}
            from => tell(&mut set, field, value(from), value(Some(to))),
        }
    }
    for (field, from) in before {
        tell(&mut set, field, value(Some(from)), Value::Null);
    }
    set
}

fn tell(set: &mut Map<String, Value>, field: String, from: Value, to: Value) {
    match (from, to) {
        (from, to) if from == to => {}
        (Value::Array(from), Value::Array(to)) if are_objects(&from, &to) => {
            for (place, (from, to)) in from.into_iter().zip(to).enumerate() {
                tell_members(set, &format!("{field}/{place}"), from, to);
            }
        }
        (from, to) => drop(set.insert(field, Value::Array(vec![from, to]))),
    }
}

/// Whether two lists are as long as each other, and hold objects only.
fn are_objects(from: &[Value], to: &[Value]) -> bool {
    from.len() == to.len() && from.iter().chain(to).all(Value::is_object)
}

fn tell_members(set: &mut Map<String, Value>, object: &str, from: Value, to: Value) {
    let (Value::Object(mut from), Value::Object(to)) = (from, to) else { return };
    for (member, to) in to {
        let from = from.remove(&member).unwrap_or_default();
        if from != to {
            set.insert(format!("{object}/{member}"), Value::Array(vec![from, to]));
        }
    }
    for (member, from) in from {
        set.insert(format!("{object}/{member}"), Value::Array(vec![from, Value::Null]));
    }
}

#[cfg(test)]
mod tests {
    use super::difference;
    use serde_json::json;

    #[test]
    fn the_difference_names_what_changed_from_what_to_what() {
        let set = difference(br#"{"a": 1, "b": [2], "c": "x"}"#, br#"{"a": 1, "b": [3], "d": true}"#);
        assert_eq!(serde_json::Value::Object(set), json!({"b": [[2], [3]], "c": ["x", null], "d": [null, true]}));
    }

    #[test]
    fn of_a_list_of_objects_only_what_differs_in_them_is_told() {
        let was = br#"{"lines": [{"n": 1, "state": "new"}, {"n": 2, "price": {"amount": 5}}], "tags": ["a"]}"#;
        let becomes = br#"{"lines": [{"n": 1, "state": "sent", "by": "x"}, {"n": 2}], "tags": ["b"]}"#;
        let told = json!({
            "lines/0/state": ["new", "sent"], "lines/0/by": [null, "x"], "lines/1/price": [{"amount": 5}, null],
            "tags": [["a"], ["b"]],
        });
        assert_eq!(serde_json::Value::Object(difference(was, becomes)), told);
        let grown = br#"{"lines": [{"n": 1}], "tags": ["a"]}"#;
        assert_eq!(difference(was, grown)["lines"][1], json!([{"n": 1}]), "another length is told in whole");
    }

    #[test]
    fn what_is_only_written_otherwise_is_the_same() {
        let set = difference(br#"{"a": {"x": 1, "y": 2}, "b": null}"#, br#"{"a": {"y": 2, "x": 1}}"#);
        assert!(set.is_empty(), "{set:?}");
    }
}
