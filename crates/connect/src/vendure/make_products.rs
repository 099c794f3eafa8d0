//! Making products be there in Vendure: the mark first, then the product, its options, its variants.

use super::documents::{
    ADD_GROUP, CREATE_FACET, CREATE_GROUP, CREATE_MARK, CREATE_OPTION, CREATE_PRODUCT, CREATE_VARIANTS,
    DELETE_VARIANTS, MARK, OPTION_GROUPS, UPDATE_PRODUCT, UPDATE_VARIANTS,
};
use super::product_rows::{FACET, GroupRow, OptionRow, ProductRow, ValueRow, VariantRow};
use super::{Items, Vendure, hundredths, named};
use crate::platform::body::set;
use crate::platform::{Failure, ProductWrite, RemoteId, RemoteProduct, Unreadable, VariantWrite, reading};
use bonded_trade::catalog::{ProductOption, slug};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashSet;

/// The names of what a product sends.
const SENT: &[&str] = &["title", "handle", "description_html", "options", "variants"];
/// Variants that one call makes or changes.
const VARIANTS_A_CALL_MAX: usize = 100;
/// How far below nothing the stock of a variant may fall that is sold when it is out.
const BELOW_NOTHING: i64 = -1_000_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MarkAnswer {
    facet_values: Items<ValueRow>,
    facets: Items<IdRow>,
}

#[derive(Deserialize)]
struct IdRow {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FacetAnswer {
    create_facet: IdRow,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ValueAnswer {
    create_facet_value: IdRow,
}

#[derive(Deserialize)]
struct ProductAnswer {
    product: IdRow,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GroupsAnswer {
    product_option_groups: Items<GroupRow>,
}

#[derive(Deserialize)]
struct GroupAnswer {
    group: GroupRow,
}

#[derive(Deserialize)]
struct OptionAnswer {
    option: OptionRow,
}

impl Vendure {
    pub(super) async fn make_product(&self, write: &ProductWrite) -> Result<RemoteProduct, Failure> {
        let value = self.mark(&write.mark).await?;
        let id = match self.present(write, &value).await? {
            Some(row) => self.change_product(write, &row, &value).await?,
            None => self.create_product(write, &value).await?,
        };
        let row = self.product_row(named(std::slice::from_ref(&id))).await?.ok_or(Failure::Gone)?;
        let options = self.make_options(write, &row).await?;
        self.make_variants(write, &row, &value, &options).await?;
        let read = self.named_products(std::slice::from_ref(&id)).await?.into_iter().flatten().next();
        read.ok_or(Failure::Gone)?.map_err(|bad| Failure::Strange(bad.problem.to_string()))
    }

    /// The id of the facet's value that is this mark; made, and the facet too, if there is none.
    async fn mark(&self, mark: &str) -> Result<String, Failure> {
        let found: MarkAnswer = self.say(MARK, &[], json!({"mark": mark, "facet": FACET})).await?;
        if let Some(value) = found.facet_values.items.into_iter().find(ValueRow::is_mark) {
            return Ok(value.id);
        }
        let facet = if let Some(facet) = found.facets.items.into_iter().next() {
            facet.id
        } else {
            let input = json!({
                "code": FACET, "isPrivate": true, "values": [], "translations": self.translated("Bonded").await?,
            });
            self.say::<FacetAnswer>(CREATE_FACET, &[], json!({"input": input})).await?.create_facet.id
        };
        let input = json!({"facetId": facet, "code": mark, "translations": self.translated(mark).await?});
        Ok(self.say::<ValueAnswer>(CREATE_MARK, &[], json!({"input": input})).await?.create_facet_value.id)
    }

    async fn present(&self, write: &ProductWrite, value: &str) -> Result<Option<ProductRow>, Failure> {
        let Some(id) = &write.id else {
            return self.product_row(json!({"options": {"take": 1, "filter": {"facetValueId": {"eq": value}}}})).await;
        };
        self.product_row(named(std::slice::from_ref(id))).await?.map(Some).ok_or(Failure::Gone)
    }

    async fn product_row(&self, options: Value) -> Result<Option<ProductRow>, Failure> {
        let strange = |bad: Unreadable| Failure::Strange(bad.problem.to_string());
        let row = self.product_values(options).await?.into_iter().next();
        row.map(|row| reading::row(row, "updatedAt").map_err(strange)).transpose()
    }

    async fn create_product(&self, write: &ProductWrite, value: &str) -> Result<RemoteId, Failure> {
        let product = &write.product;
        let input = json!({
            "enabled": product.is_offered(),
            "facetValueIds": [value],
            "translations": [{
                "languageCode": self.facts().await?.language, "name": product.title, "slug": product.handle,
                "description": product.description_html,
            }],
        });
        let answer: ProductAnswer = self.say(CREATE_PRODUCT, SENT, json!({"input": input})).await?;
        Ok(RemoteId::new(answer.product.id))
    }

    /// Its address stays, so that links to it do.
    async fn change_product(&self, write: &ProductWrite, row: &ProductRow, value: &str) -> Result<RemoteId, Failure> {
        let product = &write.product;
        let input = json!({
            "id": row.id,
            "enabled": product.is_offered(),
            "facetValueIds": with(&row.facet_values, value),
            "translations": [{
                "languageCode": self.facts().await?.language, "name": product.title, "slug": row.slug,
                "description": product.description_html,
            }],
        });
        self.act(UPDATE_PRODUCT, SENT, json!({"input": input}), &[]).await?;
        Ok(RemoteId::new(&row.id))
    }

