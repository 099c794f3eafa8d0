//! Bringing a product file into an account: page by page, and row by row the account of what came of it.

use super::products::{Became, ProductFile, ProductParcel, ProductRow};
use super::report::{Fate, Held, Report};
use bonded_base::{Id, Problem};
use bonded_ledger::{Ledger, LedgerError, Scope};
use bonded_trade::TradeError;
use bonded_trade::catalog::{Created, Product, Variant, create_many};
use bonded_trade::inventory::{LevelSet, set_many};
use serde::Serialize;
use std::collections::HashMap;

/// Products that are created in one commit.
pub const IMPORT_PAGE_PRODUCTS: usize = 250;
/// Variants that are created in one commit, unless a single product has more.
pub const IMPORT_PAGE_VARIANTS: usize = 2_500;

/// What came of an import.
#[derive(Debug)]
pub struct ProductImport {
    /// The products that were created, in the order of the file.
    pub products: Vec<Id<Product>>,
    /// How many variants they have.
    pub variants: usize,
    /// What became of each row.
    pub report: Report<ImportedRow>,
    /// Why the import stopped before its end, if it did; the rows it did not reach are held.
    pub stopped: Option<LedgerError>,
}

/// A row that is in the account now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedRow {
    /// As what.
    #[serde(rename = "as")]
    pub became: Became,
    /// The product that it belongs to.
    pub product: Id<Product>,
    /// The variant that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<Id<Variant>>,
    /// What was understood otherwise than it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<&'static str>,
}

/// Creates the products of a file and counts their stock at the main location.
///
/// A product that is refused (its handle or a SKU is taken, a value is beyond a limit) holds its own rows. When the
/// ledger fails half way, what was created stays, and the rows that were not reached are held: send those again.
pub async fn import_products(ledger: &Ledger, scope: &Scope, file: ProductFile) -> ProductImport {
    let ProductFile { products, report, names } = file;
    let mut importing = Importing {
        scope: scope.clone(),
        names,
        products: Vec::new(),
        rows: HashMap::new(),
        held: HashMap::new(),
        variants: 0,
    };
    let mut stopped = None;
    for page in pages(products) {
        match stopped {
            None => stopped = importing.page(ledger, page).await.err(),
            Some(_) => importing.unreached(&page),
        }
    }
    let Importing { products, rows, mut held, variants, .. } = importing;
    let report = report.map(|place, ProductRow { became, note }| match (held.remove(&place), rows.get(&place)) {
        (None, Some(row)) => {
            Fate::Taken(ImportedRow { became, product: row.product, variant: row.variant, note: row.note.or(note) })
        }
        (Some(why), _) => Fate::Held(why),
        (None, None) => Fate::Held(Held::row("the row belongs to no product")),
    });
    ProductImport { products, variants, report, stopped }
}

/// The products in pages that one commit can hold.
fn pages(products: Vec<ProductParcel>) -> Vec<Vec<ProductParcel>> {
    let mut pages: Vec<Vec<ProductParcel>> = Vec::new();
    let mut variants = 0;
    for parcel in products {
        variants += parcel.draft.variants.len();
        match pages.last_mut() {
            Some(page) if page.len() < IMPORT_PAGE_PRODUCTS && variants <= IMPORT_PAGE_VARIANTS => page.push(parcel),
            _ => {
                variants = parcel.draft.variants.len();
                pages.push(vec![parcel]);
            }
        }
    }
    pages
}

/// What a row became in the account.
struct Arrived {
    product: Id<Product>,
    variant: Option<Id<Variant>>,
    note: Option<&'static str>,
}

