//! An account's keys, lent for one operation.

use crate::context::Under;
use crate::key::sure;
use crate::memory::Locked;
use crate::path::SLOT_BYTES;
use crate::tree::Secrets;
use crate::vault::Inner;
use crate::xaes::NONCE_BYTES;
use crate::{Context, Grant, OpenError, Slot, VaultError};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use bonded_base::{Account, Id, Kind, Secret};
use std::sync::Arc;

/// The keys of one account. Take them anew for each operation: whoever keeps them works on after the vault was sealed.
///
/// ```compile_fail
/// fn shown<T: std::fmt::Debug>() {}
/// shown::<bonded_vault::AccountKeys>();
/// ```
#[derive(Clone)]
pub struct AccountKeys {
    vault: Arc<Inner>,
    account: Id<Account>,
    secrets: Arc<Locked<Secrets>>,
    /// The grant that they were lent under, if it is for staff: they open nothing else.
    grant: Option<Arc<Grant>>,
}

impl AccountKeys {
    pub(crate) fn new(vault: Arc<Inner>, account: Id<Account>, secrets: Arc<Locked<Secrets>>) -> Self {
        Self { vault, account, secrets, grant: None }
    }

    /// The same keys, which open only what a grant names.
    pub(crate) fn under(self, grant: Arc<Grant>) -> Self {
        Self { grant: Some(grant), ..self }
    }

    fn may_open(&self, context: &Context<'_>) -> Result<(), OpenError> {
        let reaches =
            |grant: &Grant| Kind::from_number(context.kind).is_some_and(|kind| grant.reaches(kind, context.id));
        if self.grant.as_deref().is_none_or(reaches) { Ok(()) } else { Err(OpenError::NotGranted) }
    }

    /// Whose keys these are.
    pub fn account(&self) -> Id<Account> {
        self.account
    }

    /// Seals a value under the account's data key, bound to `context`: nonce (24), ciphertext, tag (16).
    pub fn seal(&self, context: &Context<'_>, plain: &[u8]) -> Vec<u8> {
        let nonce = self.nonce();
        context.bind(self.vault.environment, self.account, Under::Data, |bound| {
            self.secrets.data.seal(&[], nonce, bound, plain)
        })
    }

    /// Opens what [`Self::seal`] sealed in the same context.
    ///
    /// # Errors
    /// [`OpenError::NotGranted`] where the keys were lent under a grant that does not name it.
    pub fn open(&self, context: &Context<'_>, sealed: &[u8]) -> Result<Secret<Vec<u8>>, OpenError> {
        self.may_open(context)?;
        context.bind(self.vault.environment, self.account, Under::Data, |bound| self.secrets.data.open(bound, sealed))
    }

    /// Seals a consumer under the key of one order, which can be destroyed alone: slot (5), nonce (24), ciphertext,
    /// tag (16).
    ///
    /// # Errors
    /// [`VaultError::Sealed`]; [`VaultError::Destroyed`] if the slot was destroyed, used or not.
    pub fn seal_consumer(&self, slot: Slot, context: &Context<'_>, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.vault.with_tree(|tree| tree.consumer(self.account, slot))?;
        let nonce = self.nonce();
        let under = Under::Consumer(slot);
        Ok(context
            .bind(self.vault.environment, self.account, under, |bound| key.seal(&slot.bytes(), nonce, bound, plain)))
    }

    /// Opens what [`Self::seal_consumer`] sealed in the same context.
    ///
    /// # Errors
    /// [`VaultError::Sealed`]; [`VaultError::Destroyed`]; [`VaultError::Open`].
    pub fn open_consumer(&self, context: &Context<'_>, sealed: &[u8]) -> Result<Secret<Vec<u8>>, VaultError> {
        self.may_open(context)?;
        if self.grant.as_ref().is_some_and(|grant| !grant.consumers) {
            return Err(OpenError::NotGranted.into());
        }
        let slot = Self::slot_of(sealed)?;
        let rest = sealed.get(SLOT_BYTES..).ok_or(OpenError::Damaged)?;
        let key = self.vault.with_tree(|tree| tree.consumer(self.account, slot))?;
        let under = Under::Consumer(slot);
        Ok(context.bind(self.vault.environment, self.account, under, |bound| key.open(bound, rest))?)
    }

    /// The place of the key that a consumer was sealed under.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] where the bytes are no sealed consumer.
    pub fn slot_of(sealed: &[u8]) -> Result<Slot, OpenError> {
        let (slot, _) = sealed.split_first_chunk::<SLOT_BYTES>().ok_or(OpenError::Damaged)?;
        Ok(Slot::from_bytes(*slot))
    }

    /// Stands for a value in an index, so that equal ones are found without being stored in clear: the first 16 bytes
    /// of HMAC-SHA256 (RFC 2104) under the account's index key over `name` and `value`.
    pub fn token(&self, name: u8, value: &[u8]) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.secrets.index);
        context.update(&[name]);
        context.update(value);
        let tag = context.sign();
        let mut token = [0; 16];
        token.iter_mut().zip(tag.as_ref()).for_each(|(place, byte)| *place = *byte);
        token
    }

    /// The public key that verifies the account's log (Ed25519, RFC 8032).
    pub fn log_public_key(&self) -> [u8; 32] {
        let mut public = [0; 32];
        public.copy_from_slice(self.log_key().public_key().as_ref());
        public
    }

    /// Signs for the account's log (Ed25519, RFC 8032).
    pub fn sign_log(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.log_key().sign(message).as_ref());
        signature
    }

    /// Made for each use: the library keeps such keys in memory that cannot be locked.
    fn log_key(&self) -> Ed25519KeyPair {
        sure(Ed25519KeyPair::from_seed_unchecked(self.secrets.log.bytes()))
    }

    fn nonce(&self) -> [u8; NONCE_BYTES] {
        let mut nonce = [0; NONCE_BYTES];
        self.vault.chance.fill(&mut nonce);
        nonce
    }
}