    /// The product's options with all values that are needed, in the order of ours.
    async fn make_options(&self, write: &ProductWrite, row: &ProductRow) -> Result<Vec<Vec<OptionRow>>, Failure> {
        let mut made = Vec::with_capacity(write.product.options.len());
        for (place, option) in write.product.options.iter().enumerate() {
            let known = row.option_groups.iter().find(|group| group.name == option.name);
            let (group, mut values) = match known {
                Some(group) => (group.id.clone(), group.options.clone()),
                None => self.make_group(write, row, place, option).await?,
            };
            for value in &option.values {
                if values.iter().all(|known| &known.name != value) {
                    let input = json!({
                        "productOptionGroupId": group, "code": slug(value), "translations": self.translated(value).await?,
                    });
                    values.push(self.say::<OptionAnswer>(CREATE_OPTION, SENT, json!({"input": input})).await?.option);
                }
            }
            made.push(values);
        }
        Ok(made)
    }

    /// A new group on the product; one that was made before an answer got lost is found by its code.
    async fn make_group(
        &self,
        write: &ProductWrite,
        row: &ProductRow,
        place: usize,
        option: &ProductOption,
    ) -> Result<(String, Vec<OptionRow>), Failure> {
        let code = format!("{}-{place}", slug(&write.mark));
        let options = json!({"options": {"take": 1, "filter": {"code": {"eq": code}}}});
        let found: GroupsAnswer = self.say(OPTION_GROUPS, &[], options).await?;
        let group = if let Some(group) = found.product_option_groups.items.into_iter().next() {
            group
        } else {
            let input = json!({"code": code, "options": [], "translations": self.translated(&option.name).await?});
            self.say::<GroupAnswer>(CREATE_GROUP, SENT, json!({"input": input})).await?.group
        };
        self.act(ADD_GROUP, &[], json!({"product": row.id, "group": group.id}), &[]).await?;
        Ok((group.id, group.options))
    }

    async fn make_variants(
        &self,
        write: &ProductWrite,
        row: &ProductRow,
        value: &str,
        options: &[Vec<OptionRow>],
    ) -> Result<(), Failure> {
        let (mut create, mut update, mut kept) = (Vec::new(), Vec::new(), HashSet::new());
        for variant in &write.variants {
            let chosen = chosen(variant, options);
            let mut input = self.variant_input(write, variant, &chosen).await?;
            if let Some(known) = row.variants.iter().find(|known| is_same(known, variant, &chosen)) {
                kept.insert(known.id.as_str());
                set(&mut input, "id", known.id.as_str());
                set(&mut input, "facetValueIds", with(&known.facet_values, value));
                update.push(input);
            } else {
                set(&mut input, "productId", row.id.as_str());
                set(&mut input, "facetValueIds", vec![value]);
                create.push(input);
            }
        }
        let is_ours = |known: &&VariantRow| known.facet_values.iter().any(ValueRow::is_mark);
        let over = row.variants.iter().filter(is_ours).filter(|known| !kept.contains(known.id.as_str()));
        let over: Vec<_> = over.map(|known| known.id.as_str()).collect();
        if !over.is_empty() {
            self.act(DELETE_VARIANTS, &[], json!({"ids": over}), &[]).await?;
        }
        for (document, inputs) in [(UPDATE_VARIANTS, update), (CREATE_VARIANTS, create)] {
            for chunk in inputs.chunks(VARIANTS_A_CALL_MAX) {
                self.act(document, SENT, json!({"input": chunk}), &[]).await?;
            }
        }
        Ok(())
    }

    async fn variant_input(
        &self,
        write: &ProductWrite,
        variant: &VariantWrite,
        chosen: &[&str],
    ) -> Result<Value, Failure> {
        let own = &variant.variant;
        let mut input = json!({
            "translations": self.translated(&own.full_title(&write.product)).await?,
            // There is no variant without one.
            "sku": own.sku.as_deref().unwrap_or(&variant.mark),
            "optionIds": chosen,
            "trackInventory": if own.tracked { "TRUE" } else { "FALSE" },
            "useGlobalOutOfStockThreshold": !own.sell_when_out,
            "outOfStockThreshold": if own.sell_when_out { BELOW_NOTHING } else { 0 },
        });
        if let Some(price) = variant.price {
            if price.currency != self.facts().await?.currency {
                return Err(Failure::Refused("the shop's prices are in another currency".to_owned()));
            }
            // A price among `prices` is not kept on creating.
            set(&mut input, "price", hundredths(price));
        }
        Ok(input)
    }
}

/// The ids of the option values that a variant gives.
fn chosen<'a>(variant: &VariantWrite, options: &'a [Vec<OptionRow>]) -> Vec<&'a str> {
    let pairs = options.iter().zip(&variant.variant.options);
    pairs
        .filter_map(|(values, wanted)| values.iter().find(|value| &value.name == wanted))
        .map(|value| value.id.as_str())
        .collect()
}

/// Whether this variant there is the one that is meant.
fn is_same(known: &VariantRow, variant: &VariantWrite, chosen: &[&str]) -> bool {
    if let Some(id) = &variant.id {
        return known.id == id.as_str();
    }
    let sku = variant.variant.sku.as_deref().unwrap_or(&variant.mark);
    let has_options =
        known.options.len() == chosen.len() && known.options.iter().all(|option| chosen.contains(&option.id.as_str()));
    known.sku == sku || has_options
}

/// Facet values as they are, ours among them: they are replaced together.
fn with<'a>(values: &'a [ValueRow], ours: &'a str) -> Vec<&'a str> {
    let others = values.iter().map(|value| value.id.as_str()).filter(|id| *id != ours);
    others.chain([ours]).collect()
}
