//! Who gets through to what: every address with every sort of caller, held against a table that is read in every diff.
//!
//! After a change that is meant, `BONDED_WRITE_ACCESS=1 cargo nextest run -p bonded-web access` writes the table anew.

use crate::house::people::{Helper, Member};
use crate::house::{Answer, Guest, House, Party, made_up, request};
use crate::pages::{Access, Page};
use crate::route::Route;
use crate::{Limits, api, pages};
use axum::http::header::ORIGIN;
use axum::http::{HeaderName, HeaderValue, Method};
use bonded_base::Id;
use bonded_people::grants::{Area, GrantRecord, GrantScope};
use bonded_people::members::Role;
use bonded_people::session::{Factor, Stage};
use bonded_people::staff::StaffRole;
use bonded_people::{Permission, Permissions};

/// The committed table.
const TABLE: &str = include_str!("../../access.md");
const WHERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/access.md");

const ROUTES: &str = "\
# Who gets through

Every address of the server, and who gets past its gate. This is what a test has found by asking as everybody; it fails when the
server answers otherwise, and writes the tables anew with `BONDED_WRITE_ACCESS=1 cargo nextest run -p bonded-web access`.

## Routes of the API

What an account then holds is its own: ids of other accounts are not found on any of them.

- **nobody**: without a key and without a session. **key**: the permissions that open it, each tried alone.
- **viewer** to **owner**: a member's session. `2nd` is only with a second factor, `fresh` only where its owner has shown within
  the last half hour who they are.
- **elsewhere**: an owner of another account, who asks with made-up ids; `own` is the way into that owner's own account.
- **staff**: one of the platform's support, on the private listener, whose request the account has not approved. **may look**,
  **may act**: the areas whose grant, approved by the account, opens it, each tried alone.

| | address | nobody | key | viewer | operator | manager | owner | elsewhere | staff | may look | may act |
|---|---|---|---|---|---|---|---|---|---|---|---|
";
const PUBLIC: &str = "
## Pages of the public listener

**key** has every permission that a key can have, **staff** is one of the platform's support. A form that is sent too late for
`fresh` leads to `/confirm`.

| | address | nobody | key | viewer | operator | manager | owner | staff |
|---|---|---|---|---|---|---|---|---|
";
const PRIVATE: &str = "
## Pages of the private listener

Behind the identity-aware proxy, if there is one. **owner** is a member of a merchant account. The staff have a valid course and
a passkey (`fresh`: within the last half hour); **untrained** is support without a course, **no passkey** a security officer with
a one-time code. For `/metrics` **nobody** and **owner** stand for a program, which shows no session of the staff.

| | address | nobody | owner | support | engineer | on_call | security_officer | reviewer | untrained | no passkey |
|---|---|---|---|---|---|---|---|---|---|---|
";
const NO: &str = "-";
const YES: &str = "yes";
const FRESH: &str = "fresh";

/// One method at one address.
struct Place {
    method: Method,
    path: String,
    listener: Listener,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Listener {
    Public,
    Private,
}

impl Place {
    fn read(path: &str, listener: Listener) -> Self {
        Self { method: Method::GET, path: path.to_owned(), listener }
    }

    fn of_page(page: Page, listener: Listener) -> Self {
        Self { method: page.method, path: page.path, listener }
    }

