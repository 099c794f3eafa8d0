//! The same for staff: whatever happens, nobody has a power whose roles and factors they do not have and have not shown.

use crate::house::{App, House, MINUTE_MS, OPERATOR, staff_key};
use crate::staff::trains;
use bonded_base::Id;
use bonded_people::session::{Begun, STAFF_LIMITS, Stage};
use bonded_people::sign_in::{self, Enrolled};
use bonded_people::staff::{self, Power, StaffRecord, StaffRole};
use bonded_testkit::authenticator::SoftKey;
use proptest::prelude::*;

const EDITH: &str = "edith@bonded.example";

#[derive(Clone, Debug)]
enum Step {
    Password,
    KeyAlone,
    Code { at: usize },
    Key { at: usize },
    AddApp { at: usize },
    AddKey { at: usize },
    RemoveApp { at: usize },
    RemoveKey { at: usize },
    Roles { bits: u8 },
    End,
    Wait { minutes: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0_usize..4;
    prop_oneof![
        6 => Just(Step::Password),
        2 => Just(Step::KeyAlone),
        4 => at().prop_map(|at| Step::Code { at }),
        3 => at().prop_map(|at| Step::Key { at }),
        4 => at().prop_map(|at| Step::AddApp { at }),
        4 => at().prop_map(|at| Step::AddKey { at }),
        2 => at().prop_map(|at| Step::RemoveApp { at }),
        2 => at().prop_map(|at| Step::RemoveKey { at }),
        3 => (0_u8..32).prop_map(|bits| Step::Roles { bits }),
        1 => Just(Step::End),
        2 => prop_oneof![Just(1), Just(10), Just(15)].prop_map(|minutes| Step::Wait { minutes }),
    ]
}

/// What was shown in a session, whatever the session itself says.
struct Sitting {
    begun: Begun,
    app: bool,
    key: bool,
}

struct Model {
    house: House,
    id: Id<StaffRecord>,
    roles: Vec<StaffRole>,
    is_there: bool,
    app: Option<App>,
    key: Option<SoftKey>,
    open: Vec<Sitting>,
    dead: Vec<Begun>,
}

impl Model {
    async fn new() -> Self {
        let house = House::on_sqlite().await;
        for name in ["one", "two"] {
            house.hires(&format!("{name}@bonded.example"), &[StaffRole::SecurityOfficer]).await;
        }
        let roles = vec![StaffRole::Support];
        let id = house.hires(EDITH, &roles).await;
        trains(&house, &StaffRole::ALL, &[id]).await;
        let (open, dead) = (Vec::new(), Vec::new());
        Self { house, id, roles, is_there: true, app: None, key: None, open, dead }
    }

    fn all_end(&mut self) {
        self.dead.extend(self.open.drain(..).map(|sitting| sitting.begun));
    }

    /// A session goes on under another token; where a factor has changed, it is the only one that does.
    fn goes_on(&mut self, at: usize, begun: Begun, has_changed: bool) {
        self.dead.push(std::mem::replace(&mut self.open[at].begun, begun));
        if has_changed {
            let own = self.open.swap_remove(at);
            self.all_end();
            self.open.push(own);
        }
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Wait { minutes } => self.house.pass_ms(minutes * MINUTE_MS),
            Step::Password => {
                let visit = crate::house::visit();
                let tried = self.house.tries::<StaffRecord>(EDITH, crate::house::PASSWORD, &visit).await;
                assert_eq!(tried.is_ok(), self.is_there);
                self.open.extend(tried.ok().map(|begun| Sitting { begun, app: false, key: false }));
            }
            Step::KeyAlone => {
                let Some(key) = &self.key else { return };
                let tried = self.house.key_alone::<StaffRecord>(key).await;
                assert_eq!(tried.is_ok(), self.is_there);
                self.open.extend(tried.ok().map(|begun| Sitting { begun, app: false, key: true }));
            }
            Step::Roles { bits } => {
                let roles: Vec<_> = StaffRole::ALL.into_iter().filter(|role| bits & (1 << *role as u8) != 0).collect();
                let given = roles.iter().copied().collect();
                let outcome = staff::change_roles(&self.house.ledger, &OPERATOR, None, self.id, given).await;
                assert_eq!(outcome.is_ok(), self.is_there);
                if self.is_there {
                    self.roles = roles;
                    self.all_end();
                }
            }
            Step::End => {
                // Seldom, or nothing would follow.
                if self.dead.len() > 6 && self.is_there {
                    staff::end(&self.house.ledger, &OPERATOR, None, self.id).await.unwrap();
                    self.is_there = false;
                    self.all_end();
                }
            }
            Step::Code { at }
            | Step::Key { at }
            | Step::AddApp { at }
            | Step::AddKey { at }
            | Step::RemoveApp { at }
            | Step::RemoveKey { at } => {
                self.house.pass_ms(MINUTE_MS);
                self.drop_those_that_ran_out().await;
                if !self.open.is_empty() {
                    self.sitting(step, at % self.open.len()).await;
                }
            }
        }
    }

