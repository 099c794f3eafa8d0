//! A deployment with its doors, as tests of people want it.

use bonded_base::{Account, Id, Moment, Reason, Secret, User};
use bonded_ledger::{Change, Ledger, List, PLATFORM, Scope, Stored};
use bonded_people::PeopleError;
use bonded_people::credentials::passkeys::Binding;
use bonded_people::credentials::totp::STEP_SECONDS;
use bonded_people::directory::AccountName;
use bonded_people::invitations::{self, InvitationRecord};
use bonded_people::mail::{self, Mail, Matter, Notice, Origins};
use bonded_people::members::{self, Acting, MemberRecord, Role};
use bonded_people::session::{self, Begun, Person, SessionRecord};
use bonded_people::sign_in::{self, Doors, Enrolled, Entering, Holder, Visit};
use bonded_people::staff::{StaffRecord, StaffRole, StaffVisitor};
use bonded_people::users::{self, UserRecord, Visitor};
use bonded_testkit::authenticator::SoftKey;
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};

pub const PASSWORD: &str = "zebra lantern quiet orbit";
pub const ANOTHER: &str = "copper window gentle mango";
pub const MINUTE_MS: i64 = 60_000;

/// The operator's scope of the platform.
pub const OPERATOR: Scope = Scope::operator(PLATFORM);

const USERS: &str = "app.bonded.example";
const STAFF: &str = "console.bonded.example";

/// Why something was refused, to be compared.
#[derive(Debug, PartialEq, Eq)]
pub enum Why {
    SignedOut,
    SecondFactor,
    Stale,
    NotProven,
    Wait(u32),
    Refused(Reason),
}

/// Why it was refused; whatever was not, or failed for another reason, fails the test.
pub fn why<T>(outcome: Result<T, PeopleError>) -> Why {
    match outcome {
        Ok(_) => panic!("it was not refused"),
        Err(PeopleError::SignedOut) => Why::SignedOut,
        Err(PeopleError::SecondFactor) => Why::SecondFactor,
        Err(PeopleError::Stale) => Why::Stale,
        Err(PeopleError::NotProven) => Why::NotProven,
        Err(PeopleError::Wait(seconds)) => Why::Wait(seconds),
        Err(PeopleError::Problem(problem)) => Why::Refused(problem.reason),
        Err(PeopleError::Ledger(error)) => panic!("the ledger failed: {error}"),
    }
}

/// An authenticator app.
pub struct App {
    uri: String,
}

impl App {
    /// What it shows so many steps from now.
    pub fn shows(&self, house: &House, steps: i64) -> String {
        let seconds = house.now().millis() / 1000 + steps * STEP_SECONDS.cast_signed();
        totp_rs::Totp::from_url(&self.uri).unwrap().generate(u64::try_from(seconds).unwrap()).to_string()
    }
}

/// A key for users' passkeys.
pub fn key() -> SoftKey {
    SoftKey::new(USERS, &format!("https://{USERS}"))
}

/// A key for staff's.
pub fn staff_key() -> SoftKey {
    SoftKey::new(STAFF, &format!("https://{STAFF}"))
}

pub fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

/// A visit from where nobody is known.
pub fn visit() -> Visit {
    Visit { mark: [1; 16], device: None, description: "Firefox on Linux".into() }
}

pub fn browser() -> Binding {
    Binding::to(b"a browser")
}

pub const fn user(id: Id<UserRecord>) -> Id<User> {
    Id::from_bytes(id.bytes())
}

pub struct House {
    pub ledger: TestLedger,
    pub doors: Doors,
    pub shop: Id<Account>,
}

impl House {
    async fn on(ledger: TestLedger) -> Self {
        let (public, private) = (format!("https://{USERS}"), format!("https://{STAFF}"));
        let doors = Doors::new(Ledger::clone(&ledger), &public, &private).unwrap();
        let shop = ledger.any_account().account();
        let house = Self { ledger, doors, shop };
        house.open(shop, "Corner Shop").await;
        house
    }

    pub async fn on_sqlite() -> Self {
        Self::on(on_sqlite().await).await
    }

    /// One on each engine.
    pub async fn each() -> Vec<Self> {
        let mut found = vec![Self::on_sqlite().await];
        if let Some(ledger) = on_postgres().await {
            found.push(Self::on(ledger).await);
        }
        found
    }

    async fn open(&self, account: Id<Account>, name: &str) {
        let mut change = Change::new();
        change.create(Id::<AccountName>::from_bytes(account.bytes()), &AccountName { name: name.into() }, "opened");
        self.ledger.commit(&OPERATOR, change).await.unwrap();
    }

    /// Another merchant account.
    pub async fn opens(&self, name: &str) -> Id<Account> {
        let account = self.ledger.any_account().account();
        self.open(account, name).await;
        account
    }

    pub fn now(&self) -> Moment {
        self.ledger.clock().now()
    }

