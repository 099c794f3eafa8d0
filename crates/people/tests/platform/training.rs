//! Courses and completions, and the powers that rest without them, on a real ledger of either engine.

use crate::house::{DAY_MS, OPERATOR, Platform, operator};
use bonded_base::{Id, Moment, Reason};
use bonded_ledger::Stored;
use bonded_people::PeopleError;
use bonded_people::mail::Matter;
use bonded_people::staff::{self, Acting, Power, StaffRecord, StaffRole};
use bonded_people::training::{
    self, CERTIFICATE_BYTES_MAX, CertificateFile, Completion, CourseChange, CourseDraft, CourseRecord, MediaType,
    Standing, TrainingRecord, is_trained,
};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// The day on which tests begin, and those before and after it.
const TODAY: &str = "2026-11-22";

fn draft(name: &str, roles: &[StaffRole], valid_days: u16) -> CourseDraft {
    let required_for = roles.iter().copied().collect();
    CourseDraft { name: name.into(), about: "What we may see".into(), required_for, valid_days }
}

fn done(course: Id<CourseRecord>, on: &str) -> Completion {
    Completion { course, of_version: None, completed_on: on.parse().unwrap(), certificate: None }
}

fn reason<T>(outcome: Result<T, PeopleError>) -> Reason {
    match outcome {
        Err(PeopleError::Problem(problem)) => problem.reason,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was not refused"),
    }
}

async fn course(platform: &Platform, draft: CourseDraft) -> Stored<CourseRecord> {
    training::add(&platform.ledger, &operator(), draft).await.unwrap()
}

async fn passed(platform: &Platform, who: Id<StaffRecord>, completion: Completion) -> Stored<TrainingRecord> {
    training::record(&platform.ledger, &operator(), who, completion).await.unwrap()
}

async fn trained(platform: &Platform, who: Id<StaffRecord>) -> bool {
    is_trained(&platform.ledger, &platform.person(who).await, platform.now()).await.unwrap()
}

