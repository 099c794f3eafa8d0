//! Which of the shop's fields need which scope, as the maker's schema says beside each type and mutation.

use crate::state::State;
use apollo_compiler::resolvers::FieldError;

/// Fields, and the scope that they need. To write is to be allowed to read.
const NEEDS: [(&str, &str, &str); 23] = [
    ("QueryRoot", "products", "read_products"),
    ("QueryRoot", "productsCount", "read_products"),
    ("QueryRoot", "product", "read_products"),
    ("QueryRoot", "productByIdentifier", "read_products"),
    ("QueryRoot", "orders", "read_orders"),
    ("QueryRoot", "order", "read_orders"),
    ("QueryRoot", "orderByIdentifier", "read_orders"),
    ("QueryRoot", "locations", "read_locations"),
    ("InventoryItem", "inventoryLevels", "read_inventory"),
    ("Location", "inventoryLevels", "read_inventory"),
    ("ProductVariant", "inventoryItem", "read_inventory"),
    ("Order", "fulfillmentOrders", "read_merchant_managed_fulfillment_orders"),
    ("Mutation", "productCreate", "write_products"),
    ("Mutation", "productUpdate", "write_products"),
    ("Mutation", "productSet", "write_products"),
    ("Mutation", "productVariantsBulkCreate", "write_products"),
    ("Mutation", "productVariantsBulkUpdate", "write_products"),
    ("Mutation", "inventorySetQuantities", "write_inventory"),
    ("Mutation", "inventoryActivate", "write_inventory"),
    ("Mutation", "orderCreate", "write_orders"),
    ("Mutation", "orderCancel", "write_orders"),
    ("Mutation", "fulfillmentCreate", "write_merchant_managed_fulfillment_orders"),
    ("Mutation", "fulfillmentTrackingInfoUpdate", "write_merchant_managed_fulfillment_orders"),
];

/// Refuses a field whose scope the shop did not give.
pub fn check(state: &State, type_name: &str, field: &str) -> Result<(), FieldError> {
    let needed = NEEDS.iter().find(|(of, name, _)| *of == type_name && *name == field).map(|(.., scope)| *scope);
    let is_held = |scope: &str| {
        let writes = scope.replacen("read_", "write_", 1);
        state.scopes.iter().any(|held| held == scope || *held == writes)
    };
    match needed {
        Some(scope) if !is_held(scope) => Err(FieldError {
            message: format!("ACCESS_DENIED: Access denied for {field} field. Required access: {scope}"),
        }),
        _ => Ok(()),
    }
}
