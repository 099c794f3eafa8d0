//! Bringing products in: what is new is created, what is there becomes as it is brought, and nothing is left out of it.
//!
//! A product is known again by its handle, else by a SKU of its variants. Fields that whoever brings it says nothing of stay
//! as they are, and so do variants that are not named. The work is planned first and written by the caller, so that what
//! is counted and noted about it is committed with it.

use super::create::{Batch, sku_taken};
use super::drafts::VariantDraft;
use super::reshape::joined;
use super::{Patched, Product, ProductDraft, ProductPatch, Variant, VariantPatch, all_variants_of, by_skus, handles};
use crate::births::Births;
use crate::inventory::{Counting, InventoryLevel, LevelSet, Location};
use crate::patch::Patch;
use crate::{Did, Touched, TradeError};
use bonded_base::{Id, Problem, Reason};
use bonded_ledger::{Change, Ledger, Lookup, LookupName, Scope, Stored};
use std::collections::{HashMap, HashSet};

/// A product that is brought.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The product and its variants.
    pub draft: ProductDraft,
    /// Pieces counted of each variant, in the variants' order; `None` where nothing is said.
    pub stock: Vec<Option<i64>>,
}

/// The fields of products and variants that are spoken of at all: `vendor`, `barcode`.
pub type Said = HashSet<&'static str>;

/// What came of one product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brought {
    /// Which.
    pub product: Id<Product>,
    /// What became of it and its variants together.
    pub did: Did,
}

/// Products on their way, worked out but not written.
pub struct Bringing {
    outcomes: Vec<Result<Brought, Problem>>,
    created: Batch,
    /// The places of those that are created, in the order of the batch.
    created_at: Vec<usize>,
    updates: Vec<Reshaped>,
    born_levels: Vec<(Id<InventoryLevel>, InventoryLevel)>,
    counting: Counting,
}

/// A product that was there.
struct Reshaped {
    was: Stored<Product>,
    next: Product,
    changed: Vec<(Stored<Variant>, Variant)>,
    joining: Vec<(Id<Variant>, Variant)>,
    /// Variants that were there, and whose stock is counted.
    counted: Vec<Id<Variant>>,
}

/// Works out what bringing these products in does. Their stock lies at `main`.
pub async fn bring(
    ledger: &Ledger,
    scope: &Scope,
    incoming: &[Incoming],
    said: &Said,
    main: Id<Location>,
) -> Result<Bringing, TradeError> {
    let known = Known::of(ledger, scope, incoming).await?;
    let (mut outcomes, mut updates, mut sets) = (Vec::with_capacity(incoming.len()), Vec::new(), Vec::new());
    let (mut created_at, mut drafts) = (Vec::new(), Vec::new());
    let (mut claimed, mut skus) = (HashSet::new(), HashSet::new());
    let mut births = Births::at(ledger.clock().now(), ledger.chance());
    let mut born_levels = Vec::new();
    for (place, arriving) in incoming.iter().enumerate() {
        let outcome = match claim(&arriving.draft, &mut skus).map(|()| known.products.get(&place)) {
            Err(problem) => Err(problem),
            Ok(None) => {
                created_at.push(place);
                drafts.push(arriving.draft.clone());
                // Told below, when the batch has settled.
                Err(Problem::new(Reason::Unavailable, "the product was not looked at"))
            }
            Ok(Some(was)) if !claimed.insert(was.id) => {
                Err(Problem::new(Reason::Duplicate, "an earlier row brings the same product"))
            }
            Ok(Some(was)) => match reshaped(ledger, scope, was, arriving, said, &known).await? {
                Err(problem) => Err(problem),
                Ok((mut reshaped, counts)) => {
                    for (id, _) in &mut reshaped.joining {
                        *id = births.id();
                    }
                    reshaped.stock(counts, main, &mut sets, &mut born_levels);
                    let brought = Brought { product: was.id, did: reshaped.did() };
                    updates.push(reshaped);
                    Ok(brought)
                }
            },
        };
        outcomes.push(outcome);
    }
    let mut created = Batch::of(ledger, drafts);
    created.settle_among_themselves();
    created.settle_with_the_account(ledger, scope).await?;
    let counting = Counting::of(ledger, scope, &sets).await?;
    let mut bringing = Bringing { outcomes, created, created_at, updates, born_levels, counting };
    bringing.settle(incoming, main);
    Ok(bringing)
}

