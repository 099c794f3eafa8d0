//! Training: the courses there are, who has completed which, and recording that somebody has.

use super::{CourseRow, role_boxes, roles_in, roles_of, shell};
use crate::app::App;
use crate::pages::answer::{Refused, Shell, answered};
use crate::pages::form::{Attempt, Choice, Form, id_in};
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Problem};
use bonded_ledger::Stored;
use bonded_people::PeopleError;
use bonded_people::staff::{self, Acting, Power, StaffRecord, StaffRoles, StaffVisitor};
use bonded_people::training::{
    self, Completion, CourseChange, CourseDraft, CourseRecord, CourseState, VALID_DAYS_MAX, standing,
};

/// The form that adds a course; each that changes one is called by the course's id.
const ADD: &str = "add";
/// The form that records a completion.
const RECORD: &str = "record";
/// For how many days a completion counts where nobody says otherwise.
const VALID_DAYS: u16 = 365;
/// Symbols of a day as it is written: `2026-11-22`.
const DAY: usize = 10;

pub(super) fn pages() -> Vec<Page> {
    let manage = Access::With(Power::ManageTraining);
    vec![
        Page::get(manage, "/staff/training", get(show)),
        Page::post(manage, "/staff/training/courses", post(add)),
        Page::post(manage, "/staff/training/courses/change", post(change)),
        Page::post(manage, "/staff/training/courses/retire", post(retire)),
        Page::post(manage, "/staff/training/completions", post(record)),
    ]
}

/// A course with the form that changes it.
struct Course {
    id: String,
    name: String,
    version: u32,
    required_for: String,
    about: String,
    boxes: Vec<Choice>,
    valid_days: String,
    new_version: bool,
    wrong: Option<String>,
}

struct Person {
    id: String,
    name: String,
    trained: bool,
    chosen: bool,
    own: bool,
    courses: Vec<CourseRow>,
}

/// A course that is to be added.
struct AddForm {
    name: String,
    about: String,
    boxes: Vec<Choice>,
    valid_days: String,
    wrong: Option<String>,
}

/// A completion that is to be recorded.
struct RecordForm {
    course: String,
    completed_on: String,
    of_version: String,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "staff_training.html")]
struct TrainingPage {
    shell: Shell,
    courses: Vec<Course>,
    retired: Vec<String>,
    people: Vec<Person>,
    add: AddForm,
    record: RecordForm,
    days_max: u16,
    may_change: bool,
}

async fn show(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    rendered(&app, &visitor, &Attempt::default()).await
}

/// The page, after something was done or refused.
async fn rendered(app: &App, visitor: &StaffVisitor, sent: &Attempt) -> Result<Response, Refused> {
    let (ledger, scope) = (app.ledger(), visitor.scope());
    let (offered, retired): (Vec<_>, Vec<_>) =
        training::courses(ledger, &scope).await?.into_iter().partition(|one| one.state == CourseState::Offered);
    let courses: Vec<_> = offered.iter().map(|one| course(one, sent)).collect();
    let mut everybody = staff::list(ledger, &scope).await?;
    everybody.retain(|person| person.is_active());
    let mut people = Vec::new();
    for one in &everybody {
        people.push(person(app, visitor, one, sent).await?);
    }
    let error = sent.wrong_elsewhere(courses.iter().map(|course| course.id.as_str()).chain([ADD, RECORD]));
    let fresh = visitor.session.is_fresh(ledger.clock().now());
    let shell = shell("Training", visitor).confirming(!fresh, "/staff/training");
    let today: String = ledger.clock().now().to_string().chars().take(DAY).collect();
    let shown = TrainingPage {
        shell: shell.with_notice(sent.notice()).with_error(error),
        courses,
        retired: retired.into_iter().map(|one| one.into_value().name).collect(),
        people,
        add: AddForm {
            name: sent.text(ADD, "name", ""),
            about: sent.text(ADD, "about", ""),
            boxes: role_boxes(sent, ADD, "required_for", StaffRoles::default()),
            valid_days: sent.text(ADD, "valid_days", &VALID_DAYS.to_string()),
            wrong: sent.wrong(ADD),
        },
        record: RecordForm {
            course: sent.text(RECORD, "course", ""),
            completed_on: sent.text(RECORD, "completed_on", &today),
            of_version: sent.text(RECORD, "of_version", ""),
            wrong: sent.wrong(RECORD),
        },
        days_max: VALID_DAYS_MAX,
        may_change: fresh,
    };
    Ok(answered(sent.status(), &shown))
}

