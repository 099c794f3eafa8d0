//! Signing in: from a password or a passkey to a session, the same way for users and for staff.
//!
//! ```text
//! password ──┬─▶ second factor ──┬─▶ session
//!            ├─▶ enrolment ──────┤      (forced where a role needs a second factor and there is none)
//!            └───────────────────┤      (a user without such a role)
//! passkey ───────────────────────┘      (alone: it is two factors in one)
//! ```
//! Within a session the same is shown again from time to time, before anything grave: a confirmation.
//! Whether there is such a person is never told: an unknown address costs the same work and gets the same answer.

mod alerts;
mod confirm;
mod factors;
mod first_look;
mod first_step;
mod holder;
mod reset;
mod sign_out;

use crate::books::books;
pub use alerts::tell_of_guesses;
use alerts::told;
pub use confirm::{ask_to_confirm, confirm_with_code, confirm_with_passkey, confirm_with_password, ways_to_confirm};
pub use factors::{
    Enrolled, add_passkey, begin_passkey, begin_totp, change_password, confirm_totp, is_proven, new_recovery_codes,
    remove_passkey, remove_totp,
};
use first_look::StandIns;
use first_step::{Device, Proof, begin};
pub use holder::Holder;
pub(crate) use reset::{Anew, belongs_only_to, let_in_anew};
pub use reset::{RESET_MS, ResetRecord, ask_for_reset, find_reset, reset_password};
pub use sign_out::{end_sessions_of, sign_out_everywhere};

use crate::credentials::device;
use crate::credentials::passkeys::{self, Binding, Passkeys};
use crate::credentials::password::Passwords;
use crate::credentials::throttle::{After, Attempt, Throttle};
use crate::credentials::{CredentialError, Credentials, Keeper};
use crate::mail::{self, Guessed, Notice};
use crate::session::{self, Begun, Factor, Onward, Person, SessionRecord, Stage};
use crate::users::{UserRecord, Visitor};
use crate::{MailAddress, PeopleError};
use bonded_base::{Account, Id, Problem, Reason, Secret};
use bonded_ledger::{Change, Ledger, LedgerError, Scope, Stored};
use serde_json::Value;

/// A code with more symbols is no one-time code, but a recovery code.
const TOTP_SYMBOLS_MAX: usize = 8;
/// How often a step is tried when others change the same person's records at the same moment.
const TRIES_MAX: usize = 8;

/// Everything that signing in needs; one for the whole process.
pub struct Doors {
    /// Where people are kept.
    pub ledger: Ledger,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// What slows guessing.
    pub throttle: Throttle,
    /// The passkeys of users, on the public origin.
    pub users: Passkeys,
    /// The passkeys of staff, on the private origin.
    pub staff: Passkeys,
    stand_ins: StandIns,
}

impl Doors {
    /// Doors for users at one origin (`https://app.bonded.example`) and for staff at another.
    ///
    /// # Errors
    /// If an origin has no host name: passkeys are bound to one.
    pub fn new(ledger: Ledger, public: &str, private: &str) -> Result<Self, Problem> {
        let throttle = Throttle::new(ledger.shared_chance());
        let (users, staff) = (passkeys_at(public, "Bonded")?, passkeys_at(private, "Bonded staff")?);
        Ok(Self { ledger, passwords: Passwords::new(), throttle, users, staff, stand_ins: StandIns::default() })
    }
}

/// Passkeys are bound to the very host of an origin.
fn passkeys_at(origin: &str, name: &str) -> Result<Passkeys, Problem> {
    let host = origin.strip_prefix("https://").unwrap_or_default();
    Passkeys::new(host.split_once(':').map_or(host, |(host, _)| host), origin, name)
}

/// Somebody who is signing in: their record and their unfinished session.
pub struct Entering<H: Holder> {
    /// Who.
    pub holder: Stored<H>,
    /// The session so far.
    pub session: Stored<SessionRecord>,
}

impl<H: Holder> Clone for Entering<H> {
    fn clone(&self) -> Self {
        Self { holder: self.holder.clone(), session: self.session.clone() }
    }
}

impl<H: Holder> Entering<H> {
    /// What a passkey's ceremony is bound to: this session, whoever holds it.
    pub(crate) fn binding(&self) -> Binding {
        Binding::to(&self.session.id.bytes())
    }
}

