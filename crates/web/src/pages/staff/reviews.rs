//! Access reviews: every staff account is certified, or loses its roles.

use super::{roles_in, roles_of, shell};
use crate::app::App;
use crate::pages::answer::{Refused, Shell, answered, go, page};
use crate::pages::form::{Attempt, Form, id_in};
use crate::pages::gate::{Access, OneOfTheStaff, Page};
use crate::pages::when;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use bonded_base::{Id, Problem};
use bonded_ledger::{List, Stored};
use bonded_people::PeopleError;
use bonded_people::reviews::{self, Decision, Factors, ReviewItem, ReviewRecord, TrainingSeen, Verdict, Word};
use bonded_people::staff::{Acting, Power, StaffRole, StaffVisitor};

/// Reviews that the page lists.
const LISTED: u32 = 50;

pub(super) fn pages() -> Vec<Page> {
    let look = Access::With(Power::ReadReviews);
    vec![
        Page::get(look, "/staff/reviews", get(list)),
        Page::post(Access::With(Power::DecideReviews), "/staff/reviews", post(open)),
        Page::get(look, "/staff/reviews/{review}", get(show)),
        // Who may decide about whom is for the review to say: an officer decides about its reviewer.
        Page::post(look, "/staff/reviews/{review}/decide", post(decide)),
    ]
}

struct Row {
    id: String,
    opened: String,
    due: String,
    state: &'static str,
    open: usize,
}

#[derive(Template)]
#[template(path = "staff_reviews.html")]
struct ReviewsPage {
    shell: Shell,
    reviews: Vec<Row>,
    opens: String,
    may_open: bool,
}

struct Item {
    staff: String,
    name: String,
    roles: String,
    roles_seen: String,
    seen: String,
    factors: String,
    grants: String,
    training: String,
    decision: &'static str,
    note: Option<String>,
    open: bool,
    typed: String,
    wrong: Option<String>,
}

#[derive(Template)]
#[template(path = "staff_review.html")]
struct ReviewPage {
    shell: Shell,
    id: String,
    opened: String,
    due: String,
    state: &'static str,
    outcome: Option<String>,
    items: Vec<Item>,
    may_decide: bool,
}

async fn list(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    let newest = List { descending: true, ..List::first(LISTED) };
    let listed = reviews::list(app.ledger(), &visitor.scope(), newest).await?;
    let row = |review: &Stored<ReviewRecord>| Row {
        id: review.id.to_string(),
        opened: when(review.opened_at),
        due: when(review.due_at),
        state: review.state.name(),
        open: review.open_items(),
    };
    let opens = reviews::opens_at(app.ledger()).await?;
    let (may, fresh) = (visitor.may(Power::DecideReviews), visitor.session.is_fresh(app.ledger().clock().now()));
    Ok(page(&ReviewsPage {
        shell: shell("Access reviews", &visitor).confirming(may && !fresh, "/staff/reviews"),
        reviews: listed.records.iter().map(row).collect(),
        opens: opens.map_or_else(|| String::from("when there is staff"), when),
        may_open: may && fresh,
    }))
}

async fn open(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    let review = reviews::open(app.ledger(), &Acting::Staff(&visitor), None).await?;
    Ok(go(&format!("/staff/reviews/{}", review.id)))
}

fn id_of(text: &str) -> Result<Id<ReviewRecord>, PeopleError> {
    id_in(text, "there is no such review")
}

async fn show(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    Path(id): Path<String>,
) -> Result<Response, Refused> {
    let review = reviews::get(app.ledger(), &visitor.scope(), id_of(&id)?).await?;
    Ok(rendered(&app, &visitor, &review, &Attempt::default()))
}

fn rendered(app: &App, visitor: &StaffVisitor, review: &Stored<ReviewRecord>, sent: &Attempt) -> Response {
    let fresh = visitor.session.is_fresh(app.ledger().clock().now());
    let waits = !fresh && review.open_items() > 0;
    let outcome = review.outcome.as_ref().map(|outcome| {
        let (certified, revoked, lapsed) = (outcome.certified, outcome.revoked, outcome.lapsed);
        format!("{certified} certified, {revoked} revoked, {lapsed} lapsed; signed")
    });
    let items: Vec<_> = review.items.iter().map(|one| item(one, sent)).collect();
    let error = sent.wrong_elsewhere(items.iter().map(|item| item.staff.as_str()));
    let shown = ReviewPage {
        shell: shell("Access review", visitor)
            .with_error(error)
            .confirming(waits, format!("/staff/reviews/{}", review.id)),
        id: review.id.to_string(),
        opened: when(review.opened_at),
        due: when(review.due_at),
        state: review.state.name(),
        outcome,
        items,
        may_decide: fresh,
    };
    answered(sent.status(), &shown)
}

fn item(item: &ReviewItem, sent: &Attempt) -> Item {
    let staff = item.staff.to_string();
    let note = match &item.decision {
        Decision::Certified { note, at, .. } | Decision::Revoked { note, at, .. } => {
            Some(format!("{} – {note}", when(*at)))
        }
        Decision::Lapsed { at, .. } => Some(when(*at)),
        Decision::Open => None,
    };
    Item {
        typed: sent.text(&staff, "note", ""),
        wrong: sent.wrong(&staff),
        staff,
        name: item.name.clone(),
        roles: roles_of(item.roles),
        roles_seen: item.roles.iter().map(StaffRole::name).collect::<Vec<_>>().join(","),
        seen: item.last_sign_in_at.map_or_else(|| String::from("never"), when),
        factors: factors(item.factors),
        grants: format!("{} asked, {} approved", item.grants.asked, item.grants.approved),
        training: training(&item.training),
        decision: item.decision.name(),
        note,
        open: item.is_open(),
    }
}

fn factors(factors: Factors) -> String {
    let Factors { totp, passkeys, recovery_codes, .. } = factors;
    format!("{passkeys} passkeys, {totp} apps, {recovery_codes} recovery codes left")
}

fn training(seen: &TrainingSeen) -> String {
    match (seen.is_trained, seen.until) {
        (true, Some(until)) => format!("valid until {}", when(until)),
        (true, None) => String::from("none demanded"),
        (false, _) if seen.missing.is_empty() => String::from("not valid"),
        (false, _) => format!("missing: {}", seen.missing.join(", ")),
    }
}

async fn decide(
    State(app): State<App>,
    OneOfTheStaff(visitor): OneOfTheStaff,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let review = id_of(&id)?;
    let work = async {
        let about = id_in(form.text("staff"), "there is nobody with this id in the review")?;
        let verdict = match form.text("verdict") {
            "certify" => Verdict::Certify,
            "revoke" => Verdict::Revoke,
            _ => return Err(Problem::invalid("/verdict", "certify or revoke").into()),
        };
        let roles_seen = Some(roles_in(form.text("roles").split(',').filter(|name| !name.is_empty()))?);
        let word = Word { verdict, note: form.text("note").to_owned(), roles_seen };
        reviews::decide(app.ledger(), &visitor, review, about, word).await
    };
    match work.await {
        Ok(_) => Ok(go(&format!("/staff/reviews/{review}"))),
        Err(error) => {
            let sent = Attempt::failed(form.text("staff").to_owned(), form, error)?;
            let review = reviews::get(app.ledger(), &visitor.scope(), review).await?;
            Ok(rendered(&app, &visitor, &review, &sent))
        }
    }
}
