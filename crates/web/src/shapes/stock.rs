//! Locations, and the stock that lies there.

use super::Refused;
use utoipa::ToSchema;

/// A place where stock lies.
#[derive(ToSchema)]
pub struct Location {
    /// `location`
    #[schema(example = "location")]
    pub object: String,
    /// Its id.
    #[schema(example = "loc_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change; also the `ETag`.
    #[schema(example = 1)]
    pub version: u64,
    /// When it was created.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Its name, unique in the account.
    #[schema(example = "Main")]
    pub name: String,
    /// Whether stock is promised from it.
    pub active: bool,
    /// Set while the shop that counts its stock was not heard of for longer than agreed.
    pub stale: Option<Stale>,
}

/// Stock of which nothing was heard for too long.
#[derive(ToSchema)]
pub struct Stale {
    /// When it was last heard of.
    #[schema(format = DateTime)]
    pub since: String,
    /// What it counts as for partners meanwhile.
    pub counts_as: super::connections::StalePolicy,
}

/// A location to be created.
#[derive(ToSchema)]
pub struct NewLocation {
    /// Up to 100 characters.
    #[schema(example = "Warehouse North")]
    pub name: String,
}

/// What is to become of a location.
#[derive(ToSchema)]
pub struct LocationChange {
    pub name: Option<String>,
    pub active: Option<bool>,
}

/// How many of one variant lie at one location.
#[derive(ToSchema)]
pub struct InventoryLevel {
    /// `inventory_level`
    #[schema(example = "inventory_level")]
    pub object: String,
    /// Its id.
    #[schema(example = "lvl_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub id: String,
    /// Rises with each change.
    #[schema(example = 1)]
    pub version: u64,
    /// When it last changed.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Of what.
    #[schema(example = "var_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub variant: String,
    /// Where.
    #[schema(example = "loc_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub location: String,
    /// Pieces that lie there.
    #[schema(example = 120)]
    pub on_hand: i64,
    /// Pieces among them that are promised to purchase orders.
    #[schema(example = 2)]
    pub reserved: i64,
    /// What can still be ordered.
    #[schema(example = 118)]
    pub available: i64,
}

/// What was counted.
#[derive(ToSchema)]
pub struct NewLevels {
    /// 1 to 1,000.
    pub data: Vec<NewLevel>,
}

/// What was counted of one variant at one location.
#[derive(ToSchema)]
pub struct NewLevel {
    /// Of what; or name its SKU.
    pub variant: Option<String>,
    /// Its SKU, if it is not named by its id.
    pub sku: Option<String>,
    /// Where; at `Main`, if left out.
    pub location: Option<String>,
    /// Pieces that lie there.
    #[schema(example = 120)]
    pub on_hand: i64,
}

/// What came of a count.
#[derive(ToSchema)]
pub struct LevelResults {
    /// How many were taken.
    #[schema(example = 1)]
    pub succeeded: u32,
    /// How many were not.
    pub failed: u32,
    /// One for each, in the order sent.
    pub data: Vec<LevelResult>,
}

/// What came of one count.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum LevelResult {
    /// It was taken.
    Counted {
        /// Its place in `data`, from 0.
        #[schema(example = 0)]
        index: u32,
        /// 200
        #[schema(example = 200)]
        status: u16,
        /// The level's id.
        #[schema(example = "lvl_01jd2mk8x3e5v9zq4t7w6y5h0c")]
        id: String,
        /// Its version now.
        #[schema(example = 2)]
        version: u64,
        /// What can still be ordered.
        #[schema(example = 118)]
        available: i64,
    },
    /// It was not taken.
    Refused(Refused),
}
