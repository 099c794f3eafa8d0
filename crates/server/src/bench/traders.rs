//! The merchants of the bench: accounts with keys, links between them, a catalogue with stock.

use super::answers::{Issued, Link, Opened, Outcomes};
use super::child::Server;
use super::https::Connection;
use crate::desk::Wish;
use crate::ending::{Code, Ending};
use bonded_base::{Account, Id};
use futures::future::try_join_all;
use hyper::StatusCode;
use serde_json::json;
use std::time::{Duration, Instant};

/// What everyone reckons in.
const CURRENCY: &str = "EUR";

/// Accounts that are made at the same time.
const AT_ONCE: usize = 32;

/// How often a link is looked at, and for how long.
const LOOK: Duration = Duration::from_millis(5);
const LINK_LIMIT: Duration = Duration::from_mins(1);

/// Variants of a supplier's catalogue, over which orders are spread.
pub const VARIANTS: usize = 500;

/// Pieces of each: enough for any run.
const ON_HAND: u64 = 1_000_000_000;

/// A merchant with keys.
pub struct Trader {
    /// Its account.
    pub account: Id<Account>,
    /// The secrets of its keys; each may send so many requests a second, so a busy one has several.
    pub secrets: Vec<String>,
}

impl Trader {
    /// A new account with so many keys.
    pub async fn open(server: &Server, name: String, role: &str, keys: usize) -> Result<Self, Ending> {
        let wish = Wish::AccountCreate { name, role: role.to_owned(), currency: CURRENCY.to_owned() };
        let Opened { account } = server.ask(wish).await?;
        let mut secrets = Vec::with_capacity(keys);
        for number in 0..keys {
            let name = format!("bench {number}");
            let wish = Wish::AccountKey { account, name, permissions: Vec::new(), test: true };
            let Issued { secret } = server.ask(wish).await?;
            secrets.push(secret);
        }
        Ok(Self { account, secrets })
    }

    /// So many accounts of one role, with a key each.
    pub async fn open_many(server: &Server, name: &str, role: &str, count: usize) -> Result<Vec<Self>, Ending> {
        let mut traders = Vec::with_capacity(count);
        for from in (0..count).step_by(AT_ONCE) {
            let to = count.min(from + AT_ONCE);
            let some = (from..to).map(|number| Self::open(server, format!("{name} {number}"), role, 1));
            traders.extend(try_join_all(some).await?);
        }
        Ok(traders)
    }

    /// A connection under the key with this number, or one of the others if there are fewer.
    pub async fn connect(&self, server: &Server, number: usize) -> Result<Connection, Ending> {
        let secret = self.secrets.iter().cycle().nth(number).map_or("", String::as_str);
        server.door.connect(secret).await
    }

    /// So many connections, over all keys.
    pub async fn connections(&self, server: &Server, count: usize) -> Result<Vec<Connection>, Ending> {
        try_join_all((0..count).map(|number| self.connect(server, number))).await
    }
}

/// Links a retailer with a supplier; says the link's id.
pub async fn link(server: &Server, retailer: &Trader, supplier: &Trader) -> Result<String, Ending> {
    let (mut asking, mut asked) = (retailer.connect(server, 0).await?, supplier.connect(server, 0).await?);
    let invitation = json!({"partner": supplier.account});
    let Link { id: link, .. } = asking.tell("/v1/partner_links", &invitation, StatusCode::CREATED).await?;
    // The invitation reaches the supplier through the log, and so does the answer to it the retailer.
    reach(&mut asked, &link, "invited").await?;
    asked.post(&format!("/v1/partner_links/{link}/accept"), "", StatusCode::OK).await?;
    reach(&mut asking, &link, "active").await?;
    Ok(link)
}

/// Waits until a link is in a state.
async fn reach(connection: &mut Connection, link: &str, state: &str) -> Result<(), Ending> {
    let begin = Instant::now();
    while begin.elapsed() < LINK_LIMIT {
        // Not there at all until the invitation has arrived.
        let found: Result<Link, Ending> = connection.read(&format!("/v1/partner_links/{link}")).await;
        if found.is_ok_and(|found| found.state == state) {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    Err(Ending::new(Code::Bad, format!("a partner link did not become {state}")))
}

/// Links many retailers with one supplier; says each one's link.
pub async fn link_many(server: &Server, retailers: &[Trader], supplier: &Trader) -> Result<Vec<String>, Ending> {
    let mut links = Vec::with_capacity(retailers.len());
    for some in retailers.chunks(AT_ONCE) {
        links.extend(try_join_all(some.iter().map(|retailer| link(server, retailer, supplier))).await?);
    }
    Ok(links)
}

/// Gives a supplier [`VARIANTS`] variants with stock; says their SKUs.
pub async fn stock(server: &Server, supplier: &Trader, mark: &str) -> Result<Vec<String>, Ending> {
    let mut connection = supplier.connect(server, 0).await?;
    let skus: Vec<String> = (0..VARIANTS).map(|number| format!("{mark}-{number:05}")).collect();
    let product = |sku: &String| {
        let variant = json!({"sku": sku, "price": {"amount": 1999, "currency": CURRENCY}});
        json!({"title": format!("Garden chair {sku}"), "vendor": "Sample Garden", "variants": [variant]})
    };
    let products = json!({"data": skus.iter().map(product).collect::<Vec<_>>()});
    let Outcomes { succeeded: made } = connection.tell("/v1/products/batch", &products, StatusCode::OK).await?;
    let levels = json!({"data": skus.iter().map(|sku| json!({"sku": sku, "on_hand": ON_HAND})).collect::<Vec<_>>()});
    let Outcomes { succeeded } = connection.tell("/v1/inventory_levels/batch", &levels, StatusCode::OK).await?;
    if (made, succeeded) == (VARIANTS, VARIANTS) {
        return Ok(skus);
    }
    Err(Ending::internal(format!("of a supplier's variants, {made} were made and {succeeded} counted")))
}
