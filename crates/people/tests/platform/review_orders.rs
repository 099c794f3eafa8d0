//! Whatever is decided in whatever order, and however time passes: roles that nobody certified in time are gone.

use crate::house::{OPERATOR, Platform, operator};
use bonded_base::{Id, Moment, Staff};
use bonded_people::reviews::{self, Decision, ReviewRecord, Verdict, Word};
use bonded_people::staff::{self, StaffRecord, StaffRole, StaffRoles};
use bonded_people::training::{self, Completion, CourseDraft};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What happens, one after another. People are chosen by their place.
#[derive(Clone, Debug)]
enum Step {
    Hire { roles: u8 },
    Give { who: usize, roles: u8 },
    End { who: usize },
    Open,
    Decide { by: usize, about: usize, certify: bool },
    Wait { hours: i64 },
    Keep,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (1_u8..32).prop_map(|roles| Step::Hire { roles }),
        2 => (0_usize..8, 0_u8..32).prop_map(|(who, roles)| Step::Give { who, roles }),
        1 => (0_usize..8).prop_map(|who| Step::End { who }),
        2 => Just(Step::Open),
        12 => (0_usize..8, 0_usize..8, any::<bool>())
            .prop_map(|(by, about, certify)| Step::Decide { by, about, certify }),
        4 => (1_i64..(24 * 12)).prop_map(|hours| Step::Wait { hours }),
        4 => Just(Step::Keep),
    ]
}

/// What must hold, said without any of the code that is tested.
#[derive(Default)]
struct Model {
    people: Vec<Id<StaffRecord>>,
    roles: BTreeMap<Id<StaffRecord>, StaffRoles>,
    /// Who is still to be decided about, and until when.
    open: Option<(Id<ReviewRecord>, Moment, Vec<Id<StaffRecord>>)>,
    decisions: usize,
}

fn roles(bits: u8) -> StaffRoles {
    StaffRole::ALL.into_iter().filter(|role| bits & (1 << *role as u8) != 0).collect()
}

async fn hire(platform: &Platform, model: &mut Model, bits: u8) {
    let wanted: Vec<_> = roles(bits).iter().collect();
    let id = platform.hire(&format!("person{}", model.people.len()), &wanted).await;
    model.people.push(id);
    model.roles.insert(id, roles(bits));
}

/// The open review as the ledger has it, taken over by the model when it is a new one.
async fn look(platform: &Platform, model: &mut Model) {
    let current = reviews::current(&platform.ledger).await.unwrap();
    let known = model.open.as_ref().map(|(id, ..)| *id);
    if current.as_ref().map(|review| review.id) == known {
        return;
    }
    if let Some((_, _, left)) = model.open.take() {
        assert!(left.is_empty(), "a review ended with people left over");
    }
    model.open = current.map(|review| {
        let listed = review.items.iter().map(|item| staff::record_id(item.staff)).collect();
        (review.id, review.due_at, listed)
    });
}

async fn carry_out(platform: &Platform, model: &mut Model, step: Step) {
    match step {
        Step::Hire { roles } if model.people.len() < 8 => hire(platform, model, roles).await,
        Step::Hire { .. } => {}
        Step::Give { who, roles: bits } => {
            let Some(id) = model.people.get(who).copied() else { return };
            if staff::change_roles(&platform.ledger, &OPERATOR, None, id, roles(bits)).await.is_ok() {
                model.roles.insert(id, roles(bits));
            }
        }
        Step::End { who } => {
            let Some(id) = model.people.get(who).copied() else { return };
            if staff::end(&platform.ledger, &OPERATOR, None, id).await.is_ok() {
                model.roles.insert(id, StaffRoles::default());
            }
        }
        Step::Open => drop(reviews::open(&platform.ledger, &operator(), None).await),
        Step::Decide { by, about, certify } => decide(platform, model, by, about, certify).await,
        Step::Wait { hours } => platform.ledger.test_clock().advance_ms(hours * 60 * 60 * 1000),
        Step::Keep => keep(platform, model).await,
    }
    look(platform, model).await;
}

