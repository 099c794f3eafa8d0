//! Access reviews from their opening to their signed end, on a real ledger of either engine.

use crate::house::{DAY_MS, OPERATOR, Platform, operator};
use bonded_base::{Account, Id, Reason, Staff};
use bonded_ledger::{Actor, Change, Stored, System};
use bonded_people::PeopleError;
use bonded_people::grants::{Area, Asker, GrantRecord, GrantScope, GrantState, ReasonKind};
use bonded_people::reviews::{
    self, Decision, GrantsUsed, OPEN_DAYS, PERIOD_DAYS, ReviewRecord, ReviewState, Verdict, Word, is_signed_by,
};
use bonded_people::session;
use bonded_people::staff::{self, Acting, Power, StaffRecord, StaffRole, StaffVisitor};
use bonded_people::training::{self, Completion, CourseDraft};

const OFFICER: &[StaffRole] = &[StaffRole::SecurityOfficer];
const REVIEWER: &[StaffRole] = &[StaffRole::Reviewer];
const SUPPORT: &[StaffRole] = &[StaffRole::Support];

/// A platform with a reviewer, two trained officers and somebody in support.
struct Firm {
    platform: Platform,
    ceo: Id<StaffRecord>,
    officers: [Id<StaffRecord>; 2],
    ada: Id<StaffRecord>,
}

impl Firm {
    async fn on(platform: Platform) -> Self {
        let ceo = platform.hire("ceo", REVIEWER).await;
        let officers = [platform.hire("grace", OFFICER).await, platform.hire("hedy", OFFICER).await];
        let ada = platform.hire("ada", SUPPORT).await;
        let required_for = OFFICER.iter().copied().collect();
        let draft = CourseDraft { name: "Keys".into(), about: String::new(), required_for, valid_days: 1_000 };
        let course = training::add(&platform.ledger, &operator(), draft).await.unwrap().id;
        for officer in officers {
            let on = "2026-11-22".parse().unwrap();
            let completion = Completion { course, of_version: None, completed_on: on, certificate: None };
            training::record(&platform.ledger, &operator(), officer, completion).await.unwrap();
        }
        Self { platform, ceo, officers, ada }
    }

    async fn each() -> Vec<Self> {
        let mut firms = Vec::new();
        for platform in Platform::each().await {
            firms.push(Self::on(platform).await);
        }
        firms
    }

    async fn opened(&self) -> Stored<ReviewRecord> {
        reviews::open(&self.platform.ledger, &operator(), None).await.unwrap()
    }

    async fn review(&self, id: Id<ReviewRecord>) -> Stored<ReviewRecord> {
        reviews::get(&self.platform.ledger, &OPERATOR, id).await.unwrap()
    }

    async fn decides(
        &self,
        by: &StaffVisitor,
        review: Id<ReviewRecord>,
        about: Id<StaffRecord>,
        verdict: Verdict,
    ) -> Result<Stored<ReviewRecord>, PeopleError> {
        reviews::decide(&self.platform.ledger, by, review, person(about), word(verdict)).await
    }

    async fn keep(&self) -> usize {
        reviews::keep(&self.platform.ledger).await.unwrap()
    }
}

const fn person(id: Id<StaffRecord>) -> Id<Staff> {
    Id::from_bytes(id.bytes())
}

fn word(verdict: Verdict) -> Word {
    Word { verdict, note: "as it should be".into(), roles_seen: None }
}