/// An import on its way.
struct Importing {
    scope: Scope,
    /// What the file calls the fields of a draft.
    names: Vec<(&'static str, String)>,
    products: Vec<Id<Product>>,
    variants: usize,
    /// What each row became, by its place in the report.
    rows: HashMap<usize, Arrived>,
    held: HashMap<usize, Held>,
}

impl Importing {
    /// Creates the products of a page and counts their stock.
    async fn page(&mut self, ledger: &Ledger, mut page: Vec<ProductParcel>) -> Result<(), LedgerError> {
        let drafts = page.iter_mut().map(|parcel| std::mem::take(&mut parcel.draft)).collect();
        let created = match create_many(ledger, &self.scope, drafts).await {
            Ok(created) => created,
            Err(TradeError::Problem(problem)) => {
                for parcel in &page {
                    self.refused(&problem, parcel);
                }
                return Ok(());
            }
            Err(TradeError::Ledger(error)) => {
                self.unreached(&page);
                return Err(error);
            }
        };
        let mut sets = Vec::new();
        for (created, parcel) in created.into_iter().zip(&page) {
            match created {
                Ok(created) => self.took(&created, parcel, &mut sets),
                Err(problem) => self.refused(&problem, parcel),
            }
        }
        let counted = self.count(ledger, &sets).await;
        if counted.is_err() {
            self.uncounted(&page);
        }
        counted
    }

    fn took(&mut self, created: &Created, parcel: &ProductParcel, sets: &mut Vec<LevelSet>) {
        // A once-only request is claimed by its first commit; the ones after it go on without.
        self.scope = self.scope.again();
        let product = created.product.id;
        self.products.push(product);
        self.variants += created.variants.len();
        for ((variant, row), stock) in created.variants.iter().zip(&parcel.variant_rows).zip(&parcel.stock) {
            self.rows.insert(*row, Arrived { product, variant: Some(variant.id), note: None });
            sets.extend(stock.map(|on_hand| LevelSet { variant: Some(variant.id), on_hand, ..LevelSet::default() }));
        }
        for row in &parcel.image_rows {
            self.rows.insert(*row, Arrived { product, variant: None, note: None });
        }
    }

    fn refused(&mut self, problem: &Problem, parcel: &ProductParcel) {
        self.held.extend(refusal(&self.names, problem, parcel));
    }

    fn unreached(&mut self, page: &[ProductParcel]) {
        self.held.extend(page.iter().flat_map(ProductParcel::rows).map(|row| (row, Held::row(UNREACHED))));
    }

    fn uncounted(&mut self, page: &[ProductParcel]) {
        for row in page.iter().flat_map(|parcel| &parcel.variant_rows) {
            if let Some(row) = self.rows.get_mut(row) {
                row.note = Some("the variant was created, but the import stopped before its stock was counted");
            }
        }
    }

    /// Every variant was just created and no count is below none, so that nothing here can be refused.
    async fn count(&mut self, ledger: &Ledger, sets: &[LevelSet]) -> Result<(), LedgerError> {
        if sets.is_empty() {
            return Ok(());
        }
        match set_many(ledger, &self.scope, sets).await {
            Ok(_) | Err(TradeError::Problem(_)) => Ok(()),
            Err(TradeError::Ledger(error)) => Err(error),
        }
    }
}

/// The rows of a product that is refused; if one of them is to blame, it says why, and the others say so.
pub(crate) fn refusal(
    names: &[(&'static str, String)],
    problem: &Problem,
    parcel: &ProductParcel,
) -> Vec<(usize, Held)> {
    let why = ProductFile::held(names, problem);
    let blamed = blamed(problem).and_then(|variant| parcel.variant_rows.get(variant)).copied();
    let others = if blamed.is_some() { Held::row("another row of the same product is held") } else { why.clone() };
    let rows = parcel.rows().filter(|row| Some(*row) != blamed).map(|row| (row, others.clone()));
    rows.chain(blamed.map(|row| (row, why.clone()))).collect()
}

const UNREACHED: &str = "the import stopped before this row; send it again";

/// The variant that a problem points to: 3 for `/variants/3/price`.
fn blamed(problem: &Problem) -> Option<usize> {
    problem.pointer.as_deref()?.strip_prefix("/variants/")?.split('/').next()?.parse().ok()
}
