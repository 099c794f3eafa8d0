//! Reading orders: each with all its lines, its parcels however many, and what is in them.

use super::answers::{IdPart, Nodes, Page, changed_since};
use super::order_answers::{FulfilledPart, FulfilmentPart, LinePart, OrderPart};
use super::products::{NodesAnswer, is_nothing};
use super::{Shopify, documents};
use crate::platform::{Failure, NAMED_MAX, Read, RemoteId, RemoteOrder, RemotePage, Since};
use bonded_base::Problem;
use serde::Deserialize;
use serde_json::{Value, json};

/// Orders of one call: more would cost more than a query may.
const PER_CALL: usize = 5;
/// Parcels of one call that names them.
const FULFILMENTS_PER_CALL: usize = 20;
/// Parcels of one order that Shopify lists at all.
const FULFILMENTS_MAX: usize = 250;

#[derive(Deserialize)]
struct OrdersAnswer {
    orders: Nodes<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundAnswer {
    order_by_identifier: Option<Value>,
}

#[derive(Deserialize)]
struct LinesAnswer {
    order: Option<LinesOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinesOf {
    line_items: Nodes<LinePart>,
}

#[derive(Deserialize)]
struct FulfilmentsAnswer {
    order: Option<FulfilmentsOf>,
}

#[derive(Deserialize)]
struct FulfilmentsOf {
    fulfillments: Vec<IdPart>,
}

#[derive(Deserialize)]
struct FulfilmentNodes {
    nodes: Vec<Option<FulfilmentPart>>,
}

#[derive(Deserialize)]
struct FulfilledAnswer {
    fulfillment: Option<FulfilledOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FulfilledOf {
    fulfillment_line_items: Nodes<FulfilledPart>,
}

impl Shopify {
    pub(super) async fn read_orders_since(&self, since: &Since) -> Result<RemotePage<RemoteOrder>, Failure> {
        let variables = json!({ "after": since.cursor, "query": changed_since(since.updated_at) });
        let answer: OrdersAnswer = self.ask(&documents::ORDERS, variables).await?;
        let next = answer.orders.page_info.next();
        let mut items = Vec::with_capacity(answer.orders.nodes.len());
        for node in answer.orders.nodes {
            if let Some(read) = self.whole_order(node).await? {
                items.push(read.and_then(OrderPart::remote));
            }
        }
        Ok(RemotePage { items, next })
    }

    pub(super) async fn read_orders(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteOrder>>>, Failure> {
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.get(..ids.len().min(NAMED_MAX)).unwrap_or(ids).chunks(PER_CALL) {
            let answer: NodesAnswer = self.ask(&documents::ORDERS_BY_ID, json!({ "ids": ids })).await?;
            for node in answer.nodes {
                let read = if is_nothing(&node) { None } else { self.whole_order(node).await? };
                found.push(read.map(|read| read.and_then(OrderPart::remote)));
            }
        }
        Ok(found)
    }

    /// One order in Shopify's own parts, whole; [`Failure::Gone`] if it is not there.
    pub(super) async fn order_part(&self, id: &RemoteId) -> Result<OrderPart, Failure> {
        let answer: NodesAnswer = self.ask(&documents::ORDERS_BY_ID, json!({ "ids": [id] })).await?;
        let node = answer.nodes.into_iter().next().filter(|node| !is_nothing(node)).ok_or(Failure::Gone)?;
        let read = self.whole_order(node).await?.ok_or(Failure::Gone)?;
        read.map_err(|bad| Failure::Strange(format!("an order that cannot be read: {}", bad.problem)))
    }

    /// One order as it is now.
    pub(super) async fn order(&self, id: &RemoteId) -> Result<RemoteOrder, Failure> {
        taken(self.order_part(id).await?.remote())
    }

    /// The order that carries our mark.
    pub(super) async fn order_by_mark(&self, mark: &str) -> Result<Option<RemoteOrder>, Failure> {
        let answer: FoundAnswer = self.ask(&documents::ORDER_BY_MARK, json!({ "mark": mark })).await?;
        let Some(node) = answer.order_by_identifier else { return Ok(None) };
        let Some(read) = self.whole_order(node).await? else { return Ok(None) };
        taken(read.and_then(OrderPart::remote)).map(Some)
    }

    /// An order of an answer, with what the first pages of its lists left out; `None` if it went away meanwhile.
    async fn whole_order(&self, node: Value) -> Result<Option<Read<OrderPart>>, Failure> {
        let mut order = match OrderPart::read(node) {
            Ok(order) => order,
            Err(bad) => return Ok(Some(Err(bad))),
        };
        let mut page = Page::behind(&order.line_items.page_info);
        while let Some(after) = page.next() {
            let variables = json!({ "id": order.id, "after": after });
            let answer: LinesAnswer = self.ask(&documents::ORDER_LINES, variables).await?;
            let Some(of) = answer.order else { return Ok(None) };
            order.line_items.nodes.extend(page.take(of.line_items));
        }
        let count = order.fulfillments_count.as_ref().map_or(0, |count| count.count);
        if count > FULFILMENTS_MAX {
            let why = "more parcels than Shopify lists";
            return Ok(Some(Err(order.unreadable(Problem::invalid("/fulfillments", why)))));
        }
        if count > order.fulfillments.len() {
            order.fulfillments = self.all_fulfilments(&order.id).await?;
        }
        for fulfilment in &mut order.fulfillments {
            let mut page = Page::behind(&fulfilment.fulfillment_line_items.page_info);
            while let Some(after) = page.next() {
                let variables = json!({ "id": fulfilment.id, "after": after });
                let answer: FulfilledAnswer = self.ask(&documents::FULFILMENT_LINES, variables).await?;
                let Some(of) = answer.fulfillment else { return Ok(None) };
                fulfilment.fulfillment_line_items.nodes.extend(page.take(of.fulfillment_line_items));
            }
        }
        Ok(Some(Ok(order)))
    }

    /// Parcels have no pages, so their ids are asked for first.
    async fn all_fulfilments(&self, order: &RemoteId) -> Result<Vec<FulfilmentPart>, Failure> {
        let answer: FulfilmentsAnswer = self.ask(&documents::ORDER_FULFILMENTS, json!({ "id": order })).await?;
        let ids: Vec<_> =
            answer.order.map(|of| of.fulfillments).unwrap_or_default().into_iter().map(|part| part.id).collect();
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.chunks(FULFILMENTS_PER_CALL) {
            let answer: FulfilmentNodes = self.ask(&documents::FULFILMENTS_BY_ID, json!({ "ids": ids })).await?;
            found.extend(answer.nodes.into_iter().flatten());
        }
        Ok(found)
    }
}

fn taken(read: Read<RemoteOrder>) -> Result<RemoteOrder, Failure> {
    read.map_err(|bad| Failure::Strange(format!("an order that cannot be read: {}", bad.problem)))
}
