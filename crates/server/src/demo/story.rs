//! The story itself: from a sealed server to a proven log.

use super::api::{Caller, Line, list, number, text};
use super::cast::{Cast, Supplier};
use super::catalogue::{self, File};
use super::outcome::{OrderOutcome, Outcome, Stock};
use super::people::{Dice, person};
use super::proof::{prove, tell_log};
use super::shelves::{Pick, choose, levels};
use super::stage::Stage;
use super::teller::{NAME_WIDTH, Teller};
use crate::desk::{Wish, ask};
use crate::ending::{Code, Ending};
use crate::node::Node;
use serde_json::{Value, json};
use std::time::Instant;

/// The same consumer each time.
const SEED: u64 = 2026;

/// Entries of each log that are shown.
const LOG_LINES: usize = 6;

/// Starts the server sealed, shows that it refuses, and unseals it as an officer would.
pub async fn open(stage: &Stage, teller: &mut Teller, outcome: &mut Outcome) -> Result<Node, Ending> {
    teller.step("Keys are made, and a server starts with the vault sealed");
    let begun = Instant::now();
    let node = Node::start(&stage.settings).await?;
    teller.timed("server", format!("{}, engine {}", node.origin, outcome.engine), begun.elapsed());
    outcome.origin.clone_from(&node.origin);
    let line = Line::to(format!("https://{}", node.public), &stage.authority_pem)?;
    let (status, body) = line.status("/readyz").await?;
    teller.line("readiness", teller.notable(&format!("{} {}", status.as_u16(), text(&body, "/status"))));
    outcome.readiness.push(status.as_u16());
    let begun = Instant::now();
    ask(&stage.settings, Wish::Unseal, Some(&stage.officer), |_| Ok(())).await?;
    teller.timed("unseal", "by a security officer's key, over the operator's socket", begun.elapsed());
    let (status, body) = line.status("/readyz").await?;
    teller.line("readiness", teller.good(&format!("{} {}", status.as_u16(), text(&body, "/status"))));
    outcome.readiness.push(status.as_u16());
    Ok(node)
}

/// One order's way through all of it.
pub async fn tell(
    stage: &Stage,
    cast: &Cast,
    files: &[File],
    teller: &mut Teller,
    outcome: &mut Outcome,
) -> Result<(), Ending> {
    teller.step("Each supplier's catalogue is imported from its product file");
    for (supplier, file) in cast.suppliers.iter().zip(files) {
        catalogue::import(&supplier.caller, file, teller, outcome).await?;
    }
    let picks = browse(cast, teller).await?;
    let placed = place(cast, &picks, teller).await?;
    let mut order = OrderOutcome { id: placed.id.clone(), ..OrderOutcome::default() };
    let parts = arrive(cast, &placed, &mut order, teller).await?;
    ship(&parts, teller).await?;
    close(cast, &placed, &mut order, teller).await?;
    recount(cast, &picks, teller, outcome).await?;

    teller.step("Both sides have a log of it, and one entry is proven without the server");
    let events = tell_log(&cast.retailer, "order", LOG_LINES, teller).await?;
    if let Some((supplier, _)) = parts.first() {
        tell_log(&supplier.caller, "purchase_order", LOG_LINES, teller).await?;
    }
    let entry =
        events.iter().find(|event| text(event, "/subject") == placed.id).map_or(0, |event| number(event, "/seq"));
    let entry = u64::try_from(entry).unwrap_or(0);
    outcome.proof = Some(prove(stage, &cast.retailer, entry, placed.at, teller).await?);
    outcome.order = Some(order);
    Ok(())
}

/// The retailer reads its partners' shelves and chooses.
async fn browse<'c>(cast: &'c Cast, teller: &mut Teller) -> Result<Vec<(&'c Supplier, Vec<Pick>)>, Ending> {
    teller.step("The retailer reads its partners' shelves through the links");
    let mut chosen = Vec::with_capacity(cast.suppliers.len());
    for supplier in &cast.suppliers {
        let (picks, counted_in) = choose(&cast.retailer, supplier).await?;
        if counted_in {
            teller.line("", format!("{} had nothing left, so some was counted in", supplier.caller.name));
        }
        if picks.is_empty() {
            teller.line("", format!("{} sells nothing that can be ordered", supplier.caller.name));
        }
        for pick in &picks {
            let stock = pick.on_hand.map_or_else(|| "not counted".to_owned(), |on_hand| format!("{on_hand} on hand"));
            teller.line(&shorten(&supplier.caller.name), format!("{} x {}  ({stock})", pick.quantity, pick.title));
        }
        chosen.push((supplier, picks));
    }
    if chosen.iter().all(|(_, picks)| picks.is_empty()) {
        return Err(Ending::new(Code::Data, "no supplier sells anything that can be ordered")
            .next("give product files with at least one variant that has a price: --catalog FILE"));
    }
    Ok(chosen)
}

