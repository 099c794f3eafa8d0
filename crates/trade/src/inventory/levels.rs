//! Counting stock, and reading what was counted.

use super::InventoryLevel;
use super::locations::{Location, MAIN_LOCATION, locations, main_location};
use crate::catalog::{self, Variant};
use crate::{Did, Races, Touched, TradeError, Written};
use bonded_base::{Id, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, LookupName, Scope, Stored};
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

/// Levels that one call sets.
pub const LEVELS_A_CALL_MAX: usize = 10_000;

/// What was counted of one variant at one location.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct LevelSet {
    /// Of what; or name its SKU.
    pub variant: Option<Id<Variant>>,
    /// Its SKU, if it is not named by its id.
    pub sku: Option<String>,
    /// Where; at [`MAIN_LOCATION`], if left out.
    pub location: Option<Id<Location>>,
    /// Pieces that lie there.
    pub on_hand: i64,
}

/// A level that is wanted: which, and how many were counted.
#[derive(Clone, Copy)]
struct Wanted {
    variant: Id<Variant>,
    location: Id<Location>,
    on_hand: i64,
}

impl Wanted {
    fn id(&self) -> Id<InventoryLevel> {
        InventoryLevel::id_of(self.variant, self.location)
    }
}

/// Sets up to [`LEVELS_A_CALL_MAX`] levels in one commit; says of each, in the order given, what came of it.
///
/// One that cannot be set holds back only itself. What was counted before already leaves no entry; if a call counts
/// one level twice, the later count stands.
pub async fn set_many(
    ledger: &Ledger,
    scope: &Scope,
    sets: &[LevelSet],
) -> Result<Vec<Result<Written<InventoryLevel>, Problem>>, TradeError> {
    if sets.len() > LEVELS_A_CALL_MAX {
        let detail = format!("at most {LEVELS_A_CALL_MAX} levels in one call");
        return Err(Problem::new(Reason::TooMuch, detail).into());
    }
    let mut races = Races::new();
    loop {
        let count = Counting::of(ledger, scope, sets).await?;
        if count.is_nothing() {
            return Ok(count.written(ledger.clock().now()));
        }
        match ledger.commit(scope, count.change()).await {
            Ok(done) => return Ok(count.written(done.at)),
            // Another call has just made the main location: read again and find it.
            Err(LedgerError::Taken { name: LookupName::Location, kind, id }) => {
                races.lost(LedgerError::Conflict { kind, id })?;
            }
            Err(error) => races.lost(error)?,
        }
    }
}

/// What was counted, worked out against what is there but not written.
pub struct Counting {
    /// In the order asked.
    wanted: Vec<Result<Wanted, Problem>>,
    /// The main location, if this call makes it.
    founded: Option<Id<Location>>,
    /// What is there now.
    found: HashMap<Id<InventoryLevel>, Stored<InventoryLevel>>,
    /// What it becomes.
    next: HashMap<Id<InventoryLevel>, InventoryLevel>,
}

impl Counting {
    /// Works out what setting these levels does.
    pub async fn of(ledger: &Ledger, scope: &Scope, sets: &[LevelSet]) -> Result<Self, TradeError> {
        let (places, founded) = places(ledger, scope, sets).await?;
        let mut wanted = wanted(ledger, scope, sets, &places).await?;
        let mut asked = HashSet::new();
        let ids: Vec<_> = wanted.iter().flatten().map(Wanted::id).filter(|id| asked.insert(*id)).collect();
        let mut found = HashMap::with_capacity(ids.len());
        for stored in ledger.get_many(scope, &ids).await?.into_iter().flatten() {
            found.insert(stored.id, stored);
        }
        refuse_unknown_variants(ledger, scope, sets, &mut wanted, &found).await?;
        let mut next = HashMap::with_capacity(ids.len());
        for slot in &mut wanted {
            let Ok(Wanted { variant, location, on_hand }) = *slot else { continue };
            let id = InventoryLevel::id_of(variant, location);
            let was = found.get(&id).map_or_else(|| InventoryLevel::empty(variant, location), |stored| **stored);
            match was.counted(on_hand) {
                Ok(level) => drop(next.insert(id, level)),
                Err(problem) => *slot = Err(problem),
            }
        }
        Ok(Self { wanted, founded, found, next })
    }

