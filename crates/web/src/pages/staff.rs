//! The staff's own pages, on the private listener: a page for each of their powers, and one's own.

mod grants;
mod legal;
mod log;
mod mail;
mod people;
mod reviews;
mod training;

use super::answer::{Links, Refused, Shell, page};
use super::face::{Console, Face};
use super::form::{Attempt, Choice};
use super::gate::{Access, OneOfTheStaff, Page};
use super::{invitations, when};
use crate::app::App;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use bonded_base::Problem;
use bonded_people::PeopleError;
use bonded_people::staff::{Power, StaffRole, StaffRoles, StaffVisitor};
use bonded_people::training::{CourseStanding, Standing, standing};

/// Where the head of a staff page can lead, and the power that opens it; each page asks for it once more.
const LINKS: [(Power, &str, &str); 9] = [
    (Power::FindAccounts, "/staff/accounts", "Accounts"),
    (Power::AskForGrants, "/staff/grants", "Grants"),
    (Power::ReadStaff, "/staff/people", "Staff"),
    (Power::ReadReviews, "/staff/reviews", "Reviews"),
    (Power::ManageTraining, "/staff/training", "Training"),
    (Power::ActOnLegalDemand, "/staff/legal", "Legal"),
    (Power::ReadMail, "/staff/mail", "Mail"),
    (Power::ReadPlatformLog, "/staff/log", "Log"),
    (Power::ReadFigures, "/metrics", "Figures"),
];

pub(super) fn pages() -> Vec<Page> {
    let own =
        vec![Page::get(Access::Staff, "/staff", get(show)), Page::get(Access::Staff, "/staff/roles", get(show_roles))];
    [
        own,
        invitations::staff_pages(),
        people::pages(),
        grants::pages(),
        legal::pages(),
        reviews::pages(),
        training::pages(),
        mail::pages(),
        log::pages(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[derive(Template)]
#[template(path = "staff_home.html")]
struct HomePage {
    shell: Shell,
    roles: String,
    trained: bool,
    courses: Vec<CourseRow>,
    powers: Vec<&'static str>,
}

/// A course, as somebody stands with it.
struct CourseRow {
    name: String,
    required: bool,
    stands: String,
}

impl From<&CourseStanding> for CourseRow {
    fn from(seen: &CourseStanding) -> Self {
        let stands = match seen.standing {
            Standing::Valid { until } => format!("valid until {}", when(until)),
            Standing::Expired { at } => format!("expired {}", when(at)),
            Standing::Never => String::from("never completed"),
        };
        Self { name: format!("{}, version {}", seen.name, seen.version), required: seen.is_required, stands }
    }
}

struct PowerRow {
    name: &'static str,
    about: &'static str,
    has: Vec<bool>,
}

#[derive(Template)]
#[template(path = "staff_roles.html")]
struct RolesPage {
    shell: Shell,
    roles: [&'static str; 5],
    powers: Vec<PowerRow>,
}

/// What surrounds a staff page. Its head leads to what this person may open now.
pub(super) fn shell(title: &str, visitor: &StaffVisitor) -> Shell {
    let mut links: Links = Vec::new();
    if visitor.is_let_in() {
        let open = LINKS.into_iter().filter(|(power, ..)| visitor.may(*power));
        links.extend(open.map(|(_, path, name)| (path, name)));
        links.push(("/staff/roles", "Roles"));
    }
    links.push(("/staff/security", "Security"));
    Shell::of(title, Console::PREFIX, visitor.record.name.clone()).with_links(links)
}

/// The roles as boxes of a form, ticked where the person or the course has them.
fn role_boxes(sent: &Attempt, form: &str, name: &str, present: StaffRoles) -> Vec<Choice> {
    let boxes = StaffRole::ALL.map(|role| (role, role.name(), present.contains(role)));
    sent.choices(form, name, boxes)
}

/// The roles that a form names.
fn roles_in(names: impl IntoIterator<Item: AsRef<str>>) -> Result<StaffRoles, PeopleError> {
    let roles = names.into_iter().map(|name| name.as_ref().parse::<StaffRole>()).collect::<Result<_, _>>();
    Ok(roles.map_err(|unknown| Problem::invalid("/roles", unknown.to_string()))?)
}

/// Roles in words, for a table's cell.
fn roles_of(roles: bonded_people::staff::StaffRoles) -> String {
    let names: Vec<_> = roles.iter().map(StaffRole::name).collect();
    if names.is_empty() { String::from("none") } else { names.join(", ") }
}

async fn show(State(app): State<App>, OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    let stands = standing(app.ledger(), &visitor.record, app.ledger().clock().now()).await?;
    Ok(page(&HomePage {
        shell: shell(&visitor.record.name, &visitor),
        roles: roles_of(visitor.record.roles),
        trained: visitor.is_trained,
        courses: stands.iter().map(CourseRow::from).collect(),
        powers: Power::ALL.into_iter().filter(|power| visitor.may(*power)).map(Power::about).collect(),
    }))
}

async fn show_roles(OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    let row = |power: Power| PowerRow {
        name: power.name(),
        about: power.about(),
        has: StaffRole::ALL.into_iter().map(|role| power.roles().contains(&role)).collect(),
    };
    let powers = Power::ALL.into_iter().map(row).collect();
    Ok(page(&RolesPage { shell: shell("Roles", &visitor), roles: StaffRole::ALL.map(StaffRole::name), powers }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_of_a_page_leads_where_its_power_opens() {
        let pages = crate::pages::private();
        for (power, path, _) in LINKS {
            let page = pages.iter().find(|page| page.path == path && page.method == "GET").unwrap();
            assert!([Access::With(power), Access::Collector(power)].contains(&page.access), "{path}");
        }
        let opens = |power| LINKS.iter().any(|(of, ..)| *of == power);
        let within = [Power::ManageStaff, Power::DecideReviews];
        assert!(Power::ALL.into_iter().all(|power| opens(power) || within.contains(&power)), "a power without a page");
    }
}