/// Of two products that bring the same SKU, the first one gets it.
fn claim<'a>(draft: &'a ProductDraft, skus: &mut HashSet<&'a str>) -> Result<(), Problem> {
    for (place, variant) in draft.variants.iter().enumerate() {
        if variant.sku.as_deref().is_some_and(|sku| !skus.insert(sku.trim())) {
            return Err(sku_taken(place, "another row has this SKU"));
        }
    }
    Ok(())
}

/// What the account has already of what is brought.
struct Known {
    /// By the place of what is brought.
    products: HashMap<usize, Stored<Product>>,
    /// By their SKUs.
    variants: HashMap<String, Stored<Variant>>,
}

impl Known {
    async fn of(ledger: &Ledger, scope: &Scope, incoming: &[Incoming]) -> Result<Self, TradeError> {
        let skus: Vec<&str> = incoming
            .iter()
            .flat_map(|arriving| arriving.draft.variants.iter().filter_map(|variant| variant.sku.as_deref()))
            .map(str::trim)
            .collect();
        let ids = by_skus(ledger, scope, &skus).await?;
        let found: Vec<Id<Variant>> = ids.iter().flatten().copied().collect();
        let mut stored = ledger.get_many(scope, &found).await?.into_iter();
        let mut variants = HashMap::with_capacity(found.len());
        for (sku, _) in skus.iter().zip(&ids).filter(|(_, id)| id.is_some()) {
            if let Some(variant) = stored.next().flatten() {
                variants.insert((*sku).to_owned(), variant);
            }
        }
        let handles: Vec<Option<String>> = incoming.iter().map(|arriving| handle_of(&arriving.draft)).collect();
        let lookups: Vec<_> =
            handles.iter().flatten().map(|handle| Lookup::new(LookupName::Handle, handle.as_bytes())).collect();
        let mut by_handle = ledger.find_many::<Product>(scope, &lookups).await?.into_iter();
        let ids: Vec<Option<Id<Product>>> = (incoming.iter().zip(&handles))
            .map(|(arriving, handle)| {
                let by_handle = handle.as_ref().and_then(|_| by_handle.next().flatten());
                by_handle.or_else(|| by_sku(arriving, &variants))
            })
            .collect();
        let asked: Vec<_> = ids.iter().flatten().copied().collect();
        let mut found = ledger.get_many(scope, &asked).await?.into_iter();
        let mut products = HashMap::with_capacity(asked.len());
        for (place, _) in ids.iter().enumerate().filter(|(_, id)| id.is_some()) {
            if let Some(product) = found.next().flatten() {
                products.insert(place, product);
            }
        }
        Ok(Self { products, variants })
    }
}

/// The product of a variant that is known by its SKU; a handle that was chosen, and is new, makes a new product.
fn by_sku(arriving: &Incoming, variants: &HashMap<String, Stored<Variant>>) -> Option<Id<Product>> {
    if arriving.draft.handle.is_some() {
        return None;
    }
    let skus = arriving.draft.variants.iter().filter_map(|variant| variant.sku.as_deref());
    skus.filter_map(|sku| variants.get(sku.trim())).map(|variant| variant.product).next()
}

/// The handle that a product is looked for by: its own, or that of its title where it has no SKU to be known by.
fn handle_of(draft: &ProductDraft) -> Option<String> {
    match &draft.handle {
        Some(handle) => handles::given(handle).ok(),
        None if draft.variants.iter().all(|variant| variant.sku.is_none()) => Some(handles::of_title(&draft.title)),
        None => None,
    }
}

/// The pieces of each variant in the order brought: of one that was there, or of the joining one at a place.
type Counts = Vec<(Result<Id<Variant>, usize>, i64)>;

async fn reshaped(
    ledger: &Ledger,
    scope: &Scope,
    was: &Stored<Product>,
    arriving: &Incoming,
    said: &Said,
    known: &Known,
) -> Result<Result<(Reshaped, Counts), Problem>, TradeError> {
    let by_sku = |draft: &VariantDraft| known.variants.get(draft.sku.as_deref()?.trim());
    let all_known = arriving.draft.variants.iter().all(|draft| by_sku(draft).is_some_and(|one| one.product == was.id));
    let siblings: Vec<Stored<Variant>> = if all_known {
        arriving.draft.variants.iter().filter_map(by_sku).cloned().collect()
    } else {
        all_variants_of(ledger, scope, was.id).await?
    };
    Ok(reshape(was, &siblings, arriving, said, known))
}

