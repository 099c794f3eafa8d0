//! Events: the account's own log, readable by its owner's systems from a cursor.

use crate::app::App;
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Account, Id, Kind, Moment};
use bonded_ledger::Entry;
use bonded_people::Permission;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use tokio::sync::watch;
use tokio::time::Instant;
use utoipa_axum::routes;

/// Entries that one request looks through at most, when it filters them.
const LOOKED_THROUGH_MAX: u64 = 20_000;
/// Entries that are read at once.
const CHUNK: u32 = 1_000;

/// The ledger's own books: not business, so shown only to those who ask for them by name.
pub(crate) const BOOKKEEPING: [Kind; 2] = [Kind::Answer, Kind::SlotBlock];

pub(crate) fn routes() -> Vec<Route> {
    vec![Route::new(Permission::LogRead, routes!(list_events))]
}

/// An entry of a log, as people and programs are shown it.
#[derive(Serialize)]
pub(crate) struct EventShown {
    object: &'static str,
    id: String,
    pub seq: u64,
    pub at: Moment,
    pub actor: String,
    pub action: String,
    pub kind: &'static str,
    pub subject: String,
    pub version: u64,
    pub changes: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seen: Vec<String>,
}

impl From<Entry> for EventShown {
    fn from(entry: Entry) -> Self {
        let Entry { headline, said, .. } = entry;
        // The leaf is salted and unique, and half of it is as good as an id.
        let id = headline.leaf.iter().take(16).fold(String::from("evt_"), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        });
        let change = |value: Value| match value {
            Value::Array(mut pair) if pair.len() == 2 => {
                let to = pair.pop();
                json!({"from": pair.pop(), "to": to})
            }
            other => other,
        };
        // An approval's signature is for verifiers, who find it in the log; people read its terms on the grant.
        let told = |field: &String| headline.kind != Kind::Grant || field != "signed";
        let changes = said.set.into_iter().filter(|(field, _)| told(field));
        Self {
            object: "event",
            id,
            seq: headline.seq,
            at: headline.at,
            actor: headline.actor.to_string(),
            kind: headline.kind.name(),
            subject: headline.subject(),
            version: headline.version,
            changes: changes.map(|(field, value)| (field, change(value))).collect(),
            seen: said.seen,
            action: headline.action,
        }
    }
}

#[derive(Serialize)]
struct Events {
    data: Vec<EventShown>,
    has_more: bool,
    next_after: u64,
}

/// List events
///
/// Everything that happened in the account after a cursor, oldest first: who did what, when, and what changed from what
/// to what. Go on from `next_after`. With `wait`, an empty answer is held back until something happens, up to that many
/// seconds: ask again and again, and nothing is ever missed. Kept answers and other bookkeeping of the log itself are
/// left out unless `kind` asks for them.
#[utoipa::path(get, path = "/v1/events", tag = "Events and log",
    params(("after" = Option<u64>, Query, description = "The `next_after` of the answer before; 0 from the start."),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 500, description = "Events at most."),
        ("wait" = Option<u32>, Query, maximum = 30, description = "Seconds to wait for an event."),
        ("kind" = Option<String>, Query, description = "Only events about this kind of record.", example = "order")),
    responses((status = 200, body = shapes::Events)))]
async fn list_events(State(app): State<App>, caller: Caller, params: Params) -> Result<Reply, Failure> {
    params.only(&["after", "limit", "wait", "kind"])?;
    let unknown = || Failure::parameter("`kind` must be the name of a kind of record, such as `order`.");
    let kind = params.text("kind").map(|name| Kind::from_name(name).ok_or_else(unknown)).transpose()?;
    let wanted =
        |entry: &Entry| kind.map_or(!BOOKKEEPING.contains(&entry.headline.kind), |kind| entry.headline.kind == kind);
    let limit = params.limit()? as usize;
    let mut after: u64 = params.parsed("after", "a whole number")?.unwrap_or(0);
    let deadline = Instant::now() + params.wait()?;
    let (scope, mut data) = (caller.scope(), Vec::new());
    let mut waiting = Waiting::on(&app, scope.account(), deadline);
    let mut looked_through = 0;
    loop {
        let entries = app.ledger().entries(scope, after, CHUNK).await?;
        let end = entries.len() < CHUNK as usize;
        for entry in entries {
            if data.len() == limit {
                return Reply::ok(&Events { data, has_more: true, next_after: after });
            }
            (after, looked_through) = (entry.headline.seq, looked_through + 1);
            data.extend(wanted(&entry).then(|| EventShown::from(entry)));
        }
        if !end && looked_through >= LOOKED_THROUGH_MAX {
            return Reply::ok(&Events { data, has_more: true, next_after: after });
        }
        if end && (!data.is_empty() || !waiting.news(&app).await) {
            return Reply::ok(&Events { data, has_more: false, next_after: after });
        }
    }
}