/// The order that was placed.
struct Placed {
    id: String,
    at: Instant,
}

async fn place(cast: &Cast, picks: &[(&Supplier, Vec<Pick>)], teller: &mut Teller) -> Result<Placed, Ending> {
    teller.step("A consumer's order is placed through the API");
    let consumer = person(&mut Dice::new(SEED));
    let lines: Vec<_> = picks
        .iter()
        .flat_map(|(_, picks)| picks)
        .map(|pick| json!({"variant": pick.variant, "quantity": pick.quantity, "price": pick.price}))
        .collect();
    let body = json!({
        "reference": "1001",
        "lines": lines,
        "consumer": consumer,
        // Platforms send more than a parcel needs. None of this is ever written anywhere.
        "email": "someone@example.com", "phone": "+44 20 7946 0000", "browser_ip": "203.0.113.7",
    });
    let begun = Instant::now();
    let order = cast.retailer.post("/v1/orders", Some(&body)).await?;
    let took = begun.elapsed();
    let id = text(&order, "/id").to_owned();
    teller.timed("order", format!("{id}  durable, sealed and logged"), took);
    teller.line("kept", "six fields of the consumer, sealed under a key of this order's own");
    teller.line("dropped", "e-mail address, phone number, IP address, before anything was written");
    Ok(Placed { id, at: Instant::now() })
}

/// Waits until each supplier has its part, and shows it.
async fn arrive<'c>(
    cast: &'c Cast,
    placed: &Placed,
    order: &mut OrderOutcome,
    teller: &mut Teller,
) -> Result<Vec<(&'c Supplier, Value)>, Ending> {
    teller.step("It is split and routed: each supplier sees its purchase order");
    let path = format!("/v1/orders/{}?expand=purchase_orders", placed.id);
    let routed = cast
        .retailer
        .until("the routing", async || {
            let order = cast.retailer.get(&path).await?;
            Ok((text(&order, "/state") != "open").then_some(order))
        })
        .await?;
    text(&routed, "/reference").clone_into(&mut order.reference);
    let mut parts = Vec::new();
    for part in list(&routed, "/purchase_orders") {
        let owner = cast.suppliers.iter().find(|supplier| supplier.caller.account == text(part, "/supplier"));
        let Some(supplier) = owner else { continue };
        let path = format!("/v1/purchase_orders/{}", text(part, "/id"));
        let seen = supplier.caller.until("the purchase order", async || supplier.caller.find(&path).await).await?;
        order.purchase_orders.push(seen.clone());
        parts.push((supplier, seen));
    }
    let visible = placed.at.elapsed();
    order.visible_ms = visible.as_secs_f64() * 1000.0;
    teller.timed("routed", format!("{} purchase orders, each at its supplier", parts.len()), visible);
    for (supplier, seen) in &parts {
        tell_part(&supplier.caller, seen, teller);
    }
    Ok(parts)
}

fn tell_part(supplier: &Caller, seen: &Value, teller: &Teller) {
    teller.line(&shorten(&supplier.name), format!("{}  {}", text(seen, "/id"), text(seen, "/state")));
    for line in list(seen, "/lines") {
        teller.more(format!("{} x {}", number(line, "/quantity"), text(line, "/title")));
    }
    let field = |name: &str| text(seen, &format!("/consumer/{name}")).replace('\n', ", ");
    teller.more(format!("to {} {}, {}", field("first_name"), field("last_name"), field("street")));
    teller.more(format!("   {} {} {}", field("postal_code"), field("region"), field("country")));
}

