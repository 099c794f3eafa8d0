//! Reading products from Medusa, and making them be there.

use super::product_rows::{FIELDS, NamedRow, PriceRow, ProductRow, VariantRow, status_name};
use super::wire::Call;
use super::{MARK, Medusa};
use crate::platform::body::set;
use crate::platform::walk::{Place, Question, Span, Stamped, Walk};
use crate::platform::{
    Failure, PAGE_MAX, ProductWrite, Read, RemoteId, RemotePage, RemoteProduct, Since, Unreadable, VariantWrite,
    reading,
};
use bonded_base::Money;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};

/// The names of what a product sends.
const SENT: &[&str] =
    &["title", "handle", "description_html", "vendor", "product_type", "tags", "images", "options", "variants"];
/// Variants that one call makes or changes.
const VARIANTS_A_CALL_MAX: usize = 100;
/// What the option of a product without options is called there, and its one value.
const ONLY_OPTION: (&str, &str) = ("Default option", "Default option value");

#[derive(Deserialize)]
struct ProductsAnswer {
    products: Vec<Value>,
}

#[derive(Deserialize)]
struct ProductAnswer {
    product: Value,
}

#[derive(Deserialize)]
struct VariantsAnswer {
    variants: Vec<ChangedRow>,
}

#[derive(Deserialize)]
struct ChangedRow {
    id: String,
    product_id: Option<String>,
    updated_at: bonded_base::Moment,
}

/// How a walk's question is put to Medusa.
pub(super) fn asked(question: Question) -> Vec<(&'static str, String)> {
    let order = if question.by_id { "id" } else { "updated_at" };
    let mut query =
        vec![("limit", PAGE_MAX.to_string()), ("offset", question.skip.to_string()), ("order", order.to_owned())];
    let (from, until) = match question.span {
        Span::Ever => (None, None),
        Span::From(from) => (Some(from), None),
        Span::At(at) => (Some(at), Some(at.plus_millis(1))),
        Span::Past(at) => (Some(at.plus_millis(1)), None),
    };
    query.extend(from.map(|from| ("updated_at[$gte]", from.to_string())));
    query.extend(until.map(|until| ("updated_at[$lt]", until.to_string())));
    query
}

/// A query for things by their ids.
pub(super) fn named(ids: &[RemoteId]) -> Vec<(&'static str, String)> {
    let mut query: Vec<_> = ids.iter().map(|id| ("id[]", id.as_str().to_owned())).collect();
    query.push(("limit", ids.len().max(1).to_string()));
    query
}

impl Medusa {
    /// First the products that changed, then those of variants that changed.
    pub(super) async fn changed_products(&self, since: &Since) -> Result<RemotePage<RemoteProduct>, Failure> {
        let Walk { part, place } = Walk::resume(since, Place::since(since))?;
        let question = asked(place.question());
        let (items, next) = if part == 0 {
            let call = Call::get("products", "/admin/products", question).answering(FIELDS);
            let answer: ProductsAnswer = self.call(call).await?;
            let (rows, next) = place.turn(reading::stamped(answer.products, "updated_at"));
            (self.understood(rows).await?, next)
        } else {
            let call = Call::get("products", "/admin/product-variants", question).answering("id,product_id,updated_at");
            let answer: VariantsAnswer = self.call(call).await?;
            let stamped = |row: ChangedRow| Stamped { id: row.id, at: row.updated_at, item: row.product_id };
            let (products, next) = place.turn(answer.variants.into_iter().map(stamped).collect());
            let mut seen = HashSet::new();
            let products = products.into_iter().flatten().filter(|id| seen.insert(id.clone()));
            let ids: Vec<_> = products.map(RemoteId::new).collect();
            (self.named_products(&ids).await?.into_iter().flatten().collect(), next)
        };
        // Who reads everything has read the variants with their products.
        let then = (part == 0 && since.updated_at.is_some()).then(|| Walk { part: 1, place: Place::since(since) });
        let next = next.map(|place| Walk { part, place }).or(then);
        Ok(RemotePage { items, next: next.and_then(|walk| walk.cursor()) })
    }

