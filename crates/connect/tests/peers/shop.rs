//! The shop's own side: what its shoppers and its people do, through the shop's own doors.

use async_trait::async_trait;
use bonded_base::Secret;
use bonded_connect::outbound::{Line, Url};
use bonded_connect::platform::{Platform, RemoteId};
use bonded_testkit::peers::Peer;

/// The shopper who orders in all tests; mail address and phone number must never come through to us.
pub const SHOPPER_MAIL: &str = "anna.muster@mail.example";
pub const SHOPPER_PHONE: &str = "+49301234567";

/// The steps of placing and sending whose answers a test loses: texts in the requests.
pub struct Steps {
    pub placing: &'static [&'static str],
    pub sending: &'static [&'static str],
    pub product: &'static [&'static str],
}

/// One platform's shop, from inside.
#[async_trait]
pub trait ShopSide: Send + Sync + Sized {
    /// The steps of this platform's client.
    const STEPS: Steps;
    /// How many products [`ShopSide::crowd`] makes: more than two pages.
    const CROWD: u32 = 250;

    /// Pieces that the platform itself puts back to stock too many when two of three are cancelled and one was sent.
    const PUT_BACK_TOO_MANY: i64;

    fn of(peer: Peer) -> Self;
    fn peer(&self) -> &Peer;
    fn peer_mut(&mut self) -> &mut Peer;
    /// Bonded's client for it.
    fn platform(line: Line, base: Url, key: Secret<String>) -> Box<dyn Platform>;

    /// Anna Muster, Weg 1, Hof, 10115 Berlin, BE, DE orders in the shop's own store; answers the order's id.
    async fn shopper_orders(&self, variant: &RemoteId, pieces: u32) -> RemoteId;
    /// What the shopper is shown of an order's parcels, as one text.
    async fn shown(&self, order: &RemoteId) -> String;
    /// The shop's people set another price, in cents.
    async fn reprice(&self, product: &RemoteId, variant: &RemoteId, cents: i64);
    /// The shop's people count again what lies there.
    async fn recount(&self, variant: &RemoteId, location: &RemoteId, pieces: i64);
    /// The shop's people send some pieces of an order's only line, by this number.
    async fn sends(&self, order: &RemoteId, line: &RemoteId, pieces: u32, number: &str);
    /// Products of the shop's own, all of one moment.
    async fn crowd(&self);
    /// All orders that were ever placed, and drafts that hold anything.
    async fn orders_and_drafts(&self) -> usize;
}
