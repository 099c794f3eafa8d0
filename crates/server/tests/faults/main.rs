//! Orders through two shops that fail one call in five, and a program that is killed three times: each arrives once.
//!
//! The real program serves over TLS, on either engine, and speaks to a counterpart of Shopify that answers from the
//! maker's own schema and keeps state. Calls are throttled, answered with 5xx, slow, cut before and after they were done;
//! webhooks come twice, in the wrong order, late or never. Consumers buy, the supplier sends what it gets in one parcel or
//! two, and sells to customers of its own besides.
//!
//! By itself it is a story of a hundred orders. `BONDED_FAULT_ORDERS=10000 cargo test -p bonded-server --test faults`
//! tells the long one. Begin with [`story`]; [`fair`] is the shops and the program, [`goods`] what is sold and sent.

#![cfg(test)]

mod fair;
mod goods;
#[path = "../served/house.rs"]
#[expect(dead_code, reason = "the other tests of the program ask for more")]
mod house;
mod story;

use house::House;

/// Orders that consumers place, unless the environment says another number.
const ORDERS: usize = 100;
/// On PostgreSQL it is a part of that: what differs there is the engine alone.
const PART_ON_POSTGRES: usize = 2;

fn orders() -> usize {
    std::env::var("BONDED_FAULT_ORDERS").map_or(ORDERS, |text| text.parse().expect("a number of orders"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_arrives_once_on_sqlite() {
    story::tell(House::new(), orders()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_arrives_once_on_postgres() {
    let Some(house) = House::on_postgres().await else { return };
    story::tell(house, orders() / PART_ON_POSTGRES).await;
}
