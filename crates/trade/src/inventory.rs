//! Stock: how many of a variant lie at each location, and how many of those are promised already.
//!
//! Invariants: nothing is reserved that is not there, except of variants that are sold also when they are out; neither
//! count is ever negative. A level's id is worked out from its variant and location, so that finding it costs no lookup.

mod level;
mod levels;
mod locations;

pub use level::InventoryLevel;
pub use levels::{Counting, LEVELS_A_CALL_MAX, LevelSet, OnOffer, levels_of, on_offer, set_many};
pub use locations::{
    LOCATION_NAME_MAX, LOCATIONS_MAX, Location, LocationPatch, MAIN_LOCATION, Stale, StalePolicy, create_location,
    location, locations, mark_stale, open_main_location, update_location,
};