/// Waits for a log to grow. Made before the log is read, so that nothing can come unnoticed in between.
pub(crate) struct Waiting {
    grown: watch::Receiver<()>,
    deadline: Instant,
}

impl Waiting {
    /// Waits for this account's log until then.
    pub fn on(app: &App, account: Id<Account>, deadline: Instant) -> Self {
        Self { grown: app.ledger().watch(account), deadline }
    }

    /// Whether it is worth reading again; no when the time is up or the server is closing.
    pub async fn news(&mut self, app: &App) -> bool {
        tokio::select! {
            biased;
            () = app.readiness().closed() => false,
            () = tokio::time::sleep_until(self.deadline) => false,
            grown = self.grown.changed() => grown.is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::house::{House, order, scrubbed};
    use serde_json::{Value, json};

    #[tokio::test]
    async fn events_tell_what_changed_from_what_to_what() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        let variant = house.stocked(&supplier, "S", 1).await;
        let after = house.get(&supplier, "/v1/events").await.expect(200)["next_after"].clone();
        let price = json!({"price": {"amount": 5, "currency": "EUR"}});
        house
            .patch(&supplier, &format!("/v1/variants/{variant}"), price, &[("idempotency-key", "k")])
            .await
            .expect(200);
        let events = house.get(&supplier, &format!("/v1/events?after={after}")).await.expect(200);
        insta::assert_json_snapshot!("events", scrubbed(&events));
        assert_eq!(events["data"][0]["actor"], supplier.key.to_string());
        // The ledger's own books are there for those who ask.
        let kept = house.get(&supplier, "/v1/events?kind=answer").await.expect(200);
        let actions: Vec<_> = kept["data"].as_array().unwrap().iter().map(|event| event["action"].clone()).collect();
        assert_eq!(actions, ["claimed", "answered"]);
        house.get(&supplier, "/v1/events?kind=none").await.expect(400);
    }

    #[tokio::test]
    async fn a_feed_is_read_in_pieces_without_a_gap() {
        let house = House::new().await;
        let supplier = house.supplier().await;
        for sku in ["A", "B", "C"] {
            house.stocked(&supplier, sku, 1).await;
        }
        let all = house.get(&supplier, "/v1/events").await.expect(200);
        let all = all["data"].as_array().unwrap().clone();
        let (mut after, mut pieces) = (json!(0), Vec::new());
        loop {
            let page = house.get(&supplier, &format!("/v1/events?limit=2&after={after}")).await.expect(200);
            pieces.extend(page["data"].as_array().unwrap().clone());
            after = page["next_after"].clone();
            if page["has_more"] == false {
                break;
            }
        }
        assert_eq!(pieces, all);
        let products = house.get(&supplier, "/v1/events?kind=product&limit=2").await.expect(200);
        assert_eq!((products["data"].as_array().unwrap().len(), &products["has_more"]), (2, &json!(true)));
    }

    #[tokio::test]
    async fn who_waits_is_told_as_soon_as_something_happens() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        let after = house.get(&retailer, "/v1/events").await.expect(200)["next_after"].clone();
        let path = format!("/v1/events?after={after}&wait=30&kind=order");
        let (news, placed) =
            tokio::join!(house.get(&retailer, &path), house.post(&retailer, "/v1/orders", order("1", "A", 1)));
        let (news, placed) = (news.expect(200), placed.expect(201));
        assert_eq!(news["data"][0]["subject"], placed["id"]);
        assert_eq!((&news["data"][0]["action"], &news["data"][0]["changes"]), (&json!("placed"), &json!({})));
        let none = house.get(&retailer, &format!("/v1/events?after={}", u64::MAX / 4)).await.expect(200);
        assert_eq!(none["data"], Value::Array(Vec::new()));
    }
}
