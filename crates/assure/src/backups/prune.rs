//! How long backups are kept: many of the last days, fewer of the last months, and never none.

use super::catalogue::{Listed, list};
use super::error::{BackupError, PlaceError};
use super::manifest::{home, manifest_name, room};
use super::{Backup, Setup};
use bonded_base::{Id, Moment};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::HashSet;

/// How long what was broken off stays, for whoever wants to know why: two days.
const BROKEN_MS: i64 = 2 * 24 * 60 * 60 * 1000;

/// The policy: how many of each are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// The newest, whenever they were made; four a day are made.
    pub newest: usize,
    /// The last one of each of so many days.
    pub daily: usize,
    /// The last one of each of so many months.
    pub monthly: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self { newest: 28, daily: 30, monthly: 12 }
    }
}

/// What pruning came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pruned {
    /// Backups that are kept.
    pub kept: usize,
    /// Backups that were removed, wherever they lay.
    pub removed: Vec<Id<Backup>>,
    /// Backups that were broken off and are gone now.
    pub broken: Vec<Id<Backup>>,
    /// What could not be removed, and why: a lock holds, a place is away.
    pub left: Vec<String>,
}

/// Removes what the policy keeps no longer. A backup that is whole nowhere counts for nothing.
pub async fn prune(setup: &Setup) -> Result<Pruned, BackupError> {
    let listing = list(setup).await?;
    let whole: Vec<_> = listing.backups.iter().filter(|listed| listed.whole_in() > 0).collect();
    let kept = kept(&whole.iter().map(|listed| (listed.backup, listed.at)).collect::<Vec<_>>(), setup.keep);
    let now = setup.clock.now();
    let mut pruned = Pruned { kept: kept.len(), ..Pruned::default() };
    for listed in &listing.backups {
        let is_whole = listed.whole_in() > 0;
        let is_over = if is_whole {
            !kept.contains(&listed.backup)
        } else {
            // Where a place cannot be asked, it may have what is missing here.
            listing.unreachable.is_empty() && now.millis() - listed.backup.born_at().millis() > BROKEN_MS
        };
        if is_over && removed(setup, listed, &mut pruned.left).await {
            if is_whole { pruned.removed.push(listed.backup) } else { pruned.broken.push(listed.backup) }
        }
    }
    Ok(pruned)
}

/// Takes a backup out of every place, its manifest first: what is left of it then counts as nothing.
async fn removed(setup: &Setup, listed: &Listed, left: &mut Vec<String>) -> bool {
    let room = room(&home(setup.environment, &setup.deployment), listed.backup);
    let before = left.len();
    for place in &setup.places {
        let take = async {
            place.remove(&manifest_name(&room)).await?;
            for held in place.list(&room).await? {
                place.remove(&held.name).await?;
            }
            Ok::<_, PlaceError>(())
        };
        if let Err(why) = take.await {
            left.push(format!("{} in {}: {why}", listed.backup, place.name()));
        }
    }
    left.len() == before
}

/// Which of these, newest first, the policy keeps.
fn kept(whole: &[(Id<Backup>, Moment)], keep: Keep) -> HashSet<Id<Backup>> {
    // The very last one stays, whatever the policy says.
    let mut kept: HashSet<_> = whole.iter().take(keep.newest.max(1)).map(|(id, _)| *id).collect();
    for (count, form) in [(keep.daily, "%Y-%m-%d"), (keep.monthly, "%Y-%m")] {
        let mut seen = HashSet::new();
        for (id, at) in whole {
            let Ok(stamp) = Timestamp::from_millisecond(at.millis()) else { continue };
            let slot = stamp.to_zoned(TimeZone::UTC).strftime(form).to_string();
            if seen.len() < count && seen.insert(slot) {
                kept.insert(*id);
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use bonded_base::SystemChance;

    const HOUR_MS: i64 = 60 * 60 * 1000;

    /// One every six hours for so many days, newest first, ending with 2026-11-22T18:00Z.
    fn every_six_hours(days: i64) -> Vec<(Id<Backup>, Moment)> {
        let last: Moment = "2026-11-22T18:00:00Z".parse().unwrap();
        (0..days * 4)
            .map(|step| last.plus_millis(-step * 6 * HOUR_MS))
            .map(|at| (Id::born(at, &SystemChance), at))
            .collect()
    }

    #[test]
    fn a_week_by_the_quarter_a_month_by_the_day_and_a_year_by_the_month() {
        let all = every_six_hours(400);
        let kept = kept(&all, Keep::default());
        let times: Vec<_> = all.iter().filter(|(id, _)| kept.contains(id)).map(|(_, at)| at.to_string()).collect();
        assert!(times[..28].iter().zip(&all).all(|(kept, (_, at))| *kept == at.to_string()));
        // 28 quarters are seven days; 23 further days, and the months that none of the days belongs to.
        assert_eq!(times.len(), 28 + 23 + 11 - 1);
        assert_eq!(times[28], "2026-11-15T18:00:00.000Z");
        assert_eq!(times.last().unwrap(), "2025-12-31T18:00:00.000Z");
    }

    #[test]
    fn the_last_one_is_never_removed() {
        let all = every_six_hours(1);
        let none = Keep { newest: 0, daily: 0, monthly: 0 };
        assert_eq!(kept(&all, none), HashSet::from([all[0].0]));
    }
}
