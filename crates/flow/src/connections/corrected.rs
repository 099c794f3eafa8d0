//! What was held before: whether somebody has put it aside, and what they have corrected in it.

use super::at::{At, Halt, apart};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use bonded_base::Id;
use bonded_connect::mirrors::{Mirror, MirrorState};
use bonded_connect::platform::{RemoteLine, RemoteOrder};
use bonded_ledger::Stored;
use bonded_trade::holds::{self, Hold, HoldReason};
use bonded_trade::screen::{Kept, has_contacts, screened};
use serde_json::{Value, json};

/// The hold of a thing of the shop's, if it has one that matters.
pub(super) struct Before {
    hold: Option<Stored<Hold>>,
    /// What the shop had when it was held, while it is.
    refused: Option<String>,
    /// How many corrections still stand.
    standing: usize,
}

impl Before {
    /// What is known of a thing; of one that was never held nothing is asked.
    pub async fn of(at: &At<'_>, known: Option<&Stored<Mirror>>) -> Result<Self, Halt> {
        let matters = |mirror: &&Stored<Mirror>| mirror.state == MirrorState::Held || mirror.corrections.is_some();
        let Some(mirror) = known.filter(matters) else { return Ok(Self { hold: None, refused: None, standing: 0 }) };
        let hold = Self::hold_of(at, mirror).await?;
        let standing = hold.as_ref().map_or(0, |hold| hold.corrections.len());
        let refused = mirror.refused.clone().filter(|_| mirror.state == MirrorState::Held);
        Ok(Self { hold, refused, standing })
    }

    async fn hold_of(at: &At<'_>, mirror: &Stored<Mirror>) -> Result<Option<Stored<Hold>>, Halt> {
        let own = apart(holds::of(at.ledger, at.scope, mirror.id, HoldReason::Refused).await)?.ok().flatten();
        let other = mirror.corrections.filter(|id| own.as_ref().is_none_or(|own| own.id != *id));
        let Some(other) = other else { return Ok(own) };
        let other = at.ledger.get::<Hold>(at.scope, other).await?;
        let (Some(own), Some(other)) = (&own, &other) else { return Ok(own.or(other)) };
        // It was corrected before it had the id that it has now, and is held again.
        apart(holds::carry(at.ledger, at.scope.account(), own.id, &other.corrections).await)?.ok();
        Ok(at.ledger.get(at.scope, own.id).await?)
    }

    /// Whether somebody has put it aside as it is now.
    pub fn is_aside(&self, seen: &str) -> bool {
        self.refused.as_deref() == Some(seen) && self.hold.as_ref().is_some_and(|hold| hold.is_dismissed())
    }

    /// Lays what somebody corrected over what was read; says whether any of it still stands. What does not is over.
    pub async fn lay(&mut self, at: &At<'_>, read: &mut Value) -> Result<bool, Halt> {
        let Some(hold) = self.hold.as_ref().filter(|hold| !hold.corrections.is_empty()) else { return Ok(false) };
        let gone = holds::lay(read, &hold.corrections);
        self.standing = hold.corrections.len() - gone.len();
        if !gone.is_empty() {
            apart(holds::outlived(at.ledger, at.scope.account(), hold.id, &gone).await)?.ok();
        }
        Ok(self.standing > 0)
    }

    /// The same for an order's lines.
    pub async fn lay_on_order(&mut self, at: &At<'_>, order: &RemoteOrder) -> Result<Option<RemoteOrder>, Halt> {
        if self.standing == 0 {
            return Ok(None);
        }
        let read = document(order);
        let mut corrected = read.clone();
        if !self.lay(at, &mut corrected).await? {
            return Ok(None);
        }
        let mut order = order.clone();
        for line in &mut order.lines {
            let [was, is] = [&read, &corrected].map(|document| line_in(document, line));
            if let (Some(was), Some(is)) = (was, is) {
                put_right(line, was, is);
            }
        }
        Ok(Some(order))
    }

    /// The hold whose corrections stand.
    pub fn source(&self) -> Option<Id<Hold>> {
        self.hold.as_ref().filter(|_| self.standing > 0).map(|hold| hold.id)
    }
}

/// What is held of an order's lines, without anything of its consumer, also where that was written into a title.
pub(super) fn document(order: &RemoteOrder) -> Value {
    json!({ "lines": order.lines.iter().filter(|line| is_open(line)).map(line_of).collect::<Vec<_>>() })
}

/// Whether pieces of a line are still wanted that travel.
pub(super) const fn is_open(line: &RemoteLine) -> bool {
    line.requires_shipping && line.quantity > line.dropped
}

fn line_of(line: &RemoteLine) -> Value {
    let sku = line.sku.as_deref().filter(|sku| !has_contacts(sku, Kept::Text));
    json!({ "id": line.id, "sku": sku, "title": screened(&line.title, Kept::Text),
        "quantity": line.quantity.saturating_sub(line.dropped), "price": line.price })
}

/// What an order in the shop looks like: as long as that stays, so does what was decided about it.
pub(super) fn seen(order: &RemoteOrder) -> String {
    digest_of(&json!([order.updated_at, document(order)]))
}

/// Base64 of SHA-256.
pub(super) fn digest_of(value: &impl serde::Serialize) -> String {
    BASE64.encode(digest(&SHA256, &serde_json::to_vec(value).unwrap_or_default()))
}

fn line_in<'a>(document: &'a Value, line: &RemoteLine) -> Option<&'a Value> {
    document["lines"].as_array()?.iter().find(|one| one["id"] == line.id.as_str())
}

/// Makes of a line what was corrected in it. By another SKU it is another thing, whatever variant the shop means.
fn put_right(line: &mut RemoteLine, was: &Value, is: &Value) {
    if was["sku"] != is["sku"] {
        line.sku = is["sku"].as_str().map(str::to_owned);
        line.variant = None;
    }
    if was["title"] != is["title"] {
        is["title"].as_str().unwrap_or_default().clone_into(&mut line.title);
    }
    if was["quantity"] != is["quantity"] {
        let wanted = is["quantity"].as_u64().and_then(|quantity| u32::try_from(quantity).ok());
        line.quantity = wanted.map_or(line.quantity, |wanted| wanted.saturating_add(line.dropped));
    }
    if was["price"] != is["price"] {
        line.price = serde_json::from_value(is["price"].clone()).unwrap_or(line.price);
    }
}
