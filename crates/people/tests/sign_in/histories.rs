//! Whatever people do in whatever order, and however time passes: no session may more than its owner's role and factors.

use crate::house::{ANOTHER, App, House, MINUTE_MS, PASSWORD, key, secret, user, visit};
use bonded_base::{Id, Moment};
use bonded_people::members::{self, Role};
use bonded_people::session::{self, Begun, MEMBER_LIMITS, Person, Stage, UNFINISHED_MS};
use bonded_people::sign_in::{self, Enrolled};
use bonded_people::users::{self, UserRecord};
use bonded_people::{PeopleError, Permissions};
use bonded_testkit::authenticator::SoftKey;
use proptest::prelude::*;

/// What happens, one after another. People and sessions are chosen by their place.
#[derive(Clone, Debug)]
enum Step {
    Password { who: usize },
    KeyAlone { who: usize },
    Code { at: usize },
    Recovery { at: usize },
    Key { at: usize },
    AddApp { at: usize },
    AddKey { at: usize },
    RemoveApp { at: usize },
    RemoveKey { at: usize },
    NewCodes { at: usize },
    ChangePassword { at: usize },
    End { at: usize },
    EndOthers { at: usize },
    Role { who: usize, role: usize },
    Leave { who: usize },
    Confirm { at: usize },
    Wait { minutes: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let (who, at) = (0_usize..2, 0_usize..6);
    prop_oneof![
        8 => who.clone().prop_map(|who| Step::Password { who }),
        2 => who.clone().prop_map(|who| Step::KeyAlone { who }),
        5 => at.clone().prop_map(|at| Step::Code { at }),
        2 => at.clone().prop_map(|at| Step::Recovery { at }),
        3 => at.clone().prop_map(|at| Step::Key { at }),
        5 => at.clone().prop_map(|at| Step::AddApp { at }),
        4 => at.clone().prop_map(|at| Step::AddKey { at }),
        3 => at.clone().prop_map(|at| Step::RemoveApp { at }),
        3 => at.clone().prop_map(|at| Step::RemoveKey { at }),
        1 => at.clone().prop_map(|at| Step::NewCodes { at }),
        2 => at.clone().prop_map(|at| Step::ChangePassword { at }),
        1 => at.clone().prop_map(|at| Step::End { at }),
        1 => at.clone().prop_map(|at| Step::EndOthers { at }),
        3 => at.prop_map(|at| Step::Confirm { at }),
        5 => (who.clone(), 0_usize..4).prop_map(|(who, role)| Step::Role { who, role }),
        1 => who.prop_map(|who| Step::Leave { who }),
        3 => prop_oneof![Just(1), Just(9), Just(10), Just(30), Just(55), Just(60)].prop_map(|minutes| Step::Wait { minutes }),
    ]
}

/// A person, as the history has made them.
struct Somebody {
    id: Id<UserRecord>,
    mail: String,
    password: &'static str,
    app: Option<App>,
    keys: Vec<SoftKey>,
    codes: Vec<String>,
    role: Option<Role>,
}

impl Somebody {
    fn has_second_factor(&self) -> bool {
        self.app.is_some() || !self.keys.is_empty()
    }