async fn stands(platform: &Platform, who: Id<StaffRecord>) -> Vec<(String, Standing)> {
    let person = platform.person(who).await;
    let all = training::standing(&platform.ledger, &person, platform.now()).await.unwrap();
    let mut all: Vec<_> = all.into_iter().map(|course| (course.name, course.standing)).collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

#[tokio::test]
async fn powers_rest_until_every_course_of_a_role_is_completed() {
    for platform in Platform::each().await {
        let ada = platform.hire("ada", &[StaffRole::Support, StaffRole::OnCall]).await;
        assert!(!trained(&platform, ada).await, "without a course for the role there is nothing that could be valid");
        let privacy = course(&platform, draft("Privacy", &[StaffRole::Support], 365)).await;
        passed(&platform, ada, done(privacy.id, TODAY)).await;
        assert!(!trained(&platform, ada).await, "on call has no course yet");
        let alarms = course(&platform, draft("Alarms", &[StaffRole::OnCall, StaffRole::Engineer], 10)).await;
        assert!(!platform.visitor(ada).await.may(Power::AskForGrants));
        passed(&platform, ada, done(alarms.id, "2026-11-20")).await;
        assert!(trained(&platform, ada).await && platform.visitor(ada).await.may(Power::AskForGrants));
        platform.pass_days(8);
        assert!(!trained(&platform, ada).await, "ten days from the 20th end on the 30th");
        assert!(!platform.visitor(ada).await.may(Power::AskForGrants));
        let names: Vec<_> = stands(&platform, ada).await;
        let [(_, Standing::Expired { at }), (_, Standing::Valid { until })] = names[..] else { panic!("{names:?}") };
        assert_eq!(
            (until.to_string(), at.to_string()),
            ("2027-11-22T00:00:00.000Z".into(), "2026-11-30T00:00:00.000Z".into())
        );
        let ceo = platform.hire("ceo", &[StaffRole::Reviewer]).await;
        assert!(trained(&platform, ceo).await, "the reviewer's powers rest on no course");
        training::retire(&platform.ledger, &operator(), alarms.id).await.unwrap();
        assert!(!trained(&platform, ada).await, "nor does a role become trained by its last course going");
    }
}

#[tokio::test]
async fn the_first_officers_train_each_other_and_never_themselves() {
    for platform in Platform::each().await {
        let (ada, bob) = (
            platform.hire("ada", &[StaffRole::SecurityOfficer]).await,
            platform.hire("bob", &[StaffRole::SecurityOfficer]).await,
        );
        let (first, second) = (platform.visitor(ada).await, platform.visitor(bob).await);
        assert!(first.may(Power::ManageTraining) && !first.may(Power::ManageStaff));
        let course =
            training::add(&platform.ledger, &Acting::Staff(&first), draft("Keys", &[StaffRole::SecurityOfficer], 30))
                .await
                .unwrap();
        let own = training::record(&platform.ledger, &Acting::Staff(&first), ada, done(course.id, TODAY)).await;
        assert_eq!(reason(own), Reason::Forbidden);
        let other =
            training::record(&platform.ledger, &Acting::Staff(&second), ada, done(course.id, TODAY)).await.unwrap();
        assert_eq!(other.recorded_by, Some(second.id()));
        assert!(platform.visitor(ada).await.may(Power::ManageStaff));
        passed(&platform, bob, done(course.id, TODAY)).await;
        assert!(platform.visitor(bob).await.may(Power::ManageStaff), "the operator records anybody's");
        let log = platform.ledger.entries(&OPERATOR, 0, 100).await.unwrap();
        let told: Vec<_> =
            log.iter().map(|entry| entry.headline.action.as_str()).filter(|action| *action != "began").collect();
        assert_eq!(told, ["joined", "joined", "added", "recorded", "recorded"]);
    }
}

#[tokio::test]
async fn nobody_else_keeps_courses_or_sees_certificates() {
    let platform = Platform::on_sqlite().await;
    let eve = platform.hire("eve", &[StaffRole::Support, StaffRole::Engineer, StaffRole::OnCall]).await;
    let known =
        course(&platform, draft("Privacy", &[StaffRole::Support, StaffRole::Engineer, StaffRole::OnCall], 365)).await;
    let record = passed(&platform, eve, done(known.id, TODAY)).await;
    let visitor = platform.visitor(eve).await;
    let acting = Acting::Staff(&visitor);
    assert_eq!(reason(training::add(&platform.ledger, &acting, draft("Mine", &[], 1)).await), Reason::Forbidden);
    assert_eq!(
        reason(training::change(&platform.ledger, &acting, known.id, CourseChange::default()).await),
        Reason::Forbidden
    );
    assert_eq!(reason(training::retire(&platform.ledger, &acting, known.id).await), Reason::Forbidden);
    let ada = platform.hire("ada", &[StaffRole::Support]).await;
    assert_eq!(
        reason(training::record(&platform.ledger, &acting, ada, done(known.id, TODAY)).await),
        Reason::Forbidden
    );
    assert_eq!(reason(training::certificate(&platform.ledger, &acting, record.id).await), Reason::Forbidden);
}

#[tokio::test]
async fn a_new_version_is_to_be_learnt_within_thirty_days() {
    for platform in Platform::each().await {
        let ada = platform.hire("ada", &[StaffRole::Support]).await;
        let privacy = course(&platform, draft("Privacy", &[StaffRole::Support], 365)).await;
        passed(&platform, ada, done(privacy.id, TODAY)).await;
        platform.pass_days(100);
        let wanted = CourseChange { new_version: true, ..CourseChange::default() };
        let second = training::change(&platform.ledger, &operator(), privacy.id, wanted).await.unwrap();
        assert_eq!(second.version(), 2);
        platform.ledger.test_clock().advance_ms(30 * DAY_MS - 1);
        assert!(trained(&platform, ada).await);
        platform.ledger.test_clock().advance_ms(1);
        assert!(!trained(&platform, ada).await);
        let late = Completion { of_version: Some(1), ..done(privacy.id, "2027-03-20") };
        assert_eq!(reason(training::record(&platform.ledger, &operator(), ada, late).await), Reason::Invalid);
        passed(&platform, ada, done(privacy.id, "2027-03-20")).await;
        assert!(trained(&platform, ada).await);
    }
}

#[tokio::test]
async fn what_cannot_be_is_not_recorded() {
    let platform = Platform::on_sqlite().await;
    let ada = platform.hire("ada", &[StaffRole::Support]).await;
    let privacy = course(&platform, draft("Privacy", &[StaffRole::Support], 10)).await;
    let tries = [
        (done(privacy.id, "2026-11-23"), Reason::Invalid),
        (done(privacy.id, "2026-11-12"), Reason::Invalid),
        (Completion { of_version: Some(2), ..done(privacy.id, TODAY) }, Reason::Invalid),
        (Completion { of_version: Some(0), ..done(privacy.id, TODAY) }, Reason::Invalid),
        (done(Id::from_bytes([1; 16]), TODAY), Reason::Missing),
    ];
    for (completion, why) in tries {
        assert_eq!(reason(training::record(&platform.ledger, &operator(), ada, completion).await), why);
    }
    passed(&platform, ada, done(privacy.id, TODAY)).await;
    assert_eq!(
        reason(training::record(&platform.ledger, &operator(), ada, done(privacy.id, TODAY)).await),
        Reason::Duplicate
    );
    staff::end(&platform.ledger, &OPERATOR, None, ada).await.unwrap();
    assert_eq!(
        reason(training::record(&platform.ledger, &operator(), ada, done(privacy.id, "2026-11-21")).await),
        Reason::State
    );
    assert_eq!(
        reason(training::add(&platform.ledger, &operator(), draft(" PRIVACY ", &[], 1)).await),
        Reason::Duplicate
    );
    training::retire(&platform.ledger, &operator(), privacy.id).await.unwrap();
    assert_eq!(reason(training::retire(&platform.ledger, &operator(), privacy.id).await), Reason::State);
    course(&platform, draft("privacy", &[], 1)).await;
}

#[tokio::test]
async fn a_certificate_is_lent_to_officers_and_reviewers_as_it_was_handed_in() {
    for platform in Platform::each().await {
        let (ada, officer) = (
            platform.hire("ada", &[StaffRole::Support]).await,
            platform.hire("bob", &[StaffRole::SecurityOfficer]).await,
        );
        let ceo = platform.hire("ceo", &[StaffRole::Reviewer]).await;
        let privacy = course(&platform, draft("Privacy", &[StaffRole::Support], 365)).await;
        let mut bytes = b"%PDF-1.7 canary-in-a-certificate ".to_vec();
        bytes.resize(CERTIFICATE_BYTES_MAX, 0xa5);
        let certificate = Some(CertificateFile { file_name: "ada.pdf".into(), bytes: bytes.clone() });
        let record = passed(&platform, ada, Completion { certificate, ..done(privacy.id, TODAY) }).await;
        for who in [officer, ceo] {
            let visitor = platform.visitor(who).await;
            let (what, lent) =
                training::certificate(&platform.ledger, &Acting::Staff(&visitor), record.id).await.unwrap();
            assert_eq!((what.file_name.as_str(), what.media_type), ("ada.pdf", MediaType::Pdf));
            assert!(lent.expose() == &bytes);
        }
        assert_eq!(training::completions(&platform.ledger, &OPERATOR, ada).await.unwrap().len(), 1);
        assert!(trained(&platform, ada).await);
        let log = platform.ledger.entries(&OPERATOR, 0, 100).await.unwrap();
        assert!(log.iter().all(|entry| entry.plain.len() < 2_000), "no entry says what is in it");
        let none = passed(&platform, ada, done(privacy.id, "2026-11-21")).await;
        assert_eq!(reason(training::certificate(&platform.ledger, &operator(), none.id).await), Reason::Missing);
        let script = Some(CertificateFile { file_name: "ada.pdf".into(), bytes: b"<script>".to_vec() });
        let refused = Completion { certificate: script, ..done(privacy.id, "2026-11-20") };
        assert_eq!(reason(training::record(&platform.ledger, &operator(), ada, refused).await), Reason::Invalid);
    }
}

#[tokio::test]
async fn whose_course_is_about_to_end_is_told_three_times() {
    for platform in Platform::each().await {
        let ada = platform.hire("ada", &[StaffRole::Support]).await;
        let (gone, idle) =
            (platform.hire("gone", &[StaffRole::Support]).await, platform.hire("idle", &[StaffRole::Support]).await);
        let privacy = course(&platform, draft("Privacy", &[StaffRole::Support], 100)).await;
        for who in [ada, gone] {
            passed(&platform, who, done(privacy.id, TODAY)).await;
        }
        staff::end(&platform.ledger, &OPERATOR, None, gone).await.unwrap();
        let mut told = Vec::new();
        for day in 0..110 {
            for _ in 0..2 {
                if training::warn(&platform.ledger).await.unwrap() > 0 {
                    told.push(day);
                }
            }
            platform.pass_days(1);
        }
        // Days begin at 09:30, and the course ends at midnight.
        assert_eq!(told, [70, 93, 99]);
        assert_eq!(platform.told("training_expires").await, ["ada", "ada", "ada"]);
        let mails = platform.mails().await;
        let warned = mails.iter().find(|mail| mail.matter.name() == "training_expires").unwrap();
        let Matter::TrainingExpires { course, at } = &warned.matter else { panic!() };
        assert_eq!((course.as_str(), at.to_string()), ("Privacy", "2027-03-02T00:00:00.000Z".into()));
        passed(&platform, ada, done(privacy.id, "2027-03-10")).await;
        passed(&platform, idle, done(privacy.id, "2027-03-10")).await;
        platform.pass_days(60);
        training::change(
            &platform.ledger,
            &operator(),
            privacy.id,
            CourseChange { new_version: true, ..Default::default() },
        )
        .await
        .unwrap();
        assert_eq!(training::warn(&platform.ledger).await.unwrap(), 2, "a new version is told of at once");
        assert_eq!(training::warn(&platform.ledger).await.unwrap(), 0);
    }
}

/// What is done to a small platform, one after another.
#[derive(Clone, Debug)]
enum Step {
    Course { roles: u8, days: u16 },
    NewVersion { course: usize },
    Retire { course: usize },
    Complete { course: usize, days_ago: i64 },
    Wait { days: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u8..8, 1_u16..120).prop_map(|(roles, days)| Step::Course { roles, days }),
        (0_usize..4).prop_map(|course| Step::NewVersion { course }),
        (0_usize..4).prop_map(|course| Step::Retire { course }),
        (0_usize..4, 0_i64..20).prop_map(|(course, days_ago)| Step::Complete { course, days_ago }),
        (0_usize..4, 0_i64..20).prop_map(|(course, days_ago)| Step::Complete { course, days_ago }),
        (1_i64..40).prop_map(|days| Step::Wait { days }),
    ]
}

