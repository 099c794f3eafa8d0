//! What a key may do: to read or to write each sort of thing, and nothing else.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// One thing a key may do; written `orders:read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[expect(missing_docs, reason = "each name says it")]
pub enum Permission {
    AccountRead,
    PartnerLinksRead,
    PartnerLinksWrite,
    ProductsRead,
    ProductsWrite,
    InventoryRead,
    InventoryWrite,
    OrdersRead,
    OrdersWrite,
    PurchaseOrdersRead,
    PurchaseOrdersWrite,
    HoldsRead,
    HoldsWrite,
    ConnectionsRead,
    ConnectionsWrite,
    WebhooksRead,
    WebhooksWrite,
    LogRead,
    MembersRead,
    MembersWrite,
    ApiKeysRead,
    ApiKeysWrite,
    GrantsRead,
    GrantsWrite,
    ImportsRead,
    ImportsWrite,
    PaymentsRead,
    PaymentsWrite,
    DeletionsRead,
    DeletionsWrite,
}

/// There is no permission of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such permission; they are written like `orders:read`")]
pub struct UnknownPermission;

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 30] = [
        Self::AccountRead,
        Self::PartnerLinksRead,
        Self::PartnerLinksWrite,
        Self::ProductsRead,
        Self::ProductsWrite,
        Self::InventoryRead,
        Self::InventoryWrite,
        Self::OrdersRead,
        Self::OrdersWrite,
        Self::PurchaseOrdersRead,
        Self::PurchaseOrdersWrite,
        Self::HoldsRead,
        Self::HoldsWrite,
        Self::ConnectionsRead,
        Self::ConnectionsWrite,
        Self::WebhooksRead,
        Self::WebhooksWrite,
        Self::LogRead,
        Self::MembersRead,
        Self::MembersWrite,
        Self::ApiKeysRead,
        Self::ApiKeysWrite,
        Self::GrantsRead,
        Self::GrantsWrite,
        Self::ImportsRead,
        Self::ImportsWrite,
        Self::PaymentsRead,
        Self::PaymentsWrite,
        Self::DeletionsRead,
        Self::DeletionsWrite,
    ];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountRead => "account:read",
            Self::PartnerLinksRead => "partner_links:read",
            Self::PartnerLinksWrite => "partner_links:write",
            Self::ProductsRead => "products:read",
            Self::ProductsWrite => "products:write",
            Self::InventoryRead => "inventory:read",
            Self::InventoryWrite => "inventory:write",
            Self::OrdersRead => "orders:read",
            Self::OrdersWrite => "orders:write",
            Self::PurchaseOrdersRead => "purchase_orders:read",
            Self::PurchaseOrdersWrite => "purchase_orders:write",
            Self::HoldsRead => "holds:read",
            Self::HoldsWrite => "holds:write",
            Self::ConnectionsRead => "connections:read",
            Self::ConnectionsWrite => "connections:write",
            Self::WebhooksRead => "webhooks:read",
            Self::WebhooksWrite => "webhooks:write",
            Self::LogRead => "log:read",
            Self::MembersRead => "members:read",
            Self::MembersWrite => "members:write",
            Self::ApiKeysRead => "api_keys:read",
            Self::ApiKeysWrite => "api_keys:write",
            Self::GrantsRead => "grants:read",
            Self::GrantsWrite => "grants:write",
            Self::ImportsRead => "imports:read",
            Self::ImportsWrite => "imports:write",
            Self::PaymentsRead => "payments:read",
            Self::PaymentsWrite => "payments:write",
            Self::DeletionsRead => "deletions:read",
            Self::DeletionsWrite => "deletions:write",
        }
    }

    /// Whether it only lets its holder look.
    pub fn is_read(self) -> bool {
        self.name().ends_with(":read")
    }

    /// Whether only a person who has shown a second factor may use it: it touches credentials, members or grants. No
    /// API key can hold it.
    pub const fn needs_second_factor(self) -> bool {
        matches!(self, Self::MembersWrite | Self::ApiKeysWrite | Self::GrantsWrite)
    }

    /// Whether a person needs a second factor and a fresh proof of who they are for it: also for what moves money or cannot
    /// be undone, which API keys may do without.
    pub const fn is_grave(self) -> bool {
        self.needs_second_factor() || matches!(self, Self::PaymentsWrite | Self::DeletionsWrite)
    }

    const fn bit(self) -> u32 {
        1 << self as u8
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Permission {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::ALL.into_iter().find(|permission| permission.name() == text).ok_or(UnknownPermission)
    }
}

/// A set of permissions; written as the list of their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Permissions(u32);

impl Permissions {
    /// All there are today; a permission invented later is not among them for a key that exists.
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    /// All that an API key may hold.
    pub fn of_keys() -> Self {
        Permission::ALL.into_iter().filter(|permission| !permission.needs_second_factor()).collect()
    }

    /// Whether each of these is also among `others`.
    pub const fn within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those that only look.
    pub fn reading() -> Self {
        Permission::ALL.into_iter().filter(|permission| permission.is_read()).collect()
    }

    /// Whether it is among them.
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Each of them, in the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.into_iter().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | permission.bit()))
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Permission::name))
    }
}

impl<'de> Deserialize<'de> for Permissions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        names
            .iter()
            .map(|name| name.parse())
            .collect::<Result<_, UnknownPermission>>()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_permission_has_a_name_of_its_own_and_is_found_by_it() {
        let names: HashSet<_> = Permission::ALL.into_iter().map(Permission::name).collect();
        assert_eq!(names.len(), Permission::ALL.len());
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse(), Ok(permission));
        }
        assert_eq!("orders".parse::<Permission>(), Err(UnknownPermission));
    }

    #[test]
    fn a_set_holds_what_was_put_in_and_is_written_as_names() {
        let set: Permissions = [Permission::OrdersWrite, Permission::LogRead].into_iter().collect();
        assert!(set.contains(Permission::OrdersWrite) && !set.contains(Permission::OrdersRead));
        let text = serde_json::to_string(&set).unwrap();
        assert_eq!(text, r#"["orders:write","log:read"]"#);
        assert_eq!(serde_json::from_str::<Permissions>(&text).unwrap(), set);
        assert!(serde_json::from_str::<Permissions>(r#"["everything"]"#).is_err());
    }

    #[test]
    fn reading_never_includes_writing() {
        assert!(Permissions::reading().iter().all(Permission::is_read));
        assert_eq!(Permissions::all().iter().count(), Permission::ALL.len());
        assert_eq!(Permissions::default().iter().count(), 0);
    }
}
