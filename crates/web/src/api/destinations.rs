//! Destinations: every host that anything of the account was sent to.

use super::shown::listing;
use crate::app::App;
use crate::caller::Caller;
use crate::page::{PageParams, Params};
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::Kind;
use bonded_connect::outbound::destinations;
use bonded_people::Permission;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::new(Permission::LogRead, routes!(list_destinations))]
}

/// List destinations
///
/// Every host that ever received data of this account from here, what for, and the names of the fields that went there. A
/// destination is written down before the first call to it leaves; how often it was called follows within a minute.
#[utoipa::path(get, path = "/v1/destinations", tag = "Events and log", params(PageParams),
    responses((status = 200, body = shapes::DestinationPage)))]
async fn list_destinations(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    let page = params.page(Kind::Destination, &[])?;
    listing(&destinations::list(app.ledger(), caller.scope(), page).await?)
}

#[cfg(test)]
mod tests {
    use crate::house::{House, scrubbed};
    use bonded_base::{Id, Kind, Kinded};
    use bonded_connect::outbound::{Outbound, OutboundSetup, Owner, Request};
    use bonded_ledger::Scope;

    enum Connection {}

    impl Kinded for Connection {
        const KIND: Kind = Kind::Connection;
    }

    #[tokio::test]
    async fn an_account_sees_where_its_data_goes() {
        let house = House::new().await;
        let (party, other) = (house.retailer().await, house.supplier().await);
        let setup = OutboundSetup { loopback: false, root_certificate: None, user_agent: "Bonded/test".to_owned() };
        let (outbound, scope) = (Outbound::new(setup).unwrap(), Scope::operator(party.account));
        let line = outbound.line(
            &house.ledger,
            &scope,
            Owner::of(Id::<Connection>::from_bytes([7; 16])),
            vec!["10.0.0.1".parse().unwrap()],
        );
        // It is written down, and then refused: nothing inside is called.
        let request = Request::get("https://10.0.0.1/".parse().unwrap());
        line.call("orders", &["lines", "postal_code"], request).await.unwrap_err();
        outbound.settle().await.unwrap();
        let list = house.get(&party, "/v1/destinations").await.expect(200);
        insta::assert_json_snapshot!("destinations", scrubbed(&list));
        assert!(house.get(&other, "/v1/destinations").await.expect(200)["data"].as_array().unwrap().is_empty());
    }
}
