//! Records of imports: the import itself, its chunks of rows, what each chunk did, and mappings that are kept.
//!
//! All four are records of one kind; a chunk's and a step's id are worked out from the import's and their number, so that
//! finding them takes no lookup.

use super::columns::Format;
use super::mapping::{MappedColumn, Mapping};
use super::text::Encoding;
use super::work::remove_rows;
use crate::followers::Follower;
use aws_lc_rs::digest::{SHA256, digest};
use bonded_base::{Account, Currency, Id, Kind, Kinded, Moment, Problem, Reason};
use bonded_ledger::{Change, Ledger, LedgerError, Record, Scope, Stored};
use bonded_trade::{Did, Left, Page, Touched, TradeError};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::ops::Deref;

/// What imports are listed under.
const SHELF_OF_IMPORTS: [u8; 16] = [1; 16];
/// What mappings are listed under.
pub(super) const SHELF_OF_MAPPINGS: [u8; 16] = [2; 16];
/// Bytes that the id of a chunk or step takes from its import's.
const IMPORT_BYTES: usize = 8;

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ImportState {
    /// Its file is arriving.
    Receiving,
    /// Its rows are kept, and nothing was changed yet.
    Previewed,
    /// Its rows are brought in.
    Running,
    /// All rows were brought in or held.
    Done,
    /// It cannot go on; `why` says why.
    Failed,
    /// What it did is taken back.
    Undoing,
    /// What it did was taken back, as far as nobody built on it.
    Undone,
}

impl ImportState {
    /// The number that lists go by.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// Whether it goes on by itself.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Undoing)
    }
}

/// Rows, by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that made something new.
    pub created: u64,
    /// Rows that changed something.
    pub changed: u64,
    /// Rows that say what is so already.
    pub unchanged: u64,
    /// Rows that were held, each with its reason.
    pub held: u64,
    /// Records that were taken back by undoing it.
    pub taken_back: u64,
    /// Records that could not be taken back.
    pub left: u64,
}

impl Counts {
    pub(super) const fn add(&mut self, did: Did, rows: u64) {
        match did {
            Did::Created => self.created += rows,
            Did::Changed => self.changed += rows,
            Did::Unchanged => self.unchanged += rows,
        }
    }

    /// Rows that have been dealt with.
    pub const fn rows(&self) -> u64 {
        self.created + self.changed + self.unchanged + self.held
    }
}

/// One file on its way into an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// What it is about.
    pub format: Format,
    /// How far it has come.
    pub state: ImportState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Cow<'static, str>>,
    /// Who sent it.
    pub started_by: String,
    /// The currency of amounts that name none.
    pub currency: Currency,
    /// How its characters are written.
    pub encoding: Encoding,
    /// What stands between its cells.
    pub delimiter: char,
    /// Whether decimals are written with a comma.
    pub decimal_comma: bool,
    /// Its columns, and the field that each was taken for.
    pub columns: Vec<MappedColumn>,
    /// The kept mapping that was used, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Id<ImportRecord>>,
    /// Bytes that arrived.
    pub bytes: u64,
    /// Rows below the header.
    pub rows: u64,
    /// Chunks that the rows are kept in.
    pub chunks: u32,
    /// Chunks that have been dealt with; while it is undone, those that are still to be taken back.
    pub chunks_done: u32,
    /// What became of the rows so far.
    pub counts: Counts,
    /// Until when rows are kept that wait or were held; none when there are none any more.
    pub rows_until: Option<Moment>,
}

/// A row that was held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// Its number; 1 is the first below the header.
    pub row: u64,
    /// The line of the file in which it begins; 1 is the first.
    pub line: u64,
    /// The column to look at, as the file names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why. Never repeats what stood in the row.
    pub reason: String,
}

/// Any record of imports.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ImportRecord {
    /// An import.
    Import(Import),
    /// Rows that are kept beside this record, under a key of their own.
    Chunk {
        /// Rows, for whoever wonders what it is.
        rows: u64,
    },
    /// What a chunk did.
    Step {
        /// The records that it created or changed.
        touched: Vec<Touched>,
        /// The rows that were held.
        problems: Vec<RowProblem>,
        /// What could not be taken back.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        left: Vec<Left>,
    },
    /// A mapping.
    Mapping(Mapping),
}

impl Kinded for ImportRecord {
    const KIND: Kind = Kind::Import;
}

impl Record for ImportRecord {
    fn state(&self) -> u8 {
        match self {
            Self::Import(import) => import.state.number(),
            Self::Chunk { .. } | Self::Step { .. } | Self::Mapping(_) => 0,
        }
    }

    fn parent(&self) -> Option<[u8; 16]> {
        match self {
            Self::Import(_) => Some(SHELF_OF_IMPORTS),
            Self::Mapping(_) => Some(SHELF_OF_MAPPINGS),
            Self::Chunk { .. } | Self::Step { .. } => None,
        }
    }
}

