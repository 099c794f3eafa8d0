//! Conformity: whether a connected shop has what was brought to it, how soon it had it, and putting right what has drifted.

use crate::app::App;
use crate::body::IdIn;
use crate::caller::Caller;
use crate::page::Params;
use crate::problem::Failure;
use crate::reply::Reply;
use crate::route::Route;
use crate::shapes;
use axum::extract::State;
use bonded_base::{Id, Moment};
use bonded_connect::conformity::{self, Conformity, Figures, Sweep};
use bonded_connect::connections::{self, Connection};
use bonded_people::Permission;
use serde::Serialize;
use utoipa_axum::routes;

pub(crate) fn routes() -> Vec<Route> {
    let (read, write) = (Permission::ConnectionsRead, Permission::ConnectionsWrite);
    vec![
        Route::new(read, routes!(get_conformity)),
        Route::new(write, routes!(check_connection)),
        Route::new(write, routes!(repair_connection)),
    ]
}

/// What is counted, and what that makes.
#[derive(Serialize)]
struct FiguresShown {
    delivered: u64,
    confirmed: u64,
    checked: u64,
    equal: u64,
    drifted: u64,
    repaired: u64,
    share_equal: Option<f64>,
    delay_ms_median: Option<u64>,
    delay_ms_p99: Option<u64>,
}

#[derive(Serialize)]
struct SweepShown {
    begun_at: Moment,
    ended_at: Moment,
    records: u64,
    equal: u64,
    share_equal: Option<f64>,
}

#[derive(Serialize)]
struct DayShown {
    date: String,
    #[serde(flatten)]
    figures: FiguresShown,
}

#[derive(Serialize)]
struct ConformityShown {
    object: &'static str,
    connection: Id<Connection>,
    sweep: Option<SweepShown>,
    check_asked_at: Option<Moment>,
    #[serde(flatten)]
    figures: FiguresShown,
    days: Vec<DayShown>,
}

impl From<&Figures> for FiguresShown {
    fn from(figures: &Figures) -> Self {
        Self {
            delivered: figures.delivered,
            confirmed: figures.confirmed,
            checked: figures.checked,
            equal: figures.equal,
            drifted: figures.drifted,
            repaired: figures.repaired,
            share_equal: share(figures.equal, figures.checked),
            delay_ms_median: figures.delays.quantile(0.5),
            delay_ms_p99: figures.delays.quantile(0.99),
        }
    }
}

impl From<Sweep> for SweepShown {
    fn from(Sweep { begun_at, ended_at, records, equal }: Sweep) -> Self {
        Self { begun_at, ended_at, records, equal, share_equal: share(equal, records) }
    }
}

impl From<&Conformity> for DayShown {
    fn from(day: &Conformity) -> Self {
        let date = day.day.to_string().chars().take("2026-11-22".len()).collect();
        Self { date, figures: FiguresShown::from(&day.figures) }
    }
}

/// A share, to four places; `None` of nothing.
#[expect(clippy::cast_precision_loss, reason = "a share to four places")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 10_000.0).floor() / 10_000.0)
}

/// Get a connection's conformity
///
/// Whether the shop has what was brought to it. After each delivery the shop's state is read back; a few records are
/// compared every minute, and all of them once a day (`sweep`). What the shop has changed by itself is *drifted*, listed in
/// `/v1/mirrors?state=drifted`, and put right by itself or when you ask, as the connection's `policy.repair` says. Delays run
/// from the change on one side until the other side had it. Figures are of the last 90 days.
#[utoipa::path(get, path = "/v1/connections/{id}/conformity", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::Conformity)))]
async fn get_conformity(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Connection>,
    params: Params,
) -> Result<Reply, Failure> {
    params.only(&[])?;
    let connection = connections::get(app.ledger(), caller.scope(), id).await?;
    let days = conformity::days(app.ledger(), caller.scope(), id).await?;
    let mut all = Figures::default();
    for day in &days {
        all.add(&day.figures);
    }
    Reply::ok(&ConformityShown {
        object: "conformity",
        connection: id,
        sweep: days.iter().rev().find_map(|day| day.sweep).map(SweepShown::from),
        check_asked_at: connection.check_asked_at,
        figures: FiguresShown::from(&all),
        days: days.iter().map(|day| DayShown::from(&**day)).collect(),
    })
}

