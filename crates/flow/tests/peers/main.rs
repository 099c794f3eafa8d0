//! The whole way between two real shops: a retailer's Medusa and a supplier's Vendure, kept in step by this program.

#![cfg(test)]

#[path = "../../../connect/tests/peers/medusa.rs"]
mod medusa;
#[expect(dead_code, reason = "the story of one platform alone needs more of it")]
#[path = "../../../connect/tests/peers/shop.rs"]
mod shop;
mod street;
#[path = "../../../connect/tests/peers/vendure.rs"]
mod vendure;

use bonded_connect::connections::{Direction, Mode, Policy, Syncs};
use bonded_trade::accounts::Role;
use serde_json::json;
use shop::{SHOPPER_MAIL, SHOPPER_PHONE, ShopSide};
use street::Street;

/// Everything is kept in step.
fn all() -> Syncs {
    Syncs::all(Mode::On)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_ordered_in_medusa_is_shipped_from_vendure_whatever_is_killed() {
    let Some(mut street) = Street::open().await else { return };
    let (lamp, place) = street.makes("Lamp", "LAMP", 2_500, 10).await;
    let retailer = street.account("Corner Shop", Role::Retailer).await;
    let supplier = street.account("Lamps", Role::Supplier).await;
    street.link(&retailer, &supplier).await;
    let key = json!({"api_key": street.vendure.peer().key("secret")});
    let host = street.vendure.peer().front().address();
    street.connect(&supplier, "vendure", &host, Direction::SupplyFrom, all(), Policy::default(), key).await;
    let key = json!({"api_key": street.medusa.peer().key("secret")});
    let host = street.medusa.peer().front().address();
    let policy = Policy { markup_percent: 40, ..Policy::default() };
    street.connect(&retailer, "medusa", &host, Direction::SellThrough, all(), policy, key).await;

    // The supplier's lamp is offered in the retailer's shop, with its stock.
    let sold = street.offered("LAMP", 10).await;
    let order = street.medusa.shopper_orders(&sold, 3).await;
    let placed = street.placed(1).await.remove(0);
    let line = placed.lines[0].clone();
    assert_eq!((line.variant.as_ref(), line.quantity), (Some(&lamp), 3));
    let consumer = placed.consumer.check().unwrap();
    assert_eq!((consumer.expose().last_name, consumer.expose().postal_code), ("Muster", "10115"));
    street.offered("LAMP", 7).await;

    // The retailer's shop is away while the first parcel leaves; it hears of it when it is back.
    street.medusa.peer_mut().kill();
    street.vendure.sends(&placed.id, &line.id, 1, "JD-1").await;
    street.medusa.peer_mut().restart().await;
    street.shown(&order, "JD-1").await;
    // The program itself dies between two parcels.
    street.crash();
    street.vendure.sends(&placed.id, &line.id, 2, "JD-2").await;
    street.shown(&order, "JD-2").await;
    let shown = street.medusa.shown(&order).await;
    assert_eq!(shown.matches("JD-1").count(), shown.matches("JD-2").count(), "each parcel is shown once: {shown}");

    // The supplier's shop is away while the next order comes.
    street.vendure.peer_mut().kill();
    street.medusa.shopper_orders(&sold, 1).await;
    street.vendure.peer_mut().restart().await;
    assert_eq!(street.placed(2).await.len(), 2);
    street.offered("LAMP", 6).await;
    // What is sold, or counted anew, in the supplier's own shop lowers what the other offers.
    street.vendure.recount(&lamp, &place, 4).await;
    street.offered_less_than("LAMP", 6).await;
    for peer in [street.medusa.peer(), street.vendure.peer()] {
        assert!(
            !peer.front().answered(SHOPPER_MAIL) && !peer.front().answered(SHOPPER_PHONE),
            "mail or phone came through"
        );
    }
}