    fn must_enrol(&self) -> bool {
        !self.has_second_factor() && matches!(self.role, Some(Role::Owner | Role::Manager))
    }
}

/// A session that holds, as far as the history says.
struct Sitting {
    who: usize,
    begun: Begun,
    stage: Stage,
    /// Whether its owner showed a second factor in it that they still have.
    strong: bool,
    began_at: Moment,
    /// When its owner last showed in it what their sign-in asks for, or something new.
    proved_at: Moment,
}

/// What must hold, said without any of the code that is tested.
struct Model {
    house: House,
    people: Vec<Somebody>,
    open: Vec<Sitting>,
    /// Tokens that must never open anything again.
    dead: Vec<Begun>,
    checked_at: Moment,
}

impl Model {
    async fn new() -> Self {
        let house = House::on_sqlite().await;
        // So that the rule about the last owner says nothing here.
        house.has("grace@example.com", Role::Owner).await;
        let mut people = Vec::new();
        for (name, role) in [("ada", Role::Owner), ("bob", Role::Viewer)] {
            let mail = format!("{name}@example.com");
            let id = house.has(&mail, role).await;
            let (app, keys, codes) = (None, Vec::new(), Vec::new());
            people.push(Somebody { id, mail, password: PASSWORD, app, keys, codes, role: Some(role) });
        }
        let checked_at = house.now();
        Self { house, people, open: Vec::new(), dead: Vec::new(), checked_at }
    }

    fn begun(&mut self, who: usize, begun: Begun, stage: Stage, strong: bool) {
        let began_at = self.house.now();
        self.open.push(Sitting { who, begun, stage, strong, began_at, proved_at: began_at });
    }

    /// A session goes on under another token.
    fn advanced(&mut self, at: usize, begun: Begun, stage: Stage, strong: bool, proved: bool) {
        let was = std::mem::replace(&mut self.open[at].begun, begun);
        self.dead.push(was);
        (self.open[at].stage, self.open[at].strong) = (stage, strong);
        if proved {
            self.open[at].proved_at = self.house.now();
        }
    }

    fn ends(&mut self, is_over: impl Fn(&Sitting) -> bool) {
        let (over, left) = std::mem::take(&mut self.open).into_iter().partition(|sitting| is_over(sitting));
        self.open = left;
        self.dead.extend(Vec::<Sitting>::into_iter(over).map(|sitting| sitting.begun));
    }

    /// How somebody signs in has changed in this session; whether a second factor, or any proof, was shown for it.
    fn settled(&mut self, at: usize, enrolled: Enrolled, shown: bool, proved: bool) {
        let who = self.open[at].who;
        let stage = if self.people[who].must_enrol() { Stage::Enrolment } else { Stage::Full };
        let strong = (self.open[at].strong || shown) && self.people[who].has_second_factor();
        if !self.people[who].has_second_factor() {
            self.people[who].codes.clear();
        }
        if !enrolled.recovery.is_empty() {
            self.people[who].codes = enrolled.recovery.iter().map(|code| code.expose().clone()).collect();
        }
        let own = enrolled.begun.id;
        self.advanced(at, enrolled.begun, stage, strong, proved);
        self.ends(|sitting| sitting.who == who && sitting.begun.id != own);
    }

    /// Whether the history lets this session change how its owner signs in.
    fn may_change(&self, at: usize) -> bool {
        self.has_shown_enough(at) && self.is_fresh(&self.open[at])
    }

    fn has_shown_enough(&self, at: usize) -> bool {
        let Sitting { who, stage, strong, .. } = self.open[at];
        stage != Stage::SecondFactor && (strong || !self.people[who].has_second_factor())
    }

    fn is_fresh(&self, sitting: &Sitting) -> bool {
        self.house.now() < sitting.proved_at.plus_millis(30 * MINUTE_MS)
    }

    async fn take(&mut self, step: &Step) {
        match step {
            Step::Password { who } => self.password(*who).await,
            Step::KeyAlone { who } => self.key_alone(*who).await,
            Step::Role { who, role } => self.role(*who, Role::ALL[*role]).await,
            Step::Leave { who } => self.leave(*who).await,
            Step::Wait { minutes } => self.house.pass_ms(minutes * MINUTE_MS),
            Step::Code { at }
            | Step::Recovery { at }
            | Step::Key { at }
            | Step::AddApp { at }
            | Step::AddKey { at }
            | Step::RemoveApp { at }
            | Step::RemoveKey { at }
            | Step::NewCodes { at }
            | Step::ChangePassword { at }
            | Step::End { at }
            | Step::EndOthers { at }
            | Step::Confirm { at } => {
                if !self.open.is_empty() {
                    let at = at % self.open.len();
                    self.sitting(step, at).await;
                }
            }
        }
    }

