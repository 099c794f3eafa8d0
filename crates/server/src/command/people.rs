//! `bonded staff`, `sign-out`, `training`, `review` and `roles`: the platform's own staff, and what people may do.

use super::account::invited;
use super::{tell, wish};
use crate::cli::{Choices, Course, Review, SignOut, Staff, Training};
use crate::desk::{CertificateGiven, CourseWish, Wish};
use crate::ending::{Code, Ending};
use crate::terminal::say;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bonded_people::training::CERTIFICATE_BYTES_MAX;
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

pub fn staff(choices: &Choices, staff: Staff) -> Result<(), Ending> {
    match staff {
        Staff::Invite { mail, role, unsealed } => {
            let done = wish(choices, Wish::StaffInvite { mail, roles: role }, &unsealed)?;
            tell(&done, &unsealed, invited);
        }
        Staff::Invitations { addresses, unsealed } => {
            let done = wish(choices, Wish::StaffInvitations { addresses }, &unsealed)?;
            tell(&done, &unsealed, |done| each(done, "invitations", "nobody is invited", invitation));
        }
        Staff::Withdraw { invitation: which, unsealed } => {
            let done = wish(choices, Wish::StaffWithdraw { invitation: id(&which)? }, &unsealed)?;
            tell(&done, &unsealed, invitation);
        }
        Staff::List { addresses, unsealed } => {
            let done = wish(choices, Wish::StaffList { addresses }, &unsealed)?;
            tell(&done, &unsealed, |done| each(done, "staff", "nobody is on the staff", person));
        }
        Staff::Roles { staff, roles, none: _, unsealed } => {
            let done = wish(choices, Wish::StaffRoles { staff: id(&staff)?, roles }, &unsealed)?;
            tell(&done, &unsealed, person);
        }
        Staff::End { staff, unsealed } => {
            let done = wish(choices, Wish::StaffEnd { staff: id(&staff)? }, &unsealed)?;
            tell(&done, &unsealed, person);
        }
    }
    Ok(())
}

pub fn sign_out(choices: &Choices, SignOut { mail, everybody: _, unsealed }: SignOut) -> Result<(), Ending> {
    // No address is taken for everybody's only where that was said: the command line sees to it.
    let asked = mail.map_or(Wish::SignOutEverybody, |mail| Wish::SignOut { mail });
    let done = wish(choices, asked, &unsealed)?;
    let count = |done: &Value| done.get("sessions").and_then(Value::as_u64).unwrap_or_default();
    tell(&done, &unsealed, |done| say!("sessions that ended  {}", count(done)));
    Ok(())
}

pub fn training(choices: &Choices, training: Training) -> Result<(), Ending> {
    match training {
        Training::List { unsealed } => {
            let done = wish(choices, Wish::TrainingList, &unsealed)?;
            tell(&done, &unsealed, |done| {
                each(done, "courses", "there is no course", course);
                say!("");
                each(done, "staff", "nobody is on the staff", standing);
            });
        }
        Training::Course(Course { name, about, required_for, valid_days, new_version, retire, unsealed }) => {
            let asked = CourseWish { name, about, required_for, valid_days, new_version, retire };
            let done = wish(choices, Wish::TrainingCourse(asked), &unsealed)?;
            tell(&done, &unsealed, course);
        }
        Training::Record { staff, course, on, of_version, certificate, unsealed } => {
            let certificate = certificate.as_deref().map(given).transpose()?;
            let asked = Wish::TrainingRecord { staff: id(&staff)?, course, on, of_version, certificate };
            let done = wish(choices, asked, &unsealed)?;
            tell(&done, &unsealed, |done| {
                say!("training  {}", word(done, "training"));
                say!("valid     until {}", word(done, "valid_until"));
            });
        }
    }
    Ok(())
}

pub fn review(choices: &Choices, review: Review) -> Result<(), Ending> {
    match review {
        Review::Open { every, unsealed } => {
            let done = wish(choices, Wish::ReviewOpen { every }, &unsealed)?;
            tell(&done, &unsealed, |done| {
                review_line(done);
                say!("\nThose who decide have been told by mail. What nobody certifies by then loses its roles.");
            });
        }
        Review::List { unsealed } => {
            let done = wish(choices, Wish::ReviewList, &unsealed)?;
            tell(&done, &unsealed, |done| {
                each(done, "reviews", "there was no review yet", review_line);
                say!("\nthe next one opens by itself at {}", word(done, "next_opens_at"));
            });
        }
        Review::Show { review, unsealed } => {
            let review = review.as_deref().map(id).transpose()?;
            let done = wish(choices, Wish::ReviewShow { review }, &unsealed)?;
            tell(&done, &unsealed, |done| {
                review_line(done);
                each(done, "items", "no account", item);
                match done.get("signature_is_good").and_then(Value::as_bool) {
                    Some(true) => say!("\nits result is signed with the key of the platform's log"),
                    Some(false) => say!("\nIT IS NOT WHAT WAS SIGNED: the review was changed after it was closed"),
                    None => {}
                }
            });
        }
    }
    Ok(())
}