fn course(course: &Stored<CourseRecord>, sent: &Attempt) -> Course {
    let id = course.id.to_string();
    Course {
        name: course.name.clone(),
        version: course.version(),
        required_for: roles_of(course.required_for),
        about: sent.text(&id, "about", &course.about),
        boxes: role_boxes(sent, &id, "required_for", course.required_for),
        valid_days: sent.text(&id, "valid_days", &course.valid_days.to_string()),
        new_version: sent.ticked(&id, "new_version", "yes", false),
        wrong: sent.wrong(&id),
        id,
    }
}

async fn person(
    app: &App,
    visitor: &StaffVisitor,
    person: &Stored<StaffRecord>,
    sent: &Attempt,
) -> Result<Person, PeopleError> {
    let (ledger, now) = (app.ledger(), app.ledger().clock().now());
    let id = person.id.to_string();
    Ok(Person {
        name: person.name.clone(),
        trained: training::is_trained(ledger, person, now).await?,
        chosen: sent.ticked(RECORD, "staff", &id, false),
        own: person.id == visitor.record.id,
        courses: standing(ledger, person, now).await?.iter().map(CourseRow::from).collect(),
        id,
    })
}

fn course_in(text: &str) -> Result<Id<CourseRecord>, PeopleError> {
    id_in(text, "there is no such course")
}

fn days_in(form: &Form) -> Result<u16, PeopleError> {
    let no_number = |_| Problem::invalid("/valid_days", "a course counts for 1 to 1,100 days");
    Ok(form.text("valid_days").trim().parse().map_err(no_number)?)
}

async fn add(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff, form: Form) -> Result<Response, Refused> {
    let work = async {
        let draft = CourseDraft {
            name: form.text("name").to_owned(),
            about: form.text("about").to_owned(),
            required_for: roles_in(form.all("required_for"))?,
            valid_days: days_in(&form)?,
        };
        training::add(app.ledger(), &Acting::Staff(&visitor), draft).await
    };
    let done = work.await;
    rendered(&app, &visitor, &Attempt::after(done, "The course was added.", ADD, form)?).await
}

async fn change(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        let wanted = CourseChange {
            about: Some(form.text("about").to_owned()),
            required_for: Some(roles_in(form.all("required_for"))?),
            valid_days: Some(days_in(&form)?),
            new_version: form.ticked("new_version"),
        };
        training::change(app.ledger(), &Acting::Staff(&visitor), course_in(form.text("id"))?, wanted).await
    };
    let done = work.await;
    rendered(&app, &visitor, &Attempt::after(done, "The course was changed.", form.text("id").to_owned(), form)?).await
}

async fn retire(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async { training::retire(app.ledger(), &Acting::Staff(&visitor), course_in(form.text("id"))?).await };
    let done = work.await;
    rendered(
        &app,
        &visitor,
        &Attempt::after(done, "Nobody needs this course any more.", form.text("id").to_owned(), form)?,
    )
    .await
}

async fn record(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    form: Form,
) -> Result<Response, Refused> {
    let work = async {
        let staff: Id<StaffRecord> = id_in(form.text("staff"), "there is nobody with this id")?;
        let no_day = |_| Problem::invalid("/completed_on", "a day is written like 2026-11-22");
        let of_version = Some(form.text("of_version").trim()).filter(|text| !text.is_empty());
        let no_version = |_| Problem::invalid("/version", "the course has no such version");
        let completion = Completion {
            course: course_in(form.text("course"))?,
            of_version: of_version.map(str::parse).transpose().map_err(no_version)?,
            completed_on: form.text("completed_on").trim().parse().map_err(no_day)?,
            // A certificate is a file, which the command line takes.
            certificate: None,
        };
        training::record(app.ledger(), &Acting::Staff(&visitor), staff, completion).await
    };
    let done = work.await;
    rendered(&app, &visitor, &Attempt::after(done, "The completion was recorded.", RECORD, form)?).await
}