/// Each supplier says yes, ships its first line, and the rest later.
async fn ship(parts: &[(&Supplier, Value)], teller: &mut Teller) -> Result<(), Ending> {
    teller.step("Each supplier acknowledges and ships, one line first and the rest later");
    for (place, (supplier, part)) in parts.iter().enumerate() {
        let path = format!("/v1/purchase_orders/{}", text(part, "/id"));
        let begun = Instant::now();
        supplier.caller.post(&format!("{path}/acknowledge"), None).await?;
        teller.timed(&shorten(&supplier.caller.name), "acknowledged", begun.elapsed());
        let first = list(part, "/lines").first().map_or(0, |line| number(line, "/line"));
        let mut loads = vec![json!([{"line": first}])];
        if list(part, "/lines").len() > 1 {
            // All that is left, whatever that is.
            loads.push(Value::Null);
        }
        for (parcel, load) in loads.into_iter().enumerate() {
            let tracking = format!("DEMO{:03}{:02}", place + 1, parcel + 1);
            let mut shipment = json!({
                "carrier": "Example Parcel",
                "number": tracking,
                "url": format!("https://parcel.example/{tracking}"),
            });
            if !load.is_null()
                && let Some(members) = shipment.as_object_mut()
            {
                members.insert("lines".to_owned(), load);
            }
            let begun = Instant::now();
            let after = supplier.caller.post(&format!("{path}/fulfilments"), Some(&shipment)).await?;
            let parcels = list(&after, "/fulfilments").len();
            let state = text(&after, "/state");
            teller.timed(
                "",
                format!("parcel {parcels}: Example Parcel {tracking}, purchase order {state}"),
                begun.elapsed(),
            );
        }
    }
    Ok(())
}

/// The retailer sees all of it and is done.
async fn close(cast: &Cast, placed: &Placed, order: &mut OrderOutcome, teller: &mut Teller) -> Result<(), Ending> {
    teller.step("The retailer sees it all");
    let path = format!("/v1/orders/{}", placed.id);
    let shipped = cast
        .retailer
        .until("the parcels", async || {
            let order = cast.retailer.get(&path).await?;
            Ok((text(&order, "/state") == "shipped").then_some(order))
        })
        .await?;
    for parcel in list(&shipped, "/fulfilments") {
        let lines: Vec<_> = list(parcel, "/lines")
            .iter()
            .map(|line| format!("{} of line {}", number(line, "/quantity"), number(line, "/line")))
            .collect();
        teller
            .line("parcel", format!("{} {}: {}", text(parcel, "/carrier"), text(parcel, "/number"), lines.join(", ")));
    }
    let done = cast.retailer.post(&format!("{path}/complete"), None).await?;
    order.fulfilments = list(&shipped, "/fulfilments").to_vec();
    text(&done, "/state").clone_into(&mut order.state);
    teller.line("order", format!("{}  {}", placed.id, teller.good(&order.state)));
    Ok(())
}

/// Stock went down once, by what was ordered.
async fn recount(
    cast: &Cast,
    picks: &[(&Supplier, Vec<Pick>)],
    teller: &mut Teller,
    outcome: &mut Outcome,
) -> Result<(), Ending> {
    teller.step("Stock went down once");
    for (supplier, picks) in picks.iter().filter(|(_, picks)| !picks.is_empty()) {
        let asked: Vec<_> = picks.iter().map(|pick| pick.variant.as_str()).collect();
        let path = format!("/v1/partner_links/{}/inventory_levels", supplier.link);
        let after = levels(&cast.retailer, &path, &asked).await?;
        if picks.iter().all(|pick| pick.on_hand.is_none()) {
            teller.line(&shorten(&supplier.caller.name), "its file does not ask for stock to be counted");
        }
        for pick in picks {
            let (Some(before), Some((after, _))) = (pick.on_hand, after.get(&pick.variant)) else { continue };
            let sum = format!("{before} - {} = {after}", pick.quantity);
            if before - pick.quantity != *after {
                return Err(Ending::internal(format!("the stock of {} is {after} after {sum}", pick.title)));
            }
            teller.line(&shorten(&supplier.caller.name), format!("{}  {}", teller.good(&sum), pick.title));
            outcome.stock.push(Stock {
                variant: pick.variant.clone(),
                title: pick.title.clone(),
                ordered: pick.quantity,
                before,
                after: *after,
            });
        }
    }
    Ok(())
}

/// As much of a name as fits in front of a line.
fn shorten(name: &str) -> String {
    let fits = name.chars().count() <= NAME_WIDTH;
    if fits { name.to_owned() } else { name.chars().take(NAME_WIDTH - 1).chain(['…']).collect() }
}