    fn is_new(&self, id: &Id<InventoryLevel>, level: &InventoryLevel) -> bool {
        self.found.get(id).is_none_or(|was| **was != *level)
    }

    fn is_nothing(&self) -> bool {
        !self.next.iter().any(|(id, level)| self.is_new(id, level))
    }

    fn change(&self) -> Change {
        let mut change = Change::new();
        self.write(&mut change);
        change
    }

    /// Adds it to a change in the order of the ids, so that what is stored together is written together; says what it
    /// touches.
    pub fn write(&self, change: &mut Change) -> Vec<Touched> {
        if let Some(id) = self.founded {
            change.create(id, &Location { name: MAIN_LOCATION.to_owned(), active: true, stale: None }, "created");
        }
        let mut levels: Vec<_> = self.next.iter().filter(|(id, level)| self.is_new(id, level)).collect();
        levels.sort_unstable_by_key(|(id, _)| **id);
        let mut touched = Vec::with_capacity(levels.len());
        for (id, level) in levels {
            if let Some(was) = self.found.get(id) {
                change.update(was, level, "counted");
                touched.push(Touched::changed(was, level));
            } else {
                change.create(*id, level, "counted");
                touched.push(Touched::born(*id, level));
            }
        }
        touched
    }

    /// What comes of each level, in the order asked.
    pub fn outcomes(&self) -> impl Iterator<Item = Result<Did, Problem>> {
        let did = |wanted: &Wanted| {
            let id = wanted.id();
            match (self.found.get(&id), self.next.get(&id)) {
                (None, _) => Did::Created,
                (Some(was), Some(next)) if **was != *next => Did::Changed,
                _ => Did::Unchanged,
            }
        };
        self.wanted.iter().map(move |wanted| wanted.as_ref().map(did).map_err(Clone::clone))
    }

    /// The variants whose count becomes another.
    pub fn moved(&self) -> impl Iterator<Item = Id<Variant>> {
        self.next.iter().filter(|(id, level)| self.is_new(id, level)).map(|(_, level)| level.variant)
    }

    fn written(self, at: bonded_base::Moment) -> Vec<Result<Written<InventoryLevel>, Problem>> {
        let one = |wanted: &Wanted| {
            let id = wanted.id();
            let level = self.next.get(&id).copied().unwrap_or(InventoryLevel::empty(wanted.variant, wanted.location));
            match self.found.get(&id) {
                Some(was) if **was == level => was.clone().into(),
                Some(was) => Written::changed(was, level, at),
                None => Written::born(id, level, at),
            }
        };
        self.wanted.iter().map(|wanted| wanted.as_ref().map(one).map_err(Clone::clone)).collect()
    }
}

/// The location of each set, in the order asked, and the main one if it has to be made.
type Places = (Vec<Result<Id<Location>, Problem>>, Option<Id<Location>>);

async fn places(ledger: &Ledger, scope: &Scope, sets: &[LevelSet]) -> Result<Places, TradeError> {
    let needs_main = sets.iter().any(|set| set.location.is_none());
    let main = if needs_main { main_location(ledger, scope).await? } else { None };
    let founded = if needs_main && main.is_none() { Some(ledger.new_id()) } else { None };
    let named: Vec<_> = sets.iter().filter_map(|set| set.location).collect::<HashSet<_>>().into_iter().collect();
    let known: HashSet<_> = if named.is_empty() {
        HashSet::new()
    } else {
        ledger.get_many(scope, &named).await?.into_iter().flatten().map(|location| location.id).collect()
    };
    let place = |set: &LevelSet| match set.location.or(main).or(founded) {
        Some(id) if set.location.is_none() || known.contains(&id) => Ok(id),
        _ => Err(absent("/location", "there is no such location")),
    };
    Ok((sets.iter().map(place).collect(), founded))
}

