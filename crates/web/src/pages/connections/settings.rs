//! What a connection keeps in step, and by which rules: the form and what it changes.

use super::{SyncField, direction_choices, direction_in, id_of, rendered, sync_fields, syncs_in};
use crate::app::App;
use crate::pages::answer::Refused;
use crate::pages::form::{Attempt, Choice, Form};
use crate::pages::gate::Member;
use crate::pages::of_trade;
use axum::extract::{Path, State};
use axum::response::Response;
use bonded_base::Problem;
use bonded_connect::connections::{self, Connection, ConnectionPatch, Policy, Repair, Unmatched};
use bonded_people::PeopleError;
use bonded_trade::Patch;
use bonded_trade::inventory::StalePolicy;

/// The name of the form.
pub(super) const SETTINGS: &str = "settings";

/// The form, as it stands or as it was typed.
pub(super) struct SettingsForm {
    pub directions: Vec<Choice>,
    pub syncs: Vec<SyncField>,
    pub buffer: String,
    pub markup: String,
    pub unmatched: Vec<Choice>,
    pub stale: String,
    pub counts_as: Vec<Choice>,
    pub repair: Vec<Choice>,
    pub wrong: Option<String>,
}

pub(super) fn form(connection: &Connection, sent: &Attempt) -> SettingsForm {
    let policy = &connection.policy;
    let ignores = policy.unmatched == Unmatched::Ignore;
    let unmatched = [("hold", "is held until you say what it is", !ignores), ("ignore", "is the shop's own", ignores)];
    let stale = policy.stale_after_s.map(|seconds| (seconds / 60).to_string()).unwrap_or_default();
    let as_zero = policy.stale == StalePolicy::Zero;
    let counts_as =
        [("last", "as it was counted last", !as_zero), ("zero", "as none, until it is heard again", as_zero)];
    let by_itself = policy.repair == Repair::Automatic;
    let repair =
        [("automatic", "is put right by itself", by_itself), ("on_request", "waits until you ask", !by_itself)];
    SettingsForm {
        directions: direction_choices(sent, SETTINGS, connection.direction),
        syncs: sync_fields(sent, SETTINGS, connection.syncs),
        buffer: sent.text(SETTINGS, "buffer", &policy.buffer.to_string()),
        markup: sent.text(SETTINGS, "markup", &policy.markup_percent.to_string()),
        unmatched: sent.choices(SETTINGS, "unmatched", unmatched),
        stale: sent.text(SETTINGS, "stale", &stale),
        counts_as: sent.choices(SETTINGS, "counts_as", counts_as),
        repair: sent.choices(SETTINGS, "repair", repair),
        wrong: sent.wrong(SETTINGS),
    }
}

pub(super) async fn save(
    State(app): State<App>,
    Member(visitor): Member,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refused> {
    let id = id_of(&id)?;
    let work = async {
        let scope = visitor.scope()?;
        let known = connections::get(app.ledger(), &scope, id).await.map_err(of_trade)?;
        let patch = ConnectionPatch {
            direction: Patch::Set(direction_in(&form)?),
            syncs: Patch::Set(syncs_in(&form)),
            policy: Patch::Set(policy_in(&form, &known.policy)?),
            ..ConnectionPatch::default()
        };
        connections::update(app.ledger(), &scope, id, Some(known.version), &patch).await.map_err(of_trade)
    };
    let done = work.await;
    rendered(&app, &visitor, id, &Attempt::after(done, "It is kept in step like this from now on.", SETTINGS, form)?)
        .await
}

/// The rules, with what the form says of them; those that it does not show stay.
fn policy_in(form: &Form, known: &Policy) -> Result<Policy, PeopleError> {
    let number = |name: &str, words: &'static str| -> Result<u32, Problem> {
        form.text(name).trim().parse().map_err(|_| Problem::invalid(format!("/{name}"), words))
    };
    let stale_after_s = match form.text("stale").trim() {
        "" => None,
        _ => Some(
            number("stale", "after how many minutes stock is stale is a whole number, or nothing")?.saturating_mul(60),
        ),
    };
    Ok(Policy {
        buffer: number("buffer", "how many pieces are kept back is a whole number")?,
        markup_percent: number("markup", "how many per cent are added is a whole number")?,
        unmatched: if form.text("unmatched") == "ignore" { Unmatched::Ignore } else { Unmatched::Hold },
        stale_after_s,
        stale: match form.text("counts_as") {
            "zero" => StalePolicy::Zero,
            "last" => StalePolicy::Last,
            _ => known.stale,
        },
        repair: match form.text("repair") {
            "on_request" => Repair::OnRequest,
            "automatic" => Repair::Automatic,
            _ => known.repair,
        },
        ..known.clone()
    })
}