    fn line(&self, cells: &[String]) -> String {
        format!("| {} | {} | {} |\n", self.method, self.path, cells.join(" | "))
    }
}

/// Every route of the API: for keys and members on the public listener, for staff below their grant on the private one.
fn routes() -> Vec<Place> {
    let place = |route: Route| Place { method: route.method, path: route.path, listener: Listener::Public };
    api::routes().into_iter().map(place).collect()
}

fn public_pages() -> Vec<Place> {
    let read = ["/docs", "/docs/style.css", "/openapi.json", "/problems", "/problems/{slug}", "/healthz", "/readyz"];
    let read = read.map(|path| Place::read(path, Listener::Public));
    read.into_iter().chain(pages::public().into_iter().map(|page| Place::of_page(page, Listener::Public))).collect()
}

fn private_pages() -> Vec<Place> {
    let read = ["/healthz", "/readyz"].map(|path| Place::read(path, Listener::Private));
    read.into_iter().chain(pages::private().into_iter().map(|page| Place::of_page(page, Listener::Private))).collect()
}

/// Without a key and without a session.
struct Nobody;

impl Guest for Nobody {
    fn shows(&self) -> Vec<(HeaderName, String)> {
        Vec::new()
    }
}

/// Members of one role.
struct Sittings {
    /// With a second factor, shown just now.
    strong: Member,
    /// Without one.
    weak: Member,
    /// With one that was shown half an hour ago.
    stale: Member,
}

impl Sittings {
    async fn of(house: &House, party: &Party, role: Role) -> Self {
        let (strong, weak) = (house.member(party, role, true).await, house.member(party, role, false).await);
        let stale = house.member(party, role, true).await;
        house.age(&stale).await;
        Self { strong, weak, stale }
    }

    async fn cell(&self, house: &House, place: &Place) -> String {
        let strong = passed(place, &asked(house, place, &self.strong).await);
        let weak = passed(place, &asked(house, place, &self.weak).await);
        lacking(place, strong, weak, passed(place, &asked(house, place, &self.stale).await))
    }

    /// The same, each in a session of its own that has just begun, since some pages end sessions.
    async fn cell_of_page(&self, house: &House, party: &Party, place: &Place) -> String {
        let of =
            async |factors: &[Factor]| house.signed_in(party, self.strong.user, Stage::Full, factors.to_vec()).await;
        let strong = passed(place, &asked(house, place, &of(&[Factor::Password, Factor::Totp]).await).await);
        let weak = passed(place, &asked(house, place, &of(&[Factor::Password]).await).await);
        let stale = of(&[Factor::Password, Factor::Totp]).await;
        house.age(&stale).await;
        lacking(place, strong, weak, passed(place, &asked(house, place, &stale).await))
    }
}

/// What a member's session needs, as it shows in who got through: with a second factor shown just now, without one, and
/// with one shown long ago.
fn lacking(place: &Place, strong: bool, weak: bool, stale: bool) -> String {
    assert!(strong || !(stale || weak), "{}: a fresh second factor takes something away", place.path);
    let needs: Vec<_> = [(weak, "2nd"), (stale, FRESH)].into_iter().filter(|(is_enough, _)| !is_enough).collect();
    match (strong, &needs[..]) {
        (false, _) => NO.to_owned(),
        (true, []) => YES.to_owned(),
        (true, needs) => needs.iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", "),
    }
}

