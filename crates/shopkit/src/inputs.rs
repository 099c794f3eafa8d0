//! Inputs that the schema calls deprecated are refused, so that no client of ours comes to depend on one.

use apollo_compiler::Schema;
use apollo_compiler::executable::Operation;
use apollo_compiler::schema::{ExtendedType, Type};
use serde_json::{Map, Value};

/// The first field or value of the variables that is deprecated.
pub fn deprecated(schema: &Schema, operation: &Operation, variables: &Map<String, Value>) -> Option<String> {
    let mut given = operation.variables.iter().filter_map(|of| Some((&of.ty, variables.get(of.name.as_str())?)));
    given.find_map(|(kind, value)| of_value(schema, kind, value))
}

fn of_value(schema: &Schema, kind: &Type, value: &Value) -> Option<String> {
    if let Value::Array(entries) = value {
        return entries.iter().find_map(|entry| of_value(schema, kind.item_type(), entry));
    }
    match (schema.types.get(kind.inner_named_type())?, value) {
        (ExtendedType::InputObject(object), Value::Object(fields)) => fields.iter().find_map(|(name, value)| {
            let field = object.fields.get(name.as_str())?;
            if field.directives.get("deprecated").is_some() {
                return Some(format!("{}.{name}", object.name));
            }
            of_value(schema, &field.ty, value)
        }),
        (ExtendedType::Enum(of), Value::String(name)) => {
            let value = of.values.get(name.as_str())?;
            value.directives.get("deprecated").is_some().then(|| format!("{}.{name}", of.name))
        }
        _ => None,
    }
}
