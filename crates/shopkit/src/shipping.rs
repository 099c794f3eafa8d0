//! What the shop's own people do with orders: send parcels, put their numbers right, take pieces out, cancel.

use crate::state::{Fulfilment, State, gid};
use serde_json::json;

impl State {
    /// Sends some pieces of an order's lines, `(line, pieces)` each; answers the parcel's number, or `None` where more
    /// would leave than is left.
    pub fn fulfil(&mut self, order: u64, lines: &[(u64, i64)], tracking: [Option<&str>; 3]) -> Option<u64> {
        let (id, now) = (self.next_id(), self.now_ms());
        let of = self.orders.get_mut(&order)?;
        let left = |line: u64| -> i64 {
            let entries = of.fulfilment_orders.iter().flat_map(|part| &part.lines);
            entries.filter(|(_, of, _)| *of == line).map(|(.., left)| left).sum()
        };
        if lines.iter().any(|(line, pieces)| left(*line) < *pieces) {
            return None;
        }
        let mut shipped = Vec::new();
        for (line, pieces) in lines {
            let mut pieces_left = *pieces;
            for (_, entry, left) in of.fulfilment_orders.iter_mut().flat_map(|part| &mut part.lines) {
                if entry == line {
                    let now = pieces_left.min(*left);
                    *left -= now;
                    pieces_left -= now;
                }
            }
            let item = of.lines.iter().find(|entry| entry.id == *line).and_then(|entry| entry.variant);
            shipped.extend(item.map(|item| (item, *pieces)));
        }
        for part in &mut of.fulfilment_orders {
            let left: i64 = part.lines.iter().map(|(.., left)| left).sum();
            if left == 0 { "CLOSED" } else { "IN_PROGRESS" }.clone_into(&mut part.status);
        }
        let [company, number, url] = tracking.map(|text| text.map(str::to_owned));
        let lines = lines.to_vec();
        of.fulfilments.push(Fulfilment {
            id,
            status: "SUCCESS".to_owned(),
            created_ms: now,
            company,
            number,
            url,
            lines,
        });
        for (item, pieces) in shipped {
            if let Some(level) = self.levels.get_mut(&(item, 1)) {
                level.committed -= pieces;
            }
        }
        let body = json!({ "id": id, "order_id": order, "admin_graphql_api_id": gid("Fulfillment", id) });
        self.tell("fulfillments/create", body);
        self.touch_order(order, "orders/updated");
        Some(id)
    }

    /// A person of the shop's puts the number of a parcel right, by its place among those of the order.
    pub fn retrack(&mut self, order: u64, place: usize, number: &str) {
        let parcel = self.orders.get_mut(&order).and_then(|of| of.fulfilments.get_mut(place));
        let Some(id) = parcel.map(|parcel| {
            parcel.number = Some(number.to_owned());
            parcel.id
        }) else {
            return;
        };
        self.tell_of_parcel(order, id);
    }

    /// Tells that a parcel of an order changed.
    pub fn tell_of_parcel(&mut self, order: u64, id: u64) {
        let body = json!({ "id": id, "order_id": order, "admin_graphql_api_id": gid("Fulfillment", id) });
        self.tell("fulfillments/update", body);
        self.touch_order(order, "orders/updated");
    }

    /// Takes pieces out of a line before they leave, as a refund does.
    pub fn drop_pieces(&mut self, order: u64, line: u64, pieces: i64) {
        let Some(of) = self.orders.get_mut(&order) else { return };
        for entry in of.lines.iter_mut().filter(|entry| entry.id == line) {
            entry.dropped += pieces;
        }
        for (_, entry, left) in of.fulfilment_orders.iter_mut().flat_map(|part| &mut part.lines) {
            if *entry == line {
                *left -= pieces;
            }
        }
        let id = self.next_id();
        let body = json!({ "id": id, "order_id": order, "admin_graphql_api_id": gid("Refund", id) });
        self.tell("refunds/create", body);
        self.touch_order(order, "orders/updated");
    }

    /// Cancels what has not left and puts it back into stock.
    pub fn cancel(&mut self, order: u64) {
        let now = self.now_ms();
        let Some(of) = self.orders.get_mut(&order) else { return };
        of.cancelled_ms = Some(now);
        let mut back = Vec::new();
        for part in &mut of.fulfilment_orders {
            "CLOSED".clone_into(&mut part.status);
            for (_, line, left) in &mut part.lines {
                let entry = of.lines.iter_mut().find(|entry| entry.id == *line);
                if let Some(entry) = entry {
                    entry.dropped += *left;
                    back.extend(entry.variant.map(|item| (item, *left)));
                }
                *left = 0;
            }
        }
        for (item, pieces) in back {
            self.change_level(item, 1, |level| {
                level.available += pieces;
                level.committed -= pieces;
            });
        }
        self.touch_order(order, "orders/cancelled");
    }
}
