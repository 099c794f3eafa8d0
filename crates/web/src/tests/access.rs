//! Who gets through to what: every address with every sort of caller, held against a table that is read in every diff.
//!
//! After a change that is meant, `BONDED_WRITE_ACCESS=1 cargo nextest run -p bonded-web access` writes the table anew.

use crate::Limits;
use crate::api;
use crate::house::people::{Helper, Member};
use crate::house::{Answer, Guest, House, Party, request};
use axum::http::{HeaderName, Method};
use bonded_base::Id;
use bonded_people::grants::{Area, GrantRecord, GrantScope};
use bonded_people::members::Role;
use bonded_people::staff::StaffRole;
use bonded_people::{Permission, Permissions};
use std::fmt::Write as _;

/// The committed table.
const TABLE: &str = include_str!("../../access.md");
const WHERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/access.md");

const HEAD: &str = "\
# Who gets through

Every address of the server, and who gets past its gate. What an account then holds is its own: ids of other accounts are not
found on any of them. This table is what a test has found by asking as everybody; it fails when the server answers otherwise, and
writes the table anew with `BONDED_WRITE_ACCESS=1 cargo nextest run -p bonded-web access`.

- **nobody**: without a key and without a session. **key**: the permissions that open it, each tried alone.
- **viewer** to **owner**: a member's session. `2nd` is only with a second factor.
- **elsewhere**: an owner of another account, who asks with made-up ids; `own` is the way into that owner's own account.
- **staff**: one of the platform's support, on the private listener, whose request the account has not approved. **may look**,
  **may act**: the areas whose grant, approved by the account, opens it, each tried alone.

| | address | nobody | key | viewer | operator | manager | owner | elsewhere | staff | may look | may act |
|---|---|---|---|---|---|---|---|---|---|---|---|
";
const NO: &str = "-";
const YES: &str = "yes";

/// On which listener something is, and for whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    /// A route of the API: for keys and members on the public listener, for staff below their grant on the private one.
    Api,
    /// A page of the public listener.
    Public,
    /// A page of the private listener.
    Private,
}

struct Place {
    method: Method,
    path: String,
    sort: Sort,
}

/// Every address there is.
fn places() -> Vec<Place> {
    let api = api::routes().into_iter().map(|route| Place { method: route.method, path: route.path, sort: Sort::Api });
    let page = |path: &str, sort| Place { method: Method::GET, path: path.to_owned(), sort };
    let public = ["/docs", "/docs/style.css", "/openapi.json", "/problems", "/problems/{slug}", "/healthz", "/readyz"];
    let private = ["/healthz", "/readyz", "/metrics"];
    let public = public.map(|path| page(path, Sort::Public));
    api.chain(public).chain(private.map(|path| page(path, Sort::Private))).collect()
}

/// Without a key and without a session.
struct Nobody;

impl Guest for Nobody {
    fn shows(&self) -> Vec<(HeaderName, String)> {
        Vec::new()
    }
}

/// Everybody who asks.
struct Callers {
    keys: Vec<(Permission, Party)>,
    /// Of each role one with a second factor, and one without.
    members: Vec<(Member, Member)>,
    elsewhere: Member,
    helper: Helper,
    unanswered: Id<GrantRecord>,
    looking: Vec<(Area, Id<GrantRecord>)>,
    acting: Vec<(Area, Id<GrantRecord>)>,
}

impl Callers {
    async fn of(house: &House) -> Self {
        let party = house.retailer().await;
        let mut keys = Vec::new();
        for permission in Permissions::of_keys().iter() {
            keys.push((permission, house.key(party.account, [permission].into_iter().collect()).await));
        }
        let mut members = Vec::new();
        for role in [Role::Viewer, Role::Operator, Role::Manager, Role::Owner] {
            members.push((house.member(&party, role, true).await, house.member(&party, role, false).await));
        }
        let owner = &members[3].0;
        let elsewhere = house.member(&house.supplier().await, Role::Owner, true).await;
        let helper = house.staff(StaffRole::Support).await;
        let unanswered = house.asked(&party, &helper, &Area::ALL, false).await;
        let (mut looking, mut acting) = (Vec::new(), Vec::new());
        for area in Area::ALL {
            looking.push((area, house.granted(&party, owner, &helper, &[area], false).await));
            let scope = GrantScope { areas: vec![area], act: true, record: None, consumers: false };
            if scope.check().is_ok() {
                acting.push((area, house.granted(&party, owner, &helper, &[area], true).await));
            }
        }
        Self { keys, members, elsewhere, helper, unanswered, looking, acting }
    }

    /// The row of one address.
    async fn row(&self, house: &House, place: &Place) -> String {
        let ask = async |guest: &dyn Guest, grant: Option<&Id<GrantRecord>>| asked(house, place, guest, grant).await;
        let mut cells = vec![yes(passed(&ask(&Nobody, None).await))];
        let mut opened = Vec::new();
        for (permission, key) in &self.keys {
            if passed(&ask(key, None).await) {
                opened.push(permission.name());
            }
        }
        let any = opened.len() == self.keys.len();
        cells.push(if any { YES.to_owned() } else { listed(&opened) });
        for (strong, weak) in &self.members {
            cells.push(match (passed(&ask(strong, None).await), passed(&ask(weak, None).await)) {
                (true, true) => YES.to_owned(),
                (true, false) => String::from("2nd"),
                (false, false) => NO.to_owned(),
                (false, true) => panic!("{}: a second factor takes something away", place.path),
            });
        }
        let elsewhere = ask(&self.elsewhere, None).await;
        cells.push(match (place.sort, passed(&elsewhere), elsewhere.status.as_u16()) {
            (_, false, _) => NO.to_owned(),
            (Sort::Api, true, 404) => String::from("404"),
            (Sort::Api, true, _) => String::from("own"),
            (Sort::Public | Sort::Private, true, _) => YES.to_owned(),
        });
        cells.push(yes(passed(&ask(&self.helper, Some(&self.unanswered)).await)));
        for grants in [&self.looking, &self.acting] {
            let mut opened = Vec::new();
            for (area, grant) in grants {
                if passed(&ask(&self.helper, Some(grant)).await) {
                    opened.push(area.name());
                }
            }
            let any = opened.len() == grants.len();
            cells.push(if any { YES.to_owned() } else { listed(&opened) });
        }
        format!("| {} | {} | {} |", place.method, place.path, cells.join(" | "))
    }
}