/// What a plain model knows of a course: who needs it, when its versions came, which completions there are.
struct Known {
    id: Id<CourseRecord>,
    roles: BTreeSet<StaffRole>,
    days: i64,
    versions: Vec<i64>,
    completions: Vec<(usize, i64)>,
    retired: bool,
}

const ROLES: [StaffRole; 3] = [StaffRole::Support, StaffRole::Engineer, StaffRole::Reviewer];

impl Known {
    /// Whether somebody's best completion counts on this day, said as the rule is said and not as the code does it.
    fn counts(&self, now: Moment) -> bool {
        self.completions.iter().any(|(version, day)| {
            let ended = (now.millis() / DAY_MS) >= day + self.days;
            let replaced = self.versions.get(*version).is_some_and(|since| now.millis() >= since + 30 * DAY_MS);
            !ended && !replaced
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whoever_counts_as_trained_has_every_course_and_no_role_without_one(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let platform = Platform::on_sqlite().await;
            let ada = platform.hire("ada", &ROLES).await;
            let mut all: Vec<Known> = Vec::new();
            for step in steps {
                carry_out(&platform, ada, &mut all, step).await;
                let offered = || all.iter().filter(|course| !course.retired);
                let expected = [StaffRole::Support, StaffRole::Engineer].iter().all(|role| {
                    let mut of_role = offered().filter(|course| course.roles.contains(role)).peekable();
                    of_role.peek().is_some() && of_role.all(|course| course.counts(platform.now()))
                });
                assert_eq!(trained(&platform, ada).await, expected);
            }
        });
    }
}

async fn carry_out(platform: &Platform, ada: Id<StaffRecord>, all: &mut Vec<Known>, step: Step) {
    let now = platform.now().millis();
    match step {
        Step::Course { roles, days } => {
            let roles: Vec<_> = ROLES
                .into_iter()
                .enumerate()
                .filter(|(place, _)| roles & (1 << place) != 0)
                .map(|(_, role)| role)
                .collect();
            let added = course(platform, draft(&format!("Course {}", all.len()), &roles, days)).await;
            let known = Known {
                id: added.id,
                roles: roles.into_iter().collect(),
                days: days.into(),
                versions: vec![now],
                completions: Vec::new(),
                retired: false,
            };
            all.push(known);
        }
        Step::NewVersion { course } => {
            let Some(known) = all.get_mut(course).filter(|known| !known.retired) else { return };
            training::change(
                &platform.ledger,
                &operator(),
                known.id,
                CourseChange { new_version: true, ..Default::default() },
            )
            .await
            .unwrap();
            known.versions.push(now);
        }
        Step::Retire { course } => {
            let Some(known) = all.get_mut(course).filter(|known| !known.retired) else { return };
            training::retire(&platform.ledger, &operator(), known.id).await.unwrap();
            known.retired = true;
        }
        Step::Complete { course, days_ago } => {
            let Some(known) = all.get_mut(course).filter(|known| !known.retired) else { return };
            let day = now / DAY_MS - days_ago;
            let on = jiff::Timestamp::from_millisecond(day * DAY_MS).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
            let completion = Completion { course: known.id, of_version: None, completed_on: on, certificate: None };
            if training::record(&platform.ledger, &operator(), ada, completion).await.is_ok() {
                known.completions.push((known.versions.len(), day));
            }
        }
        Step::Wait { days } => platform.pass_days(days),
    }
}
