//! Carrying a wish out.

use super::export::export;
use super::import::{self, File, FileWish};
use super::wish::Wish;
use super::{deletions, invite, mail, people};
use crate::ending::{Code, Ending};
use crate::hardware::ByHand;
use crate::identity::Issuer;
use bonded_base::{Account, Currency, Id, Secret};
use bonded_ledger::{Ledger, PLATFORM, Scope};
use bonded_people::ceremonies::{self, Deed};
use bonded_people::keys::{self, MakerRights, Mode};
use bonded_people::mail::Origins;
use bonded_people::{Permission, Permissions};
use bonded_trade::Page;
use bonded_trade::accounts::{self, Role};
use bonded_vault::{Destruction, Environment, Holder, Officer, Recipient, Vault};
use bonded_web::identity::IssuerKeys;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Accounts that are read at once.
const PAGE: u32 = 1_000;

/// Where the lines of a long answer go, one by one.
pub type Lines = mpsc::Sender<String>;

/// A deployment whose operator is at the desk.
#[derive(Clone)]
pub struct Desk {
    /// Its keys.
    pub vault: Vault,
    /// Its ledger; none where the wish is about keys and no server runs.
    pub ledger: Option<Ledger>,
    /// The name under which its logs are signed.
    pub log_origin: String,
    /// How people reach the pages that mailed links lead to.
    pub origins: Origins,
    /// The issuer that vouches for callers of the private listener; none where nothing is asked, or no server runs.
    pub issuer: Option<Issuer>,
    /// Whether an operator wants the vault sealed.
    pub by_hand: ByHand,
}

impl Desk {
    /// Carries out a wish about files; `file` comes with the wish to bring it in.
    pub async fn answer_with(
        &self,
        wish: Wish,
        identity: Option<Secret<Vec<u8>>>,
        file: Option<File>,
        lines: &Lines,
    ) -> Result<Value, Ending> {
        match wish {
            Wish::ImportFile { account, format, currency, preview } => {
                let wish = FileWish { account, format, currency, preview };
                import::receive(self.ledger()?, wish, file, lines).await
            }
            Wish::ImportList { account } => import::list(self.ledger()?, account).await,
            Wish::ImportResume { account, import } => import::resume(self.ledger()?, account, import, lines).await,
            Wish::ImportUndo { account, import } => import::undo(self.ledger()?, account, import, lines).await,
            wish => self.answer(wish, identity, lines).await,
        }
    }

    /// Carries a wish out. `identity` is an officer's key file without passphrase.
    pub async fn answer(&self, wish: Wish, identity: Option<Secret<Vec<u8>>>, lines: &Lines) -> Result<Value, Ending> {
        match wish {
            wish @ (Wish::KeysStatus
            | Wish::Unseal
            | Wish::Seal
            | Wish::AddOfficer { .. }
            | Wish::RemoveOfficer { .. }
            | Wish::MoveKeys { .. }) => self.about_keys(wish, identity).await,
            Wish::IdentityStatus => {
                Ok(json!({"confirmed_at": self.issuer.as_ref().and_then(IssuerKeys::confirmed_at)}))
            }
            Wish::AccountCreate { name, role, currency } => self.create(name, &role, &currency).await,
            Wish::AccountList => self.accounts().await,
            Wish::AccountKey { account, name, permissions, test } => {
                self.issue(account, name, &permissions, test).await
            }
            Wish::AccountInvite { account, mail, role } => {
                invite::member(self.ledger()?, &self.origins, account, &mail, &role).await
            }
            Wish::StaffInvite { mail, roles } => invite::staff(self.ledger()?, &self.origins, &mail, &roles).await,
            Wish::MailList { state, addresses } => mail::list(self.ledger()?, state.as_deref(), addresses).await,
            Wish::MailRetry { mail } => mail::retry(self.ledger()?, mail).await,
            Wish::StaffList { addresses } => people::list(self.ledger()?, addresses).await,
            Wish::StaffInvitations { addresses } => invite::list(self.ledger()?, addresses).await,
            Wish::StaffWithdraw { invitation } => invite::withdraw(self.ledger()?, invitation).await,
            Wish::StaffRoles { staff, roles } => people::change_roles(self.ledger()?, staff, &roles).await,
            Wish::StaffEnd { staff } => people::end(self.ledger()?, staff).await,
            Wish::SignOut { mail } => people::sign_out(self.ledger()?, &mail).await,
            Wish::SignOutEverybody => people::sign_out_everybody(self.ledger()?).await,
            Wish::TrainingList => people::standings(self.ledger()?).await,
            Wish::TrainingCourse(course) => people::course(self.ledger()?, course).await,
            Wish::TrainingRecord { staff, course, on, of_version, certificate } => {
                people::record(self.ledger()?, staff, &course, on.as_deref(), of_version, certificate).await
            }
            Wish::ReviewOpen { every } => people::open_review(self.ledger()?, every).await,
            Wish::ReviewList => people::list_reviews(self.ledger()?).await,
            Wish::ReviewShow { review } => people::show_review(self.ledger()?, review).await,
            Wish::DeletionAsk { account, orders, archived_days } => {
                deletions::ask(self.ledger()?, &self.log_origin, account, (orders, archived_days), lines).await
            }
            Wish::DeletionList { account } => deletions::list(self.ledger()?, account).await,
            Wish::DeletionShow { account, deletion } => deletions::show(self.ledger()?, account, deletion).await,
            Wish::DeletionCertificate { account, deletion } => {
                deletions::certificate(self.ledger()?, account, deletion).await
            }
            Wish::DeletionCancel { account, deletion } => deletions::cancel(self.ledger()?, account, deletion).await,
            Wish::DeletionPolicy { account, grace_days, archived_days } => {
                deletions::policy(self.ledger()?, account, grace_days, archived_days).await
            }
            Wish::Export { account, with_consumers } => {
                export(self.ledger()?, account, &self.log_origin, with_consumers, lines).await
            }
            Wish::ImportFile { .. } | Wish::ImportList { .. } | Wish::ImportResume { .. } | Wish::ImportUndo { .. } => {
                Box::pin(self.answer_with(wish, None, None, lines)).await
            }
        }
    }