/// The active person with this address.
pub async fn find<H: Holder>(ledger: &Ledger, mail: &MailAddress) -> Result<Option<Stored<H>>, LedgerError> {
    let Some(id) = ledger.find::<H>(&books(), &H::by_mail(mail)).await? else { return Ok(None) };
    Ok(ledger.get(&books(), id).await?.filter(|holder| holder.is_active()))
}

/// From where somebody signs in, as far as it is known, for a moment.
pub struct Visit {
    /// Stands for the caller, and tells nothing of their address.
    pub mark: [u8; 16],
    /// The cookie of a device that somebody has signed in with before.
    pub device: Option<Secret<String>>,
    /// What the device is, for its owner to recognise: `Firefox on Linux`.
    pub description: String,
}

impl Visit {
    /// The device's name, if this very person has signed in with it before.
    fn known<H: Holder>(&self, keeper: Keeper<'_, H>) -> Result<Option<[u8; 16]>, PeopleError> {
        let cookie = self.device.as_ref().map_or("", |cookie| cookie.expose().as_str());
        Ok(device::known(keeper, cookie)?)
    }

    /// The device itself, for whoever signs in on it.
    fn on(&self, known: Option<[u8; 16]>) -> Device<'_> {
        Device { description: &self.description, is_known: known.is_some() }
    }
}

/// A cookie for the device that a person has just signed in with. To be given when the sign-in is complete: whoever has
/// the password alone must not make a device known, or codes could be guessed from there as from a device of the person.
pub fn remember_device<H: Holder>(ledger: &Ledger, id: Id<H>) -> Result<Secret<String>, PeopleError> {
    Ok(device::remember(Keeper::new(ledger, &books(), id))?)
}

/// The first step with a password. What follows is said by the session's stage.
pub async fn with_password<H: Holder>(
    doors: &Doors,
    mail: &str,
    password: Secret<String>,
    visit: &Visit,
) -> Result<Begun, PeopleError> {
    let Doors { ledger, passwords, throttle, .. } = doors;
    let now = ledger.clock().now();
    let holder = first_look::by_address::<H>(doors, mail).await?;
    let scope = books();
    let nobody = Id::<H>::from_bytes([0; 16]);
    let keeper = Keeper::new(ledger, &scope, holder.as_ref().map_or(nobody, |holder| holder.id));
    let known = visit.known(keeper)?;
    let attempt = Attempt::at_password(mail, visit.mark, known);
    throttle.check(&attempt, now).map_err(|wait| PeopleError::Wait(wait.seconds))?;
    let kept = holder.as_ref().and_then(|holder| holder.credentials().password.clone());
    match passwords.verify(keeper, password.clone(), kept.as_ref()).await {
        Ok(()) => {}
        Err(CredentialError::NotProven) => {
            if throttle.failed(&attempt, now) == After::Stopped {
                alerts::guesses_were_stopped::<H>(doors, mail, Guessed::Password);
            }
            return Err(PeopleError::NotProven);
        }
        Err(error) => {
            throttle.withdrawn(&attempt, now);
            return Err(error.into());
        }
    }
    throttle.succeeded(&attempt, now);
    let holder = holder.ok_or(PeopleError::NotProven)?;
    let rehashed = match &kept {
        Some(kept) if kept.needs_rehash() => Some(passwords.rehash(keeper, password).await?),
        _ => None,
    };
    begin(ledger, &holder, Proof::Password { rehashed }, visit.on(known)).await
}

/// The first session of somebody who has just joined: the mailed link was shown, and a password was chosen. Its device is
/// taken for known, since there is no other yet.
pub async fn first_time<H: Holder>(
    ledger: &Ledger,
    holder: &Stored<H>,
    description: &str,
) -> Result<Begun, PeopleError> {
    begin(ledger, holder, Proof::Password { rehashed: None }, Device { description, is_known: true }).await
}

/// The person as they are now, after another change came first.
async fn current<H: Holder>(ledger: &Ledger, id: Id<H>) -> Result<Stored<H>, PeopleError> {
    ledger.get(&books(), id).await?.filter(|holder| holder.is_active()).ok_or(PeopleError::SignedOut)
}

