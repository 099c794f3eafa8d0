//! What a connection keeps in step, and the rules by which it does.

use bonded_base::{Id, Problem};
use bonded_trade::catalog::Variant;
use bonded_trade::inventory::StalePolicy;
use bonded_trade::partners::PartnerLink;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Pieces that a safety buffer keeps back at most.
pub const BUFFER_MAX: u32 = 1_000_000;
/// Buffers of single variants and partners that one connection has at most.
pub const BUFFERS_MAX: usize = 1_000;
/// Seconds after which a feed is stale, at least and at most: a minute and thirty days.
pub const STALE_AFTER_S: std::ops::RangeInclusive<u32> = 60..=2_592_000;

/// Whether one sort of thing is kept in step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It is not looked at.
    #[default]
    Off,
    /// A dry run: what would be changed is shown, and nothing is changed.
    Watch,
    /// It is.
    On,
}

/// What is kept in step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Syncs {
    /// What is sold: a supplier's into Bonded, its partners' into a shop that sells them.
    pub products: Mode,
    /// How many there are of it.
    pub stock: Mode,
    /// What it costs in a shop that sells it. Without this a price is given once, when a product is made there.
    pub prices: Mode,
    /// What consumers ordered, and what suppliers are to ship of it.
    pub orders: Mode,
    /// What was shipped, and how it can be followed.
    pub fulfilments: Mode,
}

/// Who puts right what has drifted apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// It is reported, and put right when somebody asks.
    OnRequest,
    /// It is put right by itself.
    #[default]
    Automatic,
}

/// What becomes of a shop's order line that no partner sells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// It is held, until somebody says what it means.
    #[default]
    Hold,
    /// It is the shop's own affair.
    Ignore,
}

/// The rules of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Policy {
    /// Pieces that are kept back of every variant, so that a sale elsewhere in the same moment does not oversell.
    pub buffer: u32,
    /// The same for what one partner ships, in place of `buffer`.
    pub buffer_by_partner: BTreeMap<Id<PartnerLink>, u32>,
    /// The same for one variant, in place of both.
    pub buffer_by_variant: BTreeMap<Id<Variant>, u32>,
    /// After how many seconds without a word from a supplier's shop its stock is stale; never, if not said.
    pub stale_after_s: Option<u32>,
    /// What stale stock counts as.
    pub stale: StalePolicy,
    /// Who puts right what has drifted apart.
    pub repair: Repair,
    /// What becomes of lines that no partner sells.
    pub unmatched: Unmatched,
    /// Per cent that are added to a partner's price in a shop that sells it.
    pub markup_percent: u32,
}

impl Policy {
    /// Refuses rules that cannot be; pointers begin at the policy.
    pub fn check(&self) -> Result<(), Problem> {
        let buffers = self.buffer_by_partner.values().chain(self.buffer_by_variant.values()).chain([&self.buffer]);
        if buffers.into_iter().any(|pieces| *pieces > BUFFER_MAX) {
            return Err(Problem::invalid("/buffer", format!("at most {BUFFER_MAX} pieces are kept back")));
        }
        if self.buffer_by_partner.len() + self.buffer_by_variant.len() > BUFFERS_MAX {
            return Err(Problem::invalid("/buffer_by_variant", format!("at most {BUFFERS_MAX} buffers of their own")));
        }
        if self.stale_after_s.is_some_and(|seconds| !STALE_AFTER_S.contains(&seconds)) {
            let (least, most) = (STALE_AFTER_S.start(), STALE_AFTER_S.end());
            return Err(Problem::invalid("/stale_after_s", format!("{least} to {most} seconds")));
        }
        if self.markup_percent > 1_000 {
            return Err(Problem::invalid("/markup_percent", "at most 1000 per cent"));
        }
        Ok(())
    }

    /// Pieces of a variant that are kept back.
    pub fn buffer_of(&self, variant: Id<Variant>, link: Id<PartnerLink>) -> u32 {
        let own = self.buffer_by_variant.get(&variant);
        own.or_else(|| self.buffer_by_partner.get(&link)).copied().unwrap_or(self.buffer)
    }
}

impl Syncs {
    /// Everything is kept in step.
    pub const fn all(mode: Mode) -> Self {
        Self { products: mode, stock: mode, prices: mode, orders: mode, fulfilments: mode }
    }

    /// Whether anything of it changes what the other side has.
    pub fn changes_anything(&self) -> bool {
        [self.products, self.stock, self.prices, self.orders, self.fulfilments].contains(&Mode::On)
    }
}

impl Mode {
    /// Whether it is looked at.
    pub const fn looks(self) -> bool {
        !matches!(self, Self::Off)
    }
}