    /// What needs the keys alone.
    async fn about_keys(&self, wish: Wish, identity: Option<Secret<Vec<u8>>>) -> Result<Value, Ending> {
        match wish {
            Wish::KeysStatus => self.status().await,
            Wish::Unseal => self.unseal(identity).await,
            Wish::Seal => {
                self.by_hand.note(true);
                self.told(Deed::Sealed).await;
                self.vault.seal();
                tracing::info!("the vault was sealed");
                self.status().await
            }
            Wish::AddOfficer { key } => {
                let officer = recipient(&key)?;
                self.change(Deed::OfficerAdded, move |vault| Ok(vault.add_officer(officer)?)).await
            }
            Wish::RemoveOfficer { key } => {
                let officer = recipient(&key)?;
                self.change(Deed::OfficerRemoved, move |vault| Ok(vault.remove_officer(&officer)?)).await
            }
            Wish::MoveKeys { to } => {
                let (holder, deed) = match to.as_str() {
                    "hsm" => (Holder::Hsm, Deed::MovedToHardware),
                    "officers" => (Holder::Officers, Deed::MovedToOfficers),
                    _ => return Err(Ending::new(Code::Usage, "keys are held by `hsm` or by `officers`")),
                };
                self.change(deed, move |vault| Ok(vault.move_to(holder)?)).await
            }
            _ => Err(Ending::internal("this wish is not about keys")),
        }
    }

    fn ledger(&self) -> Result<&Ledger, Ending> {
        self.ledger.as_ref().ok_or_else(|| Ending::internal("this wish needs the database"))
    }

    /// The hardware module that holds the root is asked whether it answers, off the threads that answer requests.
    async fn status(&self) -> Result<Value, Ending> {
        let vault = self.vault.clone();
        let ask = move || -> Result<_, Ending> { Ok((vault.status()?, vault.check_holder().err())) };
        let (status, away) = tokio::task::spawn_blocking(ask).await.map_err(Ending::internal)??;
        let holder = match status.holder {
            Holder::Hsm => {
                json!({"kind": "hsm", "token": self.vault.hsm_token(), "why_not": away.map(|why| why.to_string())})
            }
            Holder::Officers => json!({"kind": "officers"}),
        };
        let officers: Vec<_> = status.officers.iter().map(ToString::to_string).collect();
        let places: Vec<_> = status
            .places
            .iter()
            .map(|place| {
                json!({"place": place.place, "version": place.version, "written_at": place.written_at, "confirmed": place.confirmed, "why_not": place.why_not})
            })
            .collect();
        Ok(json!({
            "sealed": status.sealed,
            "environment": status.environment.name(),
            "version": status.version,
            "holder": holder,
            "officers": officers,
            "places": places,
        }))
    }