    pub fn pass_ms(&self, millis: i64) {
        self.ledger.test_clock().advance_ms(millis);
    }

    /// The operator, in an account.
    pub const fn operator(account: Id<Account>) -> Acting {
        Acting::operator(Scope::operator(account))
    }

    /// An invitation into an account, and the code in its mail.
    pub async fn invites(&self, account: Id<Account>, mail: &str, role: Role) -> (Id<InvitationRecord>, String) {
        let (acting, mail) = (Self::operator(account), mail.parse().unwrap());
        let invitation = invitations::invite_member(&self.ledger, &acting, "Grace", mail, role).await.unwrap();
        (invitation.id, self.code(&invitation))
    }

    /// An invitation onto the staff, and the code in its mail.
    pub async fn invites_staff(&self, mail: &str, roles: &[StaffRole]) -> (Id<InvitationRecord>, String) {
        let (mail, roles) = (mail.parse().unwrap(), roles.iter().copied().collect());
        let invitation = invitations::invite_staff(&self.ledger, &OPERATOR, "Grace", mail, roles).await.unwrap();
        (invitation.id, self.code(&invitation))
    }

    fn code(&self, invitation: &Stored<InvitationRecord>) -> String {
        let origins = Origins { public: "https://p".into(), private: "https://s".into() };
        let link = invitations::link_of(&self.ledger, invitation.id, invitation, &origins).unwrap();
        link.expose().rsplit('/').next().unwrap().to_owned()
    }

    pub async fn accepts(
        &self,
        (id, code): &(Id<InvitationRecord>, String),
        name: &str,
    ) -> Result<Stored<UserRecord>, PeopleError> {
        invitations::accept_as_new(&self.ledger, &self.doors.passwords, *id, code, name, secret(PASSWORD)).await
    }

    pub async fn accepts_staff(
        &self,
        (id, code): &(Id<InvitationRecord>, String),
        name: &str,
    ) -> Result<Stored<StaffRecord>, PeopleError> {
        invitations::accept_staff(&self.ledger, &self.doors.passwords, *id, code, name, secret(PASSWORD)).await
    }

    /// Somebody new in the shop, who has signed in nowhere yet.
    pub async fn has(&self, mail: &str, role: Role) -> Id<UserRecord> {
        let invitation = self.invites(self.shop, mail, role).await;
        self.accepts(&invitation, "Ada Lovelace").await.unwrap().id
    }

    /// Somebody new on the staff, who has signed in nowhere yet.
    pub async fn hires(&self, mail: &str, roles: &[StaffRole]) -> Id<StaffRecord> {
        let invitation = self.invites_staff(mail, roles).await;
        self.accepts_staff(&invitation, "Edith Clarke").await.unwrap().id
    }

    pub async fn tries<H: Holder>(&self, mail: &str, password: &str, visit: &Visit) -> Result<Begun, PeopleError> {
        sign_in::with_password::<H>(&self.doors, mail, secret(password), visit).await
    }

    /// The first step of a user.
    pub async fn begins(&self, mail: &str) -> Begun {
        self.tries::<UserRecord>(mail, PASSWORD, &visit()).await.unwrap()
    }

    /// The first step of one of the staff.
    pub async fn staff_begins(&self, mail: &str) -> Begun {
        self.tries::<StaffRecord>(mail, PASSWORD, &visit()).await.unwrap()
    }

    pub async fn entering<H: Holder>(&self, begun: &Begun) -> Entering<H> {
        sign_in::entering(&self.ledger, &begun.token).await.unwrap()
    }

    /// Adds an authenticator app; its code of this moment is used up.
    pub async fn adds_app<H: Holder>(&self, begun: &Begun) -> (Enrolled, App) {
        let shown = sign_in::begin_totp::<H>(&self.doors, &self.entering(begun).await).await.unwrap();
        let app = App { uri: shown.uri.expose().clone() };
        let code = app.shows(self, 0);
        let enrolled = sign_in::confirm_totp::<H>(&self.doors, &self.entering(begun).await, &code).await.unwrap();
        (enrolled, app)
    }

    pub async fn adds_key<H: Holder>(&self, begun: &Begun, key: &SoftKey) -> Enrolled {
        let entering = self.entering::<H>(begun).await;
        let asked = sign_in::begin_passkey(&self.doors, &entering).unwrap();
        let answer = key.create(&asked.options);
        sign_in::add_passkey(&self.doors, &entering, &asked.ceremony, "blue key", &answer).await.unwrap()
    }

    pub async fn shows_code<H: Holder>(&self, begun: &Begun, code: &str) -> Result<Begun, PeopleError> {
        let entering = sign_in::entering::<H>(&self.ledger, &begun.token).await?;
        sign_in::with_code(&self.doors, &entering, code, &visit()).await
    }