/// Somebody and their session as they are now; refused if one of them is no longer what it was.
pub(crate) async fn again<H: Holder>(ledger: &Ledger, was: &Entering<H>) -> Result<Entering<H>, PeopleError> {
    let holder = current(ledger, was.holder.id).await?;
    let session = ledger.get(&books(), was.session.id).await?.ok_or(PeopleError::SignedOut)?;
    if holder.credentials() != was.holder.credentials() {
        return Err(PeopleError::NotProven);
    }
    if !session.is_same_step(&was.session) {
        return Err(PeopleError::SignedOut);
    }
    Ok(Entering { holder, session })
}

pub(crate) fn crowded() -> PeopleError {
    Problem::new(Reason::Unavailable, "too much happens to this person's sign-in at this moment: try again").into()
}

/// The person of an unfinished or finished session of this sort.
pub async fn entering<H: Holder>(ledger: &Ledger, token: &Secret<String>) -> Result<Entering<H>, PeopleError> {
    let session = session::find(ledger, token).await?.ok_or(PeopleError::SignedOut)?;
    let id = H::id_of(session.person).ok_or(PeopleError::SignedOut)?;
    let holder = ledger.get(&books(), id).await?.filter(|holder| holder.is_active());
    Ok(Entering { holder: holder.ok_or(PeopleError::SignedOut)?, session })
}

/// The second step with a one-time code, or with a recovery code. Too many wrong ones end the sign-in.
pub async fn with_code<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    code: &str,
    visit: &Visit,
) -> Result<Begun, PeopleError> {
    awaits_second_factor(entering)?;
    with_any_code(doors, entering, code, visit).await
}

/// A one-time or a recovery code, where the session awaits one.
async fn with_any_code<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    code: &str,
    visit: &Visit,
) -> Result<Begun, PeopleError> {
    let (ledger, scope, now) = (&doors.ledger, books(), doors.ledger.clock().now());
    let Entering { holder, session } = entering;
    let keeper = Keeper::new(ledger, &scope, holder.id);
    let attempt = Attempt::at_code(holder.mail().expose(), visit.mark, visit.known(keeper)?, session.id.bytes());
    doors.throttle.check(&attempt, now).map_err(|wait| PeopleError::Wait(wait.seconds))?;
    let mut credentials = holder.credentials().clone();
    let factor = match checked_code(keeper, &mut credentials, code) {
        Ok(factor) => factor,
        Err(CredentialError::NotProven) => {
            let after = doors.throttle.failed(&attempt, now);
            if after != After::Again {
                alerts::guesses_were_stopped::<H>(doors, holder.mail().expose(), Guessed::Code);
            }
            if after == After::Over {
                session::end(ledger, session.person, session.id).await?;
                return Err(PeopleError::SignedOut);
            }
            return Err(PeopleError::NotProven);
        }
        Err(error) => {
            doors.throttle.withdrawn(&attempt, now);
            return Err(error.into());
        }
    };
    doors.throttle.succeeded(&attempt, now);
    complete(ledger, entering, credentials, factor).await
}

/// Proves once more, with a one-time code, who holds a session: for an approval by someone who has no passkey.
pub async fn prove_with_totp<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    code: &str,
    visit: &Visit,
) -> Result<(), PeopleError> {
    let (ledger, scope, now) = (&doors.ledger, books(), doors.ledger.clock().now());
    let Entering { holder, session } = entering;
    let keeper = Keeper::new(ledger, &scope, holder.id);
    let attempt = Attempt::at_code(holder.mail().expose(), visit.mark, visit.known(keeper)?, session.id.bytes());
    doors.throttle.check(&attempt, now).map_err(|wait| PeopleError::Wait(wait.seconds))?;
    let mut credentials = holder.credentials().clone();
    let totp = credentials.totp.as_mut().ok_or(PeopleError::NotProven)?;
    if let Err(error) = totp.check(keeper, code) {
        throttled_failure(doors, &attempt, &error);
        return Err(error.into());
    }
    doors.throttle.succeeded(&attempt, now);
    // Kept before it counts: two uses of one code change one version, so only one of them is kept.
    match keep(ledger, holder, credentials, "code_used").await {
        Err(PeopleError::Ledger(LedgerError::Conflict { .. })) => Err(PeopleError::NotProven),
        kept => kept.map(drop),
    }
}

/// A wrong code stays counted; one that nobody could look at does not.
fn throttled_failure(doors: &Doors, attempt: &Attempt, error: &CredentialError) {
    let now = doors.ledger.clock().now();
    match error {
        CredentialError::NotProven => drop(doors.throttle.failed(attempt, now)),
        _ => doors.throttle.withdrawn(attempt, now),
    }
}