fn reason<T>(outcome: Result<T, PeopleError>) -> Reason {
    match outcome {
        Err(PeopleError::Problem(problem)) => problem.reason,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[tokio::test]
async fn a_review_opens_by_itself_and_its_end_is_signed() {
    for firm in Firm::each().await {
        let (ledger, platform) = (&firm.platform.ledger, &firm.platform);
        assert_eq!(firm.keep().await, 0, "there is time until the first");
        platform.ledger.test_clock().advance_ms(i64::from(PERIOD_DAYS) * DAY_MS - 1);
        assert_eq!(firm.keep().await, 0);
        platform.ledger.test_clock().advance_ms(1);
        assert_eq!((firm.keep().await, firm.keep().await), (1, 0));
        let review = reviews::current(ledger).await.unwrap().unwrap();
        assert_eq!(review.due_at, platform.now().plus_millis(i64::from(OPEN_DAYS) * DAY_MS));
        assert_eq!((review.items.len(), review.open_items()), (4, 4));
        assert_eq!(platform.told("review_opened").await, ["ceo", "grace", "hedy"]);
        let (ceo, officer) = (platform.visitor(firm.ceo).await, platform.visitor(firm.officers[0]).await);
        for about in [firm.officers[0], firm.officers[1], firm.ada] {
            let decided = firm.decides(&ceo, review.id, about, Verdict::Certify).await.unwrap();
            assert_eq!(decided.state, ReviewState::Open);
            assert_eq!(reason(firm.decides(&ceo, review.id, about, Verdict::Revoke).await), Reason::State, "once");
        }
        assert!(reviews::verify_result(ledger, &OPERATOR, &firm.review(review.id).await).is_err(), "it is open");
        let closed = firm.decides(&officer, review.id, firm.ceo, Verdict::Certify).await.unwrap();
        assert_eq!((closed.state, closed.closed_at), (ReviewState::Closed, Some(platform.now())));
        let outcome = closed.outcome.clone().unwrap();
        assert_eq!((outcome.certified, outcome.revoked, outcome.lapsed), (4, 0, 0));
        reviews::verify_result(ledger, &OPERATOR, &closed).unwrap();
        let log = ledger.entries(&OPERATOR, 0, 1_000).await.unwrap();
        let last = log.iter().rfind(|entry| entry.headline.id == closed.id.bytes()).unwrap();
        assert_eq!((last.headline.action.as_str(), last.headline.actor), ("closed", Actor::Staff(officer.id())));
        assert_eq!(last.said.set["outcome"][1]["signature"], outcome.signature.as_str(), "the log has the signature");
        assert!(reviews::current(ledger).await.unwrap().is_none());
        platform.pass_days(i64::from(PERIOD_DAYS) - 1);
        assert_eq!(firm.keep().await, 0);
        platform.pass_days(1);
        assert_eq!(firm.keep().await, 1, "a period after the opening of the one before");
    }
}

#[tokio::test]
async fn nothing_about_a_closed_review_can_be_changed_unseen() {
    use bonded_merkle::Signer as _;
    let firm = Firm::on(Platform::on_sqlite().await).await;
    let id = firm.opened().await.id;
    firm.platform.pass_days(20);
    firm.keep().await;
    let closed = firm.review(id).await;
    let key = firm.platform.ledger.log_signer(&OPERATOR).unwrap().public_key();
    assert!(is_signed_by(&key, id, &closed));
    assert!(!is_signed_by(&[7; 32], id, &closed) && !is_signed_by(&key, Id::from_bytes([7; 16]), &closed));
    let changes: [fn(&mut ReviewRecord); 12] = [
        |review| review.items[0].decision = Decision::Open,
        |review| drop(review.items.pop()),
        |review| review.items.swap(0, 1),
        |review| review.items[2].name.push('x'),
        |review| review.items[2].roles = StaffRole::ALL.into_iter().collect(),
        |review| review.items[1].grants.asked += 1,
        |review| review.items[1].factors.passkeys += 1,
        |review| review.items[1].training.is_trained = !review.items[1].training.is_trained,
        |review| review.due_at = review.due_at.plus_millis(1),
        |review| review.closed_at = Some(review.opened_at),
        |review| review.outcome.as_mut().unwrap().lapsed -= 1,
        |review| review.outcome.as_mut().unwrap().signature.replace_range(0..1, "="),
    ];
    for (place, change) in changes.into_iter().enumerate() {
        let mut forged = (*closed).clone();
        change(&mut forged);
        assert!(!is_signed_by(&key, id, &forged), "change {place}");
    }
}

#[tokio::test]
async fn nobody_decides_about_themselves_and_officers_only_about_the_only_reviewer() {
    for firm in Firm::each().await {
        let review = firm.opened().await.id;
        let (ceo, grace) = (firm.platform.visitor(firm.ceo).await, firm.platform.visitor(firm.officers[0]).await);
        let ada = firm.platform.visitor(firm.ada).await;
        for verdict in [Verdict::Certify, Verdict::Revoke] {
            assert_eq!(reason(firm.decides(&ceo, review, firm.ceo, verdict).await), Reason::Forbidden);
            for about in [firm.officers[0], firm.officers[1], firm.ada] {
                assert_eq!(reason(firm.decides(&grace, review, about, verdict).await), Reason::Forbidden);
            }
            for about in [firm.ceo, firm.ada, firm.officers[0]] {
                assert_eq!(reason(firm.decides(&ada, review, about, verdict).await), Reason::Forbidden);
            }
        }
        let both = [StaffRole::Support, StaffRole::Reviewer].into_iter().collect();
        staff::change_roles(&firm.platform.ledger, &OPERATOR, None, firm.ada, both).await.unwrap();
        let refused = firm.decides(&grace, review, firm.ceo, Verdict::Revoke).await;
        assert_eq!(reason(refused), Reason::Forbidden, "there is another reviewer");
        let second = firm.platform.visitor(firm.ada).await;
        firm.decides(&second, review, firm.ceo, Verdict::Revoke).await.unwrap();
        let gone = firm.decides(&ceo, review, firm.ada, Verdict::Revoke).await;
        assert_eq!(reason(gone), Reason::Forbidden, "who was let in before the roles went decides nothing any more");
        firm.decides(&grace, review, firm.ada, Verdict::Certify).await.unwrap();
        let items = firm.review(review).await.items.clone();
        let Decision::Certified { roles, .. } = &items.iter().find(|item| item.name == "ada").unwrap().decision else {
            panic!()
        };
        assert!(roles.contains(StaffRole::Reviewer), "the roles of that moment are told");
        assert!(!items.iter().find(|item| item.name == "ada").unwrap().roles.contains(StaffRole::Reviewer));
    }
}

#[tokio::test]
async fn revoking_takes_the_roles_and_the_sessions_at_once() {
    for firm in Firm::each().await {
        let (ledger, platform) = (&firm.platform.ledger, &firm.platform);
        let review = firm.opened().await.id;
        let (_, token) = platform.sign_in(firm.ada).await;
        let ceo = platform.visitor(firm.ceo).await;
        let before = ledger.head(&OPERATOR).await.unwrap();
        firm.decides(&ceo, review, firm.ada, Verdict::Revoke).await.unwrap();
        assert_eq!(platform.roles(firm.ada).await, []);
        assert!(session::find(ledger, &token).await.unwrap().is_none());
        assert_eq!(platform.told("role_changed").await, ["ada"]);
        let log = ledger.entries(&OPERATOR, before, 10).await.unwrap();
        let told: Vec<_> = log.iter().map(|entry| (entry.headline.action.as_str(), entry.headline.actor)).collect();
        let by = Actor::Staff(ceo.id());
        let doorkeeper = Actor::System(System::Doorkeeper);
        assert_eq!(told, [("revoked", by), ("roles_revoked", by), ("queued", by), ("ended", doorkeeper)]);
        staff::change_roles(ledger, &OPERATOR, None, firm.ada, SUPPORT.iter().copied().collect()).await.unwrap();
        platform.pass_days(20);
        firm.keep().await;
        assert_eq!(platform.roles(firm.ada).await, SUPPORT, "what was given afterwards is for the next review");
    }
}

#[tokio::test]
async fn a_decision_needs_its_reason_and_the_roles_that_were_seen() {
    let firm = Firm::on(Platform::on_sqlite().await).await;
    let review = firm.opened().await.id;
    let ceo = firm.platform.visitor(firm.ceo).await;
    let decide = |word: Word| reviews::decide(&firm.platform.ledger, &ceo, review, person(firm.ada), word);
    for note in ["", "  ", "a\nb", &"é".repeat(501)] {
        let refused = decide(Word { note: note.into(), ..word(Verdict::Certify) }).await;
        assert_eq!(reason(refused), Reason::Invalid, "{note:?}");
    }
    let seen = firm.platform.person(firm.ada).await.roles;
    let more = [StaffRole::Support, StaffRole::Engineer].into_iter().collect();
    staff::change_roles(&firm.platform.ledger, &OPERATOR, None, firm.ada, more).await.unwrap();
    let stale = decide(Word { roles_seen: Some(seen), ..word(Verdict::Certify) }).await;
    assert_eq!(reason(stale), Reason::Changed);
    decide(Word { roles_seen: Some(more), ..word(Verdict::Certify) }).await.unwrap();
    staff::end(&firm.platform.ledger, &OPERATOR, None, firm.ada).await.unwrap();
    let unknown = firm.platform.hire("late", SUPPORT).await;
    assert_eq!(reason(firm.decides(&ceo, review, unknown, Verdict::Revoke).await), Reason::Missing, "next time");
    let gone = firm.platform.hire("gone", SUPPORT).await;
    assert_eq!(reason(firm.decides(&ceo, review, gone, Verdict::Certify).await), Reason::Missing);
}

#[tokio::test]
async fn what_nobody_certified_in_time_loses_its_roles() {
    for firm in Firm::each().await {
        let platform = &firm.platform;
        let review = firm.opened().await;
        let ceo = platform.visitor(firm.ceo).await;
        firm.decides(&ceo, review.id, firm.officers[0], Verdict::Certify).await.unwrap();
        staff::end(&platform.ledger, &OPERATOR, None, firm.ada).await.unwrap();
        let late = platform.hire("late", SUPPORT).await;
        let (_, token) = platform.sign_in(firm.officers[1]).await;
        platform.ledger.test_clock().set(review.due_at.plus_millis(-1));
        firm.keep().await;
        assert_eq!(firm.review(review.id).await.open_items(), 3);
        platform.ledger.test_clock().set(review.due_at);
        let ceo = platform.visitor(firm.ceo).await;
        assert_eq!(reason(firm.decides(&ceo, review.id, firm.officers[1], Verdict::Certify).await), Reason::State);
        let before = platform.ledger.head(&OPERATOR).await.unwrap();
        assert_eq!((firm.keep().await, firm.keep().await), (3, 0));
        assert_eq!(platform.roles(firm.officers[0]).await, OFFICER, "certified");
        assert_eq!(platform.roles(late).await, SUPPORT, "who joined meanwhile waits for the next one");
        for gone in [firm.ceo, firm.officers[1], firm.ada] {
            assert_eq!(platform.roles(gone).await, []);
        }
        assert!(session::find(&platform.ledger, &token).await.unwrap().is_none());
        let closed = firm.review(review.id).await;
        let outcome = closed.outcome.clone().unwrap();
        assert_eq!((outcome.certified, outcome.revoked, outcome.lapsed), (1, 0, 3));
        reviews::verify_result(&platform.ledger, &OPERATOR, &closed).unwrap();
        let log = platform.ledger.entries(&OPERATOR, before, 100).await.unwrap();
        let lapsed: Vec<_> = log.iter().filter(|entry| entry.headline.action == "roles_lapsed").collect();
        assert_eq!(lapsed.len(), 2, "who had left had none");
        assert!(lapsed.iter().all(|entry| entry.headline.actor == Actor::System(System::Calendar)));
    }
}

#[tokio::test]
async fn one_review_is_open_at_a_time_and_its_period_holds_for_the_next() {
    for firm in Firm::each().await {
        let ledger = &firm.platform.ledger;
        let ceo = firm.platform.visitor(firm.ceo).await;
        let grace = firm.platform.visitor(firm.officers[0]).await;
        let acting = Acting::Staff(&ceo);
        assert!(!grace.may(Power::DecideReviews));
        assert_eq!(reason(reviews::open(ledger, &Acting::Staff(&grace), None).await), Reason::Forbidden);
        for days in [0, 14, 367] {
            assert_eq!(reason(reviews::open(ledger, &acting, Some(days)).await), Reason::Invalid);
        }
        let open = || reviews::open(ledger, &acting, Some(30));
        let (one, other, third) = tokio::join!(open(), open(), open());
        let refused = [one, other, third].into_iter().filter(Result::is_err);
        assert_eq!(refused.map(reason).collect::<Vec<_>>(), [Reason::State; 2]);
        firm.platform.pass_days(29);
        firm.keep().await;
        assert!(reviews::current(ledger).await.unwrap().is_none(), "the first is over, the next not yet due");
        firm.platform.pass_days(1);
        firm.keep().await;
        assert_eq!(reviews::current(ledger).await.unwrap().unwrap().period_days, 30);
    }
}

#[tokio::test]
async fn decisions_made_at_the_same_time_all_hold() {
    for firm in Firm::each().await {
        let platform = &firm.platform;
        let mut about = vec![firm.ada, firm.officers[0], firm.officers[1]];
        for number in 0..3 {
            about.push(platform.hire(&format!("more{number}"), SUPPORT).await);
        }
        let (review, ceo) = (firm.opened().await.id, platform.visitor(firm.ceo).await);
        let verdict = |place| if place % 2 == 0 { Verdict::Revoke } else { Verdict::Certify };
        let one = |place: usize| firm.decides(&ceo, review, about[place], verdict(place));
        let all = tokio::join!(one(0), one(1), one(2), one(3), one(4), one(5));
        let all = [all.0, all.1, all.2, all.3, all.4, all.5];
        assert!(all.iter().all(Result::is_ok));
        let review = firm.review(review).await;
        assert_eq!(review.open_items(), 1);
        for (place, about) in about.into_iter().enumerate() {
            let stays = !platform.roles(about).await.is_empty();
            let item = review.items.iter().find(|item| item.staff == person(about)).unwrap();
            assert_eq!((stays, item.decision.name() == "certified"), (place % 2 == 1, place % 2 == 1));
        }
    }
}

#[tokio::test]
async fn those_who_decide_are_reminded_before_it_is_due() {
    let firm = Firm::on(Platform::on_sqlite().await).await;
    let platform = &firm.platform;
    platform.hire("second", REVIEWER).await;
    firm.opened().await;
    let mut counts = Vec::new();
    for _ in 0..14 {
        firm.keep().await;
        firm.keep().await;
        counts.push(platform.told("review_opened").await.len());
        platform.pass_days(1);
    }
    assert_eq!(counts, [2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 4, 4, 6], "at first, three days and one day before");
    assert!(!platform.told("review_opened").await.contains(&"grace".to_owned()), "two reviewers need no officer");
}

#[tokio::test]
async fn an_item_tells_what_a_reviewer_wants_to_know() {
    for firm in Firm::each().await {
        let (ledger, platform) = (&firm.platform.ledger, &firm.platform);
        asked(&firm, 1, true).await;
        let first = firm.opened().await;
        let ada = first.items.iter().find(|item| item.name == "ada").unwrap().clone();
        assert_eq!(ada.grants, GrantsUsed { asked: 1, approved: 1 });
        assert!(!ada.training.is_trained && ada.training.missing.is_empty(), "no course is required of support");
        let grace = first.items.iter().find(|item| item.name == "grace").unwrap();
        assert!(grace.training.is_trained && grace.training.until.is_some());
        assert!(!grace.factors.password && grace.factors.passkeys == 0);
        let required_for = [StaffRole::Support, StaffRole::SecurityOfficer].into_iter().collect();
        let draft = CourseDraft { name: "Privacy".into(), about: String::new(), required_for, valid_days: 10 };
        training::add(ledger, &operator(), draft).await.unwrap();
        platform.pass_days(14);
        firm.keep().await;
        asked(&firm, 2, false).await;
        asked(&firm, 3, true).await;
        let second = firm.opened().await;
        let ada = second.items.iter().find(|item| item.name == "ada").unwrap();
        assert_eq!(ada.grants, GrantsUsed { asked: 2, approved: 1 }, "since the review before");
        assert_eq!(ada.roles.iter().count(), 0);
        assert_eq!(second.grants_since, Some(first.opened_at));
        let grace = second.items.iter().find(|item| item.name == "grace").unwrap();
        assert!(grace.training.missing.is_empty(), "without roles nothing is required");
    }
}

/// The platform's copy of a grant that Ada has asked for.
async fn asked(firm: &Firm, number: u8, approved: bool) {
    let scope = GrantScope { areas: vec![Area::Orders], act: false, record: None, consumers: false };
    let reason = bonded_people::grants::Reason { kind: ReasonKind::Incident, text: "late".into(), ticket: None };
    let asker = Asker { staff: person(firm.ada), name: "Ada".into() };
    let grant = GrantRecord {
        account: Id::<Account>::from_bytes([9; 16]),
        staff: asker.staff,
        staff_name: asker.name,
        scope,
        reason,
        duration_ms: DAY_MS,
        state: GrantState::Ended,
        asked_at: firm.platform.now(),
        approved_by: approved.then(|| Id::from_bytes([number; 16])),
        approved_with: None,
        until: None,
        ended_at: None,
        legal: None,
        signed: None,
    };
    let mut change = Change::new();
    change.create(firm.platform.ledger.new_id::<GrantRecord>(), &grant, "requested");
    firm.platform.ledger.commit(&OPERATOR, change).await.unwrap();
}
