//! The published table of roles: what staff and members may do, written from the code that enforces it (A1).

use crate::Permission;
use crate::members::Role;
use crate::staff::{Power, StaffRole};
use serde_json::{Value, json};
use std::fmt::Write as _;

const HEAD: &str = "\
# Who may do what

This page is written by `cargo xtask roles` from the code that enforces it; `bonded roles` prints it for the program that
runs. A test fails when the two differ.

## The platform's staff

Staff reach the private listener only, always with a second factor. No role opens anything of a merchant account: for
that each account's own approval is needed, every time.

";

const MEMBERS: &str = "
## Members of a merchant account

Each role has all that the next one has. What says `yes` under *second factor* a member may do only after showing one,
and no API key can.

";

/// The table for people: Markdown whose columns stand under each other on a terminal too.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    let roles = StaffRole::ALL.map(StaffRole::name);
    let powers = Power::ALL.map(|power| {
        let has = StaffRole::ALL.map(|role| mark(power.roles().contains(&role)));
        row(power.name(), &has, power.about())
    });
    table(&mut text, &row("power", &roles, "what it means"), &powers);
    let named = |is_so: fn(StaffRole) -> bool| {
        let names: Vec<_> = StaffRole::ALL.into_iter().filter(|role| is_so(*role)).map(StaffRole::name).collect();
        names.join(", ")
    };
    let left: Vec<_> = Power::ALL
        .into_iter()
        .filter(|power| power.without_training())
        .map(|power| format!("`{}`", power.name()))
        .collect();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "\nOnly a passkey will do as the second factor of: {}.\n\nPowers rest without a valid course for: {}; except {}.\n\n\
         Nobody decides about their own account in a review: about the only reviewer, a security officer does.\n",
        named(StaffRole::needs_passkey),
        named(StaffRole::needs_training),
        left.join(", "),
    );
    text.push_str(MEMBERS);
    let permissions = Permission::ALL.map(|permission| {
        let has = Role::ALL.map(|role| mark(role.has(permission)));
        row(permission.name(), &has, mark(permission.is_grave()))
    });
    table(&mut text, &row("permission", &Role::ALL.map(Role::name), "second factor"), &permissions);
    text
}

/// The same for programs.
pub fn json() -> Value {
    let power = |power: Power| {
        json!({
            "power": power.name(),
            "about": power.about(),
            "roles": power.roles().iter().map(|role| role.name()).collect::<Vec<_>>(),
            "without_training": power.without_training(),
        })
    };
    let staff_role = |role: StaffRole| json!({"role": role.name(), "needs_passkey": role.needs_passkey(), "needs_training": role.needs_training()});
    let permission = |permission: Permission| {
        let roles: Vec<_> = Role::ALL.into_iter().filter(|role| role.has(permission)).map(Role::name).collect();
        json!({
            "permission": permission.name(),
            "roles": roles,
            "needs_second_factor": permission.is_grave(),
        })
    };
    json!({
        "staff": {"roles": StaffRole::ALL.map(staff_role), "powers": Power::ALL.map(power)},
        "members": {"roles": Role::ALL.map(Role::name), "permissions": Permission::ALL.map(permission)},
    })
}

const fn mark(has: bool) -> &'static str {
    if has { "yes" } else { "" }
}

fn row<'a>(first: &'a str, middle: &[&'a str], last: &'a str) -> Vec<&'a str> {
    let mut cells = vec![first];
    cells.extend_from_slice(middle);
    cells.push(last);
    cells
}

/// Adds a Markdown table whose cells are as wide as the widest of their column; the last one is as wide as it is.
fn table(text: &mut String, head: &[&str], rows: &[Vec<&str>]) {
    let widths: Vec<_> = (0..head.len().saturating_sub(1))
        .map(|column| {
            let cells = rows.iter().map(Vec::as_slice).chain([head]).filter_map(|cells| cells.get(column));
            cells.map(|cell| cell.len()).max().unwrap_or_default()
        })
        .collect();
    let mut line = |cells: &[&str]| {
        let padded = cells.iter().enumerate().map(|(column, cell)| {
            let width = widths.get(column).copied().unwrap_or_default();
            format!("| {cell:width$} ")
        });
        let padded: String = padded.collect();
        text.push_str(padded.trim_end());
        text.push_str(" |\n");
    };
    line(head);
    line(&vec!["---"; head.len()]);
    for cells in rows {
        line(cells);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_the_code_does() {
        let page = include_str!("../../../docs/roles.md");
        assert!(page == markdown(), "docs/roles.md is not what the code says: `cargo xtask roles` writes it anew");
    }

    #[test]
    fn the_table_for_programs_says_the_same() {
        let all = json();
        let support: Vec<_> = all["staff"]["powers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|power| power["roles"].as_array().unwrap().iter().any(|role| role == "support"))
            .map(|power| power["power"].as_str().unwrap())
            .collect();
        assert_eq!(support, ["accounts:find", "grants:ask", "mail:read"]);
        let viewer = |permission: &Value| permission["roles"].as_array().unwrap().iter().any(|role| role == "viewer");
        let permissions = all["members"]["permissions"].as_array().unwrap();
        assert!(permissions.iter().filter(|one| viewer(one)).all(|one| one["needs_second_factor"] == false));
    }
}
