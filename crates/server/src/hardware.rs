//! The hardware module that holds the root: unseals by itself, and while it is away nothing is served.

use crate::desk::Desk;
use bonded_people::ceremonies::Deed;
use bonded_vault::{Holder, HsmError, Vault, VaultError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often the module is asked whether it still answers, and while it is away whether it is back.
const LOOK: Duration = Duration::from_secs(3);

/// After so many looks without an answer the vault is sealed.
const MISSED_MAX: u32 = 3;

/// How long the platform's log may take to hear that the vault is being sealed.
const TELLING_MAX: Duration = Duration::from_secs(2);

/// Whether an operator wants the vault sealed, module or not. Clones are the same.
#[derive(Clone, Default)]
pub struct ByHand(Arc<AtomicBool>);

impl ByHand {
    /// An operator sealed the vault, or unsealed it.
    pub fn note(&self, is_sealed: bool) {
        self.0.store(is_sealed, Ordering::SeqCst);
    }

    fn is_sealed(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What was learned about the module so far.
#[derive(Default)]
struct Watch {
    missed: u32,
    /// A refused PIN is not tried again: most tokens lock themselves after a few.
    has_given_up: bool,
    /// Whether its absence was told.
    told: bool,
}

/// What one look came to.
enum Seen {
    /// Officers hold the root, or an operator wants it sealed.
    Nothing,
    /// It answers.
    Well,
    /// It unsealed the vault.
    Unsealed,
    /// It does not, and why.
    Away(VaultError),
}

/// Looks after the module for as long as the server runs; the first look unseals.
pub async fn watch(desk: Desk) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut watch = Watch::default();
    loop {
        looks.tick().await;
        watch.look(&desk).await;
    }
}

impl Watch {
    async fn look(&mut self, desk: &Desk) {
        if desk.by_hand.is_sealed() {
            return *self = Self::default();
        }
        if self.has_given_up && desk.vault.is_sealed() {
            return;
        }
        let vault = desk.vault.clone();
        // The module may take its time, which is not that of requests.
        let Ok(seen) = tokio::task::spawn_blocking(move || look(&vault)).await else { return };
        match seen {
            Seen::Nothing | Seen::Well => *self = Self::default(),
            Seen::Unsealed => {
                *self = Self::default();
                // Somebody may have sealed it while the module was asked; their word holds.
                if desk.by_hand.is_sealed() {
                    return desk.vault.seal();
                }
                tracing::info!("the vault was unsealed by the hardware module");
                desk.told(Deed::Unsealed).await;
            }
            Seen::Away(why) => self.missed(desk, &why).await,
        }
    }

    async fn missed(&mut self, desk: &Desk, why: &VaultError) {
        self.missed = self.missed.saturating_add(1);
        self.has_given_up = matches!(why, VaultError::Hsm(HsmError::Pin { .. }));
        if desk.vault.is_sealed() {
            if !std::mem::replace(&mut self.told, true) {
                let again = if self.has_given_up { "by hand: bonded keys unseal" } else { "when it is back" };
                tracing::error!(%why, again, "the hardware module unseals nothing: the vault is sealed");
            }
        } else if self.missed >= MISSED_MAX {
            tracing::error!(%why, "the hardware module is away: the vault is sealed and nothing is served until it is back");
            // Told while it can be, but nobody waits for a database to have it sealed.
            let _ = tokio::time::timeout(TELLING_MAX, desk.told(Deed::Sealed)).await;
            desk.vault.seal();
            self.told = true;
        } else {
            tracing::warn!(%why, missed = self.missed, "the hardware module did not answer");
        }
    }
}

fn look(vault: &Vault) -> Seen {
    match vault.holder() {
        Ok(Holder::Hsm) => {}
        Ok(Holder::Officers) => return Seen::Nothing,
        Err(error) => return Seen::Away(error),
    }
    let was_sealed = vault.is_sealed();
    let done = if was_sealed { vault.unseal_by_hsm() } else { vault.check_holder() };
    match done {
        Ok(()) if was_sealed => Seen::Unsealed,
        Ok(()) => Seen::Well,
        Err(error) => Seen::Away(error),
    }
}
