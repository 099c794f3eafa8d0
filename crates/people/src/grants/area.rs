//! What a grant can be about: parts of an account, each with the records it opens and the rights it gives.

use crate::{Permission, Permissions};
use bonded_base::{Kind, Problem};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name says it")]
pub enum Area {
    Account,
    PartnerLinks,
    Products,
    Inventory,
    Orders,
    Documents,
    Holds,
    Members,
    Connection,
}

impl Area {
    /// Every area.
    pub const ALL: [Self; 9] = [
        Self::Account,
        Self::PartnerLinks,
        Self::Products,
        Self::Inventory,
        Self::Orders,
        Self::Documents,
        Self::Holds,
        Self::Members,
        Self::Connection,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::PartnerLinks => "partner_links",
            Self::Products => "products",
            Self::Inventory => "inventory",
            Self::Orders => "orders",
            Self::Documents => "documents",
            Self::Holds => "holds",
            Self::Members => "members",
            Self::Connection => "connection",
        }
    }

    /// What it is, for whoever approves.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Account => "the account's own profile",
            Self::PartnerLinks => "links with partners",
            Self::Products => "products and their variants",
            Self::Inventory => "locations and stock",
            Self::Orders => "orders, without who they are for",
            Self::Documents => "purchase orders, shipments and invoices",
            Self::Holds => "what is held back, and why",
            Self::Members => "who the members are, and their roles",
            Self::Connection => "connections to commerce platforms",
        }
    }

    /// The kinds of records in it.
    const fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Account => &[Kind::Account],
            Self::PartnerLinks => &[Kind::PartnerLink],
            Self::Products => &[Kind::Product, Kind::Variant],
            Self::Inventory => &[Kind::Location, Kind::InventoryLevel, Kind::Variant],
            Self::Orders => &[Kind::Order],
            Self::Documents => &[Kind::PurchaseOrder, Kind::Fulfilment],
            Self::Holds => &[Kind::Hold],
            Self::Members => &[Kind::Member],
            Self::Connection => &[Kind::Connection, Kind::Mirror, Kind::SkuMapping],
        }
    }

    /// What must be read and changed besides when somebody acts in it.
    const fn acts_on(self) -> &'static [Kind] {
        match self {
            Self::Products => &[Kind::InventoryLevel, Kind::Location],
            Self::Inventory => &[Kind::Product],
            Self::Orders => &[Kind::Hold],
            Self::Documents => &[Kind::InventoryLevel],
            Self::Holds => &[Kind::Order, Kind::PurchaseOrder],
            Self::Account | Self::PartnerLinks | Self::Members | Self::Connection => &[],
        }
    }

    const fn reads(self) -> &'static [Permission] {
        match self {
            Self::Account => &[Permission::AccountRead],
            Self::PartnerLinks => &[Permission::PartnerLinksRead],
            Self::Products => &[Permission::ProductsRead],
            Self::Inventory => &[Permission::InventoryRead],
            Self::Orders => &[Permission::OrdersRead],
            Self::Documents => &[Permission::PurchaseOrdersRead],
            Self::Holds => &[Permission::HoldsRead],
            Self::Members => &[Permission::MembersRead],
            Self::Connection => &[Permission::ConnectionsRead],
        }
    }

    /// What may be done in it: nobody of the staff ever changes an account, its links or its members.
    const fn writes(self) -> &'static [Permission] {
        match self {
            Self::Products => &[Permission::ProductsWrite],
            Self::Inventory => &[Permission::InventoryWrite],
            Self::Orders => &[Permission::OrdersWrite],
            Self::Documents => &[Permission::PurchaseOrdersWrite],
            Self::Holds => &[Permission::HoldsWrite],
            Self::Connection => &[Permission::ConnectionsWrite],
            Self::Account | Self::PartnerLinks | Self::Members => &[],
        }
    }
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Area {
    type Err = Problem;

    fn from_str(text: &str) -> Result<Self, Problem> {
        let unknown = || Problem::invalid("/areas", "there is no such area");
        Self::ALL.into_iter().find(|area| area.name() == text).ok_or_else(unknown)
    }
}

/// What is asked for: parts of an account, to look at or to act in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantScope {
    /// Which parts.
    pub areas: Vec<Area>,
    /// Whether things may also be done there.
    #[serde(default)]
    pub act: bool,
    /// One record alone, as its id; then `areas` names the one that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<String>,
    /// Whether the consumers' fields are in it.
    #[serde(default)]
    pub consumers: bool,
}

