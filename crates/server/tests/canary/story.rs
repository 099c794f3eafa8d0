//! The story: open a market, plant canaries everywhere, end the program, search what is left.

use crate::caller::{self, BROWSERS, Callers, Eye, Request, SOURCES};
use crate::canaries::{Place, Planting, Shape};
use crate::contract::{self, Operation};
use crate::encodings::in_url;
use crate::house::{House, Server};
use crate::letters::{self, Letters};
use crate::market::{self, Market, Trader};
use crate::people::{People, Town};
use crate::person::Doors;
use crate::search::{Found, Search, Word};
use crate::wire::{self, BELOW_HTTP};
use crate::{cards, flood, forms, opened, platform, remains, secrets, taken};
use nix::sys::signal::Signal;
use reqwest::Method;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::Instant;

/// Statuses of answers that must all have been provoked.
const PROVOKED: [u16; 13] = [200, 201, 400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429];
/// Requests of one key before the meter says no, while it is tried.
const REQUESTS_AT_ONCE: usize = 3;
/// How often bodies are sent that are too large, until an answer comes.
const TRIES: usize = 20;
/// A body that no route takes.
const TOO_LARGE_BYTES: usize = 9 * 1024 * 1024;
/// Fields that the contract must have shown; a walk that missed one would plant too little.
const FIELDS: [(&str, &str); 4] = [
    ("POST /v1/orders", "body /consumer/street"),
    ("POST /v1/orders/batch", "body extra /data/*/lines/*"),
    ("PATCH /v1/variants/{id}", "body /image_url"),
    ("GET /v1/partner_links/{id}/products/{product}", "path product"),
];
/// What is no field, but a way of its own for fields to be refused.
const ON_TOP: &str = "*, on top";
/// What people can read, each once they have signed in.
const MEMBERS_READ: &str = "/home /accounts /security /members /keys /support /v1/members /v1/invitations /v1/api_keys \
    /v1/grants /v1/events?after=0&limit=500";
const STAFF_READS: &str = "/staff /staff/roles /staff/people /staff/grants /staff/reviews /staff/security \
    /staff/accounts /staff/legal /staff/training /staff/mail /staff/mail?state=held /staff/mail?state=sent /staff/log \
    /staff/log?kind=user /metrics";

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Stopped,
    Killed,
}

/// What is tried.
pub struct Plan {
    pub house: House,
    pub log_format: &'static str,
    /// Canaries of each shape in each field.
    pub each: usize,
    pub end: End,
}

/// Tells it; fails with everything that was found.
pub async fn tell(plan: Plan) {
    let begun = Instant::now();
    let told = |what: &str| println!("{:6.1} s  {what}", begun.elapsed().as_secs_f32());
    let (house, planting) = (&plan.house, Arc::new(Planting::default()));
    let eye = Arc::new(Eye::new(Arc::clone(&planting), Search::with(&market::consumer_words())));
    let operations = contract::operations();
    let wal = house.database.as_ref().map(remains::wal_file);

    let mut letters = Letters::open().await;
    let server = serve(&plan, REQUESTS_AT_ONCE, letters.as_ref());
    let traders = [0, 1, 2].map(|place| Trader::open(house, place));
    let hidden = market::words_hidden(&traders);
    let accounts = [0, 1, 2].map(|place: usize| traders[place].account.clone());
    too_often(&callers(&server, house, &eye), &planting, &traders[2].reader).await;
    let mut log = server.stop().await;

    let server = serve(&plan, REQUESTS_AT_ONCE * 100_000, letters.as_ref());
    let mut market = Market::open(callers(&server, house, &eye), traders).await;
    people_come(&server, house, &eye, &planting, &mut market, letters.as_mut()).await;
    cards::plant(&market, &planting, &operations).await;
    told("people have come and filled in their forms, and no card was taken");
    let market = Arc::new(market);
    // While the log is short, which some of them read from end to end.
    flood::reads(&market, &planting, &operations, plan.each).await;
    told("reads are flooded");
    taken::plant(&market, &planting, plan.each).await;
    told("much is taken");
    flood::changes(&market, &planting, &operations, plan.each).await;
    told("changes are flooded");
    too_much(&market, &planting).await;
    let mut leaks = BTreeSet::new();
    let kept = market::words_kept();
    let (secrets, sources) = (secrets(&eye), sources());
    let opening = Search::with(&[&kept[..], &secrets, &sources].concat());
    let opened = opened::read(house, &accounts, &opening, &planting);
    leaks.extend(opened.leaks);
    told(&format!("{} records, consumers and entries were opened", opened.lines));
    for address in [server.public, server.private] {
        leaks.extend(wire::trouble(address, &authority(house), &planting).await.iter().map(ToString::to_string));
    }
    told("the listeners had their trouble");
    drop(market);
    if plan.end == End::Killed {
        server.signal(Signal::SIGKILL);
        log += &server.wait().1;
    } else {
        log += &server.stop().await;
    }
    fs::write(house.path("log"), log).unwrap();
    leaks.extend(eye.complaints());
    was_all_tried(&eye, &planting, &operations, plan.each);

    let search = Search::with(&[&kept[..], &hidden, &secrets, &sources, &remains::control(&accounts[0])].concat());
    let left = remains::searched(house, &search, wal.as_deref()).await;
    leaks.extend(left.findings.iter().filter_map(|finding| caller::told(finding, &planting)));
    told(&format!("{} files were searched, {} MB", left.files.len(), left.bytes / 1_000_000));
    let books = platform::read(house, &accounts, &opening, &planting).await;
    leaks.extend(books.leaks);
    told(&format!(
        "{} records and entries of the platform were opened; looked for {}",
        books.lines,
        eye.secrets.counted()
    ));
    assert!(books.kept > 0, "opened, the platform's account should show addresses and names");
    let counts = planting.counts();
    let planted: u32 = counts.iter().flat_map(|(_, counts)| counts).sum();
    println!("{planted} canaries in {} fields of {} operations", counts.len(), operations.len());
    println!("{} of them kept as they may be; answers: {:?}", opened.kept, eye.statuses());
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), some(&leaks));
    // Whoever finds nothing anywhere may have looked in the wrong place.
    let unseen: Vec<_> = kept.iter().filter(|word| !opened.words.contains(&word.name)).collect();
    assert!(unseen.is_empty() && opened.kept > 0, "opened, the store should show {unseen:?}");
    leaked_is_found(house, &search, wal.as_deref(), &[secrets, sources].concat()).await;
    told("what was leaked on purpose is found");
}