/// Check a connection
///
/// Compares all records with the shop's now, besides the sweep that happens once a day. Its outcome is the `sweep` of the
/// connection's conformity, once it has ended.
#[utoipa::path(post, path = "/v1/connections/{id}/check", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::CheckAsked)))]
async fn check_connection(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Connection>,
) -> Result<Reply, Failure> {
    #[derive(Serialize)]
    struct CheckAsked {
        check_asked_at: Option<Moment>,
    }
    let asked = connections::ask_check(app.ledger(), caller.scope(), id).await?;
    Reply::ok(&CheckAsked { check_asked_at: asked.check_asked_at })
}

/// Repair a connection
///
/// Puts right in the shop what it has changed by itself: each record of `/v1/mirrors?state=drifted` is written again, up to
/// 10,000 in one call.
#[utoipa::path(post, path = "/v1/connections/{id}/repair", tag = "Connections",
    params(("id" = String, Path, description = "The connection.", example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")),
    responses((status = 200, body = shapes::RepairAsked)))]
async fn repair_connection(
    State(app): State<App>,
    caller: Caller,
    IdIn(id): IdIn<Connection>,
) -> Result<Reply, Failure> {
    #[derive(Serialize)]
    struct RepairAsked {
        records: u32,
    }
    connections::get(app.ledger(), caller.scope(), id).await?;
    Reply::ok(&RepairAsked { records: conformity::repair(app.ledger(), caller.scope(), id).await? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::house::House;
    use bonded_connect::connections::{ConnectionDraft, Direction, Policy, Syncs};
    use bonded_connect::mirrors::Mirror;
    use bonded_connect::platform::PlatformName;
    use bonded_ledger::{Change, Scope};
    use bonded_trade::orders::Order;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn figures_are_added_up_over_days_and_what_drifted_is_asked_to_be_put_right() {
        let house = House::new().await;
        let retailer = house.retailer().await;
        let (ledger, scope) = (&house.ledger, Scope::operator(retailer.account));
        let shop = "shop.example.com".to_owned();
        let (platform, direction) = (PlatformName::Medusa, Direction::SellThrough);
        let (syncs, policy) = (Syncs::default(), Policy::default());
        let draft = ConnectionDraft { platform, shop, direction, syncs, policy };
        let credential = bonded_base::Secret::new(b"sk_1".to_vec());
        let id = connections::connect(ledger, &scope, draft, Vec::new(), &credential).await.unwrap().id;
        let path = format!("/v1/connections/{id}");
        let empty = house.get(&retailer, &format!("{path}/conformity")).await.expect(200);
        assert_eq!((&empty["days"], &empty["share_equal"], &empty["sweep"]), (&json!([]), &Value::Null, &Value::Null));

        let mut figures =
            Figures { delivered: 3, confirmed: 3, checked: 3, equal: 2, drifted: 1, ..Figures::default() };
        for seconds in 1..=3 {
            figures.delays.note(seconds * 1_000);
        }
        let now = ledger.clock().now();
        let sweep = Sweep { begun_at: now, ended_at: now, records: 3, equal: 2 };
        conformity::measure(ledger, &scope, id, &figures, Some(sweep)).await.unwrap();
        conformity::measure(ledger, &scope, id, &figures, None).await.unwrap();
        let seen = house.get(&retailer, &format!("{path}/conformity")).await.expect(200);
        assert_eq!((&seen["delivered"], &seen["share_equal"]), (&json!(6), &json!(0.6666)));
        assert_eq!((&seen["sweep"]["records"], seen["days"].as_array().unwrap().len()), (&json!(3), 1));
        assert!(seen["delay_ms_median"].as_u64() < seen["delay_ms_p99"].as_u64());

        let order: Id<Order> = ledger.new_id();
        let mut change = Change::new();
        let mirror = Mirror::new(id, order, None).drift(json!({"gone": true}), None);
        change.create(Mirror::id_of(id, order), &mirror, "drifted");
        ledger.commit(&scope, change).await.unwrap();
        let drifted = house.get(&retailer, "/v1/mirrors?state=drifted").await.expect(200);
        assert_eq!(drifted["data"][0]["found"], json!({"gone": true}));
        let asked = house.post(&retailer, &format!("{path}/repair"), Value::Null).await.expect(200);
        assert_eq!(asked, json!({"records": 1}));
        assert_eq!(house.get(&retailer, "/v1/mirrors?state=drifted").await.expect(200)["data"], json!([]));
        assert!(
            house.post(&retailer, &format!("{path}/check"), Value::Null).await.expect(200)["check_asked_at"]
                .is_string()
        );
    }
}
