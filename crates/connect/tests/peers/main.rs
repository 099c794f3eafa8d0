//! Real Medusa and Vendure servers: one story that every platform has to tell, and the same with answers lost and servers killed.

#![cfg(test)]

mod faults;
mod medusa;
mod shop;
mod story;
mod told;
mod vendure;
mod writes;

use bonded_base::{Id, Kind, Kinded, Secret};
use bonded_connect::outbound::{Host, Line, Outbound, OutboundSetup, Owner, Url};
use bonded_connect::platform::Platform;
use bonded_testkit::ledger::{TestLedger, on_sqlite};
use bonded_testkit::peers::{Brand, Peer};
use shop::ShopSide;

/// A connection, as far as calls need one.
enum Connection {}

impl Kinded for Connection {
    const KIND: Kind = Kind::Connection;
}

/// A shop, its own people and shoppers, and Bonded's way to it.
pub struct World<S> {
    pub platform: Box<dyn Platform>,
    pub shop: S,
    pub line: Line,
    pub base: Url,
    _ledger: TestLedger,
}

impl<S: ShopSide> World<S> {
    /// A world around a fresh shop; `None` where that is not installed.
    pub async fn around(brand: Brand) -> Option<Self> {
        let peer = Peer::start(brand).await?;
        let ledger = on_sqlite().await;
        let scope = ledger.any_account();
        let setup = OutboundSetup {
            loopback: true,
            root_certificate: Some(peer.front().authority()),
            user_agent: "Bonded/test".to_owned(),
        };
        let base: Url = peer.front().address().parse().unwrap();
        let owner = Owner::of(Id::<Connection>::from_bytes([7; 16]));
        let hosts = vec![Host::of(&base).unwrap()];
        let line = Outbound::new(setup).unwrap().line(&ledger, &scope, owner, hosts);
        let key = Secret::new(peer.key("secret").to_owned());
        let platform = S::platform(line.clone(), base.clone(), key);
        Some(Self { platform, shop: S::of(peer), line, base, _ledger: ledger })
    }

    pub fn peer(&self) -> &Peer {
        self.shop.peer()
    }
}