impl GrantScope {
    /// The same with each area once, in the order of [`Area::ALL`], if it can be asked for.
    pub fn check(mut self) -> Result<Self, Problem> {
        self.areas.sort_unstable();
        self.areas.dedup();
        if self.areas.is_empty() {
            return Err(Problem::invalid("/areas", "name at least one area"));
        }
        if self.consumers && !self.areas.contains(&Area::Orders) {
            return Err(Problem::invalid("/consumers", "consumers' fields are part of orders: ask for these too"));
        }
        if self.act && self.areas.iter().all(|area| area.writes().is_empty()) {
            return Err(Problem::invalid("/act", "there is nothing to be done in these areas; staff can only look"));
        }
        if self.record.is_some() {
            if self.areas.len() != 1 || self.act {
                return Err(Problem::invalid(
                    "/record",
                    "one record is looked at alone: name its area, and do not act",
                ));
            }
            self.only()?;
        }
        Ok(self)
    }

    /// All that any grant could be about.
    pub fn everything() -> Self {
        Self { areas: Area::ALL.to_vec(), act: true, record: None, consumers: true }
    }

    /// The kind and the bytes of the one record, if it is about one.
    pub(super) fn only(&self) -> Result<Option<(Kind, [u8; 16])>, Problem> {
        let Some(text) = &self.record else { return Ok(None) };
        let kinds = self.areas.iter().flat_map(|area| area.kinds());
        let found = kinds.copied().find_map(|kind| bonded_base::id_bytes(kind, text).map(|bytes| (kind, bytes)));
        found.map(Some).ok_or_else(|| Problem::invalid("/record", "this is no id of a record in that area"))
    }

    /// The kinds of records that may be opened.
    pub(super) fn opens(&self) -> Vec<Kind> {
        let also = |area: &Area| if self.act { area.acts_on() } else { &[] };
        let kinds = self.areas.iter().flat_map(|area| area.kinds().iter().chain(also(area)));
        sorted(kinds.copied())
    }

    /// The kinds of records that may be changed.
    pub(super) fn changes(&self) -> Vec<Kind> {
        let acted_in = self.areas.iter().filter(|area| self.act && !area.writes().is_empty());
        sorted(acted_in.flat_map(|area| area.kinds().iter().chain(area.acts_on())).copied())
    }

    /// What the routes of the API ask for.
    pub fn permissions(&self) -> Permissions {
        let writes = |area: &Area| if self.act { area.writes() } else { &[] };
        self.areas.iter().flat_map(|area| area.reads().iter().chain(writes(area))).copied().collect()
    }
}

impl fmt::Display for GrantScope {
    /// `read orders, holds`, `act in documents`, `read orders (ord_01jd…), with consumers`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.act { "act in " } else { "read " })?;
        for (place, area) in self.areas.iter().enumerate() {
            write!(f, "{}{area}", if place == 0 { "" } else { ", " })?;
        }
        if let Some(record) = &self.record {
            write!(f, " ({record})")?;
        }
        f.write_str(if self.consumers { ", with consumers" } else { "" })
    }
}

fn sorted(kinds: impl Iterator<Item = Kind>) -> Vec<Kind> {
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(areas: &[Area]) -> GrantScope {
        GrantScope { areas: areas.to_vec(), act: false, record: None, consumers: false }
    }

    #[test]
    fn looking_changes_nothing_and_acting_stays_in_its_areas() {
        let looking = scope(&[Area::Orders, Area::Holds]);
        assert_eq!((looking.opens(), looking.changes()), (vec![Kind::Order, Kind::Hold], Vec::new()));
        assert!(looking.permissions().iter().all(Permission::is_read));
        let acting = GrantScope { act: true, ..scope(&[Area::Documents]) };
        assert!(acting.changes().contains(&Kind::PurchaseOrder) && !acting.opens().contains(&Kind::Order));
        assert_eq!(acting.to_string(), "act in documents");
    }

    #[test]
    fn no_grant_ever_changes_members_keys_or_grants() {
        let all = GrantScope { act: true, ..scope(&Area::ALL) };
        let never = [Kind::Member, Kind::ApiKey, Kind::Grant, Kind::Account, Kind::PartnerLink, Kind::User];
        assert!(never.iter().all(|kind| !all.changes().contains(kind)));
        assert!(!all.permissions().iter().any(Permission::needs_second_factor));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_field() {
        let order = bonded_base::id_text(Kind::Order, [1; 16]);
        let pointer = |scope: GrantScope| scope.check().unwrap_err().pointer.unwrap();
        assert_eq!(pointer(scope(&[])), "/areas");
        assert_eq!(pointer(GrantScope { consumers: true, ..scope(&[Area::Products]) }), "/consumers");
        assert_eq!(pointer(GrantScope { act: true, ..scope(&[Area::Members]) }), "/act");
        assert_eq!(pointer(GrantScope { record: Some(order.clone()), ..scope(&[Area::Products]) }), "/record");
        let single = GrantScope { record: Some(order), ..scope(&[Area::Orders]) }.check().unwrap();
        assert_eq!(single.only().unwrap(), Some((Kind::Order, [1; 16])));
    }
}