/// Asks with ids that were never given to anybody, and with a body that says nothing.
async fn asked(house: &House, place: &Place, guest: &dyn Guest, grant: Option<&Id<GrantRecord>>) -> Answer {
    let never = "00000000000000000000000000";
    let path = place.path.replace("{rest}", "0/000.p/1").replace("{slug}", "rate");
    let kind = path.split('/').nth(2).unwrap_or_default().to_owned();
    let prefix = match kind.as_str() {
        "partner_links" => "link",
        "products" => "prod",
        "variants" => "var",
        "locations" => "loc",
        "orders" => "ord",
        "purchase_orders" => "po",
        "holds" => "hold",
        "members" => "mem",
        "invitations" => "inv",
        "api_keys" => "key",
        "grants" => "grant",
        _ => "none",
    };
    let path = path
        .replace("{id}", &format!("{prefix}_{never}"))
        .replace("{product}", &format!("prod_{never}"))
        .replace("{variant}", &format!("var_{never}"));
    let below = grant.filter(|_| place.sort == Sort::Api).map(|grant| format!("/support/{grant}")).unwrap_or_default();
    let body = if place.method == Method::GET { "" } else { "{}" };
    let request = request(guest, place.method.clone(), &format!("{below}{path}"), &[], body.into());
    if place.sort == Sort::Private || !below.is_empty() {
        return house.send_privately(request).await;
    }
    house.send(request).await
}

/// Whether somebody got past the gate: what lies behind it says of made-up ids and empty bodies is no matter here.
fn passed(answer: &Answer) -> bool {
    let location = answer.headers.get("location").map(|value| value.to_str().unwrap().to_owned());
    match answer.status.as_u16() {
        // The last: this listener has the address for other methods only.
        401 | 403 | 405 => false,
        303 => !location.unwrap_or_default().contains("/sign-in"),
        404 => !answer.text().contains("There is nothing at this address."),
        _ => true,
    }
}

fn yes(passed: bool) -> String {
    String::from(if passed { YES } else { NO })
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { NO.to_owned() } else { names.join(", ") }
}

#[tokio::test]
async fn everybody_gets_through_where_the_table_says_and_nowhere_else() {
    let house = House::limited(Limits { requests_per_second: 1_000_000, requests_at_once: 1_000_000 }).await;
    let callers = Callers::of(&house).await;
    let mut table = String::from(HEAD);
    for place in places() {
        let _ = writeln!(table, "{}", callers.row(&house, &place).await);
    }
    if std::env::var_os("BONDED_WRITE_ACCESS").is_some() {
        std::fs::write(WHERE, &table).unwrap();
        return;
    }
    for (found, said) in table.lines().zip(TABLE.lines()) {
        assert_eq!(found, said, "not as crates/web/access.md says");
    }
    assert_eq!(table.lines().count(), TABLE.lines().count(), "crates/web/access.md has other rows");
}

#[test]
fn the_key_s_column_is_what_each_route_declares() {
    for route in api::routes() {
        let row = format!("| {} | {} |", route.method, route.path);
        let line = TABLE.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("{row} is not there"));
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let (no_one, key) = (cells[3], cells[4]);
        let declared = if route.permission.needs_second_factor() { NO } else { route.permission.name() };
        assert_eq!((no_one, key), (NO, declared), "{row}");
    }
}

#[tokio::test]
async fn a_grant_is_of_one_person_for_one_account() {
    let house = House::new().await;
    let party = house.retailer().await;
    let owner = house.member(&party, Role::Owner, true).await;
    let (grace, ada) = (house.staff(StaffRole::Support).await, house.staff(StaffRole::Engineer).await);
    let granted = house.granted(&party, &owner, &grace, &[Area::Orders], false).await;
    house.support(&grace, &granted, Method::GET, "/v1/orders", "").await.expect(200);
    house.support(&ada, &granted, Method::GET, "/v1/orders", "").await.expect(404);
    // A person whose roles never look into accounts holds none.
    let officer = house.staff(StaffRole::SecurityOfficer).await;
    let theirs = house.granted(&party, &owner, &officer, &[Area::Orders], false).await;
    let refused = house.support(&officer, &theirs, Method::GET, "/v1/orders", "").await.expect(403);
    assert_eq!(refused["type"], "/problems/not-permitted");
    // On the public listener there is no such address, and a session of the staff is none of a member's.
    let address = format!("/support/{granted}/v1/orders");
    house.get(&grace, &address).await.expect(404);
    house.get(&grace, "/v1/orders").await.expect(401);
    house.support(&owner, &granted, Method::GET, "/v1/orders", "").await.expect(401);
}
