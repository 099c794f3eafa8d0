//! Who takes part: a retailer and its suppliers, each with an account and a key from the operator's desk.

use super::api::{Caller, Line, list, text};
use super::catalogue::File;
use super::outcome::Merchant;
use super::stage::Stage;
use super::teller::Teller;
use crate::desk::{Wish, ask};
use crate::ending::Ending;
use crate::node::Node;
use bonded_base::Secret;
use serde_json::{Value, json};
use std::time::Instant;

/// What everybody reckons in.
pub const CURRENCY: &str = "EUR";

/// The merchants.
pub struct Cast {
    /// The one server they all call.
    pub line: Line,
    /// Sells to consumers.
    pub retailer: Caller,
    /// Have the goods.
    pub suppliers: Vec<Supplier>,
    /// Those who come in later.
    pub others: Vec<(&'static str, Caller)>,
}

/// A supplier, and the link by which the retailer knows it.
pub struct Supplier {
    /// Its program.
    pub caller: Caller,
    /// The link's id, the same on both sides.
    pub link: String,
}

impl Cast {
    /// Opens an account for the retailer and each file's supplier, and links them.
    pub async fn assemble(stage: &Stage, node: &Node, files: &[File], teller: &mut Teller) -> Result<Self, Ending> {
        teller.step("A retailer and its suppliers get accounts and keys, and link up");
        let line = Line::to(format!("https://{}", node.public), &stage.authority_pem)?;
        let retailer = merchant(stage, &line, "Corner Shop", "retailer").await?;
        teller.line("retailer", format!("{}  {}", retailer.account, retailer.name));
        let mut callers = Vec::with_capacity(files.len());
        for file in files {
            let caller = merchant(stage, &line, &file.supplier, "supplier").await?;
            teller.line("supplier", format!("{}  {}", caller.account, caller.name));
            callers.push(caller);
        }
        let mut suppliers = Vec::with_capacity(callers.len());
        for caller in callers {
            let begun = Instant::now();
            let id = link(&retailer, &caller).await?;
            teller.timed("link", format!("{id}  invited, accepted, active"), begun.elapsed());
            suppliers.push(Supplier { caller, link: id });
        }
        Ok(Self { line, retailer, suppliers, others: Vec::new() })
    }

    /// Everybody with a key.
    pub fn all(&self) -> impl Iterator<Item = &Caller> {
        let others = self.others.iter().map(|(_, caller)| caller);
        std::iter::once(&self.retailer).chain(self.suppliers.iter().map(|supplier| &supplier.caller)).chain(others)
    }

    /// Everybody, for the outcome.
    pub fn merchants(&self, with_keys: bool) -> Vec<Merchant> {
        let told = |role, caller: &Caller| Merchant {
            name: caller.name.clone(),
            role,
            account: caller.account.clone(),
            key: with_keys.then(|| caller.key.expose().clone()),
        };
        let suppliers = self.suppliers.iter().map(|supplier| told("supplier", &supplier.caller));
        let others = self.others.iter().map(|(role, caller)| told(role, caller));
        std::iter::once(told("retailer", &self.retailer)).chain(suppliers).chain(others).collect()
    }
}

/// A new account and its key, as `bonded account create` and `bonded account key` give them.
pub async fn merchant(stage: &Stage, line: &Line, name: &str, role: &str) -> Result<Caller, Ending> {
    let wish = |wish| ask(&stage.settings, wish, None, |_| Ok(()));
    let create = Wish::AccountCreate { name: name.to_owned(), role: role.to_owned(), currency: CURRENCY.to_owned() };
    let account = text(&wish(create).await?, "/account").to_owned();
    let id = account.parse().map_err(Ending::internal)?;
    let key = Wish::AccountKey { account: id, name: "demo".to_owned(), permissions: Vec::new(), test: true };
    let issued = wish(key).await?;
    Ok(line.caller(name, account, Secret::new(text(&issued, "/secret").to_owned())))
}

/// The retailer invites, the supplier accepts, and both see an active link.
pub async fn link(retailer: &Caller, supplier: &Caller) -> Result<String, Ending> {
    let invited = retailer.post("/v1/partner_links", Some(&json!({"partner": supplier.account}))).await?;
    let id = text(&invited, "/id").to_owned();
    let path = format!("/v1/partner_links/{id}");
    supplier
        .until("the invitation", async || {
            let links = supplier.get("/v1/partner_links?state=invited").await?;
            Ok(list(&links, "/data").iter().any(|link| text(link, "/id") == id).then_some(()))
        })
        .await?;
    supplier.post(&format!("{path}/accept"), None).await?;
    let active = |link: Value| (text(&link, "/state") == "active").then_some(());
    retailer.until("the link", async || Ok(active(retailer.get(&path).await?))).await?;
    Ok(id)
}
