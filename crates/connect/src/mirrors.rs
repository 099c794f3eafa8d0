//! Mirrors: for each of our records that a connected shop has too, what both sides last agreed on.
//!
//! A mirror joins one of our ids to one of the platform's. It says whether the shop has the record as we have it, since
//! when, and if not, why not and when it is tried again. Delivery is of state: what is to be sent is the difference between
//! our record as it is now and what its mirror says was agreed, so nothing has to be queued.

use crate::connections::Connection;
use crate::platform::{RemoteId, Since};
use bonded_base::{Id, Kind, Kinded, Moment, Problem, id_text};
use bonded_ledger::{Ledger, LedgerError, Listed, Lookup, LookupName, Record, Scope, Stored};
use bonded_trade::partners::PartnerLink;
use bonded_trade::{Page, TradeError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Characters of the reason why a mirror waits or is held.
pub const WHY_CHARS_MAX: usize = 300;
/// How long what failed waits at first, and at most: each time twice as long.
pub const RETRY_MS: i64 = 2_000;
/// See [`RETRY_MS`].
pub const RETRY_MS_MAX: i64 = 15 * 60_000;
/// The most that it waits where the shop did not answer: nothing is known to be wrong with the thing itself, and a shop
/// that is away altogether is asked for nothing meanwhile.
pub const RETRY_AWAY_MS_MAX: i64 = 30_000;

/// Bytes that a mirror's id takes from the mirrored record's: the time and the order among those born with it.
const OURS_BYTES: usize = 8;

/// What we know of one of a connected shop's things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mirror {
    /// In which shop.
    pub connection: Id<Connection>,
    /// What it is: `variant`, `order`.
    pub about: Kind,
    /// Which of our records, as people read it: `var_…`. For an order that could not be taken, the one that it would be.
    pub record: String,
    /// The partner link through which our record is read; `None` for the account's own.
    pub link: Option<Id<PartnerLink>>,
    /// The platform's id of it, once known.
    pub remote: Option<RemoteId>,
    /// How the two stand to each other.
    pub state: MirrorState,
    /// What both sides last agreed on.
    pub agreed: Agreed,
    /// In a dry run: what would be written.
    pub planned: Option<Value>,
    /// What a check found in the shop in place of what was agreed, until that is put right.
    #[serde(default)]
    pub found: Option<Value>,
    /// Why it waits or is held. Ours, or a code of the platform's.
    pub why: Option<String>,
    /// How often it failed since it last went well.
    pub tries: u32,
    /// When it is tried again.
    pub next_try_at: Option<Moment>,
    /// When both sides last agreed.
    pub agreed_at: Option<Moment>,
    /// Milliseconds from the change on one side until the other side had it, the last time, where that is known.
    pub delay_ms: Option<u64>,
}

/// How our record and the shop's stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MirrorState {
    /// Both sides are the same.
    Agreed,
    /// They are not, and it is tried again by itself.
    Waiting,
    /// They are not, and somebody has to look.
    Held,
    /// They are not, and in a dry run stay so.
    Planned,
    /// They were, and the shop has changed it since; it stays so until somebody asks to put it right.
    Drifted,
}

/// What both sides agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreed {
    /// Nothing yet.
    #[default]
    Nothing,
    /// A product, by a digest of all that we compare.
    Product {
        /// Base64 of SHA-256.
        digest: String,
    },
    /// A variant: its stock by the shop's location, as it was last confirmed, and when.
    Variant {
        /// The shop's id of its product.
        product: RemoteId,
        /// Pieces that could be sold, by the shop's id of the location.
        available: BTreeMap<String, i64>,
    },
    /// A location.
    Location,
    /// An order.
    Order {
        /// The shop's ids of its lines, by our line numbers.
        lines: BTreeMap<u32, RemoteId>,
        /// The shop's ids of the parcels that both sides know, by ours as text.
        parcels: BTreeMap<String, RemoteId>,
    },
    /// How far the shop was read: the mirror of the connection itself.
    Read {
        /// Its products.
        products: Since,
        /// Its stock.
        levels: Since,
        /// Its orders.
        orders: Since,
    },
}

impl Kinded for Mirror {
    const KIND: Kind = Kind::Mirror;
}

impl MirrorState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }
}

impl Record for Mirror {
    fn state(&self) -> u8 {
        self.state.number()
    }

    fn parent(&self) -> Option<[u8; 16]> {
        Some(self.connection.bytes())
    }

    fn lookups(&self) -> Vec<Lookup<'_>> {
        self.remote.iter().map(|remote| of_remote(self.connection, self.about, remote)).collect()
    }
}

fn of_remote(connection: Id<Connection>, about: Kind, remote: &RemoteId) -> Lookup<'static> {
    let mut value = connection.bytes().to_vec();
    value.push(about.number());
    value.extend_from_slice(remote.as_str().as_bytes());
    Lookup::new(LookupName::Remote, value)
}

