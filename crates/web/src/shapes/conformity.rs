//! How a connected shop stands to what was brought to it.

use utoipa::ToSchema;

/// A comparison of all records that a shop has.
#[derive(ToSchema)]
pub struct Sweep {
    /// When it began.
    #[schema(format = DateTime)]
    pub begun_at: String,
    /// When it ended.
    #[schema(format = DateTime)]
    pub ended_at: String,
    /// Records that were compared.
    #[schema(example = 4000)]
    pub records: u64,
    /// Those among them that were equal.
    #[schema(example = 3999)]
    pub equal: u64,
    /// The same as a share, rounded down to four places.
    #[schema(required, example = 0.9997)]
    pub share_equal: Option<f64>,
}

/// What happened on one day.
#[derive(ToSchema)]
pub struct ConformityDay {
    /// Which, in UTC.
    #[schema(example = "2026-11-22")]
    pub date: String,
    #[serde(flatten)]
    pub figures: ConformityFigures,
}

/// Counts, and what they make.
#[derive(ToSchema)]
pub struct ConformityFigures {
    /// Records that were made the same on both sides.
    #[schema(example = 1200)]
    pub delivered: u64,
    /// Those brought to the shop that were then read back there.
    #[schema(example = 1100)]
    pub confirmed: u64,
    /// Records that were compared with the shop's.
    #[schema(example = 5100)]
    pub checked: u64,
    /// Those among them that were equal.
    #[schema(example = 5099)]
    pub equal: u64,
    /// Those that the shop had changed.
    #[schema(example = 1)]
    pub drifted: u64,
    /// Those that were put right.
    #[schema(example = 1)]
    pub repaired: u64,
    /// Equal among checked, rounded down to four places.
    #[schema(required, example = 0.9998)]
    pub share_equal: Option<f64>,
    /// Milliseconds from the change on one side until the other side had it: the median, to 9 %.
    #[schema(required, example = 410)]
    pub delay_ms_median: Option<u64>,
    /// The same that 99 of 100 did not exceed.
    #[schema(required, example = 1900)]
    pub delay_ms_p99: Option<u64>,
}

/// Whether a shop has what was brought to it, over the last 90 days.
#[derive(ToSchema)]
pub struct Conformity {
    /// `conformity`
    #[schema(example = "conformity")]
    pub object: String,
    /// Of which connection.
    #[schema(example = "con_01jd2mk8x3e5v9zq4t7w6y5h0c")]
    pub connection: String,
    /// The newest comparison of all records that has ended.
    #[schema(required)]
    pub sweep: Option<Sweep>,
    /// When somebody last asked for one.
    #[schema(required, format = DateTime)]
    pub check_asked_at: Option<String>,
    #[serde(flatten)]
    pub figures: ConformityFigures,
    /// The days on which something happened, oldest first.
    pub days: Vec<ConformityDay>,
}

/// A check was asked for.
#[derive(ToSchema)]
pub struct CheckAsked {
    /// When.
    #[schema(format = DateTime)]
    pub check_asked_at: String,
}

/// A repair was asked for.
#[derive(ToSchema)]
pub struct RepairAsked {
    /// Records that are written again.
    #[schema(example = 3)]
    pub records: u32,
}