    async fn sitting(&mut self, step: &Step, at: usize) {
        match step {
            Step::Code { .. } => self.code(at).await,
            Step::Recovery { .. } => self.recovery(at).await,
            Step::Key { .. } => self.key(at).await,
            Step::AddApp { .. } => self.add_app(at).await,
            Step::AddKey { .. } => self.add_key(at).await,
            Step::RemoveApp { .. } => self.remove_app(at).await,
            Step::RemoveKey { .. } => self.remove_key(at).await,
            Step::NewCodes { .. } => self.new_codes(at).await,
            Step::ChangePassword { .. } => self.change_password(at).await,
            Step::End { .. } => self.end(at).await,
            Step::Confirm { .. } => self.confirm(at).await,
            _ => self.end_others(at).await,
        }
    }

    async fn password(&mut self, who: usize) {
        let somebody = &self.people[who];
        let begun = self.house.tries::<UserRecord>(&somebody.mail, somebody.password, &visit()).await.unwrap();
        let stage = match somebody {
            somebody if somebody.has_second_factor() => Stage::SecondFactor,
            somebody if somebody.must_enrol() => Stage::Enrolment,
            _ => Stage::Full,
        };
        self.begun(who, begun, stage, false);
    }

    async fn key_alone(&mut self, who: usize) {
        let Some(key) = self.people[who].keys.last() else { return };
        let begun = self.house.key_alone::<UserRecord>(key).await.unwrap();
        self.begun(who, begun, Stage::Full, true);
    }

    async fn role(&mut self, who: usize, role: Role) {
        let (house, member) = (&self.house, members::id_of(user(self.people[who].id)));
        let outcome = members::change_role(&house.ledger, &House::operator(house.shop), member, role, None).await;
        assert_eq!(outcome.is_ok(), self.people[who].role.is_some());
        self.people[who].role = self.people[who].role.map(|_| role);
    }

    async fn leave(&mut self, who: usize) {
        let (house, member) = (&self.house, members::id_of(user(self.people[who].id)));
        let outcome = members::remove(&house.ledger, &House::operator(house.shop), member, None).await;
        assert_eq!(outcome.is_ok(), self.people[who].role.take().is_some());
    }

    /// What came of the second step; it is taken exactly where the history awaits it and the person has it.
    fn second_step(&mut self, at: usize, outcome: Result<Begun, PeopleError>, has: bool) {
        assert_eq!(outcome.is_ok(), has && self.open[at].stage == Stage::SecondFactor);
        if let Ok(begun) = outcome {
            self.advanced(at, begun, Stage::Full, true, true);
        }
    }

    async fn code(&mut self, at: usize) {
        // The step of the code before is over, so that this one was never used.
        self.house.pass_ms(60_000);
        if !self.open_after_waiting(at) {
            return;
        }
        let Sitting { who, begun, .. } = &self.open[at];
        let app = self.people[*who].app.as_ref();
        let code = app.map_or_else(|| "000000".to_owned(), |app| app.shows(&self.house, 0));
        let (outcome, has) = (self.house.shows_code::<UserRecord>(begun, &code).await, app.is_some());
        self.second_step(at, outcome, has);
    }

    /// Whether an unfinished sign-in is still open after a minute has passed.
    fn open_after_waiting(&self, at: usize) -> bool {
        let Sitting { stage, began_at, .. } = &self.open[at];
        *stage != Stage::SecondFactor || self.house.now() < began_at.plus_millis(UNFINISHED_MS)
    }

    async fn recovery(&mut self, at: usize) {
        let who = self.open[at].who;
        let Some(code) = self.people[who].codes.first().cloned() else { return };
        let outcome = self.house.shows_code::<UserRecord>(&self.open[at].begun, &code).await;
        if outcome.is_ok() {
            self.people[who].codes.remove(0);
        }
        self.second_step(at, outcome, true);
    }