    async fn sitting(&mut self, step: &Step, at: usize) {
        let (house, begun) = (&self.house, &self.open[at].begun);
        let entering = house.entering::<StaffRecord>(begun).await;
        let changed: Option<Enrolled> = match step {
            Step::Code { .. } => {
                let Some(app) = &self.app else { return };
                if let Ok(begun) = house.shows_code::<StaffRecord>(begun, &app.shows(house, 0)).await {
                    self.open[at].app = true;
                    self.goes_on(at, begun, false);
                }
                return;
            }
            Step::Key { .. } => {
                let Some(key) = &self.key else { return };
                if let Ok(begun) = house.shows_key::<StaffRecord>(begun, key).await {
                    self.open[at].key = true;
                    self.goes_on(at, begun, false);
                }
                return;
            }
            Step::AddApp { .. } => {
                if sign_in::begin_totp(&house.doors, &entering).await.is_err() {
                    return;
                }
                let (enrolled, app) = house.adds_app::<StaffRecord>(begun).await;
                (self.app, self.open[at].app) = (Some(app), true);
                Some(enrolled)
            }
            Step::AddKey { .. } => {
                if self.key.is_some() || sign_in::begin_passkey(&house.doors, &entering).is_err() {
                    return;
                }
                let key = staff_key();
                let enrolled = house.adds_key::<StaffRecord>(begun, &key).await;
                (self.key, self.open[at].key) = (Some(key), true);
                Some(enrolled)
            }
            Step::RemoveApp { .. } => {
                let removed = sign_in::remove_totp(&house.doors, &entering).await.ok();
                self.app = self.app.take().filter(|_| removed.is_none());
                removed
            }
            _ => {
                let id = entering.holder.credentials.passkeys.first().map(|key| key.id.clone()).unwrap_or_default();
                let removed = sign_in::remove_passkey(&house.doors, &entering, &id).await.ok();
                self.key = self.key.take().filter(|_| removed.is_none());
                removed
            }
        };
        if let Some(enrolled) = changed {
            self.goes_on(at, enrolled.begun, true);
        }
    }

    /// That each ends in time is shown elsewhere; here they only must not come back.
    async fn drop_those_that_ran_out(&mut self) {
        for sitting in std::mem::take(&mut self.open) {
            if self.house.holds(&sitting.begun).await {
                self.open.push(sitting);
            } else {
                self.dead.push(sitting.begun);
            }
        }
    }

    async fn check(&mut self) {
        for begun in &self.dead {
            assert!(staff::admit(&self.house.ledger, &begun.token).await.is_err(), "an ended session was let in");
        }
        self.drop_those_that_ran_out().await;
        for Sitting { begun, app, key } in &self.open {
            let visitor = self.house.staff_visitor(begun).await;
            let needs_key = self.roles.iter().any(|role| role.needs_passkey());
            let has = self.app.is_some() || self.key.is_some();
            let may_at_all = has && (*app || *key) && (!needs_key || (*key && self.key.is_some()));
            let may_at_all = may_at_all && visitor.session.stage == Stage::Full;
            assert_eq!(visitor.is_let_in(), may_at_all, "with {:?} as {:?}", begun.record.factors, self.roles);
            for power in Power::ALL {
                let has_role = power.roles().iter().any(|role| self.roles.contains(role));
                assert_eq!(visitor.may(power), may_at_all && has_role, "{power:?} as {:?}", self.roles);
            }
            assert!(self.house.now() < begun.record.began_at.plus_millis(STAFF_LIMITS.whole_ms));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_staff_session_may_more_than_roles_and_factors_allow(steps in proptest::collection::vec(step(), 10..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut model = Model::new().await;
            for step in &steps {
                model.take(step).await;
                model.check().await;
            }
        });
    }
}