    pub async fn shows_key<H: Holder>(&self, begun: &Begun, key: &SoftKey) -> Result<Begun, PeopleError> {
        let entering = self.entering::<H>(begun).await;
        let asked = sign_in::ask_passkey(&self.doors, &entering)?;
        let answer = key.get(&asked.options);
        sign_in::with_second_passkey(&self.doors, &entering, &asked.ceremony, &answer).await
    }

    pub async fn confirms_by_code<H: Holder>(&self, begun: &Begun, code: &str) -> Result<Begun, PeopleError> {
        let entering = sign_in::entering::<H>(&self.ledger, &begun.token).await?;
        sign_in::confirm_with_code(&self.doors, &entering, code, &visit()).await
    }

    pub async fn confirms_by_key<H: Holder>(&self, begun: &Begun, key: &SoftKey) -> Result<Begun, PeopleError> {
        let entering = self.entering::<H>(begun).await;
        let asked = sign_in::ask_to_confirm(&self.doors, &entering)?;
        let answer = key.get(&asked.options);
        sign_in::confirm_with_passkey(&self.doors, &entering, &asked.ceremony, &answer).await
    }

    pub async fn confirms_by_password<H: Holder>(&self, begun: &Begun, password: &str) -> Result<Begun, PeopleError> {
        let entering = self.entering::<H>(begun).await;
        sign_in::confirm_with_password(&self.doors, &entering, secret(password)).await
    }

    pub async fn key_alone<H: Holder>(&self, key: &SoftKey) -> Result<Begun, PeopleError> {
        let asked = sign_in::ask_any_passkey::<H>(&self.doors, browser())?;
        let answer = key.get(&asked.options);
        sign_in::with_passkey::<H>(&self.doors, browser(), &asked.ceremony, &answer, &visit()).await
    }

    /// Somebody new in the shop with an authenticator app, signed in with it; its next code is that of the next step.
    pub async fn has_with_app(&self, mail: &str, role: Role) -> (Id<UserRecord>, Begun, App) {
        let id = self.has(mail, role).await;
        let (enrolled, app) = self.adds_app::<UserRecord>(&self.begins(mail).await).await;
        (id, enrolled.begun, app)
    }

    pub async fn visitor(&self, begun: &Begun) -> Visitor {
        users::admit(&self.ledger, &begun.token).await.unwrap()
    }

    pub async fn staff_visitor(&self, begun: &Begun) -> StaffVisitor {
        bonded_people::staff::admit(&self.ledger, &begun.token).await.unwrap()
    }

    /// Whether the session's present token still opens anything.
    pub async fn holds(&self, begun: &Begun) -> bool {
        session::find(&self.ledger, &begun.token).await.unwrap().is_some()
    }

    pub async fn sessions(&self, person: Person) -> Vec<Stored<SessionRecord>> {
        session::list(&self.ledger, person).await.unwrap()
    }

    pub async fn user(&self, id: Id<UserRecord>) -> Stored<UserRecord> {
        users::get(&self.ledger, user(id)).await.unwrap()
    }

    pub async fn member(&self, account: Id<Account>, id: Id<UserRecord>) -> Stored<MemberRecord> {
        members::get(&self.ledger, &Scope::operator(account), members::id_of(user(id))).await.unwrap()
    }

    pub async fn mails(&self) -> Vec<Stored<Mail>> {
        mail::list(&self.ledger, &OPERATOR, None, List::first(1_000)).await.unwrap().records
    }

    /// What an address was told of what happened to its own sign-in or membership, in the order of [`Notice::all`].
    pub async fn told(&self, mail: &str) -> Vec<Notice> {
        let notice = |one: Stored<Mail>| match one.matter {
            Matter::Notice { what, .. } if one.to.expose() == mail => Some(what),
            _ => None,
        };
        let mut told: Vec<_> = self.mails().await.into_iter().filter_map(notice).collect();
        told.sort_by_key(|what| Notice::all().iter().position(|one| one == what));
        told
    }

    /// What an address was told of besides: devices, guesses, resets, in no order.
    pub async fn alerted(&self, mail: &str) -> Vec<Matter> {
        let is_alert = |matter: &Matter| {
            matches!(
                matter,
                Matter::NewDevice { .. }
                    | Matter::Guessed { .. }
                    | Matter::SignInReset { .. }
                    | Matter::MemberReset { .. }
            )
        };
        let mails = self.mails().await.into_iter().filter(|one| one.to.expose() == mail);
        mails.map(|one| one.matter.clone()).filter(is_alert).collect()
    }

    /// Waits until an address was told of something else than before, apart from an answer.
    pub async fn alerted_anew(&self, mail: &str, before: usize) -> Vec<Matter> {
        loop {
            let alerts = self.alerted(mail).await;
            if alerts.len() > before {
                return alerts;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Changes a record by hand, as a crash or an older version would have left it.
    pub async fn leaves<R: bonded_ledger::Record>(&self, scope: &Scope, was: &Stored<R>, becomes: &R) {
        let mut change = Change::new();
        change.update(was, becomes, "left");
        self.ledger.commit(scope, change).await.unwrap();
    }
}