    async fn key(&mut self, at: usize) {
        let Sitting { who, begun, .. } = &self.open[at];
        let Some(key) = self.people[*who].keys.first() else { return };
        let outcome = self.house.shows_key::<UserRecord>(begun, key).await;
        self.second_step(at, outcome, true);
    }

    async fn add_app(&mut self, at: usize) {
        let (may, begun) = (self.may_change(at), &self.open[at].begun);
        if !may {
            let entering = self.house.entering::<UserRecord>(begun).await;
            assert!(sign_in::begin_totp(&self.house.doors, &entering).await.is_err());
            return;
        }
        let (enrolled, app) = self.house.adds_app::<UserRecord>(begun).await;
        let who = self.open[at].who;
        self.people[who].app = Some(app);
        self.settled(at, enrolled, true, true);
    }

    async fn add_key(&mut self, at: usize) {
        let (may, begun, key) = (self.may_change(at), &self.open[at].begun, key());
        if !may {
            let entering = self.house.entering::<UserRecord>(begun).await;
            assert!(sign_in::begin_passkey(&self.house.doors, &entering).is_err());
            return;
        }
        let enrolled = self.house.adds_key::<UserRecord>(begun, &key).await;
        let who = self.open[at].who;
        self.people[who].keys.push(key);
        self.settled(at, enrolled, true, true);
    }

    async fn remove_app(&mut self, at: usize) {
        let entering = self.house.entering::<UserRecord>(&self.open[at].begun).await;
        let outcome = sign_in::remove_totp(&self.house.doors, &entering).await;
        let (may, somebody) = (self.may_change(at), &mut self.people[self.open[at].who]);
        let removed = may.then(|| somebody.app.take()).flatten();
        self.removed(at, outcome, removed.is_some(), |somebody| somebody.app = removed);
    }

    async fn remove_key(&mut self, at: usize) {
        let entering = self.house.entering::<UserRecord>(&self.open[at].begun).await;
        let passkey = entering.holder.credentials.passkeys.last().map(|passkey| passkey.id.clone());
        let outcome = sign_in::remove_passkey(&self.house.doors, &entering, &passkey.unwrap_or_default()).await;
        let (may, somebody) = (self.may_change(at), &mut self.people[self.open[at].who]);
        let removed = may.then(|| somebody.keys.pop()).flatten();
        self.removed(at, outcome, removed.is_some(), |somebody| somebody.keys.extend(removed));
    }

    /// What came of taking a factor away, which the role may forbid: then it is put back.
    fn removed(
        &mut self,
        at: usize,
        outcome: Result<Enrolled, PeopleError>,
        was_there: bool,
        put_back: impl FnOnce(&mut Somebody),
    ) {
        let somebody = &mut self.people[self.open[at].who];
        let may = was_there && !somebody.must_enrol();
        assert_eq!(outcome.is_ok(), may);
        match outcome {
            Ok(enrolled) => self.settled(at, enrolled, false, false),
            Err(_) if was_there => put_back(somebody),
            Err(_) => {}
        }
    }

    async fn new_codes(&mut self, at: usize) {
        let entering = self.house.entering::<UserRecord>(&self.open[at].begun).await;
        let outcome = sign_in::new_recovery_codes(&self.house.doors, &entering).await;
        let has = self.people[self.open[at].who].has_second_factor();
        assert_eq!(outcome.is_ok(), self.may_change(at) && has);
        if let Ok(enrolled) = outcome {
            self.settled(at, enrolled, false, false);
        }
    }