fn reshape(
    was: &Stored<Product>,
    siblings: &[Stored<Variant>],
    arriving: &Incoming,
    said: &Said,
    known: &Known,
) -> Result<(Reshaped, Counts), Problem> {
    let mut next = was.patched(&product_patch(&arriving.draft, said))?;
    let (mut changed, mut joining, mut joining_at, mut counts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (place, draft) in arriving.draft.variants.iter().enumerate() {
        let holder = draft.sku.as_deref().and_then(|sku| known.variants.get(sku.trim()));
        if holder.is_some_and(|holder| holder.product != was.id) {
            return Err(sku_taken(place, "another variant has this SKU"));
        }
        let options: Vec<_> = draft.options.iter().map(|value| value.trim()).collect();
        let twin = || siblings.iter().find(|sibling| sibling.options.iter().eq(options.iter()));
        let sibling = holder.and_then(|holder| siblings.iter().find(|sibling| sibling.id == holder.id)).or_else(twin);
        let count = arriving.stock.get(place).copied().flatten();
        let Some(sibling) = sibling else {
            counts.extend(count.map(|count| (Err(joining.len()), count)));
            joining.push(draft.clone());
            joining_at.push(place);
            continue;
        };
        let patched = sibling.patched(&variant_patch(draft, said));
        let patched = patched.map_err(|problem| problem.within(&format!("/variants/{place}")))?;
        counts.extend(count.map(|count| (Ok(sibling.id), count)));
        if patched != **sibling {
            changed.push((sibling.clone(), patched));
        }
    }
    let mut born = Vec::new();
    if !joining.is_empty() {
        let (reshaped, variants) =
            joined(&next, siblings, joining).map_err(|problem| in_place(problem, &joining_at))?;
        next = reshaped;
        // Their ids are given when all is known.
        let id = Id::from_bytes([0; 16]);
        born = variants.into_iter().map(|variant| (id, Variant { product: was.id, ..variant })).collect();
    }
    let counted = counts.iter().filter_map(|(whose, _)| whose.ok()).collect();
    Ok((Reshaped { was: was.clone(), next, changed, joining: born, counted }, counts))
}

/// A problem of the joining variants, in the places that they have in the draft.
fn in_place(problem: Problem, places: &[usize]) -> Problem {
    let pointed = problem.pointer.as_deref().and_then(|pointer| pointer.strip_prefix("/variants/"));
    let moved = pointed.and_then(|rest| {
        let (number, field) = rest.split_once('/').unwrap_or((rest, ""));
        Some(format!("/variants/{}/{field}", places.get(number.parse::<usize>().ok()?)?))
    });
    Problem { pointer: moved.or_else(|| problem.pointer.clone()), ..problem }
}

fn product_patch(draft: &ProductDraft, said: &Said) -> ProductPatch {
    let set = |field: &str, value: &String| if said.contains(field) { Patch::Set(value.clone()) } else { Patch::Keep };
    let spoken = |field: &str| said.contains(field);
    ProductPatch {
        // It is known by its handle: another would be another product.
        handle: Patch::Keep,
        title: Patch::Set(draft.title.clone()),
        description_html: set("description_html", &draft.description_html),
        vendor: set("vendor", &draft.vendor),
        product_type: set("product_type", &draft.product_type),
        tags: if spoken("tags") { Patch::Set(draft.tags.clone()) } else { Patch::Keep },
        status: if spoken("status") { Patch::Set(draft.status) } else { Patch::Keep },
        images: if spoken("url") { Patch::Set(draft.images.clone()) } else { Patch::Keep },
    }
}

fn variant_patch(draft: &VariantDraft, said: &Said) -> VariantPatch {
    fn optional<T: Clone>(said: bool, value: Option<&T>) -> Patch<T> {
        match value {
            _ if !said => Patch::Keep,
            None => Patch::Clear,
            Some(value) => Patch::Set(value.clone()),
        }
    }
    let spoken = |field: &str| said.contains(field);
    let answer = |field: &str, value: bool| if said.contains(field) { Patch::Set(value) } else { Patch::Keep };
    VariantPatch {
        // A row without one does not take a SKU away: it would no longer be known.
        sku: draft.sku.clone().map_or(Patch::Keep, Patch::Set),
        barcode: optional(spoken("barcode"), draft.barcode.as_ref()),
        price: draft.price.map_or(Patch::Keep, Patch::Set),
        compare_at_price: optional(spoken("compare_at_price"), draft.compare_at_price.as_ref()),
        weight_grams: optional(spoken("weight_grams"), draft.weight_grams.as_ref()),
        image_url: optional(spoken("image_url"), draft.image_url.as_ref()),
        tracked: answer("tracked", draft.tracked),
        sell_when_out: answer("sell_when_out", draft.sell_when_out),
        requires_shipping: answer("requires_shipping", draft.requires_shipping),
        taxable: answer("taxable", draft.taxable),
    }
}

impl Reshaped {
    fn did(&self) -> Did {
        let same = self.next == *self.was && self.changed.is_empty() && self.joining.is_empty();
        if same { Did::Unchanged } else { Did::Changed }
    }

    fn stock(
        &self,
        counts: Counts,
        main: Id<Location>,
        sets: &mut Vec<LevelSet>,
        born: &mut Vec<(Id<InventoryLevel>, InventoryLevel)>,
    ) {
        for (whose, on_hand) in counts {
            match whose.map_err(|place| self.joining.get(place)) {
                Ok(variant) => sets.push(LevelSet { variant: Some(variant), location: Some(main), on_hand, sku: None }),
                Err(Some((id, _))) => born.push(level_of(*id, main, on_hand)),
                Err(None) => {}
            }
        }
    }
}

fn level_of(variant: Id<Variant>, main: Id<Location>, on_hand: i64) -> (Id<InventoryLevel>, InventoryLevel) {
    let level = InventoryLevel { on_hand, ..InventoryLevel::empty(variant, main) };
    (InventoryLevel::id_of(variant, main), level)
}

impl Bringing {
    /// Says of each that is created what came of it, and counts its stock.
    fn settle(&mut self, incoming: &[Incoming], main: Id<Location>) {
        for (place, item) in self.created_at.iter().zip(self.created.settled()) {
            let (Some(outcome), Some(arriving)) = (self.outcomes.get_mut(*place), incoming.get(*place)) else {
                continue;
            };
            *outcome = item.map(|(product, variants)| {
                for (variant, count) in variants.iter().zip(&arriving.stock) {
                    self.born_levels.extend(count.map(|on_hand| level_of(*variant, main, on_hand)));
                }
                Brought { product, did: Did::Created }
            });
        }
        let moved: HashSet<Id<Variant>> = self.counting.moved().collect();
        for Reshaped { was, counted, .. } in &self.updates {
            // Of one that stays as it is, the count alone may be news.
            if counted.iter().any(|variant| moved.contains(variant)) {
                let of_it = |outcome: &&mut Result<Brought, Problem>| {
                    outcome.as_ref().is_ok_and(|brought| brought.product == was.id)
                };
                if let Some(Ok(brought)) = self.outcomes.iter_mut().find(of_it) {
                    brought.did = Did::Changed;
                }
            }
        }
    }

    /// What came of each, in the order brought.
    pub fn outcomes(&self) -> &[Result<Brought, Problem>] {
        &self.outcomes
    }

    /// Adds it to a change, and says what it touches.
    pub fn write(&self, change: &mut Change) -> Vec<Touched> {
        let mut touched = self.created.write(change);
        for Reshaped { was, next, changed, joining, .. } in &self.updates {
            if *next != **was {
                change.update(was, next, "imported");
                touched.push(Touched::changed(was, next));
            }
            for (was, next) in changed {
                change.update(was, next, "imported");
                touched.push(Touched::changed(was, next));
            }
            for (id, variant) in joining {
                change.create(*id, variant, "imported");
                touched.push(Touched::born(*id, variant));
            }
        }
        for (id, level) in &self.born_levels {
            change.create(*id, level, "counted");
            touched.push(Touched::born(*id, level));
        }
        touched.extend(self.counting.write(change));
        touched
    }
}
