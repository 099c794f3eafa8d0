//! The story: open a market, plant canaries everywhere, end the program, search what is left.

use crate::caller::{Callers, Eye, Request, SOURCES};
use crate::house::{Engine, House, REQUESTS_AT_ONCE, authority};
use crate::market::{self, Market};
use crate::opened;
use crate::planting::{Place, Planting};
use crate::remains;
use crate::search::{Found, Search, Word};
use crate::shapes::Shape;
use crate::wire::Wire;
use crate::{bulk, contract, flood, shown, wire};
use reqwest::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// Statuses of answers that must all have been provoked.
const PROVOKED: [u16; 13] = [200, 201, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429];
/// Requests under way at once while the meter is tried.
const BURST: usize = 64;
/// A body that no route takes.
const TOO_LARGE_BYTES: usize = 9 * 1024 * 1024;
/// How often the listeners get bytes that are no request, for each shape.
const TROUBLE: usize = 12;

/// What is no field, but a way of its own for fields to be refused.
const ON_TOP: [&str; 2] = ["body that is too large", "query of one request too many"];
/// Leaks of one field that are told.
const LEAKS_TOLD: usize = 3;

/// What is tried.
pub struct Plan {
    pub engine: Engine,
    pub log_format: &'static str,
    pub each: u32,
    pub end: End,
}

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Stopped,
    Killed,
}

/// Tells it; fails with everything that was found.
#[expect(clippy::too_many_lines, reason = "the story reads from its beginning to its end")]
pub async fn told(plan: Plan) {
    let Some(house) = House::found(plan.engine, plan.log_format).await else { return };
    let server = house.serve();
    let traders = market::traders(&house);
    let secrets: Vec<Word> = market::consumer_words();
    let planting = Arc::new(Planting::default());
    let eye = Arc::new(Eye::new(Arc::clone(&planting), Search::with(&secrets)));
    let authority = authority(house.root());
    let callers = Arc::new(Callers::new(server.public, &authority, Arc::clone(&eye)));
    let words = market::words(&traders);
    let accounts = [0, 1, 2].map(|place: usize| traders[place].account);
    let begun = Instant::now();
    let told = |what: &str| println!("{:6.1} s  {what}", begun.elapsed().as_secs_f32());

    let operations = contract::operations(&serde_json::from_str(&house.run(&["openapi"])).unwrap());
    let market = Arc::new(Market::open(callers, traders).await);
    shown::only_where_they_belong(&market, &operations).await;
    told("the market is open");
    let each = plan.each as usize;
    bulk::products(&market, &planting, each).await;
    bulk::product_files(&market, &planting, each).await;
    told("products are planted");
    bulk::orders(&market, &planting, each).await;
    bulk::purchase_orders(&market, &planting, each).await;
    told("orders are planted");
    flood::everywhere(&market, &planting, &operations, plan.each).await;
    told("every field is planted");
    let canaries = Search::with(&[]);
    let mut leaks = BTreeSet::new();
    for address in [server.public, server.private] {
        let wire = Wire { address, authority: &authority, planting: &planting, search: &canaries };
        leaks.extend(wire.trouble(3 * TROUBLE).await.iter().map(ToString::to_string));
    }
    too_much(&market, &planting).await;
    told("the listeners had their trouble");

    drop(market);
    match plan.end {
        End::Stopped => server.stop(),
        End::Killed => server.kill(),
    }
    leaks.extend(eye.complaints());
    let unseen: Vec<_> = PROVOKED.into_iter().filter(|status| !eye.statuses().contains_key(status)).collect();
    assert!(unseen.is_empty(), "answers {unseen:?} were not provoked: {:?}", eye.statuses());
    let by_operation = eye.by_operation();
    let well = |name: &String| by_operation.get(name).is_some_and(|answers| answers.iter().any(|status| *status < 300));
    let unseen: Vec<_> = operations.iter().map(contract::Operation::name).filter(|name| !well(name)).collect();
    assert!(unseen.is_empty(), "{unseen:?} never did what was asked, so nothing came far there");
    let thin: Vec<_> = planted_too_thin(&planting, plan.each);
    assert!(thin.is_empty(), "too few canaries in {thin:?}");

    let mut needles = [words.clone(), secrets.clone()].concat();
    needles.extend(SOURCES.map(|source| Word::text("a caller's address", &source.to_string())));
    let remains = remains::searched(&house, &Search::with(&needles), accounts).await;
    told(&format!("{} MB of files were searched", remains.bytes / 1_000_000));
    for finding in &remains.findings {
        match finding.found {
            Found::Canary(canary) => {
                leaks.extend(planting.origin(canary).map(|place| format!("{finding}, planted in {place}")));
            }
            _ => drop(leaks.insert(finding.to_string())),
        }
    }
    let contents = opened::contents(&house, &accounts, &Search::with(&needles), &planting).await;
    told(&format!("{} records and {} entries were opened", contents.records, contents.entries));
    leaks.extend(contents.leaks.iter().cloned());
    let planted: usize = planting.counts().iter().map(|(_, counts)| counts.iter().sum::<u32>() as usize).sum();
    println!("{planted} canaries in {} fields, {} kept as they may be", planting.counts().len(), contents.kept);
    println!("answers: {:?}", eye.statuses());
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), some(&leaks));
    // Whoever finds nothing anywhere may have looked in the wrong place.
    let unseen: Vec<_> = market::business_names().filter(|name| !contents.words.contains(*name)).collect();
    assert!(unseen.is_empty(), "opened, the store should show {unseen:?}");
    let unseen: Vec<_> = secrets.iter().filter(|word| !contents.words.contains(&word.name)).collect();
    assert!(unseen.is_empty() && contents.kept > 0, "opened, the store should show {unseen:?}");
}

