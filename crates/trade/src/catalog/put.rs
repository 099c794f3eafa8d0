//! Putting a product: it becomes what an outside system or a file says it is, whether or not it was there before.

use super::drafts::Ready;
use super::update::taken;
use super::{Product, ProductDraft, Variant, all_variants_of, create, get};
use crate::births::Births;
use crate::inventory::levels_of;
use crate::{Did, Races, TradeError};
use bonded_base::{Id, Problem};
use bonded_ledger::{Change, Ledger, LedgerError, LookupName, Scope, Stored};
use std::collections::HashSet;

/// A product as it is to be, the whole of it.
#[derive(Clone, Debug)]
pub struct ProductPut {
    /// Which one it is; a new one, if none.
    pub id: Option<Id<Product>>,
    /// What it is to be.
    pub draft: ProductDraft,
    /// Which of the product's variants each variant of the draft is; `None`, or nothing at its place, for a new one.
    pub variants: Vec<Option<Id<Variant>>>,
}

/// What became of a product that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// Which one.
    pub id: Id<Product>,
    /// Its variants, in the order of the draft.
    pub variants: Vec<Id<Variant>>,
    /// What became of it and its variants together.
    pub did: Did,
    /// Variants that the draft does not have, and that stay while pieces of them are promised.
    pub kept: Vec<Id<Variant>>,
}

/// Makes a product be what the draft says, in one commit: variants that are new join it, those that the draft does not
/// have leave it with their stock. A product that is as it should be leaves no entry.
///
/// Its handle stays when another product has the one that the draft asks for.
pub async fn put(ledger: &Ledger, scope: &Scope, put: &ProductPut) -> Result<Put, TradeError> {
    let Some(id) = put.id else {
        let created = create(ledger, scope, put.draft.clone()).await?;
        let variants = created.variants.iter().map(|variant| variant.id).collect();
        return Ok(Put { id: created.product.id, variants, did: Did::Created, kept: Vec::new() });
    };
    let (mut races, mut handle_stays) = (Races::new(), put.draft.handle.is_none());
    loop {
        let was = get(ledger, scope, id).await?;
        let siblings = all_variants_of(ledger, scope, id).await?;
        let mut ready = put.draft.clone().ready(id)?;
        if handle_stays {
            ready.product.handle.clone_from(&was.handle);
        }
        let mut step = Step::of(ledger, ready, &siblings, &put.variants);
        let mut change = Change::new();
        step.leave(ledger, scope, &mut change).await?;
        step.write(&was, &mut change);
        let did = if change.is_empty() { Did::Unchanged } else { Did::Changed };
        let done = Put { id, variants: step.ids(), did, kept: step.kept };
        if change.is_empty() {
            return Ok(done);
        }
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(done),
            Err(LedgerError::Taken { name: LookupName::Handle, .. }) if !handle_stays => handle_stays = true,
            Err(LedgerError::Taken { name, .. }) => return Err(taken(name).into()),
            Err(error) => races.lost(error)?,
        }
    }
}

/// A variant as it is to be, and what it was.
type Placed<'a> = (Id<Variant>, Variant, Option<&'a Stored<Variant>>);

/// One product on its way to what it is to be.
struct Step<'a> {
    product: Product,
    /// In the order of the draft.
    variants: Vec<Placed<'a>>,
    leaving: Vec<&'a Stored<Variant>>,
    kept: Vec<Id<Variant>>,
}

impl<'a> Step<'a> {
    fn of(ledger: &Ledger, ready: Ready, siblings: &'a [Stored<Variant>], known: &[Option<Id<Variant>>]) -> Self {
        // Variants are listed by birth: whoever joins is younger than those who are there.
        let youngest = siblings.iter().map(|sibling| sibling.id.born_at().plus_millis(1)).max();
        let now = ledger.clock().now();
        let mut births = Births::at(youngest.map_or(now, |after| after.max(now)), ledger.chance());
        let mut named = HashSet::new();
        let mut variants = Vec::with_capacity(ready.variants.len());
        for (place, variant) in ready.variants.into_iter().enumerate() {
            let id = known.get(place).copied().flatten().filter(|id| named.insert(*id));
            let was = id.and_then(|id| siblings.iter().find(|sibling| sibling.id == id));
            variants.push((was.map_or_else(|| births.id(), |was| was.id), variant, was));
        }
        let stays: HashSet<_> = variants.iter().map(|(id, ..)| *id).collect();
        let leaving = siblings.iter().filter(|sibling| !stays.contains(&sibling.id)).collect();
        Self { product: ready.product, variants, leaving, kept: Vec::new() }
    }

    fn ids(&self) -> Vec<Id<Variant>> {
        self.variants.iter().map(|(id, ..)| *id).collect()
    }

    /// Takes out what the draft does not have, with its stock, but for what is promised.
    async fn leave(&mut self, ledger: &Ledger, scope: &Scope, change: &mut Change) -> Result<(), TradeError> {
        let ids: Vec<_> = self.leaving.iter().map(|variant| variant.id).collect();
        let levels = if ids.is_empty() { Vec::new() } else { levels_of(ledger, scope, &ids).await? };
        for (variant, levels) in self.leaving.iter().zip(levels) {
            if levels.iter().any(|level| level.reserved > 0) {
                self.kept.push(variant.id);
                continue;
            }
            change.remove(variant, "removed");
            for level in &levels {
                change.remove(level, "removed");
            }
        }
        let count = self.variants.len() + self.kept.len();
        self.product.variant_count = u32::try_from(count).unwrap_or(u32::MAX);
        Ok(())
    }

    fn write(&self, was: &Stored<Product>, change: &mut Change) {
        if self.product != **was {
            change.update(was, &self.product, "updated");
        }
        for (id, variant, was) in &self.variants {
            match was {
                Some(was) if ***was == *variant => {}
                Some(was) => change.update(was, variant, "updated"),
                None => change.create(*id, variant, "created"),
            }
        }
    }
}

/// Refuses a draft without looking into the account.
pub fn check(draft: &ProductDraft) -> Result<(), Problem> {
    draft.clone().ready(Id::from_bytes([0; 16])).map(drop)
}