/// Prints the table of roles, which needs no server.
pub fn roles(json: bool) {
    if json {
        say!("{}", bonded_people::roles::json());
    } else {
        say!("{}", bonded_people::roles::markdown().trim_end());
    }
}

/// A certificate's file, read no further than a certificate may be long.
fn given(path: &Path) -> Result<CertificateGiven, Ending> {
    let name = path.file_name().and_then(|name| name.to_str());
    let file_name =
        name.ok_or_else(|| Ending::new(Code::Usage, "the certificate's file has no plain name"))?.to_owned();
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Ending::file("read", path))?;
    file.take(CERTIFICATE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(Ending::file("read", path))?;
    if bytes.len() > CERTIFICATE_BYTES_MAX {
        return Err(Ending::new(Code::Usage, "a certificate has at most 256 KiB"));
    }
    Ok(CertificateGiven { file_name, base64: BASE64.encode(&bytes) })
}

fn person(person: &Value) {
    let [id, state, name] = ["staff", "state", "name"].map(|field| word(person, field));
    let trained = if flag(person, "is_trained") { "trained" } else { "not trained" };
    let factors = person.get("factors").unwrap_or(&Value::Null);
    let passkeys = factors.get("passkeys").and_then(Value::as_u64).unwrap_or_default();
    let totp = if flag(factors, "totp") { ", app" } else { "" };
    let seen = format!("last signed in {}", word(person, "last_sign_in_at"));
    let mail = person.get("mail").and_then(Value::as_str).map(|mail| format!("  {mail}")).unwrap_or_default();
    say!("{id}  {state:6}  {name}{mail}");
    say!("  {}  ({trained}; passkeys {passkeys}{totp}; {seen})", names(person, "roles"));
}

fn invitation(invitation: &Value) {
    let [id, state, until, by] = ["invitation", "state", "until", "invited_by"].map(|field| word(invitation, field));
    let mail = invitation.get("mail").and_then(Value::as_str).map(|mail| format!("  {mail}")).unwrap_or_default();
    say!("{id}  {state:9}  until {until}{mail}");
    say!("  {}  (invited by {by})", names(invitation, "roles"));
}

fn course(course: &Value) {
    let [id, state, name] = ["course", "state", "name"].map(|field| word(course, field));
    let [version, days] =
        ["version", "valid_days"].map(|field| course.get(field).and_then(Value::as_u64).unwrap_or_default());
    say!("{id}  {state:7}  {name}, version {version}, for {days} days; {}", names(course, "required_for"));
}

fn standing(person: &Value) {
    let trained = if flag(person, "is_trained") { "trained" } else { "NOT TRAINED" };
    say!("{}  {}  {trained}", word(person, "staff"), word(person, "name"));
    for course in person.get("courses").and_then(Value::as_array).into_iter().flatten() {
        let until = course.get("until").and_then(Value::as_str).unwrap_or_default();
        let line = format!("  {}  {}  {until}", word(course, "name"), word(course, "standing"));
        say!("{}", line.trim_end());
    }
}

fn review_line(review: &Value) {
    let [id, state, opened, due] = ["review", "state", "opened_at", "due_at"].map(|field| word(review, field));
    let [accounts, undecided] =
        ["accounts", "undecided"].map(|field| review.get(field).and_then(Value::as_u64).unwrap_or_default());
    say!("{id}  {state:6}  opened {opened}, due {due}; {undecided} of {accounts} undecided");
}

fn item(item: &Value) {
    let decision = item.get("decision").unwrap_or(&Value::Null);
    let note = decision.get("note").and_then(Value::as_str).map(|note| format!(": {note}")).unwrap_or_default();
    let [id, name] = ["staff", "name"].map(|field| word(item, field));
    say!("  {id}  {name}  {}  {}{note}", names(item, "roles"), word(decision, "is"));
}

/// Shows each of a list, or says that there is none.
fn each(done: &Value, list: &str, none: &str, show: impl Fn(&Value)) {
    let all = done.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().for_each(show);
    if all.is_empty() {
        say!("{none}");
    }
}

fn names(value: &Value, list: &str) -> String {
    let names = value.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let names: Vec<_> = names.collect();
    if names.is_empty() { String::from("no role") } else { names.join(", ") }
}

fn id<I: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<I, Ending> {
    text.parse().map_err(|bad| Ending::new(Code::Usage, format!("{bad}")))
}

fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or("-")
}

fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or_default()
}