/// Which of the two a code is, shows in its length.
fn checked_code<H: Holder>(
    keeper: Keeper<'_, H>,
    credentials: &mut Credentials,
    code: &str,
) -> Result<Factor, CredentialError> {
    let symbols = code.chars().filter(|symbol| !symbol.is_whitespace()).count();
    match (symbols <= TOTP_SYMBOLS_MAX, &mut credentials.totp, &mut credentials.recovery) {
        (true, Some(totp), _) => totp.check(keeper, code).map(|()| Factor::Totp),
        (false, _, Some(recovery)) => recovery.check(keeper, code).map(|()| Factor::RecoveryCode),
        _ => Err(CredentialError::NotProven),
    }
}

/// What a passkey is asked as the second step.
pub fn ask_passkey<H: Holder>(doors: &Doors, entering: &Entering<H>) -> Result<passkeys::Begun, PeopleError> {
    awaits_second_factor(entering)?;
    ask_own_passkey(doors, entering)
}

/// What one of the person's own passkeys is asked.
fn ask_own_passkey<H: Holder>(doors: &Doors, entering: &Entering<H>) -> Result<passkeys::Begun, PeopleError> {
    let (ledger, binding) = (&doors.ledger, entering.binding());
    let Entering { holder, .. } = entering;
    let known = &holder.credentials().passkeys;
    Ok(H::passkeys(doors).begin_sign_in(holder.id.bytes(), known, binding, ledger.clock().now(), ledger.chance())?)
}

/// The second step with a passkey.
pub async fn with_second_passkey<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    ceremony: &str,
    answer: &Value,
) -> Result<Begun, PeopleError> {
    awaits_second_factor(entering)?;
    with_own_passkey(doors, entering, ceremony, answer).await
}

/// One of the person's own passkeys, where the session awaits it.
async fn with_own_passkey<H: Holder>(
    doors: &Doors,
    entering: &Entering<H>,
    ceremony: &str,
    answer: &Value,
) -> Result<Begun, PeopleError> {
    let (ledger, now) = (&doors.ledger, doors.ledger.clock().now());
    let mut credentials = entering.holder.credentials().clone();
    H::passkeys(doors).finish_sign_in(ceremony, entering.binding(), &mut credentials.passkeys, answer, now)?;
    complete(ledger, entering, credentials, Factor::Passkey).await
}

/// What any passkey of ours is asked, before anybody is known. `browser` is known to the one alone that asks.
pub fn ask_any_passkey<H: Holder>(doors: &Doors, browser: Binding) -> Result<passkeys::Begun, PeopleError> {
    let ledger = &doors.ledger;
    Ok(H::passkeys(doors).begin_alone(browser, ledger.clock().now(), ledger.chance())?)
}

/// Signing in with a passkey alone.
pub async fn with_passkey<H: Holder>(
    doors: &Doors,
    browser: Binding,
    ceremony: &str,
    answer: &Value,
    visit: &Visit,
) -> Result<Begun, PeopleError> {
    let (ledger, now) = (&doors.ledger, doors.ledger.clock().now());
    let passkeys = H::passkeys(doors);
    let person = passkeys.claim(answer)?.person;
    let holder = ledger.get(&books(), Id::<H>::from_bytes(person)).await?.filter(|holder| holder.is_active());
    let holder = holder.ok_or(PeopleError::NotProven)?;
    let mut used = holder.credentials().passkeys.clone();
    passkeys.finish_alone(ceremony, browser, person, &mut used, answer, now)?;
    let scope = books();
    let known = visit.known(Keeper::new(ledger, &scope, holder.id))?;
    begin(ledger, &holder, Proof::Passkey { used }, visit.on(known)).await
}

fn awaits_second_factor<H: Holder>(entering: &Entering<H>) -> Result<(), PeopleError> {
    match entering.session.stage {
        Stage::SecondFactor => Ok(()),
        Stage::Enrolment | Stage::Full => Err(PeopleError::state("no second factor is awaited")),
    }
}

