//! Reading products: page by page, by id or by mark, each with all its variants and pictures.

use super::answers::{Nodes, Page};
use super::product_answers::{MediaPart, ProductPart, ReadProduct, VariantPart};
use super::{Shopify, answers, bulk, documents};
use crate::platform::{Failure, NAMED_MAX, Read, RemoteId, RemotePage, RemoteProduct, Since};
use bonded_base::Currency;
use serde::Deserialize;
use serde_json::{Value, json};

/// Products of one call: more would cost more than the 1,000 points that a query may cost.
const PER_CALL: usize = 8;
/// Begins the cursors of plain pages; others are a bulk operation's.
pub(super) const PAGES: &str = "pages:";

#[derive(Deserialize)]
struct ProductsAnswer {
    products: Nodes<Value>,
}

#[derive(Deserialize)]
pub(super) struct NodesAnswer {
    pub nodes: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FoundAnswer {
    product_by_identifier: Option<Value>,
}

#[derive(Deserialize)]
struct VariantsAnswer {
    product: Option<VariantsOf>,
}

#[derive(Deserialize)]
struct VariantsOf {
    variants: Nodes<VariantPart>,
}

#[derive(Deserialize)]
struct MediaAnswer {
    product: Option<MediaOf>,
}

#[derive(Deserialize)]
struct MediaOf {
    media: Nodes<MediaPart>,
}

impl Shopify {
    pub(super) async fn read_products_since(&self, since: &Since) -> Result<RemotePage<RemoteProduct>, Failure> {
        let after = match since.cursor.as_deref().map(|cursor| (cursor.strip_prefix(PAGES), cursor)) {
            Some((Some(""), _)) => None,
            Some((Some(after), _)) => Some(after),
            Some((None, cursor)) => return self.read_bulk(cursor).await,
            None if since.updated_at.is_none() => match self.begin_bulk().await? {
                Some(cursor) => return Ok(RemotePage { items: Vec::new(), next: Some(cursor) }),
                None => None,
            },
            None => None,
        };
        let variables = json!({ "after": after, "query": answers::changed_since(since.updated_at) });
        let answer: ProductsAnswer = self.ask(&documents::PRODUCTS, variables).await?;
        let next = answer.products.page_info.next().map(|after| format!("{PAGES}{after}"));
        let currency = self.currency().await?;
        let mut items = Vec::with_capacity(answer.products.nodes.len());
        for node in answer.products.nodes {
            // Gone since the page was made: the next look does not find it either.
            if let Some(read) = self.whole_product(node, currency).await? {
                items.push(read.map(|read| read.product));
            }
        }
        Ok(RemotePage { items, next })
    }

    pub(super) async fn read_products(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteProduct>>>, Failure> {
        let currency = self.currency().await?;
        let mut found = Vec::with_capacity(ids.len());
        for ids in ids.get(..ids.len().min(NAMED_MAX)).unwrap_or(ids).chunks(PER_CALL) {
            let answer: NodesAnswer = self.ask(&documents::PRODUCTS_BY_ID, json!({ "ids": ids })).await?;
            for node in answer.nodes {
                let read = if is_nothing(&node) { None } else { self.whole_product(node, currency).await? };
                found.push(read.map(|read| read.map(|read| read.product)));
            }
        }
        Ok(found)
    }

    /// One product by its id, with the marks of its variants.
    pub(super) async fn product_by_id(&self, id: &RemoteId) -> Result<Option<ReadProduct>, Failure> {
        let answer: NodesAnswer = self.ask(&documents::PRODUCTS_BY_ID, json!({ "ids": [id] })).await?;
        self.readable(answer.nodes.into_iter().next()).await
    }

    /// The product that carries our mark.
    pub(super) async fn product_by_mark(&self, mark: &str) -> Result<Option<ReadProduct>, Failure> {
        let answer: FoundAnswer = self.ask(&documents::PRODUCT_BY_MARK, json!({ "mark": mark })).await?;
        self.readable(answer.product_by_identifier).await
    }

    async fn readable(&self, node: Option<Value>) -> Result<Option<ReadProduct>, Failure> {
        let Some(node) = node.filter(|node| !is_nothing(node)) else { return Ok(None) };
        let read = self.whole_product(node, self.currency().await?).await?;
        read.transpose().map_err(|bad| Failure::Strange(format!("a product that cannot be read: {}", bad.problem)))
    }

    /// A product of an answer, with what its first pages of variants and pictures left out.
    async fn whole_product(&self, node: Value, currency: Currency) -> Result<Option<Read<ReadProduct>>, Failure> {
        let mut part = match ProductPart::read(node) {
            Ok(part) => part,
            Err(bad) => return Ok(Some(Err(bad))),
        };
        if let Some(variants) = &mut part.variants {
            let mut page = Page::behind(&variants.page_info);
            while let Some(after) = page.next() {
                let variables = json!({ "id": part.id, "after": after });
                let answer: VariantsAnswer = self.ask(&documents::PRODUCT_VARIANTS, variables).await?;
                let Some(product) = answer.product else { return Ok(None) };
                variants.nodes.extend(page.take(product.variants));
            }
        }
        if let Some(media) = &mut part.media {
            let mut page = Page::behind(&media.page_info);
            while let Some(after) = page.next() {
                let variables = json!({ "id": part.id, "after": after });
                let answer: MediaAnswer = self.ask(&documents::PRODUCT_MEDIA, variables).await?;
                let Some(product) = answer.product else { return Ok(None) };
                media.nodes.extend(page.take(product.media));
            }
        }
        Ok(Some(part.draft(currency)))
    }
}

/// Null, or a thing of another sort than was asked for, of which the document asks nothing.
pub(super) fn is_nothing(node: &Value) -> bool {
    node.get("id").is_none()
}

impl Shopify {
    /// How many products there are; a count that Shopify does not give is none.
    pub(super) async fn count_products(&self) -> Result<u64, Failure> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct CountAnswer {
            products_count: Option<bulk::CountPart>,
        }
        let answer: CountAnswer = self.ask(&documents::PRODUCTS_COUNT, json!({})).await?;
        Ok(answer.products_count.map_or(0, |count| count.count))
    }
}
