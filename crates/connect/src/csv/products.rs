//! Product files in Shopify's format: rows of one handle become one product with its variants and pictures.
//!
//! A row is taken whole or held whole. If a row that describes a variant is held, so is its whole product: half a
//! product would be in the way when the corrected file is sent again. A row that only brings a picture is held alone.

use super::product_rows::{
    ImageCells, ProductCells, ProductColumn, VariantCells, describes_variant, image_cells, product_cells, variant_cells,
};
use super::report::{Fate, Held, Report, Row};
use super::table::{Cells, FileError, Table};
use bonded_base::{Currency, Problem};
use bonded_trade::catalog::{DEFAULT_VARIANT_TITLE, ProductDraft, ProductOption, ProductStatus};
use serde::Serialize;
use std::collections::HashMap;

/// The option that the format gives to products which have none.
const NO_OPTION: &str = "Title";

/// What a product file holds.
#[derive(Debug)]
pub struct ProductFile {
    /// The products, in the order in which they begin.
    pub products: Vec<ProductParcel>,
    /// What became of each row.
    pub report: Report<ProductRow>,
    /// What the file calls the fields of a draft.
    pub(crate) names: Vec<(&'static str, String)>,
}

impl ProductFile {
    /// A problem of a draft in the file's own words.
    pub(crate) fn held(names: &[(&'static str, String)], problem: &Problem) -> Held {
        let mut fields = problem.pointer.as_deref().unwrap_or_default().rsplit('/');
        let column = fields.find_map(|field| names.iter().find(|(known, _)| *known == field));
        Held { column: column.map(|(_, name)| name.clone()), reason: problem.detail.clone() }
    }
}

/// A product out of a file, with the rows that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProductParcel {
    /// The product and its variants.
    pub draft: ProductDraft,
    /// Pieces counted of each variant, in the variants' order; `None` where the file does not say.
    pub stock: Vec<Option<i64>>,
    /// The row of each variant, as a place in the report's rows.
    pub variant_rows: Vec<usize>,
    /// The rows that bring pictures only.
    pub image_rows: Vec<usize>,
}

impl ProductParcel {
    /// Every row that made it.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.variant_rows.iter().chain(&self.image_rows).copied()
    }
}

/// What a row became.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// A variant, and perhaps a picture of its product.
    Variant,
    /// A picture.
    Image,
}

/// A row that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProductRow {
    /// As what.
    #[serde(rename = "as")]
    pub became: Became,
    /// What was understood otherwise than it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// Reads a product file, its prices in one currency.
pub fn shopify_products(bytes: &[u8], currency: Currency) -> Result<ProductFile, FileError> {
    let table = Table::<ProductColumn>::open(bytes)?;
    let mut gathering = Gathering { currency, rows: Vec::new(), groups: Vec::new(), by_handle: HashMap::new() };
    table.each_row(|row, line, cells| gathering.take(row, line, cells))?;
    let names: Vec<_> =
        table.known_columns().filter_map(|(column, name)| Some((column.field()?, name.to_owned()))).collect();
    let mut report = Report { rows: gathering.rows, ignored_columns: table.ignored_columns() };
    let parcels = gathering.groups.into_iter().filter_map(|group| group.parcel(&mut report));
    Ok(ProductFile { products: parcels.collect(), report, names })
}

/// The products of a file while it is read.
struct Gathering {
    currency: Currency,
    rows: Vec<Row<ProductRow>>,
    groups: Vec<Group>,
    by_handle: HashMap<String, usize>,
}

/// The rows of one handle.
#[derive(Default)]
struct Group {
    /// What is said of the product, by the first row that says anything.
    product: Option<ProductCells>,
    variants: Vec<(usize, VariantCells)>,
    images: Vec<ImageCells>,
    image_rows: Vec<usize>,
    /// The first row that is held and takes the product with it, as its number in the file.
    broken: Option<u64>,
}

impl Gathering {
    fn take(&mut self, row: u64, line: u64, cells: Result<Cells<'_, ProductColumn>, Held>) {
        let place = self.rows.len();
        let fate = match cells.and_then(|cells| self.sorted(place, row, &cells)) {
            Ok(taken) => Fate::Taken(taken),
            Err(held) => Fate::Held(held),
        };
        self.rows.push(Row { row, line, fate });
    }

    /// Puts a row where it belongs.
    fn sorted(&mut self, place: usize, row: u64, cells: &Cells<'_, ProductColumn>) -> Result<ProductRow, Held> {
        let currency = self.currency;
        let group = self.group(cells)?;
        if !describes_variant(cells, group.product.is_none()) {
            return group.add_image(place, cells);
        }
        let taken = group.add_variant(place, cells, currency);
        if taken.is_err() {
            group.broken.get_or_insert(row);
        }
        taken
    }

    /// The product that a row belongs to: that of its handle, or a new one.
    fn group(&mut self, cells: &Cells<'_, ProductColumn>) -> Result<&mut Group, Held> {
        let next = self.groups.len();
        let place = match (cells.filled(ProductColumn::Handle), cells.filled(ProductColumn::Title)) {
            (Some(handle), _) => *self.by_handle.entry(handle.to_lowercase()).or_insert(next),
            (None, Some(_)) => next,
            (None, None) => {
                return Err(cells.held(ProductColumn::Handle, "the row names neither a handle nor a title"));
            }
        };
        if place == next {
            self.groups.push(Group::default());
        }
        self.groups.get_mut(place).ok_or_else(|| Held::row("the row belongs to no product"))
    }
}