    /// Opening the root takes an elliptic curve and a disk, so it stays off the threads that answer requests.
    async fn unseal(&self, identity: Option<Secret<Vec<u8>>>) -> Result<Value, Ending> {
        let vault = self.vault.clone();
        let work = move || -> Result<(), Ending> {
            let Some(identity) = identity else {
                return match vault.holder()? {
                    Holder::Hsm => Ok(vault.unseal_by_hsm()?),
                    Holder::Officers => Err(Ending::new(Code::Usage, "unsealing needs an officer's identity")
                        .next("name the file: bonded keys unseal --officer FILE")),
                };
            };
            let officer = Officer::read(identity.expose(), None).map_err(bonded_vault::VaultError::from)?;
            Ok(vault.unseal(&officer)?)
        };
        tokio::task::spawn_blocking(work).await.map_err(Ending::internal)??;
        self.by_hand.note(false);
        tracing::info!("the vault was unsealed");
        self.told(Deed::Unsealed).await;
        self.status().await
    }

    /// Tells the platform's log of a ceremony, where there is a ledger to tell. The deed is done in any case: keys must be
    /// in reach while a database is not.
    pub async fn told(&self, deed: Deed) {
        let Some(ledger) = &self.ledger else { return };
        if self.vault.is_sealed() {
            return;
        }
        if let Err(error) = ceremonies::record(ledger, &Scope::operator(PLATFORM), deed).await {
            tracing::error!(%error, ?deed, "a ceremony is missing from the platform's log");
        }
    }

    async fn change(
        &self,
        deed: Deed,
        change: impl FnOnce(&Vault) -> Result<Destruction, Ending> + Send + 'static,
    ) -> Result<Value, Ending> {
        let vault = self.vault.clone();
        let done = tokio::task::spawn_blocking(move || change(&vault)).await.map_err(Ending::internal)??;
        tracing::info!(complete = done.complete(), ?deed, "who can unseal was changed");
        self.told(deed).await;
        self.status().await
    }

    async fn create(&self, name: String, role: &str, currency: &str) -> Result<Value, Ending> {
        let role: Role = serde_json::from_value(json!(role))
            .map_err(|_| Ending::new(Code::Usage, "an account's role is `retailer` or `supplier`"))?;
        let currency = Currency::from_code(currency)
            .ok_or_else(|| Ending::new(Code::Usage, "a currency is three letters of ISO 4217, as EUR"))?;
        let draft = accounts::Draft { name, role, currency };
        let account = accounts::open(self.ledger()?, &Scope::operator(PLATFORM), draft).await?;
        Ok(json!({"account": account}))
    }

    async fn accounts(&self) -> Result<Value, Ending> {
        let ledger = self.ledger()?;
        let mut found = Vec::new();
        let mut page = Page::first(PAGE);
        loop {
            let listed = accounts::directory(ledger, &Scope::operator(PLATFORM), page).await?;
            found.extend(listed.records.iter().map(|profile| {
                json!({"account": profile.id, "name": profile.name, "role": profile.role, "currency": profile.currency})
            }));
            match listed.next {
                Some(next) => page.after = Some(next),
                None => return Ok(json!({"accounts": found})),
            }
        }
    }

    async fn issue(
        &self,
        account: Id<Account>,
        name: String,
        permissions: &[String],
        test: bool,
    ) -> Result<Value, Ending> {
        let ledger = self.ledger()?;
        // A key to an account that is not there would be a key to nothing, and a riddle to its holder.
        accounts::profile(ledger, &Scope::operator(account)).await?;
        let asked = permissions.iter().map(|name| name.parse::<Permission>()).collect::<Result<Permissions, _>>();
        let permissions = match asked {
            Ok(_) if permissions.is_empty() => Permissions::of_keys(),
            Ok(asked) => asked,
            Err(unknown) => {
                let names: Vec<_> = Permission::ALL.into_iter().map(Permission::name).collect();
                return Err(
                    Ending::new(Code::Usage, unknown.to_string()).next(format!("choose from {}", names.join(", ")))
                );
            }
        };
        let live = self.vault.environment() == Environment::Production && !test;
        let mode = if live { Mode::Live } else { Mode::Test };
        let draft = keys::Draft { name, permissions, mode };
        let issued = keys::issue(ledger, &Scope::operator(account), &MakerRights::operator(), draft).await?;
        Ok(json!({"key": issued.id, "account": account, "secret": issued.secret.expose()}))
    }
}

fn recipient(text: &str) -> Result<Recipient, Ending> {
    text.parse().map_err(|bad| bonded_vault::VaultError::Officer(bad).into())
}
