//! Scopes: what has to be allowed for what is kept in step, and not one more.

use crate::connections::{Direction, Mode, Syncs};
use std::collections::BTreeSet;

/// The scopes that a shop is asked for. Watching reads only.
///
/// A parcel is noted on its order before it is made, so that it is made once: writing fulfilments takes `write_orders` too.
pub fn scopes(direction: Direction, syncs: &Syncs) -> Vec<&'static str> {
    let mut needed: BTreeSet<&str> = BTreeSet::new();
    let mut read = |mode: Mode, scopes: &[&'static str]| {
        if mode != Mode::Off {
            needed.extend(scopes);
        }
    };
    // A line of an order names its variant, and a variant its inventory item.
    read(syncs.products, &["read_products", "read_inventory"]);
    read(syncs.stock, &["read_products", "read_inventory", "read_locations"]);
    read(syncs.prices, &["read_products", "read_inventory"]);
    read(syncs.orders, &["read_orders", "read_products"]);
    read(syncs.fulfilments, &["read_orders", "read_products"]);
    let mut write = |mode: Mode, scopes: &[&'static str]| {
        if mode == Mode::On {
            needed.extend(scopes);
        }
    };
    if direction.sells() {
        write(syncs.products, &["write_products"]);
        write(syncs.prices, &["write_products"]);
        write(syncs.stock, &["write_inventory"]);
        write(syncs.fulfilments, &["write_merchant_managed_fulfillment_orders", "write_orders"]);
    }
    if direction.supplies() {
        write(syncs.orders, &["write_orders"]);
    }
    // Who may write may read.
    let written: Vec<_> = needed.iter().filter_map(|scope| scope.strip_prefix("write_")).collect();
    let is_implied = |scope: &&str| scope.strip_prefix("read_").is_some_and(|of| written.contains(&of));
    needed.iter().copied().filter(|scope| !is_implied(scope)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_direction_asks_for_what_it_needs() {
        let all =
            Syncs { products: Mode::On, stock: Mode::On, prices: Mode::On, orders: Mode::On, fulfilments: Mode::On };
        assert_eq!(
            scopes(Direction::SellThrough, &all),
            [
                "read_locations",
                "write_inventory",
                "write_merchant_managed_fulfillment_orders",
                "write_orders",
                "write_products"
            ]
        );
        assert_eq!(
            scopes(Direction::SupplyFrom, &all),
            ["read_inventory", "read_locations", "read_products", "write_orders"]
        );
        let watching = Syncs { orders: Mode::Watch, stock: Mode::Watch, ..Syncs::default() };
        assert_eq!(
            scopes(Direction::Both, &watching),
            ["read_inventory", "read_locations", "read_orders", "read_products"]
        );
        assert!(scopes(Direction::Both, &Syncs::default()).is_empty());
    }
}
