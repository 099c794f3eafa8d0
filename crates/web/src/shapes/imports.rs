//! What the API says of files that are imported, in shapes.

use utoipa::ToSchema;

/// What a file is about.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum FileFormat {
    /// Products and their variants: Shopify's product format, or plain.
    Products,
    /// Pieces counted of each variant at each location.
    Stock,
    /// A retailer's orders, one row a line.
    Orders,
    /// A supplier's parcels, one row a line.
    Fulfilments,
}

/// How far an import has come.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum FileImportState {
    /// Its file is arriving.
    Receiving,
    /// Its rows are kept, and nothing was changed yet.
    Previewed,
    /// Its rows are brought in.
    Running,
    /// All rows were brought in or held.
    Done,
    /// It cannot go on.
    Failed,
    /// What it did is taken back.
    Undoing,
    /// What it did was taken back, as far as nobody built on it.
    Undone,
}

/// How a file writes its characters.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub enum FileEncoding {
    /// UTF-8.
    Utf8,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
    /// Windows-1252.
    #[schema(rename = "windows_1252")]
    Windows1252,
}

/// A file on its way into the account.
#[derive(ToSchema)]
pub struct FileImport {
    /// `import`
    #[schema(example = "import")]
    pub object: String,
    /// Its id.
    #[schema(example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 3)]
    pub version: u64,
    /// When its file began to arrive.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// What it is about.
    pub format: FileFormat,
    /// How far it has come.
    pub state: FileImportState,
    /// Why it failed.
    pub why: Option<String>,
    /// Who sent it.
    #[schema(example = "key_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub started_by: String,
    /// The currency of amounts that name none.
    #[schema(example = "EUR")]
    pub currency: String,
    /// How its characters are written, as was recognised.
    pub encoding: FileEncoding,
    /// What stands between its cells, as was recognised.
    #[schema(example = ";")]
    pub delimiter: String,
    /// Whether decimals are written with a comma, as was recognised.
    pub decimal_comma: bool,
    /// Its columns, each with the field that it was taken for.
    pub columns: Vec<FileColumn>,
    /// The kept mapping that was used, if one was.
    pub mapping: Option<String>,
    /// Bytes that arrived.
    #[schema(example = 1024)]
    pub bytes: u64,
    /// Rows below the header.
    #[schema(example = 12)]
    pub rows: u64,
    /// Rows that were dealt with; of `rows`, the progress.
    #[schema(example = 12)]
    pub rows_done: u64,
    /// What became of them.
    pub counts: FileCounts,
    /// Until when rows are kept that wait or were held; null when there are none.
    #[schema(format = DateTime)]
    pub rows_until: Option<String>,
}

/// A column of a file.
#[derive(ToSchema)]
pub struct FileColumn {
    /// Its name in the file; `(not repeated)` where it may be somebody's mail or phone.
    #[schema(example = "Artikelnummer")]
    pub name: String,
    /// Its place; 0 is the first.
    #[schema(example = 0)]
    pub place: u32,
    /// The field that it was taken for; null for a column that is not kept.
    #[schema(example = "SKU")]
    pub field: Option<String>,
}

/// Rows, by what became of them; and records, by whether they could be taken back.
#[derive(ToSchema)]
pub struct FileCounts {
    /// Rows that made something new.
    #[schema(example = 10)]
    pub created: u64,
    /// Rows that changed something.
    #[schema(example = 1)]
    pub changed: u64,
    /// Rows that say what is so already.
    #[schema(example = 0)]
    pub unchanged: u64,
    /// Rows that were held.
    #[schema(example = 1)]
    pub held: u64,
    /// Records that were taken back by undoing it.
    #[schema(example = 0)]
    pub taken_back: u64,
    /// Records that could not be taken back.
    #[schema(example = 0)]
    pub left: u64,
}

/// What an import would do, from where it stands.
#[derive(ToSchema)]
pub struct FilePreview {
    /// The first rows, as they are understood.
    pub rows: Vec<FilePreviewRow>,
    /// How many rows were looked at: the first ones, if there are many.
    #[schema(example = 12)]
    pub looked_at: u64,
    /// What would become of those.
    pub counts: FileCounts,
    /// The first of those that would be held.
    pub problems: Vec<FileProblem>,
}

/// A row, as it is understood.
#[derive(ToSchema)]
pub struct FilePreviewRow {
    /// Its number; 1 is the first below the header.
    #[schema(example = 1)]
    pub row: u64,
    /// The line in which it begins.
    #[schema(example = 2)]
    pub line: u64,
    /// Each field that says something. Those of a consumer are named and not shown.
    pub fields: std::collections::BTreeMap<String, String>,
}

/// A row that was held.
#[derive(ToSchema)]
pub struct FileProblem {
    /// Its number; 1 is the first below the header.
    #[schema(example = 3)]
    pub row: u64,
    /// The line in which it begins.
    #[schema(example = 4)]
    pub line: u64,
    /// The column to look at, as the file names it.
    #[schema(example = "Preis")]
    pub column: Option<String>,
    /// Why. Never repeats what stood in the row.
    #[schema(example = "a price is needed")]
    pub reason: String,
}

/// A record that undoing could not take back.
#[derive(ToSchema)]
pub struct FileLeft {
    /// Which.
    #[schema(example = "prod_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub record: String,
    /// Why.
    #[schema(example = "it has changed since")]
    pub reason: String,
}

/// Rows that were held, and records that could not be taken back.
#[derive(ToSchema)]
pub struct FileProblems {
    /// The rows, in the file's order.
    pub data: Vec<FileProblem>,
    /// The records.
    pub left: Vec<FileLeft>,
    /// Whether there are more.
    #[schema(example = false)]
    pub has_more: bool,
    /// What to send as `from` for the next ones; null when these were the last.
    #[schema(required, example = 16)]
    pub next: Option<u32>,
}

/// What the columns of a file mean.
#[derive(ToSchema)]
pub struct NewFileMapping {
    /// For files of this format.
    pub format: FileFormat,
    /// What each column means.
    pub columns: Vec<FileChoice>,
}

/// What one column means.
#[derive(ToSchema)]
pub struct FileChoice {
    /// Its name in the file.
    #[schema(example = "Art.")]
    pub column: String,
    /// The field that it means; null leaves it out.
    #[schema(example = "SKU")]
    pub field: Option<String>,
}

/// A mapping that is kept. It is used for every file of its format that has all its columns.
#[derive(ToSchema)]
pub struct FileMapping {
    /// `import_mapping`
    #[schema(example = "import_mapping")]
    pub object: String,
    /// Its id.
    #[schema(example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// For files of this format.
    pub format: FileFormat,
    /// What each column means.
    pub columns: Vec<FileChoice>,
}

/// Every mapping that is kept, and what columns can mean.
#[derive(ToSchema)]
pub struct FileMappings {
    /// The mappings, oldest first.
    pub data: Vec<FileMapping>,
    /// The fields of each format.
    pub fields: FileFields,
}

/// The fields that a column can mean, by format.
#[derive(ToSchema)]
pub struct FileFields {
    /// Of product files.
    pub products: Vec<String>,
    /// Of stock files.
    pub stock: Vec<String>,
    /// Of order files.
    pub orders: Vec<String>,
    /// Of files of parcels.
    pub fulfilments: Vec<String>,
}

/// That a mapping is kept no more.
#[derive(ToSchema)]
pub struct ForgottenMapping {
    /// `import_mapping`
    #[schema(example = "import_mapping")]
    pub object: String,
    /// Which.
    #[schema(example = "imp_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// That it is gone.
    pub forgotten: bool,
}
