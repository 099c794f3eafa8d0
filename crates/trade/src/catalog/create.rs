//! Creating products: many in one commit, where one that cannot be holds back only itself.
//!
//! This is the busiest path of the whole product. Each record is serialised once and moved, never copied; handles and
//! SKUs are looked up only after the ledger has refused a commit because of one.

use super::drafts::Ready;
use super::text::too_much;
use super::{PRODUCTS_A_CALL_MAX, Product, ProductDraft, TRIES_MAX, VARIANTS_A_CALL_MAX, Variant};
use crate::births::Births;
use crate::{Touched, TradeError, Written};
use bonded_base::{Id, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Lookup, LookupName, Scope};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Numbered handles that are asked for at once when a generated one is taken.
const NUMBERED_HANDLES: u32 = 16;

/// A product as it was born, with its variants in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// The product.
    pub product: Written<Product>,
    /// What it is sold as.
    pub variants: Vec<Written<Variant>>,
}

/// Creates one product with its variants.
pub async fn create(ledger: &Ledger, scope: &Scope, draft: ProductDraft) -> Result<Created, TradeError> {
    let created = create_many(ledger, scope, vec![draft]).await?.pop();
    Ok(created.unwrap_or_else(|| Err(Problem::new(Reason::Invalid, "nothing was sent")))?)
}