impl Mirror {
    /// A mirror of a record of which nothing is known yet.
    pub fn new<R: Kinded>(connection: Id<Connection>, record: Id<R>, remote: Option<RemoteId>) -> Self {
        Self {
            connection,
            about: R::KIND,
            record: id_text(R::KIND, record.bytes()),
            link: None,
            remote,
            state: MirrorState::Waiting,
            agreed: Agreed::Nothing,
            planned: None,
            found: None,
            why: None,
            tries: 0,
            next_try_at: None,
            agreed_at: None,
            delay_ms: None,
        }
    }

    /// The id of the mirror of a record in a shop; worked out, so that there is only ever one.
    pub fn id_of<R: Kinded>(connection: Id<Connection>, record: Id<R>) -> Id<Self> {
        derived(record.bytes(), &[&connection.bytes(), &[R::KIND.number()], &record.bytes()])
    }

    /// Both sides are the same now. `since` is when one of them changed, if it did.
    #[must_use]
    pub fn agree(mut self, agreed: Agreed, now: Moment, since: Option<Moment>) -> Self {
        self.state = MirrorState::Agreed;
        self.agreed = agreed;
        (self.planned, self.found, self.why, self.next_try_at, self.tries) = (None, None, None, None, 0);
        self.agreed_at = Some(now);
        self.delay_ms = since.map(|since| u64::try_from(now.millis() - since.millis()).unwrap_or(0));
        self
    }

    /// It failed, and is tried again by itself, each time after twice as long.
    #[must_use]
    pub fn wait(self, now: Moment, why: &str) -> Self {
        self.put_off(now, why, RETRY_MS_MAX)
    }

    /// The shop did not answer about it: tried again sooner.
    #[must_use]
    pub fn wait_for_answer(self, now: Moment, why: &str) -> Self {
        self.put_off(now, why, RETRY_AWAY_MS_MAX)
    }

    fn put_off(mut self, now: Moment, why: &str, pause_ms_max: i64) -> Self {
        self.state = MirrorState::Waiting;
        self.why = Some(why.chars().take(WHY_CHARS_MAX).collect());
        let pause = RETRY_MS.saturating_mul(1 << self.tries.min(16)).min(pause_ms_max);
        self.tries = self.tries.saturating_add(1);
        self.next_try_at = Some(now.plus_millis(pause));
        self
    }

    /// It is looked at again at a given moment, and nothing was wrong with it.
    #[must_use]
    pub fn wait_until(mut self, due: Moment, why: &str) -> Self {
        self.state = MirrorState::Waiting;
        self.why = Some(why.to_owned());
        self.next_try_at = Some(due);
        self
    }

    /// It cannot be, until somebody has looked.
    #[must_use]
    pub fn hold(mut self, why: &str) -> Self {
        self.state = MirrorState::Held;
        self.why = Some(why.chars().take(WHY_CHARS_MAX).collect());
        self.next_try_at = None;
        self
    }

    /// The shop has changed it, and nobody has asked yet to put that right. `wanted` is what would be written.
    #[must_use]
    pub fn drift(mut self, found: Value, wanted: Option<Value>) -> Self {
        self.state = MirrorState::Drifted;
        (self.found, self.planned) = (Some(found), wanted);
        (self.why, self.next_try_at) = (Some("the shop has changed it".to_owned()), None);
        self
    }

    /// In a dry run: what would be written.
    #[must_use]
    pub fn plan(mut self, planned: Value) -> Self {
        self.state = MirrorState::Planned;
        self.planned = Some(planned);
        (self.why, self.next_try_at) = (None, None);
        self
    }

    /// Our record's id, if it is one of this kind.
    pub fn record_of<R: Kinded>(&self) -> Option<Id<R>> {
        (self.about == R::KIND).then(|| self.record.parse().ok()).flatten()
    }
}

/// An id that is worked out: its first half is another's, its second 8 bytes of SHA-256 over the parts.
pub fn derived<R: Kinded>(near: [u8; 16], parts: &[&[u8]]) -> Id<R> {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    let mut id = near;
    for (byte, hashed) in id.iter_mut().skip(OURS_BYTES).zip(context.finish().as_ref()) {
        *byte = *hashed;
    }
    // The bits that say "version 7" (RFC 9562) are the other id's; the variant's are set here.
    id[8] = id[8] & 0x3f | 0x80;
    Id::from_bytes(id)
}

/// A page of the mirrors of one connection, or of those in one state, or of all.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    connection: Option<Id<Connection>>,
    state: Option<MirrorState>,
    page: Page,
) -> Result<Listed<Mirror>, TradeError> {
    let list = match (connection, state) {
        (Some(_), Some(_)) => return Err(Problem::invalid("/state", "name a connection or a state, not both").into()),
        (Some(connection), None) => page.of_parent(connection.bytes()),
        (None, state) => page.of_state(state.map(MirrorState::number)),
    };
    Ok(ledger.list(scope, &list).await?)
}