/// Everybody who asks for routes of the API.
struct Callers {
    party: Party,
    keys: Vec<(Permission, Party)>,
    /// Of each role.
    members: Vec<Sittings>,
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
            members.push(Sittings::of(house, &party, role).await);
        }
        let owner = &members[3].strong;
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
        Self { party, keys, members, elsewhere, helper, unanswered, looking, acting }
    }

    async fn of_route(&self, house: &House, place: &Place) -> String {
        let mut cells = vec![yes(passed(place, &asked(house, place, &Nobody).await))];
        let mut opened = Vec::new();
        for (permission, key) in &self.keys {
            if passed(place, &asked(house, place, key).await) {
                opened.push(permission.name());
            }
        }
        cells.push(listed(&opened));
        for member in &self.members {
            cells.push(member.cell(house, place).await);
        }
        let elsewhere = asked(house, place, &self.elsewhere).await;
        cells.push(match (passed(place, &elsewhere), elsewhere.status.as_u16()) {
            (false, _) => NO.to_owned(),
            (true, 404) => String::from("404"),
            (true, _) => String::from("own"),
        });
        cells.push(yes(passed(place, &granted(house, place, &self.helper, &self.unanswered).await)));
        for grants in [&self.looking, &self.acting] {
            let mut opened = Vec::new();
            for (area, grant) in grants {
                if passed(place, &granted(house, place, &self.helper, grant).await) {
                    opened.push(area.name());
                }
            }
            cells.push(listed(&opened));
        }
        place.line(&cells)
    }

    async fn of_public_page(&self, house: &House, place: &Place) -> String {
        let all = house.key(self.party.account, Permissions::of_keys()).await;
        let mut cells = Vec::new();
        for guest in [&Nobody as &dyn Guest, &all] {
            cells.push(yes(passed(place, &asked(house, place, guest).await)));
        }
        house.app.doorkeeper().revoke(&House::operator(all.account), all.key).await.unwrap();
        for member in &self.members {
            cells.push(member.cell_of_page(house, &self.party, place).await);
        }
        let helper = house.let_in(self.helper.staff, Factor::Passkey).await;
        cells.push(yes(passed(place, &asked(house, place, &helper).await)));
        place.line(&cells)
    }
}

/// Everybody who asks for pages of the private listener.
struct Staff {
    owner: Member,
    trained: Vec<Helper>,
    untrained: Id<bonded_base::Staff>,
}

impl Staff {
    async fn of(house: &House) -> Self {
        let mut trained = Vec::new();
        for role in StaffRole::ALL {
            trained.push(house.staff(role).await);
        }
        let owner = house.member(&house.retailer().await, Role::Owner, true).await;
        Self { owner, trained, untrained: house.hired(StaffRole::Support).await }
    }

    /// Each of the staff comes in a session of its own, since some pages end it.
    async fn of_page(&self, house: &House, place: &Place) -> String {
        let mut cells = Vec::new();
        for guest in [&Nobody as &dyn Guest, &self.owner] {
            cells.push(yes(passed(place, &asked(house, place, guest).await)));
        }
        let trained = self.trained.iter().map(|helper| (helper.staff, Factor::Passkey));
        let lacking = [(self.untrained, Factor::Passkey), (self.trained[3].staff, Factor::Totp)];
        for (staff, factor) in trained.chain(lacking) {
            let stale = house.let_in(staff, factor).await;
            house.age(&stale).await;
            let stale = passed(place, &asked(house, place, &stale).await);
            let fresh = passed(place, &asked(house, place, &house.let_in(staff, factor).await).await);
            cells.push(match (fresh, stale) {
                (true, false) => FRESH.to_owned(),
                (fresh, stale) => {
                    assert_eq!(fresh, stale, "{}: a fresh proof takes something away", place.path);
                    yes(fresh)
                }
            });
        }
        place.line(&cells)
    }
}

/// Asks with ids that were never given to anybody, and with a body that says nothing.
async fn asked(house: &House, place: &Place, guest: &dyn Guest) -> Answer {
    let path = made_up(&place.path).replace("{slug}", "rate");
    let (body, origin) = match place.listener {
        _ if place.method == Method::GET => ("", ""),
        Listener::Public => ("{}", "https://bonded.example"),
        Listener::Private => ("{}", "https://console.bonded.example"),
    };
    let mut request = request(guest, place.method.clone(), &path, &[], body.into());
    if !origin.is_empty() {
        request.headers_mut().insert(ORIGIN, HeaderValue::from_static(origin));
    }
    match place.listener {
        Listener::Public => house.send(request).await,
        Listener::Private => house.send_privately(request).await,
    }
}

/// The same below a grant, on the private listener.
async fn granted(house: &House, place: &Place, helper: &Helper, grant: &Id<GrantRecord>) -> Answer {
    let body = if place.method == Method::GET { "" } else { "{}" };
    house.support(helper, grant, place.method.clone(), &made_up(&place.path), body).await
}