/// The variant of each set, named by its id or found by its SKU.
async fn wanted(
    ledger: &Ledger,
    scope: &Scope,
    sets: &[LevelSet],
    places: &[Result<Id<Location>, Problem>],
) -> Result<Vec<Result<Wanted, Problem>>, TradeError> {
    let named_by_sku = |set: &&LevelSet| set.variant.is_none();
    let skus: Vec<_> = sets.iter().filter(named_by_sku).filter_map(|set| set.sku.as_deref()).map(str::trim).collect();
    let found = if skus.is_empty() { Vec::new() } else { catalog::by_skus(ledger, scope, &skus).await? };
    let mut found = found.into_iter();
    let mut one = |set: &LevelSet, place: &Result<Id<Location>, Problem>| {
        let variant = match (set.variant, &set.sku) {
            (Some(variant), _) => variant,
            (None, Some(_)) => {
                found.next().flatten().ok_or_else(|| absent("/sku", "there is no variant with this SKU"))?
            }
            (None, None) => return Err(Problem::invalid("/variant", "name the variant, or its SKU")),
        };
        Ok(Wanted { variant, location: place.clone()?, on_hand: set.on_hand })
    };
    Ok(sets.iter().zip(places).map(|(set, place)| one(set, place)).collect())
}

/// A level that is there proves its variant; so does a SKU. Of the others, each variant has to be seen.
async fn refuse_unknown_variants(
    ledger: &Ledger,
    scope: &Scope,
    sets: &[LevelSet],
    wanted: &mut [Result<Wanted, Problem>],
    found: &HashMap<Id<InventoryLevel>, Stored<InventoryLevel>>,
) -> Result<(), TradeError> {
    let unproven: Vec<(usize, Id<Variant>)> = (0..)
        .zip(sets.iter().zip(wanted.iter()))
        .filter_map(|(place, (set, wanted))| Some((place, set.variant?, wanted.as_ref().ok()?)))
        .filter(|(_, _, wanted)| !found.contains_key(&wanted.id()))
        .map(|(place, variant, _)| (place, variant))
        .collect();
    if unproven.is_empty() {
        return Ok(());
    }
    let ids: Vec<_> = unproven.iter().map(|(_, id)| *id).collect::<HashSet<_>>().into_iter().collect();
    let known: HashSet<_> =
        ledger.get_many(scope, &ids).await?.into_iter().flatten().map(|variant| variant.id).collect();
    for (place, id) in unproven {
        if let Some(slot) = wanted.get_mut(place).filter(|_| !known.contains(&id)) {
            *slot = Err(absent("/variant", "there is no such variant"));
        }
    }
    Ok(())
}

/// The levels of variants at all locations, each list in the place of its variant.
pub async fn levels_of(
    ledger: &Ledger,
    scope: &Scope,
    variants: &[Id<Variant>],
) -> Result<Vec<Vec<Stored<InventoryLevel>>>, TradeError> {
    let places = locations(ledger, scope).await?;
    let ids: Vec<_> = variants
        .iter()
        .flat_map(|variant| places.iter().map(|place| InventoryLevel::id_of(*variant, place.id)))
        .collect();
    let mut found = ledger.get_many(scope, &ids).await?.into_iter();
    Ok(variants.iter().map(|_| found.by_ref().take(places.len()).flatten().collect()).collect())
}

/// What partners can have of a variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OnOffer {
    /// Pieces, at all locations that are in use and of which was heard in time.
    pub pieces: i64,
    /// When one of its levels last changed.
    pub since: Option<Moment>,
}

/// What partners can have of each of these variants, in their order.
pub async fn on_offer(ledger: &Ledger, scope: &Scope, variants: &[Id<Variant>]) -> Result<Vec<OnOffer>, TradeError> {
    let offered: HashSet<_> =
        locations(ledger, scope).await?.iter().filter(|place| place.is_offered()).map(|place| place.id).collect();
    let of = |levels: Vec<Stored<InventoryLevel>>| OnOffer {
        pieces: levels.iter().filter(|level| offered.contains(&level.location)).map(|one| one.available().max(0)).sum(),
        since: levels.iter().map(|level| level.updated_at).max(),
    };
    Ok(levels_of(ledger, scope, variants).await?.into_iter().map(of).collect())
}

fn absent(pointer: &'static str, detail: &'static str) -> Problem {
    Problem { reason: Reason::Missing, ..Problem::invalid(pointer, detail) }
}
