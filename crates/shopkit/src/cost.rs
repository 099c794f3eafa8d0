//! What a query costs: points asked for beforehand, a bucket that fills again, as the maker describes its limits.

use apollo_compiler::Name;
use apollo_compiler::executable::{ExecutableDocument, Operation, OperationType, Selection, SelectionSet, Value};
use serde_json::json;

/// Points of one query at most, on every plan.
pub const QUERY_MAX: u64 = 1_000;

/// The bucket of one app in one shop.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Points when full.
    pub full: u64,
    /// Points that come back in a second.
    pub restore: u64,
    left: u64,
    at_ms: u64,
}

impl Bucket {
    /// A full one; 1,000 points and 100 a second is the smaller plan's.
    pub fn new(full: u64, restore: u64) -> Self {
        Self { full, restore, left: full, at_ms: 0 }
    }

    /// What is there at this time.
    pub fn left(&mut self, now_ms: u64) -> u64 {
        if self.at_ms > 0 {
            let back = now_ms.saturating_sub(self.at_ms) * self.restore / 1_000;
            self.left = (self.left + back).min(self.full);
        }
        self.at_ms = now_ms;
        self.left
    }

    /// Takes points that are there.
    pub fn take(&mut self, points: u64) {
        self.left = self.left.saturating_sub(points);
    }

    /// As the extension of an answer says it.
    pub fn told(&mut self, now_ms: u64, asked: u64, took: Option<u64>) -> serde_json::Value {
        json!({ "cost": {
            "requestedQueryCost": asked,
            "actualQueryCost": took,
            "throttleStatus": {
                "maximumAvailable": self.full,
                "currentlyAvailable": self.left(now_ms),
                "restoreRate": self.restore,
            },
        } })
    }
}

/// Points that an operation asks for: an object 1, a list as many as it may have and 2 besides, a mutation 10.
pub fn asked(document: &ExecutableDocument, operation: &Operation, ids: u64) -> u64 {
    let base = if operation.operation_type == OperationType::Mutation { 10 } else { 0 };
    base + fields(document, &operation.selection_set, ids).max(1)
}

fn fields(document: &ExecutableDocument, set: &SelectionSet, ids: u64) -> u64 {
    let one = |selection: &Selection| match selection {
        Selection::Field(field) => {
            let inner = fields(document, &field.selection_set, ids);
            let is_list = field.definition.ty.is_list();
            let first = argument(field, "first");
            if field.selection_set.selections.is_empty() {
                0
            } else if field.definition.ty.inner_named_type().ends_with("Connection") {
                2 + first.unwrap_or(1) * inner
            } else if field.name == "nodes" && field.arguments.iter().any(|argument| argument.name == "ids") {
                ids * (1 + inner)
            } else if is_list && first.is_some() {
                first.unwrap_or(1) * (1 + inner)
            } else {
                1 + inner
            }
        }
        Selection::FragmentSpread(spread) => {
            document.fragments.get(&spread.fragment_name).map_or(0, |part| fields(document, &part.selection_set, ids))
        }
        Selection::InlineFragment(part) => fields(document, &part.selection_set, ids),
    };
    set.selections.iter().map(one).sum()
}

fn argument(field: &apollo_compiler::executable::Field, name: &str) -> Option<u64> {
    let name = Name::new(name).ok()?;
    match &*field.arguments.iter().find(|argument| argument.name == name)?.value {
        Value::Int(number) => number.try_to_i32().ok()?.try_into().ok(),
        _ => None,
    }
}