    async fn change_password(&mut self, at: usize) {
        let entering = self.house.entering::<UserRecord>(&self.open[at].begun).await;
        let old = self.people[self.open[at].who].password;
        let new = if old == PASSWORD { ANOTHER } else { PASSWORD };
        let outcome = sign_in::change_password(&self.house.doors, &entering, secret(old), secret(new)).await;
        assert_eq!(outcome.is_ok(), self.has_shown_enough(at), "the present password is asked for instead");
        if let Ok(enrolled) = outcome {
            let who = self.open[at].who;
            self.people[who].password = new;
            let has_more = self.people[who].has_second_factor();
            self.settled(at, enrolled, false, !has_more);
        }
    }

    /// Shows again what the sign-in had to end with; the password alone will not do where there is more.
    async fn confirm(&mut self, at: usize) {
        self.house.pass_ms(60_000);
        let Sitting { who, begun, .. } = &self.open[at];
        if !self.house.holds(begun).await {
            return;
        }
        let somebody = &self.people[*who];
        let by_password = self.house.confirms_by_password::<UserRecord>(begun, somebody.password).await;
        let may = self.has_shown_enough(at);
        let outcome = match (somebody.keys.last(), &somebody.app) {
            (None, None) => by_password,
            (key, app) => {
                assert!(by_password.is_err());
                match (key, app) {
                    (Some(key), _) => self.house.confirms_by_key::<UserRecord>(begun, key).await,
                    (None, Some(app)) => {
                        self.house.confirms_by_code::<UserRecord>(begun, &app.shows(&self.house, 0)).await
                    }
                    (None, None) => unreachable!("this was looked at"),
                }
            }
        };
        assert_eq!(outcome.is_ok(), may);
        if let Ok(begun) = outcome {
            let Sitting { stage, strong, .. } = self.open[at];
            self.advanced(at, begun, stage, strong, true);
        }
    }

    async fn end(&mut self, at: usize) {
        let own = self.open[at].begun.id;
        let person = Person::User(user(self.people[self.open[at].who].id));
        assert!(session::end(&self.house.ledger, person, own).await.unwrap());
        self.ends(|sitting| sitting.begun.id == own);
    }

    async fn end_others(&mut self, at: usize) {
        let (who, own) = (self.open[at].who, self.open[at].begun.id);
        let person = Person::User(user(self.people[who].id));
        session::end_all(&self.house.ledger, person, Some(own)).await.unwrap();
        self.ends(|sitting| sitting.who == who && sitting.begun.id != own);
    }

    /// Every session that holds may what the history says, to the letter, and no other holds.
    async fn check(&mut self) {
        let (now, before) = (self.house.now(), self.checked_at);
        let rested = now.millis() - before.millis() >= MEMBER_LIMITS.idle_ms;
        self.ends(|Sitting { stage, began_at, .. }| {
            let whole_ms = if *stage == Stage::SecondFactor { UNFINISHED_MS } else { MEMBER_LIMITS.whole_ms };
            rested || now >= began_at.plus_millis(whole_ms)
        });
        for begun in &self.dead {
            let admitted = users::admit(&self.house.ledger, &begun.token).await;
            assert!(matches!(admitted, Err(PeopleError::SignedOut)), "an ended session was let in");
        }
        for sitting in &self.open {
            let Sitting { who, begun, stage, strong, .. } = sitting;
            let visitor = users::admit(&self.house.ledger, &begun.token).await.unwrap();
            assert_eq!(visitor.session.is_fresh(now), self.is_fresh(sitting));
            assert_eq!(visitor.session.stage, *stage);
            let role = self.people[*who].role.filter(|_| *stage == Stage::Full);
            let may = role.map(Role::permissions).unwrap_or_default();
            let may: Permissions = may.iter().filter(|one| *strong || !one.is_grave()).collect();
            assert_eq!(visitor.permissions(), may, "{role:?}, strong: {strong}");
        }
        self.checked_at = now;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn no_session_may_more_than_its_owner_s_role_and_factors(steps in proptest::collection::vec(step(), 10..40)) {
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