/// Creates up to [`PRODUCTS_A_CALL_MAX`] products in one commit; says of each, in the order given, what came of it.
///
/// A draft that is not valid, or whose handle or SKU is taken, holds back only itself. An error means that nothing
/// was created.
pub async fn create_many(
    ledger: &Ledger,
    scope: &Scope,
    drafts: Vec<ProductDraft>,
) -> Result<Vec<Result<Created, Problem>>, TradeError> {
    if drafts.len() > PRODUCTS_A_CALL_MAX {
        return Err(too_much("", format!("at most {PRODUCTS_A_CALL_MAX} products in one call")).into());
    }
    let mut batch = Batch::of(ledger, drafts);
    batch.settle_among_themselves();
    for _ in 0..TRIES_MAX {
        let change = batch.change();
        if change.is_empty() {
            return Ok(batch.born(ledger.clock().now()));
        }
        match ledger.commit(scope, change).await {
            Ok(done) => return Ok(batch.born(done.at)),
            Err(LedgerError::Taken { name: LookupName::Sku | LookupName::Handle, .. }) => {
                batch.settle_with_the_account(ledger, scope).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Unavailable, "other calls keep taking these handles or SKUs; send it again").into())
}

/// A draft on its way: good so far, with the ids that it will have.
struct Item {
    id: Id<Product>,
    variant_ids: Vec<Id<Variant>>,
    ready: Ready,
}

impl Item {
    fn variants(&self) -> impl Iterator<Item = (Id<Variant>, &Variant)> {
        self.variant_ids.iter().copied().zip(&self.ready.variants)
    }

    fn write(&self, change: &mut Change) {
        change.create(self.id, &self.ready.product, "created");
        for (id, variant) in self.variants() {
            change.create(id, variant, "created");
        }
    }
}

/// What is to become of an item whose handle or SKU is taken.
enum Verdict {
    Refused(Problem),
    Renamed(String),
}

/// The drafts of one call.
pub(super) struct Batch {
    items: Vec<Result<Item, Problem>>,
}

impl Batch {
    pub(super) fn of(ledger: &Ledger, drafts: Vec<ProductDraft>) -> Self {
        let mut births = Births::at(ledger.clock().now(), ledger.chance());
        let mut room = VARIANTS_A_CALL_MAX;
        let items = drafts
            .into_iter()
            .map(|draft| {
                let id = births.id();
                let ready = draft.ready(id)?;
                room = room.checked_sub(ready.variants.len()).ok_or_else(|| {
                    too_much("/variants", format!("at most {VARIANTS_A_CALL_MAX} variants in one call"))
                })?;
                let variant_ids = ready.variants.iter().map(|_| births.id()).collect();
                Ok(Item { id, variant_ids, ready })
            })
            .collect();
        Self { items }
    }

    fn good(&self) -> impl Iterator<Item = (usize, &Item)> {
        self.items.iter().enumerate().filter_map(|(place, item)| item.as_ref().ok().map(|item| (place, item)))
    }

    fn change(&self) -> Change {
        let mut change = Change::new();
        for (_, item) in self.good() {
            item.write(&mut change);
        }
        change
    }

    /// Adds all that are good to a change, and says what it touches.
    pub(super) fn write(&self, change: &mut Change) -> Vec<Touched> {
        let mut touched = Vec::new();
        for (_, item) in self.good() {
            item.write(change);
            touched.push(Touched::born(item.id, &item.ready.product));
            touched.extend(item.variants().map(|(id, variant)| Touched::born(id, variant)));
        }
        touched
    }

    /// What came of each draft so far: the ids that it and its variants will have.
    pub(super) fn settled(&self) -> impl Iterator<Item = Result<(Id<Product>, Vec<Id<Variant>>), Problem>> {
        let ids = |item: &Item| (item.id, item.variant_ids.clone());
        self.items.iter().map(move |item| item.as_ref().map(ids).map_err(Clone::clone))
    }

    fn born(self, at: Moment) -> Vec<Result<Created, Problem>> {
        let born = |Item { id, variant_ids, ready }| {
            let variants = variant_ids.into_iter().zip(ready.variants);
            Created {
                product: Written::born(id, ready.product, at),
                variants: variants.map(|(id, variant)| Written::born(id, variant, at)).collect(),
            }
        };
        self.items.into_iter().map(|item| item.map(born)).collect()
    }

    /// What two drafts of one call both want, the first one gets.
    pub(super) fn settle_among_themselves(&mut self) {
        let mut claims = Claims::default();
        let verdicts: Vec<_> =
            self.good().filter_map(|(place, item)| claims.admit(&item.ready).map(|verdict| (place, verdict))).collect();
        self.apply(verdicts);
    }

    /// Finds what the account has already, and refuses or renames the drafts that want the same.
    pub(super) async fn settle_with_the_account(&mut self, ledger: &Ledger, scope: &Scope) -> Result<(), TradeError> {
        let mut verdicts: Vec<_> = self
            .taken_skus(ledger, scope)
            .await?
            .into_iter()
            .map(|(place, problem)| (place, Verdict::Refused(problem)))
            .collect();
        verdicts.extend(self.taken_handles(ledger, scope).await?);
        self.apply(verdicts);
        Ok(())
    }

    /// The drafts that bring a SKU which another variant of the account has.
    async fn taken_skus(&self, ledger: &Ledger, scope: &Scope) -> Result<HashMap<usize, Problem>, TradeError> {
        let asked: Vec<(usize, usize, &str)> = self
            .good()
            .flat_map(|(place, item)| skus(&item.ready).map(move |(variant, sku)| (place, variant, sku)))
            .collect();
        let lookups: Vec<_> = asked.iter().map(|(.., sku)| Lookup::new(LookupName::Sku, sku.as_bytes())).collect();
        let found = ledger.find_many::<Variant>(scope, &lookups).await?;
        let mut taken = HashMap::new();
        for ((place, variant, _), _) in asked.into_iter().zip(found).filter(|(_, found)| found.is_some()) {
            taken.entry(place).or_insert_with(|| sku_taken(variant, "another variant has this SKU"));
        }
        Ok(taken)
    }

    /// The drafts whose handle another product has: refused if they chose it, renamed if we did.
    async fn taken_handles(&self, ledger: &Ledger, scope: &Scope) -> Result<Vec<(usize, Verdict)>, TradeError> {
        let asked: Vec<_> = self.good().collect();
        let lookups: Vec<_> = asked.iter().map(|(_, item)| handle_lookup(&item.ready.product.handle)).collect();
        let found = ledger.find_many::<Product>(scope, &lookups).await?;
        let taken = asked.into_iter().zip(found).filter_map(|(item, found)| found.map(|_| item));
        let (ours, theirs): (Vec<_>, Vec<_>) = taken.partition(|(_, item)| item.ready.handle_generated);
        let mut verdicts: Vec<_> = theirs
            .into_iter()
            .map(|(place, _)| (place, Verdict::Refused(handle_taken("another product has this handle"))))
            .collect();
        verdicts.extend(self.renamed(ledger, scope, &ours).await?);
        Ok(verdicts)
    }

    /// Gives each of these items the first numbered handle that is free in the account and in the call.
    async fn renamed(
        &self,
        ledger: &Ledger,
        scope: &Scope,
        items: &[(usize, &Item)],
    ) -> Result<Vec<(usize, Verdict)>, TradeError> {
        let candidates: Vec<String> = items
            .iter()
            .flat_map(|(_, item)| {
                let base = super::handles::of_title(&item.ready.product.title);
                (1..=NUMBERED_HANDLES).map(move |number| format!("{base}-{number}"))
            })
            .collect();
        let lookups: Vec<_> = candidates.iter().map(|handle| handle_lookup(handle)).collect();
        let found = ledger.find_many::<Product>(scope, &lookups).await?;
        let mut used: HashSet<Cow<'_, str>> =
            self.good().map(|(_, item)| item.ready.product.handle.as_str().into()).collect();
        let candidates: Vec<_> = candidates.iter().zip(found.iter().map(Option::is_none)).collect();
        let mut verdicts = Vec::with_capacity(items.len());
        for ((place, item), numbered) in items.iter().zip(candidates.chunks(NUMBERED_HANDLES as usize)) {
            let free = numbered.iter().find(|(handle, free)| *free && !used.contains(handle.as_str()));
            let handle =
                free.map_or_else(|| handle_by_id(&item.ready.product.title, item.id), |(name, _)| (*name).clone());
            used.insert(handle.clone().into());
            verdicts.push((*place, Verdict::Renamed(handle)));
        }
        Ok(verdicts)
    }

    fn apply(&mut self, verdicts: Vec<(usize, Verdict)>) {
        for (place, verdict) in verdicts {
            let Some(slot) = self.items.get_mut(place) else { continue };
            match (verdict, slot) {
                (Verdict::Refused(problem), slot) => *slot = Err(problem),
                (Verdict::Renamed(handle), Ok(item)) => item.ready.product.handle = handle,
                (Verdict::Renamed(_), Err(_)) => {}
            }
        }
    }
}

/// The handles and SKUs that the drafts of one call have claimed so far.
#[derive(Default)]
struct Claims<'a> {
    handles: HashSet<Cow<'a, str>>,
    skus: HashSet<&'a str>,
    /// The last number that each generated handle was told apart by.
    numbers: HashMap<&'a str, u32>,
}