/// Leaks canaries, and what is shown once; fails if the search does not find all of it, and nothing else.
async fn leaked_is_found(house: &House, search: &Search, wal: Option<&str>, words: &[Word]) {
    let leaked = remains::leak(house, words);
    let findings = remains::searched(house, search, wal).await.findings;
    let odd: Vec<_> = findings.iter().filter(|finding| !leaked.contains(&finding.found)).collect();
    let missed: Vec<_> = leaked.iter().filter(|it| findings.iter().all(|finding| finding.found != **it)).collect();
    assert!(odd.is_empty() && missed.is_empty(), "leaked on purpose and missed: {missed:?}; found besides: {odd:?}");
}

/// People move in and use every page there is; what is shown once is shown no second time.
async fn people_come(
    server: &Server,
    house: &House,
    eye: &Arc<Eye>,
    planting: &Planting,
    market: &mut Market,
    mut letters: Option<&mut Letters>,
) {
    forms::all_fields_are_known();
    let callers = |address| Callers::new(address, BROWSERS, &authority(house), Arc::clone(eye));
    let doors = Doors { public: callers(server.public), private: callers(server.private) };
    let town = Town { house, doors: &doors, planting, secrets: &eye.secrets };
    let mut people = town.settle(market, letters.as_deref_mut()).await;
    forms::flood(market, &doors, planting, &mut people).await;
    if let Some(letters) = letters {
        letters.until_some_were_refused(house).await;
    }
    shown_again(eye, &mut people).await;
    market.member.as_mut().unwrap().key = people.owner.cookies();
}

/// Reads what people can read, and looks for what was shown once.
async fn shown_again(eye: &Eye, people: &mut People<'_>) {
    let search = Search::with(&eye.secrets.words());
    for (person, pages) in [(&mut people.owner, MEMBERS_READ), (&mut people.staff, STAFF_READS)] {
        for page in pages.split(' ') {
            let answer = person.get(page).await;
            assert_eq!(answer.status, 200, "GET {page}");
            // Canaries have been looked for in every answer already.
            let found = search.bytes(page, &answer.body);
            let again = found.iter().find(|finding| matches!(finding.found, Found::Word(_)));
            assert!(again.is_none(), "shown a second time: {}", again.unwrap());
        }
    }
}

/// Everything that was shown once, and what is no secret of ours to show.
fn secrets(eye: &Eye) -> Vec<Word> {
    eye.secrets.keep("the password of the mail server", letters::PASSWORD);
    eye.secrets.words()
}

/// The addresses of callers, in the forms that a program may give them; as four bytes they are in any noise.
fn sources() -> Vec<Word> {
    let forms = SOURCES.into_iter().chain(BROWSERS).flat_map(|source| {
        let parts = source.octets().map(|part| part.to_string());
        let [high, low] = [source.octets()[..2].to_vec(), source.octets()[2..].to_vec()]
            .map(|half| format!("{:02x}{:02x}", half[0], half[1]));
        [source.to_string(), source.to_bits().to_string(), parts.join(","), parts.join(", "), format!("{high}:{low}")]
    });
    forms.map(|form| Word::new(secrets::named("a caller's address"), form)).collect()
}

