//! The backups: whether there are any, where, and how old the newest is.

use super::Finding;
use crate::deployment::backup_setup;
use crate::ending::Ending;
use crate::settings::Settings;
use bonded_assure::backups;

/// Asks every place what it has.
pub async fn backups(settings: &Settings) -> Vec<Finding> {
    if settings.backup.is_none() {
        let said = "no place for backups is named, so there are none";
        return vec![Finding::warn("backup", said, "name two or more in `backup.places`; docs/backups.md shows how")];
    }
    let listing = match backup_setup(settings) {
        Ok(setup) => backups::list(&setup).await.map_err(Ending::from),
        Err(ending) => Err(ending),
    };
    let listing = match listing {
        Ok(listing) => listing,
        Err(ending) => return vec![Finding::failed("backup", ending)],
    };
    let next = "run `bonded backup run`; `bonded backup list` says what is where";
    let mut findings: Vec<_> = listing.alarms.into_iter().map(|alarm| Finding::warn("backup", alarm, next)).collect();
    if findings.is_empty()
        && let Some(newest) = listing.backups.iter().find(|one| one.whole_in() > 0)
    {
        let said = format!("the newest is of {} and lies in {} places", newest.at, newest.whole_in());
        findings.push(Finding::ok("backup", said));
    }
    findings
}