impl<'a> Claims<'a> {
    /// Claims what a draft wants; `None` if it may have it all. A refused draft claims nothing.
    fn admit(&mut self, ready: &'a Ready) -> Option<Verdict> {
        for (variant, sku) in skus(ready) {
            if !self.skus.insert(sku) {
                for (_, earlier) in skus(ready).take_while(|(place, _)| *place < variant) {
                    self.skus.remove(earlier);
                }
                return Some(Verdict::Refused(sku_taken(variant, "another variant of this call has this SKU")));
            }
        }
        let handle = ready.product.handle.as_str();
        if self.handles.insert(handle.into()) {
            return None;
        }
        if !ready.handle_generated {
            for (_, sku) in skus(ready) {
                self.skus.remove(sku);
            }
            return Some(Verdict::Refused(handle_taken("another product of this call has this handle")));
        }
        let numbers = self.numbers.entry(handle).or_default();
        let free = loop {
            *numbers += 1;
            let numbered = format!("{handle}-{numbers}");
            if !self.handles.contains(numbered.as_str()) {
                break numbered;
            }
        };
        self.handles.insert(free.clone().into());
        Some(Verdict::Renamed(free))
    }
}

/// The SKUs of a draft, each with the place of its variant.
fn skus(ready: &Ready) -> impl Iterator<Item = (usize, &str)> {
    ready.variants.iter().enumerate().filter_map(|(place, variant)| Some((place, variant.sku.as_deref()?)))
}

fn handle_lookup(handle: &str) -> Lookup<'_> {
    Lookup::new(LookupName::Handle, handle.as_bytes())
}

/// A variant whose SKU another one has.
pub(super) fn sku_taken(variant: usize, detail: &'static str) -> Problem {
    Problem { reason: Reason::Duplicate, ..Problem::invalid(format!("/variants/{variant}/sku"), detail) }
}

fn handle_taken(detail: &'static str) -> Problem {
    Problem { reason: Reason::Duplicate, ..Problem::invalid("/handle", detail) }
}

/// A handle that nobody else can have: when many products share one title, numbers are not worth counting.
fn handle_by_id(title: &str, id: Id<Product>) -> String {
    let id = id.to_string();
    let own = id.rsplit('_').next().unwrap_or_default();
    format!("{}-{own}", super::handles::of_title(title))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::VariantDraft;
    use bonded_base::{Currency, Money};

    fn ready(title: &str, handle: Option<&str>, skus: &[&str]) -> Ready {
        let variant = |(place, sku): (usize, &&str)| VariantDraft {
            options: vec![place.to_string()],
            sku: Some((*sku).to_owned()),
            price: Some(Money::new(1, Currency::EUR)),
            ..VariantDraft::default()
        };
        let draft = ProductDraft {
            title: title.to_owned(),
            handle: handle.map(str::to_owned),
            options: vec![crate::catalog::ProductOption { name: "Number".to_owned(), values: Vec::new() }],
            variants: skus.iter().enumerate().map(variant).collect(),
            ..ProductDraft::default()
        };
        draft.ready(Id::from_bytes([1; 16])).unwrap_or_else(|problem| panic!("{problem}"))
    }

    fn pointer(verdict: Option<Verdict>) -> String {
        match verdict {
            Some(Verdict::Refused(problem)) => problem.pointer.unwrap(),
            Some(Verdict::Renamed(handle)) => handle,
            None => "admitted".to_owned(),
        }
    }

    #[test]
    fn of_two_drafts_that_want_the_same_the_first_gets_it() {
        let drafts = [
            ready("Mug", None, &["A"]),
            ready("Mug", None, &["B", "A"]),
            ready("Mug", None, &["B", "C", "C"]),
            ready("Mug", Some("mug"), &["D"]),
            ready("Mug", None, &["D", "B"]),
            ready("Mug", Some("mug-2"), &["E"]),
            ready("Mug", None, &["F"]),
        ];
        let mut claims = Claims::default();
        let verdicts: Vec<_> = drafts.iter().map(|draft| pointer(claims.admit(draft))).collect();
        assert_eq!(
            verdicts,
            ["admitted", "/variants/1/sku", "/variants/2/sku", "/handle", "mug-1", "admitted", "mug-3"]
        );
    }
}