    pub(super) async fn named_products(&self, ids: &[RemoteId]) -> Result<Vec<Option<Read<RemoteProduct>>>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let call = Call::get("products", "/admin/products", named(ids)).answering(FIELDS);
        let rows = self.call::<ProductsAnswer>(call).await?.products;
        let ids_found: Vec<_> = rows.iter().map(reading::id).collect();
        let found = ids_found.into_iter().zip(self.understood(rows).await?).collect();
        Ok(reading::in_order(ids, found))
    }

    async fn understood(&self, rows: Vec<Value>) -> Result<Vec<Read<RemoteProduct>>, Failure> {
        let currency = self.facts().await?.currency;
        let understood = |row: Value| {
            let row: ProductRow = reading::row(row, "updated_at")?;
            let id = RemoteId::new(&row.id);
            row.remote(currency).map_err(|(at, problem)| Unreadable { id, problem, updated_at: Some(at) })
        };
        Ok(rows.into_iter().map(understood).collect())
    }

    /// Makes a product be there; found by its id, else by the mark in its `external_id`.
    pub(super) async fn make_product(&self, write: &ProductWrite) -> Result<RemoteProduct, Failure> {
        let id = match self.present(write).await? {
            Some(row) => self.change_product(write, row).await?,
            None => self.create_product(write).await?,
        };
        let read = self.named_products(std::slice::from_ref(&id)).await?.into_iter().flatten().next();
        read.ok_or(Failure::Gone)?.map_err(|unreadable| Failure::Strange(unreadable.problem.to_string()))
    }

    async fn present(&self, write: &ProductWrite) -> Result<Option<ProductRow>, Failure> {
        let query = match &write.id {
            Some(id) => named(std::slice::from_ref(id)),
            None => vec![("external_id", write.mark.clone())],
        };
        let call = Call::get("products", "/admin/products", query).answering(FIELDS);
        let found = self.call::<ProductsAnswer>(call).await?.products.into_iter().next();
        if found.is_none() && write.id.is_some() {
            return Err(Failure::Gone);
        }
        let strange = |unreadable: Unreadable| Failure::Strange(unreadable.problem.to_string());
        found.map(|row| reading::row(row, "updated_at").map_err(strange)).transpose()
    }

    async fn create_product(&self, write: &ProductWrite) -> Result<RemoteId, Failure> {
        let product = &write.product;
        let mut body = self.own_fields(write).await?;
        set(&mut body, "handle", self.free_handle(write).await?);
        set(&mut body, "images", product.images.iter().map(|image| json!({"url": image.url})).collect::<Value>());
        let options: Value = if product.options.is_empty() {
            json!([{"title": ONLY_OPTION.0, "values": [ONLY_OPTION.1]}])
        } else {
            product.options.iter().map(|option| json!({"title": option.name, "values": option.values})).collect()
        };
        set(&mut body, "options", options);
        set(
            &mut body,
            "variants",
            write.variants.iter().map(|variant| fresh_variant(write, variant)).collect::<Value>(),
        );
        let channels = self.facts().await?.channel.iter().map(|id| json!({"id": id}));
        set(&mut body, "sales_channels", channels.collect::<Value>());
        if let Some(profile) = self.first("/admin/shipping-profiles", "shipping_profiles").await? {
            set(&mut body, "shipping_profile_id", profile);
        }
        let call = Call::post("product", SENT, "/admin/products", body).answering("id");
        Ok(reading::id(&self.call::<ProductAnswer>(call).await?.product))
    }

    /// What is ours of a product, on creating and on changing it.
    async fn own_fields(&self, write: &ProductWrite) -> Result<Value, Failure> {
        let product = &write.product;
        let mut body = json!({
            "title": product.title,
            "description": product.description_html,
            "status": status_name(product.status),
            "external_id": write.mark,
            "metadata": {"vendor": product.vendor},
        });
        if !product.product_type.is_empty() {
            let id =
                self.ensured("/admin/product-types", ["product_types", "product_type"], &product.product_type).await?;
            set(&mut body, "type_id", id);
        }
        let mut tags = Vec::with_capacity(product.tags.len());
        for tag in &product.tags {
            tags.push(json!({"id": self.ensured("/admin/product-tags", ["product_tags", "product_tag"], tag).await?}));
        }
        set(&mut body, "tags", tags);
        Ok(body)
    }

    /// The id of the type or tag of this name, which is made if there is none.
    async fn ensured(&self, path: &str, members: [&str; 2], value: &str) -> Result<Value, Failure> {
        let [many, one] = members;
        let query = vec![("value", value.to_owned()), ("limit", "1".to_owned())];
        let found: Value = self.call(Call::get("product", path, query).answering("id")).await?;
        if let Some(id) = found.pointer(&format!("/{many}/0/id")) {
            return Ok(id.clone());
        }
        let made: Value = self.call(Call::post("product", SENT, path, json!({"value": value})).answering("id")).await?;
        made.pointer(&format!("/{one}/id")).cloned().ok_or_else(|| Failure::Strange("a tag without an id".to_owned()))
    }

    /// The id of the first thing of a list.
    pub(super) async fn first(&self, path: &str, member: &str) -> Result<Option<String>, Failure> {
        let answer: Value = self.call(Call::get("shop", path, vec![("limit", "1".to_owned())]).answering("id")).await?;
        Ok(answer.pointer(&format!("/{member}/0/id")).and_then(Value::as_str).map(str::to_owned))
    }

    /// The product's handle, or one that is free, where the shop has a product of its own under that.
    async fn free_handle(&self, write: &ProductWrite) -> Result<String, Failure> {
        let handle = &write.product.handle;
        let query = vec![("handle", handle.clone()), ("limit", "1".to_owned())];
        let answer: ProductsAnswer = self.call(Call::get("products", "/admin/products", query).answering("id")).await?;
        Ok(if answer.products.is_empty() {
            handle.clone()
        } else {
            format!("{handle}-{}", write.mark.replace('_', "-"))
        })
    }

    async fn change_product(&self, write: &ProductWrite, row: ProductRow) -> Result<RemoteId, Failure> {
        let path = format!("/admin/products/{}", row.id);
        let body = self.own_fields(write).await?;
        self.done(Call::post("product", SENT, &path, body).answering("id")).await?;
        self.add_values(&path, write, &row).await?;
        let (mut create, mut update, mut kept) = (Vec::new(), Vec::new(), HashSet::new());
        for variant in &write.variants {
            match row.variants.iter().find(|known| is_same(known, variant)) {
                Some(known) => {
                    kept.insert(known.id.as_str());
                    update.push(changed_variant(write, variant, known));
                }
                None => create.push(fresh_variant(write, variant)),
            }
        }
        let ours = row.variants.iter().filter(|known| known.mark().is_some() && !kept.contains(known.id.as_str()));
        let delete: Vec<_> = ours.map(|known| json!(known.id)).collect();
        for (name, rows) in [("delete", delete), ("update", update), ("create", create)] {
            for chunk in rows.chunks(VARIANTS_A_CALL_MAX) {
                let place = format!("{path}/variants/batch");
                self.done(Call::post("product", SENT, &place, json!({name: chunk}))).await?;
            }
        }
        Ok(RemoteId::new(row.id))
    }

    /// Options take only values that they know.
    async fn add_values(&self, path: &str, write: &ProductWrite, row: &ProductRow) -> Result<(), Failure> {
        let mut updates = Vec::new();
        for option in &write.product.options {
            let known = row.options.iter().find(|known| known.title == option.name);
            let Some(known) = known else {
                return Err(Failure::Refused("a product there keeps the options that it was made with".to_owned()));
            };
            let is_new = |value: &&String| known.values.iter().all(|row: &NamedRow| &row.value != *value);
            let fresh: Vec<_> = option.values.iter().filter(is_new).map(|value| json!({"value": value})).collect();
            if !fresh.is_empty() {
                updates.push(json!({"product_option_id": known.id, "add": fresh}));
            }
        }
        if updates.is_empty() {
            return Ok(());
        }
        let place = format!("{path}/options/batch");
        self.done(Call::post("product", SENT, &place, json!({"update": updates}))).await
    }
}