async fn keep(platform: &Platform, model: &mut Model) {
    reviews::keep(&platform.ledger).await.unwrap();
    if let Some((_, due, left)) = &mut model.open
        && *due <= platform.now()
    {
        for gone in left.drain(..) {
            model.roles.insert(gone, StaffRoles::default());
        }
    }
}

async fn decide(platform: &Platform, model: &mut Model, by: usize, about: usize, certify: bool) {
    let (Some(by), Some(about)) = (model.people.get(by).copied(), model.people.get(about).copied()) else { return };
    let Some((review, due, left)) = &mut model.open else { return };
    if !platform.person(by).await.is_active() {
        return;
    }
    let visitor = platform.visitor(by).await;
    let verdict = if certify { Verdict::Certify } else { Verdict::Revoke };
    let word = Word { verdict, note: "looked at".into(), roles_seen: None };
    let whom = Id::<Staff>::from_bytes(about.bytes());
    let decided = reviews::decide(&platform.ledger, &visitor, *review, whom, word).await;
    if decided.is_err() {
        return;
    }
    model.decisions += 1;
    assert!(by != about, "somebody decided about themselves");
    assert!(platform.now() < *due, "decided when it was too late");
    let place = left.iter().position(|open| *open == about).expect("decided twice, or about a newcomer");
    left.remove(place);
    let of_decider = model.roles[&by];
    let is_only_reviewer =
        model.roles.iter().filter(|(_, roles)| roles.contains(StaffRole::Reviewer)).map(|(id, _)| *id).eq([about]);
    assert!(
        of_decider.contains(StaffRole::Reviewer)
            || (is_only_reviewer && of_decider.contains(StaffRole::SecurityOfficer)),
        "decided without the power"
    );
    if !certify {
        model.roles.insert(about, StaffRoles::default());
    }
}

/// Everybody has the roles that the model knows of, and every item says who decided it.
async fn compare(platform: &Platform, model: &Model) {
    for person in staff::list(&platform.ledger, &OPERATOR).await.unwrap() {
        assert_eq!(person.roles, model.roles[&person.id], "{}", person.name);
    }
    let all = reviews::list(&platform.ledger, &OPERATOR, bonded_ledger::List::first(100)).await.unwrap();
    for review in all.records {
        for item in &review.items {
            match &item.decision {
                Decision::Certified { by, at, .. } | Decision::Revoked { by, at, .. } => {
                    assert!(*by != item.staff && *at < review.due_at);
                }
                Decision::Lapsed { at, .. } => assert!(*at >= review.due_at),
                Decision::Open => assert!(review.outcome.is_none()),
            }
        }
        if review.outcome.is_some() {
            reviews::verify_result(&platform.ledger, &OPERATOR, &review).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn nobody_keeps_roles_that_were_not_certified_in_time(steps in prop::collection::vec(step(), 1..60)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (platform, mut model) = (Platform::on_sqlite().await, Model::default());
            // A reviewer, two officers, and somebody who does everything.
            for bits in [0b10000, 0b01000, 0b01000, 0b11111] {
                hire(&platform, &mut model, bits).await;
            }
            let required_for = StaffRole::ALL.into_iter().collect();
            let draft = CourseDraft { name: "All".into(), about: String::new(), required_for, valid_days: 1_100 };
            let course = training::add(&platform.ledger, &operator(), draft).await.unwrap().id;
            for who in model.people.clone() {
                let on = "2026-11-22".parse().unwrap();
                let completion = Completion { course, of_version: None, completed_on: on, certificate: None };
                training::record(&platform.ledger, &operator(), who, completion).await.unwrap();
            }
            for step in steps {
                carry_out(&platform, &mut model, step).await;
                compare(&platform, &model).await;
            }
        });
    }
}