/// The mirrors of these records in a shop, in their order.
pub async fn of<R: Kinded>(
    ledger: &Ledger,
    scope: &Scope,
    connection: Id<Connection>,
    records: &[Id<R>],
) -> Result<Vec<Option<Stored<Mirror>>>, LedgerError> {
    let ids: Vec<_> = records.iter().map(|record| Mirror::id_of(connection, *record)).collect();
    if ids.is_empty() { Ok(Vec::new()) } else { ledger.get_many(scope, &ids).await }
}

/// The mirrors of these things of the shop's, in their order.
pub async fn of_remotes(
    ledger: &Ledger,
    scope: &Scope,
    connection: Id<Connection>,
    about: Kind,
    remotes: &[RemoteId],
) -> Result<Vec<Option<Stored<Mirror>>>, LedgerError> {
    if remotes.is_empty() {
        return Ok(Vec::new());
    }
    let lookups: Vec<_> = remotes.iter().map(|remote| of_remote(connection, about, remote)).collect();
    let found: Vec<Option<Id<Mirror>>> = ledger.find_many(scope, &lookups).await?;
    let ids: Vec<_> = found.iter().copied().flatten().collect();
    let mut read = if ids.is_empty() { Vec::new() } else { ledger.get_many(scope, &ids).await? }.into_iter();
    Ok(found.into_iter().map(|found| found.and_then(|_| read.next().flatten())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_trade::orders::Order;

    const SHOP: Id<Connection> = Id::from_bytes([1; 16]);
    const ORDER: Id<Order> = Id::from_bytes([2; 16]);
    const NOW: Moment = Moment::from_millis(1_795_339_800_000);

    #[test]
    fn a_mirror_s_id_is_its_own_and_lies_by_its_record() {
        let id = Mirror::id_of(SHOP, ORDER);
        assert_eq!(id, Mirror::id_of(SHOP, ORDER));
        assert_eq!(id.bytes()[..8], ORDER.bytes()[..8]);
        assert_ne!(id, Mirror::id_of(Id::from_bytes([3; 16]), ORDER));
        assert_ne!(id, Mirror::id_of::<Connection>(SHOP, Id::from_bytes([2; 16])));
        // Parts are told apart: "ab", "c" is not "a", "bc".
        assert_ne!(derived::<Order>([0; 16], &[b"ab", b"c"]), derived::<Order>([0; 16], &[b"a", b"bc"]));
    }

    #[test]
    fn what_was_agreed_is_read_back() {
        let (lines, parcels) = (BTreeMap::from([(1, RemoteId::new("9"))]), BTreeMap::new());
        let since = || Since { updated_at: Some(NOW), cursor: Some("2".to_owned()) };
        for agreed in [
            Agreed::Nothing,
            Agreed::Location,
            Agreed::Product { digest: "d".to_owned() },
            Agreed::Variant { product: RemoteId::new("7"), available: BTreeMap::from([("here".to_owned(), -1)]) },
            Agreed::Order { lines, parcels },
            Agreed::Read { products: since(), levels: since(), orders: Since::default() },
        ] {
            let mirror = Mirror::new(SHOP, ORDER, None).agree(agreed, NOW, None);
            let json = serde_json::to_string(&mirror).unwrap();
            assert_eq!(serde_json::from_str::<Mirror>(&json).unwrap(), mirror);
        }
    }

    #[test]
    fn what_fails_waits_longer_each_time_and_is_forgotten_when_it_goes_well() {
        let mut mirror = Mirror::new(SHOP, ORDER, None);
        let mut pauses = Vec::new();
        for _ in 0..12 {
            mirror = mirror.wait(NOW, "away");
            pauses.push(mirror.next_try_at.unwrap().millis() - NOW.millis());
        }
        assert_eq!(pauses[..3], [RETRY_MS, 2 * RETRY_MS, 4 * RETRY_MS]);
        assert_eq!(pauses.last(), Some(&RETRY_MS_MAX));
        let unanswered = mirror.clone().wait_for_answer(NOW, "503");
        assert_eq!(unanswered.next_try_at, Some(NOW.plus_millis(RETRY_AWAY_MS_MAX)));
        let agreed = mirror.agree(Agreed::Nothing, NOW.plus_millis(700), Some(NOW));
        assert_eq!((agreed.tries, agreed.why, agreed.delay_ms), (0, None, Some(700)));
        assert_eq!(Mirror::new(SHOP, ORDER, None).record_of::<Order>(), Some(ORDER));
        assert_eq!(Mirror::new(SHOP, ORDER, None).record_of::<Connection>(), None);
    }
}