/// Starts the server, at the log level that tells most, and unseals it.
fn serve(plan: &Plan, requests_at_once: usize, letters: Option<&Letters>) -> Server {
    let house = &plan.house;
    let mut command = house.command(&["serve"]);
    fs::create_dir_all(house.path("tmp")).unwrap();
    command.env("TMPDIR", house.path("tmp"));
    command.env("BONDED_LOG_LEVEL", "trace").env("BONDED_LOG_FORMAT", plan.log_format);
    command.env("BONDED_PUBLIC_REQUESTS_PER_SECOND", "1");
    command.env("BONDED_PUBLIC_REQUESTS_AT_ONCE", requests_at_once.to_string());
    if let Some(letters) = letters {
        letters.configure(&mut command);
    }
    let server = house.serve_by(command);
    house.must(&["keys", "unseal", "--officer", &house.officer()]);
    server
}

fn authority(house: &House) -> Vec<u8> {
    fs::read(house.path("bonded-data/tls/ca.pem")).unwrap()
}

fn callers(server: &Server, house: &House, eye: &Arc<Eye>) -> Callers {
    Callers::new(server.public, SOURCES, &authority(house), Arc::clone(eye))
}

/// More requests than a key may send.
async fn too_often(callers: &Callers, planting: &Planting, key: &str) {
    for _ in 0..3 * REQUESTS_AT_ONCE {
        let canaries = in_url(&planting.some(&Place::new(ON_TOP, "one request too many"), 10));
        let request = Request::new(Method::GET, format!("/v1/account?reference={canaries}"), key);
        callers.send(request.header("cookie", canaries)).await;
    }
}

/// Bodies that are too large. The server need not hear them out, so it may hang up before its answer is read.
async fn too_much(market: &Market, planting: &Planting) {
    for operation in ["/v1/orders", "/v1/orders/batch", "/v1/products"].repeat(TRIES) {
        let canaries = planting.some(&Place::new(ON_TOP, "body that is too large"), 100);
        let body = format!("{{\"note\": \"{canaries}{}\"}}", " ".repeat(TOO_LARGE_BYTES));
        let request = Request::new(Method::POST, operation, &market.retailer.key);
        let answer = market.callers.try_send(request.body("application/json", body.into_bytes())).await;
        if answer.is_ok_and(|answer| answer.status == 413) && operation == "/v1/products" {
            return;
        }
    }
}

/// An import is resumed only when it has failed, a hold corrected only when a shop has brought it, and a card set up or
/// charged only where a payment gateway is, and a consumer's wish heard only where a shop tells of it: here is none of it.
const ON_FAILURE: [&str; 12] = [
    "POST /v1/imports/{id}/resume",
    "PATCH /v1/holds/{id}",
    "POST /v1/payment_methods",
    "GET /v1/payment_methods/{id}",
    "DELETE /v1/payment_methods/{id}",
    "POST /v1/charges",
    "GET /v1/charges/{id}",
    "GET /v1/privacy_requests/{id}",
    "POST /v1/privacy_requests/{id}/answer",
    "POST /v1/charges/{id}/authorise",
    "POST /v1/charges/{id}/refunds",
    "POST /v1/charges/{id}/retry",
];

/// Fails where an operation never did what was asked, so that nothing came far there, or a field has got too little.
fn was_all_tried(eye: &Eye, planting: &Planting, operations: &[Operation], each: usize) {
    let unseen: Vec<_> = PROVOKED.into_iter().filter(|status| !eye.statuses().contains_key(status)).collect();
    assert!(unseen.is_empty(), "answers {unseen:?} were not provoked: {:?}", eye.statuses());
    let undone =
        operations.iter().map(Operation::name).filter(|name| !eye.has_done(name) && !ON_FAILURE.contains(&&**name));
    let undone: Vec<_> = undone.collect();
    assert!(undone.is_empty(), "{undone:?} never did what was asked");
    for (operation, part) in FIELDS {
        assert!(planting.count(&Place::new(operation, part)) > 0, "{part} of {operation} is not planted");
    }
    let fields = planting.counts().into_iter().filter(|(place, _)| ![ON_TOP, BELOW_HTTP].contains(&&*place.operation));
    // Of people's own there is a little in each of their fields.
    let counted = |counts: &[u32]| Shape::ALL.map(|shape| counts[shape as usize] as usize);
    let floods = fields.filter(|(_, counts)| counted(counts).iter().any(|count| *count > 0));
    let thin: Vec<_> = floods.filter(|(_, counts)| counted(counts).iter().any(|count| *count < each)).collect();
    assert!(thin.is_empty(), "too few canaries in {thin:?}");
}

/// How many leaks there are of each field, each with one of them.
fn some(leaks: &BTreeSet<String>) -> String {
    let mut by_field: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for leak in leaks {
        by_field.entry(leak.split_once(", planted in ").unwrap_or_default().1).or_default().push(leak);
    }
    by_field.values().map(|leaks| format!("{} like {}", leaks.len(), leaks[0])).collect::<Vec<_>>().join("\n")
}