fn numbered(import: Id<ImportRecord>, what: u8, number: u32) -> Id<ImportRecord> {
    let mut named = import.bytes().to_vec();
    named.push(what);
    named.extend_from_slice(&number.to_be_bytes());
    let mut id = import.bytes();
    for (byte, hashed) in id.iter_mut().skip(IMPORT_BYTES).zip(digest(&SHA256, &named).as_ref()) {
        *byte = *hashed;
    }
    Id::from_bytes(id)
}

/// The id of an import's chunk; the first is number 0.
pub(super) fn chunk_id(import: Id<ImportRecord>, number: u32) -> Id<ImportRecord> {
    numbered(import, 1, number)
}

/// The id of what that chunk did.
pub(super) fn step_id(import: Id<ImportRecord>, number: u32) -> Id<ImportRecord> {
    numbered(import, 2, number)
}

/// An import as it is kept.
#[derive(Clone)]
pub struct Kept {
    pub(super) stored: Stored<ImportRecord>,
    import: Import,
}

impl Kept {
    pub(super) fn of(stored: Stored<ImportRecord>) -> Option<Self> {
        let ImportRecord::Import(import) = &*stored else { return None };
        Some(Self { import: import.clone(), stored })
    }

    /// Which one.
    pub const fn id(&self) -> Id<ImportRecord> {
        self.stored.id
    }

    /// 1 at its birth, one more at each change.
    pub const fn version(&self) -> u64 {
        self.stored.version
    }

    /// When it changed last.
    pub const fn updated_at(&self) -> Moment {
        self.stored.updated_at
    }

    /// Adds what becomes of it to a change.
    pub(super) fn turn(&self, change: &mut Change, next: Import, action: &'static str) {
        change.update(&self.stored, &ImportRecord::Import(next), action);
    }
}

impl Deref for Kept {
    type Target = Import;

    fn deref(&self) -> &Import {
        &self.import
    }
}

/// What an import is on the register of followers.
pub const fn follower(account: Id<Account>) -> Follower {
    Follower { account, what: Kind::Import, shop: None, aside: None }
}

/// One import.
pub async fn get(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<Kept, TradeError> {
    let found = ledger.get(scope, id).await?;
    found.and_then(Kept::of).ok_or_else(|| TradeError::missing(Kind::Import))
}

/// A page of the imports, and where the next one begins.
pub async fn list(
    ledger: &Ledger,
    scope: &Scope,
    page: Page,
) -> Result<(Vec<Kept>, Option<(Moment, [u8; 16])>), TradeError> {
    let listed = ledger.list(scope, &page.of_parent(SHELF_OF_IMPORTS)).await?;
    Ok((listed.records.into_iter().filter_map(Kept::of).collect(), listed.next))
}

/// Begins to bring the rows of a previewed import in.
pub async fn start(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<Kept, TradeError> {
    turn(ledger, scope, id, "started", |import| match import.state {
        ImportState::Previewed => Ok(Import { state: ImportState::Running, ..import }),
        ImportState::Running => Ok(import),
        ImportState::Receiving => Err("its file is still arriving"),
        _ => Err("it was started before"),
    })
    .await
}

/// Goes on with an import that has failed, where it stood.
pub async fn resume(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<Kept, TradeError> {
    turn(ledger, scope, id, "resumed", |import| match import.state {
        ImportState::Running => Ok(import),
        ImportState::Failed if import.rows_until.is_some() && import.chunks_done < import.chunks => {
            Ok(Import { state: ImportState::Running, why: None, ..import })
        }
        ImportState::Failed => Err("its rows are not kept any more; send the file again"),
        _ => Err("only an import that has failed is resumed"),
    })
    .await
}

/// Takes the kept rows of an import away that is not at work; what it did stays.
pub async fn discard(ledger: &Ledger, scope: &Scope, id: Id<ImportRecord>) -> Result<Kept, TradeError> {
    let kept = get(ledger, scope, id).await?;
    if kept.state.is_active() {
        return Err(TradeError::state("the import is at work"));
    }
    remove_rows(ledger, scope, &kept).await?;
    turn(ledger, scope, id, "discarded", |import| {
        Ok(match import.state {
            ImportState::Receiving | ImportState::Previewed => Import {
                state: ImportState::Failed,
                why: Some("it was given up before it was started".into()),
                rows_until: None,
                ..import
            },
            _ => Import { rows_until: None, ..import },
        })
    })
    .await
}

pub(super) async fn turn(
    ledger: &Ledger,
    scope: &Scope,
    id: Id<ImportRecord>,
    action: &'static str,
    rule: impl Fn(Import) -> Result<Import, &'static str>,
) -> Result<Kept, TradeError> {
    loop {
        let kept = get(ledger, scope, id).await?;
        let next = rule(kept.import.clone()).map_err(|why| Problem::new(Reason::State, why))?;
        if next == kept.import {
            return Ok(kept);
        }
        let mut change = Change::new();
        kept.turn(&mut change, next, action);
        match ledger.commit(scope, change).await {
            Ok(_) => return get(ledger, scope, id).await,
            // Whoever was faster has made it another; each turn is decided anew.
            Err(LedgerError::Conflict { kind: Kind::Import, .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
