//! The staff's own pages, on the private listener: what one may do, who else is on the staff, grants.

mod grants;
mod legal;
mod people;
mod reviews;

use super::answer::{Refused, Shell, page};
use super::face::{Console, Face};
use super::gate::{Access, OneOfTheStaff, Page};
use super::invitations;
use askama::Template;
use axum::response::Response;
use axum::routing::get;
use bonded_people::staff::{Power, StaffRole, StaffVisitor};

pub(super) fn pages() -> Vec<Page> {
    let own =
        vec![Page::get(Access::Staff, "/staff", get(show)), Page::get(Access::Staff, "/staff/roles", get(show_roles))];
    [own, invitations::staff_pages(), people::pages(), grants::pages(), legal::pages(), reviews::pages()]
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
    powers: Vec<&'static str>,
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

/// What surrounds a staff page.
fn shell(title: &str, visitor: &StaffVisitor) -> Shell {
    Shell::of(title, Console::PREFIX, visitor.record.name.clone())
}

/// Roles in words, for a table's cell.
fn roles_of(roles: bonded_people::staff::StaffRoles) -> String {
    let names: Vec<_> = roles.iter().map(StaffRole::name).collect();
    if names.is_empty() { String::from("none") } else { names.join(", ") }
}

async fn show(OneOfTheStaff(visitor): OneOfTheStaff) -> Result<Response, Refused> {
    Ok(page(&HomePage {
        shell: shell(&visitor.record.name, &visitor),
        roles: roles_of(visitor.record.roles),
        trained: visitor.is_trained,
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