/// Fields that have got fewer canaries than they should.
fn planted_too_thin(planting: &Planting, each: u32) -> Vec<String> {
    let thin = planting.counts().into_iter().filter(|(_, counts)| counts.iter().any(|count| *count < each));
    thin.filter(|(place, _)| place.operation != wire::BELOW_HTTP && !ON_TOP.contains(&place.part.as_str()))
        .map(|(place, counts)| format!("{place}: {counts:?}"))
        .collect()
}

/// Bodies that are too large, announced or not, and more requests than a key may send.
async fn too_much(market: &Market, planting: &Planting) {
    for operation in ["/v1/orders", "/v1/orders/batch", "/v1/products"] {
        let place = Place::new("*", ON_TOP[0]);
        let mut body = b"{\"note\": \"".to_vec();
        while body.len() < TOO_LARGE_BYTES {
            body.extend_from_slice(planting.some(&place, 100).as_bytes());
            body.resize(body.len() + TOO_LARGE_BYTES / 8, b' ');
        }
        let request = Request::new(Method::POST, operation, market.retailer.key()).body("application/json", body);
        // The server need not hear such a body out, so it may hang up.
        let _ = market.callers.try_send(request).await;
    }
    let key = &market.stranger.reader;
    let place = Place::new("*", ON_TOP[1]);
    for _ in 0..=REQUESTS_AT_ONCE / BURST {
        let burst = (0..BURST).map(|number| {
            let canary = planting.one(&place, Shape::ALL[number % Shape::ALL.len()]);
            let target = format!("/v1/orders?reference={}", flood::encoded(&canary));
            market.callers.send(Request::new(Method::GET, target, key))
        });
        futures::future::join_all(burst).await;
    }
}

/// Some leaks of each field, which are enough to begin with.
fn some(leaks: &BTreeSet<String>) -> String {
    let mut by_field: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for leak in leaks {
        let field = leak.split_once(", planted in ").map_or("no field", |(_, field)| field);
        by_field.entry(field).or_default().push(leak);
    }
    let told = by_field.iter().map(|(field, leaks)| {
        let some: Vec<_> =
            leaks.iter().step_by(leaks.len().div_ceil(LEAKS_TOLD)).map(|leak| format!("  {leak}")).collect();
        format!("{field}: {}\n{}", leaks.len(), some.join("\n"))
    });
    told.collect::<Vec<_>>().join("\n")
}