/// The last step: the session goes on under a new token, and the logs tell of the sign-in; or, where that was complete
/// before, of its confirmation.
///
/// What was shown is used up in the same commit: two uses of one code change one version, so only one lets anybody in.
async fn complete<H: Holder>(
    ledger: &Ledger,
    entering: &Entering<H>,
    credentials: Credentials,
    shown: Factor,
) -> Result<Begun, PeopleError> {
    let (mut entering, now) = (entering.clone(), ledger.clock().now());
    for _ in 0..TRIES_MAX {
        let Entering { holder, session } = &entering;
        let becomes = holder.with(credentials.clone());
        let signs_in = session.stage == Stage::SecondFactor;
        let lacks = shown != Factor::Passkey && H::must_enrol(ledger, holder.id, &becomes).await?;
        let (becomes, stage, action) = match session.stage {
            Stage::SecondFactor if lacks => (becomes, Stage::Enrolment, "code_used"),
            Stage::SecondFactor => (becomes.signed_in(now), Stage::Full, "signed_in"),
            // Wherever the session was, it stays.
            stage @ (Stage::Enrolment | Stage::Full) => (becomes, stage, "confirmed"),
        };
        let (factors, account) = (session::with(&session.factors, Some(shown)), session.account);
        let mut change = Change::new();
        change.update(holder, &becomes, action);
        if signs_in && stage == Stage::Full {
            alerts::untold_device(&mut change, ledger, &entering)?;
        }
        if shown == Factor::RecoveryCode {
            mail::queue(&mut change, ledger, &books(), told(holder, Notice::RecoveryCodeUsed))?;
        }
        let onward = Onward { stage, factors, account, proves: true };
        let begun = session::advance_in(&mut change, ledger, session, onward);
        match ledger.commit(&books(), change).await {
            Ok(_) if signs_in => {
                entered(ledger, &begun.record, becomes.credentials()).await?;
                return Ok(begun);
            }
            Ok(_) => return Ok(begun),
            Err(LedgerError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        entering = again(ledger, &entering).await?;
    }
    Err(crowded())
}

/// Notes in the log of the account that is open from the start that its member has entered it.
pub(crate) async fn entered(
    ledger: &Ledger,
    session: &SessionRecord,
    credentials: &Credentials,
) -> Result<(), PeopleError> {
    match session.account.filter(|_| session.stage == Stage::Full) {
        Some(account) => enter(ledger, session.person, account, credentials.has_second_factor()).await,
        None => Ok(()),
    }
}

/// Notes in an account's own log that a member has entered it.
pub async fn enter(
    ledger: &Ledger,
    person: Person,
    account: Id<Account>,
    has_second_factor: bool,
) -> Result<(), PeopleError> {
    let Person::User(user) = person else { return Ok(()) };
    let Some(member) = crate::users::membership(ledger, account, user).await? else { return Ok(()) };
    let last_sign_in_at = Some(ledger.clock().now());
    let mut change = Change::new();
    let becomes = crate::members::MemberRecord { last_sign_in_at, has_second_factor, ..(*member).clone() };
    change.update(&member, &becomes, "signed_in");
    match ledger.commit(&Scope::member(account, user), change).await {
        Ok(_) | Err(LedgerError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens another of a user's accounts in a session.
pub async fn open_account(ledger: &Ledger, visitor: &Visitor, account: Id<Account>) -> Result<Begun, PeopleError> {
    if visitor.session.stage != Stage::Full {
        return Err(PeopleError::SignedOut);
    }
    let missing = || PeopleError::missing(bonded_base::Kind::Account);
    crate::users::membership(ledger, account, visitor.id()).await?.ok_or_else(missing)?;
    let lacks = UserRecord::must_enrol(ledger, visitor.user.id, &visitor.user).await?;
    let stage = if lacks { Stage::Enrolment } else { Stage::Full };
    let begun = session::advance(ledger, &visitor.session, stage, None, Some(account)).await?;
    enter(ledger, visitor.person(), account, visitor.user.credentials.has_second_factor()).await?;
    Ok(begun)
}

/// Keeps changed credentials and gives the record as it now is.
pub(crate) async fn keep<H: Holder>(
    ledger: &Ledger,
    holder: &Stored<H>,
    credentials: Credentials,
    action: &'static str,
) -> Result<Stored<H>, PeopleError> {
    let mut change = Change::new();
    change.update(holder, &holder.with(credentials), action);
    ledger.commit(&books(), change).await?;
    ledger.get(&books(), holder.id).await?.ok_or(PeopleError::SignedOut)
}
