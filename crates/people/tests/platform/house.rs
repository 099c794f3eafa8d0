//! The platform's staff, as tests of what they may do want them.

use bonded_base::{Id, Moment, Secret};
use bonded_ledger::{Change, List, PLATFORM, Scope, Stored};
use bonded_people::credentials::Credentials;
use bonded_people::mail::{self, Mail};
use bonded_people::session::{self, Factor, Person, Stage};
use bonded_people::staff::{self, Acting, StaffRecord, StaffRole, StaffState, StaffVisitor};
use bonded_testkit::ledger::{TestLedger, on_postgres, on_sqlite};

pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The operator's scope of the platform.
pub const OPERATOR: Scope = Scope::operator(PLATFORM);

/// The operator.
pub const fn operator() -> Acting<'static> {
    Acting::Operator(OPERATOR)
}

pub struct Platform {
    pub ledger: TestLedger,
}

impl Platform {
    pub async fn on_sqlite() -> Self {
        Self { ledger: on_sqlite().await }
    }

    /// One on each engine.
    pub async fn each() -> Vec<Self> {
        let mut found = vec![Self::on_sqlite().await];
        found.extend(on_postgres().await.map(|ledger| Self { ledger }));
        found
    }

    pub fn now(&self) -> Moment {
        self.ledger.clock().now()
    }

    pub fn pass_days(&self, days: i64) {
        self.ledger.test_clock().advance_ms(days * DAY_MS);
    }

    /// Takes somebody on, whose address and name are this.
    pub async fn hire(&self, name: &str, roles: &[StaffRole]) -> Id<StaffRecord> {
        let record = StaffRecord {
            mail: format!("{name}@bonded.example").parse().unwrap(),
            name: name.to_owned(),
            roles: roles.iter().copied().collect(),
            credentials: Credentials::default(),
            state: StaffState::Active,
            joined_at: self.now(),
            last_sign_in_at: None,
        };
        let id = self.ledger.new_id();
        let mut change = Change::new();
        change.create(id, &record, "joined");
        self.ledger.commit(&OPERATOR, change).await.unwrap();
        id
    }

    pub async fn person(&self, id: Id<StaffRecord>) -> Stored<StaffRecord> {
        staff::get(&self.ledger, &OPERATOR, id).await.unwrap()
    }

    pub async fn roles(&self, id: Id<StaffRecord>) -> Vec<StaffRole> {
        self.person(id).await.roles.iter().collect()
    }

    /// Somebody who has just signed in with a passkey, and the token of the session.
    pub async fn sign_in(&self, id: Id<StaffRecord>) -> (StaffVisitor, Secret<String>) {
        let person = Person::Staff(Id::from_bytes(id.bytes()));
        let begun = session::begin(&self.ledger, person, Stage::Full, vec![Factor::Passkey], None, "test").await;
        let token = begun.unwrap().token;
        (staff::admit(&self.ledger, &token).await.unwrap(), token)
    }

    pub async fn visitor(&self, id: Id<StaffRecord>) -> StaffVisitor {
        self.sign_in(id).await.0
    }

    pub async fn mails(&self) -> Vec<Stored<Mail>> {
        mail::list(&self.ledger, &OPERATOR, None, List::first(1_000)).await.unwrap().records
    }

    /// To whom mails about this were queued, and how many.
    pub async fn told(&self, what: &str) -> Vec<String> {
        let told = |mail: &Stored<Mail>| (mail.matter.name() == what).then(|| mail.name.clone());
        let mut names: Vec<_> = self.mails().await.iter().filter_map(told).collect();
        names.sort();
        names
    }
}
