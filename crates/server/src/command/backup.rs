//! `bonded backup …`: copies of the data in other places.

use super::on_runtime;
use crate::cli::{Backup, Choices};
use crate::deployment::backup_setup;
use crate::desk::connect;
use crate::ending::{Code, Ending};
use crate::officers;
use crate::places::Places;
use crate::settings::Settings;
use crate::terminal::say;
use bonded_assure::backups::{self, Choice, Done, Listing, Progress, Pruned, Restored, Setup, Stage, Verified};
use bonded_base::Moment;
use serde::Serialize;
use std::io::{IsTerminal, Write};

/// Bytes of a mebibyte, in which people are told of sizes.
const MIB: u64 = 1024 * 1024;

pub fn run(choices: &Choices, backup: Backup) -> Result<(), Ending> {
    let settings = choices.settings()?;
    let setup = backup_setup(&settings)?;
    let work = async {
        match backup {
            Backup::Run(json) => make(&settings, &setup, json.json).await,
            Backup::List(json) => {
                let listing = backups::list(&setup).await?;
                tell(&listing, json.json, listed)
            }
            Backup::Verify(asked) => {
                let id = asked.backup.as_deref().map(named).transpose()?;
                let verified = backups::verify(&setup, id, &draw).await?;
                wipe();
                tell(&verified, asked.json, told_verified)?;
                if verified.flaws.is_empty() {
                    return Ok(());
                }
                Err(Ending::new(Code::Bad, "the backup is not whole everywhere")
                    .next("run a new one, and find out what happened to that place"))
            }
            Backup::Restore(asked) => {
                let choice = match (&asked.backup, &asked.to) {
                    (Some(id), _) => Choice::This(named(id)?),
                    (None, Some(moment)) => Choice::At(moment.parse::<Moment>().map_err(|_| {
                        Ending::new(Code::Usage, "a moment is written as in RFC 3339: 2026-11-22T09:30:00Z")
                    })?),
                    (None, None) => Choice::Newest,
                };
                let identities = backups::identities(&officers::identity(&asked.identity)?)?;
                is_at_rest(&settings).await?;
                let restored = backups::restore(&setup, choice, identities, &draw).await?;
                wipe();
                tell(&restored, asked.json, told_restored)
            }
            Backup::Prune(json) => {
                let pruned = backups::prune(&setup).await?;
                tell(&pruned, json.json, told_pruned)
            }
        }
    };
    // Sealing, reading and checking are at work on threads of their own.
    on_runtime(2, work)?
}

async fn make(settings: &Settings, setup: &Setup, as_json: bool) -> Result<(), Ending> {
    Places::new(settings.data.clone()).check()?;
    let done = backups::run(setup, &draw).await?;
    wipe();
    tell(&done, as_json, told_done)?;
    if done.is_good() {
        return Ok(());
    }
    Err(Ending::new(Code::Bad, "the backup lies in one place only: one fire, one thief or one mistake takes it")
        .next("name a second place in `backup.places`, or mend the one that failed"))
}

/// A server that runs has the database open; the place is made where there is none yet.
async fn is_at_rest(settings: &Settings) -> Result<(), Ending> {
    let places = Places::new(settings.data.clone());
    if connect(&places.socket()?).await.is_some() {
        return Err(Ending::new(Code::InUse, "a server runs on this data directory").next("stop it, or name another"));
    }
    if !places.root().exists() {
        places.make()?;
    }
    places.check()
}

fn named(text: &str) -> Result<bonded_base::Id<backups::Backup>, Ending> {
    text.parse().map_err(|bad| Ending::new(Code::Usage, format!("{bad}")))
}

/// Draws how far it is, where somebody looks.
fn draw(progress: Progress) {
    let mut screen = std::io::stderr();
    if !screen.is_terminal() {
        return;
    }
    let Progress { stage, bytes, of } = progress;
    let counted = |number: u64| if stage == Stage::Checking { number } else { number / MIB };
    let unit = if stage == Stage::Checking { "entries" } else { "MiB" };
    let of = of.map_or_else(String::new, |of| format!(" of {}", counted(of)));
    let line = format!("\r{:9} {}{of} {unit}\u{1b}[K", stage.name(), counted(bytes));
    // Whoever does not look misses nothing that matters.
    let _ = write!(screen, "{line}").and_then(|()| screen.flush());
}

fn wipe() {
    let mut screen = std::io::stderr();
    if screen.is_terminal() {
        let _ = write!(screen, "\r\u{1b}[K");
    }
}

fn tell<T: Serialize>(what: &T, as_json: bool, show: impl FnOnce(&T)) -> Result<(), Ending> {
    if as_json {
        say!("{}", serde_json::to_string(what).map_err(Ending::internal)?);
    } else {
        show(what);
    }
    Ok(())
}

fn told_done(done: &Done) {
    say!("backup   {}", done.backup);
    say!("moment   {}", done.at);
    say!("size     {} MiB of {} MiB", done.bytes.div_ceil(MIB), done.plain_bytes.div_ceil(MIB));
    say!("holds    {} accounts, {} entries", done.accounts, done.entries);
    for place in &done.places {
        say!("place    {place}");
    }
    for failed in &done.failed {
        say!("failed   {}: {}", failed.place, failed.why);
    }
    say!("signer   {}", done.signer);
}

fn listed(listing: &Listing) {
    for one in &listing.backups {
        let whole = one.whole_in();
        let stand = if whole == 0 { "broken".to_owned() } else { format!("whole in {whole}") };
        say!("{}  {}  {:>7} MiB  {:>9} entries  {stand}", one.backup, one.at, one.bytes.div_ceil(MIB), one.entries);
        for place in one.places.iter().filter_map(|place| Some((&place.place, place.why_not.as_ref()?))) {
            say!("    {}: {}", place.0, place.1);
        }
    }
    for signer in &listing.signers {
        say!("signer  {signer}");
    }
    for alarm in &listing.alarms {
        say!("alarm   {alarm}");
    }
}

fn told_verified(verified: &Verified) {
    say!("backup  {}", verified.backup);
    say!("moment  {}", verified.at);
    say!("chunks  {} read", verified.chunks);
    for place in &verified.whole_in {
        say!("whole   {place}");
    }
    for flaw in &verified.flaws {
        say!("flaw    {flaw}");
    }
}

fn told_restored(restored: &Restored) {
    let checked = &restored.checked;
    say!("backup   {}", restored.backup);
    say!("moment   {}", restored.at);
    say!("checked  {} accounts, {} entries without a gap", checked.accounts, checked.entries);
    say!(
        "         {} logs as their checkpoints say; {} entries are younger than those",
        checked.checkpoints,
        checked.unsigned_entries
    );
    say!("         {} records as their logs say; {} removed in daily work", checked.records, checked.removed);
    for flaw in &restored.flaws {
        say!("flaw     {flaw}; taken from another place");
    }
    say!(
        "signer   {}{}",
        restored.signer,
        if restored.signer_is_new { "  (trusted from now on: compare it)" } else { "" }
    );
    say!("missing  all that happened after {}", restored.at);
}

fn told_pruned(pruned: &Pruned) {
    say!("kept     {}", pruned.kept);
    for id in &pruned.removed {
        say!("removed  {id}");
    }
    for id in &pruned.broken {
        say!("removed  {id}  (it was broken off)");
    }
    for left in &pruned.left {
        say!("left     {left}");
    }
}