impl Group {
    fn add_image(&mut self, place: usize, cells: &Cells<'_, ProductColumn>) -> Result<ProductRow, Held> {
        let image = image_cells(cells)?;
        let image = image.ok_or_else(|| Held::row("the row describes neither a variant nor a picture"))?;
        self.images.push(image);
        self.image_rows.push(place);
        Ok(ProductRow { became: Became::Image, note: None })
    }

    fn add_variant(
        &mut self,
        place: usize,
        cells: &Cells<'_, ProductColumn>,
        currency: Currency,
    ) -> Result<ProductRow, Held> {
        let said = product_cells(cells)?;
        match &mut self.product {
            None => self.product = Some(said),
            Some(known) => known.admit(said, cells)?,
        }
        let variant = variant_cells(cells, currency)?;
        let image = image_cells(cells)?;
        let note = variant.note;
        self.images.extend(image);
        self.variants.push((place, variant));
        Ok(ProductRow { became: Became::Variant, note })
    }

    /// The product, if nothing keeps it back; otherwise all its rows are held.
    fn parcel(self, report: &mut Report<ProductRow>) -> Option<ProductParcel> {
        let rows: Vec<_> =
            self.variants.iter().map(|(place, _)| *place).chain(self.image_rows.iter().copied()).collect();
        if let Some(broken) = self.broken {
            for place in rows {
                report.hold(place, Held::row(format!("row {broken}, of the same product, is held")));
            }
            return None;
        }
        match self.whole() {
            Ok(parcel) => Some(parcel),
            Err(held) => {
                for place in rows {
                    report.hold(place, held.clone());
                }
                None
            }
        }
    }

    fn whole(self) -> Result<ProductParcel, Held> {
        let product = self.product.ok_or_else(|| Held::row("the row belongs to no product"))?;
        let names = product.options_of(&self.variants)?;
        let title = product.title.ok_or_else(|| Held::column("Title", "no row of the product gives its title"))?;
        let mut parcel = ProductParcel {
            draft: ProductDraft {
                handle: product.handle,
                title,
                description_html: product.description_html,
                vendor: product.vendor,
                product_type: product.product_type,
                tags: product.tags,
                status: product.status.unwrap_or(ProductStatus::Active),
                options: names.iter().map(|name| ProductOption { name: name.clone(), values: Vec::new() }).collect(),
                images: in_order(self.images),
                variants: Vec::with_capacity(self.variants.len()),
            },
            stock: Vec::with_capacity(self.variants.len()),
            variant_rows: Vec::with_capacity(self.variants.len()),
            image_rows: self.image_rows,
        };
        for (place, mut variant) in self.variants {
            variant.draft.options =
                variant.values.into_iter().take(names.len()).map(Option::unwrap_or_default).collect();
            parcel.draft.variants.push(variant.draft);
            parcel.stock.push(variant.stock);
            parcel.variant_rows.push(place);
        }
        Ok(parcel)
    }
}

impl ProductCells {
    /// Takes from a further row what the earlier ones left open. Two titles under one handle are two products.
    fn admit(&mut self, said: Self, cells: &Cells<'_, ProductColumn>) -> Result<(), Held> {
        if self.title.is_some() && said.title.is_some() && self.title != said.title {
            return Err(cells.held(ProductColumn::Title, "an earlier row gives this handle another title"));
        }
        self.title = self.title.take().or(said.title);
        self.status = self.status.or(said.status);
        for (known, said) in [
            (&mut self.description_html, said.description_html),
            (&mut self.vendor, said.vendor),
            (&mut self.product_type, said.product_type),
        ] {
            if known.is_empty() {
                *known = said;
            }
        }
        if self.tags.is_empty() {
            self.tags = said.tags;
        }
        for (known, said) in self.option_names.iter_mut().zip(said.option_names) {
            if known.is_none() {
                *known = said;
            }
        }
        Ok(())
    }

    /// The names of the options, one after the other, and no value without a name.
    fn options_of(&self, variants: &[(usize, VariantCells)]) -> Result<Vec<String>, Held> {
        if has_no_options(&self.option_names, variants) {
            return Ok(Vec::new());
        }
        let names: Vec<_> = self.option_names.iter().map_while(Clone::clone).collect();
        let unnamed = |values: &[Option<String>]| values.iter().skip(names.len()).any(Option::is_some);
        if unnamed(&self.option_names) {
            return Err(Held::row("the options of the product are not numbered one after the other"));
        }
        if variants.iter().any(|(_, variant)| unnamed(&variant.values)) {
            return Err(Held::row("a row of the product gives a value to an option without a name"));
        }
        Ok(names)
    }
}

/// Whether the product comes in one form only, in any of the ways in which files say so.
fn has_no_options(names: &[Option<String>], variants: &[(usize, VariantCells)]) -> bool {
    let [(_, only)] = variants else { return names.iter().all(Option::is_none) };
    let first_name = names.iter().flatten().next().map_or(NO_OPTION, String::as_str);
    let valued = only.values.iter().flatten().count();
    let default = |value: &String| value.eq_ignore_ascii_case(DEFAULT_VARIANT_TITLE);
    names.iter().flatten().count() <= 1
        && first_name.eq_ignore_ascii_case(NO_OPTION)
        && (valued == 0 || valued == 1 && only.values.iter().flatten().all(default))
}

/// Pictures by their positions, each address once.
fn in_order(mut images: Vec<ImageCells>) -> Vec<bonded_trade::catalog::Image> {
    images.sort_by_key(|image| image.position);
    let mut seen = std::collections::HashSet::new();
    images.retain(|image| seen.insert(image.image.url.clone()));
    images.into_iter().map(|image| image.image).collect()
}
