//! The API: its resources, each in a file with its handlers, their descriptions and the permissions they need.

pub(crate) mod account;
pub(crate) mod api_keys;
pub(crate) mod batch;
pub(crate) mod charges;
mod conformity;
pub(crate) mod connections;
pub(crate) mod deletions;
pub(crate) mod destinations;
pub(crate) mod events;
pub(crate) mod exports;
pub(crate) mod file_mappings;
pub(crate) mod files;
pub(crate) mod grants;
pub(crate) mod holds;
pub(crate) mod imports;
pub(crate) mod inventory;
pub(crate) mod invitations;
pub(crate) mod invoices;
pub(crate) mod locations;
pub(crate) mod log;
pub(crate) mod members;
pub(crate) mod orders;
pub(crate) mod partner_catalog;
pub(crate) mod partner_links;
pub(crate) mod payment_methods;
pub(crate) mod privacy_requests;
pub(crate) mod products;
pub(crate) mod purchase_orders;
pub(crate) mod shown;
pub(crate) mod sku_mappings;
pub(crate) mod variants;
pub(crate) mod webhook_endpoints;

use crate::problem::Failure;
use crate::route::Route;
use bonded_base::Reason;
use bonded_trade::TradeError;

/// Every route of the API, in the order in which it is described.
pub(crate) fn routes() -> Vec<Route> {
    [
        account::routes(),
        partner_links::routes(),
        partner_catalog::routes(),
        products::routes(),
        variants::routes(),
        locations::routes(),
        inventory::routes(),
        orders::routes(),
        purchase_orders::routes(),
        deletions::routes(),
        privacy_requests::routes(),
        imports::routes(),
        files::routes(),
        file_mappings::routes(),
        exports::routes(),
        holds::routes(),
        sku_mappings::routes(),
        connections::routes(),
        conformity::routes(),
        invoices::routes(),
        payment_methods::routes(),
        charges::routes(),
        events::routes(),
        log::routes(),
        destinations::routes(),
        webhook_endpoints::routes(),
        members::routes(),
        invitations::routes(),
        api_keys::routes(),
        grants::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A find that may find nothing, as a list.
fn one_or_none<T>(found: Result<T, TradeError>) -> Result<Vec<T>, Failure> {
    match found {
        Ok(record) => Ok(vec![record]),
        Err(TradeError::Problem(problem)) if problem.reason == Reason::Missing => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}
