//! What each member of an account may do: four roles, each with all of the next one's rights and some more.

use crate::{Permission, Permissions};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A member's role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks at everything of the business.
    Viewer,
    /// Does the daily work: products, stock, orders, holds.
    Operator,
    /// Also links partners, invites members below an owner, makes API keys, answers support.
    Manager,
    /// Everything, other owners and payments included.
    Owner,
}

/// There is no role of that name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a member's role is one of owner, manager, operator, viewer")]
pub struct UnknownRole;

impl Role {
    /// Every role, the strongest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Manager, Self::Operator, Self::Viewer];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// The weakest role that has a permission.
    const fn least_for(permission: Permission) -> Self {
        match permission {
            Permission::AccountRead
            | Permission::PartnerLinksRead
            | Permission::ProductsRead
            | Permission::InventoryRead
            | Permission::OrdersRead
            | Permission::PurchaseOrdersRead
            | Permission::HoldsRead
            | Permission::ConnectionsRead
            | Permission::WebhooksRead
            | Permission::LogRead
            | Permission::MembersRead
            | Permission::GrantsRead
            | Permission::ImportsRead
            | Permission::PaymentsRead
            | Permission::DeletionsRead => Self::Viewer,
            Permission::ProductsWrite
            | Permission::InventoryWrite
            | Permission::OrdersWrite
            | Permission::PurchaseOrdersWrite
            | Permission::HoldsWrite
            | Permission::ImportsWrite => Self::Operator,
            Permission::PartnerLinksWrite
            | Permission::ConnectionsWrite
            | Permission::WebhooksWrite
            | Permission::MembersWrite
            | Permission::ApiKeysRead
            | Permission::ApiKeysWrite
            | Permission::GrantsWrite
            | Permission::DeletionsWrite => Self::Manager,
            Permission::PaymentsWrite => Self::Owner,
        }
    }

    /// Whether it has a permission.
    pub fn has(self, permission: Permission) -> bool {
        self >= Self::least_for(permission)
    }

    /// All that it may do.
    pub fn permissions(self) -> Permissions {
        Permission::ALL.into_iter().filter(|permission| self.has(*permission)).collect()
    }

    /// Whether it has rights that a second factor is demanded for, so that enrolling one is forced.
    pub fn needs_second_factor(self) -> bool {
        self.permissions().iter().any(Permission::needs_second_factor)
    }

    /// Whether it may give, change or take this role: nobody acts above their own.
    pub fn may_give(self, other: Self) -> bool {
        self.has(Permission::MembersWrite) && self >= other
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or(UnknownRole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_all_that_the_weaker_ones_have() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[1].permissions().within(pair[0].permissions()), "{} above {}", pair[0], pair[1]);
        }
        assert_eq!(Role::Owner.permissions(), Permissions::all());
        assert!(Role::Viewer.permissions().iter().all(Permission::is_read));
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        assert!(Role::Manager.may_give(Role::Manager) && Role::Owner.may_give(Role::Owner));
        assert!(!Role::Manager.may_give(Role::Owner) && !Role::Operator.may_give(Role::Viewer));
        assert!(Role::Manager.needs_second_factor() && !Role::Operator.needs_second_factor());
        assert_eq!("manager".parse(), Ok(Role::Manager));
        assert!("admin".parse::<Role>().is_err());
    }
}