/// Whether somebody got past the gate: what lies behind it says of made-up ids and empty bodies is no matter here.
fn passed(place: &Place, answer: &Answer) -> bool {
    let location = answer.headers.get("location").map(|value| value.to_str().unwrap().to_owned());
    match answer.status.as_u16() {
        // Behind the gate of pages other words are said to whoever tries to sign in.
        401 => !place.path.starts_with("/v1/") && !answer.text().contains("Nobody is signed in, or no longer."),
        // The last: this listener has the address for other methods only.
        403 | 405 => false,
        303 if location.as_ref().is_some_and(|location| location.contains("/confirm?unchanged")) => false,
        303 if place.method == Method::GET => !location.unwrap_or_default().ends_with("/sign-in"),
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
    let mut found = String::from(ROUTES);
    for place in routes() {
        found.push_str(&callers.of_route(&house, &place).await);
    }
    found.push_str(PUBLIC);
    for place in public_pages() {
        found.push_str(&callers.of_public_page(&house, &place).await);
    }
    found.push_str(PRIVATE);
    let staff = Staff::of(&house).await;
    for place in private_pages() {
        found.push_str(&staff.of_page(&house, &place).await);
    }
    if std::env::var_os("BONDED_WRITE_ACCESS").is_some() {
        std::fs::write(WHERE, &found).unwrap();
        return;
    }
    for (found, said) in found.lines().zip(TABLE.lines()) {
        assert_eq!(found, said, "not as crates/web/access.md says");
    }
    assert_eq!(found.lines().count(), TABLE.lines().count(), "crates/web/access.md has other rows");
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
        assert_eq!(cells[8].contains(FRESH), route.needs_proof(), "{row}");
    }
}

/// What changes something grave and is not hindered by an old proof, as the table has it.
const NOT_HINDERED: [&str; 12] = [
    "POST /v1/grants/{id}/deny",
    "POST /v1/grants/{id}/shorten",
    "POST /v1/grants/{id}/revoke",
    "POST /support/{id}/ask",
    "POST /support/{id}/approve",
    "POST /support/{id}/code",
    "POST /support/{id}/deny",
    "POST /support/{id}/revoke",
    "POST /support/{id}/shorten",
    "POST /staff/grants",
    "POST /staff/legal/{grant}/ask",
    "POST /staff/legal/{grant}/sign",
];

/// What keys may do too, and is grave for a person who finds a browser open.
const GRAVE: [&str; 2] = ["/connections/{id}/credential", "/connections/{id}/disconnect"];

#[test]
fn what_is_grave_takes_a_fresh_proof_but_for_what_is_named_here() {
    let mut free = Vec::new();
    let routes = api::routes().into_iter().filter(|route| route.changes() && route.permission.is_grave());
    free.extend(routes.filter(|route| !route.needs_proof()).map(|route| format!("{} {}", route.method, route.path)));
    for page in pages::public().into_iter().chain(pages::private()).filter(Page::changes) {
        let place = format!("{} {}", page.method, page.path);
        let row = format!("| {} | {} |", page.method, page.path);
        let line = TABLE.lines().find(|line| line.starts_with(&row)).unwrap_or_else(|| panic!("{row} is not there"));
        assert_eq!(line.contains(FRESH), page.needs_proof, "{row}");
        let is_grave = match page.access {
            Access::Member(permission) => permission.is_grave() || GRAVE.contains(&page.path.as_str()),
            Access::With(_) => true,
            // One's own factors and sessions; a password is changed for the present one.
            Access::Session => page.path.contains("/security/") && !page.path.ends_with("/password"),
            Access::Anyone | Access::User | Access::Staff | Access::Collector(_) => false,
        };
        assert!(is_grave || !page.needs_proof, "{place}");
        if is_grave && !page.needs_proof {
            free.push(place);
        }
    }
    assert_eq!(free, NOT_HINDERED);
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
