//! Locations: where stock lies.

use crate::patch::Patch;
use crate::races::as_expected;
use crate::{Page, Races, TradeError, Written, text};
use bonded_base::{Id, Kind, Kinded, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Lookup, LookupName, Record, Scope, Stored};
use serde::{Deserialize, Serialize};

/// The location that stands for all others until there are any; made when it is first needed.
pub const MAIN_LOCATION: &str = "Main";
/// Characters of a location's name.
pub const LOCATION_NAME_MAX: usize = 100;
/// Locations of an account.
pub const LOCATIONS_MAX: usize = 200;

/// A place where stock lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Its name, unique in the account.
    pub name: String,
    /// Whether stock is promised from it.
    pub active: bool,
    /// Set while nothing was heard of its stock for longer than was agreed.
    #[serde(default)]
    pub stale: Option<Stale>,
}

/// Stock of which nothing was heard for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// When it was last heard of.
    pub since: Moment,
    /// What it counts as for partners meanwhile.
    pub counts_as: StalePolicy,
}

/// What a stock that was not confirmed for too long counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StalePolicy {
    /// As none, until it is confirmed again.
    Zero,
    /// As it was.
    #[default]
    Last,
}

/// What is to become of a location.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "each field is the location's of the same name")]
pub struct LocationPatch {
    pub name: Patch<String>,
    pub active: Patch<bool>,
}

impl Kinded for Location {
    const KIND: Kind = Kind::Location;
}

impl Record for Location {
    fn lookups(&self) -> Vec<Lookup<'_>> {
        vec![Lookup::new(LookupName::Location, self.name.as_bytes())]
    }
}

impl Location {
    /// A location in use.
    pub fn named(name: &str) -> Result<Self, Problem> {
        Ok(Self { name: text::line("/name", name, LOCATION_NAME_MAX)?, active: true, stale: None })
    }

    /// The location as a patch leaves it.
    pub fn patched(&self, patch: &LocationPatch) -> Result<Self, Problem> {
        let name = match &patch.name {
            Patch::Keep => self.name.clone(),
            Patch::Clear => return Err(Problem::invalid("/name", "this cannot be emptied")),
            Patch::Set(name) => text::line("/name", name, LOCATION_NAME_MAX)?,
        };
        let active = match patch.active {
            Patch::Keep => self.active,
            Patch::Clear => return Err(Problem::invalid("/active", "this cannot be emptied")),
            Patch::Set(active) => active,
        };
        Ok(Self { name, active, stale: self.stale })
    }

    /// Whether pieces that lie there can be sold.
    pub fn is_offered(&self) -> bool {
        self.active && self.stale.is_none_or(|stale| stale.counts_as == StalePolicy::Last)
    }
}

/// Opens a location.
pub async fn create_location(ledger: &Ledger, scope: &Scope, name: &str) -> Result<Written<Location>, TradeError> {
    let location = Location::named(name)?;
    if locations(ledger, scope).await?.len() >= LOCATIONS_MAX {
        return Err(Problem::new(Reason::TooMuch, format!("at most {LOCATIONS_MAX} locations")).into());
    }
    let id = ledger.new_id();
    let mut change = Change::new();
    change.create(id, &location, "created");
    match ledger.commit(scope, change).await {
        Ok(done) => Ok(Written::born(id, location, done.at)),
        Err(LedgerError::Taken { name: LookupName::Location, .. }) => Err(name_taken().into()),
        Err(error) => Err(error.into()),
    }
}

/// Renames a location, closes it, or opens it again.
pub async fn update_location(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<Location>,
    expected: Option<u64>,
    patch: &LocationPatch,
) -> Result<Written<Location>, TradeError> {
    let mut races = Races::staked(Kind::Location, id.bytes(), expected);
    loop {
        let was = location(ledger, scope, id).await?;
        as_expected(&was, expected)?;
        let next = was.patched(patch)?;
        if next == *was {
            return Ok(was.into());
        }
        let mut change = Change::new();
        change.update(&was, &next, "updated");
        match ledger.commit(scope, change).await {
            Ok(done) => return Ok(Written::changed(&was, next, done.at)),
            Err(LedgerError::Taken { name: LookupName::Location, .. }) => return Err(name_taken().into()),
            Err(error) => races.lost(error)?,
        }
    }
}

/// Says of locations whether what is known of their stock is stale, in one commit; what is said already leaves no entry.
pub async fn mark_stale(
    ledger: &Ledger,
    scope: &Scope,
    ids: &[Id<Location>],
    stale: Option<Stale>,
) -> Result<(), TradeError> {
    let mut races = Races::new();
    loop {
        let found = ledger.get_many::<Location>(scope, ids).await?;
        let mut change = Change::new();
        for was in found.iter().flatten().filter(|was| was.stale != stale) {
            change.update(
                was,
                &Location { stale, ..Location::clone(was) },
                if stale.is_some() { "stale" } else { "heard" },
            );
        }
        if change.is_empty() {
            return Ok(());
        }
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(()),
            Err(error) => races.lost(error)?,
        }
    }
}

/// One location.
pub async fn location(ledger: &Ledger, scope: &Scope, id: Id<Location>) -> Result<Stored<Location>, TradeError> {
    ledger.get(scope, id).await?.ok_or_else(|| TradeError::missing(Kind::Location))
}

/// All locations of the account, oldest first: at most [`LOCATIONS_MAX`].
pub async fn locations(ledger: &Ledger, scope: &Scope) -> Result<Vec<Stored<Location>>, TradeError> {
    let limit = u32::try_from(LOCATIONS_MAX).unwrap_or(u32::MAX);
    Ok(ledger.list(scope, &Page::first(limit).of_state(None)).await?.records)
}

/// The location called [`MAIN_LOCATION`], if there is one.
pub(super) async fn main_location(ledger: &Ledger, scope: &Scope) -> Result<Option<Id<Location>>, TradeError> {
    Ok(ledger.find(scope, &Lookup::new(LookupName::Location, MAIN_LOCATION.as_bytes())).await?)
}

/// The location called [`MAIN_LOCATION`], made if there is none yet.
pub async fn open_main_location(ledger: &Ledger, scope: &Scope) -> Result<Id<Location>, TradeError> {
    let mut races = Races::new();
    loop {
        if let Some(main) = main_location(ledger, scope).await? {
            return Ok(main);
        }
        let id = ledger.new_id();
        let mut change = Change::new();
        change.create(id, &Location::named(MAIN_LOCATION)?, "created");
        match ledger.commit(scope, change).await {
            Ok(_) => return Ok(id),
            Err(LedgerError::Taken { name: LookupName::Location, kind, id }) => {
                races.lost(LedgerError::Conflict { kind, id })?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn name_taken() -> Problem {
    Problem { reason: Reason::Duplicate, ..Problem::invalid("/name", "another location has this name") }
}