/// Whether this variant there is the one that is meant.
fn is_same(known: &VariantRow, variant: &VariantWrite) -> bool {
    match &variant.id {
        Some(id) => known.id == id.as_str(),
        None => known.mark() == Some(&variant.mark) || known.sku.is_some() && known.sku == variant.variant.sku,
    }
}

fn fresh_variant(write: &ProductWrite, variant: &VariantWrite) -> Value {
    let mut body = own_variant(write, variant);
    set(&mut body, "prices", variant.price.iter().map(price).collect::<Value>());
    body
}

fn changed_variant(write: &ProductWrite, variant: &VariantWrite, known: &VariantRow) -> Value {
    let mut body = own_variant(write, variant);
    set(&mut body, "id", known.id.as_str());
    if let (true, Some(body)) = (write.product.options.is_empty(), body.as_object_mut()) {
        // Where there is nothing to choose, the shop may call that as it likes.
        body.remove("options");
    }
    if let Some(own) = variant.price {
        // Prices are replaced together: those that are not ours are sent as they are.
        let others = known.prices.iter().filter(|price| !price.is_plain(own.currency)).map(again);
        set(&mut body, "prices", others.chain([price(&own)]).collect::<Value>());
    }
    body
}

fn own_variant(write: &ProductWrite, variant: &VariantWrite) -> Value {
    let own = &variant.variant;
    let options: BTreeMap<&str, &str> = if write.product.options.is_empty() {
        BTreeMap::from([ONLY_OPTION])
    } else {
        write
            .product
            .options
            .iter()
            .zip(&own.options)
            .map(|(option, value)| (option.name.as_str(), value.as_str()))
            .collect()
    };
    json!({
        "title": own.title,
        "sku": own.sku,
        "barcode": own.barcode,
        "weight": own.weight_grams,
        "manage_inventory": own.tracked,
        "allow_backorder": own.sell_when_out,
        "options": options,
        "metadata": {MARK: variant.mark},
    })
}

fn price(price: &Money) -> Value {
    json!({"currency_code": price.currency.code().to_lowercase(), "amount": decimal(*price)})
}

fn again(price: &PriceRow) -> Value {
    json!({
        "id": price.id,
        "amount": price.amount,
        "currency_code": price.currency_code,
        "min_quantity": price.min_quantity,
        "max_quantity": price.max_quantity,
        "rules": price.rules,
    })
}

/// Major units, as Medusa counts: 19.99.
pub(super) fn decimal(money: Money) -> f64 {
    let text = money.to_string();
    text.rsplit(' ').next().and_then(|amount| amount.parse().ok()).unwrap_or_default()
}
